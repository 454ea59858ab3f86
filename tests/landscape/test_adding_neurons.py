"""Splits of a student's neurons: published eigenvalues, closed forms, finite differences, and where descent goes."""

import numpy as np
import pytest

from convexnn import InvalidInputError, TwoLayerReLU
from convexnn.landscape import (
    PopulationLoss,
    population_gradient,
    population_hessian,
    population_loss,
    split_neuron,
    splitting_matrices,
    symmetric_minimum,
)
from convexnn.landscape.functions import second_order_points


def pair(seed, n_students=4, n_teachers=5, n_features=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_students, n_features)), rng.standard_normal((n_teachers, n_features))


def smallest(W, V):
    return np.linalg.eigvalsh(population_hessian(W, V))[0]


@pytest.mark.parametrize(("k", "eigenvalue"), [(6, -0.236), (8, -0.200), (12, -0.153)])
def test_half_a_good_neuron_gives_the_published_saddles(k, eigenvalue):
    W, V = symmetric_minimum(k), np.eye(k)
    assert smallest(W, V) > 0
    for index in (0, k - 2):
        saddle = split_neuron(W, index)
        assert smallest(saddle, V) == pytest.approx(eigenvalue, abs=5e-4)
        assert np.abs(population_gradient(saddle, V)).max() < 1e-14
        assert population_loss(saddle, V) == pytest.approx(population_loss(W, V), abs=1e-13)
    # The bad neuron gives a saddle of another eigenvalue, and every other share a steeper one than a half.
    assert smallest(split_neuron(W, k - 1), V) - eigenvalue > 5e-3
    assert smallest(split_neuron(W, 0, 0.3), V) < smallest(split_neuron(W, 0, 0.4), V) < smallest(saddle, V)


@pytest.mark.parametrize("k", [3, 6, 14, 15, 20])
def test_which_neuron_gives_the_steeper_saddle(k):
    W, V = symmetric_minimum(k), np.eye(k)
    least = 2 * np.linalg.eigvalsh(splitting_matrices(W, V))[:, 0]
    assert np.all(least < 0) and np.ptp(least[:-1]) < 1e-13
    assert least[0] == pytest.approx(smallest(split_neuron(W, 0), V), abs=1e-13)
    assert least[-1] == pytest.approx(smallest(split_neuron(W, k - 1), V), abs=1e-13)
    if k > 3:  # at k = 3 the two are one, by symmetry
        assert (least[0] < least[-1]) == (k < 15)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.77])
@pytest.mark.parametrize("seed", range(3))
def test_the_matrix_is_the_second_derivative_of_parting(seed, share):
    W, V = pair(seed)
    matrices, step = splitting_matrices(W, V), 1e-4
    z = np.random.default_rng(seed + 10).standard_normal(3)
    for index in range(len(W)):
        parted = np.zeros((5, 3))
        parted[index], parted[index + 1] = z, -z
        split = split_neuron(W, index, share)
        values = [population_loss(split + t * step * parted, V) for t in (-1, 0, 1)]
        expected = z @ matrices[index] @ z / (share * (1 - share))
        assert (values[0] - 2 * values[1] + values[2]) / step**2 == pytest.approx(expected, abs=1e-5, rel=1e-3)
    np.testing.assert_allclose(matrices @ W[:, :, None], 0, atol=1e-14)
    np.testing.assert_array_equal(matrices, np.swapaxes(matrices, 1, 2))


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_hessian_of_parallel_halves_by_differences(share):
    W, V = split_neuron(symmetric_minimum(4), 0, share), np.eye(4)
    shifts = 1e-6 * np.eye(W.size).reshape(-1, *W.shape)
    slopes = [(population_gradient(W + s, V) - population_gradient(W - s, V)).ravel() / 2e-6 for s in shifts]
    np.testing.assert_allclose(np.array(slopes), population_hessian(W, V), atol=1e-4)


