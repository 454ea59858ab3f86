"""Columns and targets on bad scales are named with a remedy, and nothing is said of data that are merely uneven."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLUClassifierCV,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLUClassifier,
    GatedReLURegressor,
    ScaleWarning,
)
from convexnn.estimators._columns import warn_of_scales
from convexnn.estimators._scales import spreads_of

FAST = {"time_limit": 1.0}
QUIET = ConvexReLURegressor()


def said(X, y=None, weight=None, model=QUIET):
    """What a fit would say of these data, '' for nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_scales(model, np.asarray(X, dtype=float), weight, y)
    assert len(caught) <= 1 and all(warning.category is ScaleWarning for warning in caught)
    return str(caught[0].message) if caught else ""


def normal(n_columns=4, n_samples=200, seed=0):
    return np.random.default_rng(seed).standard_normal((n_samples, n_columns))


def one_hot(n_samples=200, shares=(0.5, 0.3, 0.15, 0.03, 0.01, 0.005, 0.005)):
    places = np.random.default_rng(1).choice(len(shares), n_samples, p=shares)
    return np.eye(len(shares))[places]


def table():
    """Year, price and engine size beside two ordinary columns."""
    a, b = normal(2).T
    rng = np.random.default_rng(2)
    return np.column_stack([a, rng.integers(1970, 1983, 200), 1e4 * np.exp(0.5 * a), b, np.arange(200)])


@pytest.mark.parametrize(
    "column, named",
    [
        (normal(1) + 1970.0, "lie far from zero: column 4"),
        (3.7 * normal(1) + 76.0, "lie far from zero: column 4"),
        (3e4 * np.exp(0.5 * normal(1)), "vary far more than the others: column 4"),
        (1000.0 + np.arange(200.0)[:, None] * 10.0, "vary far more than the others: column 4"),
        (0.01 * normal(1), "vary far less than the others: column 4"),
    ],
    ids=["raw year", "short year", "prices", "identifiers", "fractions"],
)
def test_columns_on_other_scales_are_named(column, named):
    message = said(np.hstack([normal(), column]))
    assert named in message and "column 0" not in message and "StandardScaler" in message


def test_kinds_of_columns_stand_in_one_message():
    message = said(table())
    assert "more than the others: column 2 (" in message and "far from zero: column 1 (1970 to 1982" in message
    assert "column 0 " not in message and "column 3 " not in message


@pytest.mark.parametrize("names", ["auto", "wine", "cancer"])
def test_raw_tables_are_named(names):
    if names == "auto":
        X = np.random.default_rng(0).normal([5.5, 194, 104, 2978, 15.5, 76], [1.7, 105, 38, 849, 2.8, 3.7], (200, 6))
    else:
        X = {"wine": load_wine, "cancer": load_breast_cancer}[names]().data
    assert "vary far more" in said(X) and said(scale(X)) == ""


def merely_uneven():
    """Return data that need no warning, by name."""
    rng, Z = np.random.default_rng(0), normal(5)
    pixels = load_digits().data
    return {
        "one-hot columns": np.hstack([Z, one_hot()]),
        "mostly one-hot columns": np.hstack([Z[:, :1], one_hot(), one_hot(200, np.full(20, 0.05))]),
        "exponential": rng.exponential(size=(200, 5)),
        "log-normal": np.exp(Z),
        "wide log-normal": np.exp(2.0 * Z),
        "one wide log-normal": np.column_stack([Z, np.exp(2.0 * Z[:, 0])]),
        "heavy tails": np.column_stack([Z, rng.standard_t(2, 200)]),
        "counts": rng.poisson([0.01, 0.5, 3.0, 50.0], (200, 4)),
        "diabetes": load_diabetes().data,
        "cancer": scale(load_breast_cancer().data),
        "iris": load_iris().data,
        "pixels": pixels,
        "pixels up to 1": pixels / 16,
        "pixels up to 255": pixels * 255 / 16,
        "sparse binaries": (rng.random((200, 50)) < rng.uniform(0.005, 0.3, 50)).astype(float),
        "rare binaries": np.hstack([Z, (rng.random((200, 100)) < 0.005).astype(float)]),
        "a constant": np.column_stack([Z, np.full(200, 1e3)]),
        "constants only": np.ones((200, 3)),
        "a small unit": 1e-4 * (Z + 20.0),
        "a large unit": 1e4 * Z,
        "one column": 1e5 * Z[:, :1],
        "two rows": [[0.0, 1.0], [1.0, 0.0]],
        "one row": [[3.0, 1e4]],
    }


@pytest.mark.parametrize("name", merely_uneven())
def test_merely_uneven_data_are_not_warned_of(name):
    assert said(merely_uneven()[name]) == ""


