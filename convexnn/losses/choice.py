"""The losses by name."""

from numbers import Real

from .._utils.validation import check_choice, check_positive
from ..exceptions import InvalidInputError
from .classification import LogisticLoss, SquaredHingeLoss
from .regression import AbsoluteLoss, HuberLoss, QuantileLoss, SquaredLoss
from .several_outputs import ColumnLoss, MultinomialLoss

LOSSES = {
    loss.name: loss for loss in (SquaredLoss, HuberLoss, AbsoluteLoss, QuantileLoss, LogisticLoss, SquaredHingeLoss)
}
VECTOR_LOSSES = (*LOSSES, MultinomialLoss.name)  # that several outputs are trained by


def make_loss(name, *, n_outputs=None, huber_delta=1.35, quantile=0.5):
    """Return the loss of that name.

    Parameters
    ----------
    name : {"squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial"}
        Multinomial with `n_outputs` only.
    n_outputs : int, optional
        With it y has as many columns, over which a loss of one output is added up.
    huber_delta : float
        Residual from which on the huber loss is linear, in the units of y.
    quantile : float
        In (0, 1): the share of the targets that the quantile loss wants below the fit.

    Raises
    ------
    ValueError
        For an unknown name, and parameters out of range.
    """
    if n_outputs is not None:
        if name == MultinomialLoss.name:
            return MultinomialLoss()
        return ColumnLoss(make_loss(name, huber_delta=huber_delta, quantile=quantile))
    check_choice(name, "loss", tuple(LOSSES))
    if name == "huber":
        return HuberLoss(check_positive(huber_delta, "huber_delta"))
    if name == "quantile":
        if isinstance(quantile, bool) or not isinstance(quantile, Real) or not 0.0 < quantile < 1.0:
            raise InvalidInputError(f"quantile must be above 0 and below 1; got {quantile!r}.")
        return QuantileLoss(float(quantile))
    return LOSSES[name]()
