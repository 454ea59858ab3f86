"""Compiled rule of the cut: between which two of its generators a simplicial cone is cut in two."""

from ..._utils.kernels import compiled
from .concave import dot

MIN_EDGE_SHARE = 0.5  # no edge is cut with less than half of the largest squared length
FAR_EDGE_WEIGHT = 2.0  # an edge far from the maximum counts 2 mean(t)^2, one beside it t_a t_b more
MIN_CONE_HEIGHT = 0.02  # a cone is flat where a height is below .02 of its longest edge: there only lengths count


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
def shares_at(generators, point, elimination, inverse, shares):
    """Write the shares t of the generators in ``point = sum_k t_k v_k``, those below zero as zero.

    All are 1 where there is no point, and in a flat cone, in which a generator is close to the plane of the others:
    cuts beside one point alone, time and again, would make it flatter.
    """
    shares[:] = 1.0
    if dot(point, point) == 0.0 or not invert(generators, elimination, inverse):
        return
    longest, steepest = 0.0, 0.0
    for k in range(shares.size):
        steepest = max(steepest, dot(inverse[k], inverse[k]))  # one over the squared distance to that plane
        for j in range(k):
            longest = max(longest, 2.0 - 2.0 * dot(generators[j], generators[k]))
    if longest * steepest * MIN_CONE_HEIGHT * MIN_CONE_HEIGHT > 1.0:
        return
    for k in range(shares.size):
        shares[k] = max(0.0, dot(inverse[k], point))


@compiled(fastmath={"reassoc", "contract"})
def edge_to_cut(generators, values, weights, n_convex, shares, gram):
    """Return the two generators between which a cone is cut; writes `gram`.

    Long edges come into question, in the metric of the straddling convex lines: lines are furthest from linear there.
    Among them goes first what lies beside the maximum of the relaxation, with the shares t of the generators
    (`shares_at`): there a cut lowers the bound. With equal shares it is the longest.
    """
    r = generators.shape[0]
    # ||v_a - v_b||^2 in the metric X_P^T diag(weights) X_P of the straddling convex lines.
    for a in range(r):
        for b in range(a + 1):
            gram[a, b] = 0.0
            for l in range(n_convex):
                gram[a, b] += weights[l] * values[a, l] * values[b, l]
    longest, mean = 0.0, 0.0
    for a in range(r):
        mean += shares[a] / r
        for b in range(a):
            longest = max(longest, gram[a, a] + gram[b, b] - 2.0 * gram[a, b])
    best, first, second = 0.0, 1, 0
    for a in range(r):
        for b in range(a):
            length = gram[a, a] + gram[b, b] - 2.0 * gram[a, b]
            score = length * (shares[a] * shares[b] + FAR_EDGE_WEIGHT * mean * mean)
            if length >= MIN_EDGE_SHARE * longest and score > best:
                best, first, second = score, a, b
    if best <= 0.0:  # every convex line is settled: cut the widest angle
        best = 2.0
        for a in range(r):
            for b in range(a):
                cosine = dot(generators[a], generators[b])
                if cosine < best:
                    best, first, second = cosine, a, b
    return first, second
