"""The reference: the convex program written in cvxpy, and its solution by cvxpy's interior-point and splitting solvers.

    minimise  L(sum_i D_i X (u_i - v_i) + Z b) + beta sum_i (||u_i|| + ||v_i||)
    subject to  (2 D_i - I) X u_i >= 0,  (2 D_i - I) X v_i >= 0   for every pattern i.

Source: Pilanci, Ergen, *Neural networks are convex regularizers*, ICML 2020, theorem 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .._utils.aliases import ArrayLike, LossName
from .._utils.norms import nonzero
from ..arrangements.patterns import ActivationPatterns
from ..exceptions import InvalidInputError, SolverError
from ..network import TwoLayerReLU
from .posing import NO_CONE_PROGRAM, make_problem, refuse_outputs
from .problem import Problem
from .scaling import scale_problem
from .solution_map import ConvexSolution, to_convex, to_network

if TYPE_CHECKING:
    import cvxpy


__all__ = ["convex_program", "solve_program"]

BACK_ENDS = {
    "CLARABEL": {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12, "max_iter": 300},
    "SCS": {"eps_abs": 1e-9, "eps_rel": 1e-9, "max_iters": 50_000},
}
"""cvxpy's names of the back ends, in the order in which they are tried, and what each of them is asked for."""

DROPPED_SHARES = (0.0, 1e-10, 1e-8, 1e-6)
"""Blocks below this share of the largest are tried without: an interior point leaves a little in all of them."""

MAX_ZERO_EXCESS = 1e-6
"""How far above the network without neurons, relatively, an answer may end where that network is the optimum."""


def convex_program(
    X: ArrayLike,
    y: ArrayLike,
    patterns: ActivationPatterns | ArrayLike,
    beta: float,
    *,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
) -> cvxpy.Problem:
    """Return the convex program of a two-layer ReLU network over the given activation patterns.

    Its optimal value over all patterns is the smallest training objective of any network,
    ``sum_i w_i loss(y_i, f(x_i)) + beta/2 * sum_j (||u_j||^2 + alpha_j^2)``; `u_j` includes the hidden bias, the free
    terms (intercept, skip) are unpenalised, and the loss is a sum, no 1/n. Over some of the patterns it is an upper
    bound.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    patterns : ActivationPatterns, or array-like of bool of shape (n_patterns, n_samples)
        With a hidden bias they are the patterns of X with a column of ones appended.
    beta : float
        Weight decay, above 0.
    hidden_bias, fit_intercept, skip_connection : bool
    sample_weight : array-like of shape (n_samples,), optional
        Rows of weight zero are left out.
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
        See `TwoLayerReLU.objective`. The last two take labels -1 and 1.
    huber_delta, quantile : float
        Parameters of the losses of these names.

    Returns
    -------
    cvxpy.Problem
        With the variables `positive` and `negative`, of shape (n_inputs, n_patterns), and where there are free
        terms, `free`, of shape (n_free,): skip weights, then the intercept.

    Raises
    ------
    ValueError
        For bad data, for patterns that are not Boolean or do not match X, and for y with several outputs: the penalty
        of a pattern is then the gauge of ``conv{u a^T : u in K_i, ||u|| <= 1, ||a|| <= 1}``, for which no cone program
        of fixed size is known. `ConvexReLURegressor` with `patterns` solves that problem on the neurons themselves.

    Notes
    -----
    The program is posed on the data as given: back ends may call wrong values optimal where X or y is far from one
    in magnitude. `solve_program` scales first.
    """
    _refuse_outputs(y)
    problem = make_problem(
        X,
        y,
        beta,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
        loss=loss,
        huber_delta=huber_delta,
        quantile=quantile,
    )
    masks = check_masks(patterns, problem.n_rows)
    return _pose(problem, masks[:, problem.rows])


