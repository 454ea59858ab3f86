"""Cholesky factors of blocks of a Gram matrix, from one block to the next by updates where few columns differ."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from .._utils.kernels import compiled

# A column is dependent on others where its squared pivot, the part beside them, is below 1e-13.
MIN_SQUARED_PART = 1e-13
# From 40 columns on an update is less work than a new factor; it deals with at most 16 changed columns.
MIN_UPDATED_COLUMNS, MAX_CHANGED_COLUMNS = 40, 16
# After 100 updates the next factor is a new one: rounding adds up.
MAX_UPDATES = 100


@compiled
def _append(gram_column, corner, upper, size):
    """Write the next column of the upper factor; return the square of its last entry, which may be negative."""
    column = gram_column.copy()
    for j in range(size):
        row = upper[j]
        value = column[j] / row[j]
        column[j] = value
        # Forward substitution: what is left in the corner is the squared part beside the columns so far.
        corner -= value * value
        for i in range(j + 1, size):
            column[i] -= value * row[i]
    for j in range(size):
        upper[j, size] = column[j]
    upper[size, size] = np.sqrt(max(corner, 0.0))
    return corner


@compiled
def _delete(upper, k, size):
    """Delete column k of the upper factor, in place: the last `size` - k rows are rotated back to triangular form."""
    for i in range(size):
        row = upper[i]
        for j in range(max(k, i - 1), size - 1):
            row[j] = row[j + 1]
    for j in range(k, size - 1):
        above, below = upper[j], upper[j + 1]
        # A Givens rotation of two neighbouring rows zeroes the entry below the diagonal.
        length = np.hypot(above[j], below[j])
        c, s = above[j] / length, below[j] / length
        for i in range(j, size - 1):
            first, second = above[i], below[i]
            above[i] = c * first + s * second
            below[i] = c * second - s * first
        below[j] = 0.0


class Factor:
    """The upper factor of the block of the columns `order`, in that order."""

    def __init__(self, order, upper, n_updates=0):
        self.order, self.upper, self.n_updates = order, upper, n_updates

    def solve(self, right):
        """Return the solution of the block's system; `right` and the answer are in ascending order of the columns."""
        size = len(self.order)
        upper, places = self.upper[:size, :size], np.argsort(self.order)
        ordered = np.empty(size)
        ordered[places] = right
        half = solve_triangular(upper, ordered, trans=1, check_finite=False)
        return solve_triangular(upper, half, check_finite=False)[places]

    def changed(self, gram, leaving, entering):
        """Return the factor without some columns and with others; None where these are dependent."""
        size, room = len(self.order), len(self.order) + len(entering)
        upper = np.zeros((room, room))
        upper[:size, :size] = self.upper[:size, :size]
        order = list(self.order)
        for column in leaving:
            k = order.index(column)
            _delete(upper, k, len(order))
            del order[k]
        for column in entering:
            if _append(gram[order, column], gram[column, column], upper, len(order)) < MIN_SQUARED_PART:
                return None
            order.append(column)
        return Factor(np.array(order, int), upper, self.n_updates + len(leaving) + len(entering))


class Factors:
    """Factors of blocks of one Gram matrix with a unit diagonal; the last ones are remembered."""

    def __init__(self, gram):
        self.gram, self.known = gram, []
        self.widest = None  # the mask and the factor of the last columns that are not all among those of it

    def of(self, passive):
        """Return the `Factor` of the block of the columns `passive`, a mask; None where they are dependent."""
        for mask, factor in self.known:
            if np.array_equal(mask, passive):
                return factor
        factor = self._updated(passive)
        is_part = self.widest is not None and not np.any(passive & ~self.widest[0])
        if factor is None and is_part:
            # Some of independent columns are independent, also where rounding puts a pivot below the threshold.
            mask, wider = self.widest
            factor = wider.changed(self.gram, np.flatnonzero(mask & ~passive), [])
        elif factor is not None and not is_part:
            self.widest = passive.copy(), factor
        # An active set goes to and fro between two sets: two factors are remembered.
        self.known = [(passive.copy(), factor), *self.known[:1]]
        return factor

    def _updated(self, passive):
        for mask, factor in self.known:
            changes = np.flatnonzero(mask != passive)
            if factor is None or len(factor.order) < MIN_UPDATED_COLUMNS or len(changes) > MAX_CHANGED_COLUMNS:
                continue
            if factor.n_updates + len(changes) <= MAX_UPDATES:
                entering = passive[changes]
                return factor.changed(self.gram, changes[~entering], changes[entering])
        return self._new(np.flatnonzero(passive))

    def _new(self, order):
        try:
            upper = cholesky(self.gram[np.ix_(order, order)], check_finite=False, overwrite_a=True)
        except LinAlgError:
            return None
        return None if np.min(np.diag(upper)) ** 2 < MIN_SQUARED_PART else Factor(order, np.ascontiguousarray(upper))
