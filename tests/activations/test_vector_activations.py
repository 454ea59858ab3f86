"""Leaky ReLU and absolute value with several outputs: against grids of directions, other searches and one output."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import entr, log_softmax

from convexnn import InvalidInputError
from convexnn.activations import ActivatedNetwork, certify_activation, train_activation
from convexnn.programs.posing import make_problem
from convexnn.solvers.base import Status
from convexnn.solvers.solve import solve

from ..zoo import degenerate_designs, variants

SLOPES = (-1.0, 0.1)


def draw(seed=0, n=9, c=2):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 2)), rng.standard_normal((n, c))


def sigma(values, slope):
    return np.where(values > 0.0, values, slope * values)


def plain_bound(dual_point, X, Y, beta, slope, loss="squared"):
    """The dual value of a dual point scaled to be feasible on a fine grid of the circle, written out."""
    angles = np.linspace(0.0, 2.0 * np.pi, 100_000, endpoint=False)
    grid = np.column_stack([np.cos(angles), np.sin(angles)])
    price = np.linalg.norm(sigma(grid @ X.T, slope) @ dual_point, axis=1).max()
    scaled = dual_point * min(1.0, beta / price)
    if loss == "squared":
        return np.sum(scaled * Y) - 0.5 * np.sum(scaled**2)
    return entr(np.clip(Y - scaled, 0.0, 1.0)).sum()


def check(solution, X, Y, beta, slope, loss="squared"):
    """The network is proven optimal, and plain numpy agrees with both sides of the proof."""
    network, certificate = solution.network, solution.certificate
    assert solution.status is Status.proven and certificate.relative_gap <= 1e-6
    fit = sigma(X @ network.hidden_weights.T, slope) @ network.output_weights
    misfit = 0.5 * np.sum((Y - fit) ** 2) if loss == "squared" else -np.sum(Y * log_softmax(fit, axis=1))
    penalty = 0.5 * beta * (np.sum(network.hidden_weights**2) + np.sum(network.output_weights**2))
    assert certificate.primal == pytest.approx(misfit + penalty, rel=1e-9)
    assert plain_bound(certificate.dual_point, X, Y, beta, slope, loss) >= certificate.primal * (1.0 - 1e-5)
    again = certify_activation(network, X, Y, beta, loss=loss)
    assert again.primal == certificate.primal and again.relative_gap <= 1e-5


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("c", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_against_a_grid_of_directions(slope, c, seed):
    X, Y = draw(seed, c=c)
    check(train_activation(X, Y, 0.3, slope=slope), X, Y, 0.3, slope)


@pytest.mark.parametrize("slope", SLOPES)
def test_the_multinomial_loss(slope):
    X, _ = draw(1, n=12)
    Y = np.eye(3)[(np.arange(12) + (X[:, 0] > 0)) % 3]
    check(train_activation(X, Y, 0.3, slope=slope, loss="multinomial"), X, Y, 0.3, slope, "multinomial")


@pytest.mark.parametrize("slope", SLOPES)
def test_no_other_search_finds_better(slope):
    (X, Y), width, rng = draw(2), 8, np.random.default_rng(0)
    value = train_activation(X, Y, 0.3, slope=slope).certificate.primal

    def objective(vector):
        neurons, outputs = np.split(vector.reshape(width, 4), 2, axis=1)
        return 0.5 * np.sum((Y - sigma(X @ neurons.T, slope) @ outputs) ** 2) + 0.15 * (vector @ vector)

    others = [minimize(objective, rng.standard_normal(4 * width)).fun for _ in range(5)]
    assert value * (1.0 - 1e-6) <= min(others) <= value * (1.0 + 1e-2)


@pytest.mark.parametrize("slope", SLOPES)
def test_one_output_beside_zeros(slope):
    X, Y = draw(3)
    Y[:, 1] = 0.0
    one = train_activation(X, Y[:, 0], 0.2, slope=slope).certificate.primal
    assert train_activation(X, Y, 0.2, slope=slope).certificate.primal == pytest.approx(one, rel=2e-6)


@pytest.mark.parametrize("slope", SLOPES)
def test_beside_a_free_skip_it_is_the_relu_at_another_strength(slope):
    # sigma(z) = slope z + (1 - slope) (z)_+, and the free terms take the linear part.
    X, Y = draw(4)
    relu = solve(make_problem(X, Y, 0.2 / (1.0 - slope), skip_connection=True), tol=1e-8).certificate.primal
    found = train_activation(X, Y, 0.2, slope=slope, skip_connection=True).certificate.primal
    assert found == pytest.approx(relu, rel=2e-6)


def test_without_a_slope_it_is_the_relu():
    X, Y = draw(5)
    relu = solve(make_problem(X, Y, 0.2, hidden_bias=True, fit_intercept=True)).certificate.primal
    found = train_activation(X, Y, 0.2, activation="relu", hidden_bias=True, fit_intercept=True)
    assert found.certificate.primal == pytest.approx(relu, rel=2e-6)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("name", variants(np.zeros((2, 1)), np.zeros(2)))
def test_shifted_scaled_and_permuted_data(slope, name):
    X, Y = variants(*draw(6, n=7))[name]
    beta = 0.05 * np.linalg.norm(X, axis=1) @ np.linalg.norm(Y, axis=1) / len(Y)
    solution = train_activation(X, Y, beta, slope=slope, fit_intercept=True)
    assert solution.status is Status.proven
    network = solution.network
    assert network.objective(X, Y, beta) == pytest.approx(solution.certificate.primal, rel=1e-9)
    assert network.predict(X).shape == Y.shape == network.to_relu().predict(X).shape


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_data(name):
    X = degenerate_designs()[name]
    Y = np.random.default_rng(7).standard_normal((len(X), 2))
    solution = train_activation(X, Y, 0.3, activation="absolute")
    certificate = solution.certificate
    # In three columns a proof may end with a bound; the optimality that ascents see does not need it.
    assert solution.status is (Status.proven if certificate.proof == "exact" else Status.converged)
    assert certificate.heuristic_gap <= 1e-6 and certificate.dual <= certificate.primal
    assert X.shape[1] == 3 or certificate.relative_gap <= 1e-6


def test_rows_of_weight_zero_do_not_count():
    X, Y = draw(8)
    weight = np.array([0.0, 1, 2, 0.5, 1, 0, 3, 1, 1])
    solution = train_activation(X, Y, 0.2, slope=0.1, sample_weight=weight)
    used = weight > 0
    other = train_activation(X[used], Y[used], 0.2, slope=0.1, sample_weight=weight[used])
    assert solution.certificate.primal == pytest.approx(other.certificate.primal, rel=2e-6)
    assert np.all(solution.certificate.dual_point[~used] == 0.0)


def test_refusals_and_limits():
    X, Y = draw(9)
    with pytest.raises(InvalidInputError, match="patterns must be None"):
        train_activation(X, Y, 0.2, patterns=np.ones((1, len(X)), bool))
    with pytest.raises(InvalidInputError, match="flat array"):
        train_activation(X, Y[:, :1], 0.2)
    with pytest.raises(InvalidInputError, match="loss"):
        train_activation(X, Y, 0.2, loss="absolute")
    assert train_activation(X, Y, 0.2, max_iter=1, proof="heuristic").status is Status.max_iter
    network = ActivatedNetwork(np.eye(2), np.eye(2), "absolute")
    with pytest.raises(InvalidInputError, match="one output"):
        certify_activation(network, X, Y[:, 0], 0.2)
    np.testing.assert_allclose(network.predict(X), np.abs(X))
