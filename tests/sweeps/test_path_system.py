"""The optimality system: Newton's method, the series and its remainder, signs of polynomials, the proof outside."""

import numpy as np
import pytest

from convexnn import optimal_set
from convexnn.programs.posing import make_problem
from convexnn.sweeps import path_system
from convexnn.sweeps.path_events import State, Stuck, face_at, next_piece
from convexnn.sweeps.path_exclusion import Star, excluded, hull_of, largest_outside
from convexnn.sweeps.path_signs import bernstein, first_zero
from convexnn.sweeps.path_system import PathRows, solve_system
from tests.zoo import random_problem


def posed(seed=1, beta=0.3, **flags):
    """Rows, the faces of an optimal set at a strength, that strength in units of the rows, and the set."""
    X, y = random_problem(8, 2, seed=seed)
    found = optimal_set(X, y, beta, **flags)
    rows = PathRows(make_problem(X, y, 1.0, **flags))
    faces = [face_at(rows, *pair) for pair in zip(found.directions, found.signs, strict=True)]
    return rows, faces, beta / rows.unit, found


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": True, "fit_intercept": True}])
def test_newton_finds_the_optimum_of_the_solver(flags):
    rows, faces, beta, found = posed(**flags)
    curve = solve_system(rows, faces, beta, np.full(len(faces), 0.5))
    masses = found.vertices[0]
    np.testing.assert_allclose(curve.gamma * beta * rows.mass_unit, masses, rtol=1e-7)
    np.testing.assert_allclose(curve.nu * rows.scaled.y_scale, found.dual_point, atol=1e-8)
    for face, direction in zip(faces, found.directions, strict=True):
        np.testing.assert_allclose(face.direction(curve.nu), direction, atol=1e-8)


@pytest.mark.parametrize("step", [-1, 1])
def test_the_series_is_the_solution_along_its_length(step):
    rows, faces, beta, _ = posed()
    series = solve_system(rows, faces, beta, np.full(len(faces), 0.5)).series(step)
    assert series.length > 0.01 * beta and series.remainder <= path_system.MAX_REMAINDER
    for t in np.linspace(0.0, series.length, 5):
        there = solve_system(rows, faces, beta + step * t, series.gamma[0])
        np.testing.assert_allclose(np.polynomial.polynomial.polyval(t, series.nu), there.nu, atol=1e-13)
        np.testing.assert_allclose(np.polynomial.polynomial.polyval(t, series.gamma), there.gamma, rtol=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_remainder_bounds_what_is_left_out(seed, monkeypatch):
    """With few terms what is left out is no rounding, and stays below the bound."""
    monkeypatch.setattr(path_system, "ORDER", 3)
    monkeypatch.setattr(path_system, "MAX_REMAINDER", 1e-3)
    rows, faces, beta, _ = posed(seed)
    curve = solve_system(rows, faces, beta, np.full(len(faces), 0.5))
    series = curve.series(-1)
    there = solve_system(rows, faces, beta - series.length, curve.gamma)
    left = np.linalg.norm(np.polynomial.polynomial.polyval(series.length, series.nu) - there.nu)
    assert 1e-9 < left <= series.remainder


def test_dependent_fits_have_no_series():
    rows, faces, beta, _ = posed()
    curve = solve_system(rows, faces, beta, np.full(len(faces), 0.5))
    state = State.of_one([*faces, faces[0]])
    doubled = path_system.Curve(state.faces, beta, np.append(curve.gamma, 0.0), curve.nu)
    with pytest.raises(Stuck):
        next_piece(state, doubled, -1, 0.5 * beta)


def test_the_multipliers_of_dependent_kinks_are_found():
    """Three lines through one axis: any two of them fix the direction, and their multipliers are not unique."""
    X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.2, 0.1, 1.0]])
    rows = PathRows(make_problem(X, [-1.0, -1.0, -1.0, 3.0], 1.0))
    face = face_at(rows, np.array([0.0, 0.0, 1.0]), 1)
    assert not face.is_simple and len(face.kinks) == 3
    assert face.imbalance(np.array([-1.0, -1.0, -1.0, 1.0])) < 1e-14
    assert face.imbalance(np.array([-1e-3, -1e-3, -1e-3, 1.0])) > 1e-2


