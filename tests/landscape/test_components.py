"""Numbers of components against closed forms, and against fine grids of the weights, on which the loss is evaluated."""

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from convexnn.landscape import sublevel_components
from tests.zoo import degenerate_designs


def between_levels(found, least=0.05):
    """Levels in the middle of steps that are long enough for a grid to see, and the numbers there."""
    levels = np.append(found.levels, found.levels[-1] * 1.3 + 0.1)
    steps = zip(levels[:-1], levels[1:], found.counts, strict=True)
    return [(0.5 * (a + b), count) for a, b, count in steps if b - a > least * levels[-1]]


def two_rows(width):
    return sublevel_components([[1.0], [-1.0]], [1.0, 1.0], width)


def test_two_rows_in_closed_form():
    # One neuron serves one row, or none: 1/2 and 1. Two serve both in two orders, with a pass of 1/2.
    for width, levels, counts in [(1, [0.5, 1], [2, 1]), (2, [0, 0.5], [2, 1]), (3, [0], [1])]:
        found = two_rows(width)
        np.testing.assert_allclose(found.levels, levels, atol=1e-15)
        assert found.counts.tolist() == counts and found.width == width
    assert [two_rows(2).at(t) for t in (-1.0, 0.0, 0.4999, 0.5, 3.0)] == [0, 2, 2, 1, 1]
    assert not two_rows(2).connected and two_rows(3).connected


@pytest.mark.parametrize("seed", range(6))
def test_line_against_a_grid(seed):
    # On a line a neuron has four arms: either sign of its output and side of its weight. They meet at zero.
    rng = np.random.default_rng(seed)
    x, y, n = rng.choice([-1, 1], 4) * rng.uniform(1, 2, 4), rng.normal(size=4), 80
    found = sublevel_components(x[:, None], y, 2)
    w = np.linspace(0, 2 * np.abs(y).max(), n + 1)[1:]
    arms = [sign * np.maximum(side * np.outer(w, x), 0.0) for sign in (1, -1) for side in (1, -1)]
    fits = np.vstack([np.zeros(4), *arms])  # point 0, then n points on each arm
    losses = 0.5 * np.sum((fits[:, None] + fits[None] - y) ** 2, axis=2)
    outer = np.arange(1, 4 * n + 1)
    inner = np.where(outer % n == 1, 0, outer - 1)
    at = np.arange(len(fits) ** 2).reshape(len(fits), -1)
    # One neuron moves by a step, or both do.
    moves = [(at[inner], at[outer]), (at[:, inner], at[:, outer])]
    moves += [(at[inner][:, inner], at[outer][:, outer]), (at[inner][:, outer], at[outer][:, inner])]
    pairs = np.concatenate([np.stack([before.ravel(), after.ravel()]) for before, after in moves], axis=1)
    for level, count in between_levels(found):
        below = losses.ravel() <= level
        kept = pairs[:, below[pairs].all(axis=0)]
        graph = coo_array((np.ones(kept.shape[1]), kept), shape=(below.size, below.size))
        labels = connected_components(graph, directed=False)[1][below]
        assert len(np.unique(labels)) == count


@pytest.mark.parametrize("seed", range(5))
def test_one_neuron_in_the_plane_against_a_grid(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(4, 2)), rng.normal(size=4)
    found = sublevel_components(X, y, 1)
    n = 801
    w = np.linspace(-1, 1, n) * 8 * np.abs(y).max() / np.linalg.norm(X, axis=1).min()
    grid = np.stack(np.meshgrid(w, w), axis=-1)
    fits = np.maximum(grid @ X.T, 0.0)
    for level, count in between_levels(found):
        at_zero, total = 0, 0
        for sign in (1, -1):
            pieces, number = label(0.5 * np.sum((sign * fits - y) ** 2, axis=2) <= level, np.ones((3, 3)))
            at_zero += pieces[n // 2, n // 2] > 0
            total += number
        assert total - (at_zero == 2) == count


@pytest.mark.parametrize("seed", range(6))
def test_one_neuron_more_than_rows_connects_everything(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(2, 2)), rng.normal(size=2)
    assert sublevel_components(X, y, 3).connected
    # The pass between two networks of this width is where a neuron is idle: the best loss of one neuron less.
    narrow, wide = (sublevel_components(X, y, width) for width in (1, 2))
    if not wide.connected:
        assert wide.levels[-1] == pytest.approx(narrow.levels[0])


def test_three_neurons_on_three_rows_may_be_six_pieces():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(3, 2)), rng.normal(size=3)
    found = sublevel_components(X, y, 3)
    assert found.counts.tolist() == [6, 1] and found.levels[0] == 0  # the orders of three neurons
    assert found.levels[1] == pytest.approx(sublevel_components(X, y, 2).levels[0])


