"""The price against every cell, against the positive rows' sign sets, and on data that break naive searches."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.datasets import load_diabetes

from convexnn.datasets import make_known_optimum
from convexnn.duality.branch_and_bound import MIN_TARGET, branch_and_bound
from convexnn.duality.kernels.concave import _first_blocked
from convexnn.duality.pricing import price, search_price, starts_beside
from convexnn.duality.scalar_price import ScalarPrice, scalar_price_function
from convexnn.duality.spectral import spectral_bound
from convexnn.duality.vector_price import vector_price_function
from tests import zoo
from tests.checks import all_patterns_by_lp, brute_force_price, sampled_price

TOLERANCE = 1e-7
RNG = np.random.default_rng


def at_angles(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


def signed_price(X, nu, direction):
    return nu @ np.maximum(X @ direction, 0.0)


def check_record(result, X, nu):
    """What holds whatever the proof: the value is reached at the direction and the bound is not below it."""
    trivial = np.abs(nu) @ np.linalg.norm(X, axis=1)
    assert result.upper_bound >= result.value >= 0.0
    assert result.value == pytest.approx(result.sign * signed_price(X, nu, result.direction), abs=1e-14 * trivial)
    assert np.linalg.norm(result.direction) == pytest.approx(float(result.sign != 0), abs=1e-14)
    assert (result.value == 0.0) == (result.sign == 0)


def check_exact(X, nu, masks=None):
    """Price with a proof, and compare with the best over all cells; return the result."""
    X, nu = np.asarray(X, dtype=float), np.asarray(nu, dtype=float)
    result = price(X, nu)
    truth = brute_force_price(X, nu, masks)
    rounding = 1e-13 * np.abs(nu) @ np.linalg.norm(X, axis=1)
    check_record(result, X, nu)
    assert result.proof == "exact"
    assert result.value == pytest.approx(truth, rel=TOLERANCE, abs=rounding)
    assert truth - rounding <= result.upper_bound <= truth * (1 + 2 * TOLERANCE) + 2e-12 / 1e-13 * rounding
    return result


def dual_points(n, seed=0):
    """Dual points of several shapes, by name."""
    rng = RNG(seed)
    nu = rng.standard_normal(n)
    holes = np.where(np.arange(n) % 2 == 0, nu, 0.0)
    spread = nu * 10.0 ** rng.uniform(-6, 6, n)
    return {"random": nu, "positive": np.abs(nu), "negative": -np.abs(nu), "holes": holes, "spread": spread}


# Against every cell


@pytest.mark.parametrize("shape", [(1, 1), (6, 1), (9, 2), (8, 3), (7, 4), (2, 4), (1, 3)])
def test_random_data(shape):
    X = zoo.random_problem(*shape)[0]
    masks = all_patterns_by_lp(X)
    for seed in range(8):
        check_exact(X, RNG(seed).standard_normal(len(X)), masks)


@pytest.mark.parametrize("name", zoo.degenerate_designs())
def test_degenerate_designs(name):
    X = zoo.degenerate_designs()[name]
    masks = all_patterns_by_lp(X)
    for nu in dual_points(len(X)).values():
        check_exact(X, nu, masks)


@pytest.mark.parametrize("name", zoo.variants(np.ones((1, 1)), np.ones(1)))
def test_variants(name):
    X, nu = zoo.random_problem(6, 2, 5)
    check_exact(*zoo.variants(X, nu)[name])


@pytest.mark.parametrize("factor", [1e-150, 1e-6, 1e6, 1e150])
def test_price_is_homogeneous_in_both_arguments(factor):
    X, nu = zoo.random_problem(10, 3, 1)
    once = price(X, nu)
    for scaled in (price(factor * X, nu), price(X, factor * nu)):
        assert scaled.proof == "exact"
        np.testing.assert_allclose(
            [scaled.value, scaled.upper_bound], [factor * once.value, factor * once.upper_bound], rtol=1e-10
        )
        np.testing.assert_allclose(scaled.direction, once.direction, atol=1e-6)


def test_price_turns_with_the_data():
    X, nu = zoo.random_problem(12, 3, 2)
    rotation = np.linalg.qr(RNG(0).standard_normal((3, 3)))[0]
    once, turned = price(X, nu), price(X @ rotation, nu)
    assert turned.value == pytest.approx(once.value, rel=1e-12)
    np.testing.assert_allclose(turned.direction @ rotation.T, once.direction, atol=1e-6)


def test_order_and_repetition_of_the_rows_do_not_matter():
    X, nu = zoo.random_problem(12, 3, 3)
    order = RNG(0).permutation(12)
    value = price(X, nu).value
    assert price(X[order], nu[order]).value == pytest.approx(value, rel=1e-12)
    assert price(np.vstack([X, X]), np.concatenate([0.25 * nu, 0.75 * nu])).value == pytest.approx(value, rel=1e-12)


def grid_with_ones():
    grid = np.array([[a, b] for a in range(4) for b in range(4)], dtype=float)[:14]
    return np.column_stack([grid, np.ones(14)])


def diabetes_with_ones():
    return np.column_stack([load_diabetes().data[:14, 1:3], np.ones(14)])


@pytest.mark.slow
@pytest.mark.parametrize("make", [grid_with_ones, diabetes_with_ones])
def test_coplanar_rows_with_a_ones_column(make):
    X, rng = make(), RNG(0)
    masks = all_patterns_by_lp(X)
    for _ in range(4):
        check_exact(X, rng.standard_normal(14), masks)
        check_exact(X, rng.integers(-2, 3, 14), masks)


def test_antipodal_rows():
    rows = zoo.random_problem(4, 3)[0]
    X = np.vstack([rows, -rows])
    masks = all_patterns_by_lp(X)
    for seed in range(4):
        nu, drawn = RNG(seed).standard_normal((2, 4))
        for other in (nu, -nu, np.abs(nu), drawn):
            check_exact(X, np.concatenate([nu, other]), masks)


def test_antipodal_rows_of_opposite_sign_are_a_linear_function():
    X, nu = np.array([[1.0, 2.0], [-1.0, -2.0], [3.0, 1.0], [-3.0, -1.0]]), np.array([1.0, -1.0, 2.0, -2.0])
    result = check_exact(X, nu)
    assert result.value == pytest.approx(np.linalg.norm([7.0, 4.0]), rel=1e-12)


def test_repeated_rows_of_opposite_sign_cancel():
    X = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 4.0], [0.3, 0.1], [0.6, 0.2]])
    result = price(X, [1.0, 1.0, -1.0, 2.0, -1.0], all_maximizers=True)
    assert result.proof == "exact" and result.value == 0.0 and result.upper_bound <= 1e-11
    assert result.sign == 0 and np.all(result.direction == 0) and result.maximizers.shape == (0, 2)


@pytest.mark.parametrize("X, nu", [(np.zeros((3, 2)), np.ones(3)), (np.ones((3, 2)), np.zeros(3))])
def test_nothing_to_price(X, nu):
    result = price(X, nu)
    assert (result.value, result.upper_bound, result.sign, result.proof) == (0.0, 0.0, 0, "exact")
    assert result.maximizers is None and price(X, nu, all_maximizers=True).maximizers.shape == (0, 2)


def test_one_sign_has_maximum_zero():
    result = check_exact(np.eye(3), [-1.0, -2.0, -2.0])
    assert result.sign == -1 and result.value == pytest.approx(3.0, rel=1e-12)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("angle", [1e-15, 1e-12, 1e-9, 1e-6])
@pytest.mark.parametrize("seed", range(3))
def test_nearly_parallel_rows(seed, angle):
    rows, nu = zoo.random_problem(8, 3, seed)
    rng = RNG(seed)
    X = np.vstack([rows, rng.choice([-1.0, 1.0, 2.0], (8, 1)) * (rows + angle * rng.standard_normal((8, 3)))])
    nu = np.concatenate([nu, -nu * rng.choice([0.5, 1.0, 1.0 + 1e-9], 8)])
    result = price(X, nu)
    check_record(result, X, nu)
    assert result.proof == "exact"
    _, reached = best_by_plain_ascent(X, nu, result.local_directions, 20)
    assert reached <= result.upper_bound * (1 + 1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_rows_and_columns_of_very_different_sizes(seed):
    rng = RNG(seed)
    X, nu = zoo.random_problem(10, 3, seed)
    X = X * 10.0 ** (rng.uniform(-8, 8, (1, 3)) if seed % 2 else rng.uniform(-8, 8, (10, 1)))
    nu = nu * 10.0 ** rng.uniform(-12, 12, 10)
    result = price(X, nu)
    check_record(result, X, nu)
    assert result.proof == "exact"
    _, reached = best_by_plain_ascent(X, nu, np.eye(3), 40)
    assert reached <= result.upper_bound * (1 + 1e-14)
    trivial = np.abs(nu) @ np.linalg.norm(X, axis=1)
    assert result.upper_bound <= result.value * (1 + 2 * TOLERANCE) + 2 * MIN_TARGET * trivial


def best_by_plain_ascent(X, nu, starts, n_random):
    """Climb from every start with scipy's bounded least squares; independent of the package's kernels."""
    random = RNG(0).standard_normal((n_random, X.shape[1]))
    best = (None, 0.0)
    for sign in (1.0, -1.0):
        positive, negative = sign * nu > 0, sign * nu < 0
        pull = (X[negative] * np.abs(nu[negative])[:, None]).T
        for u in np.vstack([starts, random]):
            for _ in range(20):
                start = np.abs(nu[positive & (X @ u > 0)]) @ X[positive & (X @ u > 0)]
                away = lsq_linear(pull, start, (0, 1), method="bvls").x if negative.any() else np.zeros(0)
                step = start - pull @ away
                if np.linalg.norm(step) == 0:
                    break
                u = step / np.linalg.norm(step)
                value = sign * signed_price(X, nu, u)
                if value > best[1]:
                    best = (u, value)
    return best


# Against the sign sets of the positive rows


def price_by_sign_sets(X, nu):
    """``max_S min_{0<=w<=1} ||sum_S nu_i x_i - sum_N w_i |nu_i| x_i||`` over the positive rows' cells, both signs."""
    best = 0.0
    for point in (nu, -nu):
        positive, negative = point > 0, point < 0
        masks = all_patterns_by_lp(X[positive]) if positive.any() else np.zeros((1, 0), bool)
        pull = (X[negative] * -point[negative, None]).T
        for mask in masks:
            start = (mask * point[positive]) @ X[positive]
            rest = lsq_linear(pull, start, (0, 1), method="bvls").fun if negative.any() else start
            best = max(best, np.linalg.norm(rest))
    return best


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("shape", [(5, 1), (12, 2), (11, 3), (9, 4), (3, 4)])
def test_sign_sets_of_the_positive_rows(shape, seed):
    X, nu = zoo.random_problem(*shape, seed)
    assert price(X, nu).value == pytest.approx(price_by_sign_sets(X, nu), rel=TOLERANCE)


