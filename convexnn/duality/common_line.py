"""Rows that nearly share one line, seen where double precision resolves them.

A constant column of 1e12 makes the rows ``x_i = s_i c + e_i`` parallel to twelve digits (c a unit vector, e_i
orthogonal to it). Let t be the largest ``||e_i|| / |s_i|``, the tangent of the widest angle to the line. A direction u
at the poles, ``|c . u| >= t ||u - (c . u) c||``, has every row on one side: there the price is linear, and its largest
value is the norm of a sum. Elsewhere the component along c takes next to nothing of the unit ball, so that it may be
counted ``stretch = 1 / (STRETCHED_COTANGENT t)`` times as large as it is: in these coordinates the rows are
``s_i / stretch c + e_i``, ordinary data, and the ball is larger by a factor of `BALL_GROWTH` at most. In this way

    ``max over the ball <= max(BALL_GROWTH * max over the ball of the stretched coordinates, the poles)``,

and every direction in the stretched ball is one of the ball, so that what is found is reached.
The e_i are computed from ``x_i - (x_i . c) c`` with the product exact, to the last digits of what is left.
"""

import math
from dataclasses import dataclass

import numpy as np

from .._utils.double_double import two_product

STRETCHED_COTANGENT = 4096.0  # rows at angles below 1 / 4096 to one line are stretched until the widest is that
BALL_GROWTH = math.sqrt(1.0 + STRETCHED_COTANGENT**-2)  # the ball grows by a factor of at most 1 + 3e-8
MIN_TANGENT = 1e-20  # a smaller tangent of the widest angle is rounding: the rows are one line


@dataclass(frozen=True)
class CommonLine:
    """The line that all rows in use are nearly parallel to.

    Attributes
    ----------
    axis : ndarray of shape (n_inputs,)
        One of the rows over a power of two, so that rows equal to it leave nothing.
    stretch : float
        Factor of the component of a direction along the axis.
    tangent : float
        Tangent of the widest angle between a row and the axis, rounded up.
    rows : ndarray of shape (n_samples, n_inputs)
        The rows as stretched directions see them; zero where a row is not in use.
    sides : ndarray of shape (n_samples,)
        1 and -1 for the rows along and against the axis, 0 for those not in use.
    """

    axis: np.ndarray
    stretch: float
    tangent: float
    rows: np.ndarray
    sides: np.ndarray

    def stretched(self, basis, factor):
        """Return the columns of `basis` (n_inputs, r) with their components along the axis multiplied by `factor`.

        A part orthogonal to the axis is so to the last digits of its small entries too: hence the second pass.
        """
        across = basis
        for _ in range(2):
            across = across - np.outer(self.axis, _along(across.T, self.axis))
        return across + factor * np.outer(self.axis, _along(basis.T, self.axis))


@dataclass(frozen=True)
class Poles:
    """The price in the directions that see every row from one side.

    Attributes
    ----------
    directions : ndarray of shape (K, n_inputs)
        Unit maximisers there, as far as they lie there.
    outputs : ndarray of shape (K, n_outputs)
        ``N^T (X u)_+`` at these.
    bound : float
        A bound on ``||N^T (X u)_+||`` at the poles; 0 where the rest of the ball has larger values.
    """

    directions: np.ndarray
    outputs: np.ndarray
    bound: float


def common_line(X, units, used):
    """Return the `CommonLine` of the rows `used` (n_samples,) of X, or None where they are not that close to a line.

    `units` are the rows divided by their norms.
    """
    first = int(np.argmax(used))
    if np.abs(units[used] @ units[first]).min() < 1.0 - STRETCHED_COTANGENT**-2:  # the quick way out of ordinary data
        return None
    axis, _ = power_scaled(X[first])
    rows, exponent = power_scaled(X)
    # x_i = s_i c + e_i; the product s_i c is exact, so that e_i has its own digits and not those of x_i.
    multiples = _along(rows, axis)
    high, low = two_product(multiples[:, None], axis)
    rest = (rows - high) - low
    # What rounding of s_i has left of c in e_i goes back to s_i.
    shift = _along(rest, axis)
    rest -= np.outer(shift, axis)
    multiples = np.where(used, multiples + shift, 0.0)
    rest[~used] = 0.0
    tangents = np.linalg.norm(rest[used], axis=1) / np.abs(multiples[used])
    tangent = float(tangents.max() / np.linalg.norm(axis)) * (1.0 + 1e-12)
    if not MIN_TANGENT < tangent < 1.0 / STRETCHED_COTANGENT:
        return None
    stretch = 1.0 / (STRETCHED_COTANGENT * tangent)
    seen = np.ldexp(rest + np.outer(multiples / stretch, axis), exponent)
    return CommonLine(axis, stretch, tangent, seen, np.sign(multiples))


