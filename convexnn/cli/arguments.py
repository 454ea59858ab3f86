"""The arguments that commands share, and how their values are read."""

import argparse
import math
import re
from functools import partial

from ..duality.records import PROOFS
from .columns import choose_columns, is_uneven
from .diagnosis import Rules
from .names import resolved
from .sizes import DEFAULT_MEMORY
from .streams import note
from .tabular import Reading, inspect_frame
from .tasks import CLASSIFICATION, REGRESSION


def add_output(parser):
    """Add what every command has."""
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="one JSON object on standard output, and nothing else there")
    group.add_argument("--quiet", action="store_true", help="no progress, even where standard error is a terminal")
    group.add_argument("--verbose", action="store_true", help="progress, even where standard error is no terminal")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")


def add_data(parser, *, training=True, blocks=False):
    """Add where the data are and which columns are what, and in training, what may be done with raw ones."""
    group = add_table(parser, blocks=blocks)
    if training:
        add_preparation(parser)
    group.add_argument("--target", metavar="COLUMN", required=training, help="the column to predict (or several: a,b)")
    group.add_argument("--weight", metavar="COLUMN", help="the column of sample weights")
    group.add_argument(
        "--standardize", action="store_true", help="features to mean 0 and deviation 1: one penalty measures them all"
    )


def add_table(parser, *, blocks=False):
    """Add where the table is, how it is read and which of its columns are features; return the group.

    With `blocks` it may be larger than memory, and in several files.
    """
    group = parser.add_argument_group("data")
    table = "a table with a header: .csv, .csv.gz, .tsv, .parquet, or - for csv on stdin; several files, or a pattern"
    several = {"nargs": "+"} if blocks else {}
    group.add_argument("data", help=f"{table} such as 'part-*.csv', are one table", **several)
    group.add_argument("--features", metavar="A,B", type=names, help="columns to use (default: all the others)")
    group.add_argument("--drop", metavar="A,B", type=names, help="columns to leave out")
    if blocks:
        add_blocks(parser)
    reading = parser.add_argument_group("csv files")
    reading.add_argument("--separator", metavar="CHAR", help="between the columns (default: a comma)")
    reading.add_argument("--decimal", metavar="CHAR", type=mark, help="before the decimals (default: a point)")
    reading.add_argument("--thousands", metavar="CHAR", type=mark, help="between groups of three digits")
    reading.add_argument("--encoding", metavar="NAME", help="such as latin-1, cp1252 or utf-16 (default: utf-8)")
    reading.add_argument("--na-values", metavar="A,B", type=values, help="more marks of missing values, such as ?,-")
    reading.add_argument(
        "--keep-na", action="store_true", help="NA, null and the like are text in columns of text, not missing"
    )
    return group


def add_blocks(parser):
    """Add how a table that is larger than memory is read."""
    group = parser.add_argument_group("tables larger than memory", "what is chosen is printed")
    group.add_argument(
        "--memory",
        type=size,
        default=DEFAULT_MEMORY,
        metavar="SIZE",
        help="such as 500M or 16G (default: 4G): tables that probably take more are read in blocks, for every pass",
    )
    group.add_argument("--blocks", action="store_true", help="read the table in blocks, however large it is")
    group.add_argument(
        "--scratch", metavar="FOLDER", help="write the prepared rows there once and read them from there: csv is slow"
    )


def add_preparation(parser):
    """Add what may be done to make the columns of a raw table usable."""
    group = parser.add_argument_group("raw tables", "what is done is kept in the model's file")
    group.add_argument("--encode", action="store_true", help="a 0/1 input for every category of columns of text")
    group.add_argument(
        "--max-categories", type=count, default=20, metavar="N", help="of one column (default: 20); more are refused"
    )
    group.add_argument("--categorical", type=names, metavar="A,B", help="columns to encode though they hold numbers")
    group.add_argument(
        "--impute",
        choices=("median", "drop"),
        help="missing values: fill in the median, and the most frequent value of text; or leave out their rows",
    )
    group.add_argument("--drop-missing-target", action="store_true", help="leave out rows without a target")
    group.add_argument(
        "--keep", type=names, metavar="A,B", help="columns to use though they are constant or count the rows"
    )


def add_objective(parser, losses):
    """Add the objective: strength, loss, task and the terms of the networks; return the group."""
    group = parser.add_argument_group("objective", "sum_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)")
    group.add_argument("--loss", choices=losses, help="default: squared, and logistic for classification")
    if "huber" in losses:
        bend = "where the huber loss bends: a number, or auto (default), the median absolute deviation of the target"
        group.add_argument("--huber-delta", type=bend_of_huber, default="auto", metavar="D", help=bend)
    if "quantile" in losses:
        group.add_argument("--quantile", type=positive, default=0.5, metavar="Q", help="of the quantile loss")
    group.add_argument(
        "--task",
        choices=("auto", REGRESSION, CLASSIFICATION),
        default="auto",
        help="auto: classification when the target holds text, booleans or exactly two values",
    )
    group.add_argument("--no-hidden-bias", dest="hidden_bias", action="store_false", help="neurons without a bias")
    group.add_argument("--no-intercept", dest="fit_intercept", action="store_false", help="no unpenalised intercept")
    group.add_argument("--skip-connection", action="store_true", help="add unpenalised linear terms")
    return group


