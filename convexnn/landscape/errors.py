"""How many rows change sides between two networks: the barrier in the error, located exactly.

On a straight line in the weights every ``(x_i^T u_j)_+ alpha_j`` is a polynomial of degree 2 between two kinks, and so
is the value at a row: the t at which it changes its sign are roots of quadratics, not samples.
"""

from __future__ import annotations

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.validation import check_count, check_design, check_vector, check_weights
from ..exceptions import InvalidInputError
from ..losses import make_loss
from ..network import TwoLayerReLU
from ._weight_space import MAX_ACTIVATIONS
from .barriers import Barrier, quadratic_roots
from .matching import check_pair, check_same_terms

# Shorter stretches of the line are rounding of one t.
SHORTEST_PIECE = 1e-9


def error_barrier(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    n_points: int = 101,
) -> Barrier:
    """Measure the barrier in the classification error on the straight line, in the weights, between two networks.

    With ``e(t)`` the share of the rows that the network ``(1 - t) a + t b`` puts into the wrong class, the barrier is
    ``sup_t e(t) - (1 - t) e(0) - t e(1)``. [1]_ The rows may be other ones than those of the training, as for a test
    error. It depends on the order of the neurons and on how they are balanced.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Of one shape and the same terms, with one output, whose sign is the class (a value of 0 is the class -1, as for
        `ConvexReLUClassifier`).
    X : array-like of shape (n_samples, n_inputs)
    y : array-like of shape (n_samples,)
        Labels -1 and 1.
    sample_weight : array-like of shape (n_samples,), optional
        The error is the share of the weight.
    n_points : int
        Points of the line in the record.

    Returns
    -------
    Barrier
        Of the error instead of the objective, and exact: every t at which a row changes sides is a root of a
        quadratic. The error jumps there; `where` is the t at which the excess is approached. A value that touches
        0 at a single t, without a change of sides, does not count, and neither does what lasts less than 1e-9 of
        the line.

    Raises
    ------
    ValueError
        For bad input, and for networks of different shapes or of several outputs.

    References
    ----------
    .. [1] J. Frankle, G. K. Dziugaite, D. M. Roy, M. Carbin, "Linear mode connectivity and the lottery ticket
       hypothesis", ICML 2020, section 2.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import error_barrier
    >>> a = TwoLayerReLU([[1], [-1]], [1, 1], intercept=-0.5)
    >>> error_barrier(a, a.permuted([1, 0]), [[-1], [1]], [1, 1])  # the two neurons cancel on the way
    Barrier(1 at t = 0.25, rise 1, exact)
    """
    line = _Line(a, b, X, y, sample_weight)
    ts = np.linspace(0.0, 1.0, check_count(n_points, "n_points", minimum=2))
    values = line.errors(ts)
    starts, stops, errors = line.pieces()
    # Rows that change sides together have roots that differ by rounding: what lies between them is no piece.
    long = stops - starts > SHORTEST_PIECE
    starts, stops, errors = starts[long], stops[long], errors[long]
    # The error is constant on a piece: its excess over the line between the ends is largest at one of the limits.
    limits = np.column_stack([starts, stops])
    excess = errors[:, None] - (1.0 - limits) * values[0] - limits * values[-1]
    best = np.unravel_index(excess.argmax(), excess.shape)
    peak = max(errors.max(), values[0], values[-1])
    return Barrier(max(0.0, float(excess[best])), float(limits[best]), float(peak), True, ts, values)


