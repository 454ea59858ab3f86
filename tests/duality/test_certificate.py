"""Certificates of networks from anywhere: recomputed from scratch, below the optimum, and never too good."""

import re
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from convexnn._utils.display import percent_above, share_above
from convexnn.datasets import make_known_optimum, make_teacher
from convexnn.deep.records import ThreeLayerCertificate
from convexnn.duality.certificate import certify
from convexnn.duality.scalar_price import ScalarPrice
from convexnn.gated.certificate import GatedCertificate
from convexnn.network import TwoLayerReLU
from tests import zoo
from tests.checks import all_patterns_by_lp, augment, brute_force, brute_force_price, check_certificate

RNG = np.random.default_rng
FLAGS = [
    dict(zip(("hidden_bias", "fit_intercept", "skip_connection"), chosen, strict=True))
    for chosen in product([False, True], repeat=3)
]


def name_of(flags):
    return "+".join(name for name, on in flags.items() if on) or "plain"


def make_network(neurons, outputs, free=(), *, hidden_bias=False, fit_intercept=False, skip_connection=False):
    """A network from the neurons (bias last) and the free terms (skip weights, then the intercept)."""
    n_features = neurons.shape[1] - hidden_bias
    return TwoLayerReLU(
        neurons[:, :n_features],
        outputs,
        hidden_bias=neurons[:, -1] if hidden_bias else None,
        intercept=free[-1] if fit_intercept else None,
        skip_weights=free[:n_features] if skip_connection else None,
    )


def random_network(n_features, width, seed, **flags):
    rng = RNG(seed)
    neurons = rng.standard_normal((width, n_features + flags.get("hidden_bias", False)))
    return make_network(neurons, rng.standard_normal(width), rng.standard_normal(n_features + 1), **flags)


def best_network(optimum, **flags):
    """The balanced network of a `BruteForce` optimum."""
    masses = np.linalg.norm(optimum.neurons, axis=1)
    return make_network(
        optimum.neurons / np.sqrt(masses)[:, None], optimum.signs * np.sqrt(masses), optimum.free, **flags
    )


def descend(X, y, beta, width, seed, steps=3000, rate=0.02):
    """Train by plain gradient descent."""
    rng = RNG(seed)
    U, a = rng.standard_normal((width, X.shape[1])), rng.standard_normal(width)
    for _ in range(steps):
        hidden = np.maximum(X @ U.T, 0.0)
        residual = hidden @ a - y
        U, a = (
            U - rate * (((residual[:, None] * (hidden > 0)) * a).T @ X + beta * U),
            a - rate * (hidden.T @ residual + beta * a),
        )
    return TwoLayerReLU(U, a)


def check_honest(certificate, network, X, y, beta, optimum, masks, sample_weight=None):
    """The certificate holds, and its gap is not below the true one."""
    check_certificate(certificate, network, X, y, beta, sample_weight=sample_weight, masks=masks)
    rounding = 1e-9 * max(1e-300, optimum.value)
    assert certificate.dual <= optimum.value + rounding
    assert certificate.gap >= certificate.primal - optimum.value - rounding
    assert certificate.relative_gap >= certificate.heuristic_gap * (1 - 1e-9) - 1e-12


# Any network, against brute force


@pytest.mark.parametrize("flags", FLAGS, ids=name_of)
def test_any_network_with_any_free_terms(flags):
    X, y = zoo.random_problem(6, 2, 11)
    masks = all_patterns_by_lp(augment(X, flags["hidden_bias"]))
    optimum = brute_force(X, y, 0.3, masks=masks, **flags)
    for width in (0, 1, 4):
        network = random_network(2, width, width, **flags)
        certificate = certify(network, X, y, 0.3)
        check_honest(certificate, network, X, y, 0.3, optimum, masks)
        assert certificate.proof == "exact" and certificate.gap > 0
    network = best_network(optimum, **flags)
    certificate = certify(network, X, y, 0.3)
    check_honest(certificate, network, X, y, 0.3, optimum, masks)
    assert certificate.proof == "exact" and certificate.relative_gap <= 3e-7 and certificate.status == "optimal"


