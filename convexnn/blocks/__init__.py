"""Training and proofs on rows that come in blocks: from files, from workers, sparse, or on a device."""

from .files import TableBlocks, csv_blocks, parquet_blocks
from .maps import MappedBlocks, array_blocks
from .source import ArrayBlocks, Block, CodedRows, RowSource, StreamedBlocks

__all__ = [
    "ArrayBlocks",
    "Block",
    "CodedRows",
    "MappedBlocks",
    "RowSource",
    "StreamedBlocks",
    "TableBlocks",
    "array_blocks",
    "csv_blocks",
    "parquet_blocks",
]
