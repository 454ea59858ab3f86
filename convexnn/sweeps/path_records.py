"""The records of a path over strengths, and where quantities change along it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._utils.display import Shown, optimum
from ..network import TwoLayerReLU
from ..resumable.records import NOT_IN_FRAMES, Record, Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..plotting import RegularizationPathDisplay

WATCHED = ("m_star", "M_star", "is_unique")
WEIGHTS = ("hidden_weights", "output_weights", "hidden_bias", "intercept", "skip_weights")


@dataclass(frozen=True, repr=False)
class PathRecord(Record):
    """One strength of a path. None stands for what is not known without a proof or a list of the vertices.

    Attributes
    ----------
    beta : float
    optimal_value, lower_bound, relative_gap : float
        p*, or the best value known where `proof` is not exact; what is proven to be below it; the gap between them.
    proof : {"exact", "bound", "heuristic"}
    width : int
        Neurons of `network`, at least m*.
    loss, penalty : float
        The two parts of its objective: ``sum_i w_i loss(y_i, f(x_i))`` and ``beta/2 sum_j (||u_j||^2 + alpha_j^2)``.
    m_star, M_star, m_star_bounds, M_star_bounds, is_unique, is_unique_function, dimension, n_directions, margin
        See `OptimalSet`; all of them None when optimality was not proven, the loss is not strictly convex, or there are
        several outputs.
    n_iter : int
        Rounds of the solver.
    network : TwoLayerReLU
        An optimal network, or the best one found.
    seconds : float
        Time that the record took; no part of comparisons.
    """

    beta: float
    optimal_value: float
    lower_bound: float
    relative_gap: float
    proof: str
    width: int
    loss: float
    penalty: float
    m_star: int | None
    M_star: int | None
    m_star_bounds: tuple[int, int] | None
    M_star_bounds: tuple[int, int] | None
    is_unique: bool | None
    is_unique_function: bool | None
    dimension: int | None
    n_directions: int | None
    margin: float | None
    n_iter: int
    network: TwoLayerReLU = field(compare=False, metadata=NOT_IN_FRAMES)
    seconds: float = field(compare=False)

    def line(self) -> str:
        """Return the figures for a line of output."""
        widths = "m* and M* not known" if self.m_star is None else f"m* {self.m_star}, M* {self.M_star}"
        return f"beta {self.beta:.6g}, p* {self.optimal_value:.10g} ({self.proof}), {widths}"

    def to_json(self) -> dict[str, Any]:
        """Return the record as a dict that JSON can write, to the last bit."""
        # Weights as lists of floats, which JSON writes to the last bit, and the inputs of a network without neurons.
        weights = {name: getattr(self.network, name) for name in WEIGHTS}
        lists = {name: None if value is None else np.asarray(value).tolist() for name, value in weights.items()}
        shape = {"n_inputs": self.network.n_inputs}
        if self.network.output_weights.ndim == 2:
            shape["n_outputs"] = self.network.output_weights.shape[1]
        return super().to_json() | {"network": lists | shape}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the record that `to_json` gave, after JSON has written and read it."""
        weights = dict(values["network"])
        weights["hidden_weights"] = np.reshape(weights["hidden_weights"], (-1, weights.pop("n_inputs")))
        if "n_outputs" in weights:  # without neurons a list does not say how many columns it has
            weights["output_weights"] = np.reshape(weights["output_weights"], (-1, weights.pop("n_outputs")))
        return super().from_json(values | {"network": TwoLayerReLU(**weights)})

    def shown(self) -> dict[str, str]:
        """Return what a table shows, a dict of texts."""
        return {
            "beta": f"{self.beta:.6g}",
            "p*": optimum(self.optimal_value, self.lower_bound, self.proof),
            "width": str(self.width),
            "m*": "-" if self.m_star is None else str(self.m_star),
            "M*": "-" if self.M_star is None else str(self.M_star),
            "one network": "-" if self.is_unique is None else str(self.is_unique),
        }


@dataclass(frozen=True, repr=False)
class Change(Shown):
    """Where a quantity differs between two neighbouring strengths of a path.

    Attributes
    ----------
    quantity : {"m_star", "M_star", "is_unique"}
    before, after
        Its values at the larger and at the smaller strength.
    beta_before, beta_after : float
        The two strengths, the larger one first.
    """

    quantity: str
    before: int | bool
    after: int | bool
    beta_before: float
    beta_after: float

    def _shown(self):
        pairs = [("before", str(self.before)), ("after", str(self.after))]
        return f"Change of {self.quantity}", [*pairs, ("beta", f"{self.beta_before:.6g} to {self.beta_after:.6g}")]

    def __repr__(self):
        return (
            f"Change({self.quantity}: {self.before} to {self.after} between beta {self.beta_before:.6g} and "
            f"{self.beta_after:.6g})"
        )


@dataclass(frozen=True, repr=False)
class RegularizationPath(Records):
    """The records of `regularization_path`, one per strength.

    Attributes
    ----------
    records : tuple of PathRecord
        In decreasing order of beta.
    complete : bool
        False when an interrupt left some out.
    """

    records: tuple[PathRecord, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Where m*, M* or uniqueness change between neighbours, a tuple of `Change`; what is not known is no change."""
        return tuple(change for pair in pairwise(self.records) for change in changes_between(*pair))

    def __repr__(self):
        first, last = self.records[0], self.records[-1]
        proven = sum(record.proof == "exact" for record in self.records)
        return (
            f"RegularizationPath({len(self)} strengths from {first.beta:.6g} to {last.beta:.6g}, {proven} proven, "
            f"{len(self.changes)} changes{'' if self.complete else ', not complete'})"
        )

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> RegularizationPathDisplay:
        """Draw the path and return its `convexnn.plotting.RegularizationPathDisplay`, whose arguments these are."""
        from ..plotting import RegularizationPathDisplay

        return RegularizationPathDisplay.from_path(self).plot(ax, **kwargs)


def changes_between(upper, lower):
    """Return a `Change` for every watched quantity that differs between two records."""
    values = {name: (getattr(upper, name), getattr(lower, name)) for name in WATCHED}
    return [
        Change(name, before, after, upper.beta, lower.beta)
        for name, (before, after) in values.items()
        if None not in (before, after) and before != after
    ]
