"""Compiled bound of the price of several outputs on one simplicial cone, and the split of a cone in two.

A node is the cone ``u = sum_k t_k v_k, t >= 0`` of r unit generators, W their dual basis (``t = W u``). On it the
vector ``h(u) = settled u + sum_l n_l (x_l . u)_+`` over the lines x_l that change sign, and F is its norm,
``F = a . h`` for the unit vector a along h. With ``p_k = (x_l . v_k)_+`` and ``q_k = (-x_l . v_k)_+``,

    ``(x_l . u)_+ = p . t - min(p . t, q . t) = w x_l . u + e``,   ``0 <= e <= (1 - w) p . t + w q . t``

for any w in [0, 1]. A line with ``n_l . h >= 0`` on the whole cone is replaced by the chord ``p . t``, one with
``n_l . h <= 0`` by ``w x_l . u``, which both only add to ``a . h``; a line whose side is not known is replaced by
something between and pays for what that may lose, ``error . t``. What remains is linear,
``F <= ||A u|| + error . t``, and ``||A u||`` is at most the smaller of

    the largest singular value of ``A + sum_k lambda_k b W_k`` (lambda >= 0, and b . h >= 0 on the cone), and
    ``max_kl (A v_k . A v_l) / (v_k . v_l)``, square root of,

the second because ``U^2 V^T V - V^T A^T A V`` has no negative entry then, so it is copositive. The multipliers w and
lambda come from the scalar problem of one a; whatever they are, the bound is valid.
"""

import numpy as np

from ..._utils.kernels import compiled
from .concave import add_scaled, copy, dot, solve_concave, sweep
from .cones import _combine, _inverse

SWEEPS, ROUNDS, ROTATIONS = 6, 2, 8
CONCAVE_WEIGHT = 0.1  # of lines that multipliers take care of, when an edge is chosen
KNOWN = 0.8  # of the size of a line: where less is known of its side, nothing is said to be
ROUND = 0.05  # share of the plain length of an edge, so that no cone becomes flat


@compiled
def _gather(lines, active, columns, index):
    """Collect the lines that change sign as columns (r, n); return their number."""
    n = 0
    for word in range(active.size):
        bits, l = active[word], 64 * word
        while bits != 0:
            if bits & np.uint64(1):
                for i in range(lines.shape[1]):
                    columns[i, n] = lines[l, i]
                index[n] = l
                n += 1
            bits >>= np.uint64(1)
            l += 1
    return n


@compiled
def _settle(values, columns, coefficients, index, n, active, settled, kept):
    """Add the lines that keep their sign on the cone to `settled` (c, r); list the others, return their number."""
    r, c = values.shape[0], settled.shape[0]
    active[:] = 0
    left = 0
    for l in range(n):
        low = high = values[0, l]
        for k in range(1, r):
            low, high = min(low, values[k, l]), max(high, values[k, l])
        if low < 0.0 < high:
            active[index[l] >> 6] |= np.uint64(1) << np.uint64(index[l] & 63)
            kept[left] = l
            left += 1
        elif high > 0.0:
            for a in range(c):
                for i in range(r):
                    settled[a, i] += coefficients[index[l], a] * columns[i, l]
    return left


