"""Labels of critical points of linear networks against Hessians, rank conditions and points of known kinds."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape import LinearNetworkLoss, classify_linear, linear_critical_points
from convexnn.landscape.functions import second_order_points

SADDLES = ("strict saddle", "saddle (not strict)")


def make(widths, seed=0, skip=False):
    """Return a loss on random data in general position."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(widths[0] + 4, widths[0])), rng.normal(size=(widths[0] + 4, widths[-1]))
    return LinearNetworkLoss(X, Y, widths[1:-1], skip=skip)


def rank(matrix):
    return int(np.linalg.matrix_rank(matrix, 1e-7)) if matrix.size else 0


def multiplied(matrices, width):
    product = np.eye(width)
    for matrix in matrices:
        product = matrix @ product
    return product


def random_critical_point(loss, rng):
    """Return weights that may be critical: some directions fitted, parts of other paths through the network, mixed."""
    widths, n_layers = loss.layer_widths, loss.n_layers
    n_fitted = rng.integers(0, loss.max_rank + 1)
    fitted = np.arange(n_fitted) if rng.random() < 0.6 else rng.choice(widths[-1], n_fitted, replace=False)
    rest, U = np.setdiff1d(np.arange(widths[-1]), fitted), loss.principal_directions
    matrices = [np.zeros(shape) for shape in loss.shapes]
    for matrix in matrices[1:-1]:
        matrix[:n_fitted, :n_fitted] = np.eye(n_fitted)
        spare = (rng.random(matrix[n_fitted:, n_fitted:].shape) < 0.3) * 1.0
        matrix[n_fitted:, n_fitted:] = spare
    matrices[0][:n_fitted] = U[:, fitted].T @ loss.least_squares
    matrices[-1][:, :n_fitted] = U[:, fitted]
    for k in range(n_fitted, widths[1]):
        if len(rest) and rng.random() < 0.3:
            matrices[0][k] = U[:, rng.choice(rest)] @ loss.least_squares
    for k in range(n_fitted, widths[-2]):
        if len(rest) and rng.random() < 0.3:
            matrices[-1][:, k] = U[:, rng.choice(rest)]
    turns = [np.eye(widths[0]), *(np.linalg.qr(rng.normal(size=(d, d)))[0] for d in widths[1:-1]), np.eye(widths[-1])]
    return loss.pack(*(turns[l + 1] @ matrices[l] @ turns[l].T for l in range(n_layers)))


def is_strict_by_ranks(loss, weights, slope):
    """The condition of Achour, Malgouyres and Gerchinovitz, written out; None at a global minimum."""
    W, widths = loss.unpack(weights), loss.layer_widths
    index_set = loss.fitted_directions(loss.product(weights))
    r = len(index_set)
    if r == loss.max_rank or index_set != tuple(range(r)):
        return None if index_set == tuple(range(loss.max_rank)) else True
    for i in range(2, loss.n_layers + 1):
        for j in range(1, i):
            between = multiplied(W[j : i - 1], widths[j])
            around = multiplied(W[: j - 1], widths[0]) @ slope.T @ multiplied(W[i:], widths[i])
            if rank(between) != r and rank(around) != r:
                return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_labels_of_critical_points_of_all_kinds(seed):
    """Paths through the network are cut in two places at random: strict and other saddles, next to each other."""
    rng, seen = np.random.default_rng(seed), set()
    for _ in range(40):
        n_outputs = rng.integers(1, 4)
        widths = (n_outputs + rng.integers(0, 2), *rng.integers(1, 4, size=rng.integers(1, 4)), n_outputs)
        loss = make([int(width) for width in widths], int(rng.integers(1000)))
        weights = random_critical_point(loss, rng)
        if np.linalg.norm(loss.gradient(weights)) > 1e-9:
            continue
        found = classify_linear(loss, weights)
        eigenvalues = np.linalg.eigvalsh(loss.hessian(weights))
        strict = is_strict_by_ranks(loss, weights, -loss.slope(np.zeros_like(loss.least_squares)))
        if strict is None:
            assert found.kind == "global" and eigenvalues[0] > -1e-9 and found.lower is None
            assert found.value == pytest.approx(loss.optimal_value, rel=1e-10)
        else:
            assert found.kind == SADDLES[not strict] and (eigenvalues[0] < -1e-6) == strict
            assert loss.value(found.lower) < loss.value(weights) - 1e-12
            assert np.linalg.norm(found.lower - weights) <= 0.1 * loss.size * (1 + 1e-12)
        if found.middle_rank == min(widths[1:-1]):  # the rank condition of Kawaguchi
            assert found.kind in ("global", "strict saddle")
        seen.add(found.kind)
    assert seen == {"global", *SADDLES}


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_origin_of_a_chain_of_numbers(depth):
    """``1/2 (1 - w_1 ... w_L)^2``: eigenvalues -1 and 1 with two numbers, all 0 with more."""
    loss = LinearNetworkLoss([[1.0]], [1.0], [1] * (depth - 1))
    found = classify_linear(loss, np.zeros(depth))
    assert found.kind == SADDLES[depth > 2] and found.index_set == () and found.rank == 0
    assert found.lambda_min == pytest.approx(-1.0 if depth == 2 else 0.0) and found.lower_value < 0.5


