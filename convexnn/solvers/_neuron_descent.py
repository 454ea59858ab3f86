"""Descend in all neurons at once on long data: L-BFGS on the network's own objective, row block by row block.

Newton's method on the kinks (`_newton`) is exact and pays ``n (K d)^2`` for a step. Where that is too much the kinks
lie so close that the objective is smooth at the scale of a step, and

    ``1/2 ||target - sum_k a_k (design u_k)_+ - free b||^2 + beta/2 sum_k (||u_k||^2 + a_k^2)``

is lowered by gradients, two matrix products each. In the vectors w_k = |a_k| u_k, whose penalty is beta ||w_k||, it has
kinks where a neuron vanishes, and L-BFGS takes several times as many steps. No array of n rows by K is made: rows are
taken in blocks, in threads, and summed in order, so the answer does not depend on the number of threads.
"""

import numpy as np

from .._utils.row_blocks import ROWS, gate, subtract_relus
from .._utils.threads import slices, thread_map
from ..losses import orthonormal
from ._coordinates import Coordinates, Moments
from ._lbfgs import N_LBFGS_PAIRS, StoppableObjective, minimise, parts_of
from ._work import gradient_work

MIN_MASS_PER_LARGEST = 1e-10  # neurons with less than this share of the largest mass have vanished


class LossRows:
    """A `Problem` with any smooth loss in the place of a `ScaledProblem`: target 0, residual minus the fit."""

    def __init__(self, problem):
        self.problem, self.design, self.beta = problem, problem.design, problem.beta
        self.target, self.free_basis = np.zeros(len(problem.y)), orthonormal(problem.free)
        self.curvatures = problem.loss.largest_curvature * problem.weight

    def loss_at(self, residual, start, end):
        """Return the loss of the rows from `start` to `end` and its negative gradient with respect to the fit."""
        rows, problem = np.arange(start, end), self.problem
        given = problem.y[start:end], -residual, problem.weight[start:end]
        return problem.loss.take(rows).value_and_dual_point(*given)


class _Objective(StoppableObjective):
    """The objective of neurons (K, d), heights (K,) and free coefficients (q,), as one vector of points in units."""

    def __init__(self, scaled, dtype, mass, width, run, stop):
        super().__init__(stop)
        self.scaled, self.dtype, self.run = scaled, dtype, run
        self.shapes = (width, scaled.design.shape[1]), (1, width), (1, scaled.free_basis.shape[1])
        # The unit of every weight changes the fit of a neuron of this mass about as much.
        moments, curvature = Moments.of(scaled.design, scaled.curvatures), float(scaled.curvatures.sum())
        self.coordinates = Coordinates(moments, scaled.beta / (curvature * mass))
        root = float(np.sqrt(mass))
        self.units = root * moments.size, root, mass * moments.size * np.sqrt(len(scaled.design))

    def pack(self, neurons, heights, free):
        """Return the vector of some weights."""
        parts = zip((self.coordinates.points(neurons), heights, free), self.units, strict=True)
        return np.concatenate([np.ravel(part / unit) for part, unit in parts], dtype=np.float64)

    def unpack(self, vector):
        """Return neurons, heights and the free coefficients."""
        parts = zip(parts_of(vector, self.shapes), self.units, strict=True)
        points, heights, free = (part * unit for part, unit in parts)
        return self.coordinates.neurons(points), heights[0], free[0]

    def __call__(self, vector):
        """Return the objective and its gradient."""
        self.check_budget()
        neurons, heights, free = self.unpack(vector)
        weights, columns = neurons.astype(self.dtype, copy=False).T, heights.astype(self.dtype, copy=False)
        ones = np.ones_like(columns)

        def part(start, end):
            rows = self.scaled.design[start:end].astype(self.dtype, copy=False)
            # residual = target - free part - sum_k a_k (X u_k)_+, all of it for one block of rows.
            values, basis = rows @ weights, self.scaled.free_basis[start:end]
            residual = self.scaled.target[start:end] - basis @ free
            subtract_relus(values, columns, residual)
            loss, nu = self.scaled.loss_at(residual, start, end)
            gate(values, nu.astype(self.dtype, copy=False), ones)
            return loss, values.T @ rows, basis.T @ nu

        parts = self.run(part, slices(len(self.scaled.design), ROWS))
        value = float(sum(p[0] for p in parts))
        value += 0.5 * self.scaled.beta * float(np.sum(neurons**2) + heights @ heights)
        # With p_k = X^T (1[X u_k > 0] nu), nu the negative slope of the loss, and (X u_k)_+^T nu = u_k^T p_k:
        # grad u_k = beta u_k - a_k p_k, grad a_k = beta a_k - u_k^T p_k.
        pulls = np.sum([p[1] for p in parts], axis=0, dtype=np.float64)
        first = self.scaled.beta * neurons - heights[:, None] * pulls
        second = self.scaled.beta * heights - np.einsum("kd,kd->k", pulls, neurons)
        self.note(value, vector)
        slopes = self.coordinates.slopes(first), second, -sum(p[2] for p in parts)
        return value, np.concatenate([np.ravel(part * unit) for part, unit in zip(slopes, self.units, strict=True)])


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
    free,
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
    free : ndarray of shape (q,)
        Coefficients of the free basis to start from.
    """
    if len(blocks) == 0:
        return blocks, signs
    masses = np.linalg.norm(blocks, axis=1)
    roots = np.sqrt(masses)
    with thread_map(n_jobs) as run:
        objective = _Objective(scaled, dtype, float(masses.max()), len(blocks), run, stop)

        def evaluate(vector):
            spend(gradient_work(len(scaled.design), *blocks.shape))
            return objective(vector)

        start = objective.pack(blocks / roots[:, None], signs * roots, free)
        minimise(evaluate, start, maxiter=max_steps, maxcor=N_LBFGS_PAIRS, ftol=tol)
    neurons, heights, _ = objective.unpack(objective.point)
    moved = np.abs(heights)[:, None] * neurons
    sizes = np.linalg.norm(moved, axis=1)
    kept = sizes > MIN_MASS_PER_LARGEST * sizes.max()
    return moved[kept], np.sign(heights[kept])
