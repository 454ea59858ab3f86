"""The record of the choice of a strength: every strength that was judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..resumable.records import Record, Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..plotting import BetaPathDisplay


@dataclass(frozen=True, repr=False)
class StrengthRecord(Record):
    """One strength that was judged.

    Attributes
    ----------
    beta : float
        The strength on all rows.
    skip_connection : bool
    score, standard_error : float
        The share of the loss of the best constant that the networks of the folds take away on rows they were not
        trained on: R2 for the squared loss.
    width : float
        Neurons, a mean over the folds.
    seconds : float
        Time since the beginning.
    """

    beta: float
    skip_connection: bool
    score: float
    standard_error: float
    width: float
    seconds: float

    def shown(self) -> dict[str, str]:
        """Return what a table shows, a dict of texts."""
        return {
            "beta": f"{self.beta:.4g}",
            "skip connection": str(self.skip_connection),
            "score": f"{self.score:.4f}",
            "standard error": f"{self.standard_error:.4f}",
            "width": f"{self.width:.0f}",
        }


@dataclass(frozen=True, repr=False)
class BetaPath(Records):
    """The strengths that ``beta="auto"`` has judged, and the one it chose.

    Attributes
    ----------
    complete : bool
        False when an interrupt or a time limit has cut the path short.
    records : tuple of StrengthRecord
        Without a skip connection first, then with one; the strengths of each decrease.
    best : StrengthRecord
        The one chosen.
    n_folds : int
    ended : {"turned", "smallest", "time_limit", "interrupted"}
        Why the path ended: scores had clearly turned, or no smaller strength is tried, or the time was up.
    """

    records: tuple[StrengthRecord, ...]
    complete: bool
    best: StrengthRecord
    n_folds: int
    ended: str

    @property
    def strengths(self) -> np.ndarray:
        """Every strength judged, of shape (n_records,), as are the others."""
        return self._column("beta")

    @property
    def scores(self) -> np.ndarray:
        """The estimated scores."""
        return self._column("score")

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard errors of the scores."""
        return self._column("standard_error")

    @property
    def widths(self) -> np.ndarray:
        """Numbers of neurons, means over the folds."""
        return self._column("width")

    @property
    def seconds(self) -> np.ndarray:
        """Times since the beginning."""
        return self._column("seconds")

    def _column(self, name):
        return np.array([getattr(record, name) for record in self.records])

    def __repr__(self):
        skip = ", skip connection" if self.best.skip_connection else ""
        return (
            f"BetaPath({len(self)} strengths judged in {self.n_folds} {'fold' if self.n_folds == 1 else 'folds'}, "
            f"best {self.best.beta:.4g}{skip}: score {self.best.score:.4f} +- {self.best.standard_error:.4f})"
        )

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> BetaPathDisplay:
        """Draw the path and return its `convexnn.plotting.BetaPathDisplay`, whose arguments these are."""
        from ..plotting import BetaPathDisplay

        return BetaPathDisplay.from_path(self).plot(ax, **kwargs)
