"""The objective of a network in exact arithmetic, rounded up, and the part of it that float64 cannot do without.

A network is a function of real numbers: its free terms may be huge and cancel, and what float64 makes of its values is
something else then. Where a bound on the rounding says that it matters, the values are computed again with twice the
digits.
"""

import math

import numpy as np

from .._utils import double_double as dd
from .._utils.norms import norms
from .._utils.row_blocks import is_huge

EPS, SMALLEST = np.finfo(float).eps, np.finfo(float).smallest_subnormal
FIT_ROUNDING = 16.0 * EPS  # float64 may leave this share of what is added up of an exact fit
MAX_UNSEEN_ROUNDING = 1e-15  # an objective is computed again where its rounding may exceed this share of it,
MAX_LONG_ROUNDING = 1e-10  # or this one, which nobody sees beside a gap either, where that takes long
MAX_QUICK_PRODUCTS, MAX_PRODUCTS = 3_000_000, 100_000_000  # with twice the digits: a tenth of a second; some seconds


def objective_above(problem, network):
    """Return the objective of a network as it is given, at least that in exact arithmetic, and its rounding.

    The rounding is the loss where all rows are fitted to rounding, see `is_fitted`, and else 0.
    """
    fit = network.predict(problem.features)
    penalty = _penalty_above(problem.penalised(network), problem.beta)
    error = _fit_rounding(problem, network)
    with np.errstate(over="ignore", invalid="ignore"):
        # The loss from above at values known to `error`, and without the error: the difference is the rounding.
        terms = _terms_above(problem, problem.y - fit, fit, error)
        known, least = _total(problem, terms), _total(problem, _terms_above(problem, problem.y - fit, fit, 0.0 * error))
        n_products = problem.design.size * (network.width + 1) * fit[:1].size
        within = MAX_UNSEEN_ROUNDING if n_products <= MAX_QUICK_PRODUCTS else MAX_LONG_ROUNDING
        # Twice the digits where that difference shows beside the objective; a comparison with NaN matters too.
        matters = not known - least <= within * (least + penalty)
        if matters and n_products <= MAX_PRODUCTS and not is_huge(problem.design):
            terms = np.minimum(terms, _terms_above(problem, *_accurate(problem, network)))
        loss = _total(problem, terms)
        return float(loss + penalty), float(loss) if is_fitted(problem, terms) else 0.0


def _total(problem, terms):
    """The weighted sum of the loss of every entry, rounded up."""
    weighted = (problem.weight * terms.T).ravel()
    return math.fsum(weighted) * (1.0 + 8.0 * EPS) if np.all(np.isfinite(weighted)) else np.inf


def _penalty_above(network, beta):
    """The penalty of a network, rounded up; infinite where it leaves float64, as squares may."""
    sizes = np.sqrt(0.5 * beta) * np.concatenate([network.neurons.ravel(), network.output_weights.ravel()])
    squares = sizes * sizes
    tiny = SMALLEST * np.count_nonzero(sizes)  # what squares that underflow may have lost
    return math.fsum(squares) * (1.0 + 8.0 * EPS) + tiny if np.all(np.isfinite(squares)) else np.inf


def _terms_above(problem, residual, fit, error):
    """Bounds on the loss of every entry at values known to `error`; from the residual where the loss is one of it."""
    if problem.loss.labels:
        terms = problem.loss.terms_above(problem.y, fit, error)
    else:
        terms = problem.loss.terms_above(np.zeros_like(fit), -residual, error)
    return np.where(np.isnan(terms), np.inf, terms)  # values that overflow


def _fit_rounding(problem, network):
    """Bound on the rounding of the network's values in float64, of their shape."""
    outputs = _as_columns(network.output_weights, problem)
    rows = problem.row_norms[:, None]
    # |x_i . u_j| |alpha_j| <= ||x_i|| ||u_j|| |alpha_j|, summed over the neurons, and the free terms.
    size = rows * (norms(network.neurons) @ np.abs(outputs))
    if network.skip_weights is not None:
        size = size + rows * norms(_as_columns(network.skip_weights, problem).T)
    if network.intercept is not None:
        size = size + np.abs(network.intercept)
    size = size.reshape(problem.y.shape) + np.abs(problem.y)
    return EPS * (problem.design.shape[1] + 2.0 * network.width + 8.0) * size


def _as_columns(weights, problem):
    """Weights of shape (k,) or (k, n_outputs) as (k, n_outputs)."""
    return weights.reshape(len(weights), *(problem.y.shape[1:] or (1,)))


def _accurate(problem, network):
    """Return residual, fit and a bound on the error of both, from values with twice the digits."""
    rounding = _fit_rounding(problem, network) * (dd.EPSILON / EPS)
    relu = network.to_relu() if hasattr(network, "to_relu") else network
    # X u, its ReLU and the sums over neurons as pairs of floats, then skip and intercept.
    values = dd.relu_sums(problem.design.astype(np.float64), relu.neurons, _as_columns(relu.output_weights, problem))
    if relu.skip_weights is not None:
        skip = _as_columns(relu.skip_weights, problem)
        values = dd.add(values, dd.total(dd.two_product(problem.features.T[:, :, None], skip[:, None])))
    if relu.intercept is not None:
        values = dd.add(values, (np.asarray(relu.intercept), np.zeros(1)))
    targets = _as_columns(problem.y, problem)
    residual = dd.add((targets, np.zeros_like(targets)), (-values[0], -values[1]))[0]
    residual, fit = residual.reshape(problem.y.shape), values[0].reshape(problem.y.shape)
    return residual, fit, 2.0 * EPS * np.abs(fit if problem.loss.labels else residual) + rounding


def is_fitted(problem, terms):
    """Whether every row is fitted to rounding, from the loss of each entry.

    A residual counts as rounding when it is below 16 units in the last place of the numbers that the best free terms
    add up there, and of the target. One row that is not fitted makes the loss of all others count too.
    """
    if not problem.loss.can_vanish:
        return False
    # The loss where a residual is as large as rounding may make it, to either side.
    allowed = FIT_ROUNDING * problem.summands
    ends = [problem.loss.terms(problem.y, problem.y + side * allowed) for side in (-1.0, 1.0)]
    return bool(np.all(terms <= np.maximum(*ends)))
