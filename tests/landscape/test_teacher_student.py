"""The teacher-student loss: known numbers, derivatives, symmetries, integrals, and the points of one bad neuron."""

import numpy as np
import pytest
from scipy.integrate import quad

from convexnn import InvalidInputError
from convexnn.landscape import population_gradient, population_hessian, population_loss, symmetric_minimum
from convexnn.landscape._teacher_kernels import _fill_gradient, _rest_of_angle, _scratch

FUNCTIONS = (population_loss, population_gradient, population_hessian)
GLOBAL_CURVATURE = 1 / 4 - 1 / (2 * np.pi)


def pair(seed, n_students=4, n_teachers=5, n_features=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_students, n_features)), rng.standard_normal((n_teachers, n_features))


def smallest_eigenvalue(W, V):
    return np.linalg.eigvalsh(population_hessian(W, V))[0]


def orthogonal(n_features, rng):
    return np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]


def differences(function, W, step=1e-5):
    """Central differences of a function of W, along every entry."""
    shifts = step * np.eye(W.size).reshape(-1, *W.shape)
    return np.array([(function(W + shift) - function(W - shift)).ravel() for shift in shifts]) / (2 * step)


@pytest.mark.parametrize(
    ("k", "loss", "eigenvalue"),
    [
        (5, 0.026970469526, -0.0077015191),
        (6, 0.025080581002, 0.0047003547),
        (8, 0.021508037172, 0.0213465892),
    ],
)
def test_known_values_of_one_bad_neuron(k, loss, eigenvalue):
    W = symmetric_minimum(k)
    assert population_loss(W, np.eye(k)) == pytest.approx(loss, abs=1e-12)
    assert smallest_eigenvalue(W, np.eye(k)) == pytest.approx(eigenvalue, abs=1e-10)


@pytest.mark.parametrize("k", [*range(3, 21), 30])
def test_one_bad_neuron_is_a_minimum_from_six_on(k):
    W = symmetric_minimum(k)
    assert np.abs(population_gradient(W, np.eye(k))).max() < 1e-13 and population_loss(W, np.eye(k)) > 1e-3
    assert (smallest_eigenvalue(W, np.eye(k)) > 0) == (k >= 6)
    assert len(np.unique(W)) == 5 and W[-1, -1] < 0
    for order in (np.roll(np.arange(k - 1), 1), np.arange(k - 1)[::-1]):
        order = np.append(order, k - 1)
        np.testing.assert_array_equal(W[np.ix_(order, order)], W)


def test_one_bad_neuron_among_many():
    W = symmetric_minimum(100)
    assert np.abs(population_gradient(W, np.eye(100))).max() < 1e-12


@pytest.mark.parametrize("k", [2, 1, 0, 3.0, True])
def test_fewer_than_three_neurons_are_refused(k):
    with pytest.raises(InvalidInputError, match="^k must be"):
        symmetric_minimum(k)


@pytest.mark.parametrize("k", [1, 2, 6, 15])
def test_the_teacher_itself(k):
    V = np.eye(k)
    assert population_loss(V, V) == 0.0
    np.testing.assert_array_equal(population_gradient(V, V), 0)
    order = np.random.default_rng(k).permutation(k)
    assert population_loss(V[order], V) == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(population_gradient(V[order], V), 0, atol=1e-14)
    if k > 1:
        assert smallest_eigenvalue(V, V) == pytest.approx(GLOBAL_CURVATURE, abs=1e-13)


def test_any_teacher_is_its_own_global_minimum():
    W, _ = pair(3)
    assert population_loss(W, W) == 0.0
    np.testing.assert_array_equal(population_gradient(W, W), 0)
    assert smallest_eigenvalue(W, W) > -1e-13


def test_the_constant_term():
    # Students of no size leave the teacher's own energy.
    loss = population_loss(1e-100 * np.ones((1, 6)), np.eye(6))
    assert loss == pytest.approx(3.8873241464, abs=1e-10) and loss == pytest.approx(3 + 15 / (2 * np.pi) - 1.5)


