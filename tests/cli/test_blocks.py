"""Tables in several files and larger than memory: the data, the preparation and the refusals of the whole table."""

import numpy as np
import pandas as pd
import pytest

from convexnn.cli import main, readers
from convexnn.cli.arguments import load
from convexnn.cli.loading import open_training
from convexnn.cli.medians import medians
from convexnn.cli.parser import make_parser
from convexnn.cli.streams import keeping_notes
from convexnn.cli.summaries import NumberSummary

from .helpers import fails, run_json, save

pytest.importorskip("pyarrow")

N_ROWS = 200


def raw_frame(n_rows=N_ROWS, seed=0):
    """A table with everything that a preparation deals with."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "": np.arange(n_rows),
            "customer_id": np.sort(rng.choice(10**6, n_rows, replace=False)),
            "size": rng.standard_normal(n_rows) * 3 + 1,
            "color": rng.choice(["red", "blue", "green"], n_rows),
            "code": rng.choice(["01", "1", "7"], n_rows),
            "is_new": rng.random(n_rows) > 0.4,
            "unit": "mg",
            "nothing": np.nan,
            "count": rng.integers(0, 9, n_rows),
            "w": rng.random(n_rows),
            "y": rng.standard_normal(n_rows),
        }
    )
    gaps = {"size": 0.2, "color": 0.1}
    for name, share in gaps.items():
        frame.loc[rng.random(n_rows) < share, name] = None
    return frame


def cut(frame, folder, suffix=".csv", cuts=(60, 61, 150)):
    """Write a table as four files; return their pattern."""
    for k, rows in enumerate(np.split(np.arange(len(frame)), cuts)):
        save(frame.iloc[rows], folder, f"part-{k}{suffix}")
    return str(folder / f"part-*{suffix}")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of some rows, after a head of some more."""
    monkeypatch.setattr(readers, "ENTRIES_PER_BLOCK", 300)


def parsed(*argv):
    return make_parser().parse_args(["fit", *argv])


def joined(source):
    """Return the blocks of one pass as whole arrays."""
    return [np.concatenate(parts) for parts in zip(*source(), strict=True)]


