"""The objective along a path of networks, beside the straight line between its ends."""

import numpy as np
from matplotlib.lines import Line2D

from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from ._style import ACCENT, INK, PALE, Display, styled

# Objectives whose ratio is above 30 are drawn on a logarithmic axis.
MAX_LINEAR_RATIO = 30.0
# Rises of 1e-13 of the objective are rounding.
OBJECTIVE_ROUNDING = 1e-13


class PathDisplay(Display):
    """The objective along a path of networks and along the straight line, in the weights, between its ends.

    Parameters
    ----------
    ts : ndarray of shape (n_points,)
        From 0 to 1, the knots among them.
    objectives, straight : ndarrays of shape (n_points,)
        ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` along the path and the straight line.
    knots : ndarray of shape (n_knots,)
        Where the legs of the path meet.

    Attributes
    ----------
    ax_, figure_, path_, straight_, knots_, least_
        After `plot`: the axes and their figure, the two lines, the marks of the knots, and the line at the smallest
        objective on the way.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import optimal_set
    >>> from convexnn.plotting import PathDisplay
    >>> found = optimal_set([[1, 0], [0, 1], [-1, 0], [0, -1]], np.ones(4), 0.1)
    >>> path = found.path(*(found.network(masses, width=4) for masses in found.vertices))
    >>> display = PathDisplay.from_path(path).plot()
    >>> round(float(np.ptp(display.path_.get_ydata())), 9)
    0.0
    """

    def __init__(self, ts, objectives, straight, knots):
        self.ts, self.knots = np.asarray(ts, dtype=float), np.asarray(knots, dtype=float)
        self.objectives, self.straight = np.asarray(objectives, dtype=float), np.asarray(straight, dtype=float)

    @classmethod
    def from_path(cls, path, n_points=201):
        """Make the display of a path, from `OptimalSet.path`, `descent_path`, `bezier_path` or `polygonal_path`.

        Parameters
        ----------
        path : NetworkPath or HeuristicCurve
        n_points : int
            Evenly spaced points besides the knots.

        Raises
        ------
        ValueError
            For None, which `OptimalSet.path` returns where there is no path.
        """
        if path is None:
            raise InvalidInputError("path must be a path; None says that the two networks lie in different components.")
        n_points = check_count(n_points, "n_points", minimum=2)
        # The knots are among the points: between them the objective is smooth, at them it may bend.
        ts = np.union1d(np.linspace(0.0, 1.0, n_points), path.knots)
        objectives = [path.objective(t) for t in ts]
        return cls(ts, objectives, [path.straight_objective(t) for t in ts], path.knots)

    def plot(self, ax=None, **kwargs):
        """Draw on `ax` (new axes by default) and return the display; `kwargs` are properties of the path's line."""
        ax = self._start(ax)
        (self.straight_,) = ax.plot(self.ts, self.straight, color=ACCENT, linestyle="--", label="straight line")
        (self.path_,) = ax.plot(
            self.ts, self.objectives, **styled(Line2D, kwargs, color=INK, linewidth=2.5, label="path")
        )
        heights = np.interp(self.knots, self.ts, self.objectives)
        (self.knots_,) = ax.plot(self.knots, heights, "o", color=INK, mfc="white", ms=4.5, label="knots of the path")
        self.least_ = ax.axhline(self.objectives.min(), color=PALE, linewidth=0.8, linestyle=":", zorder=0)
        values = np.append(self.objectives, self.straight)
        if values.min() > 0 and values.max() > MAX_LINEAR_RATIO * values.min():
            ax.set_yscale("log")
        ax.set_xlabel("share t of the way from the first network to the second")
        ax.set_ylabel("objective")
        ax.set_title(self._in_words(), fontsize="medium")
        ax.legend(frameon=False)
        return self

    def _in_words(self):
        """How far the path leads above its higher end, as far as the points tell."""
        end = max(self.objectives[0], self.objectives[-1])
        highest = self.objectives.max() - end
        over = f"{highest:.1e} above its higher end at most"
        if highest <= OBJECTIVE_ROUNDING * abs(end):
            over = "never above its higher end" + (", but for rounding" if highest > 0 else "")
        return f"Path: {over} (at {len(self.ts)} points)"
