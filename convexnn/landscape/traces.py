"""The records of a run of `gradient_descent`, and the noise and the kick that it may add."""

import numbers
from dataclasses import dataclass

import numpy as np

from .._utils.display import Shown
from .._utils.norms import norms
from .._utils.validation import check_count, check_flag
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ._kernels import FIRST_WINDOW_STEPS
from ._weights import check_not_negative, weights_of
from .curvature import gradient_of, sharpness_at

# The traces of all runs may take 2 GiB.
MAX_TRACE_BYTES = 2**31


@dataclass(frozen=True, repr=False)
class DescentTrace(Shown):
    """Networks along one run of gradient descent.

    Attributes
    ----------
    steps : ndarray of int of shape (n_records,)
        Steps made before each record; a kick has two records at the same step, before and after it.
    networks : tuple of TwoLayerReLU
    objectives, gradient_norms : ndarrays of shape (n_records,)
        See `Descents`.
    sharpness : ndarray of shape (n_records,), or None
        Largest eigenvalues of the Hessian of the objective, with ``relu'(0) = 0``.
    """

    steps: np.ndarray
    networks: tuple[TwoLayerReLU, ...]
    objectives: np.ndarray
    gradient_norms: np.ndarray
    sharpness: np.ndarray | None

    def __len__(self) -> int:
        return len(self.networks)

    def __repr__(self):
        return (
            f"DescentTrace({len(self)} records, step {self.steps[0]} to {self.steps[-1]}, "
            f"objective {self.objectives[0]:.6g} to {self.objectives[-1]:.6g})"
        )

    def _shown(self):
        return "DescentTrace", [
            ("records", str(len(self))),
            ("steps", f"{self.steps[0]} to {self.steps[-1]}"),
            ("objective", f"{self.objectives[0]:.6g} to {self.objectives[-1]:.6g}"),
        ]


@dataclass(frozen=True)
class Extras:
    """Disturbances and records of a descent: see `gradient_descent`; `every` is 0 where nothing is recorded."""

    noise: float = 0.0
    perturbation: float = 0.0
    kick: float = 0.0
    kick_after: int = 0
    every: int = 0
    sharpness: bool = False


NO_EXTRAS = Extras()


def check_extras(noise, perturbation, kick, kick_after, trace, sharpness, max_iter):
    """Return the `Extras`, checked."""
    extras = Extras(
        check_not_negative(noise, "noise"),
        check_not_negative(perturbation, "perturbation"),
        check_not_negative(kick, "kick"),
        max(1, max_iter // 2) if kick_after is None else check_count(kick_after, "kick_after"),
        _check_every(trace),
        check_flag(sharpness, "sharpness"),
    )
    if extras.kick and extras.kick_after >= max_iter:
        raise InvalidInputError(f"kick_after must be below max_iter, {max_iter}; got {extras.kick_after}.")
    if kick_after is not None and not extras.kick:
        raise InvalidInputError(f"kick_after needs a kick above 0; got kick={kick!r}.")
    if extras.sharpness and not extras.every:
        raise InvalidInputError("sharpness needs a trace: pass trace=True, or trace=k for every k steps.")
    return extras


def _check_every(trace):
    """Return the number of steps between two records, 0 for no trace."""
    if isinstance(trace, bool | np.bool_):
        return int(trace)
    if not isinstance(trace, numbers.Integral) or trace < 1:
        raise InvalidInputError(f"trace must be True, False or a number of steps, 1 or above; got {trace!r}.")
    return int(trace)


def empty_trace(extras, options, shape):
    """Return the kernel's trace of one run, for points of shape (n_runs, n_parameters) in all."""
    n_runs, n_parameters = shape
    # The automatic rule records at most once a window, which has at least 50 steps.
    spacing = max(extras.every, 1 if options["learning_rate"] else FIRST_WINDOW_STEPS)
    n_records = options["max_iter"] // spacing + 6 if extras.every else 0
    # Room for all records is made before the run: nothing is allocated in the kernel.
    size = 8 * n_runs * n_records * n_parameters
    if size > MAX_TRACE_BYTES:
        raise InvalidInputError(
            f"trace={extras.every} may need {size / 2**30:.1f} GiB, for {n_runs} runs of {n_records} records; "
            f"record every {extras.every * -(-size // MAX_TRACE_BYTES)} steps, or fewer runs."
        )
    steps, points = np.empty(n_records, dtype=np.int64), np.empty((n_records, n_parameters))
    return extras.every, steps, points, np.zeros(1, dtype=np.int64)


def trace_of(problem, record, network_of, extras):
    """Return the `DescentTrace` of the kernel's trace; ``network_of(point)`` returns the network of a point."""
    _, steps, points, count = record
    networks = tuple(network_of(point) for point in points[: count[0]])
    slopes = norms(np.array([gradient_of(problem, weights_of(network)) for network in networks]))
    sharpness = np.array([sharpness_at(problem, network) for network in networks]) if extras.sharpness else None
    objectives = np.array([problem.objective(network) for network in networks])
    return DescentTrace(steps[: count[0]].copy(), networks, objectives, slopes, sharpness)
