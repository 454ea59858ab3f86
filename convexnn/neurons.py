"""The weights of a two-layer ReLU network: checked arrays that do not change, and what follows from them.

Conventions
-----------
hidden_weights : (width, n_inputs), row j holds the weights of neuron j.
neurons : (width, n_inputs) or, with a hidden bias, (width, n_inputs + 1): the vectors u_j, the bias last.
output_weights : (width,), alpha_j, or (width, n_outputs).
mass : ``||u_j|| |alpha_j|``, what a neuron costs (times beta) once it is balanced, ``||u_j|| = |alpha_j|``.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from ._utils.display import Shown, counted
from ._utils.norms import nonzero, norms
from ._utils.validation import check_design, finite_array
from .exceptions import InvalidInputError


@dataclass(frozen=True, eq=False, repr=False)
class Neurons(Shown):
    """The arrays of a `TwoLayerReLU`, which says what they mean."""

    hidden_weights: np.ndarray
    output_weights: np.ndarray
    _: KW_ONLY
    hidden_bias: np.ndarray | None = None
    intercept: float | np.ndarray | None = None
    skip_weights: np.ndarray | None = None

    def __post_init__(self):
        hidden = finite_array(self.hidden_weights, "hidden_weights")
        if hidden.ndim != 2 or hidden.shape[1] == 0:
            raise InvalidInputError(
                f"hidden_weights must have shape (width, n_inputs), one row per neuron; got shape {hidden.shape}. "
                f"A network without neurons has hidden_weights of shape (0, n_inputs)."
            )
        output = finite_array(self.output_weights, "output_weights")
        if output.ndim not in (1, 2) or len(output) != len(hidden) or 0 in output.shape[1:]:
            raise InvalidInputError(
                f"output_weights must have shape ({len(hidden)},) or ({len(hidden)}, n_outputs), one row per row of "
                f"hidden_weights; got shape {output.shape}."
            )
        outputs = output.shape[1:]
        self._set("hidden_weights", hidden)
        self._set("output_weights", output)
        self._set("hidden_bias", _optional(self.hidden_bias, "hidden_bias", (len(hidden),)))
        self._set("skip_weights", _optional(self.skip_weights, "skip_weights", (hidden.shape[1], *outputs)))
        intercept = _optional(self.intercept, "intercept", outputs)
        self._set("intercept", float(intercept) if intercept is not None and not outputs else intercept)

    def _set(self, name, value):
        if isinstance(value, np.ndarray):
            # A frozen network must not change through an array that somebody kept.
            value.flags.writeable = False
        object.__setattr__(self, name, value)

    def __setstate__(self, state):
        # Pickle and copy forget that an array was read-only.
        for name, value in state.items():
            self._set(name, value)

    def __repr__(self):
        present = [
            text
            for text, value in (
                ("hidden bias", self.hidden_bias),
                ("intercept", self.intercept),
                ("skip weights", self.skip_weights),
            )
            if value is not None
        ]
        sizes = [
            counted(self.width, "neuron"),
            counted(self.n_inputs, "input"),
            counted(self._outputs.shape[1], "output"),
        ]
        return f"TwoLayerReLU({', '.join(sizes + present)})"

    @property
    def width(self) -> int:
        """Number of hidden neurons, zero neurons included."""
        return self.hidden_weights.shape[0]

    @property
    def n_inputs(self) -> int:
        """Number of columns that X must have."""
        return self.hidden_weights.shape[1]

    @property
    def neurons(self) -> np.ndarray:
        """The vectors u_j, of shape (width, n_inputs) or, with the hidden bias last, (width, n_inputs + 1)."""
        # The bias is one more entry of u_j, which belongs to a column of ones in X.
        if self.hidden_bias is None:
            return self.hidden_weights
        return np.hstack([self.hidden_weights, self.hidden_bias[:, None]])

    @property
    def directions(self) -> np.ndarray:
        """The unit vectors ``u_j / ||u_j||``, of the shape of `neurons`; zero where u_j is zero."""
        neurons = self.neurons
        return neurons / nonzero(norms(neurons))[:, None]

    @property
    def masses(self) -> np.ndarray:
        """``||u_j|| |alpha_j|`` of every neuron, of shape (width,)."""
        return norms(self.neurons) * norms(self._outputs)

    @property
    def signs(self) -> np.ndarray:
        """``sign(alpha_j)`` of every neuron, of shape (width,); for networks with one output."""
        return np.sign(self._scalar_outputs("signs"))

    @property
    def slope_bounds(self) -> np.ndarray:
        """How fast the values can change along every input at most, of shape (n_inputs,).

        Along input k it is ``sum_j |u_jk| ||alpha_j|| + ||skip_k||``: moving it by t moves the values, anywhere, by no
        more than ``|t|`` times that (in the Euclidean norm over several outputs). It is the same for every scaling of
        u_j against alpha_j and for every splitting of neurons.
        """
        # A power of two has moved between u_j and alpha_j: no product of a huge and a tiny factor leaves float64.
        neurons, outputs = balance_exponents(self.neurons, self._outputs)
        bounds = norms(outputs) @ np.abs(neurons[:, : self.n_inputs])
        if self.skip_weights is not None:
            bounds = bounds + norms(self.skip_weights.reshape(self.n_inputs, -1))
        return bounds

    @property
    def output_directions(self) -> np.ndarray:
        """The unit vectors ``a_j / ||a_j||``, of the shape of `output_weights`; zero where a_j is zero.

        For networks with one output these are the `signs`.
        """
        return self._unit_outputs.reshape(self.output_weights.shape) + 0.0  # no negative zeros, as in the signs

    @property
    def _outputs(self):
        """Output weights of shape (width, n_outputs), whatever the number of outputs."""
        return self.output_weights if self.output_weights.ndim == 2 else self.output_weights[:, None]

    @property
    def _unit_outputs(self):
        """`output_directions` of shape (width, n_outputs), whatever the number of outputs."""
        return self._outputs / nonzero(norms(self._outputs))[:, None]

    def _scalar_outputs(self, name):
        if self.output_weights.ndim == 2:
            raise InvalidInputError(
                f"{name} is defined for networks with one output; got output_weights of shape "
                f"{self.output_weights.shape}. Pass output_weights of shape (width,)."
            )
        return self.output_weights

    def _check_inputs(self, X, any_kind=False):
        X = check_design(X, keep_single=True, any_kind=any_kind)
        if X.shape[1] != self.n_inputs:
            raise InvalidInputError(f"X must have {self.n_inputs} columns, one per input; got shape {X.shape}.")
        return X

    def _with_neurons(self, neurons, outputs):
        """Return a network of these neurons (bias last) and outputs (width, n_outputs), with this one's free terms."""
        bias = None if self.hidden_bias is None else neurons[:, -1]
        return replace(
            self,
            hidden_weights=neurons[:, : self.n_inputs],
            output_weights=outputs.reshape(len(outputs), *self.output_weights.shape[1:]),
            hidden_bias=bias,
        )

    def _with_neurons_at(self, which):
        return self._with_neurons(self.neurons[which], self._outputs[which])


def balance_exponents(neurons, outputs):
    """Shift powers of two between u_j and alpha_j until they are of a size: exact, and ``X u_j`` cannot overflow."""
    # ldexp is exact, and (X u 2^-k)_+ (alpha 2^k) = (X u)_+ alpha.
    exponent = np.frexp(norms(neurons))[1] - np.frexp(norms(outputs))[1]
    exponent = (exponent // 2)[:, None]
    return np.ldexp(neurons, -exponent), np.ldexp(outputs, exponent)


def _optional(values, name, shape):
    """Return None for None, else a checked copy of `values`, of shape `shape`."""
    if values is None:
        return None
    array = finite_array(values, name)
    if array.shape != shape:
        raise InvalidInputError(f"{name} must have shape {shape}, or be None if absent; got shape {array.shape}.")
    return array
