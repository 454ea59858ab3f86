"""Compiled bound of the price function on one simplicial cone, and the split of a cone in two.

A node is the cone ``{sum_k t_k v_k, t >= 0}`` of r unit generators. On it the convex lines are at most their linear
interpolant at the generators, lines that do not change sign are linear, and the concave lines stay exact through
multipliers. With ``p_k`` the value of the straddling convex lines at v_k and `settled` the sum of the lines that are
linear on the cone, every vector g with

    ``v_k . g >= v_k . (settled - sum_l a_l lines_l) + p_k`` for every k,   0 <= a_l <= |coefficients_l|,

bounds f by ||g|| on the unit vectors of the cone. Coordinate descent makes ||g|| small; whatever it returns is
checked against these inequalities and corrected, so a bound never rests on the accuracy of the descent.
"""

import numpy as np

from ..._utils.kernels import compiled
from .concave import add_scaled, copy, dot, solve_concave, sweep

MAX_SWEEPS = 6  # passes of coordinate descent; the exact method follows only where they leave a bound undecided


@compiled
def _gather_lines(lines, coefficients, active, columns, weights, index):
    """Collect the straddling lines as columns (r, n), the convex ones first; return the counts of convex and all."""
    n, n_convex = 0, 0
    for kind in range(2):
        for word in range(active.size):
            bits = active[word]
            l = 64 * word
            while bits != 0:
                if bits & np.uint64(1) and (coefficients[l] > 0.0) == (kind == 0):
                    for i in range(lines.shape[1]):
                        columns[i, n] = lines[l, i]
                    weights[n], index[n] = coefficients[l], l
                    n += 1
                bits >>= np.uint64(1)
                l += 1
        if kind == 0:
            n_convex = n
    return n_convex, n


@compiled
def combine(shares, columns, n, out):
    """``out[:n] = shares^T columns[:, :n]``, along the columns so that vector instructions can be used."""
    for l in range(n):
        out[l] = shares[0] * columns[0, l]
    for i in range(1, shares.size):
        for l in range(n):
            out[l] += shares[i] * columns[i, l]


@compiled(fastmath={"reassoc", "contract"})
def _longest_edge(generators, values, weights, n_convex, gram):
    """Return the two generators between which the straddling convex lines are furthest from linear; writes `gram`."""
    r = generators.shape[0]
    # ||v_a - v_b||^2 in the metric X_P^T diag(weights) X_P of the straddling convex lines.
    for a in range(r):
        for b in range(a + 1):
            gram[a, b] = 0.0
            for l in range(n_convex):
                gram[a, b] += weights[l] * values[a, l] * values[b, l]
    best, first, second = 0.0, 1, 0
    for a in range(r):
        for b in range(a):
            length = gram[a, a] + gram[b, b] - 2.0 * gram[a, b]
            if length > best:
                best, first, second = length, a, b
    if best <= 0.0:  # every convex line is settled: cut the widest angle
        best = 2.0
        for a in range(r):
            for b in range(a):
                cosine = dot(generators[a], generators[b])
                if cosine < best:
                    best, first, second = cosine, a, b
    return first, second


@compiled
def _sum_settled_lines(values, columns, weights, index, n_convex, n, active, settled, interpolant, concave, limits):
    """Settle the lines that keep their sign on the cone and narrow the rest.

    Writes the interpolant of the straddling convex lines at the generators and the straddling concave lines (as unit
    rows with their limits). Returns how many convex and how many concave lines straddle.
    """
    r = interpolant.size
    convex_left, concave_left = 0, 0
    active[:] = 0
    interpolant[:] = 0.0
    # A line is linear on the cone when it has one sign at all generators: on, it is added; off, it is nothing.
    for l in range(n):
        low = high = values[0, l]
        for k in range(1, r):
            low, high = min(low, values[k, l]), max(high, values[k, l])
        if low < 0.0 < high:
            active[index[l] >> 6] |= np.uint64(1) << np.uint64(index[l] & 63)
            if l < n_convex:
                convex_left += 1
                for k in range(r):
                    interpolant[k] += weights[l] * max(values[k, l], 0.0)
            else:
                limits[concave_left] = -weights[l]
                for i in range(r):
                    concave[concave_left, i] = columns[i, l]
                concave_left += 1
        elif high > 0.0:
            for i in range(r):
                settled[i] += weights[l] * columns[i, l]
    return convex_left, concave_left


