"""Who does the tasks of a search: the caller in turn, threads, or whoever was named for it, such as a cluster."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar

from .._utils.threads import n_threads

TASKS_PER_THREAD = 2  # a thread that is done with a task finds the next one waiting


class InTurn:
    """Does a task when it is handed in."""

    room = 1  # tasks that are out at once

    def submit(self, function, arguments, deadline):
        """Return a future of ``function(arguments, deadline)``."""
        answer = Future()
        answer.set_result(function(arguments, deadline))
        return answer


class Threads:
    """Threads of this process; the kernels release the interpreter lock."""

    def __init__(self, number):
        self.room, self.executor = TASKS_PER_THREAD * number, ThreadPoolExecutor(number)

    def submit(self, function, arguments, deadline):
        """Return a future of ``function(arguments, deadline)``."""
        return self.executor.submit(function, arguments, deadline)


_NAMED = ContextVar("convexnn_pool", default=None)


@contextmanager
def searching_on(pool):
    """A context in which a pool, with the verbs of `Threads`, does the tasks, whatever `n_jobs` says."""
    token = _NAMED.set(pool)
    try:
        yield
    finally:
        _NAMED.reset(token)


@contextmanager
def pool_of(n_jobs):
    """A context with the pool that was named, or threads; what is not yet begun when it ends is not done."""
    number = n_threads(n_jobs)
    if (named := _NAMED.get()) is not None or number == 1:
        yield named or InTurn()
        return
    threads = Threads(number)
    try:
        yield threads
    finally:
        threads.executor.shutdown(wait=True, cancel_futures=True)


def work_off(tasks, call, receive, pool, deadline):
    """Do tasks, and those that grow from them, the first ones first.

    Parameters
    ----------
    tasks : list
    call : callable
        ``call(task)`` is the pair of a function and its arguments.
    receive : callable
        ``receive(answer)`` returns the tasks that grow from it.
    pool : InTurn, Threads or the like
    deadline : float or None
    """
    left, out = tasks[::-1], set()
    try:
        while left or out:
            while left and len(out) < pool.room:
                out.add(pool.submit(*call(left.pop()), deadline))
            done, out = wait(out, return_when=FIRST_COMPLETED)
            for future in done:
                left += receive(future.result())[::-1]
    finally:
        for future in out:
            future.cancel()
