"""Losses of fits with several outputs: those of `losses` added up over the columns, and the multinomial loss.

Conventions
-----------
Y, fit, dual_point : arrays of shape (n_samples, n_outputs); weight : (n_samples,), positive.
``L(Z) = sum_i w_i l(y_i, z_i)`` over the rows, no 1/n. The dual point is ``N = -grad L(fit)``, and the dual problem is
``max -L*(-N)`` subject to ``||N^T (X u)_+|| <= beta`` on the unit ball and ``Z^T N = 0`` for the free terms.
In the formulas below ``s_i = n_i / w_i`` is a row of N divided by its weight.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr

from .exceptions import InvalidInputError
from .losses import FLAT, ROUNDING, make_loss, minimum_norm_fit, newton_fit, orthonormal


class ColumnLoss:
    """A loss of one output, applied to every column and added up.

    Attributes
    ----------
    loss : Loss
        One of `convexnn.losses`.
    steepness : float
        Bound on the curvatures of a row, for step lengths; infinite where the loss is not smooth.
    """

    def __init__(self, loss):
        self.loss = loss
        self.name, self.labels = loss.name, loss.labels
        self.is_smooth, self.is_strictly_convex = loss.is_smooth, loss.is_strictly_convex
        self.steepness = loss.largest_curvature

    def value(self, Y, fit, weight):
        """Return L(fit)."""
        return float(np.dot(weight, self.loss.terms(Y, fit).sum(axis=1)))

    def dual_point(self, Y, fit, weight):
        """Return ``-grad L(fit)``."""
        return weight[:, None] * self.loss.slopes(Y, fit)

    def curve(self, Y, fit, weight, change):
        """Return the Hessian of L at `fit` times `change`, an array of shape (..., n_samples, n_outputs)."""
        curvatures = self.loss.curvatures(Y.ravel(), fit.ravel()).reshape(Y.shape)
        return weight[:, None] * curvatures * change

    def dual_value(self, Y, dual_point, weight):
        """Return ``-L*(-dual_point)``."""
        return self.loss.dual_value(Y.ravel(), dual_point.ravel(), np.repeat(weight, Y.shape[1]))

    def best_scale(self, Y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(Y, t * dual_point, weight)``."""
        return self.loss.best_scale(Y.ravel(), dual_point.ravel(), np.repeat(weight, Y.shape[1]), limit)

    def fit_free(self, Y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_B L(hidden_fit + free B)``, of shape (n_free, n_outputs)."""
        columns = [self.loss.fit_free(y, fit, free, weight) for y, fit in zip(Y.T, hidden_fit.T, strict=True)]
        return np.stack(columns, axis=1)

    def check_targets(self, Y):
        """Refuse targets that the loss is not defined for."""
        self.loss.check_targets(Y.ravel())


class MultinomialLoss:
    """Cross-entropy of the softmax: ``l = log sum_k exp z_k - z_label`` for rows of Y with a one at their label.

    With p the softmax of z the dual row is ``s = y - p``, of sum 0, and ``-l*(-s) = -sum_k p_k log p_k`` for
    ``p = y - s`` in the simplex. A row of the fit counts modulo constants.
    """

    name, labels, is_smooth, is_strictly_convex, steepness = "multinomial", True, True, False, 0.5

    def value(self, Y, fit, weight):
        """Return L(fit)."""
        over = fit - np.sum(Y * fit, axis=1)[:, None]
        largest = over.max(axis=1)  # several times as fast as scipy's logsumexp
        return float(np.dot(weight, largest + np.log(np.exp(over - largest[:, None]).sum(axis=1))))

    def dual_point(self, Y, fit, weight):
        """Return ``w (y - p)``; the entry of the label is minus the sum of the others, so that rows add up to 0."""
        others = np.where(Y > 0, 0.0, _softmax(fit))
        return weight[:, None] * (Y * others.sum(axis=1)[:, None] - others)

    def curve(self, Y, fit, weight, change):
        """Return the Hessian of L at `fit` times `change`, an array of shape (..., n_samples, n_outputs)."""
        p = _softmax(fit)
        spread = p * change
        return weight[:, None] * (spread - p * np.einsum("...c->...", spread)[..., None])

    def dual_value(self, Y, dual_point, weight):
        """Return ``-L*(-dual_point)``, -inf outside the domain by more than rounding."""
        p = Y - dual_point / weight[:, None]
        if p.min(initial=0.0) < -ROUNDING or np.abs(p.sum(axis=1) - 1.0).max(initial=0.0) > ROUNDING * Y.shape[1]:
            return -np.inf
        return float(np.dot(weight, entr(np.clip(p, 0.0, 1.0)).sum(axis=1)))

    def best_scale(self, Y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(Y, t * dual_point, weight)``."""
        s = dual_point / weight[:, None]
        if np.any(np.where(Y > 0, -s, s) > 0.0) or not np.any(s):
            return 0.0
        own, rest = s[Y > 0], np.where(Y > 0, 0.0, -s)
        end, used = min(limit, 1.0 / own.max()), rest > 0.0

        def slope(t):
            """Derivative along the ray, ``sum_ik w_i s_ik log p_ik``, from inf down to -inf."""
            label = np.log1p(-np.minimum(t * own, 1.0 - 1e-16))
            logs = np.log(np.maximum(t * rest, 1e-300), where=used, out=np.zeros_like(rest))
            return float(np.dot(weight, own * label - np.sum(rest * logs, axis=1)))

        if end <= 0.0 or slope(end) >= 0.0:
            return end
        start = 0.5 * end
        while slope(start) < 0.0:
            start *= 0.5
        return brentq(slope, start, end, xtol=1e-15 * end, rtol=1e-14)

    def fit_free(self, Y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_B L(hidden_fit + free B)``, of shape (n_free, n_outputs).

        Newton's method as for one output; where no minimum is attained it stops far out. The rows of B add up to 0.
        """
        basis, n_columns = orthonormal(free), Y.shape[1]
        flat = FLAT * self.steepness * weight.max()

        def step(fit, slope):
            hessian = loss_hessian(self, Y, fit, weight, basis)
            damping = 1e-10 * np.trace(hessian) + flat
            found = np.linalg.solve(hessian + damping * np.eye(len(slope)), slope)
            return basis @ found.reshape(-1, n_columns)

        def slopes(fit):
            return (basis.T @ self.dual_point(Y, fit, weight)).ravel()

        fit = newton_fit(hidden_fit, lambda fit: self.value(Y, fit, weight), slopes, step)
        change = fit - hidden_fit
        columns = [minimum_norm_fit(free, column) for column in (change - change.mean(axis=1)[:, None]).T]
        return np.stack(columns, axis=1)

    def check_targets(self, Y):
        """Refuse targets that are not one-hot rows."""
        if not (np.all((Y == 0.0) | (Y == 1.0)) and np.all(Y.sum(axis=1) == 1.0) and Y.shape[1] > 1):
            strange = int(np.argmax(np.any((Y != 0.0) & (Y != 1.0), axis=1) | (Y.sum(axis=1) != 1.0)))
            raise InvalidInputError(
                f"y must hold one-hot rows of two or more classes for the multinomial loss; got row {Y[strange]}."
            )


def _softmax(fit):
    """The softmax of every row."""
    powers = np.exp(fit - fit.max(axis=1)[:, None])
    return powers / powers.sum(axis=1)[:, None]


def loss_hessian(loss, Y, fit, weight, design):
    """Return the Hessian of ``L(fit + design B)`` in B (p, c), flattened, of shape (p c, p c)."""
    c, p = Y.shape[1], design.shape[1]
    hessian = np.zeros((p, c, p, c))
    curved = loss.curve(Y, fit, weight, np.repeat(np.eye(c)[:, None], len(fit), axis=1))
    for k, l in np.argwhere(np.any(curved != 0.0, axis=1)):
        hessian[:, l, :, k] = design.T @ (curved[k, :, l, None] * design)
    return hessian.reshape(p * c, p * c)


def make_matrix_loss(name, *, huber_delta=1.35, quantile=0.5):
    """Return the loss of several outputs of that name: ``"multinomial"``, or one of `losses.make_loss` by columns.

    Raises
    ------
    ValueError
        For an unknown name, and parameters out of range.
    """
    if name == "multinomial":
        return MultinomialLoss()
    return ColumnLoss(make_loss(name, huber_delta=huber_delta, quantile=quantile))