@compiled
def top_eigenvalue(gram):
    """Return an upper bound, tight to rounding, on the largest eigenvalue of a symmetric matrix, by Jacobi rotations.

    The matrix is overwritten. What is left off the diagonal is added by Gershgorin's circles.
    """
    c = gram.shape[0]
    for _ in range(ROTATIONS):
        rest = 0.0
        for p in range(c):
            for q in range(p):
                rest = max(rest, abs(gram[p, q]))
        if rest <= 1e-15 * abs(gram[0, 0]):
            break
        for p in range(c):
            for q in range(p):
                if gram[p, q] != 0.0:
                    half = 0.5 * (gram[q, q] - gram[p, p]) / gram[p, q]
                    t = (1.0 if half >= 0.0 else -1.0) / (abs(half) + np.sqrt(half * half + 1.0))
                    cosine = 1.0 / np.sqrt(t * t + 1.0)
                    sine = t * cosine
                    for k in range(c):
                        x, y = gram[k, p], gram[k, q]
                        gram[k, p], gram[k, q] = cosine * x - sine * y, sine * x + cosine * y
                    for k in range(c):
                        x, y = gram[p, k], gram[q, k]
                        gram[p, k], gram[q, k] = cosine * x - sine * y, sine * x + cosine * y
    largest = 0.0
    for p in range(c):
        radius = gram[p, p]
        for q in range(c):
            if q != p:
                radius += abs(gram[p, q])
        largest = max(largest, radius)
    return largest


@compiled
def _gram(matrix, gram):
    """``gram = matrix matrix^T``."""
    for a in range(matrix.shape[0]):
        for b in range(a + 1):
            gram[a, b] = dot(matrix[a], matrix[b])
            gram[b, a] = gram[a, b]


@compiled
def _turn(gram, axis):
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
def _gaps(values, kept, left, gaps):
    """Write for every straddling line and generator the smaller of p and q: ``(x . u)_+`` is off p by at most this."""
    r = values.shape[0]
    for j in range(left):
        p_sum, q_sum = 0.0, 0.0
        for k in range(r):
            p_sum, q_sum = p_sum + max(values[k, kept[j]], 0.0), q_sum + max(-values[k, kept[j]], 0.0)
        for k in range(r):
            z = values[k, kept[j]]
            gaps[k, j] = max(z, 0.0) if p_sum <= q_sum else max(-z, 0.0)


@compiled
def _spread(gaps, chosen, coefficients, sizes, index, kept, gram):
    """Bound ``sum_l |a . n_l| gap_l / 2`` over the unit vectors a for the chosen lines, by Cauchy's inequality."""
    total, plain = 0.0, 0.0
    gram[:] = 0.0
    for j in range(gaps.size):
        if chosen[j] and gaps[j] > 0.0:
            n_l = coefficients[index[kept[j]]]
            total, plain = total + gaps[j], plain + gaps[j] * sizes[index[kept[j]]]
            for a in range(n_l.size):
                for b in range(n_l.size):
                    gram[a, b] += gaps[j] * n_l[a] * n_l[b]
    if total == 0.0:
        return 0.0
    return 0.5 * min(plain, np.sqrt(total * top_eigenvalue(gram)))


@compiled
def _replace_lines(
    values, gaps, coefficients, sizes, index, kept, middles, spread, target, widest, side, interpolant, error, gram
):  # fmt: skip
    """Decide how every straddling line is replaced; fill the linear maps (r, c) and what they may lose (r,).

    side[j] is 1 for a chord and -1 for a free multiplier. A line of which only ``-lo <= a . n_l <= up`` is known is
    replaced by ``p - share gap`` with the share at which both errors are the same.
    """
    r, c = interpolant.shape
    interpolant[:], error[:] = 0.0, 0.0
    unknown = np.zeros(gaps.shape[1], np.bool_)
    for j in range(gaps.shape[1]):
        l = kept[j]
        n_l, size = coefficients[index[l]], sizes[index[l]]
        above, below = -np.inf, -np.inf
        for k in range(r):
            middle, room = dot(n_l, middles[k]), size * spread[k]
            above, below = max(above, middle + room), max(below, room - middle)
        side[j] = -1 if above <= 0.0 else 1
        if side[j] == -1:
            continue
        # A point of the cone that matters has ||h|| above the target, and sum t is at most `widest`.
        up, lo = min(size, widest * above / target), min(size, widest * max(below, 0.0) / target)
        unknown[j] = min(up, lo) > KNOWN * size
        share = 0.5 if unknown[j] else lo / (lo + up)
        for k in range(r):
            z = max(values[k, l], 0.0) - share * gaps[k, j]
            for a in range(c):
                interpolant[k, a] += z * n_l[a]
            if not unknown[j]:
                error[k] += share * up * gaps[k, j]
    for k in range(r):
        error[k] += _spread(gaps[k], unknown, coefficients, sizes, index, kept, gram)


