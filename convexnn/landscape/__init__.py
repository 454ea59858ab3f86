"""What gradient descent finds, judged by the certificate."""

from .barriers import Barrier, loss_barrier
from .curves import HeuristicCurve, bezier_path, polygonal_path
from .descent import Descents, gradient_descent
from .labels import Label, Step, classify
from .matching import Matching, match_neurons
from .merging import merge_optimal
from .planes import PlaneGrid, plane_grid
from .polishing import escape, polish

__all__ = [
    "Barrier",
    "Descents",
    "HeuristicCurve",
    "Label",
    "Matching",
    "PlaneGrid",
    "Step",
    "bezier_path",
    "classify",
    "escape",
    "gradient_descent",
    "loss_barrier",
    "match_neurons",
    "merge_optimal",
    "plane_grid",
    "polish",
    "polygonal_path",
]
