"""Sweeps: what gradient descent finds at every width, and how the optimum changes with the strength."""

from itertools import groupby

import numpy as np
from matplotlib.lines import Line2D

from ..duality.records import LARGEST_OPTIMAL_GAP
from ._style import ACCENT, GOLDEN_RATIO, INK, PALE, SHADES, Display, below, logarithmic, styled

# Runs are spread by 0.3 of the distance between two widths.
WIDTH_SPREAD = 0.3
# Relative gaps above 5e-3 are seen in a picture.
MIN_VISIBLE_GAP = 5e-3


class WidthSweepDisplay(Display):
    """The final objective of every run over the width, above the proven optimum.

    The widths stand at equal distances. The background tells the regime of the set of optimal networks of each width
    (see `OptimalSet.staircase`), a figure over each width the share of the runs that reached the optimum.

    Parameters
    ----------
    widths : ndarray of int of shape (n_widths,)
    objectives : list of ndarray of shape (n_runs,)
        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` at the end of every run, by width.
    shares : ndarray of shape (n_widths,)
        Shares of the runs that reached the optimum.
    regimes : list of str or None
    optimal_value : float
    proof : str
    m_star, M_star : int or None
    method : str
        What the runs are of.

    Attributes
    ----------
    ax_, figure_, points_, optimum_, marks_
        After `plot`: the axes and their figure, the dots of all runs, the line at the optimal value, and the lines at
        m* and M* by name (``"m* = M*"`` where they are one).

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import width_sweep
    >>> from convexnn.plotting import WidthSweepDisplay
    >>> X, y = np.array([[-np.sqrt(3), 1], [np.sqrt(3), 1]]), np.ones(2)
    >>> sweep = width_sweep(X, y, 0.1, [1, 2, 3], n_runs=4, random_state=0)
    >>> display = WidthSweepDisplay.from_sweep(sweep).plot()
    >>> len(display.points_.get_offsets())
    12
    """

    def __init__(
        self, widths, objectives, shares, regimes, optimal_value, proof, m_star, M_star, method="gradient descent"
    ):
        self.widths, self.objectives, self.shares, self.regimes = np.asarray(widths), objectives, shares, regimes
        self.optimal_value, self.proof, self.m_star, self.M_star = optimal_value, proof, m_star, M_star
        self.method = method

    @classmethod
    def from_sweep(cls, sweep):
        """Make the display of a `WidthSweep`."""
        records = sweep.records
        first = records[0]
        return cls(
            [record.width for record in records],
            [np.array(record.objectives) for record in records],
            np.array([record.share_reached for record in records]),
            [record.regime for record in records],
            first.optimal_value,
            first.proof,
            first.m_star,
            first.M_star,
            "gradient descent" if first.n_outputs == 1 else "L-BFGS",
        )

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; `kwargs` are properties of the dots."""
        ax = self._start(ax)
        self._shade(ax)
        places = np.concatenate([k + _jitter(len(values)) for k, values in enumerate(self.objectives)])
        values = np.concatenate(self.objectives)
        style = {"s": 12, "color": INK, "alpha": 0.55, "linewidth": 0, "label": "a run", "zorder": 3} | kwargs
        self.points_ = ax.scatter(places, values, **style)
        label = "p*" if self.proof == "exact" else "best value known (not proven)"
        self.optimum_ = ax.axhline(self.optimal_value, color=ACCENT, linewidth=1.5, label=label, zorder=2)
        self._mark(ax)
        for k, share in enumerate(self.shares):
            ax.annotate(f"{share:.0%}", (k, 0.9), **_ABOVE)
        ax.set_xticks(range(len(self.widths)), [str(width) for width in self.widths])
        ax.set_xlim(-0.5, len(self.widths) - 0.5)
        ax.set_ylim(*_with_room(values.min(), values.max(), self.optimal_value))
        ax.set_xlabel("width (hidden neurons); above: the share of the runs that came close to p*")
        ax.set_ylabel("objective at the end of a run")
        known = "optimum proven" if self.proof == "exact" else f"optimum not proven ({self.proof})"
        n_runs = max(len(values) for values in self.objectives)
        ax.set_title(f"Ends of {n_runs} runs of {self.method} at every width ({known})", fontsize="medium")
        below(ax, 4)
        return self

    def _shade(self, ax):
        """Give every regime its background and its name."""
        for regime, group in groupby(enumerate(self.regimes), key=lambda pair: pair[1]):
            places = [place for place, _ in group]
            if regime is not None:
                ax.axvspan(places[0] - 0.5, places[-1] + 0.5, facecolor=SHADES[regime], edgecolor="white", zorder=0)
                ax.annotate(regime, (np.mean(places), 0.97), style="italic", **_ABOVE)

    def _mark(self, ax):
        """Draw lines at m* and M*, where they are known and inside the picture."""
        known = [("m*", self.m_star, "--"), ("M*", self.M_star, ":")]
        if self.m_star is not None and self.m_star == self.M_star:
            known = [("m* = M*", self.m_star, "--")]
        self.marks_ = {}
        for name, width, style in known:
            if width is not None and self.widths[0] <= width <= self.widths[-1]:
                place = np.interp(width, self.widths, np.arange(len(self.widths)))
                label = f"{name} = {width}"
                self.marks_[name] = ax.axvline(place, ymax=0.83, color=INK, linewidth=1.2, linestyle=style, label=label)


_ABOVE = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "top", "fontsize": "small", "color": INK}


class RegularizationPathDisplay(Display):
    """The optimal value, its two parts, and the widths m* and M* over the strength.

    Parameters
    ----------
    betas : ndarray of shape (n_betas,)
    values : dict
        From label to ndarray of shape (n_betas,): the optimal value, the loss and the penalty.
    widths : dict
        ``"m*"`` and ``"M*"``, ndarrays of shape (n_betas,), NaN where they are not known.
    unique : ndarray of shape (n_betas,)
        Whether the optimum is unique: 1, 0, or NaN where that is not known.
    changes : ndarray of shape (n_changes,)
        Strengths at which m*, M* or uniqueness change.
    lower_bounds : ndarray of shape (n_betas,), optional
        What is proven to be below every network's objective.

    Attributes
    ----------
    ax_, figure_, width_ax_, lines_, steps_, marks_
        After `plot`: the axes of the values, their figure, the axes of the widths, the lines by label, the steps by
        name, and the markers of the strengths with a unique optimum, with several, and with an unknown number.
    bound_
        The line of the lower bounds, where one is so loose that it can be seen; else None.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import regularization_path
    >>> from convexnn.plotting import RegularizationPathDisplay
    >>> path = regularization_path([[-np.sqrt(3), 1], [np.sqrt(3), 1]], [1, 1], [0.4, 0.1])
    >>> display = RegularizationPathDisplay.from_path(path).plot()
    >>> display.ax_.get_title()
    '2 of 2 optima proven'
    """

    def __init__(self, betas, values, widths, unique, changes, lower_bounds=None):
        self.betas, self.values, self.widths = np.asarray(betas), values, widths
        self.unique, self.changes = np.asarray(unique), np.asarray(changes)
        self.lower_bounds = None if lower_bounds is None else np.asarray(lower_bounds, dtype=float)

    @classmethod
    def from_path(cls, path):
        """Make the display of a `RegularizationPath`."""

        def column(name):
            return np.array([getattr(record, name) for record in path.records], dtype=float)

        return cls(
            column("beta"),
            {"p*": column("optimal_value"), "loss": column("loss"), "penalty": column("penalty")},
            {"m*": column("m_star"), "M*": column("M_star")},
            column("is_unique"),
            # A change lies between two strengths: it is drawn at their geometric mean.
            np.unique([np.sqrt(change.beta_before) * np.sqrt(change.beta_after) for change in path.changes]),
            column("lower_bound"),
        )

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; the widths get an axis of their own.

        `kwargs` are properties of the lines of the values.
        """
        ax = self._start(ax)
        self.width_ax_ = ax.twinx()
        for place in self.changes:
            ax.axvline(place, color=PALE, linewidth=0.8, linestyle=":", zorder=0)
        self.lines_ = {}
        for (label, values), dashes in zip(self.values.items(), ("-", "--", "-."), strict=True):
            style = styled(Line2D, kwargs, color=INK, linestyle=dashes, label=label)
            (self.lines_[label],) = ax.plot(self.betas, values, **style)
        self._plot_bounds(ax)
        self._plot_widths(self.width_ax_)
        logarithmic(ax, self.betas)
        ax.set_xlabel("strength beta")
        ax.set_ylabel("optimal value and its parts")
        ax.set_ylim(bottom=0)
        handles = [handle for axes in (ax, self.width_ax_) for handle in axes.get_legend_handles_labels()[0]]
        below(self.width_ax_, 4, handles=handles)
        return self

    def _plot_bounds(self, ax):
        """Say how many optima are proven; draw the lower bounds where they can be told from the values."""
        self.bound_ = None
        if self.lower_bounds is None:
            return
        values = self.values["p*"]
        gaps = (values - self.lower_bounds) / np.where(values > 0, values, 1.0)
        n_proven = int(np.sum(gaps <= LARGEST_OPTIMAL_GAP))
        ax.set_title(f"{n_proven} of {len(gaps)} optima proven", fontsize="medium")
        if n_proven < len(gaps):
            self.lines_["p*"].set_label("p*, or the best value known")
        if gaps.max() > MIN_VISIBLE_GAP:
            (self.bound_,) = ax.plot(self.betas, self.lower_bounds, color=PALE, lw=1.2, label="proven lower bound")
            ax.fill_between(self.betas, self.lower_bounds, values, color=PALE, alpha=0.25, linewidth=0)

    def _plot_widths(self, ax):
        """Draw m* and M* as steps that change where the path does, and on m* a marker for every strength."""
        order = np.argsort(self.betas)
        self.steps_ = {}
        for (name, widths), style in zip(self.widths.items(), ("-", ":"), strict=True):
            label = "_" + name if np.all(np.isnan(widths)) else name  # not in the legend where nothing is known
            (self.steps_[name],) = ax.plot(
                self.betas[order], widths[order], drawstyle="steps-mid", color=ACCENT, linestyle=style, label=label
            )
        # Strengths without a known m* are marked on the axis.
        at = np.where(np.isnan(self.widths["m*"]), 0.0, self.widths["m*"])
        kinds = {
            "one optimal network": (self.unique == 1, {"marker": "o", "markerfacecolor": ACCENT}),
            "several": (self.unique == 0, {"marker": "o", "markerfacecolor": "white"}),
            "not known": (np.isnan(self.unique), {"marker": "x"}),
        }
        self.marks_ = {
            label: ax.plot(self.betas[chosen], at[chosen], color=ACCENT, linestyle="", ms=6, label=label, **style)[0]
            for label, (chosen, style) in kinds.items()
            if np.any(chosen)
        }
        ax.set_ylabel("neurons", color=ACCENT)
        ax.yaxis.get_major_locator().set_params(integer=True)
        known = np.concatenate([widths[~np.isnan(widths)] for widths in self.widths.values()])
        ax.set_ylim(-0.15, 1.06 * max(1.0, known.max(initial=1.0)))
        if len(known) == 0:
            ax.set_yticks([])
            ax.set_ylabel("neurons: not known", color=ACCENT)


def _jitter(n_runs):
    """Places of the dots of one width around it, spread evenly by the golden ratio: the same every time."""
    return WIDTH_SPREAD * (2 * ((np.arange(n_runs) * GOLDEN_RATIO) % 1.0) - 1)


def _with_room(low, high, optimum):
    """Return limits that leave room for the regimes' names above."""
    low, high = min(low, optimum), max(high, optimum)
    size = (high - low) or abs(high) or 1.0
    return low - 0.06 * size, high + 0.3 * size
