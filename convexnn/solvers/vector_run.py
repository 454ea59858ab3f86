"""A run of column generation for several outputs: the network so far, and the moves that improve it.

The network lives on unit directions with output weights. The best output weights are a group lasso (`_group_masses`),
Newton's method moves the neurons in use (`_vector_newton`), and exact ascents on the price put them on the kinks where
they belong. While exact moves would be too dear, gradients of all weights do (`_vector_coarse`). All moves count their
work in units of about a nanosecond of one core, so that a budget needs no clock.
"""

from dataclasses import replace

import numpy as np

from .._utils.validation import is_late
from ..duality.ascent import perturbed_starts
from ..duality.vector_price import vector_price_function
from ..duality.vector_pricing import distinct_vector_maxima, vector_maxima, vector_starts, work_of_maxima
from ..masses.group_lasso import best_groups
from ._vector_coarse import best_free_terms, descend_all_weights, new_neurons, work_of_an_evaluation
from ._vector_newton import merge_neurons, slide_vectors
from ._violators import Violators
from ._work import proof_work
from .base import assemble

FIRST_STARTS, ROUGH_STARTS, MAX_STARTS = 32, 128, 2048
FEW_INPUTS = 4  # up to here the proof is as cheap as many starts
MAX_NEW, MAX_REMEMBERED = 32, 64
INNER_ROUNDS = 20
LITTLE = 0.02  # of the gap seen: what an inner round must gain for the next to be worth it
ALIKE, NARROWER, NARROWEST = 0.1, 0.5, 1e-6  # one minus the cosine of outputs of neurons tried as one
STILL = 1e-12  # relative gain of a round of the group lasso that is the last: Newton steps follow
ROUGHLY = 1e-5  # of the gap seen: gain below which the group lasso is left
NEWTON_WORK, MOST_NEWTON_WORK = 2e8, 2e10  # multiplications of a Newton step: some hundredths of a second, seconds
FINE = 1e-4  # gap seen from which on gradients are too coarse
ROUGH, SINGLE = 1e-2, 1e-3  # gaps seen down to which few steps of gradients, and single precision, will do
FEW_STEPS, MANY_STEPS = 60, 200
FEW_NEURONS = 4  # expected where there are none yet
ADOPTED_GAP = 1e-2  # how well a network is expected to fit that comes from elsewhere
GROUPS_WORK = 10.0  # of a round of the group lasso, in evaluations of the objective, up to which it is worth it
CALL_WORK = 1_000_000  # nanoseconds of a move besides its products
WORK_OF_A_PRODUCT = 0.2  # nanoseconds of a multiplication


