"""What is done differently on long data, on data short enough to know the answer."""

import time
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from convexnn import ConvexReLURegressor, beta_max, certify, price
from convexnn._utils import row_blocks as _long
from convexnn._utils.threads import thread_map
from convexnn.duality import scalar_price
from convexnn.duality.ascent import local_maxima, random_starts
from convexnn.duality.kernels import approach as _approach
from convexnn.duality.kernels.approach import approach
from convexnn.duality.spectral import spectral_bound
from convexnn.programs import make_problem
from convexnn.programs.scaling import scale_problem
from convexnn.solvers import _batches, _neuron_descent, scalar_run
from convexnn.solvers._neuron_descent import _Objective, descend_neurons
from convexnn.solvers.base import Status, build_network, build_zero_network
from convexnn.solvers.column_generation import solve_column_generation

from ..zoo import random_problem

FREE = {"hidden_bias": True, "fit_intercept": True}
FLAGS = [{}, {"hidden_bias": True, "fit_intercept": True}, {"skip_connection": True}]


def teacher_problem(n, d, seed=0):
    """A network of three neurons with noise."""
    rng = np.random.default_rng(seed)
    X, W = rng.standard_normal((n, d)), rng.standard_normal((d, 3))
    return X, np.maximum(X @ W, 0.0) @ np.array([1.0, -1.0, 1.0]) + 0.1 * rng.standard_normal(n)


@pytest.fixture
def everything_is_long(monkeypatch):
    """Take all data for long: joint ascents, gradients until the gap is small, batches of rows first."""
    monkeypatch.setattr(_long, "LONG_ABOVE_ENTRIES", 0)
    monkeypatch.setattr(scalar_run, "COARSE_NEWTON_WORK", 0.0)
    monkeypatch.setattr(_batches, "FIRST_STEPS", 50)
    monkeypatch.setattr(_approach, "N_SAMPLED_LINES", 32)
    for module in (_approach, _neuron_descent):
        monkeypatch.setattr(module, "ROWS", 50)


@pytest.fixture
def everything_is_huge(everything_is_long, monkeypatch):
    """Take all data for huge as well: nothing is copied, blocks of rows are cast, no exact climbs."""
    monkeypatch.setattr(_long, "HUGE_ABOVE_ENTRIES", 0)
    monkeypatch.setattr(_long, "ROWS", 50)
    monkeypatch.setattr(scalar_price, "MAX_RANK", 0)
    monkeypatch.setattr(scalar_run, "MAX_SEARCHED_ROWS", 0)  # as few starts as on data of that size


@pytest.mark.mostly_slow
@pytest.mark.parametrize("flags", FLAGS, ids=str)
@pytest.mark.parametrize("shape", [(150, 3), (400, 4)], ids=str)
def test_the_same_optimum_as_on_short_data(shape, flags, everything_is_long, monkeypatch):
    X, y = teacher_problem(*shape)
    options = {"beta": 2.0, "hidden_bias": False, "fit_intercept": False, **flags}
    long = ConvexReLURegressor(**options).fit(X, y)
    monkeypatch.undo()
    short = ConvexReLURegressor(**options).fit(X, y)
    assert short.status_ == "proven"
    assert long.network_.objective(X, y, 2.0) == pytest.approx(short.network_.objective(X, y, 2.0), rel=1e-6)
    assert certify(long.network_, X, y, 2.0, proof="exact").relative_gap <= 2e-6


