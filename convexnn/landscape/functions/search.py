"""A search for points of second order: a descent that no strict saddle holds, from many starts.

The descent is the trust-region method whose subproblem is solved exactly, hard case included, by the eigenvectors of
the Hessian: its limits satisfy the conditions of second order (Nocedal, Wright, "Numerical Optimization", 2006,
algorithm 4.1 and theorem 4.8). It follows negative curvature even where the gradient is zero. What it finds are points
from these starts; that others do not exist is the business of a theorem.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ..._utils.aliases import ArrayLike, Seed
from ..._utils.display import Shown, counted
from ..._utils.threads import one_blas_thread
from ..._utils.validation import check_count, check_positive, finite_array
from ...exceptions import InvalidInputError
from .._weights import check_not_negative
from ..curvature import SecondOrderPoint, second_order_point
from ..descent import spawn
from .base import SmoothFunction

# 20 starts, each of at most 500 steps.
N_STARTS, MAX_ITER = 20, 500
# Unless given, eps is 1e-8 of the largest gradient at the starts, gamma 1e-6 of the largest curvature there, and values
# are one, or the optimal one, when they differ by at most 1e-6 of the largest fall from a start. One random start more
# is among those that count: starts that are given may be saddles, where gradients say nothing about sizes.
EPS_SHARE, GAMMA_SHARE, VALUE_SHARE = 1e-8, 1e-6, 1e-6
# A fall below 1e-13 of the value is rounding, and counts as what the model promised.
VALUE_ROUNDING = 1e-13
# A step counts when it falls by a tenth of what the model promised; the region shrinks to a quarter when a step falls
# by less than a quarter of it, and doubles when one to its border falls by more than three quarters.
LEAST_SHARE, POOR_SHARE, GOOD_SHARE = 0.1, 0.25, 0.75
# A region below 1e-14 of the weights holds no other weights.
SMALLEST_REGION = 1e-14
# A shift is the largest eigenvalue's equal, but for rounding, within 1e-12 of the sizes in it.
SHIFT_ROUNDING = 1e-12


@dataclass(frozen=True, repr=False)
class SecondOrderPoints(Shown):
    """The ends of a search for second-order points, one a start: what was found, not what exists.

    Attributes
    ----------
    points : ndarray of shape (n_starts, n_weights)
    values : ndarray of shape (n_starts,)
    gradient_norms : ndarray of shape (n_starts,)
        On spheres, of the gradients along them.
    least_eigenvalues : ndarray of shape (n_starts,)
        Of the Hessians; on spheres, along them.
    n_iter : ndarray of int of shape (n_starts,)
        Steps of every run.
    eps, gamma : float
        An end is a second-order point when its gradient is at most eps and its least eigenvalue at least -gamma.
    tol : float
        An end is global when its value is above the least value of the function by at most tol; values that differ by
        no more are one.
    optimal_value : float or None
        The least value of the function, by theory.
    """

    points: np.ndarray
    values: np.ndarray
    gradient_norms: np.ndarray
    least_eigenvalues: np.ndarray
    n_iter: np.ndarray
    eps: float
    gamma: float
    tol: float
    optimal_value: float | None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_second_order(self) -> np.ndarray:
        """Whether every end is an (eps, gamma)-second-order point, of shape (n_starts,)."""
        return (self.gradient_norms <= self.eps) & (self.least_eigenvalues >= -self.gamma)

    @property
    def is_global(self) -> np.ndarray | None:
        """Whether every end has the least value, of shape (n_starts,); None where that is not known."""
        return None if self.optimal_value is None else self.values - self.optimal_value <= self.tol

    @property
    def all_global(self) -> bool | None:
        """Whether every second-order point that was found is global, and one was; None where that is not known."""
        if self.is_global is None:
            return None
        return bool(self.is_second_order.any() and np.all(self.is_global[self.is_second_order]))

    @property
    def distinct_values(self) -> np.ndarray:
        """The values of the second-order points that were found, ascending, each of them once."""
        values = np.sort(self.values[self.is_second_order])
        # The first of every group: more than `tol` above the value before.
        return values[np.diff(values, prepend=-np.inf) > self.tol]

    def __repr__(self):
        n_found = int(np.count_nonzero(self.is_second_order))
        found = f"{counted(n_found, 'second-order point')} from {counted(len(self), 'start')}"
        return f"SecondOrderPoints({found}, {self._verdict()}, {counted(len(self.distinct_values), 'distinct value')})"

    def _verdict(self):
        if self.is_global is None:
            return "the least value is not known"
        n_global = int(np.count_nonzero(self.is_global & self.is_second_order))
        return f"{n_global} of them global"

    def _shown(self):
        return "SecondOrderPoints: what was found, no proof that there are no others", [
            ("starts", str(len(self))),
            ("second-order points", str(np.count_nonzero(self.is_second_order))),
            ("global", self._verdict()),
            ("distinct values", ", ".join(f"{value:.6g}" for value in self.distinct_values)),
            ("eps, gamma", f"{self.eps:.3g}, {self.gamma:.3g}"),
        ]


def second_order_points(
    function: SmoothFunction,
    *,
    n_starts: int = N_STARTS,
    starts: ArrayLike | None = None,
    eps: float | None = None,
    gamma: float | None = None,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    random_state: Seed = None,
) -> SecondOrderPoints:
    """Search for second-order points of a function from many starts, and say which of them are global.

    From every start a descent goes on until the gradient is at most eps and no eigenvalue of the Hessian is below
    -gamma; strict saddles do not hold it. Every step takes the eigenvectors of one Hessian: n_weights up to some
    hundreds.

    Parameters
    ----------
    function : SmoothFunction
    n_starts : int
        Random starts, by ``function.random_start``; 0 allowed beside `starts`.
    starts : array-like of shape (n_given, n_weights), optional
        Further starts; they come first.
    eps, gamma, tol : float, optional
        What a second-order point is and what a global one is, see `SecondOrderPoints`. By default 1e-8 of the largest
        gradient at the starts, one random one in any case, 1e-6 of the largest curvature there, and 1e-6 of the largest
        fall from there.
    max_iter : int
        Largest number of steps of a run; a run that needs more ends where it is.
    random_state : int, numpy Generator, SeedSequence or None
        Source of the starts and of the sides on which saddles are left; an int makes the answer reproducible.

    Returns
    -------
    SecondOrderPoints
        The ends of all runs.

    Raises
    ------
    ValueError
        For bad input, and when an end is below the optimal value of the function.
    """
    if not isinstance(function, SmoothFunction):
        raise InvalidInputError(f"function must be a SmoothFunction; got {type(function).__name__}.")
    given = _given(function, starts)
    n_runs = len(given) + check_count(n_starts, "n_starts", minimum=0)
    if n_runs == 0:
        raise InvalidInputError("n_starts must be above 0, or starts given; there is nothing to start from.")
    *rngs, rng = spawn(random_state)(n_runs + 1)
    points = [*given, *(function.random_start(rng) for rng in rngs[len(given) :])]
    sized = [*points, function.random_start(rng)]
    max_iter = check_count(max_iter, "max_iter", minimum=0)
    with one_blas_thread():
        judged = [judge(function, point) for point in sized]
        eps = _asked(eps, "eps", EPS_SHARE, [point.gradient_norm for point in judged])
        gamma = _asked(gamma, "gamma", GAMMA_SHARE, [np.abs(point.eigenvalues).max() for point in judged])
        runs = [descend(function, *run, eps, gamma, max_iter) for run in zip(points, rngs, strict=True)]
        ends = [judge(function, end) for end, _ in runs]
    values = np.array([function.value(end) for end, _ in runs])
    lowest = values.min() if function.optimal_value is None else function.optimal_value
    tol = _asked(tol, "tol", VALUE_SHARE, [function.value(point) - lowest for point in sized])
    if values.min() < lowest - tol:
        raise InvalidInputError(
            f"function must have its least value as optimal_value; got {lowest:.10g}, and {values.min():.10g} was "
            f"found."
        )
    return SecondOrderPoints(
        np.array([end for end, _ in runs]),
        values,
        np.array([end.gradient_norm for end in ends]),
        np.array([end.lambda_min for end in ends]),
        np.array([n_iter for _, n_iter in runs]),
        eps,
        gamma,
        tol,
        function.optimal_value,
    )


def judge(function: SmoothFunction, weights: np.ndarray, eps: float = 1.0, gamma: float = 0.0) -> SecondOrderPoint:
    """Return the `SecondOrderPoint` of a function at weights, in the coordinates of its tangent basis."""
    basis = function.tangent_basis(weights)
    return second_order_point(
        basis.T @ function.gradient(weights), basis.T @ function.hessian(weights) @ basis, eps, gamma
    )


def descend(function, weights, rng, eps, gamma, max_iter):
    """Return the weights at which a descent from `weights` ends, and the number of its steps."""
    radius, value = np.linalg.norm(weights) or 1.0, function.value(weights)
    n_iter, model = 0, None
    while n_iter < max_iter and radius > SMALLEST_REGION * np.linalg.norm(weights):
        if model is None:
            basis, gradient, eigenvalues, vectors = model = _model(function, weights)
        if np.linalg.norm(gradient) <= eps and eigenvalues[0] >= -gamma:
            break
        step = region_step(eigenvalues, gradient, radius, gamma, rng)
        promised = -float(gradient @ step + 0.5 * eigenvalues @ step**2)
        tried = function.moved(weights, basis @ (vectors @ step))
        new_value = function.value(tried)
        slack = VALUE_ROUNDING * max(abs(value), abs(new_value))
        share = (value - new_value + slack) / (promised + slack) if promised + slack > 0 else 0.0
        if share < POOR_SHARE:
            radius = 0.25 * np.linalg.norm(step)
        elif share > GOOD_SHARE and np.linalg.norm(step) > 0.9 * radius:
            radius *= 2.0
        if share > LEAST_SHARE:
            weights, value, model = tried, new_value, None
        n_iter += 1
    return weights, n_iter


def region_step(eigenvalues, gradient, radius, gamma, rng):
    """Return the step of length at most `radius` that is least in the quadratic model, in its eigenvectors.

    Eigenvalues ascending; the step is ``-gradient / (eigenvalues + shift)``, the shift 0 or such that its length is
    `radius`. Where no shift gives that length (the hard case), the step goes on along the first eigenvector if its
    eigenvalue is below -gamma: away from the slope, or on a random side where there is none.
    """
    # A model that is 0 everywhere takes any shift.
    rounding = SHIFT_ROUNDING * (np.abs(eigenvalues).max() + np.linalg.norm(gradient) / radius) or 1.0
    least = max(0.0, -eigenvalues[0]) + (rounding if eigenvalues[0] <= rounding else 0.0)

    def excess(shift):
        step = gradient / (eigenvalues + shift)
        return math.sqrt(step @ step) - radius

    if least == 0.0 and excess(0.0) <= 0.0:
        return -gradient / eigenvalues
    if excess(least) > 0.0:
        shift = brentq(excess, least, least + np.linalg.norm(gradient) / radius, rtol=1e-10)
        return -gradient / (eigenvalues + shift)
    step = -gradient / (eigenvalues + least)
    if eigenvalues[0] < -gamma:
        side = -np.sign(gradient[0]) or rng.choice((-1.0, 1.0))
        step[0] += side * np.sqrt(max(0.0, radius**2 - step @ step))
    return step


def _model(function, weights):
    """Return the tangent basis, and in it the eigenvalues, the eigenvectors and the slopes along them."""
    basis = function.tangent_basis(weights)
    eigenvalues, vectors = np.linalg.eigh(basis.T @ function.hessian(weights) @ basis)
    return basis, vectors.T @ (basis.T @ function.gradient(weights)), eigenvalues, vectors


def _given(function, starts):
    """Return the starts that were given, of shape (n_given, n_weights)."""
    given = np.empty((0, function.n_weights)) if starts is None else finite_array(starts, "starts")
    if given.ndim != 2 or given.shape[1] != function.n_weights:
        raise InvalidInputError(f"starts must have shape (n_given, {function.n_weights}); got {given.shape}.")
    return given


def _asked(value, name, share, sizes):
    """Return a tolerance that was asked for, or the share of the largest of these sizes."""
    if value is not None:
        return check_positive(value, name) if name == "eps" else check_not_negative(value, name)
    return share * (float(np.max(sizes)) if np.max(sizes) > 0 else 1.0)
