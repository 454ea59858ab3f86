"""A network as one vector of weights, and back.

Conventions
-----------
weights : (n_weights,), u_1, ..., u_m (each with its bias last), then alpha, the skip weights and the intercept.
layers : "both" for all of them, "first" for the u_j alone.
"""

import numbers
from dataclasses import replace

import numpy as np

from .._utils.validation import check_choice
from ..exceptions import InvalidInputError
from ..programs.posing import problem_of, refuse_outputs
from ..solvers.base import assemble, free_terms

LAYERS = ("both", "first")


def weights_of(network):
    """Return all weights of a network with one output, of shape (n_weights,)."""
    return np.concatenate([network.neurons.ravel(), network.output_weights, free_terms(network)])


def network_at(problem, weights):
    """Return the network of a vector of all weights, with the terms of `problem`."""
    n_inputs, n_free = problem.design.shape[1], problem.free.shape[1]
    width = (len(weights) - n_free) // (n_inputs + 1)
    neurons, outputs, free = np.split(weights, [width * n_inputs, width * (n_inputs + 1)])
    return assemble(problem, neurons.reshape(width, n_inputs), outputs, free)


def pose_at(network, X, y, beta, **options):
    """Return the `Problem` with the terms of `network`; a `beta` of 0 is allowed here."""
    # A `Problem` needs a strength above 0: it is posed with 1, and 0 is put in afterwards.
    strength = check_not_negative(beta, "beta")
    refuse_outputs(y)
    problem = problem_of(network, X, y, strength or 1.0, **options)
    problem.check_network(network)
    return replace(problem, beta=strength)


def n_trained(network, layers):
    """Return the number of weights of those layers; they are the first ones."""
    check_choice(layers, "layers", LAYERS)
    return network.neurons.size if layers == "first" else len(weights_of(network))


def check_not_negative(value, name):
    """Return `value` as a float after checking that it is a finite real number, 0 or above."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InvalidInputError(f"{name} must be a real number, 0 or above; got {value!r}.")
    if not (np.isfinite(value) and value >= 0):
        raise InvalidInputError(f"{name} must be finite and not below 0; got {value!r}.")
    return float(value)
