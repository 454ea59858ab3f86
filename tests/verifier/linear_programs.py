"""How much of each column, for the absolute and the quantile loss: a linear program, then its corner to all digits."""

import numpy as np
from scipy.optimize import linprog


def linear_masses(problem, matrix, costs, targets):
    """Yield amounts (K, 1) of the columns of `matrix`, each costing `costs` a unit, and the program's dual point.

    Columns without cost are free.
    """
    y, n = targets[:, 0], len(targets)
    unit = np.abs(y).max()
    if unit == 0 or not np.isfinite(unit):
        return
    high, low = (1.0, 1.0) if problem.loss == "absolute" else (problem.quantile, 1 - problem.quantile)
    scale = problem.weight.max()
    paid = np.flatnonzero(costs > 0)
    columns = np.hstack([matrix, -matrix[:, paid], np.eye(n), -np.eye(n)])
    own = np.concatenate([costs, costs[paid], high * problem.weight, low * problem.weight]) / scale
    bounds = [(0, None) if c > 0 else (None, None) for c in np.concatenate([costs, costs[paid]])]
    found = linprog(
        np.minimum(own, 1e15),
        A_eq=columns,
        b_eq=y / unit,
        bounds=bounds + [(0, None)] * (2 * n),
        method="highs-ds",
    )
    if found.x is None:
        return
    for x in (found.x, _corner(columns, y / unit, found.x)):
        amounts = x[: matrix.shape[1]].copy()
        amounts[paid] -= x[matrix.shape[1] : matrix.shape[1] + len(paid)]
        yield unit * amounts[:, None], scale * found.eqlin.marginals[:, None]


def _corner(columns, target, x):
    """The same support, its equations solved once more: programs leave 1e-7."""
    used = np.abs(x) > 1e-9 * np.abs(x).max(initial=0.0)
    answer = np.zeros(len(x))
    answer[used] = np.linalg.lstsq(columns[:, used], target, rcond=None)[0]
    return answer
