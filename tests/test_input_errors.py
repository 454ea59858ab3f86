"""Bad input gets an error that names the argument, whichever way it comes in."""

import warnings

import numpy as np
import pytest

from convexnn import (
    ConvexNNError,
    ConvexReLURegressor,
    InvalidInputError,
    PatternLimitError,
    TwoLayerReLU,
    beta_max,
    certify,
    convex_program,
    count_patterns,
    enumerate_patterns,
    price,
    sample_patterns,
)
from convexnn.estimators import _base

X, Y = np.arange(8.0).reshape(4, 2) % 3, np.arange(4.0)
NETWORK = TwoLayerReLU(np.ones((1, 2)), np.ones(1))
MASKS = np.ones((1, 4), dtype=bool)


def fit(X=X, y=Y, beta=1.0, sample_weight=None, **options):
    return ConvexReLURegressor(beta=beta, **options).fit(X, y, sample_weight=sample_weight)


def certify_network(X=X, y=Y, beta=1.0, **options):
    return certify(NETWORK, X, y, beta, **options)


def pose_program(X=X, y=Y, beta=1.0, **options):
    return convex_program(X, y, MASKS, beta, **options)


def strongest(X=X, y=Y, **options):
    return beta_max(X, y, **options)


def objective(X=X, y=Y, beta=1.0, **options):
    return NETWORK.objective(X, y, beta, **options)


def price_of(X=X, nu=Y, **options):
    return price(X, nu, **options)


TAKE_X = [fit, certify_network, pose_program, strongest, objective, price_of, count_patterns, enumerate_patterns]
TAKE_Y = [fit, certify_network, pose_program, strongest, objective]
TAKE_BETA = [fit, certify_network, pose_program, objective]
TAKE_LOSS = [fit, certify_network, pose_program, strongest, objective]
TAKE_PROOF = [fit, certify_network, price_of]


def with_entry(array, value):
    """Return a copy of `array` whose second entry is `value`."""
    copy = np.array(array, dtype=np.result_type(array, type(value)))
    copy.flat[1] = value
    return copy


