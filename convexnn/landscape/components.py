"""Exact numbers of components of the sublevel sets of the loss without weight decay, for small data in the plane.

A neuron is its output sign s and the vector w = |alpha| u: with these as coordinates a neuron lives in two planes that
share their origin, one for each sign, because a neuron without an output may turn freely. Between two neighbouring
rays perpendicular to rows, ``(X w)_+`` is linear. Where every neuron stays in one such cone the networks below a level
are a convex set, and the sublevel set is a finite union of convex sets: two of them belong together if they meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.optimize import nnls

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.norms import nonzero, norms
from .._utils.validation import check_count, check_design, check_vector
from ..exceptions import InvalidInputError

# Rays are one within an angle of 1e-14, and perpendicular to a row within that: rounding of parallel rows is smaller.
RAY_ROUNDING = 1e-14
# Levels are one within 1e-9 of the loss of the zero network.
LEVEL_ROUNDING = 1e-9
# Every network has one of (4 n)^m combinations of cones at most; 200 000 of them take some seconds.
MAX_COMBINATIONS = 200_000


@dataclass(frozen=True, repr=False)
class SublevelComponents(Shown):
    """How many components the sets of networks below a level of the loss have.

    Attributes
    ----------
    width : int
    levels : ndarray of shape (n_levels,)
        Increasing levels at which the number changes, the first at the least loss of this width.
    counts : ndarray of int of shape (n_levels,)
        Components of ``{loss <= t}`` for t from that level to below the next.
    """

    width: int
    levels: np.ndarray
    counts: np.ndarray

    def at(self, level: float) -> int:
        """Return the number of components of ``{loss <= level}``; 0 where it is empty."""
        position = np.searchsorted(self.levels, level, side="right") - 1
        return int(self.counts[position]) if position >= 0 else 0

    @property
    def connected(self) -> bool:
        """Whether every sublevel set is connected."""
        return bool(np.all(self.counts == 1))

    def __repr__(self):
        steps = ", ".join(f"{count} from {level:.6g}" for level, count in zip(self.levels, self.counts, strict=True))
        return f"SublevelComponents(width {self.width}: {steps})"

    def _shown(self):
        return f"SublevelComponents of width {self.width}: exact", [
            (f"from {level:.6g}", str(count)) for level, count in zip(self.levels, self.counts, strict=True)
        ]


def sublevel_components(X: ArrayLike, y: ArrayLike, width: int) -> SublevelComponents:
    """Count the components of every sublevel set of the squared loss without weight decay, by brute force.

    The sets are ``{(u_j, alpha_j): 1/2 sum_i (y_i - sum_j alpha_j (x_i . u_j)_+)^2 <= t}`` in the space of all weights:
    networks whose neurons are in another order are different points. From width n + 1 on every one is connected; with n
    neurons or fewer it need not be [1]_. All combinations of cones are enumerated, and every pair that meets is found
    by a non-negative least squares problem.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        With one or two features; a column of ones is a bias of the neurons.
    y : array-like of shape (n_samples,)
    width : int
        Number of neurons.

    Returns
    -------
    SublevelComponents
        Levels closer than 1e-9 of the loss of the zero network count as one, and rows within an angle of 1e-14 as
        parallel.

    Raises
    ------
    ValueError
        For bad input, more than two features, or more than 200 000 combinations of cones.

    References
    ----------
    .. [1] Q. Nguyen, "A note on connectivity of sublevel sets in deep learning", arXiv 2101.08576, 2021.

    Examples
    --------
    >>> from convexnn.landscape import sublevel_components
    >>> sublevel_components([[1.0], [-1.0]], [1.0, 1.0], 2)  # one neuron for either row, in one of two orders
    SublevelComponents(width 2: 2 from 0, 1 from 0.5)
    >>> sublevel_components([[1.0], [-1.0]], [1.0, 1.0], 3).connected
    True
    """
    X = check_design(X)
    y, width = check_vector(y, len(X), "y"), check_count(width, "width")
    if X.shape[1] > 2:
        raise InvalidInputError(f"X must have one or two features for its cones to be counted; got {X.shape[1]}.")
    rays = _rays(X)
    cells = [(sign, cone) for sign in (1, -1) for cone in _cones(rays)]
    if len(cells) ** width > MAX_COMBINATIONS:
        raise InvalidInputError(
            f"width must be smaller: {len(cells)} cones make {len(cells)}^{width} combinations for {width} neurons; "
            f"{MAX_COMBINATIONS} are allowed."
        )
    graph = _Graph(_activations(X, rays), y, cells, width)
    levels, counts = _counts(graph.edges(), graph.births(), LEVEL_ROUNDING * graph.zero_loss)
    return SublevelComponents(width, levels, counts)


def _rays(X):
    """Return unit vectors in which the cones end, in the order of their angles: (n_rays, n_features)."""
    if X.shape[1] == 1:
        return np.array([[1.0], [-1.0]])
    rows = X[norms(X) > 0]
    angles = np.arctan2(rows[:, 0], -rows[:, 1])  # of the vectors perpendicular to the rows
    angles = np.sort(np.append(angles, angles + np.pi) % (2 * np.pi))
    apart = np.diff(np.append(angles, angles[:1] + 2 * np.pi)) > RAY_ROUNDING
    angles = angles[apart] if apart.any() else np.zeros(1)
    if len(angles) <= 2:  # all rows on one line, or none: half planes are cut in two
        angles = angles[0] + np.pi / 2 * np.arange(4)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _cones(rays):
    """Return the cones as tuples of the numbers of their rays."""
    n_rays, n_features = rays.shape
    return [(k,) if n_features == 1 else (k, (k + 1) % n_rays) for k in range(n_rays)]


def _activations(X, rays):
    """Return ``(x_i . ray)_+``, exactly 0 where a ray is perpendicular to the row: (n_samples, n_rays)."""
    values = X @ rays.T
    return np.where(values > RAY_ROUNDING * norms(X)[:, None], values, 0.0)


class _Graph:
    """The combinations of cones, and the levels from which two of them meet."""

    def __init__(self, columns, y, cells, width):
        self.cells, self.width = cells, width
        self.zero_loss = 0.5 * float(y @ y)
        n_rays = columns.shape[1]
        self.bits = {(sign, ray): 1 << (ray + n_rays * (sign < 0)) for sign in (1, -1) for ray in range(n_rays)}
        signed = np.hstack([columns, -columns])
        lengths = norms(signed.T)

        @cache
        def least(rays):
            """The least loss of networks that are non-negative combinations of signed rays, given as bits."""
            chosen = [k for k in range(2 * n_rays) if rays >> k & 1 and lengths[k] > 0]
            if not chosen:
                return self.zero_loss
            return 0.5 * nnls(signed[:, chosen] / nonzero(lengths[chosen]), y)[1] ** 2

        self.least = least
        self.masks = [self._mask(sign, cone) for sign, cone in cells]

    def _mask(self, sign, rays):
        return sum(self.bits[sign, ray] for ray in rays)

    def births(self):
        """Levels from which the combinations of cones hold networks, in the order of `itertools.product`."""
        return np.array([self.least(_union(combination)) for combination in product(self.masks, repeat=self.width)])

    def edges(self):
        """Return the level, the first and the second combination of all pairs that meet with one neuron moved."""
        n_cells, found = len(self.cells), []
        doors = self._doors()
        for rest in product(range(n_cells), repeat=self.width - 1):
            others = _union(self.masks[cell] for cell in rest)
            ways = [(self.least(others | mask), first, second) for mask, first, second in doors]
            for j in range(self.width):
                # The number of a combination: its cells are digits, the first the highest.
                place = n_cells ** (self.width - 1 - j)
                digits = [*rest[:j], 0, *rest[j:]]
                base = sum(cell * n_cells ** (self.width - 1 - k) for k, cell in enumerate(digits))
                found.extend((level, base + first * place, base + second * place) for level, first, second in ways)
        levels, first, second = (np.array(column) for column in zip(*found, strict=True))
        return levels, first, second

    def _doors(self):
        """Return what two cells share, as bits of rays, and their numbers: a ray, or the zero neuron of all cells."""
        doors = [(0, 0, k) for k in range(1, len(self.cells))]
        for (i, (sign, cone)), (k, (other_sign, other)) in product(enumerate(self.cells), repeat=2):
            if i < k and sign == other_sign:
                doors.extend((self._mask(sign, [ray]), i, k) for ray in set(cone) & set(other))
        return doors


def _union(masks):
    union = 0
    for mask in masks:
        union |= mask
    return union


def _counts(edges, births, tolerance):
    """Return the levels at which the number of components changes, and the numbers."""
    levels, first, second = edges
    parents = np.arange(len(births))

    def root(k):
        while parents[k] != k:
            parents[k] = parents[parents[k]]
            k = parents[k]
        return k

    changes = [(level, 1) for level in births]
    for e in np.argsort(levels, kind="stable"):
        a, b = root(first[e]), root(second[e])
        if a != b:
            parents[max(a, b)] = min(a, b)
            changes.append((levels[e], -1))
    changes.sort()
    found, counts, count = [], [], 0
    for level, change in changes:
        if not found or level > found[-1] + tolerance:
            found.append(level if level > tolerance else 0.0)
            counts.append(count)
        count += change
        counts[-1] = count
    found, counts = np.array(found), np.array(counts)
    changed = np.append(True, np.diff(counts) != 0)
    return found[changed], counts[changed]
