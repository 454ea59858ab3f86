"""`LeaveOneOut`: the prediction of every row without the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.display import Shown, figure
from ..resumable.records import import_pandas

if TYPE_CHECKING:
    from pandas import DataFrame

# One linear solve is trusted for typical moves up to 0.1 of the unit of the predictions.
MAX_TYPICAL_MOVE = 0.1
# A network counts as optimal when its gradient, relative to its summands, and its visible gap are at most 1e-3.
MAX_OPTIMALITY_ERROR = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class LeaveOneOut(Shown):
    """The predictions of networks that were trained without the row they predict, to first order.

    Every row of the data leaves alone, with its own sample weight, while the strength, the weights of classes and all
    other rows stay. One Newton step from the optimum of all rows, with one factorisation for all of them, gives the
    network without it; see Notes. Nothing is trained.

    Attributes
    ----------
    predictions : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The value at each row of the network without it, in the order and the shape of y; for classifiers the values of
        the decision function. Rows of weight zero are predicted by the network itself. NaN where the
        other rows leave a row's value open: for the only row with an entry in a column of a skip connection, and for
        the only row on which a neuron is on when its kinks leave it one direction.
    residuals : ndarray of the shape of `predictions`
        ``y - predictions``; for classifiers the negative slope of the loss at the predictions, for the logistic loss
        the indicator of the class less its probability.
    moves : ndarray of the shape of `predictions`
        The predictions less those of the network of all rows.
    influence : ndarray of shape (n_samples,)
        The leverage J_i of each row: for the squared loss the derivative of its fit in its target, in general
        ``w_i`` times the curvature of its loss times the derivative of its fit in a force on it, summed over outputs.
        From 0 to the number of outputs.
    degrees_of_freedom : float
        The sum of the leverages. For the squared loss the divergence of the fit, as in Stein's estimate of the risk.
    score : float
        What the estimator's ``score`` returns, of the predictions: R2 for regressors, accuracy for classifiers; with
        the sample weights.
    mean_loss : float
        The mean of the training loss over the rows at the predictions, with the sample weights: half the mean squared
        error, or the log loss, and so on. For one problem per class the losses of the classes are added up.
    typical_move : float
        Root mean square of the moves, relative to the standard deviation of y for regressors, and as it is for
        classifiers, whose decision values have the unit 1 of the labels or of log-odds. Like `score` and `mean_loss` it
        is NaN when a prediction is.
    stationarity : float
        How far the network was from its optimum: the largest gradient relative to what it adds up.
        It tells of the neurons that the network has.
    visible_gap : float
        The ``heuristic_gap`` of the certificate: it tells of neurons that are missing too.
    score_name : {"R2", "accuracy"}
    targets : ndarray of the shape of `predictions`
        y; for classifiers what the network is trained towards: 1 in the class and -1 outside it, or 0 for the softmax.
    gcv : float or None
        Generalised cross-validation for the squared loss, None for others: ``n ||r||^2 / (n - df)^2`` with the
        residuals r of the training and the degrees of freedom. It is the mean square of the residuals without each row
        if all rows had the same leverage, and so close to twice `mean_loss`. Squares are averaged over the n rows of
        positive weight with their weights; c outputs are added up, and have ``df / c`` degrees of freedom each. inf
        where no degrees of freedom are left.

    Notes
    -----
    With the fit ``f_i``, the leverage ``J_i`` and ``h_i = J_i / (w_i l''_i)`` the prediction is
    ``f_i + h_i w_i l'_i / (1 - J_i)``; for the squared loss the residual ``r_i`` becomes ``r_i / (1 - J_i)``, and
    without neurons this is the classical formula of least squares. Neurons stay on their side of every row, those that
    lie on the hyperplane of a row stay there, and none comes or goes: true for small changes, and less and less true
    for larger ones. `is_trusted` says whether the moves are small enough.

    When one of several equal rows leaves, the others stay; a row with a sample weight of 2 leaves as a whole. Networks
    of both are the same, and so are the degrees of freedom.

    References
    ----------
    .. [1] S. Wang, W. Zhou, H. Lu, A. Maleki, V. Mirrokni, "Approximate leave-one-out for fast parameter tuning in high
       dimensions", ICML 2018.
    .. [2] G. H. Golub, M. Heath, G. Wahba, "Generalized cross-validation as a method for choosing a good ridge
       parameter", Technometrics 1979.
    """

    predictions: np.ndarray
    residuals: np.ndarray
    moves: np.ndarray
    influence: np.ndarray
    degrees_of_freedom: float
    score: float
    mean_loss: float
    typical_move: float
    stationarity: float
    visible_gap: float
    score_name: str
    targets: np.ndarray
    gcv: float | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether all predictions are known and moves are small enough for one linear solve.

        `stationarity` and `visible_gap` have to be at most 1e-3, and `typical_move` at most 0.1. Beyond that the
        linearisation fails: judge the model by refits, as in cross-validation.
        """
        return not self._untrusted()

    def _untrusted(self):
        """Return why the figures are not to be trusted, '' if they are."""
        n_open = int(np.isnan(self.predictions).reshape(len(self.influence), -1).any(axis=1).sum())
        if n_open:
            return f"{n_open} open"
        if max(self.stationarity, self.visible_gap) > MAX_OPTIMALITY_ERROR:
            return "not at an optimum"
        return "" if self.typical_move <= MAX_TYPICAL_MOVE else "large moves"

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame with a row for every row of the data.

        Columns are prediction, residual and move, numbered from 0 where there are several outputs, and influence.

        Raises
        ------
        ImportError
            Without pandas, which the extra `frame` installs.
        """
        pandas = import_pandas()
        columns: dict[str, Any] = {}
        for name, values in (("prediction", self.predictions), ("residual", self.residuals), ("move", self.moves)):
            if values.ndim == 1 or values.shape[1] == 1:
                columns[name] = values.ravel()
            else:
                columns |= {f"{name}_{k}": column for k, column in enumerate(values.T)}
        return pandas.DataFrame(columns | {"influence": self.influence})

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw predictions against targets and return the `LeaveOneOutDisplay`, for one output.

        Parameters
        ----------
        ax : matplotlib axes, optional
            New ones by default.
        **kwargs
            Properties of the markers.

        Raises
        ------
        ValueError
            For several outputs: `LeaveOneOutDisplay.from_record` draws one of them.
        """
        from ..plotting import LeaveOneOutDisplay

        return LeaveOneOutDisplay.from_record(self).plot(ax, **kwargs)

    def _shown(self):
        return "Leave-one-out in closed form", [
            ("rows", str(len(self.influence))),
            (self.score_name, figure(self.score, 4)),
            ("mean loss", figure(self.mean_loss, 4)),
            ("degrees of freedom", figure(self.degrees_of_freedom, 4)),
            ("typical move", figure(self.typical_move, 2)),
            ("trusted", f"no: {self._untrusted()}" if self._untrusted() else "yes"),
        ]
