"""The objective along a path of networks, beside the straight line between its ends."""

import numpy as np

from ._style import ACCENT, INK, PALE, axes_or_new

STEEP = 30.0  # from here on the ratio of the objectives asks for a logarithmic axis


class PathDisplay:
    """The objective along a `NetworkPath` and along the straight line, in the weights, between the same two networks.

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
    ax_, path_, straight_, knots_
        After `plot`: the axes, the two lines and the marks of the knots.
    """

    def __init__(self, ts, objectives, straight, knots):
        self.ts, self.knots = np.asarray(ts, dtype=float), np.asarray(knots, dtype=float)
        self.objectives, self.straight = np.asarray(objectives, dtype=float), np.asarray(straight, dtype=float)

    @classmethod
    def from_path(cls, path, n_points=201):
        """Make the display of a `NetworkPath`, from `OptimalSet.path` or `descent_path`.

        Parameters
        ----------
        path : NetworkPath
        n_points : int
            Evenly spaced points besides the knots.
        """
        ts = np.union1d(np.linspace(0.0, 1.0, n_points), path.knots)
        objectives = [path.objective(t) for t in ts]
        return cls(ts, objectives, [path.straight_objective(t) for t in ts], path.knots)

    def plot(self, ax=None):
        """Draw on `ax` (new axes by default) and return the display."""
        self.ax_ = ax = axes_or_new(ax)
        (self.straight_,) = ax.plot(self.ts, self.straight, color=ACCENT, linestyle="--", label="straight line")
        (self.path_,) = ax.plot(self.ts, self.objectives, color=INK, linewidth=2.5, label="path")
        heights = np.interp(self.knots, self.ts, self.objectives)
        (self.knots_,) = ax.plot(self.knots, heights, "o", color=INK, mfc="white", ms=4.5, label="knots of the path")
        ax.axhline(self.objectives.min(), color=PALE, linewidth=0.8, linestyle=":", zorder=0)
        values = np.append(self.objectives, self.straight)
        if values.min() > 0 and values.max() > STEEP * values.min():
            ax.set_yscale("log")
        ax.set_xlabel("way from the first network to the second")
        ax.set_ylabel("objective")
        ax.legend(frameon=False)
        return self
