"""Every function against differences along its own moves, and what is along a sphere against closed forms."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import (
    JointTensorDecomposition,
    MatrixCompletion,
    MatrixFactorization,
    MatrixSensing,
    QuadraticNetwork,
    SphereFunction,
    SphericalDictionary,
    TensorDecomposition,
)

RNG = np.random.default_rng(0)
SQUARE, WIDE = RNG.normal(size=(5, 5)), RNG.normal(size=(4, 5))
SYMMETRIC, MASK = SQUARE + SQUARE.T, np.abs(SQUARE + SQUARE.T) > 0.8
LONG_ROWS = {"row_penalty": 3.0, "row_bound": 0.8}
ORTHOGONAL = np.linalg.qr(SQUARE)[0]
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=8)
FUNCTIONS = {
    "symmetric": MatrixFactorization(SYMMETRIC, 2),
    "two factors": MatrixFactorization(WIDE, 2, symmetric=False),
    "not balanced": MatrixFactorization(WIDE, 3, symmetric=False, balance=0.0),
    "rank above n": MatrixFactorization(SYMMETRIC, 7),
    "sensing": MatrixSensing(RNG.normal(size=(9, 5, 5)), RNG.normal(size=9), 2),
    "sensing of two": MatrixSensing(RNG.normal(size=(9, 4, 5)), RNG.normal(size=9), 2, symmetric=False, balance=0.3),
    "completion": MatrixCompletion(SYMMETRIC, MASK, 2, **LONG_ROWS),
    "completion of two": MatrixCompletion(WIDE, WIDE > -0.5, 2, symmetric=False, **LONG_ROWS),
    "tensor": TensorDecomposition(ORTHOGONAL),
    "fewer components": TensorDecomposition(SQUARE[:3]),
    "joint": JointTensorDecomposition(np.linalg.qr(SQUARE[:4, :4])[0]),
    "dictionary": SphericalDictionary(RNG.normal(size=(30, 4)), 0.5),
    "network": QuadraticNetwork(X, Y, 4, beta=0.3),
    "two signs": QuadraticNetwork(X, Y, 4, output_weights=[1, -1, 1, -1]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_those_of_differences(name):
    function, step = FUNCTIONS[name], 1e-4
    weights = function.random_start(np.random.default_rng(1))
    basis = function.tangent_basis(weights)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)

    def value(*moves):
        return function.value(function.moved(weights, basis @ sum(moves)))

    axes = step * np.eye(basis.shape[1])
    slopes = np.array([value(a) - value(-a) for a in axes]) / (2 * step)
    bends = np.array([[value(a, b) - value(a, -b) - value(b, -a) + value(-a, -b) for a in axes] for b in axes])
    gradient, hessian = function.gradient(weights), function.hessian(weights)
    np.testing.assert_allclose(basis.T @ gradient, slopes, atol=1e-6 * np.abs(slopes).max())
    bends /= 4 * step**2
    np.testing.assert_allclose(basis.T @ hessian @ basis, bends, atol=1e-6 * np.abs(bends).max())
    # Nothing is left across the directions in which the weights are free to move.
    np.testing.assert_allclose(basis @ (basis.T @ gradient), gradient, atol=1e-10)
    np.testing.assert_allclose(basis @ (basis.T @ hessian @ basis) @ basis.T, hessian, atol=1e-9)


class Rayleigh(SphereFunction):
    """``x^T M x / ||x||^power``: on the sphere the same for every power."""

    def __init__(self, M, power):
        self.M, self.power, self.shapes = M, power, (M.shape[1:],)

    def value(self, weights):
        return float(weights @ self.M @ weights) * np.linalg.norm(weights) ** -self.power

    def outer_gradient(self, weights):
        return 2 * self.M @ weights - self.power * (weights @ self.M @ weights) * weights

    def outer_hessian(self, weights):
        value, pull, power = weights @ self.M @ weights, self.M @ weights, self.power
        mixed = np.outer(pull, weights)
        across = value * ((power + 2) * np.outer(weights, weights) - np.eye(len(weights)))
        return 2 * self.M - 2 * power * (mixed + mixed.T) + power * across


def test_on_a_sphere_the_extension_does_not_count():
    weights = np.array([0.6, 0.0, -0.8, 0.0, 0.0])
    first, second = (Rayleigh(SYMMETRIC, power) for power in (0, 2))
    np.testing.assert_allclose(first.gradient(weights), second.gradient(weights), atol=1e-12)
    np.testing.assert_allclose(first.hessian(weights), second.hessian(weights), atol=1e-12)


def test_the_spectrum_of_a_rayleigh_quotient_is_known():
    eigenvalues, vectors = np.linalg.eigh(SYMMETRIC)
    function = Rayleigh(SYMMETRIC, 0)
    for eigenvalue, vector in zip(eigenvalues, vectors.T, strict=True):
        np.testing.assert_allclose(function.gradient(vector), 0.0, atol=1e-12)
        # Along the other eigenvectors the curvature is 2 (lambda_j - lambda_i), across the sphere it is 0.
        np.testing.assert_allclose(
            np.linalg.eigvalsh(function.hessian(vector)), np.sort(2 * (eigenvalues - eigenvalue)), atol=1e-12
        )


def test_packing_is_the_inverse_of_unpacking():
    function = FUNCTIONS["two factors"]
    weights = np.arange(18.0)
    left, right = function.unpack(weights)
    assert (left.shape, right.shape) == ((4, 2), (5, 2))
    np.testing.assert_array_equal(function.pack(left, right), weights)
    assert repr(function) == "MatrixFactorization(18 weights of shapes (4, 2), (5, 2))"
    with pytest.raises(InvalidInputError, match=r"parts must have the shapes \(\(4, 2\), \(5, 2\)\)"):
        function.pack(right, left)


@pytest.mark.parametrize(
    ("weights", "message"),
    [(np.ones(4), r"shape \(10,\); got \(4,\)"), (np.full(10, np.nan), "weights must be finite")],
)
def test_weights_of_a_wrong_kind_are_refused(weights, message):
    with pytest.raises(InvalidInputError, match=message):
        FUNCTIONS["symmetric"].value(weights)


def test_weights_off_the_sphere_are_refused():
    with pytest.raises(InvalidInputError, match="vector 0 has length 2"):
        FUNCTIONS["tensor"].gradient(2 * ORTHOGONAL[0])
