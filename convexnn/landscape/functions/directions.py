"""Directions of improvement: at a point that is not near the optimum, a way down that a proof names.

Theorems of the kind "all second-order points are global" are proven by such a direction: along it the slope or the
curvature is negative at every other point, which no test of eigenvalues at single points shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.display import Shown
from ...exceptions import InvalidInputError
from .base import SmoothFunction

# What a step of 1e-14 of the weights gains is rounding.
STEP_ROUNDING = 1e-14


@dataclass(frozen=True, eq=False, repr=False)
class Improvement(Shown):
    """A direction with the slope and the curvature along it; true when it leads down by more than rounding.

    Attributes
    ----------
    name : str
        Which direction of the proofs it is.
    direction : ndarray of shape (n_weights,)
        With the length that the proof gives it, and the sign that does not lead up.
    slope : float
        ``<grad, direction>``, at most 0.
    curvature : float
        ``direction' hess direction``.
    fall : float
        How far the quadratic model falls along the direction, followed no further than it is long. 0 at a minimiser,
        and where only a step of 1e-14 of the weights would be left.
    """

    name: str
    direction: np.ndarray
    slope: float
    curvature: float
    fall: float

    def __bool__(self):
        return self.fall > 0

    def _shown(self):
        return "Improvement: slope and curvature along a direction", [
            ("direction", self.name),
            ("slope", f"{self.slope:.6g}"),
            ("curvature", f"{self.curvature:.6g}"),
            ("fall", f"{self.fall:.6g}"),
        ]


def improving_direction(
    function: SmoothFunction, weights: ArrayLike, minimiser: ArrayLike | None = None
) -> Improvement:
    """Return the direction of a proof that leads down from these weights, with its slope and its curvature.

    A function has the directions that its `directions` name: towards the nearest global minimiser (for factors, with
    the columns rotated to fit), and others where the proof takes others. Among them this is the one along which the
    quadratic model falls most when it is followed no further than it is long.

    Parameters
    ----------
    function : SmoothFunction
    weights : array-like of shape (n_weights,)
    minimiser : array-like of shape (n_weights,), optional
        A global minimiser, for functions that do not know one.

    Returns
    -------
    Improvement
        True where the slope or the curvature is negative, but for rounding; at a global minimiser it is false.

    Raises
    ------
    ValueError
        For bad input, and for a function without known directions when no minimiser is given.

    Examples
    --------
    >>> from convexnn.landscape import MatrixFactorization, improving_direction
    >>> function = MatrixFactorization([[2.0, 1.0], [1.0, 2.0]], rank=1)
    >>> improving_direction(function, [0.5, -0.5])  # on the way to the saddle of the other eigenvector
    Improvement(direction towards, slope -0.25, curvature -7.25, fall 3.875)
    """
    if not isinstance(function, SmoothFunction):
        raise InvalidInputError(f"function must be a SmoothFunction; got {type(function).__name__}.")
    found = function.directions(weights, minimiser)
    if not found:
        raise InvalidInputError("minimiser must be given; the function knows no direction of improvement without one.")
    gradient, hessian = function.gradient(weights), function.hessian(weights)
    rounding = STEP_ROUNDING**2 * np.linalg.norm(hessian) * float(np.sum(np.square(weights)))
    ways = [_improvement(name, way, gradient, hessian, rounding) for name, way in found.items()]
    return max(ways, key=lambda way: way.fall)


def _improvement(name, direction, gradient, hessian, rounding):
    """Return the `Improvement` of a direction, turned around where it leads up."""
    slope, curvature = float(gradient @ direction), float(direction @ hessian @ direction)
    if slope > 0:
        slope, direction = -slope, -direction
    share = 1.0 if curvature <= -slope else -slope / curvature
    fall = -share * (slope + 0.5 * share * curvature)
    return Improvement(name, direction, slope, curvature, fall if fall > rounding else 0.0)
