"""Search for the tree of a proof file, root by root, in float64: what it lacks is the checker's to find.

A search is depth first and its state is small: the cones that are open below one root. It can be left and taken up
again at any cone, and what it has written by then stays; see `tasks`.
"""

from dataclasses import dataclass
from math import inf, nextafter
from typing import ClassVar

import numpy as np

from .kernels import prove_cones

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


class OpenCones:
    """The cones below one root that a search has not yet bounded.

    Parameters
    ----------
    cones : tuple of ndarrays
        What describes them, each with a row for every cone; the last cone comes next.
    depth : int
        How many cones of the same stack belong to other searches and come after these: the stack is as much lower.

    Attributes
    ----------
    stack : tuple of ndarrays
        See `kernels.prove_cones`.
    n_open : int
        Cones of the stack that are open.
    """

    def __init__(self, cones, depth):
        self.stack = tuple(np.empty((MAX_DEPTH - depth, *part.shape[1:]), part.dtype) for part in cones)
        self.n_open = len(cones[0])
        for array, part in zip(self.stack, cones, strict=True):
            array[: self.n_open] = part

    def open_cones(self):
        """Return a copy of the cones, to go on with at any time and anywhere."""
        return tuple(array[: self.n_open].copy() for array in self.stack)


class RootSearch(OpenCones):
    """The search below one root of the tree; roots are numbered as in the file, the sign + first.

    Parameters
    ----------
    lines : Lines
    root : int
    margin : float
        Slopes are raised by this times the rounding of a sum.
    cones : tuple of ndarrays, optional
        Open cones below the root, as `open_cones` returns them; without them all of it is open.
    depth : int
        See `OpenCones`.
    """

    def __init__(self, lines, root, margin=1.0, cones=None, depth=0):
        rank, n_lines = lines.rank, len(lines.units)
        self.lines, self.sign = lines, 1.0 - 2.0 * (root >> rank)
        # What came from another process may be read-only, for which the kernel would be compiled once more.
        self.units, self.weights = np.require(lines.units, requirements="CAW"), self.sign * lines.weights[:, 0]
        super().__init__(self._root_cone(root) if cones is None else cones, depth)
        # What float64 may lose in a sum over all lines.
        total = np.abs(self.weights).sum() + np.linalg.norm(lines.linear)
        self.rounding = margin * np.finfo(float).eps * (n_lines + 8 * rank + 64) * total

    def _root_cone(self, root):
        """Return the root as the only open cone."""
        generators, sizes = self.lines.generators(root & ((1 << self.lines.rank) - 1))
        return generators[None], sizes[None], all_lines(len(self.weights)), self.sign * self.lines.linear[:1]

    def step(self, target, tolerance):
        """Bound some thousand cones, and return the `Branches` that they are."""
        rank, n_lines = self.lines.rank, len(self.weights)
        room, n = n_lines + SHARES_PER_CONE * CONES_PER_CALL, CONES_PER_CALL
        found = np.empty((n, 4), np.int8), np.empty((n, rank)), np.empty(n, np.int32)
        found += np.empty(room, np.int32), np.empty(room, np.uint32)
        point = np.zeros(rank)
        self.n_open, n_cones, n_leaves, n_written, value = prove_cones(
            self.units, self.weights, target, tolerance, self.rounding, n, self.stack, self.n_open, *found, point
        )
        counts = n_cones, n_leaves, n_leaves, n_written, n_written
        splits, slopes, *shares = (array[:count].copy() for array, count in zip(found, counts, strict=True))
        # The slopes of the sign - are those of -f.
        return Branches(splits, self.sign * slopes[:, None, :], *shares, point, value)


def all_lines(n_lines):
    """Return one row of bits, packed in words of 64, of lines that all count as straddling: at first they do."""
    bits = np.zeros((1, 64 * max(1, -(-n_lines // 64))), np.uint8)
    bits[:, :n_lines] = 1
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
