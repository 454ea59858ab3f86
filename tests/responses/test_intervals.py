"""Jackknife+ intervals: against their definition, and their coverage of fresh targets."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from convexnn import ConvexReLURegressor, InvalidInputError
from convexnn.responses.intervals import jackknife_plus


def sample(rng, n_samples):
    X = rng.uniform(-2.0, 2.0, size=(n_samples, 2))
    return X, np.abs(X[:, 0]) - np.maximum(X[:, 1], 0.0) + 0.3 * rng.normal(size=n_samples)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_ends_are_the_order_statistics_of_the_definition(level):
    rng = np.random.default_rng(0)
    n = 23
    predictions, residuals = rng.normal(size=(n, 4)), rng.normal(size=n)
    found = jackknife_plus(predictions, residuals, np.ones(n), level)
    k = math.ceil(round(level * (n + 1), 9))
    for column, (low, high) in zip(predictions.T, found, strict=True):
        assert high == np.sort(column + np.abs(residuals))[k - 1]
        assert low == np.sort(column - np.abs(residuals))[n - k]


def test_few_rows_give_infinite_intervals():
    predictions, residuals = np.zeros((8, 1)), np.ones(8)
    assert np.all(np.isinf(jackknife_plus(predictions, residuals, np.ones(8), 0.9)))
    assert jackknife_plus(np.zeros((9, 1)), np.ones(9), np.ones(9), 0.9) == pytest.approx(np.array([[-1.0, 1.0]]))


def test_unknown_predictions_may_be_anything():
    predictions, residuals = np.zeros((19, 1)), np.ones(19)
    predictions[0], residuals[:2] = np.nan, np.nan
    assert np.all(np.isinf(jackknife_plus(predictions, residuals, np.ones(19), 0.95)))
    assert np.all(np.isfinite(jackknife_plus(predictions, residuals, np.ones(19), 0.85)))


def test_only_ratios_of_the_weights_count():
    rng = np.random.default_rng(1)
    predictions, residuals, weight = rng.normal(size=(30, 3)), rng.normal(size=30), rng.uniform(0.5, 2.0, 30)
    found = jackknife_plus(predictions, residuals, weight, 0.8)
    assert np.array_equal(found, jackknife_plus(predictions, residuals, 1e6 * weight, 0.8))


def test_intervals_cover_fresh_targets():
    """40 training sets with one fresh row each for the guarantee, and many rows for the level itself."""
    rng, level, n_sets, inside = np.random.default_rng(2), 0.8, 40, []
    for _ in range(n_sets):
        X, y = sample(rng, 60)
        model = ConvexReLURegressor(1.5, proof="heuristic", tol=1e-4).fit(X, y)
        X_new, y_new = sample(rng, 50)
        low, high = model.predict_interval(X_new, level).T
        inside.append((low <= y_new) & (y_new <= high))
    first = sum(rows[0] for rows in inside)
    assert binom.ppf(5e-5, n_sets, level) <= first <= binom.ppf(1 - 5e-5, n_sets, level)
    rates = np.mean(inside, axis=1)
    assert abs(rates.mean() - level) <= 3.9 * rates.std(ddof=1) / np.sqrt(n_sets) + 1 / 61  # ranks are integers


def test_intervals_are_those_of_the_left_out_networks():
    rng = np.random.default_rng(3)
    X, y = sample(rng, 30)
    sharp = {"tol": 1e-8, "proof": "heuristic"}
    model = ConvexReLURegressor(2.0, **sharp).fit(X, y)
    refits = [ConvexReLURegressor(2.0, **sharp).fit(np.delete(X, i, 0), np.delete(y, i)) for i in range(30)]
    X_new = sample(rng, 20)[0]
    residuals = np.array([y[i] - refits[i].predict(X[[i]])[0] for i in range(30)])
    predictions = np.array([refit.predict(X_new) for refit in refits])
    true = jackknife_plus(predictions, residuals, np.ones(30), 0.9)
    found = model.predict_interval(X_new)
    assert np.abs(found - true).mean() < 0.1 * np.diff(true).mean()


def test_wider_levels_nest_and_hold_the_prediction():
    X, y = sample(np.random.default_rng(4), 40)
    model = ConvexReLURegressor(2.0, proof="heuristic").fit(X, y)
    narrow, wide = model.predict_interval(X, 0.7), model.predict_interval(X, 0.9)
    assert np.all(wide[:, 0] <= narrow[:, 0]) and np.all(narrow[:, 1] <= wide[:, 1])
    assert np.mean((wide[:, 0] <= model.predict(X)) & (model.predict(X) <= wide[:, 1])) > 0.9


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.1, "high", None, np.nan])
def test_levels_outside_are_refused(level):
    X, y = sample(np.random.default_rng(5), 20)
    model = ConvexReLURegressor(5.0, proof="heuristic").fit(X, y)
    with pytest.raises(InvalidInputError, match="level must be a number between 0 and 1"):
        model.predict_interval(X, level)


def test_several_outputs_are_refused_by_name():
    X, y = sample(np.random.default_rng(6), 20)
    model = ConvexReLURegressor(5.0, proof="heuristic", tol=1e-3).fit(X, np.column_stack([y, y]))
    with pytest.raises(InvalidInputError, match="predict_interval is there for one output; this regressor has 2"):
        model.predict_interval(X)
