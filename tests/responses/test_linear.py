"""The linear response against networks that were trained on data that differ a little."""

import numpy as np
import pytest

from convexnn import ConvexReLUClassifier, ConvexReLURegressor, TwoLayerReLU
from convexnn.programs.posing import make_problem
from convexnn.responses.coordinates import orthogonal_to
from convexnn.responses.linear import LinearResponse, _solve

SHARP = {"tol": 1e-12, "proof": "heuristic"}
STEP = 5e-4
TERMS = [
    {"hidden_bias": bias, "fit_intercept": intercept, "skip_connection": skip}
    for bias, intercept, skip in [(1, 1, 0), (0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1), (0, 1, 1)]
]


def make_data(seed=0, n_samples=30):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 2))
    return X, np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.2 * rng.normal(size=n_samples)


def response_of(model):
    return LinearResponse(*model._left_out_parts[0][:2])


def slopes_by_refits(make, X, y, rows):
    """Return the derivatives of fits in their own targets, by central differences."""
    found = []
    for row in rows:
        ends = []
        for side in (1.0, -1.0):
            moved = y.copy()
            moved[row] += side * STEP
            ends.append(make().fit(X, moved).predict(X[[row]])[0])
        found.append((ends[0] - ends[1]) / (2.0 * STEP))
    return np.array(found)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_leverages_are_the_derivatives_of_the_fit(terms, beta):
    X, y = make_data()

    def make():
        return ConvexReLURegressor(beta, **SHARP, **terms)

    record, rows = make().fit(X, y).leave_one_out(), range(0, 30, 5)
    assert record.stationarity < 1e-6
    assert record.influence[::5] == pytest.approx(slopes_by_refits(make, X, y, rows), abs=1e-5)
    assert 0.0 <= record.influence.min() and record.influence.max() <= 1.0


def test_degrees_of_freedom_are_the_divergence():
    X, y = make_data(1, 20)

    def make():
        return ConvexReLURegressor(2.0, **SHARP)

    divergence = slopes_by_refits(make, X, y, range(20)).sum()
    assert make().fit(X, y).leave_one_out().degrees_of_freedom == pytest.approx(divergence, abs=2e-5)


CASES = {
    "huber": (ConvexReLURegressor, {"loss": "huber", "huber_delta": 0.3}),
    "logistic": (ConvexReLUClassifier, {}),
    "squared hinge": (ConvexReLUClassifier, {"loss": "squared_hinge"}),
    "multinomial": (ConvexReLUClassifier, {"n_classes": 3}),
    "multinomial with a skip": (ConvexReLUClassifier, {"n_classes": 3, "skip_connection": True, "beta": 3.0}),
    "two outputs": (ConvexReLURegressor, {"n_outputs": 2}),
    "huber, two outputs": (ConvexReLURegressor, {"n_outputs": 2, "loss": "huber", "huber_delta": 0.3}),
}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("case", CASES)
def test_response_to_weights_is_that_of_refits(case):
    estimator, options = CASES[case]
    X, y = make_data(2)
    options = dict(options)
    if "n_classes" in options:
        y = np.digitize(y, np.quantile(y, np.arange(1, options["n_classes"]) / options.pop("n_classes")))
    elif estimator is ConvexReLUClassifier:
        y = y > np.median(y)
    if options.pop("n_outputs", 1) == 2:
        y = np.column_stack([y, np.maximum(X[:, 1], 0.0)])
    make = lambda: estimator(**({"beta": 1.5} | SHARP | options))  # noqa: E731

    def values(row, change):
        weight = np.ones(len(X))
        weight[row] += change
        return make().fit(X, y, weight).network_.predict(X).reshape(len(X), -1)

    model = make().fit(X, y)
    (problem, network, samples), tiny = model._left_out_parts[0], 1e-7
    response, rows = LinearResponse(problem, network), samples.row[[0, 7, 14]]
    forces = response.forces(rows, np.full(3, tiny))
    ((_, moved),) = response.moved_predictions(X, rows, forces)
    for row, found in zip((0, 7, 14), moved, strict=True):
        slope = (values(row, -1e-3) - values(row, 1e-3)) / 2e-3
        assert (found - network.predict(X).reshape(len(X), -1)) / tiny == pytest.approx(slope, abs=2e-4)


