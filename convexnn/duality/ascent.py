"""Local ascents on the price from many starts: fast lower bounds that prove nothing."""

import numpy as np

from .._utils.norms import unit_rows
from .._utils.row_blocks import is_huge
from .._utils.threads import one_sign_slices, thread_map
from .._utils.validation import is_late
from .kernels.approach import approach
from .kernels.climb import climb_all, distinct

MAX_CLIMBS_PER_CHUNK = 64  # at most 64 climbs are made between two looks at the clock,
ENTRIES_PER_CHUNK = 1_000_000  # and fewer where climbs times entries of the lines exceed this, a tenth of a second
MAX_STEP_ENTRIES = 1_000_000_000  # a climb ends where steps times entries of the lines exceed this, about a second
MAX_LINES_FOR_STARTS = 2048  # on huge data random starts are made from about so many of the lines
MAX_LINES_FOR_METRIC = 1024  # where there are fewer lines than coordinates, starts take the metric of so many of them
MIN_VARIANCE_SHARE = 1e-12  # the metric knows no smaller variance than this share of the largest
N_HUGE_STEPS = 60  # on huge data the best ends take 60 more joint steps in the place of climbs
MIN_SINGLE_LENGTH = 1e-15  # single precision is used where the longest line and its inverse are longer than this
MAX_SAME_END_DISTANCE = 1e-2  # ends of an approach are one where no entry of the unit vectors differs by more
MAX_SAME_MAXIMUM_DISTANCE = 1e-6  # local maxima are one where no entry of the unit vectors differs by more
MAX_CLIMBS = 16  # at most the 16 best ends of an approach climb on,
MAX_LONG_CLIMB_ENTRIES = 16_000_000  # and fewer, but four, where climbs times entries of the lines exceed this


