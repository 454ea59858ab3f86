"""Tables for a network from a file: read and prepared as its training table was."""

import warnings
from dataclasses import replace

import numpy as np

from ..exceptions import InvalidInputError
from ..exchange.preparation import TEXT
from .arguments import reading_of
from .columns import Dataset, check_there, choose_columns, target_values, with_columns
from .diagnosis import TARGET, Rules, prepared_problems, target_problems, weight_problems
from .names import resolved
from .outcomes import reading_text
from .paths import is_parquet, table_files
from .problems import listed, refuse
from .streams import note
from .tabular import inspect_frame


def read_table(saved, arguments):
    """Return the table that the arguments name, and the problems that were found while it was read.

    What the arguments do not say about reading it is taken from the file of the network.
    """
    # The table is read as the training table was, unless options say otherwise.
    kept = {} if saved.preparation is None else saved.preparation.reading
    reading = reading_of(arguments, kept)
    taken = {name: value for name, value in kept.items() if not getattr(arguments, name)}
    files = table_files(arguments.data)
    if taken and not is_parquet(files[0]):
        note(f"the table is read as the training table was: {reading_text(taken)}.")
    columns = () if saved.preparation is None else saved.preparation.columns
    encoded = [column.name for column in columns if column.kind == TEXT]
    return inspect_frame(files, reading, lambda _: encoded)


def prepared_inputs(saved, frame, problems, path):
    """Return the inputs (n_rows, n_inputs) of a network with a `Preparation`, and which rows lack none (bool).

    Raises
    ------
    InvalidInputError
        For columns that are missing, and cells that cannot be used.
    """
    preparation = saved.preparation
    check_there(frame, repr(path), preparation.names)
    frame = with_columns(frame, preparation.names)
    refuse([*problems, *prepared_problems(frame, preparation)])
    _name_unknown(preparation, frame)
    X = preparation.apply(frame)
    # Rows with missing values get no prediction; in training they were left out too.
    complete = ~np.isnan(X).any(axis=1)
    if not complete.any():
        raise InvalidInputError("data: every row has missing values, and the network was trained with --impute drop.")
    return X, complete


def _name_unknown(preparation, frame):
    """Say which categories the training table did not have."""
    unknown = {column.name: column.unknown(frame[column.name]) for column in preparation.columns}
    found = [f"{name!r} ({listed([repr(label) for label in labels])})" for name, labels in unknown.items() if labels]
    if found:
        warnings.warn(f"categories that the training table lacks count as none of its: {listed(found)}.", stacklevel=2)


def training_data(saved, arguments, target):
    """Return the `Dataset` that a saved network is certified on, as the network was trained: not scaled yet."""
    frame, problems = read_table(saved, arguments)
    if saved.preparation is not None:
        return _prepared_data(saved, frame, arguments, target, problems)
    features = arguments.features or saved.feature_names
    if not arguments.features:
        check_there(frame, repr(arguments.model), features or [])
    rules = Rules(labels=saved.classes is not None)
    return choose_columns(frame, target, features, arguments.drop, arguments.weight, rules=rules, problems=problems)


def _prepared_data(saved, frame, arguments, target, problems):
    preparation = saved.preparation
    refuse_features(arguments)
    targets = resolved(frame.columns, target.split(","))
    weights = [] if arguments.weight is None else [arguments.weight]
    check_there(frame, "--target", targets)
    check_there(frame, "--weight", weights)
    check_there(frame, repr(arguments.model), preparation.names)
    frame = with_columns(frame, [*preparation.names, *targets, *weights])
    rules = Rules(drop_missing_target=preparation.drop_missing_target, labels=saved.classes is not None)
    problems = [*problems, *target_problems(frame, targets, rules), *weight_problems(frame, weights)]
    X, rows = prepared_inputs(saved, frame, problems, arguments.model)
    rows &= ~frame[targets].isna().to_numpy().any(axis=1)
    if not rows.any():
        raise InvalidInputError(f"data: no row has all features and the {TARGET}.")
    if not rows.all():
        note(f"{np.sum(~rows)} of {len(rows)} rows are left out, as in training: values are missing.")
    frame = frame[rows].reset_index(drop=True)
    data = Dataset(X[rows], target_values(frame, targets), preparation.input_names, targets, preparation=preparation)
    return replace(data, weight=frame[weights[0]].to_numpy(dtype=float)) if weights else data


def refuse_features(arguments):
    """Refuse a choice of columns for a file that says how its columns are prepared."""
    if arguments.features:
        raise InvalidInputError(f"--features: {arguments.model!r} says which columns it takes, and how. Leave it out.")
