"""`certify` of estimators: the objective that was trained, on the training rows and on others, refused by name else."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLURegressor,
    InvalidInputError,
    MinNormReLUInterpolator,
    certify,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 2)) @ np.diag([1.0, 3.0]) + [0.0, 2.0]
X[7] = X[3]  # repeated rows become one in training
Y = np.abs(X[:, 0]) - 0.3 * X[:, 1] + 0.3 * RNG.standard_normal(40)
Y[7] = Y[3]
WEIGHT = RNG.integers(0, 3, 40).astype(float)
LABELS = np.array(["low", "middle", "high"])[np.digitize(Y, [-0.5, 0.5])]
INDICATORS = 1 * np.column_stack([Y > 0.0, X[:, 0] > 0.3])
QUICK = {"proof": "heuristic"}
# Losses of one row, by their definitions.
LOSSES = {
    "squared": lambda y, f: 0.5 * (y - f) ** 2,
    "huber": lambda y, f: np.where(np.abs(y - f) <= 1.0, 0.5 * (y - f) ** 2, np.abs(y - f) - 0.5),
    "absolute": lambda y, f: np.abs(y - f),
    "quantile": lambda y, f: np.maximum(0.2 * (y - f), -0.8 * (y - f)),
    "logistic": lambda y, f: np.log1p(np.exp(-y * f)),
    "squared_hinge": lambda y, f: 0.5 * np.maximum(0.0, 1.0 - y * f) ** 2,
}


def penalty(network, beta):
    return 0.5 * beta * (np.sum(network.neurons**2) + np.sum(network.output_weights**2))


def same(found, expected):
    assert found.primal == pytest.approx(expected.primal, rel=1e-12)
    assert found.dual == pytest.approx(expected.dual, rel=1e-9)
    np.testing.assert_allclose(found.dual_point, expected.dual_point, rtol=1e-6, atol=1e-9)


@pytest.fixture(scope="module")
def model():
    return ConvexReLURegressor(0.5).fit(X, Y, WEIGHT)


@pytest.mark.parametrize("loss", ["squared", "huber", "absolute", "quantile"])
@pytest.mark.parametrize("flags", [{}, {"hidden_bias": False, "skip_connection": True, "fit_intercept": False}])
def test_regressors_know_their_objective(loss, flags):
    model = ConvexReLURegressor(0.5, loss=loss, huber_delta=1.0, quantile=0.2, **flags).fit(X, Y, WEIGHT)
    rows = slice(0, 15)
    for kept, weight, found in (
        (slice(None), WEIGHT, model.certify()),
        (slice(None), WEIGHT, certify(model, X, Y, sample_weight=WEIGHT)),
        (rows, WEIGHT[rows], model.certify(X[rows], Y[rows], WEIGHT[rows])),
    ):
        terms = LOSSES[loss](Y[kept], model.predict(X[kept]))
        assert found.primal == pytest.approx(weight @ terms + penalty(model.network_, 0.5), rel=1e-10)
        assert found.dual <= found.primal and found.dual_point.shape == weight.shape
    assert model.certify().status == "optimal"
    # The optimum on fewer rows is below what the network trained on all of them has there.
    best = ConvexReLURegressor(0.5, loss=loss, huber_delta=1.0, quantile=0.2, **flags).fit(
        X[rows], Y[rows], WEIGHT[rows]
    )
    assert found.dual <= best.certificate_.primal * (1.0 + 1e-9) < found.primal


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared"])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"low": 1.0, "middle": 2.0, "high": 3.0}])
def test_one_problem_per_class_is_certified_as_a_sum(loss, class_weight):
    options = {"multi_class": "ovr", "class_weight": class_weight}
    model = ConvexReLUClassifier(0.5, loss=loss, **options, **QUICK).fit(X, LABELS, WEIGHT)
    found = model.certify(proof="heuristic")
    same(model.certify(X, LABELS, WEIGHT, proof="heuristic"), found)
    assert found.primal == pytest.approx(model.certificate_.primal, rel=1e-12)
    signs, factors = np.where(LABELS[:, None] == model.classes_, 1.0, -1.0), np.ones(40)
    if class_weight == "balanced":
        totals = WEIGHT @ (signs > 0)
        factors = (signs > 0) @ (totals.sum() / (3 * totals))
    elif class_weight is not None:
        factors = np.array([class_weight[label] for label in LABELS])
    terms = LOSSES[loss](signs, model.decision_function(X)).sum(axis=1)
    assert found.primal == pytest.approx((WEIGHT * factors) @ terms + penalty(model.network_, 0.5), rel=1e-9)
    assert found.dual_point.shape == (40, 3) and found.dual <= found.primal


@pytest.mark.parametrize("labels", [LABELS, LABELS == "low", INDICATORS], ids=["three", "two", "indicators"])
def test_joint_classifiers_know_their_objective(labels):
    model = ConvexReLUClassifier(0.5, **QUICK).fit(X, labels, WEIGHT)
    found = model.certify(proof="heuristic")
    same(certify(model, X, labels, 0.5, sample_weight=WEIGHT, loss="logistic", proof="heuristic"), found)
    assert found.primal == pytest.approx(model.certificate_.primal, rel=1e-12)
    probabilities = model.predict_proba(X)
    if labels.ndim == 2:
        terms = -np.log(np.where(labels == 1, probabilities, 1.0 - probabilities)).sum(axis=1)
    else:
        terms = -np.log(probabilities[np.arange(40), np.searchsorted(model.classes_, labels)])
    assert found.primal == pytest.approx(WEIGHT @ terms + penalty(model.network_, 0.5), rel=1e-9)


@pytest.mark.parametrize("columns", [1, 2])
def test_several_outputs_and_columns(columns):
    targets = np.column_stack([Y, X[:, 0]])[:, :columns]
    model = ConvexReLURegressor(2.0).fit(X, targets)
    same(model.certify(X, targets), model.certify())
    assert model.certify().primal == pytest.approx(
        0.5 * np.sum((targets - model.predict(X)) ** 2) + penalty(model.network_, 2.0), rel=1e-10
    )


def test_a_proof_that_fit_left_out_can_be_added():
    model = ConvexReLURegressor(0.5, **QUICK).fit(X, Y)
    assert model.certificate_.proof == "heuristic" and model.certificate_.status == "not proven"
    found = model.certify(proof="exact")
    assert (found.proof, found.status) == ("exact", "optimal")
    assert model.certificate_.proof == "heuristic" and found.primal == pytest.approx(model.certificate_.primal)


@pytest.mark.parametrize("loss", ["absolute", "quantile"])
def test_a_fit_that_ended_early_does_not_spoil_the_proof(loss):
    """The dual point of training is used where it is good only; else a linear program finds one."""
    model = ConvexReLURegressor(0.5, loss=loss, max_iter=1, **QUICK)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    found, plain = model.certify(proof="exact"), certify(model.network_, X, Y, 0.5, loss=loss, proof="exact")
    assert found.dual == pytest.approx(plain.dual, rel=1e-6) and found.dual > model.certificate_.dual


def test_classifiers_are_certified_after_a_fit_on_blocks():
    model = ConvexReLUClassifier(0.5, multi_class="ovr", **QUICK).fit(X, LABELS)
    expected = model.certify(proof="heuristic").primal
    model._training_problem = None  # what a fit on blocks has left behind
    assert model.certify(proof="heuristic").primal == expected


def test_the_dual_point_of_repeated_rows_is_shared():
    model = ConvexReLURegressor(0.5).fit(X, Y, WEIGHT)
    nu = model.certify().dual_point
    np.testing.assert_allclose(nu, model.dual_, atol=1e-6)
    assert np.all(nu[WEIGHT == 0.0] == 0.0)
    assert nu[3] * WEIGHT[7] == pytest.approx(nu[7] * WEIGHT[3])


def test_weights_on_a_table_equal_repetition(model):
    whole = np.repeat(np.arange(40), WEIGHT.astype(int))
    found, repeated = model.certify(X, Y, WEIGHT), model.certify(X[whole], Y[whole])
    assert found.primal == pytest.approx(repeated.primal, rel=1e-12)
    assert found.dual == pytest.approx(repeated.dual, rel=1e-9)


def test_nothing_fitted_changes(model):
    before = {name: value for name, value in vars(model).items()}
    model.certify()
    model.certify(X[:9], Y[:9])
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


def test_estimators_with_folds_and_chosen_strengths():
    for model in (ConvexReLURegressorCV(betas=[0.5, 5.0], cv=2), ConvexReLURegressor()):
        found = model.fit(X, Y).certify()
        expected = 0.5 * np.sum((Y - model.predict(X)) ** 2) + penalty(model.network_, model.beta_)
        assert found.primal == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    "given",
    [{"beta": 0.7}, {"loss": "huber"}, {"huber_delta": 9.0}, {"quantile": 0.1}],
    ids=lambda given: next(iter(given)),
)
def test_another_objective_is_refused_by_name(model, given):
    with pytest.raises(InvalidInputError, match=f"^{next(iter(given))} must"):
        certify(model, X, Y, **given)


def test_an_objective_that_agrees_is_taken(model):
    found = certify(model, X, Y, 0.5 * (1.0 + 1e-15), loss="squared", quantile=0.5)
    assert found.primal == certify(model, X, Y).primal


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X}, "^y must be given where X is"),
        ({"y": Y}, "^y must be None where X is"),
        ({"sample_weight": WEIGHT}, "^sample_weight must be None where X is"),
        ({"X": X[:, :1], "y": Y}, "X has 1 features, but ConvexReLURegressor is expecting 2"),
        ({"X": X, "y": np.column_stack([Y, Y])}, "y must have shape"),
        ({"X": X, "y": Y, "sample_weight": -WEIGHT}, "sample_weight must not be negative"),
        ({"proof": "hope"}, "proof must be one of"),
        ({"time_limit": -1.0}, "time_limit"),
    ],
    ids=lambda value: "",
)
def test_bad_arguments_are_refused_by_name(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model.certify(**arguments)


def test_labels_of_other_rows_are_those_of_training():
    model = ConvexReLUClassifier(0.5, class_weight="balanced", **QUICK).fit(X, LABELS)
    with pytest.raises(InvalidInputError, match="y must hold classes that the classifier was trained on.*'new'"):
        model.certify(X[:2], ["new", "low"])
    with pytest.raises(InvalidInputError, match="y must hold rows of every class .* got none of 'high'"):
        model.certify(X[LABELS != "high"], LABELS[LABELS != "high"])
    with pytest.raises(InvalidInputError, match="as in training"):
        model.certify(X, INDICATORS)
    few = ConvexReLUClassifier(0.5, **QUICK).fit(X, LABELS).certify(X[LABELS == "low"], LABELS[LABELS == "low"])
    assert 0.0 <= few.dual <= few.primal  # a class without rows is no obstacle


def test_models_of_other_problems_are_refused_by_name():
    for model, advice in (
        (GatedReLURegressor(0.5).fit(X, Y), "to_relu_network"),
        (MinNormReLUInterpolator().fit(X[:7], Y[:7]), "certify_interpolation"),
    ):
        with pytest.raises(InvalidInputError, match=f"certify is not there for {type(model).__name__}: .*{advice}"):
            certify(model, X, Y)
    pipeline = make_pipeline(StandardScaler(), ConvexReLURegressor(0.5)).fit(X, Y)
    for model, advice in ((pipeline, "Pass that of its last step"), (LinearRegression().fit(X, Y), "")):
        with pytest.raises(TypeError, match=f"network must be a TwoLayerReLU; got {type(model).__name__}.*{advice}"):
            certify(model, X, Y)


def test_unfitted_models_and_networks_without_strength(model):
    with pytest.raises(NotFittedError):
        certify(ConvexReLURegressor(), X, Y)
    with pytest.raises(InvalidInputError, match="beta must be given for a network"):
        certify(model.network_, X, Y)
