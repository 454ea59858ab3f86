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
from .._smooth_units import ACTIVATIONS

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


def _smooth_link(name, least_slope=None, pole=np.pi):
    """Return the link of a smooth unit; its slope falls on both sides of 0 alike unless `least_slope` is given."""
    unit = ACTIVATIONS[name]
    return Link(
        name,
        value=unit.value,
        slope=unit.slope,
        bend=unit.curvature,
        least_slope=least_slope or unit.slope,
        largest_slope=unit.max_slope,
        pole=pole,
    )


SMOOTH = {
    "sigmoid": _smooth_link("sigmoid"),
    "tanh": _smooth_link("tanh", pole=np.pi / 2),
    "softplus": _smooth_link("softplus", least_slope=lambda z: expit(-z)),
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
