"""The results of a search for the price and of a proof, and the words and budgets that they share."""

from dataclasses import dataclass

import numpy as np

from .._utils.display import Shown, figure, percent_above, share_above

PROOFS = ("auto", "exact", "bound", "heuristic")
AUTO_WORK = 750_000_000  # nanoseconds of a proof of "auto": about a second of one core
VECTOR_WORK = 2_000_000_000  # the same for several outputs, two to four seconds: their cones cost more
MIN_TREE_WORK = 10_000_000  # nanoseconds that a tree is given in any case, a hundredth of a second
PRICE_TOLERANCE = 1e-7  # a price is exact where its bounds differ by at most this share
N_STARTS = 128  # random ascents for either sign, by default
FEW_STARTS = 16  # random ascents where a tree is done at once, or the budget is small
LARGEST_OPTIMAL_GAP = 1e-6  # a network is called optimal up to this proven relative gap
VERDICTS = {
    "optimal": "globally optimal",
    "not proven": "optimality not proven",
    "contradiction": "contradiction: the lower bound is above the objective; nothing is proven, please report this",
}
# What stands behind a gap that proves optimality, by how the dual constraint was bounded.
KINDS = {
    "exact": "proven (exact)",
    "bound": "proven (a bound: valid, perhaps loose)",
    "heuristic": "proven (a cheap bound: valid, loose; no search was made)",
}
# What stands behind a gap that does not: the bound on the gap is proven, and optimality is not.
BOUNDINGS = {
    "exact": "dual constraint bounded exactly",
    "bound": "dual constraint bounded, perhaps loosely",
    "heuristic": "dual constraint bounded loosely, without a search",
}


@dataclass(frozen=True, repr=False)
class Price(Shown):
    """Largest ``|nu^T (X u)_+|`` over the unit ball, as far as it is known.

    Attributes
    ----------
    value : float
        The value reached at `direction`: a lower bound on the maximum.
    upper_bound : float
        A valid upper bound on the maximum, float64 rounding of the search included.
    direction : ndarray of shape (n_features,)
        Unit vector at which `value` is reached; zeros when the value is 0.
    sign : int
        Sign of ``nu^T (X direction)_+``; 0 when the value is 0. For several outputs it is 1 or 0: the values are norms.
    proof : str
        ``"exact"``: the upper bound is at most ``1 + 1e-7`` times `value` (or the level that the caller asked about),
        or both are 0 by construction; ``"bound"``: it is valid and may be loose, also because double precision does
        not resolve more; ``"heuristic"``: the value comes from local ascents alone and the upper bound is valid and
        loose, that of a trust-region problem (see `duality.spectral`).
    n_nodes : int
        Cones that the branch and bound has bounded.
    maximizers : ndarray of shape (K, n_features) or None
        All maximisers, when they were asked for and the proof is exact; none where the price is 0, which every
        direction reaches.
    local_directions, local_signs, local_values : ndarrays of shape (L, n_features), (L,) and (L,)
        The distinct local maxima of ``|nu^T (X u)_+|`` that were met, the largest first.
    """

    value: float
    upper_bound: float
    direction: np.ndarray
    sign: int
    proof: str
    n_nodes: int = 0
    maximizers: np.ndarray | None = None
    local_directions: np.ndarray | None = None
    local_signs: np.ndarray | None = None
    local_values: np.ndarray | None = None

    def __repr__(self):
        return f"Price(value={self.value:.10g}, upper_bound={self.upper_bound:.10g}, proof={self.proof!r})"

    def _shown(self):
        known = {"exact": "exact", "bound": "a valid bound, perhaps loose", "heuristic": "local ascents, no proof"}
        return f"Price: {known[self.proof]}", [
            ("largest value found", figure(self.value)),
            ("upper bound", figure(self.upper_bound)),
            ("cones bounded", f"{self.n_nodes:,}"),
        ]


@dataclass(frozen=True, repr=False)
class Bracket(Shown):
    """An objective between two numbers, and the rules that all certificates share.

    Attributes
    ----------
    primal : float
        The objective.
    dual : float
        A lower bound on it.
    dual_point : ndarray
        The point that proves the bound.
    """

    primal: float
    dual: float
    dual_point: np.ndarray

    @property
    def gap(self) -> float:
        """``primal - dual``: nothing that the certificate speaks of is better by more."""
        return self.primal - self.dual

    @property
    def relative_gap(self) -> float:
        """``gap / primal``, 0 where the gap is not positive."""
        return relative_to(self.primal, self.gap)

    @property
    def status(self) -> str:
        """``"optimal"`` when the proven relative gap is at most 1e-6, else ``"not proven"``."""
        return "optimal" if self.relative_gap <= LARGEST_OPTIMAL_GAP else "not proven"

    @property
    def _claim(self):
        """What is proven, or that it is not."""
        return VERDICTS[self.status]

    @property
    def _verdict(self):
        """The first line: what is proven, and where optimality is not, how large the gap can be."""
        if self.status != "not proven":
            return self._claim
        return f"{self._claim}: gap at most {percent_above(self.relative_gap)} ({BOUNDINGS[self._bounding]})"

    @property
    def _bounding(self):
        """How the dual constraint was bounded, one of PROOFS."""
        return self.proof

    @property
    def _about_gap(self):
        """What is printed behind the relative gap: that it is a proof only where it proves optimality."""
        if self.status == "contradiction":
            return "nothing is proven"
        return "at most" if self.status == "not proven" else KINDS[self._bounding]

    @property
    def _detail(self):
        """The text that `repr` ends with."""
        return f"proof={self.proof!r}"

    def __repr__(self):
        return (
            f"{type(self).__name__}(primal={self.primal:.10g}, dual={self.dual:.10g}, "
            f"relative_gap={share_above(self.relative_gap)}, {self._detail})"
        )


