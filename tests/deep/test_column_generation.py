"""Column generation: the optimum over all cells where these can be listed, and bounds that hold beyond."""

import time

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, InvalidInputError, SolverError
from convexnn.deep import ThreeLayerReLU, certify_three_layer, price_three_layer, train_three_layer
from convexnn.deep.column_generation import Run
from tests.deep.reference import attained_price, best_price, trained


def noise(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


def teacher(seed, n, d):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    inner = np.maximum(X @ rng.standard_normal((d, 3)), 0) @ [1.0, -1.0, 1.0]
    return X, np.maximum(inner, 0) + 0.1 * rng.standard_normal(n)


def generated(X, y, beta, **options):
    """The solution of column generation, after all that it claims has been checked."""
    solution = train_three_layer(X, y, beta, solver="column_generation", **options)
    certificate, network = solution.certificate, solution.network
    assert certificate.primal == network.objective(X, y, beta)
    assert certificate.primal == pytest.approx(solution.program_value, rel=1e-8)
    assert certificate.dual <= certificate.primal * (1 + 1e-12)
    nu = certificate.dual_point
    assert certificate.dual == pytest.approx(nu @ y - 0.5 * nu @ nu, rel=1e-12)
    assert network.n_subnetworks <= len(X) and network.n_hidden <= (options.get("n_hidden") or len(X))
    assert solution.directions is None or len(solution.directions) == 0
    assert solution.n_iter == len(solution.history)
    objectives = [record["objective"] for record in solution.history]
    assert np.all(np.diff(objectives) <= 1e-12)
    return solution


@pytest.mark.mostly_slow
@pytest.mark.parametrize("n_hidden", [1, 2, None])
@pytest.mark.parametrize(("seed", "n", "d"), [(0, 4, 2), (1, 5, 2), (2, 6, 2), (4, 5, 3)])
def test_optimum_and_dual_are_those_of_all_cells(seed, n, d, n_hidden):
    X, y = noise(seed, n, d)
    expected = train_three_layer(X, y, 0.1, n_hidden=n_hidden, solver="enumeration").certificate
    solution = generated(X, y, 0.1, n_hidden=n_hidden)
    assert solution.certificate.primal == pytest.approx(expected.primal, rel=1e-6)
    assert solution.certificate.dual <= expected.primal * (1 + 1e-9)
    assert solution.certificate.heuristic_gap <= 1e-6
    # Bounds for any width and for one neuron are tight; those of any width hold for two neurons.
    if n_hidden != 2:
        assert solution.status.name == "proven" and solution.certificate.dual >= expected.dual * (1 - 1e-6)


LINE = np.column_stack([[-2.0, -1.0, 0.0, 1.0, 2.0], np.ones(5)])
X6, Y6 = noise(2, 6, 2)
DEGENERATE = {
    "equal rows": (np.vstack([X6[:3], X6[:3]]), np.append(Y6[:3], Y6[:3] + 0.3)),
    "opposite rows": (np.vstack([X6[:3], -X6[:3]]), Y6),
    "zero column": (np.column_stack([X6, np.zeros(6)]), Y6),
    "zero row": (np.vstack([X6[:5], np.zeros((1, 2))]), Y6),
    "integer line": (LINE, np.array([0.0, 1.0, 0.0, 1.0, 0.0])),
    "one column": (X6[:, :1], Y6),
    "columns of other sizes": (X6 * [1.0, 1e-8], Y6),
    "a tiny row": (X6 * np.array([1e-12, 1, 1, 1, 1, 1])[:, None], Y6),
    "one sample": (X6[:1], Y6[:1]),
    "wide": (np.eye(3, 12), np.array([3.0, 4.0, -2.0])),
}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_have_the_optimum_of_all_cells(name):
    X, y = DEGENERATE[name]
    expected = train_three_layer(X, y, 0.05, solver="enumeration").certificate.primal
    certificate = generated(X, y, 0.05).certificate
    assert certificate.primal == pytest.approx(expected, rel=1e-6) and certificate.status == "optimal"


@pytest.mark.slow
@pytest.mark.parametrize("power", [-100, -6, 6, 100])
def test_magnitudes(power):
    optimum, factor = train_three_layer(X6, Y6, 0.1).certificate.primal, 10.0**power
    assert generated(X6 * factor, Y6, 0.1 * factor).certificate.primal == pytest.approx(optimum, rel=1e-6)
    certificate = generated(X6, Y6 * factor, 0.1 * factor).certificate
    assert certificate.primal == pytest.approx(optimum * factor**2, rel=1e-6) and certificate.status == "optimal"


def test_symmetries():
    rng = np.random.default_rng(0)
    optimum, order = train_three_layer(X6, Y6, 0.1).certificate.primal, rng.permutation(6)
    rotation = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    assert generated(X6[order], Y6[order], 0.1).certificate.primal == pytest.approx(optimum, rel=1e-6)
    assert generated(X6[:, ::-1] @ rotation, -Y6, 0.1).certificate.primal == pytest.approx(optimum, rel=1e-6)


@pytest.mark.parametrize(("X", "y"), [(np.zeros((9, 2)), np.ones(9)), (np.ones((9, 2)), np.zeros(9))])
def test_the_zero_network(X, y):
    solution = generated(X, y, 0.1)
    assert solution.network.n_subnetworks == 0 and solution.status.name == "proven" and solution.n_iter == 0
    assert solution.certificate.primal == solution.certificate.dual == 0.5 * y @ y


@pytest.mark.slow
def test_beyond_the_enumeration_the_optimum_is_proven():
    X, y = noise(0, 10, 2)
    solution = train_three_layer(X, y, 0.1)
    certificate = solution.certificate
    assert certificate.n_cells is None and certificate.proof == "exact" and certificate.n_nodes > 0
    assert solution.status.name == "proven" and certificate.relative_gap <= 1e-6
    runs = [trained(X, y, 0.1, K=10, m=6, seed=seed, scale=0.7)[0] for seed in range(30)]
    assert certificate.dual <= min(runs) and certificate.primal <= min(runs) * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "n", "d", "beta"), [(noise, 20, 3, 0.3), (teacher, 16, 3, 0.3), (noise, 24, 1, 0.1), (teacher, 40, 4, 1.0)]
)
def test_gradient_training_never_passes_the_bound(make, n, d, beta):
    X, y = make(3, n, d)
    certificate = generated(X, y, beta, proof="bound", max_iter=12).certificate
    runs = [trained(X, y, beta, K=8, m=4, seed=seed, scale=0.6)[0] for seed in range(8)]
    assert certificate.dual <= min(runs) and certificate.proof in ("exact", "bound")
    assert certificate.primal <= min(runs) * (1 + 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("make", [noise, teacher])
def test_dual_points_are_feasible_for_ascents(make):
    X, y = make(1, 30, 4)
    nu = generated(X, y, 0.5, proof="bound", max_iter=4).certificate.dual_point
    assert 0.2 < best_price(X, nu, 4, range(30))[0] <= 0.5 * (1 + 1e-9)
    rng = np.random.default_rng(0)
    prices = [attained_price(X, nu, rng.standard_normal((5, 4)), rng.standard_normal(5)) for _ in range(2_000)]
    assert max(prices) <= 0.5 * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "n", "n_runs", "most"), [(noise, 30, 12, 0.45)])
