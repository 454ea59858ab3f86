"""Two-layer ReLU networks trained to proven global optimality, and the whole set of optimal networks."""

from ._version import __version__
from .arrangements import ActivationPatterns, count_patterns, enumerate_patterns, sample_patterns
from .duality import Certificate, Price, beta_max, certify, price
from .estimators import ConvexReLURegressor
from .exceptions import (
    ConvergenceWarning,
    ConvexNNError,
    InvalidInputError,
    PatternLimitError,
    SolverError,
    WidthWarning,
)
from .network import TwoLayerReLU
from .programs import ConvexSolution, convex_program, to_convex, to_network

__all__ = [
    "ActivationPatterns",
    "Certificate",
    "ConvergenceWarning",
    "ConvexNNError",
    "ConvexReLURegressor",
    "ConvexSolution",
    "InvalidInputError",
    "PatternLimitError",
    "Price",
    "SolverError",
    "TwoLayerReLU",
    "WidthWarning",
    "__version__",
    "beta_max",
    "certify",
    "convex_program",
    "count_patterns",
    "enumerate_patterns",
    "price",
    "sample_patterns",
    "to_convex",
    "to_network",
]
