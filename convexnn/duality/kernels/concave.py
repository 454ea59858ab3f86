"""Compiled inner loops of pricing, on plain arrays, without the interpreter lock.

Conventions: `lines` (L, r) unit rows, `coefficients` (L,) and `linear` (r,) of the reduced price function (see
`price_function`), already multiplied by the sign that is being maximised, so that every kernel maximises
``f(u) = linear . u + sum_l coefficients_l (lines_l . u)_+`` over the unit ball. Lines with a positive coefficient are
the convex part, lines with a negative one the concave part.
"""

import numpy as np

from ..._utils.kernels import compiled

MIN_INDEPENDENT_PART = 1e-9  # a unit line with less of itself off the span of the lines held depends on them


@compiled(fastmath={"reassoc", "contract"})
def dot(a, b):
    """Inner product, by hand: the vectors are short and BLAS threads would fight with ours."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@compiled
def evaluate(lines, coefficients, linear, u):
    """Return f(u)."""
    total = dot(linear, u)
    for l in range(lines.shape[0]):
        z = dot(lines[l], u)
        if z > 0.0:
            total += coefficients[l] * z
    return total


@compiled
def add_scaled(target, factor, vector):
    """``target += factor * vector``, in place."""
    for i in range(target.size):
        target[i] += factor * vector[i]


@compiled
def copy(source, target):
    """``target = source``, by hand: assigning slices costs seconds of compilation."""
    for i in range(target.size):
        target[i] = source[i]


@compiled
def enter(line, basis, triangle, k, shortest):
    """Append a unit line to the first k of `basis` by Gram-Schmidt (twice); False when it depends on them."""
    copy(line, basis[k])
    for j in range(k):
        triangle[j, k] = 0.0
    # The second pass removes what rounding of the first has left along the others.
    for _ in range(2):
        for j in range(k):
            overlap = dot(basis[j], basis[k])
            triangle[j, k] += overlap
            add_scaled(basis[k], -overlap, basis[j])
    length = np.sqrt(dot(basis[k], basis[k]))
    triangle[k, k] = length
    if length < shortest:
        return False
    for i in range(line.size):
        basis[k, i] /= length
    return True


@compiled
def leave(basis, triangle, k, n):
    """Take the k-th of n lines out of the factorisation of `enter`, in place, by rotations."""
    for column in range(k, n - 1):
        for row in range(column + 2):
            triangle[row, column] = triangle[row, column + 1]
    # A column less leaves one entry below the diagonal in every later one: Givens rotations take them away.
    for row in range(k, n - 1):
        length = np.hypot(triangle[row, row], triangle[row + 1, row])
        c, s = triangle[row, row] / length, triangle[row + 1, row] / length
        for column in range(row, n - 1):
            above, below = triangle[row, column], triangle[row + 1, column]
            triangle[row, column], triangle[row + 1, column] = c * above + s * below, c * below - s * above
        for i in range(basis.shape[1]):
            above, below = basis[row, i], basis[row + 1, i]
            basis[row, i], basis[row + 1, i] = c * above + s * below, c * below - s * above


@compiled
def _solve_free(columns, free, n_done, n_free, target, basis, triangle, solution):
    """Least squares ``target ~ sum_k solution_k columns[free_k]`` by Gram-Schmidt (twice); False when dependent.

    The first `n_done` columns are the ones that `basis` and `triangle` already hold.
    """
    for k in range(n_done, n_free):
        if not enter(columns[free[k]], basis, triangle, k, 1e-11):
            return False
    for k in range(n_free - 1, -1, -1):
        value = dot(basis[k], target)
        for j in range(k + 1, n_free):
            value -= triangle[k, j] * solution[j]
        solution[k] = value / triangle[k, k]
    return True


@compiled
def _first_blocked(free, n_free, amounts, bounds, solution):
    """Return how far the free amounts may move towards `solution`, and which of them blocks (-1: none)."""
    step, blocking = 1.0, -1
    for k in range(n_free):
        l = free[k]
        move = solution[k] - amounts[l]
        room = step
        if solution[k] < 0.0:
            room = amounts[l] / -move if move < 0.0 else 0.0  # rounding may have left the amount past its limit
        elif solution[k] > bounds[l]:
            room = (bounds[l] - amounts[l]) / move if move > 0.0 else 0.0
        if room < step:
            step, blocking = room, k
    return step, blocking


@compiled
def sweep(columns, limits, amounts, residual):
    """One pass of coordinate descent on ``1/2 ||residual||^2``, ``residual = start - sum amounts_k columns_k``."""
    for k in range(limits.size):
        amount = min(max(amounts[k] + dot(columns[k], residual), 0.0), limits[k])
        if amount != amounts[k]:
            add_scaled(residual, amounts[k] - amount, columns[k])
            amounts[k] = amount


@compiled(fastmath={"reassoc", "contract"})
def products(transposed, vector, out):
    """``out = lines vector``, by rows of the transpose so that the compiler can use vector instructions."""
    out[:] = 0.0
    for i in range(vector.size):
        for l in range(out.size):
            out[l] += vector[i] * transposed[i, l]


@compiled
def _release_blocked(columns, limits, amounts, state, target, free, n_free, blocking, at_limit):
    """Fix the blocking amount at its limit or at zero and take it out of the free set; return the set's size."""
    k = free[blocking]
    state[k] = 1 if at_limit else 0
    amounts[k] = limits[k] if at_limit else 0.0
    add_scaled(target, -amounts[k], columns[k])
    for j in range(blocking, n_free - 1):
        free[j] = free[j + 1]
    return n_free - 1


