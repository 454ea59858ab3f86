"""The program over given patterns: against cvxpy on degenerate and rescaled data, and proven from scratch."""

import time

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, sample_patterns
from convexnn._utils.display import percent_above
from convexnn.programs import make_problem, to_network
from convexnn.solvers.base import Status
from convexnn.solvers.cones import PatternCones
from convexnn.solvers.given_patterns import solve_given_patterns
from convexnn.solvers.restricted import solve_over_patterns

from ..checks import _scaled_dual_value, all_patterns_by_lp, augment, brute_force, free_columns, pattern_prices
from ..zoo import degenerate_designs, known_optima, random_problem, variants

FLAGS = [
    {},
    {"hidden_bias": True},
    {"fit_intercept": True},
    {"hidden_bias": True, "fit_intercept": True, "skip_connection": True},
]


def check_solution(solution, X, y, beta, masks, tol=1e-6, weight=None, **flags):
    """Recompute feasibility, objective and bound of a `RestrictedSolution` in plain numpy."""
    weight = np.ones(len(y)) if weight is None else weight
    design, free = augment(X, flags.get("hidden_bias")), free_columns(X, *(flags.get(k) for k in FREE))
    point, sides = solution.point, np.where(masks.T, 1.0, -1.0)
    sizes = np.linalg.norm(design, axis=1)[:, None]
    for blocks in (point.positive, point.negative):
        assert np.all(sides * (design @ blocks) >= -1e-11 * sizes * np.linalg.norm(blocks, axis=0))
    fit = np.sum(masks.T * (design @ (point.positive - point.negative)), axis=1) + free @ point.free
    value = 0.5 * weight @ (y - fit) ** 2 + beta * point.penalty
    scale = 0.5 * weight @ y**2
    assert solution.primal == pytest.approx(value, rel=1e-9, abs=1e-12 * scale)
    nu = solution.dual_point
    assert np.max(pattern_prices(design, nu, masks)[0]) <= beta * (1 + 1e-9)
    assert np.all(np.abs(free.T @ nu) <= 1e-9 * np.linalg.norm(nu) * np.linalg.norm(free, axis=0) + 1e-300)
    lower = nu @ y - 0.5 * np.sum(nu**2 / weight)
    assert solution.dual == pytest.approx(max(lower, 0.0), rel=1e-9, abs=1e-11 * scale)
    assert solution.relative_gap <= tol
    assert solution.status is Status.restricted


FREE = ("fit_intercept", "skip_connection")


def some_patterns(design, n_patterns, seed=0):
    return sample_patterns(design, n_patterns, random_state=seed).masks


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("shape", [(12, 2, 8), (30, 5, 20), (10, 12, 15)], ids=str)
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_random_data(shape, flags, share):
    n, d, n_patterns = shape
    X, y = random_problem(n, d, seed=n)
    masks = some_patterns(augment(X, flags.get("hidden_bias")), n_patterns)
    beta = share * np.max(np.linalg.norm((masks * y) @ augment(X, flags.get("hidden_bias")), axis=1))
    check_solution(solve_over_patterns(make_problem(X, y, beta, **flags), masks), X, y, beta, masks, **flags)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("flags", [{}, {"hidden_bias": True, "fit_intercept": True}], ids=str)
