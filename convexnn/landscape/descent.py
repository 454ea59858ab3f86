"""Full-batch gradient descent from many starts: what most people train, beside the proven optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._utils.aliases import ArrayLike, LossName, Seed
from .._utils.display import Shown
from .._utils.norms import nonzero, norms
from .._utils.threads import slices, thread_map
from .._utils.validation import check_count, check_n_jobs, check_positive
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.posing import make_problem, refuse_outputs
from ..programs.scaling import scale_problem
from ..solvers.base import assemble, free_terms
from ._kernels import descend_one
from .curvature import gradient_at
from .traces import NO_EXTRAS, DescentTrace, check_extras, empty_trace, trace_of

# Defaults of `gradient_descent`: starts of 0.5 sigma, 20 000 steps, and a relative progress of 1e-4 at the end.
INIT_SCALE = 0.5
MAX_DESCENT_ITER = 20_000
TOL = 1e-4
# A thread takes 4 runs at a time.
RUNS_PER_TASK = 4


@dataclass(frozen=True, repr=False)
class Descents(Shown):
    """The ends of the runs of `gradient_descent`.

    Attributes
    ----------
    networks : tuple of TwoLayerReLU
        One per run.
    objectives : ndarray of shape (n_runs,)
        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` of the networks.
    gradient_norms : ndarray of shape (n_runs,)
        Norms of its gradient with respect to u_j, alpha_j and the free terms, with ``relu'(0) = 0``. Where neurons
        rest on a kink, as they often do, it is not small.
    n_iter : ndarray of int of shape (n_runs,)
        Steps made, those that were undone included.
    converged : ndarray of bool of shape (n_runs,)
        Whether the progress fell below `tol` before `max_iter`; no proof of stationarity.
    traces : tuple of DescentTrace, or None
        One per run, when asked for.
    """

    networks: tuple[TwoLayerReLU, ...]
    objectives: np.ndarray
    gradient_norms: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray
    traces: tuple[DescentTrace, ...] | None = None

    def __len__(self) -> int:
        return len(self.networks)

    def __repr__(self):
        return (
            f"Descents({len(self)} runs, best objective {self.objectives.min():.10g}, "
            f"{np.count_nonzero(self.converged)} converged)"
        )

    def _shown(self):
        return "Descents", [
            ("runs", str(len(self))),
            ("best objective", f"{self.objectives.min():.10g}, no proof"),
            ("median, worst", f"{np.median(self.objectives):.10g}, {self.objectives.max():.10g}"),
            ("converged", f"{np.count_nonzero(self.converged)} of {len(self)}"),
        ]


def gradient_descent(
    X: ArrayLike,
    y: ArrayLike,
    width: int,
    beta: float,
    *,
    n_runs: int = 1,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    init_scale: float = INIT_SCALE,
    learning_rate: float | None = None,
    max_iter: int = MAX_DESCENT_ITER,
    tol: float = TOL,
    start: TwoLayerReLU | Sequence[TwoLayerReLU] | None = None,
    noise: float = 0.0,
    perturbation: float = 0.0,
    kick: float = 0.0,
    kick_after: int | None = None,
    trace: bool | int = False,
    sharpness: bool = False,
    random_state: Seed = None,
    n_jobs: int | None = None,
) -> Descents:
    """Train networks of one width by full-batch gradient descent, from many random starts.

    The objective is ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``. It is not convex: the runs
    may end at different values, above the optimal value p* that `certify` or `optimal_set` prove.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    width : int
        Number of hidden neurons.
    beta : float
    n_runs : int
        Independent runs; the first k of them do not depend on how many follow.
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; an unpenalised intercept; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared"}
    init_scale : float
        Every entry of u_j and alpha_j starts from ``N(0, (init_scale sigma)^2)`` with ``sigma^2 = rms(y) / rms(X)``:
        the (weighted) root mean squares of the targets less their best fit by the free terms, and of the entries of
        X with the ones of the bias. The free terms start from that fit. On standardised data sigma is 1; runs on
        ``(X, c y, c beta)`` are those on ``(X, y, beta)`` with every weight multiplied by ``sqrt(c)``.
    learning_rate : float, optional
        The step, used as it is; None chooses it, see the notes.
    max_iter : int
        Largest number of steps of a run.
    tol : float
        A run has converged when the objective changed by at most `tol` times itself over five windows that were kept
        (see the notes; of 50 steps when `learning_rate` is given).
    start : TwoLayerReLU or sequence of them, optional
        Where the runs begin: all in one network, or run k in the k-th of `n_runs` networks; their width is `width`,
        their terms are those of the flags. None draws them, see `init_scale`.
    noise : float
        Steps are ``w <- w - step (gradient + noise g eps)`` with eps from N(0, I) and the unit of gradients
        ``g = F0 / sigma``, F0 being the objective of the best fit by the free terms alone and sigma that of
        `init_scale`. The covariance is the same everywhere, at saddles too. With noise a run does not stop before
        `max_iter`, and never has converged.
    perturbation : float
        At the start, and at the end of every window that is kept, a run whose gradient is at most 1e-3 g long is moved
        by a vector drawn uniformly from the ball of radius ``perturbation sigma`` (perturbed gradient descent, [1]_).
        Such runs do not stop either.
    kick : float
        Once, every entry of u_j and alpha_j is moved by ``N(0, (kick sigma)^2)``, sigma as for `init_scale`; the
        automatic step is chosen anew after it.
    kick_after : int, optional
        The kick comes after that many steps, or before, when the run has converged. By default half of `max_iter`.
    trace : bool or int
        Record the networks every so many steps, True for 1. Under the automatic rule there is a record at most at
        the end of every window that is kept. The start, the end and both sides of the kick are recorded.
    sharpness : bool
        Compute the largest eigenvalue of the Hessian at the records of the trace.
    random_state : int, numpy Generator, SeedSequence or None
        Source of the starts, the noise and the kick: every run has its own child, an int makes the answer
        reproducible.
    n_jobs : int, optional
        Threads; the answer does not depend on it.

    Returns
    -------
    Descents

    Raises
    ------
    ValueError
        For bad input.

    Notes
    -----
    The automatic rule begins with Polyak's step ``F / ||gradient||^2``, with ``F / g^2`` at most when there is noise or
    a perturbation: near a saddle the gradient says nothing of the right size.

    The objective has kinks, where neurons switch on a row, and descent is drawn to them: there a fixed step jumps to
    and fro for ever, and a line search ends at points that are no minima. The automatic rule walks in windows of steps
    of one size, and goes on from the last point of the window or from the mean of its second half, whichever is lower:
    the mean rests on the kinks between which the steps jump. A window that ends higher than it began is undone, and
    the next takes more steps of half the size; after all others the step grows. Thus the objective falls
    monotonically from window to window. With a `learning_rate` nothing is averaged or undone, but a run whose
    objective overflows ends with the last window before.

    References
    ----------
    .. [1] C. Jin, R. Ge, P. Netrapalli, S. Kakade, M. Jordan, *How to escape saddle points efficiently*, ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import gradient_descent
    >>> X, y = np.array([[-np.sqrt(3), 1], [np.sqrt(3), 1]]), np.ones(2)
    >>> found = gradient_descent(X, y, width=1, beta=0.1, n_runs=20, random_state=0)
    >>> # The optimum, a spurious minimum, a dead neuron:
    >>> np.unique(found.objectives.round(5)).tolist()
    [0.0975, 0.54875, 1.0]
    """
    refuse_outputs(y)
    problem = make_problem(
        X,
        y,
        beta,
        hidden_bias=hidden_bias,
        fit_intercept=fit_intercept,
        skip_connection=skip_connection,
        sample_weight=sample_weight,
        loss=loss,
        losses=("squared",),
    )
    options = check_options(init_scale, learning_rate, max_iter, tol)
    width, n_runs = check_count(width, "width"), check_count(n_runs, "n_runs")
    return descend(
        problem,
        width,
        n_runs,
        spawn(random_state),
        options,
        n_jobs=check_n_jobs(n_jobs),
        extras=check_extras(noise, perturbation, kick, kick_after, trace, sharpness, options["max_iter"]),
        networks=_check_start(problem, start, width, n_runs),
    )


def _check_start(problem, start, width, n_runs):
    """Return one network for every run, checked, or None."""
    if start is None:
        return None
    networks = [start] * n_runs if isinstance(start, TwoLayerReLU) else list(start)
    if len(networks) != n_runs or not all(isinstance(network, TwoLayerReLU) for network in networks):
        raise InvalidInputError(
            f"start must be one TwoLayerReLU, or n_runs = {n_runs} of them; got {len(networks)} entries."
        )
    for network in networks:
        problem.check_terms(network, "start")
        if network.width != width:
            raise InvalidInputError(f"start must have width = {width} neurons; got {network.width}.")
    return networks


def check_options(init_scale=INIT_SCALE, learning_rate=None, max_iter=MAX_DESCENT_ITER, tol=TOL):
    """Return the options of a descent, checked, as a dict."""
    return {
        "init_scale": check_positive(init_scale, "init_scale"),
        "learning_rate": None if learning_rate is None else check_positive(learning_rate, "learning_rate"),
        "max_iter": check_count(max_iter, "max_iter"),
        "tol": check_positive(tol, "tol"),
    }


def spawn(random_state):
    """Return ``children(n)``, which makes n independent generators of a `random_state`."""
    try:
        return np.random.default_rng(random_state).spawn
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"random_state must be None, an integer not below 0, a numpy Generator or SeedSequence; "
            f"got {random_state!r}."
        ) from error


def descend(problem, width, n_runs, children, options, *, n_jobs=None, extras=NO_EXTRAS, networks=None):
    """Return the `Descents` on a checked `Problem`; see `gradient_descent`."""
    scaled = scale_problem(problem)
    if scaled is None:
        if networks is not None:
            raise InvalidInputError("start is of no use: the free terms alone fit y, or X is zero; leave start out.")
        return _zero_descents(problem, width, n_runs, extras)
    # Descend in units of one, where steps and tolerances have one meaning; the weights are translated back.
    data, step, unit, free_units = _in_units_of_one(problem, scaled, options["learning_rate"])
    rngs = children(n_runs)
    free_start = problem.free_coefficients(np.zeros(len(problem.y)))
    if networks is None:
        points = _starts(data, width, rngs, options["init_scale"])
    else:
        points = np.array([_point(network, unit, free_start, free_units) for network in networks])
    n_iter, converged = np.zeros(n_runs, dtype=np.int64), np.zeros(n_runs, dtype=bool)
    records = [empty_trace(extras, options, points.shape) for _ in range(n_runs)]

    def run(start, stop):
        for r in range(start, stop):
            n_iter[r], converged[r] = _run(data, width, points[r], step, options, extras, rngs[r], records[r])

    with thread_map(n_jobs) as run_all:
        run_all(run, slices(n_runs, RUNS_PER_TASK))

    def network_of(point):
        return _network(problem, width, point, unit, free_start, free_units)

    traces = tuple(trace_of(problem, record, network_of, extras) for record in records) if extras.every else None
    return _as_descents(problem, [network_of(point) for point in points], n_iter, converged, traces)


def _run(data, width, point, step, options, extras, rng, record):
    """Descend from `point`, in place, with a kick on the way if there is one; return (steps, converged)."""
    adaptive, n_iter, sigma = options["learning_rate"] is None, 0, _sigma(data)
    # Weights come in units of sigma, and gradients in those of the objective of the zero network over sigma.
    unit = 0.5 * float(data[1] @ data[1]) / sigma
    disturbance = (extras.noise * unit, extras.perturbation * sigma, unit)
    ends = (extras.kick_after, options["max_iter"]) if extras.kick else (options["max_iter"],)
    for part, max_iter in enumerate(ends):
        if part > 0:
            # Between two parts every penalised weight is kicked by noise of its own scale.
            weights = point[: width * (len(data[0]) + 1)]
            weights += extras.kick * sigma * rng.standard_normal(len(weights))
        n_iter, converged = descend_one(
            data, width, point, step, adaptive, n_iter, max_iter, options["tol"], disturbance, rng, record
        )
    return n_iter, converged


def _zero_descents(problem, width, n_runs, extras):
    """Return descents of zero networks: the targets are fitted by the free terms, or X is zero."""
    neurons, outputs = np.zeros((width, problem.design.shape[1])), np.zeros(width)
    network = assemble(problem, neurons, outputs, problem.free_coefficients(np.zeros(len(problem.y))))
    still = (0, np.zeros(1, dtype=np.int64), np.zeros((1, 0)), np.ones(1, dtype=np.int64))
    traces = (trace_of(problem, still, lambda point: network, extras),) * n_runs if extras.every else None
    return _as_descents(
        problem, [network] * n_runs, np.zeros(n_runs, dtype=np.int64), np.ones(n_runs, dtype=bool), traces
    )


def _in_units_of_one(problem, scaled, learning_rate):
    """Return the kernel's data, its step, and the units of the weights and of the free terms.

    With a `learning_rate` all units are the same, or the step would not be; otherwise the free terms are in units in
    which their columns are of the size of the design.
    """
    columns = np.sqrt(problem.weight)[:, None] * problem.free
    # u and alpha share the scale of y over that of X: each gets the root of it.
    unit = np.sqrt(scaled.y_scale) / np.sqrt(scaled.x_scale)
    size = np.linalg.norm(scaled.design)
    if learning_rate is None:
        # No fixed step: the free terms take units in which their columns are as long as the design.
        step, free_units = np.nan, scaled.y_scale * np.sqrt(size) / nonzero(norms(columns.T))
    else:
        step, free_units = learning_rate * scaled.x_scale * scaled.y_scale, np.full(columns.shape[1], unit)
    free = np.ascontiguousarray((columns * (free_units / scaled.y_scale)).T)
    return (np.ascontiguousarray(scaled.design.T), scaled.target, free, scaled.beta), step, unit, free_units


def _starts(data, width, rngs, init_scale):
    """Return the starting points (n_runs, n_parameters) in the units of the kernel, the free terms 0."""
    rows, _, free, _ = data
    weights = [rng.standard_normal(width * (len(rows) + 1)) for rng in rngs]
    return np.hstack([init_scale * _sigma(data) * np.array(weights), np.zeros((len(weights), len(free)))])


def _sigma(data):
    """Return the root of ``rms(y) / rms(X)`` in the units of the kernel."""
    rows, target, _, _ = data
    return np.sqrt(np.linalg.norm(target) * np.sqrt(len(rows)) / np.linalg.norm(rows))


def _network(problem, width, point, unit, free_start, free_units):
    """Return the network at a point of the kernel, whose free terms are counted from the best fit by them alone."""
    n_inputs = problem.design.shape[1]
    neurons = unit * point[: width * (n_inputs + 1)].reshape(width, n_inputs + 1)
    terms = free_start + free_units * point[width * (n_inputs + 1) :]
    return assemble(problem, neurons[:, :-1], neurons[:, -1], terms)


def _point(network, unit, free_start, free_units):
    """Return the point of the kernel of a network: the inverse of `_network`."""
    neurons = np.column_stack([network.neurons, network.output_weights]).ravel() / unit
    return np.concatenate([neurons, (free_terms(network) - free_start) / free_units])


def _as_descents(problem, networks, n_iter, converged, traces):
    """Return the `Descents` of the networks, with objectives and gradients recomputed from them as they are."""
    objectives = np.array([problem.objective(network) for network in networks])
    slopes = np.array([_gradient_norm(problem, network) for network in networks])
    return Descents(tuple(networks), objectives, slopes, n_iter, converged, traces)


def _gradient_norm(problem, network):
    """Norm of the gradient of the objective with respect to all weights, with ``relu'(0) = 0``."""
    return float(norms(gradient_at(problem, network)[None])[0])
