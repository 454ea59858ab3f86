"""The optimality system of one network along the strength, and the power series of its solution.

Conventions
-----------
Everything is in the units of `ScaledProblem`: rows and targets multiplied by the roots of the weights, targets off the
free terms and of norm one, so that the dual point nu is the residual, and orthogonal to the free terms Z.

On its face (a sign s, the pattern D, the kinks that hold it, with N a basis of the directions orthogonal to them) an
active direction is ``u_k = s N A_k^T nu / beta`` with ``A_k = D X N`` off the free terms. With ``gamma_k = c_k / beta``
the optimality system is

    ``(I + sum_k gamma_k A_k A_k^T) nu = y``,   ``||A_k^T nu||^2 = beta^2`` for every k,

as many unknowns gamma as there are neurons: they minimise the convex function ``y^T nu(gamma) + beta^2 sum gamma_k``.
It is quadratic in (gamma, nu). Its Taylor coefficients in beta follow from one another by one linear solve each, and a
scalar quadratic majorises those that are left out: the remainder is bounded, not estimated.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import lsq_linear

from .._utils.norms import unit_rows
from ..programs.scaling import scale_problem
from ..responses.coordinates import orthogonal_to

PARALLEL_DISTANCE = 1e-12  # unit rows closer than this, or to each other's opposites, are one line
HIDDEN_SINE = 1e-9  # lines whose part along a face is shorter are orthogonal to it
MAX_NEWTON_STEPS = 30  # it converges in three or four from a series
NEWTON_ERROR = 1e-14  # the equations are off by at most this share of beta^2, or no longer get better
MAX_SYSTEM_ERROR = 1e-11  # a solution that leaves more than this share of beta^2 is none
MIN_SCHUR_SHARE = 1e-11  # fits are dependent where the pivots of their products fall below this share, squared
ORDER = 14  # of the Taylor polynomials
MAX_REMAINDER = 1e-14  # the polynomials are used while the remainder is below this, in units of the targets
MAX_STEP_SHARE = 0.3  # of beta, of one polynomial
MAX_MISSED = 1e-12  # polynomials of the masses of a vertex leave at most this share of them
LENGTH_STEPS = 40  # halvings of the step while its remainder is too large


class PathRows:
    """The rows of a problem along its strengths: scaled, and gathered by the lines that they span.

    Attributes
    ----------
    problem : Problem
        Its own strength does not matter.
    scaled : ScaledProblem or None
        None where the zero network is optimal at every strength: there is nothing else then.
    design, target : ndarrays of shapes (n_samples, n_inputs) and (n_samples,)
    lines : ndarray of shape (n_lines, n_inputs)
        Unit vectors; parallel and antipodal rows have one.
    line_of, along : ndarrays of shape (n_samples,)
        The line of every row, -1 for zero rows, and whether it points along the line (1) or the other way (-1).
    strengths : ndarray of shape (n_lines, n_samples)
        Maps nu to the bend of ``nu^T (X u)_+`` at every line: convex where it is positive.
    unit, mass_unit : float
        Strengths and masses of the problem are these times those here.
    """

    def __init__(self, problem):
        self.problem = problem
        self.scaled = scale_problem(problem)
        if self.scaled is None:  # the zero network is optimal at every strength
            return
        self.design, self.target = self.scaled.design, self.scaled.target
        self.unit = problem.beta / self.scaled.beta
        self.mass_unit = self.scaled.y_scale / self.scaled.x_scale
        units, self.sizes = unit_rows(self.design)
        self.lines, self.line_of, self.along = _gathered(units, self.sizes)
        self.strengths = (self.line_of == np.arange(len(self.lines))[:, None]) * self.sizes

    def sides(self, direction, tolerance):
        """Return the side (n_lines,) of every line on which a unit direction lies, 0 within the tolerance."""
        heights = self.lines @ direction
        return np.where(np.abs(heights) <= tolerance, 0, np.sign(heights)).astype(int)


def _gathered(units, sizes):
    """Return the lines of unit rows, the line of every row and its orientation."""
    lines, line_of, along = [], np.full(len(units), -1), np.ones(len(units))
    for i in np.flatnonzero(sizes > 0):
        stack = np.array(lines).reshape(-1, units.shape[1])
        for orientation in (1.0, -1.0):
            near = np.flatnonzero(np.linalg.norm(stack - orientation * units[i], axis=1) <= PARALLEL_DISTANCE)
            if len(near):
                line_of[i], along[i] = near[0], orientation
                break
        else:
            line_of[i] = len(lines)
            lines.append(units[i])
    return np.array(lines).reshape(-1, units.shape[1]), line_of, along


class Face:
    """Where one active direction may move: its sign, its side of every line, and the kinks that hold it (side 0).

    Attributes
    ----------
    sign : int
    sides : ndarray of shape (n_lines,)
    basis : ndarray of shape (n_inputs, k)
        The directions orthogonal to the kinks.
    columns : ndarray of shape (n_samples, k)
        A_k.
    is_simple : bool
        Whether the kinks are independent: their multipliers are unique then.
    """

    def __init__(self, rows, sign, sides):
        self.rows, self.sign, self.sides = rows, int(sign), np.asarray(sides, dtype=int)
        self.kinks = np.flatnonzero(self.sides == 0)
        self.basis = orthogonal_to(rows.lines[self.kinks])
        # Rows on a kink count as if the direction were on its negative side; their fit is zero anyway.
        standing = np.where(self.sides == 0, -1, self.sides)
        self.on = (rows.line_of >= 0) & (rows.along * standing[rows.line_of] > 0)
        self.gated = self.on[:, None] * rows.design
        self.columns = rows.scaled.project(self.gated @ self.basis)
        self.is_simple = len(self.kinks) == rows.lines.shape[1] - self.basis.shape[1]

    @property
    def key(self):
        """What tells faces apart."""
        return self.sign, self.sides.tobytes()

    def direction(self, nu):
        """Return the unit direction at a dual point."""
        inner = self.columns.T @ nu
        return self.sign * (self.basis @ inner) / np.linalg.norm(inner)

    def value(self, nu):
        """Return ``s nu^T (X u)_+`` at the best direction of the face."""
        return float(np.linalg.norm(self.columns.T @ nu))

    def moved(self, line, side):
        """Return the face with another side of one line; 0 is on its kink."""
        sides = self.sides.copy()
        sides[line] = side
        # Lines that depend on the kinks are kinks too.
        basis = orthogonal_to(self.rows.lines[sides == 0])
        sides[np.linalg.norm(self.rows.lines @ basis, axis=1) <= HIDDEN_SINE] = 0
        return Face(self.rows, self.sign, sides)

    @cached_property
    def heights(self):
        """Maps nu to ``beta |l . u|`` for every line that is no kink: (lines, matrix (n, n_samples)), not negative."""
        others = np.flatnonzero(self.sides)
        maps = (self.rows.lines[others] @ self.basis) @ self.columns.T
        return others, (self.sign * self.sides[others])[:, None] * maps

    @cached_property
    def multipliers(self):
        """Maps nu to the room below and above of every kink's multiplier: two matrices (n_kinks, n_samples).

        With ``X^T D nu = s beta u - sum_g m_g l_g`` the direction is optimal while every ``s m_g`` lies between the
        line's bend times s, which is not positive, and 0. The first room ends where the direction leaves for the
        negative side, the second where it leaves for the positive one. Dependent kinks have none: see `imbalance`.
        """
        if not self.is_simple:
            return np.zeros((0, len(self.on))), np.zeros((0, len(self.on)))
        maps = -np.linalg.pinv(self.rows.lines[self.kinks].T) @ self.gated.T
        return -self.sign * maps, self.sign * (maps - self.rows.strengths[self.kinks])

    def imbalance(self, nu):
        """Return what the best multipliers of dependent kinks leave of the equation, over ``||A^T nu||``."""
        pull = -self.sign * (self.gated.T @ nu)
        pull -= self.basis @ (self.basis.T @ pull)
        bends = np.minimum(self.sign * self.rows.strengths[self.kinks] @ nu, -np.finfo(float).tiny)
        lines = self.rows.lines[self.kinks].T
        found = lsq_linear(lines, pull, bounds=(bends, 0.0), method="bvls", tol=1e-15)
        return float(np.linalg.norm(lines @ found.x - pull)) / self.value(nu)


@dataclass(frozen=True)
class Curve:
    """A solution of the system of some faces at one strength.

    Attributes
    ----------
    faces : tuple of Face
        Those that carry mass, their fits independent.
    beta : float
    gamma : ndarray of shape (K,)
        Masses over beta.
    nu : ndarray of shape (n_samples,)
    """

    faces: tuple
    beta: float
    gamma: np.ndarray
    nu: np.ndarray

    def series(self, step):
        """Return the `Series` in ``t >= 0`` at the strengths ``beta + step t``, `step` being 1 or -1."""
        return _series(self, float(step))


def solve_system(rows, faces, beta, gamma):
    """Return the `Curve` at a strength by Newton's method from `gamma`, None where that does not converge."""
    gamma = np.array(gamma, dtype=float)
    if not faces:
        return Curve((), beta, gamma, rows.target)
    stack, member = _stacked(faces)
    best, best_error, stalled = None, np.inf, 0
    for _ in range(MAX_NEWTON_STEPS):
        try:
            factor = cho_factor(_matrix(stack, gamma[member]), lower=True)
            nu = cho_solve(factor, rows.target)
            inner = stack.T @ nu
            rest = np.bincount(member, inner**2) - beta**2
            error = float(np.abs(rest).max()) / beta**2
            if error < best_error:
                best, best_error, stalled = (gamma.copy(), nu), error, 0
            else:
                stalled += 1
            if best_error <= NEWTON_ERROR or stalled > 1 or not np.isfinite(error):
                break
            # d ||A_k^T nu||^2 / d gamma_l = -2 g_k^T M^-1 g_l, with g_k = A_k A_k^T nu.
            pulls = _pulls(stack, member, inner, len(faces))
            gamma = gamma + cho_solve(cho_factor(2.0 * pulls.T @ cho_solve(factor, pulls)), rest)
        except LinAlgError:
            break
    if best_error > MAX_SYSTEM_ERROR:
        return None
    return Curve(tuple(faces), beta, *best)


