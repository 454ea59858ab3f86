"""Column generation over sub-networks: search for violated ones, take them in, move all weights, solve their cells.

The restricted master is the lasso on the masses of the sub-networks at hand. Between two searches all weights descend
together, and where that gains little the conic program over the cells of the sub-networks in use, which is convex,
finds their best weights. The objective never rises.
"""

import numpy as np

from .._utils.clock import now
from .._utils.validation import is_late
from ..exceptions import SolverError
from ..solvers.base import MIN_GAIN, Status, make_record
from .ascents import descend, find_parts
from .certifying import bound_training
from .program import ConicForm, solve_training
from .scaled import best_scaling
from .subnetworks import best_network, cells_of, masses_of

# Ascents for any width have at most 8 neurons.
MAX_ASCENT_WIDTH = 8
# A sub-network is violated when its price is above (1 + 1e-9) beta.
VIOLATION_TOLERANCE = 1e-9
# A round takes in at most 12 new sub-networks.
MAX_NEW_PARTS = 12
# The conic program is solved when a descent gains less than 1e-3 of the objective,
MIN_DESCENT_GAIN = 1e-3
# and when its cones have at most 20 000 rows: more take many seconds.
MAX_CONE_ROWS = 20_000


def ascent_width(unit, n_hidden):
    """Return the number of neurons of the sub-networks that are climbed from."""
    return min(len(unit.X), MAX_ASCENT_WIDTH if n_hidden is None else n_hidden)


def visible_gap(unit, nu, objective, price):
    """Return the relative gap of an objective if `price` were the largest price of nu, all of the `UnitProblem`."""
    tiny = np.finfo(float).tiny
    dual, _ = best_scaling(unit.y, nu, unit.beta / max(price, tiny))
    return max(objective - dual, 0.0) / max(objective, tiny)


class Run:
    """The sub-networks at hand, their masses, and the gap that is visible: that of the best price found."""

    def __init__(self, problem, unit, n_hidden, rng, deadline):
        self.problem, self.unit, self.rng, self.deadline = problem, unit, rng, deadline
        self.n_hidden = n_hidden
        self.width = ascent_width(unit, n_hidden)
        self.parts, self.masses, self.residual = [], np.zeros(0), unit.y
        self.value, self.visible_gap = 0.5 * float(unit.y @ unit.y), np.inf
        self.started, self.history = now(), []

    @property
    def network(self):
        """The balanced network, in the units of the problem."""
        return self.problem.lift(self.parts, self.masses * (self.unit.y_scale / self.unit.x_scale))

    @property
    def objective(self):
        """The objective in the units of the problem, what no network fits on rows of zeros included."""
        unfitted = self.problem.y[~self.problem.rows]
        return float(self.value * self.unit.y_scale**2 + 0.5 * (unfitted @ unfitted))

    def stop(self):
        """Whether the time is over."""
        return is_late(self.deadline)

    def generate(self, tol, max_iter):
        """Search and improve in turn, until no gap above `tol` is visible; return the `Status`."""
        for _ in range(max_iter):
            before, new = self.value, self.search()
            if self.visible_gap <= tol or not new:
                new = self.search(wide=True)
            self.history.append(make_record(self.started, self.objective, self.visible_gap, len(self.parts)))
            if self.stop():
                return Status.time_limit
            if self.visible_gap <= tol or not new:
                return Status.converged
            self.join(new)
            self.improve()
            if before - self.value <= MIN_GAIN * before:
                return Status.stalled
        self.search()
        return Status.converged if self.visible_gap <= tol else Status.max_iter

    def search(self, wide=False):
        """Return the violated sub-networks that ascents find, the most violated first; notes the visible gap."""
        found, prices = find_parts(self.unit.X, self.residual, self.parts, self.width, self.rng, self.stop, wide)
        # A search that time has ended says nothing about the gap.
        self.note_price(np.inf if self.stop() else float(prices.max(initial=0.0)))
        n_violated = int(np.sum(prices > (1 + VIOLATION_TOLERANCE) * self.unit.beta))
        return found[: min(n_violated, MAX_NEW_PARTS)]

    def note_price(self, price):
        """Note the gap that is visible if `price` is the largest of the residual."""
        self.visible_gap = visible_gap(self.unit, self.residual, self.value, price)

    def join(self, new):
        """Solve the lasso on the masses with some sub-networks more; keep those with mass, where that is better."""
        parts = self.parts + new
        masses = masses_of(parts, self.unit)
        residual = self.unit.y - np.column_stack([part.fit for part in parts]) @ masses
        value = 0.5 * float(residual @ residual) + self.unit.beta * float(masses.sum())
        if value < self.value:
            self.parts = [part for part, mass in zip(parts, masses, strict=True) if mass > 0]
            self.masses, self.residual, self.value = masses[masses > 0], residual, value

    def improve(self):
        """Move the weights of all sub-networks: by descent, and by the conic program where that gains little."""
        if not self.parts:
            return
        before = self.value
        self.join(descend(self.unit, self.parts, self.masses, self.stop))
        if before - self.value <= MIN_DESCENT_GAIN * before and not self.stop():
            self.solve_cells()

    def solve_cells(self):
        """Solve the convex program over the cells of the sub-networks in use, if it is not too large.

        Where the solver has no answer the sub-networks stay as they are.
        """
        cells = cells_of(self.unit.X, self.parts)
        if 2 * len(cells.signs) * len(cells.X) > MAX_CONE_ROWS:
            return
        form = ConicForm(cells)
        try:
            positive, negative, _ = solve_training(form, self.unit.y, self.unit.beta)
        except SolverError:
            return
        self.join(best_network(self.problem, self.unit, form, positive, negative)[1])

    def take_in(self, part):
        """Take a sub-network in that only a proof has met, and improve; return whether the objective fell."""
        before = self.value
        self.join([part])
        self.improve()
        return before - self.value > MIN_GAIN * before

    def prove(self, proof, tol, deadline):
        """Return the `Bound` of the residual and of the relaxed dual; a cheap one where the time is over."""
        proof = "heuristic" if is_late(deadline) else proof
        limits = {"n_hidden": self.n_hidden, "proof": proof, "tol": tol, "deadline": deadline}
        return bound_training(self.unit, self.residual, self.parts, self.value, **limits)
