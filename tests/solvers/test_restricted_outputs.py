"""Several outputs over given patterns: known answers, discretised directions in cvxpy, one column, all patterns."""

import cvxpy as cp
import numpy as np
import pytest

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, enumerate_patterns, sample_patterns
from convexnn._utils.clock import now
from convexnn.arrangements import ActivationPatterns
from convexnn.exceptions import InvalidInputError
from convexnn.programs import convex_program, make_problem
from convexnn.solvers import output_cones
from convexnn.solvers.base import Status
from convexnn.solvers.column_generation import solve_column_generation
from convexnn.solvers.restricted import solve_over_patterns
from convexnn.solvers.restricted_outputs import solve_outputs_over_patterns
from convexnn.solvers.solve import solve

from ..zoo import degenerate_designs, random_problem, variants

FLAGS = [{}, {"hidden_bias": True}, {"fit_intercept": True}, {"hidden_bias": True, "skip_connection": True}]
LOSSES = ["squared", "huber", "logistic", "squared_hinge", "multinomial"]


def data(n_samples, n_features, n_outputs, loss="squared", seed=0):
    """Gaussian X, and Gaussian targets or labels of the loss."""
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((n_samples, n_features)), rng.standard_normal((n_samples, n_outputs))
    if loss == "multinomial":
        return X, np.eye(n_outputs)[Y.argmax(axis=1)]
    return X, (np.where(Y > 0, 1.0, -1.0) if loss in ("logistic", "squared_hinge") else Y)


def patterns_of(problem, n_patterns=6, seed=0):
    return sample_patterns(problem.design, n_patterns, random_state=seed)


def check(solution, problem, patterns, tol=1e-6):
    """Assert that every neuron lies in a given cone, and that the numbers are those of the network."""
    network = solution.network
    sides = np.where(patterns.masks, 1.0, -1.0)
    sizes = np.linalg.norm(problem.design, axis=1)
    for neuron in network.neurons:
        margins = (sides * (problem.design @ neuron)).min(axis=1, initial=0.0, where=sizes > 0)
        assert margins.max() >= -1e-9 * np.linalg.norm(neuron) * sizes.max()
    assert solution.primal == pytest.approx(problem.objective(network), rel=1e-12)
    assert solution.status is Status.restricted and solution.relative_gap <= tol
    assert solution.dual <= solution.primal


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
def test_the_known_answer(beta):
    X, Y = np.eye(2), np.array([[2.0, 1.0], [1.0, 2.0]]) + beta * np.eye(2)
    problem, patterns = make_problem(X, Y, beta), enumerate_patterns(X)
    solution = solve_outputs_over_patterns(problem, patterns)
    check(solution, problem, patterns)
    assert solution.primal == pytest.approx(beta**2 + 4.0 * beta, rel=1e-6)
    model = ConvexReLURegressor(beta, patterns="exact", hidden_bias=False, fit_intercept=False).fit(X, Y)
    assert model.certificate_.primal == pytest.approx(beta**2 + 4.0 * beta, rel=1e-6)
    assert model.status_ == "proven"


def discretised_value(problem, patterns, n_angles=3000):
    """The optimal value over many directions of the given cones of two inputs, by Clarabel: an upper bound."""
    angles = np.linspace(0.0, 2.0 * np.pi, n_angles, endpoint=False)
    rows = problem.design[np.linalg.norm(problem.design, axis=1) > 0]
    edges = np.arctan2(rows[:, 0], -rows[:, 1])  # the cones end where a row is orthogonal
    angles = np.concatenate([angles, edges, edges + np.pi])
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    values = problem.design @ directions.T
    sides = np.where(patterns.masks, 1.0, -1.0)
    inside = np.any(np.all(sides[:, :, None] * values >= -1e-12, axis=1), axis=0)
    weights = cp.Variable((int(inside.sum()), problem.y.shape[1]))
    fit = np.maximum(values[:, inside], 0.0) @ weights
    if problem.free.shape[1]:
        fit = fit + problem.free @ cp.Variable((problem.free.shape[1], problem.y.shape[1]))
    if problem.loss.name == "squared":
        loss = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(problem.weight)[:, None], problem.y - fit))
    else:
        loss = problem.weight @ (cp.log_sum_exp(fit, axis=1) - cp.sum(cp.multiply(problem.y, fit), axis=1))
    program = cp.Problem(cp.Minimize(loss + problem.beta * cp.sum(cp.norm(weights, 2, axis=1))))
    program.solve(cp.CLARABEL)
    return program.value


