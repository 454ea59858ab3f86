"""Compiled bound of the price of several outputs on one simplicial cone, where lines are replaced by their chords.

With the chords of `vector_chords` ``F <= ||A u|| + error . t`` on the cone, and ``||A u||`` is at most the smaller of

    the largest singular value of ``A + sum_k lambda_k b W_k`` (lambda >= 0, and b . h >= 0 on the cone), and
    ``max_kl (A v_k . A v_l) / (v_k . v_l)``, square root of,

the second because ``U^2 V^T V - V^T A^T A V`` has no negative entry then, so it is copositive. The multipliers w (of
the lines with ``n_l . h <= 0``) and lambda (of the facets of the cone) come from the scalar problem of one unit vector
a, the `axis`; whatever they are, the bound is valid.
"""

import numpy as np

from ..._utils.kernels import compiled
from .concave import add_scaled, copy, dot, solve_concave, sweep
from .cones import MAX_SWEEPS
from .edges import invert
from .vector_chords import cost_of_chords, replace_by_chords, top_eigenvalue

N_BOUND_AXES = 2  # unit vectors a whose multipliers are tried, the second where the first map is largest


@compiled
def _write_mean_direction(rows, out):
    """Write the unit vector along the sum of the rows, the first axis where that vanishes."""
    out[:] = 0.0
    for k in range(rows.shape[0]):
        add_scaled(out, 1.0, rows[k])
    length = np.sqrt(dot(out, out))
    if length < 1e-300:
        out[0], length = 1.0, 1.0
    for a in range(out.size):
        out[a] /= length


@compiled
def _collect_concave_lines(axis, columns, coefficients, index, kept, left, side, concave, limits, chosen):
    """Collect the lines that a multiplier is free for in the scalar problem of `axis`; return their number."""
    m = 0
    for j in range(left):
        limit = -dot(axis, coefficients[index[kept[j]]])
        if side[j] == -1 and limit > 0.0:
            chosen[m], limits[m] = j, limit
            for i in range(columns.shape[0]):
                concave[m, i] = columns[i, kept[j]]
            m += 1
    return m


@compiled
def _write_facets(axis, inverse, middles, spread, regular, concave, limits):
    """Write the facets of the cone as concave lines without limit; they may be used where ``axis . h >= 0``."""
    inside = regular
    for k in range(spread.size):
        # b . h >= 0 on the cone is known only where it holds at all generators with room for the spread.
        inside = inside and dot(axis, middles[k]) >= spread[k]
    for k in range(spread.size):
        length = np.sqrt(dot(inverse[k], inverse[k]))
        for i in range(spread.size):
            concave[k, i] = -inverse[k, i] / length if regular else 0.0
        limits[k] = np.inf if inside else 0.0
    return inside


@compiled
def _add_line(share, l, n_l, columns, values, matrix, fixed):
    """Add a share of the linear part of a line to the map (c, r) and to its values at the generators (r, c)."""
    if share > 0.0:
        for a in range(n_l.size):
            for i in range(matrix.shape[1]):
                matrix[a, i] += share * n_l[a] * columns[i, l]
            for k in range(fixed.shape[0]):
                fixed[k, a] += share * n_l[a] * values[k, l]


@compiled
def _solve_along(axis, start, lines, limits, inside, enough, g):
    """Solve the scalar problem of `axis` and return the multipliers of its concave lines; g is what they leave.

    A few sweeps do where they bring ``||g||`` down to `enough`, and where the facets may not be used.
    """
    linear, amounts = np.empty(g.size), np.empty(limits.size)
    linear[:], amounts[:] = 0.0, 0.0
    for a in range(axis.size):
        add_scaled(linear, axis[a], start[a])
    copy(linear, g)
    for _ in range(MAX_SWEEPS):
        sweep(lines, limits, amounts, g)
        if dot(g, g) <= enough**2:
            break
    if inside and dot(g, g) > enough**2:
        solve_concave(lines, np.ascontiguousarray(lines.T), limits, linear, amounts, g)
    return amounts


@compiled
def _move_to_facets(axis, amounts, facets, generators, matrix, fixed):
    """Add the multipliers of the facets to the map (c, r) and take them off its values at the generators."""
    for k in range(amounts.size):
        if amounts[k] > 0.0:
            for a in range(axis.size):
                add_scaled(matrix[a], -axis[a] * amounts[k], facets[k])
                fixed[k, a] += axis[a] * dot(facets[k], generators[k]) * -amounts[k]


@compiled
def _write_gram(matrix, gram):
    """``gram = matrix matrix^T``."""
    for a in range(matrix.shape[0]):
        for b in range(a + 1):
            gram[a, b] = dot(matrix[a], matrix[b])
            gram[b, a] = gram[a, b]


