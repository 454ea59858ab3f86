"""First networks of long data from batches of rows, and prices of huge data, against those of all rows."""

import numpy as np
import pytest

from convexnn._utils import row_blocks
from convexnn._utils.clock import now
from convexnn.duality.pricing import search_price
from convexnn.programs.posing import make_problem
from convexnn.solvers import _batches
from convexnn.solvers._batches import descend_on_batches
from convexnn.solvers._vector_coarse import best_free_terms
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


@pytest.mark.parametrize("loss", ["multinomial", "squared", "huber"])
def test_batches_come_near_full_gradients(loss):
    problem = long_problem(loss)
    first = descend_on_batches(problem, np.random.default_rng(0))
    none = np.zeros((0, problem.design.shape[1])), np.zeros((0, 3)), np.zeros_like(problem.y)
    best = solve_column_generation(problem, max_work=5e9, proof="heuristic").certificate.primal
    assert best <= objective(problem, *first) * (1.0 + 1e-9)
    assert objective(problem, *first) < best + 0.2 * (objective(problem, *none) - best)


def test_the_same_generator_draws_the_same_network(monkeypatch):
    monkeypatch.setattr(_batches, "MIN_BATCH_STEPS", 20)
    monkeypatch.setattr(_batches, "N_EPOCHS", 1)
    first, again = (descend_on_batches(long_problem(), np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_batches_end_with_the_time_or_the_budget():
    work = []

    def spend(amount):
        work.append(amount)
        return len(work) > 3

    descend_on_batches(long_problem(), np.random.default_rng(0), spend=spend, work_of_a_row=2.0)
    assert len(work) == 4 and work[0] == pytest.approx(2.0 * _batches.ROWS_PER_BATCH, rel=0.1)
    work.clear()
    descend_on_batches(long_problem(), np.random.default_rng(0), deadline=now() + 0.0, spend=spend)
    assert work == []


def test_prices_of_huge_data_are_those_of_other_data(monkeypatch):
    rng = np.random.default_rng(1)
    X, N = rng.standard_normal((400, 6)), rng.standard_normal((400, 3))
    X[:5], N[5:9] = 0.0, 0.0
    usual = search_price(X, N, proof="heuristic")
    monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", 100)
    huge = search_price(X, N, proof="heuristic")
    assert 0.99 * usual.value <= huge.value <= usual.value * (1.0 + 1e-9)
    assert huge.upper_bound >= usual.value and usual.upper_bound >= huge.value
