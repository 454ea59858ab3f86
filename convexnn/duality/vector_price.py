"""The price function of several outputs in its smallest form.

``g(u) = ||N^T (X u)_+||`` stays the same when N is rotated to its principal axes, of which those it does not reach go.
As for one output, rows without weight go, parallel rows become one line, antipodal rows leave a linear term behind,
and directions orthogonal to every row go by a rotation into the row space:

    ``g(u) = scale * || linear q + sum_l coefficients_l (lines_l . q)_+ ||``,   ``q = basis^T u``,

with unit lines, coefficients_l in R^k and ``sum ||coefficients_l||`` of order one. What is dropped counts in `slack`.
"""

from dataclasses import dataclass

import numpy as np

from .common_line import common_line, poles
from .price_function import PARALLEL_DECIMALS, PriceFunction, Stretched, row_space, stretch, total_size, unit_rows

FLAT = 1e-14  # singular values of N below this, relative to the largest, are dropped


@dataclass(frozen=True)
class VectorPriceFunction:
    """``g(u) / scale`` in the coordinates of `basis`, correct to `slack` everywhere on the unit ball.

    Attributes
    ----------
    lines : ndarray of shape (n_lines, rank), unit rows
    coefficients : ndarray of shape (n_lines, n_axes)
    linear : ndarray of shape (n_axes, rank)
    axes : ndarray of shape (n_outputs, n_axes), orthonormal columns
        The principal axes of N.
    basis : ndarray of shape (n_inputs, rank), orthonormal columns
    scale : float
    slack : float
        Bound on ``|g(u) / scale - (the reduced function)|`` over the unit ball, float64 rounding included.
    stretched : Stretched or None
        As in `PriceFunction`.
    """

    lines: np.ndarray
    coefficients: np.ndarray
    linear: np.ndarray
    axes: np.ndarray
    basis: np.ndarray
    scale: float
    slack: float
    stretched: Stretched | None = None

    @property
    def rank(self):
        """Dimension of the space that is searched."""
        return self.basis.shape[1]

    @property
    def n_axes(self):
        """Number of outputs that count."""
        return self.axes.shape[1]

    @property
    def sizes(self):
        """``||coefficients_l||`` of every line."""
        return np.linalg.norm(self.coefficients, axis=1)

    def along(self, axis):
        """Return the scalar `PriceFunction` of ``a . (...)`` for a unit vector a of shape (n_axes,)."""
        ones, coefficients = np.ones(len(self.lines)), self.coefficients @ axis
        return PriceFunction(self.lines, ones, coefficients, axis @ self.linear, self.basis, self.scale, self.slack)

    def reduce(self, directions):
        """Return the unit vectors along `directions` (K, n_inputs) in the coordinates of `basis`, (K, rank)."""
        return PriceFunction.reduce(self, directions)

    def expand(self, points):
        """Return the unit vectors of shape (K, n_inputs) whose coordinates are `points` (K, rank)."""
        return PriceFunction.expand(self, points)

    def bound(self, upper):
        """Return a bound on ``g / scale`` over the unit ball from one on the reduced function over its own."""
        return PriceFunction.bound(self, upper)

    def level(self, level):
        """Return the value of the reduced function from which on the unit ball may hold the value `level` of g."""
        return PriceFunction.level(self, level)

    def lengthened(self, points, values):
        """Return the values ``g / scale`` at the unit vectors along `points`, from those of the reduced function."""
        return PriceFunction.lengthened(self, points, values)


def vector_price_function(X, dual_point):
    """Return the `VectorPriceFunction` of ``||N^T (X u)_+||`` for X (n, n_inputs) and N (n, n_outputs)."""
    units, norms = unit_rows(X)
    used = np.any(dual_point != 0.0, axis=1) & (norms > 0.0)
    line = common_line(X, units, used) if np.any(used) else None
    if line is None:
        return _reduced(X, dual_point, units, norms)
    total_size(dual_point, norms)  # refuses what overflows, which stretched rows may hide
    function = _reduced(line.rows, dual_point, *unit_rows(line.rows))
    if function.rank == 0:
        return _reduced(X, dual_point, units, norms)
    return stretch(function, line, poles(line, X, dual_point))


def _reduced(X, dual_point, units, norms):
    """Return the `VectorPriceFunction` of rows given as unit rows and norms."""
    if not np.any(np.any(dual_point != 0.0, axis=1) & (norms > 0.0)):
        return _nothing(X.shape[1], dual_point.shape[1])
    weights, total, scale = total_size(dual_point, norms)
    if scale == 0.0:
        return _nothing(X.shape[1], dual_point.shape[1])
    _, values, rotation = np.linalg.svd(weights, full_matrices=False)
    axes = rotation[values > FLAT * values[0]].T
    reduced = weights @ axes
    slack = float(np.linalg.norm(weights - reduced @ axes.T, axis=1).sum()) / total
    keep = np.any(reduced != 0.0, axis=1)
    lines, coefficients, linear, loss = _merge_parallel(units[keep], reduced[keep] / total)
    slack += loss + 4.0 * np.finfo(float).eps * (int(keep.sum()) + X.shape[1] + 8) * np.sqrt(axes.shape[1])
    basis, loss = row_space(lines, np.linalg.norm(coefficients, axis=1), linear)
    shortened = lines @ basis
    lengths = np.linalg.norm(shortened, axis=1)
    lines = np.ascontiguousarray(shortened / lengths[:, None])
    return VectorPriceFunction(lines, coefficients * lengths[:, None], linear @ basis, axes, basis, scale, slack + loss)


def _nothing(n_inputs, n_outputs):
    """The price function that is zero."""
    none = np.zeros((0, 0))
    return VectorPriceFunction(none, none, none, np.zeros((n_outputs, 0)), np.zeros((n_inputs, 0)), 0.0, 0.0)


def _merge_parallel(units, weights):
    """Return one unit row per line, the coefficients of each, the linear term and the error that merging made."""
    pivots = np.abs(units).argmax(axis=1)
    orientation = np.sign(units[np.arange(len(units)), pivots])
    oriented = orientation[:, None] * units
    _, first, line = np.unique(
        np.round(oriented, PARALLEL_DECIMALS) + 0.0, axis=0, return_index=True, return_inverse=True
    )
    line = line.reshape(-1)
    lines, coefficients = oriented[first], np.zeros((len(first), weights.shape[1]))
    np.add.at(coefficients, line, weights)
    linear = -(weights * (orientation < 0)[:, None]).T @ oriented
    sizes = np.linalg.norm(coefficients, axis=1)
    slack = 2.0 * float(np.linalg.norm(weights, axis=1) @ np.linalg.norm(oriented - lines[line], axis=1))
    gone = sizes <= np.finfo(float).eps
    return lines[~gone], coefficients[~gone], linear, slack + float(sizes[gone].sum())
