"""Local ascents on the price of several outputs from many starts: fast lower bounds that prove nothing."""

from dataclasses import replace

import numpy as np

from .._utils.row_blocks import is_huge
from .._utils.threads import slices, thread_map
from .._utils.validation import is_late
from .ascent import MAX_CLIMBS, MAX_SAME_END_DISTANCE, chunk_size, max_steps, with_poles
from .kernels.climb import distinct
from .kernels.vector_approach import N_VECTOR_STEPS, approach_vectors
from .kernels.vector_climb import climb_all_vectors

MAX_TURNS = 200  # a climb turns its output direction at most 200 times
MAX_VECTOR_CLIMB_ENTRIES = 1_000_000  # every start climbs up to so many entries of the lines times starts, 0.1 s
NANOSECONDS_PER_VECTOR_CLIMB_ENTRY = 250  # a climb costs about 250 ns for every entry of the lines,
NANOSECONDS_PER_VECTOR_STEP_ENTRY = 0.25  # a step of an approach 0.25 ns for every entry and start,
NANOSECONDS_PER_POSED_ENTRY = 100  # and to make the function 100 ns for every entry of lines and coefficients
N_ROUGH_APPROACH_STEPS = 4  # an approach that no climb follows has four steps
MAX_SAMPLED_LINES, MAX_HUGE_APPROACHES = 4096, 32  # on huge data 32 ends of approaches on some rows go on with all
MIN_VECTOR_CLIMBS = 2  # the two best ends of an approach climb on, however small the budget


def vector_maxima(function, starts, *, rough=False, max_work=None, deadline=None, n_jobs=None):
    """Climb F from every row of `starts` (K, rank).

    Where climbs would take long all starts are brought near maxima together (`vector_approach`), and only the best of
    those that are distinct climb the rest of the way: a few, as half of `max_work` pays for, and none with `rough`.

    Returns
    -------
    points : ndarray of shape (n_ends, rank)
    signs : ndarray of shape (n_ends,), ones: F is a norm
    values : ndarray of shape (n_ends,), F there, in units of ``function.scale``
    """
    points = np.ascontiguousarray(starts)
    if len(points) == 0:
        return points, np.ones(0, int), np.zeros(0)
    if function.lines.size * len(points) <= MAX_VECTOR_CLIMB_ENTRIES:
        return _ends(function, points, _climb_all(function, points, deadline, n_jobs))
    n_steps = N_ROUGH_APPROACH_STEPS if rough else N_VECTOR_STEPS
    if is_huge(function.lines):
        points = _best_on_a_sample(function, points, deadline, n_jobs)
    points, values = approach_vectors(function, points, n_steps=n_steps, deadline=deadline, n_jobs=n_jobs)
    points, values = _distinct_ends(points, values)
    if rough or is_huge(function.lines):
        return _ends(function, points, values)
    n_climbs = MAX_CLIMBS
    if max_work is not None:
        affordable = int(0.5 * max_work / (NANOSECONDS_PER_VECTOR_CLIMB_ENTRY * function.lines.size))
        n_climbs = min(MAX_CLIMBS, max(MIN_VECTOR_CLIMBS, affordable))
    ends = points[:n_climbs].copy()
    tops = _climb_all(function, ends, deadline, n_jobs)
    return _ends(function, np.vstack([ends, points]), np.append(tops, values))


def _best_on_a_sample(function, points, deadline, n_jobs):
    """Return the best distinct ends of approaches that see some of the rows of huge data."""
    step = len(function.lines) // MAX_SAMPLED_LINES + 1
    sample = replace(function, lines=function.lines[::step], coefficients=function.coefficients[::step])
    points, _ = _distinct_ends(*approach_vectors(sample, points, deadline=deadline, n_jobs=n_jobs))
    return points[:MAX_HUGE_APPROACHES]


def _distinct_ends(points, values):
    """Return the ends of approaches that differ and the values there, the largest first."""
    order = np.argsort(-values, kind="stable")
    order = order[distinct(points[order], np.ones(len(order)), MAX_SAME_END_DISTANCE)]
    return points[order], values[order]


def work_of_maxima(function, n_starts, rough=False):
    """Return about how many nanoseconds of one core `vector_maxima` takes, the making of the function included."""
    n_lines, rank = function.lines.shape
    entries = n_lines * (rank + function.n_axes)
    n_climbs, n_steps = MAX_CLIMBS, N_VECTOR_STEPS
    if function.lines.size * n_starts <= MAX_VECTOR_CLIMB_ENTRIES:
        n_climbs, n_steps = n_starts, 0
    elif rough:
        n_climbs, n_steps = 0, N_ROUGH_APPROACH_STEPS
    if is_huge(function.lines):
        n_climbs, n_starts = 0, min(n_starts, MAX_HUGE_APPROACHES)
    steps = NANOSECONDS_PER_VECTOR_STEP_ENTRY * entries * n_steps * n_starts
    return (
        NANOSECONDS_PER_POSED_ENTRY * entries
        + steps
        + NANOSECONDS_PER_VECTOR_CLIMB_ENTRY * function.lines.size * n_climbs
    )


def _climb_all(function, points, deadline, n_jobs):
    """Climb from every row of `points`, in place, as far as it goes; return F there."""
    n_steps = max_steps(function)

    def ascend(start, stop):
        if start and is_late(deadline):  # the first climbs are made however late it is
            return np.full(stop - start, -np.inf)
        parts = function.lines, function.transposed, function.coefficients, function.linear
        return climb_all_vectors(*parts, points[start:stop], MAX_TURNS, n_steps)

    with thread_map(n_jobs) as run:
        return np.concatenate(run(ascend, slices(len(points), chunk_size(function))))


def _ends(function, points, values):
    """Return points, signs and values, the poles of stretched coordinates among them."""
    return with_poles(function, points, np.ones(len(points), int), values)
