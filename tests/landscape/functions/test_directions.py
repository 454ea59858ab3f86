"""Directions of improvement: at every point that is not optimal one leads down, and at an optimum none."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import (
    JointTensorDecomposition,
    MatrixFactorization,
    MatrixSensing,
    improving_direction,
    second_order_points,
)

ROOT = np.sqrt(0.5)


def test_every_point_of_a_factorisation_has_a_way_down():
    rng = np.random.default_rng(0)
    for rank in (1, 2, 4):
        for symmetric in (True, False):
            M = rng.normal(size=(5, 5))
            function = MatrixFactorization(M + M.T if symmetric else M[:, :4], rank, symmetric=symmetric)
            for scale in (1e-3, 1.0, 10.0):
                for centre in (0.0, 1.0):
                    point = centre * function.minimiser + scale * function.random_start(rng)
                    way = improving_direction(function, point)
                    assert way and way.slope <= 0
                    # The function falls on the way, close enough to the point.
                    steps = np.geomspace(1e-5, 1.0, 30)
                    values = [function.value(point + step * way.direction) for step in steps]
                    assert min(values) < function.value(point)


@pytest.mark.parametrize("symmetric", [True, False])
def test_sensing_has_a_way_down_with_a_spare_column_too(symmetric):
    # A planted matrix of rank 1, looked for with two columns: the minimiser has a column of zeros.
    rng = np.random.default_rng(4)
    left, right = rng.normal(size=5), rng.normal(size=(5 if symmetric else 4))
    right = left if symmetric else right * np.linalg.norm(left) / np.linalg.norm(right)
    A = rng.normal(size=(80, 5, len(right)))
    factors = [np.column_stack([side, np.zeros(len(side))]) for side in ((left,) if symmetric else (left, right))]
    best = np.concatenate([factor.ravel() for factor in factors])
    b = np.einsum("kab,a,b->k", A, left, right)
    function = MatrixSensing(A, b, 2, symmetric=symmetric, minimiser=best)
    assert function.optimal_value == 0.0 and not improving_direction(function, best)
    for scale in (1e-3, 1.0, 10.0):
        for centre in (0.0, 1.0):
            assert improving_direction(function, centre * best + scale * rng.normal(size=len(best)))
    assert second_order_points(function, n_starts=5, random_state=0).all_global


def test_at_an_optimum_no_way_leads_down():
    function = MatrixFactorization([[2.0, 1.0], [1.0, 2.0]], 1)
    way = improving_direction(function, [np.sqrt(1.5), np.sqrt(1.5)])
    assert not way and way.slope > -1e-12 and way.curvature > -1e-12
    exact = improving_direction(MatrixFactorization(np.diag([4.0, 1.0]), 1), [2.0, 0.0])
    assert not exact and (exact.slope, exact.curvature) == (0.0, 0.0)


def test_the_three_steps_of_the_top_eigenvector():
    # M = [[2, 1], [1, 2]]: eigenvalues 3 and 1. At the saddle the missing direction has curvature 1 - 3, times 3 - 1.
    function = MatrixFactorization([[2.0, 1.0], [1.0, 2.0]], 1)
    saddle = np.array([ROOT, -ROOT])
    missing = function.directions(saddle)["missing"]
    np.testing.assert_allclose(np.abs(missing), np.sqrt(3 - 1) * ROOT)
    assert function.gradient(saddle) @ missing == pytest.approx(0.0, abs=1e-12)
    assert missing @ function.hessian(saddle) @ missing == pytest.approx((1 - 3) * (3 - 1))
    # The Hessian is (-2, 2) along the eigenvectors, and the way to the minimiser (3^(1/2), 1): 3 (-2) + 1 (2).
    way = improving_direction(function, saddle)
    assert (way.name, way.curvature) == ("towards", pytest.approx(-4.0))
    # At 0 it is the eigenvector itself: curvature -3, times 3.
    assert improving_direction(function, [0.0, 0.0]).curvature == pytest.approx(-9.0)


def test_the_turn_to_components_is_along_the_spheres():
    rng = np.random.default_rng(0)
    function = JointTensorDecomposition(np.linalg.qr(rng.normal(size=(3, 3)))[0])
    point = function.random_start(rng)
    way = improving_direction(function, point)
    np.testing.assert_allclose(np.sum(way.direction.reshape(3, 3) * point.reshape(3, 3), axis=1), 0.0, atol=1e-12)
    assert way


def test_a_given_minimiser_is_aligned_first():
    function = MatrixFactorization(np.diag([3.0, 2.0, 1.0]), 2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(2, 2)))[0]
    other = (function.minimiser.reshape(3, 2) @ turn).ravel()
    point = np.arange(6.0) / 5
    ways = [function.directions(point, best)["towards"] for best in (None, other)]
    np.testing.assert_allclose(*ways, atol=1e-12)


def test_the_record_says_what_it_holds():
    way = improving_direction(MatrixFactorization(np.diag([4.0, 1.0]), 1), [0.0, 1.0])
    assert repr(way) == "Improvement(direction towards, slope 0, curvature -10, fall 5)"
    assert "curvature" in way._repr_html_()


def test_bad_arguments_of_directions_are_refused():
    with pytest.raises(InvalidInputError, match="function must be a SmoothFunction; got int"):
        improving_direction(3, [0.0])
    with pytest.raises(InvalidInputError, match=r"weights must have shape \(2,\)"):
        improving_direction(MatrixFactorization(np.eye(2), 1), [0.0])
