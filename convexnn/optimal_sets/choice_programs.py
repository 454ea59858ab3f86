"""Programs over the polytope of optimal masses: the lowest point of a criterion, and a bound below all points.

Every criterion is the largest of convex pieces in the coordinates z of `member_functions`, on ``inner + edges z >= 0``.
A linear program is solved by the simplex method; others by an interior point, whose answer is not believed: the bound
below the criterion is that of the linear program in which every piece is replaced by its tangent at the answer. It is
tight at an optimum, and valid anywhere.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from ..exceptions import SolverError
from ..programs.cvxpy_form import BACK_ENDS
from .polytope import SOLVER_FEASIBILITY

TINY = np.finfo(float).tiny
# At most 5 Newton steps, until the gap is 1e-9 of the value at the inner point.
MAX_NEWTON_STEPS, SMALL_GAP = 5, 1e-9
# Pieces within 1e-7 of the largest, relative to the value at the inner point, and shares below 1e-7 are at their limit.
ACTIVE = 1e-7
# Along moves with a singular value below 1e-13 of the largest there is nothing to gain.
MIN_SINGULAR_SHARE = 1e-13


@dataclass(frozen=True)
class LargestOf:
    """Minimise ``max_k (a + A z + B v)_k`` over z in the polytope and v, which is free.

    Attributes
    ----------
    offset : ndarray of shape (n_pieces,)
    slopes : ndarray of shape (n_pieces, dimension)
    extra : ndarray of shape (n_pieces, n_extra), optional
    """

    offset: np.ndarray
    slopes: np.ndarray
    extra: np.ndarray | None = None

    def solve(self, polytope):
        """Return z at the minimum and a bound below it, which is the minimum."""
        extra = np.zeros((len(self.offset), 0)) if self.extra is None else self.extra
        # The solver's tolerances are absolute: it is asked in units of the largest number.
        unit = max(float(np.abs(self.offset).max()), float(np.abs(self.slopes).max(initial=0.0)), TINY)
        # min t subject to a + A z + B v - t <= 0.
        rows = np.hstack([self.slopes / unit, extra, -np.ones((len(self.offset), 1))])
        cost = np.append(np.zeros(rows.shape[1] - 1), 1.0)
        point, value = lowest(polytope, cost, rows, -self.offset / unit)
        return point[: polytope.dimension], unit * value

    def held(self):
        """Return the rows (n, dimension) whose values on z are to stay: none, the simplex method ends at a corner."""
        return None


@dataclass(frozen=True)
class MeanLoss:
    """``sum_i w_i l(y_i, a_i + (A z)_i)``, with weights that sum to one: a piece of `LargestLoss`.

    Attributes
    ----------
    loss : Loss
        Squared or logistic.
    y, weight, offset : ndarrays of shape (n_rows,)
    slopes : ndarray of shape (n_rows, dimension)
    """

    loss: object
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray
    slopes: np.ndarray

    def value(self, z):
        """Return the mean loss at z."""
        return self.loss.value(self.y, self.offset + self.slopes @ z, self.weight)

    def gradient(self, z):
        """Return its gradient in z."""
        return -self.slopes.T @ self.loss.dual_point(self.y, self.offset + self.slopes @ z, self.weight)

    def expression(self, z, unit):
        """Return it in cvxpy, divided by `unit`."""
        import cvxpy as cp

        if self.loss.is_quadratic:
            # 1/2 sum w r^2 / unit, the factors taken inside the square: the residuals are then of magnitude one.
            root = np.sqrt(0.5 * self.weight / unit)
            return cp.sum_squares(root * (self.y - self.offset) - (root[:, None] * self.slopes) @ z)
        margins = self.y * self.offset + (self.y[:, None] * self.slopes) @ z
        return cp.sum(cp.multiply(self.weight / unit, cp.logistic(-margins)))

    def hessian(self, z):
        """Return its Hessian in z."""
        curvatures = self.weight * self.loss.curvatures(self.y, self.offset + self.slopes @ z)
        return self.slopes.T @ (curvatures[:, None] * self.slopes)


@dataclass(frozen=True)
class LargestLoss:
    """Minimise the largest of several mean losses.

    Attributes
    ----------
    pieces : list of MeanLoss
    """

    pieces: list[MeanLoss]

    def solve(self, polytope):
        """Return z near the minimum, and a bound below the minimum."""
        import cvxpy as cp

        unit = max(self.value(np.zeros(polytope.dimension)), TINY)
        z = cp.Variable(polytope.dimension)
        point = run(_largest([piece.expression(z, unit) for piece in self.pieces]), [], z, polytope)
        bound = self.bound(polytope, point)
        for _ in range(MAX_NEWTON_STEPS):
            # An interior point knows the value to twice as many digits as the multipliers, which the bound needs.
            if self.value(point) - bound <= SMALL_GAP * unit:
                break
            moved = inside(polytope, self._newton(polytope, point, unit))
            if self.value(moved) > self.value(point) + SMALL_GAP * unit:
                break
            point, bound = moved, max(bound, self.bound(polytope, moved))
        return point, bound

    def _newton(self, polytope, point, unit):
        """Return a point after one Newton step on the pieces that are largest and the shares that are zero."""
        values = np.array([piece.value(point) for piece in self.pieces]) / unit
        used = np.flatnonzero(values >= values.max() - ACTIVE)
        shares = polytope.inner + polytope.edges @ point
        held = shares <= ACTIVE
        # At the minimum `pulls m = 0` and `sums m = 1`: the slopes of the pieces, weighted, are held by the shares.
        pulls = np.vstack([*(self.pieces[k].gradient(point) / unit for k in used), -polytope.edges[held]]).T
        sums = np.repeat([1.0, 0.0], [len(used), pulls.shape[1] - len(used)])
        multipliers = np.linalg.lstsq(np.vstack([pulls, sums]), np.append(np.zeros(len(pulls)), 1.0), rcond=None)[0]
        weighted = zip(multipliers, used, strict=False)
        hessian = sum(weight * self.pieces[k].hessian(point) for weight, k in weighted) / unit
        # H d + pulls m = 0; sums m = 1; values + slopes d = t for the pieces, shares + edges d = 0, in d, m and t.
        n, m = pulls.shape
        system = np.zeros((n + 1 + m, n + m + 1))
        system[:n, :n], system[:n, n:-1], system[n, n:-1] = hessian, pulls, sums
        system[n + 1 :, :n], system[n + 1 :, -1] = pulls.T, -sums
        right = np.concatenate([np.zeros(n), [1.0], -values[used], shares[held]])
        return point + np.linalg.lstsq(system, right, rcond=MIN_SINGULAR_SHARE)[0][:n]

    def value(self, z):
        """Return the largest of the mean losses at z."""
        return max(piece.value(z) for piece in self.pieces)

    def bound(self, polytope, point):
        """Return a bound below the minimum: that of the tangents at a point."""
        slopes = np.array([piece.gradient(point) for piece in self.pieces])
        offset = np.array([piece.value(point) for piece in self.pieces]) - slopes @ point
        return LargestOf(offset, slopes).solve(polytope)[1]

    def held(self):
        """Return the rows (n, dimension) whose values on z are to stay."""
        return np.vstack([piece.slopes for piece in self.pieces])


@dataclass(frozen=True)
class LeastSlope:
    """Minimise ``||t||`` with ``t_k`` the largest of ``|df/dx_k|`` in a `SlopeRange`."""

    range: object

    def _rows(self, unit):
        """The rows and the limits of ``t >= high``, ``t >= -low`` in (z, t / unit)."""
        ends, size = self.range, np.eye(len(self.range.high))
        rows = np.vstack([np.hstack([ends.highs / unit, -size]), np.hstack([-ends.lows / unit, -size])])
        return rows, np.concatenate([-ends.high, ends.low]) / unit

    def sizes(self, z):
        """Return the bounds t at z."""
        ends = self.range
        return np.maximum(np.abs(ends.high + ends.highs @ z), np.abs(ends.low + ends.lows @ z))

    def solve(self, polytope):
        """Return z near the minimum, and a bound below the minimum."""
        import cvxpy as cp

        n = polytope.dimension
        unit = max(float(np.linalg.norm(self.sizes(np.zeros(n)))), TINY)
        rows, limits = self._rows(unit)
        z, t = cp.Variable(n), cp.Variable(len(self.range.high))
        above = rows[:, :n] @ z + rows[:, n:] @ t <= limits
        point = run(cp.sum_squares(t), [above], z, polytope)
        return point, self.bound(polytope, point)

    def bound(self, polytope, point):
        """Return a bound below the minimum: ``||t|| >= g . t`` for the unit vector g along t at the point."""
        sizes = self.sizes(point)
        size = float(np.linalg.norm(sizes))
        if size == 0.0:
            return 0.0
        cost = np.concatenate([np.zeros(polytope.dimension), sizes / size])
        return size * max(lowest(polytope, cost, *self._rows(size))[1], 0.0)

    def held(self):
        """Return the rows (n, dimension) whose values on z are to stay."""
        return np.vstack([self.range.highs, self.range.lows])


def lowest(polytope, cost, rows, limits, extra_from=-np.inf):
    """Return the lowest point of ``cost . (z, v)`` with ``rows (z, v) <= limits`` and z in the polytope, and its value.

    Every entry of v is at least `extra_from`.

    Raises
    ------
    SolverError
        When the linear program fails.
    """
    n_extra = len(cost) - polytope.dimension
    positive = np.hstack([-polytope.edges, np.zeros((len(polytope.inner), n_extra))])
    rows = sparse.csr_array(rows)
    # Rows of size one: the solver's tolerances are absolute.
    sizes = np.maximum(abs(rows).max(axis=1).toarray().ravel(), TINY)
    answer = linprog(
        cost,
        A_ub=sparse.vstack([sparse.csr_array(positive), sparse.diags_array(1.0 / sizes) @ rows]),
        b_ub=np.concatenate([polytope.inner, limits / sizes]),
        bounds=[(None, None)] * polytope.dimension + [(extra_from, np.inf)] * n_extra,
        method="highs-ds",
        options={"primal_feasibility_tolerance": SOLVER_FEASIBILITY, "dual_feasibility_tolerance": SOLVER_FEASIBILITY},
    )
    if answer.status != 0:
        raise SolverError(f"a linear program over the optimal masses failed: HiGHS answered {answer.message!r}.")
    return answer.x, float(answer.fun)


def run(expression, constraints, z, polytope):
    """Minimise a convex expression over z in the polytope by the first back end that has an answer; return z."""
    import cvxpy as cp

    program = cp.Problem(cp.Minimize(expression), [polytope.inner + polytope.edges @ z >= 0, *constraints])
    answers = []
    for name, options in BACK_ENDS.items():
        try:
            with warnings.catch_warnings():
                # "Solution may be inaccurate": the bound below will tell.
                warnings.simplefilter("ignore", UserWarning)
                program.solve(solver=name, **options)
        except (cp.SolverError, ArithmeticError, ValueError) as error:
            answers.append(f"{name} raised {type(error).__name__}: {error}")
            continue
        if z.value is not None and np.all(np.isfinite(z.value)):
            return inside(polytope, z.value)
        answers.append(f"{name} answered {program.status!r}")
    raise SolverError(f"no back end solved a convex program over the optimal masses: {'; '.join(answers)}.")


def _largest(expressions):
    """Return the largest of expressions of cvxpy."""
    import cvxpy as cp

    return expressions[0] if len(expressions) == 1 else cp.maximum(*expressions)


def inside(polytope, z):
    """Return z, drawn towards the inner point as far as no share is negative."""
    shares, move = polytope.inner + polytope.edges @ z, polytope.edges @ z
    outside = shares < 0.0
    if not outside.any():
        return z
    return float(np.min(polytope.inner[outside] / -move[outside])) * z
