"""What tells the saddles of a linear network apart: ranks of partial products, and lower points nearby.

Two layers i > j bend the loss through V_(i-1) ... V_(j+1), which lies between them, and through what lies around them,
V_(j-1) ... V_1 X' Y V_L ... V_(i+1). At a critical point whose product has rank r and is the best of that rank, there
is a direction of negative curvature if and only if both have a rank above r for some pair, a pivot that is not
tightened (Achour, Malgouyres, Gerchinovitz, 2024, for data in general position).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..._utils.validation import check_positive
from .linear_networks import LinearNetworkLoss, chain

# A lower point is looked for within 0.1 natural units of length, by 12 flat moves, each with 24 lengths of steps.
LOWER_RADIUS, N_MOVES, N_LENGTHS = 0.1, 12, 24
# Singular values below 1e-12 of the natural size are 0 in every second flat move; in the others those of rounding are.
EXACT = 1e-12
# A fall by less than 1e-13 of the natural unit of values is rounding.
VALUE_ROUNDING = 1e-13


class PartialRanks:
    """Numerical ranks of products of some of the matrices of a linear network.

    Parameters
    ----------
    loss : LinearNetworkLoss
    matrices : sequence of ndarray
    rounding : float
        Singular values below this share of the natural size count as 0.
    """

    def __init__(self, loss: LinearNetworkLoss, matrices: Sequence[np.ndarray], rounding: float) -> None:
        self.loss, self.matrices, self.rounding = loss, matrices, rounding

    @property
    def product(self) -> int:
        """Rank of V_L ... V_1."""
        return self._between(0, self.loss.n_layers)

    @property
    def middle(self) -> int:
        """Rank of V_(L-1) ... V_2; with one or two matrices, of the identity in their place."""
        return self._between(1, max(self.loss.n_layers - 1, 1))

    def pivots(self) -> Iterator[tuple[int, int]]:
        """Yield for every pair of layers the rank of what lies between them, and of what lies around them."""
        above, below = self.loss.factors(self.matrices)
        slope = self.loss.slope(np.zeros_like(self.loss.least_squares))
        for i in range(self.loss.n_layers):
            for j in range(i):
                around = above[i].T @ slope @ below[j].T
                n_around = j + self.loss.n_layers - 1 - i
                yield self._between(j + 1, i), self._rank(around, n_around, self.loss.slope_unit)

    def _between(self, start, stop):
        """Rank of the product of the matrices from `start` to the one before `stop`, counted from 0."""
        return self._rank(chain(self.matrices[start:stop], self.loss.layer_widths[start]), stop - start)

    def _rank(self, product, n_factors, unit=1.0):
        singular = np.linalg.svd(product, compute_uv=False)
        return int(np.count_nonzero(singular > self.rounding * unit * self.loss.size**n_factors))


def lower_point(loss: LinearNetworkLoss, weights: np.ndarray, radius: float, rounding: float) -> np.ndarray | None:
    """Return a point with a lower value near a critical point, or None where none was found.

    First a step along the gradient and the least curvature is tried, then flat moves: every matrix is changed at random
    such that the product stays as it is, and a step goes down from there.

    Parameters
    ----------
    loss : LinearNetworkLoss
    weights : ndarray of shape (n_weights,)
    radius : float
        The largest distance, in natural units of length (`LinearNetworkLoss.size`).
    rounding : float
        Singular values below this share of the natural size are rounding.
    """
    half = 0.5 * check_positive(radius, "radius") * loss.size
    limit = loss.value(weights) - VALUE_ROUNDING * max(loss.value_unit, loss.value(weights))
    rng = np.random.default_rng(0)  # which flat move is drawn decides nothing
    best = _step_down(loss, weights, half)
    for k in range(N_MOVES):
        if loss.value(best) < limit:
            return best
        best = _step_down(loss, flat_move(loss, weights, half, rng, EXACT if k % 2 else rounding), half)
    return best if loss.value(best) < limit else None


def flat_move(
    loss: LinearNetworkLoss, weights: np.ndarray, length: float, rng: np.random.Generator, rounding: float = EXACT
) -> np.ndarray:
    """Return weights at most this far away, at random, that have the same product.

    W_l may change by any D with ``above_l D below_l = 0``; the layers change one after another.
    """
    matrices = loss.matrices(weights)
    for l in range(loss.n_layers):
        above, below = loss.factors(matrices)
        rows = _row_space(above[l], rounding * loss.size ** (loss.n_layers - 1 - l))
        columns = _row_space(below[l].T, rounding * loss.size**l)
        change = rng.standard_normal(matrices[l].shape)
        change *= length / np.sqrt(loss.n_layers) / np.linalg.norm(change)
        matrices[l] = matrices[l] + change - rows @ (rows.T @ change @ columns) @ columns.T
    return loss.from_matrices(matrices)


def _row_space(matrix, rounding):
    """Return an orthonormal basis of the span of the rows, one vector a column."""
    _, singular, right = np.linalg.svd(matrix, full_matrices=False)
    return right[singular > rounding].T


def _step_down(loss, weights, length):
    """Return the lowest of the points along the gradient and along the least curvature, and of `weights` itself."""
    gradient = loss.gradient(weights)
    bend = np.linalg.eigh(loss.hessian(weights))[1][:, 0]
    directions = [-gradient / (np.linalg.norm(gradient) or 1.0), bend, -bend]
    lengths = length * 0.5 ** np.arange(N_LENGTHS)
    return min((weights, *(weights + t * d for d in directions for t in lengths)), key=loss.value)