@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_designs_against_cvxpy(name, flags):
    X = degenerate_designs()[name]
    y = np.random.default_rng(3).standard_normal(len(X))
    masks = all_patterns_by_lp(augment(X, flags.get("hidden_bias")))[::2]
    solution = solve_over_patterns(make_problem(X, y, 0.1, **flags), masks, tol=1e-8)
    check_solution(solution, X, y, 0.1, masks, tol=1e-8, **flags)
    expected = brute_force(X, y, 0.1, masks=masks, **flags)
    assert solution.primal == pytest.approx(expected.value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", variants(*random_problem(12, 3)))
def test_answer_is_the_same_on_transformed_data(name):
    X, y = variants(*random_problem(12, 3))[name]
    masks = some_patterns(X, 12)
    beta = 0.05 * np.max(np.linalg.norm((masks * y) @ X, axis=1))
    check_solution(solve_over_patterns(make_problem(X, y, beta), masks, tol=1e-7), X, y, beta, masks, tol=1e-7)


@pytest.mark.parametrize("known", known_optima(), ids=str)
def test_all_patterns_give_the_optimum_of_all_networks(known):
    solution = solve_over_patterns(make_problem(known.X, known.y, known.beta), all_patterns_by_lp(known.X), tol=1e-9)
    assert solution.primal == pytest.approx(known.value, rel=2e-9)
    network = to_network(solution.point)
    assert network.objective(known.X, known.y, known.beta) == pytest.approx(known.value, rel=2e-9)


def test_patterns_that_are_given_twice():
    X, y = random_problem(15, 3)
    masks = some_patterns(X, 10)
    once, twice = (solve_over_patterns(make_problem(X, y, 0.5), m) for m in (masks, np.repeat(masks, 2, axis=0)))
    assert twice.primal == pytest.approx(once.primal, rel=2e-6)


def test_weights_are_repetition():
    X, y = random_problem(15, 3)
    masks, weight = some_patterns(X, 10), np.random.default_rng(0).integers(1, 4, 15)
    weighted = solve_over_patterns(make_problem(X, y, 0.5, sample_weight=weight), masks, tol=1e-9)
    rows = np.repeat(np.arange(15), weight)
    repeated = solve_over_patterns(make_problem(X[rows], y[rows], 0.5), masks[:, rows], tol=1e-9)
    check_solution(weighted, X, y, 0.5, masks, tol=1e-9, weight=weight)
    assert weighted.primal == pytest.approx(repeated.primal, rel=1e-8)


@pytest.mark.parametrize("y", [np.zeros(8), np.full(8, 1e-300)], ids=["zero", "beta above its maximum"])
def test_the_zero_network(y):
    X, _ = random_problem(8, 2)
    solution = solve_over_patterns(make_problem(X, y, 1.0), some_patterns(X, 5))
    assert solution.point.penalty == 0.0
    assert solution.relative_gap <= 1e-6


def test_the_bits_do_not_depend_on_the_number_of_threads():
    X, y = random_problem(60, 6)
    masks = some_patterns(X, 80)
    problem = make_problem(X, y, 0.05)
    one, two = (solve_over_patterns(problem, masks, n_jobs=n_jobs) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.point.positive, two.point.positive)
    assert one.dual == two.dual


@pytest.mark.parametrize("seconds", [-1.0, 0.02, 0.1])
def test_a_deadline_keeps_the_best_point_and_its_true_gap(seconds):
    X, y = random_problem(150, 8)
    masks = some_patterns(X, 150)
    solution = solve_over_patterns(make_problem(X, y, 0.01), masks, tol=1e-12, deadline=time.monotonic() + seconds)
    assert solution.status is Status.time_limit
    nu = solution.dual_point
    bound = _scaled_dual_value(y, nu, np.ones(150), 0.01, np.max(pattern_prices(X, nu, masks)[0])) if nu.any() else 0.0
    assert solution.dual <= bound * (1 + 1e-9)
    assert solution.primal >= solution.dual


def test_an_interrupt_keeps_the_best_point(monkeypatch):
    X, y = random_problem(40, 5)
    masks, calls, kept = some_patterns(X, 30), [], PatternCones.nearest

    def nearest(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return kept(*args)

    monkeypatch.setattr(PatternCones, "nearest", nearest)
    solution = solve_over_patterns(make_problem(X, y, 0.01), masks, tol=1e-12)
    assert solution.status is Status.interrupted
    assert 0 < solution.dual < solution.primal < 0.5 * y @ y


def test_the_estimator_takes_it_for_given_patterns():
    X, y = random_problem(30, 3)
    patterns = sample_patterns(X, 20, random_state=0)
    options = {"beta": 0.3, "patterns": patterns, "hidden_bias": False, "fit_intercept": False, "tol": 1e-7}
    with pytest.warns(UserWarning, match="given patterns only"):
        ours, named, reference = (
            ConvexReLURegressor(solver=solver, **options).fit(X, y) for solver in ("auto", "working_set", "cvxpy")
        )
    assert ours.certificate_.primal == named.certificate_.primal
    assert ours.certificate_.primal == pytest.approx(reference.certificate_.primal, rel=1e-6)
    assert ours.status_ == "restricted"
    assert ours.n_iter_ > 1


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["working_set", "cvxpy"])
def test_the_certificate_says_over_which_patterns(solver):
    X, y = random_problem(24, 3, seed=3)
    problem, patterns = make_problem(X, y, 1.0), sample_patterns(X, 10, random_state=0)
    solution = solve_given_patterns(problem, patterns, solver=solver, complete=False)
    certificate, words = solution.certificate, str(solution.certificate)
    assert solution.status is Status.restricted and certificate.status == "not proven"
    assert "optimality not proven" in words and "trained over these only" in words
    assert f"others may lower the objective by up to {percent_above(certificate.relative_gap)}" in words
    assert (certificate.pattern_gap is None) == (solver == "cvxpy")
    assert f"{certificate.pattern_gap or 0.0:.2e} from the optimum over them" in words or solver == "cvxpy"
    everything = solve_given_patterns(problem, sample_patterns(X, 10_000, random_state=0), solver=solver, complete=True)
    assert "given patterns" not in str(everything.certificate)
    assert certificate.dual <= everything.certificate.primal


def test_proof_over_all_patterns_costs_little_where_it_fails():
    X, y = random_problem(200, 10, seed=1)
    problem, patterns = make_problem(X, y, 10.0), sample_patterns(X, 50, random_state=0)
    solution = solve_given_patterns(problem, patterns, solver="working_set", complete=False)
    assert solution.status is Status.restricted and solution.certificate.price.n_nodes < 2000
    assert solution.certificate.relative_gap >= solution.certificate.heuristic_gap > 0.0


def test_blocks_that_all_but_vanish_do_not_leave_their_cones():
    """Here truncated Newton steps end next to nothing, with so few digits left that they lie outside."""
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((500, 20)), rng.standard_normal((20, 5))
    y = np.maximum(X @ W, 0) @ rng.choice([-1.0, 1.0], 5)
    y += 0.1 * y.std() * rng.standard_normal(500)
    y = (y - y.mean()) / y.std()
    masks = some_patterns(X, 200)
    beta = 0.01 * np.linalg.norm(PatternCones(X, masks).violators(y, 0.0)[2], np.inf)
    solution = solve_over_patterns(make_problem(X, y, beta), masks)
    assert solution.status is Status.restricted
    for blocks in (solution.point.positive, solution.point.negative):
        values = np.where(masks.T, 1.0, -1.0) * (X @ blocks)
        assert np.all(values >= -1e-11 * np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(blocks, axis=0))
    fit = np.sum(masks.T * (X @ (solution.point.positive - solution.point.negative)), axis=1)
    assert solution.primal == pytest.approx(0.5 * np.sum((y - fit) ** 2) + beta * solution.point.penalty, rel=1e-10)
