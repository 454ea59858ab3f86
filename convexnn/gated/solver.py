"""The gated ReLU program, a group lasso on ``[D_1 X, ..., D_P X]``: working sets, and the proof of the answer.

Every iterate that looks good is judged over all gates: its residual, shrunk until it is feasible, is a dual point whose
value bounds the optimum from below. The working sets are solved by `interior_point`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.clock import now
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..programs.problem import Problem
from ..programs.scaling import best_dual, scale_problem
from ..solvers.base import Status, check_masks, hand_over
from .interior_point import InteriorPoint
from .joint_solver import solve_joint_gates
from .records import GatedSolution, check_start, distinct_masks
from .systems import Groups

# The first working set has 64 groups, or as many as there are samples.
FIRST_GROUPS = 64
# An iterate is proven once its estimated gap is below 10 times the goal, or below 1e-12.
PROOF_GAP_OVER_GOAL, MIN_ESTIMATED_GAP = 10.0, 1e-12
# Idle groups are dropped once the estimated gap is below 0.01: before, they look like those in use.
DROP_BELOW_GAP = 1e-2
# A working set ends after 4 failures: steps shorter than 1e-3, or proofs that leave more than half of the gap.
MIN_STEP_LENGTH, MAX_FAILURES = 1e-3, 4


@dataclass(frozen=True)
class _Proof:
    """Blocks with the feasible dual point that their residual leads to, in the units of `Groups`."""

    blocks: np.ndarray
    sizes: np.ndarray
    residual: np.ndarray
    prices: np.ndarray
    factor: float
    primal: float
    dual: float

    @property
    def relative_gap(self):
        """The duality gap over the primal value."""
        return abs(self.primal - self.dual) / self.primal if self.primal > 0 else 0.0  # a negative gap is rounding


def _prove(groups, blocks):
    """Return the `_Proof` of blocks, over all groups."""
    # Projected again: what rounding left of large fits beside the free terms would make the dual point infeasible.
    residual, sizes = groups.project(groups.target - groups.fit(blocks)), np.linalg.norm(blocks, axis=1)
    prices = np.linalg.norm(groups.correlate(residual), axis=1)
    # The dual value at t nu is best at some t in [0, beta / price]: that t makes the residual feasible.
    factor, dual = best_dual(residual, groups.target, groups.beta, prices.max(initial=0.0))
    primal = 0.5 * float(residual @ residual) + groups.beta * float(sizes.sum())
    return _Proof(blocks, sizes, residual, prices, factor, float(primal), float(dual))


class _Search:
    """Working sets of growing size until the gap over all groups is below the tolerance."""

    def __init__(self, groups, tol, max_iter, deadline, report, unit=1.0, translate=None):
        self.groups, self.tol, self.max_iter, self.deadline = groups, tol, max_iter, deadline
        self.report, self.unit = report, unit  # `unit` of the objective, in the records
        self.translate = translate  # returns the blocks and free terms of the problem as given
        self.started, self.n_iter, self.history = now(), 0, []
        self.best = _prove(groups, np.zeros(groups.shape))
        self.alive, self.pruning = np.arange(len(groups.masks)), True

    def out_of_time(self):
        """Whether the deadline has passed."""
        return is_late(self.deadline)

    def offer(self, index, values):
        """Prove what these blocks of the groups at `index` are worth, keep them if they are best, return the proof."""
        blocks = np.zeros(self.groups.shape)
        blocks[index] = values
        proof = _prove(self.groups, blocks)
        if proof.relative_gap < self.best.relative_gap:
            self.best = proof
        record = {
            "seconds": now() - self.started,
            "objective": proof.primal * self.unit,
            "relative_gap": proof.relative_gap,
            "width": int(np.sum(proof.sizes > 0)),
            "working_set": len(index),
        }
        self.history.append(record)
        hand_over(self.report, record, lambda: self.translate(self.best.blocks))
        return proof

    def run(self):
        """Return the status; the answer is in `best`."""
        # A working set twice as large each time: few rounds, and most groups are never met.
        size = max(FIRST_GROUPS, len(self.groups.target))
        status = Status.proven if self.best.relative_gap <= self.tol else None
        while status is None:
            working, pruned = self.working_set(size), self.pruning
            status = self.solve(working)
            # All groups were in it and none had been dropped: only rounding keeps the gap open.
            if status is None and len(working) == len(self.alive) and pruned == self.pruning:
                status = Status.stalled
            size *= 2
        return status

    def working_set(self, size):
        """Return the groups in use and those of the highest price, about `size` of them."""
        self.screen()
        prices = np.where(self.best.sizes > 0, np.inf, self.best.prices)[self.alive]
        return np.sort(self.alive[np.argsort(-prices, kind="stable")[:size]])

    def screen(self):
        """Drop the groups that no optimum uses: their price is below beta in a ball that holds the dual optimum."""
        # The dual objective is 1-strongly concave: the optimum is within sqrt(2 gap) of the best dual point.
        radius = np.sqrt(2.0 * max(0.0, self.best.primal - self.best.dual))
        # A price changes by at most ||D_p X|| per unit of nu; a group that stays below beta is in no optimum.
        above = self.best.factor * self.best.prices + radius * self.groups.lengths >= self.groups.beta
        self.alive = self.alive[above[self.alive]]

    def solve(self, working):
        """Solve a working set; None when more groups are needed, or rounding does not allow for more."""
        # A working set that is not all groups has to be solved only as far as the next one starts.
        method = InteriorPoint(self.groups.take(working), self.out_of_time)
        complete, failed = len(working) == len(self.alive), 0
        goal = self.tol if complete else max(0.3 * self.tol, 0.1 * self.best.relative_gap)
        while self.n_iter < self.max_iter:
            if self.pruning and method.gap() <= DROP_BELOW_GAP:
                method.drop_idle()
            # Factor the Newton system; where rounding forbids it, or nothing helps any more, the set is left.
            kept, before = working[method.index], self.best.relative_gap
            if not method.prepare() or failed >= MAX_FAILURES:
                break
            # Judge an iterate over all groups when it looks good enough, and the last one when time is up.
            late = self.out_of_time()
            if late or method.gap() <= max(PROOF_GAP_OVER_GOAL * goal, MIN_ESTIMATED_GAP):
                proof = self.offer(kept, method.sparse_blocks())
                if self.best.relative_gap <= self.tol:
                    return Status.proven
                # The set is solved, and what is left of the gap belongs to groups outside of it.
                if len(kept) < len(self.alive) and self.gap_within(proof, kept) <= goal:
                    break
                failed = failed + 1 if proof.relative_gap > 0.5 * before else 0
            if late:
                return Status.time_limit
            failed += method.step() < MIN_STEP_LENGTH
            self.n_iter += 1
        # The last iterate counts too, wherever the loop was left.
        if np.all(np.isfinite(method.blocks)):
            self.offer(working[method.index], method.blocks)
        if self.best.relative_gap <= self.tol:
            return Status.proven
        if self.n_iter >= self.max_iter:
            return Status.max_iter
        # Groups that were dropped may have been needed after all: the next set is solved without dropping any.
        self.pruning = len(method.index) == len(working)
        return None

    def gap_within(self, proof, working):
        """Return the relative gap if there were no groups outside the working set."""
        _, dual = best_dual(proof.residual, self.groups.target, self.groups.beta, proof.prices[working].max())
        return (proof.primal - dual) / proof.primal


def solve_gated(
    problem: Problem,
    masks: np.ndarray,
    *,
    tol: float = 1e-6,
    max_iter: int = 200,
    deadline: float | None = None,
    start: np.ndarray | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> GatedSolution:
    """Solve the gated ReLU program over given gates and prove how good the answer is.

    The objective, over blocks ``w_p`` without sign or cone constraint and unpenalised free terms b, is
    ``sum_i weight_i/2 (y_i - [sum_p D_p X w_p]_i - [Z b]_i)^2 + beta sum_p ||w_p||_2`` with ``X = problem.design`` and
    ``Z = problem.free``. Its dual is ``max sum_i nu_i y_i - nu_i^2 / (2 weight_i)`` subject to
    ``||X' D_p nu|| <= beta`` for every gate and ``Z' nu = 0``. With several outputs the blocks are matrices, their
    norms nuclear and those of the dual spectral; see `convexnn.gated.joint_solver`.

    Parameters
    ----------
    problem : Problem
        With the squared loss; with several outputs with any smooth loss.
    masks : ndarray of bool of shape (n_gates, n_samples)
        The diagonals of the D_p, on the rows of ``problem.design``. Gates may repeat and be empty.
    tol : float
        Relative gap at which the run ends.
    max_iter : int
        Largest number of interior-point steps; with several outputs of Newton steps and of tens of proximal steps.
    deadline : float, optional
        `clock.Moment` at which the run ends.
    start : ndarray of the shape of the blocks, optional
        Blocks to start from.
    report : callable, optional
        Called with every record of the history, see `hand_over`.

    Returns
    -------
    GatedSolution
        With status ``proven`` (over these gates) when ``relative_gap <= tol``, ``stalled`` when rounding does not
        allow for more, else the limit that was reached.

    Raises
    ------
    ValueError
        For masks that are not boolean or, like `start`, of the wrong shape.
    """
    masks = check_masks(problem, masks)
    if problem.y.ndim == 2:
        return solve_joint_gates(
            problem, masks, tol=tol, max_iter=max_iter, deadline=deadline, start=start, report=report
        )
    shape = len(masks), problem.design.shape[1]
    start = None if start is None else check_start(start, shape)
    scaled = scale_problem(problem)
    if scaled is None:
        return _zero_solution(problem, shape)
    with one_blas_thread():
        return _solve_scaled(problem, scaled, masks, start, tol, max_iter, deadline, report)


def _zero_solution(problem, shape):
    """The answer when no block can help."""
    dual_point = problem.dual_point(np.zeros(len(problem.y)))
    value = 0.5 * float(dual_point @ problem.centred)
    free = problem.free_coefficients(np.zeros(len(problem.y)))
    return GatedSolution(np.zeros(shape), free, value, value, 0.0, 0.0, dual_point, Status.proven, 0, [])


def _solve_scaled(problem, scaled, masks, start, tol, max_iter, deadline, report):
    """Solve in units of one over the distinct gates and in the principal axes of the data, and translate back.

    The axes change no norm. Data far from the origin are long along one of them, and the Newton matrices graded.
    """
    # Distinct gates only, and the design in its principal axes: X = U S V', blocks w become V' w.
    index, inverse = distinct_masks(masks)
    left, lengths, axes = np.linalg.svd(scaled.design, full_matrices=False)
    groups = Groups(np.ascontiguousarray(left * lengths), masks[index], scaled.target, scaled.beta, scaled.free_basis)
    unit = scaled.y_scale / scaled.x_scale

    def translate(found):
        blocks = np.zeros((len(masks), axes.shape[1]))
        blocks[index] = unit * (found @ axes)
        used = np.flatnonzero(np.any(blocks != 0, axis=1))
        plain = Groups(problem.design, masks[used], problem.y, problem.beta, problem.free)
        return blocks, problem.free_coefficients(plain.plain_fit(blocks[used]))

    # Equal masks share one block: a start is the sum of theirs.
    search = _Search(groups, tol, max_iter, deadline, report, scaled.y_scale**2, translate)
    try:
        if start is not None:
            merged = np.zeros(groups.shape)
            np.add.at(merged, inverse, start @ axes.T / unit)
            search.offer(np.arange(len(merged)), merged)
        status = search.run()
    except KeyboardInterrupt:
        status = Status.interrupted
    best, square = search.best, scaled.y_scale**2
    return GatedSolution(
        *translate(best.blocks),
        square * best.primal,
        square * min(best.dual, best.primal),
        square * abs(best.primal - best.dual),
        best.relative_gap,
        np.sqrt(problem.weight) * best.residual * (scaled.y_scale * best.factor),
        status,
        search.n_iter,
        search.history,
    )
