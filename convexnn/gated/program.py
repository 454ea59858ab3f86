"""The gated ReLU model in plain numpy: masks of gates, fits of blocks, slopes of a dual point.

``f(x) = sum_p 1[x . g_p >= 0] (x . w_p) + free terms``; a gate g_p only decides where its block w_p counts. With
several outputs a block is a matrix W_p, and its size the least ``1/2 sum_k (||u_k||^2 + ||a_k||^2)`` of gated neurons
with ``W_p = sum_k u_k a_k^T``: the nuclear norm.

Conventions
-----------
blocks : (n_gates, n_inputs) for one output, (n_gates, n_inputs, n_outputs) for several.
dual_point : (n_samples,) or (n_samples, n_outputs).
"""

import numpy as np

from .._utils.norms import nonzero, norms, unit_rows

# The product of a unit row and a unit gate is zero when it is at most 1e-14 in size: the rest is rounding.
GATE_ROUNDING = 1e-14


def gate_masks(design, gates):
    """Return ``1[design gates^T >= 0]`` as bool of shape (n_gates, n_samples); zero but for rounding is zero."""
    return unit_rows(gates)[0] @ unit_rows(design)[0].T >= -GATE_ROUNDING


def gated_fit(design, masks, blocks):
    """Return ``sum_p D_p design w_p``, of the shape of a dual point; gates without a block cost nothing."""
    used = in_use(blocks)
    if blocks.ndim == 2:
        return np.einsum("pi,pi->i", masks[used], blocks[used] @ design.T)
    return np.einsum("pi,pic->ic", masks[used], design @ blocks[used])


def gate_slopes(design, masks, dual_point):
    """Return ``design^T D_p nu`` of every gate, of the shape of the blocks."""
    if dual_point.ndim == 1:
        return (masks * dual_point) @ design
    return design.T @ (masks[:, :, None] * dual_point)


def gate_prices(design, masks, dual_point):
    """Return the norm of ``design^T D_p nu`` of every gate, of shape (n_gates,): beta at most where nu is feasible.

    With several outputs it is the spectral norm, which is dual to the nuclear norm.
    """
    slopes = gate_slopes(design, masks, dual_point)
    return norms(slopes) if slopes.ndim == 2 else singular_values(slopes).max(axis=1, initial=0.0)


def in_use(blocks):
    """Return which blocks are not zero, of shape (n_gates,)."""
    return np.any(blocks != 0, axis=tuple(range(1, blocks.ndim)))


def block_sizes(blocks):
    """Return what every block costs, of shape (n_gates,): its norm, with several outputs its nuclear norm."""
    return np.linalg.norm(blocks, axis=1) if blocks.ndim == 2 else singular_values(blocks).sum(axis=1)


def singular_values(matrices):
    """Return the singular values of every matrix, whatever its magnitude, of shape (K, rank)."""
    scale = np.abs(matrices).max(axis=(1, 2), initial=0.0)
    return scale[:, None] * np.linalg.svd(matrices / nonzero(scale)[:, None, None], compute_uv=False)
