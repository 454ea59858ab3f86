"""The records that are returned: the certificate, the solution and the price."""

from dataclasses import dataclass

import numpy as np

from .._utils.display import Shown, figure
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
    n_cells : int
        Number of patterns of patterns that were priced: all there are, or none where beta is plainly too large.
    """

    n_hidden: int | None
    n_cells: int

    @property
    def proof(self) -> str:
        """``"exact"``: every pattern of patterns is bounded by multipliers that are checked, not believed."""
        return "exact"

    @property
    def _width(self):
        return "of any width" if self.n_hidden is None else f"of sub-networks of {self.n_hidden} neurons"

    def __str__(self):
        return (
            f"Certificate: {self._verdict}\n"
            f"  objective     {self.primal:.10g}\n"
            f"  lower bound   {self.dual:.10g}  (no parallel three-layer network {self._width} is below)\n"
            f"  relative gap  {self.relative_gap:.2e}  proven (exact)\n"
            f"  cells         {self.n_cells}  (patterns of patterns, all priced)"
        )

    def _shown(self):
        return f"Certificate: {self._verdict}", [
            ("objective", figure(self.primal)),
            ("lower bound", f"{self.dual:.10g}, no parallel three-layer network {self._width} is below"),
            ("relative gap", f"{self.relative_gap:.2e}, proven (exact)"),
            ("cells", f"{self.n_cells:,} patterns of patterns, all priced"),
        ]


@dataclass(frozen=True, eq=False, repr=False)
class ThreeLayerSolution(Shown):
    """A globally optimal parallel three-layer network with its proof.

    Attributes
    ----------
    network : ThreeLayerReLU
        Balanced, with at most n_samples sub-networks of at most n_samples neurons.
    certificate : ThreeLayerCertificate
    program_value : float
        The value that the convex program ended with; the network's objective equals it up to rounding.
    directions : ndarray of shape (n_directions, n_features)
        Unit vectors. Every first-layer neuron of **every** optimal network (of the widths the certificate speaks of)
        has one of these directions; the dual optimum fixes them, one for each cell and neuron at most.
    """

    network: ThreeLayerReLU
    certificate: ThreeLayerCertificate
    program_value: float
    directions: np.ndarray

    def _shown(self):
        certificate = self.certificate
        return "ThreeLayerSolution", [
            ("network", repr(self.network)),
            ("objective", figure(certificate.primal)),
            ("relative gap", f"{certificate.relative_gap:.2e} ({certificate.proof})"),
            ("optimal directions", str(len(self.directions))),
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
    """

    value: float
    upper_bound: float
    network: ThreeLayerReLU

    def _shown(self):
        return "ThreeLayerPrice", [("value", figure(self.value)), ("upper bound", figure(self.upper_bound))]
