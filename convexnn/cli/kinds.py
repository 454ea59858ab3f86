"""The kind of a column of a table, by its type and by the look of its text."""

import re
from enum import Enum

import numpy as np

from .marks import PLAIN_MARKS, SIGN, are_numbers, matches

# A column is what 0.9 of its cells look like.
MIN_KIND_SHARE = 0.9
# Where half of the cells are numbers the others are taken for marks of missing values.
MIN_NUMBER_SHARE = 0.5

# Dates: written in words or in digits, with or without a time of day.
MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
TIME = r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?"
DAY = r"\d{4}(?P<a>[-/.])\d{1,2}(?P=a)\d{1,2}|\d{1,2}(?P<b>[-/.])\d{1,2}(?P=b)(\d{4}|\d{2})|\d{4}[-/]\d{2}"
WRITTEN_DAY = rf"\d{{1,2}}\.?[ -]{MONTH}([ -,]+\d{{2,4}})?|{MONTH}[ -]\d{{1,2}},? \d{{2,4}}|{MONTH}[ -]\d{{4}}"
ZONE = r"( ?(z|utc|gmt|[+-]\d{2}:?\d{2}))?"
DATE = re.compile(rf"({DAY}|{WRITTEN_DAY})([t ]+{TIME}{ZONE})?|{TIME}{ZONE}", re.IGNORECASE)
SIGNED = re.compile(rf"(?=.*[%€$£¥]){SIGN}?[$€£¥]?\s?{SIGN}?[\d.,' \u2019\u00a0\u2009\u202f]*\d\s?[%€$£¥]?")


class Kind(Enum):
    """The kind of a column."""

    number = "numbers"
    boolean = "true and false"
    text = "text"
    date = "dates or times"
    signed = "numbers with a sign of percent or currency"
    mixed = "numbers and some text"
    marked = "numbers with other marks than those that the file is read with"
    pointed = "numbers with a point, kept as text"
    other = "neither numbers nor text"


def kind_of(column, marks=PLAIN_MARKS):
    """Return the `Kind` of a Series, and which of its rows show it; `marks` are those that its file is read with."""
    from pandas.api import types

    # The type decides where pandas has one; columns of objects are judged by their cells.
    there = ~column.isna().to_numpy()
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return Kind.boolean, there
    if types.is_complex_dtype(dtype):
        return Kind.other, there
    if types.is_numeric_dtype(dtype):
        return Kind.number, there
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype) or dtype.kind in "mM":
        return Kind.date, there
    if isinstance(getattr(dtype, "categories", None), object) and hasattr(dtype, "ordered"):
        return Kind.text, there
    return _kind_of_objects(column, there, marks)


def _kind_of_objects(column, there, marks):
    cells = [cell for cell, is_there in zip(column.tolist(), there, strict=True) if is_there]
    if all(isinstance(cell, bool | np.bool_) for cell in cells):
        return Kind.boolean, there
    if all(hasattr(cell, "isoformat") for cell in cells):
        return Kind.date, there
    if not all(isinstance(cell, str | bool | int | float | np.generic) for cell in cells):
        return Kind.other, there
    kind, shows = kind_of_text([str(cell).strip() for cell in cells], marks)
    rows = np.zeros(len(column), dtype=bool)
    rows[np.flatnonzero(there)[shows]] = True
    return kind, rows


def kind_of_text(cells, marks=PLAIN_MARKS):
    """Return the `Kind` of text that is not missing, and which of the cells show it (bool)."""
    # The first kind that fits: each check takes the cells that those before it have not explained.
    read, dates = marks.matches(cells), matches(DATE, cells)
    numbers = are_numbers(cells, marks)
    # pandas would have read plain numbers: these were kept as text on purpose.
    if read.all() and any("." in cell for cell in cells):
        return Kind.pointed, np.array(["." in cell for cell in cells])
    if not read.all() and _is_most(dates):
        return Kind.date, dates
    if not read.all() and numbers.all():
        return Kind.marked, ~read
    signed = matches(SIGNED, cells) & ~numbers
    if signed.any() and _is_most(signed | numbers):
        return Kind.signed, signed
    if numbers.any() and not numbers.all() and numbers.mean() >= MIN_NUMBER_SHARE:
        return Kind.mixed, ~numbers
    return Kind.text, np.ones(len(cells), dtype=bool)


def _is_most(shows):
    return len(shows) > 0 and shows.mean() >= MIN_KIND_SHARE
