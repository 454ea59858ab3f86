"""Factorisation, sensing and completion: critical points in closed form, the identity of the proofs, and bounds."""

from itertools import combinations

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import (
    LinearNetworkLoss,
    MatrixCompletion,
    MatrixFactorization,
    MatrixSensing,
    improving_direction,
    second_order_points,
)


def random_matrix(seed, n=6, kind="random"):
    """A symmetric matrix: indefinite, positive, with eigenvalues that are double, negative, or 0."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(n, n)))[0]
    eigenvalues = {
        "random": rng.normal(size=n),
        "positive": rng.random(n),
        "double": np.repeat(rng.normal(size=n // 2), 2),
        "negative": -rng.random(n),
        "zero": np.zeros(n),
        "large": 1e6 * rng.normal(size=n),
    }[kind]
    return (basis * eigenvalues) @ basis.T


def planted(seed, n=6, rank=2):
    factor = np.random.default_rng(seed).normal(size=(n, rank))
    return factor, factor @ factor.T


def test_the_top_eigenvector_has_the_known_spectra():
    function = MatrixFactorization(np.diag([3.0, 2.0, 1.0]), 1)
    spectra = {3: (1, 2, 6), 2: (-1, 1, 4), 1: (-2, -1, 2), 0: (-3, -2, -1)}
    for k, value in {3: 1.25, 2: 2.5, 1: 3.25, 0: 3.5}.items():
        point = np.sqrt(k) * np.eye(3)[(3 - k) % 3]
        assert function.value(point) == pytest.approx(value)
        np.testing.assert_allclose(function.gradient(point), 0.0, atol=1e-14)
        np.testing.assert_allclose(np.linalg.eigvalsh(function.hessian(point)), spectra[k], atol=1e-12)
    assert function.optimal_value == 1.25


@pytest.mark.parametrize("kind", ["random", "positive", "double", "negative", "zero", "large"])
@pytest.mark.parametrize("rank", [1, 3, 8])
def test_every_point_that_is_found_is_global(kind, rank):
    M = random_matrix(3, kind=kind)
    function = MatrixFactorization(M, rank)
    found = second_order_points(function, n_starts=6, random_state=0)
    assert found.is_second_order.all() and found.all_global
    # The best positive matrix of this rank, by truncation (Eckart, Young).
    eigenvalues, vectors = np.linalg.eigh(M)
    kept = np.where(np.arange(6) >= 6 - rank, np.maximum(eigenvalues, 0), 0)
    best = 0.25 * np.sum((M - (vectors * kept) @ vectors.T) ** 2)
    assert function.optimal_value == pytest.approx(best, rel=1e-12, abs=1e-14)
    assert function.value(function.minimiser) == pytest.approx(best, rel=1e-12, abs=1e-14)


def test_all_critical_points_are_known_and_one_set_is_least():
    M, rank = random_matrix(0, n=5, kind="positive"), 2
    function = MatrixFactorization(M, rank)
    eigenvalues, vectors = np.linalg.eigh(M)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(2, 2)))[0]
    for chosen in combinations(range(5), rank):
        point = ((vectors[:, chosen] * np.sqrt(eigenvalues[list(chosen)])) @ turn).ravel()
        np.testing.assert_allclose(function.gradient(point), 0.0, atol=1e-13)
        way, least = improving_direction(function, point), np.linalg.eigvalsh(function.hessian(point))[0]
        is_best = chosen == (3, 4)
        assert (least > -1e-12) == is_best
        if not is_best:
            # The eigenvector that is missing most, in the column of the smallest one in its place.
            assert way.curvature < -1e-3 and way.curvature >= least * (way.direction @ way.direction) - 1e-12


@pytest.mark.parametrize("kind", ["random", "positive", "double", "negative", "zero", "large"])
@pytest.mark.parametrize("rank", [1, 2, 7])
def test_approximate_points_are_nearly_global(kind, rank):
    # At every point, with eps and gamma as they are there: no search is needed.
    rng = np.random.default_rng(7)
    for seed in range(4):
        M = random_matrix(seed, kind=kind)
        function = MatrixFactorization(M, rank)
        scale = 10.0 ** rng.uniform(-6, 1)
        critical = rng.permutation(np.linalg.eigh(M)[1].T)[: min(rank, 6)].T @ rng.normal(size=(min(rank, 6), rank))
        for centre in (function.minimiser, critical.ravel(), np.zeros(6 * rank)):
            point = centre + scale * function.random_start(rng)
            eps = np.linalg.norm(function.gradient(point))
            gamma = max(0.0, -np.linalg.eigvalsh(function.hessian(point))[0])
            excess = function.value(point) - function.optimal_value
            assert excess <= function.excess_bound(eps, gamma) + 1e-12 * function.value(point)


@pytest.mark.parametrize("kind", ["random", "positive", "double"])
def test_the_missing_direction_has_the_curvature_of_the_proof(kind):
    rng = np.random.default_rng(11)
    for seed in range(6):
        M = random_matrix(seed, kind=kind)
        function = MatrixFactorization(M, 3)
        point = 10.0 ** rng.uniform(-3, 0) * function.random_start(rng)
        U = point.reshape(6, 3)
        lack = (np.linalg.eigvalsh(M)[::-1][:3] - np.linalg.svd(U, compute_uv=False) ** 2).max()
        missing, slopes = function.directions(point)["missing"], np.linalg.norm(function.gradient(point))
        assert missing @ missing == pytest.approx(max(lack, 0.0))
        if lack > 0:
            curvature = missing @ function.hessian(point) @ missing / lack
            assert curvature <= -lack + 2 * (slopes / lack) ** 2 + 1e-12


def test_the_bound_holds_for_two_factors_too():
    rng = np.random.default_rng(5)
    for scale in (1e-6, 1e-3, 0.1, 1.0):
        function = MatrixFactorization(rng.normal(size=(5, 3)), 2, symmetric=False)
        point = function.minimiser + scale * rng.normal(size=function.n_weights)
        eps = np.linalg.norm(function.gradient(point))
        gamma = max(0.0, -np.linalg.eigvalsh(function.hessian(point))[0])
        assert function.value(point) - function.optimal_value <= function.excess_bound(eps, gamma) + 1e-14
    with pytest.raises(InvalidInputError, match="balance must be 1 for this bound; got 0"):
        MatrixFactorization(np.eye(3), 1, symmetric=False, balance=0).excess_bound(0.1, 0.1)


def test_the_bound_is_within_a_factor_of_three_somewhere():
    # A bound that is never near is no use: at the saddle of a second eigenvector close below the first.
    function = MatrixFactorization(np.diag([1.0, 0.99]), 1)
    saddle = np.array([0.0, np.sqrt(0.99)])
    gamma = -np.linalg.eigvalsh(function.hessian(saddle))[0]
    assert gamma == pytest.approx(0.01)
    excess = function.value(saddle) - function.optimal_value
    assert function.excess_bound(0.0, gamma) / 3 < excess <= function.excess_bound(0.0, gamma)


def test_two_factors_are_half_of_their_stack():
    rng = np.random.default_rng(0)
    M = rng.normal(size=(4, 3))
    stack = MatrixFactorization(np.block([[np.zeros((4, 4)), 2 * M], [2 * M.T, np.zeros((3, 3))]]), 2)
    pair = MatrixFactorization(M, 2, symmetric=False)
    points = rng.normal(size=(5, pair.n_weights))
    apart = [pair.value(point) - 0.5 * stack.value(point) for point in points]
    np.testing.assert_allclose(apart, apart[0])
    np.testing.assert_allclose(pair.gradient(points[0]), 0.5 * stack.gradient(points[0]), atol=1e-12)
    np.testing.assert_allclose(pair.hessian(points[0]), 0.5 * stack.hessian(points[0]), atol=1e-12)
    # The least value is that of the truncated singular value decomposition.
    assert pair.optimal_value == pytest.approx(0.5 * np.linalg.svd(M, compute_uv=False)[2] ** 2)
    assert pair.value(pair.minimiser) == pytest.approx(pair.optimal_value)


def test_two_factors_that_are_not_balanced_are_a_linear_network():
    rng = np.random.default_rng(8)
    M, U, V = rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), rng.normal(size=(4, 2))
    pair = MatrixFactorization(M, 2, symmetric=False, balance=0.0)
    network = LinearNetworkLoss(np.eye(4), M.T, [2])
    assert pair.value(pair.pack(U, V)) == pytest.approx(network.value(network.pack(V.T, U)))
    assert pair.optimal_value == pytest.approx(network.optimal_value)
    slopes = network.unpack(network.gradient(network.pack(V.T, U)))
    np.testing.assert_allclose(pair.gradient(pair.pack(U, V)), pair.pack(slopes[1], slopes[0].T), atol=1e-12)


def measured(kind, seed):
    """A function of a planted matrix, its factor, and the measurements of any matrix, times the root of the share."""
    rng = np.random.default_rng(seed)
    factor, M = planted(seed)
    if kind == "sensing":
        A = rng.normal(size=(30, 6, 6))
        A += A.transpose(0, 2, 1)
        function = MatrixSensing(A, np.einsum("kab,ab->k", A, M), 2, minimiser=factor.ravel())
        return function, factor, lambda N: np.einsum("kab,ab->k", A, N) / np.sqrt(30)
    mask = rng.random((6, 6)) < (2.0 if kind == "all" else 0.6)
    mask |= mask.T
    function = MatrixCompletion(M, mask, 2, minimiser=factor.ravel())
    return function, factor, lambda N: N[mask] / np.sqrt(mask.mean())


@pytest.mark.parametrize("kind", ["sensing", "completion", "all"])
def test_the_identity_of_the_proofs_holds_at_any_point(kind):
    for seed in range(5):
        function, factor, measure = measured(kind, seed)
        point = np.random.default_rng(seed + 50).normal(size=12)
        D = function.directions(point)["towards"].reshape(6, 2)
        # The rotation leaves U^T U* R symmetric and positive, what the inequality of the norms needs.
        U = point.reshape(6, 2)
        products = U.T @ (U - D)
        np.testing.assert_allclose(products, products.T, atol=1e-10)
        assert np.linalg.eigvalsh(products)[0] >= -1e-10
        apart = U @ U.T - factor @ factor.T
        assert np.sum((D @ D.T) ** 2) <= 2 * np.sum(apart**2)
        curvature = D.ravel() @ function.hessian(point) @ D.ravel()
        slope = function.gradient(point) @ D.ravel()
        promised = 0.5 * np.sum(measure(D @ D.T) ** 2) - 1.5 * np.sum(measure(apart) ** 2) + 4 * slope
        assert curvature == pytest.approx(promised, rel=1e-9)
        # All entries keep all norms: then the way leads down, by at least half the squared distance.
        if kind == "all":
            assert curvature - 4 * slope <= -0.5 * np.sum(apart**2) * (1 - 1e-12)


def test_enough_measurements_leave_no_spurious_points():
    for kind in ("sensing", "all"):
        function, factor, _ = measured(kind, 1)
        found = second_order_points(function, n_starts=10, random_state=0)
        assert function.optimal_value == 0.0 and found.all_global
        for point in found.points:
            np.testing.assert_allclose(function.matrix(point), factor @ factor.T, atol=1e-5)


def test_two_factors_are_sensed_and_completed():
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(5, 1)), rng.normal(size=(4, 1))
    M, A, mask = left @ right.T, rng.normal(size=(40, 5, 4)), np.ones((5, 4), dtype=bool)
    mask[[0, 2, 4], [1, 3, 0]] = False
    size = np.linalg.norm(M)
    best = np.concatenate([left / np.linalg.norm(left), right / np.linalg.norm(right)]) * np.sqrt(size)
    sensing = MatrixSensing(A, np.einsum("kab,ab->k", A, M), 1, symmetric=False, minimiser=best.ravel())
    completion = MatrixCompletion(np.where(mask, M, np.nan), mask, 1, symmetric=False, minimiser=best.ravel())
    for function in (sensing, completion):
        found = second_order_points(function, n_starts=6, random_state=1)
        assert found.all_global
        np.testing.assert_allclose(function.matrix(found.points[0]), M, atol=1e-5)


def test_without_its_penalty_rows_run_off_to_infinity():
    # As many known entries as there are degrees of freedom: the values fall along valleys that have no end.
    rng = np.random.default_rng(0)
    factor, M = planted(0, n=8)
    mask = np.zeros((8, 8), dtype=bool)
    rows, columns = np.triu_indices(8)
    known = rng.permutation(36)[:15]
    mask[rows[known], columns[known]] = True
    longest = np.linalg.norm(factor, axis=1).max()
    options = {"n_starts": 12, "eps": 1e-5, "max_iter": 100, "random_state": 0}
    free = second_order_points(MatrixCompletion(M, mask | mask.T, 2), **options)
    held = MatrixCompletion(M, mask | mask.T, 2, row_penalty=1.0, row_bound=1.5 * longest, minimiser=factor.ravel())
    found = second_order_points(held, **options)
    lengths = [np.linalg.norm(points.reshape(-1, 8, 2), axis=2).max(axis=1) for points in (free.points, found.points)]
    assert np.count_nonzero(lengths[0][~free.is_second_order] > 3 * longest) >= 3
    assert found.is_second_order.all() and lengths[1].max() < 2 * longest
    # And there are spurious points here: with so few entries the theorem promises nothing.
    assert not found.all_global and found.is_global.any()


def test_what_is_not_planted_has_no_known_least_value():
    function = MatrixCompletion(np.eye(3), np.eye(3, dtype=bool), 1, minimiser=np.ones(3) / 2)
    assert function.optimal_value is None
    # Long rows cost: the planted factor is free below the bound only.
    factor, M = planted(0)
    longest = np.linalg.norm(factor, axis=1).max()
    for bound, least in ((1.01 * longest, 0.0), (0.5 * longest, None)):
        known = MatrixCompletion(
            M, np.ones((6, 6), dtype=bool), 2, row_penalty=1, row_bound=bound, minimiser=factor.ravel()
        )
        assert known.optimal_value == least


def test_permuted_and_turned_factors_have_the_same_values():
    rng = np.random.default_rng(0)
    _, M = planted(0)
    mask, order = rng.random((6, 6)) < 0.6, rng.permutation(6)
    mask |= mask.T
    options = {"row_penalty": 2.0, "row_bound": 1.0}
    function = MatrixCompletion(M, mask, 2, **options)
    moved = MatrixCompletion(M[np.ix_(order, order)], mask[np.ix_(order, order)], 2, **options)
    U, turn = rng.normal(size=(6, 2)), np.linalg.qr(rng.normal(size=(2, 2)))[0]
    assert moved.value((U[order] @ turn).ravel()) == pytest.approx(function.value(U.ravel()))
    spectra = [np.linalg.eigvalsh(f.hessian(u.ravel())) for f, u in ((function, U), (moved, U[order] @ turn))]
    np.testing.assert_allclose(*spectra, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MatrixFactorization([[1.0, 2.0]], 1), "M must be a square matrix"),
        (lambda: MatrixFactorization([1.0], 1, symmetric=False), "M must be a matrix, not empty"),
        (lambda: MatrixFactorization(np.eye(2), 0), "rank must be an integer not below 1"),
        (lambda: MatrixFactorization(np.eye(2), 1, balance=-1), "balance must be finite and not below 0"),
        (lambda: MatrixSensing(np.eye(2), [1.0], 1), r"A must have shape \(n_measurements, n, n\)"),
        (lambda: MatrixSensing(np.ones((3, 2, 2)), [1.0], 1), r"b must have shape \(3,\)"),
        (lambda: MatrixCompletion(np.eye(2), np.eye(2), 1), "mask must be an array of bool"),
        (lambda: MatrixCompletion(np.eye(2), np.triu(np.ones((2, 2), bool)), 1), "mask must be symmetric"),
        (lambda: MatrixCompletion(np.full((2, 2), np.nan), np.eye(2, dtype=bool), 1), "M must be finite"),
        (lambda: MatrixCompletion(np.eye(2), np.eye(2, dtype=bool), 1, row_penalty=-1), "row_penalty must be"),
    ],
)
def test_bad_matrices_are_refused_by_name(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
