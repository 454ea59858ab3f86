"""Components, isolated points, directions, vertices and margins against brute force, on small data."""

import math
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from convexnn.exceptions import VertexLimitError
from convexnn.optimal_sets import optimal_set
from convexnn.optimal_sets.connectivity import SupportGraph

from ..zoo import random_problem
from .reference import all_maximisers, all_vertices, data_sets, glued_components, polygon, tied

NAMES = list(data_sets())


@cache
def solved(name):
    return optimal_set(*data_sets()[name])


@pytest.mark.parametrize("name", NAMES)
def test_components_against_gluing(name):
    """Also above n + 1, where there is always one component."""
    found = solved(name)
    n = len(data_sets()[name][1])
    compared = 0
    for width in range(n + 3):
        glued = glued_components(found.fits, found.optimal_fit, width)
        if glued is not None:
            assert (found.n_components(width), found.n_isolated(width)) == glued, width
            compared += found.m_star <= width
    assert compared >= 1


@pytest.mark.parametrize("name", NAMES)
def test_directions_against_every_pattern(name):
    X, _, beta = data_sets()[name]
    found = solved(name)
    directions, signs, price = all_maximisers(X, found.dual_point)
    assert price == pytest.approx(beta, rel=1e-8)
    expected, got = np.column_stack([directions, signs]), np.column_stack([found.directions, found.signs])
    near = np.abs(expected[:, None] - got).max(axis=2) < 1e-6
    assert near.shape == (len(signs), len(signs)) and np.all(near.sum(axis=0) == 1) and np.all(near.sum(axis=1) == 1)


def same_rows(some, others, tolerance):
    near = np.abs(some[:, None] - others).max(axis=2) < tolerance
    return len(some) == len(others) and np.all(near.sum(axis=0) == 1) and np.all(near.sum(axis=1) == 1)


@pytest.mark.parametrize("name", NAMES)
def test_vertices_against_every_support(name):
    found = solved(name)
    expected = all_vertices(found.fits, found.optimal_fit)
    sizes = np.count_nonzero(expected, axis=1)
    assert same_rows(found.vertices, expected, 1e-7 * found.total_mass)
    assert (found.m_star, found.M_star) == (sizes.min(), sizes.max())
    assert found.is_unique == (len(expected) == 1)
    np.testing.assert_allclose(found.vertices.sum(axis=1), found.total_mass, rtol=1e-8)
    centred = expected - expected[0]
    assert found.dimension == np.linalg.matrix_rank(centred, tol=1e-7 * found.total_mass)


@pytest.mark.parametrize(
    ("n", "masses"), [*product([5, 8, 10], ["equal", "generic", "scales"]), (8, "few"), (12, "equal")]
)
def test_vertices_of_larger_polytopes(n, masses):
    """Simple and degenerate polytopes of up to seven dimensions; masses may differ by five orders of magnitude."""
    rng = np.random.default_rng(n)
    chosen = {
        "equal": np.ones(2 * n),
        "generic": rng.uniform(size=2 * n),
        "few": (np.arange(2 * n) % 3 == 0) * rng.uniform(0.5, 1, 2 * n),
        "scales": 10.0 ** rng.uniform(-5, 0, 2 * n),
    }[masses]
    found = optimal_set(*tied(polygon(n), 0.2, chosen))
    expected = all_vertices(found.fits, found.optimal_fit)
    assert same_rows(found.vertices, expected, 1e-7 * found.total_mass)
    np.testing.assert_array_equal(
        sorted(map(tuple, found.vertices > 0)), sorted(map(tuple, expected > 1e-8 * found.total_mass))
    )


@pytest.mark.parametrize("name", NAMES)
def test_connected_from_is_where_the_counts_settle(name):
    found = solved(name)
    last = found.connected_from
    assert found.M_star <= last <= max(found.theorem_bound, 1 if found.M_star == 1 else 0)
    assert not found.is_connected(last - 1)
    assert all(found.is_connected(width) for width in range(last, last + 6))


