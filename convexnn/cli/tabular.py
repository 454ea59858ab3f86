"""Tables on the disk, by pandas: csv and parquet."""

import gzip
import io
import re
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .._utils.libraries import require
from ..exceptions import InvalidInputError
from ..exchange.atomic import write_whole
from .files import TABLES
from .marks import PLAIN_MARKS, are_numbers, fitting, marks_of, matches
from .problems import Problem, listed, refuse
from .streams import note

# Shells hand over a typed tab as two characters.
TYPED_SEPARATORS = {"\\t": "\t"}
# The marks that may stand between columns.
SEPARATORS = ";\t|,"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
# UTF-8 with or without a byte order mark.
DEFAULT_ENCODING = "utf-8-sig"
# A gap elsewhere in a column turns the code 7 into 7.0.
INTEGER_WITH_ZEROS = re.compile(r"([+-]?\d+)\.0+")


@dataclass(frozen=True)
class Reading:
    """How a csv file is read.

    Attributes
    ----------
    separator : str or None
        Between the columns; None: a comma, and a tab for .tsv.
    decimal, thousands : str or None
        The mark before the decimals, a point by default, and the one between groups of three digits, by default none.
    encoding : str or None
        UTF-8 by default.
    na_values : list of str
        What stands for a missing value beside empty fields, NA, NaN, null and the like.
    keep_na : bool
        Whether NA, null and the like are text in columns of text.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    na_values: tuple = ()
    keep_na: bool = False

    @property
    def marks(self):
        """The `Marks` of its numbers."""
        return marks_of(self.decimal, self.thousands)

    def unusual(self):
        """Return as a dict what is not the default."""
        kept = {name: value for name, value in asdict(self).items() if value}
        return kept | ({"na_values": list(self.na_values)} if self.na_values else {})


def read_frame(path, separator=None):
    """Return the table in a file, read the usual way, as a DataFrame.

    Raises
    ------
    InvalidInputError
        For a file that is no table, or has to be read in another way.
    """
    frame, problems = inspect_frame(path, Reading(separator))
    refuse(problems)
    return frame


def inspect_frame(path, reading, as_text=None):
    """Return the table in a file as a DataFrame, and a list of the problems with the way that it is read.

    Where there are such problems the table is read as they suggest, so that others of the same file can be found.
    `frame.attrs` of a csv file has what `rereading` needs: the marks, the columns that were read as text, and how else
    columns of numbers could be read, where some column cannot be read as it is.

    Parameters
    ----------
    path : str
        Ends in .csv, .csv.gz, .tsv or .parquet; ``-`` is csv on standard input.
    reading : Reading
    as_text : callable, optional
        From the names of all columns to those whose cells are taken as they are typed in a csv file, such as codes that
        begin with 0.

    Raises
    ------
    InvalidInputError
        For a file that is no table, and for one without rows.
    MissingLibraryError
        Without pandas, and without pyarrow for parquet.
    """
    pandas = require("pandas", "cli")
    if reading.marks.decimal == reading.marks.thousands:
        raise InvalidInputError(f"--decimal and --thousands must be two marks; got {reading.marks.decimal!r} twice.")
    if path != "-" and not path.lower().endswith(TABLES):
        raise InvalidInputError(f"data must be a file that ends in {', '.join(TABLES)}, or - ; got {path!r}.")
    try:
        frame, problems = _read(pandas, path, reading, as_text)
    except FileNotFoundError as error:
        raise InvalidInputError(f"data: there is no file {path!r}.") from error
    except InvalidInputError:
        raise
    except (OSError, EOFError, ValueError) as error:  # pandas and pyarrow raise these for damaged files
        raise InvalidInputError(f"data: {path!r} cannot be read as a table: {_first_line(error)}") from error
    if len(frame) == 0:
        raise InvalidInputError(f"data: {path!r} has no rows.")
    named = frame.rename(columns=str)
    named.attrs = frame.attrs
    return named, problems


def write_frame(frame, path):
    """Write a table to a csv or parquet file, whole or not at all."""
    name = path.lower()
    if name.endswith(".parquet"):
        require("pyarrow", "cli")
        write_whole(path, lambda file: _plain(frame).to_parquet(file, index=False))
        return
    options = {"sep": "\t" if name.endswith(".tsv") else ",", "compression": "gzip" if name.endswith(".gz") else None}
    write_whole(path, lambda file: frame.to_csv(file, index=False, **options))


def _plain(frame):
    """Return the table with objects, such as exact integers of any size, as text: parquet has no type for them."""
    return frame.astype({name: str for name in frame.columns if frame[name].dtype == object})


def _read(pandas, path, reading, as_text):
    if path.lower().endswith(".parquet"):
        require("pyarrow", "cli")
        return pandas.read_parquet(path), []
    # Guess the encoding, then the separator: each guess is a problem that names the option.
    text, problems = _text_of(path, reading.encoding)
    separator = TYPED_SEPARATORS.get(reading.separator, reading.separator) or (
        "\t" if path.lower().endswith(".tsv") else ","
    )
    header = _header(pandas, text, separator)
    other = _other_separator(text, header)
    if other:
        typed = r"\t" if other == "\t" else other
        option = f"--separator '{typed}'"
        words = f"has one column, {header[0]!r}. Say what is between its columns: {option}."
        problems.append(Problem(f"data: {path!r} {words}", (option,)))
        separator = other
        header = _header(pandas, text, separator)
    _refuse_names_twice(path, header)
    _note_numbers(header)
    options = {"sep": separator, "na_values": list(reading.na_values)}
    if len(header) == 1:  # where a blank line is a missing value
        text, options["skip_blank_lines"] = text.strip("\r\n"), False
    return _typed(pandas, path, text, reading, as_text, options), problems


def _text_of(path, encoding):
    """Return the text of a file, and a list with the problem where its encoding had to be guessed."""
    raw = _bytes_of(path)
    if isinstance(raw, str):
        return raw.removeprefix("\ufeff"), []
    try:
        return raw.decode(encoding or DEFAULT_ENCODING).removeprefix("\ufeff"), []
    except LookupError as error:
        raise InvalidInputError(f"--encoding {encoding} is unknown; use utf-8, latin-1, cp1252 or utf-16.") from error
    except UnicodeDecodeError as error:
        guess = _encoding_of(raw)
        if encoding is not None or guess is None:
            raise
        line = raw.count(b"\n", 0, error.start) + 1
        words = f"data: {path!r} is not encoded in UTF-8 (line {line}); it is probably --encoding {guess}."
        return raw.decode(guess), [Problem(words, (f"--encoding {guess}",))]


def _bytes_of(path):
    if path == "-":
        return sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read()
    raw = Path(path).read_bytes()
    return gzip.decompress(raw) if path.lower().endswith(".gz") else raw


def _encoding_of(raw):
    """Return the likely encoding of bytes that are not UTF-8, None where they are no text."""
    if raw.startswith(UTF16):
        return "utf-16"
    if b"\0" in raw:
        return None
    return "cp1252" if re.search(rb"[\x80-\x9f]", raw) and _decodes(raw, "cp1252") else "latin-1"


def _decodes(raw, encoding):
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _header(pandas, text, separator):
    options = {"sep": separator, "header": None, "nrows": 1, "dtype": str, "keep_default_na": False}
    return list(pandas.read_csv(io.StringIO(text), skipinitialspace=True, **options).iloc[0].str.strip())


def _other_separator(text, header):
    """Return the mark between the columns where the header has one name and the first row as many marks as it."""
    if len(header) > 1:
        return None
    names, first = [*text.split("\n", 2), "", ""][:2]
    marks = SEPARATORS.replace(",", "") if ", " in names else SEPARATORS  # a name may be "mass, in kg"
    return next((mark for mark in marks if 0 < names.count(mark) <= first.count(mark)), None)


def _typed(pandas, path, text, reading, as_text, options):
    """Return the table with a type for every column."""
    frame = _read_whole(pandas, path, text, decimal=reading.marks.decimal, **options)
    as_text = [] if as_text is None else [name for name in as_text(frame.columns) if name in frame]
    columns = [name for name in frame if name not in as_text]
    texts = [name for name in columns if frame[name].dtype.kind == "O"]
    frame = frame.assign(**{name: _numbers_of(pandas, frame[name], reading.marks) for name in texts})
    others = [name for name in columns if not _has_numbers(pandas, frame[name])]
    pointed = {}
    if as_text or _has_marked(frame, others, reading.marks):
        # Read once more as text, where the way that numbers are written matters.
        raw = _read_whole(pandas, path, text, dtype=str, **options)
        frame = frame.assign(**{name: raw[name].map(_code, na_action="ignore") for name in as_text})
        numbers = [name for name in columns if frame[name].dtype.kind in "iuf"]
        pointed = {name: found for name in numbers if (found := _pointed(raw[name], reading.marks))}
    if reading.keep_na:
        options["na_values"] = ["", *reading.na_values]
        # And once more with NA and null as text, for the columns that do not hold numbers.
        kept = _read_whole(pandas, path, text, dtype=str, keep_default_na=False, **options)
        frame = frame.assign(**{name: kept[name].map(_code, na_action="ignore") for name in as_text})
        frame = frame.assign(**{name: kept[name] for name in others})
    said = {"decimal": reading.decimal, "thousands": reading.thousands}
    frame.attrs = {"marks": reading.marks, "said": said, "as_text": as_text, "pointed": pointed}
    return frame


def _numbers_of(pandas, column, marks):
    """Return a column of text as numbers, where all of it is numbers with these marks that pandas does not know."""
    there = column.dropna()
    cells = [str(cell) for cell in there.tolist()]
    if not marks.matches([cell.strip() for cell in cells]).all():
        return column
    plain = [marks.plain(cell.strip()) for cell in cells]
    if plain == cells:
        return column
    return pandas.to_numeric(pandas.Series(plain, there.index, dtype=object)).reindex(column.index)


def _has_marked(frame, names, marks):
    """Whether some column has numbers with other marks."""
    for name in names:
        cells = frame[name].dropna().astype(str).str.strip().tolist()
        if np.any(are_numbers(cells, marks) & ~marks.matches(cells)):
            return True
    return False


def _pointed(raw, marks):
    """Return how a column of numbers could be read, the first row with a mark and its cell; None without any."""
    cells = raw.dropna()
    if len(cells) == 0:
        return None
    shows = cells.str.contains(f"[{re.escape(marks.decimal)}{re.escape(marks.thousands or '')}]")
    if not shows.any():
        return None
    first = shows.idxmax()
    return fitting(cells.tolist(), marks), first + 1, cells[first]


def _code(cell):
    """Return a cell of categories, whole numbers without a point."""
    found = INTEGER_WITH_ZEROS.fullmatch(cell)
    return found[1] if found else cell


def _has_numbers(pandas, column):
    types = pandas.api.types
    return types.is_numeric_dtype(column.dtype) or types.is_bool_dtype(column.dtype)


def _read_whole(pandas, path, text, **options):
    """Return a csv table, no column of it taken for an index: that would move the others under wrong names."""
    options |= {"index_col": False, "skipinitialspace": True, "low_memory": False}
    with warnings.catch_warnings():
        # pandas would drop the surplus fields with a warning.
        warnings.filterwarnings("error", message="Length of header", category=pandas.errors.ParserWarning)
        try:
            return _stripped(pandas.read_csv(io.StringIO(text), **options))
        except pandas.errors.ParserWarning as error:
            text = f"data: {path!r} has rows with more fields than its header has names. Name every column."
            raise InvalidInputError(text) from error


def _stripped(frame):
    """Return a table without blanks around names and text."""
    frame.columns = [str(name).strip() for name in frame.columns]
    texts = {name: frame[name].map(_strip, na_action="ignore") for name in frame if frame[name].dtype.kind == "O"}
    return frame.assign(**texts) if texts else frame


def _strip(cell):
    return cell.strip() if isinstance(cell, str) else cell


def _note_numbers(header):
    """Say so where the names of the columns may be numbers of a first row."""
    counted = [[str(k) for k in range(first, len(header) + first)] for first in (0, 1)]
    if len(header) > 1 and header not in counted and matches(PLAIN_MARKS.number, header).all():
        note(f"the first line, {listed([repr(name) for name in header])}, is taken for the names of the columns.")


def _refuse_names_twice(path, header):
    """Refuse names that several columns have: pandas would rename all but the first."""
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        names = listed([repr(name) for name in twice])
        raise InvalidInputError(f"data: {path!r} has several columns named {names}. Give each a name of its own.")


def _first_line(error):
    return next(iter(str(error).splitlines()), type(error).__name__)
