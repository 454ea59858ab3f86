"""The saddle between a point and the same point with two neurons exchanged.

The two neurons are drawn together: their difference shrinks to 0 while everything else goes to its best place. In the
middle they are equal, and by symmetry the gradient vanishes there; from there on the way is its own mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown, counted
from .._utils.threads import one_blas_thread
from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from ..optimal_sets.paths import check_share
from .curvature import SecondOrderPoint
from .functions.base import SmoothFunction
from .functions.search import descend, judge

# The difference of the two neurons shrinks in 40 equal steps; between two of them the line is looked at in 8 places.
N_STEPS, N_PLACES_PER_STEP = 40, 8
# The place of everything else is known when its gradient is at most 1e-9 of that of the straight line's middle; there
# are at most 500 steps to it.
MAX_GRADIENT_SHARE, MAX_ITER = 1e-9, 500
# An eigenvalue is negative below -1e-7 of the largest, and the gradient of the saddle is at most 1e-6 of that.
EIGENVALUE_SHARE, STATIONARY_SHARE = 1e-7, 1e-6
# The function knows no difference between the two neurons when an exchange changes its value by 1e-9 of it.
MAX_EXCHANGE_CHANGE = 1e-9


@dataclass(frozen=True, repr=False)
class PermutationSaddle(Shown):
    """A path from a point to the same with two neurons exchanged, and the point in its middle.

    Attributes
    ----------
    corners : ndarray of shape (2 n_steps + 1, n_weights)
        The path is the chain of straight lines between them.
    values : ndarray of shape (2 n_steps + 1,)
        The function at the corners.
    peak : float
        Its largest value on the chain, at the corners and at places between them: a bound from above, but for what
        lies between these places, on the height of the lowest pass.
    middle : SecondOrderPoint
        Gradient and Hessian of the corner in the middle, where the two neurons are equal.
    """

    corners: np.ndarray
    values: np.ndarray
    peak: float
    middle: SecondOrderPoint

    def __call__(self, t: float) -> np.ndarray:
        """Return the weights at t in [0, 1]; ``t = 1/2`` is the middle."""
        check_share(t)
        knots = np.linspace(0.0, 1.0, len(self.corners))
        return np.array([np.interp(t, knots, weight) for weight in self.corners.T])

    @property
    def weights(self) -> np.ndarray:
        """The weights in the middle."""
        return self.corners[len(self.corners) // 2]

    @property
    def value(self) -> float:
        """The function in the middle."""
        return float(self.values[len(self.values) // 2])

    @property
    def rise(self) -> float:
        """``peak`` less the value at the ends."""
        return self.peak - float(self.values[0])

    @property
    def n_negative(self) -> int:
        """Number of negative eigenvalues in the middle: 1 for a saddle of first order, a mountain pass."""
        return int(
            np.count_nonzero(self.middle.eigenvalues < -EIGENVALUE_SHARE * np.abs(self.middle.eigenvalues).max())
        )

    @property
    def is_saddle(self) -> bool:
        """Whether the gradient vanishes in the middle, and an eigenvalue is negative."""
        return self.middle.gradient_norm <= self.middle.eps and self.n_negative > 0

    def _shown(self):
        return "PermutationSaddle" if self.is_saddle else "PermutationSaddle: no saddle", [
            ("ends", f"{self.values[0]:.6g}"),
            ("middle", f"{self.value:.6g}, {counted(self.n_negative, 'negative eigenvalue')}"),
            ("peak", f"{self.peak:.6g}"),
        ]


def permutation_saddle(
    function: SmoothFunction, weights: ArrayLike, first: ArrayLike, second: ArrayLike, *, n_steps: int = N_STEPS
) -> PermutationSaddle:
    """Follow a point of a function until two of its neurons are equal, and on to the point with the two exchanged.

    For t from 1 to 0 the function is made smallest over all weights whose difference between the two neurons is t times
    that of the start, each time from the point before. At t = 0 the gradient vanishes in all directions: within the
    constraint by minimality, across it because an exchange of the two neurons changes nothing. This permutation point
    is usually a saddle, and the highest on the way. It is a way, not the lowest one: with random steps or another
    constraint there may be lower ones.

    Parameters
    ----------
    function : SmoothFunction
        Unchanged when the two neurons are exchanged, and smooth near the way.
    weights : array-like of shape (n_weights,)
        The start, a local minimum as a rule.
    first, second : array-like of int of shape (n_neuron_weights,)
        Where the weights of the two neurons stand, in the same order. Those of ``PopulationLoss(V, n)`` are rows of
        ``numpy.arange(n * d).reshape(n, d)``.
    n_steps : int
        Equal steps from the start to the middle.

    Returns
    -------
    PermutationSaddle

    Raises
    ------
    ValueError
        For bad input, and a function that does change when the two are exchanged.

    References
    ----------
    .. [1] J. Brea, B. Simsek, B. Illing, W. Gerstner, "Weight-space symmetry in deep networks gives rise to permutation
       saddles, connected by equal-loss valleys across the loss landscape", arXiv 1907.02911, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import PopulationLoss, permutation_saddle
    >>> found = permutation_saddle(PopulationLoss(np.eye(2), 2), [1.0, 0.0, 0.0, 1.0], [0, 1], [2, 3])
    >>> round(found.value, 6), found.n_negative, found(1.0).round(6).tolist()
    (0.088512, 1, [0.0, 1.0, 1.0, 0.0])
    """
    if not isinstance(function, SmoothFunction):
        raise InvalidInputError(f"function must be a SmoothFunction; got {type(function).__name__}.")
    start = function.pack(*function.unpack(weights))
    first, second = _check_places(first, second, function.n_weights)
    n_steps = check_count(n_steps, "n_steps")
    value = function.value(start)
    if abs(function.value(_exchanged(start, first, second)) - value) > MAX_EXCHANGE_CHANGE * max(abs(value), 1.0):
        raise InvalidInputError(
            "first and second must be neurons whose exchange leaves the function unchanged; here it changes the value "
            "at the start. They must list the weights of both in the same order."
        )
    with one_blas_thread():
        half = _followed(function, start, first, second, n_steps)
        corners = np.vstack([half, [_exchanged(corner, first, second) for corner in half[-2::-1]]])
        values = np.array([function.value(corner) for corner in half])
        middle = judge(function, half[-1])
        eps = STATIONARY_SHARE * np.abs(middle.eigenvalues).max()
        peak = max(values.max(), _highest_between(function, half))
    return PermutationSaddle(
        corners,
        np.append(values, values[-2::-1]),
        float(peak),
        judge(function, half[-1], eps=eps),
    )


class _Held(SmoothFunction):
    """A function of all weights but the difference of two neurons, which is held.

    The weights are those of `function`, the first neuron's being the mean of the two; the second's are left out.
    """

    def __init__(self, function, first, second, difference):
        self.function, self.difference = function, difference
        # Columns: the mean moves both neurons, everything else moves itself.
        basis = np.eye(function.n_weights)
        basis[second, first] = 1.0
        self.basis = np.delete(basis, second, axis=1)
        self.offset = np.zeros(function.n_weights)
        self.offset[first], self.offset[second] = 0.5 * difference, -0.5 * difference
        self.first, self.second = first, second
        self.shapes = ((self.basis.shape[1],),)

    def full(self, held):
        return self.basis @ held + self.offset

    def held(self, weights):
        """Return the weights with the mean of the two neurons."""
        mean = weights.copy()
        mean[self.first] = 0.5 * (weights[self.first] + weights[self.second])
        return np.delete(mean, self.second)

    def value(self, held):
        return self.function.value(self.full(held))

    def gradient(self, held):
        return self.basis.T @ self.function.gradient(self.full(held))

    def hessian(self, held):
        return self.basis.T @ self.function.hessian(self.full(held)) @ self.basis


def _followed(function, start, first, second, n_steps):
    """Return the corners from the start to the middle, of shape (n_steps + 1, n_weights)."""
    difference, corners = start[first] - start[second], [start]
    rng = np.random.default_rng(0)  # for the side on which a saddle of the constrained function is left
    for t in np.linspace(1.0, 0.0, n_steps + 1)[1:]:
        held = _Held(function, first, second, t * difference)
        point = held.held(corners[-1])
        scale = np.abs(np.linalg.eigvalsh(held.hessian(point))).max()
        eps, gamma = MAX_GRADIENT_SHARE * scale, EIGENVALUE_SHARE * scale
        corners.append(held.full(descend(held, point, rng, eps, gamma, MAX_ITER)[0]))
    return np.array(corners)


def _highest_between(function, corners):
    """Return the largest value at places inside the lines between corners."""
    shares = np.arange(1, N_PLACES_PER_STEP)[:, None] / N_PLACES_PER_STEP
    lines = zip(corners[:-1], corners[1:], strict=True)
    return max(function.value(point) for a, b in lines for point in (1.0 - shares) * a + shares * b)


def _exchanged(weights, first, second):
    """Return the weights with the two neurons exchanged."""
    exchanged = weights.copy()
    exchanged[first], exchanged[second] = weights[second], weights[first]
    return exchanged


def _check_places(first, second, n_weights):
    """Return the places of the two neurons as arrays of distinct indices."""
    arrays = [np.asarray(places) for places in (first, second)]
    together = np.concatenate([array.ravel() for array in arrays])
    if (
        any(array.ndim != 1 or array.dtype.kind not in "iu" or array.size == 0 for array in arrays)
        or len(arrays[0]) != len(arrays[1])
        or together.min() < 0
        or together.max() >= n_weights
        or len(np.unique(together)) < len(together)
    ):
        raise InvalidInputError(
            f"first and second must be as many different integers each, from 0 to {n_weights - 1}; got {first!r} and "
            f"{second!r}."
        )
    return arrays
