"""Training on a Dask cluster: the rows stay on the workers, and only sums over them travel; and long proofs on one.

The estimators take Dask arrays and Dask data frames and give the network that one machine would find on the same rows.
"""

from ._libraries import distributed as _distributed  # noqa: F401  (first, so that what is missing is named)
from .classifier import DaskConvexReLUClassifier
from .proving import proofs_on
from .regressor import DaskConvexReLURegressor

__all__ = ["DaskConvexReLUClassifier", "DaskConvexReLURegressor", "proofs_on"]
