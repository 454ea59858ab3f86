"""The price of a dual point: the one hard subproblem behind every proof.

``max_{||u|| <= 1} |nu^T (X u)_+|`` decides whether nu is dual feasible (price <= beta), which directions violate it,
what the smallest strength with a zero network is, and whether a network is globally optimal.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .._utils.aliases import ArrayLike, Proof
from .._utils.progress import reporting
from .._utils.row_blocks import row_blocks
from .._utils.threads import one_blas_thread
from .._utils.validation import check_choice, check_design, check_vector, check_verbose, deadline_after
from .ascent import distinct_maxima, local_maxima, random_starts
from .branch_and_bound import MAX_RANK, branch_and_bound
from .common_line import exact_outputs
from .price_function import price_function
from .records import AUTO_WORK, FEW_STARTS, N_STARTS, PRICE_TOLERANCE, PROOFS, Price, work_of
from .spectral import spectral_bound

CANCELLED = 1e-12  # of a sum: rounding of its terms that is worth an exact sum
FEW_ENTRIES = 4_000_000
FEW_RATIONALS = 200_000
ROWS_OF_STARTS = 300_000  # rows times random starts
SEARCHED = 0.5  # of a tolerance: what the search may use of it, rounding and stretching have the rest
WORK_OF_A_CLIMB = 30  # nanoseconds an entry of the data
SMALLEST = float(np.finfo(float).smallest_subnormal)


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
    """Maximise ``|nu^T (X u)_+|`` over the unit ball.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Data as given; append a ones column for a hidden bias.
    nu : array-like of shape (n_samples,)
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
        Also list every maximiser, up to the relative tolerance 1e-7 in value.
    verbose : int
        1 says every second how far the search is, 2 more; on a terminal a bar does.

    Returns
    -------
    Price

    Raises
    ------
    ValueError
        For NaN or infinite entries, shapes that do not match and unknown options.

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
    """
    X = check_design(X, keep_single=True)
    nu = check_vector(nu, X.shape[0], "nu")
    check_choice(proof, "proof", PROOFS)
    verbose, deadline = check_verbose(verbose), deadline_after(time_limit)
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
    search=branch_and_bound,
):
    """Price checked arrays; see `price`.

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
        List every local maximum above ``(1 - depth)`` times the largest as `maximizers`.
    tight : bool
        Whether an upper bound that is not exact is worth a trust-region problem.
    max_work : float, optional
        What a proof of ``"auto"`` is worth, in units of about a nanosecond of one core. A tree that is expected to end
        within `most_work` goes on beyond it, and one that by far will not is given up before (see `branch_and_bound`).
        By default the budget is `most_work`, as for ``"bound"`` always; ``"exact"`` has none.
    most_work : float, optional
        By default AUTO_WORK.
    search : callable
        `branch_and_bound`, or what takes the same arguments and returns a `SearchResult` too.
    """
    function = price_function(X, nu)
    if function.rank == 0 or function.scale == 0.0:  # a scale that underflows is below the smallest number
        upper = max(function.scale * function.slack, SMALLEST * (function.rank > 0))
        nothing = price_of_nothing(X, nu[:, None], upper, proof, level)
        asked = depth is not None and nothing.proof == "exact"
        return replace(nothing, maximizers=nothing.local_directions) if asked else nothing
    enough = np.inf if n_starts else 0.0  # without random starts the caller has climbed from everywhere already
    starts = _starts(function, starts, n_starts)
    found = local_maxima(function, starts, enough=enough, deadline=deadline, n_jobs=n_jobs)
    upper, n_nodes, finished = np.inf, 0, False
    if proof != "heuristic" and function.rank <= MAX_RANK:
        result = search(
            function,
            known_value=float(found[2].max(initial=0.0)),
            level=function.level(level),
            tolerance=SEARCHED * tolerance,
            **work_of(proof, max_work, AUTO_WORK if most_work is None else most_work),
            deadline=deadline,
            n_jobs=n_jobs,
            depth=depth,
        )
        upper, n_nodes, finished = result.upper_bound, result.n_nodes, result.finished
        if len(result.points):
            more = local_maxima(function, _thin(result.points, depth is not None), deadline=deadline, n_jobs=n_jobs)
            found = tuple(np.concatenate(pair) for pair in zip(found, more, strict=True))
    if not finished:
        upper = min(upper, spectral_bound(function, deadline=deadline) if tight else function.total + function.slack)
    directions, signs, values = distinct_maxima(function, *found)
    direction, signed = np.zeros(X.shape[1]), 0.0
    if len(directions):
        direction, signed = directions[0], evaluate_price(X, nu, directions[0])
    value = abs(signed)
    upper = in_units(function, upper, value)
    kind = kind_of(proof, value, upper, level, tolerance)
    maximizers = None
    if depth is not None and kind == "exact":
        maximizers = directions[values >= values.max(initial=0.0) * (1.0 - depth)]
    return Price(value, upper, direction, int(np.sign(signed)), kind, n_nodes, maximizers, directions, signs, values)


def in_units(function, upper, value):
    """Return a bound on the reduced function as one on the price, in the caller's units, of what reaches `value`."""
    return max(math.nextafter(function.scale * function.bound(upper), math.inf), value)


