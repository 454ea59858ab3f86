"""Proven constants of generalised linear models: never above a ratio, whoever looks for one, and reached where said."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi

from convexnn.landscape import PopulationGLM, RegularityConstants, SampleGLM, function_regularity
from convexnn.landscape.functions._glm_bounds import gaussian_bounds, sample_bounds
from convexnn.landscape.functions._links import link_of
from convexnn.landscape.regularity import CONSTANTS

# (activation, slope, radius): without a radius the smooth ones have no bound.
CASES = [
    ("leaky_relu", 0.2, None),
    ("leaky_relu", 0.7, None),
    ("leaky_relu", 1.0, None),
    ("relu", 0.0, None),
    ("sigmoid", 0.0, 2.0),
    ("tanh", 0.0, 1.5),
    ("softplus", 0.0, 3.0),
]


def rows(kind, rng):
    """Return data of a kind: the bounds are about any rows."""
    X = rng.normal(size=(30, 3))
    if kind == "scaled":
        return X * [0.01, 1.0, 5.0]
    if kind == "repeated, with zeros":
        return np.vstack([X[:8], X[:8], np.zeros((2, 3))])
    if kind == "fewer than weights":
        return X[:2]
    return X


def planted_loss(X, activation, slope, radius, rng):
    """Return a loss without noise, w* being of at most the radius."""
    planted = rng.normal(size=X.shape[1])
    if radius is not None:
        planted *= rng.uniform(0.1, 1.0) * radius / np.linalg.norm(planted)
    y = link_of(activation, slope).value(X @ planted)
    return SampleGLM(X, y, activation, slope=slope, planted=planted)


def within(points, radius, rng):
    """Return points of at most the radius, of any length without one, some of them next to its end."""
    lengths = rng.uniform(0, 1, size=(len(points), 1)) ** 0.3
    lengths *= 3.0 if radius is None else radius
    return points / np.linalg.norm(points, axis=1, keepdims=True) * lengths


def contradictions(found, proven):
    """Return the constants that are proven to be larger than one found at a point."""
    slack = 1e-9
    pairs = [(name, getattr(found, name), getattr(proven, name)) for name in CONSTANTS]
    return [pair for pair in pairs if pair[1] < pair[2] - slack * abs(pair[2])]


@pytest.mark.parametrize("kind", ["normal", "scaled", "repeated, with zeros", "fewer than weights"])
@pytest.mark.parametrize(("activation", "slope", "radius"), CASES)
def test_proven_is_at_most_sampled(activation, slope, radius, kind):
    rng = np.random.default_rng(0)
    for _ in range(2):
        loss = planted_loss(rows(kind, rng), activation, slope, radius, rng)
        points = within(rng.normal(size=(500, 3)), radius, rng)
        found = function_regularity(loss.value, loss.gradient, points, loss.planted)
        assert contradictions(found, loss.regularity_bounds(radius)) == []


def ratios(loss, weights):
    """Return the six ratios at one point; infinite where they are rounding."""
    away, gap, slope = weights - loss.planted, loss.value(weights) - loss.optimal_value, loss.gradient(weights)
    square, inner = away @ away, slope @ away
    if square < 1e-6 or gap < 1e-12:
        return RegularityConstants(*[np.inf] * 6, n_points=0)
    return RegularityConstants(
        0.5 * slope @ slope / gap, inner / gap, inner / square, np.sqrt(slope @ slope / square),
        2 * gap / square, 2 * (inner - gap) / square, n_points=1,
    )  # fmt: skip


def searched(loss, radius, rng, n_starts=3):
    """Return the least ratios that a search downhill finds, each from the best of random starts."""

    def placed(free):
        # Any point of the ball, or of the space.
        return free if radius is None else radius * free / max(1.0, np.linalg.norm(free))

    starts = rng.normal(size=(60, len(loss.planted))) * rng.choice([0.05, 0.5, 2.0], size=(60, 1))
    seen = [ratios(loss, placed(start)) for start in starts]
    found = {}
    for name in CONSTANTS:
        best = np.argsort([getattr(one, name) for one in seen])[:n_starts]
        ends = [
            minimize(lambda free, name=name: getattr(ratios(loss, placed(free)), name), starts[k], method="Nelder-Mead")
            for k in best
        ]
        found[name] = min(end.fun for end in ends)
    return RegularityConstants(**found, n_points=len(starts))


@pytest.mark.parametrize(("activation", "slope", "radius"), CASES)
def test_searches_for_smaller_ratios_find_none_below(activation, slope, radius):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(6, 2))
    sample = planted_loss(X, activation, slope, radius, rng)
    population = PopulationGLM(sample.planted, activation, slope=slope, noise_variance=0.2)
    for loss in (sample, population):
        found = searched(loss, radius, rng, n_starts=1)
        assert contradictions(found, loss.regularity_bounds(radius)) == []


@pytest.mark.parametrize("slope", [0.1, 0.5])
def test_bounds_of_samples_are_reached(slope):
    """By a row on the lower side of w and w*, and by one that w* is above and w next to 0 below."""
    X = np.array([[1.5]])
    low = SampleGLM(X, [-1.5 * slope], "leaky_relu", slope=slope, planted=[-1.0])
    bounds = low.regularity_bounds()
    end = ratios(low, np.array([-3.0]))
    for name in ("restricted_secant", "error_bound", "quadratic_growth"):
        assert getattr(end, name) == pytest.approx(getattr(bounds, name), rel=1e-9), name
    end = ratios(SampleGLM(X, [1.5], "leaky_relu", slope=slope, planted=[1.0]), np.array([-1e-9]))
    for name in ("weak_quasi_convexity", "weak_strong_convexity"):
        assert getattr(end, name) == pytest.approx(getattr(bounds, name), abs=1e-6), name


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus"])
def test_bounds_of_a_ball_are_reached_at_its_end(activation):
    """By one row, w and w* next to each other where sigma is flattest."""
    X, radius = np.array([[-2.0]]), 1.2
    loss = SampleGLM(X, link_of(activation, 0.0).value(X @ [radius]), activation, planted=[radius])
    bounds, end = loss.regularity_bounds(radius), ratios(loss, np.array([radius - 2e-3]))
    for name in ("restricted_secant", "error_bound", "quadratic_growth"):
        assert getattr(end, name) == pytest.approx(getattr(bounds, name), rel=0.02), name


def test_pl_bound_is_within_a_factor_of_two_on_random_lines():
    """Rows on a line, w next to 0 and w* on either side of it: nothing is below the bound, something is near it."""
    rng, slope, n = np.random.default_rng(2), 0.2, 100_000
    X, planted = np.exp(rng.normal(size=(n, 4))) * rng.choice([-1, 1], size=(n, 4)), 1.0
    y = np.where(X * planted > 0, X, slope * X)
    fits, slopes = 1e-9 * np.where(X < 0, -X, -slope * X), np.where(X < 0, 1.0, slope)
    pl = np.sum((fits - y) * slopes * X, axis=1) ** 2 / np.sum((fits - y) ** 2, axis=1)
    kappa = 1 / slope
    shares = pl / (slope**2 * np.sum(X**2, axis=1) * 4 * kappa / (1 + kappa) ** 2)
    one = sample_bounds(X[0][:, None], link_of("leaky_relu", slope), np.inf)
    assert one.pl == pytest.approx(pl[0] / shares[0], rel=1e-9)
    assert 1 - 1e-9 <= shares.min() < 2


def test_leaky_relu_has_the_square_of_its_slope():
    """<grad, w - w*> >= .04 lambda_min(X'X) ||w - w*||^2 with slope .2; PL of 4 c^3 / (1 + c)^2 with c the slope."""
    X = np.random.default_rng(3).normal(size=(50, 4))
    least = np.linalg.eigvalsh(X.T @ X)[0]
    found = sample_bounds(X, link_of("leaky_relu", 0.2), np.inf)
    assert found.restricted_secant == pytest.approx(0.04 * least) == pytest.approx(found.quadratic_growth)
    assert found.error_bound == pytest.approx(0.04 * least)
    assert found.weak_quasi_convexity == pytest.approx(0.4)
    assert found.pl == pytest.approx(0.04 * least * 4 * 0.2 / 1.2**2)
    assert found.weak_strong_convexity == pytest.approx(-0.6 * np.linalg.eigvalsh(X.T @ X)[-1])
    assert "targets without noise, sigma(X w*)" in found.assumptions


def test_a_linear_model_has_its_least_eigenvalue():
    """With slope 1 all bounds are equalities: those of least squares."""
    X = np.random.default_rng(4).normal(size=(20, 3))
    least = np.linalg.eigvalsh(X.T @ X)[0]
    found = sample_bounds(X, link_of("leaky_relu", 1.0), np.inf)
    for name in ("pl", "restricted_secant", "error_bound", "quadratic_growth", "weak_strong_convexity"):
        assert getattr(found, name) == pytest.approx(least, rel=1e-9) and getattr(found, name) <= least
    assert found.weak_quasi_convexity == 2.0
    everywhere = gaussian_bounds(link_of("leaky_relu", 1.0), np.inf)
    assert [getattr(everywhere, name) for name in CONSTANTS] == [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.2, 0.6])
