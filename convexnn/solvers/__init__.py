"""From a problem to a network with its proof, one algorithm a file."""

from .._moved import old_names_of
from .base import Solution, Status
from .restricted import RestrictedSolution, solve_over_patterns
from .restricted_outputs import RestrictedOutputs, solve_outputs_over_patterns

__all__ = [
    "RestrictedOutputs",
    "RestrictedSolution",
    "Solution",
    "Status",
    "solve_outputs_over_patterns",
    "solve_over_patterns",
]

__getattr__ = old_names_of(__name__)
