"""The price function of one output, ``g(u) = |nu^T (X u)_+|``, in its smallest form (see `price_function`).

Long data are neither merged nor rotated, and huge data (see `_utils.row_blocks`) are the lines as they came, of any
length.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.norms import unit_rows
from .._utils.row_blocks import is_huge, is_long, row_blocks
from .ascent import local_maxima
from .branch_and_bound import MAX_RANK
from .kernels.cones import split_cones
from .price_function import PriceFunction, in_row_space, is_wide, posed, total_size
from .records import AUTO_WORK
from .spectral import spectral_bound


@dataclass(frozen=True, kw_only=True)
class ScalarPrice(PriceFunction):
    """The `PriceFunction` of one output: coefficients (n_lines,), linear (rank,).

    Attributes
    ----------
    lengths : ndarray of shape (n_lines,)
        Norms of the lines.
    """

    lengths: np.ndarray

    auto_work = AUTO_WORK
    signs = (1, -1)  # f and -f are searched
    node_work = 5000  # nanoseconds of a cone besides what grows with the lines
    overestimate = 2.0  # the largest forecast of a tree that does end, over its work

    @property
    def is_long(self):
        """Whether the lines are so many that to read them all is what an ascent costs."""
        return is_long(self.lines)

    @property
    def total(self):
        """``||linear|| + sum |coefficients| lengths``: no value of f on the unit ball is larger."""
        return float(np.linalg.norm(self.linear) + np.abs(self.coefficients) @ self.lengths)

    @property
    def odd(self):
        """The vector of ``f(u) - f(-u) = 2 odd . u``."""
        return self.linear + 0.5 * self.coefficients @ self.lines

    @property
    def cover_slack(self):
        """Bound on ``f(-u) - f(u)`` for u on the side of `odd` as computed, in a basis that begins with it."""
        return 8.0 * np.finfo(float).eps * (len(self.lines) + self.rank + 8) * self.total

    def climb(self, starts, *, enough=np.inf, max_work=None, deadline=None, n_jobs=None):
        """Climb f and -f from every row of `starts` (K, rank); return points, signs and values (`local_maxima`).

        `max_work` limits the climbs of several outputs only.
        """
        return local_maxima(self, starts, enough=enough, deadline=deadline, n_jobs=n_jobs)

    def halve(self, sign, nodes, cut, halves, capped=False):
        """Write the two bounded halves of every cone of `nodes`, all of one sign, to `halves`; return the work.

        With `capped` nothing is asked of a half where f does not reach the cut.
        """
        return split_cones(
            self.lines, sign * self.coefficients, nodes.generators, nodes.active, nodes.settled, nodes.bound,
            nodes.point, cut, capped, halves.generators, halves.active, halves.settled, halves.bound, halves.value,
            halves.point, halves.convex,
        )  # fmt: skip

    def cheap_bound(self, tight=True, deadline=None):
        """Return a valid upper bound on |f| over the unit ball without a search, in units of the scale.

        `tight` is worth a trust-region problem.
        """
        return spectral_bound(self, deadline=deadline) if tight else self.total + self.slack


def price_rows(X):
    """Return what the lines of every price function of X are, its unit rows or huge data as they came, and the norms.

    Huge data of few columns are made unit rows all the same: a tree may have to search them.
    """
    if is_huge(X) and X.shape[1] > MAX_RANK and not is_wide(X):
        size = max(float(X.max()), -float(X.min()), np.finfo(float).tiny)
        norms = [np.linalg.norm(rows / size, axis=1) for _, rows in row_blocks(X)]
        return X, size * np.concatenate(norms)
    return unit_rows(X.astype(np.float64, copy=False))


def scalar_price_function(X, nu, rows=None):
    """Return the `ScalarPrice` of ``nu^T (X u)_+`` for `X` (n_samples, n_inputs) and `nu` (n_samples,).

    `rows` are the `price_rows` of X where the caller has them.
    """
    units, norms = price_rows(X) if rows is None else rows
    if is_long(units) and not is_wide(units):
        return _reduced(X, nu, units, norms)
    return posed(_reduced, X, nu, units, norms)


def _reduced(X, nu, units, norms):
    """Return the `ScalarPrice` of rows given as unit rows and norms."""
    if not np.any((nu != 0.0) & (norms > 0.0)):
        return _zero_function(X.shape[1])
    weights, total, scale = total_size(nu, norms)
    eps = np.finfo(float).eps
    if is_long(units) and not is_wide(units):
        lengths = norms if units is X else (norms > 0).astype(float)
        return ScalarPrice(
            lines=units,
            lengths=lengths,
            coefficients=np.divide(weights, total * lengths, out=np.zeros(len(weights)), where=lengths > 0),
            linear=np.zeros(X.shape[1]),
            basis=np.eye(X.shape[1]),
            scale=scale,
            slack=4.0 * eps * (len(units) + X.shape[1] + 8),
        )
    keep = weights != 0.0
    parts, merging, leaving = in_row_space(units[keep], weights[keep] / total)
    slack = merging + (leaving + 4.0 * eps * (int(keep.sum()) + X.shape[1] + 8))
    return ScalarPrice(**parts, lengths=np.ones(len(parts["lines"])), scale=scale, slack=slack)


def _zero_function(n_inputs):
    """The price function that is zero."""
    none, lines, basis = np.zeros(0), np.zeros((0, 0)), np.zeros((n_inputs, 0))
    return ScalarPrice(lines=lines, lengths=none, coefficients=none, linear=none, basis=basis, scale=0.0, slack=0.0)