def _stacked(faces):
    """Return the columns of all faces side by side, and the face of every column."""
    member = np.repeat(np.arange(len(faces)), [face.columns.shape[1] for face in faces])
    return np.hstack([face.columns for face in faces]), member


def _matrix(stack, weights):
    """Return ``I + stack diag(weights) stack^T``."""
    return np.eye(len(stack)) + (stack * weights) @ stack.T


def _pulls(stack, member, inner, n_faces):
    """Return the columns ``A_k A_k^T nu`` (n_samples, K) from the products ``inner = stack^T nu``."""
    pulls = np.zeros((len(stack), n_faces))
    np.add.at(pulls.T, member, (stack * inner).T)
    return pulls


@dataclass(frozen=True)
class Series:
    """Taylor polynomials of a `Curve` at the strengths ``beta + step t`` for t from 0 to `length`.

    Attributes
    ----------
    gamma, nu : ndarrays of shapes (ORDER + 1, K) and (ORDER + 1, n_samples)
    length : float
    remainder : float
        Bound on the norm of what the polynomial of nu leaves out up to `length`, and on that of gamma in the metric of
        the Schur complement.
    """

    curve: Curve
    step: float
    gamma: np.ndarray
    nu: np.ndarray
    length: float
    remainder: float

    def masses_on(self, faces):
        """Return gamma (ORDER + 1, K) of other faces with the same nu, and up to which t it can be trusted.

        Their ``sum_k gamma_k A_k A_k^T nu = y - nu`` is linear. What a polynomial leaves of it is known to the last
        coefficient.
        """
        stack, member = _stacked(faces)
        owner = member[:, None] == np.arange(len(faces))
        inner = self.nu @ stack
        pulls = [(stack * row) @ owner for row in inner]
        rest = -self.nu
        rest[0] += faces[0].rows.target
        solve = np.linalg.pinv(pulls[0])
        gamma = np.zeros((len(rest), len(faces)))
        for j in range(len(rest)):
            gamma[j] = solve @ (rest[j] - sum((pulls[i] @ gamma[j - i] for i in range(1, j + 1)), np.zeros(len(stack))))
        missed = np.convolve(np.linalg.norm(pulls, axis=(1, 2)), np.linalg.norm(gamma, axis=1))
        missed[: len(rest)] = 0.0
        length, allowed = self.length, MAX_MISSED * np.linalg.norm(gamma[0]) / np.linalg.norm(solve, 2)
        for _ in range(LENGTH_STEPS):
            if np.polynomial.polynomial.polyval(length, missed) <= allowed:
                return gamma, length
            length *= 0.7
        raise LinAlgError("the masses of a vertex are not known")


