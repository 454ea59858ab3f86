"""Counts of replicated critical points and minima, against the sets themselves and numbers from tables."""

from itertools import product
from math import factorial

import pytest

from convexnn import InvalidInputError
from convexnn.landscape import count_critical_subspaces, count_minimum_subspaces


def maps_onto(r, m):
    """Maps of m places to r neurons that leave none out."""
    return [places for places in product(range(r), repeat=m) if set(places) == set(range(r))]


def with_groups(r, m):
    """Fillings of m places with copies of r neurons and with groups that have no name."""
    found = set()
    for places in product(range(r + m), repeat=m):
        if not set(range(r)) <= set(places):
            continue
        members = [frozenset(k for k in range(m) if places[k] == label) for label in range(r + m)]
        found.add((tuple(members[:r]), frozenset(group for group in members[r:] if group)))
    return found


@pytest.mark.parametrize(("r", "m"), [(1, 1), (1, 5), (2, 2), (2, 5), (3, 3), (3, 6), (4, 5)])
def test_critical_subspaces_are_maps_onto_the_neurons(r, m):
    assert count_critical_subspaces(r, m) == len(maps_onto(r, m))


@pytest.mark.parametrize(("r", "m"), [(1, 1), (1, 4), (2, 2), (2, 4), (2, 5), (3, 4), (3, 5)])
def test_minimum_subspaces_are_fillings_with_groups(r, m):
    assert count_minimum_subspaces(r, m) == len(with_groups(r, m))


def test_counts_known_from_tables():
    # r! times the Stirling numbers S(6, 4) = 65 and S(10, 5) = 42525; Bell's number of 7 for one neuron and 6 groups.
    assert count_critical_subspaces(4, 6) == 24 * 65 and count_critical_subspaces(5, 10) == 120 * 42525
    # One more place: a copy of one of r neurons, or a neuron without output, in any of (r + 1)! orders.
    for r in (1, 2, 5, 30):
        assert count_critical_subspaces(r, r) == count_minimum_subspaces(r, r) == factorial(r)
        assert 2 * count_critical_subspaces(r, r + 1) == r * factorial(r + 1)
        assert 2 * count_minimum_subspaces(r, r + 1) == (r + 2) * factorial(r + 1)


def test_saddles_outnumber_minima_while_few_neurons_are_added():
    """Critical subspaces of width r* - 1 against minima of width r*, both at one width (Simsek et al.)."""
    ratios = [count_critical_subspaces(9, m) / count_minimum_subspaces(10, m) for m in (10, 11, 15, 25, 60)]
    assert ratios == sorted(ratios, reverse=True) and ratios[0] > 1 > ratios[-1]


@pytest.mark.parametrize("count", [count_critical_subspaces, count_minimum_subspaces])
def test_bad_sizes_are_named(count):
    with pytest.raises(InvalidInputError, match="width with n_neurons=3 must be an integer not below 3; got 2"):
        count(3, 2)
    with pytest.raises(InvalidInputError, match="n_neurons must be an integer not below 1; got 0"):
        count(0, 2)
