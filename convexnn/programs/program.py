"""The training problem as data: what every solver and every proof is handed.

Conventions
-----------
design : (n_samples, n_inputs), the data with a ones column appended when the hidden layer has a bias.
free : (n_samples, n_free), the columns of the unpenalised linear terms: the data (skip) and then ones (intercept).
Objective: ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, which is at its minimum
``L(sum_k s_k (design w_k)_+ + free b) + beta sum_k ||w_k||`` over the signs s_k and the vectors w_k = |alpha_k| u_k.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from .._utils import double_double as dd
from .._utils.aliases import ArrayLike, LossName
from .._utils.display import Shown
from .._utils.norms import norms
from .._utils.row_blocks import relu_products, row_blocks
from .._utils.validation import check_choice, check_design, check_positive, check_vector, check_weights
from ..exceptions import InvalidInputError
from ..losses import LOSSES, Loss, make_loss, minimum_norm_fit
from ..network import TwoLayerReLU
from .evaluation import ROUNDING, is_fitted, objective_above
from .free_span import free_span

FREE_TOLERANCE = 1e-10  # relative, what Newton's method may leave of a dual point along the free terms
OPTIONS = ("sample_weight", "loss", "huber_delta", "quantile", "losses")  # of a problem; the last is not the user's
LARGEST_SUMMANDS = 1e6  # relative to the largest target: what free terms may add up and still explain a residual
STRICTLY = 1.0 - 16 * np.finfo(float).eps  # a bound divided by a price, rounded down


@dataclass(frozen=True, repr=False)
class Problem(Shown):
    """Checked data, weights, strength and free terms of one training problem.

    Attributes
    ----------
    design : ndarray of shape (n_samples, n_inputs)
        Data, with a last column of ones when `hidden_bias`; rows of weight zero are gone.
    y, weight : ndarray of shape (n_samples,)
    beta : float
    free : ndarray of shape (n_samples, n_free)
        Columns of the unpenalised terms: the data when `skip_connection`, then ones when `fit_intercept`.
    rows : ndarray of shape (n_samples,)
        Where each row stands in the caller's X.
    n_rows : int
        Number of rows of the caller's X.
    loss : Loss
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
        return basis[:, values > 1e-12 * values.max(initial=0.0)]

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
        root = np.sqrt(self.weight)
        near = values - values[0] if self.fit_intercept else values
        rest = self.project(self.project(root * near))
        rest[np.abs(rest) <= ROUNDING * np.abs(root * values).max()] = 0.0
        return rest / root

    def project(self, columns: np.ndarray) -> np.ndarray:
        """Project columns, already multiplied by ``sqrt(weight)``, off the free terms."""
        return columns - self.free_basis @ (self.free_basis.T @ columns)

    def hidden_fits(self, neurons: np.ndarray) -> np.ndarray:
        """Return ``(design neurons^T)_+`` of shape (n_samples, K)."""
        return relu_products(self.design, neurons.T)

    def hidden_fit(self, neurons: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return ``(design neurons^T)_+ outputs`` of shape (n_samples,)."""
        blocks = [np.maximum(rows @ neurons.T, 0.0) @ outputs for _, rows in row_blocks(self.design)]
        return np.concatenate(blocks)

    def gains(self, masks: np.ndarray) -> np.ndarray:
        """Return what multiplies ``design u`` on the cone of each pattern, of the shape of `masks`: 1 or 0."""
        return masks.astype(float)

    def priced(self, dual_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and the entries whose price (see `price`) is that of the dual point: here as they are."""
        return self.design, dual_point

    def dual_point(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return ``-grad L`` at `hidden_fit` plus the free terms that fit best; orthogonal to them."""
        if self.loss.name == "squared":
            return self.weight * self._off_free_terms(self.centred - hidden_fit)
        fit = hidden_fit + self.free @ self.free_coefficients(hidden_fit)
        nu = self.loss.dual_point(self.y, fit, self.weight)
        nu = without_free_part(self.free, nu, self.weight * self.loss.curvatures(self.y, fit))
        return nu if is_orthogonal(self.free, nu) else np.zeros(len(nu))  # no minimum: zero is always feasible

    def model(self, hidden_fit: np.ndarray, damping: float = 0.0) -> Self:
        """Return the problem with a squared loss that is this one around `hidden_fit`, to second order and a constant.

        With the curvatures h and ``nu = -grad L`` its weights are h and its targets ``fit + nu / h``. Every row has at
        least `damping` times the largest curvature there can be, or less where a row weighs much and pulls little.
        """
        if self.loss.name == "squared":
            return self
        fit = hidden_fit + self.free @ self.free_coefficients(hidden_fit)
        nu = self.loss.dual_point(self.y, fit, self.weight)
        least = np.minimum(self.weight, np.abs(nu).mean() / self.loss.typical_slope) * self.loss.largest_curvature
        weight = np.maximum(self.weight * self.loss.curvatures(self.y, fit), damping * least)
        return replace(self, y=fit + nu / weight, weight=weight, loss=make_loss("squared"))

    def orthogonal(self, dual_point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the dual point without its part along the free terms, and the leak: what float64 leaves of that.

        Some real vector is orthogonal to all that the free terms span and differs from the returned point by no more
        than the leak, entry by entry. The point is zero where there is no such vector in the domain.
        """
        for nu in (dual_point, self.loss.snapped(self.y, dual_point, self.weight)):
            room = self.weight * self.loss.room(self.y, nu / self.weight)
            found, leaks = self.orthogonal_columns(nu[:, None], room)
            nu, leak = found[:, 0], leaks[:, 0]
            if np.any(nu) and self.loss.domain_within(self.y, nu, leak, self.weight) > 0.0:
                break
        return nu, leak

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
        return float(np.dot(leak, self.row_norms))

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
        limit = STRICTLY * min(limit, self.loss.domain_within(*given))
        scale = self.loss.best_scale(self.dual_targets, dual_point, self.weight, limit)
        value = self.loss.dual_value_below(given[0], scale * dual_point, scale * given[2], self.weight)
        return (value, scale) if value > 0 else (0.0, 0.0)

    def needed_bound(self, dual_point: np.ndarray) -> float:
        """Return the bound on the price of `dual_point` below which a tighter one would not improve the dual value."""
        scale = self.loss.best_scale(self.dual_targets, dual_point, self.weight, np.inf)
        return self.beta / scale if scale > 0 else self.beta

    def free_coefficients(self, hidden_fit: np.ndarray) -> np.ndarray:
        """Return the minimum-norm free terms that fit best beside `hidden_fit`."""
        return self.loss.fit_free(self.y, hidden_fit, self.free, self.weight)

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
        if network.output_weights.ndim != 1:
            raise InvalidInputError(
                f"network must have one output; got output_weights of shape {network.output_weights.shape}."
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
        """Return `dual_point` (one entry per kept row) at the caller's rows, zero at those of weight zero."""
        full = np.zeros(self.n_rows)
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
        ]


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

    Only entries with a curvature change, and none changes sign: those at an end of their domain stay in it. However
    small that part is, a bound is off by as much times the free terms that the best network has, and these may be
    large.
    """
    if free.shape[1] == 0:
        return dual_point
    columns = free / np.maximum(np.abs(free).max(axis=0, initial=0.0), np.finfo(float).tiny)
    gram, answer = (columns.T * curvatures) @ columns, dual_point
    for _ in range(2):
        share = np.linalg.lstsq(gram, columns.T @ answer, rcond=1e-12)[0]
        answer = answer - curvatures * (columns @ share)
    return np.where(answer * dual_point < 0.0, 0.0, answer)


def check_objective_range(y, weight):
    """Refuse targets whose squared norm leaves float64."""
    with np.errstate(over="ignore"):
        if not np.isfinite(np.dot(weight * y, y)):
            raise InvalidInputError(
                f"y is too large: its weighted sum of squares overflows float64 (largest entry "
                f"{np.abs(y).max():g}). Divide y and beta by the same number."
            )


def refuse_outputs(y):
    """Refuse targets of several outputs, with the reason: what is known of one output does not hold for them."""
    if np.ndim(y) == 2 and len(y) > 0:
        if np.shape(y)[1] == 1:
            raise InvalidInputError(f"y must have shape (n_samples,) here; got shape {np.shape(y)}. Pass a flat array.")
        raise InvalidInputError(
            f"y must have shape (n_samples,) here; got shape {np.shape(y)}. With several outputs the optimal networks "
            f"are in general no polytope, and a pattern may hold many optimal directions: their set, its vertices and "
            f"its paths are not described (it is connected from width n_samples * n_outputs + 1 on). Train such "
            f"networks with ConvexReLURegressor or ConvexReLUClassifier, and judge them with certify."
        )


def make_problem(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    hidden_bias: bool = False,
    fit_intercept: bool = False,
    skip_connection: bool = False,
    sample_weight: ArrayLike | None = None,
    loss: LossName = "squared",
    losses: tuple[str, ...] = tuple(LOSSES),
    huber_delta: float = 1.35,
    quantile: float = 0.5,
) -> Problem:
    """Check the data and return the `Problem` they pose; `losses` are the names that the caller can deal with.

    Raises
    ------
    ValueError
        For NaN, infinite or complex entries, shapes that do not match, a `beta` that is not above 0, negative
        or all-zero weights, and an unknown loss.
    """
    X = check_design(X, keep_single=True)
    refuse_outputs(y)
    y = check_vector(y, X.shape[0], "y")
    beta = check_positive(beta, "beta")
    weight = check_weights(sample_weight, X.shape[0])
    loss = make_loss(check_choice(loss, "loss", losses), huber_delta=huber_delta, quantile=quantile)
    check_objective_range(y, weight)
    return pose(Problem, X, y, weight, beta, loss, (hidden_bias, fit_intercept, skip_connection))


def pose(kind, X, y, weight, beta, loss, terms):
    """Return the problem, an instance of `kind`, of checked data; `terms` are the three flags, bias first."""
    hidden_bias, fit_intercept, skip_connection = map(bool, terms)
    rows = np.flatnonzero(weight > 0)
    loss.check_targets(y[rows])
    ones = np.ones((X.shape[0], 1))
    design = np.hstack([X, ones.astype(X.dtype)]) if hidden_bias else X
    free = np.hstack(([X] if skip_connection else []) + ([ones] if fit_intercept else []) + [ones[:, :0]])
    return kind(
        design if len(rows) == len(design) else design[rows],
        y[rows],
        weight[rows],
        beta,
        np.ascontiguousarray(free[rows]),
        rows,
        X.shape[0],
        loss,
        hidden_bias,
        fit_intercept,
        skip_connection,
    )


def problem_of(network, X, y, beta, **options):
    """Return the `Problem` that has exactly the terms that `network` has; the options are those of `make_problem`.

    Raises
    ------
    TypeError
        When `network` is no `TwoLayerReLU`, and for an unknown option.
    ValueError
        As `make_problem`.
    """
    check_is_network(network, "network")
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        raise TypeError(f"{unknown[0]} is no argument here; the options are {', '.join(OPTIONS[:-1])}.")
    return make_problem(
        X,
        y,
        beta,
        hidden_bias=network.hidden_bias is not None,
        fit_intercept=network.intercept is not None,
        skip_connection=network.skip_weights is not None,
        **options,
    )


def check_is_network(network, name):
    """Refuse what is no `TwoLayerReLU`."""
    if not isinstance(network, TwoLayerReLU):
        advice = ""
        if hasattr(network, "network_"):
            advice = " Pass its network_."
        elif hasattr(network, "coefs_"):
            advice = " convexnn.exchange.from_sklearn_mlp makes one of it."
        elif hasattr(network, "steps"):
            advice = " Pass that of its last step, and the data as the step before hands them on."
        raise TypeError(f"{name} must be a TwoLayerReLU; got {type(network).__name__}.{advice}")
