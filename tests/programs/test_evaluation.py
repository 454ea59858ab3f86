"""Objectives of networks against rational arithmetic: never understated; rounding only where every row is fitted."""

from fractions import Fraction

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.programs.posing import make_problem, problem_of


def rational(values):
    return [[Fraction(v) for v in row] for row in np.atleast_2d(np.asarray(values, dtype=float)).tolist()]


def exact_squared_objective(network, X, y, beta):
    """The objective of the squared loss, for one output or several, in rational numbers."""
    bias = np.zeros(network.width) if network.hidden_bias is None else network.hidden_bias
    outputs = rational(network.output_weights.reshape(network.width, -1)) if network.width else []
    rows, neurons, biases = rational(X), rational(network.hidden_weights), rational(bias)[0]
    targets = rational(np.asarray(y).reshape(len(X), -1))
    skip = None if network.skip_weights is None else rational(network.skip_weights.reshape(len(X[0]), -1))
    intercept = None if network.intercept is None else rational(network.intercept)[0]
    total = Fraction(0)
    for row, target in zip(rows, targets, strict=True):
        values = [
            max(sum((a * b for a, b in zip(row, u, strict=True)), Fraction(0)) + c, Fraction(0))
            for u, c in zip(neurons, biases, strict=True)
        ]
        for k, t in enumerate(target):
            fit = sum((v * a[k] for v, a in zip(values, outputs, strict=True)), Fraction(0))
            fit += 0 if skip is None else sum(x * s[k] for x, s in zip(row, skip, strict=True))
            fit += 0 if intercept is None else intercept[k]
            total += (t - fit) ** 2 / 2
    sizes = [*network.hidden_weights.ravel(), *bias, *network.output_weights.ravel()]
    return total + Fraction(beta) / 2 * sum((Fraction(float(v)) ** 2 for v in sizes), Fraction(0))


def wild_network(seed, n_outputs=None):
    """Data far from the origin, and a network whose free terms are large and cancel."""
    rng = np.random.default_rng(seed)
    n, d, width = 6, 2, int(rng.integers(0, 4))
    X = rng.standard_normal((n, d)) + 10.0 ** rng.integers(0, 8)
    outputs = () if n_outputs is None else (n_outputs,)
    y = rng.standard_normal((n, *outputs)) + 10.0 ** rng.integers(0, 8)
    big = 10.0 ** rng.integers(0, 14)
    network = TwoLayerReLU(
        rng.standard_normal((width, d)),
        rng.standard_normal((width, *outputs)),
        hidden_bias=rng.standard_normal(width),
        skip_weights=big * rng.standard_normal((d, *outputs)),
        intercept=big * rng.standard_normal(outputs) if outputs else big,
    )
    return network, X, y


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
@pytest.mark.parametrize("seed", range(20))
def test_objectives_are_exact_and_rounded_up(seed, n_outputs):
    network, X, y = wild_network(seed, n_outputs)
    problem = problem_of(network, X, y, 0.1)
    found, exact = problem.objective_above(network)[0], exact_squared_objective(network, X, y, 0.1)
    assert exact <= Fraction(found) <= exact * Fraction(1 + 1e-12)


@pytest.mark.parametrize("size", [1e280, 1e295, 1e300, 1e302, 1e307])
def test_objectives_at_the_end_of_float64_are_never_understated(size):
    rng = np.random.default_rng(0)
    X, y, root = size * rng.uniform(-1.0, 1.0, (20, 2)), rng.standard_normal(20), np.sqrt(size)
    network = TwoLayerReLU(rng.standard_normal((4, 2)) / root, 0.3 * rng.standard_normal(4) / root)
    found = problem_of(network, X, y, 0.1 * size).objective_above(network)[0]
    exact = exact_squared_objective(network, X, y, 0.1 * size)
    assert exact <= Fraction(found) <= exact * Fraction(1 + 1e-9)


@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"])
def test_objectives_of_ordinary_data_are_those_of_float64(loss):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 3)), np.sign(rng.standard_normal(30))
    network = TwoLayerReLU(rng.standard_normal((4, 3)), rng.standard_normal(4), intercept=0.3)
    problem = problem_of(network, X, y, 0.1, loss=loss)
    found, rounding = problem.objective_above(network)
    assert found == pytest.approx(network.objective(X, y, 0.1, loss=loss), rel=1e-12) and rounding == 0.0


@pytest.mark.parametrize("big", [1e8, 1e12, 1e15])
def test_free_terms_that_cancel_explain_no_residual(big):
    x = np.random.default_rng(0).standard_normal(20)
    X, y = np.column_stack([x, np.ones(20)]), np.abs(x)
    network = TwoLayerReLU(np.zeros((0, 2)), np.zeros(0), intercept=big, skip_weights=[0.0, -big])
    found, rounding = problem_of(network, X, y, 1e-3).objective_above(network)
    assert found == pytest.approx(0.5 * y @ y, rel=1e-12) and rounding == 0.0


def test_one_row_that_is_not_fitted_makes_all_of_them_count():
    X, y, weight = np.eye(2), np.array([1e9, 1e9 + 1.0]), np.array([1e6, 1.0])
    network = TwoLayerReLU(np.sqrt(1e9) * np.eye(2), np.sqrt([1e9, 1e9]))
    problem = make_problem(X, y, 1e-12, sample_weight=weight, loss="absolute")
    found, rounding = problem.objective_above(network)
    assert found >= 1.0 and rounding == 0.0  # the second row is off by one, whatever the first one weighs
    assert problem.objective(network) >= 1.0


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e6])
def test_targets_that_free_terms_fit_are_fitted_to_rounding(offset):
    x = np.linspace(-1, 1, 9) + offset
    y = 0.1 + 0.3 * (x - offset)
    problem = make_problem(x[:, None], y, 1.0, fit_intercept=True, skip_connection=True)
    skip, intercept = problem.free_coefficients(np.zeros(9))
    network = TwoLayerReLU(np.zeros((0, 1)), np.zeros(0), intercept=intercept, skip_weights=[skip])
    found, rounding = problem.objective_above(network)
    assert found - rounding <= 1e-9 * found and problem.objective(network) == 0.0
