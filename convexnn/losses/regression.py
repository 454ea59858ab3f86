"""Losses of a residual: squared, Huber, absolute and quantile, and the proximal loss of a kinked one.

The conventions are those of `base`: in the formulas ``s_i = nu_i / w_i``.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from .base import Loss, share_of, within
from .fitting import SMALLEST_FLOAT, column_sizes, minimum_norm_fit, solve_linear_program

# A slope on a bound has the room 1e-6: shrinking the dual point a little makes up for what a correction moves it.
ROOM_ON_BOUND = 1e-6


class _Quadratic:
    """Dual values ``a - b^2 / 2`` along a ray: linear in s, less half its square."""

    def _stationary_scale(self, y, s, weight, limit):
        curvature = float(np.dot(weight * s, s))
        return np.dot(weight * s, y) / curvature if curvature > 0.0 else np.inf


class _Linear:
    """Losses ``max(high r, low r)`` of ``r = y - z``; their dual values are linear in s, ``s y`` for low <= s <= high.

    The gradient is not unique where r is 0: dual points are chosen by linear programs (`convexnn.duality.cuts`).
    """

    def terms(self, y, fit):
        """Return ``max(high r, low r)``."""
        low, high = self.bounds
        return np.maximum(high * (y - fit), low * (y - fit))

    def slopes(self, y, fit):
        """Return high above the fit, low below it and 0 on it."""
        low, high = self.bounds
        return np.where(y > fit, high, np.where(y < fit, low, 0.0))

    def domain(self, y, s):
        """Return the largest t with ``low <= t s <= high``."""
        low, high = self.bounds
        return min(share_of(high, s.max(initial=0.0)), share_of(-low, -s.min(initial=0.0)))

    def room(self, y, s):
        """Return the distance to the nearer bound, relative to that between the bounds, at least `ROOM_ON_BOUND`."""
        low, high = self.bounds
        return np.maximum(np.minimum(high - s, s - low) / (high - low), ROOM_ON_BOUND)

    def fit_free(self, y, hidden_fit, free, weight):
        """Return an ``argmin_b L(hidden_fit + free b)``, of shape (n_free,), by a linear program."""
        if free.shape[1] == 0:
            return np.zeros(0)
        return self.fit_masses(y - hidden_fit, np.zeros((len(y), 0)), free, weight, 0.0)[1]

    def fit_masses(self, y, fits, free, weight, beta, deadline=None):
        """Return ``argmin L(fits c + free b) + beta sum(c)`` over ``c >= 0`` and b, as (c, b), by a linear program.

        None when the deadline passes first.
        """
        (n_samples, n_masses), n_free, (low, high) = fits.shape, free.shape[1], self.bounds
        # HiGHS solves to 1e-9 of the largest numbers: take off the free part of y, and scale all columns to one.
        near = minimum_norm_fit(free, y)
        columns, target = np.hstack([fits, free]), y - free @ near
        sizes, unit = column_sizes(columns), max(np.abs(target).max(), SMALLEST_FLOAT)
        own = np.where(np.arange(len(sizes)) < n_masses, beta, 0.0) / sizes
        # min beta sum(c) + high . r_+ - low . r_- subject to fits c + free b + r_+ - r_- = y, c, r_+, r_- >= 0.
        found = solve_linear_program(
            np.concatenate([own, weight * high, weight * -low]),
            A_eq=sparse.hstack([columns / sizes, sparse.eye(n_samples), -sparse.eye(n_samples)], format="csc"),
            b_eq=target / unit,
            bounds=[(0.0, None)] * n_masses + [(None, None)] * n_free + [(0.0, None)] * (2 * n_samples),
            deadline=deadline,
        )
        if found is None:
            return None
        found = found[: len(sizes)] * (unit / sizes)
        return found[:n_masses], near + found[n_masses:]

    def smoothed(self, centre, spread):
        """Return the `ProximalLoss` that stands in for this one."""
        return ProximalLoss(self.bounds, centre, spread)

    def _stationary_scale(self, y, s, weight, limit):
        # A linear dual value is largest at one end of [0, limit].
        return limit if np.dot(weight * s, y) > 0.0 else 0.0

    def dual_terms(self, y, s):
        """Return ``s_i y_i``, -inf outside the bounds."""
        return within(s, *self.bounds, lambda inner: inner * y)

    def curvatures(self, y, fit):
        """Return zeros."""
        return np.zeros(len(fit))


class SquaredLoss(_Quadratic, Loss):
    """``l = (y - z)^2 / 2``; ``-l*(-s) = s y - s^2 / 2``."""

    name, is_strictly_convex, is_quadratic = "squared", True, True

    def terms(self, y, fit):
        """Return ``(y - z)^2 / 2``."""
        return 0.5 * (y - fit) * (y - fit)

    def slopes(self, y, fit):
        """Return ``y - z``."""
        return y - fit

    def curvatures(self, y, fit):
        """Return ones."""
        return np.ones(len(fit))

    def dual_terms(self, y, s):
        """Return ``s y - s^2 / 2``."""
        return s * y - 0.5 * s * s

    def fit_free(self, y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_b L(hidden_fit + free b)``, of shape (n_free,)."""
        root = np.sqrt(weight)
        return minimum_norm_fit(root[:, None] * free, root * (y - hidden_fit))


