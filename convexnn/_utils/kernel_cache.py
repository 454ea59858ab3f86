"""The files that keep compiled kernels: one that cannot be read or written costs time, and never a fit.

numba keeps them in ``NUMBA_CACHE_DIR``, else beside the sources, else in the user's cache folder. It raises where none
of them can be written, where a file was cut short by a full disk or a killed process, and where the disk is full. Here
the kernel is compiled instead, and one warning says why and what to do.
"""

import hashlib
import io
import os
import warnings
from contextlib import contextmanager

from numba.core import caching, config

from .._version import __version__

# Every file ends with a digest of 32 bytes.
DIGEST_BYTES = 32
_said: set[str] = set()  # one warning of a kind in a process: there are more than a hundred kernels


def cache_of(function):
    """Return the cache of one kernel."""
    try:
        return KernelCache(function)
    except (RuntimeError, OSError) as error:  # no folder, or no file of sources whose changes could be noticed
        return NoCache(error)


class DamagedFileError(Exception):
    """A file of the cache does not hold what was written into it."""

    def __init__(self, path):
        super().__init__(path)
        self.path = path


class CheckedFiles(caching.IndexDataCacheFile):
    """The index and the data of one kernel, with a digest at the end of every file, which is checked before reading.

    Damaged machine code would not raise but end the process. The data say what they are for, too: processes that
    compile one kernel for different types at the same moment may give their files one name.
    """

    def save(self, key, data):
        """Keep what was compiled for a key."""
        super().save(key, (key, data))

    def load(self, key):
        """Return what was compiled for a key, None where it is not there."""
        kept_for, data = super().load(key) or (None, None)
        return data if kept_for == key else None

    @contextmanager
    def _open_for_write(self, filepath):
        buffer = io.BytesIO()
        yield buffer
        with super()._open_for_write(filepath) as file:
            file.write(buffer.getvalue() + _digest(buffer.getvalue()))

    def _load_index(self):
        _check(self._index_path)
        return super()._load_index()

    def _load_data(self, name):
        _check(self._data_path(name))
        return super()._load_data(name)


def _check(path):
    """Refuse a file that is not whole; one that does not exist is none."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return
    if _digest(content[:-DIGEST_BYTES]) != content[-DIGEST_BYTES:]:
        raise DamagedFileError(path)


def _digest(content):
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


class ReadOnlyLocator(caching._SourceFileBackedLocatorMixin, caching._CacheLocator):
    """Finds what was compiled by somebody who could write, as in an image of a container; nothing can be saved."""

    def __init__(self, py_func, py_file):
        self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno

    def get_cache_path(self):
        """Return the folder that numba would take if it could be written."""
        if config.CACHE_DIR:
            return os.path.join(config.CACHE_DIR, self.get_suitable_cache_subpath(self._py_file))
        return os.path.join(os.path.dirname(self._py_file), "__pycache__")

    @classmethod
    def from_function(cls, py_func, py_file):
        """Return the locator of a function, None where its source is not a file."""
        return cls(py_func, py_file) if os.path.exists(py_file) else None


class KernelFiles(caching.CompileResultCacheImpl):
    """The folder and the names of the files of one kernel."""

    _locator_classes = [*caching.CompileResultCacheImpl._locator_classes, ReadOnlyLocator]

    def get_filename_base(self, fullname, abiflags):
        """Return a name that numba's own files, which end without a digest, do not have."""
        return super().get_filename_base(fullname, abiflags) + ".checked"


class KernelCache(caching.FunctionCache):
    """The cache of one kernel, from which nothing is loaded where that fails, and into which nothing must be saved."""

    _impl_class = KernelFiles

    def __init__(self, py_func):
        super().__init__(py_func)
        # A kernel contains those that it calls, from other files too: all are compiled anew for another version.
        stamp = (self._impl.locator.get_source_stamp(), __version__)
        self._cache_file = CheckedFiles(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig, target_context):
        """Return what is kept for these types; None where there is nothing, or nothing that can be used."""
        try:
            return super().load_overload(sig, target_context)
        except DamagedFileError as damaged:
            _drop(damaged.path, "is damaged: the process that wrote it was killed, or the disk was full")
        except OSError:  # where it cannot be read it cannot be written either: `save_overload` says so
            pass
        except Exception as error:  # whole, but of another installation of numba: loading can raise anything
            _drop(self._cache_file._index_path, f"cannot be used ({error!r})")
        return None

    def save_overload(self, sig, data):
        """Keep a compiled kernel, if that is possible."""
        try:
            super().save_overload(sig, data)
        except (OSError, DamagedFileError) as error:
            _warn_unkept(error)


class NoCache(caching.NullCache):
    """The cache of a kernel that numba finds no place for."""

    def __init__(self, reason):
        self.reason = reason

    def save_overload(self, sig, cres):
        """Say that the kernel is not kept."""
        _warn_unkept(self.reason)


def _drop(path, why):
    try:
        os.unlink(path)
    except OSError as error:
        why += f" and cannot be removed ({error.strerror})"
    _warn_once(
        "damaged",
        f"{path} {why}. It holds a compiled kernel, which is compiled anew, and so is every other one whose file is "
        f"like that; results do not depend on it.",
    )


def _warn_unkept(reason):
    _warn_once(
        "unkept",
        f"Compiled kernels cannot be kept ({reason}): every process compiles them anew, for up to a minute. Set the "
        f"environment variable NUMBA_CACHE_DIR to a folder that can be written.",
    )


def _warn_once(kind, message):
    if kind not in _said:
        _said.add(kind)
        warnings.warn(message, RuntimeWarning, stacklevel=2)
