"""Labels of stationary points: closed forms, one-sided derivatives, invariance, and what the labels promise."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU, optimal_set
from convexnn.exceptions import InvalidInputError
from convexnn.landscape import classify, escape, gradient_descent, polish

from ..zoo import clarke_trap, random_problem

ANGLES = np.deg2rad([0, 90, 180, 270])
SQUARE, ONES, BETA = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), np.ones(4), 0.1


def neuron_at_45_degrees():
    """The stationary network of one neuron on the square: its fit is 1/sqrt2 on two rows, of norm 1."""
    mass = np.sqrt(2.0) - BETA
    return TwoLayerReLU([np.sqrt(mass / 2.0) * np.ones(2)], [np.sqrt(mass)])


def test_one_neuron_on_the_square():
    network = neuron_at_45_degrees()
    alone, beside_zero = classify(network, SQUARE, ONES, BETA), classify(network.padded(2), SQUARE, ONES, BETA)
    assert alone.objective == pytest.approx(1.0 + np.sqrt(2) * BETA - BETA**2 / 2, abs=1e-10)
    assert alone.kind == "local-strict" and alone.price.value == pytest.approx(np.sqrt(2), rel=1e-9)
    assert beside_zero.kind == "saddle" and beside_zero.curvature == pytest.approx(BETA - np.sqrt(2), rel=1e-9)


def test_two_opposite_points():
    X, y, root = np.array([[1.0], [-1.0]]), np.ones(2), np.sqrt(1.0 - BETA)
    one_sided = TwoLayerReLU([[root]], [root])
    both = TwoLayerReLU([[root], [-root]], [root, root])
    assert classify(one_sided, X, y, BETA).objective == pytest.approx(0.595)
    assert classify(one_sided, X, y, BETA).kind == "local-strict"
    assert classify(one_sided.split(0, [0.3, 0.7]), X, y, BETA).kind == "local-escapable"
    saddle = classify(one_sided.padded(2), X, y, BETA)
    assert saddle.kind == "saddle" and saddle.curvature == pytest.approx(BETA - 1.0)
    assert classify(both, X, y, BETA).kind == "global"
    assert classify(both, X, y, BETA).objective == pytest.approx(2 * BETA - BETA**2)
    assert classify(both, X, y, BETA, proof="heuristic").kind == "global (not proven)"


def test_the_trap_that_looks_stationary_to_clarke_falls():
    trap = clarke_trap()
    network = TwoLayerReLU([[1.0, 0.0]], [1.0])
    found = classify(network, trap.X, trap.y, trap.beta)
    assert found.objective == pytest.approx(0.125) and found.kind == "not-stationary"
    assert found.slope == pytest.approx(-0.1) and abs(found.step.neurons[0, 1]) == pytest.approx(1.0)
    for t in (1e-6, 1e-5):
        fall = found.step.applied(network, t).objective(trap.X, trap.y, trap.beta) - found.objective
        assert fall == pytest.approx(t * found.slope, rel=1e-3)
    last = escape(network.padded(3), trap.X, trap.y, trap.beta, max_rounds=10)
    assert last.objective(trap.X, trap.y, trap.beta) == pytest.approx(trap.value, abs=1e-6)


def test_at_a_convex_kink_the_network_stays():
    X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
    root = np.sqrt(1.0 - BETA)
    assert classify(TwoLayerReLU([[root, 0.0]], [root]), X, y, BETA).kind == "local-strict"


@pytest.mark.parametrize("flags", [{}, {"hidden_bias": True, "fit_intercept": True}, {"skip_connection": True}])
def test_the_steepest_slope_is_not_beaten(flags):
    X, y = random_problem(10, 2, seed=3)
    for network in gradient_descent(X, y, 3, 0.1, n_runs=4, max_iter=20, random_state=1, **flags).networks:
        on_kinks = _moved_to_kinks(network, X)
        found = classify(on_kinks, X, y, 0.1)
        assert found.kind == "not-stationary"
        before, t = on_kinks.objective(X, y, 0.1), 1e-7
        assert found.step.applied(on_kinks, t).objective(X, y, 0.1) - before == pytest.approx(t * found.slope, rel=1e-2)


def _moved_to_kinks(network, X):
    """The network with its first neuron on the hyperplane of the first row."""
    inputs = X if network.hidden_bias is None else np.column_stack([X, np.ones(len(X))])
    row, neurons = inputs[0], network.neurons.copy()
    neurons[0] -= row * (row @ neurons[0]) / (row @ row)
    bias = {} if network.hidden_bias is None else {"hidden_bias": neurons[:, -1]}
    others = {"intercept": network.intercept, "skip_weights": network.skip_weights}
    return TwoLayerReLU(neurons[:, : X.shape[1]], network.output_weights, **bias, **others)


def polished_runs(width, seed=0, n_runs=20, **flags):
    """Data, strength, and polished ends of gradient descent from N(0, .5^2) with their labels."""
    X, y = random_problem(8, 2, seed=seed)
    runs = gradient_descent(X, y, width, BETA, n_runs=n_runs, init_scale=0.5, random_state=0, **flags)
    ends = [polish(network, X, y, BETA) for network in runs.networks]
    return X, y, runs.networks, ends, [classify(end, X, y, BETA) for end in ends]


@pytest.mark.parametrize("width", [2, 4, 9])
def test_polished_ends_are_stationary_and_labels_hold(width):
    X, y, starts, ends, labels = polished_runs(width)
    best = optimal_set(X, y, BETA).optimal_value
    rng = np.random.default_rng(0)
    for start, end, found in zip(starts, ends, labels, strict=True):
        assert end.width == width and found.kind != "not-stationary" and found.stationarity <= 1e-8
        assert found.objective <= start.objective(X, y, BETA) * (1.0 + 1e-9)
        assert (found.kind == "global") == (found.objective <= best * (1.0 + 1e-8))
        if found.kind in ("global", "local-strict", "local-escapable"):
            for size in (1e-4, 1e-3, 1e-2):
                for _ in range(20):
                    changes = size * rng.standard_normal((width, 3))
                    near = TwoLayerReLU(end.hidden_weights + changes[:, :2], end.output_weights + changes[:, 2])
                    assert near.objective(X, y, BETA) >= found.objective * (1.0 - 1e-12)
        if found.kind == "saddle":
            fall = found.step.applied(end, 1e-4).objective(X, y, BETA) - found.objective
            assert fall == pytest.approx(0.5e-8 * found.curvature, rel=1e-2) and fall < 0


def test_labels_do_not_change_under_symmetries():
    X, y, _, ends, labels = polished_runs(4)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((2, 2)))[0]
    for end, found in zip(ends, labels, strict=True):
        order = np.random.default_rng(2).permutation(4)
        rotated = TwoLayerReLU(end.hidden_weights @ turn, end.output_weights)
        scaled = TwoLayerReLU(end.hidden_weights * np.sqrt(3.0 / 7.0), end.output_weights * np.sqrt(3.0 / 7.0))
        assert classify(end.permuted(order), X, y, BETA).kind == found.kind
        assert classify(rotated, X @ turn, y, BETA).kind == found.kind
        assert classify(scaled, 7.0 * X, 3.0 * y, 21.0 * BETA).kind == found.kind


def test_escaping_leads_to_the_optimum_without_strict_minima():
    X, y, _, ends, _ = polished_runs(9, n_runs=8)
    best = optimal_set(X, y, BETA).optimal_value
    for end in ends:
        once, last = escape(end, X, y, BETA), escape(end, X, y, BETA, max_rounds=20)
        assert once is end or once.objective(X, y, BETA) < end.objective(X, y, BETA)
        assert classify(last, X, y, BETA).kind == "global" and last.width == 9
        assert last.objective(X, y, BETA) == pytest.approx(best, rel=1e-8)


def test_free_terms_and_weights():
    X, y = random_problem(12, 2, seed=4)
    flags = {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 12)
    runs = gradient_descent(X, y, 6, 0.05, n_runs=6, sample_weight=weight, random_state=0, **flags)
    kinds = set()
    for network in runs.networks:
        end = polish(network, X, y, 0.05, sample_weight=weight)
        kinds.add(classify(end, X, y, 0.05, sample_weight=weight).kind)
    assert "not-stationary" not in kinds


def test_other_losses_are_labelled_and_kinked_ones_refused():
    X, y = np.array([[1.0], [-1.0]]), np.array([1.0, -1.0])
    zero = TwoLayerReLU([[0.0]], [0.0])
    found = classify(zero, X, y, 0.1, loss="logistic")
    assert found.kind == "saddle" and found.curvature == pytest.approx(0.1 - 0.5)
    assert classify(zero, X, y, 0.6, loss="logistic").kind == "global"
    with pytest.raises(InvalidInputError, match="differentiable"):
        classify(zero, X, y, 0.1, loss="absolute")


def test_too_many_hyperplanes_are_refused():
    angles = np.linspace(0.0, 3.0, 15)
    X = np.vstack([np.column_stack([np.zeros(15), np.cos(angles), np.sin(angles)]), [[1.0, 0.0, 0.0]]])
    root = np.sqrt(1.0 - BETA)
    with pytest.raises(InvalidInputError, match="hyperplanes"):
        classify(TwoLayerReLU([[root, 0.0, 0.0]], [root]), X, np.ones(16), BETA)


@pytest.mark.parametrize("size", [1.0, 1e-6, 1.1, 3.0, 0.7])
def test_parts_of_a_neuron_on_a_kink_stay_parts_of_it(size):
    rng = np.random.default_rng(3)
    X, y, beta = size * rng.normal(size=(9, 2)), rng.normal(size=9), 0.15 * size
    network = gradient_descent(X, y, 4, beta, random_state=7).networks[0]
    assert network.directions[0] @ network.directions[2] == pytest.approx(1.0)
    end = polish(network, X, y, beta)
    assert end.masses[2] / end.masses[0] == pytest.approx(network.masses[2] / network.masses[0])
    assert classify(end, X, y, beta).kind == "local-escapable", "and no saddle with a zero neuron, as rounding has it"


def test_the_verdict_is_printed_first():
    network = neuron_at_45_degrees()
    assert str(classify(network, SQUARE, ONES, BETA)).startswith("local-strict: objective 1.136421356, stationary to ")
    moved = classify(TwoLayerReLU([[1.0, 0.5]], [2.0]).padded(2), SQUARE, ONES, BETA)
    shown = f"objective {moved.objective:.10g}, violation {moved.stationarity:.1e}, slope {moved.slope:.3g}"
    assert moved.slope < 0 and repr(moved) == f"Label(not-stationary: {shown} along the step)"
    assert repr(moved.step) == "Step(2 neurons, moves [0])"


def test_several_outputs_are_refused():
    network, X, y = TwoLayerReLU(np.ones((1, 2)), np.ones((1, 2))), SQUARE, ONES
    for function in (polish, classify, escape):
        with pytest.raises(InvalidInputError, match="network must have one output"):
            function(network, X, y, BETA)
    with pytest.raises(InvalidInputError, match=r"y must have shape \(n_samples,\) here; got .* Pass a flat array"):
        gradient_descent(X, y[:, None], 2, BETA)


def test_repeated_rows_are_one_hyperplane():
    X = np.eye(2)
    rows, root = np.repeat([0, 1], [1, 20]), np.sqrt(1.0 - BETA)
    for sign in (1.0, -1.0):
        start = TwoLayerReLU([[root, 1e-5]], [root])
        weight = np.array([1.0, 20.0])
        once = polish(start, X, [1.0, sign], BETA, sample_weight=weight)
        often = polish(start, X[rows], np.array([1.0, sign])[rows], BETA)
        assert often.neurons == pytest.approx(once.neurons, abs=1e-9)
        for network in (often, TwoLayerReLU([[root, 0.0]], [root])):
            found = classify(network, X, [1.0, sign], BETA, sample_weight=weight)
            again = classify(network, X[rows], np.array([1.0, sign])[rows], BETA)
            assert again.kind == found.kind and again.slope == pytest.approx(found.slope, rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-8, 1e8])
@pytest.mark.parametrize("seed", (10, 32, 52, 59))
def test_kink_of_several_hyperplanes_is_stationary(scale, seed):
    rng = np.random.default_rng(seed)
    rows = np.column_stack([np.zeros(k := int(rng.integers(2, 5))), rng.standard_normal((k, 2))])
    shares, inwards = rng.uniform(0.2, 0.8, k), rng.uniform(0.1, 1.0, k)
    X = np.vstack([[BETA, 0.0, 0.0] + (shares * inwards) @ rows, rows])
    y = np.maximum(X[:, 0], 0.0) + np.append(1.0, -inwards)
    network = TwoLayerReLU([[np.sqrt(scale), 0.0, 0.0]], [np.sqrt(scale)])
    assert classify(network, X, scale * y, scale * BETA).kind == "local-strict"


def test_pulls_that_cancel_leave_no_direction():
    X, y = np.array([[0.3], [0.7], [0.9], [-0.7]]), np.array([2.0, -3.0, -1.1, -0.3])
    found = classify(TwoLayerReLU([[0.0]], [6e10]), 1e3 * X, 1e12 * y, 0.1)
    assert found.kind == "not-stationary" and found.slope == pytest.approx(-0.1 * 6e10)
    assert found.step.outputs == [-1.0] and found.step.neurons[0, 0] == 0.0


def test_targets_that_the_free_terms_fit_leave_nothing_to_fall():
    X, weights = random_problem(6, 2, seed=0)[0], np.array([0.3, -0.7])
    network = TwoLayerReLU(np.zeros((2, 2)), np.zeros(2), skip_weights=weights, intercept=0.1)
    for scale in (1.0, 1e-8, 1e8):
        y = scale * (X @ weights + 0.1)
        exact = TwoLayerReLU(np.zeros((2, 2)), np.zeros(2), skip_weights=scale * weights, intercept=scale * 0.1)
        assert classify(exact, X, y, BETA * scale).kind == "global"
        assert classify(polish(network, X, y, BETA * scale), X, y, BETA * scale).kind == "global"


@pytest.mark.parametrize("network", [TwoLayerReLU(np.zeros((2, 2)), np.zeros(2)), TwoLayerReLU([[1, 0]], [0])])
def test_networks_without_active_neurons_are_polished_and_left(network):
    found = classify(polish(network, SQUARE, ONES, BETA), SQUARE, ONES, BETA)
    assert found.kind == "saddle" and found.objective == pytest.approx(2.0)
    assert escape(network, SQUARE, ONES, BETA, max_rounds=9).objective(SQUARE, ONES, BETA) < 2.0
