"""The preparation of a training table: which columns, what stands for missing values, which categories."""

import numpy as np

from ..exceptions import InvalidInputError
from ..exchange.cells import as_labels, as_numbers, as_truth
from ..exchange.preparation import BOOLEAN, DROP, FILL, NUMBER, REFUSE, TEXT, Column, Preparation
from .diagnosis import feature_problems, target_problems
from .kinds import Kind, kind_of
from .leaving_out import are_days, has_name_of_identifiers, needless
from .problems import argument, listed
from .streams import note


def prepare(frame, features, targets, rules, chosen, reading):
    """Return the rows of a training table that are used, its `Preparation`, and a list of problems, empty if there are
    none.

    Parameters
    ----------
    frame : DataFrame
    features, targets : list of str
    rules : Rules
    chosen : bool
        Whether the features were named: then none is left out.
    reading : dict
        What was unusual about reading the table.
    """
    left_out = {} if chosen else _left_out(frame, features, rules)
    names = [name for name in features if name not in left_out]
    problems = feature_problems(frame, names, rules) + target_problems(frame, targets, rules)
    if problems:
        return frame, None, problems
    rows = _complete_rows(frame, names, targets, rules)
    # Without the incomplete rows other columns may have become constant.
    if not chosen and len(rows) < len(frame):
        left_out |= _left_out(rows, names, rules)
        names = [name for name in names if name not in left_out]
    note_unused(len(frame), len(rows), left_out)
    columns = tuple(_column(rows[name], name, rules) for name in names)
    preparation = preparation_of(columns, rules, left_out, reading)
    if not chosen:
        note_doubtful(rows, columns, rules)
    return rows, preparation, []


def preparation_of(columns, rules, left_out, reading):
    """Return the `Preparation` of columns by the rules; inputs of the same name are refused."""
    missing = {None: REFUSE, "median": FILL, "drop": DROP}[rules.impute]
    preparation = Preparation(columns, missing, rules.drop_missing_target, left_out, reading)
    _refuse_names_twice(preparation.input_names)
    return preparation


def _left_out(frame, names, rules):
    if rules.keep is None:
        return {}
    found = needless(frame, names)
    return {name: reason for name, reason in found.items() if name not in rules.keep}


def _complete_rows(frame, features, targets, rules):
    """Return the rows that are used for training."""
    needed = (targets if rules.drop_missing_target else []) + (features if rules.impute == "drop" else [])
    rows = frame.dropna(subset=needed).reset_index(drop=True) if needed else frame
    check_any_left(len(rows), needed)
    # Whole numbers become classes again once the gaps that made floats of them are gone.
    whole = {name: "int64" for name in targets if _became_float(frame[name], rows[name])}
    return rows.astype(whole) if whole else rows


def check_any_left(n_rows, needed):
    """Refuse a table of which no row has all columns that are needed."""
    if n_rows == 0:
        raise InvalidInputError(f"no row of the table has all of {listed(list(map(repr, needed)))}: nothing is left.")


def _became_float(before, after):
    """Whether the cells of a column are whole numbers, which gaps elsewhere in it have turned into floats."""
    return before.dtype.kind == "f" and len(after) < len(before) and bool(np.all(np.mod(after, 1) == 0))


def _column(cells, name, rules):
    """Return what is kept of a column."""
    kind, _ = kind_of(cells)
    if kind is Kind.text or name in rules.categorical:
        labels = [label for label in as_labels(cells) if label is not None]
        categories, counts = np.unique(np.array(labels, dtype=object), return_counts=True)
        fill = str(categories[np.argmax(counts)]) if rules.impute == "median" else None
        return Column(name, TEXT, fill, tuple(map(str, categories)))
    if kind is Kind.boolean:
        values = as_truth(cells)[0]
        fill = float(np.nanmean(values) > 0.5) if rules.impute == "median" else None
        return Column(name, BOOLEAN, fill)
    fill = float(np.nanmedian(as_numbers(cells)[0])) if rules.impute == "median" else None
    return Column(name, NUMBER, fill)


def _refuse_names_twice(names):
    twice = sorted({repr(name) for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"--encode makes inputs of the names {listed(twice)}, which other columns have.")


def note_unused(n_all, n_used, left_out):
    """Print notes on the columns and rows that are not used."""
    if left_out:
        usable = [name for name, reason in left_out.items() if reason != "empty"]
        advice = f" {argument('keep', usable)} uses {_them(usable)}." if usable else ""
        reasons = [f"{name!r} {_verb(reason)}" for name, reason in left_out.items()]
        note(f"not used: {listed(reasons)}.{advice}")
    if n_used < n_all:
        note(f"{n_all - n_used} of {n_all} rows are left out, where values are missing.")


def note_doubtful(rows, columns, rules):
    """Say which columns are used as numbers although their names or their cells say that they are none."""
    kept = rules.keep or ()
    names = [column.name for column in columns if column.kind == NUMBER and column.name not in kept]
    found = [name for name in names if has_name_of_identifiers(name) and rows[name].dtype.kind in "iu"]
    days = [name for name in names if name not in found and are_days(rows[name])]
    if found:
        drop, encode = argument("drop", found), argument("categorical", found)
        advice = f"{drop} leaves {_them(found)} out, {encode} makes categories of {_them(found)}"
        note(f"{listed([repr(name) for name in found])} {_are_numbers(found)}: {advice}.")
    if days:
        cells = [f"{name!r} (row 1: {rows[name].iloc[0]})" for name in days]
        advice = "make the days since the first of them, or the month"
        note(f"{listed(cells)} {_are_numbers(days)}, and may be days: {advice}, or {argument('drop', days)}.")


def _are_numbers(names):
    return "is used as a number" if len(names) == 1 else "are used as numbers"


def _verb(reason):
    return reason if reason.endswith("the rows") else f"is {reason}"


def _them(names):
    return "it" if len(names) == 1 else "them"
