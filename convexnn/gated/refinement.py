"""The last digits of optimal gated blocks, by Newton's method on the gates in use.

At an optimum ``X' D_p nu = beta w_p / ||w_p||`` for every gate in use and ``Z' nu = 0``. Where several optima share a
fit the Newton matrix is singular, and the step of least norm leads to the nearest of them.
"""

import numpy as np

from .._utils.norms import norms
from .program import gate_slopes, gated_fit

# Newton's method on the gates in use takes at most 20 steps.
MAX_REFINEMENT_STEPS = 20
# Singular values below 1e-12 of the largest are zero: along them several optima share a fit.
SINGULAR_SHARE = 1e-12
# A gate is in use when its block holds more than 1e-7 of all mass.
MIN_MASS_SHARE = 1e-7


def refine_blocks(problem, masks, blocks):
    """Return blocks (n_gates, n_inputs) whose gates in use satisfy the equations as well as rounding allows."""
    # The equations hold on the gates in use only; the others keep a block of zero.
    sizes = norms(blocks)
    used = np.flatnonzero(sizes > MIN_MASS_SHARE * sizes.sum())
    if len(used) == 0:
        return np.zeros_like(blocks)
    best = np.zeros_like(blocks)
    best[used] = blocks[used]
    residuals = _gate_residuals(problem, masks[used], best[used])
    error = norms(residuals.ravel()[None])[0]
    for _ in range(MAX_REFINEMENT_STEPS):
        ahead = np.zeros_like(blocks)
        ahead[used] = best[used] + _newton_step(problem, masks[used], best[used], residuals)
        slopes = _gate_residuals(problem, masks[used], ahead[used])
        reached = norms(slopes.ravel()[None])[0]
        # Newton's method doubles the digits until rounding stops it: the first step that gains nothing ends it.
        if not reached < error:
            break
        best, residuals, error = ahead, slopes, reached
    return best


def _gate_residuals(problem, masks, blocks):
    """``X' D_p nu - beta w_p / ||w_p||`` with the best free terms, of shape (n_used, n_inputs)."""
    nu = problem.dual_point(gated_fit(problem.design, masks, blocks))
    return gate_slopes(problem.design, masks, nu) - problem.beta * blocks / norms(blocks)[:, None]


def _newton_step(problem, masks, blocks, slopes):
    """The Newton step, in blocks relative to their sizes: a small block bends as much as a large one."""
    n_used, d = blocks.shape
    sizes = norms(blocks)
    copies = (masks[:, :, None] * problem.design * sizes[:, None, None]).transpose(1, 0, 2).reshape(-1, n_used * d)
    fit = gated_fit(problem.design, masks, blocks)
    fit = fit + problem.free @ problem.free_coefficients(fit)
    root = np.sqrt(problem.weight * problem.loss.curvatures(problem.y, fit))[:, None]
    copies = root * copies
    # The free terms follow every step, so their part of the fit leaves the Hessian.
    copies -= _fit_by_free_terms(root * problem.free, copies)
    hessian = copies.T @ copies
    for p, unit in enumerate(blocks / sizes[:, None]):
        part = slice(p * d, (p + 1) * d)
        # The Hessian of beta ||w|| is beta / ||w|| (I - u u'), and blocks are in units of their size.
        hessian[part, part] += problem.beta * sizes[p] * (np.eye(d) - np.outer(unit, unit))
    # The step of least norm: along null vectors of the fits nothing is to be gained.
    move = np.linalg.lstsq(hessian, (sizes[:, None] * slopes).ravel(), rcond=SINGULAR_SHARE)[0]
    return sizes[:, None] * move.reshape(n_used, d)


def _fit_by_free_terms(free, columns):
    """The best fit of columns by the free terms: they follow every step."""
    sizes = np.abs(free).max(axis=0, initial=0.0)
    basis, values, _ = np.linalg.svd(free[:, sizes > 0] / sizes[sizes > 0], full_matrices=False)
    basis = basis[:, values > 1e-12 * values.max(initial=0.0)]
    return basis @ (basis.T @ columns)
