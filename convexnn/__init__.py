"""Two-layer ReLU networks trained to proven global optimality, and the whole set of optimal networks.

What a name stands for is imported when the name is used (PEP 562): ``import convexnn`` itself takes no time.
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _moved
from ._version import __version__

if TYPE_CHECKING:
    from . import datasets, exchange
    from ._utils.environment import show_versions, versions
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
        BestNetwork,
        MinimalPruning,
        NetworkPath,
        OptimalSet,
        VectorOptimalSet,
        approximate_pruning,
        descent_path,
        minimal_pruning,
        optimal_set,
    )
    from .pieces import LinearPieces
    from .programs import ConvexSolution, convex_program, to_convex, to_network
    from .responses import Influence, LeaveOneOut
    from .solvers import Solution, Status
    from .sweeps import regularization_path, width_sweep

# The module that every public name comes from, as in the imports above, which only type checkers read.
_NAMES_OF = {
    "_utils.environment": "show_versions versions",
    "activations": "certify_activation train_activation",
    "arrangements": "ActivationPatterns count_patterns enumerate_patterns sample_patterns",
    "duality": "Certificate Price beta_max certify price",
    "estimators": """
        BetaPath ConvexReLUClassifier ConvexReLUClassifierCV ConvexReLURegressor ConvexReLURegressorCV
        GatedReLUClassifier GatedReLURegressor MinNormReLUInterpolator
    """,
    "exceptions": """
        ConvergenceWarning ConvexNNError FileFormatError GatheringWarning InvalidInputError MissingLibraryError
        NotDescribedError PatternLimitError ScaleWarning SolverError StrengthWarning UnknownPathError
        VertexLimitError WidthWarning
    """,
    "exchange": "SavedNetwork load_network save_network",
    "gated": "GatedCertificate GatedOptimalSet",
    "interpolation": "InterpolationCertificate InterpolationSet certify_interpolation",
    "network": "TwoLayerReLU",
    "optimal_sets": """
        ApproximatePruning BestNetwork MinimalPruning NetworkPath OptimalSet VectorOptimalSet approximate_pruning
        descent_path minimal_pruning optimal_set
    """,
    "pieces": "LinearPieces",
    "programs": "ConvexSolution convex_program to_convex to_network",
    "responses": "Influence LeaveOneOut",
    "solvers": "Solution Status",
    "sweeps": "regularization_path width_sweep",
}
_HOMES = {name: module for module, names in _NAMES_OF.items() for name in names.split()}

_moved.keep_old_names()


def __getattr__(name: str) -> Any:
    """Import what a public name stands for, or a module of the package, at its first use."""
    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    if not name.startswith("_") and "." not in name:
        try:
            return importlib.import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # The subpackages too, before anything has imported them; not what this file imports for itself.
    folders = {path.parent.name for path in Path(__file__).parent.glob("*/__init__.py")}
    public = {name for name in folders if not name.startswith("_")}
    own = {name for name in globals() if name.startswith("__") or name in public}
    return sorted({*own, *public, *__all__})


__all__ = [
    "ActivationPatterns",
    "ApproximatePruning",
    "BestNetwork",
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
    "Influence",
    "InterpolationCertificate",
    "InterpolationSet",
    "InvalidInputError",
    "LeaveOneOut",
    "LinearPieces",
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
