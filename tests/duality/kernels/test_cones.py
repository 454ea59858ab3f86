"""The bound on a cone against f at points of it, the rule of the cut, and the half of the sphere that is searched."""

from functools import cache

import numpy as np
import pytest

from convexnn.duality.branch_and_bound import branch_and_bound, explore, result_of
from convexnn.duality.kernels.edges import edge_to_cut, shares_at
from convexnn.duality.nodes import Nodes, half_orthants, orthants
from convexnn.duality.scalar_price import ScalarPrice, scalar_price_function
from tests import zoo
from tests.checks import all_patterns_by_lp, brute_force_price

RNG = np.random.default_rng
ROUNDING = 1e-13
N_POINTS = 400


def even_problem(n=12, d=4, seed=0):
    """Rows and their antipodes with the same nu: f(-u) = f(u)."""
    X, nu = zoo.random_problem(n, d, seed)
    return np.vstack([X, -X]), np.concatenate([nu, nu])


def signed_values(function, sign, points):
    """f of the reduced function times the sign, term by term."""
    return sign * (points @ function.linear + np.maximum(points @ function.lines.T, 0.0) @ function.coefficients)


def kept_values(function, node, points):
    """What a node has left of f: its settled lines, and those that straddle."""
    bits = np.unpackbits(node.active.view(np.uint8), bitorder="little")[: len(function.lines)].astype(bool)
    straddling = np.maximum(points @ function.lines[bits].T, 0.0) @ function.coefficients[bits]
    return points @ node.settled + node.sign * straddling


def halves_of(function, nodes, cut, capped):
    """The two bounded halves of every node, one sign at a time."""
    parts = []
    for sign in function.signs:
        part = nodes.take(nodes.sign == sign)
        parts.append(Nodes.empty(2 * len(part), function))
        parts[-1].sign[:] = sign
        if len(part):
            function.halve(float(sign), part, cut, parts[-1], capped)
    return Nodes.join(parts)


def check_halves(function, halves, cut, capped, rng):
    """Compare bounds and what is left of f with f itself, at points of every half."""
    for k in range(len(halves)):
        node = Nodes(*(column[k] for column in vars(halves).values()))
        points = np.vstack([rng.exponential(size=(N_POINTS, function.rank)) @ node.generators, node.point])
        points /= np.linalg.norm(points, axis=1)[:, None]
        values = signed_values(function, node.sign, points)
        left = kept_values(function, node, points)
        asked = values >= cut if capped else np.ones(len(values), bool)
        assert np.all(values[asked] <= node.bound * (1 + ROUNDING) + ROUNDING)
        np.testing.assert_allclose(left[asked], values[asked], rtol=0, atol=ROUNDING)
        assert np.all(left <= values + ROUNDING)
        assert node.value <= values[-1] + ROUNDING


@pytest.mark.parametrize("capped", [True, False])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
@pytest.mark.parametrize("seed", range(3))
def test_bounds_hold_where_f_reaches_the_target(seed, share, capped):
    function = scalar_price_function(*zoo.random_problem(20, 4, seed))
    cut, rng = share * branch_and_bound(function).upper_bound, RNG(seed)
    nodes, n_settled = orthants(function), 0
    for _ in range(9):
        halves = halves_of(function, nodes, cut, capped)
        check_halves(function, halves, cut, capped, rng)
        n_settled += int(np.sum(halves.convex == 0))
        nodes = halves.take(halves.bound > cut).take(slice(60))
    assert n_settled > 0


@pytest.mark.parametrize("name", zoo.degenerate_designs())
def test_bounds_hold_on_degenerate_designs(name):
    X = zoo.degenerate_designs()[name]
    function = scalar_price_function(X, RNG(1).standard_normal(len(X)))
    if function.rank < 2 or len(function.lines) == 0:
        return
    cut, nodes = 0.8 * branch_and_bound(function).upper_bound, orthants(function)
    for _ in range(6):
        halves = halves_of(function, nodes, cut, True)
        check_halves(function, halves, cut, True, RNG(0))
        nodes = halves.take(halves.bound > cut)


