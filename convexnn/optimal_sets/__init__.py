"""All optimal networks: directions, polytope, critical widths and connectivity."""

from .solution_set import OptimalSet, optimal_set

__all__ = ["OptimalSet", "optimal_set"]
