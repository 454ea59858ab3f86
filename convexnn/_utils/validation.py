"""Checks of arguments: every message names the argument, what was got and what was expected."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from ..exceptions import InvalidInputError
from .aliases import ArrayLike
from .arrays import float_types, is_dispatched, is_foreign, to_numpy
from .clock import now
from .row_blocks import HUGE_ABOVE_ENTRIES, is_huge

# Types that hold dates; those of pandas are subclasses.
DATE_TYPES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
# Opposite entries of a symmetric matrix may differ by 1e-6 of the largest entry.
MAX_ASYMMETRY = 1e-6


def refuse_dates(values: Any, name: str) -> None:
    """Refuse dates, times and durations, which NumPy takes for numbers in whatever unit they happen to have."""
    if not _holds_dates(values):
        return
    columns = [repr(column) for column in getattr(values, "columns", ()) if _holds_dates(values[column])]
    where = f" in {'column' if len(columns) == 1 else 'columns'} {', '.join(columns)}" if columns else ""
    raise InvalidInputError(
        f"{name} holds dates, times or durations{where}, which are not numbers. Turn them into numbers that mean "
        f"something, such as days since the first: (values - values.min()) / np.timedelta64(1, 'D')."
    )


def _holds_dates(values):
    """Whether an array-like, or one of the columns of a table, holds dates, times or durations."""
    if is_foreign(values):
        return False  # the array API has none, and nothing is to be fetched from a device for a look
    types = [values.dtype] if hasattr(values, "dtype") else list(getattr(values, "dtypes", ()))
    kinds = {getattr(dtype, "kind", "O") for dtype in types} or {"O"}  # "O": nothing is known without a look
    if "O" in kinds:
        array = np.asarray(values)
        kinds |= {array.dtype.kind}
        if array.dtype.kind == "O" and any(isinstance(value, DATE_TYPES) for value in array.flat):
            return True
    return not kinds.isdisjoint("mM")


def check_design(X: ArrayLike, name: str = "X", keep_single: bool = False, any_kind: bool = False) -> Any:
    """Return `X` as a finite C-ordered float64 array of shape (n_samples, n_features), neither of them 0.

    With `keep_single` huge data in single precision stay as they are. With `any_kind` sparse data stay so, in CSR form,
    and so do arrays of other libraries where scikit-learn dispatches; else they are made dense, and NumPy's.
    """
    refuse_dates(X, name)
    if is_dispatched(X):
        if any_kind:
            return check_array(X, dtype=float_types(X), input_name=name)
        X = to_numpy(X)
    # Huge data in single precision are not copied: products cast them block by block.
    single = keep_single and getattr(X, "dtype", None) == np.float32 and is_huge(X)
    dtype = np.float32 if single else np.float64
    checked = check_array(X, accept_sparse="csr", dtype=dtype, order="C", input_name=name)
    return checked if any_kind else dense_of(checked, name)


def dense_of(X: Any, name: str = "X") -> np.ndarray:
    """Return X as a dense array of NumPy; sparse ones that would be too large are refused."""
    X = to_numpy(X)
    if not sparse.issparse(X):
        return X
    if is_huge(X):
        raise InvalidInputError(
            f"{name} is sparse and of shape {X.shape}. What you have called needs dense data, and makes sparse data "
            f"dense up to {HUGE_ABOVE_ENTRIES} entries, zeros included; take fewer rows or columns, or pass "
            f"{name}.toarray() if that fits into memory. fit and predict of ConvexReLURegressor and "
            f"ConvexReLUClassifier, and TwoLayerReLU.predict, take sparse data of any size."
        )
    return X.toarray()


def check_vector(values: ArrayLike, n_samples: int, name: str) -> np.ndarray:
    """Return `values` as a finite float64 array of shape (n_samples,)."""
    refuse_dates(values, name)
    array = np.asarray(to_numpy(values))
    if array.shape != (n_samples,):
        raise InvalidInputError(
            f"{name} must have shape ({n_samples},), one number per row of X; got shape {array.shape}."
        )
    return check_array(array.reshape(-1, 1), dtype=np.float64, input_name=name)[:, 0].copy()


def check_matrix(values: ArrayLike, n_samples: int, name: str) -> np.ndarray:
    """Return `values` as a finite float64 array of shape (n_samples, n_outputs), with at least one column."""
    refuse_dates(values, name)
    array = np.asarray(to_numpy(values))
    if array.ndim != 2 or len(array) != n_samples or array.shape[1] == 0:
        raise InvalidInputError(
            f"{name} must have shape ({n_samples}, n_outputs), one row per row of X; got shape {array.shape}."
        )
    return check_array(array, dtype=np.float64, order="C", input_name=name).copy()


def check_symmetric(values, name):
    """Return `values` as a finite float64 array of shape (n, n), n above 0, symmetric but for rounding."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise InvalidInputError(f"{name} must be a square matrix, not empty; got shape {array.shape}.")
    if not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name} must be finite; it contains NaN or infinity.")
    apart, size = np.abs(array - array.T).max(), np.abs(array).max()
    if apart > MAX_ASYMMETRY * size:
        raise InvalidInputError(
            f"{name} must be symmetric; opposite entries differ by up to {apart:.3g} of {size:.3g}. "
            f"({name} + {name}.T) / 2 is."
        )
    return array


