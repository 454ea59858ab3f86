"""Losses of fits with several outputs: those of `losses` added up over the columns, and the multinomial loss.

Conventions
-----------
Y, fit, dual_point : arrays of shape (n_samples, n_outputs); weight : (n_samples,), positive.
``L(Z) = sum_i w_i l(y_i, z_i)`` over the rows, no 1/n. The dual point is ``N = -grad L(fit)``, and the dual problem is
``max -L*(-N)`` subject to ``||N^T (X u)_+|| <= beta`` on the unit ball and ``Z^T N = 0`` for the free terms.
In the formulas below ``s_i = n_i / w_i`` is a row of N divided by its weight.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, xlog1py

from ..exceptions import InvalidInputError
from ._softmax import row_chances, row_pulls
from .base import DAMPING_OVER_TRACE, MIN_CURVATURE_SHARE, MIN_ROOM, WEIGHT_ROUNDING, sum_rounding
from .fitting import minimum_norm_fit, newton_fit, orthonormal

# Every class of a dual point that is to be proven has a probability of at least 1e-13.
MIN_PROBABILITY = 1e-13
# Below 1e-7 the probability of a class may be one that only infinite free terms reach: zero.
MIN_ATTAINED_PROBABILITY = 1e-7
# Classes without weight are as rare as 1e-32.
MIN_SHARE = 1e-32
# Above 20 classes Hessians of all pairs of classes for every row are too many entries.
MANY_CLASSES = 20
# Up to 6 columns, all their products at once are a small matrix.
MAX_COLUMNS_AT_ONCE = 6


class ColumnLoss:
    """A loss of one output, applied to every column and added up.

    Attributes
    ----------
    loss : Loss
        One of `convexnn.losses`.
    steepness : float
        Bound on the curvatures of a row, for step lengths; infinite where the loss is not smooth.
    bounds, level : (float, float) and float
        Of a loss with kinks: its two slopes, and the quantile of targets that is the best constant.
    """

    def __init__(self, loss):
        self.loss = loss
        self.name, self.labels = loss.name, loss.labels
        self.is_smooth, self.is_strictly_convex = loss.is_smooth, loss.is_strictly_convex
        self.is_quadratic, self.can_vanish = loss.is_quadratic, loss.can_vanish
        self.is_stand_in = loss.is_stand_in
        self.steepness = loss.largest_curvature
        if not loss.is_smooth:
            self.bounds, self.level = loss.bounds, loss.level

    is_separable = True

    @property
    def entries(self):
        """The loss of all entries of Y as one vector."""
        return self.loss.of_entries()

    def value(self, Y, fit, weight):
        """Return L(fit)."""
        return float(np.dot(weight, self.loss.terms(Y, fit).sum(axis=1)))

    def terms(self, Y, fit):
        """Return the loss of every entry, of the shape of Y."""
        return self.loss.terms(Y, fit)

    def dual_point(self, Y, fit, weight):
        """Return ``-grad L(fit)``."""
        return weight[:, None] * self.slopes(Y, fit)

    def slopes(self, Y, fit):
        """Return minus the derivative of the loss of every entry, of the shape of Y."""
        return self.loss.slopes(Y, fit)

    def value_and_dual_point(self, Y, fit, weight):
        """Return L(fit) and ``-grad L(fit)``."""
        return self.value(Y, fit, weight), self.dual_point(Y, fit, weight)

    def curve(self, Y, fit, weight, change):
        """Return the Hessian of L at `fit` times `change`, an array of shape (..., n_samples, n_outputs)."""
        return weight[:, None] * self.curvatures(Y, fit) * change

    def curvatures(self, Y, fit):
        """Return the second derivative of every entry, of the shape of Y."""
        return self.entries.curvatures(Y.ravel(), fit.ravel()).reshape(Y.shape)

    def dual_value(self, Y, dual_point, weight):
        """Return ``-L*(-dual_point)``."""
        return self.entries.dual_value(Y.ravel(), dual_point.ravel(), np.repeat(weight, Y.shape[1]))

    def room(self, Y, s):
        """Return by how much each entry of s may move, about, without leaving the domain."""
        return self.entries.room(Y.ravel(), s.ravel()).reshape(s.shape)

    def inside(self, Y, dual_point, weight):
        """Return the dual point: no entry is moved."""
        return dual_point

    def snapped(self, Y, dual_point, weight):
        """Return the dual point with entries at the end of their domain that are there but for rounding."""
        flat = self.entries.snapped(Y.ravel(), dual_point.ravel(), np.repeat(weight, Y.shape[1]))
        return flat.reshape(dual_point.shape)

    def widened(self, dual_point, leak):
        """Return `leak`: nothing ties the columns."""
        return leak

    def terms_above(self, Y, fit, error):
        """Return bounds on the loss of every entry at every fit that is no further from `fit` than `error`."""
        return self.loss.terms_above(Y, fit, error)

    def dual_value_below(self, Y, dual_point, leak, weight):
        """Return a bound on ``-L*(-N)`` for every N no further from `dual_point` than `leak`, rounding included."""
        flat = Y.ravel(), dual_point.ravel(), leak.ravel(), np.repeat(weight, Y.shape[1])
        return self.entries.dual_value_below(*flat)

    def domain_within(self, Y, dual_point, leak, weight):
        """Return the largest t for which t times every N as in `dual_value_below` is in the domain."""
        flat = Y.ravel(), dual_point.ravel(), leak.ravel(), np.repeat(weight, Y.shape[1])
        return self.entries.domain_within(*flat)

    def best_scale(self, Y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(Y, t * dual_point, weight)``."""
        return self.entries.best_scale(Y.ravel(), dual_point.ravel(), np.repeat(weight, Y.shape[1]), limit)

    def fit_free(self, Y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_B L(hidden_fit + free B)``, of shape (n_free, n_outputs)."""
        pairs = enumerate(zip(Y.T, hidden_fit.T, strict=True))
        columns = [self.loss.of_output(k).fit_free(y, fit, free, weight) for k, (y, fit) in pairs]
        return np.stack(columns, axis=1)

    def fit_masses(self, Y, fits, free, weight, beta, deadline=None):
        """Return ``argmin L(F c + free B) + beta sum(c)`` over ``c >= 0`` and B, as (c, B), by a linear program.

        None when the deadline passes first, and for a loss with kinks only.

        Parameters
        ----------
        fits : ndarray of shape (n_samples, n_outputs, K)
        """
        n_outputs, flat = Y.shape[1], fits.reshape(Y.size, -1)
        every = np.kron(free, np.eye(n_outputs))
        found = self.entries.fit_masses(Y.ravel(), flat, every, np.repeat(weight, n_outputs), beta, deadline)
        return None if found is None else (found[0], found[1].reshape(-1, n_outputs))

    def smoothed(self, centre, spread):
        """Return the smooth loss that stands in for one with kinks."""
        return ColumnLoss(self.loss.smoothed(centre, spread))

    def in_units(self, unit):
        """Return the loss of targets and fits that are divided by `unit`, but for a factor."""
        return ColumnLoss(self.loss.in_units(unit))

    def take(self, rows):
        """Return the loss of some of the rows."""
        return ColumnLoss(self.loss.take(rows))

    def check_targets(self, Y):
        """Refuse targets that the loss is not defined for."""
        self.loss.check_targets(Y.ravel())


class MultinomialLoss:
    """Cross-entropy of the softmax: ``l = log sum_k exp z_k - z_label`` for rows of Y with a one at their label.

    With p the softmax of z the dual row is ``s = y - p``, of sum 0, and ``-l*(-s) = -sum_k p_k log p_k`` for
    ``p = y - s`` in the simplex. A row of the fit counts modulo constants.
    """

    name, labels, is_smooth, is_strictly_convex, steepness = "multinomial", True, True, False, 0.5
    is_quadratic = can_vanish = is_separable = is_stand_in = False

    def value(self, Y, fit, weight):
        """Return L(fit)."""
        return float(np.dot(weight, self.terms(Y, fit)))

    def terms(self, Y, fit):
        """Return the loss of every row, of shape (n_samples,)."""
        return self._terms_and_chances(Y, fit)[0]

    def dual_point(self, Y, fit, weight):
        """Return ``w (y - p)``; the entry of the label is minus the sum of the others, so that rows add up to 0."""
        return self.value_and_dual_point(Y, fit, weight)[1]

    def value_and_dual_point(self, Y, fit, weight):
        """Return L(fit) and ``-grad L(fit)``, from one pass of exponentials."""
        terms, pulls = self._terms_and_chances(Y, fit)
        row_pulls(Y, weight, pulls)
        return float(np.dot(weight, terms)), pulls

    def _terms_and_chances(self, Y, fit):
        terms, chances = np.empty(len(fit)), np.empty(fit.shape)
        row_chances(Y, np.ascontiguousarray(fit), terms, chances)
        return terms, chances

    def curve(self, Y, fit, weight, change):
        """Return the Hessian of L at `fit` times `change`, an array of shape (..., n_samples, n_outputs)."""
        p = self._terms_and_chances(Y, fit)[1]
        spread = p * change
        return weight[:, None] * (spread - p * np.einsum("...c->...", spread)[..., None])

    def hessian(self, Y, fit, weight, design):
        """Return `loss_hessian`, ``sum_i w_i x_i x_i' (x) (diag(p_i) - p_i p_i')``, by products of the size of B."""
        p = self._terms_and_chances(Y, fit)[1]
        n_columns, c = design.shape[1], p.shape[1]
        right = (design[:, :, None] * p[:, None, :]).reshape(len(p), n_columns * c)
        hessian = np.empty((n_columns, c, n_columns, c))
        for own, column in zip(hessian, design.T, strict=True):
            left = (weight * column)[:, None] * p
            own[:] = -(left.T @ right).reshape(c, n_columns, c)
            own[np.arange(c), :, np.arange(c)] += left.T @ design
        return hessian.reshape(n_columns * c, n_columns * c)

    def dual_value(self, Y, dual_point, weight):
        """Return ``-L*(-dual_point)``, -inf outside the domain by more than rounding."""
        p = Y - dual_point / weight[:, None]
        if (
            p.min(initial=0.0) < -WEIGHT_ROUNDING
            or np.abs(p.sum(axis=1) - 1.0).max(initial=0.0) > WEIGHT_ROUNDING * Y.shape[1]
        ):
            return -np.inf
        return float(np.dot(weight, entr(np.clip(p, 0.0, 1.0)).sum(axis=1)))

    def room(self, Y, s):
        """Return the smallest probability of every row, 0 where that is at most `MIN_ROOM`: one metric for all columns.

        A correction in it leaves the sum of every row at 0. Entries of s that are zero have no room.
        """
        least = np.where(s != 0.0, np.abs(Y - s), np.inf).min(axis=1)
        rooms = np.where(least > MIN_ROOM, least, 0.0)[:, None]
        return np.where(s != 0.0, rooms, 0.0)

    def snapped(self, Y, dual_point, weight):
        """Return the dual point with the probabilities at zero that are there but for `MIN_ATTAINED_PROBABILITY`.

        Where free terms separate a class from others the loss has no minimum, and dual points that are orthogonal to
        the free terms have such zeros.
        """
        others = np.where(Y > 0, 0.0, -dual_point / weight[:, None])
        others = np.where(others > MIN_ATTAINED_PROBABILITY, others, 0.0)
        return weight[:, None] * (Y * others.sum(axis=1)[:, None] - others)

    def inside(self, Y, dual_point, weight):
        """Return the dual point with probabilities of at least `MIN_PROBABILITY`, or zero where they are that."""
        others = np.where(
            (Y > 0) | (dual_point == 0.0), 0.0, np.maximum(-dual_point / weight[:, None], MIN_PROBABILITY)
        )
        own = others.sum(axis=1)
        shrink = (1.0 - MIN_PROBABILITY) / np.maximum(own, 1.0 - MIN_PROBABILITY)
        return (weight * shrink)[:, None] * (Y * own[:, None] - others)

    def widened(self, dual_point, leak):
        """Return a leak that leaves room for the sums of the rows, which are 0 but for rounding, to be made 0."""
        n_columns = leak.shape[1]
        sums = np.abs(dual_point.sum(axis=1)) + n_columns * np.finfo(float).eps * np.abs(dual_point).sum(axis=1)
        # Spreading what a row lacks over its entries moves each by (sum + leak) / their number. All of a column may
        # move so, which stays orthogonal to the free terms; where classes fall into groups that are separated from
        # each other, with zeros of other groups in every row, all of a group.
        used = dual_point != 0.0
        kinds = np.unique(used[used.any(axis=1)], axis=0)
        spread = used if np.all(kinds.sum(axis=0) <= 1) else np.ones_like(used)
        return leak + spread * ((sums + leak.sum(axis=1)) / np.maximum(spread.sum(axis=1), 1))[:, None]

    def terms_above(self, Y, fit, error):
        """Return bounds on the loss of every row at every fit that is no further from `fit` than `error`."""
        rounding = 4.0 * np.finfo(float).eps  # the logarithm of a number near 1 has this error
        return self.terms(Y, fit) + 2.0 * error.max(axis=1, initial=0.0) + rounding

    def dual_value_below(self, Y, dual_point, leak, weight):
        """Return a bound on ``-L*(-N)`` for every N no further from `dual_point` than `leak`, rounding included."""
        # Concave terms: no value in between is below the lower of the two ends.
        ends = [self._entropies(Y, (dual_point + side * leak) / weight[:, None]) for side in (-1.0, 1.0)]
        terms = np.minimum(*ends)
        if not np.all(np.isfinite(terms)):
            return -np.inf
        sizes = np.abs(terms) + np.abs(dual_point) / weight[:, None]
        total = np.sum(weight * terms.sum(axis=1)) - sum_rounding(terms.size) * np.sum(weight * sizes.sum(axis=1))
        return float(total)

    def _entropies(self, Y, s):
        """``-p log p`` for ``p = y - s``, -inf where p is negative; accurate where p is near 0 and near 1."""
        p = np.where(Y > 0, 1.0 - s, -s)
        entropies = np.where(Y > 0, -xlog1py(np.maximum(p, 0.0), -np.minimum(s, 1.0)), entr(np.maximum(p, 0.0)))
        return np.where(p >= 0.0, entropies, -np.inf)

    def domain_within(self, Y, dual_point, leak, weight):
        """Return the largest t for which t times every N as in `dual_value_below` is in the domain."""
        low, high = ((dual_point + side * leak) / weight[:, None] for side in (-1.0, 1.0))
        if np.any(np.where(Y > 0, 0.0, high) > 0.0) or np.any(np.where(Y > 0, low, 0.0) < 0.0):
            return 0.0
        return float(1.0 / high[Y > 0].max()) if high[Y > 0].max() > 0.0 else np.inf

    def best_scale(self, Y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(Y, t * dual_point, weight)``."""
        s = dual_point / weight[:, None]
        if np.any(np.where(Y > 0, -s, s) > 0.0) or not np.any(s):
            return 0.0
        own, rest = s[Y > 0], np.where(Y > 0, 0.0, -s)
        # p_label = 1 - t s_label >= 0 bounds t; the other probabilities are t |s_k|.
        end, used = min(limit, 1.0 / own.max()), rest > 0.0

        def slope(t):
            """Derivative along the ray, ``sum_ik w_i s_ik log p_ik``, from inf down to -inf."""
            label = np.log1p(-np.minimum(t * own, 1.0 - 1e-16))
            logs = np.log(np.maximum(t * rest, 1e-300), where=used, out=np.zeros_like(rest))
            return float(np.dot(weight, own * label - np.sum(rest * logs, axis=1)))

        if end <= 0.0 or slope(end) >= 0.0:
            return end
        start = 0.5 * end
        while slope(start) < 0.0:
            start *= 0.5
        return brentq(slope, start, end, xtol=1e-15 * end, rtol=1e-14)

    def fit_free(self, Y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_B L(hidden_fit + free B)``, of shape (n_free, n_outputs).

        Newton's method as for one output; where no minimum is attained it stops far out. The rows of B add up to 0.
        An intercept alone, beside equal rows, gives the classes their shares.
        """
        if free.shape[1] == 1 and np.ptp(free) == 0.0 != free[0, 0] and not np.any(np.ptp(hidden_fit, axis=0)):
            shares = np.maximum(weight @ Y / weight.sum(), MIN_SHARE)
            logits = np.log(shares) - hidden_fit[0]
            return (logits - logits.mean())[None] / free[0, 0]
        basis, n_columns = orthonormal(free), Y.shape[1]
        flat = MIN_CURVATURE_SHARE * self.steepness * weight.max()

        def step(fit, slope):
            hessian = loss_hessian(self, Y, fit, weight, basis)
            damping = DAMPING_OVER_TRACE * np.trace(hessian) + flat
            found = np.linalg.solve(hessian + damping * np.eye(len(slope)), slope)
            return basis @ found.reshape(-1, n_columns)

        def slopes(fit):
            return (basis.T @ self.dual_point(Y, fit, weight)).ravel()

        fit = newton_fit(hidden_fit, lambda fit: self.value(Y, fit, weight), slopes, step)
        # A constant added to all outputs of a row changes nothing: the shortest change has mean zero.
        change = fit - hidden_fit
        columns = [minimum_norm_fit(free, column) for column in (change - change.mean(axis=1)[:, None]).T]
        return np.stack(columns, axis=1)

    def take(self, rows):
        """Return the loss of some of the rows."""
        return self

    def check_targets(self, Y):
        """Refuse targets that are not one-hot rows."""
        if not (np.all((Y == 0.0) | (Y == 1.0)) and np.all(Y.sum(axis=1) == 1.0) and Y.shape[1] > 1):
            strange = int(np.argmax(np.any((Y != 0.0) & (Y != 1.0), axis=1) | (Y.sum(axis=1) != 1.0)))
            raise InvalidInputError(
                f"y must hold one-hot rows of two or more classes for the multinomial loss; got row {Y[strange]}."
            )


def loss_hessian(loss, Y, fit, weight, design):
    """Return the Hessian of ``L(fit + design B)`` in B (p, c), flattened, of shape (p c, p c)."""
    c, p = Y.shape[1], design.shape[1]
    if c > MANY_CLASSES and not loss.is_separable:
        return loss.hessian(Y, fit, weight, design)
    curved = loss.curve(Y, fit, weight, np.repeat(np.eye(c)[:, None], len(fit), axis=1))
    if p <= MAX_COLUMNS_AT_ONCE:
        # sum_i x_i x_i' (x) H_i as one matrix product over the rows.
        products = (design[:, :, None] * design[:, None, :]).reshape(len(fit), p * p)
        hessian = products.T @ curved.transpose(1, 0, 2).reshape(len(fit), c * c)
        return hessian.reshape(p, p, c, c).transpose(0, 3, 1, 2).reshape(p * c, p * c)
    hessian = np.zeros((p, c, p, c))
    for k, l in np.argwhere(np.any(curved != 0.0, axis=1)):
        hessian[:, l, :, k] = design.T @ (curved[k, :, l, None] * design)
    return hessian.reshape(p * c, p * c)
