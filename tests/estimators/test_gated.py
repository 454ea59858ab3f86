"""The gated estimators: conventions, gates, weights, the ReLU network of the same fit and the optimal set."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from convexnn import GatedReLUClassifier, GatedReLURegressor, certify
from convexnn.exceptions import InvalidInputError

from ..zoo import random_problem, variants

BOTH = [GatedReLURegressor, GatedReLUClassifier]


@pytest.mark.mostly_slow
@parametrize_with_checks([GatedReLURegressor(), GatedReLUClassifier()])
def test_scikit_learn(estimator, check):
    check(estimator)


def data(model, n_samples=40, n_features=3, seed=0):
    X, y = random_problem(n_samples, n_features, seed)
    return X, (y if model is GatedReLURegressor else np.where(y > np.median(y), "yes", "no"))


def plain_values(model, X):
    """The model's formula, written out."""
    inputs = np.column_stack([X, np.ones(len(X))]) if model.hidden_bias else X
    values = np.zeros(len(X)) + model.intercept_
    for gate, block in zip(model.gates_, model.blocks_, strict=True):
        values += (inputs @ gate >= 0) * (inputs @ block)
    return values + (X @ model.skip_weights_ if model.skip_connection else 0.0)


@pytest.mark.parametrize(
    "flags", [{}, {"hidden_bias": False}, {"fit_intercept": False}, {"skip_connection": True}], ids=str
)
@pytest.mark.parametrize("kind", BOTH)
def test_fitted_attributes(kind, flags):
    X, y = data(kind)
    model = kind(n_gates=15, **flags).fit(X, y)
    n_inputs = 3 + model.hidden_bias
    assert model.gates_.shape == model.blocks_.shape == (15, n_inputs)
    assert (model.skip_weights_ is None) == (not model.skip_connection)
    fresh = np.random.default_rng(5).standard_normal((30, 3))
    values = model.predict(fresh) if kind is GatedReLURegressor else model.decision_function(fresh)
    np.testing.assert_allclose(values, plain_values(model, fresh), atol=1e-9)
    certificate = model.certificate_
    assert model.status_ == "proven" and certificate.relative_gap <= model.tol
    np.testing.assert_array_equal(model.dual_, certificate.dual_point)
    inputs = np.column_stack([X, np.ones(40)]) if model.hidden_bias else X
    prices = np.linalg.norm(((inputs @ model.gates_.T >= 0).T * model.dual_) @ inputs, axis=1)
    assert prices.max() <= model.beta_ * (1 + 1e-9)
    assert model.beta_ == pytest.approx(0.1 * model.beta_max_)


@pytest.mark.parametrize("kind", BOTH)
def test_beta_max_is_exact(kind):
    X, y = data(kind)
    strongest = kind(n_gates=15).fit(X, y).beta_max_
    assert not kind(1.0001 * strongest, n_gates=15, tol=1e-9).fit(X, y).blocks_.any()
    assert kind(0.9999 * strongest, n_gates=15, tol=1e-9).fit(X, y).blocks_.any()


@pytest.mark.parametrize("kind", BOTH)
def test_weights_equal_repetition(kind):
    X, y = data(kind)
    weight = np.arange(40) % 3
    weighted = kind(n_gates=15).fit(X, y, weight)
    repeated = kind(n_gates=15).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.blocks_, repeated.blocks_, rtol=1e-7, atol=1e-9)
    assert np.all(weighted.dual_[weight == 0] == 0)
    order = np.random.default_rng(0).permutation(40)
    np.testing.assert_array_equal(kind(n_gates=15).fit(X[order], y[order]).blocks_, kind(n_gates=15).fit(X, y).blocks_)


@pytest.mark.parametrize("name", variants(*random_problem(3, 2)))
def test_variants(name):
    X, y = variants(*random_problem(25, 3, seed=1))[name]
    model = GatedReLURegressor(n_gates=20).fit(X, y)
    assert model.status_ == "proven"
    np.testing.assert_allclose(model.predict(X), plain_values(model, X), atol=1e-9 * np.abs(y).max())


def test_sampled_gates_do_not_depend_on_place_and_units():
    X, y = random_problem(30, 3)
    masks = [
        np.column_stack([Z, np.ones(30)]) @ GatedReLURegressor(n_gates=12, random_state=3).fit(Z, y).gates_.T >= 0
        for Z in (X, 1e3 + X * [1e-3, 1.0, 50.0])
    ]
    np.testing.assert_array_equal(*masks)
    assert len(np.unique(masks[0], axis=1).T) == 12


