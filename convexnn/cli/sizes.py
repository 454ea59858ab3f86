"""How much memory a table takes, before it is read: whether to read it whole, or in blocks."""

import os

from .._utils.libraries import require
from ..blocks.tables import naming
from .paths import is_parquet

# The memory that a table may take to be read whole, by default.
DEFAULT_MEMORY = 4 * 2**30
# What reading, preparing and copying have taken at most, measured on numbers and on text: bytes of memory for a byte
# of csv, for one of compressed csv, and for a cell of a Parquet file.
MEMORY_PER_CSV_BYTE, MEMORY_PER_GZIP_BYTE, MEMORY_PER_PARQUET_CELL = 16, 60, 64
# Of training on blocks: libraries, the sample of two million entries that is trained in memory, and compiled kernels;
# bytes for a cell of a block, parsed and prepared, and more for one of text.
PROGRAM_MEMORY, MEMORY_PER_BLOCK_CELL, MEMORY_PER_TEXT = 650 * 2**20, 64, 100
UNITS = ("bytes", "KB", "MB", "GB", "TB")


def expected_memory(files):
    """Return about how many bytes of memory the table in files takes when it is read whole."""
    return sum(map(_memory_of, files))


def block_memory(n_rows, n_columns, n_texts):
    """Return about how many bytes of memory training on blocks takes, the program itself included."""
    return PROGRAM_MEMORY + n_rows * (n_columns * MEMORY_PER_BLOCK_CELL + n_texts * MEMORY_PER_TEXT)


def _memory_of(path):
    if path == "-":
        return 0
    if is_parquet(path):
        with naming(path, "data"):
            found = require("pyarrow.parquet", "parquet").read_metadata(path)
        return found.num_rows * found.num_columns * MEMORY_PER_PARQUET_CELL
    return os.path.getsize(path) * (MEMORY_PER_GZIP_BYTE if path.lower().endswith(".gz") else MEMORY_PER_CSV_BYTE)


def size_text(n_bytes):
    """Return a number of bytes in words."""
    size, unit = float(n_bytes), 0
    while size >= 1024 and unit + 1 < len(UNITS):
        size, unit = size / 1024, unit + 1
    return f"{size:.3g} {UNITS[unit]}"
