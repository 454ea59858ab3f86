"""Newton's method on a network and its dual point together: the last digits of an optimum, however small beta is.

The dual point is known as ``nu = root_weight (target - fit)``, and where beta is small that difference has lost its
digits: its error is rounding times ``||y|| / ||nu||``. Here ``nu / beta`` is an unknown of its own. Inside the cells,
with the projected derivative J of the fit and the sum of the norms of the blocks S,

    ``J^T point = grad S``  and  ``target - fit = beta point``,

all of whose terms are of order one; at beta = 0 these are the equations of interpolation of smallest cost.
"""

import numpy as np

from .cell_moves import MAX_UNKNOWNS, MIN_SINGULAR_VALUE, cell_map, expanded, norm_derivatives

MAX_PAIR_STEPS = 12
MIN_HELD_SINGULAR_VALUE = 1e-9  # singular values of the moves of the fit below this share of the largest count as zero
MAX_ERROR_LEFT = 0.5  # a step that leaves more than this share of the errors is the last


def stationary_pair(scaled, blocks, signs, point):
    """Return blocks (K, d) and a point (n_samples,), ``nu / beta``, and the largest error of their equations.

    Parameters
    ----------
    scaled : ScaledProblem
    blocks : ndarray of shape (K, d), none of them zero
    signs : ndarray of shape (K,)
    point : ndarray of shape (n_samples,)
        Orthogonal to the free terms.
    """
    best, error = (blocks, point), np.inf
    for _ in range(MAX_PAIR_STEPS):
        jacobian, bases = cell_map(scaled, blocks, signs)
        slopes, curvature = norm_derivatives(blocks, bases)
        slope_errors = slopes - jacobian.T @ point
        fit = scaled.project(np.maximum(blocks @ scaled.design.T, 0.0).T @ signs)
        fit_errors = scaled.target - fit - scaled.beta * point
        before, error = error, max(np.abs(slope_errors / sizes_of(bases)).max(initial=0.0), np.abs(fit_errors).max())
        if not error < before:
            return *best, before
        best = blocks, point
        if error > MAX_ERROR_LEFT * before or len(slope_errors) + len(point) > MAX_UNKNOWNS:
            break
        system = np.block([[curvature, -jacobian.T], [jacobian, scaled.beta * np.eye(len(point))]])
        step = np.linalg.lstsq(system, np.concatenate([-slope_errors, fit_errors]), rcond=MIN_SINGULAR_VALUE)[0]
        blocks, point = blocks + expanded(bases, step[: len(slopes)]), point + step[len(slopes) :]
        point = scaled.project(point)
    return *best, error


def sizes_of(bases):
    """The norm of every column of the bases, in which a block moves in units of its own norm."""
    return np.concatenate([np.linalg.norm(basis, axis=0) for basis in bases]) if bases else np.ones(0)


def doubt_of_point(scaled, blocks, signs):
    """Return columns (n_samples, k): ``nu / beta`` is wrong by at most these times a vector of norm one.

    What the neurons' slopes say of the point is good to rounding. On the directions that no move of the neurons
    changes the fit in, it is the residual divided by beta, with the rounding of the fit in it.
    """
    jacobian, bases = cell_map(scaled, blocks, signs)
    moves, values, _ = np.linalg.svd(jacobian / sizes_of(bases))
    held = int(np.sum(values > MIN_HELD_SINGULAR_VALUE * values.max(initial=0.0)))
    loose = scaled.project(moves[:, held:])
    fits = np.abs(signs) @ np.maximum(blocks @ scaled.design.T, 0.0)
    return loose * (4.0 * np.finfo(float).eps * (1.0 + float(np.linalg.norm(fits))) / scaled.beta)
