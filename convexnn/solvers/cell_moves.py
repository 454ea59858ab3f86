"""Moves of neurons inside their cells: how the fit and the sum of norms follow while no pattern changes."""

import numpy as np
from scipy.linalg import block_diag

from .._utils.norms import nonzero, norms
from ._newton import null_space

MAX_KINK_DISTANCE = 1e-9  # relative to a neuron's norm: a row whose value is smaller lies on the neuron's hyperplane
MIN_SINGULAR_VALUE = 1e-12  # singular values below this share of the largest count as zero
MAX_UNKNOWNS = 1500  # a Newton step on network and dual point together has at most so many: about a second


def cell_map(problem, blocks, signs):
    """How the hidden fit, off the free terms, follows moves of the blocks in their cells; rows at kinks stay there.

    Returns the matrix, and for every block a basis (d, k) of its moves in units of its norm.
    """
    masses = norms(blocks)
    units = problem.design / nonzero(norms(problem.design))[:, None]
    values = blocks @ units.T
    at_kink = np.abs(values) <= MAX_KINK_DISTANCE * masses[:, None]
    bases = [mass * null_space(units[kinks]) for mass, kinks in zip(masses, at_kink, strict=True)]
    active = (values > 0) & ~at_kink
    columns = [
        sign * on[:, None] * (problem.design @ basis) for sign, on, basis in zip(signs, active, bases, strict=True)
    ]
    return problem.project(np.hstack(columns)) if columns else np.zeros((len(problem.y), 0)), bases


def expanded(bases, step):
    """The moves (K, d) of all blocks from their coefficients in the bases."""
    ends = np.cumsum([0] + [basis.shape[1] for basis in bases])
    return np.array([basis @ step[ends[k] : ends[k + 1]] for k, basis in enumerate(bases)])


def norm_derivatives(blocks, bases):
    """Gradient and Hessian of the sum of the norms of the blocks, in the coefficients of the bases."""
    units = blocks / nonzero(norms(blocks))[:, None]
    inner = [basis.T @ unit for basis, unit in zip(bases, units, strict=True)]
    masses = nonzero(norms(blocks))
    hessians = [
        (basis.T @ basis - np.outer(slope, slope)) / mass
        for basis, slope, mass in zip(bases, inner, masses, strict=True)
    ]
    return np.concatenate(inner) if inner else np.zeros(0), block_diag(*hessians)
