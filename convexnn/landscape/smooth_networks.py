"""Networks of smooth units, as many layers as are wanted: values, first and second derivatives, tangent kernel.

The theory of wide networks is about these and not about the ReLU: it needs second derivatives by the weights that get
small as the layers get wide. Derivatives are written out, forward then backward; no matrix of all pairs of weights is
made.

Conventions
-----------
layers : W_1, ..., W_L, W_l of shape (m_l, m_l-1), m_0 the number of inputs and m_L = 1.
parametrisation : ``z_l = W_l x_l-1 / sqrt(m_l-1)``, ``x_l = s(z_l)``, ``x_0`` a row of X; entries are drawn from
    N(0, 1), and the roots take the place of a scale that depends on the width. There is no bias: append a one to X.
weights : (n_weights,), the entries of W_1, then those of W_2, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike, Seed
from .._utils.display import Shown, counted
from .._utils.validation import check_choice, check_count, check_design, check_vector, finite_array
from ..exceptions import InvalidInputError
from ._smooth_units import ACTIVATIONS, Activation
from .descent import spawn


@dataclass(frozen=True)
class Passes:
    """What a pass forward and one backward leave, a row for each row of X and an entry of each list for each layer.

    Attributes
    ----------
    inputs : x_l-1, of shape (n_samples, m_l-1), divided by sqrt(m_l-1)
    slopes, curvatures : s'(z_l) and s''(z_l), of shape (n_samples, m_l)
    by_outputs, by_sums : the derivatives of the value by x_l and by z_l
    """

    inputs: list[np.ndarray]
    slopes: list[np.ndarray]
    curvatures: list[np.ndarray]
    by_outputs: list[np.ndarray]
    by_sums: list[np.ndarray]


class SmoothNetwork(Shown):
    """Network of smooth units with one output, in the parametrisation of the tangent kernel.

    ``f(x) = t(W_L s(W_L-1 ... s(W_1 x / sqrt(m_0)) ... / sqrt(m_L-2)) / sqrt(m_L-1))``, s being the activation and t
    that of the output. The network is frozen: its arrays are read-only copies.

    Parameters
    ----------
    layers : sequence of array-likes
        W_l of shape (m_l, m_l-1), the last with one row.
    activation, output_activation : {"linear", "tanh", "sigmoid", "softplus", "erf"}

    Raises
    ------
    ValueError
        For shapes that do not match, entries that are not finite, and an unknown activation.

    Examples
    --------
    >>> network = SmoothNetwork([[[1.0, 2.0]], [[3.0]]])
    >>> network.predict([[2.0, -1.0], [0.0, 0.0]])
    array([0., 0.])
    >>> network
    SmoothNetwork(layers 2 inputs, 1, activation tanh, output linear, weights 3)
    """

    def __init__(
        self, layers: Sequence[ArrayLike], activation: str = "tanh", output_activation: str = "linear"
    ) -> None:
        self.layers = _checked_layers(layers)
        self.activation = check_choice(activation, "activation", list(ACTIVATIONS))
        self.output_activation = check_choice(output_activation, "output_activation", list(ACTIVATIONS))

    @property
    def n_inputs(self) -> int:
        """Number of columns of X."""
        return self.layers[0].shape[1]

    @property
    def widths(self) -> tuple[int, ...]:
        """The numbers of units of the hidden layers."""
        return tuple(len(layer) for layer in self.layers[:-1])

    @property
    def n_weights(self) -> int:
        """Number of entries of all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def weights(self) -> np.ndarray:
        """The entries of all layers, of shape (n_weights,)."""
        return np.concatenate([layer.ravel() for layer in self.layers])

    def with_weights(self, weights: ArrayLike) -> SmoothNetwork:
        """Return the network of the same layers with other entries, of shape (n_weights,)."""
        return SmoothNetwork(self.in_layers(weights, "weights"), self.activation, self.output_activation)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the values f(x) on the rows of X, of shape (n_samples,)."""
        outputs = self._checked(X)
        for layer, activation in zip(self.layers, self.activations, strict=True):
            outputs = activation.value(outputs @ layer.T / np.sqrt(layer.shape[1]))
        return outputs[:, 0]

    def jacobian(self, X: ArrayLike) -> np.ndarray:
        """Return the derivatives of the values by the weights, of shape (n_samples, n_weights)."""
        passes = self.passes(X)
        return _side_by_side(map(_outer, passes.by_sums, passes.inputs))

    def tangent_kernel(self, X: ArrayLike) -> np.ndarray:
        """Return the tangent kernel ``K = J J^T`` on the rows of X, of shape (n_samples, n_samples), without J."""
        passes = self.passes(X)
        pairs = zip(passes.by_sums, passes.inputs, strict=True)
        return sum((by_sums @ by_sums.T) * (inputs @ inputs.T) for by_sums, inputs in pairs)

    def loss_gradient(self, X: ArrayLike, y: ArrayLike) -> np.ndarray:
        """Return the gradient ``J^T (f - y)`` of the loss ``1/2 ||f - y||^2``, of shape (n_weights,), without J."""
        X = self._checked(X)
        passes, residuals = self.passes(X), self.predict(X) - check_vector(y, len(X), "y")
        pairs = zip(passes.by_sums, passes.inputs, strict=True)
        return np.concatenate([((residuals[:, None] * by_sums).T @ inputs).ravel() for by_sums, inputs in pairs])

    def hessian_product(self, X: ArrayLike, direction: ArrayLike) -> np.ndarray:
        """Return the Hessian of every value by the weights, times one direction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        direction : array-like of shape (n_weights,)

        Returns
        -------
        ndarray of shape (n_samples, n_weights)
        """
        X = self._checked(X)
        return self.product_on(self.passes(X), self.in_layers(direction, "direction"))

    def product_on(self, passes: Passes, moves: list[np.ndarray]) -> np.ndarray:
        """Return what `hessian_product` does, for a direction in layers and passes that are done already."""
        # Forward: the derivatives of sums and inputs along the direction.
        moved_inputs, moved_sums = [np.zeros_like(passes.inputs[0])], []
        for k, (layer, move) in enumerate(zip(self.layers, moves, strict=True)):
            moved_sums.append(passes.inputs[k] @ move.T + moved_inputs[k] @ layer.T)
            moved_inputs.append(passes.slopes[k] * moved_sums[k] / np.sqrt(len(layer)))
        # Backward: those of the derivatives by sums, and with both those of the gradient, which are the products.
        moved_by_outputs, products = np.zeros_like(passes.by_outputs[-1]), []
        for k in reversed(range(len(moves))):
            bend = passes.curvatures[k] * moved_sums[k] * passes.by_outputs[k]
            moved_by_sums = bend + passes.slopes[k] * moved_by_outputs
            products.append(_outer(moved_by_sums, passes.inputs[k]) + _outer(passes.by_sums[k], moved_inputs[k]))
            root = np.sqrt(self.layers[k].shape[1])
            moved_by_outputs = (moved_by_sums @ self.layers[k] + passes.by_sums[k] @ moves[k]) / root
        return _side_by_side(reversed(products))

    def passes(self, X: ArrayLike) -> Passes:
        """Return the passes forward and backward on the rows of X."""
        outputs, inputs, slopes, curvatures = self._checked(X), [], [], []
        for layer, activation in zip(self.layers, self.activations, strict=True):
            inputs.append(outputs / np.sqrt(layer.shape[1]))
            sums = inputs[-1] @ layer.T
            slopes.append(activation.slope(sums))
            curvatures.append(activation.curvature(sums))
            outputs = activation.value(sums)
        by_outputs, by_sums = [np.ones((len(outputs), 1))], []
        for layer, slope in zip(reversed(self.layers), reversed(slopes), strict=True):
            by_sums.append(slope * by_outputs[-1])
            by_outputs.append(by_sums[-1] @ layer / np.sqrt(layer.shape[1]))
        return Passes(inputs, slopes, curvatures, by_outputs[-2::-1], by_sums[::-1])

    @property
    def activations(self) -> list[Activation]:
        """The activation of every layer, that of the output last."""
        return [ACTIVATIONS[self.activation]] * len(self.widths) + [ACTIVATIONS[self.output_activation]]

    def _checked(self, X):
        """Return X after checking its number of columns."""
        X = check_design(X)
        if X.shape[1] != self.n_inputs:
            raise InvalidInputError(f"X must have {self.n_inputs} columns, one per input; got {X.shape[1]}.")
        return X

    def in_layers(self, weights: ArrayLike, name: str = "weights") -> list[np.ndarray]:
        """Return a vector of weights as matrices of the shapes of the layers."""
        weights = finite_array(weights, name)
        if weights.shape != (self.n_weights,):
            raise InvalidInputError(f"{name} must have shape ({self.n_weights},); got {weights.shape}.")
        parts = np.split(weights, np.cumsum([layer.size for layer in self.layers])[:-1])
        return [part.reshape(layer.shape) for part, layer in zip(parts, self.layers, strict=True)]

    def _shown(self):
        return "SmoothNetwork", [
            ("layers", ", ".join([counted(self.n_inputs, "input"), *map(str, self.widths)])),
            ("activation", self.activation),
            ("output", self.output_activation),
            ("weights", str(self.n_weights)),
        ]


def smooth_network(
    n_inputs: int,
    widths: Sequence[int],
    *,
    activation: str = "tanh",
    output_activation: str = "linear",
    random_state: Seed = None,
) -> SmoothNetwork:
    """Return a random network of smooth units, its weights drawn from N(0, 1).

    Parameters
    ----------
    n_inputs : int
    widths : sequence of ints
        The numbers of units of the hidden layers; none is a linear model (or one unit, with an output activation).
    activation, output_activation : {"linear", "tanh", "sigmoid", "softplus", "erf"}
    random_state : int, numpy Generator, SeedSequence or None
        A Generator gives another network at every call.

    Returns
    -------
    SmoothNetwork

    Raises
    ------
    ValueError
        For bad input.
    """
    if not isinstance(widths, Sequence | np.ndarray) or isinstance(widths, str):
        raise InvalidInputError(f"widths must be a list of the sizes of the hidden layers; got {widths!r}.")
    sizes = [check_count(n_inputs, "n_inputs"), *(check_count(width, "every entry of widths") for width in widths), 1]
    rng = spawn(random_state)(1)[0]
    layers = [rng.standard_normal((after, before)) for before, after in zip(sizes[:-1], sizes[1:], strict=True)]
    return SmoothNetwork(layers, activation, output_activation)


def _checked_layers(layers: Any) -> tuple[np.ndarray, ...]:
    """Return read-only copies of the layers after checking that each fits the next."""
    checked = tuple(finite_array(layer, f"layers[{k}]") for k, layer in enumerate(layers))
    shapes = [layer.shape for layer in checked]
    are_matrices = len(shapes) > 0 and all(len(shape) == 2 and 0 not in shape for shape in shapes)
    if not are_matrices or [rows for rows, _ in shapes] != [columns for _, columns in shapes[1:]] + [1]:
        raise InvalidInputError(
            f"layers must be matrices of shapes (m_1, n_inputs), (m_2, m_1), ..., (1, m_L-1), none empty; got {shapes}."
        )
    for layer in checked:
        layer.flags.writeable = False
    return checked


def _outer(left, right):
    """Return the outer products of the rows, each as one row."""
    return (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)


def _side_by_side(blocks):
    """Return blocks of columns as one matrix."""
    return np.concatenate(list(blocks), axis=1)
