"""Some of the activation patterns of a data matrix: those of random directions."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from .._utils.aliases import ArrayLike, RandomState
from .._utils.bits import hashes, pack
from .._utils.validation import check_count, check_design
from ._lines import power_of_two
from .patterns import ActivationPatterns

# Sampling ends after 20 batches in a row without a new pattern.
_MAX_FRUITLESS_BATCHES = 20


def sample_patterns(X: ArrayLike, n_patterns: int, *, random_state: RandomState) -> ActivationPatterns:
    """Return distinct activation patterns ``1[X h >= 0]`` of random Gaussian directions h, in the order found.

    Directions are drawn in batches until `n_patterns` distinct patterns were seen, or until 20 batches in a row
    brought nothing new. **Fewer patterns than asked for** are then returned, ``len()`` of them: either no more
    exist, or the others have cells too narrow to be hit; the sample cannot tell which (`enumerate_patterns` can).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data, with a ones column appended when the hidden layer has a bias.
    n_patterns : int
        Number of distinct patterns wanted.
    random_state : int, RandomState instance, numpy Generator or None
        Source of the directions; an int makes the answer reproducible.

    Returns
    -------
    ActivationPatterns
        At most `n_patterns` patterns; their `gates` are the unit directions drawn.

    Raises
    ------
    ValueError
        For entries that are not finite, a matrix without rows or columns, or `n_patterns` below 1.

    References
    ----------
    Mishkin, Sahiner and Pilanci, Fast convex optimization for two-layer ReLU networks (ICML 2022).
    """
    X = check_design(X)
    n_patterns = check_count(n_patterns, "n_patterns")
    rng = random_state if isinstance(random_state, np.random.Generator) else check_random_state(random_state)
    # Scaling rows by powers of two is exact and changes no sign, but keeps products finite.
    scaled = X / power_of_two(np.abs(X).max(axis=1))[:, np.newaxis]
    words, gates, fruitless = pack(np.empty((0, len(X)), dtype=bool)), np.empty((0, X.shape[1])), 0
    batch = min(max(64, 2 * n_patterns), 1 << 12)
    while len(words) < n_patterns and fruitless < _MAX_FRUITLESS_BATCHES:
        directions = rng.standard_normal((batch, X.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        candidates = np.concatenate([words, pack(directions @ scaled.T >= 0)])
        first = first_occurrences(candidates)[:n_patterns]
        fruitless = fruitless + 1 if len(first) == len(words) else 0
        words, gates = candidates[first], np.concatenate([gates, directions])[first]
    return ActivationPatterns(X, words, gates)


def first_occurrences(words):
    """Return where each distinct row of `words` occurs first, in increasing order."""
    return np.sort(np.unique(hashes(words), return_index=True)[1])
