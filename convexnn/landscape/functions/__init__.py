"""Functions with a known landscape, and the search for their second-order points.

`SmoothFunction` says what a function is (a value, a gradient and a Hessian of a flat vector), `SphereFunction` what it
is on spheres. `second_order_points` goes from many starts to second-order points and says which of them are global.
`SampleGLM` and `PopulationGLM` are generalised linear models, which `glmtron` and `isotron` train.
`LinearNetworkLoss` is the loss of a linear network; `linear_critical_points` and `classify_linear` are about its
critical points.
"""

from .base import SmoothFunction, SphereFunction
from .glm import InnerProductParts, LossParts, PopulationGLM, SampleGLM
from .glm_training import GLMFit, glmtron, isotron
from .linear_networks import LinearNetworkLoss
from .linear_points import LinearCriticalPoint, LinearCriticalPoints, classify_linear, linear_critical_points
from .population import PopulationLoss
from .search import SecondOrderPoints, second_order_points

__all__ = [
    "PopulationLoss",
    "SecondOrderPoints",
    "SmoothFunction",
    "SphereFunction",
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
