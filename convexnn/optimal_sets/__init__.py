"""All optimal networks: directions, polytope, critical widths and connectivity."""

from .paths import NetworkPath
from .solution_set import OptimalSet, optimal_set

__all__ = ["NetworkPath", "OptimalSet", "optimal_set"]
