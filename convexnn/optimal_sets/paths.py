"""Paths of networks of one width, and how two optimal networks are joined by optimal networks.

Prune to a vertex of the polytope of masses, cross edges of the support graph, move neurons into empty slots, and the
same backwards on the other side.
"""

import numbers
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .._utils.display import Shown
from .._utils.norms import norms
from ..exceptions import InvalidInputError
from ..masses.pruning import pruning_steps
from ..network import TwoLayerReLU
from ..programs.problem import Problem
from ..solvers.base import build_network
from .placements import Walk

MIN_FIT_LEFT = 1e-12  # a fit of which the free terms leave less than this share is nothing
MAX_EMPTY_SHARE = 1e-12  # a neuron with less than this share of the total mass is empty: rounding
MIN_PRUNED_SINGULAR_VALUE = 1e-8  # fits of unit norm with a smaller one depend on each other, and are pruned


class LegPath(Shown):
    """A path of networks of one width, one leg after another; its two ends are returned as they were given.

    Attributes
    ----------
    knots : ndarray of shape (n_legs + 1,)
        Parameters at which the legs meet.
    """

    def __init__(
        self, legs: Sequence[Callable[[float], TwoLayerReLU]], ends: tuple[TwoLayerReLU, TwoLayerReLU]
    ) -> None:
        self._legs, self._ends = legs, ends
        self.knots = np.linspace(0.0, 1.0, len(legs) + 1)

    def __call__(self, t: float) -> TwoLayerReLU:
        """Return the network at t in [0, 1]."""
        check_share(t)
        if t in (0.0, 1.0):
            return self._ends[int(t)]
        position = t * len(self._legs)
        index = min(int(position), len(self._legs) - 1)
        return self._legs[index](position - index)

    def __repr__(self):
        return f"{type(self).__name__}({self._ends[0].width} neurons, {len(self._legs)} legs)"


class NetworkPath(LegPath):
    """A path of networks of one width; ``path(0)`` and ``path(1)`` are the two networks it joins.

    Attributes
    ----------
    knots : ndarray of shape (n_legs + 1,)
        Parameters between which the path is smooth: on most legs the masses ``||u_j|| |alpha_j|`` are linear.
    """

    def __init__(
        self, problem: Problem, legs: Sequence[Callable[[float], TwoLayerReLU]], ends: tuple[TwoLayerReLU, TwoLayerReLU]
    ) -> None:
        super().__init__(legs, ends)
        self._problem = problem

    def objective(self, t: float) -> float:
        """Return the objective at t."""
        return self._problem.objective(self(t))

    def straight_objective(self, t: float) -> float:
        """Return the objective at t on the straight line, in the weights, between the two ends."""
        check_share(t)
        return self._problem.objective(between(*self._ends, t))

    def _shown(self):
        first, last = self.objective(0.0), self.objective(1.0)
        return "NetworkPath", [
            ("neurons", str(self._ends[0].width)),
            ("legs", str(len(self._legs))),
            ("objective", f"{first:.10g} to {last:.10g}"),
        ]


def check_share(value, name="t"):
    """Refuse what is no number between 0 and 1."""
    if not isinstance(value, numbers.Real) or not 0.0 <= value <= 1.0:
        raise InvalidInputError(f"{name} must be a number between 0 and 1; got {value!r}.")


def between(a, b, share):
    """Return the network on the straight line, in the weights, from `a` to `b`."""

    def mixed(first, second):
        return None if first is None else (1.0 - share) * first + share * second

    return TwoLayerReLU(
        mixed(a.hidden_weights, b.hidden_weights),
        mixed(a.output_weights, b.output_weights),
        hidden_bias=mixed(a.hidden_bias, b.hidden_bias),
        intercept=mixed(a.intercept, b.intercept),
        skip_weights=mixed(a.skip_weights, b.skip_weights),
    )


@dataclass(frozen=True)
class MassLegs:
    """Turns segments into legs: functions from a share of the way to the network there.

    Attributes
    ----------
    problem : Problem
    directions, signs : ndarrays of shape (K, n_inputs) and (K,)
        The directions and signs that the labels number; with several outputs unit vectors (K, n_outputs) for signs.
    total : float
        The unit of the masses.
    """

    problem: object
    directions: np.ndarray
    signs: np.ndarray
    total: float

    def legs(self, segments):
        """Return a leg for every segment."""
        return [partial(self._network, segment) for segment in segments]

    def _network(self, segment, share):
        labels = segment.labels
        return build_network(self.problem, self.directions[labels], self.signs[labels], self.total * segment.at(share))


def weighted_fits(problem, directions, signs):
    """Return weighted fits modulo the free terms; exactly zero where the free terms give the whole fit.

    The shape is (n_samples n_outputs, K): the fits of all outputs stand one after another.
    """
    hidden = np.sqrt(problem.weight)[:, None] * problem.hidden_fits(directions)
    parts = [hidden * units for units in signs.reshape(len(signs), -1).T]
    columns, fits = (np.vstack(found) for found in ([problem.project(problem.project(p)) for p in parts], parts))
    columns[:, norms(columns.T) <= MIN_FIT_LEFT * norms(fits.T)] = 0.0
    return columns


class PathFinder:
    """Finds the segments between two placements.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, K)
        Fits of the directions modulo the free terms.
    vertices : ndarray of shape (V, K)
        Vertices of the polytope of masses, summing to one.
    """

    def __init__(self, columns, vertices):
        self.columns, self.vertices = columns, vertices
        self.supports = vertices > MAX_EMPTY_SHARE

    def connect(self, first, second):
        """Return the segments from one placement (labels, masses) to another of its width, None if there are none."""
        walk, goal = Walk(*first), Walk(*second)
        # Prune both placements to vertices of the polytope: every step has an optimal objective.
        vertex, last = self._prune(walk), self._prune(goal)
        if min(walk.n_empty, goal.n_empty) == 0:
            return None  # an isolated point: no neuron to spare
        # Cross edges of the support graph, whose joint supports fit into the width.
        route = self._route(vertex, last, len(walk.labels))
        if route is None:
            return None
        for vertex in route[1:]:
            walk.to(np.where(self.supports[vertex], self.vertices[vertex], 0.0))
        walk.arrange(goal)
        return walk.segments + goal.back()

    def _prune(self, walk):
        """Walk to a vertex and return its number."""
        walk.gather()
        for shares in pruning_steps(self.columns, walk.totals(self.columns.shape[1]), MIN_PRUNED_SINGULAR_VALUE):
            walk.to(np.where(shares > MAX_EMPTY_SHARE, shares, 0.0))
        return int(np.argmin(np.abs(self.vertices - shares).sum(axis=1)))

    def _route(self, start, goal, width):
        """Vertices from `start` to `goal` such that neighbours fit into `width` slots together, by breadth first."""
        came_from, queue = {start: None}, deque([start])
        while queue and goal not in came_from:
            here = queue.popleft()
            # An edge is walked with both supports in use, and a vertex on the way has a slot to spare.
            together = np.sum(self.supports | self.supports[here], axis=1) <= width
            for there in np.flatnonzero(together & (self.supports.sum(axis=1) <= width - 1)):
                if int(there) not in came_from:
                    came_from[int(there)] = here
                    queue.append(int(there))
        if goal not in came_from:
            return None
        route = [goal]
        while came_from[route[-1]] is not None:
            route.append(came_from[route[-1]])
        return route[::-1]