@pytest.mark.parametrize("flags", FLAGS[1::4], ids=name_of)
def test_weights(flags):
    X, y = zoo.random_problem(7, 2, 12)
    weight = np.array([1.0, 2.0, 0.0, 3.0, 1.0, 0.0, 2.0])
    optimum = brute_force(X, y, 0.3, sample_weight=weight, **flags)
    masks = all_patterns_by_lp(augment(X, flags["hidden_bias"]))
    for network in (best_network(optimum, **flags), random_network(2, 3, 0, **flags)):
        certificate = certify(network, X, y, 0.3, sample_weight=weight)
        check_honest(certificate, network, X, y, 0.3, optimum, masks, weight)
        rows = np.repeat(np.arange(7), weight.astype(int))
        repeated = certify(network, X[rows], y[rows], 0.3)
        assert certificate.primal == pytest.approx(repeated.primal, rel=1e-12)
        assert certificate.dual == pytest.approx(repeated.dual, rel=1e-6)


@pytest.mark.parametrize("name", zoo.degenerate_designs())
def test_degenerate_designs(name):
    X = zoo.degenerate_designs()[name]
    y = RNG(1).standard_normal(len(X))
    masks = all_patterns_by_lp(X)
    optimum = brute_force(X, y, 0.2, masks=masks)
    for network in (random_network(X.shape[1], 3, 2), TwoLayerReLU(np.zeros((0, X.shape[1])), np.zeros(0))):
        check_honest(certify(network, X, y, 0.2), network, X, y, 0.2, optimum, masks)
    if len(optimum.neurons):
        network = best_network(optimum)
        certificate = certify(network, X, y, 0.2)
        check_honest(certificate, network, X, y, 0.2, optimum, masks)
        assert certificate.relative_gap <= 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_gradient_descent_never_gets_too_good_a_gap(seed):
    X, y = zoo.random_problem(8, 2, seed)
    masks = all_patterns_by_lp(X)
    optimum = brute_force(X, y, 0.2, masks=masks)
    for width in (1, 3, 12):
        network = descend(X, y, 0.2, width, seed)
        check_honest(certify(network, X, y, 0.2), network, X, y, 0.2, optimum, masks)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("known", zoo.known_optima(), ids=str)
def test_known_optima_and_the_zero_network(known):
    optimum = brute_force(known.X, known.y, known.beta)
    masks = all_patterns_by_lp(known.X)
    zero = TwoLayerReLU(np.zeros((0, known.X.shape[1])), np.zeros(0))
    certificate = certify(zero, known.X, known.y, known.beta)
    check_honest(certificate, zero, known.X, known.y, known.beta, optimum, masks)
    assert (certificate.status == "optimal") == (known.beta >= known.beta_max)
    if known.beta < known.beta_max:
        network = best_network(optimum)
        certificate = certify(network, known.X, known.y, known.beta)
        assert certificate.status == "optimal" and certificate.dual == pytest.approx(known.value, rel=1e-6)
        np.testing.assert_allclose(certificate.dual_point, known.dual_point, atol=1e-5)


@pytest.mark.parametrize("flags", FLAGS, ids=name_of)
def test_constructed_optima_are_certified(flags):
    problem = make_known_optimum(12, 3, n_directions=2, random_state=3, **flags)
    certificate = certify(problem.network, problem.X, problem.y, problem.beta)
    assert certificate.proof == "exact" and certificate.status == "optimal"
    assert certificate.primal == pytest.approx(problem.optimal_value, rel=1e-12)
    assert 0 <= certificate.gap <= 2e-7 * problem.optimal_value
    np.testing.assert_allclose(certificate.dual_point, problem.dual_point, atol=1e-6)


