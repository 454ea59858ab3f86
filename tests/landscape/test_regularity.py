"""The six ratios against closed forms, what follows from what, sets of minimisers, and proximal terms."""

import numpy as np
import pytest
from scipy.optimize import minimize

from convexnn import TwoLayerReLU
from convexnn.landscape import SampleGLM, function_regularity, gradient_descent, regularity_constants


def test_regularity_of_quadratics():
    """``1/2 w^T A w``: PL is lambda_min(A) along its eigenvector, the secant constant too, weak convexity 2."""
    A = np.diag([1.0, 5.0])
    found = function_regularity(lambda w: 0.5 * w @ A @ w, lambda w: A @ w, [[2, 0], [0, 1], [1, 1]], [0, 0])
    assert found.pl == pytest.approx(1.0) and found.restricted_secant == pytest.approx(1.0)
    assert found.weak_quasi_convexity == pytest.approx(2.0) and found.n_points == 3
    assert found.error_bound == pytest.approx(1.0) and found.quadratic_growth == pytest.approx(1.0)
    assert found.weak_strong_convexity == pytest.approx(1.0) and not found.is_proximal


def test_regularity_of_one_linear_neuron_pair():
    """``1/2 (1 - u alpha)^2`` near (1, 1): half the squared gradient over the value is ``u^2 + alpha^2``."""
    networks = [TwoLayerReLU([[u]], [a]) for u, a in ((0.5, 0.5), (1.0, 2.0), (0.3, 1.0))]
    found = regularity_constants(networks, TwoLayerReLU([[1.0]], [1.0]), [[1.0]], [1.0], 0.0)
    assert found.pl == pytest.approx(0.5)
    u, a = 0.3, 1.0
    expected = (1 - u * a) * (a * (1 - u) + u * (1 - a)) / ((1 - u) ** 2 + (1 - a) ** 2)
    assert found.restricted_secant == pytest.approx(min(expected, 0.75 * 0.5 * 2 * 0.5 / 0.5))
    assert found.n_points == 3


def test_a_spurious_minimum_spoils_every_constant():
    X, y, beta = np.array([[1.0], [-1.0]]), np.ones(2), 0.1
    root = np.sqrt(0.9)
    best = TwoLayerReLU([[root], [-root]], [root, root])
    spurious = TwoLayerReLU([[root], [root]], [root * np.sqrt(0.5)] * 2)
    stuck = gradient_descent(X, y, 2, beta, n_runs=20, random_state=0, tol=1e-12)
    worst = stuck.networks[int(np.argmax(stuck.objectives))]
    found = regularity_constants([worst, spurious], best, X, y, beta)
    assert 0 <= found.pl < 1e-6 and found.weak_quasi_convexity < 1e-6


def test_lower_points_and_other_shapes_are_refused():
    one, data = TwoLayerReLU([[0.5]], [0.5]), ([[1.0]], [1.0], 0.0)
    with pytest.raises(ValueError, match=r"points\[1\] is lower by"):
        regularity_constants([TwoLayerReLU([[0.4]], [0.4]), TwoLayerReLU([[0.9]], [0.9])], one, *data)
    with pytest.raises(ValueError, match=r"points\[0\] must have the shape of the minimiser"):
        regularity_constants([one.padded(2)], one, *data)
    with pytest.raises(ValueError, match=r"points\[0\]: network must be at a smooth point"):
        regularity_constants([TwoLayerReLU([[0.0]], [1.0])], one, *data)
    with pytest.raises(ValueError, match="n_points above 0"):
        regularity_constants([], one, *data)
    with pytest.raises(ValueError, match="at least one that is above"):
        regularity_constants([one], one, *data)


def test_points_must_be_a_sequence_of_networks():
    network = TwoLayerReLU([[1.0]], [1.0])
    with pytest.raises(ValueError, match="points must be a sequence of networks; got TwoLayerReLU"):
        regularity_constants(network, network, [[1.0]], [1.0], 0.0)


@pytest.mark.parametrize("radius", [0.3, 0.9, 1.7])
def test_constants_of_a_function_whose_minimisers_are_a_sphere(radius):
    """``1/4 (||w||^2 - 1)^2``: all ratios depend on r = ||w|| alone."""
    points = np.random.default_rng(0).normal(size=(20, 3))
    points *= radius / np.linalg.norm(points, axis=1, keepdims=True)
    found = function_regularity(
        lambda w: 0.25 * (w @ w - 1) ** 2, lambda w: (w @ w - 1) * w, points, lambda w: w / np.linalg.norm(w)
    )
    r = radius
    assert found.pl == pytest.approx(2 * r**2)
    assert found.weak_quasi_convexity == pytest.approx(4 * r / (r + 1))
    assert found.restricted_secant == pytest.approx(r * (r + 1)) == pytest.approx(found.error_bound)
    assert found.quadratic_growth == pytest.approx((r + 1) ** 2 / 2)
    assert found.weak_strong_convexity == pytest.approx(2 * r * (r + 1) - (r + 1) ** 2 / 2)


