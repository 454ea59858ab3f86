"""Geometric branch and bound over directions: a valid upper bound on the price that tightens until it is exact.

The unit sphere, or for one output the half of it that has the larger of every two antipodes, is covered by orthants of
an orthonormal basis, once for each sign of the price function. A node is a simplicial cone with a bound (see
`kernels.cones` and `kernels.vector_cones`); the nodes with the largest bounds are cut in two until the largest bound
falls to the target. No arrangement is needed, so degenerate data cost nothing and nothing can be missed. Batches have a
fixed size and are answered in order: the tree does not depend on the number of threads.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from .._utils.progress import current
from .._utils.threads import one_sign_slices, thread_map
from .._utils.validation import is_late
from ._forecast import Budget
from .nodes import Frontier, Nodes, first_cones

MAX_RANK = 13  # no tree is begun above rank 13: its first nodes are 2^rank cones for each sign
MAX_NODES_PER_BATCH = 512  # at most 512 nodes are cut between two looks at the clock,
NANOSECONDS_PER_BATCH = 200_000_000  # and not many more than one core cuts in about 0.2 s
NODES_PER_CHUNK = 32  # a thread takes 32 nodes at a time
MAX_OPEN_BYTES = 1 << 30  # the search ends when the open nodes take more than one GiB of memory
MIN_CONE_WIDTH = 1e-9  # a cone whose generators are closer together than this holds one direction
MIN_TARGET = 1e-12  # bounds are not pressed below 1e-12 of ``function.scale``: a price of 0 would never be reached
LINEAR_ROUNDING = 1e-14  # a computed singular value is raised by this share of itself to be an upper bound


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

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
    """The state of a search when the cutting of some cones stops (all values in units of ``function.scale``).

    Attributes
    ----------
    nodes : Nodes
        Those that are still open.
    value : float
        The largest value of |f| known.
    target : float
        The bound that the search is after, and one on |f| in every cone that was closed.
    points : list of ndarray of shape (rank,)
        See `SearchResult`.
    n_nodes, work : int
        Cones bounded, and the cost of that in units of about a nanosecond of one core.
    """

    nodes: Nodes
    value: float
    target: float
    points: list
    n_nodes: int
    work: int


def both_directions(function):
    """The search on a line: f takes two values on its unit vectors."""
    points = np.array([[1.0], [-1.0]])
    return SearchResult(float(function.heights(points).max()) + function.slack, points, 2, True)


def _linear_maximum(function):
    """The search of a function that antipodal rows have cancelled down to a linear one."""
    _, values, directions = np.linalg.svd(np.atleast_2d(function.linear))
    return SearchResult(float(values[0]) * (1.0 + LINEAR_ROUNDING) + function.slack, directions[:1], 1, True)


class Search:
    """The tree: what is known, what is open, and the rules by which a node is closed."""

    def __init__(self, function, run, known_value, level, tolerance, absolute, depth):
        self.function, self.run = function, run
        self.value, self.level = known_value, level
        self.tolerance, self.absolute, self.depth = tolerance, absolute, depth
        self.threshold = max(known_value, level) * (1.0 + tolerance)
        self.n_nodes, self.work = 0, 0
        self.points = []

    @property
    def overestimate(self):
        """The largest forecast of a tree that does end, over its work."""
        return self.function.overestimate

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
        cut = self.cut
        # A kernel maximises one sign at a time: nodes of one sign stand together, and each slice has one.
        nodes = nodes.take(np.argsort(-nodes.sign, kind="stable"))
        halves = Nodes.empty(2 * len(nodes), self.function)
        halves.sign[:] = np.repeat(nodes.sign, 2)

        def bound(start, stop):
            part, out = nodes.take(slice(start, stop)), halves.take(slice(2 * start, 2 * stop))
            return self.function.halve(float(part.sign[0]), part, cut, out, self.depth is None)

        return self.account(halves, self.run(bound, one_sign_slices(nodes.sign, NODES_PER_CHUNK)))

    def account(self, nodes, work):
        """Count the work, remember the good points and return the nodes."""
        self.work += sum(work) + self.function.node_work * len(nodes)
        self.n_nodes += len(nodes)
        self.value = max(self.value, float(nodes.value.max()))
        self.points.extend(nodes.point[nodes.value > self.threshold])
        return nodes

    def open(self, nodes):
        """Return the nodes that have to be cut further."""
        nodes = nodes.take(~(nodes.bound <= self.cut))  # a bound that is not a number closes nothing
        if self.depth is None or len(nodes) == 0:
            return nodes
        # Where all maximisers are wanted a cone is cut until it holds one direction, or until no convex line changes
        # sign on it: f is concave there, and an ascent from its point cannot miss the maximum.
        narrow = np.linalg.norm(nodes.generators - nodes.generators[:, :1], axis=2).max(axis=1) < MIN_CONE_WIDTH
        settled = ((nodes.convex == 0) | narrow) & (nodes.bound <= self.target)
        self.points.extend(nodes.point[settled])
        return nodes.take(~settled)


def branch_and_bound(
    function,
    *,
    known_value=0.0,
    level=0.0,
    tolerance=1e-7,
    absolute=MIN_TARGET,
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
        `clock.Moment` at which to stop.
    depth : float, optional
        Collect points from which ascents lead to every local maximum above ``(1 - depth)`` times the largest.

    Returns
    -------
    SearchResult
    """
    if function.rank == 1:
        return both_directions(function)
    if len(function.lines) == 0:
        return _linear_maximum(function)
    limits = {"stop_above": stop_above, "deadline": deadline, "n_jobs": n_jobs, "depth": depth}
    limits |= {"max_work": max_work, "most_work": most_work}
    targets = {"known_value": known_value, "level": level, "tolerance": tolerance, "absolute": absolute}
    return result_of(function, explore(function, first_cones(function, depth is not None), **targets, **limits))