def test_bounds_of_the_leaky_population_are_reached(slope):
    """Secant and weak strong convexity next to 0 along -w*, growth at -w*: no larger constants are true."""
    planted = np.array([0.6, -0.8])
    loss = PopulationGLM(planted, "leaky_relu", slope=slope)
    bounds = loss.regularity_bounds()
    end = ratios(loss, -1e-7 * planted)
    assert end.restricted_secant == pytest.approx(bounds.restricted_secant, abs=1e-6) == pytest.approx(slope, abs=1e-6)
    assert end.weak_strong_convexity == pytest.approx(bounds.weak_strong_convexity, abs=1e-6)
    assert ratios(loss, -planted).quadratic_growth == pytest.approx(bounds.quadratic_growth)
    assert bounds.quadratic_growth == pytest.approx((1 + slope) ** 2 / 4)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus"])
def test_lower_sums_are_below_the_integrals_and_near(activation):
    """The secant bound is E c(R rho)^2, rho of the chi distribution with 4 degrees of freedom."""
    link, radius = link_of(activation, 0.0), 1.3
    exact = chi(4).expect(lambda r: link.least_slope(radius * r) ** 2)
    bounds = gaussian_bounds(link, radius)
    assert 0.99 * exact < bounds.restricted_secant < exact
    assert bounds.weak_quasi_convexity == pytest.approx(2 * bounds.restricted_secant / link.largest_slope**2)


