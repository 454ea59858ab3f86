"""The command line: ``python -m benchmarks.quality [TABLE ...]``."""

import argparse
from pathlib import Path

from convexnn import __version__

from .measuring import measure_all, print_one
from .models import NAMES
from .report import fragment, grid_of, line_of, summary_lines
from .tables import QUICK, TABLES

FRAGMENT = Path(__file__).parents[2] / "docs" / "_results" / "quality.inc"


def main():
    given = parse()
    if given.one:
        table, name, seed = given.one
        print_one(table, name, int(seed), given.limit)
        return
    tables = given.tables or (QUICK if given.quick else list(TABLES))
    results = measure_all(tables, given.models, given.seeds, given.limit, given.jobs, report(given.limit))
    grid = grid_of(results, given.limit)
    print("\n" + "\n".join(summary_lines(grid)))
    if given.write:
        FRAGMENT.write_text(fragment(grid, given.seeds, given.limit, __version__))
        print(f"\nwritten to {FRAGMENT}")


def parse():
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", choices=[*TABLES, []], help=f"some of {list(TABLES)}")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--models", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="splits of every table (default: 2)")
    parser.add_argument("--limit", type=float, default=120.0, metavar="S", help="seconds of a fit (default: 120)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="fits at a time (default: 1)")
    parser.add_argument("--write", action="store_true", help="write the tables of the documentation")
    parser.add_argument("--one", nargs=3, metavar=("TABLE", "MODEL", "SEED"), help=argparse.SUPPRESS)
    return parser.parse_args()


def report(limit):
    """Return what prints the line of a table."""

    def say(table, results):
        own = {key: scores for key, scores in results.items() if key[0] == table}
        print(line_of(table, grid_of(own, limit)[table]), flush=True)

    return say


if __name__ == "__main__":
    main()
