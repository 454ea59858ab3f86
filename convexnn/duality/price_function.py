"""The function to be priced, in its smallest form.

``g(u) = nu^T (X u)_+`` depends on the lines that the rows of X span and on nothing else: rows of zero weight go,
parallel rows become one line, antipodal rows leave a linear term behind because ``(-z)_+ = (z)_+ - z``, and the
directions orthogonal to every row go by a rotation into the row space. What is left is

    ``g(u) = scale * (linear . q + sum_l coefficients_l (lines_l . q)_+)``,   ``q = basis^T u``,

with unit lines and ``sum |coefficients|`` of order one. Everything dropped on the way is accounted for in `slack`.
Rows that are nearly parallel to one line are stretched apart first (`common_line`): `basis` is then not orthonormal.
Long data are neither merged nor rotated, and huge data (`convexnn._utils.row_blocks`) are the lines as they came, of
any length.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._utils.norms import nonzero
from .._utils.row_blocks import is_huge, is_long, row_blocks
from ..exceptions import InvalidInputError
from .branch_and_bound import MAX_RANK
from .common_line import GROWTH, CommonLine, Poles, common_line, poles

PARALLEL_DECIMALS = 13
RANK_TOLERANCE = 1e-13


@dataclass(frozen=True)
class PriceFunction:
    """``g(u) / scale`` in the coordinates of `basis`, correct to `slack` everywhere on the unit ball.

    Attributes
    ----------
    lines : ndarray of shape (n_lines, rank), unit rows except on huge data
    lengths : ndarray of shape (n_lines,)
        Norms of the lines.
    coefficients : ndarray of shape (n_lines,)
    linear : ndarray of shape (rank,)
    basis : ndarray of shape (n_inputs, rank), orthonormal columns
    scale : float
    slack : float
        Bound on ``|g(u) / scale - (the reduced function)|`` over the unit ball, float64 rounding included.
    stretched : Stretched or None
        How the coordinates differ from those of an orthonormal basis, where the rows are nearly parallel.
    """

    lines: np.ndarray
    lengths: np.ndarray
    coefficients: np.ndarray
    linear: np.ndarray
    basis: np.ndarray
    scale: float
    slack: float
    stretched: "Stretched | None" = None

    @property
    def rank(self):
        """Dimension of the space that is searched."""
        return self.basis.shape[1]

    @cached_property
    def transposed(self):
        """The lines as columns, contiguous: kernels run along them with vector instructions."""
        return np.ascontiguousarray(self.lines.T)

    @property
    def is_long(self):
        """Whether the lines are so many that to read them all is what an ascent costs."""
        return is_long(self.lines)

    @property
    def total(self):
        """``||linear|| + sum |coefficients| lengths``: no value of f on the unit ball is larger."""
        return float(np.linalg.norm(self.linear) + np.abs(self.coefficients) @ self.lengths)

    def reduce(self, directions):
        """Return the unit vectors along `directions` (K, n_inputs) in the coordinates of `basis`, (K, rank).

        A direction orthogonal to every line becomes the first axis, as good a place to start from as any.
        """
        if directions is None:
            return np.zeros((0, self.rank))
        reduced = directions @ (self.basis if self.stretched is None else self.stretched.dual_basis)
        sizes = np.linalg.norm(reduced, axis=1)
        reduced[sizes <= 1e-12] = np.eye(1, self.rank)
        return reduced / np.where(sizes > 1e-12, sizes, 1.0)[:, None]

    def expand(self, points):
        """Return the unit vectors of shape (K, n_inputs) whose coordinates are `points` (K, rank)."""
        directions = points @ self.basis.T
        return directions / np.linalg.norm(directions, axis=1)[:, None]

    def bound(self, upper):
        """Return a bound on ``|g| / scale`` over the unit ball from one on the reduced function over its own."""
        return upper if self.stretched is None else max(GROWTH * upper, self.stretched.poles.bound / self.scale)

    def level(self, level):
        """Return the value of the reduced function from which on the unit ball may hold the value `level` of g."""
        return level / self.scale if self.stretched is None else level / self.scale / GROWTH

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


def stretch(function, line: CommonLine, ends: Poles):
    """Return the price function of the rows that `line` has stretched apart as one of the rows themselves."""
    stretched = Stretched(line.stretched(function.basis, line.stretch), ends)
    return replace(function, basis=line.stretched(function.basis, 1.0 / line.stretch), stretched=stretched)


def unit_rows(rows):
    """Return the nonzero rows divided by their norms (zero rows stay zero) and the norms."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scaled = rows / np.where(largest > 0, largest, 1.0)[:, None]
    norms = np.linalg.norm(scaled, axis=1)
    return scaled / np.where(norms > 0, norms, 1.0)[:, None], largest * norms


