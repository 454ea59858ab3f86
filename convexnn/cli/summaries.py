"""What is known of a column after all its rows have passed by, some at a time: what `prepare` finds in whole tables."""

from collections import Counter

import numpy as np

from ..exchange.cells import as_labels, as_numbers, as_truth
from ..exchange.preparation import BOOLEAN, NUMBER, TEXT
from .diagnosis import Gaps
from .leaving_out import MIN_CONSECUTIVE_ROWS, has_name_of_identifiers, is_unnamed

# Larger integers than 2^62 are not looked at for counts of the rows: int64 ends at 2^63.
MAX_INTEGER = 2.0**62


class Summary:
    """What all kinds of columns have: gaps, and the first cell that is not of the kind.

    Parameters
    ----------
    name : str
    """

    kind = NUMBER

    def __init__(self, name):
        self.name, self.n_rows, self.n_missing = name, 0, 0
        self.first_gap = self.stray = None  # a place, and a place with its cell

    def add(self, cells, place):
        """Take in the cells of some rows, a Series; `place` says where the row of an index is."""
        is_gap = cells.isna().to_numpy()
        if is_gap.any():
            self.n_missing += int(is_gap.sum())
            self.first_gap = self.first_gap or place(int(np.argmax(is_gap)))
        self.n_rows += len(cells)
        is_stray = self._take(cells, is_gap, place)
        if self.stray is None and is_stray is not None and is_stray.any():
            row = int(np.argmax(is_stray))
            self.stray = place(row), cells.tolist()[row]

    @property
    def gaps(self):
        """The missing values, as a `Gaps`."""
        return Gaps(self.n_missing, self.n_rows, self.first_gap)

    @property
    def is_empty(self):
        """Whether no row has a value."""
        return self.n_missing == self.n_rows

    @property
    def is_full(self):
        """Whether all rows have values, and there are enough to tell that they count the rows."""
        return self.n_missing == 0 and self.n_rows >= MIN_CONSECUTIVE_ROWS

    @property
    def is_doubtful(self):
        """Whether one pass does not tell if the column numbers the rows."""
        return False

    def reason(self):
        """Return why the column says nothing about new rows, None where it may: as `leaving_out` does."""
        if self.is_empty:
            return "empty"
        return None if self.stray else self._constant() or self._what_it_counts()


class NumberSummary(Summary):
    """A column of numbers."""

    kind = NUMBER

    def __init__(self, name):
        super().__init__(name)
        self.first_infinite = self.first_negative = None
        self.low, self.high, self.first = np.inf, -np.inf, None
        self.are_integers, self.are_whole, self.repeats, self.ranges = True, True, False, []
        # Modulo 2^64: sums of the numbers and of their squares, which tell whether they are those of a range.
        self.sum, self.square_sum = 0, 0

    def _take(self, cells, is_gap, place):
        values, is_bad = as_numbers(cells)
        self.are_integers &= cells.dtype.kind in "iu" or bool(is_gap.all())
        for name, is_found in (("first_infinite", np.isinf(values)), ("first_negative", values < 0)):
            if getattr(self, name) is None and is_found.any():
                setattr(self, name, place(int(np.argmax(is_found))))
        there = values[~is_gap & ~is_bad]
        if len(there) == 0:
            return is_bad
        self.first = cells[~is_gap].iloc[0] if self.first is None else self.first
        self.low, self.high = min(self.low, float(there.min())), max(self.high, float(there.max()))
        self.are_whole = self.are_whole and bool(np.all(np.isfinite(there)) and np.all(there == np.round(there)))
        if not self.are_whole or self.repeats or max(-self.low, self.high) >= MAX_INTEGER:
            self.repeats = True
        else:
            self._count((cells[~is_gap].to_numpy() if cells.dtype.kind in "iu" else there).astype(np.int64))
        return is_bad

    def _count(self, integers):
        """Take in what tells whether the numbers count the rows."""
        self.repeats = len(np.unique(integers)) < len(integers)
        self.ranges.append((int(integers.min()), int(integers.max())))
        codes = integers.astype(np.uint64)
        self.sum = (self.sum + int(codes.sum(dtype=np.uint64))) % 2**64
        self.square_sum = (self.square_sum + int((codes * codes).sum(dtype=np.uint64))) % 2**64

    @property
    def is_consecutive(self):
        """Whether the numbers are those of a range, each once."""
        if not self._can_be_unique:
            return False
        first, last, n_rows = min(low for low, _ in self.ranges), max(high for _, high in self.ranges), self.n_rows
        if last - first != n_rows - 1:
            return False
        total = n_rows * first + n_rows * (n_rows - 1) // 2
        squares = n_rows * first**2 + first * n_rows * (n_rows - 1) + (n_rows - 1) * n_rows * (2 * n_rows - 1) // 6
        return (total % 2**64, squares % 2**64) == (self.sum, self.square_sum)

    @property
    def _can_be_unique(self):
        return self.is_full and not self.repeats

    @property
    def _are_ranges_apart(self):
        ranges = sorted(self.ranges)
        return all(high < low for (_, high), (low, _) in zip(ranges, ranges[1:], strict=False))

    @property
    def is_doubtful(self):
        """Whether the column has the name of identifiers, and one pass does not tell if each is there once."""
        named = has_name_of_identifiers(self.name) and self.are_integers or is_unnamed(self.name)
        return named and self._can_be_unique and not self._are_ranges_apart and not self.is_consecutive

    def _constant(self):
        if self.low != self.high:
            return None
        return f"constant ({self.first if self.are_integers and not self.n_missing else float(self.first)})"

    def _what_it_counts(self):
        unnamed = is_unnamed(self.name)
        if not self._can_be_unique or not (self.are_integers or unnamed):
            return None
        is_identifier = unnamed or has_name_of_identifiers(self.name)
        counts = self.is_consecutive or (is_identifier and self._are_ranges_apart)
        return "counts the rows" if counts else None


class TruthSummary(Summary):
    """A column of true and false."""

    kind = BOOLEAN

    def __init__(self, name):
        super().__init__(name)
        self.n_true, self.n_false = 0, 0

    def _take(self, cells, is_gap, place):
        values, is_bad = as_truth(cells)
        self.n_true += int(np.sum(values == 1.0))
        self.n_false += int(np.sum(values == 0.0))
        return is_bad

    def _constant(self):
        return None if self.n_true and self.n_false else f"constant ({self.n_true > 0})"

    def _what_it_counts(self):
        return None


class TextSummary(Summary):
    """A column of labels; of more than `most` different ones only that there are so many is known.

    Parameters
    ----------
    name : str
    most : int
    """

    kind = TEXT

    def __init__(self, name, most):
        super().__init__(name)
        self.most, self.counts, self.first, self.repeats = most, Counter(), None, False

    def _take(self, cells, is_gap, place):
        labels = [label for label in as_labels(cells) if label is not None]
        if not labels:
            return
        self.first = labels[0] if self.first is None else self.first
        found = Counter(labels)
        self.repeats = self.repeats or len(found) < len(labels)
        if not self.is_crowded:
            self.counts.update(found)

    @property
    def is_crowded(self):
        """Whether there are more labels than are counted."""
        return len(self.counts) > self.most

    def _constant(self):
        return f"constant ({self.first})" if len(self.counts) == 1 else None

    def _what_it_counts(self):
        """Return that the column names the rows: its labels are counted, or every block has each of them once."""
        repeats = self.repeats if self.is_crowded else max(self.counts.values()) > 1
        is_identifier = is_unnamed(self.name) or has_name_of_identifiers(self.name)
        return "names the rows" if is_identifier and self.is_full and not repeats else None
