"""Many problems in a row: paths over the strength, sweeps over the width; resumable."""

from .strengths import Change, PathRecord, RegularizationPath, regularization_path
from .widths import WidthRecord, WidthSweep, width_sweep

__all__ = [
    "Change",
    "PathRecord",
    "RegularizationPath",
    "WidthRecord",
    "WidthSweep",
    "regularization_path",
    "width_sweep",
]
