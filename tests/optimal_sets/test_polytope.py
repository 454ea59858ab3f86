"""Vertices of polytopes that are simple, degenerate or too large: against every support, and within bounds."""

import tracemalloc
from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
from scipy.optimize import linprog

from convexnn.exceptions import VertexLimitError
from convexnn.optimal_sets import optimal_set
from convexnn.optimal_sets.connectivity import SupportGraph
from convexnn.optimal_sets.double_description import extreme_rays
from convexnn.optimal_sets.polytope import mass_polytope

from .reference import all_vertices, polygon


def cross_polytope(d):
    return np.vstack([np.eye(d), -np.eye(d)])


def cube(d):
    return np.array(list(product([-1.0, 1.0], repeat=d)))


def simplex(d):
    """Corners of the regular simplex."""
    centred = np.eye(d + 1) - 1 / (d + 1)
    return centred @ np.linalg.svd(centred)[2][:d].T


def roots(d, *, short=False):
    """The root system D_d, all ``+-e_i +- e_j``; B_d with the short roots too."""
    long = [s * np.eye(d)[i] + t * np.eye(d)[j] for i, j in combinations(range(d), 2) for s in (1, -1) for t in (1, -1)]
    return np.vstack([np.array(long), cross_polytope(d)]) if short else np.array(long)


def bipartite(sides):
    """Incidence of the complete bipartite graph: masses are transportation plans, all of them when `sides` agree."""
    rows = [np.kron(np.eye(sides), np.ones(sides)), np.kron(np.ones(sides), np.eye(sides))]
    return np.vstack(rows)


@cache
def symmetric(name):
    """The optimal set of rows that form a regular figure, all targets one."""
    rows = {
        "12-gon": polygon(12),
        "9-gon": polygon(9),
        "20-gon": polygon(20),
        "15-gon": polygon(15),
        "octahedron": cross_polytope(3),
        "16-cell": cross_polytope(4),
        "cube": cube(3),
        "tesseract": cube(4),
        "4-simplex": simplex(4),
        "5-simplex": simplex(5),
        "D3": roots(3),
        "B3": roots(3, short=True),
        "D4": roots(4),
    }[name]
    return optimal_set(rows, np.ones(len(rows)), 0.1)


LISTED = {
    "12-gon": {3: 4, 7: 12},
    "20-gon": {5: 4, 7: 20, 11: 600},
    "9-gon": {8: 54, 9: 962},
    "octahedron": {2: 4, 4: 2},
    "16-cell": {2: 8, 4: 24, 5: 16},
    "4-simplex": {2: 10, 4: 50, 5: 204},
    "5-simplex": {2: 10, 4: 30, 6: 30},
    "D3": {6: 36, 7: 72, 8: 768, 9: 6808},
}


@pytest.mark.parametrize("name", LISTED)
def test_vertices_of_symmetric_sets(name):
    """How many there are with how many neurons; each is an optimal fit by independent neurons."""
    found = symmetric(name)
    sizes, counts = np.unique(np.count_nonzero(found.vertices, axis=1), return_counts=True)
    assert dict(zip(sizes, counts, strict=True)) == LISTED[name]
    np.testing.assert_allclose(found.vertices @ found.fits.T, np.tile(found.optimal_fit, (counts.sum(), 1)), atol=1e-8)
    assert found.vertices.min() >= 0
    assert (found.m_star, found.M_star) == (min(LISTED[name]), max(LISTED[name]))
    distinct = {tuple(np.flatnonzero(row)) for row in found.vertices}
    assert len(distinct) == counts.sum()


@pytest.mark.parametrize("name", ["12-gon", "octahedron", "16-cell", "cube", "tesseract", "4-simplex"])
def test_vertices_against_every_support(name):
    found = symmetric(name)
    expected = all_vertices(found.fits, found.optimal_fit)
    assert {tuple(row > 0) for row in found.vertices} == {tuple(row > 0) for row in expected}


@pytest.mark.parametrize("name", ["9-gon", "20-gon", "D3"])
def test_every_linear_program_ends_at_a_listed_vertex(name):
    found = symmetric(name)
    rng = np.random.default_rng(0)
    scaled = found.vertices / found.total_mass
    for _ in range(40):
        cost = rng.standard_normal(len(found.signs))
        best = linprog(cost, A_eq=found.fits, b_eq=found.optimal_fit / found.total_mass, method="highs")
        assert (scaled @ cost).min() == pytest.approx(best.fun, abs=1e-7)


def polytopes():
    """By name: columns and a point, degenerate in one way or another."""
    rng = np.random.default_rng(0)
    found = {f"random {n} x {k}": (rng.standard_normal((n, k)), rng.dirichlet(np.ones(k))) for n, k in ((3, 8), (5, 9))}
    found["plans of 3"] = bipartite(3), np.full(9, 1 / 9)
    found["repeated columns"] = rng.standard_normal((3, 4))[:, [0, 1, 2, 3, 0, 1]], np.full(6, 1 / 6)
    found["on a facet"] = rng.uniform(size=(3, 8)), np.r_[0.5, 0.5, np.zeros(6)]
    found["small masses"] = rng.uniform(size=(4, 9)), 10.0 ** rng.uniform(-6, 0, 9)
    found["large columns"] = 1e6 * rng.uniform(size=(3, 7)), rng.dirichlet(np.ones(7))
    found["integers"] = rng.integers(0, 3, (4, 9)).astype(float), np.full(9, 1 / 9)
    found["one point"] = np.eye(4), np.array([0.1, 0.2, 0.3, 0.4])
    sums_to_one = {name: (np.vstack([columns, np.ones(columns.shape[1])]), c) for name, (columns, c) in found.items()}
    return {name: (columns, c / c.sum()) for name, (columns, c) in sums_to_one.items()}


