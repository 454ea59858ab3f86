"""Matching of many layers, against brute force over all permutations and networks of scikit-learn."""

from itertools import permutations, product

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from convexnn import TwoLayerReLU
from convexnn.landscape import match_layers, match_neurons


def draw(rng, sizes):
    coefs = [rng.standard_normal(shape) for shape in zip(sizes[:-1], sizes[1:], strict=True)]
    return coefs, [rng.standard_normal(size) for size in sizes[1:]]


def forward(network, X):
    (*coefs, last), (*biases, shift) = network
    for weights, bias in zip(coefs, biases, strict=True):
        X = np.tanh(X @ weights + bias)
    return X @ last + shift


def reordered(network, orders):
    """The network with its hidden neurons in other orders, by permutation matrices."""
    coefs, biases = network
    matrices = [np.eye(len(coefs[0])), *(np.eye(len(order))[:, order] for order in orders), np.eye(len(biases[-1]))]
    new = [left.T @ weights @ right for weights, left, right in zip(coefs, matrices[:-1], matrices[1:], strict=True)]
    return new, [bias @ matrix for bias, matrix in zip(biases, matrices[1:], strict=True)]


def distance(a, b):
    return sum(np.sum((mine - theirs) ** 2) for k in (0, 1) for mine, theirs in zip(a[k], b[k], strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_best_of_the_starts_is_the_best_of_all_permutations(seed):
    rng = np.random.default_rng(seed)
    a, b = draw(rng, (2, 4, 3, 1)), draw(rng, (2, 4, 3, 1))
    found = match_layers(a, b, n_starts=20, random_state=0)
    best = min(distance(a, reordered(b, both)) for both in product(permutations(range(4)), permutations(range(3))))
    assert distance(a, (found.coefs, found.intercepts)) == pytest.approx(best)
    square = sum(np.sum(part**2) for network in (a, b) for parts in network for part in parts)
    assert square - 2 * found.similarity == pytest.approx(best)
    assert all(np.array_equal(x, y) for x, y in zip(reordered(b, found.orders)[0], found.coefs, strict=True))


def test_one_start_can_be_worse_than_another():
    # Otherwise restarts would be for nothing: over these draws the first start misses the best of all at least once.
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a, b = draw(rng, (2, 6, 6, 6, 1)), draw(rng, (2, 6, 6, 6, 1))
        found.append(match_layers(a, b, n_starts=10, random_state=0).starts)
    assert any(starts[0] < starts.max() - 1e-9 for starts in found)


@pytest.mark.parametrize("seed", range(5))
def test_planted_orders_of_three_layers_are_recovered(seed):
    rng = np.random.default_rng(seed)
    a = draw(rng, (5, 20, 15, 10, 2))
    orders = [rng.permutation(size) for size in (20, 15, 10)]
    found = match_layers(a, reordered(a, orders), random_state=seed)
    for mine, theirs in zip(a[0], found.coefs, strict=True):
        assert np.array_equal(mine, theirs)
    assert all(
        np.array_equal(order[new], np.arange(len(order))) for order, new in zip(orders, found.orders, strict=True)
    )


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_function_stays_and_no_layer_alone_gains(scale):
    rng = np.random.default_rng(3)
    a, b = draw(rng, (3, 5, 4, 2)), draw(rng, (3, 5, 4, 2))
    b = ([scale * part for part in b[0]], [scale * part for part in b[1]])
    found = match_layers(a, b, n_starts=3, random_state=1)
    X, matched = rng.standard_normal((10, 3)), (found.coefs, found.intercepts)
    assert np.allclose(forward(matched, X), forward(b, X), rtol=1e-12, atol=1e-12 * scale)
    least = distance(a, matched) * (1 - 1e-12)
    assert all(distance(a, reordered(matched, (order, range(4)))) >= least for order in permutations(range(5)))
    assert all(distance(a, reordered(matched, (range(5), order))) >= least for order in permutations(range(4)))


def test_one_hidden_layer_is_one_exact_assignment():
    rng = np.random.default_rng(4)
    a, b = (TwoLayerReLU(rng.standard_normal((7, 3)), rng.standard_normal(7)) for _ in range(2))
    parts = [([n.hidden_weights.T, n.output_weights[:, None]], [np.zeros(7), np.zeros(1)]) for n in (a, b)]
    found = match_layers(*parts, n_starts=2, random_state=0)
    assert np.array_equal(found.orders[0], match_neurons(a, b).order)
    assert found.starts[0] == pytest.approx(found.starts[1])


def test_ties_end():
    # All neurons are the same: every order is as good, and none may count as a gain for ever.
    same = ([np.ones((2, 5)), np.ones((5, 5)), np.ones((5, 1))], [np.ones(5), np.ones(5), np.ones(1)])
    found = match_layers(same, same, n_starts=4, random_state=0)
    assert np.ptp(found.starts) == 0 and found.orders[0].tolist() == list(range(5))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_networks_of_scikit_learn_are_taken():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.standard_normal(40)
    nets = [MLPRegressor(hidden_layer_sizes=(6, 5), max_iter=30, random_state=seed).fit(X, y) for seed in (0, 1)]
    found = match_layers(*nets, random_state=0)
    expected = nets[1].predict(X)
    nets[1].coefs_, nets[1].intercepts_ = list(found.coefs), list(found.intercepts)
    assert np.allclose(nets[1].predict(X), expected)


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (draw(np.random.default_rng(0), (2, 4, 4, 1)), "layers of the same shapes"),
        (draw(np.random.default_rng(0), (2, 1)), "b must have two layers of weights or more"),
        ("abc", "b must be a fitted network of scikit-learn or a pair"),
        (
            ([np.ones((2, 4)), np.ones((3, 1))], [np.ones(4), np.ones(1)]),
            r"layer 1 of b must have weights of shape",
        ),
        (([np.ones((2, 4)), np.full((4, 1), np.nan)], [np.ones(4), np.ones(1)]), "layer 1 of b must be finite"),
    ],
)
def test_bad_input(b, message):
    with pytest.raises(ValueError, match=message):
        match_layers(draw(np.random.default_rng(0), (2, 4, 3, 1)), b)
