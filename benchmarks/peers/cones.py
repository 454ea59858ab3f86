"""Projection on the cones of the patterns, written for the judge alone: no solver of the package is asked.

For a pattern with cone ``K = {u : A u >= 0}``, ``A = (2 D - I) X``, and a vector c,
``||Proj_K(c)|| = min_{w >= 0} ||c + A^T w||``, and **every** w >= 0 gives an upper bound.
"""

import numpy as np

ACCURACY = 1e-12


def signed_rows(X, mask):
    """Return ``(2 D - I) X``."""
    return np.where(mask, 1.0, -1.0)[:, None] * X


def project(rows, vector, enough=0.0):
    """Return a point ``vector + rows^T w``, w >= 0: the projection, or the first point met of norm <= `enough`.

    Lawson and Hanson's active sets. Without the early end the point is ``Proj_K(vector)`` to rounding.
    """
    sizes = np.linalg.norm(rows, axis=1)
    unit = rows / np.where(sizes > 0, sizes, 1.0)[:, None]
    active, weights, point = np.zeros(0, dtype=int), np.zeros(0), vector
    scale = np.linalg.norm(vector)
    for _ in range(20 * len(vector) + 100):
        slopes = unit @ point
        slopes[active] = 0.0
        worst = int(np.argmin(slopes))
        if np.linalg.norm(point) <= enough or slopes[worst] >= -ACCURACY * scale:
            break
        active, weights = entered(unit, vector, np.append(active, worst), np.append(weights, 0.0))
        point = vector + unit[active].T @ weights
    return point


def entered(unit, vector, active, weights):
    """Return the active rows and their weights after the last of `active` has come in and others have left."""
    while True:
        target = np.linalg.lstsq(unit[active].T, -vector, rcond=None)[0]
        if np.all(target > 0):
            return active, target
        falling = target <= 0
        step = np.min(weights[falling] / (weights[falling] - target[falling]), initial=1.0)
        weights = weights + step * (target - weights)
        kept = weights > ACCURACY * max(weights.max(), 1e-300)
        if kept.all():
            kept[np.argmin(weights)] = False
        active, weights = active[kept], weights[kept]
        if len(active) == 0:
            return active, weights


def cone_price(X, masks, dual_point, enough=0.0):
    """Return an upper bound on ``max_{p, u in K_p, ||u|| <= 1} |nu^T D_p X u|``, exact where it exceeds `enough`.

    With ``enough=None`` it is the maximum itself, and patterns that cannot reach it are left early.
    """
    vectors = X.T @ (masks * dual_point).T
    sizes = np.linalg.norm(vectors, axis=0)
    growing, price = enough is None, 0.0
    for p in np.argsort(-sizes):
        floor = price if growing else enough
        if sizes[p] <= floor:
            price = max(price, min(floor, sizes[p]))
            break
        rows = signed_rows(X, masks[p])
        for vector in (vectors[:, p], -vectors[:, p]):
            price = max(price, np.linalg.norm(project(rows, vector, max(price, floor))))
    return price
