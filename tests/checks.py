"""The slow reference: every pattern by linear programs, the program over all of them, certificates from scratch.

Nothing here calls convexnn, but for the record that holds a network: an error of the package cannot hide in its own
check. Small data of moderate magnitude.
"""

import warnings
from dataclasses import dataclass
from itertools import combinations

import cvxpy as cp
import numpy as np
from scipy.optimize import linprog, nnls

from convexnn import TwoLayerReLU

WITNESS = 1e-9
"""How far from every hyperplane, in the box |h| <= 1 with unit rows, the witness of a cell must be."""


def augment(X, hidden_bias=False):
    """Return X, with a last column of ones for a hidden bias."""
    X = np.asarray(X, dtype=float)
    return np.column_stack([X, np.ones(len(X))]) if hidden_bias else X


def free_columns(X, fit_intercept=False, skip_connection=False):
    """Return the columns of the free terms: X (skip), then ones (intercept)."""
    X = np.asarray(X, dtype=float)
    return np.column_stack([X[:, : X.shape[1] * bool(skip_connection)], np.ones((len(X), int(bool(fit_intercept))))])


def _witness(rows):
    """Return h in the box |h| <= 1 with the largest smallest ``rows @ h``, or None unless that is positive."""
    n_rows, n_columns = rows.shape
    answer = linprog(
        np.r_[np.zeros(n_columns), -1.0],
        A_ub=np.column_stack([-rows, np.ones(n_rows)]),
        b_ub=np.zeros(n_rows),
        bounds=[(-1, 1)] * n_columns + [(None, 1)],
        method="highs",
    )
    assert answer.status == 0, answer.message
    point = answer.x[:-1]
    return point if (rows @ point).min() > WITNESS else None


def all_patterns_by_lp(X):
    """Return the pattern of every full-dimensional cell, ``(n_patterns, n_samples)`` bool, in sorted order.

    A tree over the rows: a sign vector of the first k rows is kept if some h has these signs strictly, the largest
    margin being found by a linear program and the signs then read at its solution. A zero row's bit is True.
    """
    X = np.asarray(X, dtype=float)
    norms = np.linalg.norm(X, axis=1)
    nonzero = np.flatnonzero(norms > 0)
    rows = X[nonzero] / norms[nonzero, None]
    cells = [np.zeros(0)]
    for k in range(len(rows)):
        grown = [np.append(signs, side) for signs in cells for side in (1.0, -1.0)]
        cells = [signs for signs in grown if _witness(signs[:, None] * rows[: k + 1]) is not None]
    masks = np.ones((len(cells), len(X)), dtype=bool)
    masks[:, nonzero] = np.array(cells).reshape(len(cells), -1) > 0
    return np.unique(masks, axis=0)


def count_by_ranks(X):
    """Return the number of cells by Whitney's theorem, ``sum over subsets B of (-1)^(|B| - rank B)``: no geometry."""
    rows = np.asarray(X, dtype=float)
    rows = rows[np.any(rows != 0, axis=1)]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    subsets = [list(chosen) for size in range(len(rows) + 1) for chosen in combinations(range(len(rows)), size)]
    return (
        sum((-1) ** (len(chosen) - np.linalg.matrix_rank(rows[chosen], tol=1e-9)) for chosen in subsets if chosen) + 1
    )


def pattern_prices(X, dual_point, masks=None):
    """Return the price of a dual point pattern by pattern, as ``(values, directions, signs)``.

    The value of pattern i and sign s is ``max {s nu^T D_i X u : u in K_i, ||u|| <= 1} = ||Proj_{K_i}(s X^T D_i nu)||``.
    With ``A = (2 D_i - I) X`` the projection of z on ``{u : A u >= 0}`` is ``z + A^T l``, where l >= 0 minimises its
    norm: one non-negative least squares problem. Directions are zero where the value is. Shapes (2P,), (2P, d), (2P,).
    """
    X, nu = np.asarray(X, dtype=float), np.asarray(dual_point, dtype=float)
    masks = all_patterns_by_lp(X) if masks is None else masks
    norms = np.linalg.norm(X, axis=1)
    rows = X[norms > 0] / norms[norms > 0, None]
    values, directions, signs = [], [], []
    for sign in (1.0, -1.0):
        for mask in masks:
            target = sign * X.T @ (mask * nu)
            projection = _project(np.where(mask[norms > 0], 1.0, -1.0)[:, None] * rows, target)
            value = np.linalg.norm(projection)
            values.append(value)
            directions.append(projection / value if value > 0 else projection)
            signs.append(sign)
    return np.array(values), np.array(directions).reshape(len(values), -1), np.array(signs)


def _project(rows, target):
    """Return the projection of `target` on the cone ``{u : rows @ u >= 0}``; exactly zero if it is so to rounding."""
    size = np.linalg.norm(target)
    if size == 0 or len(rows) == 0:
        return target
    multipliers, _ = nnls(rows.T, -target / size, maxiter=100 * max(rows.shape))
    projection = target / size + rows.T @ multipliers
    return projection * size if np.linalg.norm(projection) > 1e-12 else np.zeros_like(target)