@compiled
def invert(generators, work, inverse):
    """Write into row k of `inverse` the vector q_k with ``q_k . v_j = 1 if j == k else 0``; False if singular."""
    r = generators.shape[0]
    # Gauss-Jordan on the transpose: work = [V | I] with V's rows the generators, V q = e_k
    for k in range(r):
        for i in range(r):
            work[k, i] = generators[k, i]
            work[k, r + i] = 1.0 if i == k else 0.0
    for c in range(r):
        pivot = c
        for k in range(c + 1, r):
            if abs(work[k, c]) > abs(work[pivot, c]):
                pivot = k
        if abs(work[pivot, c]) < 1e-14:
            return False
        if pivot != c:
            for i in range(2 * r):
                work[c, i], work[pivot, i] = work[pivot, i], work[c, i]
        scale = 1.0 / work[c, c]
        for i in range(c, 2 * r):
            work[c, i] *= scale
        for k in range(r):
            if k != c and work[k, c] != 0.0:
                factor = work[k, c]
                for i in range(c, 2 * r):
                    work[k, i] -= factor * work[c, i]
    for k in range(r):
        for i in range(r):
            inverse[k, i] = work[i, r + k]
    return True


@compiled
def _violation(columns, generators, settled, interpolant, g, amounts, n_concave, needed):
    """Return how far g violates the inequalities that make ||g|| a bound, times sqrt(r), the most that sum t can be.

    The generators of a node lie in one orthant of an orthonormal basis, so ``||sum t_k v_k|| >= ||t||``.
    """
    copy(settled, needed)
    add_scaled(needed, -1.0, g)
    for k in range(n_concave):
        add_scaled(needed, -amounts[k], columns[k])
    # v_k . g >= v_k . (settled - sum_l a_l x_l) + p_k for every generator, or what it lacks is added to ||g||.
    worst = 0.0
    for k in range(generators.shape[0]):
        worst = max(worst, interpolant[k] + dot(generators[k], needed))
    return np.sqrt(generators.shape[0]) * worst


@compiled
def _contradicts(concave, limits, n_concave, generators, inverse, linear, g, target, work, point):
    """True when a point of the cone (written) has a relaxed value above the target, which no bound can then reach."""
    work[:] = 0.0
    # The point of the cone with the positive shares of g: a maximiser of the relaxation if the bound is tight.
    for k in range(g.size):
        share = dot(inverse[k], g)
        if share > 0.0:
            add_scaled(work, share, generators[k])
    size = np.sqrt(dot(work, work))
    if size < 1e-300:
        return False
    value = dot(linear, work)
    for k in range(n_concave):
        z = dot(concave[k], work)
        if z > 0.0:
            value -= limits[k] * z
    for i in range(g.size):
        point[i] = work[i] / size
    return value > target * size


