"""Paths of falling objective: from anywhere, by small steps, to the target, and never up."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU, descent_path, optimal_set
from convexnn.programs.posing import make_problem
from convexnn.solvers.column_generation import solve_column_generation

from ..checks import plain_objective
from .test_components import data_sets

FLAGS = [
    {},
    {"hidden_bias": True},
    {"hidden_bias": True, "fit_intercept": True},
    {"fit_intercept": True, "skip_connection": True},
]


def optimum(X, y, beta, **options):
    problem = make_problem(X, y, beta, **options)
    return solve_column_generation(problem, tol=1e-9, proof="exact", rng=np.random.default_rng(0)).network


def wild_network(width, d, rng, flags):
    """Unbalanced over many magnitudes, with zero, half-zero, parallel and equal neurons."""
    weights = rng.standard_normal((width, d)) * 10 ** rng.uniform(-3, 3, (width, 1))
    outputs = rng.standard_normal(width) * 10 ** rng.uniform(-3, 1, width)
    weights[rng.random(width) < 0.2], outputs[rng.random(width) < 0.2] = 0.0, 0.0
    weights[-1], weights[width // 2] = 2.0 * weights[0], weights[0]
    bias = rng.standard_normal(width)
    bias[-1], bias[width // 2] = 2.0 * bias[0], bias[0]
    return TwoLayerReLU(
        weights,
        outputs,
        hidden_bias=bias if "hidden_bias" in flags else None,
        intercept=3.0 if "fit_intercept" in flags else None,
        skip_weights=rng.standard_normal(d) if "skip_connection" in flags else None,
    )


def shaped(kind, n, d, rng):
    """Random rows, rows on an integer grid, every row twice, or rows of rank one."""
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    if kind == "grid":
        X = np.round(X)
    elif kind == "twice":
        X, y = np.vstack([X, X]), np.append(y, y + 0.1 * rng.standard_normal(n))
    elif kind == "rank one":
        X = np.outer(X[:, 0], np.arange(1, d + 1))
    return X, y


def check_falls(path, ends, X, y, beta, weight=None, n_points=1000):
    """The path joins the ends at their width, falls at every step, and takes no jumps."""
    first, last = ends
    assert path(0) is first and path(1) is last
    ts = np.linspace(0, 1, n_points + 1)
    values = np.array([path.objective(t) for t in ts])
    plain = [plain_objective(path(t), X, y, beta, weight) for t in ts[::50]]
    np.testing.assert_allclose(values[::50], plain, rtol=1e-12, atol=1e-13)
    assert np.all(np.diff(values) <= 1e-12 * values[:-1] + 1e-14)
    assert {path(t).width for t in ts[::50]} == {first.width}
    for t in path.knots:
        before, after = (weights(path(min(max(t + shift, 0.0), 1.0))) for shift in (-1e-13, 1e-13))
        assert np.abs(before - after).max() <= 1e-4 * (1.0 + np.abs(before).max())


def weights(network):
    free = [] if network.intercept is None else network.intercept
    skip = [] if network.skip_weights is None else network.skip_weights
    return np.concatenate([network.neurons.ravel(), network.output_weights, np.append(free, skip)])


@pytest.mark.mostly_slow
@pytest.mark.parametrize("kind", ["random", "grid", "twice", "rank one"])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "+".join(flags) or "plain")
@pytest.mark.parametrize("seed", range(3))
def test_from_a_wild_network(kind, flags, seed):
    rng = np.random.default_rng(seed)
    X, y = shaped(kind, int(rng.integers(2, 14)), int(rng.integers(1, 4)), rng)
    beta, width = 10 ** rng.uniform(-2, 0), len(y) + 1 + seed
    weight = rng.uniform(0.1, 2.0, len(y)) if seed == 1 else None
    target = optimum(X, y, beta, sample_weight=weight, **flags).padded(width).permuted(rng.permutation(width))
    network = wild_network(width, X.shape[1], rng, flags)
    path = descent_path(network, target, X, y, beta, sample_weight=weight)
    check_falls(path, (network, target), X, y, beta, weight, n_points=1000 if seed == 0 else 200)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", ["two_rows", "three_rows", "polygon 4", "polygon 6", "octahedron"])
def test_where_the_optimum_is_not_unique(name):
    """To every vertex: through other vertices, from a local minimum, from zero, from an optimum, from the target."""
    X, y, beta = data_sets()[name]
    found = optimal_set(X, y, beta)
    width = len(y) + 1
    targets = [found.network(masses, width) for masses in found.vertices]
    starts = [
        TwoLayerReLU(np.zeros((width, X.shape[1])), np.zeros(width)),
        wild_network(width, X.shape[1], np.random.default_rng(0), {}),
        targets[0].permuted(np.arange(width)[::-1]),
        targets[-1],
    ]
    for target in targets:
        for start in starts:
            check_falls(descent_path(start, target, X, y, beta), (start, target), X, y, beta, n_points=100)


@pytest.mark.parametrize("y", [[0.0, 0.0, 0.0], [1e-3, -1e-3, 1e-3]], ids=["zero", "small"])
def test_to_the_zero_network(y):
    X, rng = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.random.default_rng(1)
    target, network = TwoLayerReLU(np.zeros((4, 2)), np.zeros(4)), wild_network(4, 2, rng, {})
    check_falls(descent_path(network, target, X, y, 1.0), (network, target), X, np.array(y), 1.0)


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_scales(size):
    rng = np.random.default_rng(5)
    X, y = shaped("random", 8, 2, rng)
    target = optimum(X, size * y, 0.1 * size).padded(9)
    wild = wild_network(9, 2, rng, {})
    network = TwoLayerReLU(size * wild.hidden_weights, wild.output_weights)
    path = descent_path(network, target, X, size * y, 0.1 * size)
    values = np.array([path.objective(t) for t in np.linspace(0, 1, 300)])
    assert np.all(np.diff(values) <= 1e-12 * values[:-1])


def test_where_vertices_cannot_be_listed():
    """80 rows, 81 neurons: the walk needs no vertex."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((80, 2))
    y = np.sin(X @ [1.0, 2.0])
    target = optimum(X, y, 1.0, hidden_bias=True).padded(81)
    network = wild_network(81, 2, rng, {"hidden_bias": True})
    check_falls(descent_path(network, target, X, y, 1.0), (network, target), X, y, 1.0)


