"""The training problem with several outputs, as data.

Conventions
-----------
Those of `program`, with targets Y (n_samples, n_outputs), output weights ``a_j`` (n_outputs,) and free terms
(n_free, n_outputs). Objective: ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)``, which is at its
minimum ``L(sum_j (design u_j)_+ a_j^T + free B) + beta sum_j ||u_j|| ||a_j||``.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.norms import norms
from .._utils.validation import check_choice, check_design, check_matrix, check_positive, check_weights
from ..exceptions import InvalidInputError
from ..losses.several_outputs import make_matrix_loss
from .evaluation import ROUNDING
from .program import (
    Problem,
    check_is_network,
    check_objective_range,
    is_orthogonal,
    pose,
    without_free_part,
)

VECTOR_LOSSES = ("squared", "huber", "logistic", "squared_hinge", "multinomial")


@dataclass(frozen=True, repr=False)
class VectorProblem(Problem):
    """Checked data, weights, strength and free terms of a problem with several outputs; see `Problem`.

    Attributes
    ----------
    y : ndarray of shape (n_samples, n_outputs)
    loss : ColumnLoss or MultinomialLoss
    """

    @property
    def n_outputs(self):
        """Number of columns of y."""
        return self.y.shape[1]

    def _off_free_terms(self, values):
        """Residual of the weighted fit of the columns by the free terms, its entries zero below rounding."""
        if self.free_basis.shape[1] == 0:
            return values
        root = np.sqrt(self.weight)[:, None]
        near = values - values[0] if self.fit_intercept else values
        rest = self.project(self.project(root * near))
        rest[np.abs(rest) <= ROUNDING * np.abs(root * values).max(axis=0)] = 0.0
        return rest / root

    def dual_point(self, hidden_fit):
        """Return ``-grad L`` at `hidden_fit` plus the free terms that fit best; orthogonal to them."""
        if self.loss.name == "squared":
            return self.weight[:, None] * self._off_free_terms(self.centred - hidden_fit)
        fit = hidden_fit + self.free_fit(hidden_fit)
        dual = self.loss.dual_point(self.y, fit, self.weight)
        if self.loss.name != "multinomial":
            curvatures = self.loss.curve(self.y, fit, self.weight, np.ones_like(fit))
            columns = zip(dual.T, curvatures.T, strict=True)
            dual = np.column_stack([without_free_part(self.free, *column) for column in columns])
        return dual if is_orthogonal(self.free, dual) else np.zeros_like(dual)  # no minimum: zero is always feasible

    def orthogonal(self, dual_point):
        """Return the dual point without its part along the free terms, and the leak; see `Problem.orthogonal`."""
        nu = self.loss.inside(self.y, dual_point, self.weight)
        room = self.weight[:, None] * self.loss.room(self.y, nu / self.weight[:, None])
        if np.all(room == room[:, :1]):  # one metric for all columns
            nu, leak = self.orthogonal_columns(nu, room[:, 0])
        else:
            pairs = [self.orthogonal_columns(nu[:, [k]], room[:, k]) for k in range(self.n_outputs)]
            nu, leak = (np.hstack(part) for part in zip(*pairs, strict=True))
        return nu, self.loss.widened(nu, leak)

    def price_leak(self, leak):
        """Return by how much the price of a matrix within `leak` of a dual point may be above that of the point."""
        return float(np.dot(norms(leak), self.row_norms))

    def free_fit(self, hidden_fit):
        """Return the values of the free terms that fit best beside `hidden_fit`."""
        if self.free.shape[1] == 0:
            return np.zeros_like(hidden_fit)
        return self.free @ self.free_coefficients(hidden_fit)

    def free_coefficients(self, hidden_fit):
        """Return the minimum-norm free terms (n_free, n_outputs) that fit best beside `hidden_fit`."""
        if self.free.shape[1] == 0:
            return np.zeros((0, self.n_outputs))
        return self.loss.fit_free(self.y, hidden_fit, self.free, self.weight)

    def check_network(self, network):
        """Refuse a network that cannot be evaluated on this problem."""
        if network.output_weights.ndim != 2 or network.output_weights.shape[1] != self.n_outputs:
            raise InvalidInputError(
                f"y must have shape (n_samples,) + network.output_weights.shape[1:]; got y of shape {self.y.shape} and "
                f"output_weights of shape {network.output_weights.shape}."
            )
        if network.neurons.shape[1] != self.design.shape[1]:
            raise InvalidInputError(
                f"network and X do not match: the network takes {network.hidden_weights.shape[1]} features, X has "
                f"{self.design.shape[1] - self.hidden_bias}."
            )

    def spread(self, dual_point):
        """Return `dual_point` (one row per kept row) at the caller's rows, zero at those of weight zero."""
        full = np.zeros((self.n_rows, self.n_outputs))
        full[self.rows] = dual_point
        return full


def make_vector_problem(
    X,
    Y,
    beta,
    *,
    hidden_bias=False,
    fit_intercept=False,
    skip_connection=False,
    sample_weight=None,
    loss="squared",
    losses=VECTOR_LOSSES,
    huber_delta=1.35,
):
    """Check the data and return the `VectorProblem` they pose.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    Y : array-like of shape (n_samples, n_outputs)
        Labels are -1 and 1 by column, or one-hot rows for the multinomial loss.
    beta : float
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)``; a sum, no 1/n.
    hidden_bias, fit_intercept, skip_connection : bool
        A penalised bias of the hidden neurons; unpenalised intercepts; unpenalised linear terms.
    sample_weight : array-like of shape (n_samples,), optional
    loss : {"squared", "huber", "logistic", "squared_hinge", "multinomial"}
    huber_delta : float

    Raises
    ------
    ValueError
        For NaN, infinite or complex entries, shapes that do not match, a `beta` that is not above 0, negative
        or all-zero weights, and an unknown loss.
    """
    X = check_design(X)
    Y = check_matrix(Y, X.shape[0], "y")
    beta = check_positive(beta, "beta")
    weight = check_weights(sample_weight, X.shape[0])
    loss = make_matrix_loss(check_choice(loss, "loss", losses), huber_delta=huber_delta)
    check_objective_range(Y.ravel(), np.repeat(weight, Y.shape[1]))
    return pose(VectorProblem, X, Y, weight, beta, loss, (hidden_bias, fit_intercept, skip_connection))


def vector_problem_of(network, X, Y, beta, **options):
    """Return the `VectorProblem` with exactly the terms of `network`; the options are those of `make_vector_problem`.

    Raises
    ------
    TypeError
        When `network` is no `TwoLayerReLU`.
    ValueError
        As `make_vector_problem`.
    """
    check_is_network(network, "network")
    return make_vector_problem(
        X,
        Y,
        beta,
        hidden_bias=network.hidden_bias is not None,
        fit_intercept=network.intercept is not None,
        skip_connection=network.skip_weights is not None,
        **options,
    )
