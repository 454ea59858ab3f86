"""The functions sigma of generalised linear models ``sigma(w^T x)``, with two derivatives and bounds on the first.

All of them increase. Constants of regularity follow from the bounds: `least_slope(z)` and `largest_slope` bound sigma'
on ``[-z, z]``, and with it every secant slope between two arguments there.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..._utils.validation import check_choice
from ...exceptions import InvalidInputError

Elementwise = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Link:
    """An increasing function of a number, elementwise on arrays.

    Attributes
    ----------
    name : str
    value, slope, bend : callable
        sigma, sigma' and sigma''.
    least_slope : callable
        The infimum of sigma' over ``[-z, z]``, for z of 0 or above, infinity included.
    largest_slope : float
        The supremum of sigma' over all numbers: the Lipschitz constant of sigma.
    pole : float
        The distance of the nearest singularity of sigma in the complex plane from the real line.
    leak : float or None
        The slope for negative arguments where sigma is piecewise linear, else None.
    """

    name: str
    value: Elementwise
    slope: Elementwise
    bend: Elementwise
    least_slope: Elementwise
    largest_slope: float = 1.0
    pole: float = np.pi
    leak: float | None = None

    @property
    def has_kink(self) -> bool:
        """Whether sigma has no derivative at 0."""
        return self.leak is not None and self.leak != 1.0


def leaky_link(name, leak):
    """Return ``max(z, leak z)``, whose derivative at 0 is that of the left."""
    return Link(
        name,
        value=lambda z: np.where(z > 0, z, leak * z),
        slope=lambda z: np.where(z > 0, 1.0, leak),
        bend=np.zeros_like,
        least_slope=lambda z: np.full(np.shape(z), leak),
        leak=leak,
    )


def _sigmoid_slope(z):
    return expit(z) * expit(-z)


def _tanh_slope(z):
    # 1 - tanh^2, without the cancellation of large arguments.
    return 4.0 * _sigmoid_slope(2.0 * z)


SMOOTH = {
    "sigmoid": Link(
        "sigmoid",
        value=expit,
        slope=_sigmoid_slope,
        bend=lambda z: -_sigmoid_slope(z) * np.tanh(0.5 * z),
        least_slope=_sigmoid_slope,
        largest_slope=0.25,
    ),
    "tanh": Link(
        "tanh",
        value=np.tanh,
        slope=_tanh_slope,
        bend=lambda z: -2.0 * np.tanh(z) * _tanh_slope(z),
        least_slope=_tanh_slope,
        pole=np.pi / 2,
    ),
    "softplus": Link(
        "softplus",
        value=lambda z: np.logaddexp(0.0, z),
        slope=expit,
        bend=_sigmoid_slope,
        least_slope=lambda z: expit(-z),
    ),
}
NAMES = ("relu", "leaky_relu", *SMOOTH)


def link_of(activation: str, slope: float) -> Link:
    """Return the link of this name; `slope` is that of the leaky ReLU for negative arguments."""
    check_choice(activation, "activation", NAMES)
    if activation in SMOOTH:
        return SMOOTH[activation]
    if activation == "relu":
        return leaky_link("relu", 0.0)
    if isinstance(slope, bool) or not isinstance(slope, numbers.Real) or not 0.0 <= slope <= 1.0:
        raise InvalidInputError(f"slope must be a number from 0 (the ReLU) to 1 (linear); got {slope!r}.")
    return leaky_link("leaky_relu", float(slope))
