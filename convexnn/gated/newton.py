"""The gated ReLU program with any smooth loss: Newton's method on the loss, a group lasso for every step.

At a fit z with ``nu = -grad L(z)`` and curvatures ``l''`` the loss is replaced by the squared loss with the working
weights ``h_i = w_i l''_i + damping`` and the working targets ``z_i + nu_i / h_i``, which `solve_gated` solves. The
way to its answer is searched on the true objective, and proofs are made with the true loss.
"""

from dataclasses import dataclass, replace

import numpy as np

from .._utils.clock import now
from .._utils.validation import is_late
from ..losses import SquaredLoss
from ..solvers.base import LARGEST_PROVEN_GAP, Status, check_masks, hand_over
from .certificate import certify_gated, fit_loss
from .program import gated_fit
from .records import GatedSolution, check_start
from .solver import solve_gated

# The first step adds 0.1 of the mean pull per unit of the fit to every curvature; no step adds less than 1e-7.
FIRST_DAMPING, MIN_CURVATURE_DAMPING = 0.1, 1e-7
# One change of the damping multiplies or divides it by 10.
DAMPING_FACTOR = 10.0
# A shortened step counts as progress while the damping is at most 10: more damping may still help.
MAX_HELPFUL_DAMPING = 10.0
# A working problem is solved until its own gap is below 0.05 of the gap of the true problem, but never below 1e-11.
GAP_SHARE_OF_MODEL, MIN_MODEL_GAP = 0.05, 1e-11
# The damping falls after a step that achieves at least 0.75 of the fall that the model predicted.
FAITHFUL_SHARE = 0.75
# The line search gives up below 1e-4 of the way.
MIN_STEP_SHARE = 1e-4
# The line search asks for 1e-4 of the predicted fall (Armijo); objectives are equal within 1e-13 of themselves.
SUFFICIENT_SHARE, OBJECTIVE_ROUNDING = 1e-4, 1e-13
# A step is progress when it leaves at most 0.7 of the gap.
MAX_GAP_LEFT = 0.7
# The run stalls after 6 steps without progress: only rounding is left.
MAX_IDLE_NEWTON_STEPS = 6


@dataclass(frozen=True)
class _Point:
    """Blocks with their hidden fit and their objective."""

    blocks: np.ndarray
    hidden: np.ndarray
    value: float


