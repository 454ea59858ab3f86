"""A file that only grows: what was appended is on the disk, and what a full disk tears is taken back at once."""

import json
import os
from pathlib import Path

from ..exceptions import InvalidInputError


class AppendOnly:
    """A file to read once and to append to; it is made where there is none.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    ValueError
        When it cannot be opened; the message is about an argument `checkpoint`.
    """

    def __init__(self, path):
        self.path = path
        try:
            path = Path(path)
            path.touch()
            self.file = path.open("r+b", buffering=0)  # a buffer would be written again when the file is closed
        except (OSError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"checkpoint must be the path of a file that can be written; got {self.path!r} ({error})."
            ) from error

    def resume(self, header, *, owner, free=()):
        """Return the header of the file, its first line; a new file gets the one that is given.

        Parameters
        ----------
        header : dict
            It begins with the entries ``format`` and, by the name of its owner, what the file is.
        owner : str
            What such a file belongs to: ``"sweep"``.
        free : sequence of str
            Entries that may differ: those of the file are returned.

        Raises
        ------
        ValueError
            When the file belongs to another owner, or is none of ours; it is left as it is.
        """
        line = self.file.readline()
        if line.endswith(b"\n"):
            theirs = self.parsed(line, owner)
            _refuse_other(self.path, header, theirs, owner, free)
            return theirs
        # A header that was torn is written again, but over nothing else.
        start = f'{{"format": {header["format"]}, "{owner}": '.encode()
        if not start.startswith(line[: len(start)]):
            raise InvalidInputError(
                f"checkpoint={str(self.path)!r} is a file, but not one of a {owner}; give another path, or remove the "
                f"file if it is not wanted."
            )
        self.keep(0)
        self.append(json.dumps(header).encode() + b"\n")
        return header

    def parsed(self, line, owner):
        """Return the JSON document of a line."""
        try:
            return json.loads(line)
        except ValueError as error:
            raise InvalidInputError(
                f"checkpoint={str(self.path)!r} is damaged, or not the file of a {owner}: {error}."
            ) from error

    def keep(self, size):
        """Cut off what follows the first bytes, so many; what is appended comes there."""
        self.file.seek(size)
        self.file.truncate()

    def append(self, content):
        """Write bytes at the end; they are on the disk when this returns.

        Raises
        ------
        OSError
            When the disk is full, with the path that the caller knows; the file is then as it was.
        """
        left, begin = memoryview(content), self.file.seek(0, os.SEEK_END)
        try:
            # Unbuffered writes may be partial; on a full disk the beginning of the record is taken back.
            while left:
                left = left[self.file.write(left) :]
            os.fsync(self.file.fileno())
        except OSError as error:
            self.keep(begin)
            raise type(error)(error.errno, error.strerror, os.fspath(self.path)) from error

    def close(self):
        """Close the file."""
        self.file.close()


def _refuse_other(path, mine, theirs, owner, free):
    """Refuse a file whose header is that of another piece of work; the message says what differs."""
    mine, theirs = json.loads(json.dumps(mine)), theirs if isinstance(theirs, dict) else {}
    names = mine.keys() | theirs.keys()
    different = sorted(name for name in names if name not in free and mine.get(name) != theirs.get(name))
    if different:
        changes = ", ".join(f"{name} (there {theirs.get(name)!r}, here {mine.get(name)!r})" for name in different)
        raise InvalidInputError(
            f"checkpoint={str(path)!r} belongs to another {owner}: {changes}. Give the same data and "
            f"parameters, or another file."
        )
