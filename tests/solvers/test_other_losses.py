"""Training with losses other than the squared one, against programs over all patterns and independent certificates."""

import numpy as np
import pytest

from convexnn import InvalidInputError, TwoLayerReLU, beta_max, certify, convex_program, enumerate_patterns, optimal_set
from convexnn.losses import LOSSES, ProximalLoss, make_loss
from convexnn.programs.posing import make_problem
from convexnn.solvers.base import Status
from convexnn.solvers.solve import solve

from ..checks import best_network

OTHERS = [
    ("huber", {}),
    ("huber", {"huber_delta": 0.2}),
    ("absolute", {}),
    ("quantile", {"quantile": 0.8}),
    ("logistic", {}),
    ("squared_hinge", {}),
]
TERMS = [
    {},
    {"fit_intercept": True},
    {"hidden_bias": True, "fit_intercept": True},
    {"hidden_bias": True, "fit_intercept": True, "skip_connection": True},
]
every_loss = pytest.mark.parametrize(("loss", "options"), OTHERS, ids=str)
STRONG = 0.3


def draw(loss, seed, n=9, d=2):
    """Data with outliers, or with labels that no line separates."""
    rng = np.random.default_rng(seed)
    X, weight = rng.standard_normal((n, d)), rng.uniform(0.5, 2.0, n)
    y = 3.0 * rng.standard_normal(n)
    return X, np.where(y > 0, 1.0, -1.0) if make_loss(loss).labels else y, weight


def train(X, y, beta, seed=0, start=None, max_width=None, solver="auto", patterns="auto", **options):
    problem = make_problem(X, y, beta, **options)
    rng = np.random.default_rng(seed)
    return solve(problem, rng=rng, start=start, max_width=max_width, solver=solver, patterns=patterns)


@pytest.mark.mostly_slow
@every_loss
@pytest.mark.parametrize("terms", TERMS, ids=lambda terms: "+".join(terms) or "plain")
def test_the_optimum_over_all_patterns_is_reached_and_proven(loss, options, terms):
    X, y, weight = draw(loss, len(terms))
    best, _ = best_network(loss, X, y, STRONG, weight, **terms, **options)
    found = train(X, y, STRONG, sample_weight=weight, loss=loss, **terms, **options)
    assert found.status is Status.proven
    assert found.certificate.primal == pytest.approx(best, rel=2e-6)
    assert found.certificate.dual <= best * (1 + 1e-7)
    independent = certify(found.network, X, y, STRONG, sample_weight=weight, loss=loss, proof="exact", **options)
    assert independent.relative_gap <= 3e-6
    objective = found.network.objective(X, y, STRONG, sample_weight=weight, loss=loss, **options)
    assert found.certificate.primal == pytest.approx(objective, rel=1e-12)
    assert [r["objective"] for r in found.history] == sorted((r["objective"] for r in found.history), reverse=True)


def changed(name, X, y, weight):
    """Copies of the data on which the optimum is known from that on the original."""
    if name == "permuted":
        order = np.random.default_rng(5).permutation(len(y))
        return X[order], y[order], weight[order]
    if name == "repeated":
        return np.vstack([X, X[:4]]), np.append(y, y[:4]), np.append(weight / np.where(np.arange(len(y)) < 4, 2, 1),
                                                                      weight[:4] / 2)  # fmt: skip
    if name == "zero weights":
        return np.vstack([X, 5.0 * X[:3]]), np.append(y, y[:3]), np.append(weight, np.zeros(3))
    if name == "rotated":
        turn, _ = np.linalg.qr(np.random.default_rng(6).standard_normal((X.shape[1],) * 2))
        return X @ turn, y, weight
    return np.column_stack([X, np.zeros(len(y))]), y, weight


@pytest.mark.mostly_slow
@every_loss
@pytest.mark.parametrize("name", ["permuted", "repeated", "zero weights", "rotated", "padded"])
def test_equivalent_data_have_the_same_optimum(loss, options, name):
    X, y, weight = draw(loss, 3, n=25)
    terms = {"hidden_bias": True, "fit_intercept": True, "loss": loss, **options}
    best = train(X, y, STRONG, sample_weight=weight, **terms).certificate.primal
    X, y, weight = changed(name, X, y, weight)
    assert train(X, y, STRONG, sample_weight=weight, **terms).certificate.primal == pytest.approx(best, rel=2e-6)


@pytest.mark.mostly_slow
@every_loss
@pytest.mark.parametrize("scale", [1e-6, 1e5])
def test_scaled_inputs(loss, options, scale):
    X, y, _ = draw(loss, 4, n=20)
    best = train(X, y, STRONG, loss=loss, fit_intercept=True, **options).certificate.primal
    other = train(scale * X, y, scale * STRONG, loss=loss, fit_intercept=True, **options).certificate
    assert other.primal == pytest.approx(best, rel=3e-6)
    assert other.relative_gap <= 3e-6


