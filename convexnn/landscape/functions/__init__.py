"""Functions with a known landscape, and the search for their second-order points.

`SmoothFunction` says what a function is (a value, a gradient and a Hessian of a flat vector), `SphereFunction` what it
is on spheres. `second_order_points` goes from many starts to second-order points and says which of them are global;
`improving_direction` returns the way down that a proof names at a point. The functions:

`MatrixFactorization`, `MatrixSensing`, `MatrixCompletion`
    Matrices of low rank by one factor or by two.
`TensorDecomposition`, `JointTensorDecomposition`
    One component of an orthogonal tensor, or all of them.
`SphericalDictionary`
    Directions in which data are sparse.
`QuadraticNetwork`
    Networks with the activation t^2.
`PopulationLoss`
    The loss of teacher and student.
`SampleGLM`, `PopulationGLM`
    Generalised linear models, which `glmtron` and `isotron` train.
`LinearNetworkLoss`
    The loss of a linear network; `linear_critical_points` and `classify_linear` are about its critical points.
"""

from .base import SmoothFunction, SphereFunction
from .dictionary import SphericalDictionary
from .directions import Improvement, improving_direction
from .glm import InnerProductParts, LossParts, PopulationGLM, SampleGLM
from .glm_training import GLMFit, glmtron, isotron
from .linear_networks import LinearNetworkLoss
from .linear_points import LinearCriticalPoint, LinearCriticalPoints, classify_linear, linear_critical_points
from .matrices import MatrixCompletion, MatrixFactorization, MatrixSensing
from .population import PopulationLoss
from .quadratic_networks import QuadraticNetwork
from .search import SecondOrderPoints, second_order_points
from .tensors import JointTensorDecomposition, TensorDecomposition

__all__ = [
    "Improvement",
    "JointTensorDecomposition",
    "MatrixCompletion",
    "MatrixFactorization",
    "MatrixSensing",
    "PopulationLoss",
    "QuadraticNetwork",
    "SecondOrderPoints",
    "SmoothFunction",
    "SphereFunction",
    "SphericalDictionary",
    "TensorDecomposition",
    "improving_direction",
    "second_order_points",
    # Generalised linear models
    "GLMFit",
    "InnerProductParts",
    "LossParts",
    "PopulationGLM",
    "SampleGLM",
    "glmtron",
    "isotron",
    # Linear networks
    "LinearCriticalPoint",
    "LinearCriticalPoints",
    "LinearNetworkLoss",
    "classify_linear",
    "linear_critical_points",
]
