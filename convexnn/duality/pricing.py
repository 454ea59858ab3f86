"""The price of a dual point: the one hard subproblem behind every proof.

``max_{||u|| <= 1} ||N^T (X u)_+||`` decides whether N is dual feasible (price <= beta), which directions violate it,
what the smallest strength with a zero network is, and whether a network is globally optimal. Local ascents find large
values, a branch and bound over simplicial cones proves an upper bound, and where its budget ends first a cheap bound
stands. The search is one for one output and for several; the price functions differ (`scalar_price`, `vector_price`).
"""

from __future__ import annotations

import math

import numpy as np

from .._utils.aliases import ArrayLike, Proof
from .._utils.progress import reporting
from .._utils.threads import one_blas_thread
from .._utils.validation import check_choice, check_design, check_matrix, check_vector, check_verbose, deadline_after
from ..exceptions import InvalidInputError
from ..programs.evaluation import SMALLEST
from .ascent import distinct_maxima
from .branch_and_bound import MAX_RANK, branch_and_bound
from .records import FEW_STARTS, N_STARTS, PRICE_TOLERANCE, PROOFS, Price, work_of
from .scalar_price import scalar_price_function
from .values import cancels, evaluate
from .vector_price import vector_price_function

SEARCH_SHARE_OF_TOLERANCE = 0.5  # the tree may use half of a tolerance; rounding and stretching have the rest
CLIMBS_SHARE_OF_BUDGET = 0.5  # random ascents may cost half of a budget
NANOSECONDS_PER_START_ENTRY = 30  # an ascent costs about 30 ns for every entry of the data
MAX_QUICK_TREE_INPUTS = 3  # up to three columns a tree ends at once, so that few random ascents do


def price(
    X: ArrayLike,
    nu: ArrayLike,
    *,
    proof: Proof = "auto",
    time_limit: float | None = None,
    n_jobs: int | None = None,
    all_maximizers: bool = False,
    verbose: int = 0,
) -> Price:
    """Maximise ``|nu^T (X u)_+|``, or ``||nu^T (X u)_+||`` for several outputs, over the unit ball.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Data as given; append a ones column for a hidden bias.
    nu : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Dual point, ``nu = -grad L(fit)``; for the squared loss the weighted residual ``w (y - fit)``.
    proof : {"auto", "exact", "bound", "heuristic"}
        ``"exact"`` searches until the maximum is proven or `time_limit` (or memory) ends it, ``"auto"`` and
        ``"bound"`` within a fixed amount of work (never a clock, so the answer is reproducible), and
        ``"heuristic"`` runs local ascents only.
    time_limit : float, optional
        Seconds after which the best valid bound so far is returned.
    n_jobs : int, optional
        Threads, read as joblib reads it. The answer does not depend on it.
    all_maximizers : bool
        Also list every maximiser, up to the relative tolerance 1e-7 in value; for one output.
    verbose : int
        1 says every second how far the search is, 2 more; on a terminal a bar does.

    Returns
    -------
    Price

    Raises
    ------
    ValueError
        For NaN or infinite entries, shapes that do not match, unknown options, and `all_maximizers` with several
        outputs: their maximisers may be a continuum.

    Notes
    -----
    The branch and bound is geometric: it needs no arrangement of hyperplanes, so duplicate, coplanar or zero rows
    do no harm. It covers the sphere by 2^rank cones and is left out above rank 13.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import price
    >>> result = price([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [0.05, 0.05])
    >>> print(result.proof, round(result.value, 6))
    exact 0.1
    >>> result = price(np.eye(2), [[0.3, 0.0], [0.0, 0.4]])
    >>> print(result.proof, round(result.value, 6))
    exact 0.4
    """
    X = check_design(X, keep_single=True)
    nu = (check_matrix if np.ndim(nu) == 2 else check_vector)(nu, X.shape[0], "nu")
    check_choice(proof, "proof", PROOFS)
    verbose, deadline = check_verbose(verbose), deadline_after(time_limit)
    if all_maximizers and np.size(nu) > len(nu):
        raise InvalidInputError(
            f"all_maximizers is there for one output only, with nu of shape (n_samples,); got nu of shape {nu.shape}. "
            f"With several outputs the maximisers may be a continuum; local_directions holds those that were met."
        )
    depth = PRICE_TOLERANCE if all_maximizers else None
    with one_blas_thread(), reporting(verbose, deadline):
        return search_price(X, nu, proof=proof, depth=depth, deadline=deadline, n_jobs=n_jobs)


