"""The flow across and along kinks: closed forms, small steps, and data on which hyperplanes coincide."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from convexnn import TwoLayerReLU
from convexnn.exceptions import SolverError
from convexnn.landscape import _sliding, gradient_flow, lazy_network, linearised_flow, tangent_kernel
from tests.zoo import degenerate_designs, random_problem, variants

# One neuron with the output weight 1: row (1, 0) asks for -1, row (1, 1) for 3.
ROWS, TARGETS = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([-1.0, 3.0])


def one_neuron(u):
    """Flow of one neuron with a fixed output weight of 1, as a function of the times."""
    return lambda times: gradient_flow(TwoLayerReLU([u], [1.0]), ROWS, TARGETS, 0.0, times, layers="first", rtol=1e-9)


def random_network(seed, width, n_features, **terms):
    """A network with standard deviations of 0.5."""
    rng = np.random.default_rng(seed)
    if terms.get("hidden_bias"):
        terms["hidden_bias"] = 0.5 * rng.normal(size=width)
    return TwoLayerReLU(0.5 * rng.normal(size=(width, n_features)), 0.5 * rng.normal(size=width), **terms)


def test_sliding_from_the_start_has_a_closed_form():
    """At u = (0, 2.2) both sides lead back: u_2 slides to 3, and the loss is 1/2 + .32 exp(-2 t)."""
    times = np.array([0.0, 0.5, 2.0, 1e6])
    flow = one_neuron([0.0, 2.2])(times)
    np.testing.assert_allclose(flow.objectives, 0.5 + 0.32 * np.exp(-2 * times), rtol=1e-7)
    assert all(abs(network.hidden_weights[0, 0]) < 1e-14 for network in flow.networks)


def test_a_flow_reaches_a_kink_and_slides():
    """Until u_1 = 0 the flow is linear, u' = -A u + b; then u_2' = 3 - u_2."""
    A, b, start = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([2.0, 3.0]), np.array([0.5, 2.0])
    rest = np.linalg.solve(A, b)

    def linear(t):
        return rest + expm(-A * t) @ (start - rest)

    hit = brentq(lambda t: linear(t)[0], 0.1, 2.0)
    assert 2 < linear(hit)[1] < 3, "the gate 3 - u_2 is inside [0, 1]"
    before, after = np.array([0.3, 0.9]) * hit, hit + np.array([0.1, 1.0, 5.0])
    flow = one_neuron(start)(np.append(before, after))
    found = np.array([network.hidden_weights[0] for network in flow.networks])
    np.testing.assert_allclose(found[:2], [linear(t) for t in before], rtol=1e-7)
    np.testing.assert_allclose(found[2:, 0], 0.0, atol=1e-14)
    np.testing.assert_allclose(found[2:, 1], 3 - (3 - linear(hit)[1]) * np.exp(hit - after), rtol=1e-7)


def test_a_flow_leaves_a_kink_that_does_not_hold_it():
    """At u = (0, 1) the gate would be 2: the flow leaves to the side of the row, linearly."""
    A, b = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([2.0, 3.0])
    rest = np.linalg.solve(A, b)
    found = one_neuron([0.0, 1.0])([0.2]).networks[0].hidden_weights[0]
    np.testing.assert_allclose(found, rest + expm(-0.2 * A) @ ([0.0, 1.0] - rest), rtol=1e-7)
    assert found[0] > 0.1


def against_small_steps(network, X, y, beta, time, tol, **options):
    """Compare a flow with ten thousand gradient steps; the objective never rises."""
    exact = gradient_flow(network, X, y, beta, [0.0, 0.5 * time, time], **options)
    steps = gradient_flow(network, X, y, beta, [0.0, 0.5 * time, time], learning_rate=1e-4 * time, **options)
    np.testing.assert_allclose(exact.objectives, steps.objectives, atol=tol * exact.objectives[0])
    assert np.all(np.diff(exact.objectives) <= 1e-9 * exact.objectives[0])


@pytest.mark.parametrize(
    "terms", [{}, {"hidden_bias": True}, {"intercept": 0.5, "skip_weights": np.array([0.1, -0.2])}], ids=str
)
@pytest.mark.parametrize("seed", range(2))
def test_flow_is_the_limit_of_small_steps(seed, terms):
    X, y = random_problem(8, 2)
    against_small_steps(random_network(seed, 4, 2, **terms), X, y, 0.1, 1.0, 1e-3)


@pytest.mark.parametrize("options", [{"layers": "first"}, {"loss": "logistic"}, {"sample_weight": np.arange(8.0)}])
def test_flow_of_other_losses_and_layers(options):
    X, y = random_problem(8, 2)
    y = np.sign(y) if "loss" in options else y
    against_small_steps(random_network(1, 4, 2), X, y, 0.1, 1.0, 1e-3, **options)


@pytest.mark.parametrize("name", degenerate_designs())
def test_flow_on_degenerate_data(name):
    """Rows that are zero, repeated, opposite or collinear share their hyperplanes."""
    X = degenerate_designs()[name]
    y = np.random.default_rng(0).normal(size=len(X))
    time = 0.5 / max(1.0, np.linalg.norm(X, 2) ** 2)
    against_small_steps(random_network(2, 4, X.shape[1]), X, y, 0.1, time, 2e-3)


@pytest.mark.parametrize("copies", [1, 2])
def test_repeated_and_opposite_rows_share_their_kink(copies):
    X, y = random_problem(6, 2)
    X, y = np.vstack([X] * copies + [-0.5 * X]), np.append(np.tile(y, copies), np.arange(6.0) / 6)
    against_small_steps(random_network(0, 4, 2), X, y, 0.1, 0.5, 2e-3)


def test_flow_does_not_depend_on_the_units():
    """Weights sqrt(c) as large on (X, c y, c beta) go the same way c times as fast."""
    X, y = random_problem(8, 2)
    network = random_network(1, 4, 2)
    other = TwoLayerReLU(3 * network.hidden_weights, 3 * network.output_weights)
    one = gradient_flow(network, X, y, 0.1, [0.0, 1.0, 5.0])
    scaled = gradient_flow(other, X, 9 * y, 0.9, np.array([0.0, 1.0, 5.0]) / 9)
    np.testing.assert_allclose(scaled.objectives, 81 * one.objectives, rtol=1e-4)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("n", "d", "width"), [(8, 2, 4), (10, 2, 6)])
def test_flow_goes_on_to_any_time(n, d, width, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)), rng.normal(size=n)
    flow = gradient_flow(random_network(seed, width, d), X, y, 0.1, [0.0, 10.0, 1e3, 1e5])
    assert np.all(np.diff(flow.objectives) <= 1e-9) and flow.objectives[-1] < flow.objectives[0]
    assert len(flow) == 4


def test_zero_and_kinked_starts_rest_or_go():
    X, y = random_problem(6, 2)
    still = gradient_flow(TwoLayerReLU(np.zeros((2, 2)), np.zeros(2)), X, y, 0.1, [0.0, 10.0])
    assert still.objectives[0] == still.objectives[1] == pytest.approx(0.5 * np.sum(y**2))
    normal = np.array([[-X[0, 1], X[0, 0]], [X[0, 1], -X[0, 0]]])
    against_small_steps(TwoLayerReLU(normal, [0.5, -0.5]), X, y, 0.1, 0.5, 2e-3)


def test_too_many_kinks_are_said(monkeypatch):
    monkeypatch.setattr(_sliding, "MAX_EVENTS", 1)
    X, y = random_problem(8, 2)
    with pytest.raises(SolverError, match="met 1 kinks before time"):
        gradient_flow(random_network(0, 4, 2), X, y, 0.1, [100.0])


@pytest.mark.parametrize("name", variants(*random_problem(6, 2)))
def test_linearised_flow_solves_its_equation(name):
    """r' = -K r, by the matrix exponential."""
    X, y = variants(*random_problem(6, 2))[name]
    network, weight = random_network(0, 5, X.shape[1]), np.linspace(0.5, 2, len(y))
    times = np.array([0.0, 0.1, 1.0]) / np.abs(X).max() ** 2
    kernel, residual = tangent_kernel(network, X), network.predict(X) - y
    moved = [expm(-t * kernel * weight) @ residual for t in times]
    expected = [0.5 * np.sum(weight * each**2) for each in moved]
    np.testing.assert_allclose(linearised_flow(network, X, y, times, sample_weight=weight), expected, rtol=1e-9)


def test_wide_networks_follow_the_linearised_flow():
    """The loss falls at the rate exp(-2 lambda t) of the smallest eigenvalue along its eigenvector."""
    X, rng = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    errors, times = [], np.array([0.0, 2.0, 8.0])
    for width in (30, 400):
        start = lazy_network(3, width, random_state=rng.integers(100))
        values, vectors = np.linalg.eigh(tangent_kernel(start, X, layers="first"))
        y = start.predict(X) - vectors[:, 0]
        linear = linearised_flow(start, X, y, times, layers="first")
        np.testing.assert_allclose(linear, 0.5 * np.exp(-2 * values[0] * times), rtol=1e-9)
        flow = gradient_flow(start, X, y, 0.0, times, layers="first", rtol=1e-5)
        errors.append(np.abs(flow.objectives / linear - 1).max())
    assert errors[1] < 0.3 and errors[1] < errors[0] / 2
