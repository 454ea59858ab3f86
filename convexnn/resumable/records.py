"""Base classes of the records of sweeps: JSON, tables, and a tuple of them."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from .._utils.display import Shown, html_table

if TYPE_CHECKING:
    from pandas import DataFrame

# The types of pandas for columns with gaps.
NULLABLE_TYPES = {int | None: "Int64", bool | None: "boolean"}
# Metadata of a field that is too large for a cell of a table.
NOT_IN_FRAMES = {"frame": False}


@dataclass(frozen=True, repr=False)
class Record(Shown):
    """Base of the frozen dataclasses that are records; their tuples become lists in JSON and come back.

    A record has `line`, the figures for a line of output, and `shown`, a dict of the texts that a table shows.
    """

    def to_json(self) -> dict[str, Any]:
        """Return the record as a dict that JSON can write, to the last bit."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the record that `to_json` gave, after JSON has written and read it."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def _shown(self):
        return type(self).__name__, list(self.shown().items())

    def row(self) -> dict[str, Any]:
        """Return the entries that fit into a row of a table, as a dict."""
        shown = [entry.name for entry in fields(self) if entry.metadata.get("frame", True)]
        return {name: getattr(self, name) for name in shown}


@dataclass(frozen=True, repr=False)
class Records:
    """The records of a sweep.

    Attributes
    ----------
    records : tuple
    complete : bool
        False when an interrupt left some out.
    """

    records: tuple[Any, ...]
    complete: bool

    def __len__(self) -> int:
        return len(self.records)

    def _repr_html_(self):
        rows = [record.shown() for record in self.records]
        return html_table(repr(self), [list(row.values()) for row in rows], list(rows[0]) if rows else None)

    def to_frame(self) -> "DataFrame":
        """Return a pandas DataFrame with a row for every record.

        Raises
        ------
        ImportError
            Without pandas, which the extra `frame` installs.
        """
        frame = import_pandas().DataFrame([record.row() for record in self.records])
        for entry in fields(self.records[0]):
            if entry.type in NULLABLE_TYPES:
                frame[entry.name] = _with_gaps([getattr(record, entry.name) for record in self.records], entry.type)
        return frame


def import_pandas() -> Any:
    """Return pandas, which a table is made with; without it the message names the extra."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install 'convexnn[frame]'.") from error
    return pandas


def _with_gaps(values, kind):
    """Return values of which some may be None in a form that keeps integers integers; exact ones may be huge."""
    if any(isinstance(value, int) and value.bit_length() > 63 for value in values):
        return values
    import pandas

    return pandas.array(values, dtype=NULLABLE_TYPES[kind])
