"""All minimum-norm interpolators: known sets, continua with a known cost, uniqueness, and biases that cost nothing."""

import numpy as np
import pytest

from convexnn import InvalidInputError
from convexnn.datasets.interpolator_continuum import make_interpolator_continuum
from convexnn.estimators.interpolator import MinNormReLUInterpolator
from convexnn.interpolation.certifying import certify_interpolation
from convexnn.interpolation.free_bias import join_the_dots

from ..checks import brute_force_price, plain_predict
from ..zoo import interpolations, random_problem
from .reference import brute_force_cost, check_interpolation, plain_cost

AFFINE = {"fit_intercept": True, "skip_connection": True}
FREE_BIAS = {"penalize_bias": False, **AFFINE}


@pytest.mark.parametrize("n_samples", range(2, 11))
def test_continua_have_the_cost_and_the_networks_they_promise(n_samples):
    data = make_interpolator_continuum(n_samples, random_state=n_samples)
    grid = np.linspace(-6.0, 6.0, 61)[:, None]
    for network, masses in zip(data.networks, data.masses, strict=True):
        np.testing.assert_allclose(plain_predict(network, data.X), data.y, rtol=1e-12)
        assert plain_cost(network) == pytest.approx(data.cost, rel=1e-12) == masses.sum()
        certificate = certify_interpolation(network, data.X, data.y, dual_point=data.dual_point, proof="exact")
        check_interpolation(certificate, network, data.X, data.y)
        assert certificate.relative_gap <= 1e-6 and certificate.proof == "exact"
    first, second = (plain_predict(network, grid) for network in data.networks)
    assert np.abs(first - second).max() > 1e-3 * np.abs(first).max()


@pytest.mark.parametrize("n_samples", [2, 5, 8])
def test_interpolator_finds_the_continuum_without_affine_skip(n_samples):
    data = make_interpolator_continuum(n_samples, random_state=1)
    model = MinNormReLUInterpolator().fit(data.X, data.y)
    found = model.optimal_set()
    assert model.cost_ == pytest.approx(data.cost, rel=1e-10) and model.is_unique_ is False
    assert found.dimension == 1 and len(found.signs) == n_samples + 1
    np.testing.assert_allclose(found.vertices.sum(axis=1), data.cost, rtol=1e-9)
    assert all(found.contains(network) for network in data.networks)
    assert MinNormReLUInterpolator(**AFFINE).fit(data.X, data.y).is_unique_ is True


@pytest.mark.parametrize("n_samples", [2, 5])
def test_cost_of_a_continuum_by_brute_force(n_samples):
    data = make_interpolator_continuum(n_samples, random_state=0)
    cost, bound = brute_force_cost(data.X, data.y, hidden_bias=True)
    assert bound * (1 - 1e-8) <= data.cost <= cost * (1 + 1e-7)


def test_one_sample_is_no_continuum():
    with pytest.raises(InvalidInputError, match="n_samples must be"):
        make_interpolator_continuum(1)


@pytest.mark.parametrize("seed", range(4))
def test_interpolant_with_affine_skip_on_a_line_is_unique(seed):
    X, y = random_problem(7, 1, seed=seed)
    assert MinNormReLUInterpolator(**AFFINE).fit(X, y).is_unique_ is True


def test_the_set_of_two_rows_is_that_of_every_strength():
    known = interpolations()[0]
    found = MinNormReLUInterpolator(hidden_bias=False).fit(known.X, known.y).optimal_set()
    assert found.optimal_value == pytest.approx(1.0, rel=1e-12) == found.total_mass
    assert (found.m_star, found.M_star) == (1, 2)
    assert [found.n_components(width) for width in (0, 1, 2, 3)] == [0, 1, 3, 1]
    np.testing.assert_allclose(found.dual_point @ known.y, 1.0, rtol=1e-9)
    assert brute_force_price(known.X, found.dual_point) == pytest.approx(1.0, rel=1e-9)


def test_members_paths_and_strangers():
    data = make_interpolator_continuum(4, random_state=2)
    found = MinNormReLUInterpolator().fit(data.X, data.y).optimal_set()
    a, b = (found.network(vertex, width=6) for vertex in found.vertices)
    path = found.path(a, b)
    costs = [path.objective(t) for t in np.linspace(0, 1, 41)]
    np.testing.assert_allclose(costs, data.cost, rtol=1e-8)
    for t in np.linspace(0, 1, 41):
        np.testing.assert_allclose(path(t).predict(data.X), data.y, rtol=1e-8)
    doubled = a.split(0, [0.5, 0.5])
    assert found.contains(doubled)
    wasteful = found.network(found.vertices[0])
    wasteful = type(wasteful)(
        2.0 * wasteful.hidden_weights, wasteful.output_weights / 2.0, hidden_bias=2.0 * wasteful.hidden_bias
    )
    assert not found.contains(wasteful) and np.isfinite(found.problem.objective(wasteful))
    off = type(a)(a.hidden_weights, a.output_weights * 1.001, hidden_bias=a.hidden_bias)
    assert not found.contains(off) and found.problem.objective(off) == np.inf
    with pytest.raises(InvalidInputError, match="globally optimal"):
        found.path(a, off)


