"""Column generation: price the dual point, add the violating neurons, solve the restricted program, repeat.

The restricted program lives on directions, not on patterns: the best masses for the pool of directions are a small
non-negative lasso, Newton's method slides the neurons in use to the best place of their cells, and local ascents on
the price release or add the rows they should sit on. Only then is the price searched from random starts, and only
when these find nothing is a proof attempted, whose violators are fed back.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from .._long import is_huge, is_long
from .._masses import best_masses
from .._threads import one_blas_thread
from .._validation import is_late
from ..duality.ascent import distinct_maxima, local_maxima, perturbed_starts, random_starts
from ..duality.certificate import certify_problem
from ..duality.price_function import price_function, price_rows
from ..exceptions import SolverError
from ..programs.scaling import best_dual, scale_problem
from ._gliding import glide
from ._newton import slide
from .base import Solution, Status, build_network, make_record

FIRST_STARTS = 32
LONG_STARTS = 128  # on long data, where only the best of them go on
MAX_STARTS = 4096
BLOCK_STARTS = 256
ROWS_A_SEARCH = 2_000_000  # rows times starts, so that long data get fewer starts
NEWTON_WORK, MOST_NEWTON_WORK = 1e9, 2e10  # multiplications of a Newton step: a tenth of a second, a second
SINGLE = 1e-4  # visible gap down to which single precision will do
FINE = 1e-5  # visible gap from which on gradients are too coarse
SAMPLE, SAMPLED_ROWS = 2000, 20  # rows that long data are first tried on: at least, and for every column
GROWTH = 4  # of the samples, as long as they are at most half of the rows
SAMPLED_ROUNDS, SAMPLED_GAP = 10, 1e-2
MAX_NEW = 96
MAX_REMEMBERED = 64
INNER_ROUNDS = 30
FADING = 0.3  # of what the last search promised: one search may have been blind
PATIENCE = 10  # rounds that gain next to nothing, before the run ends: gradients may circle around kinks
LITTLE = 0.05  # of the gap seen: what an inner round must gain for the next to be worth it


@dataclass
class _Pool:
    """Directions with their signs and masses; those in use make the best network so far."""

    directions: np.ndarray
    signs: np.ndarray
    masses: np.ndarray

    @property
    def used(self):
        """Which directions carry mass."""
        return self.masses > 0

    def join(self, directions, signs, masses=None):
        """Return the pool with more directions, without mass unless it is given."""
        return _Pool(
            np.vstack([self.directions, directions]),
            np.append(self.signs, signs),
            np.append(self.masses, np.zeros(len(signs)) if masses is None else masses),
        )

    def take(self, index):
        """Return the pool of the directions at `index`."""
        return _Pool(self.directions[index], self.signs[index], self.masses[index])


class _Run:
    """The state of one run: the pool, the residual (the scaled dual point) and the clock."""

    def __init__(self, scaled, rng, deadline, n_jobs, rough=False):
        self.scaled, self.rng, self.deadline, self.n_jobs, self.rough = scaled, rng, deadline, n_jobs, rough
        self.pool = _Pool(np.zeros((0, scaled.design.shape[1])), np.zeros(0), np.zeros(0))
        self.residual, self.objective = scaled.target, 0.5
        self.remembered = self.pool.directions, self.pool.signs
        self.n_starts = LONG_STARTS if is_long(scaled.design) else FIRST_STARTS
        self.visible, self.promise, self.careful, self.single = 1.0, 1.0, False, True
        self.rows = price_rows(scaled.design)

    def borrow(self, network):
        """Take over the neurons of `network` where that lowers the objective; return whether there are any."""
        active = np.flatnonzero((network.masses > 0) & (network.signs != 0))
        if len(active):
            masses = network.masses[active] * (self.scaled.x_scale / self.scaled.y_scale)
            pool = _Pool(network.directions[active], network.signs[active], masses)
            if not self.accept(pool):  # worse than no neuron at all: the directions may still be good
                self.accept(_Pool(pool.directions, pool.signs, np.zeros(len(active))))
        return len(active) > 0

    def adopt(self, network):
        """Take over the neurons of `network` and move them to the best place they can reach by themselves."""
        if self.borrow(network):
            self.promise = SAMPLED_GAP if self.newton_work() > NEWTON_WORK else 0.0
            self.solve_restricted(np.inf)

    def out_of_time(self):
        """Whether the deadline has passed."""
        return is_late(self.deadline)

    def accept(self, pool):
        """Find the best masses on `pool` and keep it when the objective does not rise."""
        fits = self.scaled.fits(pool.directions, pool.signs)
        masses = best_masses(fits, self.scaled.target, self.scaled.beta, pool.masses)
        residual = self.scaled.target - fits @ masses
        objective = self.scaled.objective(residual, masses)
        if objective > self.objective * (1.0 + 1e-14):
            return False
        self.pool, self.residual, self.objective = _Pool(pool.directions, pool.signs, masses), residual, objective
        return True

    def solve_restricted(self, level):
        """Alternate masses, Newton steps and local ascents from the neurons in use until none of them helps.

        Or helps little beside what new neurons promise: the gap that the search has seen.
        """
        for _ in range(INNER_ROUNDS):
            before = self.objective
            used = self.pool.take(self.pool.used)
            blocks, signs = self.move(used.masses[:, None] * used.directions, used.signs)
            sizes = np.linalg.norm(blocks, axis=1)
            moved = _Pool(blocks / sizes[:, None], signs, sizes)
            if not self.accept(moved):
                self.accept(self.pool.join(moved.directions, moved.signs))
                self.single = False
            if not self.is_coarse:
                used = self.pool.take(self.pool.used)
                directions, signs = self.climb(used.directions, used.signs, level)
                if len(signs):
                    self.accept(self.pool.join(directions, signs))
            if before - self.objective <= max(1e-13, LITTLE * self.promise) * before or self.out_of_time():
                break

    def newton_work(self):
        """Multiplications of a Newton step on the neurons in use."""
        n_samples, d = self.scaled.design.shape
        return n_samples * float(self.pool.used.sum() * d) ** 2

    @property
    def is_coarse(self):
        """Whether gradients do: Newton steps and exact ascents are too dear, and kinks do not matter yet."""
        work = self.newton_work()
        if self.rough or is_huge(self.scaled.design):
            return True
        return work > NEWTON_WORK and (self.promise > FINE or work > MOST_NEWTON_WORK)

    def move(self, blocks, signs):
        """Move the neurons to a better place, by Newton steps or by gradients."""
        if not self.is_coarse:
            return slide(self.scaled, blocks, signs, stop=self.out_of_time)
        dtype = np.float32 if self.promise > SINGLE and self.single else np.float64
        tolerance = min(1e-5, 1e-3 * LITTLE * self.promise)
        options = {"dtype": dtype, "tolerance": tolerance, "stop": self.out_of_time, "n_jobs": self.n_jobs}
        return glide(self.scaled, blocks, signs, **options)

    def climb(self, directions, signs, level):
        """Return the distinct directions and signs above `level` that ascents from those given reach."""
        directions, signs, values = self.ascend(self.price_function(), directions, signs, level=level)
        above = values > level
        return directions[above][:MAX_NEW], signs[above][:MAX_NEW]

    def price_function(self):
        """The price of the residual, the scaled dual point."""
        return price_function(self.scaled.design, self.residual, self.rows)

    def ascend(self, function, directions, signs, n_random=0, *, level, rough=False):
        """Return the distinct local maxima (directions, signs, values) reached from `directions` and around them."""
        if function.rank == 0:
            return np.zeros((0, directions.shape[1])), np.zeros(0), np.zeros(0)
        points = function.reduce(directions)
        n_near = n_random // 2 if len(points) else 0
        near, near_signs = perturbed_starts(points, signs, 2 * n_near, self.rng)
        far = random_starts(function, n_random - n_near, self.rng)
        if rough:  # only the best go on, and neurons are good already: they would leave no room
            others = slice(int(np.sum(self.pool.used)), None)
            points, signs = points[others], signs[others]
        starts = np.vstack([points, near, far, far])
        signs = np.concatenate([signs, near_signs, np.ones(len(far)), -np.ones(len(far))])
        return distinct_maxima(
            function,
            *local_maxima(
                function,
                starts,
                signs,
                enough=level / function.scale,
                rough=rough,
                deadline=self.deadline,
                n_jobs=self.n_jobs,
            ),
        )

    def search(self, level):
        """Ascend from the neurons, the remembered maxima, around them and from random starts, until a block finds some.

        Returns the violators (directions, signs) and notes in `visible` the gap that the largest value seen leaves.
        """
        function = self.price_function()
        rough = self.rough or (function.is_long and self.promise > SINGLE and not self.careful)
        block = self.n_starts if function.is_long else BLOCK_STARTS
        largest, done = 0.0, 0
        while done < self.n_starts:
            starts = self.pool.take(self.pool.used).join(*self.remembered)
            fresh = min(self.n_starts - done, block)
            directions, signs, values = self.ascend(
                function, starts.directions, starts.signs, fresh, level=level, rough=rough
            )
            largest, done = max(largest, values.max(initial=0.0)), done + fresh
            near = values > 0.7 * level
            self.remembered = directions[near][:MAX_REMEMBERED], signs[near][:MAX_REMEMBERED]
            above = values > level
            if np.any(above) or self.out_of_time():
                break
        self.careful = rough and not np.any(above)  # what single precision does not see may still be there
        self.visible = max(self.gap(largest), self.visible if self.out_of_time() else 0.0)
        self.promise = max(self.visible, FADING * self.promise if function.is_long else 0.0)
        return directions[above][:MAX_NEW], signs[above][:MAX_NEW]

    def gap(self, largest):
        """Relative gap if `largest` were the price of the residual."""
        if self.residual @ self.residual == 0.0:
            return 0.0
        _, dual = best_dual(self.residual, self.scaled.target, self.scaled.beta, largest)
        return max(0.0, 1.0 - max(dual, 0.0) / self.objective)

    def network(self, problem):
        """Return the best network so far in the scale of `problem`, the heaviest neuron first."""
        used = self.pool.take(self.pool.used)
        order = np.argsort(-used.masses, kind="stable")
        masses = used.masses[order] * (self.scaled.y_scale / self.scaled.x_scale)
        return build_network(problem, used.directions[order], used.signs[order], masses)


def solve_column_generation(
    problem, *, tol=1e-6, max_iter=500, deadline=None, proof="auto", n_jobs=None, rng, start=None, report=None
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
        ``time.monotonic()`` at which training and proof end.
    proof : {"auto", "exact", "bound", "heuristic"}
    rng : numpy.random.Generator
        Chooses the starts of the ascents; the answer does not depend on `n_jobs`.
    start : TwoLayerReLU, optional
        A network to start from.
    report : callable, optional
        Called with every record of the history.

    Returns
    -------
    Solution

    Raises
    ------
    SolverError
        When not even a finite objective was reached (overflow).
    """
    with one_blas_thread():
        return _Training(problem, tol, max_iter, deadline, proof, n_jobs, rng, start, report).run()


