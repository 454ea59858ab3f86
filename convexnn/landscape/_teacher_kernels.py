"""Compiled gradient descent on the population loss with the teacher ``V = I``, several runs side by side.

Conventions
-----------
lanes : the last axis of every array, one run to a lane. The innermost loops run over the lanes and become vector
    instructions; no lane ever looks at another, so a run ends at the same bits in any company.
students : (n_students, n_features, n_lanes)
work : scratch, see `_scratch`.
"""

import math

import numpy as np

from .._utils.kernels import compiled

# Up to 32 runs descend side by side.
MAX_LANES = 32
# Gradients are looked at after every 50 steps.
STEPS_PER_CHECK = 50

# A check of divisors would stop the vector instructions.
_compiled = compiled(error_model="numpy")


@_compiled
def _rest_of_angle(cos):
    """``pi - arccos(cos)``: the arcsine's rational approximation from fdlibm, without branches; no vector library."""
    size = abs(cos)
    outer = size > 0.5
    square = 0.5 * (1.0 - size) if outer else cos * cos
    p = 7.91534994289814532176e-04 + square * 3.47933107596021167570e-05
    p = 2.01212532134862925881e-01 + square * (-4.00555345006794114027e-02 + square * p)
    p = square * (1.66666666666666657415e-01 + square * (-3.25565818622400915405e-01 + square * p))
    q = 2.02094576023350569471e00 + square * (-6.88283971605453293030e-01 + square * 7.70381505559019352791e-02)
    q = 1.0 + square * (-2.40339491173441421878e00 + square * q)
    root = math.sqrt(square)  # is |cos| where not outer
    arcsine = root + root * (p / q)
    acute = 2.0 * arcsine if outer else 0.5 * math.pi - arcsine
    return math.pi - acute if cos > 0.0 else acute


@_compiled
def _sine(cos):
    """Sine of an angle between 0 and pi; rounding may have put the cosine beyond 1."""
    return math.sqrt(max(1.0 - cos * cos, 0.0))


@_compiled
def _scratch(n, d, n_lanes):
    """Return (gradient, units, lengths, along, cosines): `along` is the gradient's part along its own neuron."""
    matrix, vector = (n, d, n_lanes), (n, n_lanes)
    return np.empty(matrix), np.empty(matrix), np.empty(vector), np.empty(vector), np.empty(n_lanes)


@_compiled
def _normalise(students, units, lengths):
    """Fill the unit neurons and their lengths."""
    n, d, n_lanes = students.shape
    for i in range(n):
        length, neuron = lengths[i], students[i]
        length[:] = 0.0
        for a in range(d):
            entry = neuron[a]
            for lane in range(n_lanes):
                length[lane] += entry[lane] * entry[lane]
        for lane in range(n_lanes):
            length[lane] = math.sqrt(length[lane])
        for a in range(d):
            entry, unit = neuron[a], units[i, a]
            for lane in range(n_lanes):
                unit[lane] = entry[lane] / length[lane]


@_compiled
def _against_teachers(students, units, gradient, along):
    """Begin the gradient with ``w_i/2`` and the teachers' pulls."""
    n, d, n_lanes = students.shape
    for i in range(n):
        along[i] = 0.0
        for a in range(d):
            slope, neuron, cos, total = gradient[i, a], students[i, a], units[i, a], along[i]
            for lane in range(n_lanes):
                # -g(w, v) with |v| = 1, times 2 pi: -sin t along w, and -(pi - t) v; w_i/2 becomes pi w_i.
                total[lane] -= _sine(cos[lane])
                slope[lane] = math.pi * neuron[lane] - _rest_of_angle(min(max(cos[lane], -1.0), 1.0))


