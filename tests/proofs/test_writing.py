"""Proof files: what they must prove, on problems with known optima, on degenerate data and with every loss."""

from fractions import Fraction

import numpy as np
import pytest

from convexnn import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    InvalidInputError,
    TwoLayerReLU,
    optimal_set,
)
from convexnn.proofs import ProofError, certify_resumably, check_proof, checker, write_proof

from ..checks import best_network, brute_force
from ..zoo import clarke_trap, degenerate_designs, known_optima, random_problem, variants

REGRESSION_LOSSES = ("squared", "huber", "absolute", "quantile")


def exact_objective(network, X, y, beta):
    """The squared-loss objective in rational numbers, one sample and one neuron at a time."""
    total = Fraction(0)
    for row, target in zip(np.asarray(X).tolist(), np.asarray(y).tolist(), strict=True):
        fit = Fraction(0 if network.intercept is None else float(network.intercept))
        for j in range(network.width):
            inner = Fraction(0 if network.hidden_bias is None else network.hidden_bias[j])
            weights = network.hidden_weights[j].tolist()
            inner += sum(Fraction(a) * Fraction(b) for a, b in zip(row, weights, strict=True))
            fit += max(inner, Fraction(0)) * Fraction(float(network.output_weights[j]))
        if network.skip_weights is not None:
            skip = network.skip_weights.tolist()
            fit += sum(Fraction(a) * Fraction(b) for a, b in zip(row, skip, strict=True))
        total += (Fraction(target) - fit) ** 2 / 2
    weights = [network.hidden_weights, network.output_weights, network.hidden_bias]
    squares = sum(Fraction(w) ** 2 for array in weights if array is not None for w in np.ravel(array).tolist())
    return total + Fraction(beta) / 2 * squares


@pytest.mark.parametrize("known", [*known_optima(), clarke_trap()], ids=str)
def test_known_optima_are_proven(known, tmp_path):
    network = optimal_set(known.X, known.y, known.beta).minimal_network()
    verdict = write_proof(tmp_path / "proof.npz", network, known.X, known.y, known.beta)
    assert verdict.relative_gap <= 1e-7
    tolerance = 5e-6 if known.name == "clarke_trap" else 1e-12  # its value is known to six digits
    assert float(verdict.lower_bound) <= known.value * (1 + tolerance)
    assert float(verdict.lower_bound) >= known.value * (1 - 1e-7 - tolerance)
    assert verdict.objective == exact_objective(network, known.X, known.y, known.beta)
    assert check_proof(tmp_path / "proof.npz", known.X, known.y) == verdict


@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_designs_are_proven(name, tmp_path):
    X = degenerate_designs()[name]
    y = np.random.default_rng(3).standard_normal(len(X))
    model = ConvexReLURegressor(beta=0.2, hidden_bias=False, fit_intercept=False).fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model.network_, X, y, 0.2)
    reference = brute_force(X, y, 0.2)
    assert verdict.relative_gap <= 1e-6
    assert float(verdict.lower_bound) <= reference.value * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize("name", variants(*random_problem(7, 2)))
def test_variants_with_free_terms_are_proven(name, tmp_path):
    X, y = variants(*random_problem(7, 2))[name]
    model = ConvexReLURegressor(skip_connection=True, max_iter=200).fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model.network_, X, y, model.beta_)
    # Beside a bias tiny inputs make rows that are nearly parallel: float64 leaves more to be allowed for.
    assert verdict.relative_gap <= (1e-5 if name == "small inputs" else 1e-6)
    assert verdict.objective == exact_objective(model.network_, X, y, model.beta_)
    assert verdict.lower_bound <= verdict.objective


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_losses_of_regression_are_proven(loss, tmp_path):
    X, y = random_problem(8, 2, seed=2)
    model = ConvexReLURegressor(loss=loss, beta=0.3, huber_delta=1.35).fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model.network_, X, y, 0.3, loss=loss)
    value, _ = best_network(loss, X, y, 0.3, np.ones(8), hidden_bias=True, fit_intercept=True)
    assert verdict.relative_gap <= 1e-5
    assert float(verdict.lower_bound) <= value * (1 + 1e-6)


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_losses_of_classification_are_proven(loss, tmp_path):
    X, y = random_problem(8, 2, seed=2)
    y = np.where(y > 0, 1.0, -1.0)
    model = ConvexReLUClassifier(loss=loss, beta=0.3).fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model.network_, X, y, 0.3, loss=loss)
    value, _ = best_network(loss, X, y, 0.3, np.ones(8), hidden_bias=True, fit_intercept=True)
    assert verdict.relative_gap <= 1e-6
    assert float(verdict.lower_bound) <= value * (1 + 1e-6)
    assert float(verdict.objective) >= value * (1 - 1e-6)


