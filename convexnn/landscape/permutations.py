"""Permutations of neurons, and the paths that join them at no cost or at a known one.

A neuron that is free, because it is zero or because two share one direction and sign, takes over another one little by
little: the shares of a neuron may be moved between places without a change of the function. So every order of the
neurons is reached, from any network, wherever it lies. Without a free neuron the orders may be apart, and the way leads
over a network that does without one of its neurons (`permutation_detour`), or over a saddle (`permutation_saddle`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import figure
from .._utils.norms import nonzero, norms
from ..exceptions import InvalidInputError
from ..moves import group_rows
from ..network import TwoLayerReLU
from ..optimal_sets.descent import Balancing
from ..optimal_sets.mass_refit import MassRefit
from ..optimal_sets.paths import LegPath, MassLegs, NetworkPath
from ..optimal_sets.placements import Walk
from ..programs.posing import check_is_network
from ..programs.problem import Problem
from ._weights import pose_at
from .unregularized import with_neurons

# Unit vectors no further apart than 1e-12, in every entry, are one: as in `TwoLayerReLU.merged`.
SAME_NEURON_DISTANCE = 1e-12


class PermutationPath(LegPath):
    """A path of networks that are one function, from a network to its neurons in another order.

    The penalty ``sum_j (||u_j||^2 + ||alpha_j||^2)`` is that of the balanced network from the first leg's end to the
    last leg's start, and on these two legs between it and that of the ends. With a balanced network it is constant,
    and so is every objective.

    Attributes
    ----------
    knots : ndarray of shape (n_legs + 1,)
        Parameters at which the legs meet.
    """

    def _shown(self):
        return "PermutationPath: one function all along", [
            ("neurons", str(self._ends[0].width)),
            ("legs", str(len(self._legs))),
        ]


def permutation_path(network: TwoLayerReLU, order: ArrayLike) -> PermutationPath:
    """Join a network to its neurons in another order by networks that are the same function, for all inputs.

    The network may be anything: a spurious minimum, a saddle or no stationary point at all. Its first leg balances the
    neurons, on the others the masses of neurons move to places that are free (a neuron in two places is a split one),
    the last undoes the balancing. The data loss is constant on the way whatever the data; the objective of weight decay
    never exceeds that of the network, and is constant if the network is balanced.

    Parameters
    ----------
    network : TwoLayerReLU
        With a free neuron: one that is zero, or dead (``u_j = 0`` or ``alpha_j = 0``), or two of the same direction and
        sign; `TwoLayerReLU.padded` and `TwoLayerReLU.split` make one.
    order : array-like of int of shape (width,)
        Neuron k of the end is neuron ``order[k]`` of the network.

    Returns
    -------
    PermutationPath
        From ``path(0)``, the network itself, to ``path(1)``, ``network.permuted(order)``.

    Raises
    ------
    ValueError
        When `order` is no permutation, and when no neuron is free.

    References
    ----------
    .. [1] J. Brea, B. Simsek, B. Illing, W. Gerstner, "Weight-space symmetry in deep networks gives rise to permutation
       saddles, connected by equal-loss valleys across the loss landscape", arXiv 1907.02911, 2019.
    .. [2] B. Simsek et al., "Geometry of the loss landscape in overparameterized neural networks: symmetries and
       invariances", ICML 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import permutation_path
    >>> network = TwoLayerReLU([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [1.0, -1.0, 0.0])
    >>> path = permutation_path(network, [1, 0, 2])
    >>> values = [path(t).predict([[1.0, 2.0]])[0] for t in np.linspace(0, 1, 50)]
    >>> bool(np.ptp(values) < 1e-14), path(1.0).output_weights
    (True, array([-1.,  1.,  0.]))
    """
    check_is_network(network, "network")
    target, places = network.permuted(order), _Places(network)
    walk, goal = places.walk(np.arange(network.width)), places.walk(np.asarray(order).astype(int))
    if walk.n_empty:
        walk.arrange(goal)
    elif not np.array_equal(walk.labels, goal.labels):
        wider = network.width + 1
        raise InvalidInputError(
            f"network must have a free neuron: a zero one, or two of one direction and sign; got {network} without. "
            f"network.padded({wider}) and network.split(0, [0.5, 0.5]) have one, for an order of {wider} neurons."
        )
    legs = [partial(places.network_at, segment) for segment in walk.segments + goal.back()]
    return PermutationPath([network.partly_balanced, *legs, partial(_unbalanced, target)], (network, target))


class PermutationDetour(NetworkPath):
    """A path from a network to its neurons in another order, over one that does without one of its neurons.

    Attributes
    ----------
    knots : ndarray of shape (n_legs + 1,)
        Parameters at which the legs meet.
    dropped : int or None
        The neuron that is given up on the way; None when one was free, so that nothing was.
    peak : float
        The largest objective on the path: that of the network without the neuron, or of the network itself. There is
        no larger one, because the objective is convex in the masses.
    """

    def __init__(
        self,
        problem: Problem,
        legs: Sequence[Callable[[float], TwoLayerReLU]],
        ends: tuple[TwoLayerReLU, TwoLayerReLU],
        dropped: int | None,
        peak: float,
    ) -> None:
        super().__init__(problem, legs, ends)
        self.dropped, self.peak = dropped, peak

    @property
    def rise(self) -> float:
        """``peak`` less the objective of the network."""
        return self.peak - self.objective(0.0)

    def _shown(self):
        return "PermutationDetour", [
            ("neurons", str(self._ends[0].width)),
            ("given up", "none" if self.dropped is None else f"neuron {self.dropped}"),
            ("objective", f"{figure(self.objective(0.0))}, {figure(self.peak)} at most"),
        ]


def permutation_detour(
    network: TwoLayerReLU,
    order: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    sample_weight: ArrayLike | None = None,
) -> PermutationDetour:
    """Join a network to its neurons in another order on data, where no neuron is free, and say how high the way leads.

    The masses go straight to the best ones without one neuron, over the directions of the others; its place is then
    free, the neurons change places at a constant objective, and the same way leads back. The neuron given up is the one
    whose loss costs least. The objective is ``1/2 sum_i w_i (y_i - f(x_i))^2 + beta/2 sum_j (||u_j||^2 + alpha_j^2)``.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output; the problem has exactly the bias and the free terms that it has.
    order : array-like of int of shape (width,)
        Neuron k of the end is neuron ``order[k]`` of the network.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    beta : float
        0 or above.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    PermutationDetour
        Its `peak` bounds the lowest pass between the two networks from above; whether there is a lower way is not
        asked. With a free neuron there is nothing to give up, and the path is never above the network.

    Raises
    ------
    ValueError
        For bad input.

    Examples
    --------
    >>> from convexnn import TwoLayerReLU
    >>> from convexnn.landscape import permutation_detour
    >>> network = TwoLayerReLU([[1.0], [-1.0]], [0.9, 0.9]).balanced()
    >>> path = permutation_detour(network, [1, 0], [[1.0], [-1.0]], [1.0, 1.0], 0.1)
    >>> round(path.objective(0.0), 6), round(path.peak, 6)  # 2 beta - beta^2, and one neuron alone
    (0.19, 0.595)
    """
    check_is_network(network, "network")
    problem = pose_at(network, X, y, beta, sample_weight=sample_weight)
    target, places = network.permuted(order), _Places(network)
    walk, goal = places.walk(np.arange(network.width)), places.walk(np.asarray(order).astype(int))
    signs, mass = places.units[:, 0], places.root**2
    dropped, peak = None, problem.objective(network)
    if walk.n_empty == 0 and network.width:
        refit, masses = MassRefit(problem, places.directions, signs), mass * walk.totals(network.width)
        dropped, best, height = _cheapest_loss(refit, masses)
        peak = max(peak, height)
        for one in (walk, goal):
            one.to(best / mass)
    walk.arrange(goal)
    legs = MassLegs(problem, places.directions, signs, mass).legs(walk.segments + goal.back())
    first, last = Balancing(problem, network), Balancing(problem, target)
    legs = [first.forth, *legs, last.back]
    label = None if dropped is None else int(np.flatnonzero(places.labels == dropped)[0])
    return PermutationDetour(problem, legs, (network, target), label, peak)


def _cheapest_loss(refit, masses):
    """Return the label whose loss costs least, the best masses without it and the objective there."""
    found = []
    for label in range(len(masses)):
        kept, best = np.delete(np.arange(len(masses)), label), np.zeros(len(masses))
        best[kept], height = refit.masses(kept, masses[kept])
        found.append((label, best, float(height)))
    return min(found, key=lambda one: one[2])


class _Places:
    """The distinct neurons of a network, numbered by labels, and the shares of them that its places hold."""

    def __init__(self, network):
        self.network, balanced = network, network.balanced()
        # sqrt(mass) is the norm of a balanced neuron; the masses are relative to the largest of them.
        roots = norms(balanced.neurons)
        self.root = nonzero(roots.max(initial=0.0))
        self.shares, self.labels = (roots / self.root) ** 2, np.zeros(network.width, dtype=int)
        live = np.flatnonzero(self.shares > 0)
        n_outputs = int(np.prod(network.output_weights.shape[1:]))
        units = balanced.output_directions.reshape(network.width, n_outputs)
        groups = group_rows(np.hstack([balanced.directions, units])[live], SAME_NEURON_DISTANCE)
        for label, group in enumerate(groups):
            self.labels[live[group]] = label
        first = [live[group[0]] for group in groups]
        self.directions, self.units = balanced.directions[first], units[first]

    def walk(self, order):
        """Return a `Walk` from the neurons in an order to the same neurons, every one in one place."""
        walk = Walk(self.labels[order], self.shares[order])
        walk.gather()
        return walk

    def network_at(self, segment, share):
        """Return the network after a share of a segment."""
        roots = self.root * np.sqrt(segment.at(share))[:, None]
        outputs = roots * self.units[segment.labels]
        neurons = roots * self.directions[segment.labels]
        return with_neurons(self.network, neurons, outputs.reshape(self.network.output_weights.shape))


def _unbalanced(network, share):
    """Return the network after a share of the way from its balanced form."""
    return network.partly_balanced(1.0 - share)
