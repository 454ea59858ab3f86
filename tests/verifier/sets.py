"""What is claimed about a set of optimal networks, tried against brute force over supports and better networks."""

from fractions import Fraction
from itertools import combinations

import numpy as np
from scipy.optimize import nnls

from convexnn.exceptions import SolverError

from .claims import EPS, ROUNDING, Refutation
from .dyadic import exact
from .free_terms import free_columns
from .problems import exact_objective
from .rivals import RivalSearch

OPTIMAL = Fraction(1, 10**6)  # relative, as `OptimalSet.contains` has it
SAME = 1e-9
TIED = 1e-9  # directions whose values are this close to beta are optimal
NEAR = 1e-5  # and those beyond this are not; between the two nothing is said
SAME_ANGLE = 1e-3
MOST_DIRECTIONS = 12


def target_rounding(problem):
    """Return what an error of 16 eps |y_i| in every row costs, a rational number; nothing for smooth labels."""
    if problem.loss in ("logistic", "multinomial"):
        return Fraction(0)
    share = 1 - ROUNDING if problem.has_labels else 1 + ROUNDING
    return sum(problem.exact_losses([[t * share for t in row] for row in problem.exact_targets]), Fraction(0))


def refute_set(found, problem, rng, *, warned=False):
    """Return what is false in an `OptimalSet` of a problem of one output; `warned`: the set came with a warning."""
    rivals = RivalSearch(problem, rng)
    rows = np.flatnonzero(found.dual_point) if len(found.dual_point) != len(problem.Y) else slice(None)
    nu = found.dual_point[rows]
    points = [nu.reshape(problem.Y.shape)] if len(nu) == len(problem.Y) else []
    try:
        minimal = found.minimal_network()
    except SolverError:  # an honest refusal: the network of these masses has another value than the set
        return []
    best = min(rivals.run(minimal.neurons, points), exact_objective(minimal, problem))
    limit = best * (1 + OPTIMAL) + target_rounding(problem)
    answer = []
    if not found.contains(minimal):
        answer.append(Refutation("set without its minimal network", repr(found)))
    if exact(found.optimal_value) > limit:
        text = f"optimal value {found.optimal_value:.9g}, a network has {float(best):.9g}"
        answer.append(Refutation("set's value not optimal", text))
    vertices = found.vertices if len(found.signs) <= MOST_DIRECTIONS else []
    for network in [minimal, *(found.network(masses) for masses in vertices[:20])]:
        value = exact_objective(network, problem)
        if value > limit:
            text = f"a network of the set has {float(value):.9g}, another {float(best):.9g}"
            answer.append(Refutation("network of a set not optimal", text))
            break
    answer += _refute_directions(found, problem, rivals, points, warned)
    if 0 < len(found.signs) <= MOST_DIRECTIONS:
        answer += _refute_widths(found, problem)
    return answer


def _refute_directions(found, problem, rivals, points, warned):
    """Every direction has the price beta, and none that has is missing."""
    answer = []
    if not points:
        return []
    values = [abs(_value(problem, points[0], u)) / problem.beta for u in found.directions]
    allowed = 1e-6 + 4 * EPS * np.sum(np.abs(points[0][:, 0]) * np.linalg.norm(problem.design, axis=1)) / problem.beta
    if len(values) and max(abs(v - 1) for v in values) > allowed:
        answer.append(Refutation("direction off the price", f"{found!r}: values over beta {values}"))
    if warned:
        return answer
    best = rivals.prices.search(points[0])
    # The entries of a dual point are floats: where their last digits count, nothing is said.
    unknown = 2 * EPS * np.abs(points[0][:, 0]) @ rivals.prices.activations(best.directions)
    for u in best.directions[(best.values >= problem.beta * (1 - TIED)) & (unknown <= TIED * problem.beta)]:
        biggest = max(abs(int(v)) for v in u)
        unit = np.array([int(v) / biggest for v in u])
        unit /= np.linalg.norm(unit)
        if not np.any(np.linalg.norm(found.directions - unit, axis=1) < SAME_ANGLE):
            return [*answer, Refutation("direction missing", f"{found!r}: {unit.tolist()}")]
    return answer


def _value(problem, nu, direction):
    """``nu^T (X u)_+`` in long double."""
    design = problem.design.astype(np.longdouble)
    return float(nu[:, 0].astype(np.longdouble) @ np.maximum(design @ direction.astype(np.longdouble), 0))


def _refute_widths(found, problem):
    """m* and M*, by all supports; the fits count modulo the free terms."""
    fits, target = _off_free(found.fits, problem), _off_free(found.optimal_fit[:, None], problem)[:, 0]
    size = np.linalg.norm(target)
    if size == 0:
        return []
    sizes = np.maximum(np.linalg.norm(fits, axis=0), np.finfo(float).tiny)
    K, cardinalities = fits.shape[1], []
    for count in range(1, min(K, len(target)) + 1):
        for support in map(list, combinations(range(K), count)):
            columns = fits[:, support] / sizes[support]
            masses, left = nnls(columns, target / size, maxiter=1000)
            full = np.linalg.matrix_rank(columns, tol=1e-7) == count and np.all(masses > 1e-6)
            if left <= SAME and full:
                cardinalities.append(count)
    if not cardinalities:
        return []
    answer = []
    if found.m_star is not None and found.m_star > min(cardinalities):
        answer.append(Refutation("m* too large", f"{found!r}: {found.m_star}, a support has {min(cardinalities)}"))
    if found.m_star is not None and found.m_star < min(cardinalities):
        answer.append(Refutation("m* too small", f"{found!r}: {found.m_star}, supports have {min(cardinalities)}"))
    if found.M_star is not None and found.M_star < max(cardinalities):
        answer.append(Refutation("M* too small", f"{found!r}: {found.M_star}, a vertex has {max(cardinalities)}"))
    if len(found.vertices) < len(cardinalities):
        answer.append(Refutation("vertex missing", f"{found!r}: {len(found.vertices)} of {len(cardinalities)}"))
    return answer


def _off_free(columns, problem):
    free = free_columns(problem.X, problem.fit_intercept, problem.skip_connection)
    root = np.sqrt(problem.weight)[:, None] if problem.loss == "squared" else 1.0
    if free.shape[1] == 0:
        return root * columns
    basis, values, _ = np.linalg.svd(root * free / np.maximum(np.abs(free).max(axis=0), 1e-300), full_matrices=False)
    basis = basis[:, values > 1e-12 * values[0]]
    return root * columns - basis @ (basis.T @ (root * columns))
