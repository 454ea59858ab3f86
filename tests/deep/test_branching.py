"""The branch and bound over second patterns: equal to the price over all cells, and valid wherever it ends."""

import numpy as np
import pytest

from convexnn.deep import price_three_layer
from convexnn.deep.branching import Search
from convexnn.deep.relaxation import Pool
from tests.deep.reference import best_price


def problem(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


def search(X, nu, level, **options):
    return Search(Pool.of(X, []), nu, level, 1e-6, "exact", None).run(options.pop("max_nodes", np.inf), **options)


DEGENERATE = {
    "equal rows": np.array([[1.0, 2.0], [1.0, 2.0], [-2.0, 1.0], [1.0, -1.0], [1.0, -1.0]]),
    "opposite rows": np.array([[1.0, 2.0], [-1.0, -2.0], [2.0, 4.0], [1.0, -1.0], [-1.0, 1.0]]),
    "one column": np.array([[1.0], [2.0], [-1.0], [-3.0], [0.5]]),
    "zero column": np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [-3.0, 0.0], [0.5, 0.0]]),
    "integer grid": np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [-1.0, 1.0], [-2.0, 1.0]]),
    "columns of other sizes": problem(5, 5, 2)[0] * [1.0, 1e-8],
}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("share", [1e-3, 0.5, 1.0])
@pytest.mark.parametrize(("seed", "n", "d"), [(0, 4, 2), (1, 5, 2), (2, 6, 2), (3, 5, 3)])
def test_price_is_that_of_all_cells(seed, n, d, share):
    X, nu = problem(seed, n, d)
    expected = price_three_layer(X, nu, solver="enumeration").value
    found = search(X, nu, share * expected)
    assert found.finished and found.upper_bound >= expected * (1 - 1e-9)
    assert found.upper_bound <= expected * (1 + 1e-6) and found.value <= expected * (1 + 1e-9)
    if found.part is not None:
        assert nu @ found.part.fit == pytest.approx(found.value, rel=1e-9)


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_data_have_the_price_of_all_cells(name):
    X, nu = DEGENERATE[name], np.array([1.0, -0.5, 0.7, -1.2, 0.4])
    expected = price_three_layer(X, nu, solver="enumeration").value
    assert search(X, nu, 0.01 * expected).upper_bound == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("max_nodes", [0, 1, 2, 5, 20])
def test_bounds_are_valid_wherever_the_search_ends(max_nodes):
    X, nu = problem(7, 12, 3)
    ascended, _, _ = best_price(X, nu, 6, range(10))
    found = search(X, nu, 0.9 * ascended, max_nodes=max_nodes)
    assert found.n_nodes <= max_nodes and found.upper_bound >= ascended * (1 - 1e-9)
    assert found.finished == (found.upper_bound <= max(0.9 * ascended, found.value) * (1 + 1e-6))


def test_search_ends_at_the_first_violation():
    X, nu = problem(2, 10, 2)
    size = search(X, nu, 1e-3).value
    found = search(X, nu, 0.3 * size, stop_at_violation=True)
    assert found.value > 0.3 * size and found.n_nodes <= search(X, nu, 0.3 * size).n_nodes
