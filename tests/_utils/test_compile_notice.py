"""Lines that say that kernels are compiled: when it takes a while, to the log."""

import logging
import subprocess
import sys
import time

import pytest

from convexnn._utils import compile_notice
from convexnn._utils.compile_notice import BEGIN, CompileNotice

# Apart from the log of the package, to which kernels of other tests may be announced meanwhile.
OWN = logging.getLogger("notices of this test")


@pytest.fixture
def hasty(monkeypatch):
    """Kernels that take longer than .05 s are worth a line, and a pause of .2 s ends the compiling."""
    monkeypatch.setattr(compile_notice, "SILENT_SECONDS", 0.05)
    monkeypatch.setattr(compile_notice, "PAUSE_SECONDS", 0.2)


def work(notice, duration, n_kernels=1):
    for _ in range(n_kernels):
        with notice.watching():
            time.sleep(duration)


def test_two_lines_for_many_kernels_and_two_for_later_ones(hasty, caplog):
    notice = CompileNotice(OWN)
    with caplog.at_level(logging.INFO, OWN.name):
        work(notice, 0.15, n_kernels=3)
        assert [record.getMessage() for record in caplog.records] == [BEGIN]
        time.sleep(0.6)
        assert [record.getMessage()[:30] for record in caplog.records[1:]] == ["convexnn compiled 3 kernels in"]
        work(notice, 0.15)
        time.sleep(0.6)
    assert [record.getMessage()[:26] for record in caplog.records[2:]] == [BEGIN[:26], "convexnn compiled a kernel"]


def test_somebody_at_a_terminal_sees_them_without_any_set_up():
    code = """
import time
from convexnn import ConvexReLURegressor
from convexnn._utils import compile_notice

compile_notice.SILENT_SECONDS, compile_notice.has_terminal = 0.05, lambda: True
with compile_notice.watching():
    time.sleep(0.5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, last = done.stderr.splitlines()
    assert first == BEGIN and last.startswith("convexnn compiled a kernel in")


def test_kernels_that_compile_at_once_are_not_mentioned(hasty, caplog):
    with caplog.at_level(logging.INFO, OWN.name):
        work(CompileNotice(OWN), 0.0, n_kernels=5)
        time.sleep(0.4)
    assert caplog.records == []


@pytest.mark.parametrize(
    "terminal, process, level",
    [(True, "MainProcess", "WARNING"), (True, "LokyProcess-1", "INFO"), (False, "MainProcess", "INFO")],
)
def test_the_lines_are_warnings_only_where_somebody_watches(monkeypatch, terminal, process, level):
    monkeypatch.setattr(compile_notice, "has_terminal", lambda: terminal)
    monkeypatch.setattr(compile_notice.multiprocessing.current_process(), "name", process)
    assert logging.getLevelName(compile_notice._level()) == level
