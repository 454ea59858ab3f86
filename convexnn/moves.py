"""The moves of a two-layer ReLU network that leave its function or its fit alone, and never raise its objective."""

from __future__ import annotations

from typing import Self

import numpy as np

from ._utils.aliases import ArrayLike
from ._utils.arrays import relu_values
from ._utils.norms import nonzero, norms
from ._utils.validation import check_count, finite_array
from .exceptions import InvalidInputError
from .masses.pruning import prune_masses
from .neurons import Neurons


class Moves(Neurons):
    """Balancing, merging, pruning, permuting, splitting and padding of a `TwoLayerReLU`."""

    def balanced(self) -> Self:
        """Return the same function with ``||u_j|| = |alpha_j|`` for every neuron.

        The objective never rises. A neuron without mass (u_j or alpha_j is zero) becomes a zero neuron.
        """
        # sqrt(mass) on both sides: ||u_j|| = |alpha_j| gives the smallest ||u||^2 + alpha^2 of all rescalings.
        roots = self._root_masses()
        return self._with_neurons(self.directions * roots[:, None], self._unit_outputs * roots[:, None])

    def partly_balanced(self, share: float) -> Self:
        """Return the network after this share of a way to `balanced`, on which the objective never rises.

        The function stays, while ``||u_j||`` and ``|alpha_j|`` approach each other geometrically; neurons without mass
        fade.

        Parameters
        ----------
        share : float
            0 for the network itself, 1 for the balanced one.
        """
        sizes, outputs = norms(self.neurons), norms(self._outputs)
        live = (sizes > 0) & (outputs > 0)
        growth = np.where(live, np.sqrt(outputs) / np.sqrt(nonzero(sizes)), 1.0)
        # ||u|| -> ||u|| g^t and |alpha| -> |alpha| g^-t keep the fit; dead neurons fade, which changes no fit either.
        fading = np.where(live, 1.0, 1.0 - share)
        neurons = (fading * growth**share)[:, None] * self.neurons
        return self._with_neurons(neurons, (fading * growth**-share)[:, None] * self._outputs)

    def _root_masses(self):
        """``sqrt(mass)``, taken factor by factor: the mass itself may leave float64."""
        return np.sqrt(norms(self.neurons)) * np.sqrt(norms(self._outputs))

    def merged(self, tolerance: float = 1e-12) -> Self:
        """Return the network whose neurons of the same direction and sign have become one.

        The merged neuron is balanced, and its mass is the sum of theirs; neurons without mass are dropped, all
        others stay as they are, in the order of their first members. The function stays, the objective never rises.

        Parameters
        ----------
        tolerance : float
            Unit vectors (of u_j and of the output weights) no further apart than this are the same. Neurons that
            are merged without being exactly collinear change the function by the order of their distance.
        """
        # Neurons whose direction and unit output vector agree are one neuron in several parts.
        members = self._with_neurons_at(self._root_masses() > 0)
        directions, balanced = members.directions, members.balanced()
        outputs = members._unit_outputs
        groups = group_rows(np.hstack([directions, outputs]), tolerance)
        neurons, weights = members.neurons.copy(), members._outputs.copy()
        for group in groups:
            if len(group) > 1:
                # The mass of the merged neuron is the sum of the masses: the root of a sum of squared roots.
                root = np.hypot.reduce(norms(balanced._outputs[group]))
                neurons[group[0]] = directions[group[0]] * root
                weights[group[0]] = outputs[group[0]] * root
        first = [group[0] for group in groups]
        return members._with_neurons(neurons[first], weights[first])

    def pruned(self, X: ArrayLike, tolerance: float = 1e-12) -> Self:
        """Return a balanced network with the same values on `X` whose fits are linearly independent.

        The masses move along null vectors of the fits ``([X, 1] u_j)_+ alpha_j`` until none is left: at most
        ``n_samples * n_outputs`` neurons remain. The total mass never rises, and so neither does the objective on `X`
        (the fit stays to rounding of the largest of the fits); away from `X` the function may change. At an optimum of
        one output the result is a vertex of the optimal set. Neurons whose fit is zero on `X` are dropped.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_inputs)
        tolerance : float
            Fits of unit norm are dependent where a singular value is at most `tolerance` times the largest.

        References
        ----------
        Kim, Mishkin, Pilanci, *Exploring the loss landscape of regularized neural networks via convex duality*,
        ICLR 2025, section 3 (irreducible solutions); Mishkin, Pilanci, *Optimal sets and solution paths of ReLU
        networks*, ICML 2023 (pruning).
        """
        X = self._check_inputs(X)
        units = self._unit_outputs
        # The fit of a neuron of mass one at every row and output, as one column.
        fits = (relu_values(X, self.directions)[:, None, :] * units.T).reshape(len(X) * units.shape[1], self.width)
        roots = self._root_masses()
        # Masses relative to the largest: their ratios are all that counts, and the masses may leave float64.
        relative = (roots / max(roots.max(initial=0.0), np.finfo(float).tiny)) ** 2
        kept = prune_masses(fits, relative, tolerance)
        roots = roots * np.sqrt(kept / nonzero(relative))
        network = self._with_neurons(self.directions * roots[:, None], units * roots[:, None])
        return network._with_neurons_at(kept > 0)

    def permuted(self, order: ArrayLike) -> Self:
        """Return the network whose neuron k is neuron ``order[k]`` of this one; `order` permutes range(width)."""
        order = np.asarray(order)
        if order.shape != (self.width,) or not np.array_equal(np.sort(order), np.arange(self.width)):
            raise InvalidInputError(f"order must be a permutation of range({self.width}); got {order!r}.")
        return self._with_neurons_at(order.astype(int))

    def split(self, j: int, shares: ArrayLike) -> Self:
        """Return the network whose neuron `j` is split into several of the same direction and sign.

        Part k has the mass ``shares[k]`` times that of neuron j, and the same ratio ``||u|| / |alpha|``. The parts
        take the place of neuron j, in order; the function and the objective stay.

        Parameters
        ----------
        j : int
            From 0 to width - 1.
        shares : array-like of shape (n_parts,)
            Positive, of sum 1.
        """
        if check_count(j, "j", minimum=0) >= self.width:
            raise InvalidInputError(f"j must be a neuron from 0 to {self.width - 1}; got {j!r}.")
        shares = finite_array(shares, "shares")
        if shares.ndim != 1 or not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-8:
            raise InvalidInputError(f"shares must be a list of positive numbers of sum 1; got {shares!r}.")
        which = np.insert(np.arange(self.width), j, np.full(len(shares) - 1, j))
        # u and alpha scale by the root of the share, so that the mass scales by the share.
        roots = np.ones(len(which))
        roots[j : j + len(shares)] = np.sqrt(shares / shares.sum())
        return self._with_neurons(self.neurons[which] * roots[:, None], self._outputs[which] * roots[:, None])

    def padded(self, width: int) -> Self:
        """Return the network with zero neurons appended until it has `width` of them."""
        missing = check_count(width, "width", minimum=0) - self.width
        if missing < 0:
            raise InvalidInputError(
                f"width must be at least {self.width}, the number of neurons there are; got {width!r}. "
                f"Use pruned(X) to make a network narrower."
            )
        neurons, outputs = self.neurons, self._outputs
        return self._with_neurons(
            np.vstack([neurons, np.zeros((missing, neurons.shape[1]))]),
            np.vstack([outputs, np.zeros((missing, outputs.shape[1]))]),
        )


def group_rows(rows, tolerance):
    """Return lists of the indices of rows that are within `tolerance` of the first row of their list."""
    left = np.arange(len(rows))
    groups = []
    while len(left):
        # Compared with the first of the group, not with each other: groups cannot creep along a chain.
        close = np.abs(rows[left] - rows[left[0]]).max(axis=1) <= tolerance
        groups.append(left[close])
        left = left[~close]
    return groups