def refused(pattern, call, *args, error=ValueError, **kwargs):
    """Assert that the call raises `error` (or a child) with this pattern in its message."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=pattern):
            call(*args, **kwargs)


BAD_X = {
    "NaN": (with_entry(X, np.nan), "(?i)input X contains NaN"),
    "infinity": (with_entry(X, -np.inf), "(?i)input X contains infinity"),
    "complex": (with_entry(X, 1j), "Complex data not supported"),
    "text": (np.array([["a", "b"]] * 4), "could not convert string to float"),
    "one dimension": (X[:, 0], "Expected 2D array"),
    "three dimensions": (X[None], "Found array with dim 3"),
    "no rows": (X[:0], "0 sample"),
    "no columns": (X[:, :0], "0 feature"),
    "empty list": ([], "Expected 2D array|0 sample|minimum of 1"),
    "ragged": ([[1.0, 2.0], [3.0]], "inhomogeneous|setting an array element"),
}


@pytest.mark.parametrize("kind", BAD_X)
@pytest.mark.parametrize("call", TAKE_X)
def test_bad_data(call, kind):
    bad, message = BAD_X[kind]
    refused(message, call, bad)


BAD_Y = {
    "NaN": (with_entry(Y, np.nan), r"(?i)\by contains NaN"),
    "infinity": (with_entry(Y, np.inf), r"(?i)\by contains infinity"),
    "complex": (with_entry(Y, 1j), "Complex data not supported"),
    "too short": (Y[:3], r"(?i)y must have shape \(4,\)|inconsistent numbers of samples"),
    "a scalar": (1.0, r"(?i)y must have shape|y should be a 1d array|Singleton array"),
    "two columns": (np.ones((4, 2)), r"(?i)y must have shape|y should be a 1d array"),
    "overflow": (Y * 1e200, "y is too large"),
}


FINE = [(objective, "overflow"), (strongest, "two columns"), (fit, "two columns")]
BAD_TARGETS = [(call, kind) for call in TAKE_Y for kind in BAD_Y if (call, kind) not in FINE]


@pytest.mark.parametrize(("call", "kind"), BAD_TARGETS)
def test_bad_targets(call, kind):
    bad, message = BAD_Y[kind]
    refused(message, call, y=bad)


@pytest.mark.parametrize(
    "nu", [with_entry(Y, np.nan), with_entry(Y, np.inf), Y[:3], np.ones((3, 2)), np.ones((4, 2, 1)), 1.0, None]
)
def test_bad_dual_point(nu):
    refused("nu", price, X, nu)


@pytest.mark.parametrize("beta", [0, -1.0, np.nan, np.inf, -np.inf, True, None, "best", [1.0], 1j])
@pytest.mark.parametrize("call", TAKE_BETA)
def test_bad_strength(call, beta):
    refused("beta", call, beta=beta)


@pytest.mark.parametrize("call", TAKE_BETA)
def test_numpy_strength(call):
    call(beta=np.float32(0.5))


BAD_WEIGHTS = {
    "negative": ([1.0, -1.0, 1.0, 1.0], "sample_weight must not be negative"),
    "all zero": (np.zeros(4), "(?i)sample_weight must have|Sample weights must contain at least one non-zero"),
    "NaN": ([1.0, np.nan, 1.0, 1.0], "sample_weight contains NaN"),
    "infinity": ([1.0, np.inf, 1.0, 1.0], "sample_weight contains infinity"),
    "too short": (np.ones(3), "sample_weight"),
    "two columns": (np.ones((4, 2)), "(?i)sample_?\\s?weight"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
@pytest.mark.parametrize("call", TAKE_Y)
def test_bad_weights(call, kind):
    bad, message = BAD_WEIGHTS[kind]
    refused(message, call, sample_weight=bad)


@pytest.mark.parametrize("loss", ["cubic", "", None, 1, np.array(["squared"])])
@pytest.mark.parametrize("call", TAKE_LOSS)
def test_unknown_loss(call, loss):
    if call is certify_network and loss is None:
        pytest.skip("None is the squared loss there, or the one of the model")
    refused("loss must be", call, loss=loss)


@pytest.mark.parametrize("proof", ["certain", "", None, 1])
@pytest.mark.parametrize("call", TAKE_PROOF)
def test_unknown_proof(call, proof):
    refused("proof must be one of 'auto', 'exact', 'bound', 'heuristic'", call, proof=proof)


BAD_OPTIONS = [
    ("tol", 0.0),
    ("tol", -1e-6),
    ("tol", np.nan),
    ("tol", "small"),
    ("max_iter", 0),
    ("max_iter", 2.5),
    ("max_iter", True),
    ("time_limit", 0.0),
    ("time_limit", -1),
    ("time_limit", "1 s"),
    ("max_width", 0),
    ("max_width", -3),
    ("max_width", 1.5),
    ("n_patterns", 0),
    ("n_patterns", 1.5),
    ("solver", "gradient descent"),
    ("solver", None),
    ("patterns", "some"),
    ("patterns", None),
    ("patterns", np.ones((1, 4), dtype=bool)),
    ("random_state", "seed"),
]


@pytest.mark.parametrize(("name", "value"), BAD_OPTIONS, ids=str)
def test_bad_options_of_the_estimator(name, value):
    refused(name if name != "random_state" else "seed", fit, **{name: value})


@pytest.mark.parametrize("name", ["tol", "solver", "patterns", "proof", "beta", "time_limit", "n_patterns"])
def test_options_are_refused_before_any_work(name, monkeypatch):
    monkeypatch.setattr(_base, "zero_network_price", lambda *args, **kwargs: pytest.fail("work was done"))
    monkeypatch.setattr(_base, "solve", lambda *args, **kwargs: pytest.fail("work was done"))
    refused(name, fit, **{name: -1})


@pytest.mark.parametrize("patterns", ["exact", "sampled", enumerate_patterns(X)], ids=["exact", "sampled", "own"])
def test_column_generation_with_patterns_is_refused(patterns):
    refused("solver='column_generation'.*patterns", fit, solver="column_generation", patterns=patterns)


@pytest.mark.parametrize(
    "own", [enumerate_patterns(X[:3]), sample_patterns(np.vstack([X, X]), 2, random_state=0)], ids=["fewer", "more"]
)
def test_patterns_of_other_rows_are_refused(own):
    refused("patterns must", fit, patterns=own, hidden_bias=False)


def test_too_many_patterns_are_refused_by_name():
    rng = np.random.default_rng(0)
    large, y = rng.standard_normal((300, 8)), rng.standard_normal(300)
    refused("patterns", fit, large, y, patterns="exact", error=PatternLimitError)


@pytest.mark.parametrize("masks", [np.ones((1, 3), bool), np.ones(4, bool), np.full((1, 4), 2), np.ones((0, 4), bool)])
def test_bad_masks(masks):
    refused("patterns must", convex_program, X, Y, masks, 1.0)


@pytest.mark.parametrize("network", [None, "network", (np.ones((1, 2)), np.ones(1)), ConvexReLURegressor])
def test_not_a_network(network):
    refused("network must be a TwoLayerReLU", certify, network, X, Y, 1.0, error=TypeError)


@pytest.mark.parametrize(
    "network", [TwoLayerReLU(np.ones((1, 3)), np.ones(1)), TwoLayerReLU(np.ones((1, 2)), np.ones((1, 2)))]
)
def test_networks_that_do_not_match(network):
    refused("network|y must have shape", certify, network, X, Y, 1.0)


@pytest.mark.parametrize("n_patterns", [0, -1, 1.5, None])
def test_bad_number_of_sampled_patterns(n_patterns):
    refused("n_patterns", sample_patterns, X, n_patterns, random_state=0)


@pytest.mark.parametrize(
    ("hidden", "output"),
    [(with_entry(np.ones((1, 2)), np.nan), np.ones(1)), (np.ones((1, 2)), np.array([np.inf]))],
)
def test_networks_must_be_finite(hidden, output):
    refused("weights", TwoLayerReLU, hidden, output)


def test_other_number_of_features_in_predict():
    refused("features", fit().predict, X[:, :1])


def test_warm_start_with_other_features():
    model = ConvexReLURegressor(beta=0.1, warm_start=True).fit(X, Y)
    refused("warm_start", model.fit, np.column_stack([X, Y]), Y)


def test_missing_targets():
    refused("y", ConvexReLURegressor().fit, X, None)


def test_one_tree_of_errors():
    assert issubclass(InvalidInputError, (ValueError, ConvexNNError))
    refused("beta", fit, beta=-1.0, error=InvalidInputError)
