"""Gradient flow and plain gradient descent from a given network: the training that the kernel regime describes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

import numpy as np
from scipy.integrate import solve_ivp

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.validation import check_positive
from ..exceptions import InvalidInputError, SolverError
from ..network import TwoLayerReLU
from ._weights import n_trained, network_at, pose_at, weights_of
from .curvature import gradient_of

# Steps have diverged when a weight exceeds 1e100.
MAX_WEIGHT = 1e100
# The solver of the differential equation evaluates the gradient at most 20 000 times.
MAX_EVALUATIONS = 20_000


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

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, and the derivative of the
    ReLU at 0 is taken as 0.

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
        Take gradient steps of this size, or of the next smaller one that divides the time between two records. None
        solves the differential equation by a Runge-Kutta method of order 5(4).
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
        When the differential equation could not be solved in 20000 evaluations, as where the flow is drawn to a kink
        and slides along it. Gradient steps jump to and fro there, and go on.

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
        moved = _solve(velocity, start[:n_weights], times, check_positive(rtol, "rtol"))
    else:
        moved = _step(velocity, start[:n_weights], times, check_positive(learning_rate, "learning_rate"))
    networks = tuple(network_at(problem, np.append(moving, start[n_weights:])) for moving in moved)
    return Flow(times, networks, np.array([problem.objective(network) for network in networks]))


def _solve(velocity, start, times, rtol):
    """Return the weights at the times, of shape (n_times, n_weights)."""
    if times[-1] == 0.0:
        return [start]
    # The absolute tolerance is relative to the largest weight; 1e-9 stands in for weights of zero.
    size, calls = np.abs(start).max(), count()

    def limited(time, weights):
        """The velocity, a limited number of times."""
        if next(calls) >= MAX_EVALUATIONS:
            raise SolverError(
                f"the gradient flow could not be followed beyond time {time:g} in {MAX_EVALUATIONS} evaluations: it "
                f"slides along a kink, or is stiff. Pass a learning_rate to take gradient steps."
            )
        return velocity(time, weights)

    found = solve_ivp(limited, (0.0, times[-1]), start, t_eval=times, rtol=rtol, atol=1e-3 * rtol * max(size, 1e-9))
    if not found.success:
        raise SolverError(f"the gradient flow could not be followed: {found.message}")
    return found.y.T


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
