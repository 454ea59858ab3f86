"""The proven optimum of a problem to all digits of its dual point, however small the strength is.

With the squared loss, at ``beta = 1e-9 ||y||``, the residual ``y - fit``, which is the dual point, has seven digits
left in float64. But for any strength b the problem with the targets ``y + (b - beta) nu / beta`` and the strength b has
the same optimal networks and the same ``nu / beta``, for any optimal nu, and with a moderate b nothing is lost. The
method of multipliers finds it: solve the problem with one nu, take its residual for the next. Newton's method on
network and dual point together adds the last digits; on squared models of any other loss it does too.
"""

from dataclasses import dataclass, replace

import numpy as np

from .._utils.norms import norms
from .._utils.threads import one_blas_thread
from .._utils.validation import is_late
from ..duality.certificate import certify_problem
from ..duality.pricing import search_price
from ..duality.records import N_STARTS
from ..programs.problem import Problem
from ..programs.scaling import scale_problem
from ._stationary import doubt_of_point, stationary_pair
from .base import Solution, Status, build_network, conclude, proof_options, uninterrupted
from .column_generation import solve_column_generation

MAX_SMALL_STRENGTH = 1e-4  # strengths below 1e-4 of beta_max are solved through others
FIRST_STRENGTH, MIN_STRENGTH = 1e-2, 1e-6  # problems on the way have strengths from 1e-2 down to 1e-6 of beta_max
MAX_CHANGE_LEFT = 0.1  # a step that leaves more of the change of nu is followed by one with a tenth of the strength
NEWTON_FROM_CHANGE = 1e-4  # relative change of nu below which Newton's method is tried
READING_STRENGTH = 0.1  # nu is read from a problem of the strength 0.1 ``||y|| beta / ||nu||``
MAX_SHIFTS = 30  # problems on the way
MAX_SQUARED_MODELS = 10  # another loss takes at most ten of them, each around the network of the last
MAX_STATIONARY_ERROR = 1e-11  # the equations of an optimum may be off by this, in units of one
MAX_SHIFT_TOLERANCE, MIN_SHIFT_TOLERANCE = 1e-6, 1e-11  # the relative gaps of the problems on the way lie between these


@dataclass(frozen=True)
class Optimum:
    """A solution with its proof, and the problem of moderate strength that has the same optimal networks.

    Attributes
    ----------
    solution : Solution
        The solution of the problem as given.
    point : ndarray of shape (n_samples,)
        ``nu / beta`` of the problem as given, and of the shifted one.
    shifted : Problem
        A problem of moderate strength with the same optimal networks.
    doubt : ndarray of shape (n_samples, k) or None
        Rounding may have changed `point` by this times a vector of norm one, where no neuron in use holds it.
        None where Newton's method did not end at the equations of an optimum: `point` is as good as the solver's.
    """

    solution: Solution
    point: np.ndarray
    shifted: Problem
    doubt: np.ndarray | None


def solve_to_all_digits(problem, *, tol, deadline=None, proof="exact", n_jobs=None, rng, start=None, report=None):
    """Return the `Optimum` of a `Problem`; see `solve_column_generation` for the options.

    Raises
    ------
    KeyboardInterrupt
        When interrupted: half an optimum is none.
    """
    options = {"deadline": deadline, "n_jobs": n_jobs, "rng": rng, "report": report}
    with one_blas_thread():
        largest = _first_price(problem, n_jobs) if problem.loss.is_quadratic else 0.0
        # At tiny strengths nu / beta is a quotient of roundings: read it off problems of moderate strength.
        if problem.beta < MAX_SMALL_STRENGTH * largest:
            found = _by_multipliers(problem, largest, tol, proof, start, options)
            if found is not None:
                return found
        # Else solve as it is, and end by Newton's method on the equations of an optimum.
        solution = uninterrupted(solve_column_generation(problem, tol=tol, proof=proof, start=start, **options))
        found = None if is_late(deadline) else _stationary_network(problem, solution.network)
        if found is None:
            return optimum_as_it_is(problem, solution)
        if solution.certificate.relative_gap <= tol:
            return _with_point(problem, _moved(problem, solution, found[0]), *found[1:])
        return _proven(problem, *found, solution, tol, proof, options) or optimum_as_it_is(problem, solution)


def _stationary_network(problem, network):
    """Return what `stationary_network` does, for any loss whose optimal fit is unique; None where that fails."""
    if problem.loss.is_quadratic:
        return stationary_network(problem, network, _point(problem, network))
    if not problem.loss.is_strictly_convex:
        return None
    for _ in range(MAX_SQUARED_MODELS):
        point = _point(problem, network)
        # Newton on the loss: the squared loss around the network, whose own optimum is exact to rounding.
        model = problem.model(problem.hidden_fit(network.neurons, network.output_weights))
        found = stationary_network(model, network, point)
        if found is None:
            return None
        network = build_network(problem, found[0].directions, found[0].signs, found[0].masses)
        if np.linalg.norm(found[1] - point) <= MAX_STATIONARY_ERROR * np.linalg.norm(point):
            return network, _point(problem, network), np.zeros((len(point), 0))  # a slope is no small difference
    return None


