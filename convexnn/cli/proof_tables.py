"""How a table becomes the data of a proof, in the terms of its checker: columns, labels, centre and scale."""

import numpy as np

from ..exchange.preparation import NUMBER, TEXT
from ..proofs import checker
from .tasks import class_text


def recipe_of(saved, data, y, arguments):
    """Return the entry `table` of a proof file, or None where the checker would read other data from the table.

    Tables with missing values, marks of their own or other formats are such: they are checked with the package.
    """
    inputs = _inputs(saved, data)
    if inputs is None:
        return None
    labels = [None] * len(data.targets) if saved.classes is None else [class_text(saved.classes[-1])]
    n_inputs = len(inputs)
    recipe = {
        "inputs": inputs,
        "targets": [list(pair) for pair in zip(data.targets, labels, strict=True)],
        "weight": arguments.weight,
        "center": np.broadcast_to(0.0 if data.center is None else data.center, n_inputs).tolist(),
        "scale": np.broadcast_to(1.0 if data.scale is None else data.scale, n_inputs).tolist(),
    }
    weight = np.ones(len(data.X)) if data.weight is None else data.weight
    return recipe if _reads(recipe, arguments.data, data.X, y, weight) else None


def _inputs(saved, data):
    """Return pairs of a column and a label (None for numbers), one for every input; None where that is not all."""
    if saved.preparation is None:
        return [[name, None] for name in data.features]
    columns = saved.preparation.columns
    if any(column.kind not in (NUMBER, TEXT) for column in columns):
        return None
    return [[column.name, label] for column in columns for label in (column.categories or (None,))]


def _reads(recipe, path, *data):
    """Whether the checker reads exactly these data from the table."""
    try:
        found = checker.read_table(path, {"table": recipe})
    except (OSError, ValueError, IndexError):
        return False
    return checker.fingerprint(*found) == checker.fingerprint(*data)
