"""A line that says that kernels are compiled, and one that says how long it took, to the log.

The first fit of each kind on a machine is silent for some ten seconds otherwise. The lines go to
``logging.getLogger("convexnn")``: where a person is watching, at a terminal or in a notebook, as warnings, which Python
shows on standard error unless logging is set up otherwise; elsewhere, and in worker processes, as information, which it
does not show.
``logging.getLogger("convexnn").setLevel("ERROR")`` silences both.
"""

import atexit
import logging
import multiprocessing
import sys
import threading
import time
from contextlib import contextmanager

from .logs import logger
from .progress import has_terminal, seconds

# A kernel that compiles in less than a second is not worth a line.
SILENT_SECONDS = 1.0
# Compiling is over when no other kernel has followed for two seconds.
PAUSE_SECONDS = 2.0
BEGIN = (
    "convexnn compiles its kernels for a first fit of this kind, once on this machine, for some ten seconds. "
    "`convexnn compile` in a shell prepares all of them."
)


class CompileNotice:
    """Counts what is compiled and says so when it takes a while, to a log."""

    def __init__(self, log=logger):
        self.log = log
        self.n_kernels, self.seconds, self.begun, self.timer = 0, 0.0, False, None
        atexit.register(self._end)  # a script may be over before the pause is

    @contextmanager
    def watching(self):
        """A context in which a kernel is compiled."""
        self._wait(SILENT_SECONDS, self._begin)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.n_kernels += 1
            self.seconds += time.perf_counter() - started
            self._wait(PAUSE_SECONDS, self._end)

    def _wait(self, delay, then):
        """Call a function after a delay, in place of what was to be called before."""
        if self.timer is not None:
            self.timer.cancel()
        if then == (self._begin if self.begun else self._end):
            return
        self.timer = threading.Timer(delay, then)
        self.timer.daemon = True
        self.timer.start()

    def _begin(self):
        self.begun = True
        self.log.log(_level(), BEGIN)

    def _end(self):
        """Say how long it took, and be ready to say so again: a fit of another kind compiles other kernels."""
        if self.begun:
            kernels = "a kernel" if self.n_kernels == 1 else f"{self.n_kernels} kernels"
            self.log.log(_level(), "convexnn compiled %s in %s.", kernels, seconds(self.seconds))
            self.begun, self.n_kernels, self.seconds = False, 0, 0.0


def _level():
    watched = has_terminal() or "ipykernel" in sys.modules
    is_worker = multiprocessing.current_process().name != "MainProcess"
    return logging.WARNING if watched and not is_worker else logging.INFO


watching = CompileNotice().watching