@pytest.mark.parametrize("loss", ["absolute", "quantile"])
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scaled_targets(loss, scale):
    X, y, _ = draw(loss, 4, n=20)
    best = train(X, y, STRONG, loss=loss, fit_intercept=True, hidden_bias=True).certificate.primal
    other = train(X, scale * y, STRONG, loss=loss, fit_intercept=True, hidden_bias=True).certificate
    assert other.primal == pytest.approx(scale * best, rel=3e-6)


@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile"])
def test_targets_far_from_zero(loss):
    X, y, _ = draw(loss, 4, n=20)
    best = train(X, y, STRONG, loss=loss, fit_intercept=True).certificate.primal
    assert train(X, y + 1e5, STRONG, loss=loss, fit_intercept=True).certificate.primal == pytest.approx(best, rel=1e-5)


DEGENERATE = {
    "one row": (np.array([[1.0, 2.0]]), np.array([1.0])),
    "equal rows": (np.ones((4, 2)), np.array([1.0, -1.0, 1.0, 1.0])),
    "zero rows": (np.vstack([np.zeros((2, 2)), np.eye(2)]), np.array([1.0, -1.0, 1.0, -1.0])),
    "zero data": (np.zeros((4, 2)), np.array([1.0, -1.0, 1.0, 1.0])),
    "grid": (np.array([[i, j] for i in range(4) for j in range(4)], float), np.array([1.0, -1.0] * 8)),
    "collinear": (np.outer(np.arange(1.0, 9.0), [1.0, 2.0]), np.array([1.0, 1.0, -1.0, -1.0] * 2)),
    "one class": (np.random.default_rng(0).standard_normal((6, 2)), np.ones(6)),
}


@pytest.mark.mostly_slow
@every_loss
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data(loss, options, name):
    X, y = DEGENERATE[name]
    intercept = len(name) % 2 == 0
    terms = {"fit_intercept": intercept, "loss": loss, **options}
    best, _ = best_network(loss, X, y, 0.1, np.ones(len(y)), fit_intercept=intercept, **options)
    found = train(X, y, 0.1, **terms).certificate
    assert found.primal == pytest.approx(best, rel=1e-5, abs=1e-5)  # the reference ends that early
    assert found.dual <= best + 1e-6
    assert found.gap <= 1e-5


@pytest.mark.mostly_slow
@every_loss
def test_the_same_bits_for_any_number_of_threads_and_a_seed(loss, options):
    X, y, _ = draw(loss, 7, n=40, d=3)
    problem = make_problem(X, y, STRONG, hidden_bias=True, fit_intercept=True, loss=loss, **options)
    first, second = (solve(problem, n_jobs=n_jobs).network for n_jobs in (1, 2))
    np.testing.assert_array_equal(first.neurons, second.neurons)
    np.testing.assert_array_equal(first.output_weights, second.output_weights)


@every_loss
def test_a_start_is_never_left_for_something_worse(loss, options):
    X, y, _ = draw(loss, 8, n=30)
    known = train(X, y, STRONG, loss=loss, hidden_bias=True, fit_intercept=True, **options)
    again = train(X, y, STRONG, start=known.network, loss=loss, hidden_bias=True, fit_intercept=True, **options)
    assert again.certificate.primal <= known.certificate.primal * (1 + 1e-12)


@every_loss
def test_given_patterns_by_the_reference(loss, options):
    X, y, _ = draw(loss, 9)
    best, _ = best_network(loss, X, y, STRONG, np.ones(len(y)), **options)
    assert train(X, y, STRONG, loss=loss, solver="cvxpy", patterns="exact", **options).certificate.primal == (
        pytest.approx(best, rel=1e-5)
    )
    program = convex_program(X, y, enumerate_patterns(X), STRONG, loss=loss, **options)
    assert program.solve(solver="CLARABEL") == pytest.approx(best, rel=1e-5)
    with pytest.raises(InvalidInputError, match="solver='working_set' solves the program of the squared loss"):
        train(X, y, STRONG, loss=loss, solver="working_set", patterns="exact", **options)


@pytest.mark.slow
@pytest.mark.parametrize("loss, options", [("huber", {}), ("quantile", {"quantile": 0.8}), ("logistic", {})])
def test_narrow_networks(loss, options):
    X, y, _ = draw(loss, 10, n=25)
    terms = {"loss": loss, "hidden_bias": True, "fit_intercept": True, **options}
    wide = train(X, y, 0.1, **terms)
    assert wide.network.width > 2
    with pytest.warns(UserWarning, match="max_width=2 was not enough"):
        narrow = train(X, y, 0.1, max_width=2, **terms)
    assert narrow.network.width <= 2
    empty = make_problem(X, y, 0.1, **terms)
    start = solve(make_problem(X, y, 1e6, **terms)).network
    assert wide.certificate.primal < narrow.certificate.primal < empty.objective(start)


