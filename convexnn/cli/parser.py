"""The parser: what the commands have in common is said once, the rest by their modules."""

import argparse

from .._version import __version__
from . import (
    bench_command,
    certify_command,
    demo_command,
    fit_command,
    predict_command,
    set_command,
    sweep_command,
    versions_command,
)
from .arguments import add_output

COMMANDS = {
    "demo": demo_command,
    "fit": fit_command,
    "certify": certify_command,
    "predict": predict_command,
    "set": set_command,
    "sweep": sweep_command,
    "bench": bench_command,
    "versions": versions_command,
}
EXIT_CODES = """exit codes:
  0    done; fit and sweep say whether optimality was proven ("proven" with --json)
  1    optimality was not proven: certify, set, and others with --require-proof
  2    bad usage or bad input
  3    an unexpected failure (--debug shows where), or a result that is printed and could not be saved
  130  interrupted; what was finished is printed and saved"""


def make_parser():
    """Return the parser of ``convexnn``; every command's function is in the attribute `run` of what it parses."""
    parser = argparse.ArgumentParser(
        prog="convexnn",
        description="Two-layer ReLU networks trained to proven global optimality, and the set of all of them.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"convexnn {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, module in COMMANDS.items():
        # The docstring of a command is its help: its first line, up to the colon, in the list of commands.
        described = module.__doc__.strip()
        command = commands.add_parser(
            name,
            help=described.splitlines()[0].rstrip(".").split(": ", 1)[0],
            description=described,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
        add_output(command)
        command.set_defaults(run=module.run, prints=getattr(module, "PRINTS", False))
    return parser
