"""Optimal sets down to strengths at which the residual has no digits left: right, or refused with the reason."""

import numpy as np
import pytest

from convexnn import MinNormReLUInterpolator, optimal_set
from convexnn.exceptions import SolverError
from convexnn.optimal_sets.directions import optimal_directions
from convexnn.optimal_sets.solution_set import OptimalSet
from convexnn.programs.program import make_problem
from convexnn.solvers.column_generation import solve_column_generation
from convexnn.solvers.small_strength import optimum_as_it_is, shifted_problem, solve_to_all_digits

from ..checks import pattern_prices
from ..zoo import random_problem
from .reference import all_vertices, polygon

TERMS = [
    {},
    {"hidden_bias": True, "fit_intercept": True},
    {"skip_connection": True},
    {"sample_weight": [0.01, 1.0, 10.0, 0.1, 100.0, 3.0]},
    {"fit_intercept": True, "sample_weight": [0.01, 1.0, 10.0, 0.1, 100.0, 3.0]},
]


def optimal(X, y, beta, **options):
    """The set, its vertices compared with those of all supports, and its own minimal network with p*."""
    found = optimal_set(X, y, beta, **options)
    scale = np.abs(found._columns).max()
    expected = all_vertices(found._columns / scale, found._columns @ found._shares)
    assert len(expected) == len(found.vertices)
    minimal = found.minimal_network()
    assert minimal.width == found.m_star and found.contains(minimal)
    assert found.problem.objective(minimal) == pytest.approx(found.optimal_value, rel=1e-8)
    return found


@pytest.mark.parametrize("exponent", range(1, 14))
def test_three_unit_vectors_at_every_strength(exponent):
    """All is known: p* = 3 beta - 1.5 beta^2, six directions, vertices with two and three of them."""
    beta = 10.0**-exponent
    found = optimal(polygon(3), np.ones(3), beta)
    assert found.optimal_value == pytest.approx(3 * beta - 1.5 * beta**2, rel=1e-9)
    assert (len(found.signs), found.m_star, found.M_star, found.margin) == (6, 2, 3, np.inf)
    assert [found.n_components(width) for width in range(5)] == [0, 0, 6, 15, 1]
    np.testing.assert_allclose(found.dual_point, beta, rtol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(3))
