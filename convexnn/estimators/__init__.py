"""scikit-learn estimators."""

from .classifier import ConvexReLUClassifier
from .regressor import ConvexReLURegressor

__all__ = ["ConvexReLUClassifier", "ConvexReLURegressor"]
