"""Newton's method on gated ReLU blocks of several outputs, factored into gated neurons: ``W_p = sum_k u_k a_k^T``.

The nuclear norm of a block is the least ``1/2 sum_k (||u_k||^2 + ||a_k||^2)`` over its factors, and smooth in them.
With as many factors as the block has nonzero singular values Newton's method doubles the digits of an optimum.
"""

import numpy as np

from ..masses.group_lasso import best_groups
from ..solvers._vector_newton import Cells, Point, newton_steps
from .program import gate_slopes

# Singular values below 1e-12 of the largest are zero: no neuron is made of them.
MIN_SINGULAR_SHARE = 1e-12
# At most 32 violators join at once.
MAX_VIOLATORS = 32


class GateCells(Cells):
    """Neurons whose gates decide where they count: no kink is met, however far a step goes."""

    def __init__(self, problem, columns, point, gates, masks):
        self.problem, self.columns, self.point = problem, columns, point
        self.gates, self.masks = gates, masks[gates]
        self.kinks = np.zeros(self.masks.shape, bool)
        self.bases = [np.eye(problem.design.shape[1])] * len(gates)

    @property
    def active(self):
        """Where the gates of the neurons are open, of shape (K, n_samples)."""
        return self.masks

    def hidden(self, neurons):
        """The values of the gated neurons, of shape (n_samples, K)."""
        return self.masks.T * (self.problem.design @ neurons.T)

    def crossings(self, step):
        """No step meets a kink."""
        return np.full(self.kinks.shape, np.inf)

    def keep(self, keep):
        """Forget what is known of the neurons that have been left out."""
        super().keep(keep)
        self.gates, self.masks = self.gates[keep], self.masks[keep]


def factored(blocks):
    """Return the gates (K,), neurons (K, n_inputs) and outputs (K, n_outputs) of blocks, balanced."""
    left, strengths, right = np.linalg.svd(blocks, full_matrices=False)
    gates, ranks = np.nonzero(strengths > MIN_SINGULAR_SHARE * strengths.max(initial=0.0))
    roots = np.sqrt(strengths[gates, ranks])[:, None]
    return gates, roots * left[gates, :, ranks], roots * right[gates, ranks]


def joined(gates, neurons, outputs, n_gates):
    """Return the blocks ``sum_k u_k a_k^T`` of the neurons of every gate, of shape (n_gates, n_inputs, n_outputs)."""
    blocks = np.zeros((n_gates, neurons.shape[1], outputs.shape[1]))
    np.add.at(blocks, gates, neurons[:, :, None] * outputs[:, None, :])
    return blocks


def join_violators(problem, masks, blocks, dual_point, max_work):
    """Return blocks and values of the free terms that are best on the neurons in use and on those that violate N.

    These are the singular vectors of ``X' D_p N`` with singular values above beta. Their output weights are a group
    lasso, which is as good on small columns as on large ones. None where it would take more than `max_work`
    multiplications.
    """
    gates, neurons, outputs = factored(blocks)
    left, prices, _ = np.linalg.svd(gate_slopes(problem.design, masks, dual_point), full_matrices=False)
    above = np.argwhere(prices > problem.beta)
    above = above[np.argsort(-prices[tuple(above.T)], kind="stable")[:MAX_VIOLATORS]]
    sizes = np.linalg.norm(neurons, axis=1)[:, None]
    gates = np.append(gates, above[:, 0])
    neurons = np.vstack([neurons / sizes, left[above[:, 0], :, above[:, 1]]])
    start = np.vstack([outputs * sizes, np.zeros((len(above), problem.n_outputs))])
    if len(gates) == 0 or len(problem.y) * float(start.size) ** 2 > max_work:
        return None
    fits = masks[gates].T * (problem.design @ neurons.T)
    outputs, free_fit, _ = best_groups(problem, fits, start)
    return joined(gates, neurons, outputs, len(masks)), free_fit


def newton_work(problem, n_neurons):
    """Return the multiplications of a Newton step, about."""
    n_weights = n_neurons * (problem.design.shape[1] + problem.n_outputs)
    return problem.y.size * float(n_weights) ** 2


def improve_blocks(problem, masks, columns, blocks, free, max_work, stop):
    """Return blocks and coefficients of the free `columns` after Newton steps, and how many there were.

    There are none where a step would take more than `max_work` multiplications; `stop` is asked before every step.
    """
    gates, neurons, outputs = factored(blocks)
    if len(gates) == 0 or newton_work(problem, len(gates)) > max_work:
        return blocks, free
    cells = GateCells(problem, columns, Point(neurons, outputs, free), gates, masks)
    newton_steps(cells, stop=stop, keeps_damping=True)
    return joined(cells.gates, cells.point.neurons, cells.point.outputs, len(masks)), cells.point.free
