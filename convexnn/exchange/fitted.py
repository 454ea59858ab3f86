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
    problem, is_multilabel = model._training_problem, getattr(model, "_is_multilabel", False)
    return model.network_, {
        "X": problem.features,
        "y": problem.y,
        "sample_weight": problem.weight,
        "beta": problem.beta,
        "loss": problem.loss.name,
        "huber_delta": getattr(model, "huber_delta_", 1.35),
        "quantile": getattr(model, "quantile", 0.5),
        "certificate": replace(model.certificate_, dual_point=model._training_dual),
        "feature_names": getattr(model, "feature_names_in_", None),
        "classes": None if is_multilabel else getattr(model, "classes_", None),
        "multilabel": is_multilabel,
    }


def _is_one_against_the_rest(model):
    return getattr(model, "multi_class", "joint") == "ovr" and model.network_.output_weights.ndim == 2