@pytest.mark.parametrize("name", zoo.degenerate_designs())
def test_sign_sets_of_degenerate_designs(name):
    X = zoo.degenerate_designs()[name]
    points = dual_points(len(X), seed=1)
    for nu in (points["random"], points["spread"]):
        truth = price_by_sign_sets(X, nu)
        assert price(X, nu).value == pytest.approx(truth, rel=TOLERANCE, abs=1e-13 * np.abs(nu) @ np.abs(X).sum(axis=1))


# All maximisers


def check_same_directions(found, expected):
    assert len(found) == len(expected)
    distance = np.linalg.norm(found[:, None] - expected, axis=2)
    assert distance.min(axis=0).max(initial=0.0) <= 1e-6 and distance.min(axis=1).max(initial=0.0) <= 1e-6


@pytest.mark.parametrize("known", zoo.known_optima(), ids=str)
def test_all_maximizers_of_known_optima(known):
    result = price(known.X, known.dual_point, all_maximizers=True)
    assert result.proof == "exact"
    expected = known.directions
    if len(expected):
        assert result.value == pytest.approx(known.beta, rel=1e-12)
        check_same_directions(result.maximizers, expected)
    else:
        assert result.value < known.beta


@pytest.mark.parametrize("n", [4, 6, 8])
def test_all_maximizers_of_polygons(n):
    result = price(at_angles(n), np.ones(n), all_maximizers=True)
    assert len(result.maximizers) == n
    values = np.ones(n) @ np.maximum(at_angles(n) @ result.maximizers.T, 0.0)
    np.testing.assert_allclose(values, result.value, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_all_maximizers_that_tie_by_construction(seed):
    problem = make_known_optimum(15, 3, n_directions=2 + seed % 3, random_state=seed)
    result = price(problem.X, problem.dual_point, all_maximizers=True)
    check_same_directions(result.maximizers, problem.directions)
    assert result.value == pytest.approx(problem.beta, rel=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("d", [2, 3, 4])
def test_maximizers_on_a_kink_of_the_convex_part(d, sign):
    # The line (1, 1, 0, ...) is the sum of two lines of the concave part, and kinks of all three meet.
    X = np.vstack([np.eye(d), np.eye(d)[:2].sum(axis=0)])
    nu = sign * np.append(-np.ones(d), 0.9)
    result = price(X, nu, all_maximizers=True)
    assert result.proof == "exact" and len(result.maximizers) >= 1
    assert result.value == pytest.approx(brute_force_price(X, nu), rel=TOLERANCE)


def test_maximizers_are_listed_only_when_asked_for():
    assert price(np.eye(2), [1.0, -1.0]).maximizers is None


def test_local_maxima_are_positive_and_in_order():
    result = price(at_angles(6), np.ones(6))
    assert np.all(np.diff(result.local_values) <= 0) and result.local_values.min() > 0
    reached = result.local_signs * (np.ones(6) @ np.maximum(at_angles(6) @ result.local_directions.T, 0.0))
    np.testing.assert_allclose(reached, result.local_values, rtol=1e-12)


# Proofs, budgets and threads


def hard_problem(seed=0):
    return zoo.random_problem(40, 6, seed)


@pytest.mark.parametrize("proof", ["auto", "bound"])
def test_a_small_budget_leaves_a_valid_bound(monkeypatch, proof):
    X, nu = hard_problem()
    truth = price(X, nu).value
    bounds = []
    for budget in (1, 4_000_000, 400_000_000):
        monkeypatch.setattr(ScalarPrice, "auto_work", budget)
        result = price(X, nu, proof=proof)
        check_record(result, X, nu)
        assert result.upper_bound >= truth
        assert (result.proof == "exact") == (result.upper_bound <= truth * (1 + 2 * TOLERANCE))
        bounds.append(result.upper_bound)
    assert bounds[0] > bounds[1] >= bounds[2] and bounds[0] > truth * 1.001


def long_problem(d=6):
    """A price whose tree takes several seconds."""
    X = np.column_stack([RNG(d).standard_normal((100, d)), np.ones(100)])
    _, nu = zoo.random_problem(100, 2, 1)
    return X, nu


def test_a_tree_that_is_expected_to_end_goes_on():
    X, nu = zoo.random_problem(60, 7, 0)
    full = search_price(X, nu, proof="auto", max_work=1)
    assert full.proof == "exact" and full.n_nodes > 1000


@pytest.mark.parametrize("d", [8, 12])
def test_a_tree_that_is_expected_to_take_long_stops_early(d):
    X, nu = long_problem(d)
    short, full = search_price(X, nu, proof="auto", max_work=1), search_price(X, nu, proof="auto", n_starts=1)
    assert short.proof == "bound" and short.upper_bound >= full.value
    assert short.n_nodes <= 0.2 * full.n_nodes


def test_max_work_is_a_budget_of_auto_alone():
    X, nu = long_problem(8)
    at = {"level": 1.6 * search_price(X, nu, proof="heuristic").value}
    bound = search_price(X, nu, proof="bound", max_work=1, **at)
    assert bound.n_nodes == search_price(X, nu, proof="bound", **at).n_nodes
    exact = search_price(X, nu, proof="exact", max_work=1, **at)
    assert exact.proof == "exact" and exact.n_nodes >= bound.n_nodes


def test_a_budget_gives_the_same_on_any_number_of_threads():
    X, nu = long_problem(7)
    one, two = (search_price(X, nu, proof="auto", max_work=60_000_000, n_jobs=n_jobs) for n_jobs in (1, 2))
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(two, name), err_msg=name)


def test_few_starts_where_work_is_short():
    design = np.ones((500, 10))
    assert starts_beside("auto", design, 128) == starts_beside("auto", design, 128, 1e12) == 128
    assert 16 == starts_beside("auto", design, 128, 1) < starts_beside("auto", design, 128, 3e7) < 128


def test_exact_has_no_budget(monkeypatch):
    monkeypatch.setattr(ScalarPrice, "auto_work", 1)
    assert price(*hard_problem(), proof="exact").proof == "exact"


def test_heuristic_never_claims_a_proof_and_bounds_all_the_same():
    X = zoo.random_problem(8, 3)[0]
    masks = all_patterns_by_lp(X)
    for seed in range(10):
        nu = RNG(seed).standard_normal(8)
        result = price(X, nu, proof="heuristic")
        check_record(result, X, nu)
        assert result.proof == "heuristic" and result.n_nodes == 0
        assert result.value * (1 - 1e-12) <= brute_force_price(X, nu, masks) <= result.upper_bound


def test_no_time_leaves_a_valid_bound():
    X, nu = hard_problem(1)
    result = price(X, nu, proof="exact", time_limit=0.0)
    check_record(result, X, nu)
    assert result.proof == "bound" and result.upper_bound >= price(X, nu).value


def test_too_many_features_for_cones_leave_a_valid_bound():
    X, nu = zoo.random_problem(40, 15, 0)
    result = price(X, nu)
    check_record(result, X, nu)
    assert result.proof == "bound" and result.upper_bound < np.abs(nu) @ np.linalg.norm(X, axis=1)
    assert result.upper_bound >= sampled_price(X, nu)


@pytest.mark.parametrize("n_jobs", [2, -1])
def test_threads_change_no_bit(n_jobs):
    X, nu = zoo.random_problem(60, 5, 4)
    one, many = price(X, nu, n_jobs=1, all_maximizers=True), price(X, nu, n_jobs=n_jobs, all_maximizers=True)
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(many, name), err_msg=name)


