"""Cross-validation over the strength: a plain loop, weights, threads, and scikit-learn's conventions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLUClassifierCV,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    WidthWarning,
    sample_patterns,
)
from convexnn.estimators import _fold_paths
from convexnn.exceptions import InvalidInputError
from convexnn.solvers.base import Status
from convexnn.solvers.solve import solve

from ..zoo import random_problem

BOTH = [ConvexReLURegressorCV, ConvexReLUClassifierCV]
SINGLE = {ConvexReLURegressorCV: ConvexReLURegressor, ConvexReLUClassifierCV: ConvexReLUClassifier}


@pytest.mark.slow
@parametrize_with_checks([kind(n_betas=2, beta_min_ratio=0.5, cv=2) for kind in BOTH])
def test_scikit_learn(estimator, check):
    check(estimator)


def data(kind):
    """Slices of real data."""
    if kind is ConvexReLURegressorCV:
        X, y = load_diabetes(return_X_y=True)
        return scale(X[:60, 2:4]), y[:60]
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X[:60, :2]), np.where(y[:60] == 1, "benign", "malignant")


def plain_scores(kind, X, y, betas, folds, scoring=lambda model, X, y: model.score(X, y), **options):
    """The scores of fits that all start from nothing."""
    fits = [[SINGLE[kind](beta, tol=1e-9, **options).fit(X[a], y[a]) for a, _ in folds] for beta in betas]
    return np.array([[scoring(m, X[b], y[b]) for m, (_, b) in zip(row, folds, strict=True)] for row in fits])


@pytest.mark.parametrize("kind", BOTH)
def test_a_plain_loop(kind):
    X, y = data(kind)
    cv = (KFold if kind is ConvexReLURegressorCV else StratifiedKFold)(3)
    scoring = "r2" if kind is ConvexReLURegressorCV else "neg_log_loss"
    model = kind(n_betas=4, cv=3, scoring=scoring, tol=1e-9).fit(X, y)
    assert model.betas_[0] == model.beta_max_ and model.betas_[-1] == pytest.approx(0.01 * model.beta_max_)
    expected = plain_scores(kind, X, y, model.betas_, list(cv.split(X, y)), get_scorer(scoring))
    np.testing.assert_allclose(model.scores_, expected, atol=1e-6)
    best = expected.mean(axis=1).argmax()
    assert model.beta_ == model.betas_[best]
    assert model.best_score_ == pytest.approx(expected.mean(axis=1)[best], abs=1e-6)
    again = SINGLE[kind](model.beta_, tol=1e-9).fit(X, y)
    assert model.certificate_.primal == pytest.approx(again.certificate_.primal, rel=1e-9)
    assert (model.status_, model.certificate_.proof) == ("proven", "exact")
    values = [np.ravel(found.network_.predict(X)) for found in (model, again)]
    np.testing.assert_allclose(*values, rtol=1e-5, atol=1e-6)
    assert model.optimal_set().m_star <= model.network_.width


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOTH)
def test_processes_change_no_bit(kind):
    X, y = data(kind)
    first, second = (kind(n_betas=3, cv=3, n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    np.testing.assert_array_equal(first.scores_, second.scores_)
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert first.beta_ == second.beta_


@pytest.mark.parametrize("kind", BOTH)
def test_weights_are_repetition(kind):
    X, y = data(kind)
    weight, fold = np.arange(60) % 4 // 2 + (np.arange(60) % 7 == 0), np.arange(60) % 3
    repeated = [np.repeat(part, weight, axis=0) for part in (X, y, fold)]
    splits = [[(np.flatnonzero(f != k), np.flatnonzero(f == k)) for k in range(3)] for f in (fold, repeated[2])]
    weighted = kind(n_betas=3, cv=splits[0]).fit(X, y, weight)
    plain = kind(n_betas=3, cv=splits[1]).fit(*repeated[:2])
    np.testing.assert_allclose(weighted.scores_, plain.scores_, atol=1e-12)
    np.testing.assert_array_equal(weighted.predict(X), plain.predict(X))


def test_a_fold_without_weight_counts_for_nothing():
    X, y = data(ConvexReLURegressorCV)
    weight = (np.arange(60) >= 20).astype(float)
    model = ConvexReLURegressorCV(n_betas=3, cv=3).fit(X, y, weight)
    assert np.isnan(model.scores_[:, 0]).all() and np.isfinite(model.scores_[:, 1:]).all()
    assert model.best_score_ == model.scores_[:, 1:].mean(axis=1).max()


def test_equal_scores_take_the_larger_beta():
    X, y = data(ConvexReLURegressorCV)
    model = ConvexReLURegressorCV([1.0, 100.0, 10.0, 100.0], cv=2, scoring=lambda model, X, y: 0.5).fit(X, y)
    assert model.beta_ == 100.0
    np.testing.assert_array_equal(model.betas_, [100.0, 10.0, 1.0])


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_more_classes(multi_class):
    X, y = load_iris(return_X_y=True)
    options = {"multi_class": multi_class, "proof": "heuristic"}
    model = ConvexReLUClassifierCV([3.0, 1.0], cv=2, scoring="neg_log_loss", **options).fit(X[::2, 2:], y[::2])
    assert model.scores_.shape == (2, 2) and model.predict_proba(X[:, 2:]).shape == (150, 3)
    assert model.score(X[::2, 2:], y[::2]) < 0  # that of `scoring`


def test_several_outputs():
    X, y = data(ConvexReLURegressorCV)
    y = np.column_stack([y, X[:, 0] ** 2 * 50])
    model = ConvexReLURegressorCV(n_betas=2, cv=2, proof="heuristic").fit(X, y)
    assert model.predict(X).shape == (60, 2) and model.scores_.shape == (2, 2)


@pytest.mark.parametrize("kind", BOTH)
def test_parameters_pipelines_and_nesting(kind):
    X, y = data(kind)
    model = kind([1.0, 0.1], cv=2, max_width=3)
    single = set(SINGLE[kind]().get_params()) - {"beta", "warm_start", "penalize_bias"}
    assert set(model.get_params()) == single | {"betas", "n_betas", "beta_min_ratio", "cv", "scoring"}
    assert clone(model).get_params() == model.get_params()
    piped = make_pipeline(StandardScaler(), kind(n_betas=2, cv=2, proof="heuristic"))
    search = GridSearchCV(piped, {f"{kind.__name__.lower()}__hidden_bias": [True, False]}, cv=2).fit(X, y)
    assert search.best_estimator_[-1].scores_.shape == (2, 2)


@pytest.mark.parametrize(
    "options",
    [
        {"betas": [1.0, -1.0]},
        {"betas": []},
        {"betas": 3.0},
        {"betas": [1.0, np.nan]},
        {"betas": ["scale"]},
        {"n_betas": 0},
        {"beta_min_ratio": 1.0},
        {"beta_min_ratio": 0.0},
        {"loss": "hinge"},
        {"max_width": 0},
        {"patterns": sample_patterns(np.eye(3), 2, random_state=0)},
    ],
    ids=str,
)
def test_bad_parameters_are_named(options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        ConvexReLURegressorCV(**options).fit(*random_problem(10, 2))


def test_no_score_at_all_is_refused():
    with pytest.raises(InvalidInputError, match="scoring"):
        ConvexReLURegressorCV([1.0], cv=LeaveOneOut(), proof="heuristic").fit(*random_problem(5, 2))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["huber"])
def test_a_width_that_is_too_small_is_said_once(loss):
    X, y = random_problem(14, 2)
    with pytest.warns(WidthWarning, match=r"m\* is at most \d+") as caught:
        model = ConvexReLURegressorCV([1.0, 0.05], cv=2, loss=loss, max_width=1, scoring=_smallest).fit(X, y)
    assert model.network_.width == 1 and sum(w.category is WidthWarning for w in caught) == 1


def _smallest(model, X, y):
    return -model.beta


def test_an_interrupt_ends_the_search(monkeypatch):
    def interrupted(*args, **options):
        return replace(solve(*args, **options), status=Status.interrupted)

    monkeypatch.setattr(_fold_paths, "solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ConvexReLURegressorCV(n_betas=2, cv=2).fit(*data(ConvexReLURegressorCV))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["quantile", "absolute"])
def test_losses_with_kinks_have_scores_of_their_own(loss):
    X, y = data(ConvexReLURegressorCV)
    model = ConvexReLURegressorCV(n_betas=2, cv=2, loss=loss, quantile=0.9, tol=1e-3).fit(X, y)
    low, high = {"quantile": (-0.1, 0.9), "absolute": (-1.0, 1.0)}[loss]
    for k, (train, test) in enumerate(KFold(2).split(X)):
        fitted = ConvexReLURegressor(model.betas_[1], loss=loss, quantile=0.9, tol=1e-3).fit(X[train], y[train])
        rest = y[test] - fitted.predict(X[test])
        assert model.scores_[1, k] == pytest.approx(-np.maximum(low * rest, high * rest).mean(), rel=1e-2)


@pytest.mark.parametrize("kind", BOTH)
def test_results_are_those_of_searches(kind):
    X, y = data(kind)
    model = kind(n_betas=3, cv=3, proof="heuristic").fit(X, y)
    search = GridSearchCV(SINGLE[kind](proof="heuristic"), {"beta": model.betas_.tolist()}, cv=3).fit(X, y)
    assert set(model.cv_results_) <= set(search.cv_results_)
    for name in ("mean_test_score", "std_test_score", "split0_test_score", "split2_test_score"):
        np.testing.assert_allclose(model.cv_results_[name], search.cv_results_[name], atol=1e-4)
    np.testing.assert_array_equal(model.cv_results_["rank_test_score"], search.cv_results_["rank_test_score"])
    assert model.cv_results_["params"] == search.cv_results_["params"]