@pytest.mark.parametrize("terms", [{}, AFFINE, {"hidden_bias": False}], ids=str)
def test_every_vertex_interpolates_at_the_smallest_cost(terms):
    X, y = random_problem(7, 2, seed=4)
    model = MinNormReLUInterpolator(**terms).fit(X, y)
    found = model.optimal_set()
    assert found.is_unique_function == super(type(found), found).is_unique_function
    for masses in found.vertices[:20]:
        network = found.network(masses)
        np.testing.assert_allclose(plain_predict(network, X), y, atol=1e-8 * np.abs(y).max())
        assert plain_cost(network) == pytest.approx(model.cost_, rel=1e-8)


def spline_cost(x, y):
    order = np.argsort(x)
    return np.abs(np.diff(np.diff(y[order]) / np.diff(x[order]))).sum()


@pytest.mark.parametrize("seed", range(5))
def test_free_bias_on_a_line_joins_the_dots(seed):
    X, y = random_problem(9, 1, seed=seed)
    model = MinNormReLUInterpolator(**FREE_BIAS).fit(X, y)
    assert model.cost_ == pytest.approx(spline_cost(X[:, 0], y), rel=1e-10)
    assert model.status_ == "proven" and model.certificate_.proof == "exact"
    with pytest.raises(InvalidInputError, match="needs penalize_bias=True"):
        model.optimal_set()
    changes = np.diff(np.diff(y[np.argsort(X[:, 0])]) / np.diff(np.sort(X[:, 0])))
    assert model.is_unique_ is not bool(np.any(changes[1:] * changes[:-1] > 0))


def test_two_witnesses_where_a_free_bias_leaves_a_choice():
    known = interpolations()[1]
    model = MinNormReLUInterpolator(**known.flags).fit(known.X, known.y)
    dots = join_the_dots(model._problem)
    lines, merged = dots.network(model._problem), dots.network(model._problem, merged=dots.convex_runs[:1])
    for network in (lines, merged):
        np.testing.assert_allclose(plain_predict(network, known.X), known.y, atol=1e-14)
        assert plain_cost(network, penalize_bias=False) == pytest.approx(2.0, rel=1e-14)
        certificate = certify_interpolation(network, known.X, known.y, penalize_bias=False)
        assert certificate.dual == pytest.approx(2.0, rel=1e-6)
    middle = [[1.5]]
    assert abs(lines.predict(middle) - merged.predict(middle))[0] > 0.2


def test_zigzags_and_straight_lines_are_unique_with_a_free_bias():
    x = np.arange(6.0)[:, None]
    for y in ([0, 1, 0, 1, 0, 1], [0, 0.1, 0.2, 0.3, 0.4, 0.5], [0, 0, 0, 1, 2, 3]):
        model = MinNormReLUInterpolator(**FREE_BIAS).fit(x, np.array(y, dtype=float))
        assert model.is_unique_ is True
        assert model.certificate_.status == "optimal"


def fine_cylinder_price(X, nu, n_angles=20_000):
    """The largest ``|nu^T (X w + t)_+|`` over a fine grid of unit w and all kinks t: a lower bound, plane data."""
    angles = np.linspace(0.0, 2 * np.pi, n_angles, endpoint=False)
    projections = X @ np.vstack([np.cos(angles), np.sin(angles)])
    return max(np.abs(nu @ np.maximum(projections - projections[j], 0.0)).max() for j in range(len(X)))


@pytest.mark.parametrize("seed", range(4))
def test_free_bias_in_the_plane(seed):
    X, y = random_problem(9, 2, seed=seed)
    model = MinNormReLUInterpolator(**FREE_BIAS).fit(X, y)
    nu = model.dual_
    np.testing.assert_allclose(plain_predict(model.network_, X), y, atol=1e-12 * max(np.abs(y).max(), model.cost_))
    assert model.cost_ == pytest.approx(plain_cost(model.network_, penalize_bias=False), rel=1e-12)
    assert np.abs([nu.sum(), *(X.T @ nu)]).max() <= 1e-10 * np.abs(nu).sum()
    assert 0.999 <= fine_cylinder_price(X, nu) <= 1.0 + 1e-9
    assert nu @ y == pytest.approx(model.cost_, rel=1e-6)
    assert model.status_ == "proven" and model.is_unique_ is None
    penalised = MinNormReLUInterpolator(**AFFINE).fit(X, y)
    assert model.cost_ < penalised.cost_


def test_a_free_bias_does_not_care_where_the_data_are():
    X, y = random_problem(9, 2, seed=0)
    cost = MinNormReLUInterpolator(**FREE_BIAS).fit(X, y).cost_
    assert MinNormReLUInterpolator(**FREE_BIAS).fit(X + 100.0, y - 7.0).cost_ == pytest.approx(cost, rel=1e-7)
