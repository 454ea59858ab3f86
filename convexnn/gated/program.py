"""The gated ReLU model in plain numpy: masks of gates, fits of blocks, slopes of a dual point.

``f(x) = sum_p 1[x . g_p >= 0] (x . w_p) + free terms``; a gate g_p only decides where its block w_p counts.
"""

import numpy as np

from .._utils.norms import norms, unit_rows

# The product of a unit row and a unit gate is zero when it is at most 1e-14 in size: the rest is rounding.
GATE_ROUNDING = 1e-14


def gate_masks(design, gates):
    """Return ``1[design gates^T >= 0]`` as bool of shape (n_gates, n_samples); zero but for rounding is zero."""
    return unit_rows(gates)[0] @ unit_rows(design)[0].T >= -GATE_ROUNDING


def gated_fit(design, masks, blocks):
    """Return ``sum_p D_p design w_p`` of shape (n_samples,); gates without a block cost nothing."""
    used = np.any(blocks != 0, axis=1)
    return np.einsum("pi,pi->i", masks[used], blocks[used] @ design.T)


def gate_slopes(design, masks, dual_point):
    """Return ``design^T D_p nu`` of every gate, of shape (n_gates, n_inputs)."""
    return (masks * dual_point) @ design


def gate_prices(design, masks, dual_point):
    """Return ``||design^T D_p nu||`` of every gate, of shape (n_gates,): beta at most where nu is feasible."""
    return norms(gate_slopes(design, masks, dual_point))
