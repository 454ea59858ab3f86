"""``convexnn compile``: after it, in another process, nothing is left to compile."""

import io
import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from convexnn.cli import compile_command
from convexnn.cli.parser import make_parser

from .helpers import parsed, run_json

# Tables of other sizes than those of the command, text labels, single precision, Fortran order.
WORK = """
import json, warnings
import numpy as np
from convexnn import (
    ConvexReLUClassifier, ConvexReLURegressor, certify, enumerate_patterns, optimal_set, width_sweep,
)
from convexnn._utils.kernels import KERNELS

warnings.simplefilter("ignore")
rng = np.random.default_rng(3)
X = rng.standard_normal((70, 4))
y = np.abs(X[:, 0]) + X[:, 1]
labels = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + 0.2 * X[:, 1], [-0.5, 0.5])]
compiled = {}


def count(name, work):
    before = sum(sum(kernel.stats.cache_misses.values()) for kernel in KERNELS)
    result = work()
    compiled[name] = sum(sum(kernel.stats.cache_misses.values()) for kernel in KERNELS) - before
    return result


model = count("regression", lambda: ConvexReLURegressor(beta=0.3).fit(X, y))
count("beta of the data", lambda: ConvexReLURegressor().fit(X.astype(np.float32), y.astype(np.float32)))
count("columns first", lambda: ConvexReLURegressor(beta=0.3).fit(np.asfortranarray(X), y))
count("three classes", lambda: ConvexReLUClassifier(beta=0.3).fit(X, labels))
count("two classes", lambda: ConvexReLUClassifier(beta=0.3).fit(X, labels == "a"))
count("patterns", lambda: enumerate_patterns(X))
count("optimal set", lambda: optimal_set(X, y, 0.3))
count("sweep", lambda: width_sweep(X, y, 0.3, [1, 2, 3], n_runs=3, random_state=0))
count("certificate", lambda: certify(model.network_, X, y, 0.3))
print(json.dumps(compiled))
"""


def test_the_folder_is_on_a_line_with_its_name(tmp_path, capsys, monkeypatch):
    folder = str(tmp_path / ("a folder of a very long name " * 4).strip())
    monkeypatch.setenv("NUMBA_CACHE_DIR", folder)
    monkeypatch.setattr(compile_command, "tasks", list)
    exit_code, document = run_json(capsys, "compile")
    assert exit_code == 0 and document["folder"] == folder and document["n_compiled"] == 0
    shown = io.StringIO()
    compile_command.run(make_parser().parse_args(["compile"])).show(Console(file=shown, width=40))
    assert shown.getvalue().splitlines()[-1] == f"kept in  {folder}"


@pytest.mark.slow
def test_nothing_is_compiled_after_it(tmp_path):
    """A minute: it compiles every kernel into an empty folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "convexnn", "compile", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    document = parsed(done.stdout)
    assert document["n_compiled"] == document["n_kernels"] > 30 and document["folder"] == str(tmp_path)
    done = subprocess.run([sys.executable, "-c", WORK], env=environment, capture_output=True, text=True, check=True)
    compiled = json.loads(done.stdout.splitlines()[-1])
    assert compiled == dict.fromkeys(compiled, 0)
