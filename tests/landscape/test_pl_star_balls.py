"""Balls in which PL* holds: bounds that no sample may break, norms by closed forms, descent at the proven rate."""

import numpy as np
import pytest

from convexnn import InvalidInputError
from convexnn.landscape import SmoothNetwork, check_rate, hessian_bound, hessian_norm, pl_star_ball, smooth_network
from convexnn.landscape._smooth_bounds import BallBounds
from convexnn.landscape.smooth_networks import ACTIVATIONS


def points(n_samples=3, n_inputs=3, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_samples, n_inputs))
    return X * np.sqrt(n_inputs) / np.linalg.norm(X, axis=1, keepdims=True)


def dense_norm(network, X):
    """The largest norm of a Hessian of a row, of Jacobians by central differences."""
    moves, weights = 1e-5 * np.eye(network.n_weights), network.weights
    sides = [[network.with_weights(weights + s * move).jacobian(X) for move in moves] for s in (1, -1)]
    hessians = np.moveaxis(np.subtract(*sides) / 2e-5, 0, -1)
    return np.linalg.norm(hessians, ord=2, axis=(1, 2)).max()


def one_layer_norm(network, X):
    """The Hessian of one hidden layer of tanh consists of a block of two eigenvalues for each unit."""
    (W, a), squares = network.layers, np.sum(X**2, axis=1, keepdims=True) / X.shape[1]
    values = np.tanh(X @ W.T / np.sqrt(X.shape[1]))
    bend, mixed = -2 * values * (1 - values**2) * a[0] * squares, (1 - values**2) * np.sqrt(squares)
    return np.max(np.abs(bend) / 2 + np.sqrt(bend**2 / 4 + mixed**2)) / np.sqrt(len(W))


def random_case(seed):
    """A network, points and a radius of any shape and size."""
    rng = np.random.default_rng(seed)
    activation, output = rng.choice(list(ACTIVATIONS), 2)
    widths, n_inputs = rng.integers(1, 12, size=rng.integers(0, 4)).tolist(), int(rng.integers(1, 4))
    network = smooth_network(
        n_inputs, widths, activation=activation, output_activation=output if seed % 2 else "linear", random_state=seed
    )
    network = network.with_weights(rng.choice([0.1, 1.0, 3.0]) * network.weights)
    X = rng.choice([0.1, 1.0, 5.0]) * rng.normal(size=(2, n_inputs))
    return network, X, float(rng.choice([1e-4, 0.01, 0.1, 1.0, 5.0])), rng


def most_bent(network, X, rng):
    """The direction in which the Jacobian moves most along a random one, of length 1."""
    moved = network.hessian_product(X, rng.normal(size=network.n_weights))
    return np.linalg.svd(moved, full_matrices=False)[2][0]


def moves_to_try(network, X, radius, rng):
    """Moves of a length that change the network as much as we know how to, and random ones."""
    direction, bent = rng.normal(size=network.n_weights), most_bent(network, X, rng)
    one_weight = np.eye(network.n_weights)[rng.integers(network.n_weights)]
    for move in (direction, bent, network.jacobian(X)[0], -network.weights, one_weight):
        length = np.linalg.norm(move)
        if length > 0:
            yield radius / length * move


@pytest.mark.mostly_slow
@pytest.mark.parametrize("first", [0, 30, 60])
def test_no_network_of_a_ball_breaks_the_bounds(first):
    ratios = []
    for seed in range(first, first + 30):
        network, X, radius, rng = random_case(seed)
        bounds, jacobian = BallBounds(network, X), network.jacobian(X)
        for move in moves_to_try(network, X, radius, rng):
            moved = network.with_weights(network.weights + move)
            norm, drift = hessian_norm(moved, X), np.linalg.norm(moved.jacobian(X) - jacobian)
            # Differences of Jacobians have the rounding of their size.
            assert norm <= bounds.hessian(radius) * (1 + 1e-9)
            assert drift <= bounds.jacobian_move(radius) * (1 + 1e-9) + 1e-13 * np.linalg.norm(jacobian)
            ratios.append(bounds.hessian(radius) / norm if norm > 0 else np.inf)
    assert min(ratios) < 1.5, "and some come near"


