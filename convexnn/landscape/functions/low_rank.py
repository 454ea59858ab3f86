"""Squared distances from measurements of a matrix of low rank, in its factors: one set of derivatives for all of them.

Conventions
-----------
factors : U (n, rank), the matrix is ``U diag(s) U^T`` with the signs s; or U (n, rank) and V (k, rank), it is U V^T.
residuals : (n_measurements,), of the measurements ``<A_i, matrix>`` from the targets.
pull : (n, k), ``sum_i residual_i A_i``.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.norms import nonzero, norms
from ..._utils.validation import check_count, finite_array
from ...exceptions import InvalidInputError
from .._weights import check_not_negative
from .base import SmoothFunction

# A minimiser that is given has the value 0 when it is below 1e-20 of the value of the zero factors.
ZERO_VALUE = 1e-20


class LowRankFunction(SmoothFunction):
    """The squared residuals of linear measurements of a matrix, as a function of its factors.

    Symmetric: ``share/4 sum_i (<A_i, U diag(s) U^T> - b_i)^2``, plus ``beta/2 ||U||^2``, plus
    ``row_penalty sum_i (||u_i|| - row_bound)_+^4`` over the rows u_i of U.
    Else: ``share/2 sum_i (<A_i, U V^T> - b_i)^2 + balance/8 ||U^T U - V^T V||^2``, plus the same penalties on (U, V).
    With share 1 and balance 1 the second is half of the first in the stacked factor, up to a constant, where all
    entries of the matrices are measured.

    Attributes
    ----------
    rank : int
        Number of columns of the factors.
    targets : ndarray of shape (n_measurements,)
    """

    share: float
    signs: np.ndarray
    beta: float = 0.0
    balance: float = 1.0
    row_penalty: float = 0.0
    row_bound: float = 0.0

    def __init__(
        self, n_rows: int, n_columns: int, rank: int, targets: np.ndarray, size: float, *, symmetric: bool
    ) -> None:
        # `size` is the norm of all A_i together.
        self.rank = check_count(rank, "rank")
        self.symmetric = symmetric
        self.targets = targets
        self.signs = np.ones(self.rank)
        sizes = (n_rows,) if symmetric else (n_rows, n_columns)
        self.shapes = tuple((n, self.rank) for n in sizes)
        # Random factors whose measurements are of the size of the targets: E <A, U U^T>^2 is 2 rank ||A||^2 in their
        # scale to the fourth, but for a trace.
        reach = size * np.sqrt(2.0 * self.rank)
        scale = float(np.sqrt(np.linalg.norm(targets) / reach)) if reach > 0 else 0.0
        self.start_scale = scale or 1.0

    @abstractmethod
    def measurements(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return ``<A_i, left right^T>``, of shape (n_measurements,)."""

    @abstractmethod
    def slopes(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the derivatives ``A_i right`` by left and ``A_i^T left`` by right, one array a measurement."""

    @abstractmethod
    def pull(self, residuals: np.ndarray) -> np.ndarray:
        """Return ``sum_i residual_i A_i``, of shape (n_rows, n_columns)."""

    def matrix(self, weights: ArrayLike) -> np.ndarray:
        """Return the matrix of the factors at these weights."""
        left, right = self._sides(weights)
        return left @ right.T

    def residuals(self, weights: ArrayLike) -> np.ndarray:
        """Return the residuals of the measurements, of shape (n_measurements,)."""
        return self.measurements(*self._sides(weights)) - self.targets

    def value(self, weights: ArrayLike) -> float:
        """Return the value at weights of shape (n_weights,)."""
        stacked, residuals = self._stacked(weights), self.residuals(weights)
        value = self._weight * float(residuals @ residuals) + 0.5 * self.beta * float(np.sum(stacked**2))
        if not self.symmetric:
            value += self.balance / 8.0 * float(np.sum(self._imbalance(stacked)[1] ** 2))
        return value + self.row_penalty * float(np.sum(self._overhang(stacked) ** 4))

    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return the gradient, of shape (n_weights,)."""
        stacked = self._stacked(weights)
        gradient = (
            2.0 * self._weight * (self.residuals(weights) @ self._jacobian(weights)) + self.beta * stacked.ravel()
        )
        if not self.symmetric:
            mirrored, imbalance = self._imbalance(stacked)
            gradient += 0.5 * self.balance * (mirrored @ imbalance).ravel()
        outwards = stacked / nonzero(norms(stacked))[:, None]
        return gradient + 4.0 * self.row_penalty * (self._overhang(stacked)[:, None] ** 3 * outwards).ravel()

    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return the Hessian, symmetric, of shape (n_weights, n_weights)."""
        stacked, jacobian, pull = self._stacked(weights), self._jacobian(weights), self.pull(self.residuals(weights))
        if self.symmetric:
            mixed = pull + pull.T
        else:
            corners = np.zeros((len(pull), len(pull))), np.zeros((pull.shape[1], pull.shape[1]))
            mixed = np.block([[corners[0], pull], [pull.T, corners[1]]])
        hessian = 2.0 * self._weight * (jacobian.T @ jacobian + np.kron(mixed, np.diag(self.signs)))
        hessian[np.diag_indices_from(hessian)] += self.beta
        if not self.symmetric and self.balance > 0:
            hessian += self._balance_hessian(stacked)
        if self.row_penalty > 0:
            self._add_row_hessians(hessian, stacked)
        return hessian

    def aligned(self, weights: ArrayLike, minimiser: ArrayLike) -> np.ndarray:
        """Return the minimiser with its columns rotated to be as near as possible to the weights (Procrustes)."""
        if np.any(self.signs != self.signs[0]):
            raise InvalidInputError("output_weights must have one sign: others leave no rotations of the columns.")
        stacked, best = self._stacked(weights), self._stacked(minimiser)
        outer, _, inner = np.linalg.svd(best.T @ stacked)
        return (best @ outer @ inner).ravel()

    def _set_minimiser(self, minimiser):
        """Keep weights that were given as a minimiser, with their value if it is the least possible, 0."""
        if minimiser is not None:
            self.minimiser = self.pack(*self.unpack(minimiser))
            if self.value(self.minimiser) <= ZERO_VALUE * self.value(np.zeros(self.n_weights)):
                self.optimal_value = 0.0

    @property
    def _weight(self):
        """What every squared residual is multiplied by."""
        return self.share / (4.0 if self.symmetric else 2.0)

    def _sides(self, weights):
        """Return left and right, whose product is the matrix."""
        factors = self.unpack(weights)
        return (factors[0], factors[0] * self.signs) if self.symmetric else factors

    def _stacked(self, weights):
        """Return all factors on top of each other, of shape (n_rows (+ n_columns), rank)."""
        return np.vstack(self.unpack(weights))

    def _jacobian(self, weights):
        """Return the derivatives of the measurements, of shape (n_measurements, n_weights)."""
        by_left, by_right = self.slopes(*self._sides(weights))
        if self.symmetric:
            return (by_left + by_right * self.signs).reshape(len(by_left), -1)
        return np.hstack([by_left.reshape(len(by_left), -1), by_right.reshape(len(by_right), -1)])

    def _imbalance(self, stacked):
        """Return (U; -V), and ``U^T U - V^T V``."""
        mirrored = stacked.copy()
        mirrored[self.shapes[0][0] :] *= -1.0
        return mirrored, stacked.T @ mirrored

    def _balance_hessian(self, stacked):
        """Return the Hessian of ``balance/8 ||U^T U - V^T V||^2``."""
        mirrored, imbalance = self._imbalance(stacked)
        units = np.eye(self.rank)
        # The derivative of the entry (a, b) of the imbalance by the entry (i, c) of the stacked factor.
        half = np.einsum("ac,ib->abic", units, mirrored)
        bends = (half + half.transpose(1, 0, 2, 3)).reshape(self.rank**2, -1)
        side = np.where(np.arange(len(stacked)) < self.shapes[0][0], 1.0, -1.0)
        return self.balance * (0.5 * np.kron(np.diag(side), imbalance) + 0.25 * bends.T @ bends)

    def _overhang(self, stacked):
        """Return by how much the norm of every row is above its bound."""
        return np.maximum(norms(stacked) - self.row_bound, 0.0)

    def _add_row_hessians(self, hessian, stacked):
        """Add the Hessian of ``row_penalty sum_i (||u_i|| - row_bound)_+^4``, in place: a block for every long row."""
        over, lengths = self._overhang(stacked), norms(stacked)
        for i in np.flatnonzero(over > 0):
            along = np.outer(stacked[i], stacked[i]) / lengths[i] ** 2
            block = slice(i * self.rank, (i + 1) * self.rank)
            across = (np.eye(self.rank) - along) * over[i] ** 3 / lengths[i]
            hessian[block, block] += self.row_penalty * (12.0 * over[i] ** 2 * along + 4.0 * across)


class EntriesFunction(LowRankFunction):
    """A `LowRankFunction` whose measurements are entries of the matrix."""

    def __init__(self, matrix: np.ndarray, mask: np.ndarray, rank: int, *, symmetric: bool) -> None:
        self.entries, (n_rows, n_columns) = np.nonzero(mask), mask.shape
        targets = matrix[self.entries]
        super().__init__(n_rows, n_columns, rank, targets, len(targets) ** 0.5, symmetric=symmetric)

    def measurements(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the measured entries of ``left right^T``, of shape (n_measurements,)."""
        rows, columns = self.entries
        return np.sum(left[rows] * right[columns], axis=1)

    def slopes(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the derivatives of the measured entries by left and by right, one array a measurement."""
        rows, columns = self.entries
        numbers = np.arange(len(rows))
        by_left, by_right = (np.zeros((len(rows), *side.shape)) for side in (left, right))
        by_left[numbers, rows], by_right[numbers, columns] = right[columns], left[rows]
        return by_left, by_right

    def pull(self, residuals: np.ndarray) -> np.ndarray:
        """Return the residuals at their entries, 0 elsewhere."""
        pull = np.zeros((self.shapes[0][0], self.shapes[-1][0]))
        pull[self.entries] = residuals
        return pull


class MeasuredFunction(LowRankFunction):
    """A `LowRankFunction` whose measurements are inner products with given matrices."""

    def __init__(self, A: np.ndarray, targets: np.ndarray, rank: int, *, symmetric: bool) -> None:
        self.A, (_, n_rows, n_columns) = A, A.shape
        super().__init__(n_rows, n_columns, rank, targets, float(np.linalg.norm(A)), symmetric=symmetric)

    def measurements(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return ``<A_i, left right^T>``, of shape (n_measurements,)."""
        return self.A.reshape(len(self.A), -1) @ (left @ right.T).ravel()

    def slopes(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``A_i right`` and ``A_i^T left``, one array a measurement."""
        return self.A @ right, self.A.transpose(0, 2, 1) @ left

    def pull(self, residuals: np.ndarray) -> np.ndarray:
        """Return ``sum_i residual_i A_i``, of shape (n_rows, n_columns)."""
        return np.tensordot(residuals, self.A, axes=1)


def check_measurements(A: ArrayLike, symmetric: bool) -> np.ndarray:
    """Return the matrices of the measurements as a finite array of shape (n_measurements, n_rows, n_columns)."""
    A = finite_array(A, "A")
    if A.ndim != 3 or A.size == 0 or (symmetric and A.shape[1] != A.shape[2]):
        wanted = "(n_measurements, n, n)" if symmetric else "(n_measurements, n_rows, n_columns)"
        raise InvalidInputError(f"A must have shape {wanted}, none of them 0; got {A.shape}.")
    return A


def check_penalty(row_penalty: float, row_bound: float) -> tuple[float, float]:
    """Return the weight of the penalty on long rows, and the length that is free."""
    return check_not_negative(row_penalty, "row_penalty"), check_not_negative(row_bound, "row_bound")