@pytest.mark.slow
def test_the_bits_do_not_depend_on_the_number_of_threads(everything_is_long):
    X, y = teacher_problem(400, 4)
    one, two = (ConvexReLURegressor(n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.network_.hidden_weights, two.network_.hidden_weights)
    assert one.certificate_.dual == two.certificate_.dual


@pytest.mark.parametrize("seed", range(3))
def test_an_approach_never_ends_lower_than_it_began(seed, everything_is_long):
    X, nu = random_problem(300, 5, seed)
    function = scalar_price.scalar_price_function(X, nu)
    starts = random_starts(function, 30, np.random.default_rng(seed))
    signs = np.where(np.arange(30) % 2, 1.0, -1.0)

    def value(points):
        hidden = np.maximum(points @ function.lines.T, 0.0)
        return signs * (hidden @ function.coefficients + points @ function.linear)

    reached, points, values = approach(function, starts, signs)
    np.testing.assert_array_equal(reached, np.arange(30))
    np.testing.assert_allclose(values, value(points), atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0, atol=1e-12)
    assert np.all(values >= value(starts) - 1e-14)
    _, late, values = approach(function, starts, signs, deadline=time.monotonic() - 1.0)
    np.testing.assert_allclose(values, value(late), atol=1e-14)
    assert np.all(values >= value(starts) - 1e-14)
    _, near, values = approach(function, starts, signs, dtype=np.float32)
    np.testing.assert_allclose(values, value(near), atol=1e-14)  # whatever the way was made in


@pytest.mark.parametrize("seed", range(5))
def test_the_price_of_long_data(seed, everything_is_long, monkeypatch):
    X, nu = random_problem(300, 4, seed)
    long = price(X, nu, proof="heuristic")
    monkeypatch.undo()
    exact = price(X, nu, proof="exact")
    assert long.value <= exact.upper_bound * (1 + 1e-9)
    assert long.value >= 0.99 * exact.value
    assert long.upper_bound >= exact.value * (1 - 1e-12)


def test_a_value_that_is_enough_ends_the_ascents(everything_is_long):
    X, nu = random_problem(300, 4)
    function = scalar_price.scalar_price_function(X, nu)
    starts = random_starts(function, 20, np.random.default_rng(0))
    *_, quick = local_maxima(function, starts, enough=0.0)
    *_, full = local_maxima(function, starts)
    assert len(full) > len(quick)
    assert full.max() >= quick.max()


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_gradients_against_differences(flags):
    X, y = random_problem(40, 3)
    scaled = scale_problem(make_problem(X, y, 0.5, **flags))
    rng = np.random.default_rng(0)
    with thread_map(1) as run:
        objective = _Objective(scaled, np.float64, 0.3, 3, run, lambda: False)
        point = rng.standard_normal(3 * scaled.design.shape[1] + 3 + scaled.free_basis.shape[1])
        value, gradient = objective(point)
        numeric = approx_fprime(point, lambda at: objective(at)[0], 1e-7)
    np.testing.assert_allclose(gradient, numeric, atol=1e-5 * np.abs(gradient).max())
    neurons, heights, free = objective.unpack(point)
    fit = np.maximum(scaled.design @ neurons.T, 0.0) @ heights + scaled.free_basis @ free
    penalty = 0.5 * scaled.beta * (np.sum(neurons**2) + np.sum(heights**2))
    assert value == pytest.approx(0.5 * np.sum((scaled.target - fit) ** 2) + penalty, rel=1e-12)
    np.testing.assert_allclose(objective.pack(neurons, heights, free), point, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_gradients_lowers_the_objective(flags, dtype):
    X, y = teacher_problem(200, 4)
    scaled = scale_problem(make_problem(X, y, 1.0, **flags))
    rng = np.random.default_rng(1)
    blocks, signs = 0.1 * rng.standard_normal((6, scaled.design.shape[1])), rng.choice([-1.0, 1.0], 6)

    def value(blocks, signs):
        fit = scaled.project(np.maximum(scaled.design @ blocks.T, 0.0) @ signs)
        return scaled.objective(scaled.target - fit, np.linalg.norm(blocks, axis=1))

    free = np.zeros(scaled.free_basis.shape[1])
    moved, kinds = descend_neurons(scaled, blocks, signs, dtype=dtype, free=free)
    assert value(moved, kinds) < 0.8 * value(blocks, signs)
    stopped, _ = descend_neurons(scaled, blocks, signs, dtype=dtype, free=free, stop=lambda: True)
    np.testing.assert_allclose(stopped, blocks, rtol=1e-12)


@pytest.mark.parametrize("shape", [(20_000, 10), (3_000, 60)], ids=str)
def test_time_limit_on_long_data_keeps_a_valid_bound(shape):
    X, y = teacher_problem(*shape)
    model = ConvexReLURegressor(time_limit=2.0).fit(X, y)
    assert model.status_ in ("time_limit", "converged", "settled")
    assert 0.0 < model.certificate_.dual <= model.certificate_.primal
    assert model.certificate_.primal < 0.5 * np.sum((y - y.mean()) ** 2)
    if model.status_ == "time_limit":  # what was seen before is not forgotten for want of time
        known = min(model.history_[-1]["visible_gap"], model.certificate_.relative_gap)
        assert model.certificate_.heuristic_gap >= known


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_huge_data_have_the_same_optimum(flags, dtype, everything_is_huge, monkeypatch):
    X, y = teacher_problem(200, 3)
    X = X.astype(dtype)
    options = {"beta": 2.0, "hidden_bias": False, "fit_intercept": False, **flags}
    huge = ConvexReLURegressor(**options).fit(X, y)
    values = huge.predict(X)
    monkeypatch.undo()
    short = ConvexReLURegressor(**options).fit(X.astype(float), y)
    reached = huge.network_.objective(X, y, 2.0)
    assert reached == pytest.approx(short.network_.objective(X, y, 2.0), rel=1e-4)  # gradients end near kinks
    assert huge.certificate_.primal == pytest.approx(reached, rel=1e-12)
    assert huge.certificate_.dual <= short.certificate_.primal * (1 + 1e-9)
    np.testing.assert_allclose(values, huge.network_.predict(X.astype(float)), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_price_of_huge_data(scale, dtype, everything_is_huge, monkeypatch):
    X, nu = random_problem(300, 4, 1)
    X = (scale * X).astype(dtype)
    huge = price(X, nu, proof="heuristic")
    monkeypatch.undo()
    exact = price(X.astype(float), nu, proof="exact")
    assert huge.value == pytest.approx(abs(nu @ np.maximum(X.astype(float) @ huge.direction, 0.0)), rel=1e-12)
    assert 0.99 * exact.value <= huge.value <= exact.upper_bound * (1 + 1e-9)
    assert huge.upper_bound >= exact.value * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_spectral_bound_of_lines_of_any_length(seed, monkeypatch):
    X, nu = random_problem(200, 6, seed)
    X *= np.exp(np.random.default_rng(seed).normal(size=(200, 1)))
    unit = scalar_price.scalar_price_function(X, nu)
    expected = unit.scale * spectral_bound(unit)
    monkeypatch.setattr(_long, "LONG_ABOVE_ENTRIES", 0)
    monkeypatch.setattr(_long, "HUGE_ABOVE_ENTRIES", 0)
    monkeypatch.setattr(scalar_price, "MAX_RANK", 0)
    raw = scalar_price.scalar_price_function(X, nu)
    assert raw.lines is X
    assert raw.scale * spectral_bound(raw) == pytest.approx(expected, rel=1e-3)
    assert raw.scale * raw.total == pytest.approx(np.abs(nu) @ np.linalg.norm(X, axis=1), rel=1e-12)


@pytest.mark.slow
def test_huge_single_precision_is_never_copied_to_double():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50_000, 100), dtype=np.float32)
    y = np.maximum(X[:, 0], 0.0) + 0.1 * rng.standard_normal(len(X))
    tracemalloc.start()
    model = ConvexReLURegressor("scale", hidden_bias=False, fit_intercept=False, proof="heuristic", time_limit=5.0).fit(
        X, y
    )
    fit = model.predict(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * X.nbytes  # which is what the double precision copy alone would take
    assert np.mean((fit - y) ** 2) < 0.5 * np.var(y)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_interrupt_among_batches_keeps_the_network(loss, monkeypatch):
    X, y = teacher_problem(12_000, 30)
    y = y if loss == "squared" else np.sign(y - np.median(y))
    made = _batches.BatchDescent._slopes

    def interrupted(self, *arguments):
        if self.n_steps == 400:
            raise KeyboardInterrupt
        return made(self, *arguments)

    monkeypatch.setattr(_batches.BatchDescent, "_slopes", interrupted)
    problem = make_problem(X, y, 0.1 * beta_max(X, y, loss=loss, **FREE), loss=loss, **FREE)
    solution = solve_column_generation(problem)
    assert solution.status is Status.interrupted
    assert solution.network.width > 0
    assert solution.certificate.primal < 0.7 * problem.objective(build_zero_network(problem))
    assert 0.0 < solution.certificate.dual <= solution.certificate.primal
    # No search on all rows was completed: nothing but the bound is known.
    assert solution.certificate.heuristic_gap == solution.certificate.relative_gap


@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "squared_hinge"])
def test_first_networks_are_recorded_and_never_rise(loss):
    X, y = teacher_problem(3000, 40, seed=3)
    y = np.sign(y - np.median(y)) if loss in ("logistic", "squared_hinge") else y
    problem = make_problem(X, y, 0.1 * beta_max(X, y, loss=loss, **FREE), loss=loss, **FREE)
    seen = []
    solution = solve_column_generation(problem, max_work=1e9, proof="heuristic", report=seen.append)
    objectives = [record["objective"] for record in solution.history]
    assert seen == solution.history
    assert np.all(np.diff(objectives) <= 1e-12 * objectives[0])
    assert solution.history[0]["visible_gap"] == 1.0  # before the first search
    # Batches of rows alone come near; the rest of the way is short.
    zero = problem.objective(build_zero_network(problem))
    assert objectives[0] < objectives[-1] + 0.05 * (zero - objectives[-1])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.03])
