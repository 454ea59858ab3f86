"""The loss of linear networks against its definition, finite differences, truncated SVDs and known inequalities."""

from itertools import combinations

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape import LinearNetworkLoss, function_regularity

# (layer widths d_0, ..., d_L, layers with a skip connection, degeneracy of the data)
SHAPES = [
    ((3, 2), (), "none"),
    ((2, 4), (), "repeated rows"),
    ((3, 2, 2), (), "none"),
    ((4, 3, 3, 2), (2,), "none"),
    ((2, 2, 2), (1, 2), "rank of X"),
    ((3, 1, 3, 2), (), "rank of Y"),
    ((2, 3, 2, 2, 1), (3,), "repeated rows"),
    ((1, 1, 1, 1, 1), (1, 2, 3, 4), "none"),
    ((5, 2, 3), (), "few rows"),
    ((2, 2, 2, 2), (), "equal eigenvalues"),
    ((2, 3, 2), (), "zero targets"),
    ((2, 2, 3), (), "zero data"),
]
IDS = [f"{'-'.join(map(str, widths))} {kind}" for widths, _, kind in SHAPES]


def make(widths, skips=(), kind="none", seed=0):
    """Return data of a kind and the loss on it."""
    rng = np.random.default_rng(seed)
    n = 2 if kind == "few rows" else 7
    X, Y = rng.normal(size=(n, widths[0])), rng.normal(size=(n, widths[-1]))
    if kind == "repeated rows":
        X, Y = np.vstack([X, X[:3]]), np.vstack([Y, -Y[:3]])
    elif kind == "rank of X":
        X[:, -1] = 2.0 * X[:, 0]
    elif kind == "rank of Y":
        Y = np.outer(Y[:, 0], np.arange(1.0, widths[-1] + 1.0))
    elif kind == "equal eigenvalues":
        X = np.eye(widths[0])
        Y = np.eye(widths[0], widths[-1])
    elif kind == "zero targets":
        Y[:] = 0.0
    elif kind == "zero data":
        X[:] = 0.0
    skip = [l + 1 in skips for l in range(len(widths) - 1)]
    return X, Y, LinearNetworkLoss(X, Y, widths[1:-1], skip=skip)


def written_out(X, Y, widths, skips, weights):
    """The loss by its definition, the matrices cut out of the weights one after another."""
    fit, start = X, 0
    for l, (inner, outer) in enumerate(zip(widths[:-1], widths[1:], strict=True), 1):
        matrix = weights[start : start + inner * outer].reshape(outer, inner)
        fit, start = fit @ (matrix.T + (np.eye(inner) if l in skips else 0.0)), start + inner * outer
    assert start == len(weights)
    return 0.5 * np.sum((fit - Y) ** 2)


def differences(function, weights, step=1e-5):
    return np.array(
        [(function(weights + step * e) - function(weights - step * e)) / (2 * step) for e in np.eye(len(weights))]
    )


@pytest.mark.parametrize(("widths", "skips", "kind"), SHAPES, ids=IDS)
def test_value_gradient_and_hessian(widths, skips, kind):
    X, Y, loss = make(widths, skips, kind)
    weights = np.random.default_rng(1).normal(size=loss.n_weights)
    assert loss.value(weights) == pytest.approx(written_out(X, Y, widths, skips, weights), rel=1e-12, abs=1e-20)
    slopes = differences(lambda w: written_out(X, Y, widths, skips, w), weights)
    np.testing.assert_allclose(loss.gradient(weights), slopes, rtol=1e-6, atol=1e-7 * (1.0 + np.abs(slopes).max()))
    hessian, bends = loss.hessian(weights), differences(loss.gradient, weights)
    np.testing.assert_allclose(hessian, bends, rtol=1e-6, atol=1e-7 * (1.0 + np.abs(bends).max()))
    np.testing.assert_array_equal(hessian, hessian.T)


@pytest.mark.parametrize(("widths", "skips", "kind"), SHAPES, ids=IDS)
def test_optimal_value_is_a_truncated_svd(widths, skips, kind):
    """The best fit of rank p is the least-squares fit without its singular values beyond the first p."""
    X, Y, loss = make(widths, skips, kind)
    fit = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    beyond = np.linalg.svd(fit, compute_uv=False)[min(widths) :]
    expected = 0.5 * (np.sum((Y - fit) ** 2) + np.sum(beyond**2))
    assert loss.optimal_value == pytest.approx(expected, rel=1e-10, abs=1e-14)
    assert loss.value(loss.critical_point(range(min(min(widths), loss.n_explained)))) == pytest.approx(
        expected, rel=1e-10, abs=1e-14
    )


