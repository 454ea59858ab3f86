"""What gradient descent finds, judged by the certificate."""

from .barriers import Barrier, loss_barrier
from .curvature import (
    SecondOrderPoint,
    is_second_order_stationary,
    objective_gradient,
    objective_hessian,
    second_order_point,
)
from .curves import HeuristicCurve, bezier_path, polygonal_path
from .descent import Descents, DescentTrace, gradient_descent
from .flow import Flow, gradient_flow
from .labels import Label, Step, classify
from .matching import Matching, match_neurons
from .merging import merge_optimal
from .planes import PlaneGrid, plane_grid
from .polishing import escape, polish
from .regularity import RegularityConstants, function_regularity, regularity_constants
from .spurious import SpuriousRecord, SpuriousTable, spurious_table
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
from .teacher_student import population_gradient, population_hessian, population_loss, symmetric_minimum

__all__ = [
    "Barrier",
    "DescentTrace",
    "Descents",
    "Flow",
    "HeuristicCurve",
    "Label",
    "Matching",
    "PLStar",
    "PlaneGrid",
    "RateCheck",
    "RegularityConstants",
    "SecondOrderPoint",
    "SpuriousRecord",
    "SpuriousTable",
    "Step",
    "bezier_path",
    "check_rate",
    "classify",
    "escape",
    "function_regularity",
    "gradient_descent",
    "gradient_flow",
    "is_second_order_stationary",
    "kernel_distance",
    "kernel_drift",
    "lazy_network",
    "loss_barrier",
    "match_neurons",
    "merge_optimal",
    "ntk_limit",
    "objective_gradient",
    "objective_hessian",
    "pl_star",
    "plane_grid",
    "polish",
    "polygonal_path",
    "population_gradient",
    "population_hessian",
    "population_loss",
    "regularity_constants",
    "second_order_point",
    "smallest_eigenvalue",
    "spurious_table",
    "symmetric_minimum",
    "tangent_kernel",
]
