"""From a network that nearly interpolates to one that does, and an interpolating network from nothing."""

import numpy as np
from scipy.linalg import lstsq
from scipy.optimize import linprog

from .._utils.norms import nonzero, norms
from .._utils.validation import is_late
from ..exceptions import SolverError
from ..solvers.base import build_network
from ..solvers.cell_moves import (
    MAX_KINK_DISTANCE,
    MAX_UNKNOWNS,
    MIN_SINGULAR_VALUE,
    cell_map,
    expanded,
    norm_derivatives,
)

# A network is corrected by at most 25 Newton steps.
MAX_CORRECTIONS = 25
# An entry of a dual point is enlarged by at most 1e-5 of itself to hold a neuron at its kink.
MAX_ENLARGEMENT = 1e-5
# A residual is rounding when it is at most 1e-13 of what the neurons add up to at its row.
RESIDUAL_ROUNDING = 1e-13
# Newton's method ends with a step that leaves more than 0.9 of the residual.
MAX_RESIDUAL_LEFT = 0.9
# Without a network to start from, directions come from 3 random planes, or 3 random kinks at every row.
N_PLANES, KINKS_PER_ROW = 3, 3
# A refined network may cost up to 1e-9 more than the one that it replaces.
MAX_EXTRA_COST = 1e-9


def make_interpolate(problem, network):
    """Move the network as little as possible, relative to its masses, until it interpolates; None if that fails.

    Newton's method on the equations ``f(X) = y``, in the neurons and inside their cells: rows that a neuron has on
    its kink stay there. At an optimal network of the shifted squared problem the cost of the correction is what the
    fit lacks, times the dual point: the answer is optimal to second order.
    """
    blocks, signs = network.masses[:, None] * network.directions, network.signs
    blocks, signs = blocks[network.masses > 0], signs[network.masses > 0]
    best, size = np.inf, np.inf
    for _ in range(MAX_CORRECTIONS):
        residual = problem.dual_point(problem.hidden_fit(blocks, signs))
        previous, size = size, np.abs(residual).max()
        if size < best:
            best, kept = size, blocks
        if size == 0.0 or not size <= MAX_RESIDUAL_LEFT * previous:
            break
        blocks = blocks + _residual_step(problem, blocks, signs, residual)
    # A network that misses its targets by more than rounding is none of the answers.
    sums = np.abs(problem.y) + problem.hidden_fit(kept, np.ones(len(kept))) if np.isfinite(best) else 0.0
    if not best <= RESIDUAL_ROUNDING * np.max(sums):
        return None
    used = norms(kept) > 0
    return _network_of_blocks(problem, kept[used], signs[used])


def _residual_step(problem, blocks, signs, residual):
    """The step (K, d) of least norm, relative to the masses, that removes the residual while no pattern changes."""
    jacobian, bases = cell_map(problem, blocks, signs)
    if jacobian.shape[1] == 0:
        return np.zeros_like(blocks)
    # The coordinates are relative to the masses: in the step of least norm light neurons move little.
    step = lstsq(jacobian, residual, cond=MIN_SINGULAR_VALUE, lapack_driver="gelsy", check_finite=False)[0]
    return expanded(bases, step).reshape(blocks.shape)


def refine_pair(problem, network, nu):
    """Return a network and a dual point that are optimal to rounding, from a pair that nearly is.

    Newton's method on stationarity and interpolation together, inside the cells; where they leave anything open the
    smallest step is taken. Returns what was given where the network would not end as close and as cheap.
    """
    blocks, signs = network.masses[:, None] * network.directions, network.signs
    blocks, signs = blocks[network.masses > 0], signs[network.masses > 0]
    given, best, point, error = (network, nu), blocks, nu, np.inf
    for _ in range(MAX_CORRECTIONS if len(blocks) else 0):
        jacobian, bases = cell_map(problem, blocks, signs)
        slopes, curvature = norm_derivatives(blocks, bases)
        # Stationarity: the gradient of the cost is J' nu, for the coordinates that move inside the cells.
        rest = slopes - jacobian.T @ nu
        before, error = error, np.abs(rest).max(initial=0.0)
        if not error < 0.5 * before or len(rest) + len(nu) > MAX_UNKNOWNS:
            break
        best, point = blocks, nu
        residual = problem.dual_point(problem.hidden_fit(blocks, signs))
        # [[C, -J'], [J, 0]] (d, dnu) = (-rest, residual): Newton on stationarity and interpolation at once.
        system = np.block([[curvature, -jacobian.T], [jacobian, np.zeros((len(nu), len(nu)))]])
        step = np.linalg.lstsq(system, np.concatenate([-rest, residual]), rcond=MIN_SINGULAR_VALUE)[0]
        blocks, nu = blocks + expanded(bases, step[: len(rest)]), nu + step[len(rest) :]
    found = make_interpolate(problem, _network_of_blocks(problem, best, signs))
    if found is None or problem.cost(found) > problem.cost(network) * (1.0 + MAX_EXTRA_COST):
        return given
    return found, point


