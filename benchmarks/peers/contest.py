"""One problem and one competitor: the worker is asked, its answers are judged, the cheapest good one is kept."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .environments import NotAvailable, python_of
from .problems import save_problem
from .registry import OURS
from .running import NoAnswer, Refused, Worker

QUICK = 5.0
"""Seconds up to which a solution is timed again; slower ones are timed once."""


@dataclass
class Entry:
    """What one competitor achieved on one problem; without a verdict, `note` says why.

    `path` holds (seconds, objective) of networks on the way, where the answer tells.
    `unfinished` is the step of the ladder that did not end within the limit, or None.
    """

    peer: object
    seconds: float = float("nan")
    verdict: object = None
    settings: dict | None = None
    note: str = ""
    trials: str = ""
    unfinished: int | None = None
    path: tuple = ()

    def seconds_to(self, objective):
        """Return the seconds after which a network on the way was as good as `objective`; inf when none was."""
        return min((seconds for seconds, reached in self.path if reached <= objective), default=float("inf"))


def compete(problem, warmup, peer, judge, limit, repeats):
    """Return the `Entry` of a peer: the cheapest settings that reach the target, else the best that it reached.

    Where the peer has `reference` settings their answer is asked for at the end; it only raises the judge's bound.
    """
    try:
        python = sys.executable if peer.environment == OURS else python_of(peer.environment)
    except NotAvailable as reason:
        return Entry(peer, note=f"not available: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        paths = save_problem(problem, folder / "problem.npz"), save_problem(warmup, folder / "warmup.npz")
        worker = Worker(python, peer.script, *paths, folder)
        try:
            entry = climb(worker, peer, judge, limit, repeats)
            if peer.reference and entry.unfinished is None:
                raise_bound(worker, peer.reference, judge, limit)
            return entry
        finally:
            worker.stop()


def climb(worker, peer, judge, limit, repeats):
    """Try the settings one after the other within `limit` seconds of processor time in all."""
    best, spent, trials, ending, unfinished = Entry(peer), 0.0, [], "", None
    for step, settings in enumerate(peer.ladder):
        try:
            answer = worker.ask(settings, limit - spent)
        except Refused as reason:
            ending = str(reason)
            trials.append(f"{short(settings)}: {reason}")
            continue
        except NoAnswer as reason:
            ending, unfinished = str(reason), step
            trials.append(f"{short(settings)}: {reason}")
            break
        spent += answer["seconds"]
        verdict = judge(answer)
        trials.append(f"{short(settings)}: {answer['seconds']:.3g} s, {judge.words(verdict)}")
        if best.verdict is None or verdict.feasible < best.verdict.feasible:
            best = Entry(peer, answer["seconds"], verdict, settings, str(answer.get("note", "")))
            best.path = [*answer.get("path", ()), (answer["seconds"], verdict.feasible)]
        if (peer.climb and verdict.reached(judge.bound)) or spent >= limit:
            break
    best.unfinished = unfinished
    if best.verdict is None:
        best.note = ending
    elif best.seconds <= QUICK and unfinished is None and repeats > 1:
        best.seconds = again(worker, best, limit, repeats)
    best.trials = "; ".join(trials)
    return best


def again(worker, entry, limit, repeats):
    """Return the median seconds of `repeats` further solutions: the first one still pays for cold caches."""
    try:
        return median(worker.ask(entry.settings, limit)["seconds"] for _ in range(repeats))
    except NoAnswer:
        return entry.seconds


def raise_bound(worker, settings, judge, limit):
    """Let the judge see one more answer, more accurate than what is timed."""
    try:
        judge(worker.ask(settings, limit))
    except NoAnswer:
        pass


def short(settings):
    """Return settings in few words: what is varied on a ladder."""
    values = {**settings, **settings.get("options", {})}
    words = [f"{name} {values[name]:.0e}" for name in ("rate", "tol", "tol_gap_rel", "eps_rel") if name in values]
    words += [values["schedule"]] if "schedule" in values else []
    return " ".join(words + ["tight cones"] * ("cone" in values))
