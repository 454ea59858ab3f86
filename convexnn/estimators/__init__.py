"""scikit-learn estimators."""

from ._beta_path import BetaPath, StrengthRecord
from .classifier import ConvexReLUClassifier
from .cross_validation import ConvexReLUClassifierCV, ConvexReLURegressorCV
from .gated_classifier import GatedReLUClassifier
from .gated_regressor import GatedReLURegressor
from .interpolator import MinNormReLUInterpolator
from .regressor import ConvexReLURegressor

__all__ = [
    "BetaPath",
    "ConvexReLUClassifier",
    "ConvexReLUClassifierCV",
    "ConvexReLURegressor",
    "ConvexReLURegressorCV",
    "GatedReLUClassifier",
    "GatedReLURegressor",
    "MinNormReLUInterpolator",
    "StrengthRecord",
]
