"""The optimal set of a hundred patients of the diabetes data."""

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from convexnn import ConvexReLURegressor, InvalidInputError, TwoLayerReLU, certify
from convexnn.optimal_sets import optimal_set

from ..checks import plain_objective, sampled_price


def data():
    """Columns 0, 2, 3 and 8 and the target, standardised over the first 100 rows, and a column of ones."""
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:100, [0, 2, 3, 8]], y[:100]
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    return np.column_stack([X, np.ones(100)]), y


@cache
def solved(beta):
    return optimal_set(*data(), beta)


def test_optimal_value():
    assert solved(3.0).optimal_value == pytest.approx(30.63371525, abs=1e-8)


@pytest.mark.parametrize("beta", [3.0, 10.0])
def test_unique(beta):
    found = solved(beta)
    K = len(found.signs)
    assert found.is_unique and found.vertices.shape == (1, K)
    assert found.m_star == found.M_star == K >= 1
    assert np.linalg.matrix_rank(found.fits) == K
    assert found.margin > 1e-5
    assert found.n_components(K - 1) == 0 and found.connected_from == (K + 1 if K > 1 else 1)
    assert found.n_components(K) == found.n_isolated(K) == np.prod(np.arange(1, K + 1))


@pytest.mark.parametrize("beta", [3.0, 10.0])
def test_the_dual_point_proves_it(beta):
    X, y = data()
    found = solved(beta)
    np.testing.assert_allclose(found.dual_point, y - found.optimal_fit, atol=1e-8)
    prices = found.dual_point @ np.maximum(X @ found.directions.T, 0.0)
    np.testing.assert_allclose(found.signs * prices, beta, rtol=1e-7)
    assert sampled_price(X, found.dual_point) <= beta * (1 + 1e-9)
    dual = found.dual_point @ y - 0.5 * found.dual_point @ found.dual_point
    assert dual == pytest.approx(found.optimal_value, rel=1e-8)


@pytest.mark.parametrize("beta", [3.0, 10.0])
def test_minimal_network(beta):
    X, y = data()
    found = solved(beta)
    network = found.minimal_network()
    assert network.width == found.m_star
    assert plain_objective(network, X, y, beta) == pytest.approx(found.optimal_value, rel=1e-9)
    certificate = certify(network, X, y, beta, proof="exact")
    assert certificate.proof == "exact" and certificate.relative_gap <= 1e-6
    assert found.contains(network)


def test_the_ones_column_is_the_hidden_bias():
    X, y = data()
    found, other = solved(10.0), optimal_set(X[:, :-1], y, 10.0, hidden_bias=True)
    assert other.optimal_value == pytest.approx(found.optimal_value, rel=1e-9)
    apart = np.abs(found.directions[:, None] - other.directions).max(axis=2)
    assert apart.shape == (found.m_star, found.m_star) and apart.min(axis=1).max() < 1e-6
    assert other.minimal_network().hidden_bias is not None


@pytest.mark.slow
@pytest.mark.parametrize("beta", [3.0, 10.0])
def test_the_set_from_a_start_is_the_set_without(beta):
    X, y = data()
    model = ConvexReLURegressor(beta, hidden_bias=True, fit_intercept=False).fit(X[:, :-1], y)
    posed = model.optimal_set()
    without = optimal_set(X[:, :-1], y, beta, hidden_bias=True)
    given = optimal_set(X[:, :-1], y, beta, hidden_bias=True, start=model.network_)
    for found in (posed, given):
        assert len(found.signs) == len(without.signs) and found.vertices.shape == without.vertices.shape
        assert (found.m_star, found.M_star) == (without.m_star, without.M_star)
        assert found.optimal_value == pytest.approx(without.optimal_value, rel=1e-12)
        order = [int(np.argmin(np.abs(found.directions - row).max(axis=1))) for row in without.directions]
        assert sorted(order) == list(range(len(order)))
        np.testing.assert_allclose(found.directions[order], without.directions, atol=1e-9)
    np.testing.assert_allclose(given.dual_point, without.dual_point, atol=1e-9)


def test_a_start_of_another_problem_is_refused():
    X, y = data()
    with pytest.raises(InvalidInputError, match="start"):
        optimal_set(X, y, 10.0, start=TwoLayerReLU(np.ones((1, 5)), [1.0], intercept=0.5))


@pytest.mark.parametrize("columns", [[2, 8], [2, 3], [8, 3]])
def test_a_proof_just_too_wide_for_exact_has_a_set(columns):
    X, y = load_diabetes(return_X_y=True)
    model = ConvexReLURegressor(beta="scale").fit(X[:, columns], y)
    found = model.optimal_set()
    assert model.status_ == "proven" and found.margin > 1e-6
    assert found.optimal_value == pytest.approx(model.certificate_.primal, rel=1e-6)
    assert found.contains(found.minimal_network())
