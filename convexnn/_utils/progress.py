"""Progress of long work: nothing by default, plain lines, or a bar on a terminal (standard error) and in a notebook.

A public function or an estimator that was asked to be verbose opens `reporting`; the loops below it ask for `current()`
and tell it where they are. They only read, so that no answer depends on it. Threads and processes that the work is
handed to have no reporter: workers are silent.
"""

import math
import os
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar

# A stage prints a line every second with verbose=1, and every quarter of a second above that.
LINE_INTERVAL_SECONDS, SHORT_LINE_INTERVAL_SECONDS = 1.0, 0.25
# A stage shows nothing in its first second: most end before.
SILENT_SECONDS = 1.0
# The figures of a round by their keys in its record.
ROUND_LABELS = {"objective": "objective", "gap": "visible gap", "width": "width"}


class Stage:
    """A part of the work that is counted while it goes on; a context.

    Parameters
    ----------
    reporter : Reporter
    name : str
    total : int, optional
        What there is to count, where it is known.
    steady : bool
        Whether what is left can be expected to take as long as what was done: only then the time left is estimated.
    patience : float
        Seconds before anything is shown; with 0 the bar stays when the stage ends.
    """

    def __init__(self, reporter, name, total=None, steady=True, patience=SILENT_SECONDS):
        self.reporter, self.name, self.total = reporter, name, total
        self.steady, self.patience = steady, patience
        self.done, self.skipped, self.bar, self.describe = 0, 0, None, None

    def __enter__(self):
        self.started = self.shown = time.monotonic()
        # The first line comes `patience` after the start, the next ones an interval apart.
        self.shown += self.patience - self.reporter.interval
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.reporter.bars.close(self.bar, keep=self.patience == 0.0)
        if self.reporter.verbose > 1 and self.describe is not None:
            self.reporter.say(f"{self.name}: {self.describe()}, took {seconds(time.monotonic() - self.started)}")

    def tick(self, done, describe):
        """Show where the stage is, if it is time to: ``describe()`` returns the figures."""
        self.done, self.describe = done, describe
        time_now = time.monotonic()
        if time_now - self.shown >= self.reporter.interval:
            self.shown = time_now
            self.show(describe())

    def record(self, line, done):
        """Show one of the results that the stage is made of, whatever the time."""
        self.done = done
        left = self.estimate()
        left = f", about {seconds(left)} left" if left else ""
        if not self.draw(line + left) or self.reporter.verbose > 1:
            self.reporter.say(f"{done} of {self.total}: {line}{left}", clock=False)

    def estimate(self):
        """Seconds left if what is left takes as long as what was done, None where nothing tells."""
        made = self.done - self.skipped
        if not self.steady or not self.total or made <= 0 or self.done >= self.total:
            return None
        return (time.monotonic() - self.started) / made * (self.total - self.done)

    def show(self, figures):
        """Draw the bar, or say the figures in a line."""
        left = self.estimate()
        figures += f", about {seconds(left)} left" if left else ""
        figures += self.reporter.time_left()
        if not self.draw(figures):
            self.reporter.say(f"{self.name}: {figures}")

    def draw(self, figures):
        """Bring the bar up to date; return whether there is one."""
        bars = self.reporter.bars
        if self.bar is None and bars is not None:
            self.bar = bars.open(self.name)
        if self.bar is None:
            return False
        bars.update(self.bar, self.done, self.total, figures)
        return True


class _NoStage(Stage):
    """A stage of a silent reporter."""

    def __init__(self, total):
        self.total, self.skipped = total, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def tick(self, done, describe):
        """Say nothing."""

    def record(self, line, done):
        """Say nothing."""


