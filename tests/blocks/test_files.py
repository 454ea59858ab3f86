"""Blocks of rows from files: the rows of the whole tables, again and again, and what cannot be read is named."""

import gzip
import os
import pickle

import numpy as np
import pandas as pd
import pytest

from convexnn.blocks import csv_blocks, parquet_blocks
from convexnn.blocks.tables import matching_files
from convexnn.exceptions import InvalidInputError

pytest.importorskip("pyarrow")


def make_table(n_rows=50, seed=0):
    """A table of numbers, integers and truth values, with a target and weights."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": rng.standard_normal(n_rows),
            "b": rng.integers(0, 9, n_rows),
            "c": rng.random(n_rows) > 0.5,
            "y": rng.standard_normal(n_rows),
            "w": rng.random(n_rows),
        }
    )


def written(table, folder, suffix, cuts=(20, 21)):
    """Write a table as three files, the columns of the second in another order; return their pattern."""
    parts = np.split(np.arange(len(table)), cuts)
    for k, rows in enumerate(parts):
        part, path = table.iloc[rows], folder / f"part-{k}.{suffix}"
        part = part[part.columns[::-1]] if k == 1 else part
        part.to_parquet(path, row_group_size=7) if suffix == "parquet" else part.to_csv(path, index=False)
    return str(folder / f"part-*.{suffix}")


SOURCES = {"parquet": parquet_blocks, "csv": csv_blocks, "csv.gz": csv_blocks}


def joined(source):
    """Return the blocks of one pass as whole arrays."""
    return [np.concatenate(parts) for parts in zip(*source(), strict=True)]


@pytest.mark.parametrize("rows", [1, 6, 1000])
@pytest.mark.parametrize("suffix", SOURCES)
def test_every_pass_has_the_rows_of_all_files(tmp_path, suffix, rows):
    table = make_table()
    source = SOURCES[suffix](written(table, tmp_path, suffix), "y", weight="w", rows=rows)
    assert source.feature_names == ("a", "b", "c")
    for again in (source, source, pickle.loads(pickle.dumps(source))):
        X, y, weight = joined(again)
        np.testing.assert_allclose(X, table[["a", "b", "c"]].to_numpy(dtype=float), rtol=1e-15)
        np.testing.assert_allclose(y, table["y"], rtol=1e-15)
        np.testing.assert_allclose(weight, table["w"], rtol=1e-15)
    assert max(len(y) for _, y, _ in source()) <= rows


def test_features_are_chosen_and_ordered_by_name(tmp_path):
    table = make_table()
    pattern = written(table.assign(text="x"), tmp_path, "parquet")
    X, y = joined(parquet_blocks(pattern, ["y", "w"], columns=["b", "a"]))
    np.testing.assert_array_equal(X, table[["b", "a"]].to_numpy(dtype=float))
    np.testing.assert_array_equal(y, table[["y", "w"]])
    with pytest.raises(InvalidInputError, match=r"'text' \(.*string\), which are no numbers"):
        parquet_blocks(pattern, "y")


def test_single_precision_stays(tmp_path):
    table = make_table()[["a", "y"]].astype({"a": np.float32})
    pattern = written(table, tmp_path, "parquet")
    assert {X.to_numpy().dtype for X, _ in parquet_blocks(pattern, "y")()} == {np.dtype(np.float32)}
    assert {X.to_numpy().dtype for X, _ in parquet_blocks(pattern, "y", dtype=float)()} == {np.dtype(float)}
    table.astype(float).to_parquet(tmp_path / "part-3.parquet")
    assert {X.to_numpy().dtype for X, _ in parquet_blocks(pattern, "y")()} == {np.dtype(float)}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("labels", [[True, False], ["no", "yes"], [3, 7]])
def test_labels_are_as_they_are(tmp_path, suffix, labels):
    table = make_table().assign(y=np.array(labels)[np.arange(50) % 2])
    _, y, _ = joined(SOURCES[suffix](written(table, tmp_path, suffix), "y", weight="w", rows=9))
    assert y.tolist() == table["y"].tolist()


def test_an_index_that_pandas_wrote_is_no_feature(tmp_path):
    make_table().set_index(pd.Index(np.arange(50) * 2)).to_parquet(tmp_path / "a.parquet")
    assert parquet_blocks(tmp_path / "a.parquet", "y").feature_names == ("a", "b", "c", "w")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize(
    "change, message",
    [
        ({"a": [0.0] * 3 + [np.nan]}, r"part-9\S+ column 'a' must hold finite numbers.*row 4 has nan"),
        ({"a": [0.0] * 3 + [np.inf]}, r"part-9\S+ column 'a' must hold finite numbers.*row 4 has inf"),
        ({"y": [0.0] * 3 + [np.nan]}, r"part-9\S+ column 'y' has no value in row 4"),
    ],
)
def test_cells_that_are_no_numbers_are_named(tmp_path, suffix, change, message):
    table = make_table()
    pattern = written(table, tmp_path, suffix)
    table = table.iloc[:4].assign(**change)
    path = tmp_path / f"part-9.{suffix}"
    table.to_parquet(path) if suffix == "parquet" else table.to_csv(path, index=False)
    with pytest.raises(InvalidInputError, match=message):
        joined(SOURCES[suffix](pattern, "y", rows=2))


def test_text_in_a_csv_file_is_named_by_its_row(tmp_path):
    table = make_table()
    pattern = written(table, tmp_path, "csv")
    table.astype({"b": object}).assign(b=[*range(49), "many"]).to_csv(tmp_path / "part-3.csv", index=False)
    with pytest.raises(InvalidInputError, match=r"part-3.csv': column 'b' must hold.*row 50 has 'many'"):
        joined(csv_blocks(pattern, "y", rows=8))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize(
    "change, message",
    [
        ({"columns": ["a", "c"]}, r"part-9\S+' has no column 'b', which '\S*part-0"),
        ({"more": "d"}, r"part-9\S+' has the column 'd', which '\S*part-0\S+' has not"),
    ],
)
def test_files_with_other_columns_are_named(tmp_path, suffix, change, message):
    table = make_table()
    pattern = written(table, tmp_path, suffix)
    other = table.drop(columns="b") if "columns" in change else table.assign(d=1.0)
    path = tmp_path / f"part-9.{suffix}"
    other.to_parquet(path) if suffix == "parquet" else other.to_csv(path, index=False)
    with pytest.raises(InvalidInputError, match=message):
        SOURCES[suffix](pattern, "y")


def test_labels_of_two_types_are_refused(tmp_path):
    pattern = written(make_table().assign(y=1), tmp_path, "parquet")
    make_table().assign(y="1").to_parquet(tmp_path / "part-9.parquet")
    with pytest.raises(InvalidInputError, match=r"part-9.*string in column 'y'.*Write the labels alike"):
        parquet_blocks(pattern, "y")


def test_a_file_that_changes_meanwhile_is_named(tmp_path):
    source = csv_blocks(written(make_table(), tmp_path, "csv"), "y")
    assert len(joined(source)[1]) == 50
    make_table(7).to_csv(tmp_path / "part-1.csv", index=False)
    with pytest.raises(InvalidInputError, match=r"part-1.csv' has changed"):
        joined(source)
    os.remove(tmp_path / "part-1.csv")
    with pytest.raises(InvalidInputError, match=r"part-1.csv' has changed"):
        joined(source)


@pytest.mark.parametrize(
    "paths, message",
    [
        ("none-*.csv", "no file matches the pattern 'none-"),
        ("none.csv", "there is no file 'none.csv'"),
        ([], "must name at least one file"),
        (".", r"is a folder. Use '\./\*'"),
        (["part-0.csv", "part-*.csv"], "every file once; got 'part-0.csv' more than once"),
    ],
)
def test_paths_without_files_are_refused(tmp_path, monkeypatch, paths, message):
    written(make_table(), tmp_path, "csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match=message):
        csv_blocks(paths, "y")


def test_patterns_are_sorted_and_names_with_marks_are_files(tmp_path):
    for name in ("b1.csv", "a2.csv", "[a].csv", "a1.csv"):
        (tmp_path / name).touch()
    found = matching_files([tmp_path / "[a].csv", tmp_path / "?[12].csv"])
    assert [os.path.basename(path) for path in found] == ["[a].csv", "a1.csv", "a2.csv", "b1.csv"]


def test_damaged_files_are_named(tmp_path):
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("a,y\n" + "1,2\n" * 5000)
    source = csv_blocks(tmp_path / "a.csv.gz", "y")
    raw = (tmp_path / "a.csv.gz").read_bytes()
    (tmp_path / "b.csv.gz").write_bytes(raw[:-20])
    with pytest.raises(InvalidInputError, match=r"b.csv.gz' cannot be read as a table"):
        joined(csv_blocks(tmp_path / "b.csv.gz", "y"))
    assert len(joined(source)[1]) == 5000


@pytest.mark.parametrize(
    "options, message",
    [
        ({"target": "z"}, r"has no column 'z'; it has 'a', 'b', 'c', 'y', 'w'"),
        ({"columns": ["a", "y"]}, "columns must name every feature once, and no target or weight; got 'y'"),
        ({"columns": ["a", "a"]}, "got 'a'"),
        ({"columns": []}, "must name columns"),
        ({"weight": "v"}, "has no column 'v'"),
        ({"rows": 0}, "rows must be"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        parquet_blocks(written(make_table(), tmp_path, "parquet"), **{"target": "y"} | options)
