"""``convexnn predict``: from a saved network and a table to a table of predictions."""

import io
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from convexnn._utils import atomic
from convexnn.cli import main
from convexnn.cli.tabular import read_frame
from convexnn.exchange import load_network, save_network
from tests.exchange.networks import random_network

from .helpers import fails, label_frame, make_frame, run_json, save

LINE = ("--target", "y", "--proof", "heuristic")


def train(capsys, frame, folder, *options):
    """Fit a network to a table; return the path of its file."""
    model = str(folder / "model.npz")
    main(["fit", save(frame, folder, "train.csv"), *LINE, *options, "-o", model])
    capsys.readouterr()
    return model


def uneven_frame():
    """A table whose features are of other sizes than 1."""
    frame = make_frame(20)
    frame["a"] = 1000.0 * frame["a"] + 5.0
    return frame


@pytest.mark.parametrize("options", [(), ("--standardize",)])
def test_raw_rows_are_predicted_in_their_order(tmp_path, capsys, options):
    frame = uneven_frame() if options else make_frame(20)
    model = train(capsys, frame[:15], tmp_path, *options)
    path = save(frame[15:].drop(columns="y")[["b", "a"]], tmp_path)
    exit_code, document = run_json(capsys, "predict", model, path)
    X = frame[["a", "b"]].to_numpy()
    if options:
        X = (X - X[:15].mean(axis=0)) / X[:15].std(axis=0)
    expected = load_network(model, proof=None).network.predict(X[15:])
    assert exit_code == 0 and document["n_samples"] == 5 and document["features"] == ["a", "b"]
    assert document["output"] is None and document["warnings"] == []
    np.testing.assert_allclose(document["predictions"]["predicted_y"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.csv.gz", "out.parquet"])
def test_predictions_are_saved(tmp_path, capsys, name):
    model = train(capsys, make_frame(), tmp_path)
    path, output = save(make_frame(6, seed=1), tmp_path), str(tmp_path / name)
    assert main(["predict", model, path, "-o", output]) == 0
    shown = capsys.readouterr()
    assert "6 rows" in shown.out and f"saved to  {output}" in shown.out and shown.err == ""
    found = read_frame(output)
    expected = load_network(model, proof=None).predict(make_frame(6, seed=1)[["a", "b"]].to_numpy())
    assert list(found.columns) == ["predicted_y"]
    np.testing.assert_allclose(found["predicted_y"], expected, rtol=1e-12)


def test_parquet_without_its_library_is_refused_before(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    # Not even the files are looked for.
    message = fails(capsys, "predict", "none.npz", "none.csv", "-o", str(tmp_path / "out.parquet"))
    assert "pyarrow is not installed" in message and "convexnn[parquet]" in message


def test_predictions_are_printed_as_csv_and_read_from_a_pipe(tmp_path, capsys, monkeypatch):
    model, frame = train(capsys, make_frame(), tmp_path), make_frame(6, seed=1)
    monkeypatch.setattr(sys, "stdin", io.StringIO(frame.to_csv(index=False)))
    assert main(["predict", model, "-"]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    expected = load_network(model, proof=None).predict(frame[["a", "b"]].to_numpy())
    np.testing.assert_allclose(found["predicted_y"], expected, rtol=1e-12)


@pytest.mark.parametrize("labels", [("no", "yes"), ("p", "q", "r"), (5, 7), (True, False)])
def test_classes_come_with_their_probabilities(tmp_path, capsys, labels):
    frame = label_frame(labels)
    model = train(capsys, frame, tmp_path, "--task", "classification", "--standardize")
    output = str(tmp_path / "out.parquet")
    _, document = run_json(capsys, "predict", model, save(frame, tmp_path), "-o", output)
    found, saved = read_frame(output), load_network(model, proof=None)
    X = frame[["a", "b"]].to_numpy()
    classes = sorted(labels)
    assert document["classes"] == classes and document["output"] == output and document["targets"] == ["y"]
    assert list(found.columns) == ["predicted_y", *(f"probability_{name}" for name in classes)]
    assert found["predicted_y"].tolist() == saved.predict(X).tolist() == document["predictions"]["predicted_y"]
    np.testing.assert_allclose(found.iloc[:, 1:], saved.predict_proba(X), rtol=1e-12)
    assert (found["predicted_y"] == frame["y"]).mean() > 0.6


def test_other_losses_come_with_the_values_of_the_network(tmp_path, capsys):
    frame = label_frame()
    model = train(capsys, frame, tmp_path, "--loss", "squared_hinge")
    _, document = run_json(capsys, "predict", model, save(frame, tmp_path))
    found = document["predictions"]
    assert list(found) == ["predicted_y", "decision_yes"]
    assert [label == "yes" for label in found["predicted_y"]] == [value > 0 for value in found["decision_yes"]]


def test_several_targets_are_several_columns(tmp_path, capsys):
    frame = make_frame().assign(z=lambda frame: -frame["y"])
    model = str(tmp_path / "model.npz")
    main(["fit", save(frame, tmp_path), "--target", "y,z", "--beta", "0.5", "--proof", "heuristic", "-o", model])
    capsys.readouterr()
    _, document = run_json(capsys, "predict", model, save(frame[["a", "b"]], tmp_path))
    assert list(document["predictions"]) == ["predicted_y", "predicted_z"]
    expected = load_network(model, proof=None).predict(frame[["a", "b"]].to_numpy())
    np.testing.assert_allclose(list(document["predictions"].values()), expected.T, rtol=1e-12)


def test_files_without_names_take_the_columns_as_they_are(tmp_path, capsys):
    model, frame = str(tmp_path / "bare.npz"), make_frame(5)
    path, X = save(frame.assign(id=range(5)), tmp_path), frame[["a", "b"]].to_numpy()
    network = random_network(4, (2,), (True, True, False))
    save_network(model, network)
    assert "takes 2 inputs; the table has 4 features: a, b, y, id" in fails(capsys, "predict", model, path)
    for options in (("--drop", "id,y"), ("--features", "a,b")):
        main(["predict", model, path, "--json", *options])
        capsys.readouterr()
        _, document = run_json(capsys, "predict", model, path, *options)
        found = document["predictions"]
        assert list(found) == ["predicted_1", "predicted_2"]
        np.testing.assert_allclose(list(found.values()), network.predict(X).T, rtol=1e-12)
    network = random_network(4, (), (True, True, False))
    save_network(model, network, beta=1.0, loss="logistic", classes=["u", "v"], scale=[2.0, 1.0])
    _, document = run_json(capsys, "predict", model, path, "--features", "b,a")
    values = network.predict(X[:, ::-1] / [2.0, 1.0])
    assert list(document["predictions"]) == ["predicted", "probability_u", "probability_v"]
    np.testing.assert_allclose(document["predictions"]["probability_v"], expit(values), rtol=1e-12)


def test_columns_that_are_missing_or_not_used_are_named(tmp_path, capsys):
    frame = make_frame()
    model = train(capsys, frame, tmp_path)
    message = fails(capsys, "predict", model, save(frame[["y"]], tmp_path))
    assert "model.npz': the table has no columns 'a', 'b'; it has 'y'." in message
    assert main(["predict", model, save(frame.assign(id="x", c=1.0), tmp_path)]) == 0
    assert capsys.readouterr().err == "convexnn: note: the network does not use the columns 'id', 'c'.\n"
    main(["predict", model, save(frame.assign(id="x", c=1.0), tmp_path), "--drop", "id,c"])
    assert capsys.readouterr().err == ""
    assert "'b' (14 of 14): values are missing" in fails(
        capsys, "predict", model, save(frame.assign(b=np.nan), tmp_path)
    )
    assert "--drop: the table has no column 'q'" in fails(
        capsys, "predict", model, save(frame, tmp_path), "--drop", "q"
    )


def test_what_cannot_be_read_or_written_is_refused(tmp_path, capsys):
    model, path = train(capsys, make_frame(), tmp_path), save(make_frame(), tmp_path)
    assert "there is no file" in fails(capsys, "predict", str(tmp_path / "none.npz"), path)
    assert "is refused" in fails(capsys, "predict", path, path)
    assert "--output must be a file that ends in" in fails(capsys, "predict", model, path, "-o", "out.txt")
    assert "folder that exists" in fails(capsys, "predict", model, path, "-o", str(tmp_path / "no" / "out.csv"))


def test_predictions_that_cannot_be_saved_are_printed(tmp_path, capsys, monkeypatch):
    model, path = train(capsys, make_frame(), tmp_path), save(make_frame(), tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    assert main(["predict", model, path, "-o", str(tmp_path / "out.csv")]) == 3
    output = capsys.readouterr()
    assert output.out.startswith("predicted_y\n") and output.out.count("\n") == 15
    assert "the result could not be saved" in output.err and not (tmp_path / "out.csv").exists()


def test_blank_lines_of_one_column_are_rows(tmp_path, capsys, monkeypatch):
    """A prediction belongs to the row at its place."""
    frame = make_frame()[["a", "y"]]
    frame.loc[3, "a"] = np.nan
    model = train(capsys, frame, tmp_path, "--impute", "median")
    fill = load_network(model, proof=None).preparation.columns[0].fill
    expected = load_network(model, proof=None).predict(np.array([[1.0], [fill], [3.0]]))
    for text in ("a\n1\n\n3\n", "\r\na\r\n1\r\n\r\n3\r\n\r\n", 'a\n1\n""\n3'):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text, newline=""))
        _, document = run_json(capsys, "predict", model, "-")
        np.testing.assert_allclose(document["predictions"]["predicted_y"], expected, rtol=1e-12)
    monkeypatch.setattr(sys, "stdin", io.StringIO("a,b\n1,0\n\n3,0\n"))
    assert run_json(capsys, "predict", model, "-")[1]["n_samples"] == 2


def test_the_table_is_not_written_over(tmp_path, capsys):
    model, path = train(capsys, make_frame(), tmp_path), save(make_frame(), tmp_path)
    (tmp_path / "link.csv").symlink_to(path)
    for output in (path, str(tmp_path / "link.csv"), str(tmp_path / "." / "data.csv")):
        assert "--output must be another file than the table" in fails(capsys, "predict", model, path, "-o", output)
    argv = ("sweep", path, "--target", "y", "--betas", "1,2", "-o", path)
    assert "--output must be another file than the table" in fails(capsys, *argv)


def test_other_decimals_than_those_of_the_training_table(tmp_path, capsys):
    frame, model = make_frame(), str(tmp_path / "model.npz")
    frame.to_csv(tmp_path / "raw.csv", sep=";", decimal=",", index=False)
    main(["fit", str(tmp_path / "raw.csv"), *LINE, "--separator", ";", "--decimal", ",", "-o", model])
    frame.to_csv(tmp_path / "new.csv", sep=";", index=False)
    capsys.readouterr()
    assert main(["predict", model, str(tmp_path / "new.csv")]) == 2
    assert "read with --decimal '.' in place of --decimal ','." in capsys.readouterr().err
    assert main(["predict", model, str(tmp_path / "new.csv"), "--decimal", "."]) == 0


def test_other_separators_than_that_of_the_training_table(tmp_path, capsys):
    """No option leaves out what the network needs, and none is proposed."""
    frame, model = make_frame(), str(tmp_path / "model.npz")
    frame.to_csv(tmp_path / "raw.csv", sep=";", decimal=",", index=False)
    main(["fit", str(tmp_path / "raw.csv"), *LINE, "--separator", ";", "--decimal", ",", "-o", model])
    path = save(frame, tmp_path, "new.csv")
    for command in ("predict", "certify"):
        capsys.readouterr()
        assert main([command, model, path]) == 2
        message = capsys.readouterr().err
        assert "Together: --separator ',' --decimal '.'\n" in message and "--drop" not in message
        argv = (command, model, path, "--separator", ",", "--decimal", ".")
        assert run_json(capsys, *argv)[0] in (0, 1)
    assert main(["predict", model, save(frame.assign(a=["?"] + [1] * 13), tmp_path, "n.csv"), "--separator", ","]) == 2
    message = capsys.readouterr().err
    assert "input column 'a' (row 1: '?')" in message and "--drop" not in message and "--impute" not in message


def test_documents_have_what_is_said(tmp_path, capsys):
    frame = make_frame(20).assign(color=["red", "blue"] * 10)
    model = train(capsys, frame, tmp_path, "--encode")
    _, document = run_json(capsys, "predict", model, save(frame.assign(color="pink", c=1), tmp_path))
    assert document["warnings"] == ["categories that the training table lacks count as none of its: 'color' ('pink')."]
    assert document["notes"] == ["the network does not use the column 'c'."]
    _, document = run_json(capsys, "predict", model, save(frame.assign(a="x"), tmp_path))
    assert document["exit_code"] == 2 and document["warnings"] == document["notes"] == []


def test_a_network_trained_with_weights_is_certified_with_them(tmp_path, capsys):
    frame = make_frame().assign(w=np.arange(1.0, 15.0))
    model = train(capsys, frame, tmp_path, "--weight", "w")
    main(["certify", model, str(tmp_path / "train.csv"), "--proof", "heuristic"])
    assert "or the weights that it was trained with (--weight)" in capsys.readouterr().err
    main(["certify", model, str(tmp_path / "train.csv"), "--proof", "heuristic", "--weight", "w"])
    assert "note" not in capsys.readouterr().err
