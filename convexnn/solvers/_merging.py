"""Neurons of several outputs that say nearly the same become one: fewer weights to move, and cheaper steps.

A network that grows while it descends ends with many neurons side by side. In a cell of the arrangement a group of
neurons is the matrix ``sum_k u_k a_k^T``, and the single neuron that is nearest to it is its largest singular triple.
"""

import numpy as np

from ..duality.rough import MAX_DIRECTION_COSINE, MAX_OUTPUT_COSINE

SIDE_SLACK = 1e-9  # a row lies on the kink of a unit direction below this share of its norm


def merge_neurons(design, directions, outputs, width):
    """Return unit directions and outputs in which neurons that share a closed cell have become one, the heaviest first.

    The outputs of those that are merged agree but for `width`, one minus the cosine. Were they the same, the fit would
    stay; the best single neuron, by singular values, is taken in any case.
    """
    sizes = np.linalg.norm(outputs, axis=1)
    values = directions @ design.T
    slack = SIDE_SLACK * np.linalg.norm(design, axis=1)
    high, low = values > slack, values < -slack
    alike = outputs @ outputs.T > (1.0 - width) * np.outer(sizes, sizes)
    left, groups = np.ones(len(sizes), bool), []
    # The heaviest neuron takes in what agrees with it in outputs and shares a closed cell with all of the group.
    for k in np.argsort(-sizes, kind="stable"):
        if not left[k]:
            continue
        group, above, below = [k], high[k], low[k]
        left[k] = False
        for j in np.flatnonzero(alike[k] & left):
            if not np.any((above & low[j]) | (below & high[j])):
                group.append(j)
                above, below = above | high[j], below | low[j]
        left[group] = False
        groups.append(group)
    return _joined(directions, outputs, groups)


def merge_alike(directions, outputs):
    """Return unit directions and outputs in which neurons close to a heavier one have joined it, the heaviest first.

    Other than by `merge_neurons` the fit changes a little, as the kinks of a group are not quite the same.
    """
    sizes = np.linalg.norm(outputs, axis=1)
    units = outputs / np.maximum(sizes, np.finfo(float).tiny)[:, None]
    close = (directions @ directions.T > MAX_DIRECTION_COSINE) & (units @ units.T > MAX_OUTPUT_COSINE)
    left, groups = np.ones(len(sizes), bool), []
    for k in np.argsort(-sizes, kind="stable"):
        if left[k]:
            group = [k, *(j for j in np.flatnonzero(close[k] & left) if j != k)]
            left[group] = False
            groups.append(group)
    return _joined(directions, outputs, groups)


def _joined(directions, outputs, groups):
    """Return the direction and the outputs of the best single neuron of every group; the first one gives its sign."""
    merged_directions = np.zeros((len(groups), directions.shape[1]))
    merged_outputs = np.zeros((len(groups), outputs.shape[1]))
    for row, group in enumerate(groups):
        direction, output = directions[group[0]], outputs[group[0]]
        if len(group) > 1:
            # sum_k u_k a_k^T is the group on its cell; the best single neuron is its largest singular triple.
            vectors, strengths, weights = np.linalg.svd(directions[group].T @ outputs[group], full_matrices=False)
            sign = np.sign(vectors[:, 0] @ direction)
            direction, output = sign * vectors[:, 0], sign * strengths[0] * weights[0]
        merged_directions[row], merged_outputs[row] = direction, output
    return merged_directions, merged_outputs
