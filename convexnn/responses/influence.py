"""`Influence`: what the optimum is without some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.display import Shown, between, counted, figure
from ..resumable.records import import_pandas
from .records import MAX_TYPICAL_MOVE

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..duality.certificate import Certificate


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Shown):
    """The optimum without some rows, for one set of rows that leave together or for several such sets.

    The strength, the weights of classes, the skip connection and the delta of the huber loss stay those of all rows,
    and so do columns that were scaled before the fit: what is chosen from the data is not chosen again.

    Attributes
    ----------
    rows : tuple of ndarrays of int
        The rows of each set, in increasing order.
    method : {"closed_form", "refit"}
        One Newton step from the optimum of all rows (see `LeaveOneOut`), or one training for every set.
    predictions : ndarray of shape (n_sets, n_points) or (n_sets, n_points, n_outputs)
        The values of the network without the rows, at the training rows or the points that were asked for; those of the
        decision function for classifiers. NaN where the closed form has none, see `LeaveOneOut`.
    fit : ndarray of shape (n_points,) or (n_points, n_outputs)
        The values of the network of all rows there.
    objective : float
        The objective of the network of all rows.
    objectives : ndarray of shape (n_sets,)
        The smallest objective without the rows, to second order for the closed form.
    own_moves : ndarray of shape (n_sets,)
        Root mean square of the moves of the predictions at the rows that leave, in the unit of `LeaveOneOut`'s
        ``typical_move``, the largest over the outputs: how far the linear step has to reach.
    is_trusted : ndarray of bool of shape (n_sets,)
        Closed form: the network of all rows is optimal to 1e-3, and the own move is known and at most 0.1. Refits: the
        ``heuristic_gap`` of the certificate is at most 1e-3.
    m_star_bounds : tuple of two ints or None
        Bounds on m* with all rows. None for the closed form, which keeps the neurons, and where optimality is not
        proven or the set of optimal networks is not described.
    m_stars : list of tuples or None
        The same without the rows.
    widths : list of int or None
        Neurons of the networks of refits.
    certificates : list of Certificate, or None
        Those of refits, on the rows that remain; None for the closed form.
    """

    rows: tuple[np.ndarray, ...]
    method: str
    predictions: np.ndarray
    fit: np.ndarray
    objective: float
    objectives: np.ndarray
    own_moves: np.ndarray
    is_trusted: np.ndarray
    m_star_bounds: tuple[int, int] | None
    m_stars: list[tuple[int, int] | None]
    widths: list[int] | None = None
    certificates: list[Certificate] | None = None

    @property
    def moves(self) -> np.ndarray:
        """By how much the predictions move when the rows leave, of the shape of `predictions`."""
        return self.predictions - self.fit

    @property
    def typical_moves(self) -> np.ndarray:
        """Root mean square of the moves over the points (and outputs), of shape (n_sets,)."""
        return np.sqrt(np.mean(self.moves.reshape(len(self.rows), -1) ** 2, axis=1))

    @property
    def changes_m_star(self) -> list[bool | None]:
        """Whether m* is another one without the rows, for every set; None where it is not known."""
        return [_differ(self.m_star_bounds, bounds) for bounds in self.m_stars]

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame with a row for every set of rows.

        Columns: rows (a number, or a tuple of numbers), n_rows, typical_move, largest_move, own_move, objective_change
        (negative: what the optimum is lower without the rows), m_star (missing where only bounds are known),
        changes_m_star and is_trusted.

        Raises
        ------
        ImportError
            Without pandas, which the extra `frame` installs.
        """
        pandas = import_pandas()
        sizes = np.abs(self.moves).reshape(len(self.rows), -1)
        exact = [None if bounds is None or bounds[0] != bounds[1] else bounds[0] for bounds in self.m_stars]
        return pandas.DataFrame(
            {
                "rows": [int(rows[0]) if len(rows) == 1 else tuple(map(int, rows)) for rows in self.rows],
                "n_rows": [len(rows) for rows in self.rows],
                "typical_move": self.typical_moves,
                "largest_move": sizes.max(axis=1),
                "own_move": self.own_moves,
                "objective_change": self.objectives - self.objective,
                "m_star": pandas.array(exact, dtype="Int64"),
                "changes_m_star": pandas.array(self.changes_m_star, dtype="boolean"),
                "is_trusted": self.is_trusted,
            }
        )

    def _named(self):
        """What leaves, in words."""
        if len(self.rows) == 1:
            return counted(len(self.rows[0]), "row")
        return f"{counted(len(self.rows), 'row' if all(len(rows) == 1 for rows in self.rows) else 'set')}, each alone"

    def _shown(self):
        changing = sum(change is True for change in self.changes_m_star)
        unknown = sum(change is None for change in self.changes_m_star)
        texts = [] if unknown == len(self.rows) else [("changes of m*", f"{changing} of {len(self.rows) - unknown}")]
        pairs: list[tuple[str, Any]] = [
            ("method", self.method),
            ("without", self._named()),
            ("largest typical move", figure(float(np.max(self.typical_moves)), 3)),
            ("trusted", f"{int(self.is_trusted.sum())} of {len(self.rows)}"),
            ("m*", "not known" if self.m_star_bounds is None else between(self.m_star_bounds)),
        ]
        return "Influence: the optimum without some rows", pairs + texts


def is_small(own_moves):
    """Return where moves are known, and small enough for one linear step."""
    return np.isfinite(own_moves) & (own_moves <= MAX_TYPICAL_MOVE)


def _differ(first, second):
    """Whether two numbers known by bounds differ, None where the bounds do not tell."""
    if first is None or second is None:
        return None
    if first[1] < second[0] or second[1] < first[0]:
        return True
    return False if first[0] == first[1] == second[0] == second[1] else None
