"""How the numbers of a file are written: with one pair of marks in all columns, the one that most of them fit."""

from dataclasses import dataclass

import numpy as np

from .kinds import Kind, kind_of
from .marks import COMMON_MARKS, Marks, are_numbers, fitting


@dataclass(frozen=True)
class Numerals:
    """How the numbers of a column are written.

    Attributes
    ----------
    fits : tuple of Marks
        Those with which all of them can be read.
    row : int
        The first row that shows a mark; the one below the header is row 1.
    cells : tuple of str
        Distinct ones with marks, that of the row first.
    is_read : bool
        Whether they have been read as numbers.
    """

    fits: tuple
    row: int
    cells: tuple
    is_read: bool

    def is_same(self, one, other):
        """Whether two ways of reading make the same numbers of it."""
        return all(one.plain(cell) == other.plain(cell) for cell in self.cells)


@dataclass(frozen=True)
class Rereading:
    """How a file should be read, and where it cannot be told, how else.

    Attributes
    ----------
    ways : tuple of Marks
        One, or two that make different numbers of some column.
    given : Marks
        How it was read.
    columns : dict of str to Numerals
    """

    ways: tuple
    given: Marks
    columns: dict

    def changed(self, names):
        """Return those of the columns that have to be read, or would be read, in another way."""
        return [name for name in names if self._fits(name) and not self._stays(self.columns[name])]

    def strays(self, names):
        """Return those of the columns whose numbers are written in a way of their own."""
        return [name for name in names if name in self.columns and not self._fits(name)]

    def options(self, way):
        """Return the options that make a way of reading of the given one."""
        decimal = (f"--decimal {_typed(way.decimal)}",) if way.decimal != self.given.decimal else ()
        is_new = way.thousands and way.thousands != self.given.thousands
        return decimal + ((f"--thousands {_typed(way.thousands)}",) if is_new else ())

    def replaced(self):
        """Return the options that the first way takes the place of."""
        way, given = self.ways[0], self.given
        decimal = f"--decimal {_typed(given.decimal)}" if given.decimal not in (".", way.decimal) else None
        is_new = given.thousands and given.thousands != way.thousands
        return " ".join(filter(None, (decimal, f"--thousands {_typed(given.thousands)}" if is_new else None)))

    def _fits(self, name):
        return name in self.columns and self.ways[0] in self.columns[name].fits

    def _stays(self, numerals):
        return numerals.is_read and all(numerals.is_same(self.given, way) for way in self.ways)


def rereading(frame):
    """Return the `Rereading` of a table from a csv file; None where all its numbers have been read."""
    given = frame.attrs.get("marks")
    if given is None:
        return None
    columns = {name: found for name in frame.columns if (found := _numerals(frame, name, given))}
    if all(numerals.is_read for numerals in columns.values()):
        return None
    ways = [way for way in dict.fromkeys((given, *COMMON_MARKS)) if way.thousands or not given.thousands]
    # The pair of marks that most columns fit; the given one wins a tie, then the one that options name.
    counts = [sum(way in numerals.fits for numerals in columns.values()) for way in ways]
    best = [way for way, count in zip(ways, counts, strict=True) if count == max(counts)]
    best = [given] if given in best else _as_said(best, given, frame.attrs["said"])
    known = [numerals for numerals in columns.values() if best[0] in numerals.fits]
    # A second way is named only where it would make other numbers of some cell.
    others = [way for way in best if not all(numerals.is_same(best[0], way) for numerals in known)]
    return Rereading((*best[:1], *others[:1]), given, columns)


def _as_said(ways, given, said):
    """Return those ways that keep what options say, where there are any."""
    for name in ("decimal", "thousands"):
        kept = [way for way in ways if getattr(way, name) == getattr(given, name)]
        ways = kept if said[name] and kept else ways
    return ways


def _numerals(frame, name, given):
    """Return how the numbers of a column are written; None for one without marks, and for other kinds of columns."""
    if name in frame.attrs.get("pointed", {}):
        fits, row, cell = frame.attrs["pointed"][name]
        return Numerals(fits, row, (cell,), True)
    if name in frame.attrs.get("as_text", ()) or kind_of(frame[name], given)[0] not in (Kind.marked, Kind.mixed):
        return None
    column = frame[name]
    rows = np.flatnonzero(~column.isna().to_numpy())
    cells = [str(cell).strip() for cell in column.iloc[rows]]
    shows = are_numbers(cells, given) & [not cell.isdecimal() for cell in cells]
    if not shows.any():
        return None
    marked = [cell for cell, is_shown in zip(cells, shows, strict=True) if is_shown]
    is_read = bool(given.matches(marked).all())
    first = ~given.matches(cells) & shows if not is_read else shows
    row = int(np.argmax(first))
    return Numerals(fitting(cells, given), int(rows[row]) + 1, tuple(dict.fromkeys((cells[row], *marked))), is_read)


def _typed(mark):
    return f'"{mark}"' if mark == "'" else f"'{mark}'"