@pytest.mark.parametrize("seed", range(5))
def test_norm_is_that_of_the_dense_hessian(seed):
    network, X, _, _ = random_case(10 * seed)
    assert hessian_norm(network, X) == pytest.approx(dense_norm(network, X), rel=1e-5, abs=1e-8)
    # More weights than are written out: by the method of Lanczos.
    network = smooth_network(2, [6, 7, 5], output_activation=["linear", "tanh"][seed % 2], random_state=seed)
    X = points(2, 2, seed)
    assert hessian_norm(network, X) == pytest.approx(dense_norm(network, X), rel=1e-5)


@pytest.mark.parametrize("width", [3, 50, 1000])
def test_norm_of_one_hidden_layer_in_closed_form(width):
    network, X = smooth_network(3, [width], random_state=width), points()
    assert hessian_norm(network, X) == pytest.approx(one_layer_norm(network, X), rel=1e-4)
    assert one_layer_norm(network, X) <= hessian_bound(network, X) <= 1.4 * one_layer_norm(network, X)


def test_a_linear_model_does_not_bend():
    network, X = smooth_network(80, [], random_state=0), points(2, 80)
    ball = pl_star_ball(network, X, [1.0, 2.0])
    assert hessian_norm(network, X) == hessian_bound(network, X, 3.0) == ball.hessian_measured == 0.0
    assert ball.radius == ball.published_radius == ball.measured_radius == np.inf
    # The nearest solution of the linear system is within the radius that mu promises.
    nearest = np.linalg.lstsq(network.jacobian(X), np.array([1.0, 2.0]) - network.predict(X), rcond=None)[0]
    assert ball.has_solution and np.linalg.norm(nearest) <= ball.solution_radius


def median_norm(width_of, m, output="linear"):
    networks = [smooth_network(3, width_of(m), output_activation=output, random_state=k) for k in range(9)]
    return np.median([hessian_norm(network, points()) for network in networks])


def fitted_slope(widths, norms):
    return np.polyfit(np.log(widths), np.log(norms), 1)[0]


def test_norm_falls_nearly_as_the_root_of_the_width():
    widths = [64, 256, 1024, 4096]
    norms = [
        np.median([one_layer_norm(smooth_network(3, [m], random_state=k), points()) for k in range(29)]) for m in widths
    ]
    # The largest output weight grows as sqrt(2 log m), which takes off less than a tenth.
    assert -0.5 < fitted_slope(widths, norms) < -0.4
    assert -0.55 < fitted_slope(widths, norms / np.sqrt(np.log(widths))) < -0.45
    deep = [median_norm(lambda m: [m, m], m) for m in (16, 32, 64, 128)]
    assert -0.55 < fitted_slope([16, 32, 64, 128], deep) < -0.3


@pytest.mark.parametrize(
    ("shape", "output"), [(lambda m: [m, m], "tanh"), (lambda m: [m, 1, m], "linear")], ids=["output", "bottleneck"]
)
def test_norm_does_not_fall_in_the_excluded_cases(shape, output):
    widths = [16, 32, 64, 128]
    norms = [median_norm(shape, m, output) for m in widths]
    assert abs(fitted_slope(widths, norms)) < 0.2 and min(norms) > 0.4