@pytest.mark.parametrize("seed", range(3))
def test_numbers_do_not_depend_on_how_rows_are_given(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(3, 2)), rng.normal(size=3)
    found = sublevel_components(X, y, 2)
    turn = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    order = rng.permutation(3)
    root = np.sqrt(0.5)
    for rows, targets in [
        (X[order] @ turn, y[order]),
        (1e5 * X, y),
        (1e-5 * X, y),
        (root * np.vstack([X, X]), root * np.tile(y, 2)),
        (np.vstack([X, np.zeros((1, 2))]), np.append(y, 0.0)),
    ]:
        other = sublevel_components(rows, targets, 2)
        np.testing.assert_array_equal(other.counts, found.counts)
        np.testing.assert_allclose(other.levels, found.levels, rtol=1e-7, atol=1e-9)
    small = sublevel_components(X, 1e-4 * y, 2)
    np.testing.assert_allclose(small.levels, 1e-8 * found.levels, rtol=1e-7)


def test_a_line_in_the_plane_is_a_line():
    x, y = np.array([1.0, -2.0, 0.5]), np.array([1.0, -1.0, 2.0])
    on_line = sublevel_components(x[:, None], y, 2)
    in_plane = sublevel_components(np.outer(x, [0.6, 0.8]), y, 2)
    assert on_line.counts.tolist() == in_plane.counts.tolist()
    np.testing.assert_allclose(on_line.levels, in_plane.levels, atol=1e-12)


def test_degenerate_data():
    zero = sublevel_components(np.eye(2), [0.0, 0.0], 2)
    assert zero.levels.tolist() == [0] and zero.connected
    assert sublevel_components(np.zeros((2, 2)), [1.0, 0.0], 1).levels.tolist() == [0.5]
    for X in degenerate_designs().values():
        if X.shape[1] <= 2:
            found = sublevel_components(X, np.ones(len(X)), 1)
            assert np.all(found.counts >= 1) and np.all(np.diff(found.levels) > 0)


@pytest.mark.parametrize(
    ("X", "y", "width", "message"),
    [
        (np.ones((2, 3)), [1, 2], 1, "one or two features"),
        (np.eye(2), [1, 2], 0, "width"),
        (np.eye(2), [1, 2, 3], 1, "y"),
        (np.random.default_rng(0).normal(size=(6, 2)), np.ones(6), 5, "24 cones make 24\\^5 combinations"),
    ],
)
def test_bad_input(X, y, width, message):
    with pytest.raises(ValueError, match=message):
        sublevel_components(X, y, width)


@pytest.mark.parametrize(
    ("X", "y", "levels", "counts"),
    [
        ([[40000.0, 1.0], [40001.0, 1.0]], [1.0, -1.0], [0.5, 1.0], [2, 1]),
        ([[1.0, 0.0], [-1.0, 1e-10]], [1.0, 1.0], [0.0], [1]),
        ([[0.1, 0.3], [-0.3, -0.9]], [1.0, 1.0], [0.5, 1.0], [2, 1]),
    ],
    ids=["nearly parallel", "nearly opposite", "opposite"],
)
def test_rows_near_one_line_are_told_from_rows_on_it(X, y, levels, counts):
    found = sublevel_components(X, y, 1)
    np.testing.assert_allclose(found.levels, levels, atol=1e-9)
    np.testing.assert_array_equal(found.counts, counts)
