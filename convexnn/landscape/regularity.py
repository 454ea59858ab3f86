"""How regular a function is over some points, seen from a minimiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._weights import network_at, pose_at, weights_of
from .curvature import gradient_of, refuse_kinks

# Below a relative gap of 1e-13 to the minimum the ratios are rounding.
GAP_ROUNDING = 1e-13


@dataclass(frozen=True, repr=False)
class RegularityConstants(Shown):
    """The smallest ratios over the points; the function has no larger constants there.

    Attributes
    ----------
    pl : float
        ``1/2 ||grad||^2 / (f - f*)``, Polyak-Lojasiewicz.
    weak_quasi_convexity : float
        ``<grad, w - w*> / (f - f*)``; at most 0 where a gradient step leads away from the minimiser.
    restricted_secant : float
        ``<grad, w - w*> / ||w - w*||^2``.
    n_points : int
        Points that counted; those whose value is the minimum are left out of the first two.
    """

    pl: float
    weak_quasi_convexity: float
    restricted_secant: float
    n_points: int

    def __repr__(self):
        return (
            f"RegularityConstants(PL {self.pl:.4g}, weak quasi-convexity {self.weak_quasi_convexity:.4g}, "
            f"restricted secant {self.restricted_secant:.4g}, over {self.n_points} points)"
        )

    def _shown(self):
        return "RegularityConstants: bounds from above", [
            ("PL", f"{self.pl:.4g}"),
            ("weak quasi-convexity", f"{self.weak_quasi_convexity:.4g}"),
            ("restricted secant", f"{self.restricted_secant:.4g}"),
            ("points", str(self.n_points)),
        ]


def regularity_constants(
    points: Sequence[TwoLayerReLU], minimiser: TwoLayerReLU, X: ArrayLike, y: ArrayLike, beta: float, **options: Any
) -> RegularityConstants:
    """Regularity of the objective of networks over some of them, in all their weights.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. The smallest
    ratios found are returned, bounds from above on the constants of any region with these points. Permuted neurons are
    other weights: the second and the third ratio are about the minimiser that is given.

    Parameters
    ----------
    points : sequence of TwoLayerReLU
        Networks of the width and the terms of the minimiser, at smooth points.
    minimiser : TwoLayerReLU
        The network of least objective among those of its width. That is not checked; it is refused only when a point
        is lower.
    X, y, beta, **options
        As in `objective_gradient`.

    Returns
    -------
    RegularityConstants

    Raises
    ------
    ValueError
        For bad input, points at kinks, of another shape or lower than the minimiser.
    """
    problem = pose_at(minimiser, X, y, beta, **options)
    if isinstance(points, TwoLayerReLU):
        raise InvalidInputError(f"points must be a sequence of networks; got {points}. Pass it in a list.")
    for k, network in enumerate(points):
        _check_point(problem, network, minimiser, f"points[{k}]")
    return function_regularity(
        lambda weights: problem.objective(network_at(problem, weights)),
        lambda weights: gradient_of(problem, weights),
        [weights_of(network) for network in points],
        weights_of(minimiser),
    )


def function_regularity(
    value: Callable[[np.ndarray], float],
    gradient: Callable[[np.ndarray], ArrayLike],
    points: ArrayLike,
    minimiser: ArrayLike,
) -> RegularityConstants:
    """Regularity of any function over some points, see `RegularityConstants`.

    Parameters
    ----------
    value, gradient : callable
        Functions of a vector of shape (n_weights,) that return a float, and an array of that shape.
    points : array-like of shape (n_points, n_weights)
    minimiser : array-like of shape (n_weights,)

    Returns
    -------
    RegularityConstants

    Raises
    ------
    ValueError
        For shapes that do not match, when a point is lower than the minimiser, and when no point is above it.

    Examples
    --------
    >>> points = [[1.0, 0.0], [3.0, 4.0]]
    >>> function_regularity(lambda w: w @ w, lambda w: 2 * w, points, [0.0, 0.0])
    RegularityConstants(PL 2, weak quasi-convexity 2, restricted secant 2, over 2 points)
    """
    points, minimiser = np.asarray(points, dtype=float), np.asarray(minimiser, dtype=float)
    if minimiser.ndim != 1 or points.ndim != 2 or points.shape[1:] != minimiser.shape or len(points) == 0:
        raise InvalidInputError(
            f"points and minimiser must have shapes (n_points, n_weights) and (n_weights,), n_points above 0; got "
            f"{points.shape} and {minimiser.shape}."
        )
    lowest = float(value(minimiser))
    gaps = np.array([value(point) for point in points]) - lowest
    slopes = np.array([gradient(point) for point in points])
    rounding = GAP_ROUNDING * np.maximum(abs(lowest), np.abs(gaps + lowest))
    if np.any(gaps < -rounding):
        raise InvalidInputError(
            f"minimiser must have the least value; points[{gaps.argmin()}] is lower by {-gaps.min():g}."
        )
    away = points - minimiser
    squares, inner = np.sum(away**2, axis=1), np.sum(slopes * away, axis=1)
    # Ratios with a gap below rounding, or at the minimiser itself, say nothing.
    above, apart = gaps > rounding, squares > 0
    if not above.any():
        raise InvalidInputError("points must have at least one that is above the minimiser; all have its value.")
    return RegularityConstants(
        float(np.min(0.5 * np.sum(slopes[above] ** 2, axis=1) / gaps[above])),
        float(np.min(inner[above] / gaps[above])),
        float(np.min(inner[apart] / squares[apart])),
        int(np.count_nonzero(apart)),
    )


def _check_point(problem, network, minimiser, name):
    """Refuse a network that is no smooth point of the minimiser's shape."""
    if len(weights_of(network)) != len(weights_of(minimiser)):
        raise InvalidInputError(f"{name} must have the shape of the minimiser, {minimiser}; got {network}.")
    problem.check_terms(network, name)
    try:
        refuse_kinks(problem, network)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: {error}") from error
