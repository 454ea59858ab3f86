"""Prices of dual points of several outputs: against dense grids, one output, and degenerate data."""

import numpy as np
import pytest

from convexnn import price
from convexnn._utils.progress import Reporter
from convexnn.duality.pricing import search_price
from convexnn.duality.vector_price import VectorPrice


def pair(seed, n=30, d=3, c=3):
    """Return a design and a dual point."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((n, c))


def value_at(X, N, directions):
    """``||N^T (X u)_+||`` for the rows of `directions`."""
    return np.linalg.norm(np.maximum(directions @ X.T, 0.0) @ N, axis=1)


def on_circle(n):
    """Unit vectors of the plane."""
    angles = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return np.column_stack([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("c", [2, 4])
def test_plane_against_a_dense_grid(seed, c):
    X, N = pair(seed, d=2, c=c)
    found, grid = price(X, N), value_at(X, N, on_circle(200_000)).max()
    assert found.proof == "exact"
    assert grid <= found.upper_bound and found.value <= grid * (1.0 + 1e-5)
    assert found.upper_bound <= found.value * (1.0 + 2e-7)
    assert value_at(X, N, found.direction[None])[0] == pytest.approx(found.value, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("proof", ["exact", "bound", "heuristic"])
def test_bounds_hold_at_many_directions(seed, proof, monkeypatch):
    monkeypatch.setattr(VectorPrice, "auto_work", 1)
    X, N = pair(seed, d=4)
    N[:, 0] *= 10.0**seed
    found = price(X, N, proof=proof)
    directions = np.random.default_rng(0).standard_normal((50_000, 4))
    directions = np.vstack([directions / np.linalg.norm(directions, axis=1)[:, None], found.local_directions])
    assert value_at(X, N, directions).max() <= found.upper_bound
    assert found.proof == proof


@pytest.mark.parametrize(("n", "d"), [(30, 3), (60, 4), (200, 3)])
def test_a_tree_that_is_expected_to_end_goes_on(n, d):
    X, N = pair(0, n=n, d=d)
    assert search_price(X, N, proof="auto", max_work=1).proof == "exact"


@pytest.mark.parametrize("d", [7, 11])
def test_a_tree_that_is_expected_to_take_long_stops_early(d):
    X, N = pair(0, n=60, d=d)
    short, full = (search_price(X, N, proof=proof, max_work=1) for proof in ("auto", "bound"))
    assert short.proof == full.proof == "bound"
    assert short.n_nodes < 0.2 * full.n_nodes and short.upper_bound >= full.value


@pytest.mark.parametrize("column", [np.array([1.0]), np.array([0.6, 0.8]), np.array([1.0, -2.0, 2.0]) / 3.0])
def test_a_dual_point_of_rank_one_has_the_scalar_price(column):
    X, N = pair(0)
    scalar = price(X, N[:, 0])
    found = price(X, np.outer(N[:, 0], column))
    assert found.value == pytest.approx(scalar.value, rel=1e-9)
    assert found.upper_bound == pytest.approx(scalar.upper_bound, rel=1e-6)


def test_rotations_permutations_and_repetitions_change_nothing():
    X, N = pair(1)
    rng = np.random.default_rng(0)
    value = price(X, N).value
    turned, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    order = rng.permutation(30)
    for other in (
        (X, N @ turned),
        (X @ turned, N),
        (X[order], N[order]),
        (np.vstack([X, X]), np.vstack([0.25 * N, 0.75 * N])),
        (np.vstack([X, np.zeros((2, 3))]), np.vstack([N, np.ones((2, 3))])),
        (np.vstack([X, X]), np.vstack([N, np.zeros_like(N)])),
        (np.hstack([X, X]) / np.sqrt(2.0), N),
        (1e100 * X, 1e-100 * N),
    ):
        found = price(*other)
        assert found.proof == "exact"
        assert found.value == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_integer_grids_antipodal_and_binary_rows(seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(-1, 2, 20), rng.integers(0, 2, 20)]).astype(float)
    X = np.vstack([X, -X[:5]])
    N = rng.integers(-2, 3, (25, 2)).astype(float)
    found, grid = price(X, N), value_at(X, N, on_circle(100_000)).max()
    assert found.proof == "exact"
    assert found.value >= grid * (1.0 - 1e-8) and found.upper_bound >= grid


def test_nothing_to_price():
    for X, N in ((np.zeros((3, 2)), np.ones((3, 2))), (np.ones((3, 2)), np.zeros((3, 2)))):
        found = price(X, N)
        assert found.value == 0.0 and found.sign == 0 and found.upper_bound <= 1e-300
    line = price([[2.0], [-1.0]], [[3.0, 4.0], [0.0, 1.0]])
    assert line.proof == "exact" and line.value == pytest.approx(10.0, rel=1e-12)


def test_the_answer_does_not_depend_on_threads():
    X, N = pair(2, d=4)
    one, two = price(X, N), price(X, N, n_jobs=2)
    assert (one.value, one.upper_bound, one.n_nodes) == (two.value, two.upper_bound, two.n_nodes)


@pytest.mark.parametrize("columns", [(), (1,), (3,)])
def test_nobody_asked_for_the_maximizers_of_nothing(columns):
    for X, dual_point in ((np.eye(2), np.zeros((2, *columns))), (np.zeros((2, 2)), np.ones((2, *columns)))):
        result = price(X, dual_point)
        assert result.value == 0.0 and result.maximizers is None


@pytest.mark.parametrize("columns", [(), (1,)])
def test_one_column_lists_its_maximizers(columns):
    assert price(np.eye(2), np.zeros((2, *columns)), all_maximizers=True).maximizers.shape == (0, 2)
    assert price(np.eye(2), np.ones(2).reshape(2, *columns), all_maximizers=True).maximizers.shape == (1, 2)


def test_all_maximizers_of_several_outputs_are_refused():
    for dual_point in (np.zeros((2, 3)), np.eye(2)):
        with pytest.raises(ValueError, match="all_maximizers is there for one output only.*continuum"):
            price(np.eye(2), dual_point, all_maximizers=True)


def test_one_column_has_the_signed_price():
    X, N = pair(3)
    one, column = price(X, -np.abs(N[:, 0])), price(X, -np.abs(N[:, :1]))
    assert column.sign == one.sign == -1
    assert (column.value, column.upper_bound, column.n_nodes) == (one.value, one.upper_bound, one.n_nodes)
    assert np.array_equal(column.direction, one.direction)


def test_progress_is_told_for_several_outputs(capsys, monkeypatch):
    stage = Reporter.stage
    monkeypatch.setattr("convexnn._utils.progress.LINE_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(Reporter, "stage", lambda self, name, total=None: stage(self, name, total, patience=1e-9))
    X, N = pair(0, n=60, d=5)
    silent, told = price(X, N), price(X, N, verbose=1)
    assert "cones bounded" in capsys.readouterr().out
    assert told.upper_bound == silent.upper_bound


@pytest.mark.parametrize("columns", [(), (3,)])
def test_what_underflows_is_bounded_by_the_smallest_number(columns):
    X = np.array([[1.0], [3.0]]) * 2.0**-540
    nu = np.array([1.0, -1.0 / 3.0]) * 2.0**-534  # cancels, but for the rounding of 1/3
    result = price(X, nu.reshape(2, *[1] * len(columns)) * np.ones((1, *columns)))
    assert result.value == 0.0 and result.proof == "bound"
    assert result.upper_bound == np.finfo(float).smallest_subnormal


def test_single_precision_is_widened():
    X, N = pair(4, d=2)
    X = X.astype(np.float32)
    narrow, wide = price(X, N), price(X.astype(np.float64), N)
    assert (narrow.value, narrow.upper_bound) == (wide.value, wide.upper_bound)


@pytest.mark.parametrize("size", [1e-150, 1e-158, 1e-161, 1e-162])
def test_values_of_tiny_products_are_reached(size):
    rng = np.random.default_rng(0)
    X, nu = rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
    found = price(X * size, nu)
    reached = np.linalg.norm(nu.T @ np.maximum(X @ found.direction, 0.0)) * size
    assert found.value == pytest.approx(reached, rel=1e-12, abs=0.0) and found.upper_bound >= reached
