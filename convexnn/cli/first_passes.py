"""The preparation of a table that is larger than memory, in passes over its rows: the one that the whole would have.

The first rows say what kinds of columns there are and which problems they have. A pass over all rows says the rest:
gaps, categories, columns that are constant or count the rows. Rows that are left out need another pass without them,
and medians need five.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..exchange.cells import as_numbers
from ..exchange.preparation import BOOLEAN, TEXT, Column, Preparation
from .diagnosis import (
    FEATURE,
    TARGET,
    WEIGHT,
    crowd_problem,
    empty_problem,
    feature_problems,
    gap_problem,
    infinity_problems,
    negative_problem,
    number_problems,
    target_problems,
)
from .kinds import Kind, kind_of
from .leaving_out import needless, unless_all
from .marks import PLAIN_MARKS
from .medians import medians
from .preparing import check_any_left, note_doubtful, note_unused, preparation_of
from .problems import Problem, argument, columns_text, refuse
from .readers import TableReader, place_in
from .summaries import NumberSummary, TextSummary, TruthSummary

# Labels of a target that are counted; more are no classes.
MAX_LABELS = 10_000
# The types of targets.
LABELS, TRUTH, INTEGERS, NUMBERS = "labels", "truth", "integers", "numbers"


@dataclass(frozen=True)
class Prepared:
    """What the passes have found.

    Attributes
    ----------
    reader : TableReader
        Of the rows that are used.
    preparation : Preparation
    target_type : str
        One of those above.
    """

    reader: TableReader
    preparation: Preparation
    target_type: str


def prepare_in_passes(reader, head, roles, reading, problems):
    """Return the `Prepared` of a table.

    Parameters
    ----------
    reader : TableReader
    head : DataFrame
        The first rows.
    roles : Roles
    reading : Reading
    problems : sequence of Problem
        Those of reading the first rows.

    Raises
    ------
    TableError
        For columns that cannot be used as the rules are.
    """
    first = _Head(head, roles)
    # Columns that may be left out have no problems before all rows have been seen.
    doubtful = set() if first.keeps_all else set(needless(head, roles.features))
    refuse([*problems, *first.problems([n for n in roles.features if n not in doubtful])], *_given(roles, reading))
    found = _summaries(reader, first)
    left_out = first.left_out(found, roles.features)
    names = [name for name in roles.features if name not in left_out]
    more = first.feature_problems([name for name in names if name in doubtful])
    refuse([*more, *_problems(found, names, roles, first.keeps_all)], *_given(roles, reading))
    # Without the incomplete rows other columns may have become constant, and categories gone.
    n_all = n_rows = found[roles.targets[0]].n_rows
    rules = roles.rules
    needed = [*(roles.targets if rules.drop_missing_target else []), *(names if rules.impute == "drop" else [])]
    if any(found[name].n_missing for name in needed):
        reader = reader.without_gaps(needed)
        found = _summaries(reader, first)
        n_rows = found[roles.targets[0]].n_rows
        check_any_left(n_rows, needed)
        left_out |= first.left_out(found, names)
        names = [name for name in names if name not in left_out]
    note_unused(n_all, n_rows, left_out)
    columns = tuple(_column(found[name], rules) for name in names)
    preparation = preparation_of(_with_medians(columns, found, reader, rules), rules, left_out, reading.unusual())
    if not roles.are_chosen:
        note_doubtful(head, columns, rules)
    return Prepared(reader, preparation, _target_type([found[name] for name in roles.targets], n_rows < n_all))


def kinds_of(head, roles):
    """Return the `Kind` of every column that is used, as the first rows show it; None where they show nothing."""
    return {name: _kind_of(head, name, roles) for name in roles.names}


def _kind_of(head, name, roles):
    if name in roles.rules.categorical:
        return Kind.text
    if head[name].isna().all():
        return None
    kind = kind_of(head[name], head.attrs.get("marks", PLAIN_MARKS))[0]
    # Classes may look like anything.
    is_label = roles.rules.labels and name in roles.targets
    return Kind.text if is_label and kind not in (Kind.number, Kind.boolean) else kind


class _Head:
    """What the first rows say."""

    def __init__(self, head, roles):
        self.head, self.roles, self.kinds = head, roles, kinds_of(head, roles)
        self.keeps_all = roles.are_chosen or roles.rules.keep is None

    def problems(self, features):
        """Return the problems that the first rows have, their gaps apart."""
        roles, rules = self.roles, replace(self.roles.rules, drop_missing_target=True)
        weights = self._there([] if roles.weight is None else [roles.weight])
        return [
            *self.feature_problems(features),
            *target_problems(self.head, self._there(roles.targets), rules),
            *number_problems(self.head, weights, WEIGHT, can_be_missing=True),
        ]

    def feature_problems(self, names):
        """Return the problems of some features, their gaps apart."""
        return feature_problems(self.head, self._there(names), replace(self.roles.rules, impute="median"))

    def _there(self, names):
        return [name for name in names if self.kinds[name] is not None]

    def summary(self, name):
        """Return an empty `Summary` for a column."""
        if self.kinds[name] is Kind.text:
            is_target = name in self.roles.targets
            return TextSummary(name, MAX_LABELS if is_target else self.roles.rules.max_categories)
        return (TruthSummary if self.kinds[name] is Kind.boolean else NumberSummary)(name)

    def left_out(self, found, names):
        """Return the columns that say nothing about new rows, with the reasons."""
        if self.keeps_all:
            return {}
        reasons = {name: reason for name in names if (reason := found[name].reason())}
        kept = self.roles.rules.keep
        return {name: reason for name, reason in unless_all(reasons, names).items() if name not in kept}


def _given(roles, reading):
    """Return what `refuse` has to know of the options."""
    return roles.drop or (), reading.na_values


def _summaries(reader, first):
    """Return the `Summary` of every column, in one pass."""
    found = {name: first.summary(name) for name in first.roles.names}
    for frame in reader.each():
        place = place_in(frame)
        for name, summary in found.items():
            summary.add(frame.table[name], place)
    return found


def _problems(found, features, roles, keeps_all):
    """Return the problems that only all rows show."""
    rules = roles.rules
    weights = [] if roles.weight is None else [roles.weight]
    problems = []
    if rules.impute is None:
        has_text = any(found[name].kind == TEXT and found[name].n_missing for name in features)
        problems.append(gap_problem({name: found[name].gaps for name in features}, FEATURE, has_text))
    else:
        problems.append(empty_problem([name for name in features if found[name].is_empty]))
    if not rules.drop_missing_target:
        problems.append(gap_problem({name: found[name].gaps for name in roles.targets}, TARGET))
    problems.append(gap_problem({name: found[name].gaps for name in weights}, WEIGHT))
    for names, role in ((features, FEATURE), (roles.targets, TARGET), (weights, WEIGHT)):
        problems.append(_stray_problem([found[name] for name in names], role))
        numbers = [found[name] for name in names if isinstance(found[name], NumberSummary)]
        problems += infinity_problems({one.name: one.first_infinite for one in numbers if one.first_infinite}, role)
    problems.append(_crowds([found[name] for name in features if found[name].kind == TEXT]))
    problems += [] if keeps_all else _doubts([found[name] for name in features], rules.keep)
    negative = [f"{name!r} (row {found[name].first_negative})" for name in weights if found[name].first_negative]
    problems += [negative_problem(cell) for cell in negative]
    return [problem for problem in problems if problem is not None]


def _crowds(summaries):
    crowded = [one for one in summaries if one.is_crowded]
    cells = [f"{one.name!r} (over {one.most}; row 1: {one.first!r})" for one in crowded]
    return crowd_problem([one.name for one in crowded], cells, crowded[0].most if crowded else 0)


def _stray_problem(summaries, role):
    """Return the problem of cells that are not of the kind that the first rows show."""
    stray = [one for one in summaries if one.stray]
    if not stray:
        return None
    cells = [f"{one.name!r} (row {one.stray[0]}: {str(one.stray[1])!r})" for one in stray]
    names = [one.name for one in stray]
    marks = argument("na_values", dict.fromkeys(str(one.stray[1]) for one in stray))
    text = f"{columns_text(cells, role)}: other cells than the first rows have. {marks} takes them for missing values"
    if role == FEATURE or (role == TARGET and len(names) == 1):
        text += f", {argument('categorical', names)} all cells for {'categories' if role == FEATURE else 'labels'}"
    return Problem(f"{text}.")


def _doubts(summaries, kept):
    """Return the problem of columns of which one pass does not tell whether they number the rows."""
    names = [one.name for one in summaries if one.is_doubtful and one.name not in kept]
    if not names:
        return []
    text = f"{columns_text(list(map(repr, names)), FEATURE)}: read in blocks, it is not known whether"
    words = "these count the rows" if len(names) > 1 else "this counts the rows"
    return [Problem(f"{text} {words}. Use {argument('drop', names)}, or {argument('keep', names)}.")]


def _column(summary, rules):
    """Return what is kept of a column; the median of numbers comes later."""
    is_filled = rules.impute == "median"
    if summary.kind == TEXT:
        categories = sorted(summary.counts)
        most = max(categories, key=summary.counts.get) if is_filled else None
        return Column(summary.name, TEXT, most, tuple(categories))
    if summary.kind == BOOLEAN:
        return Column(summary.name, BOOLEAN, float(summary.n_true > summary.n_false) if is_filled else None)
    return Column(summary.name)


def _with_medians(columns, found, reader, rules):
    """Return the columns with the medians of the numbers, where missing ones are filled."""
    names = [column.name for column in columns if isinstance(found[column.name], NumberSummary)]
    if rules.impute != "median" or not names:
        return columns
    counts = [found[name].n_rows - found[name].n_missing for name in names]

    def one_pass():
        for frame in reader.each():
            yield np.column_stack([as_numbers(frame.table[name])[0] for name in names])

    fills = dict(zip(names, medians(one_pass, counts), strict=True))
    return tuple(replace(column, fill=fills[column.name]) if column.name in fills else column for column in columns)


def _target_type(summaries, are_rows_left_out):
    """Return what the targets are: as the type of the column in a whole table would say."""
    first = summaries[0]
    if len(summaries) > 1:
        return NUMBERS
    if first.kind == TEXT:
        return LABELS
    if first.kind == BOOLEAN:
        return TRUTH
    # Whole numbers become classes again once the gaps that made floats of them are gone.
    return INTEGERS if (first.are_integers or are_rows_left_out) and first.are_whole else NUMBERS