def brute_force_price(X, dual_point, masks=None):
    """Return ``max_{||u|| <= 1} |nu^T (X u)_+|``, over all patterns and both signs."""
    return float(pattern_prices(X, dual_point, masks)[0].max())


def sampled_price(X, dual_point, n_directions=20_000, seed=0):
    """Return the largest ``|nu^T (X u)_+|`` over random unit directions: a lower bound on the price."""
    directions = np.random.default_rng(seed).standard_normal((np.shape(X)[1], n_directions))
    directions /= np.linalg.norm(directions, axis=0)
    return float(np.abs(np.asarray(dual_point) @ np.maximum(X @ directions, 0.0)).max())


@dataclass(frozen=True)
class BruteForce:
    """An optimum by brute force: ``lower <= p* <= value``, the fit and the dual point ``w (y - fit)``.

    `lower` is the dual value of the dual point scaled into the feasible set, whose price was found pattern by pattern;
    `neurons` (K, d) and `signs` (K,) have mass ``||u||``; `free` are skip weights, then the intercept.
    """

    value: float
    lower: float
    fit: np.ndarray
    dual_point: np.ndarray
    price: float
    neurons: np.ndarray
    signs: np.ndarray
    free: np.ndarray


def brute_force(
    X, y, beta, *, hidden_bias=False, fit_intercept=False, skip_connection=False, sample_weight=None, masks=None
):
    """Solve the convex program over all patterns (or over `masks`) with the squared loss; see `BruteForce`."""
    y = np.asarray(y, dtype=float)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    design, free = augment(X, hidden_bias), free_columns(X, fit_intercept, skip_connection)
    masks = all_patterns_by_lp(design) if masks is None else masks
    neurons, signs, b = _solve(design, y, beta, weight, free, masks)
    hidden_fit = np.maximum(design @ neurons.T, 0.0) @ signs
    if free.shape[1]:
        root = np.sqrt(weight)
        b = np.linalg.lstsq(root[:, None] * free, root * (y - hidden_fit), rcond=None)[0]
    fit = hidden_fit + free @ b
    value = 0.5 * weight @ (y - fit) ** 2 + beta * np.linalg.norm(neurons, axis=1).sum()
    nu = weight * (y - fit)
    price = brute_force_price(design, nu, masks)
    lower = _scaled_dual_value(y, nu, weight, beta, price)
    return BruteForce(float(value), lower, fit, nu, price, neurons, signs, b)


def _solve(design, y, beta, weight, free, masks):
    """Return neurons, signs and free terms: a plain loop over the patterns, one variable for each block."""
    blocks = [(cp.Variable(design.shape[1]), mask, sign) for mask in masks for sign in (1.0, -1.0)]
    fit = sum(sign * (mask[:, None] * design) @ u for u, mask, sign in blocks)
    b = cp.Variable(max(1, free.shape[1]))
    if free.shape[1]:
        fit = fit + free @ b
    cones = [((2.0 * mask - 1.0)[:, None] * design) @ u >= 0 for u, mask, _ in blocks]
    misfit = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(weight), y - fit))
    program = cp.Problem(cp.Minimize(misfit + beta * sum(cp.norm(u, 2) for u, _, _ in blocks)), cones)
    with warnings.catch_warnings():  # How accurate the answer is follows from its own `lower`.
        warnings.simplefilter("ignore", UserWarning)
        program.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11, max_iter=200)
    assert blocks[0][0].value is not None, program.status
    neurons = np.array([u.value for u, _, _ in blocks])
    used = np.linalg.norm(neurons, axis=1) > 1e-9 * max(1.0, np.abs(neurons).max())
    free_terms = b.value if free.shape[1] else np.zeros(0)
    return neurons[used], np.array([sign for _, _, sign in blocks])[used], free_terms


def misfit(loss, y, fit, weight, huber_delta=1.35, quantile=0.5):
    """The loss as a cvxpy expression."""
    residual = y - fit
    if loss == "squared":
        terms = cp.square(residual) / 2
    elif loss == "huber":
        terms = cp.huber(residual, huber_delta) / 2
    elif loss == "absolute":
        terms = cp.abs(residual)
    elif loss == "quantile":
        terms = quantile * cp.pos(residual) + (1 - quantile) * cp.neg(residual)
    elif loss == "logistic":
        terms = cp.logistic(-cp.multiply(y, fit))
    else:
        terms = cp.square(cp.pos(1 - cp.multiply(y, fit))) / 2
    return cp.sum(cp.multiply(weight, terms))


