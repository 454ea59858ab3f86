"""`ConvexReLUClassifier`: two classes, joint and one-vs-rest, against brute force and what scikit-learn promises."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from convexnn import ConvergenceWarning, ConvexReLUClassifier, InvalidInputError, certify, optimal_set

from ..checks import best_network


@pytest.mark.slow
@parametrize_with_checks([ConvexReLUClassifier()])
def test_scikit_learn(estimator, check):
    check(estimator)


def fit(X, y, sample_weight=None, beta="scale", **options):
    return ConvexReLUClassifier(beta, **options).fit(X, y, sample_weight=sample_weight)


@pytest.fixture(scope="module")
def rings():
    """Two classes, one around the other, with names for labels."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((14, 2))
    return X, np.where(np.linalg.norm(X, axis=1) + 0.2 * rng.standard_normal(14) > 1.2, "outer", "inner")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X)[::2], y[::2]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared"])
def test_two_classes_against_brute_force(rings, loss):
    X, y = rings[0][:9], rings[1][:9]
    model = fit(X, y, beta=0.2, loss=loss)
    signs = np.where(y == "outer", 1.0, -1.0)
    best, _ = best_network(loss, X, signs, 0.2, np.ones(9), hidden_bias=True, fit_intercept=True)
    assert model.certificate_.primal == pytest.approx(best, rel=1e-5)
    assert model.status_ == "proven" and list(model.classes_) == ["inner", "outer"]
    independent = certify(model.network_, X, signs, 0.2, loss=loss)
    assert independent.relative_gap <= 1e-6
    np.testing.assert_allclose(independent.dual_point, model.dual_, rtol=1e-3, atol=1e-4)


def test_decisions_and_probabilities(rings):
    X, y = rings
    model = fit(X, y)
    values = model.decision_function(X)
    np.testing.assert_array_equal(model.predict(X), np.where(values > 0, "outer", "inner"))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expit(values))
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))
    hinge = fit(X, y, loss="squared_hinge")
    assert not hasattr(hinge, "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba") as error:
        hinge.predict_proba(X)
    assert "loss='squared_hinge'" in str(error.value.__cause__)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared"])
def test_joint_classes_have_one_network_and_one_proof(iris, loss):
    X, y = iris
    model = fit(X, y, loss=loss)
    assert model.status_ == "proven" and model.network_.output_weights.shape[1] == 3
    targets = (y[:, None] == model.classes_).astype(float)
    name = "multinomial" if loss == "logistic" else loss
    targets = targets if loss == "logistic" else 2.0 * targets - 1.0
    independent = certify(model.network_, X, targets, model.beta_, loss=name)
    assert independent.primal == pytest.approx(model.certificate_.primal, rel=1e-10)
    assert independent.relative_gap <= 1e-6
    assert model.score(X, y) >= 0.9
    if loss == "logistic":
        np.testing.assert_allclose(model.predict_proba(X), softmax(model.decision_function(X), axis=1))


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_one_against_the_rest_is_one_problem_per_class(iris, loss):
    X, y = iris
    model = fit(X, y, loss=loss, beta=2.0, multi_class="ovr")
    alone = [fit(X, y == label, loss=loss, beta=2.0) for label in model.classes_]
    np.testing.assert_allclose(
        model.decision_function(X), np.column_stack([part.decision_function(X) for part in alone]), atol=1e-12
    )
    assert model.certificate_.primal == pytest.approx(sum(part.certificate_.primal for part in alone))
    assert model.certificate_.dual == pytest.approx(sum(part.certificate_.dual for part in alone))
    assert len(model.certificates_) == 3 and model.status_ == "proven"
    assert model.beta_max_ == max(part.beta_max_ for part in alone)
    if loss == "logistic":
        sigmoids = expit(model.decision_function(X))
        np.testing.assert_allclose(model.predict_proba(X), sigmoids / sigmoids.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_two_classes_do_not_depend_on_multi_class(rings, multi_class):
    X, y = rings
    np.testing.assert_array_equal(
        fit(X, y, multi_class=multi_class).decision_function(X), fit(X, y).decision_function(X)
    )


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_weights_are_repetition(iris, multi_class):
    X, y = iris[0][::3], iris[1][::3]
    counts = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = fit(X, y, sample_weight=counts, multi_class=multi_class)
    repeated = fit(np.repeat(X, counts, axis=0), np.repeat(y, counts), multi_class=multi_class)
    np.testing.assert_array_equal(weighted.decision_function(X), repeated.decision_function(X))


def test_class_weights(rings):
    X, y = rings
    plain = fit(X, y)
    given = fit(X, y, class_weight={"inner": 3.0, "outer": 1.0})
    same = fit(X, y, beta=plain.beta_, sample_weight=np.where(y == "inner", 3.0, 1.0))
    np.testing.assert_array_equal(given.decision_function(X), same.decision_function(X))
    assert given.beta_ == plain.beta_
    counts = {name: np.sum(y == name) for name in ("inner", "outer")}
    factors = {name: len(y) / (2 * count) for name, count in counts.items()}
    np.testing.assert_allclose(
        fit(X, y, class_weight="balanced").decision_function(X),
        fit(X, y, class_weight=factors).decision_function(X),
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weight": "even"}, "class_weight"),
        ({"class_weight": {"inner": -1.0}}, "class_weight must hold finite numbers above 0"),
        ({"class_weight": {"neither": 2.0}}, "class_weight must be None, 'balanced' or a dict"),
        ({"class_weight": [1, 2]}, "class_weight must be None, 'balanced' or a dict"),
        ({"multi_class": "both"}, "multi_class must be one of 'joint', 'ovr'"),
        ({"loss": "hinge"}, "loss must be one of 'logistic', 'squared_hinge', 'squared'"),
        ({"solver": "working_set", "patterns": "exact"}, "solver='working_set' solves the program of the squared loss"),
    ],
)
def test_bad_options(rings, options, message):
    with pytest.raises(InvalidInputError, match=message):
        fit(*rings, **options)


