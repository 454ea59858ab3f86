"""The search for a tree: taken up again anywhere it is the same search, and its bound is right and tight."""

import numpy as np
import pytest

from convexnn import ConvexReLURegressor, price
from convexnn._utils.clock import now
from convexnn.proofs import tasks, tree
from convexnn.proofs.checker import LEAF, exact_function, fractions
from convexnn.proofs.checkpoints import Search, TreeFile
from convexnn.proofs.lines import make_lines
from convexnn.proofs.proving import prove
from convexnn.proofs.tree import Branches, RootSearch
from tests.checks import sampled_price
from tests.zoo import degenerate_designs, random_problem, variants

NO_TERMS = {"corrections": [], "hidden_bias": False, "fit_intercept": False, "skip_connection": False}
TOLERANCE = 1e-6


def lines_of(X, nu):
    """The lines of the price function of any dual point of a problem without free terms."""
    return make_lines(*exact_function(NO_TERMS, X, fractions(nu[:, None]))[1:])


def target_of(X, nu):
    """A bound on the price that a tree can prove."""
    return price(X, nu, proof="exact").value * (1.0 + TOLERANCE)


def search_of(X, nu, target=None):
    """What a tree is searched for, where it does not come from a problem."""
    target = target_of(X, nu) if target is None else target
    return Search(nu[:, None], [], np.zeros(X.shape[1]), lines_of(X, nu), target)


def root_by_root(search):
    """The whole tree without tasks: one search after the other, each from its root to its end."""
    lines, parts = search.lines, []
    target = search.target / lines.scale if lines.scale > 0 else np.inf
    for root in range(2 << lines.rank):
        parts += to_its_end(RootSearch(lines, root), target)
    return Branches.join(parts)


def to_its_end(search, target):
    """What a search finds, step by step."""
    parts = []
    while search.n_open:
        parts.append(search.step(target, TOLERANCE))
    return parts


def in_tasks(search, **options):
    """The same in tasks: the tree of the file, and the file."""
    with TreeFile() as file:
        file.begin(search, 1.0)
        prove(file, tolerance=TOLERANCE, **options)
        return file.tree(), file.found()


