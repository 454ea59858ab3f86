"""The parser: what the commands have in common is said once, the rest by their modules.

A command's module is imported when that command was typed, so that the list of commands and the version come at once.
Bad usage is one line, that of what is wrong, with the command whose help has the rest.
"""

import argparse
import sys
from importlib import import_module
from itertools import takewhile

from .._version import __version__
from .suggestions import nearest

# The commands, each in a module of its name, in a line. (The docstring of its module is the help of a command.)
COMMANDS = {
    "demo": "Watch networks train on real data",
    "fit": "Train a network on a table, with a certificate of how far from the best one it can be",
    "certify": "Certify a saved network on a table",
    "prove": "Write a proof of that in a file which others can check",
    "check": "Check a proof file, in exact arithmetic",
    "predict": "Predict with a saved network",
    "set": "Describe all globally optimal networks of a training problem",
    "sweep": "Sweep over widths or strengths",
    "bench": "Time this machine on one small problem",
    "compile": "Compile all kernels now",
    "versions": "Print the versions of convexnn, Python and the libraries that matter for a report",
}
EXIT_CODES = """exit codes:
  0    done; fit and sweep say whether optimality was proven ("proven" with --json)
  1    optimality was not proven: certify, set, and others with --require-proof; check: the proof does not hold
  2    bad usage or bad input
  3    an unexpected failure (--debug shows where), or a result that is printed and could not be saved
  130  interrupted; what was finished is printed and saved"""


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, options that it does not know before those that it misses."""

    def parse_known_args(self, args=None, namespace=None):
        """Parse words of which all have to be known: a command refuses those of its own, not the parser above it."""
        args = sys.argv[1:] if args is None else list(args)
        self._refuse_unknown(self._unknown_options(args))
        found, rest = super().parse_known_args(args, namespace)
        self._refuse_unknown(rest)
        return found, rest

    def error(self, message):
        """Exit with code 2, after a line that points to the help."""
        end = "" if message.endswith("?") else "."
        self.exit(2, f"{self.prog}: error: {message}{end} See {self.prog} --help\n")

    def _unknown_options(self, words):
        """Return the long options that words name and that there are not."""
        # Before a command there are options only, and after it the words are those of its own parser.
        own = takewhile(lambda word: word.startswith("-"), words) if self._subparsers else words
        names = [word.partition("=")[0] for word in takewhile(lambda word: word != "--", own)]
        # A word with blanks is a value, even where it begins with dashes.
        return [
            name
            for name in names
            if name.startswith("--") and " " not in name and name not in self._option_string_actions
        ]

    def _refuse_unknown(self, words):
        if not words:
            return
        if len(words) > 1:
            self.error(f"unrecognized arguments {' '.join(words)}")
        known = nearest(words[0], self._option_string_actions) if words[0].startswith("-") else None
        self.error(f"unrecognized argument {words[0]}" + ("" if known is None else f"; did you mean {known}?"))


def make_parser(argv=None):
    """Return the parser of ``convexnn``; a command's function is in the attribute `run` of what it parses.

    With the arguments `argv` to be parsed, only the command that they name gets arguments of its own; all otherwise.
    """
    parser = Parser(
        prog="convexnn",
        allow_abbrev=False,
        description="Two-layer ReLU networks trained to proven global optimality, and the set of all of them.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"convexnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    # Options before the command take no values: the command is the first word that is no option.
    named = COMMANDS if argv is None else [next((word for word in argv if not word.startswith("-")), None)]
    for name, line in COMMANDS.items():
        options = _described(name) if name in named else {}
        command = commands.add_parser(name, help=line, allow_abbrev=False, **options)
        if name in named:
            _fill(command, name)
    return parser


def _described(name):
    """Return the options of the parser of a command: its help is the docstring of its module."""
    return {
        "description": _module_of(name).__doc__.strip(),
        "epilog": EXIT_CODES,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _fill(command, name):
    """Add the arguments of a command, and its function."""
    from .arguments import add_output

    module = _module_of(name)
    module.add_arguments(command)
    add_output(command)
    command.set_defaults(run=module.run, prints=getattr(module, "PRINTS", False))


def _module_of(name):
    return import_module(f"{__package__}.{name}_command")
