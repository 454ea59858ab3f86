"""The problems of the bench: Gaussian inputs, targets of a ReLU teacher with noise, standardised; random patterns."""

from types import SimpleNamespace

import numpy as np

from convexnn import sample_patterns

from .cones import cone_price
from .judging import gated_price

NOISE = 0.1


def make_data(n, d, seed=0):
    """Return X and y, both standardised: y is a teacher of 3 to 10 neurons with a tenth of its deviation as noise."""
    rng = np.random.default_rng(seed)
    width = rng.integers(3, 11)
    X, W = rng.standard_normal((n, d)), rng.standard_normal((d, width))
    y = np.maximum(X @ W, 0.0) @ rng.choice([-1.0, 1.0], width)
    y += NOISE * y.std() * rng.standard_normal(n)
    return (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()


def make_problem(n, d, n_patterns, gated=False):
    """Return the problem with ``beta_max``, the smallest beta with a zero answer over its patterns; beta is not set."""
    X, y = make_data(n, d)
    patterns = sample_patterns(X, n_patterns, random_state=0)
    beta_max = gated_price(X, patterns.masks, y) if gated else cone_price(X, patterns.masks, y, enough=None)
    return SimpleNamespace(X=X, y=y, masks=patterns.masks, gates=patterns.gates, beta_max=beta_max, beta=None)


def save_problem(problem, path):
    """Write a problem for the workers."""
    np.savez(path, X=problem.X, y=problem.y, masks=problem.masks, gates=problem.gates, beta=problem.beta)
    return path
