"""The search for second-order points: its step against brute force, its ends against points that are known."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import MatrixFactorization, MatrixSensing, SmoothFunction, second_order_points
from convexnn.landscape.functions.search import region_step

TOP = MatrixFactorization(np.diag([3.0, 2.0, 1.0]), 1)
SADDLES = np.vstack([np.sqrt(2) * np.eye(3)[1], np.eye(3)[2], np.zeros(3)])


class TwoWells(SmoothFunction):
    """``(x^2 - 1)^2 + x/4 + y^2``: two minima, of which one is global."""

    shapes = ((2,),)

    def value(self, weights):
        x, y = weights
        return (x**2 - 1) ** 2 + x / 4 + y**2

    def gradient(self, weights):
        x, y = weights
        return np.array([4 * x * (x**2 - 1) + 0.25, 2 * y])

    def hessian(self, weights):
        return np.diag([12 * weights[0] ** 2 - 4, 2.0])


def wells(**attributes):
    function = TwoWells()
    for name, value in attributes.items():
        setattr(function, name, value)
    return function


def test_strict_saddles_do_not_hold_the_search():
    found = second_order_points(TOP, n_starts=0, starts=SADDLES, random_state=0)
    np.testing.assert_allclose(found.values, 1.25)
    assert found.all_global
    np.testing.assert_allclose(found.least_eigenvalues, 1.0)
    np.testing.assert_allclose(np.abs(found.points), np.sqrt(3) * np.eye(3)[[0, 0, 0]], atol=1e-6)


def test_spurious_minima_are_found_and_named():
    roots = np.sort(np.roots([4, 0, -4, 0.25]).real)  # minimum, maximum, minimum
    values = sorted((x**2 - 1) ** 2 + x / 4 for x in roots[[0, 2]])
    found = second_order_points(wells(optimal_value=values[0]), random_state=0)
    np.testing.assert_allclose(found.distinct_values, values)
    assert found.is_second_order.all()
    assert found.all_global is False
    np.testing.assert_array_equal(found.is_global, found.points[:, 0] < 0)


def test_without_a_known_least_value_nothing_is_global():
    found = second_order_points(wells(), n_starts=5, random_state=0)
    assert (found.is_global, found.all_global) == (None, None)
    assert "the least value is not known" in repr(found)
    assert "no proof" in found._repr_html_()


def test_a_least_value_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="optimal_value; got 0, and -0.25"):
        second_order_points(wells(optimal_value=0.0), random_state=0)


def test_runs_that_are_stopped_early_are_no_points():
    found = second_order_points(TOP, n_starts=3, starts=SADDLES, max_iter=1, random_state=0)
    assert not found.is_second_order.any()
    assert (found.all_global, len(found.distinct_values), len(found)) == (False, 0, 6)
    np.testing.assert_array_equal(found.n_iter, 1)


def test_what_was_asked_for_is_what_is_reached():
    rough = second_order_points(TOP, eps=0.5, gamma=0.5, random_state=0)
    assert np.all(rough.gradient_norms <= 0.5) and np.all(rough.least_eigenvalues >= -0.5)
    assert rough.gradient_norms.max() > 1e-3
    saddles = second_order_points(TOP, n_starts=0, starts=SADDLES, eps=1e-6, gamma=1.0, random_state=0)
    # At the first saddle the least eigenvalue is -1, and it is -2 and -3 at the others.
    np.testing.assert_array_equal(saddles.n_iter > 0, [False, True, True])


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_scaled_problems_have_scaled_answers(scale):
    rng = np.random.default_rng(2)
    M = rng.normal(size=(6, 6))
    found = second_order_points(MatrixFactorization(scale * (M + M.T), 3), random_state=0)
    assert found.is_second_order.all() and found.all_global
    assert len(found.distinct_values) == 1
    A, factor = rng.normal(size=(25, 6, 6)), rng.normal(size=6)
    b = scale * np.einsum("kab,a,b->k", A, factor, factor)
    sensing = MatrixSensing(A, b, 1, minimiser=np.sqrt(scale) * factor)
    assert second_order_points(sensing, n_starts=5, random_state=0).all_global


def test_an_int_makes_the_search_reproducible():
    first, second, other = (second_order_points(TOP, random_state=state).points for state in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_starts": 0}, "n_starts must be above 0"),
        ({"starts": np.ones((2, 2))}, r"starts must have shape \(n_given, 3\)"),
        ({"starts": [np.nan] * 3}, "starts must be finite"),
        ({"eps": 0.0}, "eps must be finite and above 0"),
        ({"gamma": -1.0}, "gamma must be finite and not below 0"),
        ({"random_state": "now"}, "random_state must be"),
    ],
)
def test_bad_arguments_of_the_search_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        second_order_points(TOP, **arguments)


def test_what_is_no_function_is_refused():
    with pytest.raises(InvalidInputError, match="function must be a SmoothFunction; got function"):
        second_order_points(lambda w: w)


CIRCLE = np.linspace(0, 2 * np.pi, 2001)
DISK = np.concatenate([s * np.column_stack([np.cos(CIRCLE), np.sin(CIRCLE)]) for s in np.linspace(0, 1, 101)])


@pytest.mark.parametrize("slopes", [(1.0, -2.0), (0.3, 0.01), (0.0, 1.0), (0.0, 0.0)])
@pytest.mark.parametrize("eigenvalues", [(1.0, 3.0), (-1.0, 2.0), (-3.0, -3.0), (0.0, 1.0), (0.0, 0.0)])
@pytest.mark.parametrize("radius", [0.2, 5.0])
def test_the_step_is_the_best_one_of_its_disk(slopes, eigenvalues, radius):
    slopes, eigenvalues = np.array(slopes), np.array(eigenvalues)

    def model(steps):
        return steps @ slopes + 0.5 * steps**2 @ eigenvalues

    step = region_step(eigenvalues, slopes, radius, 1e-9, np.random.default_rng(0))
    assert np.linalg.norm(step) <= radius * (1 + 1e-9)
    best = model(radius * DISK).min()
    assert best - 1e-3 * (1 + abs(best)) <= model(step) <= best + 1e-9 * (1 + abs(best))


def test_a_counterexample_at_delta_one_half_is_found():
    # Zhang, Josz, Sojoudi, Lavaei 2018: rank 1, restricted isometry with delta = 1/2; a hair more makes it strict.
    long = np.sqrt(1.5) + 0.1
    A = [[[2**0.5, 0], [0, 0.5**0.5]], [[0, long], [long, 0]], [[0, 0], [0, 1.5**0.5]]]
    spurious = [0.0, 0.5**0.5]
    function = MatrixSensing(A, [2**0.5, 0, 0], 1, minimiser=[1.0, 0.0])
    found = second_order_points(function, n_starts=30, starts=[spurious], random_state=0)
    np.testing.assert_allclose(found.values[0], 0.125)  # 1/12 (9/8 + 3/8)
    np.testing.assert_allclose(found.distinct_values, [0.0, 0.125], atol=1e-9)
    assert found.is_second_order.all() and not found.all_global