def test_outliers_do_not_move_the_absolute_fit():
    rng = np.random.default_rng(0)
    X = np.linspace(-1.0, 1.0, 40)[:, None]
    y = np.abs(X[:, 0])
    spoiled = y.copy()
    spoiled[rng.choice(40, 5, replace=False)] += 50.0
    terms = {"hidden_bias": True, "fit_intercept": True}
    robust = train(X, spoiled, 0.5, loss="absolute", **terms).network
    plain = train(X, spoiled, 0.5, loss="squared", **terms).network
    assert np.abs(robust.predict(X) - y).mean() < 0.1 * np.abs(plain.predict(X) - y).mean()


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_quantile_loss_has_its_share_below(quantile):
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (200, 1))
    y = X[:, 0] ** 2 + rng.exponential(1.0, 200)
    found = train(X, y, 1.0, loss="quantile", quantile=quantile, hidden_bias=True, fit_intercept=True).network
    fit = found.predict(X)
    assert np.mean(y < fit - 1e-9) <= quantile <= np.mean(y <= fit + 1e-9)  # the intercept is free


def test_half_the_quantile_loss_of_one_half_is_the_absolute_one():
    X, y, _ = draw("absolute", 11, n=20)
    half = train(X, y, STRONG / 2, loss="quantile", quantile=0.5).certificate.primal
    assert 2 * half == pytest.approx(train(X, y, STRONG, loss="absolute").certificate.primal, rel=2e-6)


@pytest.mark.parametrize("centre", [0.0, 0.4])
def test_smoothed_kinked_loss_is_the_huber_loss_around_zero(centre):
    rng = np.random.default_rng(2)
    y, fit = rng.standard_normal(20), rng.standard_normal(20)
    loss = ProximalLoss((-1.0, 1.0), centre * np.ones(20), 0.5)
    if centre == 0.0:
        huber = make_loss("huber", huber_delta=0.5)
        np.testing.assert_allclose(loss.terms(y, fit), huber.terms(y, fit) / 0.5, atol=1e-14)
    step = 1e-6
    numeric = (loss.terms(y, fit - step) - loss.terms(y, fit + step)) / (2 * step)
    np.testing.assert_allclose(loss.slopes(y, fit), numeric, atol=1e-8)
    nu = loss.dual_point(y, fit, np.ones(20))
    assert loss.dual_value(y, nu, np.ones(20)) == pytest.approx(loss.terms(y, fit).sum() + nu @ fit, rel=1e-10)


@pytest.mark.slow
def test_optimal_sets_of_the_logistic_loss():
    X, y, weight = draw("logistic", 12, n=15)
    terms = {"hidden_bias": True, "fit_intercept": True, "sample_weight": weight}
    found = optimal_set(X, y, 0.3, loss="logistic", **terms)
    best, _ = best_network("logistic", X, y, 0.3, weight, hidden_bias=True, fit_intercept=True)
    assert found.optimal_value == pytest.approx(best, rel=1e-6)
    network = found.minimal_network()
    assert network.width == found.m_star
    objective = network.objective(X, y, 0.3, sample_weight=weight, loss="logistic")
    assert objective == pytest.approx(found.optimal_value, rel=1e-12)
    assert found.contains(network)
    values = np.abs(found.dual_point @ np.maximum(np.column_stack([X, np.ones(15)]) @ found.directions.T, 0.0))
    np.testing.assert_allclose(values, 0.3, rtol=1e-8)


def test_an_optimal_set_of_the_logistic_loss_with_many_optima():
    """Labels that are symmetric under a rotation by 120 degrees: O2's geometry with another loss."""
    angles = np.deg2rad([0.0, 120.0, 240.0])
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    found = optimal_set(X, np.ones(3), 0.1, loss="logistic")
    assert (found.m_star, found.M_star, len(found.directions)) == (2, 3, 6)
    assert [found.n_components(width) for width in (1, 2, 3, 4)] == [0, 6, 15, 1]


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - {"squared", "logistic"}))
def test_sets_without_one_fit_are_refused_by_name(loss):
    X, y, _ = draw(loss, 0)
    with pytest.raises(InvalidInputError, match=f"with the {loss} loss optimal networks may differ in their fits"):
        optimal_set(X, y, 0.3, loss=loss)


@pytest.mark.parametrize("terms", [{}, {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}], ids=str)
def test_paths_and_staircases_of_the_logistic_loss(terms):
    X, y, _ = draw("logistic", 13)
    found = optimal_set(X, y, 0.1, loss="logistic", **terms)
    width = found.connected_from
    assert found.is_connected(width)
    first = found.minimal_network().padded(width)
    second = first.permuted(np.roll(np.arange(width), 1))
    path = found.path(first, second)
    objectives = [path.objective(t) for t in np.linspace(0, 1, 21)]
    np.testing.assert_allclose(objectives, found.optimal_value, rtol=1e-12)
    if found.m_star < found.connected_from:
        assert found.n_components(found.m_star - 1) == 0 < found.n_components(found.m_star)


