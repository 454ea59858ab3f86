"""Compiled local ascent on the price of several outputs.

It is ``F(u) = ||linear u + sum_l coefficients_l (lines_l . u)_+||``.

F is the largest of the scalar price functions ``a . (...)`` over the unit vectors a. For the a that is best at u the
exact scalar climb (see `climb`) leads from u to a local maximiser, and F there is at least as large: the two are
alternated until neither gains.
"""

import numpy as np

from ..._utils.kernels import compiled
from .climb import climb
from .concave import copy, dot

MIN_TURN_GAIN = 1e-15  # a turn of the output direction that gains less than this share of the value is rounding


@compiled
def outputs_at(lines, coefficients, linear, u, out):
    """Write the vector ``linear u + sum_l coefficients_l (lines_l . u)_+`` and return its norm."""
    for a in range(out.size):
        out[a] = dot(linear[a], u)
    for l in range(lines.shape[0]):
        z = dot(lines[l], u)
        if z > 0.0:
            for a in range(out.size):
                out[a] += z * coefficients[l, a]
    return np.sqrt(dot(out, out))


@compiled
def climb_vector(lines, transposed, coefficients, linear, u, max_rounds, max_steps):
    """Climb from the unit vector `u`, in place, to a local maximiser of F on the ball; return its value."""
    n, c = coefficients.shape
    out, here = np.empty(c), np.empty(c)
    scalar, slope, trial = np.empty(n), np.empty(u.size), np.empty(u.size)
    value = outputs_at(lines, coefficients, linear, u, here)
    for _ in range(max_rounds):
        # No direction of the output is better than another where all vanish.
        if value == 0.0:
            here[:] = 0.0
            here[0] = 1.0
        size = np.sqrt(dot(here, here))
        # F = max a . h over unit vectors a: the scalar price of the a that is best at u.
        for l in range(n):
            scalar[l] = dot(coefficients[l], here) / size
        for i in range(u.size):
            slope[i] = 0.0
            for a in range(c):
                slope[i] += linear[a, i] * here[a] / size
            trial[i] = u[i]
        climb(lines, transposed, scalar, slope, trial, max_steps)
        # F at the end is at least a . h there, so it cannot fall but by rounding, which ends the climb.
        ahead = outputs_at(lines, coefficients, linear, trial, out)
        if not ahead > value * (1.0 + MIN_TURN_GAIN):
            break
        value = ahead
        copy(trial, u)
        copy(out, here)
    return value


@compiled
def climb_all_vectors(lines, transposed, coefficients, linear, starts, max_rounds, max_steps):
    """Climb from every row of `starts`, in place, and return the values reached."""
    values = np.empty(starts.shape[0])
    for k in range(starts.shape[0]):
        values[k] = climb_vector(lines, transposed, coefficients, linear, starts[k], max_rounds, max_steps)
    return values
