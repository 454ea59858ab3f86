"""The proof of gated ReLU blocks, recomputed from the blocks: a primal value, a feasible dual point and their gap.

The dual of the gated program over the gates 1..P is ``max -L*(-nu)`` subject to ``||X' D_p nu|| <= beta`` for every p
and ``Z' nu = 0``: finitely many norms, so that its price is exact and no search is needed. With several outputs they
are spectral norms of matrices.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.display import figure, share_above
from ..duality.records import Bracket
from .program import block_sizes, gate_prices, gated_fit

# float64 computes the price of a gate to within 16 units in the last place of sum_i ||nu_i|| ||x_i||.
GATE_PRICE_ROUNDING = 16.0 * np.finfo(float).eps


@dataclass(frozen=True, repr=False)
class GatedCertificate(Bracket):
    """The proof of how good a gated ReLU model is, over its own gates.

    Attributes
    ----------
    primal : float
        ``sum_i w_i loss(y_i, f(x_i)) + beta sum_p ||w_p||``, with the free terms that fit best; nuclear norms of the
        blocks with several outputs.
    dual : float
        A lower bound on it for all blocks on these gates (never below 0). Other gates may do better.
    dual_point : ndarray of shape (n_samples,), or (n_samples, n_outputs) for several outputs and for one-vs-rest
        The point that proves it.
    n_gates : int
    """

    n_gates: int

    @property
    def status(self) -> str:
        """``"optimal over these gates"`` when the relative gap is at most 1e-6, else ``"not proven"``."""
        return "optimal over these gates" if super().status == "optimal" else "not proven"

    @property
    def _claim(self):
        return self.status if self.status != "not proven" else "optimality over these gates not proven"

    @property
    def _bounding(self):
        # The price of finitely many gates is a maximum of norms.
        return "exact"

    @property
    def _detail(self):
        return f"n_gates={self.n_gates}"

    def __str__(self):
        verdict = self._verdict.replace("these", f"these {self.n_gates}")
        return (
            f"Certificate: {verdict}\n"
            f"  objective     {self.primal:.10g}\n"
            f"  lower bound   {self.dual:.10g}  (no blocks on these gates are below)\n"
            f"  relative gap  {share_above(self.relative_gap)}  {self._about_gap}\n"
            f"  gates         {self.n_gates}  (gated ReLU; other gates may do better)"
        )

    def _shown(self):
        return f"Certificate: {self._verdict}", [
            ("objective", figure(self.primal)),
            ("lower bound", f"{self.dual:.10g}, no blocks on these gates are below"),
            ("relative gap", f"{share_above(self.relative_gap)}, {self._about_gap}"),
            ("gates", f"{self.n_gates}; other gates may do better"),
        ]


def certify_gated(problem, masks, blocks, dual_point=None):
    """Return the `GatedCertificate` of blocks, for any smooth loss and for one output or several.

    Parameters
    ----------
    problem : Problem
    masks : ndarray of bool of shape (n_gates, n_samples)
    blocks : ndarray of shape (n_gates, n_inputs), or (n_gates, n_inputs, n_outputs)
    dual_point : ndarray of shape (n_samples,), or (n_samples, n_outputs), optional
        Another dual point, orthogonal to the free terms, that may prove more than the gradient at the blocks' fit.
        It is shrunk until it is feasible, as that one is.
    """
    hidden = gated_fit(problem.design, masks, blocks)
    nu = problem.dual_point(hidden)
    # Every dual point proves a bound of its own; the certificate keeps the one that proves most.
    candidates = [nu] if dual_point is None else [nu, dual_point]
    dual, best = max((scaled_dual(problem, masks, point) for point in candidates), key=lambda pair: pair[0])
    primal = fit_loss(problem, hidden, nu) + problem.beta * float(block_sizes(blocks).sum())
    return GatedCertificate(primal, dual, best, len(masks))


def fit_loss(problem, hidden, nu=None):
    """Return the loss of a hidden fit beside its best free terms; `nu` is the squared loss's dual point there."""
    # L = sum_i nu_i^2 / (2 w_i) from the residual: the difference of fit and target would cost digits far from zero.
    if problem.loss.is_quadratic:
        nu = problem.dual_point(hidden) if nu is None else nu
        return 0.5 * float(nu.ravel() @ (nu / problem.beside(problem.weight)).ravel())
    fit = hidden + problem.free @ problem.free_coefficients(hidden)
    return problem.loss.value(problem.y, fit, problem.weight)


def scaled_dual(problem, masks, nu):
    """Return the best dual value along nu that is feasible, and the point at which it is reached."""
    # Z' nu = 0 holds to within `leak` after the projection; the dual bound pays for what is left.
    nu, leak = problem.orthogonal(nu)
    price = gate_prices(problem.design, masks, nu).max(initial=0.0)
    # The dual bound must hold in exact arithmetic, so the price is rounded upwards.
    price += GATE_PRICE_ROUNDING * problem.price_leak(nu)
    value, scale = problem.dual_bound(nu, price, leak)
    return value, scale * nu
