"""Classifiers of several labels that do not exclude each other, against a grid of directions and one label alone."""

import pickle
import warnings

import cvxpy as cp
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPClassifier

from convexnn import ConvexReLUClassifier, ConvexReLUClassifierCV, InvalidInputError, certify
from convexnn.exceptions import ConvergenceWarning

from ..checks import misfit

LOSSES = ("logistic", "squared_hinge", "squared")
every_loss = pytest.mark.parametrize("loss", LOSSES)


def draw(seed=0, n=24, d=2, n_labels=3):
    """Data and indicators of labels that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, (np.sin(2.0 * X @ rng.standard_normal((d, n_labels))) + 0.4 * rng.standard_normal((n, n_labels)) > 0) * 1


def fit(X, Y, beta=0.5, weight=None, **options):
    return ConvexReLUClassifier(beta, **options).fit(X, Y, sample_weight=weight)


def grid_value(loss, X, Y, beta, weight, n_directions=721):
    """The optimum over networks whose neurons are in a grid of directions of the plane and on all kinks, by cvxpy."""
    kinks = np.arctan2(X[:, 1], X[:, 0]) + np.pi / 2.0
    angles = np.concatenate([np.linspace(0.0, 2.0 * np.pi, n_directions), kinks, kinks + np.pi])
    fits = np.maximum(X @ np.stack([np.cos(angles), np.sin(angles)]), 0.0)
    outputs, intercept = cp.Variable((len(angles), Y.shape[1])), cp.Variable(Y.shape[1])
    losses = [misfit(loss, 2.0 * y - 1.0, fits @ outputs[:, k] + intercept[k], weight) for k, y in enumerate(Y.T)]
    penalty = beta * cp.sum(cp.norm(outputs, 2, axis=1))
    return cp.Problem(cp.Minimize(sum(losses) + penalty)).solve(solver="CLARABEL")


@every_loss
@pytest.mark.parametrize("seed", [0, 1])
def test_joint_labels_against_a_grid_of_directions(loss, seed):
    X, Y = draw(seed, n=12, n_labels=2 + seed)
    weight = np.random.default_rng(seed).uniform(0.5, 2.0, 12)
    reference = grid_value(loss, X, Y, 0.5, weight)
    model = fit(X, Y, 0.5, weight, loss=loss, hidden_bias=False)
    certificate = model.certificate_
    assert model.status_ == "proven" and certificate.proof == "exact"
    assert reference * (1.0 - 1e-3) <= certificate.primal <= reference * (1.0 + 1e-6)
    assert certificate.dual <= reference * (1.0 + 1e-7)
    again = certify(model.network_, X, 2.0 * Y - 1.0, 0.5, sample_weight=weight, loss=loss)
    assert again.relative_gap <= 2e-6


@every_loss
def test_the_dual_point_is_minus_the_gradient_of_every_label(loss):
    X, Y = draw()
    model = fit(X, Y, loss=loss, tol=1e-9)
    signs, values = 2.0 * Y - 1.0, model.decision_function(X)
    slopes = {
        "logistic": signs * expit(-signs * values),
        "squared_hinge": signs * np.maximum(1.0 - signs * values, 0.0),
        "squared": signs - values,
    }[loss]
    np.testing.assert_allclose(model.dual_, slopes, atol=1e-4)
    np.testing.assert_allclose(model.dual_.sum(axis=0), 0.0, atol=1e-9)


@every_loss
def test_one_problem_per_label_is_one_classifier_per_label(loss):
    X, Y = draw()
    model = fit(X, Y, loss=loss, multi_class="ovr")
    alone = [fit(X, y, loss=loss) for y in Y.T]
    values = np.column_stack([part.decision_function(X) for part in alone])
    np.testing.assert_allclose(model.decision_function(X), values, atol=1e-9)
    assert model.certificate_.primal == pytest.approx(sum(part.certificate_.primal for part in alone), rel=1e-9)
    assert len(model.certificates_) == 3 and model.status_ == "proven"
    joint = fit(X, Y, loss=loss)
    assert joint.certificate_.primal < model.certificate_.primal  # shared neurons pay one norm for all labels


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_outputs_are_those_of_a_perceptron_of_scikit_learn(multi_class):
    X, Y = draw()
    model = fit(X, Y, multi_class=multi_class)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(model.classes_, other.classes_)
    for name in ("predict", "predict_proba"):
        found, known = getattr(model, name)(X), getattr(other, name)(X)
        assert found.shape == known.shape and found.dtype == known.dtype
    values = model.decision_function(X)
    np.testing.assert_array_equal(model.predict(X), (values > 0).astype(int))
    np.testing.assert_allclose(model.predict_proba(X), expit(values))
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(expit(values)))
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


@pytest.mark.parametrize("multi_class", ["joint", "ovr"])
def test_equivalent_data_have_equivalent_networks(multi_class):
    X, Y = draw(2, n=18)
    options = {"multi_class": multi_class, "hidden_bias": False}
    model = fit(X, Y, **options)
    value, predictions = model.certificate_.primal, model.decision_function(X)
    order, columns = np.random.default_rng(0).permutation(18), [2, 0, 1]
    assert np.array_equal(fit(X[order], Y[order], **options).decision_function(X), predictions)
    moved = fit(X[:, ::-1], Y[:, columns], **options)
    np.testing.assert_allclose(moved.decision_function(X[:, ::-1]), predictions[:, columns], atol=1e-4)
    counts = np.arange(18) % 3
    weighted = fit(X, Y, weight=counts, **options).decision_function(X)
    repeated = fit(np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), **options).decision_function(X)
    np.testing.assert_array_equal(weighted, repeated)
    for scale in (1e-8, 1e8):
        assert fit(scale * X, Y, 0.5 * scale, **options).certificate_.primal == pytest.approx(value, rel=1e-5)
    padded = fit(np.column_stack([X, np.zeros(18)]), Y, **options)
    assert padded.certificate_.primal == pytest.approx(value, rel=1e-6)


@every_loss
@pytest.mark.parametrize("constant", [0, 1])
def test_a_label_that_all_rows_share_leaves_the_others_alone(loss, constant):
    X, Y = draw()
    others = fit(X, Y[:, [0, 2]], loss=loss)
    Y[:, 1] = constant
    model = fit(X, Y, loss=loss)
    assert model.status_ == "proven" and np.all(model.predict(X)[:, 1] == constant)
    assert model.certificate_.primal == pytest.approx(others.certificate_.primal, rel=1e-5)


def test_a_strength_is_chosen_and_the_kind_of_labels_may_change():
    X, Y = draw(3, n=60)
    model = ConvexReLUClassifier(proof="heuristic").fit(X, Y)
    assert model.beta_path_.best.beta == model.beta_ and model.beta_path_.complete
    apart = clone(model).set_params(multi_class="ovr").fit(X, Y)
    assert apart.beta_path_.best.beta == apart.beta_ and apart.beta_path_.complete
    assert set(model.fit(X, Y[:, 0]).predict(X)) <= {0, 1} and model.network_.output_weights.ndim == 1
    assert model.fit(X, Y[:, :2]).predict(X).shape == (60, 2)


@pytest.mark.slow
def test_cross_validation_of_labels():
    X, Y = draw(4, n=60)
    model = ConvexReLUClassifierCV(n_betas=3, cv=3, proof="heuristic", tol=1e-4).fit(X, Y)
    assert model.scores_.shape == (3, 3) and model.beta_ in model.betas_
    assert model.predict_proba(X).shape == Y.shape and model.best_score_ > 0.2


def test_leave_one_out_of_labels():
    X, Y = draw(5, n=40)
    model = fit(X, Y, 4.0)
    left_out, values = model.leave_one_out(), model.decision_function(X)
    rows = np.arange(0, 40, 8)
    kept = [np.arange(40) != i for i in rows]
    refitted = [fit(X[k], Y[k], 4.0).decision_function(X[~k])[0] for k in kept]
    assert np.abs(left_out.predictions[rows] - refitted).sum() < 0.4 * np.abs(values[rows] - refitted).sum()
    hits = np.all((left_out.predictions > 0) == Y, axis=1)
    assert left_out.score == pytest.approx(hits.mean())


def test_sparse_indicators_and_lists():
    X, Y = draw()
    values = fit(X, Y).decision_function(X)
    for same in (csr_matrix(Y), Y.tolist(), Y.astype(float), Y.astype(bool)):
        np.testing.assert_array_equal(fit(X, same).decision_function(X), values)


def test_a_column_is_one_label_as_everywhere():
    X, Y = draw()
    with pytest.warns(DataConversionWarning):
        model = fit(X, Y[:, [0]])
    assert model.predict(X).shape == (len(X),)


def test_what_is_refused():
    X, Y = draw()
    with pytest.raises(InvalidInputError, match="hold only 0 and 1 where it has a column for every label.*with.*2"):
        fit(X, Y + Y)
    with pytest.raises(InvalidInputError, match="hold only 0 and 1"):
        fit(X, np.where(Y > 0, "a", "b"))
    with pytest.raises(InvalidInputError, match="class_weight weighs classes that exclude each other"):
        fit(X, Y, class_weight="balanced")
    with pytest.raises(InvalidInputError, match=r"optimal_set\(X, 2 \* y - 1, beta"):
        fit(X, Y).optimal_set()
    with pytest.raises(InvalidInputError, match=r"one for each of its 3 labels.*y\[:, k\]"):
        fit(X, Y, multi_class="ovr").optimal_set()
    with pytest.raises(InvalidInputError, match="solver='cvxpy' is there for one output only"):
        fit(X, Y, solver="cvxpy")


def test_labels_without_rows_of_positive_weight_or_without_time():
    X, Y = draw()
    weight = np.where(Y[:, 1] > 0, 0.0, 1.0)  # label 1 is never there
    assert np.all(fit(X, Y, weight=weight).predict(X)[:, 1] == 0)
    with pytest.warns(ConvergenceWarning, match="no neurons"):
        assert fit(X, Y, time_limit=1e-9).status_ == "time_limit"
