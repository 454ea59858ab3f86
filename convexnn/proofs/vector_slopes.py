"""Compiled bound of two outputs on a pair of cones, by a linear map above them: the slope that a proof file holds.

A node is a pair of cones: u is in ``{sum_k t_k v_k, t >= 0}`` and a on an arc ``{sum_j s_j a_j, s >= 0}`` of unit
vectors of the plane. What is bounded there is ``a . h(u)`` with ``h(u) = settled u + sum_l n_l (x_l . u)_+`` over the
lines x_l that change sign. With ``c_lj = a_j . n_l``, any matrix G with

    ``a_j . G v_k >= a_j . settled v_k + sum_l max(c_lj, 0) (x_l . v_k)_+ - sum_l m_lj x_l . v_k``   for all j and k,

``0 <= m_lj <= max(-c_lj, 0)``, bounds it by the largest singular value of G. With b_j and q_k the dual bases of a_j and
v_k, and p_kj what is needed without the multipliers m, these matrices are

    ``G = sum_kj p_kj b_j q_k^T - sum_lj m_lj b_j x_l^T + sum_kj e_kj b_j q_k^T``,   ``e >= 0``.

The best one is the solution of a semidefinite program. Near it is, for a unit vector b on the arc and a small w, the
one that makes ``||b^T G||^2 + w^2 ||b'^T G||^2`` least, b' orthogonal to b: the scalar problem of
`duality.kernels.concave` in 2 r dimensions, with a column for every multiplier. The first b is the middle of the arc,
with w the tangent of half its angle, where the problem falls apart into those of a_0 and of a_1; then b follows the
singular vector of G, and w shrinks. Whatever G is found, its singular value is what counts.
"""

import numpy as np

from .._utils.kernels import compiled
from ..duality.kernels.concave import add_scaled, copy, dot, solve_concave, sweep

N_FRAMES = 4  # unit vectors b that are tried on a pair of cones
N_EXACT_FRAMES = 2  # the last two of them are solved exactly where coordinate descent leaves the bound undecided
FRAME_SWEEPS = 4  # passes of coordinate descent for each b
TILT_FACTOR = 0.5  # w becomes half as large with every new b
LEAST_TILT = 1e-6  # w is at least this: residuals are divided by it
LEAST_AREA = 1e-12  # an arc whose ends have a smaller determinant has no dual basis


@compiled
def write_stand_in(settled, straddling, point, amounts, slope):
    """Write for a small or flat cone the map ``h(point) point^T``, and the multipliers that h has at the point.

    The linear map that h is at the point would be larger by far where what it adds up cancels there.
    """
    columns, _, along, normals = straddling
    heights, place = np.empty(2), 0
    for j in range(2):
        heights[j] = dot(settled[j], point)
        for m in range(along.shape[1]):
            z = 0.0
            for i in range(point.size):
                z += columns[i, m] * point[i]
            heights[j] += normals[j, m] * max(z, 0.0)
            if along[j, m] < 0.0:
                amounts[place] = -along[j, m] if z > 0.0 else 0.0
                place += 1
        slope[j] = heights[j] * point


