"""Training on rows in blocks: a network of a sample, then descents and searches for neurons on sums over all rows.

A pass over the data costs what reading it costs, so that passes are what is saved: the network of a sample of the rows
is trained in memory, by the solvers for data of that size, and says where the neurons should be. From there L-BFGS
moves all weights on all rows, one pass a step, and ascents on the price, of all rows too, say which neurons are
missing. Data that the sample has all of are solved in memory, with every proof there is.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._utils.clock import now
from .._utils.norms import unit_rows
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..duality.pricing import local_prices
from ..duality.records import Price
from ..duality.rough import ascend, distinct_starts, rough_maxima
from ..network import TwoLayerReLU
from ..programs.posing import make_problem
from ..solvers._coordinates import Moments
from ..solvers._lbfgs import minimise
from ..solvers._merging import merge_alike
from ..solvers.base import MIN_GAIN, Status, conclude, hand_over, make_record
from ..solvers.column_generation import solve_column_generation
from .certifying import certify_on_blocks
from .dual_points import FreeCoordinates, settle_free_terms
from .objective import BlockObjective
from .sums import Rows, sample_of, sum_over, survey
from .weights import Terms, Weights, balanced, network_of, price_matrices, weights_of

MAX_SAMPLED_ENTRIES, MIN_SAMPLED_ROWS = 2_000_000, 2_000  # of the sample that is trained in memory
MAX_WIDE_ENTRIES = 4_000_000  # samples of wide rows, as sparse data often have, have fewer rows than that
SAMPLE_WORK_NS = 3e9  # of its training: what a sample says is about all rows only
SAMPLE_TIME_SHARE = 0.3  # of a time limit
ZERO_NETWORK_TIME_SHARE = 0.1  # of a time limit, at most, goes into the smallest strength that leads to no neurons
N_DESCENT_PASSES, MAX_DESCENT_PASSES = 40, 400  # steps of a descent on all rows, at first and at most
MIN_GAIN_SHARE = 0.3  # a round that gains less than this share of what prices promise makes the next descents longer
N_LBFGS_PAIRS = 20  # pairs that a descent remembers
DESCENT_TOLERANCE = 1e-7  # a descent ends when its last steps have lowered the objective by less than this share each
N_STARTS, N_ASCENT_PASSES = 64, 6  # directions that ascend together on all rows, and their passes
N_SEARCHED_ROWS, MAX_SEARCHED_ENTRIES = 20_000, 1_000_000  # of the sample on which ascents begin
MAX_CLIMBED_FEATURES = 2_000  # with more columns ascents begin after a few joint steps on the sample, not at its kinks
MAX_NEW_NEURONS = 64  # of a round
FIRST_MASS_SHARE = 0.3  # a new neuron begins with 0.3 of the mass that is best for it alone
MERGED_SHARE = 0.1  # of the distances at which a new neuron would repeat another: those closer become one
MIN_MASS_SHARE = 1e-6  # neurons with less than this share of the largest mass have vanished
MAX_EXCESS_PER_TOL, MIN_EXCESS = 0.25, 1e-4  # prices above the strength by less than a share of it count for nothing
GAP_CALLED_CONVERGED = 1e-3  # without a tolerance, the largest estimated gap of a training that is called converged
SEARCHED_LAST = (Status.converged, Status.time_limit)  # endings right after a search
SETTLED_FALL = 1e-5  # without a tolerance, training ends when a round lowers the objective by less than this share


@dataclass
class BlockTraining:
    """Training on a source.

    Parameters
    ----------
    source : RowSource
    rows : Rows
        What `survey` has found.
    terms : Terms
    beta : float
    tol : float or None
        Estimated gap at which training ends; None ends it when the objective hardly falls.
    max_iter : int
        Largest number of rounds.
    deadline : Moment, optional
    n_jobs : int, optional
    rng : numpy.random.Generator
    report : callable, optional
    start : TwoLayerReLU, optional
        In place of the network of a sample.
    """

    source: Any
    rows: Rows
    terms: Terms
    beta: float
    tol: float | None
    max_iter: int
    deadline: Any
    n_jobs: int | None
    rng: np.random.Generator
    report: Any = None
    start: TwoLayerReLU | None = None
    history: list[dict[str, Any]] = field(default_factory=list)

    def solve(self):
        """Train and certify; return the `Solution`."""
        self.started = now()
        with one_blas_thread():
            self._begin()
            try:
                status = self._train()
            except KeyboardInterrupt:
                status, self.deadline = Status.interrupted, now()
                self._keep_best()
            return self._conclude(status)

    def zero_network_price(self):
        """Return the `Price` of the network without neurons."""
        self._begin()
        self.weights, _ = settle_free_terms(self.source, self.rows, self.weights)
        self._search(0.0)
        return Price(self.found[0], np.inf, self.found[1], self.found[2], "heuristic")

    def _begin(self):
        rows, bias = self.rows, self.terms.hidden_bias
        means, spreads = np.append(rows.mean, [1.0] * bias), np.append(rows.spread, [0.0] * bias)
        self.moments, self.coordinates = Moments(means, spreads**2), FreeCoordinates.of(rows, self.terms)
        n_outputs, n_free = rows.n_outputs or 1, len(self.coordinates.size)
        none = np.zeros((0, len(self.moments.means))), np.zeros((0, n_outputs)), np.zeros((n_free, n_outputs))
        self.weights, self.objective = Weights(*none, self.terms), np.inf
        self.visible, self.found, self.point = 1.0, None, None
        self.best = np.inf, self.weights
        self.n_passes, self.merged_share = N_DESCENT_PASSES, MERGED_SHARE
        self.seen = None  # sampled rows, on which ascents begin

    def _train(self):
        """Return how training ended."""
        start = self._sampled_network() if self.start is None else self.start
        if start is not None:
            self.weights = weights_of(start, self.terms)
        self._descend()
        excess = max(MIN_EXCESS, MAX_EXCESS_PER_TOL * (self.tol or 0.0))
        for _ in range(self.max_iter):
            # Ascents on all rows, beside the best free terms: which neurons are missing?
            self.weights, self.point = settle_free_terms(self.source, self.rows, self.weights)
            new = self._search(excess)
            self._record()
            if self._is_over():
                return Status.time_limit
            if self.tol is not None and self.visible <= self.tol:
                return Status.converged
            if new is None:
                return Status.converged
            # They join, and all weights move.
            before = self.objective
            self.best = before, self.weights
            self._join(new)
            self._descend()
            if self._keep_best():  # what has been merged on the way was not the same
                self.merged_share = 0.0
            # Where that gained little of what the prices promise, the next descent is longer; the longest one ends.
            hardly = self.objective >= before * (1.0 - (SETTLED_FALL if self.tol is None else MIN_GAIN))
            if hardly and self.n_passes == MAX_DESCENT_PASSES:
                return Status.settled if self.tol is None else Status.stalled
            if hardly or before - self.objective < MIN_GAIN_SHARE * self.visible * before:
                self.n_passes = min(2 * self.n_passes, MAX_DESCENT_PASSES)
        return Status.max_iter

    def _keep_best(self):
        """Go back to the weights of the last round where they were as good; return whether they were."""
        objective, weights = self.best
        is_better = objective <= self.objective
        if is_better:
            self.objective, self.weights = objective, weights
        return is_better

    def _is_over(self):
        return is_late(self.deadline)

    # The sample

    def _sampled_network(self):
        """Return a network of a sample of the rows."""
        sample = self.sampled_problem(sampled_rows(self.rows.n_features))
        started = now()
        deadline = None if self.deadline is None else started + SAMPLE_TIME_SHARE * (self.deadline - started)
        options = {"deadline": deadline, "n_jobs": self.n_jobs, "rng": self.rng, "max_work": SAMPLE_WORK_NS}
        solution = solve_column_generation(sample, proof="heuristic", **options)
        if solution.status is Status.interrupted:
            self.weights = weights_of(solution.network, self.terms)
            raise KeyboardInterrupt
        return solution.network

    def sampled_problem(self, n_rows):
        """Return the `Problem` of some rows, whose weights make up for the others."""
        return sampled_problem(self.source, self.rows, self.terms, self.beta, n_rows, self.rng)

    # Descents

    def _descend(self):
        """Move all weights by L-BFGS on sums over all rows; what an interrupt ends is kept as far as it came."""
        self._merge()
        options = {"maxiter": self.n_passes, "maxcor": N_LBFGS_PAIRS, "ftol": 0.0}
        bent = self._curvature() * self.rows.weight
        given = self.source, self.weights, self.beta, self.moments, bent, self.coordinates
        objective = BlockObjective(*given, stop=self._is_over)
        try:
            minimise(objective, objective.pack(self.weights), objective.until_flat(DESCENT_TOLERANCE), **options)
        finally:
            if objective.point is not None:
                weights, self.objective = objective.unpack(objective.point), objective.best
                kept = weights.masses > MIN_MASS_SHARE * weights.masses.max(initial=0.0)
                self.weights = balanced(weights.take(kept))

    def _merge(self):
        """Join neurons that say nearly the same."""
        weights = self.weights
        sizes = np.linalg.norm(weights.neurons, axis=1)[:, None]
        directions, outputs = merge_alike(weights.neurons / sizes, weights.outputs * sizes, self.merged_share)
        roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
        self.weights = replace(weights, neurons=directions * roots, outputs=outputs / roots)

    # Searches

    def _search(self, excess):
        """Return (directions, units of the outputs, first masses) of neurons that are missing, None without any.

        A search that begins after the deadline sees little, and leaves the estimated gap as it is.
        """
        known = self.visible if self._is_over() else 0.0
        directions, (prices, outputs, _, squares) = self._climb()
        k = int(np.argmax(prices)) if len(prices) else None
        if k is None:
            self.found, self.visible = (0.0, np.zeros(self.weights.neurons.shape[1]), 0), known
            return None
        sign = int(np.sign(outputs[k, 0])) if self.rows.n_outputs is None else int(prices[k] > 0)
        self.found = float(prices[k]), directions[k], sign
        # The loss that neurons of this price may still save, about.
        self.visible = max(known, self._visible(prices[k]))
        level = self.beta * (1.0 + excess)
        kept = distinct_starts(directions, outputs, prices, level, MAX_NEW_NEURONS)
        if len(kept) == 0:
            return None
        bent = self._curvature() * np.maximum(squares[kept], np.finfo(float).tiny)
        masses = FIRST_MASS_SHARE * (prices[kept] - self.beta) / bent
        return directions[kept], outputs[kept], masses

    def _curvature(self):
        """Return the largest curvature of the loss of a row."""
        loss = self.terms.loss
        return loss.largest_curvature if self.rows.n_outputs is None else loss.steepness

    def _climb(self):
        """Return unit directions that ascents on all rows have reached, and prices, outputs, slopes and squares."""
        starts = self._starts()
        if len(starts) == 0:
            return starts, (np.zeros(0), np.zeros((0, self.weights.n_outputs)), starts, np.zeros(0))

        def priced(directions):
            matrices, squares = sum_over(self.source.each(price_matrices, self.weights, directions))
            outputs = np.einsum("kcd,kd->kc", matrices, directions)
            prices = np.linalg.norm(outputs, axis=1)
            outputs = outputs / np.maximum(prices, np.finfo(float).tiny)[:, None]
            return prices, outputs, np.einsum("kcd,kc->kd", matrices, outputs), squares

        return ascend(priced, starts, N_ASCENT_PASSES, self._is_over)

    def _starts(self):
        """Return unit directions to ascend from: the best maxima on a sample of the rows."""
        if self.seen is None:
            n_rows = min(N_SEARCHED_ROWS, sampled_rows(self.rows.n_features, MAX_SEARCHED_ENTRIES))
            self.seen = self.sampled_problem(n_rows)
        problem, weights = self.seen, self.weights
        free = problem.free @ weights.free
        fit = (np.maximum(problem.design @ weights.neurons.T, 0.0) @ weights.outputs + free).reshape(problem.y.shape)
        nu = problem.loss.dual_point(problem.y, fit, problem.weight)
        known = weights.neurons[np.argsort(-weights.masses)][:N_STARTS]
        if self.rows.n_features > MAX_CLIMBED_FEATURES:
            return self._rough_starts(nu.reshape(len(nu), -1), unit_rows(known)[0])
        options = {"starts": known, "n_starts": N_STARTS, "deadline": self.deadline, "n_jobs": self.n_jobs}
        directions, _, values = local_prices(*problem.priced(nu), **options)
        return np.ascontiguousarray(directions[np.argsort(-values, kind="stable")][:N_STARTS])

    def _rough_starts(self, nu, known):
        """Return unit directions to ascend from in many coordinates, where exact ascents would take minutes."""
        directions, _, prices = rough_maxima(self.seen.design, nu, known, self.rng)
        best = directions[np.argsort(-prices, kind="stable")]
        return np.ascontiguousarray(np.vstack([known[: N_STARTS // 2], best])[:N_STARTS])

    def _visible(self, price):
        """Return about which share of the objective is left, if `price` is the largest there is."""
        # With the dual point scaled by beta / price the gap is about this share of the penalty, to first order.
        share = max(0.0, 1.0 - self.beta / price) if price > 0.0 else 0.0
        return min(1.0, share * self.weights.penalty(self.beta) * 2.0 / max(self.objective, np.finfo(float).tiny))

    def _join(self, new):
        """Add neurons to the network."""
        directions, outputs, masses = new
        roots = np.sqrt(masses)[:, None]
        weights = self.weights
        self.weights = replace(
            weights,
            neurons=np.vstack([weights.neurons, roots * directions]),
            outputs=np.vstack([weights.outputs, roots * outputs]),
        )

    # The end

    def _record(self):
        self.history.append(make_record(self.started, self.objective, self.visible, len(self.weights.neurons)))
        hand_over(self.report, self.history[-1], lambda: network_of(self.weights, self.rows))

    def _conclude(self, status):
        """Return the `Solution` of the weights so far."""
        if self.found is None or status not in SEARCHED_LAST:
            self.weights, self.point = settle_free_terms(self.source, self.rows, self.weights)
            self._search(0.0)
        given = self.source, self.rows, self.weights, self.point, self.beta, self.found
        certificate = certify_on_blocks(*given, self.deadline)
        tol = GAP_CALLED_CONVERGED if self.tol is None else self.tol
        if self.tol is None and status is Status.converged and certificate.heuristic_gap > tol:
            status = Status.settled
        return conclude(
            network_of(self.weights, self.rows),
            certificate,
            status,
            tol=tol,
            n_iter=len(self.history),
            history=self.history,
            visible_gap=self.visible,
        )


def sampled_rows(n_features, entries=None):
    """Return how many rows a sample in memory has, of `entries` entries or of those that are trained there."""
    entries = MAX_SAMPLED_ENTRIES if entries is None else entries
    return max(1, entries // n_features, min(MIN_SAMPLED_ROWS, MAX_WIDE_ENTRIES // n_features))


def sampled_problem(source, rows, terms, beta, n_rows, rng):
    """Return the `Problem` of at most so many rows of a source, whose weights make up for the others."""
    X, y, weight = sample_of(source, rows, n_rows, rng)
    problem = make_problem(
        X,
        y,
        beta,
        hidden_bias=terms.hidden_bias,
        fit_intercept=terms.fit_intercept,
        skip_connection=terms.skip_connection,
        sample_weight=weight * (rows.weight / weight.sum()),
    )
    return replace(problem, loss=terms.loss)


def train_on_blocks(
    source,
    terms,
    *,
    beta,
    rows=None,
    tol=None,
    max_iter=500,
    deadline=None,
    n_jobs=None,
    rng=None,
    start=None,
    report=None,
):
    """Return the `Solution` of training on the rows of a source; see `BlockTraining` for the parameters."""
    rows = survey(source) if rows is None else rows
    rng = np.random.default_rng(0) if rng is None else rng
    return BlockTraining(source, rows, terms, beta, tol, max_iter, deadline, n_jobs, rng, report, start).solve()


def zero_network_price_on_blocks(source, terms, rows, *, deadline=None, rng):
    """Return the `Price` of the network without neurons: a lower bound on the smallest strength that leads to it.

    It takes a small share of the time until a deadline; after that, starts of ascents do not climb.
    """
    started = now()
    if deadline is not None:
        deadline = started + ZERO_NETWORK_TIME_SHARE * (deadline - started)
    training = BlockTraining(source, rows, terms, 1.0, None, 1, deadline, None, rng)
    with one_blas_thread():
        return training.zero_network_price()