class VectorRun:
    """Directions, outputs, free terms, the gap seen, and the work done; the objective never rises."""

    is_conclusive = True  # every search goes to the end
    begins_on_sample = False  # a sample of 30,000 rows cost as much as it saved

    def __init__(self, problem, unit, scale, rng, deadline=None, n_jobs=None, max_work=None):
        self.problem, self.rng, self.deadline, self.n_jobs = problem, rng, deadline, n_jobs
        self.unit, self.scale = unit, scale  # of the masses and of the objective, in the scale of the caller's problem
        self.has_budget = max_work is not None
        self.max_work, self.work = np.inf if max_work is None else max_work, 0.0
        self.directions = np.zeros((0, problem.design.shape[1]))
        self.outputs, self.free_fit, self.objective = best_groups(problem, np.zeros((len(problem.y), 0)))
        self.remembered, self.n_starts, self.visible = self.directions, FIRST_STARTS, 1.0
        self.alike, self.single = ALIKE, True

    def out_of_time(self):
        """Whether the deadline has passed."""
        return is_late(self.deadline)

    def is_over(self):
        """Whether the deadline has passed or the budget of work is spent."""
        return self.out_of_time() or self.work >= self.max_work

    def meter(self, amount):
        """Return what a move asks before every step: it counts the work and says whether to stop."""

        def stop():
            self.work += amount
            return self.is_over()

        return stop

    @property
    def primal(self):
        """The objective in the scale of the problem."""
        return self.objective * self.scale

    @property
    def width(self):
        """Number of neurons in use."""
        return len(self.directions)

    def borrow(self, network):
        """Take over the neurons of `network` as they are where that lowers the objective; return whether it has any."""
        active = network.masses > 0
        if np.any(active):
            roots = np.linalg.norm(network.neurons[active], axis=1)[:, None]
            self.place(network.directions[active], network.output_weights[active] * (roots / self.unit))
        return bool(np.any(active))

    def adopt(self, network):
        """Take over the neurons of `network` and move them to the best place they can reach by themselves."""
        active = network.masses > 0
        if not np.any(active):
            return
        self.borrow(network)
        if self.is_coarse(int(active.sum())):
            self.visible = ADOPTED_GAP
            self.descend(self.directions, self.outputs)
        else:
            self.accept(network.directions[active], None)
            self.improve(np.inf)

    def network(self, problem):
        """Return the best network so far in the scale of `problem`, the heaviest neuron first."""
        return build_vector_network(problem, self.directions, self.outputs * self.unit)

    def place(self, directions, outputs):
        """Stand at these directions and outputs, with the free terms that fit best, where that lowers the objective."""
        free_fit, objective = best_free_terms(self.problem, directions, outputs, self.free_fit)
        self.work += CALL_WORK + work_of_an_evaluation(self.problem, len(directions))
        if objective < self.objective:
            self.directions, self.outputs, self.free_fit, self.objective = directions, outputs, free_fit, objective

    def accept(self, directions, start):
        """Find the best outputs on `directions` and keep them when the objective does not rise."""
        fits = self.problem.hidden_fits(directions)
        still = max(STILL, ROUGHLY * self.visible)
        stop = self.meter(self._work_of_groups(len(directions)))
        outputs, free_fit, objective = best_groups(self.problem, fits, start, still, stop)
        if objective > self.objective:
            return False
        used = np.any(outputs != 0.0, axis=1)
        self.directions, self.outputs = directions[used], outputs[used]
        self.free_fit, self.objective = free_fit, objective
        return True

    def _work_of_groups(self, n_neurons):
        n, c = self.problem.y.shape
        return CALL_WORK + WORK_OF_A_PRODUCT * (n * float(n_neurons * c) ** 2 + float(n_neurons * c) ** 3)

    def join(self, directions, outputs=None):
        """Add directions to those in use."""
        start = np.zeros((len(directions), self.problem.n_outputs))
        self.accept(np.vstack([self.directions, directions]), np.vstack([self.outputs, start]))

    def level(self, excess):
        """The price that violators are above: beta and a share of it."""
        return self.problem.beta * (1.0 + excess)

    def join_and_improve(self, violators, excess):
        """Add directions that violate the dual constraint, and improve the network that has them."""
        directions = violators.directions
        if not self.is_coarse(len(self.directions) + len(directions)):
            self.join(directions)
            self.improve(excess)
            return
        n_neurons = len(self.directions) + len(directions)
        if self._work_of_groups(n_neurons) < GROUPS_WORK * work_of_an_evaluation(self.problem, n_neurons):
            self.join(directions)
            self.descend(self.directions, self.outputs)
            return
        fit = self.problem.hidden_fit(self.directions, self.outputs) + self.free_fit
        dual_point = self.problem.loss.dual_point(self.problem.y, fit, self.problem.weight)
        directions, outputs = new_neurons(self.problem, fit, dual_point, directions)
        self.descend(np.vstack([self.directions, directions]), np.vstack([self.outputs, outputs]))

    def descend(self, directions, outputs):
        """Lower the objective by gradients from these neurons, and keep the end where it is better."""
        single = self.single and self.visible > SINGLE
        directions, outputs, free_fit, objective = descend_all_weights(
            self.problem,
            directions,
            outputs,
            self.free_fit,
            dtype=np.float32 if single else np.float64,
            tolerance=1e-3 * LITTLE * self.visible,
            max_steps=FEW_STEPS if self.visible > ROUGH else MANY_STEPS,
            stop=self.meter((1.0 if single else 2.0) * work_of_an_evaluation(self.problem, len(directions))),
        )
        if objective < self.objective:
            self.directions, self.outputs, self.free_fit, self.objective = directions, outputs, free_fit, objective
        else:
            self.single = False

    def improve(self, excess):
        """Alternate outputs, Newton steps and local ascents from the neurons in use until none of them helps."""
        for _ in range(INNER_ROUNDS):
            before = self.objective
            if self.is_coarse(len(self.directions)):
                self.descend(self.directions, self.outputs)
            else:
                self._move_exactly(excess)
            if before - self.objective <= max(1e-14, LITTLE * self.visible) * before or self.is_over():
                break

    def _move_exactly(self, excess):
        merged = merge_neurons(self.problem.design, self.directions, self.outputs, self.alike)
        fewer = len(merged[0]) < len(self.directions)
        if not self._slide(*merged, alone=fewer) and fewer:
            self.alike = max(NARROWEST, NARROWER * self.alike)
            self._slide(self.directions, self.outputs)
        if np.isfinite(excess):
            violators = self.climb(self.directions, excess)
            if len(violators):
                self.join(violators.directions)

    def _slide(self, directions, outputs, alone=False):
        """Move these neurons; keep the result, or else add it to those in use if it may; return whether that helped."""
        before = self.objective
        stop = self.meter(CALL_WORK + WORK_OF_A_PRODUCT * self.newton_work(len(directions)))
        directions, outputs = slide_vectors(self.problem, directions, outputs, self.free_fit, stop=stop)
        if not self.accept(directions, outputs) and not alone:
            self.join(directions)
        return self.objective < before

    def newton_work(self, n_neurons):
        """Multiplications of a Newton step."""
        n, c = self.problem.y.shape
        return n * c * float(n_neurons * (self.problem.design.shape[1] + c)) ** 2

    def is_coarse(self, n_neurons):
        """Whether gradients do: Newton steps are too dear, and kinks do not matter yet."""
        work = self.newton_work(n_neurons)
        return work > NEWTON_WORK and (self.visible > FINE or work > MOST_NEWTON_WORK)

    def dual_point(self):
        """``-grad L`` at the fit, orthogonal to the free terms."""
        problem, hidden = self.problem, self.problem.hidden_fit(self.directions, self.outputs)
        if self.is_coarse(max(FEW_NEURONS, len(self.directions))):  # the free terms are as good as they need be
            return problem.orthogonal(problem.loss.dual_point(problem.y, hidden + self.free_fit, problem.weight))[0]
        return problem.dual_point(hidden)

    def climb(self, directions, excess):
        """Return the distinct `Violators` that ascents from these directions reach above ``level(excess)``."""
        function = vector_price_function(self.problem.design, self.dual_point())
        if function.rank == 0:
            return Violators(self.directions[:0])
        directions, values = self._ascend(function, function.reduce(directions))
        return Violators(directions[values > self.level(excess)][:MAX_NEW])

    def violators_of(self, price, excess):
        """Return the `Violators` that the `Price` of a proof has met, as this run sees them."""
        return self.climb(price.local_directions, excess)

    def _ascend(self, function, starts, rough=False):
        """Return the distinct maxima reached from `starts`, the largest first, and the price there."""
        self.work += CALL_WORK + work_of_maxima(function, len(starts), rough=rough)
        return distinct_vector_maxima(
            function, *vector_maxima(function, starts, self.deadline, self.n_jobs, rough=rough)
        )

    def search(self, excess):
        """Ascend from the neurons, the remembered maxima, around them and from random starts.

        Returns the `Violators` and notes in `visible` the gap that the largest value seen leaves.
        """
        level, dual_point = self.level(excess), self.dual_point()
        function = vector_price_function(self.problem.design, dual_point)
        if function.rank == 0:
            self.visible = self.gap(dual_point, 0.0)
            return Violators(self.directions[:0])
        known = np.vstack([self.directions, self.remembered])
        rough = self.is_coarse(max(FEW_NEURONS, len(self.directions)))
        n_starts = max(ROUGH_STARTS, self.n_starts) if rough else self.n_starts
        starts = vector_starts(function, known, n_starts, self.rng)
        if len(known):
            near = function.reduce(known)
            near, _ = perturbed_starts(near, np.ones(len(near)), n_starts // 2, self.rng)
            starts = np.vstack([starts, near])
        directions, values = self._ascend(function, starts, rough)
        self.remembered = directions[values > 0.7 * level][:MAX_REMEMBERED]
        seen = self.gap(dual_point, values.max(initial=0.0))
        self.visible = max(seen, self.visible if self.out_of_time() else 0.0)
        return Violators(directions[values > level][:MAX_NEW])

    def widen_search(self, proof, max_starts=None):
        """Search from more starts from now on; return whether that is worth it, before a proof is tried."""
        is_cheap = self.problem.design.shape[1] <= FEW_INPUTS and proof != "heuristic"
        enough = FIRST_STARTS if is_cheap else MAX_STARTS if max_starts is None else max_starts
        if 4 * self.n_starts > enough:
            return False
        self.n_starts *= 4
        return True

    @property
    def known_directions(self):
        """Directions of large price, from which a proof begins."""
        return self.remembered

    @property
    def proof_work(self):
        """The work of a proof that is not expected to end, None without a budget of work."""
        return proof_work(self.work) if self.has_budget else None

    def gap(self, dual_point, largest):
        """Relative gap if `largest` were the price of the dual point."""
        dual, _ = self.problem.dual_bound(dual_point, largest)
        return max(0.0, 1.0 - dual / self.objective) if self.objective > 0 else 0.0


def start_vector_run(problem, *options):
    """Return the `VectorRun` on a problem, from the network without neurons; None where no neuron can fit anything."""
    found = _scaled(problem)
    if found is None:
        return None
    scaled, unit = found
    scale = (problem.beta / scaled.beta) * unit if problem.loss.name == "squared" else 1.0
    return VectorRun(scaled, unit, scale, *options)


def _scaled(problem):
    """Return the problem in units of about one, the unit of the design and of the masses; None without a design.

    Targets of the squared loss are centred by the free terms and have norm one; those of other losses stay.
    """
    x_scale = float(np.abs(problem.design).max())
    if x_scale == 0.0:
        return None
    if problem.loss.name != "squared":
        return replace(problem, design=problem.design / x_scale, beta=problem.beta / x_scale), 1.0 / x_scale
    target = problem.centred
    largest = np.abs(target).max()
    if largest == 0.0:
        return None
    y_scale = float(largest * np.linalg.norm(target / largest))
    scaled = replace(
        problem, design=problem.design / x_scale, y=target / y_scale, beta=problem.beta / x_scale / y_scale
    )
    return scaled, y_scale / x_scale


def build_vector_network(problem, directions, outputs):
    """Return the balanced network of unit directions and outputs, heaviest first, with the best free terms."""
    masses = np.linalg.norm(outputs, axis=1)
    order = np.argsort(-masses, kind="stable")
    roots = np.sqrt(masses[order])[:, None]
    neurons, weights = directions[order] * roots, outputs[order] / np.where(roots > 0, roots, 1.0)
    return assemble(problem, neurons, weights, problem.free_coefficients(problem.hidden_fit(neurons, weights)))