def test_weights_are_those_of_the_problem(tmp_path):
    X, y = random_problem(8, 2)
    weight = np.array([0.0, 1.0, 2.0, 3.0, 0.0, 0.5, 1.0, 1.0])
    model = ConvexReLURegressor(beta=0.1).fit(X, y, sample_weight=weight)
    verdict = write_proof(tmp_path / "proof.npz", model.network_, X, y, 0.1, sample_weight=weight)
    assert verdict.relative_gap <= 1e-7
    with pytest.raises(ProofError, match="the data are not those"):
        check_proof(tmp_path / "proof.npz", X, y)


def test_bad_network_has_the_gap_that_holds(tmp_path):
    X, y = random_problem(9, 2)
    network = TwoLayerReLU(np.ones((1, 2)), np.ones(1))
    verdict = write_proof(tmp_path / "proof.npz", network, X, y, 0.1)
    reference = brute_force(X, y, 0.1)
    assert float(verdict.lower_bound) <= reference.value * (1 + 1e-9)
    assert verdict.objective == exact_objective(network, X, y, 0.1)


def test_width_zero_is_proven(tmp_path):
    X, y = random_problem(9, 2)
    network = TwoLayerReLU(np.zeros((0, 2)), np.zeros(0))
    verdict = write_proof(tmp_path / "proof.npz", network, X, y, 100.0)
    assert verdict.relative_gap <= 1e-7


def test_file_does_not_depend_on_threads(tmp_path):
    X, y = random_problem(30, 3)
    model = ConvexReLURegressor(beta=0.5).fit(X, y)
    verdicts = [write_proof(tmp_path / f"{n_jobs}.npz", model.network_, X, y, 0.5, n_jobs=n_jobs) for n_jobs in (1, 2)]
    first, second = (np.load(tmp_path / f"{n_jobs}.npz") for n_jobs in (1, 2))
    assert verdicts[0] == verdicts[1]
    assert all(np.array_equal(first[name], second[name]) for name in first.files)


def test_limit_of_time_leaves_a_valid_bound(tmp_path):
    X, y = random_problem(40, 5)
    model = ConvexReLURegressor(beta=1.0, proof="heuristic").fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model.network_, X, y, 1.0, time_limit=0.2)
    assert 0 < verdict.lower_bound < verdict.objective
    assert check_proof(tmp_path / "proof.npz", X, y) == verdict


@pytest.mark.parametrize("labels", [("no", "yes"), (0, 1)])
def test_estimators_know_their_problem(labels, tmp_path):
    X, y = random_problem(10, 2)
    model = ConvexReLURegressor(loss="huber").fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model, X, y)
    assert verdict.relative_gap <= 1e-5
    assert float(verdict.objective) == pytest.approx(model.certificate_.primal, rel=1e-9)
    y = np.array(labels)[(y > 0).astype(int)]
    model = ConvexReLUClassifier().fit(X, y)
    verdict = write_proof(tmp_path / "proof.npz", model, X, y)
    assert verdict.relative_gap <= 1e-6
    with pytest.raises(InvalidInputError, match="class_weight"):
        write_proof(tmp_path / "proof.npz", ConvexReLUClassifier(class_weight="balanced").fit(X, y), X, y)


WEIGHT = np.linspace(0.5, 2.0, 10)
SAID = "which knows its own objective"