def price_rows(X):
    """Return what the lines of every price function of X are, its unit rows or huge data as they came, and the norms.

    Huge data of few columns are made unit rows all the same: a tree may have to search them.
    """
    if is_huge(X) and X.shape[1] > MAX_RANK:
        size = max(float(X.max()), -float(X.min()), np.finfo(float).tiny)
        norms = [np.linalg.norm(rows / size, axis=1) for _, rows in row_blocks(X)]
        return X, size * np.concatenate(norms)
    return unit_rows(X.astype(np.float64, copy=False))


def price_function(X, nu, rows=None):
    """Return the `PriceFunction` of ``nu^T (X u)_+`` for `X` (n_samples, n_inputs) and `nu` (n_samples,).

    `rows` are the `price_rows` of X where the caller has them.
    """
    units, norms = price_rows(X) if rows is None else rows
    used = (nu != 0.0) & (norms > 0.0)
    line = None if is_long(units) or not np.any(used) else common_line(X, units, used)
    if line is None:
        return _reduced(X, nu, units, norms)
    total_size(nu, norms)  # refuses what overflows, which stretched rows may hide
    function = _reduced(line.rows, nu, *unit_rows(line.rows))
    if function.rank == 0:
        return _reduced(X, nu, units, norms)
    return stretch(function, line, poles(line, X, nu[:, None]))


def _reduced(X, nu, units, norms):
    """Return the `PriceFunction` of rows given as unit rows and norms."""
    if not np.any((nu != 0.0) & (norms > 0.0)):
        none = np.zeros(0)
        return PriceFunction(np.zeros((0, 0)), none, none, none, np.zeros((X.shape[1], 0)), 0.0, 0.0)
    weights, total, scale = total_size(nu, norms)
    eps = np.finfo(float).eps
    if is_long(units):
        slack = 4.0 * eps * (len(units) + X.shape[1] + 8)
        lengths = norms if units is X else (norms > 0).astype(float)
        coefficients = np.divide(weights, total * lengths, out=np.zeros(len(weights)), where=lengths > 0)
        none, axes = np.zeros(X.shape[1]), np.eye(X.shape[1])
        return PriceFunction(units, lengths, coefficients, none, axes, scale, slack)
    keep = weights != 0.0
    lines, coefficients, linear, slack = _merge_parallel(units[keep], weights[keep] / total)
    basis, loss = row_space(lines, coefficients, linear)
    slack += loss + 4.0 * eps * (int(keep.sum()) + X.shape[1] + 8)
    reduced = lines @ basis
    lengths = np.linalg.norm(reduced, axis=1)
    reduced /= lengths[:, None]
    coefficients = coefficients * lengths
    lines = np.ascontiguousarray(reduced)
    return PriceFunction(lines, np.ones(len(lines)), coefficients, linear @ basis, basis, scale, slack)


def total_size(dual_point, norms):
    """Return ``nu_i ||x_i||`` over a power of two, the sum of their norms, and the sum in the caller's units.

    The factors may be of any size, as long as that sum is a number: `InvalidInputError`.
    """
    columns = dual_point.reshape(len(norms), -1)
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


def _merge_parallel(units, weights):
    """Return one unit row per line, the coefficient of each, the linear term and the error that merging made."""
    pivots = np.abs(units).argmax(axis=1)
    orientation = np.sign(units[np.arange(len(units)), pivots])
    oriented = orientation[:, None] * units
    _, first, line = np.unique(
        np.round(oriented, PARALLEL_DECIMALS) + 0.0, axis=0, return_index=True, return_inverse=True
    )
    line = line.reshape(-1)
    lines = oriented[first]
    coefficients = np.bincount(line, weights, len(lines))
    linear = -(weights * (orientation < 0)) @ oriented
    slack = 2.0 * float(np.abs(weights) @ np.linalg.norm(oriented - lines[line], axis=1))
    gone = np.abs(coefficients) <= np.finfo(float).eps
    slack += float(np.abs(coefficients[gone]).sum())
    return lines[~gone], coefficients[~gone], linear, slack


def row_space(lines, coefficients, linear):
    """Return an orthonormal basis of the space the lines span, and what leaving the rest out can cost.

    `linear` has shape (n_inputs,) or (n_axes, n_inputs).
    """
    linear = np.atleast_2d(linear)
    spanning = np.vstack([lines, linear / max(np.linalg.norm(linear), np.finfo(float).tiny)])
    _, values, rotation = np.linalg.svd(spanning, full_matrices=False)
    rank = int(np.sum(values > RANK_TOLERANCE * max(values[0], 1e-300)))  # 0 when everything has cancelled
    basis = rotation[:rank].T
    cost = np.abs(coefficients) @ np.linalg.norm(lines - (lines @ basis) @ basis.T, axis=1)
    cost += np.linalg.norm(linear - (linear @ basis) @ basis.T)
    return basis, float(cost)
