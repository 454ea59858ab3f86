"""Decision regions: what is drawn is what the classifier decides."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, GatedReLUClassifier, InvalidInputError
from convexnn.plotting import DecisionRegionDisplay, NetworkDisplay

IRIS = load_iris()
MODELS = {
    "two": (ConvexReLUClassifier(1.0), IRIS.target > 0),
    "three": (ConvexReLUClassifier(1.0, multi_class="ovr"), IRIS.target >= 0),
    "gated": (GatedReLUClassifier(1.0, n_gates=8, random_state=0), IRIS.target >= 0),
}


@cache
def fitted(name, columns=(2, 3)):
    model, rows = MODELS[name]
    X, y = IRIS.data[rows][:, columns], IRIS.target_names[IRIS.target[rows]]
    return make_pipeline(StandardScaler(), clone(model)).fit(X, y), X, y


@pytest.mark.parametrize("name", MODELS)
def test_regions_are_the_predictions(name):
    pipeline, X, y = fitted(name)
    display = DecisionRegionDisplay.from_estimator(pipeline, X, y, n_points=15).plot()
    points = np.column_stack([axis.ravel() for axis in np.meshgrid(*display.grid)])
    drawn = pipeline.classes_[display.margins.argmax(axis=0).ravel()]
    np.testing.assert_array_equal(drawn, pipeline.predict(points))
    assert np.all((display.margins > 0).sum(axis=0) <= 1)
    for label, dots in display.points_.items():
        np.testing.assert_array_equal(dots.get_offsets(), X[y == label])
    assert list(display.points_) == list(pipeline.classes_)
    assert [text.get_text() for text in display.legend_.get_texts()][: len(pipeline.classes_)] == list(display.points_)
    assert "proven" in display.ax_.get_title()
    display.figure_.canvas.draw()


def test_boundaries_and_switches_are_zeros():
    pipeline, X, y = fitted("two")
    display = DecisionRegionDisplay.from_estimator(pipeline, X, y).plot()
    on_boundary = np.vstack(display.boundaries_["virginica"].get_paths()[0].to_polygons(closed_only=False))
    spread = np.ptp(pipeline.decision_function(X))
    assert np.abs(pipeline.decision_function(on_boundary)).max() < 1e-2 * spread
    network, scaler = pipeline[-1].network_, pipeline[0]
    crossing = [plane for plane in display.preactivations if plane.min() < 0 < plane.max()]
    assert len(display.switches_) == len(crossing) > 0
    for line in display.switches_:
        points = scaler.transform(line.get_paths()[0].vertices)
        values = np.column_stack([points, np.ones(len(points))]) @ network.neurons.T
        assert np.abs(values).max(axis=0).min() < 1e-8


def test_other_features_are_held_and_said_to_be():
    pipeline, X, y = fitted("three", (0, 1, 2, 3))
    display = DecisionRegionDisplay.from_estimator(pipeline, X, y, features=(3, 0), n_points=5, labels=["w", "l"])
    row = np.median(X, axis=0)
    row[[3, 0]] = display.grid[0][1], display.grid[1][4]
    values = pipeline.decision_function(row[None])[0]
    assert display.margins[2, 4, 1] == pytest.approx(values[2] - max(values[:2]))
    ax = display.plot().ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w", "l") and "held at their medians: 2" in ax.get_title()
    there = DecisionRegionDisplay.from_estimator(pipeline, X, y, at=X[0], n_points=5)
    assert "given values" in there.title and not np.array_equal(there.margins, display.margins)


def test_given_axes_and_markers():
    pipeline, X, y = fitted("two")
    ax = plt.subplots()[1]
    display = DecisionRegionDisplay.from_estimator(pipeline, X, y, class_names=["a", "b"], n_points=5).plot(ax, s=77)
    assert display.ax_ is ax and display.figure_ is ax.figure and len(plt.get_fignums()) == 1
    assert list(display.points_) == ["a", "b"] and display.points_["a"].get_sizes() == [77]


@pytest.mark.parametrize("layout", ["constrained", None])
def test_the_whole_legend_is_in_the_figure(layout):
    pipeline, X, y = fitted("three")
    figure, ax = plt.subplots(layout=layout)
    legend = DecisionRegionDisplay.from_estimator(pipeline, X, y, n_points=5).plot(ax).legend_
    figure.canvas.draw()
    box, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
    assert (box.y1 < ax.get_window_extent().y0) == (layout is not None)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"features": (0,)}, "features must be two"),
        ({"features": (0, 0)}, "features must be two different"),
        ({"features": (0, 2)}, "features"),
        ({"at": [0.0]}, "at must have an entry for each of the 2"),
        ({"labels": ["a"]}, "labels"),
        ({"class_names": ["a"]}, "class_names"),
        ({"n_points": 1}, "n_points"),
    ],
)
def test_bad_options_are_refused(options, named):
    pipeline, X, y = fitted("two")
    with pytest.raises(InvalidInputError, match=named):
        DecisionRegionDisplay.from_estimator(pipeline, X, y, **options)
    assert plt.get_fignums() == []


def test_what_is_no_classifier_of_ours_is_refused():
    pipeline, X, y = fitted("two")
    with pytest.raises(InvalidInputError, match="NetworkDisplay"):
        DecisionRegionDisplay.from_estimator(ConvexReLURegressor(1.0).fit(X, X[:, 0]), X, y)
    with pytest.raises(InvalidInputError, match="DecisionRegionDisplay"):
        NetworkDisplay.from_estimator(pipeline, X, y)
    with pytest.raises(InvalidInputError, match="one of convexnn"):
        DecisionRegionDisplay.from_estimator(LogisticRegression().fit(X, y), X, y)
    with pytest.raises(NotFittedError):
        DecisionRegionDisplay.from_estimator(ConvexReLUClassifier(), X, y)
    labels = np.column_stack([X[:, 0] > 5, X[:, 1] > 1]).astype(int)
    with pytest.raises(InvalidInputError, match="fitted to several labels"):
        DecisionRegionDisplay.from_estimator(ConvexReLUClassifier(5.0, proof="heuristic").fit(X, labels), X, y)
    with pytest.raises(InvalidInputError, match="setosa"):
        DecisionRegionDisplay.from_estimator(pipeline, X, np.append(y[1:], "setosa"))
    with pytest.raises(InvalidInputError, match="y must have 100 entries"):
        DecisionRegionDisplay.from_estimator(pipeline, X, y[1:])
