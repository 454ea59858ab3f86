"""Exact medians of columns that are larger than memory: digits of the middle numbers, a pass for each."""

import numpy as np

# The bits of a float64 from the first on: 4 digits of 13 bits and one of 12 need 5 passes, and 64 KiB a column.
DIGITS = (13, 13, 13, 13, 12)
SIGN = np.uint64(1 << 63)


def medians(passes, counts):
    """Return the medians of columns of numbers, as ``numpy.nanmedian`` of the whole would.

    Parameters
    ----------
    passes : callable
        Called once for every pass; returns an iterable of arrays (n_rows, n_columns), NaN where a value is missing.
    counts : sequence of int
        Numbers in every column, at least one.
    """
    # One or two numbers in the middle: their prefixes, and how many numbers with the prefix are below them.
    ranks = [{(count - 1) // 2, count // 2} for count in counts]
    found = [{rank: (0, rank) for rank in own} for own in ranks]
    shift = 64
    for n_bits in DIGITS:
        shift -= n_bits
        prefixes = [sorted({prefix for prefix, _ in own.values()}) for own in found]
        tables = [np.zeros((len(own), 1 << n_bits), dtype=np.int64) for own in prefixes]
        for values in passes():
            for column, own, table in zip(values.T, prefixes, tables, strict=True):
                _count(_codes(column[~np.isnan(column)]), own, table, shift, n_bits)
        found = [
            {rank: _next_digit(place, own, table, n_bits) for rank, place in places.items()}
            for places, own, table in zip(found, prefixes, tables, strict=True)
        ]
    return [float(np.mean([_number(prefix) for prefix, _ in own.values()])) for own in found]


def _count(codes, prefixes, table, shift, n_bits):
    """Add to a table how often every digit follows every prefix."""
    head = codes >> np.uint64(shift)
    digits = (head & np.uint64((1 << n_bits) - 1)).astype(np.int64)
    # A shift by all 64 bits would not be defined: the first digit follows the empty prefix.
    before = head >> np.uint64(n_bits)
    for prefix, counts in zip(prefixes, table, strict=True):
        counts += np.bincount(digits[before == np.uint64(prefix)], minlength=len(counts))


def _next_digit(place, prefixes, table, n_bits):
    """Return the prefix with one digit more, and the rank among the numbers that begin with it."""
    prefix, rank = place
    ends = np.cumsum(table[prefixes.index(prefix)])
    digit = int(np.searchsorted(ends, rank, side="right"))
    return (prefix << n_bits) | digit, rank - (int(ends[digit - 1]) if digit else 0)


def _codes(values):
    """Return integers in the order of the numbers."""
    bits = (values + 0.0).view(np.uint64)  # + 0.0 turns -0.0 into 0.0
    return np.where(bits >> np.uint64(63), ~bits, bits ^ SIGN)


def _number(code):
    bits = np.uint64(code)
    return (bits ^ SIGN if bits & SIGN else ~bits).view(np.float64)
