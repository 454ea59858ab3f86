"""Kernels start anywhere: without a folder to keep them in, with damaged files, on a full disk, within a time limit."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numba
import pytest
from numba import extending
from numba.core import event
from numba.core.caching import NullCache

import convexnn
from convexnn._utils import kernel_cache
from convexnn._utils.kernels import compiled

PACKAGE = Path(convexnn.__file__).parent
KERNEL = """
from convexnn._utils.kernels import compiled

@compiled
def twice(x):
    return x + x
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that returns a kernel as a new process would: not compiled yet, with the same files."""
    source = tmp_path / "kernels.py"
    source.write_text(KERNEL)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kernel_cache, "_said", set())

    def load():
        spec = importlib.util.spec_from_file_location("kernels", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.twice

    return load


def is_loaded(kernel):
    """Whether a kernel came from its file when it was called, and was not compiled."""
    assert kernel(1.5) == 3.0
    return sum(kernel._cache_hits.values()) == 1 and not kernel._cache_misses


def kept(tmp_path, ending):
    (path,) = (tmp_path / "cache").rglob(f"*.{ending}")
    return path


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "short": lambda content: content[:10],
    "text": lambda content: b"no pickle, whatever one reads\n" * 20,
    "zeros behind": lambda content: content[: len(content) // 2] + bytes(len(content) - len(content) // 2),
    "a bit": lambda content: content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1])
    + content[len(content) // 2 + 1 :],
}  # fmt: skip


def test_kernels_are_kept(load, recwarn):
    assert not is_loaded(load())
    assert is_loaded(load())
    assert len(recwarn) == 0


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_repaired(load, tmp_path, ending, damage):
    load()(1.5)
    path = kept(tmp_path, ending)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.warns(RuntimeWarning, match="is damaged.*compiled anew") as caught:
        assert not is_loaded(load())
    assert len(caught) == 1 and str(caught[0].message).startswith(str(path))
    assert is_loaded(load())


def test_a_file_that_is_missing_is_compiled_without_a_word(load, tmp_path, recwarn):
    load()(1.5)
    kept(tmp_path, "nbc").unlink()
    assert not is_loaded(load())
    assert is_loaded(load())
    assert len(recwarn) == 0


def test_files_under_each_others_names_are_not_run(load, tmp_path):
    kernel = load()
    kernel(1.5), kernel(2)
    one, two = (tmp_path / "cache").rglob("*.nbc")
    content = one.read_bytes(), two.read_bytes()
    one.write_bytes(content[1]), two.write_bytes(content[0])
    kernel = load()
    assert (kernel(1.5), kernel(2)) == (3.0, 4) and not kernel._cache_hits
    kernel = load()
    assert (kernel(1.5), kernel(2)) == (3.0, 4) and not kernel._cache_misses


def test_one_warning_for_many_damaged_files(load, tmp_path):
    for value in (1.5, 2):
        load()(value)
    for path in (tmp_path / "cache").rglob("*.nbc"):
        path.write_bytes(b"")
    kernel = load()
    with pytest.warns(RuntimeWarning, match="is damaged") as caught:
        assert kernel(1.5) == 3.0 and kernel(2) == 4
    assert len(caught) == 1


def test_a_damaged_file_that_cannot_be_removed(load, tmp_path, monkeypatch):
    load()(1.5)
    kept(tmp_path, "nbi").write_bytes(b"")

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(kernel_cache.os, "unlink", refuse)
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kernel_cache._said.clear()
            assert not is_loaded(load())
        texts = [str(warning.message) for warning in caught]
        assert "cannot be removed (Permission denied)" in texts[0] and "NUMBA_CACHE_DIR" in texts[1]
        assert len(texts) == 2


def test_what_is_whole_but_cannot_be_used_is_dropped(load, monkeypatch):
    load()(1.5)

    def fail(self, target_context, payload):
        raise AttributeError("a class that has moved")

    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="a class that has moved"):
        patch.setattr(kernel_cache.KernelFiles, "rebuild", fail)
        assert not is_loaded(load())
    assert is_loaded(load())


def test_another_version_compiles_anew(load, monkeypatch):
    load()(1.5)
    monkeypatch.setattr(kernel_cache, "__version__", "another")
    assert not is_loaded(load())


def test_a_full_disk_costs_no_answer(load):
    resource = pytest.importorskip("resource")  # a limit on the size of files, which Python answers as a full disk
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kernel = load()
    with pytest.warns(RuntimeWarning, match="cannot be kept.*File too large.*NUMBA_CACHE_DIR"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            value = kernel(1.5)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert value == 3.0
    assert not is_loaded(load())
    assert is_loaded(load())


def test_without_any_folder_numba_knows(load, monkeypatch):
    def nowhere(self, py_func):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(kernel_cache.KernelFiles, "__init__", nowhere)
    first, second = load(), load()
    with pytest.warns(RuntimeWarning, match="no locator available.*NUMBA_CACHE_DIR") as caught:
        assert first(1.5) == second(1.5) == 3.0
    assert len(caught) == 1


def test_kernels_can_stay_python(load, monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    kernel = load()
    assert not hasattr(kernel, "py_func") and kernel("ab") == "abab"


def run(code, *, folder=PACKAGE.parent, unprivileged=False, **environment):
    """Run Python in a process with this environment and no other; root's right to write anywhere is dropped."""
    command = [sys.executable, "-B", "-c", code]
    if unprivileged and os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root can write anywhere, and there is no setpriv to drop that right")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", *command]
    environment |= {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder)}
    # The folder in which a process starts is the first that it imports from.
    finished = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished


