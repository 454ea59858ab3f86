"""Column generation: price the dual point, add the violating neurons, improve all of them, repeat.

Only when searches from random starts find no violator is a proof attempted, whose violators are fed back. The loop is
the same for one output and for several, and for every smooth loss: what differs is in the runs (see `_runs`).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._utils.clock import Moment, now
from .._utils.threads import one_blas_thread
from ._runs import certify_run, start_run
from ._work import Course
from .base import MIN_GAIN, Status, build_zero_network, conclude, hand_over, make_record, proof_options

MAX_ITER = 500  # rounds of pricing
MAX_EXCESS_PER_TOL = 0.25  # prices above beta by less of it than this cost at most a quarter of the tolerance
MIN_GAIN_PER_TOL = 1e-2  # a round that lowers the objective by less of itself than this is idle
MAX_IDLE_ROUNDS = 10  # in a row before the run ends: gradients may circle around kinks


def solve_column_generation(
    problem,
    *,
    tol=1e-6,
    max_iter=MAX_ITER,
    deadline=None,
    proof="auto",
    n_jobs=None,
    rng=None,
    start=None,
    report=None,
    max_starts=None,
    max_work=None,
):
    """Train a network on a `Problem` of one output or several and prove what it is worth.

    Minimises ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)`` over all widths.

    Parameters
    ----------
    problem : Problem
        With a smooth loss.
    tol : float
        Relative gap at which the run ends.
    max_iter : int
        Largest number of rounds of pricing.
    deadline : float, optional
        `clock.Moment` at which training and proof end.
    proof : {"auto", "exact", "bound", "heuristic"}
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    rng : numpy.random.Generator, optional
        Chooses the starts of the ascents; by default that of the seed 0.
    start : TwoLayerReLU, optional
        A network to start from.
    report : callable, optional
        Called with every record of the history, see `hand_over`.
    max_starts : int, optional
        Random starts of a search after which none is missed any more.
    max_work : float, optional
        Nanoseconds of one core, as estimated before and never measured, after which training ends: the answer does not
        depend on the machine. Training then ends too when the objective has hardly fallen during a third of its work.

    Returns
    -------
    Solution
        An interrupt ends the training and returns the best network so far.

    Raises
    ------
    SolverError
        When not even a finite objective was reached (overflow).

    Notes
    -----
    Pilanci and Ergen (ICML 2020) for one output; the dual constraint of several is ``max ||N^T (X u)_+|| <= beta``.
    """
    if start is not None:
        problem.check_network(start)
    rng = np.random.default_rng(0) if rng is None else rng
    with one_blas_thread():
        return _Training(
            problem, tol, max_iter, deadline, proof, n_jobs, rng, start, report, max_starts, max_work
        ).solve()


def improve_network(problem, network):
    """Return the network after its neurons have moved to the best place that Newton steps from theirs lead to."""
    run = start_run(problem, np.random.default_rng(0))
    if run is None or network.width == 0:
        return network
    with one_blas_thread():
        run.adopt(network)
        moved = run.network(problem)
    return min((network, moved), key=problem.objective)


@dataclass
class _Training:
    """The outer loop: pricing rounds, then a proof, then again if the proof has found violators."""

    problem: Any
    tol: float
    max_iter: int
    deadline: Moment | None
    proof: str
    n_jobs: int | None
    rng: np.random.Generator
    start: Any
    report: Any
    max_starts: int | None
    max_work: float | None
    history: list[dict[str, Any]] = field(default_factory=list)
    run: Any = None  # the state of training, None while there is no neuron that could help

    def solve(self):
        """Train and prove; return the `Solution`."""
        self.started, proven = now(), None
        try:
            status, proven = self._train()
        except KeyboardInterrupt:
            status, self.deadline = Status.interrupted, now()
        network, certificate = self._certified(status) if proven is None else proven
        return conclude(
            network,
            certificate,
            status,
            tol=self.tol,
            n_iter=len(self.history),
            history=self.history,
            visible_gap=0.0 if self.run is None else self.run.visible,
        )

    def _train(self):
        """Return how the run ended, and (network, certificate) or None where no proof has been tried since."""
        self.run = start_run(self.problem, self.rng, self.deadline, self.n_jobs, self.max_work)
        if self.run is None:
            return Status.converged, None
        if self.start is not None:
            self.run.adopt(self.start)
        else:
            self.run.begin(self.problem, self._record)
        return self._loop()

    def _loop(self):
        """Alternate pricing and improving until nothing violates the dual constraint, or a budget is spent."""
        run, excess, course = self.run, MAX_EXCESS_PER_TOL * self.tol, Course(self.max_work)
        n_idle, is_stalled = 0, False
        for _ in range(self.max_iter):
            # Search: ascents on the price of the dual point, from the neurons and from random starts.
            if not run.out_of_time():
                violators = run.search(excess)
            self._record()

            # Stop? The time or the budget of work may be over.
            if run.out_of_time():
                return Status.time_limit, None
            if course.has_settled(run.work, run.primal):
                return Status.settled, None

            # Nothing found: improve the neurons in use, as long as a gap is left; search more widely; or prove.
            none_found = len(violators) == 0 and run.is_conclusive
            if is_stalled or (none_found and run.visible <= self.tol):
                if not is_stalled and run.widen_search(self.proof, self.max_starts):
                    continue
                network, certificate = self._certified()
                if not is_stalled:
                    violators = run.violators_of(certificate.price, excess)
                if is_stalled or len(violators) == 0:
                    return Status.converged, (network, certificate)

            if len(violators) == 0 and not run.is_conclusive:  # the next search goes up to the kinks
                continue

            # Violators join the network, and all neurons move; rounds that gain next to nothing are counted.
            before = run.primal
            run.join_and_improve(violators, excess)
            gain = 1.0 - run.primal / before if before > 0.0 else 0.0
            n_idle = n_idle + 1 if gain < MIN_GAIN_PER_TOL * self.tol else 0
            is_stalled = gain <= MIN_GAIN or n_idle >= MAX_IDLE_ROUNDS
        return Status.max_iter, None

    def _record(self):
        """Add to the history where the run is."""
        run = self.run
        self.history.append(make_record(self.started, run.primal, run.visible, run.width))
        hand_over(self.report, self.history[-1], lambda: run.network(self.problem))

    def _certified(self, status=None):
        """Return the network so far and its certificate."""
        network = build_zero_network(self.problem) if self.run is None else self.run.network(self.problem)
        options = proof_options(self.tol, self.proof, self.deadline, self.n_jobs, status)
        return network, certify_run(network, self.problem, self.run, **options)
