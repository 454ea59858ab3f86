"""Barriers, matching, curves, merging and planes, against closed forms, brute force and dense samples."""

from functools import cache
from itertools import permutations

import numpy as np
import pytest

from convexnn import TwoLayerReLU, optimal_set
from convexnn.landscape import (
    bezier_path,
    gradient_descent,
    loss_barrier,
    match_neurons,
    merge_optimal,
    plane_grid,
    polygonal_path,
)
from convexnn.landscape._weight_space import WeightSpace
from convexnn.programs import make_problem
from convexnn.solvers.solve import solve
from tests.zoo import known_optima, random_problem, three_rows

BETA = 0.1
CURVES = pytest.mark.parametrize("curve", [bezier_path, polygonal_path])
METHODS = pytest.mark.parametrize("method", ["weights", "activations", "fits"])
LOSSES = ["squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"]
SMOOTH = ["squared", "huber", "logistic", "squared_hinge"]
TERMS = [
    {},
    {"hidden_bias": True, "fit_intercept": True},
    {"fit_intercept": True, "skip_connection": True},
]


def polygon(n=4):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)]), np.ones(n)


@cache
def square():
    return optimal_set(*polygon(), BETA)


def ends(width):
    """The two optimal networks of the square, active neurons first."""
    return [square().network(masses, width) for masses in square().vertices]


def draw(rng, width=5, n_inputs=3, hidden_bias=False, fit_intercept=False, skip_connection=False):
    return TwoLayerReLU(
        rng.standard_normal((width, n_inputs)),
        rng.standard_normal(width),
        hidden_bias=rng.standard_normal(width) if hidden_bias else None,
        intercept=rng.standard_normal() if fit_intercept else None,
        skip_weights=rng.standard_normal(n_inputs) if skip_connection else None,
    )


def data(seed=0, n_samples=12, n_features=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, n_features)), np.sign(rng.standard_normal(n_samples))


@cache
def trained(seed=0, width=5):
    """Data and two networks that gradient descent made of them."""
    X, y = data(seed)
    return X, y, *gradient_descent(X, y, width, BETA, n_runs=2, random_state=seed).networks


def mixed(a, b, t):
    """A network on the straight line, by its definition."""
    return TwoLayerReLU(
        (1 - t) * a.hidden_weights + t * b.hidden_weights, (1 - t) * a.output_weights + t * b.output_weights
    )


@pytest.mark.parametrize("beta", [0.1, 0.5, 1.0])
def test_barrier_of_the_square(beta):
    X, y = polygon()
    found = optimal_set(X, y, beta)
    a, b = (found.network(masses) for masses in found.vertices)
    record = loss_barrier(a, b, X, y, beta)
    assert record.exact
    assert record.barrier == pytest.approx(1 - beta / np.sqrt(2), abs=1e-10)
    assert record.rise == pytest.approx(record.barrier, abs=1e-10)
    assert record.where == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("width", "best"), [(2, 0.9292893219), (3, 0.6265656566), (4, 0.4317893219)])
def test_matching_finds_permutations_of_the_square(width, best):
    X, y = polygon()
    a, b = ends(width)
    barriers = [loss_barrier(a, b.permuted(order), X, y, BETA).barrier for order in permutations(range(width))]
    assert min(barriers) == pytest.approx(best, abs=1e-9)
    assert max(barriers) == pytest.approx(1 - BETA / np.sqrt(2), abs=1e-9)
    for order in permutations(range(width)):
        matched = match_neurons(a, b.permuted(order)).network
        assert loss_barrier(a, matched, X, y, BETA).barrier == pytest.approx(1 - BETA / np.sqrt(2), abs=1e-9)


@pytest.mark.parametrize("width", [2, 3])
def test_narrow_squares_have_no_path_and_curves_leave_a_barrier(width):
    a, b = ends(width)
    assert square().path(a, b) is None
    assert bezier_path(a, b, *polygon(), BETA, n_starts=4, random_state=0).barrier > 0.01


