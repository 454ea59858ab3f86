"""Bounds on the price over sub-networks of any width, by prices of two layers.

The sums z of a first layer of unit size, ``z = (X W)_+ w`` with ``||W||_F ||w|| <= 1``, are the convex hull Z of the
vectors ``h(u)`` and ``-h(u)``, where ``h(u) = (X u)_+`` and ``||u|| <= 1``. [Derived for this project:]

**Root.** For every nu and every ``0 <= t <= (-nu)_+`` (row by row), with ``nu_i z_+ <= -t_i z`` on the rows of negative
nu (for z >= 0 because ``nu_i <= -t_i``, for z < 0 because the left side is 0 and the right one is not negative):

    max over Z of nu^T z_+  <=  max over Z of  (nu_+)^T z_+ - t^T z.

The right side is convex in z. A convex function has its maximum over Z at h(u) or -h(u), so that it is

    max over u of  max{ (nu_+ - t)^T h(u),  t^T h(u) },

two prices of two layers, which the branch and bound of `convexnn.duality` bounds. Every t proves a bound.

**A part of Z**, on which ``z_i >= 0`` for some rows "on" and ``z_i <= 0`` for some rows "off" of positive nu: there
``nu_i z_+ <= a_i z`` with any ``a_i >= nu_i`` where on and any ``a_i <= 0`` where off. With these linear terms

    max{ (a + (nu_free)_+ - t)^T h(u),  (t - a)^T h(u) }

bounds the price on the part. With all rows of positive nu on or off the best a and t make it exact: nothing but linear
and concave functions is left, for which multipliers are as good as constraints.

**Training.** The root's bound of nu and that of -nu are at most beta where some c, c' >= 0 have

    max(nu, -c)^T h(u), c^T h(u), max(-nu, -c')^T h(u), c'^T h(u)  <=  beta   for all ||u|| <= 1

(``c = t`` where nu is negative; ``c_i > 0`` elsewhere only makes it harder). These sets of (nu, c, c') are convex, so
that the best lower bound of this kind, ``max nu^T y - 1/2 ||nu||^2``, is a convex program; its dual over the directions
met so far is `solve_relaxed`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from .._utils.norms import unit_rows
from .._utils.validation import is_late
from ..duality.pricing import local_prices, search_price
from ..exceptions import SolverError
from .program import solve_with_clarabel
from .scaled import best_scaling

# Two-layer prices are climbed from 32 random starts for either sign.
N_TWO_LAYER_STARTS = 32
# A pool begins with at most 50 rows of the data, evenly chosen, as directions.
MAX_ROWS_AS_DIRECTIONS = 50
# At most 20 directions of each price enter a program.
MAX_NEW_DIRECTIONS = 20
# Directions leave the program where their mass is below 1e-7 of the largest and their price below 0.9 beta.
MIN_DIRECTION_SHARE, MIN_PRICE_SHARE = 1e-7, 0.9
# The relaxed training problem is solved at most 30 times, and until no price is above (1 + 1e-6) beta,
MAX_RELAXED_ROUNDS, RELAXED_TOLERANCE = 30, 1e-6
# or until three rounds in a row have gained less than 1e-4 of the bound.
MAX_IDLE_ROUNDS, MIN_ROUND_GAIN = 3, 1e-4
# The accuracy of the linear programs, in units of beta.
LINEAR_PROGRAM_TOLERANCE = 1e-10


class Pool:
    """Unit directions met so far and their values ``h(u) = (X u)_+``."""

    def __init__(self, X, directions):
        self.X, self.directions = X, unit_rows(directions)[0]
        self.hidden = np.maximum(X @ self.directions.T, 0.0)

    @classmethod
    def of(cls, X, parts):
        """Return the pool of some rows of X, the axes, their opposites and the neurons of some parts."""
        plain = np.vstack([X[:: 1 + len(X) // MAX_ROWS_AS_DIRECTIONS], np.eye(X.shape[1])])
        return cls(X, np.vstack([plain, -plain, *(part.neurons for part in parts)]))

    def take_in(self, factors, level, deadline=None):
        """Take in local maxima above `level` of ``|g^T h(u)|`` for every g of `factors`; return the largest
        value and how many were taken in."""
        found, largest = [], 0.0
        for g in factors:
            directions, _, values = local_prices(
                self.X, g, n_starts=N_TWO_LAYER_STARTS, starts=self.best_for(g), deadline=deadline
            )
            largest = max(largest, float(values.max(initial=0.0)))
            found.append(directions[values > level][:MAX_NEW_DIRECTIONS])
        directions = np.concatenate(found)
        self.directions = np.vstack([self.directions, directions])
        self.hidden = np.hstack([self.hidden, np.maximum(self.X @ directions.T, 0.0)])
        return largest, len(directions)

    def best_for(self, g):
        """Return the directions of the pool with the largest ``|g^T h(u)|``: starts of ascents."""
        return self.directions[np.argsort(-np.abs(g @ self.hidden), kind="stable")[:N_TWO_LAYER_STARTS]]

    def without_idle(self, relaxed, beta):
        """Return the pool without the directions that a `Relaxed` neither uses nor nearly violates."""
        used = np.ones(len(self.directions), bool)
        used[: len(relaxed.masses)] = relaxed.masses > MIN_DIRECTION_SHARE * relaxed.masses.max()
        prices = np.abs(np.array(relaxed.factors) @ self.hidden).max(axis=0)
        return Pool(self.X, self.directions[used | (prices > MIN_PRICE_SHARE * beta)])


def two_layer_bound(X, factors, level, proof, **limits):
    """Return a proven bound on ``|g^T (X u)_+|`` over unit u for all g of `factors`.

    Bounds are not pressed below `level`; `limits` are a tolerance and a deadline. The absolute value costs nothing
    where it is not asked for: -g is at most one of the other factors, and ``h >= 0``.
    """
    prices = [search_price(X, g, proof=proof, level=level, n_starts=N_TWO_LAYER_STARTS, **limits) for g in factors]
    return max(price.upper_bound for price in prices)


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A point of the relaxed dual of training: nu, the g whose two-layer prices bound its price, and the masses."""

    nu: np.ndarray
    factors: list
    masses: np.ndarray


