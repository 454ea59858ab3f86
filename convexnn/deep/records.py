"""The records of proofs: the certificate and the price."""

from dataclasses import dataclass

from .._utils.display import Shown, figure, share_above
from ..duality.records import Bracket
from .network import ThreeLayerReLU


@dataclass(frozen=True, eq=False, repr=False)
class ThreeLayerCertificate(Bracket):
    """The proof of how good a parallel three-layer network is.

    Attributes
    ----------
    primal : float
        ``1/2 sum_i (y_i - f(x_i))^2 + beta/3 sum_k (||W1_k||_F^3 + ||w2_k||^3 + |alpha_k|^3)`` of the network as given.
    dual : float
        A valid lower bound on it for every network of `n_hidden` neurons per sub-network (None: of any width) and of
        any number of sub-networks.
    dual_point : ndarray of shape (n_samples,)
        The nu that proves it: ``|nu^T ((X W)_+ w)_+| <= beta`` for all ``||W||_F <= 1``, ``||w|| <= 1``.
    n_hidden : int or None
    n_cells : int or None
        Number of patterns of patterns that were priced: all there are, or none where beta is plainly too large. None
        where they were not listed.
    proof : {"exact", "bound", "heuristic"}
        How the price of the dual point was bounded. ``"exact"``: within the tolerance, on every pattern of patterns by
        multipliers that are checked, not believed, or by a branch and bound over second patterns. ``"bound"``: validly
        but perhaps loosely. ``"heuristic"``: without a search. `dual` is valid in all three cases.
    heuristic_gap : float
        The relative gap if the largest price that local ascents have found were the largest there is. Not a proof.
    n_nodes : int
        Nodes of the branch and bound over second patterns.
    """

    n_hidden: int | None
    n_cells: int | None
    proof: str = "exact"
    heuristic_gap: float = 0.0
    n_nodes: int = 0

    @property
    def _width(self):
        return "of any width" if self.n_hidden is None else f"of sub-networks of {self.n_hidden} neurons"

    @property
    def _work(self):
        """The name of what the proof has gone through, and how much of it."""
        if self.n_cells is not None:
            return "cells", f"{self.n_cells:,}", "patterns of patterns, all priced"
        return "nodes", f"{self.n_nodes:,}", "of a branch and bound over second patterns"

    @property
    def _estimate(self):
        """What local ascents see of the gap, as a list of at most one line: nothing where all cells were priced."""
        return [] if self.n_cells is not None else [f"{self.heuristic_gap:.2e}"]

    def __str__(self):
        name, number, meaning = self._work
        estimated = "".join(f"  estimated gap {gap}  (by local ascents, no proof)\n" for gap in self._estimate)
        return (
            f"Certificate: {self._verdict}\n"
            f"  objective     {self.primal:.10g}\n"
            f"  lower bound   {self.dual:.10g}  (no parallel three-layer network {self._width} is below)\n"
            f"  relative gap  {share_above(self.relative_gap)}  {self._about_gap}\n{estimated}"
            f"  {name}         {number}  ({meaning})"
        )

    def _shown(self):
        name, number, meaning = self._work
        return f"Certificate: {self._verdict}", [
            ("objective", figure(self.primal)),
            ("lower bound", f"{self.dual:.10g}, no parallel three-layer network {self._width} is below"),
            ("relative gap", f"{share_above(self.relative_gap)}, {self._about_gap}"),
            *(("estimated gap", f"{gap}, by local ascents, no proof") for gap in self._estimate),
            (name, f"{number} {meaning}"),
        ]


@dataclass(frozen=True, eq=False, repr=False)
class ThreeLayerPrice(Shown):
    """The largest ``|nu^T ((X W)_+ w)_+|`` over ``||W||_F <= 1``, ``||w|| <= 1``.

    Attributes
    ----------
    value : float
        The value that `network` attains.
    upper_bound : float
        No sub-network of unit layers attains more, whatever the accuracy of the solver.
    network : ThreeLayerReLU
        One sub-network of unit layers with ``nu^T f(X) = value``, or none where the value is 0.
    proof : {"exact", "bound", "heuristic"}
        ``"exact"``: all cells were priced, or the upper bound is at most ``1 + 1e-6`` times `value`; ``"bound"``: it is
        valid and may be loose; ``"heuristic"``: it was made without a search, and is valid too.
    """

    value: float
    upper_bound: float
    network: ThreeLayerReLU
    proof: str = "exact"

    def _shown(self):
        return f"ThreeLayerPrice ({self.proof})", [
            ("value", figure(self.value)),
            ("upper bound", figure(self.upper_bound)),
        ]
