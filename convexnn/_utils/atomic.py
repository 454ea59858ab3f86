"""Files that appear under their name when they are complete, or not at all."""

import os
import secrets
from pathlib import Path

from ..exceptions import InvalidInputError


def write_whole(path, write):
    """Let ``write(file)`` fill a binary file beside `path`, and put it there when it is on the disk.

    Raises
    ------
    OSError
        Where the file cannot be written; what was at `path` is still there.
    """
    path = Path(path)
    if not path.name:
        raise InvalidInputError(f"path must name a file; got {os.fspath(path)!r}.")
    # A hidden file in the same folder: renaming it within one file system is atomic.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with _opened(beside, path) as file:
            write(file)
            file.flush()
            # On the disk before the name changes: a crash leaves the old file or the new one, never a part.
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _opened(beside, path):
    """Open the file beside `path`; an error names `path`, which the caller knows."""
    try:
        return open(beside, "xb")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