@pytest.mark.parametrize("name", NAMES)
def test_unique_function_at_random_points(name):
    found = solved(name)
    points = np.random.default_rng(0).standard_normal((300, found.directions.shape[1]))
    values = np.array([found.network(masses).predict(points) for masses in found.vertices])
    assert found.is_unique_function == (np.abs(values - values[0]).max() < 1e-6)
    assert found.is_unique_function or not found.is_unique


@pytest.mark.parametrize("name", NAMES)
def test_the_staircase_of_the_literature(name):
    """Kim, Mishkin and Pilanci: finite at m*, an isolated point at M*, none above, connected from the bound on."""
    found = solved(name)
    m_star, M_star = found.m_star, found.M_star
    assert [found.n_components(width) for width in range(m_star)] == [0] * m_star
    assert found.n_components(m_star) == found.n_isolated(m_star) >= 1
    assert found.n_isolated(M_star) >= 1
    assert all(found.n_isolated(width) == 0 for width in range(M_star + 1, M_star + 6))
    assert M_star <= np.linalg.matrix_rank(found.fits) <= len(found.optimal_fit)


def price_at(angles, X, dual_point):
    return dual_point @ np.maximum(X @ np.array([np.cos(angles), np.sin(angles)]), 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_margin_against_the_whole_circle(seed):
    """The next local maximum of ``|nu^T (X u)_+|``, from a fine grid of angles."""
    X, y = random_problem(6, 2, seed)
    found = optimal_set(X, y, 0.2)
    angles = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    values = price_at(angles, X, found.dual_point)
    tops = []
    for side in (1.0, -1.0):
        higher = (side * values > np.roll(side * values, 1)) & (side * values > np.roll(side * values, -1))
        for angle in angles[higher & (side * values > 1e-6)]:
            top = minimize_scalar(
                lambda t, side=side: -side * price_at(t, X, found.dual_point),
                bounds=(angle - 1e-4, angle + 1e-4),
                method="bounded",
                options={"xatol": 1e-13},
            )
            tops.append(-top.fun)
    below = [value for value in tops if value < 0.2 * (1 - 1e-6)]
    assert len(tops) - len(below) == len(found.signs)
    expected = 1 - max(below) / 0.2 if below else np.inf
    assert found.margin == pytest.approx(expected, abs=1e-6)


def test_vertex_limit():
    hexagon = polygon(6)
    with pytest.raises(VertexLimitError, match="vertex_limit"):
        _ = optimal_set(hexagon, np.ones(6), 0.1, vertex_limit=1).vertices
    assert len(optimal_set(hexagon, np.ones(6), 0.1, vertex_limit=2).vertices) == 2
    unique = optimal_set(np.eye(2), [1.0, -1.0], 0.1, vertex_limit=1)
    assert unique.vertices.shape == (1, 2)


@pytest.mark.parametrize("bad", [0, -1, 1.5, "many", None, True])
def test_bad_vertex_limit(bad):
    with pytest.raises(ValueError, match="vertex_limit"):
        optimal_set(np.eye(2), [1.0, -1.0], 0.1, vertex_limit=bad)


@pytest.mark.parametrize("method", ["n_components", "n_isolated", "is_connected"])
@pytest.mark.parametrize("bad", [-1, 1.5, "2", None, True])
def test_bad_widths(method, bad):
    with pytest.raises(ValueError, match="width"):
        getattr(solved("two_rows"), method)(bad)


def test_counts_are_exact_at_large_widths():
    """One vertex of 30 directions, and its mirror image with one direction in common."""
    supports = np.zeros((2, 59), dtype=bool)
    supports[0, :30] = supports[1, 29:] = True
    graph = SupportGraph(supports)
    assert graph.n_components(30) == graph.n_isolated(30) == 2 * math.factorial(30)
    assert [graph.n_components(width) for width in (29, 31, 58, 59)] == [0, 2, 2, 1]
    assert graph.connected_from() == 59
