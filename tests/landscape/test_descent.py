"""Gradient descent: right gradients, the scale it promises, the same bits always, and never below the optimum."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU, optimal_set
from convexnn.landscape import gradient_descent, objective_hessian
from convexnn.landscape.descent import _gradient_norm
from convexnn.programs import make_problem
from tests.zoo import degenerate_designs, identity, line, random_problem, three_rows, two_rows, variants

TERMS = [
    {},
    {"hidden_bias": True},
    {"hidden_bias": True, "fit_intercept": True},
    {"fit_intercept": True, "skip_connection": True, "sample_weight": np.array([1.0, 0, 2, 0.3, 1, 1, 4, 0.5])},
]


def parameters(network):
    """All weights in one vector."""
    terms = [network.skip_weights, network.intercept]
    return np.concatenate(
        [network.neurons.ravel(), network.output_weights, *(np.ravel(t) for t in terms if t is not None)]
    )


def rebuilt(network, vector):
    """The network with other weights."""
    width, n_inputs = network.neurons.shape
    neurons, rest = vector[: width * n_inputs].reshape(width, n_inputs), vector[width * n_inputs :]
    outputs, rest = rest[:width], rest[width:]
    n_features = network.n_inputs
    bias = None if network.hidden_bias is None else neurons[:, -1]
    skip = None if network.skip_weights is None else rest[:n_features]
    intercept = None if network.intercept is None else rest[-1]
    return TwoLayerReLU(neurons[:, :n_features], outputs, hidden_bias=bias, intercept=intercept, skip_weights=skip)


def differences(network, problem):
    """Gradient of the objective by central differences."""
    vector = parameters(network)
    steps = 1e-6 * np.eye(len(vector))
    ends = [[problem.objective(rebuilt(network, vector + sign * step)) for sign in (1, -1)] for step in steps]
    return np.array([(up - down) / 2e-6 for up, down in ends])


def reference(network, problem, learning_rate, n_steps):
    """Gradient descent by NumPy, gradient by gradient."""
    for _ in range(n_steps):
        fits = problem.hidden_fits(network.neurons)
        pull = problem.weight * (network.predict(problem.features) - problem.y)
        on = (fits > 0) * network.output_weights
        gradient = [
            (on.T @ (pull[:, None] * problem.design) + problem.beta * network.neurons).ravel(),
            fits.T @ pull + problem.beta * network.output_weights,
            problem.free.T @ pull,
        ]
        network = rebuilt(network, parameters(network) - learning_rate * np.concatenate(gradient))
    return network


@pytest.mark.parametrize("flags", TERMS)
def test_gradient_norm_is_that_of_finite_differences(flags):
    X, y = random_problem(8, 2)
    found = gradient_descent(X, y, 4, 0.3, max_iter=3, learning_rate=1e-2, random_state=1, **flags)
    problem = make_problem(X, y, 0.3, **flags)
    assert found.gradient_norms[0] == pytest.approx(np.linalg.norm(differences(found.networks[0], problem)), rel=1e-6)
    assert found.gradient_norms[0] == _gradient_norm(problem, found.networks[0])


@pytest.mark.parametrize("flags", TERMS)
def test_a_fixed_step_is_used_as_it_is(flags):
    X, y = random_problem(8, 2)
    X, y, problem = 3 * X, 10 * y, make_problem(3 * X, 10 * y, 0.3, **flags)
    options = {"learning_rate": 1e-4, "random_state": 3, **flags}
    start = gradient_descent(X, y, 5, 0.3, max_iter=1, **options).networks[0]
    end = gradient_descent(X, y, 5, 0.3, max_iter=80, tol=1e-300, **options)
    np.testing.assert_allclose(parameters(end.networks[0]), parameters(reference(start, problem, 1e-4, 79)), rtol=1e-9)
    assert end.n_iter[0] == 80 and not end.converged[0]


def test_starts_are_gaussian_in_the_scale_of_the_data():
    X, y = random_problem(200, 3)
    flags = {"hidden_bias": True, "fit_intercept": True}
    options = {"learning_rate": 1e-30, "max_iter": 1, "random_state": 0, "init_scale": 0.7, **flags}
    start = gradient_descent(2 * X, 50 * y + 1000, 2000, 1.0, **options).networks[0]
    spread = np.sqrt(np.mean(np.append((2 * X) ** 2, np.ones(200))))
    expected = 0.7 * np.sqrt(50 * y.std() / np.sqrt((3 * np.mean(4 * X**2) + 1) / 4))
    assert np.std(start.neurons) == pytest.approx(expected, rel=0.03) and spread > 0
    assert np.std(start.output_weights) == pytest.approx(expected, rel=0.05)
    assert start.intercept == pytest.approx(np.mean(50 * y + 1000))


@pytest.mark.parametrize("scale", [1e-9, 4.0, 1e120])
def test_runs_scale_with_the_targets(scale):
    X, y = random_problem(12, 2)
    flags = {"hidden_bias": True, "fit_intercept": True, "random_state": 0, "n_runs": 3, "max_iter": 200}
    one = gradient_descent(X, y, 4, 0.2, **flags)
    other = gradient_descent(X, scale * y, 4, scale * 0.2, **flags)
    rtol = 0 if scale == 4.0 else 1e-6  # powers of four change no bit
    np.testing.assert_allclose(other.objectives, scale**2 * one.objectives, rtol=rtol or 1e-12)
    for a, b in zip(one.networks, other.networks, strict=True):
        np.testing.assert_allclose(b.neurons, np.sqrt(scale) * a.neurons, rtol=rtol or 1e-12)
        assert b.intercept == pytest.approx(scale * a.intercept, rel=1e-6)


@pytest.mark.parametrize("known", [two_rows(), three_rows(), identity([3, 4, -2], 0.5), line()], ids=str)
def test_runs_end_at_the_optimum_or_above(known):
    found = gradient_descent(known.X, known.y, 8, known.beta, n_runs=30, random_state=0)
    assert np.all(found.objectives >= known.value * (1 - 1e-12))
    assert np.mean(found.objectives <= known.value * (1 + 1e-3)) > 0.3
    assert found.converged.mean() > 0.5


def test_stationary_values_of_one_neuron_are_the_known_ones():
    known = two_rows()
    found = gradient_descent(known.X, known.y, 1, known.beta, n_runs=40, random_state=0)
    assert set(found.objectives.round(4)) == {0.0975, 0.5488, 1.0}


def test_kinks_do_not_stop_the_descent():
    """A line search jams where neurons rest on rows: no run of width 9 would come within a per cent."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    found = gradient_descent(X, y, 9, 0.1, n_runs=30, random_state=0)
    excess = found.objectives / 1.33076453158 - 1
    assert excess.min() > -1e-9
    assert np.mean(excess < 1e-2) > 0.7 and np.mean(excess < 1e-3) > 0.3
    assert np.median(found.gradient_norms) > 0.1, "the gradient does not vanish at a kink"


