"""Every activation pattern of a data matrix, in time proportional to their number and without linear programs.

The arrangement of the m distinct lines of X in R^r is looked at in the chart "first coordinate = 1" after a random
rotation, with the second coordinate as the height. A cell bounded below has one lowest vertex; a vertex through
which r - 1 lines' hyperplanes pass is the lowest point of exactly one cell. Of two antipodal cells one is found so,
unless the cell meets {first coordinate = second coordinate = 0}: those pairs are the pairs of the arrangement in
that space, which is the same problem with r - 2 coordinates. (C(m, r-1) + C(m, r-3) + ... pairs: the bound.)

Where more than r - 1 hyperplanes pass through a vertex, its cells are those of these hyperplanes' own arrangement,
one dimension lower, on which the height rises in every direction: the bounded cells of that arrangement in the
chart "height = 1". A cell is bounded exactly when it has both a lowest and a highest vertex, so the same procedure
is called twice, with the height and with its negative, and the two answers are intersected.
"""

from __future__ import annotations

from functools import cache, partial
from math import comb

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.bits import all_ones, as_keys, complement_into, expand_into, n_words, pack, unpack
from .._utils.norms import unit_rows
from .._utils.progress import current, reporting
from .._utils.threads import in_turn, slices, thread_map
from .._utils.validation import check_count, check_design, check_verbose
from ..exceptions import PatternLimitError
from ._kernels import lowest_cells_from
from ._lines import distinct_lines
from .counting import bound_of
from .patterns import ActivationPatterns

# Lists of more than ten million patterns are refused unless they are asked for.
MAX_PATTERNS = 10_000_000
# A thread complements or expands 262 144 patterns at a time.
_PATTERNS_PER_TASK = 1 << 18
# Entries of a dependency (of norm 1, between unit vectors) of at most 1e-9 are zero.
_MIN_COEFFICIENT = 1e-9


def enumerate_patterns(
    X: ArrayLike, *, max_patterns: int = MAX_PATTERNS, n_jobs: int | None = None, verbose: int = 0
) -> ActivationPatterns:
    """List every activation pattern ``1[X h >= 0]`` that has a full-dimensional cell, each once.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data, with a ones column appended when the hidden layer has a bias. Any rank; zero, repeated,
        antipodal and coplanar rows are allowed. Zero rows are True in every pattern.
    max_patterns : int, default=10_000_000
        Refuse to start when ``count_patterns(X)`` is larger.
    n_jobs : int or None, default=None
        Number of threads, as joblib reads it. The answer and its order do not depend on it.
    verbose : int, default=0
        1 says every second how far the list is, 2 more; on a terminal a bar does.

    Returns
    -------
    ActivationPatterns
        One pattern of each antipodal pair, and then the other ones in the same order.

    Raises
    ------
    PatternLimitError
        Before anything is allocated, when there may be more than `max_patterns` patterns.
    ValueError
        For entries that are not finite or a matrix without rows or columns.

    Notes
    -----
    Two rows count as parallel, and r rows as coplanar, when they are so up to a relative change of about 1e-12 in
    them: a cell narrower than that is not seen. O(n r) work per cell in general position; up to about a millisecond
    per vertex through which more hyperplanes pass than in general position.

    References
    ----------
    The cells as lowest vertices: Zaslavsky (1975); patterns of ReLU layers: Pilanci and Ergen (ICML 2020).
    """
    X = check_design(X)
    max_patterns = check_count(max_patterns, "max_patterns")
    verbose = check_verbose(verbose)
    lines = distinct_lines(X)
    check_limit(lines, len(X), max_patterns)
    with reporting(verbose), thread_map(n_jobs) as run:
        words = antipodal_pairs(lines.vectors, run)
        words = words if lines.identical_to_rows else over_rows(words, lines, run)
    return ActivationPatterns(X, words)


