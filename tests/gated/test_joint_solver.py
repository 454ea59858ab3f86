"""The gated ReLU program of several outputs: against nuclear norms in cvxpy, with its proof recomputed in numpy."""

import cvxpy as cp
import numpy as np
import pytest

from convexnn._utils.clock import now
from convexnn.exceptions import InvalidInputError
from convexnn.gated.joint_solver import solve_joint_gates
from convexnn.gated.newton import solve_gated_loss
from convexnn.gated.solver import solve_gated
from convexnn.programs import make_problem
from convexnn.solvers.base import Status

from ..zoo import degenerate_designs, random_problem, variants

BIAS, INTERCEPT, SKIP = {"hidden_bias": True}, {"fit_intercept": True}, {"skip_connection": True}
FLAGS = [{}, BIAS, INTERCEPT, SKIP, BIAS | INTERCEPT | SKIP]
LOSSES = ["squared", "huber", "logistic", "squared_hinge", "multinomial"]


def targets(n_samples, n_outputs, loss="squared", seed=0):
    """Gaussian targets, or labels of the loss."""
    Y = np.random.default_rng(seed).standard_normal((n_samples, n_outputs))
    if loss == "multinomial":
        return np.eye(n_outputs)[Y.argmax(axis=1)]
    return np.where(Y > 0, 1.0, -1.0) if loss in ("logistic", "squared_hinge") else Y


def slopes(problem, masks, dual_point):
    return np.array([problem.design.T @ (mask[:, None] * dual_point) for mask in masks])


def joint_problem(X, Y, factor, n_gates=8, seed=0, **options):
    """The problem with beta a multiple of the smallest strength without blocks, and the patterns of Gaussian gates."""
    problem = make_problem(X, Y, 1.0, **options)
    gates = np.random.default_rng(seed).standard_normal((n_gates, problem.design.shape[1]))
    masks = gates @ problem.design.T >= 0
    zero = problem.dual_point(np.zeros_like(problem.y))
    bound = max(np.linalg.norm(matrix, ord=2) for matrix in slopes(problem, masks, zero))
    least = 1e-12 * np.linalg.norm(X) * np.linalg.norm(Y) + 1e-300
    return make_problem(X, Y, max(factor * bound, least), **options), masks


def primal_value(problem, masks, blocks, free):
    fit = problem.free @ free + sum(mask[:, None] * (problem.design @ W) for mask, W in zip(masks, blocks, strict=True))
    nuclear = sum(np.linalg.norm(W, ord="nuc") for W in blocks)
    return problem.loss.value(problem.y, fit, problem.weight) + problem.beta * nuclear


def cvxpy_loss(problem, fit):
    weight, Y = problem.weight, problem.y
    if problem.loss.name == "squared":
        return 0.5 * cp.sum_squares(cp.multiply(np.sqrt(weight)[:, None], Y - fit))
    if problem.loss.name == "multinomial":
        return weight @ (cp.log_sum_exp(fit, axis=1) - cp.sum(cp.multiply(Y, fit), axis=1))
    terms = {
        "huber": lambda: 0.5 * cp.huber(Y - fit, problem.loss.loss.delta),
        "logistic": lambda: cp.logistic(-cp.multiply(Y, fit)),
        "squared_hinge": lambda: 0.5 * cp.square(cp.pos(1.0 - cp.multiply(Y, fit))),
    }[problem.loss.name]
    return weight @ cp.sum(terms(), axis=1)


def reference_value(problem, masks):
    """The optimal value by Clarabel, with the nuclear norm as a semidefinite cone."""
    n_outputs = problem.y.shape[1]
    blocks = [cp.Variable((problem.design.shape[1], n_outputs)) for _ in masks]
    fit = sum(
        cp.multiply(np.outer(m, np.ones(n_outputs)), problem.design @ W) for m, W in zip(masks, blocks, strict=True)
    )
    if problem.free.shape[1]:
        fit = fit + problem.free @ cp.Variable((problem.free.shape[1], n_outputs))
    penalty = problem.beta * sum(cp.normNuc(W) for W in blocks)
    program = cp.Problem(cp.Minimize(cvxpy_loss(problem, fit) + penalty))
    program.solve(cp.CLARABEL, tol_gap_rel=1e-9, tol_gap_abs=1e-9, tol_feas=1e-9)
    return program.value


