"""scikit-learn estimators."""

from .gated_classifier import GatedReLUClassifier
from .gated_regressor import GatedReLURegressor
from .regressor import ConvexReLURegressor

__all__ = ["ConvexReLURegressor", "GatedReLUClassifier", "GatedReLURegressor"]
