"""Many problems in a row: paths over the strength, sweeps over the width; resumable."""

from .spurious import SpuriousRecord, SpuriousTable, spurious_table
from .strengths import Change, PathRecord, RegularizationPath, regularization_path
from .widths import WidthRecord, WidthSweep, width_sweep

__all__ = [
    "Change",
    "PathRecord",
    "RegularizationPath",
    "SpuriousRecord",
    "SpuriousTable",
    "WidthRecord",
    "WidthSweep",
    "regularization_path",
    "spurious_table",
    "width_sweep",
]
