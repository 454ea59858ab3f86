"""Data in blocks for the tests of training on them."""

import numpy as np
import pytest

from convexnn.blocks import training


@pytest.fixture
def small_samples(monkeypatch):
    """Samples that are small beside the data of a test, so that training has to look at all blocks."""
    monkeypatch.setattr(training, "MAX_SAMPLED_ENTRIES", 1200)
    monkeypatch.setattr(training, "MIN_SAMPLED_ROWS", 300)


@pytest.fixture(scope="session")
def table():
    """1500 rows on four scales, the values of two neurons at them with noise, and weights of which some are zero."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((1500, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 5.0, 0.0, 0.0]
    neurons = np.array([[0.3, 0.1, 2.0, 0.5], [-0.3, -0.1, -2.0, 0.5]])
    values = np.maximum(X @ neurons.T - [1.0, 0.0], 0.0) @ [1.0, -1.0]
    return X, values + 0.3 * rng.standard_normal(1500), rng.integers(0, 3, 1500).astype(float)


def in_blocks(*arrays, rows=400):
    """Return a source of blocks of these arrays."""
    return lambda: (tuple(part[i : i + rows] for part in arrays) for i in range(0, len(arrays[0]), rows))
