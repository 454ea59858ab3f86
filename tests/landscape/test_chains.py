"""Chains with many corners, against one corner, the exact path and values of the networks themselves."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU, optimal_set
from convexnn.landscape import polygonal_path

BETA = 0.1
X, Y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), np.ones(4)


@pytest.fixture(scope="module")
def square():
    """The two optimal networks of four unit vectors at right angles, and their value in closed form."""
    found = optimal_set(X, Y, BETA)
    value = 4 * (BETA / np.sqrt(2) - BETA**2 / 4)
    assert found.optimal_value == pytest.approx(value)
    return [found.network(masses, width=4) for masses in found.vertices]


@pytest.mark.slow
def test_more_corners_leave_a_lower_barrier(square):
    # The best chain of one corner leaves 0.0808.
    chain = polygonal_path(*square, X, Y, BETA, n_bends=3, n_starts=2, max_iter=150, random_state=0)
    assert 0 < chain.barrier < 0.06


def test_chain_is_made_of_its_corners(square):
    chain = polygonal_path(*square, X, Y, BETA, n_bends=4, n_starts=1, max_iter=20, random_state=0)
    assert len(chain.bends) == 4 and chain.bend is chain.bends[2]
    assert np.allclose(chain.knots, [0, 0.2, 0.4, 0.6, 0.8, 1])
    points = [square[0], *chain.bends, square[1]]
    for k, (first, last) in enumerate(zip(points[:-1], points[1:], strict=True)):
        for share in (0.0, 0.3, 1.0):
            middle = TwoLayerReLU(
                (1 - share) * first.hidden_weights + share * last.hidden_weights,
                (1 - share) * first.output_weights + share * last.output_weights,
            )
            assert chain.objective((k + share) / 5) == pytest.approx(middle.objective(X, Y, BETA), abs=1e-12)
    values = [chain.objective(t) for t in np.linspace(0, 1, 1001)]
    assert 0 <= chain.barrier - (max(values) - values[0]) < 1e-3


@pytest.mark.slow
def test_chains_below_the_connected_width_keep_a_barrier():
    # Two rows, two neurons, no free one: on every way from one order to the other a neuron leaves its row, and the
    # objective is then that of one neuron alone, which is 1/2 + beta - beta^2 / 2 in closed form, or more.
    X, y = np.array([[1.0], [-1.0]]), np.ones(2)
    root = np.sqrt(1 - BETA)
    a = TwoLayerReLU([[root], [-root]], [root, root])
    chain = polygonal_path(a, a.permuted([1, 0]), X, y, BETA, n_bends=3, n_starts=2, max_iter=80, random_state=0)
    assert chain.profile.values[0] == pytest.approx(2 * BETA - BETA**2)
    assert chain.profile.peak >= 0.5 + BETA - BETA**2 / 2 - 1e-12


def test_number_of_corners_is_checked(square):
    with pytest.raises(ValueError, match="n_bends"):
        polygonal_path(*square, X, Y, BETA, n_bends=0)
