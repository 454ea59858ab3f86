"""Neurons that become one, against the functions they had before."""

import numpy as np
import pytest

from convexnn.solvers._merging import merge_alike, merge_neurons


def units(rng, *shape):
    rows = rng.standard_normal(shape)
    return rows / np.linalg.norm(rows, axis=1)[:, None]


def fit(design, directions, outputs):
    return np.maximum(design @ directions.T, 0.0) @ outputs


@pytest.mark.parametrize("merge", [lambda X, *net: merge_neurons(X, *net, 1e-6), lambda X, *net: merge_alike(*net)])
def test_copies_become_one_and_the_fit_stays(merge):
    rng = np.random.default_rng(0)
    X, directions, outputs = rng.standard_normal((20, 5)), units(rng, 4, 5), rng.standard_normal((4, 3))
    copies = np.vstack([directions, directions[1:3]]), np.vstack([0.7 * outputs, 0.3 * outputs[1:3]])
    merged = merge(X, *copies)
    assert merged[0].shape == (4, 5) and np.allclose(np.linalg.norm(merged[0], axis=1), 1.0)
    assert np.allclose(fit(X, *merged), fit(X, *copies), atol=1e-12)


def test_alike_neurons_join_the_heaviest():
    rng = np.random.default_rng(1)
    directions, outputs = units(rng, 3, 40), np.eye(3)[:, :2] + 0.5
    near = directions[:1] + 0.01 * units(rng, 1, 40)
    near /= np.linalg.norm(near)
    merged = merge_alike(np.vstack([directions, near]), np.vstack([2.0 * outputs, 0.1 * outputs[:1]]))
    assert len(merged[0]) == 3
    sizes = np.linalg.norm(merged[1], axis=1)
    assert np.max(merged[0] @ directions[0]) > 0.9999
    assert sizes.max() == pytest.approx(2.1 * np.hypot(1.5, 0.5), rel=1e-3)


def test_opposite_neurons_stay_apart():
    directions, outputs = (
        np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]]),
        np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]),
    )
    assert len(merge_alike(directions, outputs)[0]) == 3
