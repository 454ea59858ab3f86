"""Points of the polytope of optimal masses: the least one and random ones."""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from convexnn import optimal_set

from .test_components import data_sets

SETS = ["two_rows", "three_rows", "polygon 6", "octahedron", "random 5 x 3, 1"]


@cache
def solved(name):
    return optimal_set(*data_sets()[name])


@pytest.mark.parametrize("name", SETS)
def test_the_least_masses_against_a_general_solver(name):
    """Over the convex combinations of the vertices, which the package does not use for it."""
    found = solved(name)
    vertices = found.vertices / found.total_mass
    even = np.full(len(vertices), 1.0 / len(vertices))
    answer = minimize(
        lambda t: np.sum((t @ vertices) ** 2),
        even,
        jac=lambda t: 2 * vertices @ (t @ vertices),
        bounds=[(0, 1)] * len(even),
        constraints=LinearConstraint(np.ones(len(even)), 1, 1),
        options={"ftol": 1e-15},
    )
    least = found.minimum_norm_masses / found.total_mass
    assert np.sum(least**2) <= answer.fun + 1e-12
    np.testing.assert_allclose(least, answer.x @ vertices, atol=1e-6)
    assert found.contains(found.network(found.minimum_norm_masses), tolerance=1e-9)


def test_the_least_masses_are_those_of_the_symmetry():
    """Three rows at 120 degrees: all six directions have the same mass in the mean, but the least is not the mean."""
    found = solved("three_rows")
    angles = np.round(np.rad2deg(np.arctan2(*found.directions.T[::-1]))) % 360
    masses = dict(zip(angles, found.minimum_norm_masses, strict=True))
    assert masses[0] == pytest.approx(masses[120]) == pytest.approx(masses[240])
    assert masses[60] == pytest.approx(masses[180]) == pytest.approx(masses[300])


@pytest.mark.parametrize("name", SETS)
def test_random_masses_are_optimal_and_reproducible(name):
    found = solved(name)
    masses = found.random_masses(8, random_state=3)
    assert masses.shape == (8, len(found.signs)) and np.all(masses >= 0)
    np.testing.assert_allclose(masses.sum(axis=1), found.total_mass, rtol=1e-9)
    assert all(found.contains(found.network(point), tolerance=1e-9) for point in masses)
    np.testing.assert_array_equal(masses, found.random_masses(8, random_state=3))
    assert found.is_unique or np.abs(masses - masses[0]).max() > 1e-3 * found.total_mass


def test_random_masses_fill_a_segment_evenly():
    """Two vertices: the share of the first is uniform. A correct program leaves the band once in ten thousand runs."""
    found = solved("two_rows")
    first, second = found.vertices
    share = (found.random_masses(2000, random_state=0) - second) @ (first - second) / np.sum((first - second) ** 2)
    heights = np.sort(share) - (np.arange(2000) + 0.5) / 2000
    assert np.abs(heights).max() < 2.23 / np.sqrt(2000)


def test_without_directions_there_is_one_point():
    found = optimal_set(np.eye(2), np.zeros(2), 1.0)
    assert found.minimum_norm_masses.shape == (0,) and found.random_masses(3).shape == (3, 0)


@pytest.mark.parametrize("n_points", [0, -1, 1.5])
def test_bad_number_of_points(n_points):
    with pytest.raises(ValueError, match="n_points"):
        solved("two_rows").random_masses(n_points)
