"""Rules that tools check: import layers, types, lower bounds of the dependencies, and what contributors are told."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*arguments):
    finished = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    return finished.returncode, finished.stdout + finished.stderr


def extras():
    """Return the lower bounds of setup.cfg as (name, version) pairs, those of the tools for contributors left out."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    groups = dict(config["options.extras_require"])
    del groups["lint"], groups["release"], groups["torch"]
    lines = "\n".join([config["options"]["install_requires"], *groups.values()]).split("\n")
    return {tuple(line.split(">=")) for line in lines if line and not line.startswith("#")}


def test_imports_go_one_way():
    pytest.importorskip("importlinter")
    code, said = run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
    assert code == 0, said


def lines_with(pattern, *, but=()):
    """Return the lines of the package in which a pattern stands, outside some files."""
    files = [path for path in (ROOT / "convexnn").rglob("*.py") if path.name not in but]
    return [line for path in files for line in path.read_text().splitlines() if re.search(pattern, line)]


def test_kernels_have_one_decorator_and_limits_one_clock():
    assert not lines_with(r"import (numba\.)?n?jit|numba\.n?jit", but=("kernels.py",))
    assert not lines_with(r"(?<!`)time\.monotonic\(", but=("clock.py", "notebook.py", "progress.py"))


@pytest.mark.slow
def packages(folder):
    return {path.name for path in (ROOT / folder).iterdir() if (path / "__init__.py").exists()}


def test_tree_of_the_tests_is_that_of_the_package():
    assert packages("tests") == packages("convexnn") | {"verifier"}


def test_names_of_tests_are_short():
    files = (ROOT / "tests").rglob("test_*.py")
    names = [name for path in files for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.M)]
    assert max(map(len, names)) <= 60


@pytest.mark.slow
def test_mypy_finds_nothing():
    pytest.importorskip("mypy")
    code, said = run("-m", "mypy")
    assert code == 0, said


def test_the_oldest_releases_are_the_lower_bounds():
    lines = (ROOT / "tests" / "oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    bounds = extras()
    assert {name for name, _ in bounds} == set(pinned)
    for name, bound in bounds:
        assert re.fullmatch(rf"{re.escape(bound)}(\.0)*", pinned[name]), (name, bound, pinned[name])


def test_what_contributors_are_told_to_run_exists():
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"\bmake ([\w-]+)", guide)) <= set(targets)
    for path in re.findall(r"`((?:convexnn|tests|docs|benchmarks|examples|\.ci)/[\w./]*)`", guide):
        assert (ROOT / path).exists(), path


def test_the_citation_is_that_of_this_package():
    text = (ROOT / "CITATION.cff").read_text()
    assert "cff-version: 1.2.0" in text and "name: the convexnn developers" in text and "license: BSD-3-Clause" in text
