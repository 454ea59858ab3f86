"""Two trainings of generalised linear models that no local minimum stops: GLMtron and Isotron.

Both step along ``1/n sum_i (y_i - fit_i) x_i``: the gradient of the squared loss without its factor sigma', which is
what vanishes where sigma is flat and makes bad local minima. With a known sigma it is the gradient of the matching loss
``1/n sum_i (Phi(w^T x_i) - y_i w^T x_i)``, ``Phi' = sigma``, which is convex.

Where the targets are ``sigma(X w*)``, sigma increases and has the Lipschitz constant L, and Lambda is the largest
eigenvalue of ``X^T X / n``: with a step of at most ``2 / (L Lambda)`` the distance to w* never grows,
``||w+ - w*||^2 <= ||w - w*||^2 - step (2 / L - step Lambda) 1/n sum_i (y_i - fit_i)^2``. With the step
``1 / (L Lambda)`` one of T iterates from w has so a mean squared error of at most ``L^2 Lambda ||w - w*||^2 / T``.
Sources: Kalai, Sastry, The Isotron algorithm (COLT 2009); Kakade, Kalai, Kanade, Shamir, Efficient learning of
generalized linear and single index models with isotonic regression (NIPS 2011). Both take ||x_i|| <= 1, L = 1 and steps
of 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ..._utils.aliases import ArrayLike
from ..._utils.display import Shown, counted
from ..._utils.validation import check_count, check_design, check_positive, check_vector, finite_array
from ...exceptions import ConvergenceWarning, InvalidInputError
from ._links import link_of
from .glm import Activation


@dataclass(frozen=True, repr=False)
class GLMFit(Shown):
    """A generalised linear model, and the way to it.

    Attributes
    ----------
    weights : ndarray of shape (n_features,)
        Of `glmtron` the last iterate, of `isotron`, which does not settle where there is noise, the one of least error
        on the training data. The published guarantees are about the best iterate on held-out data.
    iterates : ndarray of shape (n_iter + 1, n_features)
        The start first.
    errors : ndarray of shape (n_iter + 1,)
        The mean squared error of every iterate on the training data.
    relative_slope : float
        The length of the last ``sum_i (y_i - fit_i) x_i``, relative to ``sum_i |y_i| ||x_i||``.
    response : callable
        From an array of ``x^T weights`` to fits: sigma, or what `isotron` has in its place.
    """

    weights: np.ndarray
    iterates: np.ndarray
    errors: np.ndarray
    relative_slope: float
    response: Callable[[np.ndarray], np.ndarray] = field(repr=False)

    @property
    def n_iter(self) -> int:
        """Number of steps."""
        return len(self.errors) - 1

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the fits of rows, of shape (n_samples,)."""
        X = check_design(X)
        if X.shape[1] != len(self.weights):
            raise InvalidInputError(f"X must have {len(self.weights)} columns, one per weight; got {X.shape[1]}.")
        return self.response(X @ self.weights)

    def _shown(self):
        return "GLMFit", [
            ("weights", str(len(self.weights))),
            ("least mean squared error", f"{self.errors.min():.4g}"),
            ("after", counted(self.n_iter, "step")),
            ("relative slope", f"{self.relative_slope:.3g}"),
        ]


def glmtron(
    X: ArrayLike,
    y: ArrayLike,
    activation: Activation,
    *,
    slope: float = 0.2,
    start: ArrayLike | None = None,
    step: float | None = None,
    max_iter: int = 1000,
    tol: float = 1e-6,
) -> GLMFit:
    """Train a generalised linear model with a known sigma by GLMtron.

    The steps ``w <- w + step/n sum_i (y_i - sigma(w^T x_i)) x_i`` minimise the convex matching loss
    ``1/n sum_i (Phi(w^T x_i) - y_i w^T x_i)``, ``Phi' = sigma``; with the sigmoid that is logistic regression without a
    penalty, for targets from 0 to 1. Where the targets are sigma(X w*) the distance to w* never grows.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        A bias is a column of ones.
    y : array-like of shape (n_samples,)
    activation : {"relu", "leaky_relu", "sigmoid", "tanh", "softplus"}
    slope : float, from 0 to 1
        Slope of the leaky ReLU for negative arguments.
    start : array-like of shape (n_features,), optional
        Zero by default.
    step : float, optional
        By default ``1 / (L Lambda)``, L being the largest slope of sigma and Lambda the largest eigenvalue of
        ``X^T X / n``. The distance to w* may grow from twice that on.
    max_iter : int
    tol : float
        Stop when ``||sum_i (y_i - fit_i) x_i||`` is at most so much of ``sum_i |y_i| ||x_i||``.

    Returns
    -------
    GLMFit

    Warns
    -----
    ConvergenceWarning
        When the tolerance was not reached.

    Raises
    ------
    ValueError
        For bad input.

    References
    ----------
    Kakade, Kalai, Kanade, Shamir, *Efficient learning of generalized linear and single index models with isotonic
    regression*, NIPS 2011.

    Examples
    --------
    >>> glmtron([[1.0], [-2.0]], [2.0, -0.8], "leaky_relu").weights.round(4)
    array([2.])
    """
    link = link_of(activation, slope)
    X, y, weights, step, tol = _check(X, y, start, step, link.largest_slope, max_iter, tol)
    walk = _walk(X, y, weights, lambda arguments: link.value, step, max_iter, tol)
    return GLMFit(walk.iterates[-1], *walk)