def explore(
    function,
    nodes,
    *,
    known_value,
    level,
    tolerance,
    absolute=MIN_TARGET,
    stop_above=np.inf,
    max_work=None,
    most_work=None,
    deadline=None,
    n_jobs=None,
    depth=None,
):
    """Cut the given cones, those with the largest bounds first, until none is open or a limit is met.

    The parameters are those of `branch_and_bound`; the rank is at least 2. There is at least one node, and what they
    hold is overwritten. Cones that the value and the level close are closed whatever the limits.

    Returns
    -------
    Exploration
    """
    reporter = current()
    with thread_map(n_jobs) as run, reporter.stage(reporter.proof_name) as stage:
        search = Search(function, run, known_value, level, tolerance, absolute, depth)
        frontier = Frontier(nodes)
        frontier.keep(np.flatnonzero(~(frontier.bounds <= search.cut)))
        budget = Budget(max_work, most_work, NANOSECONDS_PER_BATCH)
        capacity = MAX_OPEN_BYTES // nodes.node_bytes()
        # Largest bounds first: the largest open bound is the bound on the price, so no cone is cut in vain. A batch is
        # as large as about 0.2 s allow, at least 16 so that threads have something to do.
        while 0 < frontier.size <= capacity and search.value <= stop_above:
            if budget.is_spent(search, frontier) or is_late(deadline):
                break
            batch = max(
                16, min(MAX_NODES_PER_BATCH, int(budget.work_a_batch(search) / (function.lines.size * function.rank)))
            )
            chosen, before = frontier.largest(batch), search.cut
            frontier.replace(chosen, search.open(search.split(frontier.slots.take(chosen))))
            # A better value closes cones that are open already.
            if search.cut > before:
                frontier.keep(np.flatnonzero(~(frontier.bounds <= search.cut)))
            stage.tick(search.n_nodes, partial(_progress_text, search, frontier, max_work))
    left = frontier.slots.take(slice(frontier.size))
    return Exploration(left, search.value, search.target, search.points, search.n_nodes, search.work)


def _progress_text(search, frontier, max_work):
    """Say in words where a search is."""
    if frontier.size == 0:
        return f"{search.n_nodes:,} cones bounded, none open"
    excess = max(0.0, float(frontier.bounds.max()) / search.target - 1.0)
    budget = "" if max_work is None else f", {min(1.0, search.work / max_work):.0%} of the work that it may take"
    return f"{search.n_nodes:,} cones bounded, {frontier.size:,} open, bound {excess:.1e} above its target{budget}"


def result_of(function, explored):
    """Return the `SearchResult` of an `Exploration`."""
    # Closed cones are bounded by the target, open ones by their own bounds.
    upper = max(explored.target, float(explored.nodes.bound.max(initial=0.0)))
    points = np.array(explored.points).reshape(-1, function.rank)
    slack = function.slack + function.cover_slack
    return SearchResult(upper + slack, points, explored.n_nodes, len(explored.nodes) == 0)
