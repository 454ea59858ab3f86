"""The optimal masses on finitely many directions as a set: vertices, widths, pieces and members.

What holds for ReLU networks and for gated ones alike, by the same formulas.
"""

from functools import cached_property
from typing import Any

import numpy as np

from .._utils.aliases import Seed
from .._utils.display import Shown, between
from .._utils.progress import reporting
from .._utils.validation import check_count, check_vector
from ..exceptions import InvalidInputError, VertexLimitError
from .connectivity import SupportGraph
from .points import least_norm_point, random_points
from .polytope import MAX_ZERO_SHARE, mass_polytope
from .widths import Widths, bound_widths


class MassSet(Shown):
    """All masses ``c >= 0`` on given directions with ``F c = y*``; every one of them has the same total.

    Parameters
    ----------
    directions : ndarray of shape (K, n_inputs)
    columns : ndarray of shape (n_samples, K)
        Fits of the directions, modulo the free terms, in units in which `shares` sums to one.
    shares : ndarray of shape (K,)
        A point, relative to `total_mass`.
    total_mass : float
    vertex_limit : int
        Where there are more vertices they are not listed.
    """

    def __init__(self, directions, columns, shares, total_mass, vertex_limit):
        self.directions, self.total_mass = directions, total_mass
        self._columns, self._shares, self._vertex_limit = columns, shares, vertex_limit

    verbose = 0  # while the vertices are listed, which is when they are first asked for

    @cached_property
    def _polytope(self):
        return mass_polytope(self._columns, self._shares)

    @cached_property
    def vertices(self) -> np.ndarray:
        """Masses of the vertices, of shape (V, K).

        Raises `VertexLimitError` when there may be too many to list.
        """
        if len(self.directions) == 0:
            return np.zeros((1, 0))
        if isinstance(self._listed, VertexLimitError):
            raise self._listed
        return self._listed * self.total_mass

    @cached_property
    def _listed(self):
        """The vertices in shares of the total mass, or the refusal to list them, which takes seconds to find out."""
        try:
            with reporting(self.verbose):
                return self._polytope.vertices(self._vertex_limit)
        except VertexLimitError as error:
            return error

    @cached_property
    def _graph(self):
        return SupportGraph(self.vertices > MAX_ZERO_SHARE * self.total_mass)

    @property
    def dimension(self) -> int:
        """Dimension of the polytope of optimal masses."""
        return self._polytope.dimension if len(self.directions) else 0

    @property
    def is_unique(self) -> bool:
        """Whether the masses are unique: one network up to splitting and permuting neurons."""
        return self.dimension == 0

    @cached_property
    def _widths(self):
        """The `Widths` m* and M*, or bounds on them where the vertices cannot be listed."""
        try:
            shares = self.vertices / max(self.total_mass, np.finfo(float).tiny)
        except VertexLimitError:
            return bound_widths(self._polytope)
        sizes = np.count_nonzero(shares, axis=1)
        return Widths(shares[int(np.argmin(sizes))], (int(sizes.min()),) * 2, (int(sizes.max()),) * 2)

    @property
    def m_star(self) -> int | None:
        """Smallest width at which the optimal value is reached; None when only bounds are proven."""
        return _known(self.m_star_bounds)

    @property
    def m_star_bounds(self) -> tuple[int, int]:
        """Bounds on m*: equal when the vertices can be listed, or a mixed-integer program ends in ten seconds."""
        return self._widths.m_star_bounds

    @property
    def M_star(self) -> int | None:
        """Largest number of neurons of an optimal network that cannot be pruned; None when only bounds are known."""
        return _known(self.M_star_bounds)

    @property
    def M_star_bounds(self) -> tuple[int, int]:
        """Bounds on M*: equal when the vertices can be listed, else the largest one met and the rank of the fits."""
        return self._widths.M_star_bounds

    def n_components(self, width: int) -> int:
        """Return the number of components of the set of optimal networks of this width (an exact integer)."""
        return self._graph.n_components(check_count(width, "width", minimum=0))

    def n_isolated(self, width: int) -> int:
        """Return the number of isolated points among the optimal networks of this width."""
        return self._graph.n_isolated(check_count(width, "width", minimum=0))

    def is_connected(self, width: int) -> bool:
        """Return whether there are optimal networks of this width and paths between any two of them."""
        return self.n_components(width) == 1

    @property
    def connected_from(self) -> int:
        """Smallest width from which on the optimal set is connected at every width."""
        return self._graph.connected_from()

    @property
    def theorem_bound(self) -> int:
        """The literature's bound on `connected_from`, ``min(m* + M*, n_samples + 1)``."""
        return min(self.m_star_bounds[1] + self.M_star_bounds[1], len(self._columns) + 1)

    def _check_masses(self, masses):
        """Return masses as a vector with an entry per direction (maybe none) after checking that they are optimal."""
        shape, wanted = np.shape(masses), self.directions.shape[:1]
        if shape != wanted:
            raise InvalidInputError(f"masses must have shape {wanted}, one per direction; got shape {shape}.")
        masses = check_vector(masses, len(self.directions), "masses") if len(self.directions) else np.zeros(0)
        # F c = y* in units in which both the fit and the total mass are one.
        error = np.linalg.norm(self._columns @ (masses / max(self.total_mass, 1e-300) - self._shares))
        if masses.min(initial=0.0) < -MAX_ZERO_SHARE * self.total_mass or error > 1e-6:
            raise InvalidInputError(
                f"masses must be non-negative and give the optimal fit; the smallest is {masses.min(initial=0.0):.3g} "
                f"and the relative error of the fit {error:.1e}."
            )
        return masses

    @cached_property
    def minimum_norm_masses(self) -> np.ndarray:
        """The optimal masses (K,) with the smallest sum of squares: one point, whatever the vertices."""
        return least_norm_point(self._polytope) * self.total_mass if len(self.directions) else np.zeros(0)

    def random_masses(self, n_points: int = 1, *, random_state: Seed = None) -> np.ndarray:
        """Return optimal masses of shape (n_points, K), nearly uniform over the polytope (hit and run).

        Parameters
        ----------
        n_points : int
        random_state : int, numpy Generator or None
        """
        rng = np.random.default_rng(random_state)
        if len(self.directions) == 0:
            return np.zeros((check_count(n_points, "n_points"), 0))
        return random_points(self._polytope, check_count(n_points, "n_points"), rng) * self.total_mass

    def staircase(self, max_width: int | None = None) -> list[dict[str, Any]]:
        """Return a row (dict) for every width from 0 to `max_width`: the pieces of the optimal set.

        Keys: ``width``, ``n_components``, ``n_isolated``, ``connected``, and ``regime``, one of ``"empty"`` (below
        m*), ``"finite"`` (isolated points only), ``"mixed"`` (isolated points and continua), ``"continua"`` (several
        components, none a point) and ``"connected"``.
        """
        last = (
            max(self.connected_from, self.M_star_bounds[1]) + 1
            if max_width is None
            else check_count(max_width, "max_width")
        )
        return [self._step(width) for width in range(last + 1)]

    def _step(self, width):
        components, isolated = self.n_components(width), self.n_isolated(width)
        if components == 0:
            regime = "empty"
        elif components == 1:
            regime = "connected"
        elif isolated == components:
            regime = "finite"
        else:
            regime = "mixed" if isolated else "continua"
        return {
            "width": width,
            "n_components": components,
            "n_isolated": isolated,
            "connected": components == 1,
            "regime": regime,
        }

    def _shown_widths(self):
        """Return m* and M*, or bounds, as pairs; they may take long, and are not computed for being shown."""
        if "_widths" not in vars(self):
            return [("m*, M*", "found when they are first asked for")]
        return [("m*", between(self.m_star_bounds)), ("M*", between(self.M_star_bounds))]


def _known(bounds):
    """The value between equal bounds, else None."""
    return bounds[0] if bounds[0] == bounds[1] else None
