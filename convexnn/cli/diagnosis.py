"""The problems of a table's columns, all of them, each with its first row and the option that helps."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..exchange.cells import as_labels, as_numbers, as_truth, first_row
from ..exchange.preparation import BOOLEAN, NUMBER, REFUSE
from .kinds import Kind, kind_of
from .marks import PLAIN_MARKS
from .problems import Problem, argument, columns_text
from .rereading import rereading

FEATURE, TARGET, WEIGHT = "feature", "target", "weight"
# A feature that the network needs: no option fills it or leaves it out.
INPUT = "input"
# A message proposes to take up to 6 distinct cells among numbers for missing.
MAX_PROPOSED_MARKS = 6
# The options that missing values need.
MISSING_OPTIONS = {FEATURE: ("--impute median",), TARGET: ("--drop-missing-target",)}
KIND_ADVICE = {
    Kind.date: "Make numbers of them first, such as the days since a day or the month",
    Kind.signed: "Remove it first",
    Kind.pointed: "Make numbers of them",
    Kind.marked: "Make numbers of them",
    Kind.other: "Make numbers or text of it",
}


@dataclass(frozen=True)
class Rules:
    """The options of a training command that make columns usable.

    Attributes
    ----------
    encode : bool
        Text becomes 0/1 inputs.
    max_categories : int
        Largest number of categories of one column.
    categorical : list of str
        Columns whose cells are categories, whatever they look like.
    impute : {"median", "drop"} or None
        None: missing values are refused.
    drop_missing_target : bool
        Rows without a target are left out.
    keep : list of str or None
        Columns to use though they are constant or count the rows; None: all of them.
    labels : bool
        The target holds classes, whatever they look like.
    """

    encode: bool = False
    max_categories: int = 20
    categorical: tuple = ()
    impute: str | None = None
    drop_missing_target: bool = False
    keep: tuple | None = None
    labels: bool = False


def feature_problems(frame, names, rules):
    """Return the problems of the features of a training table."""
    # Text is encoded, left out or refused; columns that look like numbers are read in another way.
    kinds = {name: _as_asked(_kind_of(frame, name), name in rules.categorical) for name in names}
    text = [name for name, (kind, _) in kinds.items() if kind is Kind.text]
    many = [name for name in text if frame[name].nunique() > rules.max_categories]
    plain = [name for name in text if name not in many and not (rules.encode or name in rules.categorical)]
    problems = [
        _text_problem(frame, plain, kinds, FEATURE, (_encoding(plain), _drop_advice(plain)), ("--encode",)),
        _crowd_problem(frame, many, rules.max_categories),
        *_look_problems(frame, kinds, FEATURE),
        *_size_problems(frame, kinds, FEATURE),
    ]
    if rules.impute is None:
        problems.append(_gap_problem(frame, names, FEATURE))
    else:
        problems.append(_empty_problem(frame, names))
    return [problem for problem in problems if problem is not None]


def target_problems(frame, names, rules):
    """Return the problems of the targets: numbers, or labels in one column."""
    kinds = {name: _as_asked(_kind_of(frame, name), rules.labels or name in rules.categorical) for name in names}
    text = [name for name, (kind, _) in kinds.items() if kind is Kind.text] if len(names) > 1 else []
    problems = [
        _text_problem(frame, text, kinds, TARGET, ("Several targets are numbers",)),
        *_look_problems(frame, kinds, TARGET),
        *_size_problems(frame, kinds, TARGET),
    ]
    if not rules.drop_missing_target:
        problems.append(_gap_problem(frame, names, TARGET))
    return [problem for problem in problems if problem is not None]


def number_problems(frame, names, role, can_be_missing=False):
    """Return the problems of columns that have to hold numbers, where no option could encode or fill them."""
    kinds = {name: _kind_of(frame, name) for name in names}
    text = [name for name, (kind, _) in kinds.items() if kind is Kind.text]
    problems = [
        _text_problem(frame, text, kinds, role, ()),
        *_look_problems(frame, kinds, role),
        *_size_problems(frame, kinds, role),
        None if can_be_missing else _gap_problem(frame, names, role),
    ]
    return [problem for problem in problems if problem is not None]


def weight_problems(frame, names):
    """Return the problems of the column of the weights, if there is one."""
    problems = number_problems(frame, names, WEIGHT)
    for name in names if not problems else ():
        is_negative = as_numbers(frame[name])[0] < 0
        if is_negative.any():
            problems.append(negative_problem(_cell(frame, name, is_negative)))
    return problems


def negative_problem(cell):
    """Return the problem of a negative weight; `cell` names the first of them."""
    return Problem(f"{columns_text([cell], WEIGHT)}: none may be negative.")


def prepared_problems(frame, preparation):
    """Return the problems of a table for a network that was trained on another one, with its `Preparation`."""
    numbers = [column.name for column in preparation.columns if column.kind == NUMBER]
    problems = number_problems(frame, numbers, INPUT, can_be_missing=True)
    for column in preparation.columns:
        if column.kind == BOOLEAN:
            _, is_bad = as_truth(frame[column.name])
            if is_bad.any():
                cell = _cell(frame, column.name, is_bad)
                problems.append(
                    Problem(f"{columns_text([cell], FEATURE)}: the training table had true and false there.")
                )
    gaps = _gap_problem(frame, preparation.names, FEATURE, "The network was trained without --impute")
    return [*problems, *([gaps] if preparation.missing == REFUSE and gaps else [])]


def _kind_of(frame, name):
    return kind_of(frame[name], frame.attrs.get("marks", PLAIN_MARKS))


def _as_asked(found, is_categorical):
    """Return a kind and its rows; text where the column is said to hold categories."""
    return (Kind.text, found[1]) if is_categorical else found


def _text_problem(frame, names, kinds, role, advice, options=()):
    if not names:
        return None
    cells = [_cell(frame, name, kinds[name][1]) for name in names]
    tail = f" {', or '.join(advice)}." if advice else ""
    drop = () if role != FEATURE or options else tuple(names)
    return Problem(f"{columns_text(cells, role)}: networks need numbers.{tail}", options, drop if advice else ())


def _encoding(names):
    return f"--encode makes a 0/1 input of every category{' of them' if len(names) > 1 else ''}"


def _drop_advice(names):
    return f"leave {'it' if len(names) == 1 else 'them'} out with {argument('drop', names)}"


def _crowd_problem(frame, names, most):
    cells = [f"{name!r} ({frame[name].nunique()}; row 1: {as_labels(frame[name].iloc[:1])[0]!r})" for name in names]
    return crowd_problem(names, cells, most)


def crowd_problem(names, cells, most):
    """Return the problem of columns with too many categories, None without any; `cells` says which they have."""
    if not names:
        return None
    text = f"{columns_text(cells, FEATURE)}: more categories than --max-categories {most} allows. Raise it, or"
    return Problem(f"{text} {_drop_advice(names)}.", drop=tuple(names))


def _look_problems(frame, kinds, role):
    """Return the problems of columns that could be numbers, if the file was read or written in another way."""
    groups = {}
    found = rereading(frame)
    for name, (kind, shows) in kinds.items():
        # Columns with other marks are one problem of the file, not one each.
        if not (kind is Kind.marked and found):
            groups.setdefault(kind, {})[name] = _cell(frame, name, shows)
    problems = [] if found is None else _marks_problems(found, [n for n in kinds if kinds[n][0] is not Kind.text], role)
    for kind, cells in groups.items():
        head, names = columns_text(list(cells.values()), role), list(cells)
        if kind in KIND_ADVICE:
            problems.append(_written_problem(f"{head}: {kind.value}. {KIND_ADVICE[kind]}", names, role))
        elif kind is Kind.mixed:
            problems.append(_mixed_problem(frame, {name: kinds[name][1] for name in names}, head, role))
    return problems


def _marks_problems(found, names, role):
    """Return the problems of columns whose numbers have other marks than those that the file is read with."""
    problems = []
    changed, strays = found.changed(names), found.strays(names)
    if changed:
        head, options = _numerals_text(found, changed, role), [found.options(way) for way in found.ways]
        instead = f" in place of {found.replaced()}" if found.replaced() else ""
        text = f"{head}: numbers, when the file is read with {' '.join(options[0])}{instead}."
        if len(options) > 1:
            text = f"{head}: numbers, but of which size? {_readings(found, changed, options)}."
        problems.append(Problem(text, options[0]) if len(options) == 1 else Problem(text, choices=tuple(options)))
    if strays:
        text = f"{_numerals_text(found, strays, role)}: numbers that are written in another way than others of the file"
        problems.append(_written_problem(f"{text}. Write all of them alike", strays, role))
    return problems


def _numerals_text(found, names, role):
    cells = [f"{name!r} (row {found.columns[name].row}: {found.columns[name].cells[0]!r})" for name in names]
    return columns_text(cells, role)


def _readings(found, names, options):
    """Return what becomes of a number with each of the choices."""
    one, other = found.ways
    cells = [cell for name in names for cell in found.columns[name].cells]
    # The example is a cell that the two ways of reading make different numbers of.
    cell = next((cell for cell in cells if one.plain(cell) != other.plain(cell)), cells[0])
    first, second = (" ".join(option) for option in options)
    return f"With {first} {cell!r} is {one.plain(cell)}, with {second} it is {other.plain(cell)}"


def _written_problem(text, names, role):
    """Return a problem that the file has to be written anew for, or a feature left out."""
    if role != FEATURE:
        return Problem(f"{text}.")
    return Problem(f"{text}, or {_drop_advice(names)}.", drop=tuple(names))


def _mixed_problem(frame, shows, head, role):
    """Return the problem of columns of numbers with some text between them."""
    marks = sorted({str(cell).strip() for name, rows in shows.items() for cell in frame[name][rows]})
    proposed = tuple(marks[:MAX_PROPOSED_MARKS])
    missing = f"{argument('na_values', proposed)} takes the others for missing values"
    text = f"{head}: networks need numbers, as most cells are. {missing}"
    if role == FEATURE:
        text += f", {argument('categorical', shows)} all cells for categories"
    return Problem(f"{text}.", MISSING_OPTIONS.get(role, ()), na_values=proposed)


def _size_problems(frame, kinds, role):
    """Return the problem of infinite values."""
    rows = {}
    for name, (kind, _) in kinds.items():
        if kind is Kind.number:
            is_infinite = np.isinf(as_numbers(frame[name])[0])
            rows |= {name: first_row(is_infinite)} if is_infinite.any() else {}
    return infinity_problems(rows, role)


def infinity_problems(rows, role):
    """Return the problem of infinite values; `rows` has the first row with one by the names of columns."""
    if not rows:
        return []
    head = columns_text([repr(name) for name in rows], role)
    first = f"(first in row {', '.join(map(str, rows.values()))})"
    text = f"{head}: infinite values cannot be used {first}. --na-values inf,-inf takes them for missing."
    return [Problem(text, MISSING_OPTIONS.get(role, ()), na_values=("inf", "-inf"))]


def _gap_problem(frame, names, role, reason=None):
    """Return the problem of missing values."""
    gaps = {name: frame[name].isna().to_numpy() for name in names}
    gaps = {name: Gaps(int(is_gap.sum()), len(is_gap), first_row(is_gap)) for name, is_gap in gaps.items()}
    has_text = any(_kind_of(frame, name)[0] is Kind.text for name in gaps if gaps[name].n_missing)
    return gap_problem(gaps, role, has_text, reason)


class Gaps(NamedTuple):
    """Missing values of a column.

    Attributes
    ----------
    n_missing, n_rows : int
    first : int or str
        The first row without a value.
    """

    n_missing: int
    n_rows: int
    first: int | str


def gap_problem(gaps, role, has_text=False, reason=None):
    """Return the problem of missing values, None without any; `gaps` has the `Gaps` by the names of columns."""
    gaps = {name: found for name, found in gaps.items() if found.n_missing}
    if not gaps:
        return None
    cells = [f"{name!r} ({found.n_missing} of {found.n_rows})" for name, found in gaps.items()]
    rows = ", ".join(str(found.first) for found in gaps.values())
    text = f"{columns_text(cells, role)}: values are missing, first in row {rows}."
    if reason is not None:
        return Problem(f"{text} {reason}: fill them in, or leave out these rows.")
    if role == FEATURE:
        advice = f"--impute median fills them, --impute drop leaves out their rows, or {_drop_advice(list(gaps))}."
        if has_text:
            advice += " Where NA or null is text, --keep-na."
        return Problem(f"{text} {advice}", ("--impute median",))
    if role == TARGET:
        return Problem(f"{text} --drop-missing-target leaves out these rows.", ("--drop-missing-target",))
    return Problem(
        f"{text} {'Give every row a weight' if role == WEIGHT else 'Fill them in, or leave out these rows'}."
    )


def _empty_problem(frame, names):
    return empty_problem([name for name in names if frame[name].isna().all()])


def empty_problem(names):
    """Return the problem of columns without any values, None without such columns."""
    if not names:
        return None
    text = f"{columns_text(list(map(repr, names)), FEATURE)}: no values at all. You can {_drop_advice(names)}."
    return Problem(text, drop=tuple(names))


def _cell(frame, name, rows):
    """Return the name of a column with the first row that is marked and its cell."""
    row = first_row(rows)
    return f"{name!r} (row {row}: {str(frame[name].iloc[row - 1])!r})"