class Reporter:
    """Says what goes on, to whoever asked for it.

    Parameters
    ----------
    verbose : int
        0 is silent, 1 says what a person wants to know while waiting, 2 more.
    deadline : float, optional
        `clock.Moment` at which the work will end at the latest.
    """

    def __init__(self, verbose=0, deadline=None):
        self.verbose, self.deadline, self.started = int(verbose), deadline, time.monotonic()
        self.interval, self.proof_name = (
            SHORT_LINE_INTERVAL_SECONDS if self.verbose > 1 else LINE_INTERVAL_SECONDS,
            "proof",
        )
        self.bars = _make_bars() if self.verbose else None

    def say(self, text, clock=True):
        """Print a line, with the seconds since the beginning in front."""
        if self.verbose:
            print(f"[{time.monotonic() - self.started:8.2f} s] {text}" if clock else text, flush=True)

    def stage(self, name, total=None, **options):
        """Return a `Stage` to enter."""
        return Stage(self, name, total, **options) if self.verbose else _NoStage(total)

    @contextmanager
    def naming(self, name):
        """A context in which proofs go by this name."""
        before = self.proof_name
        if self.verbose:  # the silent reporter belongs to all threads
            self.proof_name = name
        try:
            yield
        finally:
            self.proof_name = before

    def round(self, record, words=ROUND_LABELS):
        """Say the record of one round of a solver."""
        if not self.verbose:
            return
        gap = record["visible_gap"] if "visible_gap" in record else record["relative_gap"]
        gap = "" if math.isnan(gap) else f"{words['gap']} {gap:.1e}   "  # where it is not known yet
        self.say(
            f"{words['objective']} {record['objective']:.8g}   {gap}{words['width']} {record['width']}"
            f"{self.time_left('   ')}"
        )

    def detail(self, record):
        """Say the record of one round of a solver that is a small part of the work: only where more is wanted."""
        if self.verbose > 1:
            self.round(record)

    def time_left(self, separator=", "):
        """The time that a limit leaves, in words; empty without a limit."""
        if self.deadline is None:
            return ""
        return f"{separator}at most {seconds(max(0.0, self.deadline - time.monotonic()))} left"

    def close(self):
        """Take the bars away."""
        if self.bars is not None:
            self.bars.stop()


class Bars:
    """The bars of one reporter, drawn by rich on standard error."""

    def __init__(self):
        self.progress, self.n_open = None, 0

    def open(self, name):
        """Return the number of a new bar; None where somebody else is drawing on the terminal."""
        from rich.errors import LiveError

        if self.progress is None:
            self.progress = _rich_progress()
        if self.n_open == 0:
            try:
                self.progress.start()
            except LiveError:
                return None
        self.n_open += 1
        return self.progress.add_task(name, total=None, figures="")

    def update(self, bar, done, total, figures):
        """Draw a bar with what is done and these figures behind it."""
        self.progress.update(bar, completed=done, total=total, figures=figures)

    def close(self, bar, keep):
        """End a bar, which stays to be seen or not."""
        if not keep:
            self.progress.remove_task(bar)
        self.n_open -= 1
        if self.n_open == 0:
            self.progress.stop()

    def stop(self):
        """End all bars."""
        if self.n_open:
            self.progress.stop()
            self.n_open = 0


def _make_bars():
    """Return what draws bars here, None where there are only lines."""
    if has_notebook():
        from .notebook import NotebookBars

        return NotebookBars()
    return Bars() if has_terminal() else None


def _rich_progress():
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    # Lines that go to a file keep going there.
    return Progress(*columns, console=Console(stderr=True), redirect_stdout=is_terminal(sys.stdout))


SILENT = Reporter()
_CURRENT = ContextVar("convexnn_reporter", default=SILENT)


def current():
    """Return the `Reporter` of the work that goes on in this thread."""
    return _CURRENT.get()


@contextmanager
def reporting(verbose, deadline=None):
    """Yield a new `Reporter`, which is `current()` in this context; where `verbose` is 0 nothing changes."""
    if not verbose:
        yield current()
        return
    reporter = Reporter(verbose, deadline)
    token = _CURRENT.set(reporter)
    try:
        yield reporter
    finally:
        _CURRENT.reset(token)
        reporter.close()


@contextmanager
def silence():
    """A context in which nothing is said: what workers do, even where they are the caller's own thread."""
    token = _CURRENT.set(SILENT)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def is_terminal(stream):
    """Whether a stream, which may be None, is a terminal on which things can be drawn."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def has_terminal():
    """Whether standard error is a terminal."""
    return is_terminal(sys.stderr)


def has_notebook():
    """Whether this is the kernel of a notebook: an interactive IPython that sends what it shows to somebody else."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def seconds(value):
    """Return a span of time for people: ``0.12 s``, ``48 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if value < 9.95:
        return f"{value:.{1 if value >= 0.995 else 2}f} s"
    value = int(round(value))
    if value < 60:
        return f"{value} s"
    if value < 3600:
        return f"{value // 60} min {value % 60} s"
    return f"{value // 3600} h {value % 3600 // 60} min"
