"""Tables on the disk, by pandas: csv and parquet."""

import sys

from ..exceptions import InvalidInputError
from ..exchange.atomic import write_whole
from ..exchange.libraries import require
from .files import TABLES


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
    separator = separator or ("\t" if path.lower().endswith(".tsv") else ",")
    return pandas.read_csv(sys.stdin if path == "-" else path, sep=separator)


def _first_line(error):
    return next(iter(str(error).splitlines()), type(error).__name__)
