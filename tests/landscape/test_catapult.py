"""Gradient descent with large steps against the recursion of a wide linear network with one sample."""

import numpy as np
import pytest

from convexnn import TwoLayerReLU
from convexnn.landscape import gradient_descent

WIDTH = 200


def pairs(seed):
    """Output weights, and hidden weights of either sign, of opposite neurons: a linear network on opposite rows."""
    u, v = np.random.default_rng(seed).normal(size=(2, WIDTH))
    return u, v, TwoLayerReLU(np.append(u, -u)[:, None], np.append(v, -v))


def descend(start, target, step, n_steps):
    """Fits, and the sums of all squares over twice the width, along a run on two opposite rows."""
    X, y = np.array([[1.0], [-1.0]]) / np.sqrt(WIDTH), [target, -target]
    options = {"start": start, "learning_rate": step, "max_iter": n_steps, "tol": 1e-300, "trace": 1}
    networks = gradient_descent(X, y, 2 * WIDTH, 1e-13, **options).traces[0].networks
    assert len(networks) == n_steps + 1
    sizes = [np.sum(n.hidden_weights**2) + np.sum(n.output_weights**2) for n in networks]
    return np.array([n.predict(X) for n in networks]), np.array(sizes) / (2 * WIDTH)


@pytest.mark.parametrize(("factor", "n_steps"), [(0.5, 40), (2.5, 40), (3.8, 40), (4.5, 5)])
@pytest.mark.parametrize(("seed", "target"), [(0, 1.0), (1, -0.3)])
def test_steps_are_those_of_the_closed_form(seed, target, factor, n_steps):
    u, v, start = pairs(seed)
    f, k = u @ v / np.sqrt(WIDTH), (u @ u + v @ v) / WIDTH
    step = factor / k
    known = [(f, k)]
    for _ in range(n_steps):
        # From u' = u - step r v / sqrt(m) and v' = v - step r u / sqrt(m), with r = f - target.
        r = f - target
        f, k = f - step * r * k + step**2 * r**2 * f / WIDTH, k + step * r / WIDTH * (step * r * k - 4 * f)
        known.append((f, k))
    fits, kernels = descend(start, target, step, n_steps)
    values, sizes = np.transpose(known)
    np.testing.assert_allclose(fits[:, 0], values, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(fits[:, 1], -values, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(kernels, sizes, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_three_phases_of_the_step(seed):
    u, v, start = pairs(seed)
    kernel = (u @ u + v @ v) / WIDTH
    for factor, low, high in [(1.8, 0.0, 1.1), (2.8, 10.0, 1e4)]:
        fits, kernels = descend(start, 0.1, factor / kernel, 150)
        losses = 0.5 * (fits[:, 0] - 0.1) ** 2
        assert losses[-1] < 1e-12 and low <= losses.max() / losses[0] < high
        assert kernels[-1] < 2 * kernel / factor  # a minimum above would be left again
        assert kernels[-1] < (0.8 if factor > 2 else 1.0) * kernel * 1.01
    fits, kernels = descend(start, 0.1, 5.0 / kernel, 6)  # diverges: above 4 / kernel this grows too, in the end
    assert np.argmax(np.abs(fits[:, 0])) == 6 and kernels[-1] > 10 * kernel
