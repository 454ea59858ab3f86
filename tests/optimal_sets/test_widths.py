"""Bounds on the critical widths without a list of the vertices, against the list."""

import time

import numpy as np
import pytest

from convexnn import VertexLimitError, optimal_set
from convexnn.optimal_sets.polytope import mass_polytope
from convexnn.optimal_sets.widths import bound_widths, random_vertices

from .reference import polygon
from .test_polytope import polytopes, symmetric


def cardinalities(polytope):
    return np.count_nonzero(polytope.vertices(20_000), axis=1)


@pytest.mark.parametrize("name", ["12-gon", "octahedron", "16-cell", "4-simplex", "5-simplex", "20-gon", "D3"])
def test_widths_of_symmetric_sets(name):
    polytope = symmetric(name)._polytope
    found, sizes = bound_widths(polytope), cardinalities(polytope)
    assert found.m_star_bounds == (sizes.min(), sizes.min())
    low, high = found.M_star_bounds
    assert sizes.min() <= low <= sizes.max() <= high == polytope.rank


@pytest.mark.parametrize("name", polytopes())
def test_widths_of_any_polytope(name):
    polytope = mass_polytope(*polytopes()[name])
    found, sizes = bound_widths(polytope), cardinalities(polytope)
    assert found.m_star_bounds == (sizes.min(), sizes.min()) and np.count_nonzero(found.fewest) == sizes.min()
    assert found.M_star_bounds[0] <= sizes.max() <= found.M_star_bounds[1]
    columns, point = polytopes()[name]
    size = np.linalg.norm(columns @ point)
    np.testing.assert_allclose(columns @ found.fewest, columns @ point, atol=1e-9 * size)
    assert found.fewest.min() >= 0


@pytest.mark.parametrize("name", ["15-gon", "B3", "D4"])
def test_bounds_when_time_is_short(name):
    """Far too little time to prove m*: bounds, masses that reach the upper one, and no longer than was allowed."""
    found = symmetric(name)
    start = time.monotonic()
    widths = bound_widths(found._polytope, time_limit=0.5)
    assert time.monotonic() - start < 10
    low, high = widths.m_star_bounds
    assert 1 <= low <= high == np.count_nonzero(widths.fewest) <= widths.M_star_bounds[0]
    assert widths.M_star_bounds[0] <= widths.M_star_bounds[1] == np.linalg.matrix_rank(found.fits, tol=1e-9)
    assert found.contains(found.network(widths.fewest * found.total_mass))


@pytest.mark.parametrize("name", ["12-gon", "4-simplex", "D3"])
def test_random_vertices_are_vertices(name):
    polytope = symmetric(name)._polytope
    listed = {tuple(row) for row in polytope.vertices(20_000) > 0}
    met = random_vertices(polytope, np.random.default_rng(0))
    assert len(met) >= 2 and {tuple(row) for row in met > 0} <= listed


def test_largest_width_of_a_generic_polytope_is_known():
    """All vertices of a simple polytope have as many neurons as the fits have dimensions."""
    polytope = mass_polytope(*polytopes()["random 5 x 9"])
    assert bound_widths(polytope).M_star_bounds == (polytope.rank, polytope.rank)


@pytest.mark.parametrize("time_limit", [0.0, 1e-3])
def test_bounds_without_any_time(time_limit):
    widths = bound_widths(symmetric("B3")._polytope, time_limit=time_limit)
    assert 1 <= widths.m_star_bounds[0] <= 9 <= widths.m_star_bounds[1]


@pytest.mark.slow
def test_a_refusal_is_found_out_once(monkeypatch):
    """Hundreds of thousands of vertices: bounds and a network without a list, and the list is tried once."""
    found = optimal_set(polygon(15), np.ones(15), 0.1, vertex_limit=100)
    for _ in range(2):
        with pytest.raises(VertexLimitError, match="vertex_limit=100"):
            found.n_components(3)
        monkeypatch.setattr(type(found._polytope), "vertices", None)
    low, high = found.m_star_bounds
    assert 1 <= low <= high == found.minimal_network().width <= found.M_star_bounds[0] <= found.M_star_bounds[1] <= 15
    assert found.m_star in (None, low) and found.contains(found.minimal_network(), tolerance=1e-9)
    assert not found.is_unique and found.dimension == 15