def poles(line, X, dual_point):
    """Return the `Poles` of the price of `dual_point` (n_samples, n_outputs) at the data X."""
    directions, outputs, bound = [], [], 0.0
    for side in (1.0, -1.0):
        total, exponent = column_sums(X, np.where((line.sides == side)[:, None], dual_point, 0.0))
        # On one side of the rows the price is linear: its largest value is a singular value of the sum.
        _, values, right = np.linalg.svd(total, full_matrices=False)
        value, direction = math.ldexp(values[0], exponent), right[0]
        along = float(direction @ line.axis / np.linalg.norm(line.axis))
        across = float(np.linalg.norm(direction - _along(direction, line.axis) * line.axis))
        if abs(along) >= 0.5 * line.tangent * across:  # else it is largest next to the poles, not there
            bound = max(bound, value * (1.0 + 8.0 * len(line.axis) * np.finfo(float).eps))
        if value > 0.0 and abs(along) >= line.tangent * across:
            directions.append(math.copysign(1.0, along) * side * direction)
            outputs.append(np.ldexp(total @ directions[-1], exponent))
    shape = (-1, X.shape[1])
    return Poles(
        np.reshape(directions, shape), np.reshape(outputs, (len(directions), dual_point.shape[1])), float(bound)
    )


def column_sums(X, weights):
    """Return ``weights^T X / 2^exponent`` (n_outputs, n_inputs), every entry to its last digits, and the exponent.

    The sums may cancel: what is left of 1e13 by weights that add up to zero is zero.
    """
    rows, exponent = power_scaled(X)
    weights, other = power_scaled(weights)
    used = np.any(weights != 0.0, axis=1)
    rows, weights = rows[used], weights[used]
    total = np.empty((weights.shape[1], rows.shape[1]))
    for k, weight in enumerate(weights.T):
        high, low = two_product(rows, weight[:, None])
        total[k] = [math.fsum((*a, *b)) for a, b in zip(high.T.tolist(), low.T.tolist(), strict=True)]
    return total, exponent + other


def exact_outputs(X, dual_point, direction):
    """Return ``N^T (X u)_+``, the cancellation of large columns and of large rows made up for.

    The rows' values are exact to their last digits, and so are the sums of the rows that are on; the output is taken
    from what cancels less.
    """
    rows, exponent = power_scaled(X)
    high, low = two_product(rows, direction)
    values = np.array([math.fsum(terms) for terms in np.hstack([high, low]).tolist()])
    values = np.maximum(values, 0.0)
    sums, other = column_sums(X, np.where((values > 0.0)[:, None], dual_point, 0.0))
    # Rounding of N^T v is bounded by |N|^T v, that of (N^T X) u by |N^T X| |u|: large rows or large columns cancel,
    # and the smaller bound tells which sum to trust.
    by_rows, by_columns = np.ldexp(values, exponent), np.ldexp(sums, other)
    if np.linalg.norm(by_rows @ np.abs(dual_point)) <= np.linalg.norm(np.abs(by_columns) @ np.abs(direction)):
        return by_rows @ dual_point
    return by_columns @ direction


def power_scaled(array):
    """Return the array divided by a power of two, its entries at most one, and the exponent."""
    exponent = int(np.frexp(np.abs(array).max(initial=0.0))[1])
    return np.ldexp(array.astype(np.float64, copy=False), -exponent), exponent


def _along(rows, axis):
    """Return what multiple of the axis every row has."""
    return (rows @ axis) / (axis @ axis)
