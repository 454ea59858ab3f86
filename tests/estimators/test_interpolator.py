"""scikit-learn's own checks on the interpolator: none failed, none expected to fail."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from convexnn.estimators.interpolator import MinNormReLUInterpolator

from ..zoo import random_problem


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([MinNormReLUInterpolator(max_iter=2)])  # 200 rows in 10 dimensions would take minutes
def test_scikit_learn(estimator, check):
    check(estimator)


OPTIONS = {
    "hidden_bias": True,
    "penalize_bias": False,
    "fit_intercept": True,
    "skip_connection": True,
    "proof": "bound",
    "tol": 1e-4,
    "max_iter": 50,
    "time_limit": 30.0,
    "n_jobs": 1,
    "random_state": 3,
    "verbose": 0,
}


def test_clone_keeps_every_parameter():
    model = MinNormReLUInterpolator(**OPTIONS)
    assert model.get_params() == OPTIONS == clone(model).get_params()


def test_pipeline_score_and_pickle():
    X, y = random_problem(8, 2)
    model = make_pipeline(StandardScaler(), MinNormReLUInterpolator()).fit(X, y)
    assert model.score(X, y) == pytest.approx(1.0, abs=1e-12)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again[-1].is_unique_ is model[-1].is_unique_


def test_order_and_repetition_of_rows_change_no_bit():
    X, y = random_problem(9, 2, seed=1)
    order = np.random.default_rng(0).permutation(np.r_[:9, :5])
    given, other = MinNormReLUInterpolator().fit(X, y), MinNormReLUInterpolator().fit(X[order], y[order])
    np.testing.assert_array_equal(given.predict(X), other.predict(X))
    assert given.cost_ == other.cost_ and given.dual_ @ y == pytest.approx(other.dual_ @ y[order], rel=1e-12)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tol": 0.0}, "tol must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"proof": "sure"}, "proof must be"),
        ({"hidden_bias": "yes"}, "hidden_bias must be"),
        ({"random_state": "one"}, "random_state is not usable"),
        ({"penalize_bias": False}, "penalize_bias=False needs"),
        ({"penalize_bias": False, "skip_connection": True}, "penalize_bias=False needs"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        MinNormReLUInterpolator(**options).fit(*random_problem(5, 2))


def test_verbose_prints_a_line_a_problem(capsys):
    model = MinNormReLUInterpolator(verbose=1).fit(*random_problem(5, 2))
    assert capsys.readouterr().out.count("cost") == len(model.history_) + 1
