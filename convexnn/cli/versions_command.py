"""Print the versions of convexnn, Python and the libraries that matter for a report."""

from .._utils.environment import show_versions, versions
from .outcomes import Outcome


def add_arguments(parser):
    """Add nothing: the command has no arguments of its own."""


def run(arguments):
    """Collect the versions; return their `Outcome`."""
    return Outcome(versions(), lambda console: show_versions())