def add_beta(group):
    """Add the strength."""
    help_text = 'weight decay: a number, or "scale" (default), a tenth of the smallest with a zero network'
    group.add_argument("--beta", type=strength, default="scale", help=help_text)


def add_require_proof(group):
    """Add that a missing proof is a failure."""
    group.add_argument("--require-proof", action="store_true", help="exit code 1 where optimality is not proven")


def add_effort(parser, *, proof=True):
    """Add how much work may be done."""
    group = parser.add_argument_group("effort")
    if proof:
        group.add_argument("--proof", choices=PROOFS, default="auto", help="how hard to try to prove optimality")
    group.add_argument("--time-limit", type=positive, metavar="SECONDS", help="keep the best found until then")
    group.add_argument("--n-jobs", type=int, metavar="N", help="workers; -1 for all cores; the result is the same")
    return group


def load(arguments):
    """Return the `Dataset` of training that the arguments name, prepared and standardised as they say."""
    reading = reading_of(arguments)
    frame, problems = inspect_frame(arguments.data, reading, as_text_of(arguments))
    columns = (arguments.target, arguments.features, arguments.drop, arguments.weight)
    data = choose_columns(frame, *columns, rules=rules_of(arguments), reading=reading, problems=problems)
    if arguments.standardize:
        return data.standardized()
    note_uneven(data.X.std(axis=0))
    return data


def as_text_of(arguments):
    """Return what finds, among the names of all columns, those whose cells are taken as they are typed."""
    return partial(resolved, parts=arguments.categorical or ())


def note_uneven(deviations):
    """Say so where one penalty measures features of very different deviations."""
    if is_uneven(deviations):
        note("the features have very different scales, and one penalty measures them all; see --standardize.")


def reading_of(arguments, kept=None):
    """Return the `Reading` that the arguments describe; where they do not, as it was kept (dict)."""
    options = {name: getattr(arguments, name) for name in Reading.__dataclass_fields__}
    options = {name: value for name, value in options.items() if value}
    # Options of the command come before what the file of a network has kept.
    found = {**(kept or {}), **options}
    return Reading(**found | {"na_values": tuple(found.get("na_values", ()))})


def rules_of(arguments):
    """Return the `Rules` that the arguments describe."""
    options = {name: getattr(arguments, name) for name in ("encode", "max_categories", "impute", "drop_missing_target")}
    lists = {name: tuple(getattr(arguments, name) or ()) for name in ("categorical", "keep")}
    return Rules(**options, **lists, labels=arguments.task == CLASSIFICATION)


def terms_of(arguments):
    """Return the terms of the networks as keywords."""
    return {name: getattr(arguments, name) for name in ("hidden_bias", "fit_intercept", "skip_connection")}


def names(text):
    """Read ``a,b`` as parts of names of columns: which of them have commas only the table can tell."""
    if not text.strip(","):
        raise argparse.ArgumentTypeError("must name columns, with commas between them")
    return text.split(",")


def values(text):
    """Read ``a,b`` as cells of the table."""
    found = [value for value in text.split(",") if value]
    if not found:
        raise argparse.ArgumentTypeError("must be cells of the table, with commas between them")
    return found


def mark(text):
    """Read a single character."""
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"must be one character; got {text!r}")
    return text


def positive(text, wanted="a finite number above 0"):
    """Read a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"must be {wanted}; got {text!r}")
    return value


def size(text):
    """Read a number of bytes such as 500M or 16G."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)b?", text, re.IGNORECASE)
    if found is None or not float(found[1]):
        raise argparse.ArgumentTypeError(f"must be a size such as 500M or 16G; got {text!r}")
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


def strength(text):
    """Read a strength: a number above 0, or the word scale."""
    wanted = 'a finite number above 0, or "scale" (only the estimators of Python choose a strength from the data)'
    return text if text == "scale" else positive(text, wanted)


def bend_of_huber(text):
    """Read the delta of the huber loss: a number above 0, or the word auto."""
    return text if text == "auto" else positive(text, "a finite number above 0, or auto")


def count(text):
    """Read an integer of at least 1."""
    return _integer(text, 1)


def seed(text):
    """Read an integer of at least 0."""
    return _integer(text, 0)


def _integer(text, least):
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {least}; got {text!r}")
    return int(text)


def widths(text):
    """Read ``1:10``, ``1:20:2`` (ends included) or ``1,2,8`` as widths."""
    return [width for part in text.split(",") for width in _range(part, text)]


def _range(part, text):
    try:
        first, last, step = _ends(*map(int, part.split(":")))
    except (TypeError, ValueError):
        first = last = step = 0
    if not (1 <= first <= last and step >= 1):
        raise argparse.ArgumentTypeError(f"must be widths such as 1:10, 1:20:2 or 1,2,8; got {text!r}")
    return range(first, last + 1, step)


def _ends(first, last=None, step=1):
    return first, first if last is None else last, step


def strengths(text):
    """Read numbers above 0 with commas between them, or the word auto: None."""
    return "auto" if text == "auto" else [positive(part) for part in text.split(",")]
