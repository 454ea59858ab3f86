"""The optimal set by brute force: all maximisers, all supports, all labelled pieces glued together; and small data."""

from functools import cache
from itertools import combinations, product

import numpy as np
from scipy.optimize import linprog, nnls
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..checks import pattern_prices
from ..zoo import identity, random_problem, three_rows, two_rows

SAME = 1e-9


def at_angles(degrees):
    """Return unit rows at these angles."""
    angles = np.deg2rad(np.asarray(degrees, dtype=float))
    return np.column_stack([np.cos(angles), np.sin(angles)])


def polygon(n):
    """Return the corners of the regular n-gon."""
    return at_angles(360.0 * np.arange(n) / n)


def all_maximisers(design, dual_point, tolerance=1e-7):
    """Return the directions and signs that attain the price, each once, and the price; pattern by pattern."""
    values, directions, signs = pattern_prices(design, dual_point)
    price = values.max()
    kept = []
    for k in np.flatnonzero(values >= price * (1.0 - tolerance)):
        if not any(signs[k] == signs[j] and np.abs(directions[k] - directions[j]).max() < 1e-6 for j in kept):
            kept.append(k)
    return directions[kept], signs[kept], float(price)


def tied(X, dual_point, masses):
    """Return (X, y, beta) whose optimal networks put `masses` on the maximisers of a dual point, in sorted order."""
    dual_point = np.broadcast_to(np.asarray(dual_point, dtype=float), len(X))
    directions, signs, beta = all_maximisers(X, dual_point)
    order = np.lexsort(np.round(np.column_stack([directions, signs]), 6).T)
    fits = np.maximum(X @ directions[order].T, 0.0) * signs[order]
    masses = np.resize(np.asarray(masses, dtype=float), fits.shape[1])
    return X, dual_point + fits @ masses, beta


@cache
def data_sets():
    """Small (X, y, beta) by name: random ones, and symmetric ones whose optimum is not unique."""
    octahedron = np.vstack([np.eye(3), -np.eye(3)])
    tetrahedron = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
    sets = {known.name: (known.X, known.y, known.beta) for known in (two_rows(), three_rows(), identity([1, -1], 0.1))}
    sets |= {f"polygon {n}": (polygon(n), np.ones(n), 0.1) for n in (4, 5, 6)}
    for seed in range(2):
        for n, d in ((4, 2), (6, 2), (5, 3)):
            sets[f"random {n} x {d}, {seed}"] = (*random_problem(n, d, seed), 0.2)
    sets["random 6 x 2, not unique"] = (*random_problem(6, 2, 5), 0.2)
    sets |= {
        "antipodes": (np.array([[1.0], [-1.0]]), np.ones(2), 0.1),
        "repeated rows": (polygon(3)[[0, 0, 1, 2]], np.ones(4), 0.1),
        "triangle twice": (polygon(3)[[0, 1, 2, 0, 1, 2]], np.ones(6), 0.1),
        "octahedron": (octahedron, np.ones(6), 0.1),
        "tetrahedron": (tetrahedron, np.ones(4), 0.1),
        "square, signs": (polygon(4), np.array([1.0, -1.0, 1.0, -1.0]), 0.1),
        "hexagon, two sides": (polygon(6), np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0]), 0.1),
        "random pairs": (np.vstack([polygon(6)[:3], -polygon(6)[:3]]), np.array([1.0, 2.0, 1.0, 1.0, 2.0, 1.0]), 0.1),
        "tied two rows": tied(two_rows().X, 0.2, [1.0, 2.0, 3.0]),
        "tied two rows, flat": tied(two_rows().X, 0.2, [0.0, 1.0, 1.0]),
        "tied triangle": tied(polygon(3), 0.2, [1.0, 2.0, 3.0]),
        "tied triangle, alternating": tied(polygon(3), 0.2, [1.0, 0.0]),
        "tied triangle, two": tied(polygon(3), 0.2, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]),
        "tied triangle, three": tied(polygon(3), 0.2, [1.0, 2.0, 0.0, 0.0, 0.5, 0.0]),
        "tied square": tied(polygon(4), 0.2, [1.0, 2.0, 3.0]),
        "tied square, one": tied(polygon(4), 0.2, [1.0, 0.0, 0.0, 0.0]),
        "tied hexagon": tied(polygon(6), 0.2, [1.0, 2.0, 3.0]),
        "tied hexagon, sides": tied(polygon(6), 0.2, [1.0, 0.0, 2.0, 0.0, 0.0, 0.5]),
        "tied octahedron": tied(octahedron, 0.2, [1.0, 0.0, 0.0, 2.0]),
        "tied tetrahedron": tied(tetrahedron, 0.2, [1.0, 0.0, 2.0]),
    }
    return sets