@pytest.mark.parametrize("name", polytopes())
def test_vertices_of_any_polytope(name):
    columns, point = polytopes()[name]
    polytope = mass_polytope(columns, point)
    expected = all_vertices(columns, columns @ point)
    found = polytope.vertices(10_000)
    near = np.abs(found[:, None] - expected).max(axis=2) < 1e-8
    assert near.shape[0] == near.shape[1] and np.all(near.sum(axis=0) == 1) and np.all(near.sum(axis=1) == 1)
    assert polytope.dimension == np.linalg.matrix_rank(expected - expected[0], tol=1e-8)
    assert polytope.rank == np.linalg.matrix_rank(columns[:, np.any(expected > 0, axis=0)])
    assert {tuple(row) for row in found > 0} == {tuple(row) for row in expected > 0}


@pytest.mark.parametrize(("sides", "count"), [(3, 6), (4, 24), (5, 120)])
def test_plans_are_permutations(sides, count):
    """Birkhoff: highly degenerate, (n - 1)^2 dimensions and n! vertices."""
    found = mass_polytope(bipartite(sides), np.full(sides**2, sides**-2.0)).vertices(count)
    assert found.shape == (count, sides**2)
    np.testing.assert_array_equal(np.count_nonzero(found, axis=1), np.full(count, sides))


@pytest.mark.parametrize("dimension", [1, 2, 3, 8])
def test_rays_of_a_cone_over_a_cube(dimension):
    """Two facets for every coordinate, 2^d rays."""
    sides = np.vstack([np.eye(dimension), -np.eye(dimension)])
    rays = extreme_rays(np.column_stack([sides, np.ones(2 * dimension)]), 2**dimension, 10**6)
    assert rays.shape == (2**dimension, 2 * dimension)
    np.testing.assert_allclose(
        np.sort(rays, axis=1), np.repeat([[0.0, 1.0]], 2**dimension, axis=0).repeat(dimension, 1)
    )


@pytest.mark.parametrize(("most_rays", "most_steps"), [(200, 10**6), (10**6, 200)])
def test_rays_are_given_up(most_rays, most_steps):
    sides = np.column_stack([np.vstack([np.eye(8), -np.eye(8)]), np.ones(16)])
    assert extreme_rays(sides, most_rays, most_steps) is None
    assert len(extreme_rays(sides, 256, 10**6)) == 256


@pytest.mark.parametrize("name", ["12-gon", "4-simplex", "16-cell"])
def test_the_limit_is_the_number_of_vertices(name):
    polytope = symmetric(name)._polytope
    count = sum(LISTED[name].values())
    assert len(polytope.vertices(count)) == count
    with pytest.raises(VertexLimitError, match=f"has {count} vertices, more than vertex_limit={count - 1}"):
        polytope.vertices(count - 1)


@pytest.mark.parametrize("name", ["15-gon", "B3", "D4"])
def test_too_many_to_list(name):
    """Hundreds of thousands: refused without taking much memory, and the message says what to do."""
    polytope = symmetric(name)._polytope
    tracemalloc.start()
    with pytest.raises(VertexLimitError, match="vertex_limit=2000"):
        polytope.vertices(2000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_the_answer_of_a_refusal_does_not_change():
    messages = []
    for _ in range(2):
        with pytest.raises(VertexLimitError) as error:
            symmetric("15-gon")._polytope.vertices(100)
        messages.append(str(error.value))
    assert messages[0] == messages[1] and "M_star_bounds" in messages[0]


def unions(supports):
    return np.array([[np.sum(a | b) for b in supports] for a in supports])


@pytest.mark.parametrize("name", ["12-gon", "octahedron", "16-cell", "4-simplex"])
def test_counts_against_the_whole_graph(name):
    """All pairs of vertices, joined one by one."""
    found = symmetric(name)
    supports = found.vertices > 0
    sizes, pairs = supports.sum(axis=1), unions(supports)
    for width in range(found.connected_from + 3):
        label = np.arange(len(sizes))
        for i, j in np.argwhere(np.triu(pairs <= width, 1)):
            label[label == label[i]] = label[j]
        pieces = len(np.unique(label[sizes < width]))
        assert found.n_components(width) - found.n_isolated(width) == pieces


def test_connectivity_is_not_monotone():
    """The root system D3: connected with 8 neurons, not with 9, connected from 10 on."""
    found = symmetric("D3")
    assert [found.n_components(m) - found.n_isolated(m) for m in range(6, 11)] == [0, 36, 1, 73, 1]
    assert found.connected_from == 10


def test_counts_of_many_vertices_take_memory_in_proportion():
    """Ten thousand supports; a matrix of all pairs would take 800 MB."""
    rng = np.random.default_rng(0)
    supports = np.unique(np.argsort(rng.uniform(size=(10_000, 40)), axis=1)[:, :10], axis=0)
    graph = SupportGraph(np.array([np.isin(np.arange(40), row) for row in supports]))
    tracemalloc.start()
    widths = [graph.n_components(width) for width in (9, 11, 30)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert widths[0] == 0 and widths[1] > widths[2] == 1
    assert peak < 20e6
