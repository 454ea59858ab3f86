"""The function that a fitted network computes, with its kinks and the data."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from sklearn.base import is_classifier

from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from ._estimators import last_step, slice_of
from ._style import ACCENT, COLOURS, INK, PALE, Display, styled


class NetworkDisplay(Display):
    """The function of a fitted network over one or two features, its kinks and the data.

    A kink is where a neuron switches on: the zeros of ``[x, 1] u_j``. Between the kinks the function is linear in
    what the network gets. Further features are held at `at`.

    Parameters
    ----------
    grid : list of ndarray
        Values of the one feature, or of the two.
    values : ndarray of shape (len(grid[0]),) or (len(grid[1]), len(grid[0]))
        The function on the grid.
    preactivations : ndarray of shape (n_kinks, len(grid[0])) or (n_kinks, len(grid[1]), len(grid[0]))
        ``[x, 1] u_j`` on the grid, of the neurons that depend on x.
    points, targets : ndarray of shape (n_samples, len(grid)) and (n_samples,)
        The data.
    labels : list of str
        Labels of the features, then of the target.
    title : str, optional

    Attributes
    ----------
    ax_, figure_, points_, surface_, kinks_
        After `plot`: the axes and their figure, the scattered data, the filled contours (None for one feature) and
        what marks the kinks.
    line_, colorbar_
        The line of the function (None for two features); the colour bar, where one was asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import ConvexReLURegressor
    >>> from convexnn.plotting import NetworkDisplay
    >>> X = np.linspace(-1, 1, 9)[:, None]
    >>> model = ConvexReLURegressor(beta=0.1).fit(X, np.abs(X[:, 0]))
    >>> display = NetworkDisplay.from_estimator(model, X, np.abs(X[:, 0]), features=[0]).plot()
    >>> len(display.kinks_[0].get_xdata())
    2
    """

    def __init__(self, grid, values, preactivations, points, targets, labels, title=None):
        self.grid, self.values, self.preactivations = grid, values, preactivations
        self.points, self.targets, self.labels, self.title = points, targets, labels, title

    @classmethod
    def from_estimator(cls, estimator, X, y, *, features=(0, 1), at=None, labels=None, n_points=200, output=None):
        """Make the display of a fitted regressor, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : ConvexReLURegressor, GatedReLURegressor, MinNormReLUInterpolator or Pipeline
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it, in the units in which it is to be drawn.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        features : sequence of one or two int or str
            The columns to draw; by name where X is a DataFrame.
        at : array-like of shape (n_features,), optional
            Where the other features are held; the medians of X by default.
        labels : sequence of str, optional
            Labels of the drawn features and the target; by default the features' names or numbers, in no units.
        n_points : int
            Points of the grid along each feature.
        output : int, optional
            The target to draw, where there are several.

        Raises
        ------
        ValueError
            When there is no such picture: for classifiers (see `DecisionRegionDisplay`), and for features, outputs
            or labels that do not fit.
        NotFittedError
            When the estimator is not fitted.
        """
        model = last_step(estimator)
        if is_classifier(model):
            raise InvalidInputError("estimator must be a regressor; DecisionRegionDisplay draws classifiers.")
        view = slice_of(estimator, X, features, at, n_points)
        values, targets = _one_output(estimator.predict(view.rows), np.asarray(y, dtype=float), output)
        if targets.shape != (len(view.points),):
            raise InvalidInputError(f"y must have {len(view.points)} entries, one per row of X; got {targets.shape}.")
        labels = [*view.names, "y"] if labels is None else [str(label) for label in labels]
        if len(labels) != len(view.grid) + 1:
            raise InvalidInputError(f"labels must name {len(view.grid)} feature(s) and the target; got {labels}.")
        kinks = view.preactivations(estimator)
        return cls(view.grid, values.reshape(view.shape), kinks, view.points, targets, labels, _title(view, model, at))

    def plot(self, ax=None, *, limits=None, colorbar=None, **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        limits : pair of float, optional
            What the colours of a surface span; the range of the targets by default.
        colorbar : bool, optional
            Whether a surface gets a colour bar; by default on new axes only.
        **kwargs
            Properties of the line, or of the filled contours.
        """
        colorbar = ax is None if colorbar is None else colorbar
        ax = self._start(ax)
        self.line_ = self.colorbar_ = self.surface_ = None
        if len(self.grid) == 1:
            self._plot_curve(ax, kwargs)
        else:
            self._plot_surface(ax, limits, kwargs)
            if colorbar:
                self._plot_colorbar(ax)
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        if self.title is not None:
            ax.set_title(self.title, fontsize="medium")
        return self

    def _plot_colorbar(self, ax):
        # A locator would put ticks into the pointed ends, where they collide.
        low, high = self.surface_.get_clim()
        ticks = [tick for tick in MaxNLocator(6).tick_values(low, high) if low <= tick <= high]
        label = f"{self.labels[2]}\n(area: network, points: data)"
        self.colorbar_ = ax.figure.colorbar(self.surface_, ax=ax, label=label, ticks=ticks)

    def _plot_curve(self, ax, kwargs):
        x = self.grid[0]
        self.points_ = ax.scatter(self.points[:, 0], self.targets, s=14, color=PALE, alpha=0.6, linewidth=0)
        (self.line_,) = ax.plot(x, self.values, **styled(Line2D, kwargs, color=INK, linewidth=2.5))
        # A neuron over one feature is a straight line: its kink is where that is zero.
        at = [_zero(x, line) for line in self.preactivations if line.min() < 0 < line.max()]
        self.kinks_ = ax.plot(at, np.interp(at, x, self.values), "o", color=ACCENT, markeredgecolor="white", ms=9)
        for place in at:
            ax.axvline(place, color=ACCENT, linewidth=0.8, linestyle="--", zorder=0)

    def _plot_surface(self, ax, limits, kwargs):
        low, high = (self.targets.min(), self.targets.max()) if limits is None else limits
        # Colours span the targets, so that network and data share one scale.
        levels = np.linspace(low, high if high > low else low + 1.0, 21)
        style = {"levels": levels, "cmap": COLOURS, "extend": "both"} | kwargs
        self.surface_ = ax.contourf(*self.grid, self.values, **style)
        ax.contour(*self.grid, self.values, levels=levels, colors="white", linewidths=0.4, alpha=0.5)
        self.kinks_ = draw_switches(ax, self.grid, self.preactivations)
        self.points_ = ax.scatter(
            *self.points.T, c=self.targets, cmap=COLOURS, vmin=low, vmax=high, s=22, edgecolor="white", linewidth=0.7
        )


