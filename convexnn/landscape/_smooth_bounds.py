"""How far the passes of a network of smooth units move within a radius, and how much its values bend there at most.

Every quantity of a pass is bounded by its value at the centre and by how far it moves, layer after layer: forward the
sums and the inputs, backward the derivatives. What makes the bounds small in wide networks is the largest entry of
the derivative by the outputs of a layer, of the order 1 / sqrt(width), where its length would be of the order 1.

Conventions
-----------
names and shapes : those of `smooth_networks`, inputs being divided by the root of their number.
lengths : (n_samples,), norms of what stands in a pass, one for each row of X.
moves : (n_samples, n_layers), nonnegative. Where layer l moves by r_l, the quantity moves by at most ``moves . r``:
    in a ball by at most the radius times the norm of the row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moves:
    """Bounds on how far what stands in `Passes` moves, an entry of each list for each layer."""

    inputs: list[np.ndarray]
    sums: list[np.ndarray]
    by_outputs: list[np.ndarray]
    by_sums: list[np.ndarray]


class BallBounds:
    """Bounds for all networks within a radius of a network, as functions of the radius."""

    def __init__(self, network, X):
        passes = network.passes(X)
        self.activations = network.activations
        self.roots = [np.sqrt(layer.shape[1]) for layer in network.layers]
        self.spectral = [spectral_norm(layer) for layer in network.layers]
        self.inputs = [_lengths(inputs) for inputs in passes.inputs]
        self.by_sums = [_lengths(by_sums) for by_sums in passes.by_sums]
        self.largest_by_outputs = [np.abs(by_outputs).max(axis=1) for by_outputs in passes.by_outputs]
        # Row l has a one for the move of layer l itself.
        self.own = np.eye(len(network.layers))

    def jacobian_move(self, radius):
        """Return a bound on how far the Jacobian moves, in the norm of all its entries.

        Its part in one layer is an outer product of by_sums and inputs, which both move.
        """
        moves, squares = self._moves(radius), np.zeros_like(self.own)
        for k, by_sums in enumerate(moves.by_sums):
            inputs = self.inputs[k] + radius * _lengths(moves.inputs[k])
            part = inputs[:, None] * by_sums + self.by_sums[k][:, None] * moves.inputs[k]
            squares += part.T @ part
        return float(radius * np.sqrt(np.linalg.eigvalsh(squares)[-1]))

    def hessian(self, radius):
        """Return a bound on ``max_i ||H_i||_2``.

        Along a unit direction whose part in layer l is V_l the second derivative of a value is

        ``sum_l <by_outputs_l s''(z_l), z'_l^2> + 2 sum_l <by_sums_l, V_l x'_l-1> / sqrt(m_l-1)``,

        z' and x' being first derivatives. With v_l the norm of V_l and ``||z'_l|| <= reach_l . v`` it is at most
        ``v^T M v``: the bound is the largest eigenvalue of M.
        """
        moves = self._moves(radius)
        reaches = self._reaches(radius, moves)
        M = np.zeros((len(self.inputs[0]), *self.own.shape))
        for k, reach in enumerate(reaches):
            largest = self.largest_by_outputs[k] + radius * _lengths(moves.by_outputs[k])
            M += (self.activations[k].max_curvature * largest[:, None] * reach)[:, :, None] * reach[:, None, :]
            if k > 0:
                length = self.by_sums[k] + radius * _lengths(moves.by_sums[k])
                mixed = (length * self.activations[k - 1].max_slope / self.roots[k])[:, None] * reaches[k - 1]
                M[:, k, :] += mixed
                M[:, :, k] += mixed
        return float(np.linalg.eigvalsh(M)[:, -1].max())

    def _moves(self, radius):
        inputs, sums = [np.zeros((len(self.inputs[0]), len(self.own)))], []
        for k, activation in enumerate(self.activations):
            # ||W x - W0 x0|| <= ||W|| ||x - x0|| + ||W - W0|| ||x0||.
            sums.append((self.spectral[k] + radius) * inputs[k] + self.inputs[k][:, None] * self.own[k])
            if k + 1 < len(self.roots):
                inputs.append(activation.max_slope * sums[k] / self.roots[k + 1])
        by_outputs, by_sums = [np.zeros_like(inputs[0])], []
        for k in reversed(range(len(self.roots))):
            slope, curvature = self.activations[k].max_slope, self.activations[k].max_curvature
            # ||s'(z) b - s'(z0) b0|| <= max s' ||b - b0|| + max s'' ||z - z0|| max |b0|, then as above with W^T.
            by_sums.append(slope * by_outputs[-1] + curvature * self.largest_by_outputs[k][:, None] * sums[k])
            total = (self.spectral[k] + radius) * by_sums[-1] + self.by_sums[k][:, None] * self.own[k]
            by_outputs.append(total / self.roots[k])
        return Moves(inputs, sums, by_outputs[-2::-1], by_sums[::-1])

    def _reaches(self, radius, moves):
        """Return the vectors `reach` of every layer, of shape (n_samples, n_layers)."""
        reach, reaches = np.zeros_like(moves.inputs[0]), []
        for k, inputs in enumerate(moves.inputs):
            if k > 0:
                # x' = s'(z) z', and z' = W x' + V x in the next layer.
                reach = (self.spectral[k] + radius) * self.activations[k - 1].max_slope / self.roots[k] * reach
            reach = reach + (self.inputs[k] + radius * _lengths(inputs))[:, None] * self.own[k]
            reaches.append(reach)
        return reaches


def spectral_norm(layer):
    """Return the largest singular value, from the smaller of the two Gram matrices."""
    gram = layer @ layer.T if len(layer) <= layer.shape[1] else layer.T @ layer
    return float(np.sqrt(np.linalg.eigvalsh(gram)[-1]))


def _lengths(rows):
    return np.linalg.norm(rows, axis=1)
