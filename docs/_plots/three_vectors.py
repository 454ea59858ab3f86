"""Three unit vectors, 120 degrees apart: the problem of the page on the staircase."""

import numpy as np

from convexnn import optimal_set

ANGLES = np.deg2rad([0, 120, 240])


def solve():
    """Return the optimal set for the value 1 at each vector and a weight decay of 0.1."""
    return optimal_set(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), np.ones(3), beta=0.1)