def best_relaxed(pool, y, beta, deadline):
    """Return the best point of the relaxed dual of training that completing the pool leads to, a `Relaxed`."""
    best, best_value, idle = None, -np.inf, 0
    for _ in range(MAX_RELAXED_ROUNDS):
        relaxed = solve_relaxed(pool, y, beta)
        largest, n_new = pool.take_in(relaxed.factors, (1 + RELAXED_TOLERANCE) * beta, deadline)
        # What the round proves if the prices that ascents have found are the largest.
        value, _ = best_scaling(y, relaxed.nu, beta / max(largest, np.finfo(float).tiny))
        idle = idle + 1 if value <= best_value + MIN_ROUND_GAIN * abs(best_value) else 0
        if value > best_value:
            best, best_value = relaxed, value
        if n_new == 0 or idle == MAX_IDLE_ROUNDS or is_late(deadline):
            break
        pool = pool.without_idle(relaxed, beta)
    return best


def solve_relaxed(pool, y, beta):
    """Solve the relaxed dual of training over the directions of a pool.

    ``max nu^T y - 1/2 ||nu||^2`` with ``g >= nu, g >= -c, c >= 0`` and ``H^T g, H^T c <= beta``, and the same for -nu
    with g' and c'. The multipliers of the last are masses p and q of ``f = H p - e``, ``0 <= e <= H q``, ``f >= 0``,
    which the sub-network ``(H p - H q)_+`` is an example of: the relaxed sub-networks.
    """
    import cvxpy as cp

    n = len(y)
    nu, g, c = cp.Variable(n), cp.Variable((n, 2)), cp.Variable((n, 2), nonneg=True)
    prices = [pool.hidden.T @ g <= beta, pool.hidden.T @ c <= beta]
    above = [g[:, 0] >= nu, g[:, 1] >= -nu, g + c >= 0]
    solve_with_clarabel(cp.Problem(cp.Maximize(nu @ y - 0.5 * cp.sum_squares(nu)), prices + above), nu, c)
    # Factors are made anew from nu and c, so that nothing rests on the accuracy of g.
    c = np.maximum(c.value, 0.0)
    factors = [
        f for sign, less in ((1.0, c[:, 0]), (-1.0, c[:, 1])) for f in (np.maximum(sign * nu.value, -less), less)
    ]
    return Relaxed(nu.value, factors, sum(price.dual_value.sum(axis=1) for price in prices))


@dataclass(frozen=True, eq=False)
class NodeProgram:
    """The bound of a part of Z by linear programs over a `Pool`: signs of z on the rows, 1 on, -1 off, 0 free."""

    nu: np.ndarray
    signs: np.ndarray

    def solve(self, pool):
        """Maximise the relaxed price over the pool; return its value, the signed masses (M,) and the two g."""
        nu, signs, H = self.nu, self.signs, pool.hidden
        on, off, negative = signs > 0, signs < 0, nu < 0
        n_directions, n_negative = H.shape[1], int(negative.sum())
        gain, loss = np.where(nu > 0, nu * (signs >= 0), 0.0) @ H, np.where(on, nu, 0.0) @ H
        # Rows of z = H (p - q): s >= z where nu is negative, z >= 0 where on, z <= 0 where off; sum(p + q) <= 1.
        z = np.hstack([H, -H])
        limits = np.vstack([z[negative], -z[on], z[off]])
        slack = np.zeros((len(limits), n_negative))
        slack[:n_negative] = -np.eye(n_negative)
        total = np.append(np.ones(2 * n_directions), np.zeros(n_negative))
        answer = linprog(
            np.concatenate([-gain, loss, -nu[negative]]),
            A_ub=np.vstack([np.hstack([limits, slack]), total]),
            b_ub=np.append(np.zeros(len(limits)), 1.0),
            method="highs",
            options={
                "primal_feasibility_tolerance": LINEAR_PROGRAM_TOLERANCE,
                "dual_feasibility_tolerance": LINEAR_PROGRAM_TOLERANCE,
            },
        )
        if answer.status != 0:
            raise SolverError(f"HiGHS ended a linear program with {answer.message!r}.")
        masses = answer.x[:n_directions] - answer.x[n_directions : 2 * n_directions]
        return -answer.fun, masses, self.factors(-answer.ineqlin.marginals[:-1])

    def factors(self, multipliers):
        """Return the g of h(u) and of -h(u) that multipliers of the limits make; any multipliers prove a bound."""
        nu, signs = self.nu, self.signs
        on, off, negative = signs > 0, signs < 0, nu < 0
        t, more, less = np.split(np.maximum(multipliers, 0.0), np.cumsum([negative.sum(), on.sum()]))
        linear = np.zeros(len(nu))
        linear[negative] = -np.minimum(t, -nu[negative])
        linear[on], linear[off] = nu[on] + more, -less
        free = np.where((nu > 0) & (signs == 0), nu, 0.0)
        return [linear + free, -linear]
