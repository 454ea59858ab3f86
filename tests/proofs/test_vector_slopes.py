"""The bound of two outputs on a pair of cones, against a semidefinite program and against points of the cones."""

import cvxpy as cp
import numpy as np
import pytest

from convexnn.proofs.vector_slopes import bound_pair, write_dual, write_singular, write_stand_in


def random_pair(seed, rank=3, n_lines=6):
    """Return a pair of cones and lines as `bound_pair` takes them, all of which change sign on the cone."""
    rng = np.random.default_rng(seed)
    middle = np.eye(rank)[0]
    width = 10.0 ** rng.uniform(-2, 0)
    generators = middle + width * (np.eye(rank) - 1 / rank) + 0.1 * width * rng.standard_normal((rank, rank))
    generators /= np.linalg.norm(generators, axis=1)[:, None]
    start, angle = rng.uniform(0, 2 * np.pi), 10.0 ** rng.uniform(-2, 0)
    arc = np.array([[np.cos(t), np.sin(t)] for t in (start, start + angle)])
    units = []
    while len(units) < n_lines:
        line = rng.standard_normal(rank)
        line -= (line @ (generators.T @ rng.dirichlet(np.ones(rank)))) * middle
        values = generators @ line
        if values.min() < 0 < values.max():
            units.append(line / np.linalg.norm(line))
    columns = np.ascontiguousarray(np.array(units).T)
    normals = rng.standard_normal((2, n_lines))
    settled = rng.standard_normal((2, rank)) + 4.0 * np.outer(arc.sum(axis=0), middle)
    straddling = columns, generators @ columns, np.ascontiguousarray(arc @ normals), normals
    dual = np.empty((2, 2))
    assert write_dual(arc, dual)
    return (generators, np.ascontiguousarray(np.linalg.inv(generators).T), arc, dual), straddling, settled


def needed_without_multipliers(pair, straddling, settled):
    generators, _, arc, _ = pair
    _, values, along, _ = straddling
    return generators @ settled.T @ arc.T + np.maximum(values, 0) @ np.maximum(along, 0).T


def smallest_singular_value(pair, straddling, settled):
    """Return the optimum of the semidefinite program that the slopes of a pair of cones are feasible for."""
    generators, _, arc, _ = pair
    _, values, along, _ = straddling
    slope, shares = cp.Variable(settled.shape), cp.Variable(along.shape)
    limits = np.maximum(-along, 0)
    needed = needed_without_multipliers(pair, straddling, settled) - values @ shares.T
    problem = cp.Problem(
        cp.Minimize(cp.sigma_max(slope)),
        [generators @ slope.T @ arc.T >= needed, shares >= 0, shares <= limits],
    )
    return problem.solve(solver=cp.CLARABEL)


def bound_of(pair, straddling, settled, target):
    """Return the bound, the slope, the multipliers and the point of the kernel."""
    rank, n_lines = straddling[0].shape
    needed = needed_without_multipliers(pair, straddling, settled)
    amounts, slope, point = np.zeros(2 * (n_lines + rank)), np.zeros((2, rank)), np.zeros(rank)
    bound = bound_pair(pair, True, settled, straddling, needed, target, amounts, slope, point)
    return bound, slope, amounts, point


@pytest.mark.parametrize("seed", range(8))
def test_bound_is_decided_as_by_semidefinite_program(seed):
    problem = random_pair(seed)
    best = smallest_singular_value(*problem)
    assert bound_of(*problem, best * (1 + 2e-2))[0] <= best * (1 + 2e-2)
    assert bound_of(*problem, best * (1 - 1e-4))[0] >= best * (1 - 1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_slope_satisfies_what_makes_it_a_bound(seed):
    pair, straddling, settled = random_pair(seed)
    bound, slope, amounts, _ = bound_of(pair, straddling, settled, 1.0)
    generators, _, arc, _ = pair
    _, values, along, _ = straddling
    needed, place = needed_without_multipliers(pair, straddling, settled), 0
    for j in range(2):
        for m in np.flatnonzero(along[j] < 0):
            assert 0 <= amounts[place] <= -along[j, m] * (1 + 1e-12)
            needed[:, j] -= amounts[place] * values[:, m]
            place += 1
    assert np.all(generators @ slope.T @ arc.T >= needed - 1e-9)
    assert bound == pytest.approx(np.linalg.norm(slope, 2), rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_no_point_of_a_pair_is_above_its_bound(seed):
    pair, straddling, settled = random_pair(seed)
    columns, _, _, normals = straddling
    bound = bound_of(pair, straddling, settled, 1.0)[0]
    rng = np.random.default_rng(seed)
    points = rng.dirichlet(np.ones(3), 2000) @ pair[0]
    points /= np.linalg.norm(points, axis=1)[:, None]
    axes = rng.dirichlet(np.ones(2), 2000) @ pair[2]
    axes /= np.linalg.norm(axes, axis=1)[:, None]
    heights = points @ settled.T + np.maximum(points @ columns, 0) @ normals.T
    assert np.sum(heights * axes, axis=1).max() <= bound


def test_singular_value_and_vector_of_a_slope():
    rng = np.random.default_rng(0)
    for slope in (rng.standard_normal((2, 5)), np.zeros((2, 3)), np.eye(2), np.outer([1.0, -1.0], np.ones(4))):
        vector, arc = np.empty(2), np.eye(2)
        value = write_singular(slope, arc, vector)
        assert value == pytest.approx(np.linalg.norm(slope, 2), rel=1e-14, abs=1e-300)
        assert np.linalg.norm(vector @ slope) == pytest.approx(value, rel=1e-12, abs=1e-300)
        assert vector.sum() >= 0


@pytest.mark.parametrize("seed", range(4))
def test_stand_in_is_h_at_its_point(seed):
    pair, straddling, settled = random_pair(seed)
    columns, _, along, normals = straddling
    amounts, slope = np.zeros(2 * (columns.shape[1] + 3)), np.empty((2, 3))
    point = pair[0].sum(axis=0) / np.linalg.norm(pair[0].sum(axis=0))
    write_stand_in(settled, straddling, point, amounts, slope)
    assert slope @ point == pytest.approx(settled @ point + normals @ np.maximum(columns.T @ point, 0), abs=1e-12)
    # Its norm is the norm of h there, however large the map is that h is on the cone.
    assert np.linalg.norm(slope, 2) == pytest.approx(np.linalg.norm(slope @ point), rel=1e-12)
    assert np.all((amounts >= 0) & (amounts <= np.abs(along).max()))
