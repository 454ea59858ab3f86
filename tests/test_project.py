"""What the README says is true: its example, its commands, the version; and the doctests."""

import ast
import doctest
import importlib
import os
import pkgutil
import re
import runpy
import subprocess
import sys
import warnings
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path

import pytest

import convexnn

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("plot_*.py"))
MODULES = [module.name for module in pkgutil.walk_packages(convexnn.__path__, "convexnn.")]
PRINTED = {  # known numbers that are an example's own
    "plot_auer.py": [*(f"n = {n}: {n} minima" for n in range(1, 6)), "16 of 16 combinations"],
    "plot_linear_networks.py": ["depth 2, origin: eigenvalues [-1.  1.]", "depth 3, origin: eigenvalues [0. 0. 0.]"],
    "plot_linear_matrices.py": [
        "0.125  {0, 1}  global",
        "5.75   {}      saddle (not strict)",
        "V_2 of rank 1: saddle (not",
    ],
    "plot_top_eigenvector.py": [
        "f = 1.25, Hessian (1, 2, 6), minimum",
        "f = 2.5, Hessian (-1, 1, 4), saddle",
        "f = 3.25, Hessian (-2, -1, 2), saddle",
        "f = 3.5, Hessian (-3, -2, -1), maximum",
    ],
}
NUMBER = re.compile(r"\d+\.\d+(?:e[+-]\d+)?")


def run(*arguments, **environment):
    """Run Python in the repository's root; return what it printed, and show it when it fails."""
    finished = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def block(after, language=""):
    """Return the first fenced block of the README behind a piece of text."""
    text = (ROOT / "README.md").read_text()
    return re.search(rf"```{language}\n(.*?)```", text[text.index(after) :], re.S).group(1)


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


@pytest.mark.slow
def test_the_example_of_the_readme_prints_what_the_readme_says():
    example, promised = block("## An example", "python"), block("prints, within")
    assert len(example.strip().splitlines()) <= 10
    printed = run("-c", example)
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", promised).split()
    # Gaps are rounding and differ from machine to machine; what they say does not.
    assert numbers(printed) == pytest.approx(numbers(promised), rel=1e-6, abs=1e-6)


def test_ci_runs_the_test_commands_of_the_readme():
    script = ROOT / ".ci" / "run"
    assert block("## Two commands").split("\n")[:2] == ["make demo", "make test"]
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash" and "set -euo pipefail" in lines
    assert lines[-1] == "make test test-all" and os.access(script, os.X_OK)


def test_every_command_of_the_readme_is_a_target():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"\bmake ([\w-]+)", (ROOT / "README.md").read_text())) <= set(targets)


def test_the_staircase_of_the_readme_is_what_it_prints():
    assert run("-c", block("## All optimal networks", "python")) == block("prints the staircase")


def test_the_version_is_one():
    assert convexnn.__version__ == version("convexnn")
    latest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1)
    assert latest == ("Unreleased" if "dev" in convexnn.__version__ else convexnn.__version__)


def test_the_conda_recipe_agrees_with_the_package():
    recipe, setup = (ROOT / "recipe" / "recipe.yaml").read_text(), ConfigParser()
    setup.read(ROOT / "setup.cfg")
    released = re.search(r"^## \[(\d.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1)
    assert re.search(r'version: "(.+)"', recipe).group(1) == released
    oldest = re.search(r'python_min: "(.+)"', recipe).group(1)
    assert setup["options"]["python_requires"] == f">={oldest}"
    asked = re.findall(r"- ([\w-]+ >=[\d.]+)$", recipe[recipe.index("  run:") : recipe.index("tests:")], re.M)
    conda = {name.replace("-base", "").replace(" ", "") for name in asked}
    assert conda == set(re.findall(r"^[\w-]+>=[\d.]+$", setup["options"]["install_requires"], re.M))


def loaded(code, modules):
    """Which of the modules a process loads that runs the code."""
    return run("-c", f"import sys; {code}; print(*(m for m in {modules} if m in sys.modules))").split()


def test_import_is_light():
    assert loaded("import convexnn", ("numpy", "sklearn", "numba")) == []
    heavy = ("cvxpy", "clarabel", "matplotlib", "distributed", "dask")
    assert loaded("from convexnn import *", heavy) == []
    assert loaded("import convexnn.estimators", heavy) == []


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing(option):
    code = (
        f"import contextlib; from convexnn.cli import main\nwith contextlib.suppress(SystemExit): main(['{option}'])\n"
    )
    found = run("-c", f"{code}\nimport sys; print([m for m in ('numpy', 'sklearn', 'numba') if m in sys.modules])")
    assert found.splitlines()[-1] == "[]"


def test_public_names_are_those_of_the_imports_of_type_checkers():
    (block,) = (node for node in ast.parse(Path(convexnn.__file__).read_text()).body if isinstance(node, ast.If))
    homes = {alias.name: node.module for node in block.body for alias in node.names if node.module}
    modules = {alias.name for node in block.body for alias in node.names if not node.module}
    assert homes == convexnn._HOMES
    assert sorted({*homes, *modules, "__version__"}) == convexnn.__all__
    assert set(convexnn.__all__) <= set(dir(convexnn))


def test_public_names_exist_and_are_no_modules():
    assert sorted(convexnn.__all__) == convexnn.__all__
    public = {name for name in convexnn.__all__ if callable(getattr(convexnn, name))}
    assert not public & {part for module in MODULES for part in module.split(".")[1:]}


@pytest.mark.mostly_slow
@pytest.mark.parametrize("module", ["convexnn", *MODULES])
def test_doctests(module):
    if module.startswith("convexnn.plotting"):
        pytest.importorskip("matplotlib")
    result = doctest.testmod(importlib.import_module(module))
    assert result.failed == 0


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert target.startswith("https://") or (ROOT / target).exists(), target


# Examples about functions that no ReLU network has end with their figures.
NO_NETWORK = {
    "plot_escape_times.py": r"steps in dimension 50, growing like the power [01]\.\d\d of the dimension\n$",
    "plot_glm.py": r"steps to a distance of 0\.1: GLMtron 1\d, gradient descent 5\d\d\n$",
    "plot_linear_matrices.py": r"losses after 1500 steps, without and with them: \d\S*e-1[5-9] and \d\S*e-3\d\n$",
    "plot_low_rank.py": r"completion, 36 measurements: 100% of the second-order points global, 100% M\n$",
    "plot_pl_star.py": r"the rate holds: True; the descent needs 2\.75, and went 0\.54\n$",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run_and_end_with_a_certificate(name, capsys, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    monkeypatch.chdir(ROOT)
    assert len((ROOT / "examples" / name).read_text().splitlines()) < 80
    # In this process: to start another and to load the package take as long as most examples.
    with pyplot.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(f"examples/{name}", run_name="__main__")
    pyplot.close("all")
    printed = capsys.readouterr().out
    ending = NO_NETWORK.get(name, r"Certificate: .*\n(  .*\n){4}$")
    assert re.search(ending, printed)
    assert all(known in printed for known in PRINTED.get(name, []))
