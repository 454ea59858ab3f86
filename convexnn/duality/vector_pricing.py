"""The price of a dual point of several outputs, ``max_{||u|| <= 1} ||N^T (X u)_+||``.

Local ascents find large values, a branch and bound over simplicial cones proves an upper bound, and where its budget
ends first the smallest of a few cheap bounds stands. For one output this is the price of `pricing`, the same number.
"""

import numpy as np

from .._utils.threads import one_blas_thread, slices, thread_map
from .._utils.validation import check_choice, check_design, check_matrix, deadline_after, is_late
from .ascent import WORK_OF_STEPS, _chunk, random_starts
from .branch_and_bound import MAX_RANK
from .kernels.climb import distinct
from .kernels.vector_approach import STEPS, approach_vectors
from .kernels.vector_climb import climb_all_vectors
from .pricing import SEARCHED, SMALLEST, evaluate_columns, in_units, kind_of, price_of_nothing, search_price
from .records import N_STARTS, PRICE_TOLERANCE, PROOFS, VECTOR_WORK, Price, work_of
from .spectral import spectral_bound
from .vector_price import vector_price_function
from .vector_tree import vector_branch_and_bound

ROUNDS = 200  # of a climb: turns of the output direction
ROWS_OF_STARTS = 300_000
ANGLE = 1e-6
WORK_OF_CLIMBS = 1_000_000  # entries of the lines times climbs, a tenth of a second
WORK_OF_A_CLIMB, WORK_OF_A_STEP = 250, 0.25  # nanoseconds an entry of the lines; an entry and a start
WORK_OF_A_FUNCTION = 100  # nanoseconds an entry of the lines and coefficients: to make them
ROUGH_STEPS = 4
CLIMBS, LEAST_CLIMBS = 16, 2  # from the best ends of an approach
NEAR = 1e-2  # entries of unit vectors: nearer ends are taken for one


def price_vector(X, dual_point, *, proof="auto", time_limit=None, n_jobs=None):
    """Maximise ``||N^T (X u)_+||`` over the unit ball, for a dual point N of several outputs.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Data as given; append a ones column for a hidden bias.
    dual_point : array-like of shape (n_samples, n_outputs)
        ``N = -grad L(fit)``; for the squared loss the weighted residual ``w (Y - fit)``.
    proof : {"auto", "exact", "bound", "heuristic"}
    time_limit : float, optional
    n_jobs : int, optional
        As for `price`.

    Returns
    -------
    Price

    Raises
    ------
    ValueError
        For NaN or infinite entries, shapes that do not match and unknown options.

    Examples
    --------
    >>> import numpy as np
    >>> result = price_vector(np.eye(2), [[0.3, 0.0], [0.0, 0.4]])
    >>> print(result.proof, round(result.value, 6))
    exact 0.4
    """
    X = check_design(X)
    dual_point = check_matrix(dual_point, X.shape[0], "dual_point")
    check_choice(proof, "proof", PROOFS)
    with one_blas_thread():
        return search_vector_price(X, dual_point, proof=proof, deadline=deadline_after(time_limit), n_jobs=n_jobs)


