"""The pictures of optimal sets: what is drawn are the counts, the fits and the objectives themselves."""

from functools import cache

import numpy as np
import pytest

from convexnn import InvalidInputError, TwoLayerReLU, descent_path, optimal_set, price

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from convexnn.plotting import (  # noqa: E402
    DualFunctionDisplay,
    PathDisplay,
    RectifiedEllipsoidDisplay,
    StaircaseDisplay,
)

from ..optimal_sets.test_components import data_sets  # noqa: E402


@cache
def solved(name):
    return optimal_set(*data_sets()[name])


@pytest.mark.parametrize("name", ["two_rows", "three_rows", "polygon 6", "octahedron"])
def test_staircase_draws_every_piece(name):
    found = solved(name)
    display = StaircaseDisplay.from_set(found).plot()
    widths = range(found.m_star, found.connected_from + 1)
    for width in widths:
        dots, isolated = display.dots_[width], found.n_isolated(width)
        assert (0 if dots is None else len(dots.get_offsets())) == min(isolated, 24)
        assert len(display.areas_[width]) == min(found.n_components(width) - isolated, 9)
    for width in widths:
        around = [patch.get_center() for patch in display.areas_[width]]
        around += [] if display.dots_[width] is None else list(display.dots_[width].get_offsets())
        assert all(abs(x - width) < 0.5 for x, _ in around)
    assert display.marks["m*"] == found.m_star and display.marks["connected from"] == found.connected_from


def test_staircase_counts_in_words_and_short():
    display = StaircaseDisplay.from_set(solved("three_rows")).plot()
    texts = {width: text.get_text() for width, text in display.texts_.items()}
    assert texts == {1: "", 2: "6 points", 3: "12 points\n3 pieces", 4: "one piece", 5: "one piece"}
    display = StaircaseDisplay.from_set(solved("three_rows"), max_width=12).plot()
    assert display.texts_[3].get_text() == "12 + 3" and display.texts_[12].get_text() == "1"


def test_staircase_of_huge_counts():
    """Factorials far beyond float64 are written to three digits, and only some dots are drawn."""
    count = 2 * int(np.prod(np.arange(1, 201, dtype=object)))
    steps = [
        {"width": width, "n_components": number, "n_isolated": number, "regime": regime}
        for width, number, regime in ((199, 0, "empty"), (200, count, "finite"), (201, 3_628_800, "finite"))
    ]
    display = StaircaseDisplay(steps, {"m*": 200}).plot()
    assert display.texts_[200].get_text() == "1.58e+375 points"
    assert display.texts_[201].get_text() == "3\N{THIN SPACE}628\N{THIN SPACE}800 points"
    assert len(display.dots_[200].get_offsets()) == 24
    display.ax_.figure.canvas.draw()


def test_staircase_of_the_zero_network():
    display = StaircaseDisplay.from_set(optimal_set(np.eye(2), np.zeros(2), 1.0), 3).plot()
    assert [text.get_text() for text in display.texts_.values()] == ["one point"] * 4


def test_staircase_starts_where_there_is_something():
    X, y, beta = data_sets()["polygon 6"]
    display = StaircaseDisplay.from_set(solved("polygon 6")).plot(plt.subplots()[1])
    assert min(display.texts_) == solved("polygon 6").m_star - 1


def test_dual_function_is_the_price_over_the_circle():
    X, y, beta = data_sets()["two_rows"]
    found = solved("two_rows")
    display = DualFunctionDisplay.from_set(found).plot()
    angles, values = display.curve_.get_data()
    assert values.max() == pytest.approx(price(X, found.dual_point).value, rel=1e-6) == pytest.approx(beta, rel=1e-6)
    for angle, value in zip(angles[::97], values[::97], strict=True):
        u = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
        assert value == pytest.approx(found.dual_point @ np.maximum(X @ u, 0.0), abs=1e-12)
    marked = np.sort(display.marks_.get_xdata())
    np.testing.assert_allclose(marked, [30, 90, 150], atol=1e-4)
    np.testing.assert_allclose(np.abs(display.marks_.get_ydata()), beta, rtol=1e-7)


def test_dual_function_counts_the_bias_but_no_weightless_rows():
    X, y = np.array([[-1.0], [0.5], [2.0], [9.0]]), np.array([1.0, 0.0, 1.0, 5.0])
    found = optimal_set(X, y, 0.2, hidden_bias=True, sample_weight=[1.0, 2.0, 1.0, 0.0])
    display = DualFunctionDisplay.from_set(found).plot()
    np.testing.assert_allclose(np.abs(display.marks_.get_ydata()), 0.2, rtol=1e-6)


