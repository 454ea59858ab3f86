"""Move the neurons of a network to the best place of their cells: Newton's method on the null spaces of the kinks.

A neuron with block ``w = mass * direction`` keeps its activation pattern while it stays in its cell. Rows on which it
sits exactly (``x_i w = 0``, a kink) are held at zero by a basis of their null space, so there is no cone constraint
left and the restricted program is a small smooth group lasso,

    ``min 1/2 ||target - sum_k s_k D_k design B_k z_k||^2 + beta sum_k ||z_k||``.

Steps are judged by the true objective of the network, whatever cells they lead to, so it never rises.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ._work import newton_work

MAX_HELD_DISTANCE = 1e-10  # relative to a neuron's norm: a row whose value is smaller is held at zero, a kink
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01)  # shares of a Newton step that are tried, besides the first crossings


def merge_blocks(scaled, blocks, signs):
    """Add up the blocks of one sign whose directions share a closed cell: the fit stays, the penalty cannot grow."""
    values = blocks @ scaled.design.T
    # Two blocks share a closed cell if no row is above zero for one and below it for the other; the slack is rounding.
    slack = 1e-9 * np.linalg.norm(blocks, axis=1)[:, None] * np.linalg.norm(scaled.design, axis=1)
    merged_blocks, merged_signs, high, low = [], [], [], []
    for block, sign, above, below in zip(blocks, signs, values > slack, values < -slack, strict=True):
        for k in range(len(merged_blocks)):
            if merged_signs[k] == sign and not np.any((high[k] & below) | (low[k] & above)):
                merged_blocks[k] = merged_blocks[k] + block
                high[k], low[k] = high[k] | above, low[k] | below
                break
        else:
            merged_blocks.append(block)
            merged_signs.append(sign)
            high.append(above)
            low.append(below)
    return np.array(merged_blocks).reshape(-1, blocks.shape[1]), np.array(merged_signs, float)


def newton_step(scaled, blocks, signs, active, bases, residual):
    """Return the Newton steps (K, d) of the smooth group lasso between the kinks and the decrease they predict.

    Parameters
    ----------
    scaled : ScaledProblem
    blocks : ndarray of shape (K, d), none of them zero
    signs : ndarray of shape (K,)
    active : ndarray of bool of shape (K, n_samples), where each neuron is on
    bases : list of ndarrays of shape (d, k), the directions in which each block may move
    residual : ndarray of shape (n_samples,)
    """
    columns = [
        sign * mask[:, None] * (scaled.design @ basis) for sign, mask, basis in zip(signs, active, bases, strict=True)
    ]
    ends = np.cumsum([0] + [basis.shape[1] for basis in bases])
    jacobian = scaled.project(np.hstack(columns))
    # H = J^T J + beta blockdiag((I - z z^T / ||z||^2) / ||z||): loss, then the norms of the blocks.
    hessian, gradient = jacobian.T @ jacobian, -jacobian.T @ residual
    for k, basis in enumerate(bases):
        part = slice(ends[k], ends[k + 1])
        size = np.linalg.norm(blocks[k])
        unit = basis.T @ blocks[k] / size
        hessian[part, part] += (scaled.beta / size) * (np.eye(len(unit)) - np.outer(unit, unit))
        gradient[part] += scaled.beta * unit
    step = _solve_symmetric(hessian, -gradient)
    moves = [basis @ step[ends[k] : ends[k + 1]] for k, basis in enumerate(bases)]
    return np.array(moves), -float(gradient @ step)


def null_space(rows):
    """Orthonormal basis (as columns) of the vectors orthogonal to unit `rows` (k, d); zero rows do not count."""
    if len(rows) == 0:
        return np.eye(rows.shape[1])
    _, values, rotation = np.linalg.svd(rows)
    return rotation[int(np.sum(values > 1e-9)) :].T


class _Cells:
    """The blocks with their patterns, kinks and the smooth program between the kinks."""

    def __init__(self, scaled, blocks, signs):
        self.scaled, self.blocks, self.signs = scaled, blocks, signs
        self.row_sizes = np.linalg.norm(scaled.design, axis=1)
        self.kinks = np.zeros((len(blocks), len(scaled.design)), bool)
        self.kinks |= (
            np.abs(self.values) <= MAX_HELD_DISTANCE * np.linalg.norm(blocks, axis=1)[:, None] * self.row_sizes
        )
        self.bases = [self._null_space(kink) for kink in self.kinks]

    @property
    def values(self):
        """``design w_k``, of shape (K, n_samples)."""
        return self.blocks @ self.scaled.design.T

    def _null_space(self, kink):
        """Orthonormal basis (as columns) of the vectors orthogonal to the kink rows."""
        rows = np.flatnonzero(kink & (self.row_sizes > 0))
        return null_space(self.scaled.design[rows] / self.row_sizes[rows, None])

    def objective(self, values, blocks):
        """The network's objective for blocks with these ``design w``, and its residual."""
        fit = self.scaled.project(self.signs @ np.maximum(values, 0.0))
        residual = self.scaled.target - fit
        return self.scaled.objective(residual, np.linalg.norm(blocks, axis=1)), residual

    def newton_direction(self, residual):
        """Return the Newton step of every block inside its null space and the predicted decrease."""
        active = (self.values > 0) & ~self.kinks
        return newton_step(self.scaled, self.blocks, self.signs, active, self.bases, residual)

    def move(self, moves, objective):
        """Take the best of a few steps along `moves`; return the new objective (unchanged when none is better)."""
        values, shift = self.values, moves @ self.scaled.design.T
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings = np.where((values * (values + shift) < 0) & ~self.kinks, values / -shift, np.inf)
        # Beyond a crossing the model is another one: the first few are places to stop at, as new kinks.
        first = np.unique(crossings[np.isfinite(crossings)])[:12]
        best, chosen = objective, 0.0
        for t in (*STEP_LENGTHS, *first):
            trial, _ = self.objective(values + t * shift, self.blocks + t * moves)
            if trial < best:
                best, chosen = trial, t
        if chosen == 0.0:
            return objective
        self.blocks = self.blocks + chosen * moves
        self._hold(crossings == chosen)
        return best

    def _hold(self, crossed):
        """Make kinks of the rows at which the step stopped."""
        for k in np.flatnonzero(crossed.any(axis=1)):
            kinks = self.kinks[k] | crossed[k]
            basis = self._null_space(kinks)
            projected = basis @ (basis.T @ self.blocks[k])
            # A block that would lose half of itself does not belong on these kinks.
            if np.linalg.norm(projected) > 0.5 * np.linalg.norm(self.blocks[k]):
                self.kinks[k], self.bases[k], self.blocks[k] = kinks, basis, projected

    def drop_vanished(self):
        """Leave out blocks that have shrunk to nothing."""
        sizes = np.linalg.norm(self.blocks, axis=1)
        keep = sizes > 1e-12 * sizes.max(initial=0.0)
        self.blocks, self.signs, self.kinks = self.blocks[keep], self.signs[keep], self.kinks[keep]
        self.bases = [basis for basis, kept in zip(self.bases, keep, strict=True) if kept]


