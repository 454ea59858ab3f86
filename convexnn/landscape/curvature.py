"""Gradient and Hessian of the objective in all weights, in closed form, and what they say at a smooth point.

Conventions
-----------
weights : (n_weights,), u_1, ..., u_m (each with its bias last), then alpha, the skip weights and the intercept.
pull : (n_samples,), the gradient of the loss at the fit.
jacobian : (n_samples, n_weights), the derivatives of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.norms import norms
from .._utils.validation import check_positive, check_symmetric
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._weights import check_not_negative, pose_at

# A point within 1e-12, relatively, of a hyperplane or of a jump of the loss's curvature is on it.
KINK_DISTANCE = 1e-12
# A message names 5 rows.
MAX_NAMED_ROWS = 5


@dataclass(frozen=True, repr=False)
class SecondOrderPoint(Shown):
    """The verdict of gradient and Hessian at a point; true when it is (eps, gamma)-second-order stationary.

    Attributes
    ----------
    gradient_norm : float
    eigenvalues : ndarray of shape (n_weights,)
        Eigenvalues of the Hessian, ascending.
    direction : ndarray of shape (n_weights,)
        Unit eigenvector of the smallest of them.
    eps, gamma : float
        ``gradient_norm <= eps`` and ``lambda_min >= -gamma`` are asked for.
    """

    gradient_norm: float
    eigenvalues: np.ndarray
    direction: np.ndarray
    eps: float
    gamma: float

    @property
    def lambda_min(self) -> float:
        """Smallest eigenvalue of the Hessian."""
        return float(self.eigenvalues[0])

    @property
    def sharpness(self) -> float:
        """Largest eigenvalue of the Hessian."""
        return float(self.eigenvalues[-1])

    @property
    def is_stationary(self) -> bool:
        """The verdict."""
        return self.gradient_norm <= self.eps and self.lambda_min >= -self.gamma

    def __bool__(self):
        return self.is_stationary

    def __repr__(self):
        verdict = "second-order stationary" if self else "not second-order stationary"
        return (
            f"SecondOrderPoint({verdict}: gradient {self.gradient_norm:.3g} against eps {self.eps:.3g}, "
            f"lambda_min {self.lambda_min:.6g} against {0.0 - self.gamma:.3g})"
        )

    def _shown(self):
        verdict = "second-order stationary" if self else "not second-order stationary"
        return f"SecondOrderPoint: {verdict}", [
            ("gradient", f"{self.gradient_norm:.3g} against eps {self.eps:.3g}"),
            ("lambda_min", f"{self.lambda_min:.6g} against {0.0 - self.gamma:.3g}"),
            ("sharpness", f"{self.sharpness:.6g}"),
        ]


def objective_gradient(network: TwoLayerReLU, X: ArrayLike, y: ArrayLike, beta: float, **options: Any) -> np.ndarray:
    """Gradient of the objective of a network with respect to all its weights.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. With the loss's derivatives
    p_i = w_i loss'(y_i, f(x_i)) and D_j the rows on which neuron j is on, the gradient is
    ``alpha_j X^T D_j p + beta u_j`` for u_j, ``p^T (X u_j)_+ + beta alpha_j`` for alpha_j and ``Z^T p`` for the free
    terms, Z being their columns.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output. The problem has exactly the bias and the free terms that the network has.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        0 or above.
    **options
        ``sample_weight``, ``loss``, ``huber_delta`` and ``quantile``, as in `TwoLayerReLU.objective`.

    Returns
    -------
    ndarray of shape (n_weights,)
        In the order u_1, ..., u_m (each with its bias last), alpha, skip weights, intercept.

    Raises
    ------
    ValueError
        For bad input, for a loss with kinks, and where the objective is not twice differentiable: a row lies on the
        hyperplane of a neuron, or where the curvature of the loss jumps.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> objective_gradient(TwoLayerReLU([[0.5]], [0.5]), [[1.0]], [1.0], 0.0)
    array([-0.375, -0.375])
    """
    problem = pose_at(network, X, y, beta, **options)
    refuse_kinks(problem, network)
    return gradient_at(problem, network)


def objective_hessian(network: TwoLayerReLU, X: ArrayLike, y: ArrayLike, beta: float, **options: Any) -> np.ndarray:
    """Hessian of the objective of a network with respect to all its weights.

    With J the Jacobian of the fit and C the diagonal of the loss's curvatures ``w_i loss''(y_i, f(x_i))`` it is
    ``J^T C J``, plus ``X^T D_j p`` between u_j and alpha_j, plus beta on the diagonal of the penalised weights; see
    `objective_gradient` for the symbols, the parameters, the order of the weights and the errors.

    Returns
    -------
    ndarray of shape (n_weights, n_weights)

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> objective_hessian(TwoLayerReLU([[0.5]], [0.5]), [[1.0]], [1.0], 0.0)
    array([[ 0.25, -0.5 ],
           [-0.5 ,  0.25]])
    """
    problem = pose_at(network, X, y, beta, **options)
    refuse_kinks(problem, network)
    return hessian_at(problem, network)


def is_second_order_stationary(
    network: TwoLayerReLU, X: ArrayLike, y: ArrayLike, beta: float, eps: float, gamma: float, **options: Any
) -> SecondOrderPoint:
    """Whether a network is (eps, gamma)-second-order stationary: a small gradient, no eigenvalue far below 0.

    ``||gradient|| <= eps`` and ``lambda_min(Hessian) >= -gamma``, of the objective ``sum_i w_i loss(y_i, f(x_i)) +
    beta/2 sum_j (||u_j||^2 + alpha_j^2)`` in all weights. This is no proof of a global minimum, nor of a local one:
    smooth spurious minima pass, and `certify` tells them apart.

    Parameters
    ----------
    network, X, y, beta, **options
        As in `objective_gradient`.
    eps, gamma : float
        Above 0; 0 or above.

    Returns
    -------
    SecondOrderPoint
        True or false as the verdict is.

    Raises
    ------
    ValueError
        As `objective_gradient`.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> network = TwoLayerReLU([[1.0]], [1.0])
    >>> bool(is_second_order_stationary(network, [[1.0]], [1.0], 0.0, 1e-6, 0.0))
    True
    """
    problem = pose_at(network, X, y, beta, **options)
    refuse_kinks(problem, network)
    return second_order_point(gradient_at(problem, network), hessian_at(problem, network), eps, gamma)


def second_order_point(gradient: ArrayLike, hessian: ArrayLike, eps: float, gamma: float) -> SecondOrderPoint:
    """Return the `SecondOrderPoint` of the gradient and the Hessian of any function.

    Parameters
    ----------
    gradient : array-like of shape (n_weights,)
    hessian : array-like of shape (n_weights, n_weights), symmetric
    eps, gamma : float
        Above 0; 0 or above.

    Raises
    ------
    ValueError
        For shapes that do not match, no weights, entries that are not finite, and a Hessian that is not symmetric.
    """
    gradient, hessian = np.asarray(gradient, dtype=float), np.asarray(hessian, dtype=float)
    if gradient.ndim != 1 or len(gradient) == 0 or hessian.shape != (len(gradient), len(gradient)):
        raise InvalidInputError(
            f"gradient and hessian must have shapes (n_weights,) and (n_weights, n_weights), n_weights above 0; got "
            f"{gradient.shape} and {hessian.shape}."
        )
    if not (np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
        raise InvalidInputError("gradient and hessian must be finite; got NaN or infinity.")
    eigenvalues, vectors = np.linalg.eigh(check_symmetric(hessian, "hessian"))
    return SecondOrderPoint(
        float(np.linalg.norm(gradient)),
        eigenvalues,
        vectors[:, 0],
        check_positive(eps, "eps"),
        check_not_negative(gamma, "gamma"),
    )


def pull_at(problem, network):
    """Return the gradient of the loss at the network's fit, of shape (n_samples,)."""
    if problem.loss.is_quadratic:
        return problem.weight * (network.predict(problem.features) - problem.y)
    return -problem.loss.dual_point(problem.y, network.predict(problem.features), problem.weight)