def test_more_steps_never_end_higher():
    X, y = random_problem(20, 3)
    ends = [gradient_descent(X, y, 6, 0.5, max_iter=k, random_state=0).objectives[0] for k in (50, 100, 400, 2000)]
    assert np.all(np.diff(ends) <= 0)


def test_the_same_bits_for_every_number_of_threads_and_of_runs():
    X, y = random_problem(15, 2)
    options = {"hidden_bias": True, "max_iter": 300, "random_state": 5}
    many = gradient_descent(X, y, 5, 0.1, n_runs=11, n_jobs=3, **options)
    few = gradient_descent(X, y, 5, 0.1, n_runs=6, **options)
    np.testing.assert_array_equal(many.objectives[:6], few.objectives)
    for a, b in zip(many.networks, few.networks, strict=False):
        np.testing.assert_array_equal(parameters(a), parameters(b))
    np.testing.assert_array_equal(many.n_iter[:6], few.n_iter)
    assert len(np.unique(many.objectives)) > 1


@pytest.mark.parametrize("random_state", [np.random.default_rng(3), np.random.SeedSequence(3)])
def test_generators_and_seed_sequences_are_taken(random_state):
    X, y = random_problem(6, 2)
    expected = gradient_descent(X, y, 2, 0.1, max_iter=5, random_state=3).objectives
    assert gradient_descent(X, y, 2, 0.1, max_iter=5, random_state=random_state).objectives == expected


