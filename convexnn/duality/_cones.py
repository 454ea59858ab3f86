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
from numba import njit

from ._kernels import add_scaled, dot, solve_concave, sweep

SWEEPS = 6


@njit(cache=True, nogil=True)
def _inverse(generators, work, inverse):
    """Write into row k of `inverse` the vector q_k with ``q_k . v_j = 1 if j == k else 0``; False if singular."""
    r = generators.shape[0]
    # Gauss-Jordan on the transpose: work = [V | I] with V's rows the generators, V q = e_k
    work[:, :r] = generators
    work[:, r:] = 0.0
    for k in range(r):
        work[k, r + k] = 1.0
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


@njit(cache=True, nogil=True)
def _classify(lines, coefficients, generators, parent_active, active, settled, interpolant, convex, concave):
    """Settle the lines that keep their sign on the cone; list the others. Return how many are convex, concave."""
    r = generators.shape[0]
    n_convex, n_concave = 0, 0
    active[:] = 0
    interpolant[:] = 0.0
    for word in range(parent_active.size):
        bits = parent_active[word]
        if bits == 0:
            continue
        for bit in range(64):
            if not (bits >> np.uint64(bit)) & np.uint64(1):
                continue
            l = 64 * word + bit
            some_positive, some_negative = False, False
            for k in range(r):
                z = dot(lines[l], generators[k])
                if z > 0.0:
                    some_positive = True
                    if some_negative:
                        break
                elif z < 0.0:
                    some_negative = True
                    if some_positive:
                        break
            if some_positive and some_negative:
                active[word] |= np.uint64(1) << np.uint64(bit)
                if coefficients[l] > 0.0:
                    convex[n_convex] = l
                    n_convex += 1
                    for k in range(r):
                        z = dot(lines[l], generators[k])
                        if z > 0.0:
                            interpolant[k] += coefficients[l] * z
                else:
                    concave[n_concave] = l
                    n_concave += 1
            elif some_positive:
                add_scaled(settled, coefficients[l], lines[l])
    return n_convex, n_concave


@njit(cache=True, nogil=True)
def _decide(columns, limits, generators, inverse, linear, g, n_concave, target, shares, point):
    """True when ||g|| is below the target, or `point` (written) shows that no bound of this kind can be."""
    r = g.size
    norm = np.sqrt(dot(g, g))
    if norm <= target:
        return True
    for i in range(r):
        shares[i] = 0.0
    for k in range(r):
        share = dot(inverse[k], g)
        if share > 0.0:
            add_scaled(shares, share, generators[k])
    size = np.sqrt(dot(shares, shares))
    if size < 1e-300:
        return False
    value = dot(linear, shares)
    for k in range(n_concave):
        z = dot(columns[k], shares)
        if z > 0.0:
            value -= limits[k] * z
    for i in range(r):
        point[i] = shares[i] / size
    return value > target * size


@njit(cache=True, nogil=True)
def bound_cone(
    lines, coefficients, generators, parent_active, target, active, settled, point, convex, concave, floats
):
    """Bound f on the unit vectors of a cone and find a good point of it.

    `settled` enters as the parent's and leaves as the cone's own; `active` (bits) and `point` are written.
    Returns (bound, value of f at `point`, number of straddling convex lines, of straddling lines).
    """
    r = generators.shape[0]
    work, inverse = floats[:r, : 2 * r], floats[r : 2 * r, :r]
    interpolant, g, shares = floats[2 * r, :r], floats[2 * r + 1, :r], floats[2 * r + 2, :r]
    linear = floats[2 * r + 3, :r]
    n_convex, n_concave = _classify(
        lines, coefficients, generators, parent_active, active, settled, interpolant, convex, concave
    )
    point[:] = 0.0
    for k in range(r):
        add_scaled(point, 1.0, generators[k])
    size = np.sqrt(dot(point, point))
    for i in range(r):
        point[i] /= size
    if not _inverse(generators, work, inverse):
        return np.inf, 0.0, n_convex, n_convex + n_concave
    linear[:] = settled
    for k in range(r):
        add_scaled(linear, interpolant[k], inverse[k])
    columns, limits = np.empty((n_concave + r, r)), np.empty(n_concave + r)
    for k in range(n_concave):
        columns[k], limits[k] = lines[concave[k]], -coefficients[concave[k]]
    for k in range(r):
        length = np.sqrt(dot(inverse[k], inverse[k]))
        for i in range(r):
            columns[n_concave + k, i] = -inverse[k, i] / length
        limits[n_concave + k] = np.inf
    amounts = np.zeros(n_concave + r)
    g[:] = linear
    decided = False
    for _ in range(SWEEPS):
        sweep(columns, limits, amounts, g)
        decided = _decide(columns, limits, generators, inverse, linear, g, n_concave, target, shares, point)
        if decided:
            break
    if not decided:
        solve_concave(columns, np.ascontiguousarray(columns.T), limits, linear, amounts, g)
        _decide(columns, limits, generators, inverse, linear, g, n_concave, target, shares, point)
    bound = np.sqrt(dot(g, g)) + _violation(columns, generators, settled, interpolant, g, amounts, n_concave, shares)
    value = dot(settled, point)
    for k in range(n_convex):
        z = dot(lines[convex[k]], point)
        if z > 0.0:
            value += coefficients[convex[k]] * z
    for k in range(n_concave):
        z = dot(lines[concave[k]], point)
        if z > 0.0:
            value += coefficients[concave[k]] * z
    return bound, value, n_convex, n_convex + n_concave


