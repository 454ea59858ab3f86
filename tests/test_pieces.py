"""Kinks and slopes of networks of one input, against the values of the network."""

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, TwoLayerReLU
from convexnn.exceptions import InvalidInputError

from .test_network import kinds, outputs, random_network


def values_on(pieces, x):
    """Values of the lines at x, each by its own piece."""
    own = np.searchsorted(pieces.kinks, x)
    x = x.reshape(-1, *[1] * (pieces.slopes.ndim - 1))
    return pieces.intercepts[own] + pieces.slopes[own] * x


def points_between(kinks):
    """Three points on every piece."""
    edges = np.concatenate([[kinks[0] - 1.0], kinks, [kinks[-1] + 1.0]]) if len(kinks) else np.array([-1.0, 1.0])
    return np.concatenate([edges[:-1] + share * np.diff(edges) for share in (0.2, 0.5, 0.9)])


@kinds
@outputs
@pytest.mark.parametrize("width", [0, 1, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_lines_have_the_values_of_the_network(kind, n_outputs, width, seed):
    network = random_network(width, 1, kind, n_outputs, seed)
    pieces = network.kinks()
    x = points_between(pieces.kinks)
    np.testing.assert_allclose(values_on(pieces, x), network.predict(x[:, None]), rtol=1e-10, atol=1e-10)
    assert pieces.slopes.shape == (len(pieces.kinks) + 1, *network.output_weights.shape[1:])
    assert np.all(np.diff(pieces.kinks) > 0.0) and np.all(pieces.changes != 0.0)
    if network.hidden_bias is None:
        assert len(pieces.kinks) <= 1  # all neurons bend at 0
    else:
        np.testing.assert_allclose(pieces.kinks, np.sort(-network.hidden_bias / network.hidden_weights[:, 0]))


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_kinks_follow_the_input(scale, shift):
    rng = np.random.default_rng(2)
    places, slopes = np.sort(rng.standard_normal(5)), rng.standard_normal(5)
    weights = np.array([1.0, -1.0, 2.0, -3.0, 1.0]) / scale
    bias = -weights * (places + shift) * scale
    pieces = TwoLayerReLU(weights[:, None], slopes, hidden_bias=bias).kinks()
    np.testing.assert_allclose(pieces.kinks, (places + shift) * scale, rtol=1e-9)
    np.testing.assert_allclose(pieces.changes, np.abs(weights) * slopes, rtol=1e-9)


def test_neurons_of_one_kink_are_one():
    network = random_network(4, 1, "all")
    pieces, again = network.kinks(), network.split(1, [0.2, 0.3, 0.5]).permuted([5, 0, 2, 1, 4, 3]).kinks()
    np.testing.assert_allclose(again.kinks, pieces.kinks, rtol=1e-12)
    np.testing.assert_allclose(again.slopes, pieces.slopes, rtol=1e-12)
    padded = network.padded(9).kinks()
    assert np.array_equal(padded.kinks, pieces.kinks) and np.array_equal(padded.slopes, pieces.slopes)


def test_kinks_that_cancel_are_left_out():
    """(x - 1)_+ less (1 - x)_+ is x - 1, whose kink is none; the neuron beside it keeps its own."""
    network = TwoLayerReLU([[1.0], [-1.0], [2.0]], [1.0, -1.0, 1.0], hidden_bias=[-1.0, 1.0, -6.0])
    pieces = network.kinks()
    assert pieces.kinks.tolist() == [3.0]
    assert pieces.slopes.tolist() == [1.0, 3.0] and pieces.intercepts.tolist() == [-1.0, -7.0]


def test_neurons_without_a_slope_are_constants():
    pieces = TwoLayerReLU([[0.0], [0.0]], [2.0, 5.0], hidden_bias=[1.5, -1.0], intercept=1.0).kinks()
    assert pieces.kinks.size == 0 and pieces.slopes.tolist() == [0.0] and pieces.intercepts.tolist() == [4.0]
    assert repr(pieces) == "LinearPieces(1 piece, no kinks)"


def test_the_table_and_the_frame_are_the_pieces():
    pieces = TwoLayerReLU([[1.0], [-2.0]], [1.0, 1.0], hidden_bias=[0.0, 1.0]).kinks()
    assert str(pieces).splitlines()[2].split() == ["0", "0.5", "-1", "1"]
    assert repr(pieces) == "LinearPieces(3 pieces, kinks at 0, 0.5)" and len(pieces) == 3
    assert "<td" in pieces._repr_html_() and "slope" in pieces._repr_html_()
    pytest.importorskip("pandas")
    frame = pieces.to_frame()
    assert frame["from"].tolist() == [-np.inf, 0.0, 0.5] and frame["slope"].tolist() == [-2.0, -1.0, 1.0]
    assert list(random_network(2, 1, "all", 2).kinks().to_frame().columns)[2:] == [
        f"{name} {k}" for k in range(2) for name in ("slope", "intercept")
    ]


def test_more_inputs_have_no_kinks_on_a_line():
    with pytest.raises(InvalidInputError, match="kinks needs a network of one input; this one has 2"):
        TwoLayerReLU([[1.0, 2.0]], [1.0]).kinks()


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_neurons_of_a_kink_to_half_the_digits_are_one(n_outputs):
    places = np.array([-1.0, 0.5, 0.5 + 3e-9, 0.5 + 6e-9, 2.0])
    outputs = np.random.default_rng(0).standard_normal((5, n_outputs))
    network = TwoLayerReLU(np.ones((5, 1)), outputs, hidden_bias=-places)
    pieces = network.kinks()
    np.testing.assert_allclose(pieces.kinks, [-1.0, 0.5, 2.0], atol=1e-8)
    x = np.linspace(-2.0, 3.0, 50)
    np.testing.assert_allclose(values_on(pieces, x), network.predict(x[:, None]), atol=1e-10)


def test_close_kinks_that_are_a_jump_stay():
    """A step of height one and width 1e-9, beside a line: its neurons bend at two places."""
    network = TwoLayerReLU([[1.0], [1.0]], [1e9, -1e9], hidden_bias=[-1.0, -1.0 - 1e-9], skip_weights=[1.0])
    pieces = network.kinks()
    assert len(pieces.kinks) == 2
    assert values_on(pieces, np.array([2.0]))[0] == pytest.approx(3.0, abs=1e-6)


def test_trained_networks_of_two_outputs_bend_once_at_a_place():
    x = np.sort(np.random.default_rng(4).normal(size=40))
    y = np.sin(2.0 * x)
    network = ConvexReLURegressor(0.5).fit(x[:, None], np.column_stack([y, np.cos(x)])).network_
    apart = np.diff(network.kinks().kinks)
    assert network.width > len(apart) + 1 and apart.min() > 1e-3
