"""Leave-one-out in closed form: against refits, against least squares, and what it says about itself."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLURegressor,
    InvalidInputError,
)
from convexnn.estimators._parameters import tolerance_of

QUICK = {"proof": "heuristic", "tol": 1e-9}


def make_data(seed=0, n_samples=80):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, size=(n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * rng.normal(size=n_samples)


def size(values):
    return float(np.sqrt(np.mean(np.square(values))))


def refits(model, X, y, rows, method="predict", weight=None):
    """Return the values at some rows of the same model, trained without the row."""
    weight = np.ones(len(X)) if weight is None else weight
    chosen = {"beta": model.beta_, "skip_connection": model.skip_connection_, "tol": max(tolerance_of(model.tol), 1e-8)}
    single = type(model)(**(model.get_params() | chosen))
    found = []
    for i in rows:
        kept = np.arange(len(X)) != i
        found.append(getattr(single.fit(X[kept], y[kept], weight[kept]), method)(X[[i]])[0])
    return np.array(found)


def share_of_move(model, found, X, y, method="predict", weight=None, every=5):
    """Return the error of the predictions without some rows, relative to what the rows' leaving does to them."""
    rows = range(0, len(X), every)
    true = refits(model, X, y, rows, method, weight)
    return size(found.predictions[rows] - true) / size(true - getattr(model, method)(X)[rows])


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({}, 0.35),
        ({"beta": 1.0}, 0.45),
        ({"hidden_bias": False}, 0.35),
        ({"hidden_bias": False, "fit_intercept": False}, 0.35),
        ({"skip_connection": True}, 0.35),
        ({"loss": "huber", "huber_delta": 0.3}, 0.35),
    ],
)
def test_predictions_are_close_to_those_of_refits(options, share):
    X, y = make_data()
    model = ConvexReLURegressor(**(QUICK | {"beta": 4.0} | options)).fit(X, y)
    found = model.leave_one_out()
    assert share_of_move(model, found, X, y) < share
    assert found.is_trusted and found.score == pytest.approx(r2_score(y, found.predictions))
    assert found.moves == pytest.approx(found.predictions - model.predict(X))


def test_weighted_rows_leave_as_a_whole():
    X, y = make_data()
    weight = np.random.default_rng(0).integers(1, 4, size=len(X)).astype(float)
    weight[1] = 0.0
    model = ConvexReLURegressor(4.0, **QUICK).fit(X, y, weight)
    found = model.leave_one_out()
    assert share_of_move(model, found, X, y, weight=weight) < 0.4
    assert found.predictions[1] == pytest.approx(model.predict(X[[1]])[0])
    assert found.influence[1] == found.moves[1] == 0.0
    assert found.score == pytest.approx(r2_score(y, found.predictions, sample_weight=weight))


def test_equal_rows_leave_one_at_a_time():
    X, y = make_data(2, 20)
    twice, targets = np.vstack([X, X]), np.concatenate([y, y])
    model = ConvexReLURegressor(4.0, **QUICK).fit(twice, targets)
    found = model.leave_one_out()
    assert found.predictions[:20] == pytest.approx(found.predictions[20:])
    assert share_of_move(model, found, twice, targets) < 0.5
    whole = ConvexReLURegressor(4.0, **QUICK).fit(X, y, np.full(20, 2.0)).leave_one_out()
    assert whole.degrees_of_freedom == pytest.approx(found.degrees_of_freedom)
    assert whole.influence == pytest.approx(2.0 * found.influence[:20])
    assert np.all(np.abs(whole.moves) > np.abs(found.moves[:20]))


