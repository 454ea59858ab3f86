"""The last digits of optimal gated blocks, by Newton's method on the gates in use.

At an optimum ``X' D_p nu = beta w_p / ||w_p||`` for every gate in use and ``Z' nu = 0``. Where several optima share a
fit the Newton matrix is singular, and the step of least norm leads to the nearest of them.
"""

import numpy as np

from .._utils.norms import norms
from .program import gate_slopes, gated_fit

STEPS, SINGULAR, IN_USE = 20, 1e-12, 1e-7


def polished_blocks(problem, masks, blocks):
    """Return blocks (n_gates, n_inputs) whose gates in use satisfy the equations as well as rounding allows."""
    sizes = norms(blocks)
    used = np.flatnonzero(sizes > IN_USE * sizes.sum())
    if len(used) == 0:
        return np.zeros_like(blocks)
    best = np.zeros_like(blocks)
    best[used] = blocks[used]
    least = _slopes(problem, masks[used], best[used])
    error = norms(least.ravel()[None])[0]
    for _ in range(STEPS):
        ahead = np.zeros_like(blocks)
        ahead[used] = best[used] + _step(problem, masks[used], best[used], least)
        slopes = _slopes(problem, masks[used], ahead[used])
        reached = norms(slopes.ravel()[None])[0]
        if not reached < error:
            break
        best, least, error = ahead, slopes, reached
    return best


def _slopes(problem, masks, blocks):
    """``X' D_p nu - beta w_p / ||w_p||`` with the best free terms, of shape (n_used, n_inputs)."""
    nu = problem.dual_point(gated_fit(problem.design, masks, blocks))
    return gate_slopes(problem.design, masks, nu) - problem.beta * blocks / norms(blocks)[:, None]


def _step(problem, masks, blocks, slopes):
    """The Newton step, in blocks relative to their sizes: a small block bends as much as a large one."""
    n_used, d = blocks.shape
    sizes = norms(blocks)
    copies = (masks[:, :, None] * problem.design * sizes[:, None, None]).transpose(1, 0, 2).reshape(-1, n_used * d)
    fit = gated_fit(problem.design, masks, blocks)
    fit = fit + problem.free @ problem.free_coefficients(fit)
    root = np.sqrt(problem.weight * problem.loss.curvatures(problem.y, fit))[:, None]
    copies = root * copies
    copies -= _fitted(root * problem.free, copies)
    hessian = copies.T @ copies
    for p, unit in enumerate(blocks / sizes[:, None]):
        part = slice(p * d, (p + 1) * d)
        hessian[part, part] += problem.beta * sizes[p] * (np.eye(d) - np.outer(unit, unit))
    move = np.linalg.lstsq(hessian, (sizes[:, None] * slopes).ravel(), rcond=SINGULAR)[0]
    return sizes[:, None] * move.reshape(n_used, d)


def _fitted(free, columns):
    """The best fit of columns by the free terms: they follow every step."""
    sizes = np.abs(free).max(axis=0, initial=0.0)
    basis, values, _ = np.linalg.svd(free[:, sizes > 0] / sizes[sizes > 0], full_matrices=False)
    basis = basis[:, values > 1e-12 * values.max(initial=0.0)]
    return basis @ (basis.T @ columns)
