"""Generalised cross-validation, against its formula and against leave-one-out."""

import numpy as np
import pytest

from convexnn import ConvexReLUClassifier, ConvexReLURegressor


def data(n_samples=60):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.3 * rng.standard_normal(n_samples)


def test_it_is_the_formula():
    X, y = data()
    model = ConvexReLURegressor(3.0).fit(X, y)
    found = model.leave_one_out()
    squares = np.sum((y - model.predict(X)) ** 2)
    assert found.gcv == pytest.approx(60 * squares / (60 - found.degrees_of_freedom) ** 2)
    assert found.gcv == pytest.approx(2.0 * found.mean_loss, rel=0.1)


def test_scales_of_the_weights_do_not_matter():
    X, y = data()
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 60)
    weight[:3] = 0.0
    one, three = (ConvexReLURegressor(3.0 * t).fit(X, y, t * weight).leave_one_out() for t in (1.0, 3.0))
    rest = ConvexReLURegressor(3.0).fit(X[3:], y[3:], weight[3:]).leave_one_out()
    assert three.gcv == pytest.approx(one.gcv) and rest.gcv == pytest.approx(one.gcv)


def test_outputs_are_added_up():
    X, y = data()
    one = ConvexReLURegressor(3.0).fit(X, y).leave_one_out()
    two = ConvexReLURegressor(1e9).fit(X, np.column_stack([y, y])).leave_one_out()
    none = ConvexReLURegressor(1e9).fit(X, y).leave_one_out()
    assert two.gcv == pytest.approx(2.0 * none.gcv) and none.gcv > one.gcv


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_classes_with_the_squared_loss_have_it(multi_class):
    X, y = data()
    labels = np.digitize(y, np.quantile(y, [0.3, 0.6]))
    model = ConvexReLUClassifier(5.0, loss="squared", multi_class=multi_class, proof="heuristic").fit(X, labels)
    found = model.leave_one_out()
    assert found.gcv == pytest.approx(2.0 * found.mean_loss, rel=0.2)
    assert np.array_equal(found.targets, np.where(labels[:, None] == np.arange(3), 1.0, -1.0))


def test_other_losses_have_none():
    X, y = data()
    assert ConvexReLURegressor(3.0, loss="huber").fit(X, y).leave_one_out().gcv is None
    assert ConvexReLUClassifier(3.0).fit(X, y > 1.0).leave_one_out().gcv is None


def test_without_degrees_of_freedom_it_is_infinite():
    assert ConvexReLURegressor().fit([[1.0]], [2.0]).leave_one_out().gcv == np.inf
