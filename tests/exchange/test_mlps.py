"""Networks of scikit-learn's perceptrons: the same values, and the objective that the documentation states."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from convexnn import ConvexReLURegressor, InvalidInputError, certify
from convexnn.exchange import equivalent_beta, from_sklearn_mlp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X[:60, [2, 3]]), scale(y[:60])


def bias_penalty(network, beta):
    return beta / 2 * float(network.hidden_bias @ network.hidden_bias)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_regressor_keeps_its_values(n_outputs):
    X, y = diabetes()
    y = y if n_outputs == 1 else np.column_stack([y, -y])
    mlp = MLPRegressor(hidden_layer_sizes=7, random_state=0, max_iter=20).fit(X, y)
    network = from_sklearn_mlp(mlp)
    np.testing.assert_allclose(network.predict(X), mlp.predict(X), rtol=1e-12, atol=1e-14)
    assert network.output_weights.shape == ((7,) if n_outputs == 1 else (7, 2))


def test_classifiers_keep_their_probabilities():
    X, y = load_iris(return_X_y=True)
    several = MLPClassifier(hidden_layer_sizes=6, random_state=0, max_iter=30).fit(X, y)
    np.testing.assert_allclose(
        softmax(from_sklearn_mlp(several).predict(X), axis=1), several.predict_proba(X), rtol=1e-9
    )
    two = MLPClassifier(hidden_layer_sizes=[6], random_state=0, max_iter=30).fit(X, y > 0)
    np.testing.assert_allclose(expit(from_sklearn_mlp(two).predict(X)), two.predict_proba(X)[:, 1], rtol=1e-9)
    labels = MLPClassifier(hidden_layer_sizes=6, random_state=0, max_iter=30).fit(
        X, np.column_stack([y > 0, y > 1]).astype(int)
    )
    np.testing.assert_allclose(expit(from_sklearn_mlp(labels).predict(X)), labels.predict_proba(X), rtol=1e-9)


def test_loss_of_a_regressor_is_our_objective_less_biases():
    X, y = diabetes()
    mlp = MLPRegressor(hidden_layer_sizes=7, alpha=0.3, solver="lbfgs", random_state=0, max_iter=50).fit(X, y)
    network, beta = from_sklearn_mlp(mlp), equivalent_beta(mlp, len(y))
    ours = network.objective(X, y, beta) - bias_penalty(network, beta)
    assert ours == pytest.approx(len(y) * mlp.loss_, rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_loss_of_a_classifier_is_our_objective_less_biases(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = scale(X)[y < n_classes], y[y < n_classes]
    mlp = MLPClassifier(hidden_layer_sizes=5, alpha=0.3, solver="lbfgs", random_state=0, max_iter=50).fit(X, y)
    network, beta = from_sklearn_mlp(mlp), equivalent_beta(mlp, len(y))
    targets, loss = (2.0 * y - 1, "logistic") if n_classes == 2 else (np.eye(3)[y], "multinomial")
    ours = network.objective(X, targets, beta, loss=loss) - bias_penalty(network, beta)
    assert ours == pytest.approx(len(y) * mlp.loss_, rel=1e-9)


def test_a_step_of_a_mini_batch_decays_as_the_strength_says():
    X, y = np.zeros((60, 2)), np.zeros(60)
    mlp = MLPRegressor(
        hidden_layer_sizes=5,
        alpha=0.5,
        solver="sgd",
        batch_size=20,
        momentum=0.0,
        learning_rate_init=0.01,
        max_iter=1,
        random_state=0,
    )
    start = MLPRegressor(**mlp.get_params() | {"learning_rate_init": 1e-300}).fit(X, y).coefs_[0]
    decay = 1 - 0.01 * equivalent_beta(mlp, 60) / 60  # of the mean loss, three times an epoch
    np.testing.assert_allclose(mlp.fit(X, y).coefs_[0], decay**3 * start, rtol=1e-9)
    assert equivalent_beta(mlp, 60) == pytest.approx(1.5)


def test_a_perceptron_is_certified_and_does_not_beat_the_bound():
    X, y = diabetes()
    mlp = MLPRegressor(hidden_layer_sizes=30, alpha=2.0, solver="lbfgs", random_state=0, max_iter=2000).fit(X, y)
    beta = equivalent_beta(mlp, len(y))
    certificate = certify(from_sklearn_mlp(mlp), X, y, beta)
    best = ConvexReLURegressor(beta=beta).fit(X, y).certificate_
    assert certificate.proof == "exact"
    assert certificate.dual <= best.primal <= certificate.primal
    assert certificate.relative_gap < 0.2


def test_other_perceptrons_are_refused():
    X, y = diabetes()
    with pytest.raises(InvalidInputError, match="one hidden layer"):
        from_sklearn_mlp(MLPRegressor(hidden_layer_sizes=(5, 5), max_iter=1).fit(X, y))
    with pytest.raises(InvalidInputError, match="activation='relu'"):
        from_sklearn_mlp(MLPRegressor(hidden_layer_sizes=5, activation="tanh", max_iter=1).fit(X, y))
    with pytest.raises(NotFittedError):
        from_sklearn_mlp(MLPRegressor(hidden_layer_sizes=5))
    with pytest.raises(TypeError, match="last step"):
        from_sklearn_mlp(make_pipeline(MLPRegressor(hidden_layer_sizes=5)))
    with pytest.raises(TypeError, match="MLPRegressor or an MLPClassifier"):
        equivalent_beta(0.1, 10)
    if "loss" in MLPRegressor().get_params():
        with pytest.raises(InvalidInputError, match="squared loss"):
            from_sklearn_mlp(MLPRegressor(hidden_layer_sizes=5, loss="poisson", max_iter=1).fit(X, np.exp(y)))