def search_vector_price(
    X,
    dual_point,
    *,
    proof,
    level=0.0,
    tolerance=PRICE_TOLERANCE,
    n_starts=N_STARTS,
    starts=None,
    tight=True,
    max_work=None,
    most_work=None,
    deadline=None,
    n_jobs=None,
):
    """Price checked arrays X (n_samples, n_inputs) and N (n_samples, n_outputs).

    The parameters are those of `search_price`, with VECTOR_WORK for AUTO_WORK. The sign of the `Price` is 1, or 0
    where the value is 0: the output weights of a neuron with direction u point along ``N^T (X u)_+``.

    Returns
    -------
    Price
    """
    options = {"proof": proof, "level": level, "tolerance": tolerance, "n_starts": n_starts, "starts": starts}
    options |= {"tight": tight, "max_work": max_work, "most_work": most_work, "deadline": deadline, "n_jobs": n_jobs}
    if dual_point.shape[1] == 1:
        return search_price(X, dual_point[:, 0], **options)
    function = vector_price_function(X, dual_point)
    if function.rank == 0:
        upper = max(function.scale * function.slack, SMALLEST * bool(np.any(dual_point)))
        return price_of_nothing(X, dual_point, upper, proof, level)
    starts = vector_starts(function, starts, n_starts)
    points, values = vector_maxima(function, starts, deadline, n_jobs, max_work=max_work)
    upper, n_nodes, finished = np.inf, 0, False
    if proof != "heuristic" and function.rank <= MAX_RANK:
        result = vector_branch_and_bound(
            function,
            known_value=float(values.max(initial=0.0)),
            level=function.level(level),
            tolerance=SEARCHED * tolerance,
            **work_of(proof, max_work, VECTOR_WORK if most_work is None else most_work),
            deadline=deadline,
            n_jobs=n_jobs,
        )
        upper, n_nodes, finished = result.upper_bound, result.n_nodes, result.finished
        if len(result.points):
            thinned = result.points[:: max(1, len(result.points) // N_STARTS)]
            more, tops = vector_maxima(function, thinned, deadline, n_jobs)
            points, values = np.vstack([points, more]), np.append(values, tops)
    if not finished:
        upper = min(upper, cheap_bound(function, deadline if tight else 0.0))
    directions, values = distinct_vector_maxima(function, points, values)
    direction, value = np.zeros(X.shape[1]), 0.0
    if len(directions):
        direction = directions[0]
        value = float(np.linalg.norm(evaluate_vector_price(X, dual_point, direction)))
    upper = in_units(function, upper, value)
    kind = kind_of(proof, value, upper, level, tolerance)
    signs = np.ones(len(values), int)
    return Price(value, upper, direction, int(value > 0), kind, n_nodes, None, directions, signs, values)


def vector_starts(function, directions, n_random, rng=None):
    """Return the given directions and random ones, fewer on long data, in the coordinates of the function."""
    n_random = min(n_random, max(16, ROWS_OF_STARTS // max(1, len(function.lines))))
    scalar = function.along(np.eye(1, function.n_axes)[0])
    if len(function.lines):
        random = random_starts(scalar, n_random, np.random.default_rng(0) if rng is None else rng)
    else:  # antipodal rows have cancelled down to a linear function
        random = np.linalg.svd(function.linear)[2][:1]
    return np.vstack([function.reduce(directions), random])


def vector_maxima(function, starts, deadline=None, n_jobs=None, rough=False, max_work=None):
    """Climb F from every row of `starts` (K, rank); return the points reached and F there, in units of the scale.

    Where climbs would take long all starts are brought near maxima together (`_vector_approach`), and only the best of
    those that are distinct climb the rest of the way: a few, as half of `max_work` pays for, and none with `rough`.
    """
    points = np.ascontiguousarray(starts)
    if len(points) == 0:
        return points, np.zeros(0)
    if function.lines.size * len(points) <= WORK_OF_CLIMBS:
        return _with_poles(function, points, _climb_all(function, points, deadline, n_jobs))
    n_steps = ROUGH_STEPS if rough else STEPS
    points, values = approach_vectors(function, points, n_steps=n_steps, deadline=deadline, n_jobs=n_jobs)
    order = np.argsort(-values, kind="stable")
    order = order[distinct(points[order], np.ones(len(order)), NEAR)]
    points, values = points[order], values[order]
    if rough:
        return _with_poles(function, points, values)
    n_climbs = CLIMBS
    if max_work is not None:
        n_climbs = min(CLIMBS, max(LEAST_CLIMBS, int(0.5 * max_work / (WORK_OF_A_CLIMB * function.lines.size))))
    ends = points[:n_climbs].copy()
    tops = _climb_all(function, ends, deadline, n_jobs)
    return _with_poles(function, np.vstack([ends, points]), np.append(tops, values))


def work_of_maxima(function, n_starts, rough=False):
    """Return about how many nanoseconds of one core `vector_maxima` takes, the making of the function included."""
    n_lines, rank = function.lines.shape
    entries = n_lines * (rank + function.n_axes)
    n_climbs, n_steps = CLIMBS, STEPS
    if function.lines.size * n_starts <= WORK_OF_CLIMBS:
        n_climbs, n_steps = n_starts, 0
    elif rough:
        n_climbs, n_steps = 0, ROUGH_STEPS
    steps = WORK_OF_A_STEP * entries * n_steps * n_starts
    return WORK_OF_A_FUNCTION * entries + steps + WORK_OF_A_CLIMB * function.lines.size * n_climbs


def _climb_all(function, points, deadline, n_jobs):
    """Climb from every row of `points`, in place, as far as it goes; return F there."""
    max_steps = max(100, min(400 + 40 * function.rank, WORK_OF_STEPS // max(1, function.lines.size)))
    transposed = np.ascontiguousarray(function.lines.T)

    def ascend(start, stop):
        if start and is_late(deadline):  # without any climb nothing were known
            return np.full(stop - start, -np.inf)
        return climb_all_vectors(
            function.lines, transposed, function.coefficients, function.linear, points[start:stop], ROUNDS, max_steps
        )

    with thread_map(n_jobs) as run:
        return np.concatenate(run(ascend, slices(len(points), _chunk(function))))


def _with_poles(function, points, values):
    """Add the maxima at the poles of stretched coordinates, and measure all values at unit vectors."""
    if function.stretched is None:
        return points, values
    ends, values = function.stretched.poles, function.lengthened(points, values)
    heights = np.linalg.norm(ends.outputs, axis=1) / function.scale
    return np.vstack([points, function.reduce(ends.directions)]), np.append(values, heights)


def distinct_vector_maxima(function, points, values, angle=ANGLE):
    """Return the distinct directions above rounding, the largest first, and their values in the caller's units."""
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > function.slack]
    kept = order[distinct(points[order], np.ones(len(order)), angle)]
    return function.expand(points[kept]), values[kept] * function.scale


def cheap_bound(function, deadline=None):
    """Return a valid upper bound on F over the unit ball without a search, in units of the scale.

    The smallest of ``||linear|| + sum_l ||coefficients_l||``, of a bound by singular values, ``(z)_+ = (z + |z|) / 2``
    with rows balanced, and of the root of the sum of the squared spectral bounds of the principal axes.
    """
    lines, coefficients, sizes = function.lines, function.coefficients, function.sizes
    bounds = [np.linalg.norm(function.linear, 2) + float(sizes.sum())]
    root = np.sqrt(sizes)[:, None]
    if len(lines):
        half = np.linalg.norm(function.linear + 0.5 * coefficients.T @ lines, 2)
        bounds.append(half + 0.5 * np.linalg.norm(root * lines, 2) * np.linalg.norm(coefficients / root, 2))
    if not is_late(deadline):
        axes = np.eye(function.n_axes)
        bounds.append(float(np.linalg.norm([spectral_bound(function.along(a), deadline=deadline) for a in axes])))
    return float(min(bounds)) * (1.0 + 1e-12) + function.slack


def evaluate_vector_price(X, dual_point, direction):
    """Return ``N^T (X direction)_+``, scaled against overflow, its sums made exactly where they cancel."""
    return evaluate_columns(X, dual_point, direction)
