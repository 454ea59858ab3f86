"""Losses of the fit: value, negative gradient, conjugate and what the dual needs of them.

Conventions
-----------
y, fit, dual_point, weight : arrays of shape (n_samples,); weights are positive.
A loss is a weighted *sum* over the samples, ``L(z) = sum_i w_i l(y_i, z_i)``; there is no 1/n. The dual point is
``nu = -grad L(fit)``, so that the dual problem is ``max -L*(-nu)`` subject to ``|nu^T (X u)_+| <= beta`` on the unit
ball.
In the formulas below ``s_i = nu_i / w_i``, and ``p_i = y_i s_i`` for labels y_i in {-1, 1}.
"""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from scipy import sparse
from scipy.optimize import brentq, linprog
from scipy.special import entr, expit, xlog1py

from ._clock import now
from ._validation import check_choice, check_positive
from .exceptions import InvalidInputError, SolverError

NEWTON_STEPS, SHORTEST, NOISE = 200, 1e-18, 1e-14
STILL, TINY = 1e-16, np.finfo(float).tiny
TIME_IS_UP, SHORT_TIME = 1, 0.05  # a status of linprog; seconds that a linear program has in any case
FLAT = 1e-9  # of the largest curvature: what is assumed where there is none
ROUNDING = 4 * np.finfo(float).eps  # relative, what a product and a quotient with the weights may add
LEAST_ROOM = 1e-6  # on a bound, where scaling by next to nothing makes up for what a correction has moved
DUST = 1e-12  # relative, dual slopes that decide nothing but may stand in the way of a correction
NO_ROOM = 1e-24  # of a dual slope to the end of its domain: corrections are at rounding, and grow with the root of it


