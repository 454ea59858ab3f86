"""Tables on the disk, by pandas: csv and parquet."""

import io
import sys
import warnings

from ..exceptions import InvalidInputError
from ..exchange.atomic import write_whole
from ..exchange.libraries import require
from .files import TABLES

TYPED = {"\\t": "\t"}  # what shells hand over for a tab


def read_frame(path, separator=None):
    """Return the table in a file as a DataFrame.

    Parameters
    ----------
    path : str
        Ends in .csv, .csv.gz, .tsv or .parquet; ``-`` is csv on standard input.
    separator : str, optional
        Of the columns of a csv file; a comma by default, a tab for .tsv.

    Raises
    ------
    InvalidInputError
        For a file that is no table, and for one without rows.
    MissingLibraryError
        Without pandas, and without pyarrow for parquet.
    """
    pandas = require("pandas", "cli")
    if path != "-" and not path.lower().endswith(TABLES):
        raise InvalidInputError(f"data must be a file that ends in {', '.join(TABLES)}, or - ; got {path!r}.")
    try:
        frame = _read(pandas, path, separator)
    except FileNotFoundError as error:
        raise InvalidInputError(f"data: there is no file {path!r}.") from error
    except (OSError, ValueError) as error:  # of pandas and pyarrow: damaged files and wrong encodings
        raise InvalidInputError(f"data: {path!r} cannot be read as a table: {_first_line(error)}") from error
    if len(frame) == 0:
        raise InvalidInputError(f"data: {path!r} has no rows.")
    return frame.rename(columns=str)


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


def _read(pandas, path, separator):
    if path.lower().endswith(".parquet"):
        require("pyarrow", "cli")
        return pandas.read_parquet(path)
    separator = TYPED.get(separator, separator) or ("\t" if path.lower().endswith(".tsv") else ",")
    source = io.StringIO(sys.stdin.read()) if path == "-" else path
    header = pandas.read_csv(source, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
    _refuse_names_twice(path, list(header.iloc[0]))
    if path == "-":
        source.seek(0)
    frame = _read_whole(pandas, path, source, separator)
    _refuse_one_piece(path, frame)
    return frame


def _read_whole(pandas, path, source, separator):
    """Return a csv table, no column of it taken for an index: that would move the others under wrong names."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Length of header", category=pandas.errors.ParserWarning)
        try:
            return pandas.read_csv(source, sep=separator, index_col=False)
        except pandas.errors.ParserWarning as error:
            text = f"data: {path!r} has rows with more fields than its header has names. Name every column."
            raise InvalidInputError(text) from error


def _refuse_names_twice(path, header):
    """Refuse names that several columns have: pandas would rename all but the first."""
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        listed = ", ".join(map(repr, twice))
        raise InvalidInputError(f"data: {path!r} has several columns named {listed}. Give each a name of its own.")


def _refuse_one_piece(path, frame):
    """Refuse a single column whose name and values hold all another separator."""
    if frame.shape[1] > 1:
        return
    name, values = str(frame.columns[0]), frame.iloc[:, 0].astype(str)
    marks = [mark for mark in ";\t|," if mark in name and values.str.contains(mark, regex=False).all()]
    if marks:
        raise InvalidInputError(
            f"data: {path!r} has one column, {name!r}. Say what is between its columns: --separator {marks[0]!r}."
        )


def _first_line(error):
    return next(iter(str(error).splitlines()), type(error).__name__)
