"""The objective over a plane of networks."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from .._utils.validation import check_choice, check_count
from ._style import ACCENT, COLOURS, INK, Display

SURFACE_KINDS = ("contour", "surface")


class LandscapeDisplay(Display):
    """The logarithm of the objective over a plane in the space of the weights, and the networks that span it.

    Nothing is proven here: a slice shows what is on it.

    Parameters
    ----------
    first, second : ndarrays of shape (n_points,)
        Coordinates along the two directions.
    values : ndarray of shape (len(second), len(first))
        The objective.
    points : ndarray of shape (n_networks, 2)
        Where the networks are.
    heights : ndarray of shape (n_networks,), optional
        The objective there; by default at the nearest points of the grid.
    labels : pair of str
        Labels of the directions.

    Attributes
    ----------
    ax_, figure_, surface_, points_, colorbar_
        After `plot`: the axes and their figure, the filled contours or the surface, the marked networks, the colour
        bar.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import plane_grid
    >>> network = TwoLayerReLU([[1, 0], [0, 1]], [1, 1])
    >>> grid = plane_grid(network, [[1, 0], [0, 1]], [1, 1], 0.1, n_points=5, random_state=0)
    >>> display = grid.plot()
    >>> display.points_.get_xdata().tolist()
    [0.0]
    """

    def __init__(self, first, second, values, points, heights=None, labels=None):
        self.first, self.second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
        self.values, self.points = np.asarray(values, dtype=float), np.asarray(points, dtype=float).reshape(-1, 2)
        self.heights = self._nearest() if heights is None else np.asarray(heights, dtype=float)
        plane = ("along the first direction", "along the second direction")
        self.labels = plane if labels is None else tuple(labels)

    @classmethod
    def from_grid(cls, grid):
        """Make the display of a `PlaneGrid`, from `convexnn.landscape.plane_grid`."""
        unit = "weights, Euclidean length" if len(grid.points) > 1 else "in lengths of a random one"
        labels = [f"{name} direction ({unit})" for name in ("first", "second")]
        return cls(grid.first, grid.second, grid.values, grid.points, labels=labels)

    def plot(self, ax=None, *, kind="contour", n_levels=30, **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default; for a surface with ``projection="3d"``.
        kind : {"contour", "surface"}
        n_levels : int
            Number of contour levels.
        **kwargs
            Properties of the filled contours or of the surface.
        """
        check_choice(kind, "kind", SURFACE_KINDS)
        n_levels = check_count(n_levels, "n_levels")
        ax = self._start(ax, "3d" if kind == "surface" else None)
        (self._plot_contour if kind == "contour" else self._plot_surface)(ax, n_levels, kwargs)
        place = {} if kind == "contour" else {"pad": 0.02, "shrink": 0.75}
        label = "objective, logarithm to base 10"
        self.colorbar_ = ax.figure.colorbar(self.surface_, ax=ax, label=label, ticks=MaxNLocator(6), **place)
        ax.set_title("Objective on a plane of networks (a slice: it proves nothing)", fontsize="medium")
        return self

    def _plot_contour(self, ax, n_levels, kwargs):
        style = {"levels": n_levels, "cmap": COLOURS} | kwargs
        self.surface_ = ax.contourf(self.first, self.second, _logarithm(self.values), **style)
        ax.set(xlabel=self.labels[0], ylabel=self.labels[1])
        (self.points_,) = ax.plot(*self.points.T, "o", color=ACCENT, mec="white", ms=8)
        for point, name in zip(self.points, "abc", strict=False):
            box = {"facecolor": INK, "edgecolor": "none", "alpha": 0.6, "pad": 1.5}
            style = {"color": "white", "weight": "bold", "bbox": box}
            ax.annotate(name, point, xytext=(8, 6), textcoords="offset points", **style)

    def _plot_surface(self, ax, _, kwargs):
        style = {"cmap": COLOURS, "linewidth": 0, "rcount": 120, "ccount": 120, "alpha": 0.85} | kwargs
        heights = _logarithm(self.values)
        self.surface_ = ax.plot_surface(*np.meshgrid(self.first, self.second), heights, **style)
        # The networks stand on the surface, at the objective of the grid's nearest points.
        at = *self.points.T, _logarithm(self.heights)
        (self.points_,) = ax.plot(*at, "o", color=ACCENT, mec="white", ms=8, zorder=10)
        for *place, name in zip(*at, "abc", strict=False):
            ax.text(*place, f"  {name}", weight="bold", zorder=11)
        for axis, label in ((ax.xaxis, self.labels[0]), (ax.yaxis, self.labels[1]), (ax.zaxis, "")):
            axis.set_label_text(label.replace(" (", "\n("))
            axis.set_major_locator(MaxNLocator(4))
            axis.labelpad = 12
        ax.set_box_aspect(None, zoom=0.8)
        ax.view_init(38, -60)

    def _nearest(self):
        """The objective at the points of the grid next to the networks."""
        # The grid need not contain the networks: the nearest point stands for each.
        columns = np.abs(self.points[:, :1] - self.first).argmin(axis=1)
        rows = np.abs(self.points[:, 1:] - self.second).argmin(axis=1)
        return self.values[rows, columns]


def _logarithm(values):
    return np.log10(np.maximum(values, np.finfo(float).tiny))
