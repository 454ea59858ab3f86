"""All optimal networks: directions, polytope, critical widths and connectivity."""

from .descent import descent_path
from .paths import NetworkPath
from .solution_set import OptimalSet, optimal_set

__all__ = ["NetworkPath", "OptimalSet", "descent_path", "optimal_set"]
