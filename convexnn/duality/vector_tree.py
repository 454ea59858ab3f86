"""Geometric branch and bound for several outputs: the tree of `branch_and_bound` with the cones of `_vector_cones`."""

from dataclasses import dataclass

import numpy as np

from .._utils.threads import slices
from .branch_and_bound import ABSOLUTE, CHUNK, MAX_RANK, Nodes, Search, SearchResult, explore, result_of
from .kernels.vector_cones import split_vector_cones

ROUNDING = 1e-14  # of a largest singular value, relative

__all__ = ["MAX_RANK", "vector_branch_and_bound"]


@dataclass
class VectorNodes(Nodes):
    """Cones as parallel arrays; `settled` holds the matrix (n_axes, rank) of the lines that are linear on the cone."""

    @classmethod
    def empty(cls, n, function):
        """Room for n nodes."""
        (n_lines, r), c = function.lines.shape, function.n_axes
        words = max(1, -(-n_lines // 64))
        shapes = ((n, r, r), (n, words), (n, c, r), (n,), (n,), (n,), (n, r), (n,))
        types = (float, np.uint64, float, np.int8, float, float, float, np.int64)
        return cls(*(np.empty(shape, kind) for shape, kind in zip(shapes, types, strict=True)))


class _VectorSearch(Search):
    """The rules of the scalar search; there is one sign only, because F is a norm."""

    node_work = 0  # next to what its lines cost
    overestimate = 7.0  # the bounds hardly fall at first

    def split(self, nodes):
        """Return the two bounded halves of every node."""
        function, cut, sizes = self.function, self.cut, self.function.sizes
        halves = VectorNodes.empty(2 * len(nodes), function)
        halves.sign[:] = 1

        def bound(start, stop):
            part, out = nodes.take(slice(start, stop)), halves.take(slice(2 * start, 2 * stop))
            return split_vector_cones(
                function.lines, function.coefficients, sizes, function.linear, part.generators, part.active,
                part.settled, part.bound, cut, out.generators, out.active, out.settled, out.bound, out.value,
                out.point, out.convex,
            )  # fmt: skip

        return self.account(halves, self.run(bound, slices(len(nodes), CHUNK)))


def vector_orthants(function):
    """Return the 2^r orthants of the coordinate basis, with nothing settled but the linear term."""
    n_lines, r = function.lines.shape
    signs = 1.0 - 2.0 * ((np.arange(1 << r)[:, None] >> np.arange(r)) & 1)
    nodes = VectorNodes.empty(1 << r, function)
    nodes.generators[:] = np.eye(r) * signs[:, None, :]
    bits = np.zeros(64 * nodes.active.shape[1], np.uint8)
    bits[:n_lines] = 1
    nodes.active[:] = np.packbits(bits, bitorder="little").view(np.uint64)
    nodes.settled[:] = function.linear
    nodes.sign[:], nodes.bound[:], nodes.value[:], nodes.point[:], nodes.convex[:] = 1, np.inf, 0.0, 0.0, n_lines
    return nodes


def vector_branch_and_bound(
    function, *, known_value=0.0, level=0.0, tolerance=1e-7, max_work=None, most_work=None, deadline=None, n_jobs=None
):
    """Bound ``max F`` over the unit ball for a `VectorPriceFunction` (values in units of ``function.scale``).

    The parameters are those of `branch_and_bound`.

    Returns
    -------
    SearchResult
    """
    if function.rank == 1:
        points = np.array([[1.0], [-1.0]])
        outputs = points @ function.linear.T + np.maximum(points @ function.lines.T, 0.0) @ function.coefficients
        return SearchResult(float(np.linalg.norm(outputs, axis=1).max()) + function.slack, points, 2, True)
    if len(function.lines) == 0:  # antipodal rows have cancelled down to a linear function
        _, values, directions = np.linalg.svd(function.linear)
        return SearchResult(float(values[0]) * (1.0 + ROUNDING) + function.slack, directions[:1], 1, True)
    explored = explore(
        function,
        vector_orthants(function),
        known_value=known_value,
        level=level,
        tolerance=tolerance,
        absolute=ABSOLUTE,
        max_work=max_work,
        most_work=most_work,
        deadline=deadline,
        n_jobs=n_jobs,
        search_class=_VectorSearch,
    )
    return result_of(function, explored)
