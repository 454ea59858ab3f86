"""The networks of an optimal set: with free terms against brute force, built, padded, recognised and refused."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from convexnn import TwoLayerReLU, certify, price
from convexnn.datasets import make_known_optimum
from convexnn.optimal_sets import optimal_set

from ..checks import augment, brute_force, free_columns, plain_objective
from ..zoo import random_problem
from .reference import all_maximisers, all_vertices, data_sets, glued_components, polygon

FLAGS = [
    {name: True for name, on in zip(("hidden_bias", "fit_intercept", "skip_connection"), chosen, strict=True) if on}
    for chosen in product([False, True], repeat=3)
]


def named(flags):
    return " + ".join(flags) or "none"


def small_data():
    """By name: generic data, symmetric data, integer data with repeated and zero rows."""
    grid = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    return {
        "generic": (*random_problem(6, 2, 0), 0.3),
        "hexagon": (polygon(6), np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), 0.1),
        "grid": (grid, np.array([0.0, 1.0, 1.0, 0.0, 1.0, 3.0]), 0.2),
        "one input": (np.arange(5.0)[:, None], np.array([0.0, 0.0, 1.0, 3.0, 2.0]), 0.2),
    }


@cache
def solved(name, flags):
    X, y, beta = small_data()[name]
    return optimal_set(X, y, beta, **dict.fromkeys(flags, True))


CASES = [(name, tuple(flags)) for name in small_data() for flags in FLAGS]
each_case = pytest.mark.parametrize(
    ("name", "flags"), CASES, ids=[f"{name}, {' + '.join(flags) or 'none'}" for name, flags in CASES]
)


def projected(found, name, flags):
    """Return the fits and the optimal hidden fit modulo the free terms."""
    free = free_columns(small_data()[name][0], "fit_intercept" in flags, "skip_connection" in flags)
    off = np.eye(len(free)) - free @ np.linalg.pinv(free) if free.shape[1] else np.eye(len(free))
    return off @ found.fits, off @ found.optimal_fit


@pytest.mark.mostly_slow
@each_case
def test_value_and_directions_against_brute_force(name, flags):
    X, y, beta = small_data()[name]
    found = solved(name, flags)
    reference = brute_force(X, y, beta, **dict.fromkeys(flags, True))
    assert reference.lower * (1 - 1e-8) - 1e-12 <= found.optimal_value <= reference.value * (1 + 1e-9) + 1e-12
    np.testing.assert_allclose(found.dual_point, reference.dual_point, atol=1e-4 * np.abs(y).max())
    if found.m_star == 0:
        assert found.directions.shape == (0, augment(X, "hidden_bias" in flags).shape[1])
        return
    directions, signs, price = all_maximisers(augment(X, "hidden_bias" in flags), found.dual_point)
    assert price == pytest.approx(beta, rel=1e-8)
    expected, got = np.column_stack([directions, signs]), np.column_stack([found.directions, found.signs])
    near = np.abs(expected[:, None] - got).max(axis=2) < 1e-6
    assert near.shape == (len(signs), len(signs)) and np.all(near.any(axis=0)) and np.all(near.any(axis=1))


@each_case
def test_vertices_are_optimal_networks(name, flags):
    X, y, beta = small_data()[name]
    found = solved(name, flags)
    for masses in found.vertices:
        network = found.network(masses)
        assert network.width == np.count_nonzero(masses)
        assert (network.hidden_bias is not None) == ("hidden_bias" in flags)
        assert (network.intercept is not None) == ("fit_intercept" in flags)
        assert (network.skip_weights is not None) == ("skip_connection" in flags)
        assert plain_objective(network, X, y, beta) == pytest.approx(found.optimal_value, rel=1e-9, abs=1e-13)
        np.testing.assert_allclose(y - network.predict(X), found.dual_point, atol=1e-7)
        assert found.contains(network)
    certificate = certify(network, X, y, beta, proof="exact")
    assert certificate.proof == "exact" and certificate.gap <= 1e-6 * certificate.primal + 1e-13


@each_case
def test_polytope_modulo_the_free_terms(name, flags):
    found = solved(name, flags)
    if found.m_star == 0:
        assert found.vertices.shape == (1, 0)
        return
    fits, target = projected(found, name, flags)
    expected = all_vertices(fits, target)
    apart = np.abs(expected[:, None] - found.vertices).max(axis=2) / found.total_mass
    assert apart.shape[0] == apart.shape[1] and np.all((apart < 1e-6).sum(axis=0) == 1)
    for width in range(7):
        glued = glued_components(fits, target, width, most=1500)
        assert glued is None or (found.n_components(width), found.n_isolated(width)) == glued


@pytest.mark.filterwarnings("ignore:the margin")
@pytest.mark.parametrize("flags", FLAGS, ids=named)
@pytest.mark.parametrize("n_directions", [2, 3])
def test_a_set_known_by_construction(flags, n_directions):
    known = make_known_optimum(9, 3, n_directions=n_directions, random_state=n_directions, **flags)
    found = optimal_set(known.X, known.y, known.beta, **flags)
    assert found.optimal_value == pytest.approx(known.optimal_value, rel=1e-9)
    np.testing.assert_allclose(found.dual_point, known.dual_point, atol=1e-7)
    assert found.total_mass == pytest.approx(known.masses.sum(), rel=1e-7)
    expected, got = np.column_stack([known.directions, known.signs]), np.column_stack([found.directions, found.signs])
    near = np.abs(expected[:, None] - got).max(axis=2) < 1e-6
    assert near.shape == (len(known.signs),) * 2 and np.all(near.sum(axis=0) == 1) and np.all(near.sum(axis=1) == 1)
    masses = np.zeros(len(known.signs))
    masses[near.argmax(axis=1)] = known.masses
    network = found.network(masses)
    np.testing.assert_allclose(network.predict(known.X), known.optimal_fit, atol=1e-6)
    assert found.contains(network) and found.contains(known.network)


@each_case
def test_unique_function_with_free_terms(name, flags):
    """All vertices, with their free terms fitted, at points off the data; two functions differ by far more."""
    found = solved(name, flags)
    points = 3.0 * np.random.default_rng(0).standard_normal((300, small_data()[name][0].shape[1]))
    values = np.array([found.network(masses).predict(points) for masses in found.vertices])
    assert found.is_unique_function == (np.abs(values - values[0]).max() < 1e-5)


@pytest.mark.parametrize("flags", FLAGS, ids=named)
@pytest.mark.parametrize("beta", [1.0, 50.0])
def test_above_beta_max_there_are_no_neurons(flags, beta):
    """Strengths in units of beta_max."""
    X, y = random_problem(6, 2, 4)
    free = free_columns(X, "fit_intercept" in flags, "skip_connection" in flags)
    rest = y - free @ np.linalg.lstsq(free, y, rcond=None)[0] if free.shape[1] else y
    price = all_maximisers(augment(X, "hidden_bias" in flags), rest)[2]
    found = optimal_set(X, y, beta * price * (1 + 1e-12), **flags)
    assert found.m_star == found.M_star == found.connected_from == found.theorem_bound == found.dimension == 0
    assert [found.n_components(width) for width in range(5)] == [1] * 5
    assert [found.n_isolated(width) for width in range(5)] == [1] * 5
    assert all(found.is_connected(width) for width in range(5))
    assert found.optimal_value == pytest.approx(0.5 * rest @ rest, rel=1e-10)
    assert found.is_unique and found.total_mass == 0 and found.margin == np.inf
    network = found.network([], width=3)
    assert network.width == 3 and not network.masses.any() and found.minimal_network().width == 0
    assert found.contains(network) and found.contains(found.minimal_network())


@pytest.mark.parametrize("X", [np.zeros((3, 2)), np.ones((3, 2))], ids=["zero", "constant"])
def test_targets_that_are_zero(X):
    found = optimal_set(X, np.zeros(3), 0.1)
    assert found.optimal_value == 0 and found.m_star == found.M_star == 0 and found.n_components(2) == 1
    assert found.contains(found.minimal_network())
    assert not found.contains(TwoLayerReLU([[1.0, 0.0]], [1.0]))


SETS = ["two_rows", "three_rows", "polygon 6", "tied hexagon", "octahedron", "random 5 x 3, 1"]


@cache
def symmetric(name):
    return optimal_set(*data_sets()[name])


def mixture(found, seed=0):
    """A point of the polytope that uses all vertices."""
    return np.random.default_rng(seed).dirichlet(np.ones(len(found.vertices))) @ found.vertices


@pytest.mark.parametrize("name", SETS)
def test_minimal_network(name):
    X, y, beta = data_sets()[name]
    found = symmetric(name)
    network = found.minimal_network()
    assert network.width == found.m_star and np.all(network.masses > 0)
    assert plain_objective(network, X, y, beta) == pytest.approx(found.optimal_value, rel=1e-10)


@pytest.mark.parametrize("name", SETS)
def test_network_of_a_mixture(name):
    X, y, beta = data_sets()[name]
    found = symmetric(name)
    masses = mixture(found)
    network = found.network(masses)
    used = masses > 0
    assert network.width == used.sum()
    np.testing.assert_allclose(network.masses, masses[used], rtol=1e-10)
    np.testing.assert_allclose(network.directions, found.directions[used], atol=1e-12)
    np.testing.assert_array_equal(network.signs, found.signs[used])
    np.testing.assert_allclose(np.linalg.norm(network.neurons, axis=1), np.abs(network.output_weights), rtol=1e-12)
    assert plain_objective(network, X, y, beta) == pytest.approx(found.optimal_value, rel=1e-10)
    wider = found.network(masses, network.width + 2)
    assert wider.width == network.width + 2 and np.sum(wider.masses == 0) == 2
    np.testing.assert_allclose(wider.predict(X), network.predict(X), rtol=1e-14)
    assert found.network(masses, width=network.width).width == network.width


@pytest.mark.parametrize("name", SETS)
def test_symmetries_stay_in_the_set(name):
    found = symmetric(name)
    network = found.network(mixture(found))
    split = network.split(0, [0.3, 0.7])
    moved = split.padded(split.width + 2)
    moved = moved.permuted(np.random.default_rng(0).permutation(moved.width))
    assert all(found.contains(one) for one in (network, split, moved, moved.pruned(data_sets()[name][0])))


@pytest.mark.parametrize("name", SETS)
def test_perturbed_networks_are_not_in_the_set(name):
    found = symmetric(name)
    network = found.minimal_network()
    W, a = network.hidden_weights, network.output_weights
    assert not found.contains(TwoLayerReLU(1.1 * W, a))
    assert not found.contains(TwoLayerReLU(1.1 * W, a / 1.1))  # the same function, not balanced
    assert not found.contains(TwoLayerReLU(W, -a))
    assert not found.contains(TwoLayerReLU(W[1:], a[1:]))
    bent = W + 0.1 * np.random.default_rng(0).standard_normal(W.shape)
    assert not found.contains(TwoLayerReLU(bent, a))
    assert found.contains(TwoLayerReLU(1.1 * W, a / 1.1), tolerance=0.1)


def test_a_sum_of_two_optima_is_not_in_the_set():
    found = optimal_set(polygon(6), np.ones(6), 0.1)
    assert len(found.vertices) == 2
    with pytest.raises(ValueError, match="masses"):
        found.network(found.vertices.sum(axis=0))
    assert found.contains(found.network(found.vertices.mean(axis=0)))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-1],
        lambda c: np.append(c, 0.0),
        lambda c: c[:, None],
        lambda c: -c,
        lambda c: 0.0 * c,
        lambda c: 1.01 * c,
        lambda c: c[::-1] + [1, 0, -1],
        lambda c: c + np.nan,
        lambda c: c + np.inf,
        lambda c: "all",
        lambda c: None,
    ],
    ids=["short", "long", "column", "negative", "zero", "heavy", "negative entry", "nan", "inf", "text", "none"],
)
def test_bad_masses(change):
    found = symmetric("two_rows")
    with pytest.raises(ValueError, match="masses") as error:
        found.network(change(found.vertices[0]))
    assert "row of X" not in str(error.value)


def test_masses_that_give_the_fit_with_a_negative_one():
    """Beyond a vertex along the edge of the polytope."""
    found = symmetric("two_rows")
    first, second = found.vertices
    with pytest.raises(ValueError, match="masses must be non-negative"):
        found.network(first + 1.1 * (second - first))


@pytest.mark.parametrize("width", [0, 1, -1, 2.5, "3", True, np.nan])
def test_bad_width(width):
    found = symmetric("two_rows")
    with pytest.raises(ValueError, match="width"):
        found.network(mixture(found), width)


def test_thin_margin_is_a_warning():
    """The second maximum, 2.5e-6 below the first, belongs to no optimal network."""
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    with pytest.warns(UserWarning, match="thin"):
        found = optimal_set(np.vstack([X, -X]), [1.0, 0.0, 0.1 * (1 - 2.5e-6), 0.0], 0.1)
    assert found.margin == pytest.approx(2.5e-6, rel=1e-3) and found.m_star == 1


@pytest.mark.parametrize("below", [3e-8, 1e-9, 3e-11, 1e-12])
def test_a_runner_up_within_the_tolerance_is_a_warning(below):
    """Whether it is listed or not, the margin says how far below the first maximum the second one is."""
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    with pytest.warns(UserWarning, match="thin"):
        found = optimal_set(np.vstack([X, -X]), [1.0, 0.0, 0.1 * (1 - below), 0.0], 0.1)
    assert found.margin == pytest.approx(below, rel=1e-2) and found.m_star == 1


@pytest.mark.slow
@pytest.mark.parametrize("network", [None, np.zeros(3), "network"])
def test_contains_wants_a_network(network):
    with pytest.raises(TypeError, match="network"):
        symmetric("two_rows").contains(network)


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (TwoLayerReLU(np.zeros((1, 3)), [0.0]), "network"),
        (TwoLayerReLU(np.zeros((1, 2)), [0.0], intercept=1.0), "intercept"),
        (TwoLayerReLU(np.zeros((1, 2)), [0.0], skip_weights=[0.0, 1.0]), "skip_weights"),
        (TwoLayerReLU(np.zeros((1, 1)), [0.0], hidden_bias=[0.0]), "hidden_bias"),
        (TwoLayerReLU(np.zeros((1, 2)), [[0.0, 1.0]]), "network"),
    ],
)
def test_contains_wants_a_network_of_the_problem(network, named):
    """Two of these fit the data exactly, with terms that cost nothing: below p*, and no member of the set."""
    with pytest.raises(ValueError, match=named):
        symmetric("two_rows").contains(network)


@pytest.mark.parametrize("flags", FLAGS[1:], ids=named)
def test_contains_wants_every_term_of_the_problem(flags):
    X, y = random_problem(6, 2, 0)
    found = optimal_set(X, y, 0.3, **flags)
    with pytest.raises(ValueError, match="network"):
        found.contains(TwoLayerReLU(np.zeros((1, 2)), [0.0]))


def test_rows_of_weight_zero_do_not_count():
    X, y = random_problem(6, 2, 0)
    weight = np.array([1.0, 0.0, 2.0, 1.0, 0.0, 0.5])
    found = optimal_set(X, y, 0.2, sample_weight=weight)
    kept = optimal_set(X[weight > 0], y[weight > 0], 0.2, sample_weight=weight[weight > 0])
    network = found.minimal_network()
    assert found.optimal_value == pytest.approx(kept.optimal_value, rel=1e-9)
    assert plain_objective(network, X, y, 0.2, weight) == pytest.approx(found.optimal_value, rel=1e-9)
    np.testing.assert_allclose(weight * (y - network.predict(X)), found.dual_point, atol=1e-8)
    assert kept.contains(network)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, np.nan, "small"])
def test_bad_tolerance(tolerance):
    found = symmetric("two_rows")
    with pytest.raises(ValueError, match="tolerance"):
        found.contains(found.minimal_network(), tolerance=tolerance)


@pytest.mark.parametrize("time_limit", [-1, np.nan, "1 s"])
def test_bad_time_limit(time_limit):
    X, y, beta = data_sets()["two_rows"]
    found = symmetric("two_rows")
    for call in (
        lambda: optimal_set(X, y, beta, time_limit=time_limit),
        lambda: certify(found.minimal_network(), X, y, beta, time_limit=time_limit),
        lambda: price(X, found.dual_point, time_limit=time_limit),
    ):
        with pytest.raises(ValueError, match="time_limit"):
            call()
