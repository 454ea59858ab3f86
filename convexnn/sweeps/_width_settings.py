"""The settings of a sweep over widths: all that its records depend on besides the data."""

from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class WidthSettings:
    """Checked settings of `width_sweep`, whose parameters they are.

    Attributes
    ----------
    widths : tuple of int
        Distinct, in increasing order.
    descent : dict
        The options of a descent, as `convexnn.landscape.descent.check_options` returns them.
    random_state : int
        Source of the starts.
    """

    beta: float
    widths: tuple[int, ...]
    n_runs: int
    tol: float
    descent: dict[str, Any]
    labels: bool
    proof: str
    vertex_limit: int
    time_limit: float | None
    random_state: int

    def to_json(self) -> dict[str, Any]:
        """Return the settings as the header of a checkpoint has them."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_json(cls, header: dict[str, Any]) -> Self:
        """Return the settings in the header of a checkpoint, which has other entries too."""
        values = {entry.name: header[entry.name] for entry in fields(cls)}
        return cls(**values | {"widths": tuple(values["widths"])})
