"""The optimum and the set of optimal networks over a range of strengths."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from os import PathLike

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Proof
from .._utils.clock import now
from .._utils.progress import current, reporting
from .._utils.validation import (
    check_choice,
    check_count,
    check_flag,
    check_n_jobs,
    check_positive,
    check_strengths,
    check_verbose,
    deadline_after,
)
from ..duality.pricing import PROOFS
from ..duality.strength import zero_network_price
from ..exceptions import InvalidInputError
from ..optimal_sets.solution_set import VERTEX_LIMIT, SolvedSet, solve_set
from ..programs.posing import make_problem, refuse_outputs
from ..resumable.checkpoint import Checkpoint, header_of
from ..resumable.runner import Runner
from ..solvers.base import uninterrupted
from ..solvers.solve import solve
from ._optima import KnownOptimum
from .exact_path import follow
from .exact_records import exact_path_of
from .path_records import PathRecord, RegularizationPath, changes_between

LOSSES_OF_PATHS = ("squared", "logistic", "huber", "squared_hinge")
LOSSES_OF_VECTOR_PATHS = (*LOSSES_OF_PATHS, "multinomial")
MAX_WORK_PER_VALUE = 3e10  # nanoseconds of one core for a strength whose value alone is wanted: it settles long before
N_BETAS = 20  # strengths of a path, unless others are asked for
STRENGTHS_PER_BLOCK = 5  # five strengths are solved one after the other, each from the network before


def regularization_path(
    X: ArrayLike,
    y: ArrayLike,
    betas: ArrayLike | None = None,
    *,
    n_betas: int = N_BETAS,
    eps: float = 1e-2,
    refine: float | None = None,
    certify: bool = True,
    exact: bool = False,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    penalize_bias: bool = True,
    proof: Proof = "auto",
    vertex_limit: int = VERTEX_LIMIT,
    time_limit: float | None = None,
    checkpoint: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> RegularizationPath:
    """Find the optimum and the set of optimal networks over a range of strengths.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` over all widths. With
    several outputs alpha_j is a vector, and the records have values, widths, networks and proofs; nothing is said about
    the set, which is no polytope.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    betas : array-like, optional
        The strengths, in any order. By default `n_betas` of them, from the smallest one with a zero network (see
        `beta_max`; 1 when the network is zero for all) down to `eps` times it, in equal ratios.
    n_betas : int
    eps : float
        Below 1.
    refine : float, optional
        Halve the interval, in logarithms, wherever m*, M* or uniqueness change, until the two strengths differ by at
        most this relative amount. A quantity that changes and changes back between two neighbours is not seen.
    certify : bool
        False finds values only, in a fraction of the time: no proofs, and nothing of the sets (m*, M* and so on are
        None). A strength then ends where its objective hardly falls any more.
    exact : bool
        Follow the optimum through all strengths from the largest one down to `eps` times it, and find every strength at
        which something changes: an `ExactPath`. For the squared loss and one output; of the other options `time_limit`,
        here that of the whole path, and `n_jobs` count.
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; an unpenalised intercept; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "logistic", "huber", "squared_hinge", "multinomial"}
        Logistic and squared_hinge take labels -1 and 1, multinomial one-hot rows y. For huber and squared_hinge, which
        are not strictly convex, nothing is said about the set. Losses with kinks, absolute and quantile, are refused.
    huber_delta : float
    penalize_bias : bool
        False for a hidden bias that costs nothing, with an intercept and one output: values, networks and proofs, and
        nothing about the sets.
    proof : {"auto", "exact", "bound", "heuristic"}
        How far to go for each proof, see `price`. Where it leaves a gap, the record has the best value found and a
        lower bound, and nothing is said about the set.
    vertex_limit : int
        Limit of the optimal sets; where one has more vertices, what depends on their list is None.
    time_limit : float, optional
        Seconds for every strength; then the records may depend on the machine.
    checkpoint : str or path-like, optional
        A file to which every record is written when it is finished. When it exists the path goes on where it ended.
    n_jobs : int, optional
        Workers, as joblib reads it; its backend can be chosen with ``joblib.parallel_config`` (it must be able to
        return results as they finish: loky, threading and dask are). The records do not depend on either.
    verbose : int
        1 prints a line for every record, 2 more; on a terminal 1 draws a bar, and 2 both.

    Returns
    -------
    RegularizationPath
        With `exact` an `ExactPath`, whose records are intervals between events.

    Raises
    ------
    ValueError
        For bad input, for options that `exact` does not have, and when the checkpoint belongs to another path.
    KeyboardInterrupt
        When interrupted before the first record; with `exact` before the first interval is followed, and while the
        intervals are confirmed at the end.

    Warns
    -----
    ConvergenceWarning
        When interrupted: the finished records are returned, with `exact` the path as far as it was followed.

    Notes
    -----
    The strengths are cut into blocks of five neighbours. The largest one of a block is solved from nothing, every
    other one from the network before it. The blocks do not wait for each other's networks, and so can be solved in
    parallel; they do not depend on the number of workers, and so neither do the records.

    With `exact` the optimality system is solved in power series of beta. Between two events it is analytic: every
    direction that is optimal moves in its cell, or along the kinks that hold it. The remainders of the series are
    bounded; the signs of masses, kinks and multipliers are read off Bernstein coefficients; and what is not followed is
    excluded by an upper bound on its price at both ends of an interval, which convexity carries over to all strengths
    in between. "Proven" is meant to rounding: about 1e-11 of beta. Where that fails the interval says so.

    Screening has nothing to drop here: directions are generated by pricing, never listed. Gated models, which have a
    list of gates, screen them.

    References
    ----------
    .. [1] A. Mishkin, M. Pilanci, "Optimal sets and solution paths of ReLU networks", ICML 2023.

    Examples
    --------
    With ``X = I`` the positive and the negative targets decouple: neurons join at ``beta = ||y_+||`` and ``||y_-||``.

    >>> import numpy as np
    >>> from convexnn import regularization_path
    >>> path = regularization_path(np.eye(3), [3, 4, -2], [6, 3, 1])
    >>> [(change.quantity, change.after, change.beta_after) for change in path.changes]
    [('m_star', 1, 3.0), ('M_star', 1, 3.0), ('m_star', 2, 1.0), ('M_star', 2, 1.0)]

    Followed exactly:

    >>> path = regularization_path(np.eye(3), [3, 4, -2], exact=True)
    >>> [(event.kind, round(event.beta, 10)) for event in path.events]
    [('enters', 5.0), ('enters', 2.0)]
    >>> path.at(1.0).network.width
    2
    """
    check_flag(certify, "certify")
    if check_flag(exact, "exact"):
        given = {"betas": betas is not None, "refine": refine is not None, "checkpoint": checkpoint is not None}
        given |= {"n_betas": n_betas != N_BETAS, "certify": not certify, "penalize_bias": not penalize_bias}
        given |= {"proof": proof != "auto", "vertex_limit": vertex_limit != VERTEX_LIMIT}
        _refuse_beside_exact(y, loss, given)
    problem = make_problem(
        X,
        y,
        1.0,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
        loss=loss,
        losses=LOSSES_OF_VECTOR_PATHS if np.ndim(y) == 2 else LOSSES_OF_PATHS,
        huber_delta=huber_delta,
        penalize_bias=penalize_bias,
    )
    limits = {
        "proof": check_choice(proof, "proof", PROOFS),
        "vertex_limit": check_count(vertex_limit, "vertex_limit"),
        "time_limit": None if time_limit is None else check_positive(time_limit, "time_limit"),
    } | ({} if certify else {"certify": False})
    if exact:
        deadline = deadline_after(limits["time_limit"])
        with reporting(check_verbose(verbose), deadline):
            return exact_path_of(follow(problem, _check_fraction(eps), deadline, check_n_jobs(n_jobs)))
    refine = None if refine is None else check_positive(refine, "refine")
    verbose = check_verbose(verbose)
    betas = _betas(problem, betas, n_betas, eps, check_n_jobs(n_jobs))
    parameters = {"betas": betas, **limits} | ({"huber_delta": float(huber_delta)} if loss == "huber" else {})
    parameters |= {} if penalize_bias else {"penalize_bias": False}
    with Checkpoint(checkpoint, header_of("regularization_path", problem, parameters)) as kept:
        with reporting(verbose) as reporter, reporter.stage("strengths", len(betas), patience=0.0) as stage:
            runner = Runner(kept, PathRecord, n_jobs, stage)
            complete = runner.complete(partial(_follow, problem=problem, betas=betas, refine=refine, limits=limits))
    return RegularizationPath(_ordered(runner.records), complete)


def _betas(problem, betas, n_betas, eps, n_jobs):
    """Return the strengths, checked, distinct and decreasing."""
    if betas is None:
        shares = np.geomspace(1.0, _check_fraction(eps), check_count(n_betas, "n_betas"))
        found = zero_network_price(problem, n_jobs=n_jobs)
        # At the bound, and not a rounding error below it, the zero network is optimal and the only optimal one.
        largest = found.upper_bound if found.proof == "exact" else found.value
        return (shares * (largest if largest > 0 else 1.0)).tolist()
    return check_strengths(betas)


def _refuse_beside_exact(y, loss, given):
    """Refuse what an exact path does not know."""
    refuse_outputs(y)
    if loss != "squared":
        raise InvalidInputError(f"exact=True follows the squared loss; got loss={loss!r}. Leave exact=False.")
    for name, is_given in given.items():
        if is_given:
            raise InvalidInputError(
                f"{name} has no place beside exact=True, which finds all strengths at which something changes down to "
                f"eps times the largest: leave {name} at its default."
            )


def _check_fraction(eps):
    if check_positive(eps, "eps") >= 1:
        raise InvalidInputError(f"eps must be below 1; got {eps!r}.")
    return float(eps)


def _ordered(records):
    """Return the records in decreasing order of beta, as a tuple."""
    return tuple(records[beta] for beta in sorted(records, reverse=True))


def _follow(runner, problem, betas, refine, limits):
    """Compute the records of the grid, the same place of all blocks at a time, and then those that refine it."""
    # The grid first, one place of every block at a time, and all blocks at once.
    for steps in _places(betas):
        _solve_from(runner, problem, steps, limits)
    while refine is not None and (middles := _middles(_ordered(runner.records), refine)):
        runner.stage.total += len(middles)
        _solve_from(runner, problem, middles, limits)


def _places(betas):
    """Yield what can be solved at the same time: from a beta to the one before it in its block, or to None."""
    blocks = [betas[start : start + STRENGTHS_PER_BLOCK] for start in range(0, len(betas), STRENGTHS_PER_BLOCK)]
    for place in range(len(blocks[0])):
        # The smallest strengths take longest: they go first.
        reached = [block for block in reversed(blocks) if place < len(block)]
        yield {block[place]: block[place - 1] if place else None for block in reached}


def _solve_from(runner, problem, steps, limits):
    """Compute records; `steps` leads from every beta to the one whose network is the start, or None."""
    tasks = {}
    for beta, before in steps.items():
        start = None if before is None else runner.records[before].network
        tasks[beta] = (replace(problem, beta=beta), start, limits)
    runner.compute(_record, tasks)


def _middles(records, refine):
    """Return the geometric means of the neighbours between which something changes, leading to the larger of them."""
    middles = {}
    for upper, lower in pairwise(records):
        if upper.beta > lower.beta * (1.0 + refine) and changes_between(upper, lower):
            # The product of the two may overflow or underflow: the product of their roots does not.
            middle = float(np.sqrt(upper.beta) * np.sqrt(lower.beta))
            if lower.beta < middle < upper.beta:
                middles[middle] = upper.beta
    return middles


def _solve(problem, start, proof, vertex_limit, time_limit, certify=True):
    """Return the `SolvedSet` of one strength; without `certify` its value, from where that hardly falls any more."""
    options = {"deadline": deadline_after(time_limit), "n_jobs": 1, "start": start, "report": current().detail}
    # With the set, to a proven optimum; or the value alone, until it hardly falls.
    if certify:
        return solve_set(problem, proof=proof, vertex_limit=vertex_limit, **options)
    return SolvedSet(uninterrupted(solve(problem, proof="heuristic", max_work=MAX_WORK_PER_VALUE, **options)))


def _record(problem, start, limits):
    """Solve for one strength and return its record."""
    started = now()
    solved = _solve(problem, start, **limits)
    solution, network = solved.solution, solved.solution.network
    return PathRecord(
        beta=problem.beta,
        **KnownOptimum.of(solved).to_json(),
        width=network.width,
        loss=problem.loss.value(problem.y, network.predict(problem.features), problem.weight),
        penalty=problem.beta * float(problem.penalised(network).masses.sum()),  # the solver's networks are balanced
        n_iter=solution.n_iter,
        network=network,
        seconds=now() - started,
    )
