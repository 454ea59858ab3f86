"""A cheap valid bound on the price from one trust-region problem, for dimensions that cones cannot cover."""

import numpy as np

from .._utils.kernels import compiled
from .._utils.row_blocks import ROWS, row_blocks
from .._utils.threads import slices
from .._utils.validation import is_late

MAX_SPECTRAL_ROUNDS = 25  # choices of the parabolas at most, each from the moments of the last maximiser
MIN_SPECTRAL_GAIN = 1e-3  # a round that lowers the bound by less than this share of it is the last
MAX_SPECTRAL_WORK = 2e10  # multiplications for either sign, some seconds: fewer rounds are made where they take longer

MIN_SIZE = 1e-140  # what a quadratic without entries counts as: a ten-billionth of it, squared, is still a number


def spectral_bound(function, *, deadline=None):
    """Return a valid upper bound on ``max |f|`` over the unit ball, in units of ``function.scale``.

    With ``(z)_+ = (z + |z|) / 2``, ``|z| <= (z^2 / t + t) / 2`` on the lines with a positive coefficient and
    ``|z| >= z^2 / length`` on those with a negative one, f is at most a quadratic on the sphere, whose maximum is
    bounded by its Lagrangian dual. Any t and any multiplier are valid; a few rounds choose good ones, none of them
    begun after `deadline`.
    """
    if function.rank == 0:
        return 0.0
    if function.lines.size == 0:  # all that is left is linear, whose largest value is known
        return function.total + function.slack
    n_rounds = min(MAX_SPECTRAL_ROUNDS, int(MAX_SPECTRAL_WORK / (2 * function.lines.size * function.rank)))
    bounds = [_one_sign(function, sign, n_rounds, deadline) for sign in (1.0, -1.0)]
    return max(0.0, *bounds) + function.slack


def _one_sign(function, sign, n_rounds, deadline):
    coefficients, lines, lengths = sign * function.coefficients, function.lines, function.lengths
    convex = coefficients > 0
    # No parabola: every convex line at its largest value, every concave one at zero.
    best = float(np.linalg.norm(sign * function.linear) + coefficients[convex] @ lengths[convex])
    if n_rounds == 0 or is_late(deadline):
        return best
    # (z)_+ = (z + |z|) / 2: the halves of z are linear.
    slope = sign * function.linear + 0.5 * sum(coefficients[part] @ rows for part, rows in row_blocks(lines))
    concave = coefficients < 0
    # c |z| / 2 <= c z^2 / (2 length) where c < 0: the quadratic of the concave lines stays the same in all rounds.
    before, fixed = np.inf, _weighted_gram(lines, concave, coefficients[concave] / lengths[concave])
    widths = lengths[convex] / np.sqrt(function.rank)
    for _ in range(n_rounds):
        # |z| <= (z^2 / t + t) / 2 on the convex lines, t their widths.
        quadratic = fixed + _weighted_gram(lines, convex, coefficients[convex] / (2.0 * widths))
        bound, moments = trust_region(quadratic, slope)
        bound += 0.25 * float(coefficients[convex] @ widths)
        best = min(best, bound)
        if bound > before * (1.0 - MIN_SPECTRAL_GAIN) or is_late(deadline):
            break
        before = bound
        # The best t is |z| at the maximiser, or the root of its second moment where that is a mixture of two points.
        squares = [np.sum((rows @ moments) * rows, axis=1) for rows in _blocks(lines, convex)]
        squares = np.concatenate([*squares, np.zeros(0)])
        widths = np.maximum(np.sqrt(np.maximum(squares, 0.0)), 1e-4 * lengths[convex])
    return best


def _blocks(lines, chosen):
    """The chosen lines, some thousand at a time."""
    index = np.flatnonzero(chosen)
    for start, stop in slices(len(index), ROWS):
        yield lines[index[start:stop]].astype(np.float64, copy=False)


def _weighted_gram(lines, chosen, weights):
    """``sum_l weights_l lines_l lines_l^T`` over the chosen lines."""
    gram, start = np.zeros((lines.shape[1], lines.shape[1])), 0
    for rows in _blocks(lines, chosen):
        gram += (rows.T * weights[start : start + len(rows)]) @ rows
        start += len(rows)
    return gram


def trust_region(quadratic, slope):
    """Bound ``slope . u + u^T quadratic u / 2`` on the unit sphere; also the second moments of its maximiser.

    For every ``mu > lambda_max`` the bound is ``(slope^T (mu - quadratic)^-1 slope + mu) / 2``.
    """
    values, vectors = np.linalg.eigh(quadratic)
    size = max(np.abs(values).max(), np.linalg.norm(slope), MIN_SIZE)
    slack = 1e-12 * size  # covers the rounding of the eigenvalues
    weights = (vectors.T @ slope) ** 2
    # Any multiplier above the largest eigenvalue is valid: the bisection need not be accurate.
    multiplier = _best_multiplier(weights, values[-1] - values, 1e-10 * size, 2.0 * size + np.linalg.norm(slope))
    gaps = values[-1] + multiplier - values
    bound = 0.5 * (np.sum(weights / gaps) + values[-1] + multiplier) + slack
    # In the hard case the point is too short: the rest of its length lies along the top eigenvector, in both senses.
    point = vectors @ ((vectors.T @ slope) / gaps)
    rest = max(0.0, 1.0 - point @ point)
    return float(bound), np.outer(point, point) + rest * np.outer(vectors[:, -1], vectors[:, -1])


@compiled
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
