"""A network of one input as a piecewise linear function: where its slope changes, and its lines in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._utils.display import Shown, counted, figure, html_table, text_table
from ._utils.libraries import require

if TYPE_CHECKING:
    from pandas import DataFrame

# Kinks no further apart than 1e-12 of the largest are one, and slopes that cancel to 1e-12 of their terms are no kink.
KINK_DISTANCE = CANCELLED_SLOPE_SHARE = 1e-12
# Training knows a kink to about half the digits: pieces shorter than 1e-8 of the largest kink are none, unless they are
# more than 100 times as steep as all others. Those are jumps.
SHORT_PIECE, MAX_STEEPNESS = 1e-8, 100.0
# Tables in text show six digits.
DIGITS = 6


@dataclass(frozen=True, eq=False, repr=False)
class LinearPieces(Shown):
    """The lines of a network of one input, from left to right: piece k lies between kinks k - 1 and k.

    Attributes
    ----------
    kinks : ndarray of shape (n_kinks,)
        Where the slope changes, increasing.
    slopes : ndarray of shape (n_kinks + 1,) or (n_kinks + 1, n_outputs)
    intercepts : ndarray of shape (n_kinks + 1,) or (n_kinks + 1, n_outputs)
        On piece k the network is ``intercepts[k] + slopes[k] x``.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> pieces = TwoLayerReLU([[1.0], [-2.0]], [1.0, 1.0], hidden_bias=[0.0, 1.0]).kinks()
    >>> print(pieces)
    from   to  slope  intercept
    -inf    0     -2          1
       0  0.5     -1          1
     0.5  inf      1          0
    """

    kinks: np.ndarray
    slopes: np.ndarray
    intercepts: np.ndarray

    def __len__(self) -> int:
        return len(self.slopes)

    @property
    def changes(self) -> np.ndarray:
        """By how much the slope changes at every kink, of shape (n_kinks,) or (n_kinks, n_outputs)."""
        return np.diff(self.slopes, axis=0)

    @property
    def ends(self) -> np.ndarray:
        """Where every piece begins and ends, of shape (n_kinks + 1, 2)."""
        edges = np.concatenate([[-np.inf], self.kinks, [np.inf]])
        return np.column_stack([edges[:-1], edges[1:]])

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame with a row for every piece: where it begins and ends, its slope and intercept.

        With several outputs there is a slope and an intercept for each.

        Raises
        ------
        MissingLibraryError
            Without pandas, which the extra `frame` installs.
        """
        return require("pandas", "frame").DataFrame(self._columns())

    def _columns(self):
        """Return the columns of the table by name."""
        columns = {"from": self.ends[:, 0], "to": self.ends[:, 1]}
        if self.slopes.ndim == 1:
            return columns | {"slope": self.slopes, "intercept": self.intercepts}
        for k in range(self.slopes.shape[1]):
            columns |= {f"slope {k}": self.slopes[:, k], f"intercept {k}": self.intercepts[:, k]}
        return columns

    def _rows(self):
        """Return the names of the columns, and the rows as text."""
        columns = self._columns()
        return list(columns), [[figure(value, DIGITS) for value in row] for row in zip(*columns.values(), strict=True)]

    def __str__(self):
        return text_table(*self._rows(), ">")

    def __repr__(self):
        kinks = ", ".join(figure(kink, DIGITS) for kink in self.kinks)
        return f"LinearPieces({counted(len(self), 'piece')}, {f'kinks at {kinks}' if kinks else 'no kinks'})"

    def _repr_html_(self):
        head, rows = self._rows()
        return html_table("LinearPieces", rows, head)


def pieces_of(
    weights: np.ndarray, biases: np.ndarray, outputs: np.ndarray, skip: np.ndarray, intercept: np.ndarray
) -> LinearPieces:
    """Return the `LinearPieces` of a network of one input.

    Parameters
    ----------
    weights, biases : ndarrays of shape (width,)
        Neurons ``(w x + b)_+``.
    outputs : ndarray of shape (width, n_outputs)
    skip, intercept : ndarray of shape (n_outputs,)
    """
    # A neuron that ignores the input is a constant.
    intercept = intercept + np.maximum(biases[weights == 0.0], 0.0) @ outputs[weights == 0.0]
    bends = (weights != 0.0) & (outputs != 0.0).any(axis=1)
    weights, biases, outputs = weights[bends], biases[bends], outputs[bends]
    kinks, place = _distinct(0.0 - biases / weights)  # no negative zeros
    kept = np.flatnonzero([_changes(weights[place == k], outputs[place == k]) for k in range(len(kinks))])
    # A kink that cancels is left out: what its neurons are together is linear, wherever they are switched.
    own, number = np.searchsorted(kept, place), np.arange(len(kept) + 1)[:, None]
    # Piece k lies to the right of the kinks before k: there a neuron with w > 0 is on, to the left one with w < 0.
    is_on = np.where(weights > 0.0, number > own, number <= own).astype(float)
    slopes = skip + is_on @ (weights[:, None] * outputs)
    intercepts = intercept + is_on @ (biases[:, None] * outputs)
    kinks, long = kinks[kept], _is_long(kinks[kept], slopes)
    return LinearPieces(kinks[long[1:]], slopes[long], intercepts[long])


def _is_long(kinks, slopes):
    """Return which pieces are there to stay: the neurons of a short one bend at one place, the kink at its end."""
    ends = np.diff(kinks, prepend=-np.inf, append=np.inf)
    short = ends <= SHORT_PIECE * np.abs(kinks).max(initial=0.0)
    sizes = np.abs(slopes).max(axis=1, initial=0.0)
    return ~short | (sizes > MAX_STEEPNESS * sizes[~short].max())


def _distinct(places):
    """Return increasing places, those that differ by rounding once, and the number of each that was given."""
    order = np.argsort(places, kind="stable")
    apart = np.diff(places[order]) > KINK_DISTANCE * np.abs(places).max(initial=0.0)
    number = np.zeros(len(places), int)
    number[order[1:]] = np.cumsum(apart)
    return places[order][np.append(True, apart)[: len(places)]], number


def _changes(weights, outputs):
    """Return whether the neurons of one place change the slope there: by |w| alpha each, on whichever side they are."""
    terms = np.abs(weights)[:, None] * outputs
    return bool(np.any(np.abs(terms.sum(axis=0)) > CANCELLED_SLOPE_SHARE * np.abs(terms).sum(axis=0)))