@compiled
def _middles(generators, values, settled, coefficients, sizes, index, kept, left, gaps, spread, gram):
    """Return the vectors (r, c) that h is near at the generators, and write how far it may be off (`spread`)."""
    r, c = generators.shape[0], settled.shape[0]
    middles, everything = np.empty((r, c)), np.ones(left, np.bool_)
    _gaps(values, kept, left, gaps)
    for k in range(r):
        for a in range(c):
            middles[k, a] = dot(settled[a], generators[k])
        for j in range(left):
            z = max(values[k, kept[j]], 0.0) - 0.5 * gaps[k, j]
            add_scaled(middles[k], z, coefficients[index[kept[j]]])
        spread[k] = _spread(gaps[k], everything, coefficients, sizes, index, kept, gram)
    return middles


@compiled
def _mean_direction(rows, out):
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
def _concave_lines(axis, columns, coefficients, index, kept, left, side, concave, limits, chosen):
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
def _facets(axis, inverse, middles, spread, regular, concave, limits):
    """Write the facets of the cone as concave lines without limit; they may be used where ``axis . h >= 0``."""
    inside = regular
    for k in range(spread.size):
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
def _replace_by_chords(generators, inverse, values, settled, coefficients, sizes, index, kept, left, target, gram):
    """Replace lines by their chords where that is cheap, and return what is left of F on the cone.

    Returns the images of the generators and their spread, the side of every line, the sum of the chords at the
    generators, the linear map (c, r) of all that is linear, what the chords miss at most at every generator, and
    ``max sum_k t_k`` over the unit vectors ``sum_k t_k v_k``.
    """
    r, c = generators.shape[0], settled.shape[0]
    gaps, spread = np.empty((r, left)), np.empty(r)
    images = _middles(generators, values, settled, coefficients, sizes, index, kept, left, gaps, spread, gram)
    widest = _widest(generators)
    side, interpolant, error = np.empty(left, np.int64), np.empty((r, c)), np.empty(r)
    _replace_lines(
        values, gaps, coefficients, sizes, index, kept, images, spread, target, widest, side, interpolant, error, gram
    )
    start = settled.copy()
    for k in range(r):
        for a in range(c):
            add_scaled(start[a], interpolant[k, a], inverse[k])
    return images, spread, side, interpolant, start, error, widest


@compiled
def _cost_of_chords(error, inverse, widest, regular, work):
    """Bound what chords that miss ``error_k`` at most at generator k may miss at a unit vector of the cone."""
    work[:] = 0.0
    for k in range(error.size):
        add_scaled(work, error[k], inverse[k])
    cost = min(widest * np.max(error), np.sqrt(dot(error, error)))
    if regular:
        cost = min(cost, np.sqrt(dot(work, work)))
    return cost


