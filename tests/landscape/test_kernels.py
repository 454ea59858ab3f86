"""Tangent kernels, their limit, the PL* inequality, rates, gradient flow."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import (
    check_rate,
    gradient_flow,
    kernel_distance,
    kernel_drift,
    lazy_network,
    ntk_limit,
    objective_hessian,
    pl_star,
    smallest_eigenvalue,
    tangent_kernel,
)
from tests.zoo import random_problem

from .test_curvature import TERMS, WEIGHT, random_network


def sphere(n_samples, n_inputs, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_samples, n_inputs))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def test_limit_of_two_unit_vectors_at_60_degrees():
    H = ntk_limit([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    np.testing.assert_allclose(H, [[1 / 2, 1 / 6], [1 / 6, 1 / 2]], atol=1e-15)
    np.testing.assert_allclose(np.linalg.eigvalsh(H), [1 / 3, 2 / 3])


def test_limit_of_special_rows():
    X = np.array([[2.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, 0.0], [2.0, 1e-9]])
    H = ntk_limit(X)
    assert H[0, 0] == 2.0 and H[0, 1] == 0.0 and H[0, 2] == 0.0 and not H[3].any()
    assert H[0, 4] == pytest.approx(2.0 * (1 - 0.5e-9 / np.pi), abs=1e-14), "no digits are lost at small angles"
    np.testing.assert_allclose(ntk_limit(X, hidden_bias=True), ntk_limit(np.hstack([X, np.ones((5, 1))])))


def test_distance_to_the_limit_falls_as_the_root_of_the_width():
    X = np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    rng = np.random.default_rng(0)
    for width in (64, 1024):
        distances = [kernel_distance(lazy_network(2, width, random_state=rng), X) for _ in range(400)]
        assert 0.45 <= np.median(distances) * np.sqrt(width) <= 0.70


@pytest.mark.parametrize("hidden_bias", [False, True])
def test_wide_networks_come_near_the_limit(hidden_bias):
    X = sphere(6, 3)
    network = lazy_network(3, 40_000, hidden_bias=hidden_bias, random_state=1)
    assert kernel_distance(network, X) < 0.05
    assert (network.hidden_bias is not None) == hidden_bias and network.masses.shape == (40_000,)


@pytest.mark.parametrize("terms", TERMS)
def test_kernel_is_that_of_differences(terms):
    X, network = random_problem(8, 2)[0], random_network(**terms)
    kernel = tangent_kernel(network, X)
    # At an exact fit the Hessian of the squared loss is J^T J: the same eigenvalues but for zeros.
    hessian = objective_hessian(network, X, network.predict(X), 0.0)
    n = min(len(hessian), len(X))
    np.testing.assert_allclose(np.linalg.eigvalsh(kernel)[-n:], np.linalg.eigvalsh(hessian)[-n:], atol=1e-11)


def test_first_layer_is_the_sum_over_the_neurons_that_are_on():
    X, network = random_problem(8, 2)[0], random_network(width=5, hidden_bias=True)
    rows, gates = np.hstack([X, np.ones((8, 1))]), network.activations(X) > 0
    expected = rows @ rows.T * ((gates * network.output_weights**2) @ gates.T)
    np.testing.assert_allclose(tangent_kernel(network, X, layers="first"), expected, atol=1e-12)
    both = tangent_kernel(network, X) - expected
    np.testing.assert_allclose(both, network.activations(X) @ network.activations(X).T, atol=1e-12)


def test_kernels_forget_the_order_of_the_neurons_and_the_axes():
    X, network = random_problem(8, 2)[0], random_network(width=5)
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(2, 2)))[0]
    turned = TwoLayerReLU(network.hidden_weights @ rotation, network.output_weights)
    kernel = tangent_kernel(network, X)
    np.testing.assert_allclose(tangent_kernel(network.permuted([4, 2, 0, 1, 3]), X), kernel, atol=1e-12)
    np.testing.assert_allclose(tangent_kernel(turned, X @ rotation), kernel, atol=1e-12)
    np.testing.assert_allclose(ntk_limit(X @ rotation), ntk_limit(X), atol=1e-12)


def test_kernels_refuse_kinks_and_names():
    with pytest.raises(ValueError, match="row 1 lies on the hyperplane of neuron 0"):
        tangent_kernel(TwoLayerReLU([[1.0, 0.0]], [1.0]), [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="layers must be one of"):
        tangent_kernel(TwoLayerReLU([[1.0]], [1.0]), [[1.0]], layers="last")
    with pytest.raises(ValueError, match="width"):
        lazy_network(2, 0)
    with pytest.raises(ValueError, match="random_state"):
        lazy_network(2, 3, random_state="seed")


@pytest.mark.parametrize("layers", ["both", "first"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["even", "weighted"])
@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("seed", range(5))
def test_pl_star_holds(terms, weight, layers, seed):
    X, y = random_problem(8, 2)
    found = pl_star(random_network(width=20, seed=seed, **terms), X, y, layers=layers, sample_weight=weight)
    assert found.holds and found.half_square >= found.lambda_min * found.loss
    assert found.lambda_min > 0 or layers == "first"


def test_pl_star_is_sharp_along_the_smallest_eigenvector():
    X, network = sphere(4, 3), lazy_network(3, 200, random_state=0)
    kernel = tangent_kernel(network, X)
    y = network.predict(X) + np.linalg.eigh(kernel)[1][:, 0]
    found = pl_star(network, X, y)
    assert found.loss == pytest.approx(0.5)
    assert found.half_square == pytest.approx(smallest_eigenvalue(kernel) / 2) and found.holds


def test_rate_bound_holds_only_for_the_right_constant():
    X, y = sphere(6, 4), np.random.default_rng(1).normal(size=6)
    network = lazy_network(4, 1500, random_state=0)
    step = 0.5
    flow = gradient_flow(network, X, y, 0.0, step * np.arange(200), layers="first", learning_rate=step)
    kernels = [np.linalg.eigvalsh(tangent_kernel(each, X, layers="first")) for each in flow.networks[::20]]
    mu = min(kernel[0] for kernel in kernels)
    assert step * max(kernel[-1] for kernel in kernels) < 1
    checked = check_rate(flow.objectives, mu=mu, smoothness=1 / step)
    assert checked.holds and checked.worst_ratio == 1.0
    assert not check_rate(flow.objectives, mu=4 * mu, smoothness=1 / step).holds
    assert check_rate(flow.objectives[::10], mu=mu, smoothness=1 / step, steps=np.arange(0, 200, 10)).holds


@pytest.mark.parametrize(
    ("change", "named"),
    [({"mu": 3.0}, "mu"), ({"mu": 0.0}, "mu"), ({"steps": [1]}, "steps"), ({"objectives": []}, "objectives")],
)
def test_rates_of_bad_input(change, named):
    with pytest.raises(ValueError, match=named):
        check_rate(**({"objectives": [1.0, 0.5], "mu": 1.0, "smoothness": 2.0} | change))


def test_flow_of_one_weight_is_exponential():
    times = np.array([0.0, 0.5, 2.0])
    flow = gradient_flow(TwoLayerReLU([[1.0]], [1.0]), [[1.0]], [3.0], 0.0, times, layers="first", rtol=1e-9)
    np.testing.assert_allclose(flow.objectives, 2 * np.exp(-2 * times), rtol=1e-7)
    assert len(flow) == 3 and flow.networks[2].output_weights[0] == 1.0


def test_small_steps_come_near_the_flow():
    X, y = sphere(5, 3), np.random.default_rng(1).normal(size=5)
    lazy = lazy_network(3, 60, hidden_bias=True, random_state=0)
    network = TwoLayerReLU(lazy.hidden_weights, lazy.output_weights, hidden_bias=lazy.hidden_bias, intercept=0.0)
    times = np.array([0.0, 0.1, 0.3])
    exact = gradient_flow(network, X, y, 0.1, times, rtol=1e-6)
    errors = []
    for rate in (1e-2, 1e-3):
        steps = gradient_flow(network, X, y, 0.1, times, learning_rate=rate)
        errors.append(np.abs(steps.objectives - exact.objectives).max())
    assert errors[1] < errors[0] / 5 and errors[1] < 1e-2 * exact.objectives[0]
    assert np.all(np.diff(exact.objectives) < 0) and exact.networks[-1].intercept != 0.0


def test_balance_is_kept_along_the_flow():
    X, y = random_problem(6, 2)
    network = random_network(width=4)
    end = gradient_flow(network, X, y, 0.0, [0.1], rtol=1e-9).networks[0]
    gaps = [np.sum(each.neurons**2, axis=1) - each.output_weights**2 for each in (network, end)]
    np.testing.assert_allclose(gaps[1], gaps[0], atol=1e-5)


@pytest.mark.parametrize("times", [[], [1.0, 1.0], [-1.0, 0.0], [np.nan], 3.0])
def test_times_are_checked(times):
    with pytest.raises(ValueError, match="times"):
        gradient_flow(random_network(), *random_problem(6, 2), 0.1, times)


def test_steps_that_diverge_are_refused():
    with pytest.raises(ValueError, match="learning_rate is too large"):
        gradient_flow(random_network(), *random_problem(6, 2), 0.1, [100.0], learning_rate=1.0)


def test_flow_refuses_kinked_losses():
    with pytest.raises(ValueError, match="the absolute loss has a kink"):
        gradient_flow(random_network(), *random_problem(6, 2), 0.1, [1.0], loss="absolute")


def test_wider_networks_are_lazier():
    X, y = sphere(8, 4), np.random.default_rng(2).normal(size=8)
    drifts = []
    for width in (20, 2000):
        start = lazy_network(4, width, random_state=0)
        end = gradient_flow(start, X, y, 0.0, [20.0], layers="first", learning_rate=0.5).networks[0]
        drifts.append(kernel_drift(start, end, X, layers="first"))
    assert drifts[1] < drifts[0] / 3 and drifts[1] < 0.15
    assert kernel_drift(start, start, X) == 0.0
    with pytest.raises(ValueError, match="start must have a tangent kernel other than 0"):
        kernel_drift(TwoLayerReLU([[-1.0]], [1.0]), TwoLayerReLU([[1.0]], [1.0]), [[1.0]])


def test_verdicts_are_true_or_false_and_printed_first():
    network = TwoLayerReLU([[1.0]], [1.0])
    judged = pl_star(network, [[1.0]], [3.0])
    assert judged and repr(judged) == "PLStar(holds: 1/2 ||grad||^2 4, lambda_min 2 times loss 2)"
    slow, fast = check_rate([1.0, 0.9], 1.0, 2.0), check_rate([1.0, 0.4], 1.0, 2.0)
    assert fast and not slow
    assert repr(slow) == "RateCheck(does not hold: objectives at most 1.8 of their bounds, 2 records)"


def test_records_out_of_order_are_refused():
    assert check_rate([1.0, 1.0, 0.4], 1.0, 2.0, steps=[0, 0, 1]), "a kick has two records at one step"
    with pytest.raises(ValueError, match="steps must not decrease"):
        check_rate([1.0, 0.5], 1.0, 2.0, steps=[3, 1])


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ([[1.0, 2.0], [0.0, 1.0]], "kernel must be symmetric; opposite entries differ by up to 2"),
        ([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0]], r"kernel must be a square matrix, not empty; got shape \(2, 3\)"),
        (3.0, "kernel must be a square matrix"),
        ([[np.nan]], "kernel must be finite"),
    ],
)
def test_kernels_that_are_none(kernel, message):
    with pytest.raises(ValueError, match=message):
        smallest_eigenvalue(kernel)
