"""Dual points where the loss has kinks and its gradient does not name one: linear programs with cutting planes.

For the losses ``max(high r, low r)`` of the residual the dual problem is ``max nu^T y`` over ``w low <= nu <= w high``
with ``Z^T nu = 0`` and ``|nu^T (X u)_+| <= beta`` on the unit ball. Directions that violate the last are found by
ascents and added to a linear program, Kelley's way, until none is left. Whatever is returned is priced afterwards like
any other dual point.
"""

import numpy as np

from .._utils.validation import is_late
from ..losses import solve_linear_program
from .pricing import local_prices

MAX_CUT_ROUNDS = 40  # linear programs solved at most
CUT_TOLERANCE = 1e-9  # a price counts as above its level when it exceeds it by this share, which programs leave open
MAX_CUTS_PER_ROUND = 48  # at most 48 violating directions, those of the largest price, join in a round


def best_dual_point(problem, directions, *, starts=None, deadline=None, n_jobs=None):
    """Return the nu with the best dual value that cutting planes from `directions` (K, n_inputs) lead to.

    Its price may exceed beta: `Problem.dual_bound` scales it.
    """

    def improved(fits):
        return _program(problem, -problem.dual_targets, fits, np.full(len(fits.T), problem.beta), deadline=deadline)

    def value(nu, price):
        return problem.dual_bound(nu, price)[0]

    nu = _cut(problem, improved, value, problem.beta, directions, starts, deadline, n_jobs)
    return _feasible(problem, problem.loss.slopes(problem.dual_targets, np.zeros(len(problem.y)))) if nu is None else nu


def cheapest_dual_point(problem, *, deadline=None, n_jobs=None):
    """Return the nu of the smallest price in the subdifferential of the loss at the best fit without neurons."""
    coefficients = problem.free_coefficients(np.zeros(len(problem.y)))
    residual = problem.y - problem.free @ coefficients
    summands = np.abs(problem.y) + np.abs(problem.free) @ np.abs(coefficients)
    kinks = np.abs(residual) <= CUT_TOLERANCE * summands  # of a row: targets may differ in size by more than 1e9
    low, high = (problem.weight * bound for bound in problem.loss.bounds)
    # Off its kinks the loss has one slope; at a kink every slope between its two ends is a subgradient.
    low, high = np.where(kinks | (residual < 0), low, high), np.where(kinks | (residual > 0), high, low)

    def improved(fits):
        return _program(problem, np.zeros(len(low)), fits, None, low, high, deadline)

    no_directions = np.zeros((0, problem.design.shape[1]))
    nu = _cut(problem, improved, lambda nu, price: -price, 0.0, no_directions, None, deadline, n_jobs)
    return _feasible(problem, problem.loss.slopes(residual, np.zeros(len(residual)))) if nu is None else nu


def _cut(problem, improved, value, level, directions, starts, deadline, n_jobs):
    """Alternate a linear program over the directions met and ascents on the price of its nu; return the best nu.

    None when the deadline passes before the first program is solved.
    """
    best, answer = -np.inf, None
    for _ in range(MAX_CUT_ROUNDS):
        # The relaxation: |nu^T fit_k| <= beta for the directions met so far only.
        fits = problem.hidden_fits(directions)
        nu = improved(fits)
        if nu is None:
            break
        own = directions if starts is None else np.vstack([directions, starts])
        found, _, values = local_prices(*problem.priced(nu), starts=own, deadline=deadline, n_jobs=n_jobs)
        largest = values.max(initial=0.0)
        worth = value(nu, largest)
        if worth > best:
            best, answer = worth, nu
        # A direction that is below what the program allowed already would not cut anything off.
        seen = max(level, np.abs(nu @ fits).max(initial=0.0))
        violating = found[values > seen * (1.0 + CUT_TOLERANCE) + np.finfo(float).tiny][:MAX_CUTS_PER_ROUND]
        if len(violating) == 0 or is_late(deadline):
            break
        directions = np.vstack([directions, violating])
    return answer


def _program(problem, costs, fits, bounds, low=None, high=None, deadline=None):
    """Minimise ``costs . nu``, plus a bound t on the prices where `bounds` is None; return nu, None when it is late.

    In units of one: nu relative to the weights, prices relative to the largest fit.
    """
    weight = problem.weight
    if low is None:
        low, high = weight * problem.loss.bounds[0], weight * problem.loss.bounds[1]
    # Variables are nu_i / w_i, prices are relative to the largest fit: programs end at absolute tolerances.
    columns = weight[:, None] * fits
    size = np.abs(columns).max(initial=0.0) or 1.0  # neurons that are off on all rows bound nothing
    rows = np.hstack([columns, -columns]).T / size
    free = (weight[:, None] * problem.free / np.maximum(np.abs(problem.free).max(axis=0, initial=0.0), 1e-300)).T
    objective = weight * costs
    objective = objective / max(np.abs(objective).max(), np.finfo(float).tiny)
    limits = np.column_stack([low / weight, high / weight])
    # The smallest price: minimise t >= |nu^T fit_k| in the place of given bounds.
    if bounds is None:
        rows, free = np.column_stack([rows, -np.ones(len(rows))]), np.column_stack([free, np.zeros(len(free))])
        objective, limits, bounds = np.append(objective, 1.0), np.vstack([limits, [0.0, np.inf]]), np.zeros(len(fits.T))
    program = {"bounds": limits}
    if len(rows):
        program |= {"A_ub": rows, "b_ub": np.tile(bounds, 2) / size}
    if len(free):
        program |= {"A_eq": free, "b_eq": np.zeros(len(free))}
    found = solve_linear_program(objective, deadline, **program)
    return None if found is None else _feasible(problem, found[: len(weight)])  # it leaves 1e-9 along the free terms


def _feasible(problem, slopes):
    """Return the nu of some slopes, a row each, less what lies along the free terms."""
    root = np.sqrt(problem.weight)
    return root * problem.project(root * slopes)
