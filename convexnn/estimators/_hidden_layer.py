"""The hidden layer of a fitted estimator as features of the rows, and how much its fit depends on every column."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._utils.aliases import ArrayLike
from ..network import TwoLayerReLU
from ._data import SINGLE_OR_DOUBLE, validate_data


class HiddenLayerMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """`transform` and `feature_importances_` of an estimator whose fit is a network."""

    network_: TwoLayerReLU

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the values ``([X, 1] u_j)_+`` of the hidden layer at the rows of X, of shape (n_samples, width).

        The width is that of `network_`, which training finds: there are no columns where the network has no neurons.
        Without free terms ``transform(X) @ network_.output_weights`` is what the network predicts. The neurons of one
        problem for every class, or label, stand side by side in the order of the classes.

        Parameters
        ----------
        X : array-like or sparse array of shape (n_samples, n_features)
            Arrays of other libraries are treated as by `TwoLayerReLU.predict`.

        Returns
        -------
        ndarray of shape (n_samples, width)
            Dense; after ``set_output(transform="pandas")`` a data frame with the names of `get_feature_names_out`.
        """
        check_is_fitted(self)
        return self.network_.activations(validate_data(self, X, dtype=SINGLE_OR_DOUBLE, reset=False, any_kind=True))

    @property
    def _n_features_out(self):
        return self.network_.width

    @property
    def feature_importances_(self) -> np.ndarray:
        """The share of every column in the bounds on the slope of the network, of shape (n_features,), of sum 1.

        The bound of column k is ``sum_j |u_jk| ||alpha_j|| + ||skip_k||``, see `TwoLayerReLU.slope_bounds`: a step of
        length t along the column moves the fit by at most t times that, wherever it begins. The shares follow the units
        of the columns, as weights do: standardise X, or multiply them by the deviations of the columns. They are zeros
        where the network is constant.
        """
        check_is_fitted(self)
        return shares_of(self.network_.slope_bounds)


def shares_of(bounds: np.ndarray) -> np.ndarray:
    """Return nonnegative numbers divided by their sum, zeros where they are zero."""
    largest = bounds.max(initial=0.0)
    # Divided by the largest first: the sum may leave float64.
    return bounds / largest / (bounds / largest).sum() if largest > 0.0 else np.zeros_like(bounds)
