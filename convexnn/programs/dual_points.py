"""Dual points of a training problem: from a fit, orthogonal to the free terms, and scaled into a lower bound."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .._utils import double_double as dd
from .._utils.norms import norms
from .evaluation import ROUNDING
from .free_span import free_span

FREE_TOLERANCE = 1e-10  # relative, what Newton's method may leave of a dual point along the free terms
ROUNDED_DOWN = 1.0 - 16 * np.finfo(float).eps  # a bound divided by a price times this is below the true quotient


class DualPoints:
    """What a `Problem` knows of its dual, ``max -L*(-nu)`` subject to a price of at most beta and ``Z^T nu = 0``.

    Dual points have the shape of y.
    """

    def dual_point(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return ``-grad L`` at `hidden_fit` plus the free terms that fit best; orthogonal to them."""
        weight = self.beside(self.weight)
        if self.loss.is_quadratic:
            return weight * self._off_free_terms(self.centred - hidden_fit)
        fit = hidden_fit + self.free_fit(hidden_fit)
        nu = self.loss.dual_point(self.y, fit, self.weight)
        if self.loss.is_separable:
            nu = without_free_part(self.free, nu, weight * self.loss.curvatures(self.y, fit))
        return nu if is_orthogonal(self.free, nu) else np.zeros_like(nu)  # no minimum: zero is always feasible

    def orthogonal(self, dual_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the dual point without its part along the free terms, and the leak: what float64 leaves of that.

        Some real vector is orthogonal to all that the free terms span and differs from the returned point by no more
        than the leak, entry by entry. The point is zero where there is no such vector in the domain.
        """
        for nu in (dual_point, self.loss.snapped(self.y, dual_point, self.weight)):
            nu = self.loss.inside(self.y, nu, self.weight)
            found, leak = self._off_free_span(nu)
            leak = self.loss.widened(found, leak)
            if np.any(found) and self.loss.domain_within(self.y, found, leak, self.weight) > 0.0:
                break
        return found, leak

    def _off_free_span(self, nu):
        """Return a dual point in its domain less its part along the free terms, and the leak."""
        weight = self.beside(self.weight)
        room = (weight * self.loss.room(self.y, nu / weight)).reshape(len(nu), -1)
        columns = nu.reshape(len(nu), -1)
        if np.all(room == room[:, :1]):  # one metric for all columns
            found = self.orthogonal_columns(columns, room[:, 0])
        else:
            pairs = [self.orthogonal_columns(columns[:, [k]], room[:, k]) for k in range(columns.shape[1])]
            found = (np.hstack(part) for part in zip(*pairs, strict=True))
        return tuple(part.reshape(nu.shape) for part in found)

    def orthogonal_columns(self, dual_points: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return columns without their part along the free terms, and the leaks; see `FreeSpan.orthogonal`."""
        found, leaks = self.free_span.orthogonal(dual_points, room)
        used = (room > 0.0) | np.any(dual_points != 0.0, axis=1)
        if np.any(found) or not np.any(dual_points) or np.all(used):
            return found, leaks
        # Rows at the end of their domain stay at zero: what the free terms span on the others is all that counts.
        span = free_span(self.free[used], self.weight[used])
        found[used], leaks[used] = span.orthogonal(dual_points[used], room[used])
        return found, leaks

    def price_leak(self, leak: np.ndarray) -> float:
        """Return by how much the price of a vector within `leak` of a dual point may be above that of the point."""
        return float(np.dot(norms(leak.reshape(len(leak), -1)), self.row_norms))

    @cached_property
    def dual_targets(self) -> np.ndarray:
        """The y of the dual value ``-L*(-nu)``, for a nu that is orthogonal to the free terms.

        Losses of the residual have dual values linear in y: it may be replaced by what is left of it beside any values
        of the free terms, with as many digits however far from 0 the targets are.
        """
        if self.loss.labels or self.free.shape[1] == 0:
            return self.y
        return residual_of(self.y, self.free, self.fitting_free_terms)

    def dual_bound(self, dual_point: np.ndarray, price: float, leak: np.ndarray | None = None) -> tuple[float, float]:
        """Return the best dual value along `dual_point` whose price is at most `price`, and the scale that reaches it.

        The value is a lower bound on the objective of every network, rounding included; it is at least 0, the value at
        scale 0. Without a `leak` (see `orthogonal`) the dual point is taken for orthogonal to the free terms.
        """
        given = self.dual_targets, dual_point, np.zeros_like(dual_point) if leak is None else leak, self.weight
        if leak is not None:
            price = price + self.price_leak(leak)
        with np.errstate(over="ignore"):
            limit = float(np.divide(self.beta, price)) if price > 0 else np.inf
        limit = ROUNDED_DOWN * min(limit, self.loss.domain_within(*given))
        scale = self.loss.best_scale(self.dual_targets, dual_point, self.weight, limit)
        value = self.loss.dual_value_below(given[0], scale * dual_point, scale * given[2], self.weight)
        return (value, scale) if value > 0 else (0.0, 0.0)

    def needed_bound(self, dual_point: np.ndarray) -> float:
        """Return the bound on the price of `dual_point` below which a tighter one would not improve the dual value."""
        scale = self.loss.best_scale(self.dual_targets, dual_point, self.weight, np.inf)
        return self.beta / scale if scale > 0 else self.beta


def residual_of(y, free, coefficients):
    """Return ``y - free coefficients``, rounded once; y and the coefficients may have several columns."""
    targets, factors = y.reshape(len(y), -1), coefficients.reshape(len(coefficients), -1)
    fits = [dd.total(dd.two_product(free.T, column[:, None])) for column in factors.T]
    none = np.zeros(len(y))
    rest = [dd.add((target, none), (-high, -low))[0] for target, (high, low) in zip(targets.T, fits, strict=True)]
    return np.column_stack(rest).reshape(y.shape)


def is_orthogonal(free, dual_point):
    """Whether a dual point is orthogonal to the free terms but for what Newton's method and rounding may leave."""
    size, columns = np.abs(dual_point), np.abs(free)
    rounding = ROUNDING * np.multiply.outer(columns.max(axis=0, initial=0.0), size.sum(axis=0))
    return bool(np.all(np.abs(free.T @ dual_point) <= FREE_TOLERANCE * (columns.T @ size) + rounding))


def without_free_part(free, dual_point, curvatures):
    """Return a dual point less its part along the free terms: what a Newton step of them would make of it.

    The columns of several outputs are taken one by one; `curvatures` has the shape of the dual point.
    Only entries with a curvature change, and none changes sign: those at an end of their domain stay in it. However
    small that part is, a bound is off by as much times the free terms that the best network has, and these may be
    large.
    """
    if free.shape[1] == 0:
        return dual_point
    if dual_point.ndim == 2:
        columns = zip(dual_point.T, curvatures.T, strict=True)
        return np.column_stack([without_free_part(free, *column) for column in columns])
    columns = free / np.maximum(np.abs(free).max(axis=0, initial=0.0), np.finfo(float).tiny)
    gram, answer = (columns.T * curvatures) @ columns, dual_point
    for _ in range(2):
        share = np.linalg.lstsq(gram, columns.T @ answer, rcond=1e-12)[0]
        answer = answer - curvatures * (columns @ share)
    return np.where(answer * dual_point < 0.0, 0.0, answer)
