"""The choice of a strength: what was judged, and what was chosen."""

import numpy as np
from matplotlib.lines import Line2D

from ._style import ACCENT, BLUE, INK, PALE, Display, below, logarithmic, styled


class BetaPathDisplay(Display):
    """The scores that ``beta="auto"`` judged over the strength, with bands of one standard error, and the choice.

    Parameters
    ----------
    curves : dict of str to tuple of ndarray
        For every kind of free terms the strengths, scores and standard errors, of shape (n_strengths,).
    chosen : tuple of float
        Strength and score of the choice.
    n_folds : int

    Attributes
    ----------
    ax_, figure_, lines_, bands_, chosen_
        After `plot`: the axes and their figure, the lines and bands by the kind of free terms, and the mark of the
        choice.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from convexnn import ConvexReLURegressor
    >>> from convexnn.plotting import BetaPathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ConvexReLURegressor(skip_connection=False).fit(X[:80, 2:4], y[:80])
    >>> display = BetaPathDisplay.from_path(model.beta_path_).plot()
    >>> list(display.lines_)
    ['without a skip connection']
    """

    def __init__(self, curves, chosen, n_folds):
        self.curves, self.chosen, self.n_folds = curves, chosen, n_folds

    @classmethod
    def from_path(cls, path):
        """Make the display of a `BetaPath`."""
        curves = {}
        for skip, name in ((False, "without a skip connection"), (True, "with a skip connection")):
            own = [record for record in path.records if record.skip_connection is skip]
            if own:
                rows = np.array([(record.beta, record.score, record.standard_error) for record in own])
                curves[name] = tuple(rows.T)
        return cls(curves, (path.best.beta, path.best.score), path.n_folds)

    @classmethod
    def from_estimator(cls, estimator):
        """Make the display of a fitted estimator with ``beta="auto"``."""
        return cls.from_path(estimator.beta_path_)

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; `kwargs` are properties of the lines."""
        ax = self._start(ax)
        self.lines_, self.bands_ = {}, {}
        for (name, (betas, scores, errors)), colour, dashes in zip(
            self.curves.items(), (INK, BLUE), ("-", "--"), strict=False
        ):
            style = styled(Line2D, kwargs, color=colour, linestyle=dashes, marker="o", ms=3, label=name)
            (self.lines_[name],) = ax.plot(betas, scores, **style)
            self.bands_[name] = ax.fill_between(
                betas, scores - errors, scores + errors, color=colour, alpha=0.12, linewidth=0
            )
        ax.axvline(self.chosen[0], color=PALE, linewidth=0.8, linestyle=":", zorder=0)
        (self.chosen_,) = ax.plot(
            *self.chosen, color=ACCENT, marker="D", ms=8, linestyle="", label=f"chosen: beta {_plain(self.chosen[0])}"
        )
        logarithmic(ax, np.concatenate([betas for betas, _, _ in self.curves.values()]))
        ax.set_xlabel("strength beta")
        ax.set_ylabel("share of the loss that is explained, held out")
        ax.set_title(f"judged in {self.n_folds} {'fold' if self.n_folds == 1 else 'folds'}", fontsize="medium")
        # Scores far below zero would hide the differences that decide.
        low = min(scores.min() for _, scores, _ in self.curves.values())
        ax.set_ylim(bottom=max(low, -0.2) - 0.05)
        below(ax, 3)
        return self


def _plain(number):
    """Return a number to three digits, without an exponent where it is neither large nor small."""
    return f"{float(f'{number:.3g}'):g}"