def _series(curve, step):
    """Return the `Series`; raises LinAlgError where the fits of the faces are dependent."""
    stack, member = _stacked(curve.faces)
    n_faces, beta = len(curve.faces), curve.beta
    # Y = L^-1 with M = L L^T: M^-1 v is Y^T (Y v).
    root = np.linalg.inv(np.linalg.cholesky(_matrix(stack, curve.gamma[member])))
    half = root @ stack
    nu, inner = np.zeros((ORDER + 1, len(stack))), np.zeros((ORDER + 1, len(member)))
    gamma, weights = np.zeros((ORDER + 1, n_faces)), np.zeros((ORDER + 1, len(member)))
    nu[0], gamma[0], inner[0] = curve.nu, curve.gamma, stack.T @ curve.nu
    owner = member[:, None] == np.arange(n_faces)
    pulls = (half * inner[0]) @ owner
    schur_root = np.linalg.cholesky(pulls.T @ pulls)
    if np.min(np.diag(schur_root) / np.linalg.norm(pulls, axis=0)) < np.sqrt(MIN_SCHUR_SHARE):
        raise LinAlgError("dependent fits")
    schur_inverse = np.linalg.inv(schur_root)
    inverse = schur_inverse.T @ schur_inverse
    # beta^2 along the series: its coefficients in t.
    square = np.zeros(ORDER + 1)
    square[1], square[2] = 2.0 * step * beta, 1.0
    sizes = np.zeros(ORDER + 1)
    for j in range(1, ORDER + 1):
        crossed = np.sum(weights[1:j] * inner[j - 1 : 0 : -1], axis=0)
        squares = np.sum(inner[1:j] * inner[j - 1 : 0 : -1], axis=0)
        # M nu_j + sum_k gamma_kj g_k = p,  g_k^T nu_j = q_k; here Y nu_j.
        moved = -half @ crossed
        gamma[j] = inverse @ (pulls.T @ moved - 0.5 * (square[j] - squares @ owner))
        moved = moved - pulls @ gamma[j]
        nu[j] = root.T @ moved
        inner[j], weights[j] = half.T @ moved, gamma[j][member]
        sizes[j] = max(np.linalg.norm(np.linalg.solve(root.T, nu[j])), np.linalg.norm(schur_root.T @ gamma[j]))
    length, remainder = _length(sizes, _bilinear(half, member, inverse), MAX_STEP_SHARE * beta)
    return Series(curve, step, gamma, nu, length, remainder)


