"""Train with losses that have kinks, the absolute and the quantile one: proximal steps on the dual.

The loss ``max_s s r`` of the residual r is replaced by ``max_s s r - spread/2 (s - centre)^2``, which is smooth, and
the centre moved to the dual point found (Rockafellar, *Augmented Lagrangians and applications of the proximal
point algorithm*, Math. Oper. Res. 1976). So the spread need not vanish. After every step the masses on the
directions found are made best for the loss itself by a linear program.
"""

from dataclasses import replace

import numpy as np

from .._utils.clock import now
from .._utils.norms import unit_rows
from .._utils.validation import is_late
from ..duality.certificate import certify_problem
from ..duality.cuts import best_dual_point
from .base import Status, assemble, build_zero_network, conclude, hand_over, make_record, proof_options
from .column_generation import MAX_ITER, solve_column_generation

SPREAD_SHRINKAGE = 0.2  # the spread of a step is this share of the last one
FIRST_SPREAD = 0.3  # the spread of the first step is 0.3 of the mean residual without neurons
MAX_PROXIMAL_STEPS = 20
MAX_IDLE_PROXIMAL_STEPS = 3  # steps in a row that leave over half of the gap, before the run ends
FIRST_STEP_TOLERANCE, STEP_TOLERANCE_PER_GAP = 1e-2, 0.03  # of the first; of others per gap left
AIMED_GAP_PER_TOL = 0.5  # the steps end at half of the tolerance: the proof adds its own to the gap that ascents see
STEPS_OF_A_BUDGET = 5  # as many steps, each with a fifth, share a budget of work
STEP_STARTS = 128  # random starts of a search: what one step misses the next may find
MAX_PROGRAM_ENTRIES = 5_000_000  # entries of the linear program of the masses


def solve_kinked(
    problem,
    *,
    tol=1e-6,
    max_iter=MAX_ITER,
    deadline=None,
    proof="auto",
    n_jobs=None,
    rng,
    start=None,
    report=None,
    max_work=None,
):
    """Train on a `Problem` whose loss has kinks, with one output or several; see `solve_column_generation`."""
    return _Steps(problem, tol, max_iter, deadline, proof, n_jobs, rng, report, max_work).run(start)


