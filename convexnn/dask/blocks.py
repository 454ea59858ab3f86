"""Blocks of rows on the workers of a Dask cluster: every function runs where its block lies.

A pass over the data is one task for every thread of a worker, with all blocks that this worker holds and the thread
gets, so that its cost hardly grows with the number of blocks. Where the blocks lie is asked anew before every pass:
after a worker has died, or more have come, tasks go where the blocks are then.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..blocks.source import Block
from ._libraries import dask, distributed

if TYPE_CHECKING:
    from distributed import Client, Future

BLOCKS_PER_GATHER = 64  # answers of so many blocks, one after the other, are in this process at the same time
# Arguments of more bytes travel to one worker, which passes them on to the others, and not with every task.
MAX_BYTES_PER_TASK = 100_000
NO_PLACE = ""  # of blocks that no worker holds at the moment: they are to be computed again

DEATHS = (
    "A task on a block of rows was lost with several workers, one after the other. Mostly they ran out of memory: make "
    "the chunks of the data smaller, start workers with more memory, or fewer threads for each."
)
LOST = (
    "The data were lost with a worker and cannot be computed again. So are data that were sent by client.scatter; "
    "build the collection from what workers can load themselves (files, dask.array.from_array, dask.delayed)."
)


@contextmanager
def explained():
    """Add to errors of the cluster what a user can do."""
    try:
        yield
    except distributed.KilledWorker as error:
        error.add_note(DEATHS)
        raise
    except CancelledError as error:
        error.add_note(LOST)
        raise


class DaskBlocks:
    """Rows in blocks that are futures of a Dask cluster.

    A worker that dies costs a part of one pass and the loading of its blocks, and nothing else, as long as Dask can
    compute the futures again: those of tasks and persisted collections it can, data from ``client.scatter`` it cannot.

    Parameters
    ----------
    client : distributed.Client
    parts : sequence of futures
        Of ``(X, y, weight)``, three arrays each as in a `Block`.
    """

    def __init__(self, client: Client, parts: Sequence[Future]) -> None:
        self.client, self.parts = client, list(parts)

    def each(
        self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] | None = None
    ) -> Iterator[Any]:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order."""
        with explained():
            call = self._shared((function, arguments))
            starts = range(0, len(self.parts), BLOCKS_PER_GATHER)
            ranges = [range(start, min(start + BLOCKS_PER_GATHER, len(self.parts))) for start in starts]
            places, threads = self._places(), self.client.nthreads()
            # All tasks are handed out at once; what they return stays on the workers until it is its turn.
            waves = [self._submit(call, blocks, places, threads, own) for blocks in ranges]
        while waves:
            yield from self._gathered(waves.pop(0))

    def _shared(self, call):
        """Return what every task gets: the pickled call, or a future of it where it is large."""
        sent = pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
        if len(sent) <= MAX_BYTES_PER_TASK:
            return sent
        # A task, and no scattered data: it can be run again when the worker that has its result dies.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": 2 * len(sent)}):
            return self.client.submit(bytes, sent, pure=False)

    def _places(self):
        """Return, for every block, the address of one worker that holds it."""
        holders = self.client.who_has(self.parts)
        return [min(holders.get(part.key) or [NO_PLACE]) for part in self.parts]

    def _submit(self, call, blocks, places, threads, own):
        """Hand out the tasks of some blocks; return pairs (their numbers, future of their answers)."""
        held: dict[str, list[int]] = {}
        for k in blocks:
            held.setdefault(places[k], []).append(k)
        tasks = []
        for place, numbers in held.items():
            n_tasks = len(numbers) if place == NO_PLACE else min(len(numbers), threads.get(place, 1))
            tasks += [(numbers[first::n_tasks], place) for first in range(n_tasks)]
        return [(numbers, self._submit_one(call, numbers, place, own)) for numbers, place in tasks]

    def _submit_one(self, call, numbers, place, own):
        """Hand out one task, to the worker that holds its blocks; when this worker has died, to any other."""
        # Pickled here: Dask would look for futures in all that is nested in an argument.
        extra = None if own is None else pickle.dumps([own[k] for k in numbers], protocol=pickle.HIGHEST_PROTOCOL)
        options = {} if place == NO_PLACE else {"workers": [place], "allow_other_workers": True}
        parts = [self.parts[k] for k in numbers]
        return self.client.submit(_answers, parts, call, extra, pure=False, **options)

    def _gathered(self, wave):
        """Return the answers of one range of blocks, in order."""
        with explained():
            answers = self.client.gather([future for _, future in wave])
        found: dict[int, Any] = {}
        for (numbers, _), own in zip(wave, answers, strict=True):
            found.update(zip(numbers, own, strict=True))
        return [found[k] for k in sorted(found)]


def _answers(blocks, call, extra):
    """Return the answers for some blocks, on a worker."""
    function, arguments = pickle.loads(call)
    own = [()] * len(blocks) if extra is None else pickle.loads(extra)
    return [function(Block(*block), *arguments, *mine) for block, mine in zip(blocks, own, strict=True)]
