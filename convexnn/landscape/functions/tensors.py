"""Orthogonal tensors of order four on spheres: all local minima are the components, up to signs.

The proof's direction, for ``f(x) = - sum_k <a_k, x>^4`` with orthonormal a_k and coordinates ``c_k = <a_k, x>``: turn
from the second largest coordinate (square q) to the largest (square p). Along it, at length ``(p + q)^(1/2)``, the
slope is ``-4 (p q)^(1/2) (p - q)``, and the curvature ``-24 p q + 4 (p + q) sum_k c_k^4`` is at most
``4 p (p - 5 q)``: one of them is negative unless q = 0. So where no curvature in n dimensions is below -4/(5 n), p is
above 4 q, and all coordinates but the largest are at most 3/8 n times the norm of the gradient.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..._utils.aliases import ArrayLike
from ..._utils.norms import norms
from ..._utils.validation import check_count, finite_array
from ...exceptions import InvalidInputError
from .base import SphereFunction

# Components are orthogonal when their inner products are below 1e-10 of their lengths.
ORTHOGONAL = 1e-10


class TensorDecomposition(SphereFunction):
    """The search for one component of a tensor: ``-sum_k <a_k, x>^4`` over unit vectors x.

    It is minus the value of the tensor ``T = sum_k a_k (x) a_k (x) a_k (x) a_k`` at (x, x, x, x). Where the components
    are orthogonal, the local minima are exactly ``+-a_k / ||a_k||``, of value ``-||a_k||^4``; all of them are global
    where the components have one length. [1]_ With fewer components than dimensions the vectors orthogonal to all of
    them are maxima with a Hessian of 0, which a test of second order lets pass.

    Parameters
    ----------
    components : array-like of shape (n_components, n_dimensions)
        One component a row.

    Attributes
    ----------
    optimal_value : float or None
        ``-max ||a_k||^4`` for orthogonal components, None for others.

    References
    ----------
    .. [1] R. Ge, F. Huang, C. Jin, Y. Yuan, "Escaping from saddle points: online stochastic gradient for tensor
       decomposition", COLT 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import TensorDecomposition, second_order_points
    >>> second_order_points(TensorDecomposition(np.eye(4)), random_state=0)
    SecondOrderPoints(20 second-order points from 20 starts, 20 of them global, 1 distinct value)
    """

    def __init__(self, components: ArrayLike) -> None:
        self.components = _check_components(components)
        self.shapes = (self.components.shape[1:],)
        lengths = norms(self.components)
        if _are_orthogonal(self.components):
            self.optimal_value = -float(lengths.max() ** 4)
            self.minimiser = self.components[lengths.argmax()] / lengths.max()

    def value(self, weights: ArrayLike) -> float:
        """Return the value at a unit vector of shape (n_dimensions,)."""
        return -float(np.sum(self._coordinates(weights) ** 4))

    def outer_gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient of the same formula around the sphere."""
        return -4.0 * self.components.T @ self._coordinates(weights) ** 3

    def outer_hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian of the same formula around the sphere."""
        return -12.0 * (self.components.T * self._coordinates(weights) ** 2) @ self.components

    def directions(self, weights: ArrayLike, minimiser: ArrayLike | None = None) -> dict[str, np.ndarray]:
        """Return the directions of the proofs, along the sphere: "towards" a minimiser, and the "turn" from above."""
        found = super().directions(weights, minimiser)
        if self.optimal_value is None:
            return found
        # Turned from the second largest coordinate to the largest; with one component nothing is to be turned from.
        coordinates = self._coordinates(weights) / norms(self.components)
        first, *others = np.argsort(-np.abs(coordinates))[:2]
        turn = np.zeros(len(coordinates))
        for second in others:
            turn[first] = abs(coordinates[second]) * np.copysign(1.0, coordinates[first])
            turn[second] = -abs(coordinates[first]) * np.copysign(1.0, coordinates[second])
        return found | {"turn": (turn / norms(self.components)) @ self.components}

    def _coordinates(self, weights):
        """Return the inner products with the components, of shape (n_components,)."""
        return self.components @ self.unit_vectors(weights)[0]


class JointTensorDecomposition(SphereFunction):
    """The search for all components of an orthogonal tensor at once: ``sum_{i != j} T(u_i, u_i, u_j, u_j)``.

    Over unit vectors u_1, ..., u_m, with ``T(u, u, v, v) = sum_k <a_k, u>^2 <a_k, v>^2``. For as many vectors as
    dimensions, and orthonormal components, the least value 0 is reached exactly at the components, in any order and
    with any signs, and there are no other local minima. [1]_

    Parameters
    ----------
    components : array-like of shape (n_dimensions, n_dimensions)
        Orthonormal rows.

    References
    ----------
    .. [1] R. Ge, F. Huang, C. Jin, Y. Yuan, "Escaping from saddle points", COLT 2015.
    """

    optimal_value = 0.0

    def __init__(self, components: ArrayLike) -> None:
        self.components = _check_components(components)
        n = check_count(len(self.components), "the number of components", minimum=2)
        apart = np.abs(self.components @ self.components.T - np.eye(n)).max()
        if self.components.shape != (n, n) or apart > ORTHOGONAL:
            raise InvalidInputError(
                f"components must be a square matrix of orthonormal rows; got shape {self.components.shape}, with "
                f"inner products off by up to {apart:.3g}."
            )
        self.shapes = ((n, n),)
        self.minimiser = self.components.ravel()

    def value(self, weights: ArrayLike) -> float:
        """Return the value at unit vectors of shape (n_dimensions, n_dimensions), flat."""
        squares = self._coordinates(weights) ** 2
        return float(np.sum(squares.sum(axis=0) ** 2) - np.sum(squares**2))

    def outer_gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient of the same formula around the spheres."""
        coordinates = self._coordinates(weights)
        return 4.0 * ((coordinates * self._others(coordinates)) @ self.components).ravel()

    def outer_hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian of the same formula around the spheres."""
        coordinates, n = self._coordinates(weights), len(self.components)
        # In coordinates: 4 on the diagonal from the sums over others, and 8 c_ik c_jk between vectors i and j.
        mixed = 8.0 * np.einsum("ik,jk->ijk", coordinates, coordinates) * (1.0 - np.eye(n))[:, :, None]
        mixed[np.arange(n), np.arange(n)] += 4.0 * self._others(coordinates)
        return np.einsum("ijk,ka,kb->iajb", mixed, self.components, self.components).reshape(n * n, n * n)

    def aligned(self, weights: ArrayLike, minimiser: ArrayLike) -> np.ndarray:
        """Return the vectors of the minimiser in the order, and with the signs, that are nearest to the weights."""
        best, vectors = self.unit_vectors(minimiser), self.unit_vectors(weights)
        order = linear_sum_assignment(np.abs(vectors @ best.T), maximize=True)[1]
        return super().aligned(weights, best[order].ravel())

    def _others(self, coordinates):
        """Return, for every vector and component, the sum of the squares of the other vectors' coordinates."""
        return np.sum(coordinates**2, axis=0) - coordinates**2

    def _coordinates(self, weights):
        """Return the inner products of every vector with the components, one vector a row."""
        return self.unit_vectors(weights) @ self.components.T


def _check_components(components):
    """Return the components as a finite array with two axes, no row of it zero."""
    components = finite_array(components, "components")
    if components.ndim != 2 or components.shape[1] < 2 or not np.all(norms(components) > 0):
        raise InvalidInputError(
            f"components must have shape (n_components, n_dimensions), n_dimensions above 1, and no row of zeros; "
            f"got shape {components.shape}."
        )
    return components


def _are_orthogonal(components):
    """Whether all components are orthogonal to each other."""
    lengths = norms(components)
    products = np.abs(components @ components.T) / np.outer(lengths, lengths)
    return bool(np.all(products[~np.eye(len(components), dtype=bool)] <= ORTHOGONAL))
