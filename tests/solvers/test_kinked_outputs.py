"""The absolute and the quantile loss with several outputs, against grids of directions, one output, and themselves."""

import cvxpy as cp
import numpy as np
import pytest

from convexnn import ConvexReLURegressor, TwoLayerReLU, beta_max, certify
from convexnn.losses import make_loss
from convexnn.programs.posing import make_problem
from convexnn.solvers.base import Status
from convexnn.solvers.solve import solve

from ..checks import misfit

KINKED = [("absolute", {}), ("quantile", {"quantile": 0.8})]
every_loss = pytest.mark.parametrize(("loss", "options"), KINKED, ids=["absolute", "quantile"])


def draw(seed, n=14, c=2):
    """Data of the plane with a few wild targets, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    Y = np.tanh(X @ rng.standard_normal((2, c))) + 0.3 * rng.standard_t(2, (n, c))
    return X, Y, rng.uniform(0.5, 2.0, n)


def train(X, Y, beta, *, tol=1e-6, max_width=None, max_work=None, **options):
    return solve(make_problem(X, Y, beta, **options), tol=tol, max_width=max_width, max_work=max_work)


def grid_value(loss, X, Y, beta, weight, intercept, n_directions=721, **options):
    """The optimum over networks whose neurons are in a grid of directions of the plane and on all kinks, by cvxpy."""
    kinks = np.arctan2(X[:, 1], X[:, 0]) + np.pi / 2.0
    angles = np.concatenate([np.linspace(0.0, 2.0 * np.pi, n_directions), kinks, kinks + np.pi])
    fits = np.maximum(X @ np.stack([np.cos(angles), np.sin(angles)]), 0.0)
    outputs, free = cp.Variable((len(angles), Y.shape[1])), cp.Variable(Y.shape[1])
    columns = [fits @ outputs[:, k] + intercept * free[k] for k in range(Y.shape[1])]
    losses = [misfit(loss, y, fit, weight, **options) for y, fit in zip(Y.T, columns, strict=True)]
    penalty = beta * cp.sum(cp.norm(outputs, 2, axis=1))
    return cp.Problem(cp.Minimize(sum(losses) + penalty)).solve(solver="CLARABEL")


@pytest.mark.mostly_slow
@every_loss
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_optimum_is_reached_and_proven(loss, options, intercept, seed):
    X, Y, weight = draw(seed, c=2 + seed)
    reference = grid_value(loss, X, Y, 0.4, weight, intercept, **options)
    found = train(X, Y, 0.4, loss=loss, sample_weight=weight, fit_intercept=intercept, **options)
    certificate = found.certificate
    assert found.status is Status.proven and certificate.proof == "exact"
    assert reference * (1.0 - 1e-3) <= certificate.primal <= reference * (1.0 + 2e-6)
    assert certificate.dual <= reference * (1.0 + 1e-6)
    objective = found.network.objective(X, Y, 0.4, loss=loss, sample_weight=weight, **options)
    assert certificate.primal == pytest.approx(objective, rel=1e-12)
    again = certify(found.network, X, Y, 0.4, loss=loss, sample_weight=weight, **options)
    assert again.relative_gap <= 3e-6


@every_loss
def test_the_dual_point_is_feasible(loss, options):
    X, Y, weight = draw(2)
    terms = {"fit_intercept": True, "sample_weight": weight, "loss": loss, **options}
    nu = train(X, Y, 0.4, **terms).certificate.dual_point
    low, high = make_loss(loss, **options).bounds
    slopes = nu / weight[:, None]
    assert np.all((low * (1 + 1e-12) <= slopes) & (slopes <= high * (1 + 1e-12)))
    assert np.abs(nu.sum(axis=0)).max() <= 1e-10
    angles = np.linspace(0.0, 2.0 * np.pi, 20_000)
    fits = np.maximum(X @ np.stack([np.cos(angles), np.sin(angles)]), 0.0)
    assert np.linalg.norm(fits.T @ nu, axis=1).max() <= 0.4 * (1.0 + 1e-9)


@every_loss
@pytest.mark.parametrize("intercept", [False, True])
def test_beta_max_is_where_neurons_begin_to_pay(loss, options, intercept):
    X, Y, weight = draw(3, n=12)
    terms = {"fit_intercept": intercept, "sample_weight": weight, "loss": loss, **options}
    largest = beta_max(X, Y, **terms)
    level = make_loss(loss, **options).level
    constants = [weighted_quantile(y, weight, level) if intercept else 0.0 for y in Y.T]
    zero = sum(misfit(loss, y, one, weight, **options).value for y, one in zip(Y.T, constants, strict=True))
    below, above = (grid_value(loss, X, Y, share * largest, weight, intercept, **options) for share in (0.97, 1.0))
    assert below < zero * (1.0 - 1e-5) and above == pytest.approx(zero, rel=2e-6)


def weighted_quantile(values, weight, level):
    """The constant with the smallest quantile loss: one of the values."""
    order = np.argsort(values)
    return values[order][np.searchsorted(np.cumsum(weight[order]), level * weight.sum())]


@every_loss
def test_a_column_is_one_output(loss, options):
    X, Y, weight = draw(4)
    terms = {"fit_intercept": True, "sample_weight": weight, "loss": loss, **options}
    one, column = train(X, Y[:, 0], 0.4, **terms), train(X, Y[:, :1], 0.4, **terms)
    assert column.certificate.primal == pytest.approx(one.certificate.primal, rel=2e-6)
    network = one.network
    as_column = TwoLayerReLU(network.hidden_weights, network.output_weights[:, None], intercept=[network.intercept])
    options = options | {"loss": loss, "sample_weight": weight}
    assert certify(as_column, X, Y[:, :1], 0.4, **options).relative_gap <= 3e-6
    assert beta_max(X, Y[:, :1], fit_intercept=True, **options) == pytest.approx(
        beta_max(X, Y[:, 0], fit_intercept=True, **options), rel=1e-6
    )


@pytest.mark.slow
def test_equivalent_problems_have_the_same_value():
    X, Y, weight = draw(5)
    options = {"loss": "absolute", "fit_intercept": True}
    value = train(X, Y, 0.4, sample_weight=weight, **options).certificate.primal
    order = np.random.default_rng(0).permutation(len(X))
    for (other, targets, beta, weights), factor in (
        ((X[order], Y[order], 0.4, weight[order]), 1.0),
        ((X[:, ::-1], Y[:, ::-1], 0.4, weight), 1.0),
        ((X, -Y, 0.4, weight), 1.0),
        ((X, 1e6 * Y, 0.4, weight), 1e6),
        ((X, 1e-6 * Y, 0.4, weight), 1e-6),
        ((1e8 * X, Y, 4e7, weight), 1.0),
        ((1e-8 * X, Y, 4e-9, weight), 1.0),
        ((X, Y + [10.0, -1000.0], 0.4, weight), 1.0),
        ((np.vstack([X, X]), np.vstack([Y, Y]), 0.4, np.tile(weight / 2.0, 2)), 1.0),
        ((np.column_stack([X, np.zeros(len(X))]), Y, 0.4, weight), 1.0),
    ):
        certificate = train(other, targets, beta, sample_weight=weights, **options).certificate
        assert certificate.primal == pytest.approx(factor * value, rel=3e-6)
        assert certificate.relative_gap <= 3e-6


def test_an_output_without_spread_and_rows_without_difference():
    X, Y, _ = draw(6)
    Y[:, 1] = 3.0
    options = {"loss": "absolute", "fit_intercept": True}
    alone = train(X, Y[:, 0], 0.4, **options).certificate.primal
    assert train(X, Y, 0.4, **options).certificate.primal == pytest.approx(alone, rel=2e-6)
    zero = train(np.ones((4, 2)), np.eye(4)[:, :2], 0.4, **options)
    assert zero.certificate.primal == pytest.approx(2.0) and zero.certificate.relative_gap <= 1e-6


@every_loss
def test_no_network_is_below_the_bound(loss, options):
    X, Y, _ = draw(7)
    bound = train(X, Y, 0.5, loss=loss, **options).certificate.dual
    rng = np.random.default_rng(0)
    for width in (1, 3, 8):
        network = TwoLayerReLU(rng.standard_normal((width, 2)), 0.5 * rng.standard_normal((width, 2)))
        certificate = certify(network, X, Y, 0.5, loss=loss, **options)
        assert certificate.dual <= bound * (1.0 + 3e-6) and certificate.primal >= bound


@pytest.mark.slow
def test_a_narrow_network_and_a_budget_are_honest():
    X, Y, _ = draw(8, n=12)
    options = {"loss": "absolute", "fit_intercept": True}
    best = train(X, Y, 0.1, **options).certificate
    with pytest.warns(UserWarning, match="max_width=1 was not enough"):
        narrow = train(X, Y, 0.1, max_width=1, tol=1e-4, **options)
    assert narrow.network.width == 1 and narrow.certificate.primal > best.primal
    assert narrow.certificate.dual <= best.primal
    cut = train(X, Y, 0.1, max_work=1e6, **options)
    assert cut.status is Status.settled and cut.certificate.dual <= best.primal * (1 + 1e-9)
    assert cut.certificate.primal >= best.dual


def test_the_regressor_fits_them():
    X, Y, _ = draw(9, n=30)
    model = ConvexReLURegressor(2.0, loss="quantile", quantile=0.8).fit(X, Y)
    assert model.status_ == "proven" and model.dual_.shape == Y.shape and model.predict(X).shape == Y.shape
    assert np.all(np.abs(np.mean(Y <= model.predict(X) + 1e-9, axis=0) - 0.8) <= 0.15)
    chosen = ConvexReLURegressor(loss="absolute", proof="heuristic", tol=1e-2).fit(X, Y)
    assert chosen.beta_ == chosen.beta_path_.best.beta
