"""Where the neurons of optimal networks of several outputs can be: what a search proves about their directions.

With several outputs the directions at which the price of the optimal dual point N* is beta may be a continuum, and N*
is known to the duality gap only. Two facts hold all the same. The dual objective is strongly concave, so that N* is
close to the N at hand, and the price of every optimal direction at N is close to beta; and a branch and bound excludes
every cone of directions on which the price of N is lower. What is left covers the directions of all optimal networks.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.threads import thread_map
from .._utils.validation import is_late
from ..duality.branch_and_bound import Search
from ..duality.nodes import Nodes, orthants
from ..duality.pricing import price_function

FINE_CONE = 2e-3  # cones of directions whose generators are closer together, in radians, are cut no further
MAX_CONES = 40_000  # cutting ends when more cones are open
COVER_ROUNDING = 1e-9  # cones are excluded where the price is below the level by this share of beta
MAX_SAME_DIRECTION_ANGLE = 1e-3  # maximisers no further apart are one
MAX_LISTED = 1000  # so many maximisers are listed at most, as on a continuum
MAX_KINK_VALUE = 1e-7  # unit rows whose product with a direction is below this in size have their kink there
MIN_STRICT_SHARE = 1e-6  # a multiplier is inside its range, and a curvature negative, by more than this share
STATIONARY_SHARE = 1e-6  # a point is stationary where the slope on the sphere is below this share of the price
N_STARTS = 512  # random ascents besides those from the cones that are left


@dataclass(frozen=True)
class VectorDirections:
    """Directions that cover those of all optimal networks.

    Attributes
    ----------
    directions : ndarray of shape (K, n_inputs)
        Local maximisers of the price, of values no lower than `level`; no two within a thousandth of a radian.
    prices : ndarray of shape (K,)
        ``||N^T (X u)_+|| / beta`` at each.
    is_isolated : ndarray of bool of shape (K,)
        Whether sufficient conditions of the first and the second order say that it is a strict local maximum.
    level : float
        The directions of optimal networks have prices of at least this share of beta at the dual point at hand.
    radius : float
        All of these directions are within this angle, in radians, of a listed one; inf where that is not known.
    margin : float
        ``1 - v / beta`` for the largest local maximum v below `level` that ascents met; inf when they met none.
    """

    directions: np.ndarray
    prices: np.ndarray
    is_isolated: np.ndarray
    level: float
    radius: float
    margin: float


def dual_distance(problem, gap):
    """Return by how much the price of an optimal direction at N may be below beta, where N leaves this duality gap.

    With curvatures of the loss of at most s the dual objective is 1/s strongly concave:
    ``sum_i ||n_i - n*_i||^2 / w_i <= 2 s gap``, and ``||(N - N*)^T (X u)_+||`` is at most the root of that times the
    largest singular value of ``sqrt(w) X``.
    """
    size = np.linalg.norm(np.sqrt(problem.weight)[:, None] * problem.design, 2)
    return float(np.sqrt(2.0 * problem.loss.steepness * max(gap, 0.0)) * size)


def covering_directions(problem, dual_point, gap, starts, *, deadline=None, n_jobs=None):
    """Return the `VectorDirections` of a dual point (n_kept, n_outputs) whose duality gap is `gap`.

    `starts` (K, n_inputs) are directions to climb from besides those that the cones lead to.
    """
    design, beta = problem.design, problem.beta
    level = 1.0 - dual_distance(problem, gap) / beta - COVER_ROUNDING
    function = price_function(design, dual_point)
    if function.is_nothing:  # no direction is worth a neuron
        none = np.zeros((0, design.shape[1]))
        return VectorDirections(none, np.zeros(0), np.zeros(0, bool), level, 0.0 if level > 0.0 else np.inf, np.inf)
    cones = _cones_above(function, level * beta, deadline, n_jobs)
    centres = np.zeros((0, function.rank)) if cones is None else _centres(cones)
    climbed = np.vstack([function.starts(starts, N_STARTS), centres])
    points, _, heights = function.climb(climbed, deadline=deadline, n_jobs=n_jobs)
    prices = function.scale * function.lengthened(points, heights) / beta
    chosen = _apart(points, prices, level)
    below = prices[prices < level]
    directions = function.expand(points[chosen]) if len(chosen) else np.zeros((0, design.shape[1]))
    return VectorDirections(
        directions,
        prices[chosen],
        np.array([_is_strict(function, point) for point in points[chosen]], dtype=bool),
        level,
        np.inf if cones is None else _radius(cones, points[chosen]),
        1.0 - float(below.max()) if len(below) else np.inf,
    )


def _cones_above(function, level, deadline, n_jobs):
    """Return generators (K, rank, rank) of cones that cover all points of the price `level` or more; None if unknown.

    Every other cone is excluded by a valid bound, rounding included.
    """
    if function.stretched is not None or len(function.lines) == 0:
        return None
    if function.rank == 1:
        points = np.array([[1.0], [-1.0]])
        return points[function.heights(points) + function.slack >= level / function.scale][:, None]
    fine = []
    with thread_map(n_jobs) as run:
        cover = _Cover(function, run, 0.0, level / function.scale - function.slack, 0.0, 0.0, None)
        nodes = orthants(function)
        while 0 < len(nodes) and len(nodes) + sum(map(len, fine)) <= MAX_CONES and not is_late(deadline):
            halves = cover.split(nodes)
            nodes = halves.take(~(halves.bound <= cover.cut))
            is_fine = _angles(nodes.generators, nodes.generators[:, 0]).max(axis=1) <= FINE_CONE
            fine.append(nodes.take(is_fine))
            nodes = nodes.take(~is_fine)
    return Nodes.join([*fine, nodes]).generators


class _Cover(Search):
    """A search that excludes cones below one level, whatever values it meets."""

    @property
    def cut(self):
        """Bound at which a cone is excluded."""
        return self.level


def _angles(generators, points):
    """Return the angles (n_cones, rank) between the generators of every cone and its one of the points, all units."""
    # The chord: the arccosine of a cosine near one has half the digits.
    chords = np.linalg.norm(generators - points[:, None], axis=2)
    return 2.0 * np.arcsin(np.minimum(0.5 * chords, 1.0))


def _centres(cones):
    """Return unit vectors inside the cones, of not too many of them."""
    centres = cones[:: max(1, len(cones) // MAX_LISTED)].mean(axis=1)
    return centres / np.linalg.norm(centres, axis=1)[:, None]


def _apart(points, prices, level):
    """Return the numbers of points of at least the level, the highest first, no two of which are nearly the same."""
    chosen: list[int] = []
    for k in np.argsort(-prices, kind="stable"):
        if prices[k] < level or len(chosen) == MAX_LISTED:
            break
        if not chosen or np.linalg.norm(points[chosen] - points[k], axis=1).min() > MAX_SAME_DIRECTION_ANGLE:
            chosen.append(int(k))
    return np.array(chosen, dtype=int)


def _radius(cones, points):
    """Return the largest angle from a point of the cones to the nearest of the points; inf from 90 degrees on."""
    if len(cones) == 0:
        return 0.0
    nearest = np.full(len(cones), np.inf)
    for point in points:
        # A cap of less than a right angle is convex: it holds the cone if it holds its generators.
        nearest = np.minimum(nearest, _angles(cones, point[None]).max(axis=1))
    return float(nearest.max()) if nearest.max() < 0.5 * np.pi else np.inf


def _is_strict(function, point):
    """Whether sufficient conditions hold for a strict local maximum of the price on the sphere at `point`.

    Around the point ``h(v) = A v + sum_k n_k (x_k . v)_+`` over the rows x_k that have their kink there. With the unit
    vector a along h it is enough that (1) the x_k are independent and ``A^T a + sum_k c_k x_k`` is along the point for
    some c_k strictly between ``a . n_k`` and 0, so that the price falls at first order wherever a kink is left; (2) on
    the sphere within the kinks its curvature is negative.
    """
    values = function.lines @ point
    on, kinks = values > MAX_KINK_VALUE, np.abs(values) <= MAX_KINK_VALUE
    jacobian = function.linear + function.coefficients[on].T @ function.lines[on]
    output = jacobian @ point
    height = np.linalg.norm(output)
    unit, rows = output / height, function.lines[kinks]
    bends, rest = function.coefficients[kinks] @ unit, height * point - jacobian.T @ unit
    frame, sizes, _ = np.linalg.svd(np.column_stack([point, rows.T]))
    shares = np.linalg.lstsq(rows.T, rest, rcond=None)[0] if len(rows) else np.zeros(0)
    # c strictly between bends (negative: the kink is concave along a) and 0.
    room = MIN_STRICT_SHARE * height
    if not np.all((bends + room < shares) & (shares < -room)) or sizes.min() <= MIN_STRICT_SHARE:
        return False
    if np.linalg.norm(rest - rows.T @ shares) > STATIONARY_SHARE * height:
        return False
    # Second order along v: ||(I - a a^T) A v||^2 / height, less the height that the sphere takes off.
    within = jacobian @ frame[:, len(rows) + 1 :]
    across = within - np.outer(unit, unit @ within)
    return bool(np.linalg.norm(across, 2) ** 2 < (1.0 - MIN_STRICT_SHARE) * height**2) if across.size else True
