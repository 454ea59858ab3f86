"""Ascents and descents: their gradients, and that they climb."""

import numpy as np
import pytest

from convexnn.deep.ascents import NetworkObjective, climb, find_parts
from convexnn.deep.climbing import climb_price, evaluate_price
from tests.deep.reference import attained_price, objective_and_gradient


def problem(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n), rng


@pytest.mark.mostly_slow
@pytest.mark.parametrize(("seed", "width"), [(0, 1), (1, 3), (2, 5)])
def test_price_and_its_gradient(seed, width):
    X, nu, rng = problem(seed, 9, 3)
    weights, gradient, unused = rng.standard_normal(4 * width), np.empty(4 * width), np.empty(4 * width)
    value = evaluate_price(weights, X, nu, width, gradient)
    attained = attained_price(X, nu, weights[: 3 * width].reshape(width, 3), weights[3 * width :])
    assert abs(value) == pytest.approx(attained, rel=1e-12)
    for k in range(len(weights)):
        step = 1e-6 * np.eye(len(weights))[k]
        ends = [evaluate_price(weights + sign * step, X, nu, width, unused) for sign in (1, -1)]
        assert gradient[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_network_objective_is_the_references():
    X, y, rng = problem(0, 8, 3)
    shape = 4, 2, 3
    flat = rng.standard_normal(4 * 2 * 3 + 4 * 2 + 4)
    value, gradient = NetworkObjective(X, y, 0.3, 4, 2, lambda: False)(flat)
    expected = objective_and_gradient(flat, X, y, 0.3, shape)
    assert value == pytest.approx(expected[0], rel=1e-13)
    assert gradient == pytest.approx(expected[1], rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_climbs_never_fall_and_end_at_a_maximum(seed):
    X, nu, rng = problem(seed, 10, 3)
    weights, values = rng.standard_normal(16), []
    for _ in range(40):
        values.append(climb_price(weights, X, nu, 4, 5))
    assert np.all(np.diff(values) >= -1e-12) and values[-1] > 0.5
    near = [weights + 1e-4 * rng.standard_normal(len(weights)) for _ in range(200)]
    assert max(evaluate_price(other, X, nu, 4, np.empty_like(other)) for other in near) <= values[-1] * (1 + 1e-4)


def test_found_parts_have_mass_one_and_their_price():
    X, nu, rng = problem(3, 10, 3)
    parts, prices = find_parts(X, nu, [], 4, rng, lambda: False)
    assert np.all(np.diff(prices) <= 0)
    for part, price in zip(parts, prices, strict=True):
        hidden = np.maximum(X @ part.neurons.T, 0) @ part.signs
        assert part.output_sign * np.maximum(hidden, 0) == pytest.approx(part.fit, abs=1e-12)
        assert np.linalg.norm(part.neurons, axis=1).sum() == pytest.approx(1, rel=1e-12)
        assert price == pytest.approx(nu @ part.fit, rel=1e-12)


def test_a_start_that_is_zero_on_the_data_is_no_part():
    assert climb(np.ones((3, 1)), -np.ones(3), (-np.ones((1, 1)), np.ones(1)), 10) is None