@pytest.mark.parametrize(("widths", "skips", "kind"), SHAPES, ids=IDS)
def test_critical_points_are_critical_and_on_the_list(widths, skips, kind):
    X, Y, loss = make(widths, skips, kind)
    values, index_sets = loss.critical_values()
    assert np.all(np.diff(values) >= 0) and len(set(index_sets)) == len(values)
    fit = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    for value, index_set in zip(values, index_sets, strict=True):
        point = loss.critical_point(index_set)
        chosen = loss.principal_directions[:, list(index_set)]
        by_hand = 0.5 * np.sum((fit @ chosen @ chosen.T - Y) ** 2)
        assert [loss.value(point), value] == pytest.approx([by_hand, by_hand], rel=1e-10, abs=1e-14)
        slopes = differences(lambda w: written_out(X, Y, widths, skips, w), point)
        assert np.abs(slopes).max() <= 1e-7 * max(1.0, loss.zero_value)
        if kind != "equal eigenvalues":
            assert loss.fitted_directions(loss.product(point)) == index_set


def test_critical_values_by_going_through_all_sets():
    """Four outputs with eigenvalues 16, 9, 4 and 1, at most two of them fitted."""
    loss = LinearNetworkLoss(np.eye(4), np.diag([4.0, 3.0, 2.0, 1.0]), [2, 3])
    values, index_sets = loss.critical_values()
    by_hand = {s: 0.5 * (30 - sum((16, 9, 4, 1)[k] for k in s)) for r in range(3) for s in combinations(range(4), r)}
    assert dict(zip(index_sets, values.tolist(), strict=True)) == pytest.approx(by_hand)
    assert loss.optimal_value == pytest.approx(2.5) and len(values) == 11


def test_one_matrix_has_one_critical_value():
    X, Y, loss = make((3, 2))
    values, index_sets = loss.critical_values()
    assert index_sets == ((0, 1),) and values[0] == pytest.approx(0.5 * np.linalg.lstsq(X, Y, rcond=None)[1].sum())
    with pytest.raises(InvalidInputError, match="index_set must have 2 to 2 distinct indices"):
        loss.critical_point([0])


@pytest.mark.parametrize("middle_rank", [1, 2])
def test_rank_of_the_middle_matrices(middle_rank):
    loss = make((3, 3, 2, 4, 2))[2]
    matrices = loss.unpack(loss.critical_point([1], middle_rank))
    assert np.linalg.matrix_rank(matrices[2] @ matrices[1]) == middle_rank
    assert np.linalg.matrix_rank(loss.product(loss.critical_point([1], middle_rank))) == 1


def test_balanced_minimum_has_matrices_of_equal_norms():
    loss = make((4, 3, 3, 2))[2]
    norms = [np.linalg.norm(matrix, 2) for matrix in loss.matrices(loss.critical_point([0, 1]))]
    assert norms == pytest.approx([loss.size] * 3)


def test_landscape_with_skip_is_the_same_one_shifted():
    plain, skip = make((2, 2, 2, 2))[2], make((2, 2, 2, 2), (1, 2, 3))[2]
    weights = np.random.default_rng(0).normal(size=12)
    identity = plain.pack(*[np.eye(2)] * 3)
    assert skip.value(weights - identity) == pytest.approx(plain.value(weights), rel=1e-13)
    np.testing.assert_allclose(skip.hessian(weights - identity), plain.hessian(weights), atol=1e-12)
    np.testing.assert_allclose(skip.from_matrices(plain.unpack(weights)), weights - identity, atol=1e-15)


def test_vector_targets_are_one_output():
    X, Y, loss = make((3, 2, 1))
    assert repr(loss).startswith("LinearNetworkLoss(3 -> 2 -> 1, 8 weights, least value ")
    assert LinearNetworkLoss(X, Y[:, 0], [2]).optimal_value == loss.optimal_value


def test_scaled_and_permuted_data_scale_the_values():
    X, Y, loss = make((3, 2, 2))
    order = np.random.default_rng(0).permutation(len(X))
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    for changed, factor in (
        (LinearNetworkLoss(X[order] @ turn, Y[order], [2]), 1.0),
        (LinearNetworkLoss(1e3 * X, Y, [2]), 1.0),
        (LinearNetworkLoss(X, -1e4 * Y, [2]), 1e8),
    ):
        np.testing.assert_allclose(changed.critical_values()[0], factor * loss.critical_values()[0], rtol=1e-10)


