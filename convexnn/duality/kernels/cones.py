"""Compiled bound of the price function on one simplicial cone, and the split of a cone in two.

A node is the cone ``{sum_k t_k v_k, t >= 0}`` of r unit generators. On it the convex lines are at most their linear
interpolant at the generators, lines that do not change sign are linear, and the concave lines stay exact through
multipliers. With ``p_k`` the value of the straddling convex lines at v_k and `settled` the sum of the lines that are
linear on the cone, every vector g with

    ``v_k . g >= v_k . (settled - sum_l a_l lines_l) + p_k`` for every k,   0 <= a_l <= |coefficients_l|,

bounds f by ||g|| on the unit vectors of the cone. Coordinate descent makes ||g|| small; whatever it returns is
checked against these inequalities and corrected, so a bound never rests on the accuracy of the descent.

Since ``f(u) <= g . u`` on the cone, its unit vectors u with ``f(u) >= target`` lie in the cap ``g . u >= target``
around g. A straddling convex line that keeps its sign on the cap counts as linear from there on: f stays as it is
wherever it reaches the target, and elsewhere becomes smaller at most, which is where nothing is asked. That lowers the
bound, which narrows the cap, and the halves of the cone inherit the lines.
"""

import numpy as np

from ..._utils.kernels import compiled
from .concave import add_scaled, copy, dot, solve_concave, sweep
from .edges import edge_to_cut, invert, shares_at

MAX_SWEEPS = 6  # passes of coordinate descent; the exact method follows only where they leave a bound undecided
MAX_CAPS = 4  # the lines that keep their sign on the cap are settled, and the bound is lowered, three times at most
MIN_CAP_COSINE = 0.5  # caps of more than 60 degrees around g are not looked at: hardly a line keeps its sign on them
FLOOR_SHARE = 0.9  # a half with a bound above .9 of its parent's is bounded once more, with the cap of that value,
FAR_FROM_TARGET = 1.3  # where that value is more than 1.3 times the target: nearer, only what closes cones pays
CAP_ROUNDING = 1e-12  # a cap is taken larger by this share of its cosine: rounding of the products with unit lines


@compiled
def gather_lines(lines, coefficients, active, columns, weights, index):
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


@compiled
def sum_settled_lines(
    values, columns, weights, index, n_convex, n, active, settled, kept, concave, limits,
):  # fmt: skip
    """Settle the lines that keep their sign on the cone and narrow the rest.

    Writes which convex lines straddle, to `kept`, and the straddling concave lines (as unit rows with their limits).
    Returns how many convex and how many concave lines straddle.
    """
    r = settled.size
    convex_left, concave_left = 0, 0
    active[:] = 0
    # A line is linear on the cone when it has one sign at all generators: on, it is added; off, it is nothing.
    for l in range(n):
        low = high = values[0, l]
        for k in range(1, r):
            low, high = min(low, values[k, l]), max(high, values[k, l])
        if low < 0.0 < high:
            active[index[l] >> 6] |= np.uint64(1) << np.uint64(index[l] & 63)
            if l < n_convex:
                kept[convex_left] = l
                convex_left += 1
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
def contradicts(concave, limits, n_concave, generators, inverse, linear, g, target, work, point):
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
def interpolate(values, weights, kept, n_kept, settled, inverse, interpolant, linear):
    """Write the interpolant of the straddling convex lines at the generators, and the linear function that it makes.

    ``p . t`` with ``t = W u`` is linear: it joins the settled lines.
    """
    copy(settled, linear)
    for k in range(interpolant.size):
        interpolant[k] = 0.0
        for j in range(n_kept):
            interpolant[k] += weights[kept[j]] * max(values[k, kept[j]], 0.0)
        add_scaled(linear, interpolant[k], inverse[k])


@compiled
def _cap_cosine(columns, generators, settled, interpolant, g, amounts, n_concave, target, work):
    """Return the cosine of the angle to g within which f may reach the target, all rounding of g included."""
    lacking = _violation(columns, generators, settled, interpolant, g, amounts, n_concave, work)
    return (target - lacking) / max(np.sqrt(dot(g, g)), 1e-300)