def compare(pattern, *argv):
    """Compare the data of blocks with those of the whole table; return the latter."""
    with keeping_notes() as notes:
        whole = load(parsed(pattern, *argv))
    with keeping_notes() as others, open_training(parsed(pattern, *argv, "--blocks")) as blocks:
        assert [text for text in others[1:] if "--scratch" not in text] == notes and "read in blocks" in others[0]
        assert blocks.preparation == whole.preparation
        assert (blocks.features, blocks.targets, blocks.n_rows) == (whole.features, whole.targets, whole.n_rows)
        X, y, *weight = joined(blocks.source)
        again, *_ = joined(blocks.source)
        np.testing.assert_array_equal(again, X)
        np.testing.assert_allclose(X, whole.X, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(y, whole.y)
        assert y.dtype == whole.y.dtype
        assert [w.tolist() for w in weight] == ([] if whole.weight is None else [whole.weight.tolist()])
        for name in ("center", "scale"):
            wanted, got = getattr(whole, name), getattr(blocks, name)
            assert (got is None) == (wanted is None)
            if wanted is not None:
                np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
    return whole


@pytest.mark.mostly_slow
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize(
    "options",
    [
        ("--impute", "median"),
        ("--impute", "drop"),
        ("--impute", "median", "--standardize", "--weight", "w"),
        ("--impute", "median", "--categorical", "code,count", "--keep", "unit,customer_id"),
        ("--impute", "drop", "--features", "size,code,count", "--standardize"),
    ],
)
def test_blocks_have_the_data_of_the_whole_table(tmp_path, suffix, options):
    frame = raw_frame()
    if suffix == ".parquet":
        frame = frame.rename(columns={"": "Unnamed: 0"})
    whole = compare(cut(frame, tmp_path, suffix), "--target", "y", "--encode", *options)
    assert "color=red" in whole.features or "--features" in options


@pytest.mark.mostly_slow
@pytest.mark.parametrize(
    "values",
    [["no", "yes", "no"], [3, 7, 7], [True, False, True], [1.5, 2.0, 3.0], [1.0, 2.0, 3.0], ["01", "b", "a"]],
)
@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_targets_have_the_type_of_the_whole_table(tmp_path, suffix, values, has_gaps):
    frame = raw_frame()[["count", "y"]].assign(y=np.array(values, dtype=object)[np.arange(N_ROWS) % 3])
    frame["y"] = frame["y"].astype(type(values[0]))
    if has_gaps:
        frame["y"] = frame["y"].astype(object).where(np.arange(N_ROWS) % 70 != 5, None).infer_objects()
    compare(cut(frame, tmp_path, suffix), "--target", "y", "--drop-missing-target")


def test_rows_left_out_can_make_a_column_constant(tmp_path):
    frame = raw_frame()[["count", "size", "y"]].assign(late=0.0)
    frame.loc[frame["size"].isna(), "late"] = 1.0
    whole = compare(cut(frame, tmp_path), "--target", "y", "--impute", "drop")
    assert whole.features == ["count", "size"]


def test_marks_and_separators_are_those_of_the_whole_table(tmp_path):
    frame = raw_frame()[["size", "count", "color", "y"]].assign(count=np.arange(N_ROWS) ** 3)
    text = frame.astype({"count": object})
    text["count"] = [f"{value:,}".replace(",", ".") for value in frame["count"]]
    for k, rows in enumerate(np.split(np.arange(N_ROWS), [70])):
        text.iloc[rows].to_csv(tmp_path / f"part-{k}.csv", sep=";", decimal=",", index=False, encoding="latin-1")
    options = ("--separator", ";", "--decimal", ",", "--thousands", ".", "--encoding", "latin-1")
    whole = compare(str(tmp_path / "part-*.csv"), "--target", "y", "--encode", "--impute", "median", *options)
    assert whole.features[1] == "count" and whole.X[:, 1].max() == 199**3


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"size": [1.0, 2.0] * 85 + [np.nan] * 30},
            "feature column 'size' (30 of 200): values are missing, first in row 21",
        ),
        ({"color": ["b"] * 60 + [f"c{k % 30}" for k in range(140)]}, "'color' (over 20; row 1: 'b'): more categories"),
        ({"count": [1.0] * 190 + [np.inf] * 10}, "'count': infinite values cannot be used (first in row 41 of "),
        ({"y": [1.5] * 180 + [np.nan] * 20}, "target column 'y' (20 of 200): values are missing, first in row 31 of "),
        ({"w": [1.0] * 180 + [-1.0] * 20}, "weight column 'w' (row 31 of "),
        (
            {"count": [1] * 199 + ["?"]},
            "part-3.csv': '?'): other cells than the first rows have. --na-values '?' takes",
        ),
        ({"is_new": [True] * 199 + ["?"]}, "--categorical is_new all cells for categories"),
        ({"y": [1] * 199 + ["?"]}, "--categorical y all cells for labels"),
    ],
)
def test_problems_of_late_rows_are_named(tmp_path, capsys, change, message):
    frame = raw_frame().fillna({"size": 0.0, "color": "red"}).assign(**change)
    pattern = cut(frame, tmp_path)
    assert main(["fit", pattern, "--target", "y", "--encode", "--weight", "w", "--blocks"]) == 2
    assert message in capsys.readouterr().err


def test_problems_of_the_first_rows_come_before_the_passes(tmp_path, capsys):
    frame = raw_frame().assign(day="2020-01-01", w=["2,5"] * N_ROWS)
    pattern = cut(frame, tmp_path)
    save(raw_frame().assign(day="x", w="broken"), tmp_path, "part-9.csv")
    assert main(["fit", pattern, "--target", "y", "--weight", "w", "--impute", "drop", "--blocks"]) == 2
    message = capsys.readouterr().err
    assert "'color' (row 1:" in message and "weight column 'w' (row 1: '2,5')" in message and "broken" not in message


