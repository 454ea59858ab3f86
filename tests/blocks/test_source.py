"""Where rows in blocks come from."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from convexnn.blocks import ArrayBlocks, CodedRows, StreamedBlocks
from convexnn.blocks import source as module
from convexnn.exceptions import InvalidInputError


def shape_and(block, *arguments):
    return block.X.shape, block.y.tolist(), block.weight.tolist(), arguments


def test_arrays_are_cut_into_blocks(monkeypatch):
    monkeypatch.setattr(module, "ENTRIES_PER_BLOCK", 4)
    blocks = ArrayBlocks(np.arange(10.0).reshape(5, 2), np.arange(5.0), np.ones(5))
    found = list(blocks.each(shape_and, "a", own=[(0,), (1,), (2,)]))
    assert [one[0] for one in found] == [(2, 2), (2, 2), (1, 2)]
    assert [one[3] for one in found] == [("a", 0), ("a", 1), ("a", 2)]
    assert found[2][1] == [4.0]


@pytest.mark.parametrize("make", [np.asarray, sparse.csc_array, pd.DataFrame, lambda X: X.tolist()])
def test_a_stream_takes_arrays_tables_and_sparse_rows(make):
    X = np.arange(6.0).reshape(3, 2)
    source = StreamedBlocks(lambda: iter([(make(X), [1.0, 2.0, 3.0]), (make(X), [4, 5, 6], [1, 0, 2])]))
    for _ in range(2):  # as often as needed
        (first, second) = source.each(shape_and)
        assert first == ((3, 2), [1.0, 2.0, 3.0], [1.0, 1.0, 1.0], ())
        assert second == ((3, 2), [4, 5, 6], [1.0, 0.0, 2.0], ())


def test_single_precision_stays():
    source = StreamedBlocks(lambda: [(np.ones((2, 2), np.float32), np.ones(2))])
    assert [one.dtype for one in source.each(lambda block: block.X)] == [np.float32]


def test_names_come_from_the_first_block():
    tables = [pd.DataFrame(np.ones((2, 2)), columns=names) for names in (["a", "b"], ["b", "a"])]
    assert StreamedBlocks(lambda: [(tables[0], [1, 2])]).column_names() == ["a", "b"]
    assert StreamedBlocks(lambda: [(np.ones((1, 2)), [1])]).column_names() is None
    source = StreamedBlocks(lambda: [(table, [1, 2]) for table in tables])
    source.column_names()
    with pytest.raises(InvalidInputError, match=r"block 1 has \['b', 'a'\]"):
        list(source.each(shape_and))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.ones((2, 2)), "must yield tuples .* got ndarray"),
        ((np.ones((2, 2)),), "got tuple of length 1"),
        ((np.full((2, 2), np.nan), np.ones(2)), r"block 0 \(the first is 0\): .*NaN"),
        ((np.ones((2, 2)) * 1j, np.ones(2)), "Complex"),
    ],
)
def test_what_is_no_block_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        list(StreamedBlocks(lambda: [given]).each(shape_and))


@pytest.mark.parametrize("second", [[0], [0, 1, 2], [1, 0], [0, 3]])
def test_a_source_that_changes_is_refused(second):
    X = np.arange(12.0).reshape(6, 2)
    blocks = [(X, np.arange(6.0) + k) for k in range(3)]
    blocks.append((X[[0, 2, 1, 3, 4, 5]], np.arange(6.0) + 1.0))  # the rows of another block in another order
    passes = iter([[0, 1], [0, 1], second])
    source = StreamedBlocks(lambda: [blocks[k] for k in next(passes)])
    for _ in range(2):
        list(source.each(shape_and))
    with pytest.raises(InvalidInputError, match="the same blocks every time"):
        list(source.each(shape_and))


def test_a_generator_object_is_told_from_no_rows():
    blocks = iter([(np.ones((1, 1)), [1.0])] * 2)
    source = StreamedBlocks(lambda: blocks)
    assert len(list(source.each(shape_and))) == 2
    with pytest.raises(InvalidInputError, match="has returned 2 before, and 0 now"):
        list(source.each(shape_and))
    with pytest.raises(InvalidInputError, match="must return an iterable .* got NoneType"):
        list(StreamedBlocks(lambda: None).each(shape_and))


def test_coded_rows_are_coded_before_they_are_used():
    source = ArrayBlocks(np.ones((3, 1)), np.arange(3.0), np.ones(3))
    (found,) = CodedRows(source, lambda block: block._replace(y=-block.y)).each(shape_and)
    assert found[1] == [0.0, -1.0, -2.0]
