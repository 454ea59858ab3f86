"""Paths without weight decay, against the values of their networks; what they need, against a closed form."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import polygonal_path, unregularized_path


def interpolator(rng, X, y, width, terms=False):
    """A network with random neurons and outputs that fit y: the smallest ones and a random null vector."""
    while True:
        free = {"intercept": rng.standard_normal(), "skip_weights": rng.standard_normal(X.shape[1])} if terms else {}
        bias = rng.standard_normal(width) if terms else None
        idle = TwoLayerReLU(rng.standard_normal((width, X.shape[1])), np.zeros(width), hidden_bias=bias, **free)
        activations = idle.activations(X)
        if np.linalg.svd(activations, compute_uv=False)[-1] > 1e-3:  # other draws cannot fit every y
            break
    outputs = np.linalg.lstsq(activations, y - idle.predict(X), rcond=None)[0]
    outputs += rng.standard_normal() * np.linalg.svd(activations)[2][-1]
    return TwoLayerReLU(idle.hidden_weights, outputs, hidden_bias=bias, **free)


def along(path, n_points=301):
    """Networks at evenly spaced t, at the corners, and just beside them."""
    beside = np.concatenate([path.knots, path.knots[:-1] + 1e-9, path.knots[1:] - 1e-9])
    return [path(t) for t in np.concatenate([np.linspace(0, 1, n_points), beside])]


def check_ends_and_steps(path, a, b):
    assert path(0.0) is a and path(1.0) is b
    points = [np.hstack([n.neurons, n.output_weights[:, None]]) for n in (path(t) for t in np.linspace(0, 1, 2001))]
    jumps = [np.abs(q - p).max() for p, q in zip(points[:-1], points[1:], strict=True)]
    corners = [np.hstack([n.neurons, n.output_weights[:, None]]) for n in path.corners]
    longest = max(np.abs(q - p).max() for p, q in zip(corners[:-1], corners[1:], strict=True))
    assert max(jumps) <= longest * (len(path.corners) - 1) / 2000 * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("extra", [1, 4])
@pytest.mark.parametrize("terms", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_interpolators_are_joined_by_interpolators(seed, terms, extra):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((5, 6)), rng.standard_normal(5)
    a, b = (interpolator(rng, X, y, 5 + extra, terms) for _ in range(2))
    path = unregularized_path(a, b, X)
    sizes = 1.0 + max(np.abs(n.fits(X)).max() for n in path.corners)
    assert max(np.abs(n.predict(X) - y).max() for n in along(path)) < 1e-9 * sizes
    check_ends_and_steps(path, a, b)


@pytest.mark.parametrize("seed", range(8))
def test_no_loss_rises_above_the_line_between_its_ends(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((4, 2)), np.sign(rng.standard_normal(4))
    X[3], width = X[0], 5  # a row that stands twice
    a, b = (TwoLayerReLU(rng.standard_normal((width, 2)), rng.standard_normal(width)) for _ in range(2))
    path = unregularized_path(a, b, X)
    for loss in (
        lambda z: np.sum((z - y) ** 2),
        lambda z: np.abs(z - y).sum(),
        lambda z: np.logaddexp(0, -y * z).sum(),
    ):
        values = np.array([loss(n.predict(X)) for n in along(path)])
        assert values.max() <= max(values[0], values[300]) + 1e-9
    check_ends_and_steps(path, a, b)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_paths_of_copies_zeros_and_units(scale):
    rng = np.random.default_rng(0)
    X = scale * rng.standard_normal((3, 2))
    hidden, outputs = rng.standard_normal((6, 2)), rng.standard_normal(6)
    hidden[1], hidden[4], outputs[5] = hidden[0], 0.0, 0.0
    a = TwoLayerReLU(hidden, outputs)
    for b in (a, a.permuted([3, 2, 0, 1, 5, 4]), TwoLayerReLU(-hidden, outputs), TwoLayerReLU(hidden, np.zeros(6))):
        path = unregularized_path(a, b, X)
        first, last = a.predict(X), b.predict(X)
        for n in along(path, 101):
            share = (n.predict(X) - first) @ (last - first) / max(np.sum((last - first) ** 2), 1e-300)
            apart = n.predict(X) - first - share * (last - first)
            assert np.abs(apart).max() < 1e-9 * scale and -1e-9 < share < 1 + 1e-9


@pytest.mark.slow
def test_two_neurons_on_two_rows_are_not_joined():
    # Values 1 at 1 and -1 need one neuron on either side. On every way from one order to the other a neuron passes 0,
    # and the other one serves one row alone: the loss is 1/2 or more. With a third neuron a path exists.
    X, y = np.array([[1.0], [-1.0]]), np.ones(2)
    a = TwoLayerReLU([[1.0], [-1.0]], [1.0, 1.0])
    b = a.permuted([1, 0])
    with pytest.raises(ValueError, match="activations of a must depend on each other .* From width 3 on"):
        unregularized_path(a, b, X)
    chain = polygonal_path(a, b, X, y, 1e-9, n_bends=2, n_starts=2, max_iter=60, random_state=0)
    assert chain.profile.peak >= 0.5
    path = unregularized_path(a.padded(3), b.padded(3), X)
    assert max(np.abs(n.predict(X) - y).max() for n in along(path)) < 1e-14


@pytest.mark.parametrize(
    ("b", "message"),
    [
        (TwoLayerReLU(np.ones((4, 2)), np.ones(4)), "same width"),
        (TwoLayerReLU(np.ones((5, 2)), np.ones(5), intercept=1.0), "intercept is in one of them only"),
    ],
)
def test_bad_input(b, message):
    with pytest.raises(ValueError, match=message):
        unregularized_path(TwoLayerReLU(np.ones((5, 2)), np.ones(5)), b, np.eye(2))


def test_several_outputs_are_refused():
    a = TwoLayerReLU(np.ones((5, 2)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="must have one output"):
        unregularized_path(a, a, np.eye(2))


def test_no_place_for_the_exchange_is_refused():
    a = TwoLayerReLU([[1.0, 2.0], [1.0, -2.0], [-1.0, -1.0]], [2.0, 0.0, 2.0])
    b = TwoLayerReLU([[1.0, -1.0], [1.0, -1.0], [0.0, -1.0]], [2.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="From width 4 on one always is"):
        unregularized_path(a, b, [[1.0, -2.0], [1.0, -1.0], [0.0, 1.0]])