class _Line:
    """The networks between two, and the rows that they put into the wrong class."""

    def __init__(self, a, b, X, y, sample_weight):
        check_pair(a, b)
        _check_one_output(a)
        check_same_terms(a, b)
        X = check_design(X)
        self.labels = check_vector(y, len(X), "y")
        make_loss("logistic").check_targets(self.labels)
        weight = check_weights(sample_weight, len(X))
        self.share = weight / weight.sum()
        # Bounds of the line for every row and neuron, (n_samples, width), every output and every free term.
        self.preactivations = [_preactivations(network, X) for network in (a, b)]
        self.outputs = [network.output_weights for network in (a, b)]
        self.free = [_free_values(network, X) for network in (a, b)]

    def wrong(self, ts):
        """Whether every row is in the wrong class at its own `ts`, (n_samples, n_points), as the result."""
        return np.where(self.labels[:, None] > 0, self.values(ts) <= 0, self.values(ts) > 0)

    def values(self, ts):
        """Return the value at every row, at its own `ts`, of shape (n_samples, n_points)."""
        step = max(1, MAX_ACTIVATIONS // max(1, ts.shape[1] * len(self.outputs[0])))
        starts = range(0, len(ts), step)
        return np.vstack([self._values(slice(start, start + step), ts[start : start + step]) for start in starts])

    def _values(self, rows, ts):
        first, last = (part[rows][:, None, :] for part in self.preactivations)
        shares = ts[:, :, None]
        hidden = np.maximum((1.0 - shares) * first + shares * last, 0.0)
        outputs = (1.0 - shares) * self.outputs[0] + shares * self.outputs[1]
        free = [part[rows][:, None] for part in self.free]
        return np.sum(hidden * outputs, axis=2) + (1.0 - ts) * free[0] + ts * free[1]

    def errors(self, ts):
        """Return the error at every one of `ts`."""
        return self.share @ self.wrong(np.tile(ts, (len(self.share), 1)))

    def pieces(self):
        """Return the starts and ends of the open pieces on which the error is constant, and the errors there."""
        points = self._sides()
        middles = 0.5 * (points[:, :-1] + points[:, 1:])
        wrong = self.wrong(middles)
        # A row that changes sides between two of its pieces moves the error, at the point between them, by its share.
        rows, places = np.nonzero(wrong[:, 1:] != wrong[:, :-1])
        jumps = self.share[rows] * np.where(wrong[rows, places + 1], 1.0, -1.0)
        ts, where = np.unique(points[rows, places + 1], return_inverse=True)
        errors = self.share @ wrong[:, 0] + np.append(0.0, np.cumsum(np.bincount(where, jumps, len(ts))))
        return np.append(0.0, ts), np.append(ts, 1.0), errors

    def _sides(self):
        """Return, for every row in order, 0, 1 and the t at which its value may change its sign or its formula."""
        first, last = self.preactivations
        with np.errstate(divide="ignore", invalid="ignore"):
            kinks = first / (first - last)
        kinks = np.where((kinks > 0.0) & (kinks < 1.0), kinks, 1.0)  # none: once more the end
        ends = np.tile([0.0, 1.0], (len(kinks), 1))
        breaks = np.sort(np.hstack([ends, kinks]), axis=1)
        return np.sort(np.hstack([breaks, self._roots(breaks[:, :-1], breaks[:, 1:])]), axis=1)

    def _roots(self, starts, stops):
        """Return the roots of the quadratic on every piece, or its end where there is none, (n_samples, 2 n_pieces)."""
        low, middle, high = (self.values((1.0 - share) * starts + share * stops) for share in (0.0, 0.5, 1.0))
        square, linear = 2.0 * (low - 2.0 * middle + high), 4.0 * middle - 3.0 * low - high
        shares = quadratic_roots(low, linear, square)
        shares = np.where((shares > 0.0) & (shares < 1.0), shares, 1.0)
        return np.hstack(starts + shares * (stops - starts))


def _preactivations(network, X):
    bias = 0.0 if network.hidden_bias is None else network.hidden_bias
    return X @ network.hidden_weights.T + bias


def _free_values(network, X):
    values = np.zeros(len(X)) if network.skip_weights is None else X @ network.skip_weights
    return values if network.intercept is None else values + network.intercept


def _check_one_output(network):
    if network.output_weights.ndim != 1:
        raise InvalidInputError(f"a must have one output, whose sign is the class; got {network}.")
