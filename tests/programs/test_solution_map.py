"""Convex program to network and back."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.network import TwoLayerReLU
from convexnn.programs import ConvexSolution, to_convex, to_network

from ..test_network import KINDS, random_network
from ..zoo import degenerate_designs, random_problem

kinds = pytest.mark.parametrize("kind", KINDS)


def sorted_neurons(network):
    vectors = np.column_stack([network.neurons, network.output_weights])
    return vectors[np.lexsort(np.round(vectors, 9).T)]


@kinds
@pytest.mark.parametrize("width", [0, 1, 4, 60])
@pytest.mark.parametrize("n_samples", [1, 6])
def test_the_fit_stays_and_the_penalty_never_grows(kind, width, n_samples):
    X, _ = random_problem(n_samples, 3, seed=1)
    network = random_network(width, 3, kind, seed=2)
    solution = to_convex(network, X)
    np.testing.assert_allclose(solution.fit(X), network.predict(X), atol=1e-11)
    assert solution.penalty <= network.masses.sum() * (1 + 1e-12)
    again = to_network(solution)
    np.testing.assert_allclose(again.predict(X), network.predict(X), atol=1e-11)
    assert again.masses.sum() == pytest.approx(solution.penalty, rel=1e-12)
    assert (again.intercept, again.hidden_bias is None) == (network.intercept, network.hidden_bias is None)


@kinds
def test_there_and_back_is_the_identity_without_shared_patterns(kind):
    X, _ = random_problem(40, 3, seed=5)
    network = random_network(4, 3, kind, seed=3)
    again = to_network(to_convex(network, X))
    np.testing.assert_allclose(sorted_neurons(again), sorted_neurons(network.balanced()), atol=1e-12)
    np.testing.assert_allclose(to_convex(again, X).fit(X), network.predict(X), atol=1e-12)


def test_there_and_back_merges_the_parts_of_a_split_neuron():
    X, _ = random_problem(40, 3, seed=5)
    network = random_network(3, 3).balanced()
    again = to_network(to_convex(network.split(1, [0.3, 0.7]).padded(9), X))
    np.testing.assert_allclose(sorted_neurons(again), sorted_neurons(network), atol=1e-12)


def test_back_and_there_is_the_identity():
    solution = to_convex(random_network(6, 3, "all", seed=1), random_problem(30, 3)[0])
    again = to_convex(to_network(solution), random_problem(30, 3)[0])
    order = [again.patterns.tolist().index(mask) for mask in solution.patterns.tolist()]
    np.testing.assert_allclose(again.positive[:, order], solution.positive, atol=1e-12)
    np.testing.assert_allclose(again.negative[:, order], solution.negative, atol=1e-12)
    np.testing.assert_array_equal(again.free, solution.free)


@pytest.mark.parametrize("name", degenerate_designs())
def test_blocks_lie_in_the_closed_cones_of_degenerate_data(name):
    X = degenerate_designs()[name]
    # Integer neurons lie exactly on the kinks of the zero rows, of the binary column and of the grid.
    rng = np.random.default_rng(0)
    network = TwoLayerReLU(rng.integers(-1, 2, (20, X.shape[1])), rng.integers(-1, 2, 20))
    solution = to_convex(network, X)
    sides = 2.0 * solution.patterns.T - 1.0
    for blocks in (solution.positive, solution.negative):
        assert np.all(sides * (X @ blocks) >= -1e-12)
    np.testing.assert_allclose(solution.fit(X), network.predict(X), atol=1e-12)
    assert len(np.unique(solution.patterns, axis=0)) == len(solution.patterns)


def test_a_row_on_the_kink_is_counted_as_active():
    solution = to_convex(TwoLayerReLU([[0.0, 1.0]], [1.0]), [[1.0, 0.0], [0.0, 0.0], [0.0, -1.0]])
    np.testing.assert_array_equal(solution.patterns, [[True, True, False]])


def test_a_block_becomes_its_balanced_neuron():
    solution = ConvexSolution([[True], [False]], [[3.0, 0.0], [4.0, 0.0]], [[0.0, 0.0], [0.0, -4.0]], [])
    network = to_network(solution)
    np.testing.assert_allclose(network.neurons, [[3 / np.sqrt(5), 4 / np.sqrt(5)], [0, -2]])
    np.testing.assert_allclose(network.output_weights, [np.sqrt(5), -2])


def test_free_terms_are_skip_weights_then_the_intercept():
    blocks = np.zeros((3, 1))
    solution = ConvexSolution([[True]], blocks, blocks, [1.0, 2.0, 3.0], True, True, True)
    network = to_network(solution)
    np.testing.assert_array_equal(network.skip_weights, [1, 2])
    assert network.intercept == 3.0 and network.hidden_bias.shape == (0,)
    np.testing.assert_array_equal(solution.fit([[10.0, 100.0]]), [213.0])


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_extreme_blocks(scale):
    network = to_network(ConvexSolution([[True]], [[3 * scale], [4 * scale]], [[0.0], [0.0]], []))
    np.testing.assert_allclose(network.output_weights, [np.sqrt(5 * scale)], rtol=1e-13)
    back = to_convex(network, [[1.0, 1.0]])
    np.testing.assert_allclose(back.positive[:, 0] / scale, [3, 4], rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[True]], [[1.0, 2.0]], [[1.0]], []), "positive must have shape"),
        (([[True]], [[1.0]], [[1.0, 2.0]], []), "negative must have shape"),
        (([True], [[1.0]], [[1.0]], []), "positive must have shape"),
        (([[True]], [[1.0]], [[1.0]], [1.0]), r"free must have shape \(0,\)"),
        (([[True]], [[1.0]], [[1.0]], [], False, True), r"free must have shape \(1,\)"),
    ],
)
def test_bad_solutions(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        ConvexSolution(*arguments)


def test_bad_networks():
    with pytest.raises(InvalidInputError, match="one output"):
        to_convex(random_network(2, 3, n_outputs=2), np.ones((2, 3)))
    with pytest.raises(InvalidInputError, match="X must have 3 columns"):
        to_convex(random_network(2, 3), np.ones((2, 4)))


@pytest.mark.parametrize("wrong", [None, 3, "network", np.zeros(2), object()])
def test_what_is_no_network_is_named(wrong):
    with pytest.raises(TypeError, match=f"network must be a TwoLayerReLU; got {type(wrong).__name__}"):
        to_convex(wrong, np.eye(2))
    with pytest.raises(TypeError, match=f"solution must be a ConvexSolution.*; got {type(wrong).__name__}"):
        to_network(wrong)