def best_network(
    loss, X, y, beta, weight, *, hidden_bias=False, fit_intercept=False, skip_connection=False, masks=None, **options
):
    """Return p* and an optimal network for any loss, from the program over all patterns (or over `masks`)."""
    design, free = augment(X, hidden_bias), free_columns(X, fit_intercept, skip_connection)
    masks = all_patterns_by_lp(design) if masks is None else masks
    blocks = [(cp.Variable(design.shape[1]), mask, sign) for mask in masks for sign in (1.0, -1.0)]
    b = cp.Variable(max(1, free.shape[1]))
    fit = sum(sign * (mask[:, None] * design) @ u for u, mask, sign in blocks)
    fit = fit + free @ b if free.shape[1] else fit
    cones = [((2.0 * mask - 1.0)[:, None] * design) @ u >= 0 for u, mask, _ in blocks]
    penalty = beta * sum(cp.norm(u, 2) for u, _, _ in blocks)
    program = cp.Problem(cp.Minimize(misfit(loss, y, fit, weight, **options) + penalty), cones)
    program.solve(solver="CLARABEL")
    neurons, signs = np.array([u.value for u, _, _ in blocks]), np.array([sign for *_, sign in blocks])
    roots = np.sqrt(np.maximum(np.linalg.norm(neurons, axis=1), 1e-300))
    neurons, d = neurons / roots[:, None], np.shape(X)[1]
    network = TwoLayerReLU(
        neurons[:, :d],
        signs * roots,
        hidden_bias=neurons[:, d] if hidden_bias else None,
        intercept=b.value[free.shape[1] - 1] if fit_intercept else None,
        skip_weights=b.value[:d] if skip_connection else None,
    )
    return program.value, network


def _scaled_dual_value(y, nu, weight, beta, price):
    """Return the best dual value of ``t nu``, t >= 0, ``t price <= beta``; rows of weight zero have nu = 0."""
    used = weight > 0
    curvature = np.sum(nu[used] ** 2 / weight[used])
    if curvature <= 1e-26 * np.sum(weight * y**2):  # rounding, which may be off the free terms' orthogonal complement
        return 0.0
    scale = np.clip(nu @ y / curvature, 0.0, beta / price if price > 0 else np.inf)
    return float(scale * (nu @ y) - 0.5 * scale**2 * curvature)


def plain_objective(network, X, y, beta, sample_weight=None):
    """Return the squared-loss objective of a network, written out in plain numpy."""
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    fit = plain_predict(network, X)
    penalty = np.sum(network.hidden_weights**2) + np.sum(network.output_weights**2)
    if network.hidden_bias is not None:
        penalty += np.sum(network.hidden_bias**2)
    return 0.5 * np.sum(weight * ((y - fit) ** 2).reshape(len(y), -1).sum(axis=1)) + 0.5 * beta * penalty


def plain_predict(network, X):
    """Return the values of a network, one sample and one neuron at a time."""
    outputs = np.reshape(network.output_weights, (network.width, -1)) if network.width else None
    values = np.zeros((len(X), *network.output_weights.shape[1:]))
    for i, x in enumerate(np.asarray(X, dtype=float)):
        for j in range(network.width):
            bias = 0.0 if network.hidden_bias is None else network.hidden_bias[j]
            active = max(0.0, sum(a * b for a, b in zip(x, network.hidden_weights[j], strict=True)) + bias)
            values[i] += active * (outputs[j] if values.ndim == 2 else outputs[j, 0])
        if network.skip_weights is not None:
            values[i] += x @ network.skip_weights
        if network.intercept is not None:
            values[i] += network.intercept
    return values


def check_certificate(certificate, network, X, y, beta, *, sample_weight=None, masks=None, tolerance=1e-9):
    """Assert that a certificate of the squared loss says what is true; everything is recomputed from scratch.

    The problem has the free terms that the network has. `masks` are all patterns of the design, found here if not
    given. `tolerance` is relative: to beta for the price, to the primal value for values.
    """
    y = np.asarray(y, dtype=float)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    design = augment(X, network.hidden_bias is not None)
    free = free_columns(X, network.intercept is not None, network.skip_weights is not None)
    nu = np.asarray(certificate.dual_point)
    primal = plain_objective(network, X, y, beta, weight)
    scale = max(primal, np.finfo(float).tiny)
    assert nu.shape == y.shape and np.all(nu[weight == 0] == 0)
    assert abs(certificate.primal - primal) <= 1e-10 * scale + certificate.rounding
    assert brute_force_price(design, nu, masks) <= beta * (1 + tolerance)
    size = np.linalg.norm(nu) * np.linalg.norm(free, axis=0)
    assert np.all(np.abs(free.T @ nu) <= tolerance * np.maximum(size, np.finfo(float).tiny))
    used = weight > 0
    dual = max(0.0, float(nu @ y - 0.5 * np.sum(nu[used] ** 2 / weight[used])))
    assert abs(certificate.dual - dual) <= tolerance * scale
    assert certificate.dual <= primal * (1 + tolerance)
    assert abs(certificate.gap - (certificate.primal - certificate.dual)) <= 1e-12 * scale
    relative = max(0.0, certificate.gap - certificate.rounding) / scale
    assert abs(certificate.relative_gap - relative) <= 1e-12
    assert certificate.proof in ("exact", "bound", "heuristic")
    return primal, dual
