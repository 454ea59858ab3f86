"""Losses against differences, against their conjugates found by search, and on the edges of their domains."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from convexnn import InvalidInputError, TwoLayerReLU
from convexnn.losses import LOSSES, make_loss

SETTINGS = [
    ("squared", {}),
    ("huber", {}),
    ("huber", {"huber_delta": 0.3}),
    ("absolute", {}),
    ("quantile", {}),
    ("quantile", {"quantile": 0.9}),
    ("logistic", {}),
    ("squared_hinge", {}),
]
every_loss = pytest.mark.parametrize(("name", "options"), SETTINGS, ids=str)


def draw(loss, seed=0, n=30):
    """Targets, a fit and weights."""
    rng = np.random.default_rng(seed)
    y = rng.choice([-1.0, 1.0], n) if loss.labels else 2.0 * rng.standard_normal(n)
    return y, 2.0 * rng.standard_normal(n), rng.uniform(0.1, 3.0, n)


@every_loss
def test_slopes_and_curvatures_against_differences(name, options):
    loss, step = make_loss(name, **options), 1e-6
    y, fit, weight = draw(loss)
    numeric = (loss.terms(y, fit - step) - loss.terms(y, fit + step)) / (2.0 * step)
    np.testing.assert_allclose(loss.slopes(y, fit), numeric, atol=1e-8)
    np.testing.assert_allclose(loss.dual_point(y, fit, weight), weight * numeric, atol=1e-7)
    second = (loss.slopes(y, fit - step) - loss.slopes(y, fit + step)) / (2.0 * step)
    np.testing.assert_allclose(loss.curvatures(y, fit), second, atol=1e-6)


@every_loss
def test_dual_terms_against_a_search(name, options):
    loss = make_loss(name, **options)
    y, fit, _ = draw(loss, n=12)
    s = 0.9 * loss.slopes(y, fit)
    for k in range(len(y)):

        def lagrangian(z, k=k):
            return float(loss.terms(y[k : k + 1], np.array([z]))[0] + s[k] * z)

        found = min(
            minimize_scalar(lagrangian, bounds=bounds, method="bounded", options={"xatol": 1e-10}).fun
            for bounds in ((-200.0, y[k]), (y[k], 200.0))
        )
        assert loss.dual_terms(y, s)[k] == pytest.approx(found, abs=1e-6)


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_dual_values_stay_below_and_the_gradient_attains_it(name, options, seed):
    loss = make_loss(name, **options)
    y, fit, weight = draw(loss, seed)
    nu = loss.dual_point(y, fit, weight)
    others = np.random.default_rng(seed).standard_normal((50, len(y)))
    for share in (0.0, 0.3, 1.0):
        dual = loss.dual_value(y, share * nu, weight)
        for other in others:
            assert dual <= loss.value(y, other, weight) + share * nu @ other + 1e-12
    assert loss.dual_value(y, nu, weight) == pytest.approx(loss.value(y, fit, weight) + nu @ fit, rel=1e-10, abs=1e-10)


@every_loss
@pytest.mark.parametrize("limit", [0.0, 0.2, 3.0, np.inf])
@pytest.mark.parametrize("seed", range(3))
def test_the_best_scale_is_best(name, options, limit, seed):
    loss = make_loss(name, **options)
    y, fit, weight = draw(loss, seed)
    nu = 0.7 * loss.dual_point(y, fit, weight)
    best = loss.best_scale(y, nu, weight, limit)
    assert 0.0 <= best <= limit
    value = loss.dual_value(y, best * nu, weight)
    assert np.isfinite(value)
    for t in np.linspace(0.0, min(limit, 5.0), 400):
        assert loss.dual_value(y, t * nu, weight) <= value + 1e-12
    assert loss.best_scale(y, np.zeros(len(y)), weight, limit) == 0.0


@every_loss
def test_dual_value_is_minus_infinity_outside_the_domain(name, options):
    loss = make_loss(name, **options)
    y, fit, _ = draw(loss)
    s = loss.slopes(y, fit)
    edge = loss.domain(y, s)
    if np.isfinite(edge):
        assert np.all(np.isfinite(loss.dual_terms(y, edge * s)))
        assert np.any(np.isneginf(loss.dual_terms(y, 1.001 * edge * s)))
    if loss.labels:
        assert loss.domain(y, -s) == 0.0
        assert loss.best_scale(y, -s, np.ones(len(y)), 1.0) == 0.0


def test_logistic_values_do_not_overflow():
    loss, y = make_loss("logistic"), np.array([1.0, -1.0])
    np.testing.assert_allclose(loss.terms(y, np.array([-1e4, -1e4])), [1e4, 0.0])
    np.testing.assert_allclose(loss.slopes(y, np.array([-1e4, -1e4])), [1.0, 0.0])
    np.testing.assert_allclose(loss.curvatures(y, np.array([-1e4, 1e4])), 0.0)


@every_loss
def test_the_objective_of_a_network_uses_the_loss(name, options):
    loss = make_loss(name, **options)
    y, _, weight = draw(loss)
    X = np.random.default_rng(1).standard_normal((len(y), 2))
    network = TwoLayerReLU([[1.0, 0.0], [0.0, 2.0]], [1.0, -0.5])
    expected = loss.value(y, network.predict(X), weight) + 0.1 / 2 * (1 + 4 + 1 + 0.25)
    assert network.objective(X, y, 0.1, sample_weight=weight, loss=name, **options) == pytest.approx(
        expected, rel=1e-12
    )


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInputError, match="loss must be"):
        make_loss("cubic")
    with pytest.raises(InvalidInputError, match="huber_delta"):
        make_loss("huber", huber_delta=0.0)
    for quantile in (0.0, 1.0, 1.5):
        with pytest.raises(InvalidInputError, match="quantile"):
            make_loss("quantile", quantile=quantile)
    with pytest.raises(InvalidInputError, match="labels -1 and 1 only for the logistic loss; got 0"):
        make_loss("logistic").check_targets(np.array([1.0, 0.0]))
    assert set(LOSSES) == {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