@_compiled
def _against_students(students, units, lengths, gradient, along, cos):
    """Add the students' pulls on each other."""
    n, d, n_lanes = students.shape
    for i in range(n):
        for j in range(i):
            cos[:] = 0.0
            for a in range(d):
                u, v = units[i, a], units[j, a]
                for lane in range(n_lanes):
                    cos[lane] += u[lane] * v[lane]
            length_w, length_v, total_w, total_v = lengths[i], lengths[j], along[i], along[j]
            for lane in range(n_lanes):
                sin = _sine(cos[lane])
                # +g(w_i, w_j) and +g(w_j, w_i): the part along the own neuron, then the part along the other one.
                total_w[lane] += length_v[lane] * sin
                total_v[lane] += length_w[lane] * sin
            for lane in range(n_lanes):
                cos[lane] = _rest_of_angle(min(max(cos[lane], -1.0), 1.0))
            for a in range(d):
                w, v, slope_w, slope_v = students[i, a], students[j, a], gradient[i, a], gradient[j, a]
                for lane in range(n_lanes):
                    slope_w[lane] += cos[lane] * v[lane]
                    slope_v[lane] += cos[lane] * w[lane]


@_compiled
def _fill_gradient(students, work):
    """Fill the gradient, times ``2 pi``."""
    gradient, units, lengths, along, cos = work
    n, d, n_lanes = students.shape
    _normalise(students, units, lengths)
    _against_teachers(students, units, gradient, along)
    _against_students(students, units, lengths, gradient, along, cos)
    for i in range(n):
        for a in range(d):
            slope, unit, total = gradient[i, a], units[i, a], along[i]
            for lane in range(n_lanes):
                slope[lane] += total[lane] * unit[lane]


@_compiled
def _squared_norm(gradient, lane):
    """Return the squared norm of the gradient of one run, without its factor 2 pi."""
    total = 0.0
    for i in range(gradient.shape[0]):
        for a in range(gradient.shape[1]):
            total += (gradient[i, a, lane] / (2.0 * math.pi)) ** 2
    return total


@_compiled
def _walk(students, step, work):
    """Make `STEPS_PER_CHECK` steps, in place; the gradient that stays in `work` is that of the end."""
    gradient, factor = work[0], step / (2.0 * math.pi)
    n, d, n_lanes = students.shape
    for _ in range(STEPS_PER_CHECK):
        for i in range(n):
            for a in range(d):
                neuron, slope = students[i, a], gradient[i, a]
                for lane in range(n_lanes):
                    neuron[lane] -= factor * slope[lane]
        _fill_gradient(students, work)


@_compiled
def descend_all(points, step, tol, n_least, n_most, n_iter):
    """Descend from every point, in place, until its gradient's norm is at most `tol`.

    Parameters
    ----------
    points : ndarray of shape (n_runs, n_students, n_features)
    step, tol : float
    n_least, n_most : int
        Steps that are made in any case, and at most; rounded up to multiples of `STEPS_PER_CHECK`.
    n_iter : ndarray of int of shape (n_runs,)
        The steps made are added.
    """
    n_runs, n, d = points.shape
    n_lanes = min(MAX_LANES, n_runs)
    work, students = _scratch(n, d, n_lanes), np.ones((n, d, n_lanes))
    run, made = np.full(n_lanes, -1), np.zeros(n_lanes, dtype=np.int64)
    following, n_left = 0, n_runs
    while n_left > 0:
        for lane in range(n_lanes):
            # A lane whose run has ended takes the next start.
            if run[lane] < 0 and following < n_runs:
                students[:, :, lane] = points[following]
                run[lane], made[lane] = following, 0
                following += 1
        _fill_gradient(students, work)
        _walk(students, step, work)
        for lane in range(n_lanes):
            r = run[lane]
            if r < 0:
                continue
            made[lane] += STEPS_PER_CHECK
            # A gradient that is not a number ends its run, too.
            small = not _squared_norm(work[0], lane) > tol * tol
            if (small and made[lane] >= n_least) or made[lane] >= n_most:
                points[r] = students[:, :, lane]
                n_iter[r] += made[lane]
                run[lane] = -1
                n_left -= 1
