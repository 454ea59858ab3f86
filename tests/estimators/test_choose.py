"""`choose`: the estimator with one of all optimal networks."""

import pickle
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLURegressor,
    InvalidInputError,
    certify,
    optimal_set,
)

# A chemical process: yield over time and temperature (coded) at four corners and five times at the centre.
CORNERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
X = np.vstack([CORNERS, np.zeros((5, 2))])
Y = np.array([76.5, 77.0, 78.0, 79.5, 79.9, 80.3, 80.0, 79.7, 79.8])
STARS = np.sqrt(2.0) * np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
YIELDS = np.array([78.4, 75.6, 78.5, 77.0])


@cache
def fitted():
    return ConvexReLURegressor(0.1, skip_connection=True).fit(X, Y)


@cache
def classifier(weight=None):
    labels = np.array(["low", "high", "high", "low"])
    model = ConvexReLUClassifier(0.1, skip_connection=False, class_weight=weight)
    return model.fit(np.vstack([CORNERS, CORNERS[:1]]), np.append(labels, "low"))


def check_network(model, before, X, y, beta):
    """Check that a choice is optimal, and that the fitted attributes belong to it."""
    assert model is not before and model.network_ is model.choice_.network
    assert model.network_.objective(X, y, beta) == pytest.approx(before.certificate_.primal, rel=1e-6)
    assert model.status_ == "proven" and model.certificate_.proof == "exact"
    assert model.certificate_.primal == pytest.approx(model.network_.objective(X, y, beta), rel=1e-9)
    assert model.dual_.shape == (len(X),)
    again = certify(model.network_, X, y, beta)
    assert model.dual_ == pytest.approx(again.dual_point, rel=1e-5, abs=1e-7)


def test_the_choice_is_that_of_the_set():
    model = fitted()
    chosen = model.choose("validation", X=STARS, y=YIELDS)
    check_network(chosen, model, X, Y, 0.1)
    best = model.optimal_set().best("validation", X=STARS, y=YIELDS)
    assert chosen.choice_.value == pytest.approx(best.value)
    assert chosen.predict(STARS) == pytest.approx(best.network.predict(STARS), rel=1e-6)
    assert 0.5 * np.mean((chosen.predict(STARS) - YIELDS) ** 2) == pytest.approx(chosen.choice_.value)
    assert chosen.predict(X) == pytest.approx(model.predict(X))
    assert not np.allclose(chosen.predict(STARS), model.choose("neurons").predict(STARS), atol=0.1)
    assert not hasattr(model, "choice_") and model.network_ is not chosen.network_


def test_what_can_be_done_with_a_fit_can_be_done_with_a_choice():
    chosen = fitted().choose("lipschitz")
    assert chosen.leave_one_out().predictions.shape == Y.shape
    assert chosen.optimal_set().contains(chosen.network_)
    assert chosen.score(X, Y) == pytest.approx(fitted().score(X, Y))
    assert pickle.loads(pickle.dumps(chosen)).predict(STARS) == pytest.approx(chosen.predict(STARS))
    assert not hasattr(clone(chosen), "choice_")
    assert not hasattr(chosen.fit(X, Y), "choice_")


def test_a_set_at_hand_is_used():
    model = fitted()
    found = model.optimal_set()
    chosen = model.choose("neurons", optimal_set=found)
    assert chosen.network_.width == found.m_star
    with pytest.raises(InvalidInputError, match="optimal_set must be that of this estimator"):
        model.choose(optimal_set=optimal_set(X, Y, 0.1, hidden_bias=True, fit_intercept=True))
    with pytest.raises(TypeError, match="optimal_set must be an OptimalSet"):
        model.choose(optimal_set=3)


def test_repeated_rows_and_weights_are_one():
    chosen = fitted().choose("lipschitz")
    weight = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    rows = np.vstack([X, STARS[:1]])
    weighted = ConvexReLURegressor(0.1, skip_connection=True).fit(rows, np.append(Y, 90.0), weight)
    assert weighted.choose("lipschitz").choice_.value == pytest.approx(chosen.choice_.value)
    assert weighted.choose("lipschitz").dual_[-1] == 0.0
    twice = ConvexReLURegressor(0.2, skip_connection=True).fit(np.vstack([X, X]), np.append(Y, Y)).choose("lipschitz")
    assert twice.dual_[:9] == pytest.approx(twice.dual_[9:])
    assert twice.choice_.value == pytest.approx(chosen.choice_.value, rel=1e-5)


