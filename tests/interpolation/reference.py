"""Minimum-norm interpolation by brute force: the program over all patterns in cvxpy, and prices pattern by pattern.

Nothing here calls convexnn. Small data of moderate magnitude.
"""

import warnings

import cvxpy as cp
import numpy as np

from ..checks import all_patterns_by_lp, augment, brute_force_price, free_columns, plain_predict


def brute_force_cost(X, y, *, hidden_bias=False, fit_intercept=False, skip_connection=False):
    """Return (cost, dual value) of ``min sum ||u_i|| + ||v_i||`` subject to interpolation, over all patterns.

    The dual value is that of the equations' multipliers, projected off the free terms and scaled by a price that was
    found pattern by pattern: a valid bound.
    """
    y = np.asarray(y, dtype=float)
    design, free = augment(X, hidden_bias), free_columns(X, fit_intercept, skip_connection)
    masks = all_patterns_by_lp(design)
    size = np.abs(y).max()
    blocks = [(cp.Variable(design.shape[1]), mask, sign) for mask in masks for sign in (1.0, -1.0)]
    fit = sum(sign * (mask[:, None] * design) @ u for u, mask, sign in blocks)
    if free.shape[1]:
        fit = fit + free @ cp.Variable(free.shape[1])
    meets = fit == y / size
    cones = [((2.0 * mask - 1.0)[:, None] * design) @ u >= 0 for u, mask, _ in blocks]
    program = cp.Problem(cp.Minimize(sum(cp.norm(u, 2) for u, _, _ in blocks)), [meets, *cones])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        program.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11, max_iter=200)
    nu = -np.asarray(meets.dual_value)
    basis = np.linalg.svd(free, full_matrices=False)[0][:, : np.linalg.matrix_rank(free)]
    nu = nu - basis @ (basis.T @ nu)
    return program.value * size, abs(nu @ y) / brute_force_price(design, nu, masks)


def plain_cost(network, penalize_bias=True):
    """Return ``1/2 sum (||u||^2 + alpha^2)``, written out."""
    cost = np.sum(network.hidden_weights**2) + np.sum(network.output_weights**2)
    if penalize_bias and network.hidden_bias is not None:
        cost += np.sum(network.hidden_bias**2)
    return 0.5 * cost


def check_interpolation(certificate, network, X, y, tolerance=1e-9):
    """Assert that a certificate of interpolation (the bias penalised) says what is true, from scratch."""
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    design = augment(X, network.hidden_bias is not None)
    free = free_columns(X, network.intercept is not None, network.skip_weights is not None)
    nu, cost = np.asarray(certificate.dual_point), plain_cost(network)
    misfit = np.abs(plain_predict(network, X) - y).max() / max(np.abs(y).max(), np.finfo(float).tiny)
    assert nu.shape == y.shape
    assert abs(certificate.primal - cost) <= 1e-12 * cost
    assert abs(certificate.misfit - misfit) <= 1e-12
    assert brute_force_price(design, nu) <= 1.0 + tolerance
    assert np.all(np.abs(free.T @ nu) <= tolerance * np.linalg.norm(nu) * np.linalg.norm(free, axis=0))
    assert certificate.dual <= nu @ y + tolerance * cost
    assert certificate.dual <= cost
    assert certificate.dual >= min(cost, nu @ y) - tolerance * cost
    return cost
