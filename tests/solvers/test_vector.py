"""Networks of several outputs, against closed forms, grids of directions, one output, and themselves transformed."""

import time
from dataclasses import replace

import numpy as np
import pytest

from convexnn import TwoLayerReLU, beta_max, certify, price
from convexnn.duality.strength import zero_network_price
from convexnn.exceptions import InvalidInputError
from convexnn.programs.posing import make_problem
from convexnn.solvers import vector_run
from convexnn.solvers.base import Status
from convexnn.solvers.column_generation import solve_column_generation

LOSSES = ("squared", "huber", "logistic", "squared_hinge", "multinomial")
FREE = {"hidden_bias": True, "fit_intercept": True}


def data(seed, n=20, d=2, c=2, loss="squared"):
    """Return X and targets of the kind that the loss takes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    Y = np.tanh(X @ rng.standard_normal((d, c))) + 0.5 * rng.standard_normal((n, c))
    if loss == "multinomial":
        Y = np.eye(c)[Y.argmax(axis=1)]
    elif loss in ("logistic", "squared_hinge"):
        Y = np.where(Y > 0, 1.0, -1.0)
    return X, Y


def solve(X, Y, beta, **options):
    """Return the solution of a problem; options of the solver are picked out."""
    mine = {
        key: options.pop(key) for key in ("tol", "rng", "start", "max_iter", "deadline", "n_jobs") if key in options
    }
    return solve_column_generation(make_problem(X, Y, beta, **options), **mine)


def grid_objective(X, Y, beta, n_directions=1500):
    """Group lasso over a grid of directions of the plane and all kinks, by cvxpy: an upper bound close to p*."""
    import cvxpy as cp

    angles = np.linspace(0.0, 2.0 * np.pi, n_directions, endpoint=False)
    kinks = np.arctan2(X[:, 1], X[:, 0]) + np.pi / 2.0
    angles = np.concatenate([angles, kinks, kinks + np.pi])
    fits = np.maximum(X @ np.stack([np.cos(angles), np.sin(angles)]), 0.0)
    outputs = cp.Variable((len(angles), Y.shape[1]))
    loss = 0.5 * cp.sum_squares(Y - fits @ outputs)
    program = cp.Problem(cp.Minimize(loss + beta * cp.sum(cp.norm(outputs, 2, axis=1))))
    return program.solve(solver="CLARABEL")


@pytest.mark.parametrize("beta", [0.05, 0.5, 2.0])
def test_closed_form(beta):
    solution = solve(np.eye(2), np.array([[2.0, 1.0], [1.0, 2.0]]) + beta * np.eye(2), beta)
    assert solution.status is Status.proven and solution.certificate.proof == "exact"
    assert solution.certificate.primal == pytest.approx(beta**2 + 4.0 * beta, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_grid_of_directions(seed):
    X, Y = data(seed, n=10, c=3)
    reference = grid_objective(X, Y, 0.3)
    certificate = solve(X, Y, 0.3).certificate
    assert certificate.dual <= reference * (1.0 + 1e-7)
    assert certificate.primal <= reference * (1.0 + 1e-7)
    assert certificate.primal >= reference * (1.0 - 1e-4)
    assert certificate.relative_gap <= 1e-6 and certificate.proof == "exact"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("terms", [{}, FREE, {"skip_connection": True, **FREE}], ids=["none", "bias", "skip"])
def test_every_loss_is_solved_and_proven(loss, terms):
    X, Y = data(1, n=24, c=3, loss=loss)
    solution = solve(X, Y, 0.4, loss=loss, **terms)
    certificate = solution.certificate
    assert solution.status is Status.proven
    again = certify(solution.network, X, Y, 0.4, loss=loss)
    assert again.relative_gap <= 2e-6
    assert certificate.primal == pytest.approx(solution.network.objective(X, Y, 0.4, loss=loss), rel=1e-12)
    free = make_problem(X, Y, 0.4, loss=loss, **terms).free
    assert np.abs(free.T @ certificate.dual_point).max(initial=0.0) <= 1e-7
    if loss == "multinomial":
        assert np.abs(certificate.dual_point.sum(axis=1)).max() <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_no_network_beats_the_bound(loss):
    X, Y = data(2, n=16, c=2, loss=loss)
    bound = solve(X, Y, 0.5, loss=loss, **FREE).certificate.dual
    rng = np.random.default_rng(0)
    for width in (1, 8, 20):
        network = TwoLayerReLU(
            rng.standard_normal((width, 2)),
            0.5 * rng.standard_normal((width, 2)),
            hidden_bias=rng.standard_normal(width),
            intercept=rng.standard_normal(2),
        )
        certificate = certify(network, X, Y, 0.5, loss=loss)
        assert certificate.primal >= bound
        assert certificate.dual <= bound * (1.0 + 2e-6)
        trained = solve(X, Y, 0.5, loss=loss, start=network, max_iter=2, **FREE)
        assert bound <= trained.certificate.primal <= certificate.primal


def test_one_column_is_one_output():
    X, Y = data(3, n=20, c=1)
    scalar = solve_column_generation(make_problem(X, Y[:, 0], 0.2, **FREE), rng=np.random.default_rng(0))
    vector = solve(X, Y, 0.2, **FREE)
    assert vector.certificate.primal == pytest.approx(scalar.certificate.primal, rel=1e-9)
    columns = TwoLayerReLU(
        scalar.network.hidden_weights,
        scalar.network.output_weights[:, None],
        hidden_bias=scalar.network.hidden_bias,
        intercept=[scalar.network.intercept],
    )
    expected, found = certify(scalar.network, X, Y[:, 0], 0.2), certify(columns, X, Y, 0.2)
    assert found.primal == pytest.approx(expected.primal, rel=1e-14)
    assert found.dual == pytest.approx(expected.dual, rel=1e-6)
    assert beta_max(X, Y, **FREE) == pytest.approx(beta_max(X, Y[:, 0], **FREE), rel=1e-12)


def test_transformed_problems_have_the_transformed_value():
    X, Y = data(4, n=16, c=3)
    beta, rng = 0.3, np.random.default_rng(0)
    value = solve(X, Y, beta).certificate.primal
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    order = rng.permutation(16)
    for other, factor in (
        ((X, Y @ rotation, beta), 1.0),
        ((X[order], Y[order], beta), 1.0),
        ((X[:, ::-1], Y[:, ::-1], beta), 1.0),
        ((X, 7.0 * Y, 7.0 * beta), 49.0),
        ((1e3 * X, Y, 1e3 * beta), 1.0),
        ((np.vstack([X, X]), np.vstack([Y, Y]), 2.0 * beta), 2.0),
        ((np.hstack([X, X]) / np.sqrt(2.0), Y, beta), 1.0),
    ):
        assert solve(*other).certificate.primal == pytest.approx(factor * value, rel=2e-6)
    shifted = solve(X, Y + np.array([5.0, -3.0, 100.0]), beta, **FREE).certificate.primal
    assert shifted == pytest.approx(solve(X, Y, beta, **FREE).certificate.primal, rel=2e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_weights_are_repetition(loss):
    X, Y = data(5, n=12, c=2, loss=loss)
    counts = np.array([0, 1, 2, 3] * 3)
    weighted = solve(X, Y, 0.3, loss=loss, sample_weight=counts, **FREE)
    repeated = solve(np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), 0.3, loss=loss, **FREE)
    assert weighted.certificate.primal == pytest.approx(repeated.certificate.primal, rel=2e-6)
    assert weighted.certificate.dual_point.shape == Y.shape
    assert not np.any(weighted.certificate.dual_point[counts == 0])


@pytest.mark.parametrize(
    "X, Y",
    [
        (np.zeros((3, 2)), np.ones((3, 2))),
        (np.ones((4, 2)), np.arange(8.0).reshape(4, 2)),
        (np.array([[1.0], [-1.0], [2.0], [0.0]]), np.arange(8.0).reshape(4, 2)),
        (np.array([[1.0, 2.0]]), np.array([[3.0, -1.0, 0.5]])),
        (np.random.default_rng(0).standard_normal((6, 2)), np.zeros((6, 2))),
        (np.repeat(np.eye(2), 3, axis=0), np.outer(np.arange(6.0), [1.0, 2.0])),
    ],
)
@pytest.mark.parametrize("terms", [{}, FREE], ids=["none", "bias"])
def test_degenerate_data(X, Y, terms):
    solution = solve(X, Y, 0.2, **terms)
    assert solution.certificate.relative_gap <= 1e-6 or solution.certificate.primal <= 1e-12


def test_beta_max_is_where_the_network_vanishes():
    X, Y = data(6, n=15, c=3)
    largest = beta_max(X, Y, **FREE)
    assert solve(X, Y, 1.0001 * largest, **FREE).network.width == 0
    assert solve(X, Y, 0.99 * largest, **FREE).network.width > 0


@pytest.mark.slow
def test_the_run_is_monotone_deterministic_and_reported():
    X, Y = data(7, n=30, d=3, c=3)
    records = []
    problem = make_problem(X, Y, 0.3, **FREE)
    first = solve_column_generation(problem, rng=np.random.default_rng(1), report=records.append)
    second = solve_column_generation(problem, rng=np.random.default_rng(1), n_jobs=2)
    assert np.array_equal(first.network.output_weights, second.network.output_weights)
    assert records == first.history
    assert np.all(np.diff([record["objective"] for record in records]) <= 0.0)
    assert records[-1]["objective"] == pytest.approx(first.certificate.primal, rel=1e-6)


@pytest.mark.slow
def test_warm_start_and_budgets():
    X, Y = data(8, n=30, d=3, c=3)
    problem = make_problem(X, Y, 0.3, **FREE)
    cold = solve_column_generation(problem)
    warm = solve_column_generation(problem, start=cold.network, max_iter=2)
    assert warm.certificate.primal <= cold.certificate.primal * (1.0 + 1e-12)
    late = solve_column_generation(problem, deadline=time.monotonic())
    assert late.status is Status.time_limit
    assert 0.0 <= late.certificate.dual <= cold.certificate.primal
    assert solve_column_generation(problem, max_iter=1).status is Status.max_iter


def wide_problem(n=300, d=30, c=4, loss="multinomial"):
    """A problem on which Newton steps are too dear."""
    X, Y = data(11, n=n, d=d, c=c, loss=loss)
    problem = make_problem(X, Y, 1.0, loss=loss, **FREE)
    return replace(problem, beta=0.05 * zero_network_price(problem, proof="heuristic").value)


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_coarse_moves_come_close_to_exact_ones(loss, monkeypatch):
    X, Y = data(12, n=60, d=3, c=3, loss=loss)
    problem = make_problem(X, Y, 1.0, loss=loss, **FREE)
    best = solve_column_generation(problem).certificate
    monkeypatch.setattr(vector_run, "COARSE_VECTOR_PRODUCTS", 0.0)
    monkeypatch.setattr(vector_run, "MAX_VECTOR_PRODUCTS", 0.0)
    coarse = solve_column_generation(problem, max_work=2e9)
    assert best.dual <= coarse.certificate.primal <= best.primal * (1.0 + 1e-3)
    assert np.all(np.diff([record["objective"] for record in coarse.history]) <= 0.0)


def test_a_budget_of_work_ends_the_training():
    problem = wide_problem()
    short, long = (solve_column_generation(problem, max_work=work) for work in (1e8, 1e9))
    assert short.status is long.status is Status.settled
    assert short.n_iter < long.n_iter and long.certificate.primal < short.certificate.primal
    assert long.certificate.heuristic_gap < 0.2 and 0.0 < long.certificate.dual < long.certificate.primal
    assert solve_column_generation(problem, max_work=1).network.width == 0


def test_a_budget_of_work_needs_no_clock():
    problem = wide_problem(c=3, loss="squared")
    first, second = (solve_column_generation(problem, max_work=3e8, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert np.array_equal(first.network.hidden_weights, second.network.hidden_weights)
    assert first.certificate.dual == second.certificate.dual
    assert len(first.history) == len(second.history)


@pytest.mark.slow
def test_a_good_start_settles_at_once():
    problem = wide_problem()
    best = solve_column_generation(problem, max_work=3e9)
    again = solve_column_generation(problem, max_work=3e9, start=best.network)
    assert again.certificate.primal <= best.certificate.primal * (1.0 + 1e-9)
    assert 3 * again.n_iter <= max(12, 2 * best.n_iter), (again.n_iter, best.n_iter)


@pytest.mark.parametrize("factor", [1.0, 1e3])
def test_a_start_is_taken_over_in_the_units_of_the_data(factor):
    X, Y = data(13, n=200, d=20, c=3)
    problem = make_problem(X, factor * Y, 3.0 * factor, **FREE)
    best = solve_column_generation(problem, max_work=3e8)
    first = []
    solve_column_generation(problem, start=best.network, max_iter=1, report=first.append)
    assert first[0]["objective"] <= best.certificate.primal * (1.0 + 1e-6)


def test_an_interrupt_keeps_the_best_network():
    X, Y = data(9, n=30, d=3, c=3)

    def interrupt(record):
        if record["width"] > 0:
            raise KeyboardInterrupt

    solution = solve_column_generation(make_problem(X, Y, 0.3, **FREE), report=interrupt)
    assert solution.status is Status.interrupted and solution.network.width > 0
    assert solution.certificate.dual <= solution.certificate.primal


@pytest.mark.parametrize("Y", [np.ones((2, 2)), np.array([[1.0, 0.0], [0.5, 0.5]]), np.ones((2, 1))])
def test_rows_that_are_not_one_hot_are_refused(Y):
    with pytest.raises(InvalidInputError, match="one-hot"):
        make_problem(np.eye(2), Y, 1.0, loss="multinomial")


def test_a_network_of_another_number_of_outputs_is_refused():
    with pytest.raises(InvalidInputError, match="output_weights"):
        certify(TwoLayerReLU(np.eye(2), np.ones((2, 3))), np.eye(2), np.eye(2), 0.1)


def test_neurons_on_rows_of_zeros_may_vanish_all_at_once():
    found = solve(np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 0.0]]), 0.14, loss="multinomial", hidden_bias=True,
                  skip_connection=True)  # fmt: skip
    assert found.status is Status.proven


SEPARATING = {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}


def with_a_separated_class(seed, n_classes=3):
    """Rows of which those of class 0 lie far from the others, and these without it."""
    rng = np.random.default_rng(seed)
    labels, X = rng.integers(0, n_classes, 60), rng.standard_normal((60, 2))
    X[labels == 0, 0] += 8.0
    Y = np.eye(n_classes)[labels]
    return (X, Y), (X[labels > 0], Y[labels > 0][:, 1:])


@pytest.mark.slow
@pytest.mark.parametrize("seed, n_classes", [(0, 3), (1, 3), (2, 4)])
def test_a_separated_class_leaves_the_problem_of_the_others(seed, n_classes):
    # A free linear part separates class 0 at no cost: the infimum is that of the other classes alone.
    every, others = with_a_separated_class(seed, n_classes)
    largest = beta_max(*others, loss="multinomial", **SEPARATING)
    assert beta_max(*every, loss="multinomial", **SEPARATING) == pytest.approx(largest, rel=1e-6)
    for share in (0.5, 0.1):
        problems = [make_problem(*rows, share * largest, loss="multinomial", **SEPARATING) for rows in (every, others)]
        with_it, without = (solve_column_generation(problem).certificate for problem in problems)
        assert with_it.dual <= without.primal * (1.0 + 1e-9)
        assert with_it.primal == pytest.approx(without.primal, rel=1e-5)
        assert with_it.heuristic_gap < 1e-4


def test_groups_of_classes_that_are_separated_have_bounds():
    rng = np.random.default_rng(5)
    labels, X = rng.integers(0, 4, 80), rng.standard_normal((80, 2))
    X[labels > 1, 0] += 9.0
    groups = [labels // 2 == group for group in (0, 1)]
    alone = [beta_max(X[group], np.eye(2)[labels[group] % 2], loss="multinomial", **SEPARATING) for group in groups]
    both = beta_max(X, np.eye(4)[labels], loss="multinomial", **SEPARATING)
    assert max(alone) * (1.0 - 1e-6) <= both <= np.hypot(*alone) * (1.0 + 1e-6)


def test_classes_that_are_all_separated_leave_zero():
    X = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], 5, axis=0) + np.random.default_rng(0).random((15, 2))
    assert beta_max(X, np.repeat(np.eye(3), 5, axis=0), loss="multinomial", **SEPARATING) < 1e-6


def test_more_outputs_than_rows_are_those_on_the_principal_axes():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((10, 2)), rng.standard_normal((10, 30))
    problem = make_problem(X, Y, 0.5, **FREE)
    found = solve_column_generation(problem)
    turned = np.linalg.qr(Y.T, mode="r").T  # the same problem, on ten axes
    same = solve_column_generation(make_problem(X, turned, 0.5, **FREE)).certificate
    assert found.status is Status.proven and found.network.width <= 100
    assert found.certificate.primal == pytest.approx(same.primal, rel=1e-6)
    again = solve_column_generation(problem, start=found.network, max_iter=1)
    assert again.certificate.primal <= found.certificate.primal * (1.0 + 1e-9)


@pytest.mark.parametrize("seed, heavy", [(2, 1e4), (0, 1e6)])
def test_a_heavy_separated_class_does_not_spoil_the_free_terms(seed, heavy):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), 7)
    X = np.round(1.5 * rng.normal(size=(35, 1)))
    X[labels == 0] += 30.0
    values = []
    for weight in (1.0, heavy):  # the weight of the separated class does not matter in the limit
        terms = {"fit_intercept": True, "skip_connection": True, "sample_weight": np.where(labels == 0, weight, 1.0)}
        problem = make_problem(X, np.eye(5)[labels], 0.03, loss="multinomial", **terms)
        values.append(solve_column_generation(problem, max_work=1e9).certificate.primal)
    assert values[1] == pytest.approx(values[0], rel=1e-3)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_prices_of_any_magnitude_are_numbers(size):
    rng = np.random.default_rng(0)
    X, N = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    assert price(X, size * N).value == pytest.approx(size * price(X, N).value, rel=1e-6)