def test_thirty_samples_against_many_runs(make, n, n_runs, most):
    X, y = make(0, n, 5)
    certificate = train_three_layer(X, y, 1.0).certificate
    runs = [trained(X, y, 1.0, K=10, m=4, seed=seed, scale=0.5)[0] for seed in range(n_runs)]
    assert certificate.dual <= min(runs) and certificate.primal <= min(runs) * (1 + 1e-3)
    assert certificate.proof == "bound" and certificate.relative_gap <= most and certificate.heuristic_gap <= 0.02


def test_three_layers_are_never_above_two():
    X, y = teacher(0, 30, 3)
    two = ConvexReLURegressor(beta=0.5, hidden_bias=False, fit_intercept=False).fit(X, y).certificate_
    one = generated(X, y, 0.5, n_hidden=1)
    assert one.certificate.primal == pytest.approx(two.primal, rel=1e-6) and one.certificate.proof == "exact"
    assert generated(X, y, 0.5, proof="bound").certificate.primal <= two.primal * (1 + 1e-6)


def test_the_same_seed_gives_the_same_network():
    X, y = teacher(2, 15, 3)
    first, again = (generated(X, y, 0.3, proof="bound", max_iter=3, random_state=5) for _ in range(2))
    assert np.array_equal(first.network.first_weights, again.network.first_weights)
    assert first.certificate.dual == again.certificate.dual


def test_max_iter_ends_training_with_a_certificate():
    X, y = noise(0, 20, 3)
    solution = generated(X, y, 0.1, max_iter=1, proof="heuristic")
    assert solution.status.name == "max_iter" and solution.n_iter == 1 and solution.certificate.proof == "heuristic"
    assert 0 < solution.certificate.dual < solution.certificate.primal and solution.certificate.heuristic_gap > 1e-6


@pytest.mark.parametrize("time_limit", [0, 0.5])
def test_time_limit_returns_the_best_network_so_far(time_limit):
    X, y = noise(0, 50, 5)
    started = time.monotonic()
    solution = generated(X, y, 0.1, time_limit=time_limit)
    assert solution.status.name == "time_limit" and solution.certificate.proof in ("heuristic", "bound")
    assert 0 < solution.certificate.dual and time.monotonic() - started < 60
    certificate = certify_three_layer(solution.network, X, y, 0.1, time_limit=time_limit)
    assert certificate.primal == solution.certificate.primal and certificate.dual > 0


@pytest.mark.parametrize(("method", "calls"), [("improve", 1), ("search", 1), ("prove", 0)])
def test_interrupt_returns_the_best_network_so_far(method, calls, monkeypatch):
    X, y = noise(0, 20, 3)
    original, count = getattr(Run, method), []

    def interrupted(self, *arguments, **options):
        count.append(1)
        if len(count) > calls:
            raise KeyboardInterrupt
        return original(self, *arguments, **options)

    monkeypatch.setattr(Run, method, interrupted)
    solution = generated(X, y, 0.3)
    assert solution.status.name == "interrupted" and solution.certificate.proof == "heuristic"
    assert solution.certificate.primal < 0.5 * y @ y and solution.certificate.dual > 0


