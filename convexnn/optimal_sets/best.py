"""One network out of all optimal ones: the best by a criterion, and how far that is proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown, figure
from ..exceptions import VertexLimitError
from ..masses.pruning import prune_masses
from ..network import TwoLayerReLU
from .criteria import make_criterion
from .member_functions import MemberFunctions
from .polytope import MAX_ZERO_SHARE, MIN_RELATIVE_RANK_VALUE
from .widths import random_vertices

Criteria = Literal["neurons", "weights", "features", "validation", "lipschitz", "margin", "closest", "fairest"]

# The best over the polytope is within 1e-6 of its bound, relative to the figure there or at an inner point.
MAX_RELATIVE_GAP = 1e-6
# An interior point leaves a little in every neuron: shares below these are tried without, the largest first.
DROPPED_SHARES = (1e-4, 1e-5, 1e-6, 1e-7, 0.0)
# Masses may leave 1e-9 of the optimal fit when small shares have been dropped.
MAX_FIT_CHANGE = 1e-9
PROOF_WORDS = {
    "polytope": "no optimal network is better",
    "vertices": "the best of the vertices, the networks that cannot be pruned",
    "heuristic": "the best one that was found",
}


@dataclass(frozen=True, eq=False, repr=False)
class BestNetwork(Shown):
    """The network of an optimal set that is best by a criterion.

    Attributes
    ----------
    criterion : str
        The name of the criterion; of a function its name.
    value : float
        The criterion of `network`, evaluated there.
    measure : str
        What `value` is, in words.
    network : TwoLayerReLU
        A globally optimal network, within rounding.
    masses : ndarray of shape (K,)
        Its masses on the directions of the set.
    proof : {"polytope", "vertices", "heuristic"}
        ``"polytope"``: no optimal network is better by more than 1e-6, relative to the value here or at an inner point
        of the polytope. ``"vertices"``: no vertex is better, and there may be better points between them.
        ``"heuristic"``: the vertices are too many to be listed, and this is the best one of those met, or the program
        was not solved to 1e-6.
    bound : float or None
        Every optimal network has at least this value, at most where larger is better; None where no bound is known.
    """

    criterion: str
    value: float
    measure: str
    network: TwoLayerReLU
    masses: np.ndarray
    proof: str
    bound: float | None

    def _shown(self):
        return f"BestNetwork: {PROOF_WORDS[self.proof]}", [
            ("criterion", self.criterion),
            (self.measure, figure(self.value, 6)),
            ("bound", figure(self.bound, 6)),
            ("neurons", str(self.network.width)),
            ("proof", self.proof),
        ]


class Selectable:
    """`best` of a set of optimal networks of one output."""

    problem: Any
    dimension: int
    total_mass: float
    vertices: np.ndarray
    minimum_norm_masses: np.ndarray
    m_star_bounds: tuple[int, int]
    network: Callable[..., TwoLayerReLU]
    _polytope: Any
    _widths: Any

    @cached_property
    def _functions(self):
        return MemberFunctions(self)

    def best(
        self,
        criterion: Criteria | Callable[[TwoLayerReLU], float] = "neurons",
        *,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        network: TwoLayerReLU | None = None,
    ) -> BestNetwork:
        """Return the optimal network that is best by a criterion.

        All networks of the set have the same objective and the same values on the training rows; they differ in their
        neurons and in their values elsewhere. Where the optimum is unique every criterion has the one answer.

        Parameters
        ----------
        criterion : str or callable
            - ``"neurons"``, ``"weights"``, ``"features"``: the fewest neurons, entries of the hidden weights that are
              not zero, or features that the hidden layer uses. The best is a vertex: the list of them decides.
            - ``"validation"``: the smallest mean training loss on `X`, `y` (for the squared loss half the mean squared
              error). A convex program over the polytope, quadratic for the squared loss.
            - ``"lipschitz"``: the smallest bound on the slope over the box of the data, or of the rows of `X`: the
              Euclidean norm of the bounds on ``|df/dx_k|``, where a neuron that changes sides in the box counts with
              and without. A quadratic program.
            - ``"margin"``: the largest ``min_i y_i f(x_i)`` over `X` with labels `y` of -1 and 1. A linear program. On
              the training rows all optimal networks have the same margin.
            - ``"closest"``: closest to `network`. With `X` in the root mean square difference of the values there, a
              quadratic program; else in mass space, a linear program: the mass that has to move to turn the hidden
              layer of the one into that of the other, times its way between unit directions, mass that is made or
              removed counting 1.
            - ``"fairest"``: most even over `groups`, a label per row of `X`: the smallest of the largest mean training
              loss of a group where there are targets `y`, a convex program; else the smallest difference of the mean
              predictions of two groups, a linear program.
            - A function of a network: the smallest value at a vertex. Nothing is known of points between them.
        X : array-like of shape (n_rows, n_features), optional
        y : array-like of shape (n_rows,), optional
            Targets, or labels of -1 and 1, as in training.
        sample_weight : array-like of shape (n_rows,), optional
            Weights of the rows of `X`.
        groups : array-like of shape (n_rows,), optional
        network : TwoLayerReLU, optional
            With the terms (hidden bias, intercept, skip connection) of the problem; it need not be optimal.

        Returns
        -------
        BestNetwork
            Where several networks are equally good, one of few neurons.

        Raises
        ------
        ValueError
            For an unknown criterion, and for what it needs and has not got, or cannot use.
        SolverError
            When a program fails.

        Examples
        --------
        >>> import numpy as np
        >>> from convexnn import optimal_set
        >>> X = np.array([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
        >>> found = optimal_set(X, [1.0, 1.0, 1.0], 0.1)
        >>> found.best("neurons").network
        TwoLayerReLU(2 neurons, 2 inputs, 1 output)
        >>> found.best("validation", X=[[1.0, 1.0]], y=[1.0]).proof
        'polytope'
        """
        given = {"X": X, "y": y, "sample_weight": sample_weight, "groups": groups, "network": network}
        return best_of(self, make_criterion(criterion, self.problem, given))


def best_of(found, criterion):
    """Return the `BestNetwork` of a set by a `Criterion`."""
    if found.dimension == 0:
        masses = found.minimum_norm_masses
        return _record(criterion, found, masses, "polytope", criterion.value(found.network(masses)))
    program = criterion.program(found, found._functions)
    if program is None:
        return _best_vertex(found, criterion)
    z, bound = program.solve(found._polytope)
    shares = _tidied(found, criterion, program, z)
    masses = found.total_mass * np.where(shares > MAX_ZERO_SHARE, shares, 0.0)
    best = criterion.value(found.network(masses))
    # The network is one of those that the bound is on: what is above it is rounding.
    bound = min(bound, criterion.sign * best)
    scale = max(abs(best), abs(criterion.value(found._functions.base)))
    is_proven = criterion.sign * best - bound <= MAX_RELATIVE_GAP * scale
    return _record(criterion, found, masses, "polytope" if is_proven else "heuristic", criterion.sign * bound)


def _record(criterion, found, masses, proof, bound):
    network = found.network(masses)
    return BestNetwork(criterion.name, criterion.value(network), criterion.measure, network, masses, proof, bound)


def _best_vertex(found, criterion):
    """Return the best vertex, or the best one of some where they are too many to list."""
    try:
        candidates, proof, bound = found.vertices, "polytope" if criterion.grows_with_support else "vertices", None
    except VertexLimitError:
        # The point of least norm too: there is always one candidate.
        least_norm = found.minimum_norm_masses[None] / found.total_mass
        met = [random_vertices(found._polytope, np.random.default_rng(0)), least_norm]
        if criterion.grows_with_support:
            met.append(found._widths.fewest[None])
        candidates, proof, bound = found.total_mass * np.vstack(met), "heuristic", None
        if criterion.name == "neurons":
            bound = float(found.m_star_bounds[0])
    values = np.array([criterion.sign * criterion.value(found.network(masses)) for masses in candidates])
    # Of equally good ones that with the fewest neurons, then the first in the order of the list.
    sizes = np.count_nonzero(candidates > MAX_ZERO_SHARE * found.total_mass, axis=1)
    best = np.lexsort((sizes, values))[0]
    if proof == "polytope" or values[best] == bound:
        proof, bound = "polytope", float(values[best])
    return _record(criterion, found, candidates[best], proof, bound)


def _tidied(found, criterion, program, z):
    """Return the shares (K,) of a point without what a program has left in neurons that are none."""
    polytope, held = found._polytope, program.held()
    shares = np.zeros(len(polytope.point))
    shares[polytope.free] = np.maximum(polytope.inner + polytope.edges @ z, 0.0)
    if held is None:
        return shares
    given = criterion.sign * criterion.value(found.network(found.total_mass * shares))
    scale = max(abs(given), abs(criterion.value(found._functions.base)))
    for least in DROPPED_SHARES:
        kept = _fewer(polytope, _without(polytope, shares, least), held)
        if kept is None:
            continue
        value = criterion.sign * criterion.value(found.network(found.total_mass * kept))
        if value <= given + 0.1 * MAX_RELATIVE_GAP * scale:
            return kept
    return shares


def _without(polytope, shares, least):
    """Return the shares without those up to `least`, moved to the equations by as little as possible; None if lost."""
    kept = shares > least
    fits = polytope.equations[:, kept]
    moved = np.zeros(len(shares))
    rest = polytope.target - fits @ shares[kept]
    moved[kept] = shares[kept] + np.linalg.lstsq(fits, rest, rcond=MIN_RELATIVE_RANK_VALUE)[0]
    error = np.linalg.norm(polytope.equations @ moved - polytope.target)
    good = moved.min() >= 0.0 and error <= MAX_FIT_CHANGE * np.linalg.norm(polytope.target)
    return moved if good else None


def _fewer(polytope, shares, held):
    """Return shares of the same fit, and the same values of the rows `held` of z, on few directions."""
    if shares is None:
        return None
    along = np.zeros((len(held), len(shares)))
    along[:, polytope.free] = held @ polytope.edges.T
    # Both blocks in units of one, by which dependence is judged.
    blocks = [
        rows / max(float(np.abs(rows).max(initial=0.0)), np.finfo(float).tiny) for rows in (polytope.equations, along)
    ]
    return prune_masses(np.vstack(blocks), shares, MIN_RELATIVE_RANK_VALUE)
