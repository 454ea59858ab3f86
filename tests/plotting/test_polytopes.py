"""The polytope of optimal masses: an isometric picture up to three dimensions, and a clear word beyond."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.linear_model import LinearRegression

from convexnn import ConvexReLURegressor, InvalidInputError, VertexLimitError, optimal_set
from convexnn.plotting import OptimalPolytopeDisplay, StaircaseDisplay
from convexnn.plotting.polytope import _facets


def polygon(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


@cache
def solved(name):
    problems = {
        "point": (np.eye(2), [1.0, -1.0]),
        "segment": (polygon(4), np.ones(4)),
        "polygon": (polygon(7), (-1.0) ** np.arange(7)),
        "solid": (polygon(8), np.ones(8)),
        "five": (polygon(5), np.ones(5)),
    }
    return optimal_set(*problems[name], 0.1)


@pytest.mark.parametrize(("name", "dimension"), [("point", 0), ("segment", 1), ("polygon", 2), ("solid", 3)])
def test_distances_are_those_of_the_masses(name, dimension):
    found = solved(name)
    display = OptimalPolytopeDisplay.from_set(found).plot()
    assert display.dimension == dimension == found.dimension
    assert display.coordinates.shape == (len(found.vertices), dimension)
    np.testing.assert_allclose(pdist(display.coordinates), pdist(found.vertices), atol=1e-9)
    sizes = np.count_nonzero(found.vertices > 1e-9, axis=1)
    np.testing.assert_array_equal(display.n_neurons, sizes)
    assert {size: len(points.get_data()[0]) for size, points in display.points_.items()} == {
        size: count for size, count in zip(*np.unique(sizes, return_counts=True), strict=True)
    }
    assert min(display.points_) == found.m_star and max(display.points_) == found.M_star
    assert (display.body_ is None) == (dimension == 0) == (display.least_norm_ is None)
    assert "proven" in display.ax_.get_title()
    if dimension < 3:
        assert "(mass)" in display.ax_.get_xlabel()
    display.figure_.canvas.draw()


def test_a_solid_has_a_bar_of_the_length_that_it_says():
    ax = OptimalPolytopeDisplay.from_set(solved("solid")).plot().ax_
    bar = next(line for line in ax.lines if len(line.get_data_3d()[0]) == 2 and line.get_linewidth() == 3)
    length = np.linalg.norm(np.diff(bar.get_data_3d(), axis=1))
    assert ax.texts[0].get_text().strip() == f"mass {length:g}"


def test_the_marked_masses_are_those_of_least_norm():
    found = solved("polygon")
    display = OptimalPolytopeDisplay.from_set(found).plot()
    here = np.array(display.least_norm_.get_data())[:, 0]
    drawn = np.linalg.norm(display.coordinates - here, axis=1)
    np.testing.assert_allclose(drawn, np.linalg.norm(found.vertices - found.minimum_norm_masses, axis=1), atol=1e-7)


def test_the_rim_of_a_polygon_is_every_vertex():
    display = OptimalPolytopeDisplay.from_set(solved("polygon")).plot()
    assert len(display.body_.get_xy()) == 7 + 1


def test_facets_of_a_cube_are_its_squares_in_order():
    cube = np.array(np.meshgrid([0.0, 1.0], [0.0, 1.0], [0.0, 1.0])).reshape(3, 8).T
    facets = list(_facets(cube))
    assert [len(facet) for facet in facets] == [4] * 6
    for facet in facets:  # neighbours around a facet are joined by an edge, of length one
        np.testing.assert_allclose(np.linalg.norm(cube[facet] - cube[np.roll(facet, 1)], axis=1), 1.0)
    display = OptimalPolytopeDisplay(np.hstack([cube, 1.0 - cube])).plot()
    assert display.dimension == 3 and list(display.points_) == [3] and display.least_norm_ is None
    assert "proven" not in display.ax_.get_title(), "nobody has proven these to be optimal"


def test_more_than_three_dimensions_are_refused_or_a_shadow():
    found = solved("five")
    with pytest.raises(InvalidInputError, match="dimension 5.*shadow=True.*StaircaseDisplay"):
        OptimalPolytopeDisplay.from_set(found)
    display = OptimalPolytopeDisplay.from_set(found, shadow=True).plot()
    assert display.dimension == 5 and display.coordinates.shape == (22, 3)
    assert np.all(pdist(display.coordinates) <= pdist(found.vertices) + 1e-9)
    assert "dimension 5" in display.ax_.get_title() and "shadow" in display.ax_.get_title()


def test_given_axes_must_have_the_right_dimensions():
    plane, space = plt.subplots()[1], plt.subplots(subplot_kw={"projection": "3d"})[1]
    solid, flat = (OptimalPolytopeDisplay.from_set(solved(name)) for name in ("solid", "polygon"))
    assert solid.plot(space).ax_ is space and flat.plot(plane, ms=3).ax_ is plane
    assert flat.points_[6].get_markersize() == 3
    with pytest.raises(InvalidInputError, match='ax must be axes made with projection="3d"'):
        solid.plot(plane)
    with pytest.raises(InvalidInputError, match="two dimensions"):
        flat.plot(space)
    with pytest.raises(InvalidInputError, match="ax must be matplotlib axes or None; got Figure"):
        flat.plot(plt.gcf())
    assert len(plt.get_fignums()) == 2


def test_from_an_estimator():
    X, y = polygon(4), np.ones(4)
    model = ConvexReLURegressor(0.1, hidden_bias=False, fit_intercept=False).fit(X, y)
    assert len(OptimalPolytopeDisplay.from_estimator(model).vertices) == 2
    display = StaircaseDisplay.from_estimator(model, max_width=5).plot(s=9)
    assert display.marks["connected from"] == 4 and max(display.texts_) == 5
    assert display.dots_[2].get_sizes() == [9]
    for kind in (OptimalPolytopeDisplay, StaircaseDisplay):
        with pytest.raises(InvalidInputError, match="optimal_set"):
            kind.from_estimator(LinearRegression().fit(X, y))


def test_too_many_vertices_are_refused():
    with pytest.raises(VertexLimitError):
        OptimalPolytopeDisplay.from_set(optimal_set(polygon(6), np.ones(6), 0.1, vertex_limit=1))
