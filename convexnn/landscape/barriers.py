"""How high the objective rises between two networks, on a straight line or a curve in the weights.

Between two kinks, where a neuron switches on a row, the squared loss of a Bezier curve of degree k is a polynomial of
degree 4 k: its maximum is found by its coefficients, not by sampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import BPoly
from scipy.optimize import minimize_scalar

from .._utils.aliases import ArrayLike, LossName
from .._utils.display import Shown
from .._utils.validation import check_count
from ..network import TwoLayerReLU
from ..programs.posing import problem_of, refuse_outputs
from ._weight_space import bernstein, common_space

# Up to 20 000 pieces between kinks are searched exactly; with more the curve is sampled.
MAX_PIECES = 20_000
# A piece may hold a larger maximum only if a coefficient exceeds the best sample by more than 1e-14 of the sizes.
EXCESS_ROUNDING = 1e-14
# The maximum of a sampled curve is located to 1e-12 in t.
POSITION_TOLERANCE = 1e-12
# A root is real when its imaginary part is below 1e-6.
MAX_IMAGINARY_PART = 1e-6


@dataclass(frozen=True, repr=False)
class Barrier(Shown):
    """The objective, or the error, between two networks.

    Attributes
    ----------
    barrier : float
        The largest objective in excess of the straight line between its two end values,
        ``max_t p(t) - (1 - t) p(0) - t p(1)``; never below 0, and 0 where the objective is convex along the way.
    where : float
        The t of that excess.
    peak : float
        ``max_t p(t)``.
    exact : bool
        Whether the maxima are those of all t in [0, 1], to rounding, or those of samples that were polished.
    ts, values : ndarrays of shape (n_points,)
        Evenly spaced t from 0 to 1 and the objective there.
    """

    barrier: float
    where: float
    peak: float
    exact: bool
    ts: np.ndarray
    values: np.ndarray

    @property
    def rise(self) -> float:
        """``max_t p(t) - max(p(0), p(1))``: how far up the way leads from the higher end."""
        return max(0.0, self.peak - max(self.values[0], self.values[-1]))

    def __repr__(self):
        kind = "exact" if self.exact else "sampled"
        return f"Barrier({self.barrier:.10g} at t = {self.where:.4g}, rise {self.rise:.10g}, {kind})"

    def _shown(self):
        return f"Barrier: {'exact' if self.exact else 'sampled, not exact'}", [
            ("barrier", f"{self.barrier:.10g} at t = {self.where:.4g}"),
            ("rise", f"{self.rise:.10g}"),
            ("ends", f"{self.values[0]:.10g}, {self.values[-1]:.10g}"),
        ]


def loss_barrier(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_points: int = 101,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    huber_delta: float = 1.35,
    quantile: float = 0.5,
) -> Barrier:
    """Measure the barrier on the straight line, in the weights, between two networks of one width.

    With ``p(t)`` the objective ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` of the network
    whose weights are ``(1 - t) a + t b``, the barrier is ``max_t p(t) - (1 - t) p(0) - t p(1)``. [1]_ It depends on
    the order of the neurons and on how they are balanced.

    Parameters
    ----------
    a, b : TwoLayerReLU
        With one output; the problem has exactly the free terms that they have.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
    n_points : int
        Points of the curve in the record.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
        With the squared loss the maximum is exact while the line has at most 20 000 kinks; otherwise it is taken over
        the `n_points`, and polished around the best of them.
    huber_delta, quantile : float

    Returns
    -------
    Barrier

    Raises
    ------
    ValueError
        For bad input, and when the widths or the terms of the two networks differ.

    References
    ----------
    .. [1] R. Entezari, H. Sedghi, O. Saukh, B. Neyshabur, "The role of permutation invariance in linear mode
       connectivity of neural networks", ICLR 2022, definition 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.landscape import loss_barrier
    >>> X, y = [[1, 0], [0, 1], [-1, 0], [0, -1]], np.ones(4)
    >>> found = optimal_set(X, y, 0.1)
    >>> a, b = (found.network(masses) for masses in found.vertices)
    >>> round(loss_barrier(a, b, X, y, 0.1).barrier, 6)  # 1 - beta / sqrt(2)
    0.929289
    """
    options = {"sample_weight": sample_weight, "loss": loss, "huber_delta": huber_delta, "quantile": quantile}
    refuse_outputs(y)
    problem = problem_of(a, X, y, beta, **options)
    space = common_space(problem, (a, b), ("a", "b"))
    controls = np.stack([space.point(a), space.point(b)])
    return measure(space, [controls], check_count(n_points, "n_points", minimum=2))


def measure(space, legs, n_points):
    """Return the `Barrier` of a chain of Bezier curves, each with its `controls`."""
    ts = np.linspace(0.0, 1.0, n_points)
    values = space.objectives(points_on(legs, ts))
    ends = values[0], values[-1]
    pieces = _Pieces(space, legs, ts)
    where, barrier = pieces.largest(ends)
    _, peak = pieces.largest((0.0, 0.0))
    return Barrier(max(0.0, barrier), where, max(peak, *values), pieces.exact, ts, values)


def points_on(legs, ts):
    """Return the points at `ts` of a chain of curves that share [0, 1] equally."""
    position = np.asarray(ts, dtype=float) * len(legs)
    numbers = np.minimum(position.astype(int), len(legs) - 1)
    points = np.empty((len(position), legs[0].shape[1]))
    for k, controls in enumerate(legs):
        on = numbers == k
        points[on] = bernstein(position[on] - k, len(controls) - 1) @ controls
    return points


def kinks(space, controls):
    """Return the t in (0, 1), in order, at which a neuron of the curve switches on a row."""
    values = space.preactivations(controls).reshape(len(controls), -1)
    if len(controls) == 2:
        constant, linear, square = values[0], values[1] - values[0], np.zeros_like(values[0])
    else:
        constant, linear, square = values[0], 2.0 * (values[1] - values[0]), values[0] - 2.0 * values[1] + values[2]
    found = np.concatenate(quadratic_roots(constant, linear, square))
    return np.unique(found[(found > 0.0) & (found < 1.0)])


def quadratic_roots(constant, linear, square):
    """Return both roots of ``constant + linear t + square t^2``, not finite where there is none.

    Where there is no real one both are those of the same polynomial without its negative discriminant.
    """
    # One root does not cancel, and the other one comes from the product of both.
    root = np.sqrt(np.maximum(linear**2 - 4.0 * constant * square, 0.0))
    away = -0.5 * (linear + np.where(linear < 0.0, -root, root))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([away / square, constant / away])


class _Pieces:
    """The objective along a chain, cut where it may be no polynomial; `ts` are where it is sampled otherwise."""

    def __init__(self, space, legs, ts):
        self.space, self.legs = space, legs
        self.breaks = self._breaks()
        self.exact = space.problem.loss.is_quadratic and len(self.breaks) <= MAX_PIECES
        if not self.exact:
            self.breaks = ts
        self.degree = 4 * (len(legs[0]) - 1) if self.exact else 1

    def _breaks(self):
        inner = [(k + np.append(kinks(self.space, controls), 1.0)) for k, controls in enumerate(self.legs)]
        return np.concatenate([[0.0], *inner]) / len(self.legs)

    @cached_property
    def samples(self):
        """Positions and values on every piece, of shape (n_pieces, degree + 1)."""
        shares = np.linspace(0.0, 1.0, self.degree + 1)
        ts = self.breaks[:-1, None] + np.diff(self.breaks)[:, None] * shares
        return ts, self.space.objectives(points_on(self.legs, ts.ravel())).reshape(ts.shape)

    def largest(self, ends):
        """Return where the excess over the line between two end values is largest, and that excess."""
        ts, values = self.samples
        excess = values - (1.0 - ts) * ends[0] - ts * ends[1]
        # The best sample and the maxima beside it, all judged by the objective itself.
        best = np.unravel_index(excess.argmax(), excess.shape)
        polished = self._exact_maxima(ts, excess) if self.exact else [self._local_maximum(ts[best], ends)]
        candidates = np.array([ts[best], *polished])
        heights = self.space.objectives(points_on(self.legs, candidates))
        heights = heights - (1.0 - candidates) * ends[0] - candidates * ends[1]
        return float(candidates[heights.argmax()]), float(heights.max())

    def _exact_maxima(self, ts, excess):
        """Return the stationary t of the pieces whose coefficients do not exclude a larger value than the samples."""
        # A polynomial is at most its largest Bernstein coefficient: few pieces can beat the best sample.
        collocation = BPoly(np.eye(self.degree + 1)[:, None], [0.0, 1.0])(np.linspace(0.0, 1.0, self.degree + 1))
        coefficients = np.linalg.solve(collocation, excess.T)
        bar = excess.max() + EXCESS_ROUNDING * np.abs(excess).max()
        found = []
        for k in np.flatnonzero(coefficients.max(axis=0) > bar):
            shares = _stationary(coefficients[:, k])
            found.extend(ts[k, 0] + shares * (ts[k, -1] - ts[k, 0]))
        return found

    def _local_maximum(self, t, ends):
        """Return a local maximum of the excess near t."""
        step = 1.0 / (len(self.breaks) - 1)

        def depth(share):
            value = self.space.objectives(points_on(self.legs, [share]))[0]
            return (1.0 - share) * ends[0] + share * ends[1] - value

        limits = max(0.0, t - step), min(1.0, t + step)
        return minimize_scalar(depth, bounds=limits, method="bounded", options={"xatol": POSITION_TOLERANCE}).x


def _stationary(coefficients):
    """Return the stationary points in (0, 1) of a polynomial given by its Bernstein coefficients."""
    degree = len(coefficients) - 1
    slope = BPoly(degree * np.diff(coefficients)[:, None], [0.0, 1.0])
    # Chebyshev coefficients make the roots of the derivative well conditioned.
    nodes = np.polynomial.chebyshev.chebpts1(degree)
    roots = np.polynomial.Chebyshev.fit(nodes, slope((nodes + 1.0) / 2.0), degree - 1, domain=[-1, 1]).roots()
    shares = (roots.real[np.abs(roots.imag) < MAX_IMAGINARY_PART] + 1.0) / 2.0
    return shares[(shares > 0.0) & (shares < 1.0)]
