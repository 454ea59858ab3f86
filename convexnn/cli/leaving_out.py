"""Columns that say nothing about new rows: numbers of the rows, and columns with one value."""

import re

import numpy as np

UNNAMED = re.compile(r"(Unnamed: \d+|\s*)")
IDENTIFIER = re.compile(r"(?i:row|index|row_?(id|names?|num|numbers?)|id|.*[_ .-]id)|.*[a-z](Id|ID)")
FIRST_DAY, LAST_DAY = 19000101, 20991231
# From 4 rows on consecutive numbers are no coincidence.
MIN_CONSECUTIVE_ROWS = 4


def needless(frame, names):
    """Return, by the names of columns, why they are left out unless they are asked for.

    Not all of them: where no column would be left, they stay.
    """
    return unless_all({name: reason for name in names if (reason := _reason(frame[name]))}, names)


def unless_all(reasons, names):
    """Return the reasons to leave out columns by their names; where no column would be left, those of empty ones."""
    if len(reasons) < len(names):
        return reasons
    # The table may be a test of one row.
    return {name: reason for name, reason in reasons.items() if reason == "empty"}


def is_unnamed(name):
    """Whether a column has no name of its own."""
    return UNNAMED.fullmatch(name) is not None


def has_name_of_identifiers(name):
    """Whether a column is called like one that names rows, customers or places."""
    return IDENTIFIER.fullmatch(name) is not None


def are_days(column):
    """Whether integers are days such as 20210131."""
    import pandas

    if column.dtype.kind not in "iu" or not column.between(FIRST_DAY, LAST_DAY).all():
        return False
    return pandas.to_datetime(column.astype(str), format="%Y%m%d", errors="coerce").notna().all()


def _reason(column):
    cells = column.dropna()
    if column.dtype.kind == "O":
        cells = cells.astype(str)  # lists, which parquet may hold, cannot be compared
    if len(cells) == 0:
        return "empty"
    if cells.nunique() == 1:
        return f"constant ({cells.iloc[0]})"
    return _what_it_counts(column, cells)


def _what_it_counts(column, cells):
    """Return how a column numbers or names the rows, None if it does not: only its name tells it of text and of
    integers that are not consecutive."""
    if len(cells) < max(MIN_CONSECUTIVE_ROWS, len(column)) or not cells.is_unique:
        return None
    unnamed = is_unnamed(column.name)
    is_identifier = unnamed or has_name_of_identifiers(column.name)
    if column.dtype.kind not in "iuf":
        return "names the rows" if is_identifier and column.dtype.kind in "OUT" else None
    values = cells.to_numpy(dtype=float)
    if column.dtype.kind == "f" and not (unnamed and np.all(values == np.round(values))):
        return None
    # Distinct whole numbers over a range of as many: they count the rows.
    consecutive = values.max() - values.min() == len(values) - 1
    return "counts the rows" if consecutive or is_identifier else None
