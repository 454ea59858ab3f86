"""Descend in all neurons at once on long data: L-BFGS on the network's own objective, row block by row block.

Newton's method on the kinks (`_newton`) is exact and pays ``n (K d)^2`` for a step. Where that is too much the kinks
lie so close that the objective is smooth at the scale of a step, and

    ``1/2 ||target - sum_k s_k (design w_k)_+ - free b||^2 + beta sum_k ||w_k||``

is lowered by gradients, two matrix products each. No array of n rows by K is made: rows are taken in
blocks, in threads, and summed in order, so the answer does not depend on the number of threads.
"""

import numpy as np

from .._utils.row_blocks import ROWS, gate, subtract_relus
from .._utils.threads import slices, thread_map
from ..losses import orthonormal
from ._lbfgs import N_LBFGS_PAIRS, StoppableObjective, minimise
from ._work import gradient_work

MIN_SIZE_PER_LARGEST = 1e-10  # blocks below this share of the largest have vanished


class LossRows:
    """A `Problem` with any smooth loss in the place of a `ScaledProblem`: target 0, residual minus the fit."""

    def __init__(self, problem):
        self.problem, self.design, self.beta = problem, problem.design, problem.beta
        self.target, self.free_basis = np.zeros(len(problem.y)), orthonormal(problem.free)

    def loss_at(self, residual, start, end):
        """Return the loss of the rows from `start` to `end` and its negative gradient with respect to the fit."""
        rows, problem = np.arange(start, end), self.problem
        given = problem.y[start:end], -residual, problem.weight[start:end]
        return problem.loss.take(rows).value_and_dual_point(*given)


class _Objective(StoppableObjective):
    """The objective of blocks (K, d) with fixed signs and free coefficients (q,), flattened into one vector."""

    def __init__(self, scaled, dtype, signs, run, stop):
        super().__init__(stop)
        self.scaled, self.dtype, self.signs, self.run = scaled, dtype, signs, run
        self.size = len(signs) * scaled.design.shape[1]

    def unpack(self, vector):
        """Return the blocks and the free coefficients."""
        return vector[: self.size].reshape(len(self.signs), -1), vector[self.size :]

    def __call__(self, vector):
        """Return the objective and its gradient."""
        self.check_budget()
        blocks, free = self.unpack(vector)
        weights, signs = blocks.astype(self.dtype, copy=False).T, self.signs.astype(self.dtype)

        def part(start, end):
            rows = self.scaled.design[start:end].astype(self.dtype, copy=False)
            # residual = target - free part - sum_k s_k (X w_k)_+, all of it for one block of rows.
            values, basis = rows @ weights, self.scaled.free_basis[start:end]
            residual = self.scaled.target[start:end] - basis @ free
            subtract_relus(values, signs, residual)
            loss, nu = self.scaled.loss_at(residual, start, end)
            gate(values, nu.astype(self.dtype, copy=False), signs)
            return loss, values.T @ rows, basis.T @ nu

        parts = self.run(part, slices(len(self.scaled.design), ROWS))
        sizes = np.linalg.norm(blocks, axis=1)
        value = float(sum(p[0] for p in parts)) + self.scaled.beta * float(sizes.sum())
        # grad_k = beta w_k / ||w_k|| - s_k X^T (1[X w_k > 0] nu), nu the negative slope of the loss.
        pull = self.scaled.beta * blocks / np.maximum(sizes, 1e-300)[:, None]
        gradient = pull - np.sum([p[1] for p in parts], axis=0, dtype=np.float64)
        self.note(value, vector)
        return value, np.concatenate([gradient.ravel(), -sum(p[2] for p in parts)])


def descend_neurons(
    scaled,
    blocks,
    signs,
    *,
    dtype=np.float64,
    max_steps=100,
    tol=1e-9,
    stop=lambda: False,
    spend=lambda work: None,
    n_jobs=None,
    free=None,
):
    """Lower the objective from the blocks (K, d) with these signs (K,); return the blocks and signs, none of them zero.

    Parameters
    ----------
    scaled : ScaledProblem or LossRows
    blocks : ndarray of shape (K, d), none of them zero
    signs : ndarray of shape (K,)
    dtype : type
        Precision of the products.
    max_steps : int
        Largest number of steps of L-BFGS.
    tol : float
        Relative decrease of a step below which it ends.
    stop : callable
        Asked before every evaluation.
    spend : callable
        Told the work of every evaluation.
    n_jobs : int, optional
    free : ndarray of shape (q,), optional
        Coefficients of the free basis to start from.
    """
    if len(blocks) == 0:
        return blocks, signs
    unit = np.linalg.norm(blocks, axis=1).max()
    with thread_map(n_jobs) as run:
        objective = _Objective(scaled, dtype, signs, run, stop)
        start = np.append(blocks, np.zeros(scaled.free_basis.shape[1]) if free is None else free) / unit

        def in_units(vector):
            spend(gradient_work(len(scaled.design), *blocks.shape))
            value, gradient = objective(vector * unit)
            return value, gradient * unit

        minimise(in_units, start, maxiter=max_steps, maxcor=N_LBFGS_PAIRS, ftol=tol)
    moved, _ = objective.unpack(objective.point)
    sizes = np.linalg.norm(moved, axis=1)
    kept = sizes > MIN_SIZE_PER_LARGEST * sizes.max()
    return moved[kept], signs[kept]
