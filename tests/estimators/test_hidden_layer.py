"""Estimators as transformers, the importances that selections of columns read, and links in their pictures."""

from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import convexnn
from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLUClassifier,
    GatedReLURegressor,
    MinNormReLUInterpolator,
    TwoLayerReLU,
)
from convexnn._utils.site import DOCUMENTATION

from ..zoo import random_problem

# Columns 1 and 3 of five decide; the fourth is the linear one.
INFORMATIVE = [1, 3]


X = np.random.default_rng(0).standard_normal((80, 5))
Y = np.abs(X[:, 1]) + X[:, 3]
LABELS = np.digitize(Y, [0.0, 1.2])
TARGETS = {1: Y, 2: np.column_stack([Y, X[:, 1] - Y])}
# Proofs are none of the subjects here.
QUICK = {"proof": "heuristic"}
PLAIN = ConvexReLURegressor(1.0, **QUICK)
REGRESSORS = [
    ConvexReLURegressor(1.0, skip_connection=True, **QUICK),
    ConvexReLURegressor(1.0, hidden_bias=False, **QUICK),
    GatedReLURegressor(n_gates=40),
    GatedReLURegressor(n_gates=40, skip_connection=True),
]
CLASSIFIERS = [
    ConvexReLUClassifier(1.0, **QUICK),
    ConvexReLUClassifier(1.0, multi_class="ovr", **QUICK),
    GatedReLUClassifier(n_gates=20),
    GatedReLUClassifier(n_gates=20, multi_class="joint"),
]


@cache
def fitted(model, n_outputs=1):
    """The estimator fitted once, whichever tests ask for it."""
    return clone(model).fit(X, LABELS if model in CLASSIFIERS else TARGETS[n_outputs])


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_transform_leads_to_the_predictions(model, n_outputs):
    model = fitted(model, n_outputs)
    new = np.random.default_rng(1).standard_normal((60, 5))
    # The predictions are linear in the activations and the free terms.
    known = np.column_stack([model.transform(new), new * bool(model.skip_connection), np.ones(60)])
    values = model.predict(new)
    weights = np.linalg.lstsq(known, values, rcond=None)[0]
    assert 0 < model.transform(new).shape[1] < 55
    np.testing.assert_allclose(known @ weights, values, atol=1e-8 * np.abs(values).max())


@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_transform_of_classifiers(model):
    model = fitted(model)
    hidden, values = model.transform(X), model.decision_function(X)
    known = np.column_stack([hidden, np.ones(len(X))])
    weights = np.linalg.lstsq(known, values, rcond=None)[0]
    np.testing.assert_allclose(known @ weights, values, atol=1e-8 * np.abs(values).max())
    assert hidden.shape[1] == len(model.get_feature_names_out())


def test_transform_is_the_hidden_layer_for_all_kinds_of_rows():
    model = fitted(PLAIN)
    expected = np.maximum(X @ model.network_.hidden_weights.T + model.network_.hidden_bias, 0.0)
    np.testing.assert_allclose(model.transform(X), expected, atol=1e-13)
    np.testing.assert_allclose(model.transform(sparse.csr_array(X)), expected, atol=1e-13)
    np.testing.assert_allclose(model.transform(X.astype(np.float32)), expected, atol=1e-5)
    values = model.transform(X) @ model.network_.output_weights + model.network_.intercept
    np.testing.assert_allclose(values, model.predict(X), atol=1e-12)


def test_gated_neurons_have_no_sign_of_their_own():
    model = GatedReLURegressor(n_gates=40, hidden_bias=False).fit(X, Y)
    used = np.any(model.blocks_ != 0, axis=1)
    sizes = np.linalg.norm(model.blocks_[used], axis=1)
    open_gates = X @ model.gates_[used].T >= 0
    np.testing.assert_allclose(model.transform(X), open_gates * (X @ model.blocks_[used].T) / np.sqrt(sizes), atol=1e-9)
    np.testing.assert_allclose(model.transform(X) @ np.sqrt(sizes) + model.intercept_, model.predict(X), atol=1e-9)


def test_names_and_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"), index=np.arange(80) + 7)
    model = clone(PLAIN).set_output(transform="pandas").fit(frame, Y)
    hidden = model.transform(frame)
    assert list(hidden.columns) == [f"convexreluregressor{j}" for j in range(model.network_.width)]
    assert list(hidden.columns) == list(model.get_feature_names_out()) and list(hidden.index) == list(frame.index)
    np.testing.assert_array_equal(hidden, fitted(PLAIN).transform(X))
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame[list("edcba")])


def test_before_fit_there_are_no_features():
    for model in (ConvexReLURegressor(), GatedReLURegressor(), MinNormReLUInterpolator()):
        assert not hasattr(model, "feature_importances_")
        for ask in (lambda one: one.transform(X), lambda one: one.get_feature_names_out()):
            with pytest.raises(NotFittedError):
                ask(model)


