"""Threads for kernels that release the interpreter lock.

The kernels are compiled with ``nogil=True`` and run on plain Python threads instead of a numba threading layer:
no layer to be initialised twice, nothing that breaks under ``fork``, joblib's workers or a caller's own threads,
and an interrupt is answered between two tasks. The tasks and the order of their answers never depend on the
number of threads, so neither does any result.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from threading import Thread

import numpy as np
from joblib import cpu_count, effective_n_jobs
from threadpoolctl import ThreadpoolController

# A thread that waits for compiled code looks for an interrupt every 0.2 seconds.
INTERRUPT_CHECK_SECONDS = 0.2


@contextmanager
def thread_map(n_jobs):
    """Yield ``run(function, tasks, after=None) -> list`` which applies `function` to every tuple of `tasks`, in order.

    ``after(k)`` is called here, in the caller's thread, when the answers to the tasks up to number k are there.
    `n_jobs` is read as joblib reads it: None means 1 unless a ``joblib.parallel_config`` says otherwise, and
    -1 means every core.
    """
    workers = n_threads(n_jobs)
    if workers == 1:
        yield in_turn
        return
    pool = ThreadPoolExecutor(workers)

    def run(function, tasks, after=None):
        return in_turn(lambda future: future.result(), [(pool.submit(function, *task),) for task in tasks], after)

    try:
        yield run
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def n_threads(n_jobs):
    """Return how many threads `n_jobs` stands for; see `thread_map`."""
    # Of a cluster's cores only ours can run threads of this process.
    return min(effective_n_jobs(n_jobs), max(n_jobs or 1, cpu_count()))


def in_turn(function, tasks, after=None):
    """Return the answers of `function` to every tuple of `tasks`, one after the other; see `thread_map`."""
    answers = []
    for k, task in enumerate(tasks):
        answers.append(function(*task))
        if after is not None:
            after(k)
    return answers


def interruptible(function, *arguments, **options):
    """Return what `function` returns, and let an interrupt end the wait for it at once.

    For compiled code that runs for seconds, gives up the interpreter lock and never looks for interrupts. After one
    it goes on in the background to its own limit of work, and keeps nobody from leaving.
    """
    answer = Future()

    def work():
        try:
            answer.set_result(function(*arguments, **options))
        except BaseException as error:  # whatever it is belongs to the caller's thread
            answer.set_exception(error)

    Thread(target=work, daemon=True).start()
    while not wait(
        [answer], timeout=INTERRUPT_CHECK_SECONDS
    ).done:  # an interrupt just before a wait would be seen after it
        continue
    return answer.result()


def slices(n_items, size):
    """Cut ``range(n_items)`` into consecutive (start, stop) pairs of at most `size` items."""
    return [(start, min(start + size, n_items)) for start in range(0, n_items, size)]


def one_sign_slices(signs, size):
    """Cut items, those of sign +1 before those of sign -1, into consecutive slices that share a sign."""
    n_plus = int(np.sum(signs > 0))
    return slices(n_plus, size) + [(n_plus + a, n_plus + b) for a, b in slices(len(signs) - n_plus, size)]


def one_blas_thread():
    """A context in which BLAS runs on one thread: its threads fight with ours, and lose much more than they win."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries():
    """The libraries with threads of their own; to look for them takes a millisecond."""
    return ThreadpoolController()
