"""The price function of several outputs, ``g(u) = ||N^T (X u)_+||``, in its smallest form (see `price_function`).

It stays the same when N is rotated to its principal axes, of which those it does not reach go.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from .._utils.norms import unit_rows
from .._utils.row_blocks import is_huge
from .._utils.validation import is_late
from .kernels.vector_cones import split_vector_cones
from .price_function import PriceFunction, in_row_space, is_wide, posed, total_size
from .records import VECTOR_WORK
from .scalar_price import ScalarPrice
from .spectral import spectral_bound
from .vector_ascent import vector_maxima

MIN_AXIS_SINGULAR_VALUE = 1e-14  # principal axes of N with singular values below this share of the largest are dropped
MAX_TREE_AXES = 60  # with 200 outputs that count the first cones take half a minute
CHEAP_BOUND_ROUNDING = 1e-12  # a cheap bound is raised by this share of itself for its norms and singular values


@dataclass(frozen=True, kw_only=True)
class VectorPrice(PriceFunction):
    """The `PriceFunction` of several outputs: coefficients (n_lines, n_axes), linear (n_axes, rank).

    Attributes
    ----------
    axes : ndarray of shape (n_outputs, n_axes), orthonormal columns
        The principal axes of N.
    """

    axes: np.ndarray

    auto_work = VECTOR_WORK
    signs = (1,)  # a norm has one sign
    node_work = 0  # nanoseconds of a cone besides what grows with the lines: next to nothing
    overestimate = 7.0  # the largest forecast of a tree that does end, over its work: the bounds hardly fall at first

    @property
    def n_axes(self):
        """Number of outputs that count."""
        return self.axes.shape[1]

    @property
    def has_cheap_nodes(self):
        """Whether outputs are few enough for a tree: the work of a cone grows with a power of their number."""
        return self.n_axes <= MAX_TREE_AXES

    @cached_property
    def sizes(self):
        """``||coefficients_l||`` of every line."""
        return np.linalg.norm(self.coefficients, axis=1)

    def along(self, axis):
        """Return the `ScalarPrice` of ``a . (...)`` for a unit vector a of shape (n_axes,)."""
        return ScalarPrice(
            lines=self.lines,
            lengths=np.ones(len(self.lines)),
            coefficients=self.coefficients @ axis,
            linear=axis @ self.linear,
            basis=self.basis,
            scale=self.scale,
            slack=self.slack,
        )

    def climb(self, starts, *, enough=np.inf, rough=False, max_work=None, deadline=None, n_jobs=None):
        """Climb from every row of `starts` (K, rank); return points, signs and values (`vector_maxima`).

        `enough` ends the climbs of one output only.
        """
        return vector_maxima(self, starts, rough=rough, max_work=max_work, deadline=deadline, n_jobs=n_jobs)

    def halve(self, sign, nodes, cut, halves, capped=False):
        """Write the two bounded halves of every cone of `nodes` to `halves`; return the work. The sign is 1.

        `capped` is a licence that is not used here.
        """
        return split_vector_cones(
            self.lines, self.coefficients, self.sizes, self.linear, nodes.generators, nodes.active, nodes.settled,
            nodes.bound, cut, halves.generators, halves.active, halves.settled, halves.bound, halves.value,
            halves.point, halves.convex,
        )  # fmt: skip

    def cheap_bound(self, tight=True, deadline=None):
        """Return a valid upper bound on F over the unit ball without a search, in units of the scale.

        The smallest of ``||linear|| + sum_l ||coefficients_l||``, of a bound by singular values,
        ``(z)_+ = (z + |z|) / 2`` with rows balanced, and where `tight` of the root of the sum of the squared spectral
        bounds of the principal axes.
        """
        lines, coefficients, sizes = self.lines, self.coefficients, self.sizes
        # ||N^T (X u)_+|| <= ||linear|| + sum_l ||n_l||, every line at its largest value.
        bounds = [np.linalg.norm(self.linear, 2) + float(sizes.sum())]
        root = np.sqrt(sizes)[:, None]
        if len(lines):
            # (z)_+ = (z + |z|) / 2, and ||sum_l n_l |x_l u||| <= ||sqrt(s) X|| ||N / sqrt(s)|| with s_l = ||n_l||.
            half = np.linalg.norm(self.linear + 0.5 * coefficients.T @ lines, 2)
            rest = np.linalg.norm(coefficients / np.maximum(root, np.finfo(float).tiny), 2)
            bounds.append(half + 0.5 * _norm_above(root * lines) * rest)
        if tight and not is_late(deadline) and not is_huge(lines):
            # ||F||^2 is the sum of the squares along the principal axes, each at most the square of its own bound.
            axes = np.eye(self.n_axes)
            bounds.append(float(np.linalg.norm([spectral_bound(self.along(a), deadline=deadline) for a in axes])))
        return float(min(bounds)) * (1.0 + CHEAP_BOUND_ROUNDING) + self.slack


def _norm_above(rows):
    """Return the spectral norm of `rows`, for huge data a bound that rounding of the Gram matrix does not pass."""
    if not is_huge(rows):
        return np.linalg.norm(rows, 2)
    # |rounding of X^T X| <= n eps |X|^T |X|, at most n eps times the sum of the squares.
    rounding = len(rows) * np.finfo(float).eps * float(np.sum(rows * rows))
    return float(np.sqrt(np.linalg.eigvalsh(rows.T @ rows)[-1] + 2.0 * rounding))


def vector_price_function(X, dual_point):
    """Return the `VectorPrice` of ``||N^T (X u)_+||`` for X (n, n_inputs) and N (n, n_outputs)."""
    units, norms = unit_rows(X.astype(np.float64, copy=False))
    return (_reduced if is_huge(X) else partial(posed, _reduced))(X, dual_point, units, norms)


def _reduced(X, dual_point, units, norms):
    """Return the `VectorPrice` of rows given as unit rows and norms."""
    if not np.any(np.any(dual_point != 0.0, axis=1) & (norms > 0.0)):
        return _zero_function(X.shape[1], dual_point.shape[1])
    weights, total, scale = total_size(dual_point, norms)
    if scale == 0.0:
        return _zero_function(X.shape[1], dual_point.shape[1])
    # ||N^T (X u)_+|| stays the same in the principal axes of N, of which small ones go, into the slack.
    _, values, rotation = np.linalg.svd(weights, full_matrices=False)
    axes = rotation[values > MIN_AXIS_SINGULAR_VALUE * values[0]].T
    reduced = weights @ axes
    slack = float(np.linalg.norm(weights - reduced @ axes.T, axis=1).sum()) / total
    rounding = 4.0 * np.finfo(float).eps * np.sqrt(axes.shape[1])
    if is_huge(units) and not is_wide(
        units
    ):  # nothing is merged, and no space is told: either costs more than the ascents
        parts = {"lines": units, "coefficients": reduced / total, "basis": np.eye(X.shape[1])}
        slack += rounding * (len(units) + X.shape[1] + 8)
        return VectorPrice(**parts, linear=np.zeros((axes.shape[1], X.shape[1])), axes=axes, scale=scale, slack=slack)
    keep = np.any(reduced != 0.0, axis=1)
    parts, merging, leaving = in_row_space(units[keep], reduced[keep] / total)
    slack += merging + rounding * (int(keep.sum()) + X.shape[1] + 8)
    return VectorPrice(**parts, axes=axes, scale=scale, slack=slack + leaving)


def _zero_function(n_inputs, n_outputs):
    """The price function that is zero."""
    none, axes, basis = np.zeros((0, 0)), np.zeros((n_outputs, 0)), np.zeros((n_inputs, 0))
    return VectorPrice(lines=none, coefficients=none, linear=none, axes=axes, basis=basis, scale=0.0, slack=0.0)
