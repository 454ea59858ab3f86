"""Columns on which digits are lost are named, and nothing is said of ordinary ones."""

import warnings

import numpy as np
import pytest

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLUClassifier,
    GatedReLURegressor,
    MinNormReLUInterpolator,
    ScaleWarning,
)
from convexnn.duality.records import Price
from convexnn.estimators._columns import lost_columns, warn_of_unknown_strength

FAST = {"time_limit": 2.0}


def features():
    return np.random.default_rng(0).standard_normal((2, 24))


def target(a, b):
    return np.abs(a) + 0.3 * b


def messages(model, X, y):
    """What `fit` warns of about scales."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert all(warning.filename == __file__ for warning in caught if warning.category is ScaleWarning)
    return [str(warning.message) for warning in caught if warning.category is ScaleWarning]


@pytest.mark.parametrize(
    "column",
    [np.full(24, 1e12), 1e14 + np.arange(24), 1e16 + 2.0 * np.arange(24), 1.7e9 + 60.0 * np.arange(24)],
    ids=["constant", "identifiers", "long identifiers", "timestamps"],
)
def test_lost_columns_are_named_by_their_place(column):
    a, b = features()
    (message,) = messages(ConvexReLURegressor(**FAST), np.column_stack([a, column, b]), target(a, b))
    assert "column 1" in message and "column 0" not in message and "column 2" not in message


@pytest.mark.parametrize(
    "model, is_classifier",
    [
        (ConvexReLURegressor(**FAST), False),
        (ConvexReLURegressorCV(n_betas=2, cv=2, **FAST), False),
        (ConvexReLUClassifier(**FAST), True),
        (GatedReLURegressor(n_gates=5, **FAST), False),
        (GatedReLUClassifier(n_gates=5, **FAST), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_estimator_names_features_once(model, is_classifier):
    pandas = pytest.importorskip("pandas")
    a, b = features()
    X = pandas.DataFrame({"age": a, "batch": np.full(24, 1e12), "size": b})
    y = target(a, b)
    (message,) = messages(model, X, (y > 1).astype(int) if is_classifier else y)
    assert "'batch' (constant 1e+12)" in message and "age" not in message


def test_the_interpolator_names_lost_columns():
    X = np.array([[0.0, 1e9], [1.0, 1e9 + 1], [3.0, 1e9 + 2]])
    assert "column 1" in messages(MinNormReLUInterpolator(), X, np.array([0.0, 1.0, -1.0]))[0]


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_targets_far_from_zero_are_named(fit_intercept):
    a, b = features()
    model = ConvexReLURegressor(fit_intercept=fit_intercept, **FAST)
    (message,) = messages(model, np.column_stack([a, b]), 1e12 + target(a, b))
    assert "The targets" in message


def test_ordinary_columns_and_targets_are_not_warned_of():
    a, b = features()
    shares, sizes = 5.0 + b, 20.0 * np.exp(a)
    for X in (np.column_stack([a, b, shares]), np.column_stack([a, sizes, np.ones(24)]), np.ones((24, 2))):
        assert messages(ConvexReLURegressor(**FAST), X, 1000.0 + target(a, b)) == []


def test_rows_of_weight_zero_do_not_count():
    a, b = features()
    X = np.column_stack([a, b])
    X[3] = 1e14
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScaleWarning)
        ConvexReLURegressor(**FAST).fit(X, target(a, b), sample_weight=np.arange(24) != 3)


def test_columns_that_swamp_the_others_are_found():
    lowest = np.array([0.0, -1.0, -3e9, 0.0, 5.0])
    highest = np.array([1.0, 1.0, 2e9, 1e-12, 5.0])
    assert lost_columns(lowest, highest).tolist() == [2]


def test_an_unknown_strength_is_said_to_be_unknown():
    X = np.array([[1e15, 0.0], [1e15 + 2, 1.0]])
    none = np.zeros(2)
    with pytest.warns(ScaleWarning, match="beta_max is not known.*at most 330.*column 0"):
        warn_of_unknown_strength(None, Price(0.0, 330.0, none, 0, "bound"), X, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown_strength(None, Price(0.0, 1e-15, none, 0, "bound"), X, 2.0)
        warn_of_unknown_strength(None, Price(1.0, 330.0, none, 1, "bound"), X, 2.0)


@pytest.mark.parametrize("offset", [1e12, 1e14, 1e16])
def test_identifiers_do_not_make_the_network_constant(offset):
    a, b = features()
    X = np.column_stack([a, b, offset + 2.0 * np.arange(24)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ConvexReLURegressor(**FAST).fit(X, target(a, b))
    seen = np.abs((target(a, b) - target(a, b).mean()) @ np.maximum(a, 0.0))
    assert model.beta_max_ >= 0.99 * seen


@pytest.mark.parametrize("size", [1e8, 1e12])
def test_a_constant_column_changes_the_fit_little(size):
    a, b = features()
    y = target(a, b)
    X = np.column_stack([a, b, np.full(24, size)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScaleWarning)
        large = ConvexReLURegressor(0.1).fit(X, y)
        small = ConvexReLURegressor(0.1).fit(np.column_stack([a, b, np.full(24, 1e5)]), y)
    assert large.status_ == small.status_ == "proven"
    assert large.certificate_.primal == pytest.approx(small.certificate_.primal, rel=1e-5)
