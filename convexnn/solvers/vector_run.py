"""A run of column generation for several outputs: the network so far, and the moves that improve it.

The network lives on unit directions with output weights. The best output weights are a group lasso
(`masses.group_lasso`), Newton's method moves the neurons in use (`_vector_newton`), and exact ascents on the price
put them on the kinks where they belong. While exact moves would be too dear, gradients of all weights do
(`_vector_coarse`). All moves count their work in units of about a nanosecond of one core, so that a budget needs no
clock.
"""

from dataclasses import replace

import numpy as np

from .._utils.row_blocks import is_long
from .._utils.validation import is_late
from ..duality.ascent import distinct_maxima, perturbed_starts
from ..duality.vector_ascent import work_of_maxima
from ..duality.vector_price import vector_price_function
from ..losses import minimum_norm_fit
from ..masses.group_lasso import best_groups
from ._batches import ROWS_PER_BATCH, BatchDescent
from ._merging import merge_alike, merge_neurons
from ._vector_coarse import WORK_OF_A_CALL, best_free_terms, descend_all_weights, new_neurons, work_of_an_evaluation
from ._vector_newton import move_vector_neurons
from ._violators import Violators
from ._work import CALL_WORK, COARSE_VECTOR_PRODUCTS, MAX_VECTOR_PRODUCTS, proof_work, vector_newton_products
from .base import assemble
from .scalar_run import (
    ADOPTED_GAP,
    DESCENT_TOLERANCE_PER_GAIN,
    FIRST_STARTS,
    MAX_REMEMBERED,
    REMEMBERED_FROM_PRICE,
)

N_BATCH_NEURONS = 100  # of the first descent on batches,
N_BATCH_PASSES, MIN_BATCH_STEPS = 30, 1500  # which passes over all rows 30 times, and more where that is fewer steps
MAX_VECTOR_STARTS = 2048  # random starts of a search after which none is missed any more
MIN_TARGET_SINGULAR_VALUE = 1e-13  # principal axes of the targets below this share of the largest are rounding
MIN_KNOWN_TERMS_GAIN = 1e-6  # of the objective: free terms that are worse by more have been missed
COARSE_STARTS = 128  # at least as many while moves are coarse
MAX_CHEAP_PROOF_INPUTS = 4  # on up to four inputs a proof is as cheap as many starts
MAX_NEW_VECTOR_NEURONS = 32  # violators that join at once
MAX_VECTOR_ROUNDS = 20
MIN_VECTOR_GAIN_PER_GAP = 0.02  # inner rounds end when one lowers the objective by less than 0.02 of the visible gap,
MIN_VECTOR_GAIN = 1e-14  # or by less than this share of itself
FIRST_MERGED_DISTANCE, MIN_MERGED_DISTANCE = 0.1, 1e-6  # neurons whose outputs differ by less, as 1 - cosine, may merge
MERGED_DISTANCE_SHRINKAGE = 0.5  # after a merger that did not help
SHARE_SHRINKAGE, MIN_TOLERANCE_SHARE = 0.25, 1e-3  # of the tolerances of coarse moves, where one gained too little
MIN_GROUPS_GAIN = 1e-12  # the group lasso ends after a round that gains less of the objective than this,
MIN_GROUPS_GAIN_PER_GAP = 1e-5  # or less than 1e-5 of the visible gap: Newton steps follow
COARSE_VECTOR_UNTIL_GAP = 1e-4  # visible gap below which Newton steps up to the larger of them are worth it
FEW_STEPS_UNTIL_GAP = 1e-2  # visible gap down to which short descents will do
SINGLE_VECTOR_UNTIL_GAP = 1e-3  # visible gap down to which single precision will do
SHORT_DESCENT, LONG_DESCENT = 60, 200  # steps of L-BFGS
EXPECTED_NEURONS = 4  # a network without neurons is judged as one of four: whether Newton steps are too dear
MAX_GROUPS_WORK = 10.0  # a round of the group lasso is worth up to ten evaluations of the objective
WORK_PER_PRODUCT = 0.2  # nanoseconds of a multiplication


