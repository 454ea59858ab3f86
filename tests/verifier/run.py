"""Many cases, in one process or in several; every one with one BLAS thread."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

from threadpoolctl import threadpool_limits

from .attack import attack

EVERY = 10.0  # seconds between two lines of progress
AT_ONCE = 20  # cases that a process is handed


def run(numbers, jobs=1, entries=None, *, progress=False):
    """Return the outcomes of the cases of these numbers, in order."""
    tasks = [(number, entries) for number in numbers]
    follow = _with_progress if progress else lambda outcomes, _: outcomes
    if jobs == 1:
        return list(follow(map(_attack, tasks), len(tasks)))
    with ProcessPoolExecutor(jobs) as pool:
        return list(follow(pool.map(_attack, tasks, chunksize=AT_ONCE), len(tasks)))


def _attack(task):
    with threadpool_limits(1):
        return attack(*task)


def _with_progress(outcomes, total):
    begun = last = time.perf_counter()
    refuted = 0
    for done, outcome in enumerate(outcomes, 1):
        refuted += bool(outcome.refutations)
        if time.perf_counter() - last > EVERY or done == total:
            last = time.perf_counter()
            print(
                f"{done:,} of {total:,} cases, {refuted:,} refuted, {last - begun:.0f} s", file=sys.stderr, flush=True
            )
        yield outcome
