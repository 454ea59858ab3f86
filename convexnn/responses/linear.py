"""The linear response of an optimal network: where it goes when a row loses weight.

With the coordinates of `coordinates`, their jacobian B (rows ``B_i``, (n_outputs, n_coordinates)), the curvatures
``L_i = w_i l''_i`` and the penalty's Hessian P the objective has the Hessian ``H = sum_i B_i^T L_i B_i + P``. Let a row
lose the weight ``s w_i``. One Newton step from the optimum of all rows then moves the coordinates by

    ``-H^-1 B_i^T e_i``,  ``e_i = (I - s L_i G_i)^-1 s nu_i``,  ``G_i = B_i H^-1 B_i^T``,  ``nu = -grad L(fit)``

which is exact for the squared loss as long as neurons neither cross rows nor come or go, but for the curvature of
the norms. Rows that leave together have the same formula, with their jacobians on top of each other. For one output and
s = 1 the fit at the row becomes ``f_i - h_i nu_i / (1 - J_i)`` with ``h_i = G_i``, and ``J_i = h_i w_i l''_i`` is its
leverage: the derivative of the fit in the target.
"""

import numpy as np
from scipy.linalg import LinAlgError, block_diag, cho_factor, cho_solve

from ..exceptions import InvalidInputError
from .coordinates import Blocks, Cells, Factors

# Below 1e-9 of the largest, an eigenvalue of the Hessian with ones on its diagonal belongs to no effect on the fit.
MIN_EIGENVALUE_SHARE = 1e-9
# With squared pivots above 1e-6 Cholesky's factor of the same matrix keeps half of the digits.
MIN_SQUARED_PIVOT = 1e-6
# The other rows leave the fit of a row open when more than 1e-6 of its jacobian is outside of the range of H.
MAX_SHARE_OUTSIDE = 1e-6
# A row decides its own fit alone when its leverage is within 1e-9 of 1.
MIN_LEVERAGE_SLACK = 1e-9
# Residuals below 1e-10 of the fit are rounding, and say nothing about a gradient.
FIT_RESIDUAL_SHARE = 1e-10
# Jacobians at new rows are formed in blocks of a million entries.
MAX_JACOBIAN_ENTRIES = 1_000_000


