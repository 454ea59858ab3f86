"""The barrier in the error, against dense samples of the networks themselves and numbers known by hand."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import error_barrier


def draw(rng, width=5, n_inputs=3, terms=False):
    return TwoLayerReLU(
        rng.standard_normal((width, n_inputs)),
        rng.standard_normal(width),
        hidden_bias=rng.standard_normal(width) if terms else None,
        intercept=rng.standard_normal() if terms else None,
        skip_weights=rng.standard_normal(n_inputs) if terms else None,
    )


def data(seed, n_samples=15):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((n_samples, 3)), np.sign(rng.standard_normal(n_samples))


def at(a, b, t):
    """A network on the straight line, by its definition."""
    names = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")
    parts = {
        name: None if getattr(a, name) is None else (1 - t) * getattr(a, name) + t * getattr(b, name) for name in names
    }
    return TwoLayerReLU(**parts)


def error(network, X, y, weight):
    return weight @ (np.where(network.predict(X) > 0, 1, -1) != y) / weight.sum()


@pytest.mark.parametrize("terms", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_error_barrier_is_that_of_dense_samples(seed, terms):
    rng, X, y = data(seed)
    a, b, weight = draw(rng, terms=terms), draw(rng, terms=terms), rng.uniform(0.5, 2.0, len(y))
    found = error_barrier(a, b, X, y, sample_weight=weight)
    ts = np.linspace(0, 1, 4001)
    errors = np.array([error(at(a, b, t), X, y, weight) for t in ts])
    excess = errors - (1 - ts) * errors[0] - ts * errors[-1]
    # Never below a sample; a sample beside the jump is at most one step of the straight line below.
    assert found.exact and -1e-12 <= found.barrier - excess.max() < 1e-3
    assert found.peak == pytest.approx(errors.max(), abs=1e-12)
    assert np.allclose(found.values, errors[::40], atol=1e-12)


def test_jumps_of_two_neurons_that_cross():
    # On the way (|1 - 2 t| - c) is the value at both rows: wrong for t between (1 - c) / 2 and (1 + c) / 2.
    for c in (0.5, 0.01, 1e-6):
        a = TwoLayerReLU([[1], [-1]], [1, 1], intercept=-c)
        found = error_barrier(a, a.permuted([1, 0]), [[-1], [1]], [1, 1], n_points=2)
        assert found.barrier == found.peak == found.rise == 1.0
        assert found.where == pytest.approx((1 - c) / 2, abs=1e-12)
        assert error_barrier(a, a, [[-1], [1]], [1, 1]).barrier == 0.0


def test_error_barrier_falls_to_either_end():
    # One neuron whose output falls from 1 to -3: the row of label 1 is lost at t = 1/4, and the excess of 1 - t there.
    a, b = TwoLayerReLU([[1.0]], [1.0]), TwoLayerReLU([[1.0]], [-3.0])
    found = error_barrier(a, b, [[1.0], [2.0]], [1, 1])
    assert (found.barrier, found.where, found.peak) == pytest.approx((0.75, 0.25, 1.0))
    back = error_barrier(b, a, [[1.0], [2.0]], [1, 1])
    assert (back.barrier, back.where, back.peak) == pytest.approx((0.75, 0.75, 1.0))


@pytest.mark.parametrize("seed", range(3))
def test_error_barrier_knows_no_units_and_no_copies(seed):
    rng, X, y = data(seed)
    a, b = draw(rng), draw(rng)
    expected = error_barrier(a, b, X, y)
    order = rng.permutation(5)
    doubled = error_barrier(a.permuted(order), b.permuted(order), 1e6 * np.vstack([X, X]), np.append(y, y))
    assert doubled.barrier == pytest.approx(expected.barrier, abs=1e-12)
    assert doubled.where == pytest.approx(expected.where, abs=1e-9)
    assert error_barrier(b, a, X, y).barrier == pytest.approx(expected.barrier, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": draw(np.random.default_rng(0), 4)}, "a and b must have the same width"),
        ({"b": TwoLayerReLU(np.ones((5, 3)), np.ones(5), intercept=0.0)}, "intercept is in one of them only"),
        ({"y": np.arange(15.0)}, "-1"),
        ({"n_points": 1}, "n_points"),
        ({"a": TwoLayerReLU(np.ones((5, 3)), np.ones((5, 2)))}, "same width, inputs, outputs"),
    ],
)
def test_bad_input(change, message):
    rng, X, y = data(0)
    arguments = {"a": draw(rng), "b": draw(rng), "X": X, "y": y} | change
    with pytest.raises(ValueError, match=message):
        error_barrier(**arguments)


def test_several_outputs_are_refused():
    _, X, y = data(0)
    a = TwoLayerReLU(np.ones((5, 3)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="a must have one output"):
        error_barrier(a, a, X, y)


@pytest.mark.parametrize("row", [2.0, 3.0, 7.0])
def test_rows_that_change_sides_together_leave_no_piece_between(row):
    a, b = TwoLayerReLU([[1.0], [1.0]], [-2.0, 3.0]), TwoLayerReLU([[1.0], [4.0]], [-1.0, -2.0])
    found = error_barrier(a, b, [[1.0], [row]], [1, -1])  # parallel rows of opposite labels: one is wrong at every t
    assert found.barrier == pytest.approx(0.0, abs=1e-15) and found.peak == 0.5