@compiled
def _solve_along(axis, start, lines, limits, inside, enough, g):
    """Solve the scalar problem of `axis` and return the multipliers of its concave lines; g is what they leave.

    A few sweeps do where they bring ``||g||`` down to `enough`, and where the facets may not be used.
    """
    linear, amounts = np.zeros(g.size), np.zeros(limits.size)
    for a in range(axis.size):
        add_scaled(linear, axis[a], start[a])
    copy(linear, g)
    for _ in range(SWEEPS):
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
def _bound(
    generators, values, columns, settled, coefficients, sizes, index, kept, left, target, point, scratch, concave,
    limits,
):  # fmt: skip
    """Bound F on the cone and write a point of it; `concave` and `limits` have room for r more rows than lines."""
    r, c = generators.shape[0], settled.shape[0]
    elimination, inverse, gram, axis, work = scratch
    _mean_direction(generators, point)
    regular = _inverse(generators, elimination, inverse)
    if not regular:
        inverse[:] = 0.0
    images, spread, side, interpolant, start, error, widest = _replace_by_chords(
        generators, inverse, values, settled, coefficients, sizes, index, kept, left, target, gram
    )
    paid = _cost_of_chords(error, inverse, widest, regular, work)
    # ||A h|| = max a . A h over unit vectors a: the multipliers that are best for one axis give one linear map, whose
    # norm bounds F on the whole cone. The axis of the next turn is where that map is largest.
    _mean_direction(images, axis)
    best, matrix, g, chosen = np.inf, np.empty((c, r)), np.empty(r), np.empty(left, np.int64)
    for turn in range(ROUNDS):
        m = _concave_lines(axis, columns, coefficients, index, kept, left, side, concave, limits, chosen)
        facets = concave[m : m + r]
        inside = _facets(axis, inverse, images, spread, regular, facets, limits[m : m + r])
        amounts = _solve_along(axis, start, concave[: m + r], limits[: m + r], inside, target - paid, g)
        for a in range(c):
            copy(start[a], matrix[a])
        fixed = interpolant.copy()
        for j in range(m):
            share = min(max(amounts[j] / limits[j], 0.0), 1.0)
            _add_line(share, kept[chosen[j]], coefficients[index[kept[chosen[j]]]], columns, values, matrix, fixed)
        best = min(best, _entrywise(generators, settled, fixed) + paid)
        if best <= target or not regular:
            break
        _move_to_facets(axis, amounts[m:], facets, generators, matrix, fixed)
        # Chords and facets rest on the inverse: what it lacks is measured at the generators.
        off = _mismatch(generators, matrix, settled, fixed)
        _gram(matrix, gram)
        turned = gram.copy()
        best = min(best, np.sqrt(top_eigenvalue(gram)) + np.sqrt(r) * off + paid)
        if best <= target or turn == ROUNDS - 1:
            break
        _turn(turned, axis)
    _aim_point(generators, inverse, g, point)
    return best


@compiled
def _aim_point(generators, inverse, g, point):
    """Write the unit vector of the cone whose shares are those of g that are positive; keep the point if none is."""
    work = np.zeros(g.size)
    for k in range(g.size):
        share = dot(inverse[k], g)
        if share > 0.0:
            add_scaled(work, share, generators[k])
    size = np.sqrt(dot(work, work))
    if size > 1e-300:
        for i in range(g.size):
            point[i] = work[i] / size


@compiled
def _mismatch(generators, matrix, settled, fixed):
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
def _entrywise(generators, settled, fixed):
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
def _widest(generators):
    """Return a bound on ``sum_k t_k`` over the unit vectors of the cone, whose generators lie in one orthant."""
    smallest = 1.0 / generators.shape[0]
    low = 1.0
    for k in range(generators.shape[0]):
        for l in range(k):
            low = min(low, dot(generators[k], generators[l]))
    return 1.0 / np.sqrt(max(low, smallest))


