"""Files that are known to be writable before hours are spent."""

import os
from glob import glob
from pathlib import Path

from .._utils.libraries import require
from ..exceptions import InvalidInputError

TABLES = (".csv", ".csv.gz", ".tsv", ".parquet")
PICTURES = (".pdf", ".png", ".svg")


def check_target_file(path, name, suffixes=None, data=None):
    """Refuse a path that cannot be written, before any work is done.

    Parameters
    ----------
    path : str or None
        None is no file, and fine.
    name : str
        The option, for the message.
    suffixes : sequence of str, optional
        The endings that are known.
    data : str or list of str, optional
        The files of the table, or their patterns: they are not written over.

    Raises
    ------
    InvalidInputError
        For a path that cannot be written.
    MissingLibraryError
        Without pyarrow, for a Parquet file.
    """
    if path is None:
        return
    path = Path(path)
    if suffixes is not None and not path.name.lower().endswith(tuple(suffixes)):
        raise InvalidInputError(f"{name} must be a file that ends in {', '.join(suffixes)}; got {str(path)!r}.")
    if path.is_dir():
        raise InvalidInputError(f"{name} must be a file; {str(path)!r} is a folder.")
    if path.exists() and any(path.samefile(table) for table in _existing(data)):
        raise InvalidInputError(f"{name} must be another file than the table; got {str(path)!r} for both.")
    if path.name.lower().endswith(".parquet"):
        require("pyarrow", "parquet")
    # The folder decides: the file is written beside its place and renamed.
    folder = path.resolve().parent
    if not folder.is_dir():
        raise InvalidInputError(f"{name} must lie in a folder that exists; there is no {str(folder)!r}.")
    if not os.access(folder, os.W_OK):
        raise InvalidInputError(f"{name} must lie in a folder that can be written; {str(folder)!r} cannot.")


def _existing(data):
    """Return the files that paths and patterns name."""
    given = [] if data is None else [data] if isinstance(data, str) else data
    return [path for one in given for path in ([one] if Path(one).exists() else glob(one, recursive=True))]