def draw_switches(ax, grid, preactivations, colour=ACCENT):
    """Draw where neurons switch, inside the grid, and return the contour sets."""
    crossing = [plane for plane in preactivations if plane.min() < 0 < plane.max()]
    style = {"colors": colour, "linewidths": 1.8, "linestyles": "--"}
    lines = [ax.contour(*grid, plane, levels=[0.0], **style) for plane in crossing]
    for line in lines:
        line.set_path_effects([withStroke(linewidth=3.4, foreground="white")])  # so that lines are seen in grey
    return lines


def _one_output(values, targets, output):
    """Return the values and the targets of one output."""
    if values.ndim == 1 or values.shape[1] == 1:
        return values.ravel(), targets.reshape(-1) if targets.ndim == 2 and targets.shape[1] == 1 else targets
    if output is None or check_count(output, "output", minimum=0) >= values.shape[1]:
        raise InvalidInputError(f"output must be from 0 to {values.shape[1] - 1}, one of the targets; got {output!r}.")
    if targets.ndim != 2 or targets.shape[1] != values.shape[1]:
        raise InvalidInputError(f"y must have the {values.shape[1]} targets of the fit; got shape {targets.shape}.")
    return values[:, output], targets[:, output]


def _title(view, model, at):
    certificate = getattr(model, "certificate_", None)
    return None if certificate is None else view.title(certificate, at)


def _zero(x, line):
    """Return where a straight line given on the grid x is zero."""
    slope = (line[-1] - line[0]) / (x[-1] - x[0])
    return x[0] - line[0] / slope
