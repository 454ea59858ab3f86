"""Losses of labels -1 and 1: logistic and squared hinge.

The conventions are those of `base`: in the formulas ``s_i = nu_i / w_i`` and ``p_i = y_i s_i``.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, expit, xlog1py

from .base import MIN_ROOM, Loss, share_of, within

# Dual slopes below 1e-12 of the largest are set to zero: they add nothing to the bound, but leave corrections no room.
MIN_SLOPE_SHARE = 1e-12


class LogisticLoss(Loss):
    """``l = log(1 + exp(-y z))``; ``-l*(-s) = -p log p - (1 - p) log(1 - p)`` for ``0 <= p = y s <= 1``."""

    name, labels, is_strictly_convex, largest_curvature = "logistic", True, True, 0.25
    can_vanish = False

    def terms(self, y, fit):
        """Return ``log(1 + exp(-y z))``."""
        return np.logaddexp(0.0, -y * fit)

    def slopes(self, y, fit):
        """Return ``y / (1 + exp(y z))``."""
        return y * expit(-y * fit)

    def curvatures(self, y, fit):
        """Return ``p (1 - p)``."""
        return expit(fit) * expit(-fit)

    def dual_terms(self, y, s):
        """Return the entropy of p, -inf outside [0, 1]."""
        p = y * s
        entropy = within(p, 0.0, 1.0, lambda p: entr(p) - xlog1py(1.0 - p, -p))
        return np.where(p >= 0.0, entropy, -np.inf)

    def room(self, y, s):
        """Return ``p (1 - p)``, and 0 where that is at most `MIN_ROOM`."""
        room = y * s * (1.0 - y * s)
        return np.where(room > MIN_ROOM, room, 0.0)

    def snapped(self, y, dual_point, weight):
        """Return the dual point with the smallest p set to 0, see `MIN_SLOPE_SHARE`."""
        return _drop_small_slopes(y, dual_point, weight)

    def domain(self, y, s):
        """Return ``1 / max p``, 0 where some p is negative."""
        p = y * s
        return 0.0 if np.any(p < 0.0) else share_of(1.0, p.max(initial=0.0))

    def _stationary_scale(self, y, s, weight, limit):
        p, weight = (y * s)[s != 0.0], weight[s != 0.0]

        def slope(t):
            """Derivative along the ray: ``sum_i w_i p_i log((1 - t p_i) / (t p_i))``, from inf down to -inf."""
            inner = np.clip(t * p, 1e-300, 1.0)
            return float(np.dot(weight * p, np.log1p(-np.minimum(inner, 1.0 - 1e-16)) - np.log(inner)))

        # The derivative falls from inf at 0: where it is still positive at the end, the end is best.
        end = min(limit, 1.0 / p.max())
        if slope(end) >= 0.0:
            return end
        # Bracket the root from below by halving, then Brent.
        start = 0.5 * end
        while slope(start) < 0.0:
            start *= 0.5
        return brentq(slope, start, end, xtol=1e-15 * end, rtol=1e-14)


class SquaredHingeLoss(Loss):
    """``l = max(0, 1 - y z)^2 / 2``; ``-l*(-s) = p - p^2 / 2`` for ``p = y s >= 0``."""

    name, labels = "squared_hinge", True

    def terms(self, y, fit):
        """Return ``max(0, 1 - y z)^2 / 2``."""
        return 0.5 * np.maximum(0.0, 1.0 - y * fit) ** 2

    def slopes(self, y, fit):
        """Return ``y max(0, 1 - y z)``."""
        return y * np.maximum(0.0, 1.0 - y * fit)

    def curvatures(self, y, fit):
        """Return 1 inside the margin and 0 outside."""
        return (y * fit < 1.0).astype(float)

    def dual_terms(self, y, s):
        """Return ``p - p^2 / 2``, -inf where p is negative."""
        p = y * s
        return np.where(p >= 0.0, p - 0.5 * p * p, -np.inf)

    def room(self, y, s):
        """Return p, at most 1, and 0 where that is at most `MIN_ROOM`."""
        return np.where(y * s > MIN_ROOM, np.minimum(y * s, 1.0), 0.0)

    def snapped(self, y, dual_point, weight):
        """Return the dual point with the smallest p set to 0, see `MIN_SLOPE_SHARE`."""
        return _drop_small_slopes(y, dual_point, weight)

    def domain(self, y, s):
        """Return inf, or 0 where some p is negative."""
        return 0.0 if np.any(y * s < 0.0) else np.inf

    def _stationary_scale(self, y, s, weight, limit):
        return np.dot(weight, np.abs(s)) / np.dot(weight * s, s)


def _drop_small_slopes(y, dual_point, weight):
    """A dual point with ``p = y nu / weight`` set to 0 where it is below `MIN_SLOPE_SHARE` of the largest."""
    p = y * dual_point / weight
    return np.where(p > MIN_SLOPE_SHARE * p.max(initial=0.0), dual_point, 0.0)
