"""Gradient descent, or L-BFGS for several outputs, at every width, beside the proven optimum."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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
    check_verbose,
    deadline_after,
)
from ..duality.pricing import PROOFS
from ..exceptions import InvalidInputError
from ..landscape.descent import INIT_SCALE, MAX_DESCENT_ITER, TOL, check_options, descend, spawn
from ..landscape.labels import label
from ..landscape.polishing import polished
from ..optimal_sets.solution_set import VERTEX_LIMIT, solve_set
from ..programs.posing import make_problem, refuse_column
from ..resumable.checkpoint import Checkpoint, check_seed, header_of
from ..resumable.runner import Runner
from ._optima import OptimumOfWidths
from ._vector_runs import vector_runs
from ._width_settings import WidthSettings
from .width_records import WidthRecord, WidthSweep

MAX_EXCESS_REACHED = 1e-3  # runs that end at most 0.1 % above the optimal value have reached it, by default
LOSSES_OF_VECTOR_SWEEPS = ("squared", "logistic", "squared_hinge", "multinomial")
OPTIMUM = "optimum"  # the key under which a checkpoint has it
LABEL_TOLERANCE = 1e-8  # polished ends count as stationary, and as global, within this relative tolerance
COUNTED = {
    "n_global": "global",
    "n_strict": "local-strict",
    "n_escapable": "local-escapable",
    "n_saddle": "saddle",
    "n_not_stationary": "not-stationary",
}


def width_sweep(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    widths: Sequence[int],
    *,
    n_runs: int = 100,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    tol: float = MAX_EXCESS_REACHED,
    init_scale: float = INIT_SCALE,
    learning_rate: float | None = None,
    max_iter: int = MAX_DESCENT_ITER,
    descent_tol: float = TOL,
    labels: bool = False,
    proof: Proof = "auto",
    vertex_limit: int = VERTEX_LIMIT,
    time_limit: float | None = None,
    checkpoint: str | PathLike[str] | None = None,
    n_jobs: int | None = None,
    random_state: int | None = None,
    verbose: int = 0,
) -> WidthSweep:
    """Run gradient descent at many widths and compare it with the proven optimum.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. Its smallest value p* over
    all widths and the optimal networks of every width are found once; then every width gets its own runs. With several
    outputs alpha_j is a vector, the runs are of L-BFGS, and nothing is said about the set, which is no polytope, but
    that it is connected from width ``n_samples * n_outputs + 1`` on: there is no staircase.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    beta : float
    widths : sequence of int
    n_runs : int
        Runs at every width.
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; an unpenalised intercept; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "logistic", "squared_hinge", "multinomial"}
        Only squared with one output. Labels are -1 and 1, or one-hot rows y for multinomial.
    tol : float
        A run has reached the optimum when its objective is at most ``(1 + tol) p*``.
    init_scale, learning_rate, max_iter
        See `convexnn.landscape.gradient_descent`. With several outputs there is no learning rate, and `max_iter` is
        rounded up to whole parts of 200 steps.
    descent_tol : float
        The `tol` of `convexnn.landscape.gradient_descent`. With several outputs a run has converged when 200 steps
        lowered the objective by at most this share of itself.
    labels : bool
        Polish the ends of the runs and label them, see `convexnn.landscape.classify`: mostly dearer than the runs. For
        one output.
    proof : {"auto", "exact", "bound", "heuristic"}
        How far to go for the proof of p*, see `price`. Where it is not exact, the records have the best value known
        and a lower bound.
    vertex_limit : int
        Limit of the optimal set; where it has more vertices, what depends on their list is None.
    time_limit : float, optional
        Seconds for the optimal set; then the records may depend on the machine.
    checkpoint : str or path-like, optional
        A file to which every record is written when it is finished. When it exists the sweep goes on where it ended.
    n_jobs : int, optional
        Workers, as joblib reads it; its backend can be chosen with ``joblib.parallel_config`` (it must be able to
        return results as they finish: loky, threading and dask are). The records do not depend on either.
    random_state : int or None
        Source of the starts; those of a width do not depend on the other widths. None draws a new one, which the
        checkpoint keeps.
    verbose : int
        1 prints a line for every record, 2 more; on a terminal 1 draws a bar, and 2 both.

    Returns
    -------
    WidthSweep

    Raises
    ------
    ValueError
        For bad input, and when the checkpoint belongs to another sweep.
    KeyboardInterrupt
        When interrupted before the first record.

    Warns
    -----
    ConvergenceWarning
        When interrupted: the finished records are returned.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import width_sweep
    >>> X, y = np.array([[-np.sqrt(3), 1], [np.sqrt(3), 1]]), np.ones(2)
    >>> sweep = width_sweep(X, y, 0.1, [1, 2, 8], n_runs=20, random_state=0)
    >>> [(record.width, record.n_components, record.regime) for record in sweep.records]
    [(1, 1, 'connected'), (2, 3, 'mixed'), (8, 1, 'connected')]
    """
    refuse_column(y)
    problem = make_problem(
        X,
        y,
        beta,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
        loss=loss,
        losses=LOSSES_OF_VECTOR_SWEEPS if np.ndim(y) == 2 else ("squared",),
    )
    settings = WidthSettings(
        beta=problem.beta,
        widths=_check_widths(widths),
        n_runs=check_count(n_runs, "n_runs"),
        tol=check_positive(tol, "tol"),
        descent=_checked_descent(problem, init_scale, learning_rate, max_iter, descent_tol),
        labels=_checked_labels(problem, labels),
        proof=check_choice(proof, "proof", PROOFS),
        vertex_limit=check_count(vertex_limit, "vertex_limit"),
        time_limit=None if time_limit is None else check_positive(time_limit, "time_limit"),
        random_state=check_seed(random_state),
    )
    check_n_jobs(n_jobs)
    verbose = check_verbose(verbose)
    free = ("random_state",) if random_state is None else ()
    with Checkpoint(checkpoint, header_of("width_sweep", problem, settings.to_json()), free=free) as kept:
        with reporting(verbose) as reporter, reporter.stage("widths", len(settings.widths), patience=0.0) as stage:
            runner, settings = Runner(kept, WidthRecord, n_jobs, stage), WidthSettings.from_json(kept.header)
            complete = runner.complete(partial(_sweep, problem=problem, settings=settings))
    return WidthSweep(tuple(runner.records[width] for width in sorted(runner.records)), complete)


def _checked_labels(problem, labels):
    """Return `labels` as a bool; several outputs have none."""
    if check_flag(labels, "labels") and problem.y.ndim == 2:
        raise InvalidInputError("labels must be False for y of shape (n_samples, n_outputs): one output has labels.")
    return bool(labels)


def _checked_descent(problem, init_scale, learning_rate, max_iter, descent_tol):
    """Return the options of the runs; those of several outputs have no learning rate."""
    options = check_options(init_scale, learning_rate, max_iter, check_positive(descent_tol, "descent_tol"))
    if problem.y.ndim == 2 and learning_rate is not None:
        raise InvalidInputError(
            f"learning_rate must be None for y of shape (n_samples, n_outputs): the runs are of L-BFGS, whose steps "
            f"have no fixed size; got {learning_rate!r}."
        )
    return options


def _check_widths(widths):
    """Return the distinct widths in increasing order, as a tuple."""
    try:
        checked = tuple(sorted({check_count(width, "every entry of widths") for width in widths}))
    except TypeError as error:
        raise InvalidInputError(f"widths must be a sequence of integers; got {widths!r}.") from error
    if not checked:
        raise InvalidInputError("widths must have at least one entry; got none.")
    return checked


def _sweep(runner, problem, settings):
    """Compute what the checkpoint does not have."""
    optimum = _optimum(runner, problem, settings)
    tasks = {width: (problem, width, optimum, settings) for width in settings.widths}
    runner.compute(_record, tasks)


def _optimum(runner, problem, settings):
    """Return the `OptimumOfWidths` that the records share, from the checkpoint where it has it."""
    kept = runner.checkpoint.finished.get(OPTIMUM)
    if kept is not None:
        return OptimumOfWidths.from_json(kept)
    options = {"proof": settings.proof, "vertex_limit": settings.vertex_limit, "n_jobs": runner.n_jobs}
    options |= {"deadline": deadline_after(settings.time_limit), "report": current().detail}
    # The optimum of all widths is one problem: it is solved once, and kept in the checkpoint like a record.
    connected_from = problem.y.size + 1 if problem.y.ndim == 2 else None
    optimum = OptimumOfWidths.of(solve_set(problem, **options), settings.widths, connected_from)
    runner.checkpoint.append(OPTIMUM, optimum.to_json())
    return optimum


def _record(problem, width, optimum, settings):
    """Run gradient descent at one width and return its record."""
    started, known, step = now(), optimum.known, optimum.steps[settings.widths.index(width)]
    # Seeds by width: the runs of a width do not depend on which other widths there are.
    children = spawn(np.random.SeedSequence(settings.random_state, spawn_key=(width,)))
    found = _runs(problem, width, settings.n_runs, children, settings.descent)
    labels = _labels(problem, found.networks, known) if settings.labels else ()
    return WidthRecord(
        width=width,
        optimal_value=known.optimal_value,
        lower_bound=known.lower_bound,
        proof=known.proof,
        m_star=known.m_star,
        M_star=known.M_star,
        n_components=step.n_components,
        n_isolated=step.n_isolated,
        regime=step.regime,
        best=float(found.objectives.min()),
        median=float(np.median(found.objectives)),
        worst=float(found.objectives.max()),
        share_reached=float(np.mean(found.objectives <= known.optimal_value * (1.0 + settings.tol))),
        share_converged=float(np.mean(found.converged)),
        **{name: labels.count(kind) if labels else None for name, kind in COUNTED.items()},
        objectives=tuple(found.objectives.tolist()),
        labels=labels,
        seconds=now() - started,
        n_outputs=problem.n_outputs,
    )


def _runs(problem, width, n_runs, children, options):
    """Return the ends of the runs of one width."""
    if problem.y.ndim == 2:
        return vector_runs(problem, width, n_runs, children, options)
    return descend(problem, width, n_runs, children, options, n_jobs=1)


def _labels(problem, networks, known):
    """Return the labels of polished networks. Where p* is proven its value tells which of them are global."""
    kinds = []
    for network in networks:
        # Runs end near a stationary point: labels are of the point itself.
        end = polished(problem, network, LABEL_TOLERANCE)
        found = label(problem, end, LABEL_TOLERANCE, "heuristic")
        is_above = found.objective > known.optimal_value * (1.0 + LABEL_TOLERANCE)
        if found.kind.startswith("global") and is_above and known.proof == "exact":  # ascents have missed a neuron
            found = label(problem, end, LABEL_TOLERANCE, "exact")
        kinds.append("global" if found.kind.startswith("global") else found.kind)
    return tuple(kinds)