@pytest.mark.parametrize("weight", [None, "balanced"])
def test_two_classes_have_labels(weight):
    model, points = classifier(weight), np.array([[0.5, 0.2], [2.0, 0.0]])
    chosen = model.choose("margin", X=points, y=["high", "low"])
    # The first class in the order of the labels is "high": -1.
    signs = np.array([-1.0, 1.0])
    assert chosen.choice_.value == pytest.approx(np.min(signs * chosen.decision_function(points)))
    assert list(chosen.predict(CORNERS)) == ["low", "high", "high", "low"]
    values = [
        np.min(signs * network.predict(points))
        for network in map(model.optimal_set().network, model.optimal_set().vertices)
    ]
    assert chosen.choice_.value >= max(values) - 1e-7
    fair = model.choose("fairest", X=points, y=["high", "low"], groups=["a", "b"])
    assert (
        fair.choice_.value <= model.choose("fairest", X=points, y=["high", "low"], groups=[1, 2]).choice_.value + 1e-9
    )


def test_classes_of_other_names_are_refused():
    with pytest.raises(InvalidInputError, match="hold the classes .*medium"):
        classifier().choose("margin", X=CORNERS[:1], y=["medium"])


def test_columns_are_targets_of_one_output():
    model = ConvexReLURegressor(0.1, skip_connection=True).fit(X, Y[:, None])
    chosen = model.choose("validation", X=STARS, y=YIELDS[:, None])
    assert chosen.choice_.value == pytest.approx(fitted().choose("validation", X=STARS, y=YIELDS).choice_.value)
    assert chosen.predict(STARS).shape == (4, 1)


def test_max_width_holds_for_the_choice():
    model = ConvexReLURegressor(0.1, skip_connection=True, max_width=1).fit(X, Y)
    assert model.choose("neurons").network_.width == 1
    with pytest.raises(InvalidInputError, match="more than max_width=1"):
        model.choose("validation", X=STARS, y=YIELDS)


def test_cross_validation_can_be_chosen_from():
    model = ConvexReLURegressorCV(betas=[0.5, 0.1], cv=3, skip_connection=True).fit(X, Y)
    assert model.choose("lipschitz").choice_.proof == "polytope"


def test_what_has_no_polytope_is_refused():
    with pytest.raises(NotFittedError):
        ConvexReLURegressor().choose()
    with pytest.raises(InvalidInputError, match="choose is there for one output"):
        ConvexReLURegressor(1.0).fit(X, np.column_stack([Y, -Y])).choose()
    with pytest.raises(InvalidInputError, match="has 3 outputs"):
        ConvexReLUClassifier(1.0).fit(X, [0, 1, 2, 0, 1, 2, 0, 1, 2]).choose()
    with pytest.raises(InvalidInputError, match="strictly convex"):
        ConvexReLURegressor(1.0, loss="huber").fit(X, Y).choose()
    with pytest.raises(InvalidInputError, match="needs X and y"):
        fitted().choose("validation")
    with pytest.raises(ValueError, match="X has 1 features"):
        fitted().choose("lipschitz", X=STARS[:, :1])
    assert not hasattr(GatedReLURegressor(), "choose")


@pytest.mark.parametrize(
    ("criterion", "given", "message"),
    [
        ("foo", {}, "criterion must be"),
        ("validation", {}, "needs X and y"),
        ("fairest", {"X": CORNERS, "groups": [None, "a", None, "a"]}, "groups must hold labels.*NoneType and str"),
    ],
)
def test_bad_criteria_are_refused_before_the_set_is_sought(monkeypatch, criterion, given, message):
    model = fitted()
    monkeypatch.setattr(ConvexReLURegressor, "optimal_set", None)  # whoever calls it fails
    with pytest.raises(InvalidInputError, match=message):
        model.choose(criterion, **given)
