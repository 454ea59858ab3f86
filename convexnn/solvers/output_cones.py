"""The cones of given patterns with several outputs: which directions in them violate a dual point, and a bound.

On the cone ``K_i`` of a pattern the price of a dual point N is ``max ||G_i^T u||`` over the unit vectors u of the cone,
with ``G_i = X^T D_i N``. It is the maximum over unit output vectors a of ``h_i(a) = ||Proj_{K_i}(G_i a)||``, one
projection each, in as many dimensions as there are outputs:

- ascents take the best a for u and the best u for a in turn (`climb`);
- h_i is convex and positively homogeneous. So on the cone of vectors v_k it is at most the largest h_i(v_k) over the
  distance of their convex hull from 0, and cones are halved until that is small enough (`bound`).

The largest singular value of G_i, which forgets the cone, bounds the price too, and often at once.
"""

import numpy as np

from .._utils.validation import is_late
from .cones import PatternCones

MAX_CLIMB_STEPS = 50  # ascents end after 50 steps, or when a step gains less than 1e-9 of the price
MIN_CLIMB_GAIN = 1e-9
SAME_DIRECTION = 1.0 - 1e-8  # ends whose cosine is above this are the same
MAX_BOUNDED_OUTPUTS = 6  # cones of more outputs are not halved: there are 2^c of them to begin with
MAX_BOUND_PROJECTIONS = 300_000  # a bound takes at most so many projections,
MAX_BOUND_WORK = 6e9  # and no more than this many multiplications, at 20 passes over the rows for each
PRICE_ROUNDING = 1e-12  # projections and singular values are known to this share of the price
CHUNK_ENTRIES = 2_000_000  # entries of the masked dual points that are held at once


