"""Local ascents on the price from many starts: fast lower bounds that prove nothing."""

import time

import numpy as np

from .._threads import slices, thread_map
from ._kernels import ascend_all

MAX_ROUNDS = 60
CHUNK = 16
ROWS_A_CHUNK = 40_000  # rows times starts between two looks at the clock


def random_starts(function, n_starts, rng):
    """Return unit start directions of shape (n_starts, rank), a mixture of three distributions.

    Rare maximisers are hit by one start in thousands, and by which distribution depends on the data: Gaussian
    directions, Gaussian directions in the metric that makes the lines isotropic, and differences of lines.
    """
    r, n_lines = function.rank, len(function.lines)
    if n_lines == 0:  # antipodal rows have cancelled down to a linear function
        return function.linear[None] / np.linalg.norm(function.linear)
    starts = rng.standard_normal((n_starts, r))
    values, vectors = np.linalg.eigh(function.lines.T @ function.lines)
    whitening = vectors / np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    starts[1::3] = starts[1::3] @ whitening.T
    pairs = rng.integers(0, n_lines, (len(starts[2::3]), 2))
    mix = rng.choice([-1.0, 1.0], (len(pairs), 2))
    starts[2::3] = (
        mix[:, :1] * function.lines[pairs[:, 0]]
        + mix[:, 1:] * function.lines[pairs[:, 1]]
        + 0.1 * starts[2::3] / np.sqrt(r)
    )
    return starts / np.linalg.norm(starts, axis=1)[:, None]


def perturbed_starts(points, n_starts, rng):
    """Return unit start directions (n_starts, rank) near the unit rows of `points`, .1 to 1 of a radius away.

    Maxima of a price live in clusters: near those that are known, violators are several times as frequent as around
    random directions.
    """
    base = points[rng.integers(0, len(points), n_starts)]
    noise = rng.standard_normal(base.shape) / np.sqrt(base.shape[1])
    starts = base + 10.0 ** rng.uniform(-1.0, 0.0, (n_starts, 1)) * noise
    return starts / np.linalg.norm(starts, axis=1)[:, None]


def local_maxima(function, starts, *, deadline=None, n_jobs=None):
    """Climb ``f`` and ``-f`` from every start.

    Parameters
    ----------
    function : PriceFunction
    starts : ndarray of shape (n_starts, rank), unit rows
    deadline : float, optional
        ``time.monotonic()`` after which no further climb is begun, but for the first few of either sign.

    Returns
    -------
    points : ndarray of shape (2 n_starts, rank)
    signs : ndarray of shape (2 n_starts,), +1 for maxima of f and -1 for those of -f
    values : ndarray of shape (2 n_starts,), ``signs * f(points)``, in units of ``function.scale``;
        -inf where the climb was not begun
    """
    points = np.vstack([starts, starts])
    signs = np.repeat([1, -1], len(starts))

    def climb(start, stop):
        first = start in (0, len(starts))  # always made: without any ascent nothing at all would be known
        if deadline is not None and not first and time.monotonic() >= deadline:
            return np.full(stop - start, -np.inf)
        sign = float(signs[start])
        part = points[start:stop]
        return ascend_all(function.lines, sign * function.coefficients, sign * function.linear, part, MAX_ROUNDS)

    half = slices(len(starts), max(1, min(CHUNK, ROWS_A_CHUNK // max(1, len(function.lines)))))
    tasks = half + [(len(starts) + start, len(starts) + stop) for start, stop in half]
    with thread_map(n_jobs) as run:
        values = np.concatenate([np.zeros(0), *run(climb, tasks)])
    return points, signs, values


def distinct_maxima(function, points, signs, values, *, angle=1e-6):
    """Return the distinct local maxima above rounding, the largest first, in the caller's coordinates and units.

    Returns
    -------
    directions : ndarray of shape (L, n_inputs)
    signs : ndarray of shape (L,)
    values : ndarray of shape (L,)
    """
    kept = np.zeros(0, int)
    for k in np.argsort(-values, kind="stable"):
        if values[k] <= function.slack:
            break
        near = np.abs(points[kept] - points[k]).max(axis=1, initial=0.0) <= angle
        if not np.any(near & (signs[kept] == signs[k])):
            kept = np.append(kept, k)
    return function.expand(points[kept]), signs[kept], values[kept] * function.scale
