"""Many ascents on the price of several outputs at once, by matrix products: close to the maxima, and to no kink.

For ``F(u) = ||g(u)||`` with ``g(u) = linear u + sum_l coefficients_l (lines_l . u)_+`` a step is that of `_approach`,

    ``u <- normalise(grad F(u) / ||grad F(u)|| + damping u)``,

with a damping that grows where a step has failed; a point never moves to a lower value.
"""

import numpy as np

from ..._utils.threads import slices, thread_map
from ..._utils.validation import is_late

STEPS = 30
SETTLED, PATIENCE = 1e-3, 3  # gain of a point, over the largest value, that counts; steps without any, and it ends
BLOCK = 64  # points that move together: the answer does not depend on threads


def approach_vectors(function, points, *, n_steps=STEPS, deadline=None, n_jobs=None):
    """Return points uphill from the unit rows of `points` (K, rank) and F there, in units of the scale.

    The steps are in single precision, the values at their ends in double precision.

    Parameters
    ----------
    function : VectorPriceFunction
    points : ndarray of shape (K, rank)
    n_steps : int
        At most.
    deadline : float, optional
        `_clock.Moment` after which no step is begun.
    """
    parts = function.lines, function.coefficients, function.linear
    rounded = tuple(part.astype(np.float32) for part in parts)

    def block(start, stop):
        ends = _walk(rounded, points[start:stop].astype(np.float32), n_steps, deadline).astype(float)
        ends /= np.linalg.norm(ends, axis=1)[:, None]
        return ends, _value_and_gradient(*parts, ends)[0]

    with thread_map(n_jobs) as run:
        done = run(block, slices(len(points), BLOCK))
    return np.concatenate([ends for ends, _ in done]), np.concatenate([values for _, values in done])


def _walk(parts, points, n_steps, deadline):
    """Step uphill and return the best points."""
    values, gradients = _value_and_gradient(*parts, points)
    damping, idle = np.zeros(len(points), points.dtype), 0
    for _ in range(n_steps):
        if idle >= PATIENCE or is_late(deadline):
            break
        ahead = _unit(_unit(gradients) + damping[:, None] * points)
        there, slopes = _value_and_gradient(*parts, ahead)
        better = there > values
        damping = np.where(better, 0.5 * damping, np.maximum(2.0 * damping, 0.5)).astype(points.dtype)
        idle = 0 if np.max(there - values) > SETTLED * values.max() else idle + 1
        points, gradients = np.where(better[:, None], ahead, points), np.where(better[:, None], slopes, gradients)
        values = np.where(better, there, values)
    return points


def _unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1), np.finfo(rows.dtype).tiny)[:, None]


def _value_and_gradient(lines, coefficients, linear, points):
    """Return F (K,) and its gradient (K, rank) at the rows of `points`."""
    hidden = lines @ points.T
    outputs = coefficients.T @ np.maximum(hidden, 0.0) + linear @ points.T
    values = np.linalg.norm(outputs, axis=0)
    outputs /= np.maximum(values, np.finfo(values.dtype).tiny)
    forces = coefficients @ outputs
    forces *= hidden > 0.0
    return values, forces.T @ lines + outputs.T @ linear
