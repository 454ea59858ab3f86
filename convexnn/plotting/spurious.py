"""Spurious minima of the teacher-student loss: how often gradient descent ends there."""

import numpy as np

from ._style import ACCENT, INK, Display

# Colour, marker of our shares, marker of the published ones.
SERIES_STYLES = ((INK, "o", "s"), (ACCENT, "^", "D"))


class SpuriousTableDisplay(Display):
    """The share of spurious ends over the number of teachers, beside the published figures.

    Parameters
    ----------
    curves : dict
        From the number of students beyond k to an ndarray of shape (4, n_sizes): k, share, standard error and
        published share (NaN where there is none).
    n_runs : int

    Attributes
    ----------
    ax_, figure_, shares_, published_
        After `plot`: the axes and their figure, the error bars and the published points by the number of students
        beyond k.

    Examples
    --------
    >>> from convexnn.landscape import spurious_table
    >>> from convexnn.plotting import SpuriousTableDisplay
    >>> table = spurious_table([2, 3], n_runs=5, random_state=0)
    >>> display = SpuriousTableDisplay.from_table(table).plot()
    >>> display.shares_[0].lines[0].get_xdata().tolist()
    [2.0, 3.0]
    """

    def __init__(self, curves, n_runs):
        self.curves, self.n_runs = curves, n_runs

    @classmethod
    def from_table(cls, table):
        """Make the display of a `SpuriousTable`."""
        curves = {}
        for record in table.records:
            figures = (record.k, record.share, record.standard_error, record.published_share)
            curves.setdefault(record.n_students - record.k, []).append(figures)
        return cls({extra: np.array(rows, dtype=float).T for extra, rows in curves.items()}, table.records[0].n_runs)

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; `kwargs` are properties of the error bars."""
        ax = self._start(ax)
        self.shares_, self.published_ = {}, {}
        for place, (extra, (k, share, error, published)) in enumerate(self.curves.items()):
            colour, ours, theirs = SERIES_STYLES[place % 2]
            name = f"n = k + {extra}" if extra else "n = k"
            label = f"{name}, {self.n_runs} runs each"
            style = {"color": colour, "fmt": ours, "ms": 4, "capsize": 3, "label": label} | kwargs
            self.shares_[extra] = ax.errorbar(k, 100 * share, yerr=100 * error, **style)
            if not np.all(np.isnan(published)):
                (self.published_[extra],) = ax.plot(
                    k, 100 * published, theirs, color=colour, ms=9, mfc="none", label=f"{name}, published"
                )
        ax.set_xlabel("k: teachers, and dimensions of the input")
        ax.set_ylabel("runs that end at a spurious minimum, %")
        ax.set_title("Ends of gradient descent (bars: one standard error)", fontsize="medium")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False)
        return self