def test_level_saves_work_and_keeps_the_bound():
    X, nu = hard_problem(2)
    full = price(X, nu)
    eased = search_price(X, nu, proof="auto", level=1.2 * full.value)
    assert eased.proof == "exact" and eased.n_nodes < full.n_nodes
    assert full.value <= eased.upper_bound <= 1.2 * full.value * (1 + TOLERANCE)


def test_branch_and_bound_finds_what_it_is_not_told():
    X = zoo.random_problem(8, 3)[0]
    masks = all_patterns_by_lp(X)
    for seed in range(10):
        nu = RNG(seed).standard_normal(8)
        function = scalar_price_function(X, nu)
        result = branch_and_bound(function, known_value=0.0)
        truth = brute_force_price(X, nu, masks) / function.scale
        assert result.finished and truth <= result.upper_bound <= truth * (1 + 2 * TOLERANCE)
        assert len(result.points) > 0


def test_slack_covers_what_merging_drops():
    row, across = np.array([0.6, 0.8]), 4e-14 * np.array([-0.8, 0.6])
    X, nu = np.vstack([row + across, row - across, np.eye(2)[0]]), np.array([1.0, -0.99, 0.1])
    function = scalar_price_function(X, nu)
    assert len(function.lines) == 2
    angles = np.linspace(0, 2 * np.pi, 1001)
    u = np.column_stack([np.cos(angles), np.sin(angles)])
    reduced = u @ function.basis
    values = reduced @ function.linear + np.maximum(reduced @ function.lines.T, 0.0) @ function.coefficients
    error = np.abs(values - np.maximum(u @ X.T, 0.0) @ nu / function.scale).max()
    rounding = 100 * np.finfo(float).eps
    assert rounding < error <= function.slack


