"""Walks along basic solutions of ``columns a = target, a >= 0``: the simplex method, keeping every point it passes.

The columns (r, K) have rank r, a basis is the numbers of r independent ones. Points are given by all K entries. Two
points in a row have at most r + 1 columns in use between them, so that every step is a path of few neurons.
"""

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from ..exceptions import SolverError

MAX_ZERO_COST = 1e-12  # relative to the cost and the price of a column: a smaller reduced cost is zero
MIN_PIVOT = 1e-9  # relative to the largest slope
MAX_NEGATIVE_AMOUNT = 1e-12  # amounts, of which the largest is about one, may be negative by so much: rounding
MIN_AMOUNT_SHARE = 1e-13  # amounts below this share of the largest are emptied by a pivot, but for rounding
MAX_TIED_STEP = 1e-11  # steps that differ by less are tied, and shorter ones stand still


class Basis:
    """A basis with its factors: basic solutions, reduced costs and rows of the tableau."""

    def __init__(self, columns, members):
        self.columns, self.members = columns, members
        self._factors = lu_factor(columns[:, members])

    def solve(self, target):
        """Return the coefficients of `target` in the basis."""
        return lu_solve(self._factors, target)

    def point(self, values):
        """Return all K entries of the point with these basic ones; what is negative by rounding is zero."""
        full = np.zeros(self.columns.shape[1])
        full[self.members] = np.maximum(values, 0.0)
        return full

    def reduced_costs(self, costs):
        """Return the costs of the columns less what the basis charges for them; rounding is zero."""
        # c_k - y . column_k with the prices y of the basis: negative where the column would lower the cost.
        charged = self.columns.T @ lu_solve(self._factors, costs[self.members], trans=1)
        reduced = costs - charged
        reduced[np.abs(reduced) <= MAX_ZERO_COST * (np.abs(costs) + np.abs(charged))] = 0.0
        reduced[self.members] = 0.0
        return reduced

    def row(self, place):
        """Return the row of the tableau of the basic column at `place`."""
        return lu_solve(self._factors, np.eye(len(self.members))[place], trans=1) @ self.columns

    def exchanged(self, place, entering):
        """Return the basis with the column `entering` at `place`."""
        members = self.members.copy()
        members[place] = entering
        return Basis(self.columns, members)


def cheapest(basis, target, costs, allowed=None):
    """Walk from a basic solution to a cheapest one by the primal simplex method; the cost never rises.

    Returns the points after the first, and the last basis. Only `allowed` columns (all by default) enter.
    """
    points, stalls = [], 0
    for _ in _pivots(basis):
        values = np.maximum(basis.solve(target), 0.0)
        reduced = basis.reduced_costs(costs)
        useful = np.flatnonzero(reduced < 0.0 if allowed is None else (reduced < 0.0) & allowed)
        if len(useful) == 0:
            return points, basis
        # The steepest column, or after a step of length zero the first one: Bland's rule cannot go round in circles.
        entering = useful[0] if stalls else useful[np.argmin(reduced[useful])]
        slope = -basis.solve(basis.columns[:, entering])
        place, step = _first_to_vanish(values, slope, basis.members, stalls > len(values))
        if place is None:
            raise SolverError("the walk between basic solutions left the bounded region: the fits are too dependent.")
        basis, stalls = basis.exchanged(place, entering), stalls + 1 if step <= MAX_TIED_STEP else 0
        if stalls == 0 or _counts(values, place):
            points.append(basis.point(basis.solve(target)))


def along(basis, start, move, costs):
    """Follow the cheapest solution of ``columns a = start + t move`` from t = 0 to 1 by the dual simplex method.

    `basis` is optimal at t = 0. Returns the points at which the basis changes and the last one, and the last basis.
    """
    points, now = [], 0.0
    for _ in _pivots(basis):
        slope = basis.solve(move)
        first, last = basis.solve(start), basis.solve(start + move)
        if last.min() >= -MAX_NEGATIVE_AMOUNT:
            return [*points, basis.point(last)], basis
        values = np.maximum(first + now * slope, 0.0)
        # The basis stays optimal until one of its amounts would turn negative: there it is exchanged.
        place, step = _first_to_vanish(values, np.where(last < -MAX_NEGATIVE_AMOUNT, slope, 0.0), basis.members)
        if step > MAX_TIED_STEP or _counts(values, place):
            points.append(basis.point(values + step * slope))
        basis, now = basis.exchanged(place, _next_to_enter(basis, place, costs)), now + step


def _counts(values, place):
    """Whether the amount at `place` is more than rounding, so that its column and the next cannot be exchanged as one.

    After a step that is short all the same, the point is kept: or two columns would change between two points.
    """
    return values[place] > MIN_AMOUNT_SHARE * values.max()


def _first_to_vanish(values, slope, members, circling=False):
    """The place of the first value to fall to zero, and the step until then.

    Where several vanish at once it is the one that falls fastest, which keeps the basis well conditioned; or the lowest
    column (Bland's rule) when the walk may be going round in circles.
    """
    falling = np.flatnonzero(slope < -MIN_PIVOT * max(1.0, np.abs(slope).max()))
    if len(falling) == 0:
        return None, np.inf
    steps = values[falling] / -slope[falling]
    ties = falling[steps <= steps.min() + MAX_TIED_STEP]
    return ties[np.argmin(members[ties] if circling else slope[ties])], float(steps.min())


def _next_to_enter(basis, place, costs):
    """The column that keeps the reduced costs non-negative when the one at `place` leaves (dual ratio test)."""
    row, reduced = basis.row(place), np.maximum(basis.reduced_costs(costs), 0.0)
    row[basis.members] = 0.0
    useful = np.flatnonzero(row < -MIN_PIVOT * max(1.0, np.abs(row).max()))
    if len(useful) == 0:
        raise SolverError("the walk between basic solutions found no way on: the fits are too close to dependent.")
    ratios = reduced[useful] / -row[useful]
    return useful[np.flatnonzero(ratios <= ratios.min() * (1.0 + MAX_TIED_STEP))[0]]


def _pivots(basis):
    """Count pivots up to a limit that is only reached when rounding makes the walk go round in circles."""
    limit = 100 * (sum(basis.columns.shape) + 10)
    yield from range(limit)
    raise SolverError(f"the walk between basic solutions did not end after {limit} pivots.")
