"""Paths for choosing: near the optimum of every strength, in any unit, for every loss."""

from dataclasses import replace

import numpy as np
import pytest

from convexnn.programs import make_problem
from convexnn.programs.units import in_units, is_trivial
from convexnn.solvers.base import build_zero_network
from convexnn.solvers.path import Path
from convexnn.solvers.solve import solve

TERMS = {"hidden_bias": True, "fit_intercept": True}


def targets(loss, n=90, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    y = np.abs(X[:, 0]) + X[:, 1] + 0.2 * rng.standard_normal(n)
    if loss in ("logistic", "squared_hinge"):
        return X, np.where(y > y.mean(), 1.0, -1.0)
    if loss == "multinomial":
        return X, np.eye(3)[np.digitize(y, [0.0, 1.0])]
    return X, y


def pose(loss, skip=False, **changes):
    X, y = targets(loss)
    return make_problem(X, y, 1.0, loss=loss, skip_connection=skip, **TERMS | changes)


@pytest.mark.slow
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("loss", ["squared", "huber", "logistic", "squared_hinge", "multinomial"])
def test_near_the_optimum_of_every_strength(loss, skip):
    problem = pose(loss, skip)
    path = Path(problem, np.random.default_rng(0))
    largest = path.price
    for share in 10.0 ** -np.arange(0.25, 2.1, 0.25):
        point = path.follow(share * largest)
    posed = replace(problem, beta=share * largest)
    network = point.network(posed)
    assert posed.objective(network) == pytest.approx(point.objective, rel=1e-3, abs=1e-6 * len(problem.y))
    optimum = solve(posed, proof="heuristic", max_work=3e9)
    best, nothing = optimum.certificate.primal, posed.objective(build_zero_network(posed))
    assert posed.objective(network) <= best + max(0.2 * best, 0.1 * nothing)  # gradients end in local minima


@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "quantile"])
def test_units_do_not_matter(loss):
    X, y = targets(loss)
    ends = []
    for x_unit, y_unit, offset in ((1.0, 1.0, 0.0), (1e-4, 1e6, 3e6)):
        problem = make_problem(
            x_unit * X, y_unit * y + offset, 1.0, loss=loss, huber_delta=1.35 * y_unit, fit_intercept=True
        )
        path = Path(problem, np.random.default_rng(0))
        point = path.follow(0.05 * path.price)
        ends.append(point.fit(problem))
    assert np.abs((ends[1] - 3e6) / 1e6 - ends[0]).max() < 0.2 * np.std(y)


def test_objectives_are_counted_in_their_unit():
    problem = make_problem(*targets("huber"), 0.7, loss="huber", sample_weight=np.linspace(1.0, 4.0, 90), **TERMS)
    units = in_units(problem)
    network = solve(problem, proof="heuristic").network
    scaled = units.problem
    root = np.sqrt(units.mass_unit)
    hidden = np.maximum(scaled.design @ (network.neurons / root).T, 0.0) @ (network.output_weights / root)
    shift = problem.y - problem.dual_targets
    fit = hidden + (network.intercept - shift) / units.fit_unit
    value = scaled.loss.value(scaled.y, fit, scaled.weight) + scaled.beta * network.masses.sum() / units.mass_unit
    assert units.loss_unit * value == pytest.approx(problem.objective(network), rel=1e-12)


def test_nothing_to_fit_is_seen():
    X, y = targets("squared")
    assert is_trivial(make_problem(X, np.full(90, 3.0), 1.0, **TERMS))
    assert is_trivial(make_problem(0.0 * X, np.arange(90.0), 1.0))
    assert not is_trivial(make_problem(X, y, 1.0, **TERMS))


def test_width_is_limited_and_the_answer_is_the_same_each_time():
    problem = pose("squared")
    first, second = (Path(problem, np.random.default_rng(3), max_width=3) for _ in range(2))
    ends = [path.follow(0.01 * path.price) for path in (first, second)]
    assert len(ends[0].neurons) <= 3
    assert np.array_equal(ends[0].neurons, ends[1].neurons) and first.work == second.work > 0


def test_stopped_path_stands_still():
    problem = pose("squared")
    path = Path(problem, np.random.default_rng(0), stop=lambda: True)
    point = path.follow(0.01 * path.price)
    assert np.isfinite(point.objective)


def test_columns_far_from_zero_are_followed():
    """Rows that hardly differ beside their size: ascents must not all end at the one neuron that is always on."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 1.0, (200, 5)) + 2.0
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 2.5) ** 2 + 10 * X[:, 3]
    path = Path(make_problem(X, y, 1.0, **TERMS), np.random.default_rng(0))
    largest = path.price
    for k in range(13):
        point = path.follow(largest * 10.0 ** (-0.25 * k))
    assert np.mean((point.fit(path.problem) - y) ** 2) < 0.25 * np.var(y)
