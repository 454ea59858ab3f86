"""Lower bounds that no network of real weights is below, however nearly dependent the free terms are."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from convexnn import ConvexReLURegressor, TwoLayerReLU, beta_max, certify
from convexnn.duality.records import Certificate

LOSSES = ["squared", "huber", "absolute", "quantile"]


def without_neurons(n_inputs, skip=None, intercept=None, outputs=()):
    """The network of free terms alone."""
    return TwoLayerReLU(np.zeros((0, n_inputs)), np.zeros((0, *outputs)), skip_weights=skip, intercept=intercept)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("e", [2.0**-30, 2.0**-39, 2.0**-43, 2.0**-50])
def test_columns_that_differ_by_rounding_fit_everything(e, loss):
    X, y = np.array([[1.0, 1 + e], [1.0, 1.0], [1.0, 1.0 - e]]), np.array([1.0, 0.0, -1.0])
    found = certify(without_neurons(2, skip=[0.0, 0.0]), X, y, 10.0, loss=loss, proof="exact")
    assert found.dual <= 1e-12  # skip weights -1/e and 1/e have the objective 0, exactly


@pytest.mark.parametrize("e", [2.0**-30, 2.0**-43])
def test_columns_that_differ_by_rounding_fit_several_outputs(e):
    X, Y = np.array([[1.0, 1 + e], [1.0, 1.0], [1.0, 1.0 - e]]), np.array([[1.0, 2.0], [0.0, 0.0], [-1.0, -2.0]])
    found = certify(without_neurons(2, skip=np.zeros((2, 2)), outputs=(2,)), X, Y, 10.0, proof="exact")
    assert found.dual <= 1e-12


@pytest.mark.parametrize("beta", [1e-12, 1e-3, 1e3])
@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_classes_that_a_steep_skip_separates_have_no_lower_bound(loss, beta):
    X = np.array(
        [
            [0.7629220220167702, -1.2929303902010736],
            [0.762922022057363, -1.2929303901324192],
            [0.7629220219407643, -1.2929303902153362],
        ]
    )
    found = certify(without_neurons(2, skip=[0.0, 0.0]), X, np.array([-1.0, 1, -1]), beta, loss=loss, proof="exact")
    assert found.dual <= 1e-10


def test_free_terms_that_cancel_are_not_optimal():
    x = np.random.default_rng(0).standard_normal(20)
    X, y = np.column_stack([x, np.ones(20)]), np.abs(x)
    for big in (1e8, 1e12, 1e15):
        found = certify(without_neurons(2, skip=[0.0, -big], intercept=big), X, y, 1e-3)
        assert found.primal == pytest.approx(0.5 * y @ y) and found.status == "not proven"


@pytest.mark.parametrize("seed", range(2))
def test_two_temperature_scales_are_bounded_below_their_rounding(seed):
    rng = np.random.default_rng(seed)
    c = np.round(20 + 8 * rng.standard_normal(40), 1)
    X, y = np.column_stack([c, 1.8 * c + 32]), np.abs(c - 20) / 8 + 0.3 * rng.standard_normal(40)
    with pytest.warns(ConvergenceWarning, match="some columns of X depend on others but for rounding"):
        model = ConvexReLURegressor(beta=2.0, skip_connection=True, max_iter=30).fit(X, y)
    certificate = model.certificate_
    # A step along (-1.8, 1, -32), which is rounding on these rows, in exact arithmetic.
    error = [Fraction(f) - Fraction(1.8) * Fraction(t) - 32 for t, f in X.tolist()]
    rest = [Fraction(value) for value in (y - model.predict(X)).tolist()]
    share = sum(a * b for a, b in zip(rest, error, strict=True)) ** 2 / sum(b * b for b in error) / 2
    assert float(share) > 1e-3 * certificate.primal
    assert certificate.dual <= certificate.primal - float(share) * (1 - 1e-6)
    assert model.status_ != "proven" and certificate.status == "not proven"


@pytest.mark.mostly_slow
@pytest.mark.parametrize("loss", LOSSES)
def test_targets_far_from_zero_keep_their_proof(loss):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    options = {"fit_intercept": True, "skip_connection": True, "loss": loss}
    beta = 0.3 * beta_max(X, y, **options)
    near = ConvexReLURegressor(beta, hidden_bias=False, skip_connection=True, loss=loss).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        far = ConvexReLURegressor(beta, hidden_bias=False, skip_connection=True, loss=loss).fit(X, y + 1e9)
    assert near.status_ == "proven"
    rel = 1e-3 if loss in ("absolute", "quantile") else 1e-5  # linear programs stop earlier
    assert far.certificate_.primal == pytest.approx(near.certificate_.primal, rel=rel)
    assert far.certificate_.dual <= near.certificate_.primal * (1 + 1e-5)


def test_a_constant_feature_and_dummies_cost_no_proof():
    rng = np.random.default_rng(0)
    dummies = np.eye(3)[rng.integers(0, 3, 30)]
    X = np.column_stack([rng.standard_normal(30), (dummies - dummies.mean(axis=0)) / dummies.std(axis=0)])
    y = np.abs(X[:, 0]) + X[:, 1]
    model = ConvexReLURegressor(3.0, skip_connection=True).fit(X, y)
    assert model.status_ == "proven" and model.certificate_.relative_gap <= 1e-6


def test_heavy_rows_do_not_excuse_light_ones():
    y, weight = np.array([1e9, 1e9 + 1.0]), np.array([1e6, 1.0])
    network = TwoLayerReLU(np.sqrt(1e9) * np.eye(2), np.sqrt([1e9, 1e9]))
    for loss in ("absolute", "squared", "huber"):
        found = certify(network, np.eye(2), y, 1e-12, loss=loss, sample_weight=weight)
        assert found.primal >= 0.5 and found.status == "not proven"


def test_zero_network_strength_is_that_of_exact_columns():
    c = np.round(20 + 8 * np.random.default_rng(0).standard_normal(6), 1)
    X = np.column_stack([c, 1.8 * c + 32])
    error = [Fraction(f) - Fraction(1.8) * Fraction(t) - 32 for t, f in X.tolist()]
    y = np.array([float(value) for value in error])  # what the free terms fit, and nothing else
    assert beta_max(X, y, skip_connection=True, fit_intercept=True) <= 1e-12 * np.abs(y).max()


def test_a_bound_above_the_objective_is_called_a_contradiction():
    known = certify(without_neurons(1), [[1.0], [2.0]], [1.0, 2.0], 1.0)
    wrong = Certificate(known.primal, 1.01 * known.primal, known.dual_point, "exact", 0.0, known.price)
    assert wrong.status == "contradiction" and wrong.relative_gap == np.inf
    assert "contradiction" in str(wrong)
