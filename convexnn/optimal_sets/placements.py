"""Where the neurons of a network stand, and how they move.

Every slot (neuron) has a label, the number of its direction, and a mass. Networks that share their labels may be mixed
linearly in the masses, and a slot of mass zero may take any label.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Segment:
    """Masses moving from `start` to `end` (both (width,)) on fixed `labels` (width,)."""

    labels: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def at(self, share):
        """Masses after this share of the way."""
        return np.maximum((1.0 - share) * self.start + share * self.end, 0.0)

    def reversed(self):
        """The same segment, walked backwards."""
        return Segment(self.labels, self.end, self.start)


class Walk:
    """A placement on the move, and the segments it has left behind.

    Attributes
    ----------
    labels, masses : ndarrays of shape (width,)
    segments : list of Segment
    """

    def __init__(self, labels, masses):
        self.labels, self.masses, self.segments = labels, masses, []

    @property
    def n_empty(self):
        """Number of slots without mass."""
        return int(np.sum(self.masses == 0))

    def totals(self, n_labels):
        """Return the mass on every label."""
        return np.bincount(self.labels, self.masses, n_labels)

    def gather(self):
        """Move the masses of slots of one label into the first of them."""
        masses = self.masses.copy()
        for label in np.unique(self.labels[masses > 0]):
            slots = np.flatnonzero((self.labels == label) & (masses > 0))
            masses[slots[0]], masses[slots[1:]] = masses[slots].sum(), 0.0
        self._go(self.labels, masses)

    def to(self, point):
        """Go straight to the masses `point` on the labels, at most one slot each; new labels take empty slots."""
        labels, masses = self.labels.copy(), np.zeros(len(self.masses))
        empty = iter(np.flatnonzero(self.masses == 0))
        for label in np.flatnonzero(point > 0):
            held = np.flatnonzero((self.labels == label) & (self.masses > 0))
            slot = held[0] if len(held) else next(empty)
            labels[slot], masses[slot] = label, point[label]
        self._go(labels, masses)

    def arrange(self, goal):
        """Move one neuron at a time into an empty slot until every label stands where it does in the walk `goal`."""
        for slot in np.flatnonzero(goal.masses > 0):
            source = np.flatnonzero((self.labels == goal.labels[slot]) & (self.masses > 0))[0]
            if source != slot:
                if self.masses[slot] > 0:
                    self._move(slot, np.flatnonzero(self.masses == 0)[0])
                self._move(source, slot)
        self._go(self.labels, goal.masses)  # rounding between two computations of one point

    def _move(self, source, target):
        labels, masses = self.labels.copy(), self.masses.copy()
        labels[target] = labels[source]
        masses[target], masses[source] = masses[source], 0.0
        self._go(labels, masses)

    def _go(self, labels, masses):
        if not np.array_equal(masses, self.masses):
            self.segments.append(Segment(labels, self.masses, masses))
        self.labels, self.masses = labels, masses

    def back(self):
        """Return the segments that lead from here to where the walk began."""
        return [segment.reversed() for segment in reversed(self.segments)]