class _Newton:
    """The outer loop; `certificate` is the proof of the best point so far."""

    def __init__(self, problem, masks, blocks, report):
        self.problem, self.masks, self.report = problem, masks, report
        self.started, self.history, self.n_iter, self.damping = now(), [], 0, FIRST_DAMPING
        self.unit = 1.0 if problem.loss.labels else problem.loss.delta  # change of a fit that changes the curvature
        self.point = self.point_at(blocks, gated_fit(problem.design, masks, blocks))
        self.certificate = certify_gated(problem, masks, blocks)

    def point_at(self, blocks, hidden):
        """Return the `_Point` of these blocks."""
        penalty = self.problem.beta * float(np.linalg.norm(blocks, axis=1).sum())
        return _Point(blocks, hidden, fit_loss(self.problem, hidden) + penalty)

    def record(self):
        """Append a record of the best point to the history and report it."""
        width = int(np.any(self.point.blocks != 0, axis=1).sum())
        self.history.append(
            {
                "seconds": now() - self.started,
                "objective": self.certificate.primal,
                "relative_gap": self.certificate.relative_gap,
                "width": width,
                "working_set": len(self.masks),
            }
        )
        point, problem = self.point, self.problem
        hand_over(self.report, self.history[-1], lambda: (point.blocks, problem.free_coefficients(point.hidden)))

    def working_problem(self):
        """Return the problem with a squared loss that touches the true one at the point."""
        problem = self.problem
        fit = self.point.hidden + problem.free @ problem.free_coefficients(self.point.hidden)
        nu = problem.loss.dual_point(problem.y, fit, problem.weight)
        # A row may weigh much more than it pulls: its damping is at most the mean pull per unit of the fit.
        damping = self.damping * np.minimum(problem.weight, np.abs(nu).mean() / self.unit)
        # h_i = w_i l''_i + damping and target_i = z_i + nu_i / h_i give the model the slope and curvature of the loss.
        weight = problem.weight * problem.loss.curvatures(problem.y, fit) + damping
        return replace(problem, y=fit + nu / weight, weight=weight, loss=SquaredLoss())

    def step(self, tol, max_iter, deadline):
        """Take one step; return whether it made progress."""
        # Model the loss at the point; `level` is the objective of the point in the model.
        working, before, here = self.working_problem(), self.certificate, self.point
        level = fit_loss(working, self.point.hidden) + self.point.value - fit_loss(self.problem, self.point.hidden)
        if not level > 0.0:  # the free terms fit everything, or separate the labels: the model has nothing to gain
            return False
        # Solve the model, no further than its gap matters. It may see a smaller gap here than the loss does, whose
        # dual is less curved: so it has to reach at least half of its own.
        seen = certify_gated(working, self.masks, here.blocks).gap
        goal = min(GAP_SHARE_OF_MODEL * max(before.gap, 0.1 * tol * before.primal), 0.5 * seen) / level
        answer = solve_gated(
            working, self.masks, tol=max(MIN_MODEL_GAP, min(0.1, goal)), max_iter=max_iter, deadline=deadline
        )
        self.n_iter += answer.n_iter
        # Walk towards its answer as far as the true objective follows.
        promised = max(0.0, level - answer.primal)
        share = self.search_line(answer.blocks, promised)
        self.adapt_damping(share, here.value - self.point.value, promised)
        # Prove with the true loss. A lower bound once proven stays proven.
        ahead = certify_gated(self.problem, self.masks, self.point.blocks, answer.dual_point)
        if ahead.dual < before.dual:
            ahead = replace(ahead, dual=min(before.dual, ahead.primal), dual_point=before.dual_point)
        self.certificate = ahead
        self.record()
        fall = here.value - self.point.value
        may_still_damp = share < 1.0 and self.damping <= MAX_HELPFUL_DAMPING
        return ahead.gap <= MAX_GAP_LEFT * before.gap or fall > tol * here.value or may_still_damp

    def adapt_damping(self, share, fall, promised):
        """Damp more where the loss bent more than its model did, and less where the model was right."""
        if share < 1.0:
            self.damping *= DAMPING_FACTOR
        elif fall >= FAITHFUL_SHARE * promised:
            self.damping = max(MIN_CURVATURE_DAMPING, self.damping / DAMPING_FACTOR)

    def search_line(self, blocks, promised):
        """Go towards blocks as far as the true objective falls as promised; return the share of the way."""
        here, share = self.point, 1.0
        goal = self.point_at(blocks, gated_fit(self.problem.design, self.masks, blocks))
        ahead = goal
        # Halve until f(share) <= f(0) - 1e-4 share promised; the hidden fit is linear in the blocks.
        while ahead.value > here.value * (1.0 + OBJECTIVE_ROUNDING) - SUFFICIENT_SHARE * share * promised:
            share *= 0.5
            if share < MIN_STEP_SHARE:
                return share
            mixed = (1.0 - share) * here.blocks + share * goal.blocks
            ahead = self.point_at(mixed, (1.0 - share) * here.hidden + share * goal.hidden)
        self.point = ahead
        return share

    def run(self, tol, max_iter, deadline):
        """Return the status; the answer is in `point` and `certificate`."""
        failed = 0
        while self.certificate.relative_gap > tol:
            if failed >= MAX_IDLE_NEWTON_STEPS:
                return Status.stalled
            if self.n_iter >= max_iter:
                return Status.max_iter
            if is_late(deadline):
                return Status.time_limit
            failed = 0 if self.step(tol, max_iter - self.n_iter, deadline) else failed + 1
        return Status.proven


def solve_gated_loss(problem, masks, *, tol=1e-6, max_iter=1000, deadline=None, start=None, report=None):
    """Solve the gated ReLU program with any smooth loss, over given gates, and prove how good the answer is.

    Minimises ``sum_i weight_i loss(y_i, [sum_p D_p X w_p + Z b]_i) + beta sum_p ||w_p||_2``.

    Parameters
    ----------
    problem : Problem
        With a smooth loss; the squared loss and several outputs go to `solve_gated`.
    masks : ndarray of bool of shape (n_gates, n_samples)
    tol : float
        Relative gap at which the run ends; above 1e-3 it counts as 1e-3.
    max_iter : int
        Largest number of interior-point steps, all group lassos together; with several outputs as in `solve_gated`.
    deadline : float, optional
        `clock.Moment` at which the run ends.
    start : ndarray of the shape of the blocks, optional
        Blocks to start from.
    report : callable, optional
        Called with every record of the history.

    Returns
    -------
    GatedSolution
        Its status is as in `solve_gated`. ``stalled`` is also the answer where the free terms alone can drive the loss
        to an infimum that is not attained, as a logistic loss with a skip connection on separable data.

    Raises
    ------
    ValueError
        For masks that are not boolean or, like `start`, of the wrong shape.
    """
    masks, tol = check_masks(problem, masks), min(tol, LARGEST_PROVEN_GAP)
    if problem.loss.is_quadratic or problem.y.ndim == 2:
        return solve_gated(problem, masks, tol=tol, max_iter=max_iter, deadline=deadline, start=start, report=report)
    shape = len(masks), problem.design.shape[1]
    newton = _Newton(problem, masks, np.zeros(shape) if start is None else check_start(start, shape), report)
    try:
        newton.record()
        status = newton.run(tol, max_iter, deadline)
    except KeyboardInterrupt:
        status = Status.interrupted
    proof = newton.certificate
    return GatedSolution(
        newton.point.blocks,
        problem.free_coefficients(newton.point.hidden),
        proof.primal,
        proof.dual,
        proof.gap,
        proof.relative_gap,
        proof.dual_point,
        status,
        newton.n_iter,
        newton.history,
    )