def least_squares(seed, n_rows=4, n_weights=6, shift=0.0):
    """Return ``1/2 ||A w - b||^2`` of fewer rows than weights, its gradient, its projection and the eigenvalues."""
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(n_rows, n_weights)), rng.normal(size=n_rows)
    inverse = np.linalg.pinv(A)
    parts = (
        lambda w: 0.5 * np.sum((A @ w - b) ** 2) + shift,
        lambda w: A.T @ (A @ w - b),
        lambda w: w - inverse @ (A @ w - b),
    )
    return parts, np.linalg.svd(A)


@pytest.mark.parametrize("shift", [0.0, -3.0])
def test_flat_directions_count_with_one_minimiser_only(shift):
    """All constants are the least eigenvalue above 0; with a single minimiser there is no growth along the kernel."""
    (value, gradient, project), (_, sizes, axes) = least_squares(0, shift=shift)
    minimiser = project(np.zeros(6))
    points = np.vstack([minimiser + axes, minimiser + 3 * np.random.default_rng(1).normal(size=(200, 6))])
    found = function_regularity(value, gradient, points, project)
    for name in ("pl", "restricted_secant", "error_bound", "quadratic_growth", "weak_strong_convexity"):
        assert getattr(found, name) == pytest.approx(sizes[-1] ** 2), name
    assert found.weak_quasi_convexity == pytest.approx(2.0)
    single = function_regularity(value, gradient, points, minimiser)
    assert single.pl == pytest.approx(found.pl)
    assert abs(single.quadratic_growth) < 1e-12 and single.error_bound < 1e-12


def functions():
    """Yield (name, value, gradient, minimiser or projection, Lipschitz constant of the gradient, points)."""
    rng = np.random.default_rng(3)
    (value, gradient, project), (_, sizes, _) = least_squares(5)
    yield "least squares", value, gradient, project, sizes[0] ** 2, rng.normal(size=(300, 6))
    waves = rng.uniform(-12, 12, size=(400, 1))
    yield "waves", wavy, wavy_slope, np.zeros(1), 8.0, waves
    X, planted = rng.normal(size=(30, 3)), rng.normal(size=3)
    for activation in ("leaky_relu", "tanh", "softplus"):
        loss = SampleGLM(X, SampleGLM(X, np.zeros(30), activation).link.value(X @ planted), activation)
        # Of a gap: the slopes of these are at most 1.
        yield activation, loss.value, loss.gradient, planted, np.linalg.norm(X, 2) ** 2, 2 * rng.normal(size=(300, 3))
    yield (
        "saddle",
        lambda w: 0.25 * (w @ w - 1) ** 2,
        lambda w: (w @ w - 1) * w,
        np.array([1.0, 0.0]),
        50.0,
        (rng.normal(size=(300, 2))),
    )


def wavy(w):
    return float(w[0] ** 2 + 3 * np.sin(w[0]) ** 2)


def wavy_slope(w):
    return 2 * w + 3 * np.sin(2 * w)


@pytest.mark.parametrize(
    ("value", "gradient", "minimiser", "smoothness", "points"),
    [pytest.param(*case, id=name) for name, *case in functions()],
)
def test_constants_follow_from_each_other(value, gradient, minimiser, smoothness, points):
    found = function_regularity(value, gradient, points, minimiser)
    slack = 1 - 1e-9
    # Weak strong convexity and growth give the secant inequality; so do quasi-convexity and growth.
    both = 0.5 * (found.quadratic_growth + found.weak_strong_convexity)
    assert found.restricted_secant >= min(both * slack, both / slack)
    if found.weak_quasi_convexity > 0:
        assert found.restricted_secant >= 0.5 * found.weak_quasi_convexity * found.quadratic_growth * slack
    # The secant inequality gives the error bound, which gives PL where the gap is below L/2 of the squared distance.
    assert found.error_bound >= found.restricted_secant * slack
    assert found.error_bound**2 >= found.pl * found.quadratic_growth * slack
    assert found.pl >= found.error_bound**2 / smoothness * slack


def test_pl_gives_growth_on_a_line():
    """The example of Karimi, Nutini and Schmidt, ``x^2 + 3 sin^2 x``: not convex, PL with at least 1/32."""
    points = np.linspace(-20, 20, 4001)[:, None]
    found = function_regularity(wavy, wavy_slope, points, [0.0])
    assert 1 / 32 <= found.pl <= found.quadratic_growth
    assert found.weak_strong_convexity < 0 < found.restricted_secant


def test_minimisers_of_different_values_are_refused():
    points = [[1.0, 0.0], [2.0, 1.0]]
    with pytest.raises(ValueError, match="minimiser must return points of least value; their values go from 0.25 to 1"):
        function_regularity(lambda w: w @ w, lambda w: 2 * w, points, lambda w: [w[0] / 2, 0.0])
    with pytest.raises(ValueError, match=r"shapes \(n_points, n_weights\)"):
        function_regularity(lambda w: w @ w, lambda w: 2 * w, points, lambda w: [0.0])


def shrink(v, step):
    """Proximal operator of ``0.7 ||w||_1``."""
    return np.sign(v) * np.maximum(np.abs(v) - 0.7 * step, 0)