@dataclass(frozen=True)
class HuberLoss(_Quadratic, Loss):
    """``l = r^2 / 2`` for ``r = |y - z|`` up to delta, then ``delta r - delta^2 / 2``.

    ``-l*(-s) = s y - s^2 / 2`` for ``|s| <= delta``.
    """

    delta: float = 1.35
    name = "huber"

    @property
    def typical_slope(self):
        """The largest slope, delta."""
        return self.delta

    def in_units(self, unit):
        """Return the loss with delta divided by `unit` too."""
        return HuberLoss(float(self.delta / unit))

    def terms(self, y, fit):
        """Return the quadratic part up to delta and the linear one beyond."""
        size = np.abs(y - fit)
        inner = np.minimum(size, self.delta)
        return inner * (size - 0.5 * inner)

    def slopes(self, y, fit):
        """Return the residual, cut off at delta."""
        return np.clip(y - fit, -self.delta, self.delta)

    def curvatures(self, y, fit):
        """Return 1 up to delta and 0 beyond."""
        return (np.abs(y - fit) <= self.delta).astype(float)

    def secants(self, y, fit):
        """Return 1 up to delta and ``delta / |r|`` beyond."""
        return self.delta / np.maximum(np.abs(y - fit), self.delta)

    def dual_terms(self, y, s):
        """Return ``s y - s^2 / 2``, -inf where ``|s|`` is above delta."""
        return within(s, -self.delta, self.delta, lambda inner: inner * y - 0.5 * inner * inner)

    def room(self, y, s):
        """Return 1 inside the bounds and `ROOM_ON_BOUND` on them."""
        return np.where(np.abs(s) < self.delta, 1.0, ROOM_ON_BOUND)

    def domain(self, y, s):
        """Return ``delta / max |s|``."""
        return share_of(self.delta, np.abs(s).max(initial=0.0))


class AbsoluteLoss(_Linear, Loss):
    """``l = |y - z|``; ``-l*(-s) = s y`` for ``|s| <= 1``."""

    name, is_smooth, largest_curvature, bounds, level = "absolute", False, np.inf, (-1.0, 1.0), 0.5


@dataclass(frozen=True)
class QuantileLoss(_Linear, Loss):
    """``l = q r`` for ``r = y - z >= 0`` and ``(q - 1) r`` below; ``-l*(-s) = s y`` for ``q - 1 <= s <= q``."""

    quantile: float = 0.5
    name, is_smooth, largest_curvature = "quantile", False, np.inf

    @property
    def bounds(self):
        """The domain of s."""
        return self.quantile - 1.0, self.quantile

    @property
    def level(self):
        """The quantile of the targets that is the best constant."""
        return self.quantile


@dataclass(frozen=True, eq=False)
class ProximalLoss(Loss):
    """A smooth stand-in for a loss ``max(high r, low r)``: a proximal step of its dual.

    ``l = max_{low <= s <= high} s r - spread/2 (s - centre)^2``, so that ``-l*(-s) = s y - spread/2 (s - centre)^2``:
    where the dual optimum is the centre, it is that of the loss itself, whatever the spread.

    Attributes
    ----------
    bounds : (float, float)
        low and high.
    centre : ndarray of the shape of y, or 0.0
    spread : float
        In the units of y.
    """

    bounds: tuple
    centre: object
    spread: float
    name, is_stand_in = "proximal", True

    @property
    def largest_curvature(self):
        """``1 / spread``."""
        return 1.0 / self.spread

    def take(self, rows):
        """Return the loss of some of the rows."""
        return self if np.ndim(self.centre) == 0 else replace(self, centre=self.centre[rows])

    def of_entries(self):
        """Return the loss of the entries of several outputs as one vector, row by row."""
        return self if np.ndim(self.centre) == 0 else replace(self, centre=self.centre.ravel())

    def of_output(self, k):
        """Return the loss of one of several outputs."""
        return self if np.ndim(self.centre) == 0 else replace(self, centre=self.centre[:, k])

    def slopes(self, y, fit):
        """Return the maximiser s."""
        return np.clip(self.centre + (y - fit) / self.spread, *self.bounds)

    def terms(self, y, fit):
        """Return the maximum over s."""
        s = self.slopes(y, fit)
        return s * (y - fit) - 0.5 * self.spread * (s - self.centre) ** 2

    def curvatures(self, y, fit):
        """Return 1 / spread between the bounds and 0 on them."""
        low, high = self.bounds
        s = self.centre + (y - fit) / self.spread
        return ((s >= low) & (s <= high)) / self.spread

    def secants(self, y, fit):
        """Return the slope from the centre on, divided by the residual."""
        size = np.maximum(np.abs(y - fit), np.finfo(float).tiny)
        return np.minimum(np.abs(self.slopes(y, fit) - self.centre) / size, 1.0 / self.spread)

    def dual_terms(self, y, s):
        """Return ``s y - spread/2 (s - centre)^2``, -inf outside the bounds."""
        return within(s, *self.bounds, lambda inner: inner * y - 0.5 * self.spread * (inner - self.centre) ** 2)

    def room(self, y, s):
        """Return the distance to the nearer bound, relative to that between the bounds, at least `ROOM_ON_BOUND`."""
        return _Linear.room(self, y, s)

    def domain(self, y, s):
        """Return the largest t with ``low <= t s <= high``."""
        return _Linear.domain(self, y, s)

    def _stationary_scale(self, y, s, weight, limit):
        # d/dt of t s.(y + spread centre) - spread/2 t^2 s.s is zero there.
        return np.dot(weight * s, y + self.spread * self.centre) / (self.spread * np.dot(weight * s, s))
