"""Tables on the disk, by pandas: csv and parquet."""

import io
import re
from dataclasses import asdict, dataclass

import numpy as np

from .._utils.atomic import write_whole
from .._utils.libraries import require
from ..blocks.tables import check_same_columns, naming, parquet_frames, refusing_surplus_fields
from ..exceptions import InvalidInputError
from .marks import PLAIN_MARKS, are_numbers, fitting, marks_of, matches
from .paths import is_parquet, table_files
from .problems import Problem, listed, refuse
from .streams import note
from .texts import joined, text_of, texts_of

# Shells hand over a typed tab as two characters.
TYPED_SEPARATORS = {"\\t": "\t"}
# The marks that may stand between columns.
SEPARATORS = ";\t|,"
# Blanks after the mark between columns count for nothing, and a column has one type from its first row to its last.
READING = {"index_col": False, "skipinitialspace": True, "low_memory": False}
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


def inspect_frame(data, reading, as_text=None):
    """Return the table in files as a DataFrame, and a list of the problems with the way that it is read.

    Where there are such problems the table is read as they suggest, so that others of the same file can be found.
    `frame.attrs` of a csv file has what `rereading` needs: the marks, the columns that were read as text, and how else
    columns of numbers could be read, where some column cannot be read as it is.

    Parameters
    ----------
    data : str or list of str
        Paths and patterns that end in .csv, .csv.gz, .tsv or .parquet, several of which make one table; ``-`` is csv
        on standard input.
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
    check_reading(reading)
    files = table_files(data)
    if is_parquet(files[0]):
        return _named(files, _parquet_table(files)), []
    texts, problems = texts_of(files, reading.encoding)
    with naming(files[0], "data"):
        frame, others = _table_of(files[0], joined(files, texts), reading, as_text)
    return _named(files, frame), [*problems, *others]


def inspect_head(path, reading, as_text, n_bytes, n_rows):
    """Return the first rows of the table in a file, and the problems with the way that it is read.

    As `inspect_frame` does; of a csv file `n_bytes` are read, of a Parquet file `n_rows`.
    """
    check_reading(reading)
    if is_parquet(path):
        with naming(path, "data"):
            frame = next(iter(parquet_frames(path, n_rows)), None)
        return _named([path], _parquet_table([path]) if frame is None else frame), []
    text, problems = text_of(path, reading.encoding, n_bytes)
    with naming(path, "data"):
        frame, others = _table_of(path, text, reading, as_text)
    return _named([path], frame), [*problems, *others]


def check_reading(reading):
    """Refuse marks that cannot be told from each other."""
    if reading.marks.decimal == reading.marks.thousands:
        raise InvalidInputError(f"--decimal and --thousands must be two marks; got {reading.marks.decimal!r} twice.")


def _named(files, frame):
    """Return a table with rows, its columns named by text."""
    if len(frame) == 0:
        raise InvalidInputError(f"data: {files[0]!r} has no rows.")
    named = frame.rename(columns=str)
    named.attrs = frame.attrs
    return named


def write_frame(frame, path):
    """Write a table to a csv or parquet file, whole or not at all."""
    name = path.lower()
    if name.endswith(".parquet"):
        require("pyarrow", "parquet")
        write_whole(path, lambda file: _plain(frame).to_parquet(file, index=False))
        return
    options = {"sep": "\t" if name.endswith(".tsv") else ",", "compression": "gzip" if name.endswith(".gz") else None}
    write_whole(path, lambda file: frame.to_csv(file, index=False, **options))


def _plain(frame):
    """Return the table with objects, such as exact integers of any size, as text: parquet has no type for them."""
    return frame.astype({name: str for name in frame.columns if frame[name].dtype == object})


def _parquet_table(files):
    """Return the rows of Parquet files with the same columns, in whatever order."""
    pandas = require("pandas", "cli")
    require("pyarrow", "parquet")
    frames = []
    for path in files:
        with naming(path, "data"):
            frames.append(pandas.read_parquet(path))
    if len(frames) == 1:
        return frames[0]
    check_same_columns({path: list(frame) for path, frame in zip(files, frames, strict=True)}, "data")
    return pandas.concat([frame[list(frames[0])] for frame in frames], ignore_index=True)


def _table_of(path, text, reading, as_text):
    """Return the table in the text of a csv file, and the problems with the way that it is read."""
    pandas = require("pandas", "cli")
    # Guess the separator, after the encoding: each guess is a problem that names the option.
    problems, separator = [], separator_of(path, reading)
    header = header_of(text, separator)
    other = _other_separator(text, header)
    if other:
        typed = r"\t" if other == "\t" else other
        option = f"--separator '{typed}'"
        words = f"has one column, {header[0]!r}. Say what is between its columns: {option}."
        problems.append(Problem(f"data: {path!r} {words}", (option,)))
        separator = other
        header = header_of(text, separator)
    _refuse_names_twice(path, header)
    _note_numbers(header)
    options = {"sep": separator, "na_values": list(reading.na_values)}
    if len(header) == 1:  # where a blank line is a missing value
        text, options["skip_blank_lines"] = text.strip("\r\n"), False
    return _typed(pandas, path, text, reading, as_text, options), problems


def separator_of(path, reading):
    """Return the mark between the columns of a csv file."""
    given = TYPED_SEPARATORS.get(reading.separator, reading.separator)
    return given or ("\t" if path.lower().endswith(".tsv") else ",")


def header_of(text, separator):
    """Return the names of the columns of a csv file."""
    pandas = require("pandas", "cli")
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
    frame = frame.assign(**{name: numbers_of_text(pandas, frame[name], reading.marks) for name in texts})
    others = [name for name in columns if not _has_numbers(pandas, frame[name])]
    pointed = {}
    if as_text or _has_marked(frame, others, reading.marks):
        # Read once more as text, where the way that numbers are written matters.
        raw = _read_whole(pandas, path, text, dtype=str, **options)
        frame = frame.assign(**{name: raw[name].map(code_of, na_action="ignore") for name in as_text})
        numbers = [name for name in columns if frame[name].dtype.kind in "iuf"]
        pointed = {name: found for name in numbers if (found := _pointed(raw[name], reading.marks))}
    if reading.keep_na:
        options["na_values"] = ["", *reading.na_values]
        # And once more with NA and null as text, for the columns that do not hold numbers.
        kept = _read_whole(pandas, path, text, dtype=str, keep_default_na=False, **options)
        frame = frame.assign(**{name: kept[name].map(code_of, na_action="ignore") for name in as_text})
        frame = frame.assign(**{name: kept[name] for name in others})
    said = {"decimal": reading.decimal, "thousands": reading.thousands}
    frame.attrs = {"marks": reading.marks, "said": said, "as_text": as_text, "pointed": pointed}
    return frame


def numbers_of_text(pandas, column, marks):
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


def code_of(cell):
    """Return a cell of categories, whole numbers without a point."""
    found = INTEGER_WITH_ZEROS.fullmatch(cell)
    return found[1] if found else cell


def _has_numbers(pandas, column):
    types = pandas.api.types
    return types.is_numeric_dtype(column.dtype) or types.is_bool_dtype(column.dtype)


def _read_whole(pandas, path, text, **options):
    """Return a csv table, no column of it taken for an index: that would move the others under wrong names."""
    with refusing_surplus_fields(path, "data"):
        return stripped(pandas.read_csv(io.StringIO(text), **READING, **options))


def stripped(frame):
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
