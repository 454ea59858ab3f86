"""The loop of every sweep: finished records come from the checkpoint, the rest is computed, in any order.

Tasks are handed out by the parent and their records come back to it as they finish, so that the workers need neither
the checkpoint's file nor each other, whichever joblib backend runs them.
"""

import warnings

from joblib import Parallel, delayed

from .._utils.progress import silence
from ..exceptions import ConvergenceWarning


class Runner:
    """Runs tasks and keeps their records.

    Parameters
    ----------
    checkpoint : Checkpoint
    record_type : type
        The class of the records, with `to_json`, `from_json` and `line`, the figures that `verbose` prints.
    n_jobs : int or None
        As joblib reads it; a backend chosen by ``joblib.parallel_config`` is used.
    stage : Stage
        The stage of the sweep: its total is the number of records that are expected.

    Attributes
    ----------
    records : dict
        From key to record, of those that were asked for.
    """

    def __init__(self, checkpoint, record_type, n_jobs, stage):
        self.checkpoint, self.record_type, self.n_jobs, self.stage = checkpoint, record_type, n_jobs, stage
        self.records = {}

    def compute(self, function, tasks):
        """Add the records ``function(*arguments)`` of `tasks`, a dict from key to arguments."""
        finished = self.checkpoint.finished
        # Finished records are read back, to the last bit, and not computed again.
        known = {key: self.record_type.from_json(finished[key]) for key in tasks if key in finished}
        self.records |= known
        self.stage.skipped += len(known)
        left = {key: arguments for key, arguments in tasks.items() if key not in finished}
        # One task a batch: a record must not wait for others before it is safe. Arrays are not mapped from files, or
        # the kernels would be compiled once more for arrays that cannot be written.
        pool = Parallel(n_jobs=self.n_jobs, return_as="generator_unordered", batch_size=1, max_nbytes=None)
        for key, record in pool(delayed(_keyed)(key, function, arguments) for key, arguments in left.items()):
            self.records[key] = record
            self.checkpoint.append(key, record.to_json())
            self.stage.record(f"{record.line()}, {record.seconds:.3g} s", len(self.records))

    def complete(self, work):
        """Return whether ``work(self)`` was done; after an interrupt there is a warning, if there is any record.

        Raises
        ------
        KeyboardInterrupt
            When nothing was finished.
        """
        try:
            work(self)
        except KeyboardInterrupt:
            total = self.stage.total
            if not self.records:
                raise
            warnings.warn(
                f"interrupted: {len(self.records)} of {total} records are finished and returned, "
                f"{total - len(self.records)} are missing.",
                ConvergenceWarning,
                stacklevel=3,
            )
            return False
        return True


def _keyed(key, function, arguments):
    with silence():  # with one worker this is the caller's thread
        return key, function(*arguments)
