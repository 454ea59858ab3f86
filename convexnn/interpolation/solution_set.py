"""All minimum-norm interpolating networks: the optimal set of a squared problem, read as interpolation."""

import numpy as np

from .._utils.validation import check_count, deadline_after
from ..duality.certificate import certify_problem
from ..exceptions import InvalidInputError
from ..optimal_sets.solution_set import SOLVER_TOLERANCE, VERTEX_LIMIT, OptimalSet, warn_of
from ..solvers.base import Solution, Status
from ..solvers.small_strength import Optimum, optimum_as_it_is, stationary_network
from .program import InterpolationProblem
from .restoring import enlarge_at_kinks, refine_pair

# The squared problem has the strength 0.1 ||y|| / ||nu||: moderate, so that nu keeps its digits beside y.
STRENGTH_SHARE = 0.1


class InterpolationSet(OptimalSet):
    """All interpolating networks of smallest cost ``1/2 sum_j (||u_j||^2 + alpha_j^2)``.

    By `InterpolationProblem.squared` they are the optimal networks of the squared problem with the targets
    ``y + beta nu``, for any optimal nu of the interpolation problem and any beta > 0. Where nu is not unique, another
    one may list more or fewer `directions`; those that carry mass at some optimum are in all lists, since the masses
    that are optimal do not depend on nu.

    Attributes
    ----------
    problem : InterpolationProblem
        `problem.objective(network)` is the cost, infinite for a network that does not interpolate to 1e-8.
    optimal_value : float
        The smallest cost, which is the `total_mass` too.
    dual_point : ndarray of shape (n_samples,)
        An optimal nu: ``|nu^T (X u)_+| <= 1`` on the unit ball and ``nu^T y`` is the smallest cost.
    optimal_fit, directions, signs, fits, total_mass, margin
        As in `OptimalSet`, with beta = 1.
    """

    def __init__(
        self,
        problem: InterpolationProblem,
        optimum: Optimum,
        vertex_limit: int,
        deadline: float | None,
        n_jobs: int | None,
    ) -> None:
        self._interpolated = problem
        super().__init__(optimum.shifted, optimum, vertex_limit, deadline, n_jobs)
        self.problem, self.optimal_value = problem, self.total_mass
        self.dual_point = self.dual_point / optimum.shifted.beta

    def _masses_of(self, shifted, found, hidden):
        """As in `OptimalSet`, the masses moved so that their fit is y to rounding."""
        columns, shares, total = super()._masses_of(shifted, found, hidden)
        if len(shares) == 0:
            return columns, shares, total
        fits = self._interpolated.project(self.fits)
        masses = shares * total
        used = masses > 0
        for _ in range(2):
            # Least squares on the masses in use, twice: the second step takes what rounding left of the first.
            rest = self._interpolated.project(self._interpolated.centred) - fits @ masses
            masses[used] += np.linalg.lstsq(fits[:, used], rest, rcond=1e-12)[0]
        # A negative mass says that the step left the polytope: the masses as they were are better.
        if masses.min() < 0.0:
            return columns, shares, total
        total = float(masses.sum())
        return fits * (total / np.linalg.norm(fits @ masses)), masses / total, total


def interpolation_set_of(problem, network, nu, *, vertex_limit=VERTEX_LIMIT, time_limit=None, n_jobs=None):
    """Return the `InterpolationSet` of a problem from an optimal network and dual point of it.

    Raises
    ------
    ValueError
        When the hidden bias is not penalised.
    SolverError
        When optimality could not be proven: without the proof directions may be missing.

    Warns
    -----
    UserWarning
        As `optimal_set`.
    """
    if not problem.penalize_bias:
        raise InvalidInputError(
            "the optimal set needs penalize_bias=True: where the hidden bias costs nothing the optimal directions may "
            "form a continuum, and the theory of finitely many directions does not apply."
        )
    deadline, limit = deadline_after(time_limit), check_count(vertex_limit, "vertex_limit")
    optimum = _shifted_optimum(problem, network, nu, deadline, n_jobs)
    found = InterpolationSet(problem, optimum, limit, deadline, n_jobs)
    warn_of(found)
    return found


def _shifted_optimum(problem, network, nu, deadline, n_jobs):
    """Return the `Optimum` of the squared problem whose optimum interpolates."""
    network, nu = refine_pair(problem, network, nu)
    nu = enlarge_at_kinks(problem, network, nu)
    size = np.linalg.norm(nu)
    shifted = problem.squared(nu, STRENGTH_SHARE * float(np.linalg.norm(problem.centred) / size) if size > 0.0 else 1.0)
    options = {"proof": "exact", "deadline": deadline, "n_jobs": n_jobs}
    # The proof is that of the squared problem with the targets y + beta nu, which the same networks solve.
    certificate = certify_problem(network, shifted, tolerance=0.1 * SOLVER_TOLERANCE, **options)
    solution, found = Solution(network, certificate, Status.converged, 1, []), stationary_network(shifted, network, nu)
    if found is None:
        return optimum_as_it_is(shifted, solution)
    _, point, doubt = found
    return Optimum(solution, point, shifted, doubt)
