"""The search below one root of the tree of two outputs: pairs of a cone of inputs and an arc of outputs."""

import numpy as np

from .tree import CONES_PER_CALL, SHARES_PER_CONE, Branches, OpenCones, all_lines
from .vector_kernels import prove_vector_cones


class VectorRootSearch(OpenCones):
    """The search below one root, with the parameters and the verbs of `tree.RootSearch`.

    The arrays of its stack are those of `vector_kernels.prove_vector_cones`.

    Attributes
    ----------
    reached : float
        The largest norm of a slope that was written although it is above the target, where rounding allows no less.
    """

    def __init__(self, lines, root, margin=1.0, cones=None, depth=0):
        rank, n_lines = lines.rank, len(lines.units)
        self.lines, self.reached = lines, 0.0
        # What came from another process may be read-only, for which the kernel would be compiled once more.
        self.units, self.weights = (np.require(part, requirements="CAW") for part in (lines.units, lines.weights))
        super().__init__(self._root_cone(root) if cones is None else cones, depth)
        # What float64 may lose in a sum over all lines.
        total = np.linalg.norm(lines.weights, axis=1).sum() + np.linalg.norm(lines.linear)
        self.rounding = margin * np.finfo(float).eps * (n_lines + 8 * rank + 64) * total

    def _root_cone(self, root):
        """Return what describes the cone of a root, on which every line counts as straddling."""
        corner, orthant = root >> self.lines.rank, root & ((1 << self.lines.rank) - 1)
        generators, sizes = self.lines.generators(orthant)
        axes = np.diag(1.0 - 2.0 * (corner >> np.arange(2) & 1))
        cone = generators, sizes, all_lines(len(self.units))[0], self.lines.linear, axes, np.ones(2)
        return tuple(part[None] for part in cone)

    def step(self, target, tolerance):
        """Bound some thousand pairs of cones, and return the `Branches` that they are."""
        rank, n_lines, n = self.lines.rank, len(self.lines.units), CONES_PER_CALL
        room = 2 * n_lines + SHARES_PER_CONE * n
        found = np.empty((n, 4), np.int8), np.empty((n, 2, rank)), np.empty(n, np.int32)
        found += np.empty(room, np.int32), np.empty(room, np.uint32)
        point = np.zeros(rank)
        limits = max(target, self.reached), tolerance, self.rounding
        self.n_open, n_cones, n_leaves, n_written, value, reached = prove_vector_cones(
            self.units, self.weights, *limits, n, self.stack, self.n_open, *found, point
        )
        self.reached = max(self.reached, reached)
        counts = n_cones, n_leaves, n_leaves, n_written, n_written
        return Branches(*(array[:count].copy() for array, count in zip(found, counts, strict=True)), point, value)
