"""The smallest cost against brute force over all patterns, and what certificates are worth."""

import itertools

import numpy as np
import pytest

from convexnn import InvalidInputError, TwoLayerReLU, price
from convexnn.estimators.interpolator import MinNormReLUInterpolator
from convexnn.interpolation.certifying import certify_interpolation

from ..checks import plain_predict
from ..zoo import degenerate_designs, interpolations, random_problem, variants
from .reference import brute_force_cost, check_interpolation, plain_cost

TERMS = [
    dict(zip(("hidden_bias", "fit_intercept", "skip_connection"), flags, strict=True))
    for flags in itertools.product((False, True), repeat=3)
]
AFFINE = {"fit_intercept": True, "skip_connection": True}


def interpolator(**options):
    return MinNormReLUInterpolator(**{"hidden_bias": False} | options)


def check_against_brute_force(X, y, terms, tolerance=1e-7):
    model = interpolator(**terms).fit(X, y)
    assert np.abs(plain_predict(model.network_, X) - y).max() <= 1e-12 * max(np.abs(y).max(), model.cost_)
    if model.cost_ == 0.0:  # the free terms meet the targets, as the test above has seen
        assert model.network_.width == 0
        return model
    cost, bound = brute_force_cost(X, y, **terms)
    assert bound <= cost * (1 + tolerance)
    assert model.cost_ <= cost * (1 + tolerance) + 1e-12 * np.abs(y).max()
    assert model.cost_ >= bound * (1 - tolerance) - 1e-12 * np.abs(y).max()
    check_interpolation(model.certificate_, model.network_, X, y)
    assert model.status_ == "proven" and model.certificate_.proof == "exact"
    return model


@pytest.mark.parametrize("known", interpolations(), ids=str)
def test_known_costs(known):
    model = interpolator(**known.flags).fit(known.X, known.y)
    assert model.cost_ == pytest.approx(known.value, rel=1e-12)
    assert model.is_unique_ is known.is_unique
    assert model.certificate_.proof == "exact" and model.certificate_.relative_gap <= 1e-6
    np.testing.assert_allclose(model.predict(known.X), known.y, atol=1e-14)


def test_the_unique_interpolant_has_one_kink_in_the_middle():
    known = interpolations()[2]
    model = interpolator(**known.flags).fit(known.X, known.y)
    network = model.optimal_set().minimal_network()
    assert network.width == 1
    assert -network.hidden_bias[0] / network.hidden_weights[0, 0] == pytest.approx(1.5, abs=1e-9)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("terms", TERMS, ids=lambda terms: "-".join(name for name, on in terms.items() if on))
@pytest.mark.parametrize("shape", [(4, 2), (6, 2), (5, 3)])
def test_random_data_with_every_combination_of_free_terms(shape, terms):
    check_against_brute_force(*random_problem(*shape, seed=shape[0]), terms)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", ["shifted", "small targets", "large targets", "permuted", "duplicated"])
@pytest.mark.parametrize("terms", [TERMS[0], TERMS[4], TERMS[7]], ids=str)
def test_copies_of_the_data(name, terms):
    X, y = variants(*random_problem(4, 2, seed=5))[name]
    check_against_brute_force(X, y, terms)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_cost_follows_the_scale_of_the_inputs_without_a_bias(factor):
    X, y = random_problem(6, 2, seed=1)
    cost = interpolator().fit(X, y).cost_
    assert interpolator().fit(factor * X, y).cost_ == pytest.approx(cost / factor, rel=1e-9)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("name", sorted(degenerate_designs()))
@pytest.mark.parametrize("terms", [TERMS[0], TERMS[2], TERMS[4]], ids=str)
def test_degenerate_data_labelled_by_a_network(name, terms):
    X = degenerate_designs()[name]
    y = np.maximum(X @ np.random.default_rng(2).standard_normal((X.shape[1], 3)), 0.0) @ [1.0, -1.0, 0.5]
    if not np.any(y):
        assert interpolator(**terms).fit(X, y).cost_ == 0.0
        return
    check_against_brute_force(X, y, terms)


def test_two_rows_are_interpolated_in_closed_form():
    """Orthogonal rows with targets of one sign: one neuron, of mass ``||y / lengths||``."""
    model = interpolator().fit(np.diag([2.0, 0.5]), [3.0, 2.0])
    assert model.cost_ == pytest.approx(np.hypot(1.5, 4.0), rel=1e-12)


def test_targets_that_the_free_terms_meet_cost_nothing():
    X = random_problem(5, 2)[0]
    model = interpolator(hidden_bias=True, **AFFINE).fit(X, X @ [1.0, -2.0] + 3.0)
    assert model.cost_ == 0.0 and model.is_unique_ and model.network_.width == 0


