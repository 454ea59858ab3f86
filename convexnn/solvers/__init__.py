"""From a problem to a network with its proof, one algorithm a file."""

from .base import Solution, Status
from .restricted import RestrictedSolution, solve_over_patterns

__all__ = ["RestrictedSolution", "Solution", "Status", "solve_over_patterns"]
