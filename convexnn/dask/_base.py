"""What the estimators for Dask share: the client, the blocks on its workers, and an ordinary estimator within."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..blocks.source import names_of
from ..duality.certificate import Certificate
from ..estimators._parameters import KeepsParameters
from ..network import TwoLayerReLU
from ._libraries import dask
from .blocks import DaskBlocks, explained
from .clients import checked_client
from .partitions import checked_block, delayed_parts, is_collection
from .prediction import lazy_answers, light


class DaskEstimator(KeepsParameters):
    """An estimator whose data are on the workers of a Dask cluster.

    It holds an ordinary estimator, which is trained on blocks and says what is fitted.
    """

    network_: TwoLayerReLU
    certificate_: Certificate
    beta_: float
    beta_max_: float
    status_: str
    n_iter_: int
    n_features_in_: int

    client: Any
    _local: Any
    _local_class: ClassVar[type]
    _has_numeric_targets: ClassVar[bool]
    _public_package = "convexnn.dask"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network and its certificate.

        The partitions are kept in the memory of the workers during the fit. What comes here are sums over them, and a
        sample of two million entries; smaller data are gathered and fitted in memory, as ``fit_blocks`` does it. The
        chunks of X are the blocks of rows: chunks of some ten to a hundred megabytes are best.

        Parameters
        ----------
        X : Dask array or data frame of shape (n_samples, n_features)
        y : Dask array, series or data frame of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : Dask array or series of shape (n_samples,), optional
            Non-negative; a weight of 2 is the same as the row twice, a weight of 0 as no row.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data and bad parameters, partitions that do not match, and where there is no client; the message
            names the argument.
        distributed.KilledWorker
            When several workers have died of the same rows.

        Warns
        -----
        UserWarning
            When X is cut along its columns.
        ConvergenceWarning
            When the visible gap did not reach `tol`.
        """
        client, model = self._client(), self._model()
        model._check_blockwise()  # before any data are loaded
        model._set_names(names_of(X))
        model._fit_source(DaskBlocks(client, self._persisted(client, X, y, sample_weight)))
        self._adopt(model, y)
        return self

    _certified_elsewhere = (
        "its rows are on a cluster. certify(model.to_local(), X, y) judges it on rows that fit into memory."
    )

    def to_local(self) -> Any:
        """Return the ordinary estimator with the same network and certificate, which needs neither Dask nor a client.

        It can be pickled, saved and used like any other that was fitted on blocks.
        """
        check_is_fitted(self)
        return copy.deepcopy(self._local)

    def predict(self, X: Any) -> Any:
        """Return the predictions for the rows of X, as the ordinary estimator does, without computing them.

        A Dask array for a Dask array; for a data frame a series, or a data frame, with its index. Data in memory are
        answered at once.
        """
        return self._lazy("predict", X, self._target_names)

    def transform(self, X: Any) -> Any:
        """Return the hidden layer at the rows of X, as the ordinary estimator does, without computing it.

        For a data frame a data frame, with the names of `get_feature_names_out`.
        """
        return self._lazy("transform", X, list(self.get_feature_names_out()))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of `transform`: those of the ordinary estimator."""
        check_is_fitted(self)
        return self._local.get_feature_names_out(input_features)

    @property
    def feature_importances_(self) -> np.ndarray:
        """The shares of the columns in ``network_.slope_bounds``, as in `ConvexReLURegressor`."""
        check_is_fitted(self)
        return self._local.feature_importances_

    def _client(self):
        return checked_client(self.client)

    def _persisted(self, client, X, y, sample_weight):
        """Return futures of the blocks, which workers compute and keep."""
        parts = delayed_parts(X, y, sample_weight)
        block = dask.delayed(checked_block, pure=False)
        blocks = [block(*part, number, self._has_numeric_targets) for number, part in enumerate(parts)]
        return client.compute(blocks)

    def _model(self):
        """Return an ordinary estimator with the same parameters, fitted as before where it is to start from there."""
        parameters = {name: value for name, value in self.get_params(deep=False).items() if name != "client"}
        if parameters["warm_start"] and hasattr(self, "_local"):
            return copy.copy(self._local).set_params(**parameters)
        return self._local_class(**parameters)

    def _adopt(self, model, y):
        """Take over what is fitted."""
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            delattr(self, name)
        fitted = {name: value for name, value in vars(model).items() if name[-1] == "_" and name[0] != "_"}
        vars(self).update(fitted)
        self._local = model
        # Columns of y have their names again in the predictions.
        meta = getattr(y, "_meta", None)
        self._target_names = list(meta.columns) if hasattr(meta, "columns") else getattr(meta, "name", None)

    def _lazy(self, method, X, names):
        """Return what a method of the ordinary estimator says of X, lazily where X is a Dask collection."""
        check_is_fitted(self)
        if not is_collection(X):
            return getattr(self._local, method)(X)
        return lazy_answers(self._local, method, X, names)

    def _sums(self, function, X, y, sample_weight):
        """Return what a function of a block and the model returns for every partition; nothing is kept."""
        client, model = self._client(), dask.delayed(light(self._local))
        block, term = dask.delayed(checked_block, pure=False), dask.delayed(function, pure=False)
        parts = enumerate(delayed_parts(X, y, sample_weight))
        with explained():
            terms = [term(block(*part, number, self._has_numeric_targets), model) for number, part in parts]
            return client.gather(client.compute(terms))

    def __sklearn_clone__(self) -> Any:
        """Return an unfitted copy with the same client, which cannot be copied."""
        twin = super(DaskEstimator, copy.copy(self)).__sklearn_clone__()
        twin.client = self.client
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: all but the client, which stays in this process."""
        return super().__getstate__() | {"client": None}
