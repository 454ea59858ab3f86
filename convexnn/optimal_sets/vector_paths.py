"""Paths between optimal networks of several outputs, over the neurons that the two have.

The objective is convex in the masses of fixed neurons (u, a) of norm one, with the free terms that fit best. Two
optimal networks, as masses on the neurons of both, are therefore joined by optimal networks: by the straight line where
the width holds both supports, else through the vertices of the polytope of masses with the fit of the first network. It
is a part of the set of all optimal networks, so that a path proves something and its absence nothing.
"""

from functools import partial

import numpy as np

from .._utils.norms import nonzero
from ..exceptions import InvalidInputError, SolverError, UnknownPathError, VertexLimitError
from ..masses.pruning import prune_masses
from ..moves import group_rows
from .descent import join_by_descent
from .paths import MAX_EMPTY_SHARE, MIN_PRUNED_SINGULAR_VALUE, MassLegs, NetworkPath, PathFinder, between, weighted_fits
from .polytope import mass_polytope

MAX_SAME_NEURON_DISTANCE = 1e-6  # neurons whose unit vectors differ by less, in every entry, are one
MAX_SAME_SHARE_DIFFERENCE = 1e-7  # placements that differ by less than this share of the mass are the same
MAX_VERTICES = 2000  # vertices on the way; where there are more, only the two ends count
MAX_RISE = 1e-9  # a path may rise above the higher of its ends by this share of it


def path_over_own_neurons(problem, a, b):
    """Return a `NetworkPath` between two optimal networks of one width, along which the objective does not rise.

    Raises
    ------
    UnknownPathError
        When none was found.
    """
    placed = _Placements(problem, a, b)
    path = placed.straight() or placed.path() or _by_descent(problem, a, b)
    if path is None:
        raise UnknownPathError(
            f"no path of optimal networks of width {a.width} from a to b was found over the {len(placed.signs)} "
            f"neurons that the two have. There may be one over others: with several outputs this is not known. Pad "
            f"both to width {problem.y.size + 1}, where there always is a path."
        )
    highest, end = max(map(path.objective, path.knots)), max(map(path.objective, (0.0, 1.0)))
    if highest > end * (1.0 + MAX_RISE):
        raise UnknownPathError(
            f"the path that was found from a to b rises to {highest:.10g}, above {end:.10g}, by rounding: the two are "
            f"not optimal to enough digits. Train them with a smaller tol."
        )
    return path


def _by_descent(problem, a, b):
    """Return the falling path, which needs one neuron more than the rank of the fits; None below that."""
    try:
        return join_by_descent(problem, a, b)
    except (InvalidInputError, SolverError):
        return None


class _Placements:
    """Two networks as masses on the distinct neurons of both."""

    def __init__(self, problem, a, b):
        self.problem, self.ends = problem, (a, b)
        directions = np.vstack([a.directions, b.directions])
        signs = np.concatenate([a.output_directions, b.output_directions])
        masses = np.append(a.masses, b.masses)
        self.total = nonzero(a.masses.sum())
        labels, used = np.zeros(len(masses), int), np.flatnonzero(masses > MAX_EMPTY_SHARE * self.total)
        groups = group_rows(np.hstack([directions, signs])[used], MAX_SAME_NEURON_DISTANCE)
        for label, group in enumerate(groups):
            labels[used[group]] = label
        first = used[[group[0] for group in groups]]
        self.directions, self.signs = directions[first], signs[first]
        shares = np.where(masses > MAX_EMPTY_SHARE * self.total, masses, 0.0) / self.total
        self.labels, self.shares = np.split(labels, [a.width]), np.split(shares, [a.width])

    def straight(self):
        """Return the straight line in the weights where every slot holds the same neuron at both ends."""
        if not np.array_equal(*self.labels) or not np.allclose(*self.shares, atol=MAX_SAME_SHARE_DIFFERENCE):
            return None
        return NetworkPath(self.problem, [partial(between, *self.ends)], self.ends)

    def path(self):
        """Return the path over vertices, None where none fits into the width."""
        if len(self.signs) == 0:
            return None
        columns = weighted_fits(self.problem, self.directions, self.signs)
        finder = PathFinder(columns, self._vertices(columns))
        segments = finder.connect(*zip(self.labels, self.shares, strict=True))
        if segments is None:
            return None
        legs = MassLegs(self.problem, self.directions, self.signs, self.total).legs(segments)
        ends = partial(between, self.ends[0], legs[0](0.0)), partial(between, legs[-1](1.0), self.ends[1])
        return NetworkPath(self.problem, [ends[0], *legs, ends[1]], self.ends)

    def _vertices(self, columns):
        """Return the two networks, pruned, and the vertices of the masses that have the fit of the first."""
        totals = [
            np.bincount(labels, shares, len(self.signs))
            for labels, shares in zip(self.labels, self.shares, strict=True)
        ]
        pruned = [prune_masses(columns, total, MIN_PRUNED_SINGULAR_VALUE) for total in totals]
        ends = np.array([np.where(point > MAX_EMPTY_SHARE, point, 0.0) for point in pruned])
        size = np.linalg.norm(columns @ totals[0])
        try:
            others = mass_polytope(columns / nonzero(size), totals[0]).vertices(MAX_VERTICES)
        except (VertexLimitError, SolverError):
            return ends  # the two alone: the search goes less far
        return np.vstack([ends, others])
