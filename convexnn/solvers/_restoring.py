"""From a network that nearly interpolates to one that does, and an interpolating network from nothing."""

import numpy as np
from scipy.optimize import linprog

from .._norms import nonzero, norms
from ..exceptions import SolverError
from ._newton import null_space
from .base import build_network

STEPS = 25
KINK = 1e-9
EXACT = 1e-13  # relative to what the neurons add up to at a row, what rounding leaves of a residual
SHRINKS = 0.9  # of the residual, by a step that is worth another
RANK = 1e-12
PLANES = 3


def restored(problem, network):
    """Return the network moved by little, relative to the masses, until it interpolates; None if that fails.

    Newton's method on the equations ``f(X) = y``, in the neurons and inside their cells: rows that a neuron has on
    its kink stay there. At an optimal network of the shifted squared problem the cost of the correction is what the
    fit lacks, times the dual point: the answer is optimal to second order.
    """
    blocks, signs = network.masses[:, None] * network.directions, network.signs
    blocks, signs = blocks[network.masses > 0], signs[network.masses > 0]
    best, size = np.inf, np.inf
    for _ in range(STEPS):
        residual = problem.dual_point(problem.hidden_fit(blocks, signs))
        previous, size = size, np.abs(residual).max()
        if size < best:
            best, kept = size, blocks
        if size == 0.0 or not size <= SHRINKS * previous:
            break
        blocks = blocks + _correction(problem, blocks, signs, residual)
    sums = np.abs(problem.y) + problem.hidden_fit(kept, np.ones(len(kept))) if np.isfinite(best) else 0.0
    if not best <= EXACT * np.max(sums):
        return None
    masses = norms(kept)
    used = masses > 0
    return build_network(problem, kept[used] / masses[used, None], signs[used], masses[used])


def _correction(problem, blocks, signs, residual):
    """The step (K, d) of least norm, relative to the masses, that removes the residual while no pattern changes."""
    masses = norms(blocks)
    units = problem.design / nonzero(norms(problem.design))[:, None]
    values = blocks @ units.T
    at_kink = np.abs(values) <= KINK * masses[:, None]
    bases = [mass * null_space(units[kinks]) for mass, kinks in zip(masses, at_kink, strict=True)]
    active = (values > 0) & ~at_kink
    columns = [
        sign * on[:, None] * (problem.design @ basis) for sign, on, basis in zip(signs, active, bases, strict=True)
    ]
    jacobian = problem.project(np.hstack(columns)) if columns else np.zeros((len(residual), 0))
    step = np.linalg.lstsq(jacobian, residual, rcond=RANK)[0]
    ends = np.cumsum([0] + [basis.shape[1] for basis in bases])
    moves = [basis @ step[ends[k] : ends[k + 1]] for k, basis in enumerate(bases)]
    return np.array(moves).reshape(blocks.shape)


def any_interpolant(problem, network, rng):
    """Return an interpolating network on the network's own directions and on wedges: the cheapest of these.

    Raises
    ------
    SolverError
        When rounding keeps it from interpolating.
    """
    directions = np.vstack([network.directions[network.masses > 0], _wedges(problem, rng)])
    fits = problem.hidden_fits(directions)
    scale = nonzero(np.abs(fits).max(axis=0))
    size = np.abs(problem.centred).max()
    columns = problem.project(fits / scale)
    answer = linprog(
        np.tile(1.0 / scale, 2) * scale.max(),
        A_eq=np.hstack([columns, -columns]),
        b_eq=problem.centred / size,
        method="highs",
    )
    if answer.x is not None:
        masses = (answer.x[: len(scale)] - answer.x[len(scale) :]) * size / scale
        used = np.abs(masses) > 0
        found = build_network(problem, directions[used], np.sign(masses[used]), np.abs(masses[used]))
        found = restored(problem, found)
        if found is not None:
            return found
    raise SolverError(
        "no interpolating network was found in double precision: some rows of X are too close together for their "
        "targets. Scale the columns of X alike, or merge such rows."
    )


def _wedges(problem, rng):
    """Unit directions with a kink at each row in turn, in random planes: their fits span all that can be met.

    In a plane that holds the axis of the hidden bias, and in order, they make the equations triangular.
    """
    design, units = problem.design, []
    d = design.shape[1]
    for _ in range(PLANES if problem.hidden_bias else d + 1):
        plane = rng.standard_normal((d, min(d, 2)))
        if problem.hidden_bias and d > 1:
            plane[:, 1] = np.eye(d)[-1]
        plane = np.linalg.qr(plane)[0]
        inside = design @ plane
        turned = np.column_stack([-inside[:, 1], inside[:, 0]]) if plane.shape[1] == 2 else np.ones((1, 1))
        turned = np.vstack([turned[np.any(turned != 0, axis=1)], np.eye(plane.shape[1])])
        units.append(turned / norms(turned)[:, None] @ plane.T)
    units = np.vstack(units)
    return np.vstack([units, -units])
