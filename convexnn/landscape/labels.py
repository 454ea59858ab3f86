"""Exact labels of stationary points, from one primitive: the price of the network's own dual point.

Notation: ``nu = -grad L`` at the network's fit, ``g(u) = nu^T (X u)_+``, M the maximum of ``|g|`` on the unit ball.
A network is stationary when no one-sided directional derivative is negative. A neuron on data hyperplanes has one for
every pattern beside it: with s the sign of its output, the unit direction w, and the rows K on which it sits,

    ``beta w . h - s nu^T D X h - s sum_{i in K} nu_i (x_i . h)_+ >= 0``   for all h,

a box-constrained least-norm problem for every choice of the rows of K that pull outwards. Of a stationary network the
price says the rest: it is globally optimal iff ``M <= beta``; else a zero neuron makes it a saddle of curvature
``beta - M``; else a dependence between its fits leads to a zero neuron at no cost; else it is a strict local minimum.
The sufficiency is convexity's: along any move the objective changes by at least ``sum_j mass_j (beta - s_j g(w_j))``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from .._utils.aliases import ArrayLike, Proof
from .._utils.display import Shown, figure
from .._utils.norms import nonzero, norms
from .._utils.validation import check_choice, check_positive, deadline_after
from ..duality.pricing import PROOFS, search_price
from ..duality.records import Price
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.evaluation import FIT_ROUNDING
from ..programs.posing import problem_of, refuse_outputs
from ..solvers.base import free_terms

# A neuron sits on the hyperplane of a row when the sine of its angle to it is at most 1e-9.
KINK_SINE = 1e-9
# A neuron is zero when its weights are at most 1e-12 of the largest.
ZERO_NEURON_SHARE = 1e-12
# Fits are dependent when their smallest singular value is at most 1e-9 of the largest.
DEPENDENT_FITS_SHARE = 1e-9
# Pulls cancel when at most 1e-15 of the sum of their sizes is left.
CANCELLED_PULL_SHARE = 1e-15
# The shares of the rows on a kink are solved to 1e-15.
KINK_SHARE_TOLERANCE = 1e-15
# A neuron may sit on 14 hyperplanes that pull outwards: all their subsets are tried.
MAX_KINKS = 14
LABELS = ("global", "global (not proven)", "local-strict", "local-escapable", "saddle", "not-stationary")


@dataclass(frozen=True, repr=False)
class Step(Shown):
    """A direction in weight space.

    Attributes
    ----------
    neurons : ndarray of shape (width, n_inputs) or, with the hidden bias last, (width, n_inputs + 1)
    outputs : ndarray of shape (width,)
    free : ndarray of shape (n_free,)
        Skip weights, then the intercept, of those that the network has.
    """

    neurons: np.ndarray
    outputs: np.ndarray
    free: np.ndarray

    def applied(self, network: TwoLayerReLU, t: float) -> TwoLayerReLU:
        """Return the network a step of length t away from `network`."""
        skip = 0 if network.skip_weights is None else len(network.skip_weights)
        changes = {
            "hidden_weights": network.hidden_weights + t * self.neurons[:, : network.n_inputs],
            "output_weights": network.output_weights + t * self.outputs,
        }
        if network.hidden_bias is not None:
            changes["hidden_bias"] = network.hidden_bias + t * self.neurons[:, -1]
        if network.skip_weights is not None:
            changes["skip_weights"] = network.skip_weights + t * self.free[:skip]
        if network.intercept is not None:
            changes["intercept"] = network.intercept + t * self.free[-1]
        return type(network)(**changes)

    def __repr__(self):
        return f"Step({len(self.outputs)} neurons, moves {self._moved()})"

    def _moved(self):
        moved = np.flatnonzero(np.any(self.neurons != 0.0, axis=1) | (self.outputs != 0.0)).tolist()
        return f"{moved}{' and the free terms' if self.free.any() else ''}"

    def _shown(self):
        return "Step", [("neurons", str(len(self.outputs))), ("moves", self._moved())]


@dataclass(frozen=True, repr=False)
class Label(Shown):
    """The kind of point that a network is.

    Attributes
    ----------
    kind : str
        ``global``: no network of any width is better, and proven. ``global (not proven)``: no better one was found.
        ``saddle``: it has a zero neuron, and falls along `step` at the curvature given. ``local-escapable``: a local
        minimum from which a move at constant objective leads to a saddle. ``local-strict``: no such move. Else
        ``not-stationary``, with a `step` along which the objective falls.
    stationarity : float
        Largest violation of the conditions of first order, in units of beta (of the free terms: relative to the sum
        of what pulls on them); at most `tol` for all labels but the last.
    objective, beta : float
    price : Price or None
        Price of ``nu = -grad L`` at the network's fit; None where the network is not stationary.
    step : Step or None
        A unit vector in weight space.
    slope : float
        Derivative of the objective along `step`: negative if the network is not stationary, else 0.
    curvature : float
        Second derivative along `step`, ``beta - M``, of a saddle; else 0.
    """

    kind: str
    stationarity: float
    objective: float
    beta: float
    price: Price | None = None
    step: Step | None = None
    slope: float = 0.0
    curvature: float = 0.0

    def __repr__(self):
        return f"Label({self})"

    def __str__(self):
        text = f"{self.kind}: objective {self.objective:.10g}"
        if self.kind == "not-stationary":
            return f"{text}, violation {self.stationarity:.1e}, slope {self.slope:.3g} along the step"
        text += f", stationary to {self.stationarity:.1e}"
        if self.price is not None:
            text += f", M / beta {self.price.value / self.beta:.8g} ({self.price.proof})"
        if self.kind == "saddle":
            text += f", curvature {self.curvature:.6g}"
        return text

    def _shown(self):
        first = "violation" if self.kind == "not-stationary" else "stationary to"
        pairs = [("objective", figure(self.objective)), (first, f"{self.stationarity:.1e}")]
        if self.price is not None:
            pairs.append(("M / beta", f"{self.price.value / self.beta:.8g} ({self.price.proof})"))
        if self.slope < 0.0:
            pairs.append(("slope", f"{self.slope:.6g}"))
        if self.kind == "saddle":
            pairs.append(("curvature", f"{self.curvature:.6g}"))
        return f"Label: {self.kind}", pairs


def classify(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    tol: float = 1e-8,
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
    **options: Any,
) -> Label:
    """Label a network as a point of the landscape of its own width. It is not moved.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output; the problem has exactly the free terms that it has.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    tol : float
        Largest `stationarity` of a stationary point. Ends of gradient descent chatter on kinks: `polish` them first.
    proof : {"auto", "exact", "bound", "heuristic"}
        How the price is proven. Only an exact price gives the label ``global``.
    time_limit : float, optional
        Seconds for the price.
    n_jobs : int, optional
    **options
        ``sample_weight``, ``loss`` (a smooth one) and its ``huber_delta``.

    Returns
    -------
    Label

    Raises
    ------
    ValueError
        For bad input, for a loss with kinks, and where one neuron sits on more hyperplanes than can be gone through.

    Notes
    -----
    Eigenvalues of the Hessian cannot do this: they are non-negative at spurious minima, and there is none at kinks.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import classify
    >>> angles = np.deg2rad([0, 90, 180, 270])
    >>> X = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> u, mass = np.array([1.0, 1.0]) / np.sqrt(2), np.sqrt(2) - 0.1
    >>> network = TwoLayerReLU([np.sqrt(mass) * u], [np.sqrt(mass)])
    >>> found = classify(network.padded(2), X, np.ones(4), beta=0.1)
    >>> found.kind, round(found.objective, 6), round(found.curvature, 6)  # beta - sqrt(2)
    ('saddle', 1.136421, -1.314214)
    """
    refuse_outputs(y)
    problem = problem_of(network, X, y, beta, **options)
    if not problem.loss.is_smooth:
        raise InvalidInputError(f"labels need a differentiable loss; got loss={problem.loss.name!r}.")
    return label(
        problem,
        network,
        check_positive(tol, "tol"),
        check_choice(proof, "proof", PROOFS),
        deadline=deadline_after(time_limit),
        n_jobs=n_jobs,
    )


def label(problem, network, tol, proof, *, deadline=None, n_jobs=None):
    """Return the `Label` of a network of a checked `Problem`; see `classify`."""
    problem.check_network(network)
    nu = problem.loss.dual_point(problem.y, network.predict(problem.features), problem.weight)
    # First order: a violated condition gives a direction of descent.
    worst, step, slope = _steepest(problem, network, nu)
    known = worst, problem.objective(network), problem.beta
    if worst > tol:
        return Label("not-stationary", *known, step=step, slope=slope)
    options = {"proof": proof, "level": problem.beta, "starts": network.directions, "tolerance": 0.1 * tol}
    # Global: nothing is priced above beta. The price of a convex problem decides, not the neighbourhood.
    price = search_price(*problem.priced(nu), **options, deadline=deadline, n_jobs=n_jobs)
    if price.value <= problem.beta * (1.0 + tol):
        is_proven = price.proof == "exact" and price.upper_bound <= problem.beta * (1.0 + 2.0 * tol)
        return Label("global" if is_proven else "global (not proven)", *known, price)
    # Saddle: a zero neuron can take the violating direction, along which the curvature is beta - M.
    zero = np.flatnonzero(~_is_active(network))
    if len(zero):
        step = _step_at(problem, network, zero[0], price.direction, price.sign)
        return Label("saddle", *known, price, step, curvature=problem.beta - price.value)
    # Dependent fits can be moved, at constant objective, until one neuron is zero: then it is a saddle.
    return Label("local-escapable" if has_dependent_fits(problem, network) else "local-strict", *known, price)


def _is_active(network):
    """Which neurons are not zero."""
    sizes = np.maximum(norms(network.neurons), np.abs(network.output_weights))
    return sizes > ZERO_NEURON_SHARE * sizes.max(initial=0.0)


def _step_at(problem, network, k, direction, output):
    """Return the unit step that changes neuron k only."""
    neurons, outputs = np.zeros_like(network.neurons), np.zeros(network.width)
    size = np.hypot(np.linalg.norm(direction), output)
    neurons[k], outputs[k] = direction / size, output / size
    return Step(neurons, outputs, np.zeros(problem.free.shape[1]))


def has_dependent_fits(problem, network):
    """Whether the fits of the neurons are linearly dependent beside the free terms."""
    fits = np.sqrt(problem.weight)[:, None] * problem.hidden_fits(network.directions)
    fits = problem.project(fits / nonzero(norms(fits.T)))
    # More fits than rows are always dependent.
    if fits.shape[1] > fits.shape[0]:
        return True
    values = np.linalg.svd(fits, compute_uv=False)
    return bool(values.min(initial=np.inf) <= DEPENDENT_FITS_SHARE * values.max(initial=0.0))


def _steepest(problem, network, nu):
    """Return the largest violation of stationarity, the unit `Step` there and the slope of the objective along it."""
    columns = problem.free
    pull = columns.T @ nu
    sizes = np.abs(columns).T @ np.abs(nu)
    # Entries of Z' nu that rounding explains are zero.
    pull[np.abs(pull) <= np.abs(columns).T @ _rounding(problem, network)] = 0.0
    worst, step, slope = 0.0, None, 0.0
    if pull.any():
        worst = float((np.abs(pull) / nonzero(sizes)).max())
        size = max(np.linalg.norm(pull), np.finfo(float).tiny)
        step = Step(np.zeros_like(network.neurons), np.zeros(network.width), pull / size)
        slope = -size
    for k in np.flatnonzero(_is_active(network)):
        violation, direction, output = _neuron_pull(problem, network.neurons[k], network.output_weights[k], nu)
        if violation > worst:
            worst, slope = violation, -float(np.hypot(np.linalg.norm(direction), output))
            step = _step_at(problem, network, k, direction, output)
    return worst, step, slope


def _rounding(problem, network):
    """Return the largest size of an entry of nu that is 0 but for rounding."""
    fits = problem.hidden_fits(network.neurons) @ np.abs(network.output_weights)
    sizes = np.abs(problem.y) + fits + np.abs(problem.free) @ np.abs(free_terms(network))
    return FIT_ROUNDING * problem.loss.largest_curvature * problem.weight * sizes


def _neuron_pull(problem, neuron, output, nu):
    """Return the violation of stationarity at a neuron, and the steepest descent of its weights.

    The violation is relative to ``beta`` times the larger of its two weights.
    """
    beta, size = problem.beta, np.linalg.norm(neuron)
    values = problem.design @ neuron
    on_kink = np.abs(values) <= KINK_SINE * size * norms(problem.design)
    active = (values > 0) & ~on_kink
    # The smooth part of the slope: alpha X' D nu - beta u, over the rows that are clearly on.
    smooth = output * (problem.design[active].T @ nu[active]) - beta * neuron
    direction = _steepest_at_kinks(smooth, output * nu[on_kink], problem.design[on_kink])
    change = float(nu[active] @ values[active]) - beta * output
    scale = beta * max(size, abs(output))
    return float(np.hypot(np.linalg.norm(direction), change) / scale), direction, change


def _steepest_at_kinks(smooth, pulls, rows):
    """Maximise ``smooth . h + sum_i pulls_i (rows_i . h)_+`` over the unit ball; return value times maximiser.

    The rows that pull outwards count or not, in every combination: the largest of these maxima is the maximum. The
    others stay exact: the maximum of ``v . h - sum_i c_i (x_i . h)_+`` is the least norm of ``v - sum_i w_i c_i x_i``
    over w in [0, 1].
    """
    sizes = norms(rows)
    rows, which = np.unique(rows[sizes > 0] / sizes[sizes > 0, None], axis=0, return_inverse=True)
    pulls = np.bincount(which.reshape(-1), (pulls * sizes)[sizes > 0], len(rows))  # parallel rows add up
    outwards, inwards = rows[pulls > 0] * pulls[pulls > 0, None], rows[pulls < 0] * pulls[pulls < 0, None]
    if len(outwards) > MAX_KINKS:
        raise InvalidInputError(
            f"a neuron sits on {len(outwards)} hyperplanes that pull outwards; labels go through all combinations of "
            f"at most {MAX_KINKS}. Move the network off the kinks."
        )
    best = np.zeros(len(smooth))
    for chosen in product((0.0, 1.0), repeat=len(outwards)):
        rest = smooth + np.array(chosen) @ outwards
        if len(inwards):
            rest = _least_norm(rest, inwards)
        if np.linalg.norm(rest) > np.linalg.norm(best):
            best = rest
    total = np.linalg.norm(smooth) + np.abs(pulls) @ norms(rows)
    return best if np.linalg.norm(best) > CANCELLED_PULL_SHARE * total else np.zeros(len(smooth))


def _least_norm(rest, inwards):
    """Return ``rest + sum_i w_i inwards_i`` of least norm over w in [0, 1]; the solver's tolerance is absolute."""
    size = max(np.abs(rest).max(), np.abs(inwards).max())
    return rest + inwards.T @ lsq_linear(inwards.T / size, -rest / size, (0.0, 1.0), "bvls", tol=KINK_SHARE_TOLERANCE).x
