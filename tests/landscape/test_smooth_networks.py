"""Networks of smooth units: derivatives against differences, the tangent kernel against its limit, bad input."""

import numpy as np
import pytest
from scipy.special import expit

from convexnn import InvalidInputError
from convexnn.landscape import SmoothNetwork, smooth_network
from convexnn.landscape.smooth_networks import ACTIVATIONS

# Every activation, every depth up to 4, every output.
CASES = [(name, [3, 5], "linear") for name in ACTIVATIONS] + [
    ("tanh", [], "linear"),
    ("tanh", [], "sigmoid"),
    ("tanh", [4], "erf"),
    ("softplus", [2, 1, 3], "tanh"),
    ("sigmoid", [2, 1, 3], "softplus"),
]


def differences(function, weights, size=1e-6):
    """Central differences by every weight, the last axis being that of the weights."""
    moves = size * np.eye(len(weights))
    return np.stack([(function(weights + move) - function(weights - move)) / (2 * size) for move in moves], axis=-1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_activations_and_their_largest_sizes(name):
    activation, z = ACTIVATIONS[name], np.linspace(-6.0, 6.0, 200_001)
    values, slopes, curvatures = activation.value(z), activation.slope(z), activation.curvature(z)
    np.testing.assert_allclose(np.gradient(values, z)[1:-1], slopes[1:-1], atol=1e-8)
    np.testing.assert_allclose(np.gradient(slopes, z)[1:-1], curvatures[1:-1], atol=1e-8)
    assert np.abs(slopes).max() <= activation.max_slope * (1 + 1e-12)
    assert np.abs(curvatures).max() <= activation.max_curvature * (1 + 1e-12)
    if name != "softplus":  # whose slope comes near 1 at infinity only
        assert np.abs(slopes).max() == pytest.approx(activation.max_slope, rel=1e-8)
    assert np.abs(curvatures).max() == pytest.approx(activation.max_curvature, rel=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_finite_where_exponentials_are_not(name):
    activation, z = ACTIVATIONS[name], np.array([-1e3, 1e3])
    assert all(np.isfinite(part(z)).all() for part in (activation.value, activation.slope, activation.curvature))


@pytest.mark.parametrize(("activation", "widths", "output"), CASES)
def test_derivatives_are_those_of_differences(activation, widths, output):
    network = smooth_network(3, widths, activation=activation, output_activation=output, random_state=1)
    X = np.random.default_rng(0).normal(size=(4, 3))
    y, weights = np.array([1.0, 0.0, -1.0, 2.0]), network.weights
    jacobian = differences(lambda w: network.with_weights(w).predict(X), weights)
    np.testing.assert_allclose(network.jacobian(X), jacobian, atol=1e-8)
    hessians = differences(lambda w: network.with_weights(w).jacobian(X), weights)
    products = np.stack([network.hessian_product(X, row) for row in np.eye(len(weights))], axis=-1)
    np.testing.assert_allclose(products, hessians, atol=1e-8)
    np.testing.assert_allclose(network.tangent_kernel(X), network.jacobian(X) @ network.jacobian(X).T, atol=1e-13)
    slope = differences(lambda w: 0.5 * np.sum((network.with_weights(w).predict(X) - y) ** 2), weights)
    np.testing.assert_allclose(network.loss_gradient(X, y), slope, atol=1e-7)


def test_tangent_kernel_of_one_hidden_layer_by_hand():
    network, X = smooth_network(2, [5], random_state=0), np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, 0.0]])
    (W, a), root = network.layers, np.sqrt(5)
    sums = X @ W.T / np.sqrt(2)
    slopes = (1 - np.tanh(sums) ** 2) * a[0] / root
    by_hand = np.hstack([np.einsum("ij,ik->ijk", slopes, X / np.sqrt(2)).reshape(3, 10), np.tanh(sums) / root])
    np.testing.assert_allclose(network.jacobian(X), by_hand, atol=1e-15)
    np.testing.assert_allclose(network.tangent_kernel(X), by_hand @ by_hand.T, atol=1e-14)


