"""The parallel three-layer ReLU network: its values, its penalty and its balanced form.

Conventions
-----------
first_weights : (K, n_hidden, n_inputs), row j of block k holds the weights of neuron j of sub-network k, ``w1_kj``.
second_weights : (K, n_hidden), the weights with which sub-network k adds up its neurons, ``w2_k``.
output_weights : (K,), ``alpha_k``.
mass : ``|alpha_k| sum_j ||w1_kj|| |w2_kj|``, what a sub-network costs (times beta) once it is balanced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.norms import nonzero
from .._utils.validation import check_design, check_positive, check_vector
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU

__all__ = ["ThreeLayerReLU"]


@dataclass(frozen=True, eq=False, repr=False)
class ThreeLayerReLU(Shown):
    """Parallel three-layer network ``f(x) = sum_k alpha_k (sum_j w2_kj (w1_kj^T x)_+)_+``.

    The network is frozen: its arrays are read-only copies. There are no free terms; for biases in the first layer
    append a column of ones to X.

    Parameters
    ----------
    first_weights : array-like of shape (n_subnetworks, n_hidden, n_inputs)
        ``numpy.zeros((0, 1, n_inputs))`` is the network without sub-networks.
    second_weights : array-like of shape (n_subnetworks, n_hidden)
    output_weights : array-like of shape (n_subnetworks,)

    Raises
    ------
    InvalidInputError
        For shapes that do not match and for entries that are not finite real numbers.

    Examples
    --------
    >>> network = ThreeLayerReLU([[[1.0, 0.0], [0.0, 1.0]]], [[1.0, -1.0]], [2.0])
    >>> network.predict([[3.0, 1.0], [1.0, 3.0]])
    array([4., 0.])
    >>> network
    ThreeLayerReLU(1 sub-networks of 2 neurons, 2 inputs)
    """

    first_weights: np.ndarray
    second_weights: np.ndarray
    output_weights: np.ndarray

    def __post_init__(self):
        first = _finite(self.first_weights, "first_weights")
        if first.ndim != 3 or 0 in first.shape[1:]:
            raise InvalidInputError(
                f"first_weights must have shape (n_subnetworks, n_hidden, n_inputs); got shape {first.shape}."
            )
        self._set("first_weights", first)
        for name, shape in (("second_weights", first.shape[:2]), ("output_weights", first.shape[:1])):
            values = _finite(getattr(self, name), name)
            if values.shape != shape:
                raise InvalidInputError(f"{name} must have shape {shape}, to match first_weights; got {values.shape}.")
            self._set(name, values)

    def _set(self, name, value):
        value.flags.writeable = False
        object.__setattr__(self, name, value)

    def __setstate__(self, state):
        # Pickle and copy forget that an array was read-only.
        for name, value in state.items():
            self._set(name, value)

    def __repr__(self):
        return (
            f"ThreeLayerReLU({self.n_subnetworks} sub-networks of {self.n_hidden} neurons, "
            f"{self.first_weights.shape[2]} inputs)"
        )

    @classmethod
    def from_two_layer(cls, network: TwoLayerReLU) -> ThreeLayerReLU:
        """Return a balanced three-layer network with the values of a `TwoLayerReLU` without biases and free terms.

        Neuron j becomes a sub-network of one neuron, ``(u_j^T x)_+ = ((u_j^T x)_+ 1)_+``; its mass stays, so the
        three-layer penalty of the result is the two-layer penalty of the balanced neurons.

        Raises
        ------
        InvalidInputError
            For a network with a hidden bias, free terms or several outputs.
        """
        extras = (network.hidden_bias, network.intercept, network.skip_weights)
        if any(extra is not None for extra in extras) or network.output_weights.ndim != 1:
            raise InvalidInputError(
                f"network must have one output, no hidden bias and no free terms; got {network!r}. A hidden bias can "
                f"be the weight of a column of ones in X."
            )
        width = network.width
        return cls(network.hidden_weights[:, None, :], np.ones((width, 1)), network.output_weights).balanced()

    @property
    def n_subnetworks(self) -> int:
        """Number of sub-networks K, zero ones included."""
        return len(self.output_weights)

    @property
    def n_hidden(self) -> int:
        """Number of neurons in the first layer of a sub-network, zero ones included."""
        return self.first_weights.shape[1]

    @property
    def neuron_masses(self) -> np.ndarray:
        """``|alpha_k| ||w1_kj|| |w2_kj|`` of every first-layer neuron, of shape (n_subnetworks, n_hidden)."""
        return np.linalg.norm(self.first_weights, axis=2) * np.abs(self.second_weights * self.output_weights[:, None])

    @property
    def masses(self) -> np.ndarray:
        """``|alpha_k| sum_j ||w1_kj|| |w2_kj|`` of every sub-network, of shape (n_subnetworks,)."""
        return self.neuron_masses.sum(axis=1)

    @property
    def directions(self) -> np.ndarray:
        """Unit vectors of the first-layer neurons that have mass, of shape (n_neurons, n_inputs)."""
        used = self.first_weights[self.neuron_masses > 0]
        return used / np.linalg.norm(used, axis=1, keepdims=True)

    def fits(self, X: ArrayLike) -> np.ndarray:
        """Return the columns ``alpha_k (sum_j w2_kj (X w1_kj)_+)_+``, of shape (n_samples, n_subnetworks)."""
        X = check_design(X)
        if X.shape[1] != self.first_weights.shape[2]:
            raise InvalidInputError(f"X must have {self.first_weights.shape[2]} columns; got shape {X.shape}.")
        hidden = np.maximum(np.einsum("id,kjd->ikj", X, self.first_weights), 0.0)
        return np.maximum(np.einsum("ikj,kj->ik", hidden, self.second_weights), 0.0) * self.output_weights

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values on the rows of `X` (n_samples, n_inputs), of shape (n_samples,)."""
        return self.fits(X).sum(axis=1)

    def penalty(self, beta: float) -> float:
        """Return ``beta/3 * sum_k (||W1_k||_F^3 + ||w2_k||^3 + |alpha_k|^3)``."""
        # a^3/3 + b^3/3 + c^3/3 >= a b c, with equality for equal layers: the mass is the least penalty.
        layers = np.linalg.norm(self.first_weights, axis=(1, 2)), np.linalg.norm(self.second_weights, axis=1)
        return float(beta / 3 * sum(np.sum(size**3) for size in (*layers, np.abs(self.output_weights))))

    def objective(self, X: ArrayLike, y: ArrayLike, beta: float) -> float:
        """Return the training objective of the network as it stands.

        ``1/2 sum_i (y_i - f(x_i))^2 + beta/3 * sum_k (||W1_k||_F^3 + ||w2_k||^3 + |alpha_k|^3)``, where W1_k holds
        all first-layer weights of sub-network k; a sum, no 1/n.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_inputs)
        y : array-like of shape (n_samples,)
        beta : float
            Above 0.
        """
        X = check_design(X)
        residual = check_vector(y, len(X), "y") - self.predict(X)
        return float(0.5 * residual @ residual + self.penalty(check_positive(beta, "beta")))

    def balanced(self) -> ThreeLayerReLU:
        """Return the same function at its smallest penalty, ``beta`` times the sum of the masses.

        There ``||W1_k||_F = ||w2_k|| = |alpha_k|`` (the cube root of the mass), and within a sub-network
        ``||w1_kj|| = |w2_kj|``. Neurons without mass become zero.
        """
        shares = self.neuron_masses
        masses = shares.sum(axis=1)
        # ||w1_kj|| = |w2_kj| = sqrt(share) mass^(-1/6): squared and summed over j that is mass^(2/3).
        sizes = np.sqrt(shares) / nonzero(masses)[:, None] ** (1 / 6)
        lengths = nonzero(np.linalg.norm(self.first_weights, axis=2))
        first = self.first_weights * (sizes / lengths)[:, :, None]
        return ThreeLayerReLU(
            first, np.sign(self.second_weights) * sizes, np.sign(self.output_weights) * np.cbrt(masses)
        )

    def _shown(self):
        return "ThreeLayerReLU", [
            ("sub-networks", str(self.n_subnetworks)),
            ("neurons of each", str(self.n_hidden)),
            ("inputs", str(self.first_weights.shape[2])),
        ]


def _finite(values, name):
    """Return a float64 copy of `values` after checking that all of them are finite real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name} must be an array of finite real numbers; got {values!r}.")
    return np.array(array, dtype=np.float64)
