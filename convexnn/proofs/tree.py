"""Search for the tree of a proof file, root by root, in float64: what it lacks is the checker's to find.

A search is depth first and its state is small: the cones that are open below one root. It can be left and taken up
again at any cone, and what it has written by then stays.
"""

from dataclasses import dataclass
from math import inf, nextafter
from typing import ClassVar

import numpy as np

from .._utils.progress import current
from .._utils.threads import thread_map
from .._utils.validation import is_late
from .kernels import prove_cones
from .vector_kernels import prove_vector_cones

MAX_DEPTH = 1000  # a cone that was cut so often is not cut again, whatever its bound
CONES_PER_CALL = 2048  # a thread looks at the clock after 2048 cones
SHARES_PER_CONE = 16  # room for multipliers: a call ends where it is used up
BOUND_ROUNDING = 1e-14  # the largest norm of a slope is raised by this share of itself


@dataclass(frozen=True)
class Branches:
    """What is written of a part of a tree, in the order of the file: see `checker` for the arrays.

    Attributes
    ----------
    splits, slopes, n_shares, lines, shares : ndarrays
        Slopes are in the coordinates and the scale of the `Lines`.
    point : ndarray of shape (r,)
        Where the largest value is reached that was met.
    value : float
    """

    ARRAYS: ClassVar = ("splits", "slopes", "n_shares", "lines", "shares")

    splits: np.ndarray
    slopes: np.ndarray
    n_shares: np.ndarray
    lines: np.ndarray
    shares: np.ndarray
    point: np.ndarray
    value: float

    @classmethod
    def join(cls, parts):
        """Return the parts, at least one, one after the other."""
        arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in cls.ARRAYS]
        best = max(parts, key=lambda part: part.value)
        return cls(*arrays, best.point, best.value)

    def bound(self):
        """Return a bound on the norms of the slopes."""
        largest = np.max(np.linalg.norm(self.slopes, 2, axis=(1, 2)), initial=0.0)
        return nextafter(largest * (1.0 + BOUND_ROUNDING), inf)


def prove(lines, target, *, tolerance, margin=1.0, deadline=None, n_jobs=None):
    """Return the `Branches` of the whole tree, its bound at most `target` or what is reached by the deadline.

    Parameters
    ----------
    lines : Lines
    target : float
        In units of the scale of `lines`; where f is larger it rises to ``1 + tolerance`` times that.
    margin : float
        Slopes are raised by this times the rounding of a sum.
    """
    reporter = current()
    with thread_map(n_jobs) as run, reporter.stage(reporter.proof_name) as stage:
        counter = _Counter(stage)
        n_outputs = lines.weights.shape[1]
        search = RootSearch if n_outputs == 1 else VectorRootSearch
        tasks = [
            (search(lines, root, margin), target, tolerance, deadline, counter)
            for root in range(1 << (lines.rank + n_outputs))
        ]
        return Branches.join(run(_below, tasks))


class _Counter:
    """Counts the cones of all threads for the progress."""

    def __init__(self, stage):
        self.stage, self.n_cones = stage, 0

    def add(self, n_cones):
        self.n_cones += n_cones
        self.stage.tick(self.n_cones, lambda: f"{self.n_cones:,} cones bounded")


def _below(search, target, tolerance, deadline, counter):
    """Return the `Branches` below one root."""
    parts = []
    while search.n_open:
        parts.append(search.step(inf if is_late(deadline) else target, tolerance))
        target = max(target, parts[-1].value * (1.0 + tolerance))
        counter.add(len(parts[-1].splits))
    return Branches.join(parts)


