"""From patterns, loss and beta to the convex program, and from its solution to the network."""

from .cvxpy_form import convex_program, solve_program
from .posing import make_problem
from .problem import Problem
from .solution_map import ConvexSolution, to_convex, to_network

__all__ = [
    "ConvexSolution",
    "Problem",
    "convex_program",
    "make_problem",
    "solve_program",
    "to_convex",
    "to_network",
]
