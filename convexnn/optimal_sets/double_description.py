"""Extreme rays of a cone ``{x : rows @ x >= 0}`` by the double description method, in bounded time and memory.

The rays of a few inequalities are known; one inequality after the other is added. It keeps the rays on its right side,
and every pair of adjacent rays on different sides meets it in a new one. Degenerate cones cost nothing extra.
Method and adjacency test: K. Fukuda, A. Prodon, "Double description method revisited", 1996.
"""

from functools import partial

import numpy as np
from scipy.linalg import qr

from .._utils.bits import pack
from .._utils.kernels import compiled
from .._utils.progress import current
from .._utils.threads import interruptible
from .connectivity import union_size

MAX_ZERO_VALUE = 1e-9  # relative to the largest value of a ray: a smaller one has no sign


def extreme_rays(rows, most_rays, most_steps):
    """Return ``rows @ x`` for every extreme ray x, each scaled to a maximum of one; None when there are too many.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, dimension)
        A matrix of full column rank, with a point x at which ``rows @ x`` is positive.
    most_rays : int
        Give up when more rays than this satisfy some of the inequalities.
    most_steps : int
        Give up after comparing so many pairs of supports; the answer depends on no clock.

    Returns
    -------
    ndarray of shape (n_rays, n_rows) or None
        Non-negative.
    """
    # A pivoted QR chooses well-conditioned inequalities for the first simplicial cone.
    *_, order = qr(rows.T, mode="economic", pivoting=True)
    done = np.zeros(len(rows), dtype=bool)
    done[order[: rows.shape[1]]] = True
    rays = np.linalg.solve(rows[done].T, rows.T)
    rays[:, done] = np.eye(rows.shape[1])
    rays = _normalised(rays)
    with current().stage("vertices of the optimal set", len(rows), steady=False) as stage:
        while not done.all():
            row = _next_row(rays, done)
            rays, steps = _cut(rays, done, row, rows.shape[1], most_rays, most_steps)
            done[row] = True
            most_steps -= steps
            if rays is None or len(rays) > most_rays:
                return None
            figures = partial("{:,} after {} of {} inequalities".format, len(rays), int(done.sum()), len(rows))
            stage.tick(int(done.sum()), figures)
    return rays


def _normalised(rays):
    return rays / np.abs(rays).max(axis=1, keepdims=True, initial=1e-300)


def _next_row(rays, done):
    """The row with the fewest pairs of rays on different sides."""
    pairs = np.sum(rays > MAX_ZERO_VALUE, axis=0) * np.sum(rays < -MAX_ZERO_VALUE, axis=0)
    return int(np.argmin(np.where(done, np.iinfo(np.int64).max, pairs)))


def _cut(rays, done, row, dimension, most_rays, most_steps):
    """Add an inequality. Returns the rays that satisfy it too, None where that is too much work, and the steps made."""
    values = np.where(np.abs(rays[:, row]) > MAX_ZERO_VALUE, rays[:, row], 0.0)
    above, below = np.flatnonzero(values > 0), np.flatnonzero(values < 0)
    words = pack((rays > 0) & done)
    largest = int(done.sum()) - dimension + 2  # two adjacent rays share at least dimension - 2 zeros
    pairs, steps = interruptible(_adjacent, words, above, below, largest, most_rays, most_steps)
    if steps > most_steps or len(pairs) > most_rays:
        return None, steps
    rays[:, row] = values
    first, second = pairs.T
    # The ray between two adjacent ones on which the new inequality is zero.
    between = rays[first] * -values[second, None] + rays[second] * values[first, None]
    between[:, row] = 0.0
    return np.vstack([rays[values >= 0], _normalised(between)]), steps


@compiled
def _adjacent(words, above, below, largest, most_pairs, most_steps):
    """Pairs of adjacent rays, one of `above` and one of `below`: no third ray's support lies in their union.

    `words` (R, n_words) are the supports, and a union of more than `largest` entries is none of an adjacent pair.
    Returns one pair too many when there are more than `most_pairs`, and more than `most_steps` steps if it gave up.
    """
    pairs, outside = np.empty((min(most_pairs + 1, len(above) * len(below)), 2), np.int64), np.empty_like(words[0])
    n_pairs, steps = 0, 0
    for i in above:
        blocker = i  # a ray that is in the way of one pair is often in the way of the next
        for j in below:
            steps += 1
            if union_size(words, i, j) > largest:
                continue
            for w in range(words.shape[1]):
                outside[w] = ~(words[i, w] | words[j, w])
            if blocker != i and blocker != j and _avoids(words, blocker, outside):
                continue
            k = 0
            while k < len(words) and (k == i or k == j or not _avoids(words, k, outside)):
                k += 1
            steps += k
            if k < len(words):
                blocker = k
                continue
            pairs[n_pairs, 0], pairs[n_pairs, 1] = i, j
            n_pairs += 1
            if n_pairs > most_pairs:
                return pairs, steps
        if steps > most_steps:
            break
    return pairs[:n_pairs], steps


@compiled
def _avoids(words, k, outside):
    """Whether support k has no entry in `outside`."""
    for w in range(words.shape[1]):
        if words[k, w] & outside[w]:
            return False
    return True
