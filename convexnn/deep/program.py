"""The two conic programs over the cells: training, and the price of a dual point.

With the linear maps of the slots, ``fit = Phi v`` (the rows of the second pattern where a slot's pattern is active) and
the cones ``G v >= 0`` of both layers:

    train:  minimise 1/2 ||y - Phi (v - w)||^2 + beta sum_k (||v_k|| + ||w_k||)   subject to  G v >= 0,  G w >= 0
    price:  for each cell, maximise nu^T Phi v   subject to  G v >= 0,  sum_k ||v_k|| <= 1

The norm is the sum of the neurons' norms because ||W_1||_F <= 1 and ||w_2|| <= 1 allow, by Cauchy and Schwarz, just the
neurons ``v_j = |w2_j| w1_j`` with ``sum_j ||v_j|| <= 1``. **Any** multipliers lambda >= 0 of the cones prove that no
sub-network of unit layers in a cell is priced above ``max_k ||(Phi^T nu + G^T lambda)_k||``; so what the solver claims
need not be believed.
"""

import warnings

import numpy as np
from scipy import sparse

from .._utils.norms import norms
from ..exceptions import SolverError

# The proof uses what Clarabel returns and not what it claims, but it is the better the further Clarabel goes.
CLARABEL_SETTINGS = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11, "max_iter": 300}


class ConicForm:
    """The matrices Phi and G of some `Cells`, for vectors that stack the slots' v_k."""

    def __init__(self, cells):
        self.cells = cells
        n_slots, r = len(cells.signs), cells.X.shape[1]
        self.shape = n_slots, r
        self.rows = cells.X / norms(cells.X)[:, None]  # cones depend on the directions of rows only
        # Phi: a slot adds s_j D_j X v_j to the rows on which its cell is active in the second layer.
        signed = cells.gates * cells.signs[:, None]
        self.fit = _row_blocks(signed * cells.masks[cells.owner], cells.X)
        self.cones = sparse.vstack([self._first_layer(), self._second_layer(signed)], format="csr")

    def _first_layer(self):
        """``(2 D - I) X v_k >= 0`` for every slot."""
        cells = self.cells
        sides = np.where(cells.gates, 1.0, -1.0)
        return sparse.block_diag([side[:, None] * self.rows for side in sides], format="csr")

    def _second_layer(self, signed):
        """``(2 S - I) sum_j s_j D_j X v_j >= 0`` for every cell, on the rows where that does not go without saying."""
        cells, blocks = self.cells, []
        starts = np.searchsorted(cells.owner, np.arange(cells.n_cells + 1))
        for mask, first, last in zip(cells.masks, starts[:-1], starts[1:], strict=True):
            slots = signed[first:last]
            # Where all active neurons have one sign, z has it too: the constraint is redundant.
            rows = (slots.max(axis=0) > 0) & (slots.min(axis=0) < 0)
            sides = np.where(mask[rows], 1.0, -1.0)[:, None]
            blocks.append(sides * _row_blocks(slots, self.rows)[rows])
        return sparse.block_diag(blocks, format="csr")

    def slopes(self, nu, multipliers):
        """Return ``Phi^T nu + G^T lambda`` by slots, (n_slots, r), with negative multipliers set to zero."""
        return (self.fit.T @ nu + self.cones.T @ np.maximum(multipliers, 0.0)).reshape(self.shape)


def _row_blocks(factors, X):
    """Return the matrix (n, n_slots r) whose block k is ``diag(factors[k]) X``."""
    return (factors.T[:, :, None] * X[:, None, :]).reshape(len(X), -1)


def solve_training(form, y, beta):
    """Solve the training program; the data should be of magnitude one.

    Returns
    -------
    positive, negative : ndarray of shape (n_slots, r)
        Blocks of the sub-networks with a positive and with a negative output weight.
    multipliers : tuple of two ndarrays of shape (n_rows,)
        Multipliers of the cones of the two.
    """
    import cvxpy as cp

    positive, negative = cp.Variable(form.shape), cp.Variable(form.shape)
    flat = [cp.vec(block, order="C") for block in (positive, negative)]
    cones = [form.cones @ block >= 0 for block in flat]
    # beta sum ||v_k|| with cones for both output signs, as at the top of the module.
    penalty = cp.sum(cp.norm(positive, 2, axis=1)) + cp.sum(cp.norm(negative, 2, axis=1))
    misfit = 0.5 * cp.sum_squares(y - form.fit @ (flat[0] - flat[1]))
    solve_with_clarabel(cp.Problem(cp.Minimize(misfit + beta * penalty), cones), positive, negative)
    return positive.value, negative.value, tuple(cone.dual_value for cone in cones)


def solve_price(form, nu):
    """Solve the pricing programs of all cells together.

    Returns
    -------
    blocks : ndarray of shape (n_slots, r)
    multipliers : ndarray of shape (n_rows,)
    """
    import cvxpy as cp

    blocks = cp.Variable(form.shape)
    flat = cp.vec(blocks, order="C")
    cells = form.cells
    # One ball for every cell: the norms of its slots add up to at most 1.
    members = sparse.csr_matrix((np.ones(len(cells.owner)), (cells.owner, np.arange(len(cells.owner)))))
    cone, ball = form.cones @ flat >= 0, members @ cp.norm(blocks, 2, axis=1) <= 1
    solve_with_clarabel(cp.Problem(cp.Maximize((form.fit.T @ nu) @ flat), [cone, ball]), blocks)
    return blocks.value, cone.dual_value


def solve_with_clarabel(problem, *variables):
    """Run Clarabel; only an answer without finite values is an error, since every answer is judged afterwards."""
    import cvxpy as cp

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "Solution may be inaccurate"
            problem.solve(solver="CLARABEL", **CLARABEL_SETTINGS)
    except (cp.SolverError, ArithmeticError, ValueError) as error:
        raise SolverError(f"CLARABEL raised {type(error).__name__}: {error}") from error
    if any(variable.value is None or not np.all(np.isfinite(variable.value)) for variable in variables):
        raise SolverError(f"CLARABEL answered {problem.status!r} without finite values.")
