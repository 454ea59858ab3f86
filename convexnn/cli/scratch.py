"""Prepared rows in files of their own: written once, and read for every pass much faster than csv is parsed."""

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..blocks import MappedBlocks, array_blocks
from ..exceptions import InvalidInputError


@dataclass(frozen=True)
class ScratchBlocks:
    """A source for ``fit_blocks``: rows in files, with the names of their columns.

    Attributes
    ----------
    arrays : MappedBlocks
    feature_names : list of str
    labels : ndarray or None
        The labels that stand in the files as their places among these.
    """

    arrays: MappedBlocks
    feature_names: list
    labels: np.ndarray | None

    def __call__(self):
        """Yield ``(X, y)``, or with weights ``(X, y, weight)``; X is a DataFrame."""
        import pandas

        for X, y, *weight in self.arrays():
            named = pandas.DataFrame(X, columns=self.feature_names, copy=False)
            yield (named, y if self.labels is None else self.labels[y], *weight)


@contextmanager
def scratch_blocks(source, folder, n_rows, labels):
    """Write the rows of a source to files in a folder, and yield the `ScratchBlocks`; the files are gone at the end.

    Parameters
    ----------
    source : PreparedBlocks
    folder : str
    n_rows : int
    labels : ndarray or None
        All labels of a target of text, sorted.
    """
    if not Path(folder).is_dir():
        raise InvalidInputError(f"--scratch must be a folder that exists; there is no {folder!r}.")
    with tempfile.TemporaryDirectory(prefix="convexnn-", dir=folder) as own:
        paths = [Path(own) / f"{name}.npy" for name in ("X", "y", "weight")]
        with ExitStack() as stack:
            writers = None
            for X, y, *weight in source():
                parts = X.to_numpy(), y if labels is None else _places(y, labels), *weight
                if writers is None:
                    files = [stack.enter_context(path.open("wb")) for path, _ in zip(paths, parts, strict=False)]
                    writers = [_begun(file, part, n_rows) for file, part in zip(files, parts, strict=True)]
                for file, part in zip(writers, parts, strict=True):
                    file.write(np.ascontiguousarray(part).data)
        yield ScratchBlocks(array_blocks(*paths[: len(writers)]), source.feature_names, labels)


def _begun(file, part, n_rows):
    """Write the head of an ``.npy`` file of so many rows that are like those of a part."""
    head = {"descr": np.lib.format.dtype_to_descr(part.dtype), "fortran_order": False}
    np.lib.format.write_array_header_2_0(file, head | {"shape": (n_rows, *part.shape[1:])})
    return file


def _places(y, labels):
    """Return the places of labels among all of them."""
    places = np.searchsorted(labels, y)
    if np.any(labels[np.minimum(places, len(labels) - 1)] != y):
        raise InvalidInputError(f"the target has more than {len(labels)} labels: too many for classes.")
    return places
