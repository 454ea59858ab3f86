"""The landscape of the training objective, and the points that gradient descent finds, judged by the certificate.

Descent and flow
    `gradient_descent` trains from many starts, `stochastic_descent` on minibatches from given networks,
    `gradient_flow` follows the flow from a given network, and `linearised_flow` that of its linear model.
    `spurious_table` counts the spurious minima that descent on the teacher-student loss ends at.
Labels of points
    `classify` tells minima, saddles and points that are not stationary apart; `polish` moves an end of descent to the
    stationary point beside it, and `escape` leaves one that is no minimum. `stationary_values` lists all of them.
Geometry
    `loss_barrier`, `bezier_path`, `polygonal_path` and `nudged_path` measure the objective between two networks,
    `error_barrier` the share of rows in the wrong class, `plane_grid` the objective on a plane; `match_neurons` and
    `match_layers` align two networks; `average_weights`,
    `average_masses` and `merge_optimal` make one of two.
    Where there is no weight decay, `unregularized_path` joins two networks, and `sublevel_components` counts the
    components of the networks below a loss.
Curvature and stationarity
    Gradient, Hessian and second-order stationarity in closed form, and regularity constants.
Generalised linear models
    `SampleGLM` and `PopulationGLM` with proven constants of regularity; `glmtron` and `isotron` train them.
Tangent kernels
    The tangent kernel, its limit at infinite width, and the rates that it promises.
Linear networks
    `LinearNetworkLoss` is the loss of a product of matrices; `linear_critical_points` and `classify_linear` find and
    label its critical points.
Smooth networks
    Networks of smooth units in any number of layers, and the ball around one in which PL* holds: `pl_star_ball`.
Teacher and student
    The population loss on Gaussian inputs with its derivatives, and its symmetric spurious minimum.
Adding a neuron, and exchanging two
    `split_neuron` and `splitting_matrices` say what a copy of a neuron does to a minimum of that loss;
    `permutation_saddle` leads through the saddle between two orders of the neurons, `permutation_detour` over the
    network without one of them, and `permutation_path` at no cost where one is free. How many copies of a point a
    wider network has is counted in closed form.
Functions with a known landscape
    Factors of matrices, tensors, dictionaries and quadratic networks, the search for their second-order points, and
    the directions of improvement that proofs take: the package `functions`.
"""
# ruff: noqa: I001  (the imports follow the groups above)

# Descent and flow
from .descent import Descents, DescentTrace, gradient_descent
from .flow import Flow, gradient_flow, linearised_flow
from .stochastic import stochastic_descent
from .spurious import SpuriousRecord, SpuriousTable, spurious_table

# Labels of points
from .labels import Label, Step, classify
from .polishing import escape, polish
from .stationary import StationaryValues, stationary_values

# Geometry
from .barriers import Barrier, loss_barrier
from .components import SublevelComponents, sublevel_components
from .curves import HeuristicCurve, bezier_path, polygonal_path
from .elastic_band import nudged_path
from .errors import error_barrier
from .layers import LayerMatching, match_layers
from .matching import Matching, match_neurons
from .merging import average_masses, average_weights, merge_optimal
from .planes import PlaneGrid, plane_grid
from .unregularized import UnregularizedPath, unregularized_path

# Curvature and stationarity
from .curvature import (
    SecondOrderPoint,
    is_second_order_stationary,
    objective_gradient,
    objective_hessian,
    second_order_point,
)
from .regularity import RegularityBounds, RegularityConstants, function_regularity, regularity_constants

# Generalised linear models
from .functions.glm import InnerProductParts, LossParts, PopulationGLM, SampleGLM
from .functions.glm_training import GLMFit, glmtron, isotron

# Tangent kernels
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

# Linear networks
from .functions.linear_networks import LinearNetworkLoss
from .functions.linear_points import (
    LinearCriticalPoint,
    LinearCriticalPoints,
    classify_linear,
    linear_critical_points,
)

