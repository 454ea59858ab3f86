"""A run of column generation for one output: the pool of directions, the residual and what searching has seen.

The restricted program lives on directions, not on patterns: the best masses for the pool of directions are a small
non-negative lasso, Newton's method moves the neurons in use to the best place of their cells, and local ascents on
the price release or add the rows they should sit on.
"""

from dataclasses import dataclass, replace

import numpy as np

from .._utils.row_blocks import is_huge, is_long
from .._utils.validation import is_late
from ..duality.ascent import distinct_maxima, local_maxima, perturbed_starts, random_starts
from ..duality.scalar_price import price_rows, scalar_price_function
from ..masses.lasso import best_masses, masses_of_products
from ..programs.scaling import best_dual, scale_problem
from ._batches import N_BATCH_NEURONS, BatchDescent
from ._joint_ascents import MIN_ROUGH_ANGLE, ascend_jointly, is_medium
from ._neuron_descent import descend_neurons
from ._newton import move_neurons
from ._violators import Violators
from ._work import ascent_work, gradient_work, masses_work, proof_work
from .base import build_network

FIRST_STARTS, MAX_STARTS = 32, 4096  # random starts of a search at first, and after which none is missed any more
MAX_SEARCHED_ROWS = 2_000_000  # rows times starts, so that long data get fewer starts
LONG_STARTS = 128  # random starts on long data, where only the best of them go on
BLOCK_STARTS = 256  # a search ends with the first block of starts that finds a violator
COARSE_NEWTON_WORK, MAX_NEWTON_WORK = 1e9, 2e10  # multiplications of a Newton step: a tenth of a second, a second
COARSE_UNTIL_GAP = 1e-5  # below this visible gap Newton steps are worth up to the larger of them
SINGLE_UNTIL_GAP = 1e-4  # visible gap down to which single precision will do
ADOPTED_GAP = 1e-2  # how well a network is expected to fit that comes from elsewhere
MAX_NEW_NEURONS, MAX_NEW_HUGE_NEURONS = 600, 96  # violators that join at once, and on huge data
ROUGH_UNTIL_GAIN = 1e-3  # on medium data ascents stop before the kinks until a round lowers the objective by less
MAX_REMEMBERED = 64  # local maxima from which the next search starts
REMEMBERED_FROM_PRICE = 0.7  # local maxima above 0.7 of the level are remembered
MAX_INNER_ROUNDS = 30
PROMISE_LEFT = 0.3  # on long data a search counts for 0.3 of the last promise at least: one may have been blind
MIN_MOVE_GAIN, MAX_REST_ROUNDS = 0.25, 7  # moves rest for some rounds where they gain less than 0.25 of new neurons
MIN_INNER_GAIN_PER_GAP = 0.05  # inner rounds end when one lowers the objective by less than 0.05 of the promised gap,
MIN_INNER_GAIN = 1e-13  # or by less than this share of itself
MAX_DESCENT_TOLERANCE, DESCENT_TOLERANCE_PER_GAIN = 1e-5, 1e-3  # at most; per inner gain
MAX_RISE = 1e-14  # relative, of the objective: what counts as rounding


@dataclass
class Pool:
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
        return Pool(
            np.vstack([self.directions, directions]),
            np.append(self.signs, signs),
            np.append(self.masses, np.zeros(len(signs)) if masses is None else masses),
        )

    def take(self, index):
        """Return the pool of the directions at `index`."""
        return Pool(self.directions[index], self.signs[index], self.masses[index])


