"""Branch and bound for the price over sub-networks of any width: the second pattern on the rows of positive nu.

A node fixes the sign of z on some of these rows; `relaxation` bounds it. A node without free rows is bounded exactly,
so that the search ends, after at most 2^(number of rows of positive nu) nodes for each sign.
"""

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np

from .._utils.validation import is_late
from .relaxation import NodeProgram, two_layer_bound
from .subnetworks import make_part

# The directions of a node's programs are completed in at most 40 rounds,
MAX_DIRECTION_ROUNDS = 40
# and not beyond a bound that is within 1e-8 of the program's value.
NODE_TOLERANCE = 1e-8


@dataclass(frozen=True, eq=False)
class Branched:
    """What a search knows: a bound, the best sub-network met (or None) and its value, the nodes, whether it ended."""

    upper_bound: float
    value: float
    part: object
    n_nodes: int
    finished: bool


class Search:
    """The price of nu over sub-networks, in units in which `level` (mostly beta) is 1."""

    def __init__(self, pool, nu, level, tolerance, proof, deadline):
        self.pool, self.nu, self.tolerance = pool, nu / level, tolerance
        self.proof, self.deadline, self.level = proof, deadline, level
        self.value, self.part, self.n_nodes, self.leaves = 0.0, None, 0, set()

    @property
    def target(self):
        """The bound that is small enough."""
        return max(1.0, self.value) * (1.0 + self.tolerance)

    @property
    def aim(self):
        """The bound that nodes are pressed to: half of the tolerance is left to the prices of two layers."""
        return max(1.0, self.value) * (1.0 + 0.5 * self.tolerance)

    def run(self, max_nodes, stop_at_violation=False):
        """Bound nodes, the largest bound first, until all are at most the target; return `Branched`.

        Parameters
        ----------
        max_nodes : int
        stop_at_violation : bool
            End as soon as a sub-network is met whose price is above `level` by more than the tolerance.
        """
        order, closed = count(), 0.0
        nothing = np.zeros(len(self.nu), int)
        frontier = [(-np.inf, next(order), sign, nothing) for sign in (1.0, -1.0)]
        while frontier and -frontier[0][0] > self.target and self.n_nodes < max_nodes:
            if is_late(self.deadline) or (stop_at_violation and self.value > 1.0 + self.tolerance):
                break
            inherited, _, sign, signs = heapq.heappop(frontier)
            bound, row = self.bound(sign, signs)
            bound = min(bound, -inherited)
            if bound <= self.target or row is None:
                closed = max(closed, bound)
                continue
            for side in (1, -1):
                child = signs.copy()
                child[row] = side
                heapq.heappush(frontier, (-bound, next(order), sign, child))
        upper = max([closed, self.value, *(-node[0] for node in frontier)])
        return Branched(self.level * upper, self.level * self.value, self.part, self.n_nodes, upper <= self.target)

    def bound(self, sign, signs):
        """Return a proven bound of a node and the row to branch on, None where no row is free."""
        self.n_nodes += 1
        nu = sign * self.nu
        program = NodeProgram(nu, signs)
        for _ in range(MAX_DIRECTION_ROUNDS):
            value, masses, factors = program.solve(self.pool)
            self.note(sign, masses)
            self.note_leaf(sign, masses)
            row = self.branching_row(nu, signs, masses)
            largest, n_new = self.pool.take_in(factors, max(value, self.aim) * (1 + NODE_TOLERANCE), self.deadline)
            # Enough is known where the bound is low, where the directions are complete, or where time is over.
            if largest <= self.aim or n_new == 0 or is_late(self.deadline):
                break
            # A part that the relaxation cannot close is divided, whatever more directions would say.
            if value > self.target and signs.any() and row is not None:
                break
        bound = two_layer_bound(
            self.pool.X, factors, self.aim, self.proof, tolerance=0.25 * self.tolerance, deadline=self.deadline
        )
        return bound, row

    def note(self, sign, masses):
        """Keep the sub-network of some signed masses of the pool's directions if its price is the largest so far."""
        used = masses != 0
        hidden = self.pool.hidden[:, : len(masses)]
        value = sign * self.nu @ np.maximum(hidden @ masses, 0.0)
        if value > self.value:
            directions = self.pool.directions[: len(masses)][used]
            part = make_part(self.pool.X, directions, np.abs(masses[used]), np.sign(masses[used]), sign)
            if part is not None:
                self.value, self.part = max(value, float(self.nu @ part.fit)), part

    def note_leaf(self, sign, masses):
        """Note the best sub-network, over the pool, with the second pattern of some masses, once for each pattern."""
        nu = sign * self.nu
        z = self.pool.hidden[:, : len(masses)] @ masses
        leaf = np.where(nu > 0, np.where(z > 0, 1, -1), 0)
        if (key := sign * leaf).tobytes() not in self.leaves:
            self.leaves.add(key.tobytes())
            self.note(sign, NodeProgram(nu, leaf).solve(self.pool)[1])

    def branching_row(self, nu, signs, masses):
        """Return the free row of positive nu on which the relaxation is furthest from the price."""
        free = (nu > 0) & (signs == 0)
        if not free.any():
            return None
        hidden = self.pool.hidden[:, : len(masses)]
        # On a free row the relaxation counts (H p)_i where the price counts (H p - H q)_+.
        excess = nu * (hidden @ np.maximum(masses, 0.0) - np.maximum(hidden @ masses, 0.0))
        return int(np.argmax(np.where(free, excess, -np.inf)))