def random_starts(function, n_starts, rng):
    """Return unit start directions of shape (n_starts, rank), a mixture of three distributions.

    Rare maximisers are hit by one start in thousands, and by which distribution depends on the data: Gaussian
    directions, Gaussian directions in the metric that makes the lines isotropic, and differences of lines.
    """
    r, n_lines = function.rank, len(function.lines)
    if n_lines == 0:  # antipodal rows have cancelled down to a linear function
        return _steepest(function.linear)
    starts = rng.standard_normal((n_starts, r))
    lines = function.lines
    if is_huge(lines):
        lines = unit_rows(lines[:: n_lines // MAX_LINES_FOR_STARTS + 1].astype(np.float64, copy=False))[0]
    # Every third start is Gaussian in the metric of the lines, and every third a difference or sum of two lines.
    starts[1::3] = in_metric_of(lines, starts[1::3])
    pairs = rng.integers(0, len(lines), (len(starts[2::3]), 2))
    mix = rng.choice([-1.0, 1.0], (len(pairs), 2))
    starts[2::3] = mix[:, :1] * lines[pairs[:, 0]] + mix[:, 1:] * lines[pairs[:, 1]] + 0.1 * starts[2::3] / np.sqrt(r)
    return starts / np.linalg.norm(starts, axis=1)[:, None]


def in_metric_of(lines, directions):
    """Return Gaussian `directions` (K, rank) in the metric that makes the lines (n_lines, rank) isotropic."""
    n_lines, r = lines.shape
    if r <= max(n_lines, MAX_LINES_FOR_METRIC):
        values, vectors = np.linalg.eigh(lines.T @ lines)
        return directions @ (vectors / np.sqrt(np.maximum(values, MIN_VARIANCE_SHARE * values[-1]))).T
    # In the span of some lines, by their matrix: one of all of these many coordinates would take minutes.
    lines = lines[:MAX_LINES_FOR_METRIC]
    values, vectors = np.linalg.eigh(lines @ lines.T)
    seen = values > MIN_VARIANCE_SHARE * values[-1]
    return (directions[:, : np.sum(seen)] / values[seen]) @ vectors[:, seen].T @ lines


def _steepest(linear):
    """Return the unit vector (1, rank) at which a linear function, of one output or of several, is largest."""
    if linear.ndim == 1:
        return linear[None] / np.linalg.norm(linear)
    return np.linalg.svd(linear)[2][:1]


def perturbed_starts(points, signs, n_starts, rng):
    """Return unit start directions (n_starts, rank) .1 to 1 of a radius away from the unit rows of `points`; the signs.

    Maxima of a price live in clusters: near those that are known, violators are several times as frequent as around
    random directions.
    """
    chosen = rng.integers(0, max(1, len(points)), n_starts)
    base = points[chosen]
    noise = rng.standard_normal(base.shape) / np.sqrt(base.shape[1])
    starts = base + 10.0 ** rng.uniform(-1.0, 0.0, (n_starts, 1)) * noise
    return starts / np.linalg.norm(starts, axis=1)[:, None], signs[chosen]


def local_maxima(function, starts, signs=None, *, enough=np.inf, rough=False, deadline=None, n_jobs=None):
    """Climb ``f``, ``-f`` or both from every start.

    On long data the starts are brought close to maxima together (see `approach`) and only the best of those that are
    distinct climb the rest of the way, and none at all where one of them is above `enough` already. On huge data these
    go on together too.

    Parameters
    ----------
    function : ScalarPrice
    starts : ndarray of shape (n_starts, rank), unit rows
    signs : ndarray of shape (n_starts,), optional
        +1 to climb f and -1 to climb -f; both from every start when it is left out.
    enough : float
        In units of ``function.scale``.
    rough : bool
        Bring the starts near maxima in single precision, and leave it at that, on long data.
    deadline : float, optional
        `clock.Moment` after which no further climb is begun, but for the first few.

    Returns
    -------
    points : ndarray of shape (n_climbs, rank)
    signs : ndarray of shape (n_climbs,), +1 for maxima of f and -1 for those of -f
    values : ndarray of shape (n_climbs,), ``signs * f(points)``, in units of ``function.scale``;
        -inf where the climb was not begun
    """
    if signs is None:
        starts, signs = np.vstack([starts, starts]), np.repeat([1, -1], len(starts))
    if not function.is_long:
        return with_poles(function, *_climb_from(function, starts, signs, deadline, n_jobs))
    # Long data: all starts come near maxima jointly, in single precision where only that is asked for.
    rough = rough or is_late(deadline)
    single = rough and MIN_SINGLE_LENGTH < function.lengths.max() < 1.0 / MIN_SINGLE_LENGTH
    options = {"dtype": np.float32 if single else np.float64, "deadline": deadline, "n_jobs": n_jobs}
    reached, points, values = approach(function, starts, signs, **options)
    signs = signs[reached]
    order = np.argsort(-values, kind="stable")
    order = order[distinct(points[order], signs[order].astype(float), MAX_SAME_END_DISTANCE)]
    points, signs, values = points[order], signs[order], values[order]
    if rough or values.max(initial=0.0) > enough:
        return points, signs, values
    best = slice(0, max(4, min(MAX_CLIMBS, MAX_LONG_CLIMB_ENTRIES // function.lines.size)))
    if is_huge(function.lines):
        reached, ends, tops = approach(function, points[best], signs[best], n_steps=N_HUGE_STEPS, **options)
        climbed = ends, signs[best][reached], tops
    else:
        climbed = _climb_from(function, points[best], signs[best], deadline, n_jobs)
    return tuple(np.concatenate(pair) for pair in zip(climbed, (points, signs, values), strict=True))


def with_poles(function, points, signs, values):
    """Add the maxima at the poles of stretched coordinates, and measure all values at unit vectors."""
    if function.stretched is None:
        return points, signs, values
    ends = function.stretched.poles
    several = function.linear.ndim == 2
    heights = (np.linalg.norm(ends.outputs, axis=1) if several else ends.outputs[:, 0]) / function.scale
    values = function.lengthened(points, values)
    ends = function.reduce(ends.directions), np.sign(heights).astype(signs.dtype), np.abs(heights)
    return tuple(np.concatenate(pair) for pair in zip((points, signs, values), ends, strict=True))


def _climb_from(function, starts, signs, deadline, n_jobs):
    """Climb from every start with its sign; see `local_maxima`."""
    # A climb maximises: -f has the coefficients of f with the other sign, so slices have one sign each.
    order = np.argsort(-signs, kind="stable")
    points, signs = np.ascontiguousarray(starts[order]), signs[order]
    n_steps = max_steps(function)

    def ascend(start, stop):
        if start and is_late(deadline):  # the first climbs are made however late it is
            return np.full(stop - start, -np.inf)
        sign = float(signs[start])
        return climb_all(
            function.lines,
            function.transposed,
            sign * function.coefficients,
            sign * function.linear,
            points[start:stop],
            n_steps,
        )

    with thread_map(n_jobs) as run:
        values = np.concatenate([np.zeros(0), *run(ascend, one_sign_slices(signs, chunk_size(function)))])
    return points, signs, values


def max_steps(function):
    """Return the largest number of steps of one climb."""
    return max(100, min(400 + 40 * function.rank, MAX_STEP_ENTRIES // max(1, function.lines.size)))


def chunk_size(function):
    """Return the number of climbs between two looks at the clock."""
    return max(1, min(MAX_CLIMBS_PER_CHUNK, ENTRIES_PER_CHUNK // max(1, function.lines.size)))


def distinct_maxima(function, points, signs, values, *, angle=MAX_SAME_MAXIMUM_DISTANCE):
    """Return the distinct local maxima above rounding, the largest first, in the caller's coordinates and units.

    Returns
    -------
    directions : ndarray of shape (L, n_inputs)
    signs : ndarray of shape (L,)
    values : ndarray of shape (L,)
    """
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > function.slack]
    kept = order[distinct(points[order], signs[order].astype(float), angle)]
    return function.expand(points[kept]), signs[kept], values[kept] * function.scale