@pytest.mark.parametrize("widths", [(3, 2, 2), (4, 3, 3), (3, 1, 2), (2, 4, 1)])
def test_all_saddles_are_strict_with_two_matrices(widths):
    loss = make(widths)
    values, index_sets = loss.critical_values()
    for value, index_set in zip(values, index_sets, strict=True):
        found = classify_linear(loss, loss.critical_point(index_set))
        assert found.kind == ("global" if value == values[0] else "strict saddle")
        ahead = loss.value(found.weights + 1e-3 * loss.size * found.direction)
        behind = loss.value(found.weights - 1e-3 * loss.size * found.direction)
        assert value == values[0] or max(ahead, behind) < value


def test_middle_rank_decides_at_depth_three():
    """The best point of rank 1: not strict until the middle has the full rank; of the second direction: strict."""
    loss = make((3, 2, 2, 2))
    kinds = {(s, k): classify_linear(loss, loss.critical_point([s], k)).kind for s in (0, 1) for k in (1, 2)}
    assert kinds == {
        (0, 1): "saddle (not strict)",
        (0, 2): "strict saddle",
        (1, 1): "strict saddle",
        (1, 2): "strict saddle",
    }
    tightened = [classify_linear(loss, loss.critical_point([0], k)).tightened for k in (1, 2)]
    assert tightened == [True, False]


@pytest.mark.parametrize("radius", [0.3, 0.1, 0.03, 0.01])
@pytest.mark.parametrize("widths", [(3, 2, 2, 2), (2, 2, 3, 1)])
def test_lower_points_at_any_distance(widths, radius):
    loss = make(widths)
    for index_set in [(), *([(0,)] if loss.max_rank > 1 else [])]:
        found = classify_linear(loss, loss.critical_point(index_set), radius=radius)
        assert found.kind == "saddle (not strict)" and found.lower_value < found.value
        assert 0 < np.linalg.norm(found.lower - found.weights) <= radius * loss.size * (1 + 1e-12)


@pytest.mark.parametrize("depth", [3, 4])
def test_fall_from_the_origin_is_of_the_order_of_the_depth(depth):
    loss = make((2,) * (depth + 1))
    direction = np.random.default_rng(0).normal(size=loss.n_weights)
    if np.sum(loss.product(direction) * loss.slope(np.zeros((2, 2)))) > 0:  # the first matrix the other way round
        direction[:4] *= -1.0
    falls = [loss.zero_value - loss.value(t * direction) for t in (1e-2, 1e-3)]
    assert np.log10(falls[0] / falls[1]) == pytest.approx(depth, abs=0.02)


def test_skip_connections_move_the_saddle_off_the_origin():
    loss = make((2, 2, 2, 2), skip=True)
    assert classify_linear(loss, np.zeros(12)).kind == "not stationary"
    away = classify_linear(loss, loss.pack(*[-np.eye(2)] * 3))
    assert away.kind == "saddle (not strict)" and away.value == pytest.approx(loss.zero_value)


def test_search_for_second_order_points_stops_there():
    """An independent descent: from the origin it leaves the strict saddle of two matrices, and no other."""
    two, three = make((2, 2, 2)), make((2, 2, 2, 2))
    from_zero = [
        second_order_points(f, n_starts=0, starts=[np.zeros(f.n_weights)], random_state=0) for f in (two, three)
    ]
    assert from_zero[0].all_global and from_zero[0].n_iter[0] > 0
    assert from_zero[1].is_second_order.all() and not from_zero[1].is_global.any() and from_zero[1].n_iter[0] == 0


@pytest.mark.parametrize("factor", [1.0, 1e-4, 1e4])
def test_labels_do_not_depend_on_the_scale_of_the_targets(factor):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(8, 2)), factor * rng.normal(size=(8, 2))
    loss = LinearNetworkLoss(X, Y, [2, 2])
    kinds = [classify_linear(loss, loss.critical_point(s)).kind for s in [(0, 1), (0,), (1,), ()]]
    assert kinds == ["global", "saddle (not strict)", "strict saddle", "saddle (not strict)"]


