"""The convex program over given patterns, by our own solver or by cvxpy's back ends, then judged like any network.

Statuses of back ends are not believed; what counts is the network and the certificate computed from it.
"""

from .._clock import now
from ..duality.certificate import certify_problem
from ..network import TwoLayerReLU
from ..programs.cvxpy_form import solve_program
from ..programs.program import Problem
from ..programs.solution_map import to_network
from .base import Solution, Status, make_record
from .column_generation import polish_network
from .kinked import with_best_masses
from .restricted import solve_over_patterns

SMALLEST_TOLERANCE = 1e-9


def solve_given_patterns(
    problem,
    patterns,
    *,
    solver,
    complete,
    tol=1e-6,
    max_iter=500,
    deadline=None,
    proof="auto",
    n_jobs=None,
    report=None,
):
    """Solve the program over `patterns` and certify the network.

    Parameters
    ----------
    problem : Problem
    patterns : ActivationPatterns of ``problem.design``
    solver : {"working_set", "cvxpy"}
        Ours, or Clarabel (SCS if that fails).
    complete : bool
        Whether these are all patterns. Only then may the neurons be moved after the program is solved; over a
        sample of patterns the answer stays the answer of that program.

    Returns
    -------
    Solution
        With status ``proven``, else ``converged`` over all patterns and ``restricted`` over some of them, or what
        ended the run early.

    Raises
    ------
    SolverError
        When every back end of cvxpy failed, with what each of them said.
    """
    started = now()
    status, history = Status.restricted, []
    if solver == "cvxpy":
        network = to_network(solve_program(problem, patterns.masks)[0])
    else:
        accuracy = max(0.1 * tol, SMALLEST_TOLERANCE)  # the certificate has other roundings
        found = solve_over_patterns(
            problem, patterns.masks, tol=accuracy, max_iter=max_iter, deadline=deadline, n_jobs=n_jobs, report=report
        )
        network, status, history = to_network(found.point), found.status, found.history
    if complete and status is Status.restricted:
        network, status = polish(problem, network), Status.converged
    quick = "heuristic" if status in (Status.interrupted, Status.time_limit) else proof
    certificate = certify_problem(
        network, problem, proof=quick, tolerance=min(1e-7, 0.1 * tol), deadline=deadline, n_jobs=n_jobs
    )
    if certificate.relative_gap <= tol:
        status = Status.proven
    record = make_record(started, certificate.primal, certificate.heuristic_gap, network.width)
    return Solution(network, certificate, status, len(history) + 1, [*history, record])


def polish(problem: Problem, network: TwoLayerReLU) -> TwoLayerReLU:
    """Return the network after local improvements: of its neurons, or of its masses where the loss has kinks."""
    if problem.loss.is_smooth:
        return polish_network(problem, network)
    return min((network, with_best_masses(problem, network)), key=problem.objective)
