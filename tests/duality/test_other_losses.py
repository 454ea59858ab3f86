"""Certificates for losses other than the squared one, against programs over all patterns."""

import numpy as np
import pytest

from convexnn import InvalidInputError, TwoLayerReLU, beta_max, certify
from tests.checks import best_network

LOSSES = ["huber", "logistic", "squared_hinge", "absolute", "quantile"]
TERMS = [
    {},
    {"fit_intercept": True},
    {"hidden_bias": True, "fit_intercept": True},
    {"hidden_bias": True, "fit_intercept": True, "skip_connection": True},
]


def draw(loss, seed, n=9):
    """Data with outliers or with labels that no line separates."""
    rng = np.random.default_rng(seed)
    X, weight = rng.standard_normal((n, 2)), rng.uniform(0.5, 2.0, n)
    labels = loss in ("logistic", "squared_hinge")
    y = np.where(rng.random(n) < 0.5, -1.0, 1.0) if labels else 3.0 * rng.standard_normal(n)
    return X, y, weight


@pytest.mark.mostly_slow
@pytest.mark.parametrize("terms", TERMS, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(2))
def test_only_the_optimum_is_certified(loss, terms, seed):
    X, y, weight = draw(loss, seed)
    best, network = best_network(loss, X, y, 0.4, weight, **terms)
    found = certify(network, X, y, 0.4, loss=loss, sample_weight=weight, proof="exact")
    assert found.primal == pytest.approx(best, rel=1e-5)
    assert best * (1 - 1e-4) <= found.dual <= best * (1 + 1e-6)
    rng = np.random.default_rng(seed)
    for scale in (0.1, 0.5, 1.5):
        other = TwoLayerReLU(
            scale * network.hidden_weights + 0.05 * rng.standard_normal(network.hidden_weights.shape),
            network.output_weights,
            hidden_bias=network.hidden_bias,
            intercept=network.intercept,
            skip_weights=network.skip_weights,
        )
        worse = certify(other, X, y, 0.4, loss=loss, sample_weight=weight)
        assert 0.0 <= worse.dual <= best * (1 + 1e-6)
        assert worse.primal == pytest.approx(other.objective(X, y, 0.4, loss=loss, sample_weight=weight), rel=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_labels_separated_by_free_terms_leave_nothing_to_bound(loss):
    X = np.linspace(-1.0, 1.0, 8)[:, None]
    line = TwoLayerReLU(np.zeros((0, 1)), np.zeros(0), hidden_bias=None, intercept=0.0, skip_weights=np.array([5.0]))
    found = certify(line, X, np.sign(X[:, 0]), 0.1, loss=loss)
    assert found.dual <= 1e-8


def test_what_has_no_certificate_is_refused():
    network = TwoLayerReLU([[1.0]], [1.0])
    with pytest.raises(InvalidInputError, match="loss must be one of 'squared', 'huber', 'absolute', 'quantile'"):
        certify(network, [[1.0]], [1.0], 0.1, loss="hinge")
    with pytest.raises(InvalidInputError, match="labels -1 and 1"):
        certify(network, [[1.0]], [2.0], 0.1, loss="logistic")


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_no_neuron_pays_from_beta_max_on(loss):
    X, y, _ = draw(loss, 3)
    terms = {"hidden_bias": True, "fit_intercept": True}
    largest = beta_max(X, y, loss=loss, **terms)
    below, network = best_network(loss, X, y, 0.9 * largest, np.ones(len(y)), **terms)
    above, _ = best_network(loss, X, y, 1.01 * largest, np.ones(len(y)), **terms)
    empty = TwoLayerReLU(np.zeros((0, 2)), np.zeros(0), hidden_bias=np.zeros(0), intercept=network.intercept)
    assert certify(empty, X, y, 1.01 * largest, loss=loss).dual == pytest.approx(above, rel=1e-6)
    assert below < above * (1 - 1e-6)


@pytest.mark.parametrize("n_outputs", [None, 2])
def test_beta_max_where_free_terms_cancel_to_zero(n_outputs):
    """Rows that the free terms fit exactly are kinks, although their coefficients are rounding."""
    X = np.array(
        [[-1, -2], [0, 0], [0, -2], [-2, 1], [1, 0], [2, 1], [-1, -2], [2, 1], [0, -1], [2, 0], [2, 2], [2, 2]]
    )
    y = np.array([-1.0, 0.0, 1.0, -3.0, 2.0, 0.0, -1.0, -2.0, 0.0, -3.0, 0.0, -2.0])
    targets = y if n_outputs is None else np.column_stack([y, 0.0 * y])
    largest = beta_max(X, targets, loss="absolute", skip_connection=True)
    assert largest == pytest.approx(beta_max(X[::-1], targets[::-1], loss="absolute", skip_connection=True), rel=1e-6)
    below = best_network("absolute", X, y, 0.95 * largest, np.ones(12), skip_connection=True)[0]
    above = best_network("absolute", X, y, 1.01 * largest, np.ones(12), skip_connection=True)[0]
    assert below < 15.0 - 1e-4 and above == pytest.approx(15.0, rel=1e-6)
