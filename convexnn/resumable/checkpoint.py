"""The file that makes a sweep resumable: a header that says which sweep it is, then a line per finished record.

Every line is a JSON document. A record is on the disk before the sweep goes on, and a line is finished by its newline:
what was being written when the process was killed is recognised by that, and dropped. What a full disk tears is taken
back at once.
"""

import hashlib
import json

import numpy as np

from .._utils.validation import check_count
from .appending import AppendOnly

CHECKPOINT_FORMAT = 1  # version of the files


def header_of(sweep, problem, parameters):
    """Return the header of a sweep: its name, a hash of the data, and every parameter that changes its records.

    Parameters
    ----------
    sweep : str
    problem : Problem
        Its `beta` does not count: it is among the parameters of the sweeps that have one.
    parameters : dict
        Values that JSON can write.
    """
    terms = ("hidden_bias", "fit_intercept", "skip_connection")
    return {
        "format": CHECKPOINT_FORMAT,
        "sweep": sweep,
        "data": _hash_of(problem),
        "loss": problem.loss.name,
        **{name: getattr(problem, name) for name in terms},
        **parameters,
    }


def check_seed(random_state):
    """Return an integer that makes the sweep reproducible; a new one for None, which the file keeps."""
    if random_state is None:
        return np.random.SeedSequence().entropy
    return check_count(random_state, "random_state", minimum=0)


def _hash_of(problem):
    """Hash of the rows of positive weight, their targets and their weights."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (problem.features, problem.y, problem.weight):
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


class Checkpoint:
    """The finished records of a sweep, in a file when there is a path; a context manager.

    Parameters
    ----------
    path : str, path-like or None
        None keeps nothing.
    header : dict
        See `header_of`.
    free : sequence of str
        Entries of the header that may differ: those of the file are taken over.

    Attributes
    ----------
    header : dict
        As the file has it.
    finished : dict
        What earlier runs have left: from key to record, both as JSON gives them.

    Raises
    ------
    ValueError
        When the file belongs to another sweep, is none of ours, or cannot be opened.
    OSError
        When it cannot be written, as on a full disk: what was finished before stays in it.
    """

    def __init__(self, path, header, *, free=()):
        self.path, self.header, self.finished, self._file = path, header, {}, None
        if path is not None:
            self._file = AppendOnly(path)
            self._resume(free)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._file is not None:
            self._file.close()

    def _resume(self, free):
        """Read the finished lines and cut off what follows them; write the header into a new file."""
        self.header = self._file.resume(self.header, owner="sweep", free=free)
        begin, text = self._file.file.tell(), self._file.file.read()
        # A line is finished by its newline: what follows the last one was torn by a killed process.
        size = text.rfind(b"\n") + 1
        lines = (self._file.parsed(line, "sweep") for line in text[:size].splitlines())
        self.finished = {line["key"]: line["record"] for line in lines}
        self._file.keep(begin + size)

    def append(self, key, record):
        """Write a finished record; it is on the disk when this returns."""
        if self._file is not None:
            self._write({"key": key, "record": record})

    def _write(self, document):
        self._file.append(json.dumps(document).encode() + b"\n")
