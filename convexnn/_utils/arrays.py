"""Rows of every kind by one vocabulary: NumPy's, sparse ones, and arrays of other libraries that may be on a device.

Training on long data touches X by products only. They are computed where X is and in its precision, and the hidden
layer stays there too: what comes back is small (a few numbers a row, or a row of weights a neuron), in NumPy and in
double precision. Proofs take the rows in double precision on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_cupy_array, is_dask_array, is_torch_array
from scipy import sparse
from sklearn import get_config

from ..exceptions import InvalidInputError
from .norms import nonzero, norms
from .row_blocks import row_blocks, shut

# A block of an array of another library has 32 million entries, which keep a device busy for longer than its start.
DEVICE_ENTRIES = 32_000_000
# A block of sparse rows has so many entries, zeros included, where proofs make it dense: that is, with few columns.
SPARSE_ENTRIES = 16_000_000
MAX_DENSE_FEATURES = 2_000  # blocks of more columns have as many rows as of 2000: nothing makes them dense


def is_foreign(X: Any) -> bool:
    """Whether X is an array of another library than NumPy that follows the array API standard."""
    return not isinstance(X, np.ndarray | np.generic) and is_array_api_obj(X) and not is_dask_array(X)


def is_dispatched(X: Any) -> bool:
    """Whether scikit-learn is asked to leave X, an array of another library, where it is (``array_api_dispatch``)."""
    return bool(get_config()["array_api_dispatch"]) and is_foreign(X)


# From one library to another


def to_numpy(values: Any) -> Any:
    """Return an array of another library as one of NumPy, in the memory of the CPU; all else as it is."""
    if not is_foreign(values):
        return values
    if is_torch_array(values):
        return values.detach().cpu().numpy()
    if is_cupy_array(values):
        return values.get()
    xp = array_namespace(values)
    if hasattr(xp, "Device"):  # array_api_strict makes devices up, and converts no array that is on one of them
        values = xp.asarray(values, device=xp.Device("CPU_DEVICE"))
    return np.asarray(values)


def sent_to(X: Any, values: Any) -> Any:
    """Return an array of NumPy as one of the library, the device and the precision of X."""
    if not is_foreign(X):
        return np.asarray(values, X.dtype)
    # In C order and writeable, as torch wants them.
    values = np.require(values, requirements=["C", "W"])
    return array_namespace(X).asarray(values, dtype=X.dtype, device=device(X))


def beside(X: Any, function: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Return a function of NumPy at X, as an array of the library and the device of X.

    Strings, which other libraries do not have, stay with NumPy.
    """
    if not is_foreign(X):
        return function(X)
    values = function(to_numpy(X))
    if values.dtype.kind == "f":
        return sent_to(X, values)
    is_known = values.dtype.kind in "biu"
    return array_namespace(X).asarray(values, device=device(X)) if is_known else values


def float_types(X: Any) -> list[Any]:
    """Return double and single precision as types of the library of X."""
    xp = array_namespace(X) if is_foreign(X) else np
    return [xp.float64, xp.float32]


def with_floats(X: Any) -> Any:
    """Return X in single precision where it is in this, else in double precision; on its device."""
    double, single = float_types(X)
    if X.dtype in (double, single):
        return X
    return array_namespace(X).astype(X, double) if is_foreign(X) else X.astype(double)


def with_doubles(X: Any) -> Any:
    """Return X in double precision on the CPU: of NumPy, or in CSR form."""
    return to_numpy(X).astype(np.float64, copy=False)


def in_double(X: Any) -> np.ndarray:
    """Return X as a dense array of NumPy in double precision."""
    X = with_doubles(X)
    return X.toarray() if sparse.issparse(X) else X


# Rows


def check_rows(X: Any) -> None:
    """Refuse what has not the shape of rows, and NaN and infinity."""
    if len(X.shape) != 2 or X.shape[1] == 0:
        raise InvalidInputError(f"X must have shape (n_rows, n_features); a block has shape {tuple(X.shape)}.")
    values = X.data if sparse.issparse(X) else X
    xp = array_namespace(X) if is_foreign(X) else np
    if not bool(xp.all(xp.isfinite(values))):
        raise InvalidInputError("X must be finite; a block has NaN or infinity.")


