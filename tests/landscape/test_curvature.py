"""Gradients and Hessians against differences, known spectra, and kinks refused by name."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import (
    is_second_order_stationary,
    objective_gradient,
    objective_hessian,
    second_order_point,
)
from convexnn.landscape._weights import network_at, pose_at, weights_of
from convexnn.landscape.curvature import gradient_of
from tests.zoo import random_problem

TERMS = [
    {},
    {"hidden_bias": True},
    {"hidden_bias": True, "intercept": 0.3},
    {"intercept": -1.0, "skip_weights": np.array([0.4, -2.0])},
]
LOSSES = ["squared", "huber", "logistic", "squared_hinge"]
WEIGHT = np.array([1.0, 0, 2, 0.3, 1, 1, 4, 0.5])


def random_network(width=3, n_inputs=2, *, hidden_bias=False, seed=0, **terms):
    rng = np.random.default_rng(seed)
    bias = rng.normal(size=width) if hidden_bias else None
    return TwoLayerReLU(rng.normal(size=(width, n_inputs)), rng.normal(size=width), hidden_bias=bias, **terms)


def random_data(loss="squared"):
    X, y = random_problem(8, 2)
    return X, np.where(y > 0, 1.0, -1.0) if loss in ("logistic", "squared_hinge") else 3 * y


def differences(function, point, step=1e-6):
    """Central differences of a function along every axis, the axis first."""
    return np.array([(function(point + e) - function(point - e)) / (2 * step) for e in step * np.eye(len(point))])


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["even", "weighted"])
def test_gradient_and_hessian_are_those_of_differences(terms, loss, weight):
    X, y = random_data(loss)
    network, options = random_network(**terms), {"loss": loss, "sample_weight": weight, "huber_delta": 0.7}
    problem, weights = pose_at(network, X, y, 0.3, **options), weights_of(network)
    gradient = objective_gradient(network, X, y, 0.3, **options)
    hessian = objective_hessian(network, X, y, 0.3, **options)
    values = differences(lambda w: network_at(problem, w).objective(X, y, 0.3, **options), weights)
    slopes = differences(lambda w: objective_gradient(network_at(problem, w), X, y, 0.3, **options), weights)
    np.testing.assert_allclose(gradient, values, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient_of(problem, weights), gradient, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(hessian, slopes, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(hessian, hessian.T)


@pytest.mark.parametrize("terms", TERMS)
def test_weights_go_there_and_back(terms):
    network = random_network(**terms)
    back = network_at(pose_at(network, *random_data(), 0.0), weights_of(network))
    for name in ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights"):
        np.testing.assert_array_equal(getattr(back, name), getattr(network, name))


def test_permuted_neurons_permute_and_rotated_data_rotate():
    X, y = random_data()
    network = random_network()
    order, rotation = [2, 0, 1], np.linalg.qr(np.random.default_rng(3).normal(size=(2, 2)))[0]
    turned = TwoLayerReLU(network.hidden_weights @ rotation, network.output_weights)
    spectrum = np.linalg.eigvalsh(objective_hessian(network, X, y, 0.1))
    for other, data in ((network.permuted(order), X), (turned, X @ rotation)):
        np.testing.assert_allclose(np.linalg.eigvalsh(objective_hessian(other, data, y, 0.1)), spectrum, atol=1e-11)
    moved = objective_gradient(network.permuted(order), X, y, 0.1)
    old = objective_gradient(network, X, y, 0.1)
    np.testing.assert_allclose(moved[:6].reshape(3, 2), old[:6].reshape(3, 2)[order], rtol=1e-12)
    np.testing.assert_allclose(moved[6:], old[6:][order], rtol=1e-12)


@pytest.mark.parametrize("u", [0.3, 0.5, 0.8, 1.0, 1.2])
def test_one_linear_neuron_pair(u):
    """On x = 1, y = 1 at u = alpha: lambda_min = min(1 - u^2, 3u^2 - 1)."""
    point = is_second_order_stationary(TwoLayerReLU([[u]], [u]), [[1.0]], [1.0], 0.0, 1e-9, 0.0)
    assert point.lambda_min == pytest.approx(min(1 - u**2, 3 * u**2 - 1), abs=1e-14)
    assert bool(point) == (u == 1.0)
    assert point.gradient_norm == pytest.approx(np.sqrt(2) * abs(u**3 - u), abs=1e-15)


def test_top_eigenvector_critical_points():
    """``1/4 ||M - x x^T||^2``: values 1.25, 2.5, 3.25 and 3.5, and the known spectra."""
    M = np.diag([3.0, 2.0, 1.0])
    roots = np.sqrt(np.diag(M))
    points = [root * axis for root, axis in zip(roots, np.eye(3), strict=True)] + [np.zeros(3)]
    spectra = [(1, 2, 6), (-1, 1, 4), (-2, -1, 2), (-3, -2, -1)]
    for x, value, spectrum in zip(points, (1.25, 2.5, 3.25, 3.5), spectra, strict=True):
        assert 0.25 * np.sum((M - np.outer(x, x)) ** 2) == pytest.approx(value)
        gradient = (x @ x) * x - M @ x
        judged = second_order_point(gradient, (x @ x) * np.eye(3) + 2 * np.outer(x, x) - M, 1e-12, 0.5)
        np.testing.assert_allclose(judged.eigenvalues, spectrum, atol=1e-12)
        assert judged.gradient_norm < 1e-15 and bool(judged) == (value == 1.25)
        assert judged.direction @ (np.diag(M) * judged.direction) == pytest.approx(3.0 if value > 1.25 else 2.0)


def test_smooth_spurious_minima_pass():
    """Second-order stationarity proves nothing global: X = [1; -1], y = 1, a balanced one-sided neuron."""
    root = np.sqrt(0.9)
    network = TwoLayerReLU([[root]], [root])
    assert is_second_order_stationary(network, [[1.0], [-1.0]], [1.0, 1.0], 0.1, 1e-12, 0.0)
    assert network.objective([[1.0], [-1.0]], [1.0, 1.0], 0.1) == pytest.approx(0.595)


def test_repr():
    text = repr(is_second_order_stationary(TwoLayerReLU([[0.5]], [0.5]), [[1.0]], [1.0], 0.0, 1e-6, 0.1))
    assert text == (
        "SecondOrderPoint(not second-order stationary: gradient 0.53 against eps 1e-06, lambda_min -0.25 against -0.1)"
    )


@pytest.mark.parametrize("function", [objective_gradient, objective_hessian])
def test_kinks_are_refused_by_name(function):
    X, y = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [-3.0, -3.0]]), np.ones(4)
    network = TwoLayerReLU([[1.0, 0.5], [1.0, -1.0]], [1.0, 1.0])
    with pytest.raises(ValueError, match="rows 1, 3 lie on the hyperplane of neuron 1"):
        function(network, X, y, 0.1)
    with pytest.raises(ValueError, match="row 3 lies"):
        function(network, X, y, 0.1, sample_weight=[1, 0, 1, 1])
    with pytest.raises(ValueError, match="neuron 2 is zero"):
        function(TwoLayerReLU([[1.0, 0.5], [1.0, 2], [0, 0]], np.ones(3)), X, y, 0.1)
    function(TwoLayerReLU([[1.0, 0.5]], [1.0]), X, y, 0.1)


def test_many_rows_are_counted():
    with pytest.raises(ValueError, match=r"rows 0, 1, 2, 3, 4, ... \(7 in all\) lie"):
        objective_gradient(TwoLayerReLU([[0.0, 1.0]], [1.0]), np.outer(np.arange(1, 8), [1, 0]), np.ones(7), 0.1)


@pytest.mark.parametrize("loss", ["absolute", "quantile"])
def test_losses_with_kinks_are_refused(loss):
    with pytest.raises(ValueError, match=f"the {loss} loss has a kink"):
        objective_hessian(random_network(), *random_data(), 0.1, loss=loss)


def test_jumps_of_the_curvature_are_refused():
    one = TwoLayerReLU([[1.0]], [1.0])
    with pytest.raises(ValueError, match="row 0 lies where the curvature of the huber loss jumps"):
        objective_hessian(one, [[1.0], [2.0]], [1.5, 2.1], 0.1, loss="huber", huber_delta=0.5)
    with pytest.raises(ValueError, match="row 0 lies where the curvature of the squared_hinge"):
        objective_hessian(one, [[1.0], [2.0]], [1, 1], 0.1, loss="squared_hinge")


@pytest.mark.parametrize(
    ("name", "value"),
    [("eps", 0.0), ("gamma", -1.0), ("gamma", True), ("beta", -0.1), ("beta", np.nan), ("X", [[1.0]])],
)
def test_bad_input_is_named(name, value):
    X, y = random_data()
    options = {"network": random_network(), "X": X, "y": y, "beta": 0.1, "eps": 1.0, "gamma": 0.0}
    with pytest.raises(ValueError, match="y must have shape" if name == "X" else name):
        is_second_order_stationary(**(options | {name: value}))


@pytest.mark.parametrize(
    ("gradient", "hessian"), [([], np.zeros((0, 0))), ([1.0], [[1.0, 2.0]]), ([1.0], np.eye(2)), ([np.inf], [[1.0]])]
)
def test_plain_functions_of_other_shapes_are_refused(gradient, hessian):
    with pytest.raises(ValueError, match="gradient and hessian must"):
        second_order_point(gradient, hessian, 1.0, 0.0)


@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e8, 1e100])
def test_hessians_scale_with_the_targets(scale):
    X, y = random_data()
    network, root = random_network(), np.sqrt(scale)
    other = TwoLayerReLU(root * network.hidden_weights, root * network.output_weights)
    scaled = objective_hessian(other, X, scale * y, scale * 0.1) / scale
    np.testing.assert_allclose(scaled, objective_hessian(network, X, y, 0.1), rtol=1e-12, atol=1e-12)


def test_networks_without_neurons():
    X, y = random_data()
    empty = TwoLayerReLU(np.zeros((0, 2)), np.zeros(0), intercept=0.0)
    assert objective_gradient(empty, X, y, 0.1) == pytest.approx([-y.sum()])
    assert objective_hessian(empty, X, y, 0.1).tolist() == [[8.0]]
    with pytest.raises(ValueError, match="n_weights above 0"):
        is_second_order_stationary(TwoLayerReLU(np.zeros((0, 2)), np.zeros(0)), X, y, 0.1, 1.0, 0.0)


def test_only_networks_with_one_output():
    with pytest.raises(ValueError, match="one output"):
        objective_gradient(TwoLayerReLU([[1.0, 2.0]], [[1.0, 1.0]]), *random_data(), 0.1)
    with pytest.raises(TypeError, match="network must be a TwoLayerReLU"):
        objective_gradient("network", *random_data(), 0.1)


def test_a_hessian_that_is_not_symmetric_is_refused():
    with pytest.raises(ValueError, match=r"hessian must be symmetric; .* \(hessian \+ hessian.T\) / 2 is"):
        second_order_point([0.0, 0.0], [[1.0, 5.0], [0.0, 1.0]], 1e-3, 0.0)


def test_what_is_no_option_is_named():
    network = TwoLayerReLU([[1.0]], [1.0])
    with pytest.raises(TypeError, match="weights is no argument here; the options are sample_weight, loss, huber"):
        objective_gradient(network, [[1.0]], [1.0], 0.0, weights=[1.0])
