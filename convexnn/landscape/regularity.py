"""How regular a function is over some points, seen from its minimisers: six ratios, and records of bounds on them.

Conventions
-----------
gap : ``f(w) - f*``;  away : ``w - w*``, with w* the minimiser given, or the nearest one where there are many.
With a term g that has a proximal operator the function is ``F = f + g``; the gradient mapping
``G(w) = L (w - prox_{g/L}(w - grad f(w) / L))`` takes the place of the gradient, and
``D(w) = -2 L min_v (<grad f(w), v - w> + L/2 ||v - w||^2 + g(v) - g(w))`` that of its square. Both are the usual ones
where g is 0.

At every point of any function ``secant = (growth + strong) / 2 = quasi * growth / 2``, ``error bound >= secant`` and,
without g, ``error bound^2 = PL * growth`` (with a convex g at most that). So the smallest ratios over any points
keep ``secant >= (growth + strong) / 2``, ``secant >= quasi * growth / 2``, ``error bound >= secant`` and, without g,
``error bound^2 >= PL * growth``. Two more need something of the function: ``PL >= error bound^2 / L`` a gap of at most
``L/2 ||away||^2``, and ``growth >= PL`` the inequality on whole paths of the gradient flow, which samples do not see.
Source: Karimi, Nutini, Schmidt, Linear convergence of gradient and proximal-gradient methods under the
Polyak-Lojasiewicz condition (ECML PKDD 2016, arXiv 1608.04636), theorem 2 and section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.validation import check_positive
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._weights import network_at, pose_at, weights_of
from .curvature import gradient_of, refuse_kinks

# Below a relative gap of 1e-13 to the minimum the ratios are rounding.
GAP_ROUNDING = 1e-13
# Within 1e-6 of its minimiser, relatively, a point whose gap is rounding may be that minimiser, rounded.
NEAR = 1e-6
# Values at nearest minimisers may differ by 1e-8 of the largest value, as their projection is rounded.
MINIMISERS_APART = 1e-8
# The constants, as people call them.
CONSTANTS = {
    "pl": "PL",
    "weak_quasi_convexity": "weak quasi-convexity",
    "restricted_secant": "restricted secant",
    "error_bound": "error bound",
    "quadratic_growth": "quadratic growth",
    "weak_strong_convexity": "weak strong convexity",
}

Function = Callable[[np.ndarray], float]
Map = Callable[[np.ndarray], ArrayLike]
Proximal = tuple[Function, Callable[[np.ndarray, float], ArrayLike], float]


@dataclass(frozen=True, repr=False)
class _Constants(Shown):
    """The six constants, whichever side they are known from."""

    pl: float
    weak_quasi_convexity: float
    restricted_secant: float
    error_bound: float
    quadratic_growth: float
    weak_strong_convexity: float

    def _figures(self):
        """Return the pairs (name, figure)."""
        return [(title, f"{getattr(self, name):.4g}") for name, title in CONSTANTS.items()]

    def _line(self, remark):
        return f"{type(self).__name__}({', '.join(f'{title} {figure}' for title, figure in self._figures())}, {remark})"


@dataclass(frozen=True, repr=False)
class RegularityConstants(_Constants):
    """The smallest ratios over the points; the function has no larger constants there.

    Attributes
    ----------
    pl : float
        ``1/2 ||grad||^2 / (f - f*)``, Polyak-Lojasiewicz.
    weak_quasi_convexity : float
        ``<grad, w - w*> / (f - f*)``; at most 0 where a gradient step leads away from the minimiser.
    restricted_secant : float
        ``<grad, w - w*> / ||w - w*||^2``.
    error_bound : float
        ``||grad|| / ||w - w*||``.
    quadratic_growth : float
        ``(f - f*) / (1/2 ||w - w*||^2)``.
    weak_strong_convexity : float
        ``(f* - f - <grad, w* - w>) / (1/2 ||w - w*||^2)``, also called quasi-strong convexity; negative where the
        tangent at w is above f* at w*.
    n_points : int
        Points that counted; those whose value is the minimum are left out of the first two.
    is_proximal : bool
        Whether they are those of ``f + g``, with the gradient mapping in the place of the gradient, and with
        ``1/2 D`` in the place of ``1/2 ||grad||^2`` in the first (proximal PL); see `function_regularity`.
    """

    n_points: int
    is_proximal: bool = False

    def __repr__(self):
        return self._line(f"over {self.n_points} points")

    def _shown(self):
        kind = " of a function with a proximal term" if self.is_proximal else ""
        return f"RegularityConstants{kind}: bounds from above", [*self._figures(), ("points", str(self.n_points))]


@dataclass(frozen=True, repr=False)
class RegularityBounds(_Constants):
    """Lower bounds that follow from assumptions, on the constants that `RegularityConstants` describes.

    A bound of 0 says nothing, and neither does a negative one on weak strong convexity.

    Attributes
    ----------
    pl, weak_quasi_convexity, restricted_secant, error_bound, quadratic_growth, weak_strong_convexity : float
        As in `RegularityConstants`, at most the smallest ratio over any points that meet the assumptions.
    assumptions : tuple of str
        What the bounds follow from.
    """

    assumptions: tuple[str, ...]

    def __repr__(self):
        return self._line(f"given {len(self.assumptions)} assumptions")

    def _shown(self):
        given = [(f"assumption {k}", text) for k, text in enumerate(self.assumptions, 1)]
        return "RegularityBounds: bounds from below", [*self._figures(), *given]


def regularity_constants(
    points: Sequence[TwoLayerReLU], minimiser: TwoLayerReLU, X: ArrayLike, y: ArrayLike, beta: float, **options: Any
) -> RegularityConstants:
    """Regularity of the objective of networks over some of them, in all their weights.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. The smallest
    ratios found are returned, bounds from above on the constants of any region with these points. Permuted neurons are
    other weights: all ratios but the first are about the minimiser that is given.

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
    value: Function,
    gradient: Map,
    points: ArrayLike,
    minimiser: ArrayLike | Map,
    *,
    proximal: Proximal | None = None,
) -> RegularityConstants:
    """Regularity of any function over some points, see `RegularityConstants`.

    Parameters
    ----------
    value, gradient : callable
        Functions of a vector of shape (n_weights,) that return a float, and an array of that shape.
    points : array-like of shape (n_points, n_weights)
    minimiser : array-like of shape (n_weights,), or callable
        The point of least value. Where there are many such points, a function that returns the one nearest to a
        vector: distances are then those to the set of minimisers, as in the literature. That it is the nearest is not
        checked. With a single one of many minimisers the constants are about that one: all but the first are smaller.
    proximal : tuple (g, prox, smoothness), optional
        For the function ``value + g``: g returns a float, and ``prox(v, step)`` the minimiser of
        ``step g(w) + 1/2 ||w - v||^2``, of shape (n_weights,); `smoothness` is L, a Lipschitz constant of the
        gradient (not checked). The gradient mapping ``L (w - prox(w - grad / L, 1 / L))`` takes the place of the
        gradient, and the first constant is that of proximal PL, ``1/2 D / (f + g - minimum)`` with
        ``D = -2 L min_v (<grad, v - w> + L/2 ||v - w||^2 + g(v) - g(w))``.

    Returns
    -------
    RegularityConstants

    Raises
    ------
    ValueError
        For shapes that do not match, when a point is lower than the minimiser, when no point is above it, when
        minimisers have different values, and where g is not finite.

    References
    ----------
    Karimi, Nutini, Schmidt, *Linear convergence of gradient and proximal-gradient methods under the Polyak-Lojasiewicz
    condition*, ECML PKDD 2016.

    Examples
    --------
    >>> points = [[1.0, 0.0], [3.0, 4.0]]
    >>> function_regularity(lambda w: w @ w, lambda w: 2 * w, points, [0.0, 0.0])
    RegularityConstants(PL 2, weak quasi-convexity 2, restricted secant 2, error bound 2, quadratic growth 2, \
weak strong convexity 2, over 2 points)

    The minimisers of ``1/2 w_1^2`` are a line:

    >>> onto_the_line = lambda w: [0.0, w[1]]
    >>> function_regularity(lambda w: w[0] ** 2 / 2, lambda w: [w[0], 0.0], points, onto_the_line).quadratic_growth
    1.0
    """
    points = np.asarray(points, dtype=float)
    nearest = _nearest_minimisers(points, minimiser)
    terms = (value,) if proximal is None else (value, proximal[0])
    heights, lows = (np.array([sum(term(w) for term in terms) for w in at]) for at in (points, nearest))
    lowest = np.broadcast_to(lows, len(points))
    if not (np.all(np.isfinite(heights)) and np.all(np.isfinite(lows))):
        raise InvalidInputError("value, and g with it, must be finite at the points and at the minimiser; it is not.")
    gaps, sizes = heights - lowest, np.maximum(np.abs(lowest), np.abs(heights))
    if np.ptp(lows) > MINIMISERS_APART * sizes.max():
        raise InvalidInputError(
            f"minimiser must return points of least value; their values go from {lows.min():g} to {lows.max():g}."
        )
    rounding = GAP_ROUNDING * sizes
    if np.any(gaps < -rounding):
        raise InvalidInputError(
            f"minimiser must have the least value; points[{gaps.argmin()}] is lower by {-gaps.min():g}."
        )
    slopes = np.array([gradient(point) for point in points], dtype=float)
    squares = np.sum(slopes**2, axis=1)
    if proximal is not None:
        slopes, squares = _gradient_mapping(points, slopes, proximal)
    return _smallest_ratios(points, nearest, gaps, rounding, slopes, squares, is_proximal=proximal is not None)