def search_price(
    X,
    nu,
    *,
    proof,
    level=0.0,
    tolerance=PRICE_TOLERANCE,
    n_starts=N_STARTS,
    starts=None,
    depth=None,
    tight=True,
    max_work=None,
    most_work=None,
    deadline=None,
    n_jobs=None,
    tree=branch_and_bound,
):
    """Price checked arrays X (n_samples, n_inputs) and nu (n_samples,) or (n_samples, n_outputs); see `price`.

    Parameters
    ----------
    level : float
        The upper bound is not pressed below this value; ``"exact"`` then means that it is within the tolerance of
        the larger of the two, the maximum and the level.
    tolerance : float
        Relative width at which a bound counts as exact.
    n_starts : int
        Number of random ascents for either sign.
    starts : ndarray of shape (K, n_features), optional
        Directions to climb from besides the random ones.
    depth : float, optional
        List every local maximum above ``(1 - depth)`` times the largest as `maximizers`; for one output.
    tight : bool
        Whether an upper bound that is not exact is worth a trust-region problem.
    max_work : float, optional
        Budget of a proof of ``"auto"``, in units of about a nanosecond of one core. A tree that is expected to end
        within `most_work` goes on beyond it, and one that by far will not is given up before (see `branch_and_bound`).
        By default the budget is `most_work`, as for ``"bound"`` always; ``"exact"`` has none.
    most_work : float, optional
        By default the `auto_work` of the price function, AUTO_WORK or VECTOR_WORK.
    tree : callable
        `branch_and_bound`, or what takes the same arguments and returns a `SearchResult` too.
    """
    # The price function in its smallest form: parallel rows merged, the rest in coordinates of the row space.
    function = price_function(X, nu)
    if function.is_nothing:
        return _price_of_nothing(X, nu, function, proof, level, depth is not None)
    # Local ascents: values that are reached, and the start of the tree.
    limits = {"deadline": deadline, "n_jobs": n_jobs}
    enough = np.inf if n_starts else 0.0  # without random starts the caller has climbed from everywhere already
    found = function.climb(function.starts(starts, n_starts), enough=enough, max_work=max_work, **limits)
    # Branch and bound: a valid bound, pressed down to the larger of the best value and the level. The points that it
    # meets are starts near maxima which the ascents have missed.
    upper, n_nodes, finished = np.inf, 0, False
    if proof != "heuristic" and function.rank <= MAX_RANK and (proof == "exact" or function.has_cheap_nodes):
        result = tree(
            function,
            known_value=float(found[2].max(initial=0.0)),
            level=function.level(level),
            tolerance=SEARCH_SHARE_OF_TOLERANCE * tolerance,
            **work_of(proof, max_work, function.auto_work if most_work is None else most_work),
            depth=depth,
            **limits,
        )
        upper, n_nodes, finished = result.upper_bound, result.n_nodes, result.finished
        if len(result.points):
            more = function.climb(_thinned(result.points, depth is not None), **limits)
            found = tuple(np.concatenate(pair) for pair in zip(found, more, strict=True))
    # A tree that has not ended may leave a bound above the cheap one, or none.
    if not finished:
        upper = min(upper, function.cheap_bound(tight, deadline))
    # The value is summed anew from X itself: the reduced function is it but for its slack. A bound in units of the
    # scale is rounded up when it goes back to the caller's, and is never below what is reached.
    directions, signs, values = distinct_maxima(function, *found)
    direction, signed = np.zeros(X.shape[1]), 0.0
    if len(directions):
        direction, signed = directions[0], evaluate(X, _as_of_one_output(nu), directions[0])
    value = abs(signed)
    upper = max(math.nextafter(function.scale * function.bound(upper), math.inf), value)
    kind = _kind_of(proof, value, upper, level, tolerance)
    maximizers = None
    if depth is not None and kind == "exact":
        maximizers = directions[values >= values.max(initial=0.0) * (1.0 - depth)]
    return Price(value, upper, direction, int(np.sign(signed)), kind, n_nodes, maximizers, directions, signs, values)


def price_function(X, nu):
    """Return the `ScalarPrice` of one output, nu (n_samples,) or (n_samples, 1), or the `VectorPrice` of several."""
    nu = _as_of_one_output(nu)
    return scalar_price_function(X, nu) if nu.ndim == 1 else vector_price_function(X, nu)


def _as_of_one_output(nu):
    """Return a dual point of one column as a vector: its price has a sign."""
    return nu[:, 0] if nu.ndim == 2 and nu.shape[1] == 1 else nu


def _kind_of(proof, value, upper, level, tolerance):
    """Return the word for a price: exact if and only if the bound is that close to what is reached or asked about."""
    if proof == "heuristic":
        return proof
    return "exact" if upper <= (1.0 + tolerance) * max(value, level) else "bound"


def _price_of_nothing(X, nu, function, proof, level, all_maximizers):
    """Return the `Price` of 0 where everything has cancelled, or was nothing to begin with.

    The rest is at most the slack of the function; products that underflow are below the smallest number.
    """
    # Zero by construction is known exactly; what has only underflowed is bounded by the smallest positive number.
    upper = 0.0 if cancels(X, nu) else max(function.scale * function.slack, float(SMALLEST))
    kind = "exact" if upper == 0.0 else _kind_of(proof, 0.0, upper, level, PRICE_TOLERANCE)
    none = np.zeros((0, X.shape[1]))
    maximizers = none if all_maximizers and kind == "exact" else None
    return Price(0.0, upper, np.zeros(X.shape[1]), 0, kind, 0, maximizers, none, np.zeros(0, int), np.zeros(0))


def starts_beside(proof, design, n_starts, max_work=None):
    """Return how many of `n_starts` random ascents are worth it beside a proof.

    Few where a tree is done at once, and no more than half of `max_work` pays for, but for a few.
    """
    if proof != "heuristic" and design.shape[1] <= MAX_QUICK_TREE_INPUTS:
        n_starts = min(n_starts, FEW_STARTS)
    if max_work is None:
        return n_starts
    # Either sign has its own ascents: hence the factor 2.
    return min(
        n_starts,
        max(FEW_STARTS, int(CLIMBS_SHARE_OF_BUDGET * max_work / (2 * NANOSECONDS_PER_START_ENTRY * design.size))),
    )


def local_prices(X, nu, *, starts=None, n_starts=N_STARTS, deadline=None, n_jobs=None):
    """Return the distinct local maxima (directions, signs, values) that ascents find; see `search_price`."""
    function = price_function(X, nu)
    if function.is_nothing:
        return np.zeros((0, X.shape[1])), np.zeros(0, int), np.zeros(0)
    found = function.climb(function.starts(starts, n_starts), deadline=deadline, n_jobs=n_jobs)
    return distinct_maxima(function, *found)


def _thinned(points, keep_all):
    """Return evenly chosen rows of `points`, all of them where each may lead to another maximiser."""
    return points if keep_all else points[:: max(1, len(points) // N_STARTS)]
