"""Generalised cross-validation: the score of leave-one-out where all rows have the same leverage."""

import numpy as np


def generalised_score(parts, weight):
    """Return ``n ||r||^2 / (n - df)^2`` for the squared loss, None for other losses.

    Squares are averaged over the n rows of positive weight, with their weights, and added up over the outputs, each of
    which has an equal part of the degrees of freedom.

    Parameters
    ----------
    parts : list of LeftOut
        The samples left out of one problem, or of one per class.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    float or None
        inf where no degrees of freedom are left.

    References
    ----------
    G. H. Golub, M. Heath, G. Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter",
    Technometrics 1979.
    """
    if any(part.loss_name != "squared" for part in parts):
        return None
    residuals = np.column_stack([part.y - part.fit for part in parts])
    n_values = np.count_nonzero(weight) * residuals.shape[1]
    left = 1.0 - sum(part.influence.sum() for part in parts) / n_values
    with np.errstate(over="ignore"):
        mean_square = np.average((residuals**2).sum(axis=1), weights=weight)
    return float(mean_square / left**2) if left > 0.0 else np.inf
