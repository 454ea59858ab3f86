"""Estimators that were pickled before a parameter was added, and those that lack nothing."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLUClassifierCV,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLUClassifier,
    GatedReLURegressor,
    MinNormReLUInterpolator,
)

ESTIMATORS = [
    ConvexReLURegressor(2.0),
    ConvexReLUClassifier(2.0),
    ConvexReLURegressorCV(n_betas=3),
    ConvexReLUClassifierCV(n_betas=3),
    GatedReLURegressor(n_gates=5),
    GatedReLUClassifier(n_gates=5),
    MinNormReLUInterpolator(),
]
every_estimator = pytest.mark.parametrize("model", ESTIMATORS, ids=lambda model: type(model).__name__)


@every_estimator
def test_missing_parameters_get_their_defaults(model):
    old = pickle.loads(pickle.dumps(model))
    del vars(old)["n_jobs"], vars(old)["verbose"]  # as if added since
    with pytest.warns(UserWarning, match="earlier version of convexnn.*n_jobs=None, verbose=0.*Fit it again"):
        found = pickle.loads(pickle.dumps(old))
    assert found.get_params() == model.get_params() and repr(found) == repr(model)


@every_estimator
def test_nothing_is_said_where_nothing_is_missing(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for same in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), clone(model)):
            assert same.get_params() == model.get_params()


def test_a_fitted_model_of_old_still_predicts():
    X = np.random.default_rng(0).standard_normal((20, 2))
    for model, y in ((ConvexReLURegressor(2.0), X[:, 0]), (ConvexReLUClassifier(2.0), np.arange(20) % 3)):
        values = model.fit(X, y).predict(X)
        del vars(model)["max_width"]
        vars(model).pop("_is_multilabel", None)
        with pytest.warns(UserWarning, match="max_width=None"):
            found = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(found.predict(X), values)
