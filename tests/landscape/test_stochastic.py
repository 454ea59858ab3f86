"""Stochastic descent, against a loop over single rows and differences of the objective."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import stochastic_descent


def draw(rng, width=4, terms=False):
    return TwoLayerReLU(
        rng.standard_normal((width, 3)),
        rng.standard_normal(width),
        hidden_bias=rng.standard_normal(width) if terms else None,
        intercept=rng.standard_normal() if terms else None,
        skip_weights=rng.standard_normal(3) if terms else None,
    )


def data(seed=0, n_samples=11):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((n_samples, 3)), np.sign(rng.standard_normal(n_samples))


def flat(network):
    parts = (getattr(network, name) for name in NAMES)
    return np.concatenate([np.ravel(part) for part in parts if part is not None])


NAMES = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")


def moved(network, vector):
    """The network of a vector of all weights, in the order of `flat`."""
    new = {}
    for name in NAMES:
        part = getattr(network, name)
        if part is not None:
            new[name], vector = vector[: np.size(part)].reshape(np.shape(part)), vector[np.size(part) :]
    return TwoLayerReLU(**new)


@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "squared_hinge"])
@pytest.mark.parametrize("terms", [False, True])
def test_one_batch_is_one_step_of_gradient_descent(terms, loss):
    rng, X, y = data()
    start, weight = draw(rng, terms=terms), rng.uniform(0.5, 2.0, len(y))
    options = {"sample_weight": weight, "loss": loss}
    (end,) = stochastic_descent(start, X, y, 0.3, learning_rate=0.01, n_epochs=1, batch_size=len(y), **options)
    point, h = flat(start), 1e-6

    def objective(vector):
        return moved(start, vector).objective(X, y, 0.3, **options) / weight.sum()

    gradient = [(objective(point + h * e) - objective(point - h * e)) / (2 * h) for e in np.eye(len(point))]
    assert np.allclose(flat(end), point - 0.01 * np.array(gradient), atol=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_epochs_are_those_of_a_loop_over_rows(batch_size, momentum):
    rng, X, y = data(1)
    start = draw(rng)
    found = stochastic_descent(
        [start, start], X, y, 0.2, learning_rate=0.02, n_epochs=3, batch_size=batch_size, momentum=momentum,
        random_state=5,
    )  # fmt: skip
    for end, child in zip(found, np.random.default_rng(5).spawn(2), strict=True):
        hidden, outputs = start.hidden_weights.copy(), start.output_weights.copy()
        fast, slow = np.zeros_like(hidden), np.zeros_like(outputs)
        for _ in range(3):
            order = child.permutation(len(y))
            for rows in np.split(order, range(batch_size, len(y), batch_size)):
                into, out = 0.2 / len(y) * hidden, 0.2 / len(y) * outputs
                for i in rows:
                    residual = np.maximum(hidden @ X[i], 0.0) @ outputs - y[i]
                    out = out + residual * np.maximum(hidden @ X[i], 0.0) / len(rows)
                    into = into + residual * np.outer(outputs * (hidden @ X[i] > 0), X[i]) / len(rows)
                fast, slow = momentum * fast + into, momentum * slow + out
                hidden, outputs = hidden - 0.02 * fast, outputs - 0.02 * slow
        assert np.allclose(end.hidden_weights, hidden, atol=1e-12)
        assert np.allclose(end.output_weights, outputs, atol=1e-12)


def test_first_runs_do_not_depend_on_how_many_follow():
    rng, X, y = data(2)
    starts = [draw(rng) for _ in range(3)]
    options = {"learning_rate": 0.05, "n_epochs": 4, "batch_size": 2, "random_state": 0}
    few, many = (stochastic_descent(starts[:k], X, y, 0.0, **options) for k in (1, 3))
    assert np.allclose(few[0].hidden_weights, many[0].hidden_weights, atol=1e-13)
    same = stochastic_descent([starts[0]] * 2, X, y, 0.0, **options)
    assert np.abs(same[0].hidden_weights - same[1].hidden_weights).max() > 1e-3  # forks differ
    still = stochastic_descent(starts[0], X, y, 0.0, **options | {"n_epochs": 0})[0]
    assert np.array_equal(flat(still), flat(starts[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": []}, "start must hold one network or more"),
        ({"start": [draw(np.random.default_rng(0)), draw(np.random.default_rng(0), 5)]}, "must have the same width"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": 1e4}, "learning_rate must be smaller: with 10000, 1 of 1 runs left float64"),
        ({"n_epochs": -1}, "n_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"momentum": 1}, "momentum must be below 1"),
        ({"loss": "absolute"}, "loss must be smooth"),
        ({"beta": -1}, "beta"),
        ({"random_state": "x"}, "random_state"),
    ],
)
def test_bad_input(change, message):
    rng, X, y = data()
    call = {"start": draw(rng), "X": X, "y": y, "beta": 0.1, "learning_rate": 0.1, "n_epochs": 20} | change
    with pytest.raises(ValueError, match=message):
        stochastic_descent(**call)
