"""Predict with a saved network: its values, or classes and their probabilities, for every row of a table.

Without --output the predictions are printed as csv.
"""

import numpy as np

from .._utils.libraries import require
from ..exceptions import InvalidInputError
from .arguments import add_table
from .columns import check_there, numeric_columns
from .files import TABLES, check_target_file
from .models import read_model
from .names import resolved
from .outcomes import Outcome, counted, print_pairs
from .prepared import prepared_inputs, read_table, refuse_features
from .problems import listed
from .streams import note
from .tabular import write_frame


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument("model", help="a network saved by fit or by convexnn.exchange")
    add_table(parser)
    parser.add_argument("-o", "--output", metavar="TABLE.csv", help="save the predictions (csv, tsv or parquet)")


def run(arguments):
    """Predict; return the `Outcome`."""
    check_target_file(arguments.output, "--output", TABLES, arguments.data)
    saved = read_model(arguments.model)
    table, problems = read_table(saved, arguments)
    # Names of columns may have commas in them: only the table tells where one ends.
    for option in ("features", "drop"):
        setattr(arguments, option, resolved(table.columns, getattr(arguments, option) or []))
    features, X, complete = _inputs(saved, table, arguments, problems)
    # Rows with missing values get a missing prediction, so that the output has as many rows as the table.
    columns = {name: _spread(values, complete) for name, values in _predicted(saved, X[complete]).items()}
    frame = require("pandas", "cli").DataFrame(columns)
    document = {
        "model": arguments.model,
        "n_samples": len(frame),
        "n_missing": int(np.sum(~complete)),
        "features": features,
        "targets": saved.target_names,
        "classes": saved.classes,
        "preparation": None if saved.preparation is None else saved.preparation.to_json(),
        "predictions": columns,
        "output": None,
    }

    def save():
        write_frame(frame, arguments.output)
        document["output"] = arguments.output

    return Outcome(
        document, lambda console: _show(console, frame, document), save=None if arguments.output is None else save
    )


def _inputs(saved, table, arguments, problems):
    """Return the columns that are used, the inputs of the network, and which rows have all of them."""
    if saved.preparation is None:
        features = _features_of(saved, table, arguments)
        X = numeric_columns(table, features, problems=problems)
        return features, X, np.ones(len(X), dtype=bool)
    refuse_features(arguments)
    check_there(table, "--drop", arguments.drop or [])
    X, complete = prepared_inputs(saved, table, problems, arguments.model)
    _name_unused(table, (*saved.preparation.names, *saved.preparation.left_out), saved, arguments)
    if not complete.all():
        note(f"{np.sum(~complete)} of {len(X)} rows have missing values, and no prediction.")
    return saved.preparation.input_names, X, complete


def _spread(values, complete):
    """Return predictions for all rows, those of incomplete ones missing."""
    if complete.all():
        return values
    spread = np.full(len(complete), np.nan if values.dtype.kind == "f" else None)
    spread[complete] = values
    return spread


def _features_of(saved, table, arguments):
    """Return the columns that the network takes: as given, as the file names them, else all but the targets."""
    targets, dropped = saved.target_names or [], arguments.drop or []
    check_there(table, "--drop", dropped)
    features = arguments.features or saved.feature_names
    if features is None:
        features = [name for name in table.columns if name not in (*targets, *dropped)]
    else:
        check_there(table, "--features" if arguments.features else repr(arguments.model), features)
        _name_unused(table, features, saved, arguments)
    if len(features) != saved.network.n_inputs:
        raise InvalidInputError(
            f"the network takes {counted(saved.network.n_inputs, 'input')}; the table has "
            f"{counted(len(features), 'feature')}: {listed(features)}. Choose them with --features."
        )
    return list(features)


def _name_unused(table, used, saved, arguments):
    """Name the columns that the network does not know."""
    known = (*used, *(saved.target_names or []), *(arguments.drop or []))
    unused = [repr(name) for name in table.columns if name not in known]
    if unused:
        note(f"the network does not use the column{'s' if len(unused) > 1 else ''} {listed(unused)}.")


def _predicted(saved, X):
    """Return the columns of the predictions by their names."""
    names, predictions = saved.target_names, saved.predict(X)
    if saved.classes is None:
        values = predictions.reshape(len(X), -1).T
        endings = names or ([""] if len(values) == 1 else range(1, len(values) + 1))
        return {_named("predicted", ending): column for ending, column in zip(endings, values, strict=True)}
    columns = {_named("predicted", names[0] if names and len(names) == 1 else ""): predictions}
    if saved.has_probabilities:
        kind, values = "probability", saved.predict_proba(X).T
    else:
        kind, values = "decision", saved.decision_function(X).reshape(len(X), -1).T
    # One value speaks for the second class.
    endings = saved.classes if len(values) > 1 else saved.classes[1:]
    return columns | {_named(kind, ending): column for ending, column in zip(endings, values, strict=True)}


def _named(kind, ending):
    return kind if ending == "" else f"{kind}_{ending}"


def _show(console, frame, document):
    if document["output"] is None:
        console.file.write(frame.to_csv(index=False))
        return
    pairs = {"data": counted(len(frame), "row"), "columns": ", ".join(frame.columns), "saved to": document["output"]}
    print_pairs(console, pairs)