@compiled
def _turn_to_top_eigenvector(gram, axis):
    """Turn `axis` towards the top eigenvector by a few steps of the power method; leave it where that vanishes."""
    work = np.empty(axis.size)
    for _ in range(6):
        for a in range(axis.size):
            work[a] = dot(gram[a], axis)
        size = np.sqrt(dot(work, work))
        if size < 1e-300:
            return
        for a in range(axis.size):
            axis[a] = work[a] / size


@compiled
def _rounding_mismatch(generators, matrix, settled, fixed):
    """Largest ``||matrix v_k - (settled v_k + fixed_k)||``: what rounding has done to the linear map."""
    worst = 0.0
    for k in range(generators.shape[0]):
        square = 0.0
        for a in range(matrix.shape[0]):
            off = dot(matrix[a], generators[k]) - dot(settled[a], generators[k]) - fixed[k, a]
            square += off * off
        worst = max(worst, square)
    return np.sqrt(worst)


@compiled
def _entrywise_bound(generators, settled, fixed):
    """Return ``max_kl (A v_k . A v_l) / (v_k . v_l)``, square root of, for ``A v_k = settled v_k + fixed_k``."""
    r, c = fixed.shape
    images = np.empty((r, c))
    for k in range(r):
        for a in range(c):
            images[k, a] = dot(settled[a], generators[k]) + fixed[k, a]
    largest = 0.0
    for k in range(r):
        for l in range(k + 1):
            form, cosine = dot(images[k], images[l]), dot(generators[k], generators[l])
            if form > 0.0:
                largest = max(largest, form / cosine if cosine > 1e-12 else np.inf)
    return np.sqrt(largest)


@compiled
def _write_point(generators, inverse, g, point):
    """Write the unit vector of the cone whose shares are those of g that are positive; keep the point if none is."""
    work = np.empty(g.size)
    work[:] = 0.0
    for k in range(g.size):
        share = dot(inverse[k], g)
        if share > 0.0:
            add_scaled(work, share, generators[k])
    size = np.sqrt(dot(work, work))
    if size > 1e-300:
        for i in range(g.size):
            point[i] = work[i] / size


@compiled
def bound_cone(
    generators, values, columns, settled, coefficients, sizes, index, kept, left, target, point, scratch, concave,
    limits,
):  # fmt: skip
    """Bound F on the cone and write a point of it; `concave` and `limits` have room for r more rows than lines."""
    r, c = generators.shape[0], settled.shape[0]
    elimination, inverse, gram, axis, work = scratch
    _write_mean_direction(generators, point)
    # A singular cone has no dual basis: it is bounded entry by entry alone.
    regular = invert(generators, elimination, inverse)
    if not regular:
        inverse[:] = 0.0
    images, spread, side, interpolant, start, error, widest = replace_by_chords(
        generators, inverse, values, settled, coefficients, sizes, index, kept, left, target, gram
    )
    paid = cost_of_chords(error, inverse, widest, regular, work)
    # ||A h|| = max a . A h over unit vectors a: the multipliers that are best for one axis give one linear map, whose
    # norm bounds F on the whole cone. The axis of the next turn is where that map is largest.
    _write_mean_direction(images, axis)
    best, matrix, g, chosen = np.inf, np.empty((c, r)), np.empty(r), np.empty(left, np.int64)
    for turn in range(N_BOUND_AXES):
        m = _collect_concave_lines(axis, columns, coefficients, index, kept, left, side, concave, limits, chosen)
        facets = concave[m : m + r]
        inside = _write_facets(axis, inverse, images, spread, regular, facets, limits[m : m + r])
        amounts = _solve_along(axis, start, concave[: m + r], limits[: m + r], inside, target - paid, g)
        for a in range(c):
            copy(start[a], matrix[a])
        fixed = interpolant.copy()
        for j in range(m):
            # w = amount / limit of each concave line takes w n_l (x_l . u) from the lines to the map.
            share = min(max(amounts[j] / limits[j], 0.0), 1.0)
            _add_line(share, kept[chosen[j]], coefficients[index[kept[chosen[j]]]], columns, values, matrix, fixed)
        # The copositive bound: sqrt(max_kl A v_k . A v_l / v_k . v_l).
        best = min(best, _entrywise_bound(generators, settled, fixed) + paid)
        if best <= target or not regular:
            break
        _move_to_facets(axis, amounts[m:], facets, generators, matrix, fixed)
        # Chords and facets rest on the inverse: what it lacks is measured at the generators.
        off = _rounding_mismatch(generators, matrix, settled, fixed)
        _write_gram(matrix, gram)
        turned = gram.copy()
        # The singular value, and what the map lacks at the generators times sum t <= sqrt(r).
        best = min(best, np.sqrt(top_eigenvalue(gram)) + np.sqrt(r) * off + paid)
        if best <= target or turn == N_BOUND_AXES - 1:
            break
        _turn_to_top_eigenvector(turned, axis)
    _write_point(generators, inverse, g, point)
    return best
