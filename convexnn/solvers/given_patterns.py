"""The convex program over given patterns, by our own solver or by cvxpy's back ends, then judged like any network.

Statuses of back ends are not believed; what counts is the network and the certificate computed from it.
"""

from .._utils.clock import now
from ..duality.certificate import certify_problem
from ..duality.records import RestrictedCertificate
from ..network import TwoLayerReLU
from ..programs.cvxpy_form import solve_program
from ..programs.problem import Problem
from ..programs.solution_map import to_network
from ._work import PROOF_SHARE
from .base import Status, conclude, make_record, proof_options
from .column_generation import MAX_ITER, improve_network
from .proximal_steps import with_best_masses
from .restricted import solve_over_patterns
from .restricted_outputs import solve_outputs_over_patterns

MIN_PROGRAM_TOLERANCE = 1e-9  # relative gap of the program that is asked for at least
MAX_SAMPLE_TOLERANCE = 1e-6  # relative gap of the program over a sample of patterns, whatever `tol`
PROGRAM_TOLERANCE_PER_TOL = 0.1  # the certificate has other roundings
NANOSECONDS_PER_ENTRY = 50  # a round costs 50 ns for every pattern and entry of the data


def solve_given_patterns(
    problem,
    patterns,
    *,
    solver,
    complete,
    tol=1e-6,
    max_iter=MAX_ITER,
    deadline=None,
    proof="auto",
    n_jobs=None,
    report=None,
):
    """Solve the program over `patterns` and certify the network.

    Parameters
    ----------
    problem : Problem
        With several outputs for our own solver only.
    patterns : ActivationPatterns of ``problem.design``
    tol : float
        Relative gap at which the network counts as proven. The program over patterns that are not `complete` is solved
        to a tenth of 1e-6 at least.
    solver : {"working_set", "cvxpy"}
        Ours, or Clarabel (SCS if that fails).
    complete : bool
        Whether these are all patterns. Only then may the neurons be moved after the program is solved; over a
        sample of patterns the answer stays the answer of that program.

    Returns
    -------
    Solution
        With status ``proven``, else ``converged`` over all patterns and ``restricted`` over some of them, or what
        ended the run early. Over a sample the certificate is a `RestrictedCertificate`, whose proof has a third of the
        work of the training unless it is expected to end.

    Raises
    ------
    SolverError
        When every back end of cvxpy failed, with what each of them said.
    """
    started = now()
    status, history, pattern_gap, max_work = Status.restricted, [], None, None
    if solver == "cvxpy":
        network = to_network(solve_program(problem, patterns.masks)[0])
    else:
        # Over a sample `tol` is about the patterns that are missing: the program itself is solved all the same. And the
        # certificate has other roundings.
        goal = tol if complete else min(tol, MAX_SAMPLE_TOLERANCE)
        accuracy = max(PROGRAM_TOLERANCE_PER_TOL * goal, MIN_PROGRAM_TOLERANCE)
        solve = solve_over_patterns if problem.y.ndim == 1 else solve_outputs_over_patterns
        options = {"max_iter": max_iter, "deadline": deadline, "n_jobs": n_jobs, "report": report}
        found = solve(problem, patterns.masks, tol=accuracy, **options)
        network, status, history = found.network, found.status, found.history
        pattern_gap = found.relative_gap
        if not complete:
            max_work = (
                PROOF_SHARE * NANOSECONDS_PER_ENTRY * found.n_iter * patterns.masks.size * problem.design.shape[1]
            )
    # Over all patterns a network whose neurons have moved is a point of the same program.
    if complete and status is Status.restricted:
        network, status = improve_locally(problem, network), Status.converged
    options = proof_options(tol, proof, deadline, n_jobs, status)
    certificate = certify_problem(network, problem, max_work=max_work, **options)
    if not complete:
        if pattern_gap is not None:  # the optimum over some patterns is no further away than that over all
            pattern_gap = min(pattern_gap, certificate.relative_gap)
        certificate = RestrictedCertificate(**vars(certificate), pattern_gap=pattern_gap)
    history = [*history, make_record(started, certificate.primal, certificate.heuristic_gap, network.width)]
    return conclude(network, certificate, status, tol=tol, n_iter=len(history), history=history)


def improve_locally(problem: Problem, network: TwoLayerReLU) -> TwoLayerReLU:
    """Return the network after local improvements: of its neurons, or of its masses where the loss has kinks."""
    if problem.loss.is_smooth:
        return improve_network(problem, network)
    return min((network, with_best_masses(problem, network)), key=problem.objective)
