"""The file of a search for a tree: what it looks for, and what every task has found, as soon as it has.

It makes a search resumable and bounds its memory. The file only grows. A header, a line of JSON, says which proof it
belongs to. Frames follow: eight bytes with the size of what comes, four with its checksum, a line of JSON, and arrays.
The first is the `Search` itself, a dual point and its lines, and every other the `Piece` of a task with the cones that
it left open: so the file says which tasks are left. A frame that was torn by a kill does not count, nor does what
follows it. Without a path the same goes to a temporary file.
"""

import hashlib
import json
import math
import struct
import zlib
from dataclasses import dataclass
from os import SEEK_END
from tempfile import SpooledTemporaryFile, TemporaryFile

import numpy as np

from ..resumable.appending import AppendOnly
from ..resumable.checkpoint import header_of
from .checker import TERMS
from .lines import Lines
from .tasks import Task, first_tasks
from .tree import Branches

OWNER = "proof"
FRAME = struct.Struct("<QI")  # size in bytes, CRC-32
MAX_BYTES_IN_MEMORY = 1 << 26  # what is not kept in a file goes to a temporary one from 64 MB on
LINE_ARRAYS = ("units", "weights", "linear", "coordinates")
CONES = "cones {}"  # the names of the arrays of open cones


@dataclass(frozen=True)
class Search:
    """What a tree is searched for: a dual point, the lines of its price function, and a bound to reach.

    Attributes
    ----------
    dual_point : ndarray of shape (n_samples, n_outputs)
        On the rows of the problem.
    corrections : list
        Entries of it that are other rational numbers; see `exact.corrections_of`.
    direction : ndarray of shape (d,)
        Where its price is largest, as far as ascents have found.
    lines : Lines
    target : float
        In the units of the problem.
    """

    dual_point: np.ndarray
    corrections: list
    direction: np.ndarray
    lines: Lines
    target: float


@dataclass(frozen=True)
class Tree:
    """A whole tree, as a proof file has it.

    Attributes
    ----------
    splits, slopes, n_shares, lines, shares : ndarrays
        See `checker`; large ones lie in temporary files.
    """

    splits: np.ndarray
    slopes: np.ndarray
    n_shares: np.ndarray
    lines: np.ndarray
    shares: np.ndarray


def proof_header(problem, network, tol):
    """Return the header of the file of a proof: what it is about, and all that changes the tree."""
    digest = hashlib.sha256()
    for name in TERMS:
        value = getattr(network, name)
        if value is not None:
            digest.update(name.encode() + np.ascontiguousarray(value, dtype="<f8").tobytes())
    loss = getattr(problem.loss, "loss", problem.loss)  # the loss of one column
    parameters = {"loss_parameters": vars(loss), "beta": problem.beta, "network": digest.hexdigest(), "tol": tol}
    header = header_of("tree", problem, parameters)
    return {"format": header.pop("format"), OWNER: header.pop("sweep"), **header}