@compiled
def _settle_in_cap(columns, weights, index, kept, n_kept, n_convex, active, settled, g, cosine, products):
    """Settle the straddling convex lines that keep their sign where ``g . u >= cosine ||g|| ||u||``.

    Returns how many lines straddle still. On these u the product with a unit line is zero only if its angle to the
    line's hyperplane is at most that of the cap.
    """
    if cosine < MIN_CAP_COSINE:
        return n_kept
    cosine = min(1.0, cosine * (1.0 - CAP_ROUNDING))
    reach = (np.sqrt(1.0 - cosine * cosine) + CAP_ROUNDING) * np.sqrt(dot(g, g))
    combine(g, columns, n_convex, products)
    left = 0
    for j in range(n_kept):
        l = kept[j]
        if abs(products[l]) <= reach:
            kept[left] = l
            left += 1
            continue
        active[index[l] >> 6] &= ~(np.uint64(1) << np.uint64(index[l] & 63))
        if products[l] > 0.0:
            for i in range(settled.size):
                settled[i] += weights[l] * columns[i, l]
    return left


@compiled
def descend(columns, limits, n_concave, generators, inverse, linear, target, amounts, g, work, point):
    """Lower ||g|| by coordinate descent; return 1 where it falls to the target, 2 where it cannot, 0 where unknown."""
    for repeat in range(MAX_SWEEPS):
        sweep(columns, limits, amounts, g)
        if dot(g, g) <= target * target:
            return 1
        if repeat & 1 == 1 and contradicts(
            columns, limits, n_concave, generators, inverse, linear, g, target, work, point
        ):
            return 2
    return 0


@compiled
def _lower_bound_on_cone(
    generators, values, gathered, kept, n_kept, n_convex, active, settled, columns, limits, n_concave, amounts, target,
    capped, point, scratch,
):  # fmt: skip
    """Lower ||g|| until it falls to the target, or cannot; return how many convex lines straddle in the end."""
    lines, weights, index = gathered
    _, inverse, interpolant, g, work, linear, products = scratch
    # Any amounts give a valid bound: stop as soon as ||g|| falls to the target, or cannot.
    for caps in range(MAX_CAPS):
        decided = descend(columns, limits, n_concave, generators, inverse, linear, target, amounts, g, work, point)
        if decided == 1:
            break
        left, is_last = n_kept, not capped or caps == MAX_CAPS - 1
        if not is_last:
            cosine = _cap_cosine(columns, generators, settled, interpolant, g, amounts, n_concave, target, work)
            left = _settle_in_cap(lines, weights, index, kept, n_kept, n_convex, active, settled, g, cosine, products)
        if left == n_kept and decided == 0:
            # Neither is certain: the best multipliers, exactly, whose cap is the smallest.
            solve_concave(columns, np.ascontiguousarray(columns.T), limits, linear, amounts, g)
            contradicts(columns, limits, n_concave, generators, inverse, linear, g, target, work, point)
            if not is_last:
                cosine = _cap_cosine(columns, generators, settled, interpolant, g, amounts, n_concave, target, work)
                left = _settle_in_cap(
                    lines, weights, index, kept, n_kept, n_convex, active, settled, g, cosine, products
                )  # fmt: skip
        if left == n_kept:
            break
        n_kept = left
        # The same multipliers with the new linear function.
        add_scaled(g, -1.0, linear)
        interpolate(values, weights, kept, n_kept, settled, inverse, interpolant, linear)
        add_scaled(g, 1.0, linear)
    return n_kept


@compiled
def begin_cone(generators, n_concave, elimination, inverse, concave, limits, point):
    """Write the middle of a cone to `point`, its dual basis, and its facets behind the concave lines; False if flat."""
    r = generators.shape[0]
    point[:] = 0.0
    for k in range(r):
        add_scaled(point, 1.0 / r, generators[k])
    size = np.sqrt(dot(point, point))
    for i in range(r):
        point[i] /= size
    if not invert(generators, elimination, inverse):
        return False
    for k in range(r):
        # t_k >= 0 is a concave line of no limit: the cone enters by its multipliers.
        length = np.sqrt(dot(inverse[k], inverse[k]))
        for i in range(r):
            concave[n_concave + k, i] = -inverse[k, i] / length
        limits[n_concave + k] = np.inf
    return True