def polish_network(problem, network):
    """Return the network after its neurons have moved to the best place that Newton steps from theirs lead to."""
    scaled = scale_problem(problem)
    if scaled is None or network.width == 0:
        return network
    with one_blas_thread():
        run = _Run(scaled, np.random.default_rng(0), None, None)
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
    history: list = field(default_factory=list)
    sampled: _Run | None = None  # on a sample of the rows, while nothing better is known

    def run(self):
        started = time.monotonic()
        scaled = scale_problem(self.problem)
        if scaled is None:
            return self._finish(None, Status.converged, 0, self.proof)
        run = _Run(scaled, self.rng, self.deadline, self.n_jobs)
        try:
            start = self._sampled_network() if self.start is None else self.start
            if start is not None:
                run.adopt(start)
            self.sampled = None
            status, rounds, proven = self._loop(run, started)
        except KeyboardInterrupt:
            status, rounds, proven = Status.interrupted, len(self.history), None
            self.deadline = time.monotonic()
            if self.sampled is not None:
                run.borrow(self.sampled.network(self.problem))
        if proven is not None:
            return self._solution(*proven, status, rounds)
        if status not in (Status.interrupted, Status.time_limit):
            return self._finish(run, status, rounds, self.proof)
        solution = self._finish(run, status, rounds, "heuristic")
        seen = max(solution.certificate.heuristic_gap, run.visible)  # a proof in no time sees less than the search did
        return replace(solution, certificate=replace(solution.certificate, heuristic_gap=seen))

    def _sampled_network(self):
        """Return the network of a sample of the rows, which says on long data where the neurons should be; or None."""
        problem = self.problem
        n_samples, d = problem.design.shape
        size, network = max(SAMPLE, SAMPLED_ROWS * d), None
        while size <= n_samples // 2:
            rows = np.sort(self.rng.choice(n_samples, size, replace=False))
            network = self._grown_network(problem.take(rows, n_samples / size), network)
            size *= GROWTH
        return network

    def _grown_network(self, sample, start):
        """Return a good network of a sample of the rows, grown from that of a smaller sample, or from none."""
        run = self.sampled = _Run(scale_problem(sample), self.rng, self.deadline, self.n_jobs, rough=True)
        if start is not None:
            run.adopt(start)
        for _ in range(SAMPLED_ROUNDS):
            level = run.scaled.beta * (1.0 + SAMPLED_GAP)
            directions, signs = run.search(level)
            if run.visible <= SAMPLED_GAP or len(signs) == 0 or run.out_of_time():
                break
            run.accept(run.pool.join(directions, signs))
            run.solve_restricted(level)
        return run.network(sample)

    def _loop(self, run, started):
        """Return (status, number of rounds, (network, certificate) or None) when converged or out of budget."""
        level = run.scaled.beta * (1.0 + 0.25 * self.tol)  # prices below cost at most a quarter of the tolerance
        idle, stalled = 0, False  # the violators of the last round were within rounding of the neurons in use
        for rounds in range(1, self.max_iter + 1):
            if not run.out_of_time():
                directions, signs = run.search(level)
            self._record(run, started)
            if run.out_of_time():
                return Status.time_limit, rounds, None
            searched = len(signs) == 0 and not run.careful
            if searched and not stalled and 4 * run.n_starts <= self._enough(run):
                run.n_starts *= 4
            elif searched or stalled:
                network = run.network(self.problem)
                certificate = self._certify(network, run, self.proof)
                found = certificate.price
                directions, signs = run.climb(found.local_directions, found.local_signs, level)
                if stalled or len(signs) == 0:
                    reached = certificate.heuristic_gap <= self.tol
                    return Status.converged if reached else Status.stalled, rounds, (network, certificate)
            if len(signs):
                before = run.objective
                run.accept(run.pool.join(directions, signs))
                run.solve_restricted(level)
                gain = 1.0 - run.objective / before
                idle = idle + 1 if gain < 1e-2 * self.tol else 0
                stalled = gain <= 1e-15 or idle >= PATIENCE
        return Status.max_iter, self.max_iter, None

    def _enough(self, run):
        """Number of starts after which a proof is tried: few where the proof itself is cheap."""
        n_samples, d = run.scaled.design.shape
        enough = min(MAX_STARTS, max(4 * FIRST_STARTS, ROWS_A_SEARCH // n_samples))
        if d > 7:
            return enough
        return min(enough, FIRST_STARTS if d <= 3 and self.proof != "heuristic" else 8 * FIRST_STARTS)

    def _record(self, run, started):
        objective = run.objective * run.scaled.y_scale**2
        record = make_record(started, objective, run.visible, int(np.sum(run.pool.used)))
        self.history.append(record)
        if self.report is not None:
            self.report(record)

    def _certify(self, network, run, proof):
        return certify_problem(
            network,
            self.problem,
            proof=proof,
            tolerance=min(1e-7, 0.1 * self.tol),
            starts=None if run is None else run.remembered[0],
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
        if certificate.relative_gap <= self.tol:
            status = Status.proven
        return Solution(network, certificate, status, max(1, rounds), self.history)