@pytest.mark.parametrize("order", ["rising", "mixed", "twice"])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("name", ["visit_id", "a"])
def test_columns_that_count_the_rows_are_found_or_asked_for(tmp_path, capsys, order, step, name):
    rows = np.arange(N_ROWS) * step - 50
    if order != "rising":
        rows = np.random.default_rng(0).permutation(rows)
    if order == "twice":
        rows[-1] = rows[0]
    frame = raw_frame()[["count", "y"]].assign(**{name: rows})
    pattern = cut(frame, tmp_path)
    if name == "visit_id" and (order == "twice" or (order == "mixed" and step > 1)):
        # No block has a number twice: whether two of them share one is not known.
        assert main(["fit", pattern, "--target", "y", "--blocks"]) == 2
        assert "it is not known whether this counts the rows" in capsys.readouterr().err
        compare(pattern, "--target", "y", "--keep", name)
        return
    whole = compare(pattern, "--target", "y")
    assert (name in whole.features) == (order == "twice" or (name == "a" and step > 1))


def test_counts_of_rows_are_told_from_other_integers():
    rng = np.random.default_rng(0)
    for trial in range(200):
        n_rows = int(rng.integers(4, 12))
        values = rng.permutation(n_rows) + int(rng.integers(-(10**15), 10**15))
        if trial % 2:
            values[0] = values[-1] = rng.choice(values)
        summary = NumberSummary("a")
        for part in np.array_split(values, 3):
            summary.add(pd.Series(part), str)
        assert summary.is_consecutive == (
            len(set(values.tolist())) == n_rows and values.max() - values.min() == n_rows - 1
        )


@pytest.mark.parametrize("n_rows", [1, 2, 3, 10, 1000, 1001])
def test_medians_are_those_of_numpy(n_rows):
    rng = np.random.default_rng(n_rows)
    X = rng.standard_normal((n_rows, 6)) * [1.0, 1e-300, 1e300, 0.0, 2.0, 1.0]
    X[:, 4] = np.round(X[:, 4])
    X[:, 5] = np.where(rng.random(n_rows) > 0.5, -0.0, X[:, 5])
    X[1:][rng.random((n_rows - 1, 6)) < 0.2] = np.nan
    found = medians(lambda: np.array_split(X, 3), np.sum(~np.isnan(X), axis=0))
    np.testing.assert_array_equal(found, np.nanmedian(X, axis=0))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_several_files_are_one_table(tmp_path, capsys, suffix):
    frame = raw_frame()[["count", "size", "y"]].fillna(0.0)
    one, pattern = save(frame, tmp_path, f"one{suffix}"), cut(frame, tmp_path, suffix)
    argv = ("--target", "y", "--beta", "100", "--proof", "heuristic")
    _, whole = run_json(capsys, "fit", one, *argv)
    _, several = run_json(capsys, "fit", pattern, *argv)
    _, named = run_json(capsys, "fit", *[str(tmp_path / f"part-{k}{suffix}") for k in range(4)], *argv)
    for document in (several, named):
        assert document["certificate"] == whole["certificate"] and document["n_samples"] == N_ROWS
        assert document["notes"][0].startswith("4 files are read as one table, whole")
    assert not any("read as one table" in text for text in whole["notes"])


def test_other_commands_take_patterns_too(tmp_path, capsys):
    frame = raw_frame()[["count", "size", "y"]].fillna(0.0)
    pattern, model = cut(frame, tmp_path), str(tmp_path / "model.npz")
    run_json(capsys, "fit", pattern, "--target", "y", "--beta", "100", "--proof", "heuristic", "-o", model)
    code, document = run_json(capsys, "certify", model, pattern, "--proof", "heuristic")
    assert document["n_samples"] == N_ROWS
    _, predicted = run_json(capsys, "predict", model, pattern)
    assert predicted["n_samples"] == N_ROWS


