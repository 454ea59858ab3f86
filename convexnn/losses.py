"""Losses of the fit: value, negative gradient, conjugate and what the dual needs of them.

Conventions
-----------
y, fit, dual_point, weight : arrays of shape (n_samples,); weights are positive.
A loss is a weighted *sum* over the samples, there is no 1/n. The dual point is ``-grad L(fit)``, so that the dual
problem is ``max -L*(-dual_point)`` subject to ``|dual_point^T (X u)_+| <= beta`` on the unit ball.
"""

import numpy as np


class SquaredLoss:
    """``L(z) = 1/2 sum_i w_i (y_i - z_i)^2``."""

    name = "squared"

    @staticmethod
    def value(y, fit, weight):
        """Return L(fit)."""
        return 0.5 * float(np.dot(weight * (y - fit), y - fit))

    @staticmethod
    def dual_point(y, fit, weight):
        """Return ``-grad L(fit) = w (y - fit)``, of shape (n_samples,)."""
        return weight * (y - fit)

    @staticmethod
    def dual_value(y, dual_point, weight):
        """Return ``-L*(-dual_point) = dual_point^T y - 1/2 sum_i dual_point_i^2 / w_i``."""
        return float(np.dot(dual_point, y) - 0.5 * np.dot(dual_point, dual_point / weight))

    @staticmethod
    def best_scale(y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(y, t * dual_point, weight)``."""
        curvature = float(np.dot(dual_point, dual_point / weight))
        if curvature == 0.0:
            return 0.0
        return float(np.clip(np.dot(dual_point, y) / curvature, 0.0, limit))

    @staticmethod
    def fit_free(y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_b L(hidden_fit + free b)``, of shape (n_free,)."""
        root = np.sqrt(weight)
        return _minimum_norm_fit(root[:, None] * free, root * (y - hidden_fit))


def _minimum_norm_fit(columns, target):
    """Least squares whose rank is judged on columns of magnitude one, however different their scales are."""
    sizes = np.abs(columns).max(axis=0, initial=0.0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    left, values, right = np.linalg.svd(columns / sizes, full_matrices=False)
    used = values > 1e-12 * values.max(initial=0.0)
    answer = (right[used].T @ ((left[:, used].T @ target) / values[used])) / sizes
    unseen = right[~used] / sizes  # adding these changes no fit: take the shortest sum
    if len(unseen) == 0:
        return answer
    return answer - unseen.T @ np.linalg.lstsq(unseen.T, answer, rcond=None)[0]


LOSSES = {loss.name: loss for loss in (SquaredLoss,)}