def test_unbalanced_split_and_padded_copies_share_the_dual():
    problem = make_known_optimum(12, 3, random_state=0)
    network = problem.network
    unbalanced = TwoLayerReLU(3.0 * network.hidden_weights, network.output_weights / 3.0)
    once = certify(network, problem.X, problem.y, problem.beta)
    for copy in (unbalanced, network.split(0, [0.25, 0.75]), network.padded(7)):
        certificate = certify(copy, problem.X, problem.y, problem.beta)
        assert certificate.dual == pytest.approx(once.dual, rel=1e-9)
    excess = certify(unbalanced, problem.X, problem.y, problem.beta).gap
    assert excess == pytest.approx(problem.masses.sum() * (41 / 9 - 1), rel=1e-6)


def test_clarke_trap_is_seen_through():
    trap = zoo.clarke_trap()
    network = TwoLayerReLU([[1.0, 0.0]], [1.0])
    certificate = certify(network, trap.X, trap.y, trap.beta)
    assert certificate.primal == pytest.approx(0.125, rel=1e-12)
    assert certificate.dual <= trap.value + 1e-6 and certificate.status == "not proven"
    assert certificate.gap >= 0.125 - trap.value - 1e-6


def test_spurious_local_minimum_of_two_rows():
    known = zoo.two_rows()
    mass = (2 - known.beta / 2) / 2 / 2
    network = TwoLayerReLU([[np.sqrt(3) / 2, 0.5]] * np.sqrt([[mass]]), [np.sqrt(mass)])
    certificate = certify(network, known.X, known.y, known.beta)
    assert certificate.gap >= certificate.primal - known.value - 1e-9 and certificate.gap > 0.4


# Magnitudes and numerics


@pytest.mark.mostly_slow
@pytest.mark.parametrize("target", [1e-150, 1e-6, 1e6, 1e150])
@pytest.mark.parametrize("inputs", [1e-150, 1e-6, 1e6, 1e150])
def test_scales_of_inputs_and_targets(inputs, target):
    problem = make_known_optimum(10, 2, n_directions=2, random_state=1)
    root = np.sqrt(target) / np.sqrt(inputs)
    network = TwoLayerReLU(root * problem.network.hidden_weights, root * problem.network.output_weights)
    certificate = certify(network, inputs * problem.X, target * problem.y, target * inputs * problem.beta)
    assert certificate.proof == "exact" and certificate.status == "optimal"
    assert certificate.dual == pytest.approx(target**2 * problem.optimal_value, rel=1e-6)
    np.testing.assert_allclose(certificate.dual_point / target, problem.dual_point, atol=1e-6)


@pytest.mark.parametrize("offset", [1e4, 1e9])
def test_large_offset_with_an_intercept(offset):
    problem = make_known_optimum(12, 2, n_directions=2, fit_intercept=True, random_state=2)
    network = problem.network
    shifted = TwoLayerReLU(network.hidden_weights, network.output_weights, intercept=network.intercept + offset)
    certificate = certify(shifted, problem.X, problem.y + offset, problem.beta)
    assert certificate.proof == "exact"
    assert certificate.dual == pytest.approx(problem.optimal_value, rel=2e-7 + 1e-15 * offset)
    assert certificate.relative_gap <= 2e-7 + 1e-14 * offset
    assert abs(certificate.dual_point.sum()) <= 1e-12


def test_intercept_beside_a_poor_one():
    problem = make_known_optimum(12, 2, n_directions=2, fit_intercept=True, random_state=4)
    network = problem.network
    poor = TwoLayerReLU(network.hidden_weights, network.output_weights, intercept=network.intercept + 1.0)
    certificate = certify(poor, problem.X, problem.y, problem.beta)
    assert certificate.primal == pytest.approx(problem.optimal_value + 6.0, rel=1e-9)
    assert certificate.dual == pytest.approx(problem.optimal_value, rel=1e-6)


