"""Whether a column is exactly a combination of others, in rational arithmetic: floats are rational numbers."""

import math
from fractions import Fraction

import numpy as np
from scipy.linalg import qr

MAX_SIMPLE_DENOMINATOR = 1_000_000  # coefficients are rounded to such fractions and tried before any system is solved
MAX_DENSE_TERMS = 32  # a relation of more columns is tried only where its rows are sparse; not to try it is safe
MAX_NONZERO_ENTRIES = 20_000  # such rows have at most so many nonzero entries, times 32 over the number of columns
MIN_USED_SHARE = 1e-24  # terms below this share of the column are left out: coefficients are known to 1e-30


def is_combination(column, others, coefficients):
    """Whether `column` (n,) is exactly a rational combination of some of `others` (n, k).

    Parameters
    ----------
    coefficients : ndarray of shape (k,)
        Coefficients of the combination, to about 1e-30 of the column: terms below that are left out.

    Returns
    -------
    bool
        True only if it is one. False where it is none, or where it is too long to be tried.
    """
    shares = np.abs(coefficients) * np.abs(others).max(axis=0, initial=0.0)
    used = np.flatnonzero(shares > MIN_USED_SHARE * np.abs(column).max(initial=0.0))
    table = np.column_stack([others[:, used], column])
    # Coefficients of real data are mostly simple fractions: try these before any elimination.
    if _vanishes(
        table, [Fraction(value).limit_denominator(MAX_SIMPLE_DENOMINATOR) for value in coefficients[used].tolist()]
    ):
        return True
    # As many independent rows as columns determine the coefficients; all rows then have to agree.
    pivots = qr(table[:, :-1].T, mode="r", pivoting=True)[1][: len(used)]
    if (
        len(used) > MAX_DENSE_TERMS
        and np.count_nonzero(table[pivots]) * len(used) > MAX_NONZERO_ENTRIES * MAX_DENSE_TERMS
    ):
        return False
    exact = _solve([_sparse(row) for row in table[pivots].tolist()], len(used))
    return exact is not None and _vanishes(table, exact)


def _vanishes(table, factors):
    """Whether ``table[:, :-1] factors`` is exactly ``table[:, -1]``, for rational factors."""
    common = math.lcm(1, *(factor.denominator for factor in factors))
    numbers = [int(factor * common) for factor in factors] + [-common]
    # All entries are integers times 2^lowest: if sums of them fit into 62 bits machine integers are exact.
    lowest, highest = _last_bit(table), int(np.frexp(np.abs(table).max())[1])
    if highest - lowest + sum(map(abs, numbers)).bit_length() <= 62:  # integers of 64 bits hold all sums
        return not np.any(np.ldexp(table, -lowest).astype(np.int64) @ np.array(numbers, dtype=np.int64))
    rows = np.unique(table, axis=0).tolist()
    return all(sum(n * Fraction(v) for n, v in zip(numbers, row, strict=True) if n and v) == 0 for row in rows)


def _last_bit(table):
    """The exponent of a power of two of which all entries are multiples."""
    mantissas, exponents = np.frexp(table)
    digits = np.ldexp(mantissas, 53).astype(np.int64)
    # n & -n is the lowest bit of n that is set.
    trailing = np.frexp((digits & -digits).astype(float))[1] - 1
    return int((exponents - 53 + trailing)[digits != 0].min(initial=0))


def _sparse(row):
    """The nonzero entries of a row as rational numbers, by column."""
    return {k: Fraction(value) for k, value in enumerate(row) if value != 0.0}


def _solve(rows, n):
    """Solve n sparse equations by elimination; column n is the right side. None where they do not determine it."""
    for k in range(n):
        candidates = [i for i in range(k, len(rows)) if k in rows[i]]
        if not candidates:
            return None
        # The shortest row as pivot fills in least.
        pivot = min(candidates, key=lambda i: len(rows[i]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = {j: value / rows[k][k] for j, value in rows[k].items()}
        for i in range(len(rows)):
            if i != k and k in rows[i]:
                rows[i] = _subtract_multiple(rows[i], rows[i][k], rows[k])
    return [row.get(n, Fraction(0)) for row in rows[:n]]


def _subtract_multiple(row, factor, other):
    """A sparse row less a multiple of another."""
    answer = dict(row)
    for j, value in other.items():
        rest = answer.get(j, Fraction(0)) - factor * value
        answer[j] = rest
        if rest == 0:
            del answer[j]
    return answer
