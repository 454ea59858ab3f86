"""Fitted estimators go through files of skops, which executes nothing but the types that we list."""

import importlib

import numpy as np
import pytest

import convexnn
from convexnn.exchange import TRUSTED_TYPES

skops = pytest.importorskip("skops.io")

X = np.random.default_rng(0).normal(size=(20, 2))
Y = X[:, 0] * X[:, 1] + 0.1 * X[:, 1]
LABELS = np.array(["a", "b", "c"])[(Y > -0.2).astype(int) + (Y > 0.2)]
CLASSIFIERS = [
    (convexnn.ConvexReLUClassifier, {"loss": loss, "multi_class": several, "class_weight": weight})
    for loss, several, weight in (("logistic", "joint", None), ("squared_hinge", "ovr", {"a": 1, "b": 2, "c": 1}))
]
MODELS = [
    *((convexnn.ConvexReLURegressor, {"loss": loss}) for loss in ("squared", "huber", "absolute", "quantile")),
    (convexnn.ConvexReLURegressor, {"random_state": np.random.RandomState(0), "skip_connection": True}),
    (convexnn.ConvexReLURegressorCV, {"n_betas": 2, "cv": 2}),
    (convexnn.ConvexReLUClassifierCV, {"n_betas": 2, "cv": 2}),
    (convexnn.GatedReLURegressor, {"n_gates": 10}),
    (convexnn.GatedReLUClassifier, {"n_gates": 10}),
    (convexnn.GatedReLUClassifier, {"n_gates": 10, "multi_class": "joint"}),
    (convexnn.MinNormReLUInterpolator, {}),
    *CLASSIFIERS,
]


def through_a_file(model):
    data = skops.dumps(model)
    assert set(skops.get_untrusted_types(data=data)) <= set(TRUSTED_TYPES)
    return skops.loads(data, trusted=TRUSTED_TYPES)


@pytest.mark.mostly_slow
@pytest.mark.parametrize(("kind", "options"), MODELS)
def test_estimators_return_to_the_bit(kind, options):
    is_classifier = issubclass(kind, convexnn.ConvexReLUClassifier | convexnn.GatedReLUClassifier)
    model = kind(**options).fit(X, LABELS if is_classifier else Y)
    again = through_a_file(model)
    assert type(again) is kind and again.get_params().keys() == model.get_params().keys()
    for method in ("predict", "decision_function", "predict_proba"):
        if hasattr(model, method):
            assert np.array_equal(getattr(again, method)(X), getattr(model, method)(X))
    assert str(again.certificate_) == str(model.certificate_)
    assert np.array_equal(again.dual_, model.dual_)


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_several_labels_return(multi_class):
    labels = np.column_stack([Y > -0.2, Y > 0.2]).astype(int)
    model = convexnn.ConvexReLUClassifier(2.0, multi_class=multi_class).fit(X, labels)
    again = through_a_file(model)
    assert np.array_equal(again.predict(X), model.predict(X))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.slow
def test_several_outputs_and_own_patterns_return():
    for model in (
        convexnn.ConvexReLURegressor(loss="huber"),
        convexnn.ConvexReLURegressor(0.5, patterns="sampled", n_patterns=5, tol=1.0),
        convexnn.GatedReLURegressor(n_gates=10),
    ):
        both = model.fit(X, np.column_stack([Y, -Y]))
        assert np.array_equal(through_a_file(both).predict(X), both.predict(X))
    robust = convexnn.ConvexReLURegressor(2.0, loss="absolute").fit(X, np.column_stack([Y, -Y]))
    assert np.array_equal(through_a_file(robust).dual_, robust.dual_)
    patterns = convexnn.enumerate_patterns(np.column_stack([X[:8], np.ones(8)]))
    given = convexnn.ConvexReLURegressor(patterns=patterns).fit(X[:8], Y[:8])
    again = through_a_file(given)
    assert np.array_equal(again.predict(X), given.predict(X))
    assert np.array_equal(again.patterns.masks, patterns.masks)


def test_a_loaded_estimator_goes_on_working():
    model = convexnn.ConvexReLURegressor(beta=1.0).fit(X, Y)
    again = through_a_file(model)
    assert again.optimal_set().optimal_value == model.optimal_set().optimal_value
    assert not again.network_.hidden_weights.flags.writeable
    assert np.array_equal(again.fit(X, -Y).predict(X), model.fit(X, -Y).predict(X))


def test_every_trusted_type_is_ours_and_exists():
    for name in TRUSTED_TYPES:
        module, kind = name.rsplit(".", 1)
        assert module.startswith("convexnn.") and isinstance(getattr(importlib.import_module(module), kind), type)