@dataclass(frozen=True, repr=False)
class Certificate(Bracket):
    """The proof of how far a network is from the best one.

    X, y and the weights are taken for the rational numbers that their float64 entries are, and so is the network.

    Attributes
    ----------
    primal : float
        The objective ``sum_i w_i loss(y_i, f(x_i)) + beta/2 sum_j (||u_j||^2 + alpha_j^2)`` of the network as given, in
        exact arithmetic and rounded up.
    dual : float
        A valid lower bound on the objective of every network of every width with real weights (never below 0).
    dual_point : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The point that proves it: ``nu = -grad L`` at the refitted free terms, scaled into the proved bound. It is
        orthogonal to all that the free terms span but for the rounding of its entries, which `dual` allows for.
    proof : {"exact", "bound", "heuristic"}
        How the price of the dual point was bounded: within a stated tolerance, validly but perhaps loosely, or by
        a trust-region problem beside local ascents (see `duality.spectral`). `dual` is valid in all three cases.
    heuristic_gap : float
        The relative gap if the largest price that local ascents have found were the largest there is. Not a proof.
    price : Price
        The price of the dual point before scaling.
    rounding : float
        The loss in `primal` where every row is fitted to rounding, else 0: where each residual is within 16 units in
        the last place of the target and of what the best free terms add up there (at most 1e6 times the largest
        target).
    """

    proof: str
    heuristic_gap: float
    price: Price
    rounding: float = 0.0

    @property
    def relative_gap(self) -> float:
        """``(gap - rounding) / primal``, 0 where that is not positive, and inf for a contradiction (see `status`)."""
        if self.is_contradiction:
            return np.inf
        return relative_to(self.primal, self.gap - self.rounding)

    @property
    def is_contradiction(self) -> bool:
        """Whether the lower bound is above the objective: an error of the program, and no proof of anything."""
        return self.dual > self.primal + self.rounding

    @property
    def status(self) -> str:
        """``"optimal"`` when the proven relative gap is at most 1e-6, else ``"not proven"``; or ``"contradiction"``."""
        if self.is_contradiction:
            return "contradiction"
        return super().status

    def __str__(self):
        return (
            f"Certificate: {self._verdict}\n"
            f"  objective     {self.primal:.10g}\n"
            f"  lower bound   {self.dual:.10g}  (no network of any width is below)\n"
            f"  relative gap  {share_above(self.relative_gap)}  {self._about_gap}\n"
            f"  visible gap   {self.heuristic_gap:.2e}  (local ascents, no proof)"
        )

    def _shown(self):
        return f"Certificate: {self._verdict}", [
            ("objective", figure(self.primal)),
            ("lower bound", f"{self.dual:.10g}, no network of any width is below"),
            ("relative gap", f"{share_above(self.relative_gap)}, {self._about_gap}"),
            ("visible gap", f"{self.heuristic_gap:.2e}, local ascents, no proof"),
            ("cones bounded", f"{self.price.n_nodes:,}"),
        ]


@dataclass(frozen=True, repr=False)
class RestrictedCertificate(Certificate):
    """The proof, over all patterns, of how good a network is that was trained over given ones.

    Attributes
    ----------
    pattern_gap : float or None
        The proven relative gap over the given patterns; None where the solver proves none.
    """

    pattern_gap: float | None = None

    def __str__(self):
        return "\n".join([super().__str__(), *(f"  {name:<14}  {text}" for name, text in self._patterns())])

    def _shown(self):
        title, rows = super()._shown()
        return title, [*rows, *self._patterns()]

    def _patterns(self):
        """Say in words over which patterns optimality is proven."""
        gap = (
            "" if self.pattern_gap is None else f", {share_above(self.pattern_gap)} from the optimum over them (proven)"
        )
        rows = [("given patterns", f"trained over these only{gap}")]
        if self.status == "not proven":
            loss = f"others may lower the objective by up to {percent_above(self.relative_gap)}"
            rows.append(("all patterns", f"optimality not proven: {loss}"))
        return rows


def certificate_of(problem, network, dual_point, leak, price):
    """Return the `Certificate` of a network by a dual point (see `Problem.orthogonal`) and its `Price`."""
    primal, rounding = problem.objective_above(network)
    dual, scale = problem.dual_bound(dual_point, price.upper_bound, leak)
    seen = problem.dual_bound(dual_point, price.value, leak)[0]
    visible = relative_to(primal, primal - seen - rounding)
    return Certificate(primal, dual, problem.spread(scale * dual_point), price.proof, visible, price, rounding)


def work_of(proof, max_work, most):
    """Return the budget of a tree, as options of `branch_and_bound`.

    ``"exact"`` has none, ``"bound"`` has `most`, and ``"auto"`` has `max_work`, at least MIN_TREE_WORK, or `most` where
    that is not given: a tree that is expected to end is followed up to `most`.
    """
    if proof == "exact":
        return {}
    if max_work is None or proof == "bound":
        return {"max_work": most}
    return {"max_work": min(max(max_work, MIN_TREE_WORK), most), "most_work": most}


def relative_to(primal, gap):
    """Return a gap relative to an objective: 0 where it is not positive, and 1 where the objective leaves float64."""
    if gap <= 0.0:
        return 0.0
    return float(gap / primal) if np.isfinite(gap) and np.isfinite(primal) else 1.0
