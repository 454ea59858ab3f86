"""The Newton systems of a group lasso on masked copies of one design: on the samples, on the blocks, and iterative.

See `interior_point` for the notation.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from .._utils.threads import slices
from .second_order import add_masked, mask_and_scale, masked_copies, multiply_lower, scaled_masks

# Masked products are formed in blocks of at most 2e6 entries, 16 MB.
MAX_BLOCK_ENTRIES = 2_000_000
# Conjugate gradients end at a residual of 0.01 of the root of the complementarity, or after 500 steps.
CG_RESIDUAL_OVER_SIZE, MAX_CG_STEPS = 1e-2, 500


@dataclass(frozen=True)
class Groups:
    """``min 1/2 ||target - sum_p D_p design w_p||^2 + beta sum_p ||w_p||`` modulo the free terms."""

    design: np.ndarray
    masks: np.ndarray
    target: np.ndarray
    beta: float
    free_basis: np.ndarray

    @property
    def shape(self):
        """Shape of the blocks."""
        return len(self.masks), self.design.shape[1]

    @cached_property
    def chunks(self):
        """Slices of the groups, each with at most `MAX_BLOCK_ENTRIES` masked samples."""
        return [slice(*pair) for pair in slices(len(self.masks), max(1, MAX_BLOCK_ENTRIES // len(self.target)))]

    @cached_property
    def lengths(self):
        """Bounds on the spectral norms of the ``D_p design``."""
        squares = np.einsum("ij,ij->i", self.design, self.design)
        # ||D_p X|| is at most its Frobenius norm and at most ||X||.
        frobenius = np.concatenate([self.masks[part] @ squares for part in self.chunks])
        return np.sqrt(np.minimum(frobenius, np.linalg.eigvalsh(self.design.T @ self.design)[-1]))

    def take(self, index):
        """Return the groups at `index` only."""
        return replace(self, masks=self.masks[index])

    def project(self, values):
        """Project off the free terms."""
        return values - self.free_basis @ (self.free_basis.T @ values) if self.free_basis.shape[1] else values

    def plain_fit(self, blocks):
        """Return ``sum_p D_p design w_p``."""
        total = np.zeros(len(self.target))
        for part in self.chunks:
            add_masked(self.masks[part], blocks[part] @ self.design.T, total)
        return total

    def fit(self, blocks):
        """Return the fit of the blocks, projected off the free terms."""
        return self.project(self.plain_fit(blocks))

    def correlate(self, vector):
        """Return ``design' D_p vector`` for every group, of shape (n_groups, n_inputs)."""
        out = np.empty(self.shape)
        for part in self.chunks:
            np.matmul(masked_copies(self.masks[part], vector), self.design, out=out[part])
        return out


def _cholesky(matrix):
    """Cholesky factor of the lower triangle of a Fortran-ordered matrix, which it overwrites."""
    factor, info = dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
    if info != 0:
        raise np.linalg.LinAlgError(f"dpotrf: {info}")
    return factor


def _solve_cholesky(factor, right):
    """Solve a system with a factor of `_cholesky`."""
    return dpotrs(factor, right, lower=1)[0]


class SampleSystem:
    """Newton systems by Cholesky of the n_samples equations for dnu.

    ``sum_p D_p X X' D_p / eta_p^2`` is the entrywise product of ``X X'`` and a Gram matrix of the masks.
    """

    def __init__(self, groups):
        self.groups = groups
        self.gram = np.asfortranarray(groups.design @ groups.design.T)

    def take(self, index):
        """Forget the other groups."""
        self.groups = self.groups.take(index)

    def factor(self, eta, bar, size):
        """Prepare for the scaling (eta, bar) of a point of this size, the root of the complementarity."""
        groups, self.eta, self.tails = self.groups, eta, bar[:, 1:]
        # M = I + sum_p (D_p X X' D_p + 2 (D_p X b_p)(D_p X b_p)') / eta_p^2: its lower triangle is formed.
        matrix = np.zeros(self.gram.shape, order="F")
        for part in groups.chunks:
            scaled = scaled_masks(groups.masks[part], 1.0 / eta[part])
            matrix = dsyrk(1.0, scaled.T, beta=1.0, c=matrix, lower=1, overwrite_c=1)
        multiply_lower(matrix, self.gram)
        for part in groups.chunks:
            values = self.tails[part] @ groups.design.T
            mask_and_scale(groups.masks[part], np.sqrt(2.0) / eta[part], values)
            matrix = dsyrk(1.0, values.T, beta=1.0, c=matrix, lower=1, overwrite_c=1)
        self.cholesky = _cholesky(matrix)
        # Z' dnu = 0 borders the system: its Schur complement is Z' M^-1 Z.
        if groups.free_basis.shape[1]:
            self.bordered = _solve_cholesky(self.cholesky, groups.free_basis)
            self.border = groups.free_basis.T @ self.bordered

    def solve(self, rest, blocks, guess):
        """Return (dnu, dw, X' D_p dnu) with ``dnu + fit(dw) = rest`` and ``dw = blocks + B X' D_p dnu``."""
        # dnu = M^-1 (rest - fit(blocks)), less what would leave the free terms' complement.
        dnu = _solve_cholesky(self.cholesky, rest - self.groups.fit(blocks))
        if self.groups.free_basis.shape[1]:
            dnu = dnu - self.bordered @ np.linalg.solve(self.border, self.groups.free_basis.T @ dnu)
        slopes = self.groups.correlate(dnu)
        overlaps = np.einsum("pj,pj->p", self.tails, slopes)
        dw = blocks + (slopes + 2.0 * overlaps[:, None] * self.tails) / self.eta[:, None] ** 2
        return dnu, dw, slopes