def gradient_at(problem, network):
    """Return the gradient on a `Problem`, with ``relu'(0) = 0``."""
    on, pull = problem.design @ network.neurons.T > 0, pull_at(problem, network)
    neurons = (on * network.output_weights).T @ (pull[:, None] * problem.design) + problem.beta * network.neurons
    outputs = problem.hidden_fits(network.neurons).T @ pull + problem.beta * network.output_weights
    return np.concatenate([neurons.ravel(), outputs, problem.free.T @ pull])


def gradient_of(problem, weights):
    """Return the gradient at a vector of all weights, as `gradient_at` but for rounding: many times as fast."""
    n_inputs, n_free = problem.design.shape[1], problem.free.shape[1]
    width = (len(weights) - n_free) // (n_inputs + 1)
    neurons, outputs, free = np.split(weights, [width * n_inputs, width * (n_inputs + 1)])
    neurons = neurons.reshape(width, n_inputs)
    # The same sums as `gradient_at`, without building a network: the flow takes it thousands of times.
    fits = np.maximum(problem.design @ neurons.T, 0.0)
    pull = -problem.loss.dual_point(problem.y, fits @ outputs + problem.free @ free, problem.weight)
    gradient = np.concatenate([(problem.beta * neurons).ravel(), problem.beta * outputs, problem.free.T @ pull])
    gradient[: neurons.size] += (((fits > 0) * pull[:, None] * outputs).T @ problem.design).ravel()
    gradient[neurons.size : neurons.size + width] += fits.T @ pull
    return gradient


