"""The cones of given patterns: which directions in them violate a dual point, and projections on them."""

import numpy as np

from .._utils.norms import unit_rows
from .._utils.threads import slices, thread_map
from .._utils.validation import is_late
from ._projection import project_cones

MAX_OUTSIDE = 1e-12  # a unit vector is in a cone when no unit row is violated by more: rounding
CHUNK_ENTRIES = 2_000_000  # entries of the cones' rows between two looks at the clock, some tenths of a second


class PatternCones:
    """Every pattern's cone twice, for either sign of the output: cone k has pattern ``k % P`` and is + below P.

    Remembers the rows that held the last projection in every cone: they give a valid bound for the next dual point at
    once, and a start where the bound is not enough.
    """

    def __init__(self, design, masks, *, deadline=None, n_jobs=None):
        self.design, self.masks, self.deadline, self.n_jobs = design, masks, deadline, n_jobs
        self.rows, _ = unit_rows(design)
        self.transposed = np.ascontiguousarray(self.rows.T)
        n_cones, d = 2 * len(masks), design.shape[1]
        self.held, self.n_held = np.zeros((n_cones, d), np.int64), np.zeros(n_cones, np.int64)
        self.forces, self.shifts = np.zeros((n_cones, d)), np.zeros((n_cones, d))

    def sign(self, cones):
        """The sign of the output of each cone."""
        return np.where(cones < len(self.masks), 1.0, -1.0)

    def mask(self, cones):
        """The pattern of each cone."""
        return self.masks[cones % len(self.masks)]

    def side(self, cones):
        """1 on the rows where the pattern of each cone is active, -1 elsewhere."""
        return np.where(self.mask(cones), 1.0, -1.0)

    def violators(self, dual_point, level):
        """Maximise ``sign * dual_point^T D design u`` over the unit vectors u of every cone, as far as it matters.

        Returns
        -------
        cones : ndarray of shape (K,), those with a value above `level`
        directions : ndarray of shape (K, d), unit vectors
        bounds : ndarray of shape (2 P,), at least the maximum of every cone
        """
        # X^T D_i nu for every pattern, and its negative for the other sign of the output.
        gradients = (self.masks * dual_point) @ self.design
        gradients = np.vstack([gradients, -gradients])
        # The forces of the last projection are feasible for this dual point too: ||g + shift|| is a valid bound.
        bounds = np.linalg.norm(gradients + self.shifts, axis=1)
        # Only cones whose old forces do not show that they are below the level are projected on.
        cones = np.flatnonzero(bounds > level)
        held, forces, n_held = self.held[cones], self.forces[cones], self.n_held[cones]
        tried, done, residuals = self._project(cones, gradients[cones], level, held, forces, n_held)
        cones, residuals, done = cones[tried], residuals[tried], done[tried]
        self.held[cones], self.forces[cones], self.n_held[cones] = held[tried], forces[tried], n_held[tried]
        self.shifts[cones] = residuals - gradients[cones]
        values = bounds[cones] = np.linalg.norm(residuals, axis=1)
        # max_{u in K, ||u|| <= 1} g . u = ||Proj_K(g)||, reached along the projection.
        above = done & (values > level)
        return cones[above], residuals[above] / values[above, None], bounds

    def nearest(self, cones, points):
        """Project ``points (K, d)``, each on the cone of the same row of `cones`; zeros where that could not be."""
        held, n_held = np.zeros(points.shape, np.int64), np.zeros(len(cones), np.int64)
        _, done, nearest = self._project(cones, points, 0.0, held, np.zeros(points.shape), n_held)
        return np.where(done[:, None], nearest, 0.0)

    def _project(self, cones, points, level, held, forces, n_held):
        """Project in parallel; return which were tried before the deadline, which succeeded, and the projections."""
        residuals, tried, done = np.empty(points.shape), np.zeros(len(cones), bool), np.zeros(len(cones), bool)

        def project(start, stop):
            if start and is_late(self.deadline):
                return
            part = slice(start, stop)
            masks = self.mask(cones[part])
            project_cones(
                self.rows, self.transposed, masks, points[part], level, held[part], forces[part], n_held[part],
                residuals[part], done[part],
            )  # fmt: skip
            tried[part] = True

        # A projection takes about 20 passes over the rows.
        chunk = max(1, min(32, CHUNK_ENTRIES // (20 * self.rows.size)))
        with thread_map(self.n_jobs) as run:
            run(project, slices(len(cones), chunk))
        return tried, done, residuals

    def tight(self, blocks):
        """Which rows each of ``blocks (K, d)`` lies on, to rounding: bool (K, n)."""
        return np.abs(blocks @ self.transposed) <= 1e-10 * np.linalg.norm(blocks, axis=1)[:, None]

    def contain(self, cones, directions):
        """Which of the unit ``directions (K, d)`` lie in their cones, to rounding."""
        return np.all(self.side(cones) * (directions @ self.transposed) >= -MAX_OUTSIDE, axis=1)

    def shares(self, cones, blocks, moves, tight):
        """How far each block may go along its move, at most all the way, before it leaves its cone.

        The moves keep the rows that are `tight`.
        """
        side = self.side(cones)
        rates = side * (moves @ self.transposed)
        values = np.maximum(side * (blocks @ self.transposed), 0.0)
        leaving = (rates < -1e-12 * np.linalg.norm(moves, axis=1)[:, None]) & ~tight
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(leaving, values / -rates, np.inf).min(axis=1, initial=1.0)