@pytest.mark.parametrize("name", ["two_rows", "three_rows"])
def test_the_face_supports_the_hull(name):
    """No point of the hull is beyond the hyperplane nu^T z = beta; the corners of the face and the star are on it."""
    X, y, beta = data_sets()[name]
    found = solved(name)
    display = RectifiedEllipsoidDisplay.from_set(found).plot()
    heights = display.hull_.points @ found.dual_point
    assert heights.max() == pytest.approx(beta, rel=1e-3) and heights.max() <= beta * (1 + 1e-7)
    np.testing.assert_allclose(found.dual_point @ display.fits, beta, rtol=1e-7)
    assert found.dual_point @ display.optimum == pytest.approx(beta, rel=1e-7)
    rng = np.random.default_rng(0)
    u = rng.standard_normal((200, 2))
    points = np.maximum(X @ (u / np.linalg.norm(u, axis=1)[:, None]).T, 0.0)
    assert np.all(display.hull_.equations[:, :-1] @ points <= 1e-3 - display.hull_.equations[:, -1:])
    display.ax_.figure.canvas.draw()


def test_three_rows_in_three_dimensions_and_rows_of_rank_one():
    rng = np.random.default_rng(1)
    found = optimal_set(rng.standard_normal((3, 3)), [1.0, 2.0, -1.0], 0.1)
    RectifiedEllipsoidDisplay.from_set(found).plot().ax_.figure.canvas.draw()
    found = optimal_set([[1.0], [-2.0]], [1.0, 1.0], 0.1)
    ax = plt.subplots()[1]
    assert RectifiedEllipsoidDisplay.from_set(found).plot(ax).ax_ is ax
    with pytest.raises(InvalidInputError, match="span"):
        RectifiedEllipsoidDisplay.from_set(optimal_set([[1.0], [2.0]], [1.0, 1.0], 0.1)).plot()


@pytest.mark.parametrize(
    ("flags", "n", "display", "named"),
    [
        ({}, 4, RectifiedEllipsoidDisplay, "two or three rows"),
        ({"fit_intercept": True}, 3, RectifiedEllipsoidDisplay, "intercept"),
        ({"hidden_bias": True}, 3, DualFunctionDisplay, "two columns"),
    ],
)
def test_what_cannot_be_drawn_is_refused(flags, n, display, named):
    rng = np.random.default_rng(2)
    found = optimal_set(rng.standard_normal((n, 2)), rng.standard_normal(n), 0.1, **flags)
    with pytest.raises(InvalidInputError, match=named):
        display.from_set(found)
    with pytest.raises(InvalidInputError, match="zero network"):
        RectifiedEllipsoidDisplay.from_set(optimal_set(np.eye(2), np.zeros(2), 1.0))


def test_path_beside_the_straight_line():
    X, y, beta = data_sets()["three_rows"]
    found = solved("three_rows")
    a = found.network(found.vertices[0], width=4)
    b = a.permuted([1, 0, 2, 3])
    display = PathDisplay.from_path(found.path(a, b), n_points=51).plot()
    np.testing.assert_allclose(display.path_.get_ydata(), found.optimal_value, rtol=1e-9)
    middle = TwoLayerReLU(
        (a.hidden_weights + b.hidden_weights) / 2, (a.output_weights + b.output_weights) / 2
    ).objective(X, y, beta)
    assert np.interp(0.5, *display.straight_.get_data()) == pytest.approx(middle, rel=1e-12)
    assert display.ax_.get_yscale() == "linear" and np.all(np.isin(display.knots, display.ts))


def test_descent_on_a_logarithmic_axis():
    X, y, beta = data_sets()["three_rows"]
    found = solved("three_rows")
    rng = np.random.default_rng(0)
    start = TwoLayerReLU(3 * rng.standard_normal((4, 2)), 3 * rng.standard_normal(4))
    display = PathDisplay.from_path(descent_path(start, found.network(found.vertices[0], 4), X, y, beta)).plot()
    assert display.ax_.get_yscale() == "log" and np.all(np.diff(display.path_.get_ydata()) <= 1e-12)
    assert display.path_.get_ydata()[0] == display.straight_.get_ydata()[0]