def enlarge_at_kinks(problem, network, nu):
    """Return the dual point with entries large enough to hold the neurons at their kinks.

    A neuron stays where ``s sum_i nu_i x_i`` over its rows that are on, with a share from 0 to 1 of those at its kink,
    is a multiple of itself: an entry whose share would have to be a little more than 1 is that much too small.
    """
    design, nu = problem.design, nu.copy()
    units = design / nonzero(norms(design))[:, None]
    for direction, sign, mass in zip(network.directions, network.signs, network.masses, strict=True):
        values = units @ direction
        kinks = np.abs(values) <= MAX_KINK_DISTANCE
        if mass == 0.0 or not kinks.any():
            continue
        # direction = sign (sum over rows that are on nu_i x_i + sum over kinks share_i nu_i x_i), 0 <= share_i <= 1.
        missing = direction - sign * ((values > MAX_KINK_DISTANCE) * nu) @ design
        shares = sign * lstsq(design[kinks].T, missing, cond=MIN_SINGULAR_VALUE)[0]
        short = (shares * nu[kinks] > 0.0) & (np.abs(shares) > np.abs(nu[kinks]))
        nu[kinks] = np.where(short & (np.abs(shares) <= np.abs(nu[kinks]) * (1.0 + MAX_ENLARGEMENT)), shares, nu[kinks])
    return nu


def _network_of_blocks(problem, blocks, signs):
    masses = norms(blocks)
    return build_network(problem, blocks / nonzero(masses)[:, None], signs, masses)


def any_interpolant(problem, network, rng, deadline=None):
    """Return an interpolating network on the network's own directions and on wedges: the cheapest of these.

    When the deadline has passed, the one of least squares on random directions, if rounding allows it.

    Raises
    ------
    SolverError
        When rounding keeps it from interpolating.
    """
    own = network.directions[network.masses > 0]
    # When time is up a least squares problem has to do; it is far cheaper than the linear program.
    if is_late(deadline):
        found = _interpolant_on(problem, np.vstack([own, _random_kinks(problem, rng)]), _masses_of_least_norm)
        if found is not None:
            return found
    found = _interpolant_on(problem, np.vstack([own, _wedges(problem, rng)]), _masses_of_least_sum)
    if found is not None:
        return found
    raise SolverError(
        "no interpolating network was found in double precision: some rows of X are too close together for their "
        "targets. Scale the columns of X alike, or merge such rows."
    )


def _interpolant_on(problem, directions, solve):
    """Return an interpolating network on these directions, None where that fails; `solve` finds the masses."""
    fits = problem.hidden_fits(directions)
    # Columns of magnitude one: a mass is found in units of what it adds to a row.
    scale = nonzero(np.abs(fits).max(axis=0))
    size = np.abs(problem.centred).max()
    masses = solve(problem.project(fits / scale), problem.centred / size, scale) * size / scale
    used = np.abs(masses) > 0
    return make_interpolate(
        problem, build_network(problem, directions[used], np.sign(masses[used]), np.abs(masses[used]))
    )


def _masses_of_least_norm(columns, targets, scale):
    """Return the masses of least norm, in units in which neurons with small fits cost more."""
    own = scale / scale.max()
    return own * lstsq(columns * own, targets, cond=MIN_SINGULAR_VALUE, lapack_driver="gelsy", check_finite=False)[0]


def _masses_of_least_sum(columns, targets, scale):
    """Return the masses of least sum by a linear program, zeros where it finds none."""
    costs = np.tile(1.0 / scale, 2) * scale.max()
    found = linprog(costs, A_eq=np.hstack([columns, -columns]), b_eq=targets, method="highs").x
    return np.zeros(len(scale)) if found is None else found[: len(scale)] - found[len(scale) :]


def _random_kinks(problem, rng):
    """Random unit directions, with kinks at every row in turn where there is a hidden bias."""
    design = problem.design
    units = rng.standard_normal((KINKS_PER_ROW * len(design), design.shape[1]))
    if problem.hidden_bias:
        units[:, -1] -= np.sum(units * np.tile(design, (KINKS_PER_ROW, 1)), axis=1)
    return units / norms(units)[:, None]


def _wedges(problem, rng):
    """Unit directions with a kink at each row in turn, in random planes: their fits span all that can be met.

    In a plane that holds the axis of the hidden bias, and in order, they make the equations triangular.
    """
    design, units = problem.design, []
    d = design.shape[1]
    for _ in range(N_PLANES if problem.hidden_bias else d + 1):
        plane = rng.standard_normal((d, min(d, 2)))
        if problem.hidden_bias and d > 1:
            plane[:, 1] = np.eye(d)[-1]
        plane = np.linalg.qr(plane)[0]
        inside = design @ plane
        # The unit vector of the plane that is perpendicular to a row has its kink there.
        turned = np.column_stack([-inside[:, 1], inside[:, 0]]) if plane.shape[1] == 2 else np.ones((1, 1))
        turned = np.vstack([turned[np.any(turned != 0, axis=1)], np.eye(plane.shape[1])])
        units.append(turned / norms(turned)[:, None] @ plane.T)
    units = np.vstack(units)
    return np.vstack([units, -units])
