"""Ends of gradient descent on the population loss: a global minimum, a spurious one, or none yet."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigvalsh

from .._utils.norms import norms
from ._teacher_kernels import descend_all
from .teacher_student import population_gradient, population_hessian, population_loss

# Newton's method is tried where the norm of the gradient is at most 1e-3.
MAX_GRADIENT_NORM = 1e-3
# A descent that has reached a loss of 1e-4 ends at a global minimum: spurious ones are higher.
MAX_GLOBAL_LOSS = 1e-4
# A run makes 500 to 1000 steps between two attempts of Newton's method.
MIN_STEPS_PER_ATTEMPT, MAX_STEPS_PER_ATTEMPT = 500, 1000
# Newton's method has 20 steps, may move a point by 0.1 and ends with a step of at most 1e-9.
MAX_NEWTON_STEPS, MAX_NEWTON_MOVE, MAX_LAST_STEP = 20, 0.1, 1e-9


def draw_starts(k, n_students, n_runs, entropy):
    """Return the starts (n_runs, n_students, k), entries ``N(0, 1/k)``; a run's does not depend on their number."""
    seeds = [np.random.SeedSequence(entropy, spawn_key=(k, n_students, run)) for run in range(n_runs)]
    return np.array([np.random.default_rng(seed).standard_normal((n_students, k)) for seed in seeds]) / np.sqrt(k)


def descend_to_ends(points, step, max_iter):
    """Return (ends, n_unfinished): a pair (loss, smallest eigenvalue) for every run that ended at a spurious minimum.

    Parameters
    ----------
    points : ndarray of shape (n_runs, n_students, k)
        Starts; overwritten.
    step : float
    max_iter : int
        Rounded up to a multiple of 500 or 1000.
    """
    n_iter, ends = np.zeros(len(points), dtype=np.int64), {}
    left = np.arange(len(points))
    while len(left):
        # Those that need many steps are gathered anew: an idle lane costs as much as a busy one.
        part, steps = points[left], n_iter[left]
        descend_all(part, step, MAX_GRADIENT_NORM, MIN_STEPS_PER_ATTEMPT, MAX_STEPS_PER_ATTEMPT, steps)
        points[left], n_iter[left] = part, steps
        ends |= {run: end for run in left if (end := end_of(points[run])) is not None}
        left = np.array([run for run in left if run not in ends and n_iter[run] < max_iter], dtype=np.int64)
    spurious = [ends[run] for run in sorted(ends) if ends[run][0] > MAX_GLOBAL_LOSS]
    return np.array(spurious).reshape(-1, 2), len(points) - len(ends)


def end_of(W):
    """Return (loss, smallest eigenvalue of the Hessian) at the minimum next to W, or None when there is none so near.

    At a loss of at most `MAX_GLOBAL_LOSS` the eigenvalue is not looked for, and NaN.
    """
    if not np.all(np.isfinite(W)):
        return None
    V = np.eye(W.shape[1])
    if population_loss(W, V) > MAX_GLOBAL_LOSS:
        W = _newton(W, V)
        if W is None:
            return None
    loss = population_loss(W, V)
    if loss <= MAX_GLOBAL_LOSS:
        return loss, np.nan
    # A point whose Hessian is singular is no strict minimum: the descent goes on.
    smallest = eigvalsh(population_hessian(W, V), subset_by_index=[0, 0], check_finite=False)[0]
    return (loss, float(smallest)) if smallest > 0 else None


def _newton(start, V):
    """Return the point where the gradient vanishes, or None when it is too far away or the Hessian is indefinite."""
    W = start
    if np.linalg.norm(population_gradient(W, V)) > MAX_GRADIENT_NORM:
        return None
    for _ in range(MAX_NEWTON_STEPS):
        try:
            # Cholesky succeeds only where the Hessian is positive definite: the way leads to a minimum or nowhere.
            factor = cho_factor(population_hessian(W, V), check_finite=False)
        except LinAlgError:
            return None
        step = cho_solve(factor, population_gradient(W, V).ravel(), check_finite=False).reshape(W.shape)
        W = W - step
        if not np.linalg.norm(W - start) <= MAX_NEWTON_MOVE or norms(W).min() == 0.0:
            return None
        if np.linalg.norm(step) <= MAX_LAST_STEP:
            return W
    return None
