"""scikit-learn estimators."""

from .classifier import ConvexReLUClassifier
from .cross_validation import ConvexReLUClassifierCV, ConvexReLURegressorCV
from .gated_classifier import GatedReLUClassifier
from .gated_regressor import GatedReLURegressor
from .interpolator import MinNormReLUInterpolator
from .regressor import ConvexReLURegressor

__all__ = [
    "ConvexReLUClassifier",
    "ConvexReLUClassifierCV",
    "ConvexReLURegressor",
    "ConvexReLURegressorCV",
    "GatedReLUClassifier",
    "GatedReLURegressor",
    "MinNormReLUInterpolator",
]
