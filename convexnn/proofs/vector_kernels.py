"""Compiled search for the tree of a proof file with two outputs: pairs of cones in the order of the file.

A node is a pair of cones, one of vectors u and an arc of vectors a; see `vector_slopes` for how it is bounded. The
search is that of `kernels`, depth first. A pair is cut along an edge of the cone, or its arc is halved.
"""

import numpy as np

from .._utils.kernels import compiled
from ..duality.kernels.concave import add_scaled, copy, dot
from ..duality.kernels.cones import combine
from ..duality.kernels.edges import invert
from ..duality.kernels.vector_cones import CONCAVE_EDGE_WEIGHT, PLAIN_EDGE_SHARE, _gather_lines, _sum_settled_lines
from .kernels import CLEAR_SUM, LEAST_ROOM, SHARE_UNIT
from .vector_slopes import bound_pair, half_tangent, write_dual, write_middle, write_singular, write_stand_in

MAX_DUAL = 1e8  # a cone whose dual basis has larger entries is bounded without it
SMALL_CONE = 1e-3  # on a cone whose generators are so near to each other the value in the middle may be bound enough
LEAST_EDGE = 1e-8  # an edge whose ends differ by less than this is not cut, nor such an arc
EVEN_SHARE = 4.0  # an edge counts by its length times t_a t_b of the point that is bounded worst, and 4 mean(t)^2
MAX_RAISE = 10.0  # a slope may be raised by 10 times what a sum loses to rounding, and the pair is not cut for it
ARC_SHARE = 3.0  # an arc is halved where its error is more than 3 times that of the longest edge


@compiled
def prove_vector_cones(
    lines, coefficients, target, tolerance, rounding, most, stack, n_open,
    splits, slopes, n_shares, share_lines, shares, points,
):  # fmt: skip
    """Bound pairs of cones from the stack, depth first: `kernels.prove_cones` for two outputs.

    Parameters
    ----------
    coefficients : ndarray of shape (L, 2)
    stack : tuple of ndarrays
        ``generators (D, r, r)``, ``sizes (D, r)``, ``active (D, words)``, ``settled (D, 2, r)``, ``axes (D, 2, 2)`` and
        ``axis_sizes (D, 2)``, the next one last.
    slopes : ndarray of shape (n, 2, r)

    Returns
    -------
    n_open, n_cones, n_leaves, n_written, value, reached
        The value is the largest norm of h that was met, at `points`; `reached` the last norm of a slope that is above
        the target although its pair is a leaf, 0 without one.
    """
    generators, sizes, active, settled, axes, axis_sizes = stack
    n_lines, r = lines.shape
    columns, values, along = np.empty((r, n_lines)), np.empty((r, n_lines)), np.empty((2, n_lines))
    index, kept, normals = np.empty(n_lines, np.int64), np.empty(n_lines, np.int64), np.empty((2, n_lines))
    needed, point, amounts = np.empty((r, 2)), np.empty(r), np.empty(2 * n_lines + 2 * r)
    own, own_active, elimination = np.empty((r, r)), np.empty_like(active[0]), np.empty((r, 2 * r))
    inverse, dual, vector = np.empty((r, r)), np.empty((2, 2)), np.empty(2)
    n_cones, n_leaves, n_written, best, reached = 0, 0, 0, 0.0, 0.0
    while n_open > 0 and n_cones < min(most, splits.shape[0]) and n_written + 2 * n_lines <= shares.size:
        n_open -= 1
        top = n_open
        arc, flat = axes[top].copy(), settled[top].copy()
        # The lines that change sign on the cone, the settled ones added up; then the bound.
        n = _gather_lines(lines, active[top], columns, index)
        for k in range(r):
            copy(generators[top, k], own[k])
            combine(own[k], columns, n, values[k])
        n = _sum_settled_lines(values, columns, coefficients, index, n, own_active, flat, kept)
        _keep_lines(coefficients, arc, kept[:n], columns, values, index, normals, along)
        straddling = columns[:, :n], values[:, :n], along[:, :n], normals[:, :n]
        _write_needed(own, arc, flat, straddling, needed)
        regular = invert(own, elimination, inverse) and write_dual(arc, dual) and np.max(np.abs(inverse)) < MAX_DUAL
        pair = own, inverse, arc, dual
        bound = bound_pair(pair, regular, flat, straddling, needed, target, amounts, slopes[n_leaves], point)
        height = _height(flat, straddling, point)
        if height > best:
            best = height
            copy(point, points)
            target = max(target, height * (1.0 + tolerance))
        splits[n_cones, :] = 0
        limit, is_leaf = target * (1.0 + tolerance) + MAX_RAISE * rounding, False
        kind, first, second = _choose_split(pair, regular, straddling, point, target)
        is_last = top + 2 > generators.shape[0] or kind < 0
        has_stand_in = is_last or _is_small(own)
        if bound <= target or has_stand_in:
            for is_stand_in in (False, True):
                if is_stand_in or bound > target:
                    # For cones so small that rounding is in the way, and as the last resort.
                    write_stand_in(flat, straddling, point, amounts, slopes[n_leaves])
                    _write_needed(own, arc, flat, straddling, needed)
                # The multipliers as they are written, and the slope that goes with them; rounding may cost the bound.
                n_shares[n_leaves] = _write_leaf(
                    pair, straddling, index, sizes[top], amounts, needed, slopes[n_leaves], share_lines[n_written:],
                    shares[n_written:],
                )  # fmt: skip
                _raise_slope(pair, needed, rounding, slopes[n_leaves])
                bound = write_singular(slopes[n_leaves], arc, vector)
                if bound <= limit or not has_stand_in:
                    break
            is_leaf = is_last or bound <= limit
        if is_leaf:
            n_written, n_leaves = n_written + n_shares[n_leaves], n_leaves + 1
            splits[n_cones, 0] = -1
            if bound > limit:
                target = reached = bound  # the bound of the tree is no lower: the rest of it need not be
        else:
            _split(stack, top, pair, own_active, flat, (kind, first, second), splits[n_cones])
            n_open += 2
        n_cones += 1
    return n_open, n_cones, n_leaves, n_written, best, reached


