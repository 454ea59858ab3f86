"""Signs of polynomials on an interval by their Bernstein coefficients: where one is first not positive, and proofs."""

from functools import cache
from math import comb

import numpy as np

MAX_HALVINGS = 60  # an interval that is halved so often is a point


@cache
def _conversion(order):
    """The matrix that turns coefficients of powers on [0, 1] into Bernstein coefficients."""
    return np.array([[comb(i, j) / comb(order, j) for j in range(order + 1)] for i in range(order + 1)])


def bernstein(coefficients, length):
    """Return the Bernstein coefficients on [0, length] of polynomials given by powers, along the first axis."""
    order = len(coefficients) - 1
    scaled = coefficients * (length ** np.arange(order + 1)).reshape(-1, *[1] * (coefficients.ndim - 1))
    return np.tensordot(_conversion(order), scaled, axes=1)


def first_zero(coefficients, length):
    """Return the first t in [0, length] from which on a polynomial (order + 1,) is not positive, None if there is none.

    The polynomial is positive at 0, or zero there and rising.
    """
    return _first_zero(bernstein(coefficients, length), 0.0, length, 0)


def _first_zero(control, start, end, depth):
    # Positive coefficients prove a positive polynomial; one that begins at zero and rises has a zero first.
    if np.all(control[1:] > 0.0) and control[0] >= 0.0:
        return None
    if depth == MAX_HALVINGS or end - start <= 1e-16 * end:
        return end if control[-1] <= 0.0 or control[0] <= 0.0 else None
    left, right = _halved(control)
    middle = 0.5 * (start + end)
    found = _first_zero(left, start, middle, depth + 1)
    return _first_zero(right, middle, end, depth + 1) if found is None else found


def _halved(control):
    """Return the Bernstein coefficients on the two halves (de Casteljau)."""
    left, right, row = [control[0]], [control[-1]], control
    while len(row) > 1:
        row = 0.5 * (row[:-1] + row[1:])
        left.append(row[0])
        right.append(row[-1])
    return np.array(left), np.array(right[::-1])
