"""The checks themselves: a reference that is wrong would hide every error."""

from math import comb
from types import SimpleNamespace

import numpy as np
import pytest

from convexnn.network import TwoLayerReLU

from ..checks import (
    all_patterns_by_lp,
    augment,
    brute_force,
    brute_force_price,
    check_certificate,
    count_by_ranks,
    pattern_prices,
    sampled_price,
)
from ..zoo import clarke_trap, degenerate_designs, known_optima, random_problem, two_rows

knowns = pytest.mark.parametrize("known", known_optima(), ids=str)


@pytest.mark.parametrize("shape", [(1, 1), (4, 1), (6, 2), (6, 3), (5, 4), (3, 5)])
def test_number_of_patterns_in_general_position(shape):
    X, _ = random_problem(*shape)
    rank = min(shape)
    assert len(all_patterns_by_lp(X)) == 2 * sum(comb(shape[0] - 1, k) for k in range(rank))


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", degenerate_designs())
@pytest.mark.parametrize("hidden_bias", [False, True])
def test_patterns_contain_every_sampled_one(name, hidden_bias):
    design = augment(degenerate_designs()[name], hidden_bias)
    gates = np.random.default_rng(0).standard_normal((design.shape[1], 5000))
    values = design @ gates
    nonzero = np.any(design != 0, axis=1)
    clear = np.all(np.abs(values[nonzero]) > 1e-12, axis=0)
    sampled = {tuple(mask) for mask in (values[:, clear] >= 0).T}
    found = {tuple(mask) for mask in all_patterns_by_lp(design)}
    assert sampled <= found
    assert len(found) == count_by_ranks(design)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", ["general", *degenerate_designs()])
def test_the_price_lies_just_above_dense_samples(name):
    X = random_problem(7, 3)[0] if name == "general" else degenerate_designs()[name]
    nu = np.random.default_rng(1).standard_normal(len(X))
    values, directions, signs = pattern_prices(X, nu)
    price, sampled = brute_force_price(X, nu), sampled_price(X, nu)
    assert sampled <= price * (1 + 1e-12) <= sampled * 1.02 + 1e-300
    reached = signs * (nu @ np.maximum(X @ directions.T, 0.0))
    np.testing.assert_allclose(reached, values, atol=1e-9)


@knowns
def test_price_of_the_known_dual_points(known):
    expected = min(known.beta, known.beta_max)
    assert brute_force_price(known.X, known.dual_point) == pytest.approx(expected, rel=1e-12)
    assert brute_force_price(known.X, known.y) == pytest.approx(known.beta_max, rel=1e-12)


@knowns
def test_known_optima_are_consistent(known):
    nu = known.dual_point
    assert nu @ known.y - nu @ nu / 2 == pytest.approx(known.value, rel=1e-12)
    np.testing.assert_allclose(known.y - nu, known.fit, atol=1e-12)
    if len(known.signs):
        reached = known.signs * (nu @ np.maximum(known.X @ known.directions.T, 0.0))
        np.testing.assert_allclose(reached, known.beta, rtol=1e-12)


@knowns
def test_brute_force_finds_the_known_value(known):
    found = brute_force(known.X, known.y, known.beta)
    assert found.value == pytest.approx(known.value, rel=1e-9)
    assert found.lower == pytest.approx(known.value, rel=1e-9)
    assert found.lower <= found.value * (1 + 1e-12)


def test_brute_force_finds_the_value_of_the_trap():
    known = clarke_trap()
    found = brute_force(known.X, known.y, known.beta)
    assert found.value == pytest.approx(known.value, abs=5e-7)
    assert TwoLayerReLU([[1.0, 0.0]], [1.0]).objective(known.X, known.y, known.beta) == pytest.approx(0.125)


def certificate_of(nu, primal, dual, **changes):
    gap = primal - dual
    values = {"dual_point": nu, "primal": primal, "dual": dual, "gap": gap, "relative_gap": gap / primal}
    return SimpleNamespace(**{**values, "rounding": 0.0, "proof": "exact", **changes})


def test_a_true_certificate_passes_and_each_lie_is_found():
    known = two_rows(0.1)
    network = TwoLayerReLU([[0.0, 1.0]], [1.0])
    primal, nu = 0.1, known.dual_point
    check_certificate(certificate_of(nu, primal, known.value), network, known.X, known.y, known.beta)
    lies = [
        certificate_of(nu, 0.0999, known.value),
        certificate_of(nu, primal, 0.0999),
        certificate_of(1.01 * nu, primal, 1.01 * nu @ known.y - 1.01**2 * nu @ nu / 2),
        certificate_of(nu, primal, known.value, gap=0.0),
        certificate_of(nu, primal, known.value, relative_gap=0.0),
        certificate_of(nu, primal, known.value, proof="maybe"),
    ]
    for lie in lies:
        with pytest.raises(AssertionError):
            check_certificate(lie, network, known.X, known.y, known.beta)
    with_intercept = TwoLayerReLU([[0.0, 1.0]], [1.0], intercept=0.0)
    with pytest.raises(AssertionError):  # The sum of nu must vanish when there is an intercept.
        check_certificate(certificate_of(nu, primal, known.value), with_intercept, known.X, known.y, known.beta)
