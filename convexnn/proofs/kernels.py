"""Compiled search for the tree of a proof file: cones one after another, in the order in which the file lists them.

What is bounded, and how, is that of `duality.kernels.cones`. Two things differ. An edge (p, q) is cut by
``2^i p + 2^j q`` for generators of whole numbers, of which here only the directions and the sizes are known; and what
proves a bound, the slope g and the multipliers, is written down. Cones are taken depth first, so that the memory is
that of one path of the tree.
"""

import numpy as np

from .._utils.kernels import compiled
from ..duality.kernels.concave import add_scaled, copy, dot, solve_concave
from ..duality.kernels.cones import (
    begin_cone,
    combine,
    contradicts,
    descend,
    gather_lines,
    interpolate,
    sum_settled_lines,
)
from ..duality.kernels.edges import edge_to_cut, shares_at

SHARE_UNIT = 1 << 31  # multipliers are written as whole numbers of this share of their limit
CLEAR_SUM = 1e-9  # a sum of values whose sign may be lost to rounding is below this share of the largest
MAX_SHIFT = 120  # the ends of an edge are evened out by at most 2^120: an entry of the file has one byte
LEAST_ROOM = 1e-3  # a generator less in the direction of the middle than this leaves no room to raise a slope


@compiled
def prove_cones(
    lines, coefficients, target, tolerance, rounding, most, stack, n_open,
    splits, slopes, n_shares, share_lines, shares, points,
):  # fmt: skip
    """Bound cones from the stack, depth first, until none is open or there is no room to write down another one.

    Parameters
    ----------
    lines, coefficients : ndarrays of shape (L, r) and (L,)
        Of the sign that is maximised (see `duality.kernels.concave`).
    target, tolerance : float
        A cone is a leaf where its bound is at most `target`, which rises to ``1 + tolerance`` times a larger value.
    rounding : float
        What float64 may lose in a sum over all lines.
    most : int
        Cones to be bounded by this call.
    stack : tuple of ndarrays
        ``generators (D, r, r)``, ``sizes (D, r)``, ``active (D, words)`` and ``settled (D, r)``, the next one last.
    n_open : int
        How many cones of the stack are open.

    Returns
    -------
    n_open, n_cones, n_leaves, n_written : int
        What is on the stack now, and how many rows of `splits`, of `slopes` and `n_shares`, and of `share_lines` and
        `shares` were written.
    largest, value : float
        The largest norm of a slope, and of f at a point of a cone: `points`, of shape (r,), is that point.
    """
    generators, sizes, active, settled = stack
    n_lines, r = lines.shape
    columns, values = np.empty((r, n_lines)), np.empty((r, n_lines))
    weights, index = np.empty(n_lines), np.empty(n_lines, np.int64)
    concave, limits, amounts = np.empty((n_lines + r, r)), np.empty(n_lines + r), np.empty(n_lines + r)
    kept, corners, middle, gram, point = (
        np.empty(n_lines, np.int64),
        np.empty(r),
        np.empty(r),
        np.empty((r, r)),
        np.empty(r),
    )
    own, own_active, own_settled = np.empty((r, r)), np.empty_like(active[0]), np.empty(r)
    scratch = (np.empty((r, 2 * r)), np.empty((r, r)), np.empty(r), np.empty(r), np.empty(r), np.empty(r))
    n_cones, n_leaves, n_written, best = 0, 0, 0, 0.0
    while n_open > 0 and n_cones < min(most, splits.shape[0]) and n_written + n_lines <= shares.size:
        n_open -= 1
        top = n_open
        # The lines that change sign on the cone, the settled ones added up; then the bound.
        n_convex, n = gather_lines(lines, coefficients, active[top], columns, weights, index)
        for k in range(r):
            combine(generators[top, k], columns, n, values[k])
            copy(generators[top, k], own[k])
        copy(settled[top], own_settled)
        n_kept, n_concave = sum_settled_lines(
            values, columns, weights, index, n_convex, n, own_active, own_settled, kept, concave, limits
        )
        bound = _bound_cone(
            own,
            values,
            weights,
            kept[:n_kept],
            own_settled,
            concave,
            limits,
            n_concave,
            target,
            point,
            amounts,
            scratch,
        )
        height = _height(settled[top], point, columns, weights, n)
        if height > best:
            best = height
            copy(point, points)
            target = max(target, height * (1.0 + tolerance))
        if bound <= target or top + 2 > generators.shape[0]:
            # A leaf: the multipliers as they are written, and the slope that goes with them.
            copy(scratch[3], slopes[n_leaves])
            written = _write_shares(
                index, weights, n_convex, n, values, columns, sizes[top], amounts, slopes[n_leaves], scratch[2],
                share_lines[n_written:], shares[n_written:],
            )  # fmt: skip
            _raise_slope(own, own_settled, scratch[2], scratch[1], rounding, slopes[n_leaves], middle)
            n_shares[n_leaves] = written
            n_written, n_leaves = n_written + written, n_leaves + 1
            splits[n_cones, :] = 0
            splits[n_cones, 0] = -1
        else:
            n_convex, n = gather_lines(lines, coefficients, own_active, columns, weights, index)
            for k in range(r):
                combine(own[k], columns, n, values[k])
            shares_at(own, point, scratch[0], scratch[1], corners)
            first, second = edge_to_cut(own, values, weights, n_convex, corners, gram)
            _cut_cone(own, own_active, own_settled, first, second, top, stack, middle, splits[n_cones])
            n_open += 2
        n_cones += 1
    return n_open, n_cones, n_leaves, n_written, best