class OutputCones(PatternCones):
    """The cones of patterns, and the prices of dual points with several outputs on them."""

    def slopes(self, dual_point):
        """Return ``X^T D_i N`` of every pattern, of shape (P, n_inputs, n_outputs)."""
        step = max(1, CHUNK_ENTRIES // dual_point.size)
        chunks = [self.masks[k : k + step, :, None] * dual_point for k in range(0, len(self.masks), step)]
        return np.concatenate([self.design.T @ chunk for chunk in chunks])

    def reach(self, cones, slopes, outputs):
        """Return the best vector of each cone for an output vector a, ``Proj(G a)``, and a bound on ``h(a)``."""
        points = np.einsum("kjc,kc->kj", slopes, outputs)
        held, n_held = np.zeros(points.shape, np.int64), np.zeros(len(cones), np.int64)
        tried, done, residuals = self._project(cones, points, 0.0, held, np.zeros(points.shape), n_held)
        # Any forces give a valid bound; without a projection there is still the length of the point itself.
        bounds = np.linalg.norm(np.where(tried[:, None], residuals, points), axis=1)
        return np.where((tried & done)[:, None], residuals, 0.0), bounds * (1.0 + PRICE_ROUNDING)

    def climb(self, cones, slopes, outputs):
        """Return the unit vectors that ascents reach from output vectors, zeros where they end at 0, and their prices.

        All are of length K: the ascent of row k is in ``cones[k]``, with its ``slopes[k]``.
        """
        directions, values = np.zeros(slopes.shape[:2]), np.zeros(len(cones))
        rising, outputs = np.arange(len(cones)), outputs.copy()
        for _ in range(MAX_CLIMB_STEPS):
            if len(rising) == 0 or is_late(self.deadline):
                break
            # The best u for a is Proj(G a) / ||Proj(G a)||, and the best a for u is G^T u / ||G^T u||.
            points, _ = self.reach(cones[rising], slopes[rising], outputs[rising])
            sizes = np.linalg.norm(points, axis=1)
            moved = points / np.where(sizes > 0.0, sizes, 1.0)[:, None]
            pulls = np.einsum("kjc,kj->kc", slopes[rising], moved)
            reached = np.linalg.norm(pulls, axis=1)
            better = reached > values[rising] * (1.0 + MIN_CLIMB_GAIN)
            rising, moved, pulls, reached = rising[better], moved[better], pulls[better], reached[better]
            directions[rising], values[rising], outputs[rising] = moved, reached, pulls / reached[:, None]
        return directions, values

    def find(self, dual_point, level, cones, outputs):
        """Return cones, unit vectors and prices of what ascents find above `level`, the largest price first.

        They start from the singular vectors of every cone that may have a price above it, and from `outputs` (K,
        n_outputs) in `cones` (K,). The last item is the largest price seen, which may be below the level.
        """
        slopes = self.slopes(dual_point)
        _, strengths, right = np.linalg.svd(slopes, full_matrices=False)
        open_cones = np.flatnonzero(strengths[:, 0] > level)
        starts = right[open_cones].reshape(-1, right.shape[2])
        cones = np.concatenate([cones, *[np.repeat(open_cones, right.shape[1])] * 2])
        directions, values = self.climb(cones, slopes[cones], np.vstack([outputs, starts, -starts]))
        seen = values.max(initial=0.0)
        order = np.argsort(-values, kind="stable")
        order = order[values[order] > level]
        kept = order[_first_of_each(directions[order])]
        return cones[kept], directions[kept], values[kept], seen

    def bound(self, dual_point, level):
        """Return a bound on the price over all cones, and (cones, output vectors) of what was seen above `level`.

        Cones of output vectors are halved until the bound falls to the level, a price above it is seen, or the budget
        of projections is spent. The bound is valid in any case.
        """
        slopes = self.slopes(dual_point)
        largest = np.linalg.svd(slopes, compute_uv=False)[:, 0] * (1.0 + PRICE_ROUNDING)
        n_outputs = dual_point.shape[1]
        owner = np.flatnonzero(largest > level)
        dismissed = np.delete(largest, owner).max(initial=0.0)
        if n_outputs > MAX_BOUNDED_OUTPUTS or len(owner) * 2 * n_outputs > MAX_BOUND_PROJECTIONS:
            return max(dismissed, largest[owner].max(initial=0.0)), (owner[:0], np.zeros((0, n_outputs)))
        tree = _Tree(self, slopes, owner, level)
        most = min(MAX_BOUND_PROJECTIONS, MAX_BOUND_WORK / (20 * self.rows.size))
        while len(tree.owner) and not len(tree.seen[0]) and tree.n_projections < most:
            if is_late(self.deadline):
                break
            tree.halve()
        # What is left of the tree is bounded by its own bounds and by the largest singular values.
        left = np.minimum(tree.bounds, largest[tree.owner]).max(initial=0.0)
        return max(dismissed, tree.dismissed, left), tree.seen


class _Tree:
    """Cones of output vectors: generators (K, c, c), their values h (K, c), bounds (K,) and whose they are."""

    def __init__(self, geometry, slopes, owner, level):
        self.geometry, self.slopes, self.level = geometry, slopes, level
        c = slopes.shape[2]
        # The generators of the orthants are the unit vectors and their negatives: 2 c projections for every pattern.
        ends = np.vstack([np.eye(c), -np.eye(c)])
        self.n_projections, self.seen, self.dismissed = 0, (owner[:0], np.zeros((0, c))), 0.0
        values = self._values(np.repeat(owner, 2 * c), np.tile(ends, (len(owner), 1))).reshape(-1, 2 * c)
        corners = np.arange(c) + c * (np.arange(2**c)[:, None] >> np.arange(c) & 1)
        self.owner = np.repeat(owner, len(corners))
        self.generators = np.tile(ends[corners], (len(owner), 1, 1))
        self.values = values[:, corners].reshape(-1, c)
        self._dismiss()

    def _values(self, owner, outputs):
        """Return bounds on ``h(a)``, no larger than ``h(a)`` but for rounding, and note what is above the level."""
        points, bounds = self.geometry.reach(owner, self.slopes[owner], outputs)
        self.n_projections += len(owner)
        above = np.linalg.norm(points, axis=1) > self.level
        self.seen = np.append(self.seen[0], owner[above]), np.vstack([self.seen[1], outputs[above]])
        return bounds

    def _dismiss(self):
        """Bound every cone, and leave out those below the level."""
        c = self.generators.shape[2]
        cosines = self.generators @ self.generators.transpose(0, 2, 1)
        least = cosines.min(axis=(1, 2))
        # ||sum t_k v_k||^2 >= (sum t_k)^2 (1 + (c - 1) least) / c for t >= 0: that is the distance of the hull from 0.
        self.bounds = self.values.max(axis=1) / np.sqrt((1.0 + (c - 1) * np.maximum(least, 0.0)) / c)
        below = self.bounds <= self.level
        self.dismissed = max(self.dismissed, self.bounds[below].max(initial=0.0))
        self.cosines = cosines[~below]
        for name in ("owner", "generators", "values", "bounds"):
            setattr(self, name, getattr(self, name)[~below])

    def halve(self):
        """Halve every cone along its longest edge."""
        c, rows = self.generators.shape[2], np.arange(len(self.owner))
        first, second = np.divmod(self.cosines.reshape(len(rows), -1).argmin(axis=1), c)
        middles = self.generators[rows, first] + self.generators[rows, second]
        middles /= np.linalg.norm(middles, axis=1)[:, None]
        heights = self._values(self.owner, middles)
        halves, values = [], []
        for end in (first, second):
            part, height = self.generators.copy(), self.values.copy()
            part[rows, end], height[rows, end] = middles, heights
            halves.append(part)
            values.append(height)
        self.owner, self.generators, self.values = np.tile(self.owner, 2), np.concatenate(halves), np.vstack(values)
        self._dismiss()


def _first_of_each(directions):
    """Return the places of the directions that are not the same as an earlier one, in whatever cone."""
    kept = []
    for k, direction in enumerate(directions):
        if not kept or (directions[kept] @ direction).max() < SAME_DIRECTION:
            kept.append(k)
    return np.array(kept, int)
