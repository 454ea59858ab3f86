"""The entries about a fitted estimator that are saved with its network."""

from dataclasses import replace

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators import ConvexReLUClassifier, ConvexReLURegressor
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU

SKOPS_ADVICE = "skops.io.dump keeps every estimator (see convexnn.exchange.TRUSTED_TYPES)"


def contents_of(model):
    """Return the network of a fitted estimator and the keywords of `save_network` that go with it.

    The data are those that the estimator was trained on in their canonical form: distinct rows of positive weight,
    sorted, with the sums of their weights, and for a classifier with targets in place of the labels.

    Raises
    ------
    TypeError
        For what is neither a network, nor a fitted regressor or classifier of ours.
    """
    if not isinstance(model, ConvexReLURegressor | ConvexReLUClassifier):
        network = "; its network_ alone can be saved" if hasattr(model, "network_") else ""
        if isinstance(model, Pipeline):
            network = "; save its last step, with center and scale where the step before is a StandardScaler"
        raise TypeError(
            f"network must be a TwoLayerReLU, or a fitted ConvexReLURegressor or ConvexReLUClassifier; got "
            f"{type(model).__name__}{network}. {SKOPS_ADVICE}."
        )
    check_is_fitted(model)
    if not isinstance(model.network_, TwoLayerReLU) or _is_one_against_the_rest(model):
        raise InvalidInputError(
            f"a classifier with multi_class='ovr' has one problem and one proof per class or label, and a file holds "
            f"one. Save model.network_ without a certificate, or use multi_class='joint'. {SKOPS_ADVICE}."
        )
    is_multilabel = getattr(model, "_is_multilabel", False)
    described = _claims_of(model) if model._training_problem is None else _problem_of(model)
    return model.network_, described | {
        "huber_delta": getattr(model, "huber_delta_", 1.35),
        "quantile": getattr(model, "quantile", 0.5),
        "penalize_bias": getattr(model, "penalize_bias", True),
        "feature_names": getattr(model, "feature_names_in_", None),
        "classes": None if is_multilabel else getattr(model, "classes_", None),
        "multilabel": is_multilabel,
    }


def _problem_of(model):
    """Return the problem of an estimator, with its data, and its certificate."""
    problem = model._training_problem
    return {
        "X": problem.features,
        "y": problem.y,
        "sample_weight": problem.weight,
        "beta": problem.beta,
        "loss": problem.loss.name,
        "certificate": replace(model.certificate_, dual_point=model._training_dual),
    }


def _claims_of(model):
    """Return what is claimed about the network of an estimator that has not kept its data."""
    is_softmax = model.loss == "logistic" and model.network_.output_weights.ndim == 2
    is_softmax = is_softmax and not getattr(model, "_is_multilabel", False)
    loss = "multinomial" if is_softmax else model.loss
    none = {"X": None, "y": None, "sample_weight": None}
    return none | {"beta": model.beta_, "loss": loss, "certificate": model.certificate_}


def _is_one_against_the_rest(model):
    return getattr(model, "multi_class", "joint") == "ovr" and model.network_.output_weights.ndim == 2
