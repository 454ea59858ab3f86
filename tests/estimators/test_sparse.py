"""Sparse rows: the answers of dense ones, and clear words where there are none."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLURegressor,
    MinNormReLUInterpolator,
    certify,
    optimal_set,
    price,
)
from convexnn._utils import row_blocks

from ..kinds import every_sparse, rows_with_zeros, untidy

X = rows_with_zeros(40, 3)
Y = np.maximum(X[:, 0], 0.0) - 0.5 * X[:, 1]
LABELS = 1 * (Y > 0.0) + (Y > 0.3)
WEIGHT = (1.0 + np.arange(40)) % 3  # some are zero
FREE_TERMS = [
    {},
    {"skip_connection": True},
    {"hidden_bias": False, "fit_intercept": False},
    {"hidden_bias": False, "skip_connection": True},
]


@every_sparse
@pytest.mark.parametrize("terms", FREE_TERMS)
def test_small_regressions_are_those_of_dense_rows(sparse_as, terms):
    model = ConvexReLURegressor(0.1, **terms).fit(X, Y, WEIGHT)
    again = ConvexReLURegressor(0.1, **terms).fit(sparse_as(X), Y, WEIGHT)
    assert again.certificate_.primal == model.certificate_.primal and again.status_ == model.status_ == "proven"
    np.testing.assert_array_equal(again.network_.hidden_weights, model.network_.hidden_weights)
    np.testing.assert_allclose(again.predict(sparse_as(X)), model.predict(X), rtol=1e-12, atol=1e-12)
    assert again.n_features_in_ == 3


@every_sparse
def test_small_classifications_are_those_of_dense_rows(sparse_as):
    model = ConvexReLUClassifier(1.0, proof="heuristic").fit(X, LABELS)
    again = ConvexReLUClassifier(1.0, proof="heuristic").fit(sparse_as(X), LABELS)
    for name in ("decision_function", "predict_proba", "predict_log_proba"):
        found, wanted = getattr(again, name)(sparse_as(X)), getattr(model, name)(X)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(again.predict(sparse_as(X)), model.predict(X))


def test_encoded_categories_are_predicted_from_as_they_come():
    colors = np.random.default_rng(0).choice(["blue", "green", "red"], (40, 2))
    y = (colors[:, 0] == "red") + 2.0 * (colors[:, 1] == "blue")
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), ConvexReLURegressor(0.1)).fit(colors, y)
    dense = make_pipeline(OneHotEncoder(sparse_output=False), ConvexReLURegressor(0.1)).fit(colors, y)
    assert sparse.issparse(model[0].transform(colors)) and model.score(colors, y) > 0.99
    np.testing.assert_allclose(model.predict(colors), dense.predict(colors), rtol=1e-12)
    np.testing.assert_allclose(model.transform(colors), dense.transform(colors), rtol=1e-12, atol=1e-12)
    assert np.isfinite(model.predict([["pink", "blue"]])).all()


def test_untidy_rows_and_tables_of_sparse_columns():
    model = ConvexReLURegressor(0.1).fit(X, Y)
    rows = untidy(X)
    stored = rows.data.copy()
    np.testing.assert_array_equal(ConvexReLURegressor(0.1).fit(rows, Y).predict(X), model.predict(X))
    np.testing.assert_allclose(model.predict(rows), model.predict(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(rows.data, stored)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X), columns=["a", "b", "c"])
    again = ConvexReLURegressor(0.1).fit(frame, Y)
    np.testing.assert_allclose(again.predict(frame), model.predict(X), rtol=1e-12, atol=1e-12)
    assert list(again.feature_names_in_) == ["a", "b", "c"]


def test_small_sparse_rows_elsewhere():
    rows = sparse.csr_array(X)
    model = ConvexReLURegressor(0.1).fit(X, Y)
    assert price(rows, Y).value == price(X, Y).value
    assert certify(model.network_, rows, Y, 0.1).primal == certify(model.network_, X, Y, 0.1).primal
    np.testing.assert_array_equal(model.predict_interval(rows), model.predict_interval(X))
    search = ConvexReLURegressorCV(betas=[0.01, 1.0], cv=2)
    assert search.fit(rows, Y).beta_ == search.fit(X, Y).beta_


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad):
    spoilt = sparse.csr_array(X)
    spoilt.data[3] = bad
    with pytest.raises(ValueError, match="X contains (NaN|infinity)"):
        ConvexReLURegressor().fit(spoilt, Y)
    with pytest.raises(ValueError, match="X contains (NaN|infinity)"):
        ConvexReLURegressor(0.1).fit(X, Y).predict(spoilt)


def test_sparse_targets_are_refused():
    with pytest.raises(ValueError, match=r"y must be dense.*Pass y.toarray\(\)"):
        ConvexReLURegressor().fit(X, sparse.csr_array(Y[:, None]))


@pytest.mark.parametrize("estimator", [GatedReLURegressor(), MinNormReLUInterpolator()], ids=["gated", "interpolator"])
def test_estimators_that_take_dense_rows_only(estimator):
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        estimator.fit(sparse.csr_array(X), Y)


@pytest.mark.parametrize(
    "call",
    [
        lambda rows, y: price(rows, y),
        lambda rows, y: certify(ConvexReLURegressor(0.1).fit(X, Y).network_, rows, y, 0.1),
        lambda rows, y: optimal_set(rows, y, 0.1),
        lambda rows, y: ConvexReLURegressorCV().fit(rows, y),
        lambda rows, y: ConvexReLURegressor(0.1).fit(X, Y).predict_interval(rows),
    ],
    ids=["price", "certify", "optimal_set", "cv", "interval"],
)
def test_large_rows_are_refused_where_they_are_needed_dense(call, monkeypatch):
    monkeypatch.setattr(row_blocks, "HUGE_ABOVE_ENTRIES", 100)
    with pytest.raises(ValueError, match=r"X is sparse and of shape \(40, 3\).*X.toarray\(\)"):
        call(sparse.csr_array(X), Y)
