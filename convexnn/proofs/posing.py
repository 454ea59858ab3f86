"""The problem that a proof is about: the one that is given with a network, or the one that a fitted estimator knows."""

from ..exceptions import InvalidInputError
from ..programs.posing import problem_of
from . import checker

DEFAULTS = {"loss": "squared", "huber_delta": 1.35, "quantile": 0.5}


def posed(network, X, y, beta, sample_weight, **given):
    """Return the network, its `Problem`, the targets as numbers, and the loss with its parameters.

    Parameters
    ----------
    network : TwoLayerReLU or fitted estimator
    X, y, beta, sample_weight
        As `write_proof` takes them.
    **given
        loss, huber_delta and quantile; None says nothing.
    """
    own = {}
    if hasattr(network, "_for_functions") and not isinstance(network, type):
        network, y, beta, own = network._for_functions(X, y, sample_weight, beta=beta, **given)
    elif beta is None:
        raise InvalidInputError("beta must be given for a network, which does not know its own; got None.")
    if not own.pop("penalize_bias", True):
        raise InvalidInputError(
            "penalize_bias must be True for a proof file, which is about problems whose hidden bias is penalised; this "
            "model was trained with a hidden bias that costs nothing. model.certify(X, y) proves it."
        )
    options = DEFAULTS | {name: value for name, value in given.items() if value is not None} | own
    problem = problem_of(network, X, y, beta, sample_weight=sample_weight, **options)
    _refuse_unknown(problem)
    return network, problem, y, options


def _refuse_unknown(problem):
    """Refuse what the checker does not know."""
    if problem.n_outputs > 2:
        raise InvalidInputError(
            f"y must have one or two columns for a proof file; got {problem.n_outputs} outputs (three or more "
            f"classes have one each). certify takes them."
        )
    if problem.loss.name not in checker.LOSSES:
        raise InvalidInputError(f"loss must be one of {', '.join(checker.LOSSES)}; got {problem.loss.name!r}.")
