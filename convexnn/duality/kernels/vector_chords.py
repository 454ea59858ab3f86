"""Compiled replacement of the lines of one simplicial cone by their chords, for the price of several outputs.

A node is the cone ``u = sum_k t_k v_k, t >= 0`` of r unit generators, W their dual basis (``t = W u``). On it the
vector ``h(u) = settled u + sum_l n_l (x_l . u)_+`` over the lines x_l that change sign, and F is its norm,
``F = a . h`` for the unit vector a along h. With ``p_k = (x_l . v_k)_+`` and ``q_k = (-x_l . v_k)_+``,

    ``(x_l . u)_+ = p . t - min(p . t, q . t) = w x_l . u + e``,   ``0 <= e <= (1 - w) p . t + w q . t``

for any w in [0, 1]. A line with ``n_l . h >= 0`` on the whole cone is replaced by the chord ``p . t``, one with
``n_l . h <= 0`` by ``w x_l . u``, which both only add to ``a . h``; a line whose side is not known is replaced by
something between and pays for what that may lose, ``error . t``. What remains is linear in u, but for the w, and is
bounded in `vector_bound`.
"""

import numpy as np

from ..._utils.kernels import compiled
from .concave import add_scaled, dot

MAX_JACOBI_SWEEPS = 8  # over all pairs of rows: what is left off the diagonal is added to the bound
MAX_KNOWN_SHARE = 0.8  # a line whose ``|a . n_l|`` may exceed 0.8 of its size on both sides counts as of unknown side


@compiled
def top_eigenvalue(gram):
    """Return an upper bound, tight to rounding, on the largest eigenvalue of a symmetric matrix, by Jacobi rotations.

    The matrix is overwritten. What is left off the diagonal is added by Gershgorin's circles.
    """
    c = gram.shape[0]
    for _ in range(MAX_JACOBI_SWEEPS):
        rest = 0.0
        for p in range(c):
            for q in range(p):
                rest = max(rest, abs(gram[p, q]))
        if rest <= 1e-15 * abs(gram[0, 0]):
            break
        for p in range(c):
            for q in range(p):
                if gram[p, q] != 0.0:
                    # The rotation that makes the entry (p, q) zero, by the smaller of its two angles.
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
        # Gershgorin: no eigenvalue is larger than a diagonal entry and the absolute values beside it.
        radius = gram[p, p]
        for q in range(c):
            if q != p:
                radius += abs(gram[p, q])
        largest = max(largest, radius)
    return largest


@compiled
def _bound_share_sum(generators):
    """Return a bound on ``sum_k t_k`` over the unit vectors of the cone, whose generators lie in one orthant."""
    smallest = 1.0 / generators.shape[0]
    # 1 = sum_kl t_k t_l v_k . v_l >= low (sum t)^2, and at least (sum t)^2 / r in one orthant.
    low = 1.0
    for k in range(generators.shape[0]):
        for l in range(k):
            low = min(low, dot(generators[k], generators[l]))
    return 1.0 / np.sqrt(max(low, smallest))


@compiled
def _write_gaps(values, kept, left, gaps):
    """Write for every straddling line and generator the smaller of p and q: ``(x . u)_+`` is off p by at most this."""
    r = values.shape[0]
    for j in range(left):
        p_sum, q_sum = 0.0, 0.0
        for k in range(r):
            p_sum, q_sum = p_sum + max(values[k, kept[j]], 0.0), q_sum + max(-values[k, kept[j]], 0.0)
        for k in range(r):
            # The chord p . t misses min(p . t, q . t): at most p . t and at most q . t, and the smaller sum is taken.
            z = values[k, kept[j]]
            gaps[k, j] = max(z, 0.0) if p_sum <= q_sum else max(-z, 0.0)


@compiled
def _bound_spread(gaps, chosen, coefficients, sizes, index, kept, gram):
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
    # (sum |a . n_l| gap_l)^2 <= sum gap_l times a^T (sum gap_l n_l n_l^T) a, for every unit vector a.
    return 0.5 * min(plain, np.sqrt(total * top_eigenvalue(gram)))