class ScalarRun:
    """The state of one run: the pool, the residual (the scaled dual point) and the clock."""

    def __init__(self, scaled, rng, deadline=None, n_jobs=None, max_work=None):
        self.rng, self.deadline, self.n_jobs = rng, deadline, n_jobs
        self.load(scaled)
        self.remembered = self.pool.directions, self.pool.signs
        self.n_starts = LONG_STARTS if is_long(scaled.design) else FIRST_STARTS
        self.visible, self.promise, self.careful, self.single = 1.0, 1.0, False, True
        self.exploring, self.searched = True, np.inf  # while kinks do not matter; the objective at the last search
        self.gained, self.rest, self.resting = 0.0, 0, 0  # by the last new neurons; rounds that do not move neurons
        self.work = 0.0  # nanoseconds of one core, as estimated in `_work`
        self.max_work = np.inf if max_work is None else max_work

    def load(self, scaled):
        """Start on a problem without any neuron."""
        self.scaled, self._rows = scaled, None
        self.pool = Pool(np.zeros((0, scaled.design.shape[1])), np.zeros(0), np.zeros(0))
        self.residual, self.objective = scaled.target, 0.5

    @property
    def rows(self):
        """The `price_rows` of the design, made when they are first asked for."""
        if self._rows is None:
            self._rows = price_rows(self.scaled.design)
        return self._rows

    def place(self, pool):
        """Stand at a pool with its masses, whatever they are worth."""
        fit = self.scaled.hidden_fit(pool.directions, pool.signs * pool.masses)
        self.pool, self.residual = pool, self.scaled.target - self.scaled.project(fit)
        self.objective = self.scaled.objective(self.residual, pool.masses)

    def borrow(self, network):
        """Take over the neurons of `network` where that lowers the objective; return whether there are any."""
        active = np.flatnonzero((network.masses > 0) & (network.signs != 0))
        if len(active):
            masses = network.masses[active] * (self.scaled.x_scale / self.scaled.y_scale)
            pool = Pool(network.directions[active], network.signs[active], masses)
            if not self.accept(pool):  # worse than no neuron at all: the directions may still be good
                self.accept(Pool(pool.directions, pool.signs, np.zeros(len(active))))
        return len(active) > 0

    def begin(self, problem, record):
        """Begin with a network that batches of rows lead to, on long data; else the first search says which neurons.

        Where an interrupt or a budget ends this, the network so far is kept. `record` is called at every network.
        """
        if not is_long(self.scaled.design):
            return
        row = gradient_work(1, N_BATCH_NEURONS, self.scaled.design.shape[1])
        options = {"work_of_a_row": row, "max_work": self.max_work - self.work, "deadline": self.deadline}
        descent = BatchDescent(problem, self.rng, **options)
        if not descent.has_digits:
            return
        try:
            for _ in descent.stages():
                self.take_over(descent)
                record()
        except KeyboardInterrupt:
            self.take_over(descent)
            raise
        self.exploring, self.promise = False, ADOPTED_GAP
        self.improve(np.inf)
        record()

    def take_over(self, descent):
        """Take over the network of a `BatchDescent` where it is the best so far."""
        self.work += descent.take_work()
        directions, outputs, _ = descent.network()
        self.start_at(Pool(directions, np.sign(outputs[:, 0]), np.abs(outputs[:, 0])))

    def start_at(self, pool):
        """Stand at a pool with masses in the scale of the problem where that is the best so far."""
        before = self.pool, self.residual, self.objective
        self.place(replace(pool, masses=pool.masses * (self.scaled.x_scale / self.scaled.y_scale)))
        if not self.objective < before[-1]:
            self.pool, self.residual, self.objective = before

    def adopt(self, network):
        """Take over the neurons of `network` and move them to the best place they can reach by themselves."""
        if self.borrow(network):
            self.exploring = False
            self.promise = ADOPTED_GAP if self.newton_work() > COARSE_NEWTON_WORK else 0.0
            self.improve(np.inf)

    @property
    def primal(self):
        """The objective in the scale of the problem."""
        return self.objective * self.scaled.y_scale**2

    def out_of_time(self):
        """Whether the deadline has passed."""
        return is_late(self.deadline)

    def spend(self, work):
        """Count some work."""
        self.work += work

    def is_over(self):
        """Whether the deadline has passed or the budget of work is spent."""
        return self.work > self.max_work or self.out_of_time()

    def accept(self, pool):
        """Find the best masses on `pool` and keep it when the objective does not rise."""
        self.spend(masses_work(len(self.scaled.design), *pool.directions.shape))
        masses, residual = self._refit(pool)
        objective = self.scaled.objective(residual, masses)
        if objective > self.objective * (1.0 + MAX_RISE):
            return False
        pool = Pool(pool.directions, pool.signs, masses).take(masses > 0)
        self.pool, self.residual, self.objective = pool, residual, objective
        return True

    def _refit(self, pool):
        """Return the best masses on a pool, and the residual that they leave."""
        scaled, given = self.scaled, (pool.directions, pool.signs)
        if is_huge(scaled.design):  # as long columns, and copies of them, would not fit beside it
            size = np.linalg.norm(scaled.target)
            masses = masses_of_products(*scaled.products(*given), size, scaled.beta, pool.masses)
            return masses, scaled.target - scaled.project(scaled.hidden_fit(pool.directions, pool.signs * masses))
        fits = scaled.fits(*given)
        masses = best_masses(fits, scaled.target, scaled.beta, pool.masses)
        return masses, scaled.target - fits @ masses

    def join(self, violators):
        """Take new neurons into the pool and note what they gain."""
        before = self.objective
        self.accept(self.pool.join(violators.directions, violators.signs))
        self.gained = before - self.objective

    def join_and_improve(self, violators, excess):
        """Take new neurons into the pool, then improve all of them."""
        self.join(violators)
        self.improve(excess)

    def improve(self, excess):
        """Alternate masses, Newton steps and local ascents from the neurons in use until none of them helps.

        Or helps little beside what new neurons promise: the gap that the search has seen.
        """
        if self.resting > 0:
            self.resting -= 1
            return
        started = self.objective
        for _ in range(MAX_INNER_ROUNDS):
            before = self.objective
            used = self.pool.take(self.pool.used)
            # Move: by Newton steps between the kinks, or by gradients while kinks do not matter.
            blocks, signs = self.move(used.masses[:, None] * used.directions, used.signs)
            sizes = np.linalg.norm(blocks, axis=1)
            moved = Pool(blocks / sizes[:, None], signs, sizes)
            # Masses: on the moved neurons, or where that is worse (single precision) on old and new ones together.
            if not self.accept(moved):
                self.accept(self.pool.join(moved.directions, moved.signs))
                self.single = False
            # Ascend: from the neurons in use to maxima of the price nearby.
            if not self.is_coarse:
                used = self.pool.take(self.pool.used)
                violators = self.climb(used.directions, used.signs, excess)
                if len(violators):
                    self.accept(self.pool.join(violators.directions, violators.signs))
            if (
                before - self.objective <= max(MIN_INNER_GAIN, MIN_INNER_GAIN_PER_GAP * self.promise) * before
                or self.is_over()
            ):
                break
        # On medium data moves rest for 1, 3, 7 rounds where they gain less than a quarter of what new neurons did.
        gained = started - self.objective
        self.rest = min(MAX_REST_ROUNDS, 2 * self.rest + 1) if gained < MIN_MOVE_GAIN * self.gained else 0
        self.resting = self.rest if self.is_medium and self.promise > SINGLE_UNTIL_GAP else 0

    @property
    def most_new(self):
        """Violators taken into the pool at once: the fit of each is a column as long as the data."""
        return MAX_NEW_HUGE_NEURONS if is_huge(self.scaled.design) else MAX_NEW_NEURONS

    def newton_work(self):
        """Multiplications of a Newton step on the neurons in use."""
        n_samples, d = self.scaled.design.shape
        return n_samples * float(self.pool.used.sum() * d) ** 2

    @property
    def is_coarse(self):
        """Whether gradients do: Newton steps and exact ascents are too dear, and kinks do not matter yet."""
        work = self.newton_work()
        if is_huge(self.scaled.design) or (self.exploring and self.is_medium):
            return True
        return work > COARSE_NEWTON_WORK and (self.promise > COARSE_UNTIL_GAP or work > MAX_NEWTON_WORK)

    @property
    def is_medium(self):
        """Whether ascents go jointly at first, and to the kinks afterwards."""
        return is_medium(self.scaled.design)

    def move(self, blocks, signs):
        """Move the neurons to a better place, by Newton steps or by gradients."""
        if not self.is_coarse:
            return move_neurons(self.scaled, blocks, signs, stop=self.is_over, spend=self.spend)
        dtype = np.float32 if self.promise > SINGLE_UNTIL_GAP and self.single else np.float64
        free = self.free_coefficients(blocks, signs)
        return descend_neurons(self.scaled, blocks, signs, free=free, dtype=dtype, **self.descent_options)

    @property
    def descent_options(self):
        """When a descent by gradients ends, whom it tells of its work, and its threads."""
        tol = min(MAX_DESCENT_TOLERANCE, DESCENT_TOLERANCE_PER_GAIN * MIN_INNER_GAIN_PER_GAP * self.promise)
        return {"tol": tol, "stop": self.is_over, "spend": self.spend, "n_jobs": self.n_jobs}

    def free_coefficients(self, blocks, signs):
        """Return those of the basis of the free terms that fit best beside some neurons."""
        return self.scaled.free_basis.T @ (self.scaled.target - self.scaled.hidden_fit(blocks, signs))

    def level(self, excess):
        """The price that violators are above: beta and a share of it."""
        return self.scaled.beta * (1.0 + excess)

    def climb(self, directions, signs, excess):
        """Return the distinct `Violators` that ascents from these neurons reach above ``level(excess)``."""
        level = self.level(excess)
        directions, signs, values = self.ascend(self.price_function(), directions, signs, level=level)
        above = values > level
        return Violators(directions[above][: self.most_new], signs[above][: self.most_new])

    def violators_of(self, price, excess):
        """Return the `Violators` that the `Price` of a proof has met, as this run sees them."""
        return self.climb(price.local_directions, price.local_signs, excess)

    def price_function(self):
        """The price of the residual, the scaled dual point."""
        return scalar_price_function(self.scaled.design, self.residual, self.rows)

    def ascend(self, function, directions, signs, n_random=0, *, level, rough=False):
        """Return the distinct local maxima (directions, signs, values) reached from `directions` and around them."""
        if function.rank == 0:
            return np.zeros((0, directions.shape[1])), np.zeros(0), np.zeros(0)
        points = function.reduce(directions)
        n_near = n_random // 2 if len(points) else 0
        near, near_signs = perturbed_starts(points, signs, 2 * n_near, self.rng)
        far = random_starts(function, n_random - n_near, self.rng)
        if rough:  # only the best go on, and neurons are good already: they would leave no room
            others = slice(self.width, None)
            points, signs = points[others], signs[others]
        starts = np.vstack([near, far, far])
        fresh_signs = np.concatenate([near_signs, np.ones(len(far)), -np.ones(len(far))])
        if len(starts) and function.stretched is None and is_medium(function.lines):
            self.spend(ascent_work(*function.lines.shape, len(starts), True))
            starts, fresh_signs, values = ascend_jointly(function, starts, fresh_signs, rough, self.n_jobs)
            if rough:
                return distinct_maxima(function, starts, fresh_signs, values, angle=MIN_ROUGH_ANGLE)
        starts, signs = np.vstack([points, starts]), np.append(signs, fresh_signs)
        self.spend(ascent_work(*function.lines.shape, len(starts), rough))
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

    def search(self, excess):
        """Ascend from the neurons, the remembered maxima, around them and from random starts, until a block finds some.

        Returns the `Violators` and notes in `visible` the gap that the largest value seen leaves.
        """
        function, level = self.price_function(), self.level(excess)
        # How accurate: rough while the objective still falls fast and the last search did find violators.
        self.exploring &= self.primal < (1.0 - ROUGH_UNTIL_GAIN) * self.searched and not self.careful
        self.searched = self.primal
        rough = function.is_long and self.promise > SINGLE_UNTIL_GAP and not self.careful
        rough = rough or (self.is_medium and self.exploring)
        # How many: on medium data as many as there are neurons, in blocks, so that an early find ends the search.
        n_starts = max(self.n_starts, min(self.width, MAX_REMEMBERED * 8) if self.is_medium else 0)
        block = n_starts if function.is_long else max(BLOCK_STARTS, n_starts // 4)
        largest, done = 0.0, 0
        while done < n_starts:
            starts = self.pool.take(self.pool.used).join(*self.remembered)
            fresh = min(n_starts - done, block)
            directions, signs, values = self.ascend(
                function, starts.directions, starts.signs, fresh, level=level, rough=rough
            )
            largest, done = max(largest, values.max(initial=0.0)), done + fresh
            near = values > REMEMBERED_FROM_PRICE * level
            self.remembered = directions[near][:MAX_REMEMBERED], signs[near][:MAX_REMEMBERED]
            above = values > level
            if np.any(above) or self.out_of_time():
                break
        # What it means: the gap that the largest value leaves, and what neurons may still gain.
        self.careful = rough and not np.any(above)  # what single precision does not see may still be there
        self.visible = max(self.gap(largest), self.visible if self.out_of_time() else 0.0)
        self.promise = max(self.visible, PROMISE_LEFT * self.promise if function.is_long else 0.0)
        return Violators(directions[above][: self.most_new], signs[above][: self.most_new])

    def widen_search(self, proof, max_starts=None):
        """Search from more starts from now on; return whether that is worth it, before a proof is tried.

        Few are enough where the proof itself is cheap, on few inputs.
        """
        n_samples, d = self.scaled.design.shape
        max_starts = MAX_STARTS if max_starts is None else max_starts
        enough = min(max_starts, max(4 * FIRST_STARTS, MAX_SEARCHED_ROWS // n_samples))
        if d <= 3 and proof != "heuristic":
            enough = min(enough, FIRST_STARTS)
        elif d <= 7:
            enough = min(enough, 8 * FIRST_STARTS)
        if 4 * self.n_starts > enough:
            return False
        self.n_starts *= 4
        return True

    @property
    def is_conclusive(self):
        """Whether the last search would have seen what there is: not one that stopped before the kinks."""
        return not self.careful

    @property
    def width(self):
        """Number of neurons in use."""
        return int(np.sum(self.pool.used))

    @property
    def known_directions(self):
        """Directions of large price, from which a proof begins."""
        return self.remembered[0]

    @property
    def proof_work(self):
        """The work of a proof that is not expected to end."""
        return proof_work(self.work)

    def gap(self, largest):
        """Relative gap if `largest` were the price of the residual."""
        if self.residual @ self.residual == 0.0:
            return 0.0
        _, dual = best_dual(self.residual, self.scaled.target, self.scaled.beta, largest)
        return max(0.0, 1.0 - max(dual, 0.0) / self.objective)

    def network(self, problem):
        """Return the best network so far in the scale of `problem`, the heaviest neuron first."""
        used = self.pool.take(self.pool.used)
        return network_of(problem, replace(used, masses=used.masses * (self.scaled.y_scale / self.scaled.x_scale)))


def start_scalar_run(problem, *options):
    """Return the `ScalarRun` on a problem with the squared loss; None where no neuron can fit anything."""
    scaled = scale_problem(problem)
    return None if scaled is None else ScalarRun(scaled, *options)


def network_of(problem, pool):
    """Return the network of a pool with masses in the scale of `problem`, the heaviest neuron first."""
    used = pool.take(pool.used)
    used = used.take(np.argsort(-used.masses, kind="stable"))
    return build_network(problem, used.directions, used.signs, used.masses)
