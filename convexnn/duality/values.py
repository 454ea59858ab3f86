"""The value of a price at one direction, its sums made exactly where they cancel."""

from fractions import Fraction

import numpy as np

from .._utils.norms import norms
from .._utils.row_blocks import row_blocks
from .common_line import exact_outputs

MIN_SQUARED_SIZE = 1e-140  # squares of smaller entries lose digits to underflow
MAX_SUM_ROUNDING = 1e-12  # a sum whose rounding may exceed this share of it is made exactly,
MAX_EXACT_ENTRIES = 4_000_000  # where X has at most so many entries
MAX_RATIONAL_ENTRIES = 200_000  # sums are made in rationals up to so many entries of the rows in use


def evaluate_columns(X, dual_point, direction):
    """Return ``N^T (X direction)_+`` for N (n_samples, n_outputs), scaled against overflow, exact where it cancels."""
    size = max(float(X.max()), -float(X.min()), np.finfo(float).tiny)
    largest = max(np.abs(dual_point).max(), np.finfo(float).tiny)
    total, amount, direction_size = np.zeros(dual_point.shape[1]), 0.0, np.abs(direction)
    for part, rows in row_blocks(X):
        weights, rows = dual_point[part] / largest, rows / size
        total = total + np.maximum(rows @ direction, 0.0) @ weights
        amount += float((np.abs(rows) @ direction_size) @ np.linalg.norm(weights, axis=1))
    # Rounding is eps times the sum of the absolute terms: where that counts beside the total the terms cancel.
    if np.finfo(float).eps * amount > MAX_SUM_ROUNDING * np.linalg.norm(total) and X.size <= MAX_EXACT_ENTRIES:
        return exact_outputs(X, dual_point, direction)
    return total * size * largest


def evaluate(X, dual_point, direction):
    """Return ``nu^T (X direction)_+``, with its sign, for one output, and ``||N^T (X direction)_+||`` for several."""
    if dual_point.ndim == 1:
        return float(evaluate_columns(X, dual_point[:, None], direction)[0])
    columns = evaluate_columns(X, dual_point, direction)
    # The norm as it is, or in units of the largest entry where squares would underflow or overflow.
    with np.errstate(over="ignore"):
        size = float(np.linalg.norm(columns))
    return size if MIN_SQUARED_SIZE <= size < np.inf else float(norms(columns[None])[0])


def cancels(X, dual_point):
    """Whether the price is zero by construction: ``sum nu_i ||x_i||`` is zero, in rationals, over every half-line."""
    columns = dual_point.reshape(len(X), -1)
    used = np.flatnonzero(np.any(columns != 0.0, axis=1) & np.any(X != 0.0, axis=1))
    if len(used) * X.shape[1] > MAX_RATIONAL_ENTRIES:
        return False
    sums: dict[tuple[Fraction, ...], list[Fraction]] = {}
    for row, entries in zip(X[used].tolist(), columns[used].tolist(), strict=True):
        # A row over its first nonzero entry names its half-line: rows of one half-line have one gate, and can cancel.
        size = abs(Fraction(next(entry for entry in row if entry)))
        total = sums.setdefault(tuple(Fraction(entry) / size for entry in row), [Fraction(0)] * len(entries))
        total[:] = [before + size * Fraction(entry) for before, entry in zip(total, entries, strict=True)]
    return not any(any(total) for total in sums.values())