def test_far_from_the_origin_the_response_is_the_same():
    X, y = make_data(3)
    near, far = (ConvexReLURegressor(2.0, **SHARP).fit(X, y + shift).leave_one_out() for shift in (0.0, 1e6))
    assert far.influence == pytest.approx(near.influence, abs=1e-6)


def test_parts_of_a_neuron_and_zero_neurons_change_nothing():
    X, y = make_data(4)
    model = ConvexReLURegressor(2.0, **SHARP).fit(X, y)
    problem, network, _ = model._left_out_parts[0]
    split = network.split(0, [0.3, 0.7]).padded(network.width + 3)
    assert LinearResponse(problem, split).gains == pytest.approx(response_of(model).gains, rel=1e-9)


def test_a_network_that_is_not_optimal_is_seen():
    X, y = make_data(5)
    problem = make_problem(X, y, 1.0)
    network = TwoLayerReLU(np.eye(2), [1.0, 1.0])
    assert LinearResponse(problem, network).stationarity > 0.1


def test_kinks_span_the_orthogonal_complement():
    rows = np.array([[1e-150, 0.0, 0.0], [0.0, 0.0, 0.0], [3e150, 1e-3, 0.0]])
    basis = orthogonal_to(rows)
    assert basis.shape == (3, 2)
    assert basis[0] == pytest.approx([0.0, 0.0])
    assert orthogonal_to(np.zeros((0, 4))).shape == (4, 4)


def test_singular_systems_are_solved_on_their_range():
    rows = np.array([[1.0, 1.0], [1e9, 1e9], [1.0, -1.0]])
    solved, is_open = _solve(np.ones((2, 2)), rows)
    assert is_open.tolist() == [False, False, True]
    assert solved[0] @ np.ones(2) == pytest.approx(1.0)


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("several", [False, True])
def test_rows_leave_together_as_in_one_newton_step(terms, several):
    X, y = make_data(3)
    y = np.column_stack([y, X[:, 0] ** 2]) if several else y
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    model = ConvexReLURegressor(1.5, tol=1e-9, proof="heuristic", **terms).fit(X, y, weight)
    response = response_of(model)
    rows, shares = np.array([2, 11, 23]), np.array([1.0, 0.4, 1.0])
    forces, moves = response.joint_forces(rows, shares)
    # Written out: H without the rows' curvatures, and one step along the gradient that they leave.
    coordinates, problem = response._coordinates, model._training_problem
    jacobian = coordinates.jacobian(problem.features, coordinates.active)
    left = np.ones(len(X))
    left[rows] -= shares
    # The bilinear part of several outputs stays that of all rows: its change is of second order.
    hessian = coordinates.curvature(problem.beta, jacobian, response.dual_point)
    hessian = hessian + np.einsum("icp,icd,idq->pq", jacobian, left[:, None, None] * response.curvatures, jacobian)
    pull = np.einsum("icp,ic->p", jacobian[rows], shares[:, None] * response.dual_point[rows])
    step = -np.linalg.lstsq(hessian, pull, rcond=1e-12)[0]
    assert moves == pytest.approx(jacobian[rows] @ step, rel=1e-6, abs=1e-9)
    assert jacobian @ response.joint_step(rows, forces) == pytest.approx(jacobian @ step, rel=1e-6, abs=1e-9)
    ((_, predictions),) = response.predictions_after(problem.features, response.joint_step(rows, forces)[None])
    assert predictions[0] == pytest.approx(response.fit + jacobian @ step, rel=1e-6, abs=1e-9)


def test_one_row_leaves_as_it_does_alone():
    X, y = make_data(4)
    response = response_of(ConvexReLURegressor(1.5, tol=1e-9, proof="heuristic").fit(X, y))
    alone = response.forces(np.arange(30), np.ones(30))
    for row in (0, 7, 29):
        forces, moves = response.joint_forces(np.array([row]), np.ones(1))
        assert forces[0] == pytest.approx(alone[row]) and moves[0] == pytest.approx(-response.gains[row] @ alone[row])
