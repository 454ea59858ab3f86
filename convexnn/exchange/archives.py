"""A zip archive of float64 arrays and one JSON header, read as if an enemy had written it.

The archive is an ``.npz`` file: `numpy.load` opens it, with ``allow_pickle=False``. Nothing in it is ever executed. It
is judged by the sizes that it declares before anything is decompressed, then by the sha256 of the header and of every
array.
"""

import hashlib
import io
import json
import math
import os
import re
import struct
import zipfile
import zlib

import numpy as np

from .._utils.atomic import write_whole
from ..exceptions import FileFormatError, InvalidInputError

HEADER = "header.json"
# A header of more than 4 MiB, or a file of more than 16 members, is not ours.
MAX_HEADER_BYTES = 2**22
MAX_MEMBERS = 16
# Beyond 2^31 - 1 bytes zip needs another format of its own tables.
MAX_FILE_BYTES = 2**31 - 1
# The end of the central directory: the last bytes of a zip without a comment.
END = struct.Struct("<4s4H2LH")
END_MARK, LONG_MARK = b"PK\x05\x06", b"PK\x06\x07"
FLOAT = np.dtype("<f8")
# The header that numpy writes for such arrays; its own parser evaluates Python literals, and fails in many ways.
NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f8', 'fortran_order': False, 'shape': "
    rb"\(((?:\d{1,12},|\d{1,12}, \d{1,12})?)\), \} *\n",
    re.DOTALL,
)
# The errors that a damaged archive may raise while it is read.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, ValueError)


def digest_of(header):
    """Return the sha256 of a header, its own entry ``sha256`` left out."""
    rest = {name: value for name, value in header.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, allow_nan=False).encode()).hexdigest()


def write_archive(path, header, arrays):
    """Write a header and arrays; the file appears under its name when it is complete, or not at all.

    Parameters
    ----------
    path : str or path-like
    header : dict
        Values that JSON can write; ``arrays`` and ``sha256`` are added.
    arrays : dict of str to ndarray
        Arrays of at most two dimensions.
    """
    # One type and one order for all arrays, so that their bytes and sha256 are the same on every machine.
    arrays = {name: np.array(array, dtype=FLOAT, order="C") for name, array in arrays.items()}
    header = header | {"arrays": {name: _described(array) for name, array in arrays.items()}}
    text = json.dumps(header | {"sha256": digest_of(header)}, indent=1, allow_nan=False).encode()
    if len(text) > MAX_HEADER_BYTES:
        raise InvalidInputError(
            f"the names and classes take {len(text)} bytes; a file holds at most {MAX_HEADER_BYTES}."
        )
    size = sum(array.nbytes for array in arrays.values())
    if size > MAX_FILE_BYTES:
        raise InvalidInputError(
            f"the arrays take {size} bytes; a file holds at most {MAX_FILE_BYTES}. Set store_data=False."
        )
    write_whole(path, lambda file: _write(file, text, arrays))


def _described(array):
    return {"shape": list(array.shape), "dtype": FLOAT.str, "sha256": hashlib.sha256(array.tobytes()).hexdigest()}


def _write(file, text, arrays):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(HEADER), text)
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            archive.writestr(_entry(f"{name}.npy"), member.getbuffer())


