"""The regions in which a fitted classifier decides for each class, and the lines along which its neurons switch."""

import numpy as np
from matplotlib.lines import Line2D
from sklearn.base import is_classifier

from ..exceptions import InvalidInputError
from ._estimators import last_step, slice_of
from ._style import INK, PALE, Display, below, kind_of, tint
from .network import draw_switches

# There are colours and hatches for 8 classes; the hatch of a region has 0.25 more of its colour.
MAX_CLASSES = 8
HATCH_TINT = 0.25


class DecisionRegionDisplay(Display):
    """The regions of a fitted classifier over two features, the lines along which neurons switch, and the data.

    On each cell between these lines the decision function is linear in what the network gets, so the boundaries bend
    on them only. Further features are held at `at`: the lines are then those of the slice, and rows of X may lie on
    the other side of a boundary than their own features would put them.

    Parameters
    ----------
    grid : list of two ndarrays
        Values of the two features.
    margins : ndarray of shape (n_classes, len(grid[1]), len(grid[0]))
        The value of every class less the largest of the others: above 0 where the class is predicted.
    preactivations : ndarray of shape (n_kinks, len(grid[1]), len(grid[0]))
        ``[x, 1] u_j`` on the grid, of the neurons that depend on x.
    points, targets : ndarrays of shape (n_samples, 2) and (n_samples,)
        The data, and the number of each sample's class.
    classes : sequence
        Names of the classes.
    labels : list of two str
        Labels of the features.
    title : str, optional

    Attributes
    ----------
    ax_, figure_, regions_, boundaries_, switches_, points_, legend_
        After `plot`: the axes and their figure, the filled contours and the boundaries by class, the contours along
        which neurons switch, the scattered data by class, and the legend.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from convexnn import ConvexReLUClassifier
    >>> from convexnn.plotting import DecisionRegionDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:100, :2], y[:100]
    >>> model = ConvexReLUClassifier(1.0).fit(X, y)
    >>> display = DecisionRegionDisplay.from_estimator(model, X, y, n_points=20).plot()
    >>> len(display.points_)
    2
    """

    def __init__(self, grid, margins, preactivations, points, targets, classes, labels, title=None):
        self.grid, self.margins, self.preactivations = grid, np.asarray(margins), preactivations
        self.points, self.targets, self.classes = points, np.asarray(targets), list(classes)
        self.labels, self.title = labels, title

    @classmethod
    def from_estimator(cls, estimator, X, y, *, features=(0, 1), at=None, labels=None, class_names=None, n_points=300):
        """Make the display of a fitted classifier, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : ConvexReLUClassifier, GatedReLUClassifier or Pipeline
        X : array-like of shape (n_samples, n_features)
            As the estimator takes it, in the units in which it is to be drawn.
        y : array-like of shape (n_samples,)
            Labels, each one of the classes of the fit.
        features : pair of int or str
            The columns to draw; by name where X is a DataFrame.
        at : array-like of shape (n_features,), optional
            Where the other features are held; the medians of X by default.
        labels : pair of str, optional
            Labels of the features; by default their names or numbers, in no units.
        class_names : sequence of str, optional
            In the order of the estimator's `classes_`.
        n_points : int
            Points of the grid along each feature.

        Raises
        ------
        ValueError
            For regressors (see `NetworkDisplay`), several labels, more than eight classes, and arguments that do not
            fit.
        NotFittedError
            When the estimator is not fitted.
        """
        model = last_step(estimator)
        if not is_classifier(model):
            raise InvalidInputError("estimator must be a classifier; NetworkDisplay draws regressors.")
        if getattr(model, "_is_multilabel", False):
            raise InvalidInputError(
                "estimator must decide for one class at a time, as regions do; this one was fitted to several labels, "
                "one column of y each. Fit it to the column that is to be drawn."
            )
        view = slice_of(estimator, X, features, at, n_points, allowed=(2,))
        classes = [str(name) for name in (model.classes_ if class_names is None else class_names)]
        if len(classes) != len(model.classes_) or len(classes) > MAX_CLASSES:
            raise InvalidInputError(
                f"class_names must name each of the {len(model.classes_)} classes, {MAX_CLASSES} at most; got "
                f"{len(classes)}."
            )
        values = estimator.decision_function(view.rows)
        # Two classes have one value: that of the first is its negative.
        values = np.column_stack([-values, values]) if values.ndim == 1 else values
        labels = view.names if labels is None else [str(label) for label in labels]
        if len(labels) != 2:
            raise InvalidInputError(f"labels must name the two features; got {labels}.")
        targets = _numbers(y, model.classes_, len(view.points))
        kinks = view.preactivations(estimator)
        margins = _margins(values).reshape(-1, *view.shape)
        return cls(view.grid, margins, kinks, view.points, targets, classes, labels, view.title(model.certificate_, at))

    def plot(self, ax=None, **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        **kwargs
            Properties of the markers of the data, for `matplotlib.axes.Axes.scatter`.
        """
        ax = self._start(ax)
        self.regions_, self.boundaries_, self.points_ = {}, {}, {}
        for place, name in enumerate(self.classes):
            self._plot_class(ax, place, name)
        self.switches_ = draw_switches(ax, self.grid, self.preactivations, PALE)
        for place, name in enumerate(self.classes):
            colour, marker, _ = kind_of(place)
            style = {"s": 30, "color": colour, "marker": marker, "edgecolor": "white", "linewidth": 0.6, "zorder": 4}
            chosen = self.points[self.targets == place]
            self.points_[name] = ax.scatter(*chosen.T, label=name, **style | kwargs)
        ax.set(xlabel=self.labels[0], ylabel=self.labels[1])
        if self.title is not None:
            ax.set_title(self.title, fontsize="medium")
        self._explain(ax)
        return self

    def _plot_class(self, ax, place, name):
        """Fill the region of a class, and draw its boundary."""
        margin, (colour, _, hatch) = self.margins[place], kind_of(place)
        if margin.max() <= 0:
            return
        # A class is chosen where its value is above all others: its margin is positive.
        style = {"colors": [tint(colour, 0.22)], "hatches": [hatch], "zorder": 0}
        self.regions_[name] = ax.contourf(*self.grid, margin, levels=[0.0, np.inf], **style)
        self.regions_[name].set(edgecolor=tint(colour, 0.22 + HATCH_TINT), linewidth=0.0)
        if margin.min() < 0:
            style = {"colors": INK, "linewidths": 2.0, "linestyles": "-", "zorder": 2}
            self.boundaries_[name] = ax.contour(*self.grid, margin, levels=[0.0], **style)

    def _explain(self, ax):
        handles = [*self.points_.values(), Line2D([], [], color=INK, lw=2, label="decision boundary")]
        if self.switches_:
            handles.append(Line2D([], [], color=PALE, lw=1.8, ls="--", label="a neuron switches"))
        self.legend_ = below(ax, 3, handles=handles)


def _margins(values):
    """Return the value of every class less the largest of the others, (n_classes, n_points)."""
    n_classes = values.shape[1]
    others = [np.delete(values, k, axis=1).max(axis=1) for k in range(n_classes)]
    return values.T - np.array(others)


def _numbers(y, classes, n_samples):
    """Return the number of every label among the classes."""
    y = np.asarray(y)
    if y.shape != (n_samples,):
        raise InvalidInputError(f"y must have {n_samples} entries, one per row of X; got shape {y.shape}.")
    unknown = set(np.unique(y)) - set(np.unique(classes))
    if unknown:
        raise InvalidInputError(f"y must hold classes of the fit, {list(classes)}; got {sorted(unknown)} too.")
    return np.searchsorted(classes, y)
