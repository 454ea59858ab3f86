"""The multinomial loss against scipy, and its dual points on the faces of the simplex."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from convexnn.losses.several_outputs import MultinomialLoss

LOSS = MultinomialLoss()


def rows(seed, n=30, c=4, size=3.0):
    rng = np.random.default_rng(seed)
    return np.eye(c)[rng.integers(0, c, n)], size * rng.standard_normal((n, c)), rng.random(n) + 0.5


@pytest.mark.parametrize("size", [1e-8, 1.0, 300.0])
def test_the_value_and_the_dual_point_are_those_of_the_softmax(size):
    Y, fit, weight = rows(0, size=size)
    value, dual_point = LOSS.value_and_dual_point(Y, fit, weight)
    assert value == pytest.approx(-np.sum(weight[:, None] * Y * log_softmax(fit, axis=1)), rel=1e-13)
    assert np.allclose(dual_point, weight[:, None] * (Y - softmax(fit, axis=1)), rtol=1e-13, atol=1e-15)
    assert np.abs(dual_point.sum(axis=1)).max() < 1e-15


def test_a_transposed_fit_has_the_same_value():
    Y, fit, weight = rows(1)
    assert LOSS.value(Y, np.asfortranarray(fit), weight) == LOSS.value(Y, fit, weight)


def test_zeros_of_a_dual_point_have_no_room_and_stay():
    Y, fit, weight = rows(2)
    fit[:, 3] -= 60.0
    Y[:, 3], Y[Y.sum(axis=1) == 0, 0] = 0.0, 1.0
    snapped = LOSS.snapped(Y, LOSS.dual_point(Y, fit, weight), weight)
    assert np.all(snapped[:, 3] == 0.0) and np.any(snapped[:, :3]) and np.abs(snapped.sum(axis=1)).max() < 1e-15
    assert np.all(LOSS.room(Y, snapped / weight[:, None])[:, 3] == 0.0)
    assert np.all(LOSS.inside(Y, snapped, weight)[:, 3] == 0.0)
    leak = LOSS.widened(snapped, np.where(snapped == 0.0, 0.0, 1e-12))
    assert np.all(leak[:, 3] == 0.0) and LOSS.domain_within(Y, snapped, leak, weight) > 0.0


def test_zeros_in_no_order_widen_every_column():
    # Columns that share some rows only: what a row lacks cannot be spread over its own entries alone.
    dual_point = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
    assert np.all(LOSS.widened(dual_point, np.full((2, 3), 1e-12)) > 1e-12)
