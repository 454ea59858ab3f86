"""The reference: the convex program over given patterns, solved by cvxpy's back ends, then judged like any network.

Statuses of the back ends are not believed; what counts is the network and the certificate computed from it.
"""

import time

from ..duality.certificate import certify_problem
from ..programs.cvxpy_form import solve_program
from ..programs.solution_map import to_network
from .base import Solution, Status
from .column_generation import polish_network


def solve_reference(problem, patterns, *, complete, tol=1e-6, deadline=None, proof="auto", n_jobs=None):
    """Solve the program over `patterns` by Clarabel (SCS if that fails) and certify the network.

    Parameters
    ----------
    problem : Problem
    patterns : ActivationPatterns of ``problem.design``
    complete : bool
        Whether these are all patterns. Only then may the neurons be moved after the back end has answered; over a
        sample of patterns the answer stays the answer of that program.

    Returns
    -------
    Solution
        With status ``proven``, else ``converged`` over all patterns and ``restricted`` over some of them.

    Raises
    ------
    SolverError
        When every back end failed, with what each of them said.
    """
    started = time.monotonic()
    solution, _ = solve_program(problem, patterns.masks)
    network = to_network(solution)
    if complete:
        network = polish_network(problem, network)
    certificate = certify_problem(
        network, problem, proof=proof, tolerance=min(1e-7, 0.1 * tol), deadline=deadline, n_jobs=n_jobs
    )
    status = Status.converged if complete else Status.restricted
    if certificate.relative_gap <= tol:
        status = Status.proven
    record = {
        "seconds": time.monotonic() - started,
        "objective": certificate.primal,
        "visible_gap": certificate.heuristic_gap,
        "width": network.width,
    }
    return Solution(network, certificate, status, 1, [record])