@pytest.mark.parametrize(
    ("curve", "order", "n_starts", "least", "most"),
    [
        (bezier_path, [0, 1, 2, 3], 16, 0.0359, 0.0361),
        (bezier_path, [2, 3, 0, 1], 4, 0.0004, 0.0005),
        (polygonal_path, [0, 1, 2, 3], 16, 0.0807, 0.0810),
        (polygonal_path, [2, 3, 0, 1], 4, 0.0193, 0.0196),
    ],
)
def test_best_curves_of_the_square_leave_a_barrier(curve, order, n_starts, least, most):
    a, b = ends(4)
    b = b.permuted(order)
    found = curve(a, b, *polygon(), BETA, n_starts=n_starts, random_state=0)
    assert least < found.barrier < most
    path = square().path(a, b)
    rise = max(path.objective(t) for t in np.linspace(0, 1, 401)) - square().optimal_value
    assert rise < 1e-14


@pytest.mark.parametrize("seed", range(5))
def test_exact_barrier_is_that_of_dense_samples(seed):
    X, y, a, b = trained(seed)
    record = loss_barrier(a, b, X, y, BETA)
    dense = loss_barrier(a, b, X, y, BETA, n_points=20_001)
    excess = dense.values - (1 - dense.ts) * dense.values[0] - dense.ts * dense.values[-1]
    assert record.exact and 0 <= record.barrier - excess.max() < 1e-4
    assert 0 <= record.peak - dense.values.max() < 1e-4
    t = record.where
    at_peak = mixed(a, b, t).objective(X, y, BETA)
    assert at_peak - (1 - t) * dense.values[0] - t * dense.values[-1] == pytest.approx(record.barrier, abs=1e-12)


@CURVES
@pytest.mark.parametrize("seed", range(3))
def test_exact_barrier_of_a_curve_is_that_of_dense_samples(curve, seed):
    X, y, a, b = trained(seed)
    found = curve(a, b, X, y, BETA, n_starts=1, max_iter=50, random_state=0)
    ts = np.linspace(0, 1, 501)
    values = np.array([found.objective(t) for t in ts])
    excess = values - (1 - ts) * values[0] - ts * values[-1]
    assert -1e-12 < found.barrier - excess.max() < 5e-3
    assert -1e-12 < found.profile.peak - values.max() < 5e-3


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("terms", TERMS)
def test_barrier_of_other_losses_and_terms(loss, terms):
    rng = np.random.default_rng(3)
    X, y = data()
    a, b = draw(rng, **terms), draw(rng, **terms)
    weight = rng.uniform(size=len(y)) * (np.arange(len(y)) > 1)
    options = {"loss": loss, "sample_weight": weight}
    record = loss_barrier(a, b, X, y, BETA, **options)
    assert record.exact == (loss == "squared")
    assert record.values[0] == pytest.approx(a.objective(X, y, BETA, **options))
    assert record.values[-1] == pytest.approx(b.objective(X, y, BETA, **options))
    dense = loss_barrier(a, b, X, y, BETA, n_points=5001, **options)
    assert record.barrier == pytest.approx(dense.barrier, rel=1e-3, abs=1e-3)


def test_too_many_kinks_are_sampled_and_agree(monkeypatch):
    X, y, a, b = trained()
    exact = loss_barrier(a, b, X, y, BETA)
    monkeypatch.setattr("convexnn.landscape.barriers.MAX_PIECES", 3)
    sampled = loss_barrier(a, b, X, y, BETA, n_points=1001)
    assert exact.exact and not sampled.exact
    assert sampled.barrier == pytest.approx(exact.barrier, abs=1e-6)


def test_barrier_between_a_network_and_itself_is_zero():
    X, y, a, _ = trained()
    record = loss_barrier(a, a, X, y, BETA)
    assert record.barrier == pytest.approx(0, abs=1e-13) and record.rise == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize("terms", TERMS)
def test_networks_without_neurons(terms):
    X, y = data()
    a, b = (draw(np.random.default_rng(seed), width=0, **terms) for seed in (0, 1))
    assert loss_barrier(a, b, X, y, BETA).barrier == pytest.approx(0, abs=1e-12)
    assert bezier_path(a, b, X, y, BETA, n_starts=1, random_state=0).barrier < 1e-6
    assert match_neurons(a, b).order.shape == (0,)
    assert np.ptp(plane_grid(a, X, y, BETA, n_points=3, random_state=0).values) == 0


