"""What the optimal set must not depend on: the frame, the order and the scale of the data, repeated rows."""

from functools import cache

import numpy as np
import pytest

from convexnn.optimal_sets import optimal_set

from ..zoo import random_problem
from .reference import data_sets, polygon, tied

ROTATION = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
NAMES = ["two_rows", "polygon 4", "polygon 5", "tied triangle", "octahedron"]
NAMES += ["tied tetrahedron", "random 6 x 2, not unique", "random 5 x 3, 1"]


def rotation(d):
    return np.linalg.qr(ROTATION[:d, :d])[0]


def shuffled(n):
    return np.random.default_rng(2).permutation(n)


@cache
def solved(name):
    return optimal_set(*data_sets()[name])


def check_same(found, other, *, value=1.0, mass=1.0, turn=None):
    """Assert that two sets are one, up to a factor of p* and of the masses and a change of frame."""
    assert other.optimal_value == pytest.approx(value * found.optimal_value, rel=1e-8)
    assert (other.m_star, other.M_star, other.dimension) == (found.m_star, found.M_star, found.dimension)
    assert other.connected_from == found.connected_from
    for width in range(8):
        assert other.n_components(width) == found.n_components(width)
        assert other.n_isolated(width) == found.n_isolated(width)
    assert other.margin == pytest.approx(found.margin, rel=1e-5)
    assert other.total_mass == pytest.approx(mass * found.total_mass, rel=1e-7)
    directions = found.directions if turn is None else found.directions @ turn
    expected, got = np.column_stack([directions, found.signs]), np.column_stack([other.directions, other.signs])
    near = np.abs(expected[:, None] - got).max(axis=2) < 1e-6
    assert near.shape[0] == near.shape[1] and np.all(near.sum(axis=1) == 1) and np.all(near.sum(axis=0) == 1)
    order = near.argmax(axis=1)
    ours, theirs = mass * found.vertices, other.vertices[:, order]
    apart = np.abs(ours[:, None] - theirs).max(axis=2) / other.total_mass
    assert apart.shape[0] == apart.shape[1] and apart.min(axis=1).max() < 1e-6 and apart.min(axis=0).max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_rotation(name):
    X, y, beta = data_sets()[name]
    turn = rotation(X.shape[1])
    check_same(solved(name), optimal_set(X @ turn, y, beta), turn=turn)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_the_rows(name):
    X, y, beta = data_sets()[name]
    rows = shuffled(len(y))
    other = optimal_set(X[rows], y[rows], beta)
    check_same(solved(name), other)
    np.testing.assert_allclose(other.dual_point, solved(name).dual_point[rows], atol=1e-8)
    np.testing.assert_allclose(other.optimal_fit, solved(name).optimal_fit[rows], atol=1e-7)


@pytest.mark.parametrize("scale", [1e-6, 1e5])
@pytest.mark.parametrize("name", NAMES)
def test_scale_of_the_targets(name, scale):
    X, y, beta = data_sets()[name]
    check_same(solved(name), optimal_set(X, scale * y, scale * beta), value=scale**2, mass=scale)


@pytest.mark.parametrize("scale", [1e-6, 1e5])
@pytest.mark.parametrize("name", NAMES)
def test_scale_of_the_inputs(name, scale):
    """The masses shrink as the inputs grow, and beta grows with them."""
    X, y, beta = data_sets()[name]
    check_same(solved(name), optimal_set(scale * X, y, scale * beta), mass=1 / scale)


@pytest.mark.parametrize("name", NAMES)
def test_repeated_rows_of_half_the_weight(name):
    X, y, beta = data_sets()[name]
    other = optimal_set(np.vstack([X, X]), np.r_[y, y], beta, sample_weight=np.full(2 * len(y), 0.5))
    check_same(solved(name), other)


@pytest.mark.parametrize("name", NAMES)
def test_repeated_rows_are_a_doubled_weight(name):
    X, y, beta = data_sets()[name]
    twice = optimal_set(np.vstack([X, X]), np.r_[y, y], beta)
    check_same(optimal_set(X, y, beta, sample_weight=2.0), twice)


@pytest.mark.parametrize("name", NAMES)
def test_negated_targets(name):
    """Every output weight changes its sign."""
    X, y, beta = data_sets()[name]
    found, other = solved(name), optimal_set(X, -y, beta)
    assert sorted(other.signs) == sorted(-found.signs)
    assert other.optimal_value == pytest.approx(found.optimal_value, rel=1e-9)
    assert [other.n_components(width) for width in range(8)] == [found.n_components(width) for width in range(8)]


@pytest.mark.parametrize("name", ["two_rows", "tied hexagon", "random 5 x 3, 1"])
def test_rows_that_cannot_matter(name):
    """A row of weight zero, and a zero row whose target is 0; a column of zeros."""
    X, y, beta = data_sets()[name]
    found = solved(name)
    weights = np.r_[np.ones(len(y)), 0.0]
    extra = np.vstack([X, 10.0 * X[:1]])
    other = optimal_set(extra, np.r_[y, -9.0], beta, sample_weight=weights)
    check_same(found, other)
    assert other.dual_point.shape == (len(y) + 1,) and other.dual_point[-1] == 0
    check_same(found, optimal_set(np.vstack([X, 0.0 * X[:1]]), np.r_[y, 0.0], beta))
    wide = optimal_set(np.column_stack([X, np.zeros(len(y))]), y, beta)
    check_same(found, wide, turn=np.eye(X.shape[1], X.shape[1] + 1))


def test_scale_of_the_targets_with_bias_and_free_terms():
    X, y = random_problem(8, 2, 3)
    flags = {"hidden_bias": True, "fit_intercept": True}
    found = optimal_set(X, y, 0.3, **flags)
    check_same(found, optimal_set(X, 1e3 * y, 3e2, **flags), value=1e6, mass=1e3)
    check_same(found, optimal_set(X, y + 7.0, 0.3, **flags))


def test_scaled_inputs_of_a_set_with_fits_of_all_sizes():
    """Masses that differ by five orders of magnitude survive the scaling."""
    X, y, beta = tied(polygon(8), 0.2, 10.0 ** np.linspace(-5, 0, 8))
    check_same(optimal_set(X, y, beta), optimal_set(1e4 * X, 1e-3 * y, 10.0 * beta), value=1e-6, mass=1e-7)
