"""What gradient descent finds, judged by the certificate."""

from .descent import Descents, gradient_descent
from .teacher_student import population_gradient, population_hessian, population_loss, symmetric_minimum

__all__ = [
    "Descents",
    "gradient_descent",
    "population_gradient",
    "population_hessian",
    "population_loss",
    "spurious_table",
    "symmetric_minimum",
]


def __getattr__(name):
    # It lives among the sweeps, which import this package.
    if name == "spurious_table":
        from ..sweeps.spurious import spurious_table

        return spurious_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
