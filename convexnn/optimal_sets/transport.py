"""The distance of two networks in mass space: how much mass has to move how far, be made or be removed.

A neuron is its mass at a point of the unit sphere, with a sign. To move mass costs its distance, and only between
neurons of one sign; to make it, or to remove it, costs 1. This is the optimal transport between measures of unequal
mass (Piccoli and Rossi, "Generalized Wasserstein distance", 2014), and a linear program. Free terms do not count.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from ..exceptions import SolverError
from .choice_programs import lowest

# To move mass further than from one point of the sphere to the opposite one, 2, is dearer than to make it anew.
COST_OF_MAKING = 1.0


def transport_distance(a, b):
    """Return the distance in mass space of two networks with one output and as many inputs each."""
    pairs, gains = _moves(a.directions, a.signs, b)
    total = a.masses.sum() + b.masses.sum()
    if len(gains) == 0 or total == 0.0:
        return float(COST_OF_MAKING * total)
    # The solver's tolerances are absolute: masses are shares.
    first, second = a.masses / total, b.masses / total
    # All is removed and made anew but for what moves: every unit that moves saves 2 less its way.
    rows = sparse.vstack([_sums(pairs[0], len(first)), _sums(pairs[1], len(second))])
    answer = linprog(-gains, A_ub=rows, b_ub=np.concatenate([first, second]), method="highs-ds")
    if answer.status != 0:
        raise SolverError(f"the linear program of a distance of networks failed: HiGHS answered {answer.message!r}.")
    return float(total * max(COST_OF_MAKING + answer.fun, 0.0))


@dataclass(frozen=True)
class LeastTransport:
    """Minimise the distance in mass space from a network.

    Attributes
    ----------
    directions, signs : ndarrays of shape (K_free, n_inputs) and (K_free,)
    total_mass : float
    network : TwoLayerReLU
    """

    directions: np.ndarray
    signs: np.ndarray
    total_mass: float
    network: object

    def solve(self, polytope):
        """Return z at the minimum, and a bound below it, which is the minimum."""
        pairs, gains = _moves(self.directions, self.signs, self.network)
        masses = self.network.masses / self.total_mass
        whole = COST_OF_MAKING * (1.0 + masses.sum())
        # What moves from direction k is at most its share, and to neuron j at most its mass.
        given = sparse.hstack([sparse.csr_array(-polytope.edges), _sums(pairs[0], len(self.signs))])
        taken = sparse.hstack([sparse.csr_array((len(masses), polytope.dimension)), _sums(pairs[1], len(masses))])
        cost = np.concatenate([np.zeros(polytope.dimension), -gains])
        rows, limits = sparse.vstack([given, taken]), np.concatenate([polytope.inner, masses])
        point, value = lowest(polytope, cost, rows, limits, extra_from=0.0)
        return point[: polytope.dimension], self.total_mass * max(whole + value, 0.0)

    def held(self):
        """Return the rows whose values on z are to stay: none, the simplex method ends at a corner."""
        return None


def _moves(directions, signs, network):
    """Return the pairs (2, n) of neurons between which mass may move, and what a unit saves by it."""
    ways = np.linalg.norm(directions[:, None] - network.directions[None], axis=2)
    saved = 2.0 * COST_OF_MAKING - ways
    pairs = np.nonzero((signs[:, None] == network.signs[None]) & (saved > 0.0))
    return pairs, saved[pairs]


def _sums(groups, n_groups):
    """Return the sparse matrix that sums entries by their group."""
    return sparse.csr_array((np.ones(len(groups)), (groups, np.arange(len(groups)))), shape=(n_groups, len(groups)))
