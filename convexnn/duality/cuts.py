"""Dual points where the loss has kinks and its gradient does not name one: linear programs with cutting planes.

For the losses ``max(high r, low r)`` of the residual the dual problem is ``max nu^T y`` over ``w low <= nu <= w high``
with ``Z^T nu = 0`` and ``|nu^T (X u)_+| <= beta`` on the unit ball. Directions that violate the last are found by
ascents and added to a linear program, Kelley's way, until none is left. With several outputs the constraint is
``||N^T (X u)_+|| <= beta``, that is ``|a^T N^T (X u)_+| <= beta`` for every unit vector a: a cut has the a that the
violating direction asks for. Whatever is returned is priced afterwards like any other dual point.
"""

import numpy as np

from .._utils.norms import unit_rows
from .._utils.validation import is_late
from ..losses import solve_linear_program
from ..programs.evaluation import FIT_ROUNDING
from .free_bias import problem_local_prices

MAX_CUT_ROUNDS = 40  # linear programs solved at most
CUT_TOLERANCE = 1e-9  # a price counts as above its level when it exceeds it by this share, which programs leave open
MAX_CUTS_PER_ROUND = 48  # at most 48 violating directions, those of the largest price, join in a round


def best_dual_point(problem, directions, outputs, *, starts=None, deadline=None, n_jobs=None):
    """Return the nu with the best dual value that cutting planes from some neurons lead to.

    Its price may exceed beta: `Problem.dual_bound` scales it.

    Parameters
    ----------
    problem : Problem
    directions : ndarray of shape (K, n_inputs)
    outputs : ndarray of shape (K,) or (K, n_outputs)
        Their output weights, of any size but zero.
    """
    costs = -problem.dual_targets

    def improved(columns):
        return _program(problem, costs, columns, np.full(len(columns.T), problem.beta), deadline=deadline)

    def value(nu, price):
        return problem.dual_bound(nu, price)[0]

    first = _columns(problem, directions, unit_rows(outputs)[0] if outputs.ndim == 2 else None)
    nu = _cut(problem, improved, value, problem.beta, (directions, first), starts, deadline, n_jobs)
    return _feasible(problem, problem.loss.slopes(problem.dual_targets, np.zeros_like(problem.y))) if nu is None else nu


def cheapest_dual_point(problem, *, deadline=None, n_jobs=None):
    """Return the nu of the smallest price in the subdifferential of the loss at the best fit without neurons."""
    coefficients = problem.free_coefficients(np.zeros_like(problem.y))
    residual = problem.y - problem.free @ coefficients
    summands = np.abs(problem.y) + np.abs(problem.free) @ np.abs(coefficients)
    # Of a row, for targets may differ in size by more than 1e9; and what is left of coefficients that cancel.
    kinks = np.abs(residual) <= CUT_TOLERANCE * summands + FIT_ROUNDING * problem.summands
    low, high = (problem.beside(problem.weight * bound) for bound in problem.loss.bounds)
    # Off its kinks the loss has one slope; at a kink every slope between its two ends is a subgradient.
    low, high = np.where(kinks | (residual < 0), low, high), np.where(kinks | (residual > 0), high, low)

    def improved(columns):
        return _program(problem, np.zeros_like(problem.y), columns, None, low, high, deadline)

    nothing = np.zeros((0, problem.design.shape[1])), np.zeros((problem.y.size, 0))
    nu = _cut(problem, improved, lambda nu, price: -price, 0.0, nothing, None, deadline, n_jobs)
    return _feasible(problem, problem.loss.slopes(residual, np.zeros_like(residual))) if nu is None else nu


def _columns(problem, directions, outputs):
    """Return the fits of neurons of norm one as columns, with a row for every entry of y; outputs None are ones."""
    fits = problem.hidden_fits(directions)
    return fits if outputs is None else (fits[:, None, :] * outputs.T).reshape(problem.y.size, -1)


def _cut(problem, improved, value, level, first, starts, deadline, n_jobs):
    """Alternate a linear program over the cuts met and ascents on the price of its nu; return the best nu.

    `first` are directions and columns to begin with. None when the deadline passes before the first program is solved.
    """
    best, answer, (directions, columns) = -np.inf, None, first
    for _ in range(MAX_CUT_ROUNDS):
        # The relaxation: |nu^T fit_k| <= beta for the directions met so far only.
        nu = improved(columns)
        if nu is None:
            break
        own = directions if starts is None else np.vstack([directions, starts])
        found, _, values = problem_local_prices(problem, nu, starts=own, deadline=deadline, n_jobs=n_jobs)
        largest = values.max(initial=0.0)
        worth = value(nu, largest)
        if worth > best:
            best, answer = worth, nu
        # A direction that is below what the program allowed already would not cut anything off.
        seen = max(level, np.abs(nu.ravel() @ columns).max(initial=0.0))
        violating = found[values > seen * (1.0 + CUT_TOLERANCE) + np.finfo(float).tiny][:MAX_CUTS_PER_ROUND]
        if len(violating) == 0 or is_late(deadline):
            break
        # With several outputs, the unit vector along N^T (X u)_+ is the one that is violated most.
        outputs = None if nu.ndim == 1 else unit_rows(problem.hidden_fits(violating).T @ nu)[0]
        directions = np.vstack([directions, violating])
        columns = np.hstack([columns, _columns(problem, violating, outputs)])
    return answer


def _program(problem, costs, fits, bounds, low=None, high=None, deadline=None):
    """Minimise ``costs . nu``, plus a bound t on the prices where `bounds` is None; return nu, None when it is late.

    In units of one: nu relative to the weights, prices relative to the largest fit. `fits` has a row for every entry
    of y.
    """
    shape, n_outputs = problem.y.shape, problem.n_outputs
    weight = np.repeat(problem.weight, n_outputs)
    if low is None:
        low, high = weight * problem.loss.bounds[0], weight * problem.loss.bounds[1]
    # Variables are nu_i / w_i, prices are relative to the largest fit: programs end at absolute tolerances.
    columns = weight[:, None] * fits
    size = np.abs(columns).max(initial=0.0) or 1.0  # neurons that are off on all rows bound nothing
    rows = np.hstack([columns, -columns]).T / size
    free = problem.free / np.maximum(np.abs(problem.free).max(axis=0, initial=0.0), 1e-300)
    free = (weight[:, None] * np.kron(free, np.eye(n_outputs))).T
    objective = weight * costs.ravel()
    objective = objective / max(np.abs(objective).max(), np.finfo(float).tiny)
    limits = np.column_stack([low.ravel() / weight, high.ravel() / weight])
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
    # It leaves 1e-9 along the free terms.
    return None if found is None else _feasible(problem, found[: len(weight)].reshape(shape))


def _feasible(problem, slopes):
    """Return the nu of some slopes, a row each, less what lies along the free terms."""
    root = problem.beside(np.sqrt(problem.weight))
    return root * problem.project(root * slopes)
