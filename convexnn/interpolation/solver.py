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
from .restoring import any_interpolant, make_interpolate, refine_pair

# The squared problems have 1e-3 of the price of the targets as their strength, and never less than 1e-7 of it.
FIRST_STRENGTH_OVER_PRICE, MIN_STRENGTH_OVER_PRICE = 1e-3, 1e-7
# A step that leaves more than 0.1 of the gap is followed by one with a tenth of the strength.
GAP_LEFT_BY_FAST_STEP, STRENGTH_FACTOR = 0.1, 0.1
# The squared problems are solved to 1e-4 of the gap, but to no less than 1e-11 and no more than 1e-6.
TOLERANCE_OVER_GAP, MIN_TOLERANCE, MAX_TOLERANCE = 1e-4, 1e-11, 1e-6
# Steps go on down to 1e-2 of `tol` while each halves the gap: they are cheap near the end.
PROOF_GAP_OVER_TOL = 1e-2
# Newton's method is tried on both problems at once when the gap is below 1e-5.
NEWTON_BELOW_GAP = 1e-5
# The run stalls after 6 steps that do not halve the gap.
MAX_IDLE_SHIFTS = 6
# Every local search for the price has 16 random starts.
N_PRICE_STARTS = 16


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
    gap: float = 1.0  # the visible gap: relative, from local ascents
    best: object = None
    bound: float = 0.0  # the largest dual value, from local ascents
    history: list = field(default_factory=list)

    def run(self):
        started, problem = now(), self.problem
        self.best_point = self.nu = np.zeros(len(problem.y))
        if not np.any(problem.centred):
            none = np.zeros((0, problem.design.shape[1]))
            self.best = build_network(problem, none, np.zeros(0), np.zeros(0))
            return self._solution(Status.converged, self._certify("exact"))
        with one_blas_thread():
            price = search_price(problem.design, problem.centred, proof="heuristic", n_starts=N_PRICE_STARTS).value
        try:
            return self._rounds(price, started)
        except KeyboardInterrupt:
            if self.network is None:  # not even the first problem was solved
                raise
            return self._finish(Status.interrupted)

    def _rounds(self, price, started):
        """Solve squared problems until the gap is small, or nothing helps any more."""
        beta, searching, idle = FIRST_STRENGTH_OVER_PRICE * price, "heuristic", 0
        while True:
            # One squared problem, whose network is made to interpolate; Newton's method where both are close.
            before = self.gap
            status = self._step(beta, searching)
            self._record(started)
            if self.gap <= NEWTON_BELOW_GAP:
                self._try_newton()
            # Prove when the gap is far below the tolerance, or below it and no longer halved by a step.
            if self.gap <= PROOF_GAP_OVER_TOL * self.tol or 0.5 * before < self.gap <= 0.5 * self.tol:
                certificate = self._certify(self.proof)
                self.gap = max(self.gap, certificate.heuristic_gap)
                if self.gap <= self.tol:
                    return self._solution(Status.converged, certificate)
                searching = self.proof  # the proof has found violators: let it hand them to the solver
            # A limit ends the run with the best network so far, and so do steps without progress.
            if status in (Status.time_limit, Status.interrupted, Status.max_iter):
                return self._finish(status)
            idle = idle + 1 if self.gap > 0.5 * before else 0
            if idle >= MAX_IDLE_SHIFTS:
                return self._finish(Status.stalled)
            # The proximal point method converges faster the smaller beta is; the squared problem gets harder.
            if self.gap > GAP_LEFT_BY_FAST_STEP * before:
                beta = max(STRENGTH_FACTOR * beta, MIN_STRENGTH_OVER_PRICE * price)

    def _step(self, beta, proof):
        """One squared problem; return how its solver ended."""
        problem = self.problem.squared(self.nu, beta)
        solution = solve_column_generation(
            problem,
            tol=min(MAX_TOLERANCE, max(MIN_TOLERANCE, TOLERANCE_OVER_GAP * self.gap)),
            max_iter=max(1, self.max_iter - self.rounds),
            deadline=self.deadline,
            proof=proof,
            n_jobs=self.n_jobs,
            rng=self.rng,
            start=self.network,
        )
        self.network, self.rounds = solution.network, self.rounds + solution.n_iter
        hidden = problem.hidden_fit(self.network.neurons, self.network.output_weights)
        # The residual of the squared problem, divided by beta, is the next dual point of the interpolation problem.
        self.nu = problem.dual_point(hidden) / beta
        self._try_network()
        if self.rounds >= self.max_iter:
            return Status.max_iter
        return Status.time_limit if is_late(self.deadline) else solution.status

    def _try_network(self):
        """Make the network interpolate, and keep it and the dual point where they are better."""
        self._keep_if_better(make_interpolate(self.problem, self.network), self.nu)

    def _try_newton(self):
        """Refine the best pair by Newton's method, and keep the outcome where it is better."""
        network, nu = refine_pair(self.problem, self.best, self.best_point)
        self._keep_if_better(network, nu)

    def _keep_if_better(self, network, nu):
        """Keep an interpolating network if it is the cheapest, and the dual point if it promises the largest bound."""
        problem = self.problem
        if network is not None and (self.best is None or problem.cost(network) < problem.cost(self.best)):
            self.best = network
        starts = self.network.directions[self.network.masses > 0]
        with one_blas_thread():
            seen = interpolation_price(problem, nu, proof="heuristic", starts=starts, n_starts=N_PRICE_STARTS).value
        # nu / price is feasible, and proves nu^T y / price.
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
