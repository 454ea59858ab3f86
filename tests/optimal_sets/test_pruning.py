"""Pruning: the fewest neurons against a search of all subsets, and what pruning further costs."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import nnls

from convexnn import TwoLayerReLU, approximate_pruning, certify, minimal_pruning, optimal_set
from convexnn.exceptions import InvalidInputError

from ..zoo import random_problem, three_rows, two_rows, variants


def random_network(n_inputs, width, seed=0, *, positive=False, **terms):
    rng = np.random.default_rng(seed)
    outputs = rng.standard_normal(width)
    return TwoLayerReLU(rng.standard_normal((width, n_inputs)), np.abs(outputs) if positive else outputs, **terms)


def fewest_by_subsets(network, X):
    """The fewest neurons of the network's own directions with its hidden fit and no larger total mass."""
    fits, masses = network.fits(X), network.masses
    goal = fits.sum(axis=1)
    if np.linalg.norm(goal) <= 1e-12 * np.linalg.norm(fits):
        return 0
    for size in range(1, len(masses) + 1):
        for chosen in combinations(range(len(masses)), size):
            columns = fits[:, chosen] / masses[list(chosen)]
            found, error = nnls(columns, goal)
            if error <= 1e-9 * np.linalg.norm(goal) and found.sum() <= masses.sum() * (1 + 1e-9):
                return size
    raise AssertionError


@pytest.mark.parametrize("n_samples", [2, 3, 4])
@pytest.mark.parametrize("seed", range(6))
def test_fewest_against_all_subsets(n_samples, seed):
    X = random_problem(n_samples, 2, seed)[0]
    network = random_network(2, 8, seed, positive=seed % 2 == 0, intercept=0.3)
    found = minimal_pruning(network, X)
    wanted = fewest_by_subsets(network, X)
    assert (found.least_width, found.width_after, found.network.width) == (wanted, wanted, wanted)
    assert found.is_minimal and found.width_before == 8
    np.testing.assert_allclose(found.network.predict(X), network.predict(X), atol=1e-8)
    assert found.network.masses.sum() <= network.masses.sum() * (1 + 1e-9)
    assert found.fit_change <= 1e-8


def test_split_and_idle_neurons_go():
    X = random_problem(20, 3)[0]
    network = random_network(3, 4).split(1, [0.3, 0.7]).padded(9)
    found = minimal_pruning(network, X)
    assert (found.width_before, found.width_after, found.is_minimal) == (5, 4, True)
    assert "5 to 4" in str(found)
    nothing = minimal_pruning(TwoLayerReLU(np.zeros((2, 3)), np.zeros(2), intercept=1.0), X)
    assert (nothing.width_after, nothing.is_minimal) == (0, True)


@pytest.mark.parametrize("problem", [two_rows(), three_rows()], ids=str)
def test_all_optimal_directions(problem):
    found = optimal_set(problem.X, problem.y, problem.beta)
    widest = found.network(found.vertices[np.argmax(np.count_nonzero(found.vertices, axis=1))])
    pruned = minimal_pruning(widest, problem.X, optimal_set=found)
    assert (pruned.width_before, pruned.width_after) == (problem.M_star, problem.m_star)
    assert pruned.is_minimal and found.contains(pruned.network)
    assert minimal_pruning(widest, problem.X).width_after == problem.M_star
    with pytest.raises(InvalidInputError, match="optimal_set"):
        minimal_pruning(random_network(2, 3), problem.X, optimal_set=found)


def trained(X, y, beta, **flags):
    found = optimal_set(X, y, beta, **flags)
    return found, found.network(found.minimum_norm_masses)


@pytest.mark.parametrize("name", variants(*random_problem(3, 2)))
def test_at_the_width_of_the_network_pruning_costs_nothing(name):
    X, y = variants(*random_problem(9, 2, seed=5))[name]
    beta = 0.05 * np.linalg.norm(X, axis=1) @ np.abs(y) / len(y)
    found, network = trained(X, y, beta)
    record = approximate_pruning(network, X, y, beta, network.width)
    assert record.objective_after == pytest.approx(found.optimal_value, rel=1e-7)
    assert record.width_after <= found.M_star
    less = approximate_pruning(network, X, y, beta, 1)
    assert less.width_after <= 1
    assert less.objective_after >= found.optimal_value * (1 - 1e-7)
    assert less.objective_after == pytest.approx(less.network.objective(X, y, beta), rel=1e-9)
    assert less.certificate.primal == less.objective_after
    assert less.certificate.dual <= found.optimal_value * (1 + 1e-9)
    assert less.certificate.dual >= certify(less.network, X, y, beta).dual * (1 - 1e-6)