def rows_of(X: Any, places: np.ndarray) -> Any:
    """Return the rows of X at these places, as an array of the kind of X."""
    if not is_foreign(X):
        return X[places]
    xp = array_namespace(X)
    return xp.take(X, xp.asarray(places, dtype=xp.int64, device=device(X)), axis=0)


def rows_between(X: Any, start: int, stop: int) -> Any:
    """Return the rows from `start` to `stop`, or to the last; those of a CSR array share its memory."""
    if sparse.issparse(X) and X.format == "csr":
        return _csr_rows(X, start, min(stop, X.shape[0]))
    return X[start : min(stop, X.shape[0]), :]  # the standard knows no slice that ends beyond the array


def _csr_rows(X, start, stop):
    """Return rows of a CSR array as SciPy's slices, which are copies, would have them."""
    first, last = X.indptr[start], X.indptr[stop]
    parts = X.data[first:last], X.indices[first:last], X.indptr[start : stop + 1] - first
    return type(X)(parts, shape=(stop - start, X.shape[1]), copy=False)


def rows_per_block(X: Any, entries: int) -> int:
    """Return of how many rows a block of X is to have `entries` entries, more where X is on a device or sparse."""
    n_features = max(1, int(X.shape[1]))
    if is_foreign(X):
        return max(1, DEVICE_ENTRIES // n_features)
    if sparse.issparse(X):
        stored = max(1.0, X.nnz / max(1, X.shape[0]))
        return max(1, min(int(entries / stored), SPARSE_ENTRIES // min(n_features, MAX_DENSE_FEATURES)))
    return max(1, entries // n_features)


def blocks_of(X: Any) -> Iterator[Any]:
    """Yield blocks of rows of X: those of `row_blocks`, in double precision, or of an array on a device in its own."""
    if not is_foreign(X):
        yield from (rows for _, rows in row_blocks(X))
        return
    step = rows_per_block(X, DEVICE_ENTRIES)
    for start in range(0, X.shape[0], step):
        yield rows_between(X, start, start + step)


def stacked(blocks: list[Any]) -> Any:
    """Return blocks of rows below each other; there is one at least."""
    return array_namespace(blocks[0]).concat(blocks, axis=0) if is_foreign(blocks[0]) else np.concatenate(blocks)


def moments(X: Any, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``sum_i w_i x_i`` and ``sum_i w_i x_i^2``, of shape (n_features,), from rows in double precision."""
    X = with_doubles(X)
    squares = X.multiply(X) if sparse.issparse(X) else X * X
    return weight @ X, weight @ squares


def row_norms(X: Any, ones: bool) -> np.ndarray:
    """Return the norm of every row of X, with a one appended where `ones`, in double precision."""
    X = with_doubles(X)
    if sparse.issparse(X):
        # Scaled by the largest entry of its row no square overflows, and none that counts underflows.
        scale = np.ravel(abs(X).max(axis=1).toarray()) if X.nnz else np.zeros(X.shape[0])
        entries = X.data / nonzero(scale)[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))]
        squares = type(X)((entries * entries, X.indices, X.indptr), shape=X.shape)
        found = scale * np.sqrt(np.ravel(squares.sum(axis=1)))
    else:
        found = norms(X)
    return np.hypot(found, 1.0) if ones else found


# Products with rows


def product(X: Any, rows: np.ndarray) -> np.ndarray:
    """Return ``X rows^T`` of shape (n_rows, K) for `rows` (K, n_features)."""
    X = with_floats(X)
    return _fetched(X @ sent_to(X, rows).T)


def transposed_product(X: Any, values: np.ndarray) -> np.ndarray:
    """Return ``X^T values`` of shape (n_features, K) for `values` (n_rows, K)."""
    X = with_floats(X)
    return _fetched(sent_to(X, values).T @ X).T


def relu_values(X: np.ndarray, neurons: np.ndarray) -> np.ndarray:
    """Return ``(X u_j)_+`` at dense rows; neurons that are one entry longer than the rows of X end in a bias."""
    n_inputs = X.shape[1]
    values = X @ neurons[:, :n_inputs].T
    if neurons.shape[1] > n_inputs:
        values += neurons[:, n_inputs]
    return np.maximum(values, 0.0)


def hidden_layer(X: Any, neurons: np.ndarray, bias: bool) -> HiddenLayer:
    """Return the `HiddenLayer` of neurons at some rows.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Of NumPy, in CSR form, or of another library on any device. Products are in its precision.
    neurons : ndarray of shape (width, n_inputs)
        The features' weights and, with `bias`, the bias as the last entry.
    bias : bool
    """
    X, n_features = with_floats(X), int(X.shape[1])
    values = X @ sent_to(X, neurons[:, :n_features]).T
    if bias:
        values += sent_to(X, neurons[:, n_features])
    return HiddenLayer(X, _positive_part(values), bias)


@dataclass(frozen=True, eq=False)
class HiddenLayer:
    """The values ``H = ([X, 1] u_j)_+`` of neurons at some rows, and the products with them that training needs.

    Attributes
    ----------
    X : array of shape (n_rows, n_features)
    values : array of shape (n_rows, width)
        H, where X is.
    bias : bool
        Whether the last entry of a neuron is a bias.
    """

    X: Any
    values: Any
    bias: bool

    def outputs(self, weights: np.ndarray) -> np.ndarray:
        """Return ``H weights`` of shape (n_rows, n_outputs) for output weights (width, n_outputs)."""
        return _fetched(self.weighted(weights))

    def weighted(self, weights: np.ndarray) -> Any:
        """Return `outputs` where X is, in its precision."""
        return self.values @ sent_to(self.X, weights)

    def transposed_product(self, nu: np.ndarray) -> np.ndarray:
        """Return ``H^T nu`` of shape (width, n_outputs) for nu of shape (n_rows, n_outputs)."""
        return _fetched(self.values.T @ sent_to(self.X, nu))

    def squares(self, weight: np.ndarray) -> np.ndarray:
        """Return ``sum_i weight_i H_ij^2`` of every neuron j."""
        return _fetched(sent_to(self.X, weight) @ (self.values * self.values))

    def pull(self, nu: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return how ``sum_ik nu_ik (H weights)_ik`` changes with every neuron, of shape (width, n_inputs).

        Row j is ``sum_i 1(H_ij > 0) (nu_i . weights_j) [x_i, 1]``.
        """
        gates = sent_to(self.X, nu) @ sent_to(self.X, weights).T
        return self._back(_shut(gates, self.values))

    def matrices(self, nu: np.ndarray) -> np.ndarray:
        """Return ``sum_i 1(H_ij > 0) nu_ik [x_i, 1]`` of every neuron j and output k: (width, n_outputs, n_inputs)."""
        one = np.ones((self.values.shape[1], 1))
        return np.stack([self.pull(column[:, None], one) for column in nu.T], axis=1)

    def _back(self, gates):
        """Return ``gates^T [X, 1]``."""
        pulled = _fetched(gates.T @ self.X)
        return np.column_stack([pulled, _column_sums(gates)]) if self.bias else pulled


def _positive_part(values):
    """Return the positive part of values, in their own memory where they are of NumPy."""
    if not is_foreign(values):
        return np.maximum(values, 0.0, out=values)
    return array_namespace(values).maximum(values, _zero_beside(values))


def _shut(values, hidden):
    """Return values where `hidden` is positive and zeros elsewhere, in their own memory where they are of NumPy."""
    if not is_foreign(values):
        shut(values, hidden)
        return values
    return array_namespace(values).where(hidden > 0, values, _zero_beside(values))


def _zero_beside(values):
    return array_namespace(values).zeros((), dtype=values.dtype, device=device(values))


def _column_sums(values):
    if not is_foreign(values):
        return values.sum(axis=0, dtype=np.float64)
    return _fetched(array_namespace(values).sum(values, axis=0))


def _fetched(values):
    """Return an array of NumPy in double precision."""
    return to_numpy(values).astype(np.float64, copy=False)
