"""Geometric branch and bound over directions: a valid upper bound on the price that tightens until it is exact.

The unit sphere is covered by the 2^r orthants of an orthonormal basis, once for each sign. A node is a simplicial
cone with a bound (see `_cones`); the nodes with the largest bounds are cut in two until the largest bound falls to
the target. No arrangement is needed, so degenerate data cost nothing and nothing can be missed. Batches have a fixed
size and are answered in order: the tree does not depend on the number of threads.
"""

from dataclasses import dataclass, fields
from functools import partial

import numpy as np

from .._utils.progress import current
from .._utils.threads import one_sign_slices, thread_map
from .._utils.validation import is_late
from ._forecast import Budget
from .kernels.cones import split_cones

MAX_RANK = 13
BATCH, WORK_A_BATCH = (
    512,
    200_000_000,
)  # nodes, and about as many nanoseconds of one core, between two looks at the clock
CHUNK = 32
NODE_WORK = 5000  # of a cone besides what grows with the lines: five microseconds
MEMORY_LIMIT = 1 << 30
NARROW = 1e-9
ABSOLUTE = 1e-12


@dataclass(frozen=True)
class SearchResult:
    """What the search knows when it stops.

    Attributes
    ----------
    upper_bound : float
        Valid bound on ``max |f|`` over the unit ball, rounding included.
    points : ndarray of shape (K, rank)
        Good directions met on the way: those that beat what was known, or near every maximiser when all of them
        were asked for.
    n_nodes : int
        Cones bounded.
    finished : bool
        Whether the bound fell to its target.
    """

    upper_bound: float
    points: np.ndarray
    n_nodes: int
    finished: bool


@dataclass(frozen=True)
class Exploration:
    """What is known when the cutting of some cones stops (all values in units of ``function.scale``).

    Attributes
    ----------
    nodes : Nodes
        Those that are still open.
    value : float
        The largest value of |f| known.
    target : float
        What the search is after, and a bound on |f| in every cone that was closed.
    points : list of ndarray of shape (rank,)
        See `SearchResult`.
    n_nodes, work : int
        Cones bounded, and what that cost in units of about a nanosecond of one core.
    """

    nodes: "Nodes"
    value: float
    target: float
    points: list
    n_nodes: int
    work: int


