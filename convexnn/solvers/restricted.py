"""The convex program over given patterns, solved to a proven gap and with no cone violated.

    minimise  L(sum_i D_i X (u_i - v_i) + Z b) + beta sum_i (||u_i|| + ||v_i||)
    subject to  (2 D_i - I) X u_i >= 0,  (2 D_i - I) X v_i >= 0   for every pattern i.

The same way as without given patterns (see `column_generation`), with an oracle that is exact: the best direction of
every cone is a projection. Directions found by projecting, and by Newton's method on the faces that the blocks lie on,
only enter a pool whose best masses are a small lasso; sums of directions of one cone stay in it. So every point is
feasible and the objective never rises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.clock import now
from .._utils.display import Shown, figure, share_above
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..arrangements.patterns import ActivationPatterns
from ..exceptions import InvalidInputError
from ..masses.lasso import best_masses
from ..network import TwoLayerReLU
from ..programs.problem import Problem
from ..programs.scaling import best_dual, scale_problem
from ..programs.solution_map import ConvexSolution, to_network
from ._newton import newton_step, null_space
from .base import MIN_GAIN, Status, check_masks, hand_over, make_record
from .cones import PatternCones

MAX_NEW_DIRECTIONS = 200  # directions of violated cones that join in a round, those of the largest price
MAX_FACE_STEPS = 5  # Newton steps on the faces in a round
MIN_FACE_GAIN_PER_GAP = 0.1  # they end when a step lowers the objective by less than 0.1 of the proven gap


@dataclass(frozen=True, eq=False, repr=False)
class RestrictedSolution(Shown):
    """The optimum over given patterns.

    Attributes
    ----------
    point : ConvexSolution
        The blocks and the free terms.
    primal : float
        The objective of the program at `point`; the network's own is never above it.
    dual : float
        A valid lower bound on the optimum *over these patterns*. Other networks may be better.
    dual_point : ndarray of shape (n_rows,)
        The point that proves it, ``-grad L`` scaled until it is feasible for every given cone.
    status : Status
        ``restricted`` when the gap reached the tolerance.
    n_iter : int
    history : list of dict
        One record per round: ``seconds``, ``objective``, ``visible_gap`` (here the proven one), ``width``.
    """

    point: ConvexSolution
    primal: float
    dual: float
    dual_point: np.ndarray
    status: Status
    n_iter: int
    history: list[dict[str, Any]]

    @property
    def network(self) -> TwoLayerReLU:
        """The network of the point."""
        return to_network(self.point)

    @property
    def relative_gap(self) -> float:
        """``(primal - dual) / primal``, 0 when both are 0."""
        return max(0.0, self.primal - self.dual) / self.primal if self.primal > 0 else 0.0

    def _shown(self):
        return "RestrictedSolution", [
            ("status", self.status.name),
            ("objective", figure(self.primal)),
            ("relative gap", f"{share_above(self.relative_gap)} (over the given patterns)"),
            ("patterns", str(len(self.point.patterns))),
        ]


def solve_over_patterns(
    problem: Problem,
    masks: np.ndarray | ActivationPatterns,
    *,
    blocks: np.ndarray | None = None,
    tol: float = 1e-6,
    max_iter: int = 500,
    deadline: float | None = None,
    n_jobs: int | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> RestrictedSolution:
    """Solve the program of a `Problem` over the patterns ``masks (P, n_samples)``.

    Parameters
    ----------
    problem : Problem
    masks : ndarray of bool of shape (P, n_samples), or ActivationPatterns
        Patterns of ``problem.design``, which has a last column of ones where the problem has a hidden bias.
    blocks : ndarray of bool of shape (2, P), optional
        Which of the blocks u_i (first row) and v_i there are; by default all of them.
    tol : float
        Relative gap to prove.
    max_iter : int
        Largest number of rounds.
    deadline : float, optional
        `clock.Moment` at which the best point so far is returned, with its true gap.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    report : callable, optional
        Called with every record of the history, see `hand_over`.

    Returns
    -------
    RestrictedSolution

    Raises
    ------
    ValueError
        For masks that are not boolean or of the wrong shape, and for several outputs.
    """
    if problem.y.ndim == 2:
        raise InvalidInputError(
            f"problem must have one output; got targets of shape {problem.y.shape}. For several there is "
            f"solve_outputs_over_patterns."
        )
    masks = check_masks(problem, masks)
    used = np.ones(2 * len(masks), bool) if blocks is None else np.asarray(blocks, bool).reshape(-1)
    if len(used) != 2 * len(masks):
        raise InvalidInputError(f"blocks must have shape (2, {len(masks)}); got {np.asarray(blocks).shape}.")
    with one_blas_thread():
        return _Run(problem, masks, used, tol, max_iter, deadline, n_jobs, report).solve()


class _Run:
    """The blocks, as cones, directions and masses; the residual; the bound."""

    def __init__(self, problem, masks, used, tol, max_iter, deadline, n_jobs, report):
        self.problem, self.masks, self.used, self.tol = problem, masks, used, tol
        self.max_iter, self.report = max_iter, report
        self.deadline, self.started, self.history = deadline, now(), []
        self.scaled = scale_problem(problem)
        self.cones, self.directions, self.masses = np.zeros(0, int), np.zeros((0, problem.design.shape[1])), np.zeros(0)
        self.objective, self.dual, self.scale, self.proven_by = 0.5, 0.0, 0.0, 0.0
        if self.scaled is not None:
            self.residual = self.scaled.target
            self.geometry = PatternCones(self.scaled.design, masks, deadline=deadline, n_jobs=n_jobs)

    @property
    def blocks(self):
        """``mass * direction`` of every block in use."""
        return self.masses[:, None] * self.directions

    def solve(self):
        """Run to the tolerance, or as far as the budget goes."""
        if self.scaled is None:
            return self._solution(Status.restricted)
        try:
            return self._solution(self._rounds())
        except KeyboardInterrupt:
            return self._solution(Status.interrupted)

    def _rounds(self):
        # Cones whose price is within a tenth of the tolerance of beta cost less than the gap that is asked for.
        level = self.scaled.beta * (1.0 + 0.1 * self.tol)
        for _ in range(self.max_iter):
            # Price: project the residual on every cone that may be violated.
            cones, directions, bounds = self.geometry.violators(self.residual, level)
            allowed, bounds = self.used[cones], bounds * self.used
            cones, directions = cones[allowed], directions[allowed]
            # Bound: the residual scaled by beta / price is dual feasible.
            gap = self._bound(bounds.max())
            self._record(gap)
            if gap <= self.tol:
                return Status.restricted
            if is_late(self.deadline):
                return Status.time_limit
            # Improve: the worst violators join, then all blocks move on the faces that they lie on.
            before = self.objective
            best = np.argsort(-bounds[cones], kind="stable")[:MAX_NEW_DIRECTIONS]
            self._accept(cones[best], directions[best])
            self._move_on_faces(gap)
            if self.objective >= before * (1.0 - MIN_GAIN):
                return Status.stalled
        return Status.max_iter

    def _bound(self, price):
        """Note the dual value that a bound on the price of the residual proves; return the relative gap."""
        scale, value = best_dual(self.residual, self.scaled.target, self.scaled.beta, price)
        if value >= self.dual:
            self.dual, self.scale, self.proven_by = value, scale, self.residual
        return max(0.0, 1.0 - self.dual / self.objective)

    def _accept(self, cones, directions):
        """Find the best masses on the blocks and these directions together, and add up what shares a cone."""
        cones, directions = np.append(self.cones, cones), np.vstack([self.directions, directions])
        fits = self._fits(cones, directions)
        start = np.append(self.masses, np.zeros(len(cones) - len(self.masses)))
        masses = best_masses(fits, self.scaled.target, self.scaled.beta, start)
        residual = self.scaled.target - fits @ masses
        if self.scaled.objective(residual, masses) > self.objective * (1.0 + 1e-14):
            return
        used = masses > 0
        # Directions of one cone add up to one block of it: the fit stays, and the norm of a sum is no larger.
        cones, owner = np.unique(cones[used], return_inverse=True)
        blocks = np.zeros((len(cones), directions.shape[1]))
        np.add.at(blocks, owner, masses[used, None] * directions[used])
        masses = np.linalg.norm(blocks, axis=1)
        directions, objective = blocks / masses[:, None], self.scaled.objective(residual, masses)
        # All at once: an interrupt finds the point before or after, and none in between.
        self.cones, self.directions, self.masses = cones, directions, masses
        self.residual, self.objective = residual, objective

    def _fits(self, cones, directions):
        """Return the projected fits ``s D X u`` as columns, of shape (n_samples, K)."""
        values = self.scaled.design @ directions.T
        return self.scaled.project(self.geometry.mask(cones).T * values * self.geometry.sign(cones))

    def _move_on_faces(self, gap):
        """Newton steps on the faces that the blocks lie on, while they gain enough beside the gap."""
        for _ in range(MAX_FACE_STEPS):
            if len(self.cones) == 0 or is_late(self.deadline):
                return
            before, blocks, geometry = self.objective, self.blocks, self.geometry
            # The face of a block: the null space of the rows that it lies on, where its cone is flat.
            tight = geometry.tight(blocks)
            bases = [null_space(geometry.rows[rows]) for rows in tight]
            signs, active = geometry.sign(self.cones), geometry.mask(self.cones)
            moves, _ = newton_step(self.scaled, blocks, signs, active, bases, self.residual)
            shares = geometry.shares(self.cones, blocks, moves, tight)
            # Two candidates for each: the full step, projected back on the cone, and as far as the cone reaches.
            ends = np.vstack([geometry.nearest(self.cones, blocks + moves), blocks + shares[:, None] * moves])
            sizes = np.linalg.norm(ends, axis=1)
            new = np.flatnonzero((sizes > 1e-12 * sizes.max()) & np.append(shares > 0.0, shares < 1.0))
            cones, directions = np.tile(self.cones, 2)[new], ends[new] / sizes[new, None]
            inside = geometry.contain(cones, directions)  # a block that all but vanishes keeps few digits
            self._accept(cones[inside], directions[inside])
            if before - self.objective <= MIN_FACE_GAIN_PER_GAP * gap * before:
                return

    def _record(self, gap):
        objective = self.objective * self.scaled.y_scale**2
        self.history.append(make_record(self.started, objective, gap, len(self.cones)))
        hand_over(self.report, self.history[-1], lambda: to_network(self._solution(Status.restricted).point))

    def _solution(self, status):
        problem, n_patterns = self.problem, len(self.masks)
        blocks = np.zeros((2 * n_patterns, problem.design.shape[1]))
        if self.scaled is None:  # nothing but the free terms can fit anything
            dual_point = problem.dual_point(np.zeros(len(problem.y)))
            value = dual = max(0.0, problem.loss.dual_value(problem.centred, dual_point, problem.weight))
        else:
            unit = self.scaled.y_scale
            blocks[self.cones] = self.blocks * (unit / self.scaled.x_scale)
            value, dual = self.objective * unit**2, min(self.dual, self.objective) * unit**2
            dual_point = np.sqrt(problem.weight) * unit * self.scale * self.proven_by
        fit = np.sum(self.masks.T * (problem.design @ (blocks[:n_patterns] - blocks[n_patterns:]).T), axis=1)
        point = ConvexSolution(
            self.masks, blocks[:n_patterns].T, blocks[n_patterns:].T, problem.free_coefficients(fit),
            problem.hidden_bias, problem.fit_intercept, problem.skip_connection,
        )  # fmt: skip
        spread = problem.spread(dual_point)
        return RestrictedSolution(point, value, dual, spread, status, max(1, len(self.history)), self.history)
