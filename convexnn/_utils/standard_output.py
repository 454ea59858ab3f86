"""Standard output of the process, which compiled libraries write to past Python's ``sys.stdout``."""

import ctypes
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

# The descriptors that POSIX gives to standard output and standard error.
STDOUT, STDERR = 1, 2
# HiGHS prints these lines whatever its options say (HiGHS issue 2783; scipy 1.17 brings 1.12).
HIGHS_LINES = re.compile(rb"HighsMipSolverData::[^\n]*\n?")
# None stands for everything that the process has loaded, the library of C among it.
C_LIBRARY = "ucrtbase" if os.name == "nt" else None


@contextmanager
def on_standard_error() -> Iterator[None]:
    """Send to standard error what anybody in the process, Python or C, prints inside the block."""
    before = _copy_of_stdout()
    if before is None or not _is_open(STDERR):
        yield
        return
    try:
        _flush()
        os.dup2(STDERR, STDOUT)
        yield
    finally:
        _put_back(before)


@contextmanager
def without_highs_lines() -> Iterator[None]:
    """Drop the lines of `HIGHS_LINES` that C prints inside the block.

    The descriptor belongs to all threads: what others print meanwhile is kept in a file and comes out when the last of
    the blocks that are open at the same time is left. Only processes that are started meanwhile, and inherit standard
    output, print into that file for good.
    """
    _WINDOW.enter()
    try:
        yield
    finally:
        _WINDOW.leave()


class _Window:
    """The time while standard output goes to a file; blocks of several threads share it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_blocks = 0
        self.before: int | None = None
        self.kept: IO[bytes] | None = None

    def enter(self) -> None:
        with self.lock:
            self.n_blocks += 1
            if self.n_blocks > 1:
                return
            # The first block opens the window, the last one closes it; others in between share it.
            self.kept = _file_of_its_own()
            self.before = None if self.kept is None else _copy_of_stdout()
            if self.kept is not None and self.before is not None:
                _flush_c()
                os.dup2(self.kept.fileno(), STDOUT)

    def leave(self) -> None:
        with self.lock:
            self.n_blocks -= 1
            if self.n_blocks > 0 or self.kept is None:
                return
            with self.kept:
                if self.before is None:
                    return
                _put_back(self.before)
                self.kept.seek(0)
                # Give back what others have printed meanwhile.
                rest = HIGHS_LINES.sub(b"", self.kept.read())
        if rest:
            with open(STDOUT, "wb", closefd=False) as stdout:
                stdout.write(rest)


_WINDOW = _Window()


def _file_of_its_own() -> IO[bytes] | None:
    """Return a file without a name, None where no folder takes one: lines that nobody wants are no reason to fail."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _copy_of_stdout() -> int | None:
    """Return a copy of the descriptor, None where the process has no standard output."""
    try:
        return os.dup(STDOUT)
    except OSError:
        return None


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _put_back(before: int) -> None:
    """Let standard output be again what `before` is a copy of."""
    try:
        _flush_c()
    finally:
        os.dup2(before, STDOUT)
        os.close(before)


def _flush() -> None:
    """Hand over what Python and C have buffered."""
    if sys.__stdout__ is not None and not sys.__stdout__.closed:
        sys.__stdout__.flush()
    _flush_c()


def _flush_c() -> None:
    ctypes.CDLL(C_LIBRARY).fflush(None)