class LinearResponse:
    """How the network of a problem answers when rows lose weight.

    Parameters
    ----------
    problem : Problem
        With a smooth loss.
    network : TwoLayerReLU
        Optimal for it, or close to that: `stationarity` says how close.

    Attributes
    ----------
    fit, dual_point : ndarrays of shape (n_samples, n_outputs)
    curvatures : ndarray of shape (n_samples, n_outputs, n_outputs)
        ``w_i l''_i``.
    gains : ndarray of shape (n_samples, n_outputs, n_outputs)
        ``G_i``; NaN where the other rows leave the fit of a row open.
    stationarity : float
        The largest gradient of a neuron, relative to the pull of the penalty on it, and of a free term, relative to the
        sum of the absolute values of what it adds up. 0 at an optimum.

    Raises
    ------
    InvalidInputError
        For a loss that is not smooth.
    """

    def __init__(self, problem, network):
        if not problem.loss.is_smooth:
            raise InvalidInputError(
                f"the closed form of leave-one-out needs a smooth loss; the {problem.loss.name} loss has kinks, where "
                f"its curvature is infinite. Use the squared or the huber loss, or refit without each row with "
                f"influence(method='refit') or sklearn.model_selection.cross_val_predict(model, X, y, "
                f"cv=LeaveOneOut())."
            )
        n_samples = len(problem.design)
        self.network = network
        given = network.predict(problem.features)
        self.fit = given.reshape(n_samples, -1)
        self.dual_point = problem.loss.dual_point(problem.y, given, problem.weight).reshape(n_samples, -1)
        self.curvatures = _curvatures(problem, given)
        cells = Cells(problem, network)
        self._coordinates = Blocks(cells) if given.ndim == 1 else Factors(cells)
        jacobian = self._coordinates.jacobian(problem.features, self._coordinates.active)
        self.stationarity = self._stationarity(jacobian, problem.beta)
        hessian = self._coordinates.curvature(problem.beta, jacobian, self.dual_point)
        flat = jacobian.reshape(self.fit.size, jacobian.shape[2])
        # H = B' L B + P, and G_i = B_i H^-1 B_i'.
        hessian += flat.T @ np.einsum("icd,idp->icp", self.curvatures, jacobian).reshape(flat.shape)
        solved, is_open = _solve(hessian, flat)
        self._solved = solved.reshape(jacobian.shape)
        self.gains = np.einsum("icp,idp->icd", jacobian, self._solved)
        self.gains[is_open.reshape(n_samples, -1).any(axis=1)] = np.nan
        self._jacobian = jacobian

    def _stationarity(self, jacobian, beta):
        """Return how far from zero the gradient is; see the attribute."""
        terms = jacobian * self.dual_point[:, :, None]
        sums, at, largest = terms.sum(axis=(0, 1)), 0, 0.0
        for pull in self._coordinates.pulls(beta):
            part = slice(at, at + len(pull))
            size = np.linalg.norm(pull)
            largest = max(largest, np.linalg.norm(pull - sums[part]) / size if size > 0.0 else 0.0)
            at += len(pull)
        rounding = FIT_RESIDUAL_SHARE * np.einsum("icd,id->ic", np.abs(self.curvatures), np.abs(self.fit))
        forces = np.maximum(np.abs(self.dual_point), rounding)
        sizes = np.einsum("icp,ic->p", np.abs(jacobian[:, :, at:]), forces)
        free = np.abs(sums[at:]) / np.where(sizes > 0.0, sizes, 1.0)
        return float(max(largest, free.max(initial=0.0)))

    def leverages(self, rows, shares):
        """Return ``s L_i G_i``, of shape (n, n_outputs, n_outputs), when rows lose `shares` of their weights."""
        return shares[:, None, None] * (self.curvatures[rows] @ self.gains[rows])

    def forces(self, rows, shares):
        """Return ``e_i`` of shape (n, n_outputs) for rows that lose `shares` of their weights, one at a time.

        NaN where nothing but the row decides its fit: without it there is no one answer.
        """
        leverages, n_outputs = self.leverages(rows, shares), self.fit.shape[1]
        is_known = np.isfinite(leverages).all(axis=(1, 2))
        largest = np.full(len(rows), np.inf)
        # The product of two positive semidefinite matrices has real eigenvalues.
        largest[is_known] = np.linalg.eigvals(leverages[is_known]).real.max(axis=1, initial=0.0)
        is_known &= largest < 1.0 - MIN_LEVERAGE_SLACK
        forces = np.full((len(rows), n_outputs), np.nan)
        pulls = shares[is_known, None] * self.dual_point[rows[is_known]]
        # e_i = (I - s L_i G_i)^-1 s nu_i.
        left = np.eye(n_outputs) - leverages[is_known]
        forces[is_known] = np.linalg.solve(left, pulls[:, :, None])[:, :, 0]
        return forces

    def joint_forces(self, rows, shares):
        """Return the forces of shape (n, n_outputs) and the moves of the fit there, of rows that leave together.

        The rows are distinct, and lose `shares` of their weights. NaN where the other rows leave the fit of one open.
        """
        size = len(rows) * self.fit.shape[1]
        unknown = np.full((len(rows), self.fit.shape[1]), np.nan)
        if len(rows) == 0 or not np.isfinite(self.gains[rows]).all():
            return unknown, unknown
        # (I - S L G) e = S nu over all of the rows: the block of G = B H^-1 B' that is theirs.
        gains = np.einsum("icp,jdp->icjd", self._jacobian[rows], self._solved[rows]).reshape(size, size)
        losses = block_diag(*(shares[:, None, None] * self.curvatures[rows]))
        leverages = losses @ gains
        if np.linalg.eigvals(leverages).real.max(initial=0.0) >= 1.0 - MIN_LEVERAGE_SLACK:
            return unknown, unknown
        pulls = (shares[:, None] * self.dual_point[rows]).ravel()
        forces = np.linalg.solve(np.eye(size) - leverages, pulls)
        return forces.reshape(unknown.shape), -(gains @ forces).reshape(unknown.shape)

    def joint_step(self, rows, forces):
        """Return the change of the coordinates (n_coordinates,) under the forces of rows that leave together."""
        return -np.einsum("icp,ic->p", self._solved[rows], forces)

    def moves(self, rows, forces):
        """Return by how much the fit at each row moves under its own force, of shape (n, n_outputs)."""
        return -np.einsum("icd,id->ic", self.gains[rows], forces)

    def moved_predictions(self, X, rows, forces):
        """Return pairs (part of X, predictions), of shape (n, len(part), n_outputs), after each of the n forces."""
        return self.predictions_after(X, -np.einsum("icp,ic->ip", self._solved[rows], forces))

    def predictions_after(self, X, steps):
        """Yield (part of X, predictions) with the predictions (n, len(part), n_outputs) after each of the n steps."""
        size = max(1, MAX_JACOBIAN_ENTRIES // max(1, sum(steps.shape)))
        for start in range(0, len(X), size):
            part = slice(start, start + size)
            values = self.network.predict(X[part]).reshape(len(X[part]), -1)
            yield part, values + np.einsum("xcp,ip->ixc", self._coordinates.jacobian(X[part]), steps)


def _curvatures(problem, fit):
    """Return the Hessians of the rows, weights included, of shape (n_samples, n_outputs, n_outputs)."""
    if fit.ndim == 1:
        return (problem.weight * problem.loss.curvatures(problem.y, fit))[:, None, None]
    units = np.repeat(np.eye(fit.shape[1])[:, None], len(fit), axis=1)
    return problem.loss.curve(problem.y, fit, problem.weight, units).transpose(1, 2, 0)


def _solve(hessian, rows):
    """Return ``rows hessian^+`` and which rows have a part outside its range.

    The Hessian is positive semidefinite, but for rounding; directions in which it vanishes change no fit that the loss
    feels.
    """
    # With ones on the diagonal the tolerances do not depend on the units of the coordinates.
    scale = np.sqrt(np.maximum(np.diag(hessian), 0.0))
    scale = np.where(scale > 0.0, scale, 1.0)
    matrix, right = hessian / np.multiply.outer(scale, scale), rows / scale
    none = np.zeros(len(rows), bool)
    try:
        factor = cho_factor(matrix, check_finite=False)
        if len(matrix) == 0 or np.min(np.diag(factor[0])) ** 2 > MIN_SQUARED_PIVOT:
            return cho_solve(factor, right.T).T / scale, none
    except LinAlgError:
        pass
    # Singular or nearly so: the pseudo-inverse, and which rows need what it leaves out.
    values, vectors = np.linalg.eigh(matrix)
    used = values > MIN_EIGENVALUE_SHARE * max(values[-1], 0.0)
    inside, outside = right @ vectors[:, used], right @ vectors[:, ~used]
    solved = (inside / values[used]) @ vectors[:, used].T / scale
    sizes = np.linalg.norm(right, axis=1)
    return solved, np.linalg.norm(outside, axis=1) > MAX_SHARE_OUTSIDE * sizes
