"""The program over given patterns with several outputs: neurons that stay in the closed cones of the patterns.

    minimise  L(sum_i D_i X W_i + Z B) + beta sum_i g_i(W_i),
    g_i the gauge of conv{u a^T : u in K_i, ||u|| <= 1, ||a|| <= 1}

No finite cone program is known for g_i, but its elements are neurons: ``W_i = sum_k u_k a_k^T`` with every u_k in K_i.
So the way is that of one output (`restricted`): directions that violate the dual point join, their best output weights
are a group lasso, and Newton's method moves neurons on the faces that they lie on. Ascents search the cones for
violators, and where they find none `OutputCones.bound` proves how much is left.
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
from ..duality.records import relative_to
from ..exceptions import InvalidInputError
from ..losses import orthonormal
from ..masses.group_lasso import best_groups
from ..network import TwoLayerReLU
from ..programs.problem import Problem
from ._newton import STEP_LENGTHS
from ._vector_newton import Cells, Point, newton_steps
from .base import MIN_GAIN, Status, build_zero_network, check_masks, hand_over, make_record
from .output_cones import OutputCones
from .vector_run import (
    FIRST_MERGED_DISTANCE,
    MERGED_DISTANCE_SHRINKAGE,
    MIN_GROUPS_GAIN,
    MIN_GROUPS_GAIN_PER_GAP,
    MIN_MERGED_DISTANCE,
    build_vector_network,
    scaled_outputs,
)

MAX_NEW_NEURONS = 64  # violators that join in a round, those of the largest price
MAX_IMPROVEMENTS, MIN_IMPROVEMENT_PER_GAP = 10, 0.02  # improvements end when one gains less than 0.02 of the gap seen
PRICE_TOLERANCE_PER_TOL = 0.1  # prices within a tenth of the tolerance of beta cost less than the gap that is asked for
MAX_NEWTON_STEPS = 40  # in a row; many end where a neuron reaches a face of its cone
MAX_IDLE_ROUNDS = 3  # in a row that gain nothing but rounding


@dataclass(frozen=True, eq=False, repr=False)
class RestrictedOutputs(Shown):
    """The optimum over given patterns with several outputs.

    Attributes
    ----------
    network : TwoLayerReLU
        Every neuron lies in the closed cone of one of the patterns.
    primal : float
        Its objective.
    dual : float
        A valid lower bound on the optimum *over these patterns*. Other networks may be better.
    status : Status
        ``restricted`` when the gap reached the tolerance; ``converged`` when only the search for violators says so.
    n_iter : int
    history : list of dict
        One record per round: ``seconds``, ``objective``, ``visible_gap`` (by ascents), ``width``.
    """

    network: TwoLayerReLU
    primal: float
    dual: float
    status: Status
    n_iter: int
    history: list[dict[str, Any]]

    @property
    def relative_gap(self) -> float:
        """``(primal - dual) / primal``, 0 when both are 0."""
        return relative_to(self.primal, self.primal - self.dual)

    def _shown(self):
        return "RestrictedOutputs", [
            ("status", self.status.name),
            ("objective", figure(self.primal)),
            ("relative gap", f"{share_above(self.relative_gap)} (over the given patterns)"),
            ("network", repr(self.network)),
        ]


def solve_outputs_over_patterns(
    problem: Problem,
    masks: np.ndarray | ActivationPatterns,
    *,
    tol: float = 1e-6,
    max_iter: int = 500,
    deadline: float | None = None,
    n_jobs: int | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> RestrictedOutputs:
    """Solve the program of a `Problem` with several outputs over the patterns ``masks (P, n_samples)``.

    Parameters
    ----------
    problem : Problem
        With several outputs and a smooth loss.
    masks : ndarray of bool of shape (P, n_samples), or ActivationPatterns
        Patterns of ``problem.design``, which has a last column of ones where the problem has a hidden bias.
    tol : float
        Relative gap to prove. The proof halves cones of output vectors and is meant for a few outputs; where it does
        not end within its budget the gap is that of the bound reached, or of singular values.
    max_iter : int
        Largest number of rounds.
    deadline : float, optional
        `clock.Moment` at which the best network so far is returned, with a valid gap.
    n_jobs : int, optional
        Threads; the answer does not depend on it.
    report : callable, optional
        Called with every record of the history, see `hand_over`.

    Returns
    -------
    RestrictedOutputs

    Raises
    ------
    ValueError
        For masks that are not boolean or of the wrong shape, and for one output.

    References
    ----------
    .. [1] A. Sahiner, T. Ergen, J. Pauly, M. Pilanci, "Vector-output ReLU neural network problems are copositive
       programs", ICLR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import enumerate_patterns
    >>> from convexnn.programs import make_problem
    >>> from convexnn.solvers import solve_outputs_over_patterns
    >>> X, Y, beta = np.eye(2), np.array([[3.0, 1.0], [1.0, 3.0]]), 1.0
    >>> solution = solve_outputs_over_patterns(make_problem(X, Y, beta), enumerate_patterns(X))
    >>> solution.status.name, round(solution.primal, 5)  # beta^2 + 4 beta
    ('restricted', 5.0)
    """
    if problem.y.ndim == 1:
        raise InvalidInputError("problem must have several outputs; for one there is solve_over_patterns.")
    masks = check_masks(problem, masks)
    found = scaled_outputs(problem)
    if found is None or len(masks) == 0:
        network = build_zero_network(problem)
        value = problem.objective(network)
        dual = problem.dual_bound(problem.dual_point(np.zeros_like(problem.y)), 0.0)[0]
        return RestrictedOutputs(network, value, min(dual, value), Status.restricted, 1, [])
    with one_blas_thread():
        return _Run(problem, found, masks, tol, max_iter, deadline, n_jobs, report).solve()


class _ConeCells(Cells):
    """Neurons that stay in the closed cones of their patterns."""

    def __init__(self, problem, columns, point, geometry, cones):
        super().__init__(problem, columns, point)
        self.geometry, self.cones = geometry, cones

    def move(self, step, objective):
        """Go the best of a few lengths along `step`, back on the cones; return the new objective.

        What is projected need not descend. As far as the first neuron reaches a face of its cone the step itself does.
        """
        crossings = self.crossings(step)
        reach = min(1.0, crossings.min(initial=1.0))
        best, chosen = objective, None
        for t in STEP_LENGTHS:
            point = self.point.moved(step, t)
            if t > reach:
                point.neurons = self.geometry.nearest(self.cones, point.neurons)
            trial = self.objective(point)
            if trial < best:
                best, chosen = trial, point
        point = self.point.moved(step, reach)
        if self.objective(point) < best:
            best, self.point = self.objective(point), point
            self._hold(crossings == reach)
        elif chosen is not None:
            self.point = chosen
            self.find_kinks()
        return best

    def keep(self, keep):
        """Forget what is known of the neurons that have been left out."""
        super().keep(keep)
        self.cones = self.cones[keep]


class _Run:
    """Neurons as cones, unit directions and outputs; the dual bound; the gap that ascents see."""

    def __init__(self, problem, found, masks, tol, max_iter, deadline, n_jobs, report):
        scaled, unit = found
        self.given, self.problem, self.unit, self.tol = problem, scaled, unit, tol
        self.max_iter, self.deadline, self.report = max_iter, deadline, report
        self.scale = (problem.beta / scaled.beta) * unit  # of the objective of the squared loss, else 1
        self.geometry = OutputCones(scaled.design, masks, deadline=deadline, n_jobs=n_jobs)
        self.level = scaled.beta * (1.0 + PRICE_TOLERANCE_PER_TOL * tol)
        self.started, self.history, self.visible, self.dual = now(), [], 1.0, 0.0
        self.merged_distance = FIRST_MERGED_DISTANCE
        self.cones, self.directions = np.zeros(0, int), np.zeros((0, scaled.design.shape[1]))
        self.outputs, self.free_fit, self.objective = best_groups(scaled, np.zeros((len(scaled.y), 0)))

    def solve(self):
        """Run to the tolerance, or as far as the budget goes."""
        try:
            status = self._rounds()
        except KeyboardInterrupt:
            status = Status.interrupted
        network = build_vector_network(self.given, self.directions, self.outputs * self.unit)
        primal, dual = self.given.objective(network), self.dual * self.scale
        return RestrictedOutputs(network, primal, min(dual, primal), status, max(1, len(self.history)), self.history)

    def _rounds(self):
        n_idle = 0
        for _ in range(self.max_iter):
            # Search: ascents in every cone, from singular vectors and from the outputs of its neurons.
            dual_point = self.problem.dual_point(self._hidden())
            found = self.geometry.find(dual_point, self.level, self.cones, self._unit_outputs())
            self.visible = self._gap(dual_point, found[3])
            self._record()
            if is_late(self.deadline):
                return Status.time_limit
            # Nothing found, or nothing gained: prove. What a proof meets above the level joins.
            is_stalled = n_idle >= MAX_IDLE_ROUNDS
            if is_stalled or len(found[0]) == 0 or self.visible <= self.tol:
                seen = self._prove(dual_point)
                if self._proven_gap() <= self.tol:
                    return Status.restricted
                starts = np.append(self.cones, seen[0]), np.vstack([self._unit_outputs(), seen[1]])
                found = self.geometry.find(dual_point, self.level, *starts)
                if is_stalled or len(found[0]) == 0:
                    return Status.converged if self.visible <= self.tol else Status.stalled
            before = self.objective
            self._accept(
                np.append(self.cones, found[0][:MAX_NEW_NEURONS]),
                np.vstack([self.directions, found[1][:MAX_NEW_NEURONS]]),
                self.outputs,
            )
            self._improve()
            n_idle = n_idle + 1 if self.objective >= before * (1.0 - MIN_GAIN) else 0
        return Status.max_iter

    def _unit_outputs(self):
        return self.outputs / np.linalg.norm(self.outputs, axis=1)[:, None]

    def _hidden(self):
        return self.problem.hidden_fit(self.directions, self.outputs)

    def _gap(self, dual_point, price):
        """Return the relative gap if `price` were the price of the dual point."""
        return relative_to(self.objective, self.objective - self.problem.dual_bound(dual_point, price)[0])

    def _proven_gap(self):
        return relative_to(self.objective, self.objective - self.dual)

    def _prove(self, dual_point):
        """Note the dual value that a bound on the price proves; return what was seen above the level."""
        dual_point, leak = self.problem.orthogonal(dual_point)
        bound, seen = self.geometry.bound(dual_point, self.level)
        self.dual = max(self.dual, self.problem.dual_bound(dual_point, bound, leak)[0])
        return seen

    def _accept(self, cones, directions, start):
        """Find the best outputs on these directions, and keep them where the objective does not rise."""
        start = np.vstack([start, np.zeros((len(directions) - len(start), self.problem.n_outputs))])
        still = max(MIN_GROUPS_GAIN, MIN_GROUPS_GAIN_PER_GAP * self.visible)
        outputs, free_fit, objective = best_groups(self.problem, self.problem.hidden_fits(directions), start, still)
        if objective > self.objective:
            return False
        used = np.any(outputs != 0.0, axis=1)
        self.cones, self.directions, self.outputs = cones[used], directions[used], outputs[used]
        self.free_fit, self.objective = free_fit, objective
        return True

    def _improve(self):
        """Alternate mergers, Newton steps and the group lasso until none of them gains much."""
        for _ in range(MAX_IMPROVEMENTS):
            before = self.objective
            merged = self._merged()
            # Merged neurons are fewer; where they do not do as well all of them move.
            if not self._move(*merged) and len(merged[0]) < len(self.cones):
                self.merged_distance = max(MIN_MERGED_DISTANCE, MERGED_DISTANCE_SHRINKAGE * self.merged_distance)
                self._move(self.cones, self.directions, self.outputs)
            gain = before - self.objective
            if gain <= max(MIN_GAIN, MIN_IMPROVEMENT_PER_GAP * self.visible) * before or is_late(self.deadline):
                break

    def _move(self, cones, directions, outputs):
        """Take Newton steps from these neurons; return whether the end was accepted."""
        if len(cones) == 0:
            return True
        columns = orthonormal(self.problem.free)
        roots = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
        point = Point(directions * roots, outputs / roots, columns.T @ self.free_fit)
        cells = _ConeCells(self.problem, columns, point, self.geometry, cones)
        newton_steps(cells, MAX_NEWTON_STEPS, lambda: is_late(self.deadline), keeps_damping=True)
        sizes = np.linalg.norm(cells.point.neurons, axis=1)[:, None]
        return self._accept(cells.cones, cells.point.neurons / sizes, cells.point.outputs * sizes)

    def _merged(self):
        """Return cones, directions and outputs in which neurons that share a cone and alike outputs have become one.

        The sum of vectors of a cone stays in it, and where the outputs are parallel so does the fit.
        """
        units, left = self._unit_outputs(), np.ones(len(self.cones), bool)
        alike = units @ units.T > 1.0 - self.merged_distance
        cones, vectors, outputs = [], [], []
        for k in np.argsort(-np.linalg.norm(self.outputs, axis=1), kind="stable"):
            if not left[k]:
                continue
            group = np.flatnonzero(left & alike[k])
            inside = self.geometry.contain(np.full(len(group), self.cones[k]), self.directions[group])
            group = np.union1d(group[inside], k)
            left[group] = False
            output = self.outputs[group].sum(axis=0)
            output = output / np.linalg.norm(output)
            vector = (self.outputs[group] @ output) @ self.directions[group]
            size = np.linalg.norm(vector)
            if size > 0.0:
                cones.append(self.cones[k])
                vectors.append(vector / size)
                outputs.append(size * output)
        shapes = (len(cones), self.directions.shape[1]), (len(cones), self.problem.n_outputs)
        return np.array(cones, int), np.reshape(vectors, shapes[0]), np.reshape(outputs, shapes[1])

    def _record(self):
        self.history.append(make_record(self.started, self.objective * self.scale, self.visible, len(self.cones)))
        hand_over(
            self.report,
            self.history[-1],
            lambda: build_vector_network(self.given, self.directions, self.outputs * self.unit),
        )
