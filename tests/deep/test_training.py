"""The trained network is the best one: closed forms, gradient training from many starts, symmetries, hard input."""

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, InvalidInputError
from convexnn.deep import ThreeLayerReLU, certify_three_layer, price_three_layer, train_three_layer
from tests.deep.reference import attained_price, trained

ROOT3 = np.sqrt(3)
ORACLES = {
    # The two-layer optimum is a three-layer one where X has one column or orthogonal rows, and on these rings.
    "O1": ([[-ROOT3, 1], [ROOT3, 1]], [1, 1], 0.1, 0.0975),
    "O2": ([[1, 0], [-0.5, ROOT3 / 2], [-0.5, -ROOT3 / 2]], [1, 1, 1], 0.1, 0.285),
    "O3": (np.eye(3), [3, 4, -2], 0.5, 3.25),
    "O4": ([[1], [2], [-1], [-3]], [1, 2, -1, 1], 0.5, 1.3625),
    "one sample": ([[3, 4]], [-2], 0.5, 0.1 * 2 - 0.005),
    "rank one": (np.outer([1, 2, -1, -3], [0.6, 0, 0.8]), [1, 2, -1, 1], 0.5, 1.3625),
    "wide": (np.eye(3, 30), [3, 4, -2], 0.5, 3.25),
    "zero row": ([[1], [2], [-1], [-3], [0]], [1, 2, -1, 1, 2], 0.5, 1.3625 + 2),
}


def problem(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


def value(X, y, beta, n_hidden=None):
    """The optimum, after all that a solution claims has been checked."""
    solution = train_three_layer(X, y, beta, n_hidden=n_hidden)
    certificate, network = solution.certificate, solution.network
    X, y = np.asarray(X, float), np.asarray(y, float)
    assert certificate.primal == network.objective(X, y, beta)
    assert certificate.status == "optimal" and certificate.relative_gap <= 1e-8
    assert certificate.dual <= certificate.primal * (1 + 1e-13)
    assert abs(solution.program_value - certificate.primal) <= 1e-8 * (1 + certificate.primal)
    nu = certificate.dual_point
    assert certificate.dual == pytest.approx(nu @ y - 0.5 * nu @ nu, rel=1e-12)
    assert network.penalty(beta) == pytest.approx(beta * network.masses.sum(), rel=1e-12)
    assert network.n_subnetworks <= len(X) and network.n_hidden <= (n_hidden or len(X))
    sizes = np.linalg.norm(solution.directions, axis=1)
    assert sizes == pytest.approx(np.ones(len(sizes)), rel=1e-12)
    for direction in network.directions:
        assert np.linalg.norm(solution.directions - direction, axis=1).min() <= 1e-4
    return certificate.primal


@pytest.mark.parametrize("n_hidden", [1, 2, None])
@pytest.mark.parametrize("name", ORACLES)
def test_closed_forms(name, n_hidden):
    X, y, beta, optimum = ORACLES[name]
    assert value(X, y, beta, n_hidden) == pytest.approx(optimum, rel=1e-9)


def test_two_samples_by_hand():
    # Both samples on one ray: one mass c >= 0, 1/2 (1 - c)^2 + 1/2 (3 - 2 c)^2 + beta c is least at c = (7 - beta) / 5.
    c = (7 - 0.5) / 5
    expected = 0.5 * (1 - c) ** 2 + 0.5 * (3 - 2 * c) ** 2 + 0.5 * c
    assert value([[0.6, 0.8], [1.2, 1.6]], [1, 3], 0.5) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 4, 2), (1, 5, 2), (2, 6, 2), (4, 5, 3)])
def test_one_neuron_is_the_two_layer_problem_more_not_worse(seed, n, d):
    X, y = problem(seed, n, d)
    two = ConvexReLURegressor(beta=0.1, hidden_bias=False, fit_intercept=False).fit(X, y)
    one, any_number = value(X, y, 0.1, 1), value(X, y, 0.1)
    assert one == pytest.approx(two.certificate_.primal, rel=1e-7)
    assert any_number <= one * (1 + 1e-9)
    embedded = ThreeLayerReLU.from_two_layer(two.network_)
    certificate = certify_three_layer(embedded, X, y, 0.1, n_hidden=1)
    assert certificate.primal == pytest.approx(two.certificate_.primal, rel=1e-9) and certificate.status == "optimal"


