"""The reference: the conic programs over all cells, for a handful of samples; training and pricing by them."""

from dataclasses import dataclass

import numpy as np

from .._utils.norms import norms
from .cells import make_cells
from .network import ThreeLayerReLU
from .program import ConicForm, solve_price, solve_training
from .records import ThreeLayerPrice
from .scaled import Problem, best_scaling
from .subnetworks import best_network, cell_parts

# A neuron may be in an optimal network when its slope is at least (1 - 1e-6) beta.
OPTIMAL_SLOPE_TOLERANCE = 1e-6
# Unit vectors whose entries differ by at most 1e-5 are one direction.
MAX_DIRECTION_DISTANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Optimum:
    """The answer of the training program: the network, the value it ended with, and the dual bound."""

    network: ThreeLayerReLU
    value: float
    dual_point: np.ndarray
    dual: float
    directions: np.ndarray
    n_cells: int


def zero_optimum(problem: Problem):
    """Return the `Optimum` of a problem whose best network is zero, whatever the width."""
    value = 0.5 * float(problem.y @ problem.y)
    return Optimum(problem.zero_network(), value, problem.y, value, np.zeros((0, problem.X.shape[1])), 0)


def optimum_over_cells(problem: Problem, n_hidden, max_blocks):
    """Solve the training program and bound its dual; both from what the solver returned, not from what it claims.

    Raises
    ------
    PatternLimitError
        Before the cells are made, when they may have more than `max_blocks` blocks.
    """
    unit = problem.unit()
    if unit is None or unit.is_zero_optimal:
        return zero_optimum(problem)
    form = ConicForm(make_cells(unit.X, n_hidden, max_blocks))
    positive, negative, multipliers = solve_training(form, unit.y, unit.beta)
    residual = unit.y - form.fit @ (positive - negative).ravel()
    # Any multipliers lambda >= 0 prove ||(Phi' nu + G' lambda)_k|| as a bound on the price of each neuron.
    slopes = [form.slopes(sign * residual, cone) for sign, cone in zip((1.0, -1.0), multipliers, strict=True)]
    slopes = np.concatenate(slopes)
    sizes = norms(slopes)
    nu = problem.residual(unit, residual)
    # Shrunk by beta over the largest slope, the residual is dual feasible.
    dual, scale = best_scaling(problem.y, nu, unit.beta / sizes.max())
    # Only directions whose slope is beta can carry mass at an optimum.
    used = sizes >= unit.beta * (1 - OPTIMAL_SLOPE_TOLERANCE)
    directions = distinct_rows(slopes[used] / sizes[used, None], MAX_DIRECTION_DISTANCE) @ problem.basis.T
    masses = norms(positive).sum() + norms(negative).sum()
    value = 0.5 * float(nu @ nu) + problem.beta * masses * unit.y_scale / unit.x_scale
    network, _ = best_network(problem, unit, form, positive, negative)
    return Optimum(network, value, scale * nu, dual, directions, form.cells.n_cells)


def price_over_cells(problem: Problem, n_hidden, max_blocks):
    """Return the `ThreeLayerPrice` of ``problem.y`` by the pricing programs of all cells.

    Raises
    ------
    PatternLimitError
        Before the cells are made, when they may have more than `max_blocks` blocks.
    """
    unit = problem.unit()
    if unit is None:
        return ThreeLayerPrice(0.0, 0.0, problem.zero_network())
    form = ConicForm(make_cells(unit.X, n_hidden, max_blocks))
    bound, best = 0.0, (0.0, problem.zero_network())
    # |nu^T f| is the larger of the maxima for nu and for -nu; each is bounded by its own multipliers.
    for sign in (1.0, -1.0):
        blocks, multipliers = solve_price(form, sign * unit.y)
        bound = max(bound, norms(form.slopes(sign * unit.y, multipliers)).max())
        for part in cell_parts(form, blocks, sign, 0.0):
            network = problem.lift([part], [1.0])
            best = max(best, (float(problem.y @ network.predict(problem.X)), network), key=lambda pair: pair[0])
    bound *= unit.x_scale * unit.y_scale
    return ThreeLayerPrice(min(best[0], bound), bound, best[1])


def distinct_rows(rows, tolerance):
    """Return the rows without those that are within `tolerance` of an earlier one."""
    kept = np.zeros((0, rows.shape[1]))
    for row in rows:
        if not len(kept) or np.abs(kept - row).max(axis=1).min() > tolerance:
            kept = np.vstack([kept, row])
    return kept
