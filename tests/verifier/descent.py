"""How much of each column, for smooth losses: Newton's method with a quadratic program in every step."""

import numpy as np
from scipy.optimize import nnls

from .losses import float_loss

STEPS = 30
FLATTEST = 1e-4  # of the largest curvature: what rows without curvature are given
OUTPUT_STEPS = 400


def smooth_masses(problem, matrix, costs, targets):
    """Yield amounts (K, 1) of the columns of `matrix`, each costing `costs` a unit; columns without cost are free.

    The second of the pair is a dual point where the gradient at the fit is not one: here None.
    """
    unit = _unit(problem, targets)
    paid = np.flatnonzero(costs > 0)
    free = np.flatnonzero(costs == 0)
    signed = np.hstack([matrix, -matrix])
    cost = np.concatenate([costs, costs])
    value = _objective(problem, signed, cost, targets, unit)
    x = np.zeros(len(cost))
    best = value(x)
    if not np.isfinite(best) or best == 0 or len(paid) + len(free) == 0:
        return
    for least in (FLATTEST, 1e-9):
        for _ in range(STEPS):
            step = _quadratic(problem, signed, cost, targets, unit, x, least) - x
            trials = [x + 0.5**k * step for k in range(12)]
            values = [value(trial) for trial in trials[:2]] + [np.inf] * 10
            for k in range(2, 12):
                if min(values) < best:
                    break
                values[k] = value(trials[k])
            k = int(np.argmin(values))
            if not values[k] < best * (1 - 1e-14):
                break
            x, best = trials[k], values[k]
    yield unit * (x[: len(costs)] - x[len(costs) :])[:, None], None


def _unit(problem, targets):
    """The size of the amounts: that of the targets where the loss is one of residuals."""
    return 1.0 if problem.has_labels else max(np.abs(targets).max(), np.finfo(float).tiny)


def _objective(problem, matrix, cost, targets, unit):
    def value(x):
        with np.errstate(over="ignore", invalid="ignore"):
            terms, _ = float_loss(problem.loss, targets, unit * (matrix @ x)[:, None], **problem.options)
            answer = problem.weight @ terms + unit * (cost @ x)
        return answer if np.isfinite(answer) else np.inf

    return value


def _quadratic(problem, matrix, cost, targets, unit, x, least):
    """Return the minimiser over x >= 0 of the loss to second order: the dual of a least distance problem.

    ``min 1/2 ||A x - t||^2 + cost . x`` has the dual ``min 1/2 ||z||^2`` subject to ``A^T (z + t) <= cost``, and
    non-negative least squares solves that (Lawson and Hanson, "Solving least squares problems", chapter 23).
    """
    fit = unit * (matrix @ x)
    _, slopes = float_loss(problem.loss, targets, fit[:, None], **problem.options)
    curvature = _curvatures(problem, targets[:, 0], fit)
    root = np.sqrt(problem.weight * np.maximum(curvature, least * max(curvature.max(), 1e-12)))
    target = root * fit / unit - problem.weight * slopes[:, 0] / (root * unit)
    A, size = root[:, None] * matrix, max(np.abs(target).max(), np.finfo(float).tiny)
    above = A.T @ (target / size) - cost / (unit * size)
    scale = np.maximum(np.linalg.norm(A, axis=0), np.finfo(float).tiny)
    if not np.all(np.isfinite(A)) or not np.all(np.isfinite(above)) or above.max() <= 0:
        return np.zeros(len(x)) if above.max() <= 0 else x
    system = np.vstack([-A / scale, above / scale])
    try:
        u, _ = nnls(system, np.eye(len(system))[-1], maxiter=50 * len(x))
    except RuntimeError:
        return x
    left = 1.0 - system[-1] @ u
    return size * u / scale / left if left > 1e-14 else x


def _curvatures(problem, y, fit):
    if problem.loss == "huber":
        return (np.abs(y - fit) <= problem.huber_delta).astype(float)
    if problem.loss == "squared_hinge":
        return (y * fit < 1).astype(float)
    if problem.loss == "logistic":
        powers = np.exp(-np.abs(fit))
        return powers / (1 + powers) ** 2
    return np.ones(len(y))


def masses_of_outputs(problem, matrix, costs, targets):
    """Yield amounts (K, c) of the columns for several outputs; what one costs is the norm of its amounts.

    Proximal gradient steps with momentum, which starts afresh where it would lead upwards.
    """
    unit, weight = _unit(problem, targets), problem.weight[:, None]
    if matrix.shape[1] == 0:
        return
    length = 1.0 / max(np.linalg.norm(np.sqrt(weight) * matrix, 2) ** 2, np.finfo(float).tiny)
    x = ahead = np.zeros((matrix.shape[1], targets.shape[1]))
    momentum = 1.0
    for _ in range(OUTPUT_STEPS):
        _, slopes = float_loss(problem.loss, targets, unit * (matrix @ ahead), **problem.options)
        moved = ahead - length * (matrix.T @ (weight * slopes)) / unit
        sizes = np.linalg.norm(moved, axis=1)
        short = np.maximum(0.0, sizes - length * costs / unit) / np.where(sizes > 0, sizes, 1.0)
        following = short[:, None] * moved
        if np.sum((ahead - following) * (following - x)) > 0:
            momentum = 1.0
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / grown * (following - x)
        x, momentum = following, grown
        if not np.all(np.isfinite(x)):
            return
    yield unit * x, None
