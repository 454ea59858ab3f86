"""The outcome of a command, printed as tables or as one JSON object."""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

# Output that does not go to a terminal has 160 columns.
FILE_WIDTH = 160
DIGITS = ".8g"
MISSING_SENTENCES = {"median": "missing values filled", "drop": "rows with missing values left out"}


class ExitCode(IntEnum):
    """The exit code that the shell sees."""

    done = 0
    not_proven = 1
    bad_input = 2
    failed = 3
    interrupted = 130


@dataclass(frozen=True)
class Outcome:
    """The result of a command.

    Attributes
    ----------
    document : dict
        What ``--json`` prints, `exit_code` apart.
    show : callable
        Takes a rich console and prints the tables.
    exit_code : ExitCode
    save : callable, optional
        Writes the files that were asked for, before the document is printed; it is printed also where this fails.
    """

    document: dict
    show: Callable
    exit_code: ExitCode = ExitCode.done
    save: Callable | None = None


def proven_or_not(proven, interrupted=False, required=True):
    """Return the exit code of a finished command; a proof that is not required may be missing."""
    if interrupted:
        return ExitCode.interrupted
    return ExitCode.done if proven or not required else ExitCode.not_proven


def to_json(document):
    """Return a document as JSON: numbers as numbers, what is not finite as null."""
    return json.dumps(_plain(document), indent=2, allow_nan=False, ensure_ascii=False)


def _plain(value):
    """Return `value` as dicts, lists, strings and finite numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    # JSON has neither NaN nor infinity: both become null.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def certificate_entries(certificate):
    """Return the figures of a certificate for a document."""
    names = ("primal", "dual", "gap", "relative_gap", "proof", "heuristic_gap", "status")
    return {name: getattr(certificate, name) for name in names}


def prepared_text(preparation):
    """Return in words how raw columns become inputs, None where they are taken as they are."""
    if preparation is None or preparation.is_plain:
        return None
    encoded = [column for column in preparation.columns if column.categories]
    parts = []
    if encoded:
        n_inputs = sum(len(column.categories) for column in encoded)
        parts.append(f"{', '.join(column.name for column in encoded)} encoded as {counted(n_inputs, 'input')}")
    if preparation.missing in MISSING_SENTENCES:
        parts.append(MISSING_SENTENCES[preparation.missing])
    if preparation.left_out:
        parts.append(f"{', '.join(preparation.left_out)} not used")
    if preparation.reading:
        parts.append(reading_text(preparation.reading))
    return "; ".join(parts) or None


def reading_text(reading):
    """Return as options how a table was read."""
    return " ".join(f"--{name.replace('_', '-')}{_argument(value)}" for name, value in reading.items())


def _argument(value):
    if value is True:
        return ""
    return f" {shlex.quote(','.join(value) if isinstance(value, list) else value)}"


def make_console(stream):
    """Return a rich console that neither wraps files and pipes at 80 columns nor colours figures."""
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else FILE_WIDTH)


def print_pairs(console, pairs):
    """Print names and values in two columns; None is not printed."""
    known = {name: value for name, value in pairs.items() if value is not None}
    width = max(map(len, known))
    for name, value in known.items():
        console.print(f"{name:<{width}}  {cell(value)}", soft_wrap=True)


def print_table(console, rows, columns, formats=None):
    """Print rows (mappings) under headings.

    Parameters
    ----------
    console : rich.console.Console
    rows : sequence of mappings
    columns : dict
        From the key of a column to its heading.
    formats : dict, optional
        From the key of a column to the format of its numbers; eight digits by default.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    formats = formats or {}
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for key, heading in columns.items():
        # Columns with words are aligned to the left, figures to the right.
        words = any(isinstance(row[key], str) for row in rows)
        table.add_column(heading, justify="left" if words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(cell(row[key], formats.get(key, DIGITS)) for key in columns))
    console.print(table)


def cell(value, digits=DIGITS):
    """Return a value as text, with a dash for what is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:{digits}}" if isinstance(value, float | np.floating) else str(value)


def loss_text(loss, n_classes=0):
    """Return the name of a loss, the same from whatever side: of several classes the logistic one is multinomial."""
    is_joint = loss == "multinomial" or (loss == "logistic" and n_classes > 2)
    return "logistic (multinomial)" if is_joint else loss


def neurons_text(width):
    """Return a number of neurons in words."""
    return counted(width, "neuron")


def counted(number, thing):
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {thing}{'' if number == 1 else 's'}"


def bounds_text(known, bounds):
    """Return a width, or the bounds on it where it is not known."""
    if known is not None:
        return str(known)
    return "-" if bounds is None else f"{bounds[0]} to {bounds[1]} (bounds)"
