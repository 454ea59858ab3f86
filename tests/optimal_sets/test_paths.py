"""Paths between optimal networks of one width: optimal all along, continuous, and there exactly when one exists."""

from functools import cache
from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from convexnn import TwoLayerReLU
from convexnn.optimal_sets import optimal_set

from ..checks import augment, free_columns
from ..zoo import random_problem
from .reference import data_sets, in_cone
from .test_networks import SETS, small_data

RANDOM = {f"{n} x {d}, {seed}": (*random_problem(n, d, seed), 0.2) for n, d, seed in ((4, 2, 3), (5, 2, 1), (4, 3, 7))}
FREE = [
    ("generic", ("hidden_bias",)),
    ("hexagon", ("fit_intercept",)),
    ("hexagon", ("skip_connection",)),
    ("grid", ("hidden_bias", "fit_intercept")),
    ("one input", ("hidden_bias", "fit_intercept", "skip_connection")),
]
CASES = [(name, ()) for name in [*SETS, "polygon 4", "tied triangle, two", *RANDOM]] + FREE
each_case = pytest.mark.parametrize(("name", "flags"), CASES, ids=[" + ".join([name, *flags]) for name, flags in CASES])


def data(name, flags):
    return small_data()[name] if flags else {**data_sets(), **RANDOM}[name]


@cache
def solved(name, flags):
    return optimal_set(*data(name, flags), **dict.fromkeys(flags, True))


def objective(network, X, y, beta):
    """Half the sum of squares and the penalty, in a few products."""
    fit = np.maximum(augment(X, network.hidden_bias is not None) @ network.neurons.T, 0.0) @ network.output_weights
    free = free_columns(X, network.intercept is not None, network.skip_weights is not None) @ terms(network)
    return 0.5 * np.sum((y - fit - free) ** 2) + 0.5 * beta * np.sum(weights(network) ** 2)


def scattered(found, masses, width, rng):
    """The network of some masses, its neurons split and shuffled over all slots or only some of them."""
    network = found.network(masses)
    for _ in range(rng.integers(0, width - network.width + 1) if network.width else 0):
        share = rng.uniform(0.2, 0.8)
        network = network.split(int(rng.integers(network.width)), [share, 1 - share])
    return network.padded(width).permuted(rng.permutation(width))


def members(found, width, rng, most=8):
    """Random optimal networks of a width: vertices and mixtures of vertices."""
    chosen = []
    for _ in range(20 * most):
        masses = (
            rng.dirichlet(np.ones(k := rng.integers(1, 4))) @ found.vertices[rng.integers(0, len(found.vertices), k)]
        )
        if np.count_nonzero(masses) <= width and len(chosen) < most:
            chosen.append(scattered(found, masses, width, rng))
    return chosen


