"""Critical points of linear networks: a search from random starts, and a label for each of them.

No local minimum of a linear network is worse than the global one, so that every other critical point is a saddle. What
differs is how it is left: along a direction of negative curvature (strict), or, from three matrices on, only along
curves on which the loss falls from the third order on. The second kind is shown by a lower point nearby. It is reached
by a move that leaves the product of the matrices, and so the loss, exactly as it is, and one step down from there:
arbitrarily short moves of this kind end where the gradient is not zero or the curvature is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..._utils.aliases import ArrayLike, Seed
from ..._utils.display import Shown, counted, figure, html_table, text_table
from ..._utils.threads import one_blas_thread
from ..._utils.validation import check_count, check_positive
from ..descent import spawn
from ._linear_saddles import LOWER_RADIUS, PartialRanks, lower_point
from .linear_networks import LinearNetworkLoss, chain

# A point is critical when its gradient is at most 1e-8 of the natural unit.
GRADIENT_SHARE = 1e-8
# At distance delta from a point without curvature the gradient is of order delta^2 and curvatures are of order delta:
# those below 10 times the square root of the gradient, at least 1e-8 units, count as none.
CURVATURE_FACTOR, LEAST_CURVATURE = 10.0, 1e-8
# Values within 1e-11 of 1/2 ||Y||^2 of the least one are global where no direction has negative curvature.
SAME_VALUE = 1e-11
# 20 starts, their sizes in turn these multiples of `start_scale`, each of at most 500 steps.
N_STARTS, START_SCALES, MAX_ITER = 20, (0.5, 1.0, 2.0), 500
# The search stops at gradients of 1e-30 units: where there is no curvature a gradient of 1e-15 is still far away.
GRADIENT_GOAL = 1e-30
# The damping, a share of the largest squared eigenvalue: at first, at least, at most (then the search ends), and what a
# step changes it by. With none a nearly singular Hessian leads far away.
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING, DAMPING_FACTOR = 1e-3, 1e-16, 1e16, 10.0


@dataclass(frozen=True, eq=False, repr=False)
class LinearCriticalPoint(Shown):
    """A point of a `LinearNetworkLoss` and what it is.

    Attributes
    ----------
    weights : ndarray of shape (n_weights,)
    value : float
    kind : str
        ``"not stationary"``; ``"global"``; ``"strict saddle"``: the Hessian has a negative eigenvalue; ``"saddle (not
        strict)"``: it has none, and there is a lower point nearby; ``"undecided"``: no negative eigenvalue and no lower
        point were found, or eigenvalues and ranks contradict each other.
    gradient_norm : float
        In units of ``||Y' X||_2 size^(L-1)``, see `LinearNetworkLoss.size`.
    lambda_min : float
        Smallest eigenvalue of the Hessian.
    direction : ndarray of shape (n_weights,)
        Its unit eigenvector.
    index_set : tuple of int or None
        The principal directions that are fitted; None where the fit is no such set, as at points that are not
        critical, or may be none, with equal eigenvalues.
    rank : int
        Rank of the product.
    middle_rank : int
        Rank of V_(L-1) ... V_2; of the identity with two matrices. Where it is the least hidden width a saddle is
        strict (Kawaguchi, 2016).
    tightened : bool or None
        Whether all pivots are tightened, which makes a saddle that fits the first principal directions not strict
        (Achour et al.); None for other points, and for data that are not `LinearNetworkLoss.is_generic`.
    lower : ndarray of shape (n_weights,) or None
        A lower point near a saddle, within the given radius of it.
    lower_value : float or None
    """

    weights: np.ndarray
    value: float
    kind: str
    gradient_norm: float
    lambda_min: float
    direction: np.ndarray
    index_set: tuple[int, ...] | None
    rank: int
    middle_rank: int
    tightened: bool | None
    lower: np.ndarray | None
    lower_value: float | None

    def _shown(self):
        return f"LinearCriticalPoint: {self.kind}", [
            ("kind", self.kind),
            ("value", figure(self.value)),
            ("fits", _set_text(self.index_set)),
            ("lambda_min", f"{self.lambda_min:.4g}"),
            ("lower value nearby", figure(self.lower_value)),
        ]


@dataclass(frozen=True, eq=False, repr=False)
class LinearCriticalPoints(Shown):
    """Critical points that a search found, one a start, and those starts that ended at none.

    Attributes
    ----------
    points : tuple of LinearCriticalPoint
        By value.
    n_unfinished : int
        Starts whose search ended where the gradient is not zero.
    """

    points: tuple[LinearCriticalPoint, ...]
    n_unfinished: int

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[LinearCriticalPoint]:
        return iter(self.points)

    def _rows(self):
        """Return the names of the columns, and one row for every set of principal directions and kind, as text."""
        groups: dict[tuple, list[float]] = {}
        lowest: dict[tuple | None, float] = {}  # points are sorted: the first of a set
        for point in self.points:
            groups.setdefault((point.index_set, point.kind), []).append(point.value)
            lowest.setdefault(point.index_set, point.value)
        order = sorted(groups, key=lambda group: (lowest[group[0]], group[1]))
        rows = [[figure(lowest[s]), _set_text(s), kind, str(len(groups[s, kind]))] for s, kind in order]
        return ["value", "fits", "kind", "starts"], rows

    def __repr__(self):
        return f"LinearCriticalPoints({counted(len(self), 'critical point')}, {self.n_unfinished} unfinished)"

    def __str__(self):
        return text_table(*self._rows())

    def _repr_html_(self):
        head, rows = self._rows()
        return html_table(repr(self), rows, head)


def linear_critical_points(
    loss: LinearNetworkLoss, *, n_starts: int = N_STARTS, tol: float = GRADIENT_SHARE, random_state: Seed = None
) -> LinearCriticalPoints:
    """Search for critical points from random starts, and say of each what it is.

    From every start damped Newton steps make the gradient smaller (the Levenberg-Marquardt method); saddles attract
    them as minima do. They may end where the gradient is not zero; such ends are counted as unfinished.

    Parameters
    ----------
    loss : LinearNetworkLoss
    n_starts : int
        From `LinearNetworkLoss.random_start`, in turn at half, once and twice its size.
    tol : float
        As in `classify_linear`.
    random_state : int, numpy Generator, SeedSequence or None

    Returns
    -------
    LinearCriticalPoints

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import LinearNetworkLoss, linear_critical_points
    >>> loss = LinearNetworkLoss(np.eye(2), np.diag([2.0, 1.0]), widths=[2, 2])
    >>> found = linear_critical_points(loss, n_starts=12, random_state=0)
    >>> sorted({point.index_set for point in found})
    [(), (0,), (0, 1), (1,)]
    >>> sorted({point.kind for point in found})
    ['global', 'saddle (not strict)', 'strict saddle']
    """
    rngs = spawn(random_state)(check_count(n_starts, "n_starts"))
    found = []
    with one_blas_thread():
        for k, rng in enumerate(rngs):
            start = loss.random_start(rng) * START_SCALES[k % len(START_SCALES)]
            found.append(classify_linear(loss, _stationary_end(loss, start), tol=tol))
    points = sorted((point for point in found if point.kind != "not stationary"), key=lambda point: point.value)
    return LinearCriticalPoints(tuple(points), len(found) - len(points))


def classify_linear(
    loss: LinearNetworkLoss, weights: ArrayLike, *, tol: float = GRADIENT_SHARE, radius: float = LOWER_RADIUS
) -> LinearCriticalPoint:
    """Say what a point of the loss of a linear network is: global, a strict saddle, another saddle, or not critical.

    Parameters
    ----------
    loss : LinearNetworkLoss
    weights : array-like of shape (n_weights,)
    tol : float
        Largest gradient of a critical point, see `LinearCriticalPoint.gradient_norm`.
    radius : float
        How far from a saddle a lower point may be, in units of `LinearNetworkLoss.size`. The fall is of the order of
        radius^L at the worst: from about seven matrices on 0.1 is too short for double precision, and 1 is not.

    Returns
    -------
    LinearCriticalPoint

    Raises
    ------
    ValueError
        For bad input.

    Notes
    -----
    Negative eigenvalues are told from rounding at 10 times the square root of the gradient, at least 1e-8, in units
    of ``||Y' X||_2 size^(L-2)``. The label "strict saddle" rests on the eigenvalue, "saddle (not strict)" on the lower
    point that is returned and, for generic data, on the ranks of partial products as well.

    References
    ----------
    .. [1] K. Kawaguchi, "Deep learning without poor local minima", NIPS 2016.
    .. [2] E. M. Achour, F. Malgouyres, S. Gerchinovitz, "The loss landscape of deep linear neural networks: a
       second-order analysis", JMLR 25, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import LinearNetworkLoss, classify_linear
    >>> shallow, deep = (LinearNetworkLoss(np.eye(2), np.diag([2.0, 1.0]), widths) for widths in ([2], [2, 2]))
    >>> classify_linear(shallow, np.zeros(8)).kind, classify_linear(deep, np.zeros(12)).kind
    ('strict saddle', 'saddle (not strict)')
    """
    tol, matrices = check_positive(tol, "tol"), loss.matrices(weights)
    weights = np.array(weights, dtype=float)
    gradient_unit = _gradient_unit(loss)
    gradient_norm = float(np.linalg.norm(loss.gradient(weights))) / gradient_unit
    eigenvalues, vectors = np.linalg.eigh(loss.hessian(weights))
    rounding = max(CURVATURE_FACTOR * np.sqrt(gradient_norm), LEAST_CURVATURE)
    ranks, value = PartialRanks(loss, matrices, rounding), loss.value(weights)
    index_set = loss.fitted_directions(chain(matrices, loss.layer_widths[0]))
    tightened = _tightened(loss, ranks, index_set)
    strict = bool(eigenvalues[0] < -rounding * gradient_unit / loss.size)
    kind, lower = "not stationary", None
    if gradient_norm <= tol and not strict and value - loss.optimal_value <= SAME_VALUE * loss.value_unit:
        kind = "global"
    elif gradient_norm <= tol:
        lower = lower_point(loss, weights, radius, rounding)
        kind = _saddle_kind(strict, tightened, lower is not None)
    return LinearCriticalPoint(
        weights=weights,
        value=value,
        kind=kind,
        gradient_norm=gradient_norm,
        lambda_min=float(eigenvalues[0]),
        direction=vectors[:, 0],
        index_set=index_set,
        rank=ranks.product,
        middle_rank=ranks.middle,
        tightened=tightened,
        lower=lower,
        lower_value=None if lower is None else loss.value(lower),
    )


def _set_text(index_set):
    """Return the principal directions that are fitted as text."""
    return "no set" if index_set is None else "{" + ", ".join(map(str, index_set)) + "}"


def _saddle_kind(strict, tightened, has_lower):
    """Return the label of a critical point that is not global."""
    if not has_lower or tightened is strict:
        return "undecided"
    return "strict saddle" if strict else "saddle (not strict)"


def _tightened(loss, ranks, index_set):
    """Return whether every pivot is tightened where that says what a saddle is, see `LinearCriticalPoint`."""
    first = index_set is not None and index_set == tuple(range(len(index_set)))
    if not (first and loss.is_generic and len(index_set) < loss.max_rank):
        return None
    return all(len(index_set) in pair for pair in ranks.pivots())


def _stationary_end(loss, start):
    """Return where damped Newton steps to a zero of the gradient end (Levenberg-Marquardt)."""
    weights, gradient, damping = start, loss.gradient(start), FIRST_DAMPING
    for _ in range(MAX_ITER):
        if np.linalg.norm(gradient) <= GRADIENT_GOAL * _gradient_unit(loss) or damping > MOST_DAMPING:
            break
        weights, gradient, damping = _damped_step(loss, weights, gradient, damping)
    return weights


def _damped_step(loss, weights, gradient, damping):
    """Return weights with a smaller gradient, that gradient and the next damping, too large where there are none."""
    eigenvalues, vectors = np.linalg.eigh(loss.hessian(weights))
    slopes, squares = vectors.T @ gradient, eigenvalues**2
    unit = squares.max() or 1.0
    while damping <= MOST_DAMPING:
        tried = weights - vectors @ (eigenvalues * slopes / (squares + damping * unit))
        ahead = loss.gradient(tried)
        if np.linalg.norm(ahead) < np.linalg.norm(gradient):
            return tried, ahead, max(damping / DAMPING_FACTOR, LEAST_DAMPING)
        damping *= DAMPING_FACTOR
    return weights, gradient, damping


def _gradient_unit(loss):
    """Return the natural unit of gradients."""
    return loss.slope_unit * loss.size ** (loss.n_layers - 1)
