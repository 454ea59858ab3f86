"""The picture of leave-one-out: the figures of the record, on the diagonal or beside the boundary."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, GatedReLURegressor, InvalidInputError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from convexnn.plotting import LeaveOneOutDisplay  # noqa: E402
from convexnn.plotting.leaving_out import MAX_AREA, MIN_AREA  # noqa: E402


def data(n_samples=40):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.2 * rng.standard_normal(n_samples)


def test_points_are_predictions_over_targets():
    X, y = data()
    found = ConvexReLURegressor(2.0).fit(X, y).leave_one_out()
    display = found.plot()
    assert isinstance(display, LeaveOneOutDisplay)
    np.testing.assert_array_equal(display.points_.get_offsets(), np.column_stack([y, found.predictions]))
    areas = MIN_AREA + (MAX_AREA - MIN_AREA) * found.influence / found.influence.max()
    np.testing.assert_allclose(display.points_.get_sizes(), areas)
    assert f"R2 {found.score:.3f}" in display.ax_.get_title()
    assert ("compare refits" in display.ax_.get_title()) != found.is_trusted
    np.testing.assert_array_equal(*display.line_.get_data())
    plt.gcf().canvas.draw()


def test_pipelines_and_given_axes():
    X, y = data()
    axes = plt.subplots()[1]
    display = LeaveOneOutDisplay.from_estimator(make_pipeline(StandardScaler(), ConvexReLURegressor(2.0)).fit(X, y))
    assert display.plot(axes, color="red", s=7.0).ax_ is axes
    assert display.points_.get_sizes().tolist() == [7.0]
    assert display.points_.get_facecolor()[0, :3].tolist() == [1.0, 0.0, 0.0]


def test_classes_stand_beside_each_other():
    X, y = data()
    model = ConvexReLUClassifier(1.0).fit(X, y > 1.0)
    found = model.leave_one_out()
    display = found.plot()
    places, values = display.points_.get_offsets().T
    np.testing.assert_array_equal(np.round(places), y > 1.0)
    np.testing.assert_array_equal(values, found.predictions)
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["outside the class", "in the class"]
    assert "accuracy" in display.ax_.get_title()
    plt.gcf().canvas.draw()


@pytest.mark.parametrize("kind", ["targets", "classes"])
def test_one_output_of_several(kind):
    X, y = data(30)
    if kind == "targets":
        model = ConvexReLURegressor(4.0, proof="heuristic").fit(X, np.column_stack([y, X[:, 0]]))
    else:
        model = ConvexReLUClassifier(4.0, proof="heuristic").fit(X, np.digitize(y, np.quantile(y, [0.3, 0.6])))
    found = model.leave_one_out()
    display = LeaveOneOutDisplay.from_record(found, output=1).plot()
    np.testing.assert_array_equal(display.points_.get_offsets()[:, 1], found.predictions[:, 1])
    for output in (None, 3, -1, "a"):
        with pytest.raises(InvalidInputError, match="output must be an integer from 0 to [12]; got"):
            LeaveOneOutDisplay.from_record(found, output=output)


def test_open_rows_and_large_moves_are_in_the_title():
    X, y = data(12)
    found = ConvexReLURegressor(2.0).fit(X, y).leave_one_out()
    display = replace(found, typical_move=0.5).plot()
    assert "compare refits" in display.ax_.get_title()
    predictions = found.predictions.copy()
    predictions[4] = np.nan
    display = replace(found, predictions=predictions).plot()
    assert len(display.points_.get_offsets()) == 11 and "1 without a prediction" in display.ax_.get_title()


def test_no_influence_and_equal_targets_have_a_picture():
    X, _ = data(5)
    ConvexReLURegressor(1.0, fit_intercept=False).fit(X, np.zeros(5)).leave_one_out().plot()
    plt.gcf().canvas.draw()


def test_other_models_are_refused():
    X, y = data(12)
    with pytest.raises(InvalidInputError, match="with leave_one_out"):
        LeaveOneOutDisplay.from_estimator(GatedReLURegressor(n_gates=3).fit(X, y))
    with pytest.raises(NotFittedError):
        LeaveOneOutDisplay.from_estimator(ConvexReLURegressor())