@pytest.mark.parametrize("blocks", [(), ("--blocks",)])
@pytest.mark.parametrize(
    "argv, message",
    [
        (("none-*.csv",), "data: no file matches the pattern 'none-*.csv'."),
        (("part-0.csv", "none.csv"), "data: there is no file 'none.csv'."),
        (("part-0.csv", "part-*.csv"), "data must name every file once; got 'part-0.csv' more than once."),
        (("part-0.csv", "other.parquet"), "files of one table have one format; got 'part-0.csv' and 'other.parquet'."),
        (("part-*",), "data must be a file that ends in .csv, .csv.gz, .tsv, .parquet, or - ; got 'part-9.txt'."),
        (("part-0.csv", "-"), "data: - is the whole table"),
        (("part-0.csv", "lacking.csv"), "'lacking.csv'"),
        (("part-0.csv", "more.csv"), "'more.csv'"),
        (("part-0.csv", "turned.csv"), "'turned.csv'"),
    ],
)
def test_files_that_make_no_table_are_named(tmp_path, capsys, monkeypatch, blocks, argv, message):
    frame = raw_frame()[["count", "size", "y"]].fillna(0.0)
    cut(frame, tmp_path)
    save(frame, tmp_path, "other.parquet")
    save(frame, tmp_path, "turned.csv")
    save(frame[["count", "y"]], tmp_path, "lacking.csv")
    save(frame.assign(more=1), tmp_path, "more.csv")
    save(frame[["size", "count", "y"]], tmp_path, "turned.csv")
    (tmp_path / "part-9.txt").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["fit", *argv, "--target", "y", *blocks]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("blocks", [(), ("--blocks",)])
def test_parquet_files_with_other_columns_are_named(tmp_path, capsys, blocks):
    frame = raw_frame()[["count", "size", "y"]].fillna(0.0)
    pattern = cut(frame, tmp_path, ".parquet")
    save(frame[["y", "size", "count"]], tmp_path, "part-4.parquet")
    save(frame[["count", "y"]], tmp_path, "part-5.parquet")
    assert main(["fit", pattern, "--target", "y", *blocks]) == 2
    assert "part-5.parquet' has no column 'size', which" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        (("--proof", "exact"), "--proof exact needs all rows at once"),
        (("--max-width", "3"), "--max-width 3 needs all rows at once"),
        (("--loss", "absolute"), "--loss absolute needs all rows at once"),
        (("--keep-na",), "--keep-na needs all rows at once"),
    ],
)
def test_what_blocks_cannot_do_is_refused(tmp_path, capsys, options, message):
    path = save(raw_frame(), tmp_path)
    for chosen in (("--blocks",), ("--memory", "10k")):
        found = fails(capsys, "fit", path, "--target", "y", *options, *chosen)
        assert message in found and ("--blocks" if len(chosen) == 1 else "(see --memory)") in found


def test_standard_input_is_not_read_in_blocks(capsys):
    assert "standard input is there once" in fails(capsys, "fit", "-", "--target", "y", "--blocks")


@pytest.mark.parametrize("size, n_bytes", [("500M", 500 * 2**20), ("1.5g", 1.5 * 2**30), ("7", 7), ("2KB", 2048)])
def test_sizes_are_read(size, n_bytes):
    assert parsed("a.csv", "--target", "y", "--memory", size).memory == n_bytes


@pytest.mark.parametrize("size", ["", "M", "0", "-1", "1X", "1e9"])
def test_what_is_no_size_is_refused(capsys, size):
    with pytest.raises(SystemExit):
        parsed("a.csv", "--target", "y", f"--memory={size}")
    assert "must be a size such as 500M or 16G" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("values", [["no", "yes", "maybe"], [3, 7, 9], [True, False, True], [1.5, 2.5, 3.5]])
