"""From the columns of a raw table to the inputs of a network: what was decided on the training table, kept in the file.

Only names, numbers and text are kept, as JSON: nothing of it is ever executed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..exceptions import FileFormatError, InvalidInputError
from .cells import as_labels, as_numbers, as_truth, first_row

NUMBER, BOOLEAN, TEXT = "number", "boolean", "text"
COLUMN_KINDS = (NUMBER, BOOLEAN, TEXT)
# Missing values are refused, filled with the median of their column, or dropped with their rows.
REFUSE, FILL, DROP = "refuse", "median", "drop"
READING_ENTRIES = {"separator", "decimal", "thousands", "encoding", "na_values", "keep_na"}
# Up to 2^53 every integer is a float64.
MAX_EXACT_INTEGER = 2**53
PREPARATION_ENTRIES = {"columns", "missing", "drop_missing_target", "left_out", "reading"}


@dataclass(frozen=True)
class Column:
    """One column of the raw table.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "text"}
        Numbers are taken as they are, booleans as 0 and 1; text becomes a 0/1 input for every category.
    fill : float, str or None
        What stands for a missing value: the median of the training rows, or their most frequent value; None where
        missing values are not filled.
    categories : tuple of str
        Categories of text, sorted; a cell that is none of them is 0 in all their inputs.
    """

    name: str
    kind: str = NUMBER
    fill: float | str | None = None
    categories: tuple[str, ...] = ()

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs that the column becomes, such as ``color=red``."""
        return [f"{self.name}={category}" for category in self.categories] if self.kind == TEXT else [self.name]

    def inputs(self, cells: Any) -> np.ndarray:
        """Return the inputs (n_rows, n_inputs) that the cells of a Series become; missing ones that are not filled
        are NaN.

        Raises
        ------
        InvalidInputError
            For cells that are no numbers where numbers are due.
        """
        if self.kind == TEXT:
            labels = [self.fill if label is None else label for label in as_labels(cells)]
            # One input per category: 1 where the cell has it, NaN in all of them where the cell is missing.
            found = np.array(labels, dtype=object)[:, None] == np.array(self.categories, dtype=object)
            is_gap = np.array([label is None for label in labels])
            return np.where(is_gap[:, None], np.nan, found.astype(float))
        values, is_bad = (as_truth if self.kind == BOOLEAN else as_numbers)(cells)
        if is_bad.any():
            row = first_row(is_bad)
            raise InvalidInputError(
                f"column {self.name!r} (row {row}: {cells.iloc[row - 1]!r}) must hold {self.kind}s."
            )
        if self.fill is not None:
            values = np.where(np.isnan(values), self.fill, values)
        return values[:, None]

    def unknown(self, cells: Any) -> list[str]:
        """Return the labels that are none of the categories, each once; none where the column is not text."""
        if self.kind != TEXT:
            return []
        return sorted({label for label in as_labels(cells) if label is not None} - set(self.categories))