def _entry(name):
    """A member without a date: the same contents are the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def read_archive(path, max_bytes):
    """Return the header and the arrays of a file that is whole: a dict, and a dict of read-only float64 arrays.

    Raises
    ------
    FileFormatError
        For anything but an archive as `write_archive` makes it.
    OSError
        Where the file is missing or cannot be read.
    """
    with open(path, "rb") as file:
        try:
            # The table of contents is judged from the last bytes, before zipfile reads whatever it declares.
            _check_table(file, max_bytes)
            file.seek(0)
            with zipfile.ZipFile(io.BytesIO(file.read())) as archive:
                return _checked_members(archive, max_bytes)
        except FileFormatError as error:
            raise FileFormatError(f"{os.fspath(path)!r} is refused: {error}") from error
        except DAMAGE as error:
            raise FileFormatError(f"{os.fspath(path)!r} is refused: the archive is damaged ({error}).") from error


def _check_table(file, max_bytes):
    """Look at the end of the file, before anything of it is believed: what table of contents does it declare?"""
    size = file.seek(0, os.SEEK_END)
    if size > min(max_bytes + MAX_HEADER_BYTES, MAX_FILE_BYTES):
        raise FileFormatError(f"it has {size} bytes, more than max_bytes={max_bytes} allows.")
    # 20 more bytes: there the locator of a zip64 table would stand, which is refused.
    file.seek(max(0, size - END.size - 20))
    tail = file.read()
    if len(tail) < END.size or tail[-END.size :][:4] != END_MARK:
        raise FileFormatError("it does not end as an .npz archive does; it is another kind of file, or cut off.")
    _, _, _, _, count, table, _, _ = END.unpack(tail[-END.size :])
    if count > MAX_MEMBERS or table > MAX_MEMBERS * 1024 or tail[:4] == LONG_MARK:
        raise FileFormatError(f"it declares {count} members in {table} bytes; at most {MAX_MEMBERS} are expected.")


def _checked_members(archive, max_bytes):
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > MAX_MEMBERS or len(set(names)) < len(names) or HEADER not in names:
        raise FileFormatError(f"it must hold {HEADER} and arrays, each once; it holds {names[:MAX_MEMBERS]}.")
    odd = [
        m.filename
        for m in members
        if m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or m.flag_bits & 1
    ]
    if odd:
        raise FileFormatError(f"its members must be stored or deflated, and not encrypted; {odd} are not.")
    # A zip bomb declares, or hides, far more than it holds: the sum is limited, and each size checked on reading.
    declared = sum(member.file_size for member in members)
    if declared > max_bytes:
        raise FileFormatError(
            f"it declares {declared} bytes of contents, more than max_bytes={max_bytes}. If you trust where it comes "
            f"from, raise max_bytes."
        )
    contents = dict(zip(names, members, strict=True))
    header = _parsed(_read(archive, contents.pop(HEADER), MAX_HEADER_BYTES))
    if set(contents) != {f"{name}.npy" for name in header["arrays"]}:
        raise FileFormatError(
            f"its header lists the arrays {sorted(header['arrays'])}, and it holds {sorted(contents)}."
        )
    arrays = {
        name: _array(_read(archive, contents[f"{name}.npy"], max_bytes), name, entry)
        for name, entry in header["arrays"].items()
    }
    return header, arrays


def _read(archive, member, limit):
    """Return the bytes of a member, of exactly the size that it declares."""
    if member.file_size > limit:
        raise FileFormatError(f"{member.filename} has {member.file_size} bytes, more than the {limit} allowed.")
    with archive.open(member) as stream:
        # One byte more than declared shows that a member is longer than it says.
        content = stream.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise FileFormatError(f"{member.filename} holds {len(content)} bytes and declares {member.file_size}.")
    return content


def _parsed(text):
    """Return the header, checked as far as its own sha256 and the list of arrays go."""
    try:
        header = json.loads(text.decode(), object_pairs_hook=_distinct, parse_constant=_refuse_constant)
        whole = isinstance(header, dict) and header.get("sha256") == digest_of(header)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{HEADER} is no valid JSON ({error}).") from error
    if not whole:
        raise FileFormatError(f"{HEADER} does not have the sha256 that it states; it has been changed or damaged.")
    entries = header.get("arrays")
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise FileFormatError(f"{HEADER} has no list of arrays.")
    return header


def _distinct(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _refuse_constant(name):
    raise ValueError(f"{name} is no number")


def _array(content, name, entry):
    """Return the array of a member after comparing shape, type, size and sha256 with the header's entry."""
    # The header of the array is matched byte by byte: numpy's parser would evaluate it as Python.
    found = NPY.match(content)
    if found is None or len(content) < 10 or found.end() != 10 + int.from_bytes(content[8:10], "little"):
        raise FileFormatError(
            f"{name}.npy must be an array of float64 (<f8), C-ordered, of at most two dimensions; it begins with "
            f"{content[:80]!r}."
        )
    shape = [int(length) for length in found.group(1).split(b",") if length.strip()]
    data = content[found.end() :]
    if math.prod(shape) * FLOAT.itemsize != len(data) or max(shape, default=0) > MAX_FILE_BYTES // FLOAT.itemsize:
        raise FileFormatError(f"{name}.npy declares the shape {tuple(shape)} and holds {len(data)} bytes.")
    if entry != {"shape": shape, "dtype": FLOAT.str, "sha256": hashlib.sha256(data).hexdigest()}:
        raise FileFormatError(f"{name}.npy is not the array that the header describes: shape or sha256 differ.")
    # A view of immutable bytes: the arrays of a file are read-only.
    return np.frombuffer(data, dtype=FLOAT).reshape(shape).astype(np.float64, copy=False)
