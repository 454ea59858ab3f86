"""What a proof file says exactly: a dual point that is orthogonal to the free terms without rounding.

A dual point in float64 leaves a rest along the free terms, as large as rounding. A few of its entries, as many as the
free terms have dimensions, are replaced by rational numbers so that the rest is zero.
"""

from fractions import Fraction

import numpy as np
from scipy.linalg import qr

from .checker import integers, remainder


def corrections_of(problem, dual_point):
    """Return entries ``[row, column, text]`` that make a dual point (n, c) exactly orthogonal to the free terms.

    Parameters
    ----------
    problem : Problem
    dual_point : ndarray of shape (n_samples, n_outputs)
        Orthogonal to the free terms but for rounding. Entries change where their domain leaves room.
    """
    rows, exponent = integers(problem.features)
    ones = np.full((len(rows), 1), 1 << exponent, dtype=object)
    free = np.hstack([rows[:, : rows.shape[1] * problem.skip_connection], ones[:, : problem.fit_intercept]])
    if free.shape[1] == 0:
        return []
    weight = problem.beside(problem.weight)
    room = weight * problem.loss.room(problem.y, dual_point.reshape(problem.y.shape) / weight)
    room = np.broadcast_to(room.reshape(len(room), -1), dual_point.shape)
    return [
        [row, column, str(value)]
        for column, (nu, entries) in enumerate(zip(dual_point.T, room.T, strict=True))
        for row, value in _orthogonal_entries(free, problem.free, nu, entries)
    ]


def _orthogonal_entries(free, floats, nu, room):
    """Return pairs of a row and the rational number that its entry becomes."""
    pivots = independent_rows(free, floats * np.where(np.isfinite(room), room, 1.0)[:, None])
    exact = [Fraction(value) for value in nu.tolist()]
    rest = [sum((value * entry for value, entry in zip(exact, column, strict=True)), Fraction(0)) for column in free.T]
    changes = solve(free[pivots].T.tolist(), [-value for value in rest])
    return [(row, exact[row] + change) for row, change in zip(pivots, changes, strict=True)]


def independent_rows(rows, floats):
    """Return indices of rows of integers that span all of them, exactly; `floats`, about the rows, say in which order.

    The order is that of a pivoted QR factorisation: large and well-conditioned rows come first.
    """
    if len(rows) == 0:
        return []
    sizes = np.abs(floats).max(axis=0)
    order = qr((floats / np.where(sizes > 0, sizes, 1.0)).T, mode="r", pivoting=True)[1]
    echelon, chosen = [], []
    for k in order.tolist():
        rest = remainder(rows[k], echelon)
        if any(rest):
            echelon.append((next(i for i, entry in enumerate(rest) if entry), rest))
            chosen.append(k)
        if len(chosen) == rows.shape[1]:
            break
    return chosen


def solve(matrix, right):
    """Return the rational solution of a system with independent columns that has one, by elimination."""
    system = [[Fraction(entry) for entry in (*row, value)] for row, value in zip(matrix, right, strict=True)]
    n_unknowns = len(matrix[0])
    for column in range(n_unknowns):
        pivot = next(k for k in range(column, len(system)) if system[k][column])
        system[column], system[pivot] = system[pivot], system[column]
        head = [entry / system[column][column] for entry in system[column]]
        system = [
            head if k == column else [entry - row[column] * top for entry, top in zip(row, head, strict=True)]
            for k, row in enumerate(system)
        ]
    return [row[-1] for row in system[:n_unknowns]]
