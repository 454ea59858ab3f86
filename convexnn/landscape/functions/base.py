"""What a function with a known landscape is: a smooth function of a flat vector, with two derivatives in closed form.

Everything that looks at a landscape (searches, constants of regularity, improving directions) is written against
these few methods, so that it is written once.

Conventions
-----------
weights : (n_weights,), the parts of `shapes` one after the other, each in C order.
On spheres the gradient and the Hessian are those along the spheres (Riemannian), in the coordinates of the space around
them: with f extended around the sphere, P = I - x x^T, they are ``P grad`` and ``P (hess - <x, grad> I) P``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.norms import norms, unit_rows
from ..._utils.validation import finite_array
from ...exceptions import InvalidInputError

# A vector is on the sphere when its length is 1 to within 1e-6.
OFF_SPHERE = 1e-6


class SmoothFunction(ABC):
    """A twice differentiable function of a vector of weights, with its gradient and Hessian in closed form.

    A subclass sets `shapes` and gives the three methods `value`, `gradient` and `hessian`; it sets `optimal_value`
    where theory gives it.

    Attributes
    ----------
    shapes : tuple of tuples of int
        The shapes of the arrays that the weights consist of.
    optimal_value : float or None
        The least value of the function; None where it is not known.
    minimiser : ndarray of shape (n_weights,) or None
        Weights at which it has this value, where some are known.
    start_scale : float
        Standard deviation of the entries of `random_start`.
    """

    shapes: tuple[tuple[int, ...], ...]
    optimal_value: float | None = None
    minimiser: np.ndarray | None = None
    start_scale: float = 1.0

    @property
    def n_weights(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.shapes)

    @abstractmethod
    def value(self, weights: ArrayLike) -> float:
        """Return the value at weights of shape (n_weights,)."""

    @abstractmethod
    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient, of shape (n_weights,)."""

    @abstractmethod
    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian, symmetric, of shape (n_weights, n_weights)."""

    def unpack(self, weights: ArrayLike) -> tuple[np.ndarray, ...]:
        """Return the arrays of `shapes` that the weights consist of.

        Raises
        ------
        ValueError
            For another number of weights, and for entries that are not finite.
        """
        weights = finite_array(weights, "weights")
        if weights.shape != (self.n_weights,):
            raise InvalidInputError(f"weights must have shape ({self.n_weights},); got {weights.shape}.")
        parts, start = [], 0
        for shape in self.shapes:
            stop = start + math.prod(shape)
            parts.append(weights[start:stop].reshape(shape))
            start = stop
        return tuple(parts)

    def pack(self, *parts: ArrayLike) -> np.ndarray:
        """Return the weights that consist of these arrays: the inverse of `unpack`."""
        arrays = [finite_array(part, f"part {k}") for k, part in enumerate(parts)]
        if tuple(array.shape for array in arrays) != self.shapes:
            raise InvalidInputError(
                f"parts must have the shapes {self.shapes}; got {tuple(array.shape for array in arrays)}."
            )
        return np.concatenate([array.ravel() for array in arrays])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_weights} weights of shapes {', '.join(map(str, self.shapes))})"

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Return weights to start a search from: independent normal entries."""
        return self.start_scale * rng.standard_normal(self.n_weights)

    def aligned(self, weights: ArrayLike, minimiser: ArrayLike) -> np.ndarray:
        """Return that minimiser among those that symmetries make of the given one which is nearest to the weights."""
        return self.pack(*self.unpack(minimiser))

    def directions(self, weights: ArrayLike, minimiser: ArrayLike | None = None) -> dict[str, np.ndarray]:
        """Return the directions, by name, along which a proof shows that the function falls; see `improving_direction`.

        Here "towards": the line through the minimiser, the known one if none is given.
        """
        best = self.minimiser if minimiser is None else minimiser
        return {} if best is None else {"towards": self.pack(*self.unpack(weights)) - self.aligned(weights, best)}

    def tangent_basis(self, weights: np.ndarray) -> np.ndarray:
        """Return orthonormal columns that span the directions in which the weights are free to move."""
        return np.eye(self.n_weights)

    def moved(self, weights: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Return the weights after a step along one of these directions."""
        return weights + step


class SphereFunction(SmoothFunction):
    """A smooth function of one unit vector, or of several: the rows of the one array of `shapes`.

    A subclass gives the value and the derivatives of an extension to the space around the sphere: `value`,
    `outer_gradient` and `outer_hessian`. Those along the spheres follow, whatever the extension.
    """

    @abstractmethod
    def outer_gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient of the extension, of shape (n_weights,)."""

    @abstractmethod
    def outer_hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian of the extension, of shape (n_weights, n_weights)."""

    def unit_vectors(self, weights: ArrayLike) -> np.ndarray:
        """Return the unit vectors, of shape (n_vectors, n_dimensions), or refuse weights off the spheres."""
        vectors = self.unpack(weights)[0].reshape(self._grid())
        lengths = norms(vectors)
        worst = int(np.abs(lengths - 1.0).argmax())
        if not abs(lengths[worst] - 1.0) <= OFF_SPHERE:
            raise InvalidInputError(
                f"weights must be unit vectors; vector {worst} has length {lengths[worst]:g}. Divide by it."
            )
        return vectors

    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient along the spheres, of shape (n_weights,)."""
        vectors = self.unit_vectors(weights)
        slopes = self.outer_gradient(weights).reshape(vectors.shape)
        return (slopes - np.sum(slopes * vectors, axis=1)[:, None] * vectors).ravel()

    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian along the spheres, of shape (n_weights, n_weights); it is 0 across them."""
        vectors = self.unit_vectors(weights)
        basis = self.tangent_basis(vectors.ravel())
        # The sphere bends away from its tangent: the slope across it counts in every direction along it.
        across = np.sum(self.outer_gradient(weights).reshape(vectors.shape) * vectors, axis=1)
        bent = self.outer_hessian(weights) - np.diag(np.repeat(across, vectors.shape[1]))
        along = basis @ (basis.T @ bent @ basis) @ basis.T
        return 0.5 * (along + along.T)

    def aligned(self, weights: ArrayLike, minimiser: ArrayLike) -> np.ndarray:
        """Return the vectors of the minimiser, each with the sign that brings it nearer to that of the weights."""
        best = self.unit_vectors(minimiser)
        sides = np.sum(best * self.unit_vectors(weights), axis=1)
        return (np.where(sides < 0, -1.0, 1.0)[:, None] * best).ravel()

    def directions(self, weights: ArrayLike, minimiser: ArrayLike | None = None) -> dict[str, np.ndarray]:
        """Return the directions of the proofs, as `SmoothFunction.directions`, along the spheres."""
        basis = self.tangent_basis(self.unit_vectors(weights).ravel())
        return {name: basis @ (basis.T @ way) for name, way in super().directions(weights, minimiser).items()}

    def random_start(self, rng: np.random.Generator) -> np.ndarray:
        """Return weights to start a search from: independent vectors, uniform on the sphere."""
        return unit_rows(rng.standard_normal(self._grid()))[0].ravel()

    def tangent_basis(self, weights: np.ndarray) -> np.ndarray:
        """Return orthonormal columns that span the directions along the spheres."""
        vectors = weights.reshape(self._grid())
        n_vectors, n_dimensions = vectors.shape
        basis = np.zeros((n_vectors, n_dimensions, n_vectors, n_dimensions - 1))
        for k, vector in enumerate(vectors):
            basis[k, :, k] = np.linalg.qr(np.column_stack([vector, np.eye(n_dimensions)]))[0][:, 1:n_dimensions]
        return basis.reshape(self.n_weights, -1)

    def moved(self, weights: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Return the weights after a step along the spheres, put back on them."""
        return unit_rows((weights + step).reshape(self._grid()))[0].ravel()

    def _grid(self):
        """Return the shape of the unit vectors, one a row."""
        return (self.n_weights // self.shapes[0][-1], self.shapes[0][-1])
