"""Many ascents at once on long data, by matrix products: they come close to the maxima and stop at no kink.

A climb (see `climb`) reads all lines at every step. Where these are many it pays to move many points together,

    ``u <- normalise(grad f(u) / ||grad f(u)|| + damping u)``,

which raises f wherever its convex part prevails; the damping grows where a step has failed, and a point never moves to
a lower value. First on a sample of the lines, then on all of them, in blocks of rows that are summed in order.
"""

import numpy as np

from ..._utils.row_blocks import ROWS, gate
from ..._utils.threads import slices, thread_map
from ..._utils.validation import is_late

N_SAMPLED_LINES = 4096  # first steps are made on so many lines, where there are at least four times as many
N_SAMPLE_STEPS, N_APPROACH_STEPS = 25, 6  # steps on the sample, and then on all lines
N_WALKED_ENDS = 96  # the 96 best ends on the sample go on
N_LATE_STEPS = 8  # steps on the sample when the time is over already: without any there would be no end to report


def approach(function, points, signs, *, n_steps=N_APPROACH_STEPS, dtype=np.float64, deadline=None, n_jobs=None):
    """Return which starts did best (L,), the points (L, r) some steps uphill from them, and ``signs * f`` there.

    Parameters
    ----------
    function : ScalarPrice
    points : ndarray of shape (K, r), unit rows
    signs : ndarray of shape (K,)
    n_steps : int
        On all lines, after those on a sample of them.
    dtype : type
        Precision of the products on the way; the values are computed in double precision.
    deadline : float, optional
        `clock.Moment` after which no step on all lines is begun.
    """
    n_lines, whole = len(function.lines), (function.lines, function.coefficients, function.linear, dtype)
    with thread_map(n_jobs) as run:
        known = _values(*whole, points, signs, run)
        if n_lines >= 4 * N_SAMPLED_LINES:
            # The sample is the same on every call, and its coefficients stand for all lines.
            chosen = np.sort(np.random.default_rng(0).choice(n_lines, N_SAMPLED_LINES, replace=False))
            factor = n_lines / N_SAMPLED_LINES
            sample = function.lines[chosen], factor * function.coefficients[chosen], function.linear, dtype
            there = _values(*sample, points, signs, run)
            moved, _ = _step_uphill(
                sample, points, signs, N_LATE_STEPS if is_late(deadline) else N_SAMPLE_STEPS, None, run, there
            )
            # Good starts are better than a sample knows.
            points, known = _better(points, known, moved, _values(*whole, moved, signs, run))
        best = np.sort(np.argsort(-known[0], kind="stable")[:N_WALKED_ENDS])
        chosen = tuple(part[best] for part in known)
        points, values = _step_uphill(whole, points[best], signs[best], n_steps, deadline, run, chosen)
        if dtype != np.float64:
            values, _ = _values(*whole[:-1], np.float64, points, signs[best], run)
        return best, points, values


def _step_uphill(parts, points, signs, n_steps, deadline, run, known):
    """Step uphill from points whose values and gradients are known; return the best points and their values."""
    damping = np.zeros(len(points))
    for _ in range(n_steps):
        if is_late(deadline):
            break
        best, gradient = known
        size = np.maximum(np.linalg.norm(gradient, axis=1), 1e-300)
        # u <- normalise(grad f / ||grad f|| + damping u), damped less after a success and more after a failure.
        ahead = gradient / size[:, None] + damping[:, None] * points
        ahead /= np.maximum(np.linalg.norm(ahead, axis=1), 1e-300)[:, None]
        there = _values(*parts, ahead, signs, run)
        damping = np.where(there[0] > best, 0.5 * damping, np.maximum(2.0 * damping, 0.5))
        points, known = _better(points, known, ahead, there)
    return points, known[0]


def _better(points, known, others, there):
    """Return point by point the one of the larger value, with values and gradients."""
    better = there[0] > known[0]
    return np.where(better[:, None], others, points), (
        np.maximum(known[0], there[0]),
        np.where(better[:, None], there[1], known[1]),
    )


def _values(lines, coefficients, linear, dtype, points, signs, run):
    """Return ``signs * f`` and its gradient at every point."""
    weights, columns = points.astype(dtype, copy=False).T, signs.astype(dtype, copy=False)
    coefficients = coefficients.astype(dtype, copy=False)

    def part(start, stop):
        rows = lines[start:stop].astype(dtype, copy=False)
        forces = rows @ weights
        gate(forces, coefficients[start:stop], columns)
        return forces.T @ rows

    # f is positively homogeneous of degree one: f(u) = grad f(u) . u, and no second sum is made.
    gradient = np.outer(signs, linear)
    for term in run(part, slices(len(lines), ROWS)):
        gradient += term
    return np.einsum("kr,kr->k", gradient, points), gradient
