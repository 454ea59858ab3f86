"""The command line ``convexnn``: one module per command, the arguments that they share in `arguments`.

Every command is a function from the parsed arguments to an `Outcome`, which `entry.main` prints: as tables, or as one
JSON object. Nothing but the outcome goes to standard output; progress, warnings and errors go to standard error.

Exit codes: 0, done; 1, finished without a proof of optimality where one is needed; 2, bad usage or bad input; 3, an
unexpected failure; 130, interrupted (what was finished is printed and saved).
"""

from .entry import main

__all__ = ["main"]
