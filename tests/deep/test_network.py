"""The three-layer network: values, penalty, balanced form and the moves that change neither."""

import copy
import pickle

import numpy as np
import pytest

from convexnn import InvalidInputError, TwoLayerReLU
from convexnn.deep import ThreeLayerReLU

rng = np.random.default_rng(0)
X = rng.standard_normal((7, 3))
y = rng.standard_normal(7)
NETWORK = ThreeLayerReLU(rng.standard_normal((4, 2, 3)), rng.standard_normal((4, 2)), rng.standard_normal(4))


def penalty(network, beta):
    parts = zip(network.first_weights, network.second_weights, network.output_weights, strict=True)
    return beta / 3 * sum(np.linalg.norm(W) ** 3 + np.linalg.norm(w) ** 3 + abs(a) ** 3 for W, w, a in parts)


def test_values_one_by_one():
    for x, value in zip(X, NETWORK.predict(X), strict=True):
        expected = 0.0
        for k in range(4):
            inner = sum(NETWORK.second_weights[k, j] * max(NETWORK.first_weights[k, j] @ x, 0) for j in range(2))
            expected += NETWORK.output_weights[k] * max(inner, 0)
        assert value == pytest.approx(expected, rel=1e-13, abs=1e-14)


def test_objective_is_the_sum_of_cubes():
    expected = 0.5 * np.sum((y - NETWORK.predict(X)) ** 2) + penalty(NETWORK, 0.3)
    assert NETWORK.objective(X, y, 0.3) == pytest.approx(expected, rel=1e-13)


def test_balanced_keeps_the_values_at_the_smallest_penalty():
    balanced = NETWORK.balanced()
    assert balanced.predict(X) == pytest.approx(NETWORK.predict(X), rel=1e-12)
    assert balanced.masses == pytest.approx(NETWORK.masses, rel=1e-12)
    assert penalty(balanced, 0.3) == pytest.approx(0.3 * NETWORK.masses.sum(), rel=1e-12)
    for W, w, a in zip(balanced.first_weights, balanced.second_weights, balanced.output_weights, strict=True):
        assert np.linalg.norm(W) == pytest.approx(abs(a)) and np.linalg.norm(w) == pytest.approx(abs(a))
    # No other scaling of the layers and of the neurons, which keep the values too, is cheaper.
    for _ in range(200):
        scale, inner = np.exp(rng.standard_normal((2, 4, 1))), np.exp(rng.standard_normal((4, 2)))
        other = ThreeLayerReLU(
            balanced.first_weights * (scale[0] * inner)[:, :, None],
            balanced.second_weights * scale[1] / inner,
            balanced.output_weights / (scale[0] * scale[1])[:, 0],
        )
        assert other.predict(X) == pytest.approx(NETWORK.predict(X), rel=1e-10)
        assert penalty(other, 0.3) > penalty(balanced, 0.3)


def test_equal_neurons_and_equal_subnetworks_cost_what_one_costs():
    first, second = NETWORK.first_weights, NETWORK.second_weights
    wider = ThreeLayerReLU(
        np.concatenate([first, first[:, :1]], axis=1),
        np.hstack([0.3 * second[:, :1], second[:, 1:], 0.7 * second[:, :1]]),
        NETWORK.output_weights,
    )
    twice = ThreeLayerReLU(
        np.concatenate([first, first[:1]]),
        np.concatenate([second, second[:1]]),
        np.append(NETWORK.output_weights, 0.25 * NETWORK.output_weights[0]) * [0.75, 1, 1, 1, 1],
    )
    for other in (wider, twice):
        assert other.predict(X) == pytest.approx(NETWORK.predict(X), rel=1e-12)
        assert other.balanced().penalty(1.0) == pytest.approx(NETWORK.balanced().penalty(1.0), rel=1e-12)


def test_neurons_without_mass_become_zero():
    network = ThreeLayerReLU([[[1.0], [2.0]], [[0.0], [0.0]]], [[0.0, 3.0], [1.0, 1.0]], [1.0, 1.0]).balanced()
    assert network.first_weights[0, 0] == 0 and not network.first_weights[1].any() and network.output_weights[1] == 0
    assert network.predict([[1.0], [-1.0]]) == pytest.approx([6.0, 0.0])
    assert network.directions.tolist() == [[1.0]]


def test_a_two_layer_network_is_a_three_layer_one():
    two = TwoLayerReLU(rng.standard_normal((5, 3)), rng.standard_normal(5))
    three = ThreeLayerReLU.from_two_layer(two)
    assert three.predict(X) == pytest.approx(two.predict(X), rel=1e-12)
    assert three.penalty(0.7) == pytest.approx(two.balanced().penalty(0.7), rel=1e-12)
    for extra in ({"intercept": 0.0}, {"hidden_bias": np.zeros(5)}, {"skip_weights": np.zeros(3)}):
        with pytest.raises(InvalidInputError, match="no hidden bias and no free terms"):
            ThreeLayerReLU.from_two_layer(TwoLayerReLU(two.hidden_weights, two.output_weights, **extra))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([[1.0]], [[1.0]], [1.0]), "first_weights"),
        (([[[1.0]]], [[1.0, 2.0]], [1.0]), "second_weights"),
        (([[[1.0]]], [[1.0]], [1.0, 2.0]), "output_weights"),
        (([[[np.nan]]], [[1.0]], [1.0]), "first_weights"),
        (([[["a"]]], [[1.0]], [1.0]), "first_weights"),
    ],
)
def test_bad_weights_are_refused_by_name(arguments, name):
    with pytest.raises(InvalidInputError, match=name):
        ThreeLayerReLU(*arguments)


def test_bad_data_are_refused():
    with pytest.raises(InvalidInputError, match="3 columns"):
        NETWORK.predict(X[:, :2])
    with pytest.raises(InvalidInputError, match="shape"):
        NETWORK.objective(X, y[:3], 0.1)
    with pytest.raises(InvalidInputError, match="beta"):
        NETWORK.objective(X, y, 0)


@pytest.mark.parametrize("copied", [copy.deepcopy(NETWORK), pickle.loads(pickle.dumps(NETWORK))])
def test_networks_stay_frozen(copied):
    with pytest.raises(ValueError, match="read-only"):
        copied.first_weights[0] = 0
    assert np.array_equal(copied.predict(X), NETWORK.predict(X))