@pytest.mark.parametrize("name", degenerate_designs())
def test_degenerate_data(name):
    X = degenerate_designs()[name]
    y = np.linspace(-1, 2, len(X))
    found = gradient_descent(X, y, 6, 0.2, n_runs=4, fit_intercept=True, max_iter=2000, random_state=0)
    bound = optimal_set(X, y, 0.2, fit_intercept=True).optimal_value
    assert np.all(found.objectives >= bound * (1 - 1e-9) - 1e-15)


@pytest.mark.parametrize("name", variants(*random_problem(6, 2)))
def test_shifted_and_scaled_data(name):
    X, y = variants(*random_problem(6, 2))[name]
    beta = 0.1 * np.abs(X).max() * np.abs(y).max()
    found = gradient_descent(X, y, 8, beta, n_runs=10, fit_intercept=True, random_state=0)
    value = optimal_set(X, y, beta, fit_intercept=True).optimal_value
    assert value * (1 - 1e-9) <= found.objectives.min() <= value * 1.05


def test_targets_of_zero_and_targets_that_are_fitted_for_free():
    X = random_problem(6, 2)[0]
    found = gradient_descent(X, np.zeros(6), 3, 0.1, n_runs=2)
    assert found.objectives.tolist() == [0, 0] and found.converged.all() and found.n_iter.tolist() == [0, 0]
    assert found.networks[0].width == 3
    constant = gradient_descent(X, np.full(6, 1e9), 3, 0.1, fit_intercept=True)
    assert constant.objectives[0] == 0 and constant.networks[0].intercept == pytest.approx(1e9)
    assert gradient_descent(np.zeros((3, 2)), np.ones(3), 2, 0.1).objectives[0] == 1.5


def test_dead_neurons_decay_and_stay_finite():
    found = gradient_descent(-np.eye(2), [1.0, 1.0], 1, 0.1, n_runs=30, random_state=0)
    dead = found.objectives > 0.999
    assert np.all(np.isfinite(found.objectives)) and dead.any()
    assert all(np.abs(parameters(found.networks[r])).max() < 0.1 for r in np.flatnonzero(dead))


def test_overflowing_step_ends_the_run_with_a_finite_network():
    X, y = random_problem(6, 2)
    found = gradient_descent(X, y, 4, 0.1, learning_rate=1e3, random_state=0)
    assert not found.converged[0] and np.isfinite(found.objectives[0]) and found.n_iter[0] < 1000


def test_huge_starts_come_down():
    X, y = random_problem(10, 2)
    found = gradient_descent(X, y, 10, 0.1, init_scale=1e4, n_runs=3, random_state=0)
    assert np.all(found.objectives < 1e9), "they start at 1e17 or above, and decay as fast as beta allows"


def test_repr_and_len():
    X, y = random_problem(6, 2)
    found = gradient_descent(X, y, 2, 0.1, n_runs=3, max_iter=5, random_state=0)
    assert len(found) == 3 and repr(found).startswith("Descents(3 runs, best objective ")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("width", 0),
        ("width", 2.5),
        ("n_runs", 0),
        ("beta", -1.0),
        ("init_scale", 0.0),
        ("init_scale", np.inf),
        ("learning_rate", -0.1),
        ("max_iter", 0),
        ("tol", np.nan),
        ("random_state", "seed"),
        ("random_state", -1),
        ("n_jobs", 0),
        ("loss", "cubic"),
        ("y", np.ones(3)),
    ],
)
def test_bad_options_are_named(option, value):
    X, y = random_problem(6, 2)
    with pytest.raises(ValueError, match=option):
        gradient_descent(**({"X": X, "y": y, "width": 2, "beta": 0.1} | {option: value}))


