"""The optimal sets in closed form: O1 to O4 and the regular polygons, at every width up to eight."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from convexnn.optimal_sets import optimal_set

from ..zoo import Known, identity, known_optima, line, three_rows, two_rows
from .reference import all_maximisers, polygon


@dataclass(frozen=True)
class Answer:
    """What is known beside `Known`; the cardinalities are of the vertices, `isolated` is by width."""

    known: Known
    cardinalities: list
    isolated: dict
    connected_from: int
    total_mass: float
    margin: float | None = np.inf

    def __str__(self):
        return f"{self.known.name}, {self.known.beta}"


def regular_polygon(n, beta):
    """The n-gon, n even: two vertices with disjoint supports, every other direction."""
    edge = 1 / np.sin(np.pi / n)
    angles = 2 * np.pi * np.arange(n) / n + (np.pi / n if n % 4 == 0 else 0.0)
    half = n // 2
    return Known(
        f"polygon {n}",
        polygon(n),
        np.ones(n),
        beta,
        n * (beta / edge - beta**2 / (2 * edge**2)),
        fit=np.full(n, 1 - beta / edge),
        dual_point=np.full(n, beta / edge),
        beta_max=edge,
        directions=np.column_stack([np.cos(angles), np.sin(angles)]),
        signs=np.ones(n),
        m_star=half,
        M_star=half,
        components={half: 2 * [0, 0, 2, 6][half], **{m: 2 for m in range(half + 1, n)}, n: 1},
        is_unique=False,
    )


def answers():
    found = [Answer(two_rows(beta), [1, 2], {1: 1, 2: 2}, 3, 1 - beta / 2) for beta in (0.1, 1.5)]
    found += [Answer(three_rows(beta), [2, 2, 2, 3, 3], {2: 6, 3: 12}, 4, 3 * (1 - beta)) for beta in (0.1, 0.7)]
    found += [
        Answer(identity([1, -1], 0.1), [2], {2: 2}, 3, 1.8),
        Answer(identity([3, 4, -2], 0.5), [2], {2: 2}, 3, 4.5 + 1.5),
        Answer(identity([3, 4], 0.5), [1], {1: 1}, 1, 4.5),
        Answer(identity([0.3, -0.2], 0.5), [0], {m: 1 for m in range(9)}, 0, 0.0),
        Answer(line(), [2], {2: 2}, 3, 1.05),
    ]
    for n, beta in ((4, 0.1), (4, 1.0), (6, 0.1), (6, 1.5)):
        polygon_n = regular_polygon(n, beta)
        mass = polygon_n.dual_point @ polygon_n.fit / beta
        found.append(Answer(polygon_n, [n // 2, n // 2], {n // 2: polygon_n.components[n // 2]}, n, mass))
    return found


ANSWERS = answers()


@cache
def solved(index):
    known = ANSWERS[index].known
    return optimal_set(known.X, known.y, known.beta)


@pytest.fixture(params=range(len(ANSWERS)), ids=[str(answer) for answer in ANSWERS])
def case(request):
    return ANSWERS[request.param], ANSWERS[request.param].known, solved(request.param)


def test_every_known_problem_is_here():
    assert {known.name for known in known_optima()} <= {answer.known.name for answer in ANSWERS}


@pytest.mark.parametrize(("n", "value"), [(4, 0.2728427125), (6, 0.2925)])
def test_polygon_values(n, value):
    assert regular_polygon(n, 0.1).value == pytest.approx(value, abs=1e-10)


def test_optimum(case):
    answer, known, found = case
    assert found.optimal_value == pytest.approx(known.value, rel=1e-9)
    np.testing.assert_allclose(found.optimal_fit, known.fit, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.dual_point, known.dual_point, rtol=1e-8, atol=1e-8)
    assert found.total_mass == pytest.approx(answer.total_mass, rel=1e-8, abs=1e-12)


def test_directions(case):
    _, known, found = case
    assert found.directions.shape == (len(known.signs), known.X.shape[1])
    assert found.signs.shape == (len(known.signs),)
    expected = np.column_stack([known.directions, known.signs]) if len(known.signs) else np.zeros((0, 3))
    got = np.column_stack([found.directions, found.signs])
    apart = np.abs(expected[:, None] - got).max(axis=2, initial=0.0)
    assert np.all((apart < 1e-7).sum(axis=0) == 1) and np.all((apart < 1e-7).sum(axis=1) == 1)
    np.testing.assert_allclose(found.fits, np.maximum(known.X @ found.directions.T, 0.0) * found.signs, atol=1e-12)
    np.testing.assert_allclose(found.dual_point @ found.fits, np.full(len(known.signs), known.beta), rtol=1e-8)


def test_directions_by_pattern(case):
    _, known, found = case
    if len(known.signs):
        directions, signs, price = all_maximisers(known.X, known.dual_point)
        assert price == pytest.approx(known.beta, rel=1e-9) and len(signs) == len(found.signs)
        assert sorted(signs) == sorted(found.signs)


def test_vertices(case):
    answer, known, found = case
    assert found.vertices.shape == (len(answer.cardinalities), len(known.signs))
    assert sorted(np.count_nonzero(found.vertices, axis=1)) == answer.cardinalities
    assert found.vertices.min(initial=0.0) >= 0
    for masses in found.vertices:
        np.testing.assert_allclose(found.fits @ masses, known.fit if len(masses) else 0 * known.fit, atol=1e-8)
        assert masses.sum() == pytest.approx(answer.total_mass, rel=1e-8)


def test_critical_widths(case):
    _, known, found = case
    assert (found.m_star, found.M_star) == (known.m_star, known.M_star)
    assert found.is_unique is known.is_unique
    assert (found.dimension == 0) is known.is_unique


def test_components_at_every_width(case):
    answer, known, found = case
    last = max(known.components)
    below = 1 if known.m_star == 0 else 0
    expected = [known.components[min(m, last)] if m >= min(known.components) else below for m in range(9)]
    assert [found.n_components(m) for m in range(9)] == expected
    assert [found.is_connected(m) for m in range(9)] == [count == 1 for count in expected]
    assert [found.n_isolated(m) for m in range(9)] == [answer.isolated.get(m, 0) for m in range(9)]


def test_connected_from(case):
    answer, known, found = case
    assert found.connected_from == answer.connected_from
    assert found.connected_from <= found.theorem_bound or known.m_star == known.M_star == 1
    assert found.theorem_bound == min(known.m_star + known.M_star, len(known.y) + 1)


def test_margin(case):
    answer, _, found = case
    assert answer.margin is None or found.margin == answer.margin


@pytest.mark.parametrize("answer", ANSWERS[:8] + ANSWERS[-4:], ids=str)
def test_strength_at_which_the_network_vanishes(answer):
    known = answer.known
    below = optimal_set(known.X, known.y, known.beta_max * (1 - 1e-4))
    above = optimal_set(known.X, known.y, known.beta_max * (1 + 1e-4))
    assert below.m_star >= 1 and below.total_mass > 0
    assert above.m_star == above.M_star == 0 and above.total_mass == 0
    assert above.optimal_value == pytest.approx(0.5 * known.y @ known.y, rel=1e-12)


@pytest.mark.parametrize("y", [[3.0, 4.0], [3.0, 4.0, -2.0]])
def test_an_axis_between_two_positive_rows_is_no_maximum(y):
    """``.3 (u_1)_+ + .4 (u_2)_+`` rises from (0, 1) towards (1, 0): nothing lies below the only maximum."""
    assert optimal_set(np.eye(len(y)), y, 0.5).margin == np.inf