@dataclass
class Nodes:
    """Cones as parallel arrays: what is known of each (`_cones` says what the columns mean)."""

    generators: np.ndarray
    active: np.ndarray
    settled: np.ndarray
    sign: np.ndarray
    bound: np.ndarray
    value: np.ndarray
    point: np.ndarray
    convex: np.ndarray

    @classmethod
    def empty(cls, n, n_lines, r):
        """Room for n nodes."""
        words = max(1, -(-n_lines // 64))
        shapes = ((n, r, r), (n, words), (n, r), (n,), (n,), (n,), (n, r), (n,))
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


def orthants(function):
    """Return the 2^r orthants of the coordinate basis for either sign, with nothing settled; the sign + first."""
    n_lines, r = function.lines.shape
    signs = 1.0 - 2.0 * ((np.arange(1 << r)[:, None] >> np.arange(r)) & 1)
    nodes = Nodes.empty(2 << r, n_lines, r)
    nodes.generators[:] = np.tile(np.eye(r) * signs[:, None, :], (2, 1, 1))
    bits = np.zeros(64 * nodes.active.shape[1], np.uint8)
    bits[:n_lines] = 1
    nodes.active[:] = np.packbits(bits, bitorder="little").view(np.uint64)
    nodes.sign[:] = np.repeat([1, -1], 1 << r)
    nodes.settled[:] = nodes.sign[:, None] * function.linear
    nodes.bound[:], nodes.value[:], nodes.point[:], nodes.convex[:] = np.inf, 0.0, 0.0, n_lines
    return nodes


class _Frontier:
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
        kept = len(index)
        gaps = np.setdiff1d(np.arange(kept), index, assume_unique=True)
        self.slots.put(gaps, self.slots.take(index[index >= kept]))
        self.size = kept


def both_directions(function):
    """The search on a line: f takes two values on its unit vectors."""
    points = np.array([[1.0], [-1.0]])
    values = points @ function.linear + np.maximum(points @ function.lines.T, 0.0) @ function.coefficients
    return SearchResult(float(np.abs(values).max()) + function.slack, points, 2, True)


class Search:
    """The tree: what is known, what is open, and the rules by which a node is closed."""

    node_work = NODE_WORK
    overestimate = 2.0  # the largest forecast of a tree that does end, over its work

    def __init__(self, function, run, known_value, level, tolerance, absolute, depth):
        self.function, self.run = function, run
        self.value, self.level = known_value, level
        self.tolerance, self.absolute, self.depth = tolerance, absolute, depth
        self.threshold = max(known_value, level) * (1.0 + tolerance)
        self.n_nodes, self.work = 0, 0
        self.points = []

    @property
    def target(self):
        """The bound that the search is after."""
        return max(self.value * (1.0 + self.tolerance), self.level, self.absolute)

    @property
    def cut(self):
        """Bound at which a node holds nothing of interest."""
        return self.target if self.depth is None else max(self.value * (1.0 - self.depth), self.absolute)

    def split(self, nodes):
        """Return the two bounded halves of every node."""
        function, cut = self.function, self.cut
        nodes = nodes.take(np.argsort(-nodes.sign, kind="stable"))
        halves = Nodes.empty(2 * len(nodes), *function.lines.shape)
        halves.sign[:] = np.repeat(nodes.sign, 2)

        def bound(start, stop):
            part, out = nodes.take(slice(start, stop)), halves.take(slice(2 * start, 2 * stop))
            return split_cones(
                function.lines, float(part.sign[0]) * function.coefficients, part.generators, part.active,
                part.settled, part.bound, cut, out.generators, out.active, out.settled, out.bound, out.value,
                out.point, out.convex,
            )  # fmt: skip

        return self.account(halves, self.run(bound, one_sign_slices(nodes.sign, CHUNK)))

    def account(self, nodes, work):
        """Count the work, remember the good points and return the nodes."""
        self.work += sum(work) + self.node_work * len(nodes)
        self.n_nodes += len(nodes)
        self.value = max(self.value, float(nodes.value.max()))
        self.points.extend(nodes.point[nodes.value > self.threshold])
        return nodes

    def open(self, nodes):
        """Return the nodes that have to be cut further."""
        nodes = nodes.take(~(nodes.bound <= self.cut))  # a bound that is not a number closes nothing
        if self.depth is None or len(nodes) == 0:
            return nodes
        narrow = np.linalg.norm(nodes.generators - nodes.generators[:, :1], axis=2).max(axis=1) < NARROW
        settled = ((nodes.convex == 0) | narrow) & (nodes.bound <= self.target)
        self.points.extend(nodes.point[settled])
        return nodes.take(~settled)


def branch_and_bound(
    function,
    *,
    known_value=0.0,
    level=0.0,
    tolerance=1e-7,
    absolute=ABSOLUTE,
    stop_above=np.inf,
    max_work=None,
    most_work=None,
    deadline=None,
    n_jobs=None,
    depth=None,
):
    """Bound ``max |f|`` over the unit ball for a `PriceFunction` f (all values in units of ``function.scale``).

    Parameters
    ----------
    known_value : float
        A value of |f| that is known to be reached.
    level : float
        The bound is not pressed below this value (the strength beta in a certificate).
    tolerance, absolute : float
        The target is ``max(level, value (1 + tolerance), absolute)``.
    stop_above : float
        Stop as soon as a point beats this value.
    max_work : int, optional
        Budget in units of about a nanosecond of one core; independent of clocks and threads.
    most_work : int, optional
        With this, a tree that has spent `max_work` goes on while its `Forecast` is that it ends within `most_work`; and
        after a tenth of `max_work` one that would by far not end within `most_work` is given up.
    deadline : float, optional
        `_clock.Moment` at which to stop.
    depth : float, optional
        Collect points from which ascents lead to every local maximum above ``(1 - depth)`` times the largest.

    Returns
    -------
    SearchResult
    """
    if function.rank == 1:
        return both_directions(function)
    limits = {"stop_above": stop_above, "deadline": deadline, "n_jobs": n_jobs, "depth": depth}
    limits |= {"max_work": max_work, "most_work": most_work}
    targets = {"known_value": known_value, "level": level, "tolerance": tolerance, "absolute": absolute}
    return result_of(function, explore(function, orthants(function), **targets, **limits))


def explore(
    function,
    nodes,
    *,
    known_value,
    level,
    tolerance,
    absolute=ABSOLUTE,
    stop_above=np.inf,
    max_work=None,
    most_work=None,
    deadline=None,
    n_jobs=None,
    depth=None,
    search_class=Search,
):
    """Cut the given cones, those with the largest bounds first, until none is open or a limit is met.

    The parameters are those of `branch_and_bound`; the rank is at least 2. There is at least one node, and what they
    hold is overwritten. Cones that the value and the level close are closed whatever the limits. `search_class` is a
    `Search`, which knows how cones are cut and bounded.

    Returns
    -------
    Exploration
    """
    reporter = current()
    with thread_map(n_jobs) as run, reporter.stage(reporter.proof_name) as stage:
        search = search_class(function, run, known_value, level, tolerance, absolute, depth)
        frontier = _Frontier(nodes)
        frontier.keep(np.flatnonzero(~(frontier.bounds <= search.cut)))
        budget = Budget(max_work, most_work, WORK_A_BATCH)
        capacity = MEMORY_LIMIT // nodes.node_bytes()
        while 0 < frontier.size <= capacity and search.value <= stop_above:
            if budget.is_spent(search, frontier) or is_late(deadline):
                break
            batch = max(16, min(BATCH, int(budget.work_a_batch(search) / (function.lines.size * function.rank))))
            chosen, before = frontier.largest(batch), search.cut
            frontier.replace(chosen, search.open(search.split(frontier.slots.take(chosen))))
            if search.cut > before:
                frontier.keep(np.flatnonzero(~(frontier.bounds <= search.cut)))
            stage.tick(search.n_nodes, partial(_figures, search, frontier, max_work))
    left = frontier.slots.take(slice(frontier.size))
    return Exploration(left, search.value, search.target, search.points, search.n_nodes, search.work)


def _figures(search, frontier, max_work):
    """Where a search is, in words."""
    if frontier.size == 0:
        return f"{search.n_nodes:,} cones bounded, none open"
    excess = max(0.0, float(frontier.bounds.max()) / search.target - 1.0)
    budget = "" if max_work is None else f", {min(1.0, search.work / max_work):.0%} of the work that it may take"
    return f"{search.n_nodes:,} cones bounded, {frontier.size:,} open, bound {excess:.1e} above its target{budget}"


def result_of(function, explored):
    """Return the `SearchResult` of an `Exploration`."""
    upper = max(explored.target, float(explored.nodes.bound.max(initial=0.0)))
    points = np.array(explored.points).reshape(-1, function.rank)
    return SearchResult(upper + function.slack, points, explored.n_nodes, len(explored.nodes) == 0)
