"""The coarse moves of `vector_run`: gradients of all weights at once, where group lassos and Newton steps are too dear.

    ``L(sum_k (design u_k)_+ a_k^T + free B) + beta/2 sum_k (||u_k||^2 + ||a_k||^2)``

is lowered in all neurons and free terms by L-BFGS, a few matrix products an evaluation, in single precision while the
gap is wide. New neurons start with a small share of the mass that would be best for each of them alone.
"""

import numpy as np

from ..duality.rough import MAX_DIRECTION_COSINE, MAX_OUTPUT_COSINE
from ..losses import orthonormal
from ..losses.several_outputs import loss_hessian
from ._lbfgs import StoppableObjective, minimise, parts_of

N_COARSE_PAIRS = 10  # pairs of L-BFGS that are remembered
MIN_COARSE_MASS_SHARE = 1e-8  # neurons with less than this share of the largest mass have vanished
MAX_FREE_STEPS, MIN_FREE_GAIN = 6, 1e-10  # Newton steps of the free terms, and the relative gain of the last one
FREE_DAMPING_PER_TRACE = 1e-10  # a share of the trace of their Hessian is added to its diagonal, which may be singular
MIN_CURVATURE_OVER_LARGEST = 1e-3  # a new neuron's curvature counts as at least this share of what it may be
FIRST_MASS_SHARE = 0.3  # a new neuron begins with 0.3 of the mass that is best for it alone
WORK_OF_A_CALL = 200_000  # nanoseconds, as are these: of a multiplication, an entry of the loss, a weight of L-BFGS
WORK_OF_A_PRODUCT, WORK_OF_A_TERM, WORK_OF_A_WEIGHT = 0.2, 30.0, 40.0


class _AllWeights(StoppableObjective):
    """The objective of neurons, outputs and coefficients of the free terms, as one vector."""

    def __init__(self, problem, columns, n_neurons, dtype, stop):
        super().__init__(stop)
        self.problem, self.columns = problem, columns
        self.design = problem.design.astype(dtype, copy=False)
        shapes = [(n_neurons, problem.design.shape[1]), (n_neurons, problem.n_outputs)]
        self.shapes = [*shapes, (columns.shape[1], problem.n_outputs)]

    def unpack(self, vector):
        """Return neurons, outputs and the coefficients of the free terms."""
        return parts_of(vector, self.shapes)

    def __call__(self, vector):
        """Return the objective and its gradient."""
        self.check_budget()
        problem, (neurons, outputs, free) = self.problem, self.unpack(vector)
        rows = self.design, self.columns, problem.y, problem.weight
        loss, pulls = loss_and_pulls(problem.loss, *rows, neurons, outputs, free)
        value = loss + 0.5 * problem.beta * (vector @ vector)
        value -= 0.5 * problem.beta * float(np.sum(free**2))
        self.note(value, vector)
        slopes = problem.beta * neurons - pulls[0], problem.beta * outputs - pulls[1], -pulls[2]
        return value, np.concatenate([slope.ravel() for slope in slopes]).astype(float)


def loss_and_pulls(loss, design, columns, Y, weight, neurons, outputs, free):
    """Return the loss on some rows and its negative slopes in neurons, outputs and coefficients of the free terms.

    The products have the precision of `design`.
    """
    dtype = design.dtype
    rounded = outputs.astype(dtype, copy=False)
    hidden = design @ neurons.T.astype(dtype, copy=False)
    np.maximum(hidden, 0.0, out=hidden)
    value, dual = loss.value_and_dual_point(Y, hidden @ rounded + columns @ free, weight)
    forces = dual.astype(dtype, copy=False) @ rounded.T
    forces *= hidden > 0.0
    return value, (forces.T @ design, hidden.T @ dual, columns.T @ dual)


def work_of_an_evaluation(problem, n_neurons):
    """Return about how many nanoseconds the objective of all weights takes."""
    n, c = problem.y.shape
    products = n * n_neurons * (problem.design.shape[1] + 1.5 * c)
    weights = n_neurons * (problem.design.shape[1] + c)
    return WORK_OF_A_CALL + WORK_OF_A_PRODUCT * products + WORK_OF_A_TERM * n * c + WORK_OF_A_WEIGHT * weights


