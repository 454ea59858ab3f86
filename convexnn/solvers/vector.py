"""Column generation for several outputs: price the dual point, add the violating neurons, improve, repeat.

The network lives on unit directions with output weights. The best output weights are a group lasso (`_group_masses`),
Newton's method slides the neurons in use (`_vector_newton`), and exact ascents on the price put them on the kinks where
they belong. Only then is the price searched from random starts, and only when these find nothing is a proof attempted,
whose violators are fed back. The objective never rises.
"""

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from .._clock import now
from .._group_masses import best_groups
from .._threads import one_blas_thread
from .._validation import is_late
from ..duality.ascent import perturbed_starts
from ..duality.vector_certificate import certify_vector_problem
from ..duality.vector_price import vector_price_function
from ..duality.vector_pricing import distinct_vector_maxima, vector_maxima, vector_starts
from ..exceptions import SolverError
from ._vector_newton import merge_neurons, slide_vectors
from ._weights import descend_weights
from .base import Solution, Status, assemble, make_record, tell

FIRST_STARTS, MAX_STARTS = 32, 2048
FEW_INPUTS = 4  # up to here the proof is as cheap as many starts
MAX_NEW, MAX_REMEMBERED = 32, 64
INNER_ROUNDS = 20
LITTLE = 0.02  # of the gap seen: what an inner round must gain for the next to be worth it
ALIKE, NARROWER, NARROWEST = 0.1, 0.5, 1e-6  # one minus the cosine of outputs of neurons tried as one
STILL = 1e-12  # relative gain of a round of the group lasso that is the last: Newton steps follow
ROUGHLY = 1e-5  # of the gap seen: gain below which the group lasso is left
NEWTON_WORK, MOST_NEWTON_WORK = 2e8, 2e10  # multiplications of a Newton step: some hundredths of a second, seconds
FINE = 1e-4  # gap seen from which on gradients are too coarse
PRICE_SHARE = 0.1  # of the tolerance, the width of a proof
PATIENCE = 6  # rounds that gain next to nothing, before the run ends


