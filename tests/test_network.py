"""The network: its values, its objective, its symmetries and its pruning."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from convexnn._utils import arrays
from convexnn._utils.arrays import to_numpy
from convexnn.exceptions import InvalidInputError
from convexnn.masses.pruning import prune_masses
from convexnn.network import TwoLayerReLU

from .checks import plain_objective, plain_predict
from .kinds import (
    dispatching,
    every_library,
    every_sparse,
    is_beside,
    rows_with_zeros,
    strict,
    strict_elsewhere,
    untidy,
)
from .zoo import degenerate_designs, random_problem, three_rows, two_rows

KINDS = {
    "plain": {},
    "bias": {"hidden_bias": True},
    "intercept": {"intercept": True},
    "skip": {"skip_weights": True},
    "all": {"hidden_bias": True, "intercept": True, "skip_weights": True},
}


def random_network(width, n_inputs, kind="plain", n_outputs=None, seed=0):
    rng = np.random.default_rng(seed)
    outputs = () if n_outputs is None else (n_outputs,)
    shapes = {"hidden_bias": (width,), "intercept": outputs, "skip_weights": (n_inputs, *outputs)}
    extra = {name: rng.standard_normal(shapes[name]) for name in KINDS[kind]}
    return TwoLayerReLU(rng.standard_normal((width, n_inputs)), rng.standard_normal((width, *outputs)), **extra)


kinds = pytest.mark.parametrize("kind", KINDS)
outputs = pytest.mark.parametrize("n_outputs", [None, 1, 3])


def assert_same_function(a, b, X, tolerance=1e-12):
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=tolerance, atol=tolerance * np.abs(a.predict(X)).max())


# Values


@kinds
@outputs
@pytest.mark.parametrize("width", [0, 1, 7])
def test_values_are_those_of_plain_numpy(kind, n_outputs, width):
    X = random_problem(9, 4, seed=1)[0]
    y = np.random.default_rng(2).standard_normal((9,) if n_outputs is None else (9, n_outputs))
    weight = np.array([0.0, 1, 2, 0.5, 1, 1, 3, 0, 1])
    network = random_network(width, 4, kind, n_outputs)
    np.testing.assert_allclose(network.predict(X), plain_predict(network, X), rtol=1e-13, atol=1e-13)
    assert network.predict(X).shape == y.shape
    assert network.objective(X, y, 0.3) == pytest.approx(plain_objective(network, X, y, 0.3), rel=1e-13)
    expected = plain_objective(network, X, y, 0.3, weight)
    assert network.objective(X, y, 0.3, sample_weight=weight) == pytest.approx(expected, rel=1e-13)


@kinds
@outputs
@every_sparse
def test_values_at_sparse_rows(kind, n_outputs, sparse_as):
    network, X = random_network(5, 4, kind, n_outputs), rows_with_zeros(30, 4)
    rows = sparse_as(X)
    np.testing.assert_allclose(network.predict(rows), network.predict(X), rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(rows.toarray(), X)
    y = np.zeros_like(network.predict(X))
    assert np.isclose(network.objective(rows, y, 0.5), network.objective(X, y, 0.5), rtol=1e-13)


def test_values_at_untidy_sparse_rows():
    network, X = random_network(5, 4, "all"), rows_with_zeros(30, 4)
    np.testing.assert_allclose(network.predict(untidy(X)), network.predict(X), rtol=1e-13, atol=1e-13)


def test_values_at_sparse_rows_take_little_memory():
    network = random_network(5, 50_000, "all")
    columns = np.random.default_rng(0).integers(0, 50_000, 100_000)
    rows = sparse.csr_array((np.ones(100_000), columns, np.arange(0, 100_001, 5)), shape=(20_000, 50_000))  # 8 GB dense
    tracemalloc.start()
    found = network.predict(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found[:50], network.predict(rows[:50].toarray()), rtol=1e-12, atol=1e-12)
    assert peak < 50e6


@kinds
@outputs
@every_library
@pytest.mark.parametrize("dtype, tol", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_values_at_arrays_of_other_libraries(kind, n_outputs, array_as, dtype, tol):
    network, X = random_network(5, 4, kind, n_outputs), rows_with_zeros(30, 4).astype(dtype)
    with dispatching():
        rows = array_as(X)
        found = network.predict(rows)
        assert is_beside(found, rows)
        np.testing.assert_allclose(to_numpy(found), network.predict(X), rtol=tol, atol=tol)
        y = np.ones_like(network.predict(X))
        value = network.objective(rows, array_as(y), 0.5)
        assert isinstance(value, float) and np.isclose(value, network.objective(X, y, 0.5), rtol=tol)


def test_blocks_on_a_device_are_put_together(monkeypatch):
    monkeypatch.setattr(arrays, "DEVICE_ENTRIES", 28)  # 7 rows
    network, X = random_network(5, 4, "all", 2), rows_with_zeros(30, 4)
    with dispatching():
        found = network.predict(strict_elsewhere(X))
    np.testing.assert_allclose(to_numpy(found), network.predict(X), rtol=1e-13, atol=1e-13)


def test_integers_of_other_libraries_become_double():
    network, counts = random_network(5, 4, "all"), np.arange(40).reshape(10, 4)
    with dispatching():
        np.testing.assert_allclose(to_numpy(network.predict(strict(counts))), network.predict(counts), rtol=1e-13)


def test_torch_without_dispatch_becomes_numpy():
    torch = pytest.importorskip("torch")
    network, X = random_network(5, 4, "all"), rows_with_zeros(30, 4)
    found = network.predict(torch.asarray(X))
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, network.predict(X))


@every_library
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_of_any_library(array_as, bad):
    X = rows_with_zeros(30, 4)
    X[3, 2] = bad
    with dispatching(), pytest.raises(ValueError, match="X contains (NaN|infinity)"):
        random_network(5, 4).predict(array_as(X))
    with pytest.raises(ValueError, match="X contains (NaN|infinity)"):
        random_network(5, 4).predict(sparse.csr_array(X))


def test_objective_of_known_optima():
    known = two_rows(0.1)
    root = np.sqrt(0.95)
    network = TwoLayerReLU([[0.0, root]], [root])
    assert network.objective(known.X, known.y, known.beta) == pytest.approx(known.value, rel=1e-14)
    assert TwoLayerReLU(np.zeros((0, 2)), []).objective(known.X, known.y, 0.1) == 1.0


@kinds
def test_columns_of_fits_add_up_to_the_hidden_part(kind):
    X, _ = random_problem(6, 3)
    network = random_network(5, 3, kind)
    hidden = TwoLayerReLU(network.hidden_weights, network.output_weights, hidden_bias=network.hidden_bias)
    np.testing.assert_allclose(network.fits(X).sum(axis=1), hidden.predict(X), atol=1e-13)
    np.testing.assert_allclose(network.activations(X) * network.output_weights, network.fits(X), atol=1e-13)


def test_absent_and_zero_terms_differ():
    absent, present = TwoLayerReLU([[1.0]], [1.0]), TwoLayerReLU([[1.0]], [1.0], intercept=0.0, hidden_bias=[0.0])
    assert absent.intercept is None and absent.hidden_bias is None and absent.skip_weights is None
    assert present.intercept == 0.0 and isinstance(present.intercept, float)
    assert absent.neurons.shape == (1, 1) and present.neurons.shape == (1, 2)
    assert present.padded(2).intercept == 0.0 and absent.padded(2).intercept is None


def test_properties():
    network = TwoLayerReLU([[3.0, 0.0], [0.0, 0.0]], [-2.0, 1.0], hidden_bias=[4.0, 0.0])
    np.testing.assert_array_equal(network.neurons, [[3, 0, 4], [0, 0, 0]])
    np.testing.assert_allclose(network.directions, [[0.6, 0, 0.8], [0, 0, 0]])
    np.testing.assert_allclose(network.masses, [10, 0])
    np.testing.assert_array_equal(network.signs, [-1, 1])
    assert (network.width, network.n_inputs) == (2, 2)


@pytest.mark.parametrize("scale", [1e155, 1e-155])
def test_extreme_magnitudes(scale):
    network = TwoLayerReLU([[3.0 * scale, 4.0 * scale]], [2.0 / scale])
    X, y = np.array([[1.0, 1.0]]), np.array([13.0])
    assert network.masses == pytest.approx([10.0], rel=1e-14)
    # Large inputs: X u alone would overflow for the large scale, and underflow for the small one.
    np.testing.assert_allclose(network.predict(X * scale), [14 * scale], rtol=1e-14)
    balanced = network.balanced()
    np.testing.assert_allclose(balanced.hidden_weights, np.array([[0.6, 0.8]]) * np.sqrt(10), rtol=1e-14)
    assert balanced.objective(X, y, 0.1) == pytest.approx(0.5 + 0.05 * 20, rel=1e-13)
    np.testing.assert_allclose(network.pruned(X).masses, [10.0], rtol=1e-13)
    assert TwoLayerReLU([[1e154]], [1e154]).objective([[0.0]], [0.0], 1e-308) == pytest.approx(1.0, rel=1e-13)


def test_an_objective_beyond_float64_is_infinite():
    assert TwoLayerReLU([[1e200]], [1e200]).objective([[1.0]], [0.0], 1.0) == np.inf


def test_rows_of_weight_zero_do_not_count_however_large():
    network = TwoLayerReLU([[1.0]], [1.0])
    value = network.objective([[1.0], [1.0]], [1.0, 1e200], 1.0, sample_weight=[1.0, 0.0])
    assert value == pytest.approx(1.0, rel=1e-14)


# Frozen


@pytest.mark.parametrize("again", [lambda n: n, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_frozen(again):
    network = again(random_network(3, 2, "all"))
    for name in ("hidden_weights", "output_weights", "hidden_bias", "skip_weights"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(network, name)[0] = 0.0
    with pytest.raises(AttributeError):
        network.intercept = 1.0


def test_the_callers_arrays_are_copied():
    weights = np.ones((1, 2))
    network = TwoLayerReLU(weights, [1.0])
    weights[0, 0] = 5.0
    assert network.hidden_weights[0, 0] == 1.0


def test_repr():
    assert repr(random_network(1, 2)) == "TwoLayerReLU(1 neuron, 2 inputs, 1 output)"
    expected = "TwoLayerReLU(3 neurons, 1 input, 2 outputs, hidden bias, intercept, skip weights)"
    assert repr(random_network(3, 1, "all", n_outputs=2)) == expected


# Symmetries


MOVES = {
    "permuted": lambda network: network.permuted([3, 0, 4, 2, 1]),
    "split": lambda network: network.split(2, [0.2, 0.5, 0.3]),
    "padded": lambda network: network.padded(8),
    "split and merged": lambda network: network.split(4, [0.9, 0.1]).split(0, [0.5, 0.5]).merged(),
}


@kinds
@outputs
@pytest.mark.parametrize("move", MOVES)
def test_symmetries_keep_the_function_and_the_objective(kind, n_outputs, move):
    X = random_problem(8, 3, seed=3)[0]
    y = np.zeros((8,) if n_outputs is None else (8, n_outputs))
    network = random_network(5, 3, kind, n_outputs).balanced()
    moved = MOVES[move](network)
    assert_same_function(network, moved, X)
    assert moved.objective(X, y, 0.7) == pytest.approx(network.objective(X, y, 0.7), rel=1e-12)
    assert moved.width == {"permuted": 5, "split": 7, "padded": 8, "split and merged": 5}[move]


@kinds
@outputs
def test_balancing_keeps_the_function_and_lowers_the_penalty(kind, n_outputs):
    X = random_problem(8, 3)[0]
    network = random_network(5, 3, kind, n_outputs)
    balanced = network.balanced()
    assert_same_function(network, balanced, X)
    np.testing.assert_allclose(balanced.masses, network.masses, rtol=1e-13)
    norms = np.linalg.norm(balanced.output_weights.reshape(5, -1), axis=1)
    np.testing.assert_allclose(np.linalg.norm(balanced.neurons, axis=1), norms, rtol=1e-13)
    y = network.predict(X)
    assert balanced.objective(X, y, 2.0) == pytest.approx(2 * network.masses.sum(), rel=1e-12)
    assert balanced.objective(X, y, 2.0) < network.objective(X, y, 2.0)


def test_splitting_keeps_the_kind_of_balance():
    network = TwoLayerReLU([[8.0]], [0.5]).split(0, [0.25, 0.75])
    np.testing.assert_allclose(network.masses, [1.0, 3.0])
    np.testing.assert_allclose(network.hidden_weights[:, 0] / network.output_weights, [16.0, 16.0])


def test_permuted_takes_neuron_order_k_to_place_k():
    network = random_network(4, 2, "bias")
    moved = network.permuted([2, 3, 1, 0])
    np.testing.assert_array_equal(moved.hidden_weights[0], network.hidden_weights[2])
    np.testing.assert_array_equal(moved.hidden_bias, network.hidden_bias[[2, 3, 1, 0]])


def test_merged_joins_only_the_same_direction_and_sign():
    network = TwoLayerReLU([[1.0, 0], [0, 1], [2, 0], [3, 0], [-1, 0], [0, 0]], [1.0, 1, 0.5, -1, 1, 5])
    merged = network.merged()
    np.testing.assert_allclose(merged.masses, [2.0, 1.0, 3.0, 1.0])
    np.testing.assert_array_equal(merged.signs, [1, 1, -1, 1])
    assert_same_function(network, merged, random_problem(7, 2)[0])


# Pruning


def test_pruning_ends_at_a_vertex_of_the_six_gon():
    known = three_rows(0.1)
    # All six directions with the same mass: the centre of the optimal polytope.
    masses = np.full(6, 0.9 / 2)
    network = TwoLayerReLU(known.directions * np.sqrt(masses)[:, None], np.sqrt(masses))
    assert network.objective(known.X, known.y, known.beta) == pytest.approx(known.value, rel=1e-12)
    pruned = network.pruned(known.X)
    assert pruned.width in (2, 3)
    assert pruned.objective(known.X, known.y, known.beta) == pytest.approx(known.value, rel=1e-12)


@kinds
@pytest.mark.parametrize("n_samples", [1, 4, 12])
@pytest.mark.parametrize("width", [1, 5, 40])
def test_pruning_keeps_the_fit_and_never_raises_the_objective(kind, n_samples, width):
    X, y = random_problem(n_samples, 3, seed=n_samples)
    network = random_network(width, 3, kind, seed=width).padded(width + 2)
    pruned = network.pruned(X)
    np.testing.assert_allclose(pruned.predict(X), network.predict(X), atol=1e-11 * np.abs(network.fits(X)).sum())
    assert pruned.objective(X, y, 0.3) <= network.balanced().objective(X, y, 0.3) * (1 + 1e-12)
    assert pruned.width <= min(width, n_samples)
    fits = pruned.fits(X)
    assert np.linalg.matrix_rank(fits / np.linalg.norm(fits, axis=0)) == pruned.width
    assert np.all(pruned.masses > 0)


@pytest.mark.parametrize("name", degenerate_designs())
def test_pruning_on_degenerate_data(name):
    X = degenerate_designs()[name]
    network = random_network(30, X.shape[1], "bias").balanced()
    pruned = network.pruned(X)
    np.testing.assert_allclose(pruned.predict(X), network.predict(X), atol=1e-10)
    assert pruned.width <= np.linalg.matrix_rank(network.fits(X))
    assert pruned.masses.sum() <= network.masses.sum() * (1 + 1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
def test_pruning_does_not_depend_on_scale(scale):
    X, _ = random_problem(4, 3)
    network = random_network(12, 3)
    expected = network.pruned(X)
    scaled = network.pruned(X * scale)
    np.testing.assert_allclose(scaled.masses, expected.masses, rtol=1e-9)
    np.testing.assert_allclose(network.balanced().pruned(X).masses, expected.masses, rtol=1e-9)


def test_pruning_many_collinear_neurons_leaves_one():
    network = TwoLayerReLU(np.ones((50, 2)), np.linspace(0.1, 1, 50))
    pruned = network.pruned(np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]]))
    assert pruned.width == 1
    assert pruned.masses.sum() == pytest.approx(network.masses.sum(), rel=1e-12)


def test_pruning_lowers_the_total_where_it_can():
    # Column 2 is the sum of the others at the price of one mass instead of two.
    kept = prune_masses(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), np.array([1.0, 1.0, 0.5]))
    np.testing.assert_allclose(kept, [0, 0, 1.5], atol=1e-14)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 3, 0, 1], [0, 2, 1, 3]])
def test_pruning_fits_of_very_different_sizes(order):
    # Two opposite columns whose masses cost next to nothing, beside two equal ones.
    fits = np.array([[1e13, -1e13, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])[:, order]
    masses = np.array([3.0, 1.0, 0.5, 0.5])[order]
    kept = prune_masses(fits, masses)
    np.testing.assert_allclose(kept[np.argsort(order)][:2], [2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(fits @ kept, fits @ masses, atol=1e-14 * np.abs(fits @ masses).max())
    assert np.count_nonzero(kept) == 2


# Bad input


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([1.0, 2.0], [1.0]), {}, "hidden_weights must have shape"),
        ((np.zeros((2, 0)), np.zeros(2)), {}, "hidden_weights must have shape"),
        (([[1.0], [2.0]], [1.0]), {}, r"output_weights must have shape \(2,\)"),
        (([[1.0]], np.zeros((1, 0))), {}, "output_weights must have shape"),
        (([[np.nan]], [1.0]), {}, "hidden_weights must be finite"),
        (([[1.0]], [np.inf]), {}, "output_weights must be finite"),
        (([[1j]], [1.0]), {}, "hidden_weights must be an array of real numbers"),
        (([["a"]], [1.0]), {}, "hidden_weights must be an array of real numbers"),
        (([[1.0]], [1.0]), {"hidden_bias": [1.0, 2.0]}, "hidden_bias must have shape"),
        (([[1.0]], [1.0]), {"hidden_bias": True}, "hidden_bias must have shape"),
        (([[1.0]], [1.0]), {"intercept": [1.0]}, "intercept must have shape"),
        (([[1.0]], [[1.0, 2.0]]), {"intercept": 1.0}, "intercept must have shape"),
        (([[1.0]], [1.0]), {"skip_weights": 1.0}, "skip_weights must have shape"),
        (([[1.0]], [1.0]), {"skip_weights": [np.nan]}, "skip_weights must be finite"),
    ],
)
def test_bad_weights(arguments, keywords, message):
    with pytest.raises(InvalidInputError, match=message):
        TwoLayerReLU(*arguments, **keywords)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: n.predict(np.ones((2, 5))), "X must have 2 columns"),
        (lambda n: n.predict([[np.nan, 1.0]]), "NaN"),
        (lambda n: n.fits(np.ones((2, 5))), "X must have 2 columns"),
        (lambda n: n.objective(np.ones((2, 2)), [1.0], 1.0), "y must have shape"),
        (lambda n: n.objective(np.ones((2, 2)), [1.0, 1.0], 0.0), "beta"),
        (lambda n: n.objective(np.ones((2, 2)), [1.0, 1.0], np.nan), "beta"),
        (lambda n: n.objective(np.ones((2, 2)), [1.0, 1.0], 1.0, loss="none"), "loss must be"),
        (lambda n: n.objective(np.ones((2, 2)), [1.0, 1.0], 1.0, sample_weight=[-1.0, 1.0]), "sample_weight"),
        (lambda n: n.permuted([0, 0, 1]), "order must be a permutation"),
        (lambda n: n.permuted([0, 1]), "order must be a permutation"),
        (lambda n: n.split(3, [0.5, 0.5]), "j must be a neuron from 0 to 2"),
        (lambda n: n.split(-1, [0.5, 0.5]), "j must be an integer not below 0"),
        (lambda n: n.split(0, [0.5, 0.6]), "shares must be"),
        (lambda n: n.split(0, [1.5, -0.5]), "shares must be"),
        (lambda n: n.padded(2), "width must be at least 3"),
        (lambda n: n.padded(2.5), "width must be an integer"),
        (lambda n: n.pruned(np.ones((2, 5))), "X must have 2 columns"),
    ],
)
def test_bad_calls(call, message):
    with pytest.raises(ValueError, match=message):
        call(random_network(3, 2))


@pytest.mark.parametrize("name", ["signs", "fits"])
def test_methods_of_one_output_refuse_several_by_name(name):
    network = random_network(3, 2, n_outputs=2)
    with pytest.raises(InvalidInputError, match=f"{name} is defined for networks with one output"):
        attribute = getattr(network, name)
        attribute(np.ones((2, 2)))


def test_targets_of_several_outputs_must_match():
    with pytest.raises(InvalidInputError, match=r"y must have shape \(2, 2\)"):
        random_network(3, 2, n_outputs=2).objective(np.ones((2, 2)), np.ones(2), 1.0)


def test_pruned_networks_of_several_outputs_keep_their_values():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((5, 2))
    network = TwoLayerReLU(rng.standard_normal((30, 2)), rng.standard_normal((30, 2)), intercept=[1.0, -1.0])
    pruned = network.pruned(X)
    assert pruned.width <= 10 and pruned.masses.sum() <= network.masses.sum() * (1.0 + 1e-12)
    np.testing.assert_allclose(pruned.predict(X), network.predict(X), atol=1e-10)
