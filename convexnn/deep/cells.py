"""Patterns of patterns: where the two ReLU layers of a sub-network are linear.

A first-layer neuron is a vector v, its sign s = +1 or -1, and the cone of its pattern D, in which ``(X v)_+ = D X v``.
Several of them make ``z = sum_j s_j D_j X v_j``, and the rows where z >= 0 are the second pattern. A cell is a tuple of
signed first-layer patterns and one second pattern; on it the sub-network's values are linear in (v_1, v_2, ..).

Which tuples are needed [derived for this project]:

- neurons of one pattern and one sign add up to one neuron that costs no more, so a tuple never repeats itself;
- for the same reason one tuple of *all* signed patterns holds the sub-networks of every width, and n neurons are as
  good as any number: the masses of more can be moved along a null vector of their fits until one is empty;
- a sub-network without negative neurons is a sum of sub-networks with one neuron, at the same cost. So with two or more
  neurons some of them are positive and some are negative.

A cell too many is harmless (its points are networks all the same); a cell too few would not be. Most cells are seen at
random points, and a linear program decides about the others.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from scipy.optimize import linprog

from ..arrangements import count_patterns, enumerate_patterns
from ..arrangements.counting import bound_of
from ..exceptions import PatternLimitError

# Programs of more than 30 000 blocks are refused unless they are asked for.
MAX_BLOCKS = 30_000
# Cells are looked for at 2 000 random points before a linear program decides about the others.
N_CONE_SAMPLES = 2_000
# A cell has an interior when its largest margin in the unit box is above 1e-12; an empty one has the margin 0.
_MIN_MARGIN = 1e-12


@dataclass(frozen=True, eq=False)
class Cells:
    """All cells of the sub-networks of a data matrix, their slots (cell, neuron) listed one after another.

    Attributes
    ----------
    X : ndarray of shape (n, r)
        The data; no row is zero.
    gates : ndarray of bool of shape (n_slots, n)
        First-layer pattern of each slot.
    signs : ndarray of shape (n_slots,)
        Sign of its second-layer weight.
    masks : ndarray of bool of shape (n_cells, n)
        Second pattern of each cell.
    owner : ndarray of int of shape (n_slots,)
        The cell of each slot; ascending.
    """

    X: np.ndarray
    gates: np.ndarray
    signs: np.ndarray
    masks: np.ndarray
    owner: np.ndarray

    @property
    def n_cells(self):
        return len(self.masks)


def make_cells(X, n_hidden, max_blocks):
    """Return the `Cells` of sub-networks with `n_hidden` neurons in the first layer, None for any number.

    Raises
    ------
    PatternLimitError
        Before any cell is made, when their blocks may be more than `max_blocks`.
    """
    n_hidden = effective_limit(n_hidden, len(X))
    # Refuse by bounds before anything is enumerated, then again with the patterns at hand.
    check_tuples(count_patterns(X), n_hidden, max_blocks)
    patterns = enumerate_patterns(X).masks
    patterns = patterns[patterns.any(axis=1)]  # a neuron that is never active does nothing
    n_hidden = effective_limit(n_hidden, 2 * len(patterns))
    tuples = list(signed_tuples(len(patterns), n_hidden))
    if n_hidden is None:
        check_blocks(2 * len(patterns), bound_of(len(X), len(X)), max_blocks)
    else:
        n_masks = [n_masks_bound(X, patterns, *signed) for signed in tuples]
        check_blocks(n_hidden, sum(n_masks), max_blocks)
    return list_cells(X, patterns, tuples, n_hidden is not None)


def effective_limit(n_hidden, enough):
    """Return `n_hidden`, or None where it is no limit because `enough` neurons are as good as any number."""
    return None if n_hidden is None or n_hidden >= enough else n_hidden


def check_tuples(n_patterns, n_hidden, max_blocks):
    """Refuse, before the first layer is enumerated, where already its tuples are too many."""
    if n_hidden is None:
        n_tuples, width = 1, 2 * n_patterns
    else:
        n_tuples, width = n_signed_tuples(n_patterns, n_hidden), n_hidden
    check_blocks(width, n_tuples, max_blocks)


def check_blocks(width, n_cells, max_blocks):
    """Raise `PatternLimitError` when `n_cells` cells of `width` neurons have more blocks than `max_blocks`."""
    # Every cell has a block for each neuron and each sign of the output.
    n_blocks = 2 * width * n_cells
    if n_blocks > max_blocks:
        raise PatternLimitError(
            f"the convex program may have {n_blocks} blocks (2 output signs, {n_cells} patterns of patterns, {width} "
            f"neurons each), more than max_blocks={max_blocks}. Use fewer rows or columns, or raise max_blocks; "
            f"n_hidden=None is often the smaller program."
        )


def n_signed_tuples(n_patterns, n_hidden):
    """Return the number of tuples of `n_hidden` signed patterns; with two or more both signs must occur."""
    if n_hidden == 1:
        return n_patterns
    return sum(comb(n_patterns, k) * comb(n_patterns, n_hidden - k) for k in range(1, n_hidden))


def signed_tuples(n_patterns, n_hidden):
    """Yield pairs (indices of patterns, signs); see the top of the module for the tuples that are left out."""
    everything = range(n_patterns)
    if n_hidden is None:
        yield np.tile(everything, 2), np.repeat([1.0, -1.0], n_patterns)
        return
    if n_hidden == 1:
        yield from ((np.array([i]), np.ones(1)) for i in everything)
        return
    for k in range(1, n_hidden):
        signs = np.repeat([1.0, -1.0], [k, n_hidden - k])
        for positive in combinations(everything, k):
            yield from ((np.array(positive + others), signs) for others in combinations(everything, n_hidden - k))


def mixed_rows(gates, signs):
    """Return the rows on which neurons of both signs are active; on all others the sign of z is known."""
    # z >= 0 where only positive neurons are active, z <= 0 where only negative ones are.
    return np.any(gates[signs > 0], axis=0) & np.any(gates[signs < 0], axis=0)


def n_masks_bound(X, patterns, which, signs):
    """Bound the number of second patterns of one tuple."""
    n_mixed = int(mixed_rows(patterns[which], signs).sum())
    return bound_of(n_mixed, min(n_mixed, len(which) * X.shape[1]))


def list_cells(X, patterns, tuples, in_cones):
    """List the cells of all tuples; `in_cones` asks for each cell whether it has an interior in the cones."""
    gates, signs, masks = [], [], []
    samples = cone_samples(X, patterns) if in_cones else None
    for which, sign in tuples:
        points = None if samples is None else [samples[i] for i in which]
        for mask in second_patterns(X, patterns[which], sign, points):
            gates.append(patterns[which])
            signs.append(sign)
            masks.append(mask)
    owner = np.repeat(np.arange(len(masks)), [len(sign) for sign in signs])
    return Cells(X, np.concatenate(gates), np.concatenate(signs), np.array(masks), owner)


def cone_samples(X, patterns):
    """Return the values ``X v`` (N, n) of some points strictly inside the cone of each pattern; N may be 0."""
    values = np.random.default_rng(0).standard_normal((N_CONE_SAMPLES, X.shape[1])) @ X.T
    # Points are sorted by the pattern that they have.
    _, index = np.unique(np.vstack([patterns, values > 0]), axis=0, return_inverse=True)
    index = index.ravel()
    return [values[index[len(patterns) :] == index[i]] for i in range(len(patterns))]


def second_patterns(X, gates, signs, points):
    """Return the second patterns (M, n) of one tuple, without the one that is nowhere active.

    Off the mixed rows the sign of z is known. On them z runs through the column space of the stacked matrices
    ``s_j D_j X``: all of it for the tuple of all signed patterns (differences of points of a full-dimensional cone
    are everything; `points` is None), else the part that the cones leave.
    """
    mixed = mixed_rows(gates, signs)
    known = np.any(gates[signs > 0], axis=0)
    if not mixed.any():
        return known[None]
    stacked = np.hstack([sign * gate[:, None] * X for gate, sign in zip(gates, signs, strict=True)])
    # Second patterns on the mixed rows are the patterns of z in the column space of the s_j D_j X.
    local = enumerate_patterns(column_basis(stacked[mixed])).masks
    if points is not None:
        seen = sampled_masks(gates[:, mixed], signs, [values[:, mixed] for values in points])
        local = local[[mask.tobytes() in seen or has_interior(X, gates, stacked[mixed], mask) for mask in local]]
    masks = np.repeat(known[None], len(local), axis=0)
    masks[:, mixed] = local
    return masks[masks.any(axis=1)]


def sampled_masks(gates, signs, points):
    """Return the sign patterns of z, as bytes, at random positive multiples of the points of the cones."""
    if min(len(values) for values in points) == 0:
        return set()
    rng, z = np.random.default_rng(0), 0.0
    for gate, sign, values in zip(gates, signs, points, strict=True):
        scales = np.exp(2.0 * rng.standard_normal((N_CONE_SAMPLES, 1)))
        z = z + sign * gate * scales * values[rng.integers(len(values), size=N_CONE_SAMPLES)]
    return set(map(bytes, z > 0))


def column_basis(matrix):
    """Return a basis of the column space of `matrix` with unit rows, which has the same sign patterns."""
    basis, sizes, _ = np.linalg.svd(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), full_matrices=False)
    return basis[:, sizes > 1e-12 * sizes[0]]


def has_interior(X, gates, stacked, mask):
    """Whether some (v_1, v_2, ..) in the unit box is strictly inside the cones and gives z the signs of `mask`.

    Cells without interior are harmless but leave the program without strictly feasible points.
    """
    m, (n, r) = len(gates), X.shape
    # max t subject to rows v >= t, v in the unit box: the cones of both layers, rows of norm one.
    rows = np.zeros((m * n + len(stacked), m * r))
    for j, gate in enumerate(gates):
        rows[j * n : (j + 1) * n, j * r : (j + 1) * r] = np.where(gate, 1.0, -1.0)[:, None] * X
    rows[m * n :] = np.where(mask, 1.0, -1.0)[:, None] * stacked
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    answer = linprog(
        np.append(np.zeros(m * r), -1.0),
        A_ub=np.hstack([-rows, np.ones((len(rows), 1))]),
        b_ub=np.zeros(len(rows)),
        bounds=[(-1, 1)] * (m * r) + [(0, 1)],
    )
    # Where the linear program fails the cell stays: one too many is harmless.
    return answer.status != 0 or answer.x[-1] > _MIN_MARGIN