@dataclass(frozen=True)
class Preparation:
    """How the columns of a raw table become the inputs of a network.

    Attributes
    ----------
    columns : tuple of Column
        In the order of the inputs.
    missing : {"refuse", "median", "drop"}
        What happens to missing values: they are refused, filled with each column's `fill`, or their rows are left out.
    drop_missing_target : bool
        Whether training rows without a target were left out.
    left_out : dict of str to str
        The columns of the training table that are not used, each with the reason.
    reading : dict
        How the training file was read, where that was not the usual way: separator, decimal, thousands, encoding,
        na_values, keep_na.

    Examples
    --------
    >>> import pandas
    >>> from convexnn.exchange.preparation import Column, Preparation
    >>> color = Column("color", "text", categories=("blue", "red"))
    >>> preparation = Preparation((Column("size", fill=2.5), color), missing="median")
    >>> preparation.input_names
    ['size', 'color=blue', 'color=red']
    >>> preparation.apply(pandas.DataFrame({"color": ["red", "green"], "size": [1.0, None]}))
    array([[1. , 0. , 1. ],
           [2.5, 0. , 0. ]])
    """

    columns: tuple[Column, ...]
    missing: str = REFUSE
    drop_missing_target: bool = False
    left_out: dict[str, str] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the columns that a table must have."""
        return [column.name for column in self.columns]

    @property
    def input_names(self) -> list[str]:
        """The names of the network's inputs."""
        return [name for column in self.columns for name in column.input_names]

    @property
    def is_plain(self) -> bool:
        """Whether nothing is done but taking the columns as they are."""
        numbers = all(column == Column(column.name) for column in self.columns)
        return numbers and self == Preparation(self.columns)

    def apply(self, table: Any) -> np.ndarray:
        """Return the inputs of the network, before any centre and scale: ndarray of shape (n_rows, n_inputs).

        Missing values that are not filled are NaN. `table` is a DataFrame with the columns, in any order.

        Raises
        ------
        InvalidInputError
            For columns that the table lacks, and cells that are no numbers where numbers are due.
        """
        lacking = [repr(name) for name in self.names if name not in table.columns]
        if lacking:
            raise InvalidInputError(f"the table has no column {', '.join(lacking)}.")
        return np.hstack([column.inputs(table[column.name]) for column in self.columns])

    def to_json(self) -> dict[str, Any]:
        """Return the entry of a header, which `from_json` reads."""
        return asdict(self) | {"columns": [asdict(c) | {"categories": list(c.categories)} for c in self.columns]}

    @classmethod
    def from_json(cls, entry: Any) -> Preparation:
        """Return the preparation that an entry of a header describes.

        Raises
        ------
        FileFormatError
            For anything that `to_json` does not write.
        """
        _require(isinstance(entry, dict) and set(entry) == PREPARATION_ENTRIES, entry)
        _require(isinstance(entry["columns"], list) and len(entry["columns"]) > 0, entry["columns"])
        columns = tuple(_column(column) for column in entry["columns"])
        _require(isinstance(entry["missing"], str) and entry["missing"] in (REFUSE, FILL, DROP), entry["missing"])
        _require(isinstance(entry["drop_missing_target"], bool), entry["drop_missing_target"])
        _require(_is_texts_by_name(entry["left_out"]), entry["left_out"])
        _require(_is_reading(entry["reading"]), entry["reading"])
        found = cls(**entry | {"columns": columns})
        # Either every column has a value for missing cells, or none has.
        filled = [column.fill is not None for column in columns]
        _require(all(filled) if found.missing == FILL else not any(filled), entry["columns"])
        _require(len(set(found.names)) == len(found.names), found.names)
        _require(len(set(found.input_names)) == len(found.input_names), found.input_names)
        return found


def checked_preparation(preparation: Any, n_inputs: int) -> Preparation | None:
    """Return a `Preparation` of as many inputs as a network has; None stays None.

    Raises
    ------
    InvalidInputError
        For another number of inputs, and for one that could not be read again.
    """
    if preparation is None:
        return None
    if not isinstance(preparation, Preparation):
        raise InvalidInputError(f"preparation must be a Preparation; got {type(preparation).__name__}.")
    try:
        preparation = Preparation.from_json(preparation.to_json())
    except FileFormatError as error:
        raise InvalidInputError(f"preparation cannot be saved: {error}") from error
    if len(preparation.input_names) != n_inputs:
        raise InvalidInputError(
            f"preparation must have {n_inputs} inputs, as the network has; got {len(preparation.input_names)}."
        )
    return preparation


def _column(entry: Any) -> Column:
    _require(isinstance(entry, dict) and set(entry) == {"name", "kind", "fill", "categories"}, entry)
    _require(isinstance(entry["name"], str) and isinstance(entry["kind"], str) and entry["kind"] in COLUMN_KINDS, entry)
    categories, fill, is_text = entry["categories"], entry["fill"], entry["kind"] == TEXT
    _require(isinstance(categories, list) and all(isinstance(text, str) for text in categories), entry)
    _require(categories == sorted(set(categories)) and (len(categories) > 0) == is_text, entry)
    if is_text:
        _require(fill is None or (isinstance(fill, str) and fill in categories), entry)
    else:
        _require(fill is None or _is_number(fill), entry)
    return Column(entry["name"], entry["kind"], fill, tuple(categories))


def _is_number(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) <= MAX_EXACT_INTEGER)


def _is_reading(entry: Any) -> bool:
    if not (isinstance(entry, dict) and set(entry) <= READING_ENTRIES):
        return False
    texts = {name: value for name, value in entry.items() if name not in ("na_values", "keep_na")}
    na_values = entry.get("na_values", [])
    is_list = isinstance(na_values, list) and all(isinstance(value, str) for value in na_values)
    return _is_texts_by_name(texts) and is_list and isinstance(entry.get("keep_na", True), bool)


def _is_texts_by_name(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(text, str) for pair in entry.items() for text in pair)


def _require(condition: bool, got: Any) -> None:
    if not condition:
        raise FileFormatError(f"its header has an entry preparation that cannot be: {str(got)[:200]}.")
