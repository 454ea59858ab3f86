"""Orthogonal tensors: the components are what is found, the slopes and curvatures of the proof, and its consequence."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import (
    JointTensorDecomposition,
    TensorDecomposition,
    improving_direction,
    second_order_points,
)


def orthogonal(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_components_are_all_that_is_found(n):
    components = orthogonal(n)
    found = second_order_points(TensorDecomposition(components), n_starts=10 * n, random_state=0)
    assert found.is_second_order.all() and found.all_global
    np.testing.assert_allclose(found.values, -1.0, rtol=1e-10)
    np.testing.assert_allclose(found.least_eigenvalues, 4.0, rtol=1e-6)  # 4 sum c^4 on the sphere
    coordinates = np.abs(found.points @ components.T)
    np.testing.assert_allclose(np.sort(coordinates, axis=1)[:, -1], 1.0)
    assert set(coordinates.argmax(axis=1)) == set(range(n))


def test_the_value_is_minus_that_of_the_tensor():
    components, x = np.random.default_rng(1).normal(size=(3, 4)), orthogonal(4)[0]
    T = np.einsum("ka,kb,kc,kd->abcd", *[components] * 4)
    assert TensorDecomposition(components).value(x) == pytest.approx(-np.einsum("abcd,a,b,c,d", T, x, x, x, x))


def test_components_of_other_lengths_are_other_minima():
    components = orthogonal(3) * np.array([[1.0], [2.0], [1.5]])
    function = TensorDecomposition(components)
    found = second_order_points(function, n_starts=60, random_state=0)
    np.testing.assert_allclose(found.distinct_values, [-16.0, -5.0625, -1.0])
    assert function.optimal_value == pytest.approx(-16.0)
    assert found.is_second_order.all() and not found.all_global


def test_beside_too_few_components_there_are_flat_maxima():
    function = TensorDecomposition(np.eye(3)[:2])
    found = second_order_points(function, n_starts=5, starts=[[0.0, 0.0, 1.0]], random_state=0)
    assert found.is_second_order.all() and found.values[0] == 0.0
    np.testing.assert_array_equal(found.is_global, [False, True, True, True, True, True])
    assert not found.all_global and not improving_direction(function, [0.0, 0.0, 1.0])
    # With one component there is nothing to turn from: the way is towards it.
    assert improving_direction(TensorDecomposition(np.eye(3)[:1]), [0.6, 0.8, 0.0]).name == "towards"


def test_components_that_are_not_orthogonal_promise_nothing():
    function = TensorDecomposition([[1.0, 0.0], [0.6, 0.8]])
    assert (function.optimal_value, function.minimiser) == (None, None)
    with pytest.raises(InvalidInputError, match="minimiser must be given"):
        improving_direction(function, [1.0, 0.0])


def test_equal_coordinates_are_saddles_with_a_known_curvature():
    components, function = orthogonal(5), TensorDecomposition(orthogonal(5))
    for k in (2, 3, 5):
        point = components[:k].sum(axis=0) / np.sqrt(k)
        np.testing.assert_allclose(function.gradient(point), 0.0, atol=1e-12)
        # -12/k + 4/k for the turns among the k coordinates, 4/k towards the others.
        known = np.sort([*[-8 / k] * (k - 1), *[4 / k] * (5 - k), 0.0])
        np.testing.assert_allclose(np.linalg.eigvalsh(function.hessian(point)), known, atol=1e-12)
        way = improving_direction(function, point)
        assert way.curvature / (way.direction @ way.direction) == pytest.approx(-8 / k)


def test_the_turn_has_the_slope_and_curvature_of_the_proof():
    rng = np.random.default_rng(0)
    for _ in range(20):
        components = orthogonal(6, rng.integers(1000))
        function = TensorDecomposition(components)
        point = function.random_start(rng)
        squares = np.sort((components @ point) ** 2)
        q, p = squares[-2:]
        turn, hessian = function.directions(point)["turn"], function.hessian(point)
        assert turn @ turn == pytest.approx(p + q)
        assert function.gradient(point) @ turn == pytest.approx(-4 * np.sqrt(p * q) * (p - q))
        curvature = turn @ hessian @ turn
        assert curvature == pytest.approx(-24 * p * q + 4 * (p + q) * np.sum(squares**2))
        assert curvature <= 4 * p * (p - 5 * q) + 1e-12
        assert improving_direction(function, point)


@pytest.mark.parametrize("spread", [1e-3, 1e-2, 0.1, 1.0])
def test_approximate_points_are_near_components(spread):
    # With gamma < 4/(5 n) all coordinates but one are at most 3/8 n eps, whatever the search.
    rng, n, counted = np.random.default_rng(0), 4, 0
    function = TensorDecomposition(orthogonal(n))
    for _ in range(100):
        point = function.moved(function.components[0], spread * rng.normal(size=n))
        eps = np.linalg.norm(function.gradient(point))
        gamma = -min(0.0, np.linalg.eigvalsh(function.hessian(point))[0])
        if gamma < 4 / (5 * n):
            others = np.sort(np.abs(function.components @ point))[:-1]
            assert others.max() <= 3 / 8 * n * eps
            counted += 1
    assert counted >= 10


@pytest.mark.parametrize("n", [2, 4])
def test_all_components_are_found_at_once(n):
    components = orthogonal(n)
    function = JointTensorDecomposition(components)
    found = second_order_points(function, n_starts=10, random_state=0)
    assert found.is_second_order.all() and found.all_global
    for point in found.points:
        signed = np.abs(point.reshape(n, n) @ components.T)
        np.testing.assert_allclose(np.sort(signed, axis=1)[:, -1], 1.0, atol=1e-6)
        assert sorted(signed.argmax(axis=1)) == list(range(n))
        np.testing.assert_allclose(function.aligned(point, function.minimiser), point, atol=1e-3)


def test_the_joint_value_is_that_of_the_tensor():
    components, function = orthogonal(3), JointTensorDecomposition(orthogonal(3))
    U = function.random_start(np.random.default_rng(0)).reshape(3, 3)
    T = np.einsum("ka,kb,kc,kd->abcd", *[components] * 4)
    pairs = [np.einsum("abcd,a,b,c,d", T, U[i], U[i], U[j], U[j]) for i in range(3) for j in range(3) if i != j]
    assert function.value(U.ravel()) == pytest.approx(sum(pairs))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TensorDecomposition([1.0, 2.0]), "components must have shape"),
        (lambda: TensorDecomposition([[1.0, 2.0], [0.0, 0.0]]), "no row of zeros"),
        (lambda: JointTensorDecomposition(np.eye(3)[:2]), "square matrix of orthonormal rows"),
        (lambda: JointTensorDecomposition(2 * np.eye(2)), "off by up to 3"),
    ],
)
def test_bad_components_are_refused_by_name(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