@pytest.mark.parametrize("learning_rate", [None, 1e-3])
@pytest.mark.parametrize(
    "extras", [{"noise": 0.5}, {"kick": 0.1}, {"noise": 0.1, "perturbation": 0.1, "kick": 0.2, "trace": 7}], ids=str
)
def test_disturbed_descent_is_the_same_for_any_threads_and_runs(extras, learning_rate):
    X, y = random_problem(15, 2)
    options = {"max_iter": 300, "random_state": 5, "learning_rate": learning_rate}
    many = gradient_descent(X, y, 5, 0.1, n_runs=11, n_jobs=3, **options, **extras)
    few = gradient_descent(X, y, 5, 0.1, n_runs=6, **options, **extras)
    np.testing.assert_array_equal(many.objectives[:6], few.objectives)
    plain = gradient_descent(X, y, 5, 0.1, n_runs=6, **options)
    assert np.all(plain.objectives != few.objectives)
    if "trace" in extras:
        np.testing.assert_array_equal(many.traces[4].objectives, few.traces[4].objectives)


@pytest.mark.parametrize("learning_rate", [None, 1e-3])
@pytest.mark.parametrize("every", [True, 30, 1000])
def test_a_trace_changes_no_bit(learning_rate, every):
    X, y = random_problem(15, 2)
    options = {"max_iter": 510, "random_state": 5, "learning_rate": learning_rate, "n_runs": 3, "hidden_bias": True}
    plain = gradient_descent(X, y, 5, 0.1, **options)
    found = gradient_descent(X, y, 5, 0.1, trace=every, **options)
    np.testing.assert_array_equal(found.objectives, plain.objectives)
    np.testing.assert_array_equal(found.n_iter, plain.n_iter)
    assert plain.traces is None
    for r, trace in enumerate(found.traces):
        assert trace.objectives[-1] == found.objectives[r]
        assert trace.gradient_norms[-1] == pytest.approx(found.gradient_norms[r], rel=1e-9)
        assert trace.steps[0] == 0 and trace.steps[-1] == found.n_iter[r] or learning_rate is None
        np.testing.assert_array_equal(parameters(trace.networks[-1]), parameters(found.networks[r]))
        assert np.all(np.diff(trace.objectives) <= 0) and trace.sharpness is None
        if learning_rate is not None:
            np.testing.assert_array_equal(trace.steps, np.append(np.arange(0, 510, every), 510))


def test_every_step_of_a_trace_is_a_gradient_step():
    X, y = random_problem(8, 2)
    found = gradient_descent(X, y, 4, 0.3, learning_rate=1e-2, max_iter=60, trace=True, random_state=1)
    networks, problem = found.traces[0].networks, make_problem(X, y, 0.3)
    for before, after in zip(networks[:-1], networks[1:], strict=True):
        expected = parameters(reference(before, problem, 1e-2, 1))
        np.testing.assert_allclose(parameters(after), expected, rtol=1e-9, atol=1e-13)
    assert repr(found.traces[0]).startswith("DescentTrace(61 records, step 0 to 60, objective ")


def test_the_kick_comes_once_and_has_the_size_it_should():
    X, y = random_problem(50, 3)
    options = {"learning_rate": 1e-9, "max_iter": 100, "trace": 10, "random_state": 0}
    trace = gradient_descent(X, y, 300, 0.3, kick=0.2, kick_after=40, **options).traces[0]
    assert trace.steps.tolist() == [0, 10, 20, 30, 40, 40, 50, 60, 70, 80, 90, 100] and len(trace) == 12
    moves = [parameters(b) - parameters(a) for a, b in zip(trace.networks[:-1], trace.networks[1:], strict=True)]
    sigma = np.sqrt(np.sqrt(np.mean(y**2)) / np.sqrt(np.mean(X**2)))
    assert np.std(moves[4]) == pytest.approx(0.2 * sigma, rel=0.05)
    assert max(np.abs(move).max() for k, move in enumerate(moves) if k != 4) < 1e-5


def test_noise_has_the_size_it_should():
    X, y = random_problem(50, 3)
    options = {"learning_rate": 1e-8, "max_iter": 1, "trace": True, "random_state": 0}
    noisy, plain = (gradient_descent(X, y, 300, 0.3, noise=noise, **options).traces[0] for noise in (0.5, 0.0))
    moves = parameters(noisy.networks[1]) - parameters(plain.networks[1])
    sigma = np.sqrt(np.sqrt(np.mean(y**2)) / np.sqrt(np.mean(X**2)))
    assert np.std(moves) == pytest.approx(1e-8 * 0.5 * 0.5 * np.sum(y**2) / sigma, rel=0.05)


