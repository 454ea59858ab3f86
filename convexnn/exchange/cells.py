"""The cells of a table's column: numbers, truth values, labels, or nothing."""

from typing import Any

import numpy as np

TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def as_numbers(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of a Series as float64, NaN where they are missing, and which of them are no numbers."""
    import pandas
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    missing = column.isna().to_numpy()
    if is_complex_dtype(column.dtype):
        return np.full(len(column), np.nan), ~missing
    if not (is_numeric_dtype(column.dtype) or is_bool_dtype(column.dtype)):
        # Text that is a number counts as one; everything else becomes NaN, and is reported as no number.
        column = pandas.to_numeric(column.astype(object), errors="coerce")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values, np.isnan(values) & ~missing


def as_truth(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of a Series as 0.0, 1.0 and NaN where they are missing, and which are neither true nor false."""
    labels = as_labels(column)
    values = np.array([np.nan if label is None else TRUTH.get(label.lower(), np.nan) for label in labels], dtype=float)
    return values, np.isnan(values) & ~column.isna().to_numpy()


def as_labels(column: Any) -> list[str | None]:
    """Return the cells of a Series as text, None where they are missing.

    Whole numbers are written without a point: a missing value elsewhere in the column must not turn 1 into 1.0.
    """
    missing = column.isna().to_numpy()
    return [None if is_gap else _label(cell) for cell, is_gap in zip(column.tolist(), missing, strict=True)]


def _label(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def first_row(is_bad: np.ndarray) -> int:
    """Return the first row that is marked; the one below the header is row 1."""
    return int(np.argmax(is_bad)) + 1