def solve_program(
    problem: Problem, masks: ArrayLike, back_ends: Sequence[str] = tuple(BACK_ENDS)
) -> tuple[ConvexSolution, list[str]]:
    """Solve the convex program over the given patterns; the answer never rests on what a back end claims.

    The data are centred by the free terms and scaled to magnitude one first. Whatever status a back end reports, its
    blocks are made into a network and the objective is recomputed from that network. A back end has failed where its
    network is worse than the one without neurons (by more than `MAX_ZERO_EXCESS`); then the next one is asked. The
    program is always feasible, so an "infeasible" is the back end's fault.

    Parameters
    ----------
    problem : Problem
    masks : array-like of bool of shape (n_patterns, n_rows)
        Patterns of ``problem.design``; its rows of weight zero are gone.
    back_ends : sequence of str
        Keys of `BACK_ENDS`, in the order in which they are tried.

    Returns
    -------
    solution : ConvexSolution
        The convex form of the network found: its blocks lie in the cones of its own patterns, which may differ from
        `masks` in rows where a neuron is within rounding of a kink. The free terms are refitted.
    answers : list of str
        The answer of every back end that was tried.

    Raises
    ------
    ValueError
        For a problem with several outputs.
    SolverError
        When every back end failed; the message quotes their answers.
    """
    _refuse_outputs(problem.y)
    masks = check_masks(masks, problem.design.shape[0])
    bare, (unit, scale) = _without_neurons(problem), _in_units(problem)
    if unit is None:
        return to_convex(bare, problem.features), ["no back end was asked: beta exceeds a bound on the price"]
    # The network without neurons is always there: an answer that is worse is a failure of the back end.
    ceiling = problem.objective(bare)
    answers: list[str] = []
    for name in back_ends:
        blocks, answer = _run_back_end(unit, masks, name)
        if blocks is not None:
            network = _best_network(problem, masks, blocks, scale)
            value = problem.objective(network)
            answer += f", objective of the network {value:.12g}"
            if value <= ceiling * (1 + MAX_ZERO_EXCESS):
                best = network if value <= ceiling else bare
                return to_convex(best, problem.features), answers + [answer]
            answer += f" above {ceiling:.12g} without neurons"
        answers.append(answer)
    raise SolverError(f"no back end solved the convex program over {len(masks)} patterns: {'; '.join(answers)}.")


def find_blocks(problem, masks, name):
    """Return the blocks (positive, negative) that the back end `name` finds, or None, and what it answered.

    They are those of the problem as given, unjudged: the caller makes a network of them and looks at its objective.
    """
    unit, scale = _in_units(problem)
    if unit is None:
        return None, "no back end was asked: beta exceeds a bound on the price"
    blocks, answer = _run_back_end(unit, masks, name)
    return blocks if blocks is None else [scale * block for block in blocks], answer


def _in_units(problem):
    """Return the problem in units of one and the factor of its blocks; None where no neuron can be of use."""
    if not problem.loss.is_quadratic:  # other losses have units of their own
        size = np.abs(problem.design).max()
        if size == 0.0:
            return None, 1.0
        return replace(problem, design=problem.design / size, beta=problem.beta / size), 1.0 / size
    # Interior points call wrong values optimal where data are far from one: rows weighted, all in units of one.
    scaled = scale_problem(problem)
    if scaled is None or _is_zero_optimal(scaled):
        return None, 1.0
    weight, free = np.ones(len(scaled.target)), scaled.free_basis
    unit = replace(problem, design=scaled.design, y=scaled.target, weight=weight, beta=scaled.beta, free=free)
    return unit, scaled.y_scale / scaled.x_scale


def _squared(problem, fit):
    # Imported here, as below: `import convexnn` must not pay for cvxpy, which takes a second.
    import cvxpy as cp

    root = np.sqrt(problem.weight)
    return 0.5 * cp.sum_squares(root * problem.y - cp.multiply(root, fit))


def _huber(problem, fit):
    import cvxpy as cp

    return 0.5 * cp.sum(cp.multiply(problem.weight, cp.huber(problem.y - fit, problem.loss.delta)))


def _kinked(problem, fit):
    import cvxpy as cp

    # max(high r, low r) of the residual r: slope `high` above zero and `low`, which is negative, below it.
    low, high = problem.loss.bounds
    residual = problem.y - fit
    return cp.sum(cp.multiply(problem.weight, high * cp.pos(residual) - low * cp.neg(residual)))


def _logistic(problem, fit):
    import cvxpy as cp

    return cp.sum(cp.multiply(problem.weight, cp.logistic(-cp.multiply(problem.y, fit))))


def _squared_hinge(problem, fit):
    import cvxpy as cp

    missing = cp.pos(1.0 - cp.multiply(problem.y, fit))
    return 0.5 * cp.sum(cp.multiply(problem.weight, cp.square(missing)))


LOSS_EXPRESSIONS = {
    "squared": _squared,
    "huber": _huber,
    "absolute": _kinked,
    "quantile": _kinked,
    "logistic": _logistic,
    "squared_hinge": _squared_hinge,
}


