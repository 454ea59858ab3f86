"""Networks whose neurons have another activation than the ReLU, and which activations that may be."""

from __future__ import annotations

import numbers
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.validation import check_choice
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from .program import problem_of_activated

# The reasons for which an activation is refused.
CURVED = "it is not positively homogeneous, so that its neurons cannot be balanced and no cone program is theirs"
LINEAR = "it is linear, so that the network is a linear model and needs no neurons: use skip_connection"
LEARNT = "its slope is learnt, which makes the problem over the patterns nonconvex: fix it with leaky_relu"
REFUSED = dict.fromkeys(
    "celu elu gelu hardsigmoid hardswish hardtanh logistic mish relu6 selu sigmoid silu softplus softsign swish "
    "tanh".split(),
    CURVED,
) | {"identity": LINEAR, "linear": LINEAR, "prelu": LEARNT}


def slope_of(activation, slope=0.01):
    """Return the slope of ``(z)_+ - slope (-z)_+`` for the activation of this name, or refuse it by name."""
    if isinstance(activation, str) and activation in REFUSED:
        raise InvalidInputError(f"activation {activation!r} is not supported: {REFUSED[activation]}.")
    if callable(activation):
        raise InvalidInputError(f"activation must be a name, as no proof is known of any function; got {activation!r}.")
    check_choice(activation, "activation", ("relu", "leaky_relu", "absolute"))
    if activation != "leaky_relu":
        return {"relu": 0.0, "absolute": -1.0}[activation]
    if isinstance(slope, bool) or not isinstance(slope, numbers.Real) or not -1.0 <= slope < 1.0:
        raise InvalidInputError(
            f"slope must be a number from -1 (the absolute value) to below 1 (1 is linear); got {slope!r}. A slope a "
            f"with |a| > 1 is 1/a on the mirrored neurons: use it with beta / |a|."
        )
    return float(slope)


@dataclass(frozen=True, eq=False, repr=False)
class ActivatedNetwork(Shown):
    """The network ``f(x) = sum_j sigma(u_j^T [x, 1]) alpha_j + x^T skip_weights + intercept``.

    A neuron has the values of two ReLU neurons, ``(u, alpha)`` and ``(-u, -slope alpha)``, and the penalty of one; so
    this is no `TwoLayerReLU`, and `certify` refuses it: use `certify_activation`.

    Parameters
    ----------
    hidden_weights : array-like of shape (width, n_inputs)
    output_weights : array-like of shape (width,) or (width, n_outputs)
    activation : {"leaky_relu", "absolute", "relu"}
    slope : float, from -1 to below 1
        Slope of the leaky ReLU for negative arguments.
    hidden_bias, intercept, skip_weights
        As in `TwoLayerReLU`: None means absent.

    Raises
    ------
    InvalidInputError
        For shapes that do not match, entries that are not finite, and activations that are not supported.
    """

    hidden_weights: np.ndarray
    output_weights: np.ndarray
    activation: str = "leaky_relu"
    _: KW_ONLY
    slope: float = 0.01
    hidden_bias: np.ndarray | None = None
    intercept: float | np.ndarray | None = None
    skip_weights: np.ndarray | None = None
    weights: TwoLayerReLU = field(init=False)

    def __post_init__(self):
        names = ("hidden_bias", "intercept", "skip_weights")
        terms = {name: getattr(self, name) for name in names}
        # The ReLU network of the same weights checks the shapes, and has the same penalty and balance.
        weights = TwoLayerReLU(self.hidden_weights, self.output_weights, **terms)
        object.__setattr__(self, "slope", slope_of(self.activation, self.slope))
        object.__setattr__(self, "weights", weights)
        for name in ("hidden_weights", "output_weights", *names):
            object.__setattr__(self, name, getattr(weights, name))

    def __repr__(self):
        return f"ActivatedNetwork({self.activation}, slope {self.slope:g}, {self.weights!r})"

    @property
    def width(self) -> int:
        """Number of hidden neurons, zero neurons included."""
        return self.weights.width

    @property
    def neurons(self) -> np.ndarray:
        """The vectors u_j, the hidden bias last, of shape (width, n_inputs) or (width, n_inputs + 1)."""
        return self.weights.neurons

    @property
    def signs(self) -> np.ndarray:
        """``sign(alpha_j)`` of every neuron, of shape (width,); for networks with one output."""
        return self.weights.signs

    def to_relu(self) -> TwoLayerReLU:
        """Return the ReLU network of the same values everywhere, twice as wide. Its objective is another one."""
        if self.slope == 0.0:
            return self.weights
        neurons, outputs, bias = self.hidden_weights, self.output_weights, self.hidden_bias
        # sigma(z) = (z)_+ - slope (-z)_+: a second copy of every neuron, mirrored, has the output weight -slope alpha.
        return TwoLayerReLU(
            np.vstack([neurons, -neurons]),
            np.concatenate([outputs, -self.slope * outputs]),
            hidden_bias=None if bias is None else np.append(bias, -bias),
            intercept=self.intercept,
            skip_weights=self.skip_weights,
        )

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values on the rows of `X`, of shape (n_samples,) or (n_samples, n_outputs)."""
        return self.to_relu().predict(X)

    def penalty(self, beta: float) -> float:
        """Return ``beta/2 * sum_j (||u_j||^2 + ||alpha_j||^2)``."""
        return self.weights.penalty(beta)

    def balanced(self) -> ActivatedNetwork:
        """Return the same function with ``||u_j|| = |alpha_j|`` for every neuron; the objective never rises."""
        even = self.weights.balanced()
        return ActivatedNetwork(
            even.hidden_weights,
            even.output_weights,
            self.activation,
            slope=self.slope,
            hidden_bias=even.hidden_bias,
            intercept=self.intercept,
            skip_weights=self.skip_weights,
        )

    def objective(self, X: ArrayLike, y: ArrayLike, beta: float, **options: Any) -> float:
        """Return ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, a sum and no 1/n.

        The options are those of `TwoLayerReLU.objective`.
        """
        problem = problem_of_activated(self, X, y, beta, options)
        problem.check_network(self)
        return float(problem.objective(self))

    def _shown(self):
        return f"ActivatedNetwork: {self.activation}, slope {self.slope:g}", self.weights._shown()[1]
