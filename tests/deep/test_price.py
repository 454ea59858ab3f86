"""The price over sub-networks: between what ascents find and what a second formula bounds."""

import numpy as np
import pytest

from convexnn import price
from convexnn.deep import price_three_layer
from convexnn.deep.cells import make_cells
from convexnn.deep.program import ConicForm
from tests.deep.reference import attained_price, best_price


def problem(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


def minimax_price(X, nu):
    """The price over sub-networks of any width, by a formula without patterns of patterns [derived].

    The sums z of a first layer are the hull of the signed two-layer neurons, a convex set. With S a set of rows of
    positive nu and weights w in [0, 1] for the negative ones, ``nu^T z_+ = max_S min_w (nu_S - w nu_N)^T z``; swapping
    the inner minimum with the maximum over z leaves a two-layer price to be minimised over w, which is convex.
    """
    best = 0.0
    for signed in (nu, -nu):
        positive, negative = np.flatnonzero(signed > 0), np.flatnonzero(signed < 0)
        for subset in range(2 ** len(positive)):
            kept = np.zeros(len(nu))
            kept[[row for k, row in enumerate(positive) if subset >> k & 1]] = 1.0

            def two_layer(weights, kept=kept, negative=negative, signed=signed):
                factors = kept.copy()
                factors[negative] = weights
                found = price(X, factors * signed, proof="exact")
                gradient = found.sign * np.maximum(X @ found.direction, 0) * signed
                return found.value, gradient[negative]

            best = max(best, least(two_layer, len(negative), best))
    return best


def least(function, n, floor):
    """Minimise a convex function over [0, 1]^n by cutting planes, or stop where it falls to `floor`."""
    import cvxpy as cp

    weights, cuts, lowest = np.full(n, 0.5), [], np.inf
    if n == 0:
        return function(weights)[0]
    for _ in range(200):
        value, gradient = function(weights)
        lowest = min(lowest, value)
        cuts.append((value - gradient @ weights, gradient))
        w, t = cp.Variable(n), cp.Variable()
        model = cp.Problem(cp.Minimize(t), [w >= 0, w <= 1, *(offset + slope @ w <= t for offset, slope in cuts)])
        model.solve(solver="CLARABEL")
        if lowest <= floor or lowest - t.value <= 1e-7:
            break
        weights = np.clip(w.value, 0, 1)
    return lowest


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 3, 2), (1, 4, 2), (2, 4, 2), (3, 4, 3)])
def test_any_width_against_the_minimax_formula(seed, n, d):
    X, nu = problem(seed, n, d)
    found = price_three_layer(X, nu)
    assert found.upper_bound == pytest.approx(minimax_price(X, nu), rel=1e-5)
    assert found.value == pytest.approx(found.upper_bound, rel=1e-8)


@pytest.mark.parametrize("n_hidden", [1, 2, None])
@pytest.mark.parametrize(("seed", "n", "d"), [(0, 4, 2), (1, 5, 2), (2, 5, 2), (3, 4, 3)])
def test_ascents_reach_the_bound_and_never_pass_it(seed, n, d, n_hidden):
    X, nu = problem(seed, n, d)
    found = price_three_layer(X, nu, n_hidden=n_hidden)
    ascended, _, _ = best_price(X, nu, n_hidden or n, range(10))
    assert found.upper_bound * (1 - 1e-4) <= ascended <= found.upper_bound * (1 + 1e-12)


@pytest.mark.parametrize("n_hidden", [1, 2, None])
def test_the_network_attains_the_value_with_unit_layers(n_hidden):
    X, nu = problem(1, 5, 2)
    found = price_three_layer(X, nu, n_hidden=n_hidden)
    network = found.network
    W, w = network.first_weights[0], network.second_weights[0]
    sizes = [np.linalg.norm(W), np.linalg.norm(w), abs(network.output_weights[0])]
    assert sizes == pytest.approx([1, 1, 1], rel=1e-12)
    assert nu @ network.predict(X) == pytest.approx(found.value, rel=1e-12)
    assert attained_price(X, nu, W, w) == pytest.approx(found.value, rel=1e-12)
    assert found.value == pytest.approx(found.upper_bound, rel=1e-8)


def test_one_neuron_is_the_two_layer_price():
    X, nu = problem(4, 6, 3)
    two = price(X, nu, proof="exact").value
    assert price_three_layer(X, nu, n_hidden=1).upper_bound == pytest.approx(two, rel=1e-6)
    assert price_three_layer(X, nu).upper_bound >= two * (1 - 1e-6)


def test_scales_signs_and_zeros():
    X, nu = problem(1, 4, 2)
    size = price_three_layer(X, nu).upper_bound
    assert price_three_layer(X, -nu).upper_bound == pytest.approx(size, rel=1e-8)
    assert price_three_layer(3e5 * X, 1e-9 * nu).upper_bound == pytest.approx(3e-4 * size, rel=1e-8)
    for zero in (price_three_layer(X, 0 * nu), price_three_layer(0 * X, nu)):
        assert zero.value == zero.upper_bound == 0 and zero.network.n_subnetworks == 0


def test_any_multipliers_prove_a_bound():
    X, nu = problem(1, 5, 2)
    form, size = ConicForm(make_cells(X, 2, 10**6)), price_three_layer(X, nu, n_hidden=2).upper_bound
    rng = np.random.default_rng(0)
    for scale in (0.0, 0.01, 0.1, 1.0):
        bounds = []
        for sign in (1.0, -1.0):
            multipliers = scale * rng.standard_normal(form.cones.shape[0])
            bounds.append(np.linalg.norm(form.slopes(sign * nu, multipliers), axis=1).max())
        assert max(bounds) >= size * (1 - 1e-9)
