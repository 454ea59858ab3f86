"""Permutation saddles: a closed form, networks of other activations on data, and what is no saddle."""

import numpy as np
import pytest

from convexnn import InvalidInputError
from convexnn.landscape import PopulationLoss, permutation_saddle, symmetric_minimum
from convexnn.landscape.functions import SmoothFunction, second_order_points


class TanhNetwork(SmoothFunction):
    """1/2 |y - tanh(X U') a|^2, with differences for the second derivatives."""

    def __init__(self, X, y, width):
        self.X, self.y, self.shapes = X, y, ((width, X.shape[1]), (width,))

    def value(self, weights):
        U, a = self.unpack(weights)
        return 0.5 * np.sum((np.tanh(self.X @ U.T) @ a - self.y) ** 2)

    def gradient(self, weights):
        U, a = self.unpack(weights)
        H = np.tanh(self.X @ U.T)
        r = H @ a - self.y
        return self.pack((r[:, None] * (1 - H**2) * a).T @ self.X, H.T @ r)

    def hessian(self, weights):
        shifts = 1e-6 * np.eye(self.n_weights)
        rows = np.array([self.gradient(weights + s) - self.gradient(weights - s) for s in shifts]) / 2e-6
        return 0.5 * (rows + rows.T)


def places(k, n):
    return np.arange(n * k).reshape(n, k)


def check_path(function, found, start, first, second):
    exchanged = start.copy()
    exchanged[first], exchanged[second] = start[second], start[first]
    np.testing.assert_array_equal(found(0.0), start)
    np.testing.assert_array_equal(found(1.0), exchanged)
    np.testing.assert_allclose(found(0.5), found.weights, rtol=1e-15)
    assert np.abs(found.weights[first] - found.weights[second]).max() < 1e-15
    values = np.array([function.value(found(t)) for t in np.linspace(0, 1, 161)])
    np.testing.assert_allclose(values, values[::-1], atol=1e-12)
    assert values.max() <= found.peak + 1e-12 and found.rise == found.peak - found.values[0]


def test_two_teachers_in_closed_form():
    # One student for both has r = sqrt 2 (1 + 3 pi/4)/pi; its loss is 1/2 + 1/(2 pi) - r^2/4, and halves part from it.
    r = np.sqrt(2) * (1 + 3 * np.pi / 4) / np.pi
    function, start = PopulationLoss(np.eye(2), 2), np.eye(2).ravel()
    found = permutation_saddle(function, start, [0, 1], [2, 3])
    assert found.value == pytest.approx(0.5 + 1 / (2 * np.pi) - r**2 / 4, abs=1e-14)
    assert found.middle.lambda_min == pytest.approx(-2 * np.sqrt(2) / (np.pi * r), abs=1e-12)
    assert found.is_saddle and found.n_negative == 1 and found.peak == found.value
    np.testing.assert_allclose(found.weights, r / np.sqrt(8), atol=1e-12)
    check_path(function, found, start, [0, 1], [2, 3])


@pytest.mark.parametrize(("k", "value"), [(3, 0.0768339), (4, 0.0697429), (6, 0.0614263)])
def test_more_teachers_have_saddles_of_higher_order(k, value):
    function, start = PopulationLoss(np.eye(k), k), np.eye(k).ravel()
    first, second = places(k, k)[[0, 1]]
    found = permutation_saddle(function, start, first, second)
    assert found.value == pytest.approx(value, abs=1e-6) and found.peak == found.value
    assert found.is_saddle and found.n_negative == k - 1
    check_path(function, found, start, first, second)
    # Which two neurons, of teachers in which position, makes no difference.
    Q = np.linalg.qr(np.random.default_rng(k).standard_normal((k, k)))[0]
    turned = permutation_saddle(PopulationLoss(3 * Q, k), 3 * Q.ravel(), *places(k, k)[[k - 1, 0]], n_steps=10)
    assert turned.value == pytest.approx(9 * found.value, rel=1e-7) and turned.n_negative == k - 1


