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


@dataclass(frozen=True, eq=False, repr=False)
class Improvement(Shown):
    """A direction with the slope and the curvature along it; true when one of them is negative.

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
    """

    name: str
    direction: np.ndarray
    slope: float
    curvature: float

    def __bool__(self):
        return self.slope < 0 or self.curvature < 0

    def _shown(self):
        return "Improvement: slope and curvature along a direction", [
            ("direction", self.name),
            ("slope", f"{self.slope:.6g}"),
            ("curvature", f"{self.curvature:.6g}"),
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
        True where the slope or the curvature is negative; at a global minimiser it is false.

    Raises
    ------
    ValueError
        For bad input, and for a function without known directions when no minimiser is given.

    Examples
    --------
    >>> from convexnn.landscape import MatrixFactorization, improving_direction
    >>> function = MatrixFactorization([[2.0, 1.0], [1.0, 2.0]], rank=1)
    >>> improving_direction(function, [0.5**0.5, -(0.5**0.5)])  # the saddle of the other eigenvector
    Improvement(direction missing, slope 0, curvature -4)
    """
    if not isinstance(function, SmoothFunction):
        raise InvalidInputError(f"function must be a SmoothFunction; got {type(function).__name__}.")
    found = function.directions(weights, minimiser)
    if not found:
        raise InvalidInputError("minimiser must be given; the function knows no direction of improvement without one.")
    gradient, hessian = function.gradient(weights), function.hessian(weights)
    ways = [_improvement(name, way, gradient, hessian) for name, way in found.items()]
    return max(ways, key=_fall)


def _fall(way):
    """Return how far the quadratic model falls along a direction, followed by at most its own length."""
    share = 1.0 if way.curvature <= -way.slope else -way.slope / way.curvature
    return -share * (way.slope + 0.5 * share * way.curvature)


def _improvement(name, direction, gradient, hessian):
    """Return the `Improvement` of a direction, turned around where it leads up."""
    slope = float(gradient @ direction)
    if slope > 0:
        slope, direction = -slope, -direction
    return Improvement(name, direction, slope, float(direction @ hessian @ direction))