@compiled
def _middle_images(generators, values, settled, coefficients, sizes, index, kept, left, gaps, spread, gram):
    """Return the vectors (r, c) that h is near at the generators, and write how far it may be off (`spread`)."""
    r, c = generators.shape[0], settled.shape[0]
    middles, everything = np.empty((r, c)), np.empty(left, np.bool_)
    everything[:] = True
    _write_gaps(values, kept, left, gaps)
    for k in range(r):
        for a in range(c):
            middles[k, a] = dot(settled[a], generators[k])
        for j in range(left):
            z = max(values[k, kept[j]], 0.0) - 0.5 * gaps[k, j]
            add_scaled(middles[k], z, coefficients[index[kept[j]]])
        spread[k] = _bound_spread(gaps[k], everything, coefficients, sizes, index, kept, gram)
    return middles


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
    unknown = np.empty(gaps.shape[1], np.bool_)
    for j in range(gaps.shape[1]):
        l = kept[j]
        n_l, size = coefficients[index[l]], sizes[index[l]]
        above, below = -np.inf, -np.inf
        for k in range(r):
            # -below <= n_l . h <= above at all generators, and so on the cone, up to the spread of h.
            middle, room = dot(n_l, middles[k]), size * spread[k]
            above, below = max(above, middle + room), max(below, room - middle)
        side[j], unknown[j] = -1 if above <= 0.0 else 1, False
        if side[j] == -1:
            continue
        # A point of the cone that matters has ||h|| above the target, and sum t is at most `widest`.
        up, lo = min(size, widest * above / target), min(size, widest * max(below, 0.0) / target)
        unknown[j] = min(up, lo) > MAX_KNOWN_SHARE * size
        # The share at which both errors are one: share up = (1 - share) lo.
        share = 0.5 if unknown[j] else lo / (lo + up)
        for k in range(r):
            z = max(values[k, l], 0.0) - share * gaps[k, j]
            for a in range(c):
                interpolant[k, a] += z * n_l[a]
            if not unknown[j]:
                error[k] += share * up * gaps[k, j]
    for k in range(r):
        error[k] += _bound_spread(gaps[k], unknown, coefficients, sizes, index, kept, gram)


@compiled
def replace_by_chords(generators, inverse, values, settled, coefficients, sizes, index, kept, left, target, gram):
    """Replace lines by their chords where that is cheap, and return what is left of F on the cone.

    Returns the images of the generators and their spread, the side of every line, the sum of the chords at the
    generators, the linear map (c, r) of all that is linear, what the chords miss at most at every generator, and
    ``max sum_k t_k`` over the unit vectors ``sum_k t_k v_k``.
    """
    r, c = generators.shape[0], settled.shape[0]
    gaps, spread = np.empty((r, left)), np.empty(r)
    images = _middle_images(generators, values, settled, coefficients, sizes, index, kept, left, gaps, spread, gram)
    widest = _bound_share_sum(generators)
    side, interpolant, error = np.empty(left, np.int64), np.empty((r, c)), np.empty(r)
    _replace_lines(
        values, gaps, coefficients, sizes, index, kept, images, spread, target, widest, side, interpolant, error, gram
    )
    # A chord is p . t = p^T W u: the sum of the chords is linear in u like the settled lines.
    start = settled.copy()
    for k in range(r):
        for a in range(c):
            add_scaled(start[a], interpolant[k, a], inverse[k])
    return images, spread, side, interpolant, start, error, widest


@compiled
def cost_of_chords(error, inverse, widest, regular, work):
    """Bound what chords that miss ``error_k`` at most at generator k may miss at a unit vector of the cone."""
    work[:] = 0.0
    largest = error[0]
    for k in range(error.size):
        largest = max(largest, error[k])
        add_scaled(work, error[k], inverse[k])
    # error . t <= max error times sum t, <= ||error|| ||t||, <= ||W^T error|| ||u||: the smallest of the three.
    cost = min(widest * largest, np.sqrt(dot(error, error)))
    if regular:
        cost = min(cost, np.sqrt(dot(work, work)))
    return cost