def _moved(problem, solution, network):
    """Return the solution with the stationary network in the place of its own: the bound holds for all networks."""
    primal, rounding = problem.objective_above(network)
    certificate = replace(solution.certificate, primal=primal, rounding=rounding)
    return replace(solution, network=network, certificate=certificate)


def optimum_as_it_is(problem, solution):
    """Return the `Optimum` whose dual point is the slope of the loss at the solution's network."""
    return Optimum(solution, _point(problem, solution.network), problem, None)


def _first_price(problem, n_jobs):
    """Return beta_max as far as local ascents see it."""
    nu = problem.dual_point(np.zeros(len(problem.y)))
    return search_price(problem.design, nu, proof="heuristic", n_starts=N_STARTS, n_jobs=n_jobs).value


def _by_multipliers(problem, largest, tol, proof, network, options):
    """Return the proven `Optimum`, None where the steps do not lead to one."""
    point, strength, change, n_iter = np.zeros(len(problem.y)), FIRST_STRENGTH * largest, 1.0, 0
    for _ in range(MAX_SHIFTS):
        # The problem on the way: of a moderate strength, around the nu / beta that is known so far.
        posed = shifted_problem(problem, point, max(strength, problem.beta))
        tolerance = min(MAX_SHIFT_TOLERANCE, max(MIN_SHIFT_TOLERANCE, 1e-4 * change**2))
        solution = uninterrupted(
            solve_column_generation(posed, tol=tolerance, proof="heuristic", start=network, **options)
        )
        network, n_iter = solution.network, n_iter + solution.n_iter
        if is_late(options["deadline"]) or network.width == 0:
            return None
        before, last, point = change, point, _point(posed, network)
        # Newton's method is tried once nu / beta hardly changes; where it changes as much as before the strength falls.
        change = float(np.linalg.norm(point - last) / np.linalg.norm(point))
        found = stationary_network(problem, network, point) if change <= NEWTON_FROM_CHANGE else None
        if found is not None:
            proven = _proven(problem, *found, replace(solution, n_iter=n_iter), tol, proof, options)
            if proven is not None:
                return proven
        if change > MAX_CHANGE_LEFT * before:
            strength = max(0.1 * strength, MIN_STRENGTH * largest)
    return None


def _point(problem, network):
    """``nu / beta`` of a network."""
    return problem.dual_point(problem.hidden_fit(network.neurons, network.output_weights)) / problem.beta


def shifted_problem(problem, point, strength):
    """Return the problem of another strength with the same optimal networks; `point` is its ``nu / beta`` too.

    The residual of a network with the residual e is ``e + (strength - beta) point / weight``: stationarity at `point`
    is one and the same equation in both.
    """
    if strength == problem.beta:
        return problem
    return replace(problem, y=problem.y + (strength - problem.beta) * point / problem.weight, beta=strength)


def stationary_network(problem, network, point):
    """Return a network and ``nu / beta`` that are optimal to rounding in their cells and the doubt of an `Optimum`.

    None where Newton's method fails.
    """
    scaled, root = scale_problem(problem), np.sqrt(problem.weight)
    used = (network.masses > 0) & (network.signs != 0)
    if scaled is None or not used.any():
        return None
    unit = scaled.y_scale / scaled.x_scale
    masses, signs = network.masses[used] / unit, network.signs[used]
    blocks = masses[:, None] * network.directions[used]
    blocks, point, error = stationary_pair(scaled, blocks, signs, scaled.x_scale * point / root)
    if not error <= MAX_STATIONARY_ERROR:
        return None
    sizes = norms(blocks)
    moved = build_network(problem, blocks / sizes[:, None], signs, sizes * unit)
    back = root / scaled.x_scale
    return moved, back * point, back[:, None] * doubt_of_point(scaled, blocks, signs)


def _proven(problem, network, point, doubt, solution, tol, proof, options):
    """Return the `Optimum` with the certificate of the network, None where it is none to the tolerance."""
    proving = proof_options(tol, proof, options["deadline"], options["n_jobs"])
    certificate = certify_problem(network, problem, dual_points=[problem.beta * point], **proving)
    if certificate.heuristic_gap > tol:
        return None
    ended = {"tol": tol, "n_iter": solution.n_iter, "history": solution.history}
    return _with_point(problem, conclude(network, certificate, Status.converged, **ended), point, doubt)


def _with_point(problem, solution, point, doubt):
    """Return the `Optimum` of a solution with a stationary ``nu / beta`` and its doubt."""
    if not problem.loss.is_quadratic:
        return Optimum(solution, point, problem, doubt)
    # The shift changes neither networks nor nu / beta; at this strength both have all their digits.
    strength = READING_STRENGTH * float(np.linalg.norm(problem.centred) / np.linalg.norm(point))
    return Optimum(solution, point, shifted_problem(problem, point, max(strength, problem.beta)), doubt)
