"""Networks that scikit-learn's multi-layer perceptrons have learnt."""

from typing import TYPE_CHECKING

from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier, MLPRegressor


def from_sklearn_mlp(mlp: "MLPRegressor | MLPClassifier") -> TwoLayerReLU:
    """Return the network of a fitted MLPRegressor or MLPClassifier with one hidden layer of ReLU neurons.

    Parameters
    ----------
    mlp : MLPRegressor or MLPClassifier
        With ``activation="relu"`` and one hidden layer. The values of the network are what the regressor predicts; of a
        classifier they come before the sigmoid (two classes: the second one is where they are positive; several labels)
        or the softmax (one output per class).

    Returns
    -------
    TwoLayerReLU
        With a hidden bias and an intercept.

    Raises
    ------
    InvalidInputError
        For another activation, another number of layers, and the Poisson loss.
    TypeError
        For other objects.

    See Also
    --------
    equivalent_beta : The strength to certify it with.

    Notes
    -----
    With full batches scikit-learn minimises ``1/(2n) sum (y - f)^2 + alpha/(2n) (||U||^2 + ||a||^2)`` over the weights,
    which is 1/n times our objective with ``beta = alpha``, except for one thing: it leaves the hidden biases out of the
    penalty. Here they are a part of ``u_j``. `certify` states and proves what is true of *our* problem, with hidden
    biases penalised; its gap includes what the network loses because it was trained for a slightly different objective.
    Neither the objective nor the lower bound are scikit-learn's. The losses to certify with are ``"squared"`` for a
    regressor, ``"logistic"`` for two classes with labels -1 and 1, ``"multinomial"`` for more, with one-hot rows,
    and ``"logistic"`` for several labels at once, with columns of -1 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPRegressor
    >>> from convexnn import certify
    >>> from convexnn.exchange import equivalent_beta, from_sklearn_mlp
    >>> X, y = np.arange(8.0)[:, None], np.abs(np.arange(8.0) - 3)
    >>> options = {"solver": "lbfgs", "random_state": 0, "max_iter": 2000}
    >>> mlp = MLPRegressor(hidden_layer_sizes=20, alpha=0.1, **options).fit(X, y)
    >>> network = from_sklearn_mlp(mlp)
    >>> np.allclose(network.predict(X), mlp.predict(X))
    True
    >>> certify(network, X, y, equivalent_beta(mlp, len(y))).proof
    'exact'
    """
    _check_mlp(mlp)
    (hidden, output), (bias, intercept) = mlp.coefs_, mlp.intercepts_
    if output.shape[1] == 1:
        output, intercept = output[:, 0], intercept[0]
    return TwoLayerReLU(hidden.T, output, hidden_bias=bias, intercept=intercept)


def equivalent_beta(mlp: "MLPRegressor | MLPClassifier", n_samples: int) -> float:
    """Return the strength in our objective that the penalty `alpha` of a multi-layer perceptron stands for.

    It is ``alpha`` with ``solver="lbfgs"``, and otherwise ``alpha * n_samples / batch_size``: a mini-batch of B samples
    has the penalty ``alpha/(2 B)`` beside its mean loss, so that small batches decay the weights more.

    Parameters
    ----------
    mlp : MLPRegressor or MLPClassifier
    n_samples : int
        Number of samples that it was trained on.

    Returns
    -------
    float
        0 where alpha is 0: then there is no weight decay, and nothing to certify.

    Notes
    -----
    With mini-batches whose size does not divide n_samples the last one of an epoch is smaller, and the strength is
    correct up to its share. Adam rescales the gradient of the penalty along with that of the loss.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor
    >>> from convexnn.exchange import equivalent_beta
    >>> mlps = MLPRegressor(alpha=0.01, solver="lbfgs"), MLPRegressor(alpha=0.01)
    >>> equivalent_beta(mlps[0], 442), equivalent_beta(mlps[1], 400)
    (0.01, 0.02)
    """
    _check_is_mlp(mlp)
    check_count(n_samples, "n_samples")
    # scikit-learn minimises mean loss + alpha/(2 n) ||w||^2 over a batch of n rows: beta = alpha n_samples / n.
    if mlp.solver == "lbfgs":
        return float(mlp.alpha)
    batch = (
        min(200, n_samples) if mlp.batch_size == "auto" else min(check_count(mlp.batch_size, "batch_size"), n_samples)
    )
    return float(mlp.alpha * n_samples / batch)


def _check_is_mlp(mlp):
    if not isinstance(mlp, MLPRegressor | MLPClassifier):
        advice = " Pass its last step." if hasattr(mlp, "steps") else ""
        raise TypeError(f"mlp must be an MLPRegressor or an MLPClassifier; got {type(mlp).__name__}.{advice}")


def _check_mlp(mlp):
    """Refuse what is no two-layer ReLU network."""
    _check_is_mlp(mlp)
    check_is_fitted(mlp)
    if len(mlp.coefs_) != 2:
        raise InvalidInputError(f"mlp must have one hidden layer; got hidden_layer_sizes={mlp.hidden_layer_sizes!r}.")
    if mlp.activation != "relu":
        raise InvalidInputError(f"mlp must have activation='relu'; got {mlp.activation!r}.")
    if mlp.out_activation_ not in ("identity", "logistic", "softmax"):
        raise InvalidInputError(
            f"mlp must have the squared loss, or classify; got loss={mlp.loss!r}, whose values are the "
            f"{mlp.out_activation_} of a network."
        )