@pytest.mark.parametrize("module", ["column_generation.solve_training", "relaxation.solve_with_clarabel"])
def test_programs_without_an_answer_leave_what_is_known(module, monkeypatch):
    def fail(*arguments):
        raise SolverError("no answer")

    monkeypatch.setattr(f"convexnn.deep.{module}", fail)
    X, y = teacher(0, 12, 2)
    certificate = generated(X, y, 0.5, max_iter=4).certificate
    assert 0 < certificate.dual < certificate.primal < 0.5 * y @ y
    assert (certificate.proof == "heuristic") == ("relaxation" in module)


def test_violations_that_only_the_proof_has_met_are_told(monkeypatch):
    monkeypatch.setattr("convexnn.deep.column_generation.find_parts", lambda *arguments: ([], np.zeros(0)))
    X, y = noise(0, 8, 2)
    solution = generated(X, y, 0.1, max_iter=1)
    assert solution.status.name == "max_iter" and solution.certificate.heuristic_gap > 0.1
    assert generated(X, y, 0.1).certificate.status == "optimal"  # the proof alone finds what training needs


def test_auto_lists_cells_where_they_are_few():
    assert train_three_layer(X6, Y6, 0.1).certificate.n_cells == 63
    assert train_three_layer(X6, Y6, 0.1, max_blocks=100).certificate.n_cells is None
    assert train_three_layer(X6, Y6, 0.1, time_limit=60).certificate.n_cells is None


def test_networks_trained_elsewhere_are_certified():
    X, y = teacher(0, 20, 3)
    best, weights = min(
        (trained(X, y, 0.5, K=6, m=3, seed=seed, scale=0.6) for seed in range(6)), key=lambda run: run[0]
    )
    certificate = certify_three_layer(ThreeLayerReLU(*weights), X, y, 0.5, proof="bound")
    trained_certificate = generated(X, y, 0.5, proof="bound").certificate
    assert certificate.primal == pytest.approx(best, rel=1e-12) and certificate.n_cells is None
    assert 0.8 * trained_certificate.dual <= certificate.dual <= trained_certificate.primal
    rng = np.random.default_rng(0)
    bad = ThreeLayerReLU(rng.standard_normal((3, 2, 3)), rng.standard_normal((3, 2)), rng.standard_normal(3))
    certificate = certify_three_layer(bad, X, y, 0.5, proof="bound")
    assert certificate.status == "not proven" and certificate.dual <= trained_certificate.primal
    text = str(certificate)
    assert "dual constraint bounded, perhaps loosely" in text and "estimated gap" in text and "branch and bound" in text


@pytest.mark.parametrize("n_hidden", [1, 2, None])
@pytest.mark.parametrize(("seed", "n", "d"), [(0, 4, 2), (2, 6, 2), (3, 5, 3)])
def test_prices_are_those_of_all_cells(seed, n, d, n_hidden):
    X, nu = noise(seed, n, d)
    expected = price_three_layer(X, nu, n_hidden=n_hidden, solver="enumeration")
    for proof in ("auto", "heuristic"):
        found = price_three_layer(X, nu, n_hidden=n_hidden, solver="column_generation", proof=proof)
        assert found.value <= expected.upper_bound * (1 + 1e-9) <= found.upper_bound * (1 + 2e-9)
        assert nu @ found.network.predict(X) == pytest.approx(found.value, rel=1e-12)
    exact = price_three_layer(X, nu, n_hidden=n_hidden, solver="column_generation")
    if n_hidden != 2:
        assert exact.proof == "exact" and exact.value == pytest.approx(expected.value, rel=2e-6)


def test_prices_that_cancel_or_have_no_time_are_bounded():
    X, nu = np.vstack([X6, X6]), np.append(Y6, -Y6)
    found = price_three_layer(X, nu, solver="column_generation")
    assert 0 <= found.value <= 1e-12 and found.upper_bound >= found.value
    found = price_three_layer(X6, Y6, time_limit=0)
    assert found.value == 0 and found.network.n_subnetworks == 0 and found.proof == "bound"
    assert found.upper_bound >= price_three_layer(X6, Y6).value


def test_price_beyond_the_enumeration():
    X, nu = noise(3, 30, 4)
    found = price_three_layer(X, nu)
    assert best_price(X, nu, 4, range(20))[0] <= found.upper_bound * (1 + 1e-9)
    assert found.proof == "exact" and found.value <= found.upper_bound <= found.value * (1 + 1e-6)


def test_bad_options_are_refused_by_name():
    for options, name in (
        ({"solver": "simplex"}, "solver"),
        ({"proof": "maybe"}, "proof"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"time_limit": -1}, "time_limit"),
    ):
        with pytest.raises(InvalidInputError, match=name):
            train_three_layer(X6, Y6, 0.1, **options)
