"""Dask collections that are handed to what needs arrays in memory: they are gathered, and the user is told."""

import math
import warnings
from typing import Any

from ..exceptions import GatheringWarning
from .callers import stacklevel_of_user

BYTES_PER_MEGABYTE = 1e6
MIN_NAMED_MEGABYTES = 0.1  # smaller sizes are not told apart


def gathered(values: Any, name: str) -> Any:
    """Return the array or the data frame of a Dask collection, with a warning; all else as it is.

    Dask is never imported for it: who has no Dask collection need not have Dask.
    """
    if not _is_dask_collection(values):
        return values
    warnings.warn(
        f"{name} is a Dask collection, {_size(values)}, and is gathered into the memory of this process. "
        f"convexnn.dask.DaskConvexReLURegressor and DaskConvexReLUClassifier leave the rows where they are; "
        f"{name}.compute() gathers without this warning.",
        GatheringWarning,
        stacklevel=stacklevel_of_user(),
    )
    return values.compute()


def _is_dask_collection(values):
    """Whether these are rows of a Dask array, data frame or series."""
    is_dask = type(values).__module__.partition(".")[0] in ("dask", "dask_expr")
    return is_dask and isinstance(getattr(values, "ndim", None), int)  # delayed objects and bags have no number here


def _size(values):
    """Return how large a collection is, in words, as far as Dask knows."""
    n_bytes = getattr(values, "nbytes", math.nan) if hasattr(values, "chunks") else math.nan
    if math.isnan(n_bytes):
        return f"{values.npartitions} partitions of unknown size"
    megabytes = n_bytes / BYTES_PER_MEGABYTE
    return f"{megabytes:,.1f} MB" if megabytes >= MIN_NAMED_MEGABYTES else f"less than {MIN_NAMED_MEGABYTES} MB"
