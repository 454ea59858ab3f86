"""Joint ascents on medium data, and gradients of losses other than the squared one."""

import numpy as np
import pytest

from convexnn._utils.threads import in_turn
from convexnn.duality.scalar_price import scalar_price_function
from convexnn.losses import LOSSES
from convexnn.programs import make_problem
from convexnn.solvers._joint_ascents import ascend_jointly, is_medium
from convexnn.solvers._neuron_descent import LossRows, _Objective


def test_joint_ascents_end_above_their_starts():
    rng = np.random.default_rng(0)
    X, nu = rng.standard_normal((900, 8)), rng.standard_normal(900)
    function = scalar_price_function(X, nu)
    assert is_medium(function.lines)
    starts, signs = rng.standard_normal((300, function.rank)), rng.choice([-1.0, 1.0], 300)
    starts /= np.linalg.norm(starts, axis=1)[:, None]
    points, kept, values = ascend_jointly(function, starts, signs, True)
    heights = np.maximum(function.lines @ points.T, 0.0).T @ function.coefficients + points @ function.linear
    assert kept * heights == pytest.approx(values, abs=1e-6)
    before = np.maximum(function.lines @ starts.T, 0.0).T @ function.coefficients + starts @ function.linear
    assert np.mean(values) > np.mean(signs * before) + 0.1 * np.std(before)
    again = ascend_jointly(function, starts, signs, True, n_jobs=2)
    assert np.array_equal(points, again[0])


@pytest.mark.parametrize("loss", ["logistic", "huber", "squared_hinge"])
def test_gradient_of_a_loss_against_differences(loss):
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((40, 3)), rng.choice([-1.0, 1.0], 40)
    assert loss in LOSSES
    rows = LossRows(make_problem(X, y, 0.3, hidden_bias=True, fit_intercept=True, loss=loss))
    objective = _Objective(rows, np.float64, 0.5, 2, in_turn, lambda: False)
    point, step = rng.standard_normal(2 * 4 + 2 + rows.free_basis.shape[1]), 1e-6
    _, gradient = objective(point)
    for k, unit in enumerate(np.eye(len(point))):
        slope = (objective(point + step * unit)[0] - objective(point - step * unit)[0]) / (2 * step)
        assert gradient[k] == pytest.approx(slope, abs=1e-5)