@compiled
def bound_pair(pair, regular, settled, straddling, needed, target, amounts, slope, point):
    """Bound the relaxation on a pair of cones; write a point, the multipliers and the slope that goes with them.

    Multipliers are those of the lines with a negative coefficient along the first axis, then along the second, then
    those of the facets.
    """
    generators, inverse, arc, dual = pair
    r = generators.shape[0]
    write_middle(generators, point)
    if not regular:
        write_stand_in(settled, straddling, point, amounts, slope)
        return 0.0
    rows, limits, axis = _list_columns(pair, straddling)
    # Everything linear: sum_kj needed_kj b_j q_k^T.
    matrix = np.zeros((2, r))
    for j in range(2):
        for k in range(r):
            for i in range(2):
                add_scaled(matrix[i], needed[k, j] * dual[j, i], inverse[k])
    n, best, decided = axis.size, np.inf, False
    frame = np.empty((n, 2 * r)), np.empty(n), np.empty(n), np.empty(2 * r), np.empty(2 * r)
    columns, own_limits, own_amounts, linear, residual = frame
    vector, found, trial, tried = np.empty(2), np.empty(2), np.empty((2, r)), np.zeros(n)
    write_middle(arc, vector)
    tilt = half_tangent(arc)
    for turn in range(N_FRAMES):
        tilt = max(tilt, LEAST_TILT)
        lengths = _enter_frame(vector, tilt, dual, matrix, rows, limits, axis, tried, frame)
        # Any amounts give a valid bound: stop as soon as it falls to the target, or cannot.
        for repeat in range(FRAME_SWEEPS + 1):
            if repeat < FRAME_SWEEPS:
                sweep(columns, own_limits, own_amounts, residual)
            elif turn >= N_FRAMES - N_EXACT_FRAMES:
                solve_concave(columns, np.ascontiguousarray(columns.T), own_limits, linear, own_amounts, residual)
            else:
                break
            _leave_frame(vector, tilt, residual, trial)
            bound = write_singular(trial, arc, found)
            decided = bound <= target or (
                (repeat & 1 == 1 or repeat == FRAME_SWEEPS)
                and _contradicts(pair, straddling, needed, trial, found, target, point)
            )
            if decided:
                break
        for p in range(n):
            tried[p] = min(own_amounts[p] / lengths[axis[p]], limits[p])
        if bound < best:
            best = bound
            copy(tried, amounts[:n])
            for i in range(2):
                copy(trial[i], slope[i])
        if decided:
            break
        # The next frame: along the singular vector, or the end of the arc that is nearest to it.
        copy(found, vector)
        for j in range(2):
            if dot(dual[j], found) < 0.0:
                copy(arc[1 - j], vector)
        tilt *= TILT_FACTOR
    return best


@compiled
def _list_columns(pair, straddling):
    """Return unit rows (n, r), limits and axes of the multipliers: the lines of both axes, then the facets."""
    _, inverse, _, _ = pair
    columns, _, along, _ = straddling
    r = inverse.shape[0]
    most = 2 * (along.shape[1] + r)
    rows, limits, axis, n = np.empty((most, r)), np.empty(most), np.empty(most, np.int64), 0
    for j in range(2):
        for m in range(along.shape[1]):
            if along[j, m] < 0.0:
                limits[n], axis[n] = -along[j, m], j
                for i in range(r):
                    rows[n, i] = columns[i, m]
                n += 1
    for j in range(2):
        for k in range(r):
            length = np.sqrt(dot(inverse[k], inverse[k]))
            limits[n], axis[n] = np.inf, j
            for i in range(r):
                rows[n, i] = -inverse[k, i] / length
            n += 1
    return rows[:n], limits[:n], axis[:n]


@compiled
def _enter_frame(vector, tilt, dual, matrix, rows, limits, axis, amounts, frame):
    """Write the scalar problem of a vector b and a w: columns, limits, amounts, the linear part and the residual.

    Return the lengths by which limits and amounts of the two axes were multiplied.
    """
    columns, own_limits, own_amounts, linear, residual = frame
    r = rows.shape[1]
    lengths, share = np.empty(2), np.empty((2, 2))
    for j in range(2):
        # b_j in the frame: (b . b_j, w b' . b_j).
        x, y = dot(vector, dual[j]), tilt * (vector[0] * dual[j, 1] - vector[1] * dual[j, 0])
        lengths[j] = np.hypot(x, y)
        share[j, 0], share[j, 1] = x / lengths[j], y / lengths[j]
    for i in range(r):
        linear[i] = vector[0] * matrix[0, i] + vector[1] * matrix[1, i]
        linear[r + i] = tilt * (vector[0] * matrix[1, i] - vector[1] * matrix[0, i])
    copy(linear, residual)
    for p in range(axis.size):
        for i in range(r):
            columns[p, i], columns[p, r + i] = share[axis[p], 0] * rows[p, i], share[axis[p], 1] * rows[p, i]
        own_limits[p], own_amounts[p] = limits[p] * lengths[axis[p]], amounts[p] * lengths[axis[p]]
        if own_amounts[p] > 0.0:
            add_scaled(residual, -own_amounts[p], columns[p])
    return lengths


