"""The record of a set of activation patterns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self, overload

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.bits import hashes, pack, unpack
from .._utils.display import Shown
from .._utils.validation import check_design
from ..exceptions import InvalidInputError
from ._gates import interior_points


class ActivationPatterns(Shown):
    """Distinct activation patterns of one data matrix, 64 rows to a word.

    The pattern of a gate h is the mask ``1[X h >= 0]``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The data of which these are patterns.
    words : ndarray of shape (n_patterns, ceil(n_samples / 64)), dtype uint64
        The masks; bit ``i % 64`` of word ``i // 64`` is row i.
    gates : ndarray of shape (n_patterns, n_features) or None, default=None
        A point strictly inside each cell, when known.

    See Also
    --------
    enumerate_patterns : All patterns of X.
    sample_patterns : Some of them.
    ActivationPatterns.from_masks : Those with given masks.
    """

    def __init__(self, X: np.ndarray, words: np.ndarray, gates: np.ndarray | None = None) -> None:
        self.X = X
        self.words = words
        if gates is not None:
            self.gates = gates

    @classmethod
    def from_masks(cls, X: ArrayLike, masks: ArrayLike) -> Self:
        """Return the patterns with boolean `masks` (P, n), repeated ones kept once; cells are not checked here.

        Raises
        ------
        ValueError
            When `masks` is not two-dimensional with one column per row of X.
        """
        X, masks = check_design(X), np.asarray(masks)
        if masks.ndim != 2 or masks.shape[1] != len(X):
            raise InvalidInputError(f"masks must have shape (n_patterns, {len(X)}); got shape {masks.shape}.")
        words = pack(masks)
        return cls(X, words[np.sort(np.unique(words, axis=0, return_index=True)[1])])

    def __repr__(self):
        n_samples, n_features = self.X.shape
        return f"ActivationPatterns({len(self)} patterns, n_samples={n_samples}, n_features={n_features})"

    def __len__(self) -> int:
        return len(self.words)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray | list) -> ActivationPatterns: ...

    def __getitem__(self, index: Any) -> Any:
        """Return one mask (n,) for an integer, and the chosen `ActivationPatterns` for anything else."""
        if isinstance(index, (int, np.integer)):
            return unpack(self.words[index][np.newaxis], len(self.X))[0]
        # Gates that were computed, or given, are kept; asking for the attribute would compute all of them.
        known = self.__dict__.get("gates")
        return ActivationPatterns(self.X, self.words[index], None if known is None else known[index])

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the masks one by one."""
        return (self[i] for i in range(len(self)))

    def __contains__(self, mask):
        return self.contains(mask)

    @property
    def nbytes(self) -> int:
        """Memory taken by the packed masks, in bytes."""
        return self.words.nbytes

    @property
    def masks(self) -> np.ndarray:
        """The masks, boolean (n_patterns, n_samples); made anew each time."""
        return unpack(self.words, len(self.X))

    @cached_property
    def gates(self) -> np.ndarray:
        """A point strictly inside each cell, (n_patterns, n_features).

        The direction of largest margin ``min_i |x_i h|`` over unit rows (in whitened coordinates), found once and
        then kept.

        Raises
        ------
        ValueError
            When a mask is no pattern of X, or its cell is too narrow for ``X h`` to have the right signs in float64.
        """
        return interior_points(self.X, self.words)

    @cached_property
    def _index(self):
        keys = hashes(self.words)
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def contains(self, mask: ArrayLike) -> bool:
        """Return whether `mask` (n_samples,) is one of the patterns; the first call sorts an index.

        Raises
        ------
        ValueError
            When `mask` has another shape.
        """
        mask = np.asarray(mask)
        if mask.shape != (len(self.X),):
            raise InvalidInputError(f"mask must have shape ({len(self.X)},); got shape {mask.shape}.")
        words = pack(mask[np.newaxis])
        keys, order = self._index
        # Equal hashes may be different patterns: the few that share one are compared word by word.
        start, stop = np.searchsorted(keys, hashes(words)[0], "left"), np.searchsorted(keys, hashes(words)[0], "right")
        return bool(np.any(np.all(self.words[order[start:stop]] == words, axis=1)))

    def _shown(self):
        n_samples, n_features = self.X.shape
        size = f"{self.words.nbytes:,} bytes, bit-packed"
        return "ActivationPatterns", [
            ("patterns", f"{len(self):,}"),
            ("samples", str(n_samples)),
            ("features", str(n_features)),
            ("memory", size),
        ]
