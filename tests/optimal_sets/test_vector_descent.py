"""Falling paths with several outputs: from wild networks, on degenerate data, with every loss that has one fit."""

import numpy as np
import pytest
from scipy.special import log_softmax

from convexnn import TwoLayerReLU, certify, descent_path
from convexnn.programs.posing import make_problem
from convexnn.solvers.column_generation import solve_column_generation

from ..checks import plain_predict
from ..zoo import degenerate_designs, two_outputs, variants

FLAGS = [{}, {"hidden_bias": True}, {"hidden_bias": True, "fit_intercept": True}, {"skip_connection": True}]


def trained(X, Y, beta, width=None, **options):
    """The optimum, pruned and padded to n c + 1 neurons."""
    problem = make_problem(X, Y, beta, **options)
    solution = solve_column_generation(problem, tol=1e-9, proof="heuristic", rng=np.random.default_rng(0))
    network = solution.network.pruned(X)
    return network.padded(Y.size + 1 if width is None else width)


def wild(width, d, c, rng, flags):
    """Unbalanced over many magnitudes, with zero, half-zero, parallel and equal neurons."""
    weights = rng.standard_normal((width, d)) * 10 ** rng.uniform(-2, 2, (width, 1))
    outputs = rng.standard_normal((width, c)) * 10 ** rng.uniform(-2, 1, (width, 1))
    bias = rng.standard_normal(width)
    weights[rng.random(width) < 0.2], outputs[rng.random(width) < 0.2] = 0.0, 0.0
    weights[-1], bias[-1], outputs[-1] = 2.0 * weights[0], 2.0 * bias[0], outputs[0]
    return TwoLayerReLU(
        weights,
        outputs,
        hidden_bias=bias if "hidden_bias" in flags else None,
        intercept=rng.standard_normal(c) if "fit_intercept" in flags else None,
        skip_weights=rng.standard_normal((d, c)) if "skip_connection" in flags else None,
    )


def plain_loss(loss, Y, fit):
    """The loss written out."""
    if loss == "squared":
        return 0.5 * np.sum((Y - fit) ** 2)
    if loss == "logistic":
        return np.sum(np.logaddexp(0.0, -Y * fit))
    return -np.sum(Y * log_softmax(fit, axis=1))


def check_falls(path, ends, X, Y, beta, loss="squared"):
    """The path joins the ends at their width, never rises by more than rounding, and takes no jumps."""
    assert path(0) is ends[0] and path(1) is ends[1]
    ts = np.linspace(0, 1, 201)
    values = np.array([path.objective(t) for t in ts])
    assert np.all(np.diff(values) <= 1e-12 * values[:-1] + 1e-15 * values[0])
    assert values[-1] <= values[0]
    for t in ts[::20]:
        network = path(t)
        assert network.width == ends[0].width
        plain = plain_loss(loss, Y, plain_predict(network, X)) + network.penalty(beta)
        assert path.objective(t) == pytest.approx(plain, rel=1e-10)
    largest = max(path(t).masses.max(initial=0.0) for t in path.knots)
    for t in path.knots[1:-1]:
        before, after = (one.masses[:, None] * one.directions for one in (path(t - 1e-12), path(t + 1e-12)))
        assert np.abs(before - after).max() <= 1e-6 * largest