def test_own_gates():
    X, y = random_problem(30, 2)
    gates = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    model = GatedReLURegressor(gates=gates).fit(X, y)
    np.testing.assert_array_equal(model.gates_, gates)
    with pytest.raises(InvalidInputError, match="gates"):
        GatedReLURegressor(gates=gates[:, :2]).fit(X, y)
    with pytest.raises(InvalidInputError, match="n_gates"):
        GatedReLURegressor(gates=gates, n_gates=2).fit(X, y)


@pytest.mark.parametrize("kind", BOTH)
def test_warm_start(kind):
    X, y = data(kind)
    model = kind(n_gates=15, warm_start=True, random_state=np.random.RandomState(0)).fit(X, y)
    gates, value = model.gates_, model.certificate_.primal
    model.fit(X, y)
    np.testing.assert_array_equal(model.gates_, gates)
    assert model.certificate_.primal == pytest.approx(value, rel=1e-6)
    with pytest.raises(InvalidInputError, match="warm_start"):
        model.fit(X[:, :2], y)


def test_an_unreached_tolerance_warns_in_its_own_scale():
    X, y = random_problem(40, 3)
    with pytest.warns(ConvergenceWarning, match="relative gap is .* above tol=1.00e-06"):
        model = GatedReLURegressor(max_iter=1).fit(X, y)
    assert model.status_ == "max_iter" and model.certificate_.status == "not proven"