class Loss:
    """What every loss has: subclasses give the terms of one sample.

    Attributes
    ----------
    name : str
    labels : bool
        Whether y holds labels in {-1, 1}.
    is_smooth : bool
        Whether the gradient exists everywhere and is Lipschitz continuous.
    is_strictly_convex : bool
        Whether the optimal fit is unique. Where it is not, optimal values, certificates and dual points stand, and the
        description of the optimal set by one fit does not.
    largest_curvature : float
        Lipschitz constant of the derivative of one sample's loss, infinite where it jumps.
    typical_slope : float
        Size of the derivative of one sample's loss where its curvature changes.
    """

    name, labels, is_smooth, is_strictly_convex = "", False, True, False
    largest_curvature = typical_slope = 1.0

    def terms(self, y, fit):
        """Return ``l(y_i, z_i)``."""
        raise NotImplementedError

    def slopes(self, y, fit):
        """Return ``-dl/dz``, or the member of the subdifferential nearest to zero."""
        raise NotImplementedError

    def curvatures(self, y, fit):
        """Return ``d^2 l/dz^2`` where it exists, and one of its one-sided limits elsewhere."""
        raise NotImplementedError

    def secants(self, y, fit):
        """Return the curvatures of parabolas that touch the loss at `fit` and are not below it elsewhere, or nearly."""
        return np.full(len(fit), self.largest_curvature)

    def dual_terms(self, y, s):
        """Return ``-l*(-s_i)``, -inf outside the domain."""
        raise NotImplementedError

    def domain(self, y, s):
        """Return the largest t for which every ``t s_i`` is in the domain, maybe inf; 0 where no t above 0 is."""
        return np.inf

    def value(self, y, fit, weight):
        """Return L(fit)."""
        return float(np.dot(weight, self.terms(y, fit)))

    def dual_point(self, y, fit, weight):
        """Return ``-grad L(fit)``, of shape (n_samples,)."""
        return weight * self.slopes(y, fit)

    def dual_value(self, y, dual_point, weight):
        """Return ``-L*(-dual_point)``."""
        return float(np.dot(weight, self.dual_terms(y, dual_point / weight)))

    def room(self, y, s):
        """Return by how much each s_i may move, about, without leaving the domain: the metric of corrections."""
        return np.ones(len(s))

    def snapped(self, y, dual_point, weight):
        """Return the dual point with entries at the end of their domain that are there but for rounding."""
        return dual_point

    def terms_above(self, y, fit, error):
        """Return bounds on ``l(y_i, z_i)`` for every z that is no further from `fit` than `error`."""
        return np.maximum(self.terms(y, fit - error), self.terms(y, fit + error))

    def dual_value_below(self, y, dual_point, leak, weight):
        """Return a bound on ``-L*(-nu)`` for every nu no further from `dual_point` than `leak`, rounding included.

        The terms are concave: between two points none is below the lower of the two.
        """
        ends = [self.dual_terms(y, (dual_point + side * leak) / weight) for side in (-1.0, 1.0)]
        terms, size = np.minimum(*ends), np.abs(dual_point / weight) + leak / weight
        sizes = size + np.abs(terms) if self.labels else size * (np.abs(y) + size)
        if not np.all(np.isfinite(terms)):
            return -np.inf
        return float(np.sum(weight * terms) - sum_rounding(len(y)) * np.sum(weight * sizes))

    def domain_within(self, y, dual_point, leak, weight):
        """Return the largest t for which t times every nu as in `dual_value_below` is in the domain."""
        return min(self.domain(y, (dual_point + side * leak) / weight) for side in (-1.0, 1.0))

    def best_scale(self, y, dual_point, weight, limit):
        """Return the t in [0, limit] with the largest ``dual_value(y, t * dual_point, weight)``."""
        s = dual_point / weight
        limit = min(limit, self.domain(y, s))
        if limit == 0.0 or not np.any(s):
            return 0.0
        return float(np.clip(self._stationary_scale(y, s, weight, limit), 0.0, limit))

    def _stationary_scale(self, y, s, weight, limit):
        """Return where the dual value along s has its maximum; the caller cuts it off at 0 and at the limit."""
        raise NotImplementedError

    def fit_free(self, y, hidden_fit, free, weight):
        """Return the minimum-norm ``argmin_b L(hidden_fit + free b)``, of shape (n_free,), for a smooth loss.

        Newton's method on an orthonormal basis of the free terms, damped where the loss is flat. Where its full step is
        too long, a step with the curvatures of a parabola above the loss is tried too: far out, where curvatures
        vanish, Newton's directions are poor. Where no minimum is attained, as for labels that the free terms separate,
        it stops far out.
        """
        basis = orthonormal(free)
        flat = FLAT * self.largest_curvature * weight.max()

        def step(curvatures, slope):
            hessian = (basis.T * (weight * curvatures)) @ basis
            damping = 1e-10 * np.trace(hessian) + flat
            return basis @ np.linalg.solve(hessian + damping * np.eye(len(slope)), slope)

        def slopes(fit):
            return basis.T @ self.dual_point(y, fit, weight)

        fit = newton_fit(
            hidden_fit,
            lambda fit: self.value(y, fit, weight),
            slopes,
            lambda fit, slope: step(self.curvatures(y, fit), slope),
            lambda fit, slope: step(self.secants(y, fit), slope),
        )
        return minimum_norm_fit(free, fit - hidden_fit)

    def take(self, rows):
        """Return the loss of some of the rows."""
        return self

    def check_targets(self, y):
        """Refuse targets that the loss is not defined for."""
        if self.labels and not np.all(np.abs(y) == 1.0):
            strange = y[np.abs(y) != 1.0][0]
            raise InvalidInputError(
                f"y must hold labels -1 and 1 only for the {self.name} loss; got {strange:g}. "
                f"np.where(is_second, 1, -1) makes them."
            )


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
        return min(_share(high, s.max(initial=0.0)), _share(-low, -s.min(initial=0.0)))

    def room(self, y, s):
        """Return the distance to the nearer bound, relative to that between the bounds, at least `LEAST_ROOM`."""
        low, high = self.bounds
        return np.maximum(np.minimum(high - s, s - low) / (high - low), LEAST_ROOM)

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
        near = minimum_norm_fit(free, y)  # programs are solved to 1e-9 of their largest numbers
        columns, target = np.hstack([fits, free]), y - free @ near
        sizes, unit = _sizes(columns), max(np.abs(target).max(), TINY)
        own = np.where(np.arange(len(sizes)) < n_masses, beta, 0.0) / sizes
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

    def _stationary_scale(self, y, s, weight, limit):
        return limit if np.dot(weight * s, y) > 0.0 else 0.0

    def dual_terms(self, y, s):
        """Return ``s_i y_i``, -inf outside the bounds."""
        return _within(s, *self.bounds, lambda inner: inner * y)

    def curvatures(self, y, fit):
        """Return zeros."""
        return np.zeros(len(fit))


