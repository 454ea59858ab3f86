"""A training problem as the verifier sees it, and the exact objective of a network."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from .dyadic import dyadic, exact, fractions
from .losses import LABELS, exact_loss


@dataclass(frozen=True)
class Problem:
    """``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + ||alpha_j||^2)`` for data (n, d), targets (n, c)."""

    X: np.ndarray
    Y: np.ndarray
    weight: np.ndarray
    beta: float
    loss: str = "squared"
    hidden_bias: bool = False
    fit_intercept: bool = False
    skip_connection: bool = False
    huber_delta: float = 1.35
    quantile: float = 0.5

    @property
    def design(self):
        """The data, with the ones column of a hidden bias."""
        return np.column_stack([self.X, np.ones(len(self.X))]) if self.hidden_bias else self.X

    @property
    def has_labels(self):
        """Whether the loss takes labels, and not residuals."""
        return self.loss in LABELS

    @property
    def options(self):
        """Parameters of the losses."""
        return {"huber_delta": self.huber_delta, "quantile": self.quantile}

    @cached_property
    def exact_targets(self):
        """The rows of Y in rational numbers."""
        return list(fractions(*dyadic(self.Y)))

    @cached_property
    def exact_weights(self):
        """The weights in rational numbers."""
        return list(fractions(*dyadic(self.weight)))

    def exact_losses(self, fits, targets=None):
        """Return what every row adds to the objective, weights included; `fits` are rational numbers (n, c)."""
        targets = self.exact_targets if targets is None else targets
        return [
            w * exact_loss(self.loss, list(y), list(fit), **self.options)
            for w, y, fit in zip(self.exact_weights, targets, fits, strict=True)
        ]


def problem_of(network, X, y, beta, *, sample_weight=None, **options):
    """Return the `Problem` with exactly the terms of a network, without the rows of weight zero."""
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    terms = (network.hidden_bias, network.intercept, network.skip_weights)
    names = ("hidden_bias", "fit_intercept", "skip_connection")
    flags = {name: term is not None for name, term in zip(names, terms, strict=True)}
    rows = weight > 0
    return Problem(X[rows], y.reshape(len(X), -1)[rows], weight[rows], float(beta), **flags, **options)


def exact_fits(network, problem):
    """Return the network's values in rational numbers, of shape (n, c)."""
    rows = fractions(*dyadic(problem.design))
    n_outputs = problem.Y.shape[1]
    values = fractions(*dyadic(np.zeros((len(rows), n_outputs))))
    if network.width:
        neurons = fractions(*dyadic(network.neurons))
        outputs = fractions(*dyadic(network.output_weights.reshape(network.width, -1)))
        values = values + np.maximum(rows @ neurons.T, Fraction(0)) @ outputs
    if network.skip_weights is not None:
        skip = fractions(*dyadic(network.skip_weights.reshape(-1, n_outputs)))
        values = values + rows[:, : problem.X.shape[1]] @ skip
    if network.intercept is not None:
        values = values + fractions(*dyadic(np.broadcast_to(network.intercept, n_outputs)))
    return values


def exact_penalty(network, beta):
    """Return ``beta/2 sum_j (||u_j||^2 + ||alpha_j||^2)`` in rational numbers."""
    entries = np.concatenate([network.neurons.ravel(), network.output_weights.ravel()])
    return exact(beta) / 2 * sum((v * v for v in fractions(*dyadic(entries))), Fraction(0))


def exact_objective(network, problem):
    """Return the objective of a network as it is given, a rational number (logarithms to 60 digits)."""
    return sum(problem.exact_losses(exact_fits(network, problem)), exact_penalty(network, problem.beta))