SUBTRACT = """
import numpy as np
from convexnn._utils.row_blocks import gate, subtract_relus

values, out = np.ones((2, 2)), np.ones(2)
gate(values, np.ones(2), np.ones(2))
subtract_relus(values, np.ones(2), out)
print(*out, sum(subtract_relus._cache_hits.values()))
"""


@pytest.fixture
def read_only(tmp_path):
    """Return a folder with a copy of the package that cannot be written."""
    shutil.copytree(PACKAGE, tmp_path / "convexnn", ignore=shutil.ignore_patterns("__pycache__"))
    yield tmp_path
    os.chmod(tmp_path / "convexnn" / "_utils", 0o755)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="mode bits do not protect folders on Windows")
def test_a_read_only_installation_starts(read_only):
    os.chmod(read_only / "convexnn" / "_utils", 0o555)
    finished = run(SUBTRACT, folder=read_only, unprivileged=True, HOME="/proc/nowhere")
    assert finished.stdout.split() == ["-1.0", "-1.0", "0"]
    assert finished.stderr.count("RuntimeWarning") == 1 and "NUMBA_CACHE_DIR" in finished.stderr
    finished = run("from convexnn.cli import main; main(['--version'])", folder=read_only, HOME="/proc/nowhere")
    assert finished.stdout == f"convexnn {convexnn.__version__}\n" and finished.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="mode bits do not protect folders on Windows")
def test_what_was_compiled_into_a_read_only_folder_is_used_there(read_only):
    run(SUBTRACT, folder=read_only)
    for folder in (read_only / "convexnn" / "_utils" / "__pycache__", read_only / "convexnn" / "_utils"):
        os.chmod(folder, 0o555)
    finished = run(SUBTRACT, folder=read_only, unprivileged=True, HOME="/proc/nowhere")
    assert finished.stdout.split() == ["-1.0", "-1.0", "1"] and finished.stderr == ""
    os.chmod(read_only / "convexnn" / "_utils" / "__pycache__", 0o755)


FIT = """
import numpy as np
from convexnn import ConvexReLURegressor
from convexnn._utils.clock import _CLOCK

X = np.random.default_rng(0).standard_normal((12, 2))
model = ConvexReLURegressor(time_limit=1.5).fit(X, abs(X[:, 0]))
print(model.status_, model.network_.width > 0, _CLOCK.stood > 1.5)
"""


@pytest.mark.slow
def test_compilation_is_not_charged_to_the_time_limit(tmp_path):
    assert run(FIT, NUMBA_CACHE_DIR=str(tmp_path)).stdout.split() == ["proven", "True", "True"]


def test_a_kernel_in_a_kernel_is_linked_in_and_compiled_once():
    @compiled
    def inner(x, n):
        return x + n

    @compiled
    def outer(x):
        n = 0  # a literal at first, an integer later
        while n < 3:
            x = inner(x, n)
            n += 1
        return x

    inner._cache = outer._cache = NullCache()
    with event.install_recorder("numba:compile") as recorder:
        assert outer(1.0) == 4.0
    kernels = [happened.data["dispatcher"].py_func.__name__ for _, happened in recorder.buffer if happened.is_start]
    assert kernels == ["outer", "inner"] and not inner.signatures
    assert inner(1.0, 2) == 3.0 and len(inner.signatures) == 1  # as Python calls it


def interrupting():
    """Stand for code that is interrupted while it is compiled."""


@extending.overload(interrupting)
def _interrupting():
    os.kill(os.getpid(), signal.SIGINT)
    return lambda: 1.0


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process on Windows")
def test_an_interrupt_waits_until_a_kernel_is_compiled():
    @compiled
    def kernel():
        return interrupting()

    kernel._cache = NullCache()  # one that was kept before would not be compiled
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            kernel()
        assert len(kernel.signatures) == 1 and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert kernel() == 1.0
    finally:
        signal.signal(signal.SIGINT, before)
