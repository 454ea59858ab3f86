"""A cheap valid bound on the price from one trust-region problem, for dimensions that cones cannot cover."""

import numpy as np
from numba import njit

ROUNDS = 25


def spectral_bound(function):
    """Return a valid upper bound on ``max |f|`` over the unit ball, in units of ``function.scale``.

    With ``(z)_+ = (z + |z|) / 2``, ``|z| <= (z^2 / t + t) / 2`` on the lines with a positive coefficient and
    ``|z| >= z^2`` on unit lines with a negative one, f is at most a quadratic on the sphere, whose maximum is
    bounded by its Lagrangian dual. Any t and any multiplier are valid; a few rounds choose good ones.
    """
    if function.rank == 0:
        return 0.0
    return max(0.0, *(_one_sign(function, sign) for sign in (1.0, -1.0))) + function.slack


def _one_sign(function, sign):
    coefficients, lines = sign * function.coefficients, function.lines
    convex = coefficients > 0
    slope = sign * function.linear + 0.5 * coefficients @ lines
    fixed = (lines[~convex].T * coefficients[~convex]) @ lines[~convex]
    widths = np.full(int(convex.sum()), 1.0 / np.sqrt(function.rank))
    best = np.inf
    for _ in range(ROUNDS):
        quadratic = fixed + (lines[convex].T * (coefficients[convex] / (2.0 * widths))) @ lines[convex]
        bound, moments = _trust_region(quadratic, slope)
        best = min(best, bound + 0.25 * float(coefficients[convex] @ widths))
        widths = np.sqrt(np.maximum(np.einsum("li,ij,lj->l", lines[convex], moments, lines[convex]), 1e-8))
    return best


def _trust_region(quadratic, slope):
    """Bound ``slope . u + u^T quadratic u / 2`` on the unit sphere; also the second moments of its maximiser.

    For every ``mu > lambda_max`` the bound is ``(slope^T (mu - quadratic)^-1 slope + mu) / 2``.
    """
    values, vectors = np.linalg.eigh(quadratic)
    size = max(np.abs(values).max(), np.linalg.norm(slope), 1e-300)
    slack = 1e-12 * size  # covers the rounding of the eigenvalues
    weights = (vectors.T @ slope) ** 2
    multiplier = _best_multiplier(weights, values[-1] - values, 1e-10 * size, 2.0 * size + np.linalg.norm(slope))
    gaps = values[-1] + multiplier - values
    bound = 0.5 * (np.sum(weights / gaps) + values[-1] + multiplier) + slack
    point = vectors @ ((vectors.T @ slope) / gaps)
    rest = max(0.0, 1.0 - point @ point)
    return float(bound), np.outer(point, point) + rest * np.outer(vectors[:, -1], vectors[:, -1])


@njit(cache=True, nogil=True)
def _best_multiplier(weights, below, low, high):
    """Bisect the derivative of the bound, which is convex in the multiplier; `high` must lie above its minimum."""
    for _ in range(100):
        middle = 0.5 * (low + high)
        total = 0.0
        for k in range(weights.size):
            total += weights[k] / (below[k] + middle) ** 2
        if total > 1.0:
            low = middle
        else:
            high = middle
    return high
