"""Labels of the ends of gradient descent, by width: shares of each beside the optimal set of that width."""

import numpy as np

from ..exceptions import InvalidInputError
from ._style import ACCENT, BLUE, INK, ORANGE, PALE, SKY, Display, below

# Colours and hatches of the labels; the best ends are at the bottom.
LABEL_STYLES = {
    "global": (BLUE, ""),
    "saddle": ("#e3e7ee", ".."),
    "local-escapable": (SKY, "//"),
    "local-strict": (ACCENT, "xx"),
    "not-stationary": (ORANGE, "++"),
}
# The 4 labels of stationary points are always in the legend.
N_LABELS_SHOWN = 4


class WidthLabelsDisplay(Display):
    """The labels of the ends of gradient descent at every width, as stacked shares of the runs.

    Above each bar stands the number of components of the set of optimal networks of that width; lines mark m* and M*.
    A label is no reading of eigenvalues but follows from the price of the end's own dual point, see
    `convexnn.landscape.classify`; *global* is proven where the optimum is.

    Parameters
    ----------
    widths : sequence of int
    shares : dict of str to ndarray of shape (n_widths,)
        Shares of the runs, from 0 to 1, by label.
    n_runs : int
    n_components : sequence of int or None
        Number of components of the set of optimal networks of each width.
    proof : str
        Proof of the optimum.
    m_star, M_star : int or None

    Attributes
    ----------
    ax_, figure_, bars_, counts_, marks_
        After `plot`: the axes and their figure, the bars by label, the texts with the numbers of components, and the
        lines at m* and M* by name.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import width_sweep
    >>> from convexnn.plotting import WidthLabelsDisplay
    >>> X, y = np.array([[-np.sqrt(3), 1], [np.sqrt(3), 1]]), np.ones(2)
    >>> sweep = width_sweep(X, y, 0.1, [1, 2, 3], n_runs=4, labels=True, random_state=0)
    >>> display = WidthLabelsDisplay.from_sweep(sweep).plot()
    >>> [text.get_text() for text in display.counts_]
    ['1', '3', '1']
    """

    def __init__(self, widths, shares, n_runs, n_components, proof, m_star, M_star):
        self.widths, self.shares, self.n_runs = np.asarray(widths), dict(shares), n_runs
        self.n_components, self.proof, self.m_star, self.M_star = list(n_components), proof, m_star, M_star

    @classmethod
    def from_sweep(cls, sweep):
        """Make the display of a `WidthSweep` that has labels.

        Raises
        ------
        ValueError
            When the sweep was made without ``labels=True``.
        """
        records = sweep.records
        if not all(record.labels for record in records):
            raise InvalidInputError("sweep must have labels; make it with width_sweep(..., labels=True).")
        shares = {name: np.array([np.mean(np.array(r.labels) == name) for r in records]) for name in LABEL_STYLES}
        first = records[0]
        components = [record.n_components for record in records]
        widths, n_runs = [record.width for record in records], len(first.labels)
        return cls(widths, shares, n_runs, components, first.proof, first.m_star, first.M_star)

    def plot(self, ax=None, **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        **kwargs
            Properties of all bars.
        """
        ax = self._start(ax)
        places, bottom = np.arange(len(self.widths)), np.zeros(len(self.widths))
        self.bars_ = {}
        for number, (name, (colour, hatch)) in enumerate(LABEL_STYLES.items()):
            # Bars on top of each other, in the order of the styles: they add up to 100.
            share = 100 * self.shares.get(name, np.zeros(len(places)))
            if number < N_LABELS_SHOWN or np.any(share):
                edge = PALE if name == "saddle" else "white"
                style = {"color": colour, "hatch": hatch, "edgecolor": edge, "width": 0.75, "label": name} | kwargs
                self.bars_[name] = ax.bar(places, share, bottom=bottom, **style)
                bottom = bottom + share
        self._count(ax)
        self._mark(ax)
        ax.set_xticks(places, [str(width) for width in self.widths])
        ax.set(xlim=(-0.6, len(places) - 0.4), ylim=(0, 112), yticks=range(0, 101, 20))
        ax.set(xlabel="width (hidden neurons)", ylabel="share of the runs (%)")
        known = "optimum proven" if self.proof == "exact" else f"optimum not proven ({self.proof})"
        above = "\nabove the bars: components of the set of optimal networks" if self.counts_ else ""
        title = f"Labels of the ends of {self.n_runs} runs of gradient descent ({known}){above}"
        ax.set_title(title, fontsize="medium")
        below(ax, 3)
        return self

    def _count(self, ax):
        """Write the numbers of components above the bars."""
        self.counts_ = []
        if any(count is not None for count in self.n_components):
            for place, count in enumerate(self.n_components):
                text = "?" if count is None else _short(count)
                self.counts_.append(ax.text(place, 102, text, ha="center", va="bottom", fontsize="small", color=INK))

    def _mark(self, ax):
        known = {"m*": self.m_star, "M*": self.M_star}
        if self.m_star is not None and self.m_star == self.M_star:
            known = {"m* = M*": self.m_star}
        self.marks_ = {}
        for (name, width), style in zip(known.items(), ("--", ":"), strict=False):
            if width is not None and self.widths[0] <= width <= self.widths[-1]:
                place = np.searchsorted(self.widths, width) - 0.5  # left of the first bar that is as wide
                label = f"{name} = {width}: from here on"
                self.marks_[name] = ax.axvline(place, color=INK, ls=style, lw=1.6, label=label)


def _short(count):
    return str(count) if count < 10**6 else f"{float(count):.1e}" if count < 10**300 else "> 1e300"