def test_a_lower_pass_between_orders_that_differ_by_a_cycle():
    """The symmetric point of three neurons, a saddle of first order, lies below the exchange of two."""
    function, top = PopulationLoss(np.eye(3), 3), symmetric_minimum(3).ravel()
    eigenvalues, vectors = np.linalg.eigh(function.hessian(top))
    assert np.count_nonzero(eigenvalues < 0) == 1 and function.value(top) < 0.0242 < 0.0768
    sides = [top + 1e-3 * vectors[:, 0], top - 1e-3 * vectors[:, 0]]
    ends = second_order_points(function, n_starts=0, starts=sides, eps=1e-8, random_state=0)
    assert ends.all_global
    first, second = (end.reshape(3, 3).argmax(axis=1) for end in ends.points)
    # No neuron is near the same teacher neuron at both ends: the orders differ by a cycle of all three.
    assert sorted(first) == sorted(second) == [0, 1, 2] and not np.any(first == second)


@pytest.mark.parametrize("other", [1, 5])
def test_from_a_spurious_minimum(other):
    function, start = PopulationLoss(np.eye(6), 6), symmetric_minimum(6).ravel()
    first, second = places(6, 6)[[0, other]]
    found = permutation_saddle(function, start, first, second, n_steps=20)
    assert found.values[0] == pytest.approx(0.025080581, abs=1e-9) and found.is_saddle
    assert found.value == pytest.approx(0.0614263, abs=1e-6)
    check_path(function, found, start, first, second)


def test_a_network_of_another_activation_on_data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 2))
    U, a = np.array([[1.0, 0.5], [-0.5, 1.5], [0.3, -1.0]]), np.array([1.0, 0.7, -0.8])
    function = TanhNetwork(X, np.tanh(X @ U.T) @ a, 3)
    start, first, second = function.pack(U, a), [0, 1, 6], [2, 3, 7]
    found = permutation_saddle(function, start, first, second, n_steps=15)
    assert found.values[0] < 1e-25 and found.is_saddle
    check_path(function, found, start, first, second)
    # One eigenvalue is zero for the one output, along the valley.
    assert np.abs(found.middle.eigenvalues).min() < 1e-6 * found.middle.sharpness
    # The valley: the sum of the two outputs is all that counts, and the gradient vanishes all along.
    for share in (0.2, 0.5, 1.0, -1.0):
        moved = found.weights.copy()
        moved[6], moved[7] = 2 * share * moved[6], 2 * (1 - share) * moved[7]
        assert function.value(moved) == pytest.approx(found.value, rel=1e-12)
        assert np.linalg.norm(function.gradient(moved)) < 1e-5


def test_equal_neurons_are_the_middle_themselves():
    function = PopulationLoss(np.eye(2), 2)
    found = permutation_saddle(function, [0.5, 0.5, 0.5, 0.5], [0, 1], [2, 3], n_steps=3)
    assert found.n_negative == 1 and repr(found).startswith(
        "PermutationSaddle(ends 0.0908451, middle 0.0885119, 1 negative"
    )
    top = permutation_saddle(PopulationLoss([[1.0, 0.0]], 2), [0.5, 0.0, 0.5, 0.0], [0, 1], [2, 3], n_steps=3)
    assert not top.is_saddle and top.value < 1e-12 and "no saddle" in top._repr_html_()


@pytest.mark.parametrize(
    ("first", "second"), [([0, 1], [1, 2]), ([0], [2, 3]), ([0, 1], [2, 4]), ([0.0, 1.0], [2, 3]), ([], [])]
)
def test_bad_places_are_named(first, second):
    with pytest.raises(
        InvalidInputError, match="first and second must be as many different integers each, from 0 to 3"
    ):
        permutation_saddle(PopulationLoss(np.eye(2), 2), np.eye(2).ravel(), first, second)


def test_other_bad_input_is_named():
    function = PopulationLoss(np.eye(3)[:2], 2)
    with pytest.raises(InvalidInputError, match="whose exchange leaves the function unchanged"):
        permutation_saddle(function, [1.0, 2.0, 0.0, 0.0, 1.0, 0.0], [0, 1, 2], [5, 4, 3])
    with pytest.raises(InvalidInputError, match="function must be a SmoothFunction"):
        permutation_saddle(np.sum, [1.0, 0.0], [0], [1])
    with pytest.raises(InvalidInputError, match=r"weights must have shape \(6,\)"):
        permutation_saddle(function, [1.0, 0.0], [0], [1])