def _solve_symmetric(matrix, right):
    """Solve a positive semidefinite system; least squares of minimum norm when it is singular."""
    size = float(np.trace(matrix)) / max(1, len(matrix))
    try:
        # Cholesky first: the shift of 1e-15 of the mean diagonal is rounding, and too small a pivot means singular.
        factor = cho_factor(matrix + 1e-15 * size * np.eye(len(matrix)), check_finite=False)
        if np.min(np.abs(np.diag(factor[0]))) ** 2 > 1e-13 * size:
            return cho_solve(factor, right)
    except LinAlgError:
        size = max(size, 0.0)
    values, vectors = np.linalg.eigh(matrix)
    used = values > 1e-11 * values[-1]
    return vectors[:, used] @ ((vectors[:, used].T @ right) / values[used])


def take_full_steps(scaled, blocks, signs, n_steps):
    """Take full Newton steps inside the cells, where values differ by rounding only and gradients by more."""
    cells = _Cells(scaled, blocks, signs)
    for _ in range(n_steps if len(blocks) else 0):
        values = cells.values
        _, residual = cells.objective(values, cells.blocks)
        moves, _ = cells.newton_direction(residual)
        ahead = (cells.blocks + moves) @ scaled.design.T
        # A step that leaves the cell was made on the wrong model.
        if np.any(((ahead > 0) != (values > 0)) & ~cells.kinks):
            break
        cells.blocks = cells.blocks + moves
    return cells.blocks


def move_neurons(scaled, blocks, signs, *, max_steps=12, stop=lambda: False, spend=lambda work: None):
    """Improve the network with these blocks (K, d) and signs (K,); return its merged, moved blocks and signs."""
    blocks, signs = merge_blocks(scaled, blocks, signs)
    if len(blocks) == 0:
        return blocks, signs
    cells = _Cells(scaled, blocks, signs)
    for _ in range(max_steps):
        if stop():
            break
        objective, residual = cells.objective(cells.values, cells.blocks)
        moves, decrease = cells.newton_direction(residual)
        spend(newton_work(len(scaled.design), *cells.blocks.shape))
        if decrease <= 1e-16 * objective:
            break
        if cells.move(moves, objective) >= objective:
            break
        cells.drop_vanished()
        if len(cells.blocks) == 0:
            break
    return cells.blocks, cells.signs
