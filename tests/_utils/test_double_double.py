"""Pairs of floats against rational numbers."""

from fractions import Fraction

import numpy as np
import pytest

from convexnn._utils import double_double as dd


def spread(rng, *shape):
    """Normal numbers over sixteen decades."""
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-8, 9, shape)


def exact(pair):
    return Fraction(float(pair[0])) + Fraction(float(pair[1]))


@pytest.mark.parametrize("seed", range(3))
def test_sums_and_products_of_two_numbers_are_exact(seed):
    a, b = spread(np.random.default_rng(seed), 2, 200)
    for operation, pairs in ((Fraction.__add__, dd.two_sum(a, b)), (Fraction.__mul__, dd.two_product(a, b))):
        for x, y, *pair in zip(a, b, *pairs, strict=True):
            assert exact(pair) == operation(Fraction(x), Fraction(y))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 64, 65, 1001])
def test_products_keep_what_cancels(n):
    rng = np.random.default_rng(n)
    high, vector = spread(rng, n, 2), spread(rng, n)
    low = high * 1e-17 * rng.uniform(-1, 1, high.shape)
    found = dd.products((high, low), vector)
    for k in range(2):
        terms = [exact(pair) * Fraction(v) for *pair, v in zip(high[:, k], low[:, k], vector, strict=True)]
        size = float(sum(map(abs, terms), Fraction(0)))
        assert abs(Fraction(float(found[k])) - sum(terms, Fraction(0))) <= 1e-29 * size + 1e-16 * abs(found[k])


def test_relu_sums_are_those_of_rational_numbers():
    rng = np.random.default_rng(0)
    rows, neurons, outputs = spread(rng, 9, 3), spread(rng, 5, 3), spread(rng, 5, 2)
    found = dd.relu_sums(rows, neurons, outputs)
    for i, row in enumerate(rows):
        values = [max(sum(Fraction(x) * Fraction(w) for x, w in zip(row, u, strict=True)), 0) for u in neurons]
        for k in range(2):
            terms = [value * Fraction(a) for value, a in zip(values, outputs[:, k], strict=True)]
            assert abs(exact((found[0][i, k], found[1][i, k])) - sum(terms)) <= 1e-28 * float(sum(map(abs, terms)))


def test_relu_sums_of_no_neurons_are_zero():
    high, low = dd.relu_sums(np.ones((4, 2)), np.zeros((0, 2)), np.zeros((0, 3)))
    assert high.shape == low.shape == (4, 3) and not high.any() and not low.any()
