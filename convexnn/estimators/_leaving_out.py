"""Leave-one-out in closed form, for the estimators: from the samples that were left out to the record."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..exceptions import InvalidInputError
from ..responses.generalised import generalised_score
from ..responses.left_out import LeftOut
from ..responses.records import LeaveOneOut
from ._blockwise import check_data_are_kept

# Moves of at most 1e-12 of the largest prediction are rounding.
MOVE_ROUNDING = 1e-12
# What there is for a free bias instead of the closed form.
REFIT_ADVICE = (
    "Refit without the rows, by unlearn(rows) or influence(rows, method='refit'), or fit with penalize_bias=True."
)


def refuse_free_bias(estimator, name, reason, advice="Fit with penalize_bias=True."):
    """Refuse a method where the hidden bias is not penalised."""
    if not getattr(estimator, "penalize_bias", True):
        raise InvalidInputError(f"{name} is not there with penalize_bias=False: {reason}. {advice}")


class LeaveOneOutMixin:
    """`leave_one_out` of estimators that keep, for every problem they pose, its data, its network and its samples.

    Subclasses say what residuals, scores and units are.
    """

    _score_name = ""
    certificate_: Any
    _sample_weight: np.ndarray
    _left_out_parts: list[tuple[Any, Any, Any]]
    _residuals: Callable[..., Any]
    _score_of: Callable[..., Any]
    _units: Callable[..., Any]

    def leave_one_out(self) -> LeaveOneOut:
        """Return what every row's prediction is without the row, in closed form; nothing is trained.

        The strength `beta_` and the weights of classes stay when a row goes. The loss has to be smooth, and the network
        optimal or close to it; see `LeaveOneOut` for the formula, and for how far to trust it. The time grows with the
        number of rows and the square of the number of weights.

        Returns
        -------
        LeaveOneOut

        Raises
        ------
        ValueError
            For the absolute and the quantile loss, and for a hidden bias that is not penalised.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        parts = self._leave_out("leave_one_out")
        weight, influence = self._sample_weight, sum(part.influence for part in parts)
        predictions, moves = self._joined(parts, "predictions"), self._joined(parts, "moves")
        return LeaveOneOut(
            predictions=predictions,
            residuals=self._residuals(parts),
            moves=moves,
            influence=influence,
            degrees_of_freedom=float(influence.sum()),
            score=float(self._score_of(parts, weight)) if np.all(np.isfinite(predictions)) else np.nan,
            mean_loss=float(np.average(sum(part.losses for part in parts), weights=weight)),
            typical_move=self._typical_move(parts, weight),
            stationarity=max(part.response.stationarity for part in parts),
            visible_gap=float(self.certificate_.heuristic_gap),
            score_name=self._score_name,
            targets=self._joined(parts, "y"),
            gcv=generalised_score(parts, weight),
        )

    def _leave_out(self, name):
        """Return the samples left out, of one problem or of one per class, for the method of this name."""
        check_data_are_kept(self, name)
        refuse_free_bias(self, name, "its closed form is that of a penalised bias", REFIT_ADVICE)
        return [LeftOut(*kept) for kept in self._left_out_parts]

    def _joined(self, parts, name):
        """Return an array of one problem, or those of one problem per class side by side."""
        arrays = [getattr(part, name) for part in parts]
        return arrays[0] if len(arrays) == 1 else np.column_stack(arrays)

    def _typical_move(self, parts, weight):
        """Return the root mean square of the moves of an output in its unit, the largest over the outputs or NaN."""
        found = []
        for part in parts:
            moves, largest = part.moves.reshape(len(weight), -1), np.abs(part.fit).max()
            sizes = np.sqrt(np.average(moves**2, axis=0, weights=weight))
            for size, unit in zip(sizes, self._units(part, weight), strict=True):
                # Moves of an output that is fitted exactly are rounding, however small its unit.
                is_rounding = size <= MOVE_ROUNDING * largest
                found.append(0.0 if is_rounding else size / unit if unit > 0.0 else np.inf)
        return float(np.max(found))
