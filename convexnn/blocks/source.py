"""Where rows in blocks come from: functions go to the blocks, and only what they return comes back.

A source has one verb, `each`. Training and proofs ask for sums over the rows and for some rows by their place, so that
no answer depends on how the rows are cut into blocks, but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..exceptions import InvalidInputError

ENTRIES_PER_BLOCK = 1_000_000  # of an array that is cut into blocks here


class Block(NamedTuple):
    """Some rows.

    Attributes
    ----------
    X : array of shape (n_rows, n_features)
        Of NumPy, a sparse array in CSR form, or an array of another library that may be on a device.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    weight : ndarray of shape (n_rows,)
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray


class RowSource(Protocol):
    """Rows in blocks that can be read as often as needed, always the same and in the same order."""

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order.

        Functions are of modules, with arguments that can be pickled; `own` has what only one block gets.
        """
        ...


class ArrayBlocks:
    """Arrays in this process, a memory map included, cut into blocks of rows.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        As in a `Block`.
    y, weight : ndarrays
    """

    def __init__(self, X: Any, y: np.ndarray, weight: np.ndarray) -> None:
        self.block, self.n_rows = Block(X, y, weight), len(y)
        self.step = max(1, ENTRIES_PER_BLOCK // max(1, int(X.shape[1])))

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order."""
        for k, start in enumerate(range(0, self.n_rows, self.step)):
            block = Block(*(part[start : start + self.step] for part in self.block))
            yield function(block, *arguments, *(() if own is None else own[k]))


class StreamedBlocks:
    """Blocks of a callable that is called once for every pass over the data.

    Parameters
    ----------
    source : callable
        Without arguments; returns an iterable of ``(X, y)`` or ``(X, y, weight)``, the same ones every time.
    """

    def __init__(self, source: Callable[[], Any]) -> None:
        self.source = source

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order."""
        for k, given in enumerate(self.source()):
            yield function(_block_of(given), *arguments, *(() if own is None else own[k]))


class CodedRows:
    """Rows of a source after a function of blocks, such as one that turns labels into numbers.

    Parameters
    ----------
    source : RowSource
    code : callable
        Returns the block in the place of a block.
    """

    def __init__(self, source: RowSource, code: Callable[[Block], Block]) -> None:
        self.source, self.code = source, code

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(code(block), *arguments, *own_k)`` of every block k, in order."""
        return self.source.each(partial(_of_coded, self.code, function), *arguments, own=own)


def _of_coded(code, function, block, *arguments):
    return function(code(block), *arguments)


def _block_of(given):
    """Return the `Block` of a tuple that a user's iterator has yielded."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise InvalidInputError(
            f"source() must yield tuples (X, y) or (X, y, sample_weight) of arrays; got {type(given).__name__}"
            f"{f' of length {len(given)}' if isinstance(given, tuple | list) else ''}."
        )
    X, y = given[0], np.asarray(given[1])
    weight = np.ones(len(y)) if len(given) == 2 or given[2] is None else np.asarray(given[2], float)
    return Block(X, y, weight)
