"""The reference program against known optima and brute force, and what it does when a back end lies."""

import subprocess
import sys
from functools import cache

import cvxpy as cp
import numpy as np
import pytest

from convexnn.exceptions import SolverError
from convexnn.programs import convex_program, make_problem, solve_program, to_network

from ..checks import all_patterns_by_lp, augment, brute_force
from ..zoo import clarke_trap, degenerate_designs, known_optima, random_problem, two_rows

FLAGS = [
    {},
    {"hidden_bias": True},
    {"fit_intercept": True},
    {"skip_connection": True},
    {"hidden_bias": True, "fit_intercept": True, "skip_connection": True},
]


def solved(X, y, beta, masks=None, **flags):
    """Return the network of `solve_program` over all patterns and its objective."""
    weight = flags.get("sample_weight")
    masks = all_patterns_by_lp(augment(X, flags.get("hidden_bias"))) if masks is None else masks
    problem = make_problem(X, y, beta, **flags)
    solution, answers = solve_program(problem, masks[:, problem.rows])
    network = to_network(solution)
    assert answers
    return network, network.objective(X, y, beta, sample_weight=weight), solution


@pytest.mark.parametrize("known", [*known_optima(), clarke_trap()], ids=str)
def test_known_optima(known):
    masks = all_patterns_by_lp(known.X)
    program = convex_program(known.X, known.y, masks, known.beta)
    program.solve(solver=cp.CLARABEL)
    assert program.value == pytest.approx(known.value, rel=1e-6, abs=5e-7)
    network, value, solution = solved(known.X, known.y, known.beta)
    tolerance = 1e-8 if known.fit is not None else 5e-6  # The value of the trap is known to five digits.
    assert value == pytest.approx(known.value, rel=tolerance)
    assert value >= known.value * (1 - tolerance)
    if known.fit is not None:
        np.testing.assert_allclose(network.predict(known.X), known.fit, atol=2e-4 * np.sqrt(known.value))
    assert solution.penalty == pytest.approx(network.masses.sum(), rel=1e-12)


@pytest.mark.parametrize("flags", FLAGS, ids=str)
@pytest.mark.parametrize("shape", [(5, 2), (5, 1)])
def test_free_terms_and_bias_against_brute_force(flags, shape):
    X, y = random_problem(*shape, seed=7)
    X, y = X + 1.0, y + 3.0
    expected = brute_force(X, y, 0.3, **flags)
    assert expected.value - expected.lower <= 1e-7 * expected.value
    _, value, solution = solved(X, y, 0.3, **flags)
    assert value == pytest.approx(expected.value, rel=1e-7)
    assert len(solution.free) == X.shape[1] * flags.get("skip_connection", 0) + flags.get("fit_intercept", 0)


@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_data(name):
    X = degenerate_designs()[name]
    y = np.random.default_rng(4).standard_normal(len(X))
    masks = all_patterns_by_lp(X)
    expected = brute_force(X, y, 0.2, masks=masks)
    assert expected.value - expected.lower <= 1e-7 * expected.value
    assert solved(X, y, 0.2, masks)[1] == pytest.approx(expected.value, rel=1e-7)


@cache
def optimum_of_random_problem():
    X, y = random_problem(5, 2, seed=2)
    masks = all_patterns_by_lp(X)
    return masks, brute_force(X, y, 0.3, masks=masks).value


@pytest.mark.parametrize("input_scale", [1e-150, 1e-6, 1.0, 1e6, 1e150])
@pytest.mark.parametrize("target_scale", [1e-150, 1e-9, 1.0, 1e9, 1e150])
def test_scaled_data(input_scale, target_scale):
    X, y = random_problem(5, 2, seed=2)
    masks, expected = optimum_of_random_problem()
    _, value, _ = solved(X * input_scale, y * target_scale, 0.3 * input_scale * target_scale, masks)
    assert value / target_scale**2 == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("input_scale", [1e-150, 1e-6, 1e6, 1e150])
def test_free_terms_do_not_depend_on_the_scale_of_the_inputs(input_scale):
    X, y = random_problem(6, 2, seed=3)
    masks = all_patterns_by_lp(X)
    flags = {"fit_intercept": True, "skip_connection": True}
    expected = brute_force(X, y, 0.2, masks=masks, **flags).value
    assert solved(X * input_scale, y, 0.2 * input_scale, masks, **flags)[1] == pytest.approx(expected, rel=1e-8)


def test_a_large_mean_is_centred_away():
    X, y = random_problem(6, 2, seed=3)
    expected = brute_force(X, y, 0.2, fit_intercept=True).value
    network, value, _ = solved(X, y + 1e6, 0.2, fit_intercept=True)
    assert value == pytest.approx(expected, rel=1e-7)
    assert network.intercept == pytest.approx(1e6, rel=1e-5)


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_weights_equal_repetition(flags):
    X, y = random_problem(5, 2, seed=11)
    counts = np.array([1, 3, 0, 2, 1])
    repeated = solved(np.repeat(X, counts, axis=0), np.repeat(y, counts), 0.3, **flags)[1]
    weighted = solved(X, y, 0.3, sample_weight=counts, **flags)[1]
    assert weighted == pytest.approx(repeated, rel=1e-8)
    masks = all_patterns_by_lp(augment(X, flags.get("hidden_bias")))
    program = convex_program(X, y, masks, 0.3, sample_weight=counts, **flags)
    assert program.solve(solver=cp.CLARABEL) == pytest.approx(repeated, rel=1e-6)


