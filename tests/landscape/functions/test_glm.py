"""Generalised linear models: derivatives, expectations by other rules, the parts of the loss and of the slope."""

from typing import get_args

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import (
    PopulationGLM,
    SampleGLM,
    objective_gradient,
    objective_hessian,
    population_loss,
    second_order_point,
)
from convexnn.landscape.functions import _gaussian_excess, second_order_points
from convexnn.landscape.functions._links import NAMES
from convexnn.landscape.functions.glm import Activation

LINKS = ["relu", "leaky_relu", "sigmoid", "tanh", "softplus"]
SMOOTH = LINKS[2:]


def differences(function, point, step=1e-5):
    """Central differences of a function along every axis, the axis first."""
    return np.array([(function(point + e) - function(point - e)) / (2 * step) for e in step * np.eye(len(point))])


def noisy(activation, n_samples=40, seed=0):
    """Return a loss on a noisy sample, its planted weights and other weights."""
    rng = np.random.default_rng(seed)
    planted, weights = rng.normal(size=(2, 3))
    return PopulationGLM(planted, activation, noise_variance=0.3).sample(n_samples, seed), planted, weights


def hermite(function, weights, planted, n_nodes=120):
    """Mean of a function of w^T x and w*^T x by the rule of Gauss and Hermite, on their Cholesky factor."""
    nodes, masses = np.polynomial.hermite_e.hermegauss(n_nodes)
    factor = np.linalg.cholesky(np.array([[weights @ weights, weights @ planted], [weights @ planted] * 2])
                                + np.diag([0.0, planted @ planted - weights @ planted]))  # fmt: skip
    u, v = factor[0, 0] * nodes[:, None], factor[1, 0] * nodes[:, None] + factor[1, 1] * nodes
    return float(np.sum(np.outer(masses, masses) / (2 * np.pi) * function(u, v)))