def near_zero(width, n_runs):
    """Networks 1e-12 from zero, with any signs, the saddle of the problem of the next tests."""
    signs = [np.random.default_rng(k).choice([-1e-12, 1e-12], size=(width, 2)) for k in range(n_runs)]
    return [TwoLayerReLU(sign[:, :1], sign[:, 1]) for sign in signs]


@pytest.mark.parametrize("learning_rate", [None, 0.1])
@pytest.mark.parametrize("disturbance", [{"noise": 0.01}, {"noise": 0.1}, {"perturbation": 0.01}], ids=str)
@pytest.mark.parametrize("width", [1, 3])
def test_all_runs_escape_from_a_saddle(width, disturbance, learning_rate):
    """One line through the origin, y = x: p* = 1/2 1.25 (1 - a)^2 + .1 a at a = 1 - .1/1.25."""
    X, y, start = [[1.0], [0.5]], [1.0, 0.5], near_zero(width, 40)
    options = {"start": start, "n_runs": 40, "learning_rate": learning_rate, "max_iter": 4000, "random_state": 0}
    plain = gradient_descent(X, y, width, 0.1, **(options | {"max_iter": 50}))
    np.testing.assert_allclose(plain.objectives, 0.625, rtol=1e-9)
    found = gradient_descent(X, y, width, 0.1, **options, **disturbance)
    assert np.all(found.objectives >= 0.096 - 1e-12) and found.objectives.max() < 0.105
    assert np.all(found.n_iter == 4000) and not found.converged.any(), "disturbed runs do not stop"


def test_perturbations_are_uniform_in_a_ball():
    """A share r^3 of the vectors is within r; each coordinate has variance 1 / (3 + 2) in the unit ball."""
    X, y = np.array([[1.0, 0.0], [0.5, 2.0]]), np.array([1.0, 0.5])
    zero = TwoLayerReLU(np.zeros((1, 2)), np.zeros(1))
    sigma = np.sqrt(np.sqrt(np.mean(y**2)) / np.sqrt(np.mean(X**2)))
    options = {"start": zero, "n_runs": 4000, "learning_rate": 1e-30, "max_iter": 1, "random_state": 0}
    found = gradient_descent(X, y, 1, 0.1, perturbation=1e-3, **options)
    moves = np.array([parameters(network) for network in found.networks]) / (1e-3 * sigma)
    lengths = np.linalg.norm(moves, axis=1)
    assert lengths.max() <= 1 + 1e-12 and np.abs(moves.mean(axis=0)).max() < 0.03
    for radius in (0.5, 0.8, 0.95):
        assert np.mean(lengths < radius) == pytest.approx(radius**3, abs=0.03)
    np.testing.assert_allclose(np.cov(moves.T), np.eye(3) / 5, atol=0.02)


def test_large_gradients_are_not_perturbed():
    X, y = random_problem(8, 2)
    options = {"learning_rate": 1e-3, "max_iter": 50, "random_state": 0}
    plain, other = (gradient_descent(X, y, 3, 0.1, perturbation=r, **options).networks[0] for r in (0.0, 0.5))
    np.testing.assert_array_equal(parameters(plain), parameters(other))


