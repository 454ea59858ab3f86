"""Dual points of networks on rows in blocks: functions of the rows, orthogonal to the free terms but for a leak.

``nu = -grad L(fit) - W Z c``, W being the room that the domain of the conjugate leaves. What rounding leaves of
``Z^T nu``, and may have hidden of it, is a bound on how far a real vector that is orthogonal to Z is from nu.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._utils.arrays import rows_of, with_doubles
from ..losses.several_outputs import loss_hessian
from .source import Block
from .sums import sum_over
from .weights import Weights, free_columns, loss_and_dual_point

EPS = np.finfo(float).eps
MAX_HESSIAN_WEIGHTS = 500  # so many weights of free terms move by Newton's method; more, one metric for every output
FREE_DAMPING_OVER_TRACE = 1e-12  # a share of the trace of a Hessian is added to its diagonal
MAX_FREE_PASSES = 12  # Newton steps of the free terms on all rows
MIN_FREE_FALL = 1e-12  # a step that lowers the loss by less than this share of it is the last
MAX_FREE_CONDITION = 1e11  # free terms of a larger condition cannot be told apart: no dual point but zero is proven


@dataclass(frozen=True)
class FreeCoordinates:
    """Columns that span what the free terms do, centred where there is an intercept, and of size one.

    Attributes
    ----------
    mean, size : ndarrays of shape (n_free,)
        A column z of the free terms becomes ``(z - mean) / size``.
    """

    mean: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, rows, terms):
        """Return the coordinates for the `Rows` of a source."""
        n_skip = rows.n_features if terms.skip_connection else 0
        mean, size = np.zeros(n_skip + terms.fit_intercept), np.ones(n_skip + terms.fit_intercept)
        if n_skip:
            mean[:n_skip] = rows.mean if terms.fit_intercept else 0.0
            spread = rows.spread if terms.fit_intercept else np.hypot(rows.mean, rows.spread)
            size[:n_skip] = np.where(spread > 0.0, spread, 1.0)
        return cls(mean, size)

    def columns(self, block, terms):
        """Return the columns at the rows of a block."""
        return (free_columns(block, terms) - self.mean) / self.size

    def weights(self, coefficients):
        """Return the weights of the free terms that have these coefficients here."""
        weights = coefficients / self.size[:, None]
        # The intercept, the last one, takes back what centring has moved; its own mean counts as zero.
        weights[-1:] -= self.mean @ weights
        return weights

    def coefficients(self, weights):
        """Return the coefficients here of weights of the free terms."""
        coefficients = weights * self.size[:, None]
        coefficients[-1:] += self.mean @ weights
        return coefficients

    def slopes(self, slopes):
        """Return the slopes in the coefficients, of those in the weights."""
        return (slopes - self.mean[:, None] * slopes[-1:]) / self.size[:, None]


class PointRows(NamedTuple):
    """What a `DualPoint` is at the rows of a block: the loss, and the fit, nu, the room W and the columns Z."""

    loss: float
    fit: np.ndarray
    nu: np.ndarray
    room: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True)
class DualPoint:
    """``nu = -grad L(fit) - W Z c``, a function of the rows.

    Attributes
    ----------
    weights : Weights
    coordinates : FreeCoordinates
    correction : ndarray of shape (n_free, n_outputs)
    leak : ndarray of shape (n_free, n_outputs)
        ``W |Z| leak`` bounds, entry by entry, how far a real vector that is orthogonal to Z is from nu.
    """

    weights: Weights
    coordinates: FreeCoordinates
    correction: np.ndarray
    leak: np.ndarray

    def at(self, block):
        """Return the `PointRows` of a block."""
        weights, terms = self.weights, self.weights.terms
        fit = weights.fit(with_doubles(block.X))
        value, nu = loss_and_dual_point(weights, block, fit)
        # Entries at an end of their domain have no room: a row of the softmax would lose its sum.
        nu = terms.loss.inside(block.y, nu.reshape(block.y.shape), block.weight).reshape(nu.shape)
        columns = self.coordinates.columns(block, terms)
        room = self._room(block, nu)
        return PointRows(value, fit, nu - room * (columns @ self.correction), room, columns)

    def _room(self, block, nu):
        """Return by how much the entries may move, about, in their domain."""
        shaped = nu.reshape(block.y.shape)
        weight = block.weight.reshape(-1, *[1] * (block.y.ndim - 1))
        return (weight * self.weights.terms.loss.room(block.y, shaped / weight)).reshape(nu.shape)

    def leaks(self, nu, room, columns):
        """Return the leak of every entry of nu."""
        leak = room * (np.abs(columns) @ self.leak)
        if self.weights.terms.loss.is_separable:
            return leak
        # Rows must add up to 0. Taking what is left of that off all entries of a row alike stays orthogonal to Z, since
        # the sums of the rows are so.
        n_columns = nu.shape[1]
        sums = np.abs(nu.sum(axis=1)) + n_columns * EPS * np.abs(nu).sum(axis=1) + leak.sum(axis=1)
        return leak + (sums / n_columns)[:, None]


def used(block):
    """Return a block without the rows of weight zero, which count for nothing."""
    keep = block.weight > 0.0
    return block if np.all(keep) else Block(rows_of(block.X, np.flatnonzero(keep)), block.y[keep], block.weight[keep])


def settle_free_terms(source, rows, weights):
    """Return weights whose free terms fit better, by Newton steps on all rows, and the `DualPoint` there."""
    coordinates = FreeCoordinates.of(rows, weights.terms)
    n_free = len(coordinates.mean)
    none = np.zeros((n_free, weights.n_outputs))
    best, value, step = weights, np.inf, none
    slope, gram = none, np.zeros((weights.n_outputs, n_free, n_free))
    for _ in range(MAX_FREE_PASSES if n_free else 0):
        there, *sums = sum_over(source.each(_free_sums, DualPoint(weights, coordinates, none, none)))
        if there < value:
            is_last = there > value - MIN_FREE_FALL * abs(value)
            best, value, (slope, hessian, gram, _) = weights, there, sums
            step = _newton_step(hessian, gram, slope)
            if step is None or is_last:
                break
        else:
            step = 0.5 * step
        weights = replace(best, free=best.free + coordinates.weights(step))
    correction = _solved(gram, slope)
    if correction is None:
        return best, None
    point = DualPoint(best, coordinates, correction, none)
    if n_free == 0:
        return best, point
    # What is left along the free terms: as far as it is seen, and as far as rounding may hide it.
    _, left, _, _, sizes = sum_over(source.each(_free_sums, point))
    depth = max(rows.counts) + len(rows.counts) + 8 + np.abs(coordinates.mean / coordinates.size)
    hidden = 4.0 * EPS * depth[:, None] * sizes
    leak = np.stack([np.abs(np.linalg.inv(one)) for one in gram]) @ (np.abs(left) + hidden).T[:, :, None]
    return best, replace(point, leak=1.01 * leak[:, :, 0].T)


def _newton_step(hessian, gram, slope):
    """Return the step of Newton's method, or of one metric for every output where the Hessian is too large for it."""
    if len(hessian) == 0:
        return _solved(gram, slope)
    size = np.trace(hessian)
    if not (np.isfinite(size) and size > 0.0):
        return None
    damped = hessian + FREE_DAMPING_OVER_TRACE * size * np.eye(len(hessian))
    return np.linalg.solve(damped, slope.ravel()).reshape(slope.shape)


