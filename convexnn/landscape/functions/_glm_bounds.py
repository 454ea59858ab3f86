"""Lower bounds on the constants of regularity of a generalised linear model, proven from bounds on the slopes of sigma.

With t = x^T (w - w*), ``sigma(w^T x) - sigma(w*^T x) = s t``, s a slope between the arguments, and d = sigma'(w^T x),
all of c <= s, d <= b. Sums over the rows, or expectations, give
``<grad, w - w*> = sum d s t^2``, ``f - f* = 1/2 sum s^2 t^2`` and ``<grad, w - w*> - (f - f*) = sum s (d - s/2) t^2``.

On a sample, with ``mu = lambda_min(X^T C^2 X)``, C the diagonal of the c_i, and kappa the largest b_i / c_i:

- ``d s >= c^2`` and ``s^2 >= c^2``: secant, growth and, by Cauchy and Schwarz, error bound of at least mu;
- ``d s >= s^2 / kappa``: quasi-convexity of at least ``2 / kappa``;
- ``||grad||^2 ||w - w*||^2 >= (sum c s t^2)^2`` and ``mu ||w - w*||^2 <= sum c^2 t^2``, so that
  ``||grad||^2 / (2 (f - f*)) >= mu (sum c s t^2)^2 / (sum c^2 t^2 sum s^2 t^2)``, by Kantorovich's inequality at least
  ``4 kappa / (1 + kappa)^2 mu``: PL;
- ``s (2 d - s) >= b (2 c - b)``: weak strong convexity of at least ``lambda_min(X^T B (2 C - B) X)``.

With x ~ N(0, I) and a leaky ReLU of slope a, x and -x are taken together. Where w^T x and w*^T x have one sign, d s is
1 for one of them and a^2 for the other; else s is p for one and 1 + a - p for the other, p between a and 1, and d is 1
and a. The means of d s, of s^2 and of s (2 d - s) are so at least a, (1 + a)^2 / 4 and (4 a - 1 - a^2) / 2: all three
are reached, in limits, along -w*. As ``d s >= a s^2``, quasi-convexity is at least 2 a, and
``||grad||^2 ||w - w*||^2 >= <grad, w - w*>^2 >= a ||w - w*||^2 2 a (f - f*)`` gives PL of at least a^2.

With x ~ N(0, I), any sigma, and w and w* not longer than R: both arguments are at most R r, r being the length of x in
the plane of w and w*, and ``E h(r) t^2 = ||w - w*||^2 E h(rho)`` with rho of the chi distribution with 4 degrees of
freedom (its density, r^3 exp(-r^2 / 2) / 2, is half of r^2 times that of r). So secant and growth are at least
``mu = E c(R rho)^2``, weak strong convexity ``E b (2 c(R rho) - b)``; as the gap is at most ``b^2 / 2 ||w - w*||^2``,
quasi-convexity is at least ``2 mu / b^2`` and PL ``mu^2 / b^2``. A sum that is below it replaces every expectation.
"""

from __future__ import annotations

import numpy as np

from ..._utils.norms import norms
from ..regularity import RegularityBounds

# Lower sums take 4000 cells up to a length of 12, beyond which there is a mass of 4e-30.
N_CELLS, LONGEST = 4000, 12.0
EPSILON = np.finfo(float).eps


def sample_bounds(X, link, radius):
    """Return the bounds for targets sigma(X w*), on weights of which none is longer than `radius` (infinity: any)."""
    X = X[norms(X) > 0]
    least, largest = link.least_slope(radius * norms(X)), link.largest_slope
    mu, ratio = _least_eigenvalue(X, least**2), least.min(initial=largest) / largest
    return RegularityBounds(
        # With ratio = 1 / kappa, 4 kappa / (1 + kappa)^2 = 4 ratio / (1 + ratio)^2.
        pl=4.0 * mu * ratio / (1.0 + ratio) ** 2,
        weak_quasi_convexity=2.0 * ratio,
        restricted_secant=mu,
        error_bound=mu,
        quadratic_growth=mu,
        weak_strong_convexity=_least_eigenvalue(X, largest * (2.0 * least - largest), signed=True),
        assumptions=(
            "targets without noise, sigma(X w*)",
            f"sigma is the {_named(link)}, of slopes from {ratio * largest:.3g} to {largest:g} on the rows",
            "sums over the rows, of squares halved",
            *_ball(radius),
        ),
    )


def gaussian_bounds(link, radius):
    """Return the bounds for x ~ N(0, I), on weights of which none is longer than `radius` (infinity: any)."""
    given = ("x ~ N(0, I)", "noise, if any, of mean 0 given x", f"sigma is the {_named(link)}")
    if link.leak is not None:
        a = link.leak
        return RegularityBounds(a * a, 2.0 * a, a, a, 0.25 * (1.0 + a) ** 2, 0.5 * (4.0 * a - 1.0 - a * a), given)
    edges = np.linspace(0.0, LONGEST, N_CELLS + 1)
    # P(rho <= r) = 1 - exp(-r^2 / 2) (1 + r^2 / 2); the slope falls, so that its value at the outer end is the least.
    masses = -np.diff(np.exp(-0.5 * edges**2) * (1.0 + 0.5 * edges**2)) * (1.0 - N_CELLS * EPSILON)
    least, b = link.least_slope(radius * edges[1:]), link.largest_slope
    mu, mean = float(masses @ least**2), float(masses @ least)
    return RegularityBounds(mu * mu / b**2, 2.0 * mu / b**2, mu, mu, mu, b * (2.0 * mean - b), (*given, *_ball(radius)))


def _least_eigenvalue(X, factors, signed=False):
    """Return a lower bound on lambda_min(X^T diag(factors) X), below it by the rounding; at least 0 unless signed."""
    matrix = (X * factors[:, None]).T @ X
    n, d = X.shape
    # Sums of n terms and eigenvalues of d x d matrices: each at most so many units in the last place of the size.
    rounding = (n + 10 * d) * EPSILON * float(np.sum(np.abs(factors)[:, None] * X**2))
    least = float(np.linalg.eigvalsh(0.5 * (matrix + matrix.T))[0]) - rounding
    return least if signed else max(0.0, least)


def _named(link):
    """Return the name of the link, with its slope where it has one."""
    return f"{link.name} of slope {link.leak:g}" if link.name == "leaky_relu" else link.name


def _ball(radius):
    """Return what is assumed of the weights, or nothing."""
    return (f"w and w* are not longer than {radius:g}",) if np.isfinite(radius) else ()
