"""Which neurons of one deep network are which of another: linear assignments, layer after layer, until none helps.

With one hidden layer one assignment is exact (`match_neurons`). With more, the order of a layer decides how those
beside it fit, and the best orders of all are a hard problem: this is coordinate ascent with restarts.

Conventions
-----------
weights : W_1, ..., W_L as in scikit-learn's ``coefs_``, W_l of shape (n_l-1, n_l).
biases : b_1, ..., b_L, b_l of shape (n_l,).
orders : one permutation of every hidden layer; neuron k of the answer is neuron ``order[k]`` of b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._utils.aliases import Seed
from .._utils.display import Shown
from .._utils.validation import check_count
from ..exceptions import InvalidInputError
from .descent import spawn

# The best of 8 starts counts: the orders as they are, then random ones.
N_STARTS = 8
# A new order of a layer counts when it gains more than 1e-12 of the sizes of the weights: ties never cycle.
MIN_GAIN = 1e-12


@dataclass(frozen=True, repr=False)
class LayerMatching(Shown):
    """A deep network whose hidden neurons were put in the order of those of another.

    Attributes
    ----------
    coefs, intercepts : tuples of ndarrays
        The weights and biases of the permuted network, layer after layer.
    orders : tuple of ndarrays of int
        One permutation per hidden layer.
    similarity : float
        Sum of the products of all weights and biases with those of the other network; a larger one may exist.
    starts : ndarray of shape (n_starts,)
        The similarity that every start ended with.
    """

    coefs: tuple[np.ndarray, ...]
    intercepts: tuple[np.ndarray, ...]
    orders: tuple[np.ndarray, ...]
    similarity: float
    starts: np.ndarray

    def __repr__(self):
        n_moved = sum(np.count_nonzero(order != np.arange(len(order))) for order in self.orders)
        n_neurons = sum(map(len, self.orders))
        return f"LayerMatching({n_moved} of {n_neurons} neurons moved, similarity {self.similarity:.6g})"

    def _shown(self):
        return "LayerMatching: a heuristic, no proof", [
            ("hidden layers", str(len(self.orders))),
            ("similarity", f"{self.similarity:.6g}"),
            ("starts that reach it", f"{np.count_nonzero(self.starts >= self.starts.max())} of {len(self.starts)}"),
        ]


def match_layers(a: Any, b: Any, *, n_starts: int = N_STARTS, random_state: Seed = None) -> LayerMatching:
    """Permute the hidden neurons of every layer of `b` until its weights are as near as possible to those of `a`.

    Which function the network is does not change, whatever its activation. The distance is that of all weights and
    biases; its square is a constant less twice ``sum_l <W_l, P_l-1^T W'_l P_l> + <b_l, b'_l P_l>``, which is linear in
    every single P_l: with the other layers held, one linear assignment gives the best of it. This is repeated, over
    the layers in random order, until no layer gains. [1]_ With two hidden layers and more the end is a local optimum
    that depends on the start: the best of `n_starts` is returned, and it proves nothing.

    Parameters
    ----------
    a, b : fitted MLPRegressor or MLPClassifier, or pairs (coefs, intercepts)
        Networks of the same layers: anything with ``coefs_`` and ``intercepts_`` of scikit-learn's shapes, or the two
        lists themselves, W_l of shape (n_l-1, n_l) and b_l of shape (n_l,).
    n_starts : int
        The orders as they are, then random ones.
    random_state : int, numpy Generator, SeedSequence or None
        Source of the starts and of the order of the layers; an int makes the answer reproducible.

    Returns
    -------
    LayerMatching

    Raises
    ------
    ValueError
        For layers whose shapes do not match, entries that are not finite, and networks without a hidden layer.

    References
    ----------
    .. [1] S. K. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin: merging models modulo permutation symmetries",
       ICLR 2023, section 3.2 and algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn.landscape import match_layers
    >>> rng = np.random.default_rng(0)
    >>> coefs = [rng.standard_normal(shape) for shape in ((2, 4), (4, 3), (3, 1))]
    >>> biases = [rng.standard_normal(size) for size in (4, 3, 1)]
    >>> moved = [coefs[0][:, [2, 0, 3, 1]], coefs[1][[2, 0, 3, 1]], coefs[2]]
    >>> found = match_layers((coefs, biases), (moved, [biases[0][[2, 0, 3, 1]], *biases[1:]]), random_state=0)
    >>> [order.tolist() for order in found.orders]
    [[1, 3, 0, 2], [0, 1, 2]]
    """
    first, second = _layers_of(a, "a"), _layers_of(b, "b")
    shapes = [[weights.shape for weights in coefs] for coefs, _ in (first, second)]
    if shapes[0] != shapes[1]:
        raise InvalidInputError(f"a and b must have layers of the same shapes; got {shapes[0]} and {shapes[1]}.")
    rngs = spawn(random_state)(check_count(n_starts, "n_starts"))
    widths = [len(biases) for biases in first[1][:-1]]
    found = []
    for k, rng in enumerate(rngs):
        orders = [rng.permutation(width) if k else np.arange(width) for width in widths]
        found.append(_ascend(first, second, orders, rng))
    starts = np.array([_similarity(first, permuted(second, orders)) for orders in found])
    best = found[int(starts.argmax())]
    coefs, intercepts = permuted(second, best)
    return LayerMatching(coefs, intercepts, tuple(best), float(starts.max()), starts)


def permuted(network, orders):
    """Return the weights and biases of a network with its hidden neurons in new orders."""
    coefs, intercepts = network
    hidden = [None, *orders, None]
    new = []
    for weights, before, after in zip(coefs, hidden[:-1], hidden[1:], strict=True):
        rows = weights if before is None else weights[before]
        new.append(rows if after is None else rows[:, after])
    biases = [bias[order] for bias, order in zip(intercepts, orders, strict=False)]
    return tuple(new), (*biases, intercepts[-1])


def _ascend(first, second, orders, rng):
    """Return the orders after which no assignment of a single layer gains."""
    least = MIN_GAIN * np.sqrt(_similarity(first, first)) * np.sqrt(_similarity(second, second))
    gained = True
    while gained:
        gained = False
        for layer in rng.permutation(len(orders)):
            similarity = _similarities(first, second, orders, layer)
            rows, order = linear_sum_assignment(similarity, maximize=True)
            if similarity[rows, order].sum() > similarity[rows, orders[layer]].sum() + least:
                orders[layer], gained = order, True
    return orders


def _similarities(first, second, orders, layer):
    """Return how much every neuron of a hidden layer of the first gains from every one of the second."""
    (coefs, biases), (others, other_biases) = first, second
    into, out = others[layer], others[layer + 1]
    if layer > 0:
        into = into[orders[layer - 1]]
    if layer + 1 < len(orders):
        out = out[:, orders[layer + 1]]
    return coefs[layer].T @ into + coefs[layer + 1] @ out.T + np.outer(biases[layer], other_biases[layer])


def _similarity(first, second):
    """Return the sum of the products of all weights and biases."""
    pairs = [pair for parts in zip(first, second, strict=True) for pair in zip(*parts, strict=True)]
    return sum(np.vdot(mine, theirs) for mine, theirs in pairs)


def _layers_of(network, name):
    """Return the weights and the biases of a network, checked."""
    if hasattr(network, "coefs_"):
        network = network.coefs_, network.intercepts_
    if not (isinstance(network, Sequence) and len(network) == 2):
        raise InvalidInputError(
            f"{name} must be a fitted network of scikit-learn or a pair (coefs, intercepts); got {network!r}."
        )
    coefs, intercepts = ([np.asarray(part, dtype=float) for part in parts] for parts in network)
    if len(coefs) < 2 or len(coefs) != len(intercepts):
        raise InvalidInputError(
            f"{name} must have two layers of weights or more, one bias each; got {len(coefs)} and {len(intercepts)}."
        )
    n_inputs = coefs[0].shape[0]
    for k, (weights, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        if weights.ndim != 2 or weights.shape[0] != n_inputs or bias.shape != weights.shape[1:]:
            raise InvalidInputError(
                f"layer {k} of {name} must have weights of shape ({n_inputs}, n) and a bias of shape (n,); "
                f"got shapes {weights.shape} and {bias.shape}."
            )
        if not (np.all(np.isfinite(weights)) and np.all(np.isfinite(bias))):
            raise InvalidInputError(f"layer {k} of {name} must be finite; it contains NaN or infinity.")
        n_inputs = weights.shape[1]
    return coefs, intercepts
