"""How the optimal set of width m falls into pieces: exact counts from the supports of the vertices.

For ``y* != 0`` let N_m be the number of vertices with exactly m active directions and G_m the graph on the vertices
with at most m - 1, with an edge where the union of two supports has at most m. Then the set of optimal networks of
width m has ``m! N_m + #components(G_m)`` components, of which the ``m! N_m`` are isolated points.
"""

from math import factorial

import numpy as np
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree


class SupportGraph:
    """The supports of the vertices of the optimal polytope, as a graph for every width.

    Parameters
    ----------
    supports : ndarray of bool of shape (V, K)
        Which directions every vertex uses; one empty row when the optimal hidden fit is zero.
    """

    def __init__(self, supports):
        self.sizes = supports.sum(axis=1)
        common = supports.astype(float) @ supports.T.astype(float)
        self.unions = (self.sizes[:, None] + self.sizes - common).round().astype(int)

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
        return self.n_isolated(width) + self._n_pieces(width)

    def _n_pieces(self, width):
        """Components of the graph on the vertices with a neuron to spare."""
        spare = np.flatnonzero(self.sizes <= width - 1)
        if len(spare) == 0:
            return 0
        return int(connected_components(self.unions[np.ix_(spare, spare)] <= width, directed=False)[0])

    def connected_from(self):
        """Return the smallest width from which on the set is connected at every width."""
        if self.M_star == 0:
            return 0
        if len(self.sizes) == 1:
            return 1 if self.M_star == 1 else self.M_star + 1
        tree = minimum_spanning_tree(np.triu(self.unions, 1))
        return max(self.M_star + 1, int(tree.data.max()))
