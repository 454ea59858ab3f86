"""Arrays on the disk as sources of blocks of rows: of a memory map no more than a block stays in memory.

The system counts every page of a map that was read as memory of the process, until it needs the page for something
else. Here pages are handed back after every block, so that the memory in use is that of a block, whatever the file has.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from .source import ENTRIES_PER_BLOCK


@dataclass(frozen=True)
class MappedBlocks:
    """A source for ``fit_blocks``: the rows of arrays or of ``.npy`` files. `array_blocks` makes one.

    Attributes
    ----------
    X, y, weight : array or path
        `weight` may be None.
    rows : int
        The largest number of rows of a block.
    """

    X: Any
    y: Any
    weight: Any
    rows: int

    def __call__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield ``(X, y)``, or with weights ``(X, y, weight)``: arrays of the types of the whole ones."""
        parts = [_opened(part) for part in (self.X, self.y, self.weight) if part is not None]
        maps = [found for part in parts if (found := _map_of(part)) is not None]
        for start in range(0, len(parts[0]), self.rows):
            # A copy where the pages below a view are about to go.
            yield tuple((np.array if maps else np.asarray)(part[start : start + self.rows]) for part in parts)
            for found in maps:
                found.madvise(mmap.MADV_DONTNEED)


def array_blocks(X: Any, y: Any, weight: Any = None, *, rows: int | None = None) -> MappedBlocks:
    """Return a source of the rows of arrays, of memory maps, or of ``.npy`` files larger than memory.

    Parameters
    ----------
    X : array of shape (n_samples, n_features), or path
        Such as a ``numpy.memmap``, or the path of an ``.npy`` file, which is mapped and never read as a whole.
        ``float32`` stays ``float32``.
    y : array of shape (n_samples,) or (n_samples, n_outputs), or path
    weight : array of shape (n_samples,), or path, optional
        Sample weights.
    rows : int, optional
        The largest number of rows of a block; by default a million entries make a block.

    Returns
    -------
    MappedBlocks
        For ``fit_blocks``.

    Raises
    ------
    InvalidInputError
        For arrays of other shapes.
    OSError
        For a path where no file is.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.blocks import array_blocks
    >>> source = array_blocks(np.arange(6.0).reshape(3, 2), np.arange(3.0), rows=2)
    >>> [X.shape for X, y in source()]
    [(2, 2), (1, 2)]
    """
    if rows is not None:
        check_count(rows, "rows")
    X, y, weight = (part if part is None or _is_path(part) else _as_array(part) for part in (X, y, weight))
    found = _opened(X)
    if found.ndim != 2 or 0 in found.shape:
        raise InvalidInputError(f"X must have shape (n_samples, n_features), neither of them 0; got {found.shape}.")
    for name, part, dimensions in (("y", y, (1, 2)), ("weight", weight, (1,))):
        shape = None if part is None else _opened(part).shape
        if shape is not None and (len(shape) not in dimensions or shape[0] != len(found)):
            raise InvalidInputError(f"{name} must have one entry per row of X, {len(found)}; got shape {shape}.")
    return MappedBlocks(X, y, weight, max(1, ENTRIES_PER_BLOCK // found.shape[1]) if rows is None else rows)


def _is_path(part):
    return isinstance(part, str | os.PathLike)


def _as_array(part):
    return part if isinstance(part, np.ndarray) else np.asarray(part)


def _opened(part):
    """Return an array as it is, and that of an ``.npy`` file as a memory map."""
    return np.load(part, mmap_mode="r") if _is_path(part) else part


def _map_of(array):
    """Return the map whose pages can be handed back, or None: changes in a private copy would be lost."""
    if getattr(array, "mode", None) not in ("r", "r+", "w+") or not hasattr(mmap, "MADV_DONTNEED"):
        return None
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array
