"""The training problem as data, with one output or several: what every solver and every proof is handed.

Conventions
-----------
design : (n_samples, n_inputs), the data with a ones column appended when the hidden layer has a bias.
y : (n_samples,) for one output, (n_samples, n_outputs) for several.
free : (n_samples, n_free), the columns of the unpenalised linear terms: the data (skip) and then ones (intercept).
Objective: ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)``, which is at its minimum
``L(sum_j (design u_j)_+ a_j^T + free B) + beta sum_j ||u_j|| ||a_j||``. For one output the a_j are numbers, and it is
``L(sum_k s_k (design w_k)_+ + free b) + beta sum_k ||w_k||`` over the signs s_k and the vectors w_k = |a_k| u_k.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from .._utils.norms import norms, unit_rows
from ..exceptions import InvalidInputError
from ..losses import make_loss
from .dual_points import is_orthogonal, residual_of, without_free_part
from .evaluation import is_fitted, objective_above
from .free_span import free_span
from .problem_data import ProblemData

ROUNDING_DOWN_FACTOR = 1.0 - 16 * np.finfo(float).eps  # a bound over a price, times this, is below the true quotient


@dataclass(frozen=True, repr=False)
class Problem(ProblemData):
    """Checked data, weights, strength and free terms of one training problem.

    Attributes
    ----------
    design : ndarray of shape (n_samples, n_inputs)
        Data, with a last column of ones when `hidden_bias`; rows of weight zero are gone.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    beta : float
    free : ndarray of shape (n_samples, n_free)
        Columns of the unpenalised terms: the data when `skip_connection`, then ones when `fit_intercept`.
    rows : ndarray of shape (n_samples,)
        Where each row stands in the caller's X.
    n_rows : int
        Number of rows of the caller's X.
    loss : Loss, or ColumnLoss or MultinomialLoss where y has columns
        One of `convexnn.losses`.
    hidden_bias, fit_intercept, skip_connection : bool
    """

    has_free_bias = False  # whether the hidden bias costs nothing, see `FreeBiasProblem`

    def penalised(self, network: Any) -> Any:
        """Return the network whose weights are those that cost something: here all."""
        return network

    def unit_neurons(self, neurons: np.ndarray) -> np.ndarray:
        """Return neurons divided by what they cost, their norms; zero neurons stay zero."""
        return unit_rows(neurons)[0]

    def dual_point(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return ``-grad L`` at `hidden_fit` plus the free terms that fit best; orthogonal to them."""
        weight = self.beside(self.weight)
        if self.loss.is_quadratic:
            # Squared loss: the residual after the best free terms is the projection of y - fit off them.
            return weight * self._off_free_terms(self.centred - hidden_fit)
        fit = hidden_fit + self.free_fit(hidden_fit)
        nu = self.loss.dual_point(self.y, fit, self.weight)
        if self.loss.is_separable:
            nu = without_free_part(self.free, nu, weight * self.loss.curvatures(self.y, fit))
        if is_orthogonal(self.free, nu):
            return nu
        # No minimum: the classes that free terms separate have probability 0 or 1, and zero is always feasible.
        return self._off_separated_classes(nu)

    def _off_separated_classes(self, nu):
        """Return a dual point with zeros where it is not orthogonal to the free terms."""
        if not self.loss.is_separable:
            return self.orthogonal(nu)[0]
        columns = nu.reshape(len(nu), -1)
        kept = [is_orthogonal(self.free, column) for column in columns.T]
        return np.where(kept, columns, 0.0).reshape(nu.shape)

    def orthogonal(self, dual_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the dual point without its part along the free terms, and the leak: what float64 leaves of that.

        Some real vector is orthogonal to all that the free terms span and differs from the returned point by no more
        than the leak, entry by entry. The point is zero where there is no such vector in the domain.
        """
        # The second try starts from a point whose entries near an end of their domain have been put there.
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
        # Entries move in proportion to the room in their domain, so that those at an end of it stay.
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
        # max_u |leak^T (X u)_+| <= sum_i ||leak_i|| ||x_i||.
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
        # t <= beta / U, and inside the domain of L*; a little less, so that rounding is on the safe side.
        with np.errstate(over="ignore"):
            limit = float(np.divide(self.beta, price)) if price > 0 else np.inf
        limit = ROUNDING_DOWN_FACTOR * min(limit, self.loss.domain_within(*given))
        # The t of the largest dual value -L*(-t nu); 0, the value at t = 0, is always valid.
        scale = self.loss.best_scale(self.dual_targets, dual_point, self.weight, limit)
        with np.errstate(invalid="ignore"):  # an infinite scale of tiny data gives NaN, which proves nothing
            value = self.loss.dual_value_below(given[0], scale * dual_point, scale * given[2], self.weight)
        return (value, scale) if value > 0 else (0.0, 0.0)

    def needed_bound(self, dual_point: np.ndarray) -> float:
        """Return the bound on the price of `dual_point` below which a tighter one would not improve the dual value."""
        scale = self.loss.best_scale(self.dual_targets, dual_point, self.weight, np.inf)
        return self.beta / scale if scale > 0 else self.beta

    def model(self, hidden_fit: np.ndarray, damping: float = 0.0) -> Self:
        """Return the problem with a squared loss that is this one around `hidden_fit`, to second order and a constant.

        For one output. With the curvatures h and ``nu = -grad L`` its weights are h and its targets ``fit + nu / h``.
        Every row has at least `damping` times the largest curvature there can be, or less where a row weighs much and
        pulls little.
        """
        if self.loss.is_quadratic:
            return self
        # h/2 (z - fit - nu/h)^2 has the gradient -nu and the curvature h at z = fit.
        fit = hidden_fit + self.free @ self.free_coefficients(hidden_fit)
        nu = self.loss.dual_point(self.y, fit, self.weight)
        least = np.minimum(self.weight, np.abs(nu).mean() / self.loss.typical_slope) * self.loss.largest_curvature
        weight = np.maximum(self.weight * self.loss.curvatures(self.y, fit), damping * least)
        return replace(self, y=fit + nu / weight, weight=weight, loss=make_loss("squared"))

    def objective(self, network: Any) -> float:
        """Return the objective of a `TwoLayerReLU` as it is given, unbalanced or not, in float64.

        A loss that is rounding on every row counts 0: for solvers, which have nothing more to gain there.
        """
        with np.errstate(over="ignore"):
            terms = self.loss.terms(self.y, network.predict(self.features))
            loss = 0.0 if is_fitted(self, terms) else self.total(terms)
            return loss + self.penalised(network).penalty(self.beta)

    def objective_above(self, network: Any) -> tuple[float, float]:
        """Return the objective in exact arithmetic, rounded up, and the loss in it if that is rounding on every row."""
        return objective_above(self, network)

    def total(self, terms: np.ndarray) -> float:
        """Return the weighted sum of the loss of every entry of y, or of every row."""
        return float(np.dot(self.weight, terms if terms.ndim == 1 else terms.sum(axis=1)))

    def check_network(self, network: Any) -> None:
        """Refuse a network that cannot be evaluated on this problem."""
        if network.output_weights.shape[1:] != self.y.shape[1:]:
            wanted = "one output" if self.y.ndim == 1 else f"{self.y.shape[1]} outputs"
            raise InvalidInputError(
                f"network must have {wanted} for y of shape {self.y.shape}; got output_weights of shape "
                f"{network.output_weights.shape}: y must have shape (n_samples,) + output_weights.shape[1:]."
            )
        if network.neurons.shape[1] != self.design.shape[1]:
            raise InvalidInputError(
                f"network and X do not match: the network takes {network.hidden_weights.shape[1]} features, X has "
                f"{self.design.shape[1] - self.hidden_bias}."
            )

    def check_terms(self, network: Any, name: str = "network", like: str = "the problem") -> None:
        """Refuse a network that cannot be evaluated on this problem, or has other terms than it; `like` names it."""
        for term, value, present in (
            ("hidden_bias", network.hidden_bias, self.hidden_bias),
            ("intercept", network.intercept, self.fit_intercept),
            ("skip_weights", network.skip_weights, self.skip_connection),
        ):
            if (value is not None) != present:
                verb = "have" if present else "not have"
                raise InvalidInputError(f"{name} must {verb} {term}, like {like}; got {network}.")
        self.check_network(network)
