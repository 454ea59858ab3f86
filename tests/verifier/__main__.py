"""``python -m tests.verifier --cases 100000 --jobs 2``: many cases, the counts by kind, the smallest input of each."""

import argparse
import sys
from collections import Counter

from .cases import ENTRIES, make_case
from .run import run
from .shrinking import reproduction, shrunk


def main(arguments=None):
    """Run the cases and print what was refuted; return 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.verifier", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--entry", choices=list(ENTRIES), help="one entry point only")
    parser.add_argument("--shown", type=int, default=3, help="inputs shown of every kind")
    options = parser.parse_args(arguments)
    numbers = range(options.first, options.first + options.cases)
    entries = {options.entry: 1.0} if options.entry else None
    outcomes = run(numbers, options.jobs, entries, progress=True)
    return report(outcomes, entries, options.shown)


def report(outcomes, entries=None, shown=3):
    """Print counts by entry point and by kind, and the smallest inputs; return 1 if anything was refuted, else 0."""
    for entry in ENTRIES:
        own = [outcome for outcome in outcomes if outcome.entry == entry]
        if own:
            refused, seconds = sum(bool(o.refusal) for o in own), sum(o.seconds for o in own)
            bad = sum(bool(o.refutations) for o in own)
            print(f"{entry}: {len(own):,} cases, {refused:,} refused, {bad:,} refuted, {seconds / len(own):.3f} s each")
    kinds = {}
    for outcome in outcomes:
        for refutation in outcome.refutations:
            kinds.setdefault((outcome.entry, refutation.kind), []).append((outcome, refutation))
    for (entry, kind), found in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"\n{entry}, {kind}: {len(found):,}")
        data = Counter(make_case(o.number, entries).kinds for o, _ in found).most_common(4)
        print("  data:", ", ".join(f"{x} / {y} ({k})" for (x, y), k in data))
        sized = sorted(found, key=lambda pair: make_case(pair[0].number, entries).X.size)
        for outcome, refutation in sized[:shown]:
            print(f"  number {outcome.number}: {refutation.figures}")
        smallest, text = shrunk(make_case(sized[0][0].number, entries), kind)
        print("\n".join("    " + line for line in [*reproduction(smallest), f"# {text}"]))
    return int(bool(kinds))


if __name__ == "__main__":
    sys.exit(main())
