"""Networks with the activation t^2: their objective, the convex program beside a dual bound, and the points found."""

import numpy as np
import pytest

from convexnn.exceptions import InvalidInputError
from convexnn.landscape.functions import MatrixSensing, QuadraticNetwork, second_order_points


def random_data(n_samples=12, n_features=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_features)), rng.normal(size=n_samples)


def test_the_objective_is_that_of_the_network():
    (X, y), signs = random_data(), np.array([1.0, -1.0, 1.0])
    function = QuadraticNetwork(X, y, 3, output_weights=signs, beta=0.7)
    U = np.random.default_rng(1).normal(size=(4, 3))
    fits = np.array([sum(a * (u @ x) ** 2 for a, u in zip(signs, U.T, strict=True)) for x in X])
    assert function.value(U.ravel()) == pytest.approx(0.5 * np.sum((fits - y) ** 2) + 0.35 * np.sum(U**2))


def test_it_is_the_sensing_of_the_products_of_rows():
    X, y = random_data()
    network = QuadraticNetwork(X, y, 2)
    sensing = MatrixSensing(np.einsum("ia,ib->iab", X, X), y, 2)
    weights = network.random_start(np.random.default_rng(0))
    # 1/2 of every square against 1/(4 n).
    assert network.value(weights) == pytest.approx(2 * len(y) * sensing.value(weights))
    np.testing.assert_allclose(network.hessian(weights), 2 * len(y) * sensing.hessian(weights))


CASES = {
    "one sign": (4, None, 0.3),
    "both signs": (8, [1] * 4 + [-1] * 4, 0.3),
    "no decay": (4, None, 0.0),
    "both, no decay": (8, [1] * 4 + [-1] * 4, 0.0),
    "wide by samples": (5, None, 0.3),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_every_point_found_is_the_convex_optimum(case, scale):
    width, signs, beta = CASES[case]
    X, y = random_data(n_features=6) if case == "wide by samples" else random_data()
    # y in units of scale and beta with it: the objective in units of scale^2.
    function = QuadraticNetwork(X, scale * y, width, output_weights=signs, beta=scale * beta)
    found = second_order_points(function, n_starts=6, random_state=0)
    assert found.is_second_order.all() and found.all_global
    assert function.optimal_value == pytest.approx(found.values.min(), rel=1e-7)


@pytest.mark.parametrize("signs", [(1.0,), (1.0, -1.0)])
def test_the_convex_value_is_above_a_dual_bound_and_near_it(signs):
    # Weak duality by hand: -nu'y - ||nu||^2/2 for every nu with beta/2 I + s sum_i nu_i x_i x_i' >= 0.
    (X, y), beta = random_data(seed=3), 0.3
    function = QuadraticNetwork(X, y, 4 * len(signs), output_weights=np.repeat(signs, 4), beta=beta)
    best = second_order_points(function, n_starts=2, eps=1e-11, random_state=0).points[0]
    nu = function.residuals(best)
    pull = (X.T * nu) @ X
    least = min(np.linalg.eigvalsh(sign * pull)[0] for sign in signs)
    nu = nu * min(1.0, -0.5 * beta / least)
    bound = -nu @ y - 0.5 * nu @ nu
    assert bound <= function.convex_value() <= bound * (1 + 1e-6)


def test_narrow_networks_have_no_known_least_value():
    X, y = random_data(n_features=6)
    function = QuadraticNetwork(X, y, 2, beta=0.1)
    assert function.optimal_value is None
    found = second_order_points(function, n_starts=4, random_state=0)
    assert function.convex_value() <= found.values.min() * (1 + 1e-7)


def test_targets_that_no_square_reaches_leave_the_zero_network():
    X, y = random_data()
    function = QuadraticNetwork(X, -np.abs(y), 4, beta=0.1)
    assert function.optimal_value == pytest.approx(0.5 * y @ y)
    assert second_order_points(function, n_starts=3, random_state=0).all_global
    assert QuadraticNetwork(X, np.zeros(12), 4).optimal_value == 0.0


def test_permuted_rows_and_rotated_features_change_nothing():
    X, y = random_data()
    order, turn = (
        np.random.default_rng(5).permutation(12),
        np.linalg.qr(np.random.default_rng(6).normal(size=(4, 4)))[0],
    )
    values = [
        QuadraticNetwork(*data, 4, beta=0.3).optimal_value for data in ((X, y), (X[order], y[order]), (X @ turn, y))
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0}, "width must be an integer"),
        ({"output_weights": [1.0, 2.0]}, "output_weights must be 2 numbers, each 1 or -1"),
        ({"output_weights": [1.0]}, "output_weights must be 2 numbers"),
        ({"beta": -1.0}, "beta must be finite and not below 0"),
    ],
)
def test_bad_arguments_of_a_network_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        QuadraticNetwork(*random_data(), **({"width": 2} | arguments))


def test_output_weights_of_two_signs_leave_no_rotation():
    function = QuadraticNetwork(*random_data(), 2, output_weights=[1, -1])
    with pytest.raises(InvalidInputError, match="output_weights must have one sign"):
        function.directions(np.ones(8), np.zeros(8))


def test_rows_of_mixed_sizes_have_their_least_value():
    """Rows of sizes 29, 0.01 and 0.4: the negative network cannot help the one positive target, and fits the others."""
    X = [
        [-9.947536946621097, 0.23070351767403852, 27.321387846797307],
        [0.0018847191882694866, -0.006729277937817403, 0.008313225989527136],
        [-0.048077598225407886, -0.3682424307162139, -0.1942367422553306],
    ]
    y = [-0.6892878723739311, 0.7933787647789019, -1.3363959394506026]
    network = QuadraticNetwork(X, y, 3, output_weights=[-1.0] * 3)
    assert network.optimal_value == pytest.approx(0.5 * y[1] ** 2, rel=1e-8)
