"""The training problem whose hidden bias costs nothing: ``u_j = (w_j, b_j)``, and only ``w_j`` is penalised.

A neuron with a large bias and small weights is a constant that costs next to nothing, so that an intercept is free in
any case. With an intercept every dual point has ``1^T nu = 0``, and ``t -> nu^T (X w + t)_+`` is zero for small t and
constant for large t: the price, the maximum over ``||w|| <= 1`` and all t, is finite and reached where some row is on
its kink, ``t = -x_i^T w``. A skip connection is not needed for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._utils.norms import nonzero, norms
from ..exceptions import InvalidInputError
from .problem import Problem


@dataclass(frozen=True, repr=False)
class FreeBiasProblem(Problem):
    """A `Problem` of one output with a hidden bias that is not penalised, and an intercept."""

    has_free_bias = True

    def penalised(self, network: Any) -> Any:
        """Return the network without its hidden bias, which costs nothing."""
        return replace(network, hidden_bias=None)

    def unit_neurons(self, neurons: np.ndarray) -> np.ndarray:
        """Return neurons divided by what they cost, ``||w||``; zeros where that is zero: they are constant."""
        sizes = norms(neurons[:, :-1])
        return np.where(sizes > 0, 1.0, 0.0)[:, None] * neurons / nonzero(sizes)[:, None]

    def price_leak(self, leak: np.ndarray) -> float:
        """Return by how much the price of a vector within `leak` of a dual point may be above that of the point."""
        return free_bias_leak(self.features, leak)


def free_bias_leak(features: np.ndarray, leak: np.ndarray) -> float:
    """Return by how much the price of a nu with ``1^T nu = 0`` may be above that of a vector within `leak` of it.

    The price of the vector being the largest value at its own kinks. Between the first and the last kink of all rows
    ``(x_i^T w + t)_+`` is at most the diameter of the data, and so is the way on which ``1^T (nu + leak)`` counts,
    beyond the last kink of a row with an entry of the vector.
    """
    features = features.astype(np.float64, copy=False)
    diameter = 2.0 * float(norms(features - features[0]).max(initial=0.0))
    return 2.0 * diameter * float(np.sum(leak))


def check_free_bias(hidden_bias: bool, fit_intercept: bool, n_outputs: int = 1) -> None:
    """Refuse a free hidden bias where there is none, where the optimum is not attained, and for several outputs."""
    if not hidden_bias:
        raise InvalidInputError(
            "penalize_bias=False needs hidden_bias=True: it is the bias of the hidden neurons that costs nothing."
        )
    if not fit_intercept:
        raise InvalidInputError(
            "penalize_bias=False needs fit_intercept=True: a neuron with a large free bias makes any constant at a "
            "cost that tends to zero, so that an intercept is free in any case, and without one no network attains "
            "the optimum."
        )
    if n_outputs > 1:
        raise InvalidInputError(
            f"penalize_bias=False is there for one output; got {n_outputs}. Fit one model per column of y, or "
            f"leave penalize_bias=True."
        )
