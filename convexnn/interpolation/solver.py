"""Minimum-norm interpolation by the method of multipliers (Bregman iterations) on the squared-loss solver.

Solve the squared problem with the targets ``y + beta nu``, take its residual divided by beta for the next nu, repeat:
a proximal point method on the dual problem, which ends fast when beta is small. Newton's method makes every iterate an
interpolating network, whose cost and the price of nu bound the gap from both sides.
"""

from dataclasses import dataclass, field

import numpy as np

from .._utils.clock import now
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..duality.pricing import search_price
from ..solvers.base import Status, build_network, conclude, hand_over, make_record, proof_options
from ..solvers.column_generation import MAX_ITER, solve_column_generation
from .certificate import certify_interpolant, interpolation_price
from .restoring import any_interpolant, newton_pair, restored

FIRST_STRENGTH, MIN_STRENGTH = 1e-3, 1e-7  # of the price of the targets: the strength of the squared problems
MAX_GAP_LEFT = 0.1  # a step that leaves more of the gap is followed by one with a tenth of the strength
MAX_STEP_TOLERANCE, MIN_STEP_TOLERANCE = 1e-6, 1e-11  # of the squared problems
AIMED_GAP_PER_TOL = 1e-2  # steps are cheap near the end, and halving the gap is worth one
NEWTON_FROM_GAP = 1e-5  # gap from which on Newton's method is tried on both problems at once
MAX_IDLE_STEPS = 6  # in a row that leave more than half of the gap, before the run ends
PRICE_STARTS = 16  # random starts of the ascents that price a dual point


def solve_interpolation(
    problem, *, tol=1e-6, max_iter=MAX_ITER, deadline=None, proof="auto", n_jobs=None, rng, report=None, start=None
):
    """Return the cheapest interpolating network of an `InterpolationProblem`, with what is proven about it.

    Parameters
    ----------
    problem : InterpolationProblem
        With a penalised bias, or none; `solve_free_bias` is for the other kind.
    tol : float
        Relative gap at which the run ends.
    max_iter : int
        Largest number of pricing rounds, over all squared problems.
    deadline, proof, n_jobs, rng, report, start
        As in `solve_column_generation`.

    Returns
    -------
    solution : Solution
    nu : ndarray of shape (n_distinct,)
        The dual point of `solution.certificate`, on the rows of the problem.

    Raises
    ------
    SolverError
        When rounding keeps every network that was met from interpolating.
    """
    run = _Multipliers(problem, tol, max_iter, deadline, proof, n_jobs, rng, report, start)
    return run.run()


@dataclass
class _Multipliers:
    """The state of one run: the dual point, the last network and the best interpolating one."""

    problem: object
    tol: float
    max_iter: int
    deadline: float | None
    proof: str
    n_jobs: int | None
    rng: np.random.Generator
    report: object
    network: object
    rounds: int = 0
    gap: float = 1.0  # relative, as far as local ascents see
    best: object = None
    bound: float = 0.0  # the largest dual value, as far as local ascents see
    history: list = field(default_factory=list)

    def run(self):
        started, problem = now(), self.problem
        self.best_point = self.nu = np.zeros(len(problem.y))
        if not np.any(problem.centred):
            none = np.zeros((0, problem.design.shape[1]))
            self.best = build_network(problem, none, np.zeros(0), np.zeros(0))
            return self._solution(Status.converged, self._certify("exact"))
        with one_blas_thread():
            price = search_price(problem.design, problem.centred, proof="heuristic", n_starts=PRICE_STARTS).value
        try:
            return self._rounds(price, started)
        except KeyboardInterrupt:
            if self.network is None:  # not even the first problem was solved
                raise
            return self._finish(Status.interrupted)

    def _rounds(self, price, started):
        """Solve squared problems until the gap is small, or nothing helps any more."""
        beta, searching, idle = FIRST_STRENGTH * price, "heuristic", 0
        while True:
            before = self.gap
            status = self._step(beta, searching)
            self._record(started)
            if self.gap <= NEWTON_FROM_GAP:
                self._offer_newton_pair()
            if self.gap <= AIMED_GAP_PER_TOL * self.tol or 0.5 * before < self.gap <= 0.5 * self.tol:
                certificate = self._certify(self.proof)
                self.gap = max(self.gap, certificate.heuristic_gap)
                if self.gap <= self.tol:
                    return self._solution(Status.converged, certificate)
                searching = self.proof  # the proof has found violators: let it hand them to the solver
            if status in (Status.time_limit, Status.interrupted, Status.max_iter):
                return self._finish(status)
            idle = idle + 1 if self.gap > 0.5 * before else 0
            if idle >= MAX_IDLE_STEPS:
                return self._finish(Status.stalled)
            if self.gap > MAX_GAP_LEFT * before:
                beta = max(0.1 * beta, MIN_STRENGTH * price)

    def _step(self, beta, proof):
        """One squared problem; return how its solver ended."""
        problem = self.problem.squared(self.nu, beta)
        solution = solve_column_generation(
            problem,
            tol=min(MAX_STEP_TOLERANCE, max(MIN_STEP_TOLERANCE, 1e-4 * self.gap)),
            max_iter=max(1, self.max_iter - self.rounds),
            deadline=self.deadline,
            proof=proof,
            n_jobs=self.n_jobs,
            rng=self.rng,
            start=self.network,
        )
        self.network, self.rounds = solution.network, self.rounds + solution.n_iter
        hidden = problem.hidden_fit(self.network.neurons, self.network.output_weights)
        self.nu = problem.dual_point(hidden) / beta
        self._offer_step()
        if self.rounds >= self.max_iter:
            return Status.max_iter
        return Status.time_limit if is_late(self.deadline) else solution.status

    def _offer_step(self):
        """Try the network, made to interpolate, and the dual point."""
        self._offer(restored(self.problem, self.network), self.nu)

    def _offer_newton_pair(self):
        """Try what Newton's method makes of the best pair."""
        network, nu = newton_pair(self.problem, self.best, self.best_point)
        self._offer(network, nu)

    def _offer(self, network, nu):
        """Keep an interpolating network where it is the cheapest, and the dual point where it promises most."""
        problem = self.problem
        if network is not None and (self.best is None or problem.cost(network) < problem.cost(self.best)):
            self.best = network
        starts = self.network.directions[self.network.masses > 0]
        with one_blas_thread():
            seen = interpolation_price(problem, nu, proof="heuristic", starts=starts, n_starts=PRICE_STARTS).value
        bound = float(nu @ problem.centred) / seen if seen > 0.0 else 0.0
        if bound > self.bound:
            self.bound, self.best_point = bound, nu / seen
        self.gap = 1.0 if self.best is None else max(0.0, 1.0 - self.bound / problem.cost(self.best))

    def _record(self, started):
        cost = np.inf if self.best is None else self.problem.cost(self.best)
        record = make_record(started, cost, self.gap, self.network.width)
        self.history.append(record)
        hand_over(self.report, record, lambda: self.best)

    def _finish(self, status):
        if status is Status.interrupted:
            self.deadline = now()
        if self.best is None:
            self.best = any_interpolant(self.problem, self.network, self.rng, self.deadline)
        return self._solution(status, self._certify(self.proof, status))

    def _certify(self, proof, status=None):
        options = proof_options(self.tol, proof, self.deadline, self.n_jobs, status)
        return certify_interpolant(self.best, self.problem, self.best_point, **options)

    def _solution(self, status, certificate):
        ended = {"tol": self.tol, "n_iter": self.rounds, "history": self.history, "visible_gap": self.gap}
        return conclude(self.best, certificate, status, **ended), self.best_point