def test_barrier_is_symmetric_and_permutation_invariant():
    X, y, a, b = trained()
    order = np.random.default_rng(0).permutation(a.width)
    barrier = loss_barrier(a, b, X, y, BETA).barrier
    assert loss_barrier(a.permuted(order), b.permuted(order), X, y, BETA).barrier == pytest.approx(barrier, abs=1e-12)
    assert loss_barrier(b, a, X, y, BETA).barrier == pytest.approx(barrier, abs=1e-12)


@METHODS
@pytest.mark.parametrize("seed", range(20))
def test_planted_permutation_is_recovered(method, seed):
    rng = np.random.default_rng(seed)
    X, a, order = rng.standard_normal((50, 5)), draw(rng, 20, 5), rng.permutation(20)
    found = match_neurons(a, a.permuted(order), X, method)
    assert np.array_equal(order[found.order], np.arange(20))
    assert np.array_equal(found.network.hidden_weights, a.hidden_weights)
    assert np.abs(found.network.predict(X) - a.permuted(order).predict(X)).max() < 1e-13


@METHODS
def test_matching_is_the_best_of_all_permutations(method):
    rng = np.random.default_rng(0)
    X, a, b = rng.standard_normal((30, 3)), draw(rng, 5), draw(rng, 5)

    def distance(other):
        if method == "activations":
            return np.sum((a.activations(X) - other.activations(X)) ** 2)
        if method == "fits":
            return np.sum((a.fits(X) - other.fits(X)) ** 2)
        return np.sum((a.neurons - other.neurons) ** 2) + np.sum((a.output_weights - other.output_weights) ** 2)

    distances = [distance(b.permuted(order)) for order in permutations(range(5))]
    assert distance(match_neurons(a, b, X, method).network) == pytest.approx(min(distances))


@METHODS
def test_matching_is_invariant_under_permutations(method):
    rng = np.random.default_rng(1)
    X, a, b = rng.standard_normal((30, 3)), draw(rng, 8), draw(rng, 8)
    found, order = match_neurons(a, b, X, method), rng.permutation(8)
    again = match_neurons(a, b.permuted(order), X, method)
    assert np.array_equal(again.network.hidden_weights, found.network.hidden_weights)
    both = match_neurons(a.permuted(order), b, X, method)
    assert np.array_equal(both.order, found.order[order])
    assert both.similarities.sum() == pytest.approx(found.similarities.sum())


@METHODS
def test_matching_of_several_outputs(method):
    rng = np.random.default_rng(2)
    a = TwoLayerReLU(rng.standard_normal((6, 3)), rng.standard_normal((6, 2)))
    order = rng.permutation(6)
    found = match_neurons(a, a.permuted(order), rng.standard_normal((30, 3)), method)
    assert np.array_equal(order[found.order], np.arange(6))


def test_opposite_signs_are_matched_by_activations_only():
    X = np.random.default_rng(0).standard_normal((20, 2))
    a = TwoLayerReLU([[1, 0], [1, 0.1]], [1, -1])
    b = TwoLayerReLU([[1, 0], [1, 0.1]], [-1, 1])
    assert match_neurons(a, b, X, "fits").order.tolist() == [1, 0]
    assert match_neurons(a, b, X, "activations").order.tolist() == [0, 1]


@CURVES
def test_curves_join_their_ends_and_repeat(curve):
    X, y, a, b = trained()
    first, again = (curve(a, b, X, y, BETA, n_starts=2, max_iter=30, random_state=7) for _ in range(2))
    assert first(0) is a and first(1) is b
    assert np.array_equal(first.bend.hidden_weights, again.bend.hidden_weights)
    assert first.objective(1e-12) == pytest.approx(a.objective(X, y, BETA), abs=1e-9)
    assert first.barrier <= loss_barrier(a, b, X, y, BETA).barrier
    assert first.straight_objective(0.3) == pytest.approx(mixed(a, b, 0.3).objective(X, y, BETA), abs=1e-12)
    ends_and_bend = [0.25, 0.5, 0.25] if curve is bezier_path else [0, 1, 0]
    middle = sum(share * one.hidden_weights for share, one in zip(ends_and_bend, (a, first.bend, b), strict=True))
    assert first(0.5).hidden_weights == pytest.approx(middle)


