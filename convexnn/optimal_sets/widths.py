"""The smallest and the largest width of an irreducible optimal network where the vertices are too many to list.

A mixed-integer program finds m* or bounds it from below; vertices met by linear programs with random costs bound it
from above, and M* from below. No support counts before it is verified.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, nnls

from .._utils.clock import now
from .._utils.standard_output import without_highs_lines
from .._utils.threads import interruptible
from .polytope import MAX_ZERO_SHARE, heaviest

MAX_SUPPORT_RESIDUAL = 1e-9  # the masses of a support may leave this share of the optimal fit
MAX_CUTS = 50  # integer programs, each without the supports found before
N_RANDOM_COSTS = 30  # random costs are lowest at as many vertices, which bound the supports
SEARCH_SECONDS = 10.0  # for the bounds on the widths
MAX_INTEGER_ERROR = 1e-6  # bounds of the integer program are rounded up from so little above


@dataclass(frozen=True)
class Widths:
    """Bounds on m* and M*, and a vertex with few neurons.

    Attributes
    ----------
    fewest : ndarray of shape (K,)
        A vertex, in shares of the total mass; none with fewer directions is known.
    m_star_bounds, M_star_bounds : tuple of two ints
        Equal when the width is known.
    """

    fewest: np.ndarray
    m_star_bounds: tuple
    M_star_bounds: tuple


def bound_widths(polytope, *, time_limit=SEARCH_SECONDS):
    """Return the `Widths` of a `MassPolytope` without listing its vertices.

    Parameters
    ----------
    polytope : MassPolytope
    time_limit : float
        Seconds for the mixed-integer program: when they are up, m* may be known within bounds only.

    Returns
    -------
    Widths
    """
    met = random_vertices(polytope, np.random.default_rng(0))
    sizes = [int(np.count_nonzero(vertex)) for vertex in met]
    fewest, low = prove_fewest(polytope, met[int(np.argmin(sizes))], time_limit)
    return Widths(fewest, (low, int(np.count_nonzero(fewest))), (max(sizes), polytope.rank))


def random_vertices(polytope, rng):
    """Return vertices (V, K) at which random costs are lowest, in shares of the total mass."""
    costs = rng.standard_normal((N_RANDOM_COSTS, len(polytope.point)))
    met = [heaviest(polytope.equations, polytope.target, cost) for cost in costs]
    vertices, exact = polytope.on_supports(np.unique(np.array(met) > 0, axis=0))
    return vertices[exact]


def prove_fewest(polytope, known, time_limit, counted=None):
    """Return masses (K,) with the fewest directions found, and a lower bound on the number.

    Only the directions `counted` (bool, all by default) count; `known` is a vertex.

    Support by support the program's answer is verified, and cut off when it only fits within the solver's tolerance.
    """
    deadline = now() + time_limit
    counted = np.ones(len(known), dtype=bool) if counted is None else counted
    program = _Program(polytope, counted)
    best, least = known, 1
    for _ in range(MAX_CUTS):
        answer = program.solve(max(0.1, deadline - now()))
        if answer.mip_dual_bound is not None and np.isfinite(answer.mip_dual_bound):
            least = max(least, int(np.ceil(answer.mip_dual_bound - MAX_INTEGER_ERROR)))
        if answer.x is None:
            break
        # The program's binaries are right to its own tolerance only: the masses on the support decide.
        support = answer.x[len(known) :] > 0.5
        masses = _fitted(polytope, support)
        if masses is not None and np.count_nonzero(masses[counted]) < np.count_nonzero(best[counted]):
            best = masses
        if masses is not None or answer.status != 0:
            break
        program.cut_off(support)
    return best, min(least, int(np.count_nonzero(best[counted])))


def _fitted(polytope, support):
    """Return a vertex (K,) on a part of the support, None when there is no exact one."""
    masses, error = nnls(polytope.equations[:, support], polytope.target)
    if error > MAX_SUPPORT_RESIDUAL * np.linalg.norm(polytope.target):
        return None
    used = support.copy()
    used[support] = masses > MAX_ZERO_SHARE
    vertices, exact = polytope.on_supports(used[None, :])
    return vertices[0] if exact[0] else None


class _Program:
    """Minimise the ``sum z`` of the directions counted over ``0 <= t_k <= z_k``, z binary, and
    ``equations (h t) = target`` (HiGHS).

    h_k is the largest mass that direction k can have: the tighter it is, the better the bounds.
    """

    def __init__(self, polytope, counted):
        n = len(polytope.point)
        highest = [heaviest(polytope.equations, polytope.target, unit)[k] for k, unit in enumerate(np.eye(n))]
        equations = np.hstack([polytope.equations * highest, np.zeros(polytope.equations.shape)])
        self.costs, self.binary = np.append(np.zeros(n), counted), np.repeat([0.0, 1.0], n)
        self.constraints = [
            LinearConstraint(equations, polytope.target, polytope.target),
            LinearConstraint(np.hstack([np.eye(n), -np.eye(n)]), -np.inf, 0.0),
        ]

    def solve(self, time_limit):
        with without_highs_lines():
            return interruptible(
                milp,
                self.costs,
                constraints=self.constraints,
                integrality=self.binary,
                bounds=Bounds(0.0, 1.0),
                options={"time_limit": time_limit},
            )

    def cut_off(self, support):
        """Forbid exactly this support."""
        # sum_{k not in S} z_k - sum_{k in S} z_k >= 1 - |S| is wrong for the support S alone.
        cut = np.r_[np.zeros(len(support)), np.where(support, -1.0, 1.0)]
        self.constraints.append(LinearConstraint(cut, 1.0 - support.sum(), np.inf))
