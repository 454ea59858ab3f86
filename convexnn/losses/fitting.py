"""Least squares, linear programs and Newton's method for the free terms beside a fit."""

import numpy as np
from scipy.optimize import linprog

from .._utils.clock import now
from ..exceptions import SolverError

# Newton's method for the free terms takes at most 200 steps.
MAX_FIT_STEPS = 200
# A line search gives up at 1e-18 of the step, or where the step is below 1e-16 of the fit.
MIN_FIT_STEP_SHARE, STEP_ROUNDING = 1e-18, 1e-16
# Two values within 1e-14 of each other are equal but for rounding.
VALUE_ROUNDING = 1e-14
SMALLEST_FLOAT = np.finfo(float).tiny
# Columns of magnitude one are dependent where a singular value is at most 1e-12 of the largest.
RANK_TOLERANCE = 1e-12
# The status of linprog that means "out of time", and the seconds that a linear program has in any case.
TIME_LIMIT_STATUS, MIN_PROGRAM_SECONDS = 1, 0.05


def solve_linear_program(costs, deadline=None, **program):
    """Return the solution by HiGHS, None when the deadline passes first; `SolverError` where it finds no optimum."""
    options = {} if deadline is None else {"time_limit": max(MIN_PROGRAM_SECONDS, deadline - now())}
    result = linprog(costs, method="highs", options=options, **program)
    # The presolve of HiGHS has called feasible programs infeasible: without it they are solved.
    if result.status not in (0, TIME_LIMIT_STATUS):
        result = linprog(costs, method="highs", options=options | {"presolve": False}, **program)
    if result.status == TIME_LIMIT_STATUS:
        return None
    if result.status != 0:
        raise SolverError(f"HiGHS found no optimum of a linear program of {len(costs)} variables: {result.message}")
    return result.x


def newton_fit(fit, value, slopes, newton_step, other_step=None):
    """Return the fit of least value that Newton's method reaches from `fit`.

    Parameters
    ----------
    fit : ndarray
    value, slopes : callables
        The loss at a fit, and minus its gradient in some coordinates.
    newton_step : callable
        The change of the fit that a fit and its slopes ask for.
    other_step : callable, optional
        Another, tried too where the full Newton step is too long; the better end is taken.
    """

    def ahead(step):
        """Return (value, fit, share) at the end of a line search along a step; None if it fails."""
        share, shortest = (
            1.0,
            max(MIN_FIT_STEP_SHARE, STEP_ROUNDING * np.abs(fit).max() / max(np.abs(step).max(), SMALLEST_FLOAT)),
        )
        while share > shortest:
            end = fit + share * step
            there = value(end)
            # Near the minimum values differ by rounding only: there a smaller gradient is progress.
            if there < least * (1.0 - VALUE_ROUNDING) or (
                there <= least * (1.0 + VALUE_ROUNDING) and np.linalg.norm(slopes(end)) < size
            ):
                return there, end, share
            share *= 0.5
        return None

    for _ in range(MAX_FIT_STEPS):
        least, slope = value(fit), slopes(fit)
        size = np.linalg.norm(slope)
        if size == 0.0:
            break
        # The Newton step, and where it has to be shortened the other one: the lower end is taken.
        ends = [ahead(newton_step(fit, slope))]
        if other_step is not None and (ends[0] is None or ends[0][2] < 1.0):
            ends.append(ahead(other_step(fit, slope)))
        ends = [end for end in ends if end is not None]
        if not ends:
            break
        fit = min(ends, key=lambda end: end[0])[1]
    return fit


def minimum_norm_fit(columns, target):
    """Least squares whose rank is judged on columns of magnitude one, however different their scales are.

    The target has shape (n_samples,), or (n_samples, n_outputs) for several at once.
    """
    if target.ndim == 1:
        return minimum_norm_fit(columns, target[:, None])[:, 0]
    sizes = column_sizes(columns)
    left, values, right = np.linalg.svd(columns / sizes, full_matrices=False)
    used = values > RANK_TOLERANCE * values.max(initial=0.0)
    answer = (right[used].T @ ((left[:, used].T @ target) / values[used, None])) / sizes[:, None]
    # Adding multiples of the unseen directions changes no fit: the sum of least norm is orthogonal to them.
    unseen = right[~used] / sizes
    if len(unseen) == 0:
        return answer
    return answer - unseen.T @ np.linalg.lstsq(unseen.T, answer, rcond=None)[0]


def orthonormal(columns):
    """Return an orthonormal basis of what the columns span, judged on columns of magnitude one."""
    basis, values, _ = np.linalg.svd(columns / column_sizes(columns), full_matrices=False)
    return basis[:, values > RANK_TOLERANCE * values.max(initial=0.0)]


def column_sizes(columns):
    """Return the largest entry of every column, 1 for columns of zeros."""
    sizes = np.abs(columns).max(axis=0, initial=0.0)
    return np.where(sizes > 0, sizes, 1.0)
