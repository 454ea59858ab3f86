"""Training against all patterns by brute force, and certificates recomputed from scratch at the returned point."""

from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convexnn.programs import make_problem
from convexnn.solvers.base import LARGEST_PROVEN_GAP, Status
from convexnn.solvers.solve import solve

from ..checks import all_patterns_by_lp, augment, brute_force, check_certificate, plain_objective
from ..zoo import clarke_trap, degenerate_designs, known_optima, random_problem, variants

TOLERANCE = 1e-6
BIAS, INTERCEPT, SKIP = {"hidden_bias": True}, {"fit_intercept": True}, {"skip_connection": True}
FLAGS = [{}, BIAS, INTERCEPT, SKIP, BIAS | INTERCEPT, SKIP | INTERCEPT, BIAS | INTERCEPT | SKIP]


def rotation(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def with_special_columns(seed):
    """One Gaussian, one binary and one integer column."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.standard_normal(6), np.arange(6) % 2, np.arange(6) % 4 - 1]), rng.standard_normal(6)


def transformed(X, y, seed=0):
    """Copies of the data on which training must do as well, by name; see `zoo.variants`."""
    repeated = np.array([0, 1, 2, 3, 0, 1])  # equal inputs, some of them with equal targets
    return {
        **variants(X, y, seed),
        "rotated": (X @ rotation(X.shape[1]), y),
        "negated": (-X, -y),
        "repeated": (X[repeated], np.where(np.arange(6) < 5, y[repeated], y)),
    }


@cache
def data(name):
    return with_special_columns(3) if name == "special columns" else transformed(*random_problem(6, 2, seed=5))[name]


@cache
def masks_of(name, hidden_bias):
    return all_patterns_by_lp(augment(data(name)[0], hidden_bias))


DATA = ["special columns", *transformed(*random_problem(6, 2))]


def check_solution(solution, X, y, beta, masks=None, weight=None):
    """Assert what holds of every proven solution; the certificate is recomputed in plain numpy."""
    certificate = solution.certificate
    assert solution.status is Status.proven
    assert certificate.proof == "exact"
    assert certificate.relative_gap <= TOLERANCE
    assert certificate.heuristic_gap <= TOLERANCE
    check_certificate(certificate, solution.network, X, y, beta, sample_weight=weight, masks=masks, tolerance=3e-7)


def check_against_reference(solution, expected):
    """Assert that the objective is not worse than the reference's and not below its lower bound."""
    assert expected.value - expected.lower <= 1e-6 * expected.value
    assert solution.certificate.primal <= expected.value * (1 + 1e-8)
    assert solution.certificate.primal >= expected.lower * (1 - 1e-8)


def strength(X, y, share, **flags):
    """A share of a rough upper bound of the price of the targets, whatever the scale of the data."""
    problem = make_problem(X, y, 1.0, **flags)
    nu = problem.dual_point(np.zeros(len(problem.y)))
    return share * float(np.abs(nu) @ np.linalg.norm(problem.design, axis=1))


@pytest.mark.mostly_slow
@pytest.mark.parametrize("share", [0.1, 0.005])
@pytest.mark.parametrize("name", DATA)
def test_brute_force_on_copies_of_the_data(name, share):
    X, y = data(name)
    beta = strength(X, y, share)
    size, target = np.abs(X).max(), np.abs(y).max()  # the reference is for data of magnitude one
    expected = brute_force(X / size, y / target, beta / size / target)
    solution = solve(make_problem(X, y, beta))
    check_solution(solution, X, y, beta)
    assert solution.certificate.primal <= expected.value * target**2 * (1 + 1e-8)
    assert solution.certificate.primal >= expected.lower * target**2 * (1 - 1e-8)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "+".join(flags) or "no extras")