class VectorRun:
    """Directions, outputs, free terms, the gap seen, and the work done; the objective never rises."""

    is_conclusive = True  # every search goes to the end

    def __init__(self, problem, axes, unit, scale, rng, deadline=None, n_jobs=None, max_work=None):
        self.problem, self.rng, self.deadline, self.n_jobs = problem, rng, deadline, n_jobs
        self.axes = axes  # orthonormal columns; the caller's outputs are those here times the transpose
        self.unit, self.scale = unit, scale  # of the masses and of the objective, in the scale of the caller's problem
        self.has_budget = max_work is not None
        self.max_work, self.work = np.inf if max_work is None else max_work, 0.0
        self.directions = np.zeros((0, problem.design.shape[1]))
        self.outputs, self.free_fit, self.objective = best_groups(problem, np.zeros((len(problem.y), 0)))
        self.remembered, self.n_starts, self.visible = self.directions, FIRST_STARTS, 1.0
        self.merged_distance, self.single = FIRST_MERGED_DISTANCE, True
        self.alike_share, self.tolerance_share = 1.0, 1.0  # of coarse moves

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
            outputs = network.output_weights[active] * (roots / self.unit)
            self.place(network.directions[active], self._on_axes(outputs))
        return bool(np.any(active))

    def begin(self, problem, record):
        """Begin with a network that batches of rows lead to, on long data; else the first search says which neurons.

        Where an interrupt or a budget ends this, the network so far is kept. `record` is called at every network.
        """
        if not is_long(self.problem.design):
            return
        row = (work_of_an_evaluation(self.problem, N_BATCH_NEURONS) - WORK_OF_A_CALL) / len(self.problem.y)
        options = {"work_of_a_row": row, "max_work": self.max_work - self.work, "deadline": self.deadline}
        descent = BatchDescent(self.problem, self.rng, n_neurons=N_BATCH_NEURONS, **options)
        n_steps = max(MIN_BATCH_STEPS, N_BATCH_PASSES * len(self.problem.y) // ROWS_PER_BATCH)
        try:
            descent.run(n_steps)
        finally:
            self.work += descent.take_work()
            self.place(*descent.network())
        record()

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
        outputs = self.outputs if self._is_unturned else self.outputs @ self.axes.T
        given = problem, self.directions, outputs * self.unit
        network = build_vector_network(*given)
        if problem.loss.is_quadratic or not problem.free.shape[1]:
            return network
        # Where classes are separated the best free terms lie far out, and may be missed: those of the run are known.
        values = self.free_fit
        if not problem.loss.is_separable:  # a constant added to all outputs of a row changes nothing
            values = values - values.mean(axis=1)[:, None]
        own = build_vector_network(*given, minimum_norm_fit(problem.free, values))
        least = problem.objective(network) * (1.0 - MIN_KNOWN_TERMS_GAIN)
        return own if problem.objective(own) < least else network

    @property
    def _is_unturned(self):
        return len(self.axes) == self.axes.shape[1]

    def _on_axes(self, outputs):
        """Return outputs of the caller's problem as outputs here."""
        return outputs if self._is_unturned else outputs @ self.axes

    def place(self, directions, outputs, free_fit=None):
        """Stand at these directions and outputs, with the free terms that fit best, where that lowers the objective.

        These are looked for from `free_fit`, or from those so far.
        """
        free_fit = self.free_fit if free_fit is None else free_fit
        free_fit, objective = best_free_terms(self.problem, directions, outputs, free_fit)
        self.work += CALL_WORK + work_of_an_evaluation(self.problem, len(directions))
        if objective < self.objective:
            self.directions, self.outputs, self.free_fit, self.objective = directions, outputs, free_fit, objective

    def accept(self, directions, start):
        """Find the best outputs on `directions` and keep them when the objective does not rise."""
        fits = self.problem.hidden_fits(directions)
        still = max(MIN_GROUPS_GAIN, MIN_GROUPS_GAIN_PER_GAP * self.visible)
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
        return CALL_WORK + WORK_PER_PRODUCT * (n * float(n_neurons * c) ** 2 + float(n_neurons * c) ** 3)

    def join(self, directions):
        """Add directions to those in use."""
        start = np.zeros((len(directions), self.problem.n_outputs))
        self.accept(np.vstack([self.directions, directions]), np.vstack([self.outputs, start]))

    def level(self, excess):
        """The price that violators are above: beta and a share of it."""
        return self.problem.beta * (1.0 + excess)

    def join_and_improve(self, violators, excess):
        """Add directions that violate the dual constraint, and improve the network that has them."""
        directions = violators.directions
        # Newton steps where they are affordable; else gradients, after the group lasso where that is cheap enough.
        if not self.is_coarse(len(self.directions) + len(directions)):
            self.join(directions)
            self.improve(excess)
            return
        n_neurons = len(self.directions) + len(directions)
        if self._work_of_groups(n_neurons) < MAX_GROUPS_WORK * work_of_an_evaluation(self.problem, n_neurons):
            self.join(directions)
            self.descend(self.directions, self.outputs)
            return
        if len(directions) == 0:
            self.descend(self.directions, self.outputs)
            return
        # Too many for a group lasso: new neurons begin with a share of the mass that is best for each alone.
        fit = self.problem.hidden_fit(self.directions, self.outputs) + self.free_fit
        dual_point = self.problem.loss.dual_point(self.problem.y, fit, self.problem.weight)
        directions, outputs = new_neurons(self.problem, fit, dual_point, directions)
        self.descend(np.vstack([self.directions, directions]), np.vstack([self.outputs, outputs]))

    def descend(self, directions, outputs):
        """Lower the objective by gradients from these neurons, and keep the end where it is better."""
        given = len(directions)
        directions, outputs = merge_alike(directions, outputs, self.alike_share)
        merged = len(directions) < given
        single = self.single and self.visible > SINGLE_VECTOR_UNTIL_GAP
        directions, outputs, free_fit, objective = descend_all_weights(
            self.problem,
            directions,
            outputs,
            self.free_fit,
            dtype=np.float32 if single else np.float64,
            tol=DESCENT_TOLERANCE_PER_GAIN * MIN_VECTOR_GAIN_PER_GAP * self.visible * self.tolerance_share,
            max_steps=SHORT_DESCENT if self.visible * self.tolerance_share > FEW_STEPS_UNTIL_GAP else LONG_DESCENT,
            stop=self.meter((1.0 if single else 2.0) * work_of_an_evaluation(self.problem, len(directions))),
        )
        gain = self.objective - objective
        if not gain > MIN_VECTOR_GAIN_PER_GAP * self.visible * self.objective:
            # Longer descents, and mergers of what is nearer, promise more than new neurons.
            self.tolerance_share = max(MIN_TOLERANCE_SHARE, SHARE_SHRINKAGE * self.tolerance_share)
            self.alike_share = SHARE_SHRINKAGE * self.alike_share if merged else self.alike_share
            self.single = self.single and (gain > 0.0 or merged)
        if gain > 0.0:
            self.directions, self.outputs, self.free_fit, self.objective = directions, outputs, free_fit, objective

    def improve(self, excess):
        """Alternate outputs, Newton steps and local ascents from the neurons in use until none of them helps."""
        for _ in range(MAX_VECTOR_ROUNDS):
            before = self.objective
            if self.is_coarse(len(self.directions)):
                self.descend(self.directions, self.outputs)
            else:
                self._move_exactly(excess)
            if (
                before - self.objective <= max(MIN_VECTOR_GAIN, MIN_VECTOR_GAIN_PER_GAP * self.visible) * before
                or self.is_over()
            ):
                break

    def _move_exactly(self, excess):
        # Merged neurons are fewer, and Newton steps cheaper; where that does not help the next merger is more careful.
        merged = merge_neurons(self.problem.design, self.directions, self.outputs, self.merged_distance)
        fewer = len(merged[0]) < len(self.directions)
        if not self._move_neurons(*merged, alone=fewer) and fewer:
            self.merged_distance = max(MIN_MERGED_DISTANCE, MERGED_DISTANCE_SHRINKAGE * self.merged_distance)
            self._move_neurons(self.directions, self.outputs)
        if np.isfinite(excess):
            violators = self.climb(self.directions, excess)
            if len(violators):
                self.join(violators.directions)

    def _move_neurons(self, directions, outputs, alone=False):
        """Move these neurons; keep the result, or else add it to those in use if it may; return whether that helped."""
        before = self.objective
        stop = self.meter(CALL_WORK + WORK_PER_PRODUCT * vector_newton_products(self.problem, len(directions)))
        directions, outputs = move_vector_neurons(self.problem, directions, outputs, self.free_fit, stop=stop)
        if not self.accept(directions, outputs) and not alone:
            self.join(directions)
        return self.objective < before

    def is_coarse(self, n_neurons):
        """Whether gradients do: Newton steps are too dear, and kinks do not matter yet."""
        work = vector_newton_products(self.problem, n_neurons)
        return work > COARSE_VECTOR_PRODUCTS and (self.visible > COARSE_VECTOR_UNTIL_GAP or work > MAX_VECTOR_PRODUCTS)

    def dual_point(self):
        """``-grad L`` at the fit, orthogonal to the free terms."""
        problem, hidden = self.problem, self.problem.hidden_fit(self.directions, self.outputs)
        if self.is_coarse(max(EXPECTED_NEURONS, len(self.directions))):  # the free terms are as good as they need be
            return problem.orthogonal(problem.loss.dual_point(problem.y, hidden + self.free_fit, problem.weight))[0]
        return problem.dual_point(hidden)

    def climb(self, directions, excess):
        """Return the distinct `Violators` that ascents from these directions reach above ``level(excess)``."""
        function = vector_price_function(self.problem.design, self.dual_point())
        if function.rank == 0:
            return Violators(self.directions[:0])
        directions, values = self._ascend(function, function.reduce(directions))
        return Violators(directions[values > self.level(excess)][:MAX_NEW_VECTOR_NEURONS])

    def violators_of(self, price, excess):
        """Return the `Violators` that the `Price` of a proof has met, as this run sees them."""
        return self.climb(price.local_directions, excess)

    def _ascend(self, function, starts, rough=False):
        """Return the distinct maxima reached from `starts`, the largest first, and the price there."""
        self.work += CALL_WORK + work_of_maxima(function, len(starts), rough=rough)
        found = function.climb(starts, rough=rough, deadline=self.deadline, n_jobs=self.n_jobs)
        directions, _, values = distinct_maxima(function, *found)
        return directions, values

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
        rough = self.is_coarse(max(EXPECTED_NEURONS, len(self.directions)))
        n_starts = max(COARSE_STARTS, self.n_starts) if rough else self.n_starts
        starts = function.starts(known, n_starts, self.rng)
        if len(known):
            near = function.reduce(known)
            near, _ = perturbed_starts(near, np.ones(len(near)), n_starts // 2, self.rng)
            starts = np.vstack([starts, near])
        directions, values = self._ascend(function, starts, rough)
        self.remembered = directions[values > REMEMBERED_FROM_PRICE * level][:MAX_REMEMBERED]
        seen = self.gap(dual_point, values.max(initial=0.0))
        self.visible = max(seen, self.visible if self.out_of_time() else 0.0)
        return Violators(directions[values > level][:MAX_NEW_VECTOR_NEURONS])

    def widen_search(self, proof, max_starts=None):
        """Search from more starts from now on; return whether that is worth it, before a proof is tried."""
        is_cheap = self.problem.design.shape[1] <= MAX_CHEAP_PROOF_INPUTS and proof != "heuristic"
        enough = FIRST_STARTS if is_cheap else MAX_VECTOR_STARTS if max_starts is None else max_starts
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
    found = scaled_outputs(problem)
    if found is None:
        return None
    scaled, unit = found
    if not problem.loss.is_quadratic:
        return VectorRun(scaled, np.eye(scaled.n_outputs), unit, 1.0, *options)
    return VectorRun(*_on_principal_axes(scaled), unit, (problem.beta / scaled.beta) * unit, *options)


def _on_principal_axes(problem):
    """Return a problem of the squared loss without the outputs that its targets do not reach, and the axes it is on.

    The squared loss and the penalty stay the same when the outputs are rotated, and off the span of the targets
    outputs only cost.
    """
    n_outputs = problem.n_outputs
    _, values, rotation = np.linalg.svd(problem.y, full_matrices=False)
    rank = int(np.sum(values > MIN_TARGET_SINGULAR_VALUE * values[0]))
    if rank == n_outputs:
        return problem, np.eye(n_outputs)
    axes = rotation[:rank].T
    return replace(problem, y=np.ascontiguousarray(problem.y @ axes)), axes


def scaled_outputs(problem):
    """Return the problem in units of about one, the unit of the design and of the masses; None without a design.

    Targets of the squared loss are centred by the free terms and have norm one; those of other losses stay.
    """
    x_scale = float(np.abs(problem.design).max())
    if x_scale == 0.0:
        return None
    if not problem.loss.is_quadratic:
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


def build_vector_network(problem, directions, outputs, coefficients=None):
    """Return the balanced network of unit directions and outputs, heaviest first.

    The free terms have these `coefficients`, the best ones by default.
    """
    masses = np.linalg.norm(outputs, axis=1)
    order = np.argsort(-masses, kind="stable")
    roots = np.sqrt(masses[order])[:, None]
    neurons, weights = directions[order] * roots, outputs[order] / np.where(roots > 0, roots, 1.0)
    if coefficients is None:
        coefficients = problem.free_coefficients(problem.hidden_fit(neurons, weights))
    return assemble(problem, neurons, weights, coefficients)