@CURVES
def test_target_mean_and_max_have_what_each_lowers(curve):
    a, b = ends(4)
    options = {"n_starts": 2, "random_state": 0}
    found = {target: curve(a, b, *polygon(), BETA, target=target, **options) for target in ("mean", "max")}
    assert found["max"].barrier < found["mean"].barrier
    assert found["mean"].profile.values.mean() < found["max"].profile.values.mean()


@CURVES
def test_curves_are_invariant_under_one_permutation_of_both(curve):
    X, y, a, b = trained()
    order = np.random.default_rng(0).permutation(a.width)
    found = curve(a, b, X, y, BETA, n_starts=1, max_iter=30, random_state=0)
    moved = [found.objective(t) for t in (0.2, 0.7)]
    turned = found(0.2).permuted(order), found(0.7).permuted(order)
    assert [network.objective(X, y, BETA) for network in turned] == pytest.approx(moved, abs=1e-12)


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("terms", TERMS)
def test_slopes_are_those_of_differences(loss, terms):
    rng = np.random.default_rng(5)
    X, y = data(1)
    problem = make_problem(X, y, BETA, loss=loss, sample_weight=rng.uniform(0.5, 2, len(y)), **terms)
    space, networks = WeightSpace(problem, 5), [draw(rng, **terms) for _ in range(3)]
    points = np.stack([space.point(network) for network in networks])
    values, slopes = space.slopes(points)
    assert values == pytest.approx([problem.objective(network) for network in networks])
    steps = 1e-6 * np.eye(points.shape[1])
    rises = [(space.objectives(points + step) - space.objectives(points - step)) / 2e-6 for step in steps]
    assert np.transpose(rises) == pytest.approx(slopes, abs=1e-5)
    assert np.array_equal(space.network(points[0]).neurons, networks[0].neurons)


@pytest.mark.parametrize("loss", SMOOTH)
def test_curves_of_other_losses_lower_the_barrier(loss):
    rng = np.random.default_rng(8)
    X, y = data(2)
    terms = TERMS[1]
    a, b = (draw(rng, **terms) for _ in range(2))
    found = bezier_path(a, b, X, y, BETA, loss=loss, n_starts=1, max_iter=50, random_state=0)
    assert found.barrier <= loss_barrier(a, b, X, y, BETA, loss=loss).barrier + 1e-9


def sets_with_vertices():
    problems = {f"{known} {known.beta}": (known.X, known.y, known.beta, known.flags) for known in known_optima()}
    problems["square"] = (*polygon(4), BETA, {})
    problems["hexagon"] = (*polygon(6), BETA, {})
    problems["hexagon, intercept"] = (*polygon(6), BETA, {"fit_intercept": True})
    problems["random"] = (*random_problem(6, 2, 0), BETA, {"hidden_bias": True, "fit_intercept": True})
    return problems


def shuffled(network, rng):
    return network.permuted(rng.permutation(network.width))


@pytest.mark.parametrize("name", sets_with_vertices())
def test_merged_networks_are_optimal_and_no_wider_than_a_vertex(name):
    X, y, beta, flags = sets_with_vertices()[name]
    found = optimal_set(X, y, beta, **flags)
    rng = np.random.default_rng(0)
    vertices = [found.network(masses) for masses in found.vertices]
    inner = [shuffled(found.network(masses), rng) for masses in found.random_masses(2, random_state=0)]
    for a, b in [(vertices[0], vertices[-1]), tuple(inner), (vertices[0].padded(9), inner[0])]:
        for share in (0.0, 0.3, 1.0):
            merged = merge_optimal(a, b, share, X, y, beta)
            assert merged.width <= found.M_star
            mixture = (1 - share) * a.objective(X, y, beta) + share * b.objective(X, y, beta)
            assert abs(merged.objective(X, y, beta) - mixture) < 1e-12 * max(1, mixture)
            fits = (1 - share) * a.predict(X) + share * b.predict(X)
            assert merged.predict(X) == pytest.approx(fits, abs=1e-9)