@compiled
def _is_small(generators):
    """Whether all generators are near the first."""
    largest = 0.0
    for k in range(1, generators.shape[0]):
        square = 0.0
        for i in range(generators.shape[1]):
            square += (generators[k, i] - generators[0, i]) ** 2
        largest = max(largest, square)
    return largest < SMALL_CONE**2


@compiled
def _split(stack, top, pair, own_active, own_settled, edge, row):
    """Write both halves of a pair of cones, cut along an edge, on the stack, and the row of the file."""
    generators, sizes, active, settled, axes, axis_sizes = stack
    kind, first, second = edge
    for j in range(top, top + 2):
        copy(own_active, active[j])
        for i in range(2):
            copy(own_settled[i], settled[j, i])
            copy(pair[2][i], axes[j, i])
        for k in range(sizes.shape[1]):
            copy(pair[0][k], generators[j, k])
    copy(sizes[top], sizes[top + 1])
    copy(axis_sizes[top], axis_sizes[top + 1])
    row[0], row[1], row[2] = kind, first, second
    row[3] = (
        _halve(generators, sizes, top, first, second) if kind == 0 else _halve(axes, axis_sizes, top, first, second)
    )


@compiled
def _halve(rows, sizes, top, first, second):
    """Cut two copies of a cone along an edge by ``2^i p + 2^j q``, and return i - j; one of i and j is 0.

    The half without the first generator comes next: it is the last of the stack.
    """
    shift = int(np.round(np.log2(sizes[top, second] / sizes[top, first])))
    shift = min(max(shift, -120), 120)
    middle = sizes[top, first] * 2.0 ** max(shift, 0) * rows[top, first]
    add_scaled(middle, sizes[top, second] * 2.0 ** max(-shift, 0), rows[top, second])
    size = np.sqrt(dot(middle, middle))
    for i in range(middle.size):
        middle[i] /= size
    copy(middle, rows[top, second])
    copy(middle, rows[top + 1, first])
    sizes[top, second], sizes[top + 1, first] = size, size
    return shift


@compiled
def _keep_lines(coefficients, arc, kept, columns, values, index, normals, along):
    """Move the lines that are kept to the front, and write their normals and what these are along the axes."""
    for m in range(kept.size):
        l = kept[m]
        index[m] = index[l]
        for i in range(columns.shape[0]):
            columns[i, m], values[i, m] = columns[i, l], values[i, l]
        for j in range(2):
            normals[j, m] = coefficients[index[m], j]
            along[j, m] = dot(arc[j], coefficients[index[m]])


@compiled
def _write_needed(generators, arc, settled, straddling, needed):
    """Write the values that a slope needs at the generators with no multipliers."""
    _, values, along, _ = straddling
    for j in range(2):
        for k in range(generators.shape[0]):
            needed[k, j] = arc[j, 0] * dot(settled[0], generators[k]) + arc[j, 1] * dot(settled[1], generators[k])
            for m in range(along.shape[1]):
                needed[k, j] += max(along[j, m], 0.0) * max(values[k, m], 0.0)


@compiled
def _height(settled, straddling, point):
    """Return the norm of h at a point of the cone."""
    columns, _, _, normals = straddling
    x, y = dot(settled[0], point), dot(settled[1], point)
    for m in range(columns.shape[1]):
        z = 0.0
        for i in range(point.size):
            z += columns[i, m] * point[i]
        x, y = x + normals[0, m] * max(z, 0.0), y + normals[1, m] * max(z, 0.0)
    return np.hypot(x, y)