@pytest.mark.parametrize("beta", [0.05, 1.0])
@pytest.mark.parametrize("loss", ["squared", "multinomial"])
@pytest.mark.parametrize("n_outputs", [2, 3])
def test_against_discretised_directions(n_outputs, loss, beta):
    X, Y = data(12, 2, n_outputs, loss, seed=3)
    weight = 1.0 + np.arange(12) % 3
    problem = make_problem(X, Y, beta, loss=loss, fit_intercept=loss == "squared", sample_weight=weight)
    patterns = patterns_of(problem, 4)
    solution = solve_outputs_over_patterns(problem, patterns)
    check(solution, problem, patterns)
    reference = discretised_value(problem, patterns)
    assert reference * (1 - 1e-4) <= solution.primal <= reference * (1 + 1e-6)
    assert solution.dual <= reference * (1 + 1e-6)


@pytest.mark.parametrize("beta", [0.05, 1.0])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(flags) or "plain")
def test_one_column_is_one_output(flags, beta):
    # With one output a cone program is known, and another solver solves it.
    X, Y = data(15, 3, 1, seed=2)
    problem, single = make_problem(X, Y, beta, **flags), make_problem(X, Y[:, 0], beta, **flags)
    patterns = patterns_of(problem, 8)
    solution = solve_outputs_over_patterns(problem, patterns)
    check(solution, problem, patterns)
    assert solution.primal == pytest.approx(solve_over_patterns(single, patterns).primal, rel=2e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(flags) or "plain")
def test_all_patterns_are_the_unrestricted_problem(flags, loss):
    X, Y = data(12, 2, 2, loss, seed=1)
    problem = make_problem(X, Y, 0.5, loss=loss, **flags)
    patterns = enumerate_patterns(problem.design)
    solution = solve_outputs_over_patterns(problem, patterns)
    check(solution, problem, patterns)
    assert solution.primal == pytest.approx(solve_column_generation(problem).certificate.primal, rel=2e-6)


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": True, "fit_intercept": True}], ids=["plain", "bias"])
@pytest.mark.parametrize("name", variants(*random_problem(4, 2)))
def test_variants(name, flags):
    X, Y = variants(*data(12, 2, 2))[name]
    scale = np.abs(X).max() * np.abs(Y).max()
    problem = make_problem(X, Y, 0.1 * scale, **flags)
    patterns = patterns_of(problem)
    check(solve_outputs_over_patterns(problem, patterns), problem, patterns)


@pytest.mark.parametrize("beta", [0.5, 1e-2])
@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_designs(name, beta):
    X = degenerate_designs()[name]
    problem = make_problem(X, np.random.default_rng(0).standard_normal((len(X), 2)), beta)
    patterns = enumerate_patterns(X)
    check(solve_outputs_over_patterns(problem, patterns), problem, patterns)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_magnitudes(scale):
    X, Y = data(12, 3, 2)
    plain, problem = make_problem(X, Y, 0.5), make_problem(X * scale, Y / scale, 0.5)
    patterns = patterns_of(plain)
    given = ActivationPatterns.from_masks(X * scale, patterns.masks)
    solution = solve_outputs_over_patterns(problem, given)
    check(solution, problem, given)
    assert solution.primal * scale**2 == pytest.approx(solve_outputs_over_patterns(plain, patterns).primal, rel=2e-6)


def test_more_patterns_are_never_worse():
    problem = make_problem(*data(20, 3, 2), 0.3)
    patterns = patterns_of(problem, 40)
    values = [solve_outputs_over_patterns(problem, patterns[:k]).primal for k in (5, 15, 40)]
    assert values[0] >= values[1] * (1 - 1e-6) >= values[2] * (1 - 2e-6)
    assert values[2] >= solve_column_generation(problem).certificate.dual


