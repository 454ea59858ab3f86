"""Exact pricing on many processes or machines: the open cones of the branch and bound are handed out in parts.

A short search here leaves a frontier of open cones. Its nodes are dealt to a fixed number of parts, the largest
bounds first so that all parts are alike, and each part is searched by a task of its own within a fixed amount of
work. What is then still open comes back, the best value is shared, and the next round begins with a larger budget.
Neither the parts nor the budgets know the number of workers, so the tree, and with it every bit of the answer, does
not depend on it; and a task is a pure function of its arguments, so that one whose worker dies is simply run again.
"""

from __future__ import annotations

import time
from dataclasses import replace

from joblib import Parallel, delayed

from ..._utils.aliases import ArrayLike
from ..._utils.clock import now
from ..._utils.validation import check_count, check_design, check_n_jobs, check_vector, deadline_after, is_late
from ..branch_and_bound import MAX_OPEN_BYTES, MIN_TARGET, both_directions, explore, result_of
from ..nodes import Nodes, first_cones
from ..pricing import search_price
from ..records import PRICE_TOLERANCE, Price

N_PARTS = 256  # tasks of a round, by default: several times as many as most clusters have workers
LOCAL_WORK = 1_000_000_000  # nanoseconds searched here before anything is handed out: about a second of one core
FIRST_PART_WORK = 1_000_000_000  # nanoseconds of a part in the first round; a round has twice the budget of the last,
LAST_PART_WORK = 4_000_000_000  # up to this, so that a worker that dies costs four seconds


def price_on_cluster(
    X: ArrayLike,
    nu: ArrayLike,
    *,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    all_maximizers: bool = False,
    n_parts: int = N_PARTS,
) -> Price:
    """Maximise ``|nu^T (X u)_+|`` over the unit ball with a proof, on all workers of a joblib backend.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Data as given; append a ones column for a hidden bias.
    nu : array-like of shape (n_samples,)
        Dual point, ``nu = -grad L(fit)``.
    time_limit : float, optional
        Seconds after which the best valid bound so far is returned.
    n_jobs : int, optional
        Workers, as joblib reads it; their backend can be chosen with ``joblib.parallel_config``. The answer depends
        on neither.
    all_maximizers : bool
        Also list every maximiser, up to the relative tolerance 1e-7 in value.
    n_parts : int
        Tasks of a round: choose several times as many as there are workers. The list of the cones depends on it, and
        so may the last digits of the bound.

    Returns
    -------
    Price
        As `price` returns it with ``proof="exact"``, but for the number of cones.

    Raises
    ------
    ValueError
        For NaN or infinite entries, shapes that do not match and unknown options.

    Notes
    -----
    Problems that one core proves in a second never leave this process. A worker that dies costs the work of the
    tasks it was at, about four seconds each; Dask runs them again elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.duality.large.cluster import price_on_cluster
    >>> result = price_on_cluster([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [0.05, 0.05], n_jobs=2)
    >>> print(result.proof, round(result.value, 6))
    exact 0.1

    On a Dask cluster::

        with Client("scheduler:8786"), joblib.parallel_config(backend="dask"):
            price_on_cluster(X, nu)
    """
    X = check_design(X)
    nu = check_vector(nu, X.shape[0], "nu")
    n_jobs, n_parts = check_n_jobs(n_jobs), check_count(n_parts, "n_parts")
    deadline = deadline_after(time_limit)

    def tree(function, **options):
        return search_in_parts(function, n_parts=n_parts, **options)

    depth = PRICE_TOLERANCE if all_maximizers else None
    return search_price(X, nu, proof="exact", depth=depth, deadline=deadline, n_jobs=n_jobs, tree=tree)


def search_in_parts(
    function,
    *,
    known_value=0.0,
    level=0.0,
    tolerance=PRICE_TOLERANCE,
    absolute=MIN_TARGET,
    max_work=None,
    deadline=None,
    n_jobs=None,
    depth=None,
    n_parts=N_PARTS,
):
    """Do what `branch_and_bound` does, with its parameters, on the workers of the active joblib backend.

    `max_work` is looked at between two rounds only.
    """
    if function.rank == 1:
        return both_directions(function)
    targets = {"level": level, "tolerance": tolerance, "absolute": absolute, "depth": depth}
    here = {"deadline": deadline, "n_jobs": n_jobs}
    cones, budget = first_cones(function, depth is not None), _capped(LOCAL_WORK, max_work)
    state = explore(function, cones, known_value=known_value, max_work=budget, **targets, **here)
    ends = None if deadline is None else time.time() + (deadline - now())
    budget = FIRST_PART_WORK
    # Rounds: deal the open cones, search the parts, collect what is open, share the best value.
    while _has_work_left(state, max_work, deadline):
        parts = [(function, part, state.value, budget, ends, targets) for part in _deal(state.nodes, n_parts)]
        # One task a batch: what a dead worker costs stays small. Arrays are not mapped from files, or the kernels
        # would be compiled once more for arrays that cannot be written.
        results = Parallel(n_jobs=n_jobs, batch_size=1, max_nbytes=None)(delayed(_explore)(part) for part in parts)
        state = _combine(function, [replace(state, nodes=state.nodes.take(slice(0))), *results], targets)
        budget = min(2 * budget, LAST_PART_WORK)
    return result_of(function, state)


def _capped(amount, limit):
    return amount if limit is None else min(amount, limit)


def _has_work_left(state, max_work, deadline):
    """Whether cones are open, and neither memory nor work nor time is used up."""
    n_open = len(state.nodes)
    return (
        0 < n_open <= MAX_OPEN_BYTES // state.nodes.node_bytes()
        and (max_work is None or state.work < max_work)
        and not is_late(deadline)
    )


def _deal(nodes, n_parts):
    """Deal the nodes, the largest bounds first, to at most `n_parts` parts."""
    order = (-nodes.bound).argsort(kind="stable")
    return [nodes.take(order[k::n_parts]) for k in range(min(n_parts, len(nodes)))]


def _explore(part):
    """Search one part, on a worker.

    The arguments come as one tuple: Dask would scatter bare arrays to one worker, and lose them together with it.
    """
    function, nodes, value, budget, ends, targets = part
    # Machines share the time of day, more or less, but not the monotonic clock.
    deadline = None if ends is None else now() + (ends - time.time())
    return explore(function, nodes, known_value=value, max_work=budget, deadline=deadline, n_jobs=1, **targets)


def _combine(function, results, targets):
    """Return one `Exploration` for all results, less the open cones that the best value of all closes."""
    value = max(result.value for result in results)
    whole = replace(
        results[0],
        nodes=Nodes.join([result.nodes for result in results]),
        value=value,
        target=max(result.target for result in results),
        points=[point for result in results for point in result.points],
        n_nodes=sum(result.n_nodes for result in results),
        work=sum(result.work for result in results),
    )
    if len(whole.nodes) == 0:
        return whole
    return replace(whole, nodes=explore(function, whole.nodes, known_value=value, max_work=0, **targets).nodes)