def test_one_student_of_two_teachers_in_closed_form():
    # w = r (1, 1)/sqrt 2 with r = sqrt 2 (1 + 3 pi/4)/pi: the two halves part across it, with the slope of the angle.
    r = np.sqrt(2) * (1 + 3 * np.pi / 4) / np.pi
    W, V = np.full((1, 2), r / np.sqrt(2)), np.eye(2)
    assert np.abs(population_gradient(W, V)).max() < 1e-15
    matrix = -np.sqrt(2) / (np.pi * r) * np.array([[0.5, -0.5], [-0.5, 0.5]])
    np.testing.assert_allclose(splitting_matrices(W, V)[0], matrix, atol=1e-15)
    assert smallest(split_neuron(W, 0), V) == pytest.approx(-2 * np.sqrt(2) / (np.pi * r), abs=1e-14)


def test_a_split_global_minimum_is_flat():
    V = pair(0)[1]
    np.testing.assert_allclose(splitting_matrices(V, V), 0, atol=1e-15)
    assert smallest(split_neuron(V, 2, 0.3), V) > -1e-14


def test_splits_are_those_of_networks_with_outputs():
    W, V = pair(1)
    split = TwoLayerReLU(W, np.ones(4)).split(2, [0.3, 0.7])
    rows = split.hidden_weights * split.output_weights[:, None]
    np.testing.assert_allclose(split_neuron(W, 2, 0.3), rows, rtol=1e-14)
    for scale in (1e-100, 1e100):
        np.testing.assert_allclose(split_neuron(scale * W, 0, 0.2) / scale, split_neuron(W, 0, 0.2), rtol=1e-14)
        np.testing.assert_allclose(splitting_matrices(scale * W, scale * V), splitting_matrices(W, V), atol=1e-13)
    turned, order = np.linalg.qr(pair(2)[0][:3])[0], [2, 0, 3, 1]
    moved = splitting_matrices(W[order] @ turned, V @ turned)
    np.testing.assert_allclose(moved, turned.T @ splitting_matrices(W, V)[order] @ turned, atol=1e-13)


def test_descent_from_the_two_kinds_of_splits():
    """A good neuron's halves lead to the global minimum, the bad one's to a strict local minimum of width k + 1."""
    W, V = symmetric_minimum(8), np.eye(8)
    starts = [split_neuron(W, j).ravel() for j in (0, 7)]
    ends = second_order_points(PopulationLoss(V, 9), n_starts=0, starts=starts, eps=1e-6, random_state=0)
    assert ends.is_second_order.all() and ends.is_global.tolist() == [True, False]
    assert ends.values[1] == pytest.approx(0.0206, abs=5e-5) and ends.least_eigenvalues[1] > 0.005


def test_the_population_loss_as_a_function():
    W, V = pair(4)
    function = PopulationLoss(V, 4)
    assert function.n_weights == 12 and function.optimal_value is None and PopulationLoss(V, 5).optimal_value == 0.0
    assert function.value(W.ravel()) == population_loss(W, V)
    np.testing.assert_array_equal(function.gradient(W.ravel()), population_gradient(W, V).ravel())
    np.testing.assert_array_equal(function.hessian(W.ravel()), population_hessian(W, V))
    assert repr(function) == "PopulationLoss(4 students, 5 teachers, 3 features)"
    with pytest.raises(InvalidInputError, match="V must have no zero row"):
        PopulationLoss([[0.0, 0.0]], 2)
    with pytest.raises(InvalidInputError, match="n_students must be an integer not below 1; got 0"):
        PopulationLoss(V, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 0.0]], 1), "index must be a neuron from 0 to 0; got 1"),
        (([[1.0, 0.0]], -1), "index must be an integer not below 0"),
        (([[1.0, 0.0]], 0, 1.0), "share must be a number above 0 and below 1; got 1.0"),
        (([[1.0, 0.0]], 0, True), "share must be a number above 0"),
        (([[0.0, 0.0]], 0), "W must have no zero row"),
    ],
)
def test_bad_splits_are_named(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        split_neuron(*arguments)