def test_one_class_and_several_problems_are_refused(rings, iris):
    with pytest.raises(InvalidInputError, match="at least two classes .* got one class"):
        fit(rings[0], ["only"] * 14)
    with pytest.raises(InvalidInputError, match="one for each of its 3 classes"):
        fit(*iris, multi_class="ovr").optimal_set()


def test_the_optimal_set_is_that_of_the_function(rings):
    X, y = rings
    model = fit(X, y, beta=0.3)
    found = model.optimal_set()
    signs = np.where(y == "outer", 1.0, -1.0)
    other = optimal_set(X, signs, 0.3, loss="logistic", hidden_bias=True, fit_intercept=True)
    assert found.optimal_value == pytest.approx(other.optimal_value, rel=1e-9)
    assert (found.m_star, found.M_star) == (other.m_star, other.M_star)


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_a_warm_start_ends_at_the_same_optimum(iris, multi_class):
    model = ConvexReLUClassifier(beta=5.0, multi_class=multi_class, warm_start=True).fit(*iris)
    again = model.set_params(beta=2.0).fit(*iris).certificate_.primal
    assert again == pytest.approx(fit(*iris, beta=2.0, multi_class=multi_class).certificate_.primal, rel=1e-6)
    assert model.fit(iris[0], iris[1] > 0).network_.output_weights.ndim == 1  # other outputs: a start is of no use


def test_warm_start_of_other_classes_or_features(iris):
    X, y = iris
    model = ConvexReLUClassifier(beta=5.0, multi_class="ovr", warm_start=True, proof="heuristic").fit(X, y)
    four = np.where(np.arange(len(y)) < 10, 3, y)
    assert model.fit(X, four).network_.output_weights.shape[1] == 4
    assert model.fit(X, y).network_.output_weights.shape[1] == 3
    with pytest.raises(InvalidInputError, match="warm_start=True needs as many features"):
        model.fit(X[:, :2], y)


@pytest.mark.slow
def test_in_a_pipeline_a_search_and_a_file(iris):
    X, y = iris[0], iris[1] == 1
    model = make_pipeline(StandardScaler(), ConvexReLUClassifier(tol=1e-4, proof="heuristic"))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.8
    search = GridSearchCV(model, {"convexreluclassifier__beta": [1.0, 5.0]}, cv=3).fit(X, y)
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(copy.predict_proba(X), search.predict_proba(X))
    assert clone(model).get_params()["convexreluclassifier__tol"] == 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_real_data_are_classified_as_well_as_by_a_linear_model(load):
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = ConvexReLUClassifier(beta=3.0, proof="heuristic", tol=1e-4)
    linear = LogisticRegression(max_iter=1000)
    ours, theirs = (cross_val_score(candidate, X, y, cv=3).mean() for candidate in (model, linear))
    assert ours >= theirs - 0.02


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge", "squared"])
@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_classes_that_the_free_terms_separate(loss, multi_class):
    X, y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), np.array([0, 1, 2])
    options = {"loss": loss, "multi_class": multi_class, "skip_connection": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the logistic loss has no minimum here
        model = fit(X, y, **options)
        two = fit(X[:2], y[:2], **options)
    assert model.certificate_.primal < 1e-9 and two.certificate_.primal < 1e-9
    assert np.array_equal(model.predict(X), y) and np.array_equal(two.predict(X[:2]), y[:2])
