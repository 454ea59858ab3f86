"""The parts of column generation: the best masses, and the Newton steps that never raise the objective."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convexnn.masses.lasso import best_masses
from convexnn.programs import make_problem
from convexnn.programs.scaling import scale_problem
from convexnn.solvers._newton import merge_blocks, move_neurons

from ..zoo import random_problem


def objective(fits, target, beta, masses):
    return 0.5 * np.sum((target - fits @ masses) ** 2) + beta * np.sum(masses)


def value_by_supports(fits, target, beta):
    """The optimum: some optimal masses have independent fits, so all such supports are tried."""
    best = 0.5 * target @ target
    for size in range(1, min(fits.shape) + 1):
        for support in combinations(range(fits.shape[1]), size):
            columns = fits[:, support]
            if np.linalg.matrix_rank(columns) == size:
                masses = np.linalg.solve(columns.T @ columns, columns.T @ target - beta)
                if np.all(masses >= 0):
                    best = min(best, objective(columns, target, beta, masses))
    return best


def lasso_data():
    """Fits with independent, repeated, summed, zero and unequally long columns, by name."""
    rng = np.random.default_rng(0)
    free, positive = rng.standard_normal((6, 5)), np.abs(rng.standard_normal((6, 5)))
    return {
        "independent": free,
        "positive": positive,
        "repeated": positive[:, [0, 1, 1, 2, 0]],
        "sums": np.column_stack([positive[:, :3], positive[:, :1] + positive[:, 1:2], positive.sum(axis=1)]),
        "zero column": np.column_stack([positive[:, :3], np.zeros(6)]),
        "more columns than rows": np.abs(rng.standard_normal((3, 7))),
        "unequal": positive * 10.0 ** np.array([-6, 0, 6, 3, -3]),
        "nearly equal": np.column_stack([positive[:, :3], positive[:, 0] + 1e-9 * positive[:, 1]]),
        "no column": np.zeros((6, 0)),
    }


@pytest.mark.parametrize("beta", [1e-3, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("name", lasso_data())
def test_best_masses(name, beta):
    fits = lasso_data()[name]
    target = np.abs(np.random.default_rng(1).standard_normal(len(fits)))
    masses = best_masses(fits, target, beta)
    assert masses.shape == (fits.shape[1],)
    assert np.all(masses >= 0)
    value = objective(fits, target, beta, masses)
    best = value_by_supports(fits, target, beta)
    assert value == pytest.approx(best, rel=1e-8)
    slopes = fits.T @ (target - fits @ masses) - beta  # no mass may grow, those in use are at their best
    sizes = np.linalg.norm(fits, axis=0) + 1e-300
    assert np.all(slopes / sizes <= 1e-7)
    assert np.all(np.abs(slopes[masses > 0] / sizes[masses > 0]) <= 1e-7)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", lasso_data())
def test_masses_are_never_worse_than_the_start(name, seed):
    fits, rng = lasso_data()[name], np.random.default_rng(seed)
    target = rng.standard_normal(len(fits))
    start = np.maximum(rng.standard_normal(fits.shape[1]), 0.0) / (np.linalg.norm(fits, axis=0) + 1e-300)
    start[np.linalg.norm(fits, axis=0) == 0] = 0.0
    masses = best_masses(fits, target, 0.1, start)
    assert objective(fits, target, 0.1, masses) <= objective(fits, target, 0.1, start) * (1 + 1e-12)
    assert objective(fits, target, 0.1, masses) == pytest.approx(value_by_supports(fits, target, 0.1), rel=1e-8)


@pytest.mark.parametrize("seed", range(10))
def test_columns_that_come_later_can_replace_others(seed):
    rng = np.random.default_rng(seed)
    plane, shares = rng.standard_normal((6, 2)), rng.standard_normal((2, 12))
    fits, target = plane @ shares, plane @ rng.standard_normal(2)  # of rank two: a third column is dependent
    first = best_masses(fits[:, :4], target, 0.01)
    masses = best_masses(fits, target, 0.01, np.append(first, np.zeros(8)))
    assert objective(fits, target, 0.01, masses) == pytest.approx(value_by_supports(fits, target, 0.01), rel=1e-9)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 6)).flatmap(lambda s: arrays(np.int64, s, elements=st.integers(0, 2))),
    st.sampled_from([0.25, 1.0, 3.0]),
    st.integers(0, 5),
)
def test_best_masses_on_integer_fits(fits, beta, seed):
    fits, target = fits.astype(float), np.random.default_rng(seed).integers(-3, 4, len(fits)).astype(float)
    masses = best_masses(fits, target, beta)
    assert np.all(masses >= 0)
    value = objective(fits, target, beta, masses)
    assert value == pytest.approx(value_by_supports(fits, target, beta), rel=1e-9, abs=1e-12)


def network_value(scaled, blocks, signs):
    fit = scaled.project(np.maximum(scaled.design @ blocks.T, 0.0) @ signs)
    return scaled.objective(scaled.target - fit, np.linalg.norm(blocks, axis=1))


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": True, "fit_intercept": True}], ids=["plain", "bias"])
@pytest.mark.parametrize("seed", range(10))
def test_sliding_never_raises_the_objective(seed, flags):
    rng = np.random.default_rng(seed)
    X, y = random_problem(12, 3, seed)
    X[rng.integers(0, 12, 2)] = 0.0
    scaled = scale_problem(make_problem(X, y, 0.1, **flags))
    blocks = rng.standard_normal((4, scaled.design.shape[1])) * 10.0 ** rng.uniform(-3, 0, (4, 1))
    blocks[0] -= scaled.design[3] * (blocks[0] @ scaled.design[3]) / max(scaled.design[3] @ scaled.design[3], 1e-300)
    signs = rng.choice([-1.0, 1.0], 4)
    moved, kinds = move_neurons(scaled, blocks, signs)
    assert network_value(scaled, moved, kinds) <= network_value(scaled, blocks, signs) * (1 + 1e-12)
    again, kinds_again = move_neurons(scaled, moved, kinds)
    assert network_value(scaled, again, kinds_again) <= network_value(scaled, moved, kinds) * (1 + 1e-12)


def test_sliding_nothing():
    scaled = scale_problem(make_problem(*random_problem(5, 2), 0.1))
    blocks, signs = move_neurons(scaled, np.zeros((0, 2)), np.zeros(0))
    assert blocks.shape == (0, 2)
    assert signs.shape == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_merging_keeps_the_fit_and_not_the_penalty(seed):
    rng = np.random.default_rng(seed)
    scaled = scale_problem(make_problem(*random_problem(4, 2, seed), 0.1))
    blocks, signs = rng.standard_normal((30, 2)), rng.choice([-1.0, 1.0], 30)
    merged, kinds = merge_blocks(scaled, blocks, signs)
    assert len(merged) <= 16  # at most eight cells of four lines in the plane, for either sign
    before, after = (np.maximum(scaled.design @ b.T, 0.0) @ s for b, s in ((blocks, signs), (merged, kinds)))
    np.testing.assert_allclose(after, before, atol=1e-12)
    assert np.linalg.norm(merged, axis=1).sum() <= np.linalg.norm(blocks, axis=1).sum() * (1 + 1e-14)
