"""Curves between two networks with trained bends: the usual heuristic, beside the exact path of the optimal set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from scipy.optimize import minimize

from .._utils.aliases import ArrayLike, LossName, Seed
from .._utils.display import Shown
from .._utils.norms import nonzero
from .._utils.validation import check_choice, check_count
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..optimal_sets.paths import between, check_share
from ..programs.posing import problem_of, refuse_outputs
from ._weight_space import WeightSpace, bernstein, common_space
from .barriers import measure, points_on
from .descent import spawn

# The objective is taken at 61 points of a curve; the best of 8 starts of the bend counts, each of 1000 steps.
N_CURVE_POINTS, N_BEND_STARTS, MAX_BEND_STEPS = 61, 8, 1000
# A chain of many lines is judged at 8 points of every line, or more.
LEAST_POINTS_ON_A_LINE = 8
# Random starts of the bend are spread by 0.5 of the root mean square of the weights; the first only by 1e-3 of that.
START_SPREAD, FIRST_START_SHARE = 0.5, 1e-3
# The soft maximum gets sharper by these temperatures, in units of the range of the excess on the last curve.
TEMPERATURES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
TARGETS = ("max", "mean")


class HeuristicCurve(Shown):
    """A curve of networks with trained bends: a heuristic, which may leave a barrier where a path has none.

    Called as ``curve(t)``, it returns the network at t in [0, 1]; ``curve(0)`` and ``curve(1)`` are the two ends.

    Attributes
    ----------
    kind : {"bezier", "polygonal", "elastic band"}
    bends : tuple of TwoLayerReLU
        The control point of the Bezier curve, or the corners of the chain.
    knots : ndarray
        Parameters between which the weights are a polynomial of t.
    profile : Barrier
        The objective along the curve, as `loss_barrier` has it for the straight line.
    """

    def __init__(
        self,
        space: WeightSpace,
        legs: Sequence[np.ndarray],
        bends: np.ndarray,
        ends: tuple[TwoLayerReLU, TwoLayerReLU],
        kind: str,
        n_points: int,
    ) -> None:
        self._space, self._legs, self._ends, self.kind = space, legs, ends, kind
        self.bends = tuple(space.network(bend) for bend in bends)
        self.knots = np.linspace(0.0, 1.0, len(legs) + 1)
        self.profile = measure(space, legs, n_points)

    @property
    def bend(self) -> TwoLayerReLU:
        """The middle one of the bends."""
        return self.bends[len(self.bends) // 2]

    @property
    def barrier(self) -> float:
        """The largest objective in excess of the straight line between its end values, see `Barrier`."""
        return self.profile.barrier

    def __call__(self, t: float) -> TwoLayerReLU:
        """Return the network at t in [0, 1]."""
        check_share(t)
        if t in (0.0, 1.0):
            return self._ends[int(t)]
        return self._space.network(points_on(self._legs, [t])[0])

    def objective(self, t: float) -> float:
        """Return the objective at t."""
        return self._space.problem.objective(self(t))

    def straight_objective(self, t: float) -> float:
        """Return the objective at t on the straight line, in the weights, between the two ends."""
        check_share(t)
        return self._space.problem.objective(between(*self._ends, t))

    def __repr__(self):
        return f"HeuristicCurve({self.kind}, {self._space.width} neurons, barrier {self.barrier:.6g})"

    def _shown(self):
        return "HeuristicCurve: trained, no proof", [
            ("kind", self.kind),
            ("neurons", str(self._space.width)),
            ("barrier", f"{self.barrier:.6g} ({'exact' if self.profile.exact else 'sampled'})"),
        ]


def bezier_path(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    target: Literal["max", "mean"] = "max",
    n_points: int = N_CURVE_POINTS,
    n_starts: int = N_BEND_STARTS,
    max_iter: int = MAX_BEND_STEPS,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    random_state: Seed = None,
) -> HeuristicCurve:
    """Join two networks by ``(1 - t)^2 a + 2 t (1 - t) c + t^2 b``, in the weights, and train the bend c.

    A heuristic [1]_: the problem is not convex, and what is left of the barrier proves nothing. Between two global
    optima `OptimalSet.path` decides whether a path without barrier exists, and returns it.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Networks of one width and the same terms; the problem has exactly the free terms that they have.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    target : {"max", "mean"}
        The quantity to minimise: the barrier, by soft maxima of the excess that become ever sharper, or the mean of
        the objective over t, as in the literature. The first starts from the second.
    n_points : int
        Evenly spaced t of the mean and the maximum.
    n_starts : int
        Starts of the bend: the middle of the straight line, then random ones around it. The best counts.
    max_iter : int
        Largest number of steps of L-BFGS each time.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "logistic", "squared_hinge"}
        The smooth ones.
    huber_delta : float
    random_state : int, numpy Generator, SeedSequence or None
        Source of the starts; an int makes the answer reproducible.

    Returns
    -------
    HeuristicCurve

    Raises
    ------
    ValueError
        For bad input, and when the widths or the terms of the two networks differ.

    References
    ----------
    .. [1] T. Garipov, P. Izmailov, D. Podoprikhin, D. Vetrov, A. G. Wilson, "Loss surfaces, mode connectivity, and
       fast ensembling of DNNs", NeurIPS 2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.landscape import bezier_path
    >>> X, y = [[1, 0], [0, 1], [-1, 0], [0, -1]], np.ones(4)
    >>> found = optimal_set(X, y, 0.1)
    >>> a, b = (found.network(masses, width=4) for masses in found.vertices)
    >>> curve = bezier_path(a, b, X, y, 0.1, random_state=0)
    >>> curve.barrier < 0.1, found.path(a, b) is None
    (True, False)
    """
    problem = smooth_problem(a, X, y, beta, sample_weight=sample_weight, loss=loss, huber_delta=huber_delta)
    options = _checked(target, n_points, n_starts, max_iter, random_state)
    return _curve("bezier", problem, a, b, 1, **options)


def polygonal_path(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_bends: int = 1,
    target: Literal["max", "mean"] = "max",
    n_points: int = N_CURVE_POINTS,
    n_starts: int = N_BEND_STARTS,
    max_iter: int = MAX_BEND_STEPS,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    random_state: Seed = None,
) -> HeuristicCurve:
    """Join two networks by straight lines, in the weights, and train the corners where they meet.

    A heuristic, with one corner [1]_ or a chain of many [2]_; otherwise as `bezier_path`, which has the other
    parameters, the answer and the errors. All corners are trained at once, on the objective along the lines and not
    only at the corners, so that no line can cut through a barrier unseen.

    Parameters
    ----------
    a, b, X, y, beta, target, n_points, n_starts, max_iter, sample_weight, loss, huber_delta, random_state
        See `bezier_path`. There are at least 8 points on every line.
    n_bends : int
        Number of corners.

    Returns
    -------
    HeuristicCurve

    References
    ----------
    .. [1] T. Garipov, P. Izmailov, D. Podoprikhin, D. Vetrov, A. G. Wilson, "Loss surfaces, mode connectivity, and
       fast ensembling of DNNs", NeurIPS 2018, section 3.
    .. [2] F. Draxler, K. Veschgini, M. Salmhofer, F. A. Hamprecht, "Essentially no barriers in neural network energy
       landscape", ICML 2018; the corners are trained by L-BFGS here; `nudged_path` moves them as there.
    """
    problem = smooth_problem(a, X, y, beta, sample_weight=sample_weight, loss=loss, huber_delta=huber_delta)
    options = _checked(target, n_points, n_starts, max_iter, random_state)
    return _curve("polygonal", problem, a, b, check_count(n_bends, "n_bends"), **options)


def smooth_problem(network, X, y, beta, **options):
    """Return the problem with the terms of a network, after checking that its loss is smooth."""
    refuse_outputs(y)
    problem = problem_of(network, X, y, beta, **options)
    if not problem.loss.is_smooth:
        raise InvalidInputError(f"loss must be smooth for a curve to be trained; got {problem.loss.name!r}.")
    return problem


def _checked(target, n_points, n_starts, max_iter, random_state):
    return {
        "target": check_choice(target, "target", TARGETS),
        "n_points": check_count(n_points, "n_points", minimum=3),
        "n_starts": check_count(n_starts, "n_starts"),
        "max_iter": check_count(max_iter, "max_iter"),
        "children": spawn(random_state),
    }


def _curve(kind, problem, a, b, n_bends, *, target, n_points, n_starts, max_iter, children):
    space = common_space(problem, (a, b), ("a", "b"))
    ends = space.point(a), space.point(b)
    n_points = _enough_points(n_points, n_bends)
    along = partial(_excess_on_curve, space, _shares(kind, n_points, n_bends), ends)
    found = [
        _train_bends(along, start, target, max_iter)
        for start in starts_of_bends(space, ends, n_bends, children(n_starts))
    ]
    # All bends of a start are judged by the barrier of their curve, as far as that is exact.
    curves = [HeuristicCurve(space, _legs(kind, ends, bends), bends, (a, b), kind, n_points) for bends in found]
    return min(curves, key=lambda curve: curve.barrier if target == "max" else curve.profile.values.mean())


def chain_of(space, bends, ends, kind, n_points):
    """Return the `HeuristicCurve` of straight lines between two networks and the corners (n_bends, n_parameters)."""
    legs = _legs(kind, tuple(space.point(end) for end in ends), bends)
    return HeuristicCurve(space, legs, bends, ends, kind, _enough_points(n_points, len(bends)))


def _enough_points(n_points, n_bends):
    return max(n_points, LEAST_POINTS_ON_A_LINE * (n_bends + 1) + 1) if n_bends > 1 else n_points


def _shares(kind, n_points, n_bends):
    """Return what the start, the bends and the end contribute at evenly spaced t, of shape (n_points, n_bends + 2)."""
    ts = np.linspace(0.0, 1.0, n_points)
    if kind == "bezier":
        return bernstein(ts, 2)
    return np.maximum(1.0 - np.abs((n_bends + 1) * ts[:, None] - np.arange(n_bends + 2)), 0.0)


def _legs(kind, ends, bends):
    points = np.stack([ends[0], *bends, ends[1]])
    return [points] if kind == "bezier" else [points[k : k + 2] for k in range(len(points) - 1)]


def starts_of_bends(space, ends, n_bends, children):
    """Return bends on the straight line, and on parabolas around it whose middle is random, (n_bends, n_parameters)."""
    places = np.arange(1, n_bends + 1)[:, None] / (n_bends + 1)
    line, arc = (1.0 - places) * ends[0] + places * ends[1], 4.0 * places * (1.0 - places)
    size = np.linalg.norm(np.stack(ends)[:, : space.n_weights]) / np.sqrt(max(1, 2 * space.n_weights))
    moves = [size * START_SPREAD * rng.standard_normal(space.n_weights) for rng in children]
    moves[0] *= FIRST_START_SHARE  # a little off the symmetries, which descent would never leave
    return [line + arc * np.append(move, np.zeros(line.shape[1] - space.n_weights)) for move in moves]


def _excess_on_curve(space, shares, ends, bends):
    """Return the excess of the objective on the curve with these bends, and its gradients at the points of the curve.

    The excess is over the straight line between the end values, a constant; the third are the shares of the bends.
    """
    values, slopes = space.slopes(shares @ np.stack([ends[0], *bends, ends[1]]))
    return values - _line(values), slopes, shares[:, 1:-1]


def _line(values):
    """Values on the straight line between the first and the last."""
    return values[0] + (values[-1] - values[0]) * np.arange(len(values)) / (len(values) - 1)


def _train_bends(along, bends, target, max_iter):
    """Return the bends after descent on the mean of the excess, and then on ever sharper soft maxima."""
    bends = _minimise(along, _mean, bends, max_iter)
    if target == "mean":
        return bends
    # T log sum exp(v / T) is smooth and at most T log n above max v: sharper and sharper, each from the last bends.
    for temperature in TEMPERATURES:
        values, _, _ = along(bends)
        sharpness = temperature * nonzero(np.ptp(values))
        bends = _minimise(along, partial(_soft_maximum, sharpness), bends, max_iter)
    return bends


def _mean(values):
    return values.mean(), np.full(len(values), 1.0 / len(values))


def _soft_maximum(temperature, values):
    """Return ``temperature log sum exp(values / temperature)`` and its gradient."""
    top = values.max()
    powers = np.exp((values - top) / temperature)
    return top + temperature * np.log(powers.sum()), powers / powers.sum()


def _minimise(along, summary, bends, max_iter):
    def value_and_gradient(point):
        values, slopes, shares = along(point.reshape(bends.shape))
        value, parts = summary(values)
        return value, np.ravel((parts[:, None] * shares).T @ slopes)

    limits = {"maxiter": max_iter, "ftol": 1e-14, "gtol": 1e-10}
    found = minimize(value_and_gradient, bends.ravel(), jac=True, method="L-BFGS-B", options=limits)
    return found.x.reshape(bends.shape)
