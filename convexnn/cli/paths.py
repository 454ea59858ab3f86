"""Which files make one table together."""

from glob import has_magic

from ..blocks.tables import matching_files
from ..exceptions import InvalidInputError
from .files import TABLES


def table_files(data):
    """Return the files that make a table together: paths and patterns such as ``part-*.csv``, or ``-`` alone.

    Raises
    ------
    InvalidInputError
        For files that are not there, are no tables, or are of two formats.
    """
    given = [data] if isinstance(data, str) else list(data)
    if "-" in given:
        if len(given) > 1:
            raise InvalidInputError("data: - is the whole table, csv on standard input; give it alone, or files.")
        return given
    _check_endings([path for path in given if not has_magic(path)])
    files = matching_files(given, "data")
    _check_endings(files)
    others = [path for path in files if is_parquet(path) != is_parquet(files[0])]
    if others:
        raise InvalidInputError(f"data: files of one table have one format; got {files[0]!r} and {others[0]!r}.")
    return files


def _check_endings(paths):
    for path in paths:
        if not path.lower().endswith(TABLES):
            raise InvalidInputError(f"data must be a file that ends in {', '.join(TABLES)}, or - ; got {path!r}.")


def is_parquet(path):
    """Whether a path is that of a Parquet file."""
    return path.lower().endswith(".parquet")
