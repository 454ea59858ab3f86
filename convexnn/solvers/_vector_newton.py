"""Move the neurons of a network of several outputs to the best place of their cells: Newton's method between kinks.

A neuron (u, a) keeps its activation pattern while it stays in its cell, and rows on which it sits exactly are held at
zero by a basis of their null space, as in `_newton`. Between the kinks the objective

    ``L(sum_k (design u_k)_+ a_k^T + free B) + beta/2 sum_k (||u_k||^2 + ||a_k||^2)``

is smooth in all neurons and free terms together. It is not convex, so the Hessian is damped until it is positive; near
a global optimum it needs none. Steps are judged by the true objective, whatever cells they lead to: it never rises.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..losses import orthonormal
from ._newton import MAX_HELD_DISTANCE, STEP_LENGTHS, null_space

MAX_CROSSINGS = 12  # a line search tries the first 12 places where neurons meet new kinks
DAMPINGS = (1e-14, 1e-10, 1e-7, 1e-5, 1e-3, 1e-2, 0.1, 1.0, 10.0)  # relative to the mean of the diagonal, in this order
MIN_KEPT_MASS = 1e-12  # neurons with less than this share of the largest mass have vanished


@dataclass
class Point:
    """Neurons (K, n_inputs), outputs (K, n_outputs) and the coefficients of the free terms (n_free, n_outputs)."""

    neurons: np.ndarray
    outputs: np.ndarray
    free: np.ndarray

    def moved(self, step, t):
        """Return the point a step of length t ahead."""
        return Point(self.neurons + t * step.neurons, self.outputs + t * step.outputs, self.free + t * step.free)


class Cells:
    """A point with its kinks, and the smooth objective between them."""

    def __init__(self, problem, columns, point):
        self.problem, self.columns, self.point = problem, columns, point
        self.row_sizes = np.linalg.norm(problem.design, axis=1)
        self.find_kinks()

    def find_kinks(self):
        """Hold the rows on which the neurons lie, to rounding."""
        sizes = np.linalg.norm(self.point.neurons, axis=1)
        self.kinks = np.abs(self.values) <= MAX_HELD_DISTANCE * sizes[:, None] * self.row_sizes
        self.bases = [self._null_space(kink) for kink in self.kinks]

    @property
    def values(self):
        """``design u_k``, of shape (K, n_samples)."""
        return self.point.neurons @ self.problem.design.T

    @property
    def active(self):
        """Where neurons are on and off their kinks, of shape (K, n_samples)."""
        return (self.values > 0) & ~self.kinks

    def hidden(self, neurons):
        """The values of the hidden units, of shape (n_samples, K)."""
        return self.problem.activated(self.problem.design @ neurons.T)

    def _null_space(self, kink):
        rows = np.flatnonzero(kink & (self.row_sizes > 0))
        return null_space(self.problem.design[rows] / self.row_sizes[rows, None])

    def fit(self, point):
        """The fit at a point."""
        return self.hidden(point.neurons) @ point.outputs + self.columns @ point.free

    def objective(self, point):
        """The objective at a point."""
        problem = self.problem
        penalty = np.sum(point.neurons**2) + np.sum(point.outputs**2)
        return problem.loss.value(problem.y, self.fit(point), problem.weight) + 0.5 * problem.beta * penalty

    def derivatives(self):
        """Return gradient and Hessian in the coordinates of the null spaces, the outputs and the free terms."""
        problem, point = self.problem, self.point
        n, c = problem.y.shape
        fit, active = self.fit(point), self.active
        dual = problem.loss.dual_point(problem.y, fit, problem.weight)
        changes, pulls, ends, crosses = [], [], [0], []
        # Per neuron: the change of the fit by moves of u in its null space, and by moves of a.
        for neuron, output, mask, basis in zip(point.neurons, point.outputs, active, self.bases, strict=True):
            inner = problem.gains(mask)[:, None] * (problem.design @ basis)
            changes.append(np.einsum("ib,c->bic", inner, output))
            changes.append(np.einsum("i,cd->cid", inner @ (basis.T @ neuron), np.eye(c)))
            pulls += [problem.beta * (basis.T @ neuron), problem.beta * output]
            crosses.append(-inner.T @ dual)
            ends.append(ends[-1] + basis.shape[1] + c)
        # The free terms change the fit by their own columns, one for every output.
        changes.append(np.einsum("iq,cd->qcid", self.columns, np.eye(c)).reshape(-1, n, c))
        changes = np.concatenate(changes)
        gradient = -changes.reshape(len(changes), -1) @ dual.ravel()
        gradient[: ends[-1]] += np.concatenate(pulls)
        # Gauss-Newton part J^T L'' J and the weight decay beta on neurons and outputs.
        curved = problem.loss.curve(problem.y, fit, problem.weight, changes)
        hessian = changes.reshape(len(changes), -1) @ curved.reshape(len(changes), -1).T
        hessian[np.arange(ends[-1]), np.arange(ends[-1])] += problem.beta
        # The fit is bilinear in (u, a): the mixed second derivatives -nu^T (D X B) make the Hessian indefinite.
        for start, cross in zip(ends, crosses, strict=False):
            inner, outer = slice(start, start + len(cross)), slice(start + len(cross), start + len(cross) + c)
            hessian[inner, outer] += cross
            hessian[outer, inner] += cross.T
        return gradient, hessian

    def unpack(self, step):
        """Return a step in all coordinates as a `Point`."""
        c, at, neurons, outputs = self.problem.n_outputs, 0, [], []
        for basis in self.bases:
            neurons.append(basis @ step[at : at + basis.shape[1]])
            outputs.append(step[at + basis.shape[1] : at + basis.shape[1] + c])
            at += basis.shape[1] + c
        return Point(np.array(neurons), np.array(outputs), step[at:].reshape(-1, c))

    def crossings(self, step):
        """The lengths of `step` at which neurons meet kinks, inf where they do not, of shape (K, n_samples)."""
        values, shift = self.values, step.neurons @ self.problem.design.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where((values * (values + shift) < 0) & ~self.kinks, values / -shift, np.inf)

    def move(self, step, objective):
        """Go the best of a few lengths along `step`; return the new objective, the same where none is better."""
        crossings = self.crossings(step)
        first = np.unique(crossings[np.isfinite(crossings)])[:MAX_CROSSINGS]
        best, chosen = objective, 0.0
        for t in (*STEP_LENGTHS, *first):
            trial = self.objective(self.point.moved(step, t))
            if trial < best:
                best, chosen = trial, t
        if chosen > 0.0:
            self.point = self.point.moved(step, chosen)
            self._hold(crossings == chosen)
        return best

    def _hold(self, crossed):
        """Make kinks of the rows at which the step stopped."""
        for k in np.flatnonzero(crossed.any(axis=1)):
            kinks = self.kinks[k] | crossed[k]
            basis = self._null_space(kinks)
            projected = basis @ (basis.T @ self.point.neurons[k])
            if np.linalg.norm(projected) > 0.5 * np.linalg.norm(self.point.neurons[k]):
                self.kinks[k], self.bases[k], self.point.neurons[k] = kinks, basis, projected

    def balance_and_drop(self):
        """Balance the neurons and leave out those that have shrunk to nothing."""
        sizes, heights = np.linalg.norm(self.point.neurons, axis=1), np.linalg.norm(self.point.outputs, axis=1)
        masses = sizes * heights
        keep = masses > MIN_KEPT_MASS * masses.max(initial=0.0)
        factor = np.sqrt(heights[keep] / sizes[keep])[:, None]
        self.point = Point(self.point.neurons[keep] * factor, self.point.outputs[keep] / factor, self.point.free)
        self.keep(keep)

    def keep(self, keep):
        """Forget what is known of the neurons that have been left out."""
        self.kinks = self.kinks[keep]
        self.bases = [basis for basis, kept in zip(self.bases, keep, strict=True) if kept]


def move_vector_neurons(problem, directions, outputs, free_fit, *, max_steps=12, stop=lambda: False):
    """Improve the network of unit directions (K, n_inputs) and outputs (K, n_outputs); return both, moved.

    Parameters
    ----------
    problem : Problem
    directions, outputs : ndarrays, no row of them zero
    free_fit : ndarray of shape (n_samples, n_outputs)
        Values of the free terms.
    max_steps : int
    stop : callable
        Asked before every step.
    """
    if len(directions) == 0:
        return directions, outputs
    columns = orthonormal(problem.free)
    roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    cells = Cells(problem, columns, Point(directions * roots, outputs / roots, columns.T @ free_fit))
    newton_steps(cells, max_steps, stop)
    sizes = np.linalg.norm(cells.point.neurons, axis=1)[:, None]
    return cells.point.neurons / sizes, cells.point.outputs * sizes


def newton_steps(cells, max_steps=12, stop=lambda: False, keeps_damping=False):
    """Take damped Newton steps until none lowers the objective any more, or `stop()` says so; return the objective.

    With `keeps_damping` a step tries no damping that is more than one below that of the step before.
    """
    objective, first = cells.objective(cells.point), 0
    for _ in range(max_steps):
        if stop():
            break
        before = objective
        gradient, hessian = cells.derivatives()
        # Damp until the Hessian is positive and the step lowers the true objective.
        for k in range(first, len(DAMPINGS)):
            step = _damped_step(hessian, gradient, DAMPINGS[k])
            if step is not None:
                first = max(0, k - 1) if keeps_damping else 0
                objective = cells.move(cells.unpack(step), before)
                if objective < before or -gradient @ step <= 1e-15 * before:
                    break
        cells.balance_and_drop()
        if len(cells.point.neurons) == 0 or not objective < before * (1.0 - 1e-15):
            break
    return objective


def _damped_step(hessian, gradient, damping):
    """Return the Newton step of a damped Hessian, None where that is not positive."""
    shift = damping * float(np.trace(hessian)) / len(hessian)
    try:
        return -cho_solve(cho_factor(hessian + shift * np.eye(len(hessian)), check_finite=False), gradient)
    except LinAlgError:
        return None