@pytest.mark.parametrize("function", [write_proof, certify_resumably])
@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({}, {"beta": 77}, SAID),
        ({}, {"beta": -5}, "beta must be"),
        ({}, {"loss": "huber"}, SAID),
        ({"loss": "huber"}, {"huber_delta": 3.0}, SAID),
        ({"loss": "quantile"}, {"quantile": 0.2}, SAID),
        ({"penalize_bias": False}, {}, "penalize_bias must be True"),
        ({"penalize_bias": False}, {"beta": 1.0}, "penalize_bias must be True"),
    ],
    ids=str,
)
def test_objective_of_a_model_is_not_replaced(function, parameters, options, message, tmp_path):
    X, y = random_problem(10, 2)
    model = ConvexReLURegressor(1.0, **parameters).fit(X, y)
    with pytest.raises(InvalidInputError, match=message):
        function(tmp_path / "file", model, X, y, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("labels", [("no", "yes"), (1, -1), ("a", "c"), ("a", "b", "c")])
def test_labels_that_the_model_does_not_know_are_refused(labels, tmp_path):
    X, y = random_problem(10, 2)
    model = ConvexReLUClassifier(1.0).fit(X, np.where(y > 0, "b", "a"))
    with pytest.raises(InvalidInputError, match="y must hold classes that the classifier was trained on, ..a., .b.."):
        write_proof(tmp_path / "proof.npz", model, X, np.resize(labels, 10))
    assert not list(tmp_path.iterdir())


def test_weights_of_training_are_not_dropped(tmp_path):
    X, y = random_problem(10, 2)
    X[1], y[1] = X[0], y[0]  # equal rows are one, of the sum of their weights
    for weight in (WEIGHT, np.arange(10.0) % 2):
        model = ConvexReLURegressor(0.5).fit(X, y, sample_weight=weight)
        with pytest.raises(InvalidInputError, match="sample_weight must be given: the model was trained on these rows"):
            write_proof(tmp_path / "proof.npz", model, X, y)
        verdict = write_proof(tmp_path / "proof.npz", model, X, y, sample_weight=weight)
        assert verdict.relative_gap <= 1e-7
        assert f"{np.sum(weight > 0)} rows of weight" in verdict.problem
        other = write_proof(tmp_path / "other.npz", model, X, y, sample_weight=np.ones(10))
        assert other.relative_gap > 1e-3 and other.problem != verdict.problem
    # Other rows have weights of their own.
    write_proof(tmp_path / "other.npz", model, X[:5], y[:5])
    write_proof(tmp_path / "plain.npz", ConvexReLURegressor(0.5).fit(X, y), X, y)


def test_column_and_labels_of_two_are_targets(tmp_path):
    X, y = random_problem(10, 2)
    model = ConvexReLURegressor(0.5).fit(X, y[:, None])
    verdict = write_proof(tmp_path / "proof.npz", model, X, y[:, None], model.beta_)
    assert verdict == check_proof(tmp_path / "proof.npz", X, y[:, None]) == check_proof(tmp_path / "proof.npz", X, y)
    with pytest.raises(InvalidInputError, match="y must hold numbers, for a classifier 1"):
        check_proof(tmp_path / "proof.npz", X, np.where(y > 0, "yes", "no"))


def test_certificate_of_a_model_is_that_of_its_network(tmp_path):
    X, y = random_problem(10, 2)
    model = ConvexReLURegressor(loss="huber").fit(X, y)
    found = certify_resumably(tmp_path / "kept", model, X, y)
    # The same call in other words goes on with the same file.
    own = {"loss": "huber", "huber_delta": model.huber_delta_}
    again = certify_resumably(tmp_path / "kept", model.network_, X, y, model.beta_, **own)
    assert (found.primal, found.dual) == (again.primal, again.dual)
    assert found.primal == pytest.approx(model.certificate_.primal, rel=1e-12) and found.relative_gap < 1e-5


def test_bad_arguments_are_refused_before_the_search(tmp_path):
    X, y = random_problem(5, 2)
    network = TwoLayerReLU(np.ones((1, 2)), np.ones(1))
    for arguments, options, message in (
        ((tmp_path, network, X, y, 1.0), {}, "got the folder"),
        ((tmp_path / "p.npz", network, X, y), {}, "beta must be given"),
        ((tmp_path / "p.npz", network, X, y[:, None], 1.0), {}, "network must have 1 outputs"),
        ((tmp_path / "p.npz", network, X, y, 1.0), {"table": {"a": 1}}, "table must say"),
        ((tmp_path / "p.npz", network, X, y, 1.0), {"table": "foo"}, "table must say"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            write_proof(*arguments, **options)


def test_verdict_reads_as_a_sentence(tmp_path):
    known = known_optima()[0]
    network = optimal_set(known.X, known.y, known.beta).minimal_network()
    text = str(write_proof(tmp_path / "proof.npz", network, known.X, known.y, known.beta))
    assert text.startswith("every network of any width has objective at least 0.0974999999")
    assert "(exact), this one has 0.0975000000" in text and "relative gap at most" in text
    verdict = check_proof(tmp_path / "proof.npz", known.X, known.y)
    terms = "squared loss, beta 0.1, no bias and no free terms, 2 rows of weight 1, 2 inputs as they were given"
    assert verdict.problem == f"{terms}, data {checker.fingerprint(known.X, known.y, np.ones(2))[:12]}"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"loss": "multinomial"}, "loss"), ({"tol": 0.0}, "tol"), ({"time_limit": -1}, "time_limit")],
)
def test_bad_options_are_refused(options, message, tmp_path):
    X, y = random_problem(5, 2)
    network = TwoLayerReLU(np.ones((1, 2)), np.ones(1))
    with pytest.raises(InvalidInputError, match=message):
        write_proof(tmp_path / "proof.npz", network, X, y, 1.0, **options)
    assert not list(tmp_path.iterdir())
