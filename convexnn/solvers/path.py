"""Networks near the optimum of one strength after the other: a path for choosing, in the time of a perceptron.

Column generation with nothing exact in it: at every strength the directions that ascents find violating join the
network, each with the mass that would be best for it alone, and all weights move together by L-BFGS. That comes within
some per cent of the optimal objective or less, which held-out scores hardly see, and proves nothing.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..duality.rough import distinct_starts, rough_maxima
from ..losses import minimum_norm_fit
from ..programs.problem import Problem
from ..programs.units import in_units
from ._merging import merge_alike
from ._weights import Metric, WeightSpace
from .base import assemble

MAX_NEW_PER_STRENGTH = 32  # neurons that join at one strength
JOIN_FROM_PRICE = 1.01  # a neuron joins from a price of 1.01 strengths on
STRENGTH_DESCENT = {"maxiter": 100, "ftol": 1e-5, "maxcor": 10}  # options of L-BFGS at one strength
VECTOR_STEPS, MAX_NEW_VECTOR_NEURONS = 40, 16  # several outputs: held-out scores do not gain by more steps and neurons
SMOOTHING_SPREAD = 0.03  # losses with kinks are smoothed over 0.03 units of the targets
FREE_STEPS, FREE_DECREASE = 200, 1e-9  # steps of L-BFGS on the free terms alone; the relative decrease that is the last
NEGLIGIBLE_MASS_SHARE = 1e-6  # neurons with less of the largest mass are dropped
MAX_SINGLE_OFFSET = 1e3  # size of a column over its spread that single precision can bear,
MIN_SINGLE_SIZE = 1e-12  # and of a column over the largest one
NANOSECONDS_PER_PRODUCT = 0.05  # one core takes 0.05 ns for a multiplication


@dataclass(frozen=True)
class Point:
    """A network on the path, in the units of the problem that was followed.

    Attributes
    ----------
    neurons, outputs : ndarrays of shape (K, n_inputs) and (K, n_outputs)
        Balanced.
    free : ndarray of shape (n_free, n_outputs)
        Coefficients of the columns of the free terms.
    objective : float
    """

    neurons: np.ndarray
    outputs: np.ndarray
    free: np.ndarray
    objective: float

    def fit(self, problem: Problem) -> np.ndarray:
        """Return the values at the rows of a problem, of the shape of its targets."""
        hidden = np.maximum(problem.design @ self.neurons.T, 0.0) @ self.outputs
        return (hidden + problem.free @ self.free).reshape(problem.y.shape)

    def network(self, problem: Problem) -> Any:
        """Return the `TwoLayerReLU`, the heaviest neuron first."""
        masses = np.linalg.norm(self.neurons, axis=1) * np.linalg.norm(self.outputs, axis=1)
        order = np.argsort(-masses, kind="stable")
        shape = (-1, *problem.y.shape[1:])
        outputs, free = self.outputs[order].reshape(shape), self.free.reshape(shape)
        return assemble(problem, self.neurons[order], outputs, free)


class Path:
    """A network that follows decreasing strengths of one problem.

    Parameters
    ----------
    problem : Problem
        Its own strength does not matter. Its design and its targets are not zero.
    rng : numpy.random.Generator
        Chooses the starts of the ascents.
    max_width : int, optional
    stop : callable
        Asked before every step; when it is true the network stays where it is.

    Attributes
    ----------
    work : float
        So far, in units of about a nanosecond of one core.
    price : float
        The largest one seen after the last move: the least strength without neurons, while there are none.
    """

    def __init__(self, problem, rng, max_width=None, stop=lambda: False):
        self.problem, self.rng, self.stop = problem, rng, stop
        self.max_width = np.inf if max_width is None else max_width
        self.units = in_units(problem)
        scaled = _smoothed(self.units.problem)
        dtype = np.float32 if _is_moderate(scaled.design) else np.float64
        self.columns = scaled.free_basis / np.sqrt(scaled.weight)[:, None]
        self.space = WeightSpace(scaled, self.columns, dtype, stop, Metric(scaled))
        n_outputs = self.space.n_outputs
        self.most_new = MAX_NEW_PER_STRENGTH if n_outputs == 1 else MAX_NEW_VECTOR_NEURONS
        self.descent = STRENGTH_DESCENT if n_outputs == 1 else STRENGTH_DESCENT | {"maxiter": VECTOR_STEPS}
        self.neurons = np.zeros((0, scaled.design.shape[1]))
        self.outputs, self.free = np.zeros((0, n_outputs)), self._first_free_terms()
        # Without neurons first: prices at the best free terms say which neurons join, and from which strength on.
        self._descend(0.0, maxiter=FREE_STEPS, ftol=FREE_DECREASE)
        self._search()

    @property
    def size(self):
        """About the largest price that there can be."""
        return self.units.beta_unit * len(self.problem.y)

    @property
    def work(self):
        """So far, in units of about a nanosecond of one core."""
        return NANOSECONDS_PER_PRODUCT * self.space.n_products

    def follow(self, beta):
        """Move to a strength, in the scale of the problem, and return the `Point` there."""
        level = beta / self.units.beta_unit
        # New neurons, all weights by gradients, then the directions that the next strength lets in.
        self._grow(level)
        if len(self.neurons):
            self._descend(level, **self.descent)
            self._search()
        return self.point()

    def _first_free_terms(self):
        """Return coefficients to start from: those that solvers find, which end far out where classes are separated."""
        scaled = self.units.problem
        if scaled.loss.labels and scaled.y.ndim == 1 and self.columns.shape[1]:
            fit = scaled.free @ scaled.free_coefficients(np.zeros(len(scaled.y)))
            return (self.columns.T @ (scaled.weight * fit))[:, None]
        return np.zeros((self.columns.shape[1], self.space.n_outputs))

    def start(self, point):
        """Take over the neurons of a point on another path, of a problem with the same inputs and outputs."""
        root = np.sqrt(self.units.mass_unit)
        self.neurons, self.outputs = point.neurons / root, point.outputs / root
        self._search()

    def point(self):
        """Return the `Point` where the network is."""
        root = np.sqrt(self.units.mass_unit)
        return Point(root * self.neurons, root * self.outputs, self._free_terms(), self.units.loss_unit * self.value)

    def _free_terms(self):
        """Return the coefficients of the columns of the problem's free terms."""
        problem = self.problem
        free = self.units.fit_unit * (self._change_of_columns @ self.free)
        if problem.loss.labels or not problem.free.shape[1]:
            return free
        return free + problem.fitting_free_terms.reshape(free.shape)

    @cached_property
    def _change_of_columns(self):
        """The matrix (n_free, rank) that makes the columns of the path of those of the problem."""
        free = self.problem.free.astype(np.float64)
        return minimum_norm_fit(free, self.columns) if free.shape[1] else np.zeros((0, 0))

    def _descend(self, level, **options):
        """Lower the objective in all weights; neurons that fade are dropped."""
        found = self.space.descend(self.neurons, self.outputs, self.free, level, **options)
        self.neurons, self.outputs, self.free, self.value = found
        masses = np.linalg.norm(self.neurons, axis=1) * np.linalg.norm(self.outputs, axis=1)
        kept = masses > NEGLIGIBLE_MASS_SHARE * masses.max(initial=0.0)
        self.neurons, self.outputs = self.neurons[kept], self.outputs[kept]

    def _search(self):
        """Find directions and outputs of large prices, for the next round."""
        problem, space = self.space.problem, self.space
        fit, _ = space.fit(self.neurons, self.outputs, self.free)
        dual = problem.loss.dual_point(problem.y, fit, problem.weight).reshape(len(fit), -1)
        # What the free terms have not yet taken up would hide all that neurons alone can do.
        dual = dual - problem.weight[:, None] * (self.columns @ (self.columns.T @ dual))
        self.found = rough_maxima(space.design, dual.astype(space.dtype), self.neurons, self.rng)
        self.price = float(self.found[2].max(initial=0.0)) * self.units.beta_unit

    def _grow(self, level):
        """Let violators join, each with the mass that is best for it alone."""
        directions, outputs, prices = self.found
        room = int(min(self.most_new, self.max_width - len(self.neurons)))
        chosen = distinct_starts(directions, outputs, prices, JOIN_FROM_PRICE * level, room)
        if len(chosen):
            problem = self.space.problem
            # (price - beta) / curvature along the neuron is the best mass for it alone; several share the residual.
            fits = np.maximum(self.space.design @ directions[chosen].T, 0.0)
            curvature = _steepness(problem) * (problem.weight @ fits**2)
            roots = np.sqrt((prices[chosen] - level) / curvature / len(chosen))[:, None]
            self.neurons = np.vstack([self.neurons, roots * directions[chosen]])
            self.outputs = np.vstack([self.outputs, roots * outputs[chosen]])
            self._merge()

    def _merge(self):
        """Join the neurons of several outputs that are nearly the same: growing networks have many of them."""
        if self.space.n_outputs > 1:
            sizes = np.linalg.norm(self.neurons, axis=1)[:, None]
            directions, outputs = merge_alike(self.neurons / sizes, self.outputs * sizes)
            roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
            self.neurons, self.outputs = directions * roots, outputs / roots


def _steepness(problem):
    """Return the largest curvature of the loss of a row, about that of the secants of a loss with kinks."""
    loss = problem.loss
    steepness = getattr(loss, "largest_curvature", getattr(loss, "steepness", np.inf))
    return steepness if np.isfinite(steepness) else 1.0


def _is_moderate(design):
    """Whether single precision tells the rows apart."""
    spread = design.std(axis=0)
    offset = np.abs(design).max(axis=0)
    small = offset[offset > 0] < MIN_SINGLE_SIZE * offset.max(initial=0.0)
    return bool(np.all(offset[spread > 0] <= MAX_SINGLE_OFFSET * spread[spread > 0]) and not small.any())


def _smoothed(problem):
    """Return the problem with a smooth loss."""
    if problem.loss.is_smooth:
        return problem
    return replace(problem, loss=problem.loss.smoothed(0.0, SMOOTHING_SPREAD))
