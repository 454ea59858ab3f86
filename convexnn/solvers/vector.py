"""Column generation for several outputs: price the dual point, add the violating neurons, improve, repeat.

The network lives on unit directions with output weights. The best output weights are a group lasso (`_group_masses`),
Newton's method slides the neurons in use (`_vector_newton`), and exact ascents on the price put them on the kinks where
they belong. Only then is the price searched from random starts, and only when these find nothing is a proof attempted,
whose violators are fed back. Where Newton steps would be too dear, gradients of all weights do until the gap seen is
small (`_vector_coarse`). The objective never rises.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from .._utils.clock import now
from .._utils.threads import one_blas_thread
from ..duality.certificate import certify_problem
from ..exceptions import SolverError
from ._vector_run import FIRST_STARTS, MAX_NEW, VectorRun
from ._work import Course, proof_work
from .base import Solution, Status, assemble, is_proven, make_record, tell

MAX_STARTS = 2048
FEW_INPUTS = 4  # up to here the proof is as cheap as many starts
PRICE_SHARE = 0.1  # of the tolerance, the width of a proof
PATIENCE = 6  # rounds that gain next to nothing, before the run ends


def scale_vector_problem(problem):
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


def build_vector_network(problem, directions, outputs):
    """Return the balanced network of unit directions and outputs, heaviest first, with the best free terms."""
    masses = np.linalg.norm(outputs, axis=1)
    order = np.argsort(-masses, kind="stable")
    roots = np.sqrt(masses[order])[:, None]
    neurons, weights = directions[order] * roots, outputs[order] / np.where(roots > 0, roots, 1.0)
    return assemble(problem, neurons, weights, problem.free_coefficients(problem.hidden_fit(neurons, weights)))


def solve_vector(
    problem,
    *,
    tol=1e-6,
    max_iter=200,
    max_work=None,
    deadline=None,
    proof="auto",
    n_jobs=None,
    seed=0,
    start=None,
    report=None,
):
    """Train a network of several outputs on a `Problem` and prove what it is worth.

    Minimises ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)`` over all widths.

    Parameters
    ----------
    problem : Problem
    tol : float
        Relative gap at which the run ends.
    max_iter : int
        Largest number of rounds of pricing.
    max_work : float, optional
        Budget of the training in units of about a nanosecond of one core. With it the run ends with ``settled`` when
        that is spent, or when rounds that took a third of the work so far have lowered the objective by less than 1e-5
        of itself; the proof then has a third of the work of the training, unless it is expected to end.
    deadline : float, optional
        `_clock.Moment` at which training and proof end.
    proof : {"auto", "exact", "bound", "heuristic"}
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    seed : int or numpy.random.Generator
        Chooses the starts of the ascents.
    start : TwoLayerReLU, optional
        A network to start from.
    report : callable, optional
        Called with every record of the history, see `tell`.

    Returns
    -------
    Solution

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
    with one_blas_thread():
        return _Training(
            problem, tol, max_iter, max_work, deadline, proof, n_jobs, np.random.default_rng(seed), start, report
        ).run()


@dataclass
class _Training:
    """The outer loop: pricing rounds, then a proof, then again if the proof has found violators."""

    problem: object
    tol: float
    max_iter: int
    max_work: float | None
    deadline: float | None
    proof: str
    n_jobs: int | None
    rng: np.random.Generator
    start: object
    report: object
    history: list = field(default_factory=list)

    def run(self):
        started = now()
        scaled = scale_vector_problem(self.problem)
        if scaled is None:
            return self._solution(*self._finish(None, self.proof), Status.converged, 0)
        scaled, self.unit = scaled
        run = VectorRun(scaled, self.rng, self.deadline, self.n_jobs, self.max_work)
        self.units = run.objective
        try:
            if self.start is not None:
                run.adopt(self.start, self.unit)
            status, rounds, proven = self._loop(run, started)
        except KeyboardInterrupt:
            status, rounds, proven = Status.interrupted, len(self.history), None
            self.deadline = now()
        if proven is not None:
            return self._solution(*proven, status, rounds)
        stopped = status in (Status.interrupted, Status.time_limit)
        network, certificate = self._finish(run, "heuristic" if stopped else self.proof)
        if stopped:  # a proof in no time sees less than the search did
            certificate = replace(certificate, heuristic_gap=max(certificate.heuristic_gap, run.visible))
        return self._solution(network, certificate, status, rounds)

    def _loop(self, run, started):
        """Return (status, number of rounds, (network, certificate) or None) when converged or out of budget."""
        level = run.problem.beta * (1.0 + 0.25 * self.tol)
        idle, course = 0, Course(self.max_work)
        for rounds in range(1, self.max_iter + 1):
            if not run.out_of_time():
                violators = run.search(level)
            self._record(run, started)
            if run.out_of_time():
                return Status.time_limit, rounds, None
            if course.has_settled(run.work, run.objective):
                return Status.settled, rounds, None
            stalled = idle >= PATIENCE
            if len(violators) == 0 and not stalled and 4 * run.n_starts <= self._enough():
                run.n_starts *= 4
            elif len(violators) == 0 or stalled:
                network, certificate = self._finish(run, self.proof)
                directions = certificate.price.local_directions
                before = run.objective
                if not stalled and certificate.heuristic_gap > self.tol and len(directions):
                    run.add(directions[:MAX_NEW], level)
                if not run.objective < before * (1.0 - 1e-2 * self.tol):
                    reached = certificate.heuristic_gap <= self.tol
                    return Status.converged if reached else Status.stalled, rounds, (network, certificate)
            else:
                before = run.objective
                run.add(violators, level)
                idle = idle + 1 if before - run.objective < 1e-2 * self.tol * before else 0
        return Status.max_iter, self.max_iter, None

    def _enough(self):
        """Number of starts after which a proof is tried: few where the proof itself is cheap."""
        cheap = self.problem.design.shape[1] <= FEW_INPUTS and self.proof != "heuristic"
        return FIRST_STARTS if cheap else MAX_STARTS

    def _record(self, run, started):
        squared = self.problem.loss.is_quadratic
        scale = (self.problem.beta / run.problem.beta) * self.unit if squared else 1.0
        self.history.append(make_record(started, run.objective * scale, run.visible, len(run.directions)))
        tell(self.report, self.history[-1], lambda: self._network(run))

    def _network(self, run):
        none = np.zeros((0, self.problem.design.shape[1]))
        directions, outputs = (none, np.zeros((0, self.problem.n_outputs))) if run is None else (
            run.directions, run.outputs * self.unit
        )  # fmt: skip
        return build_vector_network(self.problem, directions, outputs)

    def _finish(self, run, proof):
        """Return the network so far and its certificate."""
        network = self._network(run)
        certificate = certify_problem(
            network,
            self.problem,
            proof=proof,
            tolerance=min(PRICE_SHARE * self.tol, 1e-7),
            starts=None if run is None else run.remembered,
            refit=False,
            max_work=None if run is None or self.max_work is None else proof_work(run.work),
            deadline=self.deadline,
            n_jobs=self.n_jobs,
        )
        return network, certificate

    def _solution(self, network, certificate, status, rounds):
        if not np.isfinite(certificate.primal):
            raise SolverError(f"The objective overflowed ({certificate.primal}); scale X and y down.")
        if is_proven(certificate, self.tol):
            status = Status.proven
        return Solution(network, certificate, status, max(1, rounds), self.history)
