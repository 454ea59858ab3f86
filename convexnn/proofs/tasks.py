"""The search for a tree in tasks of some thousand cones, which any thread, process or machine may do.

A task begins with a few roots of the tree, or with open cones below one root, and ends after a fixed number of cones.
What is open then is the beginning of one or two tasks more. Where a task ends depends on what it began with and on
nothing else, and its key says where in the file its part of the tree stands: keys in their order are a depth-first
walk. So the file does not depend on who does which task when, nor on how often the search was interrupted.
"""

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from .._utils.validation import is_late
from .checker import LEAF
from .tree import Branches, RootSearch
from .vector_tree import VectorRootSearch

CONES_PER_TASK = 8192  # a task ends after so many cones: a tenth of a second up to some seconds, lost when it is killed
ROOTS_PER_TASK = 16  # a task begins with up to 16 roots: most of the thousands of roots in high ranks are leaves


@dataclass(frozen=True)
class Task:
    """A part of the search.

    Attributes
    ----------
    key : tuple of int
        Its place: tasks that grow from another have its key and a number more.
    first, stop : int
        Numbers of the roots.
    root_share : float
        The share of the whole that a root is; half a cone is half as much.
    target : float
        What bounds must reach; see `kernels.prove_cones`.
    cones : tuple of ndarrays or None
        The cones that are open below the first root (see `RootSearch`); None where all of it is.
    shares : ndarray of shape (n_cones,) or None
        Shares of the whole that these cones are.
    depth : int
        How many cones of the same stack belong to other tasks and come after these.
    """

    key: tuple
    first: int
    stop: int
    root_share: float
    target: float
    cones: tuple | None = None
    shares: np.ndarray | None = None
    depth: int = 0

    def divided(self):
        """Return tasks for the same, one or two: the open cones and the other roots, or the stack in two parts."""
        rest = replace(self, key=(*self.key, 0), stop=self.first + 1)
        if self.first + 1 < self.stop:
            return [rest, Task((*self.key, 1), self.first + 1, self.stop, self.root_share, self.target)]
        if len(self.shares) == 1:
            return [rest]
        # The cone at the bottom of the stack, the last to come, is often as large as all others together.
        top, bottom = slice(1, None), slice(0, 1)
        return [
            rest.taking(top, key=(*self.key, 0), depth=self.depth + 1),
            rest.taking(bottom, key=(*self.key, 1)),
        ]

    def taking(self, part, **changes):
        """Return the task with a part of its open cones."""
        cones = tuple(array[part] for array in self.cones)
        return replace(self, cones=cones, shares=self.shares[part], **changes)


@dataclass(frozen=True)
class Piece:
    """What a task has found.

    Attributes
    ----------
    key : tuple of int
    branches : Branches
    closed : float
        The share of the whole that its leaves are.
    rest : Task or None
        What it has left open, under its own key.
    is_cut_short : bool
        Whether there was no time to reach the target.
    """

    key: tuple
    branches: Branches
    closed: float
    rest: Task | None = None
    is_cut_short: bool = False


def first_tasks(lines, target):
    """Return the tasks that a search of all roots begins with."""
    n_roots = 1 << (lines.rank + lines.weights.shape[1])
    starts = range(0, n_roots, ROOTS_PER_TASK)
    return [
        Task((k,), start, min(start + ROOTS_PER_TASK, n_roots), 1.0 / n_roots, target) for k, start in enumerate(starts)
    ]


def search_task(arguments, deadline=None):
    """Return the `Piece` that a task finds; after the deadline all that is open is bounded as it is.

    The arguments, lines, margin, tolerance and the task, come as one tuple: Dask would scatter bare arrays to one
    worker, and lose them together with it.
    """
    lines, margin, tolerance, task = arguments
    parts, n_cones, closed, target, late = [], 0, 0.0, task.target, False
    cones, shares, depth = task.cones, task.shares, task.depth
    kind = RootSearch if lines.weights.shape[1] == 1 else VectorRootSearch
    for root in range(task.first, task.stop):
        search = kind(lines, root, margin, cones, depth)
        shares = [task.root_share] if cones is None else shares.tolist()
        while search.n_open:
            late = late or is_late(deadline)
            if n_cones >= CONES_PER_TASK and not late:
                left = {"cones": search.open_cones(), "shares": np.array(shares), "depth": depth}
                rest = replace(task, first=root, target=target, **left)
                return Piece(task.key, Branches.join(parts), closed, rest)
            parts.append(search.step(inf if late else target, tolerance))
            target = max(target, parts[-1].value * (1.0 + tolerance))
            n_cones += len(parts[-1].splits)
            closed += _close(parts[-1].splits[:, 0] == LEAF, shares)
        cones, depth = None, 0
    return Piece(task.key, Branches.join(parts), closed, is_cut_short=late)


def _close(is_leaf, shares):
    """Take cones off the list of the shares of the open ones; return the share of those that are not cut."""
    closed = 0.0
    for leaf in is_leaf.tolist():
        share = shares.pop()
        if leaf:
            closed += share
        else:
            shares += [share / 2, share / 2]
    return closed
