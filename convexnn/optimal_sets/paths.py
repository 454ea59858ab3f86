"""Paths between optimal networks of one width, along which the objective stays at its minimum.

A network is a placement: every slot (neuron) has the label of an optimal direction and a mass. Placements that share
their labels may be mixed linearly in the masses, and a slot of mass zero may take any label. So a path is a list of
segments: merge slots of one label, walk along null vectors of the active fits to a vertex, cross edges of the support
graph, move neurons into empty slots, and the same backwards on the other side.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from ..solvers.base import build_network

EMPTY = 1e-12
DEPENDENT = 1e-8


@dataclass(frozen=True)
class Segment:
    """Masses moving from `start` to `end` (both (width,), in shares of the total) on fixed `labels` (width,)."""

    labels: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def reversed(self):
        """The same segment, walked backwards."""
        return Segment(self.labels, self.end, self.start)


class NetworkPath:
    """A path of optimal networks of one width; ``path(0)`` and ``path(1)`` are the two networks it joins.

    Attributes
    ----------
    knots : ndarray of shape (n_segments + 1,)
        Parameters between which the masses are linear.
    """

    def __init__(self, problem, directions, signs, total_mass, segments, ends):
        self._problem, self._directions, self._signs = problem, directions, signs
        self._total, self._segments, self._ends = total_mass, segments, ends
        self.knots = np.linspace(0.0, 1.0, len(segments) + 1)

    def __call__(self, t):
        """Return the network at t in [0, 1]."""
        if not 0.0 <= t <= 1.0:
            raise ValueError(f"t must be between 0 and 1; got {t!r}.")
        if t in (0.0, 1.0):
            return self._ends[int(t)]
        position = t * len(self._segments)
        index = min(int(position), len(self._segments) - 1)
        segment, share = self._segments[index], position - index
        masses = self._total * np.maximum((1.0 - share) * segment.start + share * segment.end, 0.0)
        labels = segment.labels
        return build_network(self._problem, self._directions[labels], self._signs[labels], masses)

    def objective(self, t):
        """Return the objective at t."""
        return self._problem.objective(self(t))

    def __repr__(self):
        return f"NetworkPath({self._ends[0].width} neurons, {len(self._segments)} segments)"


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
        self.supports = vertices > EMPTY

    def connect(self, first, second):
        """Return the segments from one placement (labels, masses) to another of its width, None if there are none."""
        if _same(first, second):
            return [Segment(first[0], first[1], second[1])]
        down, one = self._prune(*first)
        up, two = self._prune(*second)
        width = len(first[0])
        if min(np.sum(one[1] <= EMPTY), np.sum(two[1] <= EMPTY)) == 0:
            return None  # an isolated point: no neuron to spare
        route = self._route(self._vertex(*one), self._vertex(*two), width)
        if route is None:
            return None
        across = []
        for vertex in route[1:]:
            segment = self._cross(*one, self.vertices[vertex])
            across.append(segment)
            one = (segment.labels, segment.end)
        return down + across + _rearrange(one, two) + [segment.reversed() for segment in reversed(up)]

    def _prune(self, labels, masses):
        """Return the segments that lead to a vertex, and the placement there."""
        segments = []
        merged = masses.copy()
        for label in np.unique(labels[masses > EMPTY]):
            slots = np.flatnonzero((labels == label) & (masses > EMPTY))
            merged[slots[1:]] = 0.0
            merged[slots[0]] = masses[slots].sum()
        if np.any(merged != masses):
            segments.append(Segment(labels, masses, merged))
        masses = merged
        while True:
            active = np.flatnonzero(masses > EMPTY)
            kernel = null_space(self.columns[:, labels[active]], rcond=DEPENDENT)
            if kernel.shape[1] == 0:
                return segments, (labels, masses)
            move = kernel[:, 0] if kernel[:, 0].min() < 0 else -kernel[:, 0]
            steps = np.where(move < 0, masses[active] / np.where(move < 0, -move, 1.0), np.inf)
            lower = masses.copy()
            lower[active] = np.maximum(masses[active] + steps.min() * move, 0.0)
            lower[active[int(np.argmin(steps))]] = 0.0
            lower[lower <= EMPTY] = 0.0
            segments.append(Segment(labels, masses, lower))
            masses = lower

    def _vertex(self, labels, masses):
        """Index of the vertex at which a placement stands."""
        shares = np.zeros(self.columns.shape[1])
        shares[labels[masses > EMPTY]] = masses[masses > EMPTY]
        return int(np.argmin(np.abs(self.vertices - shares).sum(axis=1)))

    def _route(self, start, goal, width):
        """Vertices from `start` to `goal` such that neighbours fit into `width` slots together, by breadth first."""
        came_from, queue = {start: None}, deque([start])
        while queue and goal not in came_from:
            here = queue.popleft()
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

    def _cross(self, labels, masses, vertex):
        """The segment from a placement at a vertex along the edge to another one."""
        labels, end = labels.copy(), np.zeros(len(masses))
        spare = list(np.flatnonzero(masses <= EMPTY))
        for label in np.flatnonzero(vertex > EMPTY):
            held = np.flatnonzero((labels == label) & (masses > EMPTY))
            slot = int(held[0]) if len(held) else int(spare.pop(0))
            labels[slot], end[slot] = label, vertex[label]
        return Segment(labels, masses, end)


def _same(first, second):
    """Whether two placements are one and the same network up to rounding."""
    active = first[1] > EMPTY
    if not np.array_equal(active, second[1] > EMPTY):
        return False
    return bool(np.array_equal(first[0][active], second[0][active]) and np.allclose(first[1], second[1], atol=1e-7))


def _rearrange(placement, goal):
    """Move neurons one at a time into empty slots until every label stands where `goal` has it."""
    labels, masses = placement
    segments = []

    def move(source, target):
        nonlocal labels, masses
        labels, end = labels.copy(), masses.copy()
        labels[target] = labels[source]
        end[target], end[source] = masses[source], 0.0
        segments.append(Segment(labels, masses, end))
        masses = end

    for slot in np.flatnonzero(goal[1] > EMPTY):
        source = int(np.flatnonzero((labels == goal[0][slot]) & (masses > EMPTY))[0])
        if source == slot:
            continue
        if masses[slot] > EMPTY:
            move(slot, int(np.flatnonzero(masses <= EMPTY)[0]))
        move(source, slot)
    segments.append(Segment(labels, masses, goal[1]))  # rounding between two computations of one vertex
    return segments
