"""The forecast of a tree's work, on courses that are known to the end."""

import numpy as np
import pytest

from convexnn.duality._forecast import END_WIDTH, Forecast
from convexnn.duality.strength import zero_network_price
from convexnn.programs.posing import make_problem


def course(forecast, widths, step=1.0):
    """Note one open cone of each of these widths above a target of 2; return the last forecast."""
    for k, width in enumerate(widths):
        found = forecast.total((k + 1) * step, 10, np.array([2.0 * (1.0 + width)]), 2.0)
    return found


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_an_exponential_course_is_continued_to_its_end(rate):
    widths = np.exp(-rate * np.arange(1, 9))
    assert course(Forecast(), widths) == pytest.approx(-np.log(END_WIDTH) / rate)


def test_a_course_that_does_not_fall_never_ends():
    assert course(Forecast(), [0.1, 0.1, 0.1]) == np.inf
    assert course(Forecast(), [0.1, 0.2, 0.4]) == np.inf


def test_a_bound_that_is_no_number_never_ends():
    assert course(Forecast(), [0.1, np.nan]) == np.inf


def test_orthants_without_a_bound_are_counted():
    bounds = np.append(np.full(6, np.inf), [1.0, 1.0])
    assert Forecast.first_pass(3.0, 4, 6) == 12.0  # eight orthants at 1.5 each
    few, all_open = (Forecast().total(3.0, 4, bounds[:n], 1.0) for n in (8, 6))
    assert few == all_open == 96.0
    assert Forecast().total(3.0, 4, np.append(bounds, [1.0, 1.0]), 1.0) == 16.0 * 96.0


@pytest.mark.parametrize(("d", "proof"), [(4, "exact"), (12, "bound")])
def test_the_strength_of_the_zero_network_costs_little(d, proof):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((120, d))
    problem = make_problem(X, np.maximum(X[:, 0], 0.0) + 0.1 * rng.standard_normal(120), 1.0, hidden_bias=True)
    found, cheap = zero_network_price(problem), zero_network_price(problem, max_work=1)
    assert found.proof == cheap.proof == proof
    assert found.n_nodes < 3000 and cheap.n_nodes <= found.n_nodes
    assert cheap.value <= found.value * (1.0 + 1e-12) and cheap.value > 0.99 * found.value
