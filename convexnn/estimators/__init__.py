"""scikit-learn estimators."""

from .regressor import ConvexReLURegressor

__all__ = ["ConvexReLURegressor"]