def _bilinear(half, member, inverse):
    """Return a bound C: the right-hand sides of order j make solutions of at most ``1.5 C sum_i s_i s_(j-i)``.

    Sizes s are those of nu in the metric of M and of gamma in that of the Schur complement S. ``tau_k`` is the norm of
    ``M^-1/2 A_k A_k^T M^-1/2``, and ``sum_k |gamma_k| tau_k <= sqrt(tau^T |S^-1| tau)`` for gamma of size one.
    """
    taus = np.array([np.linalg.norm(half[:, member == k], 2) ** 2 for k in range(len(inverse))])
    return float(np.sqrt(taus @ np.abs(inverse) @ taus))


def _length(sizes, bilinear, most):
    """Return a length on which the terms beyond the order add up to at most MAX_REMAINDER, and their bound."""
    length = most
    for _ in range(LENGTH_STEPS):
        remainder = _remainder(sizes, bilinear, length)
        if remainder <= MAX_REMAINDER:
            return length, remainder
        length *= 0.7
    raise LinAlgError("the series does not reach anywhere")


def _remainder(sizes, bilinear, length):
    """Return a bound on the sum of all terms beyond the order at this length, inf where there is none.

    With known sizes s_j up to the order, majorants of the others are the coefficients of the R with
    ``R = 1.5 C [(T + R)^2]`` beyond the order, T the known polynomial: at `length` at most the smaller root of
    ``R = a + b R + c R^2``.
    """
    scaled = sizes * length ** np.arange(len(sizes))
    squared = np.convolve(scaled, scaled)
    a = 1.5 * bilinear * float(squared[len(sizes) :].sum())
    b, c = 3.0 * bilinear * float(scaled.sum()), 1.5 * bilinear
    room = (1.0 - b) ** 2 - 4.0 * a * c
    if b >= 1.0 or room < 0.0:
        return np.inf
    return 2.0 * a / (1.0 - b + np.sqrt(room))