def test_merging_does_not_depend_on_the_order_of_neurons():
    known = three_rows()
    found = optimal_set(known.X, known.y, known.beta)
    a, b = (found.network(masses) for masses in found.vertices[[0, -1]])
    turned = merge_optimal(a.permuted(np.arange(a.width)[::-1]), b, 0.4, known.X, known.y, known.beta)
    assert turned.objective(known.X, known.y, known.beta) == pytest.approx(known.value, abs=1e-12)


@pytest.mark.parametrize("loss", ["huber", "quantile", "logistic", "squared_hinge"])
def test_merging_under_other_losses(loss):
    X, y = data(4, 8, 2)
    a = optimal_network(X, y, loss)
    split = a.split(0, [0.3, 0.7])
    merged = merge_optimal(a, split, 0.5, X, y, BETA, loss=loss)
    assert merged.width <= a.width
    assert merged.objective(X, y, BETA, loss=loss) == pytest.approx(a.objective(X, y, BETA, loss=loss), abs=1e-12)


def optimal_network(X, y, loss):
    return solve(make_problem(X, y, BETA, loss=loss)).network


def test_merging_refuses_what_is_not_optimal():
    X, y = polygon()
    a, _ = ends(2)
    with pytest.raises(ValueError, match=r"b must be globally optimal to tol=1e-06; its relative gap is .*\(exact\)"):
        merge_optimal(a, TwoLayerReLU([[1, 0]], [1]), 0.5, X, y, BETA)
    with pytest.raises(ValueError, match="a must be globally optimal"):
        merge_optimal(TwoLayerReLU([[1, 0]], [1]), a, 0.5, X, y, BETA)


def test_plane_through_three_networks():
    X, y, a, b = trained()
    c = draw(np.random.default_rng(0))
    grid = plane_grid([a, b, c], X, y, BETA, n_points=7)
    assert grid.values.shape == (7, 7)
    for network, point in zip((a, b, c), grid.points, strict=True):
        assert np.allclose(grid.network(*point).hidden_weights, network.hidden_weights)
    assert grid.points[0] == pytest.approx([0, 0]) and grid.points[1, 1] == pytest.approx(0, abs=1e-12)
    assert grid.points[1, 0] > 0 and grid.points[2, 1] > 0
    assert np.linalg.norm(grid.points[2] - grid.points[1]) == pytest.approx(
        np.hypot(
            np.linalg.norm(c.hidden_weights - b.hidden_weights), np.linalg.norm(c.output_weights - b.output_weights)
        )
    )
    expected = [[grid.network(s, t).objective(X, y, BETA) for s in grid.first] for t in grid.second]
    assert grid.values == pytest.approx(np.array(expected))


@pytest.mark.parametrize("terms", TERMS)
def test_random_plane_is_normalised_per_balanced_neuron(terms):
    X, y = data()
    network = draw(np.random.default_rng(0), **terms).padded(7)
    grid = plane_grid(network, X, y, BETA, n_points=5, reach=2.0, random_state=1)
    balanced = network.balanced()
    assert grid.values[2, 2] == pytest.approx(balanced.objective(X, y, BETA))
    for axis in ((1, 0), (0, 1)):
        moved = grid.network(*axis)
        steps = np.hypot(
            np.linalg.norm(moved.neurons - balanced.neurons, axis=1),
            np.abs(moved.output_weights - balanced.output_weights),
        )
        assert steps == pytest.approx(np.sqrt(2 * balanced.masses))
    again = plane_grid(network, X, y, BETA, n_points=5, reach=2.0, random_state=1)
    assert np.array_equal(grid.values, again.values) and grid.first[-1] == 2.0


def test_random_plane_does_not_depend_on_the_balance():
    X, y = data()
    network = draw(np.random.default_rng(0))
    scaled = TwoLayerReLU(3 * network.hidden_weights, network.output_weights / 3)
    grids = [plane_grid(one, X, y, BETA, n_points=5, random_state=1).values for one in (network, scaled)]
    assert grids[0] == pytest.approx(grids[1])


