"""Pricing on data larger than memory: the rows stay where they are, and only sums over them travel.

Everything is done in passes. A pass applies one function to every shard (a few thousand rows at a time) and sums what
comes back, arrays of the size of the directions: no answer depends on how the rows are cut, but for rounding. The
directions come from exact ascents on a sample of the rows, and are then improved on all of them:

``f(u) = c(u) - h(u)`` with two convex functions that are positively homogeneous, the rows of positive and of negative
nu. At the best u so far ``c(v) >= c'(u) . v``, and every pass that was ever made at some v_j leaves the cut
``h(v) <= h'(v_j) . v`` that is exact at v_j. What the cuts allow,

    ``max_{||v|| <= 1} c'(u) . v - max_j h'(v_j) . v  =  || the point of least norm in conv {c'(u) - h'(v_j)} ||``,

bounds the concave problem that an exact ascent solves in one round; its maximiser is where the next pass is made. A
direction is replaced by better ones only, so that values never fall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.threads import one_blas_thread, thread_map
from ..._utils.validation import check_count, check_positive, deadline_after, is_late
from ...exceptions import InvalidInputError
from ...programs.evaluation import EPS
from ..ascent import distinct_maxima, random_starts
from ..kernels.concave import solve_concave
from ..pricing import local_prices
from ..records import PRICE_TOLERANCE, Price
from ..scalar_price import ScalarPrice, scalar_price_function
from ..spectral import trust_region
from . import rows as _rows

if TYPE_CHECKING:
    from distributed import Client


N_SAMPLED_ROWS = 2048  # exact ascents on so many rows give the directions to begin with
N_SHARD_STARTS = 64  # directions improved together for either sign, by default
MAX_PASSES = 100  # the ascents pass over the data at most 100 times, by default
MAX_BOUND_PASSES = 12  # the upper bound takes at most 12 passes over the data
MIN_BOUNDED_LENGTH = 1e-100  # below it, in units of the largest row times the largest |nu|, squares underflow
MAX_SAME_CLIMB_DISTANCE = 1e-7  # one of two climbs ends where no entry of their directions differs by more
STEP_SHARES = np.array([1.0, 0.5, 0.1])  # shares of the way to what the cuts allow; random nu needs a tenth
MIN_TRIAL_SIZE = 1e-3  # a mean of almost opposite unit vectors that is shorter has no direction
MAX_IDLE_PASSES = 8  # a climb ends after so many passes in vain, and one more for every dimension
N_RECENT_CUTS = 12  # cuts that are kept besides those that matter
MAX_SAME_SHARD_DISTANCE = 1e-5  # directions at the end that differ by no more in any entry are one maximum


class LocalShards:
    """Row shards in this process: arrays, or ``numpy.memmap`` of files larger than memory.

    Parameters
    ----------
    X : sequence of array-like of shape (n_rows_k, n_features)
    nu : sequence of array-like of shape (n_rows_k,)
    n_jobs : int, optional
        Threads, as joblib reads it.
    """

    def __init__(self, X: Sequence[ArrayLike], nu: Sequence[ArrayLike], n_jobs: int | None = None) -> None:
        self.pairs, self.n_jobs = list(zip(X, nu, strict=True)), n_jobs

    def __len__(self) -> int:
        return len(self.pairs)

    def apply(self, function: Callable[..., Any], arguments: Sequence[tuple]) -> list[Any]:
        """Return ``function(X_k, nu_k, *arguments_k)`` of every shard, in order."""
        tasks = [(X, nu, *own) for (X, nu), own in zip(self.pairs, arguments, strict=True)]
        with one_blas_thread(), thread_map(self.n_jobs) as run:
            return run(function, tasks)


class DaskShards:
    """Row shards that are futures of a Dask cluster; every function runs where its shard lies.

    Nothing is lost with a worker as long as the futures can be computed again: make them by ``client.submit(load,
    path)`` and the like, which Dask repeats elsewhere by itself. What was sent by ``client.scatter`` exists only where
    it was sent to: give it ``broadcast=True``, or a worker's death is an error.

    Parameters
    ----------
    client : distributed.Client
    X : sequence of futures of arrays of shape (n_rows_k, n_features)
    nu : sequence of futures of arrays of shape (n_rows_k,)
    """

    def __init__(self, client: Client, X: Sequence[Any], nu: Sequence[Any]) -> None:
        self.client, self.pairs = client, list(zip(X, nu, strict=True))

    def __len__(self) -> int:
        return len(self.pairs)

    def apply(self, function: Callable[..., Any], arguments: Sequence[tuple]) -> list[Any]:
        """Return ``function(X_k, nu_k, *arguments_k)`` of every shard, in order."""
        tasks = [(X, nu, *own) for (X, nu), own in zip(self.pairs, arguments, strict=True)]
        return self.client.gather([self.client.submit(function, *task, pure=False) for task in tasks])


def price_shards(
    shards: LocalShards | DaskShards | Any,
    *,
    tol: float = PRICE_TOLERANCE,
    n_starts: int = N_SHARD_STARTS,
    max_passes: int = MAX_PASSES,
    time_limit: float | None = None,
) -> Price:
    """Maximise ``|nu^T (X u)_+|`` over the unit ball for data cut into shards of rows.

    Parameters
    ----------
    shards : LocalShards, DaskShards or alike
        Anything with a length and ``apply(function, arguments)``, which returns the list of the
        ``function(X_k, nu_k, *arguments_k)`` of all shards in order, for a list of tuples of small arrays.
    tol : float
        A direction is improved until what is known of the data allows a value larger by this factor at most.
    n_starts : int
        Directions improved at the same time for either sign.
    max_passes : int
        Limit on the passes over the data that improve them; 4 + 12 passes come on top.
    time_limit : float, optional
        Seconds after which no further pass is begun that could be left out.

    Returns
    -------
    Price
        With ``proof="heuristic"``: the value comes from local ascents, and the upper bound is valid and may be loose.

    Raises
    ------
    ValueError
        For NaN or infinite entries, shapes that do not match, and no rows at all.

    Notes
    -----
    The answer is deterministic for given shards, and does not depend on how the rows are cut but for rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.duality.large.shards import LocalShards, price_shards
    >>> X, nu = np.array([[-np.sqrt(3), 1], [np.sqrt(3), 1]]), np.array([0.05, 0.05])
    >>> result = price_shards(LocalShards([X[:1], X[1:]], [nu[:1], nu[1:]]))
    >>> print(round(result.value, 6), result.upper_bound >= result.value)
    0.1 True
    """
    n_starts, max_passes = check_count(n_starts, "n_starts"), check_count(max_passes, "max_passes")
    tol, deadline = check_positive(tol, "tol"), deadline_after(time_limit)
    # First pass: the sizes, and units that keep every sum of order one.
    counts, d, units = _check_shards(shards)
    scale = units[0] * units[1]
    if scale == 0.0 and min(units) == 0.0:
        return Price(0.0, 0.0, np.zeros(d), 0, "heuristic")
    sums = _Sums(shards, units)
    # Exact ascents on a sample say where to begin; passes over all rows improve on that.
    climbs = _climb_together(sums, _starts(sums, counts, d, n_starts), tol, max_passes, deadline)
    # The bound: trust-region problems on sums over all rows.
    upper, slack = bound_of_sums(sums, sum(counts), deadline)
    with np.errstate(over="ignore"):
        if not np.isfinite(scale * upper):
            raise InvalidInputError(
                f"X and the dual point are too large: the bound overflows float64 (largest entry of nu {units[1]:g}, "
                f"largest row norm {units[0]:g}). Divide one of them."
            )
    return _price_of(climbs, d, scale, upper, slack)


@dataclass(frozen=True)
class _Sums:
    """Sums over all shards, in units that keep them of order one."""

    shards: object
    units: tuple

    def of(self, function, *arguments):
        """Return the sums, over the shards in order, of the tuples that `function` returns."""
        parts = self.shards.apply(function, [(*arguments, self.units)] * len(self.shards))
        return tuple(sum(terms[1:], start=terms[0]) for terms in zip(*parts, strict=True))


def _check_shards(shards):
    """Check the shards; return the rows of each, the number of features and the units."""
    sizes = shards.apply(_rows.sizes_of, [()] * len(shards))
    widths, counts = {size[1] for size in sizes}, [size[0] for size in sizes]
    if sum(counts) == 0:
        raise InvalidInputError("the shards must have at least one row; got none.")
    if len(widths) > 1:
        raise InvalidInputError(f"all shards of X must have as many columns; got {sorted(widths)}.")
    units = (max(size[2] for size in sizes), max(size[3] for size in sizes))
    return counts, widths.pop(), units if any(size[4] for size in sizes) else (0.0, 0.0)


# Where to start


def _starts(sums, counts, d, n_starts):
    """Return pairs (unit direction, sign): the best maxima on a sample of the rows, then random directions."""
    X, nu = _sample(sums, counts)
    directions, signs, _ = local_prices(X, nu)
    function, rng = scalar_price_function(X, nu), np.random.default_rng(0)
    if function.rank == 0:  # all the rows of the sample have weight zero, or are zero
        random = rng.standard_normal((n_starts, d))
        random /= np.linalg.norm(random, axis=1)[:, None]
    else:
        random = function.expand(random_starts(function, n_starts, rng))
    starts = []
    for sign in (1, -1):
        found = [*directions[signs == sign][: n_starts - n_starts // 4], *random]
        starts.extend((direction, sign) for direction in found[:n_starts])
    return starts


def _sample(sums, counts):
    """Return some rows, chosen by their place among all so that the choice does not depend on the shards."""
    n_rows = sum(counts)
    chosen = np.arange(n_rows)
    if n_rows > N_SAMPLED_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(n_rows, N_SAMPLED_ROWS, replace=False))
    edges = np.cumsum([0, *counts])
    places = np.searchsorted(chosen, edges)
    each = [(chosen[a:b] - edge, sums.units) for a, b, edge in zip(places, places[1:], edges, strict=False)]
    rows, values = zip(*sums.shards.apply(_rows.chosen_rows, each), strict=True)
    return np.vstack(rows), np.concatenate(values)


# The ascents


@dataclass
class _Climb:
    """One ascent on ``sign * f = convex part - concave part``.

    Attributes
    ----------
    trials : ndarray of shape (n_trials, d)
        Unit vectors at which the next pass is made.
    direction, value, slope
        The best unit vector so far, ``sign * f`` there, and the gradient of the convex part there.
    cuts : ndarray of shape (n_cuts, d)
        Gradients of the concave part wherever a pass was made; no more than matter.
    idle : int
        Passes since the value rose by more than the tolerance.
    """

    trials: np.ndarray
    sign: int
    direction: np.ndarray | None = None
    value: float = -np.inf
    slope: np.ndarray | None = None
    cuts: np.ndarray | None = None
    idle: int = 0
    finished: bool = False

    def observe(self, slopes, tol):
        """Take in the gradients (2, n_trials, d) of the two convex parts of f at the trials; choose the next ones."""
        # For sign -1 the two convex parts change roles.
        before, (convex, concave) = self.value, slopes[:: self.sign]
        values = np.sum((convex - concave) * self.trials, axis=1)
        best = int(values.argmax())
        if values[best] > self.value:
            self.direction, self.value, self.slope = self.trials[best], float(values[best]), convex[best]
        self.cuts = concave if self.cuts is None else np.vstack([self.cuts, concave])
        self.idle = 0 if self.value > before + tol * abs(self.value) else self.idle + 1
        self._choose_trials(tol)

    def _choose_trials(self, tol):
        """Go to what the cuts allow, and less far; finish where they allow no more, or after many passes in vain."""
        # c'(u) . v - max_j h'(v_j) . v is at most the norm of the point of least norm in conv {c'(u) - h'(v_j)}.
        nearest, shares = nearest_to_zero(self.slope - self.cuts)
        allowed = np.linalg.norm(nearest)
        rounding = 8.0 * EPS * np.abs(self.slope).max()
        patience = len(self.direction) + MAX_IDLE_PASSES
        self.finished = allowed <= max(0.0, self.value * (1.0 + tol)) + rounding or self.idle > patience
        if not self.finished:
            trials = self.direction + STEP_SHARES[:, None] * (nearest / allowed - self.direction)
            sizes = np.linalg.norm(trials, axis=1)
            self.trials = trials[sizes > MIN_TRIAL_SIZE] / sizes[sizes > MIN_TRIAL_SIZE, None]
        # Cuts without a share do not bound anything now; recent ones may again.
        matter = np.flatnonzero(shares > 0.0)
        recent = np.arange(max(0, len(self.cuts) - N_RECENT_CUTS), len(self.cuts))
        self.cuts = self.cuts[np.union1d(matter, recent)]


def nearest_to_zero(points):
    """Return the point of least norm in the convex hull of `points` (m, d), and its shares of them.

    It is in the direction of ``sum_k a_k points_k`` for the ``a >= 0`` that minimise
    ``||sum_k a_k points_k||^2 + (1 - sum_k a_k)^2``, a non-negative least squares problem.
    """
    size = max(float(np.abs(points).max()), np.finfo(float).tiny)
    columns = np.column_stack([points / size, np.ones(len(points))])
    norms = np.linalg.norm(columns, axis=1)
    columns /= norms[:, None]
    start, amounts, residual = np.zeros(columns.shape[1]), np.zeros(len(columns)), np.empty(columns.shape[1])
    start[-1] = 1.0
    solve_concave(columns, np.ascontiguousarray(columns.T), np.full(len(columns), np.inf), start, amounts, residual)
    shares = amounts / norms
    shares /= shares.sum()
    return shares @ points, shares


def _climb_together(sums, starts, tol, max_passes, deadline):
    """Improve all directions at the same time until none can be, or a limit is met; return the climbs."""
    climbs = [_Climb(direction[None], sign) for direction, sign in starts]
    for n_passes in range(max_passes):
        if n_passes > 0 and is_late(deadline):
            break
        going = [climb for climb in climbs if not climb.finished]
        if not going:
            break
        edges = np.cumsum([len(climb.trials) for climb in going])[:-1]
        (slopes,) = sums.of(_rows.slopes_of, np.vstack([climb.trials for climb in going]))
        for climb, own in zip(going, np.split(slopes, edges, axis=1), strict=True):
            climb.observe(own, tol)
        climbs = _distinct(climbs)
    return climbs


def _distinct(climbs):
    """Return the climbs without those that have come to where an earlier one is: they would go the same way."""
    kept = []
    for sign in (1, -1):
        mine = [climb for climb in climbs if climb.sign == sign]
        reached = np.array([climb.direction for climb in mine])
        kept += [climb for k, climb in enumerate(mine) if not _near(reached[:k], reached[k])]
    return kept


def _near(directions, direction):
    return bool(np.any(np.abs(directions - direction).max(axis=1, initial=0.0) <= MAX_SAME_CLIMB_DISTANCE))


# What is proven


def bound_of_sums(sums, n_rows, deadline, max_passes=MAX_BOUND_PASSES):
    """Return a valid bound on ``max |f|``, and what rounding may have changed in any value of f.

    It is `spectral_bound`, with every sum over the rows made by a pass, or the sum of ``|nu_i| ||x_i||`` over the rows
    of one sign where that is smaller.
    """
    total, lengths, concave = sums.of(_rows.totals_of)
    d = len(total)
    # n_rows rounding errors at worst in a sum over the rows, wherever it was made
    rounding = 4.0 * EPS * (n_rows + d + 8)
    # and what underflows in units of the largest row norm and the largest |nu|, which may belong to different rows
    slack = rounding * lengths.sum() + n_rows * np.finfo(float).tiny
    best = lengths.copy()
    if lengths.sum() < MIN_BOUNDED_LENGTH:
        return float(best.max()) + slack, slack
    moments = np.tile(np.eye(d) / d, (2, 1, 1))
    for n_passes in range(max_passes):
        if n_passes > 0 and is_late(deadline):
            break
        convex, widths = sums.of(_rows.parabolas_of, moments)
        for k, sign in enumerate((1.0, -1.0)):
            # Of f the rows of positive nu are convex, of -f those of negative nu: the concave part is the other index.
            bound, moments[k] = trust_region(convex[k] - concave[1 - k], 0.5 * sign * total)
            error = rounding * (np.trace(convex[k]) + np.trace(concave[1 - k]) + lengths.sum())
            best[k] = min(best[k], bound + 0.25 * widths[k] + error)
    return float(best.max()) + slack, slack


def _price_of(climbs, d, scale, upper, slack):
    """Return the `Price` in the caller's units."""
    none, lines, linear = np.zeros(0), np.zeros((0, d)), np.zeros(d)
    whole = ScalarPrice(
        lines=lines, lengths=none, coefficients=none, linear=linear, basis=np.eye(d), scale=scale, slack=slack
    )
    found = [np.array([getattr(climb, name) for climb in climbs]) for name in ("direction", "sign", "value")]
    directions, signs, values = distinct_maxima(whole, *found, angle=MAX_SAME_SHARD_DISTANCE)
    value = float(values.max(initial=0.0))
    best = (directions[0], int(signs[0])) if len(values) else (np.zeros(d), 0)
    upper = max(scale * upper, value)
    return Price(value, upper, *best, "heuristic", 0, None, directions, signs, values)