@pytest.mark.parametrize("seed", range(5))
def test_the_first_zero_of_a_polynomial_is_found(seed):
    rng = np.random.default_rng(seed)
    roots = rng.uniform(0.1, 2.0, 5)
    coefficients = np.polynomial.polynomial.polyfromroots(roots)
    coefficients *= np.sign(coefficients[0])
    assert first_zero(coefficients, 3.0) == pytest.approx(roots.min(), abs=1e-10)
    assert first_zero(coefficients, 0.99 * roots.min()) is None


def test_two_zeros_that_nearly_touch_are_not_missed():
    coefficients = np.polynomial.polynomial.polyfromroots([0.5, 0.5 + 1e-5])
    assert first_zero(coefficients, 1.0) == pytest.approx(0.5, abs=1e-9)
    assert first_zero(coefficients + np.array([1e-10, 0, 0]), 1.0) is None


def test_bernstein_coefficients_hold_the_polynomial():
    rng = np.random.default_rng(0)
    coefficients = rng.standard_normal((6, 3))
    control = bernstein(coefficients, 1.7)
    values = np.polynomial.polynomial.polyval(np.linspace(0, 1.7, 50), coefficients).T
    assert np.all(values <= control.max(axis=0) + 1e-12) and np.all(values >= control.min(axis=0) - 1e-12)
    np.testing.assert_allclose(values[[0, -1]], control[[0, -1]])


def test_a_hull_is_that_of_its_part():
    rows, faces, beta, _ = posed()
    series = solve_system(rows, faces, beta, np.full(len(faces), 0.5)).series(-1)
    hull = hull_of(series, 0.2 * series.length, 0.7 * series.length)
    for place, t in ((0, 0.2), (-1, 0.7)):
        wanted = np.polynomial.polynomial.polyval(t * series.length, series.nu)
        np.testing.assert_allclose(hull.nu[place], wanted, atol=1e-13)
    np.testing.assert_allclose(hull.betas[[0, -1]], beta - np.array([0.2, 0.7]) * series.length)


def ends_of(curve, share):
    """The ends and hulls of a short part of the path below a curve."""
    series = curve.series(-1)
    t = share * series.length
    low = curve.beta - t, np.polynomial.polynomial.polyval(t, series.nu)
    return [hull_of(series, 0.0, t)], (curve.beta, curve.nu), low


def test_nothing_is_excluded_that_is_left_out():
    """The optimum over all but one of the optimal directions: that one is worth more than beta, and must be seen."""
    rows, faces, beta, found = posed()
    curve = solve_system(rows, faces, beta, np.full(len(faces), 0.5))
    hulls, *ends = ends_of(curve, 0.1)
    assert excluded(rows, faces, hulls, *ends)
    for k in range(len(faces)):
        others = faces[:k] + faces[k + 1 :]
        restricted = solve_system(rows, others, beta, np.delete(curve.gamma, k))
        hulls, *ends = ends_of(restricted, 0.1)
        assert not excluded(rows, others, hulls, *ends)
        missed = abs(restricted.nu @ np.maximum(rows.design @ found.directions[k], 0.0))
        assert missed > beta
        assert largest_outside(rows, [], restricted.nu, beta, 0.01, []).largest >= missed * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_no_direction_outside_is_above_the_largest_value(seed):
    rows, faces, beta, found = posed(seed)
    nu = found.dual_point / rows.scaled.y_scale
    # The first direction has a star, the cell of its signs: nothing else outside of it is above the bound.
    sides = faces[0].sides * (faces[0].sign * rows.strengths @ nu > 0)
    outside = largest_outside(rows, [Star(faces[0].sign, sides)], nu, beta, 0.3, [])
    directions = np.random.default_rng(seed).standard_normal((4000, 2))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    values = nu @ np.maximum(rows.design @ directions.T, 0.0)
    inside = (np.sign(values) == faces[0].sign) & np.all((directions @ rows.lines.T) * sides >= 0, axis=1)
    assert np.abs(values[~inside]).max() <= outside.largest * (1 + 1e-12)
    assert outside.largest < beta * (1 + 1e-9)
