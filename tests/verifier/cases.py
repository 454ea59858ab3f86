"""Wild problems by number: number k is the same problem always, on every machine with the same numpy."""

from dataclasses import dataclass, field

import numpy as np

SEED = 20_261_129
ENTRIES = {"certify": 0.56, "price": 0.22, "beta_max": 0.1, "fit": 0.1, "set": 0.02}
LOSSES = ("squared", "squared", "squared", "huber", "absolute", "quantile", "logistic", "squared_hinge", "multinomial")
PROOFS = ("auto", "auto", "auto", "exact", "bound", "heuristic")
OUTPUT_LOSSES = ("squared", "squared", "huber", "logistic", "squared_hinge", "multinomial")


@dataclass(frozen=True)
class Case:
    """One call of the package: the entry point, its data and options.

    Attributes
    ----------
    entry : one of ENTRIES
    X, y : ndarrays
        For prices y is the dual point.
    terms : dict of the three flags
    network : dict of the arguments of `TwoLayerReLU`, for certificates
    loss_options : dict of the parameter of the Huber and of the quantile loss
    proof : one of the proofs of certificates and prices
    tol : of fits
    kinds : names of the data and of the targets
    """

    number: int
    entry: str
    X: np.ndarray
    y: np.ndarray
    beta: float
    loss: str
    terms: dict
    weight: np.ndarray | None = None
    network: dict = field(default_factory=dict)
    loss_options: dict = field(default_factory=dict)
    proof: str = "auto"
    tol: float = 1e-6
    kinds: tuple = ()


def make_case(number, entries=None):
    """Return the case of a number; `entries` are the entry points with their shares."""
    rng = np.random.default_rng([SEED, number])
    shares = ENTRIES if entries is None else entries
    entry = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    X, data = _design(rng)
    n_outputs = 1 if entry == "set" or rng.random() < 0.75 else int(rng.integers(2, 4))
    loss = str(rng.choice(LOSSES[:8] if n_outputs == 1 else OUTPUT_LOSSES))
    loss = str(rng.choice(["squared", "squared", "logistic"])) if entry == "set" else loss
    names = ("hidden_bias", "fit_intercept", "skip_connection")
    terms = {name: bool(flag) for name, flag in zip(names, rng.random(3) < 0.5, strict=True)}
    y, target = _targets(rng, X, loss, n_outputs)
    weight = _weights(rng, len(X))
    beta = float(10.0 ** (rng.uniform(-3, 1) if rng.random() < 0.6 else rng.uniform(-12, 12)))
    if entry == "price":
        y, weight = y * 10.0 ** rng.uniform(-3, 3), None
    network = _network(rng, X, y, terms) if entry == "certify" else {}
    proof = str(rng.choice(PROOFS)) if entry in ("certify", "price") else "auto"
    tol = 1.0 if entry == "fit" and rng.random() < 0.1 else 1e-6
    kinds = (data, target)
    return Case(number, entry, X, y, beta, loss, terms, weight, network, _loss_options(rng, loss), proof, tol, kinds)


def _loss_options(rng, loss):
    draw = float(rng.choice([0.1, 0.9]))
    if rng.random() < 0.7 or loss not in ("huber", "quantile"):
        return {}
    return {"huber_delta": draw} if loss == "huber" else {"quantile": draw}


def _design(rng):
    n, d = int(rng.integers(2, 9 if rng.random() < 0.9 else 13)), int(rng.integers(1, 4))
    plain = rng.standard_normal((n, d))
    name = str(rng.choice(list(DESIGNS)))
    X = np.array(DESIGNS[name](rng, plain), dtype=float)
    if rng.random() < 0.2:
        X = X[rng.integers(0, n, n)]  # repeated rows
    if rng.random() < 0.1:
        X[rng.integers(n)] = 0.0
    if rng.random() < 0.1:
        X[rng.integers(n)] = -X[rng.integers(n)]
    return X, name


def _one_column(rng, plain, values):
    X = plain.copy()
    X[:, rng.integers(X.shape[1])] = values
    return X


def _dependent(rng, plain):
    """The last column is nearly, or but for rounding, a linear function of the first."""
    X = np.round(20 + 8 * plain, int(rng.integers(0, 4)))
    moved = X[:, 0] + 10.0 ** rng.uniform(-15, -3) * plain[:, 0]
    other = rng.choice([X[:, 0] * 1.8 + 32, X[:, 0] * (1 + 1e-12), moved])
    return np.column_stack([X[:, :2], other])


