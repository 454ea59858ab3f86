"""The marks in numbers: before the decimals, between groups of three digits, and the signs."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Blanks of every kind are one mark, and so are both apostrophes.
EQUIVALENT_MARKS = (" \u00a0\u2009\u202f", "'\u2019")
# A sign, the minus of typographers among them.
SIGN = "[+\u2212-]"
DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Marks:
    """How the numbers of a file are written.

    Attributes
    ----------
    decimal : str
        Before the decimals.
    thousands : str or None
        Between groups of three digits: the first of those in `EQUIVALENT_MARKS` stands for all of them.
    """

    decimal: str = "."
    thousands: str | None = None

    @cached_property
    def number(self):
        """The pattern of a number. One that begins with 0 has no groups: 0,509 is no 509."""
        point = re.escape(self.decimal)
        whole = r"\d+"
        if self.thousands:
            # Groups of exactly three digits after the first: 1,234 and no 12,34.
            whole = rf"(\d+|[1-9]\d{{0,2}}([{self._groups}]\d{{3}})+)"
        return re.compile(rf"{SIGN}?({whole}({point}\d*)?|{point}\d+)(e[+-]?\d+)?", re.IGNORECASE)

    @property
    def _groups(self):
        return re.escape(next((marks for marks in EQUIVALENT_MARKS if self.thousands in marks), self.thousands))

    def plain(self, cell):
        """Return a number with a point before its decimals and without other marks."""
        text = cell.replace("\u2212", "-")
        if self.thousands:
            text = re.sub(f"[{self._groups}]", "", text)
        return text.replace(self.decimal, ".")

    def matches(self, cells):
        """Return which of the cells are numbers."""
        return matches(self.number, cells)


PLAIN_MARKS = Marks()
COMMON_MARKS = (
    PLAIN_MARKS,
    Marks(".", ","),
    Marks(","),
    Marks(",", "."),
    Marks(".", " "),
    Marks(",", " "),
    Marks(".", "'"),
    Marks(",", "'"),
)


def marks_of(decimal, thousands):
    """Return the marks that the options name; points between thousands leave the comma to the decimals."""
    group = next((marks[0] for marks in EQUIVALENT_MARKS if thousands and thousands in marks), thousands) or None
    return Marks(decimal or ("," if group == "." else "."), group)


def matches(pattern, cells):
    """Return which of the cells match a pattern from the first character to the last."""
    return _test(cells, lambda cell: pattern.fullmatch(cell) is not None)


def are_numbers(cells, given=PLAIN_MARKS):
    """Return which of the cells are numbers, with whatever marks."""
    patterns = [marks.number for marks in dict.fromkeys((given, *COMMON_MARKS))]
    return _test(cells, lambda cell: DIGIT.search(cell) and any(pattern.fullmatch(cell) for pattern in patterns))


def _test(cells, test):
    # Every distinct cell is tested once: columns repeat few values many times.
    found = {cell: bool(test(cell)) for cell in set(cells)}
    return np.array([found[cell] for cell in cells], dtype=bool)


def fitting(cells, given=PLAIN_MARKS):
    """Return the marks with which all cells that are numbers with any can be read: often several, perhaps none."""
    numbers = [cell for cell, is_number in zip(cells, are_numbers(cells, given), strict=True) if is_number]
    return tuple(marks for marks in dict.fromkeys((given, *COMMON_MARKS)) if marks.matches(numbers).all())