def descend_all_weights(problem, directions, outputs, free_fit, *, dtype, tol, max_steps, stop):
    """Improve unit directions (K, n_inputs), outputs (K, n_outputs) and free terms, given by their values.

    Returns
    -------
    directions, outputs, free_fit, objective
        In double precision; neurons that have shrunk to nothing are left out.
    """
    columns = orthonormal(problem.free) * np.sqrt(len(problem.y))  # entries of about one, like those of the design
    roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    objective = _AllWeights(problem, columns, len(directions), dtype, stop)
    start = np.concatenate(
        [(directions * roots).ravel(), (outputs / roots).ravel(), (columns.T @ free_fit / len(free_fit)).ravel()]
    )

    minimise(objective, start, objective.until_flat(tol), maxiter=max_steps, maxcor=N_COARSE_PAIRS, ftol=0.0)
    neurons, outputs, free = objective.unpack(objective.point)
    sizes = np.linalg.norm(neurons, axis=1)
    masses = sizes * np.linalg.norm(outputs, axis=1)
    kept = masses > MIN_COARSE_MASS_SHARE * masses.max(initial=0.0)
    directions, outputs = neurons[kept] / sizes[kept, None], outputs[kept] * sizes[kept, None]
    return directions, outputs, *best_free_terms(problem, directions, outputs, columns @ free)


def best_free_terms(problem, directions, outputs, free_fit):
    """Return better values of the free terms, some Newton steps from `free_fit`, and the objective there."""
    hidden, basis = problem.hidden_fit(directions, outputs), orthonormal(problem.free)
    fit, value = hidden + free_fit, problem.loss.value(problem.y, hidden + free_fit, problem.weight)
    for _ in range(MAX_FREE_STEPS if basis.shape[1] else 0):
        slope = basis.T @ problem.loss.dual_point(problem.y, fit, problem.weight)
        hessian = loss_hessian(problem.loss, problem.y, fit, problem.weight, basis)
        hessian[np.diag_indices_from(hessian)] += FREE_DAMPING_PER_TRACE * max(np.trace(hessian), np.finfo(float).tiny)
        ahead = fit + basis @ np.linalg.solve(hessian, slope.ravel()).reshape(slope.shape)
        before, there = value, problem.loss.value(problem.y, ahead, problem.weight)
        if not there < before:
            break
        fit, value = ahead, there
        if before - there <= MIN_FREE_GAIN * before:
            break
    penalty = problem.beta * float(np.linalg.norm(outputs, axis=1).sum())
    return fit - hidden, value + penalty


def new_neurons(problem, fit, dual_point, directions):
    """Return directions and small outputs of the neurons that violate the constraint at a fit, less those alike."""
    fits = problem.hidden_fits(directions)
    pulls = fits.T @ dual_point
    prices = np.linalg.norm(pulls, axis=1)
    units = pulls / np.maximum(prices, np.finfo(float).tiny)[:, None]
    same = (directions @ directions.T > MAX_DIRECTION_COSINE) & (units @ units.T > MAX_OUTPUT_COSINE)
    kept: list[int] = []
    for k in np.flatnonzero(prices > problem.beta):
        if not np.any(same[k, kept]):
            kept.append(int(k))
    changes = fits[:, kept].T[:, :, None] * units[kept][:, None, :]
    curved = problem.loss.curve(problem.y, fit, problem.weight, changes)
    curvatures = np.einsum("knc,knc->k", changes, curved)
    # Where the loss is linear there is next to no curvature, and no mass would be large enough.
    least = MIN_CURVATURE_OVER_LARGEST * problem.loss.steepness * (problem.weight @ fits[:, kept] ** 2)
    masses = FIRST_MASS_SHARE * (prices[kept] - problem.beta) / np.maximum(curvatures, least)
    return directions[kept], masses[:, None] * units[kept]
