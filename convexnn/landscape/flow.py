"""Gradient flow and plain gradient descent from a given network: the training that the kernel regime describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.validation import check_positive
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._sliding import follow
from ._weights import n_trained, network_at, pose_at, weights_of
from .curvature import gradient_of, jacobian_at

# Steps have diverged when a weight exceeds 1e100.
MAX_WEIGHT = 1e100


@dataclass(frozen=True, repr=False)
class Flow(Shown):
    """Networks along a gradient flow.

    Attributes
    ----------
    times : ndarray of shape (n_times,)
    networks : tuple of TwoLayerReLU
    objectives : ndarray of shape (n_times,)
        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` of the networks.
    """

    times: np.ndarray
    networks: tuple[TwoLayerReLU, ...]
    objectives: np.ndarray

    def __len__(self) -> int:
        return len(self.networks)

    def __repr__(self):
        return (
            f"Flow({len(self)} networks, time {self.times[0]:g} to {self.times[-1]:g}, "
            f"objective {self.objectives[0]:.6g} to {self.objectives[-1]:.6g})"
        )

    def _shown(self):
        return "Flow", [
            ("networks", str(len(self))),
            ("time", f"{self.times[0]:g} to {self.times[-1]:g}"),
            ("objective", f"{self.objectives[0]:.6g} to {self.objectives[-1]:.6g}"),
        ]


def gradient_flow(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    times: ArrayLike,
    *,
    layers: Literal["both", "first"] = "both",
    learning_rate: float | None = None,
    rtol: float = 1e-6,
    **options: Any,
) -> Flow:
    """Follow ``dw/dt = -gradient`` of the objective from a network.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. At its kinks, where a row
    lies on the hyperplane of a neuron, the flow is Filippov's solution [1]_: it crosses the kink, or slides along it
    with a derivative of the ReLU at 0 between 0 and 1, for as long as both sides lead back to the kink.

    Parameters
    ----------
    network : TwoLayerReLU
        Where the flow starts; one output.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        0 or above.
    times : array-like of shape (n_times,)
        Increasing, the first not below 0: when the networks are looked at.
    layers : {"both", "first"}
        Weights that move: all of them, the free terms too, or the hidden ones.
    learning_rate : float, optional
        Take gradient steps of this size, or of the next smaller one that divides the time between two records, with a
        derivative of 0 at kinks. None solves the differential equation between kinks by LSODA, which changes to a
        stiff method where it must, and locates every kink.
    rtol : float
        Relative accuracy of that.
    **options
        ``sample_weight``, ``loss``, ``huber_delta`` and ``quantile``, as in `TwoLayerReLU.objective`; smooth losses.

    Returns
    -------
    Flow

    Raises
    ------
    ValueError
        For bad input, and for a `learning_rate` with which the steps diverge.
    SolverError
        When the differential equation could not be solved, or met 20000 kinks.

    Notes
    -----
    Where a flow starts on a kink that it may leave to either side, it leaves to the side on which the neuron is off, if
    its velocity agrees.

    References
    ----------
    .. [1] A. Filippov, *Differential equations with discontinuous righthand sides*, Kluwer 1988, section 4.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> start = TwoLayerReLU([[1.0]], [1.0])
    >>> flow = gradient_flow(start, [[1.0]], [3.0], 0.0, [0, 0.5, 5], layers="first")
    >>> flow.objectives.round(3).tolist()  # 2 exp(-2 t)
    [2.0, 0.736, 0.0]
    """
    problem, times = pose_at(network, X, y, beta, **options), _check_times(times)
    if not problem.loss.is_smooth:
        raise InvalidInputError(f"loss must be smooth here; the {problem.loss.name} loss has a kink.")
    start, n_weights = weights_of(network), n_trained(network, layers)

    def velocity(_, moving):
        """Minus the gradient in the weights that move."""
        return -gradient_of(problem, np.append(moving, start[n_weights:]))[:n_weights]

    if learning_rate is None:
        # The absolute tolerance is relative to the largest weight; 1e-9 stands in for weights of zero.
        rtol, size = check_positive(rtol, "rtol"), max(np.abs(start[:n_weights]).max(), 1e-9)
        moved = follow(problem, start, n_weights, times, rtol, 1e-3 * rtol * size)
    else:
        steps = _step(velocity, start[:n_weights], times, check_positive(learning_rate, "learning_rate"))
        moved = (np.append(moving, start[n_weights:]) for moving in steps)
    networks = tuple(network_at(problem, weights) for weights in moved)
    return Flow(times, networks, np.array([problem.objective(network) for network in networks]))


def linearised_flow(
    network: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    times: ArrayLike,
    *,
    layers: Literal["both", "first"] = "both",
    sample_weight: ArrayLike | None = None,
) -> np.ndarray:
    """Losses along the gradient flow of the linear model ``f(w0) + J (w - w0)`` that replaces a network at its start.

    With the squared loss and without weight decay its residual is ``exp(-t K) r``, r being that of the network and ``K
    = J J^T`` its tangent kernel, with the roots of the sample weights in J and r. The loss is ``1/2 sum_k exp(-2 t
    lambda_k) (v_k^T r)^2`` with the eigenvalues and eigenvectors of K. A wide, lazy network follows it.

    Parameters
    ----------
    network, X, y, times, layers
        As in `gradient_flow`.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    ndarray of shape (n_times,)

    Raises
    ------
    ValueError
        For bad input.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> linearised_flow(TwoLayerReLU([[1.0]], [1.0]), [[1.0]], [3.0], [0, 0.5], layers="first").round(3).tolist()
    [2.0, 0.736]
    """
    problem, times = pose_at(network, X, y, 0.0, sample_weight=sample_weight), _check_times(times)
    roots = np.sqrt(problem.weight)
    jacobian = roots[:, None] * jacobian_at(problem, network)[:, : n_trained(network, layers)]
    residual = roots * (network.predict(problem.features) - problem.y)
    eigenvalues, vectors = np.linalg.eigh(jacobian @ jacobian.T)
    return 0.5 * np.exp(-2 * np.outer(times, np.maximum(eigenvalues, 0.0))) @ (vectors.T @ residual) ** 2


def _step(velocity, start, times, learning_rate):
    """Yield the weights at the times by steps of at most `learning_rate`."""
    weights, now = start.copy(), 0.0
    for time in times:
        # Steps of one size that divide the time between two records; 1e-9 of a step is rounding.
        n_steps = int(np.ceil((time - now) / learning_rate - 1e-9))
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(n_steps):
                weights = weights + (time - now) / n_steps * velocity(now, weights)
        if not np.max(np.abs(weights)) < MAX_WEIGHT:
            raise InvalidInputError(
                f"learning_rate is too large: the steps diverge before time {time:g}; got {learning_rate:g}."
            )
        now = time
        yield weights


def _check_times(times):
    """Return the times as an increasing array whose first entry is not below 0."""
    array = np.asarray(times, dtype=float)
    if array.ndim != 1 or len(array) == 0 or not np.all(np.isfinite(array)):
        raise InvalidInputError(f"times must be a list of finite numbers; got {times!r}.")
    if array[0] < 0 or np.any(np.diff(array) <= 0):
        raise InvalidInputError(f"times must increase from 0 or above; got {times!r}.")
    return array