def test_each_neuron_more_may_help():
    X, y = problem(2, 6, 2)
    values = [value(X, y, 0.1, n_hidden) for n_hidden in (1, 2, None)]
    assert values == pytest.approx([0.438875805, 0.421803379, 0.414618225], rel=1e-8)


@pytest.mark.parametrize(
    ("seed", "beta", "n_hidden", "neurons"), [(0, 0.1, 2, 2), (1, 0.1, None, 4), (2, 0.1, 2, 2), (1, 0.1, 1, 1)]
)
def test_gradient_training_reaches_the_bound_and_never_passes_it(seed, beta, n_hidden, neurons):
    X, y = problem(seed, 4, 2)
    dual = train_three_layer(X, y, beta, n_hidden=n_hidden).certificate.dual
    runs = [trained(X, y, beta, K=8, m=neurons, seed=start)[0] for start in range(8)]
    assert min(runs) >= dual * (1 - 1e-12)
    assert min(runs) <= dual + 1e-6


def test_gradient_training_of_five_samples_needs_both_layers():
    X, y = problem(1, 5, 2)
    dual, two = train_three_layer(X, y, 0.1, n_hidden=2).certificate.dual, value(X, y, 0.1, 1)
    runs = [trained(X, y, 0.1, K=6, m=2, seed=start, scale=0.7) for start in range(12)]
    best, weights = min(runs, key=lambda run: run[0])
    assert dual <= best <= dual + 1e-6 and dual + 5e-3 < two
    certificate = certify_three_layer(ThreeLayerReLU(*weights), X, y, 0.1, n_hidden=2)
    assert certificate.primal == pytest.approx(best, rel=1e-12)
    assert certificate.gap == pytest.approx(best - dual, abs=1e-9)


@pytest.mark.parametrize(("seed", "n", "n_hidden"), [(0, 4, None), (1, 4, 2), (2, 5, 2)])
def test_optimal_networks_have_the_directions_of_the_dual(seed, n, n_hidden):
    X, y = problem(seed, n, 2)
    solution = train_three_layer(X, y, 0.1, n_hidden=n_hidden)
    n_optimal = 0
    for start in range(12):
        best, weights = trained(X, y, 0.1, K=8, m=n_hidden or n, seed=start)
        if best > solution.certificate.dual + 1e-9:  # as near as the reference's descent comes
            continue
        n_optimal += 1
        network = ThreeLayerReLU(*weights)
        neurons = network.first_weights[network.neuron_masses > 1e-3]
        for direction in neurons / np.linalg.norm(neurons, axis=1, keepdims=True):
            assert np.linalg.norm(solution.directions - direction, axis=1).min() <= 1e-3
    assert n_optimal >= 1 and 1 <= len(solution.directions) <= 8


