"""Standard output belongs to the outcome: warnings and what is printed go to standard error; Ctrl-C is noticed."""

import logging
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager, redirect_stdout

from .._utils.logs import logger
from .._utils.standard_output import on_standard_error

# The lists of notes of the blocks that are being run.
LISTENERS: list[list[str]] = []


def say(text):
    """Print a line for the reader on standard error."""
    print(f"convexnn: {text}", file=sys.stderr, flush=True)


def note(text):
    """Print what the reader should know, and keep it for the document of ``--json``."""
    say(f"note: {text}")
    for notes in LISTENERS:
        notes.append(text)


@contextmanager
def keeping_notes():
    """Yield the list of the notes that are printed inside the block."""
    notes = []
    LISTENERS.append(notes)
    try:
        yield notes
    finally:
        LISTENERS.pop()


@contextmanager
def plain_warnings():
    """Show warnings as lines on standard error; yield the list of their messages."""
    messages = []

    def show(message, category, filename, lineno, file=None, line=None):
        messages.append(" ".join(str(message).split()))
        say(f"warning: {messages[-1]}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield messages


def verbosity(arguments):
    """Return the `verbose` of the work: 1 where somebody is watching a terminal, or has asked for it."""
    if arguments.quiet:
        return 0
    return int(arguments.verbose or sys.stderr.isatty())


@contextmanager
def quiet_log(is_quiet):
    """A context in which the package's log, with the lines about kernels that are compiled, may be quiet."""
    level = logger.level
    if is_quiet:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def printing_apart(is_apart):
    """Send to standard error what is printed inside the block, by Python or by compiled libraries."""
    with ExitStack() as stack:
        if is_apart:
            stack.enter_context(on_standard_error())
            stack.enter_context(redirect_stdout(sys.stderr))
        yield


@contextmanager
def noticing_interrupts():
    """Yield a list that has an entry for every Ctrl-C, those that a solver keeps to itself too; they act as always."""
    seen = []

    def note(number, frame):
        seen.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there signals can be handled
        yield seen
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def stop_if_interrupted(model):
    """Go on with an interrupt that a fitted model has kept to itself."""
    if getattr(model, "status_", None) == "interrupted":
        raise KeyboardInterrupt
