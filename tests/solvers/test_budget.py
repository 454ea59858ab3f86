"""Budgets of work: counted by size and never timed, so that an answer is the same on every machine."""

import numpy as np
import pytest

from convexnn.programs import make_problem
from convexnn.solvers.base import Status
from convexnn.solvers.solve import solve


def noisy_sines(n, d, share, loss="squared"):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, d))
    y = np.sin(2 * X[:, 0]) + X[:, 0] * X[:, 1] + 0.3 * rng.standard_normal(n)
    y = np.where(y > 0, 1.0, -1.0) if loss == "logistic" else y
    return make_problem(X, y, share * n, hidden_bias=True, fit_intercept=True, loss=loss)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_budget_ends_training_with_the_same_network_each_time(loss):
    problem = noisy_sines(120, 4, 0.004, loss)
    first, second = (solve(problem, max_work=1e7, proof="heuristic") for _ in range(2))
    assert first.status is Status.settled
    assert first.certificate.heuristic_gap > 1e-6
    assert np.array_equal(first.network.neurons, second.network.neurons)


def test_larger_budget_ends_lower():
    problem = noisy_sines(120, 4, 0.004)
    ends = [solve(problem, max_work=work, proof="heuristic").certificate.primal for work in (1e7, 1e9)]
    assert ends[1] < ends[0]


def test_budget_of_an_easy_problem_changes_nothing():
    problem = noisy_sines(20, 2, 0.05)
    assert solve(problem, max_work=1e12).status is Status.proven


@pytest.mark.parametrize("options", [{"solver": "working_set"}, {"loss": "absolute"}])
def test_solvers_without_a_budget_ignore_it(options):
    loss = options.pop("loss", "squared")
    problem = noisy_sines(20, 2, 0.05)
    problem = make_problem(problem.features, problem.y, problem.beta, loss=loss)
    assert solve(problem, max_work=1.0, **options).status is not Status.settled
