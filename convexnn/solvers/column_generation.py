"""Column generation: price the dual point, add the violating neurons, solve the restricted program, repeat.

Only when searches from random starts find no violator is a proof attempted, whose violators are fed back.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from .._utils.clock import now
from .._utils.row_blocks import is_long
from .._utils.threads import one_blas_thread
from ..duality.certificate import certify_problem
from ..exceptions import SolverError
from ._models import start_run
from ._run import FIRST_STARTS
from ._work import Course, proof_work
from .base import Solution, Status, build_network, is_proven, make_record, tell

MAX_STARTS = 4096
ROWS_A_SEARCH = 2_000_000  # rows times starts, so that long data get fewer starts
SAMPLE, SAMPLED_ROWS = 2000, 20  # rows that long data are first tried on: at least, and for every column
GROWTH = 4  # of the samples, as long as they are at most half of the rows
SAMPLED_ROUNDS, SAMPLED_GAP = 10, 1e-2
PATIENCE = 10  # rounds that gain next to nothing, before the run ends: gradients may circle around kinks


def solve_column_generation(
    problem,
    *,
    tol=1e-6,
    max_iter=500,
    deadline=None,
    proof="auto",
    n_jobs=None,
    rng,
    start=None,
    report=None,
    max_starts=MAX_STARTS,
    max_work=None,
):
    """Train a network on a `Problem` and prove what it is worth.

    Parameters
    ----------
    problem : Problem
    tol : float
        Relative gap at which the run ends.
    max_iter : int
        Largest number of rounds of pricing.
    deadline : float, optional
        `_clock.Moment` at which training and proof end.
    proof : {"auto", "exact", "bound", "heuristic"}
    rng : numpy.random.Generator
        Chooses the starts of the ascents; the answer does not depend on `n_jobs`.
    start : TwoLayerReLU, optional
        A network to start from.
    report : callable, optional
        Called with every record of the history, see `tell`.
    max_starts : int
        Random starts of a search after which none is missed any more.
    max_work : float, optional
        Nanoseconds of one core, as estimated before and never measured, after which training ends: the answer does not
        depend on the machine. Training then ends too when the objective has hardly fallen during a third of its work.

    Returns
    -------
    Solution

    Raises
    ------
    SolverError
        When not even a finite objective was reached (overflow).
    """
    with one_blas_thread():
        return _Training(
            problem, tol, max_iter, deadline, proof, n_jobs, rng, start, report, max_starts, max_work
        ).run()


def polish_network(problem, network):
    """Return the network after its neurons have moved to the best place that Newton steps from theirs lead to."""
    run = start_run(problem, np.random.default_rng(0))
    if run is None or network.width == 0:
        return network
    with one_blas_thread():
        run.adopt(network)
        polished = run.network(problem)
    return min((network, polished), key=problem.objective)


@dataclass
class _Training:
    """The outer loop: pricing rounds, then a proof, then again if the proof has found violators."""

    problem: object
    tol: float
    max_iter: int
    deadline: float | None
    proof: str
    n_jobs: int | None
    rng: np.random.Generator
    start: object
    report: object
    max_starts: int
    max_work: float | None
    history: list = field(default_factory=list)
    sampled: object = None  # on a sample of the rows, while nothing better is known

    def run(self):
        started = now()
        run = start_run(self.problem, self.rng, self.deadline, self.n_jobs)
        if run is None:
            solution = self._finish(None, Status.converged, 0, self.proof)
            seen = solution.certificate.heuristic_gap > self.tol  # free terms that separate labels attain no minimum
            return replace(solution, status=Status.stalled) if seen else solution
        try:
            run.max_work = np.inf if self.max_work is None else self.max_work
            start = self._sampled_network(run) if self.start is None else self.start
            if start is not None:
                run.adopt(start)
            self.sampled = None
            status, rounds, proven = self._loop(run, started)
        except KeyboardInterrupt:
            status, rounds, proven = Status.interrupted, len(self.history), None
            self.deadline = now()
            if self.sampled is not None:
                run.borrow(self.sampled.network(self.problem))
        if proven is not None:
            return self._solution(*proven, status, rounds)
        if status not in (Status.interrupted, Status.time_limit, Status.settled):
            return self._finish(run, status, rounds, self.proof)
        solution = self._finish(run, status, rounds, self.proof if status is Status.settled else "heuristic")
        seen = max(solution.certificate.heuristic_gap, run.visible)  # a proof in no time sees less than the search did
        return replace(solution, certificate=replace(solution.certificate, heuristic_gap=seen))

    def _sampled_network(self, run):
        """Return the network of a sample of the rows, which says on long data where the neurons should be; or None."""
        problem = self.problem
        n_samples, d = problem.design.shape
        size, network = max(SAMPLE, SAMPLED_ROWS * d), None
        if not is_long(problem.design):
            return None
        while size <= n_samples // 2:
            rows = np.sort(self.rng.choice(n_samples, size, replace=False))
            network = self._grown_network(problem.take(rows, n_samples / size), network)
            run.work += 0.0 if self.sampled is None else self.sampled.work
            size *= GROWTH
        return network

    def _grown_network(self, sample, start):
        """Return a good network of a sample of the rows, grown from that of a smaller sample, or from none."""
        run = start_run(sample, self.rng, self.deadline, self.n_jobs, rough=True)
        if run is None:
            return start
        self.sampled = run
        if start is not None:
            run.adopt(start)
        for _ in range(SAMPLED_ROUNDS):
            directions, signs = run.search(SAMPLED_GAP)
            if run.visible <= SAMPLED_GAP or len(signs) == 0 or run.out_of_time():
                break
            run.accept(run.pool.join(directions, signs))
            run.solve_restricted(SAMPLED_GAP)
        return run.network(sample)

    def _loop(self, run, started):
        """Return (status, number of rounds, (network, certificate) or None) when converged or out of budget."""
        excess = 0.25 * self.tol  # prices above beta by less cost at most a quarter of the tolerance
        course = Course(self.max_work)
        idle, stalled = 0, False  # the violators of the last round were within rounding of the neurons in use
        for rounds in range(1, self.max_iter + 1):
            if not run.out_of_time():
                directions, signs = run.search(excess)
            self._record(run, started)
            if run.out_of_time():
                return Status.time_limit, rounds, None
            if course.has_settled(run.work, run.primal):
                return Status.settled, rounds, None
            searched = len(signs) == 0 and not run.careful
            unfinished = searched and not stalled and run.visible > self.tol  # the neurons in use can do better
            searched = searched and not unfinished
            if searched and not stalled and 4 * run.n_starts <= self._enough(run):
                run.n_starts *= 4
            elif searched or stalled:
                network = run.network(self.problem)
                certificate = self._certify(network, run, self.proof)
                found = certificate.price
                directions, signs = run.climb(found.local_directions, found.local_signs, excess)
                if stalled or len(signs) == 0:
                    reached = certificate.heuristic_gap <= self.tol
                    return Status.converged if reached else Status.stalled, rounds, (network, certificate)
            if len(signs) or unfinished:
                before = run.primal
                run.extend(directions, signs)
                run.solve_restricted(excess)
                gain = 1.0 - run.primal / before
                idle = idle + 1 if gain < 1e-2 * self.tol else 0
                stalled = gain <= 1e-15 or idle >= PATIENCE
        return Status.max_iter, self.max_iter, None

    def _enough(self, run):
        """Number of starts after which a proof is tried: few where the proof itself is cheap."""
        n_samples, d = run.scaled.design.shape
        enough = min(self.max_starts, max(4 * FIRST_STARTS, ROWS_A_SEARCH // n_samples))
        if d > 7:
            return enough
        return min(enough, FIRST_STARTS if d <= 3 and self.proof != "heuristic" else 8 * FIRST_STARTS)

    def _record(self, run, started):
        record = make_record(started, run.primal, run.visible, int(np.sum(run.pool.used)))
        self.history.append(record)
        tell(self.report, record, lambda: run.network(self.problem))

    def _certify(self, network, run, proof):
        return certify_problem(
            network,
            self.problem,
            proof=proof,
            tolerance=min(1e-7, 0.1 * self.tol),
            starts=None if run is None else run.remembered[0],
            max_work=None if run is None else proof_work(run.work),
            deadline=self.deadline,
            n_jobs=self.n_jobs,
        )

    def _network(self, run):
        if run is None:
            return build_network(self.problem, np.zeros((0, self.problem.design.shape[1])), np.zeros(0), np.zeros(0))
        return run.network(self.problem)

    def _finish(self, run, status, rounds, proof):
        network = self._network(run)
        return self._solution(network, self._certify(network, run, proof), status, rounds)

    def _solution(self, network, certificate, status, rounds):
        if not np.isfinite(certificate.primal):
            raise SolverError(f"The objective overflowed ({certificate.primal}); scale X and y down.")
        if is_proven(certificate, self.tol):
            status = Status.proven
        return Solution(network, certificate, status, max(1, rounds), self.history)
