"""How the optimal set of width m falls into pieces: exact counts from the supports of the vertices.

For ``y* != 0`` let N_m be the number of vertices with exactly m active directions and G_m the graph on the vertices
with at most m - 1, with an edge where the union of two supports has at most m. Then the set of optimal networks of
width m has ``m! N_m + #components(G_m)`` components, of which the ``m! N_m`` are isolated points.

No support contains another, so a union is always larger than either: G_m is made of all edges of weight (size of the
union) at most m, and one minimum spanning tree counts the components at every width.
"""

from functools import cached_property
from math import factorial

import numpy as np

from .._utils.bits import pack
from .._utils.kernels import compiled
from .._utils.threads import interruptible


class SupportGraph:
    """The supports of the vertices of the optimal polytope, as a graph for every width.

    Parameters
    ----------
    supports : ndarray of bool of shape (V, K)
        Which directions every vertex uses, none containing another; one empty row when the optimal hidden fit is zero.
    """

    def __init__(self, supports):
        self.supports = supports
        self.sizes = supports.sum(axis=1)

    @cached_property
    def bridges(self):
        """Weights of the edges of a minimum spanning tree of the vertices, of shape (V - 1,)."""
        return interruptible(_tree, pack(self.supports))

    @property
    def m_star(self):
        """Smallest number of neurons of an optimal network."""
        return int(self.sizes.min())

    @property
    def M_star(self):
        """Largest number of neurons of an optimal network that cannot be pruned."""
        return int(self.sizes.max())

    def n_isolated(self, width):
        """Return the number of isolated points among the optimal networks of this width."""
        if self.M_star == 0:
            return 1
        return factorial(width) * int(np.sum(self.sizes == width))

    def n_components(self, width):
        """Return the number of components of the set of optimal networks of this width, 0 below m*."""
        if self.M_star == 0:
            return 1
        # #components = m! N_m + #components(G_m).
        return self.n_isolated(width) + self._n_pieces(width)

    def _n_pieces(self, width):
        """Components of the graph on the vertices with a neuron to spare."""
        # A forest has as many pieces as vertices less edges: those of the minimum spanning tree of weight <= m.
        return int(np.sum(self.sizes < width) - np.sum(self.bridges <= width))

    def connected_from(self):
        """Return the smallest width from which on the set is connected at every width."""
        if self.M_star == 0:
            return 0
        # One vertex: a single neuron can only be split; several need one empty slot to change places.
        if len(self.sizes) == 1:
            return 1 if self.M_star == 1 else self.M_star + 1
        # No isolated points from M* + 1 on, and one piece from the largest bridge on.
        return max(self.M_star + 1, int(self.bridges.max()))


@compiled
def _tree(words):
    """Weights of a minimum spanning tree, the weight of an edge being the size of the union of two supports (Prim).

    Memory in proportion to the number of supports, time to its square.
    """
    n = len(words)
    nearest = np.full(n, np.iinfo(np.int64).max)
    outside = np.ones(n, dtype=np.bool_)
    weights = np.empty(n - 1, dtype=np.int64)
    here = 0
    for k in range(n - 1):
        # Prim: the vertex that was joined last may be nearer to the others than those before it.
        outside[here] = False
        there = -1
        for i in range(n):
            if outside[i]:
                nearest[i] = min(nearest[i], union_size(words, here, i))
                if there < 0 or nearest[i] < nearest[there]:
                    there = i
        weights[k], here = nearest[there], there
    return weights


@compiled
def union_size(words, i, j):
    """Return the number of entries in the union of two supports, as rows of 64-bit words."""
    total = np.uint64(0)
    for w in range(words.shape[1]):
        total += _bits(words[i, w] | words[j, w])
    return np.int64(total)


@compiled
def _bits(word):
    """Number of bits that are set, summed over ever larger fields of the word."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)