def test_plane_is_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    X, y, a, b = trained()
    display = plane_grid([a, b, draw(np.random.default_rng(0))], X, y, BETA, n_points=7).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["a", "b", "c"]
    assert "length" in display.ax_.get_xlabel() and display.ax_.get_ylabel()
    pyplot.close("all")


A, B = draw(np.random.default_rng(0)), draw(np.random.default_rng(1))
NARROW, BIASED = draw(np.random.default_rng(2), 4), draw(np.random.default_rng(3), hidden_bias=True)
PAIRS = [loss_barrier, bezier_path, polygonal_path]


@pytest.mark.parametrize("of_two", PAIRS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((A, NARROW), "a and b must have the same width; got 5, 4"),
        ((A, BIASED), r"b must not have hidden_bias, like a; got TwoLayerReLU\(5 neurons"),
        ((BIASED, B), "b must have hidden_bias, like a; got"),
        ((A, B, data(n_features=2)[0]), "network and X do not match|must have one output and 2 inputs"),
        ((A, B, data()[0], np.ones(3)), "y must have shape"),
        ((A, B, *data(), -1.0), "beta must be finite and above 0"),
        ((A, B, *data(), np.inf), "beta"),
    ],
)
def test_bad_pairs(of_two, arguments, message):
    defaults = (A, B, *data(), BETA)
    with pytest.raises(ValueError, match=message):
        of_two(*arguments, *defaults[len(arguments) :])


@pytest.mark.parametrize("of_two", PAIRS)
def test_what_is_no_network_is_refused(of_two):
    with pytest.raises(TypeError, match="b must be a TwoLayerReLU; got str"):
        of_two(A, "b", *data(), BETA)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: loss_barrier(A, B, *data(), BETA, n_points=1), "n_points"),
        (lambda: loss_barrier(A, B, *data(), BETA, loss="hinge"), "loss"),
        (lambda: bezier_path(A, B, *data(), BETA, target="median"), "target"),
        (lambda: bezier_path(A, B, *data(), BETA, n_starts=0), "n_starts"),
        (lambda: bezier_path(A, B, *data(), BETA, random_state="x"), "random_state"),
        (lambda: bezier_path(A, B, *data(), BETA, loss="absolute"), "loss must be smooth .* got 'absolute'"),
        (lambda: bezier_path(A, B, *data(), BETA, n_starts=1, max_iter=1, random_state=0)(1.5), "t must be a number"),
        (lambda: match_neurons(A, NARROW), "a and b must have the same width"),
        (lambda: match_neurons(A, BIASED), "a and b must have the same width, inputs, outputs and bias"),
        (lambda: match_neurons(A, B, method="names"), "method"),
        (lambda: match_neurons(A, B, method="activations"), "X must be given with method='activations'"),
        (lambda: match_neurons(A, B, method="fits"), "X must be given with method='fits'"),
        (lambda: match_neurons(A, B, data(n_features=2)[0], "activations"), "X must have 3 columns"),
        (lambda: merge_optimal(A, B, 1.5, *data(), BETA), "share must be a number between 0 and 1; got 1.5"),
        (lambda: merge_optimal(A, B, 0.5, *data(), BETA, proof="none"), "proof"),
        (lambda: merge_optimal(A, BIASED, 0.5, *data(), BETA), "b must not have hidden_bias"),  # before any proof
        (lambda: plane_grid([A, B], *data(), BETA), "networks must be one TwoLayerReLU or three; got 2"),
        (lambda: plane_grid([A, B, mixed(A, B, 0.3)], *data(), BETA), "networks must not lie on a straight line"),
        (lambda: plane_grid([A, B, NARROW], *data(), BETA), "must have the same width; got 5, 5, 4"),
        (lambda: plane_grid(A, *data(), BETA, reach=0), "reach"),
        (lambda: plane_grid([A, B, draw(np.random.default_rng(9))], *data(), BETA, margin=-1), "margin"),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(ValueError, match=message):
        call()