def test_a_bound_is_never_below_the_price():
    rng = np.random.default_rng(0)
    X, N = rng.standard_normal((15, 3)), rng.standard_normal((15, 3))
    patterns = enumerate_patterns(X)[:10]
    geometry = output_cones.OutputCones(X, patterns.masks)
    points = rng.standard_normal((200_000, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    sides = np.where(patterns.masks, 1.0, -1.0)
    inside = np.array([np.all(side * (points @ X.T) >= 0, axis=1) for side in sides]).any(axis=0)
    seen = np.linalg.norm(np.maximum(X @ points[inside].T, 0.0).T @ N, axis=1).max()
    found = geometry.find(N, 0.0, np.zeros(0, int), np.zeros((0, 3)))[3]
    level = found * (1 + 1e-6)
    bound, above = geometry.bound(N, level)
    assert seen <= found * (1 + 1e-9) and found <= bound <= level
    assert len(above[0]) == 0
    # Below the price something above the level is met, and the bound stays valid.
    bound, above = geometry.bound(N, 0.9 * found)
    assert bound >= found and len(above[0]) > 0


def test_a_proof_out_of_budget_has_a_valid_gap(monkeypatch):
    problem = make_problem(*data(20, 3, 3), 0.1)
    patterns = patterns_of(problem, 10)
    best = solve_outputs_over_patterns(problem, patterns)
    monkeypatch.setattr(output_cones, "MAX_BOUND_PROJECTIONS", 0)
    solution = solve_outputs_over_patterns(problem, patterns)
    assert solution.status is Status.converged and solution.relative_gap > 1e-6
    assert solution.dual <= best.primal and solution.primal == pytest.approx(best.primal, rel=1e-6)


def test_limits_and_interrupts():
    problem = make_problem(*data(20, 3, 2), 0.1)
    patterns = patterns_of(problem, 10)
    assert solve_outputs_over_patterns(problem, patterns, max_iter=1).status is Status.max_iter
    assert solve_outputs_over_patterns(problem, patterns, deadline=now()).status is Status.time_limit

    def interrupt(record):
        seen.append(record["objective"])
        if len(seen) == 2:
            raise KeyboardInterrupt

    seen = []
    solution = solve_outputs_over_patterns(problem, patterns, report=interrupt)
    assert solution.status is Status.interrupted and solution.primal <= seen[1] * (1 + 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_solve_over_a_sample(loss):
    problem = make_problem(*data(20, 3, 2, loss), 0.3, loss=loss, hidden_bias=True)
    solution = solve(problem, patterns="sampled", n_patterns=10)
    assert solution.status is Status.restricted and solution.certificate.pattern_gap <= 1e-6
    assert solution.certificate.primal >= solve(problem).certificate.dual
    assert "given patterns" in str(solution.certificate)


def test_estimators_take_patterns_with_several_outputs():
    X, Y = data(30, 2, 2)
    sampled = ConvexReLURegressor(0.5, patterns="sampled", n_patterns=8, tol=1.0).fit(X, Y)
    exact, best = ConvexReLURegressor(0.5, patterns="exact").fit(X, Y), ConvexReLURegressor(0.5).fit(X, Y)
    assert sampled.status_ == "restricted" and sampled.predict(X).shape == Y.shape
    assert sampled.certificate_.primal >= best.certificate_.dual
    assert exact.certificate_.primal == pytest.approx(best.certificate_.primal, rel=2e-6)
    own = sample_patterns(np.column_stack([X, np.ones(30)]), 8, random_state=1)
    weighted = ConvexReLURegressor(0.5, patterns=own, tol=1.0).fit(X, Y, np.full(30, 2.0))
    assert weighted.status_ == "restricted"


def test_classes_take_patterns_too():
    X, Y = data(40, 2, 3)
    y = Y.argmax(axis=1)
    sampled = ConvexReLUClassifier(0.5, patterns="sampled", n_patterns=8, tol=1.0).fit(X, y)
    assert sampled.status_ == "restricted"
    np.testing.assert_allclose(sampled.predict_proba(X).sum(axis=1), 1.0)
    exact, best = ConvexReLUClassifier(0.5, patterns="exact").fit(X, y), ConvexReLUClassifier(0.5).fit(X, y)
    assert exact.certificate_.primal == pytest.approx(best.certificate_.primal, rel=2e-6)


def test_cone_programs_are_refused_with_the_reason():
    X, Y = data(10, 2, 2)
    with pytest.raises(InvalidInputError, match="one output only.*no cone program of fixed size is known"):
        ConvexReLURegressor(0.5, solver="cvxpy").fit(X, Y)
    with pytest.raises(InvalidInputError, match="no cone program of fixed size is known"):
        convex_program(X, Y, enumerate_patterns(X), 0.5)
    with pytest.raises(InvalidInputError, match="solve_outputs_over_patterns"):
        solve_over_patterns(make_problem(X, Y, 0.5), enumerate_patterns(X))
    with pytest.raises(InvalidInputError, match="solve_over_patterns"):
        solve_outputs_over_patterns(make_problem(X, Y[:, 0], 0.5), enumerate_patterns(X))
    with pytest.raises(InvalidInputError, match="working_set"):  # still the squared loss alone for one output
        ConvexReLURegressor(0.5, loss="huber", solver="working_set").fit(X, Y[:, 0])
    with pytest.raises(InvalidInputError, match="column_generation"):
        ConvexReLURegressor(0.5, solver="column_generation", patterns="exact").fit(X, Y)