def test_scratch_files_have_the_rows_and_go(tmp_path, values):
    frame = raw_frame().assign(y=np.array(values)[np.arange(N_ROWS) % 3])
    argv = ("--target", "y", "--weight", "w", "--encode", "--impute", "drop", "--standardize", "--blocks")
    (tmp_path / "scratch").mkdir()
    arguments = (cut(frame, tmp_path), *argv)
    with open_training(parsed(*arguments)) as plain:
        with open_training(parsed(*arguments, "--scratch", str(tmp_path / "scratch"))) as data:
            assert len(list((tmp_path / "scratch").glob("*/*.npy"))) == 3
            for got, wanted in zip(joined(data.source), joined(plain.source), strict=True):
                np.testing.assert_array_equal(got, wanted)
                assert got.dtype == wanted.dtype
            assert list(next(data.source())[0].columns) == data.features
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", ["numbers", "classes", "weights"])
def test_small_tables_in_blocks_are_fitted_as_whole_ones(tmp_path, capsys, suffix, kind):
    frame = raw_frame().drop(columns=["", "nothing"])
    if kind == "classes":
        frame["y"] = np.where(frame["y"] + frame["count"] > 4, "many", "few")
    argv = ["--target", "y", "--encode", "--impute", "median", "--standardize", "--proof", "heuristic", "--tol", "1e-4"]
    argv += ["--weight", "w"] if kind == "weights" else ["--drop", "w"]
    argv += ["--beta", "5", "-o"]
    one, pattern = save(frame, tmp_path, f"one{suffix}"), cut(frame, tmp_path, suffix)
    models = [str(tmp_path / "whole.npz"), str(tmp_path / "blocks.npz")]
    code, whole = run_json(capsys, "fit", one, *argv, models[0])
    assert code == 0
    code, blocks = run_json(capsys, "fit", pattern, *argv, models[1], "--blocks")
    assert code == 0
    assert blocks["certificate"]["primal"] == pytest.approx(whole["certificate"]["primal"], rel=1e-4)
    same = ("features", "targets", "classes", "preparation", "n_samples", "task", "loss", "beta")
    assert {name: blocks[name] for name in same} == {name: whole[name] for name in same}
    score = "training_accuracy" if kind == "classes" else "training_r2"
    assert blocks[score] == pytest.approx(whole[score], abs=1e-3)
    predicted = [run_json(capsys, "predict", model, one)[1]["predictions"] for model in models]
    assert list(predicted[0]) == list(predicted[1]) and len(predicted[1]["predicted_y"]) == N_ROWS


@pytest.mark.slow
def test_a_table_beyond_the_sample_is_trained_in_blocks(tmp_path, capsys, monkeypatch):
    from convexnn.blocks import training

    monkeypatch.setattr(training, "MAX_SAMPLED_ENTRIES", 100)
    monkeypatch.setattr(training, "MIN_SAMPLED_ROWS", 60)
    frame = raw_frame()[["size", "count", "color", "y"]].assign(late=lambda table: table["y"] > 0)
    pattern, model = cut(frame, tmp_path), str(tmp_path / "model.npz")
    argv = ("--target", "y", "--encode", "--impute", "median", "--standardize", "--beta", "20")
    (tmp_path / "scratch").mkdir()
    _, whole = run_json(capsys, "fit", pattern, *argv, "--proof", "heuristic")
    for options in ((), ("--scratch", str(tmp_path / "scratch"))):
        code, document = run_json(capsys, "fit", pattern, *argv, "--blocks", *options, "-o", model)
        assert code == 0 and document["n_samples"] == N_ROWS
        assert document["certificate"]["primal"] == pytest.approx(whole["certificate"]["primal"], rel=1e-2)
        assert document["certificate"]["dual"] <= whole["certificate"]["primal"]
        assert document["training_r2"] == pytest.approx(whole["training_r2"], abs=0.01)
    # The file has the network, its preparation and the claim, and no data.
    code, certified = run_json(capsys, "certify", model, pattern, "--proof", "heuristic")
    assert certified["claimed"]["primal"] == pytest.approx(certified["certificate"]["primal"], rel=1e-9)
    assert code in (0, 1) and not certified["notes"]