@pytest.mark.parametrize("name", ["special columns", "shifted", "repeated"])
def test_brute_force_with_free_terms_and_weights(name, flags, weighted):
    X, y = data(name)
    weight = (np.arange(1, len(y) + 1) % 4) * 0.7 if weighted else None
    flags = {**flags, "sample_weight": weight}
    beta = strength(X, y, 0.01, **flags)
    masks = masks_of(name, flags.get("hidden_bias", False))
    solution = solve(make_problem(X, y, beta, **flags))
    check_solution(solution, X, y, beta, masks, weight)
    check_against_reference(solution, brute_force(X, y, beta, masks=masks, **flags))


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "+".join(flags) or "no extras")
def test_scale_of_the_targets(flags, scale):
    X, y = random_problem(12, 3, seed=2)
    beta = strength(X, y, 0.02, **flags)
    plain, scaled = solve(make_problem(X, y, beta, **flags)), solve(make_problem(X, scale * y, scale * beta, **flags))
    assert scaled.certificate.primal == pytest.approx(scale**2 * plain.certificate.primal, rel=1e-9)
    assert scaled.certificate.relative_gap <= TOLERANCE
    assert scaled.network.width == plain.network.width
    np.testing.assert_allclose(scaled.network.predict(X) / scale, plain.network.predict(X), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("flags", [{}, INTERCEPT, SKIP, INTERCEPT | SKIP], ids=lambda flags: "+".join(flags) or "none")
def test_scale_of_the_inputs_without_a_hidden_bias(flags, scale):
    X, y = random_problem(12, 3, seed=2)
    beta = strength(X, y, 0.02, **flags)
    plain, scaled = solve(make_problem(X, y, beta, **flags)), solve(make_problem(scale * X, y, scale * beta, **flags))
    assert scaled.certificate.primal == pytest.approx(plain.certificate.primal, rel=1e-9)
    assert scaled.certificate.relative_gap <= TOLERANCE
    np.testing.assert_allclose(scaled.network.predict(scale * X), plain.network.predict(X), atol=1e-6)


@pytest.mark.parametrize("solver", ["column_generation", "cvxpy"])
@pytest.mark.parametrize("known", known_optima(), ids=str)
def test_known_optima(known, solver):
    solution = solve(make_problem(known.X, known.y, known.beta), solver=solver)
    network, certificate = solution.network, solution.certificate
    check_solution(solution, known.X, known.y, known.beta)
    assert certificate.primal == pytest.approx(known.value, rel=1e-8)
    np.testing.assert_allclose(network.predict(known.X), known.fit, atol=1e-6)
    np.testing.assert_allclose(certificate.dual_point, known.dual_point, atol=1e-6)
    total = float(known.dual_point @ known.fit) / known.beta
    assert network.masses.sum() == pytest.approx(total, rel=1e-6, abs=1e-9)
    check_listed(network, known)


def check_listed(network, known):
    """Assert that every neuron has an optimal direction with its sign; where unique, that all of them are there."""
    if known.m_star == 0:
        assert network.width == 0
        return
    nearest = np.argmax(network.directions @ known.directions.T, axis=1)
    np.testing.assert_allclose(network.directions, known.directions[nearest], atol=1e-6)
    np.testing.assert_array_equal(network.signs, known.signs[nearest])
    assert network.width >= known.m_star
    if known.is_unique:
        assert sorted(nearest) == list(range(len(known.directions)))


def test_masses_of_the_line():
    known = next(known for known in known_optima() if known.name == "line")
    network = solve(make_problem(known.X, known.y, known.beta)).network
    np.testing.assert_allclose(network.masses, [0.9, 0.15], atol=1e-6)
    np.testing.assert_allclose(network.directions, known.directions, atol=1e-6)


def test_clarke_trap_is_left():
    known = clarke_trap()
    solution = solve(make_problem(known.X, known.y, known.beta))
    check_solution(solution, known.X, known.y, known.beta)
    assert solution.certificate.primal == pytest.approx(known.value, abs=5e-7)
    assert solution.certificate.primal <= brute_force(known.X, known.y, known.beta).value * (1 + 1e-8)


@pytest.mark.parametrize(("n", "d", "beta"), [(50, 5, 1.0), (100, 5, 2.0)])
def test_planted_networks_are_solved_and_proven(n, d, beta):
    rng = np.random.default_rng(7)
    X = rng.standard_normal((n, d))
    W = rng.standard_normal((d, 3))
    y = np.maximum(X @ W, 0.0) @ np.array([1.0, -1.0, 1.0]) + 0.1 * rng.standard_normal(n)
    solution = solve(make_problem(X, y, beta))
    certificate = solution.certificate
    assert solution.status is Status.proven
    assert certificate.proof == "exact"
    assert certificate.relative_gap <= 1e-6
    assert certificate.primal == pytest.approx(plain_objective(solution.network, X, y, beta), rel=1e-12)
    nu = certificate.dual_point
    assert certificate.dual == pytest.approx(nu @ y - 0.5 * nu @ nu, rel=1e-12)
    directions = np.vstack([solution.network.directions, rng.standard_normal((20_000, d))])
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    assert np.abs(nu @ np.maximum(X @ directions.T, 0.0)).max() <= beta * (1 + 1e-9)


@pytest.mark.parametrize("flags", [{}, BIAS | INTERCEPT], ids=["plain", "bias and intercept"])
def test_the_reference_solver_agrees(flags):
    rng = np.random.default_rng(11)
    X = rng.standard_normal((20 if not flags else 12, 3 if not flags else 2))
    y = np.abs(X[:, 0]) - X[:, 1] + 0.1 * rng.standard_normal(len(X))
    problem = make_problem(X, y, 0.5, **flags)
    generated, reference = solve(problem), solve(problem, solver="cvxpy", patterns="exact")
    assert reference.certificate.primal == pytest.approx(generated.certificate.primal, rel=1e-6)
    assert max(reference.certificate.relative_gap, generated.certificate.relative_gap) <= 1e-6
    np.testing.assert_allclose(reference.network.predict(X), generated.network.predict(X), atol=1e-4)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", degenerate_designs())
@pytest.mark.parametrize("flags", [{}, BIAS | INTERCEPT], ids=["plain", "bias and intercept"])
def test_degenerate_designs(name, flags):
    X = degenerate_designs()[name]
    y = np.random.default_rng(1).standard_normal(len(X)) + 1.0
    beta = max(strength(X, y, 0.02, **flags), 1e-3)
    masks = all_patterns_by_lp(augment(X, flags.get("hidden_bias", False)))
    solution = solve(make_problem(X, y, beta, **flags))
    expected = brute_force(X, y, beta, masks=masks, **flags)
    check_solution(solution, X, y, beta, masks)
    noise = 1e-15 * float(y @ y)
    assert expected.lower * (1 - 1e-8) - noise <= solution.certificate.primal <= expected.value * (1 + 1e-8) + noise


SMALL_INTEGERS = st.tuples(st.integers(1, 5), st.integers(1, 3)).flatmap(
    lambda shape: st.tuples(arrays(np.int64, shape, elements=st.integers(-2, 2)), st.just(shape[0]))
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(SMALL_INTEGERS, st.sampled_from([{}, BIAS, INTERCEPT]), st.integers(0, 3), st.sampled_from([0.05, 1.0]))
def test_small_integer_data(matrix, flags, seed, beta):
    X = matrix[0].astype(float)
    y = np.random.default_rng(seed).integers(-3, 4, matrix[1]).astype(float)
    expected = brute_force(X, y, beta, **flags)
    solution = solve(make_problem(X, y, beta, **flags))
    certificate, noise = solution.certificate, 1e-14 * float(y @ y)
    assert certificate.dual <= expected.value * (1 + 1e-8) + noise
    assert certificate.primal >= expected.lower * (1 - 1e-8) - noise
    assert certificate.primal <= expected.value * (1 + 1e-7) + noise
    assert solution.status is Status.proven
    assert certificate.gap <= TOLERANCE * certificate.primal + noise


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["column_generation", "cvxpy"])
@pytest.mark.parametrize("max_width", [1, 2, 3])
def test_width_limits(max_width, solver):
    X, y = random_problem(8, 2, seed=4)
    best = solve(make_problem(X, y, 0.05))
    assert best.network.width > 2
    with pytest.warns(UserWarning, match=f"max_width={max_width} was not enough") if max_width < 3 else _quiet():
        narrow = solve(make_problem(X, y, 0.05), max_width=max_width, solver=solver)
    assert narrow.network.width <= max_width
    assert narrow.certificate.primal >= best.certificate.dual
    check_certificate(narrow.certificate, narrow.network, X, y, 0.05, tolerance=3e-7)


class _quiet:
    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False


def test_a_start_is_never_made_worse():
    X, y = random_problem(15, 3, seed=8)
    problem = make_problem(X, y, 0.1)
    start = solve(problem, max_iter=2, proof="heuristic").network
    again = solve(problem, start=start, max_iter=1, proof="heuristic")
    assert again.certificate.primal <= problem.objective(start) * (1 + 1e-12)
    best = solve(problem)
    assert solve(problem, start=best.network).certificate.primal <= best.certificate.primal * (1 + 1e-12)


def test_history_falls_and_ends_at_the_objective():
    X, y = random_problem(40, 4, seed=3)
    solution = solve(make_problem(X, y, 0.2))
    objectives = [record["objective"] for record in solution.history]
    assert len(objectives) == solution.n_iter > 1
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in zip(objectives, objectives[1:], strict=False))
    assert objectives[-1] == pytest.approx(solution.certificate.primal, rel=1e-9)
    assert solution.history[-1]["width"] == solution.network.width


@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-4, 1e-6, 1e-8])
def test_run_ends_within_its_tolerance_of_prices(tol):
    X, y = random_problem(40, 3)
    solution = solve(make_problem(X, y, 0.2), tol=tol)
    best = solve(make_problem(X, y, 0.2), tol=1e-9)
    assert solution.status is Status.proven or tol > LARGEST_PROVEN_GAP
    assert solution.certificate.relative_gap <= tol
    assert solution.certificate.primal <= best.certificate.primal * (1 + tol)
    assert solution.n_iter <= best.n_iter
