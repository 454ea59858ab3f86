"""What is known of the optima of several outputs, against fine grids, other searches and sets of one output."""

import copy
import pickle

import numpy as np
import pytest
from scipy.optimize import minimize

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    InvalidInputError,
    NotDescribedError,
    SolverError,
    TwoLayerReLU,
    UnknownPathError,
    VectorOptimalSet,
    optimal_set,
)

from ..zoo import degenerate_designs, three_rows, two_outputs, two_rows, variants


def problem(n, d, c, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((n, c))


def labelled(n=14):
    X, _ = problem(n, 2, 1)
    return X, np.eye(3)[(np.arange(n) + (X[:, 0] > 0)) % 3]


def angles_to(directions, points):
    """The angle of every point to the nearest direction."""
    return np.arccos(np.clip(points @ directions.T, -1.0, 1.0)).min(axis=1, initial=np.pi)


def circle(n=20_000):
    angles = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def beside_zeros(network, width):
    """A network of one output with a second output that is zero."""
    outputs = np.column_stack([network.output_weights, np.zeros(network.width)])
    return TwoLayerReLU(network.hidden_weights, outputs).padded(width)


@pytest.mark.parametrize("c", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_all_optimal_directions_against_a_grid(c, seed):
    X, Y = problem(12, 2, c, seed)
    found = optimal_set(X, Y, 0.5)
    grid = circle()
    prices = np.linalg.norm(np.maximum(grid @ X.T, 0.0) @ found.dual_point, axis=1)
    assert prices.max() <= 0.5 * (1.0 + 1e-8)
    above = grid[prices >= 0.5 * found.level]
    assert angles_to(found.directions, above).max(initial=0.0) <= found.radius + 1e-6
    # Every local maximum of the grid that is not by far lower is listed, and no other.
    high = prices >= 0.5 * (1.0 - min(0.5 * found.margin, 1e-2))
    peaks = high & (prices >= np.roll(prices, 1)) & (prices >= np.roll(prices, -1))
    assert angles_to(found.directions, grid[peaks]).max() <= 1e-3
    assert angles_to(grid[peaks], found.directions).max() <= 1e-3
    assert found.is_isolated.all() and 0.0 < found.radius < 0.2 and found.margin > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_other_optimal_networks_are_where_it_says(seed):
    """Networks that scipy finds from other starts, as wide as the theorem asks: no more than the optimum, and near."""
    X, Y = problem(5, 2, 2, seed)
    found, width, rng = optimal_set(X, Y, 0.3), 11, np.random.default_rng(seed)

    def objective(vector):
        neurons, outputs = np.split(vector.reshape(width, 4), 2, axis=1)
        return 0.5 * np.sum((Y - np.maximum(X @ neurons.T, 0.0) @ outputs) ** 2) + 0.15 * (vector @ vector)

    ends = [minimize(objective, rng.standard_normal(4 * width), options={"maxiter": 2000}) for _ in range(8)]
    best = min(ends, key=lambda end: end.fun)
    assert best.fun >= found.certificate.dual and best.fun <= found.optimal_value * (1.0 + 1e-3)
    neurons, outputs = np.split(best.x.reshape(width, 4), 2, axis=1)
    network = TwoLayerReLU(neurons, outputs)
    heavy = network.masses > 0.05 * found.total_mass
    assert angles_to(found.directions, network.directions[heavy]).max() <= found.radius + 0.2
    assert network.masses.sum() == pytest.approx(found.total_mass, rel=1e-2)


@pytest.mark.parametrize("known", [two_rows(), three_rows()], ids=str)
def test_one_output_beside_zeros(known):
    one = optimal_set(known.X, known.y, known.beta)
    found = optimal_set(known.X, np.column_stack([known.y, np.zeros(len(known.y))]), known.beta)
    assert isinstance(found, VectorOptimalSet) and found.optimal_value == pytest.approx(known.value, rel=1e-8)
    assert found.total_mass == pytest.approx(one.total_mass, rel=1e-6)
    assert len(found.directions) == len(one.directions) and found.is_isolated.all()
    assert angles_to(found.directions, one.directions).max() <= 1e-6
    np.testing.assert_allclose(found.dual_point[:, 0], one.dual_point, atol=1e-6)
    np.testing.assert_allclose(np.abs(found.outputs), np.repeat([[1.0, 0.0]], len(found.outputs), axis=0), atol=1e-6)
    for width in range(2, len(known.y) + 2):
        networks = [one.network(masses) for masses in one.vertices]
        networks = [network.padded(width) for network in networks if network.width <= width]
        for k, a in enumerate(networks):
            for b in networks[:k]:
                ends = beside_zeros(a, width), beside_zeros(b, width)
                if one.path(a, b) is None:
                    with pytest.raises(UnknownPathError, match="not known"):
                        found.path(*ends)
                else:
                    check_optimal(found.path(*ends), found, ends)


def check_optimal(path, found, ends):
    assert path(0.0) is ends[0] and path(1.0) is ends[1]
    values = [path.objective(t) for t in np.linspace(0.0, 1.0, 101)]
    assert max(values) <= max(values[0], values[-1]) * (1.0 + 1e-9)
    assert all(found.contains(path(t)) and path(t).width == ends[0].width for t in path.knots)


def test_a_continuum_is_not_called_isolated():
    """X = I and N = beta I: every direction of the quadrant is optimal."""
    known = two_outputs()
    found = optimal_set(known.X, known.y, known.beta)
    assert found.optimal_value == pytest.approx(known.value, rel=1e-8) and not found.is_isolated.any()
    np.testing.assert_allclose(found.dual_point, known.beta * np.eye(2), atol=1e-5)
    quadrant = circle(400)
    quadrant = quadrant[(quadrant >= 0.0).all(axis=1)]
    assert angles_to(found.directions, quadrant).max() <= found.radius <= 0.1
    assert angles_to(quadrant, found.directions).max() <= 0.02


def test_paths_at_width_and_below():
    known = two_outputs()
    found = optimal_set(known.X, known.y, known.beta)
    a = found.network()
    b = a.permuted(np.roll(np.arange(a.width), 1))
    with pytest.raises(UnknownPathError, match=f"Pad both to width {found.theorem_bound}"):
        found.path(a, b)
    for width in (a.width + 1, found.theorem_bound):
        ends = a.padded(width), b.padded(width)
        check_optimal(found.path(*ends), found, ends)
    turned = TwoLayerReLU(np.roll(a.hidden_weights, 1, axis=1), np.roll(a.output_weights, 1, axis=1))
    ends = a.padded(found.theorem_bound), turned.padded(found.theorem_bound)
    check_optimal(found.path(*ends), found, ends)
    assert found.path(a, a).objective(0.5) == pytest.approx(found.optimal_value)
    with pytest.raises(InvalidInputError, match="same width"):
        found.path(a, a.padded(9))
    with pytest.raises(InvalidInputError, match="b must be globally optimal"):
        found.path(a, TwoLayerReLU(2.0 * a.hidden_weights, a.output_weights))


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": True, "fit_intercept": True}])
def test_the_multinomial_loss(flags):
    X, Y = labelled()
    found = optimal_set(X, Y, 0.2, loss="multinomial", **flags)
    assert found.certificate.relative_gap <= 1e-6 and found.contains(found.network())
    np.testing.assert_allclose(found.dual_point.sum(axis=1), 0.0, atol=1e-9)
    rows = np.column_stack([X, np.ones(len(X))]) if flags else X
    sphere = np.random.default_rng(1).standard_normal((50_000, rows.shape[1]))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    prices = np.linalg.norm(np.maximum(sphere @ rows.T, 0.0) @ found.dual_point, axis=1)
    above = sphere[prices >= 0.2 * found.level]
    assert angles_to(found.directions, above).max(initial=0.0) <= found.radius + 1e-6


def test_what_is_not_known_is_refused_by_name():
    found = optimal_set(*problem(6, 2, 2), 0.5)
    for name in ("m_star", "M_star", "vertices", "n_components", "staircase", "is_unique", "minimal_network"):
        assert not hasattr(found, name)
        with pytest.raises(NotDescribedError, match=f"{name} is not known.*no polytope"):
            getattr(found, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = found.nothing
    assert found.theorem_bound == 13
    assert [found.is_connected(width) for width in (0, 1, 12, 13, 40)] == [False, None, None, True, True]
    for twin in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert repr(twin) == repr(found)
    width = found.network().width
    assert found.network(width + 2).width == width + 2
    with pytest.raises(InvalidInputError, match="width must be at least"):
        found.network(width - 1)


def test_targets_that_need_no_neurons():
    found = optimal_set(np.eye(2), np.full((2, 2), 3.0), 0.1, fit_intercept=True)
    assert found.optimal_value <= 1e-20 and found.total_mass == found.radius == 0.0 and found.is_connected(0)
    assert found.network().width == 0 and found.path(found.network(2), found.network(2))(0.5).width == 2


@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_data(name):
    X = degenerate_designs()[name]
    Y = np.random.default_rng(3).standard_normal((len(X), 2))
    found = optimal_set(X, Y, 0.3)
    # Neurons of an optimum lie in the row space: the rest of them would cost and do nothing.
    sphere = np.random.default_rng(4).standard_normal((20_000, len(X))) @ X
    sphere /= np.maximum(np.linalg.norm(sphere, axis=1), 1e-300)[:, None]
    prices = np.linalg.norm(np.maximum(sphere @ X.T, 0.0) @ found.dual_point, axis=1)
    assert prices.max() <= 0.3 * (1.0 + 1e-8) and found.contains(found.network())
    above = sphere[prices >= 0.3 * found.level]
    assert angles_to(found.directions, above).max(initial=0.0) <= found.radius + 1e-6


@pytest.mark.parametrize("name", variants(np.zeros((2, 1)), np.zeros(2)))
def test_shifted_scaled_and_permuted_data(name):
    X, Y = variants(*problem(7, 2, 2))[name]
    beta = 0.05 * np.linalg.norm(X, axis=1) @ np.linalg.norm(Y, axis=1) / len(Y)
    found = optimal_set(X, Y, beta, fit_intercept=True)
    prices = np.linalg.norm(np.maximum(circle() @ X.T, 0.0) @ found.dual_point, axis=1)
    above = circle()[prices >= beta * found.level]
    assert angles_to(found.directions, above).max(initial=0.0) <= found.radius + 1e-6
    assert found.directions.size == 0 or found.radius < 0.5


def test_estimators_have_one():
    X, Y = labelled()
    model = ConvexReLUClassifier(beta=0.3, multi_class="joint").fit(X, Y.argmax(axis=1))
    found = model.optimal_set()
    assert isinstance(found, VectorOptimalSet)
    assert found.optimal_value == pytest.approx(model.certificate_.primal, rel=1e-5)
    assert found.contains(model.network_, tolerance=1e-5)
    model = ConvexReLURegressor(beta=0.3).fit(*problem(10, 2, 2))
    assert model.optimal_set().contains(model.network_, tolerance=1e-5)


def test_refusals():
    X, Y = problem(6, 2, 2)
    with pytest.raises(InvalidInputError, match="one optimal fit"):
        optimal_set(X, Y, 0.1, loss="huber")
    with pytest.raises(InvalidInputError, match="flat array"):
        optimal_set(X, Y[:, :1], 0.1)
    with pytest.raises(SolverError, match="proven optimum"):
        optimal_set(*problem(60, 7, 3), 0.1, time_limit=0.2)
