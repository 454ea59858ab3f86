"""Training with a free hidden bias against the program over all patterns and the published program of slopes."""

import numpy as np
import pytest

from convexnn import certify
from convexnn._utils.clock import now
from convexnn.programs.posing import make_problem
from convexnn.solvers import free_bias
from convexnn.solvers.solve import solve

from .free_bias_reference import brute_force_optimum, slopes_optimum

TERMS = {"hidden_bias": True, "fit_intercept": True, "penalize_bias": False}


def train(X, y, beta, **options):
    """Return the solution of a problem with a free bias; fields of the problem among the options."""
    effort = {
        name: options.pop(name)
        for name in ("proof", "tol", "max_iter", "start", "deadline", "report")
        if name in options
    }
    return solve(make_problem(X, y, beta, **TERMS, **options), **effort)


def data(n, d, seed, labels=False):
    """Return random rows, shifted by the seed, and targets or labels of both classes."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)) + 2.0 * seed, 2.0 * rng.normal(size=n)
    if labels:
        y = np.where(rng.random(n) < 0.5, -1.0, 1.0)
        y[0] = -y[1]
    return X, y


def check(solution, optimum, tolerance=1e-8):
    """Assert that a solution is proven, and that optimum and bounds are in order."""
    certificate = solution.certificate
    assert solution.status.name == "proven"
    assert certificate.proof == "exact"
    assert certificate.dual <= optimum * (1 + tolerance)
    assert certificate.primal >= certificate.dual
    assert certificate.primal == pytest.approx(optimum, rel=tolerance)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("n", "d"), [(8, 1), (7, 2), (6, 3)])
@pytest.mark.parametrize("seed", range(2))
def test_squared_loss_over_all_patterns(n, d, seed, skip):
    X, y = data(n, d, seed)
    beta = (0.3, 0.03)[seed]
    check(train(X, y, beta, skip_connection=skip), brute_force_optimum(X, y, beta, skip_connection=skip))


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "huber", "absolute"])
@pytest.mark.parametrize("d", [1, 2])
def test_other_losses_over_all_patterns(d, loss):
    X, y = data(8, d, 1, labels=loss in ("logistic", "squared_hinge"))
    check(train(X, y, 0.1, loss=loss), brute_force_optimum(X, y, 0.1, loss=loss), tolerance=1e-7)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("beta", [1.0, 0.1, 0.001])
@pytest.mark.parametrize("seed", range(3))
def test_one_input_is_the_program_of_slopes(seed, beta, skip):
    X, y = data(25, 1, seed)
    X[20:] = X[:5]  # equal rows with different targets
    optimum = slopes_optimum(X, y, beta, skip_connection=skip)
    check(train(X, y, beta, skip_connection=skip), optimum)


def test_kinks_on_one_input_are_data_points():
    X, y = data(30, 1, 0)
    network = train(X, y, 0.05).network
    kinks = -network.hidden_bias / network.hidden_weights[:, 0]
    assert network.width > 3
    assert np.abs(kinks[:, None] - X.T).min(axis=1).max() <= 1e-12


@pytest.mark.parametrize("beta", [0.05, 0.2, 0.33])
def test_optimum_of_a_tent_in_closed_form(beta):
    # The second difference of y is 2 and q = (1, -2, 1): the fit is y - beta q, and p* = 2 beta - 3 beta^2.
    solution = train([[-1.0], [0.0], [1.0]], [1.0, 0.0, 1.0], beta, skip_connection=True)
    check(solution, 2.0 * beta - 3.0 * beta**2, tolerance=1e-12)


@pytest.mark.parametrize("d", [1, 2])
def test_optimum_moves_with_the_units_of_x_and_y(d):
    X, y = data(9, d, 0)
    value = train(X, y, 0.1).certificate.primal
    moved = train(8.0 * X - 40.0, y, 0.8).certificate.primal
    scaled = train(X, 1e6 * y, 1e5).certificate.primal
    permuted = train(X[::-1], y[::-1], 0.1).certificate.primal
    assert moved == pytest.approx(value, rel=1e-7)
    assert scaled == pytest.approx(1e12 * value, rel=1e-7)
    assert permuted == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize("d", [1, 2])
def test_weights_are_repetitions(d):
    X, y = data(7, d, 0)
    weight = np.array([1, 2, 3, 1, 1, 2, 1])
    once = train(X, y, 0.2, sample_weight=weight)
    check(once, train(np.repeat(X, weight, axis=0), np.repeat(y, weight), 0.2).certificate.primal, tolerance=1e-7)


@pytest.mark.parametrize("case", ["one row", "constant y", "constant X", "zero column", "affine y"])
def test_degenerate_data(case):
    X, y = data(6, 2, 0)
    if case == "one row":
        X, y = X[:1], y[:1]
    elif case == "constant y":
        y = np.full(6, 3.0)
    elif case == "constant X":
        X = np.ones((6, 2))
    elif case == "zero column":
        X[:, 1] = 0.0
    else:
        y = X @ [1.0, -2.0] + 1.0
    solution = train(X, y, 0.1, skip_connection=case == "affine y")
    expected = 0.0
    if case == "constant X":
        expected = 0.5 * np.sum((y - y.mean()) ** 2)
    elif case == "zero column":
        expected = slopes_optimum(X[:, 0], y, 0.1)
    assert solution.status.name == "proven"
    assert solution.certificate.primal == pytest.approx(expected, rel=1e-7, abs=1e-20)


def test_penalty_on_the_bias_never_lowers_the_optimum():
    X, y = data(20, 2, 0)
    free = train(X, y, 0.5).certificate
    penalised = solve(make_problem(X, y, 0.5, hidden_bias=True, fit_intercept=True)).certificate
    assert free.primal < penalised.dual


@pytest.mark.parametrize("d", [1, 2])
def test_certificate_of_another_network_is_a_bound(d):
    X, y = data(8, d, 0)
    optimum = brute_force_optimum(X, y, 0.1)
    network = train(X, y, 0.7).network  # optimal elsewhere
    certificate = certify(network, X, y, 0.1, penalize_bias=False)
    assert certificate.dual <= optimum * (1 + 1e-9)
    assert optimum < certificate.primal
    assert certificate.primal == pytest.approx(network.objective(X, y, 0.1, penalize_bias=False), rel=1e-12)
    assert certificate.dual > 0.5 * optimum


def test_start_at_the_optimum_ends_at_once():
    X, y = data(20, 2, 0)
    first = train(X, y, 0.5)
    again = train(X, y, 0.5, start=first.network)
    assert len(first.history) > 1
    assert len(again.history) == 1
    assert again.certificate.primal == pytest.approx(first.certificate.primal, rel=1e-9)


def test_objective_never_rises():
    X, y = data(20, 2, 0)
    values = [record["objective"] for record in train(X, y, 0.05, proof="heuristic").history]
    assert len(values) > 2
    assert np.all(np.diff(values) <= 0.0)


def test_iteration_limit_keeps_a_valid_certificate():
    X, y = data(20, 2, 0)
    stopped, full = train(X, y, 0.05, max_iter=1), train(X, y, 0.05)
    assert stopped.status.name == "max_iter"
    assert stopped.certificate.dual <= full.certificate.primal <= stopped.certificate.primal


def test_searches_that_are_always_cut_short_lead_to_the_optimum(monkeypatch):
    """With no share of the time a search names neurons around few rows, and the last ones look everywhere."""
    X, y = data(40, 2, 0)
    whole = train(X, y, 1.0)
    monkeypatch.setattr(free_bias, "SEARCH_TIME_SHARE", 0.0)
    cut = train(X, y, 1.0, deadline=now() + 1000.0)
    assert whole.status.name == cut.status.name == "proven" and cut.n_iter >= whole.n_iter
    assert cut.certificate.primal == pytest.approx(whole.certificate.primal, rel=2e-6)
    gaps = [record["objective"] / whole.certificate.primal - 1.0 for record in cut.history]
    # The gap that is shown is no smaller than the true one: a search that was cut short has not seen it.
    for record, gap in zip(cut.history, gaps, strict=True):
        assert record["visible_gap"] >= gap / (1.0 + gap) - 2e-6


@pytest.mark.parametrize("n_rounds", [2, 3])
def test_an_interrupt_keeps_the_network_and_a_true_certificate(n_rounds):
    X, y = data(40, 2, 0)
    best, records = train(X, y, 1.0).certificate.primal, []

    def report(record):
        records.append(record)
        if len(records) == n_rounds:
            raise KeyboardInterrupt

    solution = train(X, y, 1.0, report=report)
    certificate = solution.certificate
    assert solution.status.name == "interrupted" and solution.network.width > 0
    assert certificate.primal == pytest.approx(records[-1]["objective"], rel=1e-9)
    assert certificate.dual <= best <= certificate.primal
    assert certificate.heuristic_gap >= 0.999 * (1.0 - best / certificate.primal)