def test_long_data_end_as_low_as_many_epochs_of_batches(share):
    X, y = teacher_problem(3000, 40, seed=4)
    problem = make_problem(X, y, share * beta_max(X, y, **FREE), **FREE)
    descent = _batches.BatchDescent(problem, np.random.default_rng(1))
    descent.run(8000, 3e-3)
    directions, outputs, _ = descent.network()
    other = build_network(problem, directions, np.sign(outputs[:, 0]), np.abs(outputs[:, 0]))
    solution = solve_column_generation(problem, max_work=4e9, proof="heuristic")
    assert solution.certificate.primal <= problem.objective(other) * (1.0 + 2e-5)
    assert solution.certificate.heuristic_gap < 1e-3


def test_long_data_do_not_depend_on_threads_or_calls():
    X, y = teacher_problem(3000, 40)
    problem = make_problem(X, y, 200.0, **FREE)
    first, again, two = (solve_column_generation(problem, max_work=5e8, n_jobs=n_jobs) for n_jobs in (1, 1, 2))
    for other in (again, two):
        np.testing.assert_array_equal(first.network.hidden_weights, other.network.hidden_weights)
        assert [r["objective"] for r in first.history] == [r["objective"] for r in other.history]


def test_long_data_in_another_order_end_as_low():
    X, y = teacher_problem(3000, 40)
    order = np.argsort(y)  # as sorted files have them
    ends = []
    for rows in (np.arange(3000), order):
        problem = make_problem(X[rows], y[rows], 200.0, **FREE)
        ends.append(solve_column_generation(problem, max_work=2e9, proof="heuristic").certificate.primal)
    assert ends[1] == pytest.approx(ends[0], rel=1e-4)