def isolated(found, width, most=8):
    """Placements of the vertices that have a neuron for every slot; at most so many."""
    vertices = found.vertices[np.count_nonzero(found.vertices, axis=1) == width]
    orders = list(permutations(range(width)))
    orders = orders[:: max(1, len(vertices) * len(orders) // most)]
    return [found.network(masses).permuted(list(order)) for masses in vertices for order in orders][:most]


def wide_pairs(found, n_pairs=3, seed=0):
    """Pairs of networks of a width at which every path exists, the first of them mixtures of all vertices."""
    rng = np.random.default_rng(seed)
    mixtures = [rng.dirichlet(np.ones(len(found.vertices))) @ found.vertices for _ in range(2)]
    width = max(found.connected_from, *[np.count_nonzero(masses) for masses in mixtures]) + 1
    pairs = [[scattered(found, masses, width, rng) for masses in mixtures]]
    return pairs + [members(found, width, rng, 2) for _ in range(n_pairs - 1)]


def weights(network):
    """All weights of the neurons in one row each, biases included."""
    return np.column_stack([network.neurons, network.output_weights])


def terms(network):
    """The weights that belong to no neuron."""
    skip = [] if network.skip_weights is None else network.skip_weights
    return np.append(skip, [] if network.intercept is None else network.intercept)


def jumps(path, shares):
    """Largest distance between a neuron's weights at neighbouring points, for every pair of neighbours."""
    rows = np.array([weights(path(t)) for t in shares])
    return np.linalg.norm(np.diff(rows, axis=0), axis=2).max(axis=1, initial=0.0)


def check_continuous(found, path):
    """A mass that moves by e moves its weights by at most sqrt(2 e); so do the steps within the largest step."""
    shares = np.linspace(0, 1, 1000)
    for _ in range(3):
        steps = jumps(path, shares)
        most = (len(path.knots) - 1) * found.total_mass * (shares[1] - shares[0])
        assert steps.max() <= 1.01 * np.sqrt(2 * most)
        worst = int(steps.argmax())
        shares = np.linspace(shares[worst], shares[worst + 1], 50)


def test_the_cases_have_many_vertices_and_few():
    counts = [len(solved(*case).vertices) for case in CASES]
    assert min(counts) == 1 and max(counts) >= 5 and sum(count > 1 for count in counts) >= 8


@each_case
def test_optimal_all_along(name, flags):
    """At a thousand points, by the objective written out anew; the path's own is the same."""
    found = solved(name, flags)
    (a, b), *_ = wide_pairs(found)
    path = found.path(a, b)
    points = [path(t) for t in np.linspace(0, 1, 1000)]
    assert {point.width for point in points} == {a.width}
    values = [objective(point, *data(name, flags)) for point in points]
    np.testing.assert_allclose(values, found.optimal_value, rtol=1e-10)
    for t in np.linspace(0, 1, 7):
        assert path.objective(t) == pytest.approx(found.optimal_value, rel=1e-10)
        assert found.contains(path(t))


@each_case
def test_from_the_first_network_to_the_second(name, flags):
    found = solved(name, flags)
    for a, b in wide_pairs(found):
        path = found.path(a, b)
        for end, network in ((path(0.0), a), (path(0), a), (path(1.0), b), (path(1), b)):
            np.testing.assert_array_equal(weights(end), weights(network))
            np.testing.assert_array_equal(terms(end), terms(network))


@each_case
def test_continuous(name, flags):
    found = solved(name, flags)
    *_, (a, b) = wide_pairs(found)
    path = found.path(a, b)
    check_continuous(found, path)
    near = max(np.abs(terms(path(t)) - terms(path(t + 1e-5))).max(initial=0) for t in np.linspace(0, 0.9999, 200))
    assert near <= 1e-3 * (1.0 + np.abs(terms(a)).max(initial=0))


@each_case
def test_continuous_at_the_knots(name, flags):
    found = solved(name, flags)
    (a, b), *_ = wide_pairs(found)
    path = found.path(a, b)
    for knot in path.knots[1:-1]:
        for step, bound in ((1e-6, 5e-2), (1e-12, 1e-4)):
            apart = weights(path(knot - step)) - weights(path(knot + step))
            assert np.abs(apart).max() <= bound * max(1.0, np.sqrt(found.total_mass))


def glued(fits, target, width):
    """Component of every labelling of the slots that can give the target; the label K stands for an empty slot.

    Labellings that differ by one emptied slot share the networks of the smaller one.
    """
    K = fits.shape[1]
    reach = cache(lambda used: in_cone(fits[:, sorted(used)], target))
    labellings = [slots for slots in product(range(K + 1), repeat=width) if reach(frozenset(slots) - {K})]
    number = {slots: k for k, slots in enumerate(labellings)}
    joins = [
        (number[slots], number[emptied])
        for slots in labellings
        for k in range(width)
        if (emptied := (*slots[:k], K, *slots[k + 1 :])) in number
    ]
    ends = np.array(joins, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(ends.shape[1]), ends), shape=(len(labellings),) * 2)
    return dict(zip(labellings, connected_components(graph, directed=False)[1], strict=True))


def labelling(found, network):
    """The direction in every slot, read off the weights."""
    near = np.abs(network.directions[:, None] - found.directions).max(axis=2) < 1e-6
    near &= network.signs[:, None] == found.signs
    return tuple(np.where(network.masses > 0, near.argmax(axis=1), len(found.signs)).tolist())


@pytest.mark.parametrize("name", ["two_rows", "three_rows", "polygon 4", "polygon 6", "octahedron", *RANDOM])
def test_a_path_exactly_where_the_pieces_are_glued(name):
    """All pairs of isolated points and random networks, at every width up to five or n + 1."""
    found, rng = solved(name, ()), np.random.default_rng(0)
    compared = set()
    for width in range(found.m_star, min(len(data(name, ())[1]) + 1, 5) + 1):
        if (len(found.signs) + 1) ** width > 20_000:
            break
        component = glued(found.fits, found.optimal_fit, width)
        assert len(set(component.values())) == found.n_components(width)
        networks = isolated(found, width) + members(found, width, rng, 5)
        homes = [component[labelling(found, network)] for network in networks]
        for (a, home), (b, other) in combinations(zip(networks, homes, strict=True), 2):
            path = found.path(a, b)
            same_point = np.allclose(weights(a), weights(b), atol=1e-7)
            assert (path is not None) == (home == other or same_point)
            compared.add(path is None)
            if path is not None:
                values = [objective(path(t), *data(name, ())) for t in (0.1, 0.5, 0.9)]
                np.testing.assert_allclose(values, found.optimal_value, rtol=1e-10)
    assert compared >= {True} if found.m_star > 1 else compared


@each_case
def test_from_a_network_to_itself(name, flags):
    """Also from an isolated point."""
    found = solved(name, flags)
    for masses in found.vertices[:3]:
        network = found.network(masses)
        path = found.path(network, network)
        for t in np.linspace(0, 1, 11):
            np.testing.assert_allclose(weights(path(t)), weights(network), rtol=1e-12, atol=1e-14)


@each_case
def test_there_and_back(name, flags):
    found = solved(name, flags)
    (a, b), *_ = wide_pairs(found)
    assert found.path(b, a) is not None and found.path(a, b) is not None


@pytest.mark.parametrize("name", ["two_rows", "three_rows", "tied hexagon"])
def test_the_straight_line_is_not_optimal(name):
    """What the path is for: straight between two optima, in the weights, the objective rises."""
    found = solved(name, ())
    rng = np.random.default_rng(0)
    a, b = (scattered(found, masses, 8, rng) for masses in (found.vertices[0], found.vertices[-1]))
    path = found.path(a, b)
    assert max(path.straight_objective(t) for t in np.linspace(0, 1, 21)) > found.optimal_value * (1 + 1e-3)
    assert path.straight_objective(0.0) == pytest.approx(found.optimal_value, rel=1e-9)


@pytest.mark.parametrize(("x_scale", "y_scale"), [(1e-6, 1.0), (1e6, 1.0), (1.0, 1e-6), (1.0, 1e6), (1e4, 1e-5)])
@pytest.mark.parametrize("name", ["three_rows", "tied hexagon", "octahedron"])
def test_rescaled_data(name, x_scale, y_scale):
    X, y, beta = data(name, ())
    found = optimal_set(x_scale * X, y_scale * y, x_scale * y_scale * beta)
    (a, b), *_ = wide_pairs(found)
    path = found.path(a, b)
    scaled = x_scale * X, y_scale * y, x_scale * y_scale * beta
    values = [objective(path(t), *scaled) for t in np.linspace(0, 1, 100)]
    np.testing.assert_allclose(values, found.optimal_value, rtol=1e-10)
    check_continuous(found, path)


def optimal_pair():
    found = solved("two_rows", ())
    return found, found.minimal_network().padded(3)


@pytest.mark.parametrize("t", [-0.1, 1.1, np.nan, np.inf])
def test_share_outside_the_path(t):
    found, network = optimal_pair()
    path = found.path(network, network.permuted([2, 1, 0]))
    for ask in (path, path.objective, path.straight_objective):
        with pytest.raises(ValueError, match="t must be"):
            ask(t)


def test_widths_that_differ():
    found, network = optimal_pair()
    with pytest.raises(ValueError, match="width"):
        found.path(network, network.padded(4))


@pytest.mark.parametrize("first", [True, False])
def test_networks_that_are_not_optimal(first):
    found, network = optimal_pair()
    bad = TwoLayerReLU(1.1 * network.hidden_weights, network.output_weights)
    with pytest.raises(ValueError, match=f"{'a' if first else 'b'} must be globally optimal"):
        found.path(*((bad, network) if first else (network, bad)))


@pytest.mark.parametrize("bad", [None, 3, "network"])
def test_what_is_no_network(bad):
    found, network = optimal_pair()
    for pair in ((bad, network), (network, bad)):
        with pytest.raises((TypeError, ValueError)):
            found.path(*pair)


def test_between_networks_without_neurons():
    found = optimal_set(np.eye(2), [0.1, 0.1], 1.0)
    empty = found.minimal_network()
    for network in (empty, empty.padded(3)):
        path = found.path(network, network)
        assert path(0.5).width == network.width and not path(0.5).masses.any()


def test_between_networks_optimal_to_a_tolerance():
    """Ends a little off the set are joined to it: the objective never leaves their own level."""
    found = solved("three_rows", ())
    rng = np.random.default_rng(0)
    a, b = (scattered(found, masses, 5, rng) for masses in found.vertices[[0, -1]])
    off = TwoLayerReLU(a.hidden_weights * (1 + 1e-6), a.output_weights)
    path = found.path(off, b)
    values = [path.objective(t) for t in np.linspace(0, 1, 200)]
    assert max(values) <= path.objective(0.0) * (1 + 1e-9) and values[-1] == pytest.approx(found.optimal_value)
