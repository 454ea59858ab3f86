"""The smallest optimal width where the vertices are too many to list: a mixed-integer program, verified."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, nnls

from ..exceptions import SolverError

RESIDUAL = 1e-9
MAX_CUTS = 50


def fewest_directions(columns, point, *, time_limit=None):
    """Return masses (K,) of an optimal solution with the fewest directions, in shares of the total mass.

    Minimises ``sum z`` over ``0 <= c <= z``, z binary, ``columns c = columns point``, ``sum c = 1`` (HiGHS). Support
    by support the answer is checked by non-negative least squares on the support alone, and cut off when it only fits
    within the solver's tolerance.

    Raises
    ------
    SolverError
        When HiGHS did not finish in time, or every support it named had to be cut off.
    """
    n = len(point)
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    basis = left[:, values > RESIDUAL * values.max(initial=0.0)]
    target = basis.T @ (columns @ point)
    equations = np.vstack(
        [np.hstack([basis.T @ columns, np.zeros((basis.shape[1], n))]), np.r_[np.ones(n), np.zeros(n)]]
    )
    constraints = [
        LinearConstraint(equations, np.r_[target, 1.0], np.r_[target, 1.0]),
        LinearConstraint(np.hstack([np.eye(n), -np.eye(n)]), -np.inf, 0.0),
    ]
    options = {} if time_limit is None else {"time_limit": time_limit}
    for _ in range(MAX_CUTS):
        answer = milp(
            np.r_[np.zeros(n), np.ones(n)],
            constraints=constraints,
            integrality=np.r_[np.zeros(n), np.ones(n)],
            bounds=Bounds(0.0, 1.0),
            options=options,
        )
        if answer.status != 0:
            break
        support = answer.x[n:] > 0.5
        masses, error = nnls(basis.T @ columns[:, support], target)
        if error <= RESIDUAL * np.linalg.norm(target):
            full = np.zeros(n)
            full[support] = masses
            return full
        cut = np.r_[np.zeros(n), np.where(support, -1.0, 1.0)]
        constraints.append(LinearConstraint(cut, 1.0 - support.sum(), np.inf))
    raise SolverError(f"the smallest optimal width was not found: HiGHS answered {answer.message!r}.")
