"""Sums over the blocks of a source, and what is asked of the rows before training: sizes, columns, and a sample."""

from dataclasses import dataclass

import numpy as np

from .._utils.arrays import check_rows, in_double, moments, rows_of
from .._utils.double_double import two_sum
from ..exceptions import InvalidInputError

KEPT_BITS = 30  # of the sums of a survey, which say how training goes and are no part of any answer
MIN_SPREAD = 1e-8  # columns whose variance is below this share of their mean square count as constant


def sum_over(answers):
    """Return the sums of the tuples that a function has returned for every block; None without any.

    They have twice the digits of float64 before they are rounded, so that they do not depend on their order: a cluster
    adds up what its blocks say before it travels, each worker for its own blocks.
    """
    total = None
    for terms in answers.parts() if hasattr(answers, "parts") else map(as_pairs, answers):
        total = added(total, terms)
    return None if total is None else tuple(high + low for high, low in total)


def as_pairs(terms):
    """Return terms as pairs (high, low), for `added`."""
    return [(np.asarray(term, float), 0.0) for term in terms]


def added(total, terms):
    """Return the sums of pairs (high, low), each the unevaluated sum of both parts; either may be None for none."""
    if total is None or terms is None:
        return terms if total is None else total
    return [_sum_of_pairs(mine, other) for mine, other in zip(total, terms, strict=True)]


def _sum_of_pairs(a, b):
    with np.errstate(invalid="ignore"):
        high, rest = two_sum(a[0], b[0])
    # Infinity has no rest.
    return high, a[1] + b[1] + np.where(np.isfinite(high), rest, 0.0)


@dataclass(frozen=True)
class Rows:
    """What is known of all rows together.

    Attributes
    ----------
    counts : list of int
        Rows of every block.
    n_features : int
    n_outputs : int or None
        None where y is flat.
    weight : float
        Sum of the weights.
    mean, spread : ndarrays of shape (n_features,)
        Weighted means and standard deviations of the columns; a spread is 0 where the column is constant.
    """

    counts: list[int]
    n_features: int
    n_outputs: int | None
    weight: float
    mean: np.ndarray
    spread: np.ndarray

    @property
    def n_rows(self):
        """Rows of all blocks."""
        return sum(self.counts)


def survey(source):
    """Check all blocks and return the `Rows`.

    Raises
    ------
    ValueError
        For no rows, blocks of different shapes, NaN and infinity, negative weights, and weights that are all zero.
    """
    counts, shapes, sums = [], set(), None
    for k, (count, shape, *terms) in enumerate(source.each(_sums_of)):
        counts.append(count)
        shapes.add(shape)
        if len(shapes) > 1:
            first = min(shapes, key=lambda one: one != shape)
            raise InvalidInputError(
                f"all blocks must have as many columns of X and of y; block {k} has {_named(shape)}, and one before "
                f"it has {_named((shapes - {first}).pop())}."
            )
        sums = terms if sums is None else [total + term for total, term in zip(sums, terms, strict=True)]
    if sum(counts) == 0:
        raise InvalidInputError("the source must yield at least one row; it has yielded none.")
    (n_features, n_outputs), (weight, first, second) = shapes.pop(), sums
    if weight == 0.0:
        raise InvalidInputError("sample_weight must have at least one positive entry; all of them are zero.")
    # Rounded, so that they, and the sample with its weights, are the same however the rows are cut.
    weight, first, second = (_rounded(total) for total in (weight, first, second))
    mean, square = first / weight, second / weight
    variance = square - mean**2
    spread = np.sqrt(np.where(variance > MIN_SPREAD * square, variance, 0.0))
    return Rows(counts, n_features, n_outputs, float(weight), mean, spread)


def _rounded(values):
    """Return values with the digits that do not depend on the order of a sum."""
    mantissas, exponents = np.frexp(values)
    return np.ldexp(np.round(mantissas * 2.0**KEPT_BITS), exponents - KEPT_BITS)


def _named(shape):
    n_features, n_outputs = shape
    return f"{n_features} columns of X and {'a flat y' if n_outputs is None else f'{n_outputs} columns of y'}"


def _sums_of(block):
    """Check a block; return its number of rows, its shape, and the sums of w, w x and w x^2."""
    check_rows(block.X)
    n_rows, weight = block.X.shape[0], block.weight
    if len(block.y) != n_rows or weight.shape != (n_rows,):
        raise InvalidInputError(
            f"every block must have as many entries of y and sample_weight as rows of X; got {n_rows} rows, y of shape "
            f"{block.y.shape} and sample_weight of shape {weight.shape}."
        )
    if not (np.all(np.isfinite(block.y)) and np.all(np.isfinite(weight))):
        raise InvalidInputError("y and sample_weight must be finite; a block has NaN or infinity.")
    if np.any(weight < 0.0):
        raise InvalidInputError(f"sample_weight must not be negative; a block has {weight.min():g}.")
    n_outputs = None if block.y.ndim == 1 else block.y.shape[1]
    return n_rows, (block.X.shape[1], n_outputs), weight.sum(), *moments(block.X, weight)


def sample_of(source, rows, n_rows, rng):
    """Return (X, y, weight) of at most so many rows, drawn by their place: the same ones however the rows are cut.

    Where most of the rows that are drawn have no weight, they are drawn again from those that have.
    """
    if n_rows >= rows.n_rows:
        return rows_at(source, rows.counts, np.arange(rows.n_rows))
    drawn = rows_at(source, rows.counts, np.sort(rng.choice(rows.n_rows, n_rows, replace=False)))
    if 2 * np.count_nonzero(drawn[2]) >= n_rows:
        return drawn
    starts = np.cumsum([0, *rows.counts])
    used = np.concatenate([start + own for start, own in zip(starts, source.each(_used_rows), strict=False)])
    places = used if len(used) <= n_rows else np.sort(rng.choice(used, n_rows, replace=False))
    return rows_at(source, rows.counts, places)


def _used_rows(block):
    """Return which rows of a block have a weight."""
    return np.flatnonzero(block.weight)


def rows_at(source, counts, places):
    """Return (X, y, weight) of the rows at sorted places among all rows, in double precision."""
    edges = np.cumsum([0, *counts])
    ends = np.searchsorted(places, edges)
    own = [(places[a:b] - edge,) for a, b, edge in zip(ends, ends[1:], edges, strict=False)]
    parts = source.each(_rows_of, own=own)
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _rows_of(block, index):
    return in_double(rows_of(block.X, index)), block.y[index], block.weight[index]