def test_a_narrower_width_will_do_when_the_fits_span_less():
    """Forty rows that are four, each ten times: five neurons are enough, three are not."""
    rng = np.random.default_rng(3)
    X, y = (np.repeat(part, 10, axis=0) for part in shaped("random", 4, 2, rng))
    optimal = optimum(X, y, 0.05)
    target, network = optimal.padded(5), wild_network(5, 2, rng, {})
    check_falls(descent_path(network, target, X, y, 0.05), (network, target), X, y, 0.05, n_points=200)
    with pytest.raises(ValueError, match="width of"):
        descent_path(wild_network(optimal.width, 2, rng, {}), optimal, X, y, 0.05)


def test_a_target_that_is_not_optimal_is_refused():
    X, y, beta = data_sets()["three_rows"]
    good = optimum(X, y, beta).padded(4)
    bad = TwoLayerReLU(1.1 * good.hidden_weights, good.output_weights)
    with pytest.raises(ValueError, match="target must be globally optimal") as error:
        descent_path(good, bad, X, y, beta)
    assert "relative gap" in str(error.value)
    path = descent_path(good, bad, X, y, beta, tol=0.1)
    values = [path.objective(t) for t in np.linspace(0, 1, 200)]
    assert max(values) <= values[-1] * (1 + 1e-12)
    assert descent_path(bad, good, X, y, beta, proof="heuristic")(1) is good


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"network": None}, "network"),
        ({"target": np.zeros(3)}, "target"),
        ({"target": TwoLayerReLU(np.zeros((3, 2)), np.zeros(3))}, "same width"),
        ({"target": TwoLayerReLU(np.zeros((4, 2)), np.zeros(4), intercept=0.0)}, "target must not have intercept"),
        ({"network": TwoLayerReLU(np.zeros((4, 3)), np.zeros(4))}, "network and X"),
        ({"tol": 0.0}, "tol"),
        ({"proof": "none"}, "proof"),
        ({"time_limit": -1.0}, "time_limit"),
        ({"beta": 0.0}, "beta"),
        ({"loss": "hinge"}, "loss"),
    ],
)
def test_bad_input(change, named):
    X, y, beta = data_sets()["three_rows"]
    good = {"network": TwoLayerReLU(np.zeros((4, 2)), np.zeros(4)), "X": X, "y": y, "beta": beta}
    good["target"] = optimum(X, y, beta).padded(4)
    with pytest.raises((ValueError, TypeError), match=named):
        descent_path(**{**good, **change})
