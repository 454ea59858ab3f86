"""The run that trains on a problem: for one output or several, and for the squared loss or models of another.

All runs have the same verbs. `search` looks for directions that violate the dual constraint and notes in `visible` the
gap that they leave; `widen_search` has it look from more starts; `violators_of` takes over what a proof has met;
`join_and_improve` takes violators in and moves all neurons; `begin` finds a first network of long data, and `adopt`
begins with another network; `borrow` takes one as it is; `network` returns the best one so far. The objective,
`primal`, never rises.
"""

from ..duality.certificate import certify_problem
from .model_run import start_model_run
from .scalar_run import start_scalar_run
from .vector_run import start_vector_run


def start_run(problem, rng, deadline=None, n_jobs=None, max_work=None):
    """Return the run that trains on `problem`, from the network without neurons; None where that is optimal.

    Parameters
    ----------
    problem : Problem
        A problem of one output or several, with a smooth loss.
    rng : numpy.random.Generator
    deadline : float, optional
    n_jobs : int, optional
    max_work : float, optional
        See `solve_column_generation`.
    """
    if problem.y.ndim == 2:
        return start_vector_run(problem, rng, deadline, n_jobs, max_work)
    start = start_scalar_run if problem.loss.is_quadratic else start_model_run
    return start(problem, rng, deadline, n_jobs, max_work)


def certify_run(network, problem, run, **options):
    """Return the certificate of a network that a run has found, None for the one without neurons."""
    if run is not None:
        options |= {"starts": run.known_directions, "max_work": run.proof_work}
    if problem.y.ndim == 2:
        return certify_problem(network, problem, refit=False, **options)
    return certify_problem(network, problem, **options)
