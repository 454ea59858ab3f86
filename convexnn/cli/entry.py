"""``main``: parse the arguments, then import what runs the command: ``--help`` and ``--version`` need none of it."""

import sys
from collections.abc import Sequence

from .parser import make_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``convexnn``.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit code: 0, done; 1, finished without a proof of optimality, where it is needed (``certify``, ``set``)
        or required (``--require-proof``); 2, bad usage or input; 3, an unexpected failure, or a result that could not
        be saved; 130, interrupted.

    Raises
    ------
    SystemExit
        From the parser: for ``--help`` and ``--version`` (0) and for bad usage (2).

    Examples
    --------
    >>> from convexnn.cli import main
    >>> main(["set", "--help"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    SystemExit: 0
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = make_parser(argv).parse_args(argv)
    from .running import run_command

    return run_command(arguments)
