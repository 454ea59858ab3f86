"""The files of a table some rows at a time, every column of the type that the first rows show."""

from dataclasses import dataclass, replace
from functools import partial

from .._utils.libraries import require
from ..blocks.source import ENTRIES_PER_BLOCK
from ..blocks.tables import Files, check_same_columns, csv_frames, parquet_frames, parquet_names
from ..exceptions import InvalidInputError
from .paths import is_parquet
from .tabular import READING, code_of, header_of, numbers_of_text, separator_of, stripped
from .texts import text_of

# The first lines of a csv file are within 4 MiB; of a Parquet file 10 000 rows are looked at.
HEAD_BYTES, HEAD_ROWS = 4 * 2**20, 10_000


@dataclass(frozen=True)
class TableReader:
    """The rows of files, read again for every pass.

    Attributes
    ----------
    files : Files
    rows : int
        The largest number of rows of a block.
    columns : tuple of str
        Those that are read.
    needed : tuple of str
        Rows that lack one of these are left out.
    """

    files: Files
    rows: int
    columns: tuple
    needed: tuple = ()

    def each(self):
        """Yield a `Frame` of every block; the index of its table says which rows of the block are there."""
        for frame in self.files.each(self.rows, self.columns):
            table = frame.table.reset_index(drop=True)
            yield frame._replace(table=table.dropna(subset=list(self.needed)) if self.needed else table)

    def without_gaps(self, names):
        """Return the reader of the rows that have all of these columns."""
        return replace(self, needed=tuple(names))


def place_in(frame):
    """Return a function from the place of a row in a `Frame` to words for it."""
    return lambda row: f"{frame.start + int(frame.table.index[row]) + 1} of {frame.path!r}"


def make_reader(files, reading, names, texts, codes):
    """Return the `TableReader` of files.

    Parameters
    ----------
    files : list of str
    reading : Reading
    names : list of str
        The columns to read.
    texts : sequence of str
        Columns whose cells stay text.
    codes : sequence of str
        Those of them whose cells are taken for categories whatever they look like.

    Raises
    ------
    InvalidInputError
        For files with other columns than the first.
    """
    if is_parquet(files[0]):
        check_same_columns({path: parquet_names(path) for path in files}, "data")
        frames = _parquet_frames
    else:
        frames = partial(_csv_frames, reading=reading, header=_common_header(files, reading), texts=texts, codes=codes)
    rows = max(1, ENTRIES_PER_BLOCK // len(names))
    return TableReader(Files.of(files, frames), rows, tuple(names))


def _common_header(files, reading):
    """Return the names of the columns of csv files, the same in all of them."""
    headers = {path: _header(path, reading) for path in files}
    first = files[0]
    for path, header in headers.items():
        check_same_columns({first: headers[first], path: header}, "data")
        if header != headers[first]:
            raise InvalidInputError(f"data: {path!r} has the columns of {first!r} in another order. Write them alike.")
    return headers[first]


def _header(path, reading):
    text, _ = text_of(path, reading.encoding, HEAD_BYTES)
    names = header_of(text, separator_of(path, reading))
    # As pandas calls columns without a name.
    return [name or f"Unnamed: {k}" for k, name in enumerate(names)]


def _parquet_frames(path, rows, columns):
    for table in parquet_frames(path, rows, columns):
        yield table.rename(columns=str)


def _csv_frames(path, rows, columns, *, reading, header, texts, codes):
    """Yield the tables of a csv file, typed as `inspect_frame` types the whole."""
    pandas = require("pandas", "cli")
    options = {
        "sep": separator_of(path, reading),
        "decimal": reading.marks.decimal,
        "na_values": list(reading.na_values),
        "encoding": reading.encoding or "utf-8-sig",
        "names": header,
        "header": 0,
        "dtype": {name: str for name in texts},
    }
    for table in map(stripped, csv_frames(path, rows, columns, **READING, **options)):
        table = table.assign(**{name: table[name].map(code_of, na_action="ignore") for name in codes if name in table})
        others = [name for name in table if name not in texts and table[name].dtype.kind == "O"]
        yield table.assign(**{name: numbers_of_text(pandas, table[name], reading.marks) for name in others})