def cancelling(width, n_inputs=3, seed=0):
    """A wide network in pairs of units that cancel, which is 0 everywhere."""
    hidden, outputs = smooth_network(n_inputs, [width // 2], random_state=seed).layers
    return SmoothNetwork([np.vstack([hidden, hidden]), np.hstack([outputs, -outputs])])


def test_descent_keeps_what_the_ball_promises():
    start, X, y = cancelling(4096), points(), np.array([0.2, -0.2, 0.2])
    ball = pl_star_ball(start, X, y, n_points=0)
    assert ball.has_solution and ball.descent_converges
    assert ball.residual == pytest.approx(0.2 * np.sqrt(3))
    network, losses, smallest = start, [], []
    for _ in range(40):
        losses.append(0.5 * np.sum((network.predict(X) - y) ** 2))
        smallest.append(np.linalg.eigvalsh(network.tangent_kernel(X))[0])
        assert np.linalg.norm(network.weights - start.weights) <= ball.solution_radius
        network = network.with_weights(network.weights - ball.step * network.loss_gradient(X, y))
    assert check_rate(losses, ball.mu, ball.smoothness) and losses[-1] < 1e-4 * losses[0]
    assert ball.rate == pytest.approx(1 - ball.mu * ball.step) and min(smallest) >= ball.mu


@pytest.mark.parametrize("shape", [[200], [60, 60]], ids=str)
def test_kernel_keeps_its_smallest_eigenvalue_in_the_ball(shape):
    network, X = smooth_network(3, shape, random_state=2), points()
    ball, rng = pl_star_ball(network, X, np.zeros(3), n_points=0), np.random.default_rng(0)
    tops = [most_bent(network, X, rng) for _ in range(2)]
    for move in [*tops, -tops[0], rng.normal(size=network.n_weights), -network.weights]:
        moved = network.with_weights(network.weights + ball.radius / np.linalg.norm(move) * move)
        assert np.linalg.eigvalsh(moved.tangent_kernel(X))[0] >= ball.mu
        assert np.linalg.norm(moved.jacobian(X), 2) <= ball.lipschitz


def test_published_radii_are_on_the_other_side():
    network, X = smooth_network(3, [500], random_state=0), points()
    ball = pl_star_ball(network, X, np.zeros(3), n_points=2, random_state=0)
    assert 0 < ball.published_radius < ball.radius
    assert ball.published_descent_radius > ball.descent_radius == 2 * ball.solution_radius
    assert 0 < ball.hessian_measured <= hessian_bound(network, X, ball.descent_radius)
    # The published condition holds up to its radius, with the bounds on both constants there.
    R = ball.published_radius
    lipschitz = np.linalg.norm(network.jacobian(X), 2) + BallBounds(network, X).jacobian_move(R)
    limit = (ball.lambda_0 - ball.mu) / (2 * lipschitz * np.sqrt(3) * R)
    assert hessian_bound(network, X, R) == pytest.approx(limit, rel=1e-6)


def test_a_solution_needs_a_ball_that_is_large_enough():
    network, X = smooth_network(3, [50], random_state=0), points()
    near, far = (pl_star_ball(network, X, network.predict(X) + shift, n_points=0) for shift in (0.0, 10.0))
    assert near.has_solution and near.descent_converges and near.descent_radius == 0.0
    assert not far.has_solution and not far.descent_converges and far.radius == near.radius
    assert "no solution proven" in far._repr_html_()


def test_the_radius_falls_as_mu_grows():
    network, X = smooth_network(3, [500], random_state=0), points()
    lambda_0 = pl_star_ball(network, X, np.zeros(3), n_points=0).lambda_0
    balls = [pl_star_ball(network, X, np.zeros(3), mu=share * lambda_0, n_points=0) for share in (0.1, 0.5, 0.9)]
    assert balls[0].radius > balls[1].radius > balls[2].radius > 0
    assert lambda_0 == pytest.approx(np.linalg.svd(network.jacobian(X))[1][-1] ** 2)


def test_permuted_and_scaled_rows_have_the_same_ball():
    network, X, y = smooth_network(3, [500], random_state=0), points(), np.array([1.0, 0.0, -1.0])
    ball, other = (pl_star_ball(network, X[order], y[order], n_points=0) for order in ([0, 1, 2], [2, 0, 1]))
    assert other.radius == pytest.approx(ball.radius) and other.smoothness == pytest.approx(ball.smoothness)
    W, a = network.layers
    moved = pl_star_ball(SmoothNetwork([W, a[:, ::-1]]), X, y, n_points=0)
    mirrored = pl_star_ball(SmoothNetwork([W[::-1], a]), X, y, n_points=0)
    assert moved.radius == pytest.approx(mirrored.radius), "the order of the units does not count"


def test_bad_input_is_refused_by_name():
    network, X = smooth_network(2, [5], random_state=0), np.array([[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(InvalidInputError, match="Leave out equal rows, or take more units"):
        pl_star_ball(network, X, [0.0, 1.0])
    X = X + [[0.0, 1.0], [0.0, 0.0]]
    with pytest.raises(InvalidInputError, match="mu must be below the smallest eigenvalue of the kernel"):
        pl_star_ball(network, X, [0.0, 1.0], mu=100.0)
    with pytest.raises(InvalidInputError, match="n_points must be an integer not below 0"):
        pl_star_ball(network, X, [0.0, 1.0], n_points=-1)
    with pytest.raises(InvalidInputError, match="radius must be finite and above 0; got -1"):
        hessian_bound(network, X, -1.0)
    with pytest.raises(InvalidInputError, match="X must have 2 columns"):
        hessian_norm(network, [[1.0]])
