"""Counting, sampling and the record of patterns."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from convexnn.arrangements import ActivationPatterns, count_patterns, enumerate_patterns, sample_patterns


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("shape", "count"), [((50, 5), 463052), ((100, 5), 7852352), ((200, 5), 129409702)])
def test_count_in_general_position(shape, count):
    assert count_patterns(normal(*shape)) == count


def test_count_of_diabetes_is_an_exact_integer():
    X = load_diabetes().data
    assert isinstance(count_patterns(X), int)
    assert count_patterns(X) == pytest.approx(3.3e18, rel=0.01)
    assert count_patterns(np.column_stack([X, np.ones(len(X))])) == pytest.approx(1.4e20, rel=0.05)


def test_count_sees_distinct_nonzero_lines_only():
    X = normal(6, 3)
    assert count_patterns(np.vstack([X, -3 * X, 0 * X, X])) == count_patterns(X) == 32
    assert count_patterns(np.zeros((4, 3))) == 1
    assert count_patterns(np.array([[2.0], [-1.0]])) == 2


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130])
def test_masks_survive_packing(n):
    masks = np.unique(normal(20, n) > 0, axis=0)
    patterns = ActivationPatterns.from_masks(normal(n, 2), masks)
    assert np.array_equal(patterns.masks, masks)
    assert patterns.words.shape == (len(masks), (n + 63) // 64)


def test_sequence_protocol():
    patterns = enumerate_patterns(normal(7, 3))
    assert np.array_equal(patterns[3], patterns.masks[3])
    assert np.array_equal(patterns[-1], patterns.masks[-1])
    assert np.array_equal(patterns[2:9:3].masks, patterns.masks[2:9:3])
    assert np.array_equal(patterns[[5, 1]].gates, patterns.gates[[5, 1]])
    assert np.array_equal(np.array(list(patterns)), patterns.masks)
    with pytest.raises(IndexError):
        patterns[len(patterns)]


def test_contains_its_masks_and_no_other():
    patterns = enumerate_patterns(normal(7, 3))
    known = set(map(bytes, patterns.masks))
    everything = (np.arange(2**7)[:, np.newaxis] >> np.arange(7)) & 1 > 0
    assert [patterns.contains(mask) for mask in everything] == [bytes(mask) in known for mask in everything]
    assert patterns[0] in patterns
    with pytest.raises(ValueError, match=r"shape \(7,\)"):
        patterns.contains(np.ones(3))


def test_repeated_masks_are_kept_once():
    masks = np.array([[1, 0], [0, 1], [1, 0]], dtype=bool)
    assert np.array_equal(ActivationPatterns.from_masks(np.eye(2), masks).masks, masks[:2])
    with pytest.raises(ValueError, match="masks must have shape"):
        ActivationPatterns.from_masks(np.eye(2), np.ones((2, 3), dtype=bool))


def test_gates_of_a_mask_that_is_no_pattern_are_refused():
    X = np.array([[1.0, 0.0], [-1.0, 0.0]])
    with pytest.raises(ValueError, match="no gate"):
        _ = ActivationPatterns.from_masks(X, np.ones((1, 2), dtype=bool)).gates


def test_gates_have_the_largest_margin():
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    gate = ActivationPatterns.from_masks(X, np.ones((1, 2), dtype=bool)).gates[0]
    assert gate == pytest.approx(np.full(2, np.sqrt(0.5)))


def test_gates_of_a_narrow_cell():
    X = np.array([[1.0, 0.0, 0.0], [-1.0, 1e-9, 0.0], [0.0, -1.0, 1e-3]])
    patterns = ActivationPatterns.from_masks(X, np.ones((1, 3), dtype=bool))
    assert np.all(X @ patterns.gates[0] > 0)


def test_samples_are_distinct_and_repeatable():
    X = normal(30, 4)
    sample = sample_patterns(X, 100, random_state=3)
    assert len(sample) == len(np.unique(sample.words, axis=0)) == 100
    assert np.array_equal(sample.masks.T, X @ sample.gates.T >= 0)
    assert np.array_equal(sample.words, sample_patterns(X, 100, random_state=3).words)
    assert not np.array_equal(sample.words, sample_patterns(X, 100, random_state=4).words)


def test_a_sample_says_that_fewer_exist():
    X = normal(5, 2)
    assert len(sample_patterns(X, 1000, random_state=np.random.default_rng(0))) == 10
    assert len(sample_patterns(np.zeros((3, 2)), 4, random_state=0)) == 1


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_samples_of_extreme_magnitudes(scale):
    X = normal(5, 2)
    assert np.array_equal(
        sample_patterns(scale * X, 5, random_state=0).masks, sample_patterns(X, 5, random_state=0).masks
    )


@pytest.mark.parametrize("n_patterns", [0, 1.5])
def test_bad_sample_sizes_are_refused(n_patterns):
    with pytest.raises(ValueError, match="n_patterns"):
        sample_patterns(np.eye(2), n_patterns, random_state=0)
