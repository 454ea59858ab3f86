"""Running a parsed command: print its outcome, and turn errors into a line and an exit code."""

import os
import sys
import traceback
from dataclasses import asdict

from ..exceptions import SolverError
from .outcomes import ExitCode, make_console, to_json
from .problems import TableError
from .streams import keeping_notes, noticing_interrupts, plain_warnings, printing_apart, quiet_log, say

INTERRUPTED_MESSAGE = "interrupted before there was anything to keep."


def run_command(arguments):
    """Run the command that was parsed and print its outcome; return the exit code."""
    try:
        return int(_run(arguments))
    except BrokenPipeError:  # the reader, such as head, has gone
        # Python flushes standard output at its end, which would raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.failed)


def _run(arguments):
    """Run the command and print its outcome; return the exit code."""
    with plain_warnings() as messages, keeping_notes() as notes, noticing_interrupts() as interrupts:
        reported = {"warnings": messages, "notes": notes}
        try:
            with printing_apart(arguments.json or not arguments.prints), quiet_log(arguments.quiet):
                outcome = arguments.run(arguments)
        except KeyboardInterrupt as error:
            return _fail(arguments, reported, error, ExitCode.interrupted, str(error) or INTERRUPTED_MESSAGE)
        except BrokenPipeError:
            raise
        except SolverError as error:
            if interrupts:  # the solver stopped at the interrupt, with too little to go on
                return _fail(arguments, reported, error, ExitCode.interrupted, INTERRUPTED_MESSAGE)
            return _fail(arguments, reported, error, ExitCode.not_proven)
        except TableError as error:
            return _fail(arguments, reported, error, ExitCode.bad_input, lines=error.lines())
        except (ValueError, OSError, ImportError) as error:
            return _fail(arguments, reported, error, ExitCode.bad_input)
        except Exception as error:
            text = f"unexpected {type(error).__name__}: {error} (--debug shows where)"
            return _fail(arguments, reported, error, ExitCode.failed, text)
        # Save first, then print: the exit code says whether that worked.
        failure = _save(outcome)
    exit_code = outcome.exit_code if failure is None else _code_of(failure)
    _print(arguments, outcome, exit_code, reported, failure)
    return exit_code


def _save(outcome):
    """Write the files of an outcome; return the error that has kept it from that, or None."""
    try:
        with printing_apart(True):
            if outcome.save is not None:
                outcome.save()
    except (Exception, KeyboardInterrupt) as error:  # any error: the result may have taken hours, and is printed
        return error
    return None


def _code_of(failure):
    return ExitCode.interrupted if isinstance(failure, KeyboardInterrupt) else ExitCode.failed


def _print(arguments, outcome, exit_code, reported, failure):
    """Print an outcome, and what has kept it from being saved."""
    entry = {} if failure is None else {"error": _described(failure, _reason(failure))}
    if arguments.json:
        head = {"command": arguments.command, "exit_code": int(exit_code)}
        print(to_json(head | outcome.document | reported | entry), flush=True)
    else:
        outcome.show(make_console(sys.stdout))
    if failure is not None:
        sys.stdout.flush()
        _say(arguments, failure, f"error: the result could not be saved: {_reason(failure)}")


def _reason(failure):
    text = "interrupted" if isinstance(failure, KeyboardInterrupt) else str(failure)
    return " ".join(text.split()) or type(failure).__name__


def _fail(arguments, reported, error, exit_code, text=None, lines=None):
    """Say in one line what went wrong, or in several where it is several things."""
    text = " ".join((text or str(error)).split()) or type(error).__name__
    if arguments.json:
        head = {"command": arguments.command, "exit_code": int(exit_code)}
        print(to_json(head | reported | {"error": _described(error, text)}), flush=True)
    text = "\n".join(lines or [text])
    _say(arguments, error, text if exit_code is ExitCode.interrupted else f"error: {text}")
    return exit_code


def _described(error, text):
    problems = {"problems": [asdict(problem) for problem in error.problems]} if isinstance(error, TableError) else {}
    return {"type": type(error).__name__, "message": text, **problems}


def _say(arguments, error, text):
    if arguments.debug:
        traceback.print_exception(error)
    say(text)