def jacobian_at(problem, network):
    """Return the derivatives of the fit with respect to all weights, with ``relu'(0) = 0``."""
    fits = problem.hidden_fits(network.neurons)
    gates = (fits > 0) * network.output_weights
    neurons = gates[:, :, None] * problem.design[:, None, :]
    return np.hstack([neurons.reshape(len(fits), -1), fits, problem.free])


def hessian_at(problem, network):
    """Return the Hessian on a `Problem`; at a kink, that of the side on which the neurons are off."""
    width, n_inputs = network.neurons.shape
    jacobian, pull = jacobian_at(problem, network), pull_at(problem, network)
    curvatures = problem.weight * problem.loss.curvatures(problem.y, network.predict(problem.features))
    # H = J' C J + (X' D_j p between u_j and alpha_j) + beta on the penalised weights.
    rooted = np.sqrt(curvatures)[:, None] * jacobian
    hessian = rooted.T @ rooted
    on = problem.design @ network.neurons.T > 0
    mixed = ((on * pull[:, None]).T @ problem.design).ravel()
    neurons, outputs = np.arange(width * n_inputs), width * n_inputs + np.repeat(np.arange(width), n_inputs)
    hessian[neurons, outputs] += mixed
    hessian[outputs, neurons] += mixed
    penalised = np.arange(width * (n_inputs + 1))
    hessian[penalised, penalised] += problem.beta
    return hessian


def sharpness_at(problem, network):
    """Return the largest eigenvalue of the Hessian on a `Problem`."""
    return float(np.linalg.eigvalsh(hessian_at(problem, network))[-1])


def refuse_kinks(problem, network):
    """Refuse a network at which the objective is not twice differentiable; the message says where."""
    refuse_neuron_kinks(problem, network)
    refuse_loss_kinks(problem, network)


def refuse_neuron_kinks(problem, network):
    """Refuse a network with a row on the hyperplane of a neuron; rows of zeros are on every one, and harmless."""
    sizes, lengths = norms(problem.design), norms(network.neurons)
    if not np.all(lengths > 0):
        j = int(np.flatnonzero(lengths == 0)[0])
        raise InvalidInputError(
            f"network must be at a smooth point; neuron {j} is zero, and every row lies on its kink. "
            f"network.merged() leaves zero neurons out."
        )
    # The sine of the angle between row and neuron is |x . u| / (||x|| ||u||).
    near = np.abs(problem.design @ network.neurons.T) <= KINK_DISTANCE * np.outer(sizes, lengths)
    near &= sizes[:, None] > 0
    if near.any():
        j = int(np.flatnonzero(near.any(axis=0))[0])
        raise InvalidInputError(
            f"network must be at a smooth point; of X {_named(problem, near[:, j])} on the hyperplane of neuron {j}, "
            f"where the objective has a kink ({np.count_nonzero(near.any(axis=0))} such neurons)."
        )


def refuse_loss_kinks(problem, network):
    """Refuse losses with kinks, and rows at which the curvature of the loss jumps."""
    if not problem.loss.is_smooth:
        raise InvalidInputError(
            f"loss must be smooth here; the {problem.loss.name} loss has a kink. Smooth are 'squared', 'huber', "
            f"'logistic' and 'squared_hinge'."
        )
    fit = network.predict(problem.features)
    step = KINK_DISTANCE * (np.abs(fit) + np.abs(problem.y))
    # The curvature jumps at a row when its values on both sides differ by more than half of the largest.
    sides = [problem.loss.curvatures(problem.y, fit + sign * step) for sign in (-1.0, 1.0)]
    jumps = np.abs(sides[1] - sides[0]) > 0.5 * problem.loss.largest_curvature
    if jumps.any():
        raise InvalidInputError(
            f"network must be at a smooth point; of X {_named(problem, jumps)} where the curvature of the "
            f"{problem.loss.name} loss jumps."
        )


def _named(problem, mask):
    """Return "row 3 lies" or "rows 1, 2, ... (9 in all) lie", numbered as the caller numbers them."""
    rows = problem.rows[mask]
    if len(rows) == 1:
        return f"row {rows[0]} lies"
    more = f", ... ({len(rows)} in all)" if len(rows) > MAX_NAMED_ROWS else ""
    return f"rows {', '.join(map(str, rows[:MAX_NAMED_ROWS]))}{more} lie"
