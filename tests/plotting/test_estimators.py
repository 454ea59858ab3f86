"""The pictures: they show the figures of the fit, for estimators and pipelines, on one feature and on two."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import ConvexReLURegressor, InvalidInputError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from convexnn.plotting import CertificateDisplay, NetworkDisplay  # noqa: E402
from convexnn.plotting.certificate import MIN_GAP_DRAWN  # noqa: E402


def data(n_features):
    rng = np.random.default_rng(0)
    X = 10 * rng.standard_normal((40, n_features)) + 3
    return X, np.maximum(X[:, 0] - 1, 0) - np.maximum(X[:, -1] + 4, 0) + rng.standard_normal(40)


def fitted(n_features, **options):
    X, y = data(n_features)
    return make_pipeline(StandardScaler(), ConvexReLURegressor(**options)).fit(X, y), X, y


def test_certificate_display_shows_the_history_over_the_bound():
    pipeline, _, _ = fitted(2)
    model = pipeline[-1]
    display = CertificateDisplay.from_estimator(pipeline).plot()
    seconds, above = display.line_.get_data()
    np.testing.assert_array_equal(seconds[:-1], [record["seconds"] for record in model.history_])
    objectives = np.array([record["objective"] for record in model.history_])
    expected = (objectives - model.certificate_.dual) / model.certificate_.primal
    np.testing.assert_allclose(above[:-1], np.maximum(expected, MIN_GAP_DRAWN))
    assert above[-1] == pytest.approx(max(model.certificate_.relative_gap, MIN_GAP_DRAWN))
    assert np.all(np.diff(above) <= 1e-12), "the objective never rises"
    assert display.ax_.get_yscale() == "log"
    assert model.certificate_.proof in display.ax_.texts[0].get_text()
    bottom, top = display.ax_.get_ylim()
    assert bottom < above.min() and above.max() < top


def test_a_certificate_display_draws_on_the_axes_it_is_given():
    axes = plt.subplots()[1]
    assert CertificateDisplay.from_estimator(fitted(1)[0][-1]).plot(axes).ax_ is axes


def test_a_zero_network_has_a_picture():
    X, y = data(1)
    model = ConvexReLURegressor(beta=1e6).fit(X, y)
    assert model.network_.width == 0
    CertificateDisplay.from_estimator(model).plot()
    display = NetworkDisplay.from_estimator(model, X, y, features=[0]).plot()
    assert len(display.kinks_[0].get_xdata()) == 0
    plt.gcf().canvas.draw()


def test_kinks_of_one_feature_are_where_the_neurons_switch():
    pipeline, X, y = fitted(1)
    display = NetworkDisplay.from_estimator(pipeline, X, y, features=[0]).plot()
    network, scaler = pipeline[-1].network_, pipeline[0]
    places = -network.hidden_bias / network.hidden_weights[:, 0] * scaler.scale_ + scaler.mean_
    shown, heights = display.kinks_[0].get_data()
    seen = places[(places > display.grid[0][0]) & (places < display.grid[0][-1])]
    np.testing.assert_allclose(np.sort(shown), np.sort(seen))
    np.testing.assert_allclose(heights, pipeline.predict(shown[:, None]), atol=0.02 * np.ptp(y))
    np.testing.assert_allclose(display.values, pipeline.predict(display.grid[0][:, None]))
    np.testing.assert_array_equal(display.points_.get_offsets(), np.column_stack([X, y]))


def test_surface_of_two_features_holds_the_others():
    pipeline, X, y = fitted(3)
    display = NetworkDisplay.from_estimator(pipeline, X, y, features=(2, 0), n_points=7).plot()
    held = np.median(X[:, 1])
    for i, j in ((0, 0), (6, 2), (3, 5)):
        row = [[display.grid[1][i], held, display.grid[0][j]]]
        assert display.values[i, j] == pytest.approx(pipeline.predict(row)[0])
        inputs = np.append(pipeline[0].transform(row), 1)
        np.testing.assert_allclose(display.preactivations[:, i, j], pipeline[-1].network_.neurons @ inputs)
    elsewhere = NetworkDisplay.from_estimator(pipeline, X, y, at=X[0], n_points=3)
    assert elsewhere.values[1, 1] == pytest.approx(
        pipeline.predict([[elsewhere.grid[0][1], elsewhere.grid[1][1], X[0, 2]]])[0]
    )
    plt.gcf().canvas.draw()


def test_names_come_from_the_estimator_or_the_caller():
    pipeline, X, y = fitted(2)
    assert NetworkDisplay.from_estimator(pipeline, X, y, n_points=3).labels == ["feature 0", "feature 1", "y"]
    display = NetworkDisplay.from_estimator(pipeline, X, y, labels=["a", "b", "c"], n_points=3).plot(limits=(0, 1))
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("a", "b")


def test_without_a_hidden_bias_and_without_a_pipeline():
    X, y = data(2)
    model = ConvexReLURegressor(hidden_bias=False).fit(X, y)
    display = NetworkDisplay.from_estimator(model, X, y, n_points=5).plot()
    assert display.preactivations.shape == (model.network_.width, 5, 5)


def test_features_may_be_named():
    pandas = pytest.importorskip("pandas")
    _, X, y = fitted(3)
    X = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = ConvexReLURegressor().fit(X, y)
    for named, numbered in ((("c", "a"), (2, 0)), (["b"], [1]), ("b", 1), (("c", 0), (2, 0))):
        found, expected = (
            NetworkDisplay.from_estimator(model, X, y, features=features, n_points=4) for features in (named, numbered)
        )
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.labels == expected.labels
    with pytest.raises(InvalidInputError, match=r"or by name; got \['b', 'd'\]"):
        NetworkDisplay.from_estimator(model, X, y, features=("b", "d"))


@pytest.mark.mostly_slow
@pytest.mark.parametrize("features", [(), (0, 1, 2), (0, 3), (-1,), ("a",), (0, 0)])
def test_features_that_cannot_be_drawn_are_refused(features):
    pipeline, X, y = fitted(3)
    with pytest.raises(InvalidInputError, match="features"):
        NetworkDisplay.from_estimator(pipeline, X, y, features=features)


def test_an_unfitted_estimator_is_refused():
    with pytest.raises(NotFittedError):
        CertificateDisplay.from_estimator(ConvexReLURegressor())