def test_samples_have_the_constants_of_the_population_in_the_end():
    """Per row the proven secant constants of many rows are below those of the population, and of its order."""
    population = PopulationGLM([0.6, -0.8], "sigmoid")
    sample = population.sample(20000, 0)
    ratio = (
        sample.regularity_bounds(1.0).restricted_secant / 20000 / population.regularity_bounds(1.0).restricted_secant
    )
    assert 0.5 < ratio < 2.0


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "softplus"])
def test_nothing_is_proven_where_slopes_vanish(activation):
    found = sample_bounds(np.random.default_rng(5).normal(size=(9, 2)), link_of(activation, 0.0), np.inf)
    assert found.pl == found.restricted_secant == found.quadratic_growth == found.weak_quasi_convexity == 0.0
    assert found.weak_strong_convexity < 0
    wide = sample_bounds(np.eye(3)[:2], link_of("leaky_relu", 0.5), np.inf)
    assert wide.restricted_secant == 0.0 and wide.weak_quasi_convexity == 1.0
    assert sample_bounds(np.zeros((2, 1)), link_of(activation, 0.0), 1.0).restricted_secant == 0.0


def test_bounds_are_refused_where_they_are_none():
    population = PopulationGLM([3.0, 4.0], "sigmoid", noise_variance=0.1)
    with pytest.raises(ValueError, match="radius must be at least the length of planted, 5; got 4.9"):
        population.regularity_bounds(4.9)
    assert population.regularity_bounds(5.0).restricted_secant > 0
    with pytest.raises(ValueError, match="y must be sigma.X planted. without noise for these bounds"):
        population.sample(5, 0).regularity_bounds(5.0)
    with pytest.raises(ValueError, match="planted must be given"):
        SampleGLM([[1.0]], [1.0], "relu").regularity_bounds()
    with pytest.raises(ValueError, match="radius must be finite and above 0"):
        population.regularity_bounds(-1.0)


def test_record_says_what_it_rests_on():
    found = PopulationGLM([1.0], "leaky_relu").regularity_bounds()
    assert repr(found) == (
        "RegularityBounds(PL 0.04, weak quasi-convexity 0.4, restricted secant 0.2, error bound 0.2, quadratic growth "
        "0.36, weak strong convexity -0.12, given 3 assumptions)"
    )
    assert "x ~ N(0, I)" in found._repr_html_() and "leaky_relu of slope 0.2" in found._repr_html_()
