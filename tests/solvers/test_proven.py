"""The word proven, whatever the tolerance."""

import warnings

import numpy as np
import pytest

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, GatedReLURegressor, sample_patterns
from convexnn.solvers.base import LARGEST_PROVEN_GAP


def problem(n=40):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, 3))
    return X, np.maximum(X[:, 0], 0) - 0.5 * X[:, 1] + 0.2 * rng.standard_normal(n)


@pytest.mark.parametrize("solver", ["working_set", "cvxpy"])
def test_a_large_tol_leaves_sampled_patterns_solved_and_unproven(solver):
    X, y = problem()
    patterns = sample_patterns(np.column_stack([X, np.ones(len(X))]), 20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loose = ConvexReLURegressor(1.0, patterns=patterns, solver=solver, tol=1.0).fit(X, y)
    with pytest.warns(UserWarning, match="given patterns"):
        strict = ConvexReLURegressor(1.0, patterns=patterns, solver="working_set").fit(X, y)
    assert loose.status_ == strict.status_ == "restricted"
    assert loose.certificate_.primal == pytest.approx(strict.certificate_.primal, rel=1e-6)
    assert loose.certificate_.relative_gap > 0.1


@pytest.mark.parametrize("options", [{}, {"loss": "absolute"}, {"max_width": 1}, {"patterns": "sampled"}])
def test_a_large_tol_does_not_make_a_gap_proven(options):
    X, y = problem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ConvexReLURegressor(0.5, tol=1.0, max_iter=1, **options).fit(X, y)
    assert (model.status_ == "proven") == (model.certificate_.relative_gap <= LARGEST_PROVEN_GAP)


def test_a_large_tol_does_not_prove_several_outputs_and_classes():
    X, y = problem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        several = ConvexReLURegressor(0.5, tol=1.0, max_iter=1).fit(X, np.column_stack([y, -y + X[:, 2]]))
        classes = ConvexReLUClassifier(0.5, tol=1.0, max_iter=1).fit(X, y > 0)
    for model in (several, classes):
        assert (model.status_ == "proven") == (model.certificate_.relative_gap <= LARGEST_PROVEN_GAP)


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_gated_models_are_proven_to_the_same_gap_at_least(loss):
    X, y = problem()
    model = GatedReLURegressor(0.5, loss=loss, n_gates=20, tol=1.0).fit(X, y)
    assert model.status_ == "proven" and model.certificate_.relative_gap <= LARGEST_PROVEN_GAP
