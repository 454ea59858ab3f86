"""Jackknife+ intervals: from the residuals and the predictions of the networks without each sample."""

import numpy as np


def jackknife_plus(predictions, residuals, weight, level):
    """Return the lower and the upper ends, of shape (n_points, 2).

    With the predictions ``p_i`` of the network without sample i and its absolute residuals ``R_i`` there, the interval
    is from the quantile of ``p_i - R_i`` at ``1 - level`` to that of ``p_i + R_i`` at ``level``, both with one more
    value at infinity.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples, n_points)
        NaN where they are not known: then any value may be.
    residuals, weight : ndarrays of shape (n_samples,)
        Weights count relative to their mean: the new point has weight 1.
    level : float in (0, 1)

    References
    ----------
    R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Predictive inference with the jackknife+", Annals of
    Statistics 2021.
    """
    share = weight / weight.mean()
    # A residual that is not known may be of any size: its ends are infinite.
    wide = np.where(np.isnan(residuals), np.inf, np.abs(residuals))[:, None]
    centre = np.where(np.isnan(predictions), 0.0, predictions)
    # The lower quantile of p - R is minus the upper one of R - p.
    lower = -_upper_quantile(wide - centre, share, level)
    upper = _upper_quantile(centre + wide, share, level)
    return np.column_stack([np.minimum(lower, upper), np.maximum(lower, upper)])


def _upper_quantile(values, weight, level):
    """Return the least value of each column below which, itself included, a share `level` of the weight lies.

    One value of weight 1 at infinity belongs to the columns.
    """
    order = np.argsort(values, axis=0)
    reached = np.cumsum(weight[order], axis=0)
    wanted = level * (weight.sum() + 1.0)
    k = np.argmax(reached >= wanted * (1.0 - 1e-12), axis=0)
    found = np.take_along_axis(values, np.take_along_axis(order, k[None], axis=0), axis=0)[0]
    return np.where(reached[-1] >= wanted * (1.0 - 1e-12), found, np.inf)