def test_without_a_penalised_bias_offsets_do_not_count():
    X = normal() + [0.0, 0.0, 0.0, 50.0]
    assert "far from zero" in said(X) and said(X, model=ConvexReLURegressor(hidden_bias=False)) == ""


def test_targets_on_other_scales_are_named():
    Y = normal(2)
    assert said(normal(), Y * [1.0, 4.0]) == ""
    message = said(normal(), Y * [1.0, 1e5])
    assert "column 0" in message and "TransformedTargetRegressor" in message
    assert said(normal(), Y * [0.0, 1e5]) == "", "a constant target needs no neuron"
    assert said(normal(), 1e6 * Y[:, 0] + 1e7) == ""


def test_targets_with_names_are_named():
    Y = pd.DataFrame(normal(2) * [1.0, 1e5], columns=["share", "price"])
    for model in (ConvexReLURegressor(1.0, **FAST), ConvexReLURegressorCV([1.0], cv=2, **FAST)):
        with pytest.warns(ScaleWarning, match="very different scales: 'share' .* beside 'price'"):
            model.fit(normal(), Y)


def test_standardised_targets_make_up_for_their_units():
    """What the warning recommends: no column is ignored, units do not matter, and nothing is left to warn of."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 2))
    Y = np.column_stack([X[:, 0], np.sin(2.0 * X[:, 1])]) + 0.1 * rng.standard_normal((120, 2))
    units, (train, test) = np.array([1000.0, 1e-3]), np.split(np.arange(120), [80])
    plain = ConvexReLURegressor("scale", proof="heuristic")
    scaled = TransformedTargetRegressor(plain, transformer=StandardScaler())
    with pytest.warns(ScaleWarning, match="very different scales: column 1"):
        ignored = clone(plain).fit(X[train], Y[train] * units).predict(X[test]) / units
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScaleWarning)
        found = scaled.fit(X[train], Y[train] * units).predict(X[test]) / units
    same = scaled.fit(X[train], Y[train]).predict(X[test])
    np.testing.assert_allclose(found, same, atol=1e-4)
    assert scaled.regressor_.certificate_.relative_gap < 1.0
    assert r2_score(Y[test, 1], found[:, 1]) > r2_score(Y[test, 1], ignored[:, 1]) + 0.2


def test_columns_and_targets_share_a_warning():
    message = said(table(), normal(2) * [1.0, 1e5])
    assert "X has columns" in message and "The targets" in message


@pytest.mark.parametrize(
    "model, is_classifier",
    [
        (ConvexReLURegressor(**FAST), False),
        (ConvexReLURegressorCV([1.0], cv=2, **FAST), False),
        (ConvexReLUClassifier(**FAST), True),
        (ConvexReLUClassifierCV([1.0], cv=2, **FAST), True),
        (GatedReLURegressor(n_gates=5, **FAST), False),
        (GatedReLUClassifier(n_gates=5, **FAST), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_estimator_warns_once_where_it_is_called(model, is_classifier):
    X = table()[:40]
    y = X[:, 0] > 0 if is_classifier else X[:, 0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    (found,) = [warning for warning in caught if warning.category is ScaleWarning]
    assert found.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScaleWarning)
        make_pipeline(StandardScaler(), model).fit(X, y)


def test_spreads_are_those_of_repeated_rows():
    X, weight = table(), np.random.default_rng(3).integers(1, 4, 200)
    one, all_rows = spreads_of(X, weight.astype(float)), np.repeat(X, weight, axis=0)
    for found in (one, spreads_of(all_rows, None)):
        np.testing.assert_allclose(found.mean, all_rows.mean(axis=0))
        np.testing.assert_allclose(found.deviation, all_rows.std(axis=0))


def test_rows_of_weight_zero_are_not_seen():
    X, weight = normal(), np.ones(200)
    X[7], weight[7] = 1e5, 0.0
    X[:, 2] = 1.0 + 1e-3 * X[:, 2]
    kept = np.delete(X, 7, axis=0)
    assert said(X, weight=weight) == said(kept) != said(X)


@pytest.mark.parametrize("factor", [1e-300, 1e-150, 1e150, 1e300])
def test_magnitudes_are_no_trouble(factor):
    with np.errstate(all="raise", under="ignore"):
        assert "vary far more than the others: column 3" in said(factor * np.hstack([normal(3), 100.0 * normal(1)]))
        assert said(factor * normal()) == ""


def test_huge_data_are_read_in_blocks(monkeypatch):
    X = table()
    expected = said(X)
    monkeypatch.setattr("convexnn._utils.row_blocks.HUGE_ABOVE_ENTRIES", 10)
    monkeypatch.setattr("convexnn._utils.row_blocks.ROWS", 17)
    assert said(X) == expected
    np.testing.assert_allclose(spreads_of(X, None).deviation, X.std(axis=0))
