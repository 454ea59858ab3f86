"""Every enumeration is compared, cell by cell, with a tree of linear programs; a right count alone proves nothing."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_diabetes

from convexnn.arrangements import count_patterns, enumerate_patterns, sample_patterns
from convexnn.exceptions import PatternLimitError

from .reference import reference_patterns


def product(values, repeat):
    return np.array(list(itertools.product(values, repeat=repeat)), dtype=float)


def with_ones(X):
    return np.column_stack([X, np.ones(len(X))])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def coplanar_triples():
    X = normal(8, 3)
    X[2], X[5], X[7] = X[0] + X[1], X[3] - 2 * X[4], 0.3 * X[0] - 1.7 * X[6]
    return X


def dependent_quadruple():
    X = normal(7, 4)
    X[3] = X[0] - X[1] + 0.5 * X[2]
    X[6] = X[4] + X[5]
    return X


def diabetes_columns(n):
    return with_ones(load_diabetes().data[:n, [1, 2]])


CASES = {
    "random 6x3": normal(6, 3),
    "random 8x4": normal(8, 4),
    "random 7x5": normal(7, 5),
    "shifted": with_ones(normal(9, 2) + 1e3),
    "scaled 1e-6 and 1e6": normal(7, 3) * [1e-6, 1, 1e6],
    "scaled 1e-100 and 1e100": coplanar_triples() * [1e-100, 1, 1e100],
    "all 1e150": coplanar_triples() * 1e150,
    "all 1e-150": coplanar_triples() * 1e-150,
    "rows of all sizes": coplanar_triples() * 10.0 ** np.arange(-100, 100, 25)[:, np.newaxis],
    "permuted": coplanar_triples()[::-1],
    "duplicated": np.repeat(normal(5, 3), 2, axis=0),
    "antipodal": np.vstack([normal(5, 3), -2.5 * normal(5, 3)]),
    "zero rows": np.vstack([np.zeros((1, 3)), normal(4, 3), np.zeros((2, 3))]),
    "coplanar triples": coplanar_triples(),
    "dependent quadruple": dependent_quadruple(),
    "rotated coplanar triples": coplanar_triples() @ np.linalg.qr(normal(3, 3, seed=7))[0],
    "grid": with_ones(product([0, 1, 2], 2)),
    "cube": product([-1, 0, 1], 3)[:13],
    "binary columns": with_ones(product([0, 1], 3)),
    "standardised binary and normal": with_ones(
        np.column_stack([(np.arange(10) % 2 - 0.5) / 0.37, normal(10), np.repeat([0.1, 0.7], 5)])[:9]
    ),
    "rank 2 in 5 columns": normal(8, 2) @ normal(2, 5, seed=1),
    "rank 3 in 4 columns, coplanar": coplanar_triples() @ normal(3, 4, seed=1),
    "constant and repeated columns": np.column_stack([np.ones((6, 2)), normal(6, 1), np.zeros(6)]),
    "n < d": normal(3, 6),
    "n = 1": normal(1, 4),
    "d = 1": np.array([[1.0], [0.0], [-2.0], [3.0]]),
    "one number": np.array([[-2.0]]),
    "zero matrix": np.zeros((3, 2)),
    "diabetes sex and bmi": diabetes_columns(14),
    "wide grid": with_ones(product([0, 1, 2, 3], 1)),
    "pencil through a line": np.vstack([np.eye(4), [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]]),
}


def as_set(patterns):
    return set(map(bytes, patterns.masks))


def check_against_reference(X):
    patterns = enumerate_patterns(X)
    assert len(as_set(patterns)) == len(patterns) <= count_patterns(X)
    assert as_set(patterns) == reference_patterns(X)
    assert np.array_equal(X @ patterns.gates.T >= 0, patterns.masks.T)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", CASES)
def test_equals_linear_programs(name):
    check_against_reference(CASES[name])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(arrays(np.int64, st.tuples(st.integers(1, 7), st.integers(1, 4)), elements=st.integers(-2, 2)))
def test_equals_linear_programs_on_small_integers(X):
    check_against_reference(X.astype(float))


@pytest.mark.parametrize(("n", "d"), [(50, 5), (30, 4), (20, 6), (12, 9), (70, 3), (130, 2)])
def test_general_position_meets_the_bound(n, d):
    X = normal(n, d)
    patterns = enumerate_patterns(X)
    assert len(patterns) == count_patterns(X) == len(np.unique(patterns.words, axis=0))
    assert all(patterns.contains(mask) for mask in sample_patterns(X, 200, random_state=1))


def test_every_sampled_pattern_of_real_data_is_listed():
    X = diabetes_columns(120)
    patterns = enumerate_patterns(X)
    assert len(np.unique(patterns.words, axis=0)) == len(patterns) < count_patterns(X)
    assert all(patterns.contains(mask) for mask in sample_patterns(X, 2000, random_state=0))
    assert np.array_equal(X @ patterns[:500].gates.T >= 0, patterns[:500].masks.T)


@pytest.mark.parametrize("shift", [1e3, 1e9, [1e9, -1e6]])
def test_a_column_of_ones_absorbs_any_shift(shift):
    """Integers, so that the shifted data are exact; a linear program in float64 could not tell the cells apart."""
    grid = product([0, 1, 2], 2)
    assert as_set(enumerate_patterns(with_ones(grid + shift))) == reference_patterns(with_ones(grid))


def test_a_degenerate_arrangement_with_a_known_number_of_cells():
    """All hyperplanes x_i = 0 and x_i = +-x_j in R^4: the reflection group B_4 has 2^4 4! = 384 chambers."""
    pairs = [np.eye(4)[i] + sign * np.eye(4)[j] for i, j in itertools.combinations(range(4), 2) for sign in (1, -1)]
    assert len(enumerate_patterns(np.vstack([np.eye(4), pairs]))) == 384


@pytest.mark.parametrize("size", [4, 5, 6])
def test_braid_arrangement_has_factorial_many_cells(size):
    rows = [np.eye(size)[i] - np.eye(size)[j] for i, j in itertools.combinations(range(size), 2)]
    assert len(enumerate_patterns(np.array(rows))) == np.prod(np.arange(1, size + 1))


@pytest.mark.parametrize("X", [normal(20, 5), diabetes_columns(40)], ids=["random", "diabetes"])
def test_answer_and_order_do_not_depend_on_the_threads(X):
    assert np.array_equal(enumerate_patterns(X, n_jobs=1).words, enumerate_patterns(X, n_jobs=3).words)


@pytest.mark.parametrize("X", [normal(8, 3), coplanar_triples(), normal(6, 1)], ids=["random", "coplanar", "line"])
def test_second_half_holds_the_antipodes_of_the_first(X):
    masks = enumerate_patterns(X).masks
    half = len(masks) // 2
    assert np.array_equal(masks[half:], ~masks[:half])


def test_too_many_patterns_are_refused_before_any_work():
    message = "3270631958052151576 .*442 distinct.* bytes .*column_generation.*sample_patterns.*raise max_patterns"
    with pytest.raises(PatternLimitError, match=message):
        enumerate_patterns(load_diabetes().data)


def test_the_limit_itself_is_allowed():
    X = normal(6, 3)
    assert len(enumerate_patterns(X, max_patterns=32)) == 32
    with pytest.raises(PatternLimitError, match="32 activation patterns"):
        enumerate_patterns(X, max_patterns=31)


@pytest.mark.parametrize(
    "X", [np.array([[1.0, np.nan]]), np.array([[np.inf]]), np.ones(3), np.ones((0, 2)), np.ones((2, 2)) * 1j]
)
@pytest.mark.parametrize("function", [count_patterns, enumerate_patterns])
def test_bad_data_are_refused(function, X):
    with pytest.raises(ValueError):
        function(X)


@pytest.mark.parametrize("limit", [0, 2.5, True])
def test_bad_limits_are_refused(limit):
    with pytest.raises(ValueError, match="max_patterns"):
        enumerate_patterns(np.eye(2), max_patterns=limit)
