"""Scores by sums over the partitions: every partition says how its rows are spread, and how far off predictions are."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from .._utils.callers import stacklevel_of_user
from ..exceptions import InvalidInputError


class Spread(NamedTuple):
    """Targets of some rows, for every output.

    Attributes
    ----------
    n_rows : int
    weight : float
        Sum of the weights.
    mean, squares, errors : ndarrays of shape (n_outputs,)
        The weighted mean, and the weighted sums of squares of the targets about it and of the residuals.
    """

    n_rows: int
    weight: float
    mean: np.ndarray
    squares: np.ndarray
    errors: np.ndarray


def spread_of(block, model):
    """Return the `Spread` of one block."""
    X, y, weight = block
    columns = y.reshape(len(y), -1).astype(float)
    total = float(weight.sum())
    if total == 0.0:
        zeros = np.zeros(columns.shape[1])
        return Spread(len(y), 0.0, zeros, zeros, zeros)
    mean = weight @ columns / total
    residuals = columns - model.predict(X).reshape(columns.shape)
    squares, errors = weight @ (columns - mean) ** 2, weight @ residuals**2
    return Spread(len(y), total, mean, squares, errors)


def r2_of(spreads):
    """Return R2 as scikit-learn has it: the mean over the outputs, NaN for fewer than two rows."""
    weight = sum(one.weight for one in spreads)
    if sum(one.n_rows for one in spreads) < 2:
        warnings.warn(
            "R2 is not defined for fewer than two rows.", UndefinedMetricWarning, stacklevel=stacklevel_of_user()
        )
        return float("nan")
    check_total(weight)
    mean = sum(one.weight * one.mean for one in spreads) / weight
    squares = sum(one.squares + one.weight * (one.mean - mean) ** 2 for one in spreads)
    errors = sum(one.errors for one in spreads)
    # A constant target is predicted exactly, which counts as 1, or not, which counts as 0.
    varies = squares > 0.0
    shares = np.where(errors > 0.0, 0.0, 1.0)
    shares[varies] = 1.0 - errors[varies] / squares[varies]
    return float(shares.mean())


def hits_of(block, model):
    """Return the weight of the rows of one block that are classified rightly, and of all."""
    X, y, weight = block
    if len(y) == 0:
        return 0.0, 0.0
    found = model.predict(X)
    right = found == y.reshape(found.shape)
    return float(weight @ (right.all(axis=1) if right.ndim == 2 else right)), float(weight.sum())


def accuracy_of(hits):
    """Return the share of the weight that is classified rightly."""
    right, total = map(sum, zip(*hits, strict=True))
    check_total(total)
    return right / total


def check_total(weight):
    """Refuse weights that are all zero."""
    if weight == 0.0:
        raise InvalidInputError("sample_weight must have at least one positive entry; all of them are zero.")