def _pose(problem, masks):
    """Return the cvxpy problem over `masks`, in units of the problem as it is."""
    import cvxpy as cp

    blocks = (problem.design.shape[1], len(masks))
    positive = cp.Variable(blocks, name="positive")
    negative = cp.Variable(blocks, name="negative")
    # D_i X (u_i - v_i) as columns: one product for all blocks, then the masks.
    gated = cp.multiply(problem.gains(masks).T, problem.design @ (positive - negative))
    fit = cp.sum(gated, axis=1)
    if problem.free.shape[1]:  # cvxpy before 1.9 knows no empty variable
        fit = fit + problem.free @ cp.Variable(problem.free.shape[1], name="free")
    penalty = cp.sum(cp.norm(positive, 2, axis=0)) + cp.sum(cp.norm(negative, 2, axis=0))
    # Only the signs of the rows of a cone count, so each is scaled to magnitude one.
    rows = problem.design / nonzero(np.abs(problem.design).max(axis=1, keepdims=True))
    sides = np.where(masks.T, 1.0, -1.0)
    cones = [cp.multiply(sides, rows @ block) >= 0 for block in (positive, negative)]
    objective = LOSS_EXPRESSIONS[problem.loss.name](problem, fit) + problem.beta * penalty
    return cp.Problem(cp.Minimize(objective), cones)


def _is_zero_optimal(scaled):
    """Whether ``beta >= sum_i |y_i| ||x_i||``, a bound on the price of the residual of the network without neurons."""
    return scaled.beta >= np.abs(scaled.target) @ np.linalg.norm(scaled.design, axis=1)


def _run_back_end(unit, masks, name):
    """Return the blocks (positive, negative) found by one back end, or None, and what it answered."""
    import cvxpy as cp

    program = _pose(unit, masks)
    try:
        with warnings.catch_warnings():
            # "Solution may be inaccurate": the status says so too, and it is among the answers.
            warnings.simplefilter("ignore", UserWarning)
            program.solve(solver=name, **BACK_ENDS[name])
    except (cp.SolverError, ArithmeticError, ValueError) as error:
        return None, f"{name} raised {type(error).__name__}: {error}"
    named = {variable.name(): variable.value for variable in program.variables()}
    blocks = [named["positive"], named["negative"]]
    if any(block is None or not np.all(np.isfinite(block)) for block in blocks):
        return None, f"{name} answered {program.status!r} without finite values"
    return blocks, f"{name} answered {program.status!r}"


def _best_network(problem, masks, blocks, scale):
    """Return the best network of the blocks times `scale`, with more or fewer of the smallest blocks dropped."""
    sizes = [np.linalg.norm(block, axis=0) for block in blocks]
    largest = max(size.max() for size in sizes)
    networks = []
    # Every share is tried, and the objective of the network decides: no threshold suits all back ends.
    for share in DROPPED_SHARES:
        kept = [np.where(size > share * largest, scale * block, 0.0) for size, block in zip(sizes, blocks, strict=True)]
        networks.append(_with_free_terms(problem, to_network(_bare_solution(problem, masks, *kept))))
    return min(networks, key=lambda network: problem.objective(network))


def _bare_solution(problem, masks, positive, negative):
    return ConvexSolution(masks, positive, negative, np.zeros(0), hidden_bias=problem.hidden_bias)


def _without_neurons(problem):
    empty = np.zeros((problem.design.shape[1], 0))
    solution = _bare_solution(problem, np.zeros((0, len(problem.y)), dtype=bool), empty, empty)
    return _with_free_terms(problem, to_network(solution))


def _with_free_terms(problem, network):
    """Return the network with the best free terms for its hidden layer."""
    free = problem.free_coefficients(network.predict(problem.features))
    return TwoLayerReLU(
        network.hidden_weights,
        network.output_weights,
        hidden_bias=network.hidden_bias,
        intercept=free[-1] if problem.fit_intercept else None,
        skip_weights=free[: network.n_inputs] if problem.skip_connection else None,
    )


def _refuse_outputs(y):
    """Refuse targets of several outputs, with the reason."""
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise InvalidInputError(f"y must have shape (n_samples,) here; got shape {np.shape(y)}: {NO_CONE_PROGRAM}.")
    refuse_outputs(y)


def check_masks(patterns, n_samples):
    """Return the patterns as a Boolean array of shape (n_patterns, n_samples)."""
    masks = np.asarray(getattr(patterns, "masks", patterns))
    if masks.ndim != 2 or masks.shape[1] != n_samples or len(masks) == 0:
        raise InvalidInputError(
            f"patterns must have shape (n_patterns, {n_samples}), one column per row of X and at least one row; got "
            f"shape {masks.shape}."
        )
    if masks.dtype != bool and not np.all((masks == 0) | (masks == 1)):
        raise InvalidInputError("patterns must be Boolean: True where X h >= 0; got other values than 0 and 1.")
    return masks.astype(bool)
