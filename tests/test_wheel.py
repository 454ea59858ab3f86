"""The source archive has everything; the wheel, built from it and installed into an empty environment, works."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

import convexnn

pytest.importorskip("build")
pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".venv*", ".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", ".bench")
GENERATED = ("docs/_build/", "docs/auto_examples/", "docs/generated/", "demo.png")
NO_INDEX = re.compile(
    r"Max retries exceeded|NameResolutionError|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError"
)
FIT = """
import sys, convexnn
from convexnn import ConvexReLURegressor

model = ConvexReLURegressor(beta=0.1).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 0.0, 1.0])
print(model.certificate_.status, model.certificate_.proof, convexnn.__version__, convexnn.__file__)
"""


def run(*arguments, cwd):
    """Run a command and return what it printed; skip the test where the package index cannot be reached."""
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    finished = subprocess.run(list(map(str, arguments)), cwd=cwd, env=plain, capture_output=True, text=True)
    said = finished.stdout + finished.stderr
    if finished.returncode and (NO_INDEX.search(said) or os.environ.get("PIP_NO_INDEX")):
        pytest.skip(f"no package index: {NO_INDEX.findall(said) or 'PIP_NO_INDEX is set'}")
    assert finished.returncode == 0, said
    return finished.stdout


def tracked():
    """The files of the repository, or of an unpacked source archive, where git has nothing to say."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and (ROOT / ".git").exists():
        return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    return files_below(ROOT) - {"PKG-INFO"}


def files_below(folder):
    """The files below a folder, without what git ignores in this project, as relative names."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in paths if not any(fnmatch(part, one) for part in path.parts for one in LEFT_OUT)]
    return {path.as_posix() for path in kept if not path.as_posix().startswith(GENERATED)}


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The source archive of a copy of the repository, and the wheel that is built from it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--outdir", target, source, cwd=target)
    (archive,), (wheel,) = target.glob("convexnn-*.tar.gz"), target.glob("convexnn-*.whl")
    return archive, wheel


@pytest.fixture(scope="module")
def wheel(archives):
    """The wheel."""
    return archives[1]


@pytest.mark.slow
def test_the_source_archive_holds_the_repository(archives, tmp_path):
    with tarfile.open(archives[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    assert files_below(root) - {"PKG-INFO"} == tracked()


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    meta = f"convexnn-{convexnn.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"convexnn", meta}
    assert {"convexnn/py.typed", "convexnn/schemas/fit.json"} <= set(names)
    assert any(re.fullmatch(rf"{re.escape(meta)}/(licenses/)?LICENSE", name) for name in names)
    sources = {
        f"convexnn/{path.relative_to(ROOT / 'convexnn').as_posix()}" for path in (ROOT / "convexnn").rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == sources


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel, cwd=tmp_path)
    run(python, "-m", "pip", "check", cwd=tmp_path)
    status, proof, version, place = run(python, "-c", FIT, cwd=tmp_path).split(maxsplit=3)
    assert (status, proof, version) == ("optimal", "exact", convexnn.__version__)
    assert Path(place).is_relative_to(tmp_path / "env")
    assert run(python.with_name("convexnn"), "--version", cwd=tmp_path) == f"convexnn {version}\n"
    assert not run(python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path).count("pytest")