DEGENERATE = {
    "equal eigenvalues": (np.eye(2), np.eye(2)),
    "targets of rank 1": (np.eye(3), np.outer([1.0, 2.0, 3.0], [1.0, -1.0])),
    "repeated rows and columns": (np.ones((3, 2)), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 2.0]])),
    "more outputs than features": (np.array([[1.0], [2.0]]), np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]])),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_labels_without_the_assumptions_of_the_theorems(name):
    """Eigenvalues and lower points decide alone; the Hessian is 0 at the origin of three matrices."""
    X, Y = DEGENERATE[name]
    loss = LinearNetworkLoss(X, Y, [2, 2])
    assert not loss.is_generic
    found = classify_linear(loss, np.zeros(loss.n_weights))
    assert found.kind == "saddle (not strict)" and found.tightened is None and not loss.hessian(found.weights).any()
    best = classify_linear(loss, loss.critical_point(range(min(loss.max_rank, loss.n_explained))))
    assert best.kind == "global" and best.lower is None


@pytest.mark.parametrize("name", DEGENERATE)
def test_the_list_of_values_needs_no_assumptions(name):
    X, Y = DEGENERATE[name]
    loss = LinearNetworkLoss(X, Y, [2, 2])
    found = linear_critical_points(loss, n_starts=10, random_state=0)
    apart = [np.abs(loss.critical_values()[0] - point.value).min() for point in found]
    assert len(apart) >= 7 and max(apart) <= 1e-9 * loss.zero_value


def test_targets_that_nothing_explains_are_fitted_by_zero():
    loss = LinearNetworkLoss([[1.0], [1.0]], [1.0, -1.0], [2])
    assert classify_linear(loss, np.zeros(4)).kind == "global" and loss.critical_values()[0].tolist() == [1.0]


@pytest.mark.parametrize("widths", [(3, 2, 2), (3, 2, 2, 2), (3, 3, 2, 2), (2, 1, 2, 2), (2, 2, 2, 2, 2)])
def test_search_finds_values_of_the_list_only(widths):
    loss = make(widths, seed=1)
    found = linear_critical_points(loss, n_starts=20, random_state=0)
    values = loss.critical_values()[0]
    assert len(found) + found.n_unfinished == 20 and len(found) >= 15
    for point in found:
        assert np.abs(values - point.value).min() <= 1e-9 * loss.zero_value
        assert np.linalg.norm(loss.gradient(point.weights)) <= 1e-7 * loss.slope_unit
        assert (point.kind == "global") == (abs(point.value - loss.optimal_value) <= 1e-9 * loss.zero_value)
    assert sum(point.kind == "undecided" for point in found) <= 3
    assert len({point.index_set for point in found}) >= 2


def test_search_is_reproducible_and_prints_a_table():
    loss = make((2, 2, 2))
    found, again = (linear_critical_points(loss, n_starts=6, random_state=1) for _ in range(2))
    assert str(found) == str(again) and str(found).splitlines()[0].split() == ["value", "fits", "kind", "starts"]
    counts = [int(line.split()[-1]) for line in str(found).splitlines()[1:]]
    assert sum(counts) == len(found) and f"{len(found)} critical points" in repr(found)
    assert "strict saddle" in found._repr_html_()
    assert "kind global, value 1" in repr(classify_linear(LinearNetworkLoss([[1.0], [1.0]], [1.0, -1.0], []), [0.0]))


def test_points_that_are_not_critical_have_no_set():
    loss = make((3, 2, 2))
    found = classify_linear(loss, np.ones(loss.n_weights))
    assert found.kind == "not stationary" and found.index_set is None and found.lower is None
    assert "no set" in repr(found)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (np.zeros(3), {}, r"weights must have shape \(10,\)"),
        (np.full(10, np.nan), {}, "weights must be finite"),
        (np.zeros(10), {"tol": 0.0}, "tol must be finite and above 0"),
        (np.zeros(10), {"radius": -1.0}, "radius must be finite and above 0"),
    ],
)
def test_bad_arguments_are_refused_by_name(weights, options, message):
    with pytest.raises(InvalidInputError, match=message):
        classify_linear(make((3, 2, 2)), weights, **options)


@pytest.mark.parametrize(("ratio", "widths"), [(1e-5, [2]), (2e-5, [2, 2])])
def test_a_small_direction_that_is_missing_makes_a_saddle(ratio, widths):
    loss = LinearNetworkLoss(np.eye(2), np.diag([1.0, ratio]), widths)
    point = classify_linear(loss, loss.critical_point([0], middle_rank=2 if len(widths) == 2 else None))
    assert point.kind == "strict saddle" and point.lambda_min == pytest.approx(-ratio, rel=1e-6)
