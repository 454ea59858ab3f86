"""What gradient descent finds, judged by the certificate."""

from .curvature import (
    SecondOrderPoint,
    is_second_order_stationary,
    objective_gradient,
    objective_hessian,
    second_order_point,
)
from .descent import Descents, DescentTrace, gradient_descent
from .flow import Flow, gradient_flow
from .regularity import RegularityConstants, function_regularity, regularity_constants
from .tangent import (
    PLStar,
    RateCheck,
    check_rate,
    kernel_distance,
    kernel_drift,
    lazy_network,
    ntk_limit,
    pl_star,
    smallest_eigenvalue,
    tangent_kernel,
)

__all__ = [
    "DescentTrace",
    "Descents",
    "Flow",
    "PLStar",
    "RateCheck",
    "RegularityConstants",
    "SecondOrderPoint",
    "check_rate",
    "function_regularity",
    "gradient_descent",
    "gradient_flow",
    "is_second_order_stationary",
    "kernel_distance",
    "kernel_drift",
    "lazy_network",
    "ntk_limit",
    "objective_gradient",
    "objective_hessian",
    "pl_star",
    "regularity_constants",
    "second_order_point",
    "smallest_eigenvalue",
    "tangent_kernel",
]
