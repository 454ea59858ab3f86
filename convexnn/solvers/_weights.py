"""Lower the objective in all weights of a network at once, by L-BFGS: the width stays, whatever the loss is.

Newton's method on the kinks (`_newton`, `_vector_newton`) is exact, but pays ``n c p^2`` for a step with p weights, and
may need more neurons on its way. Here

    ``L(sum_k (design u_k)_+ a_k^T + free B) + beta/2 sum_k (||u_k||^2 + ||a_k||^2)``

is lowered by gradients, a few matrix products each, with one output or several.
"""

import numpy as np
from scipy.optimize import minimize

from ..losses import orthonormal

MEMORY, MOST_STEPS = 20, 200  # pairs and steps of L-BFGS
SMALLEST = 1e-10  # mass, relative to the largest


class _Stopped(Exception):
    """The budget has ended; the best point is kept."""


class _Objective:
    """The objective of all weights, flattened into one vector."""

    def __init__(self, problem, columns, n_neurons, stop):
        self.problem, self.columns, self.stop = problem, columns, stop
        d, c = problem.design.shape[1], problem.y[:1].size
        self.shapes = [(n_neurons, d), (n_neurons, c), (columns.shape[1], c)]
        self.ends = np.cumsum([rows * entries for rows, entries in self.shapes])
        self.best, self.point = np.inf, None

    def unpack(self, vector):
        """Return neurons, outputs and the coefficients of the free terms."""
        parts = np.split(vector, self.ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def __call__(self, vector):
        """Return the objective and its gradient."""
        if self.stop() and self.point is not None:
            raise _Stopped
        problem, (neurons, outputs, free) = self.problem, self.unpack(vector)
        hidden = np.maximum(problem.design @ neurons.T, 0.0)
        fit = (hidden @ outputs + self.columns @ free).reshape(problem.y.shape)
        penalty = 0.5 * problem.beta * (np.sum(neurons**2) + np.sum(outputs**2))
        value = problem.loss.value(problem.y, fit, problem.weight) + penalty
        if value < self.best:
            self.best, self.point = value, vector.copy()
        dual = problem.loss.dual_point(problem.y, fit, problem.weight).reshape(len(fit), -1)
        pull = ((dual @ outputs.T) * (hidden > 0)).T @ problem.design
        slopes = problem.beta * neurons - pull, problem.beta * outputs - hidden.T @ dual, -self.columns.T @ dual
        return value, np.concatenate([slope.ravel() for slope in slopes])


def descend_weights(problem, directions, outputs, free_fit, *, tolerance=1e-9, stop=lambda: False):
    """Improve the network of unit directions (K, n_inputs) and outputs (K, n_outputs); return both, moved.

    Parameters
    ----------
    problem : Problem or VectorProblem
    directions, outputs : ndarrays, no row of them zero
        A column of outputs for a `Problem`.
    free_fit : ndarray of the shape of the targets
        Values of the free terms.
    tolerance : float
        Relative decrease of a step below which it ends.
    stop : callable
        Asked before every evaluation.
    """
    columns = orthonormal(problem.free)
    roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    objective = _Objective(problem, columns, len(directions), stop)
    start = np.concatenate([(directions * roots).ravel(), (outputs / roots).ravel(), (columns.T @ free_fit).ravel()])
    options = {"maxiter": MOST_STEPS, "maxcor": MEMORY, "ftol": tolerance, "gtol": 0.0}
    try:
        minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    except _Stopped:
        pass
    neurons, outputs, _ = objective.unpack(objective.point)
    sizes = np.linalg.norm(neurons, axis=1)
    masses = sizes * np.linalg.norm(outputs, axis=1)
    kept = masses > SMALLEST * masses.max(initial=0.0)
    return neurons[kept] / sizes[kept, None], outputs[kept] * sizes[kept, None]