def kind_of(proof, value, upper, level, tolerance):
    """Return the word for a price: exact if and only if the bound is that close to what is reached or asked about."""
    if proof == "heuristic":
        return proof
    return "exact" if upper <= (1.0 + tolerance) * max(value, level) else "bound"


def price_of_nothing(X, dual_point, upper, proof, level):
    """Return the `Price` of 0 where everything has cancelled, up to `upper` at most, or was nothing to begin with."""
    upper = 0.0 if cancels(X, dual_point) else upper
    kind = "exact" if upper == 0.0 else kind_of(proof, 0.0, upper, level, PRICE_TOLERANCE)
    none = np.zeros((0, X.shape[1]))
    return Price(0.0, upper, np.zeros(X.shape[1]), 0, kind, 0, None, none, np.zeros(0, int), np.zeros(0))


def cancels(X, dual_point):
    """Whether the price is zero by construction: ``sum nu_i ||x_i||`` is zero, in rationals, over every half-line."""
    used = np.flatnonzero(np.any(dual_point != 0.0, axis=1) & np.any(X != 0.0, axis=1))
    if len(used) * X.shape[1] > FEW_RATIONALS:
        return False
    sums: dict[tuple[Fraction, ...], list[Fraction]] = {}
    for row, entries in zip(X[used].tolist(), dual_point[used].tolist(), strict=True):
        size = abs(Fraction(next(entry for entry in row if entry)))
        total = sums.setdefault(tuple(Fraction(entry) / size for entry in row), [Fraction(0)] * len(entries))
        total[:] = [before + size * Fraction(entry) for before, entry in zip(total, entries, strict=True)]
    return not any(any(total) for total in sums.values())


def starts_beside(proof, design, n_starts, max_work=None):
    """Return how many of `n_starts` random ascents are worth it beside a proof.

    Few where a tree is done at once, and no more than half of `max_work` pays for, but for a few.
    """
    if proof != "heuristic" and design.shape[1] <= 3:
        n_starts = min(n_starts, FEW_STARTS)
    if max_work is None:
        return n_starts
    return min(n_starts, max(FEW_STARTS, int(0.5 * max_work / (2 * WORK_OF_A_CLIMB * design.size))))


def local_prices(X, nu, *, starts=None, n_starts=N_STARTS, deadline=None, n_jobs=None):
    """Return the distinct local maxima (directions, signs, values) that ascents find; see `search_price`."""
    function = price_function(X, nu)
    if function.rank == 0 or function.scale == 0.0:
        return np.zeros((0, X.shape[1])), np.zeros(0, int), np.zeros(0)
    starts = _starts(function, starts, n_starts)
    return distinct_maxima(function, *local_maxima(function, starts, deadline=deadline, n_jobs=n_jobs))


def _starts(function, directions, n_random):
    """The caller's directions and fixed random ones, fewer on long data, in the coordinates of the function."""
    n_random = min(n_random, max(16, ROWS_OF_STARTS // max(1, len(function.lines))))
    return np.vstack([function.reduce(directions), random_starts(function, n_random, np.random.default_rng(0))])


def _thin(points, keep_all):
    """Return evenly chosen rows of `points`, all of them where each may lead to another maximiser."""
    return points if keep_all else points[:: max(1, len(points) // N_STARTS)]


def evaluate_price(X, nu, direction):
    """Return ``nu^T (X direction)_+``, scaled against overflow, its sum made exactly where it cancels."""
    return float(evaluate_columns(X, nu[:, None], direction)[0])


def evaluate_columns(X, dual_point, direction):
    """Return ``N^T (X direction)_+`` for N (n_samples, n_outputs); see `evaluate_price`."""
    size = max(float(X.max()), -float(X.min()), np.finfo(float).tiny)
    largest = max(np.abs(dual_point).max(), np.finfo(float).tiny)
    total, amount, direction_size = np.zeros(dual_point.shape[1]), 0.0, np.abs(direction)
    for part, rows in row_blocks(X):
        weights, rows = dual_point[part] / largest, rows / size
        total = total + np.maximum(rows @ direction, 0.0) @ weights
        amount += float((np.abs(rows) @ direction_size) @ np.linalg.norm(weights, axis=1))
    if np.finfo(float).eps * amount > CANCELLED * np.linalg.norm(total) and X.size <= FEW_ENTRIES:
        return exact_outputs(X, dual_point, direction)
    return total * size * largest