def _nearest_minimisers(points, minimiser):
    """Return the minimiser of every point, or the only one, as rows."""
    nearest = np.array([minimiser(point) for point in points] if callable(minimiser) else [minimiser], dtype=float)
    if nearest.ndim != 2 or points.ndim != 2 or points.shape[1] != nearest.shape[1] or len(points) == 0:
        raise InvalidInputError(
            f"points and minimiser must have shapes (n_points, n_weights) and (n_weights,), n_points above 0; got "
            f"{points.shape} and {nearest.shape[1:]}."
        )
    return nearest


def _gradient_mapping(points, slopes, proximal):
    """Return the gradient mappings, and the decreases D that take the place of the squares, at every point."""
    term, prox, smoothness = proximal
    smoothness = check_positive(smoothness, "smoothness, the third entry of proximal,")
    moved = np.array([prox(w - slope / smoothness, 1.0 / smoothness) for w, slope in zip(points, slopes, strict=True)])
    if moved.shape != points.shape:
        raise InvalidInputError(f"prox must return arrays of shape {points.shape[1:]}; got {moved.shape[1:]}.")
    steps = moved - points
    rise = np.array([term(new) - term(old) for new, old in zip(moved, points, strict=True)])
    # D = -2 L (<grad f, step> + L/2 ||step||^2 + g(new) - g(old)).
    model = np.sum(slopes * steps, axis=1) + 0.5 * smoothness * np.sum(steps**2, axis=1) + rise
    return -smoothness * steps, -2.0 * smoothness * model


