"""The exact span of the free terms: dual points are orthogonal to all of it, however thin a direction is.

The columns of the free terms Z are float64 numbers, and a lower bound speaks of all real coefficients. Two columns that
differ by rounding only span a direction that no float64 network can use and that a dual point must be orthogonal to
all the same. So the rank of Z is never cut here: columns that depend on others nearly are replaced by what is left of
them, kept with twice the digits, and dropped only where rational arithmetic shows that nothing is left.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr, solve_triangular

from .._utils import double_double as dd
from .._utils.norms import nonzero
from .dependence import is_combination

MIN_KEPT_PART = 1e-7  # columns of which more than this share is left beside the others are kept in float64
MIN_TOLD_PART = 2.0**-88  # less left than this share: the column depends on the others, or that cannot be told
MAX_CONDITION = 1e11  # a span of a larger condition, in the metric of a correction, cannot be told: few digits are left
MAX_REFINEMENTS = 6  # projections off the span, each of which makes what is left more accurate


@dataclass(frozen=True)
class FreeSpan:
    """Columns that span exactly what the free terms do.

    Attributes
    ----------
    high, low : ndarrays of shape (n_samples, rank)
        The columns, as unevaluated sums.
    blur : ndarray of shape (rank,)
        Bound on the error of every entry of a column.
    is_known : bool
        Whether the span could be told. Where it could not, no dual point but zero counts as orthogonal.
    """

    high: np.ndarray
    low: np.ndarray
    blur: np.ndarray
    is_known: bool = True

    @property
    def rank(self):
        """Dimension of the span."""
        return self.high.shape[1]

    @property
    def is_constant(self):
        """Whether the span is that of an intercept alone."""
        return self.rank == 1 and not self.low.any() and bool(np.all(self.high == self.high[0]))

    def orthogonal(self, dual_points, room):
        """Return the nearest dual points that are orthogonal to the span, as far as float64 can hold them.

        Parameters
        ----------
        dual_points : ndarray of shape (n_samples, n_columns)
        room : ndarray of shape (n_samples,)
            The metric, ``sum_i change_i^2 / room_i``: entries without room stay as they are.

        Returns
        -------
        dual_points : ndarray of shape (n_samples, n_columns)
            A column is zero where there is none, or none that can be told.
        leaks : ndarray of shape (n_samples, n_columns)
            Real vectors that are exactly orthogonal differ from the columns by no more than this, entry by entry.
        """
        none = np.zeros_like(dual_points)
        if self.rank == 0 or not np.any(dual_points):
            return dual_points, none
        # The nearest point in the metric room^-1: project off sqrt(room) Z.
        factors = self._factors(np.sqrt(room)) if self.is_known and self.rank < len(room) else None
        if factors is None:
            return none, none.copy()
        pairs = [self._orthogonal(column, np.sqrt(room), *factors) for column in dual_points.T]
        points, leaks = (np.column_stack(part) for part in zip(*pairs, strict=True))
        if self.is_constant:
            return np.column_stack([_adding_to_zero(column, room) for column in points.T]), none
        return points, leaks

    def _orthogonal(self, nu, root, basis, inverse, sizes):
        """One column of `orthogonal`, in units of its largest entry."""
        # A power of two as unit: dividing by it is exact.
        unit = np.ldexp(1.0, np.frexp(np.abs(nu).max())[1])
        answer = nu / unit
        # nu - room Z (Z^T room Z)^-1 Z^T nu, Z^T nu with twice the digits; a second time for what rounding leaves.
        for _ in range(2):
            answer = answer - root * (basis @ (inverse.T @ (self._products(answer) / sizes)))
        # What is left along the span after the last pass, and what the errors of the columns may hide of it.
        along = np.linalg.norm(inverse.T @ (self._products(answer) / sizes))
        unseen = (self.blur + dd.EPSILON * np.abs(self.high).max(axis=0)) * np.abs(answer).sum()
        length = 1.01 * (along + np.linalg.norm(np.abs(inverse.T) @ (unseen / sizes)))
        return answer * unit, root * (length * unit)

    def _products(self, nu):
        return dd.products((self.high, self.low), nu)

    def _factors(self, root):
        """Orthonormal columns and the inverse of the triangle of ``root columns / sizes``, and these sizes.

        None where float64 could not tell them right.
        """
        columns = root[:, None] * self.high
        largest = np.abs(columns).max(axis=0)
        sizes = largest * np.linalg.norm(columns / nonzero(largest), axis=0)
        basis, triangle = np.linalg.qr(columns / nonzero(sizes))
        if not np.all(np.abs(np.diag(triangle)) > 1.0 / MAX_CONDITION):
            return None
        inverse = solve_triangular(triangle, np.eye(len(triangle)))
        return (basis, inverse, sizes) if np.linalg.norm(inverse) < MAX_CONDITION else None


def _adding_to_zero(nu, room):
    """Return nu with entries that add up to zero exactly, from one that does so but for rounding.

    Its entries become multiples of one unit, the last place of the largest, and where there is room some of them move
    by a unit.
    """
    unit = max(np.ldexp(1.0, int(np.frexp(np.abs(nu).max())[1]) - 52), np.finfo(float).smallest_subnormal)
    steps = np.rint(nu / unit).astype(np.int64)
    order = np.argsort(-room, kind="stable")[: max(1, np.count_nonzero(room))]
    # The sum is a number of units: spread it evenly over the entries with room, the rest one unit each.
    share, rest = divmod(int(steps.sum()), len(order))
    steps[order] -= share
    steps[order[:rest]] -= 1
    return steps * unit


def free_span(free, weight):
    """Return the `FreeSpan` of the columns of `free` (n_samples, n_free); `weight` says which rows count how much."""
    free = _distinct_columns(np.asarray(free, dtype=np.float64))
    n_samples, n_free = free.shape
    if n_free <= 1:
        return FreeSpan(free, np.zeros_like(free), np.zeros(n_free))
    root = np.sqrt(weight / weight.max())
    sizes = np.linalg.norm(root[:, None] * free, axis=0)
    # A pivoted QR puts independent columns first; the others are judged one by one, with twice the digits.
    triangle, order = qr(root[:, None] * (free / nonzero(sizes)), mode="r", pivoting=True)
    left = np.abs(np.diag(triangle[:n_samples]))
    kept = int(np.sum(left > MIN_KEPT_PART * left[0]))
    span = _GrowingSpan(free[:, order[:kept]], root)
    is_known = all(span.take(free[:, column]) for column in order[kept:]) if kept < n_samples else True
    return FreeSpan(*span.columns, np.array(span.blur), is_known)


def _distinct_columns(free):
    """Columns of magnitude one with the span of the nonzero ones, each once.

    They are scaled by powers of two. Beside a constant column one of two values, a standardised dummy, is as good as
    the ones and zeros that say where it has the larger: exact relations are short and simple then.
    """
    if np.any(np.all(free == free[:1], axis=0) & (free[:1] != 0.0)[0]):
        low, high = free.min(axis=0), free.max(axis=0)
        two_valued = (low < high) & np.all((free == low) | (free == high), axis=0)
        free = np.where(two_valued, (free == high).astype(float), free)
    # Powers of two as units keep every digit of the columns.
    largest = np.abs(free).max(axis=0, initial=0.0)
    used = largest > 0.0
    columns = np.ldexp(free[:, used], -np.frexp(largest[used])[1])
    if columns.shape[1] <= 1:
        return columns
    first = np.argmax(columns != 0.0, axis=0)
    oriented = columns * np.sign(columns[first, np.arange(columns.shape[1])]) + 0.0
    distinct: dict[bytes, int] = {}
    for k, column in enumerate(oriented.T):  # np.unique along this axis takes 20 us a row
        distinct.setdefault(column.tobytes(), k)
    return columns[:, list(distinct.values())]


class _GrowingSpan:
    """A span that takes columns which nearly depend on it, one after another."""

    def __init__(self, columns, root):
        n = columns.shape[1]
        self.root, self.taken = root, columns  # the columns as they came
        self.columns, self.blur = (columns, np.zeros_like(columns)), [0.0] * n
        self.made = np.eye(n)  # of the columns as they came, about
        self.factors = np.linalg.qr(root[:, None] * columns)

    def take(self, column):
        """Take what is left of a column beside the span; False where that cannot be told."""
        rest, blur, amounts = self._rest(column)
        size = np.linalg.norm(self.root * rest[0])
        # Nothing visible is left: rational arithmetic decides whether that is exactly nothing.
        if size <= MIN_TOLD_PART * np.linalg.norm(self.root * column):
            return is_combination(column, self.taken, self.made @ amounts)
        # What is left of a thin column is tiny: bring it to magnitude one, by a power of two.
        exponent = -np.frexp(np.abs(rest[0]).max())[1]
        rest = [np.ldexp(part, exponent) for part in rest]
        self.columns = tuple(np.column_stack(pair) for pair in zip(self.columns, rest, strict=True))
        self.blur.append(float(np.ldexp(blur, exponent)))
        self.taken = np.column_stack([self.taken, column])
        self._grow(self.root * rest[0], np.ldexp(np.append(-self.made @ amounts, 1.0), exponent))
        return True

    def _grow(self, edge, made):
        """Append a column, orthogonal to all others but for rounding, to the factors and to what they are made of."""
        basis, triangle = self.factors
        size, n = np.linalg.norm(edge), len(triangle)
        self.factors = np.column_stack([basis, edge / size]), np.pad(triangle, (0, 1))
        self.factors[1][n, n] = size
        self.made = np.pad(self.made, (0, 1))
        self.made[:, n] = made

    def _rest(self, column):
        """The part of a column orthogonal to the span as a pair, a bound on its error, and what was taken off."""
        basis, triangle = self.factors
        rest, blur, sums = (column, np.zeros_like(column)), 0.0, np.zeros(len(triangle))
        before = np.inf
        for _ in range(MAX_REFINEMENTS):
            size = np.linalg.norm(self.root * rest[0])
            # Refine while it helps: below the digits of a pair what is left no longer shrinks.
            if size == 0.0 or size > 0.5 * before:
                break
            before = size
            amounts = solve_triangular(triangle, basis.T @ (self.root * rest[0]))
            for k in np.flatnonzero(amounts):
                taken = dd.times(tuple(part[:, k] for part in self.columns), -amounts[k])
                rest = dd.add(rest, taken)
                blur += dd.EPSILON * (np.abs(taken[0]).max() + np.abs(rest[0]).max()) + abs(amounts[k]) * self.blur[k]
            sums += amounts
        return rest, blur, sums
