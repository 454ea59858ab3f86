"""The nodes of a branch and bound, simplicial cones as parallel arrays, and those of them that are open."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass
class Nodes:
    """Cones as parallel arrays: what is known of each (`cones` says what the columns mean)."""

    generators: np.ndarray
    active: np.ndarray
    settled: np.ndarray
    sign: np.ndarray
    bound: np.ndarray
    value: np.ndarray
    point: np.ndarray
    convex: np.ndarray

    @classmethod
    def empty(cls, n, function):
        """Room for n nodes."""
        n_lines, r = function.lines.shape
        words = max(1, -(-n_lines // 64))
        shapes = ((n, r, r), (n, words), (n, *function.linear.shape), (n,), (n,), (n,), (n, r), (n,))
        types = (float, np.uint64, float, np.int8, float, float, float, np.int64)
        return cls(*(np.empty(shape, kind) for shape, kind in zip(shapes, types, strict=True)))

    @classmethod
    def join(cls, parts):
        """Return the nodes of all parts, at least one, in order."""
        columns = [column.name for column in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))

    def __len__(self):
        return len(self.bound)

    def take(self, index):
        """Return the nodes at `index`: a slice gives a view, a mask or indices a copy."""
        return Nodes(*(getattr(self, column.name)[index] for column in fields(self)))

    def put(self, index, other):
        """Overwrite the nodes at `index`."""
        for column in fields(self):
            getattr(self, column.name)[index] = getattr(other, column.name)

    def node_bytes(self):
        """Memory of one node."""
        return sum(getattr(self, column.name)[:1].nbytes for column in fields(self))


def first_cones(function, whole=False):
    """Return cones to begin with; but for the `whole` sphere, one of every two antipodes is enough for one output."""
    return orthants(function) if whole or function.odd is None else half_orthants(function)


def orthants(function):
    """Return the 2^r orthants of the coordinate basis for every sign, with nothing settled; the sign + first."""
    r = function.rank
    # Bit i of the number of an orthant is the sign of its i-th generator.
    corners = 1.0 - 2.0 * ((np.arange(1 << r)[:, None] >> np.arange(r)) & 1)
    generators = np.eye(r) * corners[:, None, :]
    return _unsettled(function, [(sign, generators) for sign in function.signs])


def half_orthants(function):
    """Return the orthants of a basis for one output that cover one of every two antipodes, for every sign.

    ``f(-u) = f(u) - 2 odd . u`` with the `odd` part of a `ScalarPrice`, so that of u and -u the one on its side has the
    larger value: the basis begins with it, and the orthants on the other side are left out.
    """
    r, size = function.rank, np.linalg.norm(function.odd)
    # A reflection that exchanges the first axis and the odd part; any basis will do for an even function.
    axis = np.eye(r)[0] if size <= np.finfo(float).eps * function.total else function.odd / size
    turn = -1.0 if axis[0] > 0.0 else 1.0  # to reflect an axis to what is nearly itself would lose its digits
    mirror = axis - turn * np.eye(r)[0]
    basis = np.eye(r) - 2.0 * np.outer(mirror, mirror) / max(mirror @ mirror, np.finfo(float).tiny)
    basis[0] *= turn
    corners = 1.0 - 2.0 * ((np.arange(1 << (r - 1))[:, None] >> np.arange(r - 1)) & 1)
    corners = np.column_stack([np.ones(len(corners)), corners])
    generators = basis * corners[:, :, None]
    return _unsettled(function, [(sign, sign * generators) for sign in function.signs])


def _unsettled(function, cones):
    """Return nodes for pairs of a sign and generators (K, r, r), with nothing settled."""
    n_lines = len(function.lines)
    nodes = Nodes.empty(sum(len(generators) for _, generators in cones), function)
    nodes.generators[:] = np.concatenate([generators for _, generators in cones])
    # Every line counts as straddling at first; packed bits are read by the kernels as words of 64.
    bits = np.zeros(64 * nodes.active.shape[1], np.uint8)
    bits[:n_lines] = 1
    nodes.active[:] = np.packbits(bits, bitorder="little").view(np.uint64)
    nodes.sign[:] = np.repeat([sign for sign, _ in cones], [len(generators) for _, generators in cones])
    # Only the linear term is settled at first, and it changes sign with f.
    nodes.settled[:] = nodes.sign.reshape(-1, *[1] * function.linear.ndim) * function.linear
    nodes.bound[:], nodes.value[:], nodes.point[:], nodes.convex[:] = np.inf, 0.0, 0.0, n_lines
    return nodes


class Frontier:
    """The open nodes, in slots that are used again: a round costs what it changes, however many nodes are open."""

    def __init__(self, nodes):
        self.slots, self.size = nodes, len(nodes)

    @property
    def bounds(self):
        """The bounds of the open nodes."""
        return self.slots.bound[: self.size]

    def largest(self, n):
        """Slots of the n largest bounds."""
        if self.size <= n:
            return np.arange(self.size)
        return np.sort(np.argpartition(-self.bounds, n)[:n])

    def replace(self, index, nodes):
        """Put `nodes` in place of those at the slots `index`."""
        n_reused = min(len(index), len(nodes))
        self.slots.put(index[:n_reused], nodes.take(slice(n_reused)))
        if n_reused < len(index):
            self.keep(np.delete(np.arange(self.size), index[n_reused:]))
            return
        grown = self.size + len(nodes) - n_reused
        if grown > len(self.slots):
            room = np.minimum(np.arange(max(grown, 2 * len(self.slots))), len(self.slots) - 1)
            self.slots = self.slots.take(room)
        self.slots.put(slice(self.size, grown), nodes.take(slice(n_reused, None)))
        self.size = grown

    def keep(self, index):
        """Close the nodes that are not at `index` (increasing); the last ones move into the gaps."""
        # Nodes that stay beyond the new size fill the slots of closed ones before it: nothing else is copied.
        kept = len(index)
        gaps = np.setdiff1d(np.arange(kept), index, assume_unique=True)
        self.slots.put(gaps, self.slots.take(index[index >= kept]))
        self.size = kept
