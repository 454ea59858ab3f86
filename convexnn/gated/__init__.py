"""Gated ReLU networks: a group lasso over fixed gates, its solver, its proof and all of its optima."""

from .certificate import GatedCertificate
from .records import GatedSolution
from .solution_set import GatedOptimalSet
from .solver import solve_gated

__all__ = ["GatedCertificate", "GatedOptimalSet", "GatedSolution", "solve_gated"]
