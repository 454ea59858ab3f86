"""The prediction of every row without the row, against its target."""

import numpy as np

from ..exceptions import InvalidInputError
from ._estimators import fitted
from ._style import ACCENT, GOLDEN_RATIO, INK, PALE, Display, below

# Markers have areas of 10 square points for no influence up to 160 for the largest one.
MIN_AREA, MAX_AREA = 10.0, 160.0
# The rows of a class are spread by 0.3 to each side of it.
CLASS_SPREAD = 0.3


class LeaveOneOutDisplay(Display):
    """The predictions of networks without the row they predict, against the targets; the area is the row's influence.

    For regressors a point on the diagonal is a target that the other rows predict exactly. For classifiers the values
    of the decision function stand beside each other by the side of the class that the row is on, and the line is the
    boundary between the sides.

    Parameters
    ----------
    targets, predictions, influence : ndarrays of shape (n_samples,)
        Values of one output. For classifiers targets are positive in the class and not positive outside it. Rows whose
        prediction is NaN are left out.
    score : float
        R2 or accuracy of the predictions.
    degrees_of_freedom : float
    is_trusted : bool
        Whether the closed form is close to refits; the title says so if it is not.
    score_name : {"R2", "accuracy"}

    Attributes
    ----------
    ax_, figure_, points_, line_
        After `plot`: the axes, their figure, the markers of the rows, and the diagonal (for classifiers the boundary).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from convexnn import ConvexReLURegressor
    >>> from convexnn.plotting import LeaveOneOutDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ConvexReLURegressor().fit(X[:60, 2:4], y[:60])
    >>> display = LeaveOneOutDisplay.from_estimator(model).plot()
    >>> len(display.points_.get_offsets())
    60
    """

    def __init__(self, targets, predictions, influence, score, degrees_of_freedom, is_trusted=True, *, score_name="R2"):
        self.targets, self.predictions = np.asarray(targets, dtype=float), np.asarray(predictions, dtype=float)
        self.influence, self.score = np.asarray(influence, dtype=float), score
        self.degrees_of_freedom, self.is_trusted, self.score_name = degrees_of_freedom, is_trusted, score_name

    @classmethod
    def from_record(cls, record, *, output=None):
        """Make the display of a `LeaveOneOut`.

        Parameters
        ----------
        record : LeaveOneOut
        output : int, optional
            Which target, or which class, where there are several. The influence is the sum over all of them.

        Raises
        ------
        ValueError
            When there are several outputs and `output` names none of them.
        """
        columns = (
            record.targets.reshape(len(record.influence), -1),
            record.predictions.reshape(len(record.influence), -1),
        )
        n_outputs = columns[0].shape[1]
        if output is None and n_outputs == 1:
            output = 0
        if not isinstance(output, int | np.integer) or not 0 <= output < n_outputs:
            raise InvalidInputError(f"output must be an integer from 0 to {n_outputs - 1}; got {output!r}.")
        return cls(
            *(values[:, output] for values in columns),
            record.influence,
            record.score,
            record.degrees_of_freedom,
            record.is_trusted,
            score_name=record.score_name,
        )

    @classmethod
    def from_estimator(cls, estimator, *, output=None):
        """Make the display of a fitted estimator with `leave_one_out`, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : ConvexReLURegressor, ConvexReLUClassifier or Pipeline
        output : int, optional
            Which target, or which class, where there are several.

        Raises
        ------
        ValueError
            For other estimators, for losses with kinks, and when there are several outputs and `output` names none.
        NotFittedError
            When the estimator is not fitted.
        """
        model = fitted(estimator, "drawn without each of its rows", "leave_one_out")
        return cls.from_record(model.leave_one_out(), output=output)

    def plot(self, ax=None, **kwargs):
        """Draw the display and return it.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        **kwargs
            Properties of the markers.
        """
        ax, known = self._start(ax), np.isfinite(self.predictions)
        draw = self._draw_classes if self.score_name == "accuracy" else self._draw_diagonal
        places = draw(ax, known)
        largest = self.influence[known].max(initial=0.0)
        share = self.influence[known] / largest if largest > 0.0 else np.zeros(known.sum())
        label = f"a row; area: its influence, up to {largest:.2g}"
        areas = MIN_AREA + (MAX_AREA - MIN_AREA) * share
        given = {"s": areas, "color": INK, "alpha": 0.55, "linewidth": 0, "label": label, "zorder": 3}
        self.points_ = ax.scatter(places, self.predictions[known], **given | kwargs)
        ax.set_title(self._title(len(known) - known.sum()), fontsize="medium")
        below(ax)
        return self

    def _draw_diagonal(self, ax, known):
        """Draw the diagonal and return the places of the rows."""
        values = np.concatenate([self.targets, self.predictions[known]])
        ends = low, high = values.min(), values.max()
        (self.line_,) = ax.plot(ends, ends, color=ACCENT, linewidth=1.2, label="prediction = target")
        margin = 0.04 * ((high - low) or 1.0)
        ax.set_xlim(low - margin, high + margin)
        ax.set_xlabel("target")
        ax.set_ylabel("prediction without the row")
        return self.targets[known]

    def _draw_classes(self, ax, known):
        """Draw the boundary and return the places of the rows, side by side in their classes."""
        self.line_ = ax.axhline(0.0, color=ACCENT, linewidth=1.2, label="boundary")
        ax.axvline(0.5, color=PALE, linewidth=0.8)
        ax.set_xlim(-0.5, 1.5)
        ax.set_xticks([0, 1], ["outside the class", "in the class"])
        ax.set_ylabel("decision value without the row")
        # Multiples of the golden ratio, modulo one: evenly spread, and the same every time.
        jitter = CLASS_SPREAD * (2.0 * ((np.arange(len(known)) * GOLDEN_RATIO) % 1.0) - 1.0)
        return (self.targets > 0.0)[known] + jitter[known]

    def _title(self, n_open):
        """Return the score, and what keeps it from being trusted."""
        said = f"Leave-one-out in closed form: {self.score_name} {self.score:.3f}"
        said += f", {self.degrees_of_freedom:.1f} degrees of freedom"
        if n_open:
            return f"{said}\n{n_open} without a prediction"
        return said if self.is_trusted else f"{said}\nnot to be trusted here: compare refits"