@compiled
def solve_concave(columns, transposed, limits, start, amounts, residual):
    """Maximise ``start . u - sum_k limits_k (columns_k . u)_+`` over the unit ball, exactly.

    By duality the value is ``min_{0 <= a <= limits} ||start - sum_k a_k columns_k||``: bounded least squares, solved
    by an active set (Stark and Parker, 1995) from the amounts given. The columns are unit vectors and limits may be
    infinite. On exit `residual` holds the optimal residual, whose direction is the maximiser; columns with amounts
    inside their limits are kinks it lies on.
    """
    n, r = columns.shape
    free = np.empty(r + 1, np.int64)
    basis, triangle, solution = np.empty((r + 1, r)), np.empty((r + 1, r + 1)), np.empty(r + 1)
    target = start.copy()  # start less the columns at their limits
    state, slopes = np.empty(n, np.int64), np.empty(n)  # state 0: at zero, 1: at the limit, 2: free
    n_done, n_free, entering, origin, banned = 0, 0, -1, 0, -1
    # Take over the amounts given: those between zero and their limit are free, at most r - 1 of them.
    for k in range(n):
        if amounts[k] >= limits[k]:
            state[k] = 1
            add_scaled(target, -amounts[k], columns[k])
        elif amounts[k] > 0.0 and n_free < r - 1:
            state[k], free[n_free] = 2, k
            n_free += 1
        else:
            state[k], amounts[k] = 0, 0.0
    for _ in range(4 * n + 20):
        # Inner loop: go towards the best amounts of the free columns, and fix those that meet a limit on the way.
        blocking = 0
        while blocking >= 0 and n_free > 0:
            if _solve_free(columns, free, n_done, n_free, target, basis, triangle, solution):
                n_done = n_free
                step, blocking = _first_blocked(free, n_free, amounts, limits, solution)
                for k in range(n_free):
                    amounts[free[k]] += step * (solution[k] - amounts[free[k]])
                at_limit = blocking >= 0 and solution[blocking] > 0.0
            else:  # the last column depends on the others
                blocking = n_free - 1
                at_limit = origin == 1
            if blocking >= 0:
                # A column that goes straight back to where it came from would be chosen again for ever.
                if free[blocking] == entering and at_limit == (origin == 1):
                    banned = entering
                n_free = _release_blocked(columns, limits, amounts, state, target, free, n_free, blocking, at_limit)
                n_done = min(n_done, blocking)
        # Outer loop: the residual, and the fixed column whose amount it wants to change most.
        copy(target, residual)
        for k in range(n_free):
            add_scaled(residual, -amounts[free[k]], columns[free[k]])
        if n_free >= r:
            break
        products(transposed, residual, slopes)
        # Optimal is: no slope beyond rounding, inwards from zero or back from a limit.
        worst, entering = 1e-13 * np.sqrt(dot(residual, residual)), -1
        for k in range(n):
            if state[k] != 2 and k != banned:
                slope = -slopes[k] if state[k] == 1 else slopes[k]
                if slope > worst:
                    worst, entering = slope, k
        if entering < 0:
            break
        origin, banned = state[entering], -1
        if origin == 1:
            add_scaled(target, limits[entering], columns[entering])
        state[entering], free[n_free] = 2, entering
        n_free += 1
    return np.sqrt(dot(residual, residual))
