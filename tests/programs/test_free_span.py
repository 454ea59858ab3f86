"""What the free terms span, against Gram-Schmidt in rational numbers."""

from fractions import Fraction

import numpy as np
import pytest

from convexnn.programs.dependence import is_combination
from convexnn.programs.free_span import free_span

TINY = [2.0**-20, 2.0**-30, 2.0**-40, 2.0**-50]


def fractions(values):
    return [Fraction(value) for value in np.asarray(values, dtype=float).tolist()]


def inner(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def exact_basis(columns):
    """An orthogonal basis of the columns, in rational numbers."""
    basis = []
    for column in map(fractions, columns.T):
        for other in basis:
            share = inner(column, other) / inner(other, other)
            column = [x - share * y for x, y in zip(column, other, strict=True)]
        if any(column):
            basis.append(column)
    return basis


def length_along(columns, vector):
    """Norm of the projection of a vector on the span of the columns."""
    parts = [inner(fractions(vector), b) ** 2 / inner(b, b) for b in exact_basis(columns)]
    return float(sum(parts, Fraction(0))) ** 0.5


def celsius(rng, n):
    return np.round(20 + 8 * rng.standard_normal(n), 1)


def columns_of(kind, seed):
    """Columns of free terms, of 3 to 8 rows."""
    rng = np.random.default_rng(seed)
    n, ones = int(rng.integers(3, 9)), None
    ones, c = np.ones(n), celsius(rng, n)
    if kind == "two temperature scales":
        return np.column_stack([c, 1.8 * c + 32, ones])
    if kind == "nearly constant":
        return np.column_stack([ones, 1 + TINY[seed % 4] * rng.integers(-3, 4, n)])
    if kind == "multiples":
        x = rng.standard_normal(n)
        return np.column_stack([x, 3 * x, -0.5 * x, ones])
    if kind == "one-hot":
        return np.column_stack([np.eye(3)[rng.integers(0, 3, n)], ones])
    if kind == "standardised one-hot":
        dummies = np.eye(3)[np.append(np.arange(3), rng.integers(0, 3, n))]
        return np.column_stack([(dummies - dummies.mean(axis=0)) / dummies.std(axis=0), np.ones(n + 3)])
    if kind == "far from the origin":
        return np.column_stack([1e-9 * rng.standard_normal((n, 3)) + rng.standard_normal(3) * 10.0 ** (seed % 9), ones])
    if kind == "relations of relations":
        f = 1.8 * c + 32
        return np.column_stack([c, f, 2 * c, 2 * f - c, ones])
    if kind == "two constants":
        return np.column_stack([0.1 * ones, 0.3 * ones, rng.standard_normal(n)])
    return rng.standard_normal((n, int(rng.integers(1, n + 2)))) * 10.0 ** rng.integers(-100, 100)


KINDS = [
    "two temperature scales", "nearly constant", "multiples", "one-hot", "standardised one-hot", "far from the origin",
    "relations of relations", "two constants", "any",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS)
def test_orthogonal_points_are_those_of_rational_numbers(kind, seed):
    columns = columns_of(kind, seed)
    n = len(columns)
    span, nu = free_span(columns, np.ones(n)), np.random.default_rng(seed).standard_normal(n)
    assert span.is_known and span.rank == len(exact_basis(columns))
    found, leak = (part[:, 0] for part in span.orthogonal(nu[:, None], np.ones(n)))
    assert length_along(columns, found) <= leak.max() * (1 + 1e-9)
    assert leak.max() <= 1e-9
    np.testing.assert_allclose(np.linalg.norm(nu - found), length_along(columns, nu), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_metric_says_which_entries_move(kind):
    columns = columns_of(kind, 3)
    n = len(columns)
    room = np.where(np.arange(n) < n // 2, 0.0, 10.0 ** np.random.default_rng(0).uniform(-3, 3, n))
    nu = np.random.default_rng(1).standard_normal(n)
    found, leak = (part[:, 0] for part in free_span(columns, np.ones(n)).orthogonal(nu[:, None], room))
    if np.any(found):  # too few entries with room: zero is always orthogonal
        assert np.array_equal(found[room == 0], nu[room == 0]) and not leak[room == 0].any()
        assert length_along(columns, found) <= 1e-9 * np.linalg.norm(found)


def test_a_span_of_everything_leaves_zero():
    span = free_span(np.eye(3) + 1e-13, np.ones(3))
    assert not span.orthogonal(np.ones((3, 1)), np.ones(3))[0].any()


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_the_size_of_the_dual_point_does_not_matter(scale):
    columns = columns_of("two temperature scales", 0)
    n = len(columns)
    span, nu = free_span(columns, np.ones(n)), np.random.default_rng(0).standard_normal((n, 1))
    found, leak = span.orthogonal(scale * nu, np.ones(n))
    expected, expected_leak = span.orthogonal(nu, np.ones(n))
    np.testing.assert_allclose(found, scale * expected, rtol=1e-12)
    assert leak.max() < 1e3 * scale * expected_leak.max() + 1e-300


def test_a_combination_is_one_to_the_last_bit():
    rng = np.random.default_rng(0)
    others = rng.integers(-9, 10, (40, 3)).astype(float)
    column = others @ np.array([2.0, 0.0, -0.25])
    assert is_combination(column, others, np.array([2.0, 0.0, -0.25]))
    column[7] = np.nextafter(column[7], np.inf)
    assert not is_combination(column, others, np.array([2.0, 0.0, -0.25]))


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-150, 1.0, 1e150])
def test_points_of_an_intercept_add_up_to_zero_exactly(scale):
    rng = np.random.default_rng(0)
    nu, ones = scale * rng.standard_normal((200, 2)), np.full((200, 1), 3.0)
    found, leak = free_span(ones, np.ones(200)).orthogonal(nu, rng.uniform(size=200))
    assert not leak.any() and all(sum(fractions(column)) == 0 for column in found.T)
    np.testing.assert_allclose(found, nu - nu.mean(axis=0), atol=3 * scale)
