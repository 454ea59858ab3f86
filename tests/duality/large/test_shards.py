"""Pricing by sums over shards: against the exact price, whatever the cut, from files, and with bad input."""

import numpy as np
import pytest

from convexnn import InvalidInputError, price
from convexnn.duality.large import rows as _rows
from convexnn.duality.large import shards as sharded
from convexnn.duality.large.shards import LocalShards, nearest_to_zero, price_shards
from tests import zoo
from tests.duality.test_pricing import check_record, dual_points

RNG = np.random.default_rng


def cut(X, nu, edges):
    """Shards of rows, some of them perhaps empty."""
    return LocalShards(np.split(X, edges), np.split(nu, edges))


@pytest.fixture
def small_sample(monkeypatch):
    """Few starts that know next to nothing: the passes have to do the work."""
    monkeypatch.setattr(sharded, "N_SAMPLED_ROWS", 4)
    monkeypatch.setattr(price_shards, "__kwdefaults__", price_shards.__kwdefaults__ | {"n_starts": 24})
    monkeypatch.setattr(_rows, "ROWS_PER_BLOCK", 7)


@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (12, 2), (40, 3), (60, 4), (30, 6), (3, 5)])
def test_the_exact_price_is_found(shape, small_sample):
    X = zoo.random_problem(*shape)[0]
    for name, nu in dual_points(len(X)).items():
        exact, found = price(X, nu, proof="exact"), price_shards(cut(X, nu, [len(X) // 3, len(X) // 3]))
        assert found.proof == "heuristic", name
        check_record(found, X, nu)
        assert found.value == pytest.approx(exact.value, rel=1e-6, abs=1e-13 * np.abs(nu).sum()), name
        assert found.upper_bound >= exact.value


@pytest.mark.parametrize("name", zoo.degenerate_designs())
def test_degenerate_designs(name, small_sample):
    X = zoo.degenerate_designs()[name]
    for kind, nu in dual_points(len(X)).items():
        exact, found = price(X, nu, proof="exact"), price_shards(cut(X, nu, [1]))
        check_record(found, X, nu)
        assert found.value == pytest.approx(exact.value, rel=1e-6, abs=1e-13 * np.abs(nu).sum()), kind
        assert found.upper_bound >= exact.value * (1 - 1e-12)


@pytest.mark.parametrize("name", zoo.variants(np.ones((1, 1)), np.ones(1)))
def test_variants(name, small_sample):
    X, nu = zoo.variants(*zoo.random_problem(14, 3, 5))[name]
    exact, found = price(X, nu, proof="exact"), price_shards(cut(X, nu, [2, 9]))
    assert found.value == pytest.approx(exact.value, rel=1e-6) and found.upper_bound >= exact.value


@pytest.mark.parametrize("factor", [1e-250, 1e-150, 1e150, 1e250])
def test_extreme_scales(factor):
    X, nu = zoo.random_problem(10, 3, 1)
    once = price_shards(cut(X, nu, [5]))
    for scaled in (price_shards(cut(factor * X, nu, [5])), price_shards(cut(X, factor * nu, [5]))):
        np.testing.assert_allclose(
            [scaled.value, scaled.upper_bound], [factor * once.value, factor * once.upper_bound], rtol=1e-9
        )


@pytest.mark.mostly_slow
@pytest.mark.parametrize("edges", [[], [1], [0, 0, 250], [100, 200, 299], list(range(10, 300, 10))])
def test_the_cut_of_the_rows_does_not_matter(edges):
    X, nu = zoo.random_problem(300, 5, 2)
    whole, again = (price_shards(cut(X, nu, [150])) for _ in range(2))
    np.testing.assert_array_equal(whole.local_directions, again.local_directions)
    assert (whole.value, whole.upper_bound) == (again.value, again.upper_bound)
    other = price_shards(cut(X, nu, edges))
    assert (other.value, other.upper_bound) == pytest.approx((whole.value, whole.upper_bound), rel=1e-9)
    np.testing.assert_allclose(other.direction, whole.direction, atol=1e-6)


def test_the_bound_is_the_spectral_one():
    X, nu = zoo.random_problem(400, 10, 3)
    bound = price(X, nu, proof="heuristic").upper_bound
    assert price_shards(cut(X, nu, [100])).upper_bound == pytest.approx(bound, rel=1e-2)


def test_of_convex_rows_the_bound_is_below_the_sum_of_norms():
    X, nu = zoo.random_problem(50, 3, 4)
    trivial = np.abs(nu) @ np.linalg.norm(X, axis=1)
    found = price_shards(cut(X, np.abs(nu), [10]))
    assert found.sign == 1 and found.value <= found.upper_bound < trivial


def test_values_never_fall(small_sample, monkeypatch):
    seen, observe = {}, sharded._Climb.observe

    def watched(climb, slopes, tol):
        observe(climb, slopes, tol)
        seen.setdefault(id(climb), []).append((climb, climb.value))

    monkeypatch.setattr(sharded._Climb, "observe", watched)
    price_shards(cut(*zoo.random_problem(500, 8, 6), [100]))
    histories = [[value for _, value in history] for history in seen.values()]
    assert max(map(len, histories)) > 5
    assert all(np.all(np.diff(history) >= 0) for history in histories)


def test_a_pass_is_a_gradient(small_sample):
    X, nu = zoo.random_problem(40, 3, 7)
    directions = RNG(0).standard_normal((6, 3))
    slopes = _rows.slopes_of(X, nu, directions, (1.0, 1.0))[0]
    active = X @ directions.T > 0
    for side, weight in zip(slopes, (np.maximum(nu, 0), np.maximum(-nu, 0)), strict=True):
        np.testing.assert_allclose(side, (active * weight[:, None]).T @ X, atol=1e-12)


def test_nearest_point_of_a_hull():
    np.testing.assert_allclose(nearest_to_zero(np.array([[1.0, 1.0], [1.0, -3.0]]))[0], [1.0, 0.0], atol=1e-14)
    np.testing.assert_allclose(nearest_to_zero(np.array([[2.0, 0.0], [-1.0, 0.0]]))[0], [0.0, 0.0], atol=1e-14)
    points = RNG(0).standard_normal((9, 4)) + 1.5
    nearest, shares = nearest_to_zero(points)
    np.testing.assert_allclose(shares @ points, nearest)
    assert shares.min() >= 0 and shares.sum() == pytest.approx(1)
    assert (points @ nearest).min() >= nearest @ nearest * (1 - 1e-10)  # what the point of least norm is known by


def test_files_larger_than_a_block_are_read_where_they_are(tmp_path):
    X, nu = zoo.random_problem(20_000, 4, 8)
    X = X.astype(np.float32)
    for k, part in enumerate(np.array_split(X, 3)):
        np.save(tmp_path / f"{k}.npy", part)
    mapped = [np.load(tmp_path / f"{k}.npy", mmap_mode="r") for k in range(3)]
    found = price_shards(LocalShards(mapped, np.array_split(nu, 3), n_jobs=2), n_starts=4, max_passes=20)
    expected = price_shards(cut(X.astype(float), nu, [8000]), n_starts=4, max_passes=20)
    assert found.value == pytest.approx(expected.value, rel=1e-9)
    assert found.value == pytest.approx(found.sign * (nu @ np.maximum(X @ found.direction, 0.0)), rel=1e-9)


def test_limits():
    X, nu = zoo.random_problem(500, 6, 9)
    exact = price(X, nu, proof="heuristic")
    for options in ({"time_limit": 0}, {"max_passes": 1}, {"n_starts": 1}):
        found = price_shards(cut(X, nu, [7]), **options)
        check_record(found, X, nu)
        assert found.upper_bound >= exact.value >= found.value * (1 - 1e-9)


def test_nothing_to_price():
    for X, nu in ((np.zeros((3, 2)), np.ones(3)), (np.ones((3, 2)), np.zeros(3))):
        found = price_shards(cut(X, nu, [1]))
        assert (found.value, found.upper_bound, found.sign) == (0.0, 0.0, 0)
        np.testing.assert_array_equal(found.direction, np.zeros(2))


@pytest.mark.parametrize(
    ("X", "nu", "message"),
    [
        ([np.ones((2, 3)), np.ones((2, 2))], [np.ones(2)] * 2, r"as many columns; got \[2, 3\]"),
        ([np.ones(3)], [np.ones(3)], r"shape \(n_rows, n_features\); got shape \(3,\)"),
        ([np.ones((2, 3))], [np.ones(3)], r"nu must have shape \(2,\)"),
        ([np.ones((0, 3))], [np.ones(0)], "at least one row"),
        ([], [], "at least one row"),
        ([np.full((2, 3), np.nan)], [np.ones(2)], "NaN"),
        ([np.ones((2, 3))], [np.array([1.0, np.inf])], "nu contains infinity"),
        ([np.full((9, 3), 1e300)], [np.full(9, 1e300)], "overflows"),
    ],
)
def test_bad_shards_are_refused(X, nu, message):
    with pytest.raises(ValueError, match=message):
        price_shards(LocalShards(X, nu))


@pytest.mark.parametrize("options", [{"tol": 0}, {"n_starts": 0}, {"max_passes": 0}, {"time_limit": -1}])
def test_bad_options_are_refused(options):
    with pytest.raises(InvalidInputError, match=next(iter(options))):
        price_shards(cut(*zoo.random_problem(5, 2), [2]), **options)


def test_rows_of_zeros_alone_have_no_price():
    shards = LocalShards([np.array([[1.0, 0.0], [0.0, 0.0]])], [np.array([0.0, 1.0])])
    found = price_shards(shards)
    assert found.value == found.upper_bound == 0.0
