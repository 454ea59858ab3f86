"""From a problem to a network with its proof, one algorithm a file."""

from .gated import GatedSolution, solve_gated
from .restricted import RestrictedSolution, solve_over_patterns

__all__ = ["GatedSolution", "RestrictedSolution", "solve_gated", "solve_over_patterns"]
