"""Prices of rows that are nearly parallel, in exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from convexnn import price
from convexnn.duality.common_line import BALL_GROWTH, common_line, exact_outputs
from convexnn.duality.pricing import search_price
from convexnn.duality.scalar_price import price_rows

TOLERANCE = 1e-7
SIZES = [1e4, 1e6, 1e8, 1e10, 1e12, 1e13, 1e14, 1e16]


def exact_value(X, dual_point, direction):
    """``||N^T (X u)_+|| / ||u||`` in rationals, but for the two roots."""
    direction, total = [Fraction(entry) for entry in direction], [Fraction(0)] * dual_point.shape[1]
    for row, entries in zip(X.tolist(), dual_point.tolist(), strict=True):
        z = max(Fraction(0), sum(Fraction(a) * b for a, b in zip(row, direction, strict=True)))
        total = [before + Fraction(entry) * z for before, entry in zip(total, entries, strict=True)]
    squares = sum(entry * entry for entry in total) / sum(entry * entry for entry in direction)
    return float(squares) ** 0.5


def directions_across(X, rng, n=300):
    """Directions nearly orthogonal to some row: there the sides change."""
    rows = X[rng.integers(0, len(X), n)].astype(np.longdouble)
    free = rng.standard_normal(rows.shape)
    sizes = np.maximum((rows**2).sum(axis=1), 1e-300)[:, None]
    across = free - rows * (rows * free).sum(axis=1)[:, None] / sizes
    tilted = across + 10.0 ** rng.uniform(-17, 0, (n, 1)) * rng.standard_normal((n, 1)) * rows / np.sqrt(sizes)
    found = np.vstack([across, tilted, free]).astype(float)
    return found[np.linalg.norm(found, axis=1) > 1e-9]


def largest_seen(X, dual_point, rng):
    """The exact value at the best of many directions, chosen in extended precision."""
    directions = directions_across(X, rng)
    outputs = dual_point.T @ np.maximum(X.astype(np.longdouble) @ directions.T, 0.0)
    sizes = np.sqrt((outputs**2).sum(axis=0)) / np.linalg.norm(directions, axis=1)
    return exact_value(X, dual_point, directions[int(np.argmax(sizes))])


def check(X, dual_point, rng):
    """Everything that a price says is true; return it."""
    found = search_price(X, dual_point, proof="auto")
    if found.value > 0.0:
        assert found.value == pytest.approx(exact_value(X, dual_point, found.direction), rel=1e-9)
    assert largest_seen(X, dual_point, rng) <= found.upper_bound * (1 + 1e-13)
    assert (found.proof == "exact") == (found.upper_bound <= (1 + TOLERANCE) * found.value)
    return found


@pytest.mark.parametrize("size", SIZES)
def test_constant_columns_leave_the_price_exact(size):
    X = np.array([[-0.9, size], [0.7, size], [0.8, size], [-1.1, size]])
    found = check(X, np.array([[-1.0], [1.0], [0.5], [-0.5]]), np.random.default_rng(0))
    assert found.proof == "exact" and found.value == pytest.approx(2.55, rel=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_identifiers_beside_features_leave_the_price_exact(size):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 30))
    X = np.column_stack([a, b, size + np.arange(30), np.ones(30)])
    nu = np.round(64 * rng.standard_normal(30)) / 64
    nu[-1] -= nu.sum()
    assert check(X, nu[:, None], rng).proof == "exact"


def offset(X, size, rng):
    return X + size * rng.standard_normal(X.shape[1])


def signed(X, size, rng):
    return np.column_stack([X, size * rng.choice([-1.0, 1.0], len(X))])


def of_many_sizes(X, size, rng):
    return np.column_stack([X, size * rng.uniform(1.0, 3.0, len(X))])


def with_a_zero_row(X, size, rng):
    return np.vstack([np.column_stack([X, np.full(len(X), size)]), np.zeros(X.shape[1] + 1)])


def on_one_line(X, size, rng):
    return np.outer(rng.standard_normal(len(X)), X[0]) * (1.0 + X / size)


def twice_constant(X, size, rng):
    return np.column_stack([X, np.full(len(X), size), np.full(len(X), size / 3.0)])


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("make", [offset, signed, of_many_sizes, with_a_zero_row, on_one_line, twice_constant])
@pytest.mark.parametrize("size", [1e3, 1e7, 1e11, 1e15])
@pytest.mark.parametrize("seed", range(3))
def test_what_a_price_says_is_true(size, make, n_outputs, seed):
    rng = np.random.default_rng(seed)
    X = make(rng.standard_normal((int(rng.integers(3, 9)), 2)), size, rng)
    dual_point = rng.standard_normal((len(X), n_outputs))
    if seed:
        dual_point -= dual_point.mean(axis=0)
    check(X, dual_point, rng)


def test_equal_rows_are_one_line():
    X = np.tile([1e14, 1e14 / 3, 0.1], (9, 1))
    nu = np.random.default_rng(0).standard_normal(9)
    check(X, (nu - nu.mean())[:, None], np.random.default_rng(1))


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_rows_that_cancel_have_the_price_zero_by_construction(factor):
    row = np.array([0.25, 0.75, 1e13])
    found = price(np.vstack([row, factor * row]), [factor, -1.0])
    assert (found.value, found.upper_bound, found.proof) == (0.0, 0.0, "exact")


def test_rows_that_nearly_cancel_are_not_called_zero():
    row = np.array([0.25, 0.75])
    found = price(np.vstack([row, row]), [1.0, -1.0 - 2**-52])
    assert found.proof == "bound" and found.upper_bound >= 2**-52 * np.linalg.norm(row)


def test_ordinary_rows_are_not_stretched():
    X = np.column_stack([np.random.default_rng(0).standard_normal((40, 2)), np.full(40, 1000.0)])
    units, _ = price_rows(X)
    assert common_line(X, units, np.ones(40, bool)) is None


def test_stretched_directions_stay_in_the_ball_and_cover_it():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal((20, 2)), np.full(20, 1e9)])
    line = common_line(X, price_rows(X)[0], np.ones(20, bool))
    there, back = line.stretched(np.eye(3), 1.0 / line.stretch), line.stretched(np.eye(3), line.stretch)
    np.testing.assert_allclose(there @ back, np.eye(3), atol=1e-12)
    points = rng.standard_normal((50, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    assert np.all(np.linalg.norm(points @ there.T, axis=1) <= 1.0 + 1e-14)
    np.testing.assert_allclose(X @ (points @ there.T).T, line.rows @ points.T, rtol=1e-9, atol=1e-6)
    across = directions_across(X, rng)[:300]
    across /= np.linalg.norm(across, axis=1)[:, None]
    assert np.all(np.linalg.norm(across @ back.T, axis=1) <= BALL_GROWTH * (1.0 + 1e-12))


def test_outputs_are_exact_where_large_columns_cancel():
    rng = np.random.default_rng(0)
    X, dual_point = rng.standard_normal((6, 3)) + 1e12, rng.standard_normal((6, 1))
    direction = np.array([1.0, -0.5, -0.5 + 2**-40])
    found = np.linalg.norm(exact_outputs(X, dual_point, direction)) / np.linalg.norm(direction)
    assert found == pytest.approx(exact_value(X, dual_point, direction), rel=1e-12)


def test_antipodal_rows_leave_a_linear_function():
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found = check(X, np.array([[1.0, 0.5], [-1.0, -0.5], [0.0, 2.0], [0.0, -2.0]]), np.random.default_rng(0))
    largest = np.linalg.svd([[1.0, 0.5], [0.0, 2.0]])[1][0]
    assert found.proof == "exact" and found.value == pytest.approx(largest, rel=1e-12)
