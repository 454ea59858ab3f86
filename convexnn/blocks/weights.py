"""The weights of a network as arrays, with its terms: what travels to the blocks, and what they are asked for.

All of a block's work is here: the products of its rows with neurons and back, in the precision and on the device of its
X; losses and all sums in double precision. With the weights ``(u_k, a_k, B)`` and the dual point ``nu = -grad L``

    ``d L / d a_k = -(X u_k)_+^T nu``,  ``d L / d u_k = -X^T (1[X u_k > 0] * nu a_k)``,  ``d L / d B = -Z^T nu``.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._utils.arrays import hidden_layer, in_double, product, transposed_product
from ..network import TwoLayerReLU
from ..solvers.base import free_terms


@dataclass(frozen=True)
class Terms:
    """What a network consists of, and its loss.

    Attributes
    ----------
    hidden_bias, fit_intercept, skip_connection : bool
    loss : Loss
        Smooth.
    """

    hidden_bias: bool
    fit_intercept: bool
    skip_connection: bool
    loss: Any


@dataclass(frozen=True)
class Weights:
    """Neurons, outputs and free terms.

    Attributes
    ----------
    neurons : ndarray of shape (K, n_inputs)
        The hidden bias last, where there is one.
    outputs : ndarray of shape (K, n_outputs)
    free : ndarray of shape (n_free, n_outputs)
        Skip weights, then the intercept, as far as there are any.
    terms : Terms
    """

    neurons: np.ndarray
    outputs: np.ndarray
    free: np.ndarray
    terms: Terms

    @property
    def n_outputs(self):
        """One where y is flat."""
        return self.outputs.shape[1]

    @property
    def masses(self):
        """``||u_k|| ||a_k||``."""
        return np.linalg.norm(self.neurons, axis=1) * np.linalg.norm(self.outputs, axis=1)

    def penalty(self, beta):
        """Return ``beta/2 sum_k (||u_k||^2 + ||a_k||^2)``."""
        return 0.5 * beta * float(np.sum(self.neurons**2) + np.sum(self.outputs**2))

    def take(self, index):
        """Return the weights with some of the neurons."""
        return replace(self, neurons=self.neurons[index], outputs=self.outputs[index])

    def layer(self, X):
        """Return the hidden layer at rows."""
        return hidden_layer(X, self.neurons, self.terms.hidden_bias)

    def fit(self, X, layer=None):
        """Return the values at rows, of shape (n_rows, n_outputs), in double precision."""
        values = (self.layer(X) if layer is None else layer).outputs(self.outputs)
        if self.terms.skip_connection:
            values = values + product(X, self.free[: X.shape[1]].T)
        return values + self.free[-1] if self.terms.fit_intercept else values

    def fit_error(self, row_norms):
        """Return a bound on the rounding of the fit in double precision, (n_rows, n_outputs), by the norms of rows."""
        width, n_inputs = self.neurons.shape
        n_skip = len(self.free) - self.terms.fit_intercept
        sizes = np.linalg.norm(self.neurons, axis=1) @ np.abs(self.outputs)
        sizes = sizes + np.linalg.norm(self.free[:n_skip], axis=0)
        values = np.outer(row_norms, sizes) + np.abs(self.free[n_skip:]).sum(axis=0)
        return 2.0 * np.finfo(float).eps * (width + n_inputs + n_skip + 4) * values


def loss_and_dual_point(weights, block, fit):
    """Return the loss of a block and its negative slopes in the fit, of shape (n_rows, n_outputs)."""
    loss, fit = weights.terms.loss, fit.reshape(block.y.shape)
    value, nu = loss.value_and_dual_point(block.y, fit, block.weight)
    return value, nu.reshape(len(block.y), weights.n_outputs)


def value_and_slopes(block, weights):
    """Return the loss of a block, and minus its slopes in neurons, outputs and free terms."""
    layer = weights.layer(block.X)
    value, nu = loss_and_dual_point(weights, block, weights.fit(block.X, layer))
    return value, layer.pull(nu, weights.outputs), layer.transposed_product(nu), free_products(block, nu, weights.terms)


def free_products(block, nu, terms):
    """Return ``Z^T nu`` of the free terms Z, of shape (n_free, n_outputs)."""
    skip = [transposed_product(block.X, nu)] if terms.skip_connection else []
    return np.vstack([*skip, *([nu.sum(axis=0)[None]] if terms.fit_intercept else []), np.zeros((0, nu.shape[1]))])


def free_columns(block, terms):
    """Return the columns Z of the free terms, in double precision."""
    ones = np.ones((len(block.y), 1))
    skip = [in_double(block.X)] if terms.skip_connection else []
    return np.hstack([*skip, *([ones] if terms.fit_intercept else []), ones[:, :0]])


def price_matrices(block, weights, directions):
    """Return ``X^T (1[X u_k > 0] * nu)`` of shape (K, n_outputs, n_inputs), and ``sum w (X u_k)_+^2`` of shape (K,).

    ``N^T (X u_k)_+`` is the product of the matrix of u_k with u_k.
    """
    _, nu = loss_and_dual_point(weights, block, weights.fit(block.X))
    layer = hidden_layer(block.X, directions, weights.terms.hidden_bias)
    return layer.matrices(nu), layer.squares(block.weight)


# Networks as weights, and back


def balanced(weights):
    """Return weights with ``||u_k|| = ||a_k||``, which have the least penalty of their fit."""
    sizes, outputs = np.linalg.norm(weights.neurons, axis=1), np.linalg.norm(weights.outputs, axis=1)
    ratio = np.sqrt(outputs / np.where(sizes > 0.0, sizes, 1.0))[:, None]
    ratio[ratio == 0.0] = 1.0
    return replace(weights, neurons=weights.neurons * ratio, outputs=weights.outputs / ratio)


def weights_of(network, terms):
    """Return the `Weights` of a network."""
    outputs, free = network.output_weights, free_terms(network)
    n_outputs = int(np.prod(outputs.shape[1:]))
    return Weights(network.neurons, outputs.reshape(-1, n_outputs), free.reshape(-1, n_outputs), terms)


def network_of(weights, rows):
    """Return the network of weights, the heaviest neuron first."""
    weights = weights.take(np.argsort(-weights.masses, kind="stable"))
    terms, n_features = weights.terms, rows.n_features
    flat = (lambda part: part[..., 0]) if rows.n_outputs is None else (lambda part: part)
    return TwoLayerReLU(
        weights.neurons[:, :n_features],
        flat(weights.outputs),
        hidden_bias=weights.neurons[:, -1] if terms.hidden_bias else None,
        skip_weights=flat(weights.free[:n_features]) if terms.skip_connection else None,
        intercept=flat(weights.free[-1]) if terms.fit_intercept else None,
    )
