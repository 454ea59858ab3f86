"""`show_versions` says what is needed to understand a bug report."""

import configparser
import json
import re
import sys
from importlib import metadata
from pathlib import Path

import convexnn
from convexnn._utils.environment import OPTIONAL, REQUIRED, _version_of

ROOT = Path(__file__).parents[2]
TOOLS = {"test", "docs", "lint", "release"}  # extras of those who work on the package


def names(lines):
    return {re.split(r"[<>=!~ ]", line)[0] for line in lines.strip().splitlines() if line and not line.startswith("#")}


def test_the_packages_are_those_of_setup_cfg():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert set(REQUIRED) == names(config["options"]["install_requires"])
    extras = config["options.extras_require"]
    assert set(OPTIONAL) == set().union(*(names(lines) for extra, lines in extras.items() if extra not in TOOLS))


def test_versions_are_those_that_are_installed():
    found = convexnn.versions()
    assert found["packages"]["numpy"] == metadata.version("numpy")
    assert found["packages"]["convexnn"] == convexnn.__version__
    assert found["system"]["python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert found["system"]["cores"] >= found["system"]["cores for us"] >= 1
    assert any(library["name"].startswith("blas") for library in found["threads"]["libraries"])
    assert json.loads(json.dumps(found)) == found


def test_what_is_not_installed_is_none():
    assert _version_of("a-package-that-nobody-has-written") is None


def test_everything_is_printed(capsys):
    convexnn.show_versions()
    printed = capsys.readouterr().out
    for group in ("system", "packages", "optional_packages"):
        for name, value in convexnn.versions()[group].items():
            assert re.search(rf"^  {re.escape(name)} +{re.escape(str(value))}$", printed, re.M), name
    assert "numba's layer" in printed and "blas" in printed
