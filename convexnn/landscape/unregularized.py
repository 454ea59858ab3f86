"""Two networks joined without weight decay: from width n + 1 on, no loss on the way is above both ends.

Without a penalty the outputs of a network may move along null vectors of its activations. With more neurons than rows
one output can always become zero, and its neuron is then free to move: neurons of the other network are taken in one by
one, as vectors are exchanged in a basis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.norms import nonzero, norms
from .._utils.validation import check_design
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from ..optimal_sets.paths import between, check_share
from .matching import check_pair, check_same_terms

# Activations of unit norm count as dependent where a residual is below 1e-9.
MIN_RESIDUAL = 1e-9


class UnregularizedPath(Shown):
    """A chain of straight lines, in the weights, between two networks; ``path(0)`` and ``path(1)`` are the ends.

    On every line but one the values on the rows stay as they are; on one they go straight from those of the first to
    those of the last, so that no convex loss is above the line between its end values.

    Attributes
    ----------
    corners : tuple of TwoLayerReLU
        The ends and what is between the lines.
    knots : ndarray of shape (n_corners,)
        Parameters at the corners.
    """

    def __init__(self, corners: Sequence[TwoLayerReLU]) -> None:
        self.corners = tuple(corners)
        self.knots = np.linspace(0.0, 1.0, len(self.corners))

    def __call__(self, t: float) -> TwoLayerReLU:
        """Return the network at t in [0, 1]."""
        check_share(t)
        position = t * (len(self.corners) - 1)
        k = min(int(position), len(self.corners) - 2)
        if position in (k, k + 1):
            return self.corners[int(position)]
        return between(self.corners[k], self.corners[k + 1], position - k)

    def __repr__(self):
        return f"UnregularizedPath({self.corners[0].width} neurons, {len(self.corners) - 1} lines)"

    def _shown(self):
        return "UnregularizedPath", [
            ("neurons", str(self.corners[0].width)),
            ("lines", str(len(self.corners) - 1)),
        ]


def unregularized_path(a: TwoLayerReLU, b: TwoLayerReLU, X: ArrayLike) -> UnregularizedPath:
    """Join two networks of width n + 1 or more so that no loss without penalty rises above the line between its ends.

    This is the proof that the sublevel sets of two-layer networks of width n + 1 are connected [1]_, as an algorithm:
    outputs of neurons whose activations depend on the others become zero; free neurons take in those of b, one after
    another, each in the place of one of a; then the outputs go straight to those of b. Two networks that interpolate
    the same targets are joined by networks that interpolate them. With width n there may be no such path.

    Parameters
    ----------
    a, b : TwoLayerReLU
        Of one shape and the same terms, with one output.
    X : array-like of shape (n_samples, n_inputs)
        The n rows.

    Returns
    -------
    UnregularizedPath
        With rounding of the size of that of a linear system with the activations.

    Raises
    ------
    ValueError
        For bad input, and at width n or less where no neuron is free: because all activations of one network are
        independent, or because those of both, together, leave no place to exchange neurons.

    References
    ----------
    .. [1] Q. Nguyen, "A note on connectivity of sublevel sets in deep learning", arXiv 2101.08576, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import unregularized_path
    >>> X = np.array([[1.0], [-1.0]])
    >>> a = TwoLayerReLU([[1.0], [-1.0], [0.0]], [1.0, 1.0, 0.0])
    >>> path = unregularized_path(a, a.permuted([1, 0, 2]), X)
    >>> bool(max(np.abs(path(t).predict(X) - 1.0).max() for t in np.linspace(0, 1, 101)) < 1e-12)
    True
    """
    check_pair(a, b)
    check_same_terms(a, b)
    if a.output_weights.ndim != 1:
        raise InvalidInputError(f"a and b must have one output; got {a}.")
    X = check_design(X)
    there, back = _Walker(a, X), _Walker(b, X)
    for walker, name in ((there, "a"), (back, "b")):
        walker.free_dependent()
        if len(walker.active) == a.width:
            raise InvalidInputError(
                f"the activations of {name} must depend on each other for a neuron to be free; all {a.width} are "
                f"independent on the {len(X)} rows. From width {len(X) + 1} on they never are."
            )
    _exchange(there, back)
    goal = back.here
    # Neurons that are still of a lose their outputs here; all others are in place, so that the values go straight.
    there.to(with_neurons(goal, there.here.neurons, goal.output_weights))
    there.to(goal)
    return UnregularizedPath([*there.corners, *back.corners[-2::-1]])


class _Walker:
    """A network on its way: every step moves outputs along a null vector, or neurons whose output is zero."""

    def __init__(self, network, X):
        self.X, self.corners = X, [network]

    @property
    def here(self):
        """The last corner."""
        return self.corners[-1]

    @property
    def active(self):
        """Neurons whose output is not zero."""
        return np.flatnonzero(self.here.output_weights)

    def to(self, network):
        """Go straight to a network."""
        self.corners.append(network)

    def set_outputs(self, outputs):
        """Go straight to other outputs."""
        self.to(with_neurons(self.here, self.here.neurons, outputs))

    def set_neuron(self, k, neuron):
        """Move a neuron whose output is zero."""
        neurons = self.here.neurons.copy()
        neurons[k] = neuron
        self.to(with_neurons(self.here, neurons, self.here.output_weights))

    def columns(self):
        """Return the activations, of unit norm or zero, and their norms."""
        activations = self.here.activations(self.X)
        sizes = norms(activations.T)
        return activations / nonzero(sizes), sizes

    def weights_of(self, column, kept):
        """Return how a unit column is made of those of the kept neurons, or None where it is not."""
        columns = self.columns()[0][:, kept]
        weights = np.linalg.lstsq(columns, column, rcond=None)[0] if len(kept) else np.zeros(0)
        return weights if np.linalg.norm(columns @ weights - column) <= MIN_RESIDUAL else None

    def free_dependent(self):
        """Give the outputs of neurons whose activations depend on those before them to these, in one straight line."""
        columns, sizes = self.columns()
        outputs, kept = self.here.output_weights.copy(), []
        for k in self.active:
            weights = self.weights_of(columns[:, k], kept) if sizes[k] > 0.0 else np.zeros(len(kept))
            if weights is None:
                kept.append(k)
            else:
                outputs[kept] += outputs[k] * sizes[k] * weights / sizes[kept]
                outputs[k] = 0.0
        self.set_outputs(outputs)


def _exchange(there, back):
    """Take the active neurons of `back` into the places that they have there, one after another."""
    goal = back.here
    taken = []  # places that already hold their neuron of b; their columns are independent, as those of b are
    for k in back.active:
        if there.here.output_weights[k]:
            _vacate(there, k, taken)
        there.set_neuron(k, goal.neurons[k])
        taken.append(k)
        _drop_one(there, k, taken)


def _vacate(walker, k, taken):
    """Move the neuron of a in place k to a free place that holds none of b."""
    outputs = walker.here.output_weights
    free = next((j for j in np.flatnonzero(outputs == 0.0) if j not in taken), None)
    if free is None:
        raise InvalidInputError(
            f"a and b must leave a neuron free to exchange theirs; of {len(outputs)} on {len(walker.X)} rows none is. "
            f"From width {len(walker.X) + 1} on one always is."
        )
    walker.set_neuron(free, walker.here.neurons[k])
    moved = outputs.copy()
    moved[free], moved[k] = outputs[k], 0.0
    walker.set_outputs(moved)


def _drop_one(walker, k, taken):
    """Free one neuron of a where the activations of the new neuron k depend on the others, which stay independent."""
    others = [j for j in walker.active if j not in taken]
    kept = np.array([*(j for j in taken if j != k), *others], dtype=int)
    columns, sizes = walker.columns()
    weights = walker.weights_of(columns[:, k], kept)
    if weights is None or not others:
        return
    # column_k = sum_j weights_j column_j: the output of the neuron of a with the largest share goes to the rest.
    largest = len(kept) - len(others) + int(np.abs(weights[len(kept) - len(others) :]).argmax())
    outputs = walker.here.output_weights.copy()
    amount = outputs[kept[largest]] * sizes[kept[largest]] / weights[largest]
    outputs[kept] -= amount * weights / sizes[kept]
    outputs[k] += amount / sizes[k]
    outputs[kept[largest]] = 0.0
    walker.set_outputs(outputs)


def with_neurons(network, neurons, outputs):
    """Return the network with other neurons and outputs, its free terms as they are."""
    n_inputs = network.n_inputs
    bias = None if network.hidden_bias is None else neurons[:, n_inputs]
    return TwoLayerReLU(
        neurons[:, :n_inputs],
        outputs,
        hidden_bias=bias,
        intercept=network.intercept,
        skip_weights=network.skip_weights,
    )
