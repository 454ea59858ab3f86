"""The clock on which limits of time are read: it stands still while kernels are compiled, or loaded from the disk.

The first fit on a machine compiles for some ten seconds. That belongs to the installation, not to the work that a
`time_limit` is for; seconds in histories and records are those of the work too.
"""

import os
import threading
import time
from contextlib import contextmanager


class Moment(float):
    """A ``time.monotonic()`` that knows how long the clock had stood still by then.

    ``deadline - now()`` is what is left of a limit, and what is compiled in between does not shorten it; so is
    ``deadline - time.monotonic()``. A deadline that is itself a plain ``time.monotonic()`` comes when it comes.
    """

    def __new__(cls, seconds, stood):
        """Return the moment; `stood` is in seconds too."""
        moment = super().__new__(cls, seconds)
        moment.stood = stood
        return moment

    def __add__(self, seconds):
        """Return the moment that many seconds of work later, if nothing is compiled."""
        return Moment(float(self) + seconds, self.stood)

    def __sub__(self, other):
        """Return the seconds of work from another moment to this one; a plain number is the present."""
        stood = other.stood if isinstance(other, Moment) else now().stood
        return float(self) - float(other) - (self.stood - stood)

    def __rsub__(self, other):
        """Return the seconds from this moment to a plain ``time.monotonic()``."""
        return other - float(self)

    def __reduce__(self):
        """Go to other processes, whose clocks stand still at other times, as a plain ``time.monotonic()``."""
        return float, (float(self) + now().stood - self.stood,)


class Clock:
    """A clock that can be stopped, by several threads at once and by calls within calls."""

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
                # The last of several overlapping stops ends them all: time stood still since the first.
                if self.stops == {stop}:
                    self.stood += time.monotonic() - self.since
                self.stops.discard(stop)

    def now(self):
        """Return this `Moment`."""
        with self.lock:
            seconds = time.monotonic()
            return Moment(seconds, self.stood + (seconds - self.since if self.stops else 0.0))


_CLOCK = Clock()
now, standing_still = _CLOCK.now, _CLOCK.standing_still
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CLOCK.forget_stops)
