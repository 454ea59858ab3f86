"""Targets that no network can meet are refused by the names of their rows, and no others are."""

import numpy as np
import pytest

from convexnn import InvalidInputError
from convexnn.interpolation.program import interpolation_problem

from ..checks import augment, free_columns
from ..zoo import degenerate_designs


def refuse(match, X, y, **terms):
    with pytest.raises(InvalidInputError, match=match):
        interpolation_problem(X, y, **terms)


def test_equal_rows_with_different_targets():
    X, y = [[1.0, 2.0], [0.0, 1.0], [3.0, 3.0], [0.0, 1.0]], [1.0, 2.0, 0.0, 2.5]
    for terms in ({}, {"hidden_bias": True}, {"skip_connection": True}, {"hidden_bias": True, "fit_intercept": True}):
        refuse(r"rows \[1, 3\] of X are equal.*y\[1\] = 2, y\[3\] = 2.5", X, y, **terms)
    assert len(interpolation_problem(X, [1.0, 2.0, 0.0, 2.0]).y) == 3


def test_rows_on_one_ray_need_targets_on_one_ray():
    X, y = [[1.0, 2.0], [0.0, 1.0], [3.0, 6.0]], [1.0, 2.0, 2.0]
    refuse(r"rows \[0, 2\] of X are on one ray", X, y)
    refuse(r"rows \[0, 2\] of X are on one ray", X, y, skip_connection=True)
    interpolation_problem(X, [1.0, 2.0, 3.0])
    interpolation_problem(X, y, hidden_bias=True)
    interpolation_problem(X, y, fit_intercept=True)  # b + (y_0 - b) c = y_2 has a solution


def test_three_rows_on_a_ray_need_targets_on_a_line():
    X = [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [1.0, 0.0]]
    refuse(r"rows \[0, 1, 2\] of X are on one ray", X, [1.0, 3.0, 2.0, 5.0], fit_intercept=True)
    interpolation_problem(X, [1.0, 3.0, 5.0, 5.0], fit_intercept=True)


def test_a_zero_row_needs_a_zero_target_or_an_intercept():
    X, y = [[1.0, 2.0], [0.0, 0.0]], [1.0, 2.0]
    refuse(r"row 1 of X is zero", X, y)
    refuse(r"row 1 of X is zero", X, y, skip_connection=True)
    interpolation_problem(X, y, fit_intercept=True)
    interpolation_problem(X, y, hidden_bias=True)
    interpolation_problem(X, [1.0, 0.0])


def test_antipodal_rows_on_dependent_lines():
    """``f(x) - f(-x)`` is linear in x for every network without a bias: theory section 6 does not list this case."""
    lines = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    X = np.vstack([lines, -lines])
    refuse(r"are dependent: every such network has", X, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    interpolation_problem(X, [1.0, 2.0, 3.0, 0.0, 0.0, 0.0])
    interpolation_problem(X, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0], hidden_bias=True)


@pytest.mark.parametrize("name", sorted(degenerate_designs()))
@pytest.mark.parametrize("hidden_bias", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("skip_connection", [False, True])
def test_exactly_the_span_of_all_cells_is_accepted(name, hidden_bias, fit_intercept, skip_connection):
    """The fits of all networks span what random directions in all cells span, with the free terms."""
    X = degenerate_designs()[name]
    terms = {"hidden_bias": hidden_bias, "fit_intercept": fit_intercept, "skip_connection": skip_connection}
    design, rng = augment(X, hidden_bias), np.random.default_rng(0)
    fits = np.maximum(design @ rng.standard_normal((design.shape[1], 4000)), 0.0)
    span = np.hstack([fits / np.sqrt(4000), free_columns(X, fit_intercept, skip_connection)])
    values, basis = np.linalg.eigh(span @ span.T)
    unmet = basis[:, values <= 1e-13 * max(values.max(), 1e-300)]
    interpolation_problem(X, span @ rng.standard_normal(span.shape[1]), **terms)
    for missing in unmet.T:
        refuse("cannot be interpolated", X, missing, **terms)


@pytest.mark.parametrize("terms", [{"penalize_bias": False}, {"penalize_bias": False, "hidden_bias": True}])
def test_a_free_bias_needs_a_free_affine_skip(terms):
    refuse("penalize_bias=False needs", [[1.0], [2.0]], [1.0, 2.0], **terms)
