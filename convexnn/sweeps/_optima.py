"""The optimum of one problem and what is known about the set of its optima, honest where a proof is missing."""

import numpy as np

from .._utils.progress import current
from .._utils.validation import deadline_after
from ..exceptions import SolverError
from ..optimal_sets.solution_set import SOLVER_TOLERANCE, OptimalSet
from ..solvers.base import uninterrupted
from ..solvers.small_strength import solve_to_all_digits
from ..solvers.solve import solve

MOST_WORK = 3e10  # of a strength whose values alone are wanted, in nanoseconds: training settles long before
UNKNOWN = {
    "m_star": None,
    "M_star": None,
    "m_star_bounds": None,
    "M_star_bounds": None,
    "is_unique": None,
    "is_unique_function": None,
    "dimension": None,
    "n_directions": None,
    "margin": None,
}


def solve_for_set(problem, *, proof, vertex_limit, time_limit, n_jobs, start=None, certify=True):
    """Return the `Solution` of a problem and its `OptimalSet`, None where optimality was not proven or fits differ.

    Without `certify` the values alone are found, to where the objective hardly falls any more.

    Raises
    ------
    KeyboardInterrupt
        When interrupted: there is no optimum yet.
    """
    deadline = deadline_after(time_limit)
    if not certify:
        options = {"deadline": deadline, "proof": "heuristic", "n_jobs": n_jobs, "start": start, "max_work": MOST_WORK}
        return uninterrupted(solve(problem, report=current().detail, **options)), None
    rng = np.random.default_rng(0)
    options = {"deadline": deadline, "proof": proof, "n_jobs": n_jobs, "rng": rng, "start": start}
    optimum = solve_to_all_digits(problem, tol=SOLVER_TOLERANCE, report=current().detail, **options)
    solution = optimum.solution
    if not problem.loss.is_strictly_convex:  # optimal networks may differ in their fits: no polytope holds them all
        return solution, None
    try:
        return solution, OptimalSet(problem, optimum, vertex_limit, deadline, n_jobs)
    except SolverError:
        return solution, None


def value_of(solution):
    """Return what is proven about the optimal value, as a dict."""
    certificate = solution.certificate
    return {
        "optimal_value": certificate.primal,
        "lower_bound": certificate.dual,
        "relative_gap": certificate.relative_gap,
        "proof": certificate.proof,
    }


def shape_of(found):
    """Return what is known about an `OptimalSet` or None, as a dict with the keys of `UNKNOWN`."""
    if found is None:
        return UNKNOWN
    return {
        "m_star": found.m_star,
        "M_star": found.M_star,
        "m_star_bounds": found.m_star_bounds,
        "M_star_bounds": found.M_star_bounds,
        "is_unique": found.is_unique,
        "is_unique_function": found.is_unique_function,
        "dimension": found.dimension,
        "n_directions": len(found.signs),
        "margin": float(found.margin),
    }
