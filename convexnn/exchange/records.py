"""The record that `load_network` returns."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.validation import _check_feature_names, _get_feature_names

from .._utils.aliases import ArrayLike
from .._utils.display import Shown, counted, figure, share_above
from ..duality.records import Certificate
from ..exceptions import InvalidInputError
from ..network import TwoLayerReLU
from .headers import ClaimedCertificate
from .preparation import Preparation
from .scaling import scaled


@dataclass(frozen=True, eq=False, repr=False)
class SavedNetwork(Shown):
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
    loss : str or None
        None when the file has no problem: it does not say for which loss the network was trained.
    huber_delta, quantile : float
    X, y, sample_weight : ndarray or None
        The data in the file. Of an estimator they are in canonical form (distinct rows, sorted), and the targets of a
        classifier are -1 and 1, or one-hot rows for the multinomial loss. X is what the network was trained on: where
        the file has a centre and a scale, they have been applied to it.
    feature_names, target_names : list of str or None
        A data frame whose columns have other names than `feature_names`, or another order, is refused.
    classes : ndarray or None
        The labels, in the order of the outputs; of two classes the second is where the network is positive.
    multilabel : bool
        Whether every output stands for a label of its own, which a row has where the output is positive.
    center, scale : ndarray of shape (n_inputs,) or None
        What is subtracted from raw inputs, and by what they are divided then, before the network sees them.
    written_by : str
        The version that wrote the file.
    preparation : Preparation or None
        How a raw table becomes the inputs, before they are centred and scaled; ``preparation.apply(table)``.
    penalize_bias : bool
        Whether the hidden bias is a part of ``u_j`` in the problem.
    """

    network: TwoLayerReLU
    certificate: Certificate | None
    claimed: ClaimedCertificate | None
    beta: float | None
    loss: str | None
    huber_delta: float
    quantile: float
    X: np.ndarray | None
    y: np.ndarray | None
    sample_weight: np.ndarray | None
    feature_names: list | None
    target_names: list | None
    classes: np.ndarray | None
    center: np.ndarray | None
    scale: np.ndarray | None
    written_by: str
    preparation: Preparation | None = None
    multilabel: bool = False
    penalize_bias: bool = True

    @property
    def problem_options(self) -> dict[str, Any]:
        """The keywords loss, huber_delta, quantile and sample_weight that `certify` takes, and a free bias.

        An unknown loss is left out.
        """
        options = {name: getattr(self, name) for name in ("huber_delta", "quantile", "sample_weight")}
        options |= {} if self.loss is None else {"loss": self.loss}
        return options if self.penalize_bias else options | {"penalize_bias": False}

    @property
    def is_scaled(self) -> bool:
        """Whether the file has a centre or a scale."""
        return self.center is not None or self.scale is not None

    def standardized(self, X: ArrayLike) -> np.ndarray:
        """Return ``(X - center) / scale``, what the network takes; X as it is when the file has neither."""
        self._check_names(X)
        return scaled(X, self.center, self.scale)

    def _check_names(self, X):
        """Refuse a frame of other columns, as a fitted estimator of scikit-learn does; arrays have no names."""
        if self.feature_names is not None and _get_feature_names(X) is not None:
            names = SimpleNamespace(feature_names_in_=np.array(self.feature_names, dtype=object))
            _check_feature_names(names, X, reset=False)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of raw X, of shape (n_samples,) or (n_samples, n_outputs)."""
        return self.network.predict(self.standardized(X))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the network's values at the rows of raw X, or classes when the file has them, or 1 for its labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_inputs)
            As it was before `center` was subtracted and divided by `scale`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        values = self.decision_function(X)
        if self.multilabel:
            return (values > 0).astype(int)
        if self.classes is None:
            return values
        if values[0].size == 1:
            return self.classes[(values.ravel() > 0).astype(int)]
        return self.classes[np.argmax(values, axis=1)]

    @property
    def has_probabilities(self) -> bool:
        """Whether `predict_proba` can be called: for classes or labels with the logistic or the multinomial loss."""
        if self.multilabel:
            return self.loss == "logistic"
        one_output = self.network.output_weights.shape[1:] in ((), (1,))
        return self.classes is not None and self.loss == ("logistic" if one_output else "multinomial")

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes, or of every label, at the rows of raw X: (n_samples, n_classes).

        Raises
        ------
        InvalidInputError
            Without classes, and for losses other than the logistic (two classes) and the multinomial one.
        """
        if not self.has_probabilities:
            classes = "no classes" if self.classes is None else "classes"
            raise InvalidInputError(
                f"probabilities are those of classes with the logistic or the multinomial loss; the file has {classes} "
                f"and the loss {self.loss or 'unknown'!r}. decision_function gives the network's values."
            )
        # Labels: the sigmoid of each. One output: the sigmoid of both signs. Several: their softmax.
        values = self.decision_function(X)
        if self.multilabel:
            return expit(values)
        if values[0].size == 1:
            return expit(np.outer(values, [-1.0, 1.0]))
        return softmax(values, axis=1)

    def _shown(self):
        known = self.certificate
        return "SavedNetwork", [
            ("network", repr(self.network)),
            (
                "relative gap",
                "not proven again" if known is None else f"{share_above(known.relative_gap)} ({known.proof})",
            ),
            ("beta", figure(self.beta)),
            ("loss", self.loss or "unknown"),
            ("data", "not in the file" if self.X is None else counted(len(self.X), "row")),
            ("inputs", "scaled by the file" if self.is_scaled else "as they are"),
        ]
