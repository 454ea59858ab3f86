"""Landscapes, labels and ways to a proof: the artists hold the figures of the records."""

import inspect
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge

import convexnn.plotting
from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    GatedReLURegressor,
    InvalidInputError,
    MinNormReLUInterpolator,
    TwoLayerReLU,
    optimal_set,
    regularization_path,
    width_sweep,
)
from convexnn.landscape import bezier_path, plane_grid
from convexnn.plotting import (
    CertificateDisplay,
    DecisionRegionDisplay,
    LandscapeDisplay,
    NetworkDisplay,
    PathDisplay,
    RegularizationPathDisplay,
    WidthLabelsDisplay,
)
from convexnn.plotting._style import logarithmic, verdict
from tests.zoo import random_problem, three_rows

KNOWN = three_rows()
SQUARE = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])


def landscape():
    network = TwoLayerReLU([[1, 0], [0, 1]], [1, 1])
    return plane_grid(network, [[1, 0], [0, 1]], [1, 1], 0.1, n_points=7, random_state=0)


def test_contours_and_surfaces_of_a_landscape():
    grid = landscape()
    display = grid.plot(n_levels=5)
    assert isinstance(display, LandscapeDisplay) and "no" in display.ax_.get_title()
    np.testing.assert_array_equal(display.points_.get_data(), [[0.0], [0.0]])
    assert display.heights.tolist() == [grid.values[3, 3]]
    assert display.colorbar_.ax.get_ylabel() == "objective, logarithm to base 10"
    space = plt.subplots(subplot_kw={"projection": "3d"})[1]
    assert grid.plot(space, kind="surface").ax_ is space
    height = np.array(grid.plot(kind="surface").points_.get_data_3d())[2, 0]
    assert height == pytest.approx(np.log10(grid.values[3, 3]))
    plt.gcf().canvas.draw()


@pytest.mark.parametrize(
    ("options", "named"),
    [({"kind": "bowl"}, "kind"), ({"n_levels": 0}, "n_levels"), ({"ax": "left"}, "ax must be matplotlib axes")],
)
def test_bad_options_of_a_landscape(options, named):
    grid = landscape()
    with pytest.raises(InvalidInputError, match=named):
        grid.plot(**options)
    assert plt.get_fignums() == []


def test_labels_are_stacked_to_all_runs():
    sweep = width_sweep(KNOWN.X, KNOWN.y, KNOWN.beta, (1, 2, 3, 8), n_runs=8, labels=True, random_state=0)
    display = sweep.plot(kind="labels")
    assert isinstance(display, WidthLabelsDisplay)
    heights = {name: [bar.get_height() for bar in bars] for name, bars in display.bars_.items()}
    np.testing.assert_allclose(np.sum(list(heights.values()), axis=0), 100.0)
    np.testing.assert_allclose(heights["global"], [100 * record.n_global / 8 for record in sweep.records])
    np.testing.assert_allclose(heights["local-strict"], [100 * record.n_strict / 8 for record in sweep.records])
    for below, above in zip(display.bars_["global"], display.bars_["saddle"], strict=True):
        assert above.get_y() == pytest.approx(below.get_height())
    assert [text.get_text() for text in display.counts_] == ["0", "6", "15", "1"]
    assert {name: line.get_xdata()[0] for name, line in display.marks_.items()} == {"m*": 0.5, "M*": 1.5}
    assert len({bars[0].get_hatch() for bars in display.bars_.values()}) == len(display.bars_)
    assert "optimum proven" in display.ax_.get_title()
    display.figure_.canvas.draw()


def test_labels_without_a_proof_or_without_labels():
    X, y = random_problem(15, 6)
    options = {"n_runs": 2, "max_iter": 50, "random_state": 0}
    sweep = width_sweep(X, y, 0.5, [2], proof="heuristic", labels=True, **options)
    ax = plt.subplots()[1]
    display = sweep.plot(ax, kind="labels", width=0.3)
    assert display.ax_ is ax and display.counts_ == [] and display.marks_ == {}
    assert "not proven" in ax.get_title() and display.bars_["global"][0].get_width() == 0.3
    with pytest.raises(InvalidInputError, match="labels=True"):
        width_sweep(X, y, 0.5, [2], proof="heuristic", **options).plot(kind="labels")
    with pytest.raises(InvalidInputError, match="kind"):
        sweep.plot(kind="pie")
    assert len(plt.get_fignums()) == 1


