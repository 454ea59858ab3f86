"""The polytope of optimal masses and its vertices.

All optimal networks put masses ``c >= 0`` with ``F c = y*`` on the same finite set of directions (F: their fits, modulo
the free terms). Every such c has the same total, so the set is a polytope. Its vertices are the points whose active
fits are linearly independent: the solutions that cannot be pruned.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from ..exceptions import SolverError, VertexLimitError
from .double_description import extreme_rays

MIN_RELATIVE_RANK_VALUE = 1e-9  # singular values below this share of the largest count as zero
MAX_ZERO_SHARE = 1e-8  # masses below this share of the total count as none
MAX_VERTEX_RESIDUAL = 1e-7  # the masses of a vertex may leave this share of the optimal fit
EXTRA_VERTICES = 1000  # added to the limit, for polytopes on the way that have more vertices than the last one
MAX_LISTED_ENTRIES = 20_000_000  # numbers in the list of vertices on the way
BLOCK_ENTRIES = 2_000_000  # numbers in the matrices that are solved at once
PAIRS_PER_SQUARED_LIMIT = 4  # pairs of supports compared, per square of the limit with its extra vertices
SOLVER_FEASIBILITY = 1e-10  # primal and dual, of the linear programs


@dataclass(frozen=True)
class MassPolytope:
    """``{c >= 0 : equations c = target}``, a set of masses that sum to one.

    Attributes
    ----------
    point : ndarray of shape (K,)
        A point of it.
    equations : ndarray of shape (rank, K)
        Fits of the directions in an orthonormal basis of their span.
    target : ndarray of shape (rank,)
    free : ndarray of shape (K_free,)
        Directions that carry mass at some point of the polytope.
    inner : ndarray of shape (K_free,)
        A point of the relative interior, on the free directions.
    edges : ndarray of shape (K_free, dimension)
        Orthonormal basis of the moves that stay in the affine hull.
    """

    point: np.ndarray
    equations: np.ndarray
    target: np.ndarray
    free: np.ndarray
    inner: np.ndarray
    edges: np.ndarray

    @property
    def dimension(self):
        """Dimension of the polytope, 0 for a single point."""
        return self.edges.shape[1]

    @property
    def rank(self):
        """Rank of the fits that are in use at some point: no vertex has more directions."""
        return len(self.free) - self.dimension

    def vertices(self, limit):
        """Return the vertices as rows (V, K), in lexicographic order of their supports.

        Time and memory are bounded by the limit and the number of directions.

        Raises
        ------
        VertexLimitError
            When there are more than `limit` vertices, or so many on the way that it cannot be told in bounded time.
        """
        supports = self._supports(limit)
        if len(supports) > limit:
            raise VertexLimitError(
                f"the polytope of optimal masses has {len(supports)} vertices, more than vertex_limit={limit}: raise "
                f"it. m_star_bounds and M_star_bounds do not need the list."
            )
        vertices, exact = self.on_supports(supports)
        if not exact.all():
            raise SolverError(
                "the vertices of the polytope of optimal masses could not be told apart: some are closer together "
                "than rounding errors."
            )
        return vertices

    def _supports(self, limit):
        """Return the supports of the vertices (V, K), bool."""
        most = max(limit, min(2 * limit + EXTRA_VERTICES, MAX_LISTED_ENTRIES // len(self.free)))
        # c = inner + edges z >= 0, homogenised: rows over `inner`, so that all constraints are of one size.
        cone = np.column_stack([self.edges, self.inner]) / self.inner[:, None]
        rays = extreme_rays(cone, most, PAIRS_PER_SQUARED_LIMIT * (limit + EXTRA_VERTICES) ** 2)
        if rays is None:
            raise VertexLimitError(
                f"the polytope of optimal masses has dimension {self.dimension} and {len(self.free)} facets: its "
                f"vertices cannot be listed in the time and memory that vertex_limit={limit} stands for. Raise it, if "
                f"there is hope (the time grows with its square). m_star_bounds and M_star_bounds do not need the list."
            )
        masses = rays * self.inner
        supports = np.zeros((len(rays), len(self.point)), dtype=bool)
        supports[:, self.free] = masses > MAX_ZERO_SHARE * masses.sum(axis=1, keepdims=True)
        return np.unique(supports, axis=0)[::-1]

    def on_supports(self, supports):
        """Return the points (V, K) with these supports, and where they are vertices: exact, independent, positive."""
        vertices = np.zeros(supports.shape)
        good = np.zeros(len(supports), dtype=bool)
        sizes = supports.sum(axis=1)
        for chosen in self._blocks(sizes):
            size = sizes[chosen[0]]
            columns = np.nonzero(supports[chosen])[1].reshape(len(chosen), size)
            masses, exact = _solve_each(self.equations.T[columns].transpose(0, 2, 1), self.target)
            vertices[chosen[:, None], columns] = masses
            good[chosen] = exact & (masses.min(axis=1) > 0.0)
        return vertices, good

    def _blocks(self, sizes):
        """Numbers of the supports, in blocks of equal size that are not too large to be solved at once."""
        for size in np.unique(sizes):
            chosen = np.flatnonzero(sizes == size)
            yield from np.array_split(chosen, 1 + chosen.size * size * len(self.target) // BLOCK_ENTRIES)


def _solve_each(matrices, target):
    """Least squares solutions for every one of `matrices` (V, rank, size), and where they are unique and exact."""
    frames, triangles = np.linalg.qr(matrices)
    spread = np.abs(np.diagonal(triangles, axis1=1, axis2=2))
    independent = spread.min(axis=1) > MIN_RELATIVE_RANK_VALUE * spread.max(axis=1)
    # A dependent support is no vertex: any regular matrix keeps the batch solvable.
    triangles[~independent] = np.eye(triangles.shape[1])
    masses = np.linalg.solve(triangles, (frames.transpose(0, 2, 1) @ target)[:, :, None])
    errors = np.linalg.norm((matrices @ masses)[:, :, 0] - target, axis=1)
    return masses[:, :, 0], independent & (errors <= MAX_VERTEX_RESIDUAL * np.linalg.norm(target))


def mass_polytope(columns, point):
    """Return the `MassPolytope` of the masses with the same fit as `point`.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, K)
        Fits of the directions.
    point : ndarray of shape (K,)
        Non-negative, summing to one.
    """
    basis, values, _ = np.linalg.svd(columns, full_matrices=False)
    equations = basis[:, values > MIN_RELATIVE_RANK_VALUE * values.max(initial=0.0)].T @ columns
    target = equations @ point
    # Directions that carry no mass anywhere are no facets: find points until all others have some.
    points = [np.where(point > MAX_ZERO_SHARE, point, 0.0), *_spreading(equations, target, point)]
    free = np.flatnonzero(np.any(points, axis=0))
    used = equations[:, free]
    _, values, rotation = np.linalg.svd(used, full_matrices=True)
    rank = int(np.sum(values > MIN_RELATIVE_RANK_VALUE * values.max(initial=0.0)))
    # A mean of points with mass on every free direction lies in the relative interior; corrected to the equations.
    inner = np.mean(points, axis=0)[free]
    inner += np.linalg.lstsq(used, target - used @ inner, rcond=MIN_RELATIVE_RANK_VALUE)[0]
    return MassPolytope(point, equations, target, free, inner, rotation[rank:].T)


def _spreading(equations, target, point):
    """Yield points until every direction that can carry mass does so at one of them."""
    idle = point <= MAX_ZERO_SHARE
    while idle.any():
        found = heaviest(equations, target, idle.astype(float))
        used = idle & (found > MAX_ZERO_SHARE)
        if not used.any():
            return
        yield found
        idle &= ~used


def heaviest(equations, target, weights):
    """Return a vertex (K,) at which ``weights @ c`` is largest; what is zero to rounding is zero."""
    answer = linprog(
        -weights,
        A_eq=equations,
        b_eq=target,
        method="highs-ds",
        options={"primal_feasibility_tolerance": SOLVER_FEASIBILITY, "dual_feasibility_tolerance": SOLVER_FEASIBILITY},
    )
    if answer.status != 0:
        raise SolverError(f"a linear program over the optimal masses failed: HiGHS answered {answer.message!r}.")
    return np.where(answer.x > MAX_ZERO_SHARE, answer.x, 0.0)
