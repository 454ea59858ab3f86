"""What `load_network` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import ArrayLike
from ..duality.records import Certificate
from ..network import TwoLayerReLU
from .headers import ClaimedCertificate


@dataclass(frozen=True, eq=False, repr=False)
class SavedNetwork:
    """A network from a file, and what is known about it.

    Attributes
    ----------
    network : TwoLayerReLU
    certificate : Certificate or None
        Computed by `certify` when the file was loaded; None without data, without beta, and where it was not asked for.
    claimed : ClaimedCertificate or None
        What the file says, of which `certificate` owes nothing.
    beta : float or None
        Strength in ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)``; None when the file has no
        problem, only a network.
    loss : str
    huber_delta, quantile : float
    X, y, sample_weight : ndarray or None
        The data in the file. Of an estimator they are in canonical form (distinct rows, sorted), and the targets of a
        classifier are -1 and 1, or one-hot rows for the multinomial loss.
    feature_names, target_names : list of str or None
    classes : ndarray or None
        The labels, in the order of the outputs; of two classes the second is where the network is positive.
    written_by : str
        The version that wrote the file.
    """

    network: TwoLayerReLU
    certificate: Certificate | None
    claimed: ClaimedCertificate | None
    beta: float | None
    loss: str
    huber_delta: float
    quantile: float
    X: np.ndarray | None
    y: np.ndarray | None
    sample_weight: np.ndarray | None
    feature_names: list | None
    target_names: list | None
    classes: np.ndarray | None
    written_by: str

    @property
    def problem_options(self) -> dict[str, Any]:
        """The keywords loss, huber_delta, quantile and sample_weight that `certify` takes."""
        return {name: getattr(self, name) for name in ("loss", "huber_delta", "quantile", "sample_weight")}

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of X, or their classes when the file has classes."""
        values = self.network.predict(X)
        if self.classes is None:
            return values
        if values[0].size == 1:
            return self.classes[(values.ravel() > 0).astype(int)]
        return self.classes[np.argmax(values, axis=1)]

    def __repr__(self):
        return f"SavedNetwork({self.network!r}, {self.certificate!r}, beta={self.beta}, loss={self.loss!r})"