def erf_limit(X):
    """The kernel at infinite width for erf: the arcsine kernel of Williams (1997), and that of the slopes times x'x."""
    products = X @ X.T / X.shape[1]
    scale = np.sqrt(np.outer(1 + 2 * np.diag(products), 1 + 2 * np.diag(products)))
    slopes = 4 / np.pi / np.sqrt(scale**2 - 4 * products**2)
    return 2 / np.pi * np.arcsin(2 * products / scale) + products * slopes


def test_wide_erf_networks_have_the_arcsine_kernel():
    X = np.random.default_rng(3).normal(size=(5, 3))
    limit = erf_limit(X)
    apart = []
    for width in (100, 10_000):
        networks = [smooth_network(3, [width], activation="erf", random_state=k) for k in range(30)]
        apart.append(np.median([np.abs(network.tangent_kernel(X) - limit).max() for network in networks]))
    assert apart[1] < 0.05
    assert apart[0] / apart[1] == pytest.approx(10.0, rel=0.4), "as the root of the width"


def test_values_by_hand():
    network = SmoothNetwork([[[1.0, 2.0], [0.0, -1.0]], [[3.0, 4.0]]], "sigmoid", "softplus")
    sums = np.array([[1.0, 2.0], [0.0, -1.0]]) @ [2.0, 1.0] / np.sqrt(2)
    expected = np.log1p(np.exp((3 * expit(sums[0]) + 4 * expit(sums[1])) / np.sqrt(2)))
    assert network.predict([[2.0, 1.0]])[0] == pytest.approx(expected, rel=1e-14)
    assert (network.n_inputs, network.widths, network.n_weights) == (2, (2,), 6)


def test_weights_go_there_and_back():
    network = smooth_network(2, [3, 4], activation="erf", output_activation="tanh", random_state=0)
    again = network.with_weights(network.weights)
    assert all((a == b).all() for a, b in zip(network.layers, again.layers, strict=True))
    assert (again.activation, again.output_activation) == ("erf", "tanh")
    assert not any(layer.flags.writeable for layer in again.layers)


def test_layers_are_copies():
    given = np.array([[1.0, 2.0]])
    network = SmoothNetwork([given])
    given[:] = 0.0
    assert network.weights.tolist() == [1.0, 2.0] and given.flags.writeable


def test_random_networks_are_reproducible():
    one, same = (smooth_network(2, np.array([3]), random_state=5).weights for _ in range(2))
    rng = np.random.default_rng(5)
    first, second = (smooth_network(2, [3], random_state=rng).weights for _ in range(2))
    assert (one == same).all() and not (first == second).any()


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([], "layers must be matrices"),
        ([[1.0, 2.0]], "layers must be matrices"),
        ([np.ones((2, 3)), np.ones((1, 3))], r"got \[\(2, 3\), \(1, 3\)\]"),
        ([np.ones((2, 3))], r"got \[\(2, 3\)\]"),
        ([np.ones((0, 3)), np.ones((1, 0))], "none empty"),
        ([[[np.nan]]], r"layers\[0\] must be finite"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, said):
    with pytest.raises(InvalidInputError, match=said):
        SmoothNetwork(layers)


def test_bad_input_is_refused_by_name():
    network = smooth_network(2, [3], random_state=0)
    with pytest.raises(InvalidInputError, match="X must have 2 columns, one per input; got 3"):
        network.predict(np.ones((1, 3)))
    with pytest.raises(InvalidInputError, match=r"weights must have shape \(9,\); got \(8,\)"):
        network.with_weights(np.ones(8))
    with pytest.raises(InvalidInputError, match=r"direction must have shape \(9,\)"):
        network.hessian_product([[1.0, 2.0]], np.ones((9, 1)))
    with pytest.raises(InvalidInputError, match=r"y must have shape \(1,\)"):
        network.loss_gradient([[1.0, 2.0]], [1.0, 2.0])
    with pytest.raises(InvalidInputError, match="activation must be one of 'linear', 'tanh'"):
        smooth_network(2, [3], activation="relu")
    with pytest.raises(InvalidInputError, match="output_activation must be one of"):
        smooth_network(2, [3], output_activation="step")
    with pytest.raises(InvalidInputError, match="widths must be a list"):
        smooth_network(2, 3)
    with pytest.raises(InvalidInputError, match="every entry of widths must be an integer"):
        smooth_network(2, [0])