def test_a_subset_of_the_patterns_is_an_upper_bound():
    known = two_rows(0.1)
    _, value, _ = solved(known.X, known.y, known.beta, np.array([[True, False]]))
    # One pattern without the second sample active: only one of the two targets can be fitted.
    assert value == pytest.approx(0.5 + 0.5 * known.value, rel=1e-8)


@pytest.mark.parametrize("beta", [2.0, 5.0, 1e300])
def test_above_beta_max_there_are_no_neurons(beta):
    known = two_rows()
    network, value, _ = solved(known.X, known.y, beta)
    assert value == pytest.approx(1.0, rel=1e-12)
    assert network.masses.sum() <= 1e-5


@pytest.mark.parametrize("y", [np.zeros(3), np.full(3, 7.0)])
def test_targets_that_the_free_terms_explain(y):
    X, _ = random_problem(3, 2)
    network, value, _ = solved(X, y, 0.1, fit_intercept=True)
    assert network.width == 0 and value == pytest.approx(0.0, abs=1e-25)
    assert network.intercept == pytest.approx(y[0], rel=1e-14)


def test_variables_have_the_documented_names_and_shapes():
    X, y = random_problem(4, 2)
    masks = all_patterns_by_lp(augment(X, True))
    program = convex_program(X, y, masks, 1.0, hidden_bias=True, skip_connection=True, fit_intercept=True)
    shapes = {variable.name(): variable.shape for variable in program.variables()}
    assert shapes == {"positive": (3, len(masks)), "negative": (3, len(masks)), "free": (3,)}
    assert len(program.constraints) == 2


# Back ends that fail or lie


class Lying:
    """Stands in for ``cvxpy.Problem.solve``: the named back ends leave the given value in every variable."""

    def __init__(self, answers):
        self.answers, self.solve = answers, cp.Problem.solve

    def __call__(self, program, solver, **options):
        answer = self.answers.get(solver, "honest")
        if answer == "honest":
            return self.solve(program, solver=solver, **options)
        if isinstance(answer, Exception):
            raise answer
        for variable in program.variables():
            variable.value = None if answer is None else np.full(variable.shape, answer)
        return 0.0


@pytest.mark.parametrize("answer", [None, np.nan, 100.0, cp.SolverError("broken"), ValueError("broken")], ids=str)
def test_a_failed_back_end_is_retried_with_the_second(monkeypatch, answer):
    lying = Lying({"CLARABEL": answer})
    monkeypatch.setattr(cp.Problem, "solve", lambda program, **options: lying(program, **options))
    known = two_rows(0.1)
    problem = make_problem(known.X, known.y, known.beta)
    solution, answers = solve_program(problem, all_patterns_by_lp(known.X))
    value = to_network(solution).objective(known.X, known.y, known.beta)
    assert value == pytest.approx(known.value, rel=1e-5)
    assert len(answers) == 2 and answers[0].startswith("CLARABEL") and answers[1].startswith("SCS")


def test_when_all_back_ends_fail_their_answers_are_reported(monkeypatch):
    lying = Lying({"CLARABEL": None, "SCS": cp.SolverError("broken")})
    monkeypatch.setattr(cp.Problem, "solve", lambda program, **options: lying(program, **options))
    known = two_rows(0.1)
    with pytest.raises(SolverError, match="CLARABEL answered .* without finite values; SCS raised SolverError: broken"):
        solve_program(make_problem(known.X, known.y, known.beta), all_patterns_by_lp(known.X))


def test_the_second_back_end_alone():
    known = two_rows(0.1)
    problem = make_problem(known.X, known.y, known.beta)
    solution, answers = solve_program(problem, all_patterns_by_lp(known.X), back_ends=("SCS",))
    value = to_network(solution).objective(known.X, known.y, known.beta)
    assert value == pytest.approx(known.value, rel=1e-5)
    assert len(answers) == 1


# Bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patterns": np.ones((1, 3), dtype=bool)}, r"patterns must have shape \(n_patterns, 2\)"),
        ({"patterns": np.ones((0, 2), dtype=bool)}, "at least one row"),
        ({"patterns": np.ones(2, dtype=bool)}, "patterns must have shape"),
        ({"patterns": np.full((1, 2), 2)}, "patterns must be Boolean"),
        ({"X": [[np.nan, 1.0], [1.0, 1.0]]}, "NaN"),
        ({"y": [1.0]}, "y must have shape"),
        ({"beta": 0.0}, "beta must be finite and above 0"),
        ({"loss": "none"}, "loss must be"),
        ({"sample_weight": [0.0, 0.0]}, "sample_weight"),
    ],
)
def test_bad_input(change, message):
    arguments = {"X": two_rows().X, "y": np.ones(2), "patterns": np.ones((1, 2), dtype=bool), "beta": 1.0}
    with pytest.raises(ValueError, match=message):
        convex_program(**{**arguments, **change})


def test_importing_the_package_does_not_import_cvxpy():
    code = "import sys, convexnn.programs; sys.exit('cvxpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
