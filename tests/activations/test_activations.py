"""Leaky ReLU and absolute value against the plain program over all patterns, identities and trained networks."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import minimize

from convexnn import certify, enumerate_patterns
from convexnn.activations import ActivatedNetwork, certify_activation, train_activation
from convexnn.activations.network import slope_of
from convexnn.exceptions import InvalidInputError
from convexnn.solvers.base import Status

from ..checks import all_patterns_by_lp, augment, best_network, free_columns, misfit

SLOPES = (-1.0, -0.5, 0.01, 0.4)


def draw(seed=0, n_samples=9, n_features=2):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, n_features)), rng.standard_normal(n_samples)


def brute_value(loss, X, y, beta, slope, weight=None, hidden_bias=False, fit_intercept=False, skip_connection=False):
    """Return p* from the program over all patterns, one variable for each block."""
    design, free = augment(X, hidden_bias), free_columns(X, fit_intercept, skip_connection)
    fit, penalty, cones = 0.0, 0.0, []
    for mask in all_patterns_by_lp(design):
        for sign in (1.0, -1.0):
            u = cp.Variable(design.shape[1])
            fit = fit + sign * (np.where(mask, 1.0, slope)[:, None] * design) @ u
            penalty = penalty + cp.norm(u, 2)
            cones.append((np.where(mask, 1.0, -1.0)[:, None] * design) @ u >= 0)
    if free.shape[1]:
        fit = fit + free @ cp.Variable(free.shape[1])
    weight = np.ones(len(y)) if weight is None else weight
    program = cp.Problem(cp.Minimize(misfit(loss, y, fit, weight) + beta * penalty), cones)
    return program.solve(solver="CLARABEL")


def check(solution, value, X, y, beta, **options):
    """The network is optimal and proven so, and a certificate from scratch says the same."""
    network, certificate = solution.network, solution.certificate
    assert solution.status is Status.proven and certificate.relative_gap <= 1e-6
    assert certificate.primal == pytest.approx(network.objective(X, y, beta, **options), rel=1e-12)
    assert certificate.primal == pytest.approx(value, rel=2e-6)
    assert certificate.dual <= value * (1 + 1e-6)
    assert certify_activation(network, X, y, beta, **options).primal == certificate.primal


@pytest.mark.parametrize("slope", SLOPES)
def test_it_is_the_optimum_over_all_patterns(slope):
    X, y = draw()
    value = brute_value("squared", X, y, 0.2, slope)
    check(train_activation(X, y, 0.2, slope=slope), value, X, y, 0.2)
    check(train_activation(X, y, 0.2, slope=slope, patterns=enumerate_patterns(X)), value, X, y, 0.2)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile", "logistic", "squared_hinge"])
@pytest.mark.parametrize("slope", [-1.0, 0.1])
def test_every_loss(loss, slope):
    X, y = draw(1)
    y = np.where(y > 0, 1.0, -1.0) if loss in ("logistic", "squared_hinge") else y
    value = brute_value(loss, X, y, 0.2, slope)
    check(train_activation(X, y, 0.2, slope=slope, loss=loss), value, X, y, 0.2, loss=loss)


@pytest.mark.parametrize("terms", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)])
@pytest.mark.parametrize("slope", [-1.0, 0.1])
def test_terms_and_weights(terms, slope):
    X, y = draw(2, 8)
    weight = np.array([0.0, 1, 2, 0.5, 1, 0, 3, 1])
    terms = dict(zip(("hidden_bias", "fit_intercept", "skip_connection"), map(bool, terms), strict=True))
    used = weight > 0
    value = brute_value("squared", X[used], y[used], 0.2, slope, weight[used], **terms)
    solution = train_activation(X, y, 0.2, slope=slope, sample_weight=weight, **terms)
    check(solution, value, X, y, 0.2, sample_weight=weight)
    assert np.all(solution.certificate.dual_point[~used] == 0)


@pytest.mark.parametrize("slope", SLOPES)
def test_beside_a_free_skip_it_is_the_relu_at_another_strength(slope):
    # sigma(z) = slope z + (1 - slope) (z)_+, and the free terms take the linear part.
    X, y = draw(3)
    value, _ = best_network("squared", X, y, 0.2 / (1 - slope), np.ones(len(y)), skip_connection=True)
    assert train_activation(X, y, 0.2, slope=slope, skip_connection=True).certificate.primal == pytest.approx(
        value, rel=1e-6
    )


def test_without_a_slope_it_is_the_relu():
    X, y = draw(4)
    network = train_activation(X, y, 0.2, slope=0.0).network
    ours, theirs = certify_activation(network, X, y, 0.2), certify(network.weights, X, y, 0.2)
    assert (ours.primal, ours.dual) == (theirs.primal, theirs.dual) and theirs.status == "optimal"
    assert np.array_equal(ours.dual_point, theirs.dual_point)


@pytest.mark.parametrize("beta", [0.5, 3.0, 20.0])
def test_absolute_values_in_one_dimension(beta):
    # A neuron of mass c on either direction gives c |x|: a lasso with one column.
    x, y = np.array([1.0, 2.0, -1.0, -3.0]), np.array([1.0, 2.0, -1.0, 1.0])
    pull = max(np.abs(x) @ y - beta, 0.0)
    solution = train_activation(x[:, None], y, beta, activation="absolute")
    assert solution.certificate.primal == pytest.approx(0.5 * y @ y - 0.5 * pull**2 / (x @ x), rel=1e-9)


def test_absolute_values_do_not_see_the_signs_of_rows():
    X, y = draw(5)
    flips = np.where(np.arange(len(X)) % 2, 1.0, -1.0)[:, None]
    values = [train_activation(Z, y, 0.2, activation="absolute").certificate.primal for Z in (X, flips * X)]
    assert values[0] == pytest.approx(values[1], rel=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("slope", [-1.0, 0.1])
def test_copies_of_the_data(slope):
    X, y = draw(6)
    primal = train_activation(X, y, 0.2, slope=slope).certificate.primal

    def scaled(X, y, beta, factor, **options):
        solution = train_activation(X, y, beta, slope=slope, **options)
        assert solution.status is Status.proven
        assert solution.certificate.primal == pytest.approx(factor * primal, rel=2e-6)

    order = np.random.default_rng(0).permutation(len(X))
    scaled(X[order], y[order], 0.2, 1)
    scaled(X, 1e4 * y, 2e3, 1e8)
    scaled(1e3 * X, y, 200.0, 1)
    scaled(np.vstack([X, X]), np.append(y, y), 0.2, 1, sample_weight=np.full(2 * len(X), 0.5))
    scaled(np.vstack([X, np.ones((1, 2))]), np.append(y, 5.0), 0.2, 1, sample_weight=np.append(np.ones(len(X)), 0))
    scaled(np.hstack([X, np.zeros((len(X), 1))]), y, 0.2, 1)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("slope", [-1.0, 0.1])
@pytest.mark.parametrize("kind", ["grid", "antipodal", "zero rows", "collinear", "one row", "no targets"])
def test_degenerate_data(slope, kind):
    X, y = draw(7, 8)
    X = {
        "grid": np.round(X),
        "antipodal": np.vstack([X[:4], -2 * X[:4]]),
        "zero rows": X * (np.arange(8) > 2)[:, None],
        "collinear": np.outer(X[:, 0], [1.0, 2.0]),
        "one row": X[:1],
        "no targets": X,
    }[kind]
    y = np.zeros(8) if kind == "no targets" else y[: len(X)]
    solution = train_activation(X, y, 0.1, slope=slope)
    value = brute_value("squared", X, y, 0.1, slope)
    assert solution.status is Status.proven
    assert solution.certificate.primal == pytest.approx(value, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("slope", [-1.0, 0.1])
def test_the_lower_bound_is_below_every_trained_network(slope):
    X, y = draw(8, 12, 3)
    lower = train_activation(X, y, 0.3, slope=slope).certificate.dual
    rng, width = np.random.default_rng(0), 6

    def network(point):
        return ActivatedNetwork(point[: 3 * width].reshape(width, 3), point[3 * width :], slope=slope)

    def objective(point):
        U, alpha = point[: 3 * width].reshape(width, 3), point[3 * width :]
        Z = X @ U.T
        gain, hidden = np.where(Z > 0, 1.0, slope), np.where(Z > 0, Z, slope * Z)
        pull = hidden @ alpha - y
        slopes = np.concatenate([((pull[:, None] * gain * alpha).T @ X).ravel(), hidden.T @ pull])
        return 0.5 * pull @ pull + 0.15 * point @ point, slopes + 0.3 * point

    for _ in range(8):
        found = minimize(objective, rng.standard_normal(4 * width), jac=True, method="L-BFGS-B")
        trained = network(found.x)
        assert found.fun >= lower
        certificate = certify_activation(trained, X, y, 0.3)
        assert certificate.primal == pytest.approx(found.fun, rel=1e-10)
        assert certificate.dual <= lower * (1 + 2e-6)  # lower is p* to 1e-6


def test_a_network_and_its_relu_form():
    network = ActivatedNetwork([[1.0, -2.0]], [3.0], slope=0.25, hidden_bias=[0.5], intercept=1.0, skip_weights=[0, 1])
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert network.predict(X) == pytest.approx([3 * 1.5 + 1, 0.25 * 3 * -1.5 + 2])
    assert network.penalty(2.0) == pytest.approx(1 + 4 + 0.25 + 9)
    assert network.balanced().predict(X) == pytest.approx(network.predict(X))
    assert network.balanced().penalty(1.0) == pytest.approx(3 * np.sqrt(5.25))
    with pytest.raises(TypeError):
        certify(network, X, [1.0, 2.0], 0.1)
    with pytest.raises(TypeError):
        certify_activation(network.weights, X, [1.0, 2.0], 0.1)


@pytest.mark.parametrize("name", ["gelu", "tanh", "sigmoid", "swish", "elu", "identity", "prelu", "nonsense", np.tanh])
def test_others_are_refused_by_name(name):
    with pytest.raises(InvalidInputError, match=name if isinstance(name, str) else "must be a name"):
        train_activation([[1.0]], [1.0], 0.1, activation=name)


@pytest.mark.parametrize("slope", [1.0, 2.0, -1.5, np.nan, np.inf, "a", None, True])
def test_slopes_are_checked(slope):
    with pytest.raises(InvalidInputError, match="slope must be"):
        slope_of("leaky_relu", slope)