@compiled
def _bound_cone(generators, settled, interpolant, concave, limits, n_concave, target, point, scratch):
    """Bound the relaxation on the cone and write a point of it; `concave` and `limits` have room for r more rows."""
    r = generators.shape[0]
    elimination, inverse, g, work, linear = scratch
    point[:] = 0.0
    for k in range(r):
        add_scaled(point, 1.0 / r, generators[k])
    size = np.sqrt(dot(point, point))
    for i in range(r):
        point[i] /= size
    if not invert(generators, elimination, inverse):
        return np.inf
    # The interpolant of the convex lines, p . t with t = W u, is linear: it joins the settled lines.
    copy(settled, linear)
    for k in range(r):
        add_scaled(linear, interpolant[k], inverse[k])
        # t_k >= 0 is a concave line of no limit: the cone enters by its multipliers.
        length = np.sqrt(dot(inverse[k], inverse[k]))
        for i in range(r):
            concave[n_concave + k, i] = -inverse[k, i] / length
        limits[n_concave + k] = np.inf
    columns, limits = concave[: n_concave + r], limits[: n_concave + r]
    amounts = np.empty(n_concave + r)
    amounts[:] = 0.0
    copy(linear, g)
    # Any amounts give a valid bound: stop as soon as ||g|| falls to the target, or cannot.
    decided = False
    for repeat in range(MAX_SWEEPS):
        sweep(columns, limits, amounts, g)
        decided = dot(g, g) <= target * target or (
            repeat & 1 == 1
            and _contradicts(columns, limits, n_concave, generators, inverse, linear, g, target, work, point)
        )
        if decided:
            break
    # Neither is certain: the best multipliers, exactly.
    if not decided:
        solve_concave(columns, np.ascontiguousarray(columns.T), limits, linear, amounts, g)
        _contradicts(columns, limits, n_concave, generators, inverse, linear, g, target, work, point)
    # What g lacks of the inequalities is rounding after the exact method, and is added after any other.
    return np.sqrt(dot(g, g)) + _violation(columns, generators, settled, interpolant, g, amounts, n_concave, work)


@compiled
def split_cones(
    lines, coefficients, generators, active, settled, bounds, target,
    new_generators, new_active, new_settled, new_bounds, values, points, n_straddling,
):  # fmt: skip
    """Cut every cone of ``generators (K, r, r)`` in two along its longest edge and bound the halves; return the work.

    Halves 2k and 2k + 1 belong to cone k; all `new_` arrays, `values` (of f at `points`) and `n_straddling` (convex
    lines that change sign on the half) are written.
    """
    n_lines, r = lines.shape
    columns, at_generators = np.empty((r, n_lines)), np.empty((r, n_lines))
    weights, index, saved = np.empty(n_lines), np.empty(n_lines, np.int64), np.empty(n_lines)
    concave, limits = np.empty((n_lines + r, r)), np.empty(n_lines + r)
    interpolant, middle, gram = np.empty(r), np.empty(r), np.empty((r, r))
    scratch = (np.empty((r, 2 * r)), np.empty((r, r)), np.empty(r), np.empty(r), np.empty(r))
    work = 0
    for k in range(generators.shape[0]):
        # The lines that change sign on the cone, and their values at its generators.
        n_convex, n = _gather_lines(lines, coefficients, active[k], columns, weights, index)
        for j in range(r):
            combine(generators[k, j], columns, n, at_generators[j])
        # The cut: the middle of the longest edge takes the place of either end.
        first, second = _longest_edge(generators[k], at_generators, weights, n_convex, gram)
        for i in range(r):
            middle[i] = generators[k, first, i] + generators[k, second, i]
        size = np.sqrt(dot(middle, middle))
        for i in range(r):
            middle[i] /= size
        for side in range(2):
            half, replaced = 2 * k + side, first if side == 0 else second
            for l in range(n):
                saved[l] = at_generators[replaced, l]
            combine(middle, columns, n, at_generators[replaced])
            for j in range(r):
                copy(middle if j == replaced else generators[k, j], new_generators[half, j])
            copy(settled[k], new_settled[half])
            n_straddling[half], n_concave = _sum_settled_lines(
                at_generators, columns, weights, index, n_convex, n,
                new_active[half], new_settled[half], interpolant, concave, limits,
            )  # fmt: skip
            for l in range(n):
                at_generators[replaced, l] = saved[l]
            bound = _bound_cone(
                new_generators[half], new_settled[half], interpolant, concave, limits, n_concave, target,
                points[half], scratch,
            )  # fmt: skip
            # A half is bounded by its parent too.
            new_bounds[half] = bound if bound < bounds[k] else bounds[k]  # also when not a number
            combine(points[half], columns, n, saved)
            values[half] = dot(settled[k], points[half])
            for l in range(n):
                values[half] += weights[l] * max(saved[l], 0.0)
        work += (n + 4 * r) * r * r
    return work
