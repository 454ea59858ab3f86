"""Training and proofs on rows that come in blocks: from files, from workers, sparse, or on a device."""

from .source import ArrayBlocks, Block, CodedRows, RowSource, StreamedBlocks

__all__ = ["ArrayBlocks", "Block", "CodedRows", "RowSource", "StreamedBlocks"]