def _smallest_ratios(points, nearest, gaps, rounding, slopes, squares, is_proximal):
    """Return the smallest of every ratio over the points."""
    away, sizes = points - nearest, np.sum(points**2, axis=1) + np.sum(nearest**2, axis=1)
    distances, inner = np.sum(away**2, axis=1), np.sum(slopes * away, axis=1)
    # Ratios with a gap below rounding, or at the minimiser itself, say nothing.
    above = gaps > rounding
    apart = above & (distances > 0) | (distances > NEAR**2 * sizes)
    if not above.any():
        raise InvalidInputError("points must have at least one that is above the minimiser; all have its value.")
    distances, lengths = distances[apart], np.sqrt(np.sum(slopes[apart] ** 2, axis=1))
    return RegularityConstants(
        pl=float(np.min(0.5 * squares[above] / gaps[above])),
        weak_quasi_convexity=float(np.min(inner[above] / gaps[above])),
        restricted_secant=float(np.min(inner[apart] / distances)),
        error_bound=float(np.min(lengths / np.sqrt(distances))),
        quadratic_growth=float(np.min(2.0 * gaps[apart] / distances)),
        weak_strong_convexity=float(np.min(2.0 * (inner[apart] - gaps[apart]) / distances)),
        n_points=int(np.count_nonzero(apart)),
        is_proximal=is_proximal,
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