def test_pipelines_in_the_middle_and_at_the_end():
    middle = make_pipeline(StandardScaler(), clone(PLAIN), Ridge(1e-3)).fit(X, Y)
    assert middle.score(X, Y) > 0.95
    last = make_pipeline(StandardScaler(), clone(PLAIN)).fit(X, Y)
    np.testing.assert_array_equal(last.transform(X), middle[:-1].transform(X))
    np.testing.assert_array_equal(last.predict(X), last[-1].predict(last[0].transform(X)))
    classes = make_pipeline(clone(CLASSIFIERS[0]), LogisticRegression(max_iter=1000)).fit(X, LABELS)
    assert classes.score(X, LABELS) > 0.9


def test_constant_networks_have_no_columns():
    model = ConvexReLURegressor(1e6, skip_connection=False).fit(X, Y)
    assert model.transform(X).shape == (80, 0) and len(model.get_feature_names_out()) == 0
    assert model.feature_importances_.tolist() == [0.0] * 5


@pytest.mark.parametrize("model", [*REGRESSORS, ConvexReLURegressorCV(n_betas=3, cv=2, **QUICK)], ids=str)
def test_importances_are_shares_that_favour_what_decides(model):
    importances = fitted(model).feature_importances_
    assert importances.shape == (5,) and importances.min() >= 0 and importances.sum() == pytest.approx(1.0)
    assert sorted(np.argsort(importances)[-2:]) == INFORMATIVE


@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_importances_of_classifiers(model):
    importances = fitted(model).feature_importances_
    assert importances.sum() == pytest.approx(1.0)
    assert sorted(np.argsort(importances)[-2:]) == INFORMATIVE


def test_importances_of_the_interpolator():
    inputs, y = random_problem(12, 2)
    model = MinNormReLUInterpolator().fit(np.insert(inputs, 1, 0.0, axis=1), y)
    assert model.feature_importances_[1] == pytest.approx(0.0, abs=1e-9)
    assert model.transform(np.zeros((2, 3))).shape == (2, model.network_.width)


def test_selections_of_columns():
    assert np.flatnonzero(RFE(PLAIN, n_features_to_select=2, step=2).fit(X, Y).support_).tolist() == INFORMATIVE
    assert np.flatnonzero(SelectFromModel(PLAIN).fit(X, Y).get_support()).tolist() == INFORMATIVE
    found = permutation_importance(fitted(PLAIN), X, Y, n_repeats=2, random_state=0).importances_mean
    assert sorted(np.argsort(found)[-2:]) == INFORMATIVE


def random_network(n_outputs=(), seed=0):
    rng = np.random.default_rng(seed)
    arrays = rng.standard_normal((4, 3)), rng.standard_normal((4, *n_outputs))
    bias, skip = rng.standard_normal(4), rng.standard_normal((3, *n_outputs))
    return TwoLayerReLU(*arrays, hidden_bias=bias, skip_weights=skip)


@pytest.mark.parametrize("n_outputs", [(), (2,)])
def test_slope_bounds_hold_for_every_step(n_outputs):
    network, rng = random_network(n_outputs), np.random.default_rng(1)
    inputs, steps = 3 * rng.standard_normal((500, 3)), rng.standard_normal(500)
    for k, bound in enumerate(network.slope_bounds):
        moved = inputs + steps[:, None] * np.eye(3)[k]
        change = (network.predict(moved) - network.predict(inputs)).reshape(500, -1)
        assert np.all(np.linalg.norm(change, axis=1) <= np.abs(steps) * bound + 1e-12)


def test_slope_bound_of_one_neuron_is_reached():
    network = TwoLayerReLU([[2.0, 0.0, -1.0]], [-3.0], skip_weights=[-1.0, 0.5, 0.0])
    np.testing.assert_array_equal(network.slope_bounds, [7.0, 0.5, 3.0])


@pytest.mark.parametrize("n_outputs", [(), (2,)])
def test_slope_bounds_do_not_see_how_neurons_are_written(n_outputs):
    network = random_network(n_outputs)
    wide = network.split(1, [0.2, 0.5, 0.3]).padded(9).permuted(np.random.default_rng(2).permutation(9))
    for other in (wide, network.balanced(), wide.balanced().merged()):
        np.testing.assert_allclose(other.slope_bounds, network.slope_bounds, rtol=1e-12)
    powers = np.array([600, -600, 0, 3])
    scaled = TwoLayerReLU(
        np.ldexp(network.hidden_weights, powers[:, None]),
        np.ldexp(network._outputs, -powers[:, None]).reshape(network.output_weights.shape),
        hidden_bias=np.ldexp(network.hidden_bias, powers),
        skip_weights=network.skip_weights,
    )
    np.testing.assert_allclose(scaled.slope_bounds, network.slope_bounds, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in convexnn.__all__ if hasattr(getattr(convexnn, name), "get_params")])
def test_pictures_link_to_the_documentation(name):
    model = getattr(convexnn, name)()
    address = f"{DOCUMENTATION}generated/convexnn.{name}.html"
    assert model._get_doc_link() == address and address in model._repr_html_()


def test_classes_of_users_have_no_link():
    own = type("Own", (ConvexReLURegressor,), {"__module__": "elsewhere", "__init__": ConvexReLURegressor.__init__})
    assert own()._get_doc_link() == ""