@pytest.mark.parametrize(("widths", "skips", "kind"), SHAPES, ids=IDS)
def test_pl_constant_is_a_lower_bound(widths, skips, kind):
    X, Y, loss = make(widths, skips, kind)
    least = 0.5 * np.sum((Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]) ** 2)
    rng = np.random.default_rng(2)
    for scale in (0.3, 1.0):
        weights = scale * rng.normal(size=loss.n_weights)
        gap = loss.value(weights) - least
        assert 0.5 * np.sum(loss.gradient(weights) ** 2) >= loss.pl_constant(weights) * gap * (1 - 1e-9) - 1e-12
    wide = min(widths[1:-1], default=9) >= max(widths[0], widths[-1]) and kind != "zero data"
    if wide:  # random matrices of full rank: the bound says something
        assert loss.pl_constant(weights) > 1e-6


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
def test_pl_constant_in_a_ball_around_the_identity(n_layers):
    """A bound for random points of the ball; equality at W_l = -tau I with orthonormal columns of X."""
    rng, tau = np.random.default_rng(n_layers), 0.4
    X, Y = rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
    loss = LinearNetworkLoss(X, Y, [3] * (n_layers - 1), skip=True)
    mu = loss.pl_constant_in_ball(tau)
    curvature = np.linalg.eigvalsh(X.T @ X)[0]
    assert mu == pytest.approx(n_layers * 0.6 ** (2 * n_layers - 2) * curvature)
    points = []
    for _ in range(30):
        parts = [rng.normal(size=(3, 3)) for _ in range(n_layers)]
        points.append(loss.pack(*(tau * part / np.linalg.norm(part, 2) for part in parts)))
        assert loss.pl_constant(points[-1]) >= mu * (1 - 1e-12)
    minimum = loss.critical_point([0, 1, 2])
    assert function_regularity(loss.value, loss.gradient, points, minimum).pl >= mu
    orthonormal = LinearNetworkLoss(np.linalg.qr(X)[0], Y, [3] * (n_layers - 1), skip=True)
    corner = orthonormal.pack(*[-tau * np.eye(3)] * n_layers)
    ratio = 0.5 * np.sum(orthonormal.gradient(corner) ** 2) / (orthonormal.value(corner) - orthonormal.optimal_value)
    expected = n_layers * 0.6 ** (2 * n_layers - 2)
    assert [ratio, orthonormal.pl_constant_in_ball(tau)] == pytest.approx([expected, expected])


def test_narrow_layers_have_no_pl_constant():
    loss = make((3, 1, 2))[2]
    saddle = loss.critical_point([1])
    assert loss.pl_constant(saddle) == 0.0 and loss.value(saddle) > loss.optimal_value


@pytest.mark.parametrize(
    ("widths", "skip", "message"),
    [
        (3, False, "widths must be a sequence of integers; got 3"),
        ([0], False, "every entry of widths must be an integer not below 1"),
        ([2], True, r"skip must be False for layer 1: its matrix of shape \(2, 3\)"),
        ([3], [True], "skip must be True, False or 2 of them"),
        ([3], ["yes", False], "skip must be True or False"),
    ],
)
def test_bad_arguments_are_refused_by_name(widths, skip, message):
    with pytest.raises(InvalidInputError, match=message):
        LinearNetworkLoss(np.ones((4, 3)), np.ones((4, 2)), widths, skip=skip)


def test_bad_points_and_limits_are_refused():
    loss = make((3, 3, 3, 2))[2]
    for index_set in ([0, 0], [2], [0, 1, 2], [-1]):
        with pytest.raises(InvalidInputError, match="index_set"):
            loss.critical_point(index_set)
    for middle_rank in (0, 4):
        with pytest.raises(InvalidInputError, match="middle_rank must be"):
            loss.critical_point([0], middle_rank)
    with pytest.raises(InvalidInputError, match="there are 4 sets of principal directions, above max_sets=3"):
        loss.critical_values(max_sets=3)
    with pytest.raises(InvalidInputError, match="every layer must have a skip connection"):
        loss.pl_constant_in_ball(0.1)
    residual = LinearNetworkLoss(np.eye(2), np.eye(2), [2], skip=True)
    with pytest.raises(InvalidInputError, match="radius must be at least 0 and below 1"):
        residual.pl_constant_in_ball(1.0)


def test_columns_of_any_size_count():
    loss = LinearNetworkLoss(np.diag([1.0, 1e-11]), np.eye(2), [2])
    assert loss.value(loss.pack(np.eye(2), np.diag([1.0, 1e11]))) < 1e-30 and loss.optimal_value < 1e-30