def test_both_bounds_over_time():
    X, y = random_problem(30, 2)
    model = ConvexReLURegressor(0.5).fit(X, y)
    display = CertificateDisplay.from_estimator(model).plot(kind="bounds", color="black")
    np.testing.assert_array_equal(display.line_.get_ydata()[:-1], [record["objective"] for record in model.history_])
    assert display.line_.get_ydata()[-1] == model.certificate_.primal and display.line_.get_color() == "black"
    assert set(display.bound_.get_ydata()) == {model.certificate_.dual}
    seen = [max(0.0, record["objective"] * (1 - record["visible_gap"])) for record in model.history_]
    np.testing.assert_allclose(display.visible_.get_ydata(), seen)
    assert "no proof" in display.visible_.get_label()
    assert "globally optimal, proven" in display.ax_.get_title()
    with pytest.raises(InvalidInputError, match="kind"):
        CertificateDisplay.from_estimator(model).plot(kind="both")


def test_a_missing_proof_is_in_the_title():
    X, y = random_problem(30, 6)
    model = ConvexReLURegressor(0.5, proof="heuristic").fit(X, y)
    for kind in ("gap", "bounds"):
        display = CertificateDisplay.from_estimator(model).plot(kind=kind)
        assert display.ax_.get_title().startswith("optimality not proven (heuristic)")
    assert verdict(model.certificate_) == display.ax_.get_title()


def test_gated_models_are_proven_over_their_gates():
    X, y = random_problem(30, 4)
    model = GatedReLURegressor(0.5, n_gates=10, random_state=0).fit(X, y)
    display = CertificateDisplay.from_estimator(model).plot(kind="bounds")
    assert f"over its {model.certificate_.n_gates} gates" in display.ax_.get_title()
    assert "on its gates" in display.bound_.get_label() and "proven" in display.visible_.get_label()
    assert np.all(display.visible_.get_ydata() <= model.certificate_.primal * (1 + 1e-9))
    kinks = NetworkDisplay.from_estimator(model, X, y, n_points=5).preactivations
    assert len(kinks) == np.count_nonzero(np.any(model.blocks_ != 0, axis=1))


def test_one_problem_of_several():
    X, y = load_iris(return_X_y=True)
    model = ConvexReLUClassifier(1.0, multi_class="ovr").fit(X[:, :2], y)
    for kind in ({}, {"output": 3}, {"output": -1}):
        with pytest.raises(InvalidInputError, match="output must"):
            CertificateDisplay.from_estimator(model, **kind)
    lengths = 0
    for output in range(3):
        display = CertificateDisplay.from_estimator(model, output=output)
        assert display.certificate is model.certificates_[output] and np.all(np.diff(display.seconds) >= 0)
        lengths += len(display.objectives)
    assert lengths == len(model.history_)
    two = model.fit(X[:100, :2], y[:100])  # the same object, now with one problem
    assert CertificateDisplay.from_estimator(two).certificate is two.certificate_
    with pytest.raises(InvalidInputError, match="output must be None"):
        CertificateDisplay.from_estimator(two, output=0)


def test_other_models_are_refused_and_interpolators_drawn():
    with pytest.raises(InvalidInputError, match="history_"):
        CertificateDisplay.from_estimator(Ridge().fit(SQUARE, np.ones(4)))
    model = MinNormReLUInterpolator().fit(np.arange(4.0)[:, None], [0.0, 1.0, 0.0, 2.0])
    for kind in ("gap", "bounds"):
        CertificateDisplay.from_estimator(model).plot(kind=kind).figure_.canvas.draw()


def test_one_target_of_several():
    X, y = random_problem(20, 2)
    Y = np.column_stack([y, -y + X[:, 0]])
    model = ConvexReLURegressor(1.0).fit(X, Y)
    display = NetworkDisplay.from_estimator(model, X, Y, output=1, n_points=4).plot()
    assert display.values[2, 3] == pytest.approx(model.predict([[display.grid[0][3], display.grid[1][2]]])[0, 1])
    assert display.colorbar_ is not None
    np.testing.assert_array_equal(display.targets, Y[:, 1])
    for options, named in (({}, "output"), ({"output": 2}, "output"), ({"output": 0, "labels": ["a"]}, "labels")):
        with pytest.raises(InvalidInputError, match=named):
            NetworkDisplay.from_estimator(model, X, Y, **options)
    with pytest.raises(InvalidInputError, match="y must have the 2 targets"):
        NetworkDisplay.from_estimator(model, X, y, output=0)


def test_paths_say_how_far_they_rise():
    found = optimal_set(SQUARE, np.ones(4), 0.1)
    a, b = (found.network(masses, width=4) for masses in found.vertices)
    curve = bezier_path(a, b, SQUARE, np.ones(4), 0.1, n_starts=1, max_iter=20, random_state=0)
    display = PathDisplay.from_path(curve, n_points=41).plot(lw=7)
    rise = display.objectives.max() - max(display.objectives[0], display.objectives[-1])
    assert f"{rise:.1e} above its higher end" in display.ax_.get_title() and display.path_.get_linewidth() == 7
    assert display.figure_ is display.ax_.figure
    apart = found.path(*(found.network(masses, width=2) for masses in found.vertices))
    assert apart is None
    with pytest.raises(InvalidInputError, match="different components"):
        PathDisplay.from_path(apart)


