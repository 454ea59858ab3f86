"""All optimal networks: directions, polytope, critical widths and connectivity."""

from .best import BestNetwork
from .descent import descent_path
from .paths import NetworkPath
from .pruning import ApproximatePruning, MinimalPruning, approximate_pruning, minimal_pruning
from .solution_set import OptimalSet, optimal_set
from .vector_set import VectorOptimalSet

__all__ = [
    "ApproximatePruning",
    "BestNetwork",
    "MinimalPruning",
    "NetworkPath",
    "OptimalSet",
    "VectorOptimalSet",
    "approximate_pruning",
    "descent_path",
    "minimal_pruning",
    "optimal_set",
]
