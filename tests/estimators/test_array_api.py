"""Arrays of other libraries: the fits and predictions of NumPy, returned where X is, under array_api_dispatch."""

import numpy as np
import pytest

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLUClassifierCV,
    ConvexReLURegressor,
    GatedReLURegressor,
    MinNormReLUInterpolator,
    certify,
    price,
)
from convexnn._utils.arrays import to_numpy

from ..kinds import dispatching, every_library, is_beside, rows_with_zeros

X = rows_with_zeros(40, 3, filled=0.8)
Y = np.maximum(X[:, 0], 0.0) - 0.5 * X[:, 1]
LABELS = 1 * (Y > 0.0) + (Y > 0.7)
WEIGHT = 1.0 + np.arange(40) % 3
METHODS = ("decision_function", "predict_proba", "predict_log_proba")


def same(found, wanted):
    np.testing.assert_allclose(to_numpy(found), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.mostly_slow
@every_library
@pytest.mark.parametrize("y", [Y, Y[:, None], np.column_stack([Y, X[:, 2]])], ids=["flat", "column", "two"])
def test_regressors(array_as, y):
    model = ConvexReLURegressor(0.5).fit(X, y, WEIGHT)
    with dispatching():
        rows = array_as(X)
        again = ConvexReLURegressor(0.5).fit(rows, array_as(y), array_as(WEIGHT))
        predictions = again.predict(rows)
        assert is_beside(predictions, rows)
        assert np.isclose(float(again.score(rows, array_as(y))), model.score(X, y))
    same(predictions, model.predict(X))
    np.testing.assert_array_equal(again.network_.hidden_weights, model.network_.hidden_weights)
    assert again.certificate_.primal == model.certificate_.primal and isinstance(again.dual_, np.ndarray)
    # Fitted attributes are NumPy's: predictions follow the rows, and not those of the training.
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.mostly_slow
@every_library
@pytest.mark.parametrize(
    "y", [1 * (Y > 0.0), LABELS, np.column_stack([Y > 0.0, X[:, 0] > 0.0]) * 1], ids=["two", "three", "labels"]
)
def test_classifiers(array_as, y):
    model = ConvexReLUClassifier(0.5).fit(X, y)
    with dispatching():
        rows = array_as(X)
        again = ConvexReLUClassifier(0.5).fit(rows, array_as(y))
        for name in METHODS:
            values = getattr(again, name)(rows)
            assert is_beside(values, rows)
            same(values, getattr(model, name)(X))
        labels = again.predict(rows)
        assert type(labels) is type(rows) and labels.device == rows.device
    np.testing.assert_array_equal(to_numpy(labels), model.predict(X))


@every_library
def test_names_of_classes_stay_with_numpy(array_as):
    names = np.array(["low", "middle", "high"])[LABELS]
    model = ConvexReLUClassifier(0.5).fit(X, names)
    with dispatching():
        again = ConvexReLUClassifier(0.5).fit(array_as(X), names)
        np.testing.assert_array_equal(again.predict(array_as(X)), model.predict(X))


@every_library
def test_single_precision_stays(array_as):
    model = ConvexReLUClassifier(0.5).fit(X, LABELS)
    with dispatching():
        rows = array_as(X.astype(np.float32))
        probabilities = model.predict_proba(rows)
        assert is_beside(probabilities, rows)
    np.testing.assert_allclose(to_numpy(probabilities), model.predict_proba(X), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@every_library
def test_other_estimators_and_functions_go_by_numpy(array_as):
    with dispatching():
        rows, y = array_as(X), array_as(Y)
        interpolator = MinNormReLUInterpolator().fit(rows, y)
        assert is_beside(interpolator.predict(rows), rows)
        same(interpolator.predict(rows), Y)
        gated = GatedReLURegressor(0.5).fit(rows, y)
        same(gated.predict(rows), GatedReLURegressor(0.5).fit(X, Y).predict(X))
        assert price(rows, y).value == price(X, Y).value
        network = ConvexReLURegressor(0.5).fit(rows, y).network_
        assert certify(network, rows, y, 0.5).primal == certify(network, X, Y, 0.5).primal
        search = ConvexReLUClassifierCV(betas=[0.1, 1.0], cv=2).fit(rows, array_as(LABELS))
    assert search.beta_ == ConvexReLUClassifierCV(betas=[0.1, 1.0], cv=2).fit(X, LABELS).beta_


@every_library
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_training_refuses_what_is_not_finite(array_as, bad):
    spoilt = X.copy()
    spoilt[3, 1] = bad
    with dispatching(), pytest.raises(ValueError, match="X contains (NaN|infinity)"):
        ConvexReLURegressor().fit(array_as(spoilt), array_as(Y))


def test_torch_without_dispatch_becomes_numpy():
    torch = pytest.importorskip("torch")
    model = ConvexReLURegressor(0.5).fit(torch.asarray(X), torch.asarray(Y))
    predictions = model.predict(torch.asarray(X))
    assert isinstance(predictions, np.ndarray)
    np.testing.assert_array_equal(predictions, ConvexReLURegressor(0.5).fit(X, Y).predict(X))
