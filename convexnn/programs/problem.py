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

from .._utils.display import Shown
from .._utils.norms import norms
from .._utils.row_blocks import relu_products, row_blocks
from ..exceptions import InvalidInputError
from ..losses import Loss, make_loss, minimum_norm_fit
from .dual_points import DualPoints
from .evaluation import ROUNDING, is_fitted, objective_above
from .free_span import free_span

LARGEST_SUMMANDS = 1e6  # relative to the largest target: what free terms may add up and still explain a residual
MIN_SINGULAR_VALUE = 1e-12  # relative to the largest; free terms with smaller ones are not fitted


@dataclass(frozen=True, repr=False)
class Problem(DualPoints, Shown):
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

    design: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    beta: float
    free: np.ndarray
    rows: np.ndarray
    n_rows: int
    loss: Loss
    hidden_bias: bool
    fit_intercept: bool
    skip_connection: bool

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the networks."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]

    def beside(self, one_a_row: np.ndarray) -> np.ndarray:
        """Return one number a row in the shape in which it multiplies arrays of the shape of y."""
        return one_a_row if self.y.ndim == 1 else one_a_row[:, None]

    def take(self, rows: np.ndarray, factor: float | np.ndarray) -> Self:
        """Return the problem of some of its rows, their weights multiplied by `factor`."""
        return replace(
            self,
            design=self.design[rows],
            y=self.y[rows],
            weight=factor * self.weight[rows],
            free=self.free[rows],
            rows=self.rows[rows],
            loss=self.loss.take(rows),
        )

    @cached_property
    def free_basis(self) -> np.ndarray:
        """Orthonormal basis of the columns of ``sqrt(weight) free``, of shape (n_samples, rank)."""
        free = self.free.astype(np.float64)
        if self.fit_intercept:  # the same span: what lies far from the origin loses its digits otherwise
            free[:, :-1] -= free[0, :-1]
        columns = np.sqrt(self.weight)[:, None] * free
        sizes = np.abs(columns).max(axis=0, initial=0.0)
        columns = columns[:, sizes > 0] / sizes[sizes > 0]
        basis, values, _ = np.linalg.svd(columns, full_matrices=False)
        return basis[:, values > MIN_SINGULAR_VALUE * values.max(initial=0.0)]

    @cached_property
    def free_span(self) -> Any:
        """The `FreeSpan` of the free terms: what a dual point must be orthogonal to, its rank never cut."""
        return free_span(self.free, self.weight)

    @property
    def has_thin_free_terms(self) -> bool:
        """Whether the free terms span more than what is used where they are fitted."""
        return self.free_span.rank > self.free_basis.shape[1]

    @cached_property
    def row_norms(self) -> np.ndarray:
        """Norms of the rows of the design, of shape (n_samples,)."""
        return np.concatenate([norms(rows) for _, rows in row_blocks(self.design)])

    @cached_property
    def fitting_free_terms(self) -> np.ndarray:
        """The free terms that fit y best in least squares, of shape (n_free,) or (n_free, n_outputs)."""
        root = np.sqrt(self.weight)
        return minimum_norm_fit(root[:, None] * self.free, (root * self.y.T).T)

    @cached_property
    def summands(self) -> np.ndarray:
        """``|y_i|`` and what the free terms that fit y best add up at row i, of the shape of y."""
        size = np.abs(self.y) + np.abs(self.free) @ np.abs(self.fitting_free_terms)
        return np.minimum(size, LARGEST_SUMMANDS * np.abs(self.y).max(axis=0, initial=0.0))

    @cached_property
    def centred(self) -> np.ndarray:
        """The targets less their best fit by the free terms: every dual value may use them instead of y.

        Exactly zero where the free terms fit the targets to rounding.
        """
        return self._off_free_terms(self.y)

    def _off_free_terms(self, values):
        """Residual of the weighted fit of `values` by the free terms, its entries zero below rounding."""
        if self.free_basis.shape[1] == 0:
            return values
        root = self.beside(np.sqrt(self.weight))
        near = values - values[0] if self.fit_intercept else values
        rest = self.project(self.project(root * near))
        rest[np.abs(rest) <= ROUNDING * np.abs(root * values).max(axis=0)] = 0.0
        return rest / root

    def project(self, columns: np.ndarray) -> np.ndarray:
        """Project columns, already multiplied by ``sqrt(weight)``, off the free terms."""
        return columns - self.free_basis @ (self.free_basis.T @ columns)

    def hidden_fits(self, neurons: np.ndarray) -> np.ndarray:
        """Return ``(design neurons^T)_+`` of shape (n_samples, K)."""
        return relu_products(self.design, neurons.T)

    def hidden_fit(self, neurons: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return ``(design neurons^T)_+ outputs``, of the shape of y."""
        blocks = [np.maximum(rows @ neurons.T, 0.0) @ outputs for _, rows in row_blocks(self.design)]
        return np.concatenate(blocks)

    def model(self, hidden_fit: np.ndarray, damping: float = 0.0) -> Self:
        """Return the problem with a squared loss that is this one around `hidden_fit`, to second order and a constant.

        For one output. With the curvatures h and ``nu = -grad L`` its weights are h and its targets ``fit + nu / h``.
        Every row has at least `damping` times the largest curvature there can be, or less where a row weighs much and
        pulls little.
        """
        if self.loss.is_quadratic:
            return self
        fit = hidden_fit + self.free @ self.free_coefficients(hidden_fit)
        nu = self.loss.dual_point(self.y, fit, self.weight)
        least = np.minimum(self.weight, np.abs(nu).mean() / self.loss.typical_slope) * self.loss.largest_curvature
        weight = np.maximum(self.weight * self.loss.curvatures(self.y, fit), damping * least)
        return replace(self, y=fit + nu / weight, weight=weight, loss=make_loss("squared"))

    def gains(self, masks: np.ndarray) -> np.ndarray:
        """Return what multiplies ``design u`` on the cone of each pattern, of the shape of `masks`: 1 or 0."""
        return masks.astype(float)

    def priced(self, dual_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and the entries whose price (see `price`) is that of the dual point: here as they are."""
        return self.design, dual_point

    def free_coefficients(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return the minimum-norm free terms that fit best beside `hidden_fit`: (n_free,) or (n_free, n_outputs)."""
        if self.free.shape[1] == 0:
            return np.zeros((0, *self.y.shape[1:]))
        return self.loss.fit_free(self.y, hidden_fit, self.free, self.weight)

    def free_fit(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return the values of the free terms that fit best beside `hidden_fit`."""
        if self.free.shape[1] == 0:
            return np.zeros_like(hidden_fit)
        return self.free @ self.free_coefficients(hidden_fit)

    @property
    def features(self) -> np.ndarray:
        """The design without the ones column of the hidden bias."""
        return self.design[:, :-1] if self.hidden_bias else self.design

    def objective(self, network: Any) -> float:
        """Return the objective of a `TwoLayerReLU` as it is given, unbalanced or not, in float64.

        A loss that is rounding on every row counts 0: for solvers, which have nothing more to gain there.
        """
        with np.errstate(over="ignore"):
            terms = self.loss.terms(self.y, network.predict(self.features))
            return (0.0 if is_fitted(self, terms) else self.total(terms)) + network.penalty(self.beta)

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

    def spread(self, dual_point: np.ndarray) -> np.ndarray:
        """Return `dual_point` (one entry, or row, per kept row) at the caller's rows, zero at those of weight zero."""
        full = np.zeros((self.n_rows, *self.y.shape[1:]))
        full[self.rows] = dual_point
        return full

    def _shown(self):
        n_samples, n_inputs = self.design.shape
        return type(self).__name__, [
            ("loss", self.loss.name),
            ("beta", f"{self.beta:.6g}"),
            ("rows", str(n_samples)),
            ("inputs", f"{n_inputs} with the bias" if self.hidden_bias else str(n_inputs)),
            ("free terms", str(self.free.shape[1])),
            *([("outputs", str(self.n_outputs))] if self.y.ndim == 2 else []),
        ]