def test_targets_in_the_span_of_the_free_terms():
    X = zoo.random_problem(6, 2, 0)[0]
    y = X @ [1.0, -2.0] + 3.0
    network = TwoLayerReLU(np.zeros((0, 2)), np.zeros(0), intercept=3.0, skip_weights=[1.0, -2.0])
    certificate = certify(network, X, y, 0.1)
    assert certificate.primal <= 1e-28 and certificate.gap <= 1e-28 and certificate.dual >= 0


def test_zero_targets():
    zero = TwoLayerReLU(np.zeros((2, 2)), np.zeros(2))
    certificate = certify(zero, np.eye(2), np.zeros(2), 0.1)
    assert (certificate.primal, certificate.dual, certificate.gap, certificate.relative_gap) == (0, 0, 0, 0)
    assert certificate.status == "optimal" and certificate.proof == "exact"


# Proofs


@pytest.mark.parametrize("proof", ["auto", "exact", "bound", "heuristic"])
@pytest.mark.parametrize("seed", range(2))
def test_every_proof_is_valid(seed, proof):
    X, y = zoo.random_problem(8, 2, seed)
    masks = all_patterns_by_lp(X)
    optimum = brute_force(X, y, 0.2, masks=masks)
    for network in (random_network(2, 3, seed), best_network(optimum)):
        certificate = certify(network, X, y, 0.2, proof=proof)
        check_honest(certificate, network, X, y, 0.2, optimum, masks)
        assert certificate.proof == ("heuristic" if proof == "heuristic" else "exact")


def test_a_small_budget_and_no_time_loosen_the_bound(monkeypatch):
    data = make_teacher(40, 5, random_state=7)
    network = random_network(5, 4, 0)
    full = certify(network, data.X, data.y, 0.5)
    late = certify(network, data.X, data.y, 0.5, proof="exact", time_limit=0.0)
    monkeypatch.setattr(ScalarPrice, "auto_work", 1)
    short = certify(network, data.X, data.y, 0.5)
    assert full.proof == "exact" and late.proof == short.proof == "bound"
    assert 0 < late.dual <= full.dual and 0 < short.dual <= full.dual
    assert short.heuristic_gap <= short.relative_gap


