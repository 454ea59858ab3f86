"""Random gates for the gated ReLU model, whose patterns depend neither on the location nor on the units of X."""

import numpy as np

from .._utils.norms import nonzero
from ..arrangements.sample import sample_patterns


def sample_gates(X, n_gates, *, hidden_bias, weight, rng):
    """Return at most `n_gates` gates of distinct patterns on X, of shape (n_gates, n_features [+ 1]).

    They are Gaussian directions in standardised coordinates: every feature is divided by its (weighted) standard
    deviation and, where there is a hidden bias to make up for it, centred; the bias has a coordinate of its own. The
    patterns then do not depend on where the data lie and in which units they come.
    """
    total = weight.sum()
    centre = (weight / total) @ X if hidden_bias else np.zeros(X.shape[1])
    moved = X - centre
    size = nonzero(np.abs(moved).max(axis=0))  # squares of huge and of tiny entries leave float64
    scale = size * nonzero(np.sqrt((weight / total) @ (moved / size) ** 2))
    standard = moved / scale
    # A gate g on standardised columns is g / scale on X, and its bias is less by the part of the centre.
    if not hidden_bias:
        return sample_patterns(standard, n_gates, random_state=rng).gates / scale
    found = sample_patterns(np.column_stack([standard, np.ones(len(X))]), n_gates, random_state=rng).gates
    weights = found[:, :-1] / scale
    return np.column_stack([weights, found[:, -1] - weights @ centre])
