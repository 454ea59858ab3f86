"""The records of a sweep over widths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._utils.display import figure, optimum
from .._utils.validation import check_choice
from ..resumable.records import NOT_IN_FRAMES, Record, Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..plotting import WidthLabelsDisplay, WidthSweepDisplay


@dataclass(frozen=True, repr=False)
class WidthRecord(Record):
    """One width of a sweep. None stands for what is not known without a proof or a list of the vertices.

    With several outputs the optimal networks are in general no polytope, so there is no staircase: `m_star`, `M_star`
    and `n_isolated` are None, and so are `n_components` and `regime` below ``n_samples * n_outputs + 1`` neurons, from
    where on the optimal networks are connected. The runs are of L-BFGS.

    Attributes
    ----------
    width : int
    optimal_value, lower_bound : float
        p* over all widths, or the best value known where `proof` is not exact; and what is proven to be below it.
    proof : {"exact", "bound", "heuristic"}
    m_star, M_star : int or None
        See `OptimalSet`.
    n_components, n_isolated : int or None
        Components and isolated points of the set of optimal networks of this width.
    regime : str or None
        See `OptimalSet.staircase`.
    best, median, worst : float
        Statistics of the runs' final objectives.
    share_reached : float
        Share of the runs that ended within the tolerance above `optimal_value`, which other stationary points may do
        too: the labels tell them apart.
    share_converged : float
        Share of the runs that stopped before `max_iter`.
    n_global, n_strict, n_escapable, n_saddle, n_not_stationary : int or None
        Labels of the polished ends of the runs, see `convexnn.landscape.classify`; None without `labels`. Global ones
        are proven where `proof` is exact.
    objectives : tuple of float
        Every run's final objective.
    labels : tuple of str
        Every run's label; empty without `labels`.
    seconds : float
        Time that the runs took; no part of comparisons.
    n_outputs : int
    """

    width: int
    optimal_value: float
    lower_bound: float
    proof: str
    m_star: int | None
    M_star: int | None
    n_components: int | None
    n_isolated: int | None
    regime: str | None
    best: float
    median: float
    worst: float
    share_reached: float
    share_converged: float
    n_global: int | None
    n_strict: int | None
    n_escapable: int | None
    n_saddle: int | None
    n_not_stationary: int | None
    objectives: tuple[float, ...] = field(metadata=NOT_IN_FRAMES)
    labels: tuple[str, ...] = field(metadata=NOT_IN_FRAMES)
    seconds: float = field(compare=False)
    n_outputs: int = field(default=1, metadata=NOT_IN_FRAMES)

    def line(self) -> str:
        """Return the figures for a line of output."""
        return f"width {self.width}, best {self.best:.10g}, {self.share_reached:.0%} reached {self.optimal_value:.10g}"

    def shown(self) -> dict[str, str]:
        """Return what a table shows, a dict of texts."""
        return {
            "width": str(self.width),
            "p*": optimum(self.optimal_value, self.lower_bound, self.proof),
            "best": figure(self.best),
            "median": figure(self.median),
            "reached p*": f"{self.share_reached:.0%} of {len(self.objectives)}",
            "components": figure(self.n_components) if self.n_components is None else str(self.n_components),
            "regime": self.regime or "-",
        }


@dataclass(frozen=True, repr=False)
class WidthSweep(Records):
    """The records of `width_sweep`, one per width.

    Attributes
    ----------
    records : tuple of WidthRecord
        In increasing order of the width.
    complete : bool
        False when an interrupt left some out.
    """

    records: tuple[WidthRecord, ...]

    def __repr__(self):
        first, last = self.records[0], self.records[-1]
        known = "m* and M* not known" if first.m_star is None else f"m* = {first.m_star}, M* = {first.M_star}"
        if first.n_outputs > 1:
            known = f"no staircase with {first.n_outputs} outputs"
        return (
            f"WidthSweep({len(self)} widths from {first.width} to {last.width}, {len(first.objectives)} runs each, "
            f"p* = {first.optimal_value:.10g} ({first.proof}), {known}{'' if self.complete else ', not complete'})"
        )

    def plot(
        self, ax: Axes | None = None, *, kind: str = "objectives", **kwargs: Any
    ) -> WidthSweepDisplay | WidthLabelsDisplay:
        """Draw the sweep and return its display.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        kind : {"objectives", "labels"}
            The final objective of every run, a `convexnn.plotting.WidthSweepDisplay`; or the shares of their labels, a
            `convexnn.plotting.WidthLabelsDisplay`, for a sweep with labels.
        **kwargs
            Properties of the dots, or of the bars.

        Raises
        ------
        ValueError
            For ``kind="labels"`` when the sweep has none.
        """
        from ..plotting import WidthLabelsDisplay, WidthSweepDisplay

        labelled = check_choice(kind, "kind", ("objectives", "labels")) == "labels"
        return (WidthLabelsDisplay if labelled else WidthSweepDisplay).from_sweep(self).plot(ax, **kwargs)
