"""Which neuron of one network is which of another: one linear assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.validation import check_choice
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..programs.posing import check_is_network

METHODS = ("weights", "activations", "fits")


@dataclass(frozen=True, repr=False)
class Matching(Shown):
    """A network whose neurons were put in the order of those of another.

    Attributes
    ----------
    network : TwoLayerReLU
        The permuted network: its neuron k belongs to neuron k of the other.
    order : ndarray of int of shape (width,)
        ``network`` is ``b.permuted(order)``.
    similarities : ndarray of shape (width,)
        Similarity of every pair; the assignment makes their sum largest.
    """

    network: TwoLayerReLU
    order: np.ndarray
    similarities: np.ndarray

    def __repr__(self):
        moved = np.count_nonzero(self.order != np.arange(len(self.order)))
        return f"Matching({moved} of {len(self.order)} neurons moved, similarity {self.similarities.sum():.6g})"

    def _shown(self):
        moved = np.count_nonzero(self.order != np.arange(len(self.order)))
        return "Matching", [
            ("neurons moved", f"{moved} of {len(self.order)}"),
            ("similarity", f"{self.similarities.sum():.6g}"),
        ]


def match_neurons(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    X: ArrayLike | None = None,
    method: Literal["weights", "activations", "fits"] = "weights",
) -> Matching:
    """Permute the neurons of `b` until they are as similar as possible to those of `a`.

    Which function the network is does not change. For one hidden layer the best permutation is one linear assignment,
    solved exactly; the barrier that it leaves need not be the smallest of all permutations.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Networks of the same shape.
    X : array-like of shape (n_samples, n_features), optional
        Needed for the activations and the fits, of no account for the weights.
    method : {"weights", "activations", "fits"}
        The similarity of neuron j of a and neuron k of b, and the squared distance that their order makes smallest:

        ``"weights"``: ``u_j^T u'_k + alpha_j^T alpha'_k``, the distance of all weights.
        ``"activations"``: ``(X u_j)_+^T (X u'_k)_+``, the distance ``||H_a - H_b P||^2`` of the hidden layers, which
        knows nothing of the output weights and may pair neurons of opposite signs.
        ``"fits"``: ``(X u_j)_+^T (X u'_k)_+ alpha_j^T alpha'_k``, the distance of what the neurons contribute.

        The first two depend on how neurons are balanced (see `TwoLayerReLU.balanced`), the third does not.

    Returns
    -------
    Matching

    Raises
    ------
    ValueError
        For networks of different shapes, an unknown method, and for activations or fits without X.

    References
    ----------
    .. [1] S. K. Ainsworth, J. Hayase, S. Srinivasa, "Git Re-Basin: merging models modulo permutation symmetries",
       ICLR 2023, section 3.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import match_neurons
    >>> a = TwoLayerReLU([[1, 0], [0, 1], [1, 1]], [1, 1, -1])
    >>> match_neurons(a, a.permuted([2, 0, 1])).order
    array([1, 2, 0])
    """
    check_choice(method, "method", METHODS)
    check_pair(a, b)
    similarity = _similarity(a, b, X, method)
    rows, order = linear_sum_assignment(similarity, maximize=True)
    return Matching(b.permuted(order), order, similarity[rows, order])


def _similarity(a, b, X, method):
    """Return the similarities of all pairs, of shape (width, width)."""
    # ||a - P b||^2 = ||a||^2 + ||b||^2 - 2 sum_j similarity_j,P(j): the smallest distance has the largest sum.
    outputs = _columns(a.output_weights) @ _columns(b.output_weights).T
    if method == "weights":
        return a.neurons @ b.neurons.T + outputs
    if X is None:
        raise InvalidInputError(f"X must be given with method={method!r}; got None.")
    hidden = a.activations(X).T @ b.activations(X)
    return hidden if method == "activations" else hidden * outputs


def _columns(outputs):
    """Output weights as (width, n_outputs), whatever the number of outputs."""
    return outputs[:, None] if outputs.ndim == 1 else outputs


def check_pair(a, b):
    """Refuse what are no two networks of the same shape and bias."""
    for network, name in ((a, "a"), (b, "b")):
        check_is_network(network, name)
    shapes = [(network.neurons.shape, network.output_weights.shape) for network in (a, b)]
    if shapes[0] != shapes[1] or (a.hidden_bias is None) != (b.hidden_bias is None):
        raise InvalidInputError(f"a and b must have the same width, inputs, outputs and bias; got {a} and {b}.")


def check_same_terms(a, b):
    """Refuse networks of which only one has an intercept, skip weights or a hidden bias."""
    for term in ("hidden_bias", "intercept", "skip_weights"):
        if (getattr(a, term) is None) != (getattr(b, term) is None):
            raise InvalidInputError(f"a and b must have the same terms; {term} is in one of them only: {a} and {b}.")