def clip(v, step):
    """Proximal operator of the indicator of [-1, 1]^d."""
    return np.clip(v, -1, 1)


TERMS = {
    "l1": (lambda w: 0.7 * np.abs(w).sum(), shrink),
    "box": (lambda w: 0.0 if np.abs(w).max() <= 1 else np.inf, clip),
}


def composite(name, seed=0):
    """Return a strongly convex quadratic with a term: (value, gradient, (g, prox, L), mu, minimiser)."""
    rng = np.random.default_rng(seed)
    root, b = rng.normal(size=(8, 4)), 4 * rng.normal(size=4)
    A = root.T @ root
    eigenvalues = np.linalg.eigvalsh(A)
    term, prox = TERMS[name]
    w = np.zeros(4)
    for _ in range(20000):
        w = prox(w - (A @ w - b) / eigenvalues[-1], 1 / eigenvalues[-1])
    return lambda w: 0.5 * w @ A @ w - b @ w, lambda w: A @ w - b, (term, prox, eigenvalues[-1]), eigenvalues[0], w


@pytest.mark.parametrize("name", TERMS)
def test_proximal_pl_of_strongly_convex_functions(name):
    """Proximal PL holds with mu where f is strongly convex with mu, whatever the convex g (the source, section 4)."""
    value, gradient, proximal, mu, minimiser = composite(name)
    points = np.random.default_rng(1).uniform(-1, 1, size=(500, 4))
    found = function_regularity(value, gradient, points, minimiser, proximal=proximal)
    assert found.is_proximal and found.pl >= mu * (1 - 1e-9) and found.quadratic_growth >= mu * (1 - 1e-9)
    assert found.error_bound >= found.restricted_secant
    for w in points[:20]:
        one = function_regularity(value, gradient, [w], minimiser, proximal=proximal)
        # With a convex g, D is at least the square of the gradient mapping.
        assert one.error_bound**2 <= one.pl * one.quadratic_growth * (1 + 1e-9)


@pytest.mark.parametrize("name", TERMS)
def test_the_decrease_of_the_proximal_step_is_the_least(name):
    """D by minimising its model with a solver that knows nothing of the proximal operator."""
    value, gradient, (term, prox, smoothness), _, minimiser = composite(name)
    w = np.array([0.3, -0.8, 0.0, 1.0])
    weight = 0.7 if name == "l1" else 0.0

    def model(parts):
        # v = positive - negative, both not negative: ||v||_1 is their sum at the least.
        v = parts[:4] - parts[4:]
        smooth = gradient(w) @ (v - w) + 0.5 * smoothness * np.sum((v - w) ** 2)
        return smooth + weight * (parts.sum() - np.abs(w).sum())

    bounds = [(0.0, 1.0 if name == "box" else None)] * 8
    least = minimize(model, np.concatenate([np.maximum(w, 0), np.maximum(-w, 0)]), bounds=bounds, tol=1e-14).fun
    found = function_regularity(value, gradient, [w], minimiser, proximal=(term, prox, smoothness))
    gap = value(w) + term(w) - value(minimiser) - term(minimiser)
    assert found.pl == pytest.approx(-smoothness * least / gap, rel=1e-6)


def test_proximal_pl_of_a_lasso_of_one_weight():
    """``1/2 (w - 2)^2 + 0.7 |w|`` is its own model with L = 1: D = 2 (F - F*), and the constant is 1."""
    proximal = (lambda w: 0.7 * np.abs(w).sum(), shrink, 1.0)
    points = [[-3.0], [0.0], [0.5], [4.0]]
    found = function_regularity(lambda w: 0.5 * (w[0] - 2) ** 2, lambda w: w - 2, points, [1.3], proximal=proximal)
    assert found.pl == pytest.approx(1.0)


def test_a_term_of_zero_changes_nothing():
    (value, gradient, project), (_, sizes, _) = least_squares(2)
    points = np.random.default_rng(4).normal(size=(50, 6))
    plain = function_regularity(value, gradient, points, project)
    nothing = (lambda w: 0.0, lambda v, step: v, sizes[0] ** 2)
    for name in ("pl", "weak_quasi_convexity", "restricted_secant", "error_bound", "weak_strong_convexity"):
        other = function_regularity(value, gradient, points, project, proximal=nothing)
        assert getattr(other, name) == pytest.approx(getattr(plain, name), rel=1e-9), name


def test_terms_that_cannot_be_used_are_refused():
    quadratic = (lambda w: w @ w, lambda w: 2 * w, [[0.5, 2.0]], [0.0, 0.0])
    box = TERMS["box"]
    with pytest.raises(ValueError, match="value, and g with it, must be finite at the points"):
        function_regularity(*quadratic, proximal=(*box, 2.0))
    with pytest.raises(ValueError, match="smoothness, the third entry of proximal, must be finite and above 0"):
        function_regularity(*quadratic[:2], [[0.5, 0.1]], [0.0, 0.0], proximal=(*box, 0.0))
    with pytest.raises(ValueError, match=r"prox must return arrays of shape \(2,\); got \(1,\)"):
        function_regularity(*quadratic, proximal=(lambda w: 0.0, lambda v, step: v[:1], 2.0))
