"""Norms and divisors, whatever the magnitude."""

import numpy as np


def norms(rows):
    """Return the norm of every row, whatever its magnitude."""
    # Scaled by the largest entry no square overflows or underflows.
    scale = np.abs(rows).max(axis=1, initial=0.0)
    return scale * np.linalg.norm(rows / nonzero(scale)[:, None], axis=1)


def nonzero(values):
    """Return `values` with ones in the place of zeros: a divisor."""
    return np.where(values == 0.0, 1.0, values)
