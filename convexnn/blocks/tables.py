"""Tables on the disk, some rows at a time: which files make one table, what their columns are called, their rows.

A file is never held as a whole. What could make two passes differ is refused by its name: files whose columns differ,
and files that change meanwhile.
"""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from .._utils.libraries import require
from ..exceptions import InvalidInputError

# A message lists 6 names, and counts the others.
MAX_LISTED_NAMES = 6
# Column chunks of a row group are read through a buffer of 1 MiB each: one row group may be the whole file.
PARQUET_BUFFER_BYTES = 2**20

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class Frame(NamedTuple):
    """Some rows of a file.

    Attributes
    ----------
    path : str
    start : int
        The number of the rows of the file before them.
    table : DataFrame
    """

    path: str
    start: int
    table: Any


def matching_files(paths: Paths, name: str = "paths") -> list[str]:
    """Return the files that paths and patterns such as ``part-*.parquet`` name, those of a pattern sorted.

    Parameters
    ----------
    paths : path or sequence of paths
    name : str
        The argument, for messages.

    Raises
    ------
    InvalidInputError
        For a pattern that no file matches, a path where no file is, and a file that is named twice.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = [file for path in given for file in _files_of(os.fspath(path), name)]
    if not found:
        raise InvalidInputError(f"{name} must name at least one file; got {paths!r}.")
    twice = sorted({repr(path) for path in found if found.count(path) > 1})
    if twice:
        raise InvalidInputError(f"{name} must name every file once; got {listed(twice)} more than once.")
    return found


def _files_of(path, name):
    # A file may have the marks of patterns in its name.
    if os.path.exists(path):
        if os.path.isdir(path):
            raise InvalidInputError(f"{name} must be files; {path!r} is a folder. Use {os.path.join(path, '*')!r}.")
        return [path]
    if not glob.has_magic(path):
        raise InvalidInputError(f"{name}: there is no file {path!r}.")
    found = sorted(file for file in glob.glob(path, recursive=True) if os.path.isfile(file))
    if not found:
        raise InvalidInputError(f"{name}: no file matches the pattern {path!r}.")
    return found


def parquet_frames(path: str, rows: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """Yield DataFrames of at most `rows` rows, read by row groups."""
    parquet = require("pyarrow.parquet", "parquet")
    with parquet.ParquetFile(path, buffer_size=PARQUET_BUFFER_BYTES, pre_buffer=False) as file:
        for batch in file.iter_batches(rows, columns=None if columns is None else list(columns), use_threads=False):
            yield batch.to_pandas()


def csv_frames(path: str, rows: int, columns: Sequence[str] | None = None, **options: Any) -> Iterator[Any]:
    """Yield DataFrames of at most `rows` rows; `options` are those of ``pandas.read_csv``."""
    pandas = require("pandas", "cli")
    # All columns are parsed: pandas counts the fields of a row only then.
    with refusing_surplus_fields(path):
        reader = pandas.read_csv(path, chunksize=rows, **{"index_col": False} | options)
    with reader:
        while True:
            with refusing_surplus_fields(path):
                table = next(reader, None)
            if table is None:
                return
            yield table if columns is None else table[list(columns)]


@contextmanager
def refusing_surplus_fields(path: str, name: str | None = None) -> Iterator[None]:
    """Refuse rows with more fields than there are columns, of which pandas would drop the rest with a warning."""
    errors = require("pandas", "cli").errors
    head = "" if name is None else f"{name}: "
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Length of header", category=errors.ParserWarning)
        try:
            yield
        except errors.ParserWarning as error:
            raise InvalidInputError(
                f"{head}{path!r} has rows with more fields than its header has names. Name every column."
            ) from error


def parquet_names(path: str) -> list[str]:
    """Return the names of the columns of a Parquet file; an index that pandas has written is none of them."""
    parquet = require("pyarrow.parquet", "parquet")
    with naming(path):
        return [str(name) for name in parquet.read_schema(path).empty_table().to_pandas().columns]


def csv_names(path: str, **options: Any) -> list[str]:
    """Return the names of the columns of a csv file."""
    pandas = require("pandas", "cli")
    with naming(path):
        return [str(name) for name in pandas.read_csv(path, nrows=0, index_col=False, **options).columns]


def check_same_columns(names: dict[str, Sequence[str]], name: str = "paths") -> None:
    """Refuse files whose columns are not those of the first, in whatever order.

    Parameters
    ----------
    names : dict
        From every file to the names of its columns.
    name : str
        The argument, for messages.
    """
    first, *others = names
    for path in others:
        lacking = [repr(column) for column in names[first] if column not in names[path]]
        surplus = [repr(column) for column in names[path] if column not in names[first]]
        if lacking:
            raise InvalidInputError(
                f"{name}: {path!r} has no {columns_text(lacking)}, which {first!r} has. All files need the same "
                f"columns."
            )
        if surplus:
            raise InvalidInputError(
                f"{name}: {path!r} has the {columns_text(surplus)}, which {first!r} has not. All files need the same "
                f"columns; choose those to use."
            )


@dataclass(frozen=True)
class Files:
    """Files that make one table together, in order.

    Attributes
    ----------
    paths : tuple of str
    frames : callable
        From a path, a number of rows and the columns to an iterator of DataFrames.
    stamps : tuple
        The size and the time of the last change of every file, as they were at first.
    """

    paths: tuple[str, ...]
    frames: Callable[..., Iterator[Any]]
    stamps: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, paths: Sequence[str], frames: Callable[..., Iterator[Any]]) -> Files:
        """Return the files as they are now."""
        return cls(tuple(paths), frames, tuple(map(_stamp, paths)))

    def each(self, rows: int, columns: Sequence[str] | None = None) -> Iterator[Frame]:
        """Yield the rows of all files, at most so many at a time, as a `Frame` each.

        Raises
        ------
        InvalidInputError
            For a file that cannot be read, and for one that has changed since it was looked at first.
        """
        for path, stamp in zip(self.paths, self.stamps, strict=True):
            _check_unchanged(path, stamp)
            start = 0
            tables = iter(self.frames(path, rows, columns))
            while (table := _next(path, tables)) is not None:
                if len(table):
                    yield Frame(path, start, table)
                start += len(table)
            _check_unchanged(path, stamp)


def _stamp(path):
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _check_unchanged(path, stamp):
    if not os.path.exists(path) or _stamp(path) != stamp:
        raise InvalidInputError(
            f"{path!r} has changed since it was read first, and every pass needs the same rows. Start anew."
        )


def _next(path, tables):
    """Return the next table of a file, None after the last."""
    with naming(path):
        return next(tables, None)


@contextmanager
def naming(path: str, name: str | None = None) -> Iterator[None]:
    """Turn errors of pandas and pyarrow into one that names the file, and the argument where it is given."""
    head = "" if name is None else f"{name}: "
    try:
        yield
    except FileNotFoundError as error:
        raise InvalidInputError(f"{head}there is no file {path!r}.") from error
    except InvalidInputError:
        raise
    except (OSError, EOFError, ValueError) as error:  # pandas and pyarrow raise these for damaged files
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InvalidInputError(f"{head}{path!r} cannot be read as a table: {reason}") from error


def columns_text(names: Sequence[str]) -> str:
    """Return names behind the word for them: ``columns 'a', 'b'``."""
    return f"column{'s' if len(names) > 1 else ''} {listed(names)}"


def listed(names: Sequence[str]) -> str:
    """Return names with commas between them; where there are many the rest is counted."""
    text = ", ".join(names[:MAX_LISTED_NAMES])
    return text if len(names) <= MAX_LISTED_NAMES else f"{text} and {len(names) - MAX_LISTED_NAMES} more"