@pytest.mark.parametrize("flags", TERMS)
def test_starts_are_used_as_they_are(flags):
    X, y = random_problem(8, 2)
    X, y, problem = 3 * X, 10 * y, make_problem(3 * X, 10 * y, 0.3, **flags)
    starts = gradient_descent(X, y, 5, 0.3, n_runs=2, max_iter=3, random_state=1, **flags).networks
    options = {"learning_rate": 1e-4, "max_iter": 30, "tol": 1e-300, **flags}
    found = gradient_descent(X, y, 5, 0.3, n_runs=2, start=starts, **options)
    for start, end in zip(starts, found.networks, strict=True):
        np.testing.assert_allclose(parameters(end), parameters(reference(start, problem, 1e-4, 30)), rtol=1e-9)
    again = gradient_descent(X, y, 5, 0.3, n_runs=3, start=starts[0], **options)
    assert np.all(again.objectives == again.objectives[0]) and again.objectives[0] == found.objectives[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start": [TwoLayerReLU([[1.0, 0.0]], [1.0])]}, "start must be one TwoLayerReLU, or n_runs = 2"),
        ({"start": [1.0, 2.0]}, "start must be one TwoLayerReLU"),
        ({"start": TwoLayerReLU([[1.0, 0.0]], [1.0])}, "start must have width = 2 neurons; got 1"),
        ({"start": TwoLayerReLU(np.eye(2), [1.0, 1.0]), "y": np.zeros(6)}, "start is of no use"),
        ({"start": TwoLayerReLU(np.eye(2), [1.0, 1.0], intercept=1.0)}, "intercept"),
        ({"perturbation": -1.0}, "perturbation"),
    ],
)
def test_bad_starts_are_named(change, named):
    X, y = random_problem(6, 2)
    with pytest.raises(ValueError, match=named):
        gradient_descent(**({"X": X, "y": y, "width": 2, "beta": 0.1, "n_runs": 2} | change))


def test_a_kick_leads_out_of_a_saddle():
    """The zero network attracts the runs of dead neurons; a kick wakes them."""
    X, y = -np.eye(2), np.ones(2)
    options = {"n_runs": 40, "random_state": 0, "max_iter": 4000}
    plain = gradient_descent(X, y, 1, 0.1, **options)
    kicked = gradient_descent(X, y, 1, 0.1, kick=0.5, kick_after=2000, **options)
    assert np.mean(kicked.objectives > 0.999) < np.mean(plain.objectives > 0.999)


def test_sharpness_is_the_largest_eigenvalue():
    X, y = random_problem(10, 2)
    trace = gradient_descent(X, y, 3, 0.1, learning_rate=1e-3, max_iter=20, trace=10, sharpness=True).traces[0]
    for network, sharpness in zip(trace.networks, trace.sharpness, strict=True):
        assert sharpness == np.linalg.eigvalsh(objective_hessian(network, X, y, 0.1))[-1]


@pytest.mark.parametrize("threshold", [200, 300, 350])
def test_sharpness_settles_at_the_edge_of_stability(threshold):
    """It starts at 251, and goes to 2/step from below and from above; small steps end at 402."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 5)), 3 * rng.normal(size=20)
    options = {"max_iter": 3000, "tol": 1e-300, "init_scale": 0.3, "random_state": 0, "trace": 50, "sharpness": True}
    trace = gradient_descent(X, y, 30, 1e-3, learning_rate=2 / threshold, **options).traces[0]
    assert abs(trace.sharpness[0] / threshold - 1) > 0.15
    assert np.median(trace.sharpness[40:]) == pytest.approx(threshold, rel=0.03)
    below = gradient_descent(X, y, 30, 1e-3, learning_rate=2 / 600, **options).traces[0]
    assert np.all(np.diff(below.objectives) < 0) and below.sharpness.max() < 450


def test_traces_of_runs_that_overflow_or_rest():
    X, y = random_problem(6, 2)
    found = gradient_descent(X, y, 4, 0.1, learning_rate=1e3, trace=True, random_state=0)
    assert np.all(np.isfinite(found.traces[0].objectives)) and not found.converged[0]
    rest = gradient_descent(X, np.zeros(6), 3, 0.1, n_runs=2, trace=True)
    assert len(rest.traces) == 2 and rest.traces[0].objectives.tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"noise": -1.0}, "noise"),
        ({"kick": np.inf}, "kick"),
        ({"kick": 0.1, "kick_after": 100, "max_iter": 100}, "kick_after"),
        ({"kick_after": 10}, "kick_after"),
        ({"trace": 0}, "trace"),
        ({"trace": 1.5}, "trace"),
        ({"sharpness": True}, "sharpness"),
        ({"trace": True, "sharpness": 2}, "sharpness"),
        ({"trace": True, "width": 1000, "n_runs": 100, "learning_rate": 1.0}, "trace=1 may need"),
    ],
)
def test_bad_extras_are_named(options, named):
    X, y = random_problem(6, 2)
    with pytest.raises(ValueError, match=named):
        gradient_descent(**({"X": X, "y": y, "width": 2, "beta": 0.1} | options))
