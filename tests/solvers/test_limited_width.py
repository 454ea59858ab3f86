"""Networks of limited width: against gradient descent from many starts, and the limit itself for other losses."""

import warnings

import numpy as np
import pytest

from convexnn.exceptions import WidthWarning
from convexnn.landscape import gradient_descent
from convexnn.programs import make_problem
from convexnn.solvers._weights import descend_weights
from convexnn.solvers.base import Status
from convexnn.solvers.solve import solve
from convexnn.solvers.vector_run import build_vector_network

from ..zoo import random_problem


def narrow(problem, width, **options):
    """The solution under a width limit, without the warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WidthWarning)
        return solve(problem, max_width=width, proof="heuristic", **options)


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "width"), [((20, 2), 1), ((20, 2), 3), ((40, 4), 3)])
def test_no_worse_than_many_runs_of_gradient_descent(shape, width):
    X, y = random_problem(*shape, seed=7)
    terms = {"hidden_bias": True, "fit_intercept": True}
    runs = gradient_descent(X, y, width, 0.3, n_runs=100, random_state=0, **terms)
    best = min(network.objective(X, y, 0.3) for network in runs.networks)
    found = narrow(make_problem(X, y, 0.3, **terms), width)
    assert found.network.width <= width
    assert found.certificate.primal <= best * (1.0 + 2e-3)


def test_a_bump_needs_two_neurons():
    x = np.linspace(-3.0, 3.0, 40)[:, None]
    labels = np.where(np.abs(x[:, 0]) < 1.0, 1.0, -1.0)
    problem = make_problem(x, labels, 0.3, loss="logistic", hidden_bias=True, fit_intercept=True)
    found = narrow(problem, 2)
    assert np.all(np.sign(found.network.predict(x)) == labels)


@pytest.mark.slow
def test_several_outputs_no_worse_than_many_descents():
    X, y = random_problem(25, 3, seed=5)
    Y = np.eye(3)[np.digitize(y, [-0.5, 0.5])]
    problem = make_problem(X, Y, 0.3, loss="multinomial", hidden_bias=True, fit_intercept=True)
    width, wide, rng, best = 3, solve(problem, proof="heuristic"), np.random.default_rng(0), np.inf
    found = narrow(problem, width)
    for _ in range(25):
        directions, outputs = rng.standard_normal((width, 4)), rng.standard_normal((width, Y.shape[1]))
        moved = descend_weights(problem, directions, outputs, np.zeros_like(Y))
        best = min(best, problem.objective(build_vector_network(problem, *moved)))
    assert found.network.width <= width and found.status is Status.max_width
    assert wide.certificate.primal * (1.0 - 1e-6) <= found.certificate.primal <= best * (1.0 + 1e-3)
    assert found.certificate.dual <= wide.certificate.primal
    np.testing.assert_array_equal(found.network.output_weights, narrow(problem, width).network.output_weights)


@pytest.mark.slow
def test_other_losses_keep_to_the_limit_and_repeat_themselves():
    X, y = random_problem(18, 3, seed=1)
    problem = make_problem(X, np.sign(y), 0.1, loss="logistic", hidden_bias=True, fit_intercept=True)
    wide = solve(problem, proof="heuristic")
    found, again = narrow(problem, 2), narrow(problem, 2, n_jobs=2)
    assert found.network.width <= 2 < wide.network.width and found.status is Status.max_width
    assert found.certificate.primal >= wide.certificate.primal * (1.0 - 1e-6)
    np.testing.assert_array_equal(found.network.hidden_weights, again.network.hidden_weights)
    assert found.certificate.primal <= narrow(problem, 1).certificate.primal * (1.0 + 1e-6)
