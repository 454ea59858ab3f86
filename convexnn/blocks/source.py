"""Where rows in blocks come from: functions go to the blocks, and only what they return comes back.

A source has one verb, `each`. Training and proofs ask for sums over the rows and for some rows by their place, so that
no answer depends on how the rows are cut into blocks, but for rounding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.utils.validation import check_array

from .._utils.arrays import in_double, is_foreign, rows_between, rows_of, rows_per_block
from ..exceptions import InvalidInputError

N_MARKED_ROWS = 16  # rows of a block by which it is told whether a later pass has the same
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
        self.step = rows_per_block(X, ENTRIES_PER_BLOCK)

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order."""
        for k, start in enumerate(range(0, self.n_rows, self.step)):
            rows, (X, *others) = slice(start, start + self.step), self.block
            block = Block(rows_between(X, start, start + self.step), *(part[rows] for part in others))
            yield function(block, *arguments, *(() if own is None else own[k]))

    def coded(self, code: Callable[[Block], Block]) -> ArrayBlocks:
        """Return the rows after a function of blocks, which is called once."""
        return ArrayBlocks(*code(self.block))


class StreamedBlocks:
    """Blocks of a callable that is called once for every pass over the data.

    Parameters
    ----------
    source : callable
        Without arguments; returns an iterable of ``(X, y)`` or ``(X, y, weight)``, the same ones every time.
    """

    def __init__(self, source: Callable[[], Any]) -> None:
        self.source = source
        self.names: list[str] | None = None
        self.marks: list[int] = []  # of the blocks of the first pass, by which changes are seen
        self.n_blocks: int | None = None  # once a pass has been made

    def column_names(self) -> list[str] | None:
        """Return the names of the columns of the first block, None where it has none; later blocks must have these."""
        for given in self._given():
            self.names = names_of(_parts_of(given)[0])
            self.marks.append(_mark_of(self._block_of(given, 0)))
            break
        return self.names

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order.

        Raises
        ------
        ValueError
            For blocks that are none, and for a source that has changed since the pass before.
        """
        n_blocks = 0
        for k, given in enumerate(self._given()):
            n_blocks = k + 1
            if n_blocks > (n_blocks if self.n_blocks is None else self.n_blocks):
                break
            block = self._block_of(given, k)
            self._compare(block, k)
            try:
                answer = function(block, *arguments, *(() if own is None else own[k]))
            except InvalidInputError as error:
                raise InvalidInputError(f"block {k} (the first is 0): {error}") from error
            yield answer
        known = len(self.marks) if self.n_blocks is None else self.n_blocks
        if n_blocks != known:
            raise InvalidInputError(
                f"source() must return the same blocks every time; it has returned {known} before, and "
                f"{'more' if n_blocks > known else n_blocks} now. Pass a function that starts anew, not a generator."
            )
        self.n_blocks = n_blocks

    def _given(self):
        """Return what the source returns, as far as it can be iterated over."""
        given = self.source()
        if not isinstance(given, Iterable):
            raise InvalidInputError(
                f"source() must return an iterable of (X, y) or (X, y, sample_weight); got {type(given).__name__}."
            )
        return given

    def _compare(self, block, k):
        """Note the mark of a new block, or compare it with the one of an earlier pass."""
        mark = _mark_of(block)
        if k == len(self.marks):
            self.marks.append(mark)
        elif mark != self.marks[k]:
            raise InvalidInputError(
                f"source() must return the same blocks every time, in the same order; block {k} (the first is 0) has "
                f"changed. Draw or shuffle rows before, not in source()."
            )

    def _block_of(self, given, k):
        """Return the `Block` of what the user's iterator has yielded."""
        X, y, weight = _parts_of(given)
        names = names_of(X)
        if self.names is not None and names is not None and names != self.names:
            raise InvalidInputError(
                f"all blocks must have the columns of the first one, in its order, {self.names}; block {k} has {names}."
            )
        y = np.asarray(y)
        weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
        try:
            return Block(_checked(X), y, weight)
        except ValueError as error:
            raise InvalidInputError(f"block {k} (the first is 0): {error}") from error


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


def coded(source: RowSource, code: Callable[[Block], Block]) -> RowSource:
    """Return the rows of a source after a function of blocks, once for all passes where they are arrays here."""
    return source.coded(code) if isinstance(source, ArrayBlocks) else CodedRows(source, code)


def _of_coded(code, function, block, *arguments):
    return function(code(block), *arguments)


def _parts_of(given):
    """Return the (X, y, weight or None) of a tuple that a user's iterator has yielded."""
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise InvalidInputError(
            f"source() must yield tuples (X, y) or (X, y, sample_weight) of arrays; got {type(given).__name__}"
            f"{f' of length {len(given)}' if isinstance(given, tuple | list) else ''}."
        )
    return given if len(given) == 3 else (*given, None)


def _mark_of(block):
    """Return a number that tells a block from others: of its shape, targets and weights, and of some of its rows."""
    X, n_rows = block.X, block.X.shape[0]
    mark = zlib.crc32(repr((tuple(X.shape), block.y.shape)).encode())
    y = block.y.astype(str) if block.y.dtype.kind == "O" else block.y
    for part in (y, block.weight):
        mark = zlib.crc32(np.ascontiguousarray(part), mark)
    if n_rows == 0 or len(block.y) != n_rows:
        return mark
    rows = in_double(rows_of(X, np.unique(np.linspace(0, n_rows - 1, N_MARKED_ROWS).astype(int))))
    return zlib.crc32(np.ascontiguousarray(rows), mark)


def names_of(X: Any) -> list[str] | None:
    """Return the names of the columns of a table as a list, None where not all of them are strings or X is an array."""
    names = [] if not hasattr(X, "columns") else list(X.columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def _checked(X):
    """Return X as an array of single or double precision, in CSR form where it is sparse, or on its device."""
    if is_foreign(X):
        return X
    return check_array(X, dtype=[np.float64, np.float32], accept_sparse="csr", ensure_min_samples=0, input_name="X")
