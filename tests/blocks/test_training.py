"""Training and proofs on sums over blocks, beside the same problems in memory."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from convexnn import ConvexReLUClassifier, ConvexReLURegressor
from convexnn.blocks import ArrayBlocks
from convexnn.blocks.certifying import certify_on_blocks
from convexnn.blocks.dual_points import DualPoint, FreeCoordinates, settle_free_terms
from convexnn.blocks.objective import BlockObjective
from convexnn.blocks.sums import survey
from convexnn.blocks.training import train_on_blocks
from convexnn.blocks.weights import Terms, Weights, network_of, price_matrices, weights_of
from convexnn.exchange import load_network, save_network
from convexnn.losses import make_loss
from convexnn.programs import make_problem
from convexnn.solvers._coordinates import Moments
from convexnn.solvers.base import Status
from convexnn.solvers.column_generation import solve_column_generation
from tests.blocks.conftest import in_blocks

TERMS = [(True, True, False), (False, False, False), (True, True, True), (False, False, True)]
LOSSES = ["squared", "huber", "logistic", "squared_hinge"]
SEVERAL = ["squared", "logistic", "multinomial"]


def targets_for(loss, y, several):
    """Return targets made from one column of numbers."""
    if loss == "multinomial":
        return np.eye(3)[np.digitize(y, [-0.5, 0.5])]
    columns = np.column_stack([y, y - 1.0]) if several else y
    return np.sign(columns) if loss in ("logistic", "squared_hinge") else columns


def posed(table, flags, loss, several=False, rows=333):
    """Return a source, its terms, and the same problem in memory with the strength 8."""
    X, y, weight = table
    y = targets_for(loss, y, several)
    source = ArrayBlocks(X, y, weight)
    source.step = rows
    names = dict(zip(("hidden_bias", "fit_intercept", "skip_connection"), flags, strict=True))
    problem = make_problem(X, y, 8.0, sample_weight=weight, loss=loss, **names)
    return source, Terms(*flags, make_loss(loss, n_outputs=None if y.ndim == 1 else y.shape[1])), problem


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "loss"), [*zip(TERMS, LOSSES, strict=True), (TERMS[2], "logistic")])
def test_networks_are_nearly_those_in_memory(table, small_samples, flags, loss):
    source, terms, problem = posed(table, flags, loss)
    found = train_on_blocks(source, terms, beta=8.0)
    whole = solve_column_generation(problem, max_work=5e8)
    certificate = found.certificate
    assert certificate.primal == pytest.approx(problem.objective(found.network), rel=1e-9)
    assert certificate.primal <= 1.01 * whole.certificate.primal
    # The bound is one of all networks, that in memory included.
    assert 0.0 < certificate.dual <= whole.certificate.primal
    assert certificate.proof == "heuristic"


@pytest.mark.slow
@pytest.mark.parametrize("loss", SEVERAL)
def test_several_outputs_too(table, small_samples, loss):
    source, terms, problem = posed(table, (True, True, False), loss, several=True)
    found = train_on_blocks(source, terms, beta=8.0)
    whole = solve_column_generation(problem, max_work=5e8)
    assert found.certificate.primal == pytest.approx(problem.objective(found.network), rel=1e-9)
    assert found.certificate.primal <= 1.01 * whole.certificate.primal
    assert 0.0 <= found.certificate.dual <= whole.certificate.primal


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "loss"), [*zip(TERMS, LOSSES, strict=True), (TERMS[0], "multinomial")])
def test_dual_points_are_orthogonal_and_feasible(table, small_samples, flags, loss):
    source, terms, problem = posed(table, flags, loss, several=loss == "multinomial")
    found = train_on_blocks(source, terms, beta=8.0, max_iter=2)
    nu = found.certificate.dual_point[problem.rows]
    scale = np.abs(problem.free).T @ np.abs(nu)
    assert np.all(np.abs(problem.free.T @ nu) <= 1e-11 * scale)
    # The price in memory, from many starts, is below what the bound of the blocks has paid for.
    whole = solve_column_generation(problem, max_work=5e8)
    assert problem.dual_bound(*(nu, 0.0))[0] >= found.certificate.dual * (1.0 - 1e-9)
    assert found.certificate.dual <= whole.certificate.primal
    values = np.linalg.norm(
        np.maximum(problem.design @ directions(problem, 2000).T, 0.0).T @ nu.reshape(len(nu), -1), axis=1
    )
    assert values.max() <= problem.beta * (1.0 + 1e-9)


def directions(problem, n_directions):
    """Return unit directions, random in the metric of the rows."""
    random = np.random.default_rng(0).standard_normal((n_directions, problem.design.shape[1]))
    random /= np.maximum(problem.design.std(axis=0), 1.0 * (problem.design.std(axis=0) == 0.0))
    return random / np.linalg.norm(random, axis=1)[:, None]


def test_slopes_are_those_of_the_objective(table):
    for flags, loss in zip(TERMS, LOSSES, strict=True):
        source, terms, problem = posed(table, flags, loss)
        rng, rows = np.random.default_rng(0), survey(source)
        n_inputs = 4 + flags[0]
        coordinates = FreeCoordinates.of(rows, terms)
        weights = Weights(
            rng.standard_normal((3, n_inputs)),
            rng.standard_normal((3, 1)),
            rng.standard_normal((len(coordinates.size), 1)),
            terms,
        )
        bias = [0.0] * flags[0]
        moments = Moments(np.append(rows.mean, [1.0] * flags[0]), np.append(rows.spread**2, bias))
        objective = BlockObjective(source, weights, 8.0, moments, 100.0, coordinates, stop=lambda: False)
        start = objective.pack(weights)
        value, slopes = objective(start)
        assert value == pytest.approx(problem.objective(network_of(weights, rows)), rel=1e-12)
        change = 1e-6 * rng.standard_normal(len(start))
        along = objective(start + change)[0] - objective(start - change)[0]
        assert along == pytest.approx(2.0 * slopes @ change, rel=1e-4)


def test_prices_are_those_of_all_rows(table):
    source, terms, problem = posed(table, (True, True, False), "squared")
    network = solve_column_generation(problem, max_work=1e8).network
    weights = weights_of(network, terms)
    units = directions(problem, 5)
    sums = [price_matrices(block, weights, units) for block in source.each(lambda block: block)]
    matrices, squares = (sum(part) for part in zip(*sums, strict=True))
    fit = problem.hidden_fit(network.neurons, network.output_weights)
    nu = problem.loss.dual_point(problem.y, fit + network.intercept, problem.weight)
    active = np.maximum(problem.design @ units.T, 0.0)
    np.testing.assert_allclose(np.einsum("kcd,kd->k", matrices, units), nu @ active, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(squares, problem.weight @ active**2, rtol=1e-12)


@pytest.mark.slow
def test_how_rows_are_cut_changes_rounding_only(table, small_samples):
    def train(rows):
        return train_on_blocks(*posed(table, (True, True, False), "squared", rows=rows)[:2], beta=8.0)

    whole = [train(rows) for rows in (97, 1500)]
    first, second = (solution.certificate for solution in whole)
    # Descents that differ by rounding end in places that differ by less than what training calls settled.
    assert first.primal == pytest.approx(second.primal, rel=1e-3)
    assert first.dual == pytest.approx(second.dual, rel=1e-2)
    np.testing.assert_array_equal(train(97).network.hidden_weights, whole[0].network.hidden_weights)


def test_single_precision_rows_are_proven_in_double(table, small_samples):
    X, y, weight = table
    source, terms, _ = posed((X.astype(np.float32), y, weight), (True, True, False), "squared")
    problem = make_problem(
        X.astype(np.float32).astype(float), y, 8.0, sample_weight=weight, hidden_bias=True, fit_intercept=True
    )
    found = train_on_blocks(source, terms, beta=8.0)
    assert found.certificate.primal == pytest.approx(problem.objective(found.network), rel=1e-9)
    assert found.certificate.dual <= solve_column_generation(problem, max_work=5e8).certificate.primal


def test_probabilities_that_underflow_prove_nothing_false(small_samples):
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((600, 1)), rng.integers(0, 4, 600)
    X[0] = 1.5e5
    source = ArrayBlocks(X, np.eye(4)[labels], np.ones(600))
    found = train_on_blocks(source, Terms(False, False, True, make_loss("multinomial", n_outputs=4)), beta=1e9)
    assert found.certificate.dual <= found.certificate.primal and found.certificate.status != "contradiction"
    assert np.all(np.abs(found.certificate.dual_point.sum(axis=1)) <= 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_blocks_that_count_for_nothing_change_nothing(table, small_samples, make):
    X, y, _ = table
    weight = np.where(np.arange(1500) < 400, 0.0, 1.0)
    blocks = [
        (make(X[:0]), y[:0], weight[:0]),
        *((make(X[k : k + 400]), y[k : k + 400], weight[k : k + 400]) for k in range(0, 1500, 400)),
    ]
    model = ConvexReLURegressor(beta=8.0).fit_blocks(lambda: blocks)
    assert model.certificate_.dual > 0.0
    np.testing.assert_array_equal(model.certificate_.dual_point[:400], 0.0)


def test_rows_that_have_targets_and_no_inputs_are_free(small_samples):
    X, y = np.random.default_rng(0).standard_normal((600, 2)), np.zeros(600)
    X[:20], y[:20] = 0.0, 1.0
    found = train_on_blocks(ArrayBlocks(X, y, np.ones(600)), Terms(False, False, False, make_loss("squared")), beta=1.0)
    assert found.certificate.primal == pytest.approx(10.0)
    assert found.certificate.dual == pytest.approx(10.0)


def test_primal_is_never_below_the_objective(table):
    # Columns far from zero, beside an intercept that cancels them: float64 loses digits, which the primal pays for.
    X, y, weight = table
    source, terms, problem = posed((X + 1e9, y, weight), (True, True, True), "squared")
    weights = Weights(
        np.array([[1e-3, 0.0, 0.0, 0.0, -1e6]]), np.ones((1, 1)), np.array([[0.0], [0], [0], [1.0], [-1e9]]), terms
    )
    rows = survey(source)
    certificate = certify_on_blocks(source, rows, weights, None, 8.0, (0.0, np.zeros(5), 0))
    assert certificate.primal >= problem.objective_above(network_of(weights, rows))[0] * (1.0 - 1e-15)


def test_dependent_free_terms_prove_nothing_but_zero(table, small_samples):
    X, y, weight = table
    X = np.column_stack([X, X[:, 0] * (1.0 + 1e-15)])
    source, terms, problem = posed((X, y, weight), (True, True, True), "squared")
    found = train_on_blocks(source, terms, beta=8.0, max_iter=1)
    assert found.certificate.dual == 0.0
    assert found.certificate.primal == pytest.approx(problem.objective(found.network), rel=1e-9)


def test_free_terms_are_settled_at_their_minimum(table):
    for loss in ("squared", "logistic", "multinomial"):
        source, terms, problem = posed(table, (False, True, True), loss, several=loss == "multinomial")
        rows, n_outputs = survey(source), 3 if loss == "multinomial" else 1
        none = Weights(np.zeros((0, 4)), np.zeros((0, n_outputs)), np.zeros((5, n_outputs)), terms)
        weights, point = settle_free_terms(source, rows, none)
        best = problem.free @ problem.free_coefficients(np.zeros_like(problem.y))
        reached = (problem.free @ weights.free).reshape(problem.y.shape)
        losses = [problem.loss.value(problem.y, fit, problem.weight) for fit in (reached, best)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-10)
        assert isinstance(replace(point, leak=point.leak), DualPoint)
        assert np.all(point.leak >= 0.0)


def test_the_objective_never_rises(table, small_samples):
    for tol in (None, 1e-6):
        source, terms, _ = posed(table, (True, True, False), "squared")
        found = train_on_blocks(source, terms, beta=20.0, tol=tol, max_iter=10)
        objectives = [record["objective"] for record in found.history]
        assert np.all(np.diff(objectives) <= 1e-12 * objectives[0])
        assert found.certificate.primal <= objectives[-1] * (1.0 + 1e-12)


def test_an_interrupt_keeps_the_best_network(table, small_samples):
    source, terms, problem = posed(table, (True, True, False), "squared")
    seen = []

    def report(record):
        seen.append(record["objective"])
        raise KeyboardInterrupt

    found = train_on_blocks(source, terms, beta=8.0, report=report)
    assert found.status is Status.interrupted
    assert found.certificate.primal <= seen[0] * (1.0 + 1e-9)
    assert found.certificate.primal == pytest.approx(problem.objective(found.network), rel=1e-9)
    assert found.certificate.dual > 0.0


# The estimators


def test_fit_blocks_of_small_data_is_fit(table):
    X, y, weight = table
    for beta in (40.0, "scale"):
        blocks = ConvexReLURegressor(beta=beta).fit_blocks(in_blocks(X, y, weight))
        whole = ConvexReLURegressor(beta=beta).fit(X, y, weight)
        np.testing.assert_array_equal(blocks.predict(X), whole.predict(X))
        assert blocks.certificate_.dual == whole.certificate_.dual


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_a_regressor_fits_blocks(table, small_samples, loss):
    X, y, weight = table
    blocks = ConvexReLURegressor(beta=8.0, loss=loss, huber_delta=1.0).fit_blocks(in_blocks(X, y, weight))
    whole = ConvexReLURegressor(beta=8.0, loss=loss, huber_delta=1.0, tol=1e-3, time_limit=5.0).fit(X, y, weight)
    assert blocks.certificate_.primal <= 1.005 * whole.certificate_.primal
    assert blocks.certificate_.dual <= whole.certificate_.primal
    assert blocks.beta_max_ == pytest.approx(whole.beta_max_, rel=1e-2)
    assert blocks.score(X, y) == pytest.approx(whole.score(X, y), abs=0.01)
    assert blocks.n_features_in_ == 4
    assert blocks.status_ in ("settled", "converged")


def test_a_strength_is_chosen_on_a_sample(table, small_samples):
    X, y, weight = table
    blocks = ConvexReLURegressor().fit_blocks(in_blocks(X, y, weight))
    assert blocks.beta_ in blocks.beta_path_.strengths
    assert blocks.score(X, y, weight) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("labels", [["no", "yes"], ["a", "b", "c"]])
def test_a_classifier_fits_blocks_of_labels(table, small_samples, labels):
    X, y, weight = table
    y = np.array(labels)[np.digitize(y, [0.0, 1.0][: len(labels) - 1])]
    y = np.sort(y)[np.argsort(np.argsort(table[1]))]
    model = ConvexReLUClassifier(beta=8.0, class_weight="balanced").fit_blocks(in_blocks(X, y, weight))
    whole = ConvexReLUClassifier(beta=8.0, class_weight="balanced", tol=1e-2, time_limit=5.0).fit(X, y, weight)
    assert model.classes_.tolist() == labels
    assert model.certificate_.primal <= 1.01 * whole.certificate_.primal
    assert model.beta_max_ == pytest.approx(whole.beta_max_, rel=1e-2)
    assert model.score(X, y) == pytest.approx(whole.score(X, y), abs=0.02)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.slow
def test_labels_that_do_not_exclude_each_other(table, small_samples):
    X, y, _ = table
    Y = np.column_stack([y > 0.0, y > 1.0]).astype(int)
    model = ConvexReLUClassifier(beta=8.0).fit_blocks(in_blocks(X, Y))
    whole = ConvexReLUClassifier(beta=8.0, tol=1e-2, time_limit=5.0).fit(X, Y)
    assert model.certificate_.primal <= 1.01 * whole.certificate_.primal
    assert model.predict(X).shape == (1500, 2)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ConvexReLURegressor(proof="exact"), "proof='exact' needs all rows at once"),
        (ConvexReLURegressor(patterns="sampled"), "patterns='sampled' needs all rows"),
        (ConvexReLURegressor(max_width=3), "max_width=3 is not there"),
        (ConvexReLURegressor(loss="absolute"), "smooth loss"),
        (ConvexReLURegressor(beta=-1.0), "beta must be"),
        (ConvexReLUClassifier(), "labels|classes|Unknown"),
    ],
)
def test_what_needs_all_rows_is_refused(table, small_samples, model, words):
    X, y, _ = table
    with pytest.raises(ValueError, match=words):
        model.fit_blocks(in_blocks(X, y))


def test_no_rows_and_shapes_that_change_are_refused():
    model, X = ConvexReLURegressor(beta=1.0), np.ones((3, 2))
    for source, words in [
        (lambda: [], "at least one row"),
        (lambda: [(X, [1, 2, 3]), (X[:, :1], [1, 2, 3])], "block 1 has 1 columns of X"),
        (lambda: [(X, [1, 2])], "as many entries of y"),
        (lambda: [(X, [1, 2, 3], [-1, 1, 1])], "sample_weight must not be negative"),
        (lambda: [(X, [1, 2, 3], [0, 0, 0])], "at least one positive entry"),
        (lambda: [(X, [1, np.nan, 3])], "must be finite"),
        (lambda: [(X, ["a", "b", "c"])], "y must be numeric"),
        ([(X, [1, 2, 3])], "must be a callable"),
    ]:
        with pytest.raises(ValueError, match=words):
            model.fit_blocks(source)


def test_a_tolerance_that_is_not_reached_is_a_warning(table, small_samples):
    X, y, _ = table
    with pytest.warns(ConvergenceWarning, match="estimated relative gap is .* above tol=1.00e-12"):
        ConvexReLURegressor(beta=8.0, tol=1e-12, max_iter=1).fit_blocks(in_blocks(X, y))


def test_a_model_without_its_data_can_be_saved(table, small_samples, tmp_path):
    X, y, _ = table
    model = ConvexReLUClassifier(beta=40.0).fit_blocks(in_blocks(X, np.digitize(y, [0.0, 1.0])))
    save_network(tmp_path / "model.npz", model)
    saved = load_network(tmp_path / "model.npz")
    np.testing.assert_array_equal(saved.network.predict(X), model.decision_function(X))


def test_what_needs_the_data_again_is_refused(table, small_samples):
    X, y, _ = table
    model = ConvexReLURegressor(beta=40.0).fit_blocks(in_blocks(X, y))
    by_rows = (lambda: model.predict_interval(X), lambda: model.unlearn([0]))
    for ask in (model.optimal_set, model.leave_one_out, model.choose, model.influence, *by_rows):
        with pytest.raises(ValueError, match="does not keep"):
            ask()
