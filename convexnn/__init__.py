"""Two-layer ReLU networks trained to proven global optimality, and the whole set of optimal networks."""

from . import _moved, datasets, exchange
from ._utils.environment import show_versions, versions
from ._version import __version__
from .activations import certify_activation, train_activation
from .arrangements import ActivationPatterns, count_patterns, enumerate_patterns, sample_patterns
from .duality import Certificate, Price, beta_max, certify, price
from .estimators import (
    BetaPath,
    ConvexReLUClassifier,
    ConvexReLUClassifierCV,
    ConvexReLURegressor,
    ConvexReLURegressorCV,
    GatedReLUClassifier,
    GatedReLURegressor,
    MinNormReLUInterpolator,
)
from .exceptions import (
    ConvergenceWarning,
    ConvexNNError,
    FileFormatError,
    GatheringWarning,
    InvalidInputError,
    MissingLibraryError,
    NotDescribedError,
    PatternLimitError,
    ScaleWarning,
    SolverError,
    StrengthWarning,
    UnknownPathError,
    VertexLimitError,
    WidthWarning,
)
from .exchange import SavedNetwork, load_network, save_network
from .gated import GatedCertificate, GatedOptimalSet
from .interpolation import InterpolationCertificate, InterpolationSet, certify_interpolation
from .network import TwoLayerReLU
from .optimal_sets import (
    ApproximatePruning,
    MinimalPruning,
    NetworkPath,
    OptimalSet,
    VectorOptimalSet,
    approximate_pruning,
    descent_path,
    minimal_pruning,
    optimal_set,
)
from .programs import ConvexSolution, convex_program, to_convex, to_network
from .responses import LeaveOneOut
from .solvers import Solution, Status
from .sweeps import regularization_path, width_sweep

_moved.keep_old_names()

__all__ = [
    "ActivationPatterns",
    "ApproximatePruning",
    "BetaPath",
    "Certificate",
    "ConvergenceWarning",
    "ConvexNNError",
    "ConvexReLUClassifier",
    "ConvexReLUClassifierCV",
    "ConvexReLURegressor",
    "ConvexReLURegressorCV",
    "ConvexSolution",
    "FileFormatError",
    "GatedCertificate",
    "GatedOptimalSet",
    "GatedReLUClassifier",
    "GatedReLURegressor",
    "GatheringWarning",
    "InterpolationCertificate",
    "InterpolationSet",
    "InvalidInputError",
    "LeaveOneOut",
    "MinNormReLUInterpolator",
    "MinimalPruning",
    "MissingLibraryError",
    "NetworkPath",
    "NotDescribedError",
    "OptimalSet",
    "PatternLimitError",
    "Price",
    "SavedNetwork",
    "ScaleWarning",
    "Solution",
    "SolverError",
    "Status",
    "StrengthWarning",
    "TwoLayerReLU",
    "UnknownPathError",
    "VectorOptimalSet",
    "VertexLimitError",
    "WidthWarning",
    "__version__",
    "approximate_pruning",
    "beta_max",
    "certify",
    "certify_activation",
    "certify_interpolation",
    "convex_program",
    "count_patterns",
    "datasets",
    "descent_path",
    "enumerate_patterns",
    "exchange",
    "load_network",
    "minimal_pruning",
    "optimal_set",
    "price",
    "regularization_path",
    "sample_patterns",
    "save_network",
    "show_versions",
    "to_convex",
    "to_network",
    "train_activation",
    "versions",
    "width_sweep",
]
