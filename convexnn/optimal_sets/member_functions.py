"""The functions of all optimal networks: values at rows, and slopes in a box, affine in a point of the polytope.

Coordinates
-----------
z : (dimension,), a point of the affine hull: the shares ``inner + edges z`` of the total mass, on the free directions.
The hidden layer is linear in the shares. The free terms follow it: all optimal networks have one fit on the training
rows, so that ``Z db = -F dc`` along every move, and db of least norm is linear in dc.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.row_blocks import relu_products
from ..losses.fitting import minimum_norm_fit


@dataclass(frozen=True)
class SlopeRange:
    """Bounds on the slope along every feature over a box, ``low + lows z <= df/dx <= high + highs z``.

    Attributes
    ----------
    low, high : ndarrays of shape (n_features,)
    lows, highs : ndarrays of shape (n_features, dimension)
    """

    low: np.ndarray
    high: np.ndarray
    lows: np.ndarray
    highs: np.ndarray


class MemberFunctions:
    """The optimal networks of a set as functions of z; the set must have a dimension above zero.

    Parameters
    ----------
    found : OptimalSet
    """

    def __init__(self, found):
        problem, polytope = found.problem, found._polytope
        self.polytope, self.has_bias = polytope, problem.hidden_bias
        masses = np.zeros(len(found.signs))
        masses[polytope.free] = found.total_mass * polytope.inner
        self.base = found.network(masses)  # at z = 0
        self.directions = found.directions[polytope.free]
        # What the coefficients of the neurons at mass one change by along every coordinate.
        self.moves = found.total_mass * found.signs[polytope.free, None] * polytope.edges
        self.coefficients = found.total_mass * found.signs[polytope.free] * polytope.inner
        root = np.sqrt(problem.weight)[:, None]
        lost = problem.hidden_fits(self.directions) @ self.moves
        columns = problem.free.astype(np.float64)
        self.free_moves = minimum_norm_fit(root * columns, -root * lost) if columns.shape[1] else np.zeros((0, 0))
        self.skip, self.intercept = problem.skip_connection, problem.fit_intercept

    def values(self, X):
        """Return the values (n_rows,) at rows of X at z = 0, and their derivatives (n_rows, dimension)."""
        design = np.column_stack([X, np.ones(len(X))]) if self.has_bias else X
        slopes = relu_products(design, self.directions.T) @ self.moves
        if self.skip:
            slopes = slopes + X @ self.free_moves[: X.shape[1]]
        if self.intercept:
            slopes = slopes + self.free_moves[-1]
        return self.base.predict(X), slopes

    def slopes(self, low, high):
        """Return the `SlopeRange` over the box of inputs from `low` to `high`."""
        always, sometimes = sides_in_box(self.directions, low, high, self.has_bias)
        weights = self.directions[:, : len(low)].T
        fixed, moves = weights[:, always] @ self.coefficients[always], weights[:, always] @ self.moves[always]
        if self.skip:
            fixed = fixed + self.base.skip_weights
            moves = moves + self.free_moves[: len(low)]
        # Coefficients keep their signs, so that the most and the least that neurons add are linear in them.
        signs = np.where(self.coefficients < 0.0, -1.0, 1.0)[sometimes]
        up = signs * np.maximum(signs * weights[:, sometimes], 0.0)
        down = signs * np.minimum(signs * weights[:, sometimes], 0.0)
        given, along = self.coefficients[sometimes], self.moves[sometimes]
        return SlopeRange(fixed + down @ given, fixed + up @ given, moves + down @ along, moves + up @ along)


def sides_in_box(neurons, low, high, has_bias):
    """Return which neurons are on all over a box, and which are on in a part of it only (two bool arrays)."""
    weights = neurons[:, : len(low)]
    centre = weights @ (0.5 * (low + high)) + (neurons[:, -1] if has_bias else 0.0)
    reach = np.abs(weights) @ (0.5 * (high - low))
    return centre >= reach, np.abs(centre) < reach


def slope_bounds_in_box(network, low, high):
    """Return bounds on ``|df/dx_k|`` over a box of inputs, of shape (n_features,), for a network with one output."""
    neurons, outputs = network.neurons, network.output_weights
    always, sometimes = sides_in_box(neurons, low, high, network.hidden_bias is not None)
    pulls = outputs[:, None] * neurons[:, : len(low)]
    fixed = pulls[always].sum(axis=0)
    if network.skip_weights is not None:
        fixed = fixed + network.skip_weights
    up, down = np.maximum(pulls[sometimes], 0.0).sum(axis=0), np.minimum(pulls[sometimes], 0.0).sum(axis=0)
    return np.maximum(np.abs(fixed + up), np.abs(fixed + down))