def test_order_of_the_rows_is_that_of_the_caller():
    X, y = make_data(3)
    order = np.random.default_rng(0).permutation(len(X))
    first = ConvexReLURegressor(2.0, **QUICK).fit(X, y).leave_one_out()
    second = ConvexReLURegressor(2.0, **QUICK).fit(X[order], y[order]).leave_one_out()
    for name in ("predictions", "residuals", "moves", "influence"):
        assert np.array_equal(getattr(first, name)[order], getattr(second, name))
    assert first.residuals == pytest.approx(y - first.predictions)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_without_neurons_it_is_that_of_least_squares(skip, scale):
    X, y = make_data(4)
    X, y = X + 3.0, scale * (y + 100.0)
    model = ConvexReLURegressor(1e9 * scale, skip_connection=skip).fit(X, y)
    columns = X if skip else np.zeros((len(X), 1))
    true = cross_val_predict(LinearRegression(), columns, y, cv=LeaveOneOut())
    found = model.leave_one_out()
    assert model.network_.width == 0
    assert found.predictions == pytest.approx(true, rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(1.0 + 2.0 * skip)


def test_weighted_least_squares_without_neurons():
    X, y = make_data(5)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    model = ConvexReLURegressor(1e9).fit(X, y, weight)
    others = [np.average(np.delete(y, i), weights=np.delete(weight, i)) for i in range(len(y))]
    assert model.leave_one_out().predictions == pytest.approx(np.array(others), rel=1e-9)


def test_nothing_at_all_predicts_zero():
    X, y = make_data(6)
    found = ConvexReLURegressor(1e9, fit_intercept=False).fit(X, y).leave_one_out()
    assert np.all(found.predictions == 0.0) and found.degrees_of_freedom == 0.0
    assert found.typical_move == 0.0 and found.is_trusted


def test_several_outputs_are_close_to_refits():
    X, y = make_data()
    Y = np.column_stack([y, np.maximum(X[:, 1], 0.0), -y])
    model = ConvexReLURegressor(6.0, proof="heuristic", tol=1e-7).fit(X, Y)
    found = model.leave_one_out()
    assert found.predictions.shape == Y.shape and found.influence.shape == (len(X),)
    assert share_of_move(model, found, X, Y, every=10) < 0.5


def test_a_column_of_targets_gives_columns():
    X, y = make_data(8)
    flat = ConvexReLURegressor(4.0, **QUICK).fit(X, y).leave_one_out()
    column = ConvexReLURegressor(4.0, **QUICK).fit(X, y[:, None]).leave_one_out()
    assert column.predictions.shape == column.residuals.shape == column.moves.shape == (len(X), 1)
    assert np.array_equal(column.predictions[:, 0], flat.predictions) and column.score == flat.score


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared"])
def test_decision_values_are_close_to_those_of_refits(loss):
    X, y = make_data()
    labels = np.where(y > np.median(y), "high", "low")
    model = ConvexReLUClassifier(4.0, loss=loss, **QUICK).fit(X, labels)
    found = model.leave_one_out()
    assert share_of_move(model, found, X, labels, "decision_function") < 0.35
    assert found.score == accuracy_score(labels, model.classes_[(found.predictions > 0).astype(int)])
    assert found.score_name == "accuracy"


@pytest.mark.slow
@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_three_classes_are_close_to_refits(multi_class):
    X, y = make_data()
    labels = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    model = ConvexReLUClassifier(4.0, multi_class=multi_class, proof="heuristic", tol=1e-7).fit(X, labels)
    found = model.leave_one_out()
    assert found.predictions.shape == (len(X), 3)
    assert found.score == accuracy_score(labels, found.predictions.argmax(axis=1))
    assert share_of_move(model, found, X, labels, "decision_function", every=10) < 0.45
    if multi_class == "joint":
        powers = np.exp(found.predictions)
        chances = powers / powers.sum(axis=1, keepdims=True)
        assert found.mean_loss == pytest.approx(log_loss(labels, chances))
        assert found.residuals == pytest.approx(np.eye(3)[labels] - chances)


def test_residuals_of_log_odds_are_those_of_probabilities():
    X, y = make_data(11)
    model = ConvexReLUClassifier(2.0, class_weight="balanced", **QUICK).fit(X, y > 1.0)
    found = model.leave_one_out()
    chances = 1.0 / (1.0 + np.exp(-found.predictions))
    assert found.residuals == pytest.approx((y > 1.0) - chances)
    assert found.mean_loss == pytest.approx(log_loss(y > 1.0, chances))


def test_rows_that_decide_alone_are_open():
    """Only one row has an entry in the second column of the skip connection."""
    X, y = make_data(12)
    X[:, 1] = 0.0
    X[5, 1] = 1.0
    found = ConvexReLURegressor(1e9, skip_connection=True).fit(X, y).leave_one_out()
    assert np.flatnonzero(np.isnan(found.predictions)).tolist() == [5]
    assert np.isnan(found.score) and not found.is_trusted and "no: 1 open" in repr(found)


@pytest.mark.parametrize("shift", [0.0, 1.0, 1e9])
def test_equal_targets_are_an_optimum(shift):
    X, _ = make_data(12)
    found = ConvexReLURegressor().fit(X, np.full(len(X), shift)).leave_one_out()
    assert found.is_trusted and found.predictions == pytest.approx(np.full(len(X), shift))
    assert found.degrees_of_freedom == pytest.approx(1.0)


def test_one_row_alone_is_open():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ConvexReLURegressor().fit([[1.0]], [2.0]).leave_one_out()
    assert np.isnan(found.predictions[0]) and np.isnan(found.score)


def test_what_is_trusted():
    X, y = make_data(13, 60)
    noise = np.random.default_rng(0).normal(size=60)
    assert ConvexReLURegressor(4.0, **QUICK).fit(X, y).leave_one_out().is_trusted
    wild = ConvexReLURegressor(0.5, proof="heuristic").fit(X, noise).leave_one_out()
    assert not wild.is_trusted and "no: large moves" in repr(wild)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        early = ConvexReLURegressor(0.5, proof="heuristic", max_iter=1).fit(X, noise).leave_one_out()
    assert max(early.stationarity, early.visible_gap) > 1e-3 and "no: not at an optimum" in repr(early)
    loose = ConvexReLURegressor(0.5, proof="heuristic", tol=0.5).fit(X, y).leave_one_out()
    assert loose.is_trusted == (max(loose.stationarity, loose.visible_gap) <= 1e-3)


@pytest.mark.parametrize("loss", ["absolute", "quantile"])
def test_losses_with_kinks_are_refused_by_name(loss):
    X, y = make_data(14, 12)
    model = ConvexReLURegressor(5.0, loss=loss, proof="heuristic", tol=1e-3).fit(X, y)
    for call in (model.leave_one_out, lambda: model.predict_interval(X)):
        with pytest.raises(InvalidInputError, match=f"smooth loss; the {loss} loss has kinks"):
            call()


@pytest.mark.parametrize("factor", [1e-100, 1e100])
def test_magnitudes_change_nothing(factor):
    X, y = make_data(17, 30)
    options = {"hidden_bias": False, "proof": "heuristic"}
    found = ConvexReLURegressor(2.0, **options).fit(X, y).leave_one_out()
    wide = ConvexReLURegressor(2.0 * factor, **options).fit(factor * X, y).leave_one_out()
    tall = ConvexReLURegressor(2.0 * factor, **options).fit(X, factor * y).leave_one_out()
    assert wide.predictions == pytest.approx(found.predictions, rel=1e-9)
    assert tall.predictions / factor == pytest.approx(found.predictions, rel=1e-9)
    assert tall.typical_move == pytest.approx(found.typical_move)


def test_solvers_agree():
    X, y = make_data(18, 12)
    options = {"hidden_bias": False, "tol": 1e-9}
    first, second = (
        ConvexReLURegressor(1.0, solver=solver, patterns="exact", **options).fit(X, y).leave_one_out()
        for solver in ("working_set", "cvxpy")
    )
    assert first.predictions == pytest.approx(second.predictions, abs=1e-4)


def test_gated_models_have_none():
    for name in ("leave_one_out", "predict_interval"):
        with pytest.raises(AttributeError, match=f"'GatedReLURegressor' object has no attribute '{name}'"):
            getattr(GatedReLURegressor(), name)


@pytest.mark.parametrize("estimator", [ConvexReLURegressor, ConvexReLUClassifier])
def test_models_that_are_not_fitted_are_refused(estimator):
    with pytest.raises(NotFittedError):
        estimator().leave_one_out()
    with pytest.raises(NotFittedError):
        ConvexReLURegressor().predict_interval([[1.0]])


def test_after_cross_validation_and_pickling_it_is_still_there():
    X, y = make_data(15)
    model = ConvexReLURegressorCV([4.0, 2.0], cv=3, proof="heuristic").fit(X, y)
    found = pickle.loads(pickle.dumps(model)).leave_one_out()
    single = ConvexReLURegressor(model.beta_, proof="heuristic").fit(X, y).leave_one_out()
    assert found.predictions == pytest.approx(single.predictions, abs=1e-3)


def test_frames_have_a_row_for_every_row():
    pytest.importorskip("pandas")
    X, y = make_data(16)
    frame = ConvexReLURegressor(4.0, **QUICK).fit(X, y).leave_one_out().to_frame()
    assert list(frame) == ["prediction", "residual", "move", "influence"] and len(frame) == len(X)
    several = ConvexReLURegressor(8.0, proof="heuristic", tol=1e-4).fit(X, np.column_stack([y, -y])).leave_one_out()
    assert list(several.to_frame())[:2] == ["prediction_0", "prediction_1"]