class _Run:
    """The state of one run: directions, outputs, the dual point and the clock."""

    def __init__(self, problem, rng, deadline, n_jobs):
        self.problem, self.rng, self.deadline, self.n_jobs = problem, rng, deadline, n_jobs
        self.directions = np.zeros((0, problem.design.shape[1]))
        self.outputs, self.free_fit, self.objective = best_groups(problem, np.zeros((len(problem.y), 0)))
        self.remembered, self.n_starts, self.visible = self.directions, FIRST_STARTS, 1.0
        self.alike = ALIKE

    def out_of_time(self):
        """Whether the deadline has passed."""
        return is_late(self.deadline)

    def adopt(self, network):
        """Take over the neurons of `network` and move them to the best place they can reach by themselves."""
        active = network.masses > 0
        if np.any(active):
            self.accept(network.directions[active], None)
            self.improve(np.inf)

    def accept(self, directions, start):
        """Find the best outputs on `directions` and keep them when the objective does not rise."""
        fits = self.problem.hidden_fits(directions)
        still = max(STILL, ROUGHLY * self.visible)
        outputs, free_fit, objective = best_groups(self.problem, fits, start, still, self.out_of_time)
        if objective > self.objective:
            return False
        used = np.any(outputs != 0.0, axis=1)
        self.directions, self.outputs = directions[used], outputs[used]
        self.free_fit, self.objective = free_fit, objective
        return True

    def join(self, directions, outputs=None):
        """Add directions to those in use."""
        start = np.zeros((len(directions), self.problem.n_outputs))
        self.accept(np.vstack([self.directions, directions]), np.vstack([self.outputs, start]))

    def improve(self, level):
        """Alternate outputs, Newton steps and local ascents from the neurons in use until none of them helps."""
        for _ in range(INNER_ROUNDS):
            before = self.objective
            merged = merge_neurons(self.problem.design, self.directions, self.outputs, self.alike)
            fewer = len(merged[0]) < len(self.directions)
            if not self._slide(*merged, alone=fewer) and fewer:
                self.alike = max(NARROWEST, NARROWER * self.alike)
                self._slide(self.directions, self.outputs)
            if np.isfinite(level):
                directions = self.climb(level)
                if len(directions):
                    self.join(directions)
            if before - self.objective <= max(1e-14, LITTLE * self.visible) * before or self.out_of_time():
                break

    def _slide(self, directions, outputs, alone=False):
        """Move these neurons; keep the result, or else add it to those in use if it may; return whether that helped."""
        before = self.objective
        if self.is_coarse(len(directions)):
            move = partial(descend_weights, tolerance=1e-3 * LITTLE * self.visible)
        else:
            move = slide_vectors
        directions, outputs = move(self.problem, directions, outputs, self.free_fit, stop=self.out_of_time)
        if not self.accept(directions, outputs) and not alone:
            self.join(directions)
        return self.objective < before

    def is_coarse(self, n_neurons):
        """Whether gradients do: Newton steps are too dear, and kinks do not matter yet."""
        n, c = self.problem.y.shape
        work = n * c * float(n_neurons * (self.problem.design.shape[1] + c)) ** 2
        return n_neurons > 0 and work > NEWTON_WORK and (self.visible > FINE or work > MOST_NEWTON_WORK)

    def dual_point(self):
        """``-grad L`` at the fit, orthogonal to the free terms."""
        return self.problem.dual_point(self.problem.hidden_fit(self.directions, self.outputs))

    def climb(self, level):
        """Return the distinct directions above `level` that ascents from the neurons reach."""
        function = vector_price_function(self.problem.design, self.dual_point())
        if function.rank == 0:
            return self.directions[:0]
        points = vector_maxima(function, function.reduce(self.directions), self.deadline, self.n_jobs)
        directions, values = distinct_vector_maxima(function, *points)
        return directions[values > level][:MAX_NEW]

    def search(self, level):
        """Ascend from the neurons, the remembered maxima, around them and from random starts.

        Returns the violators and notes in `visible` the gap that the largest value seen leaves.
        """
        dual_point = self.dual_point()
        function = vector_price_function(self.problem.design, dual_point)
        if function.rank == 0:
            self.visible = self.gap(dual_point, 0.0)
            return self.directions[:0]
        known = np.vstack([self.directions, self.remembered])
        starts = vector_starts(function, known, self.n_starts, self.rng)
        if len(known):
            near = function.reduce(known)
            near, _ = perturbed_starts(near, np.ones(len(near)), self.n_starts // 2, self.rng)
            starts = np.vstack([starts, near])
        directions, values = distinct_vector_maxima(
            function, *vector_maxima(function, starts, self.deadline, self.n_jobs)
        )
        self.remembered = directions[values > 0.7 * level][:MAX_REMEMBERED]
        seen = self.gap(dual_point, values.max(initial=0.0))
        self.visible = max(seen, self.visible if self.out_of_time() else 0.0)
        return directions[values > level][:MAX_NEW]

    def gap(self, dual_point, largest):
        """Relative gap if `largest` were the price of the dual point."""
        dual, _ = self.problem.dual_bound(dual_point, largest)
        return max(0.0, 1.0 - dual / self.objective) if self.objective > 0 else 0.0


def scale_vector_problem(problem):
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


def solve_vector(
    problem, *, tol=1e-6, max_iter=200, deadline=None, proof="auto", n_jobs=None, seed=0, start=None, report=None
):
    """Train a network of several outputs on a `VectorProblem` and prove what it is worth.

    Minimises ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||a_j||^2)`` over all widths.

    Parameters
    ----------
    problem : VectorProblem
    tol : float
        Relative gap at which the run ends.
    max_iter : int
        Largest number of rounds of pricing.
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
            problem, tol, max_iter, deadline, proof, n_jobs, np.random.default_rng(seed), start, report
        ).run()


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
    history: list = field(default_factory=list)

    def run(self):
        started = now()
        scaled = scale_vector_problem(self.problem)
        if scaled is None:
            return self._solution(*self._finish(None, self.proof), Status.converged, 0)
        scaled, self.unit = scaled
        run = _Run(scaled, self.rng, self.deadline, self.n_jobs)
        self.units = run.objective
        try:
            if self.start is not None:
                run.adopt(self.start)
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
        idle = 0
        for rounds in range(1, self.max_iter + 1):
            if not run.out_of_time():
                violators = run.search(level)
            self._record(run, started)
            if run.out_of_time():
                return Status.time_limit, rounds, None
            stalled = idle >= PATIENCE
            if len(violators) == 0 and not stalled and 4 * run.n_starts <= self._enough():
                run.n_starts *= 4
            elif len(violators) == 0 or stalled:
                network, certificate = self._finish(run, self.proof)
                directions = certificate.price.local_directions
                before = run.objective
                if not stalled and certificate.heuristic_gap > self.tol and len(directions):
                    run.join(directions[:MAX_NEW])
                    run.improve(level)
                if not run.objective < before * (1.0 - 1e-2 * self.tol):
                    reached = certificate.heuristic_gap <= self.tol
                    return Status.converged if reached else Status.stalled, rounds, (network, certificate)
            else:
                before = run.objective
                run.join(violators)
                run.improve(level)
                idle = idle + 1 if before - run.objective < 1e-2 * self.tol * before else 0
        return Status.max_iter, self.max_iter, None

    def _enough(self):
        """Number of starts after which a proof is tried: few where the proof itself is cheap."""
        cheap = self.problem.design.shape[1] <= FEW_INPUTS and self.proof != "heuristic"
        return FIRST_STARTS if cheap else MAX_STARTS

    def _record(self, run, started):
        squared = self.problem.loss.name == "squared"
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
        certificate = certify_vector_problem(
            network,
            self.problem,
            proof=proof,
            tolerance=min(PRICE_SHARE * self.tol, 1e-7),
            starts=None if run is None else run.remembered,
            refit=False,
            deadline=self.deadline,
            n_jobs=self.n_jobs,
        )
        return network, certificate

    def _solution(self, network, certificate, status, rounds):
        if not np.isfinite(certificate.primal):
            raise SolverError(f"The objective overflowed ({certificate.primal}); scale X and y down.")
        if certificate.relative_gap <= self.tol:
            status = Status.proven
        return Solution(network, certificate, status, max(1, rounds), self.history)
