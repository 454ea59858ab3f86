"""scikit-learn's own checks, none of them failed and none expected to fail, and the places estimators are put in."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from convexnn import ConvexReLURegressor

from ..zoo import random_problem


@pytest.mark.mostly_slow
@parametrize_with_checks([ConvexReLURegressor()])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def data():
    return random_problem(20, 2, seed=0)


OPTIONS = {
    "beta": 0.5,
    "loss": "huber",
    "huber_delta": 2.0,
    "quantile": 0.3,
    "hidden_bias": False,
    "penalize_bias": True,
    "fit_intercept": False,
    "skip_connection": True,
    "cv": 3,
    "max_width": 4,
    "solver": "cvxpy",
    "patterns": "sampled",
    "n_patterns": 7,
    "proof": "bound",
    "tol": 1e-4,
    "max_iter": 9,
    "time_limit": 5.0,
    "n_jobs": 2,
    "random_state": 3,
    "warm_start": True,
    "verbose": 1,
}


def test_parameters_are_kept_and_cloned():
    model = ConvexReLURegressor(**OPTIONS)
    assert model.get_params() == OPTIONS
    assert clone(model).get_params() == OPTIONS
    assert ConvexReLURegressor().set_params(**OPTIONS).get_params() == OPTIONS


def test_parameters_are_not_changed_by_fit(data):
    model = ConvexReLURegressor()
    before = model.get_params()
    assert model.fit(*data).get_params() == before


def test_pipelines(data):
    X, y = data
    model = make_pipeline(StandardScaler(), ConvexReLURegressor(beta=0.5)).fit(X, y)
    inner = ConvexReLURegressor(beta=0.5).fit(StandardScaler().fit_transform(X), y)
    np.testing.assert_array_equal(model.predict(X), inner.predict(StandardScaler().fit_transform(X)))
    assert 0.0 < model.score(X, y) < 1.0


def test_grid_search(data):
    X, y = data
    search = GridSearchCV(ConvexReLURegressor(proof="heuristic"), {"beta": [0.3, 3.0, 300.0]}, cv=3)
    search.fit(X, X[:, 0] ** 2)
    assert search.best_params_["beta"] < 300.0
    assert search.best_estimator_.beta_ == search.best_params_["beta"]


def test_cross_validation_and_transformed_targets(data):
    X, y = data
    model = TransformedTargetRegressor(ConvexReLURegressor(beta=0.1), transformer=StandardScaler())
    assert cross_val_score(model, X, X[:, 0] + 5.0, cv=3).min() > 0.5


def test_pickling(data):
    X, y = data
    model = ConvexReLURegressor(beta=0.5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert str(again.certificate_) == str(model.certificate_)
    assert again.status_ == "proven"


def test_feature_names(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=["left", "right"])
    model = ConvexReLURegressor(beta=0.5).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == ["left", "right"]
    assert model.n_features_in_ == 2
    np.testing.assert_array_equal(model.predict(frame), ConvexReLURegressor(beta=0.5).fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["right", "left"]])


def test_targets_in_a_column_are_predicted_in_a_column(data):
    X, y = data
    model = ConvexReLURegressor(beta=0.5).fit(X, y[:, None])
    assert model.predict(X).shape == (len(y), 1)
    np.testing.assert_array_equal(model.predict(X)[:, 0], ConvexReLURegressor(beta=0.5).fit(X, y).predict(X))
