"""What one output and several have in common: the outer loop of column generation and its ending."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.exceptions import InvalidInputError, SolverError
from convexnn.programs.posing import make_problem
from convexnn.solvers import column_generation
from convexnn.solvers._runs import start_run
from convexnn.solvers.base import Status, conclude
from convexnn.solvers.column_generation import solve_column_generation
from convexnn.solvers.solve import solve

FREE = {"hidden_bias": True, "fit_intercept": True}
OUTPUTS = pytest.mark.parametrize("several", [False, True], ids=["one output", "several"])


def pose(several, n=40, d=2, beta=0.3):
    """Return the same problem with one output or with two."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    Y = np.tanh(X @ rng.standard_normal((d, 2))) + 0.3 * rng.standard_normal((n, 2))
    return make_problem(X, Y, beta, **FREE) if several else make_problem(X, Y[:, 0], beta, **FREE)


@OUTPUTS
def test_interrupt_before_the_first_round(several, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(column_generation, "start_run", interrupted)
    solution = solve_column_generation(pose(several))
    assert solution.status is Status.interrupted and solution.network.width == 0
    assert 0.0 <= solution.certificate.dual <= solution.certificate.primal


@OUTPUTS
def test_interrupt_in_a_round_keeps_the_network(several):
    records = []

    def interrupt(record):
        records.append(record)
        if record["width"] > 0:
            raise KeyboardInterrupt

    solution = solve_column_generation(pose(several), report=interrupt)
    assert solution.status is Status.interrupted and solution.n_iter == len(records)
    assert solution.certificate.primal == pytest.approx(records[-1]["objective"], rel=1e-9)
    assert solution.certificate.heuristic_gap >= records[-1]["visible_gap"]


@OUTPUTS
def test_a_spent_budget_remembers_the_visible_gap(several):
    solution = solve_column_generation(pose(several), max_work=1.0, proof="heuristic")
    assert solution.status is Status.settled
    assert solution.certificate.heuristic_gap >= solution.history[-1]["visible_gap"]


@OUTPUTS
def test_a_start_is_never_made_worse(several):
    problem = pose(several)
    best = solve_column_generation(problem)
    again = solve_column_generation(problem, start=best.network, max_iter=1, proof="heuristic")
    assert again.certificate.primal <= best.certificate.primal * (1.0 + 1e-12)


@OUTPUTS
def test_a_start_that_does_not_fit_is_refused(several):
    with pytest.raises(InvalidInputError):
        solve_column_generation(pose(several), start=TwoLayerReLU(np.eye(7), np.ones((7, 5))))


@OUTPUTS
def test_solve_is_the_one_entry(several):
    problem = pose(several)
    entered, direct = solve(problem), solve_column_generation(problem)
    assert np.array_equal(entered.network.hidden_weights, direct.network.hidden_weights)
    assert entered.status is direct.status is Status.proven


@OUTPUTS
def test_runs_have_the_same_verbs(several):
    problem = pose(several)
    run = start_run(problem, np.random.default_rng(0))
    before, violators = run.primal, run.search(1e-3)
    assert len(violators) > 0 and run.visible > 0.0 and run.is_conclusive
    run.join_and_improve(violators, 1e-3)
    assert 0 < run.width and run.primal < before
    assert problem.objective(run.network(problem)) == pytest.approx(run.primal, rel=1e-9)
    n_starts = run.n_starts
    assert run.widen_search("heuristic", 4 * n_starts) and run.n_starts == 4 * n_starts
    assert not run.widen_search("heuristic", 4 * n_starts)


@OUTPUTS
@pytest.mark.parametrize("claimed", [Status.converged, Status.stalled])
def test_an_ending_is_judged_by_the_certificate(several, claimed):
    problem = pose(several)
    early, late = solve_column_generation(problem, max_iter=1), solve_column_generation(problem)
    options = {"tol": 1e-6, "n_iter": 0, "history": []}
    assert conclude(late.network, late.certificate, claimed, **options).status is Status.proven
    assert conclude(early.network, early.certificate, claimed, **options).status is Status.stalled
    assert conclude(early.network, early.certificate, Status.max_iter, **options).status is Status.max_iter


@OUTPUTS
def test_an_objective_that_overflows_is_an_error(several):
    solution = solve_column_generation(pose(several), max_iter=1)
    certificate = type(solution.certificate)(**{**vars(solution.certificate), "primal": np.inf})
    with pytest.raises(SolverError, match="overflowed"):
        conclude(solution.network, certificate, Status.max_iter, tol=1e-6, n_iter=1, history=[])


def test_cone_programs_are_refused_for_several_outputs():
    problem = make_problem(np.eye(3), np.eye(3), 0.1)
    with pytest.raises(InvalidInputError, match="solver='cvxpy' is there for one output only"):
        solve(problem, solver="cvxpy")