@pytest.mark.mostly_slow
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "+".join(flags) or "plain")
@pytest.mark.parametrize("seed", range(6))
def test_from_a_wild_network(flags, seed):
    rng = np.random.default_rng(seed)
    n, d, c = int(rng.integers(2, 8)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    X, Y, beta = rng.standard_normal((n, d)), rng.standard_normal((n, c)), 10 ** rng.uniform(-1.5, 0)
    target = trained(X, Y, beta, **flags).permuted(rng.permutation(n * c + 1))
    network = wild(n * c + 1, d, c, rng, flags)
    path = descent_path(network, target, X, Y, beta, proof="heuristic")
    check_falls(path, (network, target), X, Y, beta)


@pytest.mark.parametrize("loss", ["logistic", "multinomial"])
@pytest.mark.parametrize("flags", FLAGS[:3], ids=lambda flags: "+".join(flags) or "plain")
def test_losses_of_labels(loss, flags):
    rng = np.random.default_rng(3)
    X, kinds = rng.standard_normal((9, 2)), np.arange(9) % 3
    Y = np.eye(3)[kinds] if loss == "multinomial" else np.sign(rng.standard_normal((9, 3)))
    target, network = trained(X, Y, 0.2, loss=loss, **flags), wild(28, 2, 3, rng, flags)
    path = descent_path(network, target, X, Y, 0.2, loss=loss, proof="heuristic")
    check_falls(path, (network, target), X, Y, 0.2, loss)


def test_one_output_with_the_logistic_loss():
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((8, 2)), np.sign(rng.standard_normal(8))
    problem = make_problem(X, y, 0.1, loss="logistic", fit_intercept=True)
    target = solve_column_generation(problem, tol=1e-9, rng=rng).network.pruned(X).padded(9)
    network = TwoLayerReLU(rng.standard_normal((9, 2)), rng.standard_normal(9), intercept=1.0)
    path = descent_path(network, target, X, y, 0.1, loss="logistic")
    values = np.array([path.objective(t) for t in np.linspace(0, 1, 201)])
    assert np.all(np.diff(values) <= 1e-12 * values[:-1])


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_data(name):
    X, rng = degenerate_designs()[name], np.random.default_rng(5)
    Y = rng.standard_normal((len(X), 2))
    target, network = trained(X, Y, 0.1), wild(Y.size + 1, X.shape[1], 2, rng, {})
    check_falls(descent_path(network, target, X, Y, 0.1, proof="heuristic"), (network, target), X, Y, 0.1)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", variants(np.zeros((2, 1)), np.zeros(2)))
def test_shifted_scaled_and_permuted_data(name):
    rng = np.random.default_rng(6)
    X, Y = variants(rng.standard_normal((5, 2)), rng.standard_normal((5, 2)))[name]
    beta = 0.05 * np.linalg.norm(X, axis=1) @ np.linalg.norm(Y, axis=1) / len(Y)
    target = trained(X, Y, beta, fit_intercept=True)
    network = wild(Y.size + 1, 2, 2, rng, {"fit_intercept": True})
    path = descent_path(network, target, X, Y, beta, proof="heuristic")
    check_falls(path, (network, target), X, Y, beta)


def test_a_column_of_outputs_is_as_one_output():
    """The same network with y of shape (n, 1) has the same objective all along the path."""
    rng = np.random.default_rng(7)
    X, y = rng.standard_normal((6, 2)), rng.standard_normal(6)
    target = solve_column_generation(make_problem(X, y, 0.1), tol=1e-9, rng=rng).network.pruned(X).padded(7)
    network = TwoLayerReLU(rng.standard_normal((7, 2)), rng.standard_normal(7))
    column = [TwoLayerReLU(one.hidden_weights, one.output_weights[:, None]) for one in (network, target)]
    flat, tall = descent_path(network, target, X, y, 0.1), descent_path(*column, X, y[:, None], 0.1)
    np.testing.assert_allclose(
        [flat.objective(t) for t in flat.knots], [tall.objective(t) for t in tall.knots], rtol=1e-10
    )


def test_known_optimum_and_refusals():
    known = two_outputs()
    target = trained(known.X, known.y, known.beta)
    assert certify(target, known.X, known.y, known.beta).relative_gap <= 1e-6
    network = wild(5, 2, 2, np.random.default_rng(8), {})
    path = descent_path(network, target, known.X, known.y, known.beta)
    assert path.objective(1.0) == pytest.approx(known.value, rel=1e-8)
    check_falls(path, (network, target), known.X, known.y, known.beta)
    with pytest.raises(ValueError, match="target must be globally optimal"):
        descent_path(target, network, known.X, known.y, known.beta)
    narrow = trained(known.X, known.y, known.beta, width=3)
    with pytest.raises(ValueError, match=r"width of \d or more.*entries of y plus one"):
        descent_path(wild(3, 2, 2, np.random.default_rng(1), {}), narrow, known.X, known.y, known.beta)
    with pytest.raises(ValueError, match="loss"):
        descent_path(network, target, known.X, known.y, known.beta, loss="huber")
