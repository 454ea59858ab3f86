"""Tables: what is read from them, and what is refused by its name."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from convexnn.cli import main
from convexnn.cli.columns import choose_columns
from convexnn.cli.tabular import read_frame, write_frame
from convexnn.exceptions import InvalidInputError, MissingLibraryError

from .helpers import fails, make_frame, run_json, save

FIT = ("--target", "y", "--beta", "0.5", "--proof", "heuristic")


def test_every_format_is_the_same_table(tmp_path, capsys, monkeypatch):
    frame = make_frame()
    frame.to_csv(tmp_path / "data.csv.gz", index=False)
    frame.to_csv(tmp_path / "data.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    monkeypatch.setattr(sys, "stdin", io.StringIO(frame.to_csv(index=False)))
    sources = [save(frame, tmp_path), save(frame, tmp_path, "data.parquet"), "-"]
    sources += [str(tmp_path / name) for name in ("data.csv.gz", "data.tsv")]
    frames = [read_frame(source) for source in sources] + [read_frame(str(tmp_path / "semicolons.csv"), ";")]
    for found in frames:
        np.testing.assert_allclose(found.to_numpy(), frame.to_numpy(), rtol=1e-15)
        assert list(found.columns) == ["a", "b", "y"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"text": ["x", "z"] * 7}, "feature column 'text' (row 1: 'x'): networks need numbers"),
        ({"mixed": ["1"] * 13 + ["?"]}, "'mixed' (row 14: '?')"),
        (
            {"gaps": [np.nan, None] + [1.0, 2.0] * 6},
            "feature column 'gaps' (2 of 14): values are missing, first in row 1",
        ),
        ({"y": [np.nan] + [1.0] * 13}, "target column 'y' (1 of 14): values are missing"),
        ({"big": [np.inf] + [1.0] * 13}, "feature column 'big': infinite values"),
        ({"w1": ["u", "v"] * 7, "w2": ["v", "u"] * 7}, "feature columns 'w1' (row 1: 'u'), 'w2' (row 1: 'v')"),
    ],
)
def test_bad_columns_are_named(tmp_path, capsys, change, message):
    path = save(make_frame().assign(**change), tmp_path)
    assert message in fails(capsys, "fit", path, *FIT)


def test_bad_columns_can_be_left_out(tmp_path, capsys):
    frame = make_frame().assign(text="x", gaps=np.nan)
    path = save(frame, tmp_path)
    _, dropped = run_json(capsys, "fit", path, *FIT, "--drop", "text,gaps")
    _, chosen = run_json(capsys, "fit", path, *FIT, "--features", "a,b")
    assert dropped["certificate"] == chosen["certificate"] and chosen["features"] == ["a", "b"]


@pytest.mark.parametrize(
    "argv, message",
    [
        (("--target", "z"), "--target: the table has no column 'z'; it has 'a', 'b', 'y'."),
        (("--target", "Y"), "--target: the table has no column 'Y' (did you mean 'y'?); it has 'a', 'b', 'y'."),
        (("--target", "y", "--features", "a,c"), "--features: the table has no column 'c'"),
        (("--target", "y", "--drop", "c,d"), "--drop: the table has no columns 'c', 'd'"),
        (("--target", "y", "--weight", "w"), "--weight: the table has no column 'w'"),
        (("--target", "y", "--features", "a,y"), "must not name a target, weight or dropped column; got y"),
        (("--target", "y", "--drop", "a,b"), "no column is left for the features"),
    ],
)
def test_unknown_columns_are_answered_with_the_known_ones(tmp_path, capsys, argv, message):
    assert message in fails(capsys, "fit", save(make_frame(), tmp_path), *argv)


def test_files_that_are_no_tables(tmp_path, capsys):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 4)
    save(make_frame().iloc[:0], tmp_path, "rows.csv")
    for name, message in {
        "none.csv": "there is no file",
        "empty.csv": "cannot be read as a table",
        "damaged.parquet": "cannot be read as a table",
        "binary.csv": "cannot be read as a table",
        "rows.csv": "has no rows",
        "data.xlsx": "must be a file that ends in",
    }.items():
        assert message in fails(capsys, "fit", str(tmp_path / name), *FIT)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,b,a,y\n1,2,3,4\n", "has several columns named 'a'. Give each a name of its own."),
        ("a,y\nr1,1,2\nr2,3,4\n", "has rows with more fields than its header has names"),
        ("a;b;y\n1;2;3\n", "has one column, 'a;b;y'. Say what is between its columns: --separator ';'."),
        ("a\ty\n1\t2\n", r"--separator '\t'"),
    ],
)
@pytest.mark.parametrize("source", ["file", "-"])
def test_columns_that_pandas_would_rename_or_move_are_refused(tmp_path, capsys, monkeypatch, source, text, message):
    (tmp_path / "data.csv").write_text(text)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert message in fails(capsys, "fit", source if source == "-" else str(tmp_path / "data.csv"), *FIT)


def test_header_may_have_a_byte_order_mark_and_unnamed_columns(tmp_path):
    (tmp_path / "data.csv").write_text(",,a,y\n0,0,1,2\n1,1,3,4\n", encoding="utf-8-sig")
    assert list(read_frame(str(tmp_path / "data.csv")).columns) == ["Unnamed: 0", "Unnamed: 1", "a", "y"]


def test_rows_may_end_with_a_separator(tmp_path):
    (tmp_path / "data.csv").write_text("a,y\n1,2,\n3,4,\n")
    assert read_frame(str(tmp_path / "data.csv")).to_numpy().tolist() == [[1, 2], [3, 4]]


def test_tabs_and_names_with_other_separators(tmp_path):
    (tmp_path / "data.csv").write_text("a\ty\n1\t2\n")
    assert read_frame(str(tmp_path / "data.csv"), r"\t").shape == (1, 2)
    (tmp_path / "one.csv").write_text("mass; kg\n1\n2\n")
    assert read_frame(str(tmp_path / "one.csv")).shape == (2, 1)


def test_without_a_library_the_message_says_what_to_install(tmp_path, capsys, monkeypatch):
    paths = save(make_frame(), tmp_path), save(make_frame(), tmp_path, "data.parquet")
    for path, library, extra in zip(paths, ("pandas", "pyarrow"), ("cli", "parquet"), strict=True):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, library, None)
            message = fails(capsys, "fit", path, *FIT)
        assert message.startswith(f"convexnn: error: {library} is not") and f"'convexnn[{extra}]'" in message


def test_a_parquet_file_of_predictions_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'convexnn\[parquet\]'"):
        write_frame(make_frame(), str(tmp_path / "table.parquet"))
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text("before")

    def torn(self, file, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", torn)
    with pytest.raises(OSError):
        write_frame(make_frame(), str(path))
    assert path.read_text() == "before" and [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]


def test_types_of_columns():
    frame = make_frame().assign(flag=True, whole=pd.array(range(14), dtype="Int64"))
    data = choose_columns(frame, "y")
    assert data.features == ["a", "b", "flag", "whole"] and data.X.dtype == np.float64
    assert choose_columns(frame, "flag").y.dtype == bool and choose_columns(frame, "whole").y.dtype == np.int64
    with pytest.raises(InvalidInputError, match="'when'"):
        choose_columns(frame.assign(when=pd.Timestamp("2020-01-01")), "y")
    with pytest.raises(InvalidInputError, match="'kind'.*--drop kind"):
        choose_columns(frame.assign(kind=pd.Categorical(["u", "v"] * 7)), "y")
    with pytest.raises(InvalidInputError, match="'whole' .1 of 14"):
        choose_columns(frame.assign(whole=pd.array([None, *range(13)], dtype="Int64")), "y")


def test_a_column_with_commas_in_its_name_is_one_target():
    frame = make_frame().rename(columns={"y": "a,b"})
    assert choose_columns(frame, "a,b").targets == ["a,b"]


def test_standardised_columns_and_a_constant_one():
    data = choose_columns(make_frame().assign(same=3.0), "y").standardized()
    np.testing.assert_allclose(data.X.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(data.X.std(axis=0), [1.0, 1.0, 0.0], atol=1e-12)


def test_constant_column_is_not_divided_by_rounding():
    data = choose_columns(make_frame().assign(same=0.1), "y").standardized()
    assert (data.center[2], data.scale[2]) == (0.1, 1.0) and not data.X[:, 2].any()


def test_columns_that_are_too_large_to_be_standardised_are_named():
    with pytest.raises(InvalidInputError, match="--standardize: feature column 'large'"):
        choose_columns(make_frame().assign(large=lambda frame: 1e200 * frame["a"]), "y").standardized()


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.csv.gz", "out.parquet"])
def test_tables_are_written_as_they_are_read(tmp_path, name):
    frame = pd.DataFrame({"n": [1, 2], "x": [0.1, np.nan]})
    write_frame(frame, str(tmp_path / name))
    pd.testing.assert_frame_equal(read_frame(str(tmp_path / name)), frame)


def test_integers_of_any_size_are_written(tmp_path):
    frame = pd.DataFrame({"n": [2**200, 1]}, dtype=object)
    for name in ("out.csv", "out.parquet"):
        write_frame(frame, str(tmp_path / name))
        assert str(read_frame(str(tmp_path / name))["n"][0]) == str(2**200)


def test_an_index_among_the_features_is_pointed_out(tmp_path, capsys):
    make_frame().to_csv(tmp_path / "data.csv")
    argv = ["fit", str(tmp_path / "data.csv"), *FIT]
    main(argv)
    assert "'Unnamed: 0' counts the rows" in capsys.readouterr().err
    main([*argv, "--drop", "Unnamed: 0"])
    assert capsys.readouterr().err == ""


def test_uneven_scales_are_pointed_out(tmp_path, capsys):
    argv = ["fit", save(make_frame().assign(c=lambda frame: 1000.0 * frame["a"]), tmp_path), *FIT]
    main(argv)
    assert "see --standardize" in capsys.readouterr().err
    main([*argv, "--standardize"])
    assert capsys.readouterr().err == ""