def test_cancelling_rows_are_priced_without_a_search():
    """Antipodal rows of equal weight leave a linear function: its price is the norm of their difference."""
    found = price([[1.0, 2.0], [-1.0, -2.0]], [1.0, -1.0], proof="heuristic")
    assert found.value == pytest.approx(np.sqrt(5.0)) and found.value <= found.upper_bound <= found.value * (1 + 1e-12)


def test_any_dual_point_gives_a_valid_bound():
    X, y = random_problem(6, 2, seed=3)
    model = interpolator().fit(X, y)
    rng = np.random.default_rng(0)
    for nu in [*rng.standard_normal((5, 6)), np.zeros(6), 1e-3 * model.dual_, -model.dual_]:
        certificate = certify_interpolation(model.network_, X, y, dual_point=nu)
        check_interpolation(certificate, model.network_, X, y)
        assert certificate.dual <= model.cost_
    again = certify_interpolation(model.network_, X, y, dual_point=1e-3 * model.dual_)
    assert again.relative_gap <= 1e-6


@pytest.mark.parametrize("terms", [TERMS[0], TERMS[4], TERMS[7]], ids=str)
def test_an_interpolating_network_from_elsewhere_is_judged(terms):
    """Random features, the output weights by least squares: it interpolates, and wastes."""
    X, y = random_problem(5, 2, seed=8)
    rng = np.random.default_rng(1)
    hidden, bias = rng.standard_normal((40, 2)), rng.standard_normal(40) if terms["hidden_bias"] else None
    features = np.maximum(X @ hidden.T + (0.0 if bias is None else bias), 0.0)
    network = TwoLayerReLU(
        hidden,
        np.linalg.lstsq(features, y, rcond=None)[0],
        hidden_bias=bias,
        intercept=0.0 if terms["fit_intercept"] else None,
        skip_weights=np.zeros(2) if terms["skip_connection"] else None,
    )
    certificate = certify_interpolation(network, X, y)
    cost, bound = brute_force_cost(X, y, **terms)
    check_interpolation(certificate, network, X, y)
    assert certificate.status == "not proven"
    assert certificate.dual == pytest.approx(cost, rel=1e-6) and certificate.primal > 1.5 * cost
    assert "interpolates to" in str(certificate) and "not proven" in str(certificate)


def test_dual_points_of_equal_rows_add_up():
    X, y = random_problem(5, 2, seed=3)
    model = interpolator().fit(X, y)
    twice = certify_interpolation(
        model.network_,
        np.vstack([X, X]),
        np.tile(y, 2),
        dual_point=np.concatenate([0.3 * model.dual_, 0.7 * model.dual_]),
    )
    assert twice.dual == pytest.approx(model.cost_, rel=1e-6)
    assert twice.dual_point @ np.tile(y, 2) == pytest.approx(twice.dual, rel=1e-12)


def test_a_network_that_does_not_interpolate_is_refused():
    X, y = random_problem(5, 2, seed=3)
    network = interpolator().fit(X, y).network_
    wrong = y + 1e-3 * np.eye(5)[3] * np.abs(y).max()
    with pytest.raises(InvalidInputError, match="largest residual.* at row 3"):
        certify_interpolation(network, X, wrong)
    loose = certify_interpolation(network, X, wrong, tolerance=2e-3)
    assert loose.misfit == pytest.approx(1e-3, rel=1e-2)
    with pytest.raises(TypeError, match="network must be"):
        certify_interpolation(None, X, y)


def test_the_cost_of_weight_decay_tends_to_it():
    from convexnn import ConvexReLURegressor

    X, y = random_problem(8, 2, seed=0)
    cost = MinNormReLUInterpolator().fit(X, y).cost_
    values = [
        ConvexReLURegressor(beta, fit_intercept=False).fit(X, y).certificate_.primal / beta
        for beta in (1e-2, 1e-3, 1e-4)
    ]
    assert values[0] < values[1] < values[2] < cost
    assert values[2] == pytest.approx(cost, rel=1e-2)


def test_few_rounds_still_interpolate_and_say_so():
    from convexnn import ConvergenceWarning

    X, y = random_problem(15, 3, seed=0)
    with pytest.warns(ConvergenceWarning, match="visible relative gap"):
        model = MinNormReLUInterpolator(max_iter=1).fit(X, y)
    assert model.status_ == "max_iter"
    assert np.abs(model.predict(X) - y).max() <= 1e-11 * np.abs(y).max()
    best = MinNormReLUInterpolator().fit(X, y).cost_
    assert model.certificate_.dual <= best <= model.cost_
    assert plain_cost(model.network_) == pytest.approx(model.cost_, rel=1e-12)
