"""The published tables of spurious minima, regenerated: ``python -m convexnn.landscape.tables``."""

import argparse

from . import spurious_table


def main(arguments=None):
    """Print the tables, with a line for every size as it is finished."""
    options = vars(_parser().parse_args(arguments))
    sizes = options.pop("sizes") or None
    print(spurious_table(sizes, verbose=1, **options))


def _parser():
    parser = argparse.ArgumentParser(prog="python -m convexnn.landscape.tables", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=_size, help="k or k,n: n students for k teachers; all by default")
    parser.add_argument("--n-runs", type=int, default=1000)
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--n-jobs", type=int, help="sizes at a time; -1: one on every core")
    parser.add_argument("--checkpoint", help="a file from which a killed table goes on")
    return parser


def _size(text):
    """A size as `spurious_table` takes it."""
    numbers = [int(number) for number in text.split(",")]
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


if __name__ == "__main__":
    main()
