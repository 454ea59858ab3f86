"""Newton's method on the loss: column generation for losses that are smooth and not quadratic.

Around a fit z with ``nu = -grad L(z)`` and the curvatures h the loss is, to second order and up to a constant, a
squared loss with the weights h and the targets ``z + nu / h``. So every model is a problem for a `ScalarRun`,
and the price of its residual is that of nu itself. The masses that improve the model give a direction in which the
true objective, which is convex in the masses, is searched: it never rises.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..programs.scaling import scale_problem
from ._neuron_descent import LossRows, descend_neurons
from .scalar_run import MIN_INNER_GAIN, MIN_INNER_GAIN_PER_GAP, SINGLE_UNTIL_GAP, Pool, ScalarRun, network_of

FIRST_DAMPING, MIN_DAMPING = 1e-1, 1e-3  # every row has at least this share of the largest curvature
MAX_DAMPING = 1e6  # where no damping up to here helps, the free terms fit everything
MAX_MODELS_PER_ROUND = 30
MAX_MODEL_HALVINGS = 30  # the way to the best masses of a model is halved at most 30 times
GRADIENTS_UNTIL_GAP = 1e-2  # visible gap above which neurons move by gradients of the loss, on medium data
GRADIENTS_TOLERANCE = 1e-5  # relative decrease of a step of gradients that is the last


def start_model_run(problem, *options):
    """Return the `ModelRun` on a problem from the network without neurons; None where that is optimal."""
    point = _Point.at(problem, _empty_pool(problem))
    if not np.any(point.nu) or not np.any(problem.design):
        return None
    scaled, damping = _scaled_model(problem, point.hidden, FIRST_DAMPING)
    return None if scaled is None else ModelRun(problem, point, scaled, damping, *options)


@dataclass(frozen=True)
class _Point:
    """A pool with masses in the scale of the problem, its hidden fit, dual point and objective."""

    pool: Pool
    hidden: np.ndarray
    nu: np.ndarray
    primal: float

    @classmethod
    def at(cls, problem, pool, hidden=None):
        """Evaluate a pool, whose hidden fit may be known."""
        if hidden is None:
            hidden = problem.hidden_fit(pool.directions, pool.signs * pool.masses)
        fit = hidden + problem.free @ problem.free_coefficients(hidden)
        value = problem.loss.value(problem.y, fit, problem.weight)
        nu = problem.loss.dual_point(problem.y, fit, problem.weight)
        return cls(pool, hidden, nu, value + problem.beta * float(pool.masses.sum()))


class ModelRun(ScalarRun):
    """A run on quadratic models of the loss; `point` is the best network so far, where the model was made."""

    def __init__(self, problem, point, scaled, damping, *options):
        self.problem, self.point, self.damping = problem, point, damping
        super().__init__(scaled, *options)

    @property
    def primal(self):
        """The objective of the best network so far."""
        return self.point.primal

    def borrow(self, network):
        """Take over the neurons of `network`, with their masses where that lowers the objective."""
        active = np.flatnonzero((network.masses > 0) & (network.signs != 0))
        pool = Pool(network.directions[active], network.signs[active], network.masses[active])
        point = _Point.at(self.problem, pool)
        if point.primal < self.primal:
            self._move_to(point)
        elif len(active):
            self.accept(self.pool.join(pool.directions, pool.signs))
        return len(active) > 0

    def start_at(self, pool):
        """Stand at a pool with masses in the scale of the problem where that is the best so far."""
        point = _Point.at(self.problem, pool)
        if point.primal < self.primal:
            self._move_to(point)

    def improve(self, excess):
        """Improve models until the true objective gains little beside what new neurons promise.

        Far from the optimum one model says what new neurons weigh, and gradients of the loss itself do the rest.
        """
        if self._takes_gradients:
            self._advance()
            self._descend()
            if not self.is_medium:
                self.accept(self.pool)  # the best masses are zero for neurons that the others make up for
                self._advance()
            return
        for _ in range(MAX_MODELS_PER_ROUND):
            before = self.primal
            super().improve(excess)
            self._advance()
            gain = before - self.primal
            if gain <= MIN_INNER_GAIN * before or self.is_over():
                break
            if max(gain / before, self._own_gap()) <= MIN_INNER_GAIN_PER_GAP * self.promise:
                break

    @property
    def _takes_gradients(self):
        """Whether gradients of the loss are better than models: far from the optimum, and nearer on long data."""
        if self.is_medium:
            return self.exploring or self.promise > GRADIENTS_UNTIL_GAP
        return self.is_coarse and self.promise > SINGLE_UNTIL_GAP

    def gap(self, largest):
        """Relative gap if `largest` were the price of the model's residual."""
        price = largest * self.scaled.x_scale * self.scaled.y_scale
        dual, _ = self.problem.dual_bound(self.point.nu, price)
        return max(0.0, 1.0 - dual / self.primal) if self.primal > 0 else 0.0

    def _own_gap(self):
        """The relative gap if no other neurons existed: what better masses could gain."""
        pool = self.pool.take(self.pool.used)
        prices = self.residual @ self.scaled.fits(pool.directions, pool.signs)
        return self.gap(float(prices.max(initial=0.0)))

    def network(self, problem):
        """Return the best network so far, the heaviest neuron first."""
        return network_of(problem, self.point.pool)

    def _advance(self):
        """Search the segment from the point to the model's masses, and make the model of where that ends."""
        start, unit = self.point, self.scaled.y_scale / self.scaled.x_scale
        used = self.pool.take(self.pool.used)
        end = _Point.at(self.problem, replace(used, masses=used.masses * unit))
        share, point = 1.0, end
        while point.primal >= start.primal and share > 0.5**MAX_MODEL_HALVINGS:
            share *= 0.5
            point = self._between(start, end, share)
        self.damping = max(MIN_DAMPING, 0.1 * self.damping) if share == 1.0 else min(1.0, 10.0 * self.damping)
        self._move_to(point if point.primal < start.primal else start)

    def _descend(self):
        """Move all neurons of the point by gradients of the loss."""
        rows, pool, problem = LossRows(self.problem), self.point.pool, self.problem
        if len(pool.signs) == 0:
            return
        free = rows.free_basis.T @ (problem.free @ problem.free_coefficients(self.point.hidden))
        options = self.descent_options | ({"tol": GRADIENTS_TOLERANCE} if self.is_medium else {})
        blocks, signs = pool.masses[:, None] * pool.directions, pool.signs
        blocks, signs = descend_neurons(rows, blocks, signs, free=free, dtype=np.float32, **options)
        sizes = np.linalg.norm(blocks, axis=1)
        point = _Point.at(problem, Pool(blocks / sizes[:, None], signs, sizes))
        if point.primal < self.primal:
            self._move_to(point)

    def _between(self, start, end, share):
        """Return the point with this share of the masses of `end` and the rest of those of `start`."""
        rest = replace(start.pool, masses=(1.0 - share) * start.pool.masses)
        pool = rest.join(end.pool.directions, end.pool.signs, share * end.pool.masses)
        return _Point.at(self.problem, pool, (1.0 - share) * start.hidden + share * end.hidden)

    def _move_to(self, point):
        """Make the model around a point, and stand there: the price of the residual is that of the point's nu.

        Where no model is left, because the point's nu is rounding, the last one stays.
        """
        self.point = point
        scaled, damping = _scaled_model(self.problem, point.hidden, self.damping)
        if scaled is not None:
            self.damping = damping
            self.load(scaled)
        masses = point.pool.masses * (self.scaled.x_scale / self.scaled.y_scale)
        self.place(replace(point.pool, masses=masses))


def _scaled_model(problem, hidden, damping):
    """The model in units of one and its damping, a larger one where nothing at all would be best; (None, damping)."""
    scaled = None
    while scaled is None and damping <= MAX_DAMPING:
        scaled = scale_problem(problem.model(hidden, damping))
        if scaled is None:
            damping *= 2.0
    return scaled, damping


def _empty_pool(problem):
    return Pool(np.zeros((0, problem.design.shape[1])), np.zeros(0), np.zeros(0))
