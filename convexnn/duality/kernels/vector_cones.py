"""Compiled split of simplicial cones in two for the price of several outputs, and the bounds of the halves.

A node is the cone ``u = sum_k t_k v_k, t >= 0`` of r unit generators. On it the price function is the norm F of
``h(u) = settled u + sum_l n_l (x_l . u)_+``, `settled` (c, r) being the sum of the lines that are linear on the cone
and x_l those that change sign. `vector_bound` bounds F on a cone, with the chords of `vector_chords`.
"""

import numpy as np

from ..._utils.kernels import compiled
from .concave import add_scaled, copy, dot
from .cones import combine
from .vector_bound import bound_cone

CONCAVE_EDGE_WEIGHT = 0.1  # lines that multipliers take care of count a tenth of their size when an edge is chosen
PLAIN_EDGE_SHARE = 0.05  # 0.05 of the plain length of an edge is added to its error, so that no cone becomes flat


@compiled
def _gather_lines(lines, active, columns, index):
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
def _sum_settled_lines(values, columns, coefficients, index, n, active, settled, kept):
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
def _longest_edge(generators, values, settled, coefficients, sizes, index, n):
    """Return the two generators between which F is furthest from linear.

    Along an edge a line that changes sign is off its chord by ``z_a z_b / (z_a + z_b)`` at most, and the norm by what
    is missing of the triangle inequality. Lengths of chords would not do: they make cones flat.
    """
    r, c = generators.shape[0], settled.shape[0]
    images, middle, both = np.empty((r, c)), np.empty(c), np.empty(c)
    middle[:] = 0.0
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
        # A line counts for what it adds to F along h in the middle; concave ones for a tenth of their size at least.
        weights[l] = max(dot(middle, coefficients[index[l]]) / size, CONCAVE_EDGE_WEIGHT * sizes[index[l]])
    longest, first, second = -1.0, 1, 0
    for a in range(r):
        for b in range(a):
            # Error along the edge: a share of its length, the lines off their chords, the norm off its own.
            length = PLAIN_EDGE_SHARE * size * (1.0 - dot(generators[a], generators[b]))
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
        # The lines that change sign on the cone, and their values at its generators.
        n = _gather_lines(lines, active[k], columns, index)
        for j in range(r):
            combine(generators[k, j], columns, n, at_generators[j])
        # The cut: the middle of the longest edge takes the place of either end.
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
            combine(middle, columns, n, at_generators[replaced])
            for j in range(r):
                copy(middle if j == replaced else generators[k, j], new_generators[half, j])
            for a in range(c):
                copy(settled[k, a], new_settled[half, a])
            left = _sum_settled_lines(
                at_generators, columns, coefficients, index, n, new_active[half], new_settled[half], kept
            )  # fmt: skip
            n_straddling[half] = left
            bound = bound_cone(
                new_generators[half], at_generators, columns, new_settled[half], coefficients, sizes, index, kept,
                left, target, points[half], scratch, concave, limits,
            )  # fmt: skip
            for l in range(n):
                at_generators[replaced, l] = saved[l]
            bound = max(bound, target)  # points below the target were not looked at
            new_bounds[half] = bound if bound < bounds[k] else bounds[k]  # also when not a number
            for a in range(c):
                # F itself at the point of the half: a value that is reached.
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
