"""A point well inside each cell: the direction of largest margin, one small least-squares problem a cell."""

import numpy as np
from scipy.optimize import nnls

from .._utils.bits import pack, unpack
from ..exceptions import InvalidInputError
from ._lines import distinct_lines, power_of_two

# Points are found for 16 384 patterns at a time, so that masks are unpacked in blocks.
_PATTERNS_PER_BLOCK = 1 << 14


def interior_points(X, words):
    """Return a point (P, d) strictly inside the cell of each pattern, checked by ``1[X h >= 0]``.

    Raises
    ------
    ValueError
        When the check fails for a pattern: it has no full-dimensional cell, or one too narrow for float64.
    """
    lines = distinct_lines(X)
    gates = np.empty((len(words), X.shape[1]))
    for start in range(0, len(words), _PATTERNS_PER_BLOCK):
        block = slice(start, start + _PATTERNS_PER_BLOCK)
        gates[block] = points_of_masks(lines, unpack(words[block], len(X)))
        check_points(X, gates[block], words[block], start)
    return gates


def points_of_masks(lines, masks):
    """Return unit points (P, d) of largest margin of boolean `masks` (P, n)."""
    if lines.rank == 0:
        return np.eye(1, len(lines.lift)).repeat(len(masks), axis=0)
    row = np.empty(len(lines.vectors), dtype=np.intp)
    # The first row of every line stands for it: filled from the last row to the first.
    nonzero = np.flatnonzero(lines.row_line >= 0)[::-1]
    row[lines.row_line[nonzero]] = nonzero
    signs = np.where(masks[:, row], 1.0, -1.0) * lines.row_sign[row]
    points = np.array([largest_margin_point(lines.vectors * sign[:, np.newaxis]) for sign in signs])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    gates = points @ lines.lift.T
    gates /= np.abs(gates).max(axis=1, keepdims=True)
    return gates / np.linalg.norm(gates, axis=1, keepdims=True)


def check_points(X, gates, words, start):
    """Raise unless every one of `gates` has its pattern."""
    scaled = X / power_of_two(np.abs(X).max(axis=1))[:, np.newaxis]
    wrong = np.flatnonzero(np.any(pack(gates @ scaled.T >= 0) != words, axis=1))
    if len(wrong):
        raise InvalidInputError(
            f"{len(wrong)} of the masks have no gate h with 1[X h >= 0] equal to them in float64 (the first is number "
            f"{start + wrong[0]}): they are no patterns of X, or their cells are narrower than rounding."
        )


def largest_margin_point(signed):
    """Return the u of least norm with ``signed @ u >= 1`` (m, r), as a least-distance problem by NNLS.

    Lawson and Hanson (1974), chapter 23. The constraints found active are then solved again as equations, which is
    accurate in narrow cells too.
    """
    rank = signed.shape[1]
    # min ||u|| subject to signed u >= 1 is dual to nonnegative least squares on [signed'; 1'] y = (0, 1).
    system = np.vstack([signed.T, np.ones(len(signed))])
    weight, _ = nnls(system, np.append(np.zeros(rank), 1.0), maxiter=100 * system.shape[1])
    return np.linalg.lstsq(signed[weight > 0], np.ones(np.count_nonzero(weight)))[0]
