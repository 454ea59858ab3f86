"""Many ascents at once on long data, by matrix products: they come close to the maxima and stop at no kink.

A climb (`_climb`) reads all lines at every step. Where these are many it pays to move many points together,

    ``u <- normalise(grad f(u) / ||grad f(u)|| + damping u)``,

which raises f wherever its convex part prevails; the damping grows where a step has failed, and a point never moves to
a lower value. First on a sample of the lines, then on all of them, in blocks of rows that are summed in order.
"""

import time

import numpy as np

from .._threads import slices, thread_map

ROWS = 4096
SAMPLE = 4096
SAMPLE_STEPS, STEPS = 25, 6


def approach(function, points, signs, *, deadline=None, n_jobs=None):
    """Return the points (K, r) after some steps uphill on ``signs * f``, and ``signs * f`` at them.

    Parameters
    ----------
    function : PriceFunction
    points : ndarray of shape (K, r), unit rows
    signs : ndarray of shape (K,)
    deadline : float, optional
        ``time.monotonic()`` after which no step is begun; the values are those of `points` then.
    """
    n_lines, whole = len(function.lines), (function.lines, function.coefficients, function.linear)
    with thread_map(n_jobs) as run:
        if n_lines >= 4 * SAMPLE:
            chosen = np.sort(np.random.default_rng(0).choice(n_lines, SAMPLE, replace=False))
            factor = n_lines / SAMPLE
            sample = function.lines[chosen], factor * function.coefficients[chosen], function.linear
            moved, _ = _walk(sample, points, signs, SAMPLE_STEPS, deadline, run)
            (before, _), (after, _) = (_values(*whole, ends, signs, run) for ends in (points, moved))
            points = np.where((after > before)[:, None], moved, points)  # good starts are better than a sample knows
        return _walk(whole, points, signs, STEPS, deadline, run)


def _walk(parts, points, signs, n_steps, deadline, run):
    best, gradient = _values(*parts, points, signs, run)
    damping = np.zeros(len(points))
    for _ in range(n_steps):
        if deadline is not None and time.monotonic() >= deadline:
            break
        size = np.maximum(np.linalg.norm(gradient, axis=1), 1e-300)
        ahead = gradient / size[:, None] + damping[:, None] * points
        ahead /= np.maximum(np.linalg.norm(ahead, axis=1), 1e-300)[:, None]
        values, slopes = _values(*parts, ahead, signs, run)
        better = values > best
        points = np.where(better[:, None], ahead, points)
        gradient = np.where(better[:, None], slopes, gradient)
        best = np.maximum(best, values)
        damping = np.where(better, 0.5 * damping, np.maximum(2.0 * damping, 0.5))
    return points, best


def _values(lines, coefficients, linear, points, signs, run):
    """Return ``signs * f`` and its gradient at every point."""
    weights = points.astype(lines.dtype, copy=False).T

    def part(start, stop):
        values = lines[start:stop] @ weights
        forces = (values > 0) * coefficients[start:stop, None].astype(lines.dtype, copy=False)
        return forces.T @ lines[start:stop]

    gradient = sum(run(part, slices(len(lines), ROWS))) + linear
    gradient = signs[:, None] * gradient
    return np.einsum("kr,kr->k", gradient, points), gradient
