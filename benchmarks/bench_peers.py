"""Against the peers: the same problems, one machine, one run, one thread; every answer judged by the same functions.

Run ``python benchmarks/bench_peers.py [--only NAME] [--programs cones gates network] [--sizes 50 200] [--save]``. What
is saved are the results of ``docs/benchmarks.rst``. The programs:

cones    ``min 1/2 ||sum_p D_p X (u_p - v_p) - y||^2 + beta sum_p (||u_p|| + ||v_p||)``, u_p and v_p in the cones
gates    ``min 1/2 ||sum_p D_p X w_p - y||^2 + beta sum_p ||w_p||``
network  ``min 1/2 ||f(X) - y||^2 + beta/2 sum_j (||u_j||^2 + alpha_j^2)``, no biases, which is not convex

Seconds are processor time, the median of the repeats (one where it takes over 5 s); posing the problem is in them,
imports and compilation are not. The gap is that of the answer after its blocks were projected on their cones, relative
to the best lower bound that any answer of the run proved; "violation" is that of the answer as it was given. Iterative
peers climb a ladder of tolerances, and the cheapest step that reaches a gap of 1e-6 counts. In the network program the
"gap" is the distance from the best network that any competitor found, our seconds are those until one of ours was as
good as the peer's, and a tuned peer's time is that of its best setting alone: the search for it is not counted.
"""

import argparse
import math
from copy import copy
from dataclasses import replace

from pages import save
from peers.contest import Entry, compete
from peers.judging import REACHED, ConeJudge, GatedJudge, NetworkJudge
from peers.problems import make_problem
from peers.registry import OURS, PEERS, SIZES, ours

JUDGES = {"cones": ConeJudge, "gates": GatedJudge, "network": NetworkJudge}
FRACTIONS = (0.1, 0.01)
LIMIT = 40.0
HEADER = (
    f"{'program':<8}{'n':>6}{'d':>4}{'P':>5}{'beta/max':>9}  {'peer':<22}{'seconds':>9}{'ours':>9}{'ratio':>8}"
    f"{'gap':>9}{'our gap':>9}{'violation':>10}{'ours':>9}"
)


def main():
    arguments = parse()
    print(HEADER, flush=True)
    rows = []
    for program in arguments.programs:
        given_up = {}
        for size in SIZES[program]:
            if not arguments.sizes or size[0] in arguments.sizes:
                rows += contest(program, size, arguments, given_up)
                if arguments.save:
                    save("peers", rows, ("program", "n", "fraction", "peer"))


def parse():
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="peers whose name contains this")
    parser.add_argument("--programs", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[], metavar="N", help="numbers of rows")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds of processor time per peer and problem")
    parser.add_argument("--save", action="store_true", help="write the tables of the documentation")
    parser.add_argument("--details", action="store_true", help="print what every step of the ladders did")
    return parser.parse_args()


def contest(program, size, arguments, given_up):
    """Let everybody solve the problems of one size at both strengths, print their rows, and return them.

    `given_up` holds, by peer and strength, the step of its ladder that did not finish within the limit. It is not tried
    again on problems of this or a larger size at this or a smaller strength, which are harder.
    """
    gated = program == "gates" or (program == "network" and size[0] > 5000)
    problem, warmup = make_problem(*size, gated=gated), make_problem(*warmup_of(program, size), gated=gated)
    warmup.beta, rows = 0.1 * warmup.beta_max, []
    for fraction in FRACTIONS:
        problem = copy(problem)
        problem.beta = fraction * problem.beta_max
        judge = JUDGES[program](problem)
        own = compete(problem, warmup, ours(program), judge, arguments.limit, arguments.repeats)
        entries = [own]
        for peer in PEERS:
            if peer.program == program and arguments.only.lower() in peer.name.lower() and peer.takes(size[0]):
                known = [step for (name, f), step in given_up.items() if name == peer.name and f >= fraction]
                peer = replace(peer, ladder=peer.ladder[: min(known, default=None)])
                entries.append(enter(problem, warmup, peer, judge, arguments))
                if entries[-1].unfinished is not None:
                    given_up[peer.name, fraction] = entries[-1].unfinished
        report(f"{program:<8}{size[0]:>6}{size[1]:>4}{len(problem.masks):>5}{fraction:>9}", entries, judge, arguments)
        problem_of = {"program": program, "n": size[0], "d": size[1], "patterns": size[2], "fraction": fraction}
        problem_of["limit"] = arguments.limit
        rows += [{**problem_of, **figures} for figures in figures_of(entries, judge)]
    return rows


