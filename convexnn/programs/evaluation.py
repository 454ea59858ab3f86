"""The objective of a network in exact arithmetic, rounded up, and the part of it that float64 cannot do without.

A network is a function of real numbers: its free terms may be huge and cancel, and what float64 makes of its values is
something else then. Where a bound on the rounding says that it matters, the values are computed again with twice the
digits.
"""

import numpy as np

from .. import _double_double as dd
from .._norms import norms
from ..losses import sum_rounding

EPS = np.finfo(float).eps
NEVER_ZERO = ("logistic", "multinomial")  # losses that are above 0 everywhere
ROUNDING = 16.0 * EPS  # relative to what is added up, what float64 may leave of an exact fit
EXACT_ENOUGH = 1e-13  # relative: a sum whose rounding may be more is computed again
AFFORDABLE = 10_000_000  # products of a value with twice the digits; above, the bound on the rounding is added


def objective_above(problem, network):
    """Return the objective of a network as it is given, at least that in exact arithmetic, and its rounding.

    The rounding is the part of it that comes from rows fitted to rounding, see `fitted_terms`.
    """
    fit = network.predict(problem.features)
    penalty = network.penalty(problem.beta) * (1.0 + EPS * (network.neurons.size + 8.0))
    error = _fit_rounding(problem, network)
    with np.errstate(over="ignore", invalid="ignore"):
        terms = _terms_above(problem, problem.y - fit, fit, error)
        known, least = _total(problem, terms), _total(problem, _terms_above(problem, problem.y - fit, fit, 0.0 * error))
        matters = not known - least <= EXACT_ENOUGH * (least + penalty)
        if matters and problem.design.size * (network.width + 1) * fit[:1].size <= AFFORDABLE:
            terms = _terms_above(problem, *_accurate(problem, network))
        rounding = _total(problem, np.where(fitted_terms(problem, terms), terms, 0.0))
        return _total(problem, terms) * (1.0 + sum_rounding(terms.size)) + penalty, rounding


def _total(problem, terms):
    """The weighted sum of the loss of every entry, added in pairs: see `sum_rounding`."""
    return float(np.sum(problem.weight * (terms if terms.ndim == 1 else terms.sum(axis=1))))


def _terms_above(problem, residual, fit, error):
    """Bounds on the loss of every entry at values known to `error`; from the residual where the loss is one of it."""
    if problem.loss.labels:
        return problem.loss.terms_above(problem.y, fit, error)
    return problem.loss.terms_above(np.zeros_like(fit), -residual, error)


def _fit_rounding(problem, network):
    """Bound on the rounding of the network's values in float64, of their shape."""
    outputs = _as_columns(network.output_weights, problem)
    rows = problem.row_norms[:, None]
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


def fitted_terms(problem, terms):
    """Which rows are fitted to rounding, from the loss of each: the shape of `terms`.

    A residual counts as rounding when it is below 16 units in the last place of the numbers that the best free terms
    add up there, and of the target.
    """
    if problem.loss.name in NEVER_ZERO:
        return np.zeros(terms.shape, dtype=bool)
    allowed = ROUNDING * problem.summands
    ends = [problem.loss.terms(problem.y, problem.y + side * allowed) for side in (-1.0, 1.0)]
    return terms <= np.maximum(*ends)
