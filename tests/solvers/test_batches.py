"""First networks of long data from batches of rows, and prices of huge data, against those of all rows."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from convexnn._utils import row_blocks
from convexnn._utils.clock import now
from convexnn.duality.pricing import search_price
from convexnn.duality.strength import zero_network_price
from convexnn.programs.posing import make_problem
from convexnn.solvers import _batches
from convexnn.solvers._batches import BatchDescent
from convexnn.solvers._vector_coarse import best_free_terms
from convexnn.solvers.base import build_network, build_zero_network
from convexnn.solvers.column_generation import solve_column_generation

FREE = {"hidden_bias": True, "fit_intercept": True}


def long_problem(loss="multinomial", n=2600, d=40, c=3, beta=5.0):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    values = np.maximum(X @ rng.standard_normal((d, 8)) / np.sqrt(d), 0.0) @ rng.standard_normal((8, c))
    values += 0.1 * rng.standard_normal(values.shape)
    if loss == "multinomial":
        values = np.eye(c)[np.argmax(values - values.mean(axis=0), axis=1)]
    return make_problem(X, values, beta, loss=loss, **FREE)


def objective(problem, directions, outputs, free_fit):
    return best_free_terms(problem, directions, outputs, free_fit)[1]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["multinomial", "squared", "huber"])
def test_batches_come_near_full_gradients(loss):
    problem = long_problem(loss)
    descent = BatchDescent(problem, np.random.default_rng(0))
    descent.run(1500)
    none = np.zeros((0, problem.design.shape[1])), np.zeros((0, 3)), np.zeros_like(problem.y)
    best = solve_column_generation(problem, max_work=2e9, proof="heuristic").certificate.primal
    assert best <= objective(problem, *descent.network()) * (1.0 + 1e-9)
    assert objective(problem, *descent.network()) < best + 0.05 * (objective(problem, *none) - best)


def scalar_problem(loss="squared", n=3000, d=40, share=0.05, **options):
    """Return a problem of one output whose targets a teacher of three neurons has made, at a share of beta_max."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, d))
    y = np.maximum(X @ rng.standard_normal((d, 3)) / np.sqrt(d), 0.0) @ np.array([1.0, -1.0, 1.0])
    y += 0.1 * rng.standard_normal(n)
    return posed(X, np.sign(y - np.median(y)) if loss in ("logistic", "squared_hinge") else y, share, loss, **options)


def posed(X, y, share, loss="squared", **options):
    """Return a problem at a share of beta_max, as far as ascents see."""
    problem = make_problem(X, y, 1.0, loss=loss, **FREE, **options)
    return replace(problem, beta=share * zero_network_price(problem, proof="heuristic").value)


def value_of(problem, descent):
    directions, outputs, _ = descent.network()
    return problem.objective(build_network(problem, directions, np.sign(outputs[:, 0]), np.abs(outputs[:, 0])))


def first_value(problem, n_steps=1500, seed=0):
    """Return the objective that batches lead to."""
    descent = BatchDescent(problem, np.random.default_rng(seed))
    descent.run(n_steps)
    return value_of(problem, descent)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("share", [0.3, 0.03])
@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "squared_hinge"])
def test_one_output_comes_near_the_optimum(loss, share):
    problem = scalar_problem(loss, share=share)
    best = solve_column_generation(problem, max_work=2e9, proof="heuristic").certificate
    least, zero = best.primal * (1.0 - best.heuristic_gap), problem.objective(build_zero_network(problem))
    assert least * (1.0 - 1e-9) <= first_value(problem) < least + 0.05 * (zero - least)


def test_columns_of_any_size_and_place_are_alike():
    # Columns that the penalty makes as dear as before: sizes that differ a thousand times, means a hundred sizes off.
    rng = np.random.default_rng(2)
    X = rng.standard_normal((3000, 20)) * 10.0 ** rng.uniform(-1.5, 1.5, 20)
    X = X + rng.standard_normal(20) * 30.0 * X.std(axis=0)
    unit = (X - X.mean(axis=0)) / X.std(axis=0)
    y = np.maximum(unit @ rng.standard_normal((20, 3)), 0.0) @ np.array([1.0, -1.0, 1.0])
    problem = posed(X, y, 0.01)
    best = solve_column_generation(problem, max_work=3e9, proof="heuristic").certificate.primal
    zero = problem.objective(build_zero_network(problem))
    assert first_value(problem, 3000) < best + 0.1 * (zero - best)


@pytest.mark.parametrize("scale, shift", [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e7)])
def test_units_and_the_place_of_targets_do_not_matter(scale, shift):
    problem = scalar_problem()
    moved = posed(scale * problem.features, shift + 1e3 * problem.y, 0.05)
    usual = posed(problem.features, problem.y, 0.05)
    zero = usual.objective(build_zero_network(usual)), moved.objective(build_zero_network(moved))
    ends = first_value(usual) / zero[0], first_value(moved) / zero[1]
    if scale == 1.0:
        assert ends[1] == pytest.approx(ends[0], rel=1e-2)
    else:  # a hidden bias is a column of ones, whatever the others are like
        assert ends[1] < 0.5


def test_degenerate_columns_do_no_harm():
    problem = scalar_problem()
    extra = np.column_stack([np.zeros(3000), np.full(3000, 3.0), problem.features[:, 0], np.eye(1, 3000)[0]])
    wider = posed(np.hstack([problem.features, extra]), problem.y, 0.05)
    best = solve_column_generation(wider, max_work=2e9, proof="heuristic").certificate.primal
    assert first_value(wider) < 1.05 * best