def in_cone(fits, target):
    """Whether the target is a non-negative combination of the columns."""
    if fits.shape[1] == 0:
        return bool(np.linalg.norm(target) == 0)
    size = np.linalg.norm(target)
    return bool(nnls(fits, target / size, maxiter=1000)[1] <= SAME)


def all_vertices(fits, target):
    """Return the points of ``{c >= 0: fits c = target}`` with independent columns: every support is tried."""
    K = fits.shape[1]
    found = []
    for size in range(1, np.linalg.matrix_rank(fits, tol=1e-9) + 1):
        for support in map(list, combinations(range(K), size)):
            masses, _, rank, _ = np.linalg.lstsq(fits[:, support], target, rcond=1e-9)
            exact = np.linalg.norm(fits[:, support] @ masses - target) <= SAME * np.linalg.norm(target)
            if rank == size and exact and masses.min() > SAME * masses.sum():
                found.append(np.zeros(K))
                found[-1][support] = masses
    return np.array(found).reshape(-1, K)


def glued_components(fits, target, width, most=20_000):
    """Count components and isolated points of the optimal networks of a width; None when there are too many labellings.

    A piece is a labelling of the slots, by directions or as empty, that can give the target: a polytope of masses. It
    contains the pieces that have some of its slots emptied; two pieces meet exactly where they agree, which is such a
    piece of both. So all are glued by joining every piece to those with one more slot filled.
    """
    K = fits.shape[1]
    if (K + 1) ** width > most:
        return None
    reach = np.array([in_cone(fits[:, [k for k in range(K) if mask >> k & 1]], target) for mask in range(2**K)])
    labels = np.array(list(product(range(K + 1), repeat=width)), dtype=int).reshape((K + 1) ** width, width)
    optimal = reach[np.bitwise_or.reduce((1 << labels) & (2**K - 1), axis=1, initial=0)]
    pieces, joins = np.flatnonzero(optimal), [np.zeros((2, 0), dtype=int)]
    for slot in range(width):
        emptied = pieces[labels[pieces, slot] == K]
        for k in range(K):
            joins.append(np.array([emptied, emptied - (K - k) * (K + 1) ** (width - 1 - slot)]))
    ends = np.hstack(joins)
    graph = coo_array((np.ones(ends.shape[1]), ends), shape=(len(labels), len(labels)))
    member = connected_components(graph, directed=False)[1][optimal]
    sizes = np.unique(member, return_inverse=True, return_counts=True)
    alone = pieces[sizes[2][sizes[1]] == 1]
    single = cache(lambda piece: _is_point(fits[:, list(piece)], target))
    return len(sizes[0]), sum(single(tuple(sorted(piece))) for piece in labels[alone].tolist())


def _is_point(fits, target):
    """Whether ``{a >= 0: fits a = target}``, which is not empty, is one point: a generic cost cannot move in it."""
    cost = np.random.default_rng(0).standard_normal(fits.shape[1])
    basis, values, _ = np.linalg.svd(fits, full_matrices=False)
    basis = basis[:, values > 1e-9 * values[0]]
    size = np.linalg.norm(target)
    ends = [
        linprog(side * cost, A_eq=basis.T @ fits, b_eq=basis.T @ target / size, method="highs") for side in (1.0, -1.0)
    ]
    assert all(end.status == 0 for end in ends)
    return abs(ends[0].fun + ends[1].fun) <= 1e-7
