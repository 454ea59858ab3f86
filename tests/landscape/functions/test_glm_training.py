"""GLMtron and Isotron: their guarantees, the logistic regression that one of them is, and what they refuse."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from convexnn.exceptions import ConvergenceWarning
from convexnn.landscape import PopulationGLM, SampleGLM, glmtron, isotron
from tests.zoo import random_problem

LINKS = ["relu", "leaky_relu", "sigmoid", "tanh", "softplus"]


def planted_sample(activation, n_samples=200, n_features=4, seed=0, **options):
    rng = np.random.default_rng(seed)
    return PopulationGLM(rng.normal(size=n_features), activation, **options).sample(n_samples, seed)


def largest_step(sample, lipschitz):
    """Return 2 / (L Lambda), up to which distances to w* cannot grow."""
    return 2 / (lipschitz * np.linalg.eigvalsh(sample.X.T @ sample.X / len(sample.X))[-1])


def check_guarantee(fit, planted, step, limit, lipschitz):
    """||w+ - w*||^2 <= ||w - w*||^2 - step (2 / L - step Lambda) error, at every step of a training without noise."""
    squares = np.sum((fit.iterates - planted) ** 2, axis=1)
    falls = step * (2 / lipschitz) * (1 - step / limit) * fit.errors[:-1]
    assert np.all(squares[1:] <= squares[:-1] - falls + 1e-14 * squares[0])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
@pytest.mark.parametrize("activation", LINKS)
def test_distance_of_glmtron_never_grows(activation, share):
    sample = planted_sample(activation)
    limit = largest_step(sample, sample.link.largest_slope)
    fit = glmtron(sample.X, sample.y, activation, step=share * limit, max_iter=20000)
    check_guarantee(fit, sample.planted, share * limit, limit, sample.link.largest_slope)
    np.testing.assert_allclose(fit.weights, sample.planted, atol=1e-4)
    default = glmtron(sample.X, sample.y, activation)
    check_guarantee(default, sample.planted, limit / 2, limit, sample.link.largest_slope)


@pytest.mark.filterwarnings("ignore::convexnn.exceptions.ConvergenceWarning")
def test_distance_of_glmtron_grows_with_longer_steps():
    sample = planted_sample("leaky_relu", slope=1.0)
    fit = glmtron(sample.X, sample.y, "leaky_relu", slope=1.0, step=1.1 * largest_step(sample, 1.0), max_iter=60)
    assert np.linalg.norm(fit.weights - sample.planted) > np.linalg.norm(sample.planted)


@pytest.mark.parametrize("activation", LINKS)
def test_published_steps_of_one_keep_the_published_rate(activation):
    """Rows of length at most 1, L of at most 1, steps of 1: of T iterates one has an error of at most ||w*||^2 / T."""
    sample = planted_sample(activation)
    X = sample.X / np.linalg.norm(sample.X, axis=1).max()
    fit = glmtron(X, sample.link.value(X @ sample.planted), activation, step=1.0, max_iter=20000)
    distances = np.linalg.norm(fit.iterates - sample.planted, axis=1)
    assert np.all(np.diff(distances) <= 1e-15)
    least = np.minimum.accumulate(fit.errors)
    assert np.all(least <= sample.planted @ sample.planted / np.arange(1, len(least) + 1))


@pytest.mark.parametrize("activation", LINKS)
@pytest.mark.filterwarnings("ignore::convexnn.exceptions.ConvergenceWarning")
def test_distance_of_isotron_never_grows(activation):
    sample = planted_sample(activation)
    limit = largest_step(sample, sample.link.largest_slope)
    fit = isotron(sample.X, sample.y, lipschitz=sample.link.largest_slope, max_iter=300)
    check_guarantee(fit, sample.planted, limit / 2, limit, sample.link.largest_slope)
    cosine = fit.weights @ sample.planted / np.linalg.norm(fit.weights) / np.linalg.norm(sample.planted)
    assert cosine > 0.99 and fit.errors.min() < 1e-4


@pytest.mark.filterwarnings("ignore::convexnn.exceptions.ConvergenceWarning")
def test_isotron_learns_a_response_that_has_no_name():
    """A staircase with ramps, of Lipschitz constant 1; its values at new rows come from the isotonic regression."""
    rng = np.random.default_rng(1)
    planted = np.array([1.5, -2.0, 0.5])
    X, new = rng.normal(size=(800, 3)), rng.normal(size=(200, 3))

    def stairs(z):
        return np.floor(z / 2) + np.clip(z - 2 * np.floor(z / 2), 0, 1)

    fit = isotron(X, stairs(X @ planted), max_iter=400)
    assert np.all(np.diff(np.linalg.norm(fit.iterates - planted, axis=1)) <= 1e-14)
    assert fit.errors.min() < 1e-3
    assert np.mean((fit.predict(new) - stairs(new @ planted)) ** 2) < 5e-3
    assert np.mean((fit.predict(X) - stairs(X @ planted)) ** 2) == pytest.approx(fit.errors.min(), rel=1e-9)


@pytest.mark.parametrize("binary", [True, False])
def test_glmtron_with_a_sigmoid_is_logistic_regression(binary):
    """With noise it minimises the matching loss, sum log(1 + exp(z)) - y z: the minimum by another solver."""
    X, y = random_problem(60, 3)
    X = np.column_stack([X, np.ones(60)])
    y = (y > 0).astype(float) if binary else expit(3 * y)

    def matching(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z), X.T @ (expit(z) - y)

    other = minimize(matching, np.zeros(4), jac=True, tol=1e-12)
    fit = glmtron(X, y, "sigmoid", max_iter=5000, tol=1e-9)
    np.testing.assert_allclose(fit.weights, other.x, rtol=1e-4, atol=1e-6)
    assert fit.errors[-1] == pytest.approx(np.mean((y - expit(X @ fit.weights)) ** 2))
    np.testing.assert_allclose(fit.predict(X), expit(X @ fit.weights))


def test_all_starts_of_glmtron_have_one_end():
    """On the data of Auer, Herbster and Warmuth the squared loss has many minima; the matching loss has one."""
    X, y = np.array([[1.0], [0.1]]), np.full(2, 0.75)
    loss, ends = SampleGLM(X, y, "sigmoid"), []
    grid = np.logspace(-1, 3, 2000)
    slopes = np.array([loss.gradient([w])[0] for w in grid])
    assert np.count_nonzero((slopes[:-1] < 0) & (slopes[1:] > 0)) == 2
    for start in (0.5, 12.0, -5.0):
        ends.append(glmtron(X, y, "sigmoid", start=[start], max_iter=20000, tol=1e-9).weights[0])
    np.testing.assert_allclose(ends, ends[0], rtol=1e-5)


def test_glmtron_escapes_where_the_squared_loss_is_flat():
    """At 30 w* the sigmoid is flat and the gradient of the squared loss a hundredth of the step of GLMtron."""
    sample = planted_sample("sigmoid", n_samples=400)
    far = -30 * sample.planted
    step = sample.X.T @ (sample.y - sample.link.value(sample.X @ far))
    assert np.linalg.norm(sample.gradient(far)) < 0.02 * np.linalg.norm(step)
    fit = glmtron(sample.X, sample.y, "sigmoid", start=far, max_iter=5000)
    np.testing.assert_allclose(fit.weights, sample.planted, atol=1e-3)


@pytest.mark.parametrize("train", [lambda *a, **k: glmtron(*a, "tanh", **k), isotron])
def test_unreached_tolerances_are_said_on_their_scale(train):
    sample = planted_sample("tanh", noise_variance=0.2)
    with pytest.warns(ConvergenceWarning, match="slope is 0.* after 2 steps, where tol = 1e-12 was wanted"):
        fit = train(sample.X, sample.y, max_iter=2, tol=1e-12)
    assert fit.n_iter == 2 and fit.iterates.shape == (3, 4) and len(fit.errors) == 3
    assert fit.relative_slope > 1e-12 and not fit.iterates[0].any()


@pytest.mark.parametrize("train", [lambda *a, **k: glmtron(*a, "relu", **k), isotron])
def test_degenerate_data_have_an_end(train):
    """Zero rows, targets of zero, one sample."""
    assert train(np.zeros((3, 2)), [1.0, 2.0, 3.0]).weights.tolist() == [0.0, 0.0]
    assert train(np.ones((3, 2)), np.zeros(3)).n_iter == 0
    X = np.array([[2.0, 0.0], [2.0, 0.0]])
    assert train(X, [1.0, 1.0], start=[1.0, 0.0]).errors[-1] < 1e-9


@pytest.mark.parametrize("size", [1e-100, 1e100])
def test_glmtron_is_the_same_in_other_units(size):
    sample = planted_sample("leaky_relu")
    fit = glmtron(sample.X, sample.y, "leaky_relu", slope=0.2)
    scaled = glmtron(sample.X * size, sample.y, "leaky_relu", slope=0.2)
    np.testing.assert_allclose(scaled.weights * size, fit.weights, rtol=1e-9)


def test_what_cannot_be_used_is_named():
    X, y = np.ones((3, 2)), np.zeros(3)
    with pytest.raises(ValueError, match=r"start must have shape \(2,\), one number per column; got \(3,\)"):
        glmtron(X, y, "relu", start=np.zeros(3))
    with pytest.raises(ValueError, match="step must be finite and above 0"):
        glmtron(X, y, "relu", step=-1.0)
    with pytest.raises(ValueError, match="activation must be one of"):
        glmtron(X, y, "probit")
    with pytest.raises(ValueError, match="lipschitz must be finite and above 0"):
        isotron(X, y, lipschitz=0.0)
    with pytest.raises(ValueError, match="max_iter must be an integer not below 1"):
        isotron(X, y, max_iter=0)
    with pytest.raises(ValueError, match="X must have 2 columns, one per weight; got 3"):
        glmtron(X, y, "relu").predict(np.ones((1, 3)))