def _solved(gram, slope):
    """Return ``gram_j^-1 slope_j`` for every output j, None where a matrix is nearly singular."""
    if slope.size == 0:
        return slope
    if not all(np.all(np.isfinite(one)) and np.linalg.cond(one) < MAX_FREE_CONDITION for one in gram):
        return None
    return np.stack([np.linalg.solve(one, column) for one, column in zip(gram, slope.T, strict=True)], axis=1)


def _free_sums(block, point):
    """Return the loss, ``Z^T nu``, its Hessian, ``Z^T W Z`` for every output, and ``|Z|^T |nu|``."""
    block = used(block)
    value, fit, nu, room, columns = point.at(block)
    gram = np.stack([(columns.T * one) @ columns for one in room.T])
    n_weights = columns.shape[1] * nu.shape[1]
    hessian = np.zeros((0, 0)) if n_weights > MAX_HESSIAN_WEIGHTS else _hessian(block, point, fit, columns)
    return value, columns.T @ nu, hessian, gram, np.abs(columns).T @ np.abs(nu)


def _hessian(block, point, fit, columns):
    """Return the Hessian of the loss of a block in the coefficients of the free terms."""
    loss, fit = point.weights.terms.loss, fit.reshape(block.y.shape)
    if block.y.ndim == 2:
        return loss_hessian(loss, block.y, fit, block.weight, columns)
    return (columns.T * (block.weight * loss.curvatures(block.y, fit))) @ columns