def _steps(rng, plain):
    """Rows (1, 1 + k e) for a small e."""
    e = 2.0 ** -int(rng.integers(10, 52))
    return np.column_stack([np.ones(len(plain)), 1 + e * rng.integers(-2, 3, len(plain))])


def _polygon(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


DESIGNS = {
    "gaussian": lambda rng, plain: plain,
    "nearly parallel": lambda rng, plain: plain[:1] + 10.0 ** rng.uniform(-15, -2) * plain,
    "steps": _steps,
    "dependent columns": _dependent,
    "offset": lambda rng, plain: 10.0 ** rng.uniform(3, 9) + plain,
    "identifiers": lambda rng, plain: _one_column(
        rng, plain, np.floor(10.0 ** rng.uniform(5, 15)) + np.arange(len(plain))
    ),
    "timestamps": lambda rng, plain: _one_column(
        rng, plain, (1.7e9 + 86400.0 * rng.integers(0, 900, len(plain))) * rng.choice([1.0, 1e3])
    ),
    "constant column": lambda rng, plain: _one_column(rng, plain, np.full(len(plain), 10.0 ** rng.uniform(0, 13))),
    "sizes": lambda rng, plain: plain * 10.0 ** rng.uniform(-6, 6, plain.shape[1]),
    "rows of different size": lambda rng, plain: plain * 10.0 ** rng.uniform(-6, 6, (len(plain), 1)),
    "grid": lambda rng, plain: rng.integers(-2, 3, plain.shape),
    "binary": lambda rng, plain: rng.integers(0, 2, plain.shape),
    "polygon": lambda rng, plain: _polygon(len(plain)),
    "rank one": lambda rng, plain: np.outer(plain[:, 0], plain[0]),
}


def _targets(rng, X, loss, n_outputs):
    shape = (len(X), n_outputs)
    plain = rng.standard_normal(shape)
    if loss == "multinomial":
        return np.eye(max(2, n_outputs))[rng.integers(0, max(2, n_outputs), len(X))], "classes"
    if loss in ("logistic", "squared_hinge"):
        y = np.where(plain > 0, 1.0, -1.0)
        return (y[:, 0] if n_outputs == 1 else y), "labels"
    name = str(rng.choice(["gaussian", "gaussian", "far", "size", "linear", "bent", "integers", "constant", "outlier"]))
    y = {
        "gaussian": plain,
        "far": 10.0 ** rng.uniform(3, 9) + plain,
        "size": plain * 10.0 ** rng.uniform(-6, 6),
        "linear": X @ rng.standard_normal((X.shape[1], n_outputs)),
        "bent": np.abs(X @ rng.standard_normal((X.shape[1], n_outputs))) + 0.1 * plain,
        "integers": rng.integers(-2, 3, shape).astype(float),
        "constant": np.full(shape, 10.0 ** rng.uniform(-3, 9)),
        "outlier": np.where(np.arange(len(X))[:, None] == 0, 1e9, 1.0) * plain,
    }[name]
    return (y[:, 0] if n_outputs == 1 else y), name


def _weights(rng, n):
    draw = rng.random()
    if draw < 0.6:
        return None
    if draw < 0.9:
        return 10.0 ** rng.uniform(-6, 6, n)
    return np.maximum(rng.integers(0, 4, n), np.arange(n) == 0).astype(float)


def _network(rng, X, y, terms):
    """Arguments of a network: none, a few or badly balanced neurons, and free terms that are zero, fitted or huge."""
    outputs, d = y.shape[1:], X.shape[1]
    m = int(rng.choice([0, 0, 1, 2, 5]))
    size = 10.0 ** (rng.uniform(-3, 3) if rng.random() < 0.3 else 0.0)
    answer = {
        "hidden_weights": size * rng.standard_normal((m, d)) / np.maximum(1.0, np.abs(X).max(axis=0)),
        "output_weights": rng.standard_normal((m, *outputs)) / size,
    }
    if terms["hidden_bias"]:
        answer["hidden_bias"] = size * rng.standard_normal(m)
    free = np.column_stack([X, np.ones(len(X))])[:, [terms["skip_connection"]] * d + [terms["fit_intercept"]]]
    b = np.linalg.lstsq(free, y, rcond=None)[0] if rng.random() < 0.6 else np.zeros((free.shape[1], *outputs))
    if rng.random() < 0.1:
        b = b + 10.0 ** rng.uniform(6, 15) * rng.choice([-1.0, 0.0, 1.0], b.shape)
    if terms["skip_connection"]:
        answer["skip_weights"] = b[:d]
    if terms["fit_intercept"]:
        answer["intercept"] = b[-1] if outputs else float(b[-1])
    return answer
