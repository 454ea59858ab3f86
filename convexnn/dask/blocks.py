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

from ..blocks.source import ArrayBlocks, Block
from ..blocks.sums import added, as_pairs
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
    ) -> Answers:
        """Yield ``function(block, *arguments, *own_k)`` of every block k, in order."""
        return Answers(self, function, arguments, own)

    def numbers(self) -> list[range]:
        """Return the numbers of the blocks, in ranges of as many as are gathered at once."""
        starts = range(0, len(self.parts), BLOCKS_PER_GATHER)
        return [range(start, min(start + BLOCKS_PER_GATHER, len(self.parts))) for start in starts]

    def submit(
        self, task: Callable[..., Any], call: tuple[Any, ...], waves: Sequence[range], own: Any = None
    ) -> list[list[tuple[list[int], Future]]]:
        """Hand out the tasks of a pass; return, for every wave of blocks, pairs (numbers of blocks, future).

        All of them at once: what they return stays on the workers until it is its turn.
        """
        with explained():
            shared, places, threads = self._shared(call), self._places(), self.client.nthreads()
            return [
                [(numbers, self._submit_one(task, shared, numbers, place, own)) for numbers, place in dealt]
                for dealt in (_deal(wave, places, threads) for wave in waves)
            ]

    def gather(self, futures: Sequence[Future]) -> list[Any]:
        """Return what tasks have returned."""
        with explained():
            return self.client.gather(list(futures))

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

    def _submit_one(self, task, shared, numbers, place, own):
        """Hand out one task, to the worker that holds its blocks; when this worker has died, to any other."""
        # Pickled here: Dask would look for futures in all that is nested in an argument.
        extra = None if own is None else pickle.dumps([own[k] for k in numbers], protocol=pickle.HIGHEST_PROTOCOL)
        options = {} if place == NO_PLACE else {"workers": [place], "allow_other_workers": True}
        parts = [self.parts[k] for k in numbers]
        return self.client.submit(task, parts, shared, extra, pure=False, **options)


class Answers(Iterator[Any]):
    """What a function says of every block, in order; or the sums of it, by tasks that add up what their blocks say.

    Nothing is asked before the first answer, or sum, is wanted.
    """

    def __init__(self, source: DaskBlocks, function: Callable[..., Any], arguments: tuple[Any, ...], own: Any) -> None:
        self.source, self.call = source, (function, arguments)
        # No method: a cycle of references would keep the blocks on the workers until it is collected.
        self.stream = _in_order(source, self.call, own)

    def __next__(self) -> Any:
        """Return the answer for the next block."""
        return next(self.stream)

    def parts(self) -> Iterator[Any]:
        """Yield the sums of the tuples of the blocks of every task, for `sum_over`: only these travel."""
        (wave,) = self.source.submit(_sums, self.call, [range(len(self.source.parts))])
        futures = [future for _, future in wave]
        for start in range(0, len(futures), BLOCKS_PER_GATHER):
            yield from self.source.gather(futures[start : start + BLOCKS_PER_GATHER])


def _in_order(source, call, own):
    """Yield what a call says of every block, in order."""
    waves = source.submit(_answers, call, source.numbers(), own)
    while waves:
        wave, found = waves.pop(0), {}
        for (numbers, _), answers in zip(wave, source.gather([future for _, future in wave]), strict=True):
            found.update(zip(numbers, answers, strict=True))
        yield from (found[k] for k in sorted(found))


def _deal(blocks, places, threads):
    """Deal blocks to tasks, one for every thread of the workers that hold them; return pairs (numbers, worker)."""
    held: dict[str, list[int]] = {}
    for k in blocks:
        held.setdefault(places[k], []).append(k)
    tasks = []
    for place, numbers in held.items():
        n_tasks = len(numbers) if place == NO_PLACE else min(len(numbers), threads.get(place, 1))
        tasks += [(numbers[first::n_tasks], place) for first in range(n_tasks)]
    return tasks


# On a worker


def _answers(blocks, call, extra):
    """Return the answers for some blocks."""
    function, arguments = pickle.loads(call)
    own = [()] * len(blocks) if extra is None else pickle.loads(extra)
    return [function(Block(*block), *arguments, *mine) for block, mine in zip(blocks, own, strict=True)]


def _sums(blocks, call, _):
    """Return the sums of the answers for some blocks as pairs (high, low), None without rows; in portions of rows."""
    function, arguments = pickle.loads(call)
    total = None
    for block in blocks:
        for terms in ArrayBlocks(*block).each(function, *arguments):
            total = added(total, as_pairs(terms))
    return total