def test_directions_are_those_of_the_two_layer_oracle():
    solution = train_three_layer(*ORACLES["O2"][:3])
    angles = np.sort(np.degrees(np.arctan2(*solution.directions.T[::-1])).round(4) % 360)
    assert angles == pytest.approx([0, 60, 120, 180, 240, 300], abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("n_hidden", [2, None])
def test_symmetries(n_hidden):
    X, y = problem(2, 5, 2)
    rng = np.random.default_rng(0)
    optimum, order = value(X, y, 0.1, n_hidden), rng.permutation(5)
    rotation = np.linalg.qr(rng.standard_normal((2, 2)))[0]
    assert value(X[order], y[order], 0.1, n_hidden) == pytest.approx(optimum, rel=1e-8)
    assert value(X @ rotation, -y, 0.1, n_hidden) == pytest.approx(optimum, rel=1e-8)
    assert value(3 * X, y, 0.3, n_hidden) == pytest.approx(optimum, rel=1e-8)
    assert value(X, 1e3 * y, 1e2, n_hidden) == pytest.approx(1e6 * optimum, rel=1e-8)
    assert value(np.hstack([X, X]) / np.sqrt(2), y, 0.1, n_hidden) == pytest.approx(optimum, rel=1e-8)


def test_equal_rows_are_one_row_of_larger_weight():
    X, y = problem(0, 3, 2)
    doubled = value(np.vstack([X, X]), np.concatenate([y, y]), 0.2)
    assert doubled == pytest.approx(2 * value(X, y, 0.1), rel=1e-8)


@pytest.mark.parametrize("power", [-100, 100])
def test_magnitudes(power):
    X, y = problem(0, 4, 2)
    optimum = value(X, y, 0.1)
    assert value(X * 10.0**power, y, 0.1 * 10.0**power) == pytest.approx(optimum, rel=1e-8)
    certificate = train_three_layer(X, y * 10.0**power, 0.1 * 10.0**power).certificate
    assert certificate.primal == pytest.approx(optimum * 10.0 ** (2 * power), rel=1e-8)
    assert certificate.relative_gap <= 1e-8


def test_a_row_far_below_the_others_counts_for_little():
    X, y = problem(0, 4, 2)
    X[0] *= 1e-12
    assert value(X, y, 0.1) == pytest.approx(value(X[1:], y[1:], 0.1) + 0.5 * y[0] ** 2, rel=1e-8)


@pytest.mark.parametrize(("X", "y"), [(np.zeros((3, 2)), [1, 2, 3]), (np.eye(2), [0, 0]), (np.eye(2), [1, 2])])
def test_the_zero_network(X, y):
    certificate = train_three_layer(X, y, 100.0).certificate
    assert certificate.primal == certificate.dual == 0.5 * np.sum(np.square(y)) and certificate.relative_gap == 0


def test_price_of_the_targets_is_the_zero_networks_strength():
    X, y = problem(3, 5, 2)
    beta_max = price_three_layer(X, y).upper_bound
    assert train_three_layer(X, y, 1.001 * beta_max).network.masses.sum() == 0
    assert train_three_layer(X, y, 0.99 * beta_max).network.masses.sum() > 0


def test_certificates_of_bad_networks_show_their_gap():
    X, y = problem(1, 5, 2)
    rng = np.random.default_rng(0)
    network = ThreeLayerReLU(rng.standard_normal((3, 2, 2)), rng.standard_normal((3, 2)), rng.standard_normal(3))
    certificate = certify_three_layer(network, X, y, 0.1)
    assert certificate.primal == network.objective(X, y, 0.1)
    assert certificate.gap == pytest.approx(network.objective(X, y, 0.1) - value(X, y, 0.1), rel=1e-6)
    assert certificate.status == "not proven" and "optimality not proven" in str(certificate)


def test_dual_points_are_feasible_for_random_subnetworks():
    X, y = problem(2, 6, 2)
    nu = train_three_layer(X, y, 0.1).certificate.dual_point
    rng = np.random.default_rng(0)
    prices = [attained_price(X, nu, rng.standard_normal((4, 2)), rng.standard_normal(4)) for _ in range(5_000)]
    assert 0.03 < max(prices) <= 0.1 * (1 + 1e-12)


def test_bad_input_is_refused_by_name():
    X, y = problem(0, 4, 2)
    with pytest.raises(InvalidInputError, match="beta"):
        train_three_layer(X, y, 0.0)
    with pytest.raises(InvalidInputError, match="y must have shape"):
        train_three_layer(X, y[:3], 0.1)
    with pytest.raises(ValueError, match="NaN"):
        train_three_layer(np.full((2, 2), np.nan), [1, 2], 0.1)
    for n_hidden in (0, 1.5, True):
        with pytest.raises(InvalidInputError, match="n_hidden"):
            train_three_layer(X, y, 0.1, n_hidden=n_hidden)
    network = ThreeLayerReLU(np.ones((1, 2, 2)), np.ones((1, 2)), np.ones(1))
    with pytest.raises(InvalidInputError, match="n_hidden must be at least 2"):
        certify_three_layer(network, X, y, 0.1, n_hidden=1)
    with pytest.raises(InvalidInputError, match="3 columns|2 columns"):
        certify_three_layer(network, np.ones((4, 3)), y, 0.1)