class TreeFile:
    """A file of what is found; a context manager.

    Parameters
    ----------
    path : str, path-like or None
        None keeps nothing beyond this context.
    header : dict, optional
        See `proof_header`. It is only needed with a path.

    Attributes
    ----------
    search : Search or None
        None until there is one.
    margin : float or None
        That of the tree; see `RootSearch`.
    heads : dict
        From the keys of tasks to what is known of their pieces without reading them.
    n_cones : int
        Cones that were bounded.
    closed : float
        The share of the whole that they close.
    """

    def __init__(self, path=None, header=None):
        self.path = path
        self._forget(None, None)
        self._spool = SpooledTemporaryFile(MAX_BYTES_IN_MEMORY)
        self._kept = None if path is None else AppendOnly(path)
        if self._kept is not None:
            self._kept.resume(header, owner=OWNER)
            self._start = self._kept.file.tell()
            self._read_frames()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._spool.close()
        if self._kept is not None:
            self._kept.close()

    def begin(self, search, margin):
        """Begin a search anew: whatever was found before goes."""
        self._forget(search, margin)
        self._spool.seek(0)
        self._spool.truncate()
        if self._kept is None:
            return
        self._kept.keep(self._start)
        basis = [[str(entry) for entry in row] for row in search.lines.basis.tolist()]
        facts = {"margin": margin, "target": search.target, "scale": search.lines.scale, "basis": basis}
        arrays = {name: getattr(search.lines, name) for name in LINE_ARRAYS}
        arrays |= {"dual_point": search.dual_point, "direction": search.direction}
        self._kept.append(_frame(facts | {"corrections": search.corrections}, arrays))
        # As a resumed run has it: products depend on the order of an array in memory, in the last digit.
        self._take_over(*_read(self._kept.file, self._start))

    def add(self, piece):
        """Add the piece of a task; it is on the disk when this returns, unless it was cut short."""
        head, arrays = _written(piece)
        is_kept = self._kept is not None and not piece.is_cut_short
        file = self._kept.file if is_kept else self._spool
        place, frame = file.seek(0, SEEK_END), _frame(head, arrays)
        if is_kept:
            self._kept.append(frame)
        else:
            file.write(frame)
        self._enter(piece.key, head, arrays, (file, place))

    def open_tasks(self):
        """Return the tasks that are left, in their order."""
        lines = self.search.lines
        target = self.search.target / lines.scale if lines.scale > 0 else math.inf
        unread, left = first_tasks(lines, target)[::-1], []
        while unread:
            task = unread.pop()
            if task.key not in self.heads:
                left.append(task)
            elif self.heads[task.key]["rest"] is not None:
                unread += self._rest(task.key).divided()[::-1]
        return left

    def found(self):
        """Return a bound on the norms of the slopes, the largest value that was met, and where; see `Branches`."""
        heads = [self.heads[key] for key in sorted(self.heads)]
        best = max(heads, key=lambda head: head["value"])
        return max(head["bound"] for head in heads), best["value"], np.array(best["point"])

    def kept(self):
        """Return the share that is closed by the pieces that outlive this context, and the number of their cones."""
        own = None if self._kept is None else self._kept.file
        heads = [self.heads[key] for key, (file, _) in self._places.items() if file is own]
        return sum(head["closed"] for head in heads), sum(head["rows"]["splits"] for head in heads)

    def tree(self):
        """Return the `Tree` when no task is left, piece after piece in the order of a depth-first walk.

        Slopes are those of the function itself, in the coordinates of the rows.
        """
        lines, heads = self.search.lines, [self.heads[key] for key in sorted(self.heads)]
        arrays = {name: None for name in Branches.ARRAYS}
        filled = dict.fromkeys(arrays, 0)
        for key in sorted(self.heads):
            found = _read(*self._places[key])[1]
            found["slopes"] = lines.scale * found["slopes"] @ lines.coordinates.T
            for name in arrays:
                part = found[name]
                if arrays[name] is None:
                    n_rows = sum(head["rows"][name] for head in heads)
                    arrays[name] = _room((n_rows, *part.shape[1:]), part.dtype)
                arrays[name][filled[name] : filled[name] + len(part)] = part
                filled[name] += len(part)
        return Tree(**arrays)

    def _forget(self, search, margin):
        """Know a search of which nothing is found."""
        self.search, self.margin, self.heads, self._places = search, margin, {}, {}
        self.n_cones, self.closed = 0, 0.0

    def _enter(self, key, head, arrays, place):
        """Remember a piece, but for its arrays."""
        rows = {name: len(arrays[name]) for name in Branches.ARRAYS}
        self.heads[key], self._places[key] = head | {"rows": rows}, place
        self.n_cones += rows["splits"]
        self.closed += head["closed"]

    def _rest(self, key):
        """Return what a task has left open, as a task."""
        head, arrays = _read(*self._places[key])
        cones = tuple(arrays[name] for name in sorted(name for name in arrays if name.startswith(CONES.format(""))))
        return Task(key, **head["rest"], cones=cones, shares=arrays["open shares"])

    def _read_frames(self):
        """Read the frames; cut off what follows the last one that is whole."""
        file, end = self._kept.file, self._start
        while (frame := _read(file, end)) is not None:
            head, arrays = frame
            if self.search is None:
                self._take_over(head, arrays)
            else:
                self._enter(tuple(head["key"]), head, arrays, (file, end))
            end = file.tell()
        self._kept.keep(end)

    def _take_over(self, head, arrays):
        basis = np.array([[int(entry) for entry in row] for row in head["basis"]], dtype=object)
        basis = basis.reshape(arrays["coordinates"].shape[::-1])
        lines = Lines(basis, *(arrays[name] for name in LINE_ARRAYS), head["scale"])
        given = arrays["dual_point"], head["corrections"], arrays["direction"]
        self.search = Search(*given, lines, head["target"])
        self.margin = head["margin"]


def _read(file, place):
    """Return the head and the arrays of a frame; None where there is no whole one."""
    end = file.seek(0, SEEK_END)
    file.seek(place)
    size, checksum = FRAME.unpack(file.read(FRAME.size)) if place + FRAME.size <= end else (end, 0)
    content = file.read(size) if place + FRAME.size + size <= end else b""
    if len(content) < size or zlib.crc32(content) != checksum:
        return None
    start = content.index(b"\n") + 1
    text, arrays = json.loads(content[:start]), {}
    for name, (kind, shape) in text["arrays"].items():
        arrays[name] = np.frombuffer(content, kind, math.prod(shape), start).reshape(shape).copy()
        start += arrays[name].nbytes
    return text["head"], arrays


def _written(piece):
    """Return a piece as a head and arrays."""
    branches, rest = piece.branches, piece.rest
    head = {
        "key": piece.key,
        "closed": piece.closed,
        "bound": branches.bound(),
        "value": branches.value,
        "point": branches.point.tolist(),
        "rest": None,
    }
    arrays = {name: getattr(branches, name) for name in Branches.ARRAYS}
    if rest is not None:
        head["rest"] = {name: getattr(rest, name) for name in ("first", "stop", "root_share", "target", "depth")}
        arrays |= {CONES.format(k): array for k, array in enumerate(rest.cones)} | {"open shares": rest.shares}
    return head, arrays


def _frame(head, arrays):
    """Return the bytes of a frame."""
    kinds = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    content = json.dumps({"head": head, "arrays": kinds}).encode() + b"\n"
    content += b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return FRAME.pack(len(content), zlib.crc32(content)) + content


def _room(shape, kind):
    """Return an array to be filled: a large one lies in a temporary file, and memory only has what is in use."""
    if math.prod(shape) * kind.itemsize <= MAX_BYTES_IN_MEMORY:
        return np.empty(shape, kind)
    with TemporaryFile() as file:
        return np.memmap(file, kind, "w+", shape=shape)