@pytest.mark.parametrize(
    "options",
    [{"beta": -1.0}, {"loss": "absolute"}, {"tol": 0}, {"n_gates": 0}, {"huber_delta": 0.0}, {"beta": "auto"}],
    ids=str,
)
def test_bad_parameters_are_named(options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        GatedReLURegressor(**options).fit(*random_problem(10, 2))


def test_two_classes_and_probabilities():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    model = GatedReLUClassifier(n_gates=20).fit(X, np.array(["malignant", "benign"])[y])
    assert model.score(X, np.array(["malignant", "benign"])[y]) > 0.94
    values, shares = model.decision_function(X), model.predict_proba(X)
    np.testing.assert_allclose(shares[:, 1], 1 / (1 + np.exp(-values)), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[shares.argmax(axis=1)])
    assert not hasattr(GatedReLUClassifier(loss="squared_hinge"), "predict_proba")


def test_more_classes_are_one_against_the_rest():
    X, y = load_iris(return_X_y=True)
    model = GatedReLUClassifier(0.5, n_gates=12).fit(X, y)
    assert model.blocks_.shape == (3, 12, 5) and model.dual_.shape == (150, 3)
    values = model.decision_function(X)
    singles = [GatedReLUClassifier(0.5, gates=model.gates_).fit(X, y == k) for k in range(3)]
    np.testing.assert_allclose(values, np.column_stack([s.decision_function(X) for s in singles]), atol=1e-2)
    assert model.certificate_.primal == pytest.approx(sum(s.certificate_.primal for s in singles), rel=1e-6)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert model.score(X, y) > 0.93
    for name in ("optimal_set", "to_relu_network"):
        with pytest.raises(InvalidInputError, match=name):
            getattr(model, name)()


def test_class_weights():
    X, y = data(GatedReLUClassifier)
    gates = GatedReLUClassifier(n_gates=10).fit(X, y).gates_
    by_class = GatedReLUClassifier(0.5, gates=gates, class_weight={"yes": 3.0, "no": 0.5}).fit(X, y)
    by_row = GatedReLUClassifier(0.5, gates=gates).fit(X, y, np.where(y == "yes", 3.0, 0.5))
    np.testing.assert_array_equal(by_class.blocks_, by_row.blocks_)
    few = np.r_[np.flatnonzero(y == "yes")[:5], np.flatnonzero(y == "no")]
    plain, even = (GatedReLUClassifier(class_weight=c).fit(X[few], y[few]) for c in (None, "balanced"))
    assert np.sum(even.predict(X) == "yes") > np.sum(plain.predict(X) == "yes")
    with pytest.raises(InvalidInputError, match="class_weight"):
        GatedReLUClassifier(class_weight={"yes": 0.0, "no": 1.0}).fit(X, y)
    with pytest.raises(InvalidInputError, match="two classes"):
        GatedReLUClassifier().fit(X, y, (y == "yes").astype(float))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("flags", [{}, {"hidden_bias": False, "skip_connection": True}], ids=str)
def test_the_relu_network_has_the_same_values_on_the_data(kind, flags):
    X, y = data(kind)
    model = kind(n_gates=15, **flags).fit(X, y)
    network = model.to_relu_network()
    values = model.predict(X) if kind is GatedReLURegressor else model.decision_function(X)
    np.testing.assert_allclose(network.predict(X), values, atol=1e-9 * np.abs(values).max())
    cost = np.linalg.norm(model.blocks_, axis=1).sum()
    assert network.masses.sum() >= cost * (1 - 1e-9)
    loss = "squared" if kind is GatedReLURegressor else "logistic"
    targets = y if kind is GatedReLURegressor else np.where(y == "yes", 1.0, -1.0)
    certificate = certify(network, X, targets, model.beta_, loss=loss)
    assert certificate.primal == pytest.approx(
        model.certificate_.primal + model.beta_ * (network.masses.sum() - cost), rel=1e-6
    )
    assert certificate.dual <= certificate.primal


def test_a_gate_on_a_row_has_no_network():
    X, y = random_problem(20, 2, seed=1)
    gate = np.array([[X[0, 1], -X[0, 0]]])
    model = GatedReLURegressor(0.01, gates=gate, hidden_bias=False).fit(np.vstack([X, -X[:1]]), np.append(y, -y[0]))
    with pytest.raises(InvalidInputError, match="interior"):
        model.to_relu_network()


def brute_force_vertices(columns, goal):
    """All non-negative solutions on independent columns, by least squares on every subset."""
    rank, found = np.linalg.matrix_rank(columns, tol=1e-9), set()
    for size in range(1, rank + 1):
        for chosen in combinations(range(columns.shape[1]), size):
            part = columns[:, chosen]
            if np.linalg.matrix_rank(part, tol=1e-9) < size:
                continue
            masses, error = nnls(part, goal)
            if error <= 1e-7 * np.linalg.norm(goal) and masses.min() > 1e-7 * masses.max():
                found.add(chosen)
    return found


def symmetric_data(n=6):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(n)


def test_the_optimal_set_of_symmetric_data():
    X, y = symmetric_data()
    angles = np.pi / 6 + np.pi / 3 * np.arange(6)
    gates = np.column_stack([np.cos(angles), np.sin(angles)])
    plain = {"hidden_bias": False, "fit_intercept": False, "tol": 1e-9}
    model = GatedReLURegressor(0.1, gates=gates, **plain).fit(X, y)
    found = model.optimal_set()
    supports = {tuple(np.flatnonzero(row)) for row in found.vertices}
    assert supports == brute_force_vertices(found.fits, found.optimal_fit)
    sizes = [len(support) for support in supports]
    assert (found.m_star, found.M_star) == (min(sizes), max(sizes)) and not found.is_unique
    assert found.dimension >= 1 and found.margin > 1e-3
    for masses in (*found.vertices, found.minimum_norm_masses, *found.random_masses(3, random_state=0)):
        blocks = found.blocks(masses)
        fit = sum((X @ g >= 0) * (X @ w) for g, w in zip(gates, blocks, strict=True))
        value = 0.5 * np.sum((y - fit) ** 2) + 0.1 * np.linalg.norm(blocks, axis=1).sum()
        assert value == pytest.approx(model.certificate_.primal, rel=1e-8)
    assert found.n_components(found.m_star - 1) == 0 and found.is_connected(found.connected_from)
    assert np.sum(np.any(found.minimal_blocks(), axis=1)) == found.m_star
    with pytest.raises(InvalidInputError, match="masses"):
        found.blocks(2.0 * found.minimum_norm_masses)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("seed", range(3))
def test_the_optimal_set_of_random_data_is_a_point(kind, seed):
    X, y = data(kind, seed=seed)
    model = kind(n_gates=15, tol=1e-8).fit(X, y)
    found = model.optimal_set()
    used = np.flatnonzero(np.linalg.norm(model.blocks_, axis=1) > 1e-3 * np.linalg.norm(model.blocks_))
    assert found.is_unique and found.m_star == found.M_star == len(found.gates)
    assert set(used) <= set(found.gates)
    np.testing.assert_allclose(found.blocks(found.vertices[0]), model.blocks_, atol=1e-3 * np.abs(model.blocks_).max())


def test_repeated_gates_are_one_and_zero_blocks_a_point():
    X, y = random_problem(30, 2)
    gates = np.random.default_rng(0).standard_normal((6, 3))
    once, twice = (GatedReLURegressor(2.0, gates=g).fit(X, y).optimal_set() for g in (gates, np.vstack([gates, gates])))
    np.testing.assert_array_equal(once.gates, twice.gates)
    assert once.total_mass == pytest.approx(twice.total_mass, rel=1e-6)
    nothing = GatedReLURegressor(1e6, gates=gates).fit(X, y).optimal_set()
    assert (nothing.m_star, nothing.M_star, nothing.n_components(0), nothing.is_unique) == (0, 0, 1, True)
    assert not nothing.blocks(np.zeros(0)).any()


@pytest.mark.parametrize(
    "model", [GatedReLURegressor(loss="huber"), GatedReLUClassifier(loss="squared_hinge")], ids=str
)
def test_the_optimal_set_is_refused_where_the_fit_is_not_unique(model):
    X, y = data(type(model))
    with pytest.raises(InvalidInputError, match=model.loss):
        clone(model).set_params(n_gates=10).fit(X, y).optimal_set()


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # no minimum, or met to rounding
def test_labels_that_the_free_terms_separate_need_no_gate(loss):
    model = GatedReLUClassifier(loss=loss, skip_connection=True).fit([[-2.0, 1.0], [1.0, 1.0]], [0, 1])
    assert model.certificate_.primal < 1e-9
    assert model.predict([[-2.0, 1.0], [1.0, 1.0]]).tolist() == [0, 1]


def test_a_gate_that_the_free_terms_make_useless_has_no_strength():
    X, y = random_problem(8, 1, 0)
    model = GatedReLURegressor(gates=[[1.0]], hidden_bias=False, skip_connection=True).fit(X**2 + 1.0, y)
    assert model.beta_max_ == 0.0 and model.beta_ == 1.0
    assert model.status_ == "proven" and not np.any(model.blocks_)


def several_targets(n_samples=40, n_features=3, n_outputs=2):
    """Gaussian X and Y."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n_samples, n_features)), rng.standard_normal((n_samples, n_outputs))


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": False}, {"skip_connection": True}], ids=str)
@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_several_targets_are_one_problem(loss, flags):
    X, Y = several_targets()
    weight = np.arange(40) % 3
    model = GatedReLURegressor(n_gates=15, loss=loss, **flags).fit(X, Y, weight)
    n_inputs = 3 + model.hidden_bias
    assert model.blocks_.shape == (2, 15, n_inputs) and model.dual_.shape == (40, 2)
    assert model.status_ == "proven" and model.certificate_.relative_gap <= 1e-6
    inputs = np.column_stack([X, np.ones(40)]) if model.hidden_bias else X
    masks = inputs @ model.gates_.T >= 0
    values = sum(mask[:, None] * (inputs @ model.blocks_[:, p].T) for p, mask in enumerate(masks.T)) + model.intercept_
    values += X @ model.skip_weights_.T if model.skip_connection else 0.0
    np.testing.assert_allclose(model.predict(X), values, atol=1e-9)
    size = np.abs(values - Y)
    terms = 0.5 * size**2
    if loss == "huber":
        terms = np.where(size <= model.huber_delta_, terms, model.huber_delta_ * (size - 0.5 * model.huber_delta_))
    nuclear = sum(np.linalg.norm(model.blocks_[:, p], ord="nuc") for p in range(15))
    objective = weight @ terms.sum(axis=1) + model.beta_ * nuclear
    assert model.certificate_.primal == pytest.approx(objective, rel=1e-9)
    prices = [np.linalg.norm(inputs.T @ (mask[:, None] * model.dual_), ord=2) for mask in masks.T]
    assert max(prices) == pytest.approx(model.beta_, rel=1e-3) and max(prices) <= model.beta_ * (1 + 1e-9)


def test_weights_of_several_targets_equal_repetition():
    X, Y = several_targets()
    weight = np.arange(40) % 3
    weighted = GatedReLURegressor(n_gates=15).fit(X, Y, weight)
    repeated = GatedReLURegressor(n_gates=15).fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight, axis=0))
    np.testing.assert_allclose(weighted.blocks_, repeated.blocks_, rtol=1e-7, atol=1e-9)
    order = np.random.default_rng(0).permutation(40)
    plain = GatedReLURegressor(n_gates=15).fit(X, Y)
    np.testing.assert_array_equal(GatedReLURegressor(n_gates=15).fit(X[order], Y[order]).blocks_, plain.blocks_)


def test_a_column_of_targets_is_one_output():
    X, y = random_problem(30, 3)
    flat, column = GatedReLURegressor(n_gates=10).fit(X, y), GatedReLURegressor(n_gates=10).fit(X, y[:, None])
    np.testing.assert_array_equal(flat.blocks_, column.blocks_)
    np.testing.assert_array_equal(flat.predict(X)[:, None], column.predict(X))


def test_several_targets_gain_by_sharing_and_cost_no_more():
    # The nuclear norm of a block is at most the sum of the norms of its columns.
    X, Y = several_targets()
    joint = GatedReLURegressor(1.0, n_gates=15).fit(X, Y)
    singles = [GatedReLURegressor(1.0, gates=joint.gates_).fit(X, y).certificate_.primal for y in Y.T]
    assert joint.certificate_.primal <= sum(singles) * (1 + 1e-6)


def test_a_warm_start_of_several_targets():
    X, Y = several_targets()
    model = GatedReLURegressor(n_gates=15, warm_start=True).fit(X, Y)
    steps, value = model.n_iter_, model.certificate_.primal
    model.fit(X, Y)
    assert model.n_iter_ < steps and model.certificate_.primal == pytest.approx(value, rel=1e-6)
    assert model.fit(X, Y[:, 0]).blocks_.shape == (15, 4)  # other outputs start anew, on the same gates


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_joint_classes(loss):
    X, y = load_iris(return_X_y=True)
    model = GatedReLUClassifier(0.5, loss=loss, multi_class="joint", n_gates=12).fit(X, y)
    assert model.blocks_.shape == (3, 12, 5) and model.status_ == "proven" and model.score(X, y) > 0.93
    values = model.decision_function(X)
    if loss == "logistic":
        shares = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X), shares, rtol=1e-9)
        terms = -np.log(shares[np.arange(150), y])
    else:
        terms = (0.5 * np.maximum(0.0, 1.0 - np.where(np.eye(3)[y] > 0, 1.0, -1.0) * values) ** 2).sum(axis=1)
    nuclear = sum(np.linalg.norm(model.blocks_[:, p], ord="nuc") for p in range(12))
    assert model.certificate_.primal == pytest.approx(terms.sum() + 0.5 * nuclear, rel=1e-9)
    with pytest.raises(InvalidInputError, match="this model has 3"):
        model.optimal_set()


def test_joint_classes_with_weights():
    X, y = load_iris(return_X_y=True)
    factors = {0: 2.0, 1: 1.0, 2: 0.5}
    by_class = GatedReLUClassifier(0.5, multi_class="joint", n_gates=8, class_weight=factors).fit(X, y)
    by_row = GatedReLUClassifier(0.5, multi_class="joint", gates=by_class.gates_)
    by_row.fit(X, y, [factors[label] for label in y])
    np.testing.assert_allclose(by_class.blocks_, by_row.blocks_, atol=1e-9)
    with pytest.raises(InvalidInputError, match="multi_class"):
        GatedReLUClassifier(multi_class="all").fit(X, y)


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": False, "skip_connection": True}], ids=str)
def test_the_relu_network_of_several_targets(flags):
    X, Y = several_targets()
    model = GatedReLURegressor(n_gates=15, **flags).fit(X, Y)
    network = model.to_relu_network()
    np.testing.assert_allclose(network.predict(X), model.predict(X), atol=1e-9)
    certificate = certify(network, X, Y, model.beta_)
    assert certificate.primal >= model.certificate_.primal * (1 - 1e-9)
    assert certificate.dual <= certificate.primal


def test_joint_estimators_pass_the_checks_of_scikit_learn():
    for kind in (GatedReLURegressor(n_gates=5), GatedReLUClassifier(multi_class="joint", n_gates=5)):
        for estimator, check in check_estimator_cases(kind):
            check(estimator)


def check_estimator_cases(estimator):
    """The checks that fit several outputs or classes."""
    wanted = ("multioutput", "classifiers_classes", "classifiers_train", "sample_weight_equivalence", "fit2d")
    cases = estimator_checks_generator(estimator)
    return [(e, check) for e, check in cases if any(name in check.func.__name__ for name in wanted)]
