"""Data so long that to read them is what a step costs, or so large that they are kept once and as they came.

Above `LONG_ABOVE_ENTRIES` local ascents share every pass over X, and neurons move by gradients. Above
`HUGE_ABOVE_ENTRIES` no second array of its size is made: single precision stays, and every product casts a block of
rows at a time.
"""

import math

import numpy as np

from .kernels import compiled

# Above 100 000 entries reading X is the cost of a step; above 4 000 000 no copy of X is made.
LONG_ABOVE_ENTRIES, HUGE_ABOVE_ENTRIES = 100_000, 4_000_000
# A block of huge data has 4096 rows.
ROWS = 4096


def n_entries(X):
    """Return the number of entries of X, the zeros of a sparse one included."""
    return math.prod(X.shape)


def is_long(X):
    """Whether to read all entries is what a step costs."""
    return n_entries(X) > LONG_ABOVE_ENTRIES


def is_huge(X):
    """Whether no copy of the data is to be made."""
    return n_entries(X) > HUGE_ABOVE_ENTRIES


def row_blocks(X):
    """Yield ``(slice, rows)`` over blocks of rows of X, in double precision; all rows at once where X is not huge."""
    step = ROWS if is_huge(X) else max(1, X.shape[0])
    for start in range(0, X.shape[0], step):
        part = slice(start, start + step)
        yield part, X[part].astype(np.float64, copy=False)


def relu_products(X, weights):
    """Return ``(X weights)_+`` of shape (n_samples, K) for `weights` (n_inputs, K)."""
    values = np.empty((X.shape[0], weights.shape[1]))
    for part, rows in row_blocks(X):
        np.maximum(rows @ weights, 0.0, out=values[part])
    return values


def relu_sums(X, weights, columns):
    """Return ``(X weights)_+ columns`` of shape (n_samples,), for `weights` (n_inputs, K), block by block."""
    sums = np.zeros(X.shape[0])
    for start in range(0, len(X), ROWS):
        part = slice(start, start + ROWS)
        subtract_relus(X[part].astype(np.float64, copy=False) @ weights, -columns, sums[part])
    return sums


@compiled
def gate(values, rows, columns):
    """Replace every positive entry (i, k) of `values` by ``rows[i] * columns[k]`` and every other one by zero."""
    # A zero of the type of the columns: a literal would turn single precision into double.
    zero = columns[0] * 0
    for i in range(values.shape[0]):
        row, factor = values[i], rows[i]
        for k in range(values.shape[1]):
            row[k] = factor * columns[k] if row[k] > 0 else zero


@compiled
def shut(values, hidden):
    """Set every entry of `values` to zero where that of `hidden` is not positive."""
    zero = values[0, 0] * 0
    for i in range(values.shape[0]):
        row, other = values[i], hidden[i]
        for k in range(values.shape[1]):
            row[k] = row[k] if other[k] > 0 else zero


@compiled(fastmath={"reassoc", "contract", "nsz"})
def subtract_relus(values, columns, out):
    """Subtract ``(values)_+ columns`` from `out`, one sum a row; values are finite."""
    zero = columns[0] * 0
    for i in range(values.shape[0]):
        row, total = values[i], zero
        for k in range(values.shape[1]):
            total += max(row[k], zero) * columns[k]
        out[i] -= total