def refitted_by_subsets(network, X, y, beta, width):
    """The best objective of any `width` of the network's directions, their masses fitted by projected descent."""
    directions, signs, best = network.directions, network.signs, np.inf
    for chosen in combinations(range(network.width), width):
        fits = np.maximum(X @ directions[list(chosen)].T, 0) * signs[list(chosen)]
        masses, step = np.zeros(width), 1.0 / np.linalg.norm(fits, 2) ** 2
        for _ in range(4000):
            masses = np.maximum(masses + step * (fits.T @ (y - fits @ masses) - beta), 0.0)
        best = min(best, 0.5 * np.sum((y - fits @ masses) ** 2) + beta * masses.sum())
    return best


def naive(network, kept):
    return network._with_neurons_at(np.sort(kept))


@pytest.mark.slow
def test_against_magnitude_random_and_the_best_subset():
    ratios, beta = [], 0.3
    for seed in range(4):
        X, y = random_problem(25, 3, seed=seed)
        network = trained(X, y, beta)[1].pruned(X)
        rng = np.random.default_rng(seed)
        for width in range(1, min(network.width, 4)):
            mine = {
                rule: approximate_pruning(network, X, y, beta, width, rule=rule, proof="heuristic").objective_after
                for rule in ("objective", "residual", "magnitude")
            }
            order = np.argsort(-network.masses, kind="stable")
            magnitude = naive(network, order[:width]).objective(X, y, beta)
            by_chance = np.mean(
                [naive(network, rng.permutation(network.width)[:width]).objective(X, y, beta) for _ in range(20)]
            )
            least = refitted_by_subsets(network, X, y, beta, width)
            assert all(value >= least * (1 - 1e-6) for value in mine.values())
            assert mine["magnitude"] <= magnitude * (1 + 1e-9)
            ratios.append([mine["objective"], mine["residual"], mine["magnitude"], magnitude, by_chance, least])
    means = np.mean(np.array(ratios) / np.array(ratios)[:, -1:], axis=0)
    assert len(ratios) >= 8
    assert means[0] <= means[2] * (1 + 1e-9) and means[0] <= 1.05  # of the best subset
    assert means[1] < min(means[3], means[4])  # which of the two is the better is not ours to say


def test_weights_and_free_terms():
    X, y = random_problem(20, 2, seed=3)
    weight = np.where(np.arange(20) % 4 == 0, 0.0, 2.0)
    flags = {"hidden_bias": True, "fit_intercept": True, "skip_connection": True}
    _, network = trained(X, y, 0.05, sample_weight=weight, **flags)
    kept = weight > 0
    record = approximate_pruning(network, X, y, 0.05, 1, sample_weight=weight)
    twice = np.repeat(np.flatnonzero(kept), 2)
    again = approximate_pruning(network, X[twice], y[twice], 0.05, 1)
    assert record.objective_after == pytest.approx(again.objective_after, rel=1e-9)
    assert record.objective_after == pytest.approx(record.network.objective(X, y, 0.05, sample_weight=weight), rel=1e-9)
    objectives = [step["objective"] for step in record.steps]
    assert np.all(np.diff(objectives) >= -1e-9 * objectives[0])
    assert [step["width"] for step in record.steps][-1] == record.width_after <= 1


def test_nothing_left():
    X, y = random_problem(12, 2)
    record = approximate_pruning(random_network(2, 3), X, y, 0.5, 0)
    assert record.width_after == 0 and record.objective_after == pytest.approx(0.5 * y @ y)


@pytest.mark.parametrize("options", [{"rule": "size"}, {"width": -1}, {"loss": "huber"}], ids=str)
def test_refusals(options):
    X, y = random_problem(8, 2)
    with pytest.raises(InvalidInputError):
        approximate_pruning(random_network(2, 3), X, y, 0.5, **{"width": 1} | options)


@pytest.mark.parametrize("problem", [two_rows(), three_rows()], ids=str)
def test_networks_on_all_directions_are_pruned_to_m_star(problem):
    """Polynomial pruning may end at any vertex, here of one to three neurons; the program finds the smallest."""
    found = optimal_set(problem.X, problem.y, problem.beta)
    assert len(set(np.count_nonzero(found.vertices, axis=1))) == 2
    for masses in found.random_masses(5, random_state=0):
        pruned = minimal_pruning(found.network(masses), problem.X)
        assert found.contains(pruned.network)
        assert pruned.width_after == pruned.least_width == found.m_star


@pytest.mark.parametrize("wrong", [3, "set", np.zeros(2)])
def test_what_is_no_optimal_set_is_named(wrong):
    with pytest.raises(TypeError, match=f"optimal_set must be an OptimalSet or None; got {type(wrong).__name__}"):
        minimal_pruning(TwoLayerReLU(np.eye(2), [1.0, 1.0]), np.eye(2), optimal_set=wrong)
