"""Norms and divisors, whatever the magnitude."""

import numpy as np


def norms(rows):
    """Return the norm of every row, whatever its magnitude."""
    # Scaled by the largest entry no square overflows or underflows.
    scale = np.abs(rows).max(axis=1, initial=0.0)
    return scale * np.linalg.norm(rows / nonzero(scale)[:, None], axis=1)


def unit_rows(rows):
    """Return the nonzero rows divided by their norms (zero rows stay zero) and the norms."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scaled = rows / nonzero(largest)[:, None]
    sizes = np.linalg.norm(scaled, axis=1)
    return scaled / nonzero(sizes)[:, None], largest * sizes


def singular_rounding(matrix, singular):
    """Return the size up to which singular values of a matrix are rounding, as numpy's matrix_rank judges them."""
    return max(matrix.shape) * np.finfo(float).eps * singular.max(initial=0.0)


def nonzero(values):
    """Return `values` with ones in the place of zeros: a divisor."""
    return np.where(values == 0.0, 1.0, values)
