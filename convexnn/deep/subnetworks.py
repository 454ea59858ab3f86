"""From blocks and weights to sub-networks of mass one (`Part`), to their cells, and to a network of them."""

import numpy as np

from .._utils.norms import nonzero, norms
from ..masses.lasso import best_masses
from ..masses.pruning import prune_masses
from .cells import Cells
from .scaled import Part

# Networks are tried without the blocks below 1e-8, 1e-6 and 1e-4 of the largest: Clarabel leaves a little in all.
DROPPED_SIZE_SHARES = (1e-8, 1e-6, 1e-4)


def make_part(X, directions, sizes, signs, output_sign):
    """Return the `Part` of some neurons after pruning them to independent fits; None where it is zero on X."""
    hidden = np.maximum(X @ directions.T, 0.0) * signs
    # Neurons with dependent values on X are moved into fewer, at no cost.
    sizes = prune_masses(hidden, sizes)
    used = sizes > 0
    fit = np.maximum(hidden @ sizes, 0.0)
    if not fit.any():
        return None
    # Scaled to mass one: the masses of the sub-networks are found afterwards.
    total = sizes.sum()
    return Part(directions[used] * (sizes[used] / total)[:, None], signs[used], output_sign, output_sign * fit / total)


def part_of_layers(X, first, second, output_sign):
    """Return the `Part` of a first layer (m, r) and second-layer weights (m,); None where it is zero on X."""
    lengths = norms(first)
    return make_part(X, first / nonzero(lengths)[:, None], lengths * np.abs(second), np.sign(second), output_sign)


def cell_parts(form, blocks, output_sign, smallest):
    """Return a `Part` for each cell that has blocks longer than `smallest`."""
    sizes, parts = norms(blocks), []
    kept = np.flatnonzero(sizes > smallest)
    for cell in np.unique(form.cells.owner[kept]):
        slots = kept[form.cells.owner[kept] == cell]
        directions = blocks[slots] / sizes[slots, None]
        part = make_part(form.cells.X, directions, sizes[slots], form.cells.signs[slots], output_sign)
        parts.extend([part] if part is not None else [])
    return parts


def masses_of(parts, unit):
    """Return the best masses of some parts, one or more, for the targets of a `UnitProblem`."""
    return best_masses(np.column_stack([part.fit for part in parts]), unit.y, unit.beta)


def best_network(problem, unit, form, positive, negative):
    """Return the best network of the blocks, small ones dropped and the masses solved for once more, and its parts."""
    networks, largest = [(problem.zero_network(), [])], max(norms(b).max() for b in (positive, negative))
    for share in DROPPED_SIZE_SHARES:
        parts = cell_parts(form, positive, 1.0, share * largest) + cell_parts(form, negative, -1.0, share * largest)
        if parts:
            # The directions of the interior point are better than its masses: a lasso finds the masses again.
            masses = masses_of(parts, unit)
            networks.append((problem.lift(parts, masses * unit.y_scale / unit.x_scale), parts))
    return min(networks, key=lambda pair: pair[0].objective(problem.X, problem.y, problem.beta))


def cells_of(X, parts):
    """Return the distinct `Cells` that hold some parts, one or more; neurons of one pattern and sign share a slot."""
    slots, masks = {}, {}
    for part in parts:
        # One row for each neuron: its pattern, then its sign.
        rows = np.unique(np.column_stack([part.neurons @ X.T > 0, part.signs]), axis=0)
        mask = part.fit != 0
        key = rows.tobytes() + mask.tobytes()
        slots[key], masks[key] = rows, mask
    owner = np.repeat(np.arange(len(masks)), [len(rows) for rows in slots.values()])
    stacked = np.concatenate(list(slots.values()))
    return Cells(X, stacked[:, :-1] > 0, stacked[:, -1], np.array(list(masks.values())), owner)


def parts_of_network(network, problem, unit):
    """Return the parts of a `ThreeLayerReLU` in the coordinates of the `UnitProblem`, zero ones left out."""
    first = network.first_weights @ problem.basis
    layers = zip(first, network.second_weights, network.output_weights, strict=True)
    parts = [part_of_layers(unit.X, first, second, np.sign(output)) for first, second, output in layers if output != 0]
    return [part for part in parts if part is not None]