# Smooth networks
from .pl_star_balls import PLStarBall, hessian_bound, hessian_norm, pl_star_ball
from .smooth_networks import SmoothNetwork, smooth_network

# Teacher and student
from .teacher_student import population_gradient, population_hessian, population_loss, symmetric_minimum

# Adding a neuron, and exchanging two
from .adding_neurons import split_neuron, splitting_matrices
from .functions.population import PopulationLoss
from .permutation_saddles import PermutationSaddle, permutation_saddle
from .permutations import PermutationDetour, PermutationPath, permutation_detour, permutation_path
from .subspace_counts import count_critical_subspaces, count_minimum_subspaces

# Functions with a known landscape
from .functions import (
    Improvement,
    JointTensorDecomposition,
    MatrixCompletion,
    MatrixFactorization,
    MatrixSensing,
    QuadraticNetwork,
    SecondOrderPoints,
    SmoothFunction,
    SphereFunction,
    SphericalDictionary,
    TensorDecomposition,
    improving_direction,
    second_order_points,
)

__all__ = [
    # Descent and flow
    "DescentTrace",
    "Descents",
    "Flow",
    "SpuriousRecord",
    "SpuriousTable",
    "gradient_descent",
    "gradient_flow",
    "linearised_flow",
    "spurious_table",
    "stochastic_descent",
    # Labels of points
    "Label",
    "StationaryValues",
    "Step",
    "classify",
    "escape",
    "polish",
    "stationary_values",
    # Geometry
    "Barrier",
    "HeuristicCurve",
    "LayerMatching",
    "Matching",
    "PlaneGrid",
    "SublevelComponents",
    "UnregularizedPath",
    "average_masses",
    "average_weights",
    "bezier_path",
    "error_barrier",
    "loss_barrier",
    "match_layers",
    "match_neurons",
    "merge_optimal",
    "nudged_path",
    "plane_grid",
    "polygonal_path",
    "sublevel_components",
    "unregularized_path",
    # Curvature and stationarity
    "RegularityBounds",
    "RegularityConstants",
    "SecondOrderPoint",
    "function_regularity",
    "is_second_order_stationary",
    "objective_gradient",
    "objective_hessian",
    "regularity_constants",
    "second_order_point",
    # Generalised linear models
    "GLMFit",
    "InnerProductParts",
    "LossParts",
    "PopulationGLM",
    "SampleGLM",
    "glmtron",
    "isotron",
    # Tangent kernels
    "PLStar",
    "RateCheck",
    "check_rate",
    "kernel_distance",
    "kernel_drift",
    "lazy_network",
    "ntk_limit",
    "pl_star",
    "smallest_eigenvalue",
    "tangent_kernel",
    # Linear networks
    "LinearCriticalPoint",
    "LinearCriticalPoints",
    "LinearNetworkLoss",
    "classify_linear",
    "linear_critical_points",
    # Smooth networks
    "PLStarBall",
    "SmoothNetwork",
    "hessian_bound",
    "hessian_norm",
    "pl_star_ball",
    "smooth_network",
    # Teacher and student
    "population_gradient",
    "population_hessian",
    "population_loss",
    "symmetric_minimum",
    # Adding a neuron, and exchanging two
    "PermutationDetour",
    "PermutationPath",
    "PermutationSaddle",
    "PopulationLoss",
    "count_critical_subspaces",
    "count_minimum_subspaces",
    "permutation_detour",
    "permutation_path",
    "permutation_saddle",
    "split_neuron",
    "splitting_matrices",
    # Functions with a known landscape
    "Improvement",
    "JointTensorDecomposition",
    "MatrixCompletion",
    "MatrixFactorization",
    "MatrixSensing",
    "QuadraticNetwork",
    "SecondOrderPoints",
    "SmoothFunction",
    "SphereFunction",
    "SphericalDictionary",
    "TensorDecomposition",
    "improving_direction",
    "second_order_points",
]
