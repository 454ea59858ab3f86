"""Many ascents on the price of several outputs at once, by matrix products: close to the maxima, and to no kink.

For ``F(u) = ||g(u)||`` with ``g(u) = linear u + sum_l coefficients_l (lines_l . u)_+`` a step is that of `approach`,

    ``u <- normalise(grad F(u) / ||grad F(u)|| + damping u)``,

with a damping that grows where a step has failed; a point never moves to a lower value.
"""

import numpy as np

from ..._utils.threads import slices, thread_map
from ..._utils.validation import is_late

N_VECTOR_STEPS = 30  # steps at most
MIN_VECTOR_STEP_GAIN = 1e-3  # a step is idle where no point gains more than 1e-3 of the largest value,
MAX_IDLE_VECTOR_STEPS = 3  # and three idle steps in a row end the walk
POINTS_PER_BLOCK = 64  # 64 points move together, however many threads there are: the answer must not depend on them


def approach_vectors(function, points, *, n_steps=N_VECTOR_STEPS, deadline=None, n_jobs=None):
    """Return points uphill from the unit rows of `points` (K, rank) and F there, in units of the scale.

    The steps are in single precision, the values at their ends in double precision.

    Parameters
    ----------
    function : VectorPrice
    points : ndarray of shape (K, rank)
    n_steps : int
        At most.
    deadline : float, optional
        `clock.Moment` after which no step is begun.
    """
    parts = function.lines, function.coefficients, function.linear
    rounded = tuple(part.astype(np.float32) for part in parts)

    def block(start, stop):
        ends = _step_uphill(rounded, points[start:stop].astype(np.float32), n_steps, deadline).astype(float)
        ends /= np.linalg.norm(ends, axis=1)[:, None]
        return ends, _value_and_gradient(*parts, ends)[0]

    with thread_map(n_jobs) as run:
        done = run(block, slices(len(points), POINTS_PER_BLOCK))
    return np.concatenate([ends for ends, _ in done]), np.concatenate([values for _, values in done])


def _step_uphill(parts, points, n_steps, deadline):
    """Step uphill and return the best points."""
    values, gradients = _value_and_gradient(*parts, points)
    damping, idle = np.zeros(len(points), points.dtype), 0
    for _ in range(n_steps):
        if idle >= MAX_IDLE_VECTOR_STEPS or is_late(deadline):
            break
        # u <- normalise(grad F / ||grad F|| + damping u), damped less after a success and more after a failure.
        ahead = _unit(_unit(gradients) + damping[:, None] * points)
        there, slopes = _value_and_gradient(*parts, ahead)
        better = there > values
        damping = np.where(better, 0.5 * damping, np.maximum(2.0 * damping, 0.5)).astype(points.dtype)
        idle = 0 if np.max(there - values) > MIN_VECTOR_STEP_GAIN * values.max() else idle + 1
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
    # grad F = J^T h / ||h|| with the Jacobian J of h on the piece at hand.
    forces = coefficients @ outputs
    forces *= hidden > 0.0
    return values, forces.T @ lines + outputs.T @ linear
