"""What every command has: help, errors in a line, exit codes, JSON, files that are whole or not there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convexnn
from convexnn.cli import demo_command, fit_command, main, set_command
from convexnn.cli.files import check_target_file
from convexnn.cli.outcomes import to_json
from convexnn.cli.parser import COMMANDS, make_parser
from convexnn.exceptions import InvalidInputError, SolverError

from .helpers import make_frame, parsed, run_json, save


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_tells_the_exit_codes(capsys, command):
    with pytest.raises(SystemExit) as raised:
        main([*command, "--help"])
    assert raised.value.code == 0
    assert "exit codes:" in capsys.readouterr().out


def test_overview_describes_the_commands_in_sentences():
    (commands,) = (action for action in make_parser()._actions if action.dest == "command")
    overview = {choice.dest: choice.help for choice in commands._choices_actions}
    assert list(overview) == list(COMMANDS)
    for text in overview.values():
        assert text[0].isupper() and len(text) < 90


def test_version(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"convexnn {convexnn.__version__}\n"


@pytest.mark.parametrize(
    "argv, message",
    [
        ([], "required: command"),
        (["train"], "invalid choice: 'train'"),
        (["fit", "data.csv"], "required: --target"),
        (
            ["fit", "data.csv", "--target", "y", "--beta", "0"],
            '--beta: must be a finite number above 0, or "scale" (only',
        ),
        (["fit", "data.csv", "--target", "y", "--beta", "big"], "from the data); got 'big'"),
        (["fit", "data.csv", "--target", "y", "--max-width", "1.5"], "must be an integer of at least 1; got '1.5'"),
        (["fit", "data.csv", "--target", "y", "--proof", "sure"], "invalid choice: 'sure'"),
        (["sweep", "data.csv", "--target", "y"], "one of the arguments --widths --betas is required"),
        (["sweep", "data.csv", "--target", "y", "--widths", "3:1"], "must be widths such as 1:10"),
        (["sweep", "data.csv", "--target", "y", "--widths", "0:2"], "must be widths such as 1:10"),
        (["sweep", "data.csv", "--target", "y", "--widths", "1", "--betas", "1"], "not allowed with"),
        (["sweep", "data.csv", "--target", "y", "--betas", "1,-2"], "must be a finite number above 0; got '-2'"),
    ],
)
def test_bad_usage(capsys, argv, message):
    with pytest.raises(SystemExit) as raised:
        main(argv)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv, line",
    [
        ([], "convexnn: error: the following arguments are required: command. See convexnn --help"),
        (
            ["--verison"],
            "convexnn: error: unrecognized argument --verison; did you mean --version? See convexnn --help",
        ),
        (["--json", "fit", "x"], "convexnn: error: unrecognized argument --json. See convexnn --help"),
        (
            ["fit", "data.csv", "--target", "y", "--standarize"],
            "convexnn fit: error: unrecognized argument --standarize; did you mean --standardize? See convexnn fit",
        ),
        # The unknown option is named, and not the required one that it was meant to be.
        (
            ["fit", "data.csv", "--Target=y"],
            "convexnn fit: error: unrecognized argument --Target; did you mean --target? See convexnn fit --help",
        ),
        (
            ["predict", "model.npz", "data.csv", "more.csv"],
            "convexnn predict: error: unrecognized argument more.csv. See convexnn predict --help",
        ),
        (
            ["versions", "--xyzzy", "-q"],
            "convexnn versions: error: unrecognized argument --xyzzy. See convexnn versions",
        ),
        (
            ["versions", "-q", "x"],
            "convexnn versions: error: unrecognized arguments -q x. See convexnn versions --help",
        ),
    ],
)
def test_bad_usage_is_one_line_that_points_to_the_help(capsys, argv, line):
    with pytest.raises(SystemExit) as raised:
        main(argv)
    output = capsys.readouterr()
    assert raised.value.code == 2 and output.out == ""
    assert output.err.startswith(line) and output.err.count("\n") == 1


def test_values_that_look_like_options_are_values():
    argv = ["fit", "--target=--y", "--weight", "--w in kg", "--", "--data.csv"]
    arguments = make_parser(argv).parse_args(argv)
    assert (arguments.target, arguments.weight, arguments.data) == ("--y", "--w in kg", ["--data.csv"])


def test_versions(capsys):
    exit_code, document = run_json(capsys, "versions")
    assert exit_code == 0 and document["packages"]["convexnn"] == convexnn.__version__
    assert document["packages"]["numpy"] == np.__version__
    assert main(["versions"]) == 0
    assert capsys.readouterr().out.startswith("system\n  python")


@pytest.mark.parametrize(
    "error, exit_code, text",
    [
        (ValueError("two\nlines"), 2, "error: two lines"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (SolverError("no back end"), 1, "error: no back end"),
        (RuntimeError("a bug"), 3, "error: unexpected RuntimeError: a bug (--debug shows where)"),
        (KeyboardInterrupt(), 130, "interrupted before there was"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(tmp_path, capsys, monkeypatch, error, exit_code, text):
    def broken(*_):
        raise error

    monkeypatch.setattr(fit_command, "make_estimator", broken)
    argv = ["fit", save(make_frame(), tmp_path), "--target", "y"]
    assert main(argv) == exit_code
    output = capsys.readouterr()
    assert text in output.err and output.err.count("\n") == 1 and output.out == ""
    assert main([*argv, "--json"]) == exit_code
    document = parsed(capsys.readouterr().out)
    assert document["error"]["type"] == type(error).__name__ and document["exit_code"] == exit_code
    main([*argv, "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_that_a_solver_keeps_to_itself_is_noticed(tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise SolverError("the optimal set needs a proven optimum") from None

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(set_command, "optimal_set", interrupted)
    assert main(["set", save(make_frame(), tmp_path), "--target", "y", "--beta", "1"]) == 130
    assert "interrupted before there was anything to keep" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_json_is_strict():
    document = {"a": np.inf, "b": [np.nan, np.float64(0.1)], "c": np.arange(2), "d": Path("x"), "e": np.bool_(True)}
    assert parsed(to_json(document)) == {"a": None, "b": [None, 0.1], "c": [0, 1], "d": "x", "e": True}
    assert parsed(to_json({"n": 2**200})) == {"n": 2**200}


def test_unwritable_files_are_refused_before_the_work(tmp_path, monkeypatch):
    with pytest.raises(InvalidInputError, match="is a folder"):
        check_target_file(str(tmp_path), "--output")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InvalidInputError, match="cannot"):
        check_target_file(str(tmp_path / "x.csv"), "--output")


def test_plots_need_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    argv = ["set", save(make_frame(), tmp_path), "--target", "y", "--plot", str(tmp_path / "x.png")]
    assert main(argv) == 2
    assert "pip install 'convexnn[plot]'" in capsys.readouterr().err


def test_the_bench_compares_the_same_objective(capsys):
    exit_code, document = run_json(capsys, "bench", "--rows", "10", "--repeats", "1", "--seeds", "2")
    ours, cvxpy, descent = document["competitors"]
    assert exit_code == 0 and ours["ratio"] == 1.0 and document["n_samples"] == 10
    assert cvxpy["objective"] == pytest.approx(ours["objective"], rel=1e-5)
    assert descent["objective"] >= document["certificate"]["dual"]
    assert all(entry["seconds"] > 0 for entry in document["competitors"])


def short_diabetes(scaled):
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=scaled)
    data.data, data.target = data.data[:30], data.target[:30]
    return data


@pytest.mark.slow
def test_the_demo_prints_as_it_goes_and_draws(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(demo_command, "load_diabetes", short_diabetes)
    peers = demo_command.models(1.0)
    kept = {name: peers[name] for name in ("RidgeCV", "ConvexReLURegressor")}
    monkeypatch.setattr(demo_command, "models", lambda alpha: kept)
    monkeypatch.setattr(demo_command, "N_TRAIN", 60)
    outcomes, run = [], demo_command.run
    monkeypatch.setattr(demo_command, "run", lambda arguments: outcomes.append(run(arguments)) or outcomes[0])
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    printed = capsys.readouterr().out
    for text in ("1. All the data: 30 patients x 10", "Proven: no two-layer", "fold 5", "Picture saved to"):
        assert text in printed
    names, diabetes, friedman = (line.split() for line in printed.splitlines()[-5:-2])
    assert names[-2:] == ["RidgeCV", "ConvexReLURegressor"]
    assert diabetes[:3] == ["diabetes,", "30", "rows"] and friedman[:3] == ["Friedman,", "60", "rows"]
    assert all(-1.0 < float(score) < 1.0 for score in friedman[-2:])
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    parsed(to_json({"command": "demo", "exit_code": 0, "warnings": [], "notes": []} | outcomes[0].document))


def test_the_demo_stops_at_an_interrupt(capsys, monkeypatch):
    monkeypatch.setattr(demo_command, "load_diabetes", short_diabetes)

    class Interrupted(demo_command.ConvexReLURegressor):
        def fit(self, X, y):
            super().fit(X, y)
            self.status_ = "interrupted"
            return self

    monkeypatch.setattr(demo_command, "ConvexReLURegressor", Interrupted)
    assert main(["demo", "--no-plot"]) == 130


def test_versions_are_a_document(capsys):
    exit_code, document = run_json(capsys, "versions")
    assert exit_code == 0 and document["packages"]["convexnn"] == convexnn.__version__


def test_make_demo_is_the_command():
    root = Path(__file__).parents[2]
    assert "examples/demo.py" in (root / "Makefile").read_text()
    assert 'main(["demo"])' in (root / "examples" / "demo.py").read_text()


def test_the_parser_needs_neither_pandas_nor_rich_nor_matplotlib():
    code = "import sys; sys.modules.update(dict.fromkeys(('pandas', 'rich', 'matplotlib'))); import convexnn.cli as c"
    done = subprocess.run([sys.executable, "-c", f"{code}; c.main(['fit', '--help'])"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: convexnn fit")
