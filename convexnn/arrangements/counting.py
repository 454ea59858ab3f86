"""How many activation patterns a data matrix can have."""

from __future__ import annotations

from math import comb

from .._utils.aliases import ArrayLike
from .._utils.validation import check_design
from ._lines import distinct_lines


def count_patterns(X: ArrayLike) -> int:
    """Bound the number of activation patterns ``1[X h >= 0]`` with full-dimensional cells.

    With m distinct nonzero lines (rows that are multiples of one another are one line) which span r dimensions,
    there are at most ``2 * sum_{k < r} C(m - 1, k)`` cells, and exactly so many when every r of the lines are
    independent. A matrix of zeros has one pattern.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data, with a ones column appended when the hidden layer has a bias.

    Returns
    -------
    int
        The bound, an exact integer of any size.

    Raises
    ------
    ValueError
        For entries that are not finite or a matrix without rows or columns.

    References
    ----------
    T. Zaslavsky, Facing up to arrangements, Memoirs of the AMS 154 (1975); T. M. Cover (1965);
    Pilanci and Ergen, Neural networks are convex regularizers (ICML 2020), section 3.
    """
    lines = distinct_lines(check_design(X))
    return bound_of(len(lines.vectors), lines.rank)


def bound_of(n_lines, rank):
    """Return ``2 sum_{k < rank} C(n_lines - 1, k)``; 1 without any line."""
    if rank == 0:
        return 1
    return 2 * sum(comb(n_lines - 1, k) for k in range(min(rank, n_lines)))
