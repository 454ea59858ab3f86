"""Options of the regressor that must be refused by name, and answers that must not promise more than they know."""

import numpy as np
import pytest

from convexnn import (
    ConvergenceWarning,
    ConvexReLUClassifier,
    ConvexReLURegressor,
    InvalidInputError,
    PatternLimitError,
    TwoLayerReLU,
    WidthWarning,
    enumerate_patterns,
    sample_patterns,
)
from convexnn.estimators._base import missing_neurons
from convexnn.solvers.base import Status


def data(n=12, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


@pytest.mark.parametrize(
    "name, value",
    [
        ("hidden_bias", "no"),
        ("fit_intercept", None),
        ("skip_connection", 2),
        ("warm_start", "yes"),
        ("n_jobs", "a"),
        ("n_jobs", 0),
        ("n_jobs", 1.5),
        ("verbose", -1),
        ("verbose", None),
        ("random_state", "a"),
        ("random_state", -1),
    ],
)
def test_bad_options_are_refused_by_name(name, value):
    with pytest.raises(InvalidInputError, match=name):
        ConvexReLURegressor(**{name: value}).fit(*data())


def test_text_targets_are_refused():
    X, _ = data()
    with pytest.raises(ValueError, match="y"):
        ConvexReLURegressor().fit(X, np.array(["a"] * len(X)))


def test_patterns_of_other_data_are_refused():
    X, y = data()
    with pytest.raises(InvalidInputError, match="ones column"):
        ConvexReLURegressor(patterns=enumerate_patterns(X)).fit(X, y)


def test_own_patterns_reach_the_optimum_in_any_order_of_rows():
    X, y = data()
    patterns = enumerate_patterns(np.column_stack([X, np.ones(len(X))]))
    given = ConvexReLURegressor(1.0, patterns=patterns).fit(X, y)
    own = ConvexReLURegressor(1.0).fit(X, y)
    assert given.certificate_.primal == pytest.approx(own.certificate_.primal, rel=1e-6)


def test_a_sample_of_patterns_says_that_it_is_one():
    X, y = data(30, 3)
    with pytest.warns(ConvergenceWarning, match="given patterns only.*use more patterns"):
        model = ConvexReLURegressor(0.1, patterns="sampled", n_patterns=5).fit(X, y)
    assert model.status_ == "restricted"
    best = ConvexReLURegressor(0.1).fit(X, y).certificate_
    assert best.proof == "exact" and model.certificate_.dual <= best.primal <= model.certificate_.primal


def test_all_patterns_are_refused_where_no_back_end_solves_them():
    with pytest.raises(PatternLimitError, match="column_generation"):
        ConvexReLURegressor(patterns="exact").fit(*data(100, 5))


def test_a_time_limit_that_leaves_no_time_claims_nothing():
    X, y = data(3000, 6)
    with pytest.warns(ConvergenceWarning, match="time limit"):
        model = ConvexReLURegressor(1.0, time_limit=1e-9).fit(X, y)
    certificate = model.certificate_
    assert model.status_ == "time_limit" and certificate.proof != "exact"
    assert 0 <= certificate.dual <= certificate.primal
    assert certificate.heuristic_gap >= 0.1  # nothing was seen, so nothing may look small
    assert len(repr(certificate)) < 200 and len(repr(certificate.price)) < 200


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (ConvexReLURegressor(0.01, time_limit=1e-9), np.arange(40.0)),
        (ConvexReLURegressor(0.01, time_limit=1e-9, max_width=3), np.arange(40.0)),
        (ConvexReLURegressor(0.01, time_limit=1e-9), np.column_stack([np.arange(40.0), np.arange(40.0) ** 2])),
        (ConvexReLUClassifier(0.01, time_limit=1e-9), np.arange(40) % 2),
        (ConvexReLUClassifier(0.01, time_limit=1e-9), np.arange(40) % 3),
        (ConvexReLUClassifier(0.01, time_limit=1e-9, multi_class="ovr"), np.arange(40) % 3),
    ],
)
def test_a_network_without_neurons_is_named(model, y):
    X, _ = data(40, 3)
    with pytest.warns(ConvergenceWarning, match="network has no neurons: the time was up.*: raise time_limit"):
        model.fit(X, y)
    assert not np.any(model.network_.output_weights) and model.status_ == "time_limit"


def test_outputs_without_neurons_are_named():
    network = TwoLayerReLU(np.ones((2, 1)), np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]))
    assert "no neurons for outputs 1, 2: the time was up" in missing_neurons(network, Status.time_limit)
    assert missing_neurons(network, Status.max_iter) == ""
    one = TwoLayerReLU(np.ones((1, 1)), np.array([[1.0, 0.0]]))
    # Nobody has set a limit of time where training was interrupted.
    assert "no neurons for output 1: training was interrupted" in missing_neurons(one, Status.interrupted)
    none = TwoLayerReLU(np.ones((1, 1)), np.zeros(1))
    assert "no neurons: training was interrupted" in missing_neurons(none, Status.interrupted)
    assert missing_neurons(TwoLayerReLU(np.ones((1, 1)), np.ones(1)), Status.time_limit) == ""


def test_patterns_of_other_data_and_of_other_kinds_are_refused():
    rng = np.random.default_rng(0)
    X, other, y = rng.standard_normal((20, 2)), rng.standard_normal((20, 2)), rng.standard_normal(20)
    patterns = sample_patterns(np.column_stack([other, np.ones(20)]), 5, random_state=0)
    with pytest.raises(ValueError, match="made of other data of the same shape"):
        ConvexReLURegressor(patterns=patterns).fit(X, y)
    with pytest.raises(ValueError, match="or an ActivationPatterns.*got ndarray"):
        ConvexReLURegressor(patterns=patterns.masks).fit(X, y)


def test_width_limit_over_given_patterns_claims_nothing_more():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    y = np.sin(X[:, 0]) + X[:, 1]
    patterns = sample_patterns(np.column_stack([X, np.ones(60)]), 30, random_state=0)
    with pytest.warns(WidthWarning, match="over the given patterns") as caught:
        model = ConvexReLURegressor("scale", patterns=patterns, max_width=1).fit(X, y)
    assert "m*" not in str(caught[0].message)
    assert model.status_ == "max_width"