@pytest.mark.parametrize("activation", LINKS)
def test_derivatives_are_those_of_differences(activation):
    sample, planted, weights = noisy(activation)
    for loss in (sample, PopulationGLM(planted, activation, slope=0.3, noise_variance=0.5)):
        slopes, bends = differences(loss.value, weights), differences(loss.gradient, weights)
        np.testing.assert_allclose(loss.gradient(weights), slopes, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(loss.hessian(weights), bends, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(loss.hessian(weights), loss.hessian(weights).T, atol=1e-12)


@pytest.mark.parametrize("activation", LINKS)
@pytest.mark.parametrize("case", ["zero", "parallel", "opposite", "equal", "one dimension", "nothing planted"])
def test_population_derivatives_at_special_weights(activation, case):
    planted = np.array([0.8, -1.1, 0.4])
    weights = {"zero": 0.0, "parallel": 1.7, "opposite": -0.6, "equal": 1.0}.get(case, 1.0) * planted
    if case == "one dimension":
        planted, weights = planted[:1], np.array([-0.3])
    if case == "nothing planted":
        planted = np.zeros(3)
    loss = PopulationGLM(planted, activation)
    if case == "zero" and activation in ("relu", "leaky_relu"):
        with pytest.raises(ValueError, match=f"weights must be at a smooth point; the {activation} has a kink at zero"):
            loss.gradient(weights)
        # The value is continuous there.
        assert loss.value(weights) == pytest.approx(loss.value(weights + 1e-9), abs=1e-8)
        return
    np.testing.assert_allclose(loss.gradient(weights), differences(loss.value, weights), atol=1e-8)
    # At w* and at -w* the Hessian of the ReLU has kinks in the angle: differences are good to their step.
    np.testing.assert_allclose(loss.hessian(weights), differences(loss.gradient, weights), atol=1e-5)
    if case == "equal":
        assert loss.value(weights) < 1e-28 and np.abs(loss.gradient(weights)).max() < 1e-15


@pytest.mark.parametrize("activation", SMOOTH)
def test_expectations_agree_with_gauss_and_hermite(activation):
    """Value, inner product and a curvature by another rule; the identity of the inner product is what it integrates."""
    rng = np.random.default_rng(1)
    weights, planted = 0.3 * rng.normal(size=(2, 4))
    loss = PopulationGLM(planted, activation)
    sigma, slope, bend = loss.link.value, loss.link.slope, loss.link.bend
    value = hermite(lambda u, v: 0.5 * (sigma(u) - sigma(v)) ** 2, weights, planted)
    inner = hermite(lambda u, v: (sigma(u) - sigma(v)) * slope(u) * (u - v), weights, planted)
    along = hermite(lambda u, v: (slope(u) ** 2 + (sigma(u) - sigma(v)) * bend(u)) * v**2, weights, planted)
    assert loss.value(weights) == pytest.approx(value, rel=1e-10)
    assert loss.inner_product_parts(weights) == pytest.approx((inner, 0.0), rel=1e-10)
    assert loss.gradient(weights) @ (weights - planted) == pytest.approx(inner, rel=1e-10)
    assert planted @ loss.hessian(weights) @ planted == pytest.approx(along, rel=1e-9)


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_tanh_is_a_sigmoid_of_twice_the_argument(scale):
    """``tanh(z) = 2 sigmoid(2 z) - 1``: the two losses are one, whatever the length of the weights."""
    weights, planted = scale * np.random.default_rng(2).normal(size=(2, 3))
    ours, other = PopulationGLM(planted, "tanh"), PopulationGLM(2 * planted, "sigmoid")
    assert ours.value(weights) == pytest.approx(4 * other.value(2 * weights), rel=1e-12)
    np.testing.assert_allclose(ours.gradient(weights), 8 * other.gradient(2 * weights), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(ours.hessian(weights), 16 * other.hessian(2 * weights), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("activation", SMOOTH)
def test_a_finer_rule_changes_nothing(activation, monkeypatch):
    weights, planted = 4 * np.random.default_rng(2).normal(size=(2, 3))
    loss = PopulationGLM(planted, activation)
    coarse = loss.value(weights), loss.gradient(weights), loss.hessian(weights)
    monkeypatch.setattr(_gaussian_excess, "STEPS_TO_POLE", 9.0)
    for rough, fine in zip(coarse, (loss.value(weights), loss.gradient(weights), loss.hessian(weights)), strict=True):
        np.testing.assert_allclose(rough, fine, rtol=1e-12, atol=1e-14)


def test_leaky_relu_in_closed_form():
    """At -w* the difference is (1 + a) |w*^T x| on both sides; with slope 1 the model is linear."""
    planted = np.array([0.3, -1.2])
    for a in (0.0, 0.2, 0.9, 1.0):
        loss = PopulationGLM(planted, "leaky_relu", slope=a)
        assert loss.value(-planted) == pytest.approx(0.5 * (1 + a) ** 2 * planted @ planted)
        assert loss.value([0.0, 0.0]) == pytest.approx(0.25 * (1 + a**2) * planted @ planted)
    linear, weights = PopulationGLM(planted, "leaky_relu", slope=1.0), np.array([2.0, 1.0])
    assert linear.value(weights) == pytest.approx(0.5 * np.sum((weights - planted) ** 2))
    np.testing.assert_allclose(linear.gradient(weights), weights - planted)
    np.testing.assert_allclose(linear.hessian([0.0, 0.0]), np.eye(2))
    assert SampleGLM([[1.0, 0.0]], [1.0], "leaky_relu", slope=1.0).gradient([0.0, 0.0]).tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("activation", LINKS)
def test_loss_of_the_population_is_excess_plus_noise(activation):
    """A sample's mean loss tends to the excess plus half the variance of the noise, its cross term to 0."""
    rng = np.random.default_rng(4)
    planted, weights = rng.normal(size=(2, 3))
    loss, n = PopulationGLM(planted, activation, noise_variance=0.4), 100_000
    sample = loss.sample(n, 5)
    parts, expected = sample.loss_parts(weights), loss.loss_parts(weights)
    assert sum(parts) == pytest.approx(sample.value(weights), rel=1e-12)
    assert sum(expected) == loss.value(weights) and expected.noise == loss.optimal_value == 0.2
    assert loss.value(planted) == 0.2
    squares = (sample.link.value(sample.X @ weights) - sample.link.value(sample.X @ planted)) ** 2
    assert abs(parts.excess / n - expected.excess) < 5 * 0.5 * squares.std() / np.sqrt(n)
    assert abs(parts.cross / n) < 5 * np.sqrt(0.4 * squares.mean() / n)
    assert abs(parts.noise / n - 0.2) < 5 * 0.2 * np.sqrt(2 / n)


@pytest.mark.parametrize("activation", LINKS)
def test_inner_product_is_signal_plus_noise(activation):
    sample, planted, weights = noisy(activation, 5000)
    parts = sample.inner_product_parts(weights)
    assert sum(parts) == pytest.approx(sample.gradient(weights) @ (weights - planted), rel=1e-12)
    clean = SampleGLM(sample.X, sample.link.value(sample.X @ planted), activation, slope=0.2, planted=planted)
    assert clean.inner_product_parts(weights) == pytest.approx((parts.signal, 0.0), abs=1e-9)
    assert parts.signal > 0
    # The noise has mean 0 given the rows: its size is that of a sum of independent terms.
    ways = sample.link.slope(sample.X @ weights) * (sample.X @ (weights - planted))
    assert abs(parts.noise) < 5 * np.sqrt(0.3) * np.linalg.norm(ways)
    population = PopulationGLM(planted, activation)
    assert parts.signal / 5000 == pytest.approx(population.inner_product_parts(weights).signal, rel=0.1)


def largest_gap(d, n, seed, n_points=15):
    """The largest distance of the gradients of a sample and the population over points of the unit ball."""
    rng = np.random.default_rng(seed)
    planted = np.eye(d)[0]
    population = PopulationGLM(planted, "sigmoid", noise_variance=0.25)
    sample = population.sample(n, seed)
    points = rng.normal(size=(n_points, d))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return max(np.linalg.norm(sample.gradient(w) / n - population.gradient(w)) for w in points)


def test_gradients_converge_like_the_root_of_d_over_n():
    """Mei, Bai and Montanari: uniformly over a ball, up to a logarithm; measured exponents -1/2 and 1/2."""
    few, many = (np.mean([largest_gap(8, n, seed) for seed in range(8)]) for n in (500, 8000))
    assert np.log(many / few) / np.log(16) == pytest.approx(-0.5, abs=0.06)
    low, high = (np.mean([largest_gap(d, 4000, seed) for seed in range(8)]) for d in (4, 64))
    assert np.log(high / low) / np.log(16) == pytest.approx(0.5, abs=0.1)


def test_planted_weights_are_the_only_second_order_point():
    """Without noise the gradient vanishes at w* alone: the searches of this package end there."""
    planted = np.array([0.8, -0.5, 0.3])
    for loss in (PopulationGLM(planted, "sigmoid"), PopulationGLM(planted, "sigmoid").sample(60, 0)):
        assert loss.optimal_value == 0.0
        found = second_order_points(loss, n_starts=5, random_state=0)
        assert found.all_global
        np.testing.assert_allclose(found.points, np.tile(planted, (5, 1)), atol=1e-5)
        assert second_order_point(loss.gradient(planted), loss.hessian(planted), 1e-9, 0.0)


def test_relu_loss_is_that_of_a_network_of_one_neuron():
    """With output weight 1 and no weight decay: one objective, two routines."""
    sample, _, weights = noisy("relu")
    network = TwoLayerReLU([weights], [1.0])
    gradient = objective_gradient(network, sample.X, sample.y, 0.0)
    np.testing.assert_allclose(sample.gradient(weights), gradient[:3], rtol=1e-12)
    hessian = objective_hessian(network, sample.X, sample.y, 0.0)
    np.testing.assert_allclose(sample.hessian(weights), hessian[:3, :3], rtol=1e-12)
    population = PopulationGLM(sample.planted, "leaky_relu", slope=0.0)
    assert population.value(weights) == pytest.approx(population_loss([weights], [sample.planted]))


def test_kinks_are_refused_by_row():
    loss = SampleGLM([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], [0.0, 1.0, 1.0], "leaky_relu")
    with pytest.raises(
        ValueError, match=r"row 1 of X lies on their hyperplane, where the leaky_relu .* \(1 such rows\)"
    ):
        loss.gradient([1.0, -1.0])
    with pytest.raises(ValueError, match=r"row 1 of X .*\(2 such rows\)"):
        loss.hessian([0.0, 0.0])
    # Rows of zeros are on every hyperplane, and harmless; a smooth activation has no kink.
    assert np.all(np.isfinite(loss.gradient([1.0, 1.0])))
    assert np.all(np.isfinite(SampleGLM(loss.X, loss.y, "tanh").gradient([0.0, 0.0])))


def test_what_cannot_be_used_is_named():
    X, y = np.ones((2, 1)), np.zeros(2)
    with pytest.raises(ValueError, match="activation must be one of 'relu', 'leaky_relu', 'sigmoid', 'tanh', 'softplu"):
        SampleGLM(X, y, "gelu")
    with pytest.raises(ValueError, match=r"slope must be a number from 0 \(the ReLU\) to 1 \(linear\); got -0.1"):
        SampleGLM(X, y, "leaky_relu", slope=-0.1)
    with pytest.raises(ValueError, match=r"planted must have shape \(n_features,\), here \(1,\); got \(2,\)"):
        SampleGLM(X, y, "relu", planted=[1.0, 2.0])
    with pytest.raises(ValueError, match="planted must be given for this"):
        SampleGLM(X, y, "relu").loss_parts([1.0])
    with pytest.raises(ValueError, match=r"weights must have shape \(1,\)"):
        SampleGLM(X, y, "relu").value([1.0, 2.0])
    with pytest.raises(ValueError, match="planted must have shape"):
        PopulationGLM([], "relu")
    with pytest.raises(ValueError, match="noise_variance must be finite and not below 0"):
        PopulationGLM([1.0], "relu", noise_variance=-1.0)
    with pytest.raises(
        ValueError, match="weights and planted must be shorter: .* above 2000000; their lengths are 1.41e"
    ):
        PopulationGLM([1e3, 1e3], "tanh").value([1e3, -1e3])


def test_the_words_of_the_type_are_those_that_are_accepted():
    assert get_args(Activation) == NAMES == tuple(LINKS)


def test_samples_repeat_and_lines_are_short():
    loss = PopulationGLM([1.0, 2.0], "softplus", noise_variance=0.5)
    first, again, other = loss.sample(7, 1), loss.sample(7, 1), loss.sample(7, 2)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.y, other.y) and first.optimal_value is None
    assert repr(loss) == "PopulationGLM(softplus, 2 weights, noise variance 0.5)"
    assert repr(first) == "SampleGLM(softplus, 7 rows, 2 weights)"


@pytest.mark.parametrize(("size", "error"), [(1e-8, 1.0), (1e-6, 9e-7), (1.0, 1e-12)])
def test_noise_on_a_row_of_any_size_is_noise(size, error):
    X = np.diag([1.0, size])
    assert SampleGLM(X, [1.0, size * (1.0 + error)], "leaky_relu", planted=[1.0, 1.0]).optimal_value is None
    assert SampleGLM(X, [1.0, size], "leaky_relu", planted=[1.0, 1.0]).optimal_value == 0.0
