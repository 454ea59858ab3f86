"""What every solver of the gated ReLU program returns, and what all of them do first."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._utils.display import Shown, figure, share_above
from ..exceptions import InvalidInputError
from ..solvers.base import Status
from .program import in_use


@dataclass(frozen=True, repr=False)
class GatedSolution(Shown):
    """Blocks of the gated ReLU program with the proof of what they are worth.

    Attributes
    ----------
    blocks : ndarray of shape (n_gates, n_inputs), or (n_gates, n_inputs, n_outputs)
        w_p, exactly zero where the gate is not used.
    free : ndarray of shape (n_free,), or (n_free, n_outputs)
        Free terms that fit best beside the blocks.
    primal, dual, gap, relative_gap : float
        Objective of the blocks, of the dual point, their difference, and the difference divided by `primal`.
    dual_point : ndarray of shape (n_samples,), or (n_samples, n_outputs)
        ``-grad L``, shrunk until ``||X' D_p nu|| <= beta`` for every gate; orthogonal to the free terms.
    status : Status
    n_iter : int
    history : list of dict
        One record per proof: ``seconds``, ``objective``, ``relative_gap``, ``width`` (gates in use), ``working_set``.
    """

    blocks: np.ndarray
    free: np.ndarray
    primal: float
    dual: float
    gap: float
    relative_gap: float
    dual_point: np.ndarray
    status: Status
    n_iter: int
    history: list[dict[str, Any]]

    def _shown(self):
        return "GatedSolution", [
            ("status", self.status.name),
            ("gates in use", f"{np.count_nonzero(in_use(self.blocks))} of {len(self.blocks)}"),
            ("objective", figure(self.primal)),
            ("relative gap", f"{share_above(self.relative_gap)} (over these gates)"),
        ]


def check_start(start, shape):
    """Return the blocks to start from as finite floats."""
    start = np.asarray(start, dtype=float)
    if start.shape != shape or not np.all(np.isfinite(start)):
        raise InvalidInputError(f"start must be finite and of shape {shape}, one block per gate; got {start.shape}.")
    return start


def distinct_masks(masks):
    """Return (index, inverse): one gate of every kind, and the kind of every gate."""
    packed = np.packbits(masks, axis=1)
    rows = packed.view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, index, inverse = np.unique(rows, return_index=True, return_inverse=True)
    return index, inverse
