"""``convexnn set`` and ``convexnn sweep``: the set of all optimal networks, and sweeps that can be interrupted."""

import numpy as np
import pandas as pd
import pytest

from convexnn import optimal_set, regularization_path, width_sweep
from convexnn._utils import atomic
from convexnn.cli import main, sweep_command
from convexnn.cli.arguments import widths

from .helpers import fails, label_frame, make_frame, run_json, save, unit_vectors

PLAIN = ("--target", "y", "--no-hidden-bias", "--no-intercept", "--task", "regression")
VECTORS = (*PLAIN, "--beta", "0.1")


def test_the_staircase_of_the_readme(tmp_path, capsys):
    exit_code, document = run_json(capsys, "set", save(unit_vectors(), tmp_path), *VECTORS)
    assert exit_code == 0 and document["optimal_value"] == pytest.approx(0.285)
    steps = [(step["n_components"], step["regime"]) for step in document["staircase"]]
    assert steps == [(0, "empty"), (0, "empty"), (6, "finite"), (15, "mixed"), (1, "connected"), (1, "connected")]
    assert (document["m_star"], document["M_star"], document["connected_from"]) == (2, 3, 4)
    assert document["n_directions"] == 6 and document["dimension"] == 3
    assert document["margin"] is None  # it is infinite


def test_the_set_is_that_of_the_fit(tmp_path, capsys):
    path = save(make_frame(), tmp_path)
    _, document = run_json(capsys, "set", path, "--target", "y")
    _, fitted = run_json(capsys, "fit", path, "--target", "y")
    assert document["beta"] == pytest.approx(fitted["beta"], rel=1e-9)
    assert document["optimal_value"] == pytest.approx(fitted["certificate"]["primal"], rel=1e-6)


def test_labels_become_signs(tmp_path, capsys):
    frame = label_frame()
    _, document = run_json(capsys, "set", save(frame, tmp_path), "--target", "y", "--beta", "2")
    y = np.where(frame["y"] == "yes", 1.0, -1.0)
    options = {"hidden_bias": True, "fit_intercept": True, "loss": "logistic"}
    found = optimal_set(frame[["a", "b"]].to_numpy(), y, 2.0, **options)
    assert document["loss"] == "logistic" and document["optimal_value"] == pytest.approx(found.optimal_value)
    assert document["m_star"] == found.m_star


def test_the_set_for_people_and_its_picture(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "staircase.png"
    path = save(unit_vectors(), tmp_path)
    assert main(["set", path, *VECTORS, "--plot", str(picture)]) == 0
    output = capsys.readouterr()
    assert picture.read_bytes().startswith(b"\x89PNG") and output.err == ""
    assert "connected from width" in output.out and "mixed" in output.out
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data.csv", "staircase.png"]


def test_where_the_vertices_are_too_many_bounds_are_printed(tmp_path, capsys):
    picture = tmp_path / "staircase.png"
    argv = ["set", save(unit_vectors(), tmp_path), *VECTORS, "--vertex-limit", "1", "--plot", str(picture)]
    assert main(argv) == 0
    output = capsys.readouterr()
    assert "no picture is drawn" in output.err and "connected from width" not in output.out and not picture.exists()


def test_without_a_proof_there_is_no_set(tmp_path, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((60, 9)), columns=list("abcdefghi")).assign(y=rng.standard_normal(60))
    assert main(["set", save(frame, tmp_path), "--target", "y", "--time-limit", "0.2"]) == 1
    assert "needs a proven optimum" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv, message",
    [
        (("set", "--target", "y", "--plot", "picture.txt"), "--plot must be a file that ends in"),
        (("set", "--target", "y,a"), "one --target column"),
        (("sweep", "--target", "y", "--betas", "1", "--beta", "2"), "--beta goes with --widths"),
        (("sweep", "--target", "y", "--betas", "1", "--labels"), "--labels goes with --widths"),
        (("sweep", "--target", "y", "--widths", "1", "--refine", "0.1"), "--refine goes with --betas"),
        (("sweep", "--target", "y", "--widths", "1", "--loss", "huber"), "--loss huber goes with --betas"),
        (("sweep", "--target", "y", "--widths", "1", "-o", "t.xls"), "--output must be a file that ends in"),
        (("sweep", "--target", "y", "--betas", "auto", "--eps", "2"), "eps must be below 1"),
    ],
)
def test_refusals(tmp_path, capsys, argv, message):
    command, *options = argv
    assert message in fails(capsys, command, save(make_frame(), tmp_path), *options)


@pytest.mark.parametrize("labels", [("u", "v", "w"), ("u",)])
def test_the_set_is_of_two_classes(tmp_path, capsys, labels):
    message = fails(capsys, "set", save(label_frame(labels), tmp_path), "--target", "y")
    assert f"must have two classes here; it has {len(labels)}: {', '.join(labels)}" in message


