"""The result of a search for better neurons, as the run that asked for it takes it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Violators:
    """Directions that violate the dual constraint, of shape (K, n_inputs), the largest violation first.

    With one output `signs (K,)` are those of their output weights; with several the best outputs follow later.
    """

    directions: np.ndarray
    signs: np.ndarray | None = None

    def __len__(self):
        return len(self.directions)