@njit(cache=True, nogil=True)
def _violation(columns, generators, settled, interpolant, g, amounts, n_concave, needed):
    """What g lacks of the inequalities that make ||g|| a bound, times sqrt(r) (the shares of a unit vector sum to it).

    The generators of a node lie in one orthant of an orthonormal basis, so ``||sum t_k v_k|| >= ||t||``.
    """
    needed[:] = settled
    add_scaled(needed, -1.0, g)
    for k in range(n_concave):
        add_scaled(needed, -amounts[k], columns[k])
    worst = 0.0
    for k in range(generators.shape[0]):
        worst = max(worst, interpolant[k] + dot(generators[k], needed))
    return np.sqrt(generators.shape[0]) * worst


@njit(cache=True, nogil=True)
def longest_edge(lines, coefficients, generators, active):
    """Return the pair of generators between which the straddling convex lines differ most from their interpolant."""
    r = generators.shape[0]
    gaps = np.zeros((r, r))
    z = np.empty(r)
    for word in range(active.size):
        bits = active[word]
        if bits == 0:
            continue
        for bit in range(64):
            if not (bits >> np.uint64(bit)) & np.uint64(1):
                continue
            l = 64 * word + bit
            if coefficients[l] <= 0.0:
                continue
            for k in range(r):
                z[k] = dot(lines[l], generators[k])
            for a in range(r):
                for b in range(a):
                    gaps[a, b] += coefficients[l] * (z[a] - z[b]) ** 2
    best, first, second = 0.0, -1, -1
    for a in range(r):
        for b in range(a):
            if gaps[a, b] > best:
                best, first, second = gaps[a, b], a, b
    if first < 0:  # every convex line is settled: split the widest angle
        best = 2.0
        for a in range(r):
            for b in range(a):
                cosine = dot(generators[a], generators[b])
                if cosine < best:
                    best, first, second = cosine, a, b
    return first, second


@njit(cache=True, nogil=True)
def longest_edges(lines, coefficients, generators, active, edges):
    """Write the edge (K, 2) to cut of every cone."""
    for k in range(generators.shape[0]):
        edges[k, 0], edges[k, 1] = longest_edge(lines, coefficients, generators[k], active[k])


@njit(cache=True, nogil=True)
def bound_cones(lines, coefficients, generators, active, settled, bounds, target, values, points, n_straddling):
    """Bound every cone of ``generators (K, r, r)`` and return the work done.

    `active`, `settled` and `bounds` enter as those of the parents and leave as the cones' own; `values`, `points` and
    `n_straddling` (convex lines that change sign on the cone) are written.
    """
    n_lines, r = lines.shape
    convex, concave = np.empty(n_lines, np.int64), np.empty(n_lines, np.int64)
    floats = np.empty((2 * r + 4, 2 * r))
    narrowed = np.empty(active.shape[1], np.uint64)
    work = 0
    for k in range(generators.shape[0]):
        bound, values[k], n_straddling[k], n_active = bound_cone(
            lines, coefficients, generators[k], active[k], target, narrowed, settled[k], points[k],
            convex, concave, floats,
        )  # fmt: skip
        active[k] = narrowed
        bounds[k] = min(bound, bounds[k])
        work += (n_active + 2 * r) * r * r
    return work