@compiled
def _cut_cone(own, own_active, own_settled, first, second, top, stack, middle, split):
    """Cut a cone along an edge: write the two halves to the stack, and the cut as the file has it to `split`."""
    generators, sizes, active, settled = stack
    r = middle.size
    # The ends count by their sizes in whole numbers, evened out by a power of two.
    shift = min(max(int(np.round(np.log2(sizes[top, second] / sizes[top, first]))), -MAX_SHIFT), MAX_SHIFT)
    split[0], split[1], split[2], split[3] = 0, first, second, shift
    middle[:] = 0.0
    add_scaled(middle, sizes[top, first] * 2.0 ** max(shift, 0), own[first])
    add_scaled(middle, sizes[top, second] * 2.0 ** max(-shift, 0), own[second])
    size = np.sqrt(dot(middle, middle))
    for i in range(r):
        middle[i] /= size
    # The half without the first generator comes next: it is the last of the stack.
    for j in range(2):
        for k in range(r):
            copy(own[k], generators[top + j, k])
            sizes[top + j, k] = sizes[top, k]
        copy(middle, generators[top + j, second if j == 0 else first])
        copy(own_active, active[top + j])
        copy(own_settled, settled[top + j])
    sizes[top, second], sizes[top + 1, first] = size, size


@compiled
def _height(settled, point, columns, weights, n):
    """Return f at a point of the cone."""
    height = dot(settled, point)
    for l in range(n):
        z = 0.0
        for i in range(point.size):
            z += columns[i, l] * point[i]
        if z > 0.0:
            height += weights[l] * z
    return height


@compiled
def _bound_cone(
    generators, values, weights, kept, settled, concave, limits, n_concave, target, point, amounts, scratch
):  # fmt: skip
    """Bound the relaxation on a cone; write a point of it, the multipliers and, to `scratch`, what is needed and g."""
    elimination, inverse, interpolant, g, work, linear = scratch
    n = n_concave + point.size
    rows, limits, amounts = concave[:n], limits[:n], amounts[:n]
    amounts[:] = 0.0
    if not begin_cone(generators, n_concave, elimination, inverse, concave, limits, point):
        inverse[:] = 0.0
        interpolate(values, weights, kept, kept.size, settled, inverse, interpolant, g)
        return np.inf
    interpolate(values, weights, kept, kept.size, settled, inverse, interpolant, linear)
    copy(linear, g)
    # Any multipliers give a bound; the best ones, exactly, only where a few sweeps do not decide.
    if descend(rows, limits, n_concave, generators, inverse, linear, target, amounts, g, work, point) == 0:
        solve_concave(rows, np.ascontiguousarray(rows.T), limits, linear, amounts, g)
        contradicts(rows, limits, n_concave, generators, inverse, linear, g, target, work, point)
    return np.sqrt(dot(g, g))


@compiled
def _write_shares(
    index, weights, n_convex, n, values, columns, sizes, amounts, slope, needed, lines, shares
):  # fmt: skip
    """Write the multipliers of the concave lines that are not what is taken for granted; return their number.

    They are rounded towards the side that makes the slope shorter, and `slope` and `needed`, the values that are
    needed at the generators, are moved to where the rounded ones put them.
    """
    r = sizes.size
    written, place = 0, 0
    for l in range(n_convex, n):
        low = high = values[0, l]
        total, largest = 0.0, 0.0
        for k in range(r):
            low, high = min(low, values[k, l]), max(high, values[k, l])
            total += sizes[k] * values[k, l]
            largest = max(largest, sizes[k] * abs(values[k, l]))
        if not low < 0.0 < high:
            continue
        limit, along = -weights[l], 0.0
        for i in range(r):
            along += columns[i, l] * slope[i]
        exact = SHARE_UNIT * amounts[place] / limit
        share = min(max(np.ceil(exact) if along > 0.0 else np.floor(exact), 0.0), float(SHARE_UNIT))
        change = share * limit / SHARE_UNIT - amounts[place]
        for i in range(r):
            slope[i] -= change * columns[i, l]
        for k in range(r):
            needed[k] -= (amounts[place] + change) * values[k, l]
        place += 1
        usual = SHARE_UNIT if total > 0.0 else 0
        if share != usual or abs(total) <= CLEAR_SUM * largest:
            lines[written], shares[written] = index[l], int(share)
            written += 1
    return written


@compiled
def _raise_slope(generators, settled, needed, inverse, rounding, slope, middle):
    """Raise a slope until it is above what is needed at every generator, rounding included.

    `needed` has the values that are needed beside those of the settled lines.
    """
    r = generators.shape[0]
    middle[:] = 0.0
    for k in range(r):
        add_scaled(middle, 1.0, generators[k])
    size = np.sqrt(dot(middle, middle))
    room = np.inf
    for i in range(r):
        middle[i] /= max(size, 1e-300)
    for k in range(r):
        room = min(room, dot(generators[k], middle))
    # Wide cones have generators that turn away from the middle: sum_k q_k has the product 1 with each of them.
    if room < LEAST_ROOM:
        room = 1.0
        middle[:] = 0.0
        for k in range(r):
            add_scaled(middle, 1.0, inverse[k])
    lack = 0.0
    for k in range(r):
        lack = max(lack, needed[k] + dot(generators[k], settled) - dot(generators[k], slope) + rounding)
    add_scaled(slope, lack / room, middle)