class SquaredLoss(_Quadratic, Loss):
    """``l = (y - z)^2 / 2``; ``-l*(-s) = s y - s^2 / 2``."""

    name, is_strictly_convex = "squared", True

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
        return _within(s, -self.delta, self.delta, lambda inner: inner * y - 0.5 * inner * inner)

    def room(self, y, s):
        """Return 1 inside the bounds and `LEAST_ROOM` on them."""
        return np.where(np.abs(s) < self.delta, 1.0, LEAST_ROOM)

    def domain(self, y, s):
        """Return ``delta / max |s|``."""
        return _share(self.delta, np.abs(s).max(initial=0.0))


class AbsoluteLoss(_Linear, Loss):
    """``l = |y - z|``; ``-l*(-s) = s y`` for ``|s| <= 1``."""

    name, is_smooth, largest_curvature, bounds = "absolute", False, np.inf, (-1.0, 1.0)


@dataclass(frozen=True)
class QuantileLoss(_Linear, Loss):
    """``l = q r`` for ``r = y - z >= 0`` and ``(q - 1) r`` below; ``-l*(-s) = s y`` for ``q - 1 <= s <= q``."""

    quantile: float = 0.5
    name, is_smooth, largest_curvature = "quantile", False, np.inf

    @property
    def bounds(self):
        """The domain of s."""
        return self.quantile - 1.0, self.quantile


@dataclass(frozen=True, eq=False)
class ProximalLoss(Loss):
    """A smooth stand-in for a loss ``max(high r, low r)``: a proximal step of its dual.

    ``l = max_{low <= s <= high} s r - spread/2 (s - centre)^2``, so that ``-l*(-s) = s y - spread/2 (s - centre)^2``:
    where the dual optimum is the centre, it is that of the loss itself, whatever the spread.

    Attributes
    ----------
    bounds : (float, float)
        low and high.
    centre : ndarray of shape (n_samples,), or 0.0
    spread : float
        In the units of y.
    """

    bounds: tuple
    centre: object
    spread: float
    name = "proximal"

    @property
    def largest_curvature(self):
        """``1 / spread``."""
        return 1.0 / self.spread

    def take(self, rows):
        """Return the loss of some of the rows."""
        return self if np.ndim(self.centre) == 0 else replace(self, centre=self.centre[rows])

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
        return _within(s, *self.bounds, lambda inner: inner * y - 0.5 * self.spread * (inner - self.centre) ** 2)

    def room(self, y, s):
        """Return the distance to the nearer bound, relative to that between the bounds, at least `LEAST_ROOM`."""
        return _Linear.room(self, y, s)

    def domain(self, y, s):
        """Return the largest t with ``low <= t s <= high``."""
        return _Linear.domain(self, y, s)

    def _stationary_scale(self, y, s, weight, limit):
        return np.dot(weight * s, y + self.spread * self.centre) / (self.spread * np.dot(weight * s, s))


