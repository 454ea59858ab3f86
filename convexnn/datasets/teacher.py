"""Gaussian data labelled by a random network, with noise."""

import numpy as np
from sklearn.utils import Bunch

from .._utils.aliases import Seed
from .._utils.validation import check_count


def make_teacher(
    n_samples: int = 100, n_features: int = 5, *, n_neurons: int = 3, noise: float = 0.1, random_state: Seed = None
) -> Bunch:
    """Make Gaussian data labelled by a random ReLU network, ``y = (X W)_+ (1, -1, 1, ...) + noise``.

    Parameters
    ----------
    n_samples, n_features, n_neurons : int
    noise : float
        Standard deviation of the Gaussian noise.
    random_state : int or None
        Seed of the draw, in this order: X, the weights W, the noise.

    Returns
    -------
    Bunch
        X : ndarray of shape (n_samples, n_features), y : ndarray of shape (n_samples,), and
        weights : ndarray of shape (n_features, n_neurons), W; the output weights alternate 1, -1, 1, ...

    Examples
    --------
    >>> from convexnn.datasets import make_teacher
    >>> data = make_teacher(50, 5, random_state=7)
    >>> data.X.shape, data.weights.shape
    ((50, 5), (5, 3))
    """
    n_samples, n_features = check_count(n_samples, "n_samples"), check_count(n_features, "n_features")
    n_neurons = check_count(n_neurons, "n_neurons")
    rng = np.random.default_rng(random_state)
    X = rng.standard_normal((n_samples, n_features))
    weights = rng.standard_normal((n_features, n_neurons))
    outputs = np.where(np.arange(n_neurons) % 2 == 0, 1.0, -1.0)
    y = np.maximum(X @ weights, 0.0) @ outputs + noise * rng.standard_normal(n_samples)
    return Bunch(X=X, y=y, weights=weights)
