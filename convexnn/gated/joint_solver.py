"""The gated ReLU program with several outputs: proximal steps on all blocks, Newton's method on those in use.

    min  L(sum_p D_p X W_p + Z B) + beta sum_p ||W_p||_*,   the nuclear norm: the sum of the singular values

A proximal step goes along the gradient and takes the same amount off all singular values. Accelerated, such steps find
the gates in use and the ranks of their blocks; Newton's method on the factors of these blocks (`joint_newton`) finds
the digits. Both lower the objective, and the certificate over all gates judges every result.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._utils.clock import now
from .._utils.norms import nonzero
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..losses import orthonormal
from ..programs.problem import Problem
from ..solvers.base import LARGEST_PROVEN_GAP, MIN_GAIN, Status, hand_over
from ..solvers.vector_run import scaled_outputs
from .certificate import certify_gated
from .joint_newton import factored, improve_blocks, join_violators, newton_work
from .program import block_sizes, gate_prices, gate_slopes, gated_fit, in_use
from .records import GatedSolution, check_start, distinct_masks

# A proof follows every 10 proximal steps. Newton steps follow once the gap is below 5e-2, and then below 0.1 of it.
STEPS_PER_PROOF, FIRST_NEWTON_GAP, NEWTON_GAP_SHARE = 10, 5e-2, 0.1
# They follow in any case after 10 to 40 proofs, the more the dearer they are beside proximal steps.
FEWEST_PROOFS, MOST_PROOFS = 10, 40
# Violators join after a round that leaves more than 0.5 of the gap.
POOR_GAP_SHARE = 0.5
# Newton steps of more than 2e10 multiplications, seconds, are too dear.
MAX_NEWTON_WORK = 2e10
# The run stalls after 4 rounds that leave more than 0.9 of the gap and lower the objective by nothing but rounding.
MAX_IDLE_ROUNDS, IDLE_GAP_SHARE = 4, 0.9
# A strength below 1e-4 of the largest price is reached in steps of a tenth, beginning with 1e-3 of it, each to a
# gap of 1e-2 or through 100 rounds.
FIRST_STRENGTH_SHARE, STRENGTH_STEP, STAGE_TOLERANCE, MAX_STAGE_ROUNDS = 1e-3, 0.1, 1e-2, 100
# The largest curvature is found by 30 power steps; where a step without acceleration rises it was 2 times too small.
POWER_STEPS, CURVATURE_FACTOR, RISE_ROUNDING = 30, 2.0, 1e-13


@dataclass(frozen=True)
class _Point:
    """Blocks, coefficients of the free columns, their fit, and the objective."""

    blocks: np.ndarray
    free: np.ndarray
    fit: np.ndarray
    value: float = np.inf

    def beyond(self, other, share):
        """Return the point ahead of this one, as seen from `other`: its objective is not computed."""
        pairs = ((self.blocks, other.blocks), (self.free, other.free), (self.fit, other.fit))
        return _Point(*(here + share * (here - there) for here, there in pairs))


class _Search:
    """The blocks of a problem in units of one, and their proof over all gates."""

    def __init__(self, problem, masks, start, deadline, tell):
        self.problem, self.masks, self.deadline, self.tell = problem, masks, deadline, tell
        self.started, self.n_iter = now(), 0
        largest = self._largest_curvature()
        # The free terms have a norm about as large as that of the blocks: one step length suits both.
        self.size = nonzero(np.sqrt(largest / problem.weight.max()))
        self.columns = self.size * orthonormal(problem.free)
        self.curvature = nonzero(2.0 * largest * problem.loss.steepness)
        self.point = _Point(start, start, start)  # of infinite value
        self.place(start, problem.free_fit(self.hidden(start)))
        self.proof = certify_gated(problem, masks, start)

    def start_from_stronger(self, max_iter):
        """Walk down from stronger regularization to a start for a very weak one: steps from zero would be many."""
        problem = self.problem
        dual = problem.dual_point(np.zeros_like(problem.y))
        strength = FIRST_STRENGTH_SHARE * gate_prices(problem.design, self.masks, dual).max()
        blocks = np.zeros_like(self.point.blocks)
        while STRENGTH_STEP * strength > problem.beta and self.n_iter < max_iter and not is_late(self.deadline):
            stage = _Search(replace(problem, beta=strength), self.masks, blocks, self.deadline, lambda *record: None)
            stage.run(STAGE_TOLERANCE, min(MAX_STAGE_ROUNDS, max_iter - self.n_iter))
            self.n_iter, blocks = self.n_iter + stage.n_iter, stage.point.blocks
            strength *= STRENGTH_STEP
        if np.any(blocks):
            self.place(blocks, problem.free_fit(self.hidden(blocks)))
            self.prove()

    def _largest_curvature(self):
        """The largest eigenvalue of ``W^1/2 (sum_p D_p X X' D_p) W^1/2``, from below: the fit's curvature in blocks."""
        problem, root = self.problem, np.sqrt(self.problem.weight)
        vector, size = root / np.linalg.norm(root), 0.0
        for _ in range(POWER_STEPS):
            vector = root * gated_fit(
                problem.design, self.masks, gate_slopes(problem.design, self.masks, root * vector)
            )
            size = np.linalg.norm(vector)
            vector = vector / nonzero(size)
        return float(size)

    def hidden(self, blocks):
        """The fit of blocks."""
        return gated_fit(self.problem.design, self.masks, blocks)

    def point_at(self, blocks, free, sizes):
        """Return the `_Point` of blocks whose nuclear norms are `sizes`."""
        fit = self.hidden(blocks) + self.columns @ free
        loss = self.problem.loss.value(self.problem.y, fit, self.problem.weight)
        return _Point(blocks, free, fit, loss + self.problem.beta * float(np.sum(sizes)))

    def place(self, blocks, free_fit):
        """Stand at blocks and values of the free terms where that is no worse; acceleration begins anew."""
        point = self.point_at(blocks, self.columns.T @ free_fit / self.size**2, block_sizes(blocks))
        if point.value <= self.point.value:
            self.point = self.ahead = point
            self.pace = 1.0

    def proximal_steps(self):
        """Take accelerated proximal steps, which begin anew where the objective rises."""
        for _ in range(STEPS_PER_PROOF):
            here, moved = self.point, self._proximal_step(self.ahead)
            if moved.value > here.value:
                if self.pace == 1.0 and moved.value > here.value * (1.0 + RISE_ROUNDING):
                    self.curvature *= CURVATURE_FACTOR
                self.ahead, self.pace = here, 1.0
                continue
            faster = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * self.pace**2))
            self.ahead = moved.beyond(here, (self.pace - 1.0) / faster)
            self.point, self.pace = moved, faster

    def _proximal_step(self, point):
        """Return the minimum of the penalty and a quadratic that touches the loss at `point`."""
        problem, length = self.problem, 1.0 / self.curvature
        dual = problem.loss.dual_point(problem.y, point.fit, problem.weight)
        ahead = point.blocks + length * gate_slopes(problem.design, self.masks, dual)
        left, strengths, right = np.linalg.svd(ahead, full_matrices=False)
        strengths = np.maximum(strengths - length * problem.beta, 0.0)
        blocks = (left * strengths[:, None, :]) @ right
        return self.point_at(blocks, point.free + length * (self.columns.T @ dual), strengths)

    def newton(self):
        """Take Newton steps on the factors of the blocks in use, and stay where that helps."""
        point = self.point
        budget = MAX_NEWTON_WORK, lambda: is_late(self.deadline)
        blocks, free = improve_blocks(self.problem, self.masks, self.columns, point.blocks, point.free, *budget)
        self.place(blocks, self.columns @ free)
        self.prove()

    def join(self):
        """Let the neurons that violate the dual join those in use, and stay where that helps."""
        dual = self.problem.dual_point(self.hidden(self.point.blocks))
        found = join_violators(self.problem, self.masks, self.point.blocks, dual, MAX_NEWTON_WORK)
        if found is not None:
            self.place(*found)
            self.prove()

    def prove(self):
        """Prove what the blocks are worth, and tell it; a lower bound once proven stays proven."""
        self.n_iter += 1
        self.proof = certify_gated(self.problem, self.masks, self.point.blocks, self.proof.dual_point)
        record = {
            "seconds": now() - self.started,
            "objective": self.proof.primal,
            "relative_gap": self.proof.relative_gap,
            "width": int(in_use(self.point.blocks).sum()),
            "working_set": len(self.masks),
        }
        self.tell(record, self.point.blocks)

    def _patience(self):
        """Return how many proofs to wait for before Newton steps: about as much work as one of them."""
        problem = self.problem
        step = problem.y.size * float(self.masks.shape[0] * problem.design.shape[1])
        ratio = newton_work(problem, len(factored(self.point.blocks)[0])) / (STEPS_PER_PROOF * 4.0 * step)
        return int(np.clip(ratio, FEWEST_PROOFS, MOST_PROOFS))

    def ending(self, tol, max_iter):
        """Return the status with which the run ends here, None where it goes on."""
        if self.proof.relative_gap <= tol:
            return Status.proven
        if self.n_iter >= max_iter:
            return Status.max_iter
        return Status.time_limit if is_late(self.deadline) else None

    def run(self, tol, max_iter):
        """Return the status; the answer is in `point` and `proof`."""
        n_idle, accuracy = 0, FIRST_NEWTON_GAP
        status = self.ending(tol, max_iter)
        while status is None:
            before, gap = self.point.value, self.proof.relative_gap
            # Proximal steps: which gates are in use, and the ranks of their blocks.
            for _ in range(self._patience()):
                self.proximal_steps()
                self.prove()
                status = self.ending(tol, max_iter)
                if status is not None or self.proof.relative_gap <= accuracy:
                    break
            # Newton steps: the digits. What they leave of the gap belongs to gates and ranks that were not in use.
            if status is None:
                self.newton()
                status = self.ending(tol, max_iter)
            # Where neither has helped, columns on very different scales are in the way.
            if status is None and self.proof.relative_gap > POOR_GAP_SHARE * gap:
                self.join()
                self.newton()
                status = self.ending(tol, max_iter)
            accuracy = NEWTON_GAP_SHARE * min(accuracy, self.proof.relative_gap)
            idle = self.point.value >= before * (1.0 - MIN_GAIN) and self.proof.relative_gap > IDLE_GAP_SHARE * gap
            n_idle = n_idle + 1 if idle else 0
            if status is None and n_idle >= MAX_IDLE_ROUNDS:
                status = Status.stalled
        return status


def solve_joint_gates(
    problem: Problem,
    masks: np.ndarray,
    *,
    tol: float = 1e-6,
    max_iter: int = 1000,
    deadline: float | None = None,
    start: np.ndarray | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> GatedSolution:
    """Solve the gated ReLU program of several outputs over given gates and prove how good the answer is.

    The objective, over matrices ``W_p`` and unpenalised free terms B, is
    ``sum_i weight_i loss(y_i, [sum_p D_p X W_p + Z B]_i) + beta sum_p ||W_p||_*`` with the nuclear norm. It is the
    least of ``L + beta/2 sum_k (||u_k||^2 + ||a_k||^2)`` over gated neurons with vectors of output weights a_k, any
    number of them on every gate. Its dual is ``max -L*(-N)`` subject to ``||X' D_p N||_2 <= beta`` (the largest
    singular value) for every gate and ``Z' N = 0``.

    Parameters
    ----------
    problem : Problem
        With several outputs and a smooth loss.
    masks : ndarray of bool of shape (n_gates, n_samples)
    tol : float
        Relative gap at which the run ends; above 1e-3 it counts as 1e-3.
    max_iter : int
        Largest number of rounds, of ten proximal steps or of up to twelve Newton steps.
    deadline : float, optional
        `clock.Moment` at which the run ends.
    start : ndarray of shape (n_gates, n_inputs, n_outputs), optional
        Blocks to start from.
    report : callable, optional
        Called with every record of the history, see `hand_over`.

    Returns
    -------
    GatedSolution
        Its status is as in `solve_gated`.

    Raises
    ------
    ValueError
        For a `start` of the wrong shape.

    References
    ----------
    .. [1] A. Sahiner, T. Ergen, J. Pauly, M. Pilanci, "Vector-output ReLU neural network problems are copositive
       programs", ICLR 2021.
    .. [2] A. Beck, M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems",
       SIAM Journal on Imaging Sciences 2009.
    """
    shape = len(masks), problem.design.shape[1], problem.n_outputs
    start = np.zeros(shape) if start is None else check_start(start, shape)
    found = scaled_outputs(problem)
    if found is None or len(masks) == 0:
        return _solution(problem, masks, np.zeros(shape), Status.proven)
    with one_blas_thread():
        tol = min(tol, LARGEST_PROVEN_GAP)
        return _solve_scaled(problem, found, masks, start, tol, max_iter, deadline, report)


def _solve_scaled(problem, found, masks, start, tol, max_iter, deadline, report):
    """Solve in units of one over the distinct gates, and translate back."""
    scaled, unit = found
    index, inverse = distinct_masks(masks)
    # Equal masks share one block: a start is the sum of theirs.
    merged = np.zeros((len(index), *start.shape[1:]))
    np.add.at(merged, inverse.reshape(-1), start / unit)

    history = []

    def translated(scaled_blocks):
        blocks = np.zeros(start.shape)
        blocks[index] = unit * scaled_blocks
        return blocks

    def tell(record, scaled_blocks):
        # The objective of the squared loss is in units of the targets squared.
        history.append(record | {"objective": record["objective"] * (problem.beta / scaled.beta) * unit})
        hand_over(report, history[-1], lambda: _with_free_terms(problem, masks, translated(scaled_blocks)))

    search = _Search(scaled, masks[index], merged, deadline, tell)
    try:
        if not np.any(merged):
            search.start_from_stronger(max_iter)
        status = search.run(tol, max_iter)
    except KeyboardInterrupt:
        status = Status.interrupted
    # The dual point is in units of the targets; those of the masses are the targets' over the design's.
    dual_point = np.sqrt(unit * problem.beta / scaled.beta) * search.proof.dual_point
    return _solution(problem, masks, translated(search.point.blocks), status, search.n_iter, history, dual_point)


def _with_free_terms(problem, masks, blocks):
    """Return blocks and the free terms that fit best beside them."""
    return blocks, problem.free_coefficients(gated_fit(problem.design, masks, blocks))


def _solution(problem, masks, blocks, status, n_iter=0, history=(), dual_point=None):
    """Return the `GatedSolution` of blocks, certified in the units of the problem."""
    proof = certify_gated(problem, masks, blocks, dual_point)
    numbers = proof.primal, proof.dual, proof.gap, proof.relative_gap, proof.dual_point
    return GatedSolution(*_with_free_terms(problem, masks, blocks), *numbers, status, n_iter, list(history))