@compiled
def _leave_frame(vector, tilt, residual, slope):
    """Write the matrix ``b R_0^T + b' R_1^T / w`` of a residual."""
    r = slope.shape[1]
    for i in range(r):
        x, y = residual[i], residual[r + i] / tilt
        slope[0, i], slope[1, i] = vector[0] * x - vector[1] * y, vector[1] * x + vector[0] * y


@compiled
def _contradicts(pair, straddling, needed, slope, vector, target, point):
    """True when a pair of a point of the cone (written) and one of the arc has a relaxed value above the target.

    No slope can bound it then. The point is the one with the positive shares of the right singular vector of a slope.
    """
    generators, inverse, _, dual = pair
    _, values, along, _ = straddling
    r = point.size
    work, shares, heights = np.zeros(r), np.empty(r), np.zeros(2)
    for k in range(r):
        share = vector[0] * dot(inverse[k], slope[0]) + vector[1] * dot(inverse[k], slope[1])
        shares[k] = max(share, 0.0)
        add_scaled(work, shares[k], generators[k])
    size = np.sqrt(dot(work, work))
    if size < 1e-300:
        return False
    for i in range(r):
        point[i] = work[i] / size
    # The relaxed values along both axes, with the multipliers that are best for the point.
    for k in range(r):
        add_scaled(heights, shares[k], needed[k])
    for m in range(along.shape[1]):
        if along[0, m] < 0.0 or along[1, m] < 0.0:
            z = 0.0
            for k in range(r):
                z += shares[k] * values[k, m]
            for j in range(2):
                heights[j] += min(along[j, m], 0.0) * max(z, 0.0)
    # The best vector of the arc: along the vector that has these heights if that is between the axes, else one of them.
    x = heights[0] * dual[0, 0] + heights[1] * dual[1, 0]
    y = heights[0] * dual[0, 1] + heights[1] * dual[1, 1]
    value = max(heights[0], heights[1])
    if dual[0, 0] * x + dual[0, 1] * y > 0.0 and dual[1, 0] * x + dual[1, 1] * y > 0.0:
        value = np.hypot(x, y)
    return value > target * size


@compiled
def write_singular(slope, arc, vector):
    """Return the largest singular value of a matrix (2, r), and write its left vector, turned towards the arc."""
    p, q, s = dot(slope[0], slope[0]), dot(slope[0], slope[1]), dot(slope[1], slope[1])
    angle = 0.5 * np.arctan2(2.0 * q, p - s)
    vector[0], vector[1] = np.cos(angle), np.sin(angle)
    if dot(vector, arc[0]) + dot(vector, arc[1]) < 0.0:
        vector[0], vector[1] = -vector[0], -vector[1]
    return np.sqrt(0.5 * (p + s) + np.hypot(0.5 * (p - s), q))


@compiled
def write_dual(arc, dual):
    """Write the vectors b_j with ``b_j . a_i = 1 if i == j else 0``; False where rounding leaves none."""
    area = arc[0, 0] * arc[1, 1] - arc[0, 1] * arc[1, 0]
    if abs(area) < LEAST_AREA:
        return False
    dual[0, 0], dual[0, 1] = arc[1, 1] / area, -arc[1, 0] / area
    dual[1, 0], dual[1, 1] = -arc[0, 1] / area, arc[0, 0] / area
    return True


@compiled
def write_middle(rows, middle):
    """Write the unit vector along the sum of the rows."""
    middle[:] = 0.0
    for k in range(rows.shape[0]):
        add_scaled(middle, 1.0, rows[k])
    size = max(np.sqrt(dot(middle, middle)), 1e-300)
    for i in range(middle.size):
        middle[i] /= size


@compiled
def half_tangent(arc):
    """Return the tangent of half the angle of an arc: ``||a_0 - a_1|| / ||a_0 + a_1||``."""
    return np.hypot(arc[0, 0] - arc[1, 0], arc[0, 1] - arc[1, 1]) / np.hypot(
        arc[0, 0] + arc[1, 0], arc[0, 1] + arc[1, 1]
    )
