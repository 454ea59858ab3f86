"""Passes over the rows of a fit for the multinomial loss: short rows cost numpy more in calls than in arithmetic."""

import numpy as np

from .._utils.kernels import compiled


@compiled
def row_chances(Y, fit, terms, chances):
    """Write ``log sum_k exp z_k - z_label`` and the softmax of every row z."""
    for i in range(fit.shape[0]):
        largest, label = fit[i, 0], 0.0
        for k in range(fit.shape[1]):
            largest = max(largest, fit[i, k])
            label += Y[i, k] * fit[i, k]
        total = 0.0
        for k in range(fit.shape[1]):
            chances[i, k] = np.exp(fit[i, k] - largest)
            total += chances[i, k]
        terms[i] = (largest - label) + np.log(total)
        for k in range(fit.shape[1]):
            chances[i, k] /= total


@compiled
def row_pulls(Y, weight, chances):
    """Replace the softmax p of every row by ``w (y - p)``, whose entries add up to 0 but for rounding."""
    for i in range(chances.shape[0]):
        # 1 - p_label would lose digits where p_label is near 1; the sum of the other classes keeps them.
        others = 0.0
        for k in range(chances.shape[1]):
            if Y[i, k] > 0.0:
                chances[i, k] = 0.0
            others += chances[i, k]
        for k in range(chances.shape[1]):
            chances[i, k] = weight[i] * (Y[i, k] * others - chances[i, k])
