"""Blocks of Dask collections: aligned rows, the same ones as in memory, and refusals by name."""

import warnings

import numpy as np
import pytest

from convexnn import InvalidInputError

array = pytest.importorskip("dask.array", reason="the extra `dask` is needed: pip install 'convexnn[dask]'")
dataframe = pytest.importorskip("dask.dataframe")
dask, pandas = pytest.importorskip("dask"), pytest.importorskip("pandas")
pytest.importorskip("distributed")

from convexnn.dask.partitions import checked_block, delayed_parts  # noqa: E402

N = 23
X = np.random.default_rng(0).standard_normal((N, 3))
Y, WEIGHT = X @ [1.0, 2.0, 3.0], np.arange(N) + 1.0


def joined(parts, numeric=True):
    """Return X, y and the weights of all blocks, and the numbers of their rows."""
    with dask.config.set(scheduler="sync"):
        blocks = [checked_block(*dask.compute(*part), k, numeric) for k, part in enumerate(parts)]
    whole = [np.concatenate([block[i] for block in blocks]) for i in range(3)]
    return *whole, [len(block.y) for block in blocks]


def frame(npartitions=4):
    table = pandas.DataFrame(X, columns=["a", "b", "c"]).assign(y=Y, weight=WEIGHT, label=list("xyz") * 7 + ["x", "y"])
    return dataframe.from_pandas(table, npartitions=npartitions)


@pytest.mark.parametrize("y_chunks", [10, 7, 23])
def test_targets_are_cut_as_the_rows_are(y_chunks):
    parts = delayed_parts(
        array.from_array(X, chunks=(10, 3)), array.from_array(Y, chunks=y_chunks), array.from_array(WEIGHT, chunks=5)
    )
    rows, y, weight, counts = joined(parts)
    assert counts == [10, 10, 3]
    for found, wanted in zip((rows, y, weight), (X, Y, WEIGHT), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_columns_are_brought_together_with_a_warning():
    with pytest.warns(UserWarning, match="2 chunks.*rechunk") as caught:
        parts = delayed_parts(array.from_array(X, chunks=(10, 2)), array.from_array(Y, chunks=10))
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(joined(parts)[0], X)


def test_single_precision_and_several_outputs_stay():
    parts = delayed_parts(
        array.from_array(X.astype(np.float32), chunks=(10, 3)), array.from_array(X[:, :2], chunks=(5, 1))
    )
    rows, y, weight, _ = joined(parts)
    assert rows.dtype == np.float32 and weight.tolist() == [1.0] * N
    np.testing.assert_array_equal(y, X[:, :2])


def test_frames_and_series():
    table = frame()
    rows, y, weight, counts = joined(delayed_parts(table[["a", "b", "c"]], table["y"], table["weight"]))
    assert len(counts) == 4
    for found, wanted in zip((rows, y, weight), (X, Y, WEIGHT), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_labels_stay_as_they_are():
    table = frame()
    parts = delayed_parts(table[["a", "b", "c"]], table["label"])
    assert joined(parts, numeric=False)[1].tolist() == list("xyz") * 7 + ["x", "y"]


def test_unknown_sizes_and_mixed_kinds_are_matched_by_place():
    table = frame()
    known = [len(part) for part in table["y"].partitions]
    unknown = table[["a", "b", "c"]].to_dask_array()
    parts = delayed_parts(unknown, table["y"].to_dask_array(), array.from_array(WEIGHT, chunks=(tuple(known),)))
    rows, y, weight, counts = joined(parts)
    assert counts == known
    for found, wanted in zip((rows, y, weight), (X, Y, WEIGHT), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_filter_may_leave_nothing_of_a_partition():
    table = frame()
    table = table[table["weight"] > 12]
    rows, _, _, counts = joined(delayed_parts(table[["a", "b", "c"]], table["y"]))
    assert 0 in counts
    np.testing.assert_array_equal(rows, X[12:])


def test_what_collections_share_is_computed_once():
    runs = []

    def load():
        runs.append(1)
        return np.column_stack([X, Y])

    both = array.from_delayed(dask.delayed(load, pure=True)(), (N, 4), dtype=float)
    parts = delayed_parts(both[:, :3], both[:, 3])
    with dask.config.set(scheduler="sync"):
        dask.compute(parts)
    assert len(runs) == 1


ROWS, TARGETS = array.from_array(X, chunks=(10, 3)), array.from_array(Y, chunks=10)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((X, TARGETS), r"X must be a Dask array or a Dask data frame; got numpy.ndarray"),
        ((ROWS, Y), r"y must be .* got numpy.ndarray"),
        ((ROWS, TARGETS, WEIGHT), r"sample_weight must be .* got numpy.ndarray"),
        ((TARGETS, TARGETS), r"X must have two dimensions"),
        ((frame()["y"], TARGETS), r"X must have two dimensions"),
        ((ROWS, TARGETS[:-1]), r"y must have as many entries as X has rows; got 22 for 23"),
        ((ROWS, TARGETS, TARGETS[:-2]), r"sample_weight must have as many entries as X has rows; got 21 for 23"),
        ((ROWS, TARGETS, ROWS), r"sample_weight must have 1 dimensions; got 2"),
        ((ROWS, ROWS[:, :, None]), r"y must have 1 or 2 dimensions; got 3"),
        ((frame(4)[["a"]], frame(2)["y"]), r"y must have as many partitions as X .* got 2 and 4"),
        ((frame(4)[["a"]], TARGETS), r"y must have as many partitions as X .* got 3 and 4"),
        ((dask.delayed(X), TARGETS), r"X must be a Dask array"),
    ],
)
def test_what_does_not_match_is_refused_by_name(given, said):
    with pytest.raises(InvalidInputError, match=said):
        delayed_parts(*given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((X[:5], Y[:4], None), r"Partition 7 .* got 5, 4 and 4"),
        ((X[:5], Y[:5], WEIGHT[:4]), r"Partition 7 .* got 5, 5 and 4"),
        ((np.array([[np.nan]]), Y[:1], None), r"Partition 7 .*X contains NaN"),
        ((X[:1], np.array([np.inf]), None), r"Partition 7 .*y contains inf"),
        ((X[:1], np.array(["x"]), None), r"Partition 7 .*"),
        ((pandas.DataFrame({"day": pandas.to_datetime(["2026-01-01"])}), Y[:1], None), r"Partition 7 .*dates.*'day'"),
    ],
)
def test_bad_rows_are_refused_with_their_partition(given, said):
    with pytest.raises(InvalidInputError, match=said):
        checked_block(*given, 7, True)


def test_matching_chunks_are_taken_in_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        delayed_parts(ROWS, TARGETS)