@compiled
def _bound_cone(
    generators, values, gathered, kept, n_kept, n_convex, active, settled, concave, limits, n_concave, target, floor,
    capped, point, scratch, spare,
):  # fmt: skip
    """Bound the relaxation on the cone; return the bound and how many convex lines straddle in the end.

    Writes the point of the cone where the relaxation is largest, as far as it is known. `gathered` has the columns,
    weights and index of the lines with the `values` at the generators, and `kept` says which convex ones straddle;
    `concave` and `limits` have room for r more rows. With `capped` lines are settled that keep their sign where f
    reaches the target, in `active` and `settled` too; a bound above `floor` is lowered by those that keep it where f
    reaches that, which holds for this bound alone and is not written.
    """
    r = generators.shape[0]
    elimination, inverse, interpolant, g, work, linear, _ = scratch
    if not begin_cone(generators, n_concave, elimination, inverse, concave, limits, point):
        return np.inf, n_kept
    rows, limits = concave[: n_concave + r], limits[: n_concave + r]
    amounts = np.zeros(n_concave + r)
    interpolate(values, gathered[1], kept, n_kept, settled, inverse, interpolant, linear)
    copy(linear, g)
    n_left = _lower_bound_on_cone(
        generators, values, gathered, kept, n_kept, n_convex, active, settled, rows, limits, n_concave, amounts,
        target, capped, point, scratch,
    )  # fmt: skip
    # What g lacks of the inequalities is rounding, and is added.
    bound = np.sqrt(dot(g, g)) + _violation(rows, generators, settled, interpolant, g, amounts, n_concave, work)
    if capped and target < floor < bound:
        spare_active, spare_settled = spare
        copy(active, spare_active)
        copy(settled, spare_settled)
        _lower_bound_on_cone(
            generators, values, gathered, kept, n_left, n_convex, spare_active, spare_settled, rows, limits, n_concave,
            amounts, floor, capped, point, scratch,
        )  # fmt: skip
        lacking = _violation(rows, generators, spare_settled, interpolant, g, amounts, n_concave, work)
        bound = min(bound, max(floor, np.sqrt(dot(g, g)) + lacking))
    return bound, n_left


@compiled
def split_cones(
    lines, coefficients, generators, active, settled, bounds, kept_points, target, capped,
    new_generators, new_active, new_settled, new_bounds, values, points, n_straddling,
):  # fmt: skip
    """Cut every cone of ``generators (K, r, r)`` in two and bound the halves; return the work.

    Halves 2k and 2k + 1 belong to cone k; all `new_` arrays, `values` (of f at `points`, at most) and `n_straddling`
    (convex lines that change sign on the half) are written. With `capped` nothing is asked of the halves where f does
    not reach the target.
    """
    n_lines, r = lines.shape
    columns, at_generators = np.empty((r, n_lines)), np.empty((r, n_lines))
    weights, index, saved = np.empty(n_lines), np.empty(n_lines, np.int64), np.empty(n_lines)
    kept, concave, limits = np.empty(n_lines, np.int64), np.empty((n_lines + r, r)), np.empty(n_lines + r)
    elimination, inverse, products = np.empty((r, 2 * r)), np.empty((r, r)), np.empty(n_lines)
    middle, shares, gram = np.empty(r), np.empty(r), np.empty((r, r))
    scratch = (elimination, inverse, np.empty(r), np.empty(r), np.empty(r), np.empty(r), products)
    spare = (np.empty(active.shape[1], active.dtype), np.empty(r))
    work = 0
    for k in range(generators.shape[0]):
        # The lines that change sign on the cone, and their values at its generators.
        n_convex, n = gather_lines(lines, coefficients, active[k], columns, weights, index)
        gathered = (columns, weights, index)
        for j in range(r):
            combine(generators[k, j], columns, n, at_generators[j])
        # Far above the target the bound itself is what counts: most of the tree may never be closed.
        floor = FLOOR_SHARE * bounds[k] if np.isfinite(bounds[k]) else target
        if floor < FAR_FROM_TARGET * target:
            floor = target
        # The cut: the middle of an edge takes the place of either end.
        shares_at(generators[k], kept_points[k], elimination, inverse, shares)
        first, second = edge_to_cut(generators[k], at_generators, weights, n_convex, shares, gram)
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
            n_kept, n_concave = sum_settled_lines(
                at_generators, columns, weights, index, n_convex, n,
                new_active[half], new_settled[half], kept, concave, limits,
            )  # fmt: skip
            bound, n_straddling[half] = _bound_cone(
                new_generators[half], at_generators, gathered, kept, n_kept, n_convex,
                new_active[half], new_settled[half], concave, limits, n_concave, target, floor, capped,
                points[half], scratch, spare,
            )  # fmt: skip
            for l in range(n):
                at_generators[replaced, l] = saved[l]
            # A half is bounded by its parent too.
            new_bounds[half] = bound if bound < bounds[k] else bounds[k]  # also when not a number
            combine(points[half], columns, n, saved)
            values[half] = dot(settled[k], points[half])
            for l in range(n):
                values[half] += weights[l] * max(saved[l], 0.0)
        work += (n + 4 * r) * r * r
    return work
