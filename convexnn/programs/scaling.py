"""The problem in units of one: what solvers work on, because they call wrong values optimal on anything else.

Weights are in the rows (multiplied by their square roots), the targets are centred by the free terms and have norm one,
the largest entry of the design is one, or moderate where a copy would be huge. Directions are those of the problem as
given; a scaled mass c is the mass ``c y_scale / x_scale``.
"""

from dataclasses import dataclass

import numpy as np

from .._utils.row_blocks import ROWS, is_huge, relu_products, relu_sums

MAX_MODERATE_ENTRY = 1e3  # huge designs whose largest entry is between 1e-3 and 1e3 are used as they are, not copied


@dataclass(frozen=True)
class ScaledProblem:
    """``min 1/2 ||target - sum_k c_k s_k (design u_k)_+||^2 + beta sum_k c_k`` modulo the free terms."""

    design: np.ndarray
    target: np.ndarray
    beta: float
    free_basis: np.ndarray
    x_scale: float
    y_scale: float

    @property
    def curvatures(self):
        """The curvature of the loss at every row, of shape (n_samples,)."""
        return np.ones(len(self.target))

    def project(self, columns):
        """Project columns off the free terms."""
        return columns - self.free_basis @ (self.free_basis.T @ columns)

    def fits(self, directions, signs):
        """Return the projected fits ``s_k (design u_k)_+`` as columns, of shape (n_samples, K)."""
        fits = relu_products(self.design, directions.T)
        fits *= signs
        return self.project(fits)

    def products(self, directions, signs):
        """Return the products of the projected fits with each other and with the target, without making the fits."""
        n_neurons, n_free = len(signs), self.free_basis.shape[1]
        products, pulls, parts = np.zeros((n_neurons, n_neurons)), np.zeros(n_neurons), np.zeros((n_free, n_neurons))
        for start in range(0, len(self.design), ROWS):
            part = slice(start, start + ROWS)
            fits = relu_products(self.design[part], directions.T) * signs
            products += fits.T @ fits
            pulls += fits.T @ self.target[part]  # which is projected
            parts += self.free_basis[part].T @ fits
        return products - parts.T @ parts, pulls

    def hidden_fit(self, directions, outputs):
        """Return ``sum_k outputs_k (design u_k)_+``, not projected."""
        return relu_sums(self.design, directions.T, outputs)

    def loss_at(self, residual, start, end):
        """Return the loss of the rows from `start` to `end` and its negative gradient, at their residual."""
        return 0.5 * residual @ residual, residual

    def objective(self, residual, masses):
        """Return the scaled objective at a residual and its masses."""
        return 0.5 * float(residual @ residual) + self.beta * float(np.sum(masses))


def best_dual(residual, target, beta, price):
    """Return the t >= 0 with ``t price <= beta`` that makes ``t residual`` the best dual point, and its value.

    The dual value of nu is ``nu^T target - 1/2 ||nu||^2``; `price` is a bound on the largest price of the residual.
    """
    # t nu^T y - t^2/2 ||nu||^2 is largest at t = nu^T y / ||nu||^2; feasible is t <= beta / price.
    inner, square = float(residual @ target), float(residual @ residual)
    scale = max(inner / square, 0.0) if square > 0.0 else 0.0
    if scale * price > beta:
        scale = beta / price
    return scale, scale * inner - 0.5 * scale * scale * square


def scale_problem(problem):
    """Return the `ScaledProblem` of a checked `Problem`, or None when the zero network fits best for free."""
    # w_i / 2 (y_i - f_i)^2 is the loss 1/2 of row and target times sqrt(w_i): ReLU is positively homogeneous.
    root = np.sqrt(problem.weight)
    is_plain = np.all(root == 1.0)
    as_it_is = is_plain and is_huge(problem.design)
    design = problem.design if is_plain else root[:, None] * problem.design
    target = problem.project(root * problem.centred)
    x_scale, y_scale = float(max(design.max(), -design.min())), np.abs(target).max()
    if x_scale == 0.0 or y_scale == 0.0:
        return None
    if as_it_is and 1.0 / MAX_MODERATE_ENTRY <= x_scale <= MAX_MODERATE_ENTRY:
        x_scale = 1.0
    else:
        design = design / x_scale
    # In two steps: the norm of what is divided by its largest entry does not overflow.
    y_scale *= np.linalg.norm(target / y_scale)
    with np.errstate(over="ignore"):  # tiny data: an infinite strength, and no neurons
        beta = problem.beta / x_scale / y_scale
    return ScaledProblem(design, target / y_scale, beta, problem.free_basis, x_scale, y_scale)
