"""The sums that pricing needs of a shard of rows, each a pure function of the shard and a few small arrays.

Conventions: ``X (n_rows, n_features)`` and ``nu (n_rows,)`` are a shard; ``units = (largest row norm, largest |nu|)``
over all shards, by which blocks of rows are divided on the way, so that nothing overflows. Every function but
`sizes_of` and `chosen_rows` returns a tuple of arrays or numbers that is to be summed over the shards.
"""

import numpy as np

from ..._utils.norms import unit_rows
from ..._utils.validation import check_design, check_vector
from ...exceptions import InvalidInputError

ROWS_PER_BLOCK = 8192  # read at a time: neither a memory map nor its products with directions are held as a whole
MIN_PARABOLA_WIDTH = 1e-4  # in row norms: a parabola above ``|x . u|`` is no narrower: else its curvature has no bound


def _blocks(X, nu, units):
    """Yield blocks of rows and of the dual point, as float64 and divided by `units`."""
    for start in range(0, len(X), ROWS_PER_BLOCK):
        rows = np.asarray(X[start : start + ROWS_PER_BLOCK], dtype=float)
        yield rows / units[0], np.asarray(nu[start : start + ROWS_PER_BLOCK], dtype=float) / units[1]


def _summed(terms, *shapes):
    """Return the sums of tuples of arrays of these shapes, in order."""
    totals = tuple(np.zeros(shape) for shape in shapes)
    for term in terms:
        for total, part in zip(totals, term, strict=True):
            total += part
    return totals


def sizes_of(X, nu):
    """Check a shard; return ``(n_rows, n_features, largest row norm, largest |nu|, whether a |nu_i| ||x_i|| > 0)``."""
    if np.ndim(X) != 2 or np.shape(X)[1] == 0:
        raise InvalidInputError(f"every shard of X must have shape (n_rows, n_features); got shape {np.shape(X)}.")
    if np.shape(nu) != (len(X),):
        raise InvalidInputError(f"a shard of nu must have shape ({len(X)},), as its rows; got shape {np.shape(nu)}.")
    largest_norm, largest_nu, counts = 0.0, 0.0, False
    for start in range(0, len(X), ROWS_PER_BLOCK):
        rows = check_design(X[start : start + ROWS_PER_BLOCK])
        norms = unit_rows(rows)[1]
        values = check_vector(nu[start : start + ROWS_PER_BLOCK], len(rows), "nu")
        largest_norm, largest_nu = max(largest_norm, norms.max()), max(largest_nu, np.abs(values).max())
        counts = counts or bool(np.any((values != 0.0) & (norms > 0.0)))
    return len(X), np.shape(X)[1], float(largest_norm), float(largest_nu), counts


def chosen_rows(X, nu, indices, units):
    """Return the rows and the entries of nu at `indices`, scaled."""
    rows, values = np.asarray(X[indices], dtype=float), np.asarray(nu[indices], dtype=float)
    return rows / units[0], values / units[1]


def totals_of(X, nu, units):
    """Return ``X^T nu``, and of the positive and of the negative nu_i: ``sum |nu_i| ||x_i||`` and the matrices
    ``sum |nu_i| x_i x_i^T / ||x_i||``; shapes (d,), (2,) and (2, d, d).
    """
    d = X.shape[1]

    def terms():
        for rows, values in _blocks(X, nu, units):
            # sum |nu_i| x_i x_i^T / ||x_i||: the parabolas |z| >= z^2 / ||x|| below the concave rows.
            directions, norms = unit_rows(rows)
            sides = np.maximum(values, 0.0), np.maximum(-values, 0.0)
            yield (
                rows.T @ values,
                np.array([side @ norms for side in sides]),
                np.stack([(directions.T * (side * norms)) @ directions for side in sides]),
            )

    return _summed(terms(), d, 2, (2, d, d))


def slopes_of(X, nu, directions, units):
    """Return the gradients of the two convex parts of ``nu^T (X u)_+`` at `directions` (K, d), one array (2, K, d).

    The first is ``sum nu_i x_i`` over the positive nu_i with ``x_i . u > 0``, the second ``sum |nu_i| x_i`` over the
    negative ones. The value of a part is the product of its gradient with u.
    """

    def terms():
        for rows, values in _blocks(X, nu, units):
            active = directions @ rows.T > 0.0
            positive = values > 0.0
            yield (
                np.stack([
                    (active[:, side] * np.abs(values[side])) @ rows[side] for side in (positive, ~positive)
                ]),
            )  # fmt: skip

    return _summed(terms(), (2, *directions.shape))


def parabolas_of(X, nu, moments, units):
    """Return the matrices and the constants of parabolas above ``|x_i . u|``, for f and for -f: (2, d, d) and (2,).

    ``|z| <= (z^2 / t + t) / 2`` on the rows that are convex for the sign, with ``t_i^2 = x_i^T moments x_i`` for the
    `moments` (2, d, d) of either sign.
    """
    d = X.shape[1]

    def terms():
        for rows, values in _blocks(X, nu, units):
            pairs = [
                _parabolas(rows[side], np.abs(values[side]), moment)
                for side, moment in zip((values > 0.0, values < 0.0), moments, strict=True)
            ]
            yield tuple(map(np.array, zip(*pairs, strict=True)))

    return _summed(terms(), (2, d, d), 2)


def _parabolas(rows, weights, moment):
    """Return ``sum weights_i x_i x_i^T / (2 t_i)`` and ``sum weights_i t_i``."""
    units, norms = unit_rows(rows)
    # t_i^2 = x_i^T moments x_i: the best widths if the maximiser had these second moments. In units of the norms, whose
    # squares may underflow.
    spread = np.sum((units @ moment) * units, axis=1)
    widths = np.sqrt(np.maximum(spread, MIN_PARABOLA_WIDTH**2))
    weights = weights * norms
    return (units.T * (weights / (2.0 * widths))) @ units, weights @ widths
