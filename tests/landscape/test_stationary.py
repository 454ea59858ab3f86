"""All stationary values: against oracles, against grids over the directions, and against the ends of descent."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from convexnn import InvalidInputError, PatternLimitError, SolverError, TwoLayerReLU, optimal_set
from convexnn.landscape import _pair_sets, classify, gradient_descent, polish, polishing, stationary_values
from convexnn.solvers.base import Status
from convexnn.solvers.restricted import solve_over_patterns

O1 = np.array([[-np.sqrt(3.0), 1.0], [np.sqrt(3.0), 1.0]]), np.ones(2)
N_ANGLES = 240  # of the grid over the directions, beside those of the kinks


def data(seed, n=4, d=2):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


class Profile:
    """The objective of one or two neurons in the plane at the best masses and free terms, as a function of angles.

    Independent of the package: the free terms are projected off, the masses are a lasso of two unknowns.
    """

    def __init__(self, X, y, beta, *, hidden_bias=False, fit_intercept=False, skip_connection=False, weight=None):
        root = np.sqrt(np.ones(len(y)) if weight is None else weight)
        free = root[:, None] * np.hstack([X] * skip_connection + [np.ones((len(y), 1))] * fit_intercept + [X[:, :0]])
        basis = np.linalg.qr(free)[0] if free.shape[1] else free
        self.off = np.eye(len(y)) - basis @ basis.T
        self.rows, self.root = np.hstack([X, np.ones((len(y), 1))]) if hidden_bias else X, root
        self.target, self.beta = self.off @ (root * y), beta
        kinks = np.arctan2(self.rows[:, 1], self.rows[:, 0])
        kinks = np.concatenate([kinks + 0.5 * np.pi, kinks - 0.5 * np.pi]) % (2.0 * np.pi)
        self.angles = np.unique(np.concatenate([np.arange(N_ANGLES) * 2.0 * np.pi / N_ANGLES, kinks]))

    def fits(self, angles):
        units = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        return (self.root * np.maximum(units @ self.rows.T, 0.0)) @ self.off

    def values(self, *fits):
        """The best objectives, and whether every mass is clearly above zero."""
        grams = [np.sum(f * f, axis=-1) for f in fits]
        pulls = [f @ self.target - self.beta for f in fits]
        zero = 0.5 * self.target @ self.target
        safe = [np.where(g > 1e-12, g, np.inf) for g in grams]
        alone = [np.maximum(p, 0.0) / g for p, g in zip(pulls, safe, strict=True)]
        best = zero - 0.5 * np.max([a * np.maximum(p, 0.0) for a, p in zip(alone, pulls, strict=True)], axis=0)
        if len(fits) == 1:
            return best, alone[0] > 1e-6
        cross = np.sum(fits[0] * fits[1], axis=-1)
        det = grams[0] * grams[1] - cross**2
        det = np.where(det > 1e-9 * grams[0] * grams[1] + 1e-15, det, np.inf)
        masses = (grams[1] * pulls[0] - cross * pulls[1]) / det, (grams[0] * pulls[1] - cross * pulls[0]) / det
        both = (masses[0] > 0.0) & (masses[1] > 0.0)
        joint = zero - 0.5 * (masses[0] * pulls[0] + masses[1] * pulls[1])
        return np.where(both, joint, best), (masses[0] > 1e-6) & (masses[1] > 1e-6)

    def at(self, signs, angles):
        fits = [sign * self.fits(np.array([angle])) for sign, angle in zip(signs, angles, strict=True)]
        return float(self.values(*fits)[0][0])

    def minima(self, width):
        """The values of all local minima with `width` neurons: a grid, and the simplex search from its minima."""
        found, each = [], self.fits(self.angles)
        for signs in product([1.0, -1.0], repeat=width):
            fits = [signs[0] * each] if width == 1 else [signs[0] * each[:, None], signs[1] * each[None]]
            values, present = self.values(*np.broadcast_arrays(*fits))
            lowest = present.copy()
            for shift in product([-1, 0, 1], repeat=width):
                lowest &= values <= np.roll(values, shift, axis=tuple(range(width))) + 1e-14
            for place in np.argwhere(lowest):
                start = self.angles[place]
                options = {"xatol": 1e-11, "fatol": 1e-15, "initial_simplex": start + 1e-3 * np.eye(width + 1, width)}
                end = minimize(lambda at, signs=signs: self.at(signs, at), start, method="Nelder-Mead", options=options)
                found.append(min(end.fun, self.at(signs, start)))
        return np.array(found)

    @property
    def zero(self):
        return 0.5 * self.target @ self.target


def assert_same_values(found, expected, tolerance=1e-7):
    expected = np.asarray(expected)
    for value in found:
        assert np.abs(expected - value).min() <= tolerance * found.max(), f"{value} is not in the grid"
    for value in expected:
        assert np.abs(found - value).min() <= tolerance * found.max(), f"{value} was not found"


@pytest.mark.parametrize("beta", [0.1, 1.0])
@pytest.mark.parametrize("max_width", [1, 2, 5])
def test_two_rows_have_three_values(beta, max_width):
    """Theory: the zero network, one half of the rows, and p* = beta - beta^2 / 4."""
    found = stationary_values(*O1, beta, max_width)
    half = 0.5 + (beta / 2.0 - beta**2 / 8.0)
    np.testing.assert_allclose(found.values, [beta - beta**2 / 4.0, half, 1.0], rtol=1e-12)
    assert [label.kind for label in found.labels] == ["global", "local-strict", "saddle"]
    assert found.widths.tolist() == [1, 1, 0]
    assert found.n_networks.tolist() == [1 if max_width == 1 else 2, 2, 1]


def test_the_values_of_the_oracle():
    assert stationary_values(*O1, 0.1, 3).values.tolist() == pytest.approx([0.0975, 0.54875, 1.0], rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_one_neuron_against_a_grid(seed):
    X, y = data(seed, 5)
    profile, found = Profile(X, y, 0.1), stationary_values(X, y, 0.1, 1)
    assert_same_values(found.values, [*profile.minima(1), profile.zero])


@pytest.mark.parametrize("flags", [{"fit_intercept": True}, {"skip_connection": True}, {}], ids=["one", "skip", "none"])
@pytest.mark.parametrize("seed", [0, 1])
def test_free_terms_biases_and_weights_against_a_grid(seed, flags):
    X, y = data(seed, 6, 1)
    weight = np.array([1.0, 2.0, 0.0, 0.5, 1.0, 3.0])
    found = stationary_values(X, y, 0.2, 1, hidden_bias=True, sample_weight=weight, **flags)
    kept = weight > 0.0
    profile = Profile(X[kept], y[kept], 0.2, hidden_bias=True, weight=weight[kept], **flags)
    assert_same_values(found.values, [*profile.minima(1), profile.zero])


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 5])
@pytest.mark.parametrize("seed", range(3))
def test_two_neurons_against_a_grid(seed, n):
    X, y = data(seed, n)
    profile, found = Profile(X, y, 0.1), stationary_values(X, y, 0.1, 2)
    assert_same_values(found.values, [*profile.minima(2), *profile.minima(1), profile.zero])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("d", [2, 3])
def test_networks_are_stationary_and_have_their_values(seed, d):
    X, y = data(seed, 4, d)
    found = stationary_values(X, y, 0.05, 2)
    assert np.all(np.diff(found.values) > 0.0) and found.labels[-1].kind == "saddle"
    for value, network, width in zip(found.values, found.networks, found.widths, strict=True):
        assert network.objective(X, y, 0.05) == pytest.approx(value, rel=1e-12)
        assert classify(network, X, y, 0.05).kind != "not-stationary"
        wider = classify(network.padded(network.width + 1), X, y, 0.05).kind
        assert wider == ("global" if value == found.values[0] and found.labels[0].kind == "global" else "saddle")
        assert width == network.width or width == 0
    assert found.values[0] >= optimal_set(X, y, 0.05).optimal_value * (1.0 - 1e-9)
    assert found.values[-1] == pytest.approx(0.5 * y @ y)


def test_the_optimum_is_there_from_the_critical_width_on():
    X, y = data(2, 4)
    known = optimal_set(X, y, 0.05)
    for width in range(1, 5):
        value = stationary_values(X, y, 0.05, width).values[0]
        assert (value <= known.optimal_value * (1.0 + 1e-9)) == (width >= known.m_star)


def test_wider_networks_keep_the_values_of_narrow_ones():
    X, y = data(0, 5)
    narrow, wide = (stationary_values(X, y, 0.1, width) for width in (1, 2))
    assert np.abs(wide.values[:, None] - narrow.values).min(axis=0).max() <= 1e-10
    assert len(wide) > len(narrow)


@pytest.mark.parametrize("seed", range(3))
def test_values_follow_scales_and_turns_of_the_data(seed):
    X, y = data(seed, 4)
    found = stationary_values(X, y, 0.1, 2)
    turn = np.linalg.qr(np.random.default_rng(9).standard_normal((2, 2)))[0]
    order = np.random.default_rng(seed).permutation(4)
    twice, weight = np.vstack([X, X[:1], 0.0 * X[:1]]), [0.5, 1.0, 1.0, 1.0, 0.5, 1.0]
    for other, factor in (
        (stationary_values((X @ turn)[order], y[order], 0.1, 2), 1.0),
        (stationary_values(X, -1e3 * y, 1e2, 2), 1e6),
        (stationary_values(1e-4 * X, y, 1e-5, 2), 1.0),
        (stationary_values(twice, np.r_[y, y[0], 0.0], 0.1, 2, sample_weight=weight), 1.0),
    ):
        np.testing.assert_allclose(other.values, factor * found.values, rtol=1e-9)
        assert other.n_networks.tolist() == found.n_networks.tolist()
        assert [label.kind for label in other.labels] == [label.kind for label in found.labels]


def test_a_point_that_only_clarke_calls_stationary_is_left_out():
    """One neuron on a kink, objective .125, whose one-sided derivatives along both sides of it are -.1."""
    X, y = np.array([[1.0, -1.0], [0.0, 1.0]]), np.array([1.1, 0.2])
    trap = TwoLayerReLU([[1.0, 0.0]], [1.0])
    assert trap.objective(X, y, 0.1) == pytest.approx(0.125) and classify(trap, X, y, 0.1).kind == "not-stationary"
    found = stationary_values(X, y, 0.1, 2)
    assert np.abs(found.values - 0.125).min() > 1e-3
    assert found.values[0] == pytest.approx(0.090282, abs=1e-6)
    profile = Profile(X, y, 0.1)
    assert_same_values(found.values, [*profile.minima(2), *profile.minima(1), profile.zero])


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]],
        [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
        [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]],
    ],
    ids=["collinear", "grid", "antipodal and zero"],
)
def test_degenerate_rows_against_a_grid(X):
    X, y = np.array(X), np.array([1.0, -0.5, 2.0])
    profile, found = Profile(X, y, 0.1), stationary_values(X, y, 0.1, 1)
    assert_same_values(found.values, [*profile.minima(1), profile.zero])


def test_values_of_targets_that_free_terms_fit():
    X = np.arange(3.0)[:, None]
    found = stationary_values(X, 2.0 * X[:, 0] + 1.0, 0.1, 2, fit_intercept=True, skip_connection=True)
    assert len(found) == 1 and found.values[0] == pytest.approx(0.0, abs=1e-12)
    assert found.labels[0].kind == "global" and found.widths.tolist() == [0]


def test_above_the_largest_strength_only_zero_is_stationary():
    X, y = data(0)
    found = stationary_values(X, y, 100.0, 2)
    assert found.values.tolist() == pytest.approx([0.5 * y @ y]) and found.labels[0].kind == "global"


@pytest.mark.parametrize(("seed", "width"), [(0, 1), (1, 2)])
def test_descent_ends_at_values_of_the_list(seed, width):
    X, y = data(seed, 4)
    found = stationary_values(X, y, 0.1, width)
    runs = gradient_descent(X, y, width, 0.1, n_runs=20, random_state=seed)
    reached = found.reached(runs)
    ends = [polish(network, X, y, 0.1) for network in runs.networks]
    stationary = [end for end in ends if classify(end, X, y, 0.1).kind != "not-stationary"]
    assert reached.sum() == len(stationary) >= 18
    expected = [np.abs(found.values - end.objective(X, y, 0.1)).argmin() for end in stationary]
    assert reached.tolist() == np.bincount(expected, minlength=len(found)).tolist()


def test_runs_of_a_larger_width_may_end_elsewhere():
    X, y = data(0, 5)
    runs = gradient_descent(X, y, 3, 0.1, n_runs=10, random_state=0)
    narrow = stationary_values(X, y, 0.1, 1).reached(runs).sum()
    assert narrow < stationary_values(X, y, 0.1, 3).reached(runs).sum() <= 10


def test_the_table():
    pytest.importorskip("pandas")
    found = stationary_values(*O1, 0.1, 2)
    lines = str(found).splitlines()
    assert lines[0].split() == ["value", "neurons", "networks", "label"]
    assert lines[2].split() == ["0.54875", "1", "2", "local-strict"]
    assert repr(found).startswith("StationaryValues(3 values from 0.0975 to 1, width at most 2, ")
    frame = found.to_frame(gradient_descent(*O1, 1, 0.1, n_runs=10, random_state=0))
    assert frame["runs"].sum() == 10 and frame["label"].tolist() == ["global", "local-strict", "saddle"]
    assert "runs" not in found.to_frame() and "local-strict" in found._repr_html_()


def test_too_many_sets_are_refused_with_their_number():
    X, y = data(0, 8)
    with pytest.raises(PatternLimitError, match=r"so 5489 sets of at most 3 \(pattern, sign\) pairs, .* max_sets=5000"):
        stationary_values(X, y, 0.1, 3, max_sets=5000)
    with pytest.raises(PatternLimitError, match=r"X may have \d{10,} activation patterns, .* max_sets=100000"):
        stationary_values(*data(0, 200, 6), 0.1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_width": 0}, "max_width must be an integer"),
        ({"beta": -1.0}, "beta must be"),
        ({"y": np.ones((4, 2))}, "y must have shape"),
        ({"tol": 0.0}, "tol must be"),
        ({"max_sets": 1.5}, "max_sets must be an integer"),
        ({"X": np.full((4, 2), np.nan)}, "X contains NaN"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_arguments_are_refused_by_name(change, message):
    X, y = data(0)
    with pytest.raises(ValueError, match=message):
        stationary_values(**({"X": X, "y": y, "beta": 0.1, "max_width": 2} | change))


def test_strengths_below_double_precision_are_refused():
    with pytest.raises(SolverError, match="beta=1e-10 is too small for double precision"):
        stationary_values(*data(0), 1e-10, 2)


@pytest.mark.parametrize("seed", range(3))
def test_a_small_strength_against_a_grid(seed):
    X, y = data(seed)
    profile, found = Profile(X, y, 1e-3), stationary_values(X, y, 1e-3, 1)
    assert_same_values(found.values, [*profile.minima(1), profile.zero])
    assert max(label.stationarity for label in found.labels) <= 1e-8


def test_descents_of_another_problem_are_refused():
    found = stationary_values(*O1, 0.1, 1)
    runs = gradient_descent(*O1, 1, 0.1, n_runs=1, hidden_bias=True, random_state=0)
    with pytest.raises(InvalidInputError, match="every network of descents must not have hidden_bias"):
        found.reached(runs)


def interrupted_after(n_solves):
    """The solver over patterns, whose answers say after so many that the user has interrupted it."""
    left = iter(range(n_solves))

    def run(*arguments, **options):
        solution = solve_over_patterns(*arguments, **options)
        return solution if next(left, None) is not None else replace(solution, status=Status.interrupted)

    return run


@pytest.mark.parametrize("n_solves", [0, 1, 3])
def test_an_interrupt_of_any_set_ends_the_list(monkeypatch, n_solves):
    monkeypatch.setattr(_pair_sets, "solve_over_patterns", interrupted_after(n_solves))
    with pytest.raises(KeyboardInterrupt):
        stationary_values(*O1, 0.1, 2)


def test_an_interrupt_ends_polishing(monkeypatch):
    monkeypatch.setattr(polishing, "solve_over_patterns", interrupted_after(0))
    near = TwoLayerReLU([[0.0, 0.95], [0.1, 0.01]], [0.95, 0.1])
    with pytest.raises(KeyboardInterrupt):
        polish(near, *O1, 0.1)
