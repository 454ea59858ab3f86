"""The published tables of spurious minima, regenerated: ``python -m convexnn.landscape.tables``."""

import argparse
import sys

from ..exceptions import InvalidInputError
from . import spurious_table

# The exit status that shells give to Ctrl-C.
INTERRUPTED_STATUS = 130


def main(arguments=None):
    """Print the tables, with a line for every size as it is finished, and return the exit status."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    sizes = options.pop("sizes") or None
    try:
        table = spurious_table(sizes, verbose=1, **options)
    except InvalidInputError as error:
        parser.error(str(error))
    print(table)
    return 0 if table.complete else INTERRUPTED_STATUS


def _parser():
    parser = argparse.ArgumentParser(prog="python -m convexnn.landscape.tables", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=_size, help="k or k,n: n students for k teachers; all by default")
    parser.add_argument("--n-runs", type=int, default=1000, help="of every size; 1000 by default")
    parser.add_argument("--random-state", type=int, default=0, help="source of the starts; 0 by default")
    parser.add_argument("--n-jobs", type=int, help="sizes at a time; -1: one on every core")
    parser.add_argument("--checkpoint", help="a file from which a killed table goes on")
    return parser


def _size(text):
    """A size as `spurious_table` takes it."""
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a size must be k or k,n; got {text!r}.") from error
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


if __name__ == "__main__":
    sys.exit(main())