class RootSearch:
    """The search below one root of the tree; roots are numbered as in the file, the sign + first.

    Attributes
    ----------
    stack : tuple of ndarrays
        See `kernels.prove_cones`.
    n_open : int
        Cones of the stack that are open.
    """

    def __init__(self, lines, root, margin=1.0):
        rank, n_lines = lines.rank, len(lines.units)
        sign, orthant = 1.0 - 2.0 * (root >> rank), root & ((1 << rank) - 1)
        self.lines, self.sign = lines, sign
        self.weights = sign * lines.weights[:, 0]
        words = max(1, -(-n_lines // 64))
        shapes = ((rank, rank), (rank,), (words,), (rank,))
        types = (float, float, np.uint64, float)
        self.stack = tuple(np.empty((MAX_DEPTH, *shape), kind) for shape, kind in zip(shapes, types, strict=True))
        self.n_open = 1
        generators, sizes, active, settled = self.stack
        generators[0], sizes[0] = lines.generators(orthant)
        active[0] = _packed_bits(n_lines, words)
        settled[0] = sign * lines.linear[0]
        # What float64 may lose in a sum over all lines.
        total = np.abs(self.weights).sum() + np.linalg.norm(lines.linear)
        self.rounding = margin * np.finfo(float).eps * (n_lines + 8 * rank + 64) * total

    def step(self, target, tolerance):
        """Bound some thousand cones, and return the `Branches` that they are."""
        rank, n_lines = self.lines.rank, len(self.weights)
        room, n = n_lines + SHARES_PER_CONE * CONES_PER_CALL, CONES_PER_CALL
        found = np.empty((n, 4), np.int8), np.empty((n, rank)), np.empty(n, np.int32)
        found += np.empty(room, np.int32), np.empty(room, np.uint32)
        point = np.zeros(rank)
        self.n_open, n_cones, n_leaves, n_written, value = prove_cones(
            self.lines.units, self.weights, target, tolerance, self.rounding, n, self.stack, self.n_open, *found, point
        )
        counts = n_cones, n_leaves, n_leaves, n_written, n_written
        splits, slopes, *shares = (array[:count].copy() for array, count in zip(found, counts, strict=True))
        # The slopes of the sign - are those of -f.
        return Branches(splits, self.sign * slopes[:, None, :], *shares, point, value)


class VectorRootSearch:
    """The search below one root of the tree of two outputs, with the verbs of `RootSearch`.

    Attributes
    ----------
    stack : tuple of ndarrays
        See `vector_kernels.prove_vector_cones`.
    n_open : int
    reached : float
        The largest norm of a slope that was written although it is above the target, where rounding allows no less.
    """

    def __init__(self, lines, root, margin=1.0):
        rank, n_lines = lines.rank, len(lines.units)
        corner, orthant = root >> rank, root & ((1 << rank) - 1)
        words = max(1, -(-n_lines // 64))
        shapes = ((rank, rank), (rank,), (words,), (2, rank), (2, 2), (2,))
        types = (float, float, np.uint64, float, float, float)
        self.lines, self.n_open, self.reached = lines, 1, 0.0
        self.stack = tuple(np.empty((MAX_DEPTH, *shape), kind) for shape, kind in zip(shapes, types, strict=True))
        generators, sizes, active, settled, axes, axis_sizes = self.stack
        generators[0], sizes[0] = lines.generators(orthant)
        axes[0], axis_sizes[0] = np.diag(1.0 - 2.0 * (corner >> np.arange(2) & 1)), 1.0
        active[0] = _packed_bits(n_lines, words)
        settled[0] = lines.linear
        total = np.linalg.norm(lines.weights, axis=1).sum() + np.linalg.norm(lines.linear)
        self.rounding = margin * np.finfo(float).eps * (n_lines + 8 * rank + 64) * total

    def step(self, target, tolerance):
        """Bound some thousand pairs of cones, and return the `Branches` that they are."""
        rank, n_lines, n = self.lines.rank, len(self.lines.units), CONES_PER_CALL
        room = 2 * n_lines + SHARES_PER_CONE * n
        found = np.empty((n, 4), np.int8), np.empty((n, 2, rank)), np.empty(n, np.int32)
        found += np.empty(room, np.int32), np.empty(room, np.uint32)
        point = np.zeros(rank)
        limits = max(target, self.reached), tolerance, self.rounding
        self.n_open, n_cones, n_leaves, n_written, value, reached = prove_vector_cones(
            self.lines.units, self.lines.weights, *limits, n, self.stack, self.n_open, *found, point
        )
        self.reached = max(self.reached, reached)
        counts = n_cones, n_leaves, n_leaves, n_written, n_written
        return Branches(*(array[:count].copy() for array, count in zip(found, counts, strict=True)), point, value)


def _packed_bits(n_lines, words):
    """Return the bits of all lines, packed in words of 64: every line counts as straddling at first."""
    bits = np.zeros(64 * words, np.uint8)
    bits[:n_lines] = 1
    return np.packbits(bits, bitorder="little").view(np.uint64)
