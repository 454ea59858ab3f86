"""The optimum of one problem and the set of its optima, as far as a sweep knows them."""

from dataclasses import dataclass, fields
from typing import Any, Self

from ..exceptions import VertexLimitError
from ..solvers.base import LARGEST_PROVEN_GAP, is_proven


@dataclass(frozen=True)
class KnownOptimum:
    """The optimal value and the shape of the set of optima; None is what is not known without the set.

    Attributes
    ----------
    optimal_value, lower_bound, relative_gap, proof
        As in the `Certificate`.
    m_star, M_star, m_star_bounds, M_star_bounds, is_unique, is_unique_function, dimension, n_directions, margin
        As in the `OptimalSet`.
    """

    optimal_value: float
    lower_bound: float
    relative_gap: float
    proof: str
    m_star: int | None = None
    M_star: int | None = None
    m_star_bounds: tuple[int, int] | None = None
    M_star_bounds: tuple[int, int] | None = None
    is_unique: bool | None = None
    is_unique_function: bool | None = None
    dimension: int | None = None
    n_directions: int | None = None
    margin: float | None = None

    @classmethod
    def of(cls, solved: Any) -> Self:
        """Return what is known after `solve_set`, from its `SolvedSet`."""
        certificate, found = solved.solution.certificate, solved.optimal_set
        value = certificate.primal, certificate.dual, certificate.relative_gap, certificate.proof
        if found is None:
            return cls(*value)
        return cls(
            *value,
            m_star=found.m_star,
            M_star=found.M_star,
            m_star_bounds=found.m_star_bounds,
            M_star_bounds=found.M_star_bounds,
            is_unique=found.is_unique,
            is_unique_function=found.is_unique_function,
            dimension=found.dimension,
            n_directions=len(found.signs),
            margin=float(found.margin),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entries as a dict that JSON can write."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return what `to_json` gave, after JSON has written and read it."""
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**kept)


@dataclass(frozen=True)
class Step:
    """The step of the staircase at one width: components and isolated points of the optima, and the regime."""

    n_components: int | None = None
    n_isolated: int | None = None
    regime: str | None = None


@dataclass(frozen=True)
class OptimumOfWidths:
    """The part of a record that all widths share: the known optimum, and the `Step` of every width in their order."""

    known: KnownOptimum
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, solved: Any, widths: tuple[int, ...], connected_from: int | None = None) -> Self:
        """Return what is known after `solve_set`; steps are empty without a set or a list of its vertices.

        Without a set the optima of at least `connected_from` neurons are known to be connected where there are any.
        """
        known, found = KnownOptimum.of(solved), solved.optimal_set
        if connected_from is not None and is_proven(solved.solution.certificate, LARGEST_PROVEN_GAP):
            connected = Step(n_components=1, regime="connected")
            return cls(known, tuple(connected if width >= connected_from else Step() for width in widths))
        try:
            stairs = {} if found is None else found.staircase(max(widths))
        except VertexLimitError:
            stairs = {}
        if not stairs:
            return cls(known, (Step(),) * len(widths))
        names = [entry.name for entry in fields(Step)]
        return cls(known, tuple(Step(*(stairs[width][name] for name in names)) for width in widths))

    def to_json(self) -> dict[str, Any]:
        """Return the record as a dict that JSON can write."""
        return {"known": self.known.to_json(), "steps": [list(vars(step).values()) for step in self.steps]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return what `to_json` gave, after JSON has written and read it."""
        return cls(KnownOptimum.from_json(values["known"]), tuple(Step(*step) for step in values["steps"]))