def check_proven(solution, problem, masks, tol=1e-6):
    """Assert that the dual point is feasible and that the values are those of the blocks and of the dual point."""
    N, size = solution.dual_point, np.linalg.norm(problem.weight[:, None] * problem.y)
    assert solution.blocks.shape == (len(masks), problem.design.shape[1], problem.y.shape[1])
    prices = [np.linalg.norm(matrix, ord=2) for matrix in slopes(problem, masks, N)]
    assert max(prices, default=0.0) <= problem.beta * (1 + 1e-9)
    assert np.all(np.abs(problem.free.T @ N) <= 1e-9 * size * np.linalg.norm(problem.free, axis=0)[:, None])
    rounding = 1e-9 * solution.primal + 1e-13 * np.sum(problem.weight[:, None] * problem.y**2)
    assert solution.primal == pytest.approx(primal_value(problem, masks, solution.blocks, solution.free), abs=rounding)
    dual = problem.loss.dual_value(problem.dual_targets, N, problem.weight)
    assert solution.dual == pytest.approx(dual, abs=rounding)
    assert solution.status is Status.proven and solution.relative_gap <= tol


@pytest.mark.parametrize("factor", [0.9, 0.1, 0.003])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(flags) or "plain")
def test_against_nuclear_norms_in_cvxpy(flags, factor):
    X, Y = random_problem(15, 3, seed=4)[0], targets(15, 2)
    weight = np.where(np.arange(15) % 5 == 0, 0.0, 1.0 + np.arange(15))
    problem, masks = joint_problem(X, Y, factor, sample_weight=weight, **flags)
    masks = masks[:, : len(problem.y)]
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal == pytest.approx(reference_value(problem, masks), rel=2e-6)