def test_one_neuron_at_every_angle():
    """F = 1/4 (r^2 + 1) - r (sin t + (pi - t) cos t) / (2 pi), at 0 and pi to the last digits."""
    for angle in [0.0, 1e-9, 1e-4, 0.3, np.pi / 2, 3.0, np.pi - 1e-9, np.pi]:
        W = 2.0 * np.array([[np.cos(angle), np.sin(angle)]])
        expected = 1.25 - (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
        assert population_loss(W, [[1, 0]]) == pytest.approx(expected, abs=1e-15)
    assert population_loss([[2, 0]], [[1, 0]]) == 0.25 and population_loss([[-2, 0]], [[1, 0]]) == 1.25
    np.testing.assert_array_equal(population_gradient([[2, 0]], [[1, 0]]), [[0.5, 0]])
    np.testing.assert_allclose(population_gradient([[-2, 0]], [[1, 0]]), [[-1, 0]], atol=1e-16)
    for sign in (1, -1):
        np.testing.assert_allclose(population_hessian([[2 * sign, 0]], [[1, 0]]), np.eye(2) / 2, atol=1e-16)


@pytest.mark.parametrize("sign", [1, -1])
def test_parallel_students(sign):
    """Between two students the Hessian is I/2 at the angle 0 and 0 at pi, and nothing jumps there."""
    W, V = np.array([[1.0, 2.0, -1.0], [2.0 * sign, 4.0 * sign, -2.0 * sign]]), pair(0)[1]
    hessian = population_hessian(W, V)
    np.testing.assert_allclose(hessian[:3, 3:], np.eye(3) * (1 + sign) / 4, atol=1e-15)
    np.testing.assert_allclose(differences(lambda W: population_gradient(W, V), W), hessian, atol=1e-5)
    near = W + 1e-9 * pair(1)[0][:2]
    np.testing.assert_allclose(population_hessian(near, V), hessian, atol=1e-8)


@pytest.mark.parametrize("shape", [(4, 5, 3), (1, 1, 1), (3, 2, 6), (2, 7, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_derivatives_are_those_of_the_loss(shape, seed):
    W, V = pair(seed, *shape)
    gradient, hessian = population_gradient(W, V), population_hessian(W, V)
    np.testing.assert_allclose(
        differences(lambda W: np.array(population_loss(W, V)), W)[:, 0], gradient.ravel(), atol=1e-8
    )
    np.testing.assert_allclose(differences(lambda W: population_gradient(W, V), W), hessian, atol=1e-8)
    np.testing.assert_array_equal(hessian, hessian.T)


def test_the_loss_is_the_expectation():
    """In the plane the radius integrates to 2, and the angle by quadrature between the kinks."""
    W, V = pair(5, 3, 2, 2)

    def squared_error(angle):
        x = np.array([np.cos(angle), np.sin(angle)])
        return (np.maximum(W @ x, 0).sum() - np.maximum(V @ x, 0).sum()) ** 2

    normals = np.vstack([W, V])
    kinks = np.arctan2(-normals[:, 0], normals[:, 1]) % np.pi
    cuts = np.sort(np.concatenate([kinks, kinks + np.pi, [0, 2 * np.pi]]))
    integral = sum(quad(squared_error, a, b)[0] for a, b in zip(cuts, cuts[1:], strict=False))
    assert population_loss(W, V) == pytest.approx(0.5 * integral * 2 / (2 * np.pi), rel=1e-12)


def test_the_loss_is_the_mean_over_a_sample():
    W, V = pair(7, 4, 5, 6)
    x = np.random.default_rng(1).standard_normal((200_000, 6))
    errors = 0.5 * (np.maximum(x @ W.T, 0).sum(axis=1) - np.maximum(x @ V.T, 0).sum(axis=1)) ** 2
    assert abs(errors.mean() - population_loss(W, V)) < 4 * errors.std() / np.sqrt(len(errors))


@pytest.mark.parametrize("seed", range(3))
def test_symmetries(seed):
    rng = np.random.default_rng(seed)
    W, V = pair(seed)
    loss, gradient, hessian = (function(W, V) for function in FUNCTIONS)
    Q, students, teachers = orthogonal(3, rng), rng.permutation(4), rng.permutation(5)
    moved = W[students] @ Q, V[teachers] @ Q
    assert population_loss(*moved) == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(population_gradient(*moved), gradient[students] @ Q, atol=1e-13)
    turned = np.einsum("iajb,ac,bd->icjd", hessian.reshape(4, 3, 4, 3)[students][:, :, students], Q, Q)
    np.testing.assert_allclose(population_hessian(*moved).reshape(4, 3, 4, 3), turned, atol=1e-13)
    assert population_loss(W[:, ::-1], V[:, ::-1]) == pytest.approx(loss, rel=1e-13)


@pytest.mark.parametrize("scale", [1e-140, 1e-6, 1e6, 1e140])
def test_scaling(scale):
    W, V = pair(2)
    assert population_loss(scale * W, scale * V) / scale**2 == pytest.approx(population_loss(W, V), rel=1e-13)
    np.testing.assert_allclose(population_gradient(scale * W, scale * V) / scale, population_gradient(W, V), rtol=1e-12)
    np.testing.assert_allclose(population_hessian(scale * W, scale * V), population_hessian(W, V), atol=1e-13)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("W", "V", "message"),
    [
        ([[1, 2]], [[1, 2, 3]], r"as many columns.*\(1, 2\) and \(1, 3\)"),
        ([1, 2], [[1, 2]], r"W must have shape .* got shape \(2,\)"),
        ([[1, 2]], [[1, np.nan]], "V must be finite"),
        ([[np.inf, 2]], [[1, 2]], "W must be finite"),
        ([[1, 2], [0, 0]], [[1, 2]], "W must have no zero row.*row 1"),
        ([[1, 2]], [[0, 0]], "V must have no zero row.*row 0"),
        (np.empty((0, 2)), [[1, 2]], r"W must have shape .* got shape \(0, 2\)"),
        ([["a", 2]], [[1, 2]], "W must be an array of real numbers"),
        ([[1], [1, 2]], [[1, 2]], "W must be an array of real numbers"),
        ([[1j, 2]], [[1, 2]], "W must be an array of real numbers; got complex"),
    ],
)
def test_bad_input_is_named(function, W, V, message):
    with pytest.raises(InvalidInputError, match=message):
        function(W, V)


def test_the_kernel_has_the_same_gradient():
    cosines = np.linspace(-1, 1, 10_001)
    rests = [_rest_of_angle(cosine) for cosine in cosines]
    np.testing.assert_allclose(rests, np.pi - np.arccos(cosines), atol=1e-15)
    W = np.random.default_rng(0).standard_normal((7, 6, 5))
    work = _scratch(7, 6, 5)
    _fill_gradient(W, work)
    for lane in range(5):
        expected = population_gradient(W[:, :, lane], np.eye(6))
        np.testing.assert_allclose(work[0][:, :, lane] / (2 * np.pi), expected, atol=1e-14)
