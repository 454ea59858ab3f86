"""Networks with the activation t^2: the matrix sensing of ``x_i x_i^T``, and a convex program in ``U diag(s) U^T``."""

from __future__ import annotations

import warnings
from functools import cached_property

import numpy as np

from ..._utils.aliases import ArrayLike
from ..._utils.norms import singular_rounding
from ..._utils.validation import check_count, check_design, check_vector, finite_array
from ...exceptions import InvalidInputError, SolverError
from ...programs.cvxpy_form import BACK_ENDS
from .._weights import check_not_negative
from .low_rank import MeasuredFunction


class QuadraticNetwork(MeasuredFunction):
    """The objective of a network ``f(x) = sum_j a_j (u_j^T x)^2`` in its hidden weights.

    The objective is ``1/2 sum_i (f(x_i) - y_i)^2 + beta/2 sum_j ||u_j||^2``, the output weights a_j being given. With
    ``Z = sum_j a_j u_j u_j^T`` it is that of matrix sensing, and for all widths together that of a convex program in
    positive matrices. With beta = 0 and at least as many neurons of each sign as features, all second-order points are
    global [1]_; so they are, for one sign, with about ``(2 n)^(1/2)`` neurons, after any small perturbation of the
    objective ``<C, U U^T>`` [2]_.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    width : int
        Number of neurons.
    output_weights : array-like of shape (width,), optional
        1 or -1 each; all are 1 by default. Other sizes are part of the hidden weights.
    beta : float
        0 or above.

    Attributes
    ----------
    optimal_value : float or None
        The value of the convex program, where the width is enough for an optimum of it: every sign that is used has as
        many neurons as there are features, or there is one sign and ``width (width + 1) / 2 >= n_samples``.

    References
    ----------
    .. [1] M. Soltanolkotabi, A. Javanmard, J. D. Lee, "Theoretical insights into the optimization landscape of
       over-parameterized shallow neural networks", IEEE Transactions on Information Theory 65, 2019.
    .. [2] S. S. Du, J. D. Lee, "On the power of over-parametrization in neural networks with quadratic activation",
       ICML 2018.
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        width: int,
        *,
        output_weights: ArrayLike | None = None,
        beta: float = 0.0,
    ) -> None:
        X = check_design(X)
        y, width = check_vector(y, len(X), "y"), check_count(width, "width")
        super().__init__(np.einsum("ia,ib->iab", X, X), y, width, symmetric=True)
        # share/4 is the 1/2 of the objective.
        self.X, self.share, self.beta = X, 2.0, check_not_negative(beta, "beta")
        if output_weights is not None:
            self.signs = finite_array(output_weights, "output_weights")
        if self.signs.shape != (width,) or np.any(np.abs(self.signs) != 1.0):
            raise InvalidInputError(f"output_weights must be {width} numbers, each 1 or -1; got {output_weights!r}.")

    @cached_property
    def optimal_value(self) -> float | None:  # type: ignore[override]
        """The value of the convex program where the width is enough for it, else None."""
        n_samples, n_features = self.X.shape
        counts = [int(np.count_nonzero(self.signs == sign)) for sign in (1.0, -1.0)]
        one_sign = 0 in counts
        enough = all(count >= n_features for count in counts if count)
        if enough or (one_sign and self.rank * (self.rank + 1) // 2 >= n_samples):
            return self.convex_value()
        return None

    def convex_value(self) -> float:
        """Return the least objective over all widths: ``min 1/2 ||.||^2 + beta/2 tr(P + N)``, ``Z = P - N``.

        P and N are positive semidefinite, of size (n_features, n_features), each of them 0 where no output weight has
        its sign. To the accuracy of the solver, from above.

        Raises
        ------
        SolverError
            When the solver has no answer.
        """
        signs = sorted(set(self.signs.tolist()))
        if self.beta == 0 and len(signs) == 2:
            # Every symmetric matrix is a difference P - N: least squares over its entries.
            products = self.A.reshape(len(self.A), -1)
            rest = self.targets - products @ np.linalg.lstsq(products, self.targets, rcond=None)[0]
            return 0.5 * float(rest @ rest)
        height = np.abs(self.targets).max()
        rows, singular, _ = np.linalg.svd(self.X, full_matrices=False)
        kept = singular > singular_rounding(self.X, singular)
        if not kept.any() or height == 0:
            return 0.5 * float(self.targets @ self.targets)
        # X = Q S R', and Q has orthonormal columns: the program in S R' Z R S has rows of like size, for targets of
        # one. What the solver returns is made positive, and valued as it is.
        rows, scales = rows[:, kept], 1.0 / singular[kept] ** 2
        parts = _solved(rows, self.targets / height, self.beta / height * scales, signs)
        matrix = height * sum(sign * part for sign, part in parts.items())
        rest = np.sum((rows @ matrix) * rows, axis=1) - self.targets
        size = height * sum(float(scales @ np.diag(part)) for part in parts.values())
        return 0.5 * float(rest @ rest + self.beta * size)


def _solved(X, y, costs, signs):
    """Return the positive semidefinite matrix of every sign that solves the convex program together.

    `costs` are twice what the entries of its diagonal cost.
    """
    import cvxpy as cp  # a second and a half, for this alone

    shape = (X.shape[1], X.shape[1])
    parts = {sign: cp.Variable(shape, PSD=True) for sign in signs}
    matrix = sum(sign * part for sign, part in parts.items())
    fits = cp.sum(cp.multiply(X @ matrix, X), axis=1)
    cost = 0.5 * cp.sum_squares(fits - y) + 0.5 * sum(costs @ cp.diag(part) for part in parts.values())
    problem = cp.Problem(cp.Minimize(cost))
    with warnings.catch_warnings():
        # "Solution may be inaccurate": what it returns is valued as it is.
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver="CLARABEL", **BACK_ENDS["CLARABEL"])
    if any(part.value is None for part in parts.values()):
        raise SolverError(f"no value of the convex program of the network: CLARABEL answered {problem.status!r}.")
    return {sign: _positive(part.value) for sign, part in parts.items()}


def _positive(matrix):
    """Return the nearest positive semidefinite matrix."""
    eigenvalues, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return (vectors * np.maximum(eigenvalues, 0.0)) @ vectors.T
