"""The function that a fitted network computes, with its kinks and the data."""

import numpy as np
from sklearn.pipeline import Pipeline

from ..exceptions import InvalidInputError
from ._estimators import last_step
from ._style import ACCENT, COLOURS, INK, PALE, axes_or_new


class NetworkDisplay:
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
        Of the features, then of the target.

    Attributes
    ----------
    ax_, points_, surface_, kinks_
        After `plot`: the axes, the scattered data, the filled contours (None for one feature) and what marks the
        kinks.
    """

    def __init__(self, grid, values, preactivations, points, targets, labels):
        self.grid, self.values, self.preactivations = grid, values, preactivations
        self.points, self.targets, self.labels = points, targets, labels

    @classmethod
    def from_estimator(cls, estimator, X, y, *, features=(0, 1), at=None, labels=None, n_points=200):
        """Make the display of a fitted estimator, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : ConvexReLURegressor or Pipeline
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it, in the units in which it is to be drawn.
        y : array-like of shape (n_samples,)
        features : sequence of one or two int
            The columns to draw.
        at : array-like of shape (n_features,), optional
            Where the other features are held; the medians of X by default.
        labels : sequence of str, optional
            Of the drawn features and the target; by default the features' names or numbers.
        n_points : int
            Points of the grid along each feature.
        """
        table, features = np.asarray(X, dtype=float), list(features)
        if len(features) not in (1, 2) or not all(0 <= k < table.shape[1] for k in features):
            raise InvalidInputError(f"features must be one or two columns of X, {table.shape[1]} wide; got {features}.")
        names = getattr(estimator, "feature_names_in_", [f"feature {k}" for k in range(table.shape[1])])
        labels = [*(names[k] for k in features), "y"] if labels is None else list(labels)
        grid = [_around(table[:, k], n_points) for k in features]
        axes = np.meshgrid(*grid)
        rows = np.tile(np.median(table, axis=0) if at is None else np.asarray(at, dtype=float), (axes[0].size, 1))
        rows[:, features] = np.column_stack([axis.ravel() for axis in axes])
        rows = type(X)(rows, columns=X.columns) if hasattr(X, "columns") else rows
        values = estimator.predict(rows).reshape(axes[0].shape)
        preactivations = _preactivations(estimator, rows).reshape(-1, *axes[0].shape)
        return cls(grid, values, preactivations, table[:, features], np.asarray(y, dtype=float), labels)

    def plot(self, ax=None, *, limits=None):
        """Draw on `ax` (new axes by default), colours spanning `limits`, and return the display."""
        ax = axes_or_new(ax)
        if len(self.grid) == 1:
            self._plot_curve(ax)
        else:
            self._plot_surface(ax, limits)
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        self.ax_ = ax
        return self

    def _plot_curve(self, ax):
        x = self.grid[0]
        self.surface_ = None
        self.points_ = ax.scatter(self.points[:, 0], self.targets, s=14, color=PALE, alpha=0.6, linewidth=0)
        ax.plot(x, self.values, color=INK, linewidth=2.5)
        at = [_zero(x, line) for line in self.preactivations if line.min() < 0 < line.max()]
        self.kinks_ = ax.plot(at, np.interp(at, x, self.values), "o", color=ACCENT, markeredgecolor="white", ms=9)
        for place in at:
            ax.axvline(place, color=ACCENT, linewidth=0.8, linestyle="--", zorder=0)

    def _plot_surface(self, ax, limits):
        low, high = (self.targets.min(), self.targets.max()) if limits is None else limits
        levels = np.linspace(low, high, 21)
        self.surface_ = ax.contourf(*self.grid, self.values, levels=levels, cmap=COLOURS, extend="both")
        ax.contour(*self.grid, self.values, levels=levels, colors="white", linewidths=0.4, alpha=0.5)
        crossing = [plane for plane in self.preactivations if plane.min() < 0 < plane.max()]
        self.kinks_ = [
            ax.contour(*self.grid, plane, levels=[0.0], colors=ACCENT, linewidths=2, linestyles="--")
            for plane in crossing
        ]
        self.points_ = ax.scatter(
            *self.points.T, c=self.targets, cmap=COLOURS, vmin=low, vmax=high, s=22, edgecolor="white", linewidth=0.7
        )


def _preactivations(estimator, rows):
    """Return ``[x, 1] u_j`` at the rows, (n_kinks, n_rows), of the neurons with a mass that depend on x."""
    network = last_step(estimator).network_
    inputs = estimator[:-1].transform(rows) if isinstance(estimator, Pipeline) and len(estimator) > 1 else rows
    bending = (network.masses > 0) & np.any(network.hidden_weights != 0, axis=1)
    inputs = np.column_stack([np.asarray(inputs, dtype=float), np.ones(len(rows))])[:, : network.neurons.shape[1]]
    return network.neurons[bending] @ inputs.T


def _around(column, n_points):
    """Return evenly spaced values over the column's range and a little beyond."""
    margin = 0.04 * (np.ptp(column) or 1.0)
    return np.linspace(column.min() - margin, column.max() + margin, n_points)


def _zero(x, line):
    """Return where a straight line given on the grid x is zero."""
    slope = (line[-1] - line[0]) / (x[-1] - x[0])
    return x[0] - line[0] / slope
