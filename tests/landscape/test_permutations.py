"""Paths between permutations: one function all along, known heights, and what a free neuron is."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import nnls

from convexnn import InvalidInputError, TwoLayerReLU
from convexnn.landscape import (
    classify,
    permutation_detour,
    permutation_path,
    population_loss,
    split_neuron,
    symmetric_minimum,
)

POINTS = np.random.default_rng(99).standard_normal((40, 3))


def random_network(seed, width=4, terms=False, n_outputs=None):
    rng = np.random.default_rng(seed)
    outputs = rng.standard_normal(width if n_outputs is None else (width, n_outputs))
    free = {}
    if terms:
        shape = () if n_outputs is None else (n_outputs,)
        free = {"hidden_bias": rng.standard_normal(width), "intercept": rng.standard_normal(shape)}
        free["skip_weights"] = rng.standard_normal((3, *shape))
    return TwoLayerReLU(rng.standard_normal((width, 3)), outputs, **free)


def weights(network):
    return np.hstack([network.neurons, network.output_weights.reshape(network.width, -1)])


def along(path, n_points=61):
    beside = np.concatenate([path.knots, path.knots[:-1] + 1e-9, path.knots[1:] - 1e-9])
    return [path(t) for t in np.sort(np.concatenate([np.linspace(0, 1, n_points), beside]))]


def check_ends_and_steps(path, network, order):
    assert path(0.0) is network
    np.testing.assert_array_equal(weights(path(1.0)), weights(network.permuted(order)))
    # Masses move linearly, so that weights move like roots: a step of 1e-12 of a leg may move them by 1e-6.
    points = [weights(path(t)) for t in np.linspace(0, 1, 501)]
    assert max(np.abs(q - p).max() for p, q in zip(points[:-1], points[1:], strict=True)) < 0.4 * np.abs(points).max()
    for knot in path.knots[1:-1]:
        before, after = weights(path(knot - 1e-12)), weights(path(knot + 1e-12))
        assert np.abs(before - after).max() < 1e-4 * np.abs(points).max()


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("terms", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_one_function_on_the_whole_path(seed, terms, n_outputs):
    rng = np.random.default_rng(seed)
    narrow = random_network(seed, 4, terms, n_outputs)
    for network in (narrow.padded(5), narrow.split(1, [0.2, 0.8]), narrow.split(0, [0.5, 0.3, 0.2]).padded(7)):
        order = rng.permutation(network.width)
        path = permutation_path(network, order)
        values = network.predict(POINTS)
        for point in along(path):
            np.testing.assert_allclose(point.predict(POINTS), values, atol=1e-12)
            assert point.penalty(1.0) <= network.penalty(1.0) * (1 + 1e-12)
        check_ends_and_steps(path, network, order)
        flat = permutation_path(network.balanced(), order)
        penalties = [point.penalty(1.0) for point in along(flat)]
        assert np.ptp(penalties) < 1e-12 * penalties[0]


def test_every_order_of_a_network_with_a_free_neuron():
    network = random_network(5, 3).padded(4)
    values = network.predict(POINTS)
    for order in permutations(range(4)):
        path = permutation_path(network, order)
        np.testing.assert_array_equal(weights(path(1.0)), weights(network)[list(order)])
        assert max(np.abs(path(t).predict(POINTS) - values).max() for t in np.linspace(0, 1, 23)) < 1e-13


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e120])
def test_units_zeros_and_dead_neurons(scale):
    hidden = scale * np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [3.0, -1.0, 1.0], [1.0, 1.0, 1.0]])
    network = TwoLayerReLU(hidden, [1.0, 5.0, -1.0, 0.0])  # two neurons without mass, of which neither is zero
    path = permutation_path(network, [3, 2, 1, 0])
    for point in along(path):
        np.testing.assert_allclose(point.predict(POINTS) / scale, network.predict(POINTS) / scale, atol=1e-12)
    all_dead = TwoLayerReLU(np.ones((2, 3)), np.zeros(2))
    assert np.all(permutation_path(all_dead, [1, 0])(0.5).predict(POINTS) == 0.0)
    assert np.all(permutation_path(TwoLayerReLU(np.zeros((0, 3)), []), [])(0.5).predict(POINTS) == 0.0)


def test_valleys_of_a_spurious_minimum_of_the_population():
    """A student is a network whose outputs are 1: the loss of its split spurious minimum is the same on the way."""
    W, V = split_neuron(symmetric_minimum(6), 0, 0.4), np.eye(6)
    path = permutation_path(TwoLayerReLU(W, np.ones(7)), np.roll(np.arange(7), 3))
    losses = []
    for point in along(path, 31):
        rows = point.hidden_weights * point.output_weights[:, None]
        losses.append(population_loss(rows[np.any(rows != 0.0, axis=1)], V))
    assert losses[0] == pytest.approx(0.025080581002, abs=1e-11) and np.ptp(losses) < 1e-13


def test_without_a_free_neuron_there_is_no_valley():
    network = random_network(0, 3)
    with pytest.raises(InvalidInputError, match=r"must have a free neuron.*network.padded\(4\).*order of 4 neurons"):
        permutation_path(network, [1, 0, 2])
    np.testing.assert_array_equal(weights(permutation_path(network, [0, 1, 2])(1.0)), weights(network))
    opposite = TwoLayerReLU([[1.0, 0.0], [1.0, 0.0]], [1.0, -1.0])  # one direction, two signs
    with pytest.raises(InvalidInputError, match="must have a free neuron"):
        permutation_path(opposite, [1, 0])
    with pytest.raises(InvalidInputError, match=r"order must be a permutation of range\(3\)"):
        permutation_path(network, [0, 0, 2])


@pytest.mark.parametrize("beta", [0.0, 0.01, 0.1, 0.5])
def test_the_pass_between_two_neurons_on_two_rows(beta):
    """One neuron on either side of 0: whoever goes around leaves its row, at a cost of 1/2 in place of its own."""
    X, y = np.array([[1.0], [-1.0]]), np.ones(2)
    network = TwoLayerReLU([[1.0], [-1.0]], [1 - beta, 1 - beta]).balanced()
    path = permutation_detour(network, [1, 0], X, y, beta)
    assert path.objective(0.0) == pytest.approx(2 * beta - beta**2, abs=1e-14)
    assert path.peak == pytest.approx(0.5 + beta - beta**2 / 2, abs=1e-14) and path.dropped in (0, 1)
    assert path.rise == pytest.approx(0.5 * (1 - beta) ** 2, abs=1e-14)
    assert max(path.objective(t) for t in np.linspace(0, 1, 501)) == pytest.approx(path.peak, abs=1e-14)
    check_ends_and_steps(path, network, [1, 0])
    if beta == 0.0:
        return  # labels need weight decay
    # Its top has a zero neuron and is a saddle of curvature beta - 1; two copies there are a minimum that can be left.
    top = path(0.5)
    found = classify(top.merged().padded(2), X, y, beta)
    assert found.kind == "saddle" and found.curvature == pytest.approx(beta - 1, abs=1e-8)
    assert classify(top.merged().split(0, [0.5, 0.5]), X, y, beta).kind == "local-escapable"


@pytest.mark.parametrize("terms", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_no_point_of_a_detour_is_above_its_peak(seed, beta, terms):
    rng = np.random.default_rng(seed)
    X, y, weight = rng.standard_normal((9, 3)), rng.standard_normal(9), rng.uniform(0.5, 2, 9)
    X[8], weight[0] = X[7], 0.0
    network, order = random_network(seed, 4, terms), rng.permutation(4)
    path = permutation_detour(network, order, X, y, beta, sample_weight=weight)
    values = np.array([path.objective(t) for t in np.linspace(0, 1, 301)])
    assert values.max() <= path.peak * (1 + 1e-12)
    assert max(path.objective(t) for t in path.knots) == pytest.approx(path.peak, rel=1e-12)
    check_ends_and_steps(path, network, order)


@pytest.mark.parametrize("beta", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_the_peak_is_the_cheapest_loss_of_a_neuron(seed, beta):
    """Each neuron left out in turn, and the masses of the others by an independent solver."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((7, 3)), rng.standard_normal(7)
    network = random_network(seed, 3)
    fits = np.maximum(X @ network.directions.T, 0.0) * network.signs
    heights = []
    for j in range(3):
        kept = np.delete(fits, j, axis=1)
        # 1/2 |y - F c|^2 + beta sum c as least squares: the Gram matrix with a linear term, by its Cholesky factor.
        factor = np.linalg.cholesky(kept.T @ kept).T
        masses = nnls(factor, np.linalg.solve(factor.T, kept.T @ y - beta))[0]
        heights.append(0.5 * np.sum((y - kept @ masses) ** 2) + beta * masses.sum())
    path = permutation_detour(network, [2, 0, 1], X, y, beta)
    own = 0.5 * np.sum((network.predict(X) - y) ** 2) + 0.5 * beta * np.sum(weights(network) ** 2)
    assert path.peak == pytest.approx(max(own, min(heights)), rel=1e-10)
    assert path.dropped == int(np.argmin(heights))


def test_with_a_free_neuron_nothing_is_given_up():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
    network = random_network(1, 3).padded(4)
    path = permutation_detour(network, [3, 1, 0, 2], X, y, 0.1)
    assert path.dropped is None and path.rise == 0.0
    assert max(path.objective(t) for t in np.linspace(0, 1, 101)) <= path.peak * (1 + 1e-13)


def test_bad_input_of_a_detour_is_named():
    network = random_network(0, 3)
    with pytest.raises(InvalidInputError, match="order must be a permutation"):
        permutation_detour(network, [0, 1], np.eye(3), np.ones(3), 0.1)
    with pytest.raises(InvalidInputError, match="beta must be finite and not below 0"):
        permutation_detour(network, [1, 0, 2], np.eye(3), np.ones(3), -1.0)
    with pytest.raises(TypeError, match="network must be a TwoLayerReLU"):
        permutation_detour(np.eye(2), [1, 0], np.eye(2), np.ones(2), 0.1)
