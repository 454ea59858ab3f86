"""Whether a column is exactly a combination of others, in rational arithmetic: floats are rational numbers."""

from fractions import Fraction

import numpy as np
from scipy.linalg import qr

MAX_TERMS = 32  # columns of one relation; more are not tried, which is always safe
USED = 1e-24  # relative, the smallest share of a column that a term may have: coefficients are known to 1e-30


def is_combination(column, others, coefficients):
    """Whether `column` (n,) is exactly a rational combination of some of `others` (n, k).

    Parameters
    ----------
    coefficients : ndarray of shape (k,)
        Of the combination, to about 1e-30 of the column: terms below that are left out.

    Returns
    -------
    bool
        True only if it is one. False where it is none, or where it has more than `MAX_TERMS` terms.
    """
    shares = np.abs(coefficients) * np.abs(others).max(axis=0, initial=0.0)
    used = np.flatnonzero(shares > USED * np.abs(column).max(initial=0.0))
    if len(used) > MAX_TERMS:
        return False
    table = np.unique(np.column_stack([others[:, used], column]), axis=0)
    pivots = qr(table[:, :-1].T, mode="r", pivoting=True)[1][: len(used)]
    exact = _solve([[Fraction(value) for value in row] for row in table[pivots].tolist()])
    if exact is None:
        return False
    return all(
        sum((factor * Fraction(value) for factor, value in zip(exact, row, strict=False)), -Fraction(row[-1])) == 0
        for row in table.tolist()
    )


def _solve(rows):
    """Solve a square linear system by elimination; `rows` (k, k + 1) end in the right side. None where singular."""
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(len(rows)):
            if i != k and rows[i][k] != 0:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]
