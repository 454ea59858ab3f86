"""A slow enumeration that shares nothing with the package: a tree over rows with one linear program per branch."""

import numpy as np
from scipy.optimize import linprog

MARGIN = 1e-7


def has_interior(signed_rows):
    """Whether some h in the unit box has ``signed_rows @ h > 0``, by the largest margin t a linear program finds."""
    m, d = signed_rows.shape
    if m == 0:
        return True
    answer = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.hstack([-signed_rows, np.ones((m, 1))]),
        b_ub=np.zeros(m),
        bounds=[(-1, 1)] * d + [(0, 1)],
        method="highs",
    )
    assert answer.status == 0, answer.message
    return answer.x[-1] > MARGIN


def reference_patterns(X):
    """Return the set of full-dimensional patterns of `X` as bytes of boolean masks."""
    X = np.asarray(X, dtype=float)
    scale = np.abs(X).max(axis=1, keepdims=True)
    rows = np.divide(X, scale, out=np.zeros_like(X), where=scale > 0)
    rows = rows / np.where(np.abs(rows).max(axis=0) > 0, np.abs(rows).max(axis=0), 1.0)
    used = np.flatnonzero(rows.any(axis=1))
    branches = [()]
    for i in range(len(used)):
        longer = [signs + (sign,) for signs in branches for sign in (1.0, -1.0)]
        branches = [signs for signs in longer if has_interior(rows[used[: i + 1]] * np.array(signs)[:, np.newaxis])]
    masks = np.ones((len(branches), len(X)), dtype=bool)
    masks[:, used] = np.array(branches).reshape(len(branches), len(used)) > 0
    return set(map(bytes, masks))
