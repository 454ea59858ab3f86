"""Factors that are updated against those that are made anew."""

import numpy as np
import pytest

from convexnn.masses.factors import Factors
from convexnn.masses.lasso import best_masses


def unit_gram(n, k, seed=0):
    columns = np.random.default_rng(seed).standard_normal((n, k))
    columns /= np.linalg.norm(columns, axis=0)
    return columns.T @ columns


@pytest.mark.parametrize("changes", [[70], [3], [0, 59, 65, 79], list(range(40, 75))])
def test_changed_factor_solves_the_new_block(changes):
    gram, rng = unit_gram(200, 80), np.random.default_rng(1)
    factors, passive = Factors(gram), np.arange(80) < 60
    factors.of(passive)
    passive = passive.copy()
    passive[changes] = ~passive[changes]
    right = rng.standard_normal(passive.sum())
    solved = factors.of(passive).solve(right)
    assert gram[np.ix_(passive, passive)] @ solved == pytest.approx(right, abs=1e-10)


def test_dependent_column_has_no_factor():
    gram = unit_gram(200, 80)
    gram = np.block([[gram, gram[:, :1]], [gram[:1], gram[:1, :1]]])
    factors, passive = Factors(gram), np.arange(81) < 60
    assert factors.of(passive) is not None
    assert factors.of(passive | (np.arange(81) == 80)) is None


@pytest.mark.parametrize("seed", range(3))
def test_masses_on_many_columns_are_optimal(seed):
    rng = np.random.default_rng(seed)
    fits, target, beta = rng.standard_normal((150, 400)), rng.standard_normal(150), 0.5
    start = np.where(rng.random(400) < 0.3, rng.random(400), 0.0)
    masses = best_masses(fits, target, beta, start)
    slopes = fits.T @ (target - fits @ masses) - beta
    assert np.all(slopes <= 1e-10)
    assert np.abs(slopes[masses > 0]).max() <= 1e-10


def test_some_of_independent_columns_have_a_factor():
    # The last column depends on the first and the sixth but for 1e-14 of its square; the sixth less on these two.
    columns = np.linalg.qr(np.random.default_rng(0).standard_normal((100, 80)))[0]
    columns[:, 79] = columns[:, 0] + 1e-4 * (columns[:, 5] + 1e-3 * columns[:, 79])
    columns /= np.linalg.norm(columns, axis=0)
    factors, wide = Factors(columns.T @ columns), np.r_[np.ones(60, bool), np.zeros(19, bool), True]
    without = wide.copy()
    without[5] = False
    assert factors.of(without) is not None and factors.of(wide) is not None
    few = wide & ~((np.arange(80) >= 20) & (np.arange(80) < 60))
    assert Factors(factors.gram).of(few) is None
    fits = np.random.default_rng(1).standard_normal(few.sum())
    solved = factors.of(few).solve(factors.gram[np.ix_(few, few)] @ fits)
    np.testing.assert_allclose(columns[:, few] @ solved, columns[:, few] @ fits, atol=1e-7)
