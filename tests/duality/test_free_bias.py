"""The price of a free bias against brute force over kinks and patterns, and the bounds it leads to."""

import numpy as np
import pytest

from convexnn._utils.clock import now
from convexnn.duality import free_bias
from convexnn.duality.free_bias import MIN_CENTRES, free_bias_price
from convexnn.programs.free_bias import free_bias_leak

from ..checks import brute_force_price


def centred_normal(rng, n):
    """Return a random vector of sum zero."""
    nu = rng.normal(size=n)
    return nu - nu.mean()


def kink_prices(X, nu):
    """Return the largest price of ``X - x_i`` over all rows, pattern by pattern."""
    return max(brute_force_price(X - row, nu) for row in X)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "d"), [(9, 1), (7, 2), (5, 3)])
def test_price_is_the_largest_over_kinks(n, d, seed):
    rng = np.random.default_rng(seed)
    X, nu = rng.normal(size=(n, d)) + 5.0 * seed, centred_normal(rng, n)
    found = free_bias_price(X, nu, proof="exact")
    wanted = kink_prices(X, nu)
    assert found.proof == "exact"
    assert found.value == pytest.approx(wanted, rel=1e-9)
    assert wanted <= found.upper_bound <= wanted * (1 + 2e-7)


def test_no_bias_reaches_more_than_the_price():
    rng = np.random.default_rng(0)
    X, nu = rng.normal(size=(9, 2)), centred_normal(rng, 9)
    found = free_bias_price(X, nu, proof="exact")
    weights = rng.normal(size=(3000, 2))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    biases = np.concatenate([rng.normal(size=2000), 100.0 * rng.normal(size=1000)])
    values = np.abs(nu @ np.maximum(X @ weights.T + biases, 0.0))
    assert values.max() <= found.upper_bound
    assert values.max() > 0.8 * found.value


@pytest.mark.parametrize("d", [1, 2])
def test_price_is_reached_at_its_direction(d):
    rng = np.random.default_rng(d)
    X, nu = rng.normal(size=(8, d)), centred_normal(rng, 8)
    found = free_bias_price(X, nu, proof="auto")
    weights, bias = found.direction[:-1], found.direction[-1]
    assert np.linalg.norm(weights) == pytest.approx(1.0, rel=1e-12)
    assert found.sign * (nu @ np.maximum(X @ weights + bias, 0.0)) == pytest.approx(found.value, rel=1e-12)
    for direction, sign, value in zip(found.local_directions, found.local_signs, found.local_values, strict=True):
        reached = sign * (nu @ np.maximum(X @ direction[:-1] + direction[-1], 0.0))
        assert reached == pytest.approx(value, abs=1e-9 * found.value)


@pytest.mark.parametrize("d", [1, 2])
def test_price_of_shifted_scaled_doubled_rows(d):
    rng = np.random.default_rng(3)
    X, nu = rng.normal(size=(6, d)), centred_normal(rng, 6)
    price = free_bias_price(X, nu, proof="exact").value
    shifted = free_bias_price(4.0 * X + 16.0, nu, proof="exact").value
    doubled = free_bias_price(np.vstack([X, X])[::-1], np.r_[nu, nu][::-1] / 2, proof="exact").value
    assert shifted == pytest.approx(4.0 * price, rel=1e-9)
    assert doubled == pytest.approx(price, rel=1e-9)


@pytest.mark.parametrize("case", ["grid", "collinear", "equal rows", "zero entries"])
def test_price_of_degenerate_rows(case):
    rng = np.random.default_rng(1)
    X, nu = rng.integers(0, 2, size=(8, 2)).astype(float), rng.integers(-2, 3, size=8).astype(float)
    if case == "collinear":
        X = np.outer(np.arange(8.0), [1.0, 2.0])
    if case == "equal rows":
        X = np.ones((8, 2))
    nu[0] -= nu.sum()
    if case == "zero entries":
        nu[1:5] = 0.0
        nu[0] -= nu.sum()
    found = free_bias_price(X, nu, proof="exact")
    wanted = kink_prices(X, nu)
    assert found.value == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert wanted - 1e-12 <= found.upper_bound <= wanted * (1 + 2e-7) + 1e-12


def test_price_of_a_zero_dual_point():
    found = free_bias_price(np.arange(6.0).reshape(3, 2), np.zeros(3), proof="auto")
    assert (found.value, found.upper_bound, found.proof) == (0.0, 0.0, "exact")
    assert found.local_directions.shape == (0, 3)


@pytest.mark.parametrize("seed", range(3))
def test_leak_bounds_what_a_sum_can_add(seed):
    rng = np.random.default_rng(seed)
    X, exact = rng.normal(size=(6, 2)), centred_normal(rng, 6)
    exact[0], exact[1] = 0.0, exact[1] + exact[0]
    leak = 1e-2 * rng.random(6)
    near = exact + leak * rng.choice([-1.0, 1.0], size=6)
    near[0] = 0.0  # no kink is looked at there
    bound = free_bias_price(X, near, proof="exact").upper_bound + free_bias_leak(X, leak)
    assert kink_prices(X, exact) <= bound


def rows_of(kind, rng, n=40, d=2):
    X = rng.normal(size=(n, d))
    return {
        "plain": X,
        "shifted": X + 1e3,
        "scaled": 1e-6 * X,
        "duplicated": np.vstack([X[: n // 2]] * 2),
        "line": X[:, :1] * np.ones(d),
    }[kind]


@pytest.mark.parametrize("kind", ["plain", "shifted", "scaled", "duplicated", "line"])
@pytest.mark.parametrize("proof", ["auto", "heuristic"])
def test_a_price_whose_time_is_over_ends_and_is_still_bounded(monkeypatch, kind, proof):
    """Around a few rows it searches, and what it says of the others is true."""
    rng, searched = np.random.default_rng(0), []
    X = rows_of(kind, rng)
    nu = centred_normal(rng, len(X))
    whole = free_bias_price(X, nu, proof="exact")
    search = free_bias.search_price
    monkeypatch.setattr(free_bias, "search_price", lambda *a, **k: searched.append(None) or search(*a, **k))
    found = free_bias_price(X, nu, proof=proof, deadline=now())
    assert len(searched) == MIN_CENTRES < len(np.unique(X, axis=0))
    assert found.proof == ("bound" if proof == "auto" else "heuristic")
    assert 0.0 < found.value <= whole.upper_bound and found.upper_bound >= whole.value * (1 - 1e-12)


def test_bound_without_a_search_is_one_around_every_row():
    rng = np.random.default_rng(1)
    X, nu = rng.normal(size=(7, 2)) + 10.0, centred_normal(rng, 7)
    for row in X:
        bound = free_bias._bound_without_search(X, nu, row[None])
        assert brute_force_price(X - row, nu) <= bound <= np.abs(nu).sum() * 4.0 * np.ptp(X)
