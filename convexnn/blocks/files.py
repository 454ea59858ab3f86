"""Tables on the disk as sources of blocks of rows: read again for every pass, never held as a whole.

A source is what ``fit_blocks`` takes: called once for every pass over the data, it yields ``(X, y)`` or
``(X, y, weight)``, the same blocks every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._utils.libraries import require
from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from .source import ENTRIES_PER_BLOCK
from .tables import (
    Files,
    Frame,
    Paths,
    check_same_columns,
    columns_text,
    csv_frames,
    csv_names,
    listed,
    matching_files,
    parquet_frames,
    parquet_names,
)


@dataclass(frozen=True)
class TableBlocks:
    """A source for ``fit_blocks``: the rows of files, with numbers in their features.

    `parquet_blocks` and `csv_blocks` make one. Call it to read all rows once more, block by block.

    Attributes
    ----------
    files : Files
    feature_names : tuple of str
        The columns of X.
    targets : tuple of str
    weight : str or None
    rows : int
        The largest number of rows of a block.
    dtype : dtype
        Of X.
    has_one_target : bool
        Whether y has one dimension.
    """

    files: Files
    feature_names: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None
    rows: int
    dtype: np.dtype
    has_one_target: bool

    def __call__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield ``(X, y)``, or with a column of weights ``(X, y, weight)``; X is a DataFrame with the names.

        Raises
        ------
        InvalidInputError
            For cells that are missing or no numbers, with the file, the column and the row.
        """
        pandas = require("pandas", "cli")
        columns = [*self.feature_names, *self.targets, *([] if self.weight is None else [self.weight])]
        for frame in self.files.each(self.rows, list(dict.fromkeys(columns))):
            X = np.empty((len(frame.table), len(self.feature_names)), dtype=self.dtype)
            for k, name in enumerate(self.feature_names):
                X[:, k] = numbers_of(frame, name)
            named = pandas.DataFrame(X, columns=list(self.feature_names), copy=False)
            block = named, self._targets_of(frame)
            yield block if self.weight is None else (*block, numbers_of(frame, self.weight))

    def _targets_of(self, frame):
        if not self.has_one_target:
            return np.column_stack([numbers_of(frame, name) for name in self.targets])
        return labels_of(frame, self.targets[0])


def parquet_blocks(
    paths: Paths,
    target: str | Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    weight: str | None = None,
    rows: int | None = None,
    dtype: Any = None,
) -> TableBlocks:
    """Return a source of the rows of Parquet files, which is read by row groups.

    Parameters
    ----------
    paths : path, pattern such as ``"part-*.parquet"``, or sequence of them
        Files with the same columns, in whatever order.
    target : str or sequence of str
        The column of y, of numbers or labels; a sequence of columns makes a y with as many columns.
    columns : sequence of str, optional
        The features; by default all columns that are neither target nor weight.
    weight : str, optional
        The column of sample weights.
    rows : int, optional
        The largest number of rows of a block; by default a million entries make a block.
    dtype : dtype, optional
        Of X: by default ``float32`` where all features of all files are in single precision, else ``float64``.

    Returns
    -------
    TableBlocks
        For ``fit_blocks``; with `feature_names`.

    Raises
    ------
    InvalidInputError
        For files that are not there, whose columns differ or hold other things than numbers.
    MissingLibraryError
        Without pandas and pyarrow: ``pip install convexnn[parquet]``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas
    >>> from convexnn.blocks import parquet_blocks
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for k in range(2):
    ...     rows = pandas.DataFrame({"a": [k, k + 1.0], "y": [0.0, 1.0]})
    ...     rows.to_parquet(folder / f"part-{k}.parquet")
    >>> source = parquet_blocks(folder / "part-*.parquet", "y")
    >>> [(X["a"].tolist(), y.tolist()) for X, y in source()]
    [([0.0, 1.0], [0.0, 1.0]), ([1.0, 2.0], [0.0, 1.0])]
    """
    require("pandas", "cli")
    files = matching_files(paths)
    schemas = {path: _schema(path) for path in files}
    names = {path: list(schema) for path, schema in schemas.items()}
    chosen, targets = _chosen(names, target, columns, weight)
    for path, schema in schemas.items():
        _check_types(path, {name: schema[name] for name in (*chosen, *([] if weight is None else [weight]))})
    _check_same_labels(schemas, targets)
    if dtype is None:
        single = all(str(schema[name]) in ("float", "halffloat") for schema in schemas.values() for name in chosen)
        dtype = np.float32 if single else np.float64
    return _table_blocks(files, parquet_frames, chosen, target, weight, rows, dtype)


