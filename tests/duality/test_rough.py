"""Ascents by matrix products: their prices are true, never above the exact one, and near it."""

import numpy as np
import pytest

from convexnn.duality.pricing import price
from convexnn.duality.rough import MAX_ROUGH_ROWS, distinct_starts, rough_maxima
from convexnn.duality.values import evaluate_columns


def data(n, d, c, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal((n, d)) + offset, np.ones(n)])
    dual = rng.standard_normal((n, c))
    return X, dual - dual.mean(axis=0)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_prices_are_true_and_near_the_largest(n_outputs, offset):
    X, dual = data(60, 3, n_outputs, offset)
    directions, outputs, prices = rough_maxima(X, dual, np.zeros((0, 4)), np.random.default_rng(0))
    assert np.allclose(np.linalg.norm(directions, axis=1), 1.0)
    for direction, output, value in zip(directions, outputs, prices, strict=True):
        column = evaluate_columns(X, dual, direction)
        assert np.linalg.norm(column) == pytest.approx(value, rel=1e-9)
        assert np.allclose(column, value * output)
    exact = price(X, dual)
    assert exact.proof == "exact"
    assert 0.9 * exact.value <= prices.max() <= exact.upper_bound * (1 + 1e-9)


def test_long_data_are_seen_by_a_sample():
    X, dual = data(5 * MAX_ROUGH_ROWS, 3, 1)
    dual += 0.5 * np.maximum(X[:, :1], 0.0)
    directions, _, prices = rough_maxima(X.astype(np.float32), dual.astype(np.float32), X[:2], np.random.default_rng(0))
    best = np.argmax(prices)
    true = np.linalg.norm(evaluate_columns(X, dual, directions[best]))
    assert prices[best] == pytest.approx(true, rel=0.2)


def test_no_two_starts_are_alike():
    directions = np.array([[1.0, 0.0], [1.0, 1e-3], [0.0, 1.0], [1.0, 0.0]])
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    outputs, prices = np.array([[1.0], [1.0], [1.0], [-1.0]]), np.array([2.0, 3.0, 1.5, 0.5])
    assert distinct_starts(directions, outputs, prices, 1.0, 10).tolist() == [1, 2]
    assert distinct_starts(directions, outputs, prices, 0.1, 10).tolist() == [1, 2, 3]
    assert distinct_starts(directions, outputs, prices, 1.0, 1).tolist() == [1]
    assert distinct_starts(directions, outputs, prices, 9.0, 10).tolist() == []
