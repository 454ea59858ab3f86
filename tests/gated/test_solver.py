"""The gated ReLU program: against a slow reference, and with its proof recomputed in plain numpy."""

import time
import tracemalloc

import cvxpy as cp
import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.gated import interior_point as _group_lasso
from convexnn.gated import solver as gated
from convexnn.gated.solver import solve_gated
from convexnn.programs import make_problem
from convexnn.solvers.base import Status

from ..zoo import degenerate_designs, random_problem, variants

TOLERANCE = 1e-6
BIAS, INTERCEPT, SKIP = {"hidden_bias": True}, {"fit_intercept": True}, {"skip_connection": True}
FLAGS = [{}, BIAS, INTERCEPT, SKIP, SKIP | INTERCEPT, BIAS | INTERCEPT | SKIP]


def random_masks(problem, n_gates, seed=0):
    """The patterns of Gaussian gates."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_gates, problem.design.shape[1])) @ problem.design.T >= 0


def slopes(problem, masks, dual_point):
    return (masks * dual_point) @ problem.design


def zero_bound(X, y, n_gates=12, seed=0, **options):
    """The smallest beta at which every block is zero, over `random_masks`."""
    problem = make_problem(X, y, 1.0, **options)
    dual_point = problem.dual_point(np.zeros(len(problem.y)))
    return np.linalg.norm(slopes(problem, random_masks(problem, n_gates, seed), dual_point), axis=1).max()


def gated_problem(X, y, factor, n_gates=12, seed=0, **options):
    """The problem with beta a multiple of its zero bound (when this is not just rounding), and its masks."""
    least = 1e-12 * np.linalg.norm(X) * np.linalg.norm(y) + 1e-300
    problem = make_problem(X, y, max(factor * zero_bound(X, y, n_gates, seed, **options), least), **options)
    return problem, random_masks(problem, n_gates, seed)


def primal_value(problem, masks, blocks, free):
    fit = problem.free @ free + sum(mask * (problem.design @ w) for mask, w in zip(masks, blocks, strict=True))
    sizes = np.linalg.norm(blocks, axis=1)
    return 0.5 * np.sum(problem.weight * (problem.y - fit) ** 2) + problem.beta * np.sum(sizes)


def reference_value(problem, masks):
    """The optimal value by Clarabel."""
    blocks, free = cp.Variable((len(masks), problem.design.shape[1])), cp.Variable(problem.free.shape[1])
    fit = problem.free @ free + sum(
        cp.multiply(m.astype(float), problem.design @ blocks[p]) for p, m in enumerate(masks)
    )
    loss = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(problem.weight), problem.y - fit))
    program = cp.Problem(cp.Minimize(loss + problem.beta * cp.sum(cp.norm(blocks, axis=1))))
    program.solve(cp.CLARABEL, tol_gap_rel=1e-10, tol_gap_abs=1e-10, tol_feas=1e-10)
    return program.value


def check_proof(solution, problem, masks):
    """Assert that the dual point is feasible and that the values are those of the blocks and of the dual point."""
    nu, size = solution.dual_point, np.linalg.norm(problem.weight * problem.y)
    assert solution.blocks.shape == (len(masks), problem.design.shape[1])
    assert np.linalg.norm(slopes(problem, masks, nu), axis=1).max(initial=0.0) <= problem.beta * (1 + 1e-9)
    free_sizes = np.linalg.norm(problem.free, axis=0)
    assert np.all(np.abs(problem.free.T @ nu) <= 1e-9 * size * free_sizes)
    dual = nu @ problem.centred - 0.5 * np.sum(nu**2 / problem.weight)
    primal = primal_value(problem, masks, solution.blocks, solution.free)
    rounding = 1e-9 * primal + 1e-13 * np.sum(problem.weight * problem.y**2)
    assert solution.primal == pytest.approx(primal, abs=rounding)
    assert solution.dual == pytest.approx(dual, abs=rounding)
    assert solution.gap == pytest.approx(max(0.0, solution.primal - solution.dual), abs=1e-12 * primal)
    assert solution.relative_gap * solution.primal == pytest.approx(solution.gap, rel=1e-9)


def check_proven(solution, problem, masks, tol=TOLERANCE):
    check_proof(solution, problem, masks)
    assert solution.status is Status.proven
    assert solution.relative_gap <= tol


@pytest.mark.parametrize("factor", [0.9, 0.1, 0.001])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(flags) or "plain")
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_against_the_reference(flags, factor, weighted):
    X, y = random_problem(15, 3, seed=4)
    weight = np.where(np.arange(15) % 5 == 0, 0.0, 1.0 + np.arange(15)) if weighted else None
    problem, masks = gated_problem(X, y, factor, sample_weight=weight, **flags)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal == pytest.approx(reference_value(problem, masks), rel=2e-6)


@pytest.mark.parametrize("shape", [(40, 3, 6), (30, 8, 30), (6, 12, 9), (200, 2, 3), (25, 3, 100)])
@pytest.mark.parametrize("factor", [0.3, 0.01])
def test_shapes(shape, factor):
    n_samples, d, n_gates = shape
    problem, masks = gated_problem(*random_problem(n_samples, d, seed=1), factor, n_gates)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal == pytest.approx(reference_value(problem, masks), rel=2e-6)


@pytest.mark.parametrize("flags", [{}, BIAS | INTERCEPT], ids=["plain", "bias"])
@pytest.mark.parametrize("name", variants(*random_problem(4, 2)))
def test_variants(name, flags):
    problem, masks = gated_problem(*variants(*random_problem(12, 3, seed=2))[name], 0.05, **flags)
    check_proven(solve_gated(problem, masks), problem, masks)


@pytest.mark.parametrize("flags", [{}, BIAS, SKIP | INTERCEPT], ids=["plain", "bias", "skip"])
@pytest.mark.parametrize("factor", [0.5, 1e-3])
@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_designs(name, factor, flags):
    X = degenerate_designs()[name]
    problem, masks = gated_problem(X, np.random.default_rng(0).standard_normal(len(X)), factor, **flags)
    check_proven(solve_gated(problem, masks), problem, masks)


@pytest.mark.parametrize("x_scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("y_scale", [1e-12, 1.0, 1e12])
def test_magnitudes(x_scale, y_scale):
    X, y = random_problem(20, 4, seed=3)
    plain, masks = gated_problem(X, y, 0.1)
    problem = make_problem(X * x_scale, y * y_scale, plain.beta * x_scale * y_scale)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal / y_scale**2 == pytest.approx(solve_gated(plain, masks).primal, rel=2e-6)


def test_row_and_gate_order_do_not_matter():
    X, y = random_problem(20, 4, seed=3)
    problem, masks = gated_problem(X, y, 0.05)
    rows, gates = np.random.default_rng(0).permutation(20), np.random.default_rng(1).permutation(12)
    moved = solve_gated(make_problem(X[rows], y[rows], problem.beta), masks[np.ix_(gates, rows)])
    solution = solve_gated(problem, masks)
    assert moved.primal == pytest.approx(solution.primal, rel=1e-6)
    np.testing.assert_allclose(moved.dual_point, solution.dual_point[rows], atol=2e-3 * np.linalg.norm(y))


def test_zero_and_repeated_gates():
    problem, masks = gated_problem(*random_problem(15, 3, seed=5), 0.05)
    once = solve_gated(problem, masks)
    many = np.vstack([np.zeros((2, 15), dtype=bool), masks, masks[::-1], np.zeros((1, 15), dtype=bool)])
    solution = solve_gated(problem, many)
    check_proven(solution, problem, many)
    assert solution.primal == pytest.approx(once.primal, rel=2e-6)
    assert not np.any(solution.blocks[[0, 1, -1]])


@pytest.mark.parametrize("masks", [np.zeros((0, 9), dtype=bool), np.zeros((3, 9), dtype=bool)], ids=["none", "zero"])
def test_nothing_to_fit_with(masks):
    problem = make_problem(*random_problem(9, 2), 0.1, fit_intercept=True)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.free == pytest.approx(np.mean(problem.y))
    assert solution.relative_gap == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("factor", [1.0, 1.5, 1e6])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(flags) or "plain")
def test_zero_from_the_bound_on(flags, factor):
    problem, masks = gated_problem(*random_problem(14, 3, seed=6), factor * (1 + 1e-12), **flags)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert not np.any(solution.blocks)
    assert solution.n_iter == 0


@pytest.mark.parametrize("y", [np.zeros(8), np.full(8, 3.0)], ids=["zero", "constant"])
def test_targets_that_need_no_block(y):
    problem = make_problem(random_problem(8, 2)[0], y, 0.1, fit_intercept=True)
    masks = random_masks(problem, 5)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert not np.any(solution.blocks)
    assert solution.free == pytest.approx(y[0])


@pytest.mark.parametrize("tol", [1e-2, 1e-9])
def test_the_tolerance_is_kept(tol):
    problem, masks = gated_problem(*random_problem(60, 4, seed=7), 0.02, 40)
    check_proven(solve_gated(problem, masks, tol=tol), problem, masks, tol)


@pytest.mark.parametrize("factor", [0.5, 0.05])
def test_working_sets(monkeypatch, factor):
    monkeypatch.setattr(gated, "FIRST_GROUPS", 5)
    problem, masks = gated_problem(*random_problem(10, 3, seed=8), factor, 400)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.history[0]["working_set"] < 20
    assert solution.primal == pytest.approx(reference_value(problem, np.unique(masks, axis=0)), rel=2e-6)


@pytest.mark.parametrize("flags", [{}, BIAS | INTERCEPT, SKIP | INTERCEPT], ids=["plain", "bias", "skip"])
@pytest.mark.parametrize("shape", [(60, 3, 10), (30, 6, 12)])
@pytest.mark.parametrize("factor", [0.3, 0.01])
def test_conjugate_gradients(monkeypatch, factor, shape, flags):
    n_samples, d, n_gates = shape
    problem, masks = gated_problem(*random_problem(n_samples, d, seed=1), factor, n_gates, **flags)
    direct = solve_gated(problem, masks)
    monkeypatch.setattr(_group_lasso, "MAX_DENSE_EQUATIONS", 1)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.primal == pytest.approx(direct.primal, rel=2e-6)


@pytest.mark.parametrize("name", variants(*random_problem(4, 2)))
def test_conjugate_gradients_on_variants(monkeypatch, name):
    monkeypatch.setattr(_group_lasso, "MAX_DENSE_EQUATIONS", 1)
    problem, masks = gated_problem(*variants(*random_problem(12, 3, seed=2))[name], 0.05)
    check_proven(solve_gated(problem, masks), problem, masks)


@pytest.mark.parametrize("shape", [(60, 3, 10), (40, 8, 30)])
def test_groups_dropped_too_early_come_back(monkeypatch, shape):
    n_samples, d, n_gates = shape
    problem, masks = gated_problem(*random_problem(n_samples, d, seed=1), 0.05, n_gates)
    monkeypatch.setattr(gated, "DROP_BELOW_GAP", 0.3)
    monkeypatch.setattr(_group_lasso, "IDLE_SIZE_OVER_SLACK", 2.0)
    solution = solve_gated(problem, masks)
    check_proven(solution, problem, masks)
    assert solution.history[0]["working_set"] < n_gates


def test_screened_gates_are_not_used_by_the_optimum():
    problem, masks = gated_problem(*random_problem(40, 2, seed=9), 0.4, 60)
    exact = solve_gated(problem, masks, tol=1e-11)
    scaled = gated.scale_problem(problem)
    groups = gated.Groups(scaled.design, masks, scaled.target, scaled.beta, scaled.free_basis)
    search = gated._Search(groups, 1e-6, 10, None, None)
    search.offer(np.arange(60), exact.blocks * scaled.x_scale / scaled.y_scale * (1 + 1e-4))
    search.screen()
    used = np.flatnonzero(np.any(exact.blocks != 0, axis=1))
    assert set(used) <= set(search.alive)
    assert len(search.alive) < 60


def test_warm_start():
    problem, masks = gated_problem(*random_problem(40, 4, seed=10), 0.05, 30)
    cold = solve_gated(problem, masks)
    warm = solve_gated(problem, masks, start=cold.blocks)
    check_proven(warm, problem, masks)
    assert warm.n_iter == 0
    wrong = solve_gated(problem, masks, start=np.full_like(cold.blocks, 100.0))
    check_proven(wrong, problem, masks)


def test_records_and_determinism():
    problem, masks = gated_problem(*random_problem(40, 4, seed=11), 0.05, 30)
    records = []
    first, second = solve_gated(problem, masks, report=records.append), solve_gated(problem, masks)
    np.testing.assert_array_equal(first.blocks, second.blocks)
    assert records == first.history
    assert records[-1]["relative_gap"] == first.relative_gap
    assert records[-1]["objective"] == pytest.approx(first.primal)
    assert records[-1]["width"] == np.sum(np.any(first.blocks != 0, axis=1))


def test_iteration_limit():
    problem, masks = gated_problem(*random_problem(40, 4, seed=12), 0.05, 30)
    solution = solve_gated(problem, masks, max_iter=3)
    check_proof(solution, problem, masks)
    assert solution.status is Status.max_iter
    assert solution.n_iter == 3
    assert solution.primal <= 0.5 * np.sum(problem.y**2)


@pytest.mark.parametrize("largest_dense", [100, 4000])
@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_deadline(monkeypatch, limit, largest_dense):
    monkeypatch.setattr(_group_lasso, "MAX_DENSE_EQUATIONS", largest_dense)
    problem, masks = gated_problem(*random_problem(1500, 30, seed=13), 0.01, 400)
    solve_gated(*gated_problem(*random_problem(20, 2), 0.1))  # compiles
    started = time.monotonic()
    solution = solve_gated(problem, masks, deadline=started + limit)
    assert time.monotonic() - started <= limit + 1.5
    check_proof(solution, problem, masks)
    assert solution.status in (Status.time_limit, Status.proven)


def test_interrupt():
    problem, masks = gated_problem(*random_problem(40, 4, seed=14), 0.05, 30)

    def interrupt(record):
        raise KeyboardInterrupt

    solution = solve_gated(problem, masks, report=interrupt)
    check_proof(solution, problem, masks)
    assert solution.status is Status.interrupted


def test_no_rounding_hides_behind_a_tolerance_of_zero():
    problem, masks = gated_problem(*random_problem(30, 3, seed=15), 0.05, 20)
    solution = solve_gated(problem, masks, tol=0.0)
    check_proof(solution, problem, masks)
    assert solution.status in (Status.stalled, Status.proven)
    assert solution.relative_gap <= 1e-10


def test_the_columns_are_never_formed():
    problem, masks = gated_problem(*random_problem(200, 80, seed=16), 0.1, 200)
    tracemalloc.start()
    solve_gated(problem, masks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * 8 * 200 * 80 * 200


@pytest.mark.parametrize(
    "masks, start, name",
    [
        (np.ones((2, 5), dtype=bool), None, "masks"),
        (np.ones(6, dtype=bool), None, "masks"),
        (np.ones((2, 6)), None, "masks"),
        (np.ones((2, 6), dtype=bool), np.zeros((2, 3)), "start"),
        (np.ones((2, 6), dtype=bool), np.full((2, 2), np.nan), "start"),
    ],
)
def test_bad_arguments(masks, start, name):
    with pytest.raises(InvalidInputError, match=f"^{name} must"):
        solve_gated(make_problem(*random_problem(6, 2), 0.1), masks, start=start)


@pytest.mark.parametrize("shift", [1e2, 1e4, 1e5, 1e7])
@pytest.mark.parametrize("seed", range(4))
def test_shifted_data_give_no_bound_above_the_optimum(seed, shift):
    rng = np.random.default_rng(seed)
    X, y = shift + rng.standard_normal((6, 1)), rng.standard_normal(6)
    masks = rng.random((3, 6)) < 0.6
    problem = make_problem(X, y, 0.05, hidden_bias=True, fit_intercept=True)
    solution = solve_gated(problem, masks, tol=1e-3)
    nu = solution.dual_point
    assert abs(nu.sum()) <= 1e-12 * np.abs(nu).sum()
    prices = [np.linalg.norm(problem.design.T @ (mask * nu)) for mask in masks]
    assert max(prices) <= 0.05 * (1 + 1e-9)
    assert solution.dual <= solution.primal
    assert (solution.status is Status.proven) == (solution.relative_gap <= 1e-3)
    assert solution.status in (Status.proven, Status.stalled)
