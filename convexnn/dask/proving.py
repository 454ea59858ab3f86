"""Long proofs on a Dask cluster: tasks of the search go to its workers, what they find to this process and its disk.

A task is a pure function of its arguments, which travel with it: when a worker dies, Dask runs it again elsewhere, and
nothing is lost but seconds. When this process dies, the checkpoint has what was found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._utils.clock import now
from ..proofs.pools import TASKS_PER_THREAD, searching_on
from ._libraries import distributed
from .clients import checked_client

DEATHS = (
    "A task of a proof was lost with several workers, one after the other. What was found before is in the checkpoint, "
    "if there is one: start workers with more memory, and make the same call."
)


@contextmanager
def proofs_on(client: Any = None) -> Iterator[None]:
    """Return a context in which the searches of proofs run on the workers of a Dask cluster.

    It is for `convexnn.proofs.write_proof`, and for `convexnn.proofs.certify_resumably`. The file does not depend on
    the cluster, on the number of its workers or on their deaths, unless there is a limit of time. Workers may come and
    go.

    Parameters
    ----------
    client : distributed.Client, optional
        By default the current one.

    Raises
    ------
    ValueError
        Where there is no client.
    distributed.KilledWorker
        From the search, when several workers have died of the same task.

    Examples
    --------
    >>> with proofs_on(client):  # doctest: +SKIP
    ...     write_proof("proof.npz", network, X, y, beta, checkpoint="proof.part")
    """
    pool = _Cluster(checked_client(client))
    try:
        with searching_on(pool):
            yield
    except distributed.KilledWorker as error:
        error.add_note(DEATHS)
        raise


class _Cluster:
    """A pool of tasks; see `proofs.pools`."""

    def __init__(self, client):
        self.client = client
        self.executor = client.get_executor(pure=False)

    @property
    def room(self):
        """Tasks that are out at once, for the workers that there are now."""
        return TASKS_PER_THREAD * max(1, sum(self.client.nthreads().values()))

    def submit(self, function, arguments, deadline):
        """Return a future of ``function(arguments, deadline)``, from a worker."""
        # Machines share the time of day, more or less, but not the monotonic clock.
        ends = None if deadline is None else time.time() + (deadline - now())
        return self.executor.submit(_on_worker, (function, arguments, ends))


def _on_worker(call):
    function, arguments, ends = call
    return function(arguments, None if ends is None else now() + (ends - time.time()))
