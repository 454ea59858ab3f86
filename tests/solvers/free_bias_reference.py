"""Free hidden biases by brute force: the program over all patterns, and the program of slopes on one input.

Nothing here calls convexnn. Small data of moderate magnitude.
"""

import warnings

import cvxpy as cp
import numpy as np

from ..checks import all_patterns_by_lp, augment, free_columns

LOSSES = {
    "squared": lambda y, fit: cp.square(y - fit) / 2,
    "huber": lambda y, fit: cp.huber(y - fit, 1.35) / 2,
    "absolute": lambda y, fit: cp.abs(y - fit),
    "logistic": lambda y, fit: cp.logistic(-cp.multiply(y, fit)),
    "squared_hinge": lambda y, fit: cp.square(cp.pos(1 - cp.multiply(y, fit))) / 2,
}


def brute_force_optimum(X, y, beta, *, loss="squared", skip_connection=False, sample_weight=None):
    """Return the smallest objective with a free hidden bias and an intercept: the program over all patterns."""
    design, free = augment(X, True), free_columns(X, True, skip_connection)
    masks = all_patterns_by_lp(design)
    shape = design.shape[1], len(masks)
    positive, negative = cp.Variable(shape), cp.Variable(shape)
    fit = cp.sum(cp.multiply(masks.T.astype(float), design @ (positive - negative)), axis=1)
    fit = fit + free @ cp.Variable(free.shape[1])
    sides = np.where(masks.T, 1.0, -1.0)
    cones = [cp.multiply(sides, design @ block) >= 0 for block in (positive, negative)]
    # The last row of a block holds the biases.
    cost = sum(cp.sum(cp.norm(block[:-1], 2, axis=0)) for block in (positive, negative))
    weight = np.ones(len(design)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    return _solve(weight @ LOSSES[loss](np.asarray(y, dtype=float), fit) + beta * cost, cones)


def slopes_optimum(x, y, beta, *, skip_connection=False):
    """Return the smallest objective on one input, from the slopes of the function alone.

    A function costs its total variation of the slope, with a free skip, and else the larger of that and
    ``|f'(-inf) + f'(inf)|`` (Savarese, Evron, Soudry, Srebro, COLT 2019, theorem 3.1).
    """
    x, place = np.unique(np.asarray(x, dtype=float).ravel(), return_inverse=True)
    values, ends = cp.Variable(len(x)), cp.Variable(2)
    slopes = cp.hstack([ends[0], cp.multiply(cp.diff(values), 1.0 / np.diff(x)), ends[1]])
    cost = cp.norm(cp.diff(slopes), 1)
    if not skip_connection:
        cost = cp.maximum(cost, cp.abs(ends[0] + ends[1]))
    return _solve(cp.sum_squares(np.asarray(y, dtype=float) - values[place.ravel()]) / 2 + beta * cost, [])


def _solve(objective, constraints):
    program = cp.Problem(cp.Minimize(objective), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        program.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11, max_iter=200)
    return program.value
