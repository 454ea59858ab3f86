"""Regressor and classifier with a free hidden bias: parameters, what is refused, files, and the MLP of scikit-learn."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, beta_max, certify, regularization_path
from convexnn.cli.entry import main
from convexnn.exceptions import InvalidInputError
from convexnn.exchange import from_sklearn_mlp, load_network, save_network
from convexnn.optimal_sets.solution_set import optimal_set_of


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 2))
    return X, np.abs(X[:, 0]) + 0.3 * rng.normal(size=24)


@pytest.fixture(scope="module")
def model(data):
    return ConvexReLURegressor(beta="scale", penalize_bias=False).fit(*data)


def test_fit_is_proven_for_its_own_objective(model, data):
    X, y = data
    assert model.status_ == "proven"
    assert model.certificate_.proof == "exact"
    objective = model.network_.objective(X, y, model.beta_, penalize_bias=False)
    assert model.certificate_.primal == pytest.approx(objective, rel=1e-12)
    assert model.network_.objective(X, y, model.beta_) > objective
    again = certify(model.network_, X, y, model.beta_, penalize_bias=False)
    assert again.relative_gap <= 1e-6
    assert model.predict(X).shape == (24,)


def test_scale_is_a_tenth_of_the_exact_strength(model, data):
    X, y = data
    terms = {"hidden_bias": True, "fit_intercept": True, "penalize_bias": False}
    assert model.beta_max_proof_ == "exact"
    assert model.beta_ == pytest.approx(0.1 * model.beta_max_, rel=1e-12)
    assert beta_max(X, y, **terms) == pytest.approx(model.beta_max_, rel=1e-9)
    for share, width in ((1 + 1e-6, 0), (0.99, 1)):
        found = ConvexReLURegressor(beta=share * model.beta_max_, penalize_bias=False).fit(X, y)
        assert found.network_.width == width


def test_classifier_with_two_classes_and_one_against_the_rest(data):
    X, y = data
    model = ConvexReLUClassifier(beta=0.3, penalize_bias=False).fit(X, y > 1)
    assert model.status_ == "proven"
    targets = np.where(y > 1, 1.0, -1.0)
    again = certify(model.network_, X, targets, 0.3, loss="logistic", penalize_bias=False)
    assert again.primal == pytest.approx(model.certificate_.primal, rel=1e-12)
    three = ConvexReLUClassifier(beta=0.3, penalize_bias=False, multi_class="ovr").fit(X, np.digitize(y, [0.5, 1.0]))
    assert three.status_ == "proven"
    assert three.predict_proba(X).shape == (24, 3)


def test_class_weights_count(data):
    X, y = data
    model = ConvexReLUClassifier(beta=0.3, penalize_bias=False, class_weight={False: 2.0, True: 1.0}).fit(X, y > 1)
    weight = np.where(y > 1, 1.0, 2.0)
    plain = ConvexReLUClassifier(beta=0.3, penalize_bias=False).fit(X, y > 1, sample_weight=weight)
    assert model.certificate_.primal == pytest.approx(plain.certificate_.primal, rel=1e-9)


REFUSED = [
    ({"hidden_bias": False}, "hidden_bias=True"),
    ({"fit_intercept": False}, "fit_intercept=True"),
    ({"beta": "auto"}, "beta='auto'"),
    ({"max_width": 2}, "max_width=2"),
    ({"solver": "cvxpy"}, "solver='cvxpy'"),
    ({"patterns": "exact"}, "patterns='exact'"),
    ({"penalize_bias": 3}, "penalize_bias"),
]


@pytest.mark.parametrize(("options", "named"), REFUSED, ids=[next(iter(options)) for options, _ in REFUSED])
def test_options_that_cannot_be_are_refused_by_name(options, named, data):
    model = ConvexReLURegressor(**{"beta": 1.0, "penalize_bias": False} | options)
    with pytest.raises(InvalidInputError, match=named):
        model.fit(*data)


def test_several_outputs_are_refused(data):
    X, y = data
    with pytest.raises(InvalidInputError, match="one output; got 2"):
        ConvexReLURegressor(beta=1.0, penalize_bias=False).fit(X, np.column_stack([y, y]))
    with pytest.raises(InvalidInputError, match="one output; got 3"):
        ConvexReLUClassifier(beta=1.0, penalize_bias=False).fit(X, np.digitize(y, [0.5, 1.0]))


def test_rows_in_blocks_are_refused(data):
    with pytest.raises(InvalidInputError, match="rows in blocks"):
        ConvexReLURegressor(beta=1.0, penalize_bias=False).fit_blocks(lambda: [data])


def test_what_needs_the_optimal_set_is_refused(model, data):
    with pytest.raises(InvalidInputError, match="^optimal_set is not there with penalize_bias=False"):
        model.optimal_set()
    with pytest.raises(InvalidInputError, match="penalised hidden bias"):
        optimal_set_of(model._training_problem)


def test_model_certifies_itself_and_unlearns(data, model):
    X, y = data
    assert model.certify().primal == model.certify(X, y).primal == model.certificate_.primal
    assert certify(model, X, y, penalize_bias=False).status == "optimal"
    with pytest.raises(InvalidInputError, match="penalize_bias must be"):
        certify(model, X, y, penalize_bias=True)
    without = ConvexReLURegressor(beta=model.beta_, penalize_bias=False).fit(X[2:], y[2:])
    assert model.unlearn([0, 1]).certificate_.primal == pytest.approx(without.certificate_.primal, rel=1e-9)


def test_warm_start_and_pickle(data, model):
    X, y = data
    warm = ConvexReLURegressor(beta="scale", penalize_bias=False, warm_start=True).fit(X, y)
    first = warm.n_iter_
    assert warm.fit(X, y).n_iter_ < first
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_files_keep_the_problem(tmp_path, model, data, capsys):
    path = tmp_path / "model.npz"
    save_network(path, model)
    saved = load_network(path)
    assert saved.penalize_bias is False
    assert saved.certificate.status == "optimal"
    assert saved.certificate.primal == pytest.approx(model.certificate_.primal, rel=1e-12)
    assert saved.problem_options["penalize_bias"] is False
    table = tmp_path / "data.csv"
    rows = "\n".join(",".join(map(repr, [*map(float, x), float(t)])) for x, t in zip(*data, strict=True))
    table.write_text(f"a,b,y\n{rows}\n")
    assert main(["certify", str(path), str(table), "--target", "y"]) == 0
    assert "globally optimal" in capsys.readouterr().out
    proof = str(tmp_path / "proof.npz")
    assert main(["prove", str(table), "--model", str(path), "--target", "y", "--output", proof]) != 0
    assert "costs nothing" in capsys.readouterr().err


def test_path_of_strengths_has_values_without_sets(data):
    X, y = data
    terms = {"hidden_bias": True, "fit_intercept": True, "penalize_bias": False}
    path = regularization_path(X[:, :1], y, n_betas=4, **terms)
    for record in path.records:
        model = ConvexReLURegressor(beta=record.beta, penalize_bias=False).fit(X[:, :1], y)
        assert record.optimal_value == pytest.approx(model.certificate_.primal, rel=1e-7)
        assert record.loss + record.penalty == pytest.approx(record.optimal_value, rel=1e-9)
        assert record.m_star is None
    with pytest.raises(InvalidInputError, match="penalize_bias has no place"):
        regularization_path(X, y, exact=True, **terms)


def test_certificate_bounds_the_mlp_of_scikit_learn(data):
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp = MLPRegressor(hidden_layer_sizes=20, alpha=1.0, solver="lbfgs", max_iter=3000, random_state=0).fit(X, y)
    network = from_sklearn_mlp(mlp)
    certificate = certify(network, X, y, 1.0, penalize_bias=False)
    # MLPRegressor minimises 1/(2n) sum r^2 + alpha/(2n) sum w^2, and its biases cost nothing: n times its loss.
    assert certificate.primal == pytest.approx(len(y) * mlp.loss_, rel=1e-3)
    best = ConvexReLURegressor(beta=1.0, penalize_bias=False).fit(X, y).certificate_
    assert certificate.dual <= best.primal * (1 + 1e-9)
    assert best.dual <= certificate.primal
    assert certificate.relative_gap < 0.5


@pytest.mark.parametrize("name", ["leave_one_out", "predict_interval", "influence"])
def test_closed_forms_are_refused_by_name_with_a_way_out(model, data, name):
    arguments = {"leave_one_out": (), "predict_interval": (data[0],), "influence": ([0],)}[name]
    with pytest.raises(InvalidInputError, match=rf"^{name}.* is not there with .*unlearn\(rows\)"):
        getattr(model, name)(*arguments)


def test_refits_are_there_with_a_free_bias(model, data):
    X, y = data
    kept = np.setdiff1d(np.arange(len(X)), [0, 3])
    other = ConvexReLURegressor(beta=model.beta_, penalize_bias=False).fit(X[kept], y[kept])
    found = model.influence([0, 3], method="refit")
    assert found.objectives[0] == pytest.approx(other.certificate_.primal, rel=2e-6)
    np.testing.assert_allclose(found.predictions[0], other.network_.predict(X), atol=1e-2)
