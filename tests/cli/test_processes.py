"""The command line as a process: the module, pipes, and Ctrl-C."""

import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import convexnn
from convexnn.exchange import load_network

from .helpers import make_frame, parsed, save, unit_vectors
from .raw_tables import german

CONVEXNN = [sys.executable, "-m", "convexnn"]


@pytest.mark.slow
def test_the_module_is_the_command():
    done = subprocess.run([*CONVEXNN, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"convexnn {convexnn.__version__}\n")


@pytest.mark.slow
def test_a_table_through_a_pipe():
    table = make_frame().to_csv(index=False)
    argv = [*CONVEXNN, "fit", "-", "--target", "y", "--json"]
    done = subprocess.run(argv, input=table, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and parsed(done.stdout)["status"] == "proven"


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error(tmp_path):
    argv = " ".join([*CONVEXNN, "sweep", save(unit_vectors(), tmp_path), "--target y --betas auto --n-betas 3"])
    done = subprocess.run(f"{argv} --json | head -c 1", shell=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.slow
def test_terminal_gets_progress_and_stdout_stays_clean(tmp_path):
    pty = pytest.importorskip("pty")
    main_end, terminal = pty.openpty()
    argv = [*CONVEXNN, "sweep", save(unit_vectors(), tmp_path), "--target", "y", "--betas", "0.1,0.2", "--json"]
    environment = os.environ | {"TERM": "xterm"}
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=terminal, text=True, env=environment)
    os.close(terminal)
    shown = os.read(main_end, 100_000).decode()
    os.close(main_end)
    assert done.returncode == 0 and len(parsed(done.stdout)["records"]) == 2
    assert "beta 0.1" in shown and "\x1b[" in shown


def interrupt_when(process, started):
    """Wait until the process has printed a line that contains `started`, then press Ctrl-C; return what is printed."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if started in line:
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            break
    out, errors = process.communicate(timeout=120)
    return out, "".join(lines) + errors


@pytest.fixture
def hard_table(tmp_path):
    """A table on which training takes minutes."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((1500, 30))).rename(columns=lambda k: f"x{k}")
    return save(frame.assign(y=rng.standard_normal(1500)), tmp_path)


def start(*argv):
    return subprocess.Popen([*CONVEXNN, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_an_interrupt_keeps_the_best_network(tmp_path, hard_table):
    model = tmp_path / "model.npz"
    argv = ("fit", hard_table, "--target", "y", "--beta", "0.5", "--tol", "1e-12", "--proof", "heuristic")
    out, errors = interrupt_when(start(*argv, "--verbose", "--json", "-o", str(model)), "objective")
    document = parsed(out)
    assert document["exit_code"] == 130 and document["status"] == "interrupted"
    assert "interrupted: the best network so far is kept" in errors and "Traceback" not in errors
    saved = load_network(model, proof=None)
    assert saved.claimed.primal == document["certificate"]["primal"] and saved.network.width == document["width"]


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_from_its_checkpoint(tmp_path):
    path, checkpoint, table = save(make_frame(), tmp_path), tmp_path / "kept.jsonl", tmp_path / "table.csv"
    argv = ("sweep", path, "--target", "y", "--widths", "1:40", "--n-runs", "60", "--checkpoint", str(checkpoint))
    out, errors = interrupt_when(start(*argv, "--verbose", "--json", "-o", str(table)), "width 2,")
    document = parsed(out)
    finished = len(document["records"])
    assert document["exit_code"] == 130 and not document["complete"] and 2 <= finished < 40
    assert "the same command goes on from the checkpoint" in errors and "Traceback" not in errors
    assert len(pd.read_csv(table)) == finished
    assert len(checkpoint.read_text().splitlines()) >= finished + 2  # the header and the optimum are there too


# What compiled libraries print


def printing_from_c(command, function):
    """Return code that runs the command line with a function that prints from C before and after its work."""
    return f"""
import ctypes, sys
import convexnn.cli.{command}_command as command
from convexnn._utils.standard_output import C_LIBRARY
from convexnn.cli import main
inner, c_library = command.{function}, ctypes.CDLL(C_LIBRARY)
def noisy(*arguments, **options):
    c_library.puts(b"HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();")
    found = inner(*arguments, **options)
    c_library.puts(b"another line from C")
    return found
command.{function} = noisy
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "command, function, options",
    [
        ("set", "optimal_set", ("--beta", "0.1")),
        ("fit", "make_estimator", ()),
    ],
)
@pytest.mark.parametrize("json", [True, False])
def test_what_c_prints_is_not_on_standard_output(tmp_path, command, function, options, json):
    code, path = printing_from_c(command, function), save(unit_vectors(), tmp_path)
    argv = [command, path, "--target", "y", *options, *(["--json"] if json else [])]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr.count("tmpSolver.run();\n") == done.stderr.count("from C\n") == 1
    assert "tmpSolver" not in done.stdout and "from C" not in done.stdout
    if json:
        assert parsed(done.stdout)["command"] == command


WITHOUT_PYARROW = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from convexnn.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_csv_files_need_no_pyarrow(tmp_path):
    frame = make_frame().assign(flag=[True, False] * 7, kind=["left", "right"] * 7)
    path, model, out = save(frame, tmp_path), str(tmp_path / "model.npz"), str(tmp_path / "predictions.csv")
    options = ["--target", "y", "--beta", "0.5", "--categorical", "kind", "--proof", "heuristic"]
    for argv in (["fit", path, *options, "-o", model], ["predict", model, path, "-o", out]):
        done = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW, *argv], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(out)) == len(frame)


@pytest.mark.slow
def test_a_raw_table_through_pipes(tmp_path):
    path, model = tmp_path / "raw.csv", str(tmp_path / "model.npz")
    german(path)
    raw = path.read_bytes()
    argv = [*CONVEXNN, "fit", "-", "--target", "target", "--proof", "heuristic"]
    done = subprocess.run(argv, input=raw, capture_output=True)
    errors = done.stderr.decode()
    assert done.returncode == 2 and done.stdout == b"" and errors.count("\n") == 8
    options = shlex.split(errors.split("Together: ")[1])
    done = subprocess.run([*argv, *options, "-o", model, "--json"], input=raw, capture_output=True)
    assert done.returncode == 0 and parsed(done.stdout.decode())["proven"] is False
    assert subprocess.run([*argv, *options, "--require-proof"], input=raw, capture_output=True).returncode == 1
    done = subprocess.run([*CONVEXNN, "predict", model, "-"], input=raw, capture_output=True)
    assert done.returncode == 0 and done.stdout.decode().count("\n") == 61