def test_small_strengths_have_the_set_of_the_interpolants(seed):
    X, y = random_problem(8, 2, seed)
    limit = MinNormReLUInterpolator(hidden_bias=False, tol=1e-9).fit(X, y).optimal_set()
    for beta in (1e-6, 1e-9, 1e-12):
        found = optimal_set(X, y, beta)
        assert (len(found.signs), found.m_star, found.M_star) == (len(limit.signs), limit.m_star, limit.M_star)
        assert len(found.vertices) == len(limit.vertices)
        assert found.optimal_value == pytest.approx(beta * limit.optimal_value, rel=1e-3)
        np.testing.assert_allclose(found.dual_point / beta, limit.dual_point, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("options", TERMS, ids=lambda options: "-".join(options) or "none")
@pytest.mark.parametrize("beta", [1e-3, 1e-8])
def test_terms_and_weights(beta, options):
    X, y = random_problem(6, 2, 3)
    found = optimal(X, y, beta, **options)
    values, *_ = pattern_prices(found.problem.design, found.dual_point)
    assert values.max() == pytest.approx(beta, rel=1e-9)
    free = found.problem.free
    assert np.abs(free.T @ found.dual_point).max(initial=0.0) <= 1e-9 * np.abs(found.dual_point).sum()


@pytest.mark.parametrize("x_scale", [1e-6, 1e6])
@pytest.mark.parametrize("y_scale", [1e-6, 1e6])
def test_units_do_not_matter(x_scale, y_scale):
    X, y = random_problem(6, 2, 1)
    found, same = optimal_set(X, y, 1e-9), optimal_set(x_scale * X, y_scale * y, 1e-9 * x_scale * y_scale)
    assert (found.m_star, found.M_star, len(found.vertices)) == (same.m_star, same.M_star, len(same.vertices))
    apart = np.abs(same.directions[:, None] - found.directions).max(axis=2)
    assert len(same.signs) == len(found.signs) and apart.min(axis=1).max() <= 1e-9


def test_the_shifted_problem_has_the_same_optimum():
    X, y = random_problem(6, 2, 0)
    problem = make_problem(X, y, 1e-7, sample_weight=[1.0, 2.0, 0.5, 1.0, 3.0, 1.0])
    optimum = solve_to_all_digits(problem, tol=1e-9, rng=np.random.default_rng(0))
    shifted = shifted_problem(problem, optimum.point, 0.3)
    again = solve_column_generation(shifted, tol=1e-10, proof="exact", rng=np.random.default_rng(0))
    assert optimum.solution.certificate.relative_gap <= 1e-9 and again.certificate.relative_gap <= 1e-9
    np.testing.assert_allclose(
        again.network.predict(X), optimum.solution.network.predict(X), atol=1e-5, err_msg="the fits differ"
    )
    np.testing.assert_allclose(shifted.dual_point(again.network.predict(X)) / 0.3, optimum.point, atol=1e-4)


@pytest.mark.parametrize("factor", [1.0 + 1e-6, 1.0 - 1e-6])
def test_a_price_that_is_not_beta_is_refused_on_either_side(factor):
    X, _ = random_problem(6, 2, 0)
    point = random_problem(6, 2, 1)[1]
    point *= factor / pattern_prices(X, point)[0].max()
    with pytest.raises(SolverError, match=r"should be beta=3 and is beta times 1 [+-]1.0e-06"):
        optimal_directions(X, point, None, 3.0)


def test_a_residual_without_digits_is_refused():
    """What was the dual point: ``y - fit`` at beta = 1e-11 is rounding."""
    problem = make_problem(polygon(3), np.ones(3), 1e-11)
    optimum = solve_to_all_digits(problem, tol=1e-9, rng=np.random.default_rng(0))
    with pytest.raises(SolverError, match="beta=1e-11 and is beta times"):
        OptimalSet(problem, optimum_as_it_is(problem, optimum.solution), 100, None, None)


@pytest.mark.parametrize("beta", [1e-10, 1e-11, 1e-12])
def test_targets_that_hide_the_dual_point_are_refused(beta):
    """One neuron and five rows: what it cannot fit, of size beta, is rounded away in the targets."""
    X, nu = random_problem(5, 2, 300)
    values, directions, signs = pattern_prices(X, nu)
    best = int(np.argmax(values))
    y = nu * (beta / values[best]) + 1.3 * signs[best] * np.maximum(X @ directions[best], 0.0)
    with pytest.raises(SolverError, match=rf"at beta={beta:g} .* open by .* of beta\. A larger beta"):
        optimal_set(X, y, beta)


def test_directions_that_lose_the_fit_are_refused(monkeypatch):
    whole = optimal_directions

    def half(*arguments, **options):
        found = whole(*arguments, **options)
        return type(found)(found.directions[1:], found.signs[1:], found.margin)

    monkeypatch.setattr("convexnn.optimal_sets.solution_set.optimal_directions", half)
    with pytest.raises(SolverError, match="do not give the optimal fit"):
        optimal_set(np.eye(2), [2.0, -2.0], 0.5)


@pytest.mark.parametrize("share", [1e-8, 1e-9, 1e-11])
def test_a_neuron_that_is_too_small_to_count_is_a_warning(share):
    with pytest.warns(UserWarning, match="count as none"):
        found = optimal_set(np.diag([1.0, -1.0]), [2.0, -1.0 - share], 1.0)
    assert found.m_star == 1 and found.uncounted_share == pytest.approx(share, rel=1e-3)


@pytest.mark.filterwarnings("error")
def test_a_small_neuron_that_counts_is_none():
    found = optimal_set(np.diag([1.0, -1.0]), [2.0, -1.0 - 1e-6], 1.0)
    assert found.m_star == 2 and found.uncounted_share == 0.0