def test_weights_count_like_repeated_rows():
    problem = scalar_problem()
    counts = np.random.default_rng(5).integers(1, 4, 3000)
    X, y = problem.features, problem.y
    weighted = make_problem(X, y, problem.beta, sample_weight=counts.astype(float), **FREE)
    repeated = make_problem(np.repeat(X, counts, axis=0), np.repeat(y, counts), problem.beta, **FREE)
    assert first_value(weighted) == pytest.approx(first_value(repeated), rel=1e-2)


def test_a_skip_connection_takes_the_linear_part():
    problem = scalar_problem(skip_connection=True)
    best = solve_column_generation(problem, max_work=2e9, proof="heuristic").certificate.primal
    assert first_value(problem) < 1.05 * best


def test_the_same_generator_draws_the_same_network():
    first, again = (BatchDescent(long_problem(), np.random.default_rng(3)) for _ in range(2))
    first.run(30)
    again.run(30)
    assert all(np.array_equal(one, other) for one, other in zip(first.network(), again.network(), strict=True))


def test_batches_end_with_the_budget_of_work():
    whole, short = (BatchDescent(long_problem(), np.random.default_rng(0), work_of_a_row=2.0) for _ in range(2))
    whole.run(20)
    assert whole.take_work() == pytest.approx(20 * 2.0 * _batches.ROWS_PER_BATCH, rel=0.1)
    assert whole.take_work() == 0.0
    short.max_work = whole.work / 2
    short.run(20)
    assert short.max_work <= short.work <= short.max_work + 2.0 * _batches.ROWS_PER_BATCH * 1.1
    assert len(list(short.stages())) == 1  # nothing is left for a second one


def test_batches_end_with_the_time():
    descent = BatchDescent(long_problem(), np.random.default_rng(0), deadline=now() + 0.0)
    before = [part.copy() for part in descent.weights]
    descent.run(20)
    assert all(np.array_equal(one, other) for one, other in zip(before, descent.weights, strict=True))


def test_stages_are_longer_where_there_are_more_rows(monkeypatch):
    monkeypatch.setattr(_batches, "FIRST_STEPS", 4)
    monkeypatch.setattr(_batches, "MAX_STEPS_PER_ROOT_ROW", 0.9)
    few = BatchDescent(scalar_problem(n=300, d=4), np.random.default_rng(0))
    many = BatchDescent(scalar_problem(n=6000, d=4), np.random.default_rng(0))
    assert len(list(few.stages())) == 1 and few.n_steps == 4
    assert len(list(many.stages())) == 3 and many.n_steps == 4 + 16 + 64


@pytest.mark.parametrize("n", [255, 256, 1000])
def test_batches_of_an_epoch_are_all_rows_once(n, monkeypatch):
    X = np.arange(2.0 * n).reshape(n, 2)
    for limit in (10**6, 100):  # usual and huge
        monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", limit)
        monkeypatch.setattr(_batches, "PIECE_ENTRIES", 140)
        monkeypatch.setattr(_batches, "MIXED_ENTRIES", 700)
        seen, batches = [], _batches._batches(X, np.random.default_rng(0))
        while len(seen) < n:
            index, rows = next(batches)
            assert rows.dtype == np.float32 and np.array_equal(rows, X[index])
            seen.extend(index)
        assert sorted(seen) == list(range(n))


def test_huge_data_lead_to_as_good_a_network(monkeypatch):
    problem = scalar_problem()
    usual = first_value(problem)
    monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", 1000)
    monkeypatch.setattr(_batches, "PIECE_ENTRIES", 500)
    monkeypatch.setattr(_batches, "MIXED_ENTRIES", 20_000)
    assert first_value(problem) == pytest.approx(usual, rel=2e-2)


def test_a_memory_map_is_not_copied(tmp_path, monkeypatch):
    n, d = 40_000, 50
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(n, d))
    X[:] = rng.standard_normal((n, d), dtype=np.float32)
    monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", 100_000)
    monkeypatch.setattr(_batches, "MIXED_ENTRIES", 200_000)
    problem = make_problem(np.zeros((2, d)), np.array([1.0, -1.0]), 100.0, fit_intercept=True)
    given = {"design": X, "y": np.abs(X[:, 0].astype(float)), "weight": np.ones(n), "free": np.ones((n, 1))}
    problem = replace(problem, **given, rows=np.arange(n), n_rows=n)
    BatchDescent(problem, rng).run(2)  # compiles
    tracemalloc.start()
    descent = BatchDescent(problem, rng)
    descent.run(300)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.7 * X.nbytes  # a copy in single precision would be as large as the map
    assert value_of(problem, descent) < 0.5 * problem.objective(build_zero_network(problem))


def test_prices_of_huge_data_are_those_of_other_data(monkeypatch):
    rng = np.random.default_rng(1)
    X, N = rng.standard_normal((400, 6)), rng.standard_normal((400, 3))
    X[:5], N[5:9] = 0.0, 0.0
    usual = search_price(X, N, proof="heuristic")
    monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", 100)
    huge = search_price(X, N, proof="heuristic")
    assert 0.99 * usual.value <= huge.value <= usual.value * (1.0 + 1e-9)
    assert huge.upper_bound >= usual.value and usual.upper_bound >= huge.value
