"""Tables of the tests, and the command line called in this process."""

import json

import numpy as np
import pandas as pd

from convexnn.cli import main

from ..schemas import check_document


def make_frame(n_rows=14, seed=0):
    """A table with three numeric features, a target and labels."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.standard_normal((n_rows, 2)), columns=["a", "b"])
    frame["y"] = np.maximum(frame["a"] - 0.3, 0) - np.maximum(frame["b"], 0) + 0.1 * rng.standard_normal(n_rows)
    return frame


def label_frame(names=("no", "yes")):
    """A table whose target holds labels, as many as there are names."""
    frame = make_frame(24)
    ranks = frame["y"].rank(method="first") - 1
    frame["y"] = [names[int(rank * len(names) / len(frame))] for rank in ranks]
    return frame


def unit_vectors():
    """Three unit vectors at equal angles, all targets 1: the staircase of the README."""
    angles = np.deg2rad([0, 120, 240])
    return pd.DataFrame({"a": np.cos(angles), "b": np.sin(angles), "y": np.ones(3)})


def save(frame, folder, name="data.csv"):
    """Write a table; return its path as text."""
    path = folder / name
    frame.to_parquet(path) if name.endswith(".parquet") else frame.to_csv(path, index=False)
    return str(path)


def refuse_constant(name):
    raise AssertionError(f"{name} is no JSON")


def parsed(text):
    """Parse strict JSON, and nothing but one object; that of a command is held against its schema."""
    document = json.loads(text, parse_constant=refuse_constant)
    if "command" in document:
        check_document(document)
    return document


def run_json(capsys, *argv):
    """Run a command with --json; return its exit code and its document."""
    exit_code = main([*argv, "--json"])
    document = parsed(capsys.readouterr().out)
    assert document["exit_code"] == exit_code and document["command"] == argv[0]
    return exit_code, document


def fails(capsys, *argv):
    """Run a command that is refused for its input; return the one line that says so."""
    assert main(list(argv)) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and output.err.startswith("convexnn: error: ")
    return output.err