def isotron(
    X: ArrayLike,
    y: ArrayLike,
    *,
    lipschitz: float = 1.0,
    start: ArrayLike | None = None,
    step: float | None = None,
    max_iter: int = 1000,
    tol: float = 1e-6,
) -> GLMFit:
    """Train a generalised linear model whose sigma is not known but increases, by Isotron.

    Every step first fits the targets by an increasing function of ``w^T x``, by isotonic regression, and then moves as
    `glmtron`. Where the targets are sigma(X w*), sigma increasing with the Lipschitz constant `lipschitz`, the distance
    to w* never grows. Longer w* have a smaller constant: the direction is what is learnt, the length is not.

    Parameters
    ----------
    X, y, start, max_iter, tol
        As in `glmtron`.
    lipschitz : float
        Above 0; an assumption.
    step : float, optional
        By default ``1 / (lipschitz Lambda)``, as in `glmtron`.

    Returns
    -------
    GLMFit
        Its response is the isotonic regression at its weights: linear between arguments of the data, constant outside.

    Warns
    -----
    ConvergenceWarning
        When the tolerance was not reached. With noise there is no promise that it ever is.

    Raises
    ------
    ValueError
        For bad input.

    References
    ----------
    Kalai, Sastry, *The Isotron algorithm: high-dimensional isotonic regression*, COLT 2009.

    Examples
    --------
    >>> isotron([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [1.0, 0.0, 1.0]).predict([[2.0, 0.0]]).round(3)
    array([1.])
    """
    lipschitz = check_positive(lipschitz, "lipschitz")
    X, y, weights, step, tol = _check(X, y, start, step, lipschitz, max_iter, tol)

    def respond(arguments):
        return IsotonicRegression(out_of_bounds="clip").fit(arguments, y).predict

    walk = _walk(X, y, weights, respond, step, max_iter, tol)
    best = walk.iterates[int(walk.errors.argmin())]
    return GLMFit(best, *walk._replace(response=respond(X @ best)))


def _check(X, y, start, step, lipschitz, max_iter, tol):
    """Return the arguments of both trainings, checked, with their defaults."""
    X = check_design(X)
    y = check_vector(y, len(X), "y")
    weights = np.zeros(X.shape[1]) if start is None else finite_array(start, "start")
    if weights.shape != (X.shape[1],):
        raise InvalidInputError(f"start must have shape ({X.shape[1]},), one number per column; got {weights.shape}.")
    check_count(max_iter, "max_iter")
    if step is None:
        # A matrix of zeros leaves nothing to move.
        step = 1.0 / (lipschitz * float(np.linalg.norm(X, 2)) ** 2 / len(X) or 1.0)
    return X, y, weights, check_positive(step, "step"), check_positive(tol, "tol")


class _Walk(NamedTuple):
    """All fields of a `GLMFit` but the weights."""

    iterates: np.ndarray
    errors: np.ndarray
    relative_slope: float
    response: Callable[[np.ndarray], np.ndarray]


def _walk(X, y, weights, respond, step, max_iter, tol):
    """Take steps along the mean of (y_i - fit_i) x_i; `respond` makes a response of the arguments."""
    scale = float(np.abs(y) @ np.linalg.norm(X, axis=1)) or 1.0
    iterates, errors = [], []
    for n_iter in range(max_iter + 1):
        arguments = X @ weights
        response = respond(arguments)
        residuals = y - response(arguments)
        iterates.append(weights)
        errors.append(np.mean(residuals**2))
        slope = float(np.linalg.norm(residuals @ X)) / scale
        if slope <= tol or n_iter == max_iter:
            break
        weights = weights + step * (residuals @ X) / len(X)
    if slope > tol:
        warnings.warn(
            f"The relative slope is {slope:.3g} after {counted(max_iter, 'step')}, where tol = {tol:.3g} was wanted; "
            f"raise max_iter, or take it as it is: errors has what every iterate reached.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return _Walk(np.array(iterates), np.array(errors), slope, response)
