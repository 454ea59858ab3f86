"""Dictionary learning on the sphere: with sparse codes, the directions in which data are sparse are the atoms.

The curvature of ``mu log cosh(t / mu)``, a smooth |t|, is that of a spike of width mu at 0; a mean over few codes sees
few of them, and the statements about minima are about many.
"""

from __future__ import annotations

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.norms import singular_rounding
from ..._utils.validation import check_flag, check_positive, finite_array
from ...exceptions import InvalidInputError
from .base import SphereFunction


class SphericalDictionary(SphereFunction):
    """The sparsity of data along a unit vector q: ``1/n sum_k mu log cosh(<q, y_k> / mu)``, a smooth mean of sizes.

    Data ``y_k = A x_k`` with an orthogonal A and sparse random codes x_k: with high probability, for enough samples,
    every local minimum is near a signed column of A, and every other point has a slope towards one or negative
    curvature [1]_. For other invertible A the data are whitened first. The least value is not known beforehand.

    Parameters
    ----------
    Y : array-like of shape (n_samples, n_dimensions)
        One sample a row.
    mu : float
        Width of the smoothed corner of the absolute value, in the units of Y; of Y whitened where `whiten` is.
    whiten : bool
        Multiply the data by the inverse root of their second moments.

    Attributes
    ----------
    Y : ndarray of shape (n_samples, n_dimensions)
        The data as they are used.

    References
    ----------
    .. [1] J. Sun, Q. Qu, J. Wright, "Complete dictionary recovery over the sphere", IEEE Transactions on Information
       Theory 63, 2017, part I.
    """

    def __init__(self, Y: ArrayLike, mu: float = 0.01, *, whiten: bool = False) -> None:
        Y, self.mu = finite_array(Y, "Y"), check_positive(mu, "mu")
        if Y.ndim != 2 or Y.size == 0 or Y.shape[1] < 2:
            raise InvalidInputError(
                f"Y must have shape (n_samples, n_dimensions), n_dimensions above 1; got {Y.shape}."
            )
        self.Y = _whitened(Y) if check_flag(whiten, "whiten") else Y
        self.shapes = (Y.shape[1:],)

    def value(self, weights: ArrayLike) -> float:
        """Return the value at a unit vector of shape (n_dimensions,)."""
        # log cosh t = |t| + log(1 + exp(-2 |t|)) - log 2, without overflow.
        sizes = np.abs(self._products(weights))
        return float(self.mu * np.mean(sizes + np.log1p(np.exp(-2.0 * sizes)) - np.log(2.0)))

    def outer_gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient of the same formula around the sphere."""
        return np.tanh(self._products(weights)) @ self.Y / len(self.Y)

    def outer_hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian of the same formula around the sphere."""
        bends = (1.0 - np.tanh(self._products(weights)) ** 2) / (self.mu * len(self.Y))
        return (self.Y.T * bends) @ self.Y

    def _products(self, weights):
        """Return the inner products with the samples in units of mu, of shape (n_samples,)."""
        return self.Y @ self.unit_vectors(weights)[0] / self.mu


def _whitened(Y):
    """Return the samples with second moments ``Y^T Y = n I``."""
    outer, sizes, inner = np.linalg.svd(Y, full_matrices=False)
    if sizes[-1] <= singular_rounding(Y, sizes) or len(sizes) < Y.shape[1]:
        raise InvalidInputError(f"Y must have rank {Y.shape[1]} to be whitened; drop directions without data.")
    return np.sqrt(len(Y)) * outer @ inner