def check_limit(lines, n_rows, max_patterns):
    """Raise `PatternLimitError` when the bound on the number of patterns exceeds `max_patterns`."""
    bound = bound_of(len(lines.vectors), lines.rank)
    if bound > max_patterns:
        size = bound * 8 * n_words(n_rows)
        raise PatternLimitError(
            f"X may have {bound} activation patterns ({len(lines.vectors)} distinct lines of rank {lines.rank}), "
            f"{size:.3g} bytes when packed, more than max_patterns={max_patterns}. Use solver='column_generation', "
            f"which needs no list of patterns, or some of them from sample_patterns, or raise max_patterns."
        )


def antipodal_pairs(vectors, run):
    """Return the words of all cells of lines `vectors` (m, r): one of each pair, then their complements."""
    m, rank = vectors.shape
    bound = bound_of(m, rank)
    words = np.empty((bound, n_words(m)), dtype=np.uint64)
    if rank == 0:
        return words
    n_pairs = 0
    # Cells that meet {first = second coordinate = 0} are those of the same problem with two coordinates fewer.
    for k in range(rank, 0, -2):
        n_pairs += lowest_cells(unit_rows(vectors[:, rank - k :])[0], words[n_pairs : bound // 2], run)
    # The antipode of a cell has the complementary signs.
    ones = all_ones(m)
    parts = slices(n_pairs, _PATTERNS_PER_TASK)
    run(complement_into, [(words[a:b], ones, words[n_pairs + a : n_pairs + b]) for a, b in parts])
    return words if 2 * n_pairs == bound else words[: 2 * n_pairs].copy()


def over_rows(words, lines, run):
    """Return the words of patterns of rows from those of patterns of lines."""
    target = np.empty((len(words), n_words(len(lines.row_line))), dtype=np.uint64)
    flipped = (lines.row_sign < 0).astype(np.uint8)
    run(
        expand_into,
        [(words[a:b], lines.row_line, flipped, target[a:b]) for a, b in slices(len(words), _PATTERNS_PER_TASK)],
    )
    return target


def lowest_cells(vectors, out, run):
    """Write the cells with a lowest vertex in the chart of unit `vectors` (m, k) to `out`; return their number."""
    m, k = vectors.shape
    if k == 1:
        out[0] = bits_of(vectors[:, 0] > 0)
        return 1
    n_cells, flats = simple_vertices(vectors, out, run)
    with current().stage("vertices on more hyperplanes", len(flats)) as stage:
        for done, flat in enumerate(flats, 1):
            cells = cells_above(vectors, flat)
            out[n_cells : n_cells + len(cells)] = cells
            n_cells += len(cells)
            stage.tick(done, partial("{:,} of {:,} in rank {}, {:,} cells".format, done, len(flats), k, n_cells))
    return n_cells


def simple_vertices(vectors, out, run):
    """Write the cells of the vertices on exactly k - 1 hyperplanes; return their number and the other vertices.

    The other vertices are returned as sets of lines, boolean (n_flats, m), in a canonical order.
    """
    m, k = vectors.shape
    vectors = np.ascontiguousarray(vectors)
    table = np.ascontiguousarray(np.hstack([vectors.T, np.eye(k, 2)]))
    firsts = range(m - k + 2) if k > 2 else range(1)
    starts = np.cumsum([0] + [n_subsets(m, k, first) for first in firsts])
    spans = list(zip(starts[:-1], starts[1:], strict=True))
    tasks = [(vectors, table, i, out[a:b]) for i, (a, b) in zip(firsts, spans, strict=True)]
    with current().stage("vertices", int(starts[-1])) as stage:

        def after(i):
            stage.tick(int(starts[i + 1]), lambda: f"{starts[i + 1]:,} of {starts[-1]:,} in rank {k}")

        answers = run(lowest_cells_from, tasks, after)
    n_cells = 0
    for (start, _), (count, _) in zip(spans, answers, strict=True):
        # Every task had room for all its vertices; degenerate ones leave holes, which are closed.
        if start != n_cells:
            out[n_cells : n_cells + count] = out[start : start + count]
        n_cells += count
    flats = np.unique(np.concatenate([found for _, found in answers]), axis=0)
    return n_cells, unpack(flats, m)


def n_subsets(m, k, first):
    """Return how many (k - 1)-subsets of range(m) begin with `first`; all of them for k = 2."""
    return m if k == 2 else comb(m - 1 - first, k - 2)


def bits_of(mask):
    """Return the words of one mask."""
    return pack(mask[np.newaxis])[0]


def cells_above(vectors, flat):
    """Return the words of the cells whose lowest point is the vertex on the hyperplanes of the lines in `flat`.

    Off the flat their signs are those of the vertex, on it those of the bounded cells of its own arrangement.
    """
    members = np.flatnonzero(flat)
    # The vertex is the null vector of the flat, in the chart.
    vertex = np.linalg.svd(vectors[members], full_matrices=False)[2][-1]
    vertex = vertex if vertex[0] > 0 else -vertex
    masks = vectors @ vertex > 0
    local = bounded_cells(vectors[members] @ local_frame(vertex))
    masks = np.repeat(masks[np.newaxis], len(local), axis=0)
    masks[:, members] = local
    return pack(masks)


def local_frame(vertex):
    """Return an orthonormal basis (k, k - 1) of the vertex's complement whose first vector is upward."""
    k = len(vertex)
    upward = np.zeros(k)
    upward[:2] = -vertex[1] / vertex[0], 1.0
    frame = np.linalg.qr(np.column_stack([vertex, upward, generic_columns(k)]))[0][:, 1:]
    frame[:, 0] *= np.sign(frame[:, 0] @ upward)
    return frame


@cache
def generic_columns(k):
    """Return a fixed matrix (k, k - 2) in general position."""
    return np.random.default_rng(k).standard_normal((k, k - 2))


def bounded_cells(vectors):
    """Return the masks (P, p) of the cells that are bounded in the chart of unit `vectors` (p, k) of rank k."""
    p, k = vectors.shape
    if k == 1:
        return vectors[:, :1].T > 0
    if k == 2:
        return bounded_intervals(vectors[:, 0], vectors[:, 1])
    if p == k + 1:
        return bounded_by_dual_line(vectors)
    # Bounded cells have a lowest and a highest vertex: lowest ones with the height and with its negative.
    turned = vectors * np.where(np.arange(k) == 1, -1.0, 1.0)
    both = [np.empty((comb(p, k - 1), n_words(p)), dtype=np.uint64) for _ in range(2)]
    counts = [lowest_cells(rows, out, in_turn) for rows, out in zip((vectors, turned), both, strict=True)]
    low, high = (as_keys(out[:count]) for out, count in zip(both, counts, strict=True))
    return unpack(np.intersect1d(low, high).view(np.uint64).reshape(-1, n_words(p)), p)


def bounded_intervals(offset, slope):
    """Return the signs, as masks (p - 1, p), of ``offset + slope t`` (p,) between two consecutive zeros t."""
    # Between the zeros number j and j + 1 exactly the lines with the first zeros have changed their sign.
    rank = np.argsort(np.argsort(-offset / slope))
    return (rank <= np.arange(len(rank) - 1)[:, np.newaxis]) == (slope > 0)


def bounded_by_dual_line(vectors):
    """Return `bounded_cells` of p = k + 1 vectors, which have one dependency, by Gale duality.

    A cell with signs s is bounded in the chart iff ``e_1 = sum_i y_i b_i`` for some y with the signs s (Farkas), and
    it is not empty iff no dependency of the b_i has signs that agree with s (Gordan). All such y are a line
    ``y + t dependency``: its bounded intervals between zeros are the cells.
    """
    left, size, right = np.linalg.svd(vectors)
    dependency, chart = left[:, -1], (left[:, :-1] / size) @ right[:, 0]
    circuit = np.abs(dependency) > _MIN_COEFFICIENT
    inner = bounded_intervals(chart[circuit], dependency[circuit])
    masks = np.repeat(chart[np.newaxis] > 0, len(inner), axis=0)
    masks[:, circuit] = inner
    return masks