@pytest.mark.parametrize("seed", range(40))
def test_spectral_bound_is_valid(seed):
    rng = RNG(seed)
    n, d = int(rng.integers(1, 12)), int(rng.integers(1, 4))
    X, nu = zoo.random_problem(n, d, seed)
    nu = nu * rng.choice([0.1, 1.0, 10.0], n)
    function = scalar_price_function(X, nu)
    bound = function.scale * spectral_bound(function)
    assert bound >= price(X, nu).value and bound >= sampled_price(X, nu, 2000)


def test_spectral_bound_is_better_than_the_sum_of_norms():
    X, nu = zoo.random_problem(100, 10, 0)
    function = scalar_price_function(X, nu)
    assert function.scale * spectral_bound(function) < 0.5 * np.abs(nu) @ np.linalg.norm(X, axis=1)


# Bad input

GOOD = (np.eye(2), np.ones(2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_entries_that_are_not_finite(bad):
    X, nu = GOOD
    with pytest.raises(ValueError, match="X"):
        price(np.where(np.eye(2) == 1, bad, 0.0), nu)
    with pytest.raises(ValueError, match="nu"):
        price(X, [1.0, bad])


@pytest.mark.parametrize(
    "X, nu, message",
    [
        (np.eye(2) * 1j, np.ones(2), "[Cc]omplex"),
        (np.eye(2), np.ones(2) * 1j, "[Cc]omplex"),
        (np.ones(2), np.ones(2), "2D"),
        (np.eye(2), np.ones(3), "nu must have shape"),
        (np.eye(2), np.ones((3, 2)), "nu must have shape"),
        (np.eye(2), np.ones((2, 1, 1)), "nu must have shape"),
        (np.zeros((0, 2)), np.zeros(0), "0 sample"),
        (np.zeros((2, 0)), np.zeros(2), "0 feature"),
        (1e200 * np.eye(2), 1e200 * np.ones(2), "too large"),
    ],
)
def test_bad_arrays(X, nu, message):
    with pytest.raises(ValueError, match=message):
        price(X, nu)


@pytest.mark.parametrize("proof", ["certain", None, 1, ""])
def test_unknown_proof(proof):
    with pytest.raises(ValueError, match="proof must be one of"):
        price(*GOOD, proof=proof)


@pytest.mark.parametrize(("amount", "solution"), [(-1e-25, -1e-25), (-1e-25, -1e-30), (1 + 2e-16, 1 + 2e-16)])
def test_amounts_past_their_limit_by_rounding_block_at_once(amount, solution):
    """Seen on 9 x 4 data: the amount was negative and did not move, and the step a division by zero."""
    one = np.ones(1)
    assert _first_blocked(np.array([0]), 1, amount * one, one, solution * one) == (0.0, 0)


def test_wide_rows_are_searched_in_the_space_that_they_span():
    """Long rows of many columns too: an identity of their number would be as large as its square."""
    rng, X = RNG(0), np.zeros((31, 20_000))
    X[:, rng.choice(20_000, 40, replace=False)] = rng.standard_normal((31, 40))
    nu = rng.standard_normal(31)
    function = scalar_price_function(X, nu)
    assert function.basis.shape == (20_000, 31)
    directions = function.basis @ rng.standard_normal((31, 5))
    coordinates = directions.T @ function.basis
    values = np.maximum(coordinates @ function.lines.T, 0.0) @ function.coefficients + coordinates @ function.linear
    np.testing.assert_allclose(function.scale * values, np.maximum(X @ directions, 0.0).T @ nu, rtol=1e-9, atol=1e-9)
    outputs = rng.standard_normal((31, 2))
    assert vector_price_function(np.tile(X, (1, 8)), outputs).basis.shape == (160_000, 31)


def test_parity_of_a_cube_has_a_bound():
    # Its moments vanish up to the second order: the quadratic of the spectral bound is zero.
    cube = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
    X, nu = np.column_stack([cube, np.ones(8)]), cube.prod(axis=1)
    found = price(X, nu, proof="exact")
    assert found.proof == "exact" and found.value == pytest.approx(brute_force_price(X, nu))
