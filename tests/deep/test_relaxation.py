"""Bounds by prices of two layers: valid for all multipliers, and the relaxed optimum against a fine grid."""

import numpy as np
import pytest

from convexnn.deep import price_three_layer, train_three_layer
from convexnn.deep.relaxation import NodeProgram, Pool, best_relaxed, two_layer_bound


def problem(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


@pytest.mark.parametrize("seed", range(4))
def test_every_multiplier_of_the_root_proves_a_bound(seed):
    X, nu = problem(seed, 5, 2)
    rng, size = np.random.default_rng(0), price_three_layer(X, nu, solver="enumeration").value
    for _ in range(20):
        bounds = []
        for signed in (nu, -nu):
            t = rng.uniform(size=5) * np.maximum(-signed, 0)
            factors = [np.maximum(signed, 0) - t, t]
            bounds.append(two_layer_bound(X, factors, 0.0, "exact"))
        assert max(bounds) >= size * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_every_multiplier_of_a_part_bounds_its_subnetworks(seed):
    X, nu = problem(seed, 6, 3)
    rng = np.random.default_rng(0)
    for _ in range(30):
        directions = rng.standard_normal((3, 3))
        masses = rng.dirichlet(np.ones(3)) * rng.choice([-1, 1], 3)
        z = np.maximum(X @ directions.T / np.linalg.norm(directions, axis=1), 0) @ masses
        # Some of the rows of positive nu are fixed as they are at this z, which so is in the part.
        signs = np.where((nu > 0) & (rng.uniform(size=6) < 0.6), np.where(z >= 0, 1, -1), 0)
        counts = [np.sum(nu < 0), np.sum(signs > 0), np.sum(signs < 0)]
        factors = NodeProgram(nu, signs).factors(rng.standard_exponential(sum(counts)))
        assert nu @ np.maximum(z, 0) <= two_layer_bound(X, factors, 0.0, "exact") * (1 + 1e-9)


def test_a_part_without_free_rows_is_bounded_exactly():
    X, nu = problem(1, 5, 2)
    pool, best = Pool.of(X, []), 0.0
    for signed in (nu, -nu):
        positive = np.flatnonzero(signed > 0)
        for subset in range(2 ** len(positive)):
            signs = np.zeros(5, int)
            signs[positive] = [1 if subset >> k & 1 else -1 for k in range(len(positive))]
            for _ in range(60):
                value, _, factors = NodeProgram(signed, signs).solve(pool)
                if pool.take_in(factors, value * (1 + 1e-9) + 1e-12)[1] == 0:
                    break
            upper = two_layer_bound(X, factors, 0.0, "exact")
            assert upper <= value * (1 + 1e-6) + 1e-9
            best = max(best, upper)
    assert best == pytest.approx(price_three_layer(X, nu, solver="enumeration").value, rel=1e-6)


def relaxed_on_a_grid(X, y, beta, n_directions=720):
    """The relaxed training problem over directions of the plane, in its primal form."""
    import cvxpy as cp

    angles = 2 * np.pi * np.arange(n_directions) / n_directions
    H = np.maximum(X @ np.array([np.cos(angles), np.sin(angles)]), 0)
    p, q, less = (cp.Variable(shape, nonneg=True) for shape in ((n_directions, 2), (n_directions, 2), (len(y), 2)))
    fit = H @ p - less
    objective = 0.5 * cp.sum_squares(y - fit[:, 0] + fit[:, 1]) + beta * (cp.sum(p) + cp.sum(q))
    return cp.Problem(cp.Minimize(objective), [less <= H @ q, fit >= 0]).solve(solver="CLARABEL")


@pytest.mark.parametrize(("seed", "n", "beta"), [(0, 6, 0.1), (1, 12, 0.3), (2, 20, 0.2)])
def test_relaxed_optimum_against_a_fine_grid(seed, n, beta):
    X, y = problem(seed, n, 2)
    relaxed = best_relaxed(Pool.of(X, []), y, beta, None)
    scale = beta / two_layer_bound(X, relaxed.factors, beta, "exact")
    value = scale * relaxed.nu @ y - 0.5 * scale**2 * relaxed.nu @ relaxed.nu
    grid = relaxed_on_a_grid(X, y, beta)
    assert grid * (1 - 2e-3) <= value <= grid * (1 + 1e-7)  # fewer directions make the grid's optimum larger


@pytest.mark.parametrize(("seed", "n", "d"), [(0, 4, 2), (1, 5, 2), (2, 6, 2), (4, 5, 3)])
def test_relaxed_dual_points_are_feasible(seed, n, d):
    X, y = problem(seed, n, d)
    relaxed = best_relaxed(Pool.of(X, []), y, 0.1, None)
    upper = two_layer_bound(X, relaxed.factors, 0.1, "exact")
    assert price_three_layer(X, relaxed.nu, solver="enumeration").value <= upper * (1 + 1e-8)
    nu = relaxed.nu * (0.1 / upper)
    optimum = train_three_layer(X, y, 0.1, solver="enumeration").certificate.primal
    assert nu @ y - 0.5 * nu @ nu <= optimum * (1 + 1e-9)