def assert_same_tree(found, wanted, lines):
    for name in ("splits", "n_shares", "lines", "shares"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    slopes = lines.scale * wanted.slopes @ lines.coordinates.T
    np.testing.assert_allclose(found.slopes, slopes, rtol=1e-12, atol=1e-14 * np.abs(slopes).max(initial=0.0))


@pytest.fixture
def small_tasks(monkeypatch):
    """Tasks of some fifty cones."""
    monkeypatch.setattr(tree, "CONES_PER_CALL", 16)
    monkeypatch.setattr(tasks, "CONES_PER_TASK", 48)
    monkeypatch.setattr(tasks, "ROOTS_PER_TASK", 3)


# A dual point of an optimal network: its price is attained at every neuron, and its tree has thousands of cones.
X, Y = random_problem(20, 4, seed=1)
NU = ConvexReLURegressor(1.0, hidden_bias=False, fit_intercept=False).fit(X, Y).certificate_.dual_point
SAME = pytest.mark.parametrize("name", variants(X, NU))


@SAME
def test_tasks_find_the_tree_of_searches_root_by_root(name, small_tasks):
    search = search_of(*variants(X, NU)[name])
    found, _ = in_tasks(search)
    assert len(found.splits) > 50
    assert_same_tree(found, root_by_root(search), search.lines)


@pytest.mark.parametrize("name", degenerate_designs())
def test_tasks_on_degenerate_designs(name, small_tasks):
    rows = degenerate_designs()[name]
    nu = np.random.default_rng(3).standard_normal(len(rows))
    search = search_of(rows, nu)
    found, (bound, _, _) = in_tasks(search)
    assert_same_tree(found, root_by_root(search), search.lines)
    assert search.lines.scale * bound >= sampled_price(rows, nu, 2000) * (1.0 - 1e-12)


@SAME
def test_bound_is_right_and_tight(name, small_tasks):
    rows, nu = variants(X, NU)[name]
    search = search_of(rows, nu)
    bound, value, point = in_tasks(search)[1]
    bound, value, direction = search.lines.scale * bound, search.lines.scale * value, search.lines.coordinates @ point
    known = price(rows, nu, proof="exact")
    assert sampled_price(rows, nu, 2000) <= bound
    assert known.value * (1.0 - 1e-12) <= bound <= search.target * (1.0 + 1e-9)
    reached = abs(nu @ np.maximum(rows @ direction, 0.0)) / np.linalg.norm(direction)
    np.testing.assert_allclose(value, reached, rtol=1e-9)
    assert value <= known.upper_bound


@pytest.mark.parametrize("n_steps", [1, 3, 6])
def test_search_taken_up_again_is_the_same(n_steps, monkeypatch):
    monkeypatch.setattr(tree, "CONES_PER_CALL", 16)
    lines, target = lines_of(X, NU), target_of(X, NU)
    whole = RootSearch(lines, 22)
    target = target / lines.scale
    before = [whole.step(target, TOLERANCE) for _ in range(n_steps)]
    assert whole.n_open > 1 and len(before[-1].splits) == 16
    # The top of the stack comes first, then the cone at its bottom, each in a search of its own.
    cones = whole.open_cones()
    top = RootSearch(lines, 22, cones=tuple(part[1:] for part in cones), depth=1)
    bottom = RootSearch(lines, 22, cones=tuple(part[:1] for part in cones))
    found = Branches.join([*to_its_end(top, target), *to_its_end(bottom, target)])
    wanted = Branches.join(to_its_end(whole, target))
    for name in Branches.ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert (found.value, found.bound()) == (wanted.value, wanted.bound())


def test_depth_of_a_tree_is_limited_across_tasks(small_tasks, monkeypatch):
    monkeypatch.setattr(tree, "MAX_DEPTH", 7)
    search = search_of(X, NU)
    found, (bound, _, _) = in_tasks(search)
    assert_same_tree(found, root_by_root(search), search.lines)
    assert search.target < search.lines.scale * bound


def test_tree_is_that_of_any_number_of_threads(small_tasks):
    search = search_of(X, NU)
    (one, found_by_one), (four, found_by_four) = in_tasks(search), in_tasks(search, n_jobs=4)
    for name in Branches.ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(four, name))
    np.testing.assert_array_equal(found_by_one[2], found_by_four[2])
    assert found_by_one[:2] == found_by_four[:2]


def test_target_below_the_price_rises_with_the_values(small_tasks):
    known = price(X, NU, proof="exact")
    search = search_of(X, NU, target=0.5 * known.value)
    _, (bound, value, _) = in_tasks(search)
    assert known.value <= search.lines.scale * bound <= known.value * (1.0 + 10 * TOLERANCE)
    assert value <= bound


def test_shares_of_what_is_closed_grow_to_one(small_tasks):
    with TreeFile() as file:
        file.begin(search_of(X, NU), 1.0)
        left, shares = file.open_tasks(), [0.0]
        while left:
            piece = tasks.search_task((file.search.lines, 1.0, TOLERANCE, left.pop()))
            rest = 0.0 if piece.rest is None else sum(piece.rest.shares)
            assert piece.closed + rest > 0.0
            file.add(piece)
            left += [] if piece.rest is None else piece.rest.divided()
            shares.append(file.closed)
        assert np.all(np.diff(shares) >= 0.0) and shares[-1] == 1.0
        assert file.n_cones == len(file.tree().splits) and max(map(len, file.heads)) > 2  # stacks were divided


def test_open_cones_are_bounded_as_they_are_when_time_is_up(small_tasks):
    search = search_of(X, NU)
    found, (bound, _, _) = in_tasks(search, deadline=now())
    assert len(found.splits) == 2 << search.lines.rank and np.all(found.splits[:, 0] == LEAF)
    assert price(X, NU).value <= search.lines.scale * bound
