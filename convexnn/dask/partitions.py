"""From Dask arrays and data frames to blocks of rows on the workers.

The chunks of X, and no others, say which rows are a block. Targets and weights follow them: arrays with other chunks
are cut again, which is cheap; frames are not, for nobody knows how many rows their partitions have.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from .._utils.callers import stacklevel_of_user
from .._utils.validation import refuse_dates
from ..blocks.source import Block
from ..exceptions import InvalidInputError
from ._libraries import dask

DOUBLE_OR_SINGLE = [np.float64, np.float32]
KINDS = "a Dask array, a Dask data frame or a Dask series"


def is_array(collection: Any) -> bool:
    """Whether this is a Dask array; the other collections with rows are data frames and series."""
    return isinstance(collection, dask.array.Array)


def is_collection(values: Any) -> bool:
    """Whether this is a Dask array, data frame or series."""
    # A delayed object says that it has every attribute; only data frames and series know theirs as numbers.
    return is_array(values) or all(isinstance(getattr(values, name, None), int) for name in ("npartitions", "ndim"))


def check_rows(X: Any) -> None:
    """Refuse what is no Dask collection with columns."""
    if not is_collection(X):
        raise InvalidInputError(
            f"X must be a Dask array or a Dask data frame; got {_kind(X)}. dask.array.from_array(X, chunks=(n_rows, "
            f"-1)) makes one; the estimators of convexnn itself take data in memory."
        )
    if X.ndim != 2:
        raise InvalidInputError(f"X must have two dimensions, (n_samples, n_features); got {X.ndim}.")


def whole_rows(X: Any) -> Any:
    """Return X with all columns of a row in one chunk."""
    return X.rechunk({1: -1}) if is_array(X) else X


def delayed_parts(X: Any, y: Any, sample_weight: Any = None) -> list[tuple[Any, Any, Any]]:
    """Return the delayed parts (X_k, y_k, weight_k) of every chunk of X; weights may be None.

    Raises
    ------
    ValueError
        Where one of them is no Dask collection, and where their rows do not match or cannot be matched.
    """
    check_rows(X)
    if is_array(X) and X.numblocks[1] > 1:
        warnings.warn(
            f"X is cut along its columns, into {X.numblocks[1]} chunks; whole rows are brought together, for which "
            f"parts of X move between the workers. X.rechunk({{1: -1}}) does this once for all fits.",
            UserWarning,
            stacklevel=stacklevel_of_user(),
        )
    X = whole_rows(X)
    parts = [_delayed(X), _delayed(_aligned(y, "y", X, (1, 2)))]
    if sample_weight is None:
        parts.append([None] * len(parts[0]))
    else:
        parts.append(_delayed(_aligned(sample_weight, "sample_weight", X, (1,))))
    return list(zip(*parts, strict=True))


def _aligned(values, name, X, dimensions):
    """Return targets or weights, which may have so many dimensions, with the chunks of X."""
    if not is_collection(values):
        raise InvalidInputError(
            f"{name} must be {KINDS} where X is a Dask collection; got {_kind(values)}. "
            f"dask.array.from_array({name}, chunks=X.chunks[0]) makes one of an array."
        )
    if values.ndim not in dimensions:
        raise InvalidInputError(f"{name} must have {' or '.join(map(str, dimensions))} dimensions; got {values.ndim}.")
    if is_array(values):
        values = values.rechunk({1: -1}) if values.ndim == 2 else values
        sizes, wanted = values.chunks[0], X.chunks[0] if is_array(X) else (math.nan,)
        if not any(map(math.isnan, (*sizes, *wanted))):
            if sum(sizes) != sum(wanted):
                raise InvalidInputError(
                    f"{name} must have as many entries as X has rows; got {sum(sizes)} for {sum(wanted)} rows."
                )
            return values.rechunk({0: wanted})
    if _n_chunks(values) != _n_chunks(X):
        raise InvalidInputError(
            f"{name} must have as many partitions as X where the number of their rows is not known; got "
            f"{_n_chunks(values)} and {_n_chunks(X)}. Take both from one frame, or make the sizes known: "
            f"compute_chunk_sizes() for arrays, to_dask_array(lengths=True) for frames."
        )
    return values


def _kind(values):
    return f"{type(values).__module__.split('.')[0]}.{type(values).__name__}"


def _n_chunks(collection):
    """Return the number of chunks along the rows."""
    return collection.numblocks[0] if is_array(collection) else collection.npartitions


def _delayed(collection):
    """Return the delayed chunks along the rows.

    Their graphs are not optimised one by one: what X, y and the weights have in common, such as the reading of a file,
    is then done once for all of them, and no partitions are joined in one of them and not in the others.
    """
    return np.ravel(collection.to_delayed(optimize_graph=False)).tolist()


def checked_block(X: Any, y: Any, weight: Any, number: int, numeric: bool) -> Block:
    """Return the `Block` of one partition, on a worker.

    Parameters
    ----------
    X : array or data frame of shape (n_rows, n_features)
    y : array, series or data frame of shape (n_rows,) or (n_rows, n_outputs)
    weight : array or series of shape (n_rows,), or None
    number : int
        Of the partition, for messages.
    numeric : bool
        Whether y are numbers; else they are labels.
    """
    try:
        return _block_of(X, y, weight, numeric)
    except ValueError as error:
        raise InvalidInputError(f"Partition {number} of the data: {error}") from error


def checked_rows(X: Any) -> Any:
    """Return the rows of one partition as a finite array, in single precision where they were, or in CSR form."""
    refuse_dates(X, "X")
    options = {"dtype": DOUBLE_OR_SINGLE, "ensure_min_samples": 0}
    return check_array(X, accept_sparse="csr", order="C", input_name="X", **options)


def _checked_numbers(values, name):
    refuse_dates(values, name)
    return check_array(values, dtype="numeric", ensure_2d=False, ensure_min_samples=0, input_name=name)


def _block_of(X, y, weight, numeric):
    X, y = checked_rows(X), _checked_numbers(y, "y") if numeric else np.asarray(y)
    weight = np.ones(len(y)) if weight is None else _checked_numbers(weight, "sample_weight").astype(float, copy=False)
    if not X.shape[0] == len(y) == len(weight):
        raise InvalidInputError(
            f"X, y and sample_weight must have as many rows each; got {X.shape[0]}, {len(y)} and {len(weight)}."
        )
    return Block(X, y, weight)