class LogisticLoss(Loss):
    """``l = log(1 + exp(-y z))``; ``-l*(-s) = -p log p - (1 - p) log(1 - p)`` for ``0 <= p = y s <= 1``."""

    name, labels, is_strictly_convex, largest_curvature = "logistic", True, True, 0.25

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
        entropy = _within(p, 0.0, 1.0, lambda p: entr(p) - xlog1py(1.0 - p, -p))
        return np.where(p >= 0.0, entropy, -np.inf)

    def room(self, y, s):
        """Return ``p (1 - p)``, and 0 where there is next to none."""
        room = y * s * (1.0 - y * s)
        return np.where(room > NO_ROOM, room, 0.0)

    def snapped(self, y, dual_point, weight):
        """Return the dual point without the p that are next to nothing beside the largest."""
        return _without_dust(y, dual_point, weight)

    def domain(self, y, s):
        """Return ``1 / max p``, 0 where some p is negative."""
        p = y * s
        return 0.0 if np.any(p < 0.0) else _share(1.0, p.max(initial=0.0))

    def _stationary_scale(self, y, s, weight, limit):
        p, weight = (y * s)[s != 0.0], weight[s != 0.0]

        def slope(t):
            """Derivative along the ray: ``sum_i w_i p_i log((1 - t p_i) / (t p_i))``, from inf down to -inf."""
            inner = np.clip(t * p, 1e-300, 1.0)
            return float(np.dot(weight * p, np.log1p(-np.minimum(inner, 1.0 - 1e-16)) - np.log(inner)))

        end = min(limit, 1.0 / p.max())
        if slope(end) >= 0.0:
            return end
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
        """Return p, at most 1, and 0 where there is next to none."""
        return np.where(y * s > NO_ROOM, np.minimum(y * s, 1.0), 0.0)

    def snapped(self, y, dual_point, weight):
        """Return the dual point without the p that are next to nothing beside the largest."""
        return _without_dust(y, dual_point, weight)

    def domain(self, y, s):
        """Return inf, or 0 where some p is negative."""
        return 0.0 if np.any(y * s < 0.0) else np.inf

    def _stationary_scale(self, y, s, weight, limit):
        return np.dot(weight, np.abs(s)) / np.dot(weight * s, s)


def solve_linear_program(costs, deadline=None, **program):
    """Return the solution by HiGHS, None when the deadline passes first; `SolverError` where it finds no optimum."""
    options = {} if deadline is None else {"time_limit": max(SHORT_TIME, deadline - now())}
    result = linprog(costs, method="highs", options=options, **program)
    if result.status not in (0, TIME_IS_UP):  # its presolve has called programs infeasible that are not
        result = linprog(costs, method="highs", options=options | {"presolve": False}, **program)
    if result.status == TIME_IS_UP:
        return None
    if result.status != 0:
        raise SolverError(f"HiGHS found no optimum of a linear program of {len(costs)} variables: {result.message}")
    return result.x


def sum_rounding(n_terms):
    """Return what float64 may add to a sum that NumPy takes in pairs, relative to the sum of the sizes of its terms."""
    return (48.0 + np.log2(1.0 + n_terms)) * np.finfo(float).eps


def _without_dust(y, dual_point, weight):
    """A dual point with ``p = y nu / weight`` set to 0 where it is below `DUST` of the largest."""
    p = y * dual_point / weight
    return np.where(p > DUST * p.max(initial=0.0), dual_point, 0.0)


def _within(values, low, high, function):
    """Return ``function(values)``, -inf where they are outside of [low, high] by more than rounding."""
    slack = ROUNDING * max(abs(low), abs(high))
    inside = (values >= low - slack) & (values <= high + slack)
    return np.where(inside, function(np.clip(values, low, high)), -np.inf)


def _share(bound, largest):
    """Return ``bound / largest`` rounded down, so that multiplying back stays within the bound; inf for 0."""
    if largest == 0.0:
        return np.inf
    share = bound / largest
    while share * largest > bound:
        share = np.nextafter(share, 0.0)
    return float(share)