def warmup_of(program, size):
    """Return the size of a problem that compiles what one of this size needs."""
    return (4100, 30, 8) if program == "network" and size[0] > 5000 else (30, 3, 8)


def enter(problem, warmup, peer, judge, arguments):
    """Return what a peer achieves with the steps of its ladder that it finished on easier problems."""
    if not peer.ladder:
        return Entry(peer, note="not tried: it did not finish an easier problem")
    return compete(problem, warmup, peer, judge, arguments.limit, arguments.repeats)


def best_bound(entries, judge):
    """Return what gaps are measured from: the best lower bound of the run, or of networks the best objective."""
    if isinstance(judge, NetworkJudge):
        return min((entry.verdict.feasible for entry in entries if entry.verdict), default=judge.bound)
    return judge.bound


def as_good_as(own, entry, judge):
    """Return our entry, of networks with the seconds until one of ours was as good as the best of `entry`."""
    if isinstance(judge, NetworkJudge) and entry.verdict is not None:
        return replace(own, seconds=own.seconds_to(entry.verdict.feasible))
    return own


def figures_of(entries, judge):
    """Yield the figures of every peer beside ours, None where there are none."""
    own, bound = entries[0], best_bound(entries, judge)
    for entry in entries[1:]:
        seconds, ours = entry.seconds, as_good_as(own, entry, judge).seconds
        gap, our_gap = (one.verdict.gap(bound) if one.verdict else None for one in (entry, own))
        yield {
            "peer": entry.peer.name,
            "seconds": seconds if math.isfinite(seconds) else None,
            "our_seconds": ours if math.isfinite(ours) else None,
            "our_total": own.seconds,
            "gap": gap,
            "our_gap": our_gap,
            "note": entry.note,
        }


def report(label, entries, judge, arguments):
    """Print a row for every peer beside ours, now that the best lower bound is known."""
    own, bound = entries[0], best_bound(entries, judge)
    if own.verdict is None or len(entries) == 1:
        print(f"{label}  {OURS:<22}{own.seconds:>9.3g}  {own.note}")
    for entry in entries[1:]:
        print(f"{label}  {entry.peer.name:<22}{row(entry, as_good_as(own, entry, judge), bound)}", flush=True)
        for line in remarks(entry, bound, judge):
            print(f"{'':>34}{line}")
    if arguments.details:
        for entry in entries:
            print(f"{'':>34}{entry.peer.name}: {entry.trials}" + (f" [{entry.note}]" if entry.note else ""), flush=True)


def row(entry, own, bound):
    """Return the figures of a peer and of ours."""
    if entry.verdict is None:
        return f"{'-':>9}{own.seconds:>9.3g}{'-':>8}  {entry.note}"
    gaps = [f"{e.verdict.gap(bound):>9.1e}" if e.verdict else f"{'-':>9}" for e in (entry, own)]
    violations = [f"{e.verdict.violation:>9.1e}" if e.verdict else f"{'-':>9}" for e in (entry, own)]
    ratio = entry.seconds / own.seconds
    return f"{entry.seconds:>9.3g}{own.seconds:>9.3g}{ratio:>7.3g}x{gaps[0]}{gaps[1]} {violations[0]}{violations[1]}"


def remarks(entry, bound, judge):
    """Yield what must be said beside the figures."""
    if entry.verdict is None or isinstance(judge, NetworkJudge):
        return
    if not entry.verdict.reached(bound):
        yield f"did not reach {REACHED:.0e}: best gap {entry.verdict.gap(bound):.1e} ({entry.trials})"


if __name__ == "__main__":
    main()