@compiled
def _longest_edge(generators, values, settled, coefficients, sizes, index, n):
    """Return the two generators between which F is furthest from linear.

    Along an edge a line that changes sign is off its chord by ``z_a z_b / (z_a + z_b)`` at most, and the norm by what
    is missing of the triangle inequality. Lengths of chords would not do: they make cones flat.
    """
    r, c = generators.shape[0], settled.shape[0]
    images, middle, both = np.empty((r, c)), np.zeros(c), np.empty(c)
    for k in range(r):
        for a in range(c):
            images[k, a] = dot(settled[a], generators[k])
        for l in range(n):
            if values[k, l] > 0.0:
                add_scaled(images[k], values[k, l], coefficients[index[l]])
        add_scaled(middle, 1.0 / r, images[k])
    size = max(np.sqrt(dot(middle, middle)), 1e-300)
    weights = np.empty(n)
    for l in range(n):
        weights[l] = max(dot(middle, coefficients[index[l]]) / size, CONCAVE_WEIGHT * sizes[index[l]])
    longest, first, second = -1.0, 1, 0
    for a in range(r):
        for b in range(a):
            length = ROUND * size * (1.0 - dot(generators[a], generators[b]))
            for l in range(n):
                product = values[a, l] * values[b, l]
                if product < 0.0:
                    length -= weights[l] * product / (abs(values[a, l]) + abs(values[b, l]))
            for i in range(c):
                both[i] = images[a, i] + images[b, i]
            length += np.sqrt(dot(images[a], images[a])) + np.sqrt(dot(images[b], images[b])) - np.sqrt(dot(both, both))
            if length > longest:
                longest, first, second = length, a, b
    return first, second


@compiled
def split_vector_cones(
    lines, coefficients, sizes, linear, generators, active, settled, bounds, target,
    new_generators, new_active, new_settled, new_bounds, values, points, n_straddling,
):  # fmt: skip
    """Cut every cone of ``generators (K, r, r)`` in two along its longest edge and bound the halves; return the work.

    ``settled (K, c, r)`` sums the lines that are linear on the cone. Halves 2k and 2k + 1 belong to cone k; all `new_`
    arrays, `values` (of F at `points`) and `n_straddling` are written.
    """
    n_lines, r = lines.shape
    c = coefficients.shape[1]
    columns, at_generators = np.empty((r, n_lines)), np.empty((r, n_lines))
    index, kept, saved = np.empty(n_lines, np.int64), np.empty(n_lines, np.int64), np.empty(n_lines)
    concave, limits, middle, out = np.empty((n_lines + r, r)), np.empty(n_lines + r), np.empty(r), np.empty(c)
    scratch = (np.empty((r, 2 * r)), np.empty((r, r)), np.empty((c, c)), np.empty(c), np.empty(r))
    work = 0
    for k in range(generators.shape[0]):
        n = _gather(lines, active[k], columns, index)
        for j in range(r):
            _combine(generators[k, j], columns, n, at_generators[j])
        first, second = _longest_edge(generators[k], at_generators, settled[k], coefficients, sizes, index, n)
        for i in range(r):
            middle[i] = generators[k, first, i] + generators[k, second, i]
        length = np.sqrt(dot(middle, middle))
        for i in range(r):
            middle[i] /= length
        for side in range(2):
            half, replaced = 2 * k + side, first if side == 0 else second
            for l in range(n):
                saved[l] = at_generators[replaced, l]
            _combine(middle, columns, n, at_generators[replaced])
            for j in range(r):
                copy(middle if j == replaced else generators[k, j], new_generators[half, j])
            for a in range(c):
                copy(settled[k, a], new_settled[half, a])
            left = _settle(
                at_generators, columns, coefficients, index, n, new_active[half], new_settled[half], kept
            )  # fmt: skip
            n_straddling[half] = left
            bound = _bound(
                new_generators[half], at_generators, columns, new_settled[half], coefficients, sizes, index, kept,
                left, target, points[half], scratch, concave, limits,
            )  # fmt: skip
            for l in range(n):
                at_generators[replaced, l] = saved[l]
            bound = max(bound, target)  # points below the target were not looked at
            new_bounds[half] = bound if bound < bounds[k] else bounds[k]  # also when not a number
            for a in range(c):
                out[a] = dot(settled[k, a], points[half])
            for l in range(n):
                z = 0.0
                for i in range(r):
                    z += columns[i, l] * points[half, i]
                if z > 0.0:
                    add_scaled(out, z, coefficients[index[l]])
            values[half] = np.sqrt(dot(out, out))
        work += 60 * (n + 4 * r) * r * (r + c)
    return work
