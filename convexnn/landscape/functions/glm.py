"""Generalised linear models ``sigma(w^T x)`` under the squared loss: on a sample, and on all Gaussian inputs.

The loss is not convex, but where sigma increases every gradient points away from the planted weights w*:

- ``<grad, w - w*> = E (sigma(w^T x) - sigma(w*^T x)) sigma'(w^T x) (w - w*)^T x``, in which both factors have the sign
  of ``(w - w*)^T x``; `regularity_bounds` has what follows from this.
- Noise of mean 0 adds a constant to the population loss and changes no gradient:
  ``1/2 E (sigma(w^T x) - y)^2 = 1/2 E (sigma(w^T x) - sigma(w*^T x))^2 + 1/2 E noise^2``. On a sample both have a term
  in the noise, which `SampleGLM.loss_parts` and `SampleGLM.inner_product_parts` show apart.

Conventions
-----------
Sums over the rows of a sample, no 1/n; expectations over a population.
Sources: Mei, Bai, Montanari, The landscape of empirical risk for nonconvex losses (Annals of Statistics 46, 2018),
section 3; Ma, Why do local methods solve nonconvex problems? (arXiv 2103.13462, 2021), section 3.2.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ..._utils.aliases import ArrayLike, Seed
from ..._utils.norms import norms
from ..._utils.validation import check_count, check_design, check_positive, check_vector, finite_array
from ...exceptions import InvalidInputError
from .._weights import check_not_negative
from ..curvature import KINK_DISTANCE
from ..descent import spawn
from ..regularity import RegularityBounds
from ._gaussian_excess import LeakyExcess, SmoothExcess
from ._glm_bounds import gaussian_bounds, sample_bounds
from ._links import link_of
from .base import SmoothFunction

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "softplus"]
# Targets are without noise where the planted weights miss each by at most 16 d units of its own rounding.
NOISE_ROUNDING = 16.0 * np.finfo(float).eps


class LossParts(NamedTuple):
    """A loss as a sum of three: what w misses of sigma(w*^T x), its product with the noise, and the noise alone."""

    excess: float
    cross: float
    noise: float


class InnerProductParts(NamedTuple):
    """``<grad, w - w*>`` as a sum of two: that without noise, not negative, and that of the noise."""

    signal: float
    noise: float


class SampleGLM(SmoothFunction):
    """The squared loss of a generalised linear model on a sample, ``1/2 sum_i (sigma(w^T x_i) - y_i)^2``.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        A bias is a column of ones.
    y : array-like of shape (n_samples,)
    activation : {"relu", "leaky_relu", "sigmoid", "tanh", "softplus"}
    slope : float, from 0 to 1
        Slope of the leaky ReLU for negative arguments.
    planted : array-like of shape (n_features,), optional
        The weights w* behind the targets, ``y = sigma(X w*) + noise``; for the parts of the loss, and for bounds.

    Attributes
    ----------
    X, y, planted : ndarray
        As given.
    link : Link
        sigma, with the elementwise functions ``value``, ``slope`` and ``bend``, itself and its derivatives.
    optimal_value : float or None
        0 where the planted weights fit the targets, else None.

    Raises
    ------
    ValueError
        For bad input. `gradient` and `hessian` also raise it at kinks: with "relu" and "leaky_relu", where a row other
        than zero lies on the hyperplane of w.

    Examples
    --------
    >>> loss = SampleGLM([[1.0], [-1.0]], [1.0, -0.2], "leaky_relu", planted=[1.0])
    >>> loss.value([2.0]), loss.gradient([2.0]), loss.optimal_value
    (0.52, array([1.04]), 0.0)
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        activation: Activation,
        *,
        slope: float = 0.2,
        planted: ArrayLike | None = None,
    ) -> None:
        self.X = check_design(X)
        self.y = check_vector(y, len(self.X), "y")
        self.link = link_of(activation, slope)
        self.shapes = ((self.X.shape[1],),)
        self.planted = None if planted is None else _check_planted(planted, self.X.shape[1])
        if self.planted is not None and self._is_noiseless():
            self.optimal_value = 0.0

    def _is_noiseless(self):
        """Whether every target is that of the planted weights, but for the rounding of its own row."""
        sizes = np.abs(self.y) + self.link.largest_slope * (np.abs(self.X) @ np.abs(self.planted))
        return bool(np.all(np.abs(self._noise()) <= NOISE_ROUNDING * self.n_weights * sizes))

    def __repr__(self):
        return f"SampleGLM({self.link.name}, {len(self.X)} rows, {self.n_weights} weights)"

    def value(self, weights: ArrayLike) -> float:
        """Return the loss at weights of shape (n_features,)."""
        return 0.5 * float(np.sum((self.link.value(self.X @ self._checked(weights)) - self.y) ** 2))

    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return ``sum_i (sigma(w^T x_i) - y_i) sigma'(w^T x_i) x_i``."""
        arguments = self._arguments(weights)
        return self.X.T @ ((self.link.value(arguments) - self.y) * self.link.slope(arguments))

    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return ``sum_i (sigma'^2 + (sigma - y_i) sigma'')(w^T x_i) x_i x_i^T``."""
        arguments = self._arguments(weights)
        residuals = self.link.value(arguments) - self.y
        return (self.X.T * (self.link.slope(arguments) ** 2 + residuals * self.link.bend(arguments))) @ self.X

    def loss_parts(self, weights: ArrayLike) -> LossParts:
        """Return the parts of the value: with e_i = sigma(w^T x_i) - sigma(w*^T x_i) and noise xi_i they are
        ``1/2 sum e_i^2``, ``-sum xi_i e_i`` and ``1/2 sum xi_i^2``. The second has mean 0.
        """
        noise, apart = self._noise(), self._apart(self._checked(weights))
        return LossParts(0.5 * float(apart @ apart), -float(noise @ apart), 0.5 * float(noise @ noise))

    def inner_product_parts(self, weights: ArrayLike) -> InnerProductParts:
        """Return the parts of ``<grad, w - w*>``: with t_i = x_i^T (w - w*) they are
        ``sum e_i sigma'(w^T x_i) t_i`` and ``-sum xi_i sigma'(w^T x_i) t_i``. The second has mean 0.
        """
        slopes, noise = self.link.slope(self._arguments(weights)), self._noise()
        ways = slopes * (self.X @ (self._checked(weights) - self.planted))
        return InnerProductParts(float(self._apart(self._checked(weights)) @ ways), -float(noise @ ways))

    def regularity_bounds(self, radius: float | None = None) -> RegularityBounds:
        """Return proven lower bounds on the constants of regularity, as `function_regularity` defines them.

        With C the diagonal of the least slopes c_i of sigma that row i can meet and ``mu = lambda_min(X^T C^2 X)``, the
        restricted secant constant is at least mu: for the leaky ReLU ``slope^2 lambda_min(X^T X)``, anywhere.

        Parameters
        ----------
        radius : float, optional
            The bounds are about weights of at most this length, w* among them; None means any. Without it the slopes of
            the smooth activations have no bound but 0.

        Returns
        -------
        RegularityBounds
            With its assumptions. The source derives all six (the head of ``_glm_bounds.py``).

        Raises
        ------
        ValueError
            Without planted weights, with noise (w* is then no minimiser), and for a radius that w* exceeds.
        """
        self._noise()
        if self.optimal_value is None:
            raise InvalidInputError(
                "y must be sigma(X planted) without noise for these bounds; with noise planted is no minimiser. Pass "
                "the targets without noise, and see inner_product_parts for what the noise adds."
            )
        return sample_bounds(self.X, self.link, _check_radius(radius, self.planted))

    def _checked(self, weights):
        """Return the weights as an array, checked."""
        return self.unpack(weights)[0]

    def _arguments(self, weights):
        """Return X w at a smooth point, or say where it is not."""
        weights = self._checked(weights)
        arguments, sizes = self.X @ weights, norms(self.X)
        if self.link.has_kink:
            near = (np.abs(arguments) <= KINK_DISTANCE * sizes * np.linalg.norm(weights)) & (sizes > 0)
            if near.any():
                raise InvalidInputError(
                    f"weights must be at a smooth point; row {int(near.argmax())} of X lies on their hyperplane, where "
                    f"the {self.link.name} has a kink ({np.count_nonzero(near)} such rows)."
                )
        return arguments

    def _apart(self, weights):
        """Return sigma(X w) - sigma(X w*)."""
        return self.link.value(self.X @ weights) - self.link.value(self.X @ self.planted)

    def _noise(self):
        """Return y - sigma(X w*)."""
        if self.planted is None:
            raise InvalidInputError("planted must be given for this: the loss has parts only beside the weights w*.")
        return self.y - self.link.value(self.X @ self.planted)


class PopulationGLM(SmoothFunction):
    """The squared loss of a generalised linear model on all Gaussian inputs, ``1/2 E (sigma(w^T x) - y)^2``.

    The inputs are x ~ N(0, I), the targets ``y = sigma(w*^T x) + noise`` with independent noise of mean 0. The loss of
    the ReLU and the leaky ReLU is in closed form, that of the smooth activations an integral over two numbers, exact to
    about 1e-15 by a trapezoidal rule.

    Parameters
    ----------
    planted : array-like of shape (n_features,)
        The weights w*.
    activation, slope
        As in `SampleGLM`.
    noise_variance : float, 0 or above

    Attributes
    ----------
    planted, link
        As those of `SampleGLM`.
    optimal_value : float
        Half the variance of the noise, at w*.

    Raises
    ------
    ValueError
        For bad input. `gradient` and `hessian` also raise it at a kink: with "relu" and "leaky_relu", at 0. With the
        smooth activations, for weights so long that the integral needs more than two million points: lengths of
        some 20 (tanh) to 40, where they are orthogonal.

    Examples
    --------
    >>> loss = PopulationGLM([1.0, 0.0], "relu", noise_variance=0.5)
    >>> loss.value([2.0, 0.0]), loss.gradient([2.0, 0.0]), loss.optimal_value
    (0.5, array([0.5, 0. ]), 0.25)
    """

    optimal_value: float

    def __init__(
        self, planted: ArrayLike, activation: Activation, *, slope: float = 0.2, noise_variance: float = 0.0
    ) -> None:
        planted = finite_array(planted, "planted")
        self.planted = _check_planted(planted, planted.size)
        self.activation, self.link = activation, link_of(activation, slope)
        self.noise_variance = check_not_negative(noise_variance, "noise_variance")
        self.shapes = (self.planted.shape,)
        self.optimal_value = 0.5 * self.noise_variance
        self._excess = (SmoothExcess if self.link.leak is None else LeakyExcess)(self.link, self.planted)

    def __repr__(self):
        return f"PopulationGLM({self.link.name}, {self.n_weights} weights, noise variance {self.noise_variance:g})"

    def value(self, weights: ArrayLike) -> float:
        """Return the loss at weights of shape (n_features,)."""
        return self._excess.value(self.unpack(weights)[0]) + self.optimal_value

    def gradient(self, weights: ArrayLike) -> np.ndarray:
        """Return ``E (sigma(w^T x) - sigma(w*^T x)) sigma'(w^T x) x``."""
        return self._excess.gradient(self._smooth_point(weights))

    def hessian(self, weights: ArrayLike) -> np.ndarray:
        """Return ``E (sigma'^2 + (sigma - sigma(w*^T x)) sigma'')(w^T x) x x^T``, and for kinks what they add."""
        return self._excess.hessian(self._smooth_point(weights))

    def loss_parts(self, weights: ArrayLike) -> LossParts:
        """Return the parts of the value: the excess, 0 and half the variance of the noise."""
        return LossParts(self._excess.value(self.unpack(weights)[0]), 0.0, self.optimal_value)

    def inner_product_parts(self, weights: ArrayLike) -> InnerProductParts:
        """Return the parts of ``<grad, w - w*>``: all of it, ``E (sigma(w^T x) - sigma(w*^T x)) sigma'(w^T x) t`` with
        ``t = (w - w*)^T x``, and 0.
        """
        apart = self.unpack(weights)[0] - self.planted
        return InnerProductParts(float(self.gradient(weights) @ apart), 0.0)

    def regularity_bounds(self, radius: float | None = None) -> RegularityBounds:
        """Return proven lower bounds on the constants of regularity, as `function_regularity` defines them.

        For the ReLU and the leaky ReLU they hold anywhere: the restricted secant constant is at least the slope, and
        quadratic growth ``(1 + slope)^2 / 4``, and nothing larger is true. For the smooth activations the restricted
        secant constant is at least ``E c(radius rho)^2``, with ``c(z)`` the least slope on [-z, z] and rho of the chi
        distribution with 4 degrees of freedom.

        Parameters
        ----------
        radius : float, optional
            As in `SampleGLM.regularity_bounds`.

        Returns
        -------
        RegularityBounds

        Raises
        ------
        ValueError
            For a radius that w* exceeds.
        """
        return gaussian_bounds(self.link, _check_radius(radius, self.planted))

    def sample(self, n_samples: int, random_state: Seed = None) -> SampleGLM:
        """Return the loss on a sample: standard normal inputs, and normal noise of this variance."""
        rng = spawn(random_state)(1)[0]
        X = rng.standard_normal((check_count(n_samples, "n_samples"), self.n_weights))
        y = self.link.value(X @ self.planted) + np.sqrt(self.noise_variance) * rng.standard_normal(n_samples)
        return SampleGLM(X, y, self.activation, slope=self.link.leak or 0.0, planted=self.planted)

    def _smooth_point(self, weights):
        """Return the weights, or say that they are on the kink."""
        weights = self.unpack(weights)[0]
        if self.link.has_kink and not weights.any():
            raise InvalidInputError(f"weights must be at a smooth point; the {self.link.name} has a kink at zero.")
        return weights


def _check_planted(planted, n_features):
    """Return the planted weights, checked."""
    planted = finite_array(planted, "planted")
    if planted.shape != (n_features,) or n_features == 0:
        raise InvalidInputError(f"planted must have shape (n_features,), here ({n_features},); got {planted.shape}.")
    return planted


def _check_radius(radius, planted):
    """Return the radius, infinity for None, after checking that the planted weights are within."""
    if radius is None:
        return np.inf
    if check_positive(radius, "radius") < np.linalg.norm(planted):
        raise InvalidInputError(
            f"radius must be at least the length of planted, {np.linalg.norm(planted):.6g}; got {radius:g}."
        )
    return float(radius)