class _Steps:
    """The best network and the best dual point of the proximal steps."""

    def __init__(self, problem, tol, max_iter, deadline, proof, n_jobs, rng, report, max_work=None):
        self.problem, self.tol, self.max_iter, self.deadline = problem, tol, max_iter, deadline
        self.proof, self.n_jobs, self.rng, self.report = proof, n_jobs, rng, report
        self.work_of_a_step = None if max_work is None else max_work / STEPS_OF_A_BUDGET
        self.started, self.history, self.rounds = now(), [], 0
        self.network, self.primal = None, np.inf
        self.nu, self.dual, self.centre = None, 0.0, 0.0

    def run(self, start):
        """Step until the gap that is seen is small; return the `Solution`."""
        self.offer(self.empty() if start is None else start)
        residual = np.abs(self.problem.y - self.empty().predict(self.problem.features))
        spread, status = FIRST_SPREAD * float(np.mean(residual)), Status.converged
        if spread > 0.0:
            status = self.interruptible(spread, start)
        options = proof_options(self.tol, self.proof, self.deadline, self.n_jobs, status)
        certificate = certify_problem(self.network, self.problem, dual_points=self.dual_points(), **options)
        return conclude(
            self.network,
            certificate,
            status,
            tol=self.tol,
            n_iter=self.rounds,
            history=self.history,
            visible_gap=self.gap,
        )

    def interruptible(self, spread, start):
        """Take proximal steps; return the status, which may be that the user has interrupted them."""
        try:
            return self.steps(spread, start)
        except KeyboardInterrupt:
            self.deadline = now()
            return Status.interrupted

    def dual_points(self):
        """The best dual point of the steps, and where it is not good enough that of cutting planes."""
        known = [] if self.nu is None else [self.nu]
        if self.gap <= self.tol or is_late(self.deadline):
            return known
        network, used = self.network, self.network.masses > 0
        options = {"starts": network.directions, "deadline": self.deadline, "n_jobs": self.n_jobs}
        return [
            *known,
            best_dual_point(self.problem, network.directions[used], network.output_weights[used], **options),
        ]

    def steps(self, spread, network):
        """Take proximal steps; return the status."""
        tolerance, idle = FIRST_STEP_TOLERANCE, 0
        for _ in range(MAX_PROXIMAL_STEPS if self.work_of_a_step is None else STEPS_OF_A_BUDGET):
            before, smooth = self.gap, self.problem.loss.smoothed(self.centre, spread)
            solution = solve_column_generation(
                replace(self.problem, loss=smooth),
                tol=tolerance,
                max_iter=max(1, self.max_iter - self.rounds),
                deadline=self.deadline,
                proof="heuristic",
                n_jobs=self.n_jobs,
                rng=self.rng,
                start=network,
                max_starts=STEP_STARTS,
                max_work=self.work_of_a_step,
            )
            network, self.rounds = solution.network, self.rounds + solution.n_iter
            self.step_to(replace(self.problem, loss=smooth), solution)
            if solution.status is Status.interrupted or is_late(self.deadline):
                return Status.interrupted if solution.status is Status.interrupted else Status.time_limit
            if self.gap <= AIMED_GAP_PER_TOL * self.tol:
                return Status.converged
            if self.rounds >= self.max_iter:
                return Status.max_iter
            idle = idle + 1 if self.gap > 0.5 * before else 0
            if idle >= MAX_IDLE_PROXIMAL_STEPS:
                break
            tolerance, spread = (
                max(0.1 * self.tol, STEP_TOLERANCE_PER_GAP * min(1.0, self.gap)),
                SPREAD_SHRINKAGE * spread,
            )
        return Status.stalled if self.work_of_a_step is None else Status.settled

    def step_to(self, smooth, solution):
        """Note what a step has found, and move the centre to its dual point."""
        network, problem = solution.network, self.problem
        nu = smooth.dual_point(problem.hidden_fit(network.neurons, network.output_weights))
        value, scale = problem.dual_bound(nu, solution.certificate.price.value)
        self.centre = scale * nu / problem.beside(problem.weight)
        if value > self.dual:
            self.nu, self.dual = nu, value
        self.offer(network)
        self.offer(with_best_masses(problem, network, self.deadline))
        self.history.append(make_record(self.started, self.primal, self.gap, self.network.width))
        hand_over(self.report, self.history[-1], lambda: self.network)

    @property
    def gap(self):
        """The relative gap, as far as ascents see."""
        return max(0.0, 1.0 - self.dual / self.primal) if self.primal > 0 else 0.0

    def empty(self):
        """The best network without neurons."""
        return build_zero_network(self.problem)

    def offer(self, network):
        """Keep a network if it is the best so far."""
        primal = self.problem.objective(network)
        if primal < self.primal:
            self.network, self.primal = network, primal


def with_best_masses(problem, network, deadline=None):
    """Return the network with the masses and free terms that are best for its directions, by a linear program.

    With several outputs these are directions of output weights too. Or the network as it is, when the deadline passes
    before the masses are found.
    """
    directions, outputs = network.directions, output_directions(network)
    n_free = problem.free.shape[1] * problem.n_outputs
    if problem.y.size * (len(outputs) + n_free) > MAX_PROGRAM_ENTRIES or len(outputs) == 0:
        return network
    hidden = problem.hidden_fits(directions)
    fits = hidden * outputs if outputs.ndim == 1 else hidden[:, None, :] * outputs.T
    found = problem.loss.fit_masses(problem.y, fits, problem.free, problem.weight, problem.beta, deadline)
    if found is None:
        return network
    masses, free = found
    roots, used = np.sqrt(np.maximum(masses, 0.0)), masses > 0
    neurons, weights = roots[used, None] * directions[used], (outputs[used].T * roots[used]).T
    return assemble(problem, neurons, weights, free)


def output_directions(network):
    """Return the output weights of every neuron over their norm: of one output its sign."""
    return network.signs if network.output_weights.ndim == 1 else unit_rows(network.output_weights)[0]
