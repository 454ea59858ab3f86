"""The proof of how good a network is, from sums over all rows: nothing as long as the data is kept.

The dual point of a network is made anew in every pass, block by block. How far it may be from one that is orthogonal to
the free terms is paid for by a bound on the price. The price itself is bounded by trust-region problems, whose matrices
are sums, and the dual value is tried at many scales in one pass. All of it is computed in double precision on the CPU,
whatever the precision and the device of X.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from .._utils.arrays import in_double, row_norms, with_doubles
from .._utils.norms import norms
from .._utils.validation import is_late
from ..duality.large.rows import totals_of
from ..duality.large.shards import bound_of_sums
from ..duality.records import Certificate, Price, relative_to
from ..losses.base import sum_rounding
from ..programs.problem import ROUNDING_DOWN_FACTOR
from .dual_points import EPS, DualPoint, used
from .sums import sum_over
from .weights import free_columns

MAX_BOUND_INPUTS = 2000  # up to so many inputs the price is bounded by matrices of that size
MAX_BLOCK_BOUND_PASSES = 4  # the bound of the price takes at most so many passes
N_SCALES = 32  # scales of the dual point that are tried in a pass
N_SCALE_PASSES = 2  # each pass tries scales around the best ones of the pass before
MAX_KEPT_ENTRIES = 10_000_000  # the certificate holds dual points of at most so many entries


def certify_on_blocks(source, rows, weights, point, beta, found, deadline=None):
    """Return the `Certificate` of weights by a dual point.

    Parameters
    ----------
    source : RowSource
    rows : Rows
    weights : Weights
    point : DualPoint or None
        None where the free terms cannot be told apart: the lower bound is then zero.
    beta : float
    found : (float, ndarray, int)
        The largest price that ascents have found, where, and its sign.
    deadline : Moment, optional
    """
    value, direction, sign = found
    keep = rows.n_rows * weights.n_outputs <= MAX_KEPT_ENTRIES
    if point is None:
        (loss,) = sum_over(source.each(_loss_of, weights))
        primal, none = _objective(loss, weights, beta), np.zeros((rows.n_rows if keep else 0, weights.n_outputs))
        price = Price(value, np.inf, direction, sign, "heuristic")
        return Certificate(primal, 0.0, _shaped(none, rows), "heuristic", 1.0, price)
    # Sizes: the loss, by how much the leak may raise the price, and the domain of the conjugate.
    found_sizes = list(source.each(_sizes_of, point))
    loss, leaked = (sum(one[k] for one in found_sizes) for k in range(2))
    within, norm, largest = (one([sizes[k] for sizes in found_sizes]) for k, one in ((2, min), (3, max), (4, max)))
    primal = _objective(loss, weights, beta)
    # The price: what ascents have found, and a bound.
    counts = any(sizes[5] for sizes in found_sizes)
    upper = max(value, _price_bound(source, rows, point, (norm, largest), deadline) if counts else 0.0)
    price = Price(value, upper, direction, sign, "heuristic")
    # The scales t with t price <= beta inside the domain, for the bound of the price and for the price that is seen.
    limits = [ROUNDING_DOWN_FACTOR * min(_quotient(beta, one + leaked), within) for one in (upper, value)]
    (proven, scale), (seen, _) = _best_scales(source, point, limits)
    parts = [scale * part for part in source.each(_dual_point_of, point)] if keep else []
    dual_point = np.concatenate([*parts, np.zeros((0, weights.n_outputs))])
    gaps = relative_to(primal, primal - seen)
    return Certificate(primal, proven, _shaped(dual_point, rows), "heuristic", gaps, price)


def _objective(loss, weights, beta):
    """Return the objective, rounded up."""
    return (loss + weights.penalty(beta)) * (1.0 + sum_rounding(weights.neurons.size + weights.outputs.size))


def _quotient(beta, price):
    """Return ``beta / price``, inf for a price of zero."""
    return beta / price if price > 0.0 else np.inf


def _shaped(dual_point, rows):
    return dual_point[:, 0] if rows.n_outputs is None else dual_point


def _loss_of(block, weights):
    """Return a bound on the loss of a block, as a tuple."""
    block = used(block)
    sizes = row_norms(block.X, weights.terms.hidden_bias)
    return (_loss_above(block, weights, weights.fit(with_doubles(block.X)), sizes),)


def _loss_above(block, weights, fit, row_sizes):
    """Return a bound on the loss of a block that rounding cannot exceed, from the fit and the norms of the rows."""
    if len(block.y) == 0:
        return 0.0
    shape, error = block.y.shape, weights.fit_error(row_sizes)
    terms = weights.terms.loss.terms_above(block.y, fit.reshape(shape), error.reshape(shape))
    values = terms.reshape(len(terms), -1).sum(axis=1)
    return float(block.weight @ values) * (1.0 + sum_rounding(terms.size))


def _dual_point_of(block, point):
    """Return nu at the rows of a block, zeros where the weight is zero."""
    values = np.zeros((len(block.y), point.weights.n_outputs))
    values[block.weight > 0.0] = point.at(used(block)).nu
    return values


def _sizes_of(block, point):
    """Return sums and extremes of a block.

    A bound on the loss, ``sum_i ||leak_i|| ||x_i||``, the domain, the largest row norm, the largest ``||nu_i||``, and
    whether any ``||nu_i|| ||x_i||`` is above 0.
    """
    block = used(block)
    _, fit, nu, room, columns = point.at(block)
    leak, sizes = point.leaks(nu, room, columns), _row_norms(block.X, point)
    shaped = [part.reshape(block.y.shape) for part in (nu, leak)]
    within = point.weights.terms.loss.domain_within(block.y, *shaped, block.weight) if len(block.y) else np.inf
    loss, lengths = _loss_above(block, point.weights, fit, sizes), norms(nu)
    extremes = within, sizes.max(initial=0.0), lengths.max(initial=0.0)
    return loss, float(norms(leak) @ sizes), *extremes, bool(np.any((lengths > 0.0) & (sizes > 0.0)))


def _inputs(X, point):
    """Return rows as the hidden layer sees them, in double precision."""
    X = in_double(X)
    return np.column_stack([X, np.ones(len(X))]) if point.weights.terms.hidden_bias else X


def _row_norms(X, point):
    """Return the norms of rows as the hidden layer sees them."""
    return row_norms(X, point.weights.terms.hidden_bias)


@dataclass(frozen=True)
class _DualSums:
    """Sums of functions of ``(X, nu, *arguments, units)`` over all blocks, as `duality.large` has them for shards."""

    source: object
    point: DualPoint
    units: tuple

    def of(self, function, *arguments):
        """Return the sums of the tuples that `function` returns."""
        return sum_over(self.source.each(partial(_on_dual, function, self.point), *arguments, self.units))


def _on_dual(function, point, block, *arguments):
    """Apply a function to the rows of a block and nu."""
    block = used(block)
    return function(_inputs(block.X, point), _flat(point.at(block).nu), *arguments)


def _flat(nu):
    """Return nu of one output, or the norms of its rows where there are several."""
    return nu[:, 0] if nu.shape[1] == 1 else norms(nu)


def _price_bound(source, rows, point, units, deadline):
    """Return a valid bound on the largest price of the dual point, of several outputs too."""
    scale = units[0] * units[1]
    if scale == 0.0:
        return 0.0
    sums, n_inputs = _DualSums(source, point, units), rows.n_features + point.weights.terms.hidden_bias
    if n_inputs > MAX_BOUND_INPUTS or is_late(deadline):
        (lengths,) = sum_over(source.each(_lengths_of, point, units))
        rounded = lengths.max() * (1.0 + 4.0 * EPS * (rows.n_rows + n_inputs))
        return scale * (rounded + rows.n_rows * np.finfo(float).tiny)  # products may have underflowed
    if point.weights.n_outputs == 1:
        return scale * bound_of_sums(sums, rows.n_rows, deadline, MAX_BLOCK_BOUND_PASSES)[0]
    # sum_i ||nu_i|| (x_i u)_+ <= root of (sum ||nu_i|| ||x_i||) times (sum ||nu_i|| (x_i u)^2 / ||x_i||), by Cauchy.
    _, lengths, moments = sums.of(totals_of)
    rounding = 4.0 * EPS * (rows.n_rows + n_inputs + 8)
    largest = np.linalg.eigvalsh(moments[0])[-1] + rounding * lengths[0]
    rounded = (1.0 + rounding) * min(lengths[0], np.sqrt(lengths[0]) * np.sqrt(largest))
    return scale * (rounded + rows.n_rows * np.finfo(float).tiny)


def _lengths_of(block, point, units):
    """Return ``sum |nu_i| ||x_i||`` over the rows of positive and of negative nu, in units."""
    block = used(block)
    nu = _flat(point.at(block).nu)
    products = (nu / units[1]) * (_row_norms(block.X, point) / units[0])
    return (np.array([products[products > 0].sum(), -products[products < 0].sum()]),)


def _best_scales(source, point, limits):
    """Return for every limit the largest dual value found on [0, limit], which is valid, and its scale; or zeros."""
    best = [(0.0, 0.0) for _ in limits]
    ranges = [(0.0, 1.0 if np.isinf(limit) else limit) for limit in limits]
    for _ in range(N_SCALE_PASSES if max(limits) > 0.0 else 0):
        scales = [np.linspace(low, high, N_SCALES + 1)[1:] for low, high in ranges]
        (values,) = sum_over(source.each(_dual_values, point, np.concatenate(scales)))
        for j, own in enumerate(np.split(values, len(limits))):
            k, step = int(np.argmax(own)), scales[j][1] - scales[j][0]
            best[j] = max(best[j], (float(own[k]), float(scales[j][k])))
            ranges[j] = max(0.0, scales[j][k] - step), min(ranges[j][1], scales[j][k] + step)
    return best


def _dual_values(block, point, scales):
    """Return bounds on the dual values of nu times every scale, with rounding, on a block."""
    block = used(block)
    if len(block.y) == 0:
        return (np.zeros(len(scales)),)
    loss, free = point.weights.terms.loss, point.weights.free
    _, _, nu, room, columns = point.at(block)
    y, rounding = block.y, 0.0
    # Targets of losses of the residual may be replaced by what is left of them beside any free terms.
    if not loss.labels and free.size:
        given = free_columns(block, point.weights.terms)
        y = y - (given @ free).reshape(y.shape)
        sizes = np.abs(block.y).reshape(nu.shape) + np.abs(given) @ np.abs(free)
        rounding = 2.0 * EPS * (given.shape[1] + 2) * float(np.sum(np.abs(nu) * sizes))
    nu, leak = nu.reshape(y.shape), point.leaks(nu.reshape(room.shape), room, columns).reshape(y.shape)
    values = [loss.dual_value_below(y, t * nu, t * leak, block.weight) - t * rounding for t in scales]
    return (np.array(values),)
