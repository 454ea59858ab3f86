"""An exact path over the strength: the mass of every optimal direction, and what happens where."""

import numpy as np
from matplotlib.lines import Line2D

from .._utils.validation import check_count
from ._style import ACCENT, BLUE, INK, PALE, Display, below, logarithmic, styled

# Kinds of events with their markers, filled where something comes.
EVENT_MARKERS = {
    "enters": {"marker": "^", "mfc": INK},
    "leaves": {"marker": "v", "mfc": "white"},
    "kink reached": {"marker": "s", "mfc": INK},
    "kink left": {"marker": "s", "mfc": "white"},
    "set changes": {"marker": "D", "mfc": "white"},
    "unknown": {"marker": "x", "mfc": INK},
}
# An interval has at least so many points.
MIN_POINTS = 6


class ExactPathDisplay(Display):
    """The masses of all optimal directions over the strength, and marks for the events.

    Where the optimum is not unique the masses are those with the smallest sum of squares. Intervals without a proof
    that nothing was missed have a grey ground.

    Parameters
    ----------
    curves : list of tuple (betas, masses, signs)
        For every interval that is followed its strengths (n,), and masses (n, K) and signs (K,) of its directions.
    events : list of tuple (beta, kind)
    widths : list of tuple (upper, lower, m_star, M_star)
    unproven : list of tuple (upper, lower)

    Attributes
    ----------
    ax_, figure_, width_ax_, lines_, marks_, steps_
        After `plot`: the axes of the masses, their figure, the axes of the widths, the lines of the masses, the marks
        of the events by kind, and the steps of m* and M* by name.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import regularization_path
    >>> path = regularization_path(np.eye(3), [3, 4, -2], exact=True)
    >>> display = path.plot()
    >>> [(kind, len(marks.get_xdata())) for kind, marks in display.marks_.items()]
    [('enters', 2)]
    """

    def __init__(self, curves, events, widths, unproven):
        self.curves, self.events, self.widths, self.unproven = curves, events, widths, unproven

    @classmethod
    def from_path(cls, path, n_points=300):
        """Make the display of an `ExactPath`.

        Parameters
        ----------
        path : ExactPath
        n_points : int
            Points of the curves, by their share of the path in logarithms.
        """
        n_points = check_count(n_points, "n_points", minimum=2)
        whole = np.log(path.records[0].upper / path.records[-1].lower)
        curves = []
        for record in path.records:
            if record.followed == "not followed":
                continue
            share = np.log(record.upper / record.lower) / whole
            # A little inside: at an end the directions may be those of the next interval.
            inside = np.linspace(1e-9, 1.0 - 1e-9, MIN_POINTS + int(share * n_points))
            betas = record.upper * (record.lower / record.upper) ** inside
            points = [path.at(beta) for beta in betas]
            curves.append((betas, np.array([point.masses for point in points]), points[0].signs))
        return cls(
            curves,
            [(event.beta, event.kind) for event in path.events],
            [(record.upper, record.lower, record.m_star, record.M_star) for record in path.records],
            [(record.upper, record.lower) for record in path.records if record.followed != "proven"],
        )

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; the widths get an axis of their own.

        `kwargs` are properties of the lines of the masses.
        """
        ax = self._start(ax)
        self.width_ax_ = ax.twinx()
        for upper, lower in self.unproven:
            ax.axvspan(lower, upper, color=PALE, alpha=0.2, linewidth=0, zorder=0)
        self.lines_ = []
        for betas, masses, signs in self.curves:
            for values, sign in zip(masses.T, signs, strict=True):
                colours = {"color": INK, "linestyle": "-"} if sign > 0 else {"color": BLUE, "linestyle": "--"}
                self.lines_ += ax.plot(betas, values, **styled(Line2D, kwargs, linewidth=1.4, **colours))
        self._plot_events(ax)
        self._plot_widths(self.width_ax_)
        logarithmic(ax, [self.widths[0][0], self.widths[-1][1]])
        ax.set_xlabel("strength beta")
        ax.set_ylabel("mass of each optimal direction")
        n_open = len(self.unproven)
        words = (
            "proven to be all" if n_open == 0 else f"not proven to be all in {n_open} of {len(self.widths)} intervals"
        )
        ax.set_title(f"{len(self.events)} events, {words}", fontsize="medium")
        signs = np.concatenate([curve[2] for curve in self.curves]) if self.curves else np.zeros(0)
        handles = [Line2D([], [], color=INK, label="mass, positive output")] if np.any(signs > 0) else []
        if np.any(signs < 0):
            handles.append(Line2D([], [], color=BLUE, linestyle="--", label="mass, negative output"))
        handles += [*self.marks_.values(), *self.steps_.values()]
        below(self.width_ax_, 4, handles=handles)
        return self

    def _plot_events(self, ax):
        """Draw a row of marks over the curves, and a fine line at every event."""
        self.marks_ = {}
        top = max((float(masses.max(initial=0.0)) for _, masses, _ in self.curves), default=1.0)
        ax.set_ylim(0.0, 1.16 * top)
        for beta, _ in self.events:
            ax.axvline(beta, color=PALE, linewidth=0.5, linestyle=":", zorder=0)
        for kind, style in EVENT_MARKERS.items():
            at = [beta for beta, other in self.events if other == kind]
            if at:
                (self.marks_[kind],) = ax.plot(
                    at, np.full(len(at), 1.09 * top), color=INK, linestyle="", ms=5, label=kind, **style
                )

    def _plot_widths(self, ax):
        """Draw m* and M* as steps."""
        ends = np.array([(upper, lower) for upper, lower, _, _ in self.widths]).ravel()
        self.steps_ = {}
        for name, place, style in (("m*", 2, "-"), ("M*", 3, ":")):
            widths = np.repeat([np.nan if row[place] is None else row[place] for row in self.widths], 2)
            (self.steps_[name],) = ax.plot(ends, widths, color=ACCENT, linestyle=style, linewidth=1.2, label=name)
        ax.set_ylabel("neurons", color=ACCENT)
        ax.yaxis.get_major_locator().set_params(integer=True)
        known = [row[3] for row in self.widths if row[3] is not None]
        ax.set_ylim(0.0, 1.3 * max(known, default=1))