@pytest.mark.parametrize("loss", ["absolute", "quantile", "huber"])
@pytest.mark.parametrize(("n", "d"), [(2, 1), (4, 3), (5, 1)])
def test_free_terms_that_meet_all_targets_need_no_neuron(loss, n, d):
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, d))
    y = 1e4 * rng.standard_normal(n) if n <= d + 1 else 0.3 * X[:, 0] + 0.1
    found = train(X, y, 1.0, loss=loss, hidden_bias=True, fit_intercept=True, skip_connection=True)
    assert found.status is Status.proven
    assert found.network.width == 0 and found.certificate.primal == found.certificate.rounding


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_labels_that_the_free_terms_separate_end_without_a_proof(loss):
    terms = {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}
    found = train(np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0]), 1.0, loss=loss, **terms)
    assert found.status is (Status.proven if loss == "squared_hinge" else Status.stalled)  # 0 is met, or approached
    assert found.certificate.primal < 1e-9


def test_neurons_may_vanish_all_at_once():
    X = np.array([[-0.8, 0.3], [1.8, 0.9], [0.4, 1.5], [0.7, 2.1], [-1.3, 0.1]])
    y, weight = np.array([0.5, -0.7, 0.0, -1.1, -1.3]), np.array([85.75, 0.25, 0.06, 0.14, 7.34])
    found = train(X, y, 0.418, sample_weight=weight, loss="absolute", skip_connection=True)
    assert found.status is Status.proven


def test_a_neuron_that_is_off_on_all_rows_is_certified():
    dead = TwoLayerReLU([[-1.0]], [1.0])
    found = certify(dead, [[1.0], [2.0]], [1.0, 3.0], 0.5, loss="absolute")
    assert found.primal == pytest.approx(4.5, rel=1e-14)
    assert found.dual == pytest.approx(certify(dead.padded(2), [[1.0], [2.0]], [1.0, 3.0], 0.5, loss="absolute").dual)
    assert 0.0 < found.dual < 2.0


@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile"])
@pytest.mark.parametrize("skip", [False, True])
def test_bounds_and_strengths_far_from_the_origin(loss, skip):
    rng = np.random.default_rng(0)
    X, y, far = rng.standard_normal((12, 1)), rng.standard_normal(12), 1e6
    terms = {"fit_intercept": True, "skip_connection": skip}
    near = train(X, y, 1.0, loss=loss, **terms)
    found = train(X, y + far, 1.0, loss=loss, **terms)
    assert near.status is found.status is Status.proven
    assert found.certificate.primal == pytest.approx(near.certificate.primal, rel=1e-8)
    strengths = [beta_max(X, targets, loss=loss, **terms) for targets in (y, y + far)]
    assert strengths[1] == pytest.approx(strengths[0], rel=1e-7)
    best = train(X + far, y + far, 1.0, loss=loss, **terms)  # another problem: neurons cannot bend among the data
    constant = TwoLayerReLU(np.zeros((0, 1)), np.zeros(0), intercept=far, skip_weights=[0.0] if skip else None)
    bound = certify(constant, X + far, y + far, 1.0, loss=loss).dual
    assert bound <= best.certificate.primal * (1 + 1e-9)


def test_free_terms_are_fitted_where_the_huber_loss_is_flat():
    rng = np.random.default_rng(34)
    X, y, weight = rng.standard_normal((12, 3)), 50 + 20 * rng.standard_normal(12), 10.0 ** rng.uniform(-2, 2, 12)
    problem = make_problem(X, y, 1.0, loss="huber", huber_delta=0.1, sample_weight=weight, skip_connection=True)
    nu = problem.dual_point(np.zeros(12))
    assert np.any(nu)
    assert np.abs(X.T @ nu).max() <= 1e-14 * np.abs(nu).sum()
    assert beta_max(X, y, loss="huber", huber_delta=0.1, sample_weight=weight, skip_connection=True) > 0.1


def test_margin_met_to_rounding_keeps_the_dual_point_inside():
    X = np.array([[-0.26248378, -0.53166804, -0.6898073], [0.27058005, 1.68780519, -0.29699738]])[[0, 0, 1, 1]]
    X, y = X * np.array([1.0, -2.0, 1.0, 1.0])[:, None], np.array([-1.0, 1.0, 1.0, -1.0])
    found = train(X, y, 0.1167006270990947, loss="squared_hinge", skip_connection=True)
    assert found.status is Status.proven
    assert found.certificate.primal == pytest.approx(1.0)
