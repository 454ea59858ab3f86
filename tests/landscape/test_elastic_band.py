"""Nudged elastic bands on a surface with published passes, and on networks whose lowest pass has a closed form."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU, optimal_set
from convexnn.landscape import loss_barrier, nudged_path, sublevel_components
from convexnn.landscape.elastic_band import relaxed_band, tangents_of

BETA = 0.1
# Mueller and Brown, Theoretica Chimica Acta 53, 1979: minima at the ends and in the middle, two passes between them.
FIRST, MIDDLE, LAST = [-0.558224, 1.441726], [-0.050011, 0.466694], [0.623499, 0.028038]
PASSES = {(-0.822002, 0.624313): -40.664844, (0.212487, 0.292988): -72.248940}


def mueller_brown(points):
    """Values and gradients of the surface."""
    sizes, shapes = (
        np.array([-200, -100, -170, 15]),
        np.array([[-1, 0, -10], [-1, 0, -10], [-6.5, 11, -6.5], [0.7, 0.6, 0.7]]),
    )
    x, y = points[:, :1] - np.array([1, 0, -0.5, -1]), points[:, 1:] - np.array([0, 0.5, 1.5, 1])
    a, b, c = shapes.T
    terms = sizes * np.exp(a * x**2 + b * x * y + c * y**2)
    slopes = [(terms * (2 * a * x + b * y)).sum(axis=1), (terms * (b * x + 2 * c * y)).sum(axis=1)]
    return terms.sum(axis=1), np.stack(slopes, axis=1)


def dense(band, n=400):
    """Points close together on the lines of a band."""
    ts = np.linspace(0, len(band) - 1, n * (len(band) - 1) + 1)
    k = np.minimum(ts.astype(int), len(band) - 2)
    return band[k] + (ts - k)[:, None] * (band[k + 1] - band[k])


@pytest.mark.parametrize("n_corners", [9, 20])
def test_band_goes_over_the_published_passes(n_corners):
    start = np.linspace(FIRST, LAST, n_corners + 2)
    band = relaxed_band(mueller_brown, start)
    np.testing.assert_array_equal(band[[0, -1]], [FIRST, LAST])
    on_lines = dense(band)
    values, _ = mueller_brown(on_lines)
    assert mueller_brown(dense(start))[0].max() > 0  # the straight line goes high up
    assert PASSES[-0.822002, 0.624313] - 1e-5 <= values.max() < PASSES[-0.822002, 0.624313] + 0.3
    near = [np.linalg.norm(on_lines - place, axis=1).min() for place in [*PASSES, MIDDLE]]
    assert max(near) < (0.1 if n_corners == 9 else 0.03)


def test_gradient_across_the_band_vanishes():
    band = relaxed_band(mueller_brown, np.linspace(FIRST, LAST, 32))
    values, gradients = mueller_brown(band)
    tangents = tangents_of(band, values)
    along = np.sum(gradients[1:-1] * tangents, axis=1)
    across = np.linalg.norm(gradients[1:-1] - along[:, None] * tangents, axis=1)
    assert np.median(across) < 0.2 * np.median(np.abs(along))
    lengths = np.linalg.norm(np.diff(band, axis=0), axis=1)
    assert np.mean(np.abs(lengths / np.median(lengths) - 1) < 0.05) > 0.8  # but for those at the bottom of a valley


@pytest.mark.parametrize(
    "values", [[0, 1, 2], [2, 1, 0], [0, 3, 1], [1, 3, 0], [3, 0, 1], [1, 0, 3], [1, 1, 1], [0, 0, 1]]
)
def test_tangents_are_those_of_the_article(values):
    band = np.random.default_rng(0).normal(size=(3, 4))
    before, at, after = values
    forward, backward = band[2] - band[1], band[1] - band[0]
    if before < at < after:
        expected = forward
    elif before > at > after:
        expected = backward
    else:
        large, small = max(abs(after - at), abs(before - at)), min(abs(after - at), abs(before - at))
        if large == 0:
            large = small = 1
        expected = large * forward + small * backward if after > before else small * forward + large * backward
    expected = expected / np.linalg.norm(expected)
    np.testing.assert_allclose(tangents_of(band, np.array(values, dtype=float)), [expected], rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_band_meets_the_lowest_pass_of_two_rows(scale):
    # On every way from one order to the other one neuron serves both rows: 1/2 + beta - beta^2 / 2 is the lowest pass.
    X, y = np.array([[1.0], [-1.0]]), scale * np.ones(2)
    root = np.sqrt(scale * (1 - BETA))
    a = TwoLayerReLU([[root], [-root]], [root, root])
    options = {"n_bends": 15, "n_starts": 1, "random_state": 0}
    band = nudged_path(a, a.permuted([1, 0]), X, y, scale * BETA, **options)
    lowest = scale**2 * (0.5 + BETA - BETA**2 / 2)
    assert lowest * (1 - 1e-12) <= band.profile.peak < 1.005 * lowest
    assert band.profile.exact and band.kind == "elastic band"
    assert band(0.0) is a and np.array_equal(band(1.0).neurons, a.neurons[::-1])


@pytest.fixture(scope="module")
def square():
    """Rows at right angles and their two optimal networks of four neurons, between which there is no barrier."""
    X, y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), np.ones(4)
    found = optimal_set(X, y, BETA)
    return X, y, [found.network(masses, width=4) for masses in found.vertices]


@pytest.mark.parametrize(("order", "bound"), [([2, 3, 0, 1], 2e-5), ([3, 2, 1, 0], 1e-3)])
def test_band_is_below_the_best_bezier_curve(square, order, bound):
    X, y, (a, b) = square
    b = b.permuted(order)  # the best Bezier curve leaves 0.0004 where active neurons are paired with zero neurons
    options = {"n_bends": 3, "n_cycles": 3, "n_starts": 1}
    band = nudged_path(a, b, X, y, BETA, random_state=0, **options)
    assert 0 <= band.barrier < bound < loss_barrier(a, b, X, y, BETA).barrier
    heights = [band.objective(t) for t in np.linspace(0, 1, 500)]
    assert max(heights) - heights[0] <= band.barrier + 1e-12


def test_rows_that_stand_twice_change_nothing(square):
    X, y, (a, b) = square
    options = {"n_bends": 3, "n_cycles": 1, "n_windows": 2, "n_starts": 1, "random_state": 0}
    once = nudged_path(a, b, X, y, BETA, **options)
    twice = nudged_path(a, b, np.vstack([X, X]), np.tile(y, 2), BETA, sample_weight=np.full(8, 0.5), **options)
    assert twice.barrier == pytest.approx(once.barrier, rel=1e-6)
    again = nudged_path(a, b, X, y, BETA, **options)
    assert [n.neurons.tolist() for n in once.bends] == [n.neurons.tolist() for n in again.bends]


def test_band_from_a_network_to_itself_has_no_barrier(square):
    X, y, (a, _) = square
    band = nudged_path(a, a, X, y, BETA, n_bends=2, n_windows=2, n_starts=1, random_state=0)
    assert band.barrier == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["n_bends", "n_cycles", "n_windows", "n_starts"])
def test_counts_are_checked(square, name):
    X, y, (a, b) = square
    with pytest.raises(ValueError, match=name):
        nudged_path(a, b, X, y, BETA, **{name: 0})


def test_loss_must_be_smooth(square):
    X, y, (a, b) = square
    with pytest.raises(ValueError, match="loss must be smooth"):
        nudged_path(a, b, X, y, BETA, loss="absolute")


def test_band_is_never_below_the_pass_of_the_counts():
    # Three neurons that fit three rows: the orders of the neurons are six components, which meet at a known level.
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(3, 2)), rng.normal(size=3)
    counted = sublevel_components(X, y, 3)
    assert counted.counts.tolist() == [6, 1]
    hidden = np.array([[1.0, 0.2], [-1.0, 0.3], [0.1, -1.0]])
    while abs(np.linalg.det(np.maximum(X @ hidden.T, 0.0))) < 0.1:
        hidden = rng.normal(size=(3, 2))
    a = TwoLayerReLU(hidden, np.linalg.solve(np.maximum(X @ hidden.T, 0.0), y)).balanced()
    for order in ([1, 0, 2], [1, 2, 0]):
        band = nudged_path(a, a.permuted(order), X, y, 1e-9, n_cycles=2, n_starts=1, random_state=0)
        straight = loss_barrier(a, a.permuted(order), X, y, 1e-9).peak
        assert counted.levels[1] <= band.profile.peak < 0.5 * straight
