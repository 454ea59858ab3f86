"""The best output weights on given directions: a group lasso with one group for every direction.

    ``min L(fits A + free B) + beta sum_k ||a_k||``,   a_k the rows of A.

Proximal steps decide which groups are zero; Newton steps on the others make the answer exact. Both lower the objective.
"""

import numpy as np

from .._utils.kernels import compiled
from ..losses.several_outputs import loss_hessian

# At most 200 rounds of sweeps and a Newton step; a round sweeps the groups at most 30 times.
MAX_ROUNDS, SWEEPS_PER_ROUND = 200, 30
# Sweeps end when no group changes by more than 1e-9, in units of beta.
MIN_CHANGE_OVER_BETA = 1e-9
# The line search of a Newton step gives up below 1e-6 of it, and shortens it to 0.3 each time.
MIN_NEWTON_SHARE, SHORTENING = 1e-6, 0.3
# A round is the last when it gains less than 1e-15 of the objective.
MIN_ROUND_GAIN = 1e-15
# The Hessian gets 1e-13 of its mean diagonal entry added, for directions in which it vanishes.
DAMPING_OVER_MEAN = 1e-13


class _Groups:
    """The output weights, the free terms and the fit they make; `columns` are the free terms with norm-one columns."""

    def __init__(self, problem, fits, start):
        self.problem, self.fits, self.beta = problem, fits, problem.beta
        sizes = np.linalg.norm(problem.free, axis=0)
        self.columns = problem.free / np.where(sizes > 0, sizes, 1.0)
        self.outputs = np.zeros((fits.shape[1], problem.n_outputs)) if start is None else start.copy()
        self.root = np.sqrt(problem.weight)[:, None]
        self.projected = problem.project(self.root * fits)
        self.gram = problem.loss.steepness * (self.projected.T @ self.projected)
        self.free_fit = problem.free_fit(fits @ self.outputs)
        self.objective = self.value(self.outputs, self.free_fit)

    def value(self, outputs, free_fit):
        """The objective."""
        problem = self.problem
        loss = problem.loss.value(problem.y, self.fits @ outputs + free_fit, problem.weight)
        return loss + self.beta * float(np.linalg.norm(outputs, axis=1).sum())

    def dual_point(self):
        """``-grad L`` at the fit."""
        return self.problem.loss.dual_point(
            self.problem.y, self.fits @ self.outputs + self.free_fit, self.problem.weight
        )

    def sweep(self):
        """Minimise a quadratic above the loss, of its largest curvature, over groups and free terms: never a rise.

        Sweeps over the groups on their Gram matrix set to zero those that do not pay.
        """
        problem, root, basis = self.problem, self.root, self.problem.free_basis
        dual, outputs = self.dual_point() / root, self.outputs.copy()
        # Majorise: L(A + D) <= L(A) + grad . D + steepness/2 ||D||^2, a group lasso on the Gram matrix.
        _sweep_gram(self.gram, self.projected.T @ dual, self.beta, outputs, SWEEPS_PER_ROUND)
        # The free terms of the same quadratic follow by projection.
        moved = dual / problem.loss.steepness - root * (self.fits @ (outputs - self.outputs))
        free_fit = self.free_fit + basis @ (basis.T @ moved) / root
        value = self.value(outputs, free_fit)
        if value < self.objective:
            self.outputs, self.free_fit, self.objective = outputs, free_fit, value

    def newton(self):
        """A Newton step on the groups in use and the free terms, as long as it lowers the objective."""
        problem, used = self.problem, np.flatnonzero(np.any(self.outputs != 0.0, axis=1))
        if len(used) == 0:
            return
        c, groups = problem.n_outputs, self.outputs[used]
        sizes = np.linalg.norm(groups, axis=1)
        design = np.hstack([self.fits[:, used], self.columns])
        gradient = -design.T @ self.dual_point()
        # The gradient and the Hessian of beta ||a_k|| are beta a_k / ||a_k|| and beta / ||a_k|| (I - u u').
        gradient[: len(used)] += self.beta * groups / sizes[:, None]
        fit = self.fits @ self.outputs + self.free_fit
        hessian = loss_hessian(problem.loss, problem.y, fit, problem.weight, design)
        for k, size in enumerate(sizes):
            unit, part = groups[k] / size, slice(k * c, (k + 1) * c)
            hessian[part, part] += (self.beta / size) * (np.eye(c) - np.outer(unit, unit))
        hessian[np.diag_indices_from(hessian)] += DAMPING_OVER_MEAN * np.trace(hessian) / len(hessian)
        try:
            step = -np.linalg.solve(hessian, gradient.ravel()).reshape(-1, c)
        except np.linalg.LinAlgError:  # data of magnitude 1e140: the sweeps do without Newton steps
            return
        t = 1.0
        while t > MIN_NEWTON_SHARE:
            outputs = self.outputs.copy()
            outputs[used] += t * step[: len(used)]
            free_fit = self.free_fit + t * self.columns @ step[len(used) :]
            value = self.value(outputs, free_fit)
            if value < self.objective:
                self.outputs, self.free_fit, self.objective = outputs, free_fit, value
                return
            t *= SHORTENING


def best_groups(problem, fits, start=None, still=MIN_ROUND_GAIN, stop=lambda: False):
    """Return the output weights (K, n_outputs), the values of the free terms and the objective.

    Parameters
    ----------
    problem : Problem
    fits : ndarray of shape (n_samples, K), the hidden units' values
    start : ndarray of shape (K, n_outputs), optional
    still : float
        Relative gain of a round that is the last.
    stop : callable
        Asked after every round.
    """
    groups = _Groups(problem, fits, start)
    for _ in range(MAX_ROUNDS if fits.shape[1] else 0):
        before = groups.objective
        groups.sweep()
        groups.newton()
        if not groups.objective < before * (1.0 - still) or stop():
            break
    return groups.outputs, groups.free_fit, groups.objective


@compiled
def _sweep_gram(gram, slopes, beta, outputs, n_sweeps):
    """Exact minimisation over one group after the other, in place; `slopes` (K, c) is minus the gradient throughout."""
    K, c = outputs.shape
    pull = np.empty(c)
    for _ in range(n_sweeps):
        change = 0.0
        for k in range(K):
            if gram[k, k] <= 0.0:
                continue
            size = 0.0
            for a in range(c):
                pull[a] = slopes[k, a] + gram[k, k] * outputs[k, a]
                size += pull[a] * pull[a]
            size = np.sqrt(size)
            # Soft threshold of the group: zero where its pull is at most beta.
            share = (1.0 - beta / size) / gram[k, k] if size > beta else 0.0
            for a in range(c):
                move = share * pull[a] - outputs[k, a]
                if move != 0.0:
                    outputs[k, a] += move
                    change = max(change, abs(move) * gram[k, k])
                    for j in range(K):
                        slopes[j, a] -= gram[k, j] * move
        if change <= MIN_CHANGE_OVER_BETA * beta:
            break
