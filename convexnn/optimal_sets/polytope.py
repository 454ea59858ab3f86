"""The polytope of optimal masses and its vertices.

All optimal networks put masses ``c >= 0`` with ``F c = y*`` on the same finite set of directions (F: their fits, modulo
the free terms). Every such c has the same total, so the set is a polytope. Its vertices are the points whose active
fits are linearly independent: the solutions that cannot be pruned.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import HalfspaceIntersection

from ..exceptions import VertexLimitError

RANK = 1e-9
ZERO = 1e-8


@dataclass(frozen=True)
class MassPolytope:
    """``{c >= 0 : columns c = columns point}`` for a point of it, in masses that sum to one.

    Attributes
    ----------
    columns : ndarray of shape (n_samples, K)
    point : ndarray of shape (K,)
        Non-negative, summing to one.
    free : ndarray of shape (K_free,)
        Directions that carry mass at some point of the polytope.
    inner : ndarray of shape (K_free,)
        A point of the relative interior, on the free directions.
    edges : ndarray of shape (K_free, dimension)
        Orthonormal basis of the moves that stay in the affine hull.
    """

    columns: np.ndarray
    point: np.ndarray
    free: np.ndarray
    inner: np.ndarray
    edges: np.ndarray

    @property
    def dimension(self):
        """Dimension of the polytope, 0 for a single point."""
        return self.edges.shape[1]

    def vertices(self, limit):
        """Return the vertices as rows (V, K), in lexicographic order of their supports.

        Raises
        ------
        VertexLimitError
            When a polytope of this dimension and number of facets may have more than `limit` vertices.
        """
        possible = most_vertices(len(self.free), self.dimension)
        if possible > limit:
            raise VertexLimitError(
                f"the polytope of optimal masses has dimension {self.dimension} and up to {len(self.free)} facets, so "
                f"up to {possible} vertices, more than the limit of {limit}: raise vertex_limit, or use m_star, which "
                f"does not need them."
            )
        candidates = self.inner[None, :] + self._corners() @ self.edges.T
        full = np.zeros((len(candidates), len(self.point)))
        full[:, self.free] = candidates
        supports = np.unique(full > ZERO, axis=0)[::-1]
        found = [self._on_support(support) for support in supports]
        return np.array([vertex for vertex in found if vertex is not None])

    def _corners(self):
        """Corners in the coordinates of `edges`."""
        if self.dimension == 0:
            return np.zeros((1, 0))
        if self.dimension == 1:
            ratios = -self.inner / np.where(self.edges[:, 0] == 0, np.inf, self.edges[:, 0])
            slopes = self.edges[:, 0]
            return np.array([[ratios[slopes > 0].max()], [ratios[slopes < 0].min()]])
        half_spaces = np.column_stack([-self.edges, -self.inner])
        return HalfspaceIntersection(half_spaces, np.zeros(self.dimension)).intersections

    def _on_support(self, support):
        """The point with this support, None unless its fits are independent and its masses positive."""
        columns = self.columns[:, support]
        target = self.columns @ self.point
        masses, _, rank, _ = np.linalg.lstsq(columns, target, rcond=RANK)
        error = np.linalg.norm(columns @ masses - target)
        if rank < columns.shape[1] or masses.min(initial=1.0) <= 0 or error > 1e-7 * np.linalg.norm(target):
            return None
        vertex = np.zeros(len(self.point))
        vertex[support] = masses
        return vertex


def most_vertices(n_facets, dimension):
    """Return McMullen's upper bound on the number of vertices of a simple polytope, an exact integer."""

    if dimension == 0:
        return 1
    half = dimension // 2
    upper = comb(n_facets - (dimension - half), half)
    return upper + comb(n_facets - half - 1, dimension - half - 1)


def mass_polytope(columns, point):
    """Return the `MassPolytope` through `point` >= 0, masses summing to one."""
    highest, inner = _reach(columns, point)
    free = np.flatnonzero(highest > ZERO)
    _, values, rotation = np.linalg.svd(columns[:, free], full_matrices=True)
    rank = int(np.sum(values > RANK * values.max(initial=0.0)))
    return MassPolytope(columns, point, free, inner[free], rotation[rank:].T)


def _reach(columns, point):
    """Largest mass that every direction takes on the polytope, and the mean of the points where it does."""
    _, values, rotation = np.linalg.svd(columns, full_matrices=True)
    rank = int(np.sum(values > RANK * values.max(initial=0.0)))
    edges = rotation[rank:].T
    if edges.shape[1] == 0:
        return point, point
    bounds = [(None, None)] * edges.shape[1]
    tops = []
    for row in edges:
        step = linprog(-row, A_ub=-edges, b_ub=point, bounds=bounds, method="highs")
        tops.append(np.maximum(point + edges @ step.x, 0.0))
    tops = np.array(tops)
    return np.diag(tops), tops.mean(axis=0)
