"""The distinct lines of X: what an arrangement looks like after zero rows, parallel rows and rank are dealt with.

Conventions
-----------
X : (n, d), lines : (m, r) unit vectors that span R^r, no two of them parallel.
``X h = scale * (lines w)[row_line]`` row by row for ``h = lift w``, where the sign of `scale` is `row_sign`.
"""

from dataclasses import dataclass

import numpy as np

# Two float64 computations of the same number, from unit rows, agree to 1e-12 with room to spare.
LINE_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Lines:
    """The distinct nonzero lines of a matrix, in whitened and randomly rotated coordinates of its row space.

    Attributes
    ----------
    vectors : ndarray of shape (m, r)
        One unit vector per line.
    row_line : ndarray of shape (n,)
        The line of each row of X; -1 for a zero row.
    row_sign : ndarray of shape (n,)
        +1 or -1: the row is a positive or a negative multiple of its line's vector; +1 for a zero row.
    lift : ndarray of shape (d, r)
        Takes a point of the reduced space to one of the inputs' space with the same pattern.
    """

    vectors: np.ndarray
    row_line: np.ndarray
    row_sign: np.ndarray
    lift: np.ndarray

    @property
    def rank(self):
        return self.vectors.shape[1]

    @property
    def identical_to_rows(self):
        """Whether line i is row i, so that patterns of lines are patterns of rows."""
        return len(self.vectors) == len(self.row_line)


def distinct_lines(X):
    """Return the `Lines` of `X`.

    Rows and columns are first scaled by powers of two (exact, and safe for entries of any magnitude), so that
    neither the rank nor the set of lines depends on the units of a column. Two rows are parallel, and a column is
    dependent on others, when they are so to a relative `LINE_TOLERANCE`.
    """
    nonzero = np.flatnonzero(np.any(X != 0, axis=1))
    scaled, column_scale = equilibrated(X[nonzero])
    basis, lift = column_basis(scaled)
    reduced, lift = whitened(basis, lift)
    units = reduced / np.linalg.norm(reduced, axis=1, keepdims=True)
    first, line, sign = merge_parallel(units)
    row_line = np.full(len(X), -1)
    row_line[nonzero] = line
    row_sign = np.ones(len(X))
    row_sign[nonzero] = sign
    return Lines(np.ascontiguousarray(units[first]), row_line, row_sign, lift / column_scale[:, np.newaxis])


def power_of_two(values):
    """Return the smallest power of two that is not below each of `values`; about 1 for a zero."""
    return np.ldexp(1.0, np.clip(np.frexp(np.nextafter(values, 0.0))[1], -1000, 1000))


def equilibrated(X):
    """Scale columns, rows and columns by powers of two; return the result and the columns' total scale."""
    column_scale = np.ones(X.shape[1])
    if not X.size:
        return X, column_scale
    for _ in range(2):
        scale = power_of_two(np.abs(X).max(axis=0))
        X, column_scale = X / scale, column_scale * scale
        X = X / power_of_two(np.abs(X).max(axis=1))[:, np.newaxis]
    return X, column_scale


def column_basis(X):
    """Eliminate columns with complete pivoting; return ``basis = X lift`` with r independent columns, and `lift`.

    Elimination, unlike a rotation, is exact on integers and on differences of nearly equal numbers.
    """
    work, lift, chosen = X.copy(), np.eye(X.shape[1]), []
    magnitude = np.abs(X).max(axis=0, initial=0.0)
    while len(chosen) < min(X.shape):
        rest = np.setdiff1d(np.arange(X.shape[1]), chosen)
        row, k = np.unravel_index(np.abs(work[:, rest]).argmax(), (len(X), len(rest)))
        pivot = rest[k]
        if abs(work[row, pivot]) <= LINE_TOLERANCE:
            break
        chosen.append(pivot)
        # Clear the pivot row from the columns that are left, in the data and in the map back.
        others = np.setdiff1d(rest, pivot)
        ratio = work[row, others] / work[row, pivot]
        work[:, others] -= np.outer(work[:, pivot], ratio)
        lift[:, others] -= np.outer(lift[:, pivot], ratio)
        residual = np.abs(work[:, others]).max(axis=0, initial=0.0)
        # A column of which only rounding is left is dependent on those chosen.
        work[:, others[residual <= LINE_TOLERANCE * magnitude[others]]] = 0.0
    return work[:, chosen], lift[:, chosen]


def whitened(basis, lift):
    """Change coordinates so that the columns are orthonormal, then rotate them by a fixed random rotation.

    The rotation makes the coordinate directions generic, which is all that the enumeration asks of them.
    """
    rank = basis.shape[1]
    if rank == 0:
        return basis, lift
    scale = np.linalg.norm(basis, axis=0)
    # basis R^-1 has orthonormal columns; the rotation behind it makes coordinate directions generic.
    triangle = np.linalg.qr(basis / scale, mode="r")
    rotation = np.linalg.qr(np.random.default_rng(rank).standard_normal((rank, rank)))[0]
    change = np.linalg.solve(triangle, rotation) / scale[:, np.newaxis]
    return basis @ change, lift @ change


def merge_parallel(units):
    """Group unit vectors that are equal up to sign; return (first index, group of each, sign of each)."""
    n = len(units)
    if n == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.ones(0)
    # Vectors that are equal up to sign have equal heights up to sign: after sorting they are neighbours.
    probe = np.random.default_rng(n).standard_normal(units.shape[1])
    height = units @ probe
    upward = np.where(height < 0, -1.0, 1.0)
    order = np.argsort(np.abs(height), kind="stable")
    turned = (units * upward[:, np.newaxis])[order]
    starts = np.abs(np.diff(turned, axis=0)).max(axis=1, initial=0.0) > LINE_TOLERANCE
    group_sorted = np.concatenate([[0], np.cumsum(starts)])
    first = np.full(group_sorted[-1] + 1, n)
    np.minimum.at(first, group_sorted, order)
    # Number the groups by their first row, so that lines come in the order of the rows.
    rank_of_group = np.empty(len(first), dtype=np.intp)
    rank_of_group[np.argsort(first)] = np.arange(len(first))
    line = np.empty(n, dtype=np.intp)
    line[order] = rank_of_group[group_sorted]
    first = np.sort(first)
    return first, line, upward * upward[first[line]]
