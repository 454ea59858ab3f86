"""The clock on which limits of time are read: it stands still while kernels are compiled, or loaded from the disk.

The first fit on a machine compiles for half a minute. That belongs to the installation, not to the work that a
`time_limit` is for; seconds in histories and records are those of the work too.
"""

import os
import threading
import time
from contextlib import contextmanager


class Clock:
    """A ``time.monotonic()`` that can be stopped, by several threads at once and by calls within calls."""

    def __init__(self):
        self.stood = 0.0  # seconds
        self.forget_stops()

    def forget_stops(self):
        """Go on: after a fork the threads that had stopped the clock are not there."""
        self.lock, self.stops, self.since = threading.Lock(), set(), 0.0

    @contextmanager
    def standing_still(self):
        """A context in which no time passes, in no thread."""
        stop = object()
        try:
            with self.lock:
                if not self.stops:
                    self.since = time.monotonic()
                self.stops.add(stop)
            yield
        finally:
            with self.lock:
                if self.stops == {stop}:
                    self.stood += time.monotonic() - self.since
                self.stops.discard(stop)

    def now(self):
        """Return the seconds on this clock."""
        with self.lock:
            return (self.since if self.stops else time.monotonic()) - self.stood


_CLOCK = Clock()
now, standing_still = _CLOCK.now, _CLOCK.standing_still
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CLOCK.forget_stops)
