"""Between the convex program and the network, there and back.

The two maps keep the fit, and the penalty never grows in either direction: ``beta/2 (||u||^2 + alpha^2)`` of a balanced
neuron is ``beta ||w||`` of its block ``w = |alpha| u``. Source: Pilanci, Ergen, *Neural networks are convex
regularizers*, ICML 2020, theorem 1; Kim, Mishkin, Pilanci, ICLR 2025, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._utils.aliases import ArrayLike
from .._utils.display import Shown
from .._utils.validation import check_design
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from .posing import check_is_network

__all__ = ["ConvexSolution", "to_network", "to_convex"]


@dataclass(frozen=True, eq=False, repr=False)
class ConvexSolution(Shown):
    """A point of the convex program: ``fit = sum_i D_i X (u_i - v_i) + Z b``.

    Attributes
    ----------
    patterns : ndarray of bool of shape (n_patterns, n_samples)
        The diagonals of the D_i.
    positive, negative : ndarray of shape (n_inputs, n_patterns)
        The blocks u_i and v_i; `n_inputs` counts the hidden bias, which comes last.
    free : ndarray of shape (n_free,)
        The unpenalised terms: skip weights first, then the intercept.
    hidden_bias, fit_intercept, skip_connection : bool
        Which of them there are.
    """

    patterns: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    free: np.ndarray
    hidden_bias: bool = False
    fit_intercept: bool = False
    skip_connection: bool = False

    def __post_init__(self):
        patterns = np.asarray(getattr(self.patterns, "masks", self.patterns), dtype=bool)
        object.__setattr__(self, "patterns", patterns)
        for name in ("positive", "negative", "free"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64))
        self._check_shapes()

    def _check_shapes(self):
        n_inputs = self.positive.shape[0] if self.positive.ndim == 2 else 0
        for name in ("positive", "negative"):
            shape = getattr(self, name).shape
            if self.patterns.ndim != 2 or n_inputs == 0 or shape != (n_inputs, len(self.patterns)):
                raise InvalidInputError(
                    f"{name} must have shape (n_inputs, n_patterns), one column per row of patterns; got shape "
                    f"{shape} with patterns of shape {self.patterns.shape}."
                )
        n_free = self.n_features * bool(self.skip_connection) + bool(self.fit_intercept)
        if self.free.shape != (n_free,):
            raise InvalidInputError(
                f"free must have shape ({n_free},): skip weights, then the intercept; got shape {self.free.shape}."
            )

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.positive.shape[0] - bool(self.hidden_bias)

    @property
    def penalty(self) -> float:
        """``sum_i (||u_i|| + ||v_i||)``."""
        return float(np.linalg.norm(self.positive, axis=0).sum() + np.linalg.norm(self.negative, axis=0).sum())

    def fit(self, X: ArrayLike) -> np.ndarray:
        """Return ``sum_i D_i X (u_i - v_i) + Z b`` on the rows `X` that the patterns belong to."""
        X = check_design(X)
        design = _with_bias(X, self.hidden_bias)
        values = np.sum(self.patterns.T * (design @ (self.positive - self.negative)), axis=1)
        if self.skip_connection:
            values += X @ self.free[: self.n_features]
        return values + self.free[-1] if self.fit_intercept else values

    def _shown(self):
        used = np.count_nonzero(np.any(np.hstack([self.positive, self.negative]) != 0, axis=0))
        flags = ("hidden_bias", "fit_intercept", "skip_connection")
        terms = ", ".join(name for name in flags if getattr(self, name))
        return "ConvexSolution", [
            ("patterns", str(len(self.patterns))),
            ("blocks in use", f"{used} of {2 * len(self.patterns)}"),
            ("inputs", str(len(self.positive))),
            ("with", terms or "neither bias nor free terms"),
        ]


def to_network(solution: ConvexSolution) -> TwoLayerReLU:
    """Return the network of a point of the convex program.

    Each nonzero block ``u_i`` becomes the neuron ``(u_i / sqrt||u_i||, +sqrt||u_i||)``, each nonzero ``v_i`` the
    neuron ``(v_i / sqrt||v_i||, -sqrt||v_i||)``; the positive ones come first. The network is balanced. It has the
    fit of the convex program where the blocks lie in the cones of their patterns.

    Parameters
    ----------
    solution : ConvexSolution

    Returns
    -------
    TwoLayerReLU

    Raises
    ------
    TypeError
        For what is no `ConvexSolution`.
    """
    if not isinstance(solution, ConvexSolution):
        raise TypeError(f"solution must be a ConvexSolution, such as to_convex makes; got {type(solution).__name__}.")
    blocks = np.hstack([solution.positive, solution.negative]).T
    signs = np.repeat([1.0, -1.0], len(solution.patterns))
    skip = solution.free[: solution.n_features] if solution.skip_connection else None
    intercept = solution.free[-1] if solution.fit_intercept else None
    nonzero = np.any(blocks != 0, axis=1)
    blocks, signs = blocks[nonzero], signs[nonzero]
    n_features = solution.n_features
    # A neuron (u_i, +-1) has the mass ||u_i||; balancing it divides by the root, whatever the magnitude.
    return TwoLayerReLU(
        blocks[:, :n_features],
        signs,
        hidden_bias=blocks[:, n_features] if solution.hidden_bias else None,
        intercept=intercept,
        skip_weights=skip,
    ).balanced()


def to_convex(network: TwoLayerReLU, X: ArrayLike) -> ConvexSolution:
    """Return the point of the convex program that belongs to a network.

    Every neuron is balanced and its vector ``|alpha| u`` added to the block of the pattern ``1[X u >= 0]`` and of the
    sign of alpha. The fit stays, for any network; the penalty never grows. ``to_network(to_convex(network, X))`` is
    the network itself, up to its symmetries, where neurons that share a pattern and a sign are collinear.

    Parameters
    ----------
    network : TwoLayerReLU
        With one output.
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    ConvexSolution
        With the distinct patterns of the network's nonzero neurons, in the order in which they first appear.

    Raises
    ------
    TypeError
        For what is no `TwoLayerReLU`.
    InvalidInputError
        For a network with several outputs or another number of inputs.
    """
    check_is_network(network, "network")
    if network.output_weights.ndim == 2:
        raise InvalidInputError(
            f"network must have one output: the blocks of the convex program are there for one only; got {network}."
        )
    signs = network.signs
    X = check_design(X)
    if X.shape[1] != network.n_inputs:
        raise InvalidInputError(f"X must have {network.n_inputs} columns, one per input; got shape {X.shape}.")
    with_bias = network.hidden_bias is not None
    used = np.flatnonzero(network.masses > 0)
    blocks = network.directions[used] * network.masses[used, None]
    # The pattern 1[X u >= 0]: a neuron on a kink belongs to several cones, of which this is one.
    masks = _with_bias(X, with_bias) @ network.directions[used].T >= 0
    patterns, column = _distinct(masks.T)
    # Blocks of one pattern and sign add up: the fit stays and the penalty, a norm, cannot grow.
    sides = np.zeros((2, len(patterns), network.neurons.shape[1]))
    np.add.at(sides, ((signs[used] < 0).astype(int), column), blocks)
    skip = np.zeros(0) if network.skip_weights is None else network.skip_weights
    intercept = [] if network.intercept is None else [network.intercept]
    return ConvexSolution(
        patterns,
        sides[0].T,
        sides[1].T,
        np.concatenate([skip, intercept]),
        hidden_bias=with_bias,
        fit_intercept=network.intercept is not None,
        skip_connection=network.skip_weights is not None,
    )


def _with_bias(X, hidden_bias):
    return np.hstack([X, np.ones((X.shape[0], 1))]) if hidden_bias else X


def _distinct(masks):
    """Return the distinct rows of `masks` in the order of first appearance, and the place of each row among them."""
    places = {}
    column = np.array([places.setdefault(mask.tobytes(), len(places)) for mask in masks], dtype=int)
    first = np.unique(column, return_index=True)[1]
    return masks[first], column