def test_threads_change_no_bit():
    data = make_teacher(40, 4, random_state=7)
    network = random_network(4, 4, 0)
    one, two = (certify(network, data.X, data.y, 0.5, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert (one.primal, one.dual, one.price.n_nodes) == (two.primal, two.dual, two.price.n_nodes)
    np.testing.assert_array_equal(one.dual_point, two.dual_point)


def test_larger_data_agree_with_the_sampled_price():
    data = make_teacher(200, 5, random_state=7)
    certificate = certify(descend(data.X / 10, data.y, 1.0, 8, 0, rate=0.01), data.X / 10, data.y, 1.0)
    assert certificate.proof == "exact" and 0 < certificate.dual < certificate.primal
    directions = RNG(0).standard_normal((5, 50_000))
    directions /= np.linalg.norm(directions, axis=0)
    reached = np.abs(certificate.dual_point @ np.maximum(data.X / 10 @ directions, 0.0)).max()
    assert 0.9 < reached <= 1.0 + 1e-12


def test_printed_certificate_says_what_is_proven():
    known = zoo.line()
    network = TwoLayerReLU([[np.sqrt(0.9)], [-np.sqrt(0.15)]], np.sqrt([0.9, 0.15]))
    good = str(certify(network, known.X, known.y, known.beta))
    poor = str(certify(TwoLayerReLU([[1.0]], [1.0]), known.X, known.y, known.beta))
    assert "globally optimal" in good and "1.3625" in good and "exact" in good
    assert poor.startswith("Certificate: optimality not proven: gap at most ")
    assert "(dual constraint bounded exactly)\n" in poor and "proven (exact)" not in poor


@pytest.mark.parametrize(("proof", "words"), [("bound", "perhaps loosely"), ("heuristic", "without a search")])
def test_a_gap_that_proves_nothing_is_not_called_proven(proof, words):
    rng = RNG(1)
    X, network = rng.standard_normal((30, 3)), random_network(3, 4, 0)
    found = certify(network, X, rng.standard_normal(30), 0.1, proof="heuristic")
    found = replace(found, proof=proof)
    first, *others = str(found).splitlines()
    assert words in first and not any("proven" in line for line in others)
    percent = float(re.search(r"gap at most ([\d.]+) %", first)[1])
    assert 100.0 * found.relative_gap <= percent <= 100.0 * found.relative_gap * 1.01
    assert words in found._repr_html_() and "proven (" not in found._repr_html_()


def test_printed_gaps_are_rounded_up():
    shares = [
        *RNG(0).random(200),
        *10.0 ** -RNG(1).uniform(0.0, 6.0, 200),
        0.2,
        0.001,
        1.0,
        1e-6,
        np.nextafter(0.2, 1.0),
    ]
    for share in shares:
        text = percent_above(share)
        above = Fraction(text.removesuffix(" %")) / 100
        assert Fraction(share) <= above <= Fraction(share) * Fraction(101, 100)
        assert Fraction(share) <= Fraction(share_above(share)) <= Fraction(share) * Fraction(101, 100)
    assert percent_above(0.2) == "20.1 %" and percent_above(0.5) == "50 %"  # 0.2 is above a fifth in float64


# Bad input

NETWORK = TwoLayerReLU([[1.0, 0.0]], [1.0])


def certify_with(**changes):
    arguments = {"network": NETWORK, "X": np.eye(2), "y": np.ones(2), "beta": 0.1, **changes}
    return certify(**arguments)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"X": np.full((2, 2), np.nan)}, "X contains NaN|NaN"),
        ({"X": np.full((2, 2), np.inf)}, "infinity"),
        ({"X": np.eye(2) * 1j}, "[Cc]omplex"),
        ({"X": np.ones(2)}, "2D"),
        ({"X": np.zeros((0, 2)), "y": np.zeros(0)}, "0 sample"),
        ({"y": np.array([1.0, np.nan])}, "NaN"),
        ({"y": np.array([1.0, np.inf])}, "infinity"),
        ({"y": np.ones(2) * 1j}, "[Cc]omplex"),
        ({"y": np.ones(3)}, "y must have shape"),
        ({"y": np.ones((2, 1))}, "y must have shape"),
        ({"y": np.full(2, 1e200)}, "y is too large"),
        ({"beta": 0.0}, "beta"),
        ({"beta": -1.0}, "beta"),
        ({"beta": np.nan}, "beta"),
        ({"beta": np.inf}, "beta"),
        ({"beta": True}, "beta"),
        ({"beta": "scale"}, "beta"),
        ({"sample_weight": [1.0, -1.0]}, "sample_weight must not be negative"),
        ({"sample_weight": [0.0, 0.0]}, "sample_weight must have at least one positive"),
        ({"sample_weight": [1.0, np.nan]}, "NaN"),
        ({"sample_weight": np.ones(3)}, "sample_weight must have shape"),
        ({"proof": "certain"}, "proof must be one of"),
        ({"loss": "cubic"}, "loss must be"),
        ({"network": TwoLayerReLU([[1.0]], [1.0])}, "do not match"),
        ({"network": TwoLayerReLU([[1.0, 0.0]], [[1.0, 2.0]])}, "y must have shape"),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(ValueError, match=message):
        certify_with(**changes)


def test_network_of_another_type():
    with pytest.raises(TypeError, match="network must be a TwoLayerReLU"):
        certify_with(network=np.eye(2))


