"""Many problems in a row: paths over the strength, sweeps over the width; resumable."""

from .._moved import old_names_of
from .exact_records import ExactPath, IntervalRecord, PathEvent, PathPoint
from .path_records import Change, PathRecord, RegularizationPath
from .strengths import regularization_path
from .width_records import WidthRecord, WidthSweep
from .widths import width_sweep

__all__ = [
    "Change",
    "ExactPath",
    "IntervalRecord",
    "PathEvent",
    "PathPoint",
    "PathRecord",
    "RegularizationPath",
    "WidthRecord",
    "WidthSweep",
    "regularization_path",
    "width_sweep",
]

__getattr__ = old_names_of(__name__)
