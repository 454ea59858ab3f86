"""Compiled inner loops of pricing, on plain arrays, without the interpreter lock.

Conventions: `lines` (L, r) unit rows, `coefficients` (L,) and `linear` (r,) of the reduced price function (see
`price_function`), already multiplied by the sign that is being maximised, so that every kernel maximises
``f(u) = linear . u + sum_l coefficients_l (lines_l . u)_+`` over the unit ball. Lines with a positive coefficient are
the convex part, lines with a negative one the concave part.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def dot(a, b):
    """Inner product, by hand: the vectors are short and BLAS threads would fight with ours."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def evaluate(lines, coefficients, linear, u):
    """Return f(u)."""
    total = dot(linear, u)
    for l in range(lines.shape[0]):
        z = dot(lines[l], u)
        if z > 0.0:
            total += coefficients[l] * z
    return total


@njit(cache=True, nogil=True)
def add_scaled(target, factor, vector):
    """``target += factor * vector``, in place."""
    for i in range(target.size):
        target[i] += factor * vector[i]


@njit(cache=True, nogil=True)
def _solve_free(lines, free, n_free, target, basis, triangle, solution):
    """Least squares ``target ~ sum_k solution_k lines[free_k]`` by Gram-Schmidt (twice); False when dependent."""
    triangle[:] = 0.0
    for k in range(n_free):
        basis[k] = lines[free[k]]
        for _ in range(2):
            for j in range(k):
                overlap = dot(basis[j], basis[k])
                triangle[j, k] += overlap
                add_scaled(basis[k], -overlap, basis[j])
        length = np.sqrt(dot(basis[k], basis[k]))
        if length < 1e-11:
            return False
        triangle[k, k] = length
        for i in range(target.size):
            basis[k, i] /= length
    for k in range(n_free - 1, -1, -1):
        value = dot(basis[k], target)
        for j in range(k + 1, n_free):
            value -= triangle[k, j] * solution[j]
        solution[k] = value / triangle[k, k]
    return True


@njit(cache=True, nogil=True)
def _first_blocked(free, n_free, amounts, bounds, solution):
    """Return how far the free amounts may move towards `solution`, and which of them blocks (-1: none)."""
    step, blocking = 1.0, -1
    for k in range(n_free):
        l = free[k]
        move = solution[k] - amounts[l]
        room = step
        if solution[k] < 0.0:
            room = -amounts[l] / move
        elif solution[k] > bounds[l]:
            room = (bounds[l] - amounts[l]) / move
        if room < step:
            step, blocking = room, k
    return step, blocking


@njit(cache=True, nogil=True)
def solve_concave(lines, bounds, concave, n_concave, start, amounts, state, residual):
    """Maximise ``start . u - sum_{l in concave} bounds_l (lines_l . u)_+`` over the unit ball, exactly.

    By duality the value is ``min_{0 <= a <= bounds} ||start - sum_l a_l lines_l||``: bounded least squares, solved
    by an active set (Stark and Parker, 1995). On entry `state` is 0 (at 0) or 1 (at the bound, which must then be
    finite) for every concave line, on exit also 2 (free: the maximiser lies on that kink). On exit `residual` holds
    the optimal residual, whose direction is the maximiser.
    """
    r = start.size
    free = np.empty(r + 1, np.int64)
    basis, triangle, solution = np.empty((r + 1, r)), np.empty((r + 1, r + 1)), np.empty(r + 1)
    target = start.copy()  # start less the lines at their bounds
    n_free, banned = 0, -1
    for k in range(n_concave):
        l = concave[k]
        amounts[l] = bounds[l] if state[l] == 1 else 0.0
        add_scaled(target, -amounts[l], lines[l])
    residual[:] = target
    for _ in range(4 * n_concave + 20):
        size = np.sqrt(dot(residual, residual))
        worst, entering = 1e-13 * size, -1
        for k in range(n_concave):
            l = concave[k]
            if state[l] != 2 and l != banned:
                slope = (1.0 - 2.0 * state[l]) * dot(lines[l], residual)
                if slope > worst:
                    worst, entering = slope, l
        if entering < 0 or n_free >= r:
            break
        if state[entering] == 1:
            add_scaled(target, bounds[entering], lines[entering])
        origin = state[entering]
        state[entering] = 2
        free[n_free] = entering
        n_free += 1
        banned = -1
        blocking = 0
        while blocking >= 0 and n_free > 0:
            if _solve_free(lines, free, n_free, target, basis, triangle, solution):
                step, blocking = _first_blocked(free, n_free, amounts, bounds, solution)
                for k in range(n_free):
                    amounts[free[k]] += step * (solution[k] - amounts[free[k]])
            else:
                blocking = n_free - 1
                solution[blocking] = 1.0 if origin == 1 else -1.0
            if blocking >= 0:
                l = free[blocking]
                state[l] = 1 if solution[blocking] > 0.0 else 0
                amounts[l] = bounds[l] if state[l] == 1 else 0.0
                add_scaled(target, -amounts[l], lines[l])
                if l == entering and state[l] == origin:
                    banned = l
                for k in range(blocking, n_free - 1):
                    free[k] = free[k + 1]
                n_free -= 1
        residual[:] = target
        for k in range(n_free):
            add_scaled(residual, -amounts[free[k]], lines[free[k]])
    return np.sqrt(dot(residual, residual))


@njit(cache=True, nogil=True)
def ascend(lines, coefficients, linear, u, max_rounds):
    """Climb from the unit vector `u`, in place, to a local maximiser of f on the ball; return its value.

    One round fixes the signs of the convex lines at u, maximises the concave rest exactly and moves there, which
    never lowers f. It ends when the signs repeat. The value is f itself, evaluated, never the dual bound of a round.
    """
    n_lines, r = lines.shape
    concave = np.empty(n_lines, np.int64)
    n_concave = 0
    for l in range(n_lines):
        if coefficients[l] < 0.0:
            concave[n_concave] = l
            n_concave += 1
    bounds = np.abs(coefficients)
    amounts, residual, start = np.empty(n_lines), np.empty(r), np.empty(r)
    state = np.zeros(n_lines, np.int64)
    signs = np.zeros(n_lines, np.bool_)
    for repeat in range(max_rounds):
        changed = repeat == 0
        start[:] = linear
        for l in range(n_lines):
            positive = dot(lines[l], u) > 0.0
            if coefficients[l] > 0.0:
                if positive:
                    add_scaled(start, coefficients[l], lines[l])
                if positive != signs[l]:
                    signs[l] = positive
                    changed = True
            elif repeat == 0 or state[l] == 2:
                state[l] = 1 if positive else 0
        if not changed:
            break
        size = solve_concave(lines, bounds, concave, n_concave, start, amounts, state, residual)
        if size <= 1e-300:
            return 0.0
        for i in range(r):
            u[i] = residual[i] / size
    return evaluate(lines, coefficients, linear, u)


@njit(cache=True, nogil=True)
def ascend_all(lines, coefficients, linear, starts, max_rounds):
    """Climb from every row of `starts`, in place, and return the values reached."""
    values = np.empty(starts.shape[0])
    for k in range(starts.shape[0]):
        values[k] = ascend(lines, coefficients, linear, starts[k], max_rounds)
    return values
