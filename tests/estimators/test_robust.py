"""``huber_delta="auto"`` follows the spread of the targets, and nothing else."""

import numpy as np
import pytest
from sklearn.base import clone

from convexnn import ConvexReLURegressor, ConvexReLURegressorCV, GatedReLURegressor, InvalidInputError, certify
from convexnn.estimators._robust import delta_of, weighted_median
from convexnn.exchange.fitted import contents_of

QUICK = {"proof": "heuristic", "tol": 1e-8}


def data(n_samples=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.2 * rng.standard_normal(n_samples)


def test_it_is_the_median_absolute_deviation():
    _, y = data()
    assert delta_of("auto", y) == np.median(np.abs(y - np.median(y)))
    assert delta_of(0.7, y) == 0.7


@pytest.mark.parametrize("seed", range(3))
def test_weights_equal_repetition(seed):
    _, y = data(25, seed)
    weight = np.random.default_rng(seed).integers(0, 4, 25)
    repeated = np.repeat(y, weight)
    assert weighted_median(y, weight.astype(float)) == np.median(repeated)
    assert delta_of("auto", y, weight.astype(float)) == delta_of("auto", repeated)
    assert delta_of("auto", y, 0.1 * weight) == delta_of("auto", repeated)


@pytest.mark.parametrize("factor", [1e-200, 1e6, 1e200])
def test_it_follows_the_unit_and_not_the_origin(factor):
    _, y = data()
    expected = delta_of("auto", y)
    assert delta_of("auto", factor * y) == pytest.approx(factor * expected, rel=1e-14)
    assert delta_of("auto", y - 1e3) == pytest.approx(expected, rel=1e-9)
    assert delta_of("auto", -y) == pytest.approx(expected, rel=1e-14)


def test_outliers_hardly_move_it():
    _, y = data()
    wild = y.copy()
    wild[:4] += 1e9
    assert delta_of("auto", y) < delta_of("auto", wild) < 2.0 * delta_of("auto", y)


def test_mostly_equal_targets_are_judged_by_the_others():
    y = np.zeros(30)
    y[:9] = np.arange(1.0, 10.0)
    assert delta_of("auto", y) == 5.0
    assert delta_of("auto", 1e3 * y + 7.0) == pytest.approx(1e3 * delta_of("auto", y))
    rounded = 0.1 + y * 0.0 + np.where(np.arange(30) % 2, 0.0, 1e-17)
    assert delta_of("auto", rounded) == delta_of("auto", np.ones(3)) == delta_of("auto", np.zeros((1, 2))) == 1.35


def test_several_outputs_share_one():
    _, y = data()
    assert delta_of("auto", np.column_stack([y, y + 5.0])) == pytest.approx(delta_of("auto", y))


def test_fits_follow_the_unit_of_y():
    X, y = data()
    one = ConvexReLURegressor("scale", loss="huber", huber_delta="auto", **QUICK).fit(X, y)
    million = clone(one).fit(X, 1e6 * y)
    assert million.huber_delta_ == pytest.approx(1e6 * one.huber_delta_)
    np.testing.assert_allclose(million.predict(X), 1e6 * one.predict(X), rtol=1e-4, atol=1.0)


@pytest.mark.parametrize(
    "model",
    [
        ConvexReLURegressor(1.0, loss="huber", huber_delta="auto", **QUICK),
        ConvexReLURegressorCV([1.0], cv=2, loss="huber", huber_delta="auto", **QUICK),
        GatedReLURegressor(1.0, loss="huber", huber_delta="auto", n_gates=8),
    ],
    ids=lambda model: type(model).__name__,
)
def test_it_is_the_same_as_its_number(model):
    X, y = data()
    weight = np.arange(40) % 3.0
    model.fit(X, y, weight)
    assert model.huber_delta == "auto" and model.huber_delta_ == delta_of("auto", y, weight)
    number = clone(model).set_params(huber_delta=model.huber_delta_).fit(X, y, weight)
    assert number.huber_delta_ == model.huber_delta_
    np.testing.assert_allclose(number.predict(X), model.predict(X), rtol=1e-9, atol=1e-9)


def test_certificates_and_files_have_the_number():
    X, y = data()
    model = ConvexReLURegressor(1.0, loss="huber", huber_delta="auto").fit(X, y)
    own = {"loss": "huber", "huber_delta": model.huber_delta_}
    found = certify(model.network_, X, y, 1.0, **own)
    assert found.primal == pytest.approx(model.certificate_.primal)
    assert contents_of(model)[1]["huber_delta"] == model.huber_delta_


@pytest.mark.parametrize("huber_delta", ["mad", 0.0, -1.0, np.inf, None, True])
@pytest.mark.parametrize("model", [ConvexReLURegressor, GatedReLURegressor])
def test_other_values_are_refused_by_name(model, huber_delta):
    with pytest.raises(InvalidInputError, match="huber_delta"):
        model(loss="huber", huber_delta=huber_delta).fit(*data())