def _sizes(columns):
    """Return the largest entry of every column, 1 for columns of zeros."""
    sizes = np.abs(columns).max(axis=0, initial=0.0)
    return np.where(sizes > 0, sizes, 1.0)


def orthonormal(columns):
    """Return an orthonormal basis of what the columns span, judged on columns of magnitude one."""
    basis, values, _ = np.linalg.svd(columns / _sizes(columns), full_matrices=False)
    return basis[:, values > 1e-12 * values.max(initial=0.0)]


def newton_fit(fit, value, slopes, newton_step, other_step=None):
    """Return the fit of least value that Newton's method reaches from `fit`.

    Parameters
    ----------
    fit : ndarray
    value, slopes : callables
        The loss at a fit, and minus its gradient in some coordinates.
    newton_step : callable
        The change of the fit that a fit and its slopes ask for.
    other_step : callable, optional
        Another, tried too where the full Newton step is too long; the better end is taken.
    """

    def ahead(step):
        """Return (value, fit, share) at the end of a line search along a step; None if it fails."""
        share, shortest = 1.0, max(SHORTEST, STILL * np.abs(fit).max() / max(np.abs(step).max(), TINY))
        while share > shortest:
            end = fit + share * step
            there = value(end)
            # Near the minimum values differ by rounding only, and slopes tell.
            if there < least * (1.0 - NOISE) or (there <= least * (1.0 + NOISE) and np.linalg.norm(slopes(end)) < size):
                return there, end, share
            share *= 0.5
        return None

    for _ in range(NEWTON_STEPS):
        least, slope = value(fit), slopes(fit)
        size = np.linalg.norm(slope)
        if size == 0.0:
            break
        ends = [ahead(newton_step(fit, slope))]
        if other_step is not None and (ends[0] is None or ends[0][2] < 1.0):
            ends.append(ahead(other_step(fit, slope)))
        ends = [end for end in ends if end is not None]
        if not ends:
            break
        fit = min(ends, key=lambda end: end[0])[1]
    return fit


def minimum_norm_fit(columns, target):
    """Least squares whose rank is judged on columns of magnitude one, however different their scales are.

    The target has shape (n_samples,), or (n_samples, n_outputs) for several at once.
    """
    if target.ndim == 2:
        return np.stack([minimum_norm_fit(columns, one) for one in target.T], axis=1)
    sizes = _sizes(columns)
    left, values, right = np.linalg.svd(columns / sizes, full_matrices=False)
    used = values > 1e-12 * values.max(initial=0.0)
    answer = (right[used].T @ ((left[:, used].T @ target) / values[used])) / sizes
    unseen = right[~used] / sizes  # adding these changes no fit: take the shortest sum
    if len(unseen) == 0:
        return answer
    return answer - unseen.T @ np.linalg.lstsq(unseen.T, answer, rcond=None)[0]


LOSSES = {
    loss.name: loss for loss in (SquaredLoss, HuberLoss, AbsoluteLoss, QuantileLoss, LogisticLoss, SquaredHingeLoss)
}


def make_loss(name, *, huber_delta=1.35, quantile=0.5):
    """Return the loss of that name.

    Parameters
    ----------
    name : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge"}
    huber_delta : float
        Residual from which on the huber loss is linear, in the units of y.
    quantile : float
        In (0, 1): the share of the targets that the quantile loss wants below the fit.

    Raises
    ------
    ValueError
        For an unknown name, and parameters out of range.
    """
    check_choice(name, "loss", tuple(LOSSES))
    if name == "huber":
        return HuberLoss(check_positive(huber_delta, "huber_delta"))
    if name == "quantile":
        if isinstance(quantile, bool) or not isinstance(quantile, Real) or not 0.0 < quantile < 1.0:
            raise InvalidInputError(f"quantile must be above 0 and below 1; got {quantile!r}.")
        return QuantileLoss(float(quantile))
    return LOSSES[name]()