@cache
def patterns_of(name):
    """All patterns of a degenerate design, found by linear programs."""
    return all_patterns_by_lp(zoo.degenerate_designs()[name])


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999, 1.001, 1.5])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", zoo.degenerate_designs())
def test_levels_around_the_maximum_by_all_patterns(name, seed, share):
    X, rng = zoo.degenerate_designs()[name], RNG(seed)
    nu = rng.choice([-1.0, -0.5, 0.5, 1.0], len(X)) if seed else rng.standard_normal(len(X))
    function = scalar_price_function(X, nu)
    if function.is_nothing:
        assert not X.any()
        return
    truth = brute_force_price(X, nu, patterns_of(name)) / function.scale
    found = branch_and_bound(function, level=share * truth)
    assert found.finished and truth - ROUNDING <= found.upper_bound
    assert found.upper_bound <= max(share, 1 + 2e-7) * truth + 1e-11


@pytest.mark.parametrize("seed", range(3))
def test_settled_lines_save_cones_and_change_no_bound(monkeypatch, seed):
    function = scalar_price_function(*zoo.random_problem(50, 6, seed))
    level = branch_and_bound(function).upper_bound
    fast = branch_and_bound(function, level=level)
    with monkeypatch.context() as patch:
        plain = ScalarPrice.halve
        patch.setattr(ScalarPrice, "halve", lambda self, sign, nodes, cut, out, _: plain(self, sign, nodes, cut, out))
        targets = {"known_value": 0.0, "level": level, "tolerance": 1e-7}
        slow = result_of(function, explore(function, orthants(function), **targets))
    assert fast.finished and slow.finished and fast.upper_bound == slow.upper_bound
    assert fast.n_nodes < 0.5 * slow.n_nodes


@pytest.mark.parametrize("make", [lambda: zoo.random_problem(12, 4, 1), even_problem, lambda: zoo.random_problem(3, 2)])
def test_half_of_the_orthants_hold_the_larger_antipode(make):
    function = scalar_price_function(*make())
    nodes, r = half_orthants(function), function.rank
    assert len(nodes) == 2**r
    points = RNG(0).standard_normal((N_POINTS, r))
    points /= np.linalg.norm(points, axis=1)[:, None]
    for sign in function.signs:
        cones = nodes.generators[nodes.sign == sign]
        np.testing.assert_allclose(cones @ cones.transpose(0, 2, 1), np.tile(np.eye(r), (len(cones), 1, 1)), atol=1e-14)
        inside = (np.einsum("pi,kji->pkj", points, cones) > 0.0).all(axis=2).sum(axis=1)
        other = (np.einsum("pi,kji->pkj", -points, cones) > 0.0).all(axis=2).sum(axis=1)
        assert np.all(inside + other == 1)
        better = signed_values(function, sign, points) - signed_values(function, sign, -points)
        assert np.all(np.where(inside == 1, better, -better) >= -function.cover_slack)


def test_an_even_function_has_no_odd_part_but_rounding():
    function = scalar_price_function(*even_problem())
    assert np.linalg.norm(function.odd) <= function.cover_slack
    whole = result_of(function, explore(function, orthants(function), known_value=0.0, level=0.0, tolerance=1e-7))
    assert branch_and_bound(function).upper_bound == pytest.approx(whole.upper_bound, rel=1e-6)


@pytest.mark.parametrize("r", [3, 5, 10])
def test_cuts_beside_one_generator_leave_no_cone_flat(r):
    # The relaxation's maximum stands beside generator 0 and one that changes in turn, for ever.
    generators, gram, inverse = np.eye(r), np.empty((r, r)), np.empty((r, r))
    elimination, shares = np.empty((r, 2 * r)), np.empty(r)
    lengths = np.full(1, 2.0)
    for turn in range(100 * r):
        shares_at(generators, generators[0] + generators[1 + turn % (r - 1)], elimination, inverse, shares)
        a, b = edge_to_cut(generators, generators, np.ones(r), r, shares, gram)
        middle = generators[a] + generators[b]
        generators[0 if 0 in (a, b) else a] = middle / np.linalg.norm(middle)
        edges = generators[:, None] - generators
        lengths = np.linalg.norm(edges, axis=2)[np.triu_indices(r, 1)]
        if lengths.max() < 1e-3:
            break
    # Flat is a cone whose generators are nearly dependent although its edges are long.
    height = np.linalg.svd(generators[1:] - generators[0], compute_uv=False).min()
    assert lengths.max() < 1e-3 and height > 1e-3 * lengths.max()
