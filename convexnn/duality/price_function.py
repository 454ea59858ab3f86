"""The part that the price functions of one output and of several share: their making, and their coordinates.

``g(u) = ||N^T (X u)_+||`` depends on the lines that the rows of X span and on nothing else: rows of zero weight go,
parallel rows become one line, antipodal rows leave a linear term behind because ``(-z)_+ = (z)_+ - z``, and the
directions orthogonal to every row go by a rotation into the row space. What is left is

    ``g(u) = scale * || linear q + sum_l coefficients_l (lines_l . q)_+ ||``,   ``q = basis^T u``,

with ``sum ||coefficients_l||`` of order one; for one output the norm is an absolute value. Everything dropped on the
way is accounted for in `slack`. Rows that are nearly parallel to one line are stretched apart first (`common_line`):
`basis` is then not orthonormal.

A price function has these verbs, and `pricing` searches with nothing else:
`starts` where ascents begin, `climb` from there to local maxima, `halve` cones of a branch and bound, `heights` of
points, and a `cheap_bound` where no search is made; `auto_work` is what a proof of ``"auto"`` may cost.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._utils.norms import nonzero, unit_rows
from ..exceptions import InvalidInputError
from .ascent import random_starts
from .common_line import BALL_GROWTH, CommonLine, Poles, common_line, poles

PARALLEL_DECIMALS = 13  # unit rows that agree in 13 decimals are one line; what that costs is in the slack
MIN_RANK_SINGULAR_VALUE = 1e-13  # directions with a singular value below this share of the largest leave the row space
MAX_IDENTITY_INPUTS = 2000  # long rows stay in the coordinates of the inputs, up to so many or as many as rows
MAX_START_ENTRIES = 300_000  # random starts times lines: long data have fewer starts
MIN_STARTS = 16  # there are at least 16 random starts, however long the data are
MIN_START_SIZE = 1e-12  # a given unit direction whose projection is shorter is orthogonal to the rows but for rounding


@dataclass(frozen=True, kw_only=True)
class PriceFunction:
    """``g(u) / scale`` in the coordinates of `basis`, correct to `slack` everywhere on the unit ball.

    Attributes
    ----------
    lines : ndarray of shape (n_lines, rank)
        Unit rows, except for one output on huge data.
    coefficients : ndarray of shape (n_lines,) or (n_lines, n_axes)
    linear : ndarray of shape (rank,) or (n_axes, rank)
    basis : ndarray of shape (n_inputs, rank), orthonormal columns
    scale : float
    slack : float
        Bound on ``|g(u) / scale - (the reduced function)|`` over the unit ball, float64 rounding included.
    stretched : Stretched or None
        How the coordinates differ from those of an orthonormal basis, where the rows are nearly parallel.
    """

    lines: np.ndarray
    coefficients: np.ndarray
    linear: np.ndarray
    basis: np.ndarray
    scale: float
    slack: float
    stretched: "Stretched | None" = None

    odd = None  # the linear function by which f and its antipode differ, where there is one
    cover_slack = 0.0  # what leaving out antipodes may cost by rounding

    @property
    def rank(self):
        """Dimension of the space that is searched."""
        return self.basis.shape[1]

    @property
    def has_cheap_nodes(self):
        """Whether a tree that nobody insists on may be begun: its first cones are bounded in a moment."""
        return True

    @property
    def is_nothing(self):
        """Whether nothing is left to search: all has cancelled, or is below the smallest number."""
        return self.rank == 0 or self.scale == 0.0

    @cached_property
    def transposed(self):
        """The lines as columns, contiguous: kernels run along them with vector instructions."""
        return np.ascontiguousarray(self.lines.T)

    def heights(self, points):
        """Return the values ``g / scale`` of the reduced function, at least 0, at the rows of `points` (K, rank)."""
        outputs = points @ self.linear.T + np.maximum(points @ self.lines.T, 0.0) @ self.coefficients
        return np.abs(outputs) if outputs.ndim == 1 else np.linalg.norm(outputs, axis=1)

    def starts(self, directions, n_random, rng=None):
        """Return the given directions (K, n_inputs) and random ones, fewer on long data, in the coordinates here.

        Without `rng` the random ones are always the same.
        """
        n_random = min(n_random, max(MIN_STARTS, MAX_START_ENTRIES // max(1, len(self.lines))))
        random = random_starts(self, n_random, np.random.default_rng(0) if rng is None else rng)
        return np.vstack([self.reduce(directions), random])

    def reduce(self, directions):
        """Return the unit vectors along `directions` (K, n_inputs) in the coordinates of `basis`, (K, rank).

        A direction orthogonal to every line becomes the first axis, as good a place to start from as any.
        """
        if directions is None:
            return np.zeros((0, self.rank))
        reduced = directions @ (self.basis if self.stretched is None else self.stretched.dual_basis)
        sizes = np.linalg.norm(reduced, axis=1)
        reduced[sizes <= MIN_START_SIZE] = np.eye(1, self.rank)
        return reduced / np.where(sizes > MIN_START_SIZE, sizes, 1.0)[:, None]

    def expand(self, points):
        """Return the unit vectors of shape (K, n_inputs) whose coordinates are `points` (K, rank)."""
        directions = points @ self.basis.T
        return directions / np.linalg.norm(directions, axis=1)[:, None]

    def bound(self, upper):
        """Return a bound on ``|g| / scale`` over the unit ball from one on the reduced function over its own."""
        return upper if self.stretched is None else max(BALL_GROWTH * upper, self.stretched.poles.bound / self.scale)

    def level(self, level):
        """Return the value of the reduced function from which on the unit ball may hold the value `level` of g."""
        return level / self.scale if self.stretched is None else level / self.scale / BALL_GROWTH

    def lengthened(self, points, values):
        """Return the values ``g / scale`` at the unit vectors along `points`, from those of the reduced function."""
        if self.stretched is None:
            return values
        return values / nonzero(np.linalg.norm(points @ self.basis.T, axis=1))


@dataclass(frozen=True)
class Stretched:
    """How stretched coordinates come about, and what is known where they do not lead.

    Attributes
    ----------
    dual_basis : ndarray of shape (n_inputs, rank)
        ``dual_basis^T basis`` is the identity.
    poles : Poles
        In the caller's coordinates and units.
    """

    dual_basis: np.ndarray
    poles: Poles


def posed(reduced, X, dual_point, units, norms):
    """Return the price function of X and a dual point, the rows stretched apart where they are nearly parallel.

    ``reduced(X, dual_point, units, norms)`` makes it of rows as they are, given as unit rows and norms.
    """
    columns = dual_point.reshape(len(norms), -1)
    used = np.any(columns != 0.0, axis=1) & (norms > 0.0)
    line = common_line(X, units, used) if np.any(used) else None
    if line is None:
        return reduced(X, dual_point, units, norms)
    total_size(dual_point, norms)  # refuses what overflows, which stretched rows may hide
    function = reduced(line.rows, dual_point, *unit_rows(line.rows))
    # Rows that cancel once they are stretched leave nothing to search: take them as they are.
    if function.rank == 0:
        return reduced(X, dual_point, units, norms)
    return _stretch(function, line, poles(line, X, columns))


def _stretch(function, line: CommonLine, ends: Poles):
    """Return the price function of the rows that `line` has stretched apart as one of the rows themselves."""
    stretched = Stretched(line.stretched(function.basis, line.stretch), ends)
    return replace(function, basis=line.stretched(function.basis, 1.0 / line.stretch), stretched=stretched)


def total_size(dual_point, norms):
    """Return ``nu_i ||x_i||`` over a power of two, the sum of their norms, and the sum in the caller's units.

    The factors may be of any size, as long as that sum is a number: `InvalidInputError`.
    """
    columns = dual_point.reshape(len(norms), -1)
    # Mantissas and exponents apart: |nu_i| ||x_i|| may overflow or underflow where the sum is a fine number.
    (nu, nu_exponents), (sizes, exponents) = np.frexp(columns), np.frexp(norms[:, None])
    products, exponents = nu * sizes, nu_exponents + exponents
    largest = int(exponents[products != 0.0].max(initial=-4000))
    weights = np.ldexp(products, np.maximum(exponents - largest, -2000))
    total = np.linalg.norm(weights, axis=1).sum()
    with np.errstate(over="ignore"):
        scale = float(np.ldexp(total, largest))
    if not np.isfinite(scale):
        raise InvalidInputError(
            f"X and the dual point are too large: the sum of |nu_i| ||x_i|| overflows float64 (largest entry of nu "
            f"{np.abs(dual_point).max():g}, largest row norm {norms.max():g}). Divide one of them."
        )
    return weights.reshape(dual_point.shape), total, scale


def is_wide(units):
    """Whether rows are so wide that their space is worth finding: an identity of their width would be too large."""
    return units.shape[1] > max(len(units), MAX_IDENTITY_INPUTS)


def in_row_space(units, weights):
    """Return the lines of unit rows in coordinates of the space that they span.

    Parameters
    ----------
    units : ndarray of shape (n, n_inputs)
    weights : ndarray of shape (n,) or (n, n_axes)

    Returns
    -------
    parts : dict
        The lines, coefficients, linear term and basis of a `PriceFunction`.
    merging, leaving : float
        Bounds on the change of g by merging parallel rows, and by leaving out the part orthogonal to the basis.
    """
    lines, coefficients, linear, merging = _merge_parallel(units, weights)
    basis, leaving = _row_space(lines, coefficients, linear)
    reduced = lines @ basis
    lengths = np.linalg.norm(reduced, axis=1)
    reduced /= lengths[:, None]
    parts = {
        "lines": np.ascontiguousarray(reduced),
        "coefficients": coefficients * _as_factors(lengths, coefficients),
        "linear": linear @ basis,
        "basis": basis,
    }
    return parts, merging, leaving


def _merge_parallel(units, weights):
    """Return one unit row per line, the coefficients of each, the linear term and the error that merging made."""
    # Orient every row by its largest entry, so that antipodal rows agree in decimals.
    pivots = np.abs(units).argmax(axis=1)
    orientation = np.sign(units[np.arange(len(units)), pivots])
    oriented = orientation[:, None] * units
    _, first, line = np.unique(
        np.round(oriented, PARALLEL_DECIMALS) + 0.0, axis=0, return_index=True, return_inverse=True
    )
    line = line.reshape(-1)
    lines = oriented[first]
    sums = [np.bincount(line, column, len(first)) for column in weights.reshape(len(units), -1).T]
    coefficients = np.stack(sums, axis=1).reshape(-1, *weights.shape[1:])
    # (-z)_+ = (z)_+ - z: a row that was turned around leaves a linear term behind.
    linear = -(weights * _as_factors(orientation < 0, weights)).T @ oriented
    # |(x u)_+ - (y u)_+| <= ||x - y|| on the ball for a row x and the line y that stands for it; doubled, to be safe.
    slack = 2.0 * float(_sizes(weights) @ np.linalg.norm(oriented - lines[line], axis=1))
    sizes = _sizes(coefficients)
    # Lines whose coefficients have cancelled go; what rounding left of them is in the slack.
    gone = sizes <= np.finfo(float).eps
    slack += float(sizes[gone].sum())
    return lines[~gone], coefficients[~gone], linear, slack


def _row_space(lines, coefficients, linear):
    """Return an orthonormal basis of the space the lines span, and what leaving the rest out can cost."""
    linear = np.atleast_2d(linear)
    # The linear term counts like one more line: it may point out of the span of the lines that are left.
    spanning = np.vstack([lines, linear / max(np.linalg.norm(linear), np.finfo(float).tiny)])
    _, values, rotation = np.linalg.svd(spanning, full_matrices=False)
    rank = int(np.sum(values > MIN_RANK_SINGULAR_VALUE * max(values[0], 1e-300)))  # 0 when everything has cancelled
    basis = rotation[:rank].T
    cost = _sizes(coefficients) @ np.linalg.norm(lines - (lines @ basis) @ basis.T, axis=1)
    cost += np.linalg.norm(linear - (linear @ basis) @ basis.T)
    return basis, float(cost)


def _sizes(coefficients):
    """The absolute value, or the norm, of every coefficient."""
    return np.abs(coefficients) if coefficients.ndim == 1 else np.linalg.norm(coefficients, axis=1)


def _as_factors(one_a_row, coefficients):
    """Return one number a row in the shape in which it multiplies the coefficients."""
    return one_a_row.reshape(-1, *[1] * (coefficients.ndim - 1))
