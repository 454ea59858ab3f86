"""Lower the objective in all weights of a network at once, by L-BFGS: the width stays, whatever the loss is.

Newton's method on the kinks (`_newton`, `_vector_newton`) is exact, but pays ``n c p^2`` for a step with p weights, and
may need more neurons on its way. Here

    ``L(sum_k (design u_k)_+ a_k^T + columns B) + beta/2 sum_k (||u_k||^2 + ||a_k||^2)``

is lowered by gradients, a few matrix products each, with one output or several.
"""

import numpy as np

from .._utils.row_blocks import gate, shut
from ..losses import orthonormal
from ._lbfgs import N_LBFGS_PAIRS, StoppableObjective, minimise, parts_of

MAX_LBFGS_STEPS = 200
MIN_MASS_PER_LARGEST = 1e-10  # neurons with less than this share of the largest mass have vanished


class Metric:
    """Coordinates of neurons in which the columns of the data are centred and of one size.

    Where columns lie far from zero or are of different sizes, gradients in the weights themselves point nearly the same
    way for all rows, and descents take for ever. With a hidden bias, whose column is the last, columns are centred.
    """

    def __init__(self, problem):
        design, share = problem.design, problem.weight / problem.weight.sum()
        mean = share @ design if problem.hidden_bias else np.zeros(design.shape[1])
        one = design[0, -1] if problem.hidden_bias else 1.0
        if problem.hidden_bias:
            mean[-1] = 0.0
        sizes = np.sqrt(share @ (design - mean) ** 2)
        self.scales = np.median(sizes[sizes > 0]) / np.where(sizes > 0, sizes, np.inf)
        self.scales[sizes == 0.0] = 1.0
        self.shift = mean / one

    def weights(self, points):
        """Return the neurons at points, both of shape (K, n_inputs)."""
        neurons = points * self.scales
        neurons[:, -1] -= neurons @ self.shift
        return neurons

    def points(self, neurons):
        """Return the points of neurons."""
        points = neurons.copy()
        points[:, -1] += neurons @ self.shift
        return points / self.scales

    def slopes(self, slopes):
        """Return the slopes in the points, of those in the neurons."""
        return (slopes - slopes[:, -1:] * self.shift) * self.scales


class WeightSpace(StoppableObjective):
    """The objective of all weights of a network on one problem, and its descent.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of shape (n_samples, n_free)
        Basis of the free terms; the columns need not be those of the problem, but must span as much.
    dtype : type
        Precision of the products.
    stop : callable
        Asked before every evaluation.
    metric : Metric, optional
        Coordinates of the neurons to descend in.

    Attributes
    ----------
    n_products : int
        Multiplications of all evaluations so far.
    """

    def __init__(self, problem, columns, dtype=np.float64, stop=lambda: False, metric=None):
        super().__init__(stop)
        self.problem, self.dtype, self.metric = problem, dtype, metric
        self.design = np.ascontiguousarray(problem.design, dtype)
        self.columns = np.ascontiguousarray(columns, dtype)
        self.n_outputs = problem.y[:1].size
        self.n_products = 0

    def descend(self, neurons, outputs, free, beta, **options):
        """Return neurons (K, d), outputs (K, c) and free coefficients (q, c) at the end of L-BFGS, and the objective.

        Parameters
        ----------
        neurons, outputs, free : ndarrays
        beta : float
        **options
            Those of scipy's L-BFGS-B.
        """
        self.beta, self.shapes = beta, [part.shape for part in (neurons, outputs, free)]
        self.best, self.point = np.inf, None
        points = neurons if self.metric is None else self.metric.points(neurons)
        start = np.concatenate([points.ravel(), outputs.ravel(), free.ravel()])
        minimise(self, start, **({"maxcor": N_LBFGS_PAIRS} | options))
        return *self.unpack(self.point), self.best

    def unpack(self, vector):
        """Return neurons, outputs and the coefficients of the free terms."""
        points, outputs, free = parts_of(vector, self.shapes)
        return points if self.metric is None else self.metric.weights(points), outputs, free

    def fit(self, neurons, outputs, free):
        """Return the values at the rows, of the shape of the targets, and the hidden layer in between."""
        hidden = self.design @ neurons.T.astype(self.dtype)
        np.maximum(hidden, 0.0, out=hidden)
        fit = hidden @ outputs.astype(self.dtype) + self.columns @ free.astype(self.dtype)
        return fit.astype(np.float64, copy=False).reshape(self.problem.y.shape), hidden

    def __call__(self, vector):
        """Return the objective and its gradient."""
        self.check_budget()
        problem, (neurons, outputs, free) = self.problem, self.unpack(vector)
        fit, hidden = self.fit(neurons, outputs, free)
        self.n_products += 2 * hidden.size * (neurons.shape[1] + self.n_outputs)
        penalty = 0.5 * self.beta * (np.sum(neurons**2) + np.sum(outputs**2))
        loss, dual = problem.loss.value_and_dual_point(problem.y, fit, problem.weight)
        value, dual = loss + penalty, dual.reshape(len(fit), -1).astype(self.dtype)
        self.note(value, vector)
        # grad a = beta a - H^T nu, grad u = beta u - X^T (1[H > 0] nu a^T), grad b = -Z^T nu.
        second = self.beta * outputs - hidden.T @ dual
        weights = outputs.T.astype(self.dtype)
        if len(weights) == 1:
            pull = hidden
            gate(pull, dual[:, 0], weights[0])
        else:
            pull = dual @ weights
            if pull.size:
                shut(pull, hidden)
        first = self.beta * neurons - pull.T @ self.design
        slopes = first if self.metric is None else self.metric.slopes(first), second, -self.columns.T @ dual
        return value, np.concatenate([slope.ravel() for slope in slopes], dtype=np.float64)


def descend_weights(problem, directions, outputs, free_fit, *, tol=1e-9, stop=lambda: False):
    """Improve the network of unit directions (K, n_inputs) and outputs (K, n_outputs); return both, moved.

    Parameters
    ----------
    problem : Problem
    directions, outputs : ndarrays, no row of them zero
        A column of outputs for a `Problem`.
    free_fit : ndarray of the shape of the targets
        Values of the free terms.
    tol : float
        Relative decrease of a step below which it ends.
    stop : callable
        Asked before every evaluation.
    """
    columns = orthonormal(problem.free)
    space = WeightSpace(problem, columns, stop=stop)
    # Balanced neurons, ||u|| = ||a||, have the least penalty of their fit.
    roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    start = directions * roots, outputs / roots, columns.T @ free_fit.reshape(len(columns), -1)
    neurons, outputs, *_ = space.descend(*start, problem.beta, maxiter=MAX_LBFGS_STEPS, ftol=tol)
    sizes = np.linalg.norm(neurons, axis=1)
    masses = sizes * np.linalg.norm(outputs, axis=1)
    kept = masses > MIN_MASS_PER_LARGEST * masses.max(initial=0.0)
    return neurons[kept] / sizes[kept, None], outputs[kept] * sizes[kept, None]