def test_networks_of_scikit_learn_are_told_the_way():
    mlp = MLPRegressor(hidden_layer_sizes=[2], solver="lbfgs", alpha=1e9).fit(np.eye(2), np.ones(2))
    with pytest.raises(TypeError, match="got MLPRegressor. convexnn.exchange.from_sklearn_mlp makes one of it"):
        certify_with(network=mlp)
    with pytest.raises(TypeError, match="got Pipeline. Pass that of its last step, and the data as"):
        certify_with(network=make_pipeline(StandardScaler(), mlp))


@pytest.mark.parametrize("seed", range(8))
def test_price_of_the_dual_point_is_within_beta(seed):
    rng = RNG(seed)
    n, d = int(rng.integers(1, 8)), int(rng.integers(1, 4))
    X, y = zoo.random_problem(n, d, seed)
    beta = 10.0 ** rng.uniform(-2, 1)
    certificate = certify(random_network(d, int(rng.integers(0, 4)), seed), X, y, beta)
    assert brute_force_price(X, certificate.dual_point) <= beta * (1 + 1e-9)


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e8, 1e12, 2e12])
def test_the_bound_beside_free_terms_far_from_the_origin(shift):
    steps = np.arange(10.0)
    y = 10.0 * steps + np.random.default_rng(0).integers(-3, 4, 10)
    line = TwoLayerReLU(
        np.zeros((0, 1)), np.zeros(0), hidden_bias=None, skip_weights=np.array([10.0]), intercept=-10.0 * shift
    )
    residual = y - np.polyval(np.polyfit(steps, y, 1), steps)
    best_line = 0.5 * residual @ residual
    assert certify(line, shift + steps[:, None], y, 1.0).dual <= best_line * (1 + 1e-9)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_one_column_is_certified_as_one_output(loss):
    rng = RNG(0)
    X, W, a = rng.standard_normal((30, 3)), rng.standard_normal((4, 3)), rng.standard_normal(4)
    y = np.sign(rng.standard_normal(30)) if loss == "logistic" else rng.standard_normal(30)
    one = certify(TwoLayerReLU(W, a), X, y, 0.5, loss=loss)
    column = certify(TwoLayerReLU(W, a[:, None]), X, y[:, None], 0.5, loss=loss)
    assert one.proof == column.proof == "exact" and column.dual_point.shape == (30, 1)
    assert column.primal == pytest.approx(one.primal, rel=1e-14)
    assert column.dual <= column.primal and (loss == "logistic" or column.dual >= one.dual * (1.0 - 1e-6))


@pytest.mark.parametrize("c", [None, 2])
def test_neurons_without_outputs_are_places_to_start_from(c):
    rng = RNG(1)
    X, W = rng.standard_normal((30, 3)), rng.standard_normal((4, 3))
    shape = () if c is None else (c,)
    y, a = rng.standard_normal((30, *shape)), rng.standard_normal((4, *shape))
    a[3], W[2] = 0.0, 0.0
    padded, bare = (certify(TwoLayerReLU(W[rows], a[rows]), X, y, 0.5) for rows in (slice(4), slice(2)))
    assert padded.dual == pytest.approx(bare.dual, rel=1e-6)
    assert padded.dual <= padded.primal and padded.proof == bare.proof == "exact"


def test_a_network_and_targets_of_other_shapes_are_refused():
    network = TwoLayerReLU(np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="output"):
        certify(network, np.eye(2), np.ones(2), 1.0)
    with pytest.raises(ValueError, match="output_weights"):
        certify(TwoLayerReLU(np.eye(2), np.ones(2)), np.eye(2), np.eye(2), 1.0)


def test_an_objective_beyond_float64_leaves_everything_open():
    for other in (GatedCertificate(np.inf, 1.0, np.zeros(1), 3), ThreeLayerCertificate(np.inf, 1.0, np.zeros(1), 1, 3)):
        assert other.relative_gap == 1.0 and other.status == "not proven"
        assert repr(other).startswith(f"{type(other).__name__}(primal=inf, dual=1, relative_gap=1.00e+00, ")
