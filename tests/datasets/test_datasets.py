"""The constructed optimum against brute force over every pattern, and the teacher against its recipe."""

from itertools import product

import numpy as np
import pytest

from convexnn.datasets import make_known_optimum, make_teacher
from convexnn.exceptions import InvalidInputError
from tests.checks import augment, brute_force, free_columns, plain_objective, plain_predict

FLAGS = [
    dict(zip(("hidden_bias", "fit_intercept", "skip_connection"), chosen, strict=True))
    for chosen in product([False, True], repeat=3)
]


def name_of(flags):
    return "+".join(name for name, on in flags.items() if on) or "plain"


def opposites_tie(flags):
    return flags["skip_connection"] and (flags["fit_intercept"] or not flags["hidden_bias"])


def check_record(problem, flags, n_directions):
    design = augment(problem.X, flags["hidden_bias"])
    free = free_columns(problem.X, flags["fit_intercept"], flags["skip_connection"])
    assert problem.directions.shape == (n_directions * (1 + opposites_tie(flags)), design.shape[1])
    np.testing.assert_allclose(np.linalg.norm(problem.directions, axis=1), 1.0, rtol=1e-14)
    fits = problem.signs * np.maximum(design @ problem.directions.T, 0.0)
    np.testing.assert_allclose(problem.fits, fits, atol=1e-15)
    np.testing.assert_allclose(problem.dual_point @ fits, problem.beta, rtol=1e-13)
    np.testing.assert_allclose(problem.dual_point @ free, 0.0, atol=1e-13)
    np.testing.assert_allclose(problem.optimal_fit, fits @ problem.masses + free @ problem.free, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(problem.y, problem.optimal_fit + problem.dual_point, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(plain_predict(problem.network, problem.X), problem.optimal_fit, atol=1e-12)
    assert np.all(problem.masses > 0)
    objective = plain_objective(problem.network, problem.X, problem.y, problem.beta)
    assert objective == pytest.approx(problem.optimal_value, rel=1e-12)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("flags", FLAGS, ids=name_of)
@pytest.mark.parametrize("n_directions", [1, 2])
def test_known_optimum_is_the_optimum_over_all_patterns(flags, n_directions):
    problem = make_known_optimum(6, 2, n_directions=n_directions, random_state=n_directions, **flags)
    check_record(problem, flags, n_directions)
    truth = brute_force(problem.X, problem.y, problem.beta, **flags)
    assert truth.value == pytest.approx(problem.optimal_value, rel=1e-8)
    assert truth.lower == pytest.approx(problem.optimal_value, rel=1e-7)
    np.testing.assert_allclose(truth.dual_point, problem.dual_point, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("flags", FLAGS, ids=name_of)
def test_known_optimum_of_many_seeds(flags, seed):
    problem = make_known_optimum(12, 3, random_state=seed, **flags)
    check_record(problem, flags, 3)
    design = augment(problem.X, flags["hidden_bias"])
    random = np.random.default_rng(0).standard_normal((design.shape[1], 20_000))
    reached = np.abs(problem.dual_point @ np.maximum(design @ random, 0.0)) / np.linalg.norm(random, axis=0)
    assert reached.max() <= problem.beta * (1 + 1e-12)


@pytest.mark.parametrize("shape, n_directions", [((30, 4), 6), ((8, 1), 2), ((3, 5), 1), ((40, 2), 4)])
def test_shapes(shape, n_directions):
    problem = make_known_optimum(*shape, n_directions=n_directions, random_state=0)
    check_record(problem, FLAGS[0], n_directions)
    assert problem.X.shape == shape


def test_known_optimum_is_reproducible():
    first, again, other = (make_known_optimum(10, 2, random_state=seed) for seed in (5, 5, 6))
    for name in ("X", "y", "dual_point", "directions", "masses"):
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first.X, other.X)


def test_free_terms_belong_to_the_network_exactly_when_asked_for():
    for flags in FLAGS:
        network = make_known_optimum(8, 2, n_directions=1, random_state=0, **flags).network
        assert (network.hidden_bias is not None) == flags["hidden_bias"]
        assert (network.intercept is not None) == flags["fit_intercept"]
        assert (network.skip_weights is not None) == flags["skip_connection"]


def test_more_directions_than_there_can_be():
    with pytest.raises(InvalidInputError, match="n_directions=3 optimal directions"):
        make_known_optimum(6, 1, n_directions=3, random_state=0)


@pytest.mark.parametrize("name", ["n_samples", "n_features", "n_directions"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_bad_counts(name, value):
    with pytest.raises(InvalidInputError, match=name):
        make_known_optimum(**{name: value})


def test_teacher_follows_the_recipe():
    data = make_teacher(50, 5, random_state=7)
    rng = np.random.default_rng(7)
    X, W = rng.standard_normal((50, 5)), rng.standard_normal((5, 3))
    y = np.maximum(X @ W, 0.0) @ np.array([1.0, -1.0, 1.0]) + 0.1 * rng.standard_normal(50)
    np.testing.assert_array_equal(data.X, X)
    np.testing.assert_array_equal(data.weights, W)
    np.testing.assert_array_equal(data.y, y)


def test_teacher_without_noise_and_with_other_widths():
    data = make_teacher(20, 3, n_neurons=4, noise=0.0, random_state=1)
    hidden = np.maximum(data.X @ data.weights, 0.0)
    np.testing.assert_allclose(data.y, hidden[:, 0] - hidden[:, 1] + hidden[:, 2] - hidden[:, 3], atol=1e-14)
    with pytest.raises(InvalidInputError, match="n_neurons"):
        make_teacher(5, 2, n_neurons=0)