@pytest.mark.parametrize("factor", [0.3, 0.01])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_against_cvxpy(loss, factor):
    X = random_problem(18, 3, seed=2)[0]
    problem, masks = joint_problem(X, targets(18, 3, loss), factor, loss=loss, **BIAS, **INTERCEPT)
    solution = solve_gated_loss(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal == pytest.approx(reference_value(problem, masks), rel=3e-6)


@pytest.mark.parametrize("factor", [0.3, 0.01])
@pytest.mark.parametrize("loss", ["squared", "huber", "logistic"])
def test_one_column_is_one_output(loss, factor):
    # The nuclear norm of a column is its norm: another solver, with cones and interior points, has the same optimum.
    X, Y = random_problem(30, 4, seed=5)[0], targets(30, 1, loss)
    problem, masks = joint_problem(X, Y, factor, 15, loss=loss, **INTERCEPT)
    single = make_problem(X, Y[:, 0], problem.beta, loss=loss, **INTERCEPT)
    solution, other = solve_gated_loss(problem, masks), solve_gated_loss(single, masks)
    check_proven(solution, problem, masks)
    assert solution.primal == pytest.approx(other.primal, rel=2e-6)


@pytest.mark.parametrize("flags", [{}, BIAS | INTERCEPT], ids=["plain", "bias"])
@pytest.mark.parametrize("name", variants(*random_problem(4, 2)))
def test_variants(name, flags):
    X, Y = variants(random_problem(12, 3, seed=2)[0], targets(12, 2))[name]
    problem, masks = joint_problem(X, Y, 0.05, **flags)
    check_proven(solve_gated(problem, masks), problem, masks)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("factor", [0.5, 1e-3])
@pytest.mark.parametrize("flags", [{}, SKIP | INTERCEPT], ids=["plain", "skip"])
@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_designs(name, flags, factor):
    X = degenerate_designs()[name]
    problem, masks = joint_problem(X, targets(len(X), 3), factor, **flags)
    solution = solve_gated(problem, masks)
    if problem.has_thin_free_terms:
        # Real skip weights could use columns that depend on others but for rounding: the bound must allow for them.
        assert solution.dual <= solution.primal and solution.status in (Status.proven, Status.stalled)
    else:
        check_proven(solution, problem, masks)


@pytest.mark.parametrize("x_scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("y_scale", [1e-8, 1e8])
def test_magnitudes(x_scale, y_scale):
    X, Y = random_problem(20, 4, seed=3)[0], targets(20, 2)
    plain, masks = joint_problem(X, Y, 0.1)
    problem = make_problem(X * x_scale, Y * y_scale, plain.beta * x_scale * y_scale)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal / y_scale**2 == pytest.approx(solve_gated(plain, masks).primal, rel=2e-6)


@pytest.mark.parametrize("x_scale", [1e-8, 1e8])
def test_a_column_on_another_scale(x_scale):
    X, Y = random_problem(20, 3, seed=3)[0] * [1.0, x_scale, 1.0], targets(20, 2)
    problem, masks = joint_problem(X, Y, 0.01)
    check_proven(solve_gated(problem, masks), problem, masks)


def test_turned_outputs():
    # Neither the loss nor the nuclear norm sees a rotation of the outputs.
    X, Y = random_problem(20, 3, seed=1)[0], targets(20, 3)
    turn = np.linalg.qr(np.random.default_rng(9).standard_normal((3, 3)))[0]
    problem, masks = joint_problem(X, Y, 0.02)
    solution = solve_gated(problem, masks)
    turned = solve_gated(make_problem(X, Y @ turn, problem.beta), masks)
    assert turned.primal == pytest.approx(solution.primal, rel=2e-6)


def test_zero_and_repeated_gates():
    problem, masks = joint_problem(random_problem(15, 3, seed=5)[0], targets(15, 2), 0.05)
    once = solve_gated(problem, masks)
    many = np.vstack([np.zeros((2, 15), dtype=bool), masks, masks[::-1], np.zeros((1, 15), dtype=bool)])
    solution = solve_gated(problem, many)
    check_proven(solution, problem, many)
    assert solution.primal == pytest.approx(once.primal, rel=2e-6)
    assert not np.any(solution.blocks[[0, 1, -1]])


@pytest.mark.parametrize("masks", [np.zeros((0, 9), dtype=bool), np.zeros((3, 9), dtype=bool)], ids=["none", "zero"])
def test_nothing_to_fit_with(masks):
    problem = make_problem(random_problem(9, 2)[0], targets(9, 2), 0.1, fit_intercept=True)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    np.testing.assert_allclose(solution.free[0], problem.y.mean(axis=0))


@pytest.mark.parametrize("loss", LOSSES)
def test_zero_from_the_bound_on(loss):
    problem, masks = joint_problem(random_problem(14, 3)[0], targets(14, 2, loss), 1.0 + 1e-9, loss=loss, **INTERCEPT)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert not np.any(solution.blocks) and solution.n_iter == 0


def test_many_gates_are_solved_without_newton_steps(monkeypatch):
    monkeypatch.setattr("convexnn.gated.joint_solver.MAX_NEWTON_WORK", 0.0)
    problem, masks = joint_problem(random_problem(30, 3)[0], targets(30, 3), 0.1, 30)
    check_proven(solve_gated(problem, masks), problem, masks)


def test_the_objective_never_rises():
    problem, masks = joint_problem(random_problem(60, 5)[0], targets(60, 3), 0.01, 30)
    records = []
    solution = solve_gated(problem, masks, report=records.append)
    objectives = [record["objective"] for record in records]
    assert np.all(np.diff(objectives) <= 1e-12 * objectives[0])
    assert records == solution.history and objectives[-1] == pytest.approx(solution.primal, rel=1e-9)


@pytest.mark.slow
def test_a_very_weak_strength_is_reached_from_stronger_ones():
    X, Y = random_problem(30, 3)[0], targets(30, 2)
    problem, masks = joint_problem(X, Y, 1e-5, 20)
    records = []
    solution = solve_gated(problem, masks, max_iter=1000, report=records.append)
    check_proven(solution, problem, masks)
    assert all(record["objective"] >= solution.primal * (1 - 1e-9) for record in records)


def test_a_start_and_the_limits():
    problem, masks = joint_problem(random_problem(40, 4)[0], targets(40, 2), 0.01, 20)
    best = solve_gated(problem, masks)
    again = solve_gated(problem, masks, start=best.blocks)
    assert again.n_iter == 0 and again.status is Status.proven
    assert solve_gated(problem, masks, max_iter=1).status is Status.max_iter
    late = solve_gated(problem, masks, deadline=now())
    assert late.status is Status.time_limit and late.relative_gap <= 1.0
    with pytest.raises(InvalidInputError, match="start"):
        solve_gated(problem, masks, start=best.blocks[0])


def test_an_interrupt_keeps_the_best_blocks():
    problem, masks = joint_problem(random_problem(40, 4)[0], targets(40, 2), 0.01, 20)

    def interrupt(record):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(record["objective"])

    seen = []
    solution = solve_joint_gates(problem, masks, report=interrupt)
    assert solution.status is Status.interrupted
    assert solution.primal <= seen[-1] and solution.dual <= best_value(problem, masks) <= solution.primal


def best_value(problem, masks):
    return solve_gated(problem, masks, tol=1e-9).primal


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("factor", [0.3, 0.01])
def test_two_hundred_rows(loss, factor):
    X, Y = random_problem(200, 10)[0], targets(200, 3, loss)
    problem, masks = joint_problem(X, Y, factor, 50, loss=loss, **BIAS, **INTERCEPT)
    check_proven(solve_gated_loss(problem, masks), problem, masks)
