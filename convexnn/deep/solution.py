"""The record of training."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.display import Shown, figure, share_above
from ..solvers.base import Status
from .network import ThreeLayerReLU
from .records import ThreeLayerCertificate


@dataclass(frozen=True, eq=False, repr=False)
class ThreeLayerSolution(Shown):
    """A parallel three-layer network with its proof.

    Attributes
    ----------
    network : ThreeLayerReLU
        Balanced, with at most n_samples sub-networks of at most n_samples neurons.
    certificate : ThreeLayerCertificate
    program_value : float
        The value that the convex program ended with; the network's objective equals it up to rounding.
    directions : ndarray of shape (n_directions, n_features) or None
        Unit vectors. Every first-layer neuron of **every** optimal network (of the widths the certificate speaks of)
        has one of these directions; the dual optimum fixes them, one for each cell and neuron at most. None where the
        cells were not listed: then they are not known.
    status : Status
        How training ended; ``proven`` needs a proven relative gap of at most the tolerance.
    n_iter : int
        Rounds of column generation; 0 where the cells were listed.
    history : list of dict
        One record per round: ``seconds``, ``objective``, ``visible_gap`` (relative, from local ascents), ``width`` (the
        number of sub-networks).
    """

    network: ThreeLayerReLU
    certificate: ThreeLayerCertificate
    program_value: float
    directions: np.ndarray | None
    status: Status
    n_iter: int
    history: list[dict[str, Any]]

    def _shown(self):
        certificate = self.certificate
        return "ThreeLayerSolution", [
            ("network", repr(self.network)),
            ("objective", figure(certificate.primal)),
            ("relative gap", f"{share_above(certificate.relative_gap)} ({certificate.proof})"),
            ("optimal directions", "not known" if self.directions is None else str(len(self.directions))),
            ("status", self.status.name),
        ]