@compiled
def _choose_split(pair, regular, straddling, point, target):
    """Return the kind of a split, 0 of the cone and 1 of the arc, and the two generators it is between; -1 for none.

    Along an edge a convex line that changes sign is off its chord by ``z_a z_b / (z_a + z_b)`` at most, and on the arc
    one whose coefficient changes sign by the like times its value; the curvature of the arc is added. Edges count for
    more where the point that is bounded worst has shares of both ends.
    """
    generators, inverse, arc, _ = pair
    _, values, along, normals = straddling
    longest, first, second, largest = 0.0, -1, -1, 0.0
    shares, mean = np.ones(point.size), 1.0
    if regular:
        mean = 0.0
        for k in range(point.size):
            shares[k] = max(dot(inverse[k], point), 0.0)
            mean += shares[k] / point.size
    for a in range(generators.shape[0]):
        for b in range(a):
            square = 0.0
            for i in range(point.size):
                square += (generators[a, i] - generators[b, i]) ** 2
            if square < LEAST_EDGE**2:
                continue
            length = 0.5 * PLAIN_EDGE_SHARE * target * square
            for m in range(along.shape[1]):
                product = values[a, m] * values[b, m]
                if product < 0.0:
                    weight = 0.5 * (max(along[0, m], 0.0) + max(along[1, m], 0.0))
                    weight = max(weight, CONCAVE_EDGE_WEIGHT * np.hypot(normals[0, m], normals[1, m]))
                    length -= weight * product / (abs(values[a, m]) + abs(values[b, m]))
            score = length * (shares[a] * shares[b] + EVEN_SHARE * mean * mean)
            if score > largest or first < 0:
                longest, first, second, largest = length, a, b, score
    tangent = half_tangent(arc)
    bend = 0.5 * tangent * tangent * target
    for m in range(along.shape[1]):
        if along[0, m] * along[1, m] < 0.0:
            weight = -along[0, m] * along[1, m] / (abs(along[0, m]) + abs(along[1, m]))
            bend += weight * np.max(values[:, m])
    if tangent > LEAST_EDGE and (bend > ARC_SHARE * longest or first < 0):
        return 1, 0, 1
    return 0 if first >= 0 else -1, first, second


@compiled
def _write_leaf(pair, straddling, index, sizes, amounts, needed, slope, lines, shares):
    """Write the multipliers that are not what is taken for granted; return their number.

    They are rounded towards the side that makes the slope shorter, and `slope` and `needed` move with them.
    """
    _, _, arc, dual = pair
    columns, values, along, _ = straddling
    vector, written, place = np.empty(2), 0, 0
    write_singular(slope, arc, vector)
    for j in range(2):
        for m in range(along.shape[1]):
            if not along[j, m] < 0.0:
                continue
            limit, total, largest, pull = -along[j, m], 0.0, 0.0, 0.0
            for k in range(sizes.size):
                total += sizes[k] * values[k, m]
                largest = max(largest, sizes[k] * abs(values[k, m]))
            # An amount more changes the singular value along - (b . b_j) (b^T G x_l).
            for i in range(sizes.size):
                pull += columns[i, m] * (vector[0] * slope[0, i] + vector[1] * slope[1, i])
            exact = SHARE_UNIT * amounts[place] / limit
            exact = np.ceil(exact) if pull * dot(dual[j], vector) > 0.0 else np.floor(exact)
            share = min(max(exact, 0.0), float(SHARE_UNIT))
            change = share * limit / SHARE_UNIT - amounts[place]
            for a in range(2):
                for i in range(sizes.size):
                    slope[a, i] -= change * dual[j, a] * columns[i, m]
            for k in range(sizes.size):
                needed[k, j] -= share * limit / SHARE_UNIT * values[k, m]
            place += 1
            usual = SHARE_UNIT if total > 0.0 else 0
            if share != usual or abs(total) <= CLEAR_SUM * largest:
                lines[written], shares[written] = 2 * index[m] + j, int(share)
                written += 1
    return written


@compiled
def _raise_slope(pair, needed, rounding, slope):
    """Raise a slope along the middles of both cones until it is above what is needed, rounding included."""
    generators, inverse, arc, _ = pair
    r = generators.shape[0]
    middle, axis, room = np.empty(r), np.empty(2), np.inf
    write_middle(arc, axis)
    write_middle(generators, middle)
    for k in range(r):
        room = min(room, dot(generators[k], middle))
    # Wide cones have generators that turn away from the middle: sum_k q_k has the product 1 with each of them.
    if room < LEAST_ROOM:
        room = 1.0
        middle[:] = 0.0
        for k in range(r):
            add_scaled(middle, 1.0, inverse[k])
    room *= min(dot(axis, arc[0]), dot(axis, arc[1]))
    lack = 0.0
    for k in range(r):
        for j in range(2):
            given = arc[j, 0] * dot(slope[0], generators[k]) + arc[j, 1] * dot(slope[1], generators[k])
            lack = max(lack, needed[k, j] - given + rounding)
    for i in range(2):
        add_scaled(slope[i], lack / room * axis[i], middle)