def csv_blocks(
    paths: Paths,
    target: str | Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    weight: str | None = None,
    rows: int | None = None,
    dtype: Any = np.float64,
    **options: Any,
) -> TableBlocks:
    """Return a source of the rows of csv files with headers, compressed ones included.

    A csv file is parsed anew for every pass, which takes far longer than to read a Parquet file. Convert tables that
    are trained on more than once.

    Parameters
    ----------
    paths : path, pattern such as ``"part-*.csv.gz"``, or sequence of them
        Files with the same columns, in whatever order.
    target, columns, weight, rows
        As for `parquet_blocks`.
    dtype : dtype, default=float64
        Of X.
    **options
        Those of ``pandas.read_csv``, such as ``sep``, ``decimal`` and ``na_values``. Labels that are digits in some
        blocks and text in others need ``converters={target: str}``.

    Returns
    -------
    TableBlocks
        For ``fit_blocks``; with `feature_names`.

    Raises
    ------
    InvalidInputError
        For files that are not there or whose columns differ.
    MissingLibraryError
        Without pandas: ``pip install convexnn[cli]``.
    """
    files = matching_files(paths)
    chosen, _ = _chosen({path: csv_names(path, **options) for path in files}, target, columns, weight)
    return _table_blocks(files, partial(csv_frames, **options), chosen, target, weight, rows, dtype)


def _table_blocks(files, frames, chosen, target, weight, rows, dtype):
    targets = (target,) if isinstance(target, str) else tuple(target)
    if rows is not None:
        check_count(rows, "rows")
    step = max(1, ENTRIES_PER_BLOCK // len(chosen)) if rows is None else rows
    has_one = isinstance(target, str)
    return TableBlocks(Files.of(files, frames), tuple(chosen), targets, weight, step, np.dtype(dtype), has_one)


def _schema(path):
    """Return the Arrow types of a Parquet file by the names of its columns."""
    names = parquet_names(path)
    schema = require("pyarrow.parquet", "parquet").read_schema(path)
    return {name: schema.field(name).type for name in names}


def _chosen(names, target, columns, weight):
    """Return the features and the targets; the files must have them, and by default no other columns."""
    targets = [target] if isinstance(target, str) else list(target)
    others = [*targets, *([] if weight is None else [weight])]
    first = next(iter(names))
    if columns is None:
        check_same_columns(names)
        columns = [name for name in names[first] if name not in others]
    chosen = list(columns)
    if not chosen or not targets:
        raise InvalidInputError(f"columns and target must name columns; got {chosen} and {targets}.")
    for path, known in names.items():
        lacking = [repr(name) for name in (*chosen, *others) if name not in known]
        if lacking:
            raise InvalidInputError(
                f"{path!r} has no {columns_text(lacking)}; it has {listed(list(map(repr, known)))}."
            )
    shared = sorted({repr(name) for name in chosen if name in others or chosen.count(name) > 1})
    if shared:
        raise InvalidInputError(f"columns must name every feature once, and no target or weight; got {listed(shared)}.")
    return chosen, targets


def _check_types(path, types):
    """Refuse columns of a Parquet file that hold neither numbers nor truth values."""
    import pyarrow.types as kinds

    known = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)
    wrong = [f"{name!r} ({kind})" for name, kind in types.items() if not any(is_kind(kind) for is_kind in known)]
    if wrong:
        raise InvalidInputError(
            f"{path!r} has the {columns_text(wrong)}, which are no numbers. Choose others with columns=, or make "
            f"numbers of them."
        )


def _check_same_labels(schemas, targets):
    """Refuse targets that are text in some files and numbers in others: one class would have two labels."""
    first = next(iter(schemas))
    for path, schema in schemas.items():
        for name in targets:
            if _is_text(schema[name]) != _is_text(schemas[first][name]):
                raise InvalidInputError(
                    f"{path!r} has the type {schema[name]} in column {name!r}, and {first!r} has "
                    f"{schemas[first][name]}. Write the labels alike in all files."
                )


def _is_text(kind):
    return str(kind).startswith(("string", "large_string", "dictionary"))


def numbers_of(frame: Frame, name: str) -> np.ndarray:
    """Return a column as finite float64 numbers; a cell that is none is refused with its file and row."""
    from pandas.api import types

    column = frame.table[name]
    if not (types.is_numeric_dtype(column.dtype) or types.is_bool_dtype(column.dtype)) or column.dtype.kind == "c":
        # Decimals are objects, and so are the numbers of a block of a csv file with other text in it.
        column = require("pandas", "cli").to_numeric(column.astype(object), errors="coerce")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    is_finite = np.isfinite(values)
    if not is_finite.all():
        row = int(np.argmin(is_finite))
        raise InvalidInputError(
            f"{frame.path!r}: column {name!r} must hold finite numbers in every row; row {frame.start + row + 1} has "
            f"{frame.table[name].tolist()[row]!r} (row 1 is the first below the header). Fill it in, or leave it out."
        )
    return values


def labels_of(frame: Frame, name: str) -> np.ndarray:
    """Return a column of numbers or labels without gaps as an array: text as objects."""
    from pandas.api import types

    column = frame.table[name]
    is_gap = column.isna().to_numpy()
    if is_gap.any():
        row = frame.start + int(np.argmax(is_gap)) + 1
        raise InvalidInputError(
            f"{frame.path!r}: column {name!r} has no value in row {row} (row 1 is the first below the header). Leave "
            f"out rows without a target."
        )
    if types.is_bool_dtype(column.dtype):
        return column.to_numpy(dtype=bool)
    if types.is_numeric_dtype(column.dtype) and column.dtype.kind in "iu":
        return column.to_numpy(dtype=getattr(column.dtype, "numpy_dtype", column.dtype))
    if types.is_numeric_dtype(column.dtype):
        return numbers_of(frame, name)
    return column.astype(str).to_numpy(dtype=object)