def test_loose_bounds_of_a_path_are_drawn():
    X, y = random_problem(15, 6)
    path = regularization_path(X, y, [1.0, 0.5], proof="heuristic")
    display = path.plot(lw=4)
    assert display.ax_.get_title() == "0 of 2 optima proven" and display.lines_["p*"].get_linewidth() == 4
    np.testing.assert_array_equal(display.bound_.get_ydata(), [record.lower_bound for record in path.records])
    assert "best value known" in display.lines_["p*"].get_label() and len(display.width_ax_.get_yticks()) == 0
    proven = RegularizationPathDisplay.from_path(regularization_path(KNOWN.X, KNOWN.y, [0.5, 0.1])).plot()
    assert proven.ax_.get_title() == "2 of 2 optima proven" and proven.bound_ is None


@pytest.mark.parametrize("name", convexnn.plotting.__all__)
def test_every_display_keeps_to_the_convention(name):
    kind = getattr(convexnn.plotting, name)
    assert name.endswith("Display") and any(maker.startswith("from_") for maker in vars(kind))
    parameters = inspect.signature(kind.plot).parameters
    assert parameters["ax"].default is None and parameters["kwargs"].kind is inspect.Parameter.VAR_KEYWORD
    for section in ("Parameters", "Attributes", "Examples"):
        assert f"\n    {section}\n    {'-' * len(section)}\n" in kind.__doc__, section
    assert "ax_, figure_" in kind.__doc__


def test_pandas_names_are_labels():
    pandas = pytest.importorskip("pandas")
    data = load_iris()
    frame = pandas.DataFrame(data.data[50:, :2], columns=["length", "width"])
    model = ConvexReLUClassifier(2.0).fit(frame, data.target[50:])
    display = DecisionRegionDisplay.from_estimator(model, frame, data.target[50:], n_points=5).plot()
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("length", "width")


def loose_display(seconds):
    certificate = SimpleNamespace(primal=2.0, dual=1.0, relative_gap=0.5, proof="bound")
    gaps = np.array([0.5, 1e-3, 1e-7, 0.0])
    return CertificateDisplay(seconds, [4.0, 2.1, 2.0, 2.0], certificate, gaps).plot()


def test_estimates_below_a_loose_proof_are_seen():
    display = loose_display([0.01, 0.1, 0.5, 2.0])
    shown = display.visible_.get_ydata()
    np.testing.assert_array_equal(shown[:3], [0.5, 1e-3, 1e-7])
    assert np.isnan(shown[3]) and 1e-9 < display.ax_.get_ylim()[0] < 1e-7


@pytest.mark.parametrize(
    ("seconds", "scale"), [([0.01, 0.1, 0.5, 2.0], "log"), ([1.0, 1.1, 1.2, 2.0], "linear"), ([0.0, 1, 2, 9], "linear")]
)
def test_times_that_differ_much_are_on_a_logarithmic_axis(seconds, scale):
    assert loose_display(seconds).ax_.get_xscale() == scale


def test_short_logarithmic_axes_have_plain_numbers():
    _, axes = plt.subplots(1, 2)
    for ax, values in zip(axes, ([3.0, 60.0], [1e-6, 1.0]), strict=True):
        ax.plot(values, values)
        logarithmic(ax, values)
        ax.figure.canvas.draw()
    written = [[label.get_text() for label in ax.get_xticklabels()] for ax in axes]
    assert {"5", "10", "20", "50"} <= set(written[0]) and any("10^" in text for text in written[1])


def test_ticks_of_a_colour_bar_are_within_its_levels():
    X, y = random_problem(30, 2)
    display = NetworkDisplay.from_estimator(ConvexReLURegressor(0.5).fit(X, y), X, y, n_points=9).plot()
    ticks = display.colorbar_.get_ticks()
    assert len(ticks) > 2 and y.min() <= ticks.min() and ticks.max() <= y.max()


@pytest.mark.parametrize(
    ("rise", "said"), [(0.0, "never above its higher end ("), (1e-16, "but for rounding"), (1e-3, "1.0e-03 above")]
)
def test_a_rise_of_rounding_is_called_so(rise, said):
    display = PathDisplay([0, 0.5, 1], [0.5, 0.5 + rise, 0.25], [0.5, 2.0, 0.25], [0.0, 1.0]).plot()
    assert said in display.ax_.get_title()