def check_weights(sample_weight: ArrayLike | None, n_samples: int) -> np.ndarray:
    """Return the sample weights as an array of shape (n_samples,); None means a weight of 1 for every row."""
    if sample_weight is None:
        return np.ones(n_samples)
    if isinstance(sample_weight, numbers.Real):
        sample_weight = np.full(n_samples, float(sample_weight))
    weight = check_vector(sample_weight, n_samples, "sample_weight")
    if np.any(weight < 0):
        raise InvalidInputError(
            f"sample_weight must not be negative; got {weight.min():g} at row {int(weight.argmin())}."
        )
    if not np.any(weight > 0):
        raise InvalidInputError("sample_weight must have at least one positive entry; all of them are zero.")
    return weight


def finite_array(values: Any, name: str) -> np.ndarray:
    """Return a float64 copy of `values` after checking that all of them are finite real numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise InvalidInputError(f"{name} must be an array of real numbers; got {values!r} of type {array.dtype}.")
    array = np.array(array, dtype=np.float64, order="C")
    if not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name} must be finite; got NaN or infinity in an array of shape {array.shape}.")
    return array


def check_positive(value, name):
    """Return `value` as a float after checking that it is a finite real number above 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidInputError(f"{name} must be a real number above 0; got {value!r}.")
    if not (np.isfinite(value) and value > 0):
        raise InvalidInputError(f"{name} must be finite and above 0; got {value!r}.")
    return float(value)


def deadline_after(time_limit: float | None) -> float | None:
    """Return the moment at which `time_limit` (seconds of work, 0 included, or None for none) is up, or None."""
    if time_limit is None:
        return None
    return now() + (check_positive(time_limit, "time_limit") if time_limit != 0 else 0.0)


def is_late(deadline: float | None) -> bool:
    """Whether a deadline, a moment of `clock`, a ``time.monotonic()`` or None for none, has passed."""
    return deadline is not None and deadline - now() <= 0.0


def check_strengths(betas: ArrayLike) -> list[float]:
    """Return strengths as a list of floats, distinct and decreasing."""
    values = np.asarray(betas)
    if values.ndim != 1 or len(values) == 0:
        raise InvalidInputError(f"betas must be a sequence of at least one number; got {betas!r}.")
    return sorted({check_positive(value, "every entry of betas") for value in values.tolist()}, reverse=True)


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """Return `value` as an int after checking that it is an integer not below `minimum`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < minimum:
        raise InvalidInputError(f"{name} must be an integer not below {minimum}; got {value!r}.")
    return int(value)


def check_verbose(verbose: Any) -> int:
    """Return `verbose` as an int: 0 is silent."""
    return check_count(int(verbose) if isinstance(verbose, bool) else verbose, "verbose", minimum=0)


def check_flag(value: Any, name: str) -> bool:
    """Return `value` as a bool after checking that it is True or False, NumPy's or 0 and 1 included."""
    if not isinstance(value, bool | np.bool_ | numbers.Integral) or value not in (0, 1):
        raise InvalidInputError(f"{name} must be True or False; got {value!r}.")
    return bool(value)


def check_n_jobs(n_jobs: int | None) -> int | None:
    """Return `n_jobs` after checking that it is None or an integer other than 0."""
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, numbers.Integral) or n_jobs == 0):
        raise InvalidInputError(f"n_jobs must be None or an integer other than 0 (-1: all cores); got {n_jobs!r}.")
    return n_jobs


def check_choice(value: Any, name: str, choices: Sequence[str]) -> Any:
    """Return `value` after checking that it is one of the strings `choices`."""
    if not isinstance(value, str) or value not in choices:
        wanted = f"one of {', '.join(map(repr, choices))}" if len(choices) > 1 else repr(choices[0])
        raise InvalidInputError(f"{name} must be {wanted}; got {value!r}.")
    return value