def test_widths():
    assert widths("1:4") == [1, 2, 3, 4] and widths("1:9:4") == [1, 5, 9] and widths("7,2:3") == [7, 2, 3]


def test_a_sweep_over_widths_is_that_of_the_function(tmp_path, capsys):
    frame = unit_vectors()
    path, table = save(frame, tmp_path), tmp_path / "table.csv"
    options = ("--widths", "1:3", "--n-runs", "6", "--seed", "4", "--labels", "-o", str(table))
    exit_code, document = run_json(capsys, "sweep", path, *VECTORS, *options)
    X, y = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy()
    sweep = width_sweep(X, y, 0.1, [1, 2, 3], n_runs=6, random_state=4, labels=True)
    assert exit_code == 0 and document["complete"]
    assert [row["best"] for row in document["records"]] == pytest.approx([record.best for record in sweep.records])
    assert [row["n_global"] for row in document["records"]] == [record.n_global for record in sweep.records]
    assert pd.read_csv(table)["regime"].tolist() == ["empty", "finite", "mixed"]


def test_a_path_over_strengths(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    frame, table, picture = unit_vectors(), tmp_path / "table.parquet", tmp_path / "path.svg"
    options = ("--betas", "0.1,0.05,2", "-o", str(table), "--plot", str(picture))
    exit_code, document = run_json(capsys, "sweep", save(frame, tmp_path), *PLAIN, *options)
    path = regularization_path(frame[["a", "b"]].to_numpy(), frame["y"].to_numpy(), [0.1, 0.05, 2])
    assert exit_code == 0 and [row["beta"] for row in document["records"]] == [2, 0.1, 0.05]
    values = [record.optimal_value for record in path.records]
    assert [row["optimal_value"] for row in document["records"]] == pytest.approx(values)
    assert pd.read_parquet(table)["m_star"].tolist() == [record.m_star for record in path.records]
    assert b"<svg" in picture.read_bytes()


def test_a_sweep_for_people(tmp_path, capsys):
    path = save(unit_vectors(), tmp_path)
    assert main(["sweep", path, *VECTORS, "--widths", "1,2", "--n-runs", "2"]) == 0
    assert "share at p*" in capsys.readouterr().out
    assert main(["sweep", path, *PLAIN, "--betas", "auto", "--n-betas", "3"]) == 0
    output = capsys.readouterr()
    assert "m* from 0 to" in output.out and output.err == ""


def test_a_sweep_goes_on_from_its_checkpoint(tmp_path, capsys):
    path, checkpoint = save(unit_vectors(), tmp_path), tmp_path / "sweep.jsonl"
    argv = ("sweep", path, *VECTORS, "--checkpoint", str(checkpoint), "--n-runs", "3", "--widths", "1:3")
    _, first = run_json(capsys, *argv)
    lines = checkpoint.read_text().splitlines(keepends=True)
    checkpoint.write_text("".join(lines[:-1]) + lines[-1][:20])
    _, second = run_json(capsys, *argv)
    assert [row["best"] for row in first["records"]] == [row["best"] for row in second["records"]]
    assert [row["seconds"] for row in first["records"]][:2] == [row["seconds"] for row in second["records"]][:2]
    assert "belongs to another sweep" in fails(capsys, *argv[:-1], "1:4")


def test_an_interrupted_sweep_keeps_its_records(tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        found = width_sweep(*arguments, **options)
        return type(found)(found.records[:1], False)

    monkeypatch.setattr(sweep_command, "width_sweep", interrupted)
    table = tmp_path / "table.csv"
    argv = ["sweep", save(unit_vectors(), tmp_path), *VECTORS, "--widths", "1:2", "--n-runs", "2", "-o", str(table)]
    assert main(argv) == 130
    output = capsys.readouterr()
    assert "interrupted: 1 records are finished and kept." in output.err and len(pd.read_csv(table)) == 1


@pytest.mark.parametrize(
    "argv, key",
    [
        (("sweep", *PLAIN, "--betas", "0.1,0.2", "-o", "table.csv"), "records"),
        (("set", *VECTORS, "--plot", "staircase.svg"), "staircase"),
    ],
)
def test_what_cannot_be_saved_is_printed(tmp_path, capsys, monkeypatch, argv, key):
    if "--plot" in argv:
        pytest.importorskip("matplotlib")

    def fail(*_):
        raise OSError(28, "No space left on device")

    path = save(unit_vectors(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(atomic.os, "fsync", fail)
    exit_code, document = run_json(capsys, argv[0], path, *argv[1:])
    assert exit_code == 3 and "No space left" in document["error"]["message"] and document[key]
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.csv"]
