"""A proof of how good an interpolating network is.

The dual problem of ``min 1/2 sum_j (||u_j||^2 + alpha_j^2)`` subject to ``f(X) = y`` is ``max nu^T y`` subject to
``max |nu^T (X u)_+| <= 1`` over the directions that cost one, and ``Z^T nu = 0`` for the free terms Z. These directions
are the unit ball, or where the hidden bias is not penalised a cylinder.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.display import share_above
from .._utils.norms import unit_rows
from .._utils.threads import one_blas_thread
from ..duality.free_bias import free_bias_price
from ..duality.pricing import search_price, starts_beside
from ..duality.records import FEW_STARTS, N_STARTS, PRICE_TOLERANCE, Certificate, relative_to


@dataclass(frozen=True, repr=False)
class InterpolationCertificate(Certificate):
    """The proof of how good an interpolating network is.

    Attributes
    ----------
    primal : float
        The cost ``1/2 sum_j (||u_j||^2 + alpha_j^2)`` of the network as given, without biases that are not penalised.
    dual : float
        A valid lower bound on the cost of every interpolating network of every width (never below 0).
    dual_point : ndarray of shape (n_samples,)
        The nu that proves it, ``dual = nu^T y``; ``|nu^T (X u)_+| <= 1`` for all directions that cost one.
    misfit : float
        Largest residual of the network relative to the largest target. Where it is not zero the network's cost may
        be below that of every exact interpolant, by ``|nu^T residual|`` at most.
    rounding : float
        ``|nu|^T |residual|``: by as much the lower bound may be above the network's cost.
    proof, heuristic_gap, price
        As in `Certificate`.
    """

    misfit: float = 0.0

    @property
    def _detail(self):
        return f"misfit={self.misfit:.1e}, {super()._detail}"

    @property
    def relative_gap(self) -> float:
        """``gap / primal``, what the network misses by its residuals added to the gap; inf for a contradiction."""
        if self.is_contradiction:
            return np.inf
        return relative_to(self.primal, max(0.0, self.gap) + self.rounding)

    @property
    def _claim(self):
        own = {"optimal": "the smallest cost", "not proven": "smallest cost not proven"}
        return own.get(self.status, super()._claim)

    def __str__(self):
        return (
            f"Certificate: interpolates to {self.misfit:.1e}, {self._verdict}\n"
            f"  cost          {self.primal:.10g}\n"
            f"  lower bound   {self.dual:.10g}  (no interpolating network of any width is below)\n"
            f"  relative gap  {share_above(self.relative_gap)}  {self._about_gap}\n"
            f"  visible gap   {self.heuristic_gap:.2e}  (local ascents, no proof)"
        )

    def _shown(self):
        title, (_, bound, *rest) = super()._shown()
        cost = ("cost", f"{self.primal:.10g}")
        bound = ("lower bound", bound[1].replace("no network", "no interpolating network"))
        return title, [("misfit", f"{self.misfit:.1e}"), cost, bound, *rest]


def interpolation_price(problem, nu, **options):
    """Return the `Price` of a dual point over the directions that cost one; the options are those of `search_price`."""
    if problem.penalize_bias:
        return search_price(problem.design, nu, **options)
    return free_bias_price(problem.features, nu, **options)


def certify_interpolant(
    network, problem, nu, *, proof="auto", tolerance=PRICE_TOLERANCE, n_starts=N_STARTS, deadline=None, n_jobs=None
):
    """Certify an interpolating network by a dual point, wherever either comes from.

    Parameters
    ----------
    network : TwoLayerReLU
    problem : InterpolationProblem
    nu : ndarray of shape (n_distinct,)
        Any vector: it is projected off the free terms, priced, and scaled into the bound that is proven.
    """
    directions, sizes = unit_rows(problem.design[:0] if network.width == 0 else network.neurons)
    options = {"starts": directions[sizes > 0], "deadline": deadline, "n_jobs": n_jobs}
    with one_blas_thread():
        # A first look by local ascents tells the size of the price.
        nu, _ = problem.orthogonal(nu)
        seen = interpolation_price(problem, nu, proof="heuristic", n_starts=FEW_STARTS, **options).value
        # Scaled to a visible price of 1, so that the bound has to be pressed down to a known level.
        nu, leak = problem.orthogonal(nu / seen if seen > 0.0 else nu)
        found = interpolation_price(
            problem,
            nu,
            proof=proof,
            level=1.0 if seen > 0.0 else 0.0,
            tolerance=tolerance,
            n_starts=starts_beside(proof, problem.design, n_starts),
            **options,
        )
    primal, spill = problem.cost(network), problem.price_leak(leak)
    inner = problem.inner_below(nu, leak)
    # (nu / U)^T y is proven, where U bounds the price of every exact dual point within `leak`. Targets that disagree
    # to rounding have dual points of price zero, which would prove any bound: they prove none here.
    shrink = 1.0 / (found.upper_bound + spill) if inner > 0.0 and found.value + spill > 0.0 else 0.0
    dual, scaled = inner * shrink, shrink * nu
    # The bound is on exact interpolants: a residual e changes it by at most |nu|^T |e|.
    missed = float(np.abs(scaled) @ np.abs(problem.residual(network)))
    gap = relative_to(primal, max(0.0, primal - (inner / (found.value + spill) if shrink > 0.0 else 0.0)) + missed)
    return InterpolationCertificate(
        primal, dual, problem.spread(scaled), found.proof, gap, found, missed, misfit=problem.misfit(network)
    )