class BlockSystem:
    """Newton systems ``(B^-1 + G G') y = slopes`` on the coefficients, by Cholesky; G is the stack of the ``X' D_p``.

    With ``B = F F'`` the matrix that is factored, ``I + F' G G' F``, has no eigenvalue below 1.
    """

    def __init__(self, groups):
        self.groups = groups
        n_groups, d = groups.shape
        # G G' = [X' D_p D_q X], less the part of the free terms.
        gram = np.zeros((n_groups * d, n_groups * d), order="F")
        for start, stop in slices(len(groups.target), max(1, MAX_BLOCK_ENTRIES // (n_groups * d))):
            copies = groups.masks[:, start:stop].T[:, :, None] * groups.design[start:stop, None, :]
            gram = dsyrk(1.0, copies.reshape(stop - start, -1).T, beta=1.0, c=gram, lower=1, overwrite_c=1)
        free = [groups.correlate(column).ravel() for column in groups.free_basis.T]
        self.gram = np.tril(gram) + np.tril(gram, -1).T - sum(np.outer(column, column) for column in free)

    def take(self, index):
        """Forget the other groups."""
        n_groups, d = self.groups.shape
        rows = np.arange(n_groups * d).reshape(n_groups, d)[index].ravel()
        self.groups, self.gram = self.groups.take(index), self.gram[np.ix_(rows, rows)]

    def factor(self, eta, bar, size):
        """Prepare for the scaling (eta, bar) of a point of this size, the root of the complementarity."""
        self._set_stretch(eta, bar)
        # I + F' G G' F is symmetric, so F is applied to both sides in turn.
        matrix = self._stretch(self._stretch(self.gram).T)
        matrix[np.diag_indices(len(matrix))] += 1.0
        self.cholesky = _cholesky(matrix.T)

    def _set_stretch(self, eta, bar):
        self.eta, self.tails = eta, bar[:, 1:]
        # B = (I + 2 b b') / eta^2 = F F' with F = (I + c b b') / eta, c = 2 / (1 + sqrt(2 b_0^2 - 1)).
        self.stretched = 2.0 / (1.0 + np.sqrt(2.0 * bar[:, :1] ** 2 - 1.0)) * self.tails

    def _stretch(self, columns):
        """Return ``F columns``, whose rows are the coefficients of all blocks."""
        blocks = columns.reshape(*self.tails.shape, -1)
        overlaps = np.einsum("pj,pjk->pk", self.tails, blocks)
        blocks = blocks + self.stretched[:, :, None] * overlaps[:, None, :]
        return (blocks / self.eta[:, None, None]).reshape(columns.shape)

    def solve(self, rest, blocks, guess):
        """Return (dnu, dw, X' D_p dnu) with ``dnu + fit(dw) = rest`` and ``dw = blocks + B X' D_p dnu``."""
        dw = blocks + self._moves(self.groups.correlate(rest - self.groups.fit(blocks)))
        dnu = rest - self.groups.fit(dw)
        return dnu, dw, self.groups.correlate(dnu)

    def _moves(self, slopes):
        """Solve ``(B^-1 + G G') y = slopes``."""
        inner = _solve_cholesky(self.cholesky, self._stretch(slopes.ravel()))
        return self._stretch(inner).reshape(slopes.shape)


class IterativeSystem(BlockSystem):
    """The same systems by conjugate gradients in single precision, for many samples and many coefficients.

    The preconditioner takes ``X' D_p D_q X`` for ``C_pq X' X`` with C the shares of X that two gates have in common,
    so that two eigenvalue decompositions and a correction of rank n_groups for B invert it.
    """

    def __init__(self, groups, stop):
        self.groups, self.stop = groups, stop
        self.roots, self.axes = np.linalg.eigh(groups.design.T @ groups.design)
        self.roots = np.maximum(self.roots, 0.0)
        sizes = np.sqrt(np.einsum("ij,ij->i", groups.design, groups.design))
        self.shares = np.zeros((len(groups.masks), len(groups.masks)), order="F")
        for start, stop in slices(len(sizes), max(1, MAX_BLOCK_ENTRIES // len(groups.masks))):
            rows = np.asfortranarray(groups.masks[:, start:stop] * sizes[start:stop])
            self.shares = dsyrk(1.0 / (sizes @ sizes), rows, beta=1.0, c=self.shares, lower=1, overwrite_c=1)

    def take(self, index):
        """Forget the other groups."""
        self.groups, self.shares = self.groups.take(index), np.asfortranarray(self.shares[np.ix_(index, index)])

    def factor(self, eta, bar, size):
        """Prepare for the scaling (eta, bar) of a point of this size, the root of the complementarity."""
        self.goal = CG_RESIDUAL_OVER_SIZE * size
        self._set_stretch(eta, bar)
        # B^-1 = eta^2 I - t t' with t = sqrt(2) eta b / sqrt(2 b_0^2 - 1).
        self.inverse_tails = np.sqrt(2.0) * eta[:, None] * self.tails / np.sqrt(2.0 * bar[:, :1] ** 2 - 1.0)
        # C x X'X + diag(eta^2) x I is diagonal in the eigenvectors of C scaled by eta and of X'X.
        values, vectors = eigh(self.shares / eta[:, None] / eta, lower=True)
        self.vectors = vectors / eta[:, None]
        self.damping = 1.0 / (1.0 + np.maximum(values, 0.0)[:, None] * self.roots)
        turned = self.inverse_tails @ self.axes
        # Woodbury for the rank-one part t t' of every group.
        capacitance = np.eye(len(eta), order="F")
        for j in range(turned.shape[1]):
            columns = (turned[:, j : j + 1] * self.vectors) * np.sqrt(self.damping[:, j])
            capacitance = dsyrk(-1.0, np.asfortranarray(columns), beta=1.0, c=capacitance, lower=1, overwrite_c=1)
        self.cholesky = _cholesky(capacitance)

    def _separable(self, slopes):
        """Solve ``(C x X'X + diag(eta^2) x I) y = slopes``."""
        return self.vectors @ (self.damping * (self.vectors.T @ (slopes @ self.axes))) @ self.axes.T

    def _precondition(self, slopes):
        moves = self._separable(slopes)
        weights = _solve_cholesky(self.cholesky, np.einsum("pj,pj->p", self.inverse_tails, moves))
        return moves + self._separable(weights[:, None] * self.inverse_tails)

    def _multiply(self, moves):
        """Return ``(B^-1 + G G') moves``."""
        overlaps = np.einsum("pj,pj->p", self.inverse_tails, moves)
        local = self.eta[:, None] ** 2 * moves - overlaps[:, None] * self.inverse_tails
        return local + self.groups.correlate(self.groups.fit(moves))

    def solve(self, rest, blocks, guess):
        """Return (dnu, dw, X' D_p dnu): the equation of `rest` holds exactly, that of `blocks` about."""
        # Start from the guess, and solve for the difference only.
        slopes, moves = self.groups.correlate(rest - self.groups.fit(blocks)), guess - blocks
        if np.any(moves):
            slopes = slopes - self._multiply(moves)
        dw = guess + self._moves(slopes)
        dnu = rest - self.groups.fit(dw)
        return dnu, dw, self.groups.correlate(dnu)

    def _moves(self, slopes):
        """Solve ``(B^-1 + G G') y = slopes`` until ``F' rest`` is small beside the complementarity."""
        moves, rest = np.zeros_like(slopes), slopes
        direction, size = np.zeros_like(slopes), np.inf
        for _ in range(MAX_CG_STEPS):
            # F' rest is what the error means in the scaled units of the cones.
            if np.linalg.norm(self._stretch(rest.ravel())) <= self.goal or self.stop():
                break
            towards = self._precondition(rest)
            before, size = size, np.vdot(rest, towards)
            direction = towards + size / before * direction
            image = self._multiply(direction)
            length = size / np.vdot(direction, image)
            moves, rest = moves + length * direction, rest - length * image
        return moves
