"""``1/2 E (sigma(w^T x) - sigma(v^T x))^2`` for Gaussian inputs x ~ N(0, I), with its gradient and Hessian in w.

Where sigma is the leaky ReLU, ``sigma(z) = (1 - a) (z)_+ + a z`` with slope a, and ``E (w^T x)_+ (v^T x)`` is
``w^T v / 2``. So the excess is ``(1 - a)^2 F(w) + a/2 ||w - v||^2``, with F the loss of one ReLU neuron that learns
another: `teacher_student` has it in closed form.

Where sigma is smooth, the expectation is over two numbers: with the unit vectors ``e`` along w and ``n`` across it, in
the plane of w and v, ``w^T x = ||w|| z_1`` and ``v^T x = (v^T e) z_1 + (v^T n) z_2``. The rule is the trapezoidal one.
For a function that is analytic up to a distance D from the real line its error is of the order ``exp(-2 pi D / step)``;
Gauss and Hermite's rule with n nodes has one of the order ``exp(-2 D sqrt(n))``, and needs far more of them where
w is long: the poles of ``sigma(||w|| z)`` are at a distance of ``pi / ||w||``, those of tanh at half of it.
Source: Trefethen, Weideman, The exponentially convergent trapezoidal rule (SIAM Review 56, 2014), section 5.
"""

from __future__ import annotations

import numpy as np

from ...exceptions import InvalidInputError
from ..teacher_student import population_gradient, population_hessian, population_loss

# The steps are the distance of the poles, in z, over 2 pi: an error of exp(-4 pi^2) = 7e-18. Up to steps of 1/2 that of
# the Gaussian is less.
STEPS_TO_POLE = 2.0 * np.pi
# Beyond 9 standard deviations the Gaussian is below 1e-17.
REACH = 9.0
# A grid of 2 million points takes a tenth of a second and 16 MB for every array.
MAX_GRID = 2_000_000


class LeakyExcess:
    """The excess where sigma is piecewise linear, in closed form."""

    def __init__(self, link, planted):
        self.link, self.planted = link, planted

    def value(self, weights):
        """Return the excess; at 0, the limit."""
        apart, bent = weights - self.planted, 1.0 - self.link.leak
        pair = [vector for vector in (weights, self.planted) if vector.any()]
        # Of two neurons the closed form, of one half its mean square, ||w||^2 / 4.
        relu = population_loss(*(row[None] for row in pair)) if len(pair) == 2 else sum(v @ v for v in pair) / 4.0
        return float(bent**2 * relu + 0.5 * self.link.leak * (apart @ apart))

    def gradient(self, weights):
        """Return the gradient at weights other than 0."""
        leak, apart = self.link.leak, weights - self.planted
        return (1.0 - leak) ** 2 * self._relu(population_gradient, weights, 0.5 * weights) + leak * apart

    def hessian(self, weights):
        """Return the Hessian at weights other than 0."""
        leak, eye = self.link.leak, np.eye(len(weights))
        return (1.0 - leak) ** 2 * self._relu(population_hessian, weights, 0.5 * eye) + leak * eye

    def _relu(self, derivative, weights, alone):
        """Return a derivative of the loss of one ReLU neuron, which is `alone` where there is nothing to learn."""
        if self.link.leak == 1.0 or not self.planted.any():
            return alone
        return derivative(weights[None], self.planted[None]).reshape(alone.shape)


class SmoothExcess:
    """The excess where sigma is smooth, by the trapezoidal rule in the plane of both vectors."""

    def __init__(self, link, planted):
        self.link, self.planted = link, planted

    def value(self, weights):
        """Return the excess."""
        _, (_, first), (_, second), _, apart = self._grid(weights)
        return 0.5 * float(first @ apart**2 @ second)

    def gradient(self, weights):
        """Return the gradient: E (sigma(w^T x) - sigma(v^T x)) sigma'(w^T x) x has no part outside the plane."""
        axes, (z, first), (t, second), u, apart = self._grid(weights)
        sloped = first * self.link.slope(u)
        return np.array([(sloped * z) @ apart @ second, sloped @ apart @ (second * t)]) @ axes

    def hessian(self, weights):
        """Return the Hessian E k x x^T, k = sigma'(w^T x)^2 + (sigma(w^T x) - sigma(v^T x)) sigma''(w^T x)."""
        axes, (z, first), (t, second), u, apart = self._grid(weights)
        squared, bend = self.link.slope(u) ** 2, self.link.bend(u)
        # E k t^p given z, for p = 0, 1, 2: t has the moments 1, 0, 1.
        plain, mixed, square = (
            first * (squared * moment + bend * (apart @ (second * t**power))) for power, moment in enumerate((1, 0, 1))
        )
        mean = plain.sum()
        inside = np.array([[plain @ z**2 - mean, mixed @ z], [mixed @ z, square.sum() - mean]])
        return mean * np.eye(len(weights)) + axes.T @ inside @ axes

    def _grid(self, weights):
        """Return the axes e and n, (nodes, masses) along both, w^T x along e and the difference on the grid."""
        axes, (length, along, across) = _plane(weights, self.planted)
        (z, first), (t, second) = self._rule(max(length, abs(along))), self._rule(abs(across))
        if len(z) * len(t) > MAX_GRID:
            raise InvalidInputError(
                f"weights and planted must be shorter: the expectation needs a grid of {len(z)} x {len(t)} points, "
                f"above {MAX_GRID}; their lengths are {length:.3g} and {np.hypot(along, across):.3g}."
            )
        u = length * z
        apart = self.link.value(u)[:, None] - self.link.value(along * z[:, None] + across * t)
        return axes, (z, first), (t, second), u, apart

    def _rule(self, scale):
        """Return nodes and masses of the trapezoidal rule for a Gaussian number that is multiplied by `scale`."""
        step = self.link.pole / STEPS_TO_POLE / max(1.0, scale)
        nodes = step * np.arange(-np.ceil(REACH / step), np.ceil(REACH / step) + 1)
        return nodes, step * np.exp(-0.5 * nodes**2) / np.sqrt(2.0 * np.pi)


def _plane(weights, planted):
    """Return unit rows (e, n) that span both vectors, n being 0 if e does, and the numbers w^T e, v^T e and v^T n."""
    length = float(np.linalg.norm(weights))
    first = weights / length if length > 0 else np.zeros_like(weights)
    along = float(planted @ first)
    rest = planted - along * first
    # Once more: what rounding has left along the first axis.
    rest -= (rest @ first) * first
    across = float(np.linalg.norm(rest))
    second = rest / across if across > 0 else np.zeros_like(weights)
    return np.array([first, second]), (length, along, across)
